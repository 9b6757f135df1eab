/* test_solve.c - L-BFGS and Levenberg-Marquardt reach optima that are known, and say what is wrong. */
#include "support.h"
#include <math.h>
#include <tapegrad/tapegrad.h>

enum { MOST = 40 };

typedef tg_tensor (*function)(tg_tensor x);      /* [1, n] -> [1, 1], or residuals of any shape */

static tg_plan *make_plan(function f, int64_t n, bool residuals, const tg_plan_options *options) {
    static const double nothing[MOST] = { 0 };
    tg_tape  *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    if (tape == NULL) return NULL;
    tg_tensor x = tg_input_f64(tape, nothing, 1, n), y = f(x);
    tg_tensor outputs[2] = { y, residuals ? tg_jacobian(tg_view(y, 0, 1, tg_rows(y) * tg_cols(y)), x) : tg_grad(y, x) };
    tg_plan  *plan = tg_plan_new(&x, 1, outputs, 2, options);
    tg_tape_free(tape);
    return plan;
}

static void ends_well(tg_status status) {
    const char *sentence;
    const tg_status last = tg_last_error(&sentence);
    ck_assert_msg(status == TG_OK && last == TG_OK, "%s: %s", tg_status_name(status), sentence);
}

/* ---- functions with known minima ---- */

static tg_tensor at(tg_tensor x, int64_t i) { return tg_view(x, i, 1, 1); }

/* Rosenbrock 1960: (1 - x0)^2 + 100 (x1 - x0^2)^2, lowest at (1, 1) */
static tg_tensor rosenbrock_residuals(tg_tensor x) {
    tg_tensor first = tg_shift(tg_neg(at(x, 0)), 1), second = tg_scale(tg_sub(at(x, 1), tg_square(at(x, 0))), 10);
    return tg_concat((tg_tensor[]){ first, second }, 2);
}

static tg_tensor rosenbrock(tg_tensor x) { return tg_sum(tg_square(rosenbrock_residuals(x))); }

/* The same as a chain of 20 */
static tg_tensor long_rosenbrock(tg_tensor x) {
    const int64_t n = tg_cols(x);
    tg_tensor     a = tg_view(x, 0, 1, n - 1), b = tg_view(x, 1, 1, n - 1);
    return tg_add(tg_sum(tg_square(tg_shift(a, -1))), tg_scale(tg_sum(tg_square(tg_sub(b, tg_square(a)))), 100));
}

/* sum i (x_i - i)^2 / 2 */
static double one_to_thirty[30];

static tg_tensor quadratic(tg_tensor x) {
    tg_tensor i = tg_input_f64(x.tape, one_to_thirty, 1, 30);
    return tg_scale(tg_sum(tg_mul(i, tg_square(tg_sub(x, i)))), 0.5);
}

/* ln(x0) x0 - 3 x0, lowest at e^2, not a number below 0 */
static tg_tensor logarithmic(tg_tensor x) { return tg_sub(tg_mul(x, tg_log(x)), tg_scale(x, 3)); }

static void set_up(void) {
    for (int i = 0; i < 30; i++) one_to_thirty[i] = i + 1;
}

static void tear_down(void) { ck_assert_int_eq(tg_last_error(NULL), TG_OK); }

/* ---- L-BFGS ---- */

START_TEST(lbfgs_on_rosenbrock) {
    double            x[2] = { -1.2, 1 };
    tg_solve_report   report;
    tg_plan          *plan = make_plan(rosenbrock, 2, false, NULL);
    ends_well(tg_lbfgs(plan, x, &(tg_lbfgs_options){ .gradient_tolerance = 1e-9, .value_tolerance = TG_ZERO, .report = &report }));
    ck_assert_msg(fabs(x[0] - 1) < 1e-9 && fabs(x[1] - 1) < 1e-9, "(%.17g, %.17g)", x[0], x[1]);
    ck_assert_int_eq(report.ending, TG_SMALL_GRADIENT);
    ck_assert_double_le(fabs(report.start_value - 24.2), 1e-13);
    ck_assert_double_le(report.value, 1e-17);
    ck_assert_double_le(report.gradient, 1e-9);
    ck_assert_msg(report.iterations <= 60 && report.evaluations <= 80, "%d iterations, %d evaluations", report.iterations, report.evaluations);
    tg_plan_free(plan);
}
END_TEST

