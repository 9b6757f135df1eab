/* test_gradcheck.c - checks that pass, that catch a wrong rule, and what they leave behind. */
#include "support.h"
#include <math.h>
#include <stdio.h>
#include <tapegrad/tapegrad.h>

enum { ROWS = 5 };
static const float   points[ROWS * 3] = { 0.3f, -0.8f, 0.5f, 1.2f, 0.1f, -0.4f, -1.1f, 0.7f, 0.9f, 0.2f, -0.3f, 1.4f, -0.6f, 0.8f, -1.3f };
static const int32_t labels[ROWS] = { 0, 2, 1, 1, 0 };

/* Passes, with the report in text. */
static void expect_pass(tg_tensor loss, char *text, size_t bytes) {
    FILE *report = tmpfile();
    const char *sentence;
    ck_assert_msg(tg_tape_status(loss.tape) == TG_OK, "%s", tg_tape_error(loss.tape));
    const tg_status status = tg_gradcheck(loss, &(tg_gradcheck_options){ .report = report });
    tg_last_error(&sentence);
    ck_assert_msg(status == TG_OK, "%s: %s", tg_status_name(status), sentence);
    rewind(report);
    text[fread(text, 1, bytes - 1, report)] = '\0';
    fclose(report);
}

static void expect_failure(tg_tensor loss, const tg_gradcheck_options *options, tg_status status, const char *part) {
    const char *sentence;
    ck_assert_int_eq(tg_gradcheck(loss, options), status);
    ck_assert_int_eq(tg_last_error(&sentence), status);
    ck_assert_msg(strstr(sentence, part) != NULL, "\"%s\" lacks \"%s\"", sentence, part);
}

/* ---- what passes ---- */

static const char *const activations[] = { "tanh", "relu", "softplus", "sigmoid" };

START_TEST(a_net_with_dropout) {
    char       text[2048];
    tg_params *params = tg_params_new((uint64_t)_i + 1, NULL);
    tg_mlp    *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(3, 8, 6, 3), .activation = activations[_i], .dropout = 0.3 });
    tg_tape   *tape   = tg_tape_new(&(tg_tape_options){ .seed = 11 });
    tg_begin(tape, &(tg_begin_options){ .training = true });
    tg_tensor in = tg_name(tg_input(tape, points, ROWS, 3), "points");
    expect_pass(tg_cross_entropy(tg_mlp_forward(net, in), tg_labels(tape, labels, ROWS)), text, sizeof text);
    ck_assert_msg(strstr(text, "points [5,3]: ") != NULL && strstr(text, "net/fc1/weight [3,8]: ") != NULL, "%s", text);
    ck_assert_ptr_nonnull(strstr(text, "net/fc3/bias [1,3]: 3 checked"));
    tg_tape_free(tape);
    tg_mlp_free(net);
    tg_params_free(params);
}
END_TEST

/* One weight used twice, read through the block as well, and the derivative of the net by its input in the loss. */
START_TEST(shared_weights_and_a_derivative_in_the_loss) {
    char         text[2048];
    const double rate   = 0.1;
    tg_params   *params = tg_params_new(3, NULL);
    tg_variable *w      = tg_variable_new(params, "w", 3, 3, &(tg_variable_options){ .init = TG_GLOROT });
    tg_variable *v      = tg_variable_new(params, "v", 3, 1, &(tg_variable_options){ .init = TG_GLOROT });
    tg_variable_new(params, "unused", 2, 2, NULL);
    tg_tape  *tape = tg_tape_new(NULL);
    tg_tensor in = tg_input(tape, points, ROWS, 3), h = tg_tanh(tg_matmul(tg_tanh(tg_matmul(in, tg_use(tape, w))), tg_use(tape, w)));
    tg_tensor u = tg_matmul(h, tg_use(tape, v)), u_x = tg_diff(u, in, 1);
    expect_pass(tg_mean(tg_add(tg_square(u_x), tg_mul(u, tg_scalar_input(tape, &rate)))), text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "v1 = input [5,3]: 15 checked, 0 skipped, worst error "));
    ck_assert_ptr_nonnull(strstr(text, "= scalar_input [1,1]: 1 checked"));
    ck_assert_ptr_null(strstr(text, "unused"));
    tg_tensor decay = tg_scale(tg_sum(tg_square(tg_use_block(tape, params, NULL))), 0.1);
    expect_pass(tg_add(tg_mean(u), decay), text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "unused [2,2]: 4 checked"));
    tg_tape_free(tape);
    tg_params_free(params);
}
END_TEST

