/* map.h - how elementwise ops are written. An op is a name, an expression for its value, expressions for the cotangents of its operands, formulas.
 *
 * Expressions of values are C in x, y, z of type real, computed as float and as double; kernel/functions.h chooses the function. Rules are written in
 * tensors: x, y, z the operands, out the value, g its cotangent; one that records two operands of one op is a function, as C leaves the order of
 * arguments to the compiler. The numbers that an op has in double are c, or a and b, in both. */
#ifndef TAPEGRAD_OP_MAP_H
#define TAPEGRAD_OP_MAP_H

#include "kernel/functions.h"
#include "kernel/levels.h"
#include "op/builtin.h"

/* ---- kernels: every element of the rows [row_begin, row_end) ---- */

#define OPERAND(k, i) ((const real *)call->inputs[k].data + (i) * call->inputs[k].row_stride)
#define ROWS for (int64_t i = call->row_begin; i < call->row_end; i++)

/* No restrict: an output may be the memory of an operand of the same shape. */
#define KERNEL1_OF(name, type, numbers, expression)                                                             \
    TG_LOOP void name##_loop(const tg_call *call) {                                                             \
        typedef type real;                                                                                      \
        numbers                                                                                                 \
        ROWS {                                                                                                  \
            const real *from = OPERAND(0, i);                                                                   \
            real       *to   = (real *)call->output + i * call->cols;                                           \
            TG_EACH_ELEMENT                                                                                     \
            for (int64_t j = 0; j < call->cols; j++) { const real x = from[j]; to[j] = (expression); }          \
        }                                                                                                       \
    }                                                                                                           \
    TG_BY_LEVEL(name, const tg_call *)

#define LOOP2(sx, sy, expression) \
    TG_EACH_ELEMENT \
    for (int64_t j = 0; j < call->cols; j++) { const real x = xs[j * (sx)], y = ys[j * (sy)]; to[j] = (expression); }

/* The three usual pairs of strides have loops of their own, which the compiler vectorises. */
#define KERNEL2(name, type, expression)                                                                         \
    TG_LOOP void name##_loop(const tg_call *call) {                                                             \
        typedef type real;                                                                                      \
        const int64_t sx = call->inputs[0].col_stride, sy = call->inputs[1].col_stride;                         \
        ROWS {                                                                                                  \
            const real *xs = OPERAND(0, i), *ys = OPERAND(1, i);                                                \
            real       *to = (real *)call->output + i * call->cols;                                             \
            if (sx == 1 && sy == 1) LOOP2(1, 1, expression)                                                     \
            else if (sx == 1) LOOP2(1, 0, expression)                                                           \
            else if (sy == 1) LOOP2(0, 1, expression)                                                           \
            else LOOP2(0, 0, expression)                                                                        \
        }                                                                                                       \
    }                                                                                                           \
    TG_BY_LEVEL(name, const tg_call *)

#define LOOP3(sx, sy, sz, expression)                                                                           \
    TG_EACH_ELEMENT                                                                                             \
    for (int64_t j = 0; j < call->cols; j++) {                                                                  \
        const real x = xs[j * (sx)], y = ys[j * (sy)], z = zs[j * (sz)];                                        \
        to[j] = (expression);                                                                                   \
    }

#define KERNEL3(name, type, expression)                                                                         \
    TG_LOOP void name##_loop(const tg_call *call) {                                                             \
        typedef type real;                                                                                      \
        const int64_t sx = call->inputs[0].col_stride, sy = call->inputs[1].col_stride, sz = call->inputs[2].col_stride; \
        ROWS {                                                                                                  \
            const real *xs = OPERAND(0, i), *ys = OPERAND(1, i), *zs = OPERAND(2, i);                           \
            real       *to = (real *)call->output + i * call->cols;                                             \
            if (sx == 1 && sy == 1 && sz == 1) LOOP3(1, 1, 1, expression)                                       \
            else if (sx == 0 && sy == 1 && sz == 1) LOOP3(0, 1, 1, expression)                                  \
            else if (sx == 1 && sy == 1 && sz == 0) LOOP3(1, 1, 0, expression)                                  \
            else LOOP3(sx, sy, sz, expression)                                                                  \
        }                                                                                                       \
    }                                                                                                           \
    TG_BY_LEVEL(name, const tg_call *)

