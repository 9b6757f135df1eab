/* test_fit.c - fit and what ends it, evaluate and predict, models of one's own, and memory that runs out in all of these. */
#include "nn/nets.h"
#include "support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <tapegrad/tapegrad.h>

static double train(float weights[16], const tg_fit_options *options, tg_status expected) {
    tg_dataset   *data   = two_classes();
    tg_params    *params = tg_params_new(4, NULL);
    tg_mlp       *net    = new_net(params);
    tg_optimizer *adam   = tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.02 });
    int64_t       confusion[4];
    tg_report     report = { .confusion = confusion };
    const char   *why    = "";
    tg_status     s      = tg_fit(tg_mlp_model(net), adam, data, options);
    if (s != expected) tg_last_error(&why);
    ck_assert_msg(s == expected, "%s: %s", tg_status_name(s), why);
    ck_assert_int_eq(tg_evaluate(tg_mlp_model(net), data, &report), TG_OK);
    ck_assert_int_eq(confusion[0] + confusion[1] + confusion[2] + confusion[3], ROWS);
    ck_assert_int_eq(tg_variable_read(tg_variable_find(params, "net/fc1/weight"), weights), TG_OK);
    tg_optimizer_free(adam);
    tg_mlp_free(net);
    tg_params_free(params);
    tg_dataset_free(data);
    return report.accuracy;
}

START_TEST(fit_learns_and_gives_the_same_bits_twice) {
    float          one[16], two[16];
    tg_fit_report  report;
    tg_fit_options o = { .epochs = 30, .batch = 16, .validation = 0.2, .report = &report, .tape = &(tg_tape_options){ .seed = 2 } };
    ck_assert_double_gt(train(one, &o, TG_OK), 0.95);
    ck_assert(report.epochs == 30 && report.best_epoch >= 1 && isfinite(report.validation_loss));
    train(two, &o, TG_OK);
    ck_assert_mem_eq(one, two, sizeof one);
}
END_TEST

static bool stop_at_once(const tg_progress *p, void *context) {
    (void)p, (void)context;
    return false;
}

START_TEST(what_ends_a_fit) {
    float         w[16];
    tg_fit_report report;
    train(w, &(tg_fit_options){ .epochs = 5, .progress = stop_at_once, .report = &report }, TG_OK);
    ck_assert_int_eq(report.epochs, 1);
    train(w, &(tg_fit_options){ .epochs = 500, .validation = 0.3, .validation_tail = true, .patience = 2, .report = &report }, TG_OK);
    ck_assert_int_lt(report.epochs, 500);
    train(w, &(tg_fit_options){ .validation = 1 }, TG_BAD_ARGUMENT);
    tg_last_error(NULL);
}
END_TEST

START_TEST(a_loss_that_is_not_finite_changes_nothing) {
    tg_dataset   *data   = two_classes();
    tg_params    *params = tg_params_new(4, NULL);
    tg_mlp       *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(COLS, 2) });
    tg_optimizer *sgd    = tg_sgd_new(params, NULL);
    float         before[4], after[4];
    points[0] = (float)INFINITY;
    ck_assert_int_eq(tg_variable_read(tg_variable_find(params, "net/fc1/weight"), before), TG_OK);
    ck_assert_int_eq(tg_fit(tg_mlp_model(net), sgd, data, &(tg_fit_options){ .batch = ROWS }), TG_NOT_FINITE);
    const char *why;
    ck_assert_int_eq(tg_last_error(&why), TG_NOT_FINITE);
    ck_assert_int_eq(tg_variable_read(tg_variable_find(params, "net/fc1/weight"), after), TG_OK);
    ck_assert_mem_eq(before, after, sizeof before);
    tg_optimizer_free(sgd);
    tg_mlp_free(net);
    tg_params_free(params);
    tg_dataset_free(data);
}
END_TEST

static const float two_rows[4] = { 1, 2, 3, 4 };

static tg_tensor twice_the_rows(void *net, tg_tensor in) {
    (void)net;
    return tg_view(tg_concat((tg_tensor[]){ in, in }, 2), 0, 2 * tg_rows(in), tg_cols(in));
}

START_TEST(an_output_of_other_rows_and_a_gradient_of_other_shape) {
    tg_params    *params = tg_params_new(1, NULL);
    float         out[8] = { 0 };
    tg_variable_new(params, "w", 1, 2, NULL);
    tg_optimizer *sgd  = tg_sgd_new(params, NULL);
    tg_tape      *tape = tg_tape_new(NULL);
    ck_assert_int_eq(tg_predict((tg_model){ .output = twice_the_rows, .params = params }, two_rows, 2, 2, out), TG_SHAPE_MISMATCH);
    ck_assert_int_eq(tg_last_error(NULL), TG_SHAPE_MISMATCH);
    tg_update(sgd, tg_constant(tape, 1));
    ck_assert_int_eq(tg_tape_status(tape), TG_SHAPE_MISMATCH);
    tg_tape_free(tape);
    tg_optimizer_free(sgd);
    tg_params_free(params);
}
END_TEST

/* ---- memory that runs out: every allocation in building, training, saving, loading and freeing fails, once and from then on ---- */

typedef struct saved_run { const char *path; float weights[16]; bool known; } saved_run;

/* The weights are those of the first call that succeeded. */
static tg_status train_and_save(void *context) {
    saved_run    *run    = context;
    float         weights[16];
    tg_status     s      = TG_OUT_OF_MEMORY;
    tg_dataset   *data   = two_classes();
    tg_params    *params = tg_params_new(4, NULL);
    tg_mlp       *net    = params != NULL ? new_net(params) : NULL;
    tg_optimizer *adam   = net != NULL ? tg_adam_new(params, &(tg_adam_options){ .clip_norm = 1 }) : NULL;
    if (data != NULL && adam != NULL) s = tg_fit(tg_mlp_model(net), adam, data, &(tg_fit_options){ .epochs = 1, .batch = 100, .validation = 0.2 });
    if (s == TG_OK) s = tg_params_save(params, run->path);
    if (s == TG_OK) s = tg_params_load(params, run->path, NULL);
    if (s == TG_OK) s = tg_variable_read(tg_variable_find(params, "net/fc1/weight"), weights);
    if (s == TG_OK && !run->known) memcpy(run->weights, weights, sizeof weights), run->known = true;
    if (s == TG_OK) ck_assert_mem_eq(run->weights, weights, sizeof weights);
    tg_optimizer_free(adam);
    tg_mlp_free(net);
    tg_params_free(params);
    tg_dataset_free(data);
    return s;
}

START_TEST(every_allocation_may_fail) {
    char      path[] = "/tmp/tapegrad-nn-XXXXXX";
    const int file   = mkstemp(path);
    saved_run run    = { .path = path };
    ck_assert_int_ge(file, 0);
    close(file);
    ck_assert_int_eq(train_and_save(&run), TG_OK);
    let_each_allocation_fail(train_and_save, &run, 100);
    unlink(path);
}
END_TEST

int main(void) {
    return RUN_TESTS("fit", fit_learns_and_gives_the_same_bits_twice, what_ends_a_fit, a_loss_that_is_not_finite_changes_nothing,
                     an_output_of_other_rows_and_a_gradient_of_other_shape, every_allocation_may_fail);
}