/* The plan stays bound to x; the same start gives the same bits. */
START_TEST(what_a_minimizer_leaves) {
    tg_plan *plans[2] = { make_plan(rosenbrock, 2, false, NULL), make_plan(rosenbrock_residuals, 2, true, NULL) };
    for (int k = 0; k < 2; k++) {
        double          first[2] = { -1.2, 1 }, second[2] = { -1.2, 1 }, value[2];
        tg_solve_report one, two;
        for (int i = 0; i < 2; i++) {
            double          *x = i == 0 ? first : second;
            tg_solve_report *r = i == 0 ? &one : &two;
            ends_well(k == 0 ? tg_lbfgs(plans[0], x, &(tg_lbfgs_options){ .report = r })
                             : tg_levenberg_marquardt(plans[1], x, &(tg_levenberg_marquardt_options){ .report = r }));
        }
        ck_assert_mem_eq(first, second, sizeof first);
        ck_assert_double_eq(one.value, two.value);
        ck_assert_int_eq(one.evaluations, two.evaluations);
        ck_assert_int_eq(tg_plan_run(plans[k]), TG_OK);
        ck_assert_int_eq(tg_plan_read_f64(plans[k], 0, value), TG_OK);
        ck_assert_double_eq(k == 0 ? value[0] : (value[0] * value[0] + value[1] * value[1]) / 2, two.value);
        tg_plan_free(plans[k]);
    }
}
END_TEST

START_TEST(lbfgs_on_longer_vectors) {
    double          x[30], y[20];
    tg_solve_report report;
    tg_plan        *plan = make_plan(quadratic, 30, false, NULL);
    for (int i = 0; i < 30; i++) x[i] = 0;
    ends_well(tg_lbfgs(plan, x, &(tg_lbfgs_options){ .gradient_tolerance = 1e-10, .value_tolerance = TG_ZERO, .report = &report }));
    for (int i = 0; i < 30; i++) ck_assert_double_le(fabs(x[i] - (i + 1)), 1e-10);
    ck_assert_msg(report.iterations <= 60, "%d iterations", report.iterations);
    tg_plan_free(plan);
    plan = make_plan(long_rosenbrock, 20, false, NULL);
    for (int memory = 1; memory <= 20; memory += 19) {
        for (int i = 0; i < 20; i++) y[i] = i % 2 == 0 ? -1.2 : 1;
        const tg_lbfgs_options options = { .memory = memory, .gradient_tolerance = 1e-8, .value_tolerance = TG_ZERO, .report = &report };
        ends_well(tg_lbfgs(plan, y, &options));
        for (int i = 0; i < 20; i++)
            ck_assert_msg(fabs(y[i] - 1) < 1e-8, "memory %d: x[%d] = %.17g, %s", memory, i, y[i], tg_ending_text(report.ending));
    }
    tg_plan_free(plan);
}
END_TEST

/* The first steps go where the value is NaN: shorter ones are tried. */
START_TEST(lbfgs_near_the_edge_of_what_is_finite) {
    double   x    = 1e-3;
    tg_plan *plan = make_plan(logarithmic, 1, false, NULL);
    ends_well(tg_lbfgs(plan, &x, &(tg_lbfgs_options){ .gradient_tolerance = 1e-10, .value_tolerance = TG_ZERO }));
    ck_assert_double_le(fabs(x - exp(2)), 1e-8);
    x = -1;
    ck_assert_int_eq(tg_lbfgs(plan, &x, NULL), TG_NOT_FINITE);
    ck_assert_int_eq(tg_last_error(NULL), TG_NOT_FINITE);
    ck_assert_double_eq(x, -1);
    tg_plan_free(plan);
}
END_TEST

