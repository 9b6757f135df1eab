/* dot_neurons.c - the neuron view: one example, every product visible. A neuron is a box with a slot for each parameter, in which the product of
 * the way there stands above the product of the way back; everything else is one box an element. */
#include "core/util.h"
#include "explain/dot.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* What is drawn without being asked for, and at most. */
enum { SLOTS_A_LAYER = 12, BOXES = 40, EDGES = 60, MOST_SLOTS = 400, MOST_BOXES = 400, MOST_EDGES = 400 };
enum { MOST_TERMS = 6 };

/* ---- whether it fits ---- */

typedef struct extent {
    int64_t slots, boxes, edges;      /* slots of the widest layer, or of all; boxes of elements; uses of one by another */
} extent;

static int64_t slots_of(const tg_drawing *d, const tg_story_layer *layer) {
    const tg_shape weight = d->story->nodes[layer->weight].shape;
    return weight.cols * (weight.rows + (layer->bias >= 0 ? 1 : 0));
}

static int64_t edges_of(const tg_drawing *d, int i, int argument) {
    const tg_dot_cells heads = tg_dot_cells_of(d, i), tails = tg_dot_cells_of(d, d->story->nodes[i].inputs[argument]);
    int64_t            count = 0;
    for (int64_t j = heads.first; j < heads.first + heads.count; j++)
        for (int64_t e = tails.first; e < tails.first + tails.count; e++) count += tg_dot_is_linked(d, i, argument, j, e);
    return count;
}

/* Edges are counted if boxes are few enough for it. */
static extent extent_of(const tg_drawing *d, bool widest) {
    extent all = { 0, 0, 0 };
    for (int l = 0; l < d->story->layer_count; l++) {
        const int64_t slots = slots_of(d, &d->story->layers[l]);
        all.slots = !widest ? all.slots + slots : slots > all.slots ? slots : all.slots;
    }
    for (int i = 0; i < d->story->node_count; i++)
        if (!tg_dot_is_merged(d, i)) all.boxes += tg_dot_cells_of(d, i).count;
    for (int i = 0; i < d->story->node_count && all.boxes <= MOST_BOXES; i++)
        for (int k = 0; k < d->story->nodes[i].input_count && !tg_dot_is_merged(d, i) && d->story->nodes[i].role != TG_ROLE_SUM; k++)
            if (d->story->nodes[i].inputs[k] >= 0) all.edges += edges_of(d, i, k);
    return all;
}

static void explain_why_not(tg_drawing *d, extent e) {
    if (d->options->view == TG_VIEW_NEURONS)
        snprintf(d->caption, sizeof d->caption, "layers, as the view of neurons would have %" PRId64 " parameters and %" PRId64
                 " boxes; it shows up to %d of each, and as many edges", e.slots, e.boxes, MOST_BOXES);
    else if (d->story->layer_count == 0) snprintf(d->caption, sizeof d->caption, "matrices and not their %" PRId64 " elements", e.boxes);
    else
        snprintf(d->caption, sizeof d->caption,
                 "layers and not neurons, of which there are too many to read: %" PRId64 " parameters in a layer, %" PRId64 " example%s", e.slots,
                 d->batch, d->batch == 1 ? "" : "s");
}

static bool fits(tg_drawing *d) {
    const bool   is_asked = d->options->view == TG_VIEW_NEURONS;
    const extent e        = extent_of(d, !is_asked);
    const bool   fit = is_asked ? e.slots <= MOST_SLOTS && e.boxes <= MOST_BOXES && e.edges <= MOST_EDGES
                                : d->batch <= 1 && e.slots <= SLOTS_A_LAYER && e.boxes <= BOXES && e.edges <= EDGES;
    if (!fit) explain_why_not(d, e);
    return fit;
}

/* ---- names of boxes ---- */

#define BOX(i, e) tg_dot_box_name(d, i, e, (char[TG_DOT_NAME]){ 0 })

static bool is_shown(const tg_drawing *d, int i, int64_t e) {
    const tg_dot_cells cells = tg_dot_cells_of(d, i);
    return e >= cells.first && e < cells.first + cells.count;
}

static const char *tooltip_of(tg_drawing *d, int i) {
    const tg_story_node *node = &d->story->nodes[i];
    const size_t         mark = d->text.length;
    tg_dot_put(d, "v%u  %s  %" PRId64 "x%" PRId64 "  ", (unsigned)node->id, node->op->name, node->shape.rows, node->shape.cols);
    if (d->status == TG_OK) tg_put(&d->text, node->name[0] != '\0' ? node->name : node->scope);
    return tg_dot_take(d, mark);
}