START_TEST(large_leaves_are_sampled) {
    static float many[100 * 37];
    char         text[512];
    for (int i = 0; i < 100 * 37; i++) many[i] = (float)sin(i);
    tg_tape *tape = tg_tape_new(NULL);
    expect_pass(tg_mean(tg_square(tg_sin(tg_input(tape, many, 100, 37)))), text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "[100,37]: 64 checked"));
    tg_tape_free(tape);
}
END_TEST

START_TEST(what_is_frozen_or_stopped_is_left_out) {
    char         text[1024];
    tg_params   *params = tg_params_new(3, NULL);
    tg_variable *v[3];
    const char  *names[3] = { "free", "frozen", "stopped" };
    for (int k = 0; k < 3; k++) v[k] = tg_variable_new(params, names[k], 3, 1, &(tg_variable_options){ .init = TG_CONSTANT, .scale = k + 1 });
    ck_assert_int_eq(tg_freeze(v[1], true), TG_OK);
    tg_tape  *tape = tg_tape_new(NULL);
    tg_tensor in = tg_input(tape, points, ROWS, 3), sum = tg_matmul(in, tg_use(tape, v[0]));
    for (int k = 1; k < 3; k++) sum = tg_add(sum, tg_matmul(in, tg_use(tape, v[k])));
    tg_tensor target = tg_sin(tg_stop(tg_use(tape, v[2]))), loss = tg_add(tg_mean(tg_square(sum)), tg_sum(target));
    expect_pass(loss, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "free [3,1]: 3 checked"));
    ck_assert_ptr_nonnull(strstr(text, "frozen [3,1]: left out, it is frozen"));
    ck_assert_ptr_nonnull(strstr(text, "stopped [3,1]: left out, loss depends on it through tg_stop too"));
    expect_failure(tg_sum(target), NULL, TG_DISCONNECTED, "no variable that could be checked");
    expect_failure(tg_constant(tape, 1), NULL, TG_DISCONNECTED, "depends on no input");
    tg_tape_free(tape);
    tg_params_free(params);
}
END_TEST

/* Points just beside a kink are checked all the same; those at one are skipped, and when there are too many the check says so. */
START_TEST(kinks_are_skipped) {
    double   many[40], few[2] = { 0, 1 };
    char     text[512];
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    for (int i = 0; i < 40; i++) many[i] = i == 0 ? 0 : (i % 2 == 0 ? 1 : -1) * 1.5e-4 * i;
    expect_pass(tg_sum(tg_mul(tg_relu(tg_input_f64(tape, many, 8, 5)), tg_constant(tape, 3))), text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "[8,5]: 39 checked, 1 skipped"));
    expect_failure(tg_sum(tg_relu(tg_input_f64(tape, few, 1, 2))), NULL, TG_CHECK_FAILED, "1 of 2 elements lie at kinks");
    tg_tape_free(tape);
}
END_TEST

/* ---- what is caught ---- */

TG_MAP1(test_wrong, x * x * x, tg_mul(g, tg_scale(tg_square(x), 2.9999)))
TG_MAP1(test_nan, x, tg_mul(g, tg_log(tg_shift(tg_mul(x, x), -100))))
TG_MAP1(test_demanding, x * x * x * x, tg_require_finite(tg_mul(g, tg_scale(tg_mul(x, tg_square(x)), 4))))

