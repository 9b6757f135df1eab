/* test_nets.c - initial values, layers, activations, and steps that use several nets at once. */
#include "nn/nets.h"
#include "support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tapegrad/tapegrad.h>

/* ---- initial values ---- */

enum { IN = 120, OUT = 80, VALUES = IN * OUT };

static void initial(uint64_t seed, const char *name, tg_init init, double scale, double out[VALUES]) {
    tg_params   *params = tg_params_new(seed, &(tg_params_options){ .type = TG_F64 });
    tg_variable *v      = tg_variable_new(params, name, IN, OUT, &(tg_variable_options){ .init = init, .scale = scale });
    ck_assert_ptr_nonnull(v);
    ck_assert_int_eq(tg_variable_read_f64(v, out), TG_OK);
    tg_params_free(params);
}

typedef struct figures { double mean, variance, fourth, neighbours, largest; } figures;

/* neighbours: mean product of values one behind the other; fourth: the fourth moment. About zero, which is the mean to hold. */
static figures figures_of(const double x[VALUES]) {
    figures f = { 0 };
    for (int i = 0; i < VALUES; i++) {
        f.mean += x[i] / VALUES;
        f.variance += x[i] * x[i] / VALUES;
        f.fourth += pow(x[i], 4) / VALUES;
        f.neighbours += x[i] * x[(i + 1) % VALUES] / VALUES;
        f.largest = fmax(f.largest, fabs(x[i]));
    }
    return f;
}

/* Five standard deviations of each figure. The fourth moment over the squared variance is 3 for a normal and 9/5 for a uniform distribution, so the
 * variance of the variance is 2 and 4/5 of its square over the number of values. */
static void assert_distribution(const double x[VALUES], double variance, double bound) {
    const figures f = figures_of(x);
    const double  kurtosis = bound > 0 ? 1.8 : 3;
    ck_assert_double_lt(fabs(f.mean), 5 * sqrt(variance / VALUES));
    ck_assert_double_lt(fabs(f.neighbours), 5 * variance / sqrt(VALUES));
    ck_assert_double_lt(fabs(f.variance / variance - 1), 5 * sqrt((kurtosis - 1) / VALUES));
    ck_assert_double_lt(fabs(f.fourth / (f.variance * f.variance) - kurtosis), 0.3);
    if (bound > 0) ck_assert(f.largest <= bound && f.largest > 0.995 * bound);
    else ck_assert(f.largest > 3 * sqrt(variance) && f.largest < 6 * sqrt(variance));
}

START_TEST(initial_values_have_the_moments_of_their_distributions) {
    const struct { tg_init init; double variance, bound; } rows[] = {      /* for a scale of 1 */
        { TG_UNIFORM, 1.0 / 3, 1 },
        { TG_NORMAL, 1, 0 },
        { TG_GLOROT, 2.0 / (IN + OUT), sqrt(6.0 / (IN + OUT)) },
        { TG_GLOROT_NORMAL, 2.0 / (IN + OUT), 0 },
        { TG_HE, 2.0 / IN, 0 },
        { TG_HE_UNIFORM, 2.0 / IN, sqrt(6.0 / IN) },
        { TG_FAN_IN_UNIFORM, 1.0 / (3 * IN), 1 / sqrt(IN) },
    };
    static double x[VALUES];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int k = 0; k < 3; k++) {
            const double scale = k == 0 ? 0 : k == 1 ? 1 : 2.5, s = k == 2 ? 2.5 : 1;      /* 0: 1 */
            initial(17, "net/fc1/weight", rows[i].init, scale, x);
            assert_distribution(x, s * s * rows[i].variance, s * rows[i].bound);
        }
    }
}
END_TEST

START_TEST(constants_and_zeros) {
    static double x[VALUES];
    const struct { tg_init init; double scale, value; } rows[] = {
        { TG_DEFAULT_INIT, 3, 0 }, { TG_ZEROS, 3, 0 }, { TG_CONSTANT, 0, 1 }, { TG_CONSTANT, -0.25, -0.25 },
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        initial(1, "w", rows[k].init, rows[k].scale, x);
        for (int i = 0; i < VALUES; i++) ck_assert_double_eq(x[i], rows[k].value);
    }
}
END_TEST

