/* test_grad.c - derivatives of random nets against five-point differences in double, and the walk. */
#include "support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tapegrad/tapegrad.h>

/* ---- a small generator, so that every run draws the same ---- */

static uint64_t state;

static uint32_t draw_bits(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

static int    draw_below(int n) { return (int)(draw_bits() % (uint32_t)n); }
static double draw(double lo, double hi) { return lo + (hi - lo) * (double)draw_bits() / 2147483648.0; }

/* ---- a function of one flat vector, recorded anew for each value ---- */

typedef tg_tensor (*program)(tg_tape *tape, tg_tensor x, const void *context);      /* x [1, n] -> any shape */

enum { MOST = 256 };

/* <seed, y> for the weights seed, or with order 2 <direction, gradient of it>. */
static double evaluate(tg_tape *tape, const double *x, int n, program f, const void *context, const double *seed, int order, const double *direction,
                       double *gradient) {
    ck_assert_int_eq(tg_begin(tape, &(tg_begin_options){ .training = true }), TG_OK);
    tg_tensor input = tg_input_f64(tape, x, 1, n), y = f(tape, input, context);
    tg_tensor value = tg_sum(tg_mul(y, tg_input_f64(tape, seed, tg_rows(y), tg_cols(y))));
    tg_tensor g     = TG_NONE;
    for (int k = 0; k < order; k++) {
        tg_gradients(value, TG_NONE, &input, 1, &g, &(tg_gradients_options){ .allow_unused = true });
        if (k + 1 < order) value = tg_sum(tg_mul(g, tg_input_f64(tape, direction, 1, n)));
    }
    tg_keep(value);
    tg_status s = tg_run(order > 0 ? g : value);
    ck_assert_msg(s == TG_OK, "%s: %s", tg_status_name(s), tg_tape_error(tape));
    if (gradient != NULL) ck_assert_int_eq(tg_read_f64(g, gradient), TG_OK);
    return tg_item(value);
}

typedef struct { int checked, skipped; double worst; } tally;

/* Five points; near a kink the one-sided slopes differ, and the sample is skipped. */
static void compare(tally *t, tg_tape *tape, double *x, int n, program f, const void *context, const double *seed, int order, const double *direction,
                    const double *analytic, int i) {
    const double keep = x[i], h = 1e-3 * fmax(1, fabs(keep));
    double       v[5];
    for (int k = -2; k <= 2; k++) {
        x[i]     = keep + k * h;
        v[k + 2] = order == 1 ? evaluate(tape, x, n, f, context, seed, 0, NULL, NULL) : evaluate(tape, x, n, f, context, seed, 1, direction, NULL);
        if (order == 2) {
            double g[MOST];
            evaluate(tape, x, n, f, context, seed, 1, direction, g);
            v[k + 2] = 0;
            for (int j = 0; j < n; j++) v[k + 2] += g[j] * direction[j];
        }
    }
    x[i] = keep;
    const double numeric = (v[0] - 8 * v[1] + 8 * v[3] - v[4]) / (12 * h);
    const double left = (3 * v[2] - 4 * v[1] + v[0]) / (2 * h), right = (-3 * v[2] + 4 * v[3] - v[4]) / (2 * h);
    const double scale = fmax(1, fmax(fabs(analytic[i]), fabs(numeric)));
    if (fabs(left - right) > 1e-3 * scale) {
        t->skipped++;
        return;
    }
    t->checked++;
    t->worst = fmax(t->worst, fabs(analytic[i] - numeric) / scale);
}

/* <seed, (dy/dx) v>, which is <vjp(seed), v> */
static double forward_mode(tg_tape *tape, const double *x, int n, program f, const void *context, const double *seed, const double *v) {
    tg_begin(tape, &(tg_begin_options){ .training = true });
    tg_tensor input = tg_input_f64(tape, x, 1, n), y = f(tape, input, context), moved = tg_jvp(y, input, tg_input_f64(tape, v, 1, n));
    tg_tensor result = tg_sum(tg_mul(moved, tg_input_f64(tape, seed, tg_rows(y), tg_cols(y))));
    ck_assert_int_eq(tg_rows(moved), tg_rows(y));
    ck_assert_int_eq(tg_cols(moved), tg_cols(y));
    ck_assert_msg(tg_run(result) == TG_OK, "%s", tg_tape_error(tape));
    return tg_item(result);
}

static void check_program(tally t[2], tg_tape *tape, double *x, int n, int outputs, program f, const void *context, int samples) {
    double seed[MOST], direction[MOST], g[MOST], gg[MOST];
    for (int i = 0; i < outputs; i++) seed[i] = draw(-1, 1);
    for (int i = 0; i < n; i++) direction[i] = draw(-1, 1);
    evaluate(tape, x, n, f, context, seed, 1, NULL, g);
    double along = 0, size = 1;
    for (int i = 0; i < n; i++) along += g[i] * direction[i], size += fabs(g[i] * direction[i]);
    ck_assert_double_le(fabs(forward_mode(tape, x, n, f, context, seed, direction) - along) / size, 1e-12);
    if (t == NULL) return;
    evaluate(tape, x, n, f, context, seed, 2, direction, gg);
    for (int s = 0; s < samples; s++) {
        const int i = samples >= n ? s % n : draw_below(n);
        compare(&t[0], tape, x, n, f, context, seed, 1, direction, g, i);
        compare(&t[1], tape, x, n, f, context, seed, 2, direction, gg, i);
    }
}

static void judge(const tally t[2], const char *name) {
    ck_assert_msg(t[0].worst <= 1e-8, "%s: first order off by %g", name, t[0].worst);
    ck_assert_msg(t[1].worst <= 1e-7, "%s: second order off by %g", name, t[1].worst);
    ck_assert_msg(t[0].checked + t[1].checked > 0 && t[0].skipped + t[1].skipped <= 0.05 * (t[0].checked + t[1].checked + t[0].skipped + t[1].skipped),
                  "%s: %d of %d skipped", name, t[0].skipped + t[1].skipped, t[0].checked + t[1].checked);
}

/* ---- functions made of ops ---- */

enum { FUNCTIONS = 11 };

static tg_tensor use_function(tg_tape *tape, tg_tensor x, const void *context) {      /* x [1, 24] */
    static const int32_t places[5] = { 3, 0, 3, 2, 3 };
    const tg_tensor      m = tg_reshape(x, 4, 6), part = tg_slice_rows(m, 1, 3), row = tg_slice_rows(m, 0, 1), at = tg_labels(tape, places, 5);
    const tg_tensor      positive = tg_exp(tg_slice_rows(m, 2, 3));
    switch (*(const int *)context) {
        case 0: return tg_mul(tg_reshape(tg_transpose(m), 3, 8), tg_reshape(m, 3, 8));
        case 1: return tg_square(tg_concat_rows((const tg_tensor[]){ part, m, part }, 3));
        case 2: return tg_mul(tg_concat_cols((const tg_tensor[]){ tg_slice_cols(m, 1, 3), m, tg_slice_cols(m, 2, 4) }, 3), tg_pad_cols(m, 1, 3));
        case 3: return tg_mul(tg_repeat_rows(m, 2), tg_sin(tg_repeat_rows(tg_mul(m, m), 2)));
        case 4: return tg_mul(tg_repeat_cols(part, 3), tg_sin(tg_repeat_cols(part, 3)));
        case 5: return tg_square(tg_gather_rows(tg_sin(m), at));
        case 6: return tg_outer(tg_tanh(row), tg_transpose(tg_slice_rows(m, 3, 4)));
        case 7: return tg_bilinear(tg_slice_cols(m, 0, 2), tg_slice_cols(m, 2, 5), tg_reshape(m, 6, 4), tg_slice_cols(row, 0, 4));
        case 8: return tg_layer_norm(m, tg_slice_rows(m, 1, 2), row, 0.1);
        case 9: return tg_rms_norm(m, row, 0.1);
        default: return tg_add(tg_batch_norm(m, TG_NONE, TG_NONE, row, tg_slice_rows(m, 3, 4), true, 0.1, 0.1),
                               tg_batch_norm(m, row, positive, TG_NONE, TG_NONE, false, 0.1, 0.1));
    }
}

START_TEST(functions_made_of_ops) {
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    double   x[24];
    char     name[40];
    for (int k = 0; k < FUNCTIONS; k++) {
        tally t[2] = { { 0 } };
        state = 31 + (uint64_t)k;
        for (int i = 0; i < 24; i++) x[i] = draw(-1.5, 1.5);
        tg_begin(tape, NULL);
        const tg_tensor y = use_function(tape, tg_input_f64(tape, x, 1, 24), &k);
        ck_assert_msg(tg_tape_status(tape) == TG_OK, "%d: %s", k, tg_tape_error(tape));
        check_program(t, tape, x, 24, (int)(tg_rows(y) * tg_cols(y)), use_function, &k, 24);
        snprintf(name, sizeof name, "function %d", k);
        judge(t, name);
    }
    tg_tape_free(tape);
}
END_TEST

/* The third derivative by three of four factors is the fourth, with one zero among them and with two. */
START_TEST(a_product_with_zeros_has_all_its_derivatives) {
    double   x[2][4] = { { 2, 0, 3, 5 }, { 0, 4, 0, 5 } }, third;
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    for (int k = 0; k < 2; k++) {
        tg_begin(tape, NULL);
        const tg_tensor a[4] = { tg_input_f64(tape, &x[k][0], 1, 1), tg_input_f64(tape, &x[k][1], 1, 1), tg_input_f64(tape, &x[k][2], 1, 1),
                                 tg_input_f64(tape, &x[k][3], 1, 1) };
        const tg_tensor y = tg_prod(tg_concat(a, 4)), g = tg_grad(tg_grad(tg_grad(y, a[0]), a[1]), a[2]);
        ck_assert_msg(tg_run(g) == TG_OK, "%s", tg_tape_error(tape));
        third = tg_item(g);
        ck_assert_double_eq(third, 5);
    }
    tg_tape_free(tape);
}
END_TEST

/* ---- kernel against expand, where it is known what the value is the sum of. Every other promise of an op is tg_op_check's: tests/check ---- */

typedef struct op_case {
    const tg_op *op;
    tg_shape     shape[2];
    int32_t      labels[8];
} op_case;

static tg_tensor apply_case(tg_tape *tape, tg_tensor x, const op_case *c) {
    tg_tensor operand[2];
    int64_t   offset = 0;
    for (int k = 0; k < c->op->arity; k++) {
        const tg_shape s = c->shape[k];
        if (s.integer) operand[k] = tg_input_i32(tape, c->labels, s.rows, s.cols);
        else operand[k] = tg_view(x, offset, s.rows, s.cols), offset += s.rows * s.cols;
    }
    return tg_apply(tape, c->op, operand, c->op->arity, NULL);
}

static bool is(const tg_op *op, const char *name) { return strcmp(op->name, name) == 0; }

/* The operands of an op that has both: numbers [rows, cols], and a target of that shape or a label for each row. */
typedef struct numbers {
    const double  *x, *target;
    const int32_t *labels;
    int64_t        rows, cols;
} numbers;

static double log_sum_exp(const double *x, int64_t count) {
    double most = -INFINITY, sum = 0;
    for (int64_t j = 0; j < count; j++) most = fmax(most, x[j]);
    for (int64_t j = 0; j < count; j++) sum += exp(x[j] - most);
    return most + log(sum);
}

/* The terms that element (i, j) of the operands puts into the value, each with its magnitude, so that nothing cancels: the value may be off by a few
 * roundings of their sum. */
typedef double (*magnitude)(const numbers *a, int64_t i, int64_t j);

/* x */
static double plain(const numbers *a, int64_t i, int64_t j) { return fabs(a->x[i * a->cols + j]); }

/* x - logsumexp(x) */
static double logarithm(const numbers *a, int64_t i, int64_t j) { return plain(a, i, j) + fabs(log_sum_exp(a->x + i * a->cols, a->cols)); }

/* e^(x - logsumexp(x)), one rounding of its own and as many more as the exponent is off by */
static double exponential(const numbers *a, int64_t i, int64_t j) {
    return exp(a->x[i * a->cols + j] - log_sum_exp(a->x + i * a->cols, a->cols)) * (1 + logarithm(a, i, j));
}

/* logsumexp(x) - x at the label */
static double labelled(const numbers *a, int64_t i, int64_t j) { return a->labels[i] == j ? logarithm(a, i, j) : 0; }

/* t (logsumexp(x) - x) */
static double distributed(const numbers *a, int64_t i, int64_t j) { return fabs(a->target[i * a->cols + j]) * logarithm(a, i, j); }

/* ln(1 + e^x) - t x */
static double binary(const numbers *a, int64_t i, int64_t j) {
    const double x = a->x[i * a->cols + j];
    return fmax(x, 0) + log1p(exp(-fabs(x))) + fabs(a->target[i * a->cols + j] * x);
}

/* (x - t)^2 */
static double squared(const numbers *a, int64_t i, int64_t j) {
    const double difference = a->x[i * a->cols + j] - a->target[i * a->cols + j];
    return difference * difference;
}

/* The value is the sum of the terms over each dimension in which it has size 1, divided by the sizes of those it is a mean over. */
static const struct { const char *op; magnitude terms; bool mean_over_rows, mean_over_cols; } meanings[] = {
    { "mean", plain, true, true },
    { "mean_rows", plain, true, false },
    { "mean_cols", plain, false, true },
    { "softmax", exponential, false, false },
    { "log_softmax", logarithm, false, false },
    { "cross_entropy", labelled, true, false },
    { "cross_entropy_distribution", distributed, true, false },
    { "binary_cross_entropy_with_logits", binary, true, true },
    { "mse_loss", squared, true, true },
};

static size_t meaning_of(const tg_op *op) {
    size_t k = 0;
    while (k < sizeof meanings / sizeof meanings[0] && !is(op, meanings[k].op)) k++;
    ck_assert_msg(k < sizeof meanings / sizeof meanings[0], "the op %s has a kernel and an expand, and no row in meanings", op->name);
    return k;
}

static void add_up_magnitudes(const tg_op *op, const numbers *a, tg_shape output, double *sum) {
    const size_t k     = meaning_of(op);
    const double count = (meanings[k].mean_over_rows ? (double)a->rows : 1) * (meanings[k].mean_over_cols ? (double)a->cols : 1);
    memset(sum, 0, (size_t)(output.rows * output.cols) * sizeof *sum);
    for (int64_t i = 0; i < a->rows; i++)
        for (int64_t j = 0; j < a->cols; j++)
            sum[(output.rows == 1 ? 0 : i) * output.cols + (output.cols == 1 ? 0 : j)] += meanings[k].terms(a, i, j) / count;
}

/* One draw of operands up to size. In f32 kernel and expansion may differ by four units of 2^-23 of what the value is the sum of. */
static void compare_meanings(tg_tape *tape, bool f64, op_case *c, double size) {
    double  x[MOST], kernel[MOST], expanded[MOST], sum[MOST];
    tg_op   without_kernels = *c->op;
    op_case meaning         = *c;
    meaning.op          = &without_kernels;
    without_kernels.f32 = without_kernels.f64 = NULL;
    for (int k = 0; k < MOST; k++) x[k] = (double)(float)draw(-size, size);      /* the same numbers in both types */
    tg_begin(tape, NULL);
    tg_tensor input = tg_input_f64(tape, x, 1, MOST), one = apply_case(tape, input, c), other = apply_case(tape, input, &meaning);
    ck_assert_msg(tg_run_many((tg_tensor[]){ one, other }, 2) == TG_OK, "%s", tg_tape_error(tape));
    ck_assert_int_eq(tg_read_f64(one, kernel), TG_OK);
    ck_assert_int_eq(tg_read_f64(other, expanded), TG_OK);
    const tg_shape s = c->shape[0];
    add_up_magnitudes(c->op, &(numbers){ x, x + s.rows * s.cols, c->labels, s.rows, s.cols }, tg_shape_of(one), sum);
    for (int k = 0; k < tg_rows(one) * tg_cols(one); k++) {
        const double bound = f64 ? 1e-13 * fmax(1, fabs(kernel[k])) : 4 * 0x1p-23 * sum[k];
        ck_assert_msg(fabs(kernel[k] - expanded[k]) <= bound, "%s in %s of numbers up to %g: %.17g, expanded %.17g, %.3g times the bound",
                      c->op->name, f64 ? "f64" : "f32", size, kernel[k], expanded[k], fabs(kernel[k] - expanded[k]) / bound);
    }
}

static void set_rows_and_cols(op_case *c, int64_t rows, int64_t cols) {
    const bool labels = is(c->op, "cross_entropy");
    c->shape[0] = (tg_shape){ rows, cols, false };
    c->shape[1] = (tg_shape){ rows, labels ? 1 : cols, labels };
}

START_TEST(kernels_do_what_expansions_say) {
    const double sizes[] = { 0.01, 2, 20, 1000 };
    for (int type = TG_F32; type <= TG_F64; type++) {
        tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = (tg_type)type });
        for (int i = 0; i < tg_op_count(); i++) {
            op_case c = { .op = tg_op_at(i), .labels = { 2, 0, 3, 3, 1, 0, 2, 1 } };
            if (c.op->expand == NULL || c.op->f64 == NULL) continue;
            ck_assert(c.op->arity <= 2 && c.op->attribute_size == 0);
            state = 11 + (uint64_t)i;
            for (int k = 0; k < 160; k++) {
                if (k % 2 == 0) set_rows_and_cols(&c, 3, 5);      /* whose reciprocals have to be rounded */
                else set_rows_and_cols(&c, 8, 16);
                compare_meanings(tape, type == TG_F64, &c, sizes[k / 2 % 4]);
            }
        }
        tg_tape_free(tape);
    }
}
END_TEST

