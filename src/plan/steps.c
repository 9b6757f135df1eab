/* steps.c - single instructions, and the calls of kernels in them. */
#include "plan/emit.h"

#include <string.h>

bool tg_emit_grow(tg_emitter *e, void **list, size_t *capacity, size_t needed, size_t bytes) {
    if (!e->failed && tg_grow(list, capacity, needed, bytes)) return true;
    e->failed = true;
    return false;
}

void tg_emit_slot(tg_emitter *e, tg_slot_kind kind, size_t number, tg_place place) {
    if (tg_emit_grow(e, (void **)&e->slots, &e->slot_capacity, e->slot_count + 1, sizeof *e->slots))
        e->slots[e->slot_count++] = (tg_slot){ kind, (uint32_t)number, place };
}

tg_place tg_emit_place(const tg_emitter *e, uint32_t id) {
    const tg_root  root = tg_root_of(e->c, id);
    const tg_leaf *leaf = tg_leaf_of(e->c->graph, root.node);
    const size_t   element = leaf != NULL && leaf->kind == TG_LEAF_I32 ? sizeof(int32_t) : tg_type_bytes(e->code->type);
    tg_place       place   = e->c->places[root.node];
    place.offset += (size_t)root.offset * element;
    return place;
}

size_t tg_emit_element(const tg_emitter *e, uint32_t id) {
    return tg_shape_at(e->c->graph, id).integer ? sizeof(int32_t) : tg_type_bytes(e->code->type);
}

bool tg_same_place(tg_place a, tg_place b) { return a.base == b.base && a.offset == b.offset; }

/* ---- instructions ---- */

tg_instruction *tg_emit_instruction(tg_emitter *e, tg_instruction instruction) {
    tg_plan_code *code = e->code;
    if (!tg_emit_grow(e, (void **)&code->instructions, &code->instruction_capacity, code->instruction_count + 1, sizeof *code->instructions))
        return NULL;
    code->instructions[code->instruction_count] = instruction;
    if (instruction.kind >= TG_DO_COPY && instruction.kind != TG_DO_POISON) code->other_count++;
    return &code->instructions[code->instruction_count++];
}

void tg_emit_copy(tg_emitter *e, tg_place to, tg_type to_type, tg_place from, tg_type from_type, int64_t count, uint32_t node) {
    if (count == 0 || (tg_same_place(to, from) && to_type == from_type)) return;
    tg_emit_slot(e, TG_SLOT_TO, e->code->instruction_count, to);
    tg_emit_slot(e, TG_SLOT_FROM, e->code->instruction_count, from);
    tg_emit_instruction(e, (tg_instruction){ .kind = TG_DO_COPY, .count = count, .to_type = to_type, .from_type = from_type, .node = node });
}

void tg_emit_check(tg_emitter *e, tg_instruction check, uint32_t id) {
    tg_emit_slot(e, TG_SLOT_FROM, e->code->instruction_count, tg_emit_place(e, id));
    check.shape = tg_shape_at(e->c->graph, id);
    check.count = tg_elements(check.shape);
    check.op    = tg_record_of(e->c->tape, check.node)->op;
    tg_emit_instruction(e, check);
}

/* ---- steps ---- */