/* A net with a wrong gradient learned all the same, and nobody looked. */
START_TEST(a_wrong_rule_is_caught) {
    tg_params   *params = tg_params_new(3, NULL);
    tg_variable *w      = tg_variable_new(params, "layer/w", 3, 2, &(tg_variable_options){ .init = TG_GLOROT });
    tg_tape     *tape   = tg_tape_new(NULL);
    tg_tensor    in = tg_input(tape, points, ROWS, 3), h = test_wrong(tg_matmul(tg_sin(in), tg_use(tape, w)));
    FILE        *report = tmpfile();
    tg_gradcheck_result result;
    expect_failure(tg_mean(h), &(tg_gradcheck_options){ .report = report, .result = &result }, TG_CHECK_FAILED, "the derivative by layer/w [");
    ck_assert_str_eq(result.leaf, "layer/w");
    ck_assert(result.checked == 6 + ROWS * 3 && result.skipped == 0 && result.row < 3 && result.col < 2);
    ck_assert_double_eq_tol(result.by_tape / result.by_differences, 2.9999 / 3, 1e-7);
    ck_assert_double_eq(result.largest_error, fabs(result.by_tape - result.by_differences) / fmax(1, fabs(result.by_differences)));
    ck_assert_int_gt(ftell(report), 0);      /* the report is there for checks that fail too */
    fclose(report);
    in = tg_name(tg_input(tape, points, 1, 1), "point");
    expect_failure(tg_sum(test_wrong(in)), NULL, TG_CHECK_FAILED, "the derivative by point [0,0] is 0.26999");
    expect_failure(tg_mean(tg_square(tg_softmax(h))), NULL, TG_CHECK_FAILED, "; the derivative rule of test_wrong does not fit its values in v6");
    expect_failure(tg_sum(test_nan(in)), NULL, TG_CHECK_FAILED, "nan by the tape and 1");
    ck_assert_int_eq(tg_gradcheck(tg_mean(h), &(tg_gradcheck_options){ .tolerance = 1e-3 }), TG_OK);
    tg_tape_free(tape);
    tg_params_free(params);
}
END_TEST

static double cube(double a) { return a * a * a; }

START_TEST(what_cannot_be_checked_is_refused) {
    const char  *sentence;
    const float  negative = -1;
    tg_params   *params   = tg_params_new(3, NULL);
    tg_variable *w        = tg_variable_new(params, "w", 3, 1, &(tg_variable_options){ .init = TG_CONSTANT, .scale = 1 });
    tg_tape     *tape     = tg_tape_new(NULL);
    tg_tensor    in = tg_input(tape, points, ROWS, 3), y = tg_matmul(in, tg_use(tape, w)), loss = tg_mean(y);
    ck_assert_int_eq(tg_gradcheck(TG_NONE, NULL), TG_NULL_ARGUMENT);
    ck_assert_int_eq(tg_last_error(NULL), TG_NULL_ARGUMENT);
    expect_failure(y, NULL, TG_SHAPE_MISMATCH, "[5,1]");
    expect_failure(tg_labels(tape, labels, 1), NULL, TG_TYPE_MISMATCH, "integers");
    tg_gradcheck_result result = { .checked = 7 };
    expect_failure(loss, &(tg_gradcheck_options){ .tolerance = -1, .result = &result }, TG_BAD_ARGUMENT, "negative");
    ck_assert(result.checked == 0 && result.leaf[0] == '\0');
    expect_failure(loss, &(tg_gradcheck_options){ .samples = -1 }, TG_BAD_ARGUMENT, "negative");
    expect_failure(tg_mean(tg_map(y, cube, NULL)), NULL, TG_NO_DERIVATIVE, "= map(");
    expect_failure(tg_mean(tg_assign(tg_use(tape, w), tg_scale(tg_use(tape, w), 2))), NULL, TG_UNSUPPORTED, "assignment");
    tg_tensor root = tg_log(tg_input(tape, &negative, 1, 1));
    expect_failure(root, NULL, TG_NOT_FINITE, "nan");
    FILE *closed = fopen("/dev/full", "w");
    if (closed != NULL) expect_failure(loss, &(tg_gradcheck_options){ .report = closed }, TG_CANNOT_WRITE, "report"), fclose(closed);
    ck_assert_msg(tg_tape_status(tape) == TG_OK, "%s", tg_tape_error(tape));
    tg_matmul(in, in);
    expect_failure(loss, NULL, TG_SHAPE_MISMATCH, "the step has failed: ");
    tg_begin(tape, NULL);
    ck_assert_int_eq(tg_gradcheck(loss, NULL), TG_OLD_STEP);
    tg_last_error(&sentence);
    tg_tape_free(tape);
    tg_params_free(params);
}
END_TEST

