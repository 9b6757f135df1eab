/* generate.c - the programs: ops drawn from the registry, with operands and attributes as their examples say. */
#include "random/maker.h"

/* ---- sizes ---- */

static int64_t draw_size(maker *m) {
    static const int64_t small[] = { 1, 1, 2, 2, 3, 3, 4, 5, 7, 8, 9 };
    return small[draw_below(&m->c, (int)(sizeof small / sizeof *small))];
}

/* Some around the runs of a strip and of a product, and above what distribute asks for. */
static void draw_sizes(maker *m) {
    static const int64_t large[] = { 17, 20, 33, 64, 130, 257 };
    m->rows = draw_size(m);
    m->cols = draw_size(m);
    m->goal = 3 + draw_below(&m->c, 38);
    const int kind = draw_below(&m->c, 40);
    if (kind < 3) (kind == 0 ? (m->rows = 0) : (m->cols = 0));
    if (kind >= 37) m->rows = large[draw_below(&m->c, 6)], m->cols = large[draw_below(&m->c, 3)], m->goal = 3 + m->goal / 4;
}

static void choose_shape(maker *m, int64_t *rows, int64_t *cols) {
    *rows = draw_one_in(&m->c, 8) ? draw_size(m) : draw_one_in(&m->c, 8) ? 1 : m->rows;
    *cols = draw_one_in(&m->c, 8) ? draw_size(m) : draw_one_in(&m->c, 8) ? 1 : draw_one_in(&m->c, 4) ? m->rows : m->cols;
}

/* ---- variables ---- */

static void draw_variables(maker *m) {
    program *p = m->p;
    p->variable_count = draw_one_in(&m->c, 3) ? 0 : 1 + draw_below(&m->c, MOST_VARIABLES);
    m->w.params       = tg_params_new(1, &(tg_params_options){ .type = p->stored });
    for (int i = 0; i < p->variable_count; i++) {
        variable *v = &p->variables[i];
        choose_shape(m, &v->rows, &v->cols);
        v->rows        = v->rows > 0 ? v->rows : 1;
        v->cols        = v->cols > 0 ? v->cols : 1;
        v->frozen      = draw_one_in(&m->c, 5);
        v->other_group = draw_one_in(&m->c, 4);
        add_variable(&m->w, p, i);
    }
    for (int i = 0; i < p->variable_count; i++) tg_freeze(m->w.variables[i], p->variables[i].frozen);
    reset_variables(&m->w, p);
}

/* ---- one op ---- */

static bool find_example(maker *m, const tg_op *op, tg_op_example *e) {
    int64_t    rows, cols;
    const bool everywhere = op->lo == 0 && op->hi == 0;
    choose_shape(m, &rows, &cols);
    *e = (tg_op_example){ .count = op->arity >= 0 ? op->arity : 1 + draw_below(&m->c, 4), .orders = 3 };
    const int count = e->count;
    for (int k = 0; k < MOST_OPERANDS; k++) {
        e->shapes[k] = (tg_shape){ rows, cols, false };
        e->lo[k]     = everywhere ? -2 : op->lo;
        e->hi[k]     = everywhere ? 2 : op->hi;
    }
    if (op->defaults != NULL) memcpy(e->attributes, op->defaults, op->attribute_size);
    if (op->example == NULL) return true;
    const tg_op_example before = *e;
    for (int index = draw_below(&m->c, 12); index >= 0; index /= 2) {
        *e = before;
        if (op->example(index, rows, cols, e)) break;
        if (index == 0) return false;
    }
    if (op->arity < 0 && draw_one_in(&m->c, 2)) e->count = count < e->count ? count : e->count;
    return true;
}

/* Words that are small integers are sizes and flags; the others are numbers. */
/* Not to 0 where an op looks at several elements: without its epsilon, normalising makes slopes of 1e15 of what roundings leave of a zero. */
static void vary_attributes(maker *m, const tg_op *op, double *attributes) {
    static const double usual[] = { 0, 1, -1, 2, 0.5 };
    const int           first   = op->flags & TG_OP_ELEMENTWISE ? 0 : 1;
    for (size_t i = 0; i < op->attribute_size / sizeof(double); i++) {
        if (fabs(attributes[i]) < 1e-300 || !draw_one_in(&m->c, 3)) continue;
        attributes[i] = draw_one_in(&m->c, 3) ? usual[first + draw_below(&m->c, 5 - first)] : attributes[i] * draw_between(&m->c, 0.6, 1.4);
    }
}