START_TEST(initial_values_depend_on_seed_and_name_alone) {
    static double  alone[VALUES], among[VALUES], other[VALUES];
    static float   rounded[VALUES];
    const tg_type  types[2] = { TG_F64, TG_F32 };
    initial(17, "b", TG_GLOROT, 0, alone);
    for (int i = 0; i < 2; i++) {
        tg_params *params = tg_params_new(17, &(tg_params_options){ .type = types[i] });
        tg_variable_new(params, "a", 3, 5, &(tg_variable_options){ .init = TG_NORMAL });
        tg_variable_new(params, "s", 1, 1, &(tg_variable_options){ .state = true });
        tg_variable *b = tg_variable_new(params, "b", IN, OUT, &(tg_variable_options){ .init = TG_GLOROT, .group = i == 0 ? "last" : NULL });
        tg_variable_new(params, "c", 2, 2, &(tg_variable_options){ .init = TG_NORMAL });
        ck_assert_int_eq(tg_variable_read_f64(b, among), TG_OK);
        ck_assert_int_eq(tg_variable_read(b, rounded), TG_OK);
        for (int k = 0; k < VALUES; k++) ck_assert_double_eq(among[k], i == 0 ? alone[k] : (double)(float)alone[k]);
        for (int k = 0; k < VALUES; k++) ck_assert_float_eq(rounded[k], (float)alone[k]);
        tg_params_free(params);
    }
    for (int i = 0; i < 2; i++) {      /* another seed, another name: nothing in common */
        double product = 0;
        initial(i == 0 ? 18 : 17, i == 0 ? "b" : "c", TG_GLOROT, 0, other);
        for (int k = 0; k < VALUES; k++) product += alone[k] * other[k] / VALUES;
        ck_assert_double_lt(fabs(product), 5 * (2.0 / (IN + OUT)) / sqrt(VALUES));
    }
}
END_TEST

/* The variable that a layer or a net made has the values of one made by hand with this init. */
static void assert_filled(const tg_params *params, const char *name, tg_init init, double scale) {
    const tg_variable *made  = tg_variable_find(params, name);
    ck_assert_msg(made != NULL, "no \"%s\"", name);
    const tg_shape     shape = tg_variable_shape(made);
    tg_params         *hand  = tg_params_new(4, NULL);
    const tg_variable *same  = tg_variable_new(hand, name, shape.rows, shape.cols, &(tg_variable_options){ .init = init, .scale = scale });
    float              x[64], y[64];
    ck_assert_int_le(shape.rows * shape.cols, 64);
    ck_assert_int_eq(tg_variable_read(made, x), TG_OK);
    ck_assert_int_eq(tg_variable_read(same, y), TG_OK);
    ck_assert_mem_eq(x, y, (size_t)(shape.rows * shape.cols) * sizeof *x);
    tg_params_free(hand);
}

START_TEST(layers_choose_their_initial_values) {
    tg_params *params = tg_params_new(4, NULL);
    tg_mlp    *nets[3];
    nets[0] = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(4, 5, 3), .name = "rectified" });
    nets[1] = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(4, 5, 3), .name = "bent", .activation = "tanh" });
    nets[2] = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(4, 5, 3), .name = "chosen", .init = TG_NORMAL });
    tg_add_linear(params, "plain", 4, 5, NULL);
    const tg_linear_layer no_bias = tg_add_linear(params, "scaled", 4, 5, &(tg_linear_options){ .init = TG_UNIFORM, .scale = 3, .no_bias = true });
    tg_add_linear(params, "biased", 4, 5, &(tg_linear_options){ .bias_init = TG_CONSTANT });
    assert_filled(params, "rectified/fc1/weight", TG_HE, 0);
    assert_filled(params, "rectified/fc2/weight", TG_HE, 0);
    assert_filled(params, "rectified/fc1/bias", TG_ZEROS, 0);
    assert_filled(params, "bent/fc1/weight", TG_GLOROT, 0);
    assert_filled(params, "chosen/fc2/weight", TG_NORMAL, 0);
    assert_filled(params, "plain/weight", TG_FAN_IN_UNIFORM, 0);
    assert_filled(params, "scaled/weight", TG_UNIFORM, 3);
    assert_filled(params, "biased/bias", TG_CONSTANT, 0);
    ck_assert(no_bias.weight != NULL && no_bias.bias == NULL && tg_variable_find(params, "scaled/bias") == NULL);
    for (int i = 0; i < 3; i++) tg_mlp_free(nets[i]);
    tg_params_free(params);
}
END_TEST

