/* simplify.c - each op's own algebra: x * 1 is x. What an op knows stands in its descriptor. */
#include "plan/compile.h"

enum { MOST_ROUNDS = 8 };

/* What the node may be instead; TG_NONE: itself. */
static tg_tensor simpler(tg_compiler *c, tg_tape *graph, uint32_t id) {
    const tg_record *node = tg_record_of(graph, id);
    const tg_op     *op   = node->op;
    if (op->simplify == NULL) return (tg_tensor){ 0 };
    const uint32_t *inputs   = tg_inputs_of(graph, id);
    const size_t    words    = (op->attribute_size + 7) / 8;
    tg_tensor      *operands = tg_compiler_room(c, node->input_count + 1, sizeof *operands);
    uint64_t       *copy     = tg_compiler_room(c, words + 1, sizeof *copy);      /* the op records, so the graph's own may move */
    if (operands == NULL || copy == NULL) return tg_tape_fail(graph, TG_OUT_OF_MEMORY, "no memory to simplify %s", op->name);
    for (uint32_t k = 0; k < node->input_count; k++) operands[k] = inputs[k] != 0 ? tg_handle(graph, inputs[k]) : (tg_tensor){ 0 };
    for (size_t i = 0; i < words; i++) copy[i] = ((const uint64_t *)tg_attributes_of(graph, id))[i];
    const tg_application application = {
        .tape = graph, .op = op, .inputs = operands, .input_count = (int)node->input_count, .output = tg_handle(graph, id), .attributes = copy
    };
    return op->simplify(&application);
}

static bool has_shape_of(tg_tensor tensor, tg_shape shape) {
    const tg_shape s = tg_shape_of(tensor);
    return s.rows == shape.rows && s.cols == shape.cols && s.integer == shape.integer;
}

static uint32_t simplify(tg_compiler *c, tg_tape *to, uint32_t id, const uint32_t inputs[]) {
    const tg_shape shape = tg_shape_at(c->graph, id);
    uint32_t       now   = tg_copy_node(c, to, id, inputs);
    for (int i = 0; i < MOST_ROUNDS && to->status == TG_OK; i++) {
        const tg_tensor next = simpler(c, to, now);
        if (next.tape == NULL || next.id == now) break;
        if (next.tape != to || !has_shape_of(next, shape))
            return tg_tape_fail(to, TG_BUG, "simplify of %s gives another shape", tg_record_of(to, now)->op->name).id;
        now = next.id;
    }
    return now;
}

tg_status tg_simplify(tg_compiler *c) { return tg_rewrite(c, simplify, false) == TG_OK ? tg_copy_leaves(c) : c->tape->status; }
