/* test_values.c - every built-in op at the values where mathematics and floating point part: zeros of both signs, kinks, tails, infinities, NaN,
 * and sizes of zero. Values and first derivatives are compared with what the formulas of ops.h say, written here with <math.h> in double. */
#include "support.h"
#include <float.h>
#include <math.h>
#include <tapegrad/tapegrad.h>

#define INF ((double)INFINITY)
#define NOT ((double)NAN)
#define TINY 0x1p-66      /* about 1e-20: 1 + TINY is 1 in both types */
#define BIG 10000.0

enum { LARGEST = 15 };

static bool is(const tg_op *op, const char *name) { return strcmp(op->name, name) == 0; }

static tg_tape *tape_of(int type) {
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = (tg_type)type, .seed = 11 });
    ck_assert_ptr_nonnull(tape);
    return tape;
}

static const char *name_of(int type) { return type == TG_F64 ? "f64" : "f32"; }

static void must_run(tg_tape *tape, const tg_tensor tensors[], int count) {
    const tg_status status = tg_run_many(tensors, count);
    ck_assert_msg(status == TG_OK, "%s: %s", tg_status_name(status), tg_tape_error(tape));
}

/* NaN is NaN, an infinity itself, and a negative zero has its sign; a positive zero may come as either, since derivatives are products.
 * Everything else may be off by a few roundings of its own size, so that what is tiny must be accurate too. */
static bool fits_but_for(double expected, double got, int type, double condition) {
    const double unit = type == TG_F64 ? DBL_EPSILON : FLT_EPSILON;
    if (isnan(expected)) return isnan(got);
    if (isinf(expected)) return got == expected;
    if (expected == 0) return got == 0 && (!signbit(expected) || signbit(got));
    return fabs(got - expected) <= (4 + condition) * unit * fabs(expected);
}

static bool fits(double expected, double got, int type) { return fits_but_for(expected, got, type, 0); }

/* ---- elementwise ops: one point a row ---- */

typedef struct point {
    const char *op;
    double in[3];
    double value;
    double slope[3];
    double      number[2];       /* attributes of the ops that have them */
    bool        value_only;      /* there is no derivative to speak of */
    double      condition;       /* of x^2 in an exponent: by how much relative errors of x grow */
} point;

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double silu_slope(double x) { return sigmoid(x) * (1 + x * sigmoid(-x)); }
static double mish(double x) { return x * tanh(log1p(exp(x))); }
static double mish_slope(double x) {
    const double p = log1p(exp(x));
    return tanh(p) + x * sigmoid(x) / (cosh(p) * cosh(p));
}
static double gelu_slope(double x) { return erfc(-x / sqrt(2)) / 2 + x * exp(-x * x / 2) / sqrt(2 * acos(-1)); }
static double twice_u(double x) { return 2 * sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x); }
static double gelu_tanh_slope(double x) {
    const double s = sigmoid(twice_u(x)), n = sigmoid(-twice_u(x));
    return s + x * s * n * 2 * sqrt(2 / acos(-1)) * (1 + 3 * 0.044715 * x * x);
}
static double erf_slope(double x) { return 2 / sqrt(acos(-1)) * exp(-x * x); }
static double clip(double squared, double most) { return most / (sqrt(squared) + 1e-6); }
static double clip_slope(double squared, double most) {
    const double norm = sqrt(squared);
    return -most / ((norm + 1e-6) * (norm + 1e-6)) / (2 * norm);
}

typedef void (*visit)(const point *p, void *context);

