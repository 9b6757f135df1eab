/* dot_layers.c - the layer view: one box a layer, with its matrices or their norms, what is kept for the way back and what it costs; beside it
 * the graph that the walk recorded. */
#include "core/util.h"
#include "explain/dot.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { MOST_SIDE = 4, MOST_DRAWN = 150 };      /* rows and columns of a matrix that is written out; boxes */

/* ---- matrices ---- */

static bool is_turned(const tg_drawing *d, int i) { return !d->is_rows && d->order[i] == 0; }

static void put_shape(tg_drawing *d, int i) {
    const tg_shape shape = d->story->nodes[i].shape;
    const bool     turns = is_turned(d, i);
    tg_dot_put(d, "%" PRId64 "{by}%" PRId64, turns ? shape.cols : shape.rows, turns ? shape.rows : shape.cols);
}

static void put_elements(tg_drawing *d, int i, const double *numbers, const char *color) {
    const tg_shape shape = d->story->nodes[i].shape;
    const bool     turns = is_turned(d, i);
    const int64_t  rows = turns ? shape.cols : shape.rows, cols = turns ? shape.rows : shape.cols;
    tg_dot_put(d, "<TABLE BORDER=\"1\" SIDES=\"LR\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"2\" COLOR=\"%s\">", color);
    for (int64_t r = 0; r < rows; r++) {
        tg_dot_put(d, "<TR>");
        for (int64_t c = 0; c < cols; c++) {
            const double number = numbers[turns ? c * shape.cols + r : r * shape.cols + c];
            if (isfinite(number)) tg_dot_put(d, "<TD ALIGN=\"RIGHT\"><FONT COLOR=\"%s\">%s</FONT></TD>", color, TG_DOT_OF(d, number));
            else tg_dot_put(d, "<TD ALIGN=\"RIGHT\">"), tg_dot_put_bold(d, color, number), tg_dot_put(d, "</TD>");
        }
        tg_dot_put(d, "</TR>");
    }
    tg_dot_put(d, "</TABLE>");
}

static double norm_of(const double *numbers, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += numbers[i] * numbers[i];
    return sqrt(sum);
}

/* NaN where one is. */
static void range_of(const double *numbers, int64_t count, double *least, double *most) {
    *least = *most = numbers[0];
    for (int64_t i = 1; i < count; i++) {
        if (!(numbers[i] >= *least)) *least = numbers[i];
        if (!(numbers[i] <= *most)) *most = numbers[i];
        if (isnan(numbers[i])) return;
    }
}

static void put_summary(tg_drawing *d, int i, const double *numbers, const char *color) {
    const int64_t count = tg_story_elements(&d->story->nodes[i]);
    double        least, most;
    range_of(numbers, count, &least, &most);
    tg_dot_put(d, "<FONT COLOR=\"%s\">", color);
    put_shape(d, i);
    tg_dot_put(d, "{sp}{sp}");
    if (!d->story->nodes[i].shape.integer) tg_dot_put(d, "{norm}{none}{norm} {approx} %s,{sp}", TG_DOT_OF(d, norm_of(numbers, count)));
    tg_dot_put(d, "%s to %s</FONT>", TG_DOT_OF(d, least), TG_DOT_OF(d, most));
}

/* A row of a box: what is shown, as far as it was written, then its numbers. NULL: a dot, unless nothing is run. */
static void put_numbers(tg_drawing *d, int i, const double *numbers, const char *color) {
    const tg_shape shape = d->story->nodes[i].shape;
    tg_dot_put(d, "</FONT></TD><TD ALIGN=\"LEFT\">");
    if (numbers == NULL) tg_dot_put(d, "<FONT COLOR=\"%s\">%s</FONT>", color, d->options->no_values ? "&#160;" : d->options->ascii ? "." : "&#183;");
    else if (shape.rows * shape.cols == 0) tg_dot_put(d, "<FONT COLOR=\"%s\">empty</FONT>", color);
    else if (shape.rows <= MOST_SIDE && shape.cols <= MOST_SIDE) put_elements(d, i, numbers, color);
    else put_summary(d, i, numbers, color);
    tg_dot_put(d, "</TD></TR>\n");
}

