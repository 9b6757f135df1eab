/* trace_messages.c - the backward pass of a trace: each message of the walk, cut into what single elements send each other. */
#include "core/util.h"
#include "explain/trace.h"

#include <math.h>
#include <string.h>

enum { MOST_ELEMENTS = 400, MOST_WANTED = 5000 };      /* of a node; messages where the caller asks for elements */

/* ---- which elements send which ---- */

/* What the walk has added up so far, and how many messages have come and will. */
typedef struct arrivals {
    double *sum;
    int    *k, *n;
} arrivals;

typedef struct entries {
    tg_trace *trace;
    arrivals *arrivals;      /* [nodes] */
    int       message;
    int64_t   hidden;        /* of the element that is sent to now */
    double    hidden_sum;
    bool      counts;        /* nothing is kept yet */
} entries;

static bool is_of(const tg_story_node *node, unsigned flags) { return node->kind == TG_STORY_OP && (node->op->flags & flags) != 0; }

/* A way to cut it is known: in numbers a local derivative that is written out, or one of which the structure is. */
static bool can_be_cut(const tg_story *story, const tg_story_message *m) {
    const tg_story_node *from = &story->nodes[m->from], *to = &story->nodes[m->to];
    if (tg_is_product(from) || is_of(from, TG_OP_VIEW) || m->local != NULL) return true;
    if (is_of(from, TG_OP_ELEMENTWISE)) return m->upstream == NULL || m->local_formula != NULL;
    return m->upstream == NULL && tg_story_elements(from) * tg_story_elements(to) <= TG_STORY_SHOWN * TG_STORY_SHOWN;
}

static bool can_all_be_cut(const tg_story *story) {
    for (int i = 0; i < story->node_count; i++)
        if (tg_story_elements(&story->nodes[i]) > MOST_ELEMENTS) return false;
    for (int i = 0; i < story->message_count; i++)
        if (!can_be_cut(story, &story->messages[i])) return false;
    return true;
}

/* Element e of a product is a sum in which element f of one operand is multiplied once at most. */
static bool in_product(const tg_trace *trace, const tg_story_message *m, int64_t e, int64_t f, int64_t *other) {
    const tg_story_node *from = &trace->story->nodes[m->from];
    for (int64_t k = 0; k < tg_inner_size(trace, from); k++) {
        int64_t factors[2];
        tg_factors_of(trace, from, e, k, &factors[0], &factors[1]);
        *other = factors[1 - m->argument];
        if (factors[m->argument] == f) return true;
    }
    return false;
}

static bool is_sent(const tg_trace *trace, const tg_story_message *m, int64_t e, int64_t f, int64_t *other) {
    const tg_story_node *from = &trace->story->nodes[m->from], *to = &trace->story->nodes[m->to];
    if (tg_is_product(from)) return in_product(trace, m, e, f, other);
    if (is_of(from, TG_OP_VIEW)) return f == e + ((const tg_view_attributes *)from->attributes)->offset;
    if (is_of(from, TG_OP_ELEMENTWISE)) return tg_broadcast_element(to->shape, from->shape, e) == f;
    return m->local == NULL || tg_story_elements(from) == 1 || m->local[e * tg_story_elements(to) + f] != 0;
}

/* ---- one message between two elements ---- */

static double slope_by_formula(const tg_trace *trace, const tg_story_message *m, int64_t e) {
    const tg_story           *story = trace->story;
    const tg_story_node      *from  = &story->nodes[m->from];
    tg_formula_number_binding names[TG_STORY_OPERANDS + 1];
    int                       count = 0;
    double                    slope;
    for (int k = 0; k < from->input_count; k++) {
        if (from->inputs[k] < 0) continue;
        const tg_story_node *operand = &story->nodes[from->inputs[k]];
        names[count++] = (tg_formula_number_binding){ operand->label, operand->value[tg_broadcast_element(operand->shape, from->shape, e)] };
    }
    names[count++] = (tg_formula_number_binding){ from->label, from->value[e] };
    if (tg_formula_value(m->local_formula, names, count, &slope) == TG_OK) return slope;
    tg_last_error(NULL);
    return (double)NAN;
}

static double slope_of(const tg_trace *trace, const tg_story_message *m, int64_t e, int64_t f, int64_t other) {
    const tg_story_node *from = &trace->story->nodes[m->from], *to = &trace->story->nodes[m->to];
    if (m->upstream == NULL) return (double)NAN;
    if (tg_is_product(from)) return trace->story->nodes[from->inputs[1 - m->argument]].value[other];
    if (is_of(from, TG_OP_VIEW)) return 1;
    if (m->local != NULL) return m->local[e * tg_story_elements(to) + f];
    return slope_by_formula(trace, m, e);
}

