/* formula.h - formulas as they are written, recorded as ops. */
#ifndef TAPEGRAD_FORMULA_H
#define TAPEGRAD_FORMULA_H

#include <tapegrad/tape.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Records text, such as "ln(x1) + x1*x2 - sin(x2)" or "sigmoid(x W1 + b1)", with values[i] for names[i] (count of each). There are + - * / ^, with
 * ^ to the right and stronger than a sign; two factors side by side, the matrix product; x', the transpose; |x|; comparisons; c > 0 ? a : b; numbers
 * with a point; pi; and as functions ln, max(a, b), min(a, b) and the ops of fixed operands by name, yours included. A name is of letters, digits and
 * _, perhaps with an index behind it: W1[2,1].
 *
 * Failures stand on the tape: TG_BAD_ARGUMENT for a text that is no formula, TG_UNKNOWN_NAME, TG_TOO_LARGE, and those of the ops. at (may be NULL)
 * is set to the byte of text, counted from 0, at which the sentence expects something else; to the length of text if it is a formula. */
TG_API tg_tensor tg_record_formula(tg_tape *tape, const char *text, const char *const names[], const tg_tensor values[], int count, size_t *at);

#ifdef __cplusplus
}
#endif
#endif
