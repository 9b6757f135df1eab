/* op_cuts.c - calls for some of the rows: threads and strips cut them anywhere, and sums are added up panel by panel. */
#include "check/op_call.h"
#include "core/util.h"

#include <inttypes.h>
#include <string.h>

enum { MOST_WIDTH = 9 };      /* up to which elements are looked at one by one */

typedef struct cutter {
    tg_opcheck *c;
    tg_bench    b;
    double     *whole;        /* the output of one call, [rows * cols] */
    double     *sum, *size;   /* of panels, and of their magnitudes */
} cutter;

static const char *type_of(const cutter *k) { return k->b.f64 ? "f64" : "f32"; }

static char *row_of(const cutter *k, int64_t i) {
    return tg_bench_output(&k->b) + (size_t)(i * k->b.trial->output.cols) * tg_bench_output_element(&k->b);
}

/* ---- rows of the output ---- */

/* Whether the rows that were not asked for hold what they held. */
static bool leaves_alone(const cutter *k, int64_t begin, int64_t end, const char *before) {
    const size_t row = (size_t)k->b.trial->output.cols * tg_bench_output_element(&k->b), rest = (size_t)(k->b.trial->output.rows - end) * row;
    const bool   above = begin == 0 || row == 0 || memcmp(tg_bench_output(&k->b), before, (size_t)begin * row) == 0;
    return above && (rest == 0 || memcmp(row_of(k, end), before + (size_t)end * row, rest) == 0);
}

/* The rows from the last panel to the first, in the memory of an operand or not. */
static void check_panels(cutter *k, int64_t height, int alias) {
    const tg_shape y     = k->b.trial->output;
    const size_t   bytes = k->b.output.bytes;
    char          *before = tg_allocate(bytes);
    bool           alone  = before != NULL;
    if (before == NULL) k->c->trouble = tg_fail_thread(TG_OUT_OF_MEMORY, "tg_op_check: no memory for rows");
    tg_bench_set(&k->b, TG_FILL_NAN, TG_FILL_NAN, alias);
    tg_call call = tg_bench_call(&k->b);
    for (int64_t begin = (y.rows - 1) / height * height; begin >= 0 && alone; begin -= height) {
        call.row_begin = begin;
        call.row_end   = begin + height < y.rows ? begin + height : y.rows;
        memcpy(before, tg_bench_output(&k->b), bytes);
        tg_bench_run(&k->b, &call);
        alone = tg_expect(k->c, TG_OPCHECK_WRITES, leaves_alone(k, call.row_begin, call.row_end, before),
                          "the %s kernel, called for the rows %" PRId64 " to %" PRId64 ", writes others", type_of(k), begin, call.row_end - 1);
    }
    tg_release(before, bytes);
    k->c->is_wild = k->c->is_wild || (!alone && k->c->trouble == TG_OK);
    const int64_t i = alone ? tg_bench_compare(&k->b, k->whole) : -1;
    tg_expect(k->c, TG_OPCHECK_ROWS, i < 0, "element [%" PRId64 ",%" PRId64 "] in %s is %.17g in panels of %" PRId64 " rows%s, and %.17g in one call",
              i < 0 ? 0 : i / y.cols, i < 0 ? 0 : i % y.cols, type_of(k), i < 0 ? 0 : tg_bench_value(&k->b, i), height,
              alias >= 0 ? ", in place" : "", i < 0 ? 0 : k->whole[i]);
}

/* ---- no row, and no element, looks at another ---- */

/* Makes every number of the operands a NaN that the elements [row, col] do not go into; col -1: the whole row. */
static void hide_others(cutter *k, int64_t row, int64_t col) {
    for (int n = 0; n < k->b.trial->example.count; n++) {
        const tg_operand *o = &k->b.operands[n];
        char             *data = tg_bench_data(&k->b, n);
        if (o->integer) continue;
        for (int64_t i = 0; i < o->rows; i++)
            for (int64_t j = 0; j < o->cols; j++) {
                const bool mine = (o->rows == 1 || i == row) && (col < 0 || o->cols == 1 || j == col);
                if (!mine) memset(data + (size_t)(i * o->cols + j) * tg_bench_element(&k->b), TG_FILL_NAN, tg_bench_element(&k->b));
            }
    }
}

