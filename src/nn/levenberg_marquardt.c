/* levenberg_marquardt.c - least squares by damped Gauss-Newton steps: (J'J + mu D) h = -J'r. Large mu makes short steps against
 * the gradient, small mu long ones to the minimum of |r + J h|^2; how well that predicted the new |r|^2 decides what mu becomes. */
#include "core/util.h"
#include "nn/solver.h"

#include <math.h>
#include <string.h>

typedef struct least_squares {
    tg_solver solver;
    int64_t   m;                              /* residuals */
    double   *residuals, *jacobian;           /* [m], [m, n] of the last run */
    double   *normal, *factor;                /* [n, n] J'J at x; the factor of Cholesky */
    double   *gradient, *scale, *step, *trial;      /* [n] J'r; 1 / sqrt(D); h; x + h */
    double    mu, growth;
} least_squares;

/* ---- linear algebra ---- */

/* J'J (its lower half) and J'r, and the largest diagonal so far. */
static void form_normal_equations(least_squares *s) {
    const int64_t n = s->solver.n;
    memset(s->normal, 0, (size_t)(n * n) * sizeof(double));
    memset(s->gradient, 0, (size_t)n * sizeof(double));
    for (int64_t i = 0; i < s->m; i++) {
        const double *row = s->jacobian + i * n;
        for (int64_t j = 0; j < n; j++) {
            s->gradient[j] += row[j] * s->residuals[i];
            for (int64_t k = 0; k <= j; k++) s->normal[j * n + k] += row[j] * row[k];
        }
    }
    for (int64_t j = 0; j < n; j++) {
        const double length = sqrt(s->normal[j * n + j]);
        if (length > 0 && (s->scale[j] == 0 || 1 / length < s->scale[j])) s->scale[j] = 1 / length;
    }
}

/* L L' = S J'J S + mu I with S = D^-1/2; false if that is not positive definite. A column that has always been zero stands alone. */
static bool factorize(least_squares *s) {
    const int64_t n = s->solver.n;
    double       *l = s->factor;
    for (int64_t j = 0; j < n; j++)
        for (int64_t k = 0; k <= j; k++) {
            double sum = s->scale[j] * s->normal[j * n + k] * s->scale[k] + (j == k ? s->mu : 0);
            for (int64_t i = 0; i < k; i++) sum -= l[j * n + i] * l[k * n + i];
            if (j == k && !(sum > 0)) return false;
            l[j * n + k] = j == k ? sqrt(sum) : sum / l[k * n + k];
        }
    return true;
}

/* h = -S (L L')^-1 S J'r */
static void solve(least_squares *s) {
    const int64_t n = s->solver.n;
    const double *l = s->factor;
    double       *h = s->step;
    for (int64_t j = 0; j < n; j++) {
        h[j] = -s->scale[j] * s->gradient[j];
        for (int64_t k = 0; k < j; k++) h[j] -= l[j * n + k] * h[k];
        h[j] /= l[j * n + j];
    }
    for (int64_t j = n; j-- > 0;) {
        for (int64_t k = j + 1; k < n; k++) h[j] -= l[k * n + j] * h[k];
        h[j] /= l[j * n + j];
    }
    for (int64_t j = 0; j < n; j++) h[j] *= s->scale[j];
}

/* By how much |r + J h|^2 / 2 is below |r|^2 / 2: h'(mu D h - J'r) / 2. */
static double predicted_decrease(const least_squares *s) {
    double twice = 0;
    for (int64_t j = 0; j < s->solver.n; j++) {
        const double scaled = s->scale[j] > 0 ? s->step[j] / s->scale[j] : 0;
        twice += s->mu * scaled * scaled - s->step[j] * s->gradient[j];
    }
    return twice / 2;
}

/* |S J'r|, at x and of the last run. */
static double scaled_gradient(const least_squares *s) {
    double squares = 0;
    for (int64_t j = 0; j < s->solver.n; j++) squares += s->scale[j] * s->gradient[j] * s->scale[j] * s->gradient[j];
    return sqrt(squares);
}

