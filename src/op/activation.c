/* activation.c - activations. map.h says how they are written.
 *
 * Where a factor that vanishes meets one that grows, the one that grows is clamped where the other is 0 in both types: the value stays, and nothing
 * becomes 0 * inf, in no derivative. */
#include "op/map.h"

/* ---- pieces of lines ---- */

static tg_tensor relu_rule(tg_tensor x, tg_tensor g) {
    const tg_tensor zero = tg_zero(g);
    return tg_select(tg_greater(x, tg_zero(x)), g, zero);
}
MAP1(relu, x <= 0 ? 0 : x, relu_rule(x, g), .text = "max(%0, 0)", .tex = "\\max(%0, 0)", AVOID(0))

/* g where a < x < b, else 0 */
static tg_tensor inside(tg_tensor x, double a, double b, tg_tensor g) {
    const tg_tensor zero = tg_zero(g), below_b = tg_select(tg_less(x, tg_constant(x.tape, b)), g, zero);
    return tg_where_greater(x, a, below_b, zero);
}
MAP1(relu6, x <= 0 ? 0 : x >= 6 ? 6 : x, inside(x, 0, 6, g), .text = "min(max(%0, 0), 6)", .tex = "\\min(\\max(%0, 0), 6)", AVOID(0, 6))
MAP1(hard_tanh, x <= -1 ? -1 : x >= 1 ? 1 : x, inside(x, -1, 1, g), .text = "min(max(%0, -1), 1)", .tex = "\\min(\\max(%0, -1), 1)", AVOID(-1, 1))
MAP1(hard_sigmoid, x <= -3 ? 0 : x >= 3 ? 1 : x / 6 + (real)0.5, inside(x, -3, 3, tg_scale(g, 1.0 / 6)), .text = "min(max(%0 / 6 + 1/2, 0), 1)",
     .tex = "\\min(\\max(\\tfrac{%0}{6} + \\tfrac12, 0), 1)", .lo = -4, .hi = 4, AVOID(-3, 3))

/* x / 3 + 1/2 between -3 and 3, 0 below and 1 above */
static tg_tensor hard_swish_rule(tg_tensor x, tg_tensor g) {
    const tg_tensor between = tg_mul(g, tg_shift(tg_scale(tg_clamp(x, -3, 3), 1.0 / 3), 0.5));
    const tg_tensor below_3 = tg_select(tg_less(x, tg_constant(x.tape, 3)), between, g);
    return tg_where_greater(x, -3, below_3, tg_zero(g));
}
MAP1(hard_swish, x <= -3 ? 0 : x >= 3 ? x : x * (x + 3) / 6, hard_swish_rule(x, g), .text = "%0 * min(max(%0 / 6 + 1/2, 0), 1)",
     .tex = "%0\\,\\min(\\max(\\tfrac{%0}{6} + \\tfrac12, 0), 1)", .lo = -4, .hi = 4, AVOID(-3, 3))

MAP1_NUMBER(leaky_relu, x > 0 ? x : c * x, tg_where_greater(x, 0, g, tg_scale(g, c)), .text = "%0 > 0 ? %0 : c * %0",
            .tex = "\\max(%0, 0) + c \\min(%0, 0)", AVOID(0), DEFAULTS(0.01))

/* x where x <= 0, else 0 */
static tg_tensor negative(tg_tensor x) { return tg_where_greater(x, 0, tg_zero(x), x); }

static tg_tensor prelu_by_factor(tg_tensor x, tg_tensor g) {
    const tg_tensor zero = tg_zero(g);
    return tg_where_greater(x, 0, zero, tg_mul(g, negative(x)));
}
MAP2(prelu, x > 0 ? x : y * x, tg_where_greater(x, 0, g, tg_mul(g, y)), prelu_by_factor(x, g), 0, .simplify = tg_drop_broadcasts,
     .text = "%0 > 0 ? %0 : %1 * %0", .tex = "\\max(%0, 0) + %1 \\odot \\min(%0, 0)", AVOID(0))

/* ---- lines and exponentials ---- */

MAP1_NUMBER(elu, x > 0 ? x : c * expm1(x), tg_where_greater(x, 0, g, tg_mul(g, tg_scale(tg_exp(negative(x)), c))),
            .text = "%0 > 0 ? %0 : c * (exp(%0) - 1)", .tex = "\\max(%0, 0) + c\\,(e^{\\min(%0, 0)} - 1)", AVOID(0), DEFAULTS(1))

