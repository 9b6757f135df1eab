/* op_derivatives.c - derivatives of three orders against five-point differences in f64 (Abramowitz and Stegun 1964, 25.3.6).
 *
 * With weights w and directions d that are drawn, s1 = <w, y>, s2 = <d, ds1/dx>, s3 = <d, ds2/dx> are numbers, each with a gradient that the tape
 * records. One run gives all of them, so four runs beside an element give the differences of all three. */
#include "check/opcheck.h"
#include "core/util.h"

#include <inttypes.h>
#include <tapegrad/grad.h>
#include <tapegrad/ops.h>
#include <tapegrad/plan.h>

enum { ORDERS = 3, MOST_SAMPLES = 16 };      /* of one operand */

static const double          tolerance = 1e-8;
static const tg_opcheck_kind kinds[ORDERS] = { TG_OPCHECK_FIRST, TG_OPCHECK_SECOND, TG_OPCHECK_THIRD };

typedef struct slopes {
    tg_opcheck *c;
    tg_trial   *trial;
    int         orders;
    int         which[TG_EXAMPLE_OPERANDS], count;       /* operands that move */
    double     *room;                                    /* of what follows, in doubles */
    size_t      room_count;
    double     *weights, *directions[TG_EXAMPLE_OPERANDS], *gradients[ORDERS][TG_EXAMPLE_OPERANDS];
    tg_tape    *tape;
    tg_plan    *plan;                                    /* s1, s2, s3, then the gradients by order and operand */
} slopes;

static int64_t size_of(const slopes *s, int k) { return tg_count_of(s->trial->example.shapes[s->which[k]]); }

static bool make_room(slopes *s) {
    size_t total = (size_t)tg_count_of(s->trial->output);
    for (int k = 0; k < s->count; k++) total += (ORDERS + 1) * (size_t)size_of(s, k);
    s->room_count = total;
    s->room       = tg_allocate(total * sizeof(double));
    if (s->room == NULL) return s->c->trouble = tg_fail_thread(TG_OUT_OF_MEMORY, "tg_op_check: no memory for derivatives"), false;
    double *next = s->room;
    s->weights = next, next += tg_count_of(s->trial->output);
    for (int k = 0; k < s->count; k++) {
        s->directions[k] = next, next += size_of(s, k);
        for (int o = 0; o < ORDERS; o++) s->gradients[o][k] = next, next += size_of(s, k);
    }
    for (int64_t i = 0; i < tg_count_of(s->trial->output); i++) s->weights[i] = tg_draw(s->c, 0.5, 1.5) * (i % 2 == 0 ? 1 : -1);
    for (int k = 0; k < s->count; k++)
        for (int64_t i = 0; i < size_of(s, k); i++) s->directions[k][i] = tg_draw(s->c, -1, 1);
    return true;
}

/* ---- recording ---- */

/* The sum of <d, g> over the operands. */
static tg_tensor along_directions(const slopes *s, const tg_tensor g[]) {
    tg_tensor sum = TG_NONE;
    for (int k = 0; k < s->count; k++) {
        const tg_shape  shape = s->trial->example.shapes[s->which[k]];
        const tg_tensor part  = tg_sum(tg_mul(g[k], tg_input_f64(s->tape, s->directions[k], shape.rows, shape.cols)));
        sum = k == 0 ? part : tg_add(sum, part);
    }
    return sum;
}

/* Records as many orders as are asked for; the first that cannot be is returned, counted from 0, or the number of all. */
static int record(slopes *s, tg_tensor outputs[]) {
    tg_tensor      operands[TG_EXAMPLE_OPERANDS], leaves[TG_EXAMPLE_OPERANDS];
    const tg_shape y = s->trial->output;
    int            used = s->orders;
    tg_record_operands(s->trial, s->tape, operands);
    for (int k = 0; k < s->count; k++) leaves[k] = operands[s->which[k]];
    const tg_tensor value = tg_apply(s->tape, s->trial->op, operands, s->trial->example.count, s->trial->example.attributes);
    outputs[0] = tg_sum(tg_mul(value, tg_input_f64(s->tape, s->weights, y.rows, y.cols)));
    for (int o = 0; o < s->orders; o++) {
        if (tg_gradients(outputs[o], TG_NONE, leaves, s->count, outputs + used, &(tg_gradients_options){ .allow_unused = true }) != TG_OK) return o;
        if (o + 1 < s->orders) outputs[o + 1] = along_directions(s, outputs + used);
        if (tg_tape_status(s->tape) != TG_OK) return o;
        used += s->count;
    }
    return s->orders;
}

/* Fewer orders where the next one cannot be recorded, which is a failure. */
static bool compile(slopes *s) {
    tg_tensor outputs[ORDERS * (1 + TG_EXAMPLE_OPERANDS)];
    while (s->orders > 0) {
        s->tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64, .seed = 5 });
        if (s->tape == NULL) return s->c->trouble = TG_OUT_OF_MEMORY, false;
        const int recorded = record(s, outputs);
        if (recorded == s->orders) break;
        tg_expect_ok(s->c, kinds[recorded], tg_tape_status(s->tape), "it is not recorded", tg_tape_error(s->tape));
        if (!tg_goes_on(s->c)) return false;
        tg_tape_free(s->tape);
        s->tape   = NULL;
        s->orders = recorded;
    }
    if (s->orders == 0) return false;
    s->plan = tg_plan_new(NULL, 0, outputs, s->orders * (1 + s->count), &(tg_plan_options){ .type = TG_F64 });
    return s->plan != NULL || (tg_expect_ok(s->c, TG_OPCHECK_FIRST, tg_tape_status(s->tape), "it is not compiled", tg_tape_error(s->tape)), false);
}