/* ---- random nets: random shapes, fan-out, shared weights ---- */

typedef struct net { uint64_t seed; int rows, cols, weights; } net;

static tg_tensor activation(tg_tensor x, int which) {
    switch (which) {
        case 0: return tg_tanh(x);
        case 1: return tg_sigmoid(x);
        case 2: return tg_softplus(x);
        case 3: return tg_sin(x);
        case 4: return tg_relu(x);
        case 5: return tg_log_softmax(x);
        case 6: return tg_mul(x, tg_sigmoid(x));
        default: return tg_softmax(x);
    }
}

/* The structure depends on the seed alone. x holds the input [rows, cols] and shared square weights [cols, cols]. */
static tg_tensor random_net(tg_tape *tape, tg_tensor x, const void *context) {
    const net *a = context;
    uint64_t   keep = state;
    state = a->seed;
    const int64_t square = (int64_t)a->cols * a->cols, first = (int64_t)a->rows * a->cols;
    tg_tensor     value[12];
    int           count = 0;
    value[count++] = tg_view(x, 0, a->rows, a->cols);
    for (int k = 0; k < 8; k++) {
        tg_tensor p = value[draw_below(count)], q = value[draw_below(count)];
        tg_tensor w = tg_view(x, first + draw_below(a->weights) * square, a->cols, a->cols);
        switch (draw_below(7)) {
            case 0: p = activation(tg_matmul(p, w), draw_below(8)); break;
            case 1: p = activation(tg_matmul_transposed(p, false, w, true), draw_below(8)); break;
            case 2: p = tg_add(p, q); break;
            case 3: p = tg_mul(p, activation(q, draw_below(4))); break;
            case 4: p = tg_sub(p, tg_mean_rows(q)); break;
            case 5: p = tg_div(p, tg_shift(tg_sum_cols(tg_square(q)), 1)); break;
            default: p = activation(tg_add(p, tg_view(x, 1, 1, a->cols)), draw_below(8)); break;      /* a slice that overlaps the input */
        }
        value[count++] = p;
    }
    state = keep;
    (void)tape;
    return tg_add(value[count - 1], tg_tanh(value[count - 2]));
}

