/* dot_cells.c - a story element by element: which element is computed from which, the local derivative of such a pair, and the message along it. */
#include "core/util.h"
#include "explain/dot.h"

#include <stdio.h>
#include <string.h>

/* Rows are examples in a net: where there are several, one is shown. */
tg_dot_cells tg_dot_cells_of(const tg_drawing *d, int i) {
    const tg_story_node *node = &d->story->nodes[i];
    const bool           is_row = d->batch > 1 && node->shape.rows == d->batch && node->kind != TG_STORY_PARAMETER;
    if (is_row) return (tg_dot_cells){ d->options->example * node->shape.cols, node->shape.cols, true };
    return (tg_dot_cells){ 0, tg_story_elements(node), false };
}

int64_t tg_dot_broadcast(const tg_story_node *operand, const tg_story_node *output, int64_t e) {
    const int64_t row = e / output->shape.cols, col = e % output->shape.cols;
    return (operand->shape.rows == 1 ? 0 : row) * operand->shape.cols + (operand->shape.cols == 1 ? 0 : col);
}

/* Whether node is a product of two matrices, and which of them it transposes. */
static bool is_product(const tg_drawing *d, const tg_story_node *node, bool is_transposed[2]) {
    int32_t transposes[2] = { 0, 0 };
    if (node->input_count != 2 || node->op != d->matmul) return false;
    memcpy(transposes, node->attributes, sizeof transposes);
    for (int k = 0; k < 2; k++) is_transposed[k] = transposes[k] != 0;
    return true;
}

/* Where element i of an operand stands in it: in row and column as the product takes it. */
static void place_of(const tg_story_node *operand, bool is_transposed, int64_t i, int64_t *row, int64_t *col) {
    *row = is_transposed ? i % operand->shape.cols : i / operand->shape.cols;
    *col = is_transposed ? i / operand->shape.cols : i % operand->shape.cols;
}

bool tg_dot_is_linked(const tg_drawing *d, int from, int argument, int64_t j, int64_t i) {
    const tg_story_node *node = &d->story->nodes[from], *operand = &d->story->nodes[node->inputs[argument]];
    if (node->op->flags & TG_OP_VIEW) return i == ((const tg_view_attributes *)node->attributes)->offset + j;
    bool    is_transposed[2];
    int64_t row, col;
    if (is_product(d, node, is_transposed)) {
        place_of(operand, is_transposed[argument], i, &row, &col);
        return argument == 0 ? j / node->shape.cols == row : j % node->shape.cols == col;
    }
    if (node->op == d->transpose) return j == i % operand->shape.cols * node->shape.cols + i / operand->shape.cols;
    if (node->op->flags & (TG_OP_ELEMENTWISE | TG_OP_BROADCAST)) return tg_dot_broadcast(operand, node, j) == i;
    if ((node->op->flags & TG_OP_CONCAT) != 0) {
        int64_t offset = 0;
        for (int k = 0; k < argument; k++) offset += node->inputs[k] >= 0 ? tg_story_elements(&d->story->nodes[node->inputs[k]]) : 0;
        return j == offset + i;
    }
    if ((node->op->flags & TG_OP_ROW_SUM) && node->shape.rows == 1 && node->shape.cols == operand->shape.cols)
        return j % node->shape.cols == i % operand->shape.cols;
    if ((node->op->flags & TG_OP_ROWWISE) && node->shape.rows == operand->shape.rows) return j / node->shape.cols == i / operand->shape.cols;
    return true;
}

tg_dot_range tg_dot_reach(const tg_drawing *d, int from, int argument, int64_t i) {
    const tg_story_node *node = &d->story->nodes[from], *operand = &d->story->nodes[node->inputs[argument]];
    const int64_t        count = tg_story_elements(node), cols = node->shape.cols;
    bool                 is_transposed[2];
    int64_t              row, col;
    if (is_product(d, node, is_transposed)) {
        place_of(operand, is_transposed[argument], i, &row, &col);
        return argument == 0 ? (tg_dot_range){ row * cols, row * cols + cols, 1 } : (tg_dot_range){ col, count, cols };
    }
    if ((node->op->flags & TG_OP_ELEMENTWISE) && count == tg_story_elements(operand)) return (tg_dot_range){ i, i + 1, 1 };
    if ((node->op->flags & TG_OP_ROWWISE) && node->shape.rows == operand->shape.rows) {
        row = i / operand->shape.cols;
        return (tg_dot_range){ row * cols, row * cols + cols, 1 };
    }
    return (tg_dot_range){ 0, count, 1 };
}