static void open_row(tg_drawing *d, const char *color) { tg_dot_put(d, "        <TR><TD ALIGN=\"LEFT\"><FONT COLOR=\"%s\">", color); }

static void put_value(tg_drawing *d, int i, const char *name) {
    const tg_story_node *node = &d->story->nodes[i];
    if (d->options->no_values) return;
    open_row(d, d->theme->forward);
    tg_dot_put(d, "%s", name);
    if (d->is_kept[i] && strcmp(name, "value") != 0) tg_dot_put(d, " {kept}");
    put_numbers(d, i, node->value, d->theme->forward);
}

static bool has_gradient(const tg_drawing *d, int i) {
    const tg_story_node *node = &d->story->nodes[i];
    if (node->kind == TG_STORY_CONSTANT || node->shape.integer) return false;
    return !d->story->has_walk || node->messages > 0 || i == d->story->loss;
}

/* dL/dx, and behind it how it came about. */
static void put_gradient(tg_drawing *d, int i, const char *formula) {
    const tg_story_node *node = &d->story->nodes[i];
    char                 loss[TG_DOT_NAME];
    if (!has_gradient(d, i)) return;
    open_row(d, d->theme->backward);
    if (node->role == TG_ROLE_SUM) tg_dot_put(d, "<B>%s</B>{sp}={sp}", TG_DOT_DELTA(d, i, -1));
    tg_dot_put(d, "{d}%s/{d}%s%s", tg_dot_loss_name(d, loss), TG_DOT_MATRIX(d, i), formula);
    if (node->messages > 1) tg_dot_put(d, "{sp}<FONT COLOR=\"%s\" POINT-SIZE=\"11\">+= of %d messages</FONT>", d->theme->muted, node->messages);
    put_numbers(d, i, node->adjoint, d->theme->backward);
}

/* ---- boxes ---- */

static bool all_finite(const tg_drawing *d, int i) {
    const tg_story_node *node = &d->story->nodes[i];
    return i < 0 || (tg_dot_is_finite(node->value, tg_story_elements(node)) && tg_dot_is_finite(node->adjoint, tg_story_elements(node)));
}

static void open_box(tg_drawing *d, int i, bool is_finite) {
    const tg_story_node *node = &d->story->nodes[i];
    const size_t         mark = d->text.length;
    char                 id[32];
    snprintf(id, sizeof id, "v%u", (unsigned)node->id);
    tg_dot_put(d, "v%u  %s  ", (unsigned)node->id, node->op->name);
    if (d->status == TG_OK) tg_put(&d->text, node->name[0] != '\0' ? node->name : node->scope);
    const char *tooltip = tg_dot_take(d, mark);
    tg_dot_open_box(d, id, tg_dot_kind_of(d, i), is_finite, tooltip);
    tg_dot_put(d, "        <TR><TD ALIGN=\"LEFT\" COLSPAN=\"2\"><B>%s</B>", TG_DOT_MATRIX(d, i));
}

static void close_title(tg_drawing *d, int i, const char *remark) {
    tg_dot_put(d, "{sp}{sp}<FONT COLOR=\"%s\" POINT-SIZE=\"11\">", d->theme->muted);
    put_shape(d, i);
    if (d->is_kept[i]) tg_dot_put(d, "{sp}{kept}");
    tg_dot_put(d, "%s</FONT></TD></TR>\n", remark);
}