/* Inputs are numbers of both types, so that there is one truth for both. */
static void each_point(visit call, void *context) {
    const point points[] = {
        { "add", .in = { 1, 2 }, .value = 3, .slope = { 1, 1 } },
        { "add", .in = { 0, -0.0 }, .value = 0, .slope = { 1, 1 } },
        { "add", .in = { -0.0, -0.0 }, .value = -0.0, .slope = { 1, 1 } },
        { "add", .in = { INF, 1 }, .value = INF, .slope = { 1, 1 } },
        { "add", .in = { INF, -INF }, .value = NOT, .slope = { 1, 1 } },
        { "sub", .in = { 1, 2 }, .value = -1, .slope = { 1, -1 } },
        { "sub", .in = { -INF, 1 }, .value = -INF, .slope = { 1, -1 } },
        { "sub", .in = { INF, INF }, .value = NOT, .slope = { 1, -1 } },
        { "mul", .in = { 3, -2 }, .value = -6, .slope = { -2, 3 } },
        { "mul", .in = { -0.0, 2 }, .value = -0.0, .slope = { 2, 0 } },
        { "mul", .in = { INF, -2 }, .value = -INF, .slope = { -2, INF } },
        { "mul", .in = { 0, INF }, .value = NOT, .slope = { INF, 0 } },
        { "div", .in = { 3, 2 }, .value = 1.5, .slope = { 0.5, -0.75 } },
        { "div", .in = { 1, 0 }, .value = INF, .slope = { INF, -INF } },
        { "div", .in = { 1, -0.0 }, .value = -INF, .slope = { -INF, -INF } },
        { "div", .in = { 0, 0 }, .value = NOT, .slope = { INF, NOT } },
        { "div", .in = { 1, INF }, .value = 0, .slope = { 0, 0 } },
        { "div", .in = { INF, 2 }, .value = INF, .slope = { 0.5, -INF } },
        { "neg", .in = { 0 }, .value = -0.0, .slope = { -1 } },
        { "neg", .in = { 3 }, .value = -3, .slope = { -1 } },
        { "neg", .in = { -INF }, .value = INF, .slope = { -1 } },
        { "scale", .in = { 2 }, .value = 1.5, .slope = { 0.75 }, .number = { 0.75 } },
        { "scale", .in = { -0.0 }, .value = -0.0, .slope = { 0.75 }, .number = { 0.75 } },
        { "scale", .in = { -INF }, .value = -INF, .slope = { 0.75 }, .number = { 0.75 } },
        { "scale", .in = { INF }, .value = NOT, .slope = { 0 }, .number = { 0 } },
        { "shift", .in = { 2 }, .value = 2.75, .slope = { 1 }, .number = { 0.75 } },
        { "shift", .in = { -INF }, .value = -INF, .slope = { 1 }, .number = { 0.75 } },
        { "axpy", .in = { 2, 3, 1 }, .value = 7, .slope = { 3, 2, 1 } },
        { "axpy", .in = { 0, 3, -INF }, .value = -INF, .slope = { 3, 0, 1 } },
        { "axpy", .in = { 0, INF, 1 }, .value = NOT, .slope = { INF, 0, 1 } },
        { "lerp", .in = { 1, 3, 0.5 }, .value = 2, .slope = { 0.5, 0.5, 2 } },
        { "lerp", .in = { 1, 3, 0 }, .value = 1, .slope = { 1, 0, 2 } },
        { "lerp", .in = { 1, 3, 1 }, .value = 3, .slope = { 0, 1, 2 } },
        { "lerp", .in = { 2, 2, INF }, .value = NOT, .slope = { -INF, INF, 0 } },
        { "square", .in = { 0 }, .value = 0, .slope = { 0 } },
        { "square", .in = { -0.0 }, .value = 0, .slope = { 0 } },
        { "square", .in = { -3 }, .value = 9, .slope = { -6 } },
        { "square", .in = { -INF }, .value = INF, .slope = { -INF } },
        { "sqrt", .in = { 0 }, .value = 0, .slope = { INF } },
        { "sqrt", .in = { -0.0 }, .value = 0, .slope = { INF } },
        { "sqrt", .in = { 2 }, .value = sqrt(2), .slope = { 0.5 / sqrt(2) } },
        { "sqrt", .in = { INF }, .value = INF, .slope = { 0 } },
        { "sqrt", .in = { -1 }, .value = NOT, .slope = { NOT } },
        { "exp", .in = { 0 }, .value = 1, .slope = { 1 } },
        { "exp", .in = { -0.0 }, .value = 1, .slope = { 1 } },
        { "exp", .in = { 1 }, .value = exp(1), .slope = { exp(1) } },
        { "exp", .in = { -30 }, .value = exp(-30), .slope = { exp(-30) } },
        { "exp", .in = { 1000 }, .value = INF, .slope = { INF } },
        { "exp", .in = { -1000 }, .value = 0, .slope = { 0 } },
        { "exp", .in = { INF }, .value = INF, .slope = { INF } },
        { "exp", .in = { -INF }, .value = 0, .slope = { 0 } },
        { "expm1", .in = { 0 }, .value = 0, .slope = { 1 } },
        { "expm1", .in = { -0.0 }, .value = -0.0, .slope = { 1 } },
        { "expm1", .in = { TINY }, .value = TINY, .slope = { 1 } },
        { "expm1", .in = { -TINY }, .value = -TINY, .slope = { 1 } },
        { "expm1", .in = { 1 }, .value = expm1(1), .slope = { exp(1) } },
        { "expm1", .in = { -1000 }, .value = -1, .slope = { 0 } },
        { "expm1", .in = { INF }, .value = INF, .slope = { INF } },
        { "expm1", .in = { -INF }, .value = -1, .slope = { 0 } },
        { "log", .in = { 1 }, .value = 0, .slope = { 1 } },
        { "log", .in = { 0 }, .value = -INF, .slope = { INF } },
        { "log", .in = { 3 }, .value = log(3), .slope = { 1 / 3.0 } },
        { "log", .in = { INF }, .value = INF, .slope = { 0 } },
        { "log", .in = { -0.0 }, .value = -INF, .value_only = true },
        { "log", .in = { -1 }, .value = NOT, .value_only = true },
        { "log1p", .in = { 0 }, .value = 0, .slope = { 1 } },
        { "log1p", .in = { -0.0 }, .value = -0.0, .slope = { 1 } },
        { "log1p", .in = { TINY }, .value = TINY, .slope = { 1 } },
        { "log1p", .in = { -TINY }, .value = -TINY, .slope = { 1 } },
        { "log1p", .in = { 1 }, .value = log(2), .slope = { 0.5 } },
        { "log1p", .in = { -1 }, .value = -INF, .slope = { INF } },
        { "log1p", .in = { INF }, .value = INF, .slope = { 0 } },
        { "log1p", .in = { -2 }, .value = NOT, .value_only = true },
        { "sin", .in = { 0 }, .value = 0, .slope = { 1 } },
        { "sin", .in = { -0.0 }, .value = -0.0, .slope = { 1 } },
        { "sin", .in = { TINY }, .value = TINY, .slope = { 1 } },
        { "sin", .in = { 1000 }, .value = sin(1000), .slope = { cos(1000) } },
        { "sin", .in = { INF }, .value = NOT, .slope = { NOT } },
        { "cos", .in = { 0 }, .value = 1, .slope = { 0 } },
        { "cos", .in = { -0.0 }, .value = 1, .slope = { 0 } },
        { "cos", .in = { 1000 }, .value = cos(1000), .slope = { -sin(1000) } },
        { "cos", .in = { -INF }, .value = NOT, .slope = { NOT } },
        { "maximum", .in = { 1, 2 }, .value = 2, .slope = { 0, 1 } },
        { "maximum", .in = { 2, 1 }, .value = 2, .slope = { 1, 0 } },
        { "maximum", .in = { 3, 3 }, .value = 3, .slope = { 0.5, 0.5 } },
        { "maximum", .in = { 0, -0.0 }, .value = 0, .slope = { 0.5, 0.5 } },
        { "maximum", .in = { -0.0, 0 }, .value = 0, .slope = { 0.5, 0.5 } },
        { "maximum", .in = { INF, 1 }, .value = INF, .slope = { 1, 0 } },
        { "maximum", .in = { -INF, 1 }, .value = 1, .slope = { 0, 1 } },
        { "maximum", .in = { -INF, -INF }, .value = -INF, .slope = { 0.5, 0.5 } },
        { "maximum", .in = { NOT, INF }, .value = NOT, .value_only = true },
        { "maximum", .in = { INF, NOT }, .value = NOT, .value_only = true },
        { "greater", .in = { 2, 1 }, .value = 1, .slope = { 0, 0 } },
        { "greater", .in = { 1, 2 }, .value = 0, .slope = { 0, 0 } },
        { "greater", .in = { 1, 1 }, .value = 0, .slope = { 0, 0 } },
        { "greater", .in = { 0, -0.0 }, .value = 0, .slope = { 0, 0 } },
        { "greater", .in = { INF, -INF }, .value = 1, .slope = { 0, 0 } },
        { "greater", .in = { NOT, 1 }, .value = 0, .slope = { 0, 0 } },
        { "greater", .in = { 1, NOT }, .value = 0, .slope = { 0, 0 } },
        { "same", .in = { 2, 2 }, .value = 1, .slope = { 0, 0 } },
        { "same", .in = { 1, 2 }, .value = 0, .slope = { 0, 0 } },
        { "same", .in = { 0, -0.0 }, .value = 1, .slope = { 0, 0 } },
        { "same", .in = { INF, INF }, .value = 1, .slope = { 0, 0 } },
        { "same", .in = { INF, -INF }, .value = 0, .slope = { 0, 0 } },
        { "same", .in = { NOT, NOT }, .value = 1, .slope = { 0, 0 } },
        { "same", .in = { 1, NOT }, .value = 0, .slope = { 0, 0 } },
        { "same", .in = { NOT, 1 }, .value = 0, .slope = { 0, 0 } },
        { "select", .in = { 1, 5, NOT }, .value = 5, .slope = { 0, 1, 0 } },
        { "select", .in = { 0, NOT, 5 }, .value = 5, .slope = { 0, 0, 1 } },
        { "select", .in = { -0.0, INF, 5 }, .value = 5, .slope = { 0, 0, 1 } },
        { "select", .in = { -3, -0.0, INF }, .value = -0.0, .slope = { 0, 1, 0 } },
        { "select", .in = { INF, 5, -INF }, .value = 5, .slope = { 0, 1, 0 } },
        { "select", .in = { NOT, 5, 6 }, .value = 5, .slope = { 0, 1, 0 } },
        { "select", .in = { 1, NOT, 6 }, .value = NOT, .slope = { 0, 1, 0 } },
        { "relu", .in = { 0 }, .value = 0, .slope = { 0 } },
        { "relu", .in = { -0.0 }, .value = 0, .slope = { 0 } },
        { "relu", .in = { TINY }, .value = TINY, .slope = { 1 } },
        { "relu", .in = { -TINY }, .value = 0, .slope = { 0 } },
        { "relu", .in = { INF }, .value = INF, .slope = { 1 } },
        { "relu", .in = { -INF }, .value = 0, .slope = { 0 } },
        { "sigmoid", .in = { 0 }, .value = 0.5, .slope = { 0.25 } },
        { "sigmoid", .in = { -0.0 }, .value = 0.5, .slope = { 0.25 } },
        { "sigmoid", .in = { 1 }, .value = sigmoid(1), .slope = { sigmoid(1) * sigmoid(-1) } },
        { "sigmoid", .in = { -40 }, .value = sigmoid(-40), .slope = { sigmoid(-40) * sigmoid(40) } },
        { "sigmoid", .in = { 1000 }, .value = 1, .slope = { 0 } },
        { "sigmoid", .in = { -1000 }, .value = 0, .slope = { 0 } },
        { "sigmoid", .in = { INF }, .value = 1, .slope = { 0 } },
        { "sigmoid", .in = { -INF }, .value = 0, .slope = { 0 } },
        { "tanh", .in = { 0 }, .value = 0, .slope = { 1 } },
        { "tanh", .in = { -0.0 }, .value = -0.0, .slope = { 1 } },
        { "tanh", .in = { TINY }, .value = TINY, .slope = { 1 } },
        { "tanh", .in = { -1 }, .value = tanh(-1), .slope = { 1 - tanh(1) * tanh(1) } },
        { "tanh", .in = { 1000 }, .value = 1, .slope = { 0 } },
        { "tanh", .in = { -1000 }, .value = -1, .slope = { 0 } },
        { "tanh", .in = { INF }, .value = 1, .slope = { 0 } },
        { "tanh", .in = { -INF }, .value = -1, .slope = { 0 } },
        { "softplus", .in = { 0 }, .value = log(2), .slope = { 0.5 } },
        { "softplus", .in = { -0.0 }, .value = log(2), .slope = { 0.5 } },
        { "softplus", .in = { 1 }, .value = log1p(exp(1)), .slope = { sigmoid(1) } },
        { "softplus", .in = { -40 }, .value = log1p(exp(-40)), .slope = { sigmoid(-40) } },
        { "softplus", .in = { 1000 }, .value = 1000, .slope = { 1 } },
        { "softplus", .in = { -1000 }, .value = 0, .slope = { 0 } },
        { "softplus", .in = { INF }, .value = INF, .slope = { 1 } },
        { "softplus", .in = { -INF }, .value = 0, .slope = { 0 } },
        { "erf", .in = { 0 }, .value = 0, .slope = { 2 / sqrt(acos(-1)) } },
        { "erf", .in = { -0.0 }, .value = -0.0, .slope = { 2 / sqrt(acos(-1)) } },
        { "erf", .in = { TINY }, .value = 2 / sqrt(acos(-1)) * TINY, .slope = { 2 / sqrt(acos(-1)) } },
        { "erf", .in = { -1 }, .value = -erf(1), .slope = { erf_slope(1) } },
        { "erf", .in = { BIG }, .value = 1, .slope = { 0 } },
        { "erf", .in = { INF }, .value = 1, .slope = { 0 } },
        { "erf", .in = { -INF }, .value = -1, .slope = { 0 } },
        { "erfc", .in = { 0 }, .value = 1, .slope = { -2 / sqrt(acos(-1)) } },
        { "erfc", .in = { -1 }, .value = erfc(-1), .slope = { -erf_slope(1) } },
        { "erfc", .in = { 5 }, .value = erfc(5), .slope = { -erf_slope(5) } },
        { "erfc", .in = { BIG }, .value = 0, .slope = { 0 } },
        { "erfc", .in = { INF }, .value = 0, .slope = { 0 } },
        { "erfc", .in = { -INF }, .value = 2, .slope = { 0 } },
        { "erfc", .in = { -BIG }, .value = 2, .slope = { 0 } },
        { "pow", .in = { 2, 3 }, .value = 8, .slope = { 12, 8 * log(2) } },
        { "pow", .in = { -2, 3 }, .value = -8, .slope = { 12, NOT } },
        { "pow", .in = { 2, -1 }, .value = 0.5, .slope = { -0.25, 0.5 * log(2) } },
        { "pow", .in = { 0, 0 }, .value = 1, .slope = { 0, 0 } },
        { "pow", .in = { 3, 0 }, .value = 1, .slope = { 0, log(3) } },
        { "pow", .in = { -0.0, 0 }, .value = 1, .slope = { 0, 0 } },
        { "pow", .in = { 0, 1 }, .value = 0, .slope = { 1, 0 } },
        { "pow", .in = { 0, 2 }, .value = 0, .slope = { 0, 0 } },
        { "pow", .in = { 0, 0.5 }, .value = 0, .slope = { INF, 0 } },
        { "pow", .in = { 0, -1 }, .value = INF, .slope = { -INF, -INF } },
        { "pow", .in = { -0.0, 3 }, .value = -0.0, .slope = { 0, 0 } },
        { "pow", .in = { 1, 0 }, .value = 1, .slope = { 0, 0 } },
        { "pow", .in = { INF, 0 }, .value = 1, .slope = { 0, INF } },
        { "pow", .in = { INF, 2 }, .value = INF, .slope = { INF, INF } },
        { "pow", .in = { INF, -1 }, .value = 0, .slope = { 0, NOT } },
        { "pow", .in = { -2, 0.5 }, .value = NOT, .value_only = true },
        { "pow", .in = { 1, NOT }, .value = 1, .value_only = true },
        { "pow", .in = { NOT, 0 }, .value = 1, .value_only = true },
        { "pow", .in = { 0.5, INF }, .value = 0, .value_only = true },
        { "pow_scalar", .in = { 3 }, .value = 9, .slope = { 6 }, .number = { 2 } },
        { "pow_scalar", .in = { 0 }, .value = 0, .slope = { 0 }, .number = { 2 } },
        { "pow_scalar", .in = { -0.0 }, .value = 0, .slope = { 0 }, .number = { 2 } },
        { "pow_scalar", .in = { -3 }, .value = 9, .slope = { -6 }, .number = { 2 } },
        { "pow_scalar", .in = { -3 }, .value = -27, .slope = { 27 }, .number = { 3 } },
        { "pow_scalar", .in = { 0 }, .value = 1, .slope = { 0 }, .number = { 0 } },
        { "pow_scalar", .in = { -0.0 }, .value = 1, .slope = { 0 }, .number = { 0 } },
        { "pow_scalar", .in = { INF }, .value = 1, .slope = { 0 }, .number = { 0 } },
        { "pow_scalar", .in = { NOT }, .value = 1, .slope = { 0 }, .number = { 0 } },
        { "pow_scalar", .in = { 0 }, .value = 0, .slope = { 1 }, .number = { 1 } },
        { "pow_scalar", .in = { -0.0 }, .value = -0.0, .slope = { 1 }, .number = { 1 } },
        { "pow_scalar", .in = { -INF }, .value = -INF, .slope = { 1 }, .number = { 1 } },
        { "pow_scalar", .in = { 0 }, .value = INF, .slope = { -INF }, .number = { -1 } },
        { "pow_scalar", .in = { -0.0 }, .value = -INF, .slope = { -INF }, .number = { -1 } },
        { "pow_scalar", .in = { 4 }, .value = 0.25, .slope = { -1 / 16.0 }, .number = { -1 } },
        { "pow_scalar", .in = { INF }, .value = 0, .slope = { 0 }, .number = { -1 } },
        { "pow_scalar", .in = { 0 }, .value = 0, .slope = { INF }, .number = { 0.5 } },
        { "pow_scalar", .in = { 4 }, .value = 2, .slope = { 0.25 }, .number = { 0.5 } },
        { "pow_scalar", .in = { -4 }, .value = NOT, .slope = { NOT }, .number = { 0.5 } },
        { "pow_scalar", .in = { 0 }, .value = 0, .slope = { 0 }, .number = { 1.5 } },
        { "pow_scalar", .in = { 4 }, .value = 0.5, .slope = { -1 / 16.0 }, .number = { -0.5 } },
        { "pow_scalar", .in = { INF }, .value = INF, .slope = { INF }, .number = { 2 } },
        { "pow_scalar", .in = { -INF }, .value = INF, .slope = { -INF }, .number = { 2 } },
        { "rsqrt", .in = { 0 }, .value = INF, .slope = { -INF } },
        { "rsqrt", .in = { -0.0 }, .value = INF, .slope = { -INF } },
        { "rsqrt", .in = { 4 }, .value = 0.5, .slope = { -1 / 16.0 } },
        { "rsqrt", .in = { INF }, .value = 0, .slope = { 0 } },
        { "rsqrt", .in = { -1 }, .value = NOT, .slope = { NOT } },
        { "reciprocal", .in = { 2 }, .value = 0.5, .slope = { -0.25 } },
        { "reciprocal", .in = { -4 }, .value = -0.25, .slope = { -1 / 16.0 } },
        { "reciprocal", .in = { 0 }, .value = INF, .slope = { -INF } },
        { "reciprocal", .in = { -0.0 }, .value = -INF, .slope = { -INF } },
        { "reciprocal", .in = { INF }, .value = 0, .slope = { 0 } },
        { "reciprocal", .in = { -INF }, .value = -0.0, .slope = { 0 } },
        { "greater_equal", .in = { 2, 1 }, .value = 1, .slope = { 0, 0 } },
        { "greater_equal", .in = { 1, 2 }, .value = 0, .slope = { 0, 0 } },
        { "greater_equal", .in = { 1, 1 }, .value = 1, .slope = { 0, 0 } },
        { "greater_equal", .in = { 0, -0.0 }, .value = 1, .slope = { 0, 0 } },
        { "greater_equal", .in = { INF, -INF }, .value = 1, .slope = { 0, 0 } },
        { "greater_equal", .in = { -INF, -INF }, .value = 1, .slope = { 0, 0 } },
        { "greater_equal", .in = { NOT, 1 }, .value = 0, .slope = { 0, 0 } },
        { "greater_equal", .in = { 1, NOT }, .value = 0, .slope = { 0, 0 } },
        { "greater_equal", .in = { NOT, NOT }, .value = 0, .slope = { 0, 0 } },
        { "less", .in = { 2, 1 }, .value = 0, .slope = { 0, 0 } },
        { "less", .in = { 1, 2 }, .value = 1, .slope = { 0, 0 } },
        { "less", .in = { 1, 1 }, .value = 0, .slope = { 0, 0 } },
        { "less", .in = { 0, -0.0 }, .value = 0, .slope = { 0, 0 } },
        { "less", .in = { INF, -INF }, .value = 0, .slope = { 0, 0 } },
        { "less", .in = { -INF, -INF }, .value = 0, .slope = { 0, 0 } },
        { "less", .in = { NOT, 1 }, .value = 0, .slope = { 0, 0 } },
        { "less", .in = { 1, NOT }, .value = 0, .slope = { 0, 0 } },
        { "less", .in = { NOT, NOT }, .value = 0, .slope = { 0, 0 } },
        { "less_equal", .in = { 2, 1 }, .value = 0, .slope = { 0, 0 } },
        { "less_equal", .in = { 1, 2 }, .value = 1, .slope = { 0, 0 } },
        { "less_equal", .in = { 1, 1 }, .value = 1, .slope = { 0, 0 } },
        { "less_equal", .in = { 0, -0.0 }, .value = 1, .slope = { 0, 0 } },
        { "less_equal", .in = { INF, -INF }, .value = 0, .slope = { 0, 0 } },
        { "less_equal", .in = { -INF, -INF }, .value = 1, .slope = { 0, 0 } },
        { "less_equal", .in = { NOT, 1 }, .value = 0, .slope = { 0, 0 } },
        { "less_equal", .in = { 1, NOT }, .value = 0, .slope = { 0, 0 } },
        { "less_equal", .in = { NOT, NOT }, .value = 0, .slope = { 0, 0 } },
        { "equal", .in = { 2, 1 }, .value = 0, .slope = { 0, 0 } },
        { "equal", .in = { 1, 2 }, .value = 0, .slope = { 0, 0 } },
        { "equal", .in = { 1, 1 }, .value = 1, .slope = { 0, 0 } },
        { "equal", .in = { 0, -0.0 }, .value = 1, .slope = { 0, 0 } },
        { "equal", .in = { INF, -INF }, .value = 0, .slope = { 0, 0 } },
        { "equal", .in = { -INF, -INF }, .value = 1, .slope = { 0, 0 } },
        { "equal", .in = { NOT, 1 }, .value = 0, .slope = { 0, 0 } },
        { "equal", .in = { 1, NOT }, .value = 0, .slope = { 0, 0 } },
        { "equal", .in = { NOT, NOT }, .value = 0, .slope = { 0, 0 } },
        { "not_equal", .in = { 2, 1 }, .value = 1, .slope = { 0, 0 } },
        { "not_equal", .in = { 1, 2 }, .value = 1, .slope = { 0, 0 } },
        { "not_equal", .in = { 1, 1 }, .value = 0, .slope = { 0, 0 } },
        { "not_equal", .in = { 0, -0.0 }, .value = 0, .slope = { 0, 0 } },
        { "not_equal", .in = { INF, -INF }, .value = 1, .slope = { 0, 0 } },
        { "not_equal", .in = { -INF, -INF }, .value = 0, .slope = { 0, 0 } },
        { "not_equal", .in = { NOT, 1 }, .value = 1, .slope = { 0, 0 } },
        { "not_equal", .in = { 1, NOT }, .value = 1, .slope = { 0, 0 } },
        { "not_equal", .in = { NOT, NOT }, .value = 1, .slope = { 0, 0 } },
        { "sign", .in = { 3 }, .value = 1, .slope = { 0 } },
        { "sign", .in = { -TINY }, .value = -1, .slope = { 0 } },
        { "sign", .in = { 0 }, .value = 0, .slope = { 0 } },
        { "sign", .in = { -0.0 }, .value = -0.0, .slope = { 0 } },
        { "sign", .in = { INF }, .value = 1, .slope = { 0 } },
        { "sign", .in = { -INF }, .value = -1, .slope = { 0 } },
        { "sign", .in = { NOT }, .value = NOT, .slope = { 0 } },
        { "floor", .in = { 1.5 }, .value = 1, .slope = { 0 } },
        { "floor", .in = { -1.5 }, .value = -2, .slope = { 0 } },
        { "floor", .in = { 2 }, .value = 2, .slope = { 0 } },
        { "floor", .in = { -0.0 }, .value = -0.0, .slope = { 0 } },
        { "floor", .in = { -TINY }, .value = -1, .slope = { 0 } },
        { "floor", .in = { INF }, .value = INF, .slope = { 0 } },
        { "floor", .in = { -INF }, .value = -INF, .slope = { 0 } },
        { "round", .in = { 0.5 }, .value = 0, .slope = { 0 } },
        { "round", .in = { 1.5 }, .value = 2, .slope = { 0 } },
        { "round", .in = { 2.5 }, .value = 2, .slope = { 0 } },
        { "round", .in = { -0.5 }, .value = -0.0, .slope = { 0 } },
        { "round", .in = { -1.5 }, .value = -2, .slope = { 0 } },
        { "round", .in = { 0.75 }, .value = 1, .slope = { 0 } },
        { "round", .in = { -0.0 }, .value = -0.0, .slope = { 0 } },
        { "round", .in = { INF }, .value = INF, .slope = { 0 } },
        { "round", .in = { 1e9 }, .value = 1e9, .slope = { 0 } },
        { "minimum", .in = { 1, 2 }, .value = 1, .slope = { 1, 0 } },
        { "minimum", .in = { 2, 1 }, .value = 1, .slope = { 0, 1 } },
        { "minimum", .in = { 3, 3 }, .value = 3, .slope = { 0.5, 0.5 } },
        { "minimum", .in = { 0, -0.0 }, .value = -0.0, .slope = { 0.5, 0.5 } },
        { "minimum", .in = { INF, 1 }, .value = 1, .slope = { 0, 1 } },
        { "minimum", .in = { -INF, 1 }, .value = -INF, .slope = { 1, 0 } },
        { "minimum", .in = { -INF, -INF }, .value = -INF, .slope = { 0.5, 0.5 } },
        { "minimum", .in = { NOT, -INF }, .value = NOT, .value_only = true },
        { "minimum", .in = { -INF, NOT }, .value = NOT, .value_only = true },
        { "abs", .in = { 2 }, .value = 2, .slope = { 1 } },
        { "abs", .in = { -2 }, .value = 2, .slope = { -1 } },
        { "abs", .in = { 0 }, .value = 0, .slope = { 0 } },
        { "abs", .in = { -0.0 }, .value = 0, .slope = { 0 } },
        { "abs", .in = { -TINY }, .value = TINY, .slope = { -1 } },
        { "abs", .in = { -INF }, .value = INF, .slope = { -1 } },
        { "abs", .in = { INF }, .value = INF, .slope = { 1 } },
        { "clamp", .in = { 0.5 }, .value = 0.5, .slope = { 1 }, .number = { -1, 2 } },
        { "clamp", .in = { -1 }, .value = -1, .slope = { 1 }, .number = { -1, 2 } },
        { "clamp", .in = { 2 }, .value = 2, .slope = { 1 }, .number = { -1, 2 } },
        { "clamp", .in = { -3 }, .value = -1, .slope = { 0 }, .number = { -1, 2 } },
        { "clamp", .in = { 3 }, .value = 2, .slope = { 0 }, .number = { -1, 2 } },
        { "clamp", .in = { -INF }, .value = -1, .slope = { 0 }, .number = { -1, 2 } },
        { "clamp", .in = { INF }, .value = 2, .slope = { 0 }, .number = { -1, 2 } },
        { "clamp", .in = { -0.0 }, .value = -0.0, .slope = { 1 }, .number = { 0, 2 } },
        { "clamp", .in = { INF }, .value = INF, .slope = { 1 }, .number = { 0, INF } },
        { "clamp", .in = { 0 }, .value = -1, .slope = { 0 }, .number = { 1, -1 } },
        { "clamp", .in = { 7 }, .value = -1, .slope = { 0 }, .number = { 1, -1 } },
        { "clamp", .in = { 0 }, .value = NOT, .value_only = true, .number = { NOT, 1 } },
        { "clamp", .in = { 0 }, .value = NOT, .value_only = true, .number = { -1, NOT } },
        { "threshold", .in = { 2 }, .value = 2, .slope = { 1 }, .number = { 1, -5 } },
        { "threshold", .in = { 1 }, .value = -5, .slope = { 0 }, .number = { 1, -5 } },
        { "threshold", .in = { 0.5 }, .value = -5, .slope = { 0 }, .number = { 1, -5 } },
        { "threshold", .in = { -INF }, .value = -5, .slope = { 0 }, .number = { 1, -5 } },
        { "threshold", .in = { INF }, .value = INF, .slope = { 1 }, .number = { 1, -5 } },
        { "threshold", .in = { NOT }, .value = NOT, .slope = { 0 }, .number = { 1, -5 } },
        { "relu6", .in = { 0 }, .value = 0, .slope = { 0 } },
        { "relu6", .in = { -0.0 }, .value = 0, .slope = { 0 } },
        { "relu6", .in = { TINY }, .value = TINY, .slope = { 1 } },
        { "relu6", .in = { -TINY }, .value = 0, .slope = { 0 } },
        { "relu6", .in = { 3 }, .value = 3, .slope = { 1 } },
        { "relu6", .in = { 6 }, .value = 6, .slope = { 0 } },
        { "relu6", .in = { 7 }, .value = 6, .slope = { 0 } },
        { "relu6", .in = { INF }, .value = 6, .slope = { 0 } },
        { "relu6", .in = { -INF }, .value = 0, .slope = { 0 } },
        { "leaky_relu", .in = { 0 }, .value = 0, .slope = { 0.25 }, .number = { 0.25 } },
        { "leaky_relu", .in = { -0.0 }, .value = -0.0, .slope = { 0.25 }, .number = { 0.25 } },
        { "leaky_relu", .in = { TINY }, .value = TINY, .slope = { 1 }, .number = { 0.25 } },
        { "leaky_relu", .in = { -TINY }, .value = -0.25 * TINY, .slope = { 0.25 }, .number = { 0.25 } },
        { "leaky_relu", .in = { -BIG }, .value = -0.25 * BIG, .slope = { 0.25 }, .number = { 0.25 } },
        { "leaky_relu", .in = { INF }, .value = INF, .slope = { 1 }, .number = { 0.25 } },
        { "leaky_relu", .in = { -INF }, .value = -INF, .slope = { 0.25 }, .number = { 0.25 } },
        { "prelu", .in = { 2, 0.25 }, .value = 2, .slope = { 1, 0 } },
        { "prelu", .in = { -2, 0.25 }, .value = -0.5, .slope = { 0.25, -2 } },
        { "prelu", .in = { 0, 0.25 }, .value = 0, .slope = { 0.25, 0 } },
        { "prelu", .in = { -0.0, 0.25 }, .value = -0.0, .slope = { 0.25, 0 } },
        { "prelu", .in = { INF, 0 }, .value = INF, .slope = { 1, 0 } },
        { "prelu", .in = { 2, NOT }, .value = 2, .slope = { 1, 0 } },
        { "prelu", .in = { 2, INF }, .value = 2, .slope = { 1, 0 } },
        { "prelu", .in = { -INF, 2 }, .value = -INF, .slope = { 2, -INF } },
        { "prelu", .in = { -2, 0 }, .value = -0.0, .slope = { 0, -2 } },
        { "prelu", .in = { -1, NOT }, .value = NOT, .value_only = true },
        { "prelu", .in = { NOT, 0.5 }, .value = NOT, .value_only = true },
        { "elu", .in = { 0 }, .value = 0, .slope = { 0.5 }, .number = { 0.5 } },
        { "elu", .in = { -0.0 }, .value = -0.0, .slope = { 0.5 }, .number = { 0.5 } },
        { "elu", .in = { TINY }, .value = TINY, .slope = { 1 }, .number = { 0.5 } },
        { "elu", .in = { -TINY }, .value = -0.5 * TINY, .slope = { 0.5 }, .number = { 0.5 } },
        { "elu", .in = { -1 }, .value = 0.5 * expm1(-1), .slope = { 0.5 * exp(-1) }, .number = { 0.5 } },
        { "elu", .in = { -40 }, .value = -0.5, .slope = { 0.5 * exp(-40) }, .number = { 0.5 } },
        { "elu", .in = { -BIG }, .value = -0.5, .slope = { 0 }, .number = { 0.5 } },
        { "elu", .in = { BIG }, .value = BIG, .slope = { 1 }, .number = { 0.5 } },
        { "elu", .in = { INF }, .value = INF, .slope = { 1 }, .number = { 0.5 } },
        { "elu", .in = { -INF }, .value = -0.5, .slope = { 0 }, .number = { 0.5 } },
        { "selu", .in = { 0 }, .value = 0, .slope = { 1.7580993408473766 } },
        { "selu", .in = { -0.0 }, .value = -0.0, .slope = { 1.7580993408473766 } },
        { "selu", .in = { 2 }, .value = 2 * 1.0507009873554805, .slope = { 1.0507009873554805 } },
        { "selu", .in = { -1 }, .value = 1.7580993408473766 * expm1(-1), .slope = { 1.7580993408473766 * exp(-1) } },
        { "selu", .in = { -BIG }, .value = -1.7580993408473766, .slope = { 0 } },
        { "selu", .in = { BIG }, .value = BIG * 1.0507009873554805, .slope = { 1.0507009873554805 } },
        { "selu", .in = { INF }, .value = INF, .slope = { 1.0507009873554805 } },
        { "selu", .in = { -INF }, .value = -1.7580993408473766, .slope = { 0 } },
        { "celu", .in = { 0 }, .value = 0, .slope = { 1 }, .number = { 0.5 } },
        { "celu", .in = { -0.0 }, .value = -0.0, .slope = { 1 }, .number = { 0.5 } },
        { "celu", .in = { -TINY }, .value = -TINY, .slope = { 1 }, .number = { 0.5 } },
        { "celu", .in = { 2 }, .value = 2, .slope = { 1 }, .number = { 0.5 } },
        { "celu", .in = { -1 }, .value = 0.5 * expm1(-2), .slope = { exp(-2) }, .number = { 0.5 } },
        { "celu", .in = { -BIG }, .value = -0.5, .slope = { 0 }, .number = { 0.5 } },
        { "celu", .in = { INF }, .value = INF, .slope = { 1 }, .number = { 0.5 } },
        { "celu", .in = { -INF }, .value = -0.5, .slope = { 0 }, .number = { 0.5 } },
        { "hard_tanh", .in = { 0 }, .value = 0, .slope = { 1 } },
        { "hard_tanh", .in = { -0.0 }, .value = -0.0, .slope = { 1 } },
        { "hard_tanh", .in = { -1 }, .value = -1, .slope = { 0 } },
        { "hard_tanh", .in = { 1 }, .value = 1, .slope = { 0 } },
        { "hard_tanh", .in = { 0.5 }, .value = 0.5, .slope = { 1 } },
        { "hard_tanh", .in = { -INF }, .value = -1, .slope = { 0 } },
        { "hard_tanh", .in = { INF }, .value = 1, .slope = { 0 } },
        { "hard_sigmoid", .in = { 0 }, .value = 0.5, .slope = { 1 / 6.0 } },
        { "hard_sigmoid", .in = { -3 }, .value = 0, .slope = { 0 } },
        { "hard_sigmoid", .in = { 3 }, .value = 1, .slope = { 0 } },
        { "hard_sigmoid", .in = { 1.5 }, .value = 0.75, .slope = { 1 / 6.0 } },
        { "hard_sigmoid", .in = { -INF }, .value = 0, .slope = { 0 } },
        { "hard_sigmoid", .in = { INF }, .value = 1, .slope = { 0 } },
        { "hard_swish", .in = { 0 }, .value = 0, .slope = { 0.5 } },
        { "hard_swish", .in = { -0.0 }, .value = -0.0, .slope = { 0.5 } },
        { "hard_swish", .in = { -3 }, .value = 0, .slope = { 0 } },
        { "hard_swish", .in = { 3 }, .value = 3, .slope = { 1 } },
        { "hard_swish", .in = { 1 }, .value = 4 / 6.0, .slope = { 1 / 3.0 + 0.5 } },
        { "hard_swish", .in = { -1.5 }, .value = -0.375, .slope = { 0 } },
        { "hard_swish", .in = { -BIG }, .value = 0, .slope = { 0 } },
        { "hard_swish", .in = { BIG }, .value = BIG, .slope = { 1 } },
        { "hard_swish", .in = { -INF }, .value = 0, .slope = { 0 } },
        { "hard_swish", .in = { INF }, .value = INF, .slope = { 1 } },
        { "log_sigmoid", .in = { 0 }, .value = -log(2), .slope = { 0.5 } },
        { "log_sigmoid", .in = { 1 }, .value = -log1p(exp(-1)), .slope = { sigmoid(-1) } },
        { "log_sigmoid", .in = { 40 }, .value = -log1p(exp(-40)), .slope = { sigmoid(-40) } },
        { "log_sigmoid", .in = { -40 }, .value = -40, .slope = { 1 } },
        { "log_sigmoid", .in = { -BIG }, .value = -BIG, .slope = { 1 } },
        { "log_sigmoid", .in = { BIG }, .value = 0, .slope = { 0 } },
        { "log_sigmoid", .in = { INF }, .value = 0, .slope = { 0 } },
        { "log_sigmoid", .in = { -INF }, .value = -INF, .slope = { 1 } },
        { "softsign", .in = { 0 }, .value = 0, .slope = { 1 } },
        { "softsign", .in = { -0.0 }, .value = -0.0, .slope = { 1 } },
        { "softsign", .in = { TINY }, .value = TINY, .slope = { 1 } },
        { "softsign", .in = { -3 }, .value = -0.75, .slope = { 1 / 16.0 } },
        { "softsign", .in = { BIG }, .value = BIG / (1 + BIG), .slope = { 1 / ((1 + BIG) * (1 + BIG)) } },
        { "softsign", .in = { INF }, .value = 1, .slope = { 0 } },
        { "softsign", .in = { -INF }, .value = -1, .slope = { 0 } },
        { "silu", .in = { 0 }, .value = 0, .slope = { 0.5 } },
        { "silu", .in = { -0.0 }, .value = -0.0, .slope = { 0.5 } },
        { "silu", .in = { TINY }, .value = 0.5 * TINY, .slope = { 0.5 } },
        { "silu", .in = { 1 }, .value = 1 * sigmoid(1), .slope = { silu_slope(1) } },
        { "silu", .in = { -2 }, .value = -2 * sigmoid(-2), .slope = { silu_slope(-2) }, .condition = 2 },
        { "silu", .in = { -6 }, .value = -6 * sigmoid(-6), .slope = { silu_slope(-6) }, .condition = 2 },
        { "silu", .in = { -40 }, .value = -40 * sigmoid(-40), .slope = { silu_slope(-40) }, .condition = 2 },
        { "silu", .in = { 40 }, .value = 40, .slope = { 1 } },
        { "silu", .in = { BIG }, .value = BIG, .slope = { 1 } },
        { "silu", .in = { -BIG }, .value = -0.0, .slope = { 0 } },
        { "silu", .in = { INF }, .value = INF, .slope = { 1 } },
        { "silu", .in = { -INF }, .value = -0.0, .slope = { 0 } },
        { "mish", .in = { 0 }, .value = 0, .slope = { 0.6 } },
        { "mish", .in = { -0.0 }, .value = -0.0, .slope = { 0.6 } },
        { "mish", .in = { TINY }, .value = 0.6 * TINY, .slope = { 0.6 } },
        { "mish", .in = { 1 }, .value = mish(1), .slope = { mish_slope(1) } },
        { "mish", .in = { -2 }, .value = mish(-2), .slope = { mish_slope(-2) }, .condition = 2 },
        { "mish", .in = { -6 }, .value = mish(-6), .slope = { mish_slope(-6) }, .condition = 2 },
        { "mish", .in = { -40 }, .value = mish(-40), .slope = { mish_slope(-40) }, .condition = 2 },
        { "mish", .in = { 40 }, .value = 40, .slope = { 1 } },
        { "mish", .in = { BIG }, .value = BIG, .slope = { 1 } },
        { "mish", .in = { -BIG }, .value = -0.0, .slope = { 0 } },
        { "mish", .in = { INF }, .value = INF, .slope = { 1 } },
        { "mish", .in = { -INF }, .value = -0.0, .slope = { 0 } },
        { "gelu", .in = { 0 }, .value = 0, .slope = { 0.5 } },
        { "gelu", .in = { -0.0 }, .value = -0.0, .slope = { 0.5 } },
        { "gelu", .in = { TINY }, .value = 0.5 * TINY, .slope = { 0.5 } },
        { "gelu", .in = { 1 }, .value = 1 * erfc(-(1) / sqrt(2)) / 2, .slope = { gelu_slope(1) } },
        { "gelu", .in = { -2 }, .value = -2 * erfc(-(-2) / sqrt(2)) / 2, .slope = { gelu_slope(-2) }, .condition = 8 },
        { "gelu", .in = { -6 }, .value = -6 * erfc(-(-6) / sqrt(2)) / 2, .slope = { gelu_slope(-6) }, .condition = 72 },
        { "gelu", .in = { -8 }, .value = -8 * erfc(-(-8) / sqrt(2)) / 2, .slope = { gelu_slope(-8) }, .condition = 128 },
        { "gelu", .in = { 40 }, .value = 40, .slope = { 1 } },
        { "gelu", .in = { BIG }, .value = BIG, .slope = { 1 } },
        { "gelu", .in = { -BIG }, .value = -0.0, .slope = { 0 } },
        { "gelu", .in = { INF }, .value = INF, .slope = { 1 } },
        { "gelu", .in = { -INF }, .value = -0.0, .slope = { 0 } },
        { "gelu_tanh", .in = { 0 }, .value = 0, .slope = { 0.5 } },
        { "gelu_tanh", .in = { -0.0 }, .value = -0.0, .slope = { 0.5 } },
        { "gelu_tanh", .in = { TINY }, .value = 0.5 * TINY, .slope = { 0.5 } },
        { "gelu_tanh", .in = { 1 }, .value = 1 * sigmoid(twice_u(1)), .slope = { gelu_tanh_slope(1) } },
        { "gelu_tanh", .in = { -2 }, .value = -2 * sigmoid(twice_u(-2)), .slope = { gelu_tanh_slope(-2) }, .condition = 8 },
        { "gelu_tanh", .in = { -6 }, .value = -6 * sigmoid(twice_u(-6)), .slope = { gelu_tanh_slope(-6) }, .condition = 72 },
        { "gelu_tanh", .in = { -8 }, .value = -8 * sigmoid(twice_u(-8)), .slope = { gelu_tanh_slope(-8) }, .condition = 128 },
        { "gelu_tanh", .in = { 40 }, .value = 40, .slope = { 1 } },
        { "gelu_tanh", .in = { BIG }, .value = BIG, .slope = { 1 } },
        { "gelu_tanh", .in = { -BIG }, .value = -0.0, .slope = { 0 } },
        { "gelu_tanh", .in = { INF }, .value = INF, .slope = { 1 } },
        { "gelu_tanh", .in = { -INF }, .value = -0.0, .slope = { 0 } },
        { "gaussian", .in = { 0 }, .value = 1, .slope = { 0 } },
        { "gaussian", .in = { -0.0 }, .value = 1, .slope = { 0 } },
        { "gaussian", .in = { 1 }, .value = exp(-1), .slope = { -2 * exp(-1) } },
        { "gaussian", .in = { -3 }, .value = exp(-9), .slope = { 6 * exp(-9) } },
        { "gaussian", .in = { BIG }, .value = 0, .slope = { 0 } },
        { "gaussian", .in = { -BIG }, .value = 0, .slope = { 0 } },
        { "gaussian", .in = { INF }, .value = 0, .slope = { 0 } },
        { "gaussian", .in = { -INF }, .value = 0, .slope = { 0 } },
        { "clip_factor", .in = { 0 }, .value = 1, .slope = { 0 }, .number = { 2 } },
        { "clip_factor", .in = { 1 }, .value = 1, .slope = { 0 }, .number = { 2 } },
        { "clip_factor", .in = { 4 }, .value = clip(4, 2), .slope = { clip_slope(4, 2) }, .number = { 2 } },
        { "clip_factor", .in = { 16 }, .value = clip(16, 2), .slope = { clip_slope(16, 2) }, .number = { 2 } },
        { "clip_factor", .in = { -1 }, .value = NOT, .value_only = true, .number = { 2 } },
    };
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) call(&points[i], context);
}

