/* html_forward.c - the steps forward, as JSON: how each value follows from those before it, in symbols and in numbers. */
#include "core/util.h"
#include "explain/html.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- formulas in names and in numbers ---- */

/* The number of a layer stands above the line in brackets, as it does where an element is meant. */
const tg_formula *tg_page_node_name(tg_page *page, int node, bool adjoint) {
    const tg_story_node *n       = &page->story->nodes[page->alias[node]];
    const int            unit    = page->first[page->alias[node]];
    const int64_t        element = page->units[unit].element;
    char                 label[TG_PAGE_LABEL], layer[32];
    page->units[unit].element = -1;
    tg_page_label(page, unit, adjoint, label);
    page->units[unit].element = element;
    if (n->role == TG_ROLE_NONE || !tg_page_has_number(n)) return tg_formula_name(page->story->formulas, label);
    label[strcspn(label, "0123456789")] = '\0';
    snprintf(layer, sizeof layer, "(%d)", n->layer + 1);
    return tg_formula_two(page->story->formulas, TG_FORMULA_POWER, tg_formula_name(page->story->formulas, label),
                          tg_formula_name(page->story->formulas, layer));
}

/* The unit that operand k of node is for this unit; -1: it is a node of several units. */
static int operand_unit(const tg_page *page, int unit, int node, int operand) {
    const int64_t cols = page->story->nodes[operand].shape.cols, mine = tg_page_node(page, unit)->shape.cols;
    if (!page->neurons) return page->first[page->alias[operand]];
    if (page->story->nodes[operand].role == TG_ROLE_WEIGHT) return -1;
    if (cols == 1) return tg_page_unit_of(page, operand, 0);
    return page->story->nodes[node].op->flags & TG_OP_ELEMENTWISE ? tg_page_unit_of(page, operand, page->units[unit].element % mine) : -1;
}

static const tg_formula *with_operands(tg_page *page, int unit, int node, const tg_formula *f, bool in_numbers) {
    const tg_story_node *n = &page->story->nodes[node];
    tg_formula_binding   bindings[TG_STORY_OPERANDS + 1];
    int                  count = 0;
    if (f == NULL || n->input_count > TG_STORY_OPERANDS) return NULL;
    for (int k = -1; k < n->input_count; k++) {
        const int operand = k < 0 ? node : n->inputs[k];
        if (operand < 0) continue;
        const int         one  = k < 0 ? unit : operand_unit(page, unit, node, operand);
        const tg_formula *with = NULL;
        if (in_numbers && (one < 0 || tg_page_elements(page, one) != 1 || tg_page_values(page, one) == NULL)) return NULL;
        if (in_numbers) with = tg_page_number(page, *tg_page_values(page, one), tg_page_is_given(page, page->units[one].node));
        else with = one >= 0 && page->units[one].element >= 0 ? tg_page_name(page, one, false) : tg_page_node_name(page, operand, false);
        bindings[count++] = (tg_formula_binding){ page->story->nodes[operand].label, with };
    }
    return tg_formula_substitute(page->story->formulas, f, bindings, count);
}

const tg_formula *tg_page_in_names(tg_page *page, int unit, int node, const tg_formula *f) { return with_operands(page, unit, node, f, false); }
const tg_formula *tg_page_in_numbers(tg_page *page, int unit, int node, const tg_formula *f) { return with_operands(page, unit, node, f, true); }

/* ---- steps ---- */

void tg_page_begin_step(tg_page *page, const char *kind, int unit) {
    tg_putf(&page->out, "%s{\"kind\":\"%s\"", page->step_count++ > 0 ? ",\n" : "", kind);
    if (unit >= 0) tg_putf(&page->out, ",\"unit\":%d", unit);
}

static void put_set(tg_page *page, char letter, int unit, const char *text, bool *is_first) {
    tg_putf(&page->out, "%s\"%c%d\":\"%s\"", *is_first ? "" : ",", letter, unit, text);
    *is_first = false;
}

/* Leaves that are small matrices; of others the graph has heat maps. */
static void put_given(tg_page *page) {
    bool is_first = true;
    tg_put(&page->out, ",\"given\":[");
    for (int u = 0; u < page->unit_count; u++) {
        const int64_t count = tg_page_elements(page, u);
        if (tg_page_node(page, u)->kind == TG_STORY_OP || tg_page_values(page, u) == NULL || count <= 1 || count > TG_PAGE_NUMBERS) continue;
        tg_putf(&page->out, "%s[%d,", is_first ? "" : ",", u);
        tg_page_put_matrix(page, tg_page_values(page, u), tg_page_node(page, u)->shape, "", true);
        tg_put(&page->out, "]");
        is_first = false;
    }
    tg_put(&page->out, "]");
}

