/* leaves.c - the leaves of a loss, found by walking its operands. */
#include "check/leaves.h"
#include "core/util.h"

#include <inttypes.h>
#include <string.h>
#include <tapegrad/op.h>

/* How loss depends on a node. */
enum { READ = 1, STOPPED = 2 };

typedef struct finder {
    tg_tape     *tape;
    uint32_t     loss;
    uint8_t     *reached;      /* [loss + 1] by node */
    const tg_op *stop;
    tg_leaves   *leaves;
} finder;

static tg_status no_memory(const finder *f) {
    return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_gradcheck: no memory for %" PRIu32 " nodes", f->loss);
}

/* How loss depends on the operands of a node. */
static uint8_t passed_on(const finder *f, uint32_t id, const tg_node *node) {
    return f->reached[id] == 0 ? 0 : (uint8_t)(f->reached[id] | (node->op == f->stop ? STOPPED : 0));
}

static tg_status mark_reached(finder *f) {
    tg_node node;
    f->reached[f->loss] = READ;
    for (uint32_t id = f->loss; id > 0; id--) {
        if (f->reached[id] == 0) continue;
        if (tg_node_at(f->tape, id, &node) != TG_OK) return TG_BUG;
        if (node.op->flags & TG_OP_ASSIGN)
            return tg_fail_thread(TG_UNSUPPORTED, "tg_gradcheck: v%" PRIu32 " is made of the assignment v%" PRIu32 ", which a check must not make",
                                  f->loss, id);
        for (int k = 0; k < node.input_count; k++) f->reached[node.inputs[k]] |= passed_on(f, id, &node);
    }
    return TG_OK;
}

/* ---- parts ---- */

static tg_status add_part(finder *f, const tg_leaf_part *part) {
    tg_leaves *l = f->leaves;
    if (!tg_grow((void **)&l->parts, &l->part_capacity, (size_t)l->part_count + 1, sizeof *l->parts)) return no_memory(f);
    l->parts[l->part_count++] = *part;
    return TG_OK;
}

/* Its number among the inputs of the plan. */
static tg_status add_input(finder *f, uint32_t id, int *number) {
    tg_leaves *l = f->leaves;
    if (!tg_grow((void **)&l->inputs, &l->input_capacity, (size_t)l->input_count + 1, sizeof *l->inputs)) return no_memory(f);
    *number                     = l->input_count;
    l->inputs[l->input_count++] = tg_tensor_at(f->tape, id);
    return TG_OK;
}

static const char through_a_stop[] = "loss depends on it through tg_stop too";

static tg_status add_whole_input(finder *f, uint32_t id, const tg_node *node) {
    tg_leaf_part part = { .input = -1, .rows = node->shape.rows, .cols = node->shape.cols };
    if (node->name[0] != '\0') snprintf(part.name, sizeof part.name, "%s", node->name);
    else snprintf(part.name, sizeof part.name, "v%" PRIu32 " = %s", id, node->op->name);
    if (f->reached[id] & STOPPED) part.why = through_a_stop;
    else if (add_input(f, id, &part.input) != TG_OK) return TG_OUT_OF_MEMORY;
    return add_part(f, &part);
}

static bool meets(const tg_node *node, const tg_slice *slice) {
    const tg_view_attributes *view = node->op->flags & TG_OP_VIEW ? node->attributes : NULL;
    return view == NULL || (view->offset < slice->offset + slice->rows * slice->cols && slice->offset < view->offset + view->rows * view->cols);
}

/* How loss depends on a variable: through the views that touch it, and through what reads its block as a whole. */
static uint8_t dependence_on(const finder *f, uint32_t block, const tg_slice *slice) {
    tg_node node;
    uint8_t how = block == f->loss ? READ : 0;
    for (uint32_t id = block + 1; id <= f->loss; id++) {
        if (f->reached[id] == 0 || tg_node_at(f->tape, id, &node) != TG_OK) continue;
        for (int k = 0; k < node.input_count; k++)
            if (node.inputs[k] == block && meets(&node, slice)) how |= passed_on(f, id, &node);
    }
    return how;
}

static tg_status add_variables(finder *f, uint32_t block) {
    tg_slice slice;
    int      number = -1;
    for (int i = 0; tg_slice_at(f->tape, block, i, &slice); i++) {
        const uint8_t how  = dependence_on(f, block, &slice);
        tg_leaf_part  part = { .input = -1, .offset = slice.offset, .rows = slice.rows, .cols = slice.cols };
        if (how == 0) continue;
        snprintf(part.name, sizeof part.name, "%s", slice.name);
        if (slice.frozen) part.why = "it is frozen";
        else if (how & STOPPED) part.why = through_a_stop;
        else if (number < 0 && add_input(f, block, &number) != TG_OK) return TG_OUT_OF_MEMORY;
        if (part.why == NULL) part.input = number;
        if (add_part(f, &part) != TG_OK) return TG_OUT_OF_MEMORY;
    }
    return TG_OK;
}

static tg_status add_leaves(finder *f) {
    tg_node   node;
    tg_slice  slice;
    tg_status status = TG_OK;
    for (uint32_t id = 1; id <= f->loss && status == TG_OK; id++) {
        if (f->reached[id] == 0 || tg_node_at(f->tape, id, &node) != TG_OK || node.input_count > 0) continue;
        if (tg_slice_at(f->tape, id, 0, &slice)) status = add_variables(f, id);
        else if (strcmp(node.op->name, "input") == 0 || strcmp(node.op->name, "scalar_input") == 0) status = add_whole_input(f, id, &node);
    }
    return status;
}

/* ---- values ---- */

static size_t elements_of(tg_tensor tensor) { return (size_t)(tg_rows(tensor) * tg_cols(tensor)); }

static tg_status read_values(finder *f) {
    tg_leaves *l = f->leaves;
    for (int i = 0; i < l->input_count; i++) l->element_count += elements_of(l->inputs[i]);
    l->value_bytes = (size_t)l->input_count * sizeof *l->values;
    l->values      = tg_allocate(l->value_bytes);
    l->elements    = tg_allocate(l->element_count * sizeof *l->elements);
    if (l->values == NULL || l->elements == NULL)
        return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_gradcheck: no memory for %zu numbers", l->element_count);
    size_t used = 0;
    for (int i = 0; i < l->input_count; used += elements_of(l->inputs[i++])) l->values[i] = l->elements + used;
    return tg_look(l->inputs, l->input_count, l->values);
}

tg_status tg_find_leaves(tg_tensor loss, tg_leaves *leaves) {
    finder f = { .tape = loss.tape, .loss = loss.id, .stop = tg_op_find("stop"), .leaves = leaves };
    *leaves  = (tg_leaves){ 0 };
    f.reached = tg_allocate((size_t)loss.id + 1);
    if (f.reached == NULL) return no_memory(&f);
    tg_status status = mark_reached(&f);
    if (status == TG_OK) status = add_leaves(&f);
    tg_release(f.reached, (size_t)loss.id + 1);
    return status == TG_OK && leaves->input_count > 0 ? read_values(&f) : status;
}

void tg_release_leaves(tg_leaves *leaves) {
    tg_release(leaves->inputs, leaves->input_capacity * sizeof *leaves->inputs);
    tg_release(leaves->parts, leaves->part_capacity * sizeof *leaves->parts);
    tg_release(leaves->values, leaves->value_bytes);
    tg_release(leaves->elements, leaves->element_count * sizeof *leaves->elements);
    *leaves = (tg_leaves){ 0 };
}
