/* leaf.c - nodes without operands: the caller's data, numbers, and the block of variables. */
#include "core/tape.h"

#include <inttypes.h>

const tg_op tg_input_op        = { .size = sizeof(tg_op), .name = "input", .text = "input" };
const tg_op tg_labels_op       = { .size = sizeof(tg_op), .name = "labels", .text = "labels" };
const tg_op tg_scalar_input_op = { .size = sizeof(tg_op), .name = "scalar_input", .text = "scalar_input" };
/* The frozen slices are part of what a node of a block is: ranges that are not live have gradient zero and are not written. */
const tg_op tg_block_op        = { .size = sizeof(tg_op), .name = "block", .text = "block" };
const tg_op tg_constant_op     = { .size = sizeof(tg_op), .name = "constant", .attribute_size = sizeof(double), .text = "constant" };

static tg_tensor record_input(tg_tape *tape, const char *caller, tg_leaf_kind kind, const void *data, int64_t rows, int64_t cols) {
    if (tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "%s: tape is NULL", caller), TG_NONE;
    if (tape->status != TG_OK) return tg_handle(tape, 0);
    tg_shape shape = { rows, cols, kind == TG_LEAF_I32 };
    if (rows < 0 || cols < 0)
        return tg_fail(tape, TG_BAD_ARGUMENT, "%s: [%" PRId64 ",%" PRId64 "] is no shape", caller, rows, cols), tg_handle(tape, 0);
    if (!tg_is_countable(shape))
        return tg_fail(tape, TG_TOO_LARGE, "%s: [%" PRId64 ",%" PRId64 "] is too large", caller, rows, cols), tg_handle(tape, 0);
    if (data == NULL && rows * cols > 0) return tg_fail(tape, TG_NULL_ARGUMENT, "%s: data is NULL", caller), tg_handle(tape, 0);
    return tg_record_leaf(tape, kind == TG_LEAF_I32 ? &tg_labels_op : &tg_input_op, shape, &(tg_leaf){ .kind = kind, .data = data }, NULL);
}

tg_tensor tg_input(tg_tape *tape, const float *data, int64_t rows, int64_t cols) {
    return record_input(tape, "tg_input", TG_LEAF_F32, data, rows, cols);
}

tg_tensor tg_input_f64(tg_tape *tape, const double *data, int64_t rows, int64_t cols) {
    return record_input(tape, "tg_input_f64", TG_LEAF_F64, data, rows, cols);
}

tg_tensor tg_input_i32(tg_tape *tape, const int32_t *data, int64_t rows, int64_t cols) {
    return record_input(tape, "tg_input_i32", TG_LEAF_I32, data, rows, cols);
}

tg_tensor tg_labels(tg_tape *tape, const int32_t *labels, int64_t rows) { return record_input(tape, "tg_labels", TG_LEAF_I32, labels, rows, 1); }

tg_tensor tg_scalar_input(tg_tape *tape, const double *value) {
    if (tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_scalar_input: tape is NULL"), TG_NONE;
    if (tape->status != TG_OK) return tg_handle(tape, 0);
    if (value == NULL) return tg_fail(tape, TG_NULL_ARGUMENT, "tg_scalar_input: value is NULL"), tg_handle(tape, 0);
    return tg_record_leaf(tape, &tg_scalar_input_op, (tg_shape){ 1, 1, false }, &(tg_leaf){ .kind = TG_LEAF_SCALAR, .data = value }, NULL);
}

tg_tensor tg_constant(tg_tape *tape, double value) {
    if (tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_constant: tape is NULL"), TG_NONE;
    if (tape->status != TG_OK) return tg_handle(tape, 0);
    return tg_record_leaf(tape, &tg_constant_op, (tg_shape){ 1, 1, false }, &(tg_leaf){ .kind = TG_LEAF_CONSTANT, .number = value }, &value);
}
