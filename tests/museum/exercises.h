/* exercises.h - the examples that teachers work through by hand, as tables: every value and every gradient on the way. */
#ifndef TAPEGRAD_TESTS_MUSEUM_EXERCISES_H
#define TAPEGRAD_TESTS_MUSEUM_EXERCISES_H

#include "museum/worked.h"

/* ---- expressions ---- */

static tg_tensor name(tg_tensor x, const char *text) { return tg_name(x, text); }

/* f = (x + y) z */
static tg_tensor sum_times(const tg_tensor x[]) { return name(tg_mul(name(tg_add(x[0], x[1]), "q"), x[2]), "f"); }

/* J = 3 (a + b c) */
static tg_tensor three_times(const tg_tensor x[]) { return name(tg_scale(name(tg_add(x[0], name(tg_mul(x[1], x[2]), "u")), "v"), 3), "J"); }

/* L = c (a + 2 b) */
static tg_tensor with_doubled(const tg_tensor x[]) { return name(tg_mul(x[2], name(tg_add(x[0], name(tg_scale(x[1], 2), "d")), "e")), "L"); }

/* e = (a + b) (b + 1): b is reached on two ways */
static tg_tensor two_ways(const tg_tensor x[]) { return name(tg_mul(name(tg_add(x[0], x[1]), "c"), name(tg_shift(x[1], 1), "d")), "e"); }

static tg_tensor twice(const tg_tensor x[]) { return name(tg_add(x[0], x[0]), "b"); }
static tg_tensor product_and_sum(const tg_tensor x[]) { return name(tg_mul(name(tg_mul(x[0], x[1]), "d"), name(tg_add(x[0], x[1]), "e")), "f"); }

/* L = (a b + c) f */
static tg_tensor chain(const tg_tensor x[]) { return name(tg_mul(name(tg_add(name(tg_mul(x[0], x[1]), "e"), x[2]), "d"), x[3]), "L"); }

/* 2 (x y + max(z, w)) */
static tg_tensor gates(const tg_tensor x[]) { return name(tg_scale(tg_add(tg_mul(x[0], x[1]), tg_maximum(x[2], x[3])), 2), "f"); }

static tg_tensor dot_of(const tg_tensor x[]) { return name(tg_add(tg_add(tg_mul(x[0], x[1]), tg_mul(x[2], x[3])), x[4]), "dot"); }
static tg_tensor neuron(const tg_tensor x[]) { return name(tg_sigmoid(dot_of(x)), "f"); }

/* The same sigmoid in its parts: 1 / (1 + e^-dot). */
static tg_tensor neuron_in_parts(const tg_tensor x[]) {
    const tg_tensor e = name(tg_exp(name(tg_neg(dot_of(x)), "n")), "e");
    return name(tg_reciprocal(name(tg_shift(e, 1), "p")), "f");
}

static tg_tensor tanh_neuron(const tg_tensor x[]) { return name(tg_tanh(dot_of(x)), "o"); }

/* (x + sigmoid(y)) / (sigmoid(x) + (x + y)^2) */
static tg_tensor staged(const tg_tensor x[]) {
    const tg_tensor num = name(tg_add(x[0], name(tg_sigmoid(x[1]), "sigy")), "num");
    const tg_tensor square = name(tg_square(name(tg_add(x[0], x[1]), "xpy")), "xpysqr");
    return name(tg_mul(num, name(tg_reciprocal(name(tg_add(name(tg_sigmoid(x[0]), "sigx"), square), "den")), "invden")), "f");
}

/* ln x1 + x1 x2 - sin x2 */
static tg_tensor wengert(const tg_tensor x[]) {
    const tg_tensor v4 = name(tg_add(name(tg_log(x[0]), "v1"), name(tg_mul(x[0], x[1]), "v2")), "v4");
    return name(tg_sub(v4, name(tg_sin(x[1]), "v3")), "v5");
}

/* (sin r + r - e^x2) (r - e^x2) with r = x1 / x2 */
static tg_tensor shared_part(const tg_tensor x[]) {
    const tg_tensor r = name(tg_div(x[0], x[1]), "v1"), v4 = name(tg_sub(r, name(tg_exp(x[1]), "v3")), "v4");
    return name(tg_mul(name(tg_add(name(tg_sin(r), "v2"), v4), "v5"), v4), "v6");
}