/* ---- differences ---- */

static bool run(slopes *s, double value[ORDERS]) {
    tg_plan_set_step(s->plan, 0);
    tg_status status = tg_plan_run(s->plan);
    for (int o = 0; o < s->orders && status == TG_OK; o++) status = tg_plan_read_f64(s->plan, o, &value[o]);
    return tg_expect_ok(s->c, TG_OPCHECK_FIRST, status, "it does not run", tg_plan_error(s->plan));
}

static bool read_gradients(slopes *s) {
    tg_status status = TG_OK;
    for (int o = 0; o < s->orders; o++)
        for (int k = 0; k < s->count && status == TG_OK; k++) status = tg_plan_read_f64(s->plan, s->orders + o * s->count + k, s->gradients[o][k]);
    return tg_expect_ok(s->c, TG_OPCHECK_FIRST, status, "it does not run", tg_plan_error(s->plan));
}

typedef struct finding { double differences, error; bool kink; } finding;

/* Beside a kink the slopes to both sides differ, by much, or by more than half of what separates derivative and differences. */
static finding judge(const double v[5], double h, double derivative, bool is_last) {
    const double middle = (v[0] - 8 * v[1] + 8 * v[3] - v[4]) / (12 * h);
    const double left = (3 * v[2] - 4 * v[1] + v[0]) / (2 * h), right = (-3 * v[2] + 4 * v[3] - v[4]) / (2 * h);
    const double scale = fmax(1, fmax(fabs(derivative), fabs(middle))), off = fabs(derivative - middle), apart = fabs(left - right);
    const bool   kink  = !(apart <= 1e-3 * scale) || (is_last && !(off <= tolerance * scale) && apart > off / 2);
    return (finding){ middle, off / scale, kink && !isnan(derivative) };
}

/* An element of operand k by all orders, with smaller steps for those that do not agree yet. */
static bool find_slopes(slopes *s, int k, int64_t e, finding f[ORDERS]) {
    enum { TRIES = 3 };
    double      *x = &s->trial->values[s->which[k]][e];
    const double at = *x;
    double       h  = 1e-3 * fmax(1, fabs(at));
    bool         open = true, ran = true;
    for (int o = 0; o < s->orders; o++) f[o] = (finding){ .kink = true };
    for (int t = 0; t < TRIES && open && ran; t++, h /= 16) {
        double v[5][ORDERS], of_order[5];
        for (int i = 0; i < 5 && ran; i++) {
            *x  = at + (i - 2) * h;
            ran = run(s, v[i]);
        }
        *x   = at;
        open = false;
        for (int o = 0; o < s->orders && ran; o++) {
            if (!f[o].kink && f[o].error <= tolerance) continue;
            for (int i = 0; i < 5; i++) of_order[i] = v[i][o];
            f[o] = judge(of_order, h, s->gradients[o][k][e], t == TRIES - 1);
            open = open || f[o].kink || !(f[o].error <= tolerance);
        }
    }
    return ran;
}

static void check_element(slopes *s, int k, int64_t e) {
    finding       f[ORDERS];
    const int     operand = s->which[k];
    const int64_t cols    = s->trial->example.shapes[operand].cols;
    if (!find_slopes(s, k, e, f)) return;
    for (int o = 0; o < s->orders; o++) {
        s->c->samples++;
        s->c->kinks += f[o].kink;
        if (f[o].kink) continue;
        tg_expect(s->c, kinds[o], f[o].error <= tolerance,
                  "by operand %d at [%" PRId64 ",%" PRId64 "] = %.17g it is %.12g by the rule and %.12g by differences", operand, e / cols, e % cols,
                  s->trial->values[operand][e], s->gradients[o][k][e], f[o].differences);
    }
}

static void check_elements(slopes *s) {
    for (int k = 0; k < s->count; k++) {
        const int64_t size = size_of(s, k), count = size < MOST_SAMPLES ? size : MOST_SAMPLES;
        for (int64_t i = 0; i < size; i++) s->c->has_slope = s->c->has_slope || s->gradients[0][k][i] != 0;
        for (int64_t i = 0; i < count; i++) check_element(s, k, count == size ? i : i * size / count);
        if (size > 0 && tg_count_of(s->trial->output) > 0) s->c->was_differentiated = true;
    }
}

void tg_check_derivatives(tg_opcheck *c, tg_trial *trial) {
    slopes s = { .c = c, .trial = trial, .orders = trial->example.orders < 1 ? 1 : trial->example.orders > ORDERS ? ORDERS : trial->example.orders };
    double value[ORDERS];
    if (!tg_goes_on(c) || !tg_has_rule(c->op)) return;
    s.count = tg_moving_operands(trial, s.which);
    if (s.count == 0) return;
    if (make_room(&s) && compile(&s) && run(&s, value) && read_gradients(&s)) check_elements(&s);
    tg_plan_free(s.plan);
    tg_tape_free(s.tape);
    tg_release(s.room, s.room_count * sizeof(double));
}
