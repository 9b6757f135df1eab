/* reduction.h - shape rules of what takes one matrix of numbers and makes of it one element, one row, one column or a matrix of its shape. */
#ifndef TAPEGRAD_OP_REDUCTION_H
#define TAPEGRAD_OP_REDUCTION_H

#include "op/builtin.h"

static inline tg_status tg_real_operand(const tg_shape in[], const char **why) {
    *why = "takes one matrix of numbers";
    return in[0].integer || in[0].rows < 0 ? TG_TYPE_MISMATCH : TG_OK;
}

static inline tg_status tg_all_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count, (void)attributes;
    *output = (tg_shape){ 1, 1, false };
    return tg_real_operand(in, why);
}

static inline tg_status tg_row_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count, (void)attributes;
    *output = (tg_shape){ 1, in[0].cols, false };
    return tg_real_operand(in, why);
}

static inline tg_status tg_column_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count, (void)attributes;
    *output = (tg_shape){ in[0].rows, 1, false };
    return tg_real_operand(in, why);
}

static inline tg_status tg_same_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count, (void)attributes;
    *output = in[0];
    return tg_real_operand(in, why);
}

#endif