/* ---- layers that are shared ---- */

enum { WIDE = 3 };

/* Sum of the squares of second(tanh(first(x))); its gradients by the weights. */
static void twice(tg_tape *tape, tg_linear_layer first, tg_linear_layer second, double *loss, double by_first[], double by_second[]) {
    static const float at[2 * WIDE] = { 1, -0.5f, 0.25f, 0.5f, 2, -1 };
    tg_begin(tape, NULL);
    const tg_tensor y = tg_sum(tg_square(tg_linear_forward(second, tg_tanh(tg_linear_forward(first, tg_input(tape, at, 2, WIDE))))));
    tg_tensor       g[2];
    ck_assert_int_eq(tg_gradients(y, TG_NONE, (tg_tensor[]){ tg_use(tape, first.weight), tg_use(tape, second.weight) }, 2, g, NULL), TG_OK);
    ck_assert_int_eq(tg_run_many((tg_tensor[]){ y, g[0], g[1] }, 3), TG_OK);
    *loss = tg_item(y);
    ck_assert_int_eq(tg_read_f64(g[0], by_first), TG_OK);
    ck_assert_int_eq(tg_read_f64(g[1], by_second), TG_OK);
}

START_TEST(a_layer_used_twice_sums_the_gradients_of_both_uses) {
    tg_params *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    tg_tape   *tape   = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    const tg_linear_layer one = tg_add_linear(params, "one", WIDE, WIDE, NULL), copy = tg_add_linear(params, "copy", WIDE, WIDE, NULL);
    double weights[WIDE * WIDE], loss[2], shared[2][WIDE * WIDE], first[WIDE * WIDE], second[WIDE * WIDE];
    ck_assert_int_eq(tg_variable_read_f64(one.weight, weights), TG_OK);
    ck_assert_int_eq(tg_variable_write_f64(copy.weight, weights), TG_OK);
    twice(tape, one, one, &loss[0], shared[0], shared[1]);
    twice(tape, one, copy, &loss[1], first, second);
    ck_assert_double_eq(loss[0], loss[1]);
    ck_assert_mem_eq(shared[0], shared[1], sizeof shared[0]);
    for (int i = 0; i < WIDE * WIDE; i++) ck_assert_double_eq_tol(shared[0][i], first[i] + second[i], 1e-14);
    tg_tape_free(tape);
    tg_params_free(params);
}
END_TEST

START_TEST(uses_of_a_layer_share_its_leaf_and_number_their_names) {
    static const float at[WIDE] = { 1, 2, 3 };
    tg_params *params = tg_params_new(1, NULL);
    tg_tape   *tape   = tg_tape_new(NULL);
    const tg_linear_layer layer = tg_add_linear(params, "outer/inner", WIDE, WIDE, NULL);
    const tg_tensor       first = tg_linear_forward(layer, tg_input(tape, at, 1, WIDE)), weight = tg_use(tape, layer.weight);
    const tg_tensor       second = tg_linear_forward(layer, first);
    ck_assert_uint_eq(tg_use(tape, layer.weight).id, weight.id);
    ck_assert_uint_eq(tg_find(tape, "outer/inner/pre_activation").id, first.id);
    ck_assert_uint_eq(tg_find(tape, "outer/inner/pre_activation#2").id, second.id);
    ck_assert_int_eq(tg_run(second), TG_OK);
    tg_tape_free(tape);
    tg_params_free(params);
}
END_TEST

/* ---- embeddings: rows of a variable chosen by integers ---- */

