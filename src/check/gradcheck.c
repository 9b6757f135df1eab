/* gradcheck.c - the derivatives of a step against five-point differences, in double. */
#include "check/blame.h"
#include "check/leaves.h"
#include "core/util.h"

#include <inttypes.h>
#include <math.h>
#include <tapegrad/check.h>
#include <tapegrad/grad.h>
#include <tapegrad/op.h>
#include <tapegrad/plan.h>

/* One element, by both ways. */
typedef struct finding {
    int64_t element;            /* of its leaf */
    double  tape, differences, error;
    bool    skipped;
} finding;

/* What was found in a leaf, or in all. */
typedef struct tally {
    int64_t checked, skipped;
    finding worst;
    int     part;               /* to which it belongs */
} tally;

typedef struct checker {
    tg_leaves leaves;
    tg_plan  *gradients;        /* loss and its gradient by each input */
    tg_plan  *loss;             /* loss alone: what differences are made of */
    uint64_t  step;
    double    tolerance;
    int       samples;
    FILE     *report;
} checker;

/* ---- plans ---- */

static tg_plan *new_plan(const checker *c, const tg_tensor outputs[], int count) {
    const tg_leaves *l    = &c->leaves;
    tg_plan         *plan = tg_plan_new(l->inputs, l->input_count, outputs, count, &(tg_plan_options){ .type = TG_F64 });
    tg_status        s    = TG_OK;
    for (int i = 0; plan != NULL && i < l->input_count && s == TG_OK; i++) s = tg_plan_bind_f64(plan, i, l->values[i]);
    if (s == TG_OK) return plan;
    tg_fail_thread(s, "tg_gradcheck: %s", tg_plan_error(plan));
    tg_plan_free(plan);
    return NULL;
}

