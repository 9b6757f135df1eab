/* emit.c - from a node to one call of a kernel: operands with their strides, the output, what draws count from. */
#include "plan/execute.h"

#include <string.h>

void tg_convert(void *to, tg_type to_type, const void *from, tg_type from_type, int64_t count) {
    if (count == 0) return;
    if (to_type == from_type) memcpy(to, from, (size_t)count * (to_type == TG_F64 ? sizeof(double) : sizeof(float)));
    else if (to_type == TG_F64) for (int64_t i = 0; i < count; i++) ((double *)to)[i] = (double)((const float *)from)[i];
    else for (int64_t i = 0; i < count; i++) ((float *)to)[i] = (float)((const double *)from)[i];
}

/* Dense rows; in an elementwise op a dimension that is repeated does not advance. */
static tg_operand operand_of(const tg_tape *tape, uint32_t id, bool elementwise, tg_shape output) {
    if (id == 0) return (tg_operand){ NULL, -1, -1, 0, 0 };
    const tg_shape s = tg_shape_at(tape, id);
    return (tg_operand){ .data = tg_value_of(tape, id), .rows = s.rows, .cols = s.cols,
                         .row_stride = elementwise && s.rows == 1 && output.rows != 1 ? 0 : s.cols,
                         .col_stride = elementwise && s.cols == 1 && output.cols != 1 ? 0 : 1 };
}

static int64_t elements(const tg_operand *operand) { return operand->data != NULL ? operand->rows * operand->cols : 0; }

/* A kernel that exists in double only, in an f32 run: on converted copies. */
static tg_status run_converted(tg_tape *tape, uint32_t id, tg_call *call, tg_operand *inputs) {
    tg_executor    *executor = tg_executor_of(tape);
    const uint32_t *ids      = tg_inputs_of(tape, id);
    int64_t         total    = call->rows * call->cols;
    for (int k = 0; k < call->input_count; k++) total += elements(&inputs[k]);
    if (!tg_grow((void **)&executor->converted, &executor->converted_capacity, (size_t)total, sizeof(double)))
        return tg_fail(tape, TG_OUT_OF_MEMORY, "v%u: no memory to run %s in double", id, tg_record_of(tape, id)->op->name);
    double *next = executor->converted;
    for (int k = 0; k < call->input_count; k++) {
        const int64_t count = elements(&inputs[k]);
        if (count == 0 || tg_shape_at(tape, ids[k]).integer) continue;
        tg_convert(next, TG_F64, inputs[k].data, TG_F32, count);
        inputs[k].data = next;
        next += count;
    }
    void *output = call->output;
    call->output = next;
    tg_record_of(tape, id)->op->f64(call);
    tg_convert(output, TG_F32, next, TG_F64, call->rows * call->cols);
    return TG_OK;
}

static tg_status run_with(tg_tape *tape, uint32_t id, uint32_t draw, tg_operand *inputs) {
    const tg_record *node   = tg_record_of(tape, id);
    const tg_op     *op     = node->op;
    const tg_shape   shape  = tg_shape_at(tape, id);
    const uint32_t  *ids    = tg_inputs_of(tape, id);
    const int        count  = (int)node->input_count;
    const bool       summed = (op->flags & TG_OP_ROW_SUM) != 0;
    if (shape.rows == 0 || shape.cols == 0) return TG_OK;      /* rows without columns may be as many as there are numbers */
    for (int k = 0; k < count; k++) inputs[k] = operand_of(tape, ids[k], (op->flags & TG_OP_ELEMENTWISE) != 0, shape);
    tg_call call = { .output = tg_value_of(tape, id), .rows = shape.rows, .cols = shape.cols, .inputs = inputs, .input_count = count,
                     .attributes = tg_attributes_of(tape, id), .row_begin = 0, .row_end = shape.rows, .first_element = 0,
                     .all_rows = summed && count > 0 ? inputs[0].rows : shape.rows, .seed = tape->seed, .step = tape->step, .draw = draw };
    const tg_kernel_fn kernel = tape->type == TG_F64 ? op->f64 : op->f32;
    if (kernel == NULL) return run_converted(tape, id, &call, inputs);
    kernel(&call);
    return TG_OK;
}

tg_status tg_run_kernel(tg_tape *tape, uint32_t id, uint32_t draw) {
    enum { FEW_INPUTS = 8 };
    const tg_record *node = tg_record_of(tape, id);
    const tg_op     *op   = node->op;
    const bool in_double  = op->f64 != NULL && (tape->type == TG_F64 || (op->flags & (TG_OP_ELEMENTWISE | TG_OP_ROWWISE)));
    if (!in_double && (tape->type == TG_F64 || op->f32 == NULL)) return TG_UNSUPPORTED;
    if (node->input_count <= FEW_INPUTS) {
        tg_operand inputs[FEW_INPUTS];
        return run_with(tape, id, draw, inputs);
    }
    const size_t bytes  = node->input_count * sizeof(tg_operand);
    tg_operand  *inputs = tg_allocate(bytes);
    if (inputs == NULL) return tg_fail(tape, TG_OUT_OF_MEMORY, "v%u: no memory for the operands of %s", id, op->name);
    tg_status status = run_with(tape, id, draw, inputs);
    tg_release(inputs, bytes);
    return status;
}
