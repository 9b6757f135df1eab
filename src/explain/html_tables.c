/* html_tables.c - the tape as a table, and the gradients of all leaves as matrices that fill in. */
#include "explain/html.h"

#include <inttypes.h>
#include <string.h>

/* ---- the tape ---- */

/* w4 x + b4 of neuron 4: its name is that of the sum with another letter. */
static void put_row_of_weights(const tg_page *page, int unit, const tg_story_layer *layer, char *title, size_t room) {
    char sum[TG_PAGE_LABEL], whole[TG_PAGE_LABEL], w[TG_PAGE_LABEL], x[TG_PAGE_LABEL], b[TG_PAGE_LABEL] = "";
    tg_page_short(page, unit, false, sum);
    tg_page_name_node(page, layer->sum, false, whole), tg_page_name_node(page, layer->weight, false, w), tg_page_name_node(page, layer->x, false, x);
    if (w[0] == 'W') w[0] = 'w';
    const int64_t neuron = page->units[unit].element % page->story->nodes[layer->sum].shape.cols;
    if (layer->bias >= 0) tg_page_short(page, tg_page_unit_of(page, layer->bias, neuron), false, b);
    const char *index = strncmp(sum, whole, strlen(whole)) == 0 ? sum + strlen(whole) : "";
    snprintf(title, room, "%.40s%.40s\xc2\xb7%.40s%s%.40s", w, index, x, b[0] != '\0' ? " + " : "", b);
}

/* w11 x1 + w12 x2 + b1 of a neuron with few inputs; else what the box says. */
static void put_operation(tg_page *page, int unit) {
    const int            node = page->units[unit].node;
    const tg_story_node *n    = &page->story->nodes[node];
    char                 title[200], w[TG_PAGE_LABEL], x[TG_PAGE_LABEL];
    if (n->kind != TG_STORY_OP) {
        tg_put(&page->out, n->kind == TG_STORY_INPUT ? "input" : n->kind == TG_STORY_CONSTANT ? "constant" : "parameter");
        if (n->name[0] != '\0' && strcmp(n->name, n->label) != 0) tg_put(&page->out, " "), tg_put_html(&page->out, n->name, 40);
        return;
    }
    const tg_story_layer *layer = n->role == TG_ROLE_SUM ? &page->story->layers[n->layer] : NULL;
    const int64_t         rows  = layer != NULL ? page->story->nodes[layer->weight].shape.rows : 0, cols = n->shape.cols;
    if (layer == NULL || !page->neurons || rows > 3) {
        tg_page_put_title(page, unit, title, sizeof title);
        const char *equals = strstr(title, " = ");
        if (layer != NULL && page->neurons) put_row_of_weights(page, unit, layer, title, sizeof title), equals = NULL;
        tg_put_html(&page->out, equals != NULL ? equals + 3 : title, 44);
        return;
    }
    for (int64_t i = 0; i < rows; i++) {
        tg_page_short(page, tg_page_unit_of(page, layer->weight, i * cols + page->units[unit].element % cols), false, w);
        tg_page_short(page, tg_page_unit_of(page, layer->x, i), false, x);
        tg_putf(&page->out, "%s%s\xc2\xb7%s", i > 0 ? " + " : "", w, x);
    }
    if (layer->bias < 0) return;
    tg_page_short(page, tg_page_unit_of(page, layer->bias, page->units[unit].element % cols), false, w);
    tg_putf(&page->out, " + %s", w);
}

