/* model.c - evaluate and predict: executing calls on tapes of their own, in batches. */
#include "nn/model.h"
#include "core/util.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { BATCH = 256 };

tg_status tg_check_model(const tg_model *model, const char *caller) {
    if (model->output == NULL || model->params == NULL)
        return tg_fail_thread(TG_NULL_ARGUMENT, "%s: the model has no output function or params", caller);
    return TG_OK;
}

tg_status tg_pass_failure(const tg_tape *tape, tg_status status) {
    if (status != TG_OK && tg_tape_status(tape) == status) tg_keep_failure(status, tg_tape_error(tape));
    return status;
}

/* The output; failed unless it has the rows of x, as what reads it counts on that. */
static tg_tensor checked_output(const tg_model *model, tg_tensor x) {
    const tg_tensor output = model->output(model->net, x);
    if (output.tape != x.tape) return tg_tape_fail(x.tape, TG_WRONG_TAPE, "the model's output belongs to another tape");
    if (output.id == 0 || tg_rows(output) == tg_rows(x)) return output;
    return tg_tape_fail(x.tape, TG_SHAPE_MISMATCH, "the model's output has %" PRId64 " rows for %" PRId64 " of input", tg_rows(output), tg_rows(x));
}

tg_recorded tg_record_batch(const tg_model *model, tg_tape *tape, const tg_dataset *data, const tg_batch *batch, bool training) {
    tg_begin(tape, &(tg_begin_options){ .training = training });
    const tg_tensor output = checked_output(model, tg_input(tape, batch->x, batch->rows, tg_dataset_cols(data)));
    const tg_tensor target = batch->y != NULL ? tg_labels(tape, batch->y, batch->rows)
                                              : tg_input(tape, batch->targets, batch->rows, tg_dataset_target_cols(data));
    return (tg_recorded){ output, model->loss(model->net, output, target) };
}

tg_status tg_read_output(tg_tensor output, tg_output_buffer *buffer) {
    void      *array = buffer->at;
    const bool grown = tg_grow(&array, &buffer->capacity, (size_t)(tg_rows(output) * tg_cols(output)), sizeof *buffer->at);
    buffer->at       = array;
    if (!grown)
        return tg_tape_fail(output.tape, TG_OUT_OF_MEMORY, "no memory for the outputs of a batch"), TG_OUT_OF_MEMORY;
    return tg_read(output, buffer->at);
}

void tg_release_output(tg_output_buffer *buffer) { tg_release(buffer->at, buffer->capacity * sizeof *buffer->at); }

int64_t tg_largest(const float *output, int64_t outputs) {
    int64_t best = 0;
    for (int64_t j = 0; j < outputs; j++) {
        if (isnan(output[j])) return -1;
        if (output[j] > output[best]) best = j;
    }
    return best;
}

int64_t tg_count_correct(const float *output, int64_t rows, int64_t outputs, const int32_t *labels) {
    int64_t correct = 0;
    for (int64_t i = 0; i < rows; i++) correct += tg_largest(output + i * outputs, outputs) == labels[i];
    return correct;
}

/* ---- evaluate ---- */

static size_t x_bytes(const tg_dataset *data) { return BATCH * (size_t)tg_dataset_cols(data) * sizeof(float); }
static size_t target_bytes(const tg_dataset *data) { return BATCH * (size_t)tg_dataset_target_cols(data) * sizeof(float); }
static size_t y_bytes(void) { return BATCH * sizeof(int32_t); }

static tg_batch batch_at(const tg_evaluation *e, int64_t begin, int64_t rows) {
    const int64_t cols = tg_dataset_cols(e->data), target_cols = tg_dataset_target_cols(e->data);
    for (int64_t i = 0; i < rows; i++) {
        memcpy(e->x + i * cols, tg_dataset_row(e->data, begin + i), (size_t)cols * sizeof *e->x);
        if (target_cols > 0) memcpy(e->targets + i * target_cols, tg_dataset_target(e->data, begin + i), (size_t)target_cols * sizeof *e->targets);
        else e->y[i] = tg_dataset_label(e->data, begin + i);
    }
    return (tg_batch){ .x = e->x, .y = target_cols > 0 ? NULL : e->y, .targets = target_cols > 0 ? e->targets : NULL, .rows = rows };
}

