/* trace_matrices.c - a message between matrices as a formula: W2^T delta2, delta1 x^T, dL/do1 . (1 - o1^2). */
#include "core/util.h"
#include "explain/trace.h"

#include <string.h>

static const char *pick(const tg_trace *trace, const char *text, const char *unicode, const char *tex) {
    return trace->style == TG_STYLE_TEX ? tex : trace->style == TG_STYLE_TEXT ? text : unicode;
}

static void put_upstream(const tg_trace *trace, int from, tg_text_buffer *out) {
    const int sender = tg_sender_of(trace, from);
    if (tg_sends_one(trace, sender)) tg_put(out, "1");
    else tg_put_adjoint_name(trace, sender, TG_WHOLE, out);
}

/* It is not written, but for a product, which needs two factors. */
static bool is_seed(const tg_trace *trace, const tg_story_message *m) { return tg_sends_one(trace, m->from); }

static void put_transpose(const tg_trace *trace, tg_text_buffer *out) { tg_put(out, pick(trace, "'", "\xe1\xb5\x80", "^{\\top}")); }

static void put_gap(const tg_trace *trace, tg_text_buffer *out) { tg_put(out, pick(trace, " ", " ", "\\,")); }

/* With c = op(a) op(b): G op(b)^T to a, or op(b) G^T where a is transposed; op(a)^T G to b, or G^T op(a). In the notation of textbooks all
 * matrices, and so the order of products, are the other way round, and the roles of both operands are too. */
static void put_of_product(const tg_trace *trace, const tg_story_message *m, tg_text_buffer *out) {
    const tg_story_node *from       = &trace->story->nodes[m->from];
    const int32_t       *transposed = from->attributes;
    const bool mine = transposed[m->argument] != 0, others = transposed[1 - m->argument] != 0;
    const bool upstream_first = ((m->argument == 0) != trace->in_columns) != mine;
    const int  other = from->inputs[1 - m->argument];
    for (int place = 0; place < 2; place++) {
        if (place == 1) put_gap(trace, out);
        if ((place == 0) == upstream_first) {
            put_upstream(trace, m->from, out);
            if (mine) put_transpose(trace, out);
        } else {
            tg_put_element_name(trace, other, TG_WHOLE, out);
            if (mine == others) put_transpose(trace, out);
        }
    }
}

static void put_factor(const tg_trace *trace, const tg_formula *local, tg_text_buffer *out) {
    const bool closed = tg_formula_binding_of(local) < TG_BIND_FRACTION;
    tg_put(out, closed ? "(" : "");
    tg_formula_print(local, trace->style, out);
    tg_put(out, closed ? ")" : "");
}

/* The sum over what was broadcast is a word. */
static void put_of_elements(const tg_trace *trace, const tg_story_message *m, const tg_formula *local, tg_text_buffer *out) {
    const tg_story_node *from = &trace->story->nodes[m->from], *to = &trace->story->nodes[m->to];
    const bool           sums = tg_story_elements(to) < tg_story_elements(from);
    const bool           all  = tg_story_elements(from) == 1 || local->kind == TG_FORMULA_NUMBER;
    if (is_seed(trace, m)) {
        tg_formula_print(local, trace->style, out);
        return;
    }
    if (sums) tg_put(out, pick(trace, "sum of ", "sum of ", "\\text{sum of }"));
    put_upstream(trace, m->from, out);
    if (tg_formula_is_number(local, 1)) return;
    tg_put(out, all ? pick(trace, " * ", " \xc2\xb7 ", " \\cdot ") : pick(trace, " .* ", " \xe2\x8a\x99 ", " \\odot "));
    put_factor(trace, local, out);
}

static void put_of_others(const tg_trace *trace, const tg_story_message *m, tg_text_buffer *out) {
    if (!is_seed(trace, m)) {
        put_upstream(trace, m->from, out);
        tg_put(out, pick(trace, " * ", " \xc3\x97 ", "\\,"));
    }
    tg_put(out, pick(trace, "d", "\xe2\x88\x82", "\\frac{\\partial "));
    tg_put_element_name(trace, m->from, TG_WHOLE, out);
    tg_put(out, pick(trace, "/d", "/\xe2\x88\x82", "}{\\partial "));
    tg_put_element_name(trace, m->to, TG_WHOLE, out);
    tg_put(out, pick(trace, "", "", "}"));
}

void tg_put_message_formula(const tg_trace *trace, const tg_story_message *m, tg_text_buffer *out) {
    const tg_story_node *from  = &trace->story->nodes[m->from];
    const tg_formula    *local = m->local_formula != NULL ? tg_in_elements(trace, m->local_formula, from->shape, TG_WHOLE, false) : NULL;
    if (tg_is_product(from)) put_of_product(trace, m, out);
    else if (from->op->flags & TG_OP_VIEW) put_upstream(trace, m->from, out);
    else if (local != NULL) put_of_elements(trace, m, local, out);
    else put_of_others(trace, m, out);
}