START_TEST(what_must_be_finite_is_checked) {
    const float big  = 100;
    tg_tape    *tape = tg_tape_new(NULL);
    tg_tensor   in = tg_input(tape, &big, 1, 1), far = tg_require_finite(tg_exp(tg_square(in)));      /* e^10000 */
    expect_failure(tg_div(in, tg_shift(far, 1)), NULL, TG_NOT_FINITE, "in f64, ");
    tg_tape_free(tape);
}
END_TEST

/* ---- what stays as it was ---- */

typedef struct trained { float weight[24], loss[6], check; } trained;

/* A few steps of training, each checked at several places or at none: the same bits, nodes and draws. */
static trained train(bool checked) {
    trained       t      = { 0 };
    tg_params    *params = tg_params_new(3, NULL);
    tg_mlp       *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(3, 8, 3), .activation = "tanh", .dropout = 0.4 });
    tg_optimizer *adam   = tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.05 });
    tg_tape      *tape   = tg_tape_new(&(tg_tape_options){ .seed = 5 });
    for (int step = 0; step < 6; step++) {
        tg_begin(tape, &(tg_begin_options){ .training = true });
        tg_tensor kept = tg_keep(tg_mlp_forward(net, tg_input(tape, points, ROWS, 3)));
        tg_tensor loss = tg_require_finite(tg_cross_entropy(kept, tg_labels(tape, labels, ROWS)));
        if (checked) ck_assert_int_eq(tg_gradcheck(loss, NULL), TG_OK);
        const uint32_t nodes = tg_node_count(tape);
        tg_tensor      g     = tg_grad(loss, tg_use_block(tape, params, NULL)), norm = tg_clip_factor(tg_sum(tg_square(g)), 1);
        tg_tensor      out[] = { loss, tg_update(adam, tg_mul(g, norm)) };
        ck_assert_int_gt(tg_node_count(tape), nodes);
        if (checked && step % 2 == 0) ck_assert_int_eq(tg_gradcheck(loss, NULL), TG_OK);
        ck_assert_msg(tg_run_many(out, 2) == TG_OK, "%s", tg_tape_error(tape));
        ck_assert_ptr_nonnull(tg_data(kept));
        t.loss[step] = (float)tg_item(loss);
        if (checked && step == 5 && getenv("TAPEGRAD_EAGER") == NULL) expect_failure(loss, NULL, TG_STALE, "");
        ck_assert_ptr_nonnull(tg_data(kept));      /* still to be read */
    }
    ck_assert_uint_eq(tg_tape_step(tape), 5);
    ck_assert_int_eq(tg_variable_read(tg_variable_find(params, "net/fc1/weight"), t.weight), TG_OK);
    tg_tape_free(tape);
    tg_optimizer_free(adam);
    tg_mlp_free(net);
    tg_params_free(params);
    return t;
}