START_TEST(random_nets) {
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tally    t[2] = { { 0 } };
    for (int i = 0; i < 200; i++) {
        state = 1000 + (uint64_t)i;
        net    a = { .seed = 5000 + (uint64_t)i, .rows = 1 + draw_below(4), .cols = 2 + draw_below(3), .weights = 1 + draw_below(2) };
        double x[MOST];
        int    n = a.rows * a.cols + a.weights * a.cols * a.cols;
        for (int k = 0; k < n; k++) x[k] = draw(-1, 1);
        check_program(t, tape, x, n, a.rows * a.cols, random_net, &a, 6);
    }
    judge(t, "random nets");
    tg_tape_free(tape);
}
END_TEST

/* ---- the walk ---- */

START_TEST(views_of_computed_values_and_of_views_keep_their_gradient) {
    const double x[6] = { 1, 2, 3, 4, 5, 6 };
    double       g[6];
    tg_tape     *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor    p = tg_input_f64(tape, x, 2, 3), square = tg_square(p), v = tg_view(square, 1, 1, 4), w = tg_view(v, 1, 2, 1);
    tg_tensor    gradient = tg_grad(tg_add(tg_sum(v), tg_sum(w)), p);
    ck_assert_int_eq(tg_run(gradient), TG_OK);
    ck_assert_int_eq(tg_read_f64(gradient, g), TG_OK);
    const double expected[6] = { 0, 4, 12, 16, 10, 0 };
    for (int i = 0; i < 6; i++) ck_assert_double_eq(g[i], expected[i]);
    tg_tape_free(tape);
}
END_TEST

