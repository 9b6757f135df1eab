/* solver.c - a plan as a function of a vector: checked, run, read; and why a minimizer ended. */
#include "core/util.h"
#include "nn/solver.h"

#include <math.h>

const char *tg_ending_text(tg_ending ending) {
    switch (ending) {
    case TG_NOT_ENDED:       return "a failure came first";
    case TG_SMALL_GRADIENT:  return "converged: the gradient is small";
    case TG_SMALL_DECREASE:  return "converged: the value no longer falls";
    case TG_SMALL_STEP:      return "converged: x no longer moves";
    case TG_NO_DECREASE:     return "no step along the gradient lowers the value";
    case TG_ITERATION_LIMIT: return "the limit of iterations was reached";
    case TG_STOPPED:         return "the callback stopped it";
    }
    return "unknown ending";
}

double tg_tolerance(double option, double otherwise) { return option == 0 ? otherwise : option == TG_ZERO ? 0 : option; }

double tg_dot(const double *a, const double *b, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

double tg_max_norm(const double *a, int64_t count) {
    double largest = 0;
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(a[i]));
    return largest;
}

static int64_t elements(tg_shape shape) { return shape.rows * shape.cols; }

tg_status tg_solver_begin(tg_solver *solver) {
    if (solver->plan == NULL || solver->x == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "%s: the plan or x is NULL", solver->caller);
    const tg_shape input = tg_plan_input_shape(solver->plan, 0);
    solver->n = elements(input);
    if (input.integer) return tg_fail_thread(TG_TYPE_MISMATCH, "%s: input 0 of the plan holds integers", solver->caller);
    if (solver->n == 0) return tg_fail_thread(TG_SHAPE_MISMATCH, "%s: the plan has no input, or one without elements", solver->caller);
    return TG_OK;
}

static tg_status plan_failed(const tg_solver *solver, tg_status status) {
    return tg_fail_thread(status, "%s: %s", solver->caller, tg_plan_error(solver->plan));
}

static bool are_finite(const double *a, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(a[i])) return false;
    return true;
}

tg_status tg_solver_evaluate(tg_solver *solver, const double *x, double *first, double *second, bool *finite) {
    tg_plan  *plan   = solver->plan;
    tg_status status = tg_plan_bind_f64(plan, 0, x);
    *finite = false;
    if (status != TG_OK) return plan_failed(solver, status);
    solver->report.evaluations++;
    status = tg_plan_run(plan);
    if (status == TG_NOT_FINITE) return TG_OK;
    if (status == TG_OK) status = tg_plan_read_f64(plan, 0, first);
    if (status == TG_OK) status = tg_plan_read_f64(plan, 1, second);
    if (status != TG_OK) return plan_failed(solver, status);
    *finite = are_finite(first, elements(tg_plan_output_shape(plan, 0))) && are_finite(second, elements(tg_plan_output_shape(plan, 1)));
    return TG_OK;
}

bool tg_solver_goes_on(tg_solver *solver) {
    solver->report.iterations++;
    if (solver->progress == NULL || solver->progress(&solver->report, solver->x, solver->progress_context)) return true;
    solver->report.ending = TG_STOPPED;
    return false;
}

tg_status tg_solver_end(tg_solver *solver, tg_status status, tg_solve_report *report) {
    if (solver->n > 0) tg_plan_bind_f64(solver->plan, 0, solver->x);
    if (report != NULL) *report = solver->report;
    return status;
}
