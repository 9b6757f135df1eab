/* distribute.c - f(s, concat(x_i), y) as concat(f(s, x_i, view_i(y))), where that lets an update of a block join the products that it is made of.
 *
 * Plain descent on the gradient of a block then adds each weight gradient to its weights without storing it. */
#include "op/builtin.h"
#include "plan/compile.h"

/* Elements of a product from which on it pays (docs/decisions.md): below, one flat strip over all slices is as good as an update for each. */
enum { LEAST_PRODUCT = 256 };

static bool has(const tg_compiler *c, uint32_t id, unsigned flags) { return (c->graph->nodes[id].op->flags & flags) != 0; }

static bool has_large_product(const tg_compiler *c, uint32_t concat, const uint32_t *readers) {
    for (uint32_t k = 0; k < c->graph->nodes[concat].input_count; k++) {
        const uint32_t part = tg_inputs_of(c->graph, concat)[k];
        if (has(c, part, TG_OP_PRODUCT) && readers[part] == 1 && tg_elements(tg_shape_at(c->graph, part)) >= LEAST_PRODUCT) return true;
    }
    return false;
}

static bool is_distributed(const tg_compiler *c, uint32_t id, const uint32_t *readers) {
    if (!has(c, id, TG_OP_ACCUMULATES)) return false;
    const uint32_t concat = tg_inputs_of(c->graph, id)[1];
    return has(c, concat, TG_OP_CONCAT) && readers[concat] == 1 && has_large_product(c, concat, readers);
}

/* The slice of y that part k lies beside: f of both, with the part's shape. */
static uint32_t update_of_part(tg_compiler *c, tg_tape *to, uint32_t id, uint32_t part, int64_t offset, const uint32_t inputs[]) {
    const tg_record         *node  = tg_record_of(c->graph, id);
    const tg_shape           shape = tg_shape_at(c->graph, part);
    const tg_view_attributes view  = { offset, shape.rows, shape.cols };
    const uint32_t           slice = tg_record_node(to, &tg_view_op, &inputs[2], 1, &view, shape).id;
    return tg_record_node(to, node->op, (const uint32_t[]){ inputs[0], c->map[part], slice }, 3, tg_attributes_of(c->graph, id), shape).id;
}

static uint32_t distributed(tg_compiler *c, tg_tape *to, uint32_t id, const uint32_t inputs[]) {
    const uint32_t concat = tg_inputs_of(c->graph, id)[1], count = c->graph->nodes[concat].input_count;
    uint32_t      *parts  = tg_compiler_room(c, count, sizeof *parts);
    int64_t        offset = 0;
    if (parts == NULL) return tg_tape_fail(to, TG_OUT_OF_MEMORY, "no memory to distribute an update").id;
    to->origin = tg_record_of(c->graph, id)->origin;
    for (uint32_t k = 0; k < count; k++) {
        const uint32_t part = tg_inputs_of(c->graph, concat)[k];
        parts[k] = update_of_part(c, to, id, part, offset, inputs);
        offset += tg_elements(tg_shape_at(c->graph, part));
    }
    return tg_record_node(to, &tg_concat_op, parts, (int)count, NULL, tg_shape_at(c->graph, id)).id;
}

static uint32_t rewrite(tg_compiler *c, tg_tape *to, uint32_t id, const uint32_t inputs[]) {
    return is_distributed(c, id, c->reader_counts) ? distributed(c, to, id, inputs) : tg_copy_node(c, to, id, inputs);
}

/* What is left of the concat goes: nothing reads it any more. */
tg_status tg_distribute(tg_compiler *c) {
    c->reader_counts = tg_count_readers(c);
    if (c->reader_counts == NULL || tg_rewrite(c, rewrite, false) != TG_OK) return c->tape->status;
    return tg_remove_dead(c);
}
