/* list.c - a step as a list, one line a node: v7 = relu(v6)  [32,128]  net/fc1 */
#include "core/util.h"
#include "explain/printers.h"

#include <inttypes.h>
#include <string.h>
#include <tapegrad/op.h>
#include <tapegrad/plan.h>

enum { MOST_VALUES = 12 };      /* larger matrices are printed without their elements */

/* The node with which a walk begins: it stands for no value, and its first operand is what was differentiated. */
static bool is_header(const tg_node *node) {
    return node->shape.rows == 0 && node->shape.cols == 0 && node->input_count > 0 && strcmp(node->op->name, "gradients") == 0;
}

/* The sections of loss: behind a header whose first operand is loss, what derivative rules recorded until the next header. */
static tg_status mark_sections(const tg_tape *tape, uint32_t loss, bool *printed, uint32_t count) {
    tg_node node;
    bool    of_loss = false;
    for (uint32_t id = loss + 1; id <= count; id++) {
        if (tg_node_at(tape, id, &node) != TG_OK) return TG_BUG;
        if (is_header(&node)) of_loss = node.inputs[0] == loss;
        printed[id] = of_loss && node.origin != 0;
    }
    return TG_OK;
}

/* Loss and its sections, and all that they are made of. */
static tg_status mark_printed(const tg_tape *tape, uint32_t loss, bool *printed, uint32_t count) {
    tg_node node;
    printed[loss] = true;
    if (mark_sections(tape, loss, printed, count) != TG_OK) return TG_BUG;
    for (uint32_t id = count; id > 0; id--) {
        if (!printed[id]) continue;
        if (tg_node_at(tape, id, &node) != TG_OK) return TG_BUG;
        for (int k = 0; k < node.input_count; k++) printed[node.inputs[k]] = true;
    }
    return TG_OK;
}

/* Values of the nodes that are printed with their elements. */
typedef struct values {
    tg_tensor *tensors;      /* [count] */
    double   **out;          /* [count] */
    double    *elements;     /* [count, MOST_VALUES] */
    int        count, capacity;
} values;

static bool has_values(const tg_node *node) {
    const int64_t elements = node->shape.rows * node->shape.cols;
    return elements > 0 && elements <= MOST_VALUES;
}

static void release_values(values *v) {
    tg_release(v->tensors, (size_t)v->capacity * sizeof *v->tensors);
    tg_release(v->out, (size_t)v->capacity * sizeof *v->out);
    tg_release(v->elements, (size_t)v->capacity * MOST_VALUES * sizeof *v->elements);
}

static tg_status look_at_values(tg_tape *tape, const bool *printed, uint32_t count, values *v) {
    tg_node node;
    v->capacity = (int)count;
    v->tensors  = tg_allocate(count * sizeof *v->tensors);
    v->out      = tg_allocate(count * sizeof *v->out);
    v->elements = tg_allocate((size_t)count * MOST_VALUES * sizeof *v->elements);
    if (v->tensors == NULL || v->out == NULL || v->elements == NULL)
        return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for %" PRIu32 " values", count);
    for (uint32_t id = 1; id <= count; id++) {
        if (!printed[id] || tg_node_at(tape, id, &node) != TG_OK || !has_values(&node)) continue;
        v->out[v->count]       = v->elements + (size_t)v->count * MOST_VALUES;
        v->tensors[v->count++] = tg_tensor_at(tape, id);
    }
    return tg_look(v->tensors, v->count, v->out);
}

static void print_values(FILE *out, const double *value, tg_shape shape) {
    fprintf(out, "  =");
    for (int64_t i = 0; i < shape.rows * shape.cols; i++) fprintf(out, "%s%.6g", i > 0 && i % shape.cols == 0 ? "; " : " ", value[i]);
}

/* value NULL: without */
static void print_node(FILE *out, uint32_t id, const tg_node *node, const double *value) {
    fprintf(out, "v%" PRIu32 " = %s", id, node->op->name);
    for (int k = 0; k < node->input_count; k++) {
        fprintf(out, "%s", k == 0 ? "(" : ", ");
        if (node->inputs[k] != 0) fprintf(out, "v%" PRIu32, node->inputs[k]);
        else fprintf(out, "none");
    }
    fprintf(out, "%s  [%" PRId64 ",%" PRId64 "]", node->input_count > 0 ? ")" : "", node->shape.rows, node->shape.cols);
    if (node->name[0] != '\0') fprintf(out, "  %s", node->name);
    else if (node->scope[0] != '\0') fprintf(out, "  %s", node->scope);
    if (node->origin != 0) fprintf(out, "  (backward of v%" PRIu32 ")", node->origin);
    if (value != NULL) print_values(out, value, node->shape);
    fprintf(out, "\n");
}

/* What nothing printed reads, and what is assigned: loss, its gradients, the updates. */
static tg_status print_passes(tg_tape *tape, const bool *printed, uint32_t count, FILE *out) {
    tg_node    node;
    bool      *is_read = tg_allocate(count + 1);
    tg_tensor *ends    = tg_allocate((count + 1) * sizeof *ends);
    int        end_count = 0;
    for (uint32_t id = 1; is_read != NULL && id <= count; id++)
        for (int k = 0; tg_node_at(tape, id, &node) == TG_OK && k < node.input_count; k++) is_read[node.inputs[k]] |= !is_header(&node);
    for (uint32_t id = 1; is_read != NULL && ends != NULL && id <= count; id++)
        if (tg_node_at(tape, id, &node) == TG_OK && !is_header(&node) && ((node.op->flags & TG_OP_ASSIGN) || (printed[id] && !is_read[id])))
            ends[end_count++] = tg_tensor_at(tape, id);
    const tg_status status = is_read != NULL && ends != NULL ? tg_print_plan(ends, end_count, out)
                                                             : tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for %" PRIu32 " nodes", count);
    tg_release(is_read, count + 1);
    tg_release(ends, (count + 1) * sizeof *ends);
    return status;
}

tg_status tg_print_compilation(tg_tensor loss, FILE *out) {
    const uint32_t count   = tg_node_count(loss.tape);
    bool          *printed = tg_allocate(count + 1);
    if (printed == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for %" PRIu32 " nodes", count);
    tg_status status = mark_printed(loss.tape, loss.id, printed, count);
    if (status == TG_OK) status = print_passes(loss.tape, printed, count, out);
    tg_release(printed, count + 1);
    return status;
}

tg_status tg_print_list(tg_tensor loss, FILE *out, const tg_explain_options *options) {
    const uint32_t count   = tg_node_count(loss.tape);
    bool          *printed = tg_allocate(count + 1);
    if (printed == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for %" PRIu32 " nodes", count);
    const bool with_values = !options->no_values;
    values     v           = { 0 };
    tg_status  status      = mark_printed(loss.tape, loss.id, printed, count);
    if (status == TG_OK && with_values) status = look_at_values(loss.tape, printed, count, &v);
    for (uint32_t id = 1, next = 0; id <= count && status == TG_OK; id++) {
        tg_node node;
        if (!printed[id]) continue;
        status = tg_node_at(loss.tape, id, &node);
        if (status == TG_OK) print_node(out, id, &node, with_values && has_values(&node) ? v.out[next++] : NULL);
    }
    if (status == TG_OK && options->passes) status = print_passes(loss.tape, printed, count, out);
    release_values(&v);
    tg_release(printed, count + 1);
    return status;
}
