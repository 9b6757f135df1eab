/* test_fit.c - fit and what ends it, evaluate and predict, models of one's own, and memory that runs out in all of these. */
#include "nn/nets.h"
#include "support.h"
#include <math.h>
#include <pthread.h>
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
    train(w, &(tg_fit_options){ .patience = 2 }, TG_BAD_ARGUMENT);      /* there is nothing to measure an improvement on */
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

static void count_told(void *context, tg_status status, const char *sentence) {
    (void)status, (void)sentence;
    ++*(int *)context;
}

START_TEST(an_output_of_other_rows_and_a_gradient_of_other_shape) {
    tg_params    *params = tg_params_new(1, NULL);
    float         out[8] = { 0 };
    tg_variable_new(params, "w", 1, 2, NULL);
    tg_optimizer *sgd  = tg_sgd_new(params, NULL);
    tg_tape      *tape = tg_tape_new(NULL);
    int told = 0;
    tg_set_error_hook(count_told, &told);
    ck_assert_int_eq(tg_predict((tg_model){ .output = twice_the_rows, .params = params }, two_rows, 2, 2, out), TG_SHAPE_MISMATCH);
    tg_set_error_hook(NULL, NULL);
    ck_assert_int_eq(told, 1);
    ck_assert_int_eq(tg_last_error(NULL), TG_SHAPE_MISMATCH);
    tg_update(sgd, tg_constant(tape, 1));
    ck_assert_int_eq(tg_tape_status(tape), TG_SHAPE_MISMATCH);
    tg_tape_free(tape);
    tg_optimizer_free(sgd);
    tg_params_free(params);
}
END_TEST

/* ---- a fit with a diary: what the callback saw, and the parameters at that time ---- */

enum { WEIGHTS = COLS * 8 + 8 + 8 * 2 + 2, MOST = 60 };      /* of new_net */

static void take(const tg_params *params, float out[WEIGHTS]) {
    int used = 0;
    for (int i = 0; i < tg_variable_count(params); i++) {
        const tg_variable *v = tg_variable_at(params, i);
        const tg_shape shape = tg_variable_shape(v);
        if (tg_variable_is_state(v)) continue;
        ck_assert_int_le(used + shape.rows * shape.cols, WEIGHTS);
        ck_assert_int_eq(tg_variable_read(v, out + used), TG_OK);
        used += (int)(shape.rows * shape.cols);
    }
    ck_assert_int_eq(used, WEIGHTS);
}

typedef struct diary {
    tg_params    *params;
    tg_optimizer *optimizer;
    int           stop_epoch;                     /* 0: never */
    int64_t       stop_batch;                     /* in that epoch; 0: at its end */
    int           break_epoch;                    /* behind it the rate is such that the weights overflow; 0: never */
    int           epochs;                         /* done */
    tg_progress   at[MOST];                       /* the end of each */
    float         weights[MOST][WEIGHTS];
    tg_progress   last;                           /* call */
    float         last_weights[WEIGHTS];
    int64_t       calls;
    bool          stopped;
} diary;

static bool write_down(const tg_progress *p, void *context) {
    diary *d = context;
    ck_assert_msg(!d->stopped, "called though it was stopped");
    d->calls++;
    d->last = *p;
    take(d->params, d->last_weights);
    if (p->epoch_done) {
        ck_assert_int_lt(d->epochs, MOST);
        d->at[d->epochs] = *p;
        memcpy(d->weights[d->epochs++], d->last_weights, sizeof d->last_weights);
        if (p->epoch == d->break_epoch) ck_assert_int_eq(tg_set_learning_rate(d->optimizer, NULL, 1e300), TG_OK);
    }
    d->stopped = p->epoch == d->stop_epoch && (d->stop_batch == 0 ? p->epoch_done : p->batch == d->stop_batch);
    return !d->stopped;
}

