/* compare.c - comparisons and what is chosen by them, element by element. map.h says how they are written. */
#include "op/map.h"

/* ---- 1 or 0, and other steps. The derivative of a step is zero ---- */

#define STEP2(name, expression, flags_, text_, tex_)                                                            \
    VALUE2(name, expression)                                                                                    \
    DESCRIPTOR(name, 2, .flags = TG_OP_ELEMENTWISE | TG_OP_STOP | (flags_), .simplify = tg_drop_broadcasts, .text = text_, .tex = tex_) \
    tg_tensor tg_##name(tg_tensor x, tg_tensor y) { return tg_apply2(&tg_##name##_op, x, y); }

#define STEP1(name, expression, ...)                                                                            \
    VALUE1_OF(name, , expression)                                                                               \
    DESCRIPTOR(name, 1, .flags = TG_OP_ELEMENTWISE | TG_OP_STOP, __VA_ARGS__)                                   \
    tg_tensor tg_##name(tg_tensor x) { return tg_apply1(&tg_##name##_op, x, NULL); }

STEP2(greater, x > y ? 1 : 0, 0, "%0 > %1", "[%0 > %1]")
STEP2(greater_equal, x >= y ? 1 : 0, 0, "%0 >= %1", "[%0 \\ge %1]")
STEP2(less, x < y ? 1 : 0, 0, "%0 < %1", "[%0 < %1]")
STEP2(less_equal, x <= y ? 1 : 0, 0, "%0 <= %1", "[%0 \\le %1]")
STEP2(equal, x == y ? 1 : 0, TG_OP_COMMUTES, "%0 == %1", "[%0 = %1]")
STEP2(not_equal, x != y ? 1 : 0, TG_OP_COMMUTES, "%0 != %1", "[%0 \\ne %1]")

/* A zero is itself, with its sign, and so is a NaN. */
STEP1(sign, x > 0 ? 1 : x < 0 ? -1 : x, .text = "sign(%0)", .tex = "\\operatorname{sgn} %0")
STEP1(floor, floor(x), .text = "floor(%0)", .tex = "\\lfloor %0 \\rfloor")
/* In the rounding mode that every program starts in. */
STEP1(round, rint(x), .text = "round(%0)", .tex = "\\lfloor %0 \\rceil")

/* ---- choices ---- */

/* Where one is greater it has the whole derivative; at a tie each has half. */
static tg_tensor share(tg_tensor g, tg_tensor mine, tg_tensor other) {
    const tg_tensor half = tg_scale(g, 0.5), none = tg_zero(g), rest = tg_select(tg_greater(other, mine), none, half);
    return tg_select(tg_greater(mine, other), g, rest);
}
MAP2(maximum, x > y || x != x ? x : y, share(g, x, y), share(g, y, x), 0, .simplify = tg_drop_broadcasts, .text = "max(%0, %1)",
     .tex = "\\max(%0, %1)")
MAP2(minimum, x < y || x != x ? x : y, share(g, y, x), share(g, x, y), 0, .simplify = tg_drop_broadcasts, .text = "min(%0, %1)",
     .tex = "\\min(%0, %1)")

/* A condition that is a number has chosen already. In float it may be 0 where it is not in double. */
static tg_tensor select_simplify(const tg_application *a) {
    double condition;
    if (!tg_number_at(a->inputs[0], &condition) || ((float)condition != 0) != (condition != 0)) return tg_drop_broadcasts(a);
    return tg_broadcast_to(a->inputs[condition != 0 ? 1 : 2], tg_rows(a->output), tg_cols(a->output));
}

/* A condition that holds, and one that does not. */
static bool select_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    (void)rows, (void)cols;
    if (index == 1) example->lo[0] = example->hi[0] = 0;
    return index < 2;
}

/* The condition has derivative zero. What is not taken enters nothing. */
MAP3(select, x != 0 ? y : z, (tg_tensor){ 0 }, tg_select(x, g, tg_zero(g)), tg_select(x, tg_zero(g), g), 0,
     .simplify = select_simplify, .text = "%0 ? %1 : %2", .tex = "%0\\,?\\,%1 : %2", AVOID(0),
     .example = select_example)
tg_tensor tg_select(tg_tensor condition, tg_tensor x, tg_tensor y) { return tg_apply3(&tg_select_op, condition, x, y); }

/* At 0 the derivative is 0, whatever the cotangent is. */
static tg_tensor abs_rule(tg_tensor x, tg_tensor g) {
    const tg_tensor slope = tg_mul(g, tg_sign(x));
    return tg_select(x, slope, tg_zero(g));
}
MAP1(abs, fabs(x), abs_rule(x, g), .text = "|%0|", .tex = "|%0|", AVOID(0))

/* A NaN in any of the three is the value; of a > b, it is b. */
#define AT_LEAST(x, a) ((a) > (x) || (a) != (a) ? (a) : (x))
#define AT_MOST(x, b) ((b) < (x) || (b) != (b) ? (b) : (x))
static tg_tensor clamp_rule(tg_tensor x, tg_tensor g, double a, double b) {
    const tg_tensor zero = tg_zero(g), below_b = tg_select(tg_less_equal(x, tg_constant(x.tape, b)), g, zero);
    return tg_select(tg_greater_equal(x, tg_constant(x.tape, a)), below_b, zero);
}
/* Between -0.5 and 0.75, in the middle and to both sides. */
static bool between_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    static const double from[3] = { -0.4, -2, 0.8 }, to[3] = { 0.7, -0.6, 2 };
    (void)rows, (void)cols;
    example->attributes[0] = -0.5;
    example->attributes[1] = 0.75;
    if (index < 3) example->lo[0] = from[index], example->hi[0] = to[index];
    return index < 3;
}
MAP1_NUMBERS(clamp, AT_MOST(AT_LEAST(x, a), b), clamp_rule(x, g, a, b), .text = "min(max(%0, a), b)", .tex = "\\min(\\max(%0, a), b)",
             .example = between_example)

MAP1_NUMBERS(threshold, x <= a ? b : x, tg_where_greater(x, a, g, tg_zero(g)), .text = "%0 > a ? %0 : b", .tex = "%0 > a\\,?\\,%0 : b",
             .example = between_example)
