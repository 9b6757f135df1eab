/* look.c - plans beside the step, for those who draw: one that computes values and writes nothing, one that is only printed. */
#include "plan/planned.h"

static tg_status bind_leaves(tg_tape *tape, tg_plan_code *code) {
    for (size_t i = 0; i < code->leaf_count && tape->status == TG_OK; i++) {
        const tg_leaf *leaf = &tape->leaves[code->leaves[i].index];
        if (leaf->kind == TG_LEAF_BLOCK) tg_check_version(tape, code->leaves[i].node, leaf);
        tg_code_bind_leaf(code, i, leaf->kind == TG_LEAF_BLOCK ? leaf->block->data : leaf->data);
    }
    return tape->status;
}

static void copy_out(const tg_tape *tape, const tg_plan_code *code, tg_tensor tensor, double *out) {
    const tg_shape shape = tg_shape_at(tape, tensor.id);
    const void    *value = tg_code_value(code, tensor.id);
    const int64_t  count = value != NULL ? shape.rows * shape.cols : 0;
    if (!shape.integer) tg_convert(out, TG_F64, value, code->type, count);
    for (int64_t i = 0; shape.integer && i < count; i++) out[i] = ((const int32_t *)value)[i];
}

static tg_status look(tg_tape *tape, tg_plan_code *code, const tg_tensor tensors[], int count, double *const out[]) {
    char *arena = tg_allocate(code->arena_bytes);
    if (arena == NULL) return tg_fail(tape, TG_OUT_OF_MEMORY, "tg_look: no memory for %zu bytes", code->arena_bytes);
    if (bind_leaves(tape, code) == TG_OK) {
        tg_code_bind_arena(code, arena);
        const tg_instruction *failed = tg_code_run(code, tape->seed, tape->step);
        if (failed != NULL) tg_fail_check(tape, failed);
        for (int i = 0; i < count && failed == NULL; i++) copy_out(tape, code, tensors[i], out[i]);
    }
    tg_release(arena, code->arena_bytes);
    return tape->status;
}

static void keep_failure(tg_status status, const char *sentence) {
    char longer[TG_SENTENCE + 64];
    snprintf(longer, sizeof longer, "%s%s", sentence, status == TG_STALE ? "; look before the update, or on an eager tape" : "");
    tg_keep_failure(status, longer);
}

/* The tape stays as it was: what fails is for tg_last_error. */
tg_status tg_look_planned(tg_tape *tape, const tg_tensor tensors[], int count, double *const out[]) {
    tg_plan_code code;
    if (tg_compile(tape, tensors, count,
                   &(tg_compile_options){ .type = tape->type, .without_kept = true, .without_checks = true, .without_writes = true },
                   &code) == TG_OK) {
        look(tape, &code, tensors, count, out);
        tg_code_release(&code);
    }
    const tg_status status = tape->status;
    if (status != TG_OK) keep_failure(status, tape->sentence);
    tape->status      = TG_OK;
    tape->sentence[0] = '\0';
    return status;
}

tg_status tg_print_plan(const tg_tensor tensors[], int count, FILE *out) {
    if (out == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_print_plan: out is NULL");
    tg_status status = tg_check_run(tensors, count, "tg_print_plan");
    if (status != TG_OK) return status;
    tg_tape     *tape = tensors[0].tape;
    tg_plan_code code;
    status = tg_compile(tape, tensors, count, &(tg_compile_options){ .type = tape->type, .passes = tg_passes_of(tape), .listing = out }, &code);
    if (status == TG_OK) tg_code_release(&code);
    if (status == TG_OK && (fflush(out) != 0 || ferror(out))) status = tg_fail_thread(TG_CANNOT_WRITE, "tg_print_plan: the stream does not take it");
    return status;
}