START_TEST(the_step_stays_as_it_was) {
    const trained plain = train(false), checked = train(true);
    ck_assert_mem_eq(plain.loss, checked.loss, sizeof plain.loss);
    ck_assert_mem_eq(plain.weight, checked.weight, sizeof plain.weight);
}
END_TEST

/* Nodes of a walk that are taken back, and come again because the last step had them, are as demanding as before: in f32 the derivative
 * is infinite. */
START_TEST(marks_of_what_is_recorded_again_hold) {
    double   value;
    tg_tape *tape = tg_tape_new(NULL);
    for (int step = 0; step < 3; step++) {
        value = step < 2 ? 1 : 1e30;
        tg_begin(tape, NULL);
        tg_tensor in = tg_scalar_input(tape, &value), loss = test_demanding(in), g;
        if (step > 0) ck_assert_int_eq(tg_gradcheck(loss, NULL), TG_OK);
        tg_gradients(loss, TG_NONE, &in, 1, &g, &(tg_gradients_options){ .allow_unused = true });
        ck_assert_int_eq(tg_run(g), step < 2 ? TG_OK : TG_NOT_FINITE);
    }
    tg_tape_free(tape);
}
END_TEST

static tg_status check_wrong(void *context) {
    (void)context;
    tg_tape  *tape = tg_tape_new(NULL);
    if (tape == NULL) return TG_OUT_OF_MEMORY;
    tg_tensor loss = tg_mean(test_wrong(tg_sin(tg_input(tape, points, 2, 3))));
    tg_status s    = tg_tape_status(tape);
    if (s == TG_OK) s = tg_gradcheck(loss, NULL);
    tg_tape_free(tape);
    return s == TG_CHECK_FAILED ? TG_OK : s == TG_OK ? TG_BUG : s;
}

static tg_status check_small(void *context) {
    (void)context;
    tg_status    s      = TG_OUT_OF_MEMORY;
    tg_params   *params = tg_params_new(3, NULL);
    tg_variable *w      = params != NULL ? tg_variable_new(params, "w", 3, 1, &(tg_variable_options){ .init = TG_CONSTANT, .scale = 0.5 }) : NULL;
    tg_tape     *tape   = w != NULL ? tg_tape_new(NULL) : NULL;
    if (tape != NULL) {
        tg_tensor loss = tg_mean(tg_tanh(tg_matmul(tg_input(tape, points, 2, 3), tg_use(tape, w))));
        s              = tg_tape_status(tape);
        if (s == TG_OK) s = tg_gradcheck(loss, NULL);
        ck_assert_int_eq(tg_tape_status(tape) == TG_OK || s == tg_tape_status(tape), 1);
        if (s == TG_OK) ck_assert_int_eq(tg_run(loss) == TG_OK || tg_tape_status(tape) == TG_OUT_OF_MEMORY, 1);
    }
    tg_tape_free(tape);
    tg_params_free(params);
    return s;
}

START_TEST(every_allocation_may_fail) {
    let_each_allocation_fail(check_small, NULL, 40);
    let_each_allocation_fail(check_wrong, NULL, 40);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("gradcheck");
    TCase *cases = tcase_create("gradcheck");
    tcase_set_timeout(cases, 300);
    suite_add_tcase(suite, cases);
    tcase_add_loop_test(cases, a_net_with_dropout, 0, sizeof activations / sizeof activations[0]);
    const TTest *const tests[] = { shared_weights_and_a_derivative_in_the_loss, large_leaves_are_sampled, what_is_frozen_or_stopped_is_left_out,
                                   kinks_are_skipped, a_wrong_rule_is_caught, what_cannot_be_checked_is_refused, what_must_be_finite_is_checked,
                                   the_step_stays_as_it_was,
                                   marks_of_what_is_recorded_again_hold, every_allocation_may_fail };
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) tcase_add_test(cases, tests[i]);
    return run_suite(suite);
}