START_TEST(disconnected_stopped_and_unused) {
    const double x[2] = { 1, 2 };
    tg_tape     *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor    a = tg_input_f64(tape, x, 1, 2), b = tg_input_f64(tape, x, 1, 2), y = tg_sum(tg_mul(tg_stop(a), a));
    uint32_t     nodes = tg_node_count(tape);
    tg_tensor    g = tg_grad(y, b);
    ck_assert_int_eq(tg_tape_status(tape), TG_DISCONNECTED);
    ck_assert_uint_eq(g.id, 0);
    ck_assert_uint_eq(tg_node_count(tape), nodes);
    tg_begin(tape, NULL);
    a = tg_input_f64(tape, x, 1, 2), b = tg_input_f64(tape, x, 1, 2);
    g = tg_grad(tg_sum(tg_stop(a)), a);      /* reached through a stop only: zero, and no failure */
    double value[2] = { 9, 9 };
    ck_assert_int_eq(tg_run(g), TG_OK);
    ck_assert_int_eq(tg_read_f64(g, value), TG_OK);
    ck_assert(value[0] == 0 && value[1] == 0);
    ck_assert_int_eq(tg_gradients(tg_sum(a), TG_NONE, &b, 1, &g, &(tg_gradients_options){ .allow_unused = true }), TG_OK);
    ck_assert_int_eq(tg_cols(g), 2);
    tg_tape_free(tape);
}
END_TEST