static tg_tensor wrong_gradient_of(tg_tensor x) { return tg_sub(tg_scale(tg_stop(rosenbrock(x)), 2), rosenbrock(x)); }      /* -g */

START_TEST(endings_of_lbfgs) {
    double          x[2] = { -1.2, 1 };
    tg_solve_report report;
    tg_plan        *plan = make_plan(rosenbrock, 2, false, NULL), *wrong = make_plan(wrong_gradient_of, 2, false, NULL);
    ends_well(tg_lbfgs(plan, x, &(tg_lbfgs_options){ .iterations = 3, .report = &report }));
    ck_assert_int_eq(report.ending, TG_ITERATION_LIMIT);
    ck_assert_int_eq(report.iterations, 3);
    ck_assert_double_lt(report.value, report.start_value);
    ends_well(tg_lbfgs(plan, x, &(tg_lbfgs_options){ .gradient_tolerance = TG_ZERO, .report = &report }));
    ck_assert_int_eq(report.ending, TG_SMALL_DECREASE);
    x[0] = -1.2, x[1] = 1;
    ends_well(tg_lbfgs(wrong, x, &(tg_lbfgs_options){ .report = &report }));
    ck_assert_int_eq(report.ending, TG_NO_DECREASE);
    ck_assert_double_eq(x[0], -1.2);
    tg_plan_free(plan);
    tg_plan_free(wrong);
}
END_TEST

typedef struct { int calls; double last; } seen;

static bool stop_at_five(const tg_solve_report *report, const double *x, void *context) {
    seen *s = context;
    ck_assert_int_eq(report->iterations, ++s->calls);
    ck_assert_double_le(report->value, s->last);
    ck_assert(isfinite(x[0]));
    s->last = report->value;
    return s->calls < 5;
}

START_TEST(callbacks_stop) {
    tg_plan *plans[2] = { make_plan(rosenbrock, 2, false, NULL), make_plan(rosenbrock_residuals, 2, true, NULL) };
    for (int k = 0; k < 2; k++) {
        double          x[2] = { -1.2, 1 };
        seen            s    = { 0, INFINITY };
        tg_solve_report report;
        const tg_lbfgs_options               first  = { .progress = stop_at_five, .progress_context = &s, .report = &report };
        const tg_levenberg_marquardt_options second = { .progress = stop_at_five, .progress_context = &s, .report = &report };
        ends_well(k == 0 ? tg_lbfgs(plans[0], x, &first) : tg_levenberg_marquardt(plans[1], x, &second));
        ck_assert_int_eq(report.ending, TG_STOPPED);
        ck_assert_int_eq(s.calls, 5);
        tg_plan_free(plans[k]);
    }
}
END_TEST

/* ---- Levenberg-Marquardt ---- */

START_TEST(levenberg_marquardt_on_rosenbrock) {
    double          x[2] = { -1.2, 1 };
    tg_solve_report report;
    tg_plan        *plan = make_plan(rosenbrock_residuals, 2, true, NULL);
    ends_well(tg_levenberg_marquardt(plan, x, &(tg_levenberg_marquardt_options){ .report = &report }));
    ck_assert_msg(fabs(x[0] - 1) < 1e-12 && fabs(x[1] - 1) < 1e-12, "(%.17g, %.17g)", x[0], x[1]);
    ck_assert_double_le(fabs(report.start_value - 12.1), 1e-13);
    ck_assert_msg(report.iterations <= 40, "%d iterations, %s", report.iterations, tg_ending_text(report.ending));
    tg_plan_free(plan);
}
END_TEST

/* NIST StRD, Misra1a: y = b1 (1 - exp(-b2 x)), 14 observations of dental research (Misra 1978) */
static const double misra_x[14] = { 77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0 };
static const double misra_y[14] = { 10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78 };

static tg_tensor misra1a(tg_tensor b) {
    tg_tensor x = tg_input_f64(b.tape, misra_x, 14, 1), y = tg_input_f64(b.tape, misra_y, 14, 1);
    return tg_sub(tg_mul(at(b, 0), tg_neg(tg_expm1(tg_neg(tg_mul(at(b, 1), x))))), y);
}

