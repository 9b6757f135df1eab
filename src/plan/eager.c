/* eager.c - the executor that runs each node when it is recorded: the reference for the other. */
#include "core/block.h"
#include "kernel/denormals.h"
#include "plan/execute.h"

/* The value of a node: rows * cols elements of the tape's type, or int32_t. */
typedef struct value {
    void  *data;
    size_t capacity;      /* bytes; kept from step to step */
} value;

typedef struct eager {
    value     *values;     /* by node */
    size_t     value_count;
    double    *converted;  /* operands and output of a kernel that exists in double only */
    size_t     converted_capacity;
    tg_tape   *expansion;  /* computes ops without a kernel, as what they expand to */
    uint8_t   *needed;     /* by node: asked for by the executing call at hand */
    size_t     needed_capacity;
    tg_writes  writes;
} eager;

static eager *eager_of(const tg_tape *tape) { return tape->executor; }
static void  *value_of(const tg_tape *tape, uint32_t id) { return eager_of(tape)->values[id].data; }

/* ---- values ---- */

static size_t bytes_of(const tg_tape *tape, uint32_t id) {
    const tg_shape s = tg_shape_at(tape, id);
    return (size_t)(s.rows * s.cols) * (s.integer ? sizeof(int32_t) : tg_type_bytes(tape->type));
}

/* A buffer for the value of the node; memory of earlier steps is used again. */
static tg_status make_value(tg_tape *tape, uint32_t id) {
    eager       *e     = eager_of(tape);
    const size_t bytes = bytes_of(tape, id);
    if (tg_grow((void **)&e->values, &e->value_count, (size_t)id + 1, sizeof *e->values)) {
        value *v = &e->values[id];
        if (v->data != NULL && v->capacity >= bytes) return TG_OK;
        tg_release(v->data, v->capacity);
        *v      = (value){ 0 };
        v->data = tg_allocate(bytes);
        if (v->data != NULL) {
            v->capacity = bytes;
            return TG_OK;
        }
    }
    return tg_fail(tape, TG_OUT_OF_MEMORY, "v%u = %s: no memory for %zu bytes", id, tg_record_of(tape, id)->op->name, bytes);
}

/* ---- leaves ---- */

static void bind(tg_tape *tape, uint32_t id, const tg_leaf *leaf) {
    void          *to    = value_of(tape, id);
    const tg_shape shape = tg_shape_at(tape, id);
    const int64_t  count = shape.rows * shape.cols;
    switch (leaf->kind) {
        case TG_LEAF_F32:      tg_convert(to, tape->type, leaf->data, TG_F32, count); break;
        case TG_LEAF_F64:      tg_convert(to, tape->type, leaf->data, TG_F64, count); break;
        case TG_LEAF_I32:      tg_convert(to, TG_F32, leaf->data, TG_F32, count); break;      /* four bytes each, as they are */
        case TG_LEAF_SCALAR:   tg_convert(to, tape->type, leaf->data, TG_F64, 1); break;
        case TG_LEAF_CONSTANT: tg_convert(to, tape->type, &leaf->number, TG_F64, 1); break;
        case TG_LEAF_BLOCK:    tg_convert(to, tape->type, leaf->data, leaf->block->params->type, count); break;
    }
}

/* ---- ops without a kernel ---- */

static tg_tape *expansion_of(tg_tape *tape) {
    eager *e = eager_of(tape);
    if (e->expansion == NULL)
        e->expansion = tg_tape_create(&(tg_tape_options){ .type = tape->type, .keep_denormals = tape->keep_denormals, .seed = tape->seed });
    if (e->expansion == NULL) return tg_last_error(NULL), tg_fail(tape, TG_OUT_OF_MEMORY, "no memory to expand an op"), NULL;
    if (e->expansion->executor == NULL && tg_set_eager(e->expansion) != TG_OK)
        return tg_fail(tape, TG_OUT_OF_MEMORY, "no memory to expand an op"), NULL;
    e->expansion->is_internal = true;
    tg_begin(e->expansion, &(tg_begin_options){ .training = tape->training });
    return e->expansion;
}

