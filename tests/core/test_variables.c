/* test_variables.c - variables in steps: blocks, assignment, freezing, what can be read and when, bad input. */
#include "support.h"
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <tapegrad/ops.h>
#include <tapegrad/grad.h>
#include <tapegrad/variable.h>

static tg_params   *params;
static tg_variable *w, *b;
static tg_tape     *tape;

static void set_up(void) {
    params = tg_params_new(5, &(tg_params_options){ .type = TG_F64 });
    w      = tg_variable_new(params, "w", 2, 3, &(tg_variable_options){ .init = TG_NORMAL });
    b      = tg_variable_new(params, "b", 1, 3, &(tg_variable_options){ .init = TG_CONSTANT, .scale = 0.5 });
    tape   = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
}

static void tear_down(void) {
    tg_tape_free(tape);
    tg_params_free(params);
    ck_assert_int_eq(tg_last_error(NULL), TG_OK);
}

static const float x[4] = { 1, 2, 3, 4 };

static tg_tensor loss_of(tg_tape *t) { return tg_mean(tg_square(tg_tanh(tg_linear(tg_input(t, x, 2, 2), tg_use(t, w), tg_use(t, b))))); }

#define expect(status) ck_assert_msg(tg_tape_status(tape) == (status), "%s: %s", tg_status_name(tg_tape_status(tape)), tg_tape_error(tape))
#define expect_ok(call) ck_assert_msg((call) == TG_OK, "%s", tg_tape_error(tape))

/* A parameter was written between a value and its derivative, which then mixed old and new. */
START_TEST(one_node_a_step_and_new_ones_after_a_write) {
    ck_assert_uint_eq(tg_use(tape, w).id, tg_use(tape, w).id);
    tg_tensor old = tg_use(tape, w), loss = loss_of(tape), updated = tg_assign(old, tg_scale(old, 2));
    double    before[6], kept[6], after[6];
    ck_assert_int_eq(tg_variable_read_f64(w, before), TG_OK);
    tg_keep(old);
    expect_ok(tg_run_many((tg_tensor[]){ loss, updated }, 2));
    expect_ok(tg_read_f64(old, kept));      /* kept across the update: the old value */
    ck_assert_int_eq(tg_variable_read_f64(w, after), TG_OK);
    for (int i = 0; i < 6; i++) ck_assert(kept[i] == before[i] && after[i] == 2 * before[i]);
    ck_assert_uint_ne(tg_use(tape, w).id, old.id);
    expect_ok(tg_run(tg_sum(tg_use(tape, w))));
    ck_assert_int_eq(tg_run(loss), TG_STALE);
    ck_assert_ptr_nonnull(strstr(tg_tape_error(tape), "tg_use"));
}
END_TEST

START_TEST(a_parameter_and_its_block_in_one_walk) {
    tg_tensor block = tg_use_block(tape, params, NULL), weight = tg_use(tape, w), bias = tg_use(tape, b), g[3];
    tg_tensor loss = tg_add(loss_of(tape), tg_sum(tg_square(block)));
    expect_ok(tg_gradients(loss, TG_NONE, (tg_tensor[]){ block, weight, bias }, 3, g, NULL));
    double whole[64], gw[6], gb[3], value[6];
    ck_assert_int_eq(tg_variable_read_f64(w, value), TG_OK);
    expect_ok(tg_run_many(g, 3));
    expect_ok(tg_read_f64(g[0], whole));
    expect_ok(tg_read_f64(g[1], gw));
    expect_ok(tg_read_f64(g[2], gb));
    ck_assert_int_eq(tg_cols(block), 11);      /* 6, padding to 8 on 64 bytes, 3 */
    for (int i = 0; i < 6; i++) ck_assert_double_eq_tol(whole[i], gw[i] + 2 * value[i], 1e-15);
    for (int i = 0; i < 3; i++) ck_assert_double_eq_tol(whole[8 + i], gb[i] + 1, 1e-15);
    ck_assert(whole[6] == 0 && whole[7] == 0);
}
END_TEST

