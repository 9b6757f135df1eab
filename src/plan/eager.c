/* eager.c - the executor that runs each node when it is recorded: the reference for every other. */
#include "core/block.h"
#include "kernel/denormals.h"
#include "plan/execute.h"

#include <inttypes.h>

/* ---- values ---- */

static size_t bytes_of(const tg_tape *tape, uint32_t id) {
    const tg_shape s = tg_shape_at(tape, id);
    return (size_t)(s.rows * s.cols) * (s.integer ? sizeof(int32_t) : tg_type_bytes(tape->type));
}

/* A buffer for the value of the node; memory of earlier steps is used again. */
static tg_status make_value(tg_tape *tape, uint32_t id) {
    tg_executor *executor = tg_executor_of(tape);
    const size_t bytes    = bytes_of(tape, id);
    if (tg_grow((void **)&executor->values, &executor->value_count, (size_t)id + 1, sizeof *executor->values)) {
        tg_value *value = &executor->values[id];
        if (value->data != NULL && value->capacity >= bytes) return TG_OK;
        tg_release(value->data, value->capacity);
        *value      = (tg_value){ 0 };
        value->data = tg_allocate(bytes);
        if (value->data != NULL) {
            value->capacity = bytes;
            return TG_OK;
        }
    }
    return tg_fail(tape, TG_OUT_OF_MEMORY, "v%u = %s: no memory for %zu bytes", id, tg_record_of(tape, id)->op->name, bytes);
}

/* ---- leaves ---- */

static void bind(tg_tape *tape, uint32_t id, const tg_leaf *leaf) {
    void          *value = tg_value_of(tape, id);
    const tg_shape shape = tg_shape_at(tape, id);
    const int64_t  count = shape.rows * shape.cols;
    switch (leaf->kind) {
        case TG_LEAF_F32:      tg_convert(value, tape->type, leaf->data, TG_F32, count); break;
        case TG_LEAF_F64:      tg_convert(value, tape->type, leaf->data, TG_F64, count); break;
        case TG_LEAF_I32:      tg_convert(value, TG_F32, leaf->data, TG_F32, count); break;      /* four bytes each, as they are */
        case TG_LEAF_SCALAR:   tg_convert(value, tape->type, leaf->data, TG_F64, 1); break;
        case TG_LEAF_CONSTANT: tg_convert(value, tape->type, &leaf->number, TG_F64, 1); break;
        case TG_LEAF_BLOCK:    tg_convert(value, tape->type, leaf->data, leaf->block->params->type, count); break;
    }
}

/* ---- integer operands ---- */

static tg_status check_limit(tg_tape *tape, uint32_t id, uint32_t operand, int64_t limit) {
    const tg_shape shape = tg_shape_at(tape, operand);
    const int32_t *label = tg_value_of(tape, operand);
    for (int64_t i = 0; i < shape.rows * shape.cols; i++)
        if (label[i] < 0 || label[i] >= limit)
            return tg_fail(tape, TG_OUT_OF_RANGE, "v%u = %s: label %" PRId32 " in row %" PRId64 " is not in [0, %" PRId64 ")", id,
                           tg_record_of(tape, id)->op->name, label[i], shape.cols > 0 ? i / shape.cols : 0, limit);
    return TG_OK;
}

static tg_status check_limits(tg_tape *tape, uint32_t id) {
    enum { FEW_INPUTS = 8 };
    const tg_record *node   = tg_record_of(tape, id);
    const uint32_t  *inputs = tg_inputs_of(tape, id);
    if (node->op->limit == NULL || node->input_count > FEW_INPUTS) return TG_OK;
    tg_shape shapes[FEW_INPUTS];
    for (uint32_t k = 0; k < node->input_count; k++) shapes[k] = inputs[k] != 0 ? tg_shape_at(tape, inputs[k]) : (tg_shape){ -1, -1, false };
    const int64_t limit = node->op->limit(shapes, (int)node->input_count, tg_attributes_of(tape, id));
    for (uint32_t k = 0; k < node->input_count; k++)
        if (shapes[k].integer && check_limit(tape, id, inputs[k], limit) != TG_OK) return tape->status;
    return TG_OK;
}

/* ---- ops without a kernel ---- */

static tg_tape *expansion_of(tg_tape *tape) {
    tg_executor *executor = tg_executor_of(tape);
    if (executor->expansion == NULL) {
        executor->expansion = tg_tape_create(&(tg_tape_options){ .type = tape->type, .keep_denormals = tape->keep_denormals, .seed = tape->seed });
        if (executor->expansion != NULL) executor->expansion->executor = tg_allocate(sizeof(tg_executor));
        if (executor->expansion != NULL && executor->expansion->executor == NULL) {
            tg_tape_free(executor->expansion);
            executor->expansion = NULL;
        }
        if (executor->expansion == NULL) return tg_last_error(NULL), tg_fail(tape, TG_OUT_OF_MEMORY, "no memory to expand an op"), NULL;
        executor->expansion->recorded         = tg_eager_record;
        executor->expansion->release_executor = tg_eager_release;
        executor->expansion->no_draws         = true;
    }
    tg_begin(executor->expansion, &(tg_begin_options){ .training = tape->training });
    return executor->expansion;
}

