/* map.c - the elementwise ops. What an op is: a name, an expression for its value, an expression for the cotangents of its operands, formulas.
 *
 * Expressions of values are C in x, y, z of type real, computed as float and as double; <tgmath.h> chooses the function. Rules are written in
 * tensors: x, y, z the operands, out the value, g its cotangent. */
#include "op/builtin.h"

#include <tgmath.h>

#define ATTRIBUTE(type) (*(const type *)call->attributes)

/* ---- kernels: every element of the rows [row_begin, row_end) ---- */

#define OPERAND(real, k, i) ((const real *)call->inputs[k].data + (i) * call->inputs[k].row_stride)
#define ROWS(real) for (int64_t i = call->row_begin; i < call->row_end; i++)

/* No restrict: an output may be the memory of an operand of the same shape. */
#define KERNEL1(name, real, expression)                                                                         \
    static void name(const tg_call *call) {                                                                     \
        ROWS(real) {                                                                                            \
            const real *from = OPERAND(real, 0, i);                                                             \
            real       *to   = (real *)call->output + i * call->cols;                                           \
            for (int64_t j = 0; j < call->cols; j++) { const real x = from[j]; to[j] = (expression); }          \
        }                                                                                                       \
    }

#define LOOP2(real, sx, sy, expression) \
    for (int64_t j = 0; j < call->cols; j++) { const real x = xs[j * (sx)], y = ys[j * (sy)]; to[j] = (expression); }

/* The three usual pairs of strides have loops of their own, which the compiler vectorises. */
#define KERNEL2(name, real, expression)                                                                         \
    static void name(const tg_call *call) {                                                                     \
        const int64_t sx = call->inputs[0].col_stride, sy = call->inputs[1].col_stride;                         \
        ROWS(real) {                                                                                            \
            const real *xs = OPERAND(real, 0, i), *ys = OPERAND(real, 1, i);                                    \
            real       *to = (real *)call->output + i * call->cols;                                             \
            if (sx == 1 && sy == 1) LOOP2(real, 1, 1, expression)                                               \
            else if (sx == 1) LOOP2(real, 1, 0, expression)                                                     \
            else if (sy == 1) LOOP2(real, 0, 1, expression)                                                     \
            else LOOP2(real, 0, 0, expression)                                                                  \
        }                                                                                                       \
    }

#define LOOP3(real, sx, sy, sz, expression)                                                                     \
    for (int64_t j = 0; j < call->cols; j++) {                                                                  \
        const real x = xs[j * (sx)], y = ys[j * (sy)], z = zs[j * (sz)];                                        \
        to[j] = (expression);                                                                                   \
    }

#define KERNEL3(name, real, expression)                                                                         \
    static void name(const tg_call *call) {                                                                     \
        const int64_t sx = call->inputs[0].col_stride, sy = call->inputs[1].col_stride, sz = call->inputs[2].col_stride; \
        ROWS(real) {                                                                                            \
            const real *xs = OPERAND(real, 0, i), *ys = OPERAND(real, 1, i), *zs = OPERAND(real, 2, i);         \
            real       *to = (real *)call->output + i * call->cols;                                             \
            if (sx == 1 && sy == 1 && sz == 1) LOOP3(real, 1, 1, 1, expression)                                 \
            else if (sx == 0 && sy == 1 && sz == 1) LOOP3(real, 0, 1, 1, expression)                            \
            else if (sx == 1 && sy == 1 && sz == 0) LOOP3(real, 1, 1, 0, expression)                            \
            else LOOP3(real, sx, sy, sz, expression)                                                            \
        }                                                                                                       \
    }

/* ---- one line an op ---- */

#define RULE_BEGIN(name)                                                                                        \
    static void name##_vjp(const tg_application *application, tg_tensor g, tg_tensor cotangents[]) {            \
        const tg_tensor out = application->output; (void)out; (void)g; (void)cotangents;

#define WANTED(k, rule) if (application->wanted[k]) cotangents[k] = (rule);

