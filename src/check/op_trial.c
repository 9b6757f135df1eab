/* op_trial.c - operands for an op: from its own examples, drawn from where it says. */
#include "check/opcheck.h"
#include "core/util.h"

#include <inttypes.h>
#include <string.h>

enum { DEFAULT_OPERANDS = 3 };      /* of an op that takes any number */

double tg_draw(tg_opcheck *c, double lo, double hi) {
    c->state = c->state * 6364136223846793005u + 1442695040888963407u;
    return (double)(float)(lo + (hi - lo) * (double)(c->state >> 33) / 2147483648.0);
}

/* ---- examples ---- */

bool tg_find_example(const tg_op *op, int index, int64_t rows, int64_t cols, tg_op_example *example) {
    const bool everywhere = op->lo == 0 && op->hi == 0;
    *example = (tg_op_example){ .count = op->arity >= 0 ? op->arity : DEFAULT_OPERANDS, .orders = 3 };
    for (int k = 0; k < TG_EXAMPLE_OPERANDS; k++) {
        example->shapes[k] = (tg_shape){ rows, cols, false };
        example->lo[k]     = everywhere ? -2 : op->lo;
        example->hi[k]     = everywhere ? 2 : op->hi;
    }
    if (op->defaults != NULL) memcpy(example->attributes, op->defaults, op->attribute_size);
    return op->example != NULL ? op->example(index, rows, cols, example) : index == 0;
}

static bool is_avoided(const tg_op *op, double x) {
    for (int i = 0; i < op->avoid_count; i++)
        if (fabs(x - op->avoid[i]) < 0.01) return true;
    return false;
}

static double draw_number(tg_opcheck *c, const tg_trial *trial, int k) {
    enum { TRIES = 100 };
    const double lo = trial->example.lo[k], hi = trial->example.hi[k];
    double       x  = lo;
    for (int i = 0; i < TRIES && lo != hi; i++) {
        x = tg_draw(c, lo, hi);
        if (!is_avoided(c->op, x)) break;
    }
    return x;
}

/* Integers are below the op's limit; the last one, and the first, are among them. */
static bool draw_integers(tg_opcheck *c, tg_trial *trial, int k) {
    const tg_op_example *e     = &trial->example;
    const int64_t        count = tg_count_of(e->shapes[k]);
    int64_t              lo = (int64_t)e->lo[k], hi = (int64_t)e->hi[k];
    if (c->op->limit != NULL) lo = 0, hi = c->op->limit(e->shapes, e->count, e->attributes);
    if (hi <= lo && count > 0) return false;
    for (int64_t i = 0; i < count; i++) {
        int64_t x = (int64_t)floor(tg_draw(c, (double)lo, (double)hi));
        if (i < 2) x = i == 0 ? hi - 1 : lo;
        trial->integers[k][i] = (int32_t)(x < hi ? x : hi - 1);
    }
    return true;
}

static bool draw_operand(tg_opcheck *c, tg_trial *trial, int k) {
    const tg_shape shape = trial->example.shapes[k];
    const size_t   count = (size_t)tg_count_of(shape);
    if (shape.integer) trial->integers[k] = tg_allocate(count * sizeof(int32_t));
    else trial->values[k] = tg_allocate(count * sizeof(double));
    if (trial->integers[k] == NULL && trial->values[k] == NULL) {
        c->trouble = tg_fail_thread(TG_OUT_OF_MEMORY, "tg_op_check: no memory for %zu numbers", count);
        return false;
    }
    if (shape.integer) return draw_integers(c, trial, k);
    for (size_t i = 0; i < count; i++) trial->values[k][i] = draw_number(c, trial, k);
    if (k > 0 && trial->repeat) memcpy(trial->values[k], trial->values[0], count * sizeof(double));
    return true;
}

static bool is_empty(const tg_op_example *e) {
    for (int k = 0; k < e->count; k++)
        if (tg_count_of(e->shapes[k]) == 0) return true;
    return e->count == 0;
}

static bool is_usable(tg_opcheck *c, const tg_op_example *e) {
    if (!tg_expect(c, TG_OPCHECK_EXAMPLES, e->count >= 0 && e->count <= TG_EXAMPLE_OPERANDS && (c->op->arity < 0 || c->op->arity == e->count),
                   "%d operands do not fit the arity %d, or are more than %d", e->count, c->op->arity, TG_EXAMPLE_OPERANDS))
        return false;
    for (int k = 0; k < e->count; k++)
        if (!tg_expect(c, TG_OPCHECK_EXAMPLES, e->shapes[k].rows >= 0 && e->shapes[k].cols >= 0 && e->lo[k] <= e->hi[k],
                       "operand %d is no operand", k))
            return false;
    return tg_expect(c, TG_OPCHECK_EXAMPLES, c->op->attribute_size <= sizeof e->attributes, "%zu bytes of attributes are more than %zu",
                     c->op->attribute_size, sizeof e->attributes);
}

