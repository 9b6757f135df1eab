/* spread.c - products, variances and Euclidean norms of all elements, of each column and of each row. */
#include "op/reduction.h"
#include "op/sums.h"

static int64_t count_of(tg_tensor x) { return tg_rows(x) * tg_cols(x); }

/* ---- products: a tree of halves, whose derivative is, without a division, the products of the others ---- */

/* [r, c] -> [1, c] */
static tg_tensor multiply_rows(tg_tensor x) {
    const int64_t cols = tg_cols(x);
    tg_tensor     odd  = TG_NONE;      /* the product of the rows that had no partner */
    if (tg_rows(x) == 0) return tg_broadcast_to(tg_constant(x.tape, 1), 1, cols);
    while (tg_rows(x) > 1) {
        const int64_t   half = tg_rows(x) / 2;
        const tg_tensor last = tg_rows(x) % 2 == 1 ? tg_view(x, 2 * half * cols, 1, cols) : TG_NONE;
        if (last.tape != NULL) odd = odd.tape != NULL ? tg_mul(last, odd) : last;
        const tg_tensor upper = tg_view(x, 0, half, cols), lower = tg_view(x, half * cols, half, cols);
        x = tg_mul(upper, lower);
    }
    return odd.tape != NULL ? tg_mul(x, odd) : tg_view(x, 0, 1, cols);
}

/* The same with columns, [r, c] -> [r, 1]. */
static tg_tensor multiply_cols(tg_tensor x) {
    const int64_t rows = tg_rows(x);
    tg_tensor     odd  = TG_NONE;
    if (tg_cols(x) == 0) return tg_broadcast_to(tg_constant(x.tape, 1), rows, 1);
    while (tg_cols(x) > 1) {
        const int64_t   half = tg_cols(x) / 2;
        const tg_tensor last = tg_cols(x) % 2 == 1 ? tg_slice_cols(x, 2 * half, 2 * half + 1) : TG_NONE;
        if (last.tape != NULL) odd = odd.tape != NULL ? tg_mul(last, odd) : last;
        const tg_tensor left = tg_slice_cols(x, 0, half), right = tg_slice_cols(x, half, 2 * half);
        x = tg_mul(left, right);
    }
    return odd.tape != NULL ? tg_mul(x, odd) : tg_view(x, 0, rows, 1);
}

static tg_tensor prod_expand(const tg_application *a) { return multiply_rows(tg_view(a->inputs[0], 0, count_of(a->inputs[0]), 1)); }
static tg_tensor prod_rows_expand(const tg_application *a) { return multiply_rows(a->inputs[0]); }
static tg_tensor prod_cols_expand(const tg_application *a) { return multiply_cols(a->inputs[0]); }

#define PRODUCT(name_, shape_, text_, tex_)                                                                \
    const tg_op tg_##name_##_op = { .size = sizeof(tg_op), .name = #name_, .arity = 1, .shape = shape_, .expand = name_##_expand, \
                                    .text = text_, .tex = tex_ };                                          \
    tg_tensor tg_##name_(tg_tensor x) { return tg_apply1(&tg_##name_##_op, x, NULL); }

PRODUCT(prod, tg_all_shape, "prod(%0)", "\\prod %0")
PRODUCT(prod_rows, tg_row_shape, "prod_rows(%0)", "\\prod_i %0")
PRODUCT(prod_cols, tg_column_shape, "prod_cols(%0)", "\\prod_j %0")

/* ---- variances: sum (x - mean)^2 / max(0, n - correction) ---- */

typedef struct { double correction; } correction;

static tg_status finite_correction(const void *attributes, tg_status status, const char **why) {
    if (status != TG_OK) return status;
    *why = "the correction must be a finite number";
    return isfinite(((const correction *)attributes)->correction) ? TG_OK : TG_BAD_ARGUMENT;
}

static tg_status var_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    return finite_correction(attributes, tg_all_shape(in, count, attributes, output, why), why);
}

static tg_status var_rows_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    return finite_correction(attributes, tg_row_shape(in, count, attributes, output, why), why);
}

static tg_status var_cols_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    return finite_correction(attributes, tg_column_shape(in, count, attributes, output, why), why);
}

static double freedom(int64_t count, const void *attributes) {
    const double left = (double)count - ((const correction *)attributes)->correction;
    return left > 0 ? left : 0;
}

