/* model.c - evaluate and predict: executing calls on tapes of their own, in batches. */
#include "nn/model.h"
#include "core/util.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { BATCH = 256 };

tg_status tg_check_model(const tg_model *model, const char *caller) {
    if (model->output == NULL || model->params == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "%s: the model has no output function or params", caller);
    return TG_OK;
}

tg_status tg_pass_failure(const tg_tape *tape, tg_status status) {
    if (status != TG_OK && tg_tape_status(tape) == status) tg_fail_thread(status, "%s", tg_tape_error(tape));
    return status;
}

/* The output; failed unless it has the rows of x, as what reads it counts on that. */
static tg_tensor checked_output(const tg_model *model, tg_tensor x) {
    const tg_tensor output = model->output(model->net, x);
    if (output.tape != x.tape || output.id == 0 || tg_rows(output) == tg_rows(x)) return output;
    return tg_mse_loss(output, tg_broadcast_to(tg_constant(x.tape, 0), tg_rows(x), tg_cols(output)));      /* TG_SHAPE_MISMATCH, on the tape */
}

tg_recorded tg_record_batch(const tg_model *model, tg_tape *tape, const tg_batch *batch, int64_t cols, bool training) {
    tg_begin(tape, &(tg_begin_options){ .training = training });
    const tg_tensor output = checked_output(model, tg_input(tape, batch->x, batch->rows, cols));
    const tg_tensor target = batch->y != NULL ? tg_labels(tape, batch->y, batch->rows) : tg_input(tape, batch->targets, batch->rows, tg_cols(output));
    return (tg_recorded){ output, model->loss(model->net, output, target) };
}

int64_t tg_largest(const float *output, int64_t outputs) {
    int64_t best = 0;
    for (int64_t j = 1; j < outputs; j++)
        if (output[j] > output[best]) best = j;
    return best;
}

int64_t tg_count_correct(const float *output, int64_t rows, int64_t outputs, const int32_t *labels) {
    int64_t correct = 0;
    for (int64_t i = 0; i < rows; i++) correct += tg_largest(output + i * outputs, outputs) == labels[i];
    return correct;
}

/* ---- evaluate ---- */

static tg_batch batch_at(const tg_dataset *data, int64_t begin, int64_t rows, float *x, int32_t *y, float *targets) {
    const int64_t cols = tg_dataset_cols(data), target_cols = tg_dataset_target_cols(data);
    for (int64_t i = 0; i < rows; i++) {
        memcpy(x + i * cols, tg_dataset_row(data, begin + i), (size_t)cols * sizeof *x);
        if (target_cols > 0) memcpy(targets + i * target_cols, tg_dataset_target(data, begin + i), (size_t)target_cols * sizeof *targets);
        else y[i] = tg_dataset_label(data, begin + i);
    }
    return (tg_batch){ .x = x, .y = target_cols > 0 ? NULL : y, .targets = target_cols > 0 ? targets : NULL, .rows = rows };
}

static tg_status count_batch(tg_recorded r, const tg_batch *batch, int64_t classes, tg_report *report, int64_t *correct) {
    report->loss += tg_item(r.loss) * (double)batch->rows;
    if (batch->y == NULL) return TG_OK;
    const float *output = tg_data(r.output);
    if (output == NULL) return tg_tape_status(r.output.tape);
    const int64_t outputs = tg_cols(r.output);
    *correct += tg_count_correct(output, batch->rows, outputs, batch->y);
    for (int64_t i = 0; report->confusion != NULL && i < batch->rows; i++) {
        const int64_t prediction = tg_largest(output + i * outputs, outputs);
        if (prediction < classes) report->confusion[batch->y[i] * classes + prediction]++;
    }
    return TG_OK;
}

static tg_status evaluate(const tg_model *model, tg_tape *tape, const tg_dataset *data, tg_report *report, float *x, int32_t *y, float *targets) {
    const int64_t rows = tg_dataset_rows(data), classes = tg_dataset_classes(data);
    int64_t       correct = 0;
    tg_status     status  = TG_OK;
    for (int64_t begin = 0; begin < rows && status == TG_OK; begin += BATCH) {
        const tg_batch    batch    = batch_at(data, begin, rows - begin < BATCH ? rows - begin : BATCH, x, y, targets);
        const tg_recorded recorded = tg_record_batch(model, tape, &batch, tg_dataset_cols(data), false);
        status = tg_run_many((tg_tensor[]){ recorded.loss, recorded.output }, 2);
        if (status == TG_OK) status = count_batch(recorded, &batch, classes, report, &correct);
    }
    report->rows     = rows;
    report->loss     = report->loss / (double)rows;
    report->accuracy = classes > 0 ? (double)correct / (double)rows : (double)NAN;
    return tg_pass_failure(tape, status);
}

tg_status tg_evaluate(tg_model model, const tg_dataset *data, tg_report *report) {
    if (data == NULL || report == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_evaluate: data or report is NULL");
    tg_status status = tg_check_model(&model, "tg_evaluate");
    if (status != TG_OK) return status;
    if (model.loss == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_evaluate: the model has no loss");
    if (tg_dataset_rows(data) == 0) return tg_fail_thread(TG_NO_EXAMPLES, "tg_evaluate: the data set is empty");
    const size_t classes = (size_t)tg_dataset_classes(data);
    const size_t x_bytes = BATCH * (size_t)tg_dataset_cols(data) * sizeof(float), y_bytes = BATCH * sizeof(int32_t);
    const size_t t_bytes = BATCH * (size_t)tg_dataset_target_cols(data) * sizeof(float);
    *report = (tg_report){ .confusion = report->confusion };
    if (report->confusion != NULL) memset(report->confusion, 0, classes * classes * sizeof *report->confusion);
    float   *x = tg_allocate(x_bytes), *targets = tg_allocate(t_bytes);
    int32_t *y    = tg_allocate(y_bytes);
    tg_tape *tape = tg_tape_new(NULL);
    if (x == NULL || y == NULL || targets == NULL || tape == NULL) status = tg_fail_thread(TG_OUT_OF_MEMORY, "tg_evaluate: no memory");
    else status = evaluate(&model, tape, data, report, x, y, targets);
    tg_tape_free(tape);
    tg_release(x, x_bytes);
    tg_release(y, y_bytes);
    tg_release(targets, t_bytes);
    return status;
}

/* ---- predict ---- */

tg_status tg_predict(tg_model model, const float *x, int64_t rows, int64_t cols, float *out) {
    tg_status status = tg_check_model(&model, "tg_predict");
    if (status != TG_OK) return status;
    if ((x == NULL || out == NULL) && rows > 0) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_predict: x or out is NULL");
    if (rows < 0 || cols <= 0) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_predict: [%" PRId64 ",%" PRId64 "] is no shape", rows, cols);
    tg_tape *tape = tg_tape_new(NULL);
    if (tape == NULL) return TG_OUT_OF_MEMORY;
    for (int64_t begin = 0; begin < rows && status == TG_OK; begin += BATCH) {
        const int64_t count = rows - begin < BATCH ? rows - begin : BATCH;
        tg_begin(tape, NULL);
        const tg_tensor output = checked_output(&model, tg_input(tape, x + begin * cols, count, cols));
        status = tg_run(output);
        if (status == TG_OK) status = tg_read(output, out + begin * tg_cols(output));
    }
    tg_pass_failure(tape, status);
    tg_tape_free(tape);
    return status;
}