START_TEST(an_embedding_learns_in_the_rows_that_are_used) {
    enum { WORDS = 6, WIDE_ENOUGH = 3 };
    static const int32_t words[5] = { 4, 0, 4, 2, 0 }, kinds[5] = { 1, 0, 1, 2, 0 };
    tg_params    *params = tg_params_new(3, NULL);
    tg_tape      *tape   = tg_tape_new(NULL);
    tg_variable  *table  = tg_variable_new(params, "table", WORDS, WIDE_ENOUGH, &(tg_variable_options){ .init = TG_NORMAL, .file = TG_FILE_AS_IS });
    tg_optimizer *sgd    = tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 1 });
    float         before[WORDS * WIDE_ENOUGH], after[WORDS * WIDE_ENOUGH];
    double        loss   = 0;
    ck_assert_int_eq(tg_variable_read(table, before), TG_OK);
    for (int step = 0; step < 100; step++) {
        tg_begin(tape, NULL);
        const tg_tensor y = tg_cross_entropy(tg_gather_rows(tg_use(tape, table), tg_labels(tape, words, 5)), tg_labels(tape, kinds, 5));
        ck_assert_msg(tg_minimize(sgd, y) == TG_OK, "%s", tg_tape_error(tape));
        loss = tg_item(y);
    }
    ck_assert_double_lt(loss, 0.1);
    ck_assert_int_eq(tg_variable_read(table, after), TG_OK);
    for (int i = 0; i < WORDS; i++) {
        const bool used = i == 0 || i == 2 || i == 4;
        ck_assert((memcmp(before + i * WIDE_ENOUGH, after + i * WIDE_ENOUGH, WIDE_ENOUGH * sizeof *before) != 0) == used);
    }
    tg_optimizer_free(sgd);
    tg_tape_free(tape);
    tg_params_free(params);
}
END_TEST

/* ---- activations ---- */

TG_MAP1(test_bump, 1 / (1 + x * x), tg_mul(tg_scale(tg_mul(g, x), -2), tg_square(y)), .lo = -2, .hi = 2)

/* Of one input, one of the columns, in double. */
static double by_hand(const char *name, double x) {
    if (strcmp(name, "relu") == 0) return x > 0 ? x : 0;
    if (strcmp(name, "tanh") == 0) return tanh(x);
    if (strcmp(name, "sigmoid") == 0) return 1 / (1 + exp(-x));
    if (strcmp(name, "softplus") == 0) return log1p(exp(x));
    if (strcmp(name, "sin") == 0) return sin(x);
    if (strcmp(name, "square") == 0) return x * x;
    if (strcmp(name, "leaky_relu") == 0) return x > 0 ? x : 0.01 * x;
    if (strcmp(name, "elu") == 0 || strcmp(name, "celu") == 0) return x > 0 ? x : expm1(x);
    if (strcmp(name, "selu") == 0) return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * expm1(x));
    if (strcmp(name, "silu") == 0) return x / (1 + exp(-x));
    if (strcmp(name, "gelu") == 0) return x * erfc(-x / sqrt(2)) / 2;
    if (strcmp(name, "mish") == 0) return x * tanh(log1p(exp(x)));
    if (strcmp(name, "gaussian") == 0) return exp(-x * x);
    return 1 / (1 + x * x);      /* test_bump */
}

START_TEST(activations_are_found_by_name) {
    static const char *const names[] = { "relu", "tanh", "sigmoid", "softplus", "sin", "square", "leaky_relu", "elu", "celu", "selu", "silu",
                                         "gelu", "mish", "gaussian", "test_bump" };
    static const float       x[5]    = { -2, -0.5f, 0, 0.5f, 2 };
    ck_assert_int_eq(tg_register(&test_bump_op), TG_OK);
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        tg_params *params = tg_params_new(1, NULL);
        tg_mlp    *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(1, 1, 1), .activation = names[k], .init = TG_CONSTANT });
        float      out[5];
        ck_assert_msg(net != NULL, "%s", names[k]);      /* all weights are 1 and the biases 0 */
        ck_assert_int_eq(tg_predict(tg_mlp_model(net), x, 5, 1, out), TG_OK);
        for (int i = 0; i < 5; i++) ck_assert_double_eq_tol((double)out[i], by_hand(names[k], (double)x[i]), 1e-6);
        tg_mlp_free(net);
        tg_params_free(params);
    }
}
END_TEST

/* Whether the list behind "there are" has name as one of its items. */
static bool is_listed(const char *sentence, const char *name) {
    const char *list = strstr(sentence, "; there are ");
    ck_assert_ptr_nonnull(list);
    char items[600], item[80];
    snprintf(items, sizeof items, ", %s, ", list + strlen("; there are "));
    snprintf(item, sizeof item, ", %s, ", name);
    return strstr(items, item) != NULL;
}

