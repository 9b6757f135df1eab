/* higher.c - Hessians, Jacobians, Gauss-Newton products, per-example gradients: walks over what walks recorded. What is
 * disconnected is zero. */
#include "grad/walk.h"

#include <tapegrad/ops.h>

static const tg_gradients_options zeros_if_unused = { .allow_unused = true };

/* Ends a call: if it failed, the tape is as before, its error apart. */
static tg_tensor finish(tg_tape *tape, tg_position before, tg_tensor result) {
    if (tape->status == TG_OK) return result;
    tg_go_to(tape, before);
    return tg_handle(tape, 0);
}

static bool are_given(tg_tensor y, tg_tensor x, const char *caller) {
    return tg_check_tensor(y, caller) == TG_OK && tg_check_operand(y.tape, x, caller) == TG_OK;
}

/* Whether y is [1, 1] and v of numbers in the shape of x; y and x are given. */
static bool are_number_and_direction(tg_tensor y, tg_tensor x, tg_tensor v, const char *caller) {
    const tg_shape of_y = tg_shape_of(y), of_x = tg_shape_of(x), of_v = tg_shape_of(v);
    char           want[TG_SHAPE_TEXT], have[TG_SHAPE_TEXT];
    if (tg_check_operand(y.tape, v, caller) != TG_OK) return false;
    if (of_y.rows != 1 || of_y.cols != 1)
        return tg_fail(y.tape, TG_SHAPE_MISMATCH, "%s: v%u is %s, not [1,1]", caller, y.id, tg_shape_text(of_y, have)), false;
    if (of_x.rows == of_v.rows && of_x.cols == of_v.cols && !of_v.integer) return true;
    return tg_fail(y.tape, TG_SHAPE_MISMATCH, "%s: the direction is %s%s, and what it moves %s", caller, of_v.integer ? "of integers, " : "",
                   tg_shape_text(of_v, have), tg_shape_text(of_x, want)), false;
}

/* ---- products with a vector ---- */

/* With g = dy/dx the walk from g with the seed v is (dg/dx)' v, and dg/dx = d2y/dx2 is symmetric. */
tg_tensor tg_hvp(tg_tensor y, tg_tensor x, tg_tensor v) {
    if (!are_given(y, x, "tg_hvp") || !are_number_and_direction(y, x, v, "tg_hvp")) return tg_handle(y.tape, 0);
    const tg_position before = tg_position_of(y.tape);
    tg_tensor         g, product = tg_handle(y.tape, 0);
    if (tg_gradients(y, TG_NONE, &x, 1, &g, &zeros_if_unused) == TG_OK) tg_gradients(g, v, &x, 1, &product, &zeros_if_unused);
    return finish(y.tape, before, product);
}

/* J' H J v with J = d output/dx and H = d2 loss/d output2: forward along v, through the loss, and back. */
tg_tensor tg_gauss_newton_product(tg_tensor loss, tg_tensor output, tg_tensor x, tg_tensor v) {
    if (!are_given(loss, output, "tg_gauss_newton_product") || tg_check_operand(loss.tape, x, "tg_gauss_newton_product") != TG_OK ||
        !are_number_and_direction(loss, x, v, "tg_gauss_newton_product"))
        return tg_handle(loss.tape, 0);
    const tg_position before  = tg_position_of(loss.tape);
    const tg_tensor   curved  = tg_hvp(loss, output, tg_jvp(output, x, v));
    tg_tensor         product = tg_handle(loss.tape, 0);
    if (curved.id != 0) tg_gradients(output, curved, &x, 1, &product, &zeros_if_unused);
    return finish(loss.tape, before, product);
}

/* ---- Jacobians, row by row ---- */

/* [rows, count] with 1 in one column, 0 elsewhere. */
static tg_tensor unit_column(tg_tape *tape, int64_t rows, int64_t count, int64_t column) {
    const tg_tensor left = tg_zeros(tape, 1, column), one = tg_constant(tape, 1), right = tg_zeros(tape, 1, count - column - 1);
    return tg_broadcast_to(tg_concat((const tg_tensor[]){ left, one, right }, 3), rows, count);
}

/* One walk an output: the gradients of column j of y are [batch, inputs]; transposed, one behind the other, they are the
 * transpose of the result. */
static tg_tensor jacobian_by_outputs(tg_tensor y, tg_tensor x, tg_tensor parts[]) {
    const int64_t batch = tg_rows(y), outputs = tg_cols(y);
    for (int64_t j = 0; j < outputs; j++) {
        tg_tensor g;
        if (tg_gradients(y, unit_column(y.tape, batch, outputs, j), &x, 1, &g, &zeros_if_unused) != TG_OK) return g;
        parts[j] = tg_transpose(g);
    }
    return tg_transpose(tg_view(tg_concat(parts, (int)outputs), 0, outputs * tg_cols(x), batch));
}

/* One walk an input, and one before them: as in tg_jvp, the gradient g(s) of <s, y> is linear in s, and its gradient by s
 * with the seed e_k is column k, [batch, outputs]. */
static tg_tensor jacobian_by_inputs(tg_tensor y, tg_tensor x, tg_tensor parts[]) {
    const int64_t batch = tg_rows(y), outputs = tg_cols(y), inputs = tg_cols(x);
    tg_tensor     g, s = tg_broadcast_to(tg_constant(y.tape, 1), batch, outputs);
    if (s.id == 0 || tg_gradients(y, s, &x, 1, &g, &zeros_if_unused) != TG_OK) return tg_handle(y.tape, 0);
    for (int64_t k = 0; k < inputs; k++)
        if (tg_gradients(g, unit_column(y.tape, batch, inputs, k), &s, 1, &parts[k], &zeros_if_unused) != TG_OK) return parts[k];
    const tg_tensor columns = tg_view(tg_concat(parts, (int)inputs), 0, inputs, batch * outputs);
    return tg_view(tg_transpose(columns), 0, batch, outputs * inputs);
}

