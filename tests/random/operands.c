/* operands.c - operands for the ops of a random program: nodes that it has, fitted in shape and range, or new leaves. */
#include "random/maker.h"

/* ---- adding nodes ---- */

static void look_at_values(maker *m, int index) {
    const tg_shape s     = m->p->nodes[index].shape;
    const int64_t  count = elements_of(s);
    double        *value = calloc((size_t)count + 1, sizeof *value);
    m->finite[index] = tg_held(m->at[index], value) == TG_OK;
    m->least[index]  = (double)INFINITY;
    m->most[index]   = -(double)INFINITY;
    for (int64_t i = 0; i < count; i++) {
        m->finite[index] = m->finite[index] && isfinite(value[i]);
        m->least[index]  = fmin(m->least[index], value[i]);
        m->most[index]   = fmax(m->most[index], value[i]);
    }
    free(value);
}

/* A failure ends the step, which is recorded again without what failed. */
static void record_again(maker *m) {
    tg_begin(m->tape, NULL);
    for (int i = 0; i < m->p->node_count; i++) m->at[i] = record_node(m->p, &m->w, i, m->tape, m->at, &(manner){ 0 });
}

int add_node(maker *m, const node *n) {
    program  *p     = m->p;
    const int index = p->node_count;
    if (index == MOST_NODES) return -1;
    p->nodes[index] = *n;
    fill_leaf(&m->w, &p->nodes[index], index);
    m->at[index] = record_node(p, &m->w, index, m->tape, m->at, &(manner){ 0 });
    if (tg_tape_status(m->tape) != TG_OK || elements_of(tg_shape_of(m->at[index])) > 40000) {
        record_again(m);
        empty_leaf(&m->w, index);
        return -1;
    }
    p->node_count++;
    p->nodes[index].shape = tg_shape_of(m->at[index]);
    m->used[index]        = false;
    for (int k = 0; k < n->count; k++) m->used[n->operands[k]] = true;
    look_at_values(m, index);
    return index;
}

int add_op(maker *m, const char *name, const int operands[], int count, const void *attributes, size_t bytes) {
    node n = { .kind = OP, .op = tg_op_find(name), .count = count };
    for (int k = 0; k < count; k++) {
        if (operands[k] < 0) return -1;
        n.operands[k] = operands[k];
    }
    if (bytes > 0) memcpy(n.attributes, attributes, bytes);
    return add_node(m, &n);
}

static node leaf_of(maker *m, node_kind kind, tg_shape shape, double lo, double hi) {
    return (node){ .kind = kind, .shape = shape, .lo = lo, .hi = hi, .seed = ((uint64_t)draw_bits(&m->c) << 32) + draw_bits(&m->c) };
}

static int add_number(maker *m, double lo, double hi, const tg_op *avoid) {
    static const double usual[] = { 0, 1, -1, 2, 0.5 };
    node n  = leaf_of(m, draw_one_in(&m->c, 2) ? SCALAR : CONSTANT, (tg_shape){ 1, 1, false }, lo, hi);
    n.avoid = avoid;
    n.attributes[0] = draw_one_in(&m->c, 2) ? usual[draw_below(&m->c, 5)] : draw_between(&m->c, lo, hi);
    if (n.attributes[0] < lo || n.attributes[0] > hi) n.attributes[0] = draw_between(&m->c, lo, hi);
    return add_node(m, &n);
}

int add_leaf(maker *m, tg_shape shape, double lo, double hi, const tg_op *avoid) {
    if (elements_of(shape) == 1 && draw_one_in(&m->c, 3)) return add_number(m, lo, hi, avoid);
    node n     = leaf_of(m, INPUT, shape, lo, hi);
    n.is_float = draw_one_in(&m->c, 2);
    n.avoid    = avoid;
    return add_node(m, &n);
}

int add_integers(maker *m, tg_shape shape, int lo, int hi) {
    if (hi <= lo && elements_of(shape) > 0) return -1;
    shape.integer = true;
    const node n = leaf_of(m, INTEGERS, shape, lo, hi > lo ? hi : lo + 1);
    return add_node(m, &n);
}

/* ---- variables: one node each, and one of the block of a group ---- */

int node_of_variable(maker *m, int index) {
    for (int i = 0; i < m->p->node_count; i++)
        if (m->p->nodes[i].kind == VARIABLE && m->p->nodes[i].variable == index) return i;
    return add_node(m, &(node){ .kind = VARIABLE, .variable = index });
}

static int node_of_block(maker *m) {
    const int index = draw_below(&m->c, m->p->variable_count), there = find_block(m->p, index);
    return there >= 0 ? there : add_node(m, &(node){ .kind = BLOCK, .variable = index });
}

static int find_variable(maker *m, tg_shape shape) {
    for (int i = 0; i < m->p->variable_count; i++)
        if (m->p->variables[i].rows == shape.rows && m->p->variables[i].cols == shape.cols) return node_of_variable(m, i);
    return -1;
}

/* ---- fitting the shape ---- */

static bool has_shape(tg_shape a, tg_shape b) { return a.rows == b.rows && a.cols == b.cols && a.integer == b.integer; }

