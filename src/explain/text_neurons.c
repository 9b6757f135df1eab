/* text_neurons.c - both traces by elements: each value with its operation in names and in numbers, each message as upstream x local derivative. */
#include "core/util.h"
#include "explain/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static bool in_ascii(const tg_text_page *page) { return page->trace.style == TG_STYLE_TEXT; }

static void put_formula(const tg_text_page *page, const tg_formula *f, tg_text_buffer *out) {
    if (f != NULL) tg_formula_print(f, page->trace.style, out);
}

/* ---- forward ---- */

static bool is_matrix(const tg_text_page *page, int node) {
    const tg_shape shape = tg_shown_shape(&page->trace, node);
    return shape.rows * shape.cols != 1;
}

static void put_leaf_cells(tg_text_page *page, const tg_trace_value *v, tg_table *table) {
    const tg_story_node *node = &page->trace.story->nodes[v->node];
    tg_put_element_name(&page->trace, v->node, TG_WHOLE, &table->text);
    tg_end_cell(table);
    tg_put_leaf(page, v->node, &table->text);
    tg_end_cell(table);
    if (page->trace.options->no_values) return;
    if (!is_matrix(page, v->node)) tg_end_cell(table);
    tg_put(&table->text, tg_is_written_out(&page->trace, v->node) ? "= " : "");
    tg_put_matrix(&page->trace, v->node, node->value, &table->text);
    tg_end_cell(table);
    if (is_matrix(page, v->node)) tg_end_cell(table);
}

static bool is_same_number(const tg_formula *f) { return f->kind == TG_FORMULA_NUMBER; }

static void put_operation_cells(tg_text_page *page, const tg_trace_value *v, tg_table *table) {
    const tg_story_node *node = &page->trace.story->nodes[v->node];
    tg_put_element_name(&page->trace, v->node, v->element, &table->text);
    tg_end_cell(table);
    if (v->operation != NULL) put_formula(page, v->operation, &table->text);
    else tg_put_user_text(node->op->name, &table->text);
    tg_end_cell(table);
    if (page->trace.options->no_values) return;
    const bool has_numbers = v->worked != NULL && !is_same_number(v->worked);
    if (has_numbers) tg_put(&table->text, "= "), put_formula(page, v->worked, &table->text);
    tg_end_cell(table);
    tg_put(&table->text, tg_equals_sign(&page->trace, v->is_equal || !has_numbers));
    tg_put(&table->text, " ");
    tg_put_shown(&page->trace, node->value[v->element], &table->text);
    tg_end_cell(table);
}

static void print_values(tg_text_page *page) {
    const char           *color     = tg_forward_color(page);
    const tg_table_column columns[] = { { .heading = "#" }, { .heading = "name" }, { .heading = "operation" }, { .heading = "in numbers" },
                                        { .heading = "value", .color = color } };
    tg_table              table     = { .columns = columns, .column_count = page->trace.options->no_values ? 3 : 5,
                                        .alarm = tg_alarm_color(page) };
    tg_put_heading(page, "FORWARD PRIMAL TRACE", " (read top to bottom)");
    for (int i = 0; i < page->trace.value_count; i++) {
        const tg_trace_value *v = &page->trace.values[i];
        tg_put_node_cell(page, v->node, &table);
        if (page->trace.story->nodes[v->node].kind == TG_STORY_OP) put_operation_cells(page, v, &table);
        else put_leaf_cells(page, v, &table);
    }
    tg_table_print(&table, page->width, &page->out);
    tg_table_release(&table);
}

/* ---- backward ---- */

/* Of the complete adjoint against a difference; in float both are worth less. */
static bool differs(const tg_text_page *page, const tg_trace_message *m) {
    const tg_story_node *to = &page->trace.story->nodes[m->to];
    const tg_story_node *loss = &page->trace.story->nodes[page->trace.story->loss];
    const double a = to->adjoint[m->to_element], b = to->difference[m->to_element], worth = page->trace.story->type == TG_F32 ? 1e-3 : 1e-5;
    const double rounding = 1e-10 * fabs(loss->value[0]) / fmax(1, fabs(to->value[m->to_element]));      /* of a difference of losses */
    return !(fabs(a - b) <= rounding + worth * fmax(1e-3, fmax(fabs(a), fabs(b))));
}