void tg_page_put_tape(tg_page *page) {
    tg_put(&page->out, "<section class=\"card\" id=\"tape\"><h2>The tape</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
                       "aria-label=\"The tape\"><table><thead><tr>"
                       "<th scope=\"col\">#</th><th scope=\"col\">name</th><th scope=\"col\">operation</th>");
    tg_putf(&page->out, "%s<th scope=\"col\" class=\"value\">value \xe2\x86\x93</th><th scope=\"col\" class=\"adjoint\">adjoint \xe2\x86\x91</th>"
                        "</tr></thead>\n<tbody>\n",
            page->neurons ? "" : "<th scope=\"col\">shape</th>");
    for (int u = 0; u < page->unit_count; u++) {
        const tg_story_node *n = tg_page_node(page, u);
        char                 name[TG_PAGE_LABEL];
        if (tg_page_is_slot(page, u)) continue;
        tg_page_short(page, u, false, name);
        tg_putf(&page->out, "<tr id=\"r%d\"><td>v%" PRIu32 "</td><th scope=\"row\"", u, n->id);
        if (n->name[0] != '\0') tg_put(&page->out, " title=\""), tg_put_html(&page->out, n->name, 0), tg_put(&page->out, "\"");
        tg_put(&page->out, ">");
        tg_put_html(&page->out, name, 0);
        tg_put(&page->out, "</th><td>");
        put_operation(page, u);
        if (!page->neurons) tg_putf(&page->out, "</td><td>%" PRId64 "\xc3\x97%" PRId64, n->shape.rows, n->shape.cols);
        tg_putf(&page->out, "</td><td class=\"value\" data-k=\"v%d\"></td><td class=\"adjoint\" data-k=\"a%d\"></td></tr>\n", u, u);
    }
    tg_put(&page->out, "</tbody></table></div>\n");
    if (!page->neurons) tg_put(&page->out, "<p class=\"note\">Of matrices the norm is shown, \xe2\x88\x9a of the sum of squares.</p>\n");
    tg_put(&page->out, "</section>\n");
}

/* ---- gradients ---- */

static void put_cells(tg_page *page, int node) {
    const tg_story_node *n          = &page->story->nodes[node];
    const int            first      = page->first[node];
    const bool           transposed = page->neurons && !page->options->row_notation;
    const int64_t        rows       = page->neurons && n->role != TG_ROLE_WEIGHT ? 1 : n->shape.rows;
    const int64_t        down       = transposed ? n->shape.cols : rows, across = transposed ? rows : n->shape.cols;
    tg_put(&page->out, "<table class=\"matrix\"><tbody>");
    for (int64_t i = 0; i < down; i++) {
        tg_put(&page->out, "<tr>");
        for (int64_t j = 0; j < across; j++) {
            const int64_t element = transposed ? j * n->shape.cols + i : i * n->shape.cols + j;
            if (page->neurons) tg_putf(&page->out, "<td data-k=\"a%d\"></td>", first + (int)element);
            else if (n->adjoint == NULL) tg_put(&page->out, "<td>\xc2\xb7</td>");
            else tg_putf(&page->out, "<td data-late=\"a%d\">%s</td>", first, tg_page_shown(page, n->adjoint[element], false).text);
        }
        tg_put(&page->out, "</tr>\n");
    }
    tg_put(&page->out, "</tbody></table>");
}

void tg_page_put_gradients(tg_page *page) {
    char loss[TG_PAGE_LABEL], label[TG_PAGE_LABEL];
    tg_page_name_node(page, page->story->loss, false, loss);
    tg_put(&page->out, "<section class=\"card\" id=\"gradients\"><h2>Gradients so far</h2>\n");
    for (int i = 0; i < page->story->node_count; i++) {
        const tg_story_node *n = &page->story->nodes[i];
        if (n->kind == TG_STORY_OP || n->kind == TG_STORY_CONSTANT || n->shape.integer || (n->messages == 0 && page->story->has_walk)) continue;
        tg_page_name_node(page, i, false, label);
        tg_put(&page->out, "<div class=\"gradient\"><span>\xe2\x88\x82");
        tg_put_html(&page->out, loss, 0);
        tg_put(&page->out, "/\xe2\x88\x82");
        tg_put_html(&page->out, label, 0);
        tg_put(&page->out, " =</span>");
        if (tg_page_is_heat(page, page->first[i]))
            tg_putf(&page->out, "<figure><img data-heat=\"a%d\" alt=\"heat map\"><figcaption data-caption=\"a%d\">%" PRId64 " \xc3\x97 "
                    "%" PRId64 "</figcaption></figure>", 
                    page->first[i], page->first[i], n->shape.rows, n->shape.cols);
        else put_cells(page, i);
        tg_put(&page->out, "</div>\n");
    }
    tg_put(&page->out, "</section>\n");
}
