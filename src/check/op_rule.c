/* op_rule.c - what every derivative rule must be, whatever the op: linear in the cotangent, and the transpose of forward mode. */
#include "check/opcheck.h"
#include "core/util.h"

#include <inttypes.h>
#include <tapegrad/grad.h>
#include <tapegrad/ops.h>
#include <tapegrad/plan.h>

enum { SEEDS = 4, MOST_OUTPUTS = (SEEDS + 1) * TG_EXAMPLE_OPERANDS };
static const double tolerance = 1e-12;

/* The cotangents u, v, u / 2 - 2 v and 0 of the output, and what the rule makes of each. */
typedef struct rule {
    tg_opcheck     *c;
    const tg_trial *trial;
    int             which[TG_EXAMPLE_OPERANDS], count;
    double         *room;
    size_t          room_count;
    double         *seeds[SEEDS], *directions[TG_EXAMPLE_OPERANDS], *results[SEEDS][TG_EXAMPLE_OPERANDS], *moved[TG_EXAMPLE_OPERANDS];
} rule;

static tg_shape shape_of(const rule *r, int k) { return r->trial->example.shapes[r->which[k]]; }

static void share_room(rule *r) {
    const int64_t outputs = tg_count_of(r->trial->output);
    double       *next    = r->room;
    for (int i = 0; i < SEEDS; i++) r->seeds[i] = next, next += outputs;
    for (int k = 0; k < r->count; k++) {
        r->moved[k] = next, next += outputs;
        r->directions[k] = next, next += tg_count_of(shape_of(r, k));
        for (int i = 0; i < SEEDS; i++) r->results[i][k] = next, next += tg_count_of(shape_of(r, k));
    }
}

static bool make_room(rule *r) {
    const int64_t outputs = tg_count_of(r->trial->output);
    int64_t       total   = (SEEDS + r->count) * outputs;
    for (int k = 0; k < r->count; k++) total += (SEEDS + 1) * tg_count_of(shape_of(r, k));
    r->room_count = (size_t)total;
    r->room       = tg_allocate(r->room_count * sizeof(double));
    if (r->room == NULL) return r->c->trouble = tg_fail_thread(TG_OUT_OF_MEMORY, "tg_op_check: no memory for cotangents"), false;
    share_room(r);
    for (int64_t i = 0; i < outputs; i++) {
        r->seeds[0][i] = tg_draw(r->c, -1, 1);
        r->seeds[1][i] = tg_draw(r->c, -1, 1);
        r->seeds[2][i] = r->seeds[0][i] / 2 - 2 * r->seeds[1][i];
    }
    for (int k = 0; k < r->count; k++)
        for (int64_t i = 0; i < tg_count_of(shape_of(r, k)); i++) r->directions[k][i] = tg_draw(r->c, -1, 1);
    return true;
}

/* ---- recording and running ---- */

typedef void (*recorder)(const rule *r, tg_tape *tape, tg_tensor y, const tg_tensor leaves[], tg_tensor outputs[]);

static void record_seeds(const rule *r, tg_tape *tape, tg_tensor y, const tg_tensor leaves[], tg_tensor outputs[]) {
    const tg_gradients_options options = { .allow_unused = true };
    for (int i = 0; i < SEEDS && tg_tape_status(tape) == TG_OK; i++)
        tg_gradients(y, tg_input_f64(tape, r->seeds[i], tg_rows(y), tg_cols(y)), leaves, r->count, outputs + i * r->count, &options);
}

static void record_forward(const rule *r, tg_tape *tape, tg_tensor y, const tg_tensor leaves[], tg_tensor outputs[]) {
    for (int k = 0; k < r->count && tg_tape_status(tape) == TG_OK; k++)
        outputs[k] = tg_jvp(y, leaves[k], tg_input_f64(tape, r->directions[k], shape_of(r, k).rows, shape_of(r, k).cols));
}

static bool read_all(rule *r, tg_tape *tape, const tg_tensor outputs[], int count, double *const into[], tg_opcheck_kind kind) {
    tg_plan  *plan   = tg_plan_new(NULL, 0, outputs, count, &(tg_plan_options){ .type = TG_F64, .passes = "none" });
    tg_status status = plan != NULL ? tg_plan_run(plan) : tg_tape_status(tape);
    for (int i = 0; i < count && status == TG_OK; i++) status = tg_plan_read_f64(plan, i, into[i]);
    tg_plan_free(plan);
    return tg_expect_ok(r->c, kind, status, "it does not run", tg_tape_error(tape));
}