/* Multiplications and additions: x W + b; then W^T delta if somebody asks for it, and delta x^T with its sum over examples, and that of delta. */
static void put_cost(tg_drawing *d, const tg_story_layer *layer) {
    const tg_shape weight = d->story->nodes[layer->weight].shape;
    const int64_t  in = weight.rows, out = weight.cols, batch = d->story->nodes[layer->sum].shape.rows, all = batch * in * out;
    const int64_t  added = batch * (in - 1) * out + (layer->bias >= 0 ? batch * out : 0);
    int64_t        back = 0, back_added = 0;
    if (d->story->nodes[layer->weight].messages > 0) back += all, back_added += (batch - 1) * in * out;
    if (layer->bias >= 0 && d->story->nodes[layer->bias].messages > 0) back_added += (batch - 1) * out;
    if (tg_dot_message(d, layer->product, 0) != NULL) back += all, back_added += batch * in * (out - 1);
    tg_dot_put(d, "        <TR><TD ALIGN=\"LEFT\" COLSPAN=\"2\"><FONT COLOR=\"%s\" POINT-SIZE=\"11\">mul/add{sp}{sp}%" PRId64 "/%" PRId64,
               d->theme->muted, all, added);
    if (d->story->has_walk) tg_dot_put(d, " &#124; %" PRId64 "/%" PRId64, back, back_added);
    tg_dot_put(d, "</FONT></TD></TR>\n");
}

static void put_layer(tg_drawing *d, const tg_story_layer *layer) {
    const size_t mark = d->text.length;
    tg_dot_put(d, d->is_rows ? "{sp}={sp}%s{T} %s" : "{sp}={sp}%s %s{T}", d->is_rows ? TG_DOT_MATRIX(d, layer->x) : TG_DOT_DELTA(d, layer->sum, -1),
               d->is_rows ? TG_DOT_DELTA(d, layer->sum, -1) : TG_DOT_MATRIX(d, layer->x));
    const char *product = tg_dot_take(d, mark);
    tg_dot_put(d, "{sp}={sp}%s%s", TG_DOT_DELTA(d, layer->sum, -1), d->batch > 1 ? ", summed" : "");
    const char *delta = tg_dot_take(d, mark);
    open_box(d, layer->sum, all_finite(d, layer->sum) && all_finite(d, layer->weight) && all_finite(d, layer->bias));
    tg_dot_put(d, "<B>{sp}={sp}%s %s", d->is_rows ? TG_DOT_MATRIX(d, layer->x) : TG_DOT_MATRIX(d, layer->weight),
               d->is_rows ? TG_DOT_MATRIX(d, layer->weight) : TG_DOT_MATRIX(d, layer->x));
    if (layer->bias >= 0) tg_dot_put(d, " + %s", TG_DOT_MATRIX(d, layer->bias));
    tg_dot_put(d, "</B>");
    close_title(d, layer->sum, "");
    put_value(d, layer->weight, TG_DOT_MATRIX(d, layer->weight));
    put_gradient(d, layer->weight, d->story->nodes[layer->weight].messages > 1 ? "" : product);
    if (layer->bias >= 0) {
        put_value(d, layer->bias, TG_DOT_MATRIX(d, layer->bias));
        put_gradient(d, layer->bias, d->story->nodes[layer->bias].messages > 1 ? "" : delta);
    }
    put_value(d, layer->sum, "value");
    put_gradient(d, layer->sum, "");
    put_cost(d, layer);
    tg_dot_close_box(d);
}

static void put_other(tg_drawing *d, int i) {
    const tg_story_node *node = &d->story->nodes[i];
    open_box(d, i, all_finite(d, i));
    if (node->kind == TG_STORY_OP && node->formula != NULL) {
        tg_dot_put(d, "<B>{sp}={sp}");
        if (node->role == TG_ROLE_ACTIVATION) tg_dot_put(d, "%s(%s)", tg_dot_activation_name(d, node), TG_DOT_MATRIX(d, node->inputs[0]));
        else tg_dot_put_formula(d, i, node->formula, -1);
        tg_dot_put(d, "</B>");
    }
    const char *remark = node->kind == TG_STORY_CONSTANT ? "&#160; (constant: no gradient)" : "&#160; (data: no gradient)";
    close_title(d, i, tg_dot_kind_of(d, i) == TG_DOT_CONSTANT ? remark : "");
    put_value(d, i, "value");
    put_gradient(d, i, "");
    tg_dot_close_box(d);
}

