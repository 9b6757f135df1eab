/* rules.c - what holds for every executor: what an executing call needs, what must hold before it writes, and what it writes. */
#include "core/block.h"
#include "plan/execute.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is needed: the ancestors of the arguments and of what is kept ---- */

void tg_mark_needed(const tg_tape *tape, const tg_tensor tensors[], int count, const tg_ids *kept, uint8_t *needed) {
    memset(needed, 0, tape->length);
    for (int i = 0; i < count; i++) needed[tensors[i].id] = 1;
    for (size_t i = 0; kept != NULL && i < kept->count; i++) needed[kept->at[i]] = 1;
    for (size_t id = tape->length; id-- > 1;) {
        if (!needed[id]) continue;
        const uint32_t *inputs = tg_inputs_of(tape, (uint32_t)id);
        for (uint32_t k = 0; k < tape->nodes[id].input_count; k++) needed[inputs[k]] = 1;
    }
    needed[0] = 0;
}

/* ---- what must hold before anything is written ---- */

bool tg_overlap(const void *a, size_t a_bytes, const void *b, size_t b_bytes) {
    const uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;
    return a_bytes > 0 && b_bytes > 0 && x < y + b_bytes && y < x + a_bytes;
}

size_t tg_input_bytes(const tg_leaf *leaf, tg_shape shape) {
    const size_t element = leaf->kind == TG_LEAF_F32 || leaf->kind == TG_LEAF_I32 ? 4 : 8;
    return (size_t)(shape.rows * shape.cols) * element;
}

tg_status tg_check_outside(tg_tape *tape, uint32_t id, const tg_leaf *input, const void *memory, size_t bytes) {
    if (!tg_overlap(input->data, tg_input_bytes(input, tg_shape_at(tape, id)), memory, bytes)) return TG_OK;
    return tg_fail(tape, TG_OVERLAP, "v%u: the input lies in memory of the tape; copy it first", id);
}

tg_status tg_check_input(tg_tape *tape, uint32_t id, const tg_leaf *input) {
    const size_t bytes = tg_input_bytes(input, tg_shape_at(tape, id));
    for (size_t i = 0; i < tape->leaf_count; i++) {
        const tg_block *block = tape->leaves[i].kind == TG_LEAF_BLOCK ? tape->leaves[i].block : NULL;
        if (block != NULL && tg_overlap(input->data, bytes, block->data, block->bytes))
            return tg_fail(tape, TG_OVERLAP, "v%u: the input lies in the variables of group \"%.100s\"", id, block->name);
    }
    return TG_OK;
}

tg_status tg_check_version(tg_tape *tape, uint32_t id, const tg_leaf *leaf) {
    if (leaf->version == leaf->block->version) return TG_OK;
    return tg_fail(tape, TG_STALE, "v%u: group \"%.100s\" was written or frozen since; call tg_use or tg_use_block again", id, leaf->block->name);
}

tg_status tg_describe_finite(char sentence[TG_SENTENCE], uint32_t id, const char *op, const char *name, const void *value, tg_shape shape,
                             tg_type type) {
    for (int64_t i = 0; i < shape.rows * shape.cols && !shape.integer; i++) {
        const double element = type == TG_F64 ? ((const double *)value)[i] : (double)((const float *)value)[i];
        if (isfinite(element)) continue;
        snprintf(sentence, TG_SENTENCE, "v%u = %s%s%s is %g at row %" PRId64 ", column %" PRId64, id, op, name[0] != '\0' ? ", " : "", name, element,
                 i / shape.cols, i % shape.cols);
        return TG_NOT_FINITE;
    }
    return TG_OK;
}

tg_status tg_check_finite(tg_tape *tape, uint32_t id, const void *value, tg_type type) {
    char            sentence[TG_SENTENCE];
    const tg_status status = tg_describe_finite(sentence, id, tape->nodes[id].op->name, tg_name_of(tape, id), value, tg_shape_at(tape, id), type);
    return status == TG_OK ? TG_OK : tg_fail(tape, status, "%s", sentence);
}

/* ---- expansions ---- */

tg_status tg_check_expansion(tg_tape *expansion, size_t first, const tg_op *op, uint32_t id) {
    for (size_t i = first; i < expansion->length; i++) {
        const tg_leaf *leaf = tg_leaf_of(expansion, (uint32_t)i);
        if (leaf != NULL && leaf->kind != TG_LEAF_CONSTANT)
            return tg_fail(expansion, TG_UNSUPPORTED, "v%" PRIu32 ": what %s expands to has data of its own; give it as an operand", id, op->name);
    }
    return TG_OK;
}

/* ---- integer operands ---- */

