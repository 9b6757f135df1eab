/* test_lessons.c - what teachers show with a tape: how sums over paths come about, what goes wrong with slopes, and derivatives of other kinds. */
#include "support.h"
#include <math.h>
#include <tapegrad/tapegrad.h>

static tg_tape *new_tape(void) { return tg_tape_new(&(tg_tape_options){ .type = TG_F64 }); }

static void run(const tg_tensor x[], int count) { ck_assert_msg(tg_run_many(x, count) == TG_OK, "%s", tg_tape_error(x[0].tape)); }

static double item(tg_tensor x) {
    run(&x, 1);
    return tg_item(x);
}

static void read(tg_tensor x, double *out) { ck_assert_msg(tg_read_f64(x, out) == TG_OK, "%s", tg_tape_error(x.tape)); }

/* ---- first derivatives ---- */

/* e = (a + b)(b + 1) at a = 2, b = 1. The messages to b are 2 and 3; with = in place of += it would have kept the last one. */
START_TEST(messages_are_counted_and_added) {
    const double    at[2] = { 2, 1 };
    tg_tape        *tape = new_tape();
    const tg_tensor a = tg_input_f64(tape, &at[0], 1, 1), b = tg_input_f64(tape, &at[1], 1, 1), e = tg_mul(tg_add(a, b), tg_shift(b, 1));
    const tg_tensor ab[2] = { a, b };
    tg_tensor       g[2];
    double          sum = 0;
    int             met = 0;
    tg_gradients(e, TG_NONE, ab, 2, g, NULL);
    for (int i = 0; i < tg_message_count(g[1]); i++) {
        tg_message m;
        ck_assert_int_eq(tg_message_at(g[1], i, &m), TG_OK);
        if (m.to.id != b.id) continue;
        ck_assert(m.n == 2 && m.k == ++met);
        sum += item(m.message);
        ck_assert_double_eq(item(m.after.id != 0 ? m.after : m.message), sum);
    }
    ck_assert(met == 2 && sum == 5 && item(g[1]) == 5 && item(g[0]) == 2);
    tg_tape_free(tape);
}
END_TEST

/* (x + s(y)) / (s(x) + (x + y)^2), the function of CS231n's staged computation */
static tg_tensor staged(tg_tensor x, tg_tensor y) {
    return tg_div(tg_add(x, tg_sigmoid(y)), tg_add(tg_sigmoid(x), tg_square(tg_add(x, y))));
}

static double staged_at(tg_tape *tape, double x, double y) {
    tg_begin(tape, NULL);
    return item(staged(tg_input_f64(tape, &x, 1, 1), tg_input_f64(tape, &y, 1, 1)));
}

/* Central differences err by h^2 where h is large, and by 1/h where it is small: none of them comes near the tape. */
START_TEST(differences_have_a_best_step) {
    const double exact = 2.05956979557217;
    tg_tape     *tape = new_tape();
    double       error[13], least = 1;
    for (int k = 2; k <= 12; k++) {
        const double h = pow(10, -k);
        error[k] = fabs((staged_at(tape, 3 + h, -4) - staged_at(tape, 3 - h, -4)) / (2 * h) - exact);
        least    = fmin(least, error[k]);
    }
    ck_assert(error[2] > 50 * error[3] && error[3] > 50 * error[4]);
    ck_assert(least < 1e-9 && error[12] > 1e4 * least && error[2] > 1e4 * least);
    tg_tape_free(tape);
}
END_TEST

/* Through sigmoids a delta shrinks by a factor of at most 1/4 a layer. */
START_TEST(deltas_vanish_through_sigmoids) {
    const double at = 0.3;
    tg_tape     *tape = new_tape();
    tg_tensor    z[6], delta[6], y;
    z[0] = tg_input_f64(tape, &at, 1, 1);
    for (int k = 1; k < 6; k++) z[k] = tg_shift(tg_sigmoid(z[k - 1]), -0.5);
    y = z[5];
    ck_assert_int_eq(tg_gradients(y, TG_NONE, z, 6, delta, NULL), TG_OK);
    run(delta, 6);
    for (int k = 5; k > 0; k--) ck_assert(tg_item(delta[k - 1]) > 0 && tg_item(delta[k - 1]) <= tg_item(delta[k]) / 4);
    ck_assert_double_lt(tg_item(delta[0]), 1.0 / 1024);
    tg_tape_free(tape);
}
END_TEST