static tg_tensor with_idle(tg_tensor b) { return misra1a(tg_view(b, 0, 1, 2)); }      /* a third number that nothing depends on */

START_TEST(levenberg_marquardt_on_misra1a) {
    const double starts[2][2] = { { 500, 0.0001 }, { 250, 0.0005 } };
    tg_plan     *plan = make_plan(misra1a, 2, true, NULL), *idle = make_plan(with_idle, 3, true, NULL);
    for (int k = 0; k < 4; k++) {
        double          b[3] = { starts[k % 2][0], starts[k % 2][1], 7 };
        tg_solve_report report;
        ends_well(tg_levenberg_marquardt(k < 2 ? plan : idle, b, &(tg_levenberg_marquardt_options){ .report = &report }));
        ck_assert_msg(fabs(b[0] / 2.3894212918E+02 - 1) < 1e-9, "b1 = %.17g, %s", b[0], tg_ending_text(report.ending));
        ck_assert_msg(fabs(b[1] / 5.5015643181E-04 - 1) < 1e-9, "b2 = %.17g, %s", b[1], tg_ending_text(report.ending));
        ck_assert_double_le(fabs(2 * report.value / 1.2455138894E-01 - 1), 1e-9);
        ck_assert(report.ending >= TG_SMALL_GRADIENT && report.ending <= TG_SMALL_STEP);
        ck_assert_double_eq(b[2], 7);
    }
    tg_plan_free(plan);
    tg_plan_free(idle);
}
END_TEST

/* ---- a net: all of its parameters as x ---- */

enum { POINTS = 20 };

static double point_x[POINTS], point_y[POINTS];

static tg_plan *plan_of_net(tg_params *params, tg_mlp *net, bool residuals) {
    tg_tape  *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor w = tg_use_block(tape, params, NULL);
    tg_tensor r = tg_sub(tg_mlp_forward(net, tg_input_f64(tape, point_x, POINTS, 1)), tg_input_f64(tape, point_y, POINTS, 1));
    tg_tensor loss = tg_scale(tg_sum(tg_square(r)), 0.5);
    tg_tensor outputs[2] = { residuals ? r : loss, residuals ? tg_jacobian(tg_view(r, 0, 1, POINTS), w) : tg_grad(loss, w) };
    tg_plan  *plan = tg_plan_new(&w, 1, outputs, 2, NULL);
    ck_assert_msg(plan != NULL, "%s", tg_tape_error(tape));
    tg_tape_free(tape);
    return plan;
}

START_TEST(nets_are_fitted) {
    for (int i = 0; i < POINTS; i++) point_x[i] = 6.0 * i / (POINTS - 1) - 3, point_y[i] = sin(point_x[i]);
    for (int k = 0; k < 2; k++) {
        tg_params *params = tg_params_new(3, &(tg_params_options){ .type = TG_F64 });
        tg_mlp    *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(1, 5, 1), .activation = "tanh", .loss = tg_mse_loss });
        tg_plan   *plan   = plan_of_net(params, net, k == 1);
        const int64_t n   = tg_block_size(params, NULL);
        double     x[64], y[64], out[5];
        ck_assert_int_le(n, 64);
        ends_well(tg_block_read(params, NULL, x));
        tg_solve_report report;
        if (k == 0) ends_well(tg_lbfgs(plan, x, &(tg_lbfgs_options){ .value_tolerance = 1e-12, .report = &report }));
        else ends_well(tg_levenberg_marquardt(plan, x, &(tg_levenberg_marquardt_options){ .report = &report }));
        ck_assert_msg(report.value < 1e-4, "%s: %g after %d iterations", tg_ending_text(report.ending), report.value, report.iterations);
        tg_freeze(tg_variable_find(params, "net/fc1/bias"), true);
        ck_assert_int_eq(tg_variable_read_f64(tg_variable_find(params, "net/fc1/bias"), out), TG_OK);
        ends_well(tg_block_write(params, NULL, x));
        ends_well(tg_block_read(params, NULL, y));
        int differ = 0;
        for (int64_t i = 0; i < n; i++) differ += x[i] != y[i];
        ck_assert_int_eq(differ, 5);      /* the frozen ones */
        tg_freeze(tg_variable_find(params, "net/fc1/bias"), false);
        ends_well(tg_block_write(params, NULL, x));
        ends_well(tg_block_read(params, NULL, y));
        ck_assert_mem_eq(x, y, (size_t)n * sizeof *x);
        tg_plan_free(plan);
        tg_mlp_free(net);
        tg_params_free(params);
    }
}
END_TEST

