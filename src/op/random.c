/* random.c - draws. Decided on Philox integers, so that f32 and f64 runs get the same mask. */
#include "core/tape.h"
#include "op/builtin.h"

#include <inttypes.h>
#include <string.h>

typedef struct { double p; int64_t rows, cols; } bernoulli;

static tg_status bernoulli_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)in, (void)count;
    const bernoulli *a = attributes;
    *output = (tg_shape){ a->rows, a->cols, false };
    *why    = "p must be from 0 to 1 and sizes not negative";
    if (!(a->p >= 0 && a->p <= 1) || a->rows < 0 || a->cols < 0) return TG_BAD_ARGUMENT;
    *why = "there are at most 2^34 draws in one op";
    return a->cols == 0 || a->rows <= (INT64_C(1) << 34) / a->cols ? TG_OK : TG_TOO_LARGE;
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

tg_tensor tg_dropout(tg_tensor x, double p) {
    if (tg_check_tensor(x, "tg_dropout") != TG_OK) return tg_handle(x.tape, 0);
    if (!(p >= 0 && p <= 1)) return tg_fail(x.tape, TG_BAD_ARGUMENT, "tg_dropout: p = %g is not from 0 to 1", p), tg_handle(x.tape, 0);
    if (!x.tape->training || p == 0) return x;
    /* select, not a product: an infinite element that is dropped is gone, in value and gradient */
    return tg_select(tg_bernoulli(x.tape, 1 - p, tg_rows(x), tg_cols(x)), tg_scale(x, p < 1 ? 1 / (1 - p) : 1), tg_constant(x.tape, 0));
}
