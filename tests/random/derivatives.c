/* derivatives.c - gradients of a random program against differences, and whether its second derivatives are symmetric. In f64, whatever the program
 * computes in. Stops, draws and all else without derivative keep the value that they have. */
#include "random/program.h"

enum { ELEMENTS = 3 };      /* of each wanted leaf */

typedef struct slopes {
    program  *p;
    world     w;
    tg_tape  *tape;
    double   *held[MOST_NODES];           /* values of what is stopped */
    recording r;
    tg_plan  *plan;                       /* of the loss */
    double   *blocks[MOST_NODES];         /* values of block nodes, which are inputs of the plan */
} slopes;

/* ---- the program without what differences would see through ---- */

static bool hold_stopped(slopes *s) {
    program *p = s->p;
    if (infer(p, &s->w, s->tape, &s->r) != TG_OK) return false;
    for (int i = 0; i < p->node_count; i++) {
        const node *n = &p->nodes[i];
        if (n->kind != OP || !(n->op->flags & (TG_OP_STOP | TG_OP_RANDOM)) || n->shape.integer) continue;
        s->held[i] = calloc((size_t)elements_of(n->shape) + 1, sizeof(double));
        if (tg_held(s->r.at[i], s->held[i]) != TG_OK) return false;
    }
    return true;
}

/* Differences of numbers as large as the product of a row of 49 may be are noise. */
static bool is_tame(const slopes *s) {
    bool tame = true;
    for (int i = 0; i < s->p->node_count && tame; i++) {
        const int64_t count = elements_of(s->p->nodes[i].shape);
        double       *value = calloc((size_t)count + 1, sizeof *value);
        tame = tg_held(s->r.at[i], value) == TG_OK;
        for (int64_t k = 0; k < count; k++) tame = tame && fabs(value[k]) <= 1e5;
        free(value);
    }
    return tame;
}

static bool record_plainly(slopes *s, tg_tape *tape) {
    tg_begin(tape, NULL);
    return record_program(s->p, &s->w, tape, &(manner){ .instead = (const double *const *)s->held, .plain = true }, &s->r) == TG_OK;
}

/* Blocks that are used, through a variable or as a whole: their nodes, and their values to be moved. */
static int find_blocks(slopes *s, tg_tape *tape, tg_tensor blocks[2]) {
    int count = 0;
    for (int other = 0; other < 2; other++) {
        bool is_there = false;
        for (int i = 0; i < s->p->variable_count; i++) is_there = is_there || s->p->variables[i].other_group == (other == 1);
        if (!is_there) continue;
        blocks[count] = tg_use_block(tape, s->w.params, other == 1 ? "other" : "default");
        s->blocks[count] = calloc((size_t)tg_cols(blocks[count]) + 1, sizeof(double));
        double *const out[1] = { s->blocks[count] };
        if (tg_look(&blocks[count], 1, out) == TG_OK) count++;
    }
    return count;
}

static bool make_plan(slopes *s, tg_tape *tape) {
    tg_tensor blocks[2];
    const int count = find_blocks(s, tape, blocks);
    s->plan = tg_plan_new(blocks, count, &s->r.loss, 1, &(tg_plan_options){ .passes = "none,dead" });
    for (int i = 0; s->plan != NULL && i < count; i++) tg_plan_bind_f64(s->plan, i, s->blocks[i]);
    return s->plan != NULL;
}

static void close_slopes(slopes *s) {
    for (int i = 0; i < MOST_NODES; i++) free(s->held[i]), free(s->blocks[i]);
    tg_plan_free(s->plan);
    tg_tape_free(s->tape);
    close_world(&s->w);
}

/* ---- one element ---- */

static double loss_at(slopes *s, double *x, double at) {
    double       value = (double)NAN;
    const double keep  = *x;
    *x = at;
    if (tg_plan_run(s->plan) != TG_OK || tg_plan_read_f64(s->plan, 0, &value) != TG_OK) value = (double)NAN;
    *x = keep;
    return value;
}

/* Five points (Abramowitz and Stegun 1964, 25.3.6), with a step and half of it. A number that the two do not agree on, or a kink, where the slopes to
 * both sides differ, is none. */
