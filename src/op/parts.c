/* parts.c - views, concats and products in the shapes in which they are wanted; diagonals. */
#include "core/tape.h"
#include "op/reduction.h"

#include <inttypes.h>

static int64_t count_of(tg_tensor x) { return tg_rows(x) * tg_cols(x); }

/* ---- views ---- */

/* Sets the one of both that is -1 so that there are count elements; false: impossible. */
static bool find_sizes(int64_t count, int64_t *rows, int64_t *cols) {
    if (*rows == -1 && *cols > 0) *rows = count / *cols;
    else if (*cols == -1 && *rows > 0) *cols = count / *rows;
    if (*rows < 0 || *cols < 0) return false;
    if (*rows == 0 || *cols == 0) return count == 0;
    return *rows <= count / *cols && *rows * *cols == count;
}

tg_tensor tg_reshape(tg_tensor x, int64_t rows, int64_t cols) {
    if (tg_check_tensor(x, "tg_reshape") != TG_OK) return tg_handle(x.tape, 0);
    const int64_t wanted_rows = rows, wanted_cols = cols;
    if (find_sizes(count_of(x), &rows, &cols)) return tg_view(x, 0, rows, cols);
    return tg_tape_fail(x.tape, TG_SHAPE_MISMATCH, "tg_reshape: [%" PRId64 ",%" PRId64 "] has not as many elements as [%" PRId64 ",%" PRId64 "]",
                        tg_rows(x), tg_cols(x), wanted_rows, wanted_cols);
}

tg_tensor tg_slice_rows(tg_tensor x, int64_t begin, int64_t end) {
    if (tg_check_tensor(x, "tg_slice_rows") != TG_OK) return tg_handle(x.tape, 0);
    if (begin < 0 || end < begin)
        return tg_tape_fail(x.tape, TG_BAD_ARGUMENT, "tg_slice_rows: rows %" PRId64 " to %" PRId64 ": a slice begins at 0 or later and does "
                            "not end before it begins", begin, end);
    if (end > tg_rows(x))
        return tg_tape_fail(x.tape, TG_SHAPE_MISMATCH, "tg_slice_rows: rows %" PRId64 " to %" PRId64 " reach beyond the %" PRId64 " rows", begin, end,
                            tg_rows(x));
    return tg_view(x, begin * tg_cols(x), end - begin, tg_cols(x));
}

/* ---- concat ---- */

tg_tensor tg_concat_rows(const tg_tensor parts[], int count) {
    if (parts == NULL || count <= 0) return tg_tape_fail(NULL, TG_NULL_ARGUMENT, "tg_concat_rows: there are no parts");
    const tg_tensor all  = tg_concat(parts, count);      /* checks them */
    int64_t         rows = 0;
    for (int k = 0; k < count && all.id != 0; k++) {
        if (tg_cols(parts[k]) != tg_cols(parts[0]))
            return tg_tape_fail(all.tape, TG_SHAPE_MISMATCH, "tg_concat_rows: part %d has %" PRId64 " columns, and part 0 has %" PRId64, k,
                                tg_cols(parts[k]), tg_cols(parts[0]));
        rows += tg_rows(parts[k]);
    }
    return all.id != 0 ? tg_view(all, 0, rows, tg_cols(parts[0])) : all;
}

/* ---- repeat ---- */

/* TG_OK, or the failure on the tape. */
static tg_status check_times(tg_tensor x, int64_t times, const char *caller) {
    if (tg_check_tensor(x, caller) != TG_OK) return x.tape != NULL ? tg_tape_status(x.tape) : TG_NULL_ARGUMENT;
    if (times < 0) return tg_tape_fail(x.tape, TG_BAD_ARGUMENT, "%s: %" PRId64 " times is fewer than none", caller, times), TG_BAD_ARGUMENT;
    if (count_of(x) > 0 && times > INT64_MAX / 8 / count_of(x))
        return tg_tape_fail(x.tape, TG_TOO_LARGE, "%s: %" PRId64 " times are more elements than can be counted", caller, times), TG_TOO_LARGE;
    return TG_OK;
}

/* [r, c] as one row, that row repeated, as rows of c again */
tg_tensor tg_repeat_rows(tg_tensor x, int64_t times) {
    if (check_times(x, times, "tg_repeat_rows") != TG_OK) return tg_handle(x.tape, 0);
    return tg_view(tg_broadcast_to(tg_view(x, 0, 1, count_of(x)), times, count_of(x)), 0, times * tg_rows(x), tg_cols(x));
}

tg_tensor tg_repeat_cols(tg_tensor x, int64_t times) {
    if (check_times(x, times, "tg_repeat_cols") != TG_OK) return tg_handle(x.tape, 0);
    if (tg_cols(x) == 1) return tg_broadcast_to(x, tg_rows(x), times);
    if (tg_rows(x) == 1) return tg_view(tg_broadcast_to(x, times, tg_cols(x)), 0, 1, times * tg_cols(x));
    return tg_transpose(tg_repeat_rows(tg_transpose(x), times));
}

/* ---- diagonals ---- */

static tg_status diagonal_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    const tg_status status = tg_row_shape(in, count, attributes, output, why);
    if (status != TG_OK) return status;
    *why = "the matrix must be square";
    return in[0].rows == in[0].cols ? TG_OK : TG_SHAPE_MISMATCH;
}

