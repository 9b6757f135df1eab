/* html_graph.c - boxes and edges as SVG: values above, adjoints below; forward wires solid, backward wires dashed. */
#include "explain/html.h"

#include <inttypes.h>
#include <string.h>

#define TRANSPOSED "\xe1\xb5\x80"

enum { TITLE = 40 };      /* most characters of a title */

/* ---- titles ---- */

static const char *letter_of(const tg_op *op) { return strcmp(op->name, "sigmoid") == 0 ? "\xcf\x83" : op->name; }

/* The name of a node as a whole, with the number of its layer above the line: W1 is W and a small 1. */
void tg_page_name_node(const tg_page *page, int node, bool adjoint, char label[TG_PAGE_LABEL]) {
    const int      unit = page->first[page->alias[node]];
    tg_page_unit  *u    = &page->units[unit];
    const int64_t  element = u->element;
    u->element = -1;
    tg_page_short(page, unit, adjoint, label);
    u->element = element;
}

/* The name of what operand k of a unit is: an element where the op goes element by element. */
static void name_operand(const tg_page *page, int unit, int node, int k, char label[TG_PAGE_LABEL]) {
    const tg_story_node *n = &page->story->nodes[node];
    const int            operand = n->inputs[k];
    const int64_t        cols = page->story->nodes[operand].shape.cols, element = page->units[unit].element;
    const int64_t        column = element >= 0 ? element % tg_page_node(page, unit)->shape.cols : 0;
    const bool           single = cols == 1 || (n->op->flags & TG_OP_ELEMENTWISE);
    if (!page->neurons || !single || page->story->nodes[operand].role == TG_ROLE_WEIGHT) tg_page_name_node(page, operand, false, label);
    else tg_page_short(page, tg_page_unit_of(page, operand, cols > column ? column : 0), false, label);
}

/* The formula of a node in the names of boxes; false: it is none, or too long for a title. */
static bool put_formula(tg_page *page, int unit, int node, char *title, size_t room) {
    const tg_story_node *n = &page->story->nodes[node];
    tg_formula_binding   bindings[TG_STORY_OPERANDS];
    tg_text_buffer       text = { 0 };
    if (n->formula == NULL || n->input_count > TG_STORY_OPERANDS) return false;
    for (int k = 0; k < n->input_count; k++) {
        char label[TG_PAGE_LABEL] = "none";
        if (n->inputs[k] >= 0) name_operand(page, unit, node, k, label);
        bindings[k] = (tg_formula_binding){ n->inputs[k] >= 0 ? page->story->nodes[n->inputs[k]].label : "none",
                                            tg_formula_name(page->story->formulas, label) };
    }
    const tg_formula *f = tg_formula_substitute(page->story->formulas, n->formula, bindings, n->input_count);
    if (f != NULL) tg_formula_print(f, TG_STYLE_UNICODE, &text);
    size_t characters = 0;
    for (const char *c = tg_text_of(&text); *c != '\0'; c++) characters += ((unsigned char)*c & 0xC0) != 0x80;
    const bool fits = f != NULL && characters <= TITLE && text.length + 1 < room;
    if (fits) snprintf(title, room, "%s", tg_text_of(&text));
    tg_text_buffer_release(&text);
    return fits;
}

static void put_call(tg_page *page, int unit, int node, char *title, size_t room) {
    const tg_story_node *n = &page->story->nodes[node];
    size_t               used = (size_t)snprintf(title, room, "%.30s(", letter_of(n->op));
    for (int k = 0; k < n->input_count && k < 3; k++) {
        char label[TG_PAGE_LABEL] = "none";
        if (n->inputs[k] >= 0) name_operand(page, unit, node, k, label);
        if (used + strlen(label) + 8 < room) used += (size_t)snprintf(title + used, room - used, "%s%s", k > 0 ? ", " : "", label);
    }
    snprintf(title + used, room - used, n->input_count > 3 ? ", \xe2\x80\xa6)" : ")");
}

