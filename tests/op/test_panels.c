/* test_panels.c - kernels on panels of rows, in shuffled order, give the bits of one call: threads and strips will cut them like this. */
#include "support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tapegrad/ops.h>

enum { ROWS = 13, COLS = 7, MOST = ROWS * COLS, LARGEST = 3 * MOST };      /* of a value: three operands side by side */

static uint64_t state = 17;

static double draw(double lo, double hi) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return lo + (hi - lo) * (double)(state >> 33) / 2147483648.0;
}

static bool is(const tg_op *op, const char *name) { return strcmp(op->name, name) == 0; }

/* Operands of one call: dense [ROWS, COLS] numbers, or labels. */
typedef struct operands {
    float      f32[3][MOST];
    double     f64[3][MOST];
    int32_t    labels[ROWS];
    int64_t    attributes[4];
    tg_operand input[3];
    int        count;
} operands;

static void prepare(operands *o, const tg_op *op, bool f64) {
    const double lo = op->lo == 0 && op->hi == 0 ? -2 : op->lo, hi = op->lo == 0 && op->hi == 0 ? 2 : op->hi, number = 0.75;
    o->count = op->arity >= 0 ? op->arity : 3;
    memset(o->attributes, 0, sizeof o->attributes);
    memcpy(&o->attributes[0], &number, sizeof number);
    if (is(op, "one_hot")) o->attributes[0] = COLS;
    if (is(op, "bernoulli")) o->attributes[1] = ROWS, o->attributes[2] = COLS;
    if (is(op, "uniform") || is(op, "normal"))
        o->attributes[0] = 0, memcpy(&o->attributes[1], &number, sizeof number), o->attributes[2] = ROWS, o->attributes[3] = COLS;
    if (is(op, "broadcast_to")) o->attributes[0] = ROWS, o->attributes[1] = COLS;
    if (is(op, "matmul")) o->attributes[0] = 0;
    if (is(op, "slice_cols")) o->attributes[0] = 2, o->attributes[1] = 6;
    if (is(op, "pad_cols")) o->attributes[0] = 1, o->attributes[1] = 2;
    if (is(op, "view")) o->attributes[0] = COLS + 3, o->attributes[1] = ROWS - 2, o->attributes[2] = COLS;
    for (int i = 0; i < ROWS; i++) o->labels[i] = i % COLS;
    for (int k = 0; k < 3; k++) {
        for (int e = 0; e < MOST; e++) o->f64[k][e] = draw(lo, hi), o->f32[k][e] = (float)o->f64[k][e];
        o->input[k] = (tg_operand){ f64 ? (const void *)o->f64[k] : (const void *)o->f32[k], ROWS, COLS, COLS, 1, false };
    }
    if (is(op, "axpy")) o->input[0].rows = o->input[0].cols = 1, o->input[0].row_stride = o->input[0].col_stride = 0;
    if (is(op, "one_hot")) o->input[0] = (tg_operand){ o->labels, ROWS, 1, 1, 1, true };
    if (is(op, "cross_entropy")) o->input[1] = (tg_operand){ o->labels, ROWS, 1, 1, 1, true };
    if (is(op, "matmul")) o->input[1] = (tg_operand){ o->input[1].data, COLS, COLS, COLS, 1, false };
}

static tg_shape shape_of(const tg_op *op, const operands *o) {
    tg_shape    in[3], out = { ROWS, COLS, false };
    const char *why = "";
    for (int k = 0; k < o->count; k++) in[k] = (tg_shape){ o->input[k].rows, o->input[k].cols, o->input[k].data == (const void *)o->labels };
    if (op->shape != NULL) ck_assert_msg(op->shape(in, o->count, o->attributes, &out, &why) == TG_OK, "%s: %s", op->name, why);
    return out;
}