/* Every op is listed as an activation or is refused as one. */
START_TEST(an_unknown_activation_lists_all_that_there_are) {
    const char *why;
    char        sentence[1000];
    tg_params  *params = tg_params_new(1, NULL);
    int         listed = 0;
    ck_assert_int_eq(tg_register(&test_bump_op), TG_OK);
    ck_assert_ptr_null(tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(2, 3, 1), .activation = "Relu" }));
    ck_assert_int_eq(tg_last_error(&why), TG_UNKNOWN_NAME);
    snprintf(sentence, sizeof sentence, "%s", why);
    ck_assert_ptr_nonnull(strstr(sentence, "\"Relu\""));
    for (int i = 0; i < tg_op_count(); i++) {
        const char *name  = tg_op_at(i)->name;
        tg_params  *fresh = tg_params_new(1, NULL);
        tg_mlp     *net   = tg_mlp_new(fresh, &(tg_mlp_options){ .sizes = TG_SIZES(2, 3, 1), .activation = name });
        ck_assert_msg((net != NULL) == is_listed(sentence, name), "%s in: %s", name, sentence);
        ck_assert(net != NULL || tg_last_error(NULL) == TG_UNKNOWN_NAME);
        listed += net != NULL;
        tg_mlp_free(net);
        tg_params_free(fresh);
    }
    ck_assert_int_ge(listed, 10);
    ck_assert(is_listed(sentence, "relu") && is_listed(sentence, "test_bump") && !is_listed(sentence, "add") && !is_listed(sentence, "stop"));
    ck_assert_int_eq(tg_variable_count(params), 0);      /* nothing was added before the failure */
    tg_params_free(params);
}
END_TEST

/* A sentence has an end: what does not fit is counted, so that nobody takes the list for complete. */
START_TEST(a_long_list_of_activations_says_how_many_more_there_are) {
    enum { EXTRA = 40 };
    static char  names[EXTRA][40];
    static tg_op ops[EXTRA];
    const char  *why;
    tg_params   *params = tg_params_new(1, NULL);
    int          listed = 0, more = 0;
    for (int i = 0; i < EXTRA; i++) {
        ops[i] = test_bump_op;
        snprintf(names[i], sizeof names[i], "test_of_a_list_that_is_too_long_%02d", i);
        ops[i].name = names[i];
        ck_assert_int_eq(tg_register(&ops[i]), TG_OK);
    }
    ck_assert_ptr_null(tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(2, 1), .activation = "none" }));
    ck_assert_int_eq(tg_last_error(&why), TG_UNKNOWN_NAME);
    for (int i = 0; i < EXTRA; i++) listed += strstr(why, names[i]) != NULL;
    ck_assert_msg(strstr(why, ", and ") != NULL && sscanf(strstr(why, ", and "), ", and %d more", &more) == 1, "%s", why);
    ck_assert_int_eq(listed + more, EXTRA);
    ck_assert_int_gt(listed, 2);
    tg_params_free(params);
}
END_TEST

/* A name that is no activation silently became relu. */
START_TEST(unknown_activations_and_bad_sizes) {
    tg_params  *params = tg_params_new(1, NULL);
    const char *why;
    ck_assert_ptr_null(tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(2, 3, 1), .activation = "rely" }));
    ck_assert_int_eq(tg_last_error(&why), TG_UNKNOWN_NAME);
    ck_assert(strstr(why, "relu") != NULL && strstr(why, "tanh") != NULL);
    ck_assert_ptr_null(tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(2, 0, 1) }));
    ck_assert_int_eq(tg_last_error(NULL), TG_BAD_ARGUMENT);
    ck_assert_ptr_null(tg_mlp_new(NULL, NULL));
    ck_assert_int_eq(tg_last_error(NULL), TG_NULL_ARGUMENT);
    tg_params_free(params);
}
END_TEST

/* ---- steps that use several things at once ---- */

static tg_tensor loss_against(tg_tensor logits, double value) {
    return tg_binary_cross_entropy_with_logits(logits, tg_broadcast_to(tg_constant(logits.tape, value), tg_rows(logits), 1));
}