/* What stands behind the name of a unit: x w + b, tanh(S), a formula, a call; "" for leaves. */
static void put_operation(tg_page *page, int unit, char *title, size_t room) {
    const int            node = tg_page_maker(page, page->units[unit].node);
    const tg_story_node *n    = &page->story->nodes[node];
    char                 a[TG_PAGE_LABEL], w[TG_PAGE_LABEL], b[TG_PAGE_LABEL] = "";
    title[0] = '\0';
    if (n->kind != TG_STORY_OP) return;
    if (n->role == TG_ROLE_SUM) {
        const tg_story_layer *layer = &page->story->layers[n->layer];
        tg_page_name_node(page, layer->x, false, a);
        tg_page_name_node(page, layer->weight, false, w);
        if (layer->bias >= 0) tg_page_name_node(page, layer->bias, false, b);
        const bool rows = page->options->row_notation || !page->neurons;
        snprintf(title, room, "%s %s%s%s", rows ? a : w, rows ? w : a, b[0] != '\0' ? " + " : "", b);
    } else if (n->input_count == 1 && (n->op->flags & TG_OP_ELEMENTWISE) && n->role == TG_ROLE_ACTIVATION) put_call(page, unit, node, title, room);
    else if (!put_formula(page, unit, node, title, room)) put_call(page, unit, node, title, room);
}

void tg_page_put_title(tg_page *page, int unit, char *title, size_t room) {
    char name[TG_PAGE_LABEL], operation[200];
    tg_page_short(page, unit, false, name);
    put_operation(page, unit, operation, sizeof operation);
    const bool alone = operation[0] == '\0' || (page->neurons && tg_page_node(page, unit)->role == TG_ROLE_SUM);
    snprintf(title, room, alone ? "%s%s%.0s" : "%s%s%s", name, alone ? "" : " = ", operation);
}

/* ---- boxes ---- */

static const char *kind_of(const tg_page *page, int unit) {
    const tg_story_node *n = tg_page_node(page, unit);
    if (page->units[unit].node == page->story->loss) return "loss";
    if (n->role == TG_ROLE_SUM) return "sum";
    if (n->role == TG_ROLE_ACTIVATION) return "activation";
    return n->kind == TG_STORY_INPUT ? "input" : n->kind == TG_STORY_CONSTANT ? "constant" : n->kind == TG_STORY_PARAMETER ? "parameter" : "other";
}

static bool is_wrong(const tg_page *page, int unit) {
    const double *sets[] = { tg_page_values(page, unit), tg_page_adjoints(page, unit) };
    for (int s = 0; s < 2; s++)
        for (int64_t i = 0; sets[s] != NULL && i < tg_page_elements(page, unit); i++)
            if (!isfinite(sets[s][i])) return true;
    return false;
}

static void put_text(tg_page *page, int x, int y, const char *kind, const char *key, const char *text) {
    tg_putf(&page->out, "<text x=\"%d\" y=\"%d\" class=\"%s\"", x, y, kind);
    if (key[0] != '\0') tg_putf(&page->out, " data-k=\"%s\"", key);
    tg_put(&page->out, ">");
    tg_put_html(&page->out, text, 0);
    tg_put(&page->out, "</text>\n");
}

static void put_keyed(tg_page *page, int x, int y, const char *kind, char letter, int unit) {
    char key[24];
    snprintf(key, sizeof key, "%c%d", letter, unit);
    put_text(page, x, y, kind, key, "");
}

/* w = 0.15 and what it meets; above its product, below its gradient. */
static void put_slot(tg_page *page, const tg_page_box *box, int unit, int other, int number) {
    char           name[TG_PAGE_LABEL], factor[TG_PAGE_LABEL] = "1";
    const int      y = box->y + 30 + 38 * number;
    const tg_shown value = tg_page_value(page, unit);
    tg_page_short(page, unit, false, name);
    if (other >= 0) tg_page_short(page, other, false, factor);
    tg_putf(&page->out, "<g id=\"u%d\"><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"36\" class=\"slot\"/>\n", unit, box->x + 2, y + 1,
            box->width - 4);
    tg_putf(&page->out, "<text x=\"%d\" y=\"%d\" class=\"name small\">", box->x + 12, y + 24);
    tg_put_html(&page->out, name, 0);
    if (tg_page_values(page, unit) != NULL) tg_putf(&page->out, " = %s", value.text);
    tg_put(&page->out, " <tspan class=\"note\">\xc2\xb7 ");
    tg_put_html(&page->out, factor, 0);
    tg_put(&page->out, "</tspan></text>\n");
    put_keyed(page, box->x + box->width - 10, y + 16, "value small end", 'p', unit);
    put_keyed(page, box->x + box->width - 10, y + 33, "adjoint small end", 'a', unit);
    tg_put(&page->out, "</g>\n");
}