#define DESCRIPTOR(name_, arity_, ...)                                                                          \
    const tg_op tg_##name_##_op = { .size = sizeof(tg_op), .name = #name_, .arity = arity_, .f32 = name_##_f32, .f64 = name_##_f64, __VA_ARGS__ };

#define VALUE1(name, expression)                                                                                \
    KERNEL1(name##_f32, float, expression)                                                                      \
    KERNEL1(name##_f64, double, expression)

#define MAP1(name, expression, rule, ...)                                                                       \
    VALUE1(name, expression)                                                                                    \
    RULE_BEGIN(name) const tg_tensor x = application->inputs[0]; (void)x; WANTED(0, rule) }                     \
    DESCRIPTOR(name, 1, .flags = TG_OP_ELEMENTWISE, .vjp = name##_vjp, __VA_ARGS__)                             \
    tg_tensor tg_##name(tg_tensor x) { return tg_apply1(&tg_##name##_op, x, NULL); }

#define MAP2(name, expression, rule_x, rule_y, flags_, ...)                                                     \
    KERNEL2(name##_f32, float, expression)                                                                      \
    KERNEL2(name##_f64, double, expression)                                                                     \
    RULE_BEGIN(name) const tg_tensor x = application->inputs[0], y = application->inputs[1]; (void)x; (void)y;  \
        WANTED(0, rule_x) WANTED(1, rule_y) }                                                                   \
    DESCRIPTOR(name, 2, .flags = TG_OP_ELEMENTWISE | (flags_), .vjp = name##_vjp, __VA_ARGS__)                  \
    tg_tensor tg_##name(tg_tensor x, tg_tensor y) { return tg_apply2(&tg_##name##_op, x, y); }

#define MAP3(name, expression, rule_x, rule_y, rule_z, flags_, ...)                                             \
    KERNEL3(name##_f32, float, expression)                                                                      \
    KERNEL3(name##_f64, double, expression)                                                                     \
    RULE_BEGIN(name) const tg_tensor x = application->inputs[0], y = application->inputs[1], z = application->inputs[2]; \
        (void)x; (void)y; (void)z; WANTED(0, rule_x) WANTED(1, rule_y) WANTED(2, rule_z) }                      \
    DESCRIPTOR(name, 3, .flags = TG_OP_ELEMENTWISE | (flags_), .vjp = name##_vjp, __VA_ARGS__)

/* ---- examples for checks ---- */

/* Of the ops with a number. */
static bool number_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    (void)rows, (void)cols;
    example->attributes[0] = 0.75;
    return index == 0;
}

/* Its kink is where sqrt(x) = c: to both sides of it. */
static bool clip_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    example->lo[0] = index == 0 ? 0.6 : 0.1;
    example->hi[0] = index == 0 ? 4 : 0.5;
    return number_example(0, rows, cols, example) && index < 2;
}

static bool axpy_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    (void)rows, (void)cols;
    example->shapes[0] = (tg_shape){ 1, 1, false };
    return index == 0;
}

/* A condition that holds, and one that does not. */
static bool select_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    (void)rows, (void)cols;
    if (index == 1) example->lo[0] = example->hi[0] = 0;
    return index < 2;
}

static tg_tensor zero(tg_tensor like) { return tg_constant(like.tape, 0); }

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
MAP1(expm1, expm1(x), tg_mul(g, tg_shift(out, 1)), .text = "exp(%0) - 1", .tex = "e^{%0} - 1")
MAP1(log, log(x), tg_div(g, x), .text = "ln(%0)", .tex = "\\ln %0", .lo = 0.5, .hi = 4)
MAP1(log1p, log1p(x), tg_div(g, tg_shift(x, 1)), .text = "ln(1 + %0)", .tex = "\\ln(1 + %0)", .lo = -0.5, .hi = 2)
MAP1(sin, sin(x), tg_mul(g, tg_cos(x)), .text = "sin(%0)", .tex = "\\sin %0")
MAP1(cos, cos(x), tg_neg(tg_mul(g, tg_sin(x))), .text = "cos(%0)", .tex = "\\cos %0")

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
MAP3(axpy, x * y + z, tg_mul(g, y), tg_mul(x, g), g, TG_OP_ACCUMULATES, .shape = axpy_shape, .text = "%0 * %1 + %2", .tex = "%0\\,%1 + %2",
     .example = axpy_example)
tg_tensor tg_axpy(tg_tensor a, tg_tensor x, tg_tensor y) { return tg_apply3(&tg_axpy_op, a, x, y); }

MAP3(lerp, x + z * (y - x), tg_mul(g, tg_shift(tg_neg(z), 1)), tg_mul(g, z), tg_mul(g, tg_sub(y, x)), 0,
     .simplify = tg_drop_broadcasts, .text = "%0 + %2 * (%1 - %0)", .tex = "%0 + %2\\,(%1 - %0)")
tg_tensor tg_lerp(tg_tensor start, tg_tensor end, tg_tensor weight) { return tg_apply3(&tg_lerp_op, start, end, weight); }

/* ---- with a number in double ---- */

typedef struct { double value; } number;
static double number_of(const tg_application *application) { return ((const number *)application->attributes)->value; }

KERNEL1(scale_f32, float, (float)ATTRIBUTE(number).value *x)
KERNEL1(scale_f64, double, ATTRIBUTE(number).value *x)
RULE_BEGIN(scale) WANTED(0, tg_scale(g, number_of(application))) }

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
    const double    c = number_of(a);
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
DESCRIPTOR(scale, 1, .attribute_size = sizeof(number), .flags = TG_OP_ELEMENTWISE, .simplify = scale_simplify, .vjp = scale_vjp, .text = "c * %0",
           .tex = "c\\,%0", .example = number_example)
tg_tensor tg_scale(tg_tensor x, double factor) { return tg_apply1(&tg_scale_op, x, &(number){ factor }); }

KERNEL1(shift_f32, float, x + (float)ATTRIBUTE(number).value)
KERNEL1(shift_f64, double, x + ATTRIBUTE(number).value)
RULE_BEGIN(shift) WANTED(0, g) }
static tg_tensor shift_simplify(const tg_application *a) { return number_of(a) == 0 ? a->inputs[0] : TG_NONE; }
DESCRIPTOR(shift, 1, .attribute_size = sizeof(number), .flags = TG_OP_ELEMENTWISE, .simplify = shift_simplify, .vjp = shift_vjp,
           .text = "%0 + c", .tex = "%0 + c", .example = number_example)
