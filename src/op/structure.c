/* structure.c - ops that move values and compute nothing: broadcast, view, concat, one-hot, stop, assign. */
#include "core/tape.h"
#include "op/builtin.h"

#include <string.h>

static tg_status refuse_integers(const tg_shape in[], int count, const char **why) {
    *why = "takes matrices of numbers, all given";
    for (int i = 0; i < count; i++)
        if (in[i].integer || in[i].rows < 0) return TG_TYPE_MISMATCH;
    return TG_OK;
}

static size_t element_bytes(bool f64) { return f64 ? sizeof(double) : sizeof(float); }

/* ---- broadcast_to: repeats dimensions of size 1. Its derivative sums them again, which the walk does by itself ---- */

typedef struct { int64_t rows, cols; } sizes;

static tg_status broadcast_to_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    const sizes *to     = attributes;
    tg_status    status = refuse_integers(in, count, why);
    if (status != TG_OK) return status;
    *why    = "sizes must be equal or 1";
    *output = (tg_shape){ to->rows, to->cols, false };
    if (to->rows < 0 || to->cols < 0) return TG_BAD_ARGUMENT;
    return (in[0].rows == to->rows || in[0].rows == 1) && (in[0].cols == to->cols || in[0].cols == 1) ? TG_OK : TG_SHAPE_MISMATCH;
}

#define BROADCAST(real, suffix)                                                                            \
    static void broadcast_to_##suffix(const tg_call *call) {                                               \
        const tg_operand *x = &call->inputs[0];                                                            \
        for (int64_t i = call->row_begin; i < call->row_end; i++) {                                        \
            const real *from = (const real *)x->data + i * x->row_stride;                                  \
            real       *to   = (real *)call->output + i * call->cols;                                      \
            for (int64_t j = 0; j < call->cols; j++) to[j] = from[j * x->col_stride];                      \
        }                                                                                                  \
    }
BROADCAST(float, f32)
BROADCAST(double, f64)

static void pass_on(const tg_application *application, tg_tensor g, tg_tensor cotangents[]) {
    (void)application;
    cotangents[0] = g;
}

/* A broadcast to its own shape is x, and one of a broadcast is one of what that repeats. */
static tg_tensor broadcast_to_simplify(const tg_application *a) {
    const tg_tensor x = a->inputs[0], under = tg_operand_under(x, &tg_broadcast_to_op, NULL);
    if (tg_rows(x) == tg_rows(a->output) && tg_cols(x) == tg_cols(a->output)) return x;
    return under.tape != NULL ? tg_broadcast_to(under, tg_rows(a->output), tg_cols(a->output)) : TG_NONE;
}

/* From every pair of sizes that it can repeat. */
static bool broadcast_to_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    memcpy(example->attributes, &(sizes){ rows, cols }, sizeof(sizes));
    example->shapes[0] = (tg_shape){ index & 1 ? 1 : rows, index & 2 ? 1 : cols, false };
    return index < 4;
}

const tg_op tg_broadcast_to_op = { .size = sizeof(tg_op), .name = "broadcast_to", .arity = 1, .attribute_size = sizeof(sizes),
                                   .flags = TG_OP_ELEMENTWISE | TG_OP_BROADCAST, .shape = broadcast_to_shape, .simplify = broadcast_to_simplify,
                                   .f32 = broadcast_to_f32, .f64 = broadcast_to_f64, .vjp = pass_on, .text = "broadcast(%0)", .tex = "%0",
                                   .example = broadcast_to_example };

tg_tensor tg_broadcast_to(tg_tensor x, int64_t rows, int64_t cols) { return tg_apply1(&tg_broadcast_to_op, x, &(sizes){ rows, cols }); }

/* ---- view: rows * cols elements of x from offset. The walk joins the cotangents of all views of one value ---- */

static tg_status view_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    const tg_view_attributes *a      = attributes;
    tg_status                 status = refuse_integers(in, count, why);
    if (status != TG_OK) return status;
    *why    = "the view reaches beyond its tensor";
    *output = (tg_shape){ a->rows, a->cols, false };
    if (a->offset < 0 || a->rows < 0 || a->cols < 0) return TG_BAD_ARGUMENT;
    const int64_t room = in[0].rows * in[0].cols - a->offset;
    return room >= 0 && (a->cols == 0 || a->rows <= room / a->cols) ? TG_OK : TG_SHAPE_MISMATCH;
}