tg_status tg_limit_of(tg_tape *tape, uint32_t id, int64_t *limit) {
    const tg_record *node   = tg_record_of(tape, id);
    const uint32_t  *inputs = tg_inputs_of(tape, id);
    *limit = INT64_MAX;
    if (node->op->limit == NULL) return TG_OK;
    const size_t bytes  = node->input_count * sizeof(tg_shape);
    tg_shape    *shapes = tg_allocate(bytes);
    if (shapes == NULL) return tg_fail(tape, TG_OUT_OF_MEMORY, "v%u: no memory for the shapes of its operands", id);
    for (uint32_t k = 0; k < node->input_count; k++) shapes[k] = inputs[k] != 0 ? tg_shape_at(tape, inputs[k]) : (tg_shape){ -1, -1, false };
    *limit = node->op->limit(shapes, (int)node->input_count, tg_attributes_of(tape, id));
    tg_release(shapes, bytes);
    return TG_OK;
}

tg_status tg_describe_labels(char sentence[TG_SENTENCE], uint32_t id, const char *op, const int32_t *labels, tg_shape shape, int64_t limit) {
    for (int64_t i = 0; i < shape.rows * shape.cols; i++) {
        if (labels[i] >= 0 && labels[i] < limit) continue;
        snprintf(sentence, TG_SENTENCE, "v%u = %s: label %" PRId32 " in row %" PRId64 " is not in [0, %" PRId64 ")", id, op, labels[i],
                 shape.cols > 0 ? i / shape.cols : 0, limit);
        return TG_OUT_OF_RANGE;
    }
    return TG_OK;
}

tg_status tg_check_labels(tg_tape *tape, uint32_t id, const int32_t *labels, tg_shape shape, int64_t limit) {
    char            sentence[TG_SENTENCE];
    const tg_status status = tg_describe_labels(sentence, id, tape->nodes[id].op->name, labels, shape, limit);
    return status == TG_OK ? TG_OK : tg_fail(tape, status, "%s", sentence);
}

/* ---- writes ---- */

static tg_status add_write(tg_tape *tape, tg_writes *writes, tg_write write) {
    if (!tg_grow((void **)&writes->at, &writes->capacity, writes->count + 1, sizeof *writes->at))
        return tg_fail(tape, TG_OUT_OF_MEMORY, "v%u: no memory for another assignment", write.assign);
    writes->at[writes->count++] = write;
    return TG_OK;
}

/* A block is written in its live ranges, so that frozen variables and the zeros between stay as they are. */
static tg_status add_block_writes(tg_tape *tape, tg_writes *writes, uint32_t id, tg_block *block) {
    const size_t bytes = (block->params->variable_count + 1) * sizeof(tg_range);
    tg_range    *range = tg_allocate(bytes);
    if (range == NULL) return tg_fail(tape, TG_OUT_OF_MEMORY, "v%u: no memory for an assignment", id);
    const int count = tg_live_ranges(block, range);
    for (int i = 0; i < count && tape->status == TG_OK; i++)
        add_write(tape, writes, (tg_write){ block, range[i].begin, range[i].end, id, range[i].begin });
    tg_release(range, bytes);
    return tape->status;
}

static tg_status add_assign(tg_tape *tape, tg_writes *writes, uint32_t id) {
    const uint32_t target = tg_inputs_of(tape, id)[0];
    const tg_leaf *leaf   = tg_leaf_of(tape, target);
    if (leaf != NULL && leaf->kind == TG_LEAF_BLOCK) return add_block_writes(tape, writes, id, leaf->block);
    const tg_leaf *viewed = tg_record_of(tape, target)->op->flags & TG_OP_VIEW ? tg_leaf_of(tape, tg_inputs_of(tape, target)[0]) : NULL;
    if (viewed == NULL || viewed->kind != TG_LEAF_BLOCK)
        return tg_fail(tape, TG_BAD_ARGUMENT, "v%u assigns to v%u, which is no variable", id, target);
    const tg_view_attributes *view = tg_attributes_of(tape, target);
    return add_write(tape, writes, (tg_write){ viewed->block, view->offset, view->offset + view->rows * view->cols, id, 0 });
}

/* Blocks in the order of their addresses, for grouping alone: nothing computed depends on it. */
static int by_place(const void *a, const void *b) {
    const tg_write *x = a, *y = b;
    if (x->block != y->block) return (uintptr_t)x->block < (uintptr_t)y->block ? -1 : 1;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->assign > y->assign) - (x->assign < y->assign);
}

tg_status tg_collect_writes(tg_tape *tape, const uint8_t *needed, tg_writes *writes) {
    writes->count = 0;
    for (uint32_t id = 1; id < tape->length; id++)
        if (needed[id] && (tape->nodes[id].op->flags & TG_OP_ASSIGN) && add_assign(tape, writes, id) != TG_OK) return tape->status;
    if (writes->count > 1) qsort(writes->at, writes->count, sizeof *writes->at, by_place);
    for (size_t i = 1; i < writes->count; i++) {
        const tg_write *a = &writes->at[i - 1], *b = &writes->at[i];
        if (a->block == b->block && b->begin < a->end)
            return tg_fail(tape, TG_WRITTEN_TWICE, "v%u and v%u both assign to element %" PRId64 " of group \"%.100s\"", a->assign, b->assign,
                           b->begin, a->block->name);
    }
    return TG_OK;
}