/* ---- edges ---- */

/* The Jacobian, in a word: W, diag sigma'(S), the formula of one element. */
static void put_jacobian(tg_drawing *d, int from, int argument, const tg_formula *formula) {
    const tg_story_node *node = &d->story->nodes[from];
    const bool           is_one = tg_story_elements(node) == 1;
    if (node->role == TG_ROLE_SUM && argument == 0) tg_dot_put(d, "%s", TG_DOT_MATRIX(d, d->story->layers[node->layer].weight));
    else if (node->role == TG_ROLE_ACTIVATION)
        tg_dot_put(d, is_one ? "%s{prime}(%s)" : "diag %s{prime}(%s)", tg_dot_activation_name(d, node), TG_DOT_MATRIX(d, node->inputs[0]));
    else if (formula != NULL) tg_dot_put_formula(d, from, formula, -1);
    else tg_dot_put(d, "{d}%s/{d}%s", TG_DOT_MATRIX(d, from), TG_DOT_MATRIX(d, node->inputs[argument]));
}

/* The vector-Jacobian product, in a word: W^T delta, dL/do . sigma'(S). */
static void put_pullback(tg_drawing *d, int from, int argument, const tg_story_message *m) {
    const tg_story_node *node = &d->story->nodes[from];
    char                 loss[TG_DOT_NAME];
    if (node->role == TG_ROLE_SUM) {
        const char *weight = TG_DOT_MATRIX(d, d->story->layers[node->layer].weight), *delta = TG_DOT_DELTA(d, from, -1);
        tg_dot_put(d, d->is_rows ? "%s %s{T}" : "%s{T} %s", d->is_rows ? delta : weight, d->is_rows ? weight : delta);
        return;
    }
    tg_dot_put(d, tg_story_elements(node) == 1 ? "{d}%s/{d}%s {times} " : "{d}%s/{d}%s {o} ", tg_dot_loss_name(d, loss), TG_DOT_MATRIX(d, from));
    if (node->role == TG_ROLE_ACTIVATION) tg_dot_put(d, "%s{prime}(%s)", tg_dot_activation_name(d, node), TG_DOT_MATRIX(d, node->inputs[0]));
    else {
        const bool closed = m->local_formula != NULL && tg_formula_binding_of(m->local_formula) < TG_BIND_ATOM;
        tg_dot_put(d, closed ? "(" : "");
        put_jacobian(d, from, argument, m->local_formula);
        tg_dot_put(d, closed ? ")" : "");
    }
}

/* One use. sender: the node whose rule sends the message, the product of a layer. */
typedef struct use {
    int                     from, sender, to, argument, repeat;      /* repeat: how often the sender used this operand before */
    const tg_story_message *message;                                 /* NULL: there is none */
    bool                    is_known;                                /* the local derivative is one number */
    double                  local;
    char                    tail[32], head[32];
} use;

static const char *edge_name(tg_drawing *d, const use *u, const char *letter, const char *first, const char *second) {
    const size_t mark = d->text.length;
    tg_dot_put(d, "%s%s_%s", letter, first + 1, second + 1);
    if (u->repeat > 0) tg_dot_put(d, "_%d", u->repeat);
    return tg_dot_take(d, mark);
}