static bool find_slope(slopes *s, double *x, double h, double *slope, double *doubt) {
    double       n[2], apart = 0, scale = 1;
    const double at = *x, middle = loss_at(s, x, at);
    for (int k = 0; k < 2; k++, h /= 2) {
        const double a = loss_at(s, x, at - 2 * h), b = loss_at(s, x, at - h), c = loss_at(s, x, at + h), d = loss_at(s, x, at + 2 * h);
        n[k]  = (a - 8 * b + 8 * c - d) / (12 * h);
        apart = fabs((3 * middle - 4 * b + a) - (-3 * middle + 4 * c - d)) / (2 * h);
        scale = fmax(1, fabs(n[k]));
    }
    *slope = n[1];
    *doubt = fabs(n[1] - n[0]) / scale;
    return apart <= 1e-3 * scale;
}

static bool check_element(slopes *s, double *x, double by_tape, int leaf, int64_t element, failure *f, tally *t) {
    double slope = 0, doubt = 0, error = 0;
    bool   seen  = false;
    for (double h = 2e-3 * fmax(1, fabs(*x)); h > 1e-6; h /= 12) {
        if (!find_slope(s, x, h, &slope, &doubt) || !(doubt <= 5e-9)) continue;
        error = fabs(slope - by_tape) / fmax(1, fmax(fabs(slope), fabs(by_tape)));
        seen  = true;
        if (error <= 1e-8) break;
    }
    if (t != NULL) t->elements++, t->kinks += !seen;
    return !seen || error <= 1e-8 ||
           refute(f, "derivatives", NULL, "by element %d of n%d the tape has %.12g, differences %.12g", (int)element, leaf, by_tape, slope);
}

/* A derivative by a variable is that by its node: what is read through the whole block, or by an interior node, is no coordinate of its own. Leaves
 * of one number are conditions and the like, which lie at jumps. */
static bool is_coordinate(const program *p, int leaf) {
    const node *n = &p->nodes[leaf];
    if (n->kind == VARIABLE) return find_block(p, n->variable) < 0;
    return n->kind == BLOCK || ((n->kind == INPUT || n->kind == SCALAR) && n->lo != n->hi);
}

/* Where element number index of such a leaf lies. */
static double *element_of(slopes *s, int leaf, const tg_tensor at[], int64_t index) {
    const node *n = &s->p->nodes[leaf];
    if (n->kind == INPUT || n->kind == SCALAR) return &s->w.values[leaf][index];
    const variable *v     = &s->p->variables[n->variable];
    int             block = 0;
    for (int i = 0; i < s->p->variable_count && v->other_group; i++) block = block || !s->p->variables[i].other_group;
    tg_node use;
    tg_node_at(at[leaf].tape, at[leaf].id, &use);
    const int64_t offset = n->kind == VARIABLE ? ((const tg_view_attributes *)use.attributes)->offset : 0;
    return &s->blocks[block][offset + index];
}

/* Whether an element of a block belongs to a variable that is not frozen: the gradient of the others is zero. */
static bool is_live(const slopes *s, int leaf, tg_tape *tape, int64_t element) {
    const node *n       = &s->p->nodes[leaf];
    bool        is_live = n->kind != BLOCK;
    for (int i = 0; i < s->p->variable_count; i++) {
        const variable *v = &s->p->variables[i];
        tg_node         use;
        if (v->frozen || v->other_group != s->p->variables[n->variable].other_group) continue;
        tg_node_at(tape, tg_use(tape, s->w.variables[i]).id, &use);
        const tg_view_attributes *a = use.attributes;
        is_live = is_live || (element >= a->offset && element < a->offset + a->rows * a->cols);
    }
    return is_live;
}

static bool check_leaf(slopes *s, int i, failure *f, tally *t) {
    const int     leaf  = s->p->wanted[i];
    const int64_t count = is_coordinate(s->p, leaf) ? elements_of(s->p->nodes[leaf].shape) : 0;
    double       *slope = calloc((size_t)elements_of(s->p->nodes[leaf].shape) + 1, sizeof *slope);
    chance        c     = { s->p->seed + (uint64_t)leaf };
    bool          ok    = tg_read_f64(s->r.gradients[i], slope) == TG_OK || refute(f, "derivatives", NULL, "%s", tg_tape_error(s->r.loss.tape));
    for (int k = 0; k < ELEMENTS && k < count && ok; k++) {
        const int64_t element = count <= ELEMENTS ? k : draw_below(&c, (int)count);
        if (is_live(s, leaf, s->r.at[leaf].tape, element))
            ok = check_element(s, element_of(s, leaf, s->r.at, element), slope[element], leaf, element, f, t);
    }
    free(slope);
    return ok;
}

/* ---- u H v = v H u, for two leaves and directions drawn ---- */

