/* lbfgs.c - the limited-memory method of Broyden, Fletcher, Goldfarb and Shanno (Liu and Nocedal 1989): steps along -H g, where
 * H is known by the last steps s_k and the changes y_k of the gradient g along them. Equations of Nocedal and Wright 2006. */
#include "core/util.h"
#include "nn/solver.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { MOST_TRIALS = 40 };      /* of one line search */

static const double sufficient = 1e-4, curvature = 0.9;      /* c1 and c2 of the Wolfe conditions */

typedef struct lbfgs {
    tg_solver solver;
    int       memory, count, newest;      /* pairs: room, kept, the last one */
    double   *steps, *changes;            /* [memory * n] s and y */
    double   *inverse, *alpha;            /* [memory] 1 / (s . y), and alpha of the two loops */
    double   *gradient, *direction, *trial, *trial_gradient;      /* [n] */
    double    trial_value;
} lbfgs;

/* ---- the direction: algorithm 7.4 ---- */

static const double *pair(const double *list, const lbfgs *m, int age) {
    const int at = (m->newest - age + m->memory) % m->memory;
    return list + (int64_t)at * m->solver.n;
}

static int index_of(const lbfgs *m, int age) { return (m->newest - age + m->memory) % m->memory; }

static void add_scaled(double *to, double factor, const double *from, int64_t count) {
    for (int64_t i = 0; i < count; i++) to[i] += factor * from[i];
}

/* direction = -H g, with the H before all pairs gamma I, gamma = s . y / y . y of the newest (7.20). */
static void find_direction(lbfgs *m) {
    const int64_t n = m->solver.n;
    double       *d = m->direction;
    for (int64_t i = 0; i < n; i++) d[i] = -m->gradient[i];
    if (m->count == 0) return;
    for (int age = 0; age < m->count; age++) {
        const int k = index_of(m, age);
        m->alpha[k] = m->inverse[k] * tg_dot(pair(m->steps, m, age), d, n);
        add_scaled(d, -m->alpha[k], pair(m->changes, m, age), n);
    }
    const double *y     = pair(m->changes, m, 0);
    const double  gamma = 1 / (m->inverse[m->newest] * tg_dot(y, y, n));
    for (int64_t i = 0; i < n; i++) d[i] *= gamma;
    for (int age = m->count; age-- > 0;) {
        const int    k    = index_of(m, age);
        const double beta = m->inverse[k] * tg_dot(pair(m->changes, m, age), d, n);
        add_scaled(d, m->alpha[k] - beta, pair(m->steps, m, age), n);
    }
}

/* A pair without curvature would make H indefinite: it is left out. */
static void remember(lbfgs *m) {
    const int64_t n  = m->solver.n;
    const int     at = m->count == 0 ? 0 : (m->newest + 1) % m->memory;
    double       *s = m->steps + at * n, *y = m->changes + at * n;
    for (int64_t i = 0; i < n; i++) s[i] = m->trial[i] - m->solver.x[i], y[i] = m->trial_gradient[i] - m->gradient[i];
    const double along = tg_dot(s, y, n);
    if (!(along > DBL_EPSILON * tg_dot(y, y, n))) return;
    m->inverse[at] = 1 / along;
    m->newest      = at;
    if (m->count < m->memory) m->count++;
}

/* ---- the line search: algorithms 3.5 and 3.6 as one loop. low is the lowest point with sufficient decrease; once there is a
 * high, the conditions hold somewhere between the two ---- */

typedef struct point { double step, value, slope; } point;

static tg_status evaluate(lbfgs *m, double step, point *p) {
    tg_solver *s = &m->solver;
    bool       finite;
    for (int64_t i = 0; i < s->n; i++) m->trial[i] = s->x[i] + step * m->direction[i];
    const tg_status status = tg_solver_evaluate(s, m->trial, &m->trial_value, m->trial_gradient, &finite);
    *p = (point){ step, finite ? m->trial_value : HUGE_VAL, finite ? tg_dot(m->trial_gradient, m->direction, s->n) : HUGE_VAL };
    return status;
}

