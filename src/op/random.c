/* random.c - draws. Decided on Philox integers, so that f32 and f64 runs get the same mask. */
#include "core/tape.h"
#include "op/builtin.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef struct { double p; int64_t rows, cols; } bernoulli;

static tg_status draws_shape(int64_t rows, int64_t cols, tg_shape *output, const char **why) {
    *output = (tg_shape){ rows, cols, false };
    *why    = "sizes must not be negative";
    if (rows < 0 || cols < 0) return TG_BAD_ARGUMENT;
    *why = "there are at most 2^34 draws in one op";
    return cols == 0 || rows <= (INT64_C(1) << 34) / cols ? TG_OK : TG_TOO_LARGE;
}

static tg_status bernoulli_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)in, (void)count;
    const bernoulli *a = attributes;
    *why = "p must be from 0 to 1";
    return a->p >= 0 && a->p <= 1 ? draws_shape(a->rows, a->cols, output, why) : TG_BAD_ARGUMENT;
}

/* 1 where the 32 bits of the element are below p 2^32: never for p = 0, always for p = 1. */
#define BERNOULLI(real, suffix)                                                                            \
    static void bernoulli_##suffix(const tg_call *call) {                                                  \
        const uint64_t below = (uint64_t)(((const bernoulli *)call->attributes)->p * 0x1p32);              \
        for (int64_t e = call->row_begin * call->cols; e < call->row_end * call->cols; e++)                \
            ((real *)call->output)[e] = tg_random_bits(call, call->first_element + e) < below ? 1 : 0;     \
    }
BERNOULLI(float, f32)
BERNOULLI(double, f64)

static bool bernoulli_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    memcpy(example->attributes, &(bernoulli){ 0.75, rows, cols }, sizeof(bernoulli));
    return index == 0;
}

const tg_op tg_bernoulli_op = { .size = sizeof(tg_op), .name = "bernoulli", .arity = 0, .attribute_size = sizeof(bernoulli),
                                .flags = TG_OP_ELEMENTWISE | TG_OP_RANDOM | TG_OP_STOP, .shape = bernoulli_shape, .f32 = bernoulli_f32,
                                .f64 = bernoulli_f64, .text = "bernoulli(p)", .tex = "\\mathrm{Bernoulli}(p)",
                                .example = bernoulli_example };

tg_tensor tg_bernoulli(tg_tape *tape, double p, int64_t rows, int64_t cols) {
    return tg_apply(tape, &tg_bernoulli_op, NULL, 0, &(bernoulli){ p, rows, cols });
}

/* ---- uniform and normal: computed in double, and then rounded in f32 ---- */

typedef struct { double a, b; int64_t rows, cols; } range;

#define ELEMENTS for (int64_t e = call->row_begin * call->cols; e < call->row_end * call->cols; e++)

static tg_status uniform_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)in, (void)count;
    const range *r = attributes;
    *why = "the bounds must be finite, the first one not above the second one";
    return r->b - r->a >= 0 && isfinite(r->b - r->a) ? draws_shape(r->rows, r->cols, output, why) : TG_BAD_ARGUMENT;
}

static double uniform_at(const tg_call *call, int64_t e) {
    const range *r = call->attributes;
    return r->a + (r->b - r->a) * (0x1p-32 * tg_random_bits(call, call->first_element + e));
}

/* What rounds up to the upper bound becomes the number below it. */
static void uniform_f32(const tg_call *call) {
    const float lo = (float)((const range *)call->attributes)->a, hi = (float)((const range *)call->attributes)->b;
    ELEMENTS {
        const float y = (float)uniform_at(call, e);
        ((float *)call->output)[e] = y < hi ? y : nextafterf(hi, lo);
    }
}

static void uniform_f64(const tg_call *call) {
    const double lo = ((const range *)call->attributes)->a, hi = ((const range *)call->attributes)->b;
    ELEMENTS {
        const double y = uniform_at(call, e);
        ((double *)call->output)[e] = y < hi ? y : nextafter(hi, lo);
    }
}

