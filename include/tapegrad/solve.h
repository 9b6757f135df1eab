/* solve.h - minimizers that evaluate a plan many times a step: all data at once, no learning rate, few iterations to the last digit.
 *
 * They work on a vector x of doubles and a plan made by tg_plan_new whose input 0 is x, of any shape: an input that you recorded, or the block
 * of parameters of a net (see tg_block_read). Record and compile in TG_F64; a plan in f32 runs, but cannot tell small steps from rounding.
 *
 *     tg_tensor w = tg_use_block(tape, params, NULL), loss = ..., outputs[] = { loss, tg_grad(loss, w) };
 *     tg_plan  *plan = tg_plan_new(&w, 1, outputs, 2, NULL);
 *     tg_block_read(params, NULL, x);
 *     tg_lbfgs(plan, x, &(tg_lbfgs_options){ .report = &report });
 *     tg_block_write(params, NULL, x);
 *
 * Other inputs of the plan stay as they are bound. Draws are those of the plan's step numbers, which go on from run to run: what is minimized
 * must not draw. Runs that fail with TG_NOT_FINITE, and values that are infinite or NaN, are points too far away: a shorter step is tried.
 * Failures are a status, and a sentence for tg_last_error. What a call allocates is freed when it returns. One thread uses a plan at a time;
 * different plans may be minimized at once. The same plan and x give the same bits.
 */
#ifndef TAPEGRAD_SOLVE_H
#define TAPEGRAD_SOLVE_H

#include <tapegrad/plan.h>
#include <tapegrad/variable.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Why a minimizer returned. */
typedef enum tg_ending {
    TG_NOT_ENDED = 0,        /* a failure came first: see the status */
    TG_SMALL_GRADIENT,       /* converged: the gradient is within its tolerance */
    TG_SMALL_DECREASE,       /* converged: the value no longer falls by more than its tolerance */
    TG_SMALL_STEP,           /* converged: x no longer moves by more than its tolerance */
    TG_NO_DECREASE,          /* no step along the gradient lowers the value: rounding, or it is not the gradient of that value */
    TG_ITERATION_LIMIT,
    TG_STOPPED               /* by the callback */
} tg_ending;

/* Each code of tg_ending as a sentence; a static string. */
TG_API const char *tg_ending_text(tg_ending ending);

typedef struct tg_solve_report {
    tg_ending ending;
    int       iterations;        /* steps that were taken */
    int       evaluations;       /* runs of the plan */
    double    start_value;       /* at the x that was given */
    double    value;             /* at the x that is returned: f, or |r|^2 / 2 */
    double    gradient;          /* there: largest |df/dx_i| */
} tg_solve_report;

/* Called after each step with the report so far and x. Returns false to stop. */
typedef bool (*tg_solve_fn)(const tg_solve_report *report, const double *x, void *context);

/* ---- L-BFGS ---- */

typedef struct tg_lbfgs_options {
    int              memory;                 /* pairs of steps and changes of the gradient that are kept; 0: 10 */
    int              iterations;             /* at most; 0: 1000 */
    double           gradient_tolerance;     /* ends when every |df/dx_i| is at most this; 0: 1e-5; TG_ZERO */
    double           value_tolerance;        /* ends when f falls by at most this times max(|f|, |f before|, 1); 0: 2e-9; TG_ZERO: never */
    tg_solve_fn      progress;               /* NULL: none */
    void            *progress_context;
    tg_solve_report *report;                 /* filled, on failure too; NULL: not wanted */
} tg_lbfgs_options;

/* Minimizes f(x): outputs 0 and 1 of the plan are f [1, 1] and df/dx with as many elements as x, in that order. x comes in as the start and
 * goes out as the best point found, on failure too. Liu and Nocedal 1989, in the form of Nocedal and Wright 2006, algorithms 7.4 and 7.5, with
 * a line search for the strong Wolfe conditions (algorithms 3.5 and 3.6, c1 = 1e-4, c2 = 0.9). Tolerances and their defaults are SciPy's.
 * TG_OK whatever the ending; TG_NULL_ARGUMENT; TG_BAD_ARGUMENT; TG_SHAPE_MISMATCH for a plan with other outputs; TG_NOT_FINITE at the start;
 * TG_TYPE_MISMATCH for an input of integers; TG_OUT_OF_MEMORY; what a run fails with. Memory: (2 memory + 4) n doubles. */
TG_API TG_MUST_CHECK tg_status tg_lbfgs(tg_plan *plan, double *x, const tg_lbfgs_options *options);

/* ---- Levenberg-Marquardt ---- */

typedef struct tg_levenberg_marquardt_options {
    int              iterations;             /* at most, steps that were refused included; 0: 200 */
    double           gradient_tolerance;     /* ends when the cosine between r and every column of J is at most this; 0: 1e-10; TG_ZERO */
    double           value_tolerance;        /* ends when |r|^2 falls, and was to fall, by at most this times itself; 0: 1e-15; TG_ZERO */
    double           step_tolerance;         /* ends when every x_i moves by at most this times |x_i| plus this; 0: 1e-12; TG_ZERO */
    double           damping;                /* first mu, for J'J scaled to ones on its diagonal; 0: 1e-3 */
    tg_solve_fn      progress;               /* NULL: none */
    void            *progress_context;
    tg_solve_report *report;                 /* filled, on failure too; NULL: not wanted */
} tg_levenberg_marquardt_options;

/* Minimizes |r(x)|^2 / 2: outputs 0 and 1 of the plan are the m residuals r, of any shape, and their Jacobian, m n elements with dr_i/dx_k at
 * i n + k, as tg_jacobian(tg_view(r, 0, 1, m), x) is. x as for tg_lbfgs. Each step solves (J'J + mu D) h = -J'r by Cholesky's method, with D the
 * largest diagonal of J'J so far (Marquardt 1963; More 1978) and mu by Nielsen's rule (Madsen, Nielsen and Tingleff 2004, "Methods for
 * non-linear least squares problems", algorithm 3.16). Statuses as for tg_lbfgs. Memory: m n + 2 n^2 + m + 4 n doubles; time m n^2 a step: for
 * nets of some hundred parameters. */
TG_API TG_MUST_CHECK tg_status tg_levenberg_marquardt(tg_plan *plan, double *x, const tg_levenberg_marquardt_options *options);

/* ---- the parameters of a net as x ---- */

/* Elements of the block of a group: the columns of tg_use_block. group NULL: the only trainable group. 0 on failure. */
TG_API int64_t tg_block_size(tg_params *params, const char *group);

/* Copies a block out and in, padding included. Between steps only; frozen variables keep their values. x has tg_block_size elements.
 * Statuses as for tg_use_block and tg_run, with a sentence for tg_last_error. */
TG_API TG_MUST_CHECK tg_status tg_block_read(tg_params *params, const char *group, double *x);
TG_API TG_MUST_CHECK tg_status tg_block_write(tg_params *params, const char *group, const double *x);

#ifdef __cplusplus
}
#endif
#endif