static tg_status count_batch(tg_evaluation *e, tg_recorded r, const tg_batch *batch, tg_report *report) {
    report->loss += tg_item(r.loss) * (double)batch->rows;
    if (batch->y == NULL) return TG_OK;
    const tg_status status = tg_read_output(r.output, &e->output);
    if (status != TG_OK) return status;
    const int64_t outputs = tg_cols(r.output), classes = tg_dataset_classes(e->data);
    e->correct += tg_count_correct(e->output.at, batch->rows, outputs, batch->y);
    for (int64_t i = 0; report->confusion != NULL && i < batch->rows; i++) {
        const int64_t prediction = tg_largest(e->output.at + i * outputs, outputs);
        if (prediction >= 0 && prediction < classes) report->confusion[batch->y[i] * classes + prediction]++;
    }
    return TG_OK;
}

tg_status tg_evaluation_begin(tg_evaluation *e, const tg_model *model, const tg_dataset *data, const tg_tape_options *options) {
    *e = (tg_evaluation){ .model = model, .data = data, .tape = tg_tape_new(options), .x = tg_allocate(x_bytes(data)),
                          .targets = tg_allocate(target_bytes(data)), .y = tg_allocate(y_bytes()) };
    const bool has_memory = e->tape != NULL && e->x != NULL && e->targets != NULL && e->y != NULL;
    return has_memory ? TG_OK : tg_fail_thread(TG_OUT_OF_MEMORY, "tg_evaluate: no memory");
}

tg_status tg_evaluation_make(tg_evaluation *e, tg_report *report) {
    const int64_t rows = tg_dataset_rows(e->data), classes = tg_dataset_classes(e->data);
    tg_status     status = TG_OK;
    *report    = (tg_report){ .confusion = report->confusion };
    e->correct = 0;
    if (report->confusion != NULL) memset(report->confusion, 0, (size_t)(classes * classes) * sizeof *report->confusion);
    for (int64_t begin = 0; begin < rows && status == TG_OK; begin += BATCH) {
        const tg_batch    batch    = batch_at(e, begin, rows - begin < BATCH ? rows - begin : BATCH);
        const tg_recorded recorded = tg_record_batch(e->model, e->tape, e->data, &batch, false);
        status = tg_run_many((tg_tensor[]){ recorded.loss, recorded.output }, 2);
        if (status == TG_OK) status = count_batch(e, recorded, &batch, report);
    }
    report->rows     = rows;
    report->loss     = report->loss / (double)rows;
    report->accuracy = classes > 0 ? (double)e->correct / (double)rows : (double)NAN;
    return tg_pass_failure(e->tape, status);
}

void tg_evaluation_end(tg_evaluation *e) {
    tg_tape_free(e->tape);
    tg_release(e->x, e->data != NULL ? x_bytes(e->data) : 0);
    tg_release(e->targets, e->data != NULL ? target_bytes(e->data) : 0);
    tg_release(e->y, y_bytes());
    tg_release_output(&e->output);
}

tg_status tg_evaluate(tg_model model, const tg_dataset *data, tg_report *report) {
    if (data == NULL || report == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_evaluate: data or report is NULL");
    const tg_status status = tg_check_model(&model, "tg_evaluate");
    if (status != TG_OK) return status;
    if (model.loss == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_evaluate: the model has no loss");
    if (tg_dataset_rows(data) == 0) return tg_fail_thread(TG_NO_EXAMPLES, "tg_evaluate: the data set is empty");
    tg_evaluation   e;
    const tg_status begun  = tg_evaluation_begin(&e, &model, data, NULL);
    const tg_status result = begun == TG_OK ? tg_evaluation_make(&e, report) : begun;
    tg_evaluation_end(&e);
    return result;
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
