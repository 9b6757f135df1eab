/* columns.c - parts of rows: some columns, zeros beside them, matrices side by side. What concerns whole rows is a view or a concat (parts.c). */
#include "op/builtin.h"

#include <string.h>

static tg_status refuse_integers(const tg_shape in[], int count, const char **why) {
    *why = "takes matrices of numbers, all given";
    for (int k = 0; k < count; k++)
        if (in[k].integer || in[k].rows < 0) return TG_TYPE_MISMATCH;
    return TG_OK;
}

static size_t element_bytes(bool f64) { return f64 ? sizeof(double) : sizeof(float); }

/* Row i of operand k, from column j on; and of the output. */
static const char *from_at(const tg_call *call, int k, int64_t i, int64_t j, bool f64) {
    return (const char *)call->inputs[k].data + (size_t)(i * call->inputs[k].row_stride + j) * element_bytes(f64);
}

static char *to_at(const tg_call *call, int64_t i, int64_t j, bool f64) {
    return (char *)call->output + (size_t)(i * call->cols + j) * element_bytes(f64);
}

#define KERNELS(name)                                                                                      \
    static void name##_f32(const tg_call *call) { name(call, false); }                                     \
    static void name##_f64(const tg_call *call) { name(call, true); }

/* ---- slice_cols: y_ij = x_i,begin+j ---- */

typedef struct { int64_t begin, end; } range;

static tg_status slice_cols_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    const range    *a      = attributes;
    const tg_status status = refuse_integers(in, count, why);
    if (status != TG_OK) return status;
    *why    = "a slice begins at 0 or later and does not end before it begins";
    *output = (tg_shape){ in[0].rows, a->end - a->begin, false };
    if (a->begin < 0 || a->end < a->begin) return TG_BAD_ARGUMENT;
    *why = "the slice reaches beyond the columns";
    return a->end <= in[0].cols ? TG_OK : TG_SHAPE_MISMATCH;
}

static void slice_cols(const tg_call *call, bool f64) {
    const int64_t begin = ((const range *)call->attributes)->begin;
    for (int64_t i = call->row_begin; i < call->row_end && call->cols > 0; i++)
        memcpy(to_at(call, i, 0, f64), from_at(call, 0, i, begin, f64), (size_t)call->cols * element_bytes(f64));
}
KERNELS(slice_cols)

/* dL/dx is g where it was cut out, and 0 beside it */
static void slice_cols_vjp(const tg_application *application, tg_tensor g, tg_tensor cotangents[]) {
    const range *a = application->attributes;
    cotangents[0] = tg_pad_cols(g, a->begin, tg_cols(application->inputs[0]) - a->end);
}

/* All columns are x, and some of a single row are a view of it. */
static tg_tensor slice_cols_simplify(const tg_application *application) {
    const range    *a = application->attributes;
    const tg_tensor x = application->inputs[0];
    if (a->begin == 0 && a->end == tg_cols(x)) return x;
    return tg_rows(x) == 1 ? tg_view(x, a->begin, 1, a->end - a->begin) : TG_NONE;
}

static bool slice_cols_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    (void)rows;
    memcpy(example->attributes, &(range){ index == 0 ? cols / 3 : 0, cols }, sizeof(range));
    return index < 2;
}

const tg_op tg_slice_cols_op = { .size = sizeof(tg_op), .name = "slice_cols", .arity = 1, .attribute_size = sizeof(range), .flags = TG_OP_ROWWISE,
                                 .shape = slice_cols_shape, .simplify = slice_cols_simplify, .f32 = slice_cols_f32, .f64 = slice_cols_f64,
                                 .vjp = slice_cols_vjp, .example = slice_cols_example, .text = "slice_cols(%0)", .tex = "\\mathrm{slice}(%0)" };

tg_tensor tg_slice_cols(tg_tensor x, int64_t begin, int64_t end) { return tg_apply1(&tg_slice_cols_op, x, &(range){ begin, end }); }

/* ---- pad_cols: zeros, x, zeros ---- */

typedef struct { int64_t left, right; } padding;

static tg_status pad_cols_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    const padding  *a      = attributes;
    const tg_status status = refuse_integers(in, count, why);
    if (status != TG_OK) return status;
    *why = "there cannot be fewer than no columns of zeros";
    if (a->left < 0 || a->right < 0) return TG_BAD_ARGUMENT;
    *why = "there are more columns than can be counted";
    if (a->left > INT64_MAX / 4 || a->right > INT64_MAX / 4 || in[0].cols > INT64_MAX / 4) return TG_TOO_LARGE;
    *output = (tg_shape){ in[0].rows, a->left + in[0].cols + a->right, false };
    return TG_OK;
}