/* ---- what is wrong ---- */

static void refused(tg_status status, tg_status expected) {
    const char *sentence;
    ck_assert_msg(status == expected, "%s, not %s", tg_status_name(status), tg_status_name(expected));
    ck_assert_int_eq(tg_last_error(&sentence), expected);
    ck_assert_msg(strncmp(sentence, "tg_", 3) == 0 && strlen(sentence) > 10, "\"%s\"", sentence);
}

START_TEST(what_is_wrong_is_told) {
    double          x[2] = { -1.2, 1 };
    tg_solve_report report;
    tg_plan        *value = make_plan(rosenbrock, 2, false, NULL), *residuals = make_plan(rosenbrock_residuals, 2, true, NULL);
    refused(tg_lbfgs(NULL, x, NULL), TG_NULL_ARGUMENT);
    refused(tg_lbfgs(value, NULL, NULL), TG_NULL_ARGUMENT);
    refused(tg_lbfgs(residuals, x, NULL), TG_SHAPE_MISMATCH);
    refused(tg_lbfgs(value, x, &(tg_lbfgs_options){ .memory = -1 }), TG_BAD_ARGUMENT);
    refused(tg_lbfgs(value, x, &(tg_lbfgs_options){ .iterations = -1 }), TG_BAD_ARGUMENT);
    refused(tg_lbfgs(value, x, &(tg_lbfgs_options){ .gradient_tolerance = NAN }), TG_BAD_ARGUMENT);
    refused(tg_lbfgs(value, x, &(tg_lbfgs_options){ .value_tolerance = -1, .report = &report }), TG_BAD_ARGUMENT);
    ck_assert_int_eq(report.ending, TG_NOT_ENDED);
    refused(tg_levenberg_marquardt(NULL, x, NULL), TG_NULL_ARGUMENT);
    refused(tg_levenberg_marquardt(residuals, NULL, NULL), TG_NULL_ARGUMENT);
    refused(tg_levenberg_marquardt(residuals, x, &(tg_levenberg_marquardt_options){ .damping = INFINITY }), TG_BAD_ARGUMENT);
    refused(tg_levenberg_marquardt(residuals, x, &(tg_levenberg_marquardt_options){ .step_tolerance = -2 }), TG_BAD_ARGUMENT);
    x[0] = NAN;
    refused(tg_lbfgs(value, x, NULL), TG_NOT_FINITE);
    refused(tg_levenberg_marquardt(residuals, x, NULL), TG_NOT_FINITE);
    tg_params *params = tg_params_new(1, NULL);
    ck_assert_int_eq(tg_block_size(NULL, NULL), 0);
    ck_assert_int_eq(tg_last_error(NULL), TG_NULL_ARGUMENT);
    refused(tg_block_read(params, "none", x), TG_UNKNOWN_NAME);
    refused(tg_block_write(params, "none", x), TG_UNKNOWN_NAME);
    refused(tg_block_read(params, NULL, NULL), TG_NULL_ARGUMENT);
    refused(tg_block_write(params, NULL, NULL), TG_NULL_ARGUMENT);
    tg_params_free(params);
    tg_plan_free(value);
    tg_plan_free(residuals);
}
END_TEST

