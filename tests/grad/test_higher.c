/* test_higher.c - Hessians, Jacobians, Gauss-Newton products, per-example gradients and checkpoints, against dense
 * matrices, differences and loops. */
#include "support.h"
#include <math.h>
#include <tapegrad/tapegrad.h>

enum { BATCH = 5, IN = 3, HIDDEN = 4, OUT = 2, W = IN * HIDDEN + HIDDEN + HIDDEN * OUT, MOST = 1024 };

static tg_tape *tape;
static double   x_at[BATCH * IN], w_at[W], target_at[BATCH * OUT], v_at[W];
static uint64_t state;

static double draw(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(uint32_t)(state >> 33) / 1073741824.0 - 1;
}

static void fill(double *to, int count) {
    for (int i = 0; i < count; i++) to[i] = draw();
}

static void set_up(void) {
    state = 7;
    fill(x_at, BATCH * IN), fill(w_at, W), fill(target_at, BATCH * OUT), fill(v_at, W);
    tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
}

static void tear_down(void) {
    tg_tape_free(tape);
    ck_assert_int_eq(tg_last_error(NULL), TG_OK);
}

/* ---- a net of one flat vector of weights ---- */

typedef struct net { tg_tensor w, x, hidden, output, loss; } net;

static net record_net(void) {
    net n;
    tg_begin(tape, NULL);
    n.w      = tg_input_f64(tape, w_at, 1, W);
    n.x      = tg_input_f64(tape, x_at, BATCH, IN);
    n.hidden = tg_linear(n.x, tg_view(n.w, 0, IN, HIDDEN), tg_view(n.w, IN * HIDDEN, 1, HIDDEN));
    n.output = tg_matmul(tg_tanh(n.hidden), tg_view(n.w, IN * HIDDEN + HIDDEN, HIDDEN, OUT));
    n.loss   = tg_mse_loss(tg_softplus(n.output), tg_input_f64(tape, target_at, BATCH, OUT));
    return n;
}

static void read_run(tg_tensor tensor, double *out) {
    ck_assert_msg(tg_run(tensor) == TG_OK, "%s", tg_tape_error(tape));
    ck_assert_int_eq(tg_read_f64(tensor, out), TG_OK);
}

static void expect_shape(tg_tensor tensor, int64_t rows, int64_t cols) {
    ck_assert_msg(tg_tape_status(tape) == TG_OK, "%s", tg_tape_error(tape));
    ck_assert_int_eq(tg_rows(tensor), rows);
    ck_assert_int_eq(tg_cols(tensor), cols);
}

static void expect_near(const double *a, const double *b, int count, double tolerance, const char *what) {
    double largest = 1;
    for (int i = 0; i < count; i++) largest = fmax(largest, fabs(b[i]));
    for (int i = 0; i < count; i++)
        ck_assert_msg(fabs(a[i] - b[i]) <= tolerance * largest, "%s: element %d is %.17g, not %.17g", what, i, a[i], b[i]);
}

/* (f(w + h v) - f(w - h v)) / 2h to fourth order, of what record makes at w. */
static void difference(void (*value)(double *out), double *at, const double *v, int inputs, double *out, int count) {
    const double h = 1e-3, weights[4] = { 1, -8, 8, -1 }, steps[4] = { -2, -1, 1, 2 };
    double       keep[MOST], one[MOST];
    memcpy(keep, at, (size_t)inputs * sizeof *at);
    memset(out, 0, (size_t)count * sizeof *out);
    for (int k = 0; k < 4; k++) {
        for (int i = 0; i < inputs; i++) at[i] = keep[i] + h * steps[k] * v[i];
        value(one);
        for (int i = 0; i < count; i++) out[i] += weights[k] * one[i] / (12 * h);
    }
    memcpy(at, keep, (size_t)inputs * sizeof *at);
}

static void gradient_of_net(double *out) {
    const net n = record_net();
    read_run(tg_grad(n.loss, n.w), out);
}