/* ---- one line an op ---- */

#define RULE_BEGIN(name)                                                                                        \
    static void name##_vjp(const tg_application *application, tg_tensor g, tg_tensor cotangents[]) {            \
        const tg_tensor out = application->output; (void)out; (void)g; (void)cotangents;

#define WANTED(k, rule) if (application->wanted[k]) cotangents[k] = (rule);

#define DESCRIPTOR(name_, arity_, ...)                                                                          \
    const tg_op tg_##name_##_op = { .size = sizeof(tg_op), .name = #name_, .arity = arity_, .f32 = name_##_f32, .f64 = name_##_f64, __VA_ARGS__ };

#define VALUE1_OF(name, numbers, expression)                                                                    \
    KERNEL1_OF(name##_f32, float, numbers, expression)                                                          \
    KERNEL1_OF(name##_f64, double, numbers, expression)

#define VALUE2(name, expression)                                                                                \
    KERNEL2(name##_f32, float, expression)                                                                      \
    KERNEL2(name##_f64, double, expression)

#define MAP1(name, expression, rule, ...)                                                                       \
    VALUE1_OF(name, , expression)                                                                               \
    RULE_BEGIN(name) const tg_tensor x = application->inputs[0]; (void)x; WANTED(0, rule) }                     \
    DESCRIPTOR(name, 1, .flags = TG_OP_ELEMENTWISE, .vjp = name##_vjp, __VA_ARGS__)                             \
    tg_tensor tg_##name(tg_tensor x) { return tg_apply1(&tg_##name##_op, x, NULL); }

/* The same with a number c, and with two, a and b. */
#define NUMBER_OF(from, k) (((const double *)(from)->attributes)[k])

#define MAP1_NUMBER(name, expression, rule, ...)                                                                \
    VALUE1_OF(name, const real c = (real)NUMBER_OF(call, 0);, expression)                                       \
    RULE_BEGIN(name) const tg_tensor x = application->inputs[0]; const double c = NUMBER_OF(application, 0); (void)x; (void)c; WANTED(0, rule) } \
    DESCRIPTOR(name, 1, .attribute_size = sizeof(double), .flags = TG_OP_ELEMENTWISE, .vjp = name##_vjp, __VA_ARGS__) \
    tg_tensor tg_##name(tg_tensor x, double c) { return tg_apply1(&tg_##name##_op, x, &c); }

#define MAP1_NUMBERS(name, expression, rule, ...)                                                               \
    VALUE1_OF(name, const real a = (real)NUMBER_OF(call, 0); const real b = (real)NUMBER_OF(call, 1);, expression) \
    RULE_BEGIN(name) const tg_tensor x = application->inputs[0];                                                \
        const double a = NUMBER_OF(application, 0), b = NUMBER_OF(application, 1); (void)a; (void)b; WANTED(0, rule) } \
    DESCRIPTOR(name, 1, .attribute_size = 2 * sizeof(double), .flags = TG_OP_ELEMENTWISE, .vjp = name##_vjp, __VA_ARGS__) \
    tg_tensor tg_##name(tg_tensor x, double a, double b) { return tg_apply1(&tg_##name##_op, x, (const double[]){ a, b }); }

#define MAP2(name, expression, rule_x, rule_y, flags_, ...)                                                     \
    VALUE2(name, expression)                                                                                    \
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

/* Kinks. */
#define AVOID(...) .avoid = (const double[]){ __VA_ARGS__ }, .avoid_count = sizeof((const double[]){ __VA_ARGS__ }) / sizeof(double)

/* Defaults, as PyTorch has them. */
#define DEFAULTS(...) .defaults = (const double[]){ __VA_ARGS__ }

/* What rules choose by. What is not taken enters nothing, whatever it is. */
static inline tg_tensor tg_zero(tg_tensor like) { return tg_constant(like.tape, 0); }
static inline tg_tensor tg_where_greater(tg_tensor x, double than, tg_tensor above, tg_tensor otherwise) {
    return tg_select(tg_greater(x, tg_constant(x.tape, than)), above, otherwise);
}

#endif