static void check_one(cutter *k, tg_opcheck_kind kind, int64_t row, int64_t col) {
    const tg_shape y = k->b.trial->output;
    tg_bench_set(&k->b, TG_FILL_NAN, TG_FILL_NAN, -1);
    hide_others(k, row, col);
    tg_call call = tg_bench_call(&k->b);
    call.row_begin = row;
    call.row_end   = row + 1;
    tg_bench_run(&k->b, &call);
    int64_t wrong = -1;
    for (int64_t j = col < 0 ? 0 : col; j < (col < 0 ? y.cols : col + 1) && wrong < 0; j++)
        if (!tg_is_same(tg_bench_value(&k->b, row * y.cols + j), k->whole[row * y.cols + j])) wrong = row * y.cols + j;
    tg_expect(k->c, kind, wrong < 0, "element [%" PRId64 ",%" PRId64 "] in %s is %.17g, and %.17g where all that it must not look at is NaN", row,
              wrong < 0 ? 0 : wrong % y.cols, type_of(k), wrong < 0 ? 0 : k->whole[wrong], wrong < 0 ? 0 : tg_bench_value(&k->b, wrong));
}

static void check_independence(cutter *k) {
    const tg_shape y = k->b.trial->output;
    for (int64_t i = 0; i < y.rows; i++) check_one(k, TG_OPCHECK_ROWS, i, -1);
    if (!(k->b.trial->op->flags & TG_OP_ELEMENTWISE) || y.cols > MOST_WIDTH) return;
    for (int64_t i = 0; i < y.rows; i++)
        for (int64_t j = 0; j < y.cols; j++) check_one(k, TG_OPCHECK_ELEMENTS, i, j);
}

/* ---- sums ---- */

/* The operands cut to some of their rows. */
static void cut_operands(cutter *k, tg_operand cut[], int64_t begin, int64_t end) {
    for (int n = 0; n < k->b.trial->example.count; n++) {
        const tg_operand *o = &k->b.operands[n];
        cut[n]      = *o;
        cut[n].data = (const char *)o->data + (size_t)(begin * o->row_stride) * (o->integer ? sizeof(int32_t) : tg_bench_element(&k->b));
        cut[n].rows = end - begin;
    }
}

/* Whether each operand has the rows that are summed. */
static bool has_equal_rows(const tg_trial *trial) {
    for (int n = 1; n < trial->example.count; n++)
        if (trial->example.shapes[n].rows != trial->example.shapes[0].rows) return false;
    return trial->example.count > 0;
}

static void check_sum(cutter *k, int64_t height) {
    const int64_t rows = k->b.operands[0].rows, count = tg_count_of(k->b.trial->output);
    const double  unit = k->b.f64 ? 0x1p-53 : 0x1p-24;
    tg_operand    cut[TG_EXAMPLE_OPERANDS];
    memset(k->sum, 0, (size_t)count * sizeof(double));
    memset(k->size, 0, (size_t)count * sizeof(double));
    for (int64_t begin = 0; begin < rows; begin += height) {
        tg_bench_set(&k->b, TG_FILL_NAN, TG_FILL_NAN, -1);
        tg_call call = tg_bench_call(&k->b);
        cut_operands(k, cut, begin, begin + height < rows ? begin + height : rows);
        call.inputs = cut;
        tg_bench_run(&k->b, &call);
        for (int64_t i = 0; i < count; i++) k->sum[i] += tg_bench_value(&k->b, i), k->size[i] += fabs(tg_bench_value(&k->b, i));
    }
    for (int64_t i = 0; i < count; i++)
        tg_expect(k->c, TG_OPCHECK_SUMS, fabs(k->sum[i] - k->whole[i]) <= 64 * unit * fmax(1, k->size[i]) || tg_is_same(k->sum[i], k->whole[i]),
                  "element %" PRId64 " in %s is %.17g, and the sum of panels of %" PRId64 " rows %.17g", i, type_of(k), k->whole[i], height,
                  k->sum[i]);
}

/* Part by part with what is kept between them. */
static void check_parts(cutter *k, int64_t height) {
    const int64_t rows = k->b.operands[0].rows;
    tg_operand    cut[TG_EXAMPLE_OPERANDS];
    double        room[64];
    memset(room, TG_FILL_NAN, sizeof room);
    tg_bench_set(&k->b, TG_FILL_NAN, TG_FILL_NAN, -1);
    for (int64_t begin = 0; begin < rows; begin += height) {
        const int64_t end  = begin + height < rows ? begin + height : rows;
        tg_call       call = tg_bench_call(&k->b);
        cut_operands(k, cut, begin, end);
        call.inputs        = cut;
        call.state         = room;
        call.first         = begin == 0;
        call.last          = end == rows;
        call.first_element = begin * k->b.operands[0].cols;
        tg_bench_run(&k->b, &call);
    }
    const int64_t i = tg_bench_compare(&k->b, k->whole);
    tg_expect(k->c, TG_OPCHECK_PARTS, i < 0, "element %" PRId64 " in %s is %.17g in parts of %" PRId64 " rows, and %.17g in one call", i, type_of(k),
              i < 0 ? 0 : tg_bench_value(&k->b, i), height, i < 0 ? 0 : k->whole[i]);
}

