/* opcheck.c - every check of an op, in every size, and what is said about it. */
#include "check/opcheck.h"
#include "core/util.h"

#include <inttypes.h>
#include <stdarg.h>
#include <tapegrad/check.h>

enum { MOST_TOLD = 3, MOST_EXAMPLES = 32 };      /* failures of one check that the report shows */

#define TG_OPCHECK_WORDS(name, words) words,
static const char *const words[] = { TG_OPCHECKS(TG_OPCHECK_WORDS) };

/* ---- the record ---- */

bool tg_expect(tg_opcheck *c, tg_opcheck_kind kind, bool holds, const char *format, ...) {
    c->checks++;
    if (holds) return true;
    char    sentence[300], where[TG_TRIAL_TEXT] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    if (c->trial != NULL) tg_trial_text(c->trial, where);
    if (c->failures == 0) snprintf(c->first, sizeof c->first, "%s%s%.120s: %.230s", words[kind], where[0] != '\0' ? " of " : "", where, sentence);
    if (c->report != NULL && c->failed[kind] < MOST_TOLD)
        fprintf(c->report, "%s: %s%s%s: %s\n", c->op->name, words[kind], where[0] != '\0' ? " of " : "", where, sentence);
    if (c->report != NULL && c->failed[kind] == MOST_TOLD) fprintf(c->report, "%s: %s: and more\n", c->op->name, words[kind]);
    c->failed[kind]++;
    c->failures++;
    return false;
}

bool tg_expect_ok(tg_opcheck *c, tg_opcheck_kind kind, tg_status status, const char *what, const char *sentence) {
    if (status == TG_OUT_OF_MEMORY) return c->trouble = status, false;
    return tg_expect(c, kind, status == TG_OK, "%s: %s: %s", what, tg_status_name(status), sentence);
}

/* ---- one op ---- */

enum { KERNELS = 1, VALUES = 2, SLOPES = 4, PASSES = 8 };      /* what is checked of a trial */

static void check_trial(tg_opcheck *c, tg_trial *trial, int what) {
    if (!tg_goes_on(c)) return;
    if (tg_prepare_trial(c, trial)) {
        if (trial->output.integer) what &= KERNELS;      /* integers have no roundings and no derivatives */
        tg_check_shape(c, trial);
        if ((what & KERNELS) && !trial->repeat) tg_check_memory(c, trial), tg_check_cuts(c, trial);
        if (what & VALUES) tg_check_values(c, trial);
        if (what & SLOPES) tg_check_derivatives(c, trial), tg_check_rule(c, trial);
        if (what & PASSES) tg_check_passes(c, trial);
    }
    tg_release_trial(trial);
    c->trial = NULL;
}

static void check_size(tg_opcheck *c, int64_t rows, int64_t cols, int what) {
    for (int i = 0; i < MOST_EXAMPLES && tg_goes_on(c); i++) {
        tg_trial trial = { .op = c->op };
        if (!tg_find_example(c->op, i, rows, cols, &trial.example)) return;
        check_trial(c, &trial, what);
    }
}

/* Zeros, and what lies around the widths of vectors. */
static void check_sizes(tg_opcheck *c) {
    static const int64_t widths[] = { 0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33 };
    static const int64_t rows[]   = { 0, 1, 2, 3, 5 };
    check_size(c, 3, 4, KERNELS | VALUES | SLOPES | PASSES);
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++)
        for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
            const bool is_small = rows[r] * widths[w] <= 3, is_middle = rows[r] == 3;
            check_size(c, rows[r], widths[w], KERNELS | (is_middle ? VALUES : 0) | (is_small ? VALUES | SLOPES | PASSES : 0));
        }
    check_size(c, 5, 17, SLOPES | PASSES);
}

/* Larger numbers, where the op has not said from where they come: what overflows or cancels in float shows. Derivatives are not checked there. */
static void check_wide(tg_opcheck *c) {
    for (int i = 0; i < MOST_EXAMPLES && tg_goes_on(c); i++) {
        tg_trial trial = { .op = c->op };
        if (c->op->lo != 0 || c->op->hi != 0 || !tg_find_example(c->op, i, 3, 9, &trial.example)) return;
        for (int k = 0; k < trial.example.count; k++)
            if (trial.example.lo[k] == -2 && trial.example.hi[k] == 2) trial.example.lo[k] = -200, trial.example.hi[k] = 200;
        check_trial(c, &trial, VALUES);
    }
}

/* Operands that broadcast: every way in which each may have one row or one column. */
static void check_broadcasts(tg_opcheck *c) {
    static const tg_shape shapes[] = { { 3, 4, false }, { 1, 4, false }, { 3, 1, false }, { 1, 1, false } };
    tg_op_example         example;
    const bool            exists = tg_find_example(c->op, 0, 3, 4, &example);
    if (!exists || c->op->shape != NULL || !(c->op->flags & TG_OP_ELEMENTWISE) || example.count < 2 || example.count > 3) return;
    for (int i = 1; i < 1 << (2 * example.count) && tg_goes_on(c); i++) {
        tg_trial trial = { .op = c->op, .example = example };
        for (int k = 0; k < example.count; k++) trial.example.shapes[k] = shapes[i >> (2 * k) & 3];
        check_trial(c, &trial, KERNELS | VALUES | SLOPES | (example.count == 2 ? PASSES : 0));
    }
}