/* ---- gradients ---- */

/* A tick where the adjoint agrees with the central difference, a cross where it does not. */
static void put_check(tg_drawing *d, int i, int64_t e) {
    const tg_story_node *node = &d->story->nodes[i];
    if (node->difference == NULL || node->adjoint == NULL || !isfinite(node->difference[e])) return;
    const double size  = fmax(1e-6, fmax(fabs(node->difference[e]), fabs(node->adjoint[e]))),
                 error = fabs(node->difference[e] - node->adjoint[e]) / size;
    if (error <= (d->story->type == TG_F32 ? 2e-3 : 1e-5)) tg_dot_put(d, "{sp}{check}");
    else tg_dot_put(d, "{sp}<FONT COLOR=\"%s\"><B>{cross}</B></FONT>", d->theme->wrong);
}

/* Terms that arrive at an element: up to MOST_TERMS of them, and how many there are. -1: they are not all known, or not all shown. */
static int terms_of(tg_drawing *d, int i, int64_t e, double terms[MOST_TERMS]) {
    int count = 0;
    for (int k = 0; k < d->story->message_count; k++) {
        const tg_story_message *m = &d->story->messages[k];
        if (m->to != i || !tg_dot_is_first(d, m)) continue;
        for (int64_t j = 0; j < tg_story_elements(&d->story->nodes[m->from]); j++) {
            double term;
            if (!tg_dot_is_linked(d, m->from, m->argument, j, e)) continue;
            if (!is_shown(d, m->from, j) || !tg_dot_term(d, m, j, e, &term)) return -1;
            if (count < MOST_TERMS) terms[count] = term;
            count++;
        }
    }
    return count;
}

/* " = 0.002 + 0.003 = " where several messages are added, else " = ". */
static void put_terms(tg_drawing *d, int i, int64_t e) {
    double    terms[MOST_TERMS], sum = 0;
    const int count = terms_of(d, i, e, terms);
    bool      is_true = true;
    if (count > MOST_TERMS) tg_dot_put(d, "{sp}={sp}{sum} of %d messages", count);
    else if (count > 1) {
        tg_dot_put(d, "{sp}={sp}");
        for (int k = 0; k < count; k++) {
            const bool is_negative = k > 0 && tg_dot_printed(d, terms[k]) < 0;
            tg_dot_put(d, k == 0 ? "%s" : is_negative ? " {minus} %s" : " + %s", TG_DOT_OF(d, is_negative ? -terms[k] : terms[k]));
            sum += tg_dot_printed(d, terms[k]);
        }
        is_true = tg_dot_agree(d, sum, d->story->nodes[i].adjoint[e]);
    }
    tg_dot_put_equals(d, is_true);
}

/* A row over span columns. */
static void put_gradient(tg_drawing *d, int i, int64_t e, int64_t span) {
    const tg_story_node *node = &d->story->nodes[i];
    char                 loss[TG_DOT_NAME];
    const bool           is_delta = node->role == TG_ROLE_SUM, is_loss = i == d->story->loss;
    if (node->kind == TG_STORY_CONSTANT || node->shape.integer || (d->story->has_walk && node->messages == 0 && !is_loss)) return;
    tg_dot_put(d, "        <TR><TD COLSPAN=\"%" PRId64 "\" ALIGN=\"LEFT\"><FONT COLOR=\"%s\">", span, d->theme->backward);
    if (is_delta) tg_dot_put(d, "<B>%s</B>{sp}={sp}", TG_DOT_DELTA(d, i, e));
    tg_dot_put(d, "{d}%s/{d}%s", tg_dot_loss_name(d, loss), TG_DOT_ELEMENT(d, i, e));
    if (node->adjoint == NULL) tg_dot_put(d, d->options->no_values ? "" : "{sp}={sp}{none}");
    else {
        put_terms(d, i, e);
        tg_dot_put_bold(d, d->theme->backward, node->adjoint[e]);
        if (is_loss && node->adjoint[e] == 1) tg_dot_put(d, "{sp}(seed)");
        else put_check(d, i, e);
    }
    tg_dot_put(d, "</FONT></TD></TR>\n");
}

/* ---- a neuron ---- */

/* "w x1 = 0.0075" or with delta: factors are the numbers that are printed for both names. */
static void put_product(tg_drawing *d, const char *name, const char *other, double a, double b, double product, bool is_bold) {
    tg_dot_put(d, "%s{dot}%s", name, other);
    tg_dot_put_equals(d, tg_dot_agree(d, tg_dot_printed(d, a) * tg_dot_printed(d, b), product));
    if (is_bold) tg_dot_put_bold(d, d->theme->backward, product);
    else tg_dot_put(d, "%s", TG_DOT_OF(d, product));
}