START_TEST(frozen_slices_stay_and_have_gradient_zero) {
    double before[6], after[6], whole[11];
    ck_assert_int_eq(tg_freeze(w, true), TG_OK);
    ck_assert_int_eq(tg_variable_read_f64(w, before), TG_OK);
    tg_tensor block = tg_use_block(tape, params, NULL), loss = tg_add(loss_of(tape), tg_sum(tg_exp(block))), g = tg_grad(loss, block);
    expect_ok(tg_run_many((tg_tensor[]){ g, tg_assign(block, tg_shift(block, 1)) }, 2));
    expect_ok(tg_read_f64(g, whole));
    for (int i = 0; i < 8; i++) ck_assert(whole[i] == 0);
    ck_assert(whole[8] != 0);
    ck_assert_int_eq(tg_variable_read_f64(w, after), TG_OK);
    ck_assert_mem_eq(before, after, sizeof before);
    double bias[3];
    ck_assert_int_eq(tg_variable_read_f64(b, bias), TG_OK);
    ck_assert(bias[0] == 1.5);
    tg_begin(tape, NULL);
    block = tg_use_block(tape, params, NULL);
    tg_tensor padding = tg_sum(tg_square(tg_view(block, 6, 1, 2)));
    expect_ok(tg_run(padding));
    ck_assert(tg_item(padding) == 0);
    tg_tensor direct = tg_grad(loss_of(tape), tg_use(tape, w));      /* wanted itself, a frozen variable has a gradient */
    expect_ok(tg_run(direct));
    expect_ok(tg_read_f64(direct, after));
    ck_assert(after[0] != 0);
    tg_assign(tg_use(tape, w), tg_use(tape, w));
    expect(TG_BAD_ARGUMENT);
}
END_TEST

START_TEST(writes_of_one_element_twice) {
    tg_tensor block = tg_use_block(tape, params, NULL), v = tg_use(tape, b);
    tg_tensor both[] = { tg_assign(block, tg_scale(block, 2)), tg_assign(v, tg_scale(v, 3)) };
    double before[3], after[3];
    ck_assert_int_eq(tg_variable_read_f64(b, before), TG_OK);
    ck_assert_int_eq(tg_run_many(both, 2), TG_WRITTEN_TWICE);
    ck_assert_int_eq(tg_variable_read_f64(b, after), TG_OK);
    ck_assert_mem_eq(before, after, sizeof before);
}
END_TEST

START_TEST(assign_has_the_derivative_of_its_value) {
    tg_tensor weight = tg_use(tape, w), next = tg_assign(weight, tg_square(weight)), g = tg_grad(tg_sum(next), weight);
    double    value[6], slope[6];
    ck_assert_int_eq(tg_variable_read_f64(w, value), TG_OK);
    expect_ok(tg_run(g));
    expect_ok(tg_read_f64(g, slope));
    for (int i = 0; i < 6; i++) ck_assert_double_eq_tol(slope[i], 2 * value[i], 1e-15);
}
END_TEST

START_TEST(reading_follows_keeping) {
    tg_tensor loss = loss_of(tape), h = tg_tanh(tg_input(tape, x, 2, 2)), other = tg_exp(h);
    double    out[4];
    tg_keep(h);
    expect_ok(tg_run(loss));
    ck_assert(isfinite(tg_item(loss)));
    expect_ok(tg_read_f64(h, out));
    expect_ok(tg_run(other));      /* a second run in the step ends the reading of h, not of 1 x 1 values */
    ck_assert(isfinite(tg_item(loss)));
    ck_assert_int_eq(tg_read_f64(h, out), TG_NOT_KEPT);
    ck_assert_ptr_nonnull(strstr(tg_tape_error(tape), "tg_keep"));
    ck_assert(isnan(tg_item(loss)));
    tg_begin(tape, NULL);
    tg_sum(loss);
    expect(TG_OLD_STEP);
}
END_TEST

START_TEST(a_loop_whose_length_depends_on_a_value) {
    const double start = 100;
    tg_tensor    v = tg_input_f64(tape, &start, 1, 1);
    int          rounds = 0;
    expect_ok(tg_run(v));
    while (tg_item(v) > 1 && rounds++ < 100) {
        v = tg_scale(v, 0.5);
        expect_ok(tg_run(v));
    }
    ck_assert_int_eq(rounds, 7);
}
END_TEST

START_TEST(a_value_that_is_not_finite_writes_nothing) {
    tg_tensor weight = tg_use(tape, w), bad = tg_require_finite(tg_log(tg_scale(tg_sum(tg_square(weight)), -1)));
    double    before[6], after[6];
    ck_assert_int_eq(tg_variable_read_f64(w, before), TG_OK);
    ck_assert_int_eq(tg_run_many((tg_tensor[]){ bad, tg_assign(weight, tg_scale(weight, 2)) }, 2), TG_NOT_FINITE);
    ck_assert_int_eq(tg_variable_read_f64(w, after), TG_OK);
    ck_assert_mem_eq(before, after, sizeof before);
}
END_TEST