#define VAR_COLS(real, suffix)                                                                             \
    static void var_cols_##suffix(const tg_call *call) {                                                   \
        const int64_t cols = call->inputs[0].cols;                                                         \
        const real    n    = (real)freedom(cols, call->attributes);                                        \
        for (int64_t i = call->row_begin; i < call->row_end; i++) {                                        \
            const real *x = tg_row_##suffix(call, 0, i);                                                   \
            ((real *)call->output)[i] = tg_row_spread_##suffix(x, cols, tg_row_sum_##suffix(x, cols) / (real)cols) / n; \
        }                                                                                                  \
    }
VAR_COLS(float, f32)
VAR_COLS(double, f64)

static tg_tensor var_expand(const tg_application *a) {
    const tg_tensor x = a->inputs[0];
    return tg_scale(tg_sum(tg_square(tg_sub(x, tg_mean(x)))), 1 / freedom(count_of(x), a->attributes));
}

static tg_tensor var_rows_expand(const tg_application *a) {
    const tg_tensor x = a->inputs[0];
    return tg_scale(tg_sum_rows(tg_square(tg_sub(x, tg_mean_rows(x)))), 1 / freedom(tg_rows(x), a->attributes));
}

/* dL/dx = 2 g (x - mean) / max(0, n - correction) */
static tg_tensor var_slope(const tg_application *a, tg_tensor g, tg_tensor mean, int64_t count) {
    const tg_tensor centered = tg_sub(a->inputs[0], mean);
    return tg_mul(centered, tg_scale(g, 2 / freedom(count, a->attributes)));
}

static void var_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) {
    cotangents[0] = var_slope(a, g, tg_mean(a->inputs[0]), count_of(a->inputs[0]));
}

static void var_rows_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) {
    cotangents[0] = var_slope(a, g, tg_mean_rows(a->inputs[0]), tg_rows(a->inputs[0]));
}

static void var_cols_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) {
    cotangents[0] = var_slope(a, g, tg_mean_cols(a->inputs[0]), tg_cols(a->inputs[0]));
}

TG_EXAMPLE_OF_NUMBERS(correction, 0)

#define VARIANCE(name_, text_, tex_, ...)                                                                  \
    const tg_op tg_##name_##_op = { .size = sizeof(tg_op), .name = #name_, .arity = 1, .attribute_size = sizeof(correction), \
                                    .shape = name_##_shape, .vjp = name_##_vjp, .example = correction_example, .text = text_, .tex = tex_, \
                                    __VA_ARGS__ };                                                         \
    tg_tensor tg_##name_(tg_tensor x, double number) { return tg_apply1(&tg_##name_##_op, x, &(correction){ number }); }

VARIANCE(var, "var(%0)", "\\mathrm{var}(%0)", .expand = var_expand)
VARIANCE(var_rows, "var_rows(%0)", "\\mathrm{var}_i\\,%0", .expand = var_rows_expand)
VARIANCE(var_cols, "var_cols(%0)", "\\mathrm{var}_j\\,%0", .flags = TG_OP_ROWWISE, .f32 = var_cols_f32, .f64 = var_cols_f64)

/* ---- norms: sqrt(sum x^2) where no square overflows, and none that counts vanishes; else m sqrt(sum (x / m)^2), m the largest magnitude ---- */

enum { BLOCK = 64, RUN = 512 };

#define LARGER(real, x, m) (fabs(x) > (m) || (x) != (x) ? fabs(x) : (m))

/* Whether m is the norm already: nothing to divide by, or nothing to be added to. */
#define IS_NORM(m) ((m) == 0 || (m) != (m) || isinf(m))

