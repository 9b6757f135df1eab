/* ops.h - the built-in ops.
 *
 * Unless a comment says otherwise, an op is differentiable to any order, and two operands broadcast: rows and cols each equal or 1. Sizes may be
 * zero: a sum over nothing is 0, a mean NaN. Shapes are checked when recorded: TG_SHAPE_MISMATCH on the tape.
 * Written for [rows, cols] = [r, c]. Names and argument order are PyTorch's where it has the op.
 */
#ifndef TAPEGRAD_OPS_H
#define TAPEGRAD_OPS_H

#include <tapegrad/losses.h>
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
TG_API tg_tensor tg_rsqrt(tg_tensor x);                                         /* 1 / sqrt(x); +inf at 0 of either sign, with derivative -inf */
TG_API tg_tensor tg_reciprocal(tg_tensor x);                                    /* 1 / x */
TG_API tg_tensor tg_exp(tg_tensor x);
TG_API tg_tensor tg_expm1(tg_tensor x);
TG_API tg_tensor tg_log(tg_tensor x);
TG_API tg_tensor tg_log1p(tg_tensor x);
TG_API tg_tensor tg_sin(tg_tensor x);                                           /* as an activation: Sitzmann et al. 2020 */
TG_API tg_tensor tg_cos(tg_tensor x);
TG_API tg_tensor tg_erf(tg_tensor x);                                           /* derivative 2 / sqrt(pi) e^(-x^2) */
TG_API tg_tensor tg_erfc(tg_tensor x);                                          /* 1 - erf(x), with all digits where that is small */

/* x^y as C's pow: x^0 = 1 for any x, and NaN for x < 0 unless y is an integer. By x: y x^(y - 1), which is 0 for y = 0. By y: x^y ln x, which is 0
 * at x = 0 for y >= 0, and NaN for x < 0. */
TG_API tg_tensor tg_pow(tg_tensor x, tg_tensor y);

/* x^exponent for a number that is part of the program; derivative exponent x^(exponent - 1), 0 for exponent 0, exact at x = 0 and for x < 0. */
TG_API tg_tensor tg_pow_scalar(tg_tensor x, double exponent);

/* ---- comparisons and steps: derivative zero ---- */

/* 1 where it is so, else 0. A NaN equals nothing, and is neither less nor greater. */
TG_API tg_tensor tg_greater(tg_tensor x, tg_tensor y);
TG_API tg_tensor tg_greater_equal(tg_tensor x, tg_tensor y);
TG_API tg_tensor tg_less(tg_tensor x, tg_tensor y);
TG_API tg_tensor tg_less_equal(tg_tensor x, tg_tensor y);
TG_API tg_tensor tg_equal(tg_tensor x, tg_tensor y);
TG_API tg_tensor tg_not_equal(tg_tensor x, tg_tensor y);

TG_API tg_tensor tg_sign(tg_tensor x);                                          /* 1, -1, or x itself if that is 0 or NaN */
TG_API tg_tensor tg_floor(tg_tensor x);
TG_API tg_tensor tg_round(tg_tensor x);                                         /* to the nearest integer, halves to the even one */

/* ---- choices ---- */

/* A NaN in either is the result; at a tie each has derivative 1/2. */
TG_API tg_tensor tg_maximum(tg_tensor x, tg_tensor y);
TG_API tg_tensor tg_minimum(tg_tensor x, tg_tensor y);

TG_API tg_tensor tg_abs(tg_tensor x);                                           /* derivative at 0: 0 */

/* min(max(x, lo), hi), which is hi if lo > hi. Derivative 1 for lo <= x <= hi, both bounds included, else 0. A NaN in any of the three is the
 * result. */
TG_API tg_tensor tg_clamp(tg_tensor x, double lo, double hi);

/* x where x > threshold or NaN, value elsewhere; derivative 1 where x > threshold, else 0. */
TG_API tg_tensor tg_threshold(tg_tensor x, double threshold, double value);

/* x where condition is not 0, y elsewhere. Nothing of the one not taken enters the value, not even a NaN, and its cotangent is zero (which an
 * infinite slope further down, as of sqrt at 0, still makes a NaN). */
TG_API tg_tensor tg_select(tg_tensor condition, tg_tensor x, tg_tensor y);

/* ---- activations. Those of one matrix, with or without a number, are known to tg_mlp_new by the name of their op, such as "leaky_relu"; a number
 * is then PyTorch's default. At kinks the derivative is PyTorch's. What tends to a limit has it at infinity, in value and derivative ---- */

TG_API tg_tensor tg_relu(tg_tensor x);                                          /* max(x, 0); derivative at 0: 0 */
TG_API tg_tensor tg_relu6(tg_tensor x);                                         /* min(max(x, 0), 6); derivative at 0 and 6: 0 (Krizhevsky 2010) */

/* x for x > 0, else slope x; derivative at 0: slope (Maas et al. 2013). Default slope 0.01. */
TG_API tg_tensor tg_leaky_relu(tg_tensor x, double slope);

/* The same with learned slopes: x [r, c], weight [1, c] or [1, 1]. By weight: x where x <= 0, else 0 (He et al. 2015). */
TG_API tg_tensor tg_prelu(tg_tensor x, tg_tensor weight);

/* x for x > 0, else alpha (e^x - 1); derivative there alpha e^x, at 0 alpha (Clevert et al. 2016). Default alpha 1. */
TG_API tg_tensor tg_elu(tg_tensor x, double alpha);

/* lambda elu(x, alpha) with lambda = 1.0507..., alpha = 1.6733...; derivative at 0: lambda alpha (Klambauer et al. 2017). See tg_alpha_dropout. */
TG_API tg_tensor tg_selu(tg_tensor x);