static tg_status normal_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)in, (void)count;
    const range *r = attributes;
    *why = "mean and standard deviation must be finite, and the latter not negative";
    return isfinite(r->a) && isfinite(r->b) && r->b >= 0 ? draws_shape(r->rows, r->cols, output, why) : TG_BAD_ARGUMENT;
}

/* Elements 2 k and 2 k + 1 of the whole value are r cos(w) and r sin(w), where r^2 = -2 ln u with u in (0, 1] from the bits of the one, and w in
 * [0, 2 pi) from those of the other (Box and Muller 1958). */
static double normal_at(const tg_call *call, int64_t e) {
    const range  *r     = call->attributes;
    const int64_t at    = call->first_element + e, first = at - at % 2;
    const double  u     = 0x1p-32 * ((double)tg_random_bits(call, first) + 1), radius = sqrt(-2 * log(u));
    const double  angle = 0x1p-32 * 6.28318530717958647693 * tg_random_bits(call, first + 1);
    return r->a + r->b * radius * (at == first ? cos(angle) : sin(angle));
}

static void normal_f32(const tg_call *call) { ELEMENTS ((float *)call->output)[e] = (float)normal_at(call, e); }
static void normal_f64(const tg_call *call) { ELEMENTS ((double *)call->output)[e] = normal_at(call, e); }

static bool range_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    memcpy(example->attributes, &(range){ -1, 2, rows, cols }, sizeof(range));
    return index == 0;
}

#define DRAWS(name_, text_, tex_)                                                                          \
    const tg_op tg_##name_##_op = { .size = sizeof(tg_op), .name = #name_, .arity = 0, .attribute_size = sizeof(range), \
                                    .flags = TG_OP_ELEMENTWISE | TG_OP_RANDOM | TG_OP_STOP, .shape = name_##_shape, .f32 = name_##_f32, \
                                    .f64 = name_##_f64, .example = range_example, .text = text_, .tex = tex_ }; \
    tg_tensor tg_##name_(tg_tape *tape, double a, double b, int64_t rows, int64_t cols) {                  \
        return tg_apply(tape, &tg_##name_##_op, NULL, 0, &(range){ a, b, rows, cols });                    \
    }
DRAWS(uniform, "uniform(a, b)", "U(a, b)")
DRAWS(normal, "normal(a, b)", "N(a, b^2)")

/* ---- dropout ---- */

/* Whether x is one for a dropout of probability p; else the failure is on the tape. */
static bool is_for_dropout(tg_tensor x, double p, const char *caller) {
    if (tg_check_tensor(x, caller) != TG_OK) return false;
    if (p >= 0 && p <= 1) return true;
    tg_fail(x.tape, TG_BAD_ARGUMENT, "%s: p = %g is not from 0 to 1", caller, p);
    return false;
}

/* select, not a product: an infinite element that is dropped is gone, in value and gradient. */
static tg_tensor drop(double p, tg_tensor kept, double dropped) {
    const tg_tensor stays = tg_bernoulli(kept.tape, 1 - p, tg_rows(kept), tg_cols(kept));
    return tg_select(stays, kept, tg_constant(kept.tape, dropped));
}

tg_tensor tg_dropout(tg_tensor x, double p) {
    if (!is_for_dropout(x, p, "tg_dropout")) return tg_handle(x.tape, 0);
    return x.tape->training && p > 0 ? drop(p, tg_scale(x, p < 1 ? 1 / (1 - p) : 1), 0) : x;
}

/* With q = 1 - p, and s the limit of selu at -inf: a x + b where kept and a s + b where not, a = 1 / sqrt(q + s^2 q (1 - q)), b = -a (1 - q) s */
tg_tensor tg_alpha_dropout(tg_tensor x, double p) {
    const double s = -1.7580993408473766, a = p < 1 ? 1 / sqrt((1 - p) * (1 + s * s * p)) : 0, b = -a * p * s;
    if (!is_for_dropout(x, p, "tg_alpha_dropout")) return tg_handle(x.tape, 0);
    return x.tape->training && p > 0 ? drop(p, tg_shift(tg_scale(x, a), b), a * s + b) : x;
}
