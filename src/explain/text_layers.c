/* text_layers.c - both traces by matrices: what each is made of, and what is sent back, with norms where there are too many elements. */
#include "core/util.h"
#include "explain/text.h"

#include <inttypes.h>
#include <stdio.h>

static void put_shape_cell(const tg_text_page *page, int node, tg_table *table) {
    const tg_shape shape = tg_shown_shape(&page->trace, node);
    char           text[64];
    snprintf(text, sizeof text, "[%" PRId64 ",%" PRId64 "]", shape.rows, shape.cols);
    tg_put_cell(table, text);
}

/* = where all elements follow; elements NULL: not computed. */
static void put_matrix_cell(const tg_text_page *page, int node, const double *elements, tg_table *table) {
    tg_put(&table->text, elements == NULL || tg_is_written_out(&page->trace, node) ? "= " : "");
    if (elements != NULL) tg_put_matrix(&page->trace, node, elements, &table->text);
    else tg_put(&table->text, page->trace.style == TG_STYLE_TEXT ? "." : "\xc2\xb7");
    tg_end_cell(table);
}

/* ---- forward ---- */

static void put_operation_cell(tg_text_page *page, int node, tg_table *table) {
    static const char *const kinds[] = { "input", "constant", "parameter" };
    const tg_story_node     *n       = &page->trace.story->nodes[node];
    const tg_formula        *f       = tg_matrix_formula(&page->trace, node);
    if (f != NULL) tg_formula_print(f, page->trace.style, &table->text);
    else if (n->kind == TG_STORY_OP) tg_put_user_text(n->op->name, &table->text);
    else tg_put_leaf_name(kinds[n->kind], n, &table->text);
    tg_end_cell(table);
}

static void print_values(tg_text_page *page) {
    const bool            values    = !page->trace.options->no_values;
    const tg_table_column columns[] = { { .heading = "#" }, { .heading = "name" }, { .heading = "operation" },
                                        { .heading = "shape" }, { .heading = "value", .color = tg_forward_color(page) } };
    tg_table              table     = { .columns = columns, .column_count = values ? 5 : 4, .alarm = tg_alarm_color(page) };
    tg_put_heading(page, "FORWARD PRIMAL TRACE", " (read top to bottom)");
    for (int i = 0; i < page->trace.story->node_count; i++) {
        if (tg_is_hidden(&page->trace, i)) continue;
        tg_put_node_cell(page, i, &table);
        tg_put_element_name(&page->trace, i, TG_WHOLE, &table.text);
        tg_end_cell(&table);
        put_operation_cell(page, i, &table);
        put_shape_cell(page, i, &table);
        if (values) put_matrix_cell(page, i, page->trace.story->nodes[i].value, &table);
    }
    tg_table_print(&table, page->width, &page->out);
    tg_table_release(&table);
}

/* ---- backward ---- */

static void put_edge_cell(tg_text_page *page, const tg_story_message *m, tg_table *table) {
    tg_put_element_name(&page->trace, tg_sender_of(&page->trace, m->from), TG_WHOLE, &table->text);
    tg_put(&table->text, page->trace.style == TG_STYLE_TEXT ? " -> " : " \xe2\x86\x92 ");
    tg_put_element_name(&page->trace, m->to, TG_WHOLE, &table->text);
    tg_end_cell(table);
}

/* A view sends what it has, in its own shape. */
static int shape_giver(const tg_story *story, const tg_story_message *m) {
    return (story->nodes[m->from].op->flags & TG_OP_VIEW) != 0 ? m->from : m->to;
}

static void put_count_cell(const tg_story_message *m, tg_table *table) {
    char count[64];
    snprintf(count, sizeof count, "%d of %d", m->k, m->n);
    tg_put_cell(table, m->n > 1 ? count : "");
}

static void print_messages(tg_text_page *page) {
    const bool            values    = !page->trace.options->no_values, ascii = page->trace.style == TG_STYLE_TEXT;
    const tg_table_column columns[] = { { .heading = ascii ? "from -> to" : "from \xe2\x86\x92 to" }, { .heading = "message" },
                                        { .heading = "" }, { .heading = "shape" }, { .heading = "value", .color = tg_backward_color(page) } };
    tg_table              table     = { .columns = columns, .column_count = values ? 5 : 4, .alarm = tg_alarm_color(page) };
    for (int i = 0; i < page->trace.story->message_count; i++) {
        const tg_story_message *m = &page->trace.story->messages[i];
        if (tg_is_hidden(&page->trace, m->to)) continue;
        put_edge_cell(page, m, &table);
        tg_put_message_formula(&page->trace, m, &table.text);
        tg_end_cell(&table);
        put_count_cell(m, &table);
        put_shape_cell(page, shape_giver(page->trace.story, m), &table);
        if (values) put_matrix_cell(page, shape_giver(page->trace.story, m), m->message, &table);
    }
    tg_table_print(&table, page->width, &page->out);
    tg_table_release(&table);
}

void tg_print_layers(tg_text_page *page) {
    print_values(page);
    tg_put_reverse_heading(page);
    if (page->trace.story->has_walk) print_messages(page);
}