bool tg_dot_evaluate(tg_drawing *d, int i, const tg_formula *formula, int64_t e, bool as_printed, double *value) {
    const tg_story_node      *node = &d->story->nodes[i];
    tg_formula_number_binding names[TG_STORY_OPERANDS + 1];
    int                       count = 0;
    if (formula == NULL || !(node->op->flags & TG_OP_ELEMENTWISE) || node->value == NULL || node->input_count > TG_STORY_OPERANDS) return false;
    for (int k = 0; k <= node->input_count; k++) {
        const int of = k < node->input_count ? node->inputs[k] : i;
        if (of < 0) continue;
        const tg_story_node *operand = &d->story->nodes[of];
        const double         number  = operand->value[tg_dot_broadcast(operand, node, e)];
        names[count++] = (tg_formula_number_binding){ operand->label, as_printed ? tg_dot_printed(d, number) : number };
    }
    const tg_status status = tg_formula_value(formula, names, count, value);
    if (status == TG_OUT_OF_MEMORY) tg_dot_fail(d, status);
    else if (status != TG_OK) tg_last_error(NULL);
    return status == TG_OK;
}

enum { MOST_OPERAND_ELEMENTS = 64 };

static bool record_with_printed(tg_drawing *d, const tg_story_node *node, tg_tape *tape, tg_tensor *y) {
    double    numbers[TG_STORY_OPERANDS][MOST_OPERAND_ELEMENTS];
    tg_tensor inputs[TG_STORY_OPERANDS] = { { 0 } };
    for (int k = 0; k < node->input_count; k++) {
        const tg_story_node *operand = node->inputs[k] >= 0 ? &d->story->nodes[node->inputs[k]] : NULL;
        if (operand == NULL || operand->shape.integer) continue;
        const int64_t count = tg_story_elements(operand);
        if (count > MOST_OPERAND_ELEMENTS) return false;
        for (int64_t i = 0; i < count; i++) numbers[k][i] = tg_dot_printed(d, operand->value[i]);
        inputs[k] = tg_input_f64(tape, numbers[k], operand->shape.rows, operand->shape.cols);
    }
    *y = tg_story_apply(d->story, node, tape, inputs);
    return tg_run(*y) == TG_OK;
}

bool tg_dot_recompute(tg_drawing *d, int i, int64_t e, double *value) {
    const tg_story_node *node = &d->story->nodes[i];
    double               all[MOST_OPERAND_ELEMENTS];
    tg_tensor            y;
    if (tg_dot_evaluate(d, i, node->formula, e, true, value)) return true;
    if (node->value == NULL || node->input_count > TG_STORY_OPERANDS || tg_story_elements(node) > MOST_OPERAND_ELEMENTS) return false;
    if (node->kind != TG_STORY_OP || (node->op->flags & (TG_OP_RANDOM | TG_OP_ASSIGN))) return false;
    tg_tape   *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    const bool ok   = tape != NULL && record_with_printed(d, node, tape, &y) && tg_read_f64(y, all) == TG_OK;
    if (tape == NULL || tg_tape_status(tape) == TG_OUT_OF_MEMORY) tg_dot_fail(d, TG_OUT_OF_MEMORY);
    else if (!ok) tg_last_error(NULL);
    tg_tape_free(tape);
    if (ok) *value = all[e];
    return ok;
}

int64_t tg_dot_factor(const tg_drawing *d, int from, int argument, int64_t j, int64_t i) {
    const tg_story_node *node = &d->story->nodes[from];
    bool                 is_transposed[2];
    int64_t              row, col;
    if (!is_product(d, node, is_transposed)) return -1;
    const tg_story_node *operand = &d->story->nodes[node->inputs[argument]], *other = &d->story->nodes[node->inputs[1 - argument]];
    place_of(operand, is_transposed[argument], i, &row, &col);
    const int64_t other_row = argument == 0 ? col : j / node->shape.cols, other_col = argument == 0 ? j % node->shape.cols : row;
    return is_transposed[1 - argument] ? other_col * other->shape.cols + other_row : other_row * other->shape.cols + other_col;
}