static void put_slots(tg_page *page, const tg_page_box *box) {
    const int             node  = page->units[box->unit].node;
    const tg_story_layer *layer = &page->story->layers[page->story->nodes[node].layer];
    const tg_story_node  *w     = &page->story->nodes[layer->weight];
    const int64_t         j     = page->units[box->unit].element % w->shape.cols;
    for (int64_t i = 0; i < w->shape.rows; i++)
        put_slot(page, box, tg_page_unit_of(page, layer->weight, i * w->shape.cols + j), tg_page_unit_of(page, layer->x, i), (int)i);
    if (layer->bias >= 0) put_slot(page, box, tg_page_unit_of(page, layer->bias, j), -1, (int)w->shape.rows);
}

static void put_adjoint_name(tg_page *page, int unit, char *text, size_t room) {
    char label[TG_PAGE_LABEL], loss[TG_PAGE_LABEL];
    const bool is_sum = tg_page_has_delta(page, unit);
    tg_page_name_node(page, page->story->loss, false, loss);
    tg_page_short(page, unit, is_sum, label);
    if (is_sum) snprintf(text, room, "%.60s = \xe2\x88\x82%.40s/\xe2\x88\x82\xce\xa3", label, loss);
    else snprintf(text, room, "\xe2\x88\x82%.40s/\xe2\x88\x82%.60s", loss, label);
}

static void put_heat_box(tg_page *page, const tg_page_box *box) {
    const tg_shape shape = tg_page_node(page, box->unit)->shape;
    const int      y = box->y + 34, size = 84;
    for (int side = 0; side < 2; side++) {
        const int x = side == 0 ? box->x + 10 : box->x + box->width - size - 10;
        tg_putf(&page->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" class=\"well\"/>", x, y, size, size);
        tg_putf(&page->out, "<image x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" preserveAspectRatio=\"none\" data-heat=\"%c%d\"/>\n", x, y, size,
                size, side == 0 ? 'v' : 'a', box->unit);
    }
    char text[80];
    snprintf(text, sizeof text, "%" PRId64 " \xc3\x97 %" PRId64, shape.rows, shape.cols);
    put_text(page, box->x + 10, y + size + 17, "note", "", text);
    put_keyed(page, box->x + 10, y + size + 35, "value small", 'v', box->unit);
    put_keyed(page, box->x + box->width - 10, y + size + 35, "adjoint small end", 'a', box->unit);
    put_adjoint_name(page, box->unit, text, sizeof text);
    put_text(page, box->x + box->width - 10, y + size + 17, "note b end", "", text);
}

static void put_box(tg_page *page, const tg_page_box *box) {
    char        title[200], text[140];
    const char *kind  = kind_of(page, box->unit);
    const bool  heat  = tg_page_is_heat(page, box->unit), is_round = strcmp(kind, "sum") != 0 && strcmp(kind, "constant") != 0;
    const bool  wrong = is_wrong(page, box->unit);
    tg_page_put_title(page, box->unit, title, sizeof title);
    tg_putf(&page->out, "<g id=\"u%d\" class=\"node\"><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"%d\" class=\"box %s%s\"/>\n",
            box->unit, box->x, box->y, box->width, box->height, is_round ? 12 : 3, kind, wrong ? " wrong" : "");
    put_text(page, box->x + 12, box->y + (tg_page_is_fixed(page, box->unit) ? 26 : 23), "name", "", title);
    if (tg_page_is_fixed(page, box->unit)) put_keyed(page, box->x + box->width - 10, box->y + 26, "value end", 'v', box->unit);
    else if (heat) put_heat_box(page, box);
    else if (box->slots > 0) {
        put_keyed(page, box->x + box->width - 10, box->y + 23, "value end", 'v', box->unit);
        put_slots(page, box);
        put_adjoint_name(page, box->unit, text, sizeof text);
        put_text(page, box->x + 12, box->y + box->height - 12, "note b bold", "", text);
        put_keyed(page, box->x + box->width - 10, box->y + box->height - 12, "adjoint end", 'a', box->unit);
    } else if (page->is_dense) {
        put_keyed(page, box->x + box->width - 10, box->y + 23, "value end", 'v', box->unit);
        put_adjoint_name(page, box->unit, text, sizeof text);
        put_text(page, box->x + 12, box->y + 44, "note b", "", text);
        put_keyed(page, box->x + box->width - 10, box->y + 44, "adjoint end", 'a', box->unit);
    } else {
        const bool single = tg_page_elements(page, box->unit) == 1;
        put_text(page, box->x + 12, box->y + 46, "note", "", single ? "value" : "norm");
        put_keyed(page, box->x + box->width - 10, box->y + 46, "value end", 'v', box->unit);
        put_adjoint_name(page, box->unit, text, sizeof text);
        put_text(page, box->x + 12, box->y + 70, "note b", "", text);
        put_keyed(page, box->x + box->width - 10, box->y + 70, "adjoint end", 'a', box->unit);
    }
    tg_put(&page->out, "</g>\n");
}