static void put_forward(tg_drawing *d, const use *u) {
    const tg_story_message *m    = u->message;
    const tg_story_node    *head = &d->story->nodes[u->from];
    tg_dot_edge             edge = { .tail = u->tail, .tail_port = "", .head = u->head, .head_port = "", .id = edge_name(d, u, "f", u->tail, u->head),
                                     .tooltip = "", .is_finite = !u->is_known || isfinite(u->local), .weight = 1 };
    const size_t            mark = d->text.length;
    edge.is_constant = tg_dot_is_data(d, u->from, u->argument);
    if (!edge.is_constant) {
        put_jacobian(d, u->from, u->argument, tg_dot_local_formula(d, u->from, u->argument));
        edge.lines[0] = tg_dot_take(d, mark);
        if (u->is_known) tg_dot_put(d, "= %s", TG_DOT_OF(d, u->local));
        else if (m != NULL && head->value != NULL && !isnan(m->local_norm))
            tg_dot_put(d, "{norm}{none}{norm} {approx} %s", TG_DOT_OF(d, m->local_norm));
        const char *number    = tg_dot_take(d, mark);
        const bool  is_number = u->is_known && m->local_formula != NULL && m->local_formula->kind == TG_FORMULA_NUMBER;
        edge.lines[1] = number[0] != '\0' && !is_number ? number : NULL;
    }
    tg_dot_put_edge(d, &edge);
}

/* The numbers of one message, or its norm. */
static void put_message(tg_drawing *d, const use *u) {
    const tg_story_message *m     = u->message;
    const int               shown = d->story->nodes[m->from].op->flags & TG_OP_VIEW ? m->from : m->to;
    if (m->message == NULL) return;
    if (!u->is_known) {
        tg_dot_put(d, "{norm}{none}{norm} {approx} %s", TG_DOT_OF(d, norm_of(m->message, tg_story_elements(&d->story->nodes[shown]))));
        return;
    }
    const bool is_true = tg_dot_agree(d, tg_dot_printed(d, m->upstream[0]) * tg_dot_printed(d, u->local), m->message[0]);
    tg_dot_put(d, u->local < 0 ? "%s {times} (%s)" : "%s {times} %s", TG_DOT_OF(d, m->upstream[0]), TG_DOT_OF(d, u->local));
    tg_dot_put(d, is_true ? " = %s" : " {approx} %s", TG_DOT_OF(d, m->message[0]));
}

static void put_backward(tg_drawing *d, const use *u) {
    const tg_story_message *m     = u->message;
    const int               shown = d->story->nodes[m->from].op->flags & TG_OP_VIEW ? m->from : m->to;
    tg_dot_edge             edge  = { .tail        = u->tail,
                                      .tail_port   = "",
                                      .head        = u->head,
                                      .head_port   = "",
                                      .id          = edge_name(d, u, "b", u->head, u->tail),
                                      .is_backward = true,
                                      .is_finite   = tg_dot_is_finite(m->message, tg_story_elements(&d->story->nodes[shown])) };
    const size_t            mark  = d->text.length;
    put_pullback(d, u->from, u->argument, m);
    edge.lines[0] = tg_dot_take(d, mark);
    put_message(d, u);
    const char *number = tg_dot_take(d, mark);
    edge.lines[1]      = number[0] != '\0' ? number : NULL;
    tg_dot_put(d, "message %d of %d to %s: upstream {times} local derivative", m->k, m->n, TG_DOT_MATRIX(d, m->to));
    edge.tooltip = tg_dot_take(d, mark);
    tg_dot_put_edge(d, &edge);
}

static void put_use(tg_drawing *d, int from, int sender, int argument) {
    const tg_story_node *node = &d->story->nodes[sender];
    use u = { .from = from, .sender = sender, .to = node->inputs[argument], .argument = argument, .message = tg_dot_message(d, sender, argument) };
    for (int k = 0; k < argument; k++) u.repeat += node->inputs[k] == u.to;
    u.is_known = u.message != NULL && tg_story_elements(&d->story->nodes[from]) == 1 && tg_story_elements(&d->story->nodes[u.to]) == 1 &&
                 tg_dot_local(d, u.message, 0, 0, &u.local);
    snprintf(u.tail, sizeof u.tail, "v%u", (unsigned)d->story->nodes[u.to].id);
    snprintf(u.head, sizeof u.head, "v%u", (unsigned)d->story->nodes[from].id);
    put_forward(d, &u);
    if (u.message != NULL) put_backward(d, &u);
}