/* The factor of axpy is [1,1] whatever the others are, so that its derivative is a sum. */
static bool is_factor(const tg_op *op, int operand) { return is(op, "axpy") && operand == 0; }

static tg_tensor filled(tg_tape *tape, double value, double *data, int64_t rows, int64_t cols) {
    for (int e = 0; e < rows * cols; e++) data[e] = value;
    return tg_input_f64(tape, data, rows, cols);
}

static void compare_point(const char *what, const point *p, double expected, tg_tensor tensor, int type) {
    double got[LARGEST];
    ck_assert_int_eq(tg_read_f64(tensor, got), TG_OK);
    for (int e = 0; e < tg_rows(tensor) * tg_cols(tensor); e++)
        ck_assert_msg(fits_but_for(expected, got[e], type, p->condition), "%s of %s at %g, %g, %g in %s is %.17g, not %.17g", what, p->op,
                      p->in[0], p->in[1], p->in[2], name_of(type), got[e], expected);
}

/* A whole matrix of the same point, because kernels have other loops for what is long. */
static void check_point(const point *p, int type, int64_t rows, int64_t cols) {
    static const char *const slopes[] = { "derivative", "derivative by the second operand", "derivative by the third operand" };
    tg_tape                 *tape     = tape_of(type);
    const tg_op             *op       = tg_op_find(p->op);
    double                   data[3][LARGEST];
    tg_tensor                in[3], g[3];
    for (int k = 0; k < op->arity; k++) {
        const bool whole = !is_factor(op, k);
        in[k]            = filled(tape, p->in[k], data[k], whole ? rows : 1, whole ? cols : 1);
    }
    const tg_tensor y = tg_apply(tape, op, in, op->arity, op->attribute_size > 0 ? p->number : NULL);
    tg_gradients(tg_sum(y), TG_NONE, in, op->arity, g, &(tg_gradients_options){ .allow_unused = true });
    tg_keep(y);
    must_run(tape, g, op->arity);
    compare_point("value", p, p->value, y, type);
    for (int k = 0; k < op->arity && !p->value_only; k++)
        compare_point(slopes[k], p, p->slope[k] * (double)(is_factor(op, k) ? rows * cols : 1), g[k], type);
    tg_tape_free(tape);
}

static void check_point_everywhere(const point *p, void *context) {
    (void)context;
    for (int type = TG_F32; type <= TG_F64; type++) check_point(p, type, 1, 1), check_point(p, type, 3, 5);
}

START_TEST(elementwise_ops_at_special_values) {
    each_point(check_point_everywhere, NULL);
}
END_TEST

/* ---- ops on matrices: one matrix a row, and weights for the sum of the outputs that is differentiated ---- */

enum { FEW = 4 };

typedef struct matrix {
    const char *op;
    int64_t     rows, cols;
    double in[2][FEW];
    int32_t     labels[2];      /* in place of the second operand where that is integer */
    double weight[FEW];
    double value[FEW];
    double slope[2][FEW];
    double      number;         /* attribute of the ops that have one */
    bool        value_only;
} matrix;

typedef void (*visit_matrix)(const matrix *m, void *context);

