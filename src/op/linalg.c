/* linalg.c - matrix product and transpose. */
#include "kernel/gemm.h"
#include "op/builtin.h"

#include <string.h>

/* ---- c = op(a) op(b), op being transposition or nothing ---- */

typedef struct { int32_t transpose_a, transpose_b; } transposes;

static tg_status matmul_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count;
    const transposes *t = attributes;
    *why = "the inner sizes must be equal";
    if (in[0].rows < 0 || in[1].rows < 0 || in[0].integer || in[1].integer) return TG_TYPE_MISMATCH;
    *output = (tg_shape){ t->transpose_a ? in[0].cols : in[0].rows, t->transpose_b ? in[1].rows : in[1].cols, false };
    return (t->transpose_a ? in[0].rows : in[0].cols) == (t->transpose_b ? in[1].cols : in[1].rows) ? TG_OK : TG_SHAPE_MISMATCH;
}

/* Rows of the output are rows of a, or columns of a transposed one. */
#define MATMUL(real, suffix)                                                                                              \
    static void matmul_##suffix(const tg_call *call) {                                                                    \
        const transposes *t = call->attributes;                                                                           \
        const tg_operand *a = &call->inputs[0], *b = &call->inputs[1];                                                    \
        const real       *first = (const real *)a->data + call->row_begin * (t->transpose_a ? 1 : a->row_stride);         \
        const int64_t     rows = call->row_end - call->row_begin, inner = t->transpose_a ? a->rows : a->cols;             \
        real             *c = (real *)call->output + call->row_begin * call->cols;                                        \
        if (call->added == NULL)                                                                                          \
            tg_gemm_##suffix(t->transpose_a, t->transpose_b, rows, call->cols, inner, first, a->row_stride, b->data, b->row_stride, c, call->cols); \
        else                                                                                                              \
            tg_gemm_update_##suffix(t->transpose_a, t->transpose_b, rows, call->cols, inner, first, a->row_stride, b->data, b->row_stride, c, call->cols, \
                                    *(const real *)call->factor, (const real *)call->added + call->row_begin * call->cols); \
    }
MATMUL(float, f32)
MATMUL(double, f64)

/* With G the cotangent of c: da = G op(b)^T, db = op(a)^T G, each transposed once more where the operand was. */
static void matmul_vjp(const tg_application *application, tg_tensor g, tg_tensor cotangents[]) {
    const tg_tensor a = application->inputs[0], b = application->inputs[1];
    const bool      ta = ((const transposes *)application->attributes)->transpose_a, tb = ((const transposes *)application->attributes)->transpose_b;
    if (application->wanted[0]) cotangents[0] = ta ? tg_matmul_transposed(b, tb, g, true) : tg_matmul_transposed(g, false, b, !tb);
    if (application->wanted[1]) cotangents[1] = tb ? tg_matmul_transposed(g, true, a, ta) : tg_matmul_transposed(a, !ta, g, false);
}

/* op(a) with a = x' is x, transposed if op does not */
static tg_tensor matmul_simplify(const tg_application *application) {
    const transposes *t = application->attributes;
    const tg_tensor   a = application->inputs[0], b = application->inputs[1];
    const tg_tensor   under_a = tg_operand_under(a, &tg_transpose_op, NULL), under_b = tg_operand_under(b, &tg_transpose_op, NULL);
    if (under_a.tape == NULL && under_b.tape == NULL) return TG_NONE;
    return tg_matmul_transposed(under_a.tape != NULL ? under_a : a, (under_a.tape != NULL) != t->transpose_a,
                                under_b.tape != NULL ? under_b : b, (under_b.tape != NULL) != t->transpose_b);
}

/* Each pair of transposes, with cols as the columns of the product and as the inner size. */
static bool matmul_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    const transposes t     = { index & 1, index >> 1 & 1 };
    const int64_t    inner = index < 4 ? 5 : cols, across = index < 4 ? cols : 4;
    memcpy(example->attributes, &t, sizeof t);
    example->shapes[0] = (tg_shape){ t.transpose_a ? inner : rows, t.transpose_a ? rows : inner, false };
    example->shapes[1] = (tg_shape){ t.transpose_b ? across : inner, t.transpose_b ? inner : across, false };
    return index < 8;
}

const tg_op tg_matmul_op = { .size = sizeof(tg_op), .name = "matmul", .arity = 2, .attribute_size = sizeof(transposes), .flags = TG_OP_PRODUCT,
                             .shape = matmul_shape, .simplify = matmul_simplify, .f32 = matmul_f32, .f64 = matmul_f64, .vjp = matmul_vjp,
                             .text = "%0 %1", .tex = "%0\\,%1", .example = matmul_example };

tg_tensor tg_matmul_transposed(tg_tensor a, bool transpose_a, tg_tensor b, bool transpose_b) {
    return tg_apply(a.tape != NULL ? a.tape : b.tape, &tg_matmul_op, (const tg_tensor[]){ a, b }, 2, &(transposes){ transpose_a, transpose_b });
}

tg_tensor tg_matmul(tg_tensor a, tg_tensor b) { return tg_matmul_transposed(a, false, b, false); }

tg_tensor tg_linear(tg_tensor x, tg_tensor weight, tg_tensor bias) {
    tg_tensor product = tg_matmul(x, weight);
    return bias.tape != NULL ? tg_add(product, bias) : product;
}

/* ---- transpose ---- */

static tg_status transpose_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count, (void)attributes;
    *why    = "labels and indices have no transpose";
    *output = (tg_shape){ in[0].cols, in[0].rows, false };
    return in[0].integer || in[0].rows < 0 ? TG_TYPE_MISMATCH : TG_OK;
}

#define TRANSPOSE(real, suffix)                                                                                           \
    static void transpose_##suffix(const tg_call *call) {                                                                 \
        const real *from = call->inputs[0].data;                                                                          \
        for (int64_t i = call->row_begin; i < call->row_end; i++)                                                         \
            for (int64_t j = 0; j < call->cols; j++) ((real *)call->output)[i * call->cols + j] = from[j * call->inputs[0].row_stride + i]; \
    }
TRANSPOSE(float, f32)
TRANSPOSE(double, f64)

static void transpose_vjp(const tg_application *application, tg_tensor g, tg_tensor cotangents[]) {
    (void)application;
    cotangents[0] = tg_transpose(g);
}

/* x'' = x; the transpose of one row or column is the same memory in another shape */
static tg_tensor transpose_simplify(const tg_application *a) {
    const tg_tensor x = a->inputs[0], under = tg_operand_under(x, &tg_transpose_op, NULL);
    if (under.tape != NULL) return under;
    return tg_rows(x) == 1 || tg_cols(x) == 1 ? tg_view(x, 0, tg_cols(x), tg_rows(x)) : TG_NONE;
}

const tg_op tg_transpose_op = { .size = sizeof(tg_op), .name = "transpose", .arity = 1, .shape = transpose_shape,
                                .simplify = transpose_simplify, .f32 = transpose_f32, .f64 = transpose_f64, .vjp = transpose_vjp,
                                .text = "%0'", .tex = "%0^{\\top}" };

tg_tensor tg_transpose(tg_tensor x) { return tg_apply1(&tg_transpose_op, x, NULL); }