/* Records the gradients, which are taken back in the end, and compiles both plans. */
static tg_status make_plans(checker *c, tg_tensor loss) {
    const int    count   = c->leaves.input_count;
    const size_t bytes   = ((size_t)count + 1) * sizeof(tg_tensor);
    tg_tensor   *outputs = tg_allocate(bytes);
    if (outputs == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_gradcheck: no memory for %d gradients", count);
    outputs[0]       = loss;
    tg_status status = tg_gradients(loss, TG_NONE, c->leaves.inputs, count, outputs + 1, &(tg_gradients_options){ .allow_unused = true });
    if (status == TG_OK) {
        c->gradients = new_plan(c, outputs, count + 1);
        c->loss      = c->gradients != NULL ? new_plan(c, &loss, 1) : NULL;
        if (c->loss == NULL) status = tg_tape_status(loss.tape) != TG_OK ? tg_tape_status(loss.tape) : TG_OUT_OF_MEMORY;
    }
    tg_release(outputs, bytes);
    return status;
}

/* Runs with the draws of the step. */
static tg_status run(const checker *c, tg_plan *plan, double *value) {
    tg_plan_set_step(plan, c->step);
    const tg_status status = tg_plan_run(plan);
    return status == TG_OK ? tg_plan_read_f64(plan, 0, value) : status;
}

static tg_status run_gradients(const checker *c) {
    double          value  = 0;
    const tg_status status = run(c, c->gradients, &value);
    if (status != TG_OK) return tg_fail_thread(status, "tg_gradcheck: in f64, %s", tg_plan_error(c->gradients));
    return isfinite(value) ? TG_OK : tg_fail_thread(TG_NOT_FINITE, "tg_gradcheck: loss is %g in f64", value);
}

/* ---- one element ---- */

/* The slope at x by five points, and to both sides of it by three. NaN where loss has no number or must be finite and is not. */
typedef struct slopes { double middle, left, right; } slopes;

static tg_status find_slopes(const checker *c, double *x, double h, slopes *s) {
    const double at   = *x;
    double       v[5] = { 0 };
    tg_status    status = TG_OK;
    for (int k = -2; k <= 2 && status == TG_OK; k++) {
        *x     = at + k * h;
        status = run(c, c->loss, &v[k + 2]);
        if (status == TG_NOT_FINITE) v[k + 2] = (double)NAN, status = TG_OK;
    }
    *x = at;
    *s = (slopes){ (v[0] - 8 * v[1] + 8 * v[3] - v[4]) / (12 * h), (3 * v[2] - 4 * v[1] + v[0]) / (2 * h), (-3 * v[2] + 4 * v[3] - v[4]) / (2 * h) };
    return status == TG_OK ? TG_OK : tg_fail_thread(status, "tg_gradcheck: %s", tg_plan_error(c->loss));
}

/* A kink between the points moves the slopes to both sides apart: by 1e-3 of their size, or, once h is so small that a smooth function is straight,
 * by more than half of what separates the derivative from the slope in the middle. A wrong derivative of a smooth function does not. A NaN is a kink
 * too. */
static bool is_kink(const slopes *s, double scale, double off, bool is_last) {
    const double apart = fabs(s->left - s->right);
    return !(apart <= 1e-3 * scale) || (is_last && apart > off / 2);
}

static tg_status check_element(const checker *c, double *x, finding *f) {
    enum { TRIES = 3 };
    double h = 1e-3 * fmax(1, fabs(*x));
    f->skipped = true;
    f->error   = 0;
    for (int k = 0; k < TRIES && (f->skipped || !(f->error <= c->tolerance)); k++, h /= 16) {
        slopes          s;
        const tg_status status = find_slopes(c, x, h, &s);
        if (status != TG_OK) return status;
        const double scale = fmax(1, fmax(fabs(f->tape), fabs(s.middle))), off = fabs(f->tape - s.middle);
        f->differences = s.middle;
        f->error       = off / scale;
        f->skipped     = is_kink(&s, scale, off, k == TRIES - 1 && !(f->error <= c->tolerance)) && !isnan(f->tape);
    }
    return TG_OK;
}

/* ---- leaves ---- */

/* Element number k of those that are taken: the whole is cut into as many parts, and each gives one, not always its first. */
static int64_t sample(int64_t k, int64_t taken, int64_t count) {
    if (taken == count) return k;
    const double shift = fmod((double)k * 0.6180339887498949, 1);
    return (int64_t)(((double)k + shift) * ((double)count / (double)taken));
}

/* A NaN by the tape is worse than any number. */
static bool is_worse(const finding *f, const tally *t) { return t->checked == 0 || !(f->error <= t->worst.error); }

static void add_finding(tally *t, const finding *f, int part) {
    if (f->skipped) t->skipped++;
    else {
        if (is_worse(f, t)) t->worst = *f, t->part = part;
        t->checked++;
    }
}

static tg_status check_part(const checker *c, int number, tally *t) {
    const tg_leaf_part *part     = &c->leaves.parts[number];
    const double       *gradient = tg_plan_data_f64(c->gradients, part->input + 1) + part->offset;
    double             *x        = c->leaves.values[part->input] + part->offset;
    const int64_t       count = part->rows * part->cols, taken = count < c->samples ? count : c->samples;
    for (int64_t k = 0; k < taken; k++) {
        finding         f      = { .element = sample(k, taken, count) };
        f.tape                 = gradient[f.element];
        const tg_status status = check_element(c, &x[f.element], &f);
        if (status != TG_OK) return status;
        add_finding(t, &f, number);
    }
    return TG_OK;
}

static void report_part(const checker *c, const tg_leaf_part *part, const tally *t) {
    if (c->report == NULL) return;
    fprintf(c->report, "%s [%" PRId64 ",%" PRId64 "]: ", part->name, part->rows, part->cols);
    if (part->input < 0) fprintf(c->report, "left out, %s\n", part->why);
    else if (t->checked == 0) fprintf(c->report, "nothing checked, %" PRId64 " skipped\n", t->skipped);
    else
        fprintf(c->report, "%" PRId64 " checked, %" PRId64 " skipped, worst error %.2g at [%" PRId64 ",%" PRId64 "]\n", t->checked, t->skipped,
                t->worst.error, t->worst.element / part->cols, t->worst.element % part->cols);
}

static void add_tally(tally *all, const tally *t) {
    if (t->checked > 0 && is_worse(&t->worst, all)) all->worst = t->worst, all->part = t->part;
    all->checked += t->checked;
    all->skipped += t->skipped;
}

static tg_status check_parts(const checker *c, tally *all) {
    tg_status status = TG_OK;
    for (int i = 0; i < c->leaves.part_count && status == TG_OK; i++) {
        tally t = { 0 };
        if (c->leaves.parts[i].input >= 0) status = check_part(c, i, &t);
        if (status == TG_OK) report_part(c, &c->leaves.parts[i], &t);
        add_tally(all, &t);
    }
    if (status == TG_OK && c->report != NULL && (fflush(c->report) != 0 || ferror(c->report)))
        status = tg_fail_thread(TG_CANNOT_WRITE, "tg_gradcheck: the report does not take it");
    return status;
}

static bool is_off(const checker *c, const tally *all) { return all->checked > 0 && !(all->worst.error <= c->tolerance); }

static tg_status fail_element(const checker *c, tg_tensor loss, const tally *all) {
    const tg_leaf_part *part     = &c->leaves.parts[all->part];
    const finding      *f        = &all->worst;
    const uint32_t      culprit  = tg_find_wrong_rule(loss, c->tolerance);
    char                why[200] = "";
    tg_node             node;
    if (culprit != 0 && tg_node_at(loss.tape, culprit, &node) == TG_OK)
        snprintf(why, sizeof why, "; the derivative rule of %.100s does not fit its values in v%" PRIu32, node.op->name, culprit);
    return tg_fail_thread(TG_CHECK_FAILED,
                          "tg_gradcheck: the derivative by %s [%" PRId64 ",%" PRId64 "] is %.12g by the tape and %.12g by differences%s", part->name,
                          f->element / part->cols, f->element % part->cols, f->tape, f->differences, why);
}

static tg_status judge(const checker *c, tg_tensor loss, const tally *all) {
    if (c->leaves.input_count == 0)
        return tg_fail_thread(TG_DISCONNECTED, "tg_gradcheck: v%" PRIu32 " depends on no input and no variable that could be checked", loss.id);
    if (is_off(c, all)) return fail_element(c, loss, all);
    if (20 * all->skipped <= all->checked + all->skipped) return TG_OK;
    return tg_fail_thread(TG_CHECK_FAILED, "tg_gradcheck: %" PRId64 " of %" PRId64 " elements lie at kinks and were not checked; try another point",
                          all->skipped, all->checked + all->skipped);
}

/* ---- the whole ---- */

/* Finds what there is to find; release_checker in any case. */
static tg_status check(checker *c, tg_tensor loss, tally *all) {
    const tg_position before = tg_position_of(loss.tape);
    tg_status         status = tg_find_leaves(loss, &c->leaves);
    c->step = tg_tape_step(loss.tape);
    if (status == TG_OK && c->leaves.input_count > 0) status = make_plans(c, loss);
    tg_take_back(loss.tape, before);
    if (status == TG_OK && c->leaves.input_count > 0) status = run_gradients(c);
    return status == TG_OK ? check_parts(c, all) : status;
}

static void release_checker(checker *c) {
    tg_plan_free(c->gradients);
    tg_plan_free(c->loss);
    tg_release_leaves(&c->leaves);
}

bool tg_is_off(tg_tensor loss, double tolerance, int samples) {
    checker    c   = { .tolerance = tolerance, .samples = samples };
    tally      all = { 0 };
    const bool off = check(&c, loss, &all) == TG_OK && is_off(&c, &all);
    release_checker(&c);
    return off;
}

static tg_status check_arguments(tg_tensor loss, const tg_gradcheck_options *o) {
    const tg_shape shape = tg_shape_of(loss);
    if (loss.tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_gradcheck: loss is not given");
    if (tg_tape_status(loss.tape) != TG_OK)
        return tg_fail_thread(tg_tape_status(loss.tape), "tg_gradcheck: the step has failed: %s", tg_tape_error(loss.tape));
    if (loss.id == 0 || (shape.rows == 0 && shape.cols == 0)) return tg_fail_thread(TG_OLD_STEP, "tg_gradcheck: loss is no node of this step");
    if (shape.rows != 1 || shape.cols != 1)
        return tg_fail_thread(TG_SHAPE_MISMATCH, "tg_gradcheck: v%" PRIu32 " is [%" PRId64 ",%" PRId64 "], not [1,1]", loss.id, shape.rows,
                              shape.cols);
    if (shape.integer) return tg_fail_thread(TG_TYPE_MISMATCH, "tg_gradcheck: v%" PRIu32 " holds integers", loss.id);
    if (!(o->tolerance >= 0) || o->samples < 0) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_gradcheck: tolerance or samples is negative");
    return TG_OK;
}

static void fill_result(const checker *c, const tally *all, tg_gradcheck_result *result) {
    *result = (tg_gradcheck_result){ .checked = all->checked, .skipped = all->skipped };
    if (all->checked == 0) return;
    const tg_leaf_part *part = &c->leaves.parts[all->part];
    result->largest_error    = all->worst.error;
    result->row              = all->worst.element / part->cols;
    result->col              = all->worst.element % part->cols;
    result->by_tape          = all->worst.tape;
    result->by_differences   = all->worst.differences;
    snprintf(result->leaf, sizeof result->leaf, "%.127s", part->name);
}

tg_status tg_gradcheck(tg_tensor loss, const tg_gradcheck_options *options) {
    static const tg_gradcheck_options defaults = { 0 };
    if (options == NULL) options = &defaults;
    if (options->result != NULL) *options->result = (tg_gradcheck_result){ 0 };
    tg_status status = check_arguments(loss, options);
    if (status != TG_OK) return status;
    checker c   = { .report = options->report };
    tally   all = { 0 };
    c.tolerance = options->tolerance > 0 ? options->tolerance : 1e-8;
    c.samples   = options->samples > 0 ? options->samples : 64;
    status      = check(&c, loss, &all);
    if (status == TG_OK && options->result != NULL) fill_result(&c, &all, options->result);
    if (status == TG_OK) status = judge(&c, loss, &all);
    release_checker(&c);
    return status;
}
