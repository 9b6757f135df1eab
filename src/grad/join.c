/* join.c - the cotangent of a value that was viewed: the slices' cotangents, one behind the other. */
#include "core/block.h"
#include "grad/walk.h"

#include <stdlib.h>
#include <tapegrad/ops.h>

tg_tensor tg_zeros(tg_tape *tape, int64_t rows, int64_t cols) {
    tg_tensor zero = tg_constant(tape, 0);
    return rows == 1 && cols == 1 ? zero : tg_broadcast_to(zero, rows, cols);
}

/* ---- pieces, and the tensor made of them ---- */

typedef struct pieces {
    tg_tensor *at;
    size_t     count, capacity;
    bool       failed;
} pieces;

static void add_piece(pieces *list, tg_tape *tape, tg_tensor piece) {
    if (!tg_borrow_more(tape, (void **)&list->at, &list->capacity, list->count + 1, sizeof *list->at)) list->failed = true;
    else list->at[list->count++] = piece;
}

static void add_zeros(pieces *list, tg_tape *tape, int64_t count) {
    if (count > 0) add_piece(list, tape, tg_zeros(tape, 1, count));
}

static tg_tensor concat_pieces(pieces *list, tg_tape *tape) {
    tg_tensor result = tg_handle(tape, 0);
    if (list->failed) tg_fail(tape, TG_OUT_OF_MEMORY, "no memory to join the gradients of slices");
    else if (list->count == 1) result = list->at[0];
    else if (list->count > 1) result = tg_concat(list->at, (int)list->count);
    tg_give_back(tape, list->at, list->capacity * sizeof *list->at);
    return result;
}

/* ---- parts that overlap ---- */

static int by_offset(const void *a, const void *b) {
    const tg_part *x = a, *y = b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return (x->next > y->next) - (x->next < y->next);      /* next holds the order of arrival here */
}

/* Copies the parts of a node, in the order of their arrival, and sorts them by offset. */
static size_t sorted_parts(const tg_walk *walk, uint32_t viewed, tg_part **sorted) {
    size_t count = 0;
    for (uint32_t p = walk->last_part[viewed]; p != 0; p = walk->parts[p].next) count++;
    *sorted = tg_borrow(walk->tape, count * sizeof **sorted);
    if (*sorted == NULL) return 0;
    size_t k = count;
    for (uint32_t p = walk->last_part[viewed]; p != 0; p = walk->parts[p].next) {
        (*sorted)[--k]    = walk->parts[p];
        (*sorted)[k].next = p;
    }
    qsort(*sorted, count, sizeof **sorted, by_offset);
    return count;
}

/* The part's elements [begin, end) of the viewed value, as [1, end - begin]. */
static tg_tensor cut(tg_tape *tape, const tg_part *part, int64_t begin, int64_t end) {
    tg_tensor whole = tg_handle(tape, part->cotangent);
    if (begin == part->offset && end - begin == part->count && tg_rows(whole) == 1) return whole;
    return tg_view(whole, begin - part->offset, 1, end - begin);
}

/* Where the next part begins or one of the active ones ends. */
static int64_t next_boundary(const tg_part *part, size_t first, size_t active_end, size_t count, int64_t begin) {
    int64_t end = active_end < count ? part[active_end].offset : INT64_MAX;
    for (size_t i = first; i < active_end; i++) {
        int64_t part_end = part[i].offset + part[i].count;
        if (part_end > begin && part_end < end) end = part_end;
    }
    return end;
}

/* Sum of the active parts over [begin, end), in the order of their arrival; the failed tensor if there are none. */
static tg_tensor sum_active(tg_tape *tape, const tg_part *part, size_t first, size_t active_end, int64_t begin, int64_t end) {
    tg_tensor sum  = tg_handle(tape, 0);
    uint32_t  done = 0;
    for (;;) {
        const tg_part *next = NULL;
        for (size_t i = first; i < active_end; i++)
            if (part[i].offset + part[i].count > begin && part[i].next > done && (next == NULL || part[i].next < next->next)) next = &part[i];
        if (next == NULL) return sum;
        tg_tensor slice = cut(tape, next, begin, end);
        sum             = done == 0 ? slice : tg_add(sum, slice);
        done            = next->next;
    }
}