static void copy_view(const tg_call *call, bool f64) {
    const tg_view_attributes *a     = call->attributes;
    const size_t              bytes = element_bytes(f64), begin = (size_t)(call->row_begin * call->cols) * bytes;
    const size_t              count = (size_t)((call->row_end - call->row_begin) * call->cols);
    if (count > 0) memmove((char *)call->output + begin, (const char *)call->inputs[0].data + (size_t)a->offset * bytes + begin, count * bytes);
}

static void view_f32(const tg_call *call) { copy_view(call, false); }
static void view_f64(const tg_call *call) { copy_view(call, true); }

/* A view of all of x in its own shape is x, and one of a view is one of what that views. */
static tg_tensor view_simplify(const tg_application *application) {
    const tg_view_attributes *a = application->attributes;
    const tg_tensor           x = application->inputs[0];
    tg_view_attributes        inner;
    const tg_tensor           under = tg_operand_under(x, &tg_view_op, &inner);
    if (a->offset == 0 && a->rows == tg_rows(x) && a->cols == tg_cols(x)) return x;
    return under.tape != NULL ? tg_view(under, inner.offset + a->offset, a->rows, a->cols) : TG_NONE;
}

/* All of its operand in another shape, and a part in the middle. */
static bool view_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    const tg_view_attributes whole = { 0, cols, rows }, part = { 1, rows, cols };
    memcpy(example->attributes, index == 0 ? &whole : &part, sizeof whole);
    if (index == 1) example->shapes[0] = (tg_shape){ rows + 2, cols + 1, false };
    return index < 2;
}

const tg_op tg_view_op = { .size = sizeof(tg_op), .name = "view", .arity = 1, .attribute_size = sizeof(tg_view_attributes), .flags = TG_OP_VIEW,
                           .shape = view_shape, .simplify = view_simplify, .f32 = view_f32, .f64 = view_f64, .text = "view(%0)",
                           .tex = "\\mathrm{view}(%0)", .example = view_example };

tg_tensor tg_view(tg_tensor x, int64_t offset, int64_t rows, int64_t cols) {
    return tg_apply1(&tg_view_op, x, &(tg_view_attributes){ offset, rows, cols });
}

/* ---- concat: all elements, one part behind the other ---- */

static tg_status concat_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)attributes;
    tg_status status = refuse_integers(in, count, why);
    int64_t   total  = 0;
    for (int i = 0; i < count && status == TG_OK; i++) total += in[i].rows * in[i].cols;
    *output = (tg_shape){ 1, total, false };
    return status;
}

static void copy_parts(const tg_call *call, bool f64) {
    char *to = call->output;
    for (int i = 0; i < call->input_count && call->row_begin < call->row_end; i++) {
        const size_t bytes = (size_t)(call->inputs[i].rows * call->inputs[i].cols) * element_bytes(f64);
        if (bytes > 0) memcpy(to, call->inputs[i].data, bytes);
        to += bytes;
    }
}

static void concat_f32(const tg_call *call) { copy_parts(call, false); }
static void concat_f64(const tg_call *call) { copy_parts(call, true); }

static void concat_vjp(const tg_application *application, tg_tensor g, tg_tensor cotangents[]) {
    int64_t offset = 0;
    for (int i = 0; i < application->input_count; i++) {
        const tg_shape part = tg_shape_of(application->inputs[i]);
        if (application->wanted[i]) cotangents[i] = tg_view(g, offset, part.rows, part.cols);
        offset += part.rows * part.cols;
    }
}

/* ---- the algebra of a concat: a part that is all of a value, in another shape, is that value; pieces of another concat that are whole parts of it
 * are those parts. Elements and their order stay ---- */

typedef struct part_list {
    tg_tensor *at;      /* [capacity] */
    int        count, capacity;
    bool       differs;
} part_list;