/* The expression of micrograd's README, in which everything is used again and again. */
static tg_tensor deep_reuse(const tg_tensor x[]) {
    const tg_tensor a = x[0], b = x[1];
    tg_tensor       c = tg_add(a, b), d = tg_add(tg_mul(a, b), tg_pow_scalar(b, 3));
    c = tg_add(c, tg_shift(c, 1));
    c = tg_add(c, tg_sub(tg_shift(c, 1), a));
    d = tg_add(d, tg_add(tg_scale(d, 2), tg_relu(tg_add(b, a))));
    d = tg_add(d, tg_add(tg_scale(d, 3), tg_relu(tg_sub(b, a))));
    const tg_tensor f = tg_square(tg_sub(c, d));
    return name(tg_add(tg_scale(f, 0.5), tg_scale(tg_reciprocal(f), 10)), "g");
}

/* (f3 - y)^2 with f3 = b3 + o3 cos(b2 + o2 exp(b1 + o1 sin(b0 + o0 x))); operands b0, o0, ..., b3, o3, x, y */
static tg_tensor sines(const tg_tensor x[]) {
    const tg_tensor h1 = name(tg_sin(name(tg_add(x[0], tg_mul(x[1], x[8])), "f0")), "h1");
    const tg_tensor h2 = name(tg_exp(name(tg_add(x[2], tg_mul(x[3], h1)), "f1")), "h2");
    const tg_tensor h3 = name(tg_cos(name(tg_add(x[4], tg_mul(x[5], h2)), "f2")), "h3");
    return name(tg_square(tg_sub(name(tg_add(x[6], tg_mul(x[7], h3)), "f3"), x[9])), "l");
}

