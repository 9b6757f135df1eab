/* fit.c - the training loop. */
#include "nn/model.h"
#include "nn/optimizer.h"
#include "core/util.h"

#include <math.h>
#include <tapegrad/grad.h>
#include <tapegrad/train.h>
#include <time.h>

/* All that one fit holds. */
typedef struct fit {
    const tg_model       *model;
    const tg_fit_options *options;
    tg_optimizer         *optimizer;
    tg_tape              *tape;
    tg_dataset           *training, *validation;      /* validation NULL: none */
    bool                  owns_training;
    tg_evaluation         evaluation;                 /* of validation */
    tg_params            *best;                       /* parameters of the best epoch */
    double               *best_state;                 /* [state_count]: of the variables that are state, one behind the other */
    size_t                state_count;
    tg_output_buffer      output;
    tg_progress           progress;
    tg_fit_report         report;
    double                best_loss, seconds, examples;
    int                   without_improvement;
    bool                  stopped;
} fit;

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- one epoch ---- */

static bool tell(fit *f) {
    tg_progress *p       = &f->progress;
    const double elapsed = seconds_now() - f->seconds;
    const double share   = ((double)(p->epoch - 1) + (double)p->batch / (double)p->batches) / (double)p->epochs;
    p->examples_per_second = elapsed > 0 ? f->examples / elapsed : (double)NAN;
    p->seconds_left        = share > 0 ? elapsed / share - elapsed : (double)NAN;
    return f->options->progress == NULL || f->options->progress(p, f->options->progress_context);
}

/* The step again, as it was before the update, which has not happened: its gradients too, so that what is not finite there alone is found. */
static tg_status explain_failure(fit *f, const tg_batch *batch, tg_status status) {
    tg_pass_failure(f->tape, status);
    if (!f->options->find_anomaly || status != TG_NOT_FINITE) return status;
    const tg_recorded recorded = tg_record_batch(f->model, f->tape, f->training, batch, true);
    const char       *group;
    for (int i = 0; (group = tg_group_at(f->model->params, i)) != NULL; i++) {
        const tg_tensor block = tg_use_block(f->tape, f->model->params, group);
        tg_tensor       gradient;
        tg_gradients(recorded.loss, TG_NONE, &block, 1, &gradient, &(tg_gradients_options){ .allow_unused = true });
    }
    const char     *sentence;
    char            earlier[512];
    const tg_status kept = tg_last_error(&sentence);
    snprintf(earlier, sizeof earlier, "%s", sentence);
    if (tg_find_anomaly(f->tape, NULL) == TG_NOT_FINITE) return status;
    tg_last_error(NULL);
    tg_keep_failure(kept, earlier);
    return status;
}

/* One update; the sums of loss and of right answers over the epoch so far. */
static tg_status train_batch(fit *f, const tg_batch *batch, double *loss, double *correct) {
    const tg_recorded recorded = tg_record_batch(f->model, f->tape, f->training, batch, true);
    tg_keep(recorded.output);
    tg_status status = tg_minimize(f->optimizer, recorded.loss);
    if (status != TG_OK) return explain_failure(f, batch, status);
    *loss += tg_item(recorded.loss) * (double)batch->rows;
    if (batch->y == NULL) return TG_OK;
    status = tg_read_output(recorded.output, &f->output);
    if (status == TG_OK) *correct += (double)tg_count_correct(f->output.at, batch->rows, tg_cols(recorded.output), batch->y);
    return tg_pass_failure(f->tape, status);
}

static tg_status train_epoch(fit *f, int epoch) {
    const int64_t rows = tg_dataset_rows(f->training), size = f->options->batch > 0 ? f->options->batch : 32;
    double        loss = 0, correct = 0, seen = 0;
    tg_batch      batch;
    const tg_epoch_options o = { .batch = size, .shuffle = true, .seed = f->options->seed, .epoch = (uint64_t)epoch };
    tg_status status         = tg_dataset_begin(f->training, &o);
    f->progress.epoch      = epoch + 1;
    f->progress.batch      = 0;
    f->progress.batches    = (rows - 1) / size + 1;
    f->progress.epoch_done = false;
    while (status == TG_OK && !f->stopped && tg_next_batch(f->training, &batch)) {
        status = train_batch(f, &batch, &loss, &correct);
        if (status != TG_OK) break;
        seen += (double)batch.rows;
        f->examples += (double)batch.rows;
        f->progress.batch++;
        f->progress.loss     = loss / seen;
        f->progress.accuracy = batch.y != NULL ? correct / seen : (double)NAN;
        if (f->progress.batch < f->progress.batches) f->stopped = !tell(f);
    }
    return status;
}

/* ---- validation: the best parameters so far are kept, and the state that goes with them, such as running statistics, which tg_params_copy leaves
 * ---- */

static size_t elements_of(const tg_variable *variable) {
    const tg_shape shape = tg_variable_shape(variable);
    return (size_t)(shape.rows * shape.cols);
}

static size_t count_state(const tg_params *params) {
    size_t count = 0;
    for (int i = 0; i < tg_variable_count(params); i++)
        if (tg_variable_is_state(tg_variable_at(params, i))) count += elements_of(tg_variable_at(params, i));
    return count;
}

static tg_status copy_state(fit *f, bool back) {
    tg_status status = TG_OK;
    double   *at     = f->best_state;
    for (int i = 0; i < tg_variable_count(f->model->params) && status == TG_OK; i++) {
        tg_variable *variable = tg_variable_at(f->model->params, i);
        if (!tg_variable_is_state(variable)) continue;
        status = back ? tg_variable_write_f64(variable, at) : tg_variable_read_f64(variable, at);
        at += elements_of(variable);
    }
    return status;
}

