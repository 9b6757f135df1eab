/* match.c - rows of the table of fusions whose pattern becomes one node; and finding patterns, for those that become one loop.
 *
 * A pattern is replaced only where what lies inside is read inside alone: else it would be computed twice. */
#include "plan/match.h"

static bool is_on(const tg_compiler *c, size_t row) { return (c->options->passes >> (TG_PASS_COUNT + row) & 1) != 0; }

static bool is_candidate(const tg_compiler *c, size_t row, bool loop) {
    const tg_pattern *p = tg_pattern_at(row);
    if (tg_pattern_is_loop(p) != loop || !is_on(c, row)) return false;
    return loop ? (c->options->type == TG_F64 ? p->fusion.f64 : p->fusion.f32) != NULL : tg_has_kernel(p->fusion.op, c->options->type);
}

bool tg_has_patterns(const tg_compiler *c, bool loops) {
    const size_t count = tg_pattern_count();
    for (size_t row = 0; row < count; row++)
        if (is_candidate(c, row, loops)) return true;
    return false;
}

/* ---- one pattern ---- */

static bool bind(uint32_t *bound, uint32_t id) {
    if (*bound == 0) *bound = id;
    return *bound == id && id != 0;
}

static bool fits_op(const tg_compiler *c, tg_match *m, const tg_pattern_op *p, uint32_t id, unsigned swaps) {
    const tg_record *node = tg_record_of(c->graph, id);
    const bool       swap = p->swap >= 0 && (swaps >> p->swap & 1) != 0;
    if (id == 0 || node->op != p->op || node->input_count != (uint32_t)p->operand_count) return false;
    for (int k = 0; k < p->operand_count; k++) {
        const tg_pattern_operand *operand = &p->operands[swap ? 1 - k : k];
        uint32_t                 *bound   = operand->is_input ? &m->inputs[operand->index] : &m->ops[operand->index];
        if (!bind(bound, tg_inputs_of(c->graph, id)[k])) return false;
    }
    return true;
}

static bool is_first_of(const tg_match *m, int i) {
    for (int k = 0; k < i; k++)
        if (m->ops[k] == m->ops[i]) return false;
    return true;
}

/* How often the nodes of the match read id. */
static uint32_t reads_inside(const tg_compiler *c, const tg_match *m, uint32_t id) {
    uint32_t reads = 0;
    for (int i = 0; i < m->pattern->op_count; i++)
        for (uint32_t k = 0; is_first_of(m, i) && k < c->graph->nodes[m->ops[i]].input_count; k++) reads += tg_inputs_of(c->graph, m->ops[i])[k] == id;
    return reads;
}

static bool is_closed(const tg_compiler *c, const tg_match *m, const uint32_t *readers) {
    for (int i = 0; i < m->pattern->op_count; i++) {
        if (!m->pattern->ops[i].is_result && reads_inside(c, m, m->ops[i]) != readers[m->ops[i]]) return false;
        for (int k = 0; k < m->pattern->input_count; k++)
            if (m->inputs[k] == m->ops[i]) return false;
    }
    return true;
}

/* `start` holds the ops that are known: the root, or all. Users come before operands, so that each op is known when it is its turn. */
static bool match(const tg_compiler *c, const tg_match *start, const uint32_t *readers, tg_match *found) {
    const tg_pattern *p = start->pattern;
    for (unsigned swaps = 0; swaps < 1u << p->swap_count; swaps++) {
        tg_match m    = *start;
        bool     fits = true;
        for (int i = p->op_count; fits && i-- > 0;) fits = fits_op(c, &m, &p->ops[i], m.ops[i], swaps);
        if (!fits || !is_closed(c, &m, readers)) continue;
        *found = m;
        return true;
    }
    return false;
}

void tg_matched_attributes(const tg_compiler *c, const tg_match *m, const void *attributes[TG_PATTERN_OPS]) {
    for (int i = 0; i < m->pattern->op_count; i++) attributes[m->pattern->ops[i].written] = tg_attributes_of(c->graph, m->ops[i]);
}

