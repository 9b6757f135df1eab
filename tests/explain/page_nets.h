/* page_nets.h - the nets whose pages are looked at: recorded steps with the gradients by all of their variables. Operands are recorded in statements
 * of their own, as C leaves the order of arguments to the compiler. */
#ifndef TAPEGRAD_TESTS_PAGE_NETS_H
#define TAPEGRAD_TESTS_PAGE_NETS_H

#include <stdlib.h>
#include <tapegrad/tapegrad.h>

enum { NET_LEAVES = 16 };

typedef struct net {
    tg_params *params;
    tg_tape   *tape;
    tg_tensor  loss, leaves[NET_LEAVES], gradients[NET_LEAVES];
    int        leaf_count;
    void      *x, *t;      /* data, which tapes borrow */
} net;

static inline void net_free(net *n) {
    tg_tape_free(n->tape);
    tg_params_free(n->params);
    free(n->x);
    free(n->t);
    *n = (net){ 0 };
}

static inline net net_new(tg_type type) {
    return (net){ .params = tg_params_new(1, &(tg_params_options){ .type = type }), .tape = tg_tape_new(&(tg_tape_options){ .type = type }) };
}

static inline tg_tensor net_variable(net *n, const char *name, int64_t rows, int64_t cols, const double *values) {
    tg_variable *variable = tg_variable_new(n->params, name, rows, cols, &(tg_variable_options){ .group = name });
    if (values != NULL && tg_variable_write_f64(variable, values) != TG_OK) abort();
    return n->leaves[n->leaf_count++] = tg_use(n->tape, variable);
}

static inline void net_differentiate(net *n) { tg_gradients(n->loss, TG_NONE, n->leaves, n->leaf_count, n->gradients, NULL); }

/* The worked example of two inputs, two hidden neurons and one output; rows of weights are inputs. */
static inline net net_2_2_1(tg_type type, bool with_gradient) {
    static const double x[2] = { 0.05, 0.1 }, t = 0.01, w1[4] = { 0.15, 0.25, 0.2, 0.3 }, b1[2] = { 0.35, 0.35 }, w2[2] = { 0.4, 0.45 }, b2 = 0.6;
    net       n  = net_new(type);
    tg_tensor in = n.leaves[n.leaf_count++] = tg_name(tg_input_f64(n.tape, x, 1, 2), "x");
    tg_push_scope(n.tape, "net/fc1");
    tg_tensor weight1 = net_variable(&n, "net/fc1/weight", 2, 2, w1), bias1 = net_variable(&n, "net/fc1/bias", 1, 2, b1);
    tg_tensor h       = tg_sigmoid(tg_add(tg_matmul(in, weight1), bias1));
    tg_pop_scope(n.tape);
    tg_push_scope(n.tape, "net/fc2");
    tg_tensor weight2 = net_variable(&n, "net/fc2/weight", 2, 1, w2), bias2 = net_variable(&n, "net/fc2/bias", 1, 1, &b2);
    tg_tensor o       = tg_sigmoid(tg_add(tg_matmul(h, weight2), bias2));
    tg_pop_scope(n.tape);
    tg_tensor target = tg_name(tg_input_f64(n.tape, &t, 1, 1), "t");
    n.loss = tg_name(tg_scale(tg_square(tg_sub(o, target)), 0.5), "L");
    if (with_gradient) net_differentiate(&n);
    return n;
}

/* Numbers that look like data, and are the same on every machine. */
static inline double net_number(uint32_t *state) {
    *state = *state * 1664525U + 1013904223U;
    return (double)(*state >> 8) / 8388608.0 - 1;
}

static inline tg_tensor net_layer(net *n, tg_tensor x, int layer, int64_t in, int64_t out, uint32_t *state) {
    char    weight[40], bias[40], scope[20];
    double *values = malloc((size_t)(in * out) * sizeof *values);
    for (int64_t i = 0; i < in * out; i++) values[i] = net_number(state) * 2 / (double)(in > 16 ? 8 : in);
    snprintf(scope, sizeof scope, "net/fc%d", layer);
    snprintf(weight, sizeof weight, "%s/weight", scope), snprintf(bias, sizeof bias, "%s/bias", scope);
    tg_push_scope(n->tape, scope);
    const tg_tensor w = net_variable(n, weight, in, out, values), b = net_variable(n, bias, 1, out, NULL), sum = tg_add(tg_matmul(x, w), b);
    tg_pop_scope(n->tape);
    free(values);
    return sum;
}

/* in-hidden-out with tanh and cross-entropy on a batch. */
static inline net net_classes(int64_t in, int64_t hidden, int64_t out, int64_t batch, bool with_gradient) {
    net      n      = net_new(TG_F32);
    uint32_t state  = 7;
    float   *x      = malloc((size_t)(in * batch) * sizeof *x);
    int32_t *labels = malloc((size_t)batch * sizeof *labels);
    for (int64_t i = 0; i < in * batch; i++) x[i] = (float)((int)(net_number(&state) * 100) / 100.0);
    for (int64_t i = 0; i < batch; i++) labels[i] = (int32_t)(i % out);
    const tg_tensor h = tg_tanh(net_layer(&n, tg_input(n.tape, x, batch, in), 1, in, hidden, &state));
    const tg_tensor logits = net_layer(&n, h, 2, hidden, out, &state);
    n.loss = tg_cross_entropy(logits, tg_labels(n.tape, labels, batch));
    if (with_gradient) net_differentiate(&n);
    n.x = x;
    n.t = labels;
    return n;
}

