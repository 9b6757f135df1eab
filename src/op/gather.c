/* gather.c - rows chosen by integers, and their way back. */
#include "op/builtin.h"

#include <string.h>

/* ---- gather_rows: y_i = table_index(i) ---- */

static tg_status index_column(const tg_shape in[], const char **why) {
    *why = "takes a matrix of numbers and a column of integers";
    if (in[0].integer || in[0].rows < 0 || !in[1].integer) return TG_TYPE_MISMATCH;
    *why = "the integers must stand in one column";
    return in[1].cols == 1 ? TG_OK : TG_SHAPE_MISMATCH;
}

static tg_status gather_rows_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count, (void)attributes;
    *output = (tg_shape){ in[1].rows, in[0].cols, false };
    return index_column(in, why);
}

static int64_t gather_rows_limit(const tg_shape in[], int count, const void *attributes) {
    (void)count, (void)attributes;
    return in[0].rows;
}

/* Row i of the output is row index[i] of the table; indices have been checked. */
static void gather_rows(const tg_call *call, size_t element_bytes) {
    const int32_t *index = call->inputs[1].data;
    const size_t   row   = (size_t)call->cols * element_bytes;
    for (int64_t i = call->row_begin; i < call->row_end && row > 0; i++)
        memcpy((char *)call->output + (size_t)i * row, (const char *)call->inputs[0].data + (size_t)index[i] * row, row);
}

static void gather_rows_f32(const tg_call *call) { gather_rows(call, sizeof(float)); }
static void gather_rows_f64(const tg_call *call) { gather_rows(call, sizeof(double)); }

static void gather_rows_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) {
    if (a->wanted[0]) cotangents[0] = tg_scatter_rows(g, a->inputs[1], tg_rows(a->inputs[0]));
}

static bool gather_rows_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    example->shapes[0] = (tg_shape){ 3, cols, false };
    example->shapes[1] = (tg_shape){ rows, 1, true };
    return index == 0;
}

const tg_op tg_gather_rows_op = { .size    = sizeof(tg_op),
                                  .name    = "gather_rows",
                                  .arity   = 2,
                                  .shape   = gather_rows_shape,
                                  .example = gather_rows_example,
                                  .limit   = gather_rows_limit,
                                  .f32     = gather_rows_f32,
                                  .f64     = gather_rows_f64,
                                  .vjp     = gather_rows_vjp,
                                  .text    = "gather_rows(%0, %1)",
                                  .tex     = "%0_{%1}" };

tg_tensor tg_gather_rows(tg_tensor table, tg_tensor index) { return tg_apply2(&tg_gather_rows_op, table, index); }

/* ---- scatter_rows: y_n = sum of those x_i for which index(i) = n, i ascending ---- */

typedef struct { int64_t rows; } height;

static tg_status scatter_rows_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count;
    const int64_t   rows   = ((const height *)attributes)->rows;
    const tg_status status = index_column(in, why);
    *output = (tg_shape){ rows, in[0].cols, false };
    if (status != TG_OK) return status;
    *why = "there must be one integer for each row";
    if (in[0].rows != in[1].rows) return TG_SHAPE_MISMATCH;
    *why = "there cannot be fewer than no rows";
    return rows >= 0 ? TG_OK : TG_BAD_ARGUMENT;
}

static int64_t scatter_rows_limit(const tg_shape in[], int count, const void *attributes) {
    (void)in, (void)count;
    return ((const height *)attributes)->rows;
}

#define SCATTER(real, suffix)                                                                              \
    static void scatter_rows_##suffix(const tg_call *call) {                                               \
        const int32_t *index = call->inputs[1].data;                                                       \
        real          *all   = call->output;                                                               \
        for (int64_t e = 0; e < call->rows * call->cols; e++) all[e] = 0;                                  \
        for (int64_t i = 0; i < call->inputs[0].rows; i++) {                                               \
            const real *x = tg_row_##suffix(call, 0, i);                                                   \
            real       *y = tg_output_row_##suffix(call, index[i]);                                        \
            for (int64_t j = 0; j < call->cols; j++) y[j] += x[j];                                         \
        }                                                                                                  \
    }
SCATTER(float, f32)
SCATTER(double, f64)

static void scatter_rows_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) {
    if (a->wanted[0]) cotangents[0] = tg_gather_rows(g, a->inputs[1]);
}

static bool scatter_rows_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    (void)cols;
    example->shapes[1] = (tg_shape){ rows, 1, true };
    memcpy(example->attributes, &(height){ 3 }, sizeof(height));
    return index == 0;
}

const tg_op tg_scatter_rows_op = { .size           = sizeof(tg_op),
                                   .name           = "scatter_rows",
                                   .arity          = 2,
                                   .attribute_size = sizeof(height),
                                   .shape          = scatter_rows_shape,
                                   .example        = scatter_rows_example,
                                   .limit          = scatter_rows_limit,
                                   .f32            = scatter_rows_f32,
                                   .f64            = scatter_rows_f64,
                                   .vjp            = scatter_rows_vjp,
                                   .text           = "scatter_rows(%0, %1)",
                                   .tex            = "\\mathrm{scatter}_{%1}(%0)" };

tg_tensor tg_scatter_rows(tg_tensor x, tg_tensor index, int64_t rows) {
    return tg_apply(x.tape != NULL ? x.tape : index.tape, &tg_scatter_rows_op, (const tg_tensor[]){ x, index }, 2, &(height){ rows });
}