/* y = x A: (dy/dx) v = v A, to the bit; by a block, along the variables that are not frozen; of what does not depend on x, zeros. */
START_TEST(forward_mode_of_a_product_of_a_block_and_of_constants) {
    const double x[3] = { 1, 2, 3 }, a[6] = { 1, -2, 3, 0.5, 4, -1 }, v[3] = { 0.5, -1, 2 };
    double       out[2];
    tg_tape     *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor    in = tg_input_f64(tape, x, 1, 3), matrix = tg_input_f64(tape, a, 3, 2), along = tg_input_f64(tape, v, 1, 3);
    tg_tensor    moved = tg_jvp(tg_matmul(in, matrix), in, along), itself = tg_jvp(in, in, along);
    tg_tensor    stopped = tg_jvp(tg_sum(tg_stop(in)), in, along), apart = tg_jvp(matrix, in, along);
    tg_tensor    twice = tg_jvp(tg_jvp(tg_sum(tg_square(in)), in, along), in, along);
    tg_keep(moved), tg_keep(itself), tg_keep(apart);
    ck_assert_msg(tg_run_many((tg_tensor[]){ stopped, twice }, 2) == TG_OK, "%s", tg_tape_error(tape));
    ck_assert_int_eq(tg_read_f64(moved, out), TG_OK);
    for (int j = 0; j < 2; j++) ck_assert_double_eq(out[j], v[0] * a[j] + v[1] * a[2 + j] + v[2] * a[4 + j]);
    ck_assert_mem_eq(tg_data_f64(itself), v, sizeof v);
    ck_assert_double_eq(tg_item(stopped), 0);
    ck_assert_double_eq(tg_item(twice), 2 * (0.25 + 1 + 4));
    ck_assert_int_eq(tg_rows(apart), 3);
    for (int i = 0; i < 6; i++) ck_assert_double_eq(tg_data_f64(apart)[i], 0);
    tg_params   *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    tg_variable *p = tg_variable_new(params, "p", 1, 1, NULL), *q = tg_variable_new(params, "q", 1, 1, NULL);
    ck_assert_int_eq(tg_freeze(q, true), TG_OK);
    tg_begin(tape, NULL);
    tg_tensor block = tg_use_block(tape, params, NULL), y = tg_add(tg_use(tape, p), tg_scale(tg_use(tape, q), 10));
    moved = tg_jvp(y, block, tg_broadcast_to(tg_constant(tape, 1), 1, tg_cols(block)));
    ck_assert_msg(tg_run(moved) == TG_OK, "%s", tg_tape_error(tape));
    ck_assert_double_eq(tg_item(moved), 1);
    tg_tape_free(tape);
    tg_params_free(params);
}
END_TEST