/* ---- output = added + factor * product, in the memory of added ---- */

static double updated(const cutter *k, double added, double product) {
    if (k->b.f64) return added + 0.75 * product;
    const float scaled = 0.75f * (float)product;
    return (double)((float)added + scaled);
}

static void check_update(cutter *k) {
    const int64_t count  = tg_count_of(k->b.trial->output);
    const double  factor = 0.75;
    const float   narrow = 0.75f;
    tg_bench_set(&k->b, TG_FILL_NAN, TG_FILL_NAN, -1);
    tg_call call = tg_bench_call(&k->b);
    for (int64_t i = 0; i < count; i++) {
        k->sum[i] = tg_draw(k->c, -1, 1);
        if (k->b.f64) ((double *)call.output)[i] = k->sum[i];
        else ((float *)call.output)[i] = (float)k->sum[i];
    }
    call.factor = k->b.f64 ? (const void *)&factor : &narrow;
    call.added  = call.output;
    tg_bench_run(&k->b, &call);
    for (int64_t i = 0; i < count; i++) {
        const double expected = updated(k, k->sum[i], k->whole[i]), got = tg_bench_value(&k->b, i);
        tg_expect(k->c, TG_OPCHECK_UPDATE, tg_is_same(expected, got), "element %" PRId64 " in %s is %.17g, where %.17g + 0.75 * %.17g is %.17g", i,
                  type_of(k), got, k->sum[i], k->whole[i], expected);
    }
}

/* ---- all of them ---- */

static void check_rows(cutter *k) {
    const unsigned flags = k->b.trial->op->flags;
    const tg_shape y     = k->b.trial->output;
    for (int64_t height = 1; height <= y.rows && tg_goes_on(k->c); height++) {
        check_panels(k, height, -1);
        for (int n = 0; n < k->b.trial->example.count && (flags & TG_OP_ELEMENTWISE) && tg_goes_on(k->c); n++) {
            const tg_shape s = k->b.trial->example.shapes[n];
            if (!s.integer && s.rows == y.rows && s.cols == y.cols && k->c->failed[TG_OPCHECK_IN_PLACE] == 0) check_panels(k, height, n);
        }
    }
    if ((flags & (TG_OP_ELEMENTWISE | TG_OP_ROWWISE)) && tg_goes_on(k->c)) check_independence(k);
}

static void check_kernel(cutter *k) {
    const unsigned flags = k->b.trial->op->flags;
    tg_bench_set(&k->b, TG_FILL_NAN, TG_FILL_NAN, -1);
    const tg_call call = tg_bench_call(&k->b);
    tg_bench_run(&k->b, &call);
    tg_bench_copy(&k->b, k->whole);
    if (flags & (TG_OP_ELEMENTWISE | TG_OP_ROWWISE | TG_OP_PRODUCT)) check_rows(k);
    if (flags & TG_OP_PRODUCT) check_update(k);
    for (int64_t height = 1; height <= k->b.operands[0].rows && has_equal_rows(k->b.trial) && tg_goes_on(k->c); height++) {
        if (flags & TG_OP_ROW_SUM) check_sum(k, height);
        if (flags & TG_OP_CONTINUES) check_parts(k, height);
    }
}

static void check_type(tg_opcheck *c, const tg_trial *trial, bool f64) {
    cutter       k     = { .c = c };
    const size_t bytes = (size_t)tg_count_of(trial->output) * sizeof(double);
    if (tg_kernel_of(trial->op, f64) == NULL || !tg_goes_on(c) || !tg_bench_new(c, &k.b, trial, f64)) return;
    k.whole = tg_allocate(3 * bytes);
    if (k.whole != NULL) {
        k.sum  = k.whole + bytes / sizeof(double);
        k.size = k.sum + bytes / sizeof(double);
        check_kernel(&k);
    } else c->trouble = tg_fail_thread(TG_OUT_OF_MEMORY, "tg_op_check: no memory for values");
    tg_release(k.whole, 3 * bytes);
    tg_bench_free(&k.b);
}

void tg_check_cuts(tg_opcheck *c, const tg_trial *trial) {
    check_type(c, trial, true);
    check_type(c, trial, false);
}