/* Operands of ops with the usual shape rule may have one row or column less. */
static tg_shape broadcast_some(maker *m, const tg_op *op, tg_shape s) {
    if (op->shape != NULL || !(op->flags & TG_OP_ELEMENTWISE)) return s;
    if (draw_one_in(&m->c, 5)) s.rows = 1;
    if (draw_one_in(&m->c, 5)) s.cols = 1;
    return s;
}

static int find_one(maker *m, const tg_op *op, const tg_op_example *e, int k) {
    if (!e->shapes[k].integer) return find_operand(m, broadcast_some(m, op, e->shapes[k]), e->lo[k], e->hi[k], op);
    const int64_t limit = op->limit != NULL ? op->limit(e->shapes, e->count, e->attributes) : (int64_t)e->hi[k];
    return find_integers(m, e->shapes[k], op->limit != NULL ? 0 : (int)e->lo[k], (int)limit);
}

static int add_drawn_op(maker *m, const tg_op *op) {
    tg_op_example e;
    node          n = { .kind = OP, .op = op };
    if (!find_example(m, op, &e) || e.count > MOST_OPERANDS) return -1;
    for (int k = 0; k < e.count; k++) {
        const bool again = k > 0 && draw_one_in(&m->c, 8) && !e.shapes[k].integer && e.shapes[k].rows == e.shapes[k - 1].rows &&
                           e.shapes[k].cols == e.shapes[k - 1].cols && e.lo[k] == e.lo[k - 1] && e.hi[k] == e.hi[k - 1];
        n.operands[k] = again ? n.operands[k - 1] : find_one(m, op, &e, k);
        if (n.operands[k] < 0) return -1;
    }
    n.count = e.count;
    memcpy(n.attributes, e.attributes, sizeof n.attributes);
    vary_attributes(m, op, n.attributes);
    return add_node(m, &n);
}

/* Any op alike, but products and what joins them are what the passes are about. */
static const tg_op *draw_op(maker *m) {
    const unsigned wanted = draw_one_in(&m->c, 15) ? TG_OP_PRODUCT : draw_one_in(&m->c, 15) ? TG_OP_CONCAT : 0;
    const int      count  = tg_op_count(), start = draw_below(&m->c, count);
    for (int i = 0; i < count; i++) {
        const tg_op *op = tg_op_at((start + i) % count);
        if (!(op->flags & TG_OP_ASSIGN) && (op->flags & wanted) == wanted) return op;
    }
    return tg_op_at(start);
}

/* w + a x y: a product that an update may join. */
static int add_joined_product(maker *m) {
    const tg_shape s = { m->rows, m->cols, false }, x = { m->rows, draw_size(m), false }, y = { x.cols, m->cols, false };
    const double   none = 0;      /* transposed */
    const int      w    = find_operand(m, s, -2, 2, NULL), a = add_leaf(m, (tg_shape){ 1, 1, false }, -1, 1, NULL);
    const int      left = find_operand(m, x, -2, 2, NULL), right = find_operand(m, y, -2, 2, NULL);
    const int      product = add_op(m, "matmul", (const int[]){ left, right }, 2, &none, sizeof none);
    return add_op(m, "axpy", (const int[]){ a, product, w }, 3, NULL, 0);
}

/* x w, as in a layer: an update by its gradient is a product that goes into the variable. */
static int add_layer(maker *m) {
    const int      index = draw_below(&m->c, m->p->variable_count);
    const double   none  = 0;
    const tg_shape x     = { m->rows, m->p->variables[index].rows, false };
    const int      left  = find_operand(m, x, -2, 2, NULL), right = node_of_variable(m, index);
    return add_op(m, "matmul", (const int[]){ left, right }, 2, &none, sizeof none);
}

/* ---- Adam's step, which is a row of the fusion table ---- */

static int add_adam(maker *m) {
    static const double epsilon = 1e-3;
    const tg_shape s    = { m->rows, m->cols, false }, one = { 1, 1, false };
    const int      w    = find_operand(m, s, -2, 2, NULL), g = find_operand(m, s, -2, 2, NULL), m0 = find_operand(m, s, -2, 2, NULL);
    const int      b    = add_leaf(m, one, 0.1, 0.9, NULL), c = add_leaf(m, one, 0.1, 0.9, NULL), a = add_leaf(m, one, -0.5, -0.1, NULL);
    const int      v0   = find_operand(m, s, 0.5, 2, NULL);
    const int      m1   = add_op(m, "lerp", (const int[]){ m0, g, b }, 3, NULL, 0), square = add_op(m, "square", &g, 1, NULL, 0);
    const int      v1   = add_op(m, "lerp", (const int[]){ v0, square, b }, 3, NULL, 0);
    const int      vc   = add_op(m, "div", (const int[]){ v1, c }, 2, NULL, 0), root = add_op(m, "sqrt", &vc, 1, NULL, 0);
    const int      down = add_op(m, "shift", &root, 1, &epsilon, sizeof epsilon), move = add_op(m, "div", (const int[]){ m1, down }, 2, NULL, 0);
    return add_op(m, "axpy", (const int[]){ a, move, w }, 3, NULL, 0);
}