static void each_matrix(visit_matrix call, void *context) {
    const double two = log(2), three = log(3);
    const matrix      matrices[] = {
        { "transpose", 2, 2, .in = { { 1, NOT, INF, -0.0 } }, .weight = { 1, 2, 3, 4 }, .value = { 1, INF, NOT, -0.0 },
          .slope = { { 1, 3, 2, 4 } } },
        { "sum", 2, 2, .in = { { 1, 2, 3, 4 } }, .weight = { 2 }, .value = { 10 }, .slope = { { 2, 2, 2, 2 } } },
        { "sum", 2, 2, .in = { { 1, INF, 3, 4 } }, .weight = { 1 }, .value = { INF }, .slope = { { 1, 1, 1, 1 } } },
        { "sum", 2, 2, .in = { { 1, INF, -INF, 4 } }, .weight = { 1 }, .value = { NOT }, .slope = { { 1, 1, 1, 1 } } },
        { "sum_rows", 2, 2, .in = { { 1, 2, 3, NOT } }, .weight = { 1, 2 }, .value = { 4, NOT }, .slope = { { 1, 2, 1, 2 } } },
        { "sum_cols", 2, 2, .in = { { 1, 2, -INF, 4 } }, .weight = { 1, 2 }, .value = { 3, -INF }, .slope = { { 1, 1, 2, 2 } } },
        { "mean", 2, 2, .in = { { 1, 2, 3, 6 } }, .weight = { 2 }, .value = { 3 }, .slope = { { 0.5, 0.5, 0.5, 0.5 } } },
        { "mean", 2, 2, .in = { { 1, 2, 3, NOT } }, .weight = { 1 }, .value = { NOT }, .slope = { { 0.25, 0.25, 0.25, 0.25 } } },
        { "mean_rows", 2, 2, .in = { { 1, 2, 3, INF } }, .weight = { 1, 2 }, .value = { 2, INF }, .slope = { { 0.5, 1, 0.5, 1 } } },
        { "mean_cols", 2, 2, .in = { { 1, 2, NOT, 4 } }, .weight = { 1, 2 }, .value = { 1.5, NOT }, .slope = { { 0.5, 0.5, 1, 1 } } },
        { "logsumexp", 1, 3, .in = { { BIG, BIG, -BIG } }, .weight = { 1 }, .value = { BIG + two }, .slope = { { 0.5, 0.5, 0 } } },
        { "logsumexp", 1, 3, .in = { { -BIG, -BIG, -BIG } }, .weight = { 3 }, .value = { -BIG + three }, .slope = { { 1, 1, 1 } } },
        { "logsumexp", 1, 3, .in = { { 0, -INF, 0 } }, .weight = { 1 }, .value = { two }, .slope = { { 0.5, 0, 0.5 } } },
        { "logsumexp", 2, 2, .in = { { -INF, -INF, 1, INF } }, .weight = { 1, 1 }, .value = { -INF, INF }, .value_only = true },
        { "logsumexp", 2, 2, .in = { { NOT, INF, -INF, NOT } }, .weight = { 1, 1 }, .value = { NOT, NOT }, .value_only = true },
        { "glu", 1, 4, .in = { { 3, 5, 0, -BIG } }, .weight = { 1, 2 }, .value = { 1.5, 0 }, .slope = { { 0.5, 0, 0.75, 0 } } },
        { "glu", 2, 2, .in = { { 3, 0, INF, BIG } }, .weight = { 1, 2 }, .value = { 1.5, INF }, .slope = { { 0.5, 0.75, 2, NOT } } },
        { "swiglu", 1, 4, .in = { { 0, -INF, 6, 5 } }, .weight = { 1, 2 }, .value = { 0, -0.0 }, .slope = { { 3, 0, 0, 0 } } },
        { "swiglu", 2, 2, .in = { { BIG, 3, 0, NOT } }, .weight = { 1, 2 }, .value = { 3 * BIG, NOT }, .slope = { { 3, BIG, NOT, 0 } } },
        { "softmax", 1, 3, .in = { { BIG, BIG, -BIG } }, .weight = { 1, 2, 3 }, .value = { 0.5, 0.5, 0 }, .slope = { { -0.25, 0.25, 0 } } },
        { "softmax", 1, 3, .in = { { -BIG, -BIG, -INF } }, .weight = { 1, 2, 3 }, .value = { 0.5, 0.5, 0 }, .slope = { { -0.25, 0.25, 0 } } },
        { "softmax", 2, 2, .in = { { NOT, 1, 0, 0 } }, .weight = { 1, 1, 1, 1 }, .value = { NOT, NOT, 0.5, 0.5 }, .value_only = true },
        { "log_softmax", 1, 3, .in = { { BIG, BIG, -BIG } }, .weight = { 1, 2, 3 }, .value = { -two, -two, -2 * BIG - two },
          .slope = { { -2, -1, 3 } } },
        { "log_softmax", 1, 3, .in = { { 0, -INF, 0 } }, .weight = { 1, 2, 3 }, .value = { -two, -INF, -two }, .slope = { { -2, 2, 0 } } },
        { "log_softmax", 2, 2, .in = { { 1, NOT, BIG, -BIG } }, .weight = { 1, 1, 1, 1 }, .value = { NOT, NOT, 0, -2 * BIG }, .value_only = true },
        { "cross_entropy", 1, 3, .in = { { BIG, -BIG, BIG } }, .labels = { 1 }, .weight = { 1 }, .value = { 2 * BIG + two },
          .slope = { { 0.5, -1, 0.5 } } },
        { "cross_entropy", 1, 3, .in = { { BIG, -BIG, BIG } }, .labels = { 2 }, .weight = { 1 }, .value = { two }, .slope = { { 0.5, 0, -0.5 } } },
        { "cross_entropy", 2, 2, .in = { { BIG, -BIG, -BIG, BIG } }, .labels = { 0, 0 }, .weight = { 2 }, .value = { BIG },
          .slope = { { 0, 0, -1, 1 } } },
        { "cross_entropy", 1, 3, .in = { { -INF, 0, 0 } }, .labels = { 1 }, .weight = { 1 }, .value = { two }, .slope = { { 0, -0.5, 0.5 } } },
        { "cross_entropy", 1, 3, .in = { { -INF, 0, 0 } }, .labels = { 0 }, .weight = { 1 }, .value = { INF }, .slope = { { -1, 0.5, 0.5 } } },
        { "cross_entropy", 1, 2, .in = { { NOT, 0 } }, .labels = { 1 }, .weight = { 1 }, .value = { NOT }, .value_only = true },
        { "cross_entropy_distribution", 1, 3, .in = { { BIG, -BIG, BIG }, { 0.5, 0, 0.5 } }, .weight = { 1 }, .value = { two },
          .slope = { { 0, 0, 0 }, { two, 2 * BIG + two, two } } },
        { "cross_entropy_distribution", 1, 3, .in = { { BIG, -BIG, -BIG }, { 0, 1, 0 } }, .weight = { 1 }, .value = { 2 * BIG },
          .slope = { { 1, -1, 0 }, { 0, 2 * BIG, 2 * BIG } } },
        { "cross_entropy_distribution", 1, 3, .in = { { -INF, 0, 0 }, { 0, 0.5, 0.5 } }, .weight = { 1 }, .value = { two },
          .slope = { { 0, 0, 0 }, { INF, two, two } } },
        { "cross_entropy_distribution", 1, 3, .in = { { -INF, 0, 0 }, { -0.0, 1, 0 } }, .weight = { 1 }, .value = { two },
          .slope = { { 0, -0.5, 0.5 }, { INF, two, two } } },
        { "cross_entropy_distribution", 1, 2, .in = { { 1, 2 }, { NOT, 0 } }, .weight = { 1 }, .value = { NOT }, .value_only = true },
        { "binary_cross_entropy_with_logits", 1, 2, .in = { { BIG, -BIG }, { 1, 0 } }, .weight = { 2 }, .value = { 0 },
          .slope = { { 0, 0 }, { -BIG, BIG } } },
        { "binary_cross_entropy_with_logits", 1, 2, .in = { { BIG, -BIG }, { 0, 1 } }, .weight = { 2 }, .value = { BIG },
          .slope = { { 1, -1 }, { -BIG, BIG } } },
        { "binary_cross_entropy_with_logits", 1, 2, .in = { { 0, -0.0 }, { 0.5, 0.5 } }, .weight = { 2 }, .value = { two },
          .slope = { { 0, 0 }, { 0, 0 } } },
        { "binary_cross_entropy_with_logits", 1, 2, .in = { { -40, -40 }, { 0, 0 } }, .weight = { 2 }, .value = { log1p(exp(-40)) },
          .slope = { { sigmoid(-40), sigmoid(-40) }, { 40, 40 } } },
        { "binary_cross_entropy_with_logits", 1, 2, .in = { { NOT, 0 }, { 0, 0 } }, .weight = { 1 }, .value = { NOT }, .value_only = true },
        { "mse_loss", 1, 2, .in = { { 3, 1 }, { 1, 1 } }, .weight = { 2 }, .value = { 2 }, .slope = { { 4, 0 }, { -4, 0 } } },
        { "mse_loss", 1, 2, .in = { { -INF, 1 }, { 1, 1 } }, .weight = { 2 }, .value = { INF }, .slope = { { -INF, 0 }, { INF, 0 } } },
        { "mse_loss", 1, 2, .in = { { 3, 1 }, { 1, NOT } }, .weight = { 2 }, .value = { NOT }, .slope = { { 4, NOT }, { -4, NOT } } },
        { "max", 2, 2, .in = { { 1, 3, 3, 2 } }, .weight = { 2 }, .value = { 3 }, .slope = { { 0, 1, 1, 0 } } },
        { "max", 2, 2, .in = { { -INF, -INF, -INF, -INF } }, .weight = { 1 }, .value = { -INF }, .slope = { { 0.25, 0.25, 0.25, 0.25 } } },
        { "max", 2, 2, .in = { { 1, NOT, INF, NOT } }, .weight = { 2 }, .value = { NOT }, .slope = { { 0, 1, 0, 1 } } },
        { "max", 2, 2, .in = { { -0.0, -1, -1, 0 } }, .weight = { 2 }, .value = { 0 }, .slope = { { 1, 0, 0, 1 } } },
        { "max", 1, 3, .in = { { 1, INF, -INF } }, .weight = { INF }, .value = { INF }, .slope = { { 0, INF, 0 } } },
        { "max_rows", 2, 2, .in = { { 1, 4, 1, 2 } }, .weight = { 2, 3 }, .value = { 1, 4 }, .slope = { { 1, 3, 1, 0 } } },
        { "max_rows", 2, 2, .in = { { NOT, 1, 2, -INF } }, .weight = { 1, 2 }, .value = { NOT, 1 }, .slope = { { 1, 2, 0, 0 } } },
        { "max_cols", 2, 2, .in = { { 1, 1, -0.0, -1 } }, .weight = { 2, 3 }, .value = { 1, -0.0 }, .slope = { { 1, 1, 3, 0 } } },
        { "max_cols", 2, 2, .in = { { 1, NOT, INF, 1 } }, .weight = { 2, 3 }, .value = { NOT, INF }, .slope = { { 0, 2, 3, 0 } } },
        { "min", 2, 2, .in = { { 3, 1, 1, 2 } }, .weight = { 2 }, .value = { 1 }, .slope = { { 0, 1, 1, 0 } } },
        { "min", 2, 2, .in = { { 1, NOT, -INF, 4 } }, .weight = { 2 }, .value = { NOT }, .slope = { { 0, 2, 0, 0 } } },
        { "min", 1, 3, .in = { { INF, INF, INF } }, .weight = { 3 }, .value = { INF }, .slope = { { 1, 1, 1 } } },
        { "min_rows", 2, 2, .in = { { 1, 4, 1, 2 } }, .weight = { 2, 3 }, .value = { 1, 2 }, .slope = { { 1, 0, 1, 3 } } },
        { "min_cols", 2, 2, .in = { { 1, NOT, -INF, 1 } }, .weight = { 2, 3 }, .value = { NOT, -INF }, .slope = { { 0, 2, 3, 0 } } },
        { "prod", 2, 2, .in = { { 2, 0, 3, 4 } }, .weight = { 1 }, .value = { 0 }, .slope = { { 0, 24, 0, 0 } } },
        { "prod", 2, 2, .in = { { 0, 0, 3, 4 } }, .weight = { 1 }, .value = { 0 }, .slope = { { 0, 0, 0, 0 } } },
        { "prod", 2, 2, .in = { { 1, INF, 2, 1 } }, .weight = { 1 }, .value = { INF }, .slope = { { INF, 2, INF, INF } } },
        { "prod", 2, 2, .in = { { 0, INF, 1, 1 } }, .weight = { 1 }, .value = { NOT }, .slope = { { INF, 0, NOT, NOT } } },
        { "prod", 1, 3, .in = { { 2, 3, 4 } }, .weight = { 1 }, .value = { 24 }, .slope = { { 12, 8, 6 } } },
        { "prod_rows", 2, 2, .in = { { 2, 0, 3, -1 } }, .weight = { 1, 2 }, .value = { 6, -0.0 }, .slope = { { 3, -2, 2, 0 } } },
        { "prod_cols", 2, 2, .in = { { 2, 5, 0, 0 } }, .weight = { 1, 1 }, .value = { 10, 0 }, .slope = { { 5, 2, 0, 0 } } },
        { "prod_cols", 2, 2, .in = { { 2, NOT, 3, 1 } }, .weight = { 1, 1 }, .value = { NOT, 3 }, .slope = { { NOT, 2, 1, 3 } } },
        { "var", 2, 2, .in = { { 1, 2, 3, 6 } }, .weight = { 3 }, .value = { 14 / 3.0 }, .slope = { { -4, -2, 0, 6 } }, .number = 1 },
        { "var", 2, 2, .in = { { 1, 2, 3, 6 } }, .weight = { 2 }, .value = { 3.5 }, .slope = { { -2, -1, 0, 3 } }, .number = 0 },
        { "var", 2, 2, .in = { { 5, 5, 5, 5 } }, .weight = { 2 }, .value = { 0 }, .slope = { { 0, 0, 0, 0 } }, .number = 1 },
        { "var", 2, 2, .in = { { 1, 2, 3, NOT } }, .weight = { 1 }, .value = { NOT }, .number = 1, .value_only = true },
        { "var", 1, 1, .in = { { 5 } }, .weight = { 1 }, .value = { NOT }, .number = 1, .value_only = true },
        { "var", 1, 2, .in = { { 5, 7 } }, .weight = { 1 }, .value = { INF }, .number = 3, .value_only = true },
        { "var_rows", 2, 2, .in = { { 1, 2, 3, 2 } }, .weight = { 1, 1 }, .value = { 1, 0 }, .slope = { { -1, 0, 1, 0 } }, .number = 0 },
        { "var_rows", 2, 2, .in = { { INF, 1, 1, 3 } }, .weight = { 1, 1 }, .value = { NOT, 2 }, .number = 1, .value_only = true },
        { "var_cols", 2, 2, .in = { { 1, 3, 5, 5 } }, .weight = { 2, 1 }, .value = { 2, 0 }, .slope = { { -4, 4, 0, 0 } }, .number = 1 },
        { "var_cols", 2, 2, .in = { { BIG, BIG + 2, NOT, 0 } }, .weight = { 1, 1 }, .value = { 1, NOT }, .number = 0, .value_only = true },
        { "norm", 2, 2, .in = { { 3, 4, 0, 0 } }, .weight = { 5 }, .value = { 5 }, .slope = { { 3, 4, 0, 0 } } },
        { "norm", 2, 2, .in = { { 0, -0.0, 0, 0 } }, .weight = { 5 }, .value = { 0 }, .slope = { { 0, 0, 0, 0 } } },
        { "norm", 1, 2, .in = { { 3 * 0x1p100, -4 * 0x1p100 } }, .weight = { 5 }, .value = { 5 * 0x1p100 }, .slope = { { 3, -4 } } },
        { "norm", 1, 2, .in = { { 3 * TINY, 4 * TINY } }, .weight = { 5 }, .value = { 5 * TINY }, .slope = { { 3, 4 } } },
        { "norm", 1, 2, .in = { { -INF, 1 } }, .weight = { 1 }, .value = { INF }, .value_only = true },
        { "norm", 1, 2, .in = { { INF, NOT } }, .weight = { 1 }, .value = { NOT }, .value_only = true },
        { "norm_rows", 2, 2, .in = { { 3, 0, 4, 0 } }, .weight = { 5, 1 }, .value = { 5, 0 }, .slope = { { 3, 0, 4, 0 } } },
        { "norm_rows", 2, 2, .in = { { 3 * 0x1p100, -INF, 4 * 0x1p100, 1 } }, .weight = { 5, 1 }, .value = { 5 * 0x1p100, INF }, .value_only = true },
        { "norm_cols", 2, 2, .in = { { 0, -0.0, -3, 4 } }, .weight = { 1, 5 }, .value = { 0, 5 }, .slope = { { 0, 0, -3, 4 } } },
        { "diagonal", 2, 2, .in = { { 1, NOT, INF, -0.0 } }, .weight = { 2, 3 }, .value = { 1, -0.0 }, .slope = { { 2, 0, 0, 3 } } },
        { "diag_embed", 1, 2, .in = { { NOT, -0.0 } }, .weight = { 1, 2, 3, 4 }, .value = { NOT, 0, 0, -0.0 }, .slope = { { 1, 4 } } },
        { "layer_norm", 1, 3, .in = { { 0, 3, 0 } }, .weight = { 4, 0, 2 }, .value = { -0.5, 1, -0.5 }, .slope = { { 0.75, -0.5, -0.25 } },
          .number = 2 },
        { "layer_norm", 1, 3, .in = { { 5, 5, 5 } }, .weight = { 1, 2, 3 }, .value = { 0, 0, 0 }, .slope = { { -1, 0, 1 } }, .number = 1 },
        { "layer_norm", 2, 2, .in = { { NOT, 1, 1, 3 } }, .weight = { 1, 1, 1, 1 }, .value = { NOT, NOT, -1, 1 }, .value_only = true },
        { "rms_norm", 1, 2, .in = { { 1, 7 } }, .weight = { 10, 0 }, .value = { 0.2, 1.4 }, .slope = { { 1.96, -0.28 } } },
        { "rms_norm", 1, 2, .in = { { 0, -0.0 } }, .weight = { 1, 2 }, .value = { 0, -0.0 }, .slope = { { 1, 2 } }, .number = 1 },
        { "rms_norm", 2, 2, .in = { { NOT, 1, 0, 0 } }, .weight = { 1, 1, 1, 1 }, .value = { NOT, NOT, NOT, NOT }, .value_only = true },
        { "batch_norm", 3, 1, .in = { { 0, 3, 0 } }, .weight = { 4, 0, 2 }, .value = { -0.5, 1, -0.5 }, .slope = { { 0.75, -0.5, -0.25 } },
          .number = 2 },
        { "batch_norm", 2, 2, .in = { { NOT, 5, 1, 5 } }, .weight = { 1, 1, 1, 1 }, .value = { NOT, 0, NOT, 0 }, .number = 1, .value_only = true },
    };
    for (size_t i = 0; i < sizeof matrices / sizeof matrices[0]; i++) call(&matrices[i], context);
}