/* final: the parameters behind the fit */
static void fit_with_diary(diary *d, tg_fit_options options, tg_status expected, double rate, float final[WEIGHTS]) {
    tg_dataset *data = two_classes();
    tg_params  *params = tg_params_new(4, NULL);
    tg_mlp     *net    = new_net(params);
    d->params    = params;
    d->optimizer = tg_adam_new(params, &(tg_adam_options){ .learning_rate = rate });
    options.progress         = write_down;
    options.progress_context = d;
    ck_assert_int_eq(tg_fit(tg_mlp_model(net), d->optimizer, data, &options), expected);
    if (expected != TG_OK) ck_assert_int_eq(tg_last_error(NULL), expected);
    take(params, final);
    tg_optimizer_free(d->optimizer);
    tg_mlp_free(net);
    tg_params_free(params);
    tg_dataset_free(data);
}

/* Index of the first epoch with the smallest validation loss. */
static int best_of(const diary *d) {
    int best = 0;
    for (int i = 1; i < d->epochs; i++)
        if (d->at[i].validation_loss < d->at[best].validation_loss) best = i;
    return best;
}

static void assert_best_restored(const diary *d, const tg_fit_report *report, const float final[WEIGHTS]) {
    const int best = best_of(d);
    ck_assert_int_gt(d->epochs, 0);
    ck_assert_int_eq(report->best_epoch, best + 1);
    ck_assert_double_eq(report->validation_loss, d->at[best].validation_loss);
    ck_assert_double_eq(report->validation_accuracy, d->at[best].validation_accuracy);
    ck_assert_double_eq(report->loss, d->at[best].loss);
    ck_assert_mem_eq(final, d->weights[best], sizeof d->weights[best]);
}

/* The rate is so large that the validation loss goes up and down. */
START_TEST(the_best_epoch_is_restored_whatever_ended_the_fit) {
    static diary  d;
    float         final[WEIGHTS];
    tg_fit_report report;
    tg_fit_options o = { .epochs = 12, .batch = 16, .validation = 0.25, .seed = 3, .report = &report };
    fit_with_diary(&d, o, TG_OK, 0.3, final);
    assert_best_restored(&d, &report, final);
    ck_assert_int_lt(report.best_epoch, 12);      /* else this test shows nothing */
    ck_assert_int_eq(report.epochs, 12);

    d = (diary){ .stop_epoch = report.best_epoch + 1 };
    fit_with_diary(&d, o, TG_OK, 0.3, final);
    assert_best_restored(&d, &report, final);
    ck_assert_int_eq(report.epochs, d.stop_epoch);

    d = (diary){ .stop_epoch = 9, .stop_batch = 4 };
    fit_with_diary(&d, o, TG_OK, 0.3, final);
    assert_best_restored(&d, &report, final);
    ck_assert(report.epochs == 9 && d.epochs == 8 && memcmp(final, d.last_weights, sizeof final) != 0);

    d = (diary){ .break_epoch = 6 };
    fit_with_diary(&d, o, TG_NOT_FINITE, 0.3, final);
    assert_best_restored(&d, &report, final);
    ck_assert(report.epochs == 7 && d.epochs == 6);
}
END_TEST

START_TEST(patience_counts_epochs_without_improvement) {
    static diary d;
    for (int patience = 1; patience <= 4; patience++) {
        float         final[WEIGHTS];
        tg_fit_report report;
        int           without = 0, expected = 0;
        const tg_fit_options o = { .epochs = MOST, .batch = 16, .validation = 0.25, .seed = 3, .patience = patience, .report = &report };
        d = (diary){ 0 };
        fit_with_diary(&d, o, TG_OK, 0.3, final);
        assert_best_restored(&d, &report, final);
        for (int i = 0, best = 0; i < d.epochs && without < patience; i++, expected++) {
            if (i > 0) without++;
            if (i > 0 && d.at[i].validation_loss < d.at[best].validation_loss) best = i, without = 0;
        }
        ck_assert_int_eq(without, patience);
        ck_assert_int_eq(d.epochs, expected);
        ck_assert_int_eq(report.epochs, report.best_epoch + patience);
    }
}
END_TEST

