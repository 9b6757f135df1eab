/* op_passes.c - a step with the op in it, and its derivative, compiled with each pass on and off, against the step computed as it is recorded. */
#include "check/opcheck.h"
#include "core/util.h"

#include <inttypes.h>
#include <tapegrad/grad.h>
#include <tapegrad/ops.h>
#include <tapegrad/plan.h>

/* A fusion, and the algebra of ops, may round otherwise; all else gives the bits. */
#define EXACT "-simplify,-patterns"
static const struct { const char *passes; bool rounds; } choices[] = {
    { "none", false },           { "none,consing", false },    { "none,dead", false },        { "none,distribute", false },
    { "none,strips", false },    { "none,accumulate", false }, { "none,place", false },       { "none,donors", false },
    { "none,memory", false },    { EXACT ",-consing", false }, { EXACT ",-dead", false },     { EXACT ",-distribute", false },
    { EXACT ",-strips", false }, { EXACT ",-accumulate", false }, { EXACT ",-place", false }, { EXACT ",-donors", false },
    { EXACT ",-memory", false }, { EXACT, false },             { "none,simplify", true },     { "none,patterns", true },
    { "-simplify", true },       { "-patterns", true },        { "", true },
};

enum { CHOICES = sizeof choices / sizeof choices[0], MOST_OUTPUTS = 2 + TG_EXAMPLE_OPERANDS };

/* The tensors that a step computes. */
typedef struct step {
    tg_tape  *tape;
    tg_tensor outputs[MOST_OUTPUTS];
    int       count;
} step;

static const double one = 1;      /* a factor that the compiler does not know */

/* The op on values that the step computes and that end with it, so that its output may take their place; and something behind it, to be joined. */
static bool record(step *s, const tg_trial *trial, tg_type type, bool eager) {
    tg_tensor operands[TG_EXAMPLE_OPERANDS], leaves[TG_EXAMPLE_OPERANDS], gradients[TG_EXAMPLE_OPERANDS];
    int       leaf_count = 0;
    *s = (step){ .tape = tg_tape_new(&(tg_tape_options){ .type = type, .seed = 5, .eager = eager }) };
    if (s->tape == NULL) return false;
    const tg_tensor factor = tg_scalar_input(s->tape, &one);
    tg_record_operands(trial, s->tape, operands);
    for (int k = 0; k < trial->example.count; k++) {
        if (trial->integers[k] != NULL) continue;
        leaves[leaf_count++] = operands[k];
        operands[k]          = tg_mul(operands[k], factor);
    }
    const tg_tensor y = tg_apply(s->tape, trial->op, operands, trial->example.count, trial->example.attributes);
    s->outputs[s->count++] = y;
    s->outputs[s->count++] = tg_add(tg_mul(y, factor), y);
    if (leaf_count > 0 && tg_has_rule(trial->op)) {
        tg_gradients(tg_sum(tg_mul(tg_sin(y), factor)), TG_NONE, leaves, leaf_count, gradients, &(tg_gradients_options){ .allow_unused = true });
        for (int k = 0; k < leaf_count; k++) s->outputs[s->count++] = gradients[k];
    }
    return tg_tape_status(s->tape) == TG_OK;
}

static int64_t numbers_of(const step *s) {
    int64_t total = 0;
    for (int i = 0; i < s->count; i++) total += tg_count_of(tg_shape_of(s->outputs[i]));
    return total;
}

static tg_status run_eagerly(step *s, double *out) {
    tg_status status = tg_run_many(s->outputs, s->count);
    for (int i = 0; i < s->count && status == TG_OK; i++) {
        status = tg_read_f64(s->outputs[i], out);
        out += tg_count_of(tg_shape_of(s->outputs[i]));
    }
    return status;
}

static tg_status run_compiled(step *s, tg_type type, const char *passes, double *out) {
    tg_plan  *plan   = tg_plan_new(NULL, 0, s->outputs, s->count, &(tg_plan_options){ .type = type, .passes = passes });
    tg_status status = plan != NULL ? tg_plan_run(plan) : tg_tape_status(s->tape);
    for (int i = 0; i < s->count && status == TG_OK; i++) {
        status = tg_plan_read_f64(plan, i, out);
        out += tg_count_of(tg_shape_of(s->outputs[i]));
    }
    tg_plan_free(plan);
    return status;
}

static void compare(tg_opcheck *c, const char *passes, bool rounds, const double *eager, const double *compiled, int64_t count, tg_type type) {
    int64_t i = 0;
    while (i < count && (tg_is_same(eager[i], compiled[i]) || (rounds && fabs(eager[i] - compiled[i]) <= 1e-12 * fmax(1, fabs(eager[i]))))) i++;
    tg_expect(c, TG_OPCHECK_PASSES, i == count,
              "with the passes \"%s\" in %s number %" PRId64 " of value, value behind it and derivatives is %.17g, and %.17g computed as recorded",
              passes, type == TG_F64 ? "f64" : "f32", i, i < count ? compiled[i] : 0, i < count ? eager[i] : 0);
}

static void check_choices(tg_opcheck *c, const tg_trial *trial, tg_type type, step *eager, double *numbers, int64_t count) {
    if (!tg_expect_ok(c, TG_OPCHECK_PASSES, run_eagerly(eager, numbers), "computed as recorded", tg_tape_error(eager->tape))) return;
    for (int i = 0; i < CHOICES; i++) {
        step s;
        if (choices[i].rounds && type == TG_F32) continue;      /* what one rounding in float is, no tolerance for all ops tells */
        if (!tg_goes_on(c)) return;
        if (record(&s, trial, type, false)) {
            const tg_status status = run_compiled(&s, type, choices[i].passes, numbers + count);
            if (tg_expect_ok(c, TG_OPCHECK_PASSES, status, choices[i].passes, tg_tape_error(s.tape)))
                compare(c, choices[i].passes, choices[i].rounds, numbers, numbers + count, count, type);
        } else c->trouble = TG_OUT_OF_MEMORY;      /* it was recorded before */
        tg_tape_free(s.tape);
    }
}

static void check_type(tg_opcheck *c, const tg_trial *trial, tg_type type) {
    step eager;
    if (record(&eager, trial, type, true)) {
        const int64_t count   = numbers_of(&eager);
        const size_t  bytes   = 2 * (size_t)count * sizeof(double);
        double       *numbers = tg_allocate(bytes);
        if (numbers != NULL) check_choices(c, trial, type, &eager, numbers, count);
        else c->trouble = tg_fail_thread(TG_OUT_OF_MEMORY, "tg_op_check: no memory for values");
        tg_release(numbers, bytes);
    } else if (eager.tape == NULL) c->trouble = TG_OUT_OF_MEMORY;
    else tg_expect_ok(c, TG_OPCHECK_PASSES, tg_tape_status(eager.tape), "it is not recorded", tg_tape_error(eager.tape));
    tg_tape_free(eager.tape);
}

void tg_check_passes(tg_opcheck *c, const tg_trial *trial) {
    if (c->op->flags & TG_OP_ASSIGN) return;
    if (tg_goes_on(c)) check_type(c, trial, TG_F64);
    if (tg_goes_on(c)) check_type(c, trial, TG_F32);
}