static void output_of_net(double *out) { read_run(record_net().output, out); }

/* ---- Hessians ---- */

START_TEST(hessian_times_vector) {
    double dense[W * W], product[W], expected[W] = { 0 }, numeric[W];
    net    n = record_net();
    tg_tensor h = tg_hessian(n.loss, n.w);
    expect_shape(h, 1, W * W);
    read_run(h, dense);
    n = record_net();
    tg_tensor hv = tg_hvp(n.loss, n.w, tg_input_f64(tape, v_at, 1, W));
    expect_shape(hv, 1, W);
    read_run(hv, product);
    for (int i = 0; i < W; i++)
        for (int j = 0; j < W; j++) expected[i] += dense[i * W + j] * v_at[j];
    expect_near(product, expected, W, 1e-12, "hvp against the Hessian");
    difference(gradient_of_net, w_at, v_at, W, numeric, W);
    expect_near(product, numeric, W, 1e-8, "hvp against differences");
    for (int i = 0; i < W; i++)
        for (int j = 0; j < i; j++) ck_assert_double_le(fabs(dense[i * W + j] - dense[j * W + i]), 1e-12);
}
END_TEST

/* Of each row: y = sum tanh(a x)^2 has no second derivative across rows. */
static tg_tensor row_function(tg_tensor x) {
    return tg_sum_cols(tg_square(tg_tanh(tg_matmul(x, tg_view(tg_input_f64(tape, w_at, 1, IN * HIDDEN), 0, IN, HIDDEN)))));
}

START_TEST(hessians_of_rows) {
    double all[BATCH * IN * IN], one[IN * IN];
    tg_begin(tape, NULL);
    tg_tensor x = tg_input_f64(tape, x_at, BATCH, IN), h = tg_hessian(row_function(x), x);
    expect_shape(h, BATCH, IN * IN);
    read_run(h, all);
    for (int i = 0; i < BATCH; i++) {
        tg_begin(tape, NULL);
        x = tg_input_f64(tape, &x_at[i * IN], 1, IN);
        tg_tensor y = row_function(x);
        for (int j = 0; j < IN; j++) {
            double v[IN] = { 0 };
            v[j] = 1;
            tg_begin(tape, NULL);
            x = tg_input_f64(tape, &x_at[i * IN], 1, IN);
            y = row_function(x);
            read_run(tg_hvp(y, x, tg_input_f64(tape, v, 1, IN)), &one[j * IN]);
        }
        expect_near(&all[i * IN * IN], one, IN * IN, 1e-12, "rows of hessians");
    }
}
END_TEST

/* ---- Jacobians ---- */

/* Column k by tg_jvp, and by differences. */
static void expect_columns(const double *jacobian, int outputs) {
    const int count = BATCH * OUT;
    for (int k = 0; k < W; k++) {
        double column[BATCH * OUT], v[W] = { 0 }, forward[BATCH * OUT], numeric[BATCH * OUT];
        v[k] = 1;
        for (int i = 0; i < count; i++) column[i] = jacobian[i * W + k];
        const net n = record_net();
        read_run(tg_jvp(n.output, n.w, tg_input_f64(tape, v, 1, W)), forward);
        expect_near(column, forward, outputs, 1e-13, "jacobian against jvp");
        difference(output_of_net, w_at, v, W, numeric, count);
        expect_near(column, numeric, outputs, 1e-8, "jacobian against differences");
    }
}

START_TEST(jacobian_by_weights) {
    double    jacobian[BATCH * OUT * W];
    const net n = record_net();
    tg_tensor j = tg_jacobian(tg_view(n.output, 0, 1, BATCH * OUT), n.w);
    expect_shape(j, 1, BATCH * OUT * W);
    read_run(j, jacobian);
    expect_columns(jacobian, BATCH * OUT);
}
END_TEST

