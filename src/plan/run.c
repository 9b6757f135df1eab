/* run.c - a plan, running: set pointers, then call after call. */
#include "kernel/denormals.h"
#include "plan/instructions.h"

#include <math.h>
#include <string.h>

/* ---- pointers ---- */

static void set_pointers(tg_pointer *pointers, size_t count, const char *base) {
    for (size_t i = 0; i < count; i++) *pointers[i].at = base + pointers[i].place.offset;
}

void tg_code_bind_arena(tg_plan_code *code, void *arena) {
    set_pointers(code->pointers, code->arena_pointers, arena);
    code->arena = arena;
}

void tg_code_bind_leaf(tg_plan_code *code, size_t i, const void *data) {
    tg_plan_leaf *leaf = &code->leaves[i];
    set_pointers(code->pointers + leaf->first_pointer, leaf->pointer_count, data);
    leaf->leaf.data = data;
}

const void *tg_code_place(const tg_plan_code *code, tg_place place) {
    const char *base = place.base == TG_BASE_ARENA ? code->arena : place.base == TG_BASE_NUMBERS ? code->numbers
                                                                : code->leaves[place.base - TG_BASE_LEAVES].leaf.data;
    return base + place.offset;
}

const void *tg_code_value(const tg_plan_code *code, uint32_t node) {
    for (size_t i = 0; i < code->readable_count; i++)
        if (code->readable[i].node == node) return tg_code_place(code, code->readable[i].place);
    return NULL;
}

/* ---- steps ---- */

/* A loop runs in flat strips alone: its block is one row. */
static void run_loop(const tg_step *step) {
    const tg_pattern *p = step->loop;
    void             *outputs[TG_PATTERN_OPS];
    const void       *inputs[TG_PATTERN_INPUTS], *attributes[TG_PATTERN_OPS];
    bool              scalar[TG_PATTERN_INPUTS];
    for (int k = 0; k < p->input_count; k++) {
        inputs[k] = step->operands[k].data;
        scalar[k] = step->operands[k].col_stride == 0;
    }
    for (int k = 0; k < p->result_count; k++) outputs[k] = (void *)(uintptr_t)step->operands[p->input_count + k].data;
    for (int k = 0; k < p->op_count; k++) attributes[k] = (const uint64_t *)step->call.attributes + p->attribute_words[k];
    step->loop_fn(&(tg_loop){ .outputs = outputs, .inputs = inputs, .scalar = scalar, .attributes = attributes, .count = step->call.cols });
}

static inline void run_step(const tg_plan_code *code, const tg_step *step) {
    if (step->loop != NULL) run_loop(step);
    else if (step->kernel != NULL) step->kernel(&step->call);
    else tg_run_converted(step->op, &step->call, code->converted_operands, code->converted);
}

static void move_pointers(tg_step *step, ptrdiff_t blocks) {
    step->call.output = (char *)step->call.output + blocks * (ptrdiff_t)step->output_advance;
    for (int k = 0; k < step->call.input_count; k++)
        step->operands[k].data = (const char *)step->operands[k].data + blocks * (ptrdiff_t)step->advances[k];
}

/* A flat block is one row of elements; any other some rows. What is repeated keeps its one row. */
static void set_size(tg_step *step, int64_t units) {
    const int64_t size = units * step->width;
    if (!step->is_sum && step->flat) step->call.cols = size;
    if (!step->is_sum && !step->flat) step->call.rows = step->call.row_end = size;
    for (int k = 0; k < step->call.input_count; k++) {
        if (step->advances[k] == 0 && !step->is_sum) continue;      /* all operands of a sum have the strip's shape */
        if (step->flat) step->operands[k].cols = size;
        else step->operands[k].rows = size;
    }
}