/* One tensor as every operand. */
static void check_repeated(tg_opcheck *c) {
    tg_trial trial = { .op = c->op, .repeat = true };
    if (!tg_find_example(c->op, 0, 3, 4, &trial.example) || trial.example.count < 2) return;
    for (int k = 1; k < trial.example.count; k++) {
        const tg_shape a = trial.example.shapes[0], b = trial.example.shapes[k];
        if (a.rows != b.rows || a.cols != b.cols || a.integer || b.integer) return;
        if (trial.example.lo[k] != trial.example.lo[0] || trial.example.hi[k] != trial.example.hi[0]) return;
    }
    check_trial(c, &trial, VALUES | SLOPES | PASSES);
}

/* What only all trials together tell. */
static void check_totals(tg_opcheck *c) {
    if (c->samples > 0)
        tg_expect(c, TG_OPCHECK_KINKS, 20 * c->kinks <= c->samples,
                  "%" PRId64 " of %" PRId64 " derivatives were not checked, because the slopes to both sides differ; see .avoid, .lo and .hi",
                  c->kinks, c->samples);
    if (c->was_differentiated)
        tg_expect(c, TG_OPCHECK_NOT_ZERO, c->has_slope, "it is zero wherever it was looked at; if that is meant, flag the op TG_OP_STOP");
}

static void check_op(tg_opcheck *c) {
    c->state = 14695981039346656037u;      /* by name, so that other ops do not change the draws; Fowler, Noll and Vo */
    for (const char *p = c->op->name; *p != '\0'; p++) c->state = (c->state ^ (uint64_t)(unsigned char)*p) * 1099511628211u;
    tg_check_texts(c);
    check_sizes(c);
    check_wide(c);
    check_broadcasts(c);
    check_repeated(c);
    check_totals(c);
    if (c->report == NULL) return;
    if (!tg_has_rule(c->op) && !(c->op->flags & TG_OP_STOP))
        fprintf(c->report, "%s: %s, and no derivative was checked\n", c->op->name,
                c->op->flags & TG_OP_ASSIGN ? "it writes variables, of which there are none here" : "it has no rule");
    if (c->is_wild) fprintf(c->report, "%s: its kernel is not to be trusted, and no other checks were made\n", c->op->name);
    fprintf(c->report, "%s: %" PRId64 " checks, %" PRId64 " failed\n", c->op->name, c->checks, c->failures);
}

static tg_status check_report(FILE *report) {
    if (report == NULL || (fflush(report) == 0 && !ferror(report))) return TG_OK;
    return tg_fail_thread(TG_CANNOT_WRITE, "tg_op_check: the report does not take it");
}

/* TG_CHECK_FAILED is told by the callers, once. */
static tg_status run_checks(tg_opcheck *c) {
    check_op(c);
    if (c->trouble != TG_OK)
        return tg_fail_thread(c->trouble, "tg_op_check: \"%s\" could not be checked: %s", c->op->name, tg_status_text(c->trouble));
    if (check_report(c->report) != TG_OK) return TG_CANNOT_WRITE;
    return c->failures == 0 ? TG_OK : TG_CHECK_FAILED;
}

tg_status tg_op_check(const char *name, FILE *report) {
    if (name == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_op_check: name is NULL");
    tg_opcheck c = { .op = tg_op_find(name), .report = report };
    if (c.op == NULL) return tg_fail_thread(TG_UNKNOWN_NAME, "tg_op_check: no op \"%.100s\" is registered", name);
    const tg_status status = run_checks(&c);
    if (status == TG_CHECK_FAILED)
        tg_fail_thread(status, "tg_op_check: %.60s: %" PRId64 " of %" PRId64 " checks failed; %s", c.op->name, c.failures, c.checks, c.first);
    return status;
}

tg_status tg_op_check_all(FILE *report) {
    int64_t    checks = 0, failures = 0, wrong = 0;
    tg_opcheck first = { 0 };
    const int  count = tg_op_count();
    for (int i = 0; i < count; i++) {
        tg_opcheck      c      = { .op = tg_op_at(i), .report = report };
        const tg_status status = run_checks(&c);
        if (status != TG_OK && status != TG_CHECK_FAILED) return status;
        if (failures == 0 && c.failures > 0) first = c;
        checks += c.checks;
        failures += c.failures;
        wrong += c.failures > 0;
    }
    if (report != NULL) fprintf(report, "%d ops, %" PRId64 " checks, %" PRId64 " failed\n", count, checks, failures);
    if (check_report(report) != TG_OK) return TG_CANNOT_WRITE;
    if (failures == 0) return TG_OK;
    return tg_fail_thread(TG_CHECK_FAILED, "tg_op_check_all: %" PRId64 " of %d ops fail, first %.60s: %s", wrong, count, first.op->name, first.first);
}