/* A unit of relu whose bias is so low that no example reaches it has no gradient and never comes back; one of leaky relu has. */
START_TEST(a_dead_unit_stays_dead) {
    static const double xs[4] = { 0.5, 1, -2, 3 }, start[3] = { 1, -10, 0.7 };
    for (int leaky = 0; leaky < 2; leaky++) {
        double        w[3];
        tg_params    *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
        tg_variable  *v      = tg_variable_new(params, "w", 1, 3, NULL);
        tg_optimizer *sgd    = tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.1 });
        tg_tape      *tape   = new_tape();
        ck_assert_int_eq(tg_variable_write_f64(v, start), TG_OK);
        for (int step = 0; step < 5; step++) {
            tg_begin(tape, NULL);
            const tg_tensor all = tg_use(tape, v), z = tg_linear(tg_input_f64(tape, xs, 4, 1), tg_view(all, 0, 1, 1), tg_view(all, 1, 1, 1));
            const tg_tensor y = tg_mul(leaky ? tg_leaky_relu(z, 0.01) : tg_relu(z), tg_view(all, 2, 1, 1));
            ck_assert_int_eq(tg_minimize(sgd, tg_mean(tg_square(tg_shift(y, -1)))), TG_OK);
        }
        ck_assert_int_eq(tg_variable_read_f64(v, w), TG_OK);
        for (int i = 0; i < 3; i++) ck_assert((w[i] == start[i]) == (leaky == 0));
        tg_tape_free(tape);
        tg_optimizer_free(sgd);
        tg_params_free(params);
    }
}
END_TEST

/* Behind softmax and cross-entropy delta is p - t: the slope of the one cancels that of the other, whatever is added to all logits. */
START_TEST(softmax_and_cross_entropy_leave_a_difference) {
    static const double  z[3] = { 0.2, -1.3, 2.1 }, t[3] = { 0, 1, 0 };
    static const int32_t label = 1;
    tg_tape             *tape = new_tape();
    for (int k = 0; k < 3; k++) {
        tg_begin(tape, NULL);
        const tg_tensor in = tg_input_f64(tape, z, 1, 3), x = tg_shift(in, k * 512.0), p = tg_softmax(x), target = tg_input_f64(tape, t, 1, 3);
        const tg_tensor whole = tg_cross_entropy(x, tg_labels(tape, &label, 1)), parts = tg_neg(tg_sum(tg_mul(target, tg_log(p))));
        const tg_tensor all[4] = { tg_grad(whole, in), tg_grad(parts, in), tg_sub(p, target), tg_sub(whole, parts) };
        double          d[3][3];
        run(all, 4);
        for (int i = 0; i < 3; i++) read(all[i], d[i]);
        for (int i = 0; i < 3; i++) ck_assert(fabs(d[0][i] - d[2][i]) <= 1e-15 && fabs(d[1][i] - d[2][i]) <= 1e-15);
        ck_assert_double_le(fabs(tg_item(all[3])), 1e-15);
        ck_assert_double_eq_tol(d[2][1], exp(-1.3) / (exp(0.2) + exp(-1.3) + exp(2.1)) - 1, k == 0 ? 1e-15 : 1e-12);
    }
    tg_tape_free(tape);
}
END_TEST

/* The gradient of the mean over two rows is the mean of their gradients; the bias, which both share, has the mean of their deltas. */
START_TEST(a_batch_of_two_has_the_mean_of_both) {
    static const double x[4] = { 0.05, 0.10, -0.4, 0.7 }, t[2] = { 0.01, 0.99 }, w[2] = { 0.15, 0.2 }, b = 0.35;
    double              g[3][2], bias[3];
    tg_tape            *tape = new_tape();
    for (int part = 0; part < 3; part++) {
        const int64_t rows = part == 2 ? 2 : 1, first = part == 1;
        tg_begin(tape, NULL);
        const tg_tensor weight = tg_input_f64(tape, w, 2, 1), shift = tg_input_f64(tape, &b, 1, 1);
        const tg_tensor y = tg_sigmoid(tg_linear(tg_input_f64(tape, x + 2 * first, rows, 2), weight, shift));
        const tg_tensor loss = tg_mse_loss(y, tg_input_f64(tape, t + first, rows, 1)), both[2] = { tg_grad(loss, weight), tg_grad(loss, shift) };
        run(both, 2);
        read(both[0], g[part]);
        bias[part] = tg_item(both[1]);
    }
    for (int i = 0; i < 2; i++) ck_assert_double_eq_tol(g[2][i], (g[0][i] + g[1][i]) / 2, 1e-16);
    ck_assert_double_eq_tol(bias[2], (bias[0] + bias[1]) / 2, 1e-16);
    tg_tape_free(tape);
}
END_TEST