/* ---- edges ---- */

static void put_curve(tg_page *page, int x, int y, int to_x, int to_y) {
    const int middle = (x + to_x) / 2;
    tg_putf(&page->out, " C%d,%d %d,%d %d,%d", middle, y, middle, to_y, to_x, to_y);
}

static void put_path(tg_page *page, const tg_page_edge *edge, int shift) {
    const tg_page_box *from = &page->boxes[page->units[edge->from].box], *to = &page->boxes[page->units[edge->to].box];
    if (edge->first_bend == TG_PAGE_DOWN) {
        tg_putf(&page->out, "M%d,%d V%d", from->x + from->width / 2 + shift, from->y + from->height, to->y);
        return;
    }
    if (edge->first_bend == TG_PAGE_BELOW) {
        tg_putf(&page->out, "M%d,%d H%d V%d", from->x, edge->y_from + shift, edge->y_to + shift, to->y + to->height);
        return;
    }
    int x = from->x + from->width, y = edge->y_from + shift;
    tg_putf(&page->out, "M%d,%d", x, y);
    for (int c = from->column + 1; edge->first_bend >= 0 && c < to->column; c++) {
        const tg_page_box *lane = &page->boxes[edge->first_bend + c - from->column - 1];
        put_curve(page, x, y, lane->x, lane->y + lane->height / 2 + shift);
        x = lane->x + lane->width;
        y = lane->y + lane->height / 2 + shift;
        tg_putf(&page->out, " H%d", x);
    }
    put_curve(page, x, y, to->x, edge->y_to + shift);
}

/* How far the two wires of an edge lie apart: less where many meet one box. */
static int shift_of(const tg_page *page, const tg_page_edge *edge) {
    int leaving = 0, arriving = 0;
    for (int e = 0; e < page->edge_count; e++) {
        leaving += page->edges[e].is_drawn && page->edges[e].from == edge->from;
        arriving += page->edges[e].is_drawn && page->edges[e].to == edge->to;
    }
    const tg_page_box *from = &page->boxes[page->units[edge->from].box], *to = &page->boxes[page->units[edge->to].box];
    const int room = from->height / leaving < to->height / arriving ? from->height / leaving : to->height / arriving;
    return edge->first_bend == TG_PAGE_BELOW ? 4 : edge->first_bend == TG_PAGE_DOWN ? 8 : room / 4 > 8 ? 8 : room / 4 < 2 ? 2 : room / 4;
}

static void put_edges(tg_page *page) {
    for (int e = 0; e < page->edge_count; e++) {
        const tg_page_edge *edge = &page->edges[e];
        if (!edge->is_drawn) continue;
        const int shift = edge->carries ? shift_of(page, edge) : 0;
        tg_putf(&page->out, "<path id=\"f%d\" class=\"edge forward\" marker-end=\"url(#forward)\" d=\"", e);
        put_path(page, edge, -shift);
        tg_put(&page->out, "\"/>\n");
        if (!edge->carries) continue;
        tg_putf(&page->out, "<path id=\"b%d\" class=\"edge backward\" marker-start=\"url(#backward)\" d=\"", e);
        put_path(page, edge, shift);
        tg_put(&page->out, "\"/>\n");
    }
}

/* ---- layers ---- */

/* The columns from left to right that belong to one part: [layer_count + 2], the input first and what makes the loss last. */
typedef struct part {
    int first, last;
} part;