/* y [batch, 2] by x [batch, 3] goes backwards; z = [y, y, y] [batch, 6] by x forwards. */
START_TEST(jacobians_of_rows_both_ways) {
    double by_outputs[BATCH * OUT * IN], by_inputs[BATCH * 3 * OUT * IN];
    for (int wide = 0; wide < 2; wide++) {
        const net n = record_net();
        double    copies[OUT * 3 * OUT] = { 0 };
        for (int j = 0; j < 3 * OUT; j++) copies[(j % OUT) * 3 * OUT + j] = 1;
        tg_tensor y = wide == 0 ? n.output : tg_matmul(n.output, tg_input_f64(tape, copies, OUT, 3 * OUT)), j = tg_jacobian(y, n.x);
        expect_shape(j, BATCH, tg_cols(y) * IN);
        read_run(j, wide == 0 ? by_outputs : by_inputs);
    }
    for (int i = 0; i < BATCH; i++)
        for (int k = 0; k < 3; k++) expect_near(&by_inputs[(i * 3 + k) * OUT * IN], &by_outputs[i * OUT * IN], OUT * IN, 1e-13, "both ways");
    for (int k = 0; k < IN; k++) {
        double    v[BATCH * IN] = { 0 }, forward[BATCH * OUT], column[BATCH * OUT];
        const net n = record_net();
        for (int i = 0; i < BATCH; i++) v[i * IN + k] = 1;
        read_run(tg_jvp(n.output, n.x, tg_input_f64(tape, v, BATCH, IN)), forward);
        for (int i = 0; i < BATCH * OUT; i++) column[i] = by_outputs[i * IN + k];
        expect_near(column, forward, BATCH * OUT, 1e-13, "columns of rows");
    }
}
END_TEST

/* y_j = sum (a + b)_i j, j = 1 to m, by the block of a [1, 2] and b [1, 2], which is frozen: backwards for m = 2, forwards for m = 40. */
START_TEST(frozen_variables_do_not_move) {
    double     out[40 * 64], factors[40];
    tg_params *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    tg_variable *a = tg_variable_new(params, "a", 1, 2, NULL), *b = tg_variable_new(params, "b", 1, 2, NULL);
    ck_assert_int_eq(tg_freeze(b, true), TG_OK);
    for (int j = 0; j < 40; j++) factors[j] = j + 1;
    for (int m = 2; m <= 40; m += 38) {
        tg_begin(tape, NULL);
        tg_tensor block = tg_use_block(tape, params, NULL), sum = tg_sum(tg_add(tg_use(tape, a), tg_use(tape, b)));
        tg_tensor y     = tg_mul(sum, tg_input_f64(tape, factors, 1, m));
        const int64_t n = tg_cols(block);
        ck_assert_int_le(n, 64);
        read_run(tg_jacobian(y, block), out);
        for (int j = 0; j < m; j++)
            for (int64_t k = 0; k < n; k++) ck_assert_double_eq(out[j * n + k], k < 2 ? factors[j] : 0);
    }
    tg_params_free(params);
}
END_TEST

/* ---- Gauss-Newton ---- */

/* mse_loss has the Hessian 2/count by its prediction, so that the product is 2/count J' J v. */
START_TEST(gauss_newton_product) {
    const int count = BATCH * OUT;
    double    jacobian[BATCH * OUT * W], product[W], expected[W] = { 0 };
    net       n = record_net();
    read_run(tg_jacobian(tg_view(n.output, 0, 1, count), n.w), jacobian);
    n = record_net();
    tg_tensor loss = tg_mse_loss(n.output, tg_input_f64(tape, target_at, BATCH, OUT));
    loss = tg_add(loss, tg_sum(tg_square(n.w)));      /* by which x does not count */
    read_run(tg_gauss_newton_product(loss, n.output, n.w, tg_input_f64(tape, v_at, 1, W)), product);
    for (int i = 0; i < count; i++) {
        double along = 0;
        for (int k = 0; k < W; k++) along += jacobian[i * W + k] * v_at[k];
        for (int k = 0; k < W; k++) expected[k] += 2.0 / count * jacobian[i * W + k] * along;
    }
    expect_near(product, expected, W, 1e-12, "J'HJv");
}
END_TEST