START_TEST(a_callback_may_stop_in_the_first_epoch) {
    for (int validated = 0; validated < 2; validated++) {
        static diary  d;
        float         final[WEIGHTS];
        tg_fit_report report;
        d = (diary){ .stop_epoch = 1, .stop_batch = 3 };
        fit_with_diary(&d, (tg_fit_options){ .batch = 16, .validation = validated * 0.25, .report = &report }, TG_OK, 0.3, final);
        ck_assert(d.calls == 3 && d.epochs == 0 && !d.last.epoch_done);
        ck_assert(report.epochs == 1 && report.best_epoch == 0 && isnan(report.validation_loss));
        ck_assert_mem_eq(final, d.last_weights, sizeof final);      /* there is nothing to restore */
    }
}
END_TEST

static bool take_progress(const tg_progress *p, void *context) {
    *(tg_progress *)context = *p;
    return true;
}

/* The square of the last target is no float: no epoch has a validation loss that could be the smallest. */
START_TEST(a_report_without_a_best_epoch_is_of_the_last_one) {
    const float   x[4] = { 1, 2, 3, 4 }, t[4] = { 1, 2, 3, 1e30f };
    tg_params    *params = tg_params_new(4, NULL);
    tg_mlp       *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(1, 1), .loss = tg_mse_loss });
    tg_optimizer *sgd    = tg_sgd_new(params, NULL);
    tg_dataset   *data   = tg_dataset_of_targets(x, 4, 1, t, 1);
    tg_fit_report report;
    tg_progress   seen   = { 0 };
    const tg_fit_options o = { .epochs = 2, .validation = 0.25, .validation_tail = true, .report = &report, .progress = take_progress,
                               .progress_context = &seen };
    ck_assert_int_eq(tg_fit(tg_mlp_model(net), sgd, data, &o), TG_OK);
    ck_assert(report.epochs == 2 && report.best_epoch == 0);
    ck_assert_double_eq(report.loss, seen.loss);
    ck_assert(isinf(seen.validation_loss) && isinf(report.validation_loss));
    tg_dataset_free(data);
    tg_optimizer_free(sgd);
    tg_mlp_free(net);
    tg_params_free(params);
}
END_TEST

START_TEST(the_callback_is_told_each_batch_and_each_epoch_once) {
    static diary  d;
    float         final[WEIGHTS];
    tg_fit_report report;
    d = (diary){ 0 };
    fit_with_diary(&d, (tg_fit_options){ .epochs = 3, .batch = 32, .report = &report }, TG_OK, 0.01, final);
    ck_assert(d.calls == 3 * 7 && d.epochs == 3);      /* 203 rows: six batches of 32, one of 11 */
    for (int i = 0; i < 3; i++) ck_assert(d.at[i].epoch == i + 1 && d.at[i].epochs == 3 && d.at[i].batch == 7 && d.at[i].batches == 7);
    ck_assert(isnan(d.last.validation_loss) && isnan(d.last.validation_accuracy) && report.best_epoch == 0);
    ck_assert_double_eq(report.loss, d.at[2].loss);
    ck_assert_mem_eq(final, d.last_weights, sizeof final);
}
END_TEST

/* ---- a net at rest: rates of zero and no dropout, so that what fit tells can be computed by evaluate ---- */

typedef struct rest {
    tg_dataset   *data;
    tg_params    *params;
    tg_mlp       *net;
    tg_optimizer *optimizer;
} rest;

static rest new_rest(void) {
    rest r      = { .data = two_classes(), .params = tg_params_new(4, NULL) };
    r.net       = tg_mlp_new(r.params, &(tg_mlp_options){ .sizes = TG_SIZES(COLS, 8, 2), .standardize = true });
    r.optimizer = tg_sgd_new(r.params, &(tg_sgd_options){ .learning_rate = TG_ZERO });
    return r;
}

static void free_rest(rest *r) {
    tg_optimizer_free(r->optimizer);
    tg_mlp_free(r->net);
    tg_params_free(r->params);
    tg_dataset_free(r->data);
}