static void compare_matrix(const char *what, const matrix *m, const double *expected, tg_tensor tensor, int type) {
    double got[FEW];
    ck_assert_int_eq(tg_read_f64(tensor, got), TG_OK);
    for (int e = 0; e < tg_rows(tensor) * tg_cols(tensor); e++)
        ck_assert_msg(fits(expected[e], got[e], type), "%s of %s of (%g, %g, %g, %g) in %s: element %d is %.17g, not %.17g", what, m->op,
                      m->in[0][0], m->in[0][1], m->in[0][2], m->in[0][3], name_of(type), e, got[e], expected[e]);
}

static void check_matrix(const matrix *m, int type) {
    tg_tape     *tape   = tape_of(type);
    const tg_op *op     = tg_op_find(m->op);
    const bool   labels = is(op, "cross_entropy");
    const int    wanted = labels ? 1 : op->arity;
    tg_tensor    in[2], g[2];
    for (int k = 0; k < op->arity; k++)
        in[k] = k == 1 && labels ? tg_labels(tape, m->labels, m->rows) : tg_input_f64(tape, m->in[k], m->rows, m->cols);
    const tg_tensor y = tg_apply(tape, op, in, op->arity, op->attribute_size > 0 ? &m->number : NULL);
    tg_gradients(y, tg_input_f64(tape, m->weight, tg_rows(y), tg_cols(y)), in, wanted, g, NULL);
    tg_keep(y);
    must_run(tape, g, wanted);
    compare_matrix("value", m, m->value, y, type);
    for (int k = 0; k < wanted && !m->value_only; k++) compare_matrix(k == 0 ? "derivative" : "derivative by the target", m, m->slope[k], g[k], type);
    tg_tape_free(tape);
}

static void check_matrix_in_both_types(const matrix *m, void *context) {
    (void)context;
    for (int type = TG_F32; type <= TG_F64; type++) check_matrix(m, type);
}

START_TEST(ops_on_matrices_at_special_values) {
    each_matrix(check_matrix_in_both_types, NULL);
}
END_TEST

/* ---- no op is forgotten ---- */

/* Ops with attributes or operands of their own kind have tests of their own below. */
static const char *const elsewhere[] = { "matmul", "broadcast_to", "sum_to", "view", "concat", "one_hot", "stop", "assign", "bernoulli", "uniform",
                                         "normal", "argmax", "argmin", "slice_cols", "pad_cols", "concat_cols", "gather_rows", "scatter_rows" };

typedef struct { const char *name; bool found; } quest;

static void look_at_point(const point *p, void *context) {
    quest *q = context;
    q->found = q->found || strcmp(p->op, q->name) == 0;
}

static void look_at_matrix(const matrix *m, void *context) {
    quest *q = context;
    q->found = q->found || strcmp(m->op, q->name) == 0;
}

START_TEST(every_registered_op_has_a_row) {
    for (int i = 0; i < tg_op_count(); i++) {
        quest q = { .name = tg_op_at(i)->name };
        each_point(look_at_point, &q);
        each_matrix(look_at_matrix, &q);
        for (size_t k = 0; k < sizeof elsewhere / sizeof elsewhere[0]; k++) q.found = q.found || strcmp(elsewhere[k], q.name) == 0;
        ck_assert_msg(q.found, "the op %s has no row of special values in %s", q.name, __FILE__);
    }
}
END_TEST

/* ---- NaN ---- */

/* A comparison answers yes or no, and a choice looks at one side only; everything else that computes lets a NaN through from any operand. */
static bool hides_nan(const tg_op *op) {
    const bool compares = op->arity == 2 && (op->flags & TG_OP_STOP), chooses = is(op, "select") || is(op, "prelu") || is(op, "same");
    return compares || chooses || !(op->flags & TG_OP_ELEMENTWISE) || op->arity < 1;
}

static void check_nan(const tg_op *op, int operand, int type) {
    tg_tape     *tape     = tape_of(type);
    const double ordinary = 0.5, none = NAN;
    struct { double number; int64_t more[2]; } attributes = { .number = 0.75 };
    if (is(op, "broadcast_to")) memcpy(&attributes, (const int64_t[]){ 1, 1 }, 2 * sizeof(int64_t));
    tg_tensor in[3];
    for (int k = 0; k < op->arity; k++) in[k] = tg_scalar_input(tape, k == operand ? &none : &ordinary);
    const tg_tensor y = tg_apply(tape, op, in, op->arity, &attributes);
    must_run(tape, &y, 1);
    ck_assert_msg(isnan(tg_item(y)), "%s in %s makes %g of a NaN in operand %d", op->name, name_of(type), tg_item(y), operand);
    tg_tape_free(tape);
}

START_TEST(a_nan_goes_through_elementwise_arithmetic) {
    for (int i = 0; i < tg_op_count(); i++) {
        const tg_op *op = tg_op_at(i);
        if (hides_nan(op) || is(op, "assign")) continue;
        for (int k = 0; k < op->arity; k++)
            for (int type = TG_F32; type <= TG_F64; type++) check_nan(op, k, type);
    }
}
END_TEST

/* ---- ties ---- */

START_TEST(the_maximum_of_a_tensor_and_itself_has_derivative_one) {
    const double x[3] = { -1, 0, INFINITY };
    for (int type = TG_F32; type <= TG_F64; type++) {
        tg_tape        *tape = tape_of(type);
        double          value[3], slope[3];
        const tg_tensor a = tg_input_f64(tape, x, 1, 3), y = tg_maximum(a, a), g = tg_grad(tg_sum(y), a);
        must_run(tape, (const tg_tensor[]){ y, g }, 2);
        ck_assert_int_eq(tg_read_f64(y, value), TG_OK);
        ck_assert_int_eq(tg_read_f64(g, slope), TG_OK);
        for (int e = 0; e < 3; e++) ck_assert(value[e] == x[e] && slope[e] == 1);
        tg_tape_free(tape);
    }
}
END_TEST

/* ---- higher derivatives where the first one is constant, or tends to be ---- */

/* d^order y / dx^order at x, of an op of one operand. */
static double derivative(tg_tape *tape, const tg_op *op, double x, double number, int order) {
    const double numbers[2] = { number, 2 };
    tg_begin(tape, NULL);
    const tg_tensor in = tg_scalar_input(tape, &x);
    tg_tensor       y  = tg_apply(tape, op, &in, 1, numbers);
    for (int k = 0; k < order; k++) {
        tg_tensor g;
        tg_gradients(y, TG_NONE, &in, 1, &g, &(tg_gradients_options){ .allow_unused = true });
        y = g;
    }
    must_run(tape, &y, 1);
    return tg_item(y);
}

START_TEST(activations_have_no_curvature_far_out) {
    static const char *const names[] = { "erf", "erfc", "abs", "clamp", "threshold", "relu", "relu6", "leaky_relu", "elu", "selu", "celu",
                                         "hard_tanh", "hard_sigmoid", "hard_swish", "sigmoid", "tanh", "softplus", "log_sigmoid", "softsign", "silu",
                                         "mish", "gaussian", "gelu", "gelu_tanh" };
    const double far[] = { BIG, -BIG, 1e30, -1e30, INF, -INF };
    for (int type = TG_F32; type <= TG_F64; type++) {
        tg_tape *tape = tape_of(type);
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            for (size_t k = 0; k < sizeof far / sizeof far[0]; k++)
                for (int order = 2; order <= 3; order++) {
                    const double d = derivative(tape, tg_op_find(names[i]), far[k], 0.5, order);
                    ck_assert_msg(fabs(d) <= 1e-11, "derivative %d of %s at %g in %s is %g", order, names[i], far[k], name_of(type), d);
                }
        tg_tape_free(tape);
    }
}
END_TEST

static void check_power(tg_tape *tape, double x, double exponent, int order, double expected) {
    const double    one = 1;
    const double    d = derivative(tape, tg_op_find("pow_scalar"), x, exponent, order);
    const tg_tensor in = tg_scalar_input(tape, &x);
    tg_tensor       y = tg_pow(in, tg_mul(tg_constant(tape, exponent), tg_scalar_input(tape, &one)));
    for (int k = 0; k < order; k++) y = tg_grad(y, in);
    must_run(tape, &y, 1);
    ck_assert_msg(fits(expected, d, TG_F32), "derivative %d of %g^%g is %g, not %g", order, x, exponent, d, expected);
    ck_assert_msg(fits(expected, tg_item(y), TG_F32), "derivative %d of %g^%g, of two operands, is %g, not %g", order, x, exponent, tg_item(y),
                  expected);
}

START_TEST(powers_are_polynomials_at_zero) {
    for (int type = TG_F32; type <= TG_F64; type++) {
        tg_tape *tape = tape_of(type);
        for (int sign = 0; sign < 2; sign++) {
            const double zero = sign == 0 ? 0 : -0.0;
            check_power(tape, zero, 0, 2, 0), check_power(tape, zero, 1, 2, 0), check_power(tape, zero, 1, 3, 0);
            check_power(tape, zero, 2, 2, 2), check_power(tape, zero, 2, 3, 0), check_power(tape, zero, 3, 3, 6), check_power(tape, zero, 3, 2, 0);
            check_power(tape, zero, 2.5, 2, 0), check_power(tape, 2, -1, 2, 0.25), check_power(tape, -2, 3, 2, -12);
        }
        tg_tape_free(tape);
    }
}
END_TEST

/* d^2 x^y / dx dy = x^(y - 1) (1 + y ln x), also for y = 0. */
START_TEST(powers_have_mixed_derivatives) {
    const double x = 2, exponents[] = { 0, 1, -1.5 };
    tg_tape     *tape = tape_of(TG_F64);
    for (int k = 0; k < 3; k++) {
        tg_begin(tape, NULL);
        const tg_tensor base = tg_scalar_input(tape, &x), exponent = tg_scalar_input(tape, &exponents[k]), y = tg_pow(base, exponent);
        const tg_tensor by_both[] = { tg_grad(tg_grad(y, base), exponent), tg_grad(tg_grad(y, exponent), base) };
        must_run(tape, by_both, 2);
        for (int i = 0; i < 2; i++) ck_assert_double_eq_tol(tg_item(by_both[i]), pow(x, exponents[k] - 1) * (1 + exponents[k] * log(x)), 1e-15);
    }
    tg_tape_free(tape);
}
END_TEST

/* What a choice has not taken may have any slope. */
START_TEST(an_infinite_cotangent_does_not_pass_a_flat_piece) {
    static const char *const flat[] = { "abs", "relu", "relu6", "clamp", "hard_tanh", "hard_sigmoid", "hard_swish", "threshold" };
    static const double      at[]   = { 0, -1, -1, -1, -2, -4, -4, -1 };
    const double             none   = 0;
    for (int type = TG_F32; type <= TG_F64; type++) {
        tg_tape *tape = tape_of(type);
        for (size_t i = 0; i < sizeof flat / sizeof flat[0]; i++) {
            tg_begin(tape, NULL);
            const double    numbers[2] = { 0.5, 2 };
            const tg_tensor x = tg_scalar_input(tape, &at[i]), y = tg_apply(tape, tg_op_find(flat[i]), &x, 1, numbers);
            tg_tensor       g;
            tg_gradients(y, tg_div(tg_constant(tape, 1), tg_scalar_input(tape, &none)), &x, 1, &g, NULL);
            must_run(tape, &g, 1);
            ck_assert_msg(tg_item(g) == 0, "%s: %g", flat[i], tg_item(g));
        }
        tg_tape_free(tape);
    }
}
END_TEST

/* prelu does not depend on its slope where x > 0, however large the cotangent. */
START_TEST(an_infinite_cotangent_does_not_pass_an_unused_slope) {
    const double x = 2, slope = 0.25, infinite = (double)INFINITY;
    for (int type = TG_F32; type <= TG_F64; type++) {
        tg_tape        *tape = tape_of(type);
        const tg_tensor a = tg_scalar_input(tape, &slope), y = tg_prelu(tg_scalar_input(tape, &x), a);
        tg_tensor       g;
        tg_gradients(y, tg_scalar_input(tape, &infinite), &a, 1, &g, NULL);
        must_run(tape, &g, 1);
        ck_assert_double_eq(tg_item(g), 0);
        tg_tape_free(tape);
    }
}
END_TEST

/* ---- defaults ---- */

START_TEST(numbers_have_defaults) {
    const double x = -2;
    const struct { const char *op; double value; } expected[] = { { "leaky_relu", -0.02 }, { "elu", expm1(-2) }, { "celu", expm1(-2) } };
    tg_tape     *tape = tape_of(TG_F64);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const tg_tensor in = tg_scalar_input(tape, &x), y = tg_apply(tape, tg_op_find(expected[i].op), &in, 1, NULL);
        must_run(tape, &y, 1);
        ck_assert(fits(expected[i].value, tg_item(y), TG_F64));
    }
    const tg_tensor in = tg_scalar_input(tape, &x);
    tg_apply(tape, tg_op_find("clamp"), &in, 1, NULL);      /* has none */
    ck_assert_int_eq(tg_tape_status(tape), TG_NULL_ARGUMENT);
    tg_begin(tape, NULL);
    tg_celu(tg_scalar_input(tape, &x), 0);
    ck_assert_int_eq(tg_tape_status(tape), TG_BAD_ARGUMENT);
    tg_begin(tape, NULL);
    tg_glu(tg_broadcast_to(tg_scalar_input(tape, &x), 2, 3));
    ck_assert_int_eq(tg_tape_status(tape), TG_SHAPE_MISMATCH);
    tg_tape_free(tape);
}
END_TEST

START_TEST(an_extreme_shares_its_derivative_also_with_the_same_tensor) {
    const double x[4] = { 1, 3, 3, -2 }, expected[4] = { 0, 0.5, 0.5, 0 };
    for (int type = TG_F32; type <= TG_F64; type++)
        for (int k = 0; k < 3; k++) {
            tg_tape        *tape = tape_of(type);
            double          slope[4];
            const tg_tensor a = tg_input_f64(tape, x, 1, 4), twice[2] = { a, a };
            const tg_tensor y = k == 0 ? tg_max(tg_concat(twice, 2)) : k == 1 ? tg_max_cols(tg_concat_cols(twice, 2))
                                                                           : tg_neg(tg_min_cols(tg_neg(tg_concat_cols(twice, 2))));
            const tg_tensor g = tg_grad(y, a);
            must_run(tape, (const tg_tensor[]){ y, g }, 2);
            ck_assert_int_eq(tg_read_f64(g, slope), TG_OK);
            ck_assert_double_eq(tg_item(y), 3);
            for (int e = 0; e < 4; e++) ck_assert_double_eq(slope[e], expected[e]);
            tg_tape_free(tape);
        }
}
END_TEST

/* Longer than the lanes, with the extreme at each place once. */
START_TEST(an_extreme_is_found_wherever_it_stands) {
    enum { LONG = 131 };      /* several times all lanes, and some */
    double x[LONG];
    for (int type = TG_F32; type <= TG_F64; type++)
        for (int count = 1; count <= LONG; count += 13)
            for (int at = 0; at < count; at++) {
                tg_tape *tape = tape_of(type);
                for (int e = 0; e < count; e++) x[e] = e == at ? 9 : e % 7;
                const tg_tensor row = tg_input_f64(tape, x, 1, count), column = tg_reshape(row, -1, 1);
                tg_tensor       y[8] = { tg_max(row), tg_max_cols(row), tg_max_rows(column), tg_neg(tg_min(tg_neg(row))),
                                         tg_neg(tg_min_cols(tg_neg(row))), tg_neg(tg_min_rows(tg_neg(column))), tg_argmax(row),
                                         tg_argmin(tg_neg(row)) };
                int32_t         place;
                must_run(tape, y, 8);
                for (int k = 0; k < 6; k++) ck_assert_double_eq(tg_item(y[k]), 9);
                for (int k = 6; k < 8; k++) {
                    ck_assert_int_eq(tg_read_i32(y[k], &place), TG_OK);
                    ck_assert_int_eq(place, at);
                }
                tg_tape_free(tape);
            }
}
END_TEST