static void shuffle(int64_t *order, int count) {
    for (int i = count - 1; i > 0; i--) {
        const int     j    = (int)draw(0, i + 1);
        const int64_t swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}

static tg_kernel_fn kernel_of(const tg_op *op, bool f64) { return f64 ? op->f64 : op->f32; }

enum { TRANSPOSE_A = 1, TRANSPOSE_B = 2, UPDATE = 4, WAYS_OF_PRODUCTS = 8 };

/* A product of any of its kinds; the update adds the third operand. */
static void prepare_product(operands *o, tg_call *call, int way, bool f64) {
    const int32_t transposed[2] = { (way & TRANSPOSE_A) != 0, (way & TRANSPOSE_B) != 0 };
    const int64_t inner         = transposed[0] ? ROWS : COLS;
    static const double factor  = -0.75;
    static const float  single  = -0.75F;
    memcpy(&o->attributes[0], transposed, sizeof transposed);
    o->input[1].rows       = transposed[1] ? COLS : inner;
    o->input[1].cols       = transposed[1] ? inner : COLS;
    o->input[1].row_stride = o->input[1].cols;
    if (way & UPDATE) call->added = o->input[2].data, call->factor = f64 ? (const void *)&factor : (const void *)&single;
}

/* Rows of the output, R at a time, in shuffled order. */
static void check_rows(const tg_op *op, bool f64, int64_t r, int way) {
    static operands o;
    double          whole[LARGEST], cut[LARGEST];
    int64_t         order[ROWS];
    tg_call call = { .output = whole, .inputs = o.input, .attributes = o.attributes, .all_rows = ROWS, .all_cols = COLS, .seed = 5, .step = 3, .draw = 2 };
    prepare(&o, op, f64);
    if (op->flags & TG_OP_PRODUCT) prepare_product(&o, &call, way, f64);
    const tg_shape shape = shape_of(op, &o);
    call.rows = call.row_end = shape.rows, call.cols = shape.cols, call.input_count = o.count;
    memset(whole, 0, sizeof whole);
    memset(cut, 0, sizeof cut);
    kernel_of(op, f64)(&call);
    const int panels = (int)((shape.rows + r - 1) / r);
    for (int i = 0; i < panels; i++) order[i] = i * r;
    shuffle(order, panels);
    for (int i = 0; i < panels; i++) {
        call.output    = cut;
        call.row_begin = order[i];
        call.row_end   = order[i] + r < shape.rows ? order[i] + r : shape.rows;
        kernel_of(op, f64)(&call);
    }
    ck_assert_msg(memcmp(whole, cut, sizeof whole) == 0, "%s in %s: panels of %d rows differ", op->name, f64 ? "f64" : "f32", (int)r);
}

START_TEST(rows_may_be_cut_anywhere) {
    for (int i = 0; i < tg_op_count(); i++) {
        const tg_op *op = tg_op_at(i);
        if (!(op->flags & (TG_OP_ELEMENTWISE | TG_OP_ROWWISE | TG_OP_PRODUCT | TG_OP_VIEW)) || op->f64 == NULL) continue;
        for (int way = 0; way < (op->flags & TG_OP_PRODUCT ? WAYS_OF_PRODUCTS : 1); way++)
            for (int64_t r = 1; r <= ROWS; r++) check_rows(op, true, r, way), check_rows(op, false, r, way);
    }
}
END_TEST

/* One panel's sum: operands cut to its rows. */
static void run_panel(const tg_op *op, bool f64, const operands *o, int64_t begin, int64_t rows, tg_shape shape, void *output) {
    tg_operand input[3];
    for (int k = 0; k < o->count; k++) {
        const size_t bytes = o->input[k].data == (const void *)o->labels || !f64 ? 4 : 8;
        input[k]      = o->input[k];
        input[k].data = (const char *)input[k].data + (size_t)(begin * input[k].row_stride) * bytes;
        input[k].rows = rows;
    }
    kernel_of(op, f64)(&(tg_call){ .output = output, .rows = shape.rows, .cols = shape.cols, .inputs = input, .input_count = o->count,
                                   .attributes = o->attributes, .row_end = shape.rows, .all_rows = ROWS, .all_cols = COLS });
}

/* Part by part, in order, with what is kept between them: the bits of one call. */
static void check_parts(const tg_op *op, bool f64, int64_t r) {
    static operands o;
    double          whole[MOST] = { 0 }, parts[MOST] = { 0 }, room[64];
    prepare(&o, op, f64);
    const tg_shape shape = shape_of(op, &o);
    run_panel(op, f64, &o, 0, ROWS, shape, whole);
    for (int64_t begin = 0; begin < ROWS; begin += r) {
        tg_operand input = o.input[0];
        input.data = (const char *)input.data + (size_t)(begin * input.row_stride) * (f64 ? 8 : 4);
        input.rows = begin + r < ROWS ? r : ROWS - begin;
        kernel_of(op, f64)(&(tg_call){ .output = parts, .rows = shape.rows, .cols = shape.cols, .inputs = &input, .input_count = 1,
                                       .attributes = o.attributes, .row_end = shape.rows, .first_element = begin * COLS, .all_rows = ROWS,
                                       .all_cols = COLS, .state = room, .first = begin == 0, .last = begin + r >= ROWS });
    }
    ck_assert_msg(memcmp(whole, parts, (size_t)(shape.rows * shape.cols) * (f64 ? 8 : 4)) == 0, "%s: parts of %d rows differ", op->name, (int)r);
}

START_TEST(sums_may_be_continued) {
    int continued = 0;
    for (int i = 0; i < tg_op_count(); i++) {
        const tg_op *op = tg_op_at(i);
        if (!(op->flags & TG_OP_CONTINUES)) continue;
        continued++;
        for (int64_t r = 1; r <= ROWS; r++) check_parts(op, true, r), check_parts(op, false, r);
    }
    ck_assert_int_ge(continued, 4);
}
END_TEST

/* In order of the panels, each added to the sum so far; the panels computed in the order given. */
static void add_panels(const tg_op *op, bool f64, const operands *o, int64_t r, const int64_t *order, int panels, tg_shape shape, double *sum) {
    static double part[ROWS][MOST];
    for (int i = 0; i < panels; i++) run_panel(op, f64, o, order[i] * r, order[i] * r + r < ROWS ? r : ROWS - order[i] * r, shape, part[order[i]]);
    for (int e = 0; e < shape.rows * shape.cols; e++) {
        sum[e] = 0;
        for (int p = 0; p < panels; p++) {
            if (f64) sum[e] = p == 0 ? part[p][e] : sum[e] + part[p][e];
            else ((float *)sum)[e] = p == 0 ? ((float *)part[p])[e] : ((float *)sum)[e] + ((float *)part[p])[e];
        }
    }
}

static void check_sum(const tg_op *op, bool f64, int64_t r) {
    static operands o;
    double          in_order[MOST], shuffled[MOST], whole[MOST];
    int64_t         order[ROWS];
    prepare(&o, op, f64);
    if (is(op, "matmul")) {      /* x^T y: a sum over rows */
        o.attributes[0] = 1;
        o.input[1].rows = ROWS;
    }
    const tg_shape shape  = shape_of(op, &o);
    const int      panels = (int)((ROWS + r - 1) / r);
    for (int i = 0; i < panels; i++) order[i] = i;
    memset(in_order, 0, sizeof in_order);
    memset(shuffled, 0, sizeof shuffled);
    add_panels(op, f64, &o, r, order, panels, shape, in_order);
    shuffle(order, panels);
    add_panels(op, f64, &o, r, order, panels, shape, shuffled);
    ck_assert_mem_eq(in_order, shuffled, sizeof in_order);
    run_panel(op, f64, &o, 0, ROWS, shape, whole);
    for (int e = 0; e < shape.rows * shape.cols; e++) {
        const double x = f64 ? whole[e] : (double)((float *)whole)[e], y = f64 ? in_order[e] : (double)((float *)in_order)[e];
        ck_assert_msg(fabs(x - y) <= (f64 ? 1e-13 : 1e-4), "%s: %g in one panel, %g in panels of %d", op->name, x, y, (int)r);
    }
}

START_TEST(sums_over_rows_are_sums_of_panels) {
    for (int i = 0; i < tg_op_count(); i++) {
        const tg_op *op = tg_op_at(i);
        if (!(op->flags & (TG_OP_ROW_SUM | TG_OP_PRODUCT))) continue;
        for (int64_t r = 1; r <= ROWS; r++) check_sum(op, true, r), check_sum(op, false, r);
    }
}
END_TEST

int main(void) {
    return RUN_TESTS("panels", rows_may_be_cut_anywhere, sums_over_rows_are_sums_of_panels, sums_may_be_continued);
}