/* ---- one gradient an example ---- */

START_TEST(per_example_gradients) {
    double    gradients[BATCH * IN * HIDDEN], deltas[BATCH * HIDDEN], norms[2][BATCH], one[W];
    const net n = record_net();
    tg_tensor sum = tg_scale(n.loss, BATCH), delta = tg_grad(sum, n.hidden);
    tg_tensor g = tg_per_example_gradients(n.x, delta);
    tg_tensor wanted[] = { g, delta, tg_per_example_squared_norms(n.x, delta, false), tg_per_example_squared_norms(n.x, delta, true) };
    expect_shape(g, BATCH, IN * HIDDEN);
    expect_shape(wanted[2], BATCH, 1);
    ck_assert_msg(tg_run_many(wanted, 4) == TG_OK, "%s", tg_tape_error(tape));
    ck_assert_int_eq(tg_read_f64(g, gradients), TG_OK);
    ck_assert_int_eq(tg_read_f64(delta, deltas), TG_OK);
    for (int k = 0; k < 2; k++) ck_assert_int_eq(tg_read_f64(wanted[2 + k], norms[k]), TG_OK);
    for (int i = 0; i < BATCH; i++) {
        double squared[2] = { 0, 0 };
        tg_begin(tape, NULL);
        tg_tensor w = tg_input_f64(tape, w_at, 1, W), x = tg_input_f64(tape, &x_at[i * IN], 1, IN);
        tg_tensor h = tg_linear(x, tg_view(w, 0, IN, HIDDEN), tg_view(w, IN * HIDDEN, 1, HIDDEN));
        tg_tensor y = tg_matmul(tg_tanh(h), tg_view(w, IN * HIDDEN + HIDDEN, HIDDEN, OUT));
        read_run(tg_grad(tg_mse_loss(tg_softplus(y), tg_input_f64(tape, &target_at[i * OUT], 1, OUT)), w), one);
        expect_near(&gradients[i * IN * HIDDEN], one, IN * HIDDEN, 1e-12, "gradient of an example");
        expect_near(&deltas[i * HIDDEN], &one[IN * HIDDEN], HIDDEN, 1e-12, "delta of an example");
        for (int k = 0; k < IN * HIDDEN + HIDDEN; k++) squared[1] += one[k] * one[k], squared[0] += k < IN * HIDDEN ? one[k] * one[k] : 0;
        for (int k = 0; k < 2; k++) ck_assert_double_le(fabs(norms[k][i] - squared[k]), 1e-12);
    }
}
END_TEST

/* ---- and again: sums of squares of all of it, whose derivatives are held against differences ---- */

START_TEST(all_of_it_is_differentiable) {
    for (int k = 0; k < 7; k++) {
        const net       n = record_net();
        const tg_tensor v = tg_input_f64(tape, v_at, 1, W), delta = tg_grad(n.loss, n.hidden);
        const tg_tensor x = tg_input_f64(tape, x_at, BATCH, IN);
        tg_tensor       made;
        switch (k) {
        case 0: made = tg_hvp(n.loss, n.w, v); break;
        case 1: made = tg_gauss_newton_product(n.loss, n.output, n.w, v); break;
        case 2: made = tg_jacobian(n.output, n.x); break;
        case 3: made = tg_jacobian(tg_view(n.output, 0, 1, BATCH * OUT), n.w); break;
        case 4: made = tg_hessian(row_function(x), x); break;
        case 5: made = tg_per_example_gradients(n.x, delta); break;
        default: made = tg_per_example_squared_norms(n.x, delta, true); break;
        }
        const tg_tensor loss   = tg_sum(tg_square(made));
        const tg_status status = tg_gradcheck(loss, &(tg_gradcheck_options){ .samples = 8, .tolerance = 1e-7 });
        const char     *sentence;
        tg_last_error(&sentence);
        ck_assert_msg(status == TG_OK && tg_tape_status(tape) == TG_OK, "%d: %s %s", k, sentence, tg_tape_error(tape));
    }
}
END_TEST

