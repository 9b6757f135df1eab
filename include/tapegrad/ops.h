/* ops.h - the built-in ops.
 *
 * Unless a comment says otherwise, an op is differentiable to any order, and two operands broadcast: rows and cols each equal or 1. Sizes may be
 * zero: a sum over nothing is 0, a mean NaN. Shapes are checked when recorded: TG_SHAPE_MISMATCH on the tape.
 * Written for [rows, cols] = [r, c]. Names and argument order are PyTorch's where it has the op.
 */
#ifndef TAPEGRAD_OPS_H
#define TAPEGRAD_OPS_H

#include <tapegrad/matrix_ops.h>
#include <tapegrad/op.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- products and structure ---- */

/* a b: [m, k] [k, n] -> [m, n]; with a transposed, a is [k, m]; with b transposed, b is [n, k]. */
TG_API tg_tensor tg_matmul(tg_tensor a, tg_tensor b);
TG_API tg_tensor tg_matmul_transposed(tg_tensor a, bool transpose_a, tg_tensor b, bool transpose_b);

TG_API tg_tensor tg_transpose(tg_tensor x);                                     /* [r, c] -> [c, r] */

/* x weight + bias: x [batch, in], weight [in, out], bias [1, out] or TG_NONE -> [batch, out]. */
TG_API tg_tensor tg_linear(tg_tensor x, tg_tensor weight, tg_tensor bias);

TG_API tg_tensor tg_broadcast_to(tg_tensor x, int64_t rows, int64_t cols);      /* repeats dimensions of size 1 */
TG_API tg_tensor tg_sum_to(tg_tensor x, int64_t rows, int64_t cols);            /* its transpose: sums dimensions that become 1 */

/* rows * cols elements of x, counted row by row from offset, as [rows, cols]. Covers reshaping and slices of a block. */
TG_API tg_tensor tg_view(tg_tensor x, int64_t offset, int64_t rows, int64_t cols);

/* All elements of the parts, one part after the other: [1, n]. */
TG_API tg_tensor tg_concat(const tg_tensor parts[], int count);

/* Integer [r, 1] -> [r, classes], 1 in the column given, 0 elsewhere. A label out of range makes the executing call TG_OUT_OF_RANGE. */
TG_API tg_tensor tg_one_hot(tg_tensor labels, int64_t classes);

/* The value of x, a constant for every derivative. */
TG_API tg_tensor tg_stop(tg_tensor x);

/* ---- arithmetic ---- */

TG_API tg_tensor tg_add(tg_tensor x, tg_tensor y);
TG_API tg_tensor tg_sub(tg_tensor x, tg_tensor y);
TG_API tg_tensor tg_mul(tg_tensor x, tg_tensor y);
TG_API tg_tensor tg_div(tg_tensor x, tg_tensor y);
TG_API tg_tensor tg_neg(tg_tensor x);
TG_API tg_tensor tg_scale(tg_tensor x, double factor);                          /* factor * x */
TG_API tg_tensor tg_shift(tg_tensor x, double term);                            /* x + term */
TG_API tg_tensor tg_axpy(tg_tensor a, tg_tensor x, tg_tensor y);                /* a x + y, a [1, 1]; one multiplication, one addition */
TG_API tg_tensor tg_lerp(tg_tensor start, tg_tensor end, tg_tensor weight);     /* start + weight (end - start) */

TG_API tg_tensor tg_square(tg_tensor x);
TG_API tg_tensor tg_sqrt(tg_tensor x);                                          /* derivative at 0: +inf */
TG_API tg_tensor tg_exp(tg_tensor x);
TG_API tg_tensor tg_expm1(tg_tensor x);
TG_API tg_tensor tg_log(tg_tensor x);
TG_API tg_tensor tg_log1p(tg_tensor x);
TG_API tg_tensor tg_sin(tg_tensor x);
TG_API tg_tensor tg_cos(tg_tensor x);