static tg_tensor operand_on(tg_tape *expansion, const tg_tape *tape, uint32_t id) {
    if (id == 0) return (tg_tensor){ 0 };
    const tg_shape s    = tg_shape_at(tape, id);
    const void    *data = tg_value_of(tape, id);
    if (s.integer) return tg_input_i32(expansion, data, s.rows, s.cols);
    return tape->type == TG_F64 ? tg_input_f64(expansion, data, s.rows, s.cols) : tg_input(expansion, data, s.rows, s.cols);
}

static tg_status run_expansion(tg_tape *tape, uint32_t id) {
    const tg_record *node = tg_record_of(tape, id);
    const tg_op     *op   = node->op;
    if (op->expand == NULL) return tg_fail(tape, TG_UNSUPPORTED, "v%u: the op %s has neither a kernel nor an expand", id, op->name);
    tg_tape     *expansion = expansion_of(tape);
    const size_t bytes     = node->input_count * sizeof(tg_tensor);
    tg_tensor   *operands  = expansion != NULL ? tg_allocate(bytes) : NULL;
    if (operands == NULL) return tg_fail(tape, TG_OUT_OF_MEMORY, "v%u: no memory to expand %s", id, op->name);
    for (uint32_t k = 0; k < node->input_count; k++) operands[k] = operand_on(expansion, tape, tg_inputs_of(tape, id)[k]);
    const tg_application application = { .tape = expansion, .op = op, .inputs = operands, .input_count = (int)node->input_count,
                                         .attributes = tg_attributes_of(tape, id) };
    const tg_tensor result = op->expand(&application);
    const tg_shape  shape  = tg_shape_at(tape, id), got = tg_shape_of(result);
    tg_release(operands, bytes);
    if (expansion->status != TG_OK) return tg_fail(tape, expansion->status, "v%u: what %s expands to failed: %s", id, op->name, expansion->sentence);
    if (result.tape != expansion || got.rows != shape.rows || got.cols != shape.cols)
        return tg_fail(tape, TG_SHAPE_MISMATCH, "v%u: the expand of %s has another shape than its shape rule says", id, op->name);
    tg_convert(tg_value_of(tape, id), tape->type, tg_value_of(expansion, result.id), tape->type, shape.rows * shape.cols);
    return TG_OK;
}

/* ---- one node ---- */

static tg_status compute(tg_tape *tape, uint32_t id) {
    uint32_t draw = 0;
    if (tg_record_of(tape, id)->op->flags & TG_OP_RANDOM) {
        if (tape->no_draws) return tg_fail(tape, TG_UNSUPPORTED, "an expand may not draw; give it the draw as an operand");
        draw = tape->draws++;
    }
    if (check_limits(tape, id) != TG_OK) return tape->status;
    tg_status status = tg_run_kernel(tape, id, draw);
    return status == TG_UNSUPPORTED ? run_expansion(tape, id) : status;
}

tg_status tg_eager_record(tg_tape *tape, uint32_t id) {
    const tg_leaf *leaf = tg_leaf_of(tape, id);
    if (make_value(tape, id) != TG_OK) return tape->status;
    if (tg_record_of(tape, id)->op == &tg_gradients_op) return TG_OK;      /* the header of a walk has no value */
    const bool     flush  = tape->type == TG_F32 && !tape->keep_denormals;
    const unsigned before = flush ? tg_denormals_flush() : 0;
    tg_status      status = TG_OK;
    if (leaf != NULL) bind(tape, id, leaf);
    else status = compute(tape, id);
    if (flush) tg_denormals_restore(before);
    return status;
}

void tg_eager_release(tg_tape *tape) {
    tg_executor *executor = tg_executor_of(tape);
    if (executor == NULL) return;
    for (size_t i = 0; i < executor->value_count; i++) tg_release(executor->values[i].data, executor->values[i].capacity);
    tg_tape_free(executor->expansion);
    tg_release(executor->values, executor->value_count * sizeof *executor->values);
    tg_release(executor->converted, executor->converted_capacity * sizeof(double));
    tg_release(executor->needed, executor->needed_capacity);
    tg_release(executor->writes, executor->write_capacity * sizeof *executor->writes);
    tg_release(executor, sizeof *executor);
}

tg_tape *tg_tape_new(const tg_tape_options *options) {
    tg_tape *tape = tg_tape_create(options);
    if (tape == NULL) return NULL;
    tape->executor = tg_allocate(sizeof(tg_executor));
    if (tape->executor == NULL) {
        tg_tape_free(tape);
        return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_tape_new: no memory for a tape"), NULL;
    }
    tape->recorded         = tg_eager_record;
    tape->release_executor = tg_eager_release;
    return tape;
}
