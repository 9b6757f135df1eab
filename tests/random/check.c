/* check.c - what has to hold for every program: whatever computes it, the values are those of an eager tape. */
#include "random/program.h"

#include <stdarg.h>

/* ---- passes: those that must give the bits come first ---- */

#define EXACT "-simplify,-patterns"
static const struct { const char *passes; bool rounds; } choices[] = {
    { "none", false },
    { "none,consing", false },   { "none,dead", false },       { "none,distribute", false },     { "none,strips", false },
    { "none,accumulate", false }, { "none,place", false },     { "none,donors", false },         { "none,memory", false },
    { "none,strips,adam_loop", false },
    { EXACT ",-consing", false }, { EXACT ",-dead", false },   { EXACT ",-distribute", false },  { EXACT ",-strips", false },
    { EXACT ",-accumulate", false }, { EXACT ",-place", false }, { EXACT ",-donors", false },    { EXACT ",-memory", false },
    { EXACT ",-adam_loop", false }, { EXACT, false },
    { "none,simplify", true },   { "none,patterns", true },    { "-simplify", true },            { "-patterns", true },
    { "-memory", true },         { "-place", true },           { "", true },
};
enum { CHOICES = sizeof choices / sizeof choices[0] };

bool refute(failure *f, const char *check, const char *passes, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(f->text, sizeof f->text, format, list);
    va_end(list);
    f->check  = check;
    f->passes = passes;
    return false;
}

static bool expect(failure *f, const char *check, const char *passes, const result *should, const result *is, double tolerance) {
    const size_t at = first_difference(should, is, tolerance);
    if (at == SIZE_MAX) return true;
    if (should->status != is->status)
        return refute(f, check, passes, "%s (%s) instead of %s (%s)", tg_status_name(is->status), is->sentence, tg_status_name(should->status),
                    should->sentence);
    return refute(f, check, passes, "number %zu of %zu is %.17g instead of %.17g", at, should->count, at < is->count ? is->at[at] : (double)NAN,
                at < should->count ? should->at[at] : (double)NAN);
}

static tg_tape *new_tape(tg_type type, bool eager) {
    return tg_tape_new(&(tg_tape_options){ .type = type, .seed = 17, .eager = eager, .passes = eager ? NULL : "" });
}

/* ---- what a rounding matters ----
 * Where the algebra of ops may round otherwise, what is discontinuous, or nearly so, may differ by more than the tolerance. How much is explained by
 * roundings is measured: every value is moved by a few of its last bits. */

static bool is_explained(const program *p, world *w, const result *should, const result *is) {
    enum { SHAKES = 24 };
    chance   c        = { p->seed };
    tg_tape *tape     = new_tape(p->type, true);
    result   shaken   = { 0 };
    double  *moved    = calloc(should->count + 1, sizeof *moved);
    bool     is_close = should->status == is->status && should->count == is->count;
    for (int k = 0; k < SHAKES && should->status == TG_OK; k++) {
        run_program(p, w, tape, &(manner){ .shake = &c }, &shaken);
        for (size_t i = 0; i < should->count && i < shaken.count; i++)
            moved[i] = shaken.status == TG_OK && isfinite(shaken.at[i]) ? fmax(moved[i], fabs(shaken.at[i] - should->at[i])) : (double)INFINITY;
    }
    for (size_t i = 0; i < should->count && is_close; i++) {
        const double scale = fmax(1, fabs(should->at[i])), off = fabs(is->at[i] - should->at[i]);
        is_close = !(off > 1e-12 * scale) ? isnan(should->at[i]) == isnan(is->at[i]) || isinf(moved[i]) : off <= 8 * moved[i];
    }
    free(moved);
    release_result(&shaken);
    tg_tape_free(tape);
    return is_close;
}

/* ---- plans of a tape, by every choice of passes ---- */

static bool check_passes(const program *p, world *w, const result *should, failure *f, tally *t) {
    tg_tape *tape = new_tape(p->type, false);
    result   is   = { 0 };
    bool     ok   = true;
    for (int i = 0; i < CHOICES && ok; i++) {
        if (choices[i].rounds && (p->type == TG_F32 || p->stored == TG_F32)) continue;      /* what a rounding to float is, no tolerance tells */
        tg_set_passes(tape, choices[i].passes);
        run_program(p, w, tape, &(manner){ 0 }, &is);
        ok = expect(f, "passes", choices[i].passes, should, &is, choices[i].rounds ? 1e-12 : 0);
        if (ok || !choices[i].rounds || !is_explained(p, w, should, &is)) continue;
        ok = true;
        if (t != NULL) t->excused++;
    }
    release_result(&is);
    tg_tape_free(tape);
    return ok;
}

static bool check_twice(const program *p, world *w, tg_tape *tape, const result *should, failure *f) {
    result again = { 0 };
    run_program(p, w, tape, &(manner){ 0 }, &again);
    const bool ok = expect(f, "run twice", NULL, should, &again, 0);
    release_result(&again);
    return ok;
}

/* ---- explicit plans: the same step, compiled from its arguments and from what is read ---- */

/* Plans give no integers: these count as read. */
static void read_plan(tg_plan *plan, const recording *rec, const result *should, result *r) {
    for (int i = 0, output = 0; i < rec->read_count && r->status == TG_OK; i++) {
        const int64_t count  = elements_of(tg_shape_of(rec->reads[i]));
        double       *values = calloc((size_t)count + 1, sizeof *values);
        const bool    given  = !tg_shape_of(rec->reads[i]).integer;
        if (given) r->status = tg_plan_read_f64(plan, output++, values);
        add_result(r, given || r->count + (size_t)count > should->count ? values : should->at + r->count, count);
        free(values);
    }
}