START_TEST(a_gan_step_takes_both_gradients_at_the_old_weights) {
    tg_params    *gp = tg_params_new(1, NULL), *cp = tg_params_new(2, NULL);
    tg_mlp       *g  = tg_mlp_new(gp, &(tg_mlp_options){ .sizes = TG_SIZES(2, 4, 2), .name = "g" });
    tg_mlp       *c  = tg_mlp_new(cp, &(tg_mlp_options){ .sizes = TG_SIZES(2, 4, 1), .name = "c" });
    tg_optimizer *ga = tg_adam_new(gp, NULL), *ca = tg_adam_new(cp, NULL);
    tg_tape      *tape = tg_tape_new(NULL);
    tg_dataset_free(two_classes());
    tg_begin(tape, NULL);
    tg_tensor fake = tg_mlp_forward(c, tg_mlp_forward(g, tg_input(tape, points, 8, 2))), real = tg_mlp_forward(c, tg_input(tape, points + 20, 8, 2));
    tg_tensor critic = tg_add(loss_against(real, 1), loss_against(fake, 0)), generator = loss_against(fake, 1);
    tg_tensor cg = tg_grad(critic, tg_use_block(tape, cp, NULL)), gg = tg_grad(generator, tg_use_block(tape, gp, NULL));
    tg_status s = tg_run_many((tg_tensor[]){ critic, generator, tg_update(ca, cg), tg_update(ga, gg) }, 4);
    ck_assert_msg(s == TG_OK, "%s", tg_tape_error(tape));
    ck_assert(isfinite(tg_item(critic)) && isfinite(tg_item(generator)));
    tg_tape_free(tape);
    tg_optimizer_free(ga);
    tg_optimizer_free(ca);
    tg_mlp_free(g);
    tg_mlp_free(c);
    tg_params_free(gp);
    tg_params_free(cp);
}
END_TEST

START_TEST(a_second_derivative_in_the_loss) {
    static const float at[5] = { 0, 0.5f, 1, 2, 3 };
    tg_params    *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    tg_mlp       *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(1, 8, 1), .activation = "tanh", .loss = tg_mse_loss });
    tg_optimizer *adam   = tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.01, .allow_unused = true });
    tg_tape      *tape   = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    double        first = 0, last = 0;
    for (int step = 0; step < 200; step++) {
        tg_begin(tape, NULL);
        tg_tensor x = tg_input(tape, at, 5, 1), u = tg_mlp_forward(net, x);
        tg_tensor residual = tg_mean(tg_square(tg_add(tg_diff(tg_diff(u, x, 0), x, 0), tg_sin(x))));
        ck_assert_msg(tg_minimize(adam, residual) == TG_OK, "%s", tg_tape_error(tape));
        last = tg_item(residual);
        if (step == 0) first = last;
    }
    ck_assert_double_lt(last, first / 4);
    tg_tape_free(tape);
    tg_optimizer_free(adam);
    tg_mlp_free(net);
    tg_params_free(params);
}
END_TEST

START_TEST(missing_layers_and_nets_fail_on_the_tape) {
    const float x[2] = { 1, 2 };
    tg_tape    *tape = tg_tape_new(NULL);
    for (int i = 0; i < 3; i++) {
        tg_begin(tape, NULL);
        const tg_tensor in = tg_input(tape, x, 1, 2);
        const tg_tensor y  = i == 0 ? tg_linear_forward((tg_linear_layer){ 0 }, in) : i == 1 ? tg_mlp_forward(NULL, in) : tg_update(NULL, in);
        ck_assert_ptr_eq(y.tape, tape);
        ck_assert_int_eq(tg_run(tg_sum(y)), TG_NULL_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(tg_tape_error(tape), i == 0 ? "tg_linear_forward" : i == 1 ? "tg_mlp_forward" : "tg_updates"));
        ck_assert_int_eq(tg_last_error(NULL), TG_OK);
    }
    tg_tape_free(tape);
}
END_TEST