static tg_tensor operand_on(tg_tape *expansion, const tg_tape *tape, uint32_t id) {
    if (id == 0) return (tg_tensor){ 0 };
    const tg_shape s    = tg_shape_at(tape, id);
    const void    *data = value_of(tape, id);
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
    const size_t         first       = expansion->length;
    const tg_application application = { .tape = expansion, .op = op, .inputs = operands, .input_count = (int)node->input_count,
                                         .attributes = tg_attributes_of(tape, id) };
    const tg_tensor result = op->expand(&application);
    const tg_shape  shape  = tg_shape_at(tape, id), got = tg_shape_of(result);
    tg_release(operands, bytes);
    if (expansion->status == TG_OK) tg_check_expansion(expansion, first, op, id);
    if (expansion->status != TG_OK) return tg_fail(tape, expansion->status, "v%u: what %s expands to failed: %s", id, op->name, expansion->sentence);
    if (result.tape != expansion || got.rows != shape.rows || got.cols != shape.cols)
        return tg_fail(tape, TG_SHAPE_MISMATCH, "v%u: the expand of %s has another shape than its shape rule says", id, op->name);
    tg_convert(value_of(tape, id), tape->type, value_of(expansion, result.id), tape->type, shape.rows * shape.cols);
    return TG_OK;
}

/* ---- one node ---- */

static tg_status check_limits(tg_tape *tape, uint32_t id) {
    int64_t limit;
    if (tg_limit_of(tape, id, &limit) != TG_OK || limit == INT64_MAX) return tape->status;
    const uint32_t *inputs = tg_inputs_of(tape, id);
    for (uint32_t k = 0; k < tg_record_of(tape, id)->input_count; k++) {
        const tg_shape shape = inputs[k] != 0 ? tg_shape_at(tape, inputs[k]) : (tg_shape){ 0 };
        if (shape.integer && tg_check_labels(tape, id, value_of(tape, inputs[k]), shape, limit) != TG_OK) break;
    }
    return tape->status;
}

static tg_status run_kernel_on(tg_tape *tape, uint32_t id, tg_operand *inputs) {
    eager           *e     = eager_of(tape);
    const tg_record *node  = tg_record_of(tape, id);
    const tg_op     *op    = node->op;
    const tg_shape   shape = tg_shape_at(tape, id);
    const uint32_t  *ids   = tg_inputs_of(tape, id);
    const int        count = (int)node->input_count;
    for (int k = 0; k < count; k++)
        inputs[k] = ids[k] != 0 ? tg_operand_of(value_of(tape, ids[k]), tg_shape_at(tape, ids[k]), (op->flags & TG_OP_ELEMENTWISE) != 0, shape)
                                : (tg_operand){ .rows = -1, .cols = -1 };
    const bool    summed = (op->flags & TG_OP_ROW_SUM) != 0 && count > 0;
    const tg_call call   = { .output      = value_of(tape, id),
                             .rows        = shape.rows,
                             .cols        = shape.cols,
                             .inputs      = inputs,
                             .input_count = count,
                             .attributes  = tg_attributes_of(tape, id),
                             .row_end     = shape.rows,
                             .all_rows    = summed ? inputs[0].rows : shape.rows,
                             .all_cols    = summed ? inputs[0].cols : shape.cols,
                             .seed        = tape->seed,
                             .step        = tape->step,
                             .draw        = op->flags & TG_OP_RANDOM ? tape->draws - 1 : 0 };
    if (tape->type == TG_F64) op->f64(&call);
    else if (op->f32 != NULL) op->f32(&call);
    else {
        const size_t room = (size_t)tg_converted_room(&call);
        if (!tg_grow((void **)&e->converted, &e->converted_capacity, room, sizeof *e->converted))
            return tg_fail(tape, TG_OUT_OF_MEMORY, "v%u: no memory to run %s in double", id, op->name);
        tg_run_converted(op, &call, inputs, e->converted);
    }
    return TG_OK;
}

static tg_status run_kernel(tg_tape *tape, uint32_t id) {
    enum { FEW_INPUTS = 8 };
    const tg_record *node = tg_record_of(tape, id);
    if (node->rows == 0 || node->cols == 0) return TG_OK;      /* rows without columns may be as many as there are numbers */
    if (node->input_count <= FEW_INPUTS) {
        tg_operand inputs[FEW_INPUTS];
        return run_kernel_on(tape, id, inputs);
    }
    const size_t bytes  = node->input_count * sizeof(tg_operand);
    tg_operand  *inputs = tg_allocate(bytes);
    if (inputs == NULL) return tg_fail(tape, TG_OUT_OF_MEMORY, "v%u: no memory for the operands of %s", id, node->op->name);
    const tg_status status = run_kernel_on(tape, id, inputs);
    tg_release(inputs, bytes);
    return status;
}