bool tg_dot_local(tg_drawing *d, const tg_story_message *m, int64_t j, int64_t i, double *local) {
    const tg_story_node *from = &d->story->nodes[m->from], *to = &d->story->nodes[m->to];
    *local = 0;
    if (!tg_dot_is_linked(d, m->from, m->argument, j, i)) return true;
    const int64_t factor = tg_dot_factor(d, m->from, m->argument, j, i);
    if (from->value == NULL) return false;
    if (from->op->flags & TG_OP_VIEW) *local = 1;
    else if (m->local != NULL) *local = m->local[j * tg_story_elements(to) + i];
    else if (factor >= 0) *local = d->story->nodes[from->inputs[1 - m->argument]].value[factor];
    else if (tg_dot_evaluate(d, m->from, m->local_formula, j, false, local)) return true;
    else if (m->message != NULL &&
             (tg_story_elements(from) == 1 || ((from->op->flags & TG_OP_ELEMENTWISE) && tg_story_elements(from) == tg_story_elements(to))) &&
             m->upstream[j] != 0)
        *local = m->message[i] / m->upstream[j];
    else return false;
    return true;
}

bool tg_dot_term(tg_drawing *d, const tg_story_message *m, int64_t j, int64_t i, double *term) {
    const tg_story_node *from = &d->story->nodes[m->from], *to = &d->story->nodes[m->to];
    const bool is_alone = tg_story_elements(from) == 1 || ((from->op->flags & TG_OP_ELEMENTWISE) && tg_story_elements(from) == tg_story_elements(to));
    double               local;
    *term = 0;
    if (m->message == NULL) return false;
    if (!tg_dot_is_linked(d, m->from, m->argument, j, i)) return true;
    if (from->op->flags & TG_OP_VIEW) *term = m->message[j];
    else if (is_alone) *term = m->message[i];
    else if (tg_dot_local(d, m, j, i, &local)) *term = m->upstream[j] * local;
    else return false;
    return true;
}

const tg_story_message *tg_dot_message(const tg_drawing *d, int from, int argument) {
    for (int i = 0; i < d->story->message_count; i++) {
        const tg_story_message *m = &d->story->messages[i];
        if (m->from == from && m->argument == argument) return m;
    }
    return NULL;
}

/* What no walk has asked for yet is known as well, of one element. */
const tg_formula *tg_dot_local_formula(tg_drawing *d, int from, int argument) {
    const tg_story_message *m = tg_dot_message(d, from, argument);
    if (m != NULL) return m->local_formula;
    if (d->story->has_walk || !(d->story->nodes[from].op->flags & TG_OP_ELEMENTWISE)) return NULL;
    const tg_formula *f = tg_story_local_formula(d->story, &d->story->nodes[from], argument);
    if (tg_formulas_status(d->story->formulas) == TG_OUT_OF_MEMORY) tg_dot_fail(d, TG_OUT_OF_MEMORY);
    return f;
}

/* In a net all inputs of ops outside of layers; without layers, what is constant, or what no walk has led to. */
bool tg_dot_is_data(const tg_drawing *d, int from, int argument) {
    const int            to   = d->story->nodes[from].inputs[argument];
    const tg_story_node *node = &d->story->nodes[to];
    if (node->kind == TG_STORY_OP || d->story->nodes[from].role == TG_ROLE_SUM || tg_dot_message(d, from, argument) != NULL) return false;
    return d->story->has_walk || node->kind == TG_STORY_CONSTANT || node->shape.integer ||
           (d->story->layer_count > 0 && node->kind == TG_STORY_INPUT);
}

bool tg_dot_is_beside(const tg_drawing *d, int from, int argument) {
    const int to   = d->story->nodes[from].inputs[argument];
    int       uses = 0;
    if (!tg_dot_is_data(d, from, argument) || d->group[to] != d->group[from]) return false;
    for (int i = 0; i < d->story->node_count; i++)
        for (int k = 0; k < d->story->nodes[i].input_count; k++) uses += d->story->nodes[i].inputs[k] == to;
    return uses == 1;
}

bool tg_dot_is_first(const tg_drawing *d, const tg_story_message *m) { return tg_dot_message(d, m->from, m->argument) == m; }