/* ---- Jacobians: by rows with a seed, by columns in forward mode ---- */

START_TEST(forward_mode_gives_the_same_slopes) {
    const double    at[2] = { 2, 5 }, directions[2][2] = { { 1, 0 }, { 0, 1 } }, wanted[2] = { 5.5, 1.71633781453677 };
    tg_tape        *tape = new_tape();
    const tg_tensor x = tg_input_f64(tape, at, 1, 2), x1 = tg_view(x, 0, 1, 1), x2 = tg_view(x, 1, 1, 1);
    const tg_tensor y = tg_sub(tg_add(tg_log(x1), tg_mul(x1, x2)), tg_sin(x2));
    for (int k = 0; k < 2; k++) ck_assert_double_eq_tol(item(tg_jvp(y, x, tg_input_f64(tape, directions[k], 1, 2))), wanted[k], 1e-14);
    tg_tape_free(tape);
}
END_TEST

/* dp_i/dz_j = p_i ([i = j] - p_j) */
START_TEST(the_jacobian_of_softmax_by_rows_and_by_columns) {
    static const double z[3] = { 0.2, -1.3, 2.1 }, unit[3][3] = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } };
    double              p[3], by_row[3][3], by_column[3][3];
    tg_tape            *tape = new_tape();
    const tg_tensor     x = tg_input_f64(tape, z, 1, 3), y = tg_softmax(x);
    tg_tensor           all[7] = { y };
    for (int k = 0; k < 3; k++) {
        const tg_tensor e = tg_input_f64(tape, unit[k], 1, 3);
        ck_assert_int_eq(tg_gradients(y, e, &x, 1, &all[1 + k], NULL), TG_OK);
        all[4 + k] = tg_jvp(y, x, e);
    }
    run(all, 7);
    read(y, p);
    for (int k = 0; k < 3; k++) read(all[1 + k], by_row[k]), read(all[4 + k], by_column[k]);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            const double wanted = p[i] * ((i == j) - p[j]);
            ck_assert(fabs(by_row[i][j] - wanted) <= 1e-16 && fabs(by_column[j][i] - wanted) <= 1e-16);
        }
    tg_tape_free(tape);
}
END_TEST

/* ---- second derivatives, against numbers that carry them along: a + b e + c f + d e f with e^2 = f^2 = 0 ---- */

typedef struct { double a, b, c, d; } hyper;

static hyper lift(hyper x, double f, double df, double ddf) { return (hyper){ f, df * x.b, df * x.c, df * x.d + ddf * x.b * x.c }; }
static hyper plus(hyper x, hyper y) { return (hyper){ x.a + y.a, x.b + y.b, x.c + y.c, x.d + y.d }; }
static hyper by(hyper x, double k) { return (hyper){ k * x.a, k * x.b, k * x.c, k * x.d }; }
static hyper minus(hyper x, hyper y) { return plus(x, by(y, -1)); }
static hyper times(hyper x, hyper y) {
    return (hyper){ x.a * y.a, x.a * y.b + x.b * y.a, x.a * y.c + x.c * y.a, x.a * y.d + x.b * y.c + x.c * y.b + x.d * y.a };
}
static hyper inverse(hyper x) { return lift(x, 1 / x.a, -1 / (x.a * x.a), 2 / (x.a * x.a * x.a)); }
static hyper sine(hyper x) { return lift(x, sin(x.a), cos(x.a), -sin(x.a)); }
static hyper power(hyper x) { return lift(x, exp(x.a), exp(x.a), exp(x.a)); }
static hyper logarithm(hyper x) { return lift(x, log(x.a), 1 / x.a, -1 / (x.a * x.a)); }
static hyper logistic(hyper x) {
    const double s = 1 / (1 + exp(-x.a));
    return lift(x, s, s * (1 - s), s * (1 - s) * (1 - 2 * s));
}

