/* test_explicit.c - plans that users hold: what they compute, bind, write and refuse. */
#include "support.h"
#include <math.h>
#include <tapegrad/tapegrad.h>

static const float   x[6]      = { 1, 2, 3, 4, 5, 6 }, other[6] = { -1, 0.5f, 2, -3, 0, 1 };
static const int32_t labels[2] = { 0, 2 };

static void expect_ok(tg_status s, const tg_plan *plan) { ck_assert_msg(s == TG_OK, "%s: %s", tg_status_name(s), tg_plan_error(plan)); }

START_TEST(runs_on_what_is_bound_without_the_tape) {
    float     out[4], expected[4];
    tg_tape  *tape = tg_tape_new(NULL);
    tg_tensor in = tg_input(tape, x, 2, 3), y = tg_tanh(tg_matmul_transposed(in, false, in, true));
    tg_plan  *plan = tg_plan_new(&in, 1, &y, 1, NULL);
    ck_assert_msg(plan != NULL, "%s", tg_tape_error(tape));
    ck_assert_int_eq(tg_plan_input_shape(plan, 0).cols, 3);
    ck_assert_int_eq(tg_plan_output_shape(plan, 0).rows, 2);
    ck_assert_int_eq(tg_plan_read(plan, 0, out), TG_NOT_KEPT);      /* it has not run */
    for (int i = 0; i < 2; i++) {
        tg_begin(tape, NULL);
        in = tg_input(tape, i == 0 ? x : other, 2, 3), y = tg_tanh(tg_matmul_transposed(in, false, in, true));
        ck_assert_int_eq(tg_run(y), TG_OK);
        ck_assert_int_eq(tg_read(y, expected), TG_OK);
        if (i == 1) expect_ok(tg_plan_bind(plan, 0, other), plan);
        if (i == 1) tg_tape_free(tape);
        expect_ok(tg_plan_run(plan), plan);      /* at first on what was recorded */
        expect_ok(tg_plan_read(plan, 0, out), plan);
        ck_assert_mem_eq(out, expected, sizeof out);
        ck_assert_mem_eq(tg_plan_data(plan, 0), expected, sizeof out);
    }
    ck_assert_ptr_null(tg_plan_data_f64(plan, 0));
    tg_plan_free(plan);
}
END_TEST

START_TEST(converts_what_is_of_the_other_type) {
    double   wide[6], out;
    for (int i = 0; i < 6; i++) wide[i] = (double)other[i] / 3;
    tg_tape  *tape = tg_tape_new(NULL);
    tg_tensor in = tg_input(tape, x, 2, 3), y = tg_sum(tg_square(in));
    tg_plan  *single = tg_plan_new(&in, 1, &y, 1, NULL), *full = tg_plan_new(&in, 1, &y, 1, &(tg_plan_options){ .type = TG_F64 });
    float     sum_single = 0;
    double    sum = 0;
    for (int i = 0; i < 6; i++) sum += wide[i] * wide[i], sum_single += (float)wide[i] * (float)wide[i];
    expect_ok(tg_plan_bind_f64(single, 0, wide), single);
    expect_ok(tg_plan_bind_f64(full, 0, wide), full);
    expect_ok(tg_plan_run(single), single);
    expect_ok(tg_plan_run(full), full);
    expect_ok(tg_plan_read_f64(single, 0, &out), single);
    ck_assert_double_eq_tol(out, (double)sum_single, 1e-6);
    expect_ok(tg_plan_read_f64(full, 0, &out), full);
    ck_assert_double_eq_tol(out, sum, 1e-14);
    wide[0] = 7;      /* borrowed: read anew by each run */
    expect_ok(tg_plan_run(full), full);
    expect_ok(tg_plan_read_f64(full, 0, &out), full);
    ck_assert_double_gt(out, 49);
    expect_ok(tg_plan_bind(full, 0, x), full);
    expect_ok(tg_plan_run(full), full);
    expect_ok(tg_plan_read_f64(full, 0, &out), full);
    ck_assert_double_eq(out, 91);
    tg_plan_free(single);
    tg_plan_free(full);
    tg_tape_free(tape);
}
END_TEST