#define NORM(real, suffix, least)                                                                          \
    static real careful_length_##suffix(const real *x, int64_t count) {                                            \
        real    largest[TG_ROW_LANES] = { 0 };                                                             \
        double  sum[TG_ROW_LANES]     = { 0 };                                                             \
        int64_t e = 0;                                                                                     \
        for (; e + TG_ROW_LANES <= count; e += TG_ROW_LANES)                                               \
            for (int k = 0; k < TG_ROW_LANES; k++) largest[k] = LARGER(real, x[e + k], largest[k]);        \
        for (int k = 0; e + k < count; k++) largest[k] = LARGER(real, x[e + k], largest[k]);               \
        real m = 0;                                                                                        \
        for (int k = 0; k < TG_ROW_LANES; k++) m = LARGER(real, largest[k], m);                            \
        if (IS_NORM(m)) return m;                                                                          \
        for (e = 0; e + TG_ROW_LANES <= count; e += TG_ROW_LANES)                                          \
            for (int k = 0; k < TG_ROW_LANES; k++) sum[k] += (double)(x[e + k] / m) * (double)(x[e + k] / m); \
        for (int k = 0; e + k < count; k++) sum[k] += (double)(x[e + k] / m) * (double)(x[e + k] / m);     \
        for (int half = TG_ROW_LANES / 2; half > 0; half /= 2)                                             \
            for (int k = 0; k < half; k++) sum[k] += sum[k + half];                                        \
        return (real)((double)m * sqrt(sum[0]));                                                           \
    }                                                                                                      \
    static real length_##suffix(const real *x, int64_t count) {                                            \
        double sum = 0;                                                                                    \
        for (int64_t e = 0; e < count; e += RUN) sum += (double)tg_row_spread_##suffix(x + e, count - e < RUN ? count - e : RUN, 0); \
        return sum >= (least) && !isinf(sum) ? (real)sqrt(sum) : careful_length_##suffix(x, count);        \
    }                                                                                                      \
    static void norm_##suffix(const tg_call *call) {                                                       \
        *(real *)call->output = length_##suffix(call->inputs[0].data, call->inputs[0].rows * call->inputs[0].cols); \
    }                                                                                                      \
    static void norm_cols_##suffix(const tg_call *call) {                                                  \
        for (int64_t i = call->row_begin; i < call->row_end; i++)                                          \
            ((real *)call->output)[i] = length_##suffix(tg_row_##suffix(call, 0, i), call->inputs[0].cols);\
    }                                                                                                      \
    /* of a block of columns at a time */                                                                  \
    static void norm_block_##suffix(const tg_call *call, int64_t begin, int64_t count) {                   \
        real   m[BLOCK]   = { 0 }, unit[BLOCK];                                                            \
        double sum[BLOCK] = { 0 };                                                                         \
        for (int64_t i = 0; i < call->inputs[0].rows; i++) {                                               \
            const real *x = tg_row_##suffix(call, 0, i) + begin;                                           \
            for (int64_t j = 0; j < count; j++) m[j] = LARGER(real, x[j], m[j]);                           \
        }                                                                                                  \
        for (int64_t j = 0; j < count; j++) unit[j] = IS_NORM(m[j]) ? 1 : m[j];                            \
        for (int64_t i = 0; i < call->inputs[0].rows; i++) {                                               \
            const real *x = tg_row_##suffix(call, 0, i) + begin;                                           \
            for (int64_t j = 0; j < count; j++) sum[j] += (double)(x[j] / unit[j]) * (double)(x[j] / unit[j]); \
        }                                                                                                  \
        for (int64_t j = 0; j < count; j++)                                                                \
            ((real *)call->output)[begin + j] = IS_NORM(m[j]) ? m[j] : (real)((double)m[j] * sqrt(sum[j])); \
    }                                                                                                      \
    static void norm_rows_##suffix(const tg_call *call) {                                                  \
        for (int64_t j = 0; j < call->cols; j += BLOCK) norm_block_##suffix(call, j, call->cols - j < BLOCK ? call->cols - j : BLOCK); \
    }
NORM(float, f32, 0x1p-70)
NORM(double, f64, 0x1p-900)

/* dL/dx = x (g / y), and 0 where y is 0, with all its derivatives */
static void norm_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) {
    const tg_tensor y = a->output, zero = tg_constant(a->tape, 0), one = tg_constant(a->tape, 1);
    cotangents[0] = tg_mul(a->inputs[0], tg_select(y, tg_div(g, tg_select(y, y, one)), zero));
}

#define LENGTH(name_, flags_, shape_, text_, tex_)                                                         \
    const tg_op tg_##name_##_op = { .size = sizeof(tg_op), .name = #name_, .arity = 1, .flags = flags_, .shape = shape_, .f32 = name_##_f32, \
                                    .f64 = name_##_f64, .vjp = norm_vjp, .text = text_, .tex = tex_ };     \
    tg_tensor tg_##name_(tg_tensor x) { return tg_apply1(&tg_##name_##_op, x, NULL); }

LENGTH(norm, 0, tg_all_shape, "norm(%0)", "\\lVert %0\\rVert")
LENGTH(norm_rows, 0, tg_row_shape, "norm_rows(%0)", "\\lVert %0\\rVert_i")
LENGTH(norm_cols, TG_OP_ROWWISE, tg_column_shape, "norm_cols(%0)", "\\lVert %0\\rVert_j")