/* x for x > 0, else alpha (e^(x / alpha) - 1); derivative there e^(x / alpha), at 0 1 (Barron 2017). alpha is not 0; default 1. */
TG_API tg_tensor tg_celu(tg_tensor x, double alpha);

TG_API tg_tensor tg_hard_tanh(tg_tensor x);                                     /* min(max(x, -1), 1); derivative at -1 and 1: 0 (Collobert 2004) */
TG_API tg_tensor tg_hard_sigmoid(tg_tensor x);                                  /* min(max(x / 6 + 1/2, 0), 1); derivative at -3 and 3: 0 */
TG_API tg_tensor tg_hard_swish(tg_tensor x);                                    /* x hard_sigmoid(x); derivative 0 at -3, 1 at 3 (Howard et al. 2019) */

TG_API tg_tensor tg_sigmoid(tg_tensor x);                                       /* 1 / (1 + e^-x) */
TG_API tg_tensor tg_tanh(tg_tensor x);
TG_API tg_tensor tg_softplus(tg_tensor x);                                      /* ln(1 + e^x), for any x; derivative sigmoid(x) */
TG_API tg_tensor tg_log_sigmoid(tg_tensor x);                                   /* ln sigmoid(x), for any x; derivative sigmoid(-x) */
TG_API tg_tensor tg_softsign(tg_tensor x);                                      /* x / (1 + |x|), derivative 1 / (1 + |x|)^2 (Glorot, Bengio 2010) */
TG_API tg_tensor tg_gaussian(tg_tensor x);                                      /* e^(-x^2); derivative -2 x e^(-x^2) */

/* x sigmoid(x), also called swish; with s = sigmoid(x) its derivative is s (1 + x (1 - s)) (Elfwing et al. 2018). */
TG_API tg_tensor tg_silu(tg_tensor x);

/* x tanh(softplus(x)); with t = tanh(softplus(x)) its derivative is t + x sigmoid(x) (1 - t^2) (Misra 2020). */
TG_API tg_tensor tg_mish(tg_tensor x);

/* x P(x) with P(x) = (1 + erf(x / sqrt(2))) / 2, the normal distribution; derivative P(x) + x e^(-x^2 / 2) / sqrt(2 pi) (Hendrycks and Gimpel
 * 2016). */
TG_API tg_tensor tg_gelu(tg_tensor x);

/* The same paper's approximation x (1 + tanh(u)) / 2 with u = sqrt(2 / pi) (x + 0.044715 x^3), and the derivative of that. */
TG_API tg_tensor tg_gelu_tanh(tg_tensor x);

/* Of the halves a and b of the columns: [r, 2 c] -> [r, c]. Not elementwise, so not for tg_mlp_new. */
TG_API tg_tensor tg_glu(tg_tensor x);                                           /* a sigmoid(b) (Dauphin et al. 2017) */
TG_API tg_tensor tg_swiglu(tg_tensor x);                                        /* silu(a) b (Shazeer 2020) */

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

/* ---- losses: [1, 1], the mean over the batch. Prediction and target must have the same shape; nothing is broadcast.
 * With weights and other reductions, and more of them: losses.h ---- */

/* -ln softmax(logits) at the target. logits [batch, classes]; target: labels [batch, 1], or distributions [batch, classes].
 * A label out of range makes the executing call TG_OUT_OF_RANGE. */
TG_API tg_tensor tg_cross_entropy(tg_tensor logits, tg_tensor target);

/* Mean of softplus(x) - t x over all elements: logits x, targets t in [0, 1], both [batch, c]. */
TG_API tg_tensor tg_binary_cross_entropy_with_logits(tg_tensor logits, tg_tensor target);

/* Mean of (prediction - target)^2 over all elements, both [batch, c]. */
TG_API tg_tensor tg_mse_loss(tg_tensor prediction, tg_tensor target);

/* ---- random: the same bits for the same seed, step number and order of random ops, whatever the threads and passes ---- */

TG_API tg_tensor tg_bernoulli(tg_tape *tape, double p, int64_t rows, int64_t cols);      /* 1 with probability p, else 0; derivative zero */

/* Uniform in [lo, hi), and normal; derivative zero. Draws have 32 random bits each, so that normal ones lie within 6.7 standard deviations. In f32
 * they are those of f64, rounded. For a distribution with learned parameters: mean + std * normal(tape, 0, 1, rows, cols). */
TG_API tg_tensor tg_uniform(tg_tape *tape, double lo, double hi, int64_t rows, int64_t cols);
TG_API tg_tensor tg_normal(tg_tape *tape, double mean, double std, int64_t rows, int64_t cols);

/* In a training step: 0 with probability p, else x / (1 - p) (Srivastava et al. 2014, scaled in training). Otherwise, and for p = 0: x.
 * 0 <= p <= 1; p = 1 gives zeros. */
TG_API tg_tensor tg_dropout(tg_tensor x, double p);

/* For nets of selu. In a training step: a x + b, and with probability p a s + b, where s = -1.7581 is selu(-inf), and a and b keep mean 0 and
 * variance 1 (Klambauer et al. 2017). Otherwise, and for p = 0: x. 0 <= p <= 1; p = 1 gives zeros. */
TG_API tg_tensor tg_alpha_dropout(tg_tensor x, double p);

/* ---- for optimizers ---- */

/* min(1, max_norm / (norm + 1e-6)) where norm = sqrt(squared_norm), all [1, 1]: gradients are multiplied by it (Pascanu et al. 2013; the
 * constant is PyTorch's). A norm that is not finite makes the executing call TG_NOT_FINITE. */
TG_API tg_tensor tg_clip_factor(tg_tensor squared_norm, double max_norm);

#ifdef __cplusplus
}
#endif
#endif