static void put_uses(tg_drawing *d, int i, int first) {
    const tg_story_node *node = &d->story->nodes[i];
    if (node->role == TG_ROLE_SUM) {
        const tg_story_layer *layer = &d->story->layers[node->layer];
        if (layer->x >= first) put_use(d, i, layer->product, 0);
        return;
    }
    for (int k = 0; k < node->input_count; k++)
        if (node->inputs[k] >= first) put_use(d, i, i, k);
}

/* ---- the picture ---- */

static void add_to_caption(tg_drawing *d, const char *remark) {
    const size_t used = strlen(d->caption);
    snprintf(d->caption + used, sizeof d->caption - used, "%s%s", used > 0 ? "; " : "", remark);
}

/* Whether a matrix is shown by its norm, and whether edges stand for several walks. */
static void describe(tg_drawing *d) {
    const tg_story *story = d->story;
    bool            is_large = false, is_shared = false;
    for (int i = 0; i < story->node_count; i++)
        is_large = is_large || story->nodes[i].shape.rows > MOST_SIDE || story->nodes[i].shape.cols > MOST_SIDE;
    for (int i = 0; i < story->message_count; i++) is_shared = is_shared || !tg_dot_is_first(d, &story->messages[i]);
    if (is_large && !d->options->no_values) add_to_caption(d, "matrices larger than 4 x 4 by shape, norm, least and largest element");
    if (is_shared) add_to_caption(d, "several gradients are recorded, and messages that they have in common are drawn once");
}

/* The first node that is drawn: those nearest to the loss are. */
static int first_drawn(tg_drawing *d) {
    int first = d->story->node_count, drawn = 0, left_out = 0;
    while (first > 0 && drawn < MOST_DRAWN) drawn += !tg_dot_is_merged(d, --first);
    for (int i = 0; i < first; i++) left_out += !tg_dot_is_merged(d, i);
    if (left_out > 0) {
        char remark[96];
        snprintf(remark, sizeof remark, "the last %d nodes; the %d before them are left out", drawn, left_out);
        add_to_caption(d, remark);
    }
    return first;
}

void tg_dot_put_layers(tg_drawing *d) {
    static const char *const legend[] = {
        "{forward} forward: the label is the local derivative",
        "{backward} backward: upstream {times} local = message; messages that meet are added (+=)",
        "{kept} kept for the backward pass{sp}{sp}{sp}{sp}mul/add: multiplications and additions, forward &#124; backward"
    };
    static const char *const before[] = { "{forward} forward: the label is the local derivative", "mul/add: multiplications and additions" };
    const int first = first_drawn(d);
    describe(d);
    tg_dot_open(d, "LR", d->story->has_walk ? legend : before, d->story->has_walk ? 3 : 2);
    tg_dot_put_recorded(d, "from right to left");
    for (int group = 0; group < d->group_count; group++) {
        int count = 0;
        for (int i = first; i < d->story->node_count; i++) count += d->group[i] == group && !tg_dot_is_merged(d, i);
        if (count == 0) continue;
        if (d->group_count > 1) tg_dot_open_group(d, group);
        for (int i = first; i < d->story->node_count; i++) {
            if (d->group[i] != group || tg_dot_is_merged(d, i)) continue;
            if (d->story->nodes[i].role == TG_ROLE_SUM) put_layer(d, &d->story->layers[d->story->nodes[i].layer]);
            else put_other(d, i);
        }
        if (d->group_count > 1) tg_dot_put(d, "  }\n");
    }
    for (int i = first; i < d->story->node_count; i++)
        if (!tg_dot_is_merged(d, i)) put_uses(d, i, first);
    tg_dot_close(d);
}
