/* loop.c - steps of a strip that are a row of the table of fusions become one loop. */
#include "plan/emit.h"
#include "plan/match.h"

/* Bytes that a value takes, and whether they move on from block to block. */
typedef struct extent {
    tg_place place;
    size_t   bytes;
    bool     advances;
} extent;

static extent extent_of(const tg_emitter *e, uint32_t id, const tg_cut *cut) {
    const tg_compiler *c        = e->c;
    const int64_t      elements = c->is_register[id] ? cut->block : tg_elements(tg_shape_at(c->graph, id));
    return (extent){ tg_emit_place(e, id), (size_t)elements * tg_type_bytes(e->code->type), cut->blocks > 1 && !c->is_register[id] };
}

static bool meet(const extent *a, const extent *b) {
    return a->place.base == b->place.base && a->place.offset < b->place.offset + b->bytes && b->place.offset < a->place.offset + a->bytes;
}

static bool is_same_extent(const extent *a, const extent *b) {
    return tg_same_place(a->place, b->place) && a->bytes == b->bytes && a->advances == b->advances;
}

/* A result that only the loop itself reads is written where nothing lies: its own memory may be that of a later one. */
static bool is_written(const tg_match *m, int i) { return m->pattern->ops[i].is_result && m->is_read_outside[i]; }

/* One after the other, steps may use memory again; in a loop an output is an input's memory, or apart from everything. */
static bool lies_apart(const tg_emitter *e, const tg_match *m, int output, const tg_cut *cut) {
    const extent own = extent_of(e, m->ops[output], cut);
    for (int k = 0; k < m->pattern->input_count; k++) {
        const extent input = extent_of(e, m->inputs[k], cut);
        if (meet(&own, &input) && !is_same_extent(&own, &input)) return false;
    }
    for (int i = 0; i < output; i++) {
        const extent other = extent_of(e, m->ops[i], cut);
        if (is_written(m, i) && meet(&own, &other)) return false;
    }
    return true;
}

static bool may_loop(const tg_emitter *e, const tg_match *m, const tg_cut *cut) {
    for (int i = 0; i < m->pattern->op_count; i++)
        if (is_written(m, i) && !lies_apart(e, m, i, cut)) return false;
    return true;
}

static void copy_matched_attributes(tg_emitter *e, const tg_match *m) {
    for (int written = 0; written < m->pattern->op_count; written++)
        for (int i = 0; i < m->pattern->op_count; i++)
            if (m->pattern->ops[i].written == written) tg_emit_attributes(e, m->ops[i]);
}

static void add_loop_operand(tg_emitter *e, uint32_t id, tg_shape shape, const tg_cut *cut) {
    size_t           advance = 0;
    const tg_operand operand = tg_emit_cut(e, id, shape, *cut, &advance);
    tg_emit_operand(e, operand, advance, id);
}

/* Room for a block at the end of the arena. */
static void add_unread_result(tg_emitter *e, const tg_cut *cut) {
    tg_plan_code *code = e->code;
    tg_emit_slot(e, TG_SLOT_OPERAND, code->operand_count, (tg_place){ TG_BASE_ARENA, code->arena_bytes });
    tg_emit_operand(e, tg_operand_of(NULL, (tg_shape){ 1, cut->block, false }, false, (tg_shape){ 0 }), 0, 0);
    code->arena_bytes += ((size_t)cut->block * tg_type_bytes(code->type) + TG_ALIGNMENT - 1) / TG_ALIGNMENT * TG_ALIGNMENT;
}

/* Inputs, then results. */
static void add_loop(tg_emitter *e, const tg_match *m, const tg_cut *cut) {
    tg_plan_code     *code = e->code;
    const tg_pattern *p    = m->pattern;
    const uint32_t    last = m->ops[p->op_count - 1];
    const tg_shape    shape = tg_shape_at(e->c->graph, last);
    if (!tg_emit_grow(e, (void **)&code->steps, &code->step_capacity, code->step_count + 1, sizeof *code->steps)) return;
    tg_step step = { .loop = p, .loop_fn = code->type == TG_F64 ? p->fusion.f64 : p->fusion.f32,
                     .node = tg_record_of(e->c->graph, last)->origin, .first_operand = (uint32_t)code->operand_count,
                     .first_attribute = (uint32_t)code->attribute_count };
    step.call = (tg_call){ .rows = 1, .cols = cut->block, .input_count = p->input_count + p->result_count, .row_end = 1, .all_rows = shape.rows };
    step.flat  = true;
    step.width = 1;
    copy_matched_attributes(e, m);
    for (int k = 0; k < p->input_count; k++) add_loop_operand(e, m->inputs[k], shape, cut);
    for (int i = 0; i < p->op_count; i++) {
        if (!p->ops[i].is_result) continue;
        if (is_written(m, i)) add_loop_operand(e, m->ops[i], shape, cut);
        else add_unread_result(e, cut);
    }
    tg_emit_slot(e, TG_SLOT_OUTPUT, code->step_count, tg_emit_place(e, last));
    if (!e->failed) code->steps[code->step_count++] = step;
}

/* Where the first of these steps begin a loop, that; how many steps it stands for. */
uint32_t tg_emit_loop(tg_emitter *e, const uint32_t steps[], uint32_t count, const tg_cut *cut) {
    if (e->readers == NULL || !cut->flat) return 0;
    const tg_match m = tg_match_loop(e->c, steps, count, e->readers);
    if (m.pattern == NULL || !may_loop(e, &m, cut)) return 0;
    add_loop(e, &m, cut);
    return (uint32_t)m.pattern->op_count;
}