static void run_strip(const tg_plan_code *code, const tg_instruction *strip) {
    for (int64_t b = 0; b < strip->blocks; b++)
        for (uint32_t i = 0; i < strip->step_count; i++) {
            tg_step *step = &strip->steps[i];
            step->call.first = b == 0;
            step->call.last  = b == strip->blocks - 1;
            if (step->call.last) set_size(step, strip->last);
            run_step(code, step);
            move_pointers(step, 1);
            step->call.first_element += strip->block_elements;
        }
    for (uint32_t i = 0; i < strip->step_count; i++) {
        tg_step *step = &strip->steps[i];
        move_pointers(step, -(ptrdiff_t)strip->blocks);
        set_size(step, strip->block);
        step->call.first_element = 0;
    }
}

/* ---- checks ---- */

static bool all_finite(const void *value, tg_type type, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (!(type == TG_F64 ? isfinite(((const double *)value)[i]) : isfinite(((const float *)value)[i]))) return false;
    return true;
}

static bool all_below(const int32_t *labels, int64_t limit, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (labels[i] < 0 || labels[i] >= limit) return false;
    return true;
}

/* ---- the list ---- */

static bool run_instruction(const tg_plan_code *code, const tg_instruction *n) {
    switch (n->kind) {
        case TG_DO_STEPS:
            for (uint32_t i = 0; i < n->step_count; i++) run_step(code, &n->steps[i]);
            return true;
        case TG_DO_STRIP:  run_strip(code, n); return true;
        case TG_DO_COPY:   tg_convert(n->to, n->to_type, n->from, n->from_type, n->count); return true;
        case TG_DO_ZERO:   memset(n->to, 0, (size_t)n->count * (n->to_type == TG_F64 ? sizeof(double) : sizeof(float))); return true;
        case TG_DO_FINITE: return all_finite(n->from, n->from_type, n->count);
        case TG_DO_LABELS: return all_below(n->from, n->limit, n->count);
        case TG_DO_POISON: memset(n->to, 0xff, (size_t)n->count); return true;
    }
    return false;
}

static void key_draws(tg_plan_code *code, uint64_t seed, uint64_t step) {
    for (size_t i = 0; i < code->step_count; i++) {
        code->steps[i].call.seed = seed;
        code->steps[i].call.step = step;
    }
}

static void read_numbers(tg_plan_code *code) {
    for (size_t i = 0; i < code->leaf_count; i++) {
        const tg_plan_leaf *leaf = &code->leaves[i];
        if (leaf->leaf.kind == TG_LEAF_SCALAR && leaf->number > 0)
            tg_convert(code->numbers + leaf->number - 1, code->type, leaf->leaf.data, TG_F64, 1);
    }
}

const tg_instruction *tg_code_run(tg_plan_code *code, uint64_t seed, uint64_t step) {
    const bool            flush  = code->type == TG_F32 && !code->keep_denormals;
    const unsigned        before = flush ? tg_denormals_flush() : 0;
    const tg_instruction *failed = NULL;
    if (code->has_draws) key_draws(code, seed, step);
    read_numbers(code);
    for (size_t i = 0; i < code->instruction_count && failed == NULL; i++)
        if (!run_instruction(code, &code->instructions[i])) failed = &code->instructions[i];
    if (flush) tg_denormals_restore(before);
    return failed;
}

/* ---- the end ---- */

void tg_code_release(tg_plan_code *code) {
    tg_release(code->instructions, code->instruction_capacity * sizeof *code->instructions);
    tg_release(code->steps, code->step_capacity * sizeof *code->steps);
    tg_release(code->operands, code->operand_capacity * sizeof *code->operands);
    tg_release(code->advances, code->advance_capacity * sizeof *code->advances);
    tg_release(code->attributes, code->attribute_capacity * sizeof *code->attributes);
    tg_release(code->numbers, code->number_bytes);
    tg_release(code->leaves, code->leaf_capacity * sizeof *code->leaves);
    tg_release(code->pointers, code->pointer_capacity * sizeof *code->pointers);
    tg_release(code->readable, code->readable_capacity * sizeof *code->readable);
    tg_release(code->written, code->written_capacity * sizeof *code->written);
    tg_release(code->states, code->state_count * sizeof *code->states);
    tg_release(code->converted, code->converted_count * sizeof *code->converted);
    tg_release(code->converted_operands, code->converted_operand_count * sizeof *code->converted_operands);
    *code = (tg_plan_code){ 0 };
}