/* lambda and alpha for which mean 0 and variance 1 stay (Klambauer et al. 2017). */
#define LAMBDA 1.0507009873554804934193349852946
#define LAMBDA_ALPHA (LAMBDA * 1.6732632423543772848170429916717)
static tg_tensor selu_rule(tg_tensor x, tg_tensor g) {
    const tg_tensor above = tg_scale(g, LAMBDA);
    return tg_where_greater(x, 0, above, tg_mul(g, tg_scale(tg_exp(negative(x)), LAMBDA_ALPHA)));
}
MAP1(selu, x > 0 ? (real)LAMBDA * x : (real)LAMBDA_ALPHA * expm1(x), selu_rule(x, g),
     .text = "%0 > 0 ? 1.0507009873554805 * %0 : 1.7580993408473766 * (exp(%0) - 1)",
     .tex = "\\lambda(\\max(%0, 0) + \\alpha(e^{\\min(%0, 0)} - 1))", AVOID(0))

static tg_status celu_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count;
    *output = in[0];
    *why    = "takes a matrix of numbers, and an alpha that is not 0";
    if (in[0].integer || in[0].rows < 0) return TG_TYPE_MISMATCH;
    return *(const double *)attributes != 0 ? TG_OK : TG_BAD_ARGUMENT;
}
MAP1_NUMBER(celu, x > 0 ? x : c * expm1(x / c), tg_where_greater(x, 0, g, tg_mul(g, tg_exp(tg_scale(negative(x), 1 / c)))),
            .shape = celu_shape, .text = "%0 > 0 ? %0 : c * (exp(%0 / c) - 1)", .tex = "\\max(%0, 0) + c\\,(e^{\\min(%0, 0) / c} - 1)", AVOID(0),
            DEFAULTS(1))

/* ---- sigmoids ---- */

/* y (1 - y), as in textbooks and without another exponential; sigmoid(-x) for 1 - y would keep its digits where y is near 1. */
MAP1(sigmoid, sigmoid(x), tg_mul(g, tg_mul(out, tg_shift(tg_neg(out), 1))), .text = "1 / (1 + exp(-%0))", .tex = "\\sigma(%0)")
MAP1(tanh, tanh(x), tg_mul(g, tg_shift(tg_neg(tg_square(out)), 1)), .text = "tanh(%0)", .tex = "\\tanh %0")
MAP1(softplus, (x > 0 ? x : 0) + log1p(exp(-fabs(x))), tg_mul(g, tg_sigmoid(x)), .text = "ln(1 + exp(%0))", .tex = "\\ln(1 + e^{%0})")
MAP1(log_sigmoid, (x < 0 ? x : 0) - log1p(exp(-fabs(x))), tg_mul(g, tg_sigmoid(tg_neg(x))), .text = "-ln(1 + exp(-%0))", .tex = "\\ln\\sigma(%0)")

/* Beyond 1e20, x / (1 + |x|) is x / |x|, also where that is inf / inf. */
MAP1(softsign, fabs(x) > (real)1e20 ? copysign((real)1, x) : x / (1 + fabs(x)), tg_mul(g, tg_square(tg_reciprocal(tg_shift(tg_abs(x), 1)))),
     .text = "%0 / (1 + |%0|)", .tex = "\\frac{%0}{1 + |%0|}", AVOID(0))

/* ---- x times what rises from 0 to 1. Below -1000 that is 0 in both types ---- */

#define FROM_BELOW(x) ((x) < -1000 ? -1000 : (x))
static tg_tensor bounded(tg_tensor x) { return tg_clamp(x, -1000, 1000); }

/* s (1 + x (1 - s)), s = sigmoid(x) and 1 - s = sigmoid(-x) */
static tg_tensor silu_slope(tg_tensor x) {
    const tg_tensor s = tg_sigmoid(x), near = bounded(x);
    return tg_mul(s, tg_shift(tg_mul(near, tg_sigmoid(tg_neg(x))), 1));
}
MAP1(silu, FROM_BELOW(x) * sigmoid(x), tg_mul(g, silu_slope(x)), .text = "%0 / (1 + exp(-%0))", .tex = "%0\\,\\sigma(%0)")

/* tanh(ln(1 + e^x)) = n / (n + 2), n = e^x (e^x + 2); for x > 0 with e^-x, so that nothing overflows. */
#define MISH_RISE(x, e) ((x) > 0 ? (1 + 2 * (e)) / (1 + 2 * (e) * (1 + (e))) : (e) * ((e) + 2) / ((e) * ((e) + 2) + 2))
/* t + x sigmoid(x) (1 - t^2), t = tanh(p) and p = softplus(x). With q = e^(-2 p): t = (1 - q) / (1 + q) and 1 - t^2 = 4 q / (1 + q)^2, which keep
 * their digits where t is near 1, and so do their derivatives. */
static tg_tensor mish_slope(tg_tensor x) {
    const tg_tensor twice = tg_scale(tg_softplus(x), -2), q = tg_exp(twice), part = tg_reciprocal(tg_shift(q, 1));
    const tg_tensor t     = tg_neg(tg_mul(tg_expm1(twice), part)), near = bounded(x), of_p = tg_mul(near, tg_sigmoid(x));
    return tg_add(t, tg_mul(of_p, tg_scale(tg_mul(q, tg_square(part)), 4)));
}
MAP1(mish, FROM_BELOW(x) * MISH_RISE(x, exp(-fabs(x))), tg_mul(g, mish_slope(x)), .text = "%0 * tanh(ln(1 + exp(%0)))",
     .tex = "%0 \\tanh(\\ln(1 + e^{%0}))")

