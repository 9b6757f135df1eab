/* anomaly.c - the first value of a step that is not finite. */
#include "core/util.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <tapegrad/op.h>
#include <tapegrad/train.h>

/* The values of all nodes that have any. */
typedef struct values {
    tg_tensor *tensors;       /* [count] */
    double   **at;            /* [count] */
    double    *elements;      /* [element_count] */
    uint32_t  *place;         /* [nodes + 1] of a node among them, from 1; 0: it has none */
    size_t     element_count;
    uint32_t   nodes;
    int        count;
} values;

static size_t elements_of(const tg_node *node) { return node->shape.integer ? 0 : (size_t)(node->shape.rows * node->shape.cols); }

static void release(values *v) {
    tg_release(v->tensors, v->nodes * sizeof *v->tensors);
    tg_release(v->at, v->nodes * sizeof *v->at);
    tg_release(v->elements, v->element_count * sizeof *v->elements);
    tg_release(v->place, ((size_t)v->nodes + 1) * sizeof *v->place);
}

static tg_status look(tg_tape *tape, values *v) {
    tg_node node;
    v->nodes = tg_node_count(tape);
    for (uint32_t id = 1; id <= v->nodes; id++)
        if (tg_node_at(tape, id, &node) == TG_OK) v->element_count += elements_of(&node);
    v->tensors  = tg_allocate(v->nodes * sizeof *v->tensors);
    v->at       = tg_allocate(v->nodes * sizeof *v->at);
    v->elements = tg_allocate(v->element_count * sizeof *v->elements);
    v->place    = tg_allocate(((size_t)v->nodes + 1) * sizeof *v->place);
    if (v->tensors == NULL || v->at == NULL || v->elements == NULL || v->place == NULL)
        return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_find_anomaly: no memory for the values of %" PRIu32 " nodes", v->nodes);
    size_t offset = 0;
    for (uint32_t id = 1; id <= v->nodes; id++) {
        if (tg_node_at(tape, id, &node) != TG_OK || elements_of(&node) == 0) continue;
        v->at[v->count]        = v->elements + offset;
        v->tensors[v->count++] = tg_tensor_at(tape, id);
        v->place[id]           = (uint32_t)v->count;
        offset += elements_of(&node);
    }
    return v->count > 0 ? tg_look(v->tensors, v->count, v->at) : TG_OK;
}

/* ---- the sentence ---- */

typedef struct sentence {
    char   text[480];
    size_t length;
} sentence;

static void say(sentence *s, const char *format, ...) TG_FORMAT(2, 3);
static void say(sentence *s, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int written = vsnprintf(s->text + s->length, sizeof s->text - s->length, format, arguments);
    va_end(arguments);
    if (written > 0) s->length += (size_t)written;
    if (s->length >= sizeof s->text) s->length = sizeof s->text - 1;
}

/* The operand there, where it is broadcast to the output or has its shape; else its shape, and whether all of it is finite. */
static void say_operand(sentence *s, tg_tape *tape, const values *v, const tg_node *node, uint32_t operand, const tg_anomaly *a) {
    tg_node of;
    if (tg_node_at(tape, operand, &of) != TG_OK) return;
    const bool     there = (of.shape.rows == node->shape.rows || of.shape.rows == 1) && (of.shape.cols == node->shape.cols || of.shape.cols == 1);
    const uint32_t place = v->place[operand];
    if (place != 0 && there) {
        const int64_t i = of.shape.rows == 1 ? 0 : a->row, j = of.shape.cols == 1 ? 0 : a->col;
        say(s, "v%" PRIu32 " = %g", operand, v->at[place - 1][i * of.shape.cols + j]);
        return;
    }
    double least = HUGE_VAL, most = -HUGE_VAL;
    for (size_t e = 0; place != 0 && e < elements_of(&of); e++) least = fmin(least, v->at[place - 1][e]), most = fmax(most, v->at[place - 1][e]);
    say(s, "v%" PRIu32 " [%" PRId64 ",%" PRId64 "]", operand, of.shape.rows, of.shape.cols);
    if (place != 0) say(s, " from %g to %g", least, most);
}

static tg_status tell(tg_tape *tape, const values *v, const tg_anomaly *a) {
    sentence s = { .length = 0 };
    tg_node  node, forward;
    if (tg_node_at(tape, a->tensor.id, &node) != TG_OK) return TG_BUG;
    say(&s, "v%" PRIu32 " = %.60s", a->tensor.id, node.op->name);
    for (int k = 0; k < node.input_count; k++) {
        say(&s, k == 0 ? "(" : ", ");
        if (node.inputs[k] != 0) say(&s, "v%" PRIu32, node.inputs[k]);
        else say(&s, "none");
    }
    if (node.input_count > 0) say(&s, ")");
    if (node.name[0] != '\0' || node.scope[0] != '\0') say(&s, " in %.100s", node.name[0] != '\0' ? node.name : node.scope);
    say(&s, ": element [%" PRId64 ",%" PRId64 "] is %g", a->row, a->col, a->value);
    for (int k = 0; k < node.input_count; k++) {
        if (node.inputs[k] == 0) continue;
        say(&s, k == 0 ? ", with " : ", ");
        say_operand(&s, tape, v, &node, node.inputs[k], a);
    }
    if (node.origin != 0 && tg_node_at(tape, node.origin, &forward) == TG_OK) {
        say(&s, "; recorded for the derivative of v%" PRIu32 " = %.60s", node.origin, forward.op->name);
        if (forward.scope[0] != '\0') say(&s, " in %.60s", forward.scope);
    }
    return tg_fail_thread(TG_NOT_FINITE, "%s", s.text);
}

/* ---- the search ---- */

static bool find(tg_tape *tape, const values *v, tg_anomaly *a) {
    tg_node node;
    for (int k = 0; k < v->count; k++) {
        if (tg_node_at(tape, v->tensors[k].id, &node) != TG_OK) continue;
        for (size_t e = 0; e < elements_of(&node); e++) {
            if (isfinite(v->at[k][e])) continue;
            *a = (tg_anomaly){ v->tensors[k], (int64_t)e / node.shape.cols, (int64_t)e % node.shape.cols, v->at[k][e] };
            return true;
        }
    }
    return false;
}

tg_status tg_find_anomaly(tg_tape *tape, tg_anomaly *anomaly) {
    if (tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_find_anomaly: tape is NULL");
    if (tg_tape_status(tape) != TG_OK)
        return tg_fail_thread(tg_tape_status(tape), "tg_find_anomaly: begin and record the step again; it has failed: %.200s", tg_tape_error(tape));
    values     v      = { 0 };
    tg_anomaly found  = { 0 };
    tg_status  status = look(tape, &v);
    if (status == TG_OK && find(tape, &v, &found)) status = tell(tape, &v, &found);
    if (anomaly != NULL) *anomaly = found;
    release(&v);
    return status;
}
