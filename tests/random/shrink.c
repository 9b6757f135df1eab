/* shrink.c - a failing program made small: cuts that leave the same check failing, greedily, until none does. */
#include "random/program.h"

enum { MOST_TRIES = 4000 };

typedef struct shrinker {
    program *p;                                   /* the smallest one so far */
    failure *f;
    double   least[MOST_NODES], most[MOST_NODES]; /* of its values, while it was recorded last */
    int      tries;
} shrinker;

int op_nodes_of(const program *p) {
    int count = 0;
    for (int i = 0; i < p->node_count; i++) count += p->nodes[i].kind == OP || p->nodes[i].kind == ASSIGN;
    return count;
}

/* ---- what nothing needs ---- */

static void mark_needed(const program *p, bool *needed) {
    memset(needed, 0, MOST_NODES * sizeof *needed);
    for (int i = 0; i < p->wanted_count; i++) needed[p->wanted[i]] = true;
    for (int i = p->node_count - 1; i >= 0; i--) {
        needed[i] = needed[i] || p->nodes[i].output || p->nodes[i].kept;
        for (int k = 0; needed[i] && k < p->nodes[i].count; k++) needed[p->nodes[i].operands[k]] = true;
    }
}

static void collect(program *p) {
    bool needed[MOST_NODES];
    int  number[MOST_NODES] = { 0 }, count = 0;
    mark_needed(p, needed);
    for (int i = 0; i < p->node_count; i++) {
        if (!needed[i]) continue;
        node n = p->nodes[i];
        for (int k = 0; k < n.count; k++) n.operands[k] = number[n.operands[k]];
        number[i] = count;
        p->nodes[count++] = n;
    }
    for (int i = 0; i < p->wanted_count; i++) p->wanted[i] = number[p->wanted[i]];
    p->node_count = count;
}

static void collect_variables(program *p) {
    while (p->variable_count > 0) {
        const int last = p->variable_count - 1;
        for (int i = 0; i < p->node_count; i++)
            if ((p->nodes[i].kind == VARIABLE || p->nodes[i].kind == BLOCK) && p->nodes[i].variable == last) return;
        p->variable_count--;
    }
}

/* ---- trying ---- */

static void find_ranges(shrinker *s, const program *p, const recording *r) {
    for (int i = 0; i < p->node_count; i++) {
        const int64_t count = elements_of(p->nodes[i].shape);
        double       *value = calloc((size_t)count + 1, sizeof *value);
        const bool    held  = tg_held(r->at[i], value) == TG_OK;
        s->least[i] = -1, s->most[i] = 1;
        if (count > 0 && held && isfinite(value[0])) s->least[i] = s->most[i] = value[0];
        for (int64_t k = 0; k < count && held; k++)
            if (isfinite(value[k])) s->least[i] = fmin(s->least[i], value[k]), s->most[i] = fmax(s->most[i], value[k]);
        free(value);
    }
}

/* Whether its nodes, without loss, can be recorded and computed; their shapes. */
static bool can_be_recorded(shrinker *s, program *p) {
    world     w;
    recording r;
    tg_tape  *tape = tg_tape_new(&(tg_tape_options){ .type = p->type, .eager = true, .seed = 17 });
    open_world(&w, p);
    tg_tape_set_step(tape, p->step);
    const bool ok = record_program(p, &w, tape, &(manner){ .no_loss = true }, &r) == TG_OK;
    for (int i = 0; i < p->node_count && ok; i++) p->nodes[i].shape = tg_shape_of(r.at[i]);
    if (ok) find_ranges(s, p, &r);
    tg_tape_free(tape);
    close_world(&w);
    return ok;
}

/* Takes candidate for the program if it fails as that did. */
static bool attempt(shrinker *s, program *candidate) {
    failure f;
    if (s->tries++ > MOST_TRIES) return false;
    collect(candidate);
    bool runs = candidate->wanted_count > 0;
    for (int i = 0; i < candidate->node_count; i++) runs = runs || candidate->nodes[i].output;
    if (!runs || !can_be_recorded(s, candidate)) return false;
    const bool same = !check_program(candidate, &f, NULL) && f.check == s->f->check;
    if (same) *s->p = *candidate, *s->f = f;
    return same;
}

/* ---- cuts ---- */

static bool drop_marks(shrinker *s) {
    bool any = false;
    for (int i = 0; i < s->p->node_count; i++)
        for (int mark = 0; mark < 3 && i < s->p->node_count; mark++) {
            program c    = *s->p;
            bool   *flag = mark == 0 ? &c.nodes[i].output : mark == 1 ? &c.nodes[i].kept : &c.nodes[i].finite;
            if (!*flag) continue;
            *flag = false;
            any   = attempt(s, &c) || any;
        }
    return any;
}

static bool drop_derivatives(shrinker *s) {
    bool any = false;
    if (s->p->update != NO_UPDATE) {
        program c = *s->p;
        c.update  = NO_UPDATE;
        any       = attempt(s, &c);
    }
    for (int i = s->p->wanted_count - 1; i >= 0; i--) {
        program c   = *s->p;
        c.wanted[i] = c.wanted[--c.wanted_count];
        if (c.wanted_count == 0) c.update = NO_UPDATE;
        any = attempt(s, &c) || any;
    }
    return any;
}

