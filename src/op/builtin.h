/* builtin.h - the built-in ops, and what their files share. */
#ifndef TAPEGRAD_OP_BUILTIN_H
#define TAPEGRAD_OP_BUILTIN_H

#include <string.h>
#include <tapegrad/op.h>
#include <tapegrad/ops.h>

/* Every built-in op, in the order in which tg_op_at lists them. */
#define TG_BUILTIN_OPS(X)                                                                                            \
    X(matmul) X(transpose) X(broadcast_to) X(sum_to) X(view) X(concat) X(one_hot) X(stop) X(assign)                     \
    X(add) X(sub) X(mul) X(div) X(neg) X(scale) X(shift) X(axpy) X(lerp) X(square) X(sqrt) X(exp) X(expm1) X(log)       \
    X(log1p) X(sin) X(cos) X(erf) X(erfc) X(pow) X(pow_scalar) X(rsqrt) X(reciprocal)                                   \
    X(greater) X(greater_equal) X(less) X(less_equal) X(equal) X(not_equal) X(sign) X(floor) X(round)                   \
    X(maximum) X(minimum) X(select) X(abs) X(clamp) X(threshold)                                                        \
    X(relu) X(relu6) X(leaky_relu) X(prelu) X(elu) X(selu) X(celu) X(hard_tanh) X(hard_sigmoid) X(hard_swish)           \
    X(sigmoid) X(tanh) X(softplus) X(log_sigmoid) X(softsign) X(silu) X(mish) X(gaussian) X(gelu) X(gelu_tanh) X(glu) X(swiglu) \
    X(sum) X(sum_rows) X(sum_cols) X(mean) X(mean_rows) X(mean_cols) X(logsumexp) X(softmax) X(log_softmax)             \
    X(cross_entropy) X(cross_entropy_distribution) X(binary_cross_entropy_with_logits) X(mse_loss)                      \
    X(bernoulli) X(uniform) X(normal) X(clip_factor)                                                                    \
    X(max) X(max_rows) X(max_cols) X(min) X(min_rows) X(min_cols) X(argmax) X(argmin) X(same)                           \
    X(prod) X(prod_rows) X(prod_cols) X(var) X(var_rows) X(var_cols) X(norm) X(norm_rows) X(norm_cols)                  \
    X(slice_cols) X(pad_cols) X(concat_cols) X(gather_rows) X(scatter_rows) X(diagonal) X(diag_embed)                   \
    X(layer_norm) X(rms_norm) X(batch_norm)

#define TG_DECLARE_OP(name) extern const tg_op tg_##name##_op;
TG_BUILTIN_OPS(TG_DECLARE_OP)

/* An example for checks that has these numbers as attributes. */
#define TG_EXAMPLE_OF_NUMBERS(name, ...)                                                                                \
    static bool name##_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {                         \
        const double numbers[] = { __VA_ARGS__ };                                                                       \
        (void)rows, (void)cols;                                                                                         \
        memcpy(example->attributes, numbers, sizeof numbers);                                                          \
        return index == 0;                                                                                              \
    }

/* Copies a value that is a leaf, which may change: for plans, not registered. */
extern const tg_op tg_copy_op;

/* Every built-in fusion. */
#define TG_BUILTIN_FUSIONS(X) X(cross_entropy_slope) X(cross_entropy_slope_by) X(adam_loop)
#define TG_DECLARE_FUSION(name) extern const tg_fusion tg_##name##_fusion;
TG_BUILTIN_FUSIONS(TG_DECLARE_FUSION)

/* Applying an op of one, two and three operands, on the tape of the first one given. */
tg_tensor tg_apply1(const tg_op *op, tg_tensor x, const void *attributes);
tg_tensor tg_apply2(const tg_op *op, tg_tensor x, tg_tensor y);
tg_tensor tg_apply3(const tg_op *op, tg_tensor x, tg_tensor y, tg_tensor z);

/* ---- algebra.c: what simplify rules ask ---- */

/* Whether x is a number that is part of the program; which one. */
bool tg_number_at(tg_tensor x, double *number);
bool tg_is_number(tg_tensor x, double number);

/* Zero, or neither too large nor too small for a float: products of such numbers that are such numbers again differ by rounding alone. */
bool tg_is_tame(double number);

/* The first operand of x, if x is that op applied, and its attributes (NULL: not asked); else TG_NONE. */
tg_tensor tg_operand_under(tg_tensor x, const tg_op *op, void *attributes);

/* The simplify rule of an elementwise op that broadcasts: it needs no broadcast_to before it. */
tg_tensor tg_drop_broadcasts(const tg_application *application);

#endif