/* How an operand of a strip lies, and how far it goes from block to block. */
tg_operand tg_emit_cut(const tg_emitter *e, uint32_t id, tg_shape output, tg_cut cut, size_t *advance) {
    const tg_compiler *c       = e->c;
    const tg_shape     s       = tg_shape_at(c->graph, id);
    const bool         full    = s.rows == output.rows && s.cols == output.cols;
    const size_t       element = tg_emit_element(e, id);
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

void tg_emit_operand(tg_emitter *e, tg_operand operand, size_t advance, uint32_t id) {
    tg_plan_code *code = e->code;
    if (!tg_emit_grow(e, (void **)&code->operands, &code->operand_capacity, code->operand_count + 1, sizeof *code->operands) ||
        !tg_emit_grow(e, (void **)&code->advances, &code->advance_capacity, code->operand_count + 1, sizeof *code->advances))
        return;
    if (id != 0) tg_emit_slot(e, TG_SLOT_OPERAND, code->operand_count, tg_emit_place(e, id));
    code->advances[code->operand_count] = advance;
    code->operands[code->operand_count++] = operand;
}

uint32_t tg_emit_attributes(tg_emitter *e, uint32_t id) {
    tg_plan_code *code  = e->code;
    const size_t  words = (tg_record_of(e->c->graph, id)->op->attribute_size + 7) / 8, first = code->attribute_count;
    if (words > 0 && tg_emit_grow(e, (void **)&code->attributes, &code->attribute_capacity, first + words, sizeof *code->attributes)) {
        memcpy(&code->attributes[first], tg_attributes_of(e->c->graph, id), words * sizeof *code->attributes);
        code->attribute_count += words;
    }
    return (uint32_t)first;
}

/* Operands of the value's own shape, or one number: rows are nothing special, whatever the strip is cut in. */
static bool is_flat(const tg_compiler *c, uint32_t id) {
    const tg_shape shape = tg_shape_at(c->graph, id);
    for (uint32_t k = 0; k < c->graph->nodes[id].input_count; k++) {
        const uint32_t operand = tg_inputs_of(c->graph, id)[k];
        const tg_shape s       = tg_shape_at(c->graph, operand);
        if (operand != 0 && tg_elements(s) != 1 && (s.rows != shape.rows || s.cols != shape.cols)) return false;
    }
    return true;
}

/* The step of node id, with its value where that of `output` lies; cut NULL: the whole value in one call. */
void tg_emit_step(tg_emitter *e, uint32_t id, uint32_t output, const tg_cut *cut) {
    tg_compiler     *c      = e->c;
    tg_plan_code    *code   = e->code;
    const tg_record *node   = tg_record_of(c->graph, id);
    const tg_op     *op     = node->op;
    const tg_shape   shape  = tg_shape_at(c->graph, id);
    const uint32_t  *inputs = tg_inputs_of(c->graph, id);
    const bool       summed = (op->flags & TG_OP_ROW_SUM) != 0 && node->input_count > 0;
    if (!tg_emit_grow(e, (void **)&code->steps, &code->step_capacity, code->step_count + 1, sizeof *code->steps)) return;
    tg_step step         = { .op              = op,
                             .kernel          = code->type == TG_F64 ? op->f64 : op->f32,
                             .node            = node->origin,
                             .first_operand   = (uint32_t)code->operand_count,
                             .first_attribute = tg_emit_attributes(e, id) };
    step.call            = (tg_call){ .rows        = shape.rows,
                                      .cols        = shape.cols,
                                      .input_count = (int)node->input_count,
                                      .row_end     = shape.rows,
                                      .all_rows    = summed ? tg_shape_at(c->graph, inputs[0]).rows : shape.rows,
                                      .all_cols    = summed ? tg_shape_at(c->graph, inputs[0]).cols : shape.cols,
                                      .draw        = op->flags & TG_OP_RANDOM ? e->draws[node->origin] : 0 };
    step.is_sum = cut != NULL && !(op->flags & TG_OP_ELEMENTWISE);
    const bool     moves = cut != NULL && !step.is_sum;
    const tg_shape whole = step.is_sum ? tg_shape_at(c->graph, inputs[0]) : shape;      /* of the strip */
    tg_cut         own   = cut != NULL ? *cut : (tg_cut){ 0 };
    step.width           = 1;
    if (moves && !cut->flat && is_flat(c, id)) own = (tg_cut){ .flat = true, .block = cut->block * shape.cols }, step.width = shape.cols;
    step.flat = own.flat;
    if (moves && own.flat) step.call.rows = step.call.row_end = 1, step.call.cols = own.block;
    if (moves && !own.flat) step.call.rows = step.call.row_end = own.block;
    if (moves && !c->is_register[id]) step.output_advance = (size_t)(own.block * (own.flat ? 1 : shape.cols)) * tg_emit_element(e, id);
    if (step.is_sum && cut->blocks > 1) code->state_count += TG_SUM_STATE;
    for (uint32_t k = 0; k < node->input_count; k++) {
        size_t     advance = 0;
        tg_operand operand = { .rows = -1, .cols = -1 };
        if (inputs[k] != 0)
            operand = cut != NULL ? tg_emit_cut(e, inputs[k], whole, own, &advance)
                                  : tg_operand_of(NULL, tg_shape_at(c->graph, inputs[k]), (op->flags & TG_OP_ELEMENTWISE) != 0, shape);
        tg_emit_operand(e, operand, advance, inputs[k]);
    }
    tg_emit_slot(e, TG_SLOT_OUTPUT, code->step_count, tg_emit_place(e, output));
    if (op->flags & TG_OP_RANDOM) code->has_draws = true;
    if (!e->failed) code->steps[code->step_count++] = step;
}

/* Steps that run once are gathered in one instruction. */
void tg_emit_single_steps(tg_emitter *e, size_t first) {
    tg_plan_code   *code = e->code;
    tg_instruction *last = code->instruction_count > 0 ? &code->instructions[code->instruction_count - 1] : NULL;
    if (e->failed || code->step_count == first) return;
    if (last != NULL && last->kind == TG_DO_STEPS) last->step_count += (uint32_t)(code->step_count - first);
    else
        tg_emit_instruction(
            e, (tg_instruction){ .kind = TG_DO_STEPS, .first_step = (uint32_t)first, .step_count = (uint32_t)(code->step_count - first) });
}