static bool compute(rule *r, recorder record, int count, double *const into[], tg_opcheck_kind kind) {
    tg_tensor outputs[MOST_OUTPUTS], operands[TG_EXAMPLE_OPERANDS], leaves[TG_EXAMPLE_OPERANDS];
    tg_tape  *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64, .seed = 5 });
    if (tape == NULL) return r->c->trouble = TG_OUT_OF_MEMORY, false;
    tg_record_operands(r->trial, tape, operands);
    for (int k = 0; k < r->count; k++) leaves[k] = operands[r->which[k]];
    const tg_tensor y = tg_apply(tape, r->trial->op, operands, r->trial->example.count, r->trial->example.attributes);
    record(r, tape, y, leaves, outputs);
    const bool done = tg_expect_ok(r->c, kind, tg_tape_status(tape), "it is not recorded", tg_tape_error(tape)) &&
                      read_all(r, tape, outputs, count, into, kind);
    tg_tape_free(tape);
    return done;
}

/* ---- judging ---- */

static void check_linearity(rule *r) {
    for (int k = 0; k < r->count; k++)
        for (int64_t i = 0; i < tg_count_of(shape_of(r, k)); i++) {
            const double u = r->results[0][k][i] / 2, v = -2 * r->results[1][k][i], both = r->results[2][k][i], none = r->results[3][k][i];
            const double size = fmax(1, fmax(fabs(u), fabs(v)));
            if (!tg_expect(r->c, TG_OPCHECK_LINEAR, fabs(u + v - both) <= tolerance * size,
                           "element %" PRId64 " of the cotangent of operand %d is %.17g, where the rule's sum for the parts is %.17g", i, r->which[k],
                           both, u + v) ||
                !tg_expect(r->c, TG_OPCHECK_LINEAR, none == 0,
                           "element %" PRId64 " of the cotangent of operand %d is %.17g where that of the output is zero",
                           i, r->which[k], none))
                return;
        }
}

/* <u, J d> = <J'u, d>, by each operand. One without elements does not move, and the mean of nothing is no number. */
static void check_forward(rule *r) {
    for (int k = 0; k < r->count; k++) {
        if (tg_count_of(shape_of(r, k)) == 0) continue;
        double forward = 0, reverse = 0, size = 1;
        for (int64_t i = 0; i < tg_count_of(r->trial->output); i++) {
            forward += r->seeds[0][i] * r->moved[k][i];
            size += fabs(r->seeds[0][i] * r->moved[k][i]);
        }
        for (int64_t i = 0; i < tg_count_of(shape_of(r, k)); i++) {
            reverse += r->results[0][k][i] * r->directions[k][i];
            size += fabs(r->results[0][k][i] * r->directions[k][i]);
        }
        tg_expect(r->c, TG_OPCHECK_FORWARD, fabs(forward - reverse) <= tolerance * size,
                  "by operand %d it is %.17g forward and %.17g backward", r->which[k], forward, reverse);
    }
}

void tg_check_rule(tg_opcheck *c, const tg_trial *trial) {
    rule r = { .c = c, .trial = trial };
    if (!tg_goes_on(c) || !tg_has_rule(c->op)) return;
    r.count = tg_moving_operands(trial, r.which);
    if (r.count == 0 || tg_count_of(trial->output) == 0) return;
    double *into[MOST_OUTPUTS];
    if (make_room(&r)) {
        for (int i = 0; i < SEEDS; i++)
            for (int k = 0; k < r.count; k++) into[i * r.count + k] = r.results[i][k];
        if (compute(&r, record_seeds, SEEDS * r.count, into, TG_OPCHECK_LINEAR)) {
            check_linearity(&r);
            if (trial->example.orders > 1 && compute(&r, record_forward, r.count, r.moved, TG_OPCHECK_FORWARD)) check_forward(&r);
        }
    }
    tg_release(r.room, r.room_count * sizeof(double));
}
