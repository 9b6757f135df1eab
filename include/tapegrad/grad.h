/* grad.h - derivatives, recorded on the tape as ordinary tensors: they can be run, read, drawn and differentiated again.
 *
 * Each call here walks the tape backwards when it is called: once, tg_jvp twice. Nothing is computed before an executing call.
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

/* ---- how a gradient came about ---- */

/* One application of the chain rule: upstream x local derivative, sent along one edge of the tape in the reverse walk. Messages of views are not
 * blown up to the shape of what is viewed: `message` has the shape of `from`, and `before` and `after` are TG_NONE. */
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

/* The messages of the walk that recorded gradient (what tg_grad or tg_gradients returned), in the order of the walk. 0 for other tensors. */
TG_API int       tg_message_count(tg_tensor gradient);
TG_API tg_status tg_message_at(tg_tensor gradient, int index, tg_message *message);

#ifdef __cplusplus
}
#endif
#endif