static tg_plan *make_plan(const recording *rec, const char *passes) {
    tg_tensor outputs[3 * MOST_NODES];
    int       count = 0;
    for (int i = 0; i < rec->read_count; i++)
        if (!tg_shape_of(rec->reads[i]).integer) outputs[count++] = rec->reads[i];
    for (int i = 0; i < rec->argument_count; i++)
        if (!tg_shape_of(rec->arguments[i]).integer) outputs[count++] = rec->arguments[i];
    if (count == 0) outputs[count++] = tg_constant(rec->at[0].tape, 0);
    return tg_plan_new(NULL, 0, outputs, count, &(tg_plan_options){ .passes = passes });
}

static void run_plan(const program *p, world *w, tg_tape *tape, const char *passes, const result *should, result *r) {
    recording rec;
    reset_variables(w, p);
    tg_begin(tape, NULL);
    tg_tape_set_step(tape, p->step);
    r->count  = 0;
    r->status = record_program(p, w, tape, &(manner){ 0 }, &rec);
    tg_plan *plan = make_plan(&rec, passes);
    r->status = plan != NULL ? tg_plan_run(plan) : tg_tape_status(tape);
    read_plan(plan, &rec, should, r);
    snprintf(r->sentence, sizeof r->sentence, "%.190s", plan != NULL ? tg_plan_error(plan) : tg_tape_error(tape));
    add_variables(r, p, w);
    tg_plan_free(plan);
}

/* An assignment that only an integer output depends on is none of a plan, which has no such outputs. */
static bool has_plans(const program *p) {
    bool writes = false, integers = false;
    for (int i = 0; i < p->node_count; i++) {
        writes   = writes || p->nodes[i].kind == ASSIGN;
        integers = integers || (p->nodes[i].shape.integer && (p->nodes[i].output || p->nodes[i].kept));
    }
    return !writes || !integers;
}

static bool check_plans(const program *p, world *w, const result *should, failure *f) {
    if (!has_plans(p)) return true;
    static const char *const passes[] = { "none", EXACT };
    tg_tape *tape = new_tape(p->type, false);
    result   is   = { 0 };
    bool     ok   = true;
    for (int i = 0; i < 2 && ok; i++) {
        run_plan(p, w, tape, passes[i], should, &is);
        ok = expect(f, "explicit plan", passes[i], should, &is, 0);
    }
    release_result(&is);
    tg_tape_free(tape);
    return ok;
}

/* ---- a tape that has run all programs before this one ---- */

static bool check_long_lived(const program *p, world *w, failure *f) {
    static tg_tape *old[2];
    tg_tape       **tape = &old[p->type == TG_F64], *fresh = new_tape(p->type, false);
    result          should = { 0 }, is = { 0 };
    if (*tape == NULL) *tape = new_tape(p->type, false);
    run_program(p, w, fresh, &(manner){ 0 }, &should);
    run_program(p, w, *tape, &(manner){ 0 }, &is);
    const bool ok = expect(f, "a tape after other programs", NULL, &should, &is, 0) && check_twice(p, w, *tape, &should, f);
    release_result(&should);
    release_result(&is);
    tg_tape_free(fresh);
    return ok;
}

/* ---- all ---- */

static bool is_finite(const result *r) {
    for (size_t i = 0; i < r->count; i++)
        if (!isfinite(r->at[i])) return false;
    return r->status == TG_OK;
}

static void count_program(const program *p, tally *t, bool finite) {
    t->programs++;
    t->not_finite += !finite;
    t->gradients += p->wanted_count > 0;
    for (int i = 0; i < p->node_count; i++) {
        const tg_op *op = p->nodes[i].kind == ASSIGN ? tg_op_find("assign") : p->nodes[i].op;
        t->nodes += op != NULL;
        for (int k = 0; op != NULL && k < tg_op_count() && k < 512; k++) t->ops[k] += tg_op_at(k) == op;
    }
}

/* An executing call may refuse what must be finite; all else that fails is a mistake, here or in the library. */
static bool check_reference(const result *r, failure *f) {
    return r->status == TG_OK || r->status == TG_NOT_FINITE || refute(f, "recorded", NULL, "%s: %s", tg_status_name(r->status), r->sentence);
}

bool check_program(program *p, failure *f, tally *t) {
    world    w;
    result   should = { 0 };
    tg_tape *eager  = new_tape(p->type, true);
    open_world(&w, p);
    run_program(p, &w, eager, &(manner){ 0 }, &should);
    const bool finite = is_finite(&should);
    bool       ok     = check_reference(&should, f) && check_twice(p, &w, eager, &should, f) && check_passes(p, &w, &should, f, t) &&
                        check_plans(p, &w, &should, f) && check_long_lived(p, &w, f);
    if (t != NULL) count_program(p, t, finite);
    release_result(&should);
    tg_tape_free(eager);
    close_world(&w);
    if (ok && finite) ok = check_derivatives(p, f, t);
    return ok && check_cache(p, f, t);
}

long find_failing(uint64_t first, long count, tally *counts, program *p, failure *f) {
    for (long i = 0; i < count; i++) {
        make_program(p, first + (uint64_t)i);
        if (!check_program(p, f, counts)) return (long)first + i;
    }
    return -1;
}