static tg_status validate(fit *f) {
    if (f->validation == NULL) return TG_OK;
    tg_report       report = { 0 };
    const tg_status status = tg_evaluation_make(&f->evaluation, &report);
    if (status != TG_OK) return status;
    f->progress.validation_loss     = report.loss;
    f->progress.validation_accuracy = report.accuracy;
    f->without_improvement++;
    if (!(report.loss < f->best_loss)) return TG_OK;
    f->best_loss           = report.loss;
    f->without_improvement = 0;
    f->report.best_epoch   = f->progress.epoch;
    f->report.loss         = f->progress.loss;
    f->report.validation_loss     = report.loss;
    f->report.validation_accuracy = report.accuracy;
    const tg_status copied = tg_params_copy(f->best, f->model->params);
    return copied != TG_OK ? copied : copy_state(f, false);
}

static tg_status run_epochs(fit *f) {
    tg_status status = TG_OK;
    for (int epoch = 0; epoch < f->progress.epochs && status == TG_OK && !f->stopped; epoch++) {
        f->report.epochs = epoch + 1;
        status           = train_epoch(f, epoch);
        if (status != TG_OK || f->stopped) break;
        status = validate(f);
        if (status != TG_OK) break;
        f->progress.epoch_done = true;
        f->stopped = !tell(f) || (f->options->patience > 0 && f->without_improvement >= f->options->patience);
    }
    return status;
}

/* The best epoch has been reported when it was found. */
static tg_status report_and_restore(fit *f) {
    if (f->report.best_epoch > 0) {
        const tg_status copied = tg_params_copy(f->model->params, f->best);
        return copied != TG_OK ? copied : copy_state(f, true);
    }
    f->report.loss                = f->progress.loss;
    f->report.validation_loss     = f->progress.validation_loss;
    f->report.validation_accuracy = f->progress.validation_accuracy;
    return TG_OK;
}

/* ---- set-up ---- */

static tg_status check_options(const tg_model *model, const tg_optimizer *optimizer, const tg_dataset *data, const tg_fit_options *o) {
    if (optimizer == NULL || data == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_fit: optimizer or data is NULL");
    tg_status status = tg_check_model(model, "tg_fit");
    if (status != TG_OK) return status;
    if (model->loss == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_fit: the model has no loss");
    if (tg_dataset_rows(data) == 0) return tg_fail_thread(TG_NO_EXAMPLES, "tg_fit: the data set is empty");
    if (o->epochs < 0 || o->batch < 0 || o->patience < 0 || !(o->validation >= 0 && o->validation < 1))
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_fit: epochs, batch and patience must not be negative, and validation at least 0 and below 1");
    if (o->patience > 0 && o->validation == 0) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_fit: patience needs a validation part to be measured on");
    return TG_OK;
}

static tg_status set_up(fit *f, tg_dataset *data) {
    tg_status status = TG_OK;
    f->training      = data;
    if (f->options->validation > 0) {
        const tg_split_options o = { .seed = f->options->seed, .in_order = f->options->validation_tail };
        status           = tg_dataset_split(data, f->options->validation, &o, &f->training, &f->validation);
        f->owns_training = status == TG_OK;
        if (status == TG_OK) f->best = tg_params_like(f->model->params, "best");
        if (status == TG_OK && f->best == NULL) status = TG_OUT_OF_MEMORY;
        if (status == TG_OK) status = tg_evaluation_begin(&f->evaluation, f->model, f->validation, f->options->tape);
        f->state_count = count_state(f->model->params);
        f->best_state  = tg_allocate(f->state_count * sizeof *f->best_state);
        if (status == TG_OK && f->best_state == NULL) status = tg_fail_thread(TG_OUT_OF_MEMORY, "tg_fit: no memory for the state of the best epoch");
    }
    if (status == TG_OK && f->model->scaler != NULL) status = tg_scaler_fit(*f->model->scaler, f->training);
    if (status != TG_OK) return status;
    f->tape = tg_tape_new(f->options->tape);
    return f->tape != NULL ? TG_OK : TG_OUT_OF_MEMORY;
}

static void tear_down(fit *f) {
    tg_tape_free(f->tape);
    tg_evaluation_end(&f->evaluation);
    tg_params_free(f->best);
    tg_release(f->best_state, f->state_count * sizeof *f->best_state);
    tg_dataset_free(f->validation);
    tg_release_output(&f->output);
    if (f->owns_training) tg_dataset_free(f->training);
}

tg_status tg_fit(tg_model model, tg_optimizer *optimizer, tg_dataset *data, const tg_fit_options *options) {
    static const tg_fit_options defaults = { 0 };
    const tg_fit_options       *o        = options != NULL ? options : &defaults;
    const double                unknown  = (double)NAN;
    fit f = { .model = &model, .options = o, .optimizer = optimizer, .best_loss = (double)INFINITY, .seconds = seconds_now(),
              .progress = { .epochs = o->epochs > 0 ? o->epochs : 10, .loss = unknown, .accuracy = unknown, .validation_loss = unknown,
                            .validation_accuracy = unknown } };
    tg_status status = check_options(&model, optimizer, data, o);
    if (status == TG_OK) status = set_up(&f, data);
    if (status == TG_OK) status = run_epochs(&f);
    const tg_status reported = report_and_restore(&f);      /* whatever ended it */
    tear_down(&f);
    if (o->report != NULL) *o->report = f.report;
    return status != TG_OK ? status : reported;
}
