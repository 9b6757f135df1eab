/* dot_ledger.c - the clusters of a picture, and beside each the same step in formulas of matrices. */
#include "core/util.h"
#include "explain/dot.h"

#include <string.h>

enum { MOST_LINES = 4 };      /* formulas of a cluster that is no layer */

/* ---- clusters: 0 the inputs, l + 1 layer l, then the loss, then what walks recorded, order by order ---- */

static int last_of_forward(const tg_drawing *d) { return d->story->layer_count > 0 ? d->story->layer_count + 1 : 0; }

static bool is_input_of_layer(const tg_story *story, int i) {
    for (int l = 0; l < story->layer_count; l++)
        if (story->layers[l].x == i && story->nodes[i].kind != TG_STORY_OP) return true;
    return false;
}

/* Ops go with what they are computed from, unless no layer comes behind them. */
static int group_of_op(const tg_drawing *d, int i, const int *group, const bool *leads) {
    const tg_story_node *node = &d->story->nodes[i];
    int                  most = 0;
    if (!leads[i]) return last_of_forward(d);
    for (int k = 0; k < node->input_count; k++)
        if (node->inputs[k] >= 0 && group[node->inputs[k]] > most) most = group[node->inputs[k]];
    return most;
}

tg_status tg_dot_find_groups(tg_drawing *d) {
    const tg_story *story = d->story;
    int            *group = tg_story_room(d->story, (size_t)story->node_count * sizeof *group);
    bool           *leads = tg_story_room(d->story, (size_t)story->node_count);
    if (group == NULL || leads == NULL) return d->status = TG_OUT_OF_MEMORY;
    d->group       = group;
    d->group_count = last_of_forward(d) + 1;
    for (int i = story->node_count; i-- > 0;) {
        leads[i] = leads[i] || story->nodes[i].role == TG_ROLE_SUM || story->nodes[i].role == TG_ROLE_PRODUCT;
        for (int k = 0; leads[i] && k < story->nodes[i].input_count; k++)
            if (story->nodes[i].inputs[k] >= 0) leads[story->nodes[i].inputs[k]] = true;
    }
    for (int i = 0; i < story->node_count; i++) {
        const tg_story_node *node = &story->nodes[i];
        if (d->order[i] > 0) group[i] = last_of_forward(d) + d->order[i];
        else if (node->role != TG_ROLE_NONE) group[i] = node->layer + 1;
        else if (node->kind == TG_STORY_OP && story->layer_count > 0) group[i] = group_of_op(d, i, group, leads);
        if (group[i] >= d->group_count) d->group_count = group[i] + 1;
    }
    for (int i = story->node_count; i-- > 0;) {      /* other leaves go with the first that reads them */
        const tg_story_node *node = &story->nodes[i];
        if (node->kind == TG_STORY_OP || node->role != TG_ROLE_NONE || is_input_of_layer(story, i)) continue;
        bool is_read = false;
        for (int j = i + 1; j < story->node_count && !is_read; j++)
            for (int k = 0; k < story->nodes[j].input_count; k++)
                if (story->nodes[j].inputs[k] == i) group[i] = group[j], is_read = true;
    }
    return d->status;
}

static const char *title_of(const tg_drawing *d, int group, char out[32]) {
    static const char *const orders[] = { "backward graph", "second-order graph", "third-order graph" };
    const int                above = group - last_of_forward(d);
    if (above > 0) return above <= 3 ? orders[above - 1] : "graph of higher order";
    if (d->story->layer_count == 0) return "";
    if (group == 0 || above == 0) return group == 0 ? "input" : "loss";
    snprintf(out, 32, "layer %d", group);
    return out;
}

