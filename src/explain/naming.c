/* naming.c - what elements of nodes are called: W1[2,1], or {W}^{(1)}_{2,1}. */
#include "core/util.h"
#include "explain/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* It has one reader, the sum with the bias, and its adjoint is that of the sum. */
bool tg_is_hidden(const tg_trace *trace, int node) {
    const tg_story_node *n = &trace->story->nodes[node];
    return n->role == TG_ROLE_PRODUCT && trace->story->layers[n->layer].bias >= 0;
}

int tg_sender_of(const tg_trace *trace, int from) {
    return tg_is_hidden(trace, from) ? trace->story->layers[trace->story->nodes[from].layer].sum : from;
}

bool tg_is_shown(const tg_trace *trace, int node, int64_t element) {
    const tg_story_node *n = &trace->story->nodes[node];
    return trace->example < 0 || !trace->is_batched[node] || element / n->shape.cols == trace->example;
}

static const char *letters_of(const tg_trace *trace, const tg_story_node *node) {
    if (node->role != TG_ROLE_SUM || trace->style == TG_STYLE_TEXT) return node->label;
    return "\xce\xa3";      /* capital sigma for S */
}

/* The brackets behind a name, counted from 1; one number for a row or a column. */
static void write_index(const tg_trace *trace, int node, int64_t element, char index[48]) {
    const tg_story_node *n   = &trace->story->nodes[node];
    const bool           one_row = n->shape.rows == 1 || (trace->example >= 0 && trace->is_batched[node]);
    const int64_t        i = element / n->shape.cols + 1, j = element % n->shape.cols + 1;
    const bool           turned = trace->in_columns;
    if ((n->shape.rows == 1 || (one_row && n->shape.rows > 1)) && n->shape.cols == 1) index[0] = '\0';
    else if (n->role == TG_ROLE_WEIGHT) snprintf(index, 48, "[%" PRId64 ",%" PRId64 "]", turned ? j : i, turned ? i : j);
    else if (one_row || n->shape.cols == 1) snprintf(index, 48, "[%" PRId64 "]", one_row ? j : i);
    else snprintf(index, 48, "[%" PRId64 ",%" PRId64 "]", turned ? j : i, turned ? i : j);
}

/* letters in the place of the label's, whose digits are the number of the layer. */
static const tg_formula *name_with(const tg_trace *trace, int node, int64_t element, const char *letters) {
    enum { LONGEST = 128 };
    const tg_story_node *n        = &trace->story->nodes[node];
    const bool           is_layer = n->role != TG_ROLE_NONE;
    char                 name[LONGEST], index[48] = "";
    if (element >= 0) write_index(trace, node, element, index);
    if (is_layer && index[0] == '\0') snprintf(index, sizeof index, "[]");
    if (strcmp(letters, n->label) == 0) snprintf(name, sizeof name, "%s%s", n->label, index);
    else snprintf(name, sizeof name, "%s%d%s", letters, n->layer + 1, index);
    return tg_formula_name(trace->story->formulas, name);
}

const tg_formula *tg_element_name(const tg_trace *trace, int node, int64_t element) {
    return name_with(trace, node, element, letters_of(trace, &trace->story->nodes[node]));
}

const tg_formula *tg_element_named(const tg_trace *trace, int node, int64_t element, const char *letters) {
    char name[64], index[48];
    write_index(trace, node, element, index);
    snprintf(name, sizeof name, "%.8s%s", letters, index);
    return tg_formula_name(trace->story->formulas, name);
}

const tg_formula *tg_element_slope(const tg_trace *trace, int node, int64_t element) {
    if (trace->story->nodes[node].role != TG_ROLE_SUM) return NULL;
    return name_with(trace, node, element, trace->style == TG_STYLE_TEXT ? "delta" : "\xce\xb4");
}

static void put_formula(const tg_trace *trace, const tg_formula *f, tg_text_buffer *buffer) {
    if (f != NULL) tg_formula_print(f, trace->style, buffer);
    else buffer->failed = true;
}

void tg_put_element_name(const tg_trace *trace, int node, int64_t element, tg_text_buffer *buffer) {
    put_formula(trace, tg_element_name(trace, node, element), buffer);
}

/* Without values, a number is taken to be seeded by 1. */
bool tg_sends_one(const tg_trace *trace, int from) {
    const tg_story_node *loss = &trace->story->nodes[trace->story->loss];
    return from == trace->story->loss && tg_story_elements(loss) == 1 && (loss->adjoint == NULL || loss->adjoint[0] == 1);
}

void tg_put_adjoint_name(const tg_trace *trace, int node, int64_t element, tg_text_buffer *buffer) {
    static const char *const before[]  = { "d", "\xe2\x88\x82", "\\frac{\\partial ", "" };
    static const char *const between[] = { "/d", "/\xe2\x88\x82", "}{\\partial ", "" };
    if (node == trace->story->loss && !tg_sends_one(trace, node)) {
        tg_put(buffer, trace->style == TG_STYLE_TEX ? "\\text{seed}" : "seed");
        if (element >= 0 && tg_story_elements(&trace->story->nodes[node]) > 1) {
            char index[48];
            write_index(trace, node, element, index);
            if (trace->style == TG_STYLE_TEX) tg_put(buffer, "_{"), tg_put_bytes(buffer, index + 1, strlen(index) - 2), tg_put(buffer, "}");
            else tg_put(buffer, index);
        }
        return;
    }
    if (trace->story->nodes[node].role == TG_ROLE_SUM) {
        put_formula(trace, tg_element_slope(trace, node, element), buffer);
        return;
    }
    tg_put(buffer, before[trace->style]);
    tg_put_element_name(trace, trace->story->loss, TG_WHOLE, buffer);
    tg_put(buffer, between[trace->style]);
    tg_put_element_name(trace, node, element, buffer);
    tg_put(buffer, trace->style == TG_STYLE_TEX ? "}" : "");
}

/* ---- formulas in labels ---- */

int64_t tg_broadcast_element(tg_shape operand, tg_shape shape, int64_t e) {
    const int64_t i = e / shape.cols, j = e % shape.cols;
    return (operand.rows == 1 ? 0 : i) * operand.cols + (operand.cols == 1 ? 0 : j);
}

static int node_of(const tg_story *story, const char *label) {
    for (int i = 0; i < story->node_count; i++)
        if (strcmp(story->nodes[i].label, label) == 0) return i;
    return -1;
}

static const tg_formula *replace_name(const tg_trace *trace, const tg_formula *f, tg_shape shape, int64_t e, bool numbers) {
    const int node = node_of(trace->story, f->name);
    if (node < 0) return f;
    const tg_story_node *n = &trace->story->nodes[node];
    const int64_t element  = e < 0 ? TG_WHOLE : tg_broadcast_element(n->shape, shape, e);
    return numbers ? tg_shown_number(trace, n->value[element]) : tg_element_name(trace, node, element);
}

const tg_formula *tg_in_elements(const tg_trace *trace, const tg_formula *f, tg_shape shape, int64_t e, bool numbers) {
    const tg_formula *parts[TG_FORMULA_ARGUMENTS];
    if (f == NULL) return NULL;
    if (f->kind == TG_FORMULA_NAME) return replace_name(trace, f, shape, e, numbers);
    if (f->kind == TG_FORMULA_NUMBER && numbers) return tg_shown_number(trace, f->number);
    for (int k = 0; k < f->count; k++) {
        parts[k] = tg_in_elements(trace, f->parts[k], shape, e, numbers);
        if (parts[k] == NULL) return NULL;
    }
    return tg_formula_with(trace->story->formulas, f, parts);
}
