/* latex_neurons.c - equations of elements: forward in names and in numbers, backward one equation an adjoint, with all messages that it adds up. */
#include "core/util.h"
#include "explain/latex.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static void put_formula(const tg_formula *f, int least, tg_text_buffer *out) {
    const bool closed = tg_formula_binding_of(f) < least;
    tg_put(out, closed ? "\\left(" : "");
    tg_formula_print(f, TG_STYLE_TEX, out);
    tg_put(out, closed ? "\\right)" : "");
}

/* ---- what is given, and forward ---- */

static bool is_leaf(const tg_latex_page *page, const tg_trace_value *v) { return page->trace.story->nodes[v->node].kind != TG_STORY_OP; }

static bool has_leaf(const tg_latex_page *page) {
    for (int i = 0; i < page->trace.value_count; i++)
        if (is_leaf(page, &page->trace.values[i])) return true;
    return false;
}

static void print_leaves(tg_latex_page *page) {
    if (page->trace.options->no_values || !has_leaf(page)) return;
    tg_begin_block(page, "Given:");
    for (int i = 0; i < page->trace.value_count; i++) {
        const tg_trace_value *v = &page->trace.values[i];
        if (!is_leaf(page, v)) continue;
        tg_begin_line(page);
        tg_put_element_name(&page->trace, v->node, TG_WHOLE, &page->out);
        tg_put(&page->out, " &");
        tg_put_latex_matrix(page, v->node, page->trace.story->nodes[v->node].value);
    }
    tg_end_block(page);
}

static void put_value(tg_latex_page *page, const tg_trace_value *v, size_t start) {
    const tg_trace      *trace = &page->trace;
    const tg_story_node *node  = &trace->story->nodes[v->node];
    tg_text_buffer       worked = { 0 }, value = { 0 };
    const bool           has_numbers = v->worked != NULL && v->worked->kind != TG_FORMULA_NUMBER;
    if (has_numbers) {
        tg_formula_print(v->worked, TG_STYLE_TEX, &worked);
        tg_put_relation(page, start, "=", &worked);
    }
    tg_put_shown(trace, node->value[v->element], &value);
    tg_put(&page->out, " ");
    tg_put(&page->out, tg_equals_sign(trace, v->is_equal || !has_numbers));
    tg_put(&page->out, " ");
    tg_put(&page->out, tg_text_of(&value));
    page->out.failed = page->out.failed || worked.failed || value.failed;
    tg_text_buffer_release(&worked);
    tg_text_buffer_release(&value);
}

static void put_operation(tg_latex_page *page, const tg_trace_value *v) {
    const size_t start = page->out.length;
    tg_put_element_name(&page->trace, v->node, v->element, &page->out);
    tg_put(&page->out, " &");
    if (v->operation != NULL) tg_put(&page->out, "= "), put_formula(v->operation, 0, &page->out);
    if (!page->trace.options->no_values) put_value(page, v, start);
}

static void print_values(tg_latex_page *page) {
    tg_begin_block(page, "Forward:");
    for (int i = 0; i < page->trace.value_count; i++) {
        if (is_leaf(page, &page->trace.values[i])) continue;
        tg_begin_line(page);
        put_operation(page, &page->trace.values[i]);
    }
    tg_end_block(page);
}

/* ---- backward ---- */

static bool is_one(const tg_formula *f) { return f != NULL && tg_formula_is_number(f, 1); }

static bool is_seed(const tg_latex_page *page, const tg_trace_message *m) { return tg_sends_one(&page->trace, m->from); }

static void put_local(tg_latex_page *page, const tg_trace_message *m, int least) {
    if (m->local != NULL) {
        put_formula(m->local, least, &page->out);
        return;
    }
    tg_put(&page->out, "\\frac{\\partial ");
    tg_put_element_name(&page->trace, m->from, m->from_element, &page->out);
    tg_put(&page->out, "}{\\partial ");
    tg_put_element_name(&page->trace, m->to, m->to_element, &page->out);
    tg_put(&page->out, "}");
}

static void put_named_factors(tg_latex_page *page, const tg_trace_message *m) {
    tg_put(&page->out, "\\underbrace{");
    tg_put_adjoint_name(&page->trace, m->from, m->from_element, &page->out);
    tg_put(&page->out, "}_{\\text{upstream}} \\cdot \\underbrace{");
    put_local(page, m, TG_BIND_PRODUCT);
    tg_put(&page->out, "}_{\\text{local}}");
    page->has_braces = true;
}

/* delta w; the seed and a local derivative of 1 are not written. */
static void put_term(tg_latex_page *page, const tg_trace_message *m, bool is_only) {
    char others[64];
    if (m->hidden > 0) {
        snprintf(others, sizeof others, "\\text{%" PRId64 " not shown}", m->hidden);
        tg_put(&page->out, others);
    } else if (is_seed(page, m)) put_local(page, m, is_only ? 0 : TG_BIND_PRODUCT);
    else if (is_one(m->local)) tg_put_adjoint_name(&page->trace, m->from, m->from_element, &page->out);
    else if (is_only && !page->has_braces) put_named_factors(page, m);
    else {
        tg_put_adjoint_name(&page->trace, m->from, m->from_element, &page->out);
        tg_put(&page->out, " \\cdot ");
        put_local(page, m, TG_BIND_PRODUCT);
    }
}

