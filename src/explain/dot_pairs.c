/* dot_pairs.c - edges of the neuron view: from each element to each that is computed from it, with the local derivative, and back with the
 * message. */
#include "core/util.h"
#include "explain/dot.h"

#include <inttypes.h>
#include <math.h>

const char *tg_dot_box_name(const tg_drawing *d, int i, int64_t e, char out[TG_DOT_NAME]) {
    const tg_dot_cells cells = tg_dot_cells_of(d, i);
    if (cells.count == 1) snprintf(out, TG_DOT_NAME, "v%u", (unsigned)d->story->nodes[i].id);
    else snprintf(out, TG_DOT_NAME, "v%u_%" PRId64, (unsigned)d->story->nodes[i].id, e - cells.first + 1);
    return out;
}

typedef struct pair {
    int                     from, to, argument;      /* from: whose box it is; the neuron's for its product */
    int64_t                 j, i;
    const tg_story_message *message;                 /* NULL: there is none */
    const tg_formula       *formula;                 /* of the local derivative; NULL: there is none */
    int64_t                 factor;                  /* of a matrix product that is no layer: the element of its other operand; -1 */
    bool                    is_weight;               /* from an input to a neuron */
    int                     slot, repeat;            /* repeat: which use of this operand it is */
} pair;

static const char *weight_name(tg_drawing *d, const pair *p, char out[TG_DOT_NAME]) {
    const tg_story_layer *layer = &d->story->layers[d->story->nodes[p->from].layer];
    const int64_t         j     = p->j - tg_dot_cells_of(d, layer->sum).first;
    return tg_dot_element_name(d, layer->weight, p->slot * d->story->nodes[layer->sum].shape.cols + j, out);
}

static double weight_of(const tg_drawing *d, const pair *p) {
    const tg_story_layer *layer = &d->story->layers[d->story->nodes[p->from].layer];
    return d->story->nodes[layer->weight].value[p->slot * d->story->nodes[layer->sum].shape.cols + p->j - tg_dot_cells_of(d, layer->sum).first];
}

/* The symbol of a local derivative: w, a formula, or the quotient that it is. Returns whether it is but a number. */
static bool put_symbol(tg_drawing *d, const pair *p) {
    char name[TG_DOT_NAME];
    if (p->is_weight) tg_dot_put(d, "%s", weight_name(d, p, name));
    else if (p->factor >= 0) tg_dot_put(d, "%s", TG_DOT_ELEMENT(d, d->story->nodes[p->from].inputs[1 - p->argument], p->factor));
    else if (p->formula != NULL) {
        if (p->formula->kind == TG_FORMULA_NUMBER) return true;
        tg_dot_put_formula(d, p->from, p->formula, d->story->nodes[p->from].op->flags & TG_OP_ELEMENTWISE ? p->j : -1);
    } else tg_dot_put(d, "{d}%s/{d}%s", TG_DOT_ELEMENT(d, p->from, p->j), TG_DOT_ELEMENT(d, p->to, p->i));
    return false;
}

static bool local_of(tg_drawing *d, const pair *p, double *local) {
    const tg_story_node *from = &d->story->nodes[p->from];
    if (p->is_weight && from->value != NULL) return *local = weight_of(d, p), true;
    if (p->factor >= 0 && from->value != NULL) return *local = d->story->nodes[from->inputs[1 - p->argument]].value[p->factor], true;
    if (p->message == NULL) return tg_dot_evaluate(d, p->from, p->formula, p->j, false, local);
    return tg_dot_local(d, p->message, p->j, p->i, local);
}

/* The names of an edge and of its ends. */
typedef struct names {
    char tail[TG_DOT_NAME], head[TG_DOT_NAME], port[24], id[2 * TG_DOT_NAME + 24];
} names;

static tg_dot_edge open_edge(const tg_drawing *d, const pair *p, bool is_backward, names *n) {
    const char *way = is_backward ? "b" : "f";
    tg_dot_box_name(d, p->to, p->i, n->tail);
    tg_dot_box_name(d, p->from, p->j, n->head);
    n->port[0] = '\0';
    if (p->is_weight) snprintf(n->port, sizeof n->port, ":%s%d:n", way, p->slot);
    const int used = snprintf(n->id, sizeof n->id, "%s%s_%s", way, (is_backward ? n->head : n->tail) + 1, (is_backward ? n->tail : n->head) + 1);
    if (p->repeat > 0) snprintf(n->id + used, sizeof n->id - (size_t)used, "_%d", p->repeat);
    return (tg_dot_edge){ .tail        = n->tail,
                          .tail_port   = "",
                          .head        = n->head,
                          .head_port   = n->port,
                          .id          = n->id,
                          .tooltip     = "",
                          .is_backward = is_backward,
                          .is_finite   = true,
                          .weight      = p->is_weight ? 1 : 4 };
}

/* The symbol above its number, or the number alone; and both in words. */
static void label_forward(tg_drawing *d, const pair *p, bool is_known, double local, tg_dot_edge *edge) {
    const size_t      mark      = d->text.length;
    const bool        is_number = put_symbol(d, p);
    const char       *symbol    = tg_dot_take(d, mark);
    const tg_formula *formula   = p->is_weight || is_number ? NULL : p->formula;
    double            computed;
    const bool        is_true = !is_known || !tg_dot_evaluate(d, p->from, formula, p->j, true, &computed) || tg_dot_agree(d, computed, local);
    if (is_known) tg_dot_put(d, is_number ? "%s" : is_true ? "= %s" : "{approx} %s", TG_DOT_OF(d, local));
    const char *number = tg_dot_take(d, mark);
    tg_dot_put(d, "local derivative  {d}%s/{d}%s = %s", TG_DOT_ELEMENT(d, p->from, p->j), TG_DOT_ELEMENT(d, p->to, p->i), symbol);
    if (symbol[0] != '\0') tg_dot_put(d, " ");
    tg_dot_put(d, "%s", number);
    edge->tooltip  = tg_dot_take(d, mark);
    edge->lines[0] = is_number ? number : symbol;
    edge->lines[1] = is_number || !is_known ? NULL : number;
    if (edge->lines[0][0] == '\0') edge->lines[0] = NULL;
}

