/* emit.c - instructions: each group as calls of kernels, with pointers that are set when bases are known. */
#include "kernel/denormals.h"
#include "plan/match.h"

#include <stdlib.h>
#include <string.h>

/* A pointer of the code by its number, while the lists still grow. */
enum { TG_SUM_STATE = 64 };      /* numbers that a sum keeps from part to part */

typedef enum slot_kind { SLOT_OPERAND, SLOT_OUTPUT, SLOT_FACTOR, SLOT_ADDED, SLOT_TO, SLOT_FROM } slot_kind;

typedef struct slot {
    slot_kind kind;
    uint32_t  number;      /* of the operand, step or instruction */
    tg_place  place;
} slot;

typedef struct emitter {
    tg_compiler  *c;
    tg_plan_code *code;
    slot         *slots;
    size_t        slot_count, slot_capacity;
    uint32_t     *draws;      /* by node of the tape: its number among the draws of the step */
    uint32_t     *readers;    /* by node of the graph: how many it has; NULL: there are no loops to look for */
    bool          failed;
} emitter;

static bool grow(emitter *e, void **list, size_t *capacity, size_t needed, size_t bytes) {
    if (!e->failed && tg_grow(list, capacity, needed, bytes)) return true;
    e->failed = true;
    return false;
}

static void add_slot(emitter *e, slot_kind kind, size_t number, tg_place place) {
    if (grow(e, (void **)&e->slots, &e->slot_capacity, e->slot_count + 1, sizeof *e->slots))
        e->slots[e->slot_count++] = (slot){ kind, (uint32_t)number, place };
}

static tg_place place_of(const emitter *e, uint32_t id) {
    const tg_root  root = tg_root_of(e->c, id);
    const tg_leaf *leaf = tg_leaf_of(e->c->graph, root.node);
    const size_t   element = leaf != NULL && leaf->kind == TG_LEAF_I32 ? sizeof(int32_t) : tg_type_bytes(e->code->type);
    tg_place       place   = e->c->places[root.node];
    place.offset += (size_t)root.offset * element;
    return place;
}

static size_t element_of(const emitter *e, uint32_t id) {
    return tg_shape_at(e->c->graph, id).integer ? sizeof(int32_t) : tg_type_bytes(e->code->type);
}

static bool same_place(tg_place a, tg_place b) { return a.base == b.base && a.offset == b.offset; }

/* ---- instructions ---- */

static tg_instruction *add_instruction(emitter *e, tg_instruction instruction) {
    tg_plan_code *code = e->code;
    if (!grow(e, (void **)&code->instructions, &code->instruction_capacity, code->instruction_count + 1, sizeof *code->instructions)) return NULL;
    code->instructions[code->instruction_count] = instruction;
    if (instruction.kind >= TG_DO_COPY && instruction.kind != TG_DO_POISON) code->other_count++;
    return &code->instructions[code->instruction_count++];
}

static void add_copy(emitter *e, tg_place to, tg_type to_type, tg_place from, tg_type from_type, int64_t count, uint32_t node) {
    if (count == 0 || (same_place(to, from) && to_type == from_type)) return;
    add_slot(e, SLOT_TO, e->code->instruction_count, to);
    add_slot(e, SLOT_FROM, e->code->instruction_count, from);
    add_instruction(e, (tg_instruction){ .kind = TG_DO_COPY, .count = count, .to_type = to_type, .from_type = from_type, .node = node });
}

static void add_check(emitter *e, tg_instruction check, uint32_t id) {
    add_slot(e, SLOT_FROM, e->code->instruction_count, place_of(e, id));
    check.shape = tg_shape_at(e->c->graph, id);
    check.count = tg_elements(check.shape);
    check.op    = tg_record_of(e->c->tape, check.node)->op;
    add_instruction(e, check);
}

/* ---- steps ---- */