/* ---- assignments ---- */

static bool is_group_written(const program *p, int index) {
    for (int i = 0; i < p->variable_count; i++)
        if (p->variables[i].other_group == p->variables[index].other_group && is_written(p, i)) return true;
    return false;
}

static bool may_be_target(const program *p, int index) {
    const node *n = &p->nodes[index];
    if (n->kind == BLOCK) return !is_group_written(p, n->variable);
    return n->kind == VARIABLE && !is_written(p, n->variable) && !p->variables[n->variable].frozen;
}

static void add_assignment(maker *m) {
    const int count = m->p->node_count, start = count > 0 ? draw_below(&m->c, count) : 0;
    for (int i = 0; i < count; i++) {
        const int target = (start + i) % count;
        if (!may_be_target(m->p, target)) continue;
        const int value = find_operand(m, m->p->nodes[target].shape, -2, 2, NULL);
        if (value >= 0 && m->finite[value]) add_node(m, &(node){ .kind = ASSIGN, .count = 2, .operands = { target, value } });
        return;
    }
}

/* ---- what is read, and by what the loss is differentiated ---- */

static void choose_outputs(maker *m) {
    program *p = m->p;
    for (int i = 0; i < p->node_count; i++) {
        const bool sink = !m->used[i] && (p->nodes[i].kind == OP || p->nodes[i].kind == ASSIGN);
        p->nodes[i].output = sink ? !draw_one_in(&m->c, 10) : draw_one_in(&m->c, 40);
        p->nodes[i].kept   = draw_one_in(&m->c, 15) && !is_assigned_block(p, i);
        p->nodes[i].finite = draw_one_in(&m->c, 60) && !p->nodes[i].shape.integer && !is_assigned_block(p, i);
    }
    p->nodes[p->node_count - 1].output = true;
}

static bool can_be_differentiated(const program *p) {
    for (int i = 0; i < p->node_count; i++)
        if (p->nodes[i].kind == OP && !has_rule(p->nodes[i].op)) return false;
    return true;
}

static void choose_wanted(maker *m) {
    program *p = m->p;
    if (!can_be_differentiated(p) || draw_one_in(&m->c, 16)) return;
    for (int i = 0; i < 4 * MOST_WANTED && p->wanted_count < MOST_WANTED; i++) {
        const int   index = draw_below(&m->c, p->node_count);
        const node *n     = &p->nodes[index];
        bool        twice = n->shape.integer || n->kind == CONSTANT || ((n->kind == OP || n->kind == ASSIGN) && !draw_one_in(&m->c, 8));
        for (int k = 0; k < p->wanted_count; k++) twice = twice || p->wanted[k] == index;
        if (!twice) p->wanted[p->wanted_count++] = index;
    }
    if (p->wanted_count > 0) p->update = draw_one_in(&m->c, 2) ? NO_UPDATE : draw_one_in(&m->c, 2) ? UPDATE_BLOCKS : UPDATE_VARIABLES;
}

void make_program(program *p, uint64_t seed) {
    *p      = (program){ .seed = seed };
    maker m = { .p = p, .c = { seed * 1000003 + 12345 }, .tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64, .eager = true, .seed = 17 }) };
    p->type   = draw_one_in(&m.c, 3) ? TG_F32 : TG_F64;
    p->stored = draw_one_in(&m.c, 6) ? TG_F32 + TG_F64 - p->type : p->type;
    p->step   = (uint64_t)draw_below(&m.c, 5);
    draw_sizes(&m);
    draw_variables(&m);
    tg_begin(m.tape, NULL);
    tg_tape_set_step(m.tape, p->step);
    for (int tries = 0; p->node_count < m.goal && tries < 100; tries++) {
        if (p->variable_count > 0 && draw_one_in(&m.c, 15)) add_assignment(&m);
        else if (draw_one_in(&m.c, 80)) add_adam(&m);
        else if (draw_one_in(&m.c, 40)) add_joined_product(&m);
        else if (p->variable_count > 0 && draw_one_in(&m.c, 30)) add_layer(&m);
        else add_drawn_op(&m, draw_op(&m));
    }
    if (p->node_count == 0) add_leaf(&m, (tg_shape){ m.rows, m.cols, false }, -1, 1, NULL);
    choose_outputs(&m);
    choose_wanted(&m);
    tg_tape_free(m.tape);
    close_world(&m.w);
}