/* What a failure half way made is taken back, so that another try meets no name of the first. */
START_TEST(a_layer_or_net_that_fails_leaves_params_as_they_were) {
    for (int what = 0; what < 3; what++) {
        tg_params *params = tg_params_new(1, NULL), *fresh = tg_params_new(1, NULL);
        tg_tape   *tape   = tg_tape_new(NULL);
        float      first[6], again[6];
        for (int i = 0; i < 2; i++) {
            tg_params *p = i == 0 ? params : fresh;
            tg_variable_new(p, "own", 1, 3, NULL);
            tg_variable_new(p, "other", 1, 1, &(tg_variable_options){ .group = "closed" });
        }
        tg_use_block(tape, params, "closed");
        const tg_mlp_options    net   = { .sizes = TG_SIZES(2, 3, 1), .standardize = true, .bias_group = "closed" };
        const tg_linear_options layer = { .bias_group = "closed" };
        if (what == 0) ck_assert_ptr_null(tg_add_linear(params, "net/fc1", 2, 3, &layer).weight);
        else if (what == 1) ck_assert_ptr_null(tg_mlp_new(params, &net));
        else {
            tg_variable_new(params, "late", 1, 1, &(tg_variable_options){ .group = "net/input/scale" });
            tg_variable_new(fresh, "late", 1, 1, &(tg_variable_options){ .group = "net/input/scale" });
            ck_assert_ptr_null(tg_add_scaler(params, "net/input", 2).mean);
        }
        ck_assert_int_eq(tg_last_error(NULL), TG_BAD_ARGUMENT);
        ck_assert_int_eq(tg_variable_count(params), what == 2 ? 3 : 2);
        ck_assert_int_eq(tg_group_count(params), what == 2 ? 3 : 2);
        tg_mlp *one = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(2, 3, 1) });
        tg_mlp *two = tg_mlp_new(fresh, &(tg_mlp_options){ .sizes = TG_SIZES(2, 3, 1) });
        ck_assert(one != NULL && two != NULL);
        ck_assert_int_eq(tg_params_copy(fresh, params), TG_OK);      /* the layout is that of params which met no failure */
        ck_assert_int_eq(tg_variable_read(tg_variable_find(params, "net/fc1/weight"), first), TG_OK);
        ck_assert_int_eq(tg_variable_read(tg_variable_find(fresh, "net/fc1/weight"), again), TG_OK);
        ck_assert_mem_eq(first, again, sizeof first);
        tg_mlp_free(one);
        tg_mlp_free(two);
        tg_tape_free(tape);
        tg_params_free(params);
        tg_params_free(fresh);
    }
}
END_TEST

static tg_status make_net(void *context) {
    (void)context;
    tg_params *params = tg_params_new(1, NULL);
    tg_mlp    *net    = params != NULL ? tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(2, 3, 1), .standardize = true }) : NULL;
    ck_assert_int_eq(tg_variable_count(params), net != NULL ? 6 : 0);
    ck_assert_int_eq(tg_group_count(params), net != NULL);
    tg_mlp_free(net);
    tg_params_free(params);
    return net != NULL ? TG_OK : TG_OUT_OF_MEMORY;
}

START_TEST(a_net_without_memory_leaves_no_variables) {
    let_each_allocation_fail(make_net, NULL, 20);
}
END_TEST

START_TEST(names_may_be_long) {
    char name[400] = "";
    for (int i = 0; i < 390; i++) name[i] = (char)('a' + i % 26);
    const float x[2]   = { 1, 2 };
    tg_params  *params = tg_params_new(1, NULL);
    tg_mlp     *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(2, 3, 1), .name = name });
    tg_tape    *tape   = tg_tape_new(NULL);
    tg_optimizer *own  = tg_adam_new(params, NULL);
    ck_assert_ptr_nonnull(own);
    tg_mlp_forward(net, tg_input(tape, x, 1, 2));
    ck_assert_int_eq(strncmp(tg_variable_name(tg_variable_at(params, 0)), name, 390), 0);
    char full[440];
    snprintf(full, sizeof full, "%s/fc2/pre_activation", name);
    ck_assert_uint_ne(tg_find(tape, full).id, 0);
    tg_optimizer_free(own);
    tg_tape_free(tape);
    tg_mlp_free(net);
    tg_params_free(params);
}
END_TEST

int main(void) {
    return RUN_TESTS("nets", initial_values_have_the_moments_of_their_distributions, constants_and_zeros,
                     initial_values_depend_on_seed_and_name_alone, layers_choose_their_initial_values,
                     a_layer_used_twice_sums_the_gradients_of_both_uses, uses_of_a_layer_share_its_leaf_and_number_their_names,
                     an_embedding_learns_in_the_rows_that_are_used, activations_are_found_by_name, an_unknown_activation_lists_all_that_there_are,
                     a_long_list_of_activations_says_how_many_more_there_are, unknown_activations_and_bad_sizes,
                     a_gan_step_takes_both_gradients_at_the_old_weights, a_second_derivative_in_the_loss,
                     missing_layers_and_nets_fail_on_the_tape,
                     a_layer_or_net_that_fails_leaves_params_as_they_were, a_net_without_memory_leaves_no_variables, names_may_be_long);
}