/* Leaves are given before the first step. */
static void put_intro(tg_page *page) {
    bool is_first = true;
    tg_page_begin_step(page, "intro", -1);
    put_given(page);
    tg_put(&page->out, ",\"set\":{");
    for (int u = 0; u < page->unit_count; u++)
        if (tg_page_node(page, u)->kind != TG_STORY_OP && tg_page_values(page, u) != NULL)
            put_set(page, 'v', u, tg_page_value(page, u).text, &is_first);
    tg_put(&page->out, "}}");
}

/* A line of the equation: pieces that may stand one below the other where the screen is narrow. */
static void put_pieces(tg_page *page, const char *key, const tg_formula *const pieces[], int count, tg_formula_style style, const char *before) {
    tg_putf(&page->out, ",\"%s\":[", key);
    for (int i = 0; i < count; i++) {
        tg_text_buffer text = { 0 };
        tg_put(&text, i == 0 ? before : style == TG_STYLE_TEX ? "+" : "<mo>+</mo>");
        tg_page_print(page, pieces[i], style, &text);
        if (i > 0) tg_put(&page->out, ",");
        tg_page_put_json_text(page, &text);
    }
    tg_put(&page->out, "]");
}

enum { PIECE = 2, PIECES = TG_PAGE_COLUMNS + 1 };      /* products of a sum that stand together; and how many pieces there may be */

/* w x + w x + b in names or numbers, cut in pieces; computed: its value from printed numbers. */
static int sum_pieces(tg_page *page, int unit, bool in_numbers, const tg_formula *pieces[PIECES], double *computed) {
    tg_formulas          *formulas = page->story->formulas;
    const tg_story_node  *n        = tg_page_node(page, unit);
    const tg_story_layer *layer    = &page->story->layers[n->layer];
    const int64_t         rows = page->story->nodes[layer->weight].shape.rows, j = page->units[unit].element % n->shape.cols;
    int                   count = 0;
    *computed = 0;
    for (int64_t i = 0; i <= rows; i++) {
        const int bias = layer->bias >= 0 ? tg_page_unit_of(page, layer->bias, j) : -1;
        const int w    = i < rows ? tg_page_unit_of(page, layer->weight, i * n->shape.cols + j) : bias;
        const int x    = i < rows ? tg_page_unit_of(page, layer->x, i) : -1;
        if (w < 0) continue;
        const tg_formula *a = tg_page_name(page, w, false), *b = x >= 0 ? tg_page_name(page, x, false) : NULL;
        if (in_numbers) {
            const tg_shown first = tg_page_value(page, w), second = x >= 0 ? tg_page_value(page, x) : (tg_shown){ .number = 1 };
            a = tg_formula_number(formulas, first.number);
            b = x >= 0 ? tg_formula_number(formulas, second.number) : NULL;
            *computed += first.number * second.number;
        }
        const tg_formula *term = b != NULL ? tg_formula_two(formulas, TG_FORMULA_MULTIPLY, a, b) : a;
        if (i % PIECE == 0 || i == rows) pieces[count++] = term;
        else pieces[count - 1] = tg_formula_two(formulas, TG_FORMULA_ADD, pieces[count - 1], term);
    }
    return count;
}

/* "= value", behind numbers; sign: whether the numbers before it give it. */
static void put_result(tg_page *page, const char *sign, const char *value) { tg_putf(&page->out, ",\"result\":[\"%s\",\"%s\"]", sign, value); }

static void put_equation(tg_page *page, int unit) {
    const int            node = tg_page_maker(page, page->units[unit].node);
    const tg_story_node *n    = &page->story->nodes[node];
    const tg_formula    *names[PIECES], *numbers[PIECES];
    int                  count = 1, number_count = 0;
    double               computed = (double)NAN;
    const bool           has_value = tg_page_values(page, unit) != NULL;
    if (n->role == TG_ROLE_SUM && page->neurons) {
        count = sum_pieces(page, unit, false, names, &computed);
        if (has_value) number_count = sum_pieces(page, unit, true, numbers, &computed);
    } else if (n->role == TG_ROLE_SUM) {
        const tg_story_layer *layer = &page->story->layers[n->layer];
        names[0] = tg_formula_two(page->story->formulas, TG_FORMULA_MATRIX_PRODUCT, tg_page_node_name(page, layer->x, false),
                                  tg_page_node_name(page, layer->weight, false));
        if (layer->bias >= 0) names[0] = tg_formula_two(page->story->formulas, TG_FORMULA_ADD, names[0], tg_page_node_name(page, layer->bias, false));
    } else {
        names[0] = tg_page_in_names(page, unit, node, n->formula);
        numbers[0] = has_value && tg_page_elements(page, unit) == 1 ? tg_page_in_numbers(page, unit, node, n->formula) : NULL;
        if (numbers[0] != NULL && tg_formula_value(numbers[0], NULL, 0, &computed) == TG_OK)
            number_count = tg_page_is_near(page, computed, tg_page_value(page, unit));
        else tg_last_error(NULL);
    }
    put_pieces(page, "symbols", names, names[0] != NULL ? count : 0, TG_STYLE_MATHML, "");
    put_pieces(page, "tex", names, names[0] != NULL ? count : 0, TG_STYLE_TEX, "");
    if (number_count > 0) {
        put_pieces(page, "numbers", numbers, number_count, TG_STYLE_MATHML, "");
        put_pieces(page, "tex_numbers", numbers, number_count, TG_STYLE_TEX, "");
    }
    if (!has_value || tg_page_elements(page, unit) != 1) return;
    const tg_shown value = tg_page_value(page, unit);
    put_result(page, number_count > 0 ? tg_page_relation(page, computed, value) : "=", value.text);
}