/* How an operand of a strip lies, and how far it goes from block to block. */
static tg_operand cut_operand(const emitter *e, uint32_t id, tg_shape output, tg_cut cut, size_t *advance) {
    const tg_compiler *c       = e->c;
    const tg_shape     s       = tg_shape_at(c->graph, id);
    const bool         full    = s.rows == output.rows && s.cols == output.cols;
    const size_t       element = element_of(e, id);
    *advance = 0;
    if (cut.flat) {
        const tg_shape block = { 1, full ? cut.block : 1, false };
        if (full && !c->is_register[id]) *advance = (size_t)cut.block * element;
        tg_operand operand = tg_operand_of(NULL, block, true, (tg_shape){ 1, cut.block, false });
        operand.integer    = s.integer;
        if (!full) operand.col_stride = cut.block == 1 ? 1 : 0;
        return operand;
    }
    tg_operand operand = tg_operand_of(NULL, s, true, output);
    if (s.rows == output.rows) {
        operand.rows = cut.block;
        if (!c->is_register[id] && output.rows > 1) *advance = (size_t)(cut.block * s.cols) * element;
    }
    return operand;
}

static void add_operand(emitter *e, tg_operand operand, size_t advance, uint32_t id) {
    tg_plan_code *code = e->code;
    if (!grow(e, (void **)&code->operands, &code->operand_capacity, code->operand_count + 1, sizeof *code->operands) ||
        !grow(e, (void **)&code->advances, &code->advance_capacity, code->operand_count + 1, sizeof *code->advances))
        return;
    if (id != 0) add_slot(e, SLOT_OPERAND, code->operand_count, place_of(e, id));
    code->advances[code->operand_count] = advance;
    code->operands[code->operand_count++] = operand;
}

static uint32_t copy_attributes(emitter *e, uint32_t id) {
    tg_plan_code *code  = e->code;
    const size_t  words = (tg_record_of(e->c->graph, id)->op->attribute_size + 7) / 8, first = code->attribute_count;
    if (words > 0 && grow(e, (void **)&code->attributes, &code->attribute_capacity, first + words, sizeof *code->attributes)) {
        memcpy(&code->attributes[first], tg_attributes_of(e->c->graph, id), words * sizeof *code->attributes);
        code->attribute_count += words;
    }
    return (uint32_t)first;
}

/* The step of node id, with its value where that of `output` lies; cut NULL: the whole value in one call. */
static void add_step(emitter *e, uint32_t id, uint32_t output, const tg_cut *cut) {
    tg_compiler     *c      = e->c;
    tg_plan_code    *code   = e->code;
    const tg_record *node   = tg_record_of(c->graph, id);
    const tg_op     *op     = node->op;
    const tg_shape   shape  = tg_shape_at(c->graph, id);
    const uint32_t  *inputs = tg_inputs_of(c->graph, id);
    const bool       summed = (op->flags & TG_OP_ROW_SUM) != 0 && node->input_count > 0;
    if (!grow(e, (void **)&code->steps, &code->step_capacity, code->step_count + 1, sizeof *code->steps)) return;
    tg_step step = { .op = op, .kernel = code->type == TG_F64 ? op->f64 : op->f32, .node = node->origin, .first_operand = (uint32_t)code->operand_count,
                     .first_attribute = copy_attributes(e, id) };
    step.call = (tg_call){ .rows = shape.rows, .cols = shape.cols, .input_count = (int)node->input_count, .row_end = shape.rows,
                           .all_rows = summed ? tg_shape_at(c->graph, inputs[0]).rows : shape.rows,
                           .all_cols = summed ? tg_shape_at(c->graph, inputs[0]).cols : shape.cols, .draw = op->flags & TG_OP_RANDOM ? e->draws[node->origin] : 0 };
    step.is_sum = cut != NULL && !(op->flags & TG_OP_ELEMENTWISE);
    const bool     moves = cut != NULL && !step.is_sum;
    const tg_shape whole = step.is_sum ? tg_shape_at(c->graph, inputs[0]) : shape;      /* of the strip */
    if (moves && cut->flat) step.call.rows = step.call.row_end = 1, step.call.cols = cut->block;
    if (moves && !cut->flat) step.call.rows = step.call.row_end = cut->block;
    if (moves && !c->is_register[id]) step.output_advance = (size_t)(cut->block * (cut->flat ? 1 : shape.cols)) * element_of(e, id);
    if (step.is_sum && cut->blocks > 1) code->state_count += TG_SUM_STATE;
    for (uint32_t k = 0; k < node->input_count; k++) {
        size_t     advance = 0;
        tg_operand operand = { .rows = -1, .cols = -1 };
        if (inputs[k] != 0) operand = cut != NULL ? cut_operand(e, inputs[k], whole, *cut, &advance)
                                                  : tg_operand_of(NULL, tg_shape_at(c->graph, inputs[k]), (op->flags & TG_OP_ELEMENTWISE) != 0, shape);
        add_operand(e, operand, advance, inputs[k]);
    }
    add_slot(e, SLOT_OUTPUT, code->step_count, place_of(e, output));
    if (op->flags & TG_OP_RANDOM) code->has_draws = true;
    if (!e->failed) code->steps[code->step_count++] = step;
}

