/* step.c - a tape from step to step: made, begun anew, failed, freed. */
#include "core/tape.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

/* Handles of all tapes count on from here, so that one of a freed tape does not fit its successor at the same address. A tape takes many at once. */
enum { MANY_STEPS = 1024 };

static atomic_uint taken_handle_steps;

static uint32_t next_handle_step(tg_tape *tape) {
    if (tape->handle_step % MANY_STEPS != 0) return tape->handle_step + 1;
    return atomic_fetch_add(&taken_handle_steps, MANY_STEPS) + 1;
}

static void go_to_start(tg_tape *tape) { tg_go_to(tape, (tg_position){ .length = 1 }); }

tg_tape *tg_tape_create(const tg_tape_options *options) {
    static const tg_tape_options defaults = { 0 };
    if (options == NULL) options = &defaults;
    if (options->type != TG_DEFAULT_TYPE && options->type != TG_F32 && options->type != TG_F64)
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_tape_new: type is %d", (int)options->type), NULL;
    tg_tape *tape = tg_allocate(sizeof *tape);
    if (tape == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_tape_new: no memory for a tape"), NULL;
    tape->type           = options->type == TG_F64 ? TG_F64 : TG_F32;
    tape->keep_denormals = options->keep_denormals;
    tape->seed           = options->seed;
    tape->handle_step    = next_handle_step(tape);
    go_to_start(tape);
    return tape;
}

void tg_tape_free(tg_tape *tape) {
    if (tape == NULL) return;
    if (tape->execution != NULL) tape->execution->release(tape);
    tg_names_release(tape);
    tg_uses_release(tape);
    tg_loans_release(tape);
    tg_release(tape->nodes, tape->capacity * sizeof *tape->nodes);
    tg_release(tape->operands, tape->operand_capacity * sizeof *tape->operands);
    tg_release(tape->attributes, tape->attribute_capacity * sizeof *tape->attributes);
    tg_release(tape->leaves, tape->leaf_capacity * sizeof *tape->leaves);
    tg_release(tape->sections, tape->section_capacity * sizeof *tape->sections);
    tg_release(tape->section_nodes, tape->section_node_capacity * sizeof *tape->section_nodes);
    tg_release(tape->messages, tape->message_capacity * sizeof *tape->messages);
    tg_release(tape->scopes, tape->scope_capacity * sizeof *tape->scopes);
    tg_release(tape->kept.at, tape->kept.capacity * sizeof *tape->kept.at);
    tg_release(tape->finite.at, tape->finite.capacity * sizeof *tape->finite.at);
    tg_release(tape->readable.at, tape->readable.capacity * sizeof *tape->readable.at);
    tg_release(tape->items, tape->item_capacity * sizeof *tape->items);
    tg_release(tape, sizeof *tape);
}

/* An executor that computes what is recorded has to see each node again. */
static void remember_step(tg_tape *tape) {
    const bool computes = tape->execution != NULL && tape->execution->recorded != NULL;
    if (tape->known < tape->length) tape->known = tape->length;
    if (tape->known_sections < tape->section_count) tape->known_sections = tape->section_count;
    if (computes) tape->known = tape->known_sections = 0;
    tape->differs = false;
}

static void end_marks(tg_tape *tape) {
    tg_clear_ids(tape, &tape->kept, TG_MARK_KEPT);
    tg_clear_ids(tape, &tape->finite, TG_MARK_FINITE);
    tg_clear_ids(tape, &tape->readable, TG_MARK_READABLE);
    for (size_t i = 0; i < tape->item_count; i++) tape->nodes[tape->items[i].id].marks &= (uint16_t)~TG_MARK_ITEM;
    tape->item_count = 0;
}

tg_status tg_begin(tg_tape *tape, const tg_begin_options *options) {
    if (tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_begin: tape is NULL");
    if (tape->executed) tape->step++;
    tape->executed    = false;
    tape->training    = options != NULL && options->training;
    tape->status      = TG_OK;
    tape->sentence[0] = '\0';
    tape->origin      = 0;
    tape->handle_step = next_handle_step(tape);
    end_marks(tape);
    remember_step(tape);
    go_to_start(tape);
    tg_names_begin(tape);
    tg_uses_begin(tape);
    return TG_OK;
}

bool tg_is_training(const tg_tape *tape) { return tape != NULL && tape->training; }

uint64_t tg_tape_step(const tg_tape *tape) { return tape != NULL ? tape->step : 0; }

tg_status tg_tape_set_step(tg_tape *tape, uint64_t step) {
    if (tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_tape_set_step: tape is NULL");
    tape->step     = step;
    tape->executed = false;
    return TG_OK;
}

/* ---- failures ---- */

tg_status tg_tape_status(const tg_tape *tape) {
    return tape != NULL ? tape->status : tg_fail_thread(TG_NULL_ARGUMENT, "tg_tape_status: tape is NULL");
}

const char *tg_tape_error(const tg_tape *tape) { return tape != NULL ? tape->sentence : ""; }

static void keep_failure(tg_tape *tape, tg_status status, const char *format, va_list arguments) {
    if (tape->status != TG_OK) return;
    const int length = vsnprintf(tape->sentence, sizeof tape->sentence, format, arguments);
    if (tape->scope != 0 && length >= 0 && (size_t)length < sizeof tape->sentence)
        snprintf(tape->sentence + length, sizeof tape->sentence - (size_t)length, ", in %s", tg_name_text(tape, tape->scope));
    tape->status = status;
    if (!tape->is_internal) tg_tell_error(status, tape->sentence);
}

tg_status tg_fail(tg_tape *tape, tg_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    keep_failure(tape, status, format, arguments);
    va_end(arguments);
    return status;
}

tg_tensor tg_tape_fail(tg_tape *tape, tg_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (status == TG_OK) status = TG_BAD_ARGUMENT;
    if (tape == NULL) tg_fail_thread_list(status, format, arguments);
    else keep_failure(tape, status, format, arguments);
    va_end(arguments);
    return tg_handle(tape, 0);
}

tg_status tg_check_tensor(tg_tensor tensor, const char *caller) {
    tg_tape *tape = tensor.tape;
    if (tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "%s: a tensor is not given", caller);
    if (tape->status != TG_OK) return tape->status;
    if (tensor.id == 0) return tg_fail(tape, TG_OLD_STEP, "%s: a tensor failed in an earlier step", caller);
    if (tensor.step != tape->handle_step || tensor.id >= tape->length)
        return tg_fail(tape, TG_OLD_STEP, "%s: v%" PRIu32 " belongs to an earlier step of its tape", caller, tensor.id);
    return TG_OK;
}

tg_status tg_check_operand(tg_tape *tape, tg_tensor operand, const char *caller) {
    if (operand.tape == tape) return tg_check_tensor(operand, caller);
    if (operand.tape == NULL) return tg_fail(tape, TG_NULL_ARGUMENT, "%s: a tensor is not given", caller);
    return tg_fail(tape, TG_WRONG_TAPE, "%s: v%" PRIu32 " belongs to another tape", caller, operand.id);
}
