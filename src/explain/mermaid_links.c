/* mermaid_links.c - links of the flowchart: each use of a value forward, each message back, none lost where a value is used twice. */
#include "explain/mermaid.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static void put_ends(tg_chart *chart, int from, int to, const char *arrow, tg_text_buffer *label) {
    const tg_story_node *nodes = chart->trace.story->nodes;
    char                 text[64];
    snprintf(text, sizeof text, "  v%" PRIu32 " %s", nodes[from].id, arrow);
    tg_put(&chart->out, text);
    if (label->length > 0) {
        tg_put(&chart->out, "|\"");
        tg_take_chart_text(chart, label);
        tg_put(&chart->out, "\"|");
    } else tg_take_chart_text(chart, label);
    snprintf(text, sizeof text, " v%" PRIu32 "\n", nodes[to].id);
    tg_put(&chart->out, text);
}

/* ---- forward ---- */

static bool is_one_to_one(const tg_chart *chart, const tg_story_message *m) {
    const tg_story *story = chart->trace.story;
    return tg_story_elements(&story->nodes[m->from]) == 1 && tg_story_elements(&story->nodes[m->to]) == 1 && m->local != NULL && m->message != NULL;
}

static const tg_story_message *message_along(const tg_story *story, int from, int argument) {
    for (int i = 0; i < story->message_count; i++)
        if (story->messages[i].from == from && story->messages[i].argument == argument) return &story->messages[i];
    return NULL;
}

/* The local derivative: 1 / x = 0.5, W1, 1 - o1^2; without a walk nothing. */
static void put_local(tg_chart *chart, int node, int argument, tg_text_buffer *label) {
    const tg_story         *story = chart->trace.story;
    const tg_story_node    *n     = &story->nodes[node];
    const tg_story_message *m     = message_along(story, node, argument);
    if (m == NULL) return;
    const tg_formula *local = m->local_formula != NULL ? tg_in_elements(&chart->trace, m->local_formula, n->shape, TG_WHOLE, false) : NULL;
    if (tg_is_product(n)) tg_put_element_name(&chart->trace, n->inputs[1 - argument], TG_WHOLE, label);
    else if (local != NULL) tg_formula_print(local, chart->trace.style, label);
    else if (!(n->op->flags & TG_OP_VIEW)) {
        tg_put(label, tg_ascii_or(&chart->trace, "d", "\xe2\x88\x82"));
        tg_put_element_name(&chart->trace, node, TG_WHOLE, label);
        tg_put(label, tg_ascii_or(&chart->trace, "/d", "/\xe2\x88\x82"));
        tg_put_element_name(&chart->trace, m->to, TG_WHOLE, label);
    }
    if (!is_one_to_one(chart, m) || (local != NULL && local->kind == TG_FORMULA_NUMBER)) return;
    tg_put(label, " = ");
    tg_put_shown(&chart->trace, m->local[0], label);
}

static void put_use(tg_chart *chart, int operand, int node, int argument) {
    tg_text_buffer label = { 0 };
    if (operand < 0 || !chart->is_box[operand] || !chart->is_box[tg_sender_of(&chart->trace, node)]) return;
    put_local(chart, node, argument, &label);
    put_ends(chart, operand, tg_sender_of(&chart->trace, node), "-->", &label);
    chart->forward_count++;
}

/* ---- backward ---- */

static void put_factor(tg_chart *chart, double number, tg_text_buffer *out) {
    const bool closed = signbit(number) && !isnan(number);
    tg_put(out, closed ? "(" : "");
    tg_put_shown(&chart->trace, number, out);
    tg_put(out, closed ? ")" : "");
}

/* 1 * 0.5 = 0.5 of one element, else W1^T delta1. */
static void put_message(tg_chart *chart, const tg_story_message *m) {
    const tg_trace *trace = &chart->trace;
    tg_text_buffer  label = { 0 };
    if (!chart->is_box[m->to] || !chart->is_box[tg_sender_of(trace, m->from)]) return;
    if (is_one_to_one(chart, m)) {
        const double product = tg_printed_value(trace, m->upstream[0]) * tg_printed_value(trace, m->local[0]);
        tg_put_shown(trace, m->upstream[0], &label);
        tg_put(&label, tg_ascii_or(&chart->trace, " * ", " \xc3\x97 "));
        put_factor(chart, m->local[0], &label);
        tg_put(&label, " ");
        tg_put(&label, tg_equals_sign(trace, tg_agrees(trace, product, m->message[0])));
        tg_put(&label, " ");
        tg_put_shown(trace, m->message[0], &label);
    } else tg_put_message_formula(trace, m, &label);
    put_ends(chart, tg_sender_of(trace, m->from), m->to, "-.->", &label);
    chart->backward_count++;
}

void tg_put_links(tg_chart *chart) {
    const tg_story *story = chart->trace.story;
    for (int i = 0; i < story->node_count; i++)
        for (int k = 0; k < story->nodes[i].input_count; k++) put_use(chart, story->nodes[i].inputs[k], i, k);
    for (int i = 0; i < story->message_count; i++) put_message(chart, &story->messages[i]);
}