/* e^(-x^2) is 0 beyond 40, in both types. */
static tg_tensor within_reach(tg_tensor x) { return tg_clamp(x, -40, 40); }
MAP1(gaussian, exp(-x * x), tg_mul(g, tg_scale(tg_mul(within_reach(x), out), -2)), .text = "exp(-%0^2)", .tex = "e^{-%0^2}")

/* P(x) + x P'(x) where P(x) = erfc(-x / sqrt(2)) / 2. With t = x / sqrt(2): x P'(x) = t e^(-t^2) / sqrt(pi) */
#define ROOT_OF_HALF 0.70710678118654752440
#define ONE_BY_ROOT_OF_PI 0.56418958354775628695
static tg_tensor gelu_slope(tg_tensor x) {
    const tg_tensor t = tg_scale(x, ROOT_OF_HALF), p = tg_scale(tg_erfc(tg_neg(t)), 0.5), near = within_reach(t);
    return tg_add(p, tg_scale(tg_mul(near, tg_gaussian(t)), ONE_BY_ROOT_OF_PI));
}
MAP1(gelu, FROM_BELOW(x) * (erfc(-x * (real)ROOT_OF_HALF) / 2), tg_mul(g, gelu_slope(x)), .text = "%0 * (1 + erf(%0 / sqrt(2))) / 2",
     .tex = "%0\\,\\Phi(%0)")

/* (1 + tanh(u)) / 2 = sigmoid(2 u), which keeps its digits where tanh is near -1. s + x s (1 - s) (2 u)' for |x| <= 40, beyond which s is 0 or 1. */
#define TWO_ROOTS 1.59576912160573071176      /* 2 sqrt(2 / pi) */
#define CUBIC 0.044715
#define TWICE_U(x) ((real)TWO_ROOTS * (x) * (1 + (real)CUBIC * (x) * (x)))
static tg_tensor gelu_tanh_slope(tg_tensor x) {
    const tg_tensor near = within_reach(x), square = tg_square(near);
    const tg_tensor u    = tg_scale(tg_mul(near, tg_shift(tg_scale(square, CUBIC), 1)), TWO_ROOTS), s = tg_sigmoid(u);
    const tg_tensor rise = tg_mul(near, tg_shift(tg_scale(square, 3 * CUBIC * TWO_ROOTS), TWO_ROOTS));
    return tg_add(s, tg_mul(rise, tg_mul(s, tg_sigmoid(tg_neg(u)))));
}
MAP1(gelu_tanh, FROM_BELOW(x) * sigmoid(TWICE_U(x)), tg_mul(g, gelu_tanh_slope(x)),
     .text = "%0 * (1 + tanh(sqrt(2 / pi) * (%0 + 0.044715 * %0^3))) / 2",
     .tex = "\\tfrac{%0}{2}(1 + \\tanh(\\sqrt{2 / \\pi}(%0 + 0.044715\\,%0^3)))")

/* ---- of the two halves of the columns: [r, 2 c] -> [r, c] ---- */

static tg_status halves_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count, (void)attributes;
    *why    = "takes an even number of columns";
    *output = (tg_shape){ in[0].rows, in[0].cols / 2, false };
    if (in[0].integer || in[0].rows < 0) return TG_TYPE_MISMATCH;
    return in[0].cols % 2 == 0 ? TG_OK : TG_SHAPE_MISMATCH;
}

static bool halves_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    example->shapes[0] = (tg_shape){ rows, 2 * cols, false };
    return index == 0;
}

#define OF_HALVES(name_, product, text_, tex_)                                                                  \
    static tg_tensor name_##_expand(const tg_application *application) {                                        \
        const tg_tensor x = application->inputs[0];                                                             \
        const int64_t   half = tg_cols(x) / 2;                                                                  \
        const tg_tensor a = tg_slice_cols(x, 0, half), b = tg_slice_cols(x, half, 2 * half);                    \
        return product;                                                                                         \
    }                                                                                                           \
    const tg_op tg_##name_##_op = { .size = sizeof(tg_op), .name = #name_, .arity = 1, .flags = TG_OP_ROWWISE, .shape = halves_shape, \
                                    .expand = name_##_expand, .text = text_, .tex = tex_, .example = halves_example }; \
    tg_tensor tg_##name_(tg_tensor x) { return tg_apply1(&tg_##name_##_op, x, NULL); }

OF_HALVES(glu, tg_mul(a, tg_sigmoid(b)), "glu(%0)", "\\mathrm{GLU}(%0)")
OF_HALVES(swiglu, tg_mul(tg_silu(a), b), "swiglu(%0)", "\\mathrm{SwiGLU}(%0)")