/* One plan that trains, and a tape that does the same: the same bits. */
START_TEST(trains_with_the_bits_of_a_tape) {
    float         weights[2][12];
    const char   *names[] = { "planned", "recorded" };
    for (int which = 0; which < 2; which++) {
        tg_params    *params = tg_params_new(3, NULL);
        tg_mlp       *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(3, 4, 3), .dropout = 0.2 });
        tg_optimizer *adam   = tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.05 });
        tg_tape      *tape   = tg_tape_new(&(tg_tape_options){ .seed = 5 });
        tg_plan      *plan   = NULL;
        for (int step = 0; step < 10; step++) {
            tg_status s = TG_OK;
            if (plan == NULL) {
                tg_begin(tape, &(tg_begin_options){ .training = true });
                tg_tensor in = tg_input(tape, step % 2 == 0 ? x : other, 2, 3), target = tg_labels(tape, labels, 2);
                tg_tensor loss = tg_require_finite(tg_cross_entropy(tg_mlp_forward(net, in), target));
                tg_tensor out[] = { loss, tg_update(adam, tg_grad(loss, tg_use_block(tape, params, NULL))) };
                if (which == 0) plan = tg_plan_new((tg_tensor[]){ in, target }, 2, out, 2, NULL);
                else s = tg_run_many(out, 2);
                ck_assert_msg(s == TG_OK && (which == 1 || plan != NULL), "%s: %s", names[which], tg_tape_error(tape));
            }
            if (plan == NULL) continue;
            expect_ok(tg_plan_bind(plan, 0, step % 2 == 0 ? x : other), plan);
            expect_ok(tg_plan_run(plan), plan);
        }
        ck_assert_int_eq(tg_variable_read(tg_variable_find(params, "net/fc1/weight"), weights[which]), TG_OK);
        tg_plan_free(plan);
        tg_tape_free(tape);
        tg_optimizer_free(adam);
        tg_mlp_free(net);
        tg_params_free(params);
    }
    ck_assert_mem_eq(weights[0], weights[1], sizeof weights[0]);
}
END_TEST

START_TEST(a_block_may_be_an_input) {
    const double bound[3] = { 3, 4, 5 };
    double       out;
    tg_params   *params = tg_params_new(1, NULL);
    tg_variable *w      = tg_variable_new(params, "w", 1, 3, &(tg_variable_options){ .init = TG_CONSTANT, .scale = 1 });
    tg_tape     *tape   = tg_tape_new(NULL);
    tg_tensor    block  = tg_use_block(tape, params, NULL), y = tg_sum(tg_square(tg_use(tape, w))), g = tg_grad(y, block);
    tg_plan     *plan   = tg_plan_new(&block, 1, (tg_tensor[]){ y, g }, 2, &(tg_plan_options){ .type = TG_F64 });
    ck_assert_msg(plan != NULL, "%s", tg_tape_error(tape));
    expect_ok(tg_plan_run(plan), plan);
    expect_ok(tg_plan_read_f64(plan, 0, &out), plan);
    ck_assert_double_eq(out, 3);      /* the variables, until something is bound */
    expect_ok(tg_plan_bind_f64(plan, 0, bound), plan);
    expect_ok(tg_plan_run(plan), plan);
    expect_ok(tg_plan_read_f64(plan, 0, &out), plan);
    ck_assert_double_eq(out, 50);
    ck_assert(tg_plan_data_f64(plan, 1)[2] == 10);
    tg_plan *refused = tg_plan_new(&block, 1, (tg_tensor[]){ tg_assign(block, tg_scale(block, 2)) }, 1, NULL);
    ck_assert_ptr_null(refused);
    ck_assert_int_eq(tg_tape_status(tape), TG_BAD_ARGUMENT);
    tg_plan_free(plan);
    tg_tape_free(tape);
    tg_params_free(params);
}
END_TEST