/* Asked through a step, which knows the default shape rule. */
static tg_status infer_shape(tg_trial *trial, char *sentence, size_t bytes) {
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    if (tape == NULL) return TG_OUT_OF_MEMORY;
    tg_tensor operands[TG_EXAMPLE_OPERANDS];
    tg_shape  shapes[TG_EXAMPLE_OPERANDS];
    tg_record_operands(trial, tape, operands);
    for (int k = 0; k < trial->example.count; k++) shapes[k] = tg_shape_of(operands[k]);
    const char *why    = NULL;
    tg_status   status = tg_tape_status(tape);
    if (status == TG_OK && trial->op->shape != NULL) {
        status = trial->op->shape(shapes, trial->example.count, trial->example.attributes, &trial->output, &why);
        snprintf(sentence, bytes, "%s", why != NULL ? why : tg_status_text(status));
    } else if (status == TG_OK) {
        trial->output = (tg_shape){ 1, 1, false };
        for (int k = 0; k < trial->example.count; k++) {
            if (shapes[k].rows != 1) trial->output.rows = shapes[k].rows;
            if (shapes[k].cols != 1) trial->output.cols = shapes[k].cols;
        }
    }
    tg_tape_free(tape);
    return status;
}

bool tg_prepare_trial(tg_opcheck *c, tg_trial *trial) {
    char sentence[200] = "";
    if (!is_usable(c, &trial->example)) return false;
    for (int k = 0; k < trial->example.count; k++)
        if (!draw_operand(c, trial, k)) return false;
    const tg_status status = infer_shape(trial, sentence, sizeof sentence);
    if (status == TG_OUT_OF_MEMORY) return c->trouble = status, false;
    if (status != TG_OK && is_empty(&trial->example)) return false;      /* an op need not take sizes of zero */
    c->trial = trial;
    return tg_expect(c, TG_OPCHECK_EXAMPLES, status == TG_OK, "the shape rule refuses it: %s: %s", tg_status_name(status), sentence) &&
           tg_expect(c, TG_OPCHECK_SHAPE, trial->output.rows >= 0 && trial->output.cols >= 0,
                     "[%" PRId64 ",%" PRId64 "] is no shape", trial->output.rows, trial->output.cols);
}

void tg_release_trial(tg_trial *trial) {
    for (int k = 0; k < TG_EXAMPLE_OPERANDS; k++) {
        const size_t count = (size_t)tg_count_of(trial->example.shapes[k]);
        tg_release(trial->values[k], count * sizeof(double));
        tg_release(trial->integers[k], count * sizeof(int32_t));
        trial->values[k]   = NULL;
        trial->integers[k] = NULL;
    }
}

/* ---- on a tape ---- */

void tg_record_operands(const tg_trial *trial, tg_tape *tape, tg_tensor operands[]) {
    for (int k = 0; k < trial->example.count; k++) {
        const tg_shape s = trial->example.shapes[k];
        if (k > 0 && trial->repeat) operands[k] = operands[0];
        else operands[k] = s.integer ? tg_input_i32(tape, trial->integers[k], s.rows, s.cols) : tg_input_f64(tape, trial->values[k], s.rows, s.cols);
    }
}

tg_tensor tg_record_trial(const tg_trial *trial, const tg_op *op, tg_tape *tape) {
    tg_tensor operands[TG_EXAMPLE_OPERANDS];
    tg_record_operands(trial, tape, operands);
    return tg_apply(tape, op, operands, trial->example.count, trial->example.attributes);
}

int tg_moving_operands(const tg_trial *trial, int which[TG_EXAMPLE_OPERANDS]) {
    int count = 0;
    for (int k = 0; k < trial->example.count; k++)
        if (trial->values[k] != NULL && trial->example.lo[k] != trial->example.hi[k] && !(k > 0 && trial->repeat)) which[count++] = k;
    return count;
}

const char *tg_trial_text(const tg_trial *trial, char text[TG_TRIAL_TEXT]) {
    int used = snprintf(text, TG_TRIAL_TEXT, "%.60s(", trial->op->name);
    for (int k = 0; k < trial->example.count && used < TG_TRIAL_TEXT; k++) {
        const tg_shape s = trial->example.shapes[k];
        used += snprintf(text + used, TG_TRIAL_TEXT - (size_t)used, "%s[%" PRId64 ",%" PRId64 "]%s%s", k > 0 ? ", " : "", s.rows, s.cols,
                         s.integer ? " integer" : "", k > 0 && trial->repeat ? " again" : "");
    }
    if (used < TG_TRIAL_TEXT) snprintf(text + used, TG_TRIAL_TEXT - (size_t)used, ")");
    return text;
}