static void check_places(tg_tensor y, const int32_t *expected, const char *what) {
    int32_t got[4];
    must_run(y.tape, &y, 1);
    ck_assert(tg_shape_of(y).integer && tg_cols(y) == 1);
    ck_assert_int_eq(tg_read_i32(y, got), TG_OK);
    for (int i = 0; i < tg_rows(y); i++) ck_assert_msg(got[i] == expected[i], "%s: row %d is %d, not %d", what, i, got[i], expected[i]);
}

/* The first of equal ones, the first NaN; as labels, and without a derivative. */
START_TEST(places_of_extremes_are_labels) {
    const double x[12] = { 1, 3, 3, NAN, 5, NAN, -INFINITY, -INFINITY, -INFINITY, 0, -0.0, -1 };
    for (int type = TG_F32; type <= TG_F64; type++) {
        tg_tape        *tape = tape_of(type);
        const tg_tensor a    = tg_input_f64(tape, x, 4, 3);
        check_places(tg_argmax(a), (const int32_t[]){ 1, 0, 0, 0 }, "argmax");
        check_places(tg_argmin(a), (const int32_t[]){ 0, 0, 0, 2 }, "argmin");
        const tg_tensor row = tg_slice_rows(a, 3, 4);
        const tg_tensor y   = tg_sum(tg_mul(tg_one_hot(tg_argmax(row), 3), row)), g = tg_grad(tg_sum(tg_one_hot(tg_argmax(row), 3)), a);
        ck_assert_int_eq(tg_run_many((const tg_tensor[]){ y, g, tg_cross_entropy(row, tg_argmax(row)) }, 3), TG_OK);
        ck_assert_double_eq(tg_item(y), 0);
        tg_grad(tg_argmax(row), a);
        ck_assert_int_eq(tg_tape_status(tape), TG_TYPE_MISMATCH);
        tg_tape_free(tape);
    }
}
END_TEST

/* Far beyond where squares overflow and vanish, in double, and along rows longer than the lanes. */
START_TEST(norms_overflow_only_where_they_must) {
    enum { LONG = 75 };
    double x[LONG];
    for (int k = 0; k < 3; k++) {
        const double    unit = k == 0 ? 1e300 : k == 1 ? 1e-300 : 1;
        tg_tape        *tape = tape_of(TG_F64);
        for (int e = 0; e < LONG; e++) x[e] = unit * (e % 2 == 0 ? 1 : -1);
        const tg_tensor row = tg_input_f64(tape, x, 1, LONG), column = tg_reshape(row, LONG, 1);
        const tg_tensor y[] = { tg_norm(row), tg_norm_cols(row), tg_norm_rows(column) };
        must_run(tape, y, 3);
        for (int j = 0; j < 3; j++) ck_assert_double_le(fabs(tg_item(y[j]) / (unit * sqrt(LONG)) - 1), 1e-15);
        tg_tape_free(tape);
    }
}
END_TEST

/* Of any number of factors, however it halves: as rows, as columns and as all elements. */
START_TEST(products_of_any_number_of_factors) {
    const double x[13] = { 2, 3, 5, 7, -1, 0.5, 4, 3, 0.25, 9, -2, 5, 0.125 };
    for (int count = 1; count <= 13; count++) {
        tg_tape        *tape = tape_of(TG_F64);
        double          product = 1;
        const tg_tensor row = tg_input_f64(tape, x, 1, count), y[] = { tg_prod(row), tg_prod_cols(row), tg_prod_rows(tg_reshape(row, -1, 1)) };
        for (int k = 0; k < count; k++) product *= x[k];
        must_run(tape, y, 3);
        for (int k = 0; k < 3; k++) ck_assert_double_eq(tg_item(y[k]), product);
        tg_tape_free(tape);
    }
}
END_TEST

/* Of more columns than are taken at once, each of two elements 3 z and 4 z, also where their squares overflow. */
START_TEST(norms_of_many_columns) {
    enum { WIDE = 150 };
    const double huge[2] = { 1e30, 1e300 };
    double       x[2 * WIDE], y[WIDE];
    for (int type = TG_F32; type <= TG_F64; type++)
        for (int is_huge = 0; is_huge < 2; is_huge++) {
            const double unit = is_huge ? huge[type == TG_F64] : 1;
            for (int j = 0; j < WIDE; j++) x[j] = 3 * (j - 70) * unit, x[WIDE + j] = 4 * (j - 70) * unit;
            tg_tape        *tape = tape_of(type);
            const tg_tensor norm = tg_norm_rows(tg_input_f64(tape, x, 2, WIDE));
            must_run(tape, &norm, 1);
            ck_assert_int_eq(tg_read_f64(norm, y), TG_OK);
            for (int j = 0; j < WIDE; j++) ck_assert(fits(abs(5 * (j - 70)), y[j] / unit, type));
            tg_tape_free(tape);
        }
}
END_TEST

/* The second derivative along v of the norm at zero: 0, not NaN. */
START_TEST(a_norm_at_zero_has_no_derivative_of_any_order) {
    const double x[3] = { 0 };
    double       second[3];
    tg_tape     *tape = tape_of(TG_F64);
    const tg_tensor a = tg_input_f64(tape, x, 1, 3), g = tg_grad(tg_norm(a), a), gg = tg_grad(tg_sum(g), a);
    must_run(tape, &gg, 1);
    ck_assert_int_eq(tg_read_f64(gg, second), TG_OK);
    for (int e = 0; e < 3; e++) ck_assert_double_eq(second[e], 0);
    tg_tape_free(tape);
}
END_TEST

/* ---- ops that move values: what is special arrives as it is ---- */

static const double special[6] = { NAN, INFINITY, -INFINITY, -0.0, 0, 7 };

static void same_values(const double *got, const double *expected, int count, const char *what) {
    for (int e = 0; e < count; e++)
        ck_assert_msg((isnan(expected[e]) && isnan(got[e])) || (got[e] == expected[e] && signbit(got[e]) == signbit(expected[e])),
                      "%s: element %d is %g, not %g", what, e, got[e], expected[e]);
}

static void check_moved(tg_tensor y, const double *expected, const char *what) {
    double got[12];
    must_run(y.tape, &y, 1);
    ck_assert_int_eq(tg_read_f64(y, got), TG_OK);
    same_values(got, expected, (int)(tg_rows(y) * tg_cols(y)), what);
}

static void check_moves(tg_tape *tape) {
    const double    twice[12] = { NAN, INFINITY, -INFINITY, -0.0, 0, 7, NAN, INFINITY, -INFINITY, -0.0, 0, 7 };
    const tg_tensor x = tg_input_f64(tape, special, 1, 6);
    check_moved(tg_broadcast_to(x, 2, 6), twice, "broadcast_to");
    check_moved(tg_concat((const tg_tensor[]){ x, x }, 2), twice, "concat");
    check_moved(tg_view(x, 1, 2, 2), special + 1, "view");
    check_moved(tg_stop(x), special, "stop");
    check_moved(tg_sum_to(x, 1, 6), special, "sum_to of its own shape");
    const int32_t   places[4] = { 1, 0, 1, 1 };
    const tg_tensor m = tg_reshape(x, 2, -1), at = tg_labels(tape, places, 4);      /* [2, 3]: NaN inf -inf, -0 0 7 */
    check_moved(m, special, "reshape");
    check_moved(tg_reshape(tg_transpose(m), -1, 6), (const double[]){ NAN, -0.0, INFINITY, 0, -INFINITY, 7 }, "reshape of a transpose");
    check_moved(tg_slice_rows(m, 1, 2), special + 3, "slice_rows");
    check_moved(tg_slice_cols(m, 1, 3), (const double[]){ INFINITY, -INFINITY, 0, 7 }, "slice_cols");
    check_moved(tg_slice_cols(x, 1, 3), special + 1, "slice_cols of a row");
    check_moved(tg_slice_cols(m, 0, 3), special, "slice_cols of all");
    check_moved(tg_pad_cols(tg_slice_cols(m, 0, 1), 1, 2), (const double[]){ 0, NAN, 0, 0, 0, -0.0, 0, 0 }, "pad_cols");
    check_moved(tg_concat_rows((const tg_tensor[]){ m, m }, 2), twice, "concat_rows");
    check_moved(tg_concat_cols((const tg_tensor[]){ tg_slice_cols(m, 2, 3), m, tg_slice_cols(m, 0, 0) }, 3),
                (const double[]){ -INFINITY, NAN, INFINITY, -INFINITY, 7, -0.0, 0, 7 }, "concat_cols");
    check_moved(tg_concat_cols((const tg_tensor[]){ x, x }, 2), twice, "concat_cols of rows");
    check_moved(tg_repeat_rows(m, 2), twice, "repeat_rows");
    check_moved(tg_repeat_cols(m, 2), (const double[]){ NAN, INFINITY, -INFINITY, NAN, INFINITY, -INFINITY, -0.0, 0, 7, -0.0, 0, 7 }, "repeat_cols");
    check_moved(tg_repeat_cols(x, 2), twice, "repeat_cols of a row");
    check_moved(tg_repeat_cols(tg_slice_cols(m, 2, 3), 3), (const double[]){ -INFINITY, -INFINITY, -INFINITY, 7, 7, 7 }, "repeat_cols of a column");
    check_moved(tg_gather_rows(tg_slice_cols(m, 0, 2), at), (const double[]){ -0.0, 0, NAN, INFINITY, -0.0, 0, -0.0, 0 }, "gather_rows");
    check_moved(tg_scatter_rows(tg_reshape(x, 6, 1), tg_labels(tape, (const int32_t[]){ 3, 1, 1, 0, 0, 0 }, 6), 4),
                (const double[]){ 7, NAN, 0, NAN }, "scatter_rows");
    check_moved(tg_diagonal(tg_slice_cols(m, 1, 3)), (const double[]){ INFINITY, 7 }, "diagonal");
    check_moved(tg_outer(tg_view(x, 5, 1, 1), x), (const double[]){ NAN, INFINITY, -INFINITY, -0.0, 0, 49 }, "outer");
}

/* Whatever x holds, the derivative is the cotangent in its places: 2 for each element that is used, 0 elsewhere. */
static void check_moved_back(tg_tensor y, tg_tensor x, const double *expected, const char *what) {
    const tg_tensor ones = tg_broadcast_to(tg_constant(y.tape, 2), tg_rows(y), tg_cols(y));
    tg_tensor       g;
    tg_gradients(y, ones, &x, 1, &g, NULL);
    check_moved(g, expected, what);
}

static void check_moves_back(tg_tape *tape) {
    const tg_tensor x = tg_input_f64(tape, special, 1, 6);
    check_moved_back(tg_broadcast_to(x, 2, 6), x, (const double[]){ 4, 4, 4, 4, 4, 4 }, "derivative of broadcast_to");
    check_moved_back(tg_concat((const tg_tensor[]){ x, x }, 2), x, (const double[]){ 4, 4, 4, 4, 4, 4 }, "derivative of concat");
    check_moved_back(tg_view(x, 1, 2, 2), x, (const double[]){ 0, 2, 2, 2, 2, 0 }, "derivative of view");
    check_moved_back(tg_stop(x), x, (const double[]){ 0, 0, 0, 0, 0, 0 }, "derivative of stop");
    check_moved_back(tg_sum_to(x, 1, 1), x, (const double[]){ 2, 2, 2, 2, 2, 2 }, "derivative of sum_to");
    const int32_t   places[4] = { 1, 0, 1, 1 };
    const tg_tensor m = tg_reshape(x, 2, 3), parts[2] = { m, tg_slice_cols(m, 1, 2) };
    check_moved_back(tg_slice_rows(m, 1, 2), x, (const double[]){ 0, 0, 0, 2, 2, 2 }, "derivative of slice_rows");
    check_moved_back(tg_slice_cols(m, 1, 3), x, (const double[]){ 0, 2, 2, 0, 2, 2 }, "derivative of slice_cols");
    check_moved_back(tg_pad_cols(m, 1, 1), x, (const double[]){ 2, 2, 2, 2, 2, 2 }, "derivative of pad_cols");
    check_moved_back(tg_concat_cols(parts, 2), x, (const double[]){ 2, 4, 2, 2, 4, 2 }, "derivative of concat_cols");
    check_moved_back(tg_concat_rows((const tg_tensor[]){ m, m }, 2), x, (const double[]){ 4, 4, 4, 4, 4, 4 }, "derivative of concat_rows");
    check_moved_back(tg_repeat_rows(m, 3), x, (const double[]){ 6, 6, 6, 6, 6, 6 }, "derivative of repeat_rows");
    check_moved_back(tg_repeat_cols(m, 3), x, (const double[]){ 6, 6, 6, 6, 6, 6 }, "derivative of repeat_cols");
    check_moved_back(tg_gather_rows(m, tg_labels(tape, places, 4)), x, (const double[]){ 2, 2, 2, 6, 6, 6 }, "derivative of gather_rows");
    check_moved_back(tg_scatter_rows(m, tg_labels(tape, places, 2), 5), x, (const double[]){ 2, 2, 2, 2, 2, 2 }, "derivative of scatter_rows");
    check_moved_back(tg_diagonal(tg_slice_cols(m, 1, 3)), x, (const double[]){ 0, 2, 0, 0, 0, 2 }, "derivative of diagonal");
}

START_TEST(moving_changes_nothing) {
    for (int type = TG_F32; type <= TG_F64; type++) {
        tg_tape *tape = tape_of(type);
        check_moves(tape);
        check_moves_back(tape);
        tg_tape_free(tape);
    }
}
END_TEST

START_TEST(special_values_can_be_assigned) {
    for (int type = TG_F32; type <= TG_F64; type++) {
        tg_tape     *tape    = tape_of(type);
        tg_params   *params  = tg_params_new(1, NULL);
        tg_variable *v       = tg_variable_new(params, "v", 1, 6, NULL);
        tg_tensor    x       = tg_input_f64(tape, special, 1, 6), written = tg_assign(tg_use(tape, v), x);
        check_moved_back(written, x, (const double[]){ 2, 2, 2, 2, 2, 2 }, "derivative of assign");
        check_moved(written, special, "assign");
        tg_begin(tape, NULL);
        check_moved(tg_scale(tg_use(tape, v), 1), special, "what was assigned");
        tg_tape_free(tape);
        tg_params_free(params);
    }
}
END_TEST

/* ---- sizes of zero ---- */

static void check_all(tg_tensor y, int64_t rows, int64_t cols, double expected, const char *what) {
    double got[LARGEST];
    must_run(y.tape, &y, 1);
    ck_assert_msg(tg_rows(y) == rows && tg_cols(y) == cols, "%s: the shape is [%d,%d]", what, (int)tg_rows(y), (int)tg_cols(y));
    ck_assert_int_eq(tg_read_f64(y, got), TG_OK);
    for (int e = 0; e < rows * cols; e++) ck_assert_msg(fits(expected, got[e], TG_F64), "%s: element %d is %g, not %g", what, e, got[e], expected);
}

static void check_sums_over_nothing(tg_tensor no_rows, tg_tensor no_cols) {      /* [0, 3] and [3, 0] */
    check_all(tg_sum(no_rows), 1, 1, 0, "sum of [0,3]");
    check_all(tg_sum(no_cols), 1, 1, 0, "sum of [3,0]");
    check_all(tg_sum_rows(no_rows), 1, 3, 0, "sum_rows of [0,3]");
    check_all(tg_sum_cols(no_cols), 3, 1, 0, "sum_cols of [3,0]");
    check_all(tg_sum_to(no_rows, 1, 3), 1, 3, 0, "[0,3] summed to [1,3]");
    check_all(tg_sum_to(no_cols, 3, 1), 3, 1, 0, "[3,0] summed to [3,1]");
    check_all(tg_sum_to(no_cols, 1, 1), 1, 1, 0, "[3,0] summed to [1,1]");
    check_all(tg_mean(no_rows), 1, 1, NOT, "mean of [0,3]");
    check_all(tg_mean(no_cols), 1, 1, NOT, "mean of [3,0]");
    check_all(tg_mean_rows(no_rows), 1, 3, NOT, "mean_rows of [0,3]");
    check_all(tg_mean_cols(no_cols), 3, 1, NOT, "mean_cols of [3,0]");
    check_all(tg_logsumexp(no_cols), 3, 1, -INF, "logsumexp of [3,0], the logarithm of an empty sum");
    check_all(tg_softmax(no_cols), 3, 0, 0, "softmax of [3,0]");
    check_all(tg_max_rows(no_cols), 1, 0, 0, "max_rows of [3,0]");
    check_all(tg_min_cols(no_rows), 0, 1, 0, "min_cols of [0,3]");
    check_all(tg_prod(no_rows), 1, 1, 1, "prod of [0,3]");
    check_all(tg_prod_rows(no_rows), 1, 3, 1, "prod_rows of [0,3]");
    check_all(tg_prod_cols(no_cols), 3, 1, 1, "prod_cols of [3,0]");
    check_all(tg_var(no_rows, 1), 1, 1, NOT, "var of [0,3]");
    check_all(tg_var_rows(no_rows, 1), 1, 3, NOT, "var_rows of [0,3]");
    check_all(tg_var_cols(no_cols, 0), 3, 1, NOT, "var_cols of [3,0]");
    check_all(tg_norm(no_rows), 1, 1, 0, "norm of [0,3]");
    check_all(tg_norm_rows(no_rows), 1, 3, 0, "norm_rows of [0,3]");
    check_all(tg_norm_cols(no_cols), 3, 1, 0, "norm_cols of [3,0]");
    check_all(tg_layer_norm(no_cols, TG_NONE, TG_NONE, 1e-5), 3, 0, 0, "layer_norm of [3,0]");
    check_all(tg_rms_norm(no_rows, TG_NONE, 1e-5), 0, 3, 0, "rms_norm of [0,3]");
    check_all(tg_batch_norm(no_rows, TG_NONE, TG_NONE, TG_NONE, TG_NONE, true, 0.1, 1e-5), 0, 3, 0, "batch_norm of [0,3]");
    check_all(tg_log_softmax(no_rows), 0, 3, 0, "log_softmax of [0,3]");
}