static void put_factor(const tg_trace *trace, double number, bool is_first, tg_text_buffer *out) {
    const tg_formula *f = tg_shown_number(trace, number);
    if (f != NULL) put_formula(f, is_first ? TG_BIND_SIGN : TG_BIND_PRODUCT, out);
    else out->failed = true;
}

static bool meets(const tg_trace_message *a, const tg_trace_message *b) { return a->to == b->to && a->to_element == b->to_element; }

/* The product in numbers, or the sum of messages; empty where nothing was calculated. True if it gives the printed adjoint. */
static bool put_numbers(tg_latex_page *page, int last, tg_text_buffer *out) {
    const tg_trace         *trace = &page->trace;
    const tg_trace_message *m     = &trace->messages[last];
    double                  computed = 0;
    if (m->n == 1) {
        if (m->hidden > 0 || is_seed(page, m) || is_one(m->local)) return true;
        put_factor(trace, m->upstream, true, out);
        tg_put(out, " \\cdot ");
        put_factor(trace, m->slope, false, out);
        return tg_agrees(trace, tg_printed_value(trace, m->upstream) * tg_printed_value(trace, m->slope), m->after);
    }
    for (int i = 0; i <= last; i++) {
        const double sum = trace->messages[i].sum;
        if (!meets(m, &trace->messages[i])) continue;
        if (out->length > 0) tg_put(out, signbit(sum) && !isnan(sum) ? " - " : " + ");
        tg_put_shown(trace, out->length > 0 && !isnan(sum) ? fabs(sum) : sum, out);
        computed += tg_printed_value(trace, sum);
    }
    return tg_agrees(trace, computed, m->after);
}

/* The seed times a local derivative that is a number. */
static bool says_number(const tg_latex_page *page, const tg_trace_message *m) {
    if (m->n != 1 || !is_seed(page, m) || m->local == NULL) return false;
    return m->local->kind == TG_FORMULA_NUMBER && m->local->number == tg_printed_value(&page->trace, m->after);
}

static void put_adjoint(tg_latex_page *page, int last) {
    const tg_trace         *trace = &page->trace;
    const tg_trace_message *m     = &trace->messages[last];
    const size_t            start = page->out.length;
    tg_text_buffer          numbers = { 0 };
    bool                    is_first = true;
    tg_put_adjoint_name(trace, m->to, m->to_element, &page->out);
    tg_put(&page->out, " &= ");
    for (int i = 0; i <= last; i++) {
        if (!meets(m, &trace->messages[i])) continue;
        tg_put(&page->out, is_first ? "" : " + ");
        put_term(page, &trace->messages[i], m->n == 1);
        is_first = false;
    }
    if (!trace->options->no_values && !says_number(page, m)) {
        const bool is_equal = put_numbers(page, last, &numbers);
        if (numbers.length > 0) tg_put_relation(page, start, "=", &numbers);
        tg_put(&page->out, " ");
        tg_put(&page->out, tg_equals_sign(trace, is_equal));
        tg_put(&page->out, " ");
        tg_put_shown(trace, m->after, &page->out);
    }
    page->out.failed = page->out.failed || numbers.failed;
    tg_text_buffer_release(&numbers);
}

static void print_adjoints(tg_latex_page *page) {
    tg_begin_block(page, "Backward:");
    if (page->trace.logits >= 0) {
        tg_begin_line(page);
        tg_put(&page->out, "&\\quad ");
        tg_put_softmax(&page->trace, &page->out);
    }
    for (int i = 0; i < page->trace.message_count; i++) {
        if (page->trace.messages[i].k < page->trace.messages[i].n) continue;
        tg_begin_line(page);
        put_adjoint(page, i);
    }
    tg_end_block(page);
}

/* ---- gradients of leaves as matrices ---- */

static bool has_matrix(const tg_latex_page *page, int node) {
    const tg_story_node *n = &page->trace.story->nodes[node];
    return n->kind != TG_STORY_OP && n->adjoint != NULL && tg_story_elements(n) > 1;
}

static void put_origin(tg_latex_page *page, int node) {
    const tg_story *story = page->trace.story;
    for (int i = 0; i < story->message_count && story->nodes[node].messages == 1; i++)
        if (story->messages[i].to == node) tg_put_equals(page), tg_put_message_formula(&page->trace, &story->messages[i], &page->out);
}

static void print_gradients(tg_latex_page *page) {
    bool begun = false;
    for (int i = page->trace.story->node_count - 1; i >= 0; i--) {
        if (!has_matrix(page, i)) continue;
        if (!begun) tg_begin_block(page, "Together:");
        begun = true;
        tg_begin_line(page);
        tg_put_adjoint_name(&page->trace, i, TG_WHOLE, &page->out);
        tg_put(&page->out, " &");
        if (page->trace.example < 0) put_origin(page, i);
        tg_put_latex_matrix(page, i, page->trace.story->nodes[i].adjoint);
    }
    if (begun) tg_end_block(page);
}

void tg_print_latex_neurons(tg_latex_page *page) {
    print_leaves(page);
    print_values(page);
    if (page->trace.message_count > 0) print_adjoints(page);
    print_gradients(page);
}
