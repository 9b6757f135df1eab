/* map.c - arithmetic and functions, element by element. map.h says how they are written. */
#include "op/map.h"

/* ---- algebra. Bits stay, but for the products of numbers and for x + 0, which is x also where x is -0 ---- */

/* x + 0 = 0 + x = x */
static tg_tensor add_simplify(const tg_application *a) {
    if (tg_is_number(a->inputs[1], 0)) return a->inputs[0];
    return tg_is_number(a->inputs[0], 0) ? a->inputs[1] : tg_drop_broadcasts(a);
}

/* x - 0 = x */
static tg_tensor sub_simplify(const tg_application *a) { return tg_is_number(a->inputs[1], 0) ? a->inputs[0] : tg_drop_broadcasts(a); }

/* x * 1 = x, and x * c is a scale. Not x * 0 = 0: x may be NaN or infinite. */
static tg_tensor mul_simplify(const tg_application *a) {
    double factor;
    for (int k = 1; k >= 0; k--)
        if (tg_number_at(a->inputs[k], &factor)) return factor == 1 ? a->inputs[1 - k] : tg_scale(a->inputs[1 - k], factor);
    return tg_drop_broadcasts(a);
}

/* x / 1 = x */
static tg_tensor div_simplify(const tg_application *a) { return tg_is_number(a->inputs[1], 1) ? a->inputs[0] : tg_drop_broadcasts(a); }

/* --x = x, -(c x) = (-c) x, and -c is a number */
static tg_tensor neg_simplify(const tg_application *a) {
    double          number;
    const tg_tensor negated = tg_operand_under(a->inputs[0], &tg_neg_op, NULL), scaled = tg_operand_under(a->inputs[0], &tg_scale_op, &number);
    if (negated.tape != NULL) return negated;
    if (scaled.tape != NULL) return tg_scale(scaled, -number);
    return tg_number_at(a->inputs[0], &number) ? tg_constant(a->tape, -number) : TG_NONE;
}

/* ---- arithmetic ---- */

MAP2(add, x + y, g, g, TG_OP_COMMUTES, .simplify = add_simplify, .text = "%0 + %1", .tex = "%0 + %1")
MAP2(sub, x - y, g, tg_neg(g), 0, .simplify = sub_simplify, .text = "%0 - %1", .tex = "%0 - %1")
MAP2(mul, x * y, tg_mul(g, y), tg_mul(g, x), TG_OP_COMMUTES, .simplify = mul_simplify, .text = "%0 * %1", .tex = "%0 \\odot %1")
MAP2(div, x / y, tg_div(g, y), tg_neg(tg_div(tg_mul(g, out), y)), 0, .simplify = div_simplify, .text = "%0 / %1", .tex = "\\frac{%0}{%1}",
     .lo = 0.5, .hi = 2)
MAP1(neg, -x, tg_neg(g), .simplify = neg_simplify, .text = "-%0", .tex = "-%0")
MAP1(square, x * x, tg_mul(g, tg_scale(x, 2)), .text = "%0^2", .tex = "%0^2")
/* The root of -0 is -0, and + 0 makes it 0, so that the derivative is +inf there too. */
MAP1(sqrt, sqrt(x) + 0, tg_div(tg_scale(g, 0.5), out), .text = "sqrt(%0)", .tex = "\\sqrt{%0}", .lo = 0.5, .hi = 4)
MAP1(exp, exp(x), tg_mul(g, out), .text = "exp(%0)", .tex = "e^{%0}")
MAP1(expm1, expm1(x), tg_mul(g, tg_exp(x)), .text = "exp(%0) - 1", .tex = "e^{%0} - 1")
MAP1(log, log(x), tg_div(g, x), .text = "ln(%0)", .tex = "\\ln %0", .lo = 0.5, .hi = 4)
MAP1(log1p, log1p(x), tg_div(g, tg_shift(x, 1)), .text = "ln(1 + %0)", .tex = "\\ln(1 + %0)", .lo = -0.5, .hi = 2)
MAP1(sin, sin(x), tg_mul(g, tg_cos(x)), .text = "sin(%0)", .tex = "\\sin %0")
MAP1(cos, cos(x), tg_neg(tg_mul(g, tg_sin(x))), .text = "cos(%0)", .tex = "\\cos %0")
#define TWO_BY_ROOT_OF_PI 1.12837916709551257390
MAP1(erf, erf(x), tg_mul(g, tg_scale(tg_gaussian(x), TWO_BY_ROOT_OF_PI)), .text = "erf(%0)", .tex = "\\operatorname{erf} %0")
MAP1(erfc, erfc(x), tg_mul(g, tg_scale(tg_gaussian(x), -TWO_BY_ROOT_OF_PI)), .text = "1 - erf(%0)", .tex = "\\operatorname{erfc} %0")

/* a x + y: one multiplication and one addition, rounded apart. */
static tg_status axpy_shape(const tg_shape inputs[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)attributes;
    *why = "the factor must be [1,1], and the others of one shape";
    if (inputs[0].rows != 1 || inputs[0].cols != 1 || inputs[1].rows != inputs[2].rows || inputs[1].cols != inputs[2].cols) return TG_SHAPE_MISMATCH;
    for (int i = 0; i < count; i++)
        if (inputs[i].integer || inputs[i].rows < 0) return TG_TYPE_MISMATCH;
    *output = inputs[1];
    return TG_OK;
}
static bool axpy_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    (void)rows, (void)cols;
    example->shapes[0] = (tg_shape){ 1, 1, false };
    return index == 0;
}
MAP3(axpy, x * y + z, tg_mul(g, y), tg_mul(x, g), g, TG_OP_ACCUMULATES, .shape = axpy_shape, .text = "%0 * %1 + %2", .tex = "%0\\,%1 + %2",
     .example = axpy_example)
