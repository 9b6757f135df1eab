/* replay.c - a program on a tape: its data, its nodes, its loss and derivatives, its assignments. */
#include "random/program.h"

/* ---- data ---- */

static bool is_avoided(const tg_op *op, double x) {
    for (int i = 0; op != NULL && i < op->avoid_count; i++)
        if (fabs(x - op->avoid[i]) < 0.02) return true;
    return false;
}

static double draw_number(chance *c, const node *n) {
    double x = draw_between(c, n->lo, n->hi);
    for (int i = 0; i < 50 && is_avoided(n->avoid, x); i++) x = draw_between(c, n->lo, n->hi);
    return x;
}

/* One element more than there are, so that nothing is NULL. */
void fill_leaf(world *w, const node *n, int index) {
    const size_t count = (size_t)elements_of(n->shape);
    chance       c     = { n->seed };
    if (n->kind == INTEGERS) {
        w->integers[index] = calloc(count + 1, sizeof(int32_t));
        for (size_t i = 0; i < count; i++) w->integers[index][i] = (int32_t)n->lo + draw_below(&c, (int)(n->hi - n->lo));
    }
    if (n->kind != INPUT && n->kind != SCALAR) return;
    w->values[index] = calloc(count + 1, sizeof(double));
    w->floats[index] = calloc(count + 1, sizeof(float));
    for (size_t i = 0; i < count; i++) {
        w->values[index][i] = n->lo == n->hi ? n->lo : draw_number(&c, n);
        w->floats[index][i] = (float)w->values[index][i];
    }
}

void add_variable(world *w, const program *p, int index) {
    const variable *v     = &p->variables[index];
    const size_t    count = (size_t)(v->rows * v->cols);
    chance          c     = { p->seed + 77 * (uint64_t)index };
    char            name[20];
    snprintf(name, sizeof name, "w%d", index);
    w->variables[index] = tg_variable_new(w->params, name, v->rows, v->cols, &(tg_variable_options){ .group = v->other_group ? "other" : NULL });
    w->initial[index]   = calloc(count, sizeof(double));
    for (size_t i = 0; i < count; i++) w->initial[index][i] = draw_between(&c, -1.5, 1.5);
}

void reset_variables(world *w, const program *p) {
    for (int i = 0; i < p->variable_count; i++)
        if (tg_variable_write_f64(w->variables[i], w->initial[i]) != TG_OK) abort();
}

void open_world(world *w, const program *p) {
    *w        = (world){ 0 };
    w->params = tg_params_new(1, &(tg_params_options){ .type = p->stored });
    for (int i = 0; i < p->variable_count; i++) add_variable(w, p, i);
    for (int i = 0; i < p->variable_count; i++) tg_freeze(w->variables[i], p->variables[i].frozen);
    for (int i = 0; i < p->node_count; i++) fill_leaf(w, &p->nodes[i], i);
    reset_variables(w, p);
}

void empty_leaf(world *w, int index) {
    free(w->values[index]);
    free(w->floats[index]);
    free(w->integers[index]);
    w->values[index]   = NULL;
    w->floats[index]   = NULL;
    w->integers[index] = NULL;
}

void close_world(world *w) {
    for (int i = 0; i < MOST_NODES; i++) empty_leaf(w, i);
    for (int i = 0; i < MOST_VARIABLES; i++) free(w->initial[i]);
    tg_params_free(w->params);
}

/* ---- nodes ---- */

bool has_rule(const tg_op *op) { return op->vjp != NULL || op->expand != NULL || (op->flags & (TG_OP_STOP | TG_OP_VIEW)); }

/* What an assigned block holds between its variables is not defined: its value is not read. */
bool is_assigned_block(const program *p, int index) {
    return p->nodes[index].kind == ASSIGN && p->nodes[p->nodes[index].operands[0]].kind == BLOCK;
}

int find_block(const program *p, int index) {
    for (int i = 0; i < p->node_count; i++)
        if (p->nodes[i].kind == BLOCK && p->variables[p->nodes[i].variable].other_group == p->variables[index].other_group) return i;
    return -1;
}

static tg_tensor record_input(const node *n, const world *w, int index, tg_tape *tape, bool plain) {
    if (n->is_float && !plain) return tg_input(tape, w->floats[index], n->shape.rows, n->shape.cols);
    return tg_input_f64(tape, w->values[index], n->shape.rows, n->shape.cols);
}

