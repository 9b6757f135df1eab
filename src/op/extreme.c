/* extreme.c - the largest and the smallest of all elements, of each column and of each row, and where in its row it stands. */
#include "op/reduction.h"

/* ---- shapes: there is no largest of nothing ---- */

static tg_status some(bool is_empty, const char **why) {
    *why = "of no elements there is no largest and no smallest";
    return is_empty ? TG_SHAPE_MISMATCH : TG_OK;
}

static tg_status all_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    const tg_status status = tg_all_shape(in, count, attributes, output, why);
    return status != TG_OK ? status : some(in[0].rows == 0 || in[0].cols == 0, why);
}

static tg_status row_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    const tg_status status = tg_row_shape(in, count, attributes, output, why);
    return status != TG_OK ? status : some(in[0].rows == 0, why);
}

static tg_status column_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    const tg_status status = tg_column_shape(in, count, attributes, output, why);
    return status != TG_OK ? status : some(in[0].cols == 0, why);
}

static tg_status place_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    const tg_status status = column_shape(in, count, attributes, output, why);
    output->integer = true;
    if (status != TG_OK) return status;
    *why = "there are more columns than an index can count";
    return in[0].cols <= INT32_MAX ? TG_OK : TG_TOO_LARGE;
}

/* ---- kernels. In lanes, because each comparison waits for the one before; the order matters for the sign of a zero alone ---- */

enum { LANES = 32 };      /* more than compilers unroll, which would keep them from computing several at once */

/* A NaN is kept when it is met. Without a branch, so that it is done for several elements at once. */
#define PICK(beats, x, best) ((((x) beats (best)) | ((x) != (x))) ? (x) : (best))

#define EXTREME(name, real, suffix, beats)                                                                 \
    static real name##_of_##suffix(const real *x, int64_t count) {                                         \
        real    lane[LANES], best = x[0];                                                                  \
        int64_t e = LANES;                                                                                 \
        for (int64_t k = 1; k < count && count < LANES; k++) best = PICK(beats, x[k], best);               \
        if (count < LANES) return best;                                                                    \
        for (int k = 0; k < LANES; k++) lane[k] = x[k];                                                    \
        for (; e + LANES <= count; e += LANES)                                                             \
            for (int k = 0; k < LANES; k++) lane[k] = PICK(beats, x[e + k], lane[k]);                      \
        for (int k = 0; e + k < count; k++) lane[k] = PICK(beats, x[e + k], lane[k]);                      \
        for (int half = LANES / 2; half > 0; half /= 2)                                                    \
            for (int k = 0; k < half; k++) lane[k] = PICK(beats, lane[k + half], lane[k]);                 \
        return lane[0];                                                                                    \
    }                                                                                                      \
    static void name##_##suffix(const tg_call *call) {                                                     \
        const tg_operand *x = &call->inputs[0];                                                            \
        *(real *)call->output = name##_of_##suffix(x->data, x->rows * x->cols);                            \
    }                                                                                                      \
    static void name##_rows_##suffix(const tg_call *call) {                                                \
        real       *y     = call->output;                                                                  \
        const real *first = tg_row_##suffix(call, 0, 0);                                                   \
        for (int64_t j = 0; j < call->cols; j++) y[j] = first[j];                                          \
        for (int64_t i = 1; i < call->inputs[0].rows; i++) {                                               \
            const real *x = tg_row_##suffix(call, 0, i);                                                   \
            for (int64_t j = 0; j < call->cols; j++) y[j] = PICK(beats, x[j], y[j]);                       \
        }                                                                                                  \
    }                                                                                                      \
    static void name##_cols_##suffix(const tg_call *call) {                                                \
        for (int64_t i = call->row_begin; i < call->row_end; i++)                                          \
            ((real *)call->output)[i] = name##_of_##suffix(tg_row_##suffix(call, 0, i), call->inputs[0].cols); \
    }                                                                                                      \
    static void arg##name##_##suffix(const tg_call *call) {                                                \
        for (int64_t i = call->row_begin; i < call->row_end; i++) {                                        \
            const real *x    = tg_row_##suffix(call, 0, i);                                                \
            int64_t     best = 0;                                                                          \
            for (int64_t j = 0; j < call->inputs[0].cols && x[best] == x[best]; j++) best = PICK_PLACE(beats, x, j, best); \
            ((int32_t *)call->output)[i] = (int32_t)best;                                                  \
        }                                                                                                  \
    }