static double scaled_gradient_of_run(const least_squares *s) {
    const int64_t n       = s->solver.n;
    double        squares = 0;
    for (int64_t j = 0; j < n; j++) {
        double sum = 0;
        for (int64_t i = 0; i < s->m; i++) sum += s->jacobian[i * n + j] * s->residuals[i];
        squares += s->scale[j] * sum * s->scale[j] * sum;
    }
    return sqrt(squares);
}

/* ---- when it ends ---- */

typedef struct tolerances { double gradient, value, step; } tolerances;

/* The cosines of the angles between r and the columns of J. */
static bool is_gradient_small(const least_squares *s, double tolerance) {
    const int64_t n      = s->solver.n;
    const double  length = sqrt(2 * s->solver.report.value);
    for (int64_t j = 0; j < n; j++)
        if (fabs(s->gradient[j]) > tolerance * sqrt(s->normal[j * n + j]) * length) return false;
    return true;
}

static bool is_step_small(const least_squares *s, double tolerance) {
    for (int64_t j = 0; j < s->solver.n; j++)
        if (fabs(s->step[j]) > tolerance * (fabs(s->solver.x[j]) + tolerance)) return false;
    return true;
}

/* ---- the loop: algorithm 3.16 ---- */

static void refuse(least_squares *s) {
    s->mu *= s->growth;
    s->growth *= 2;
}

static void accept(least_squares *s, double value, double gain) {
    memcpy(s->solver.x, s->trial, (size_t)s->solver.n * sizeof(double));
    form_normal_equations(s);
    s->solver.report.value    = value;
    s->solver.report.gradient = tg_max_norm(s->gradient, s->solver.n);
    s->mu *= fmax(1.0 / 3, 1 - pow(2 * gain - 1, 3));
    s->growth = 2;
}

/* Decrease by what was expected, 0: none. Where rounding may hide the decrease, a smaller gradient is taken for one: |r|^2 alone
 * gives x half of its digits. Residuals are differences, and have lost some three digits more than their last one. */
static double find_gain(const least_squares *s, double value, double expected) {
    const double before = s->solver.report.value, decrease = before - value, rounding = 1e-12 * before;
    if (!(expected > 0)) return 0;
    if (fmax(fabs(decrease), expected) <= rounding) return scaled_gradient_of_run(s) < scaled_gradient(s) ? 1 : 0;
    return decrease > 0 ? decrease / expected : 0;
}

static tg_status try_step(least_squares *s, const tolerances *t) {
    tg_solver *solver = &s->solver;
    bool       finite;
    for (int64_t j = 0; j < solver->n; j++) s->trial[j] = solver->x[j] + s->step[j];
    const tg_status status = tg_solver_evaluate(solver, s->trial, s->residuals, s->jacobian, &finite);
    if (status != TG_OK) return status;
    const double before = solver->report.value, expected = predicted_decrease(s);
    const double value  = finite ? tg_dot(s->residuals, s->residuals, s->m) / 2 : HUGE_VAL;
    const double gain   = find_gain(s, value, expected);
    if (gain > 0) {
        accept(s, value, gain);
        if (tg_solver_goes_on(solver) && fmax(before - value, expected) <= t->value * before) solver->report.ending = TG_SMALL_DECREASE;
    } else refuse(s);
    return TG_OK;
}

static tg_status iterate(least_squares *s, int iterations, const tolerances *t) {
    tg_solve_report *report = &s->solver.report;
    for (int k = 0; report->ending == TG_NOT_ENDED; k++) {
        if (is_gradient_small(s, t->gradient)) report->ending = TG_SMALL_GRADIENT;
        else if (k >= iterations) report->ending = TG_ITERATION_LIMIT;
        else if (!isfinite(s->mu)) report->ending = TG_NO_DECREASE;
        else if (!factorize(s)) refuse(s);
        else {
            solve(s);
            if (is_step_small(s, t->step)) report->ending = TG_SMALL_STEP;
            else {
                const tg_status status = try_step(s, t);
                if (status != TG_OK) return status;
            }
        }
    }
    return TG_OK;
}