static void check_other_empty(tg_tape *tape, tg_tensor no_rows, tg_tensor no_cols) {
    const int32_t   unused = 0;
    const tg_tensor labels = tg_labels(tape, &unused, 0);
    check_all(tg_matmul(no_cols, no_rows), 3, 3, 0, "[3,0] times [0,3]");
    check_all(tg_matmul_transposed(no_rows, true, no_rows, false), 3, 3, 0, "[0,3] transposed times [0,3]");
    check_all(tg_matmul(no_rows, no_cols), 0, 0, 0, "[0,3] times [3,0]");
    check_all(tg_transpose(no_rows), 3, 0, 0, "transpose of [0,3]");
    check_all(tg_one_hot(labels, 4), 0, 4, 0, "one_hot of no labels");
    check_all(tg_concat((const tg_tensor[]){ no_rows, tg_constant(tape, 7), no_cols }, 3), 1, 1, 7, "nothing, 7, nothing");
    check_all(tg_concat(&no_rows, 1), 1, 0, 0, "concat of nothing");
    check_all(tg_view(no_rows, 0, 5, 0), 5, 0, 0, "view of nothing");
    check_all(tg_broadcast_to(tg_constant(tape, 7), 0, 3), 0, 3, 0, "7 repeated to [0,3]");
    check_all(tg_add(no_rows, tg_constant(tape, 7)), 0, 3, 0, "[0,3] + 7");
    check_all(tg_bernoulli(tape, 0.5, 0, 3), 0, 3, 0, "no draws");
    check_all(tg_uniform(tape, 0, 1, 0, 3), 0, 3, 0, "no uniform draws");
    check_all(tg_normal(tape, 0, 1, 3, 0), 3, 0, 0, "no normal draws");
    check_all(tg_glu(no_cols), 3, 0, 0, "glu of no columns");
    check_all(tg_swiglu(tg_view(no_rows, 0, 0, 4)), 0, 2, 0, "swiglu of no rows");
    check_all(tg_reshape(no_rows, 5, 0), 5, 0, 0, "reshape of nothing");
    check_all(tg_slice_rows(no_cols, 1, 2), 1, 0, 0, "slice_rows of [3,0]");
    check_all(tg_slice_cols(no_rows, 1, 2), 0, 1, 0, "slice_cols of [0,3]");
    check_all(tg_pad_cols(no_cols, 1, 1), 3, 2, 0, "zeros beside nothing");
    check_all(tg_concat_rows((const tg_tensor[]){ no_rows, no_rows }, 2), 0, 3, 0, "concat_rows of nothing");
    check_all(tg_concat_cols((const tg_tensor[]){ no_cols, no_cols }, 2), 3, 0, 0, "concat_cols of nothing");
    check_all(tg_repeat_rows(no_cols, 2), 6, 0, 0, "repeat_rows of [3,0]");
    check_all(tg_repeat_cols(tg_constant(tape, 7), 0), 1, 0, 0, "repeated never");
    check_all(tg_gather_rows(no_rows, labels), 0, 3, 0, "gather_rows of no rows");
    check_all(tg_scatter_rows(no_rows, labels, 2), 2, 3, 0, "scatter_rows of no rows");
    check_all(tg_diagonal(tg_view(no_rows, 0, 0, 0)), 1, 0, 0, "diagonal of [0,0]");
    check_all(tg_diag_embed(tg_view(no_rows, 0, 1, 0)), 0, 0, 0, "diag_embed of [1,0]");
    check_all(tg_outer(tg_view(no_rows, 0, 1, 0), tg_constant(tape, 7)), 0, 1, 0, "outer of nothing");
    check_all(tg_bilinear(no_cols, no_cols, no_rows, TG_NONE), 3, 3, 0, "bilinear of nothing");
    check_all(tg_cross_entropy(no_rows, labels), 1, 1, NOT, "cross_entropy without rows");
    check_all(tg_cross_entropy(no_rows, no_rows), 1, 1, NOT, "cross_entropy without rows, with distributions");
    check_all(tg_binary_cross_entropy_with_logits(no_rows, no_rows), 1, 1, NOT, "binary cross-entropy without rows");
    check_all(tg_mse_loss(no_cols, no_cols), 1, 1, NOT, "mse_loss without columns");
}

/* What a value of size zero is made of still has a derivative: of no terms, zero. */
static void check_empty_derivatives(tg_tape *tape) {
    const double    x[2] = { 1, 2 };
    const tg_tensor a = tg_input_f64(tape, x, 2, 1), none = tg_view(a, 0, 0, 3), wide = tg_matmul(a, tg_view(a, 1, 1, 0));
    check_all(tg_grad(tg_sum(none), a), 2, 1, 0, "derivative of a sum over nothing");
    check_all(tg_grad(tg_sum(wide), a), 2, 1, 0, "derivative of an empty product");
    check_all(tg_grad(tg_sum(tg_matmul_transposed(none, true, none, false)), none), 0, 3, 0, "derivative by nothing");
}

START_TEST(sizes_of_zero) {
    const double unused = 5;
    for (int type = TG_F32; type <= TG_F64; type++) {
        tg_tape        *tape    = tape_of(type);
        const tg_tensor no_rows = tg_input_f64(tape, &unused, 0, 3), no_cols = tg_input_f64(tape, &unused, 3, 0);
        check_sums_over_nothing(no_rows, no_cols);
        check_other_empty(tape, no_rows, no_cols);
        check_empty_derivatives(tape);
        tg_tape_free(tape);
    }
}
END_TEST

/* ---- matrix product ---- */

START_TEST(a_product_adds_special_values_as_a_sum_does) {
    const double a[4] = { 1, INFINITY, 0, 2 }, b[2] = { 0, 1 }, c[2] = { 1, -INFINITY };
    for (int type = TG_F32; type <= TG_F64; type++) {
        tg_tape        *tape = tape_of(type);
        const tg_tensor m    = tg_input_f64(tape, a, 2, 2);
        check_moved(tg_matmul(m, tg_input_f64(tape, b, 2, 1)), (const double[]){ INFINITY, 2 }, "1 0 + inf 1 and 0 0 + 2 1");
        check_moved(tg_matmul(m, tg_input_f64(tape, c, 2, 1)), (const double[]){ -INFINITY, -INFINITY }, "1 1 - inf inf and 0 1 - 2 inf");
        check_moved(tg_matmul_transposed(m, true, tg_input_f64(tape, c, 2, 1), false), (const double[]){ NAN, NAN }, "1 1 - 0 inf and inf 1 - 2 inf");
        tg_tape_free(tape);
    }
}
END_TEST

/* ---- many rows ---- */

/* The same term in each row, whose mean is the term: what is lost in adding shows at its worst. */
START_TEST(the_loss_of_a_large_batch_keeps_its_digits) {
    enum { ROWS = 100000 };
    double  *x      = calloc(2 * ROWS, sizeof *x), *half = malloc(2 * ROWS * sizeof *half);
    int32_t *labels = calloc(ROWS, sizeof *labels);
    ck_assert(x != NULL && half != NULL && labels != NULL);
    for (int e = 0; e < 2 * ROWS; e++) half[e] = 0.5;
    tg_tape        *tape   = tape_of(TG_F32);
    const tg_tensor logits = tg_input_f64(tape, x, ROWS, 2), target = tg_input_f64(tape, half, ROWS, 2);
    const tg_tensor losses[] = { tg_cross_entropy(logits, tg_labels(tape, labels, ROWS)), tg_cross_entropy(logits, target),
                                 tg_binary_cross_entropy_with_logits(logits, target), tg_mse_loss(tg_shift(logits, 1.0 / 3), logits) };
    must_run(tape, losses, 4);
    for (int k = 0; k < 4; k++) {
        const double expected = k < 3 ? log(2) : 1 / 9.0;
        ck_assert_msg(fits(expected, tg_item(losses[k]), TG_F32), "loss %d is %.9g, not %.9g", k, tg_item(losses[k]), expected);
    }
    tg_tape_free(tape);
    free(x), free(half), free(labels);
}
END_TEST

/* ---- refusals ---- */

typedef tg_tensor (*loss)(tg_tensor prediction, tg_tensor target);

static void check_refusal(tg_tape *tape, loss f, int64_t rows, int64_t cols, int64_t target_rows, int64_t target_cols) {
    const double data[6] = { 0 };
    tg_begin(tape, NULL);
    const tg_tensor y = f(tg_input_f64(tape, data, rows, cols), tg_input_f64(tape, data, target_rows, target_cols));
    ck_assert_uint_eq(y.id, 0);
    ck_assert_int_eq(tg_tape_status(tape), TG_SHAPE_MISMATCH);
    ck_assert_int_eq(tg_run(y), TG_SHAPE_MISMATCH);
}

START_TEST(losses_broadcast_nothing) {
    const loss losses[] = { tg_mse_loss, tg_binary_cross_entropy_with_logits, tg_cross_entropy };
    for (int type = TG_F32; type <= TG_F64; type++) {
        tg_tape *tape = tape_of(type);
        for (int k = 0; k < 3; k++) {
            check_refusal(tape, losses[k], 2, 3, 2, 1);
            check_refusal(tape, losses[k], 2, 1, 2, 3);
            check_refusal(tape, losses[k], 2, 3, 1, 3);
            check_refusal(tape, losses[k], 1, 3, 2, 3);
            check_refusal(tape, losses[k], 2, 3, 1, 1);
            check_refusal(tape, losses[k], 2, 1, 1, 2);      /* [batch, 1] against [1, batch] */
        }
        tg_tape_free(tape);
    }
}
END_TEST

/* The k-th of the calls that do not fit, and what is said of it; false: there is no k-th. */
static bool misfit(tg_tape *tape, int k, tg_status *status, const char **sentence) {
    static const double  data[12];
    static const int32_t integers[4];
    const tg_tensor      x = tg_input_f64(tape, data, 2, 3), none = tg_input_f64(tape, data, 0, 3), thin = tg_input_f64(tape, data, 3, 0);
    const tg_tensor      at = tg_labels(tape, integers, 2), one = tg_input_f64(tape, data, 1, 3);
    *status = TG_SHAPE_MISMATCH;
    switch (k) {
    case 0: tg_max(none), *sentence = "of no elements there is no largest"; break;
    case 1: tg_min(thin), *sentence = "of no elements there is no largest"; break;
    case 2: tg_max_rows(none), *sentence = "max_rows"; break;
    case 3: tg_min_cols(thin), *sentence = "min_cols"; break;
    case 4: tg_argmax(thin), *sentence = "argmax"; break;
    case 5: tg_max(at), *status = TG_TYPE_MISMATCH, *sentence = "takes one matrix of numbers"; break;
    case 6: tg_var(x, NAN), *status = TG_BAD_ARGUMENT, *sentence = "the correction must be a finite number"; break;
    case 7: tg_reshape(x, 4, 2), *sentence = "[2,3] has not as many elements as [4,2]"; break;
    case 8: tg_reshape(x, -1, 4), *sentence = "[2,3] has not as many elements as [-1,4]"; break;
    case 9: tg_reshape(x, -1, -1), *sentence = "tg_reshape"; break;
    case 10: tg_reshape(x, INT64_MAX, INT64_MAX), *sentence = "tg_reshape"; break;
    case 11: tg_slice_rows(x, 1, 3), *sentence = "rows 1 to 3 reach beyond the 2 rows"; break;
    case 12: tg_slice_rows(x, 2, 1), *status = TG_BAD_ARGUMENT, *sentence = "tg_slice_rows: rows 2 to 1"; break;
    case 13: tg_slice_cols(x, 1, 4), *sentence = "the slice reaches beyond the columns"; break;
    case 14: tg_slice_cols(x, -1, 2), *status = TG_BAD_ARGUMENT, *sentence = "a slice begins at 0 or later"; break;
    case 15: tg_pad_cols(x, 0, -1), *status = TG_BAD_ARGUMENT, *sentence = "fewer than no columns"; break;
    case 16: tg_pad_cols(x, INT64_MAX, INT64_MAX), *status = TG_TOO_LARGE, *sentence = "more columns than can be counted"; break;
    case 17: tg_concat_rows((const tg_tensor[]){ x, thin }, 2), *sentence = "part 1 has 0 columns, and part 0 has 3"; break;
    case 18: tg_concat_cols((const tg_tensor[]){ x, thin }, 2), *sentence = "the parts must have the same number of rows"; break;
    case 19: tg_concat_cols((const tg_tensor[]){ x, TG_NONE }, 2), *status = TG_TYPE_MISMATCH, *sentence = "all given"; break;
    case 20: tg_repeat_rows(x, -1), *status = TG_BAD_ARGUMENT, *sentence = "-1 times is fewer than none"; break;
    case 21: tg_repeat_cols(x, INT64_MAX), *status = TG_TOO_LARGE, *sentence = "more elements than can be counted"; break;
    case 22: tg_gather_rows(x, x), *status = TG_TYPE_MISMATCH, *sentence = "a column of integers"; break;
    case 23: tg_gather_rows(x, tg_input_i32(tape, integers, 1, 2)), *sentence = "the integers must stand in one column"; break;
    case 24: tg_scatter_rows(x, tg_labels(tape, integers, 3), 4), *sentence = "one integer for each row"; break;
    case 25: tg_scatter_rows(x, at, -1), *status = TG_BAD_ARGUMENT, *sentence = "fewer than no rows"; break;
    case 26: tg_diagonal(x), *sentence = "the matrix must be square"; break;
    case 27: tg_diag_embed(x), *sentence = "takes one row"; break;
    case 28: tg_outer(x, one), *sentence = "takes rows or columns, not [2,3] and [1,3]"; break;
    case 29: tg_bilinear(x, x, x, TG_NONE), *sentence = "a weight of 9 rows, not 2"; break;
    case 30: tg_layer_norm(x, x, TG_NONE, 0), *sentence = "tg_layer_norm: weight is [2,3] and should be [1,3]"; break;
    case 31: tg_layer_norm(x, one, one, -1), *status = TG_BAD_ARGUMENT, *sentence = "epsilon must be finite and not negative"; break;
    case 32: tg_rms_norm(x, thin, 0), *sentence = "tg_rms_norm: weight is [3,0] and should be [1,3]"; break;
    case 33: tg_batch_norm(x, TG_NONE, one, one, one, false, 0.1, 1e-5), *status = TG_NULL_ARGUMENT, *sentence = "running_mean is not given"; break;
    case 34: tg_batch_norm(one, TG_NONE, TG_NONE, one, one, true, 0.1, 1e-5), *sentence = "a batch of one row has no variance"; break;
    case 35: tg_batch_norm(x, TG_NONE, TG_NONE, one, one, true, 2, 1e-5), *status = TG_BAD_ARGUMENT, *sentence = "momentum 2 from 0 to 1"; break;
    case 36: tg_batch_norm(x, one, x, one, one, false, 0.1, 1e-5), *sentence = "tg_batch_norm: running_var is [2,3] and should be [1,3]"; break;
    case 37: tg_outer(x, TG_NONE), *status = TG_NULL_ARGUMENT, *sentence = "tg_outer"; break;
    default: return false;
    }
    return true;
}

START_TEST(what_does_not_fit_is_refused_with_a_sentence) {
    tg_tape    *tape = tape_of(TG_F32);
    tg_status   status;
    const char *sentence = "";
    for (int k = 0; misfit(tape, k, &status, &sentence); k++) {
        ck_assert_msg(tg_tape_status(tape) == status, "%d: %s, not %s", k, tg_status_name(tg_tape_status(tape)), tg_status_name(status));
        ck_assert_msg(strstr(tg_tape_error(tape), sentence) != NULL, "%d: \"%s\" does not say \"%s\"", k, tg_tape_error(tape), sentence);
        tg_begin(tape, NULL);
    }
    tg_tape_free(tape);
}
END_TEST

static void check_index(int type, bool back, int32_t wrong, const char *sentence) {
    const double    data[6]  = { 0 };
    const int32_t   index[2] = { 0, wrong };
    tg_tape        *tape     = tape_of(type);
    const tg_tensor x = tg_input_f64(tape, data, 2, 3), at = tg_labels(tape, index, 2);
    ck_assert_int_eq(tg_run(back ? tg_scatter_rows(x, at, 2) : tg_gather_rows(x, at)), TG_OUT_OF_RANGE);
    ck_assert_msg(strstr(tg_tape_error(tape), sentence) != NULL, "\"%s\" does not say \"%s\"", tg_tape_error(tape), sentence);
    tg_tape_free(tape);
}