START_TEST(forward_mode_refuses) {
    static const double  x[3] = { 1, 2, 3 };
    static const int32_t labels[3];
    static const tg_status expected[5] = { TG_SHAPE_MISMATCH, TG_SHAPE_MISMATCH, TG_NULL_ARGUMENT, TG_TYPE_MISMATCH, TG_NO_DERIVATIVE };
    tg_tape *tape = tg_tape_new(NULL);
    for (int k = 0; k < 5; k++) {
        tg_begin(tape, NULL);
        tg_tensor      in = tg_input_f64(tape, x, 1, 3), integers = tg_input_i32(tape, labels, 1, 3), y = tg_exp(in), blunt = tg_map(in, exp, NULL);
        tg_tensor      moved;
        const uint32_t nodes = tg_node_count(tape);
        switch (k) {
        case 0: moved = tg_jvp(y, in, tg_view(in, 0, 3, 1)); break;
        case 1: moved = tg_jvp(y, in, integers); break;
        case 2: moved = tg_jvp(y, in, TG_NONE); break;
        case 3: moved = tg_jvp(integers, in, in); break;
        default: moved = tg_jvp(blunt, in, in);
        }
        ck_assert_uint_eq(moved.id, 0);
        ck_assert_msg(tg_tape_status(tape) == expected[k], "%d: %s", k, tg_tape_error(tape));
        ck_assert_uint_eq(tg_node_count(tape), nodes + (k == 0 ? 1 : 0));      /* the view is the caller's */
    }
    ck_assert_uint_eq(tg_jvp(TG_NONE, TG_NONE, TG_NONE).id, 0);
    ck_assert_int_eq(tg_last_error(NULL), TG_NULL_ARGUMENT);
    tg_tape_free(tape);
}
END_TEST

static double cube(double x) { return x * x * x; }
static double cube_slope(double x) { return 3 * x * x; }
static tg_tensor bent_slope(tg_tensor x) { return tg_shift(tg_div(tg_scale(x, 0.5), tg_sqrt(tg_shift(tg_square(x), 1))), 1); }

TG_MAP1(test_bent, (sqrt(x * x + 1) - 1) / 2 + x, tg_mul(g, bent_slope(x)), .tex = "bent")

static tg_tensor use_map(tg_tape *tape, tg_tensor x, const void *context) {
    (void)tape, (void)context;
    return tg_map(x, cube, cube_slope);
}

static tg_tensor use_bent(tg_tape *tape, tg_tensor x, const void *context) {
    (void)tape, (void)context;
    return test_bent(tg_mul(x, test_bent(x)));
}

START_TEST(ops_of_users) {
    double   x[4] = { 0.3, -1, 2, 0.1 }, seed[4] = { 1, 2, 3, 4 }, g[4];
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tally    t[2] = { { 0 } };
    check_program(t, tape, x, 4, 4, use_bent, NULL, 4);
    judge(t, "test_bent");
    evaluate(tape, x, 4, use_map, NULL, seed, 1, NULL, g);
    for (int i = 0; i < 4; i++) ck_assert_double_eq(g[i], seed[i] * cube_slope(x[i]));
    tg_begin(tape, NULL);
    tg_tensor input = tg_input_f64(tape, x, 1, 4), first = tg_grad(tg_sum(use_map(tape, input, NULL)), input);
    tg_grad(tg_sum(first), input);
    ck_assert_int_eq(tg_tape_status(tape), TG_NO_DERIVATIVE);
    tg_tape_free(tape);
    tape = tg_tape_new(NULL);      /* an op with a kernel in double only runs on converted values */
    input = tg_input_f64(tape, x, 2, 2);
    tg_tensor y = test_bent(input);
    float     out[4];
    ck_assert_int_eq(tg_run(y), TG_OK);
    ck_assert_int_eq(tg_read(y, out), TG_OK);
    for (int i = 0; i < 4; i++) {
        const double v = (double)(float)x[i];
        ck_assert(out[i] == (float)((sqrt(v * v + 1) - 1) / 2 + v));
    }
    ck_assert_int_eq(tg_register(&test_bent_op), TG_OK);
    ck_assert_int_eq(tg_register(&test_bent_op), TG_OK);
    ck_assert_ptr_eq(tg_op_find("test_bent"), &test_bent_op);
    tg_tape_free(tape);
}
END_TEST

/* sin(3 x) and its derivatives, each plain and with the 3 from a context. */
static double sine(double x) { return sin(3 * x); }
static double sine_slope(double x) { return 3 * cos(3 * x); }
static double sine_bend(double x) { return -9 * sin(3 * x); }
static double sine_of(double x, const void *factor) { return sin(*(const double *)factor * x); }
static double sine_slope_of(double x, const void *factor) { return *(const double *)factor * cos(*(const double *)factor * x); }
static double sine_bend_of(double x, const void *factor) {
    const double a = *(const double *)factor;
    return -a * a * sin(a * x);
}

static tg_tensor use_map2(tg_tape *tape, tg_tensor x, const void *context) {
    (void)tape;
    return context == NULL ? tg_map2(x, sine, sine_slope, sine_bend) : tg_map2_context(x, sine_of, sine_slope_of, sine_bend_of, context);
}

static tg_tensor use_map2_twice(tg_tape *tape, tg_tensor x, const void *context) {
    return tg_mul(x, use_map2(tape, use_map2(tape, x, context), context));
}