/* The number of examples had to be a multiple of the batch. */
START_TEST(a_short_last_batch_counts_by_its_rows) {
    static const int64_t sizes[] = { 1, 32, 100, 202, 203, 500, INT64_MAX };
    rest r = new_rest();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        tg_progress seen;
        tg_report   report = { 0 };
        const tg_fit_options o = { .epochs = 1, .batch = sizes[i], .progress = take_progress, .progress_context = &seen };
        ck_assert_int_eq(tg_fit(tg_mlp_model(r.net), r.optimizer, r.data, &o), TG_OK);
        ck_assert_int_eq(tg_evaluate(tg_mlp_model(r.net), r.data, &report), TG_OK);
        ck_assert_int_eq(seen.batches, (ROWS - 1) / sizes[i] + 1);
        ck_assert_double_eq_tol(seen.loss, report.loss, 1e-6);
        ck_assert_double_eq(seen.accuracy, report.accuracy);
    }
    free_rest(&r);
}
END_TEST

START_TEST(validation_takes_the_tail_or_rows_drawn_by_seed) {
    double losses[2];
    for (int tail = 0; tail < 2; tail++) {
        rest          r = new_rest();
        tg_dataset   *training, *validation;
        tg_fit_report fitted;
        tg_report     report = { 0 };
        float         mean[COLS];
        const tg_fit_options o = { .epochs = 1, .validation = 0.2, .validation_tail = tail == 1, .seed = 6, .report = &fitted };
        ck_assert_int_eq(tg_fit(tg_mlp_model(r.net), r.optimizer, r.data, &o), TG_OK);
        ck_assert_int_eq(tg_dataset_split(r.data, 0.2, &(tg_split_options){ .seed = 6, .in_order = tail == 1 }, &training, &validation), TG_OK);
        ck_assert_int_eq(tg_evaluate(tg_mlp_model(r.net), validation, &report), TG_OK);
        ck_assert_int_eq(report.rows, 41);
        ck_assert_double_eq(fitted.validation_loss, report.loss);
        ck_assert_double_eq(fitted.validation_accuracy, report.accuracy);
        if (tail) ck_assert_mem_eq(tg_dataset_row(validation, 0), points + (ROWS - 41) * COLS, COLS * sizeof *points);
        losses[tail] = report.loss;

        double sum = 0;      /* what is standardised is the training part alone */
        for (int64_t i = 0; i < tg_dataset_rows(training); i++) sum += (double)tg_dataset_row(training, i)[0];
        ck_assert_int_eq(tg_variable_read(tg_variable_find(r.params, "net/input/mean"), mean), TG_OK);
        ck_assert_double_eq_tol((double)mean[0], sum / (double)tg_dataset_rows(training), 1e-7);
        tg_dataset_free(training);
        tg_dataset_free(validation);
        free_rest(&r);
    }
    ck_assert_double_ne(losses[0], losses[1]);
}
END_TEST

/* A row with a NaN has no largest output: it is right for no label, the first one included. */
START_TEST(an_output_that_is_nan_is_no_right_answer) {
    const float   x[3] = { (float)NAN, (float)NAN, 1 };
    const int32_t y[3] = { 0, 1, 1 };
    int64_t       confusion[4];
    tg_params    *params = tg_params_new(1, NULL);
    tg_mlp       *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(1, 2) });
    tg_dataset   *data   = tg_dataset_of_labels(x, 3, 1, y);
    tg_report     report = { .confusion = confusion };
    ck_assert_int_eq(tg_variable_write(tg_variable_find(params, "net/fc1/weight"), (const float[]){ -1, 1 }), TG_OK);
    ck_assert_int_eq(tg_evaluate(tg_mlp_model(net), data, &report), TG_OK);
    ck_assert(isnan(report.loss));
    ck_assert_double_eq_tol(report.accuracy, 1.0 / 3, 1e-12);
    ck_assert_mem_eq(confusion, ((const int64_t[]){ 0, 0, 0, 1 }), sizeof confusion);
    tg_dataset_free(data);
    tg_mlp_free(net);
    tg_params_free(params);
}
END_TEST