START_TEST(an_index_out_of_range_is_named_with_its_row) {
    for (int type = TG_F32; type <= TG_F64; type++)
        for (int back = 0; back < 2; back++) {
            check_index(type, back == 1, 2, "2 in row 1 is not in [0, 2)");
            check_index(type, back == 1, -1, "-1 in row 1 is not in [0, 2)");
        }
}
END_TEST

/* y = x W z + b for each row, against the sum as it is written. */
START_TEST(a_bilinear_product_is_the_sum_of_its_formula) {
    enum { BATCH = 3, IN1 = 2, IN2 = 4, OUT = 2 };
    double x[BATCH * IN1], z[BATCH * IN2], w[IN1 * IN2 * OUT], b[OUT] = { 0.5, -1 }, y[BATCH * OUT];
    for (int e = 0; e < BATCH * IN1; e++) x[e] = sin(e + 1);
    for (int e = 0; e < BATCH * IN2; e++) z[e] = cos(2 * e);
    for (int e = 0; e < IN1 * IN2 * OUT; e++) w[e] = sin(3 * e + 2);
    tg_tape        *tape = tape_of(TG_F64);
    const tg_tensor out  = tg_bilinear(tg_input_f64(tape, x, BATCH, IN1), tg_input_f64(tape, z, BATCH, IN2), tg_input_f64(tape, w, IN1 * IN2, OUT),
                                       tg_input_f64(tape, b, 1, OUT));
    must_run(tape, &out, 1);
    ck_assert_int_eq(tg_read_f64(out, y), TG_OK);
    for (int i = 0; i < BATCH; i++)
        for (int k = 0; k < OUT; k++) {
            double sum = b[k];
            for (int a = 0; a < IN1; a++)
                for (int c = 0; c < IN2; c++) sum += x[i * IN1 + a] * w[(a * IN2 + c) * OUT + k] * z[i * IN2 + c];
            ck_assert_double_eq_tol(y[i * OUT + k], sum, 1e-14);
        }
    tg_tape_free(tape);
}
END_TEST

START_TEST(there_is_one_label_for_each_row) {
    const double  logits[6] = { 0 };
    const int32_t labels[3] = { 0 };
    tg_tape      *tape      = tape_of(TG_F32);
    tg_cross_entropy(tg_input_f64(tape, logits, 2, 3), tg_labels(tape, labels, 1));
    ck_assert_int_eq(tg_tape_status(tape), TG_SHAPE_MISMATCH);
    tg_begin(tape, NULL);
    tg_cross_entropy(tg_input_f64(tape, logits, 2, 3), tg_input_i32(tape, labels, 1, 2));
    ck_assert_int_eq(tg_tape_status(tape), TG_SHAPE_MISMATCH);
    tg_tape_free(tape);
}
END_TEST

static void check_label(int type, bool loss_too, int32_t wrong, const char *sentence) {
    const double    logits[9] = { 0 };
    const int32_t   labels[3] = { 0, 2, wrong };
    tg_tape        *tape      = tape_of(type);
    const tg_tensor target    = tg_labels(tape, labels, 3);
    const tg_tensor y         = loss_too ? tg_cross_entropy(tg_input_f64(tape, logits, 3, 3), target) : tg_one_hot(target, 3);
    ck_assert_int_eq(tg_run(y), TG_OUT_OF_RANGE);
    ck_assert_msg(strstr(tg_tape_error(tape), sentence) != NULL, "\"%s\" does not say \"%s\"", tg_tape_error(tape), sentence);
    tg_tape_free(tape);
}

START_TEST(a_label_out_of_range_is_named_with_its_row) {
    for (int type = TG_F32; type <= TG_F64; type++)
        for (int loss_too = 0; loss_too < 2; loss_too++) {
            check_label(type, loss_too == 1, 3, "label 3 in row 2 is not in [0, 3)");
            check_label(type, loss_too == 1, -1, "label -1 in row 2 is not in [0, 3)");
            check_label(type, loss_too == 1, INT32_MIN, "label -2147483648 in row 2 is not in [0, 3)");
        }
}
END_TEST

/* The failure stands on the tape of the operand that is given, whichever that is. */
START_TEST(rows_without_an_index) {
    static const double  table[4] = { 1, 2, 3, 4 };
    static const int32_t index[2] = { 1, 0 };
    tg_tape             *tape     = tape_of(TG_F64);
    for (int k = 0; k < 4; k++) {
        tg_begin(tape, NULL);
        const tg_tensor x = k % 2 == 0 ? tg_input_f64(tape, table, 2, 2) : TG_NONE, rows = k % 2 == 0 ? TG_NONE : tg_labels(tape, index, 2);
        if (k < 2) tg_gather_rows(x, rows);
        else tg_scatter_rows(x, rows, 2);
        ck_assert_int_ne(tg_tape_status(tape), TG_OK);
    }
    tg_tape_free(tape);
}
END_TEST

START_TEST(the_first_and_the_last_class_are_in_range) {
    const int32_t labels[2] = { 2, 0 };
    for (int type = TG_F32; type <= TG_F64; type++) {
        tg_tape *tape = tape_of(type);
        check_moved(tg_one_hot(tg_labels(tape, labels, 2), 3), (const double[]){ 0, 0, 1, 1, 0, 0 }, "one_hot");
        tg_tape_free(tape);
    }
}
END_TEST

/* ---- clip_factor ---- */

static tg_status clip_status(int type, double squared) {
    tg_tape        *tape   = tape_of(type);
    const tg_status status = tg_run(tg_clip_factor(tg_scalar_input(tape, &squared), 1));
    tg_tape_free(tape);
    return status;
}

START_TEST(a_norm_that_is_not_finite_stops_the_step) {
    for (int type = TG_F32; type <= TG_F64; type++) {
        ck_assert_int_eq(clip_status(type, INFINITY), TG_NOT_FINITE);
        ck_assert_int_eq(clip_status(type, NAN), TG_NOT_FINITE);
        ck_assert_int_eq(clip_status(type, -1), TG_NOT_FINITE);      /* its root is no number */
        ck_assert_int_eq(clip_status(type, 0), TG_OK);
        ck_assert_int_eq(clip_status(type, 1e30), TG_OK);
    }
}
END_TEST

/* ---- random ---- */

START_TEST(bernoulli_of_zero_and_one_and_of_no_probability) {
    for (int type = TG_F32; type <= TG_F64; type++) {
        tg_tape *tape = tape_of(type);
        check_all(tg_bernoulli(tape, 0, 3, 5), 3, 5, 0, "bernoulli of 0");
        check_all(tg_bernoulli(tape, 1, 3, 5), 3, 5, 1, "bernoulli of 1");
        const double wrong[] = { -0.1, 1.1, NAN };
        for (int k = 0; k < 3; k++) {
            tg_begin(tape, NULL);
            tg_bernoulli(tape, wrong[k], 3, 5);
            ck_assert_int_eq(tg_tape_status(tape), TG_BAD_ARGUMENT);
            tg_begin(tape, NULL);
            tg_dropout(tg_constant(tape, 1), wrong[k]);
            ck_assert_int_eq(tg_tape_status(tape), TG_BAD_ARGUMENT);
        }
        tg_tape_free(tape);
    }
}
END_TEST

static void check_dropout(int type, bool training, double p, const double *expected, double slope) {
    tg_tape *tape = tape_of(type);
    tg_begin(tape, &(tg_begin_options){ .training = training });
    const tg_tensor x = tg_input_f64(tape, special, 1, 6), y = tg_dropout(x, p);
    check_moved(y, expected, "dropout");
    check_all(tg_grad(tg_sum(y), x), 1, 6, slope, "derivative of dropout");
    tg_tape_free(tape);
}

START_TEST(dropout_keeps_all_or_nothing) {
    const double zeros[6] = { 0 };
    for (int type = TG_F32; type <= TG_F64; type++) {
        check_dropout(type, true, 0, special, 1);
        check_dropout(type, false, 0.5, special, 1);
        check_dropout(type, false, 1, special, 1);
        check_dropout(type, true, 1, zeros, 0);      /* not even a NaN is left */
    }
}
END_TEST

START_TEST(dropout_scales_what_it_keeps) {
    double data[LARGEST], y[LARGEST], g[LARGEST];
    for (int type = TG_F32; type <= TG_F64; type++) {
        tg_tape *tape = tape_of(type);
        tg_begin(tape, &(tg_begin_options){ .training = true });
        const tg_tensor x = filled(tape, 3, data, 3, 5), dropped = tg_dropout(x, 0.5), slope = tg_grad(tg_sum(dropped), x);
        must_run(tape, (const tg_tensor[]){ dropped, slope }, 2);
        ck_assert_int_eq(tg_read_f64(dropped, y), TG_OK);
        ck_assert_int_eq(tg_read_f64(slope, g), TG_OK);
        for (int e = 0; e < LARGEST; e++) ck_assert((y[e] == 6 && g[e] == 2) || (y[e] == 0 && g[e] == 0));
        tg_tape_free(tape);
    }
}
END_TEST

/* ---- uniform and normal ---- */

enum { DRAWS = 20000 };

static double draws[DRAWS];

/* Mean of the k-th powers. */
static double moment(const double *x, int count, double centre, int k) {
    double sum = 0;
    for (int e = 0; e < count; e++) sum += pow(x[e] - centre, k);
    return sum / count;
}

/* Each bound is four standard errors. */
START_TEST(uniform_and_normal_draws_have_their_moments) {
    const double error = 4 / sqrt(DRAWS);
    for (int type = TG_F32; type <= TG_F64; type++) {
        tg_tape        *tape = tape_of(type);
        const tg_tensor y[] = { tg_uniform(tape, -1, 3, 200, 100), tg_normal(tape, 5, 2, 200, 100) };
        must_run(tape, y, 2);
        ck_assert_int_eq(tg_read_f64(y[0], draws), TG_OK);
        for (int e = 0; e < DRAWS; e++) ck_assert(draws[e] >= -1 && draws[e] < 3);
        ck_assert_double_eq_tol(moment(draws, DRAWS, 0, 1), 1, error * sqrt(16 / 12.0));
        ck_assert_double_eq_tol(moment(draws, DRAWS, 1, 2), 16 / 12.0, error * sqrt(256 / 80.0 - 256 / 144.0));
        ck_assert_int_eq(tg_read_f64(y[1], draws), TG_OK);
        ck_assert_double_eq_tol(moment(draws, DRAWS, 0, 1), 5, error * 2);
        ck_assert_double_eq_tol(moment(draws, DRAWS, 5, 2) / 4, 1, error * sqrt(2));
        ck_assert_double_eq_tol(moment(draws, DRAWS, 5, 3) / 8, 0, error * sqrt(15));
        ck_assert_double_eq_tol(moment(draws, DRAWS, 5, 4) / 16, 3, error * sqrt(96));
        double neighbours = 0;      /* which one pair of uniform numbers makes */
        for (int e = 0; e < DRAWS; e += 2) neighbours += (draws[e] - 5) * (draws[e + 1] - 5) / 4;
        ck_assert_double_eq_tol(neighbours / (DRAWS / 2.0), 0, error * sqrt(2));
        tg_tape_free(tape);
    }
}
END_TEST

/* 21 elements: the last one is half a pair. */
START_TEST(draws_in_float_are_those_in_double_rounded) {
    double y[2][2][21];
    for (int type = TG_F32; type <= TG_F64; type++) {
        tg_tape        *tape = tape_of(type);
        const tg_tensor t[] = { tg_uniform(tape, -1, 3, 3, 7), tg_normal(tape, 0, 2, 3, 7) };
        must_run(tape, t, 2);
        for (int k = 0; k < 2; k++) ck_assert_int_eq(tg_read_f64(t[k], y[type == TG_F64][k]), TG_OK);
        tg_tape_free(tape);
    }
    for (int k = 0; k < 2; k++)
        for (int e = 0; e < 21; e++) ck_assert(y[0][k][e] == (double)(float)y[1][k][e]);
}
END_TEST

START_TEST(draws_without_width_and_draws_that_are_refused) {
    const struct { double a, b; bool uniform, normal; } cases[] = { { 1, 1, true, true }, { 2, 0, false, true }, { 0, -1, false, false },
                                                                   { NOT, 1, false, false }, { 0, NOT, false, false }, { -INF, 1, false, false },
                                                                   { 0, INF, false, false }, { -DBL_MAX, DBL_MAX, false, true } };
    for (int type = TG_F32; type <= TG_F64; type++) {
        tg_tape *tape = tape_of(type);
        check_all(tg_uniform(tape, 7, 7, 3, 5), 3, 5, 7, "uniform of one number");
        check_all(tg_normal(tape, 7, 0, 3, 5), 3, 5, 7, "normal without deviation");
        for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++)
            for (int normal = 0; normal < 2; normal++) {
                tg_begin(tape, NULL);
                if (normal) tg_normal(tape, cases[k].a, cases[k].b, 2, 2);
                else tg_uniform(tape, cases[k].a, cases[k].b, 2, 2);
                ck_assert_int_eq(tg_tape_status(tape), (normal ? cases[k].normal : cases[k].uniform) ? TG_OK : TG_BAD_ARGUMENT);
            }
        tg_begin(tape, NULL);
        tg_uniform(tape, 0, 1, -1, 2);
        ck_assert_int_eq(tg_tape_status(tape), TG_BAD_ARGUMENT);
        tg_tape_free(tape);
    }
}
END_TEST

/* ---- alpha_dropout ---- */

static void check_alpha_dropout(int type, bool training, double p, const double *expected, double slope) {
    tg_tape *tape = tape_of(type);
    tg_begin(tape, &(tg_begin_options){ .training = training });
    const tg_tensor x = tg_input_f64(tape, special, 1, 6), y = tg_alpha_dropout(x, p);
    check_moved(y, expected, "alpha_dropout");
    check_all(tg_grad(tg_sum(y), x), 1, 6, slope, "derivative of alpha_dropout");
    tg_tape_free(tape);
}

START_TEST(alpha_dropout_keeps_mean_and_variance) {
    const double zeros[6] = { 0 }, error = 4 / sqrt(DRAWS);
    for (int type = TG_F32; type <= TG_F64; type++) {
        check_alpha_dropout(type, true, 0, special, 1);
        check_alpha_dropout(type, false, 0.5, special, 1);
        check_alpha_dropout(type, true, 1, zeros, 0);
        tg_tape *tape = tape_of(type);
        tg_begin(tape, &(tg_begin_options){ .training = true });
        const tg_tensor y = tg_alpha_dropout(tg_normal(tape, 0, 1, 200, 100), 0.2);
        must_run(tape, &y, 1);
        ck_assert_int_eq(tg_read_f64(y, draws), TG_OK);
        ck_assert_double_eq_tol(moment(draws, DRAWS, 0, 1), 0, error);
        ck_assert_double_eq_tol(moment(draws, DRAWS, 0, 2), 1, error * 1.5);
        const double limit = -1.7580993408473766, q = 0.8, a = 1 / sqrt(q + limit * limit * q * (1 - q));
        int          dropped = 0;
        for (int e = 0; e < DRAWS; e++) dropped += fabs(draws[e] - a * limit * q) < 1e-6;      /* a limit + b */
        ck_assert_double_eq_tol(dropped / (double)DRAWS, 0.2, error * 0.4);
        tg_begin(tape, NULL);
        tg_alpha_dropout(tg_constant(tape, 1), 1.1);
        ck_assert_int_eq(tg_tape_status(tape), TG_BAD_ARGUMENT);
        tg_tape_free(tape);
    }
}
END_TEST

int main(void) {
    return RUN_TESTS("values", every_registered_op_has_a_row, elementwise_ops_at_special_values, ops_on_matrices_at_special_values,
                     a_nan_goes_through_elementwise_arithmetic, the_maximum_of_a_tensor_and_itself_has_derivative_one, moving_changes_nothing,
                     an_extreme_shares_its_derivative_also_with_the_same_tensor, an_extreme_is_found_wherever_it_stands,
                     places_of_extremes_are_labels, norms_overflow_only_where_they_must, norms_of_many_columns,
                     products_of_any_number_of_factors,
                     a_norm_at_zero_has_no_derivative_of_any_order,
                     what_does_not_fit_is_refused_with_a_sentence,
                     an_index_out_of_range_is_named_with_its_row, a_bilinear_product_is_the_sum_of_its_formula,
                     special_values_can_be_assigned, sizes_of_zero, a_product_adds_special_values_as_a_sum_does,
                     the_loss_of_a_large_batch_keeps_its_digits, losses_broadcast_nothing,
                     there_is_one_label_for_each_row, a_label_out_of_range_is_named_with_its_row, rows_without_an_index,
                     the_first_and_the_last_class_are_in_range,
                     a_norm_that_is_not_finite_stops_the_step, bernoulli_of_zero_and_one_and_of_no_probability, dropout_keeps_all_or_nothing,
                     dropout_scales_what_it_keeps, activations_have_no_curvature_far_out, powers_are_polynomials_at_zero,
                     powers_have_mixed_derivatives, an_infinite_cotangent_does_not_pass_a_flat_piece,
                     an_infinite_cotangent_does_not_pass_an_unused_slope, numbers_have_defaults, uniform_and_normal_draws_have_their_moments,
                     draws_in_float_are_those_in_double_rounded, draws_without_width_and_draws_that_are_refused,
                     alpha_dropout_keeps_mean_and_variance);
}