static tg_node node_of(tg_tensor tensor) {
    tg_node node = { 0 };
    tg_node_at(tensor.tape, tensor.id, &node);
    return node;
}

static int64_t elements_of(tg_tensor tensor) { return tg_rows(tensor) * tg_cols(tensor); }

static void add_part(part_list *list, tg_tensor part) {
    if (list->count < list->capacity) list->at[list->count] = part;
    list->count++;
}

/* Adds those parts of the concat that make up the elements [begin, end); false: they are cut elsewhere. */
static bool add_pieces(part_list *list, tg_tensor concat, int64_t begin, int64_t end) {
    const tg_node node   = node_of(concat);
    const int     before = list->count;
    int64_t       offset = 0, covered = begin;
    for (int i = 0; i < node.input_count; i++) {
        const tg_tensor part = tg_tensor_at(concat.tape, node.inputs[i]);
        const int64_t   size = elements_of(part);
        if (size > 0 && offset >= begin && offset + size <= end) add_part(list, part), covered += size;
        offset += size;
    }
    if (covered == end) return true;
    list->count = before;
    return false;
}

static void add_simplified(part_list *list, tg_tensor part) {
    const tg_node node = node_of(part);
    if (!(node.op->flags & TG_OP_VIEW)) {
        add_part(list, part);
        return;
    }
    const tg_tensor           viewed = tg_tensor_at(part.tape, node.inputs[0]);
    const tg_view_attributes *view   = node.attributes;
    const bool                whole  = view->offset == 0 && elements_of(part) == elements_of(viewed);
    const bool                of_concat =
        (node_of(viewed).op->flags & TG_OP_CONCAT) != 0 && add_pieces(list, viewed, view->offset, view->offset + elements_of(part));
    if (!of_concat) add_part(list, whole ? viewed : part);
    list->differs |= of_concat || whole;
}

static void simplify_parts(const tg_application *a, part_list *list) {
    list->count = 0;
    for (int i = 0; i < a->input_count; i++) add_simplified(list, a->inputs[i]);
}

static tg_tensor concat_simplify(const tg_application *a) {
    part_list list   = { 0 };
    tg_tensor result = { 0 };
    simplify_parts(a, &list);      /* counts */
    if (!list.differs) return result;
    list.capacity = list.count;
    list.at       = tg_allocate((size_t)list.capacity * sizeof *list.at);
    if (list.at == NULL) return tg_tape_fail(a->tape, TG_OUT_OF_MEMORY, "concat: no memory for %d parts", list.capacity);
    simplify_parts(a, &list);
    result = tg_concat(list.at, list.count);
    tg_release(list.at, (size_t)list.capacity * sizeof *list.at);
    return result;
}

static bool concat_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    example->count     = 3;
    example->shapes[0] = (tg_shape){ rows, cols, false };
    example->shapes[1] = (tg_shape){ 1, 3, false };
    example->shapes[2] = (tg_shape){ cols, 2, false };
    return index == 0;
}

const tg_op tg_concat_op = { .size     = sizeof(tg_op),
                             .name     = "concat",
                             .arity    = -1,
                             .flags    = TG_OP_CONCAT,
                             .shape    = concat_shape,
                             .simplify = concat_simplify,
                             .f32      = concat_f32,
                             .f64      = concat_f64,
                             .vjp      = concat_vjp,
                             .text     = "concat(%0, ...)",
                             .tex      = "[%0, \\dots]",
                             .example  = concat_example };

tg_tensor tg_concat(const tg_tensor parts[], int count) {
    if (parts == NULL || count <= 0) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_concat: there are no parts"), (tg_tensor){ 0 };
    int given = 0;      /* a part that is not given is a failure on the tape of the others */
    while (given + 1 < count && parts[given].tape == NULL) given++;
    return tg_apply(parts[given].tape, &tg_concat_op, parts, count, NULL);
}

/* ---- one_hot ---- */

typedef struct { int64_t classes; } classes;

static tg_status one_hot_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count;
    const classes *a = attributes;
    *why    = "takes integer labels in one column, and at least one class";
    *output = (tg_shape){ in[0].rows, a->classes, false };
    if (!in[0].integer) return TG_TYPE_MISMATCH;
    return in[0].cols == 1 && a->classes >= 1 ? TG_OK : TG_SHAPE_MISMATCH;
}

