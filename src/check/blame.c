/* blame.c - each op that a loss is made of, on a tape of its own. */
#include "check/blame.h"
#include "core/util.h"

#include <math.h>
#include <tapegrad/ops.h>

enum { SAMPLES = 8 };      /* of each operand: a rule that is wrong is so nearly everywhere */

/* The operands of a node, [count], by value. */
typedef struct operands {
    int        count;
    tg_tensor *tensors;
    double   **values;
    int32_t  **integers;      /* of those that hold integers; else NULL */
    bool       is_complete;
} operands;

static size_t elements_of(tg_tensor tensor) { return (size_t)(tg_rows(tensor) * tg_cols(tensor)); }

static void release_operands(operands *o) {
    for (int k = 0; k < o->count; k++) {
        if (o->values != NULL) tg_release(o->values[k], elements_of(o->tensors[k]) * sizeof **o->values);
        if (o->integers != NULL) tg_release(o->integers[k], elements_of(o->tensors[k]) * sizeof **o->integers);
    }
    tg_release(o->tensors, (size_t)o->count * sizeof *o->tensors);
    tg_release(o->values, (size_t)o->count * sizeof *o->values);
    tg_release(o->integers, (size_t)o->count * sizeof *o->integers);
}

static bool read_operand(operands *o, int k) {
    const tg_tensor tensor = o->tensors[k];
    const size_t    count  = elements_of(tensor);
    if (tensor.tape == NULL) return true;      /* not given */
    o->values[k] = tg_allocate(count * sizeof **o->values);
    if (tg_shape_of(tensor).integer) o->integers[k] = tg_allocate(count * sizeof **o->integers);
    if (o->values[k] == NULL || (tg_shape_of(tensor).integer && o->integers[k] == NULL)) return false;
    if (tg_look(&tensor, 1, &o->values[k]) != TG_OK) return false;
    for (size_t i = 0; i < count && o->integers[k] != NULL; i++) o->integers[k][i] = (int32_t)o->values[k][i];
    return true;
}

static operands read_operands(tg_tape *tape, const tg_node *node) {
    const size_t count = (size_t)node->input_count;
    operands     o     = { .tensors = tg_allocate(count * sizeof *o.tensors) };
    if (o.tensors == NULL) return o;
    o.count    = node->input_count;
    o.values   = tg_allocate(count * sizeof *o.values);
    o.integers = tg_allocate(count * sizeof *o.integers);
    o.is_complete = o.values != NULL && o.integers != NULL;
    for (int k = 0; k < o.count; k++) o.tensors[k] = node->inputs[k] != 0 ? tg_tensor_at(tape, node->inputs[k]) : TG_NONE;
    for (int k = 0; k < o.count && o.is_complete; k++) o.is_complete = read_operand(&o, k);
    return o;
}

/* The op on inputs with those values; the same operand given twice is two inputs. */
static tg_tensor record_alone(tg_tape *tape, const tg_node *node, const operands *o) {
    tg_tensor *inputs = tg_allocate((size_t)o->count * sizeof *inputs);
    if (inputs == NULL) return tg_tape_fail(tape, TG_OUT_OF_MEMORY, "no memory");
    for (int k = 0; k < o->count; k++) {
        const tg_shape s = tg_shape_of(o->tensors[k]);
        if (o->values[k] == NULL) inputs[k] = TG_NONE;
        else inputs[k] = s.integer ? tg_input_i32(tape, o->integers[k], s.rows, s.cols) : tg_input_f64(tape, o->values[k], s.rows, s.cols);
    }
    const tg_tensor output = tg_apply(tape, node->op, inputs, o->count, node->attributes);
    tg_release(inputs, (size_t)o->count * sizeof *inputs);
    return output;
}

/* Weights, so that no sum along a row or over all, which may be a constant, hides the derivatives. */
static bool is_wrong_with(const tg_node *node, const operands *o, double *weights, double tolerance) {
    const size_t count = (size_t)(node->shape.rows * node->shape.cols);
    tg_tape     *tape  = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    if (tape == NULL) return false;
    for (size_t i = 0; i < count; i++) weights[i] = 1 + 0.5 * sin(1.7 * (double)i + 1);
    const tg_tensor output = record_alone(tape, node, o);
    const tg_tensor weight = tg_stop(tg_input_f64(tape, weights, node->shape.rows, node->shape.cols));
    const tg_tensor loss   = tg_sum(tg_mul(output, weight));
    const bool      wrong  = tg_tape_status(tape) == TG_OK && tg_is_off(loss, tolerance, SAMPLES);
    tg_tape_free(tape);
    return wrong;
}

static bool is_wrong(tg_tape *tape, const tg_node *node, double tolerance) {
    /* without a rule, or without a meaning apart from their step */
    const unsigned plain = TG_OP_VIEW | TG_OP_STOP | TG_OP_RANDOM | TG_OP_ASSIGN;
    const size_t   bytes = (size_t)(node->shape.rows * node->shape.cols) * sizeof(double);
    if (node->input_count == 0 || (node->op->flags & plain) || node->shape.integer) return false;
    operands   o       = read_operands(tape, node);
    double    *weights = tg_allocate(bytes);
    const bool wrong   = o.is_complete && weights != NULL && is_wrong_with(node, &o, weights, tolerance);
    tg_release(weights, bytes);
    release_operands(&o);
    return wrong;
}

static bool mark_needed(tg_tensor loss, uint8_t *needed) {
    tg_node node;
    needed[loss.id] = 1;
    for (uint32_t id = loss.id; id > 0; id--) {
        if (needed[id] == 0) continue;
        if (tg_node_at(loss.tape, id, &node) != TG_OK) return false;
        for (int k = 0; k < node.input_count; k++) needed[node.inputs[k]] = 1;
    }
    return true;
}

static uint32_t find_wrong_rule(tg_tensor loss, double tolerance) {
    tg_node  node;
    uint8_t *needed = tg_allocate((size_t)loss.id + 1);
    uint32_t found  = 0;
    bool     goes   = needed != NULL && mark_needed(loss, needed);
    for (uint32_t id = 1; id <= loss.id && goes && found == 0; id++) {
        if (needed[id] == 0) continue;
        goes = tg_node_at(loss.tape, id, &node) == TG_OK;
        if (goes && is_wrong(loss.tape, &node, tolerance)) found = id;
    }
    tg_release(needed, (size_t)loss.id + 1);
    return found;
}

uint32_t tg_find_wrong_rule(tg_tensor loss, double tolerance) {
    const char     *sentence;
    char            earlier[512];
    const tg_status status = tg_last_error(&sentence);      /* what the caller has not asked for yet */
    snprintf(earlier, sizeof earlier, "%s", sentence);
    const uint32_t found = find_wrong_rule(loss, tolerance);
    tg_last_error(NULL);
    if (status != TG_OK) tg_keep_failure(status, earlier);
    return found;
}