static hyper staged_hyper(hyper x, hyper y) {
    return times(plus(x, logistic(y)), inverse(plus(logistic(x), times(plus(x, y), plus(x, y)))));
}
static hyper wengert_hyper(hyper x, hyper y) { return minus(plus(logarithm(x), times(x, y)), sine(y)); }
static hyper shared_hyper(hyper x, hyper y) {
    const hyper r = times(x, inverse(y)), v = minus(r, power(y));
    return times(plus(sine(r), v), v);
}
static tg_tensor wengert(tg_tensor x, tg_tensor y) { return tg_sub(tg_add(tg_log(x), tg_mul(x, y)), tg_sin(y)); }
static tg_tensor shared(tg_tensor x, tg_tensor y) {
    const tg_tensor r = tg_div(x, y), v = tg_sub(r, tg_exp(y));
    return tg_mul(tg_add(tg_sin(r), v), v);
}

static const struct { double at[2]; tg_tensor (*record)(tg_tensor, tg_tensor); hyper (*carry)(hyper, hyper); } surfaces[] = {
    { { 3, -4 }, staged, staged_hyper }, { { 2, 5 }, wengert, wengert_hyper }, { { 1.5, 0.5 }, shared, shared_hyper }
};

START_TEST(hessians_of_two_variables) {
    const double *at = surfaces[_i].at;
    tg_tape      *tape = new_tape();
    tg_tensor     x[2] = { tg_input_f64(tape, &at[0], 1, 1), tg_input_f64(tape, &at[1], 1, 1) }, g[2], all[5], h[2];
    all[0] = surfaces[_i].record(x[0], x[1]);
    tg_gradients(all[0], TG_NONE, x, 2, g, NULL);
    for (int k = 0; k < 2; k++) {
        ck_assert_int_eq(tg_gradients(g[k], TG_NONE, x, 2, h, NULL), TG_OK);
        all[1 + 2 * k] = h[0], all[2 + 2 * k] = h[1];
    }
    run(all, 5);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            const hyper wanted = surfaces[_i].carry((hyper){ at[0], i == 0, j == 0, 0 }, (hyper){ at[1], i == 1, j == 1, 0 });
            ck_assert_double_eq_tol(tg_item(all[0]), wanted.a, 1e-14 * fabs(wanted.a));
            ck_assert_double_eq_tol(tg_item(all[1 + 2 * i + j]), wanted.d, 1e-13 * fmax(1, fabs(wanted.d)));
        }
    ck_assert_double_eq_tol(tg_item(all[2]), tg_item(all[3]), 1e-13);
    tg_tape_free(tape);
}
END_TEST

/* tanh' = 1 - t^2, tanh'' = -2 t (1 - t^2), tanh''' = (1 - t^2)(6 t^2 - 2) */
START_TEST(three_derivatives_of_tanh) {
    const double    at = 0.8, t = tanh(at), s = 1 - t * t;
    tg_tape        *tape = new_tape();
    const tg_tensor x = tg_input_f64(tape, &at, 1, 1), first = tg_grad(tg_tanh(x), x), second = tg_grad(first, x), third = tg_grad(second, x);
    ck_assert_double_eq_tol(item(first), s, 1e-15);
    ck_assert_double_eq_tol(item(second), -2 * t * s, 1e-15);
    ck_assert_double_eq_tol(item(third), s * (6 * t * t - 2), 2e-15);
    tg_tape_free(tape);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("lessons");
    TCase *cases = tcase_create("lessons");
    suite_add_tcase(suite, cases);
    tcase_set_timeout(cases, 300);
    tcase_add_test(cases, messages_are_counted_and_added);
    tcase_add_test(cases, differences_have_a_best_step);
    tcase_add_test(cases, deltas_vanish_through_sigmoids);
    tcase_add_test(cases, a_dead_unit_stays_dead);
    tcase_add_test(cases, softmax_and_cross_entropy_leave_a_difference);
    tcase_add_test(cases, a_batch_of_two_has_the_mean_of_both);
    tcase_add_test(cases, forward_mode_gives_the_same_slopes);
    tcase_add_test(cases, the_jacobian_of_softmax_by_rows_and_by_columns);
    tcase_add_loop_test(cases, hessians_of_two_variables, 0, sizeof surfaces / sizeof surfaces[0]);
    tcase_add_test(cases, three_derivatives_of_tanh);
    return run_suite(suite);
}
