/* op_call.c - memory with guards around it, for kernels that are not trusted. */
#include "check/op_call.h"
#include "core/util.h"

#include <string.h>

enum { GUARD = 4096 };      /* bytes: more than any row that is tried */

/* ---- guarded memory ---- */

static bool new_guarded(tg_guarded *g, size_t bytes) {
    g->bytes  = bytes;
    g->memory = tg_allocate(bytes + 2 * GUARD);
    return g->memory != NULL;
}

static void free_guarded(tg_guarded *g) {
    if (g->memory != NULL) tg_release(g->memory, g->bytes + 2 * GUARD);
    g->memory = NULL;
}

static void set_guards(const tg_guarded *g, int fill) {
    memset(g->memory, fill, GUARD);
    memset(g->memory + GUARD + g->bytes, fill, GUARD);
}

static bool is_filled(const char *memory, int fill) {
    return (unsigned char)memory[0] == fill && memcmp(memory, memory + 1, GUARD - 1) == 0;
}

static bool has_guards(const tg_guarded *g, int fill) { return is_filled(g->memory, fill) && is_filled(g->memory + GUARD + g->bytes, fill); }

/* ---- the bench ---- */

static size_t operand_bytes(const tg_bench *b, int k) {
    const tg_shape s = b->trial->example.shapes[k];
    return (size_t)tg_count_of(s) * (s.integer ? sizeof(int32_t) : tg_bench_element(b));
}

bool tg_bench_new(tg_opcheck *c, tg_bench *b, const tg_trial *trial, bool f64) {
    *b = (tg_bench){ .trial = trial, .f64 = f64, .alias = -1 };
    bool made = new_guarded(&b->output, (size_t)tg_count_of(trial->output) * tg_bench_output_element(b));
    for (int k = 0; k < trial->example.count && made; k++) made = new_guarded(&b->inputs[k], operand_bytes(b, k));
    if (made) return true;
    c->trouble = tg_fail_thread(TG_OUT_OF_MEMORY, "tg_op_check: no memory for operands");
    tg_bench_free(b);
    return false;
}

void tg_bench_free(tg_bench *b) {
    for (int k = 0; k < b->trial->example.count; k++) free_guarded(&b->inputs[k]);
    free_guarded(&b->output);
}

char *tg_bench_data(const tg_bench *b, int operand) { return b->inputs[operand].memory + GUARD; }
char *tg_bench_output(const tg_bench *b) { return b->alias >= 0 ? tg_bench_data(b, b->alias) : b->output.memory + GUARD; }

static void write_operand(const tg_bench *b, int k, void *to) {
    const int64_t count = tg_count_of(b->trial->example.shapes[k]);
    if (count == 0) return;
    if (b->trial->integers[k] != NULL) memcpy(to, b->trial->integers[k], (size_t)count * sizeof(int32_t));
    else if (b->f64) memcpy(to, b->trial->values[k], (size_t)count * sizeof(double));
    else for (int64_t i = 0; i < count; i++) ((float *)to)[i] = (float)b->trial->values[k][i];
}

/* As the engine gives them. */
static tg_operand operand_of(const tg_bench *b, int k) {
    const tg_shape s = b->trial->example.shapes[k], y = b->trial->output;
    const bool     repeats = (b->trial->op->flags & TG_OP_ELEMENTWISE) != 0;
    return (tg_operand){ .data = tg_bench_data(b, k), .rows = s.rows, .cols = s.cols, .integer = s.integer,
                         .row_stride = repeats && s.rows == 1 && y.rows != 1 ? 0 : s.cols,
                         .col_stride = repeats && s.cols == 1 && y.cols != 1 ? 0 : 1 };
}

void tg_bench_set(tg_bench *b, int guard, int before, int alias) {
    b->guard = guard;
    b->alias = alias;
    for (int k = 0; k < b->trial->example.count; k++) {
        set_guards(&b->inputs[k], guard);
        write_operand(b, k, tg_bench_data(b, k));
        b->operands[k] = operand_of(b, k);
    }
    set_guards(&b->output, guard);
    memset(b->output.memory + GUARD, before, b->output.bytes);
}

tg_call tg_bench_call(tg_bench *b) {
    const tg_shape y = b->trial->output;
    const bool     summed = (b->trial->op->flags & TG_OP_ROW_SUM) != 0 && b->trial->example.count > 0;
    return (tg_call){ .output = tg_bench_output(b), .rows = y.rows, .cols = y.cols, .inputs = b->operands, .input_count = b->trial->example.count,
                      .attributes = b->trial->example.attributes, .row_end = y.rows, .all_rows = summed ? b->operands[0].rows : y.rows,
                      .all_cols = summed ? b->operands[0].cols : y.cols, .seed = 5, .step = 3, .draw = 2 };
}

void tg_bench_run(const tg_bench *b, const tg_call *call) { tg_kernel_of(b->trial->op, b->f64)(call); }

/* ---- what came out ---- */

double tg_bench_at(const tg_bench *b, const void *data, int64_t i) {
    return b->f64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

double tg_bench_value(const tg_bench *b, int64_t i) {
    return b->trial->output.integer ? (double)((const int32_t *)(const void *)tg_bench_output(b))[i] : tg_bench_at(b, tg_bench_output(b), i);
}

void tg_bench_copy(const tg_bench *b, double *to) {
    const int64_t count = tg_count_of(b->trial->output);
    for (int64_t i = 0; i < count; i++) to[i] = tg_bench_value(b, i);
}

int64_t tg_bench_compare(const tg_bench *b, const double *expected) {
    const int64_t count = tg_count_of(b->trial->output);
    for (int64_t i = 0; i < count; i++)
        if (!tg_is_same(tg_bench_value(b, i), expected[i])) return i;
    return -1;
}

static bool keeps_its_values(const tg_bench *b, int k) {
    const int64_t count = tg_count_of(b->trial->example.shapes[k]);
    const char   *data  = tg_bench_data(b, k);
    if (b->trial->integers[k] != NULL) return count == 0 || memcmp(data, b->trial->integers[k], (size_t)count * sizeof(int32_t)) == 0;
    for (int64_t i = 0; i < count; i++)
        if (!tg_is_same(tg_bench_at(b, data, i), b->trial->values[k][i])) return false;
    return true;
}

const char *tg_bench_damage(const tg_bench *b) {
    if (!has_guards(&b->output, b->guard)) return "memory before or behind the output";
    for (int k = 0; k < b->trial->example.count; k++) {
        if (!has_guards(&b->inputs[k], b->guard)) return "memory before or behind an operand";
        if (k != b->alias && !keeps_its_values(b, k)) return "an operand";
    }
    return NULL;
}
