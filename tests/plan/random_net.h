/* random_net.h - programs drawn by a seed: variables in groups, a net over them with all kinds of ops, losses, and updates. */
#ifndef TAPEGRAD_TESTS_PLAN_RANDOM_NET_H
#define TAPEGRAD_TESTS_PLAN_RANDOM_NET_H

#include "plan/compare.h"

/* ---- ops of users ---- */

static double wave(double x) { return sin(2 * x) + x; }
static double wave_slope(double x) { return 2 * cos(2 * x) + 1; }

TG_MAP1(test_bend, sqrt(x * x + 1) - 1 + x, tg_mul(g, tg_shift(tg_div(x, tg_shift(y, 1)), 0.5)))

static inline tg_status same_shape_rule(const tg_shape inputs[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count, (void)attributes, (void)why;
    *output = inputs[0];
    return TG_OK;
}

/* Each row without its mean, by expansion alone; the second expands to what expands in its turn. */
static tg_tensor centred(const tg_application *a) { return tg_sub(a->inputs[0], tg_mean_cols(a->inputs[0])); }

static const tg_op centre_op = { .size = sizeof(tg_op), .name = "test_centre", .arity = 1, .flags = TG_OP_ROWWISE, .shape = same_shape_rule,
                                 .expand = centred };

static tg_tensor centred_softmax(const tg_application *a) { return tg_softmax(tg_apply(a->tape, &centre_op, a->inputs, 1, NULL)); }

static const tg_op twice_op = { .size = sizeof(tg_op), .name = "test_twice", .arity = 1, .flags = TG_OP_ROWWISE, .shape = same_shape_rule,
                                .expand = centred_softmax };

/* An op that is its operand. */
static tg_tensor itself(const tg_application *a) { return a->inputs[0]; }

static const tg_op itself_op = { .size = sizeof(tg_op), .name = "test_itself", .arity = 1, .flags = TG_OP_ROWWISE, .shape = same_shape_rule,
                                 .expand = itself };

static inline tg_tensor apply_one(const tg_op *op, tg_tensor x) { return tg_apply(x.tape, op, &x, 1, NULL); }

/* ---- a program ---- */

enum { MOST_VALUES = 48, MOST_BATCH = 513, MOST_WIDTH = 72, MOST_KEPT = 4 };

typedef struct net {
    uint64_t   seed;
    int64_t    batch, width;
    tg_params *params;
    bool       has_state, frozen, by_map;      /* by_map: what tg_map has no second derivative of */
} net;

typedef struct pool {
    const net *net;
    tg_tape   *tape;
    tg_tensor  at[MOST_VALUES];      /* [batch, width] */
    int        count;
    bool       by_map;
} pool;

static float   net_inputs[MOST_BATCH * MOST_WIDTH];
static int32_t net_labels[MOST_BATCH];

static inline void draw_data(void) {
    state = 4711;
    for (int i = 0; i < MOST_BATCH * MOST_WIDTH; i++) net_inputs[i] = (float)draw(-1.5, 1.5);
    for (int i = 0; i < MOST_BATCH; i++) net_labels[i] = draw_below(2);
}

static inline void add_variable(tg_params *params, const char *name, int64_t rows, int64_t cols, const char *group) {
    ck_assert_ptr_nonnull(tg_variable_new(params, name, rows, cols, &(tg_variable_options){ .init = TG_NORMAL, .scale = 0.4, .group = group }));
}

/* Weights, rows, a column, a number, in one or two groups; state. */
static inline tg_params *make_net_params(net *n, tg_type stored) {
    state = n->seed;
    const bool  two    = draw_below(2) == 0;
    const char *other  = two ? "other" : NULL;
    n->params = tg_params_new(n->seed, &(tg_params_options){ .type = stored });
    add_variable(n->params, "w0", n->width, n->width, NULL);
    add_variable(n->params, "b0", 1, n->width, other);
    if (draw_below(2) == 0) add_variable(n->params, "odd", 3, 5, NULL);
    add_variable(n->params, "w1", n->width, n->width, draw_below(2) == 0 ? other : NULL);
    add_variable(n->params, "b1", 1, n->width, NULL);
    add_variable(n->params, "s", 1, 1, other);
    n->has_state = draw_below(2) == 0;
    if (n->has_state) tg_variable_new(n->params, "running", 1, n->width, &(tg_variable_options){ .init = TG_CONSTANT, .state = true });
    n->frozen = draw_below(4) == 0;
    if (n->frozen) tg_freeze(tg_variable_find(n->params, draw_below(2) == 0 ? "w0" : "b1"), true);
    return n->params;
}

static inline tg_tensor variable(const pool *p, const char *name) { return tg_use(p->tape, tg_variable_find(p->net->params, name)); }
static inline tg_tensor pick(const pool *p) { return p->at[draw_below(p->count)]; }
static inline tg_tensor weight(const pool *p) { return variable(p, draw_below(2) == 0 ? "w0" : "w1"); }

static inline tg_tensor smooth(pool *p, tg_tensor x) {
    switch (draw_below(26)) {
        case 0:  return tg_tanh(x);
        case 1:  return tg_sigmoid(x);
        case 2:  return tg_softplus(x);
        case 3:  return tg_sin(x);
        case 4:  return tg_relu(x);
        case 5:  return tg_log_softmax(x);
        case 6:  return tg_mul(x, tg_sigmoid(x));
        case 7:  return tg_softmax(x);
        case 8:  return tg_exp(tg_tanh(x));
        case 9:  return tg_sqrt(tg_shift(tg_square(x), 1));
        case 10: return tg_log1p(tg_square(x));
        case 11: return tg_expm1(tg_tanh(x));
        case 12: return test_bend(x);
        case 13: return apply_one(&centre_op, x);
        case 14: return apply_one(&twice_op, x);
        case 15: return apply_one(&itself_op, x);
        case 16: return tg_cos(x);
        case 17: return tg_gelu(x);
        case 18: return tg_silu(x);
        case 19: return tg_mish(x);
        case 20: return tg_elu(x, 0.7);
        case 21: return tg_leaky_relu(x, 0.1);
        case 22: return tg_clamp(x, -0.6, 0.7);
        case 23: return tg_pow_scalar(tg_shift(tg_square(x), 1), 0.75);
        case 24: return tg_hard_swish(x);
        default: p->by_map = true; return tg_map(x, wave, wave_slope);
    }
}

/* A row, a column, a number, or the full shape. */
static inline tg_tensor side(const pool *p) {
    const net      *n = p->net;
    const tg_tensor x = pick(p);
    switch (draw_below(14)) {
        case 0:  return variable(p, "b0");
        case 1:  return variable(p, "b1");
        case 2:  return tg_mean_rows(x);
        case 3:  return tg_view(x, draw_below((int)n->batch) * n->width, 1, n->width);
        case 4:  return tg_mean_cols(x);
        case 5:  return tg_logsumexp(x);
        case 6:  return tg_view(x, draw_below((int)(n->batch * (n->width - 1))), n->batch, 1);
        case 7:  return variable(p, "s");
        case 8:  return tg_mean(x);
        case 9:  return tg_view(weight(p), draw_below((int)(n->width * n->width)), 1, 1);
        case 10: return tg_view(weight(p), draw_below((int)(n->width * n->width - n->width)), 1, n->width);
        case 11: return tg_constant(p->tape, draw(-1, 1));
        case 12: return tg_tanh(tg_sum_rows(tg_scale(x, 0.1)));
        default: return x;
    }
}

static inline tg_tensor product(const pool *p) {
    const tg_tensor x = pick(p), w = weight(p);
    switch (draw_below(6)) {
        case 0:  return tg_matmul(x, w);
        case 1:  return tg_matmul_transposed(x, false, w, true);
        case 2:  return tg_matmul_transposed(tg_transpose(x), true, w, false);
        case 3:  return tg_matmul_transposed(tg_transpose(x), true, tg_tanh(w), true);
        case 4:  return tg_transpose(tg_matmul_transposed(w, true, x, true));
        default: return tg_linear(x, w, variable(p, draw_below(2) == 0 ? "b0" : "b1"));
    }
}

/* Rows rotated by a part of one: two views, one behind the other; or one row in front. */
static inline tg_tensor rotated(const pool *p) {
    const net      *n    = p->net;
    const tg_tensor x    = pick(p);
    const int64_t   size = n->batch * n->width, at = 1 + draw_below((int)size - 1);
    tg_tensor       head = tg_view(x, 0, 1, at), tail = tg_view(x, at, 1, size - at);
    if (draw_below(2) == 0) head = tg_tanh(head);
    if (draw_below(2) == 0) tail = tg_scale(tail, 0.5);
    const tg_tensor parts[] = { tail, head, tg_view(head, 0, 1, 1) };
    return tg_view(tg_concat(parts, 3), draw_below(2), n->batch, n->width);
}

/* Two views of one value that overlap, in the flat. */
static inline tg_tensor overlapped(const pool *p) {
    const net      *n    = p->net;
    const int64_t   size = n->batch * n->width, half = size / 2 + 1, more = size - half;
    const tg_tensor x = pick(p), a = tg_view(x, 0, 1, half), b = tg_view(x, size - half, 1, half);
    const tg_tensor y = draw_below(2) == 0 ? tg_mul(a, b) : tg_sub(b, a);
    const tg_tensor parts[] = { tg_tanh(y), tg_view(tg_view(x, 0, 1, half), half - more, 1, more) };
    return tg_view(tg_concat(parts, 2), 0, n->batch, n->width);
}

/* Of two values side by side. */
static inline tg_tensor gated(const pool *p) {
    const net      *n       = p->net;
    const tg_tensor parts[] = { tg_transpose(pick(p)), tg_transpose(pick(p)) };
    const tg_tensor both    = tg_transpose(tg_view(tg_concat(parts, 2), 0, 2 * n->width, n->batch));
    return draw_below(2) == 0 ? tg_glu(both) : tg_swiglu(both);
}

static inline tg_tensor next_value(pool *p) {
    const net      *n = p->net;
    const tg_tensor x = pick(p), y = side(p);
    switch (draw_below(26)) {
        case 0: case 1: case 2: return smooth(p, product(p));
        case 3:  return smooth(p, tg_add(x, y));
        case 4:  return tg_sub(x, y);
        case 5:  return tg_mul(tg_tanh(x), tg_tanh(y));
        case 6:  return tg_div(x, tg_shift(tg_square(y), 1));
        case 7:  return tg_maximum(x, y);
        case 8:  return tg_select(tg_greater(x, y), pick(p), y);
        case 9:  return tg_lerp(x, y, tg_sigmoid(side(p)));
        case 10: return tg_axpy(tg_tanh(tg_mean(y)), x, pick(p));
        case 11: return tg_dropout(x, 0.3);
        case 12: return tg_mul(x, tg_bernoulli(p->tape, 0.6, draw_below(2) == 0 ? n->batch : 1, n->width));
        case 13: return tg_add(x, tg_stop(smooth(p, y)));
        case 14: return rotated(p);
        case 15: return overlapped(p);
        case 16: return tg_add(tg_broadcast_to(tg_tanh(tg_mean_rows(x)), n->batch, n->width), tg_neg(x));
        case 17: return tg_add(x, tg_sum_to(tg_scale(pick(p), 0.01), draw_below(2) == 0 ? n->batch : 1, draw_below(2) == 0 ? n->width : 1));
        case 18: return tg_add(smooth(p, x), smooth(p, x));      /* perhaps twins */
        case 19: return tg_minimum(x, y);
        case 20: return tg_prelu(x, y);
        case 21: return tg_pow(tg_shift(tg_tanh(tg_square(x)), 0.5), tg_tanh(y));
        case 22: return gated(p);
        case 23: return tg_mul(x, tg_normal(p->tape, 1, 0.1, n->batch, draw_below(2) == 0 ? n->width : 1));
        case 24: return tg_add(tg_alpha_dropout(x, 0.2), tg_uniform(p->tape, -0.5, 0.5, 1, n->width));
        default: return smooth(p, x);
    }
}

static inline tg_tensor loss_of_pool(pool *p) {
    const net      *n    = p->net;
    const tg_tensor y    = p->at[p->count - 1], z = tg_tanh(p->at[p->count - 2]);
    tg_tensor       loss = TG_NONE;
    switch (draw_below(5)) {
        case 0:  loss = tg_mse_loss(y, tg_input(p->tape, net_inputs, n->batch, n->width)); break;
        case 1:  loss = tg_cross_entropy(tg_tanh(y), tg_labels(p->tape, net_labels, n->batch)); break;
        case 2:  loss = tg_cross_entropy(tg_tanh(y), tg_softmax(tg_input(p->tape, net_inputs, n->batch, n->width))); break;
        case 3:  loss = tg_binary_cross_entropy_with_logits(tg_tanh(y), tg_sigmoid(tg_input(p->tape, net_inputs, n->batch, n->width))); break;
        default: loss = tg_mean(tg_square(tg_matmul(tg_tanh(y), tg_tanh(weight(p))))); break;
    }
    loss = tg_add(loss, tg_scale(tg_sum(tg_square(weight(p))), 0.01));
    return draw_below(2) == 0 ? loss : tg_add(loss, tg_mean(tg_mul(z, z)));
}

/* The net and its loss; kept [MOST_KEPT] tensors of it. The structure depends on the seed alone. */
static inline tg_tensor record_net(tg_tape *tape, net *n, tg_tensor kept[MOST_KEPT], int *kept_count) {
    pool p = { .net = n, .tape = tape };
    state  = n->seed * 31 + 7;
    p.at[p.count++] = tg_input(tape, net_inputs, n->batch, n->width);
    p.at[p.count++] = tg_tanh(tg_add(p.at[0], variable(&p, "b1")));
    const int more = 4 + draw_below(14);
    for (int i = 0; i < more; i++, p.count++) p.at[p.count] = next_value(&p);
    tg_tensor loss = loss_of_pool(&p);
    if (!p.by_map && draw_below(4) == 0) {
        tg_tensor g;
        const tg_tensor w = weight(&p);
        tg_gradients(loss, TG_NONE, &w, 1, &g, &(tg_gradients_options){ .allow_unused = true });
        loss = tg_add(loss, tg_scale(tg_mean(tg_square(tg_tanh(g))), 0.1));
    }
    n->by_map   = p.by_map;
    *kept_count = draw_below(MOST_KEPT + 1);
    for (int i = 0; i < *kept_count; i++) {
        kept[i] = i == 0 ? variable(&p, "w1") : i == 1 ? side(&p) : pick(&p);
        if (draw_below(3) == 0) tg_require_finite(kept[i]);
    }
    return loss;
}

#endif
