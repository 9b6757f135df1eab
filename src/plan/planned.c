/* planned.c - the executor that compiles steps: finds the plan of an executing call, binds the data of this step to it, and runs it. */
#include "plan/planned.h"

#include <inttypes.h>
#include <string.h>

enum { MANY_MISSES = 8 };

/* An executing call of the last step, or of this one. */
typedef struct call {
    tg_plan_code *code;      /* NULL: its plan is gone */
    uint64_t      passes;
    size_t        fusions;   /* rows of their table */
    size_t        length;
    uint32_t     *ids;       /* arguments, kept, finite */
    size_t        id_capacity, argument_count, kept_count, finite_count;
} call;

typedef struct planned {
    tg_cache           cache;
    tg_key             key;
    uint64_t           passes;
    char              *arena;
    size_t             arena_bytes;
    call              *calls;      /* [call_count] of the last step; those of this one take their places */
    size_t             call_count, call_capacity;
    size_t             made;       /* in this step */
    uint32_t           handle_step;
    tg_plan_code      *last;       /* that ran last: its values can be read */
    tg_tape_statistics statistics;
    int                misses_in_a_row;
} planned;

static planned *planned_of(const tg_tape *tape) { return tape->executor; }

/* ---- the plan of a call ---- */

static bool has_ids(const call *c, size_t offset, const uint32_t *ids, size_t count) {
    return count == 0 || memcmp(c->ids + offset, ids, count * sizeof *ids) == 0;
}

static bool is_same_call(const tg_tape *tape, const call *c, const tg_tensor tensors[], int count) {
    if (c->code == NULL || c->length != tape->length || c->passes != planned_of(tape)->passes || c->argument_count != (size_t)count) return false;
    if (c->fusions != tg_pattern_count()) return false;
    if (c->kept_count != tape->kept.count || c->finite_count != tape->finite.count) return false;
    for (int i = 0; i < count; i++)
        if (c->ids[i] != tensors[i].id) return false;
    return has_ids(c, (size_t)count, tape->kept.at, c->kept_count) && has_ids(c, (size_t)count + c->kept_count, tape->finite.at, c->finite_count);
}

/* Calls of the last step stand for those of this one while no node differs: from those nodes with which they were made, which may have been others
 * than those of the last step, if that did not run. */
static void follow_step(tg_tape *tape) {
    planned *p = planned_of(tape);
    if (p->handle_step != tape->handle_step) {
        p->handle_step = tape->handle_step;
        p->made        = 0;
    }
    if (tape->changed && p->call_count > p->made) p->call_count = p->made;
    tape->changed = false;
}

static tg_status remember_call(tg_tape *tape, const tg_tensor tensors[], int count, tg_plan_code *code) {
    planned     *p      = planned_of(tape);
    const size_t needed = (size_t)count + tape->kept.count + tape->finite.count;
    if (!tg_grow((void **)&p->calls, &p->call_capacity, p->made + 1, sizeof *p->calls)) return tg_fail(tape, TG_OUT_OF_MEMORY, "tg_run: no memory");
    call *c = &p->calls[p->made];
    c->code = NULL;
    if (!tg_grow((void **)&c->ids, &c->id_capacity, needed, sizeof *c->ids)) return tg_fail(tape, TG_OUT_OF_MEMORY, "tg_run: no memory");
    for (int i = 0; i < count; i++) c->ids[i] = tensors[i].id;
    if (tape->kept.count > 0) memcpy(c->ids + count, tape->kept.at, tape->kept.count * sizeof *c->ids);
    if (tape->finite.count > 0) memcpy(c->ids + (size_t)count + tape->kept.count, tape->finite.at, tape->finite.count * sizeof *c->ids);
    c->code           = code;
    c->passes         = p->passes;
    c->fusions        = tg_pattern_count();
    c->length         = tape->length;
    c->argument_count = (size_t)count;
    c->kept_count     = tape->kept.count;
    c->finite_count   = tape->finite.count;
    if (p->call_count < ++p->made) p->call_count = p->made;
    return TG_OK;
}

static void forget_plan(void *context, const tg_plan_code *code) {
    planned *p = context;
    for (size_t i = 0; i < p->call_count; i++)
        if (p->calls[i].code == code) p->calls[i].code = NULL;
    if (p->last == code) p->last = NULL;
}