/* ---- what is disconnected, what is wrong ---- */

START_TEST(nothing_at_all) {
    const int64_t sizes[4][3] = { { 0, 2, 3 }, { 2, 0, 3 }, { 2, 3, 0 }, { 0, 0, 0 } };      /* batch, inputs, outputs */
    for (int k = 0; k < 4; k++) {
        const int64_t batch = sizes[k][0], in = sizes[k][1], out = sizes[k][2];
        tg_begin(tape, NULL);
        tg_tensor x = tg_input_f64(tape, x_at, batch, in), w = tg_input_f64(tape, w_at, in, out), y = tg_tanh(tg_matmul(x, w));
        tg_tensor j = tg_jacobian(y, x), h = tg_hessian(tg_sum_cols(y), x), g = tg_per_example_gradients(x, y);
        expect_shape(j, batch, out * in);
        expect_shape(h, batch, in * in);
        expect_shape(g, batch, in * out);
        tg_tensor n = tg_per_example_squared_norms(x, y, true), product = tg_hvp(tg_sum(y), w, w);
        expect_shape(n, batch, 1);
        expect_shape(product, in, out);
        ck_assert_msg(tg_run_many((tg_tensor[]){ j, h, g, n, product }, 5) == TG_OK, "%s", tg_tape_error(tape));
    }
}
END_TEST

START_TEST(disconnected_is_zero) {
    double out[4][BATCH * W * 9];
    const net n = record_net();
    tg_tensor other = tg_input_f64(tape, x_at, 1, IN), v = tg_input_f64(tape, v_at, 1, IN), rows = tg_input_f64(tape, target_at, BATCH, 2);
    tg_tensor wanted[] = { tg_hvp(n.loss, other, v), tg_hessian(n.loss, other), tg_jacobian(n.output, rows),
                           tg_gauss_newton_product(n.loss, n.output, other, v) };
    ck_assert_msg(tg_run_many(wanted, 4) == TG_OK, "%s", tg_tape_error(tape));
    for (int k = 0; k < 4; k++) {
        ck_assert_int_eq(tg_read_f64(wanted[k], out[k]), TG_OK);
        for (int i = 0; i < (int)(tg_rows(wanted[k]) * tg_cols(wanted[k])); i++) ck_assert_double_eq(out[k][i], 0);
    }
}
END_TEST

static tg_tensor segment(const tg_tensor inputs[], int count, const void *context);

static tg_tensor wrong_call(const net *n, int k, tg_status *expected) {
    static const int32_t labels[BATCH] = { 0 };
    const tg_tensor v = tg_input_f64(tape, v_at, 1, W), integers = tg_labels(tape, labels, BATCH);
    const tg_tensor others[2] = { n->x, n->w };
    *expected = TG_SHAPE_MISMATCH;
    switch (k) {
    case 0: return tg_hvp(n->output, n->w, v);
    case 1: return tg_hvp(n->loss, n->w, n->x);
    case 2: return tg_jacobian(n->output, n->w);
    case 3: return tg_hessian(n->output, n->x);
    case 4: return tg_hessian(n->loss, n->x);
    case 5: return tg_gauss_newton_product(n->output, n->output, n->w, v);
    case 6: return tg_gauss_newton_product(n->loss, n->output, n->w, n->x);
    case 7: return tg_per_example_gradients(n->x, n->w);
    case 8: return tg_per_example_squared_norms(n->w, n->x, true);
    case 9: return tg_per_example_gradients(n->x, integers);
    case 10: *expected = TG_TYPE_MISMATCH; return tg_jacobian(n->output, integers);
    case 11: *expected = TG_BAD_ARGUMENT; return tg_checkpoint(segment, NULL, others, 2, -1, 2);
    case 12: *expected = TG_NULL_ARGUMENT; return tg_checkpoint(NULL, NULL, others, 2, 1, 2);
    case 13: *expected = TG_NULL_ARGUMENT; return tg_hvp(n->loss, n->w, TG_NONE);
    case 14: *expected = TG_NULL_ARGUMENT; return tg_gauss_newton_product(n->loss, n->output, TG_NONE, v);
    case 15: *expected = TG_NULL_ARGUMENT; return tg_jacobian(n->output, TG_NONE);
    case 16: *expected = TG_NULL_ARGUMENT; return tg_per_example_gradients(n->x, TG_NONE);
    default: *expected = TG_OK; return TG_NONE;
    }
}

