/* reduce.c - sums and means, and the ops on rows that are made of them. */
#include "op/reduction.h"
#include "op/sums.h"

#include <string.h>

/* ---- kernels, for both types ---- */

#define KERNELS(real, suffix)                                                                                             \
    TG_LOOP void sum_##suffix##_loop(const tg_call *call) {                                                               \
        const tg_operand *x    = &call->inputs[0];                                                                        \
        real             *lane = call->state;                                                                             \
        if (lane == NULL) {                                                                                               \
            *(real *)call->output = tg_lane_sum_##suffix(x->data, x->rows * x->cols);                                     \
            return;                                                                                                       \
        }                                                                                                                 \
        for (int k = 0; k < TG_LANES && call->first; k++) lane[k] = 0;                                                    \
        tg_lane_sum_##suffix##_part(lane, call->first_element, x->data, x->rows * x->cols);                               \
        if (call->last) *(real *)call->output = tg_lane_sum_##suffix##_total(lane);                                       \
    }                                                                                                                     \
    TG_BY_LEVEL(sum_##suffix, const tg_call *)                                                                            \
    static void mean_##suffix(const tg_call *call) {                                                                      \
        sum_##suffix(call);                                                                                               \
        if (call->state == NULL || call->last) *(real *)call->output /= (real)(call->all_rows * call->all_cols);          \
    }                                                                                                                     \
    TG_LOOP void sum_to_##suffix##_loop(const tg_call *call) {                                                            \
        const tg_operand *x = &call->inputs[0];                                                                           \
        real             *y = call->output;                                                                               \
        for (int64_t j = 0; j < call->cols && (call->state == NULL || call->first); j++) y[j] = 0;                        \
        for (int64_t i = 0; i < x->rows; i++)                                                                             \
            for (int64_t j = 0; j < call->cols; j++) y[j] += ((const real *)x->data)[i * x->row_stride + j];              \
    }                                                                                                                     \
    TG_BY_LEVEL(sum_to_##suffix, const tg_call *)                                                                         \
    static void mean_rows_##suffix(const tg_call *call) {                                                                 \
        sum_to_##suffix(call);                                                                                            \
        for (int64_t j = 0; j < call->cols && (call->state == NULL || call->last); j++) ((real *)call->output)[j] /= (real)call->all_rows; \
    }                                                                                                                     \
    static void sum_cols_##suffix(const tg_call *call) {                                                                  \
        for (int64_t i = call->row_begin; i < call->row_end; i++)                                                         \
            ((real *)call->output)[i] = tg_row_sum_##suffix(tg_row_##suffix(call, 0, i), call->inputs[0].cols);           \
    }                                                                                                                     \
    static void mean_cols_##suffix(const tg_call *call) {                                                                 \
        sum_cols_##suffix(call);                                                                                          \
        for (int64_t i = call->row_begin; i < call->row_end; i++) ((real *)call->output)[i] /= (real)call->inputs[0].cols;\
    }                                                                                                                     \
    TG_LOOP void logsumexp_##suffix##_loop(const tg_call *call) {                                                         \
        for (int64_t i = call->row_begin; i < call->row_end; i++)                                                         \
            ((real *)call->output)[i] = tg_row_logsumexp_##suffix(tg_row_##suffix(call, 0, i), call->inputs[0].cols);     \
    }                                                                                                                     \
    TG_BY_LEVEL(logsumexp_##suffix, const tg_call *)                                                                      \
    TG_LOOP void softmax_##suffix##_loop(const tg_call *call) {                                                           \
        for (int64_t i = call->row_begin; i < call->row_end; i++)                                                         \
            tg_row_softmax_##suffix(tg_row_##suffix(call, 0, i), call->cols, tg_output_row_##suffix(call, i));            \
    }                                                                                                                     \
    TG_BY_LEVEL(softmax_##suffix, const tg_call *)                                                                        \
    TG_LOOP void log_softmax_##suffix##_loop(const tg_call *call) {                                                       \
        for (int64_t i = call->row_begin; i < call->row_end; i++) {                                                       \
            const real *x = tg_row_##suffix(call, 0, i);                                                                  \
            real       *y = tg_output_row_##suffix(call, i);                                                              \
            real        m;                                                                                                \
            const real  above = tg_row_logsumexp_##suffix##_above(x, call->cols, &m);                                     \
            for (int64_t j = 0; j < call->cols; j++) y[j] = x[j] - m - above;                                             \
        }                                                                                                                 \
    }                                                                                                                     \
    TG_BY_LEVEL(log_softmax_##suffix, const tg_call *)
KERNELS(float, f32)
KERNELS(double, f64)

/* ---- rules. A cotangent smaller than its tensor is broadcast by the walk ---- */

static void sum_vjp(const tg_application *application, tg_tensor g, tg_tensor cotangents[]) {
    (void)application;
    cotangents[0] = g;
}

static double rows_of(const tg_application *application) { return (double)tg_rows(application->inputs[0]); }
static double cols_of(const tg_application *application) { return (double)tg_cols(application->inputs[0]); }

static void mean_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) { cotangents[0] = tg_scale(g, 1 / (rows_of(a) * cols_of(a))); }
static void mean_rows_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) { cotangents[0] = tg_scale(g, 1 / rows_of(a)); }
static void mean_cols_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) { cotangents[0] = tg_scale(g, 1 / cols_of(a)); }

/* dL/dx = g softmax(x) */
static void logsumexp_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) { cotangents[0] = tg_mul(g, tg_softmax(a->inputs[0])); }

