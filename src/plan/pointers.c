/* pointers.c - the last step of emitting: numbers in lists become addresses, places become pointers that are set when their base is known. */
#include "plan/emit.h"

#include <stdlib.h>

static const void **address_of(tg_plan_code *code, const tg_slot *s) {
    switch (s->kind) {
        case TG_SLOT_OPERAND: return &code->operands[s->number].data;
        case TG_SLOT_OUTPUT:  return (const void **)&code->steps[s->number].call.output;
        case TG_SLOT_FACTOR:  return &code->steps[s->number].call.factor;
        case TG_SLOT_ADDED:   return &code->steps[s->number].call.added;
        case TG_SLOT_TO:      return (const void **)&code->instructions[s->number].to;
        case TG_SLOT_FROM:    return &code->instructions[s->number].from;
    }
    return NULL;
}

static int by_base(const void *a, const void *b) {
    const tg_slot *x = a, *y = b;
    return (x->place.base > y->place.base) - (x->place.base < y->place.base);
}

void tg_set_pointers(tg_emitter *e) {
    tg_plan_code *code = e->code;
    if (e->slot_count > 1) qsort(e->slots, e->slot_count, sizeof *e->slots, by_base);
    if (!tg_emit_grow(e, (void **)&code->pointers, &code->pointer_capacity, e->slot_count + 1, sizeof *code->pointers)) return;
    for (size_t i = 0; i < e->slot_count; i++) {
        const tg_slot *s = &e->slots[i];
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
void tg_set_addresses(tg_emitter *e) {
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