static void pad_cols(const tg_call *call, bool f64) {
    const int64_t left = ((const padding *)call->attributes)->left, cols = call->inputs[0].cols;
    if (call->row_begin < call->row_end)
        memset(to_at(call, call->row_begin, 0, f64), 0, (size_t)((call->row_end - call->row_begin) * call->cols) * element_bytes(f64));
    for (int64_t i = call->row_begin; i < call->row_end && cols > 0; i++)
        memcpy(to_at(call, i, left, f64), from_at(call, 0, i, 0, f64), (size_t)cols * element_bytes(f64));
}
KERNELS(pad_cols)

static void pad_cols_vjp(const tg_application *application, tg_tensor g, tg_tensor cotangents[]) {
    const int64_t left = ((const padding *)application->attributes)->left;
    cotangents[0] = tg_slice_cols(g, left, left + tg_cols(application->inputs[0]));
}

static tg_tensor pad_cols_simplify(const tg_application *application) {
    const padding *a = application->attributes;
    return a->left == 0 && a->right == 0 ? application->inputs[0] : TG_NONE;
}

static bool pad_cols_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    (void)rows, (void)cols;
    memcpy(example->attributes, &(padding){ index, 2 * (1 - index) }, sizeof(padding));
    return index < 2;
}

const tg_op tg_pad_cols_op = { .size           = sizeof(tg_op),
                               .name           = "pad_cols",
                               .arity          = 1,
                               .attribute_size = sizeof(padding),
                               .flags          = TG_OP_ROWWISE,
                               .shape          = pad_cols_shape,
                               .simplify       = pad_cols_simplify,
                               .f32            = pad_cols_f32,
                               .f64            = pad_cols_f64,
                               .vjp            = pad_cols_vjp,
                               .example        = pad_cols_example,
                               .text           = "pad_cols(%0)",
                               .tex            = "[0, %0, 0]" };

tg_tensor tg_pad_cols(tg_tensor x, int64_t left, int64_t right) { return tg_apply1(&tg_pad_cols_op, x, &(padding){ left, right }); }

/* ---- concat_cols: row i is row i of each part, one behind the other ---- */

static tg_status concat_cols_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)attributes;
    const tg_status status = refuse_integers(in, count, why);
    if (status != TG_OK) return status;
    *why    = "the parts must have the same number of rows";
    *output = (tg_shape){ count > 0 ? in[0].rows : 0, 0, false };
    for (int k = 0; k < count; k++) {
        if (in[k].rows != in[0].rows) return TG_SHAPE_MISMATCH;
        output->cols += in[k].cols;
    }
    return TG_OK;
}

static void concat_cols(const tg_call *call, bool f64) {
    int64_t begin = 0;
    for (int k = 0; k < call->input_count; k++) {
        const int64_t cols = call->inputs[k].cols;
        for (int64_t i = call->row_begin; i < call->row_end && cols > 0; i++)
            memcpy(to_at(call, i, begin, f64), from_at(call, k, i, 0, f64), (size_t)cols * element_bytes(f64));
        begin += cols;
    }
}
KERNELS(concat_cols)

static void concat_cols_vjp(const tg_application *application, tg_tensor g, tg_tensor cotangents[]) {
    int64_t begin = 0;
    for (int k = 0; k < application->input_count; k++) {
        const int64_t end = begin + tg_cols(application->inputs[k]);
        if (application->wanted[k]) cotangents[k] = tg_slice_cols(g, begin, end);
        begin = end;
    }
}

/* One part is itself; single rows lie one behind the other anyway. */
static tg_tensor concat_cols_simplify(const tg_application *a) {
    if (a->input_count == 1) return a->inputs[0];
    return tg_rows(a->output) == 1 ? tg_concat(a->inputs, a->input_count) : TG_NONE;
}

static bool concat_cols_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    (void)cols;
    if (index == 1) example->shapes[1] = (tg_shape){ rows, 1, false };
    return index < 2;
}

const tg_op tg_concat_cols_op = { .size     = sizeof(tg_op),
                                  .name     = "concat_cols",
                                  .arity    = -1,
                                  .flags    = TG_OP_ROWWISE,
                                  .shape    = concat_cols_shape,
                                  .example  = concat_cols_example,
                                  .simplify = concat_cols_simplify,
                                  .f32      = concat_cols_f32,
                                  .f64      = concat_cols_f64,
                                  .vjp      = concat_cols_vjp,
                                  .text     = "concat_cols(%0, ...)",
                                  .tex      = "[%0 \\mid \\dots]" };

tg_tensor tg_concat_cols(const tg_tensor parts[], int count) {
    if (parts == NULL || count <= 0) return tg_tape_fail(NULL, TG_NULL_ARGUMENT, "tg_concat_cols: there are no parts");
    int given = 0;      /* a part that is not given is a failure on the tape of the others */
    while (given + 1 < count && parts[given].tape == NULL) given++;
    return tg_apply(parts[given].tape, &tg_concat_cols_op, parts, count, NULL);
}