TG_API tg_tensor tg_maximum(tg_tensor x, tg_tensor y);                          /* a NaN in either is the result; at a tie each has derivative 1/2 */

TG_API tg_tensor tg_greater(tg_tensor x, tg_tensor y);                          /* 1 where x > y, else 0; derivative zero */

/* x where condition is not 0, y elsewhere. Nothing of the one not taken enters the value, not even a NaN, and its cotangent is zero (which an
 * infinite slope further down, as of sqrt at 0, still makes a NaN). */
TG_API tg_tensor tg_select(tg_tensor condition, tg_tensor x, tg_tensor y);

/* ---- activations ---- */

TG_API tg_tensor tg_relu(tg_tensor x);                                          /* max(x, 0); derivative at 0: 0 */
TG_API tg_tensor tg_sigmoid(tg_tensor x);                                       /* 1 / (1 + e^-x) */
TG_API tg_tensor tg_tanh(tg_tensor x);
TG_API tg_tensor tg_softplus(tg_tensor x);                                      /* ln(1 + e^x), for any x; derivative sigmoid(x) */

/* ---- sums and means ---- */

TG_API tg_tensor tg_sum(tg_tensor x);                                           /* of all: [1, 1] */
TG_API tg_tensor tg_sum_rows(tg_tensor x);                                      /* adds the rows: [1, c] */
TG_API tg_tensor tg_sum_cols(tg_tensor x);                                      /* adds the columns: [r, 1] */
TG_API tg_tensor tg_mean(tg_tensor x);
TG_API tg_tensor tg_mean_rows(tg_tensor x);
TG_API tg_tensor tg_mean_cols(tg_tensor x);

/* Of each row, computed without overflow. */
TG_API tg_tensor tg_logsumexp(tg_tensor x);                                     /* ln sum e^x: [r, 1] */
TG_API tg_tensor tg_softmax(tg_tensor x);                                       /* e^x / sum e^x: [r, c] */
TG_API tg_tensor tg_log_softmax(tg_tensor x);                                   /* x - logsumexp(x): [r, c] */

/* ---- losses: [1, 1], the mean over the batch. Prediction and target must have the same shape; nothing is broadcast ---- */

/* -ln softmax(logits) at the target. logits [batch, classes]; target: labels [batch, 1], or distributions [batch, classes].
 * A label out of range makes the executing call TG_OUT_OF_RANGE. */
TG_API tg_tensor tg_cross_entropy(tg_tensor logits, tg_tensor target);

/* Mean of softplus(x) - t x over all elements: logits x, targets t in [0, 1], both [batch, c]. */
TG_API tg_tensor tg_binary_cross_entropy_with_logits(tg_tensor logits, tg_tensor target);

/* Mean of (prediction - target)^2 over all elements, both [batch, c]. */
TG_API tg_tensor tg_mse_loss(tg_tensor prediction, tg_tensor target);

/* ---- random: the same bits for the same seed, step number and order of random ops, whatever the threads and passes ---- */

TG_API tg_tensor tg_bernoulli(tg_tape *tape, double p, int64_t rows, int64_t cols);      /* 1 with probability p, else 0; derivative zero */

/* In a training step: 0 with probability p, else x / (1 - p) (Srivastava et al. 2014, scaled in training). Otherwise, and for p = 0: x.
 * 0 <= p <= 1; p = 1 gives zeros. */
TG_API tg_tensor tg_dropout(tg_tensor x, double p);

/* ---- for optimizers ---- */

/* min(1, max_norm / (norm + 1e-6)) where norm = sqrt(squared_norm), all [1, 1]: gradients are multiplied by it (Pascanu et al. 2013; the
 * constant is PyTorch's). A norm that is not finite makes the executing call TG_NOT_FINITE. */
TG_API tg_tensor tg_clip_factor(tg_tensor squared_norm, double max_norm);

#ifdef __cplusplus
}
#endif
#endif