static void put_check_cell(tg_text_page *page, const tg_trace_message *m, tg_table *table) {
    const tg_story_node *to    = &page->trace.story->nodes[m->to];
    const bool           ascii = in_ascii(page);
    if (m->k < m->n) tg_put_cell(table, ascii ? ".." : "\xe2\x80\xa6");
    else if (to->difference == NULL || to->adjoint == NULL || !isfinite(to->difference[m->to_element])) tg_put_cell(table, "");
    else if (differs(page, m)) page->differs = true, tg_put_cell(table, ascii ? "no" : "\xe2\x9c\x97");
    else tg_put_cell(table, ascii ? "ok" : "\xe2\x9c\x93");
}

static void put_edge_cell(tg_text_page *page, const tg_trace_message *m, tg_table *table) {
    char others[48];
    snprintf(others, sizeof others, "%" PRId64 " not shown", m->hidden);
    if (m->hidden > 0) tg_put(&table->text, others);
    else tg_put_element_name(&page->trace, m->from, m->from_element, &table->text);
    tg_put(&table->text, in_ascii(page) ? " -> " : " \xe2\x86\x92 ");
    tg_put_element_name(&page->trace, m->to, m->to_element, &table->text);
    tg_end_cell(table);
}

/* Its symbol, or, where there is none, the derivative that is meant. */
static void put_local_cell(tg_text_page *page, const tg_trace_message *m, tg_table *table) {
    const char *d = in_ascii(page) ? "d" : "\xe2\x88\x82";
    if (m->local != NULL) put_formula(page, m->local, &table->text);
    else if (m->hidden == 0) {
        tg_put(&table->text, d);
        tg_put_element_name(&page->trace, m->from, m->from_element, &table->text);
        tg_put(&table->text, "/");
        tg_put(&table->text, d);
        tg_put_element_name(&page->trace, m->to, m->to_element, &table->text);
    }
    tg_end_cell(table);
}

/* A negative factor behind the sign of multiplication stands in parentheses. */
static void put_factor(tg_text_page *page, double number, tg_text_buffer *out) {
    const bool closed = signbit(number) && !isnan(number);
    tg_put(out, closed ? "(" : "");
    tg_put_shown(&page->trace, number, out);
    tg_put(out, closed ? ")" : "");
}

static void put_product_cells(tg_text_page *page, const tg_trace_message *m, tg_table *table) {
    const tg_trace *trace = &page->trace;
    const double    product = tg_printed_value(trace, m->upstream) * tg_printed_value(trace, m->slope);
    if (m->hidden == 0) tg_put_shown(trace, m->upstream, &table->text);
    tg_end_cell(table);
    if (m->hidden == 0) {
        tg_put(&table->text, in_ascii(page) ? "* " : "\xc3\x97 ");
        put_factor(page, m->slope, &table->text);
    }
    tg_end_cell(table);
    tg_put(&table->text, tg_equals_sign(trace, m->hidden > 0 || tg_agrees(trace, product, m->sum)));
    tg_put(&table->text, " ");
    tg_put_shown(trace, m->sum, &table->text);
    tg_end_cell(table);
}

static void put_sum_cell(tg_text_page *page, const tg_trace_message *m, tg_table *table) {
    const tg_trace *trace = &page->trace;
    if (!isnan(m->before) || m->k > (m->hidden > 0 ? m->hidden : 1)) {
        const double sum = tg_printed_value(trace, m->before) + tg_printed_value(trace, m->sum);
        const bool falls = signbit(m->sum) && !isnan(m->sum);
        tg_put_shown(trace, m->before, &table->text);
        tg_put(&table->text, !falls ? " + " : in_ascii(page) ? " - " : " \xe2\x88\x92 ");
        tg_put_shown(trace, falls ? -m->sum : m->sum, &table->text);
        tg_put(&table->text, " ");
        tg_put(&table->text, tg_equals_sign(trace, tg_agrees(trace, sum, m->after)));
        tg_put(&table->text, " ");
    }
    tg_put_shown(trace, m->after, &table->text);
    tg_end_cell(table);
}

