/* op_values.c - what an op computes in float, and what it expands to, against its value in double.
 *
 * How far they may be apart is measured: by how much the value in double moves when each element of the operands moves by its rounding. That is the
 * condition of the value times the unit roundoff (Higham 2002, "Accuracy and stability of numerical algorithms", 1.6), for any op. */
#include "check/opcheck.h"
#include "core/util.h"

#include <float.h>
#include <inttypes.h>
#include <tapegrad/plan.h>

enum { ROUNDINGS = 4 };      /* that an op may make */

/* One way to compute the value: compiled, reading the trial's operands where they lie. */
typedef struct meaning {
    tg_op    op;
    tg_tape *tape;
    tg_plan *plan;
} meaning;

static void free_meaning(meaning *m) {
    tg_plan_free(m->plan);
    tg_tape_free(m->tape);
}

/* expanded: without the kernels. */
static bool new_meaning(tg_opcheck *c, meaning *m, const tg_trial *trial, tg_type type, bool expanded, tg_opcheck_kind kind) {
    *m = (meaning){ .op = *trial->op };
    if (expanded) m->op.f32 = m->op.f64 = NULL;
    m->tape = tg_tape_new(&(tg_tape_options){ .type = type, .seed = 5, .keep_denormals = true });
    if (m->tape == NULL) return c->trouble = TG_OUT_OF_MEMORY, false;
    const tg_tensor y = tg_record_trial(trial, expanded ? &m->op : trial->op, m->tape);
    m->plan = tg_tape_status(m->tape) == TG_OK ? tg_plan_new(NULL, 0, &y, 1, &(tg_plan_options){ .type = type, .passes = "none" }) : NULL;
    if (m->plan != NULL) return true;
    tg_expect_ok(c, kind, tg_tape_status(m->tape), "it is not compiled", tg_tape_error(m->tape));
    free_meaning(m);
    return false;
}

static bool run(tg_opcheck *c, meaning *m, tg_opcheck_kind kind, double *out) {
    tg_plan_set_step(m->plan, 0);
    tg_status status = tg_plan_run(m->plan);
    if (status == TG_OK) status = tg_plan_read_f64(m->plan, 0, out);
    return tg_expect_ok(c, kind, status, "it does not run", tg_plan_error(m->plan));
}

/* Arrays [count] of the output's elements. */
typedef struct table {
    int64_t count;
    double *value, *moved, *unit, *other;      /* value in double; unit: by how much one rounding of the operands moves it, times 2^24 */
} table;

static void add_movement(table *t) {
    for (int64_t i = 0; i < t->count; i++) t->unit[i] += fabs(t->moved[i] - t->value[i]) * 0x1p20;
}

/* The value in double, and its condition: the sum over the elements of the operands of |x| |dy/dx|. */
static bool measure(tg_opcheck *c, tg_trial *trial, meaning *m, table *t) {
    if (!run(c, m, TG_OPCHECK_FLOAT, t->value)) return false;
    for (int64_t i = 0; i < t->count; i++) t->unit[i] = fabs(t->value[i]);
    for (int k = 0; k < trial->example.count; k++) {
        const int64_t count = trial->values[k] != NULL && !(k > 0 && trial->repeat) ? tg_count_of(trial->example.shapes[k]) : 0;
        for (int64_t e = 0; e < count; e++) {
            const double x = trial->values[k][e];
            trial->values[k][e] = x * (1 + 0x1p-20);
            const bool ran = run(c, m, TG_OPCHECK_FLOAT, t->moved);
            trial->values[k][e] = x;
            if (!ran) return false;
            add_movement(t);
        }
    }
    return true;
}

static void compare(tg_opcheck *c, const tg_trial *trial, const table *t, tg_opcheck_kind kind, double roundoff, double least, const char *what) {
    for (int64_t i = 0; i < t->count; i++) {
        const double bound = fmax(roundoff * t->unit[i], least), off = fabs(t->other[i] - t->value[i]);
        const bool   fits  = off <= bound || tg_is_same(t->other[i], t->value[i]) || !isfinite(bound) || fabs(t->value[i]) > (double)FLT_MAX;
        if (!tg_expect(c, kind, fits,
                       "element [%" PRId64 ",%" PRId64 "] is %.17g %s, and %.17g in f64: off by %.3g, where %.3g is what roundings explain",
                       i / trial->output.cols, i % trial->output.cols, t->other[i], what, t->value[i], off, bound))
            return;
    }
}

/* What is made of several elements may cancel terms of their size, and of size one, such as the largest of e^(x - max x). */
static double largest_of(const tg_trial *trial) {
    double largest = 1;
    for (int k = 0; k < trial->example.count; k++) {
        const int64_t count = trial->values[k] != NULL ? tg_count_of(trial->example.shapes[k]) : 0;
        for (int64_t e = 0; e < count; e++) largest = fmax(largest, fabs(trial->values[k][e]));
    }
    return largest;
}

static void compare_with(tg_opcheck *c, const tg_trial *trial, table *t, tg_type type, bool expanded) {
    const tg_opcheck_kind kind  = expanded ? TG_OPCHECK_EXPAND : TG_OPCHECK_FLOAT;
    const double          least = trial->op->flags & TG_OP_ELEMENTWISE ? (double)FLT_MIN : ROUNDINGS * 0x1p-24 * largest_of(trial);
    meaning               m;
    if (!new_meaning(c, &m, trial, type, expanded, kind)) return;
    if (run(c, &m, kind, t->other)) {
        if (type == TG_F64) compare(c, trial, t, kind, 1e-13, 1e-13, "as it expands in f64");
        else compare(c, trial, t, kind, ROUNDINGS * 0x1p-24, least, expanded ? "as it expands in f32" : "in f32");
    }
    free_meaning(&m);
}

static void compare_all(tg_opcheck *c, tg_trial *trial, table *t) {
    meaning    m;
    const bool has_kernel = trial->op->f64 != NULL;
    if (!new_meaning(c, &m, trial, TG_F64, false, TG_OPCHECK_FLOAT)) return;
    const bool measured = measure(c, trial, &m, t);
    free_meaning(&m);
    if (!measured) return;
    compare_with(c, trial, t, TG_F32, false);
    if (has_kernel && trial->op->expand != NULL) {
        compare_with(c, trial, t, TG_F64, true);
        compare_with(c, trial, t, TG_F32, true);
    }
}

void tg_check_values(tg_opcheck *c, tg_trial *trial) {
    const int64_t count = tg_count_of(trial->output);
    const size_t  bytes = (size_t)count * sizeof(double);
    if (!tg_goes_on(c) || (c->op->flags & TG_OP_ASSIGN)) return;
    double *room = tg_allocate(4 * bytes);
    if (room != NULL) {
        table t = { .count = count, .value = room, .moved = room + count, .unit = room + 2 * count, .other = room + 3 * count };
        compare_all(c, trial, &t);
    } else c->trouble = tg_fail_thread(TG_OUT_OF_MEMORY, "tg_op_check: no memory for values");
    tg_release(room, 4 * bytes);
}