/* What came along the slot, and what that is in all where examples or layers share the parameter. */
static void put_slot_gradient(tg_drawing *d, int i, int64_t e, const char *delta, const char *name, double adjoint, double x) {
    const tg_story_node *node = &d->story->nodes[i];
    char                 loss[TG_DOT_NAME];
    const bool           is_whole = d->batch <= 1 && node->messages == 1;
    if (d->story->has_walk && node->messages == 0) return;
    tg_dot_put(d, "<BR/><FONT COLOR=\"%s\" POINT-SIZE=\"11\">", d->theme->backward);
    if (node->adjoint == NULL) tg_dot_put(d, d->options->no_values ? "%s{dot}%s" : "%s{dot}%s{sp}={sp}{none}", delta, name);
    else {
        put_product(d, delta, name, adjoint, x, adjoint * x, is_whole);
        if (!is_whole) {
            tg_dot_put(d, "<BR/>{d}%s/{d}%s{sp}={sp}", tg_dot_loss_name(d, loss), TG_DOT_ELEMENT(d, i, e));
            tg_dot_put_bold(d, d->theme->backward, node->adjoint[e]);
        }
        put_check(d, i, e);
    }
    tg_dot_put(d, "</FONT>");
}

static void put_slot(tg_drawing *d, const tg_story_layer *layer, int64_t j, int64_t i) {
    const tg_story      *story   = d->story;
    const tg_story_node *sum     = &story->nodes[layer->sum], *x = &story->nodes[layer->x];
    const bool           is_bias = i == x->shape.cols;
    const int            node    = is_bias ? layer->bias : layer->weight;
    const int64_t        e = is_bias ? j : i * sum->shape.cols + j, x_e = tg_dot_cells_of(d, layer->x).first + i,
                  s_e                        = tg_dot_cells_of(d, layer->sum).first + j;
    const double        *value = story->nodes[node].value;
    const bool           is_last = is_bias || (layer->bias < 0 && i == x->shape.cols - 1);
    char                 x_name[TG_DOT_NAME] = "1";
    if (!is_bias) tg_dot_element_name(d, layer->x, x_e, x_name);
    tg_dot_put(d, "          <TD COLSPAN=\"2\" BORDER=\"1\" SIDES=\"%s\" COLOR=\"%s\" BGCOLOR=\"%s\"><B>%s</B>", is_last ? "B" : "BR", d->theme->line,
               d->theme->fill[TG_DOT_PARAMETER], TG_DOT_ELEMENT(d, node, e));
    if (value != NULL) {
        const double factor = is_bias ? 1 : x->value[x_e];
        tg_dot_put(d, "{sp}={sp}");
        tg_dot_put_bold(d, d->theme->forward, value[e]);
        tg_dot_put(d, "<BR/><FONT COLOR=\"%s\" POINT-SIZE=\"11\">", d->theme->forward);
        put_product(d, TG_DOT_ELEMENT(d, node, e), x_name, value[e], factor, value[e] * factor, false);
        tg_dot_put(d, "</FONT>");
    } else tg_dot_put(d, "<BR/><FONT COLOR=\"%s\" POINT-SIZE=\"11\">%s{dot}%s</FONT>", d->theme->forward, TG_DOT_ELEMENT(d, node, e), x_name);
    put_slot_gradient(d, node, e, TG_DOT_DELTA(d, layer->sum, s_e), x_name, sum->adjoint != NULL ? sum->adjoint[s_e] : 0,
                      is_bias || value == NULL ? 1 : x->value[x_e]);
    tg_dot_put(d, "</TD>\n");
}

/* S = 0.0075 + 0.02 + 0.35 = 0.3775 */
static void put_sum(tg_drawing *d, const tg_story_layer *layer, int64_t j, int64_t e, int64_t slots) {
    const tg_story_node *sum = &d->story->nodes[layer->sum], *x = &d->story->nodes[layer->x], *weight = &d->story->nodes[layer->weight];
    const int64_t        first = tg_dot_cells_of(d, layer->x).first;
    double               total = 0;
    tg_dot_put(d, "        <TR><TD COLSPAN=\"%" PRId64 "\" ALIGN=\"LEFT\"><B>%s</B>", 2 * slots, TG_DOT_ELEMENT(d, layer->sum, e));
    for (int64_t i = 0; i < slots && sum->value != NULL; i++) {
        const bool    is_bias = i == x->shape.cols;
        const double  term    = is_bias ? d->story->nodes[layer->bias].value[j] : weight->value[i * sum->shape.cols + j] * x->value[first + i];
        const double  printed = tg_dot_printed(d, term);
        const bool    is_negative = i > 0 && printed < 0;
        if (i == 0) tg_dot_put(d, "{sp}={sp}");
        if (slots <= MOST_TERMS + 3) tg_dot_put(d, i == 0 ? "%s" : is_negative ? " {minus} %s" : " + %s", TG_DOT_OF(d, is_negative ? -term : term));
        else if (i == 0) tg_dot_put(d, "{sum} of %d products", (int)slots);
        total += printed;
    }
    if (sum->value != NULL) {
        tg_dot_put_equals(d, slots > MOST_TERMS + 3 || tg_dot_agree(d, total, sum->value[e]));
        tg_dot_put_bold(d, d->theme->forward, sum->value[e]);
    }
    tg_dot_put(d, "</TD></TR>\n");
}