static tg_status compute(tg_tape *tape, uint32_t id) {
    if (check_limits(tape, id) != TG_OK) return tape->status;
    return tg_has_kernel(tg_record_of(tape, id)->op, tape->type) ? run_kernel(tape, id) : run_expansion(tape, id);
}

static tg_status record(tg_tape *tape, uint32_t id) {
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

/* ---- the executing call: all is computed; what is left is to check and to write ---- */

static tg_status check_input(tg_tape *tape, uint32_t id, const tg_leaf *leaf) {
    const eager *e = eager_of(tape);
    if (tg_check_input(tape, id, leaf) != TG_OK) return tape->status;
    for (size_t i = 1; i < e->value_count; i++)
        if (tg_check_outside(tape, id, leaf, e->values[i].data, e->values[i].capacity) != TG_OK) break;
    return tape->status;
}

static tg_status check_leaves(tg_tape *tape, const uint8_t *needed) {
    for (uint32_t id = 1; id < tape->length; id++) {
        const tg_leaf *leaf = needed[id] ? tg_leaf_of(tape, id) : NULL;
        if (leaf == NULL || leaf->kind == TG_LEAF_CONSTANT) continue;
        if ((leaf->kind == TG_LEAF_BLOCK ? tg_check_version(tape, id, leaf) : check_input(tape, id, leaf)) != TG_OK) break;
    }
    return tape->status;
}

static tg_status check_values(tg_tape *tape, const uint8_t *needed) {
    for (size_t i = 0; i < tape->finite.count; i++) {
        const uint32_t id = tape->finite.at[i];
        if (needed[id] && tg_check_finite(tape, id, value_of(tape, id), tape->type) != TG_OK) break;
    }
    return tape->status;
}

/* All at once: the values were computed before the first write. */
static void write_all(const tg_tape *tape, const tg_writes *writes) {
    for (size_t i = 0; i < writes->count; i++) {
        const tg_write *w    = &writes->at[i];
        const tg_type   type = w->block->params->type;
        const char     *from = value_of(tape, w->assign);
        tg_convert((char *)w->block->data + (size_t)w->begin * tg_type_bytes(type), type, from + (size_t)w->from * tg_type_bytes(tape->type),
                   tape->type, w->end - w->begin);
        if (i + 1 == writes->count || writes->at[i + 1].block != w->block) w->block->version++;
    }
}

static tg_status run(tg_tape *tape, const tg_tensor tensors[], int count) {
    eager *e = eager_of(tape);
    if (!tg_grow((void **)&e->needed, &e->needed_capacity, tape->length, 1))
        return tg_fail(tape, TG_OUT_OF_MEMORY, "tg_run: no memory for %zu nodes", tape->length);
    tg_mark_needed(tape, tensors, count, &tape->kept, e->needed);
    if (check_leaves(tape, e->needed) != TG_OK || check_values(tape, e->needed) != TG_OK || tg_collect_writes(tape, e->needed, &e->writes) != TG_OK)
        return tape->status;
    const bool     flush  = tape->type == TG_F32 && !tape->keep_denormals;
    const unsigned before = flush ? tg_denormals_flush() : 0;
    write_all(tape, &e->writes);
    if (flush) tg_denormals_restore(before);
    return TG_OK;
}

static const void *value_held(const tg_tape *tape, uint32_t id) { return value_of(tape, id); }

static void release(tg_tape *tape) {
    eager *e = eager_of(tape);
    if (e == NULL) return;
    for (size_t i = 0; i < e->value_count; i++) tg_release(e->values[i].data, e->values[i].capacity);
    tg_tape_free(e->expansion);
    tg_release(e->values, e->value_count * sizeof *e->values);
    tg_release(e->converted, e->converted_capacity * sizeof *e->converted);
    tg_release(e->needed, e->needed_capacity);
    tg_release(e->writes.at, e->writes.capacity * sizeof *e->writes.at);
    tg_release(e, sizeof *e);
}

static const tg_execution eager_execution = { .recorded = record, .run = run, .value = value_held, .release = release };

tg_status tg_set_eager(tg_tape *tape) {
    tape->executor = tg_allocate(sizeof(eager));
    if (tape->executor == NULL) return TG_OUT_OF_MEMORY;
    tape->execution = &eager_execution;
    return TG_OK;
}