START_TEST(refuses_and_stays_usable) {
    const int32_t wrong[2] = { 0, 3 };
    double        rate = 1, nan_rate = (double)NAN;
    float         out[4];
    tg_tape  *tape = tg_tape_new(NULL);
    tg_tensor in = tg_input(tape, x, 2, 3), target = tg_labels(tape, labels, 2), factor = tg_scalar_input(tape, &rate);
    tg_tensor loss = tg_require_finite(tg_mul(tg_cross_entropy(in, target), factor));
    tg_plan  *plan = tg_plan_new((tg_tensor[]){ in, target, factor }, 3, &loss, 1, NULL);
    ck_assert_msg(plan != NULL, "%s", tg_tape_error(tape));
    ck_assert_int_eq(tg_plan_bind(plan, 3, x), TG_OUT_OF_RANGE);
    ck_assert_int_eq(tg_plan_bind(plan, 1, x), TG_TYPE_MISMATCH);
    ck_assert_ptr_nonnull(strstr(tg_plan_error(plan), "input 1 holds integers"));
    ck_assert_int_eq(tg_plan_bind_i32(plan, 1, labels), TG_OK);
    ck_assert_int_eq(tg_plan_bind_i32(plan, 0, labels), TG_TYPE_MISMATCH);
    ck_assert_ptr_nonnull(strstr(tg_plan_error(plan), "input 0 holds numbers"));
    ck_assert_int_eq(tg_plan_run(plan), TG_TYPE_MISMATCH);      /* until it has been bound */
    expect_ok(tg_plan_bind(plan, 0, x), plan);
    ck_assert_int_eq(tg_plan_bind(plan, 0, NULL), TG_NULL_ARGUMENT);
    expect_ok(tg_plan_bind(plan, 0, x), plan);
    expect_ok(tg_plan_run(plan), plan);
    ck_assert_int_eq(tg_plan_bind(plan, 0, tg_plan_data(plan, 0)), TG_OVERLAP);
    expect_ok(tg_plan_bind(plan, 0, x), plan);
    expect_ok(tg_plan_bind_i32(plan, 1, wrong), plan);
    ck_assert_int_eq(tg_plan_run(plan), TG_OUT_OF_RANGE);
    ck_assert_ptr_nonnull(strstr(tg_plan_error(plan), "label 3 in row 1"));
    ck_assert_int_eq(tg_plan_read(plan, 0, out), TG_NOT_KEPT);
    expect_ok(tg_plan_bind_i32(plan, 1, labels), plan);
    expect_ok(tg_plan_bind_f64(plan, 2, &nan_rate), plan);
    ck_assert_int_eq(tg_plan_run(plan), TG_NOT_FINITE);
    ck_assert_ptr_nonnull(strstr(tg_plan_error(plan), "nan"));
    expect_ok(tg_plan_bind_f64(plan, 2, &rate), plan);
    expect_ok(tg_plan_run(plan), plan);
    ck_assert_int_eq(tg_plan_read(plan, 1, out), TG_OUT_OF_RANGE);
    ck_assert_ptr_null(tg_plan_new(&loss, 1, &loss, 1, NULL));      /* no leaf */
    ck_assert_int_eq(tg_tape_status(tape), TG_BAD_ARGUMENT);
    tg_begin(tape, NULL);
    in = tg_input(tape, x, 2, 3);
    ck_assert_ptr_null(tg_plan_new((tg_tensor[]){ in, in }, 2, &in, 1, NULL));
    tg_begin(tape, NULL);
    ck_assert_ptr_null(tg_plan_new(NULL, 0, NULL, 0, NULL));
    ck_assert_int_eq(tg_last_error(NULL), TG_NULL_ARGUMENT);
    ck_assert_int_eq(tg_plan_run(NULL), TG_NULL_ARGUMENT);
    tg_last_error(NULL);
    tg_plan_free(plan);
    tg_plan_free(NULL);
    tg_tape_free(tape);
}
END_TEST

START_TEST(a_step_number_repeats_the_draws) {
    float        out[3][200];
    tg_tape     *tape = tg_tape_new(&(tg_tape_options){ .seed = 4 });
    tg_tensor    y    = tg_bernoulli(tape, 0.5, 10, 20);
    tg_plan     *plan = tg_plan_new(NULL, 0, &y, 1, NULL);
    for (int k = 0; k < 3; k++) {
        if (k == 2) ck_assert_int_eq(tg_plan_set_step(plan, tg_tape_step(tape)), TG_OK);
        expect_ok(tg_plan_run(plan), plan);
        expect_ok(tg_plan_read(plan, 0, out[k]), plan);
    }
    ck_assert_mem_ne(out[0], out[1], sizeof out[0]);
    ck_assert_mem_eq(out[0], out[2], sizeof out[0]);
    ck_assert_int_eq(tg_plan_set_step(NULL, 0), TG_NULL_ARGUMENT);
    tg_last_error(NULL);
    tg_plan_free(plan);
    tg_tape_free(tape);
}
END_TEST

static tg_status make_and_run(void *context) {
    (void)context;
    const double wide[6] = { 1, 2, 3, 4, 5, 6 };
    float        out[2];
    tg_status    s    = TG_OUT_OF_MEMORY;
    tg_tape     *tape = tg_tape_new(NULL);
    if (tape == NULL) return s;
    tg_tensor in = tg_input(tape, x, 2, 3), y = tg_sum_cols(tg_softplus(tg_dropout(in, 0.5)));
    tg_plan  *plan = tg_plan_new(&in, 1, &y, 1, NULL);
    if (plan != NULL) s = tg_plan_bind_f64(plan, 0, wide);
    if (s == TG_OK) s = tg_plan_run(plan);
    if (s == TG_OK) s = tg_plan_read(plan, 0, out);
    tg_plan_free(plan);
    tg_tape_free(tape);
    return s;
}

START_TEST(every_allocation_may_fail) {
    let_each_allocation_fail(make_and_run, NULL, 20);
}
END_TEST

int main(void) {
    return RUN_TESTS("explicit", runs_on_what_is_bound_without_the_tape, converts_what_is_of_the_other_type, trains_with_the_bits_of_a_tape,
                     a_block_may_be_an_input, refuses_and_stays_usable, a_step_number_repeats_the_draws, every_allocation_may_fail);
}