START_TEST(what_is_wrong_is_told) {
    tg_status expected = TG_BUG;
    for (int k = 0; expected != TG_OK; k++) {
        const net       n      = record_net();
        const tg_tensor failed = wrong_call(&n, k, &expected);
        ck_assert_uint_eq(failed.id, 0);
        ck_assert_msg(tg_tape_status(tape) == expected, "%d: %s, %s", k, tg_status_name(tg_tape_status(tape)), tg_tape_error(tape));
        ck_assert(expected == TG_OK || tg_tape_error(tape)[0] != '\0');
    }
    ck_assert_uint_eq(tg_hvp(TG_NONE, TG_NONE, TG_NONE).id, 0);
    ck_assert_int_eq(tg_last_error(NULL), TG_NULL_ARGUMENT);
    ck_assert_uint_eq(tg_checkpoint(segment, NULL, NULL, 0, 1, 1).id, 0);
    ck_assert_int_eq(tg_last_error(NULL), TG_NULL_ARGUMENT);
}
END_TEST

/* ---- checkpoints ---- */

enum { LAYERS = 16, A_SEGMENT = 4, WIDTH = 8, ROWS = 64 };

static double layers_at[LAYERS * WIDTH * WIDTH], batch_at[ROWS * WIDTH];

/* tanh(x W1), tanh(... W2), ...: inputs are x and the weights of the layers */
static tg_tensor segment(const tg_tensor inputs[], int count, const void *context) {
    tg_tensor h = inputs[0];
    (void)context;
    for (int k = 1; k < count; k++) h = tg_tanh(tg_matmul(h, inputs[k]));
    return h;
}

static tg_tensor deep_loss(tg_tensor w, tg_tensor x, bool checkpoints) {
    tg_tensor h = x;
    for (int k = 0; k < LAYERS; k += A_SEGMENT) {
        tg_tensor inputs[1 + A_SEGMENT] = { h };
        for (int i = 0; i < A_SEGMENT; i++) inputs[1 + i] = tg_view(w, (k + i) * WIDTH * WIDTH, WIDTH, WIDTH);
        h = checkpoints ? tg_checkpoint(segment, NULL, inputs, 1 + A_SEGMENT, ROWS, WIDTH) : segment(inputs, 1 + A_SEGMENT, NULL);
    }
    return tg_sum(tg_square(h));
}

/* Loss and gradient, and for order 2 a Hessian product; the arena's bytes. */
static size_t run_deep(const char *passes, bool checkpoints, int order, double *out) {
    tg_tape *deep = tg_tape_new(&(tg_tape_options){ .type = TG_F64, .passes = passes });
    const int size = LAYERS * WIDTH * WIDTH;
    tg_begin(deep, NULL);
    tg_tensor w = tg_input_f64(deep, layers_at, 1, size), loss = deep_loss(w, tg_input_f64(deep, batch_at, ROWS, WIDTH), checkpoints);
    tg_tensor g = order == 1 ? tg_grad(loss, w) : tg_hvp(loss, w, w);
    ck_assert_msg(tg_run_many((tg_tensor[]){ loss, g }, 2) == TG_OK, "%s", tg_tape_error(deep));
    out[size] = tg_item(loss);
    ck_assert_int_eq(tg_read_f64(g, out), TG_OK);
    tg_tape_statistics statistics;
    ck_assert_int_eq(tg_tape_stats(deep, &statistics), TG_OK);
    tg_tape_free(deep);
    return statistics.arena_bytes;
}