static tg_tensor draw_direction(chance *c, tg_tape *tape, tg_shape shape, double **values) {
    const size_t count = (size_t)elements_of(shape);
    *values = calloc(count + 1, sizeof **values);
    for (size_t k = 0; k < count; k++) (*values)[k] = draw_between(c, -1, 1);
    return tg_input_f64(tape, *values, shape.rows, shape.cols);
}

/* [1, 1], and the sum of its magnitudes. */
static void record_form(tg_tensor gradient, tg_tensor u, tg_tensor x, tg_tensor v, tg_tensor out[2]) {
    tg_tensor second;
    const tg_tensor along = tg_sum(tg_mul(gradient, u));
    tg_gradients(along, TG_NONE, &x, 1, &second, &(tg_gradients_options){ .allow_unused = true });
    out[0] = tg_sum(tg_mul(second, v));
    out[1] = tg_sum(tg_abs(tg_mul(second, v)));
}

static bool compare_forms(const tg_tensor forms[4], failure *f, tally *t) {
    double value[4];
    if (tg_run_many(forms, 4) != TG_OK) return refute(f, "second derivatives", NULL, "%s", tg_tape_error(forms[0].tape));
    for (int i = 0; i < 4; i++) value[i] = tg_item(forms[i]);
    for (int i = 0; i < 4; i++)
        if (!(fabs(value[i]) <= 1e8)) return true;      /* a kink, such as that of a norm at zero, or of what roundings alone keep from being zero */
    if (t != NULL) t->hessians++;
    return fabs(value[0] - value[2]) <= 1e-9 * fmax(1, fmax(value[1], value[3])) ||
           refute(f, "second derivatives", NULL, "u H v = %.15g and v H u = %.15g", value[0], value[2]);
}

static bool has_second_order(const program *p) {
    for (int i = 0; i < p->node_count; i++) {
        tg_op_example e  = { .orders = 3 };
        const tg_op  *op = p->nodes[i].op;
        if (op != NULL && op->example != NULL) op->example(0, 2, 2, &e);
        if (e.orders < 2) return false;
    }
    return true;
}

static bool check_pair(slopes *s, tg_tape *tape, int first, int last, failure *f, tally *t) {
    chance          c = { s->p->seed };
    double         *values[2];
    tg_tensor       forms[4];
    const tg_tensor x = s->r.at[s->p->wanted[first]], y = s->r.at[s->p->wanted[last]];
    const tg_tensor u = draw_direction(&c, tape, tg_shape_of(x), &values[0]), v = draw_direction(&c, tape, tg_shape_of(y), &values[1]);
    record_form(s->r.gradients[first], u, y, v, forms);
    record_form(s->r.gradients[last], v, x, u, forms + 2);
    const bool ok = compare_forms(forms, f, t);
    free(values[0]);
    free(values[1]);
    return ok;
}

/* Of one leaf by another, and of one by itself. */
static bool check_symmetry(slopes *s, tg_tape *tape, failure *f, tally *t) {
    int first = 0, last = s->p->wanted_count - 1;
    while (first < last && !is_coordinate(s->p, s->p->wanted[first])) first++;
    while (last > first && !is_coordinate(s->p, s->p->wanted[last])) last--;
    if (!is_coordinate(s->p, s->p->wanted[first]) || !has_second_order(s->p)) return true;
    return check_pair(s, tape, first, last, f, t) && (first == last || check_pair(s, tape, first, first, f, NULL));
}

/* ---- all ---- */

static bool check_all(slopes *s, tg_tape *tape, failure *f, tally *t) {
    if (!hold_stopped(s) || !is_tame(s)) return true;
    if (!record_plainly(s, tape)) return refute(f, "derivatives", NULL, "in f64, %s", tg_tape_error(tape));
    if (tg_run_many(s->r.arguments, s->r.argument_count) != TG_OK || !make_plan(s, tape)) return true;
    bool ok = true;
    for (int i = 0; i < s->p->wanted_count && ok; i++) ok = check_leaf(s, i, f, t);
    return ok && (!isfinite(tg_item(s->r.loss)) || check_symmetry(s, tape, f, t));
}

bool check_derivatives(program *p, failure *f, tally *t) {
    if (p->wanted_count == 0) return true;
    static slopes s;
    s = (slopes){ .p = p, .tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64, .eager = true, .seed = 17 }) };
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64, .seed = 17 });
    open_world(&s.w, p);
    const bool ok = check_all(&s, tape, f, t);
    tg_tape_free(tape);
    close_slopes(&s);
    return ok;
}