static void put_neuron(tg_drawing *d, int l, int64_t j) {
    const tg_story_layer *layer = &d->story->layers[l];
    const tg_story_node  *sum   = &d->story->nodes[layer->sum];
    const int64_t         slots = d->story->nodes[layer->x].shape.cols + (layer->bias >= 0 ? 1 : 0), e = tg_dot_cells_of(d, layer->sum).first + j;
    bool                  is_finite =
        tg_dot_is_finite(sum->value != NULL ? &sum->value[e] : NULL, 1) && tg_dot_is_finite(sum->adjoint != NULL ? &sum->adjoint[e] : NULL, 1);
    tg_dot_open_box(d, BOX(layer->sum, e), TG_DOT_SUM, is_finite, tooltip_of(d, layer->sum));
    tg_dot_put(d, "        <TR>");
    for (int64_t i = 0; i < slots; i++)
        tg_dot_put(d,
                   "<TD PORT=\"f%d\" BGCOLOR=\"%s\" HEIGHT=\"3\" CELLPADDING=\"0\"></TD><TD PORT=\"b%d\" BGCOLOR=\"%s\" HEIGHT=\"3\" "
                   "CELLPADDING=\"0\"></TD>",
                   (int)i, d->theme->fill[TG_DOT_PARAMETER], (int)i, d->theme->fill[TG_DOT_PARAMETER]);
    tg_dot_put(d, "</TR>\n        <TR>\n");
    for (int64_t i = 0; i < slots; i++) put_slot(d, layer, j, i);
    tg_dot_put(d, "        </TR>\n");
    put_sum(d, layer, j, e, slots);
    put_gradient(d, layer->sum, e, 2 * slots);
    tg_dot_close_box(d);
}

/* ---- other boxes ---- */

/* a + b in elements; of other ops an element of the formula in matrices: (x W)[1] */
static void put_value_formula(tg_drawing *d, int i, int64_t e) {
    const tg_story_node *node = &d->story->nodes[i];
    const char          *matrix = TG_DOT_MATRIX(d, i), *element = TG_DOT_ELEMENT(d, i, e);
    const bool           is_part = !(node->op->flags & TG_OP_ELEMENTWISE) && strlen(element) > strlen(matrix);
    tg_dot_put(d, is_part ? "(" : "");
    tg_dot_put_formula(d, i, node->formula, node->op->flags & TG_OP_ELEMENTWISE ? e : -1);
    if (is_part) tg_dot_put(d, ")%s", element + strlen(matrix));
}

static void put_element(tg_drawing *d, int i, int64_t e) {
    const tg_story_node *node = &d->story->nodes[i];
    const tg_dot_kind    kind = tg_dot_kind_of(d, i);
    const bool           is_finite =
        tg_dot_is_finite(node->value != NULL ? &node->value[e] : NULL, 1) && tg_dot_is_finite(node->adjoint != NULL ? &node->adjoint[e] : NULL, 1);
    double     value;
    bool       is_true = true;
    tg_dot_open_box(d, BOX(i, e), kind, is_finite, tooltip_of(d, i));
    tg_dot_put(d, "        <TR><TD ALIGN=\"LEFT\"><B>%s</B>", TG_DOT_ELEMENT(d, i, e));
    if (node->kind == TG_STORY_OP && node->formula != NULL) {
        tg_dot_put(d, "{sp}={sp}");
        if (node->role == TG_ROLE_ACTIVATION) tg_dot_put(d, "%s(%s)", tg_dot_activation_name(d, node), TG_DOT_ELEMENT(d, node->inputs[0], e));
        else put_value_formula(d, i, e);
        if (tg_dot_recompute(d, i, e, &value)) is_true = tg_dot_agree(d, value, node->value[e]);
    }
    if (node->value != NULL) {
        tg_dot_put_equals(d, is_true);
        tg_dot_put_bold(d, d->theme->forward, node->value[e]);
    }
    if (kind == TG_DOT_CONSTANT)
        tg_dot_put(d, "{sp}<FONT COLOR=\"%s\" POINT-SIZE=\"11\">(%s: no gradient)</FONT>", d->theme->muted,
                   node->kind == TG_STORY_CONSTANT ? "constant" : "data");
    tg_dot_put(d, "</TD></TR>\n");
    put_gradient(d, i, e, 1);
    tg_dot_close_box(d);
}