tg_tensor tg_shift(tg_tensor x, double term) { return tg_apply1(&tg_shift_op, x, &(number){ term }); }

/* min(1, c / (sqrt(x) + 1e-6)), Pascanu et al. 2013. With n = sqrt(x): d/dx = -y / (n + 1e-6) / (2 n) where y < 1.
 * Asked with <=, which a NaN does not answer, so that it goes through. */
#define CLIP_FACTOR(real) (sqrt(x) + (real)1e-6 <= (real)ATTRIBUTE(number).value ? 1 : (real)ATTRIBUTE(number).value / (sqrt(x) + (real)1e-6))
KERNEL1(clip_factor_f32, float, CLIP_FACTOR(float))
KERNEL1(clip_factor_f64, double, CLIP_FACTOR(double))
RULE_BEGIN(clip_factor)
    const tg_tensor norm  = tg_sqrt(application->inputs[0]);
    const tg_tensor slope = tg_div(tg_mul(g, out), tg_mul(tg_scale(norm, -2), tg_shift(norm, 1e-6)));
    cotangents[0] = tg_select(tg_greater(tg_constant(g.tape, 1), out), slope, zero(g));
}
static const double clip_kinks[] = { 1 };
DESCRIPTOR(clip_factor, 1, .attribute_size = sizeof(number), .flags = TG_OP_ELEMENTWISE, .vjp = clip_factor_vjp,
           .text = "min(1, c / (sqrt(%0) + 1e-6))", .tex = "\\min(1, c / (\\sqrt{%0} + 10^{-6}))", .lo = 0.5, .hi = 4, .avoid = clip_kinks,
           .avoid_count = 1, .example = clip_example)