/* Steps that never repeat are advice to the user: once, until one does. */
static void log_miss(const tg_tape *tape) {
    planned *p = planned_of(tape);
    if (++p->misses_in_a_row != MANY_MISSES) return;
    char          text[300], was[TG_SHAPE_TEXT], is[TG_SHAPE_TEXT];
    const uint32_t id = tape->differs_at;
    if (id == 0 || id >= tape->length) snprintf(text, sizeof text, "%d executing calls in a row met no plan: what they ask for changes", MANY_MISSES);
    else if (tape->known_op == NULL)
        snprintf(text, sizeof text, "%d executing calls in a row met no plan: v%" PRIu32 " = %s %s is more than the step before had", MANY_MISSES, id,
                 tape->nodes[id].op->name, tg_shape_text(tg_shape_at(tape, id), is));
    else
        snprintf(text, sizeof text, "%d executing calls in a row met no plan: v%" PRIu32 " is %s %s, and was %s %s in the step before", MANY_MISSES,
                 id, tape->nodes[id].op->name, tg_shape_text(tg_shape_at(tape, id), is), tape->known_op->name, tg_shape_text(tape->known_shape, was));
    tg_tell_log(text);
}

static tg_plan_code *compile(tg_tape *tape, const tg_tensor tensors[], int count) {
    planned     *p = planned_of(tape);
    tg_plan_code fresh;
    p->statistics.misses++;
    if (tg_compile(tape, tensors, count, &(tg_compile_options){ .type = tape->type, .passes = p->passes }, &fresh) != TG_OK) return NULL;
    tg_plan_code *code = tg_cache_add(&p->cache, &p->key, &fresh, forget_plan, p);
    if (code == NULL) {
        tg_code_release(&fresh);
        return tg_fail(tape, TG_OUT_OF_MEMORY, "tg_run: no memory for another plan"), NULL;
    }
    p->statistics.compiles++;
    log_miss(tape);
    return code;
}

static tg_plan_code *find_plan(tg_tape *tape, const tg_tensor tensors[], int count) {
    planned *p = planned_of(tape);
    follow_step(tape);
    if (p->made < p->call_count && is_same_call(tape, &p->calls[p->made], tensors, count)) {
        p->statistics.hits++;
        p->misses_in_a_row = 0;
        return p->calls[p->made++].code;
    }
    if (tg_make_key(tape, tensors, count, p->passes, tg_pattern_count(), &p->key) != TG_OK) return NULL;
    tg_plan_code *code = tg_cache_find(&p->cache, &p->key);
    if (code != NULL) {
        p->statistics.hits++;
        p->misses_in_a_row = 0;
    } else code = compile(tape, tensors, count);
    return code != NULL && remember_call(tape, tensors, count, code) == TG_OK ? code : NULL;
}

/* ---- binding ---- */

static tg_status make_arena(tg_tape *tape, size_t bytes) {
    planned *p = planned_of(tape);
    if (p->arena_bytes >= bytes) return TG_OK;
    char *fresh = tg_allocate(bytes);
    if (fresh == NULL) return tg_fail(tape, TG_OUT_OF_MEMORY, "tg_run: no memory for an arena of %zu bytes", bytes);
    tg_release(p->arena, p->arena_bytes);
    p->arena       = fresh;
    p->arena_bytes = bytes;
    return TG_OK;
}

static tg_status bind_input(tg_tape *tape, tg_plan_code *code, size_t i, const tg_leaf *leaf, bool again) {
    const planned *p = planned_of(tape);
    if (!again && code->leaves[i].leaf.data == leaf->data) return TG_OK;
    if (tg_check_input(tape, code->leaves[i].node, leaf) != TG_OK ||
        tg_check_outside(tape, code->leaves[i].node, leaf, p->arena, p->arena_bytes) != TG_OK)
        return tape->status;
    tg_code_bind_leaf(code, i, leaf->data);
    return TG_OK;
}

static tg_status bind_leaf(tg_tape *tape, tg_plan_code *code, size_t i, bool again) {
    const tg_leaf *leaf = &tape->leaves[code->leaves[i].index];
    if (leaf->kind != TG_LEAF_BLOCK) return bind_input(tape, code, i, leaf, again);
    if (tg_check_version(tape, code->leaves[i].node, leaf) != TG_OK) return tape->status;
    if (again || code->leaves[i].leaf.data != leaf->block->data) tg_code_bind_leaf(code, i, leaf->block->data);
    return TG_OK;
}