static bool is_source(const maker *m, int index) {
    return !m->p->nodes[index].shape.integer && !is_assigned_block(m->p, index);
}

static int view_of(maker *m, int from, tg_shape to) {
    const int64_t            room = elements_of(m->p->nodes[from].shape) - elements_of(to);
    const tg_view_attributes a    = { draw_one_in(&m->c, 3) ? 0 : draw_below(&m->c, (int)room + 1), to.rows, to.cols };
    return add_op(m, "view", &from, 1, &a, sizeof a);
}

/* In one of the ways there are; -1: in none. */
static int fit_shape(maker *m, int from, tg_shape to) {
    if (from < 0) return -1;      /* there is no room for more */
    const tg_shape s        = m->p->nodes[from].shape;
    const int64_t  sizes[2] = { to.rows, to.cols };
    if (has_shape(s, to)) return from;
    if (s.rows == to.cols && s.cols == to.rows && draw_one_in(&m->c, 2)) return add_op(m, "transpose", &from, 1, NULL, 0);
    if ((s.rows == to.rows || s.rows == 1) && (s.cols == to.cols || s.cols == 1)) return add_op(m, "broadcast_to", &from, 1, sizes, sizeof sizes);
    if ((s.rows == to.rows || to.rows == 1) && (s.cols == to.cols || to.cols == 1) && draw_one_in(&m->c, 2))
        return add_op(m, "sum_to", &from, 1, sizes, sizeof sizes);
    return elements_of(s) >= elements_of(to) && elements_of(to) > 0 ? view_of(m, from, to) : -1;
}

/* ---- fitting the range ---- */

static bool fits(const maker *m, int index, double lo, double hi) {
    const double wider = lo == -2 && hi == 2 ? 2 : 0;
    return m->least[index] >= lo - wider && m->most[index] <= hi + wider;
}

/* (lo + hi) / 2 + (hi - lo) / 2.1 sin x: smooth, and within. */
static int squash(maker *m, int index, double lo, double hi) {
    const double half = (hi - lo) / 2.1, middle = (lo + hi) / 2;
    int          y    = add_op(m, draw_one_in(&m->c, 2) ? "sin" : "tanh", &index, 1, NULL, 0);
    if (half != 1) y = add_op(m, "scale", &y, 1, &half, sizeof half);
    return middle != 0 ? add_op(m, "shift", &y, 1, &middle, sizeof middle) : y;
}

static int choose_source(maker *m) {
    const int count = m->p->node_count;
    for (int i = 0; i < 8 && count > 0; i++) {
        const int index = draw_one_in(&m->c, 2) ? draw_below(&m->c, count) : count - 1 - draw_below(&m->c, count < 6 ? count : 6);
        if (!is_source(m, index) || (!m->finite[index] && !draw_one_in(&m->c, 8))) continue;
        if (draw_one_in(&m->c, 3) && m->used[index] == draw_one_in(&m->c, 2)) continue;      /* sometimes fan-out, sometimes what nobody has used */
        return index;
    }
    return -1;
}

static int find_same_shape(maker *m, tg_shape shape) {
    const int count = m->p->node_count, start = count > 0 ? draw_below(&m->c, count) : 0;
    for (int i = 0; i < count; i++) {
        const int index = (start + i) % count;
        if (is_source(m, index) && m->finite[index] && has_shape(m->p->nodes[index].shape, shape)) return index;
    }
    return -1;
}

static int find_number(maker *m, tg_shape shape, double number) {
    if (draw_one_in(&m->c, 2)) return add_leaf(m, shape, number, number, NULL);
    const int     constant = add_node(m, &(node){ .kind = CONSTANT, .attributes = { number } });
    const int64_t sizes[2] = { shape.rows, shape.cols };
    return elements_of(shape) == 1 ? constant : add_op(m, "broadcast_to", &constant, 1, sizes, sizeof sizes);
}

int find_operand(maker *m, tg_shape shape, double lo, double hi, const tg_op *op) {
    if (lo == hi) return find_number(m, shape, lo);
    int index = -1;
    if (draw_below(&m->c, 5) < 3) index = find_same_shape(m, shape);
    if (index < 0 && m->p->variable_count > 0 && draw_one_in(&m->c, 3)) {
        index = find_variable(m, shape);
        if (index < 0 && draw_one_in(&m->c, 2)) index = fit_shape(m, node_of_block(m), shape);
    }
    for (int i = 0; i < 2 && index < 0; i++) {
        const int source = choose_source(m);
        if (source >= 0) index = fit_shape(m, source, shape);
    }
    if (index < 0 || draw_one_in(&m->c, 12)) return add_leaf(m, shape, lo, hi, op);
    return fits(m, index, lo, hi) || !m->finite[index] ? index : squash(m, index, lo, hi);
}

int find_integers(maker *m, tg_shape shape, int lo, int hi) {
    for (int i = m->p->node_count - 1; i >= 0 && !draw_one_in(&m->c, 4); i--)
        if (has_shape(m->p->nodes[i].shape, shape) && m->least[i] >= lo && m->most[i] < hi) return i;
    return add_integers(m, shape, lo, hi);
}
