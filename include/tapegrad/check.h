/* check.h - whether derivatives are right, those that the tape records, against differences; and whether an op is. */
#ifndef TAPEGRAD_CHECK_H
#define TAPEGRAD_CHECK_H

#include <stdio.h>
#include <tapegrad/tape.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What was found, as data. */
typedef struct tg_gradcheck_result {
    int64_t checked, skipped;           /* elements; those at kinks were skipped */
    double  largest_error;              /* see below; NaN if a derivative by the tape was, 0 if nothing was checked */
    char    leaf[128];                  /* where: full name of the variable, or which input; "" if nothing was checked */
    int64_t row, col;
    double  by_tape, by_differences;    /* the derivative there */
} tg_gradcheck_result;

typedef struct tg_gradcheck_options {
    double tolerance;      /* largest error of an element, see below; 0: 1e-8 */
    int    samples;        /* elements checked of one leaf; 0: 64. Of larger leaves some are taken, spread evenly, the same in every call */
    FILE  *report;         /* one line a leaf, with its worst error; borrowed. NULL: none */
    tg_gradcheck_result *result;      /* filled with what was found, zeros on an earlier failure; NULL: not wanted */
} tg_gradcheck_options;

/* Checks the derivatives of loss [1, 1], in f64 whatever the tape computes in: by every input of numbers, and by every variable, that loss depends
 * on. An element's derivative a by the tape is held against n by five points (Abramowitz and Stegun 1964, 25.3.6),
 *
 *     n = (f(x - 2h) - 8 f(x - h) + 8 f(x + h) - f(x + 2h)) / 12h,      error = |a - n| / max(1, |a|, |n|),
 *
 * with h = max(1, |x|) / 1000 and, where that does not agree, h / 16 and h / 256, so that no kink nearby counts. An element at a kink, where the
 * slopes to both sides differ, is skipped, as is one beside which loss is not finite. Left out are frozen variables, and leaves on which loss
 * depends through tg_stop too, since differences see through a stop: the report says so.
 *
 * TG_CHECK_FAILED if an error is above the tolerance, or if more than 5 % of the elements were skipped. The sentence names leaf, element and both
 * derivatives of the worst one, and the first op that alone, with the operands that it has in the step, does not pass the check either, if one does
 * not. TG_NOT_FINITE if loss, or what must be finite, is not so in f64. TG_DISCONNECTED if there is nothing to check: loss depends on no leaf, or
 * all were left out. TG_UNSUPPORTED if loss is made of an assignment. TG_CANNOT_WRITE if the report does not take it. TG_STALE after an update of
 * what loss needs: check before it, or on an eager tape. And what tg_gradients and tg_plan_new return, such as TG_NO_DERIVATIVE.
 *
 * Like tg_look it computes beside the step: no variable is written, no mark used up, no reading ended, what it recorded is taken back, and a
 * failure is one for tg_last_error and not on the tape. Draws are those of the step. It takes the time of five runs of loss for each element, more
 * where it fails. options may be NULL. It is used like the tape, by one thread at a time, and reads the variables. */
TG_API TG_MUST_CHECK tg_status tg_gradcheck(tg_tensor loss, const tg_gradcheck_options *options);

/* Checks a registered op, built-in or your own, with operands from its .example, .lo and .hi (see tg_op), in sizes of zero, one, and around the
 * widths of vectors; operands that broadcast in every way:
 *
 *     formulas, and the shape by the kind that its flags say
 *     kernels: the same bits in each call, with any memory around operands and output, in place, in panels of any rows, in parts of sums; nothing
 *         else is read or written, and no row of a rowwise op, no element of an elementwise one, looks at another
 *     f32 against f64, within what roundings explain; kernels against what the op expands to, in f64 to 1e-13
 *     derivatives of the first three orders against five-point differences, to 1e-8; elements at kinks are left out
 *     the rule: linear in the cotangent, and forward mode its transpose, to 1e-12; not zero everywhere, unless the op is flagged TG_OP_STOP
 *     every pass of the plan compiler, on and off
 *
 * TG_CHECK_FAILED if one does not hold. The report (may be NULL) is told which, with which operands, and the numbers; its last line is
 * "NAME: N checks, N failed". TG_UNKNOWN_NAME if no op of that name is registered. A kernel that reads or writes where it must not is not
 * run any further. TG_CANNOT_WRITE if the report does not take it. Any thread. */
TG_API TG_MUST_CHECK tg_status tg_op_check(const char *name, FILE *report);

/* Every registered op; the last line of the report is "N ops, N checks, N failed". */
TG_API TG_MUST_CHECK tg_status tg_op_check_all(FILE *report);

#ifdef __cplusplus
}
#endif
#endif
