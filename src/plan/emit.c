/* emit.c - instructions: each group as calls of kernels, in the order of the schedule. */
#include "kernel/denormals.h"
#include "plan/emit.h"
#include "plan/match.h"

static void add_strip_steps(tg_emitter *e, const tg_group *group, const tg_cut *cut) {
    uint32_t *steps = tg_compiler_room(e->c, group->count, sizeof *steps), count = 0;
    e->failed = e->failed || steps == NULL;
    for (uint32_t id = group->first; id != 0 && !e->failed; id = id == group->last ? 0 : e->c->next[id]) steps[count++] = id;
    for (uint32_t i = 0; i < count;) {
        const uint32_t in_loop = tg_emit_loop(e, steps + i, count - i, cut);
        if (in_loop == 0) tg_emit_step(e, steps[i], steps[i], cut);
        i += in_loop > 0 ? in_loop : 1;
    }
}

/* ---- groups ---- */

static void emit_strip(tg_emitter *e, const tg_group *group) {
    const tg_cut cut   = tg_cut_of(e->c, group);
    const size_t first = e->code->step_count;
    if (tg_elements(tg_shape_at(e->c->graph, group->first)) == 0) return;
    add_strip_steps(e, group, &cut);
    if (cut.blocks == 1) tg_emit_single_steps(e, first);
    else tg_emit_instruction(e, (tg_instruction){ .kind = TG_DO_STRIP, .first_step = (uint32_t)first,
                                              .step_count = (uint32_t)(e->code->step_count - first), .flat = cut.flat, .blocks = cut.blocks,
                                              .block = cut.block, .last = cut.last,
                                              .block_elements = cut.block * (cut.flat ? 1 : tg_shape_at(e->c->graph, group->first).cols) });
}

static void emit_call(tg_emitter *e, const tg_group *group) {
    const size_t first = e->code->step_count;
    if (tg_elements(tg_shape_at(e->c->graph, group->first)) == 0) return;
    tg_emit_step(e, group->first, group->first, NULL);
    tg_emit_single_steps(e, first);
}

/* The product, and the update that joined it: added + factor * product. */
static void emit_product(tg_emitter *e, const tg_group *group) {
    const size_t first = e->code->step_count;
    if (tg_elements(tg_shape_at(e->c->graph, group->first)) == 0) return;
    tg_emit_step(e, group->first, group->last, NULL);
    if (group->count > 1) {
        const uint32_t *update = tg_inputs_of(e->c->graph, group->last);
        tg_emit_slot(e, TG_SLOT_FACTOR, first, tg_emit_place(e, update[0]));
        tg_emit_slot(e, TG_SLOT_ADDED, first, tg_emit_place(e, update[2]));
    }
    tg_emit_single_steps(e, first);
}

static void emit_concat(tg_emitter *e, uint32_t id) {
    const tg_type type  = e->code->type;
    tg_place      place = tg_emit_place(e, id);
    for (uint32_t k = 0; k < e->c->graph->nodes[id].input_count; k++) {
        const uint32_t part  = tg_inputs_of(e->c->graph, id)[k];
        const int64_t  count = tg_elements(tg_shape_at(e->c->graph, part));
        tg_emit_copy(e, place, type, tg_emit_place(e, part), type, count, tg_record_of(e->c->graph, id)->origin);
        place.offset += (size_t)count * tg_type_bytes(type);
    }
}

static void emit_write(tg_emitter *e, const tg_outcome *o) {
    if (o->placed) return;
    const tg_type type  = o->write.block->params->type;
    tg_place      from  = tg_emit_place(e, o->value),
             to         = { TG_BASE_LEAVES + tg_leaf_number(e->c, o->target), (size_t)o->write.begin * tg_type_bytes(type) };
    from.offset += (size_t)o->write.from * tg_type_bytes(e->code->type);
    tg_emit_copy(e, to, type, from, e->code->type, o->write.end - o->write.begin, o->node);
}

static void emit_labels(tg_emitter *e, const tg_group *group) {
    int64_t        limit   = 0;
    const uint32_t operand = tg_inputs_of(e->c->graph, group->first)[group->operand];
    if (tg_limit_of(e->c->graph, group->first, &limit) != TG_OK) e->failed = true;
    else if (limit < INT64_MAX)
        tg_emit_check(e, (tg_instruction){ .kind = TG_DO_LABELS, .node = tg_record_of(e->c->graph, group->first)->origin, .limit = limit }, operand);
}