static part columns_of(const tg_page *page, int layer) {
    part p = { page->column_count, -1 };
    for (int b = 0; b < page->box_count; b++) {
        const tg_page_box *box = &page->boxes[b];
        if (box->unit < 0 || tg_page_layer_of(page, box->unit) != layer) continue;
        if (box->column < p.first) p.first = box->column;
        if (box->column > p.last) p.last = box->column;
    }
    return p;
}

static void find_sides(const tg_page *page, part p, int *left, int *right) {
    *left = page->width, *right = 0;
    for (int b = 0; b < page->box_count; b++) {
        const tg_page_box *box = &page->boxes[b];
        if (box->column < p.first || box->column > p.last) continue;
        if (box->x < *left) *left = box->x;
        if (box->x + box->width > *right) *right = box->x + box->width;
    }
}

/* Line number line at the foot of a part; cut where the part ends. */
static void put_foot(tg_page *page, part p, int line, const char *kind, const char *text) {
    int left, right;
    find_sides(page, p, &left, &right);
    tg_putf(&page->out, "<text x=\"%d\" y=\"%d\" class=\"%s\">", left, page->height - 112 + 20 * line, kind);
    tg_put_html(&page->out, text, (right - left + 16) / 8);
    tg_put(&page->out, "</text>\n");
}

static void put_frame(tg_page *page, part p) {
    int left, right;
    find_sides(page, p, &left, &right);
    tg_putf(&page->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"14\" class=\"layer\"/>\n", left - 14, 6, right - left + 28,
            page->height - 12);
}

static void put_layer(tg_page *page, int l, part p) {
    const tg_story       *story = page->story;
    const tg_story_layer *layer = &story->layers[l];
    const bool            rows  = page->options->row_notation || !page->neurons;
    char                  sum[TG_PAGE_LABEL], delta[TG_PAGE_LABEL], o[TG_PAGE_LABEL] = "", w[TG_PAGE_LABEL], b[TG_PAGE_LABEL] = "";
    char                  x[TG_PAGE_LABEL], loss[TG_PAGE_LABEL], later[TG_PAGE_LABEL], later_w[TG_PAGE_LABEL];
    char                  text[400], slope[200] = "", made[200] = "";
    tg_page_name_node(page, layer->sum, false, sum), tg_page_name_node(page, layer->sum, true, delta);
    tg_page_name_node(page, layer->weight, false, w), tg_page_name_node(page, layer->x, false, x), tg_page_name_node(page, story->loss, false, loss);
    if (layer->bias >= 0) tg_page_name_node(page, layer->bias, false, b);
    const int last = layer->activation >= 0 ? layer->activation : layer->sum;
    tg_page_name_node(page, last, false, o);
    if (layer->activation >= 0) {
        const char *f = letter_of(story->nodes[layer->activation].op);
        snprintf(made, sizeof made, ",  %.50s = %.40s(%.50s)", o, f, sum);
        snprintf(slope, sizeof slope, " \xe2\x8a\x99 %.40s\xe2\x80\xb2(%.50s)", f, sum);
    }
    put_frame(page, p);
    snprintf(text, sizeof text, "layer %d%s%.100s", l + 1, layer->name[0] != '\0' ? "  " : "", layer->name);
    put_foot(page, p, 0, "caption", text);
    snprintf(text, sizeof text, "%.50s = %.50s %.50s%s%.50s%s", sum, rows ? x : w, rows ? w : x, b[0] != '\0' ? " + " : "", b, made);
    put_foot(page, p, 1, "equation f", text);
    const tg_story_layer *next = l + 1 < story->layer_count && story->layers[l + 1].x == last ? &story->layers[l + 1] : NULL;
    if (next != NULL) {
        tg_page_name_node(page, next->weight, false, later_w), tg_page_name_node(page, next->sum, true, later);
        if (rows) snprintf(text, sizeof text, "%.50s = (%.50s %.50s\xe1\xb5\x80)%s", delta, later, later_w, slope);
        else snprintf(text, sizeof text, "%.50s = (%.50s\xe1\xb5\x80 %.50s)%s", delta, later_w, later, slope);
    } else snprintf(text, sizeof text, "%.50s = \xe2\x88\x82%.50s/\xe2\x88\x82%.50s%s", delta, loss, o, slope);
    put_foot(page, p, 2, "equation b", text);
    snprintf(text, sizeof text, "\xe2\x88\x82%.40s/\xe2\x88\x82%.40s = %.50s%s %.50s%s", loss, w, rows ? x : delta, rows ? TRANSPOSED : "",
             rows ? delta : x, rows ? "" : TRANSPOSED);
    put_foot(page, p, 3, "equation b", text);
    snprintf(text, sizeof text, "\xe2\x88\x82%.40s/\xe2\x88\x82%.40s = %s%.40s", loss, b, page->batch > 1 ? "sum of the rows of " : "", delta);
    if (b[0] != '\0') put_foot(page, p, 4, "equation b", text);
}