static tg_tensor record_kind(const program *p, const world *w, int index, tg_tape *tape, const tg_tensor at[], const manner *m) {
    const node *n = &p->nodes[index];
    tg_tensor   operands[MOST_OPERANDS];
    for (int k = 0; k < n->count; k++) operands[k] = at[n->operands[k]];
    switch (n->kind) {
        case INPUT:    return record_input(n, w, index, tape, m->plain);
        case INTEGERS: return tg_input_i32(tape, w->integers[index], n->shape.rows, n->shape.cols);
        case SCALAR:   return tg_scalar_input(tape, w->values[index]);
        case CONSTANT: return tg_constant(tape, n->attributes[0]);
        case VARIABLE: return tg_use(tape, w->variables[n->variable]);
        case BLOCK:    return tg_use_block(tape, w->params, p->variables[n->variable].other_group ? "other" : "default");
        case ASSIGN:   return m->plain ? operands[1] : tg_assign(operands[0], operands[1]);
        default:       return tg_apply(tape, n->op, operands, n->count, n->op->attribute_size > 0 ? n->attributes : NULL);
    }
}

static tg_tensor shaken(tg_tensor x, chance *c) { return tg_scale(x, 1 + (draw_below(c, 9) - 4) * 0x1p-51); }

tg_tensor record_node(const program *p, const world *w, int index, tg_tape *tape, const tg_tensor at[], const manner *m) {
    const node *n = &p->nodes[index];
    if (m->instead != NULL && m->instead[index] != NULL && !n->shape.integer)
        return tg_input_f64(tape, m->instead[index], n->shape.rows, n->shape.cols);
    const tg_tensor y = record_kind(p, w, index, tape, at, m);
    if (n->kept) tg_keep(y);
    if (n->finite) tg_require_finite(y);
    return m->shake != NULL && n->kind == OP && !n->shape.integer ? shaken(y, m->shake) : y;
}

/* ---- the step ---- */

/* What a derivative may be asked of: a sum over bounded functions of all outputs that are numbers. */
static tg_tensor record_loss(const program *p, const tg_tensor at[], tg_tape *tape) {
    tg_tensor loss = tg_constant(tape, 0.25);
    for (int i = 0; i < p->node_count; i++)
        if (p->nodes[i].output && !p->nodes[i].shape.integer && !is_assigned_block(p, i)) loss = tg_add(loss, tg_sum(tg_sin(at[i])));
    return loss;
}

bool is_written(const program *p, int index) {
    for (int i = 0; i < p->node_count; i++) {
        if (p->nodes[i].kind != ASSIGN) continue;
        const node *target = &p->nodes[p->nodes[i].operands[0]];
        const bool  whole  = target->kind == BLOCK && p->variables[target->variable].other_group == p->variables[index].other_group;
        if (whole || (target->kind == VARIABLE && target->variable == index)) return true;
    }
    return false;
}

bool is_updated(const program *p, int index) {
    const variable *v = &p->variables[index];
    if (p->update != UPDATE_BLOCKS) return p->update == UPDATE_VARIABLES && !v->frozen && !is_written(p, index);
    for (int i = 0; i < p->variable_count; i++)
        if (p->variables[i].other_group == v->other_group && (i < index || is_written(p, i))) return false;      /* with the first of its group */
    return true;
}

static tg_tensor record_update(const program *p, const world *w, tg_tape *tape, tg_tensor loss, int index) {
    const tg_tensor old = p->update == UPDATE_BLOCKS ? tg_use_block(tape, w->params, p->variables[index].other_group ? "other" : "default")
                                                     : tg_use(tape, w->variables[index]);
    tg_tensor       gradient;
    tg_gradients(loss, TG_NONE, &old, 1, &gradient, &(tg_gradients_options){ .allow_unused = true });
    return tg_assign(old, tg_axpy(tg_constant(tape, -0.125), gradient, old));
}

static void record_derivatives(const program *p, const world *w, tg_tape *tape, const manner *m, recording *r) {
    tg_tensor wanted[MOST_WANTED];
    for (int i = 0; i < p->wanted_count; i++) wanted[i] = r->at[p->wanted[i]];
    r->loss = record_loss(p, r->at, tape);
    tg_gradients(r->loss, TG_NONE, wanted, p->wanted_count, r->gradients, &(tg_gradients_options){ .allow_unused = true });
    r->arguments[r->argument_count++] = r->reads[r->read_count++] = r->loss;
    for (int i = 0; i < p->wanted_count; i++) r->arguments[r->argument_count++] = r->reads[r->read_count++] = r->gradients[i];
    for (int i = 0; i < p->variable_count && !m->plain; i++)
        if (is_updated(p, i)) r->arguments[r->argument_count++] = record_update(p, w, tape, r->loss, i);
}