START_TEST(functions_with_two_derivatives) {
    const double factor = 3, seed[3] = { 1, 1, 1 }, direction[3] = { 1, 1, 1 };
    double       x[3] = { 0.3, -1, 2 }, g[3];
    tg_tape     *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    for (int k = 0; k < 2; k++) {
        const void *context = k == 0 ? NULL : &factor;
        tally       t[2]    = { { 0 } };
        state = 21;
        check_program(t, tape, x, 3, 3, use_map2_twice, context, 3);
        judge(t, "map2");
        for (int order = 1; order <= 2; order++) {
            evaluate(tape, x, 3, use_map2, context, seed, order, direction, g);
            for (int i = 0; i < 3; i++) ck_assert_double_eq(g[i], order == 1 ? sine_slope(x[i]) : sine_bend(x[i]));
        }
        tg_begin(tape, NULL);
        tg_tensor input = tg_input_f64(tape, x, 1, 3), first = tg_grad(tg_sum(use_map2(tape, input, context)), input);
        tg_tensor second = tg_grad(tg_sum(first), input);
        ck_assert_msg(tg_tape_status(tape) == TG_OK, "%s", tg_tape_error(tape));
        tg_grad(tg_sum(second), input);
        ck_assert_int_eq(tg_tape_status(tape), TG_NO_DERIVATIVE);
        ck_assert_ptr_nonnull(strstr(tg_tape_error(tape), "= map(v1)"));
    }
    tg_tape_free(tape);
}
END_TEST

START_TEST(functions_that_are_missing_are_refused) {
    const double x    = 1;
    tg_tape     *tape = tg_tape_new(NULL);
    for (int k = 0; k < 6; k++) {
        tg_begin(tape, NULL);
        const tg_tensor a = tg_input_f64(tape, &x, 1, 1);
        const tg_tensor y = k < 3 ? tg_map2(a, k == 0 ? NULL : sine, k == 1 ? NULL : sine_slope, k == 2 ? NULL : sine_bend)
                                  : tg_map2_context(a, k == 3 ? NULL : sine_of, k == 4 ? NULL : sine_slope_of, k == 5 ? NULL : sine_bend_of, &x);
        ck_assert_uint_eq(y.id, 0);
        ck_assert_int_eq(tg_tape_status(tape), TG_NULL_ARGUMENT);
    }
    tg_tape_free(tape);
}
END_TEST

/* A parameter that y does not reach is named, where others of its block are. */
START_TEST(a_parameter_without_influence_is_named) {
    tg_params   *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    tg_variable *w = tg_variable_new(params, "w", 2, 3, NULL), *v = tg_variable_new(params, "left_out", 1, 3, NULL);
    tg_tape     *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    for (int k = 0; k < 4; k++) {
        tg_begin(tape, NULL);
        const tg_tensor block = tg_use_block(tape, params, NULL), of_w = tg_sum(tg_use(tape, w));
        const tg_tensor y = k == 0 ? of_w : k == 1 ? tg_add(of_w, tg_sum(tg_use(tape, v))) : k == 2 ? tg_sum(block) : tg_sum(tg_use(tape, v));
        tg_tensor       g;
        const tg_status status = tg_gradients(y, TG_NONE, &block, 1, &g, NULL);
        ck_assert_msg(status == (k == 0 || k == 3 ? TG_DISCONNECTED : TG_OK), "%d: %s", k, tg_tape_error(tape));
        if (k == 0) ck_assert_ptr_nonnull(strstr(tg_tape_error(tape), "\"left_out\""));
        if (k == 3) ck_assert_ptr_nonnull(strstr(tg_tape_error(tape), "\"w\""));
    }
    tg_tape_free(tape);
    tg_params_free(params);
}
END_TEST

/* Two slices that make up a block need no views of their cotangents, and a block without frozen slices no mask. */
START_TEST(whole_slices_are_not_cut) {
    tg_params   *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    tg_variable *w = tg_variable_new(params, "w", 1, 8, NULL), *v = tg_variable_new(params, "v", 1, 8, NULL);
    tg_tape     *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor    block = tg_use_block(tape, params, NULL), y = tg_sum(tg_mul(tg_use(tape, w), tg_use(tape, v)));
    uint32_t     before = tg_node_count(tape);
    tg_tensor    g      = tg_grad(y, block);
    tg_node      node;
    ck_assert_int_eq(tg_cols(block), 16);
    for (uint32_t id = before + 1; id <= g.id; id++) {
        ck_assert_int_eq(tg_node_at(tape, id, &node), TG_OK);
        ck_assert_str_ne(node.op->name, "view");
    }
    ck_assert_int_eq(tg_node_at(tape, g.id, &node), TG_OK);
    ck_assert_str_eq(node.op->name, "concat");
    ck_assert_int_eq(node.input_count, 2);
    tg_tape_free(tape);
    tg_params_free(params);
}
END_TEST

/* Slices that begin one element apart are looked at in their order, whichever was recorded first. */
START_TEST(slices_that_begin_one_apart) {
    tg_params   *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    tg_variable *w = tg_variable_new(params, "w", 1, 1, &(tg_variable_options){ .init = TG_NORMAL }), *v = tg_variable_new(params, "v", 1, 1, NULL);
    tg_tape     *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor    block = tg_use_block(tape, params, NULL), behind = tg_sum(tg_view(block, 1, 1, 2)), g;
    tg_tensor    y = tg_add(behind, tg_add(tg_scale(tg_use(tape, w), 3), tg_use(tape, v)));
    ck_assert_msg(tg_gradients(y, TG_NONE, &block, 1, &g, NULL) == TG_OK, "%s", tg_tape_error(tape));
    ck_assert_msg(tg_run(g) == TG_OK, "%s", tg_tape_error(tape));
    double *values = calloc((size_t)tg_cols(g), sizeof *values);
    ck_assert_int_eq(tg_read_f64(g, values), TG_OK);
    ck_assert_double_eq(values[0], 3);
    ck_assert_double_eq(values[1], 0);      /* no variable lies there */
    free(values);
    tg_tape_free(tape);
    tg_params_free(params);
}
END_TEST

