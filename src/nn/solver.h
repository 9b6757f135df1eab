/* solver.h - what the minimizers share: a plan as a function of a vector, and the report. */
#ifndef TAPEGRAD_NN_SOLVER_H
#define TAPEGRAD_NN_SOLVER_H

#include <tapegrad/solve.h>

typedef struct tg_solver {
    const char      *caller;      /* for sentences */
    tg_plan         *plan;
    double          *x;           /* [n] the caller's: the best point so far */
    int64_t          n;
    tg_solve_report  report;
    tg_solve_fn      progress;
    void            *progress_context;
} tg_solver;

/* Fills in n, and checks that the plan has numbers as input 0, and outputs 0 and 1. */
tg_status tg_solver_begin(tg_solver *solver);

/* Runs the plan at x [n], and copies its two outputs. *finite: whether it ran, and all numbers are finite. Anything else that goes wrong
 * is the status. */
tg_status tg_solver_evaluate(tg_solver *solver, const double *x, double *first, double *second, bool *finite);

/* Counts a step and asks the callback: false to stop, with the ending set. */
bool tg_solver_goes_on(tg_solver *solver);

/* Leaves the plan bound to x, and the report with the caller. Returns status. */
tg_status tg_solver_end(tg_solver *solver, tg_status status, tg_solve_report *report);

/* An option: 0 is its default, TG_ZERO is 0. */
double tg_tolerance(double option, double otherwise);

double tg_dot(const double *a, const double *b, int64_t count);
double tg_max_norm(const double *a, int64_t count);      /* |a_i| */

#endif
