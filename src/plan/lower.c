/* lower.c - the step as a graph: what the executing call needs, with ops that have no kernel as what they expand to. */
#include "op/builtin.h"
#include "plan/compile.h"

#include <string.h>

enum { MOST_EXPANSIONS = 64 };      /* of what an expansion expands to; more is an op that expands to itself */

/* ---- leaves: the plan's list has those of the step, in its order ---- */

static tg_status list_leaf(tg_compiler *c, uint32_t id, const tg_leaf *leaf) {
    tg_plan_code *code = c->code;
    if (leaf->kind == TG_LEAF_CONSTANT) return TG_OK;
    if (!tg_grow((void **)&code->leaves, &code->leaf_capacity, code->leaf_count + 1, sizeof *code->leaves))
        return tg_fail(c->tape, TG_OUT_OF_MEMORY, "no memory to compile a step of %zu nodes", c->tape->length);
    code->leaves[code->leaf_count++] =
        (tg_plan_leaf){ .node = id, .index = tg_record_of(c->tape, id)->inputs[0], .leaf = *leaf, .shape = tg_shape_at(c->tape, id) };
    return TG_OK;
}

uint32_t tg_leaf_number(const tg_compiler *c, uint32_t id) {
    const uint32_t node = tg_record_of(c->graph, id)->origin;
    uint32_t       low = 0, high = (uint32_t)c->code->leaf_count;
    while (low + 1 < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (c->code->leaves[middle].node <= node) low = middle;
        else high = middle;
    }
    return low;
}

/* A leaf that is bound from outside is an input of the run's type, whatever it was. */
static tg_leaf leaf_as_bound(const tg_compiler *c, uint32_t id) {
    tg_leaf leaf = *tg_leaf_of(c->tape, id);
    for (size_t i = 0; i < c->options->bound_count; i++)
        if (c->options->bound[i] == id && leaf.kind != TG_LEAF_I32 && leaf.kind != TG_LEAF_SCALAR)
            leaf.kind = c->options->type == TG_F64 ? TG_LEAF_F64 : TG_LEAF_F32;
    return leaf;
}

static uint32_t copy_leaf(tg_compiler *c, uint32_t id) {
    const tg_leaf leaf = leaf_as_bound(c, id);
    if (list_leaf(c, id, &leaf) != TG_OK) return 0;
    return tg_record_leaf(c->graph, tg_record_of(c->tape, id)->op, tg_shape_at(c->tape, id), &leaf, tg_attributes_of(c->tape, id)).id;
}

/* ---- nodes ---- */

/* An assignment is its value; the walk's header computes nothing. */
static uint32_t copy_from_tape(tg_compiler *c, uint32_t id) {
    tg_tape         *tape = c->tape, *graph = c->graph;
    const tg_record *node   = tg_record_of(tape, id);
    const uint32_t  *inputs = tg_inputs_of(tape, id);
    if (node->op == &tg_gradients_op) return 0;
    if (node->op->flags & TG_OP_ASSIGN) return c->map[inputs[1]];
    graph->origin = id;
    if (tg_leaf_of(tape, id) != NULL) return copy_leaf(c, id);
    uint32_t *mapped = tg_compiler_room(c, node->input_count + 1, sizeof *mapped);
    if (mapped == NULL) return 0;
    for (uint32_t k = 0; k < node->input_count; k++) mapped[k] = c->map[inputs[k]];
    return tg_record_node(graph, node->op, mapped, (int)node->input_count, tg_attributes_of(tape, id), tg_shape_at(tape, id)).id;
}

/* The block's leaf behind what tg_use or tg_use_block returned. */
static uint32_t block_of_target(const tg_tape *tape, uint32_t assign) {
    const uint32_t target = tg_inputs_of(tape, assign)[0];
    return tg_leaf_of(tape, target) != NULL ? target : tg_inputs_of(tape, target)[0];
}

static tg_status copy_needed(tg_compiler *c, const uint8_t *needed) {
    tg_tape *tape = c->tape;
    for (uint32_t id = 1; id < tape->length && tape->status == TG_OK; id++) {
        c->map[id] = needed[id] ? copy_from_tape(c, id) : 0;
        if (c->graph->status != TG_OK) tg_fail(tape, c->graph->status, "compiling: %s", c->graph->sentence);
    }
    for (size_t i = 0; i < c->outcome_count && tape->status == TG_OK; i++) {
        tg_outcome *outcome = &c->outcomes[i];
        outcome->value = c->map[outcome->node];
        if (outcome->kind != TG_WRITE) continue;
        outcome->target = c->map[block_of_target(tape, outcome->node)];
        if (tg_leaf_of(c->graph, outcome->target)->kind != TG_LEAF_BLOCK)
            tg_fail(tape, TG_BAD_ARGUMENT, "v%u assigns to group \"%.100s\", which is an input", outcome->node, outcome->write.block->name);
    }
    return tape->status;
}