/* A node becomes a leaf with numbers like its own, or what used it uses its operand. */
static bool cut_to_leaf(shrinker *s, int i) {
    program c = *s->p;
    node   *n = &c.nodes[i];
    if (n->kind == INPUT || n->kind == INTEGERS || n->kind == BLOCK) return false;
    can_be_recorded(s, s->p);      /* for the ranges */
    const bool integer = n->shape.integer;
    *n = (node){ .kind = integer ? INTEGERS : INPUT, .shape = n->shape, .seed = (uint64_t)i + 1, .lo = s->least[i],
                 .hi = s->most[i] + (integer ? 1 : 0), .output = n->output, .kept = n->kept };
    return attempt(s, &c);
}

static bool skip_node(shrinker *s, int i) {
    const int count = s->p->nodes[i].count;
    for (int k = 0; k < count; k++) {
        program        c    = *s->p;
        const int      by   = c.nodes[i].operands[k];
        const tg_shape a    = c.nodes[i].shape, b = c.nodes[by].shape;
        if (a.rows != b.rows || a.cols != b.cols || a.integer != b.integer) continue;
        for (int j = i + 1; j < c.node_count; j++)
            for (int o = 0; o < c.nodes[j].count; o++)
                if (c.nodes[j].operands[o] == i) c.nodes[j].operands[o] = by;
        if (c.nodes[i].output) c.nodes[by].output = true;
        c.nodes[i].output = c.nodes[i].kept = false;
        if (attempt(s, &c)) return true;
    }
    return false;
}

/* What a node computes is enough. */
static bool stop_at(shrinker *s, int i) {
    program c = *s->p;
    for (int j = 0; j < c.node_count; j++) c.nodes[j].output = c.nodes[j].kept = c.nodes[j].finite = false;
    c.nodes[i].output = true;
    for (int k = c.wanted_count - 1; k >= 0; k--)
        if (c.wanted[k] > i) c.wanted[k] = c.wanted[--c.wanted_count];
    if (c.wanted_count == 0) c.update = NO_UPDATE;
    return op_nodes_of(s->p) > 1 && i + 1 < s->p->node_count && attempt(s, &c);
}

static bool cut_nodes(shrinker *s) {
    bool any = false;
    for (int i = 0; i < s->p->node_count; i++)
        if (s->p->nodes[i].kind == OP || s->p->nodes[i].kind == ASSIGN) any = stop_at(s, i) || any;
    for (int i = s->p->node_count - 1; i >= 0; i--) {
        if (i >= s->p->node_count) continue;
        if (skip_node(s, i) || cut_to_leaf(s, i)) any = true;
    }
    return any;
}

static bool merge_operands(shrinker *s) {
    bool any = false;
    for (int i = 0; i < s->p->node_count; i++)
        for (int k = 0; i < s->p->node_count && k < s->p->nodes[i].count; k++)
            for (int by = 0; by < s->p->nodes[i].operands[k]; by++) {
                program        c = *s->p;
                const tg_shape a = c.nodes[c.nodes[i].operands[k]].shape, b = c.nodes[by].shape;
                if (a.rows != b.rows || a.cols != b.cols || a.integer != b.integer) continue;
                c.nodes[i].operands[k] = by;
                if (attempt(s, &c)) {
                    any = true;
                    break;
                }
            }
    return any;
}

/* ---- sizes: one number becomes a smaller one wherever it stands. In attributes, sizes are words that are small integers ---- */

static void replace_size(int64_t *size, int64_t from, int64_t to) {
    if (*size == from) *size = to;
}

static void replace_sizes(program *p, int64_t from, int64_t to) {
    for (int i = 0; i < p->node_count; i++) {
        replace_size(&p->nodes[i].shape.rows, from, to);
        replace_size(&p->nodes[i].shape.cols, from, to);
        for (int k = 0; k < ATTRIBUTE_WORDS && p->nodes[i].kind == OP; k++) {
            int64_t word;
            memcpy(&word, &p->nodes[i].attributes[k], sizeof word);
            replace_size(&word, from, to);
            memcpy(&p->nodes[i].attributes[k], &word, sizeof word);
        }
    }
    for (int i = 0; i < p->variable_count; i++) {
        replace_size(&p->variables[i].rows, from, to);
        replace_size(&p->variables[i].cols, from, to);
    }
}

static bool shrink_sizes(shrinker *s) {
    bool any = false;
    for (int64_t from = 300; from > 1; from--)
        for (int64_t to = 1; to < from; to += to < 3 ? 1 : from / 3 + 1) {
            program c = *s->p;
            replace_sizes(&c, from, to);
            if (memcmp(&c, s->p, sizeof c) == 0 || !attempt(s, &c)) continue;
            any = true;
            break;
        }
    return any;
}

static bool simplify_types(shrinker *s) {
    program c = *s->p;
    if (c.type == TG_F64 && c.stored == TG_F64 && c.step == 0) return false;
    c.type = c.stored = TG_F64;
    c.step = 0;
    return attempt(s, &c);
}

int shrink_program(program *p, failure *f) {
    shrinker s    = { .p = p, .f = f };
    bool     more = true;
    while (more && s.tries < MOST_TRIES) {
        more = drop_derivatives(&s);
        more = cut_nodes(&s) || more;
        more = drop_marks(&s) || more;
        more = merge_operands(&s) || more;
        more = shrink_sizes(&s) || more;
        more = simplify_types(&s) || more;
        collect_variables(p);
    }
    return s.tries;
}