static int64_t one_hot_limit(const tg_shape in[], int count, const void *attributes) {
    (void)in, (void)count;
    return ((const classes *)attributes)->classes;
}

#define ONE_HOT(real, suffix)                                                                              \
    static void one_hot_##suffix(const tg_call *call) {                                                    \
        const int32_t *label = call->inputs[0].data;                                                       \
        for (int64_t i = call->row_begin; i < call->row_end; i++)                                          \
            for (int64_t j = 0; j < call->cols; j++) ((real *)call->output)[i * call->cols + j] = label[i] == j ? 1 : 0; \
    }
ONE_HOT(float, f32)
ONE_HOT(double, f64)

static bool one_hot_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    memcpy(example->attributes, &(classes){ cols }, sizeof(classes));
    example->shapes[0] = (tg_shape){ rows, 1, true };
    return index == 0;
}

const tg_op tg_one_hot_op = { .size = sizeof(tg_op), .name = "one_hot", .arity = 1, .attribute_size = sizeof(classes),
                              .flags = TG_OP_ROWWISE | TG_OP_STOP, .shape = one_hot_shape, .limit = one_hot_limit, .f32 = one_hot_f32,
                              .f64 = one_hot_f64, .text = "one_hot(%0)", .tex = "\\mathrm{onehot}(%0)", .example = one_hot_example };

tg_tensor tg_one_hot(tg_tensor labels, int64_t count) { return tg_apply1(&tg_one_hot_op, labels, &(classes){ count }); }

/* ---- stop: the value, and no derivative ---- */

static void copy_rows(const tg_call *call, int operand, bool f64) {
    const size_t bytes = element_bytes(f64), row = (size_t)call->cols * bytes;
    const size_t begin = (size_t)call->row_begin * row, count = (size_t)(call->row_end - call->row_begin) * row;
    if (count > 0) memmove((char *)call->output + begin, (const char *)call->inputs[operand].data + begin, count);
}

static void stop_f32(const tg_call *call) { copy_rows(call, 0, false); }
static void stop_f64(const tg_call *call) { copy_rows(call, 0, true); }

/* What is computed has been differentiated. */
static tg_tensor stop_simplify(const tg_application *a) { return a->inputs[0]; }

const tg_op tg_stop_op = { .size = sizeof(tg_op), .name = "stop", .arity = 1, .flags = TG_OP_ELEMENTWISE | TG_OP_STOP,
                           .simplify = stop_simplify, .f32 = stop_f32, .f64 = stop_f64, .text = "stop(%0)", .tex = "\\mathrm{stop}(%0)" };

tg_tensor tg_stop(tg_tensor x) { return tg_apply1(&tg_stop_op, x, NULL); }

const tg_op tg_copy_op = {
    .size = sizeof(tg_op), .name = "copy", .arity = 1, .flags = TG_OP_ELEMENTWISE, .f32 = stop_f32, .f64 = stop_f64, .text = "%0"
};

/* ---- assign: the value of its second operand; the executing call writes it to the variable that the first one is ---- */

static tg_status assign_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)attributes;
    tg_status status = refuse_integers(in, count, why);
    if (status != TG_OK) return status;
    *why    = "target and value must have the same shape";
    *output = in[0];
    return in[0].rows == in[1].rows && in[0].cols == in[1].cols ? TG_OK : TG_SHAPE_MISMATCH;
}

static void assign_f32(const tg_call *call) { copy_rows(call, 1, false); }
static void assign_f64(const tg_call *call) { copy_rows(call, 1, true); }

static void assign_vjp(const tg_application *application, tg_tensor g, tg_tensor cotangents[]) {
    (void)application;
    cotangents[1] = g;
}

const tg_op tg_assign_op = { .size = sizeof(tg_op), .name = "assign", .arity = 2, .flags = TG_OP_ELEMENTWISE | TG_OP_ASSIGN, .shape = assign_shape,
                             .f32 = assign_f32, .f64 = assign_f64, .vjp = assign_vjp, .text = "%1", .tex = "%1" };
