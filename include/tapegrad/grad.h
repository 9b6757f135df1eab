/* grad.h - derivatives, recorded on the tape as ordinary tensors: they can be run, read, drawn and differentiated again.
 *
 * Each call here walks the tape backwards when it is called: once, or as often as its comment says. Nothing is computed before an executing call.
 * Failures on the tape: TG_NO_DERIVATIVE (names the op), TG_DISCONNECTED, TG_SHAPE_MISMATCH.
 */
#ifndef TAPEGRAD_GRAD_H
#define TAPEGRAD_GRAD_H

#include <tapegrad/tape.h>

#ifdef __cplusplus
extern "C" {
#endif

/* dy/dx, with the shape of x. y is [1, 1]; x any tensor of the step: parameter, block, input, pre-activation (whose gradient is delta). */
TG_API tg_tensor tg_grad(tg_tensor y, tg_tensor x);

typedef struct tg_gradients_options {
    bool allow_unused;      /* a wanted tensor that y does not depend on has gradient zero, instead of TG_DISCONNECTED. The same for the
                             * trainable variables of a wanted block, each of which y must reach otherwise, unless it is frozen */
} tg_gradients_options;

/* out[i] = d<seed, y>/d xs[i] for count tensors, in one walk. seed has the shape of y, or is TG_NONE if y is [1, 1].
 * On failure the tape is as before the call, its error apart, and every out[i] is a failed tensor. */
TG_API tg_status tg_gradients(tg_tensor y, tg_tensor seed, const tg_tensor xs[], int count, tg_tensor out[], const tg_gradients_options *options);

/* Derivative of each row's y by one column of the same row's x: y [batch, 1], x [batch, c] -> [batch, 1], for u_x, u_xx, ...
 * Row i of y must depend on no other row of x; for batch statistics, and other nets that mix rows, the result is the sum over those rows. */
TG_API tg_tensor tg_diff(tg_tensor y, tg_tensor x, int64_t column);

/* (dy/dx) v, with the shape of y: how y changes as x moves along v. y of any shape, x any tensor of the step, v of the shape of x. Zeros where y
 * does not depend on x, or does through stops only; frozen variables of a block x do not move. Recorded as two reverse walks, of which a run
 * computes what the second needs (Townsend 2017, "A new trick for calculating Jacobian vector products"), so that no op needs a rule of its own for
 * it. On failure the tape is as before the call, its error apart. */
TG_API tg_tensor tg_jvp(tg_tensor y, tg_tensor x, tg_tensor v);

/* ---- higher order ----
 *
 * Walks over what walks recorded, so that ops need no rules for them, and all of it can be differentiated again. What y does not depend on,
 * or through stops only, counts as zero; frozen variables of a block x do not move. Failures stand on the tape, which is otherwise as before
 * the call: TG_SHAPE_MISMATCH, TG_TYPE_MISMATCH for integers, TG_NULL_ARGUMENT for TG_NONE. One thread a tape, as for all that records. */

/* (d2y/dx2) v, with the shape of x: the Hessian by a vector, without the Hessian (Pearlmutter 1994, "Fast exact multiplication by the
 * Hessian"). y is [1, 1], v has the shape of x. Two walks. */
TG_API tg_tensor tg_hvp(tg_tensor y, tg_tensor x, tg_tensor v);

/* J' H J v, with the shape of x, for J = d output/dx and H = d2 loss/d output2: the Gauss-Newton matrix by a vector v of the shape of x; never
 * negative along v if the loss is convex in output (Schraudolph 2002, "Fast curvature matrix-vector products"). loss is [1, 1]; output, of any
 * shape, is what it is computed from: under cross-entropy logits, not probabilities. Other ways from x to loss do not count. Five walks. */
TG_API tg_tensor tg_gauss_newton_product(tg_tensor loss, tg_tensor output, tg_tensor x, tg_tensor v);

/* Row by row, as for tg_diff: y [batch, outputs], x [batch, inputs] -> [batch, outputs * inputs], with dy_j/dx_k in column j * inputs + k. By
 * reverse walks, one an output, or forward ones, one an input, whichever are fewer (Griewank and Walther 2008, "Evaluating Derivatives",
 * chapter 3). The Jacobian of residuals [m, 1] by a block [1, n] is that of tg_view(residuals, 0, 1, m): [1, m * n]. */
TG_API tg_tensor tg_jacobian(tg_tensor y, tg_tensor x);

/* Row by row: y [batch, 1], x [batch, inputs] -> [batch, inputs * inputs], with d2y/dx_j dx_k in column j * inputs + k: the Jacobian of the
 * gradient. One walk, and one an input. */
TG_API tg_tensor tg_hessian(tg_tensor y, tg_tensor x);

/* For a layer x W + b with x [batch, in], and delta [batch, out] the gradient of a sum over examples by the layer's output: the gradient of
 * each example by W, [batch, in * out], with row a, column b of W in column a * out + b; that by b is delta itself. The delta of a mean over
 * examples, as of the losses in ops.h, is smaller by 1/batch, and so are these. */
TG_API tg_tensor tg_per_example_gradients(tg_tensor x, tg_tensor delta);

/* Their squared norms [batch, 1], without the gradients: |x_i|^2 |delta_i|^2, and |delta_i|^2 more if there is a bias (Goodfellow 2015,
 * "Efficient per-example gradient computations"). Those of a whole net are sums of these over its layers. */
TG_API tg_tensor tg_per_example_squared_norms(tg_tensor x, tg_tensor delta, bool bias);

/* ---- memory for time ---- */

/* A part of a net: records what it makes of its operands, and returns it. It is called for each walk and whenever a run is compiled, on
 * whatever tape its operands have. All that it depends on, variables too, is an operand, or in the context and the same in every call. */
typedef tg_tensor (*tg_segment_fn)(const tg_tensor inputs[], int count, const void *context);

/* segment(inputs, count, context) [rows, cols], of which no value inside is kept for the backward walk, which computes it anew: a chain of k^2
 * layers in segments of k keeps some 2 k values instead of k^2, for one more pass forward (Chen et al. 2016, "Training deep nets with
 * sublinear memory cost"). The bits of values and gradients are those without; derivatives of higher order may differ by rounding. inputs is
 * copied; context is borrowed as long as the step can run. Failures, found when the segment is first called: TG_NULL_ARGUMENT,
 * TG_BAD_ARGUMENT for negative sizes, TG_SHAPE_MISMATCH for a result that is not [rows, cols], TG_UNSUPPORTED for a segment that draws (draw
 * before it, and give it the mask) or uses variables that are no operands. */
TG_API tg_tensor tg_checkpoint(tg_segment_fn segment, const void *context, const tg_tensor inputs[], int count, int64_t rows, int64_t cols);

/* ---- how a gradient came about ---- */

/* One application of the chain rule: upstream x local derivative, sent along one edge of the tape in the reverse walk. Messages of views are not
 * blown up to the shape of what is viewed: `message` has the shape of `from`, `before` is TG_NONE, and so is
 * `after` but for the last view's, which has the cotangent of `to`, complete. */
typedef struct tg_message {
    tg_tensor from;          /* the forward node whose rule was called */
    int       argument;      /* along which of its arguments */
    tg_tensor to;            /* that argument */
    tg_tensor upstream;      /* cotangent of from */
    tg_tensor message;       /* what is sent, in the shape of to; see views below */
    tg_tensor before;        /* sum of the messages to `to` that came earlier; TG_NONE for the first */
    tg_tensor after;         /* that sum with this message; the cotangent of to if k == n */
    int       k, n;          /* this is message k of n, counted from 1 */
} tg_message;

/* The messages of the walk that recorded gradient, in the order of the walk: what tg_grad or tg_gradients returned, or the node "gradients" with which
 * the walk begins on the tape. 0 for other tensors. */
TG_API int       tg_message_count(tg_tensor gradient);
TG_API tg_status tg_message_at(tg_tensor gradient, int index, tg_message *message);

#ifdef __cplusplus
}
#endif
#endif