START_TEST(the_confusion_table_counts_every_row_once) {
    rest    r = new_rest();
    int64_t confusion[4], expected[4] = { 0 };
    float   out[ROWS * 2];
    tg_report report = { .confusion = confusion };
    ck_assert_int_eq(tg_evaluate(tg_mlp_model(r.net), r.data, &report), TG_OK);
    ck_assert_int_eq(tg_predict(tg_mlp_model(r.net), points, ROWS, COLS, out), TG_OK);
    for (int i = 0; i < ROWS; i++) expected[classes[i] * 2 + (out[2 * i + 1] > out[2 * i])]++;
    ck_assert_mem_eq(confusion, expected, sizeof expected);
    ck_assert_int_eq(confusion[0] + confusion[1] + confusion[2] + confusion[3], report.rows);
    ck_assert_double_eq_tol((double)(confusion[0] + confusion[3]), report.accuracy * (double)report.rows, 1e-9);
    free_rest(&r);
}
END_TEST

/* ---- types, bits, threads ---- */

/* One step on all rows, by fit and by hand. In f32 the two would differ in the eighth digit, as their rows are in different order. */
START_TEST(a_tape_in_f64_computes_in_f64) {
    double bias[2][8], weight[2][16];
    for (int by_hand = 0; by_hand < 2; by_hand++) {
        tg_dataset   *data   = two_classes();
        tg_params    *params = tg_params_new(4, &(tg_params_options){ .type = TG_F64 });
        tg_mlp       *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(COLS, 8, 2), .activation = "tanh" });
        tg_optimizer *sgd    = tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.5 });
        tg_tape      *tape   = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
        const tg_fit_options o = { .epochs = 3, .batch = ROWS, .tape = &(tg_tape_options){ .type = TG_F64 } };
        for (int step = 0; by_hand && step < 3; step++) {
            tg_begin(tape, NULL);
            const tg_tensor logits = tg_mlp_forward(net, tg_input(tape, points, ROWS, COLS));
            ck_assert_int_eq(tg_minimize(sgd, tg_cross_entropy(logits, tg_labels(tape, classes, ROWS))), TG_OK);
        }
        if (!by_hand) ck_assert_int_eq(tg_fit(tg_mlp_model(net), sgd, data, &o), TG_OK);
        ck_assert_int_eq(tg_variable_read_f64(tg_variable_find(params, "net/fc1/weight"), weight[by_hand]), TG_OK);
        ck_assert_int_eq(tg_variable_read_f64(tg_variable_find(params, "net/fc1/bias"), bias[by_hand]), TG_OK);
        tg_tape_free(tape);
        tg_optimizer_free(sgd);
        tg_mlp_free(net);
        tg_params_free(params);
        tg_dataset_free(data);
    }
    for (int i = 0; i < 16; i++) ck_assert_double_eq_tol(weight[0][i], weight[1][i], 1e-14);
    for (int i = 0; i < 8; i++) ck_assert_double_eq_tol(bias[0][i], bias[1][i], 1e-14);
}
END_TEST

enum { PREDICTED = 600 };

START_TEST(predict_gives_the_bits_of_the_recorded_output) {
    static float x[PREDICTED * COLS], expected[PREDICTED * 2], out[PREDICTED * 2 + 1];
    static const int64_t counts[] = { 0, 1, 255, 256, 257, 512, PREDICTED };
    tg_params *params = tg_params_new(4, NULL);
    tg_tape   *tape   = tg_tape_new(NULL);
    tg_mlp    *net    = new_net(params);      /* has dropout, which predict leaves out */
    tg_dataset_free(two_classes());
    for (int i = 0; i < PREDICTED * COLS; i++) x[i] = points[i % (ROWS * COLS)] + (float)i / 500;
    const tg_tensor output = tg_mlp_forward(net, tg_input(tape, x, PREDICTED, COLS));
    ck_assert_int_eq(tg_run(output), TG_OK);
    ck_assert_int_eq(tg_read(output, expected), TG_OK);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        for (int j = 0; j <= PREDICTED * 2; j++) out[j] = 77;
        ck_assert_int_eq(tg_predict(tg_mlp_model(net), x, counts[i], COLS, out), TG_OK);
        if (counts[i] > 0) ck_assert_mem_eq(out, expected, (size_t)counts[i] * 2 * sizeof *out);
        ck_assert_float_eq(out[counts[i] * 2], 77);
    }
    ck_assert_int_eq(tg_predict(tg_mlp_model(net), NULL, 0, COLS, NULL), TG_OK);
    tg_tape_free(tape);
    tg_mlp_free(net);
    tg_params_free(params);
}
END_TEST

