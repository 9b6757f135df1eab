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

/* Binds what the operands of op i are, given in the order of the pattern or, of an op that commutes, the other way round. */
static bool bind_operands(const tg_compiler *c, tg_match *m, int i, bool swap) {
    const tg_pattern_op *p    = &m->pattern->ops[i];
    const tg_record     *node = tg_record_of(c->graph, m->ops[i]);
    if (node->op != p->op || node->input_count != (uint32_t)p->operand_count) return false;
    for (int k = 0; k < p->operand_count; k++) {
        const tg_pattern_operand *operand = &p->operands[swap ? 1 - k : k];
        uint32_t                 *bound   = operand->is_input ? &m->inputs[operand->index] : &m->ops[operand->index];
        if (!bind(bound, tg_inputs_of(c->graph, m->ops[i])[k])) return false;
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
        for (uint32_t k = 0; is_first_of(m, i) && k < c->graph->nodes[m->ops[i]].input_count; k++)
            reads += tg_inputs_of(c->graph, m->ops[i])[k] == id;
    return reads;
}

/* What is searched: the pattern whose root is known, or, of a loop, the one whose ops are these steps in any order. */
typedef struct search {
    const tg_compiler *c;
    const uint32_t    *readers;
    const uint32_t    *steps;      /* [op_count of the pattern]; NULL: a root */
} search;

static bool is_step(const search *s, const tg_match *m, uint32_t id) {
    for (int i = 0; i < m->pattern->op_count; i++)
        if (s->steps[i] == id) return true;
    return false;
}

static bool is_closed(const search *s, tg_match *m) {
    for (int i = 0; i < m->pattern->op_count; i++) {
        if (s->steps != NULL && !(is_step(s, m, m->ops[i]) && is_first_of(m, i))) return false;
        m->is_read_outside[i] = reads_inside(s->c, m, m->ops[i]) != s->readers[m->ops[i]];
        if (m->is_read_outside[i] && !m->pattern->ops[i].is_result) return false;
        for (int k = 0; k < m->pattern->input_count; k++)
            if (m->inputs[k] == m->ops[i]) return false;
    }
    return true;
}

static bool bind_rest(const search *s, tg_match *m, int i);

static bool bind_from(const search *s, tg_match *m, int i) {
    const bool commutes = (m->pattern->ops[i].op->flags & TG_OP_COMMUTES) != 0 && m->pattern->ops[i].operand_count == 2;
    for (int swap = 0; swap <= (int)commutes; swap++) {
        tg_match attempt = *m;
        if (!bind_operands(s->c, &attempt, i, swap == 1) || !bind_rest(s, &attempt, i - 1)) continue;
        *m = attempt;
        return true;
    }
    return false;
}

/* Ops i and below. Users come before operands, so that an op is known when it is its turn, or is a step that no other one reads. */
static bool bind_rest(const search *s, tg_match *m, int i) {
    if (i < 0) return is_closed(s, m);
    if (m->ops[i] != 0) return bind_from(s, m, i);
    for (int k = 0; k < m->pattern->op_count; k++) {
        tg_match attempt = *m;
        attempt.ops[i]   = s->steps[k];
        if (!bind_from(s, &attempt, i)) continue;
        *m = attempt;
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
    const search s    = { c, readers, steps };
    tg_match     best = { 0 };
    for (size_t row = 0; row < rows; row++) {
        tg_match m = { .pattern = tg_pattern_at(row) };
        if (!is_candidate(c, row, true) || (uint32_t)m.pattern->op_count > count) continue;
        if (best.pattern != NULL && best.pattern->op_count >= m.pattern->op_count) continue;
        if (bind_rest(&s, &m, m.pattern->op_count - 1)) best = m;
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
    const search s    = { c, c->reader_counts, NULL };
    for (int size = TG_PATTERN_OPS; size > 0; size--)
        for (size_t row = 0; row < rows && to->status == TG_OK; row++) {
            tg_match m = { .pattern = tg_pattern_at(row) };
            if (m.pattern->op_count != size || !is_candidate(c, row, false)) continue;
            m.ops[size - 1]     = id;
            const uint32_t node = bind_rest(&s, &m, size - 1) ? replace(c, to, id, &m) : 0;
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