static const worked expressions[] = {
    { "CS231n, a sum times a number", sum_times, 3, { ONE("x", -2, -4), ONE("y", 5, -4), ONE("z", -4, 3), ONE("q", 3, -4), ONE("f", -12, 1) } },
    { "Ng, a computation graph", three_times, 3,
      { ONE("a", 5, 3), ONE("b", 3, 6), ONE("c", 2, 9), ONE("u", 6, 3), ONE("v", 11, 3), ONE("J", 33, 1) } },
    { "Jurafsky and Martin", with_doubled, 3,
      { ONE("a", 3, -2), ONE("b", 1, -4), ONE("c", -2, 5), ONE("d", 2, -2), ONE("e", 5, -2), ONE("L", -10, 1) } },
    { "Olah, sum over paths", two_ways, 2, { ONE("a", 2, 2), ONE("b", 1, 5), ONE("c", 3, 2), ONE("d", 2, 3), ONE("e", 6, 1) } },
    { "micrograd, a + a", twice, 1, { ONE("a", 3, 2), ONE("b", 6, 1) } },
    { "micrograd, (a b)(a + b)", product_and_sum, 2, { ONE("a", -2, -3), ONE("b", 3, -8), ONE("d", -6, 1), ONE("e", 1, -6), ONE("f", -6, 1) } },
    { "Karpathy, (a b + c) f", chain, 4,
      { ONE("a", 2, 6), ONE("b", -3, -4), ONE("c", 10, -2), ONE("f", -2, 4), ONE("e", -6, -2), ONE("d", 4, -2), ONE("L", -8, 1) } },
    { "CS231n, gates", gates, 4, { ONE("x", 3, -8), ONE("y", -4, 6), ONE("z", 2, 2), ONE("w", -1, 0), ONE("f", -20, 1) } },
    { "CS231n, a neuron", neuron, 5,
      { ONE("w0", 2, -0.196611933241482), ONE("x0", -1, 0.393223866482964), ONE("w1", -3, -0.393223866482964), ONE("x1", -2, -0.589835799724446),
        ONE("w2", -3, 0.196611933241482), ONE("dot", 1, 0.196611933241482), ONE("f", 0.731058578630005, 1) } },
    { "CS231n, a neuron in parts", neuron_in_parts, 5,
      { ONE("w0", 2, -0.196611933241482), ONE("x0", -1, 0.393223866482964), ONE("w1", -3, -0.393223866482964), ONE("x1", -2, -0.589835799724446),
        ONE("w2", -3, 0.196611933241482), ONE("n", -1, -0.196611933241482), ONE("e", 0.367879441171442, -0.534446645388523),
        ONE("p", 1.36787944117144, -0.534446645388523), ONE("f", 0.731058578630005, 1) } },
    { "Karpathy, a neuron with tanh", tanh_neuron, 5,
      { ONE("x1", 2, -1.5), ONE("w1", -3, 1), ONE("x2", 0, 0.5), ONE("w2", 1, 0), ONE("b", 6.8813735870195432, 0.5),
        ONE("dot", 0.881373587019543, 0.5), ONE("o", 0.707106781186548, 1) } },
    { "CS231n, in stages", staged, 2,
      { ONE("x", 3, 2.05956979557217), ONE("y", -4, 1.59223275148381), ONE("sigy", 0.0179862099620916, 0.512144448839632),
        ONE("num", 3.01798620996209, 0.512144448839632), ONE("sigx", 0.952574126822433, -0.791593447272594), ONE("xpy", -1, 1.58318689454519),
        ONE("xpysqr", 1, -0.791593447272594), ONE("den", 1.95257412682243, -0.791593447272594), ONE("invden", 0.512144448839632, 3.01798620996209),
        ONE("f", 1.54564488410664, 1) } },
    { "Baydin et al. 2018", wengert, 2,
      { ONE("x1", 2, 5.5), ONE("x2", 5, 1.71633781453677), ONE("v1", 0.693147180559945, 1), ONE("v2", 10, 1), ONE("v3", -0.958924274663138, -1),
        ONE("v4", 10.6931471805599, 1), ONE("v5", 11.6520714552231, 1) } },
    { "Griewank and Walther 2008", shared_part, 2,
      { ONE("x1", 1.5, 3.01184332767391), ONE("x2", 0.5, -13.7239615093141), ONE("v1", 3, 1.50592166383695),
        ONE("v2", 0.141120008059867, 1.35127872929987), ONE("v3", 1.64872127070013, -2.84367746665961), ONE("v4", 1.35127872929987, 2.84367746665961),
        ONE("v5", 1.49239873735974, 1.35127872929987), ONE("v6", 2.0166466694282, 1) } },
    { "micrograd, the README", deep_reuse, 2, { ONE("a", -4, 138.8338192419825), ONE("b", 2, 645.5772594752186), ONE("g", 24.70408163265306, 1) } },
    { "Prince 2023, problem 7.1", sines, 10,
      { ONE("b0", 1, 2.28090062216935), ONE("o0", 0.1, 5.2460714309895), ONE("b1", 2, -17.0604665262677), ONE("o1", -0.4, -16.0792986567379),
        ONE("b2", -3, -1.6830577496003), ONE("o2", 2, -8.53023326313385), ONE("b3", 0.4, 0.744528216831849), ONE("o3", 3, 0.489468759920122),
        ONE("x", 2.3, NAN), ONE("y", 2, NAN), ONE("f0", 1.23, 2.28090062216935), ONE("h1", 0.942488801931697, 6.82418661050708),
        ONE("f1", 1.62300447922732, -17.0604665262677), ONE("h2", 5.06829505117078, -3.36611549920061), ONE("f2", 7.13659010234155, -1.6830577496003),
        ONE("h3", 0.657421369471975, 2.23358465049555), ONE("f3", 2.37226410841592, 0.744528216831849), ONE("l", 0.138580566414703, 1) } },
};

/* ---- nets: operands as matrices, deltas as the gradients of pre-activations ---- */

/* x, W1, b1, W2, b2, t: sum (t - o)^2 / 2 of a net of sigmoids */
static tg_tensor two_layers(const tg_tensor x[]) {
    const tg_tensor h = name(tg_sigmoid(name(tg_add(tg_matmul(x[0], x[1]), x[2]), "z1")), "h");
    const tg_tensor o = name(tg_sigmoid(name(tg_add(tg_matmul(h, x[3]), x[4]), "z2")), "o");
    return name(tg_scale(tg_sum(tg_square(tg_sub(x[5], o))), 0.5), "E");
}