static void emit_group(tg_emitter *e, const tg_group *group) {
    switch (group->kind) {
        case TG_GROUP_STRIP:   emit_strip(e, group); return;
        case TG_GROUP_CALL:    emit_call(e, group); return;
        case TG_GROUP_PRODUCT: emit_product(e, group); return;
        case TG_GROUP_CONCAT:  emit_concat(e, group->first); return;
        case TG_GROUP_LABELS:  emit_labels(e, group); return;
        case TG_GROUP_WRITE:   emit_write(e, &e->c->outcomes[group->outcome]); return;
        case TG_GROUP_FINITE: {
            const tg_outcome *o = &e->c->outcomes[group->outcome];
            tg_emit_check(e, (tg_instruction){ .kind = TG_DO_FINITE, .node = o->node, .from_type = e->code->type }, o->value);
            return;
        }
    }
}

/* ---- free memory, in debug builds ---- */

#ifdef NDEBUG
static void emit_poison(tg_emitter *e, const tg_group *group) { (void)e, (void)group; }
#else
/* What falls free at the group's last step; earlier, the group itself may have taken it again. */
static void emit_poison(tg_emitter *e, const tg_group *group) {
    for (uint32_t id = e->c->ended[group->end]; id != 0; id = e->c->next_ended[id]) {
        if (e->c->ended_bytes[id] == 0) continue;
        tg_emit_slot(e, TG_SLOT_TO, e->code->instruction_count, e->c->places[id]);
        tg_emit_instruction(
            e, (tg_instruction){ .kind = TG_DO_POISON, .count = (int64_t)e->c->ended_bytes[id], .node = tg_record_of(e->c->graph, id)->origin });
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
static void emit_leaves(tg_emitter *e) {
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
            tg_emit_copy(e, place, code->type, (tg_place){ TG_BASE_LEAVES + tg_leaf_number(c, id), 0 }, type_of_leaf(leaf),
                         tg_elements(tg_shape_at(c->graph, id)), tg_record_of(c->graph, id)->origin);
    }
}

/* The zeros between the variables of a block that was computed as a whole. */
static void emit_padding(tg_emitter *e) {
    tg_compiler *c = e->c;
    int64_t      end = 0;
    for (size_t i = 0; i < c->outcome_count; i++) {
        const tg_outcome *o     = &c->outcomes[i];
        const bool        first = i == 0 || o[-1].kind != TG_WRITE || o[-1].node != o->node;
        if (o->kind != TG_WRITE) continue;
        if (first) end = o->write.begin;
        if (o->placed && o->write.begin > end) {
            tg_emit_slot(e, TG_SLOT_TO, e->code->instruction_count,
                     (tg_place){ TG_BASE_LEAVES + tg_leaf_number(c, o->target), (size_t)end * tg_type_bytes(e->code->type) });
            tg_emit_instruction(e, (tg_instruction){ .kind = TG_DO_ZERO, .count = o->write.begin - end, .to_type = e->code->type, .node = o->node });
        }
        end = o->write.end;
    }
}

static void list_outcomes(tg_emitter *e) {
    tg_plan_code *code = e->code;
    for (size_t i = 0; i < e->c->outcome_count; i++) {
        const tg_outcome *o = &e->c->outcomes[i];
        if (o->kind == TG_READ && o->value != 0 &&
            tg_emit_grow(e, (void **)&code->readable, &code->readable_capacity, code->readable_count + 1, sizeof *code->readable))
            code->readable[code->readable_count++] = (tg_readable){ o->node, tg_emit_place(e, o->value) };
        if (o->kind != TG_WRITE || (code->written_count > 0 && code->written[code->written_count - 1] == o->write.block)) continue;
        if (tg_emit_grow(e, (void **)&code->written, &code->written_capacity, code->written_count + 1, sizeof *code->written))
            code->written[code->written_count++] = o->write.block;
    }
}

static bool number_draws(tg_emitter *e) {
    uint32_t count = 0;
    e->draws = tg_compiler_room(e->c, e->c->tape->length, sizeof *e->draws);
    for (size_t id = 1; e->draws != NULL && id < e->c->tape->length; id++)
        if (e->c->tape->nodes[id].op->flags & TG_OP_RANDOM) e->draws[id] = count++;
    return e->draws != NULL;
}

tg_status tg_emit(tg_compiler *c) {
    tg_emitter e = { .c = c, .code = c->code };
    if (!number_draws(&e)) return c->tape->status;
    if (tg_has_patterns(c, true) && (e.readers = tg_count_readers(c)) == NULL) return c->tape->status;
    emit_leaves(&e);
    for (size_t i = 0; i < c->group_count && !e.failed; i++) {
        emit_group(&e, &c->groups[c->order[i]]);
        emit_poison(&e, &c->groups[c->order[i]]);
    }
    emit_padding(&e);
    list_outcomes(&e);
    if (!e.failed) tg_set_addresses(&e);
    if (!e.failed) tg_set_pointers(&e);
    tg_release(e.slots, e.slot_capacity * sizeof *e.slots);
    c->code->node_count = (uint32_t)c->graph->length - 1;
    return e.failed ? tg_fail(c->tape, TG_OUT_OF_MEMORY, "no memory to compile a step of %zu nodes", c->tape->length) : TG_OK;
}