static tg_status diag_embed_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    const tg_status status = tg_row_shape(in, count, attributes, output, why);
    *output = (tg_shape){ in[0].cols, in[0].cols, false };
    if (status != TG_OK) return status;
    *why = "takes one row";
    return in[0].rows == 1 ? TG_OK : TG_SHAPE_MISMATCH;
}

#define DIAGONALS(real, suffix)                                                                            \
    static void diagonal_##suffix(const tg_call *call) {                                                   \
        for (int64_t j = 0; j < call->cols; j++) ((real *)call->output)[j] = tg_row_##suffix(call, 0, j)[j]; \
    }                                                                                                      \
    static void diag_embed_##suffix(const tg_call *call) {                                                 \
        real *y = call->output;                                                                            \
        for (int64_t e = 0; e < call->rows * call->cols; e++) y[e] = 0;                                    \
        for (int64_t j = 0; j < call->cols; j++) y[j * call->cols + j] = tg_row_##suffix(call, 0, 0)[j];   \
    }
DIAGONALS(float, f32)
DIAGONALS(double, f64)

static void diagonal_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) {
    (void)a;
    cotangents[0] = tg_diag_embed(g);
}

static void diag_embed_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) {
    (void)a;
    cotangents[0] = tg_diagonal(g);
}

static bool diagonal_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    (void)rows;
    example->shapes[0] = (tg_shape){ cols, cols, false };
    return index == 0;
}

static bool diag_embed_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    (void)rows;
    example->shapes[0] = (tg_shape){ 1, cols, false };
    return index == 0;
}

const tg_op tg_diagonal_op   = { .size    = sizeof(tg_op),
                                 .name    = "diagonal",
                                 .arity   = 1,
                                 .shape   = diagonal_shape,
                                 .f32     = diagonal_f32,
                                 .f64     = diagonal_f64,
                                 .vjp     = diagonal_vjp,
                                 .example = diagonal_example,
                                 .text    = "diagonal(%0)",
                                 .tex     = "\\mathrm{diagonal}(%0)" };
const tg_op tg_diag_embed_op = { .size    = sizeof(tg_op),
                                 .name    = "diag_embed",
                                 .arity   = 1,
                                 .shape   = diag_embed_shape,
                                 .f32     = diag_embed_f32,
                                 .f64     = diag_embed_f64,
                                 .vjp     = diag_embed_vjp,
                                 .example = diag_embed_example,
                                 .text    = "diag_embed(%0)",
                                 .tex     = "\\mathrm{diag}(%0)" };

tg_tensor tg_diagonal(tg_tensor x) { return tg_apply1(&tg_diagonal_op, x, NULL); }
tg_tensor tg_diag_embed(tg_tensor x) { return tg_apply1(&tg_diag_embed_op, x, NULL); }

/* ---- products ---- */

static bool is_vector(tg_tensor x) { return tg_rows(x) == 1 || tg_cols(x) == 1; }

tg_tensor tg_outer(tg_tensor x, tg_tensor y) {
    if (tg_check_tensor(x, "tg_outer") != TG_OK || tg_check_operand(x.tape, y, "tg_outer") != TG_OK) return tg_handle(x.tape, 0);
    if (!is_vector(x) || !is_vector(y))
        return tg_tape_fail(x.tape, TG_SHAPE_MISMATCH, "tg_outer: takes rows or columns, not [%" PRId64 ",%" PRId64 "] and [%" PRId64 ",%" PRId64 "]",
                            tg_rows(x), tg_cols(x), tg_rows(y), tg_cols(y));
    const tg_tensor column = tg_view(x, 0, count_of(x), 1), row = tg_view(y, 0, 1, count_of(y));
    return tg_mul(column, row);
}

/* The outer product of x_i and z_i as row i of [batch, in1 in2], times the weight. */
tg_tensor tg_bilinear(tg_tensor x, tg_tensor z, tg_tensor weight, tg_tensor bias) {
    if (tg_check_tensor(x, "tg_bilinear") != TG_OK || tg_check_operand(x.tape, z, "tg_bilinear") != TG_OK ||
        tg_check_operand(x.tape, weight, "tg_bilinear") != TG_OK) return tg_handle(x.tape, 0);
    const int64_t batch = tg_rows(x), in1 = tg_cols(x), in2 = tg_cols(z);
    if (tg_rows(z) != batch || tg_rows(weight) != in1 * in2)
        return tg_tape_fail(x.tape, TG_SHAPE_MISMATCH, "tg_bilinear: [%" PRId64 ",%" PRId64 "] and [%" PRId64 ",%" PRId64 "] want as many rows each, "
                            "and a weight of %" PRId64 " rows, not %" PRId64, batch, in1, tg_rows(z), in2, in1 * in2, tg_rows(weight));
    const tg_tensor left  = tg_view(x, 0, batch * in1, 1);                               /* [batch in1, 1] */
    const tg_tensor right = tg_view(tg_repeat_cols(z, in1), 0, batch * in1, in2);        /* [batch in1, in2]: z_i for each of in1 */
    return tg_linear(tg_view(tg_mul(left, right), 0, batch, in1 * in2), weight, bias);
}