static bool is_eager(void) { return getenv("TAPEGRAD_EAGER") != NULL; }

/* Order 2 adds up what comes to the two recordings of a value separately: the same to rounding. */
START_TEST(checkpoints_keep_less_and_change_no_bit) {
    static double plain[LAYERS * WIDTH * WIDTH + 1], again[LAYERS * WIDTH * WIDTH + 1];
    const char *const passes[] = { "", "none,memory,donors", "-patterns", "none" };
    fill(layers_at, LAYERS * WIDTH * WIDTH), fill(batch_at, ROWS * WIDTH);
    for (size_t p = 0; p < (is_eager() ? 1 : 4); p++) {
        const char *const chosen = is_eager() ? NULL : passes[p];
        const size_t      all = run_deep(chosen, false, 1, plain), less = run_deep(chosen, true, 1, again);
        ck_assert_mem_eq(plain, again, sizeof plain);
        ck_assert_msg(is_eager() || p == 3 || 20 * less <= 13 * all, "passes \"%s\": %zu bytes, %zu without checkpoints", passes[p], less, all);
        run_deep(chosen, false, 2, plain);
        run_deep(chosen, true, 2, again);
        expect_near(again, plain, LAYERS * WIDTH * WIDTH + 1, 1e-13, "second order through checkpoints");
    }
}
END_TEST

/* Three layers of a net whose operands are x and its whole block of parameters; segment is its context's three views. */
typedef struct { int64_t offset[3]; } places;

static tg_tensor segment_of_block(const tg_tensor inputs[], int count, const void *context) {
    const places *p = context;
    tg_tensor     h = inputs[0];
    (void)count;
    for (int k = 0; k < 3; k++) h = tg_tanh(tg_matmul(h, tg_view(inputs[1], p->offset[k], IN, IN)));
    return h;
}

/* Steps of Adam; with a frozen layer. Steps repeat, so that one plan is compiled. */
static void train(const char *passes, bool checkpoint, double out[3 * IN * IN]) {
    static const char *const names[3] = { "a", "b", "c" };
    tg_params    *params = tg_params_new(5, &(tg_params_options){ .type = TG_F64 });
    tg_variable  *w[3];
    const places  p      = { { 0, 16, 32 } };      /* variables begin at multiples of 64 bytes */
    for (int k = 0; k < 3; k++) w[k] = tg_variable_new(params, names[k], IN, IN, &(tg_variable_options){ .init = TG_NORMAL });
    ck_assert_int_eq(tg_freeze(w[1], true), TG_OK);
    tg_optimizer *adam = tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.05 });
    tg_tape      *own  = tg_tape_new(&(tg_tape_options){ .type = TG_F64, .passes = passes });
    for (int step = 0; step < 6; step++) {
        tg_begin(own, NULL);
        const tg_tensor inputs[2] = { tg_input_f64(own, x_at, BATCH, IN), tg_use_block(own, params, NULL) };
        const tg_tensor y = checkpoint ? tg_checkpoint(segment_of_block, &p, inputs, 2, BATCH, IN) : segment_of_block(inputs, 2, &p);
        ck_assert_msg(tg_minimize(adam, tg_mean(tg_square(tg_shift(y, -0.5)))) == TG_OK, "%s", tg_tape_error(own));
    }
    tg_tape_statistics statistics;
    ck_assert_int_eq(tg_tape_stats(own, &statistics), TG_OK);
    ck_assert_int_le((int)statistics.compiles, 2);
    for (int k = 0; k < 3; k++) ck_assert_int_eq(tg_variable_read_f64(w[k], &out[k * IN * IN]), TG_OK);
    tg_tape_free(own);
    tg_optimizer_free(adam);
    tg_params_free(params);
}