/* ---- expansion ---- */

static bool needs_expansion(const tg_compiler *c, uint32_t id) {
    const tg_record *node = tg_record_of(c->graph, id);
    return tg_leaf_of(c->graph, id) == NULL && !(node->op->flags & TG_OP_VIEW) && !tg_has_kernel(node->op, c->options->type);
}

static uint32_t expand(tg_compiler *c, tg_tape *to, uint32_t id, const uint32_t inputs[]) {
    if (!needs_expansion(c, id)) return tg_copy_node(c, to, id, inputs);
    const tg_record *node     = tg_record_of(c->graph, id);
    const tg_op     *op       = node->op;
    tg_tensor       *operands = tg_compiler_room(c, node->input_count + 1, sizeof *operands);
    if (operands == NULL) return tg_tape_fail(to, TG_OUT_OF_MEMORY, "no memory to expand %s", op->name).id;
    if (op->expand == NULL) return tg_tape_fail(to, TG_UNSUPPORTED, "v%u: the op %s has neither a kernel nor an expand", node->origin, op->name).id;
    for (uint32_t k = 0; k < node->input_count; k++) operands[k] = inputs[k] != 0 ? tg_handle(to, inputs[k]) : (tg_tensor){ 0 };
    to->origin = node->origin;
    const size_t         first       = to->length;
    const tg_application application = { .tape = to, .op = op, .inputs = operands, .input_count = (int)node->input_count,
                                         .attributes = tg_attributes_of(c->graph, id) };
    const tg_tensor      result      = op->expand(&application);
    const tg_shape       want = tg_shape_at(c->graph, id), got = tg_shape_of(result);
    if (to->status != TG_OK) return 0;
    if (tg_check_expansion(to, first, op, node->origin) != TG_OK) return 0;
    if (result.tape == to && got.rows == want.rows && got.cols == want.cols) return result.id;
    return tg_tape_fail(to, TG_SHAPE_MISMATCH, "v%u: the expand of %s has another shape than its shape rule says", node->origin, op->name).id;
}

static bool has_expansion(const tg_compiler *c) {
    for (uint32_t id = 1; id < c->graph->length; id++)
        if (needs_expansion(c, id)) return true;
    return false;
}

/* ---- values that are leaves ---- */

static bool is_leaf_or_view_of_one(const tg_tape *graph, uint32_t id) {
    while (tg_leaf_of(graph, id) == NULL && (graph->nodes[id].op->flags & TG_OP_VIEW)) id = tg_inputs_of(graph, id)[0];
    return tg_leaf_of(graph, id) != NULL;
}

static void copy_labels(const tg_call *call) { memcpy(call->output, call->inputs[0].data, (size_t)(call->rows * call->cols) * sizeof(int32_t)); }

static const tg_op copy_labels_op = { .size = sizeof(tg_op), .name = "copy", .arity = 1, .f32 = copy_labels, .f64 = copy_labels, .text = "%0" };

/* What is read afterwards, or written, must not change when the leaf does: it is copied. */
tg_status tg_copy_leaves(tg_compiler *c) {
    for (size_t i = 0; i < c->outcome_count; i++) {
        tg_outcome *outcome = &c->outcomes[i];
        if (outcome->kind == TG_FINITE || outcome->value == 0 || !is_leaf_or_view_of_one(c->graph, outcome->value)) continue;
        const tg_shape shape = tg_shape_at(c->graph, outcome->value);
        c->graph->origin = outcome->node;
        outcome->value   = tg_record_node(c->graph, shape.integer ? &copy_labels_op : &tg_copy_op, &outcome->value, 1, NULL, shape).id;
        if (outcome->value == 0) return tg_fail(c->tape, c->graph->status, "compiling: %s", c->graph->sentence);
    }
    return TG_OK;
}

tg_status tg_lower(tg_compiler *c, const uint8_t *needed) {
    c->graph = tg_new_graph(c);
    if (c->graph == NULL || !tg_grow((void **)&c->map, &c->map_capacity, c->tape->length, sizeof *c->map))
        return tg_fail(c->tape, TG_OUT_OF_MEMORY, "no memory to compile a step of %zu nodes", c->tape->length);
    c->map[0] = 0;
    copy_needed(c, needed);
    for (int i = 0; c->tape->status == TG_OK && has_expansion(c); i++) {
        if (i == MOST_EXPANSIONS) return tg_fail(c->tape, TG_UNSUPPORTED, "compiling: an op expands to itself without end");
        tg_rewrite(c, expand, false);
    }
    return c->tape->status == TG_OK ? tg_copy_leaves(c) : c->tape->status;
}