/* The same with thresholds, which are subtracted, so that their gradients have the other sign. */
static tg_tensor with_thresholds(const tg_tensor x[]) {
    const tg_tensor h = name(tg_sigmoid(name(tg_sub(tg_matmul(x[0], x[1]), x[2]), "z1")), "h");
    const tg_tensor o = name(tg_sigmoid(name(tg_sub(tg_matmul(h, x[3]), x[4]), "z2")), "o");
    return name(tg_scale(tg_square(tg_sub(x[5], o)), 0.5), "E");
}

/* x, w, b, t: (t - sigmoid(x w + b))^2 */
static tg_tensor one_unit(const tg_tensor x[]) {
    const tg_tensor o = name(tg_sigmoid(name(tg_add(tg_matmul(x[0], x[1]), x[2]), "z")), "o");
    return name(tg_square(tg_sub(x[3], o)), "E");
}

static tg_tensor half_of_one_unit(const tg_tensor x[]) { return name(tg_scale(one_unit(x), 0.5), "C"); }

/* x, W, c, w, t: relu(x W + c) w of four examples at once */
static tg_tensor xor_by_relu(const tg_tensor x[]) {
    const tg_tensor h = name(tg_relu(tg_add(tg_matmul(x[0], x[1]), x[2])), "h"), o = name(tg_matmul(h, x[3]), "o");
    return name(tg_scale(tg_sum(tg_square(tg_sub(o, x[4]))), 0.5), "E");
}

#define MAZUR_HIDDEN \
    { "x", 1, 2, { .05, .10 }, { NAN, NAN } }, \
    { "W1", 2, 2, { .15, .25, .20, .30 }, { .000438567734474347, .00049771273526086, .000877135468948694, .00099542547052172 } }
#define MAZUR_OUTPUT { "W2", 2, 2, { .40, .50, .45, .55 }, { .0821670405642308, -.0226025404774751, .0826676278475333, -.0227402422159782 } }
#define MAZUR_VALUES \
    { "t", 1, 2, { .01, .99 }, { NAN, NAN } }, \
    { "z1", 1, 2, { .3775, .3925 }, { .00877135468948694, .0099542547052172 } }, \
    { "h", 1, 2, { .593269992107187, .596884378259767 }, { .0363503063931447, .0413703226487447 } }, \
    { "z2", 1, 2, { 1.10590596705977, 1.22492140409647 }, { .138498561628557, -.0380982365165562 } }, \
    { "o", 1, 2, { .751365069552316, .772928465321463 }, { .741365069552316, -.217071534678537 } }, ONE("E", .298371108760003, 1)