tg_tensor tg_clip_factor(tg_tensor squared_norm, double max_norm) {
    /* Both, because the factor of an infinite norm is 0, and the square of a norm that is NaN may be a negative number. */
    return tg_require_finite(tg_apply1(&tg_clip_factor_op, tg_require_finite(squared_norm), &(number){ max_norm }));
}

/* ---- choices ---- */

static const double at_zero[] = { 0 };

#define STEP(name, expression, text_, tex_)                                                                     \
    KERNEL2(name##_f32, float, expression)                                                                      \
    KERNEL2(name##_f64, double, expression)                                                                     \
    DESCRIPTOR(name, 2, .flags = TG_OP_ELEMENTWISE | TG_OP_STOP, .simplify = tg_drop_broadcasts, .text = text_, .tex = tex_) \
    tg_tensor tg_##name(tg_tensor x, tg_tensor y) { return tg_apply2(&tg_##name##_op, x, y); }
STEP(greater, x > y ? 1 : 0, "%0 > %1", "[%0 > %1]")

/* Where one is greater it has the whole derivative; at a tie each has half. */
static tg_tensor share(tg_tensor g, tg_tensor mine, tg_tensor other) {
    return tg_select(tg_greater(mine, other), g, tg_select(tg_greater(other, mine), zero(g), tg_scale(g, 0.5)));
}
MAP2(maximum, x > y || x != x ? x : y, share(g, x, y), share(g, y, x), 0, .simplify = tg_drop_broadcasts, .text = "max(%0, %1)",
     .tex = "\\max(%0, %1)")

/* A condition that is a number has chosen already. In float it may be 0 where it is not in double. */
static tg_tensor select_simplify(const tg_application *a) {
    double condition;
    if (!tg_number_at(a->inputs[0], &condition) || ((float)condition != 0) != (condition != 0)) return tg_drop_broadcasts(a);
    return tg_broadcast_to(a->inputs[condition != 0 ? 1 : 2], tg_rows(a->output), tg_cols(a->output));
}

/* The condition has derivative zero. What is not taken enters nothing. */
MAP3(select, x != 0 ? y : z, (tg_tensor){ 0 }, tg_select(x, g, zero(g)), tg_select(x, zero(g), g), 0,
     .simplify = select_simplify, .text = "%0 ? %1 : %2", .tex = "%0\\,?\\,%1 : %2", .avoid = at_zero, .avoid_count = 1,
     .example = select_example)
tg_tensor tg_select(tg_tensor condition, tg_tensor x, tg_tensor y) { return tg_apply3(&tg_select_op, condition, x, y); }

/* ---- activations ---- */

MAP1(relu, x <= 0 ? 0 : x, tg_select(tg_greater(x, zero(x)), g, zero(g)), .text = "max(%0, 0)", .tex = "\\max(%0, 0)", .avoid = at_zero,
     .avoid_count = 1)

/* 1 / (1 + e^-x), with the exponent always negative, so that nothing overflows. */
#define SIGMOID (x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)))
MAP1(sigmoid, SIGMOID, tg_mul(g, tg_mul(out, tg_shift(tg_neg(out), 1))), .text = "1 / (1 + exp(-%0))", .tex = "\\sigma(%0)")
MAP1(tanh, tanh(x), tg_mul(g, tg_shift(tg_neg(tg_square(out)), 1)), .text = "tanh(%0)", .tex = "\\tanh %0")
MAP1(softplus, (x > 0 ? x : 0) + log1p(exp(-fabs(x))), tg_mul(g, tg_sigmoid(x)), .text = "ln(1 + exp(%0))", .tex = "\\ln(1 + e^{%0})")