static tg_status bind(tg_tape *tape, tg_plan_code *code) {
    const planned *p = planned_of(tape);
    if (make_arena(tape, code->arena_bytes) != TG_OK) return tape->status;
    const bool again = code->arena != p->arena || code->arena_size != p->arena_bytes;
    for (size_t i = 0; i < code->leaf_count; i++)
        if (bind_leaf(tape, code, i, again) != TG_OK) return tape->status;
    if (again) tg_code_bind_arena(code, p->arena);
    code->arena_size = p->arena_bytes;
    return TG_OK;
}

/* ---- running ---- */

tg_status tg_fail_check(tg_tape *tape, const tg_instruction *check) {
    const tg_status status = check->kind == TG_DO_LABELS ? tg_check_labels(tape, check->node, check->from, check->shape, check->limit)
                                                         : tg_check_finite(tape, check->node, check->from, check->from_type);
    return status != TG_OK ? status : tg_fail(tape, TG_BUG, "v%" PRIu32 ": a check failed and then passed", check->node);
}

static tg_status run(tg_tape *tape, const tg_tensor tensors[], int count) {
    planned      *p    = planned_of(tape);
    tg_plan_code *code = find_plan(tape, tensors, count);
    p->last = NULL;
    if (code == NULL || bind(tape, code) != TG_OK) return tape->status;
    const tg_instruction *failed = tg_code_run(code, tape->seed, tape->step);
    if (failed != NULL) return tg_fail_check(tape, failed);
    for (size_t i = 0; i < code->written_count; i++) code->written[i]->version++;
    p->last = code;
    return TG_OK;
}

static const void *value(const tg_tape *tape, uint32_t id) {
    const planned *p = planned_of(tape);
    return p->last != NULL && (tape->nodes[id].marks & TG_MARK_READABLE) ? tg_code_value(p->last, id) : NULL;
}

static void release(tg_tape *tape) {
    planned *p = planned_of(tape);
    if (p == NULL) return;
    tg_cache_release(&p->cache);
    for (size_t i = 0; i < p->call_capacity; i++) tg_release(p->calls[i].ids, p->calls[i].id_capacity * sizeof *p->calls[i].ids);
    tg_release(p->calls, p->call_capacity * sizeof *p->calls);
    tg_release(p->key.bytes, p->key.capacity);
    tg_release(p->arena, p->arena_bytes);
    tg_release(p, sizeof *p);
}

static const tg_execution planned_execution = { .run = run, .value = value, .look = tg_look_planned, .release = release };

tg_status tg_set_planned(tg_tape *tape, uint64_t passes) {
    planned *p = tg_allocate(sizeof *p);
    if (p == NULL) return TG_OUT_OF_MEMORY;
    p->passes       = passes;
    tape->executor  = p;
    tape->execution = &planned_execution;
    return TG_OK;
}

/* ---- switches and statistics ---- */

tg_status tg_set_passes(tg_tape *tape, const char *passes) {
    char sentence[TG_SENTENCE];
    if (tape == NULL || passes == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_set_passes: tape or passes is NULL");
    if (tape->execution != &planned_execution) return tg_fail_thread(TG_UNSUPPORTED, "tg_set_passes: an eager tape has no passes");
    const tg_status status = tg_parse_passes(passes, &planned_of(tape)->passes, sentence, sizeof sentence);
    return status == TG_OK ? TG_OK : tg_fail_thread(status, "tg_set_passes: %s", sentence);
}

uint64_t tg_passes_of(const tg_tape *tape) { return tape->execution == &planned_execution ? planned_of(tape)->passes : 0; }

tg_status tg_tape_stats(const tg_tape *tape, tg_tape_statistics *statistics) {
    if (tape == NULL || statistics == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_tape_stats: tape or statistics is NULL");
    *statistics = (tg_tape_statistics){ 0 };
    if (tape->execution == &planned_execution) {
        const planned *p = planned_of(tape);
        *statistics              = p->statistics;
        statistics->plans        = p->cache.count;
        statistics->arena_bytes  = p->arena_bytes;
        statistics->instructions = p->last != NULL ? (uint32_t)(p->last->step_count + p->last->other_count) : 0;
    }
    statistics->nodes = tg_node_count(tape);
    return TG_OK;
}