static void put_count_cell(const tg_trace_message *m, tg_table *table) {
    char count[64];
    snprintf(count, sizeof count, "%d of %d", m->k, m->n);
    tg_put_cell(table, m->n > 1 ? count : "");
}

static void put_seed(tg_text_page *page, tg_table *table) {
    const bool values = !page->trace.options->no_values;
    tg_put_cell(table, "");
    tg_put(&table->text, "seed ");
    tg_put_element_name(&page->trace, page->trace.story->loss, TG_WHOLE, &table->text);
    tg_end_cell(table);
    if (values)
        for (int c = 0; c < 4; c++) tg_end_cell(table);
    const tg_story_node *loss = &page->trace.story->nodes[page->trace.story->loss];
    if (loss->adjoint != NULL) tg_put_matrix(&page->trace, page->trace.story->loss, loss->adjoint, &table->text);
    else tg_put(&table->text, tg_story_elements(loss) == 1 ? "1" : "?");
    tg_end_cell(table);
    tg_end_cell(table);
}

static void put_symbols_cells(tg_text_page *page, const tg_trace_message *m, tg_table *table) {
    tg_end_cell(table);
    put_edge_cell(page, m, table);
    if (tg_sends_one(&page->trace, m->from)) tg_put(&table->text, "1");
    else tg_put_adjoint_name(&page->trace, m->from, m->from_element, &table->text);
    tg_put(&table->text, in_ascii(page) ? " * " : " \xc3\x97 ");
    const bool closed = m->local != NULL && tg_formula_binding_of(m->local) < TG_BIND_MATRIX;
    tg_put(&table->text, closed ? "(" : "");
    put_formula(page, m->local, &table->text);
    tg_put(&table->text, closed ? ")" : m->local == NULL ? "?" : "");
    tg_end_cell(table);
    put_count_cell(m, table);
}

static void print_messages(tg_text_page *page) {
    const char           *color     = tg_backward_color(page);
    const bool            values    = !page->trace.options->no_values, ascii = in_ascii(page);
    const tg_table_column edge      = { .heading = ascii ? "from -> to" : "from \xe2\x86\x92 to" }, count = { .heading = "" };
    const tg_table_column columns[] = { { .heading = "" }, edge, { .heading = "local derivative" },
                                        { .heading = "upstream", .to_the_right = true },
                                        { .heading = ascii ? "* local" : "\xc3\x97 local", .is_close = true },
                                        { .heading = "= message", .color = color, .is_close = true },
                                        { .heading = "adjoint of \"to\" so far", .color = color }, count };
    const tg_table_column symbols[] = { { .heading = "" }, edge, { .heading = ascii ? "upstream * local" : "upstream \xc3\x97 local" }, count };
    tg_table              table     = { .columns = values ? columns : symbols, .column_count = values ? 8 : 4, .alarm = tg_alarm_color(page) };
    put_seed(page, &table);
    for (int i = 0; i < page->trace.message_count; i++) {
        const tg_trace_message *m = &page->trace.messages[i];
        if (!values) {
            put_symbols_cells(page, m, &table);
            continue;
        }
        put_check_cell(page, m, &table);
        put_edge_cell(page, m, &table);
        put_local_cell(page, m, &table);
        put_product_cells(page, m, &table);
        put_sum_cell(page, m, &table);
        put_count_cell(m, &table);
    }
    tg_table_print(&table, page->width, &page->out);
    tg_table_release(&table);
}

void tg_print_neurons(tg_text_page *page) {
    print_values(page);
    tg_put_reverse_heading(page);
    if (page->trace.story->has_walk) print_messages(page);
}