static const worked nets[] = {
    /* One bias for a whole layer has the sum of its deltas ... */
    { "Mazur 2015, shared biases", two_layers, 6,
      { MAZUR_HIDDEN, ONE("b1", .35, .0187256093947041), MAZUR_OUTPUT, ONE("b2", .60, .100400325112001), MAZUR_VALUES } },
    /* ... and one for each unit its own delta. */
    { "Mazur 2015, a bias for each unit", two_layers, 6,
      { MAZUR_HIDDEN, { "b1", 1, 2, { .35, .35 }, { .00877135468948694, .0099542547052172 } }, MAZUR_OUTPUT,
        { "b2", 1, 2, { .60, .60 }, { .138498561628557, -.0380982365165562 } }, MAZUR_VALUES } },
    { "Mazur 2015, the first output alone", two_layers, 6,
      { { "x", 1, 2, { .05, .10 }, { .00575420693565733, .00717240673124655 } }, { "W1", 2, 2, { .15, .25, .20, .30 }, { NAN, NAN, NAN, NAN } },
        { "b1", 1, 2, { .35, .35 }, { .0133679204228875, .0149960754888969 } },
        { "W2", 2, 1, { .40, .45 }, { .0821670405642308, .0826676278475333 } },
        ONE("b2", .60, .138498561628557), ONE("t", .01, NAN), { "z1", 1, 2, { .3775, .3925 }, { .0133679204228875, .0149960754888969 } },
        ONE("z2", 1.10590596705977, .138498561628557), ONE("E", .274811083176155, 1) } },
    /* The book's errors are minus these deltas, and computed from three digits. The second input is 0, and so are its weights' gradients. */
    { "Han and Kamber", two_layers, 6,
      { { "x", 1, 3, { 1, 0, 1 }, { NAN, NAN, NAN } },
        { "W1", 3, 2, { .2, -.3, .4, .1, -.5, .2 }, { .00872456196543326, .00654208506416899, 0, 0, .00872456196543326, .00654208506416899 } },
        { "b1", 1, 2, { -.4, .2 }, { .00872456196543326, .00654208506416899 } },
        { "W2", 2, 1, { -.3, -.2 }, { -.0435235040649497, -.0688610361033281 } }, ONE("b2", .1, -.131169078214345), ONE("t", 1, NAN),
        { "z1", 1, 2, { -.7, .1 }, { .00872456196543326, .00654208506416899 } },
        { "h", 1, 2, { .331812227831834, .52497918747894 }, { .0393507234643033, .0262338156428689 } },
        ONE("z2", -.104539505845338, -.131169078214345), ONE("o", .473888898823985, -.526111101176015), ONE("E", .138396445390319, 1) } },
    { "Negnevitsky, exclusive or of 1 and 1", with_thresholds, 6,
      { { "x", 1, 2, { 1, 1 }, { NAN, NAN } },
        { "W1", 2, 2, { .5, .9, .4, 1.0 }, { -.0381194779967612, .0147118207909485, -.0381194779967612, .0147118207909485 } },
        { "theta1", 1, 2, { .8, -.1 }, { .0381194779967612, -.0147118207909485 } },
        { "W2", 2, 1, { -1.2, 1.1 }, { .0668733470758386, .112198445393347 } }, ONE("theta2", .3, -.127382853779363), ONE("t", 0, NAN),
        { "z1", 1, 2, { .1, 2 }, { -.0381194779967612, .0147118207909485 } },
        { "h", 1, 2, { .52497918747894, .880797077977882 }, { -.152859424535236, .140121139157299 } },
        ONE("z2", .0389017608009427, .127382853779363), ONE("o", .509724213888678, .509724213888678), ONE("E", .129909387112216, 1) } },
    /* At its optimum a net has no gradient at all, in a batch of four too. */
    { "Goodfellow et al. 2016, exclusive or by relu", xor_by_relu, 5,
      { { "x", 4, 2, { 0, 0, 0, 1, 1, 0, 1, 1 }, { 0 } }, { "W", 2, 2, { 1, 1, 1, 1 }, { 0 } }, { "c", 1, 2, { 0, -1 }, { 0 } },
        { "w", 2, 1, { 1, -2 }, { 0 } }, { "t", 4, 1, { 0, 1, 1, 0 }, { 0 } }, { "h", 4, 2, { 0, 0, 1, 0, 1, 0, 2, 1 }, { 0 } },
        { "o", 4, 1, { 0, 1, 1, 0 }, { 0 } }, ONE("E", 0, 1) } },
    /* An input of 0 leaves its weight without a gradient. The loss has no 1/2 here. */
    { "one unit with a dead input", one_unit, 4,
      { { "x", 1, 2, { 0, .5 }, { -.0593999660479958, -.0950399456767933 } }, { "w", 2, 1, { .5, .8 }, { 0, -.0593999660479958 } },
        ONE("b", .5, -.118799932095992), ONE("t", 1, NAN), ONE("z", .9, -.118799932095992), ONE("o", .710949502625004, -.578100994749992),
        ONE("E", .0835501900327326, 1) } },
    /* The further off, the smaller the delta: the slope of the sigmoid. */
    { "Nielsen, chapter 3, from 0.82", half_of_one_unit, 4,
      { ONE("x", 1, NAN), ONE("w", .6, .121938332427543), ONE("b", .9, .121938332427543), ONE("t", 0, NAN), ONE("z", 1.5, .121938332427543),
        ONE("o", .817574476193644, .817574476193644), ONE("C", .334214012061655, 1) } },
    { "Nielsen, chapter 3, from 0.98", half_of_one_unit, 4,
      { ONE("x", 1, NAN), ONE("w", 2, .0173450210708401), ONE("b", 2, .0173450210708401), ONE("t", 0, NAN), ONE("z", 4, .0173450210708401),
        ONE("o", .982013790037908, .982013790037908), ONE("C", .482175541912309, 1) } },
};

#endif