/* ---- loops ---- */

tg_match tg_match_loop(const tg_compiler *c, const uint32_t steps[], uint32_t count, const uint32_t *readers) {
    const size_t rows = tg_pattern_count();
    tg_match     best = { 0 };
    for (size_t row = 0; row < rows; row++) {
        tg_match start = { .pattern = tg_pattern_at(row) }, found;
        if (!is_candidate(c, row, true) || (uint32_t)start.pattern->op_count > count) continue;
        for (int i = 0; i < start.pattern->op_count; i++) start.ops[i] = steps[i];
        if ((best.pattern == NULL || best.pattern->op_count < start.pattern->op_count) && match(c, &start, readers, &found)) best = found;
    }
    return best;
}

/* ---- nodes ---- */

static bool has_shape(const tg_op *op, const tg_shape inputs[], int count, const void *attributes, tg_shape shape) {
    tg_shape    output = { 0 };
    const char *why    = NULL;
    if ((op->shape != NULL ? op->shape : tg_broadcast_shape)(inputs, count, attributes, &output, &why) != TG_OK) return false;
    return output.rows == shape.rows && output.cols == shape.cols && output.integer == shape.integer;
}

/* The op of the row in place of node id; 0: its shapes or attributes do not fit. */
static uint32_t replace(tg_compiler *c, tg_tape *to, uint32_t id, const tg_match *m) {
    const tg_pattern *p          = m->pattern;
    const tg_op      *op         = p->fusion.op;
    void             *attributes = tg_compiler_room(c, op->attribute_size / 8 + 1, 8);
    const void       *matched[TG_PATTERN_OPS];
    tg_shape          shapes[TG_PATTERN_INPUTS];
    uint32_t          inputs[TG_PATTERN_INPUTS];
    if (attributes == NULL) return tg_tape_fail(to, TG_OUT_OF_MEMORY, "no memory to fuse %s", p->name).id;
    tg_matched_attributes(c, m, matched);
    if (p->fusion.attributes != NULL && !p->fusion.attributes(matched, attributes)) return 0;
    for (int k = 0; k < p->input_count; k++) {
        shapes[k] = tg_shape_at(c->graph, m->inputs[k]);
        inputs[k] = c->map[m->inputs[k]];
    }
    if (!has_shape(op, shapes, p->input_count, attributes, tg_shape_at(c->graph, id))) return 0;
    to->origin = tg_record_of(c->graph, id)->origin;
    return tg_record_node(to, op, inputs, p->input_count, attributes, tg_shape_at(c->graph, id)).id;
}

/* The largest pattern whose root is id, as a node of the new graph; 0: none. */
static uint32_t replaced(tg_compiler *c, tg_tape *to, uint32_t id) {
    const size_t rows = tg_pattern_count();
    for (int size = TG_PATTERN_OPS; size > 0; size--)
        for (size_t row = 0; row < rows && to->status == TG_OK; row++) {
            tg_match start = { .pattern = tg_pattern_at(row) }, found;
            if (start.pattern->op_count != size || !is_candidate(c, row, false)) continue;
            start.ops[size - 1] = id;
            const uint32_t node = match(c, &start, c->reader_counts, &found) ? replace(c, to, id, &found) : 0;
            if (node != 0) return node;
        }
    return 0;
}

static uint32_t rewrite(tg_compiler *c, tg_tape *to, uint32_t id, const uint32_t inputs[]) {
    const uint32_t node = tg_leaf_of(c->graph, id) == NULL ? replaced(c, to, id) : 0;
    return node != 0 || to->status != TG_OK ? node : tg_copy_node(c, to, id, inputs);
}

tg_status tg_match_patterns(tg_compiler *c) {
    if (!tg_has_patterns(c, false)) return TG_OK;
    c->reader_counts = tg_count_readers(c);
    if (c->reader_counts == NULL || tg_rewrite(c, rewrite, false) != TG_OK) return c->tape->status;
    return tg_remove_dead(c);
}