static tg_status start(least_squares *s) {
    tg_solver *solver = &s->solver;
    bool       finite;
    const tg_status status = tg_solver_evaluate(solver, solver->x, s->residuals, s->jacobian, &finite);
    if (status != TG_OK) return status;
    if (!finite) return tg_fail_thread(TG_NOT_FINITE, "%s: residuals or their Jacobian are not finite where it starts", solver->caller);
    form_normal_equations(s);
    solver->report.start_value = solver->report.value = tg_dot(s->residuals, s->residuals, s->m) / 2;
    solver->report.gradient    = tg_max_norm(s->gradient, solver->n);
    return TG_OK;
}

/* ---- the call ---- */

static tg_status check(least_squares *s, const tg_levenberg_marquardt_options *o) {
    const tg_plan  *plan   = s->solver.plan;
    const tg_status status = tg_solver_begin(&s->solver);
    if (status != TG_OK) return status;
    const tg_shape r = tg_plan_output_shape(plan, 0), j = tg_plan_output_shape(plan, 1);
    s->m = r.rows * r.cols;
    if (s->m == 0 || j.rows * j.cols != s->m * s->solver.n)
        return tg_fail_thread(TG_SHAPE_MISMATCH, "tg_levenberg_marquardt: the plan's outputs must be m residuals, and their Jacobian of m times %lld "
                              "elements", (long long)s->solver.n);
    if (o->iterations < 0 || !(o->gradient_tolerance >= TG_ZERO) || !(o->value_tolerance >= TG_ZERO) || !(o->step_tolerance >= TG_ZERO) ||
        !(o->damping >= 0 && isfinite(o->damping)))
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_levenberg_marquardt: an option is negative, infinite or NaN");
    return TG_OK;
}

static double *make_room(least_squares *s, size_t *bytes) {
    const size_t m = (size_t)s->m, n = (size_t)s->solver.n;
    size_t       matrices, vectors;
    if (!tg_multiply(m + 2 * n + 4, n, &matrices) || !tg_multiply(matrices + m, sizeof(double), &vectors)) return NULL;
    double *room = tg_allocate(*bytes = vectors);
    if (room == NULL) return NULL;
    s->jacobian  = room;
    s->normal    = s->jacobian + m * n;
    s->factor    = s->normal + n * n;
    s->gradient  = s->factor + n * n;
    s->scale     = s->gradient + n;
    s->step      = s->scale + n;
    s->trial     = s->step + n;
    s->residuals = s->trial + n;
    return room;
}

static tg_status out_of_memory(const least_squares *s) {
    return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_levenberg_marquardt: no memory for a Jacobian [%lld,%lld]", (long long)s->m, (long long)s->solver.n);
}

tg_status tg_levenberg_marquardt(tg_plan *plan, double *x, const tg_levenberg_marquardt_options *options) {
    static const tg_levenberg_marquardt_options defaults = { 0 };
    const tg_levenberg_marquardt_options       *o        = options != NULL ? options : &defaults;
    const tolerances t = { .gradient = tg_tolerance(o->gradient_tolerance, 1e-10), .value = tg_tolerance(o->value_tolerance, 1e-15),
                           .step = tg_tolerance(o->step_tolerance, 1e-12) };
    least_squares    s = { .solver = { .caller = "tg_levenberg_marquardt", .plan = plan, .x = x, .progress = o->progress,
                                       .progress_context = o->progress_context },
                           .mu = o->damping > 0 ? o->damping : 1e-3, .growth = 2 };
    tg_status status = check(&s, o);
    if (status == TG_OK) {
        size_t  bytes = 0;
        double *room  = make_room(&s, &bytes);
        status = room != NULL ? start(&s) : out_of_memory(&s);
        if (status == TG_OK) status = iterate(&s, o->iterations > 0 ? o->iterations : 200, &t);
        status = tg_solver_end(&s.solver, status, o->report);
        tg_release(room, bytes);
    } else if (o->report != NULL) *o->report = s.solver.report;
    return status;
}