/* y = x_0 x_1 + x_2^2 row by row, so that dy/dx_1 = x_0 and dy/dx_2 = 2 x_2; and so differentiated again. */
START_TEST(a_column_of_the_derivatives) {
    const double x[12] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
    tg_tape     *tape  = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor    in = tg_input_f64(tape, x, 4, 3), row = tg_transpose(in), y[4];
    tg_tensor    column[3];
    double       value[4];
    for (int c = 0; c < 3; c++) column[c] = tg_transpose(tg_view(row, 4 * c, 1, 4));
    y[0] = tg_add(tg_mul(column[0], column[1]), tg_square(column[2]));
    y[1] = tg_diff(y[0], in, 1), y[2] = tg_diff(y[0], in, 2), y[3] = tg_diff(y[1], in, 0);
    ck_assert_msg(tg_run_many(y, 4) == TG_OK, "%s", tg_tape_error(tape));
    for (int k = 1; k < 4; k++) {
        ck_assert_int_eq(tg_rows(y[k]), 4);
        ck_assert_int_eq(tg_cols(y[k]), 1);
        ck_assert_int_eq(tg_read_f64(y[k], value), TG_OK);
        for (int i = 0; i < 4; i++) ck_assert_double_eq_tol(value[i], k == 1 ? x[3 * i] : k == 2 ? 2 * x[3 * i + 2] : 1, 1e-12);
    }
    tg_tape_free(tape);
}
END_TEST

START_TEST(messages_add_up) {
    const double x[2] = { 3, 4 };
    tg_tape     *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor    a = tg_input_f64(tape, x, 1, 2), g = tg_grad(tg_sum(tg_add(tg_add(a, a), tg_square(a))), a);
    int          of_a = 0;
    for (int i = 0; i < tg_message_count(g); i++) {
        tg_message m;
        ck_assert_int_eq(tg_message_at(g, i, &m), TG_OK);
        if (m.to.id != a.id) continue;
        of_a++;
        ck_assert_int_eq(m.k, of_a);
        ck_assert_int_eq(m.n, 3);
        ck_assert(m.k > 1 ? m.before.id != 0 : m.before.id == 0);
        if (m.k == m.n) ck_assert_uint_eq(m.after.id, g.id);
    }
    ck_assert_int_eq(of_a, 3);
    tg_tape_free(tape);
}
END_TEST

/* The walk ends at what is wanted: the rule of an op with nothing wanted beneath it is not called, and need not exist. */
START_TEST(what_has_no_derivative_may_itself_be_wanted) {
    const double x[2] = { 0.5, -2 };
    tg_tape     *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor    a = tg_input_f64(tape, x, 1, 2), list[3] = { tg_less_equal(a, tg_square(a)), tg_stop(a), tg_matmul(a, tg_transpose(a)) };
    for (int i = 0; i < 3; i++) {
        const tg_tensor y      = tg_sum(tg_square(list[i]));
        const uint32_t  before = tg_node_count(tape);
        double          value[2], slope[2];
        const int       count = (int)tg_cols(list[i]);
        const tg_tensor g     = tg_grad(y, list[i]);
        ck_assert_msg(tg_run_many((tg_tensor[]){ list[i], g }, 2) == TG_OK, "%s", tg_tape_error(tape));
        ck_assert_int_eq(tg_read_f64(list[i], value), TG_OK);
        ck_assert_int_eq(tg_read_f64(g, slope), TG_OK);
        for (int k = 0; k < count; k++) ck_assert(slope[k] == 2 * value[k]);
        for (uint32_t id = before + 1; id <= tg_node_count(tape); id++) {
            tg_node node;
            ck_assert_int_eq(tg_node_at(tape, id, &node), TG_OK);
            ck_assert_ptr_ne(node.op, tg_op_find("matmul"));
        }
    }
    tg_tape_free(tape);
}
END_TEST

START_TEST(a_long_chain_needs_no_deep_stack) {
    const double x    = 0.5;
    tg_tape     *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor    a = tg_input_f64(tape, &x, 1, 1), y = a;
    for (int i = 0; i < 100000; i++) y = tg_shift(y, 1e-6);
    tg_tensor g = tg_grad(tg_square(y), a);
    ck_assert_msg(tg_run(g) == TG_OK, "%s", tg_tape_error(tape));
    ck_assert_double_eq_tol(tg_item(g), 2 * 0.6, 1e-9);
    tg_tape_free(tape);
}
END_TEST

int main(void) {
    return RUN_TESTS("grad", functions_made_of_ops, a_product_with_zeros_has_all_its_derivatives, kernels_do_what_expansions_say, random_nets, views_of_computed_values_and_of_views_keep_their_gradient,
                     disconnected_stopped_and_unused, forward_mode_of_a_product_of_a_block_and_of_constants, forward_mode_refuses,
                     ops_of_users, functions_with_two_derivatives, functions_that_are_missing_are_refused,
                     a_parameter_without_influence_is_named, whole_slices_are_not_cut, slices_that_begin_one_apart, a_column_of_the_derivatives,
                     messages_add_up, what_has_no_derivative_may_itself_be_wanted, a_long_chain_needs_no_deep_stack);
}