START_TEST(bad_input_is_a_status_and_a_sentence) {
    static const int32_t labels[2] = { 0, 7 };
    tg_matmul(tg_input(tape, x, 1, 3), tg_input(tape, x, 1, 3));
    expect(TG_SHAPE_MISMATCH);
    ck_assert_ptr_nonnull(strstr(tg_tape_error(tape), "[1,3]"));
    tg_begin(tape, NULL);
    tg_push_scope(tape, "net/fc1");
    tg_mse_loss(tg_input(tape, x, 2, 2), tg_input(tape, x, 1, 2));
    expect(TG_SHAPE_MISMATCH);
    ck_assert_ptr_nonnull(strstr(tg_tape_error(tape), "net/fc1"));
    tg_begin(tape, NULL);
    ck_assert_int_eq(tg_run(tg_cross_entropy(tg_input(tape, x, 2, 2), tg_labels(tape, labels, 2))), TG_OUT_OF_RANGE);
    tg_begin(tape, NULL);
    tg_tensor block = tg_use_block(tape, params, NULL);
    tg_keep(block);
    expect_ok(tg_run(tg_sum(block)));
    tg_tensor again = tg_input_f64(tape, tg_data_f64(block), 1, 3);
    ck_assert_int_eq(tg_run(again), TG_OVERLAP);
    tg_begin(tape, NULL);
    tg_tape *second = tg_tape_new(NULL);
    tg_add(tg_input(tape, x, 1, 2), tg_input(second, x, 1, 2));
    expect(TG_WRONG_TAPE);
    tg_tape_free(second);
    tg_begin(tape, NULL);
    tg_find(tape, "nothing");
    expect(TG_UNKNOWN_NAME);
    tg_begin(tape, NULL);
    tg_input(tape, x, INT64_MAX / 2, 4);
    expect(TG_TOO_LARGE);
    ck_assert_ptr_null(tg_variable_new(params, "c", 1, 1, NULL));      /* the group is in use */
    ck_assert_int_eq(tg_last_error(NULL), TG_BAD_ARGUMENT);
    ck_assert_ptr_null(tg_variable_new(params, "d", 0, 3, &(tg_variable_options){ .group = "other" }));
    ck_assert_int_eq(tg_last_error(NULL), TG_BAD_ARGUMENT);
    ck_assert_int_eq(tg_run(TG_NONE), TG_NULL_ARGUMENT);
    const char *why;
    ck_assert_int_eq(tg_last_error(&why), TG_NULL_ARGUMENT);
    ck_assert_int_ne(why[0], '\0');
}
END_TEST

START_TEST(no_rows_and_no_columns) {
    tg_tensor empty = tg_input(tape, NULL, 0, 3), sum = tg_sum(empty), mean = tg_mean(empty);
    tg_tensor product = tg_matmul(tg_input(tape, NULL, 2, 0), tg_input(tape, NULL, 0, 2));
    double    out[4] = { 9, 9, 9, 9 };
    expect_ok(tg_run_many((tg_tensor[]){ sum, mean, product, tg_grad(sum, empty) }, 4));
    ck_assert(tg_item(sum) == 0 && isnan(tg_item(mean)));
    expect_ok(tg_read_f64(product, out));
    for (int i = 0; i < 4; i++) ck_assert(out[i] == 0);
}
END_TEST

START_TEST(philox_known_answers) {
    void tg_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);
    uint32_t out[4];
    tg_philox((uint32_t[]){ 0, 0, 0, 0 }, (uint32_t[]){ 0, 0 }, out);
    ck_assert(out[0] == 0x6627e8d5 && out[1] == 0xe169c58d && out[2] == 0xbc57ac4c && out[3] == 0x9b00dbd8);
    const uint32_t ones = 0xffffffff;
    tg_philox((uint32_t[]){ ones, ones, ones, ones }, (uint32_t[]){ ones, ones }, out);
    ck_assert(out[0] == 0x408f276d && out[1] == 0x41c83b0e && out[2] == 0xa20bc7c6 && out[3] == 0x6d5451fd);
}
END_TEST

START_TEST(dropout_draws_the_same_mask_in_both_types) {
    tg_tape *single = tg_tape_new(NULL);
    double   a[40], c[40];
    float    ones[40];
    for (int i = 0; i < 40; i++) ones[i] = 1;
    for (int t = 0; t < 2; t++) {
        tg_tape *which = t == 0 ? tape : single;
        tg_begin(which, &(tg_begin_options){ .training = true });
        tg_tensor y = tg_dropout(tg_input(which, ones, 5, 8), 0.5);
        expect_ok(tg_run(y));
        expect_ok(tg_read_f64(y, t == 0 ? a : c));
    }
    int dropped = 0;
    for (int i = 0; i < 40; i++) {
        ck_assert(a[i] == c[i] && (a[i] == 0 || a[i] == 2));
        dropped += a[i] == 0;
    }
    ck_assert(dropped > 5 && dropped < 35);
    tg_tape_free(single);
}
END_TEST

