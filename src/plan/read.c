/* read.c - values out of the step. Reading runs nothing. */
#include "plan/execute.h"

#include <math.h>
#include <string.h>

static tg_status check_readable(tg_tensor tensor, const char *caller, unsigned marks) {
    if (tg_check_tensor(tensor, caller) != TG_OK) return tensor.tape != NULL ? tensor.tape->status : TG_NULL_ARGUMENT;
    tg_tape         *tape = tensor.tape;
    const tg_record *node = tg_record_of(tape, tensor.id);
    if (node->marks & (TG_MARK_READABLE | marks)) return TG_OK;
    return tg_fail(tape, TG_NOT_KEPT, "%s: v%u = %s%s%s was not kept; mark it with tg_keep before running", caller, tensor.id, node->op->name,
                   tg_name_of(tape, tensor.id)[0] != '\0' ? ", " : "", tg_name_of(tape, tensor.id));
}

/* A value [1, 1] of an earlier executing call. */
static double item_of(const tg_tape *tape, uint32_t id) {
    size_t i = 0;
    while (tape->items[i].id != id) i++;
    return tape->items[i].value;
}

static void set_number(void *out, tg_type type, double value) {
    if (type == TG_F64) *(double *)out = value;
    else *(float *)out = (float)value;
}

static tg_status copy_out(tg_tensor tensor, void *out, tg_type type, const char *caller) {
    tg_tape *tape = tensor.tape;
    if (tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "%s: the tensor is not given", caller);
    if (out == NULL) return tg_fail(tape, TG_NULL_ARGUMENT, "%s: out is NULL", caller);
    const tg_status status = check_readable(tensor, caller, TG_MARK_ITEM);
    if (status != TG_OK) return status;
    const tg_shape shape = tg_shape_of(tensor);
    if (shape.integer) return tg_fail(tape, TG_TYPE_MISMATCH, "%s: v%u holds integers; use tg_read_i32", caller, tensor.id);
    if (tg_record_of(tape, tensor.id)->marks & TG_MARK_READABLE)
        tg_convert(out, type, tape->execution->value(tape, tensor.id), tape->type, shape.rows * shape.cols);
    else set_number(out, type, item_of(tape, tensor.id));
    return TG_OK;
}

tg_status tg_read(tg_tensor tensor, float *out) { return copy_out(tensor, out, TG_F32, "tg_read"); }
tg_status tg_read_f64(tg_tensor tensor, double *out) { return copy_out(tensor, out, TG_F64, "tg_read_f64"); }

tg_status tg_read_i32(tg_tensor tensor, int32_t *out) {
    tg_tape *tape = tensor.tape;
    if (tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_read_i32: the tensor is not given");
    if (out == NULL) return tg_fail(tape, TG_NULL_ARGUMENT, "tg_read_i32: out is NULL");
    const tg_status status = check_readable(tensor, "tg_read_i32", TG_MARK_ITEM);
    if (status != TG_OK) return status;
    const tg_shape shape = tg_shape_of(tensor);
    if (!shape.integer) return tg_fail(tape, TG_TYPE_MISMATCH, "tg_read_i32: v%u holds no integers", tensor.id);
    if (!(tg_record_of(tape, tensor.id)->marks & TG_MARK_READABLE)) *out = (int32_t)item_of(tape, tensor.id);
    else if (shape.rows * shape.cols > 0) memcpy(out, tape->execution->value(tape, tensor.id), (size_t)(shape.rows * shape.cols) * sizeof *out);
    return TG_OK;
}

double tg_item(tg_tensor tensor) {
    double         value = (double)NAN;
    const tg_shape shape = tg_shape_of(tensor);
    if (shape.rows * shape.cols != 1) {
        if (tg_check_tensor(tensor, "tg_item") == TG_OK) tg_fail(tensor.tape, TG_SHAPE_MISMATCH, "tg_item: v%u is not [1,1]", tensor.id);
        return value;
    }
    return copy_out(tensor, &value, TG_F64, "tg_item") == TG_OK ? value : (double)NAN;
}

static const void *in_place(tg_tensor tensor, tg_type type, const char *caller) {
    if (check_readable(tensor, caller, 0) != TG_OK) return NULL;
    if (tensor.tape->type == type && !tg_shape_of(tensor).integer) return tensor.tape->execution->value(tensor.tape, tensor.id);
    return tg_fail(tensor.tape, TG_TYPE_MISMATCH, "%s: v%u is of the other type", caller, tensor.id), NULL;
}

const float  *tg_data(tg_tensor tensor) { return in_place(tensor, TG_F32, "tg_data"); }
const double *tg_data_f64(tg_tensor tensor) { return in_place(tensor, TG_F64, "tg_data_f64"); }

static void copy_as_double(const tg_tape *tape, uint32_t id, const void *value, double *out) {
    const tg_shape shape = tg_shape_at(tape, id);
    const int32_t *label = value;
    if (!shape.integer) tg_convert(out, TG_F64, value, tape->type, shape.rows * shape.cols);
    for (int64_t i = 0; shape.integer && i < shape.rows * shape.cols; i++) out[i] = label[i];
}

static tg_status check_look(tg_tensor tensor, const double *out, const char *caller) {
    if (tensor.tape == NULL || out == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "%s: a tensor or out is NULL", caller);
    if (tensor.id != 0 && tensor.step == tensor.tape->handle_step && tensor.id < tensor.tape->length) return TG_OK;
    return tg_fail_thread(TG_OLD_STEP, "%s: v%u is no node of this step", caller, tensor.id);
}

tg_status tg_held(tg_tensor tensor, double *out) {
    const tg_status status = check_look(tensor, out, "tg_held");
    if (status != TG_OK) return status;
    const tg_tape *tape  = tensor.tape;
    const void    *value = tape->execution != NULL ? tape->execution->value(tape, tensor.id) : NULL;
    if (value != NULL) copy_as_double(tape, tensor.id, value, out);
    else if (tg_record_of(tape, tensor.id)->marks & TG_MARK_ITEM) *out = item_of(tape, tensor.id);
    else return tg_fail_thread(TG_NOT_KEPT, "tg_held: memory does not hold v%u", tensor.id);
    return TG_OK;
}

tg_status tg_look(const tg_tensor tensors[], int count, double *const out[]) {
    if (tensors == NULL || out == NULL || count < 0) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_look: a list is NULL");
    for (int i = 0; i < count; i++) {
        const tg_status status = check_look(tensors[i], out[i], "tg_look");
        if (status != TG_OK) return status;
        if (tensors[i].tape != tensors[0].tape) return tg_fail_thread(TG_WRONG_TAPE, "tg_look: tensor %d belongs to another tape", i);
    }
    if (count == 0) return TG_OK;
    tg_tape *tape = tensors[0].tape;
    if (tape->status != TG_OK) return tape->status;
    if (tape->execution != NULL && tape->execution->look != NULL) return tape->execution->look(tape, tensors, count, out);
    for (int i = 0; i < count; i++) {
        const tg_status status = tg_held(tensors[i], out[i]);
        if (status != TG_OK) return status;
    }
    return TG_OK;
}