void tg_dot_open_group(tg_drawing *d, int group) {
    const int   above = group - last_of_forward(d);
    char        title[32];
    const bool  is_layer = group > 0 && above < 0;
    const char *name     = is_layer ? d->story->layers[group - 1].name : "";
    tg_dot_put(d,
               "  subgraph cluster_%d { id=\"layer%d\"; class=\"%s%s\"; style=\"%s\"; color=\"%s\"; fontcolor=\"%s\"; fontsize=12; margin=12; "
               "labeljust=r; label=\"",
               group, group,
               is_layer    ? "layer"
               : above > 0 ? "order"
                           : "part",
               above > 0 ? (const char[]){ (char)('0' + above % 10), '\0' } : "", above > 0 ? "rounded,dashed" : "rounded",
               above > 0 ? d->theme->backward : d->theme->line, d->theme->muted);
    if (above > 0) tg_dot_put(d, "%s", title_of(d, group, title));
    else tg_dot_escape(d, name, TG_DOT_SHOWN);
    tg_dot_put(d, "\"; tooltip=\"");
    tg_dot_escape(d, name, 0);
    tg_dot_put(d, "\";\n");
}

/* ---- formulas of a layer ---- */

static void open_line(tg_drawing *d, const char *color) {
    tg_dot_put(d, "      <TR><TD ALIGN=\"LEFT\" WIDTH=\"190\"><FONT COLOR=\"%s\">", color);
}

static void close_line(tg_drawing *d) { tg_dot_put(d, "</FONT></TD></TR>\n"); }

/* The layer whose input is node i, if nothing else reads it; NULL: the gradient comes from several, or from something else. */
static const tg_story_layer *only_layer_behind(const tg_drawing *d, int i) {
    for (int l = 0; l < d->story->layer_count; l++)
        if (d->story->layers[l].x == i) return d->story->nodes[i].messages == 1 ? &d->story->layers[l] : NULL;
    return NULL;
}

/* W'^T delta', or dL/do */
static void put_gradient_above(tg_drawing *d, int i) {
    const tg_story_layer *above = only_layer_behind(d, i);
    char                  loss[TG_DOT_NAME];
    if (above == NULL) tg_dot_put(d, "{d}%s/{d}%s", tg_dot_loss_name(d, loss), TG_DOT_MATRIX(d, i));
    else if (d->is_rows) tg_dot_put(d, "%s %s{T}", TG_DOT_DELTA(d, above->sum, -1), TG_DOT_MATRIX(d, above->weight));
    else tg_dot_put(d, "%s{T} %s", TG_DOT_MATRIX(d, above->weight), TG_DOT_DELTA(d, above->sum, -1));
}

static void put_forward_lines(tg_drawing *d, const tg_story_layer *layer) {
    open_line(d, d->theme->forward);
    if (d->is_rows) tg_dot_put(d, "%s = %s %s", TG_DOT_MATRIX(d, layer->sum), TG_DOT_MATRIX(d, layer->x), TG_DOT_MATRIX(d, layer->weight));
    else tg_dot_put(d, "%s = %s %s", TG_DOT_MATRIX(d, layer->sum), TG_DOT_MATRIX(d, layer->weight), TG_DOT_MATRIX(d, layer->x));
    if (layer->bias >= 0) tg_dot_put(d, " + %s", TG_DOT_MATRIX(d, layer->bias));
    close_line(d);
    if (layer->activation < 0) return;
    const tg_story_node *activation = &d->story->nodes[layer->activation];
    open_line(d, d->theme->forward);
    tg_dot_put(d, "%s = %s(%s)", TG_DOT_MATRIX(d, layer->activation), tg_dot_activation_name(d, activation), TG_DOT_MATRIX(d, layer->sum));
    close_line(d);
}

static void put_backward_lines(tg_drawing *d, const tg_story_layer *layer) {
    char       loss[TG_DOT_NAME];
    const bool is_rows = d->is_rows;
    tg_dot_loss_name(d, loss);
    open_line(d, d->theme->backward);
    tg_dot_put(d, "%s = ", TG_DOT_DELTA(d, layer->sum, -1));
    if (layer->activation < 0) put_gradient_above(d, layer->sum);
    else {
        const bool closed = only_layer_behind(d, layer->activation) != NULL;
        tg_dot_put(d, closed ? "(" : "");
        put_gradient_above(d, layer->activation);
        tg_dot_put(d, "%s {o} %s{prime}(%s)", closed ? ")" : "", tg_dot_activation_name(d, &d->story->nodes[layer->activation]),
                   TG_DOT_MATRIX(d, layer->sum));
    }
    close_line(d);
    open_line(d, d->theme->backward);
    tg_dot_put(d, is_rows ? "{d}%s/{d}%s = %s{T} %s" : "{d}%s/{d}%s = %s %s{T}", loss, TG_DOT_MATRIX(d, layer->weight),
               is_rows ? TG_DOT_MATRIX(d, layer->x) : TG_DOT_DELTA(d, layer->sum, -1),
               is_rows ? TG_DOT_DELTA(d, layer->sum, -1) : TG_DOT_MATRIX(d, layer->x));
    close_line(d);
    if (layer->bias < 0) return;
    open_line(d, d->theme->backward);
    tg_dot_put(d, "{d}%s/{d}%s = %s", loss, TG_DOT_MATRIX(d, layer->bias), TG_DOT_DELTA(d, layer->sum, -1));
    if (d->batch > 1) tg_dot_put(d, ", summed over %d examples", (int)d->batch);
    close_line(d);
}