/* ---- threads: any number may read the same variables, each on its own tape ---- */

static void *gradient_in_a_thread(void *gradient) {
    tg_tape *own = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    for (int step = 0; step < 20; step++) {
        tg_begin(own, NULL);
        tg_tensor g = tg_grad(loss_of(own), tg_use(own, w));
        if (tg_run(g) != TG_OK || tg_read_f64(g, gradient) != TG_OK) break;
    }
    const tg_status status = tg_tape_status(own);
    tg_tape_free(own);
    return status == TG_OK ? gradient : NULL;
}

START_TEST(threads_read_the_same_variables) {
    enum { THREADS = 4 };
    double    gradient[THREADS][6], here[6];
    pthread_t thread[THREADS];
    void     *result;
    for (int i = 0; i < THREADS; i++) ck_assert_int_eq(pthread_create(&thread[i], NULL, gradient_in_a_thread, gradient[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(thread[i], &result), 0);
        ck_assert_ptr_nonnull(result);
    }
    ck_assert_ptr_nonnull(gradient_in_a_thread(here));
    for (int i = 0; i < THREADS; i++) ck_assert_mem_eq(gradient[i], here, sizeof here);
}
END_TEST

/* ---- memory that runs out ---- */

/* One step of a net from nothing. reference [6]: its weights, to be found out by the first call that succeeds and to be met by every later one. */
static tg_status whole_step(void *reference) {
    double       weights[6];
    static const double rate = -0.1;
    tg_status    s    = TG_OUT_OF_MEMORY;
    tg_params   *p    = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    tg_variable *v    = p != NULL ? tg_variable_new(p, "v", 2, 3, &(tg_variable_options){ .init = TG_HE }) : NULL;
    tg_tape     *t    = v != NULL ? tg_tape_new(&(tg_tape_options){ .type = TG_F64 }) : NULL;
    for (int tries = 0; t != NULL && tries < 2 && s != TG_OK; tries++) {      /* the tape stays usable, and the second try gives the same bits */
        tg_begin(t, NULL);
        tg_push_scope(t, "net");
        tg_tensor block = tg_use_block(t, p, NULL), h = tg_name(tg_softmax(tg_matmul(tg_input(t, x, 2, 2), tg_use(t, v))), "h");
        tg_tensor loss = tg_sum(tg_mul(h, tg_sum_to(tg_square(h), 1, 3)));
        s = tg_run_many((tg_tensor[]){ loss, tg_assign(block, tg_axpy(tg_scalar_input(t, &rate), tg_grad(loss, block), block)) }, 2);
        if (s != TG_OK) ck_assert_int_eq(s, TG_OUT_OF_MEMORY);
    }
    if (s == TG_OK) {
        ck_assert_int_eq(tg_variable_read_f64(v, weights), TG_OK);
        if (isnan(*(double *)reference)) memcpy(reference, weights, sizeof weights);
        ck_assert_mem_eq(reference, weights, sizeof weights);
    }
    tg_tape_free(t);
    tg_params_free(p);
    return s;
}

START_TEST(every_allocation_may_fail) {
    double reference[6] = { (double)NAN };
    ck_assert_int_eq(whole_step(reference), TG_OK);
    let_each_allocation_fail(whole_step, reference, 20);
}
END_TEST

int main(void) {
    Suite   *suite = suite_create("variables");
    TCase   *cases = tcase_create("variables"), *memory = tcase_create("memory");
    tcase_set_timeout(memory, 300);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    suite_add_tcase(suite, cases);
    suite_add_tcase(suite, memory);
    tcase_add_test(cases, one_node_a_step_and_new_ones_after_a_write);
    tcase_add_test(cases, a_parameter_and_its_block_in_one_walk);
    tcase_add_test(cases, frozen_slices_stay_and_have_gradient_zero);
    tcase_add_test(cases, writes_of_one_element_twice);
    tcase_add_test(cases, assign_has_the_derivative_of_its_value);
    tcase_add_test(cases, reading_follows_keeping);
    tcase_add_test(cases, a_loop_whose_length_depends_on_a_value);
    tcase_add_test(cases, a_value_that_is_not_finite_writes_nothing);
    tcase_add_test(cases, bad_input_is_a_status_and_a_sentence);
    tcase_add_test(cases, no_rows_and_no_columns);
    tcase_add_test(cases, philox_known_answers);
    tcase_add_test(cases, dropout_draws_the_same_mask_in_both_types);
    tcase_add_test(cases, threads_read_the_same_variables);
    tcase_add_test(memory, every_allocation_may_fail);
    return run_suite(suite);
}