/* dL/dx_j = y_j (g_j - sum_k g_k y_k) */
static void softmax_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) {
    cotangents[0] = tg_mul(a->output, tg_sub(g, tg_sum_cols(tg_mul(g, a->output))));
}

/* dL/dx_j = g_j - softmax(x)_j sum_k g_k */
static void log_softmax_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) {
    const tg_tensor softmax = tg_softmax(a->inputs[0]);
    cotangents[0] = tg_sub(g, tg_mul(softmax, tg_sum_cols(g)));
}

/* ---- meanings in other ops ---- */

static tg_tensor mean_expand(const tg_application *a) { return tg_scale(tg_sum(a->inputs[0]), 1 / (rows_of(a) * cols_of(a))); }
static tg_tensor mean_rows_expand(const tg_application *a) { return tg_scale(tg_sum_rows(a->inputs[0]), 1 / rows_of(a)); }
static tg_tensor mean_cols_expand(const tg_application *a) { return tg_scale(tg_sum_cols(a->inputs[0]), 1 / cols_of(a)); }
static tg_tensor softmax_expand(const tg_application *a) { return tg_exp(tg_log_softmax(a->inputs[0])); }
static tg_tensor log_softmax_expand(const tg_application *a) { return tg_sub(a->inputs[0], tg_logsumexp(a->inputs[0])); }

#define REDUCTION(name_, flags_, shape_, vjp_, expand_, text_, tex_)                                                      \
    const tg_op tg_##name_##_op = { .size = sizeof(tg_op), .name = #name_, .arity = 1, .flags = flags_, .shape = shape_,  \
                                    .expand = expand_, .f32 = name_##_f32, .f64 = name_##_f64, .vjp = vjp_, .text = text_, .tex = tex_ }; \
    tg_tensor tg_##name_(tg_tensor x) { return tg_apply1(&tg_##name_##_op, x, NULL); }

#define sum_rows_f32 sum_to_f32
#define sum_rows_f64 sum_to_f64
REDUCTION(sum, TG_OP_ROW_SUM | TG_OP_CONTINUES, tg_all_shape, sum_vjp, NULL, "sum(%0)", "\\sum %0")
REDUCTION(sum_rows, TG_OP_ROW_SUM | TG_OP_CONTINUES, tg_row_shape, sum_vjp, NULL, "sum_rows(%0)", "\\sum_i %0")
REDUCTION(sum_cols, TG_OP_ROWWISE, tg_column_shape, sum_vjp, NULL, "sum_cols(%0)", "\\sum_j %0")
REDUCTION(mean, TG_OP_ROW_SUM | TG_OP_CONTINUES, tg_all_shape, mean_vjp, mean_expand, "mean(%0)", "\\mathrm{mean}(%0)")
REDUCTION(mean_rows, TG_OP_ROW_SUM | TG_OP_CONTINUES, tg_row_shape, mean_rows_vjp, mean_rows_expand, "mean_rows(%0)", "\\mathrm{mean}_i\\,%0")
REDUCTION(mean_cols, TG_OP_ROWWISE, tg_column_shape, mean_cols_vjp, mean_cols_expand, "mean_cols(%0)", "\\mathrm{mean}_j\\,%0")
REDUCTION(logsumexp, TG_OP_ROWWISE, tg_column_shape, logsumexp_vjp, NULL, "ln(sum_cols(exp(%0)))", "\\ln\\sum_j e^{%0}")
REDUCTION(softmax, TG_OP_ROWWISE, tg_same_shape, softmax_vjp, softmax_expand, "exp(%0) / sum_cols(exp(%0))", "\\mathrm{softmax}(%0)")
REDUCTION(log_softmax, TG_OP_ROWWISE, tg_same_shape, log_softmax_vjp, log_softmax_expand, "%0 - logsumexp(%0)", "\\ln\\mathrm{softmax}(%0)")

/* ---- sum_to: adds up the dimensions that become 1, as one of the three sums above ---- */

typedef struct { int64_t rows, cols; } sizes;

static tg_status sum_to_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count;
    const sizes *to     = attributes;
    tg_status    status = tg_real_operand(in, why);
    if (status != TG_OK) return status;
    *why    = "a dimension must stay or become 1";
    *output = (tg_shape){ to->rows, to->cols, false };
    return (to->rows == in[0].rows || to->rows == 1) && (to->cols == in[0].cols || to->cols == 1) ? TG_OK : TG_SHAPE_MISMATCH;
}

static tg_tensor sum_to_expand(const tg_application *a) {
    const sizes    *to   = a->attributes;
    const tg_tensor x    = a->inputs[0];
    const bool      rows = to->rows != tg_rows(x), cols = to->cols != tg_cols(x);
    if (rows && cols) return tg_sum(x);
    return rows ? tg_sum_rows(x) : cols ? tg_sum_cols(x) : tg_view(x, 0, to->rows, to->cols);
}

/* Every pair of sizes that it can sum to. */
static bool sum_to_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    const sizes to = { index & 1 ? 1 : rows, index & 2 ? 1 : cols };
    memcpy(example->attributes, &to, sizeof to);
    return index < 4;
}

const tg_op tg_sum_to_op = { .size = sizeof(tg_op), .name = "sum_to", .arity = 1, .attribute_size = sizeof(sizes), .shape = sum_to_shape,
                             .expand = sum_to_expand, .vjp = sum_vjp, .text = "sum_to(%0)", .tex = "\\sum %0",
                             .example = sum_to_example };

tg_tensor tg_sum_to(tg_tensor x, int64_t rows, int64_t cols) { return tg_apply1(&tg_sum_to_op, x, &(sizes){ rows, cols }); }
