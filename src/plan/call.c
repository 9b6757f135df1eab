/* call.c - one call of a kernel: operands with their strides, and kernels that exist in double only. */
#include "plan/execute.h"

#include <string.h>

void tg_convert(void *to, tg_type to_type, const void *from, tg_type from_type, int64_t count) {
    if (count == 0) return;
    if (to_type == from_type) memcpy(to, from, (size_t)count * (to_type == TG_F64 ? sizeof(double) : sizeof(float)));
    else if (to_type == TG_F64) for (int64_t i = 0; i < count; i++) ((double *)to)[i] = (double)((const float *)from)[i];
    else for (int64_t i = 0; i < count; i++) ((float *)to)[i] = (float)((const double *)from)[i];
}

tg_operand tg_operand_of(const void *data, tg_shape s, bool elementwise, tg_shape output) {
    return (tg_operand){ .data = data, .rows = s.rows, .cols = s.cols, .integer = s.integer,
                         .row_stride = elementwise && s.rows == 1 && output.rows != 1 ? 0 : s.cols,
                         .col_stride = elementwise && s.cols == 1 && output.cols != 1 ? 0 : 1 };
}

bool tg_has_kernel(const tg_op *op, tg_type type) {
    if (type == TG_F64 || op->f32 != NULL) return (type == TG_F64 ? op->f64 : op->f32) != NULL;
    return op->f64 != NULL && (op->flags & (TG_OP_ELEMENTWISE | TG_OP_ROWWISE)) != 0;
}

static int64_t elements(const tg_operand *operand) { return operand->data != NULL ? operand->rows * operand->cols : 0; }

int64_t tg_converted_room(const tg_call *call) {
    int64_t total = call->rows * call->cols;
    for (int k = 0; k < call->input_count; k++) total += elements(&call->inputs[k]);
    return total;
}

void tg_run_converted(const tg_op *op, const tg_call *call, tg_operand *inputs, double *room) {
    tg_call in_double = *call;
    for (int k = 0; k < call->input_count; k++) {
        const int64_t count = elements(&call->inputs[k]);
        inputs[k] = call->inputs[k];
        if (count == 0 || inputs[k].integer) continue;
        tg_convert(room, TG_F64, inputs[k].data, TG_F32, count);
        inputs[k].data = room;
        room += count;
    }
    in_double.inputs = inputs;
    in_double.output = room;
    op->f64(&in_double);
    tg_convert(call->output, TG_F32, room, TG_F64, call->rows * call->cols);
}