/* ---- formulas of the other clusters ---- */

static void put_input_lines(tg_drawing *d) {
    const int            x    = d->story->layers[0].x;
    const tg_story_node *node = &d->story->nodes[x];
    char                 loss[TG_DOT_NAME];
    const int64_t        neurons = d->story->nodes[d->story->layers[0].sum].shape.cols;
    if (node->messages == 0) return;
    open_line(d, d->theme->backward);
    tg_dot_put(d, "{d}%s/{d}%s", tg_dot_loss_name(d, loss), TG_DOT_MATRIX(d, x));
    if (only_layer_behind(d, x) != NULL) tg_dot_put(d, " = "), put_gradient_above(d, x);
    close_line(d);
    if (neurons < 2) return;
    open_line(d, d->theme->muted);
    tg_dot_put(d, "%s feeds %d neurons, so", TG_DOT_MATRIX(d, x), (int)neurons);
    close_line(d);
    open_line(d, d->theme->muted);
    tg_dot_put(d, "%d messages are added (+=)", (int)neurons);
    close_line(d);
}

static void put_op_lines(tg_drawing *d, int group) {
    int lines = 0;
    for (int i = 0; i < d->story->node_count && lines < MOST_LINES; i++) {
        if (d->group[i] != group || d->story->nodes[i].formula == NULL || d->story->nodes[i].kind != TG_STORY_OP) continue;
        open_line(d, d->theme->forward);
        tg_dot_put(d, "%s = ", TG_DOT_MATRIX(d, i));
        tg_dot_put_formula(d, i, d->story->nodes[i].formula, -1);
        close_line(d);
        lines++;
    }
}

/* How the loss reaches back to the layers: from each op of the last cluster to an activation or a sum. */
static void put_loss_lines(tg_drawing *d, int group) {
    char loss[TG_DOT_NAME];
    put_op_lines(d, group);
    for (int i = 0; i < d->story->message_count; i++) {
        const tg_story_message *m = &d->story->messages[i];
        if (m->from != d->story->loss || m->local_formula == NULL || d->story->nodes[m->to].role == TG_ROLE_NONE || !tg_dot_is_first(d, m)) continue;
        open_line(d, d->theme->backward);
        tg_dot_put(d, "{d}%s/{d}%s = ", tg_dot_loss_name(d, loss), TG_DOT_MATRIX(d, m->to));
        tg_dot_put_formula(d, m->from, m->local_formula, -1);
        close_line(d);
    }
}

void tg_dot_put_ledger(tg_drawing *d, int group) {
    char      title[32];
    const int above = group - last_of_forward(d);
    tg_dot_put(d, "  e%d [id=\"e%d\", class=\"ledger\", label=<<TABLE BORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"2\">\n", group, group);
    open_line(d, d->theme->muted);
    tg_dot_put(d, "<B>%s</B>", title_of(d, group, title));
    close_line(d);
    if (above >= 0) put_loss_lines(d, group);
    else if (group == 0) put_input_lines(d), put_op_lines(d, group);
    else {
        put_forward_lines(d, &d->story->layers[group - 1]);
        if (d->story->has_walk) put_backward_lines(d, &d->story->layers[group - 1]);
    }
    tg_dot_put(d, "      </TABLE>>];\n");
}