static void put_ends(tg_page *page, part input, part end) {
    const tg_story       *story = page->story;
    const tg_story_layer *first = &story->layers[0];
    const bool            rows = page->options->row_notation || !page->neurons;
    char                  loss[TG_PAGE_LABEL], x[TG_PAGE_LABEL], w[TG_PAGE_LABEL], delta[TG_PAGE_LABEL], text[400];
    tg_page_name_node(page, story->loss, false, loss), tg_page_name_node(page, first->x, false, x);
    tg_page_name_node(page, first->weight, false, w), tg_page_name_node(page, first->sum, true, delta);
    if (input.first <= input.last) {
        put_frame(page, input);
        put_foot(page, input, 0, "caption", "input");
        snprintf(text, sizeof text, "\xe2\x88\x82%.40s/\xe2\x88\x82%.40s = %.40s%s %.40s%s", loss, x, rows ? delta : w, rows ? "" : TRANSPOSED,
                 rows ? w : delta, rows ? TRANSPOSED : "");
        if (story->nodes[first->x].adjoint != NULL) put_foot(page, input, 2, "equation b", text);
    }
    if (end.first > end.last) return;
    put_frame(page, end);
    put_foot(page, end, 0, "caption", "loss");
    snprintf(text, sizeof text, "\xe2\x88\x82%.40s/\xe2\x88\x82%.40s = 1", loss, loss);
    put_foot(page, end, 2, "equation b", text);
}

/* Frames around layers that stand one behind the other; without them where they do not. */
static void put_layers(tg_page *page) {
    const int count = page->story->layer_count;
    int       next  = 0;
    for (int l = 0; l < count; l++) {
        const part p = columns_of(page, l);
        if (p.first > p.last || p.first < next || (l > 0 && p.first != next)) return;
        next = p.last + 1;
    }
    if (count == 0) return;
    for (int l = 0; l < count; l++) put_layer(page, l, columns_of(page, l));
    put_ends(page, (part){ 0, columns_of(page, 0).first - 1 }, (part){ next, page->column_count - 1 });
}

void tg_page_put_graph(tg_page *page) {
    int boxes = 0;
    for (int b = 0; b < page->box_count; b++) boxes += page->boxes[b].unit >= 0;
    tg_putf(&page->out, "<svg id=\"graph\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" style=\"width:clamp(%dpx,min(100%%,%dvh),%dpx)\" ",
            page->width, page->height, page->width, page->height, page->width * 73 / 100, page->width * 54 / page->height, page->width);
    tg_putf(&page->out, "role=\"img\" aria-label=\"Graph of the step with %d boxes; the text below describes every step\">\n", boxes);
    tg_put(&page->out,
           "<defs><marker id=\"forward\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"10\" markerHeight=\"10\" "
           "markerUnits=\"userSpaceOnUse\" orient=\"auto\">"
           "<path d=\"M0,0L10,5L0,10z\" class=\"head forward\"/></marker>"
           "<marker id=\"backward\" viewBox=\"0 0 10 10\" refX=\"1\" refY=\"5\" markerWidth=\"11\" markerHeight=\"11\" "
           "markerUnits=\"userSpaceOnUse\" orient=\"auto\">"
           "<path d=\"M9,1L1,5L9,9\" class=\"head backward\"/></marker></defs>\n");
    put_layers(page);
    put_edges(page);
    for (int b = 0; b < page->box_count; b++)
        if (page->boxes[b].unit >= 0) put_box(page, &page->boxes[b]);
    tg_put(&page->out, "<g id=\"tags\"></g>\n</svg>\n");
}
