/* power.c - powers, element by element. map.h says how they are written. */
#include "op/map.h"

MAP1(reciprocal, 1 / x, tg_neg(tg_mul(g, tg_square(out))), .text = "1 / %0", .tex = "\\frac{1}{%0}", .lo = 0.5, .hi = 2)
/* The root of -0 is -0, and + 0 makes it 0, so that the value is +inf there too. */
MAP1(rsqrt, 1 / (sqrt(x) + 0), tg_scale(tg_mul(g, tg_mul(out, tg_square(out))), -0.5), .text = "1 / sqrt(%0)", .tex = "\\frac{1}{\\sqrt{%0}}",
     .lo = 0.5, .hi = 4)

/* x^1 = x, and x^-1 = 1 / x */
static tg_tensor pow_scalar_simplify(const tg_application *a) {
    const double c = NUMBER_OF(a, 0);
    return c == 1 ? a->inputs[0] : c == -1 ? tg_reciprocal(a->inputs[0]) : TG_NONE;
}
/* c x^(c - 1); for c = 0 that is 0, and not 0 x^-1. */
static tg_tensor pow_scalar_slope(tg_tensor x, double c) { return c == 1 ? tg_constant(x.tape, 1) : tg_scale(tg_pow_scalar(x, c - 1), c); }
static bool exponent_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    static const double exponents[] = { 2.5, -1, 2, 0, -0.5, 3 };
    enum { COUNT = sizeof exponents / sizeof *exponents };
    (void)rows, (void)cols;
    if (index < COUNT) example->attributes[0] = exponents[index];
    return index < COUNT;
}
MAP1_NUMBER(pow_scalar, c == 2 ? x * x : c == -1 ? 1 / x : pow(x, c), c == 0 ? (tg_tensor){ 0 } : tg_mul(g, pow_scalar_slope(x, c)),
            .simplify = pow_scalar_simplify, .text = "%0^c", .tex = "{%0}^c", .lo = 0.5, .hi = 2,
            .example = exponent_example)

/* d/dx = y x^(y - 1), where 0^-1 of y = 0 is replaced by 0^0, so that the product is 0. */
static tg_tensor pow_by_base(tg_tensor x, tg_tensor y) {
    const tg_tensor lower = tg_shift(y, -1);
    return tg_mul(y, tg_pow(x, tg_select(x, lower, tg_select(y, lower, tg_zero(y)))));
}
/* d/dy = x^y ln x, where x = 0 is replaced by 1 if y >= 0, so that the product is 0. */
static tg_tensor pow_by_exponent(tg_tensor x, tg_tensor y) {
    const tg_tensor nonnegative = tg_greater_equal(y, tg_zero(y));
    const tg_tensor base = tg_select(x, x, tg_select(nonnegative, tg_constant(y.tape, 1), x)), power = tg_pow(base, y);
    return tg_mul(power, tg_log(base));
}
MAP2(pow, pow(x, y), tg_mul(g, pow_by_base(x, y)), tg_mul(g, pow_by_exponent(x, y)), 0, .simplify = tg_drop_broadcasts, .text = "%0^%1",
     .tex = "{%0}^{%1}", .lo = 0.5, .hi = 2)
