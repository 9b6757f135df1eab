/* op_memory.c - one call of a kernel for all rows: what it reads, what it writes, and where the output may lie. */
#include "check/op_call.h"
#include "core/util.h"

#include <inttypes.h>

static const char *type_of(const tg_bench *b) { return b->f64 ? "f64" : "f32"; }

/* One call with that around it; whether the memory around it is as it was. */
static bool run_with(tg_opcheck *c, tg_bench *b, int guard, int before, int alias) {
    tg_bench_set(b, guard, before, alias);
    const tg_call call = tg_bench_call(b);
    tg_bench_run(b, &call);
    const char *damage = tg_bench_damage(b);
    return tg_expect(c, TG_OPCHECK_WRITES, damage == NULL, "the %s kernel changes %s", type_of(b), damage != NULL ? damage : "");
}

static bool expect_bits(tg_opcheck *c, const tg_bench *b, tg_opcheck_kind kind, const double *expected, const char *what) {
    const int64_t i = tg_bench_compare(b, expected), cols = b->trial->output.cols;
    return tg_expect(c, kind, i < 0, "element [%" PRId64 ",%" PRId64 "] in %s is %.17g, and %.17g %s", i < 0 ? 0 : i / cols, i < 0 ? 0 : i % cols,
                     type_of(b), i < 0 ? 0 : tg_bench_value(b, i), i < 0 ? 0 : expected[i], what);
}

/* Whatever lies around operands and output, and in the output, before the call. A kernel that fails here is not run elsewhere. */
static void check_surroundings(tg_opcheck *c, tg_bench *b, double *value) {
    bool fits = run_with(c, b, TG_FILL_NAN, TG_FILL_NAN, -1);
    tg_bench_copy(b, value);
    fits = run_with(c, b, TG_FILL_NAN, TG_FILL_NAN, -1) && fits;
    fits = expect_bits(c, b, TG_OPCHECK_SAME_BITS, value, "in another call") && fits;
    if (fits) {
        fits = run_with(c, b, TG_FILL_NUMBER, TG_FILL_NAN, -1);
        fits = expect_bits(c, b, TG_OPCHECK_READS, value, "with other memory around the operands") && fits;
    }
    if (fits) {
        run_with(c, b, TG_FILL_NAN, TG_FILL_NUMBER, -1);
        fits = expect_bits(c, b, TG_OPCHECK_COMPLETE, value, "where the output held something else before");
    }
    c->is_wild = c->is_wild || !fits;
}

static void check_in_place(tg_opcheck *c, tg_bench *b, const double *value) {
    for (int k = 0; k < b->trial->example.count; k++) {
        const tg_shape s = b->trial->example.shapes[k], y = b->trial->output;
        char           what[60];
        if (s.integer || s.rows != y.rows || s.cols != y.cols) continue;
        run_with(c, b, TG_FILL_NAN, TG_FILL_NAN, k);
        snprintf(what, sizeof what, "where the output is not the memory of operand %d", k);
        expect_bits(c, b, TG_OPCHECK_IN_PLACE, value, what);
    }
}

static void check_type(tg_opcheck *c, const tg_trial *trial, bool f64) {
    tg_bench     b;
    const size_t bytes = (size_t)tg_count_of(trial->output) * sizeof(double);
    if (tg_kernel_of(trial->op, f64) == NULL || !tg_goes_on(c) || !tg_bench_new(c, &b, trial, f64)) return;
    double *value = tg_allocate(bytes);
    if (value == NULL) c->trouble = tg_fail_thread(TG_OUT_OF_MEMORY, "tg_op_check: no memory for values");
    if (value != NULL) check_surroundings(c, &b, value);
    if (tg_goes_on(c) && (trial->op->flags & TG_OP_ELEMENTWISE)) check_in_place(c, &b, value);
    tg_release(value, bytes);
    tg_bench_free(&b);
}

void tg_check_memory(tg_opcheck *c, const tg_trial *trial) {
    check_type(c, trial, true);
    check_type(c, trial, false);
}