/* 2 (y - t) / n, which no rule of elements says. */
static const tg_formula *local_of_squares(const tg_trace *trace, const tg_story_message *m, int64_t f) {
    const tg_story_node *from = &trace->story->nodes[m->from], *to = &trace->story->nodes[m->to];
    tg_formulas         *formulas = trace->story->formulas;
    const tg_formula    *a = tg_element_name(trace, from->inputs[m->argument], f), *b = tg_element_name(trace, from->inputs[1 - m->argument], f);
    const tg_formula    *difference = tg_formula_two(formulas, TG_FORMULA_SUBTRACT, a, b);
    const tg_formula    *twice = tg_formula_two(formulas, TG_FORMULA_MULTIPLY, tg_formula_number(formulas, 2), difference);
    const double         count = (double)tg_story_elements(to);
    return tg_formula_rewrite(formulas, count == 1 ? twice : tg_formula_two(formulas, TG_FORMULA_DIVIDE, twice, tg_formula_number(formulas, count)));
}

static bool has_label(const tg_story *story, const char *label) {
    for (int i = 0; i < story->node_count; i++)
        if (strcmp(story->nodes[i].label, label) == 0) return true;
    return false;
}

/* (p - 1) / n where the label is, p / n elsewhere; p is the softmax, of which the page says so. */
static const tg_formula *local_of_cross_entropy(tg_trace *trace, const tg_story_message *m, int64_t f) {
    const tg_story_node *from = &trace->story->nodes[m->from], *to = &trace->story->nodes[m->to], *labels = &trace->story->nodes[from->inputs[1]];
    tg_formulas         *formulas = trace->story->formulas;
    if (m->argument != 0 || labels->integers == NULL || has_label(trace->story, "p") || (trace->logits >= 0 && trace->logits != m->to)) return NULL;
    const bool        is_label = labels->integers[f / to->shape.cols] == f % to->shape.cols;
    const tg_formula *p = tg_element_named(trace, m->to, f, "p");
    if (is_label) p = tg_formula_two(formulas, TG_FORMULA_SUBTRACT, p, tg_formula_number(formulas, 1));
    trace->logits = m->to;
    return to->shape.rows == 1 ? p : tg_formula_two(formulas, TG_FORMULA_DIVIDE, p, tg_formula_number(formulas, (double)to->shape.rows));
}

bool tg_put_softmax(const tg_trace *trace, tg_text_buffer *out) {
    const bool tex = trace->style == TG_STYLE_TEX;
    if (trace->logits < 0) return false;
    tg_put(out, tex ? "p = \\operatorname{softmax}\\left(" : "p = softmax(");
    tg_put_element_name(trace, trace->logits, TG_WHOLE, out);
    tg_put(out, tex ? "\\right)" : ")");
    return true;
}

static const tg_formula *local_of(tg_trace *trace, const tg_story_message *m, int64_t e, int64_t f, int64_t other) {
    const tg_story_node *from = &trace->story->nodes[m->from];
    if (tg_is_product(from)) return tg_element_name(trace, from->inputs[1 - m->argument], other);
    if (is_of(from, TG_OP_VIEW)) return tg_formula_number(trace->story->formulas, 1);
    if (from->op == tg_op_find("mse_loss")) return local_of_squares(trace, m, f);
    if (from->op == tg_op_find("cross_entropy")) return local_of_cross_entropy(trace, m, f);
    return m->local_formula != NULL ? tg_in_elements(trace, m->local_formula, from->shape, e, false) : NULL;
}

/* The last sum is what the walk has, whatever the order in which it added. */
static double sum_of(const tg_trace *trace, int to, int64_t f, const arrivals *a, double message) {
    const double *adjoint = trace->story->nodes[to].adjoint;
    return a->k[f] == a->n[f] && adjoint != NULL ? adjoint[f] : a->k[f] == 1 ? message : a->sum[f] + message;
}

static void keep(entries *s, const tg_story_message *m, tg_trace_message sent) {
    arrivals *a = &s->arrivals[m->to];
    const int64_t f = sent.to_element;
    a->k[f] += (int)(sent.hidden > 0 ? sent.hidden : 1);
    sent.message = s->message;
    sent.from    = tg_sender_of(s->trace, m->from);
    sent.to      = m->to;
    sent.k       = a->k[f];
    sent.n       = a->n[f];
    sent.before  = a->k[f] > (sent.hidden > 0 ? (int)sent.hidden : 1) ? a->sum[f] : (double)NAN;
    sent.after   = a->sum[f] = m->upstream != NULL ? sum_of(s->trace, m->to, f, a, sent.sum) : (double)NAN;
    s->trace->messages[s->trace->message_count++] = sent;
}