/* The way with fewer walks. */
static tg_tensor jacobian(tg_tensor y, tg_tensor x) {
    tg_tape      *tape    = y.tape;
    const int64_t outputs = tg_cols(y), inputs = tg_cols(x);
    const bool    forward = inputs + 1 < outputs;
    const int64_t walks   = forward ? inputs : outputs;
    if (outputs == 0 || inputs == 0) return tg_zeros(tape, tg_rows(y), 0);
    if (walks > INT32_MAX / (int64_t)sizeof(tg_tensor))
        return tg_fail(tape, TG_TOO_LARGE, "tg_jacobian: %lld walks are too many", (long long)walks), tg_handle(tape, 0);
    const size_t bytes = (size_t)walks * sizeof(tg_tensor);
    tg_tensor   *parts = tg_borrow(tape, bytes);
    if (parts == NULL)
        return tg_fail(tape, TG_OUT_OF_MEMORY, "tg_jacobian: no memory for %lld walks", (long long)walks), tg_handle(tape, 0);
    const tg_tensor result = forward ? jacobian_by_inputs(y, x, parts) : jacobian_by_outputs(y, x, parts);
    tg_give_back(tape, parts, bytes);
    return result;
}

static bool fail_rows(tg_tensor y, tg_tensor x, const char *caller, const char *more) {
    char first[TG_SHAPE_TEXT], second[TG_SHAPE_TEXT];
    tg_fail(y.tape, TG_SHAPE_MISMATCH, "%s: y is %s and x %s; they must have as many rows%s", caller, tg_shape_text(tg_shape_of(y), first),
            tg_shape_text(tg_shape_of(x), second), more);
    return false;
}

static bool fit_by_rows(tg_tensor y, tg_tensor x, const char *caller) {
    if (!are_given(y, x, caller)) return false;
    return tg_rows(y) == tg_rows(x) || fail_rows(y, x, caller, "");
}

tg_tensor tg_jacobian(tg_tensor y, tg_tensor x) {
    if (!fit_by_rows(y, x, "tg_jacobian")) return tg_handle(y.tape, 0);
    const tg_position before = tg_position_of(y.tape);
    return finish(y.tape, before, jacobian(y, x));
}

/* The Jacobian of the gradient. */
tg_tensor tg_hessian(tg_tensor y, tg_tensor x) {
    if (!fit_by_rows(y, x, "tg_hessian")) return tg_handle(y.tape, 0);
    if (tg_cols(y) != 1) return fail_rows(y, x, "tg_hessian", ", and y one column"), tg_handle(y.tape, 0);
    const tg_position before = tg_position_of(y.tape);
    const tg_tensor   ones   = tg_broadcast_to(tg_constant(y.tape, 1), tg_rows(y), 1);
    tg_tensor         g, result = tg_handle(y.tape, 0);
    if (tg_gradients(y, ones, &x, 1, &g, &zeros_if_unused) == TG_OK) result = jacobian(g, x);
    return finish(y.tape, before, result);
}

/* ---- one gradient an example ---- */

static bool are_layer(tg_tensor x, tg_tensor delta, const char *caller) {
    if (!are_given(x, delta, caller)) return false;
    if (tg_rows(x) == tg_rows(delta) && !tg_shape_of(x).integer && !tg_shape_of(delta).integer) return true;
    char first[TG_SHAPE_TEXT], second[TG_SHAPE_TEXT];
    tg_fail(x.tape, TG_SHAPE_MISMATCH, "%s: x is %s and delta %s; they must hold numbers, and have a row for each example", caller,
            tg_shape_text(tg_shape_of(x), first), tg_shape_text(tg_shape_of(delta), second));
    return false;
}

/* x_ia delta_ib in column a out + b of row i. Elements of x are repeated in place; all of delta' is repeated in, and that transposed. */
tg_tensor tg_per_example_gradients(tg_tensor x, tg_tensor delta) {
    if (!are_layer(x, delta, "tg_per_example_gradients")) return tg_handle(x.tape, 0);
    const tg_position before = tg_position_of(x.tape);
    const int64_t     batch = tg_rows(x), in = tg_cols(x), out = tg_cols(delta);
    const tg_tensor   first  = tg_view(tg_broadcast_to(tg_view(x, 0, batch * in, 1), batch * in, out), 0, batch, in * out);
    const tg_tensor   copies = tg_broadcast_to(tg_view(tg_transpose(delta), 0, 1, out * batch), in, out * batch);
    const tg_tensor   second = tg_transpose(tg_view(copies, 0, in * out, batch));
    return finish(x.tape, before, tg_mul(first, second));
}

/* |x_i delta_i'|^2 = |x_i|^2 |delta_i|^2, and the gradient by the bias is delta_i. */
tg_tensor tg_per_example_squared_norms(tg_tensor x, tg_tensor delta, bool bias) {
    if (!are_layer(x, delta, "tg_per_example_squared_norms")) return tg_handle(x.tape, 0);
    const tg_position before = tg_position_of(x.tape);
    const tg_tensor   of_x   = tg_sum_cols(tg_square(x)), of_both = bias ? tg_shift(of_x, 1) : of_x;
    return finish(x.tape, before, tg_mul(of_both, tg_sum_cols(tg_square(delta))));
}