/* Products of weights and inputs, for the slots of a neuron. */
static void put_products(tg_page *page, int unit, bool *is_first) {
    const tg_story_node  *n     = tg_page_node(page, unit);
    const tg_story_layer *layer = &page->story->layers[n->layer];
    const int64_t         rows  = page->story->nodes[layer->weight].shape.rows, j = page->units[unit].element % n->shape.cols;
    for (int64_t i = 0; i < rows; i++) {
        const int     w = tg_page_unit_of(page, layer->weight, i * n->shape.cols + j), x = tg_page_unit_of(page, layer->x, i);
        const double  printed = tg_page_value(page, w).number * tg_page_value(page, x).number, rounded = tg_page_shown(page, printed, false).number;
        const bool    is_short = tg_page_is_given(page, layer->x) && fabs(printed - rounded) <= 1e-12 * fabs(printed);
        put_set(page, 'p', w, tg_page_shown(page, is_short ? rounded : *tg_page_values(page, w) * *tg_page_values(page, x), is_short).text, is_first);
    }
    if (layer->bias < 0) return;
    const int bias = tg_page_unit_of(page, layer->bias, j);
    put_set(page, 'p', bias, tg_page_value(page, bias).text, is_first);
}

static void put_edges_to(tg_page *page, int unit) {
    bool is_first = true;
    tg_put(&page->out, ",\"edges\":[");
    for (int e = 0; e < page->edge_count; e++) {
        if (page->edges[e].to != unit || !page->edges[e].is_drawn) continue;
        tg_putf(&page->out, "%s%d", is_first ? "" : ",", e);
        is_first = false;
    }
    tg_put(&page->out, "]");
}

static void put_forward(tg_page *page, int unit) {
    const int            node     = page->units[unit].node;
    const tg_story_node *n        = &page->story->nodes[node];
    bool                 is_first = true;
    tg_page_begin_step(page, "forward", unit);
    tg_put(&page->out, ",\"op\":");
    tg_put_json(&page->out, n->op->name);
    const char *role = n->role == TG_ROLE_SUM ? "sum" : n->role == TG_ROLE_ACTIVATION ? "activation" : "op";
    tg_putf(&page->out, ",\"role\":\"%s\"", node == page->story->loss ? "loss" : role);
    put_edges_to(page, unit);
    put_equation(page, unit);
    if (!page->neurons && tg_page_values(page, unit) != NULL && tg_page_elements(page, unit) > 1) {
        char heat[24];
        snprintf(heat, sizeof heat, "v%d", unit);
        tg_put(&page->out, ",\"matrix\":");
        tg_page_put_matrix(page, tg_page_values(page, unit), n->shape, heat, false);
    }
    tg_put(&page->out, ",\"set\":{");
    if (tg_page_values(page, unit) != NULL) {
        put_set(page, 'v', unit, tg_page_value(page, unit).text, &is_first);
        if (page->has_slots && n->role == TG_ROLE_SUM) put_products(page, unit, &is_first);
    }
    tg_put(&page->out, "}}");
}

/* ---- all of them ---- */

/* What an op expands to comes before the op. */
static void put_node(tg_page *page, int node) {
    const tg_story *story = page->story;
    for (int i = node + 1; i < story->node_count; i++)
        if (story->nodes[i].expanded == node && page->alias[i] == i)
            for (int u = page->first[i]; u < page->unit_count && page->units[u].node == i; u++) put_forward(page, u);
    if (story->nodes[node].kind != TG_STORY_OP || page->alias[node] != node || story->nodes[node].expanded >= 0) return;
    for (int u = page->first[node]; u < page->unit_count && page->units[u].node == node; u++) put_forward(page, u);
}

void tg_page_put_steps(tg_page *page) {
    put_intro(page);
    for (int i = 0; i < page->story->node_count; i++) put_node(page, i);
    tg_page_put_walk(page);
}