/* Steps that run once are gathered in one instruction. */
static void add_single_steps(emitter *e, size_t first) {
    tg_plan_code   *code = e->code;
    tg_instruction *last = code->instruction_count > 0 ? &code->instructions[code->instruction_count - 1] : NULL;
    if (e->failed || code->step_count == first) return;
    if (last != NULL && last->kind == TG_DO_STEPS) last->step_count += (uint32_t)(code->step_count - first);
    else add_instruction(e, (tg_instruction){ .kind = TG_DO_STEPS, .first_step = (uint32_t)first, .step_count = (uint32_t)(code->step_count - first) });
}

/* ---- loops: steps that are a row of the table of fusions ---- */

/* Bytes that a value takes, and whether they move on from block to block. */
typedef struct extent {
    tg_place place;
    size_t   bytes;
    bool     advances;
} extent;

static extent extent_of(const emitter *e, uint32_t id, const tg_cut *cut) {
    const tg_compiler *c        = e->c;
    const int64_t      elements = c->is_register[id] ? cut->block : tg_elements(tg_shape_at(c->graph, id));
    return (extent){ place_of(e, id), (size_t)elements * tg_type_bytes(e->code->type), cut->blocks > 1 && !c->is_register[id] };
}

static bool meet(const extent *a, const extent *b) {
    return a->place.base == b->place.base && a->place.offset < b->place.offset + b->bytes && b->place.offset < a->place.offset + a->bytes;
}

static bool is_same_extent(const extent *a, const extent *b) {
    return same_place(a->place, b->place) && a->bytes == b->bytes && a->advances == b->advances;
}

/* A result that only the loop itself reads is written where nothing lies: its own memory may be that of a later one. */
static bool is_written(const tg_match *m, int i) { return m->pattern->ops[i].is_result && m->is_read_outside[i]; }

