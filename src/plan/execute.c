/* execute.c - executing calls: what is needed, what must hold, what is written, what can be read afterwards. */
#include "core/block.h"
#include "plan/execute.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is needed: the ancestors of the arguments and of what is kept ---- */

static tg_status mark_needed(tg_tape *tape, const tg_tensor tensors[], int count) {
    tg_executor *executor = tg_executor_of(tape);
    if (!tg_grow((void **)&executor->needed, &executor->needed_capacity, tape->length, 1))
        return tg_fail(tape, TG_OUT_OF_MEMORY, "tg_run: no memory for %zu nodes", tape->length);
    memset(executor->needed, 0, tape->length);
    for (int i = 0; i < count; i++) executor->needed[tensors[i].id] = 1;
    for (size_t id = tape->length; id-- > 1;) {
        if (tape->nodes[id].marks & TG_MARK_KEPT) executor->needed[id] = 1;
        if (!executor->needed[id]) continue;
        const uint32_t *inputs = tg_inputs_of(tape, (uint32_t)id);
        for (uint32_t k = 0; k < tape->nodes[id].input_count; k++) executor->needed[inputs[k]] = 1;
    }
    return TG_OK;
}

/* ---- what must hold before anything is written ---- */

static bool overlap(const void *a, size_t a_bytes, const void *b, size_t b_bytes) {
    const uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;
    return a_bytes > 0 && b_bytes > 0 && x < y + b_bytes && y < x + a_bytes;
}

static size_t input_bytes(const tg_leaf *leaf, tg_shape shape) {
    const size_t element = leaf->kind == TG_LEAF_F32 || leaf->kind == TG_LEAF_I32 ? 4 : 8;
    return (size_t)(shape.rows * shape.cols) * element;
}

/* An input must not lie where the step writes: in a block that it uses, or in the tape's own memory. */
static tg_status check_input(tg_tape *tape, uint32_t id, const tg_leaf *input) {
    const tg_executor *executor = tg_executor_of(tape);
    const size_t       bytes    = input_bytes(input, tg_shape_at(tape, id));
    for (size_t i = 0; i < tape->leaf_count; i++) {
        const tg_block *block = tape->leaves[i].kind == TG_LEAF_BLOCK ? tape->leaves[i].block : NULL;
        if (block != NULL && overlap(input->data, bytes, block->data, block->bytes))
            return tg_fail(tape, TG_OVERLAP, "v%u: the input lies in the variables of group \"%.100s\"", id, block->name);
    }
    for (size_t i = 1; i < executor->value_count; i++)
        if (overlap(input->data, bytes, executor->values[i].data, executor->values[i].capacity))
            return tg_fail(tape, TG_OVERLAP, "v%u: the input lies in memory of the tape; copy it first", id);
    return TG_OK;
}

static tg_status check_leaf(tg_tape *tape, uint32_t id, const tg_leaf *leaf) {
    if (leaf->kind == TG_LEAF_CONSTANT) return TG_OK;
    if (leaf->kind != TG_LEAF_BLOCK) return check_input(tape, id, leaf);
    if (leaf->version == leaf->block->version) return TG_OK;
    return tg_fail(tape, TG_STALE, "v%u: group \"%.100s\" was written or frozen since; call tg_use or tg_use_block again", id, leaf->block->name);
}

static tg_status check_finite(tg_tape *tape, uint32_t id) {
    const tg_shape shape = tg_shape_at(tape, id);
    const void    *value = tg_value_of(tape, id);
    for (int64_t i = 0; i < shape.rows * shape.cols && !shape.integer; i++) {
        const double element = tape->type == TG_F64 ? ((const double *)value)[i] : (double)((const float *)value)[i];
        if (!isfinite(element))
            return tg_fail(tape, TG_NOT_FINITE, "v%u = %s%s%s is %g at row %" PRId64 ", column %" PRId64, id, tape->nodes[id].op->name,
                           tape->nodes[id].name != 0 ? ", " : "", tg_name_text(tape, tape->nodes[id].name), element, i / shape.cols, i % shape.cols);
    }
    return TG_OK;
}

/* Stale variables and overlapping inputs first: they can be checked without computing. */
static tg_status check_needed(tg_tape *tape) {
    const uint8_t *needed = tg_executor_of(tape)->needed;
    for (uint32_t id = 1; id < tape->length; id++) {
        const tg_leaf *leaf = needed[id] ? tg_leaf_of(tape, id) : NULL;
        if (leaf != NULL && check_leaf(tape, id, leaf) != TG_OK) return tape->status;
    }
    for (uint32_t id = 1; id < tape->length; id++)
        if (needed[id] && (tape->nodes[id].marks & TG_MARK_FINITE) && check_finite(tape, id) != TG_OK) return tape->status;
    return TG_OK;
}

/* ---- writes ---- */

static tg_status add_write(tg_tape *tape, tg_write write) {
    tg_executor *executor = tg_executor_of(tape);
    if (!tg_grow((void **)&executor->writes, &executor->write_capacity, executor->write_count + 1, sizeof *executor->writes))
        return tg_fail(tape, TG_OUT_OF_MEMORY, "v%u: no memory for another assignment", write.assign);
    executor->writes[executor->write_count++] = write;
    return TG_OK;
}