START_TEST(checkpoints_of_parameters) {
    double plain[3 * IN * IN], again[3 * IN * IN];
    for (int p = 0; p < (is_eager() ? 1 : 2); p++) {
        train(p == 0 ? NULL : "none", false, plain);
        train(p == 0 ? NULL : "none", true, again);
        ck_assert_mem_eq(plain, again, sizeof plain);
    }
}
END_TEST

/* A segment that draws, one of another shape, one that fails. */
static tg_tensor draws(const tg_tensor inputs[], int count, const void *context) {
    (void)count, (void)context;
    return tg_mul(inputs[0], tg_bernoulli(inputs[0].tape, 0.5, BATCH, IN));
}

static tg_tensor sums(const tg_tensor inputs[], int count, const void *context) { return (void)count, (void)context, tg_sum(inputs[0]); }

static tg_tensor fails(const tg_tensor inputs[], int count, const void *context) {
    (void)count, (void)context;
    return tg_matmul(inputs[0], inputs[0]);
}

START_TEST(segments_that_cannot_be) {
    const tg_segment_fn wrong[]    = { draws, sums, fails };
    const tg_status     expected[] = { TG_UNSUPPORTED, TG_SHAPE_MISMATCH, TG_SHAPE_MISMATCH };
    for (int k = 0; k < 3; k++)
        for (int walked = 0; walked < 2; walked++) {
            tg_begin(tape, NULL);
            tg_tensor x = tg_input_f64(tape, x_at, BATCH, IN), y = tg_sum(tg_checkpoint(wrong[k], NULL, &x, 1, BATCH, IN));
            const tg_status status = tg_run(walked ? tg_grad(y, x) : y);
            ck_assert_msg(status == expected[k], "%d: %s, %s", k, tg_status_name(status), tg_tape_error(tape));
        }
}
END_TEST

/* ---- memory that runs out ---- */

static tg_status record_all(void *context) {
    (void)context;
    tg_tape *own = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    if (own == NULL) return TG_OUT_OF_MEMORY;
    tg_begin(own, NULL);
    tg_tensor x = tg_input_f64(own, x_at, BATCH, IN), w = tg_input_f64(own, w_at, IN, IN);
    tg_tensor y = tg_checkpoint(segment, NULL, (tg_tensor[]){ x, w, w }, 3, BATCH, IN), loss = tg_sum(tg_square(y));
    tg_tensor wanted[] = { tg_jacobian(y, x), tg_hessian(tg_sum_cols(y), x), tg_gauss_newton_product(loss, y, x, x),
                           tg_per_example_gradients(x, y) };
    const tg_status status = tg_run_many(wanted, 4);
    tg_tape_free(own);
    return status;
}

START_TEST(memory_that_runs_out) { let_each_allocation_fail(record_all, NULL, 20); }
END_TEST

int main(void) {
    Suite *suite = suite_create("higher");
    TCase *cases = tcase_create("higher");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    const TTest *const tests[] = { hessian_times_vector, hessians_of_rows, jacobian_by_weights, jacobians_of_rows_both_ways,
                                   frozen_variables_do_not_move,
                                   gauss_newton_product, per_example_gradients, all_of_it_is_differentiable, nothing_at_all,
                                   disconnected_is_zero, what_is_wrong_is_told, checkpoints_keep_less_and_change_no_bit,
                                   checkpoints_of_parameters, segments_that_cannot_be };
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) tcase_add_test(cases, tests[i]);
    TCase *memory = tcase_create("memory");
    tcase_add_test(memory, memory_that_runs_out);
    suite_add_tcase(suite, cases);
    suite_add_tcase(suite, memory);
    return run_suite(suite);
}