tg_tensor tg_axpy(tg_tensor a, tg_tensor x, tg_tensor y) { return tg_apply3(&tg_axpy_op, a, x, y); }

MAP3(lerp, x + z * (y - x), tg_mul(g, tg_shift(tg_neg(z), 1)), tg_mul(g, z), tg_mul(g, tg_sub(y, x)), 0,
     .simplify = tg_drop_broadcasts, .text = "%0 + %2 * (%1 - %0)", .tex = "%0 + %2\\,(%1 - %0)")
tg_tensor tg_lerp(tg_tensor start, tg_tensor end, tg_tensor weight) { return tg_apply3(&tg_lerp_op, start, end, weight); }

/* ---- with a number in double ---- */

/* c x with c and x numbers */
static tg_tensor scaled_number(tg_tape *tape, double factor, double x) {
    const double product = factor * x;
    return tg_is_tame(factor) && tg_is_tame(x) && tg_is_tame(product) ? tg_constant(tape, product) : TG_NONE;
}

/* a (b x) = (a b) x. A product that is 0 stands apart: b x may be infinite. */
static tg_tensor scaled_twice(tg_tensor x, double a, double b) {
    return a != 0 && b != 0 && tg_is_tame(a) && tg_is_tame(b) && a * b != 0 && tg_is_tame(a * b) ? tg_scale(x, a * b) : TG_NONE;
}

/* 1 x = x, a (b x) = (a b) x, c (-x) = (-c) x, c broadcast(x) = broadcast(c x), and c times a number is a number */
static tg_tensor scale_simplify(const tg_application *a) {
    const double    c = NUMBER_OF(a, 0);
    const tg_tensor x = a->inputs[0];
    double          inner;
    if (c == 1) return x;
    if (tg_number_at(x, &inner)) return scaled_number(a->tape, c, inner);
    tg_tensor under = tg_operand_under(x, &tg_scale_op, &inner);
    if (under.tape != NULL) return scaled_twice(under, c, inner);
    under = tg_operand_under(x, &tg_neg_op, NULL);
    if (under.tape != NULL) return tg_scale(under, -c);
    under = tg_operand_under(x, &tg_broadcast_to_op, NULL);
    if (under.tape == NULL || tg_rows(under) * tg_cols(under) >= tg_rows(x) * tg_cols(x)) return TG_NONE;
    return tg_broadcast_to(tg_scale(under, c), tg_rows(x), tg_cols(x));
}
TG_EXAMPLE_OF_NUMBERS(number, 0.75)
MAP1_NUMBER(scale, c *x, tg_scale(g, c), .simplify = scale_simplify, .text = "c * %0", .tex = "c\\,%0", .example = number_example)

static tg_tensor shift_simplify(const tg_application *a) { return NUMBER_OF(a, 0) == 0 ? a->inputs[0] : TG_NONE; }
MAP1_NUMBER(shift, x + c, g, .simplify = shift_simplify, .text = "%0 + c", .tex = "%0 + c", .example = number_example)

/* min(1, c / (sqrt(x) + 1e-6)), Pascanu et al. 2013. With n = sqrt(x): d/dx = -y / (n + 1e-6) / (2 n) where y < 1.
 * Asked with <=, which a NaN does not answer, so that it goes through. */
VALUE1_OF(clip_factor, const real c = (real)NUMBER_OF(call, 0);, sqrt(x) + (real)1e-6 <= c ? 1 : c / (sqrt(x) + (real)1e-6))
RULE_BEGIN(clip_factor)
    const tg_tensor norm  = tg_sqrt(application->inputs[0]), minus_two_n = tg_scale(norm, -2);
    const tg_tensor below = tg_mul(minus_two_n, tg_shift(norm, 1e-6)), slope = tg_div(tg_mul(g, out), below);
    const tg_tensor cut   = tg_greater(tg_constant(g.tape, 1), out);
    cotangents[0] = tg_select(cut, slope, tg_zero(g));
}
/* Its kink is where sqrt(x) = c: to both sides of it. */
static bool clip_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    example->lo[0] = index == 0 ? 0.6 : 0.1;
    example->hi[0] = index == 0 ? 4 : 0.5;
    return number_example(0, rows, cols, example) && index < 2;
}
DESCRIPTOR(clip_factor, 1, .attribute_size = sizeof(double), .flags = TG_OP_ELEMENTWISE, .vjp = clip_factor_vjp,
           .text = "min(1, c / (sqrt(%0) + 1e-6))", .tex = "\\min(1, c / (\\sqrt{%0} + 10^{-6}))", .lo = 0.5, .hi = 4, AVOID(1),
           .example = clip_example)
tg_tensor tg_clip_factor(tg_tensor squared_norm, double max_norm) {
    /* Both, because the factor of an infinite norm is 0, and the square of a norm that is NaN may be a negative number. */
    return tg_require_finite(tg_apply1(&tg_clip_factor_op, tg_require_finite(squared_norm), &max_norm));
}