#define PICK_PLACE(beats, x, j, best) ((x)[j] beats (x)[best] || (x)[j] != (x)[j] ? (j) : (best))
EXTREME(max, float, f32, >)
EXTREME(max, double, f64, >)
EXTREME(min, float, f32, <)
EXTREME(min, double, f64, <)

/* ---- same: which elements are the extreme ---- */

#define SAME_LOOP(x, y) \
    for (int64_t j = 0; j < call->cols; j++) to[j] = (x) == (y) || ((x) != (x) && (y) != (y)) ? 1 : 0;

#define SAME(real, suffix)                                                                                 \
    static void same_##suffix(const tg_call *call) {                                                       \
        const int64_t of_x = call->inputs[0].col_stride, of_y = call->inputs[1].col_stride;                \
        for (int64_t i = call->row_begin; i < call->row_end; i++) {                                        \
            const real *x = tg_row_##suffix(call, 0, i), *y = tg_row_##suffix(call, 1, i);                 \
            real       *to = tg_output_row_##suffix(call, i);                                              \
            if (of_x == 1 && of_y == 1) SAME_LOOP(x[j], y[j])                                              \
            else if (of_x == 1) {                                                                          \
                const real single = y[0];                                                                  \
                SAME_LOOP(x[j], single)                                                                    \
            } else SAME_LOOP(x[j * of_x], y[j * of_y])                                                     \
        }                                                                                                  \
    }
SAME(float, f32)
SAME(double, f64)

const tg_op tg_same_op = { .size = sizeof(tg_op), .name = "same", .arity = 2, .flags = TG_OP_ELEMENTWISE | TG_OP_COMMUTES | TG_OP_STOP,
                           .simplify = tg_drop_broadcasts, .f32 = same_f32, .f64 = same_f64, .text = "same(%0, %1)", .tex = "[%0 = %1]" };

tg_tensor tg_same(tg_tensor x, tg_tensor y) { return tg_apply2(&tg_same_op, x, y); }

/* ---- rules ---- */

/* dL/dx = g / n where x is the extreme y, n being how many of them there are; elsewhere 0 */
static tg_tensor share(const tg_application *a, tg_tensor g, tg_tensor (*count)(tg_tensor)) {
    const tg_tensor is_extreme = tg_same(a->inputs[0], a->output), part = tg_div(g, count(is_extreme));
    return tg_select(is_extreme, part, tg_constant(a->tape, 0));
}

static void share_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) { cotangents[0] = share(a, g, tg_sum); }
static void share_rows_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) { cotangents[0] = share(a, g, tg_sum_rows); }
static void share_cols_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) { cotangents[0] = share(a, g, tg_sum_cols); }

/* ---- descriptors ---- */

#define DESCRIPTOR(name_, ...)                                                                             \
    const tg_op tg_##name_##_op = { .size = sizeof(tg_op), .name = #name_, .arity = 1, .f32 = name_##_f32, .f64 = name_##_f64, __VA_ARGS__ }; \
    tg_tensor tg_##name_(tg_tensor x) { return tg_apply1(&tg_##name_##_op, x, NULL); }

DESCRIPTOR(max, .shape = all_shape, .vjp = share_vjp, .text = "max(%0)", .tex = "\\max %0")
DESCRIPTOR(max_rows, .shape = row_shape, .vjp = share_rows_vjp, .text = "max_rows(%0)", .tex = "\\max_i %0")
DESCRIPTOR(max_cols, .flags = TG_OP_ROWWISE, .shape = column_shape, .vjp = share_cols_vjp, .text = "max_cols(%0)", .tex = "\\max_j %0")
DESCRIPTOR(min, .shape = all_shape, .vjp = share_vjp, .text = "min(%0)", .tex = "\\min %0")
DESCRIPTOR(min_rows, .shape = row_shape, .vjp = share_rows_vjp, .text = "min_rows(%0)", .tex = "\\min_i %0")
DESCRIPTOR(min_cols, .flags = TG_OP_ROWWISE, .shape = column_shape, .vjp = share_cols_vjp, .text = "min_cols(%0)", .tex = "\\min_j %0")
DESCRIPTOR(argmax, .flags = TG_OP_ROWWISE | TG_OP_STOP, .shape = place_shape, .text = "argmax(%0)", .tex = "\\mathrm{argmax}_j\\,%0")
DESCRIPTOR(argmin, .flags = TG_OP_ROWWISE | TG_OP_STOP, .shape = place_shape, .text = "argmin(%0)", .tex = "\\mathrm{argmin}_j\\,%0")