/* Where the cubic through both points with their slopes is lowest (3.59), but not near an end; the middle if there is no such place. */
static double interpolate(point low, point high) {
    const double width = high.step - low.step;
    const double d1    = low.slope + high.slope - 3 * (high.value - low.value) / width;
    const double d2    = copysign(sqrt(d1 * d1 - low.slope * high.slope), width);
    const double step  = high.step - width * ((high.slope + d2 - d1) / (high.slope - low.slope + 2 * d2));
    const double part  = (step - low.step) / width;
    if (!isfinite(part)) return low.step + 0.5 * width;
    return low.step + fmin(fmax(part, 0.1), 0.9) * width;
}

/* *found: trial, with its value and gradient, is a lower point; near the minimum, where no digit of the value changes, an equal one
 * with a flatter slope. */
static tg_status search(lbfgs *m, double step, bool *found) {
    const point start     = { 0, m->solver.report.value, tg_dot(m->gradient, m->direction, m->solver.n) };
    point        low = start, high = { HUGE_VAL, HUGE_VAL, HUGE_VAL }, p;
    bool         bracketed = false;
    *found = false;
    for (int k = 0; k < MOST_TRIALS; k++) {
        const tg_status status = evaluate(m, step, &p);
        if (status != TG_OK) return status;
        if (!(p.value <= start.value + sufficient * step * start.slope) || p.value > low.value) {
            high      = p;
            bracketed = true;
        } else {
            if (fabs(p.slope) <= -curvature * start.slope) return *found = true, TG_OK;
            const bool behind = bracketed ? p.slope * (high.step - low.step) >= 0 : p.slope >= 0;
            if (behind) high = low, bracketed = true;
            low = p;
        }
        if (bracketed && fabs(high.step - low.step) <= 1e-12 * step) break;
        step = bracketed ? interpolate(low, high) : 4 * step;
    }
    if (low.step == 0 || !(low.value < start.value)) return TG_OK;
    *found = true;      /* lower, though the slope did not become flat */
    return evaluate(m, low.step, &p);
}

/* ---- the loop: algorithm 7.5 ---- */

static void accept(lbfgs *m) {
    const size_t bytes = (size_t)m->solver.n * sizeof(double);
    remember(m);
    memcpy(m->solver.x, m->trial, bytes);
    memcpy(m->gradient, m->trial_gradient, bytes);
    m->solver.report.value    = m->trial_value;
    m->solver.report.gradient = tg_max_norm(m->gradient, m->solver.n);
}

/* Along -H g; if that finds nothing lower, once more along -g. */
static tg_status step(lbfgs *m, bool *found) {
    tg_status status = TG_OK;
    *found = false;
    for (int tries = 0; tries < 2 && status == TG_OK && !*found; tries++) {
        const bool steepest = m->count == 0;
        find_direction(m);
        if (tg_dot(m->gradient, m->direction, m->solver.n) < 0)
            status = search(m, steepest ? fmin(1, 1 / sqrt(tg_dot(m->gradient, m->gradient, m->solver.n))) : 1, found);
        if (steepest) break;
        if (!*found) m->count = 0;
    }
    return status;
}

static tg_status iterate(lbfgs *m, const tg_lbfgs_options *o) {
    const int    iterations         = o->iterations > 0 ? o->iterations : 1000;
    const double gradient_tolerance = tg_tolerance(o->gradient_tolerance, 1e-5), value_tolerance = tg_tolerance(o->value_tolerance, 2e-9);
    tg_solve_report *report = &m->solver.report;
    double           fall   = HUGE_VAL;      /* of the last step, and what f is measured by */
    double           size   = 1;
    while (report->ending == TG_NOT_ENDED) {
        const double before = report->value;
        bool         found  = false;
        if (report->gradient <= gradient_tolerance) report->ending = TG_SMALL_GRADIENT;
        else if (value_tolerance > 0 && fall <= value_tolerance * size) report->ending = TG_SMALL_DECREASE;
        else if (report->iterations >= iterations) report->ending = TG_ITERATION_LIMIT;
        if (report->ending != TG_NOT_ENDED) break;
        const tg_status status = step(m, &found);
        if (status != TG_OK) return status;
        if (found) {
            accept(m);
            fall = before - report->value;
            size = fmax(fmax(fabs(before), fabs(report->value)), 1);
            tg_solver_goes_on(&m->solver);
        } else report->ending = TG_NO_DECREASE;
    }
    return TG_OK;
}