static void sweep(tg_tape *tape, const tg_part *part, size_t count, int64_t total, pieces *list) {
    size_t  first = 0, active_end = 0;
    int64_t begin = 0;
    while (begin < total && tape->status == TG_OK) {
        while (active_end < count && part[active_end].offset <= begin) active_end++;
        while (first < active_end && part[first].offset + part[first].count <= begin) first++;
        int64_t end = next_boundary(part, first, active_end, count, begin);
        if (end > total) end = total;
        tg_tensor sum = sum_active(tape, part, first, active_end, begin, end);
        if (sum.id != 0) add_piece(list, tape, sum);
        else add_zeros(list, tape, end - begin);
        begin = end;
    }
}

tg_tensor tg_join_parts(tg_walk *walk, uint32_t viewed) {
    tg_tape       *tape  = walk->tape;
    const tg_shape shape = tg_shape_at(tape, viewed);
    tg_part       *part;
    size_t         count = sorted_parts(walk, viewed, &part);
    if (part == NULL) return tg_fail(tape, TG_OUT_OF_MEMORY, "no memory to join the gradients of slices"), tg_handle(tape, 0);
    pieces list = { 0 };
    sweep(tape, part, count, shape.rows * shape.cols, &list);
    tg_give_back(tape, part, count * sizeof *part);
    if (list.count == 0 && !list.failed && tape->status == TG_OK) return tg_zeros(tape, shape.rows, shape.cols);
    tg_tensor joined = concat_pieces(&list, tape);
    if (joined.id == 0 || shape.rows == 1) return joined;
    return tg_view(joined, 0, shape.rows, shape.cols);
}

/* ---- frozen slices ---- */

static int ranges_of(tg_tape *tape, uint32_t id, tg_range **ranges, size_t *bytes) {
    const tg_block *block = tg_leaf_of(tape, id)->block;
    *bytes                = (block->params->variable_count + 1) * sizeof **ranges;
    *ranges               = tg_borrow(tape, *bytes);
    return *ranges != NULL ? tg_live_ranges(block, *ranges) : 0;
}

tg_tensor tg_mask_frozen(tg_tape *tape, uint32_t id, tg_tensor g) {
    const int64_t total = tg_leaf_of(tape, id)->block->count;
    tg_range     *range;
    size_t        bytes;
    int           count = ranges_of(tape, id, &range, &bytes);
    if (range == NULL) return tg_fail(tape, TG_OUT_OF_MEMORY, "no memory for the frozen slices of a gradient"), tg_handle(tape, 0);
    tg_tensor result = g;
    if (count != 1 || range[0].begin != 0 || range[0].end != total) {
        pieces  list = { 0 };
        int64_t end  = 0;
        for (int i = 0; i < count; i++) {
            add_zeros(&list, tape, range[i].begin - end);
            add_piece(&list, tape, tg_view(g, range[i].begin, 1, range[i].end - range[i].begin));
            end = range[i].end;
        }
        add_zeros(&list, tape, total - end);
        result = concat_pieces(&list, tape);
    }
    tg_give_back(tape, range, bytes);
    return result;
}

bool tg_view_is_live(const tg_tape *tape, uint32_t block_id, const tg_view_attributes *view) {
    const tg_block *block = tg_leaf_of(tape, block_id)->block;
    for (size_t i = 0; i < block->params->variable_count; i++) {
        const tg_variable *v = block->params->variables[i];
        if (v->block == block && !v->frozen && v->offset < view->offset + view->rows * view->cols && view->offset < v->offset + v->rows * v->cols)
            return true;
    }
    return false;
}
