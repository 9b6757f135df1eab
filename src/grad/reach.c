/* reach.c - whether y depends on what its gradients are wanted by. A parameter that it does not reach is mostly a mistake, and is named. */
#include "core/block.h"
#include "grad/walk.h"

#include <stdlib.h>

/* Sets reached[id] for every operand, through any op, of y. */
static void mark_reached(const tg_tape *tape, uint32_t y, uint8_t *reached) {
    reached[y] = 1;
    for (uint32_t id = y; id > 0; id--) {
        if (!reached[id]) continue;
        const uint32_t *inputs = tg_inputs_of(tape, id);
        for (uint32_t k = 0; k < tape->nodes[id].input_count; k++) reached[inputs[k]] = 1;
    }
}

static int by_begin(const void *a, const void *b) {
    const tg_range *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

typedef struct slices {
    tg_range *at;
    size_t    count, capacity;
} slices;

/* The slices of a block that nodes reached by y read: views read theirs, any other reader the whole. Ascending by where they begin. */
static tg_status find_slices(tg_tape *tape, uint32_t y, uint32_t block_id, const uint8_t *reached, slices *list) {
    for (uint32_t id = block_id + 1; id <= y; id++) {
        const tg_record *node   = tg_record_of(tape, id);
        const uint32_t  *inputs = tg_inputs_of(tape, id);
        bool             reads  = false;
        for (uint32_t k = 0; k < node->input_count && reached[id]; k++) reads |= inputs[k] == block_id;
        if (!reads) continue;
        if (!tg_borrow_more(tape, (void **)&list->at, &list->capacity, list->count + 1, sizeof *list->at))
            return tg_fail(tape, TG_OUT_OF_MEMORY, "tg_gradients: no memory for the slices of a block");
        const tg_view_attributes *view = node->op->flags & TG_OP_VIEW ? tg_attributes_of(tape, id) : NULL;
        list->at[list->count++] = view != NULL ? (tg_range){ view->offset, view->offset + view->rows * view->cols }
                                               : (tg_range){ 0, tg_leaf_of(tape, block_id)->block->count };
    }
    if (list->count > 0) qsort(list->at, list->count, sizeof *list->at, by_begin);
    return TG_OK;
}

/* Variables lie in ascending order too, so that one pass along both lists finds one that no slice touches. */
static tg_status check_block(tg_tape *tape, uint32_t y, uint32_t block_id, const uint8_t *reached) {
    const tg_block *block = tg_leaf_of(tape, block_id)->block;
    slices          list  = { 0 };
    size_t          next  = 0;
    int64_t         end   = -1;      /* the last one of the slices that begin before the variable ends */
    if (y == block_id) return TG_OK;
    find_slices(tape, y, block_id, reached, &list);
    for (size_t i = 0; i < block->params->variable_count && tape->status == TG_OK; i++) {
        const tg_variable *v = block->params->variables[i];
        if (v->block != block || v->frozen) continue;
        for (; next < list.count && list.at[next].begin < v->offset + v->rows * v->cols; next++)
            end = list.at[next].end > end ? list.at[next].end : end;
        if (end <= v->offset)
            tg_fail(tape, TG_DISCONNECTED, "v%u does not depend on the parameter \"%.200s\"; freeze it, or set allow_unused", y, v->name);
    }
    tg_give_back(tape, list.at, list.capacity * sizeof *list.at);
    return tape->status;
}

tg_status tg_check_reached(tg_tape *tape, uint32_t y, const tg_tensor xs[], int count) {
    uint8_t *reached = tg_borrow(tape, tape->length);
    if (reached == NULL) return tg_fail(tape, TG_OUT_OF_MEMORY, "tg_gradients: no memory for %zu nodes", tape->length);
    mark_reached(tape, y, reached);
    for (int i = 0; i < count && tape->status == TG_OK; i++) {
        const tg_leaf *leaf = tg_leaf_of(tape, xs[i].id);
        if (leaf != NULL && leaf->kind == TG_LEAF_BLOCK && !leaf->block->state) check_block(tape, y, xs[i].id, reached);
        else if (!reached[xs[i].id])
            tg_fail(tape, TG_DISCONNECTED, "v%u does not depend on v%u (%s%s%s); set allow_unused if its gradient is to be zero", y, xs[i].id,
                    tape->nodes[xs[i].id].op->name, tg_name_of(tape, xs[i].id)[0] != '\0' ? " " : "", tg_name_of(tape, xs[i].id));
    }
    tg_give_back(tape, reached, tape->length);
    return tape->status;
}