static void add_entry(entries *s, const tg_story_message *m, int64_t e, int64_t f, int64_t other) {
    tg_trace_message sent = { .from_element = e, .to_element = f };
    if (s->counts) {
        s->arrivals[m->to].n[f]++;
        s->trace->message_count += tg_is_shown(s->trace, m->from, e) || s->hidden++ == 0;
        return;
    }
    sent.slope    = slope_of(s->trace, m, e, f, other);
    sent.upstream = m->upstream != NULL ? m->upstream[e] : (double)NAN;
    sent.sum      = sent.upstream * sent.slope;
    if (!tg_is_shown(s->trace, m->from, e)) {
        s->hidden++;
        s->hidden_sum += sent.sum;
        return;
    }
    sent.local = local_of(s->trace, m, e, f, other);
    keep(s, m, sent);
}

/* Row by row, as matrices are shown. */
static int64_t in_shown_order(const tg_trace *trace, const tg_story_node *node, int64_t q) {
    return trace->in_columns ? q % node->shape.rows * node->shape.cols + q / node->shape.rows : q;
}

/* Element by element of `to`: messages that meet stand together. */
static void cut(entries *s, const tg_story_message *m) {
    const tg_story_node *from = &s->trace->story->nodes[m->from], *to = &s->trace->story->nodes[m->to];
    for (int64_t q = 0; q < tg_story_elements(to); q++) {
        const int64_t f = in_shown_order(s->trace, to, q);
        if (!tg_is_shown(s->trace, m->to, f)) continue;
        s->hidden = 0, s->hidden_sum = 0;
        for (int64_t e = 0; e < tg_story_elements(from); e++) {
            int64_t other = 0;
            if (is_sent(s->trace, m, e, f, &other)) add_entry(s, m, e, f, other);
        }
        if (s->hidden > 0 && !s->counts)
            keep(s, m, (tg_trace_message){ .from_element = TG_WHOLE, .to_element = f, .upstream = (double)NAN, .slope = (double)NAN,
                                           .sum = s->hidden_sum, .hidden = s->hidden });
    }
}

/* What a sum sends to the product within its layer. */
static bool is_told(const tg_trace *trace, const tg_story_message *m) { return !tg_is_hidden(trace, m->to); }

static void cut_all(entries *s, bool counts) {
    tg_trace *trace = s->trace;
    s->counts       = counts;
    trace->message_count = 0;
    for (int i = 0; i < trace->story->message_count; i++) {
        s->message = i;
        if (is_told(trace, &trace->story->messages[i])) cut(s, &trace->story->messages[i]);
    }
}

static tg_status make_arrivals(entries *s) {
    tg_story *story = s->trace->story;
    s->arrivals     = tg_story_room(story, (size_t)story->node_count * sizeof *s->arrivals);
    if (s->arrivals == NULL) return TG_OUT_OF_MEMORY;
    for (int i = 0; i < story->node_count; i++) {
        arrivals    *a     = &s->arrivals[i];
        const size_t count = (size_t)tg_story_elements(&story->nodes[i]);
        if (story->nodes[i].messages == 0) continue;
        a->sum = tg_story_room(story, count * sizeof *a->sum);
        a->k   = tg_story_room(story, count * sizeof *a->k);
        a->n   = tg_story_room(story, count * sizeof *a->n);
        if (a->sum == NULL || a->k == NULL || a->n == NULL) return TG_OUT_OF_MEMORY;
    }
    return TG_OK;
}

tg_status tg_trace_messages(tg_trace *trace) {
    entries s = { .trace = trace };
    const int most = trace->options->view == TG_VIEW_NEURONS ? MOST_WANTED : TG_TRACE_MOST;
    trace->by_element = can_all_be_cut(trace->story);
    if (!trace->by_element) return TG_OK;
    if (make_arrivals(&s) != TG_OK) return TG_OUT_OF_MEMORY;
    cut_all(&s, true);
    trace->by_element = trace->message_count <= most;
    if (!trace->by_element) return TG_OK;
    trace->messages = tg_story_room(trace->story, (size_t)trace->message_count * sizeof *trace->messages);
    if (trace->messages == NULL) return TG_OUT_OF_MEMORY;
    cut_all(&s, false);
    const bool failed = tg_formulas_status(trace->story->formulas) == TG_OUT_OF_MEMORY;
    return failed ? tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for formulas") : TG_OK;
}