tg_status record_program(const program *p, const world *w, tg_tape *tape, const manner *m, recording *r) {
    r->argument_count = r->read_count = 0;
    for (int i = 0; i < p->node_count; i++) r->at[i] = record_node(p, w, i, tape, r->at, m);
    for (int i = 0; i < p->node_count; i++) {
        const bool read = p->nodes[i].output || p->nodes[i].kept;
        if (p->nodes[i].output || (read && m->shake != NULL)) r->arguments[r->argument_count++] = r->at[i];
        if (read && !is_assigned_block(p, i)) r->reads[r->read_count++] = r->at[i];
    }
    if (p->wanted_count > 0 && !m->no_loss) record_derivatives(p, w, tape, m, r);
    return tg_tape_status(tape);
}

tg_status infer(program *p, const world *w, tg_tape *tape, recording *r) {
    tg_begin(tape, NULL);
    tg_tape_set_step(tape, p->step);
    const tg_status status = record_program(p, w, tape, &(manner){ 0 }, r);
    for (int i = 0; i < p->node_count && status == TG_OK; i++) p->nodes[i].shape = tg_shape_of(r->at[i]);
    return status;
}

/* ---- results ---- */

static double *room_for(result *r, int64_t count) {
    if (r->count + (size_t)count + 1 > r->capacity) {
        r->capacity = 2 * (r->count + (size_t)count + 1);
        r->at       = realloc(r->at, r->capacity * sizeof *r->at);
    }
    r->count += (size_t)count;
    return r->at + r->count - count;
}

void add_result(result *r, const double *numbers, int64_t count) {
    double *to = room_for(r, count);
    if (count > 0) memcpy(to, numbers, (size_t)count * sizeof *to);
}

void add_variables(result *r, const program *p, const world *w) {
    for (int i = 0; i < p->variable_count; i++)
        if (tg_variable_read_f64(w->variables[i], room_for(r, p->variables[i].rows * p->variables[i].cols)) != TG_OK) abort();
}

static tg_status read_tensor(result *r, tg_tensor tensor) {
    const int64_t count = elements_of(tg_shape_of(tensor));
    double       *to    = room_for(r, count);
    if (!tg_shape_of(tensor).integer) return tg_read_f64(tensor, to);
    int32_t        *integers = calloc((size_t)count + 1, sizeof *integers);
    const tg_status status   = tg_read_i32(tensor, integers);
    for (int64_t i = 0; i < count; i++) to[i] = integers[i];
    free(integers);
    return status;
}

/* A step of its own, from the first values of the variables. */
void run_program(const program *p, world *w, tg_tape *tape, const manner *m, result *r) {
    recording rec;
    r->count = 0;
    reset_variables(w, p);
    tg_begin(tape, NULL);
    tg_tape_set_step(tape, p->step);
    r->status = record_program(p, w, tape, m, &rec);
    if (r->status == TG_OK && rec.argument_count > 0) r->status = tg_run_many(rec.arguments, rec.argument_count);
    for (int i = 0; i < rec.read_count && r->status == TG_OK; i++) r->status = read_tensor(r, rec.reads[i]);
    snprintf(r->sentence, sizeof r->sentence, "%.190s", tg_tape_error(tape));
    add_variables(r, p, w);
}

/* Bits; which NaN it is depends on the order of operands, which no rule promises. */
static bool is_same(double a, double b, double tolerance) {
    if (isnan(a) && isnan(b)) return true;
    return memcmp(&a, &b, sizeof a) == 0 || (tolerance > 0 && (a == b || fabs(a - b) <= tolerance * fmax(1, fabs(a))));
}

size_t first_difference(const result *a, const result *b, double tolerance) {
    size_t i = 0;
    if (a->status != b->status) return 0;
    while (i < a->count && i < b->count && is_same(a->at[i], b->at[i], tolerance)) i++;
    return i == a->count && i == b->count ? SIZE_MAX : i;
}

void release_result(result *r) {
    free(r->at);
    *r = (result){ 0 };
}