START_TEST(the_seed_of_the_tape_draws_the_dropout) {
    static diary d;
    float        final[3][WEIGHTS];
    for (int i = 0; i < 3; i++) {
        d = (diary){ 0 };
        const tg_tape_options tape = { .seed = i == 2 ? 6 : 5 };
        fit_with_diary(&d, (tg_fit_options){ .epochs = 3, .validation = 0.2, .tape = &tape }, TG_OK, 0.01, final[i]);
    }
    ck_assert_mem_eq(final[0], final[1], sizeof final[0]);
    ck_assert_mem_ne(final[0], final[2], sizeof final[0]);
}
END_TEST

typedef struct worker {
    uint64_t  seed;
    float     weights[WEIGHTS];
    double    accuracy;
    tg_status status;
} worker;

/* Everything of its own but the points. What fails is told by status, as Check's macros are for the main thread. */
static void *train_alone(void *context) {
    worker       *w      = context;
    tg_dataset   *data   = tg_dataset_of_labels(points, ROWS, COLS, classes);
    tg_params    *params = tg_params_new(w->seed, NULL);
    tg_mlp       *net    = new_net(params);
    tg_optimizer *adam   = tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.02, .clip_norm = 1 });
    tg_report     report = { 0 };
    w->status = tg_fit(tg_mlp_model(net), adam, data, &(tg_fit_options){ .epochs = 8, .batch = 16, .validation = 0.2, .seed = w->seed,
                                                                         .tape = &(tg_tape_options){ .seed = w->seed } });
    if (w->status == TG_OK) w->status = tg_evaluate(tg_mlp_model(net), data, &report);
    w->accuracy = report.accuracy;
    for (int i = 0, used = 0; w->status == TG_OK && i < tg_variable_count(params); i++) {
        const tg_variable *v = tg_variable_at(params, i);
        if (tg_variable_is_state(v)) continue;
        w->status = tg_variable_read(v, w->weights + used);
        used += (int)(tg_variable_shape(v).rows * tg_variable_shape(v).cols);
    }
    tg_optimizer_free(adam);
    tg_mlp_free(net);
    tg_params_free(params);
    tg_dataset_free(data);
    return NULL;
}

START_TEST(two_threads_give_the_bits_of_one) {
    worker    serial[2] = { { .seed = 1 }, { .seed = 2 } };
    pthread_t threads[2];
    tg_dataset_free(two_classes());
    for (int i = 0; i < 2; i++) train_alone(&serial[i]);
    ck_assert_mem_ne(serial[0].weights, serial[1].weights, sizeof serial[0].weights);
    for (int round = 0; round < 3; round++) {
        worker parallel[2] = { { .seed = 1 }, { .seed = 2 } };
        for (int i = 0; i < 2; i++) ck_assert_int_eq(pthread_create(&threads[i], NULL, train_alone, &parallel[i]), 0);
        for (int i = 0; i < 2; i++) ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        for (int i = 0; i < 2; i++) {
            ck_assert_int_eq(parallel[i].status, TG_OK);
            ck_assert_mem_eq(parallel[i].weights, serial[i].weights, sizeof serial[i].weights);
            ck_assert_double_eq(parallel[i].accuracy, serial[i].accuracy);
        }
    }
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
                     an_output_of_other_rows_and_a_gradient_of_other_shape, the_best_epoch_is_restored_whatever_ended_the_fit,
                     patience_counts_epochs_without_improvement, a_callback_may_stop_in_the_first_epoch,
                     a_report_without_a_best_epoch_is_of_the_last_one,
                     the_callback_is_told_each_batch_and_each_epoch_once, a_short_last_batch_counts_by_its_rows,
                     validation_takes_the_tail_or_rows_drawn_by_seed, the_confusion_table_counts_every_row_once,
                     an_output_that_is_nan_is_no_right_answer, a_tape_in_f64_computes_in_f64,
                     predict_gives_the_bits_of_the_recorded_output, the_seed_of_the_tape_draws_the_dropout, two_threads_give_the_bits_of_one,
                     every_allocation_may_fail);
}