static tg_status start(lbfgs *m) {
    tg_solver *s = &m->solver;
    bool       finite;
    double     value;
    const tg_status status = tg_solver_evaluate(s, s->x, &value, m->gradient, &finite);
    if (status != TG_OK) return status;
    if (!finite) return tg_fail_thread(TG_NOT_FINITE, "%s: the value or gradient is not finite where it starts", s->caller);
    s->report.start_value = s->report.value = value;
    s->report.gradient    = tg_max_norm(m->gradient, s->n);
    return TG_OK;
}

static tg_status check(lbfgs *m, const tg_lbfgs_options *o) {
    tg_solver      *s      = &m->solver;
    const tg_status status = tg_solver_begin(s);
    if (status != TG_OK) return status;
    const tg_shape value = tg_plan_output_shape(s->plan, 0), gradient = tg_plan_output_shape(s->plan, 1);
    if (value.rows != 1 || value.cols != 1 || gradient.rows * gradient.cols != s->n)
        return tg_fail_thread(TG_SHAPE_MISMATCH, "tg_lbfgs: the plan's outputs must be the value [1,1] and its gradient of %lld elements",
                              (long long)s->n);
    if (o->memory < 0 || o->iterations < 0 || !(o->gradient_tolerance >= TG_ZERO) || !(o->value_tolerance >= TG_ZERO))
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_lbfgs: an option is negative or NaN");
    return TG_OK;
}

/* Pairs, their numbers, and four vectors, in one piece. */
static double *make_room(lbfgs *m, size_t *bytes) {
    const size_t n = (size_t)m->solver.n, memory = (size_t)m->memory;
    size_t       vectors;
    if (!tg_multiply(2 * memory + 4, n, &vectors) || !tg_multiply(vectors + 2 * memory, sizeof(double), bytes)) return NULL;
    double *room = tg_allocate(*bytes);
    if (room == NULL) return NULL;
    m->gradient       = room;
    m->direction      = m->gradient + n;
    m->trial          = m->direction + n;
    m->trial_gradient = m->trial + n;
    m->steps          = m->trial_gradient + n;
    m->changes        = m->steps + memory * n;
    m->inverse        = m->changes + memory * n;
    m->alpha          = m->inverse + memory;
    return room;
}

static tg_status out_of_memory(const lbfgs *m) {
    return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_lbfgs: no memory for %d pairs of %lld numbers", m->memory, (long long)m->solver.n);
}

tg_status tg_lbfgs(tg_plan *plan, double *x, const tg_lbfgs_options *options) {
    static const tg_lbfgs_options defaults = { 0 };
    const tg_lbfgs_options       *o        = options != NULL ? options : &defaults;
    lbfgs m = { .solver = { .caller = "tg_lbfgs", .plan = plan, .x = x, .progress = o->progress, .progress_context = o->progress_context },
                .memory = o->memory != 0 ? o->memory : 10 };
    tg_status status = check(&m, o);
    if (status == TG_OK) {
        size_t  bytes = 0;
        double *room  = make_room(&m, &bytes);
        status = room != NULL ? start(&m) : out_of_memory(&m);
        if (status == TG_OK) status = iterate(&m, o);
        status = tg_solver_end(&m.solver, status, o->report);
        tg_release(room, bytes);
    } else if (o->report != NULL) *o->report = m.solver.report;
    return status;
}