/* Data without a gradient stands beside the op that reads it, and the edge is written from there. */
static void put_forward(tg_drawing *d, const pair *p) {
    names       n;
    tg_dot_edge edge     = open_edge(d, p, false, &n);
    double      local    = 0;
    const bool  is_known = local_of(d, p, &local), is_data = tg_dot_is_data(d, p->from, p->argument);
    edge.is_finite       = !is_known || isfinite(local);
    if (p->is_weight || p->message != NULL || ((p->formula != NULL || p->factor >= 0) && !is_data)) label_forward(d, p, is_known, local, &edge);
    edge.is_constant = is_data;
    if (is_data && tg_dot_is_beside(d, p->from, p->argument)) {
        edge.is_turned = true;
        edge.tail      = n.head;
        edge.head      = n.tail;
    }
    tg_dot_put_edge(d, &edge);
}

/* upstream x local; for a weight in names, which stand in the box. */
static void put_factors(tg_drawing *d, const pair *p, bool is_known, double up, double local) {
    char name[TG_DOT_NAME];
    if (p->is_weight) tg_dot_put(d, "%s{dot}%s", TG_DOT_DELTA(d, p->from, p->j), weight_name(d, p, name));
    else if (is_known) tg_dot_put(d, local < 0 ? "%s {times} (%s)" : "%s {times} %s", TG_DOT_OF(d, up), TG_DOT_OF(d, local));
    else tg_dot_put(d, "{d}%s/{d}%s", tg_dot_loss_name(d, name), TG_DOT_ELEMENT(d, p->from, p->j));
}

static void put_backward(tg_drawing *d, const pair *p) {
    const tg_story_message *m = p->message;
    names                   n;
    char                    loss[TG_DOT_NAME];
    const size_t            mark  = d->text.length;
    double                  local = 0, term = 0;
    tg_dot_edge             edge     = open_edge(d, p, true, &n);
    const bool              is_known = m->upstream != NULL && local_of(d, p, &local) && tg_dot_term(d, m, p->j, p->i, &term);
    const double            up       = m->upstream != NULL ? m->upstream[p->j] : 0;
    edge.is_finite = !is_known || (isfinite(term) && isfinite(local) && isfinite(up));
    put_factors(d, p, is_known, up, local);
    edge.lines[0] = tg_dot_take(d, mark);
    if (is_known) {
        const bool is_true = tg_dot_agree(d, tg_dot_printed(d, up) * tg_dot_printed(d, local), term);
        tg_dot_put(d, is_true ? "= %s" : "{approx} %s", TG_DOT_OF(d, term));
        edge.lines[1] = tg_dot_take(d, mark);
    }
    tg_dot_put(d, "message to %s:  {d}%s/{d}%s {times} ", TG_DOT_ELEMENT(d, p->to, p->i), tg_dot_loss_name(d, loss),
               TG_DOT_ELEMENT(d, p->from, p->j));
    tg_dot_put(d, "{d}%s/{d}%s = %s ", TG_DOT_ELEMENT(d, p->from, p->j), TG_DOT_ELEMENT(d, p->to, p->i), edge.lines[0]);
    tg_dot_put(d, "%s", edge.lines[1] != NULL ? edge.lines[1] : "");
    edge.tooltip = tg_dot_take(d, mark);
    tg_dot_put_edge(d, &edge);
}

/* How often the operand was used by this node before. */
static int repeats_of(const tg_story_node *node, int argument) {
    int repeat = 0;
    for (int k = 0; k < argument; k++) repeat += node->inputs[k] == node->inputs[argument];
    return repeat;
}

static void put_pairs(tg_drawing *d, int from, int computed_by, int argument) {
    const tg_story_node    *node  = &d->story->nodes[computed_by];
    const int               to    = node->inputs[argument];
    const tg_dot_cells      heads = tg_dot_cells_of(d, from), tails = tg_dot_cells_of(d, to);
    const tg_story_message *m     = tg_dot_message(d, computed_by, argument);
    const tg_formula       *formula = tg_dot_local_formula(d, computed_by, argument);
    for (int64_t j = heads.first; j < heads.first + heads.count; j++)
        for (int64_t i = tails.first; i < tails.first + tails.count; i++) {
            if (!tg_dot_is_linked(d, computed_by, argument, j, i)) continue;
            const pair p = { .from = from, .to = to, .argument = argument, .j = j, .i = i, .message = m, .formula = formula,
                             .factor = tg_dot_factor(d, computed_by, argument, j, i), .is_weight = d->story->nodes[from].role == TG_ROLE_SUM,
                             .slot = (int)(i - tails.first), .repeat = repeats_of(node, argument) };
            put_forward(d, &p);
            if (m != NULL) put_backward(d, &p);
        }
}

void tg_dot_put_neuron_edges(tg_drawing *d) {
    for (int i = 0; i < d->story->node_count; i++) {
        const tg_story_node *node = &d->story->nodes[i];
        if (tg_dot_is_merged(d, i)) continue;
        if (node->role == TG_ROLE_SUM) put_pairs(d, i, d->story->layers[node->layer].product, 0);
        else
            for (int k = 0; k < node->input_count; k++)
                if (node->inputs[k] >= 0) put_pairs(d, i, i, k);
    }
}