static void put_node(tg_drawing *d, int i) {
    const tg_dot_cells cells = tg_dot_cells_of(d, i);
    if (tg_dot_is_merged(d, i)) return;
    for (int64_t e = cells.first; e < cells.first + cells.count; e++) {
        if (d->story->nodes[i].role == TG_ROLE_SUM) put_neuron(d, d->story->nodes[i].layer, e - cells.first);
        else put_element(d, i, e);
    }
}

/* ---- ranks ---- */

/* The elements of a node stand side by side, and so does data beside the op that reads it. */
static void put_ranks(tg_drawing *d) {
    for (int i = 0; i < d->story->node_count; i++) {
        const tg_story_node *node  = &d->story->nodes[i];
        const tg_dot_cells   cells = tg_dot_cells_of(d, i);
        if (tg_dot_is_merged(d, i) || cells.count == 0) continue;
        const size_t mark  = d->text.length;
        int64_t      count = cells.count;
        tg_dot_put(d, "  { rank=same;");
        for (int64_t e = cells.first; e < cells.first + cells.count; e++) tg_dot_put(d, " %s;", BOX(i, e));
        for (int k = 0; k < node->input_count && node->role != TG_ROLE_SUM; k++) {
            const int to = node->inputs[k];
            if (to < 0 || !tg_dot_is_beside(d, i, k)) continue;
            const tg_dot_cells beside = tg_dot_cells_of(d, to);
            for (int64_t e = beside.first; e < beside.first + beside.count; e++) tg_dot_put(d, " %s;", BOX(to, e));
            count += beside.count;
        }
        tg_dot_put(d, " }\n");
        if (count < 2) tg_dot_take(d, mark);
    }
}

/* ---- the picture ---- */

/* A node of the cluster at whose height its formulas stand. -1: the cluster is empty. */
static int anchor_of(const tg_drawing *d, int group) {
    int first = -1;
    for (int i = 0; i < d->story->node_count; i++) {
        if (d->group[i] != group || tg_dot_is_merged(d, i) || tg_dot_cells_of(d, i).count == 0) continue;
        if (d->story->nodes[i].role == TG_ROLE_SUM) return i;
        if (first < 0 || d->story->nodes[first].kind != TG_STORY_OP) first = i;
    }
    return first;
}

static void put_groups(tg_drawing *d) {
    const bool is_plain = d->group_count == 1;
    int        last     = -1;
    for (int group = 0; group < d->group_count; group++) {
        const int anchor = anchor_of(d, group);
        if (anchor < 0) continue;
        if (d->story->layer_count > 0) {
            tg_dot_put_ledger(d, group);
            if (last >= 0) tg_dot_put(d, "  e%d -> e%d [style=invis, weight=20];\n", last, group);
            tg_dot_put(d, "  { rank=same; e%d; %s; }\n", group, BOX(anchor, tg_dot_cells_of(d, anchor).first));
            last = group;
        }
        if (!is_plain) tg_dot_open_group(d, group);
        for (int i = 0; i < d->story->node_count; i++)
            if (d->group[i] == group) put_node(d, i);
        if (!is_plain) tg_dot_put(d, "  }\n");
    }
}

bool tg_dot_put_neurons(tg_drawing *d) {
    static const char *const lines[] = { "{forward} forward: the label is the local derivative",
                                         "{backward} backward: upstream {times} local = message; messages that meet are added (+=)" };
    if (!fits(d)) return false;
    if (d->batch > 1)
        snprintf(d->caption, sizeof d->caption,
                 "example %" PRId64 " of %" PRId64 "; the loss and the gradients of parameters are those of all examples", d->options->example + 1,
                 d->batch);
    tg_dot_open(d, "TB", lines, d->story->has_walk ? 2 : 1);
    put_groups(d);
    if (d->order[d->story->loss] > 0) tg_dot_put_recorded(d, "upwards");
    put_ranks(d);
    tg_dot_put_neuron_edges(d);
    tg_dot_close(d);
    return true;
}