/* A plan without inputs, one of integers, one with a single output, one that must be finite. */
START_TEST(plans_that_do_not_fit) {
    static const int32_t label = 0;
    double    x[3] = { 1, 2, 3 };
    tg_tape  *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor number = tg_input_f64(tape, x, 1, 3), labels = tg_labels(tape, &label, 1), y = tg_sum(tg_mul(number, tg_one_hot(labels, 3)));
    tg_tensor outputs[2] = { y, tg_grad(y, number) };
    tg_plan  *plans[3] = { tg_plan_new(NULL, 0, outputs, 2, NULL), tg_plan_new(&labels, 1, outputs, 2, NULL),
                           tg_plan_new(&number, 1, outputs, 1, NULL) };
    tg_tape_free(tape);
    refused(tg_lbfgs(plans[0], x, NULL), TG_SHAPE_MISMATCH);
    refused(tg_lbfgs(plans[1], x, NULL), TG_TYPE_MISMATCH);
    refused(tg_lbfgs(plans[2], x, NULL), TG_SHAPE_MISMATCH);
    refused(tg_levenberg_marquardt(plans[0], x, NULL), TG_SHAPE_MISMATCH);
    refused(tg_levenberg_marquardt(plans[1], x, NULL), TG_TYPE_MISMATCH);
    refused(tg_levenberg_marquardt(plans[2], x, NULL), TG_SHAPE_MISMATCH);
    for (int k = 0; k < 3; k++) tg_plan_free(plans[k]);
}
END_TEST

/* In f32, where the numbers of x are converted. */
START_TEST(plans_in_f32) {
    double   x[2] = { -1.2, 1 }, y[2] = { -1.2, 1 };
    tg_plan *value = make_plan(rosenbrock, 2, false, &(tg_plan_options){ .type = TG_F32 });
    tg_plan *residuals = make_plan(rosenbrock_residuals, 2, true, &(tg_plan_options){ .type = TG_F32 });
    ends_well(tg_lbfgs(value, x, NULL));
    ends_well(tg_levenberg_marquardt(residuals, y, NULL));
    ck_assert_double_le(fmax(fabs(x[0] - 1), fabs(y[0] - 1)), 1e-3);
    tg_plan_free(value);
    tg_plan_free(residuals);
}
END_TEST

/* ---- memory that runs out ---- */

static tg_status solve_all(void *context) {
    double    x[2] = { -1.2, 1 }, y[2] = { -1.2, 1 }, w[16];
    tg_plan  *value = make_plan(rosenbrock, 2, false, NULL), *residuals = make_plan(rosenbrock_residuals, 2, true, NULL);
    tg_status status = value != NULL && residuals != NULL ? TG_OK : TG_OUT_OF_MEMORY;
    (void)context;
    if (status == TG_OK) status = tg_lbfgs(value, x, NULL);
    if (status == TG_OK) status = tg_levenberg_marquardt(residuals, y, NULL);
    tg_plan_free(value);
    tg_plan_free(residuals);
    tg_params *params = status == TG_OK ? tg_params_new(1, NULL) : NULL;
    if (params == NULL || tg_variable_new(params, "w", 1, 3, NULL) == NULL) status = TG_OUT_OF_MEMORY;
    if (status == TG_OK) status = tg_block_read(params, NULL, w);
    if (status == TG_OK) status = tg_block_write(params, NULL, w);
    tg_params_free(params);
    return status;
}

START_TEST(memory_that_runs_out) { let_each_allocation_fail(solve_all, NULL, 20); }
END_TEST

int main(void) {
    Suite *suite = suite_create("solve");
    TCase *cases = tcase_create("solve");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    const TTest *const tests[] = { lbfgs_on_rosenbrock, what_a_minimizer_leaves, lbfgs_on_longer_vectors, lbfgs_near_the_edge_of_what_is_finite,
                                   endings_of_lbfgs, callbacks_stop, levenberg_marquardt_on_rosenbrock, levenberg_marquardt_on_misra1a,
                                   nets_are_fitted, what_is_wrong_is_told,
                                   plans_that_do_not_fit, plans_in_f32, memory_that_runs_out };
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) tcase_add_test(cases, tests[i]);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