/* Deep, with sigmoids: deltas vanish. */
static inline net net_deep(int layers) {
    net       n = net_new(TG_F32);
    uint32_t  state = 3;
    float    *x = malloc(32 * 20 * sizeof *x), *t = calloc(32, sizeof *t);
    for (int i = 0; i < 32 * 20; i++) x[i] = (float)net_number(&state);
    tg_tensor h = tg_input(n.tape, x, 32, 20);
    for (int l = 1; l < layers; l++) h = tg_sigmoid(net_layer(&n, h, l, 20, 20, &state));
    h = net_layer(&n, h, layers, 20, 1, &state);
    n.loss = tg_mse_loss(h, tg_input(n.tape, t, 32, 1));
    n.x = x;
    n.t = t;
    net_differentiate(&n);
    return n;
}

/* (x + y) z: no layers at all. */
static inline net net_expression(void) {
    static const double x = -2, y = 5, z = -4;
    net n = net_new(TG_F64);
    n.leaves[0] = tg_name(tg_input_f64(n.tape, &x, 1, 1), "x");
    n.leaves[1] = tg_name(tg_input_f64(n.tape, &y, 1, 1), "y");
    n.leaves[2] = tg_name(tg_input_f64(n.tape, &z, 1, 1), "z");
    n.leaf_count = 3;
    n.loss = tg_name(tg_mul(tg_name(tg_add(n.leaves[0], n.leaves[1]), "q"), n.leaves[2]), "f");
    net_differentiate(&n);
    return n;
}

/* Mazur's net of two outputs with a bias for each unit: rows of weights are inputs. */
static inline net net_mazur(void) {
    static const double x[2] = { .05, .1 }, w1[4] = { .15, .25, .20, .30 }, b1[2] = { .35, .35 }, w2[4] = { .4, .5, .45, .55 }, b2[2] = { .6, .6 };
    static const double t[2] = { .01, .99 };
    net                 n = net_new(TG_F64);
    const tg_tensor     in = tg_name(tg_input_f64(n.tape, x, 1, 2), "x");
    tg_tensor          *p  = n.leaves;
    net_variable(&n, "W1", 2, 2, w1);
    net_variable(&n, "b1", 1, 2, b1);
    net_variable(&n, "W2", 2, 2, w2);
    net_variable(&n, "b2", 1, 2, b2);
    const tg_tensor target = tg_name(tg_input_f64(n.tape, t, 1, 2), "t");
    const tg_tensor h = tg_name(tg_sigmoid(tg_name(tg_add(tg_matmul(in, p[0]), p[1]), "z1")), "h");
    const tg_tensor o = tg_name(tg_sigmoid(tg_name(tg_add(tg_matmul(h, p[2]), p[3]), "z2")), "o");
    n.loss = tg_name(tg_scale(tg_sum(tg_square(tg_sub(target, o))), 0.5), "E");
    net_differentiate(&n);
    return n;
}

/* 0 / 0 and what comes of it. */
static inline net net_of_no_numbers(void) {
    static const double values[3] = { 0, 1, -2 };
    net                 n = net_new(TG_F64);
    tg_tensor           x = n.leaves[n.leaf_count++] = tg_name(tg_input_f64(n.tape, values, 1, 3), "x");
    n.loss = tg_name(tg_sum(tg_div(tg_log(x), x)), "L");
    net_differentiate(&n);
    return n;
}

/* micrograd's expression, in which everything is used again and again. */
static inline net net_reuse(void) {
    static const double va = -4, vb = 2;
    net       n = net_new(TG_F64);
    tg_tensor a = n.leaves[0] = tg_name(tg_input_f64(n.tape, &va, 1, 1), "a"), b = n.leaves[1] = tg_name(tg_input_f64(n.tape, &vb, 1, 1), "b");
    tg_tensor c = tg_add(a, b), product = tg_mul(a, b), cube = tg_pow_scalar(b, 3), d = tg_add(product, cube), e, r;
    n.leaf_count = 2;
    e = tg_shift(c, 1), c = tg_add(c, e);
    e = tg_shift(c, 1), e = tg_sub(e, a), c = tg_add(c, e);
    e = tg_scale(d, 2), r = tg_relu(tg_add(b, a)), e = tg_add(e, r), d = tg_add(d, e);
    e = tg_scale(d, 3), r = tg_relu(tg_sub(b, a)), e = tg_add(e, r), d = tg_add(d, e);
    const tg_tensor f = tg_square(tg_sub(c, d)), half = tg_scale(f, 0.5), ten = tg_scale(tg_reciprocal(f), 10);
    n.loss = tg_name(tg_add(half, ten), "g");
    net_differentiate(&n);
    return n;
}

#endif