/* One after the other, steps may use memory again; in a loop an output is an input's memory, or apart from everything. */
static bool lies_apart(const emitter *e, const tg_match *m, int output, const tg_cut *cut) {
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

static bool may_loop(const emitter *e, const tg_match *m, const tg_cut *cut) {
    for (int i = 0; i < m->pattern->op_count; i++)
        if (is_written(m, i) && !lies_apart(e, m, i, cut)) return false;
    return true;
}

static void copy_matched_attributes(emitter *e, const tg_match *m) {
    for (int written = 0; written < m->pattern->op_count; written++)
        for (int i = 0; i < m->pattern->op_count; i++)
            if (m->pattern->ops[i].written == written) copy_attributes(e, m->ops[i]);
}

static void add_loop_operand(emitter *e, uint32_t id, tg_shape shape, const tg_cut *cut) {
    size_t           advance = 0;
    const tg_operand operand = cut_operand(e, id, shape, *cut, &advance);
    add_operand(e, operand, advance, id);
}

/* Room for a block at the end of the arena. */
static void add_unread_result(emitter *e, const tg_cut *cut) {
    tg_plan_code *code = e->code;
    add_slot(e, SLOT_OPERAND, code->operand_count, (tg_place){ TG_BASE_ARENA, code->arena_bytes });
    add_operand(e, tg_operand_of(NULL, (tg_shape){ 1, cut->block, false }, false, (tg_shape){ 0 }), 0, 0);
    code->arena_bytes += ((size_t)cut->block * tg_type_bytes(code->type) + TG_ALIGNMENT - 1) / TG_ALIGNMENT * TG_ALIGNMENT;
}

/* Inputs, then results. */
static void add_loop(emitter *e, const tg_match *m, const tg_cut *cut) {
    tg_plan_code     *code = e->code;
    const tg_pattern *p    = m->pattern;
    const uint32_t    last = m->ops[p->op_count - 1];
    const tg_shape    shape = tg_shape_at(e->c->graph, last);
    if (!grow(e, (void **)&code->steps, &code->step_capacity, code->step_count + 1, sizeof *code->steps)) return;
    tg_step step = { .op = p->ops[p->op_count - 1].op, .loop = p, .loop_fn = code->type == TG_F64 ? p->fusion.f64 : p->fusion.f32,
                     .node = tg_record_of(e->c->graph, last)->origin, .first_operand = (uint32_t)code->operand_count,
                     .first_attribute = (uint32_t)code->attribute_count };
    step.call = (tg_call){ .rows = 1, .cols = cut->block, .input_count = p->input_count + p->result_count, .row_end = 1, .all_rows = shape.rows };
    if (!e->c->is_register[last]) step.output_advance = (size_t)cut->block * tg_type_bytes(code->type);
    copy_matched_attributes(e, m);
    for (int k = 0; k < p->input_count; k++) add_loop_operand(e, m->inputs[k], shape, cut);
    for (int i = 0; i < p->op_count; i++) {
        if (!p->ops[i].is_result) continue;
        if (is_written(m, i)) add_loop_operand(e, m->ops[i], shape, cut);
        else add_unread_result(e, cut);
    }
    add_slot(e, SLOT_OUTPUT, code->step_count, place_of(e, last));
    if (!e->failed) code->steps[code->step_count++] = step;
}

/* Where the first of these steps begin a loop, that; how many steps it stands for. */
static uint32_t try_loop(emitter *e, const uint32_t steps[], uint32_t count, const tg_cut *cut) {
    if (e->readers == NULL || !cut->flat) return 0;
    const tg_match m = tg_match_loop(e->c, steps, count, e->readers);
    if (m.pattern == NULL || !may_loop(e, &m, cut)) return 0;
    add_loop(e, &m, cut);
    return (uint32_t)m.pattern->op_count;
}

static void add_strip_steps(emitter *e, const tg_group *group, const tg_cut *cut) {
    uint32_t *steps = tg_compiler_room(e->c, group->count, sizeof *steps), count = 0;
    e->failed = e->failed || steps == NULL;
    for (uint32_t id = group->first; id != 0 && !e->failed; id = id == group->last ? 0 : e->c->next[id]) steps[count++] = id;
    for (uint32_t i = 0; i < count;) {
        const uint32_t in_loop = try_loop(e, steps + i, count - i, cut);
        if (in_loop == 0) add_step(e, steps[i], steps[i], cut);
        i += in_loop > 0 ? in_loop : 1;
    }
}

/* ---- groups ---- */

static void emit_strip(emitter *e, const tg_group *group) {
    const tg_cut cut   = tg_cut_of(e->c, group);
    const size_t first = e->code->step_count;
    if (tg_elements(tg_shape_at(e->c->graph, group->first)) == 0) return;
    add_strip_steps(e, group, &cut);
    if (cut.blocks == 1) add_single_steps(e, first);
    else add_instruction(e, (tg_instruction){ .kind = TG_DO_STRIP, .first_step = (uint32_t)first,
                                              .step_count = (uint32_t)(e->code->step_count - first), .flat = cut.flat, .blocks = cut.blocks,
                                              .block = cut.block, .last = cut.last,
                                              .block_elements = cut.block * (cut.flat ? 1 : tg_shape_at(e->c->graph, group->first).cols) });
}

static void emit_call(emitter *e, const tg_group *group) {
    const size_t first = e->code->step_count;
    if (tg_elements(tg_shape_at(e->c->graph, group->first)) == 0) return;
    add_step(e, group->first, group->first, NULL);
    add_single_steps(e, first);
}

/* The product, and the update that joined it: added + factor * product. */
static void emit_product(emitter *e, const tg_group *group) {
    const size_t first = e->code->step_count;
    if (tg_elements(tg_shape_at(e->c->graph, group->first)) == 0) return;
    add_step(e, group->first, group->last, NULL);
    if (group->count > 1) {
        const uint32_t *update = tg_inputs_of(e->c->graph, group->last);
        add_slot(e, SLOT_FACTOR, first, place_of(e, update[0]));
        add_slot(e, SLOT_ADDED, first, place_of(e, update[2]));
    }
    add_single_steps(e, first);
}

static void emit_concat(emitter *e, uint32_t id) {
    const tg_type type  = e->code->type;
    tg_place      place = place_of(e, id);
    for (uint32_t k = 0; k < e->c->graph->nodes[id].input_count; k++) {
        const uint32_t part  = tg_inputs_of(e->c->graph, id)[k];
        const int64_t  count = tg_elements(tg_shape_at(e->c->graph, part));
        add_copy(e, place, type, place_of(e, part), type, count, tg_record_of(e->c->graph, id)->origin);
        place.offset += (size_t)count * tg_type_bytes(type);
    }
}

static void emit_write(emitter *e, const tg_outcome *o) {
    if (o->placed) return;
    const tg_type type  = o->write.block->params->type;
    tg_place      from  = place_of(e, o->value), to = { TG_BASE_LEAVES + tg_leaf_number(e->c, o->target), (size_t)o->write.begin * tg_type_bytes(type) };
    from.offset += (size_t)o->write.from * tg_type_bytes(e->code->type);
    add_copy(e, to, type, from, e->code->type, o->write.end - o->write.begin, o->node);
}

static void emit_labels(emitter *e, const tg_group *group) {
    int64_t        limit   = 0;
    const uint32_t operand = tg_inputs_of(e->c->graph, group->first)[group->operand];
    if (tg_limit_of(e->c->graph, group->first, &limit) != TG_OK) e->failed = true;
    else if (limit < INT64_MAX)
        add_check(e, (tg_instruction){ .kind = TG_DO_LABELS, .node = tg_record_of(e->c->graph, group->first)->origin, .limit = limit }, operand);
}

static void emit_group(emitter *e, const tg_group *group) {
    switch (group->kind) {
        case TG_GROUP_STRIP:   emit_strip(e, group); return;
        case TG_GROUP_CALL:    emit_call(e, group); return;
        case TG_GROUP_PRODUCT: emit_product(e, group); return;
        case TG_GROUP_CONCAT:  emit_concat(e, group->first); return;
        case TG_GROUP_LABELS:  emit_labels(e, group); return;
        case TG_GROUP_WRITE:   emit_write(e, &e->c->outcomes[group->outcome]); return;
        case TG_GROUP_FINITE: {
            const tg_outcome *o = &e->c->outcomes[group->outcome];
            add_check(e, (tg_instruction){ .kind = TG_DO_FINITE, .node = o->node, .from_type = e->code->type }, o->value);
            return;
        }
    }
}

/* ---- free memory, in debug builds ---- */

#ifdef NDEBUG
static void emit_poison(emitter *e, const tg_group *group) { (void)e, (void)group; }
#else
/* What falls free at the group's last step; earlier, the group itself may have taken it again. */
static void emit_poison(emitter *e, const tg_group *group) {
    for (uint32_t id = e->c->ended[group->end]; id != 0; id = e->c->next_ended[id]) {
        if (e->c->ended_bytes[id] == 0) continue;
        add_slot(e, SLOT_TO, e->code->instruction_count, e->c->places[id]);
        add_instruction(e, (tg_instruction){ .kind = TG_DO_POISON, .count = (int64_t)e->c->ended_bytes[id], .node = tg_record_of(e->c->graph, id)->origin });
    }
}
#endif

/* ---- what is around the groups ---- */

static tg_type type_of_leaf(const tg_leaf *leaf) {
    return leaf->kind == TG_LEAF_F64 ? TG_F64 : leaf->kind == TG_LEAF_BLOCK ? leaf->block->params->type : TG_F32;
}

/* As in a run: too small for a normal float, it is zero. */
static void set_constant(const tg_plan_code *code, void *to, double number) {
    const bool     flush  = code->type == TG_F32 && !code->keep_denormals;
    const unsigned before = flush ? tg_denormals_flush() : 0;
    tg_convert(to, code->type, &number, TG_F64, 1);
    if (flush) tg_denormals_restore(before);
}

/* Leaves of another type than the run are converted first; constants and scalars have their numbers. */
static void emit_leaves(emitter *e) {
    tg_compiler  *c    = e->c;
    tg_plan_code *code = e->code;
    code->numbers = tg_allocate(code->number_bytes);
    if (code->numbers == NULL) e->failed = true;
    for (uint32_t id = 1; id < c->graph->length && !e->failed; id++) {
        const tg_leaf *leaf = tg_leaf_of(c->graph, id);
        if (leaf == NULL) continue;
        const tg_place place = c->places[id];
        if (leaf->kind == TG_LEAF_CONSTANT) set_constant(code, code->numbers + place.offset, leaf->number);
        else if (leaf->kind == TG_LEAF_SCALAR) code->leaves[tg_leaf_number(c, id)].number = place.offset + 1;
        else if (place.base == TG_BASE_ARENA)
            add_copy(e, place, code->type, (tg_place){ TG_BASE_LEAVES + tg_leaf_number(c, id), 0 }, type_of_leaf(leaf), tg_elements(tg_shape_at(c->graph, id)),
                     tg_record_of(c->graph, id)->origin);
    }
}

/* The zeros between the variables of a block that was computed as a whole. */
static void emit_padding(emitter *e) {
    tg_compiler *c = e->c;
    int64_t      end = 0;
    for (size_t i = 0; i < c->outcome_count; i++) {
        const tg_outcome *o     = &c->outcomes[i];
        const bool        first = i == 0 || o[-1].kind != TG_WRITE || o[-1].node != o->node;
        if (o->kind != TG_WRITE) continue;
        if (first) end = o->write.begin;
        if (o->placed && o->write.begin > end) {
            add_slot(e, SLOT_TO, e->code->instruction_count,
                     (tg_place){ TG_BASE_LEAVES + tg_leaf_number(c, o->target), (size_t)end * tg_type_bytes(e->code->type) });
            add_instruction(e, (tg_instruction){ .kind = TG_DO_ZERO, .count = o->write.begin - end, .to_type = e->code->type, .node = o->node });
        }
        end = o->write.end;
    }
}

static void list_outcomes(emitter *e) {
    tg_plan_code *code = e->code;
    for (size_t i = 0; i < e->c->outcome_count; i++) {
        const tg_outcome *o = &e->c->outcomes[i];
        if (o->kind == TG_READ && o->value != 0 && grow(e, (void **)&code->readable, &code->readable_capacity, code->readable_count + 1, sizeof *code->readable))
            code->readable[code->readable_count++] = (tg_readable){ o->node, place_of(e, o->value) };
        if (o->kind != TG_WRITE || (code->written_count > 0 && code->written[code->written_count - 1] == o->write.block)) continue;
        if (grow(e, (void **)&code->written, &code->written_capacity, code->written_count + 1, sizeof *code->written))
            code->written[code->written_count++] = o->write.block;
    }
}

/* ---- pointers ---- */

static const void **address_of(tg_plan_code *code, const slot *s) {
    switch (s->kind) {
        case SLOT_OPERAND: return &code->operands[s->number].data;
        case SLOT_OUTPUT:  return (const void **)&code->steps[s->number].call.output;
        case SLOT_FACTOR:  return &code->steps[s->number].call.factor;
        case SLOT_ADDED:   return &code->steps[s->number].call.added;
        case SLOT_TO:      return (const void **)&code->instructions[s->number].to;
        case SLOT_FROM:    return &code->instructions[s->number].from;
    }
    return NULL;
}

static int by_base(const void *a, const void *b) {
    const slot *x = a, *y = b;
    return (x->place.base > y->place.base) - (x->place.base < y->place.base);
}

static void set_pointers(emitter *e) {
    tg_plan_code *code = e->code;
    if (e->slot_count > 1) qsort(e->slots, e->slot_count, sizeof *e->slots, by_base);
    if (!grow(e, (void **)&code->pointers, &code->pointer_capacity, e->slot_count + 1, sizeof *code->pointers)) return;
    for (size_t i = 0; i < e->slot_count; i++) {
        const slot *s = &e->slots[i];
        if (s->place.base == TG_BASE_NUMBERS) *address_of(code, s) = code->numbers + s->place.offset;
        if (s->place.base == TG_BASE_NUMBERS) continue;
        if (s->place.base == TG_BASE_ARENA) code->arena_pointers++;
        else {
            tg_plan_leaf *leaf = &code->leaves[s->place.base - TG_BASE_LEAVES];
            if (leaf->pointer_count++ == 0) leaf->first_pointer = (uint32_t)code->pointer_count;
        }
        code->pointers[code->pointer_count++] = (tg_pointer){ address_of(code, s), s->place };
    }
}

/* Behind the last growth: what was counted becomes addresses. */
static void set_addresses(emitter *e) {
    tg_plan_code *code = e->code;
    double *state = code->states = tg_allocate(code->state_count * sizeof *code->states);
    for (size_t i = 0; i < code->instruction_count; i++) {
        const tg_instruction *n = &code->instructions[i];
        for (uint32_t k = 0; k < n->step_count && n->kind == TG_DO_STRIP; k++)
            if (code->steps[n->first_step + k].is_sum && state != NULL) code->steps[n->first_step + k].call.state = state, state += TG_SUM_STATE;
    }
    for (size_t i = 0; i < code->step_count; i++) {
        tg_step *step         = &code->steps[i];
        step->operands        = code->operands + step->first_operand;
        step->advances        = code->advances + step->first_operand;
        step->call.inputs     = step->operands;
        step->call.attributes = code->attributes + step->first_attribute;
        if (step->kernel != NULL || step->loop != NULL) continue;
        for (int k = 0; k < step->call.input_count; k++)
            if (step->operands[k].rows >= 0) step->operands[k].data = code->numbers;      /* counted as given */
        const size_t room = (size_t)tg_converted_room(&step->call);
        if (room > code->converted_count) code->converted_count = room;
        if ((size_t)step->call.input_count > code->converted_operand_count) code->converted_operand_count = (size_t)step->call.input_count;
    }
    for (size_t i = 0; i < code->instruction_count; i++) code->instructions[i].steps = code->steps + code->instructions[i].first_step;
    code->converted          = tg_allocate(code->converted_count * sizeof *code->converted);
    code->converted_operands = tg_allocate(code->converted_operand_count * sizeof *code->converted_operands);
    if (code->states == NULL || code->converted == NULL || code->converted_operands == NULL) e->failed = true;
}

static bool number_draws(emitter *e) {
    uint32_t count = 0;
    e->draws = tg_compiler_room(e->c, e->c->tape->length, sizeof *e->draws);
    for (size_t id = 1; e->draws != NULL && id < e->c->tape->length; id++)
        if (e->c->tape->nodes[id].op->flags & TG_OP_RANDOM) e->draws[id] = count++;
    return e->draws != NULL;
}

tg_status tg_emit(tg_compiler *c) {
    emitter e = { .c = c, .code = c->code };
    if (!number_draws(&e)) return c->tape->status;
    if (tg_has_patterns(c, true) && (e.readers = tg_count_readers(c)) == NULL) return c->tape->status;
    emit_leaves(&e);
    for (size_t i = 0; i < c->group_count && !e.failed; i++) {
        emit_group(&e, &c->groups[c->order[i]]);
        emit_poison(&e, &c->groups[c->order[i]]);
    }
    emit_padding(&e);
    list_outcomes(&e);
    if (!e.failed) set_addresses(&e);
    if (!e.failed) set_pointers(&e);
    tg_release(e.slots, e.slot_capacity * sizeof *e.slots);
    c->code->node_count = (uint32_t)c->graph->length - 1;
    return e.failed ? tg_fail(c->tape, TG_OUT_OF_MEMORY, "no memory to compile a step of %zu nodes", c->tape->length) : TG_OK;
}