/* A block is written in its live ranges, so that frozen variables and the zeros between stay as they are. */
static tg_status add_block_writes(tg_tape *tape, uint32_t id, tg_block *block) {
    const size_t bytes = (block->params->variable_count + 1) * sizeof(tg_range);
    tg_range    *range = tg_allocate(bytes);
    if (range == NULL) return tg_fail(tape, TG_OUT_OF_MEMORY, "v%u: no memory for an assignment", id);
    const int count = tg_live_ranges(block, range);
    for (int i = 0; i < count && tape->status == TG_OK; i++) add_write(tape, (tg_write){ block, range[i].begin, range[i].end, id, range[i].begin });
    tg_release(range, bytes);
    return tape->status;
}

static tg_status add_assign(tg_tape *tape, uint32_t id) {
    const uint32_t target = tg_inputs_of(tape, id)[0];
    const tg_leaf *leaf   = tg_leaf_of(tape, target);
    if (leaf != NULL && leaf->kind == TG_LEAF_BLOCK) return add_block_writes(tape, id, leaf->block);
    const tg_leaf *viewed = tg_record_of(tape, target)->op->flags & TG_OP_VIEW ? tg_leaf_of(tape, tg_inputs_of(tape, target)[0]) : NULL;
    if (viewed == NULL || viewed->kind != TG_LEAF_BLOCK) return tg_fail(tape, TG_BAD_ARGUMENT, "v%u assigns to v%u, which is no variable", id, target);
    const tg_view_attributes *view = tg_attributes_of(tape, target);
    return add_write(tape, (tg_write){ viewed->block, view->offset, view->offset + view->rows * view->cols, id, 0 });
}

static int by_place(const void *a, const void *b) {
    const tg_write *x = a, *y = b;
    if (x->block != y->block) return (uintptr_t)x->block < (uintptr_t)y->block ? -1 : 1;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->assign > y->assign) - (x->assign < y->assign);
}

static tg_status collect_writes(tg_tape *tape) {
    tg_executor *executor = tg_executor_of(tape);
    executor->write_count = 0;
    for (uint32_t id = 1; id < tape->length; id++)
        if (executor->needed[id] && (tape->nodes[id].op->flags & TG_OP_ASSIGN) && add_assign(tape, id) != TG_OK) return tape->status;
    if (executor->write_count > 1) qsort(executor->writes, executor->write_count, sizeof *executor->writes, by_place);
    for (size_t i = 1; i < executor->write_count; i++) {
        const tg_write *a = &executor->writes[i - 1], *b = &executor->writes[i];
        if (a->block == b->block && b->begin < a->end)
            return tg_fail(tape, TG_WRITTEN_TWICE, "v%u and v%u both assign to element %" PRId64 " of group \"%.100s\"", a->assign, b->assign, b->begin,
                           a->block->name);
    }
    return TG_OK;
}

/* All at once: the values were computed before the first write. */
static void write_all(tg_tape *tape) {
    const tg_executor *executor = tg_executor_of(tape);
    for (size_t i = 0; i < executor->write_count; i++) {
        const tg_write *w     = &executor->writes[i];
        const tg_type   type  = w->block->params->type;
        const char     *value = tg_value_of(tape, w->assign);
        tg_convert((char *)w->block->data + (size_t)w->begin * tg_type_bytes(type), type, value + (size_t)w->from * tg_type_bytes(tape->type), tape->type,
                   w->end - w->begin);
        if (i + 1 == executor->write_count || executor->writes[i + 1].block != w->block) w->block->version++;
    }
}

/* ---- what can be read afterwards ---- */

static void open_for_reading(tg_tape *tape, const tg_tensor tensors[], int count) {
    for (int i = 0; i < count; i++) tape->nodes[tensors[i].id].marks |= TG_MARK_KEPT;
    for (size_t id = 1; id < tape->length; id++) {
        tg_record *node = &tape->nodes[id];
        node->marks &= (uint16_t)~TG_MARK_READABLE;
        if (!(node->marks & TG_MARK_KEPT)) continue;
        node->marks &= (uint16_t)~TG_MARK_KEPT;
        node->marks |= (uint16_t)(TG_MARK_READABLE | (node->rows == 1 && node->cols == 1 ? TG_MARK_ITEM : 0));
    }
}

/* ---- the call ---- */

static tg_status check_arguments(const tg_tensor tensors[], int count) {
    if (tensors == NULL || count <= 0) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_run_many: there are no tensors");
    for (int i = 0; i < count; i++)
        if (tensors[i].tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_run_many: tensor %d is not given", i);
    tg_tape *tape = tensors[0].tape;
    for (int i = 0; i < count; i++) {
        if (tensors[i].tape != tape) return tg_fail(tape, TG_WRONG_TAPE, "tg_run_many: tensor %d belongs to another tape", i);
        if (tg_check_tensor(tensors[i], "tg_run") != TG_OK) return tape->status;
    }
    return TG_OK;
}

tg_status tg_run_many(const tg_tensor tensors[], int count) {
    tg_status status = check_arguments(tensors, count);
    if (status != TG_OK) return status;
    tg_tape *tape = tensors[0].tape;
    if (mark_needed(tape, tensors, count) != TG_OK || check_needed(tape) != TG_OK || collect_writes(tape) != TG_OK) return tape->status;
    write_all(tape);
    open_for_reading(tape, tensors, count);
    tape->executed = true;
    return TG_OK;
}

tg_status tg_run(tg_tensor tensor) { return tg_run_many(&tensor, 1); }
