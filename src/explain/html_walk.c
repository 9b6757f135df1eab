/* html_walk.c - the steps backward, as JSON: each message with what comes from upstream, the local derivative, their product, the sum so far and the
 * check by a central difference. */
#include "core/util.h"
#include "explain/html.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static void put_formula(tg_page *page, const char *key, const char *tex_key, const tg_formula *f) {
    if (f == NULL) return;
    tg_putf(&page->out, ",\"%s\":", key);
    tg_page_put_formula(page, f, TG_STYLE_MATHML);
    tg_putf(&page->out, ",\"%s\":", tex_key);
    tg_page_put_formula(page, f, TG_STYLE_TEX);
}

/* ---- the check ---- */

/* Largest distance of adjoints from differences, as a part of their size. */
static void put_check(tg_page *page, const tg_page_message *m) {
    const tg_page_unit  *u = &page->units[m->to];
    const tg_story_node *n = &page->story->nodes[u->node];
    const int64_t        count = tg_page_elements(page, m->to);
    if (n->difference == NULL || tg_page_adjoints(page, m->to) == NULL || m->k < m->n) return;
    const double *difference = n->difference + (u->element >= 0 ? u->element : 0), *adjoint = tg_page_adjoints(page, m->to);
    double        distance = 0, size = 1e-6;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(difference[i]) || !isfinite(adjoint[i])) return;
        distance = fmax(distance, fabs(difference[i] - adjoint[i]));
        size     = fmax(size, fmax(fabs(difference[i]), fabs(adjoint[i])));
    }
    const bool     agrees = distance <= size * (page->story->type == TG_F64 ? 1e-6 : 1e-3);
    tg_text_buffer text[3] = { { 0 } };
    tg_put_rounded(&text[0], difference[0], 10, TG_STYLE_UNICODE);
    tg_put_rounded(&text[1], adjoint[0], 10, TG_STYLE_UNICODE);
    tg_put_rounded(&text[2], distance, 1, TG_STYLE_UNICODE);
    if (count == 1) tg_putf(&page->out, ",\"check\":[\"%s\",\"%s\",", tg_text_of(&text[0]), tg_text_of(&text[1]));
    else tg_putf(&page->out, ",\"check\":[%" PRId64 ",null,", count);
    tg_putf(&page->out, "\"%s\",%s]", tg_text_of(&text[2]), agrees ? "true" : "false");
    for (int i = 0; i < 3; i++) {
        page->out.failed = page->out.failed || text[i].failed;
        tg_text_buffer_release(&text[i]);
    }
}

/* ---- one element to one ---- */

/* o (1 - o) with numbers in the place of names, where these give something that is not a number already. */
static void put_local_numbers(tg_page *page, const tg_page_message *m, tg_shown local) {
    double            computed = 0;
    const tg_formula *f = tg_page_in_numbers(page, m->from, m->told->from, m->told->local_formula);
    if (f == NULL || f->kind == TG_FORMULA_NUMBER || (f->kind == TG_FORMULA_NEGATIVE && f->parts[0]->kind == TG_FORMULA_NUMBER)) return;
    if (tg_formula_value(f, NULL, 0, &computed) != TG_OK) {
        tg_last_error(NULL);
        return;
    }
    if (!tg_page_is_near(page, computed, local)) return;
    put_formula(page, "local_numbers", "local_numbers_tex", f);
    tg_putf(&page->out, ",\"local_relation\":\"%s\"", tg_page_relation(page, computed, local));
}

static void put_local_symbols(tg_page *page, const tg_page_message *m) {
    const tg_story_node  *from  = &page->story->nodes[m->told->from];
    const tg_story_layer *layer = (from->op->flags & TG_OP_PRODUCT) && from->layer >= 0 ? &page->story->layers[from->layer] : NULL;
    if (layer == NULL || m->told->from != layer->product) {
        put_formula(page, "local_formula", "local_tex", tg_page_in_names(page, m->from, m->told->from, m->told->local_formula));
        return;
    }
    const int64_t j = page->units[m->from].element % tg_page_node(page, m->from)->shape.cols, cols = page->story->nodes[layer->weight].shape.cols;
    int other = 0;
    if (m->told->argument == 1) other = tg_page_unit_of(page, layer->x, page->units[m->to].element / cols);
    else other = tg_page_unit_of(page, layer->weight, page->units[m->to].element % tg_page_node(page, m->to)->shape.cols * cols + j);
    put_formula(page, "local_formula", "local_tex", tg_page_name(page, other, false));
    const int edge = m->told->argument == 1 ? tg_page_edge_of(page, other, m->from, 0) : -1;
    if (edge >= 0) tg_putf(&page->out, ",\"stored\":%d", edge);      /* the wire that brought what the local derivative is */
}

static bool local_is_given(const tg_page *page, const tg_page_message *m) {
    const tg_story_node *from = &page->story->nodes[m->told->from];
    if (m->local == rint(m->local) && fabs(m->local) < 1000) return true;
    if (m->told->local_formula != NULL && m->told->local_formula->kind == TG_FORMULA_NUMBER) return true;
    if (!(from->op->flags & TG_OP_PRODUCT) || from->layer < 0) return false;
    return m->told->argument == 0 || tg_page_is_given(page, page->story->layers[from->layer].x);
}

static void put_numbers(tg_page *page, const tg_page_message *m) {
    const tg_shown upstream = tg_page_adjoint(page, m->from), local = tg_page_shown(page, m->local, local_is_given(page, m));
    const tg_shown message = tg_page_shown(page, m->message, false), before = tg_page_shown(page, m->k > 1 ? m->before : 0, m->k == 1);
    const tg_shown after   = tg_page_shown(page, m->after, false);
    const double product = upstream.number == 0 && !isfinite(local.number) ? 0 : upstream.number * local.number;
    tg_putf(&page->out, ",\"upstream\":\"%s\",\"local\":\"%s\",\"message\":\"%s\",\"relation\":\"%s\"", upstream.text, local.text, message.text,
            tg_page_relation(page, product, message));
    put_local_numbers(page, m, local);
    if (m->k > 1 || !m->is_part)
        tg_putf(&page->out, ",\"sum\":[\"%s\",\"%s\",\"%s\",\"%s\"]", before.text, message.text,
                tg_page_relation(page, before.number + message.number, after), after.text);
    else tg_putf(&page->out, ",\"part\":[%" PRId64 ",\"%s\"]", page->batch, tg_page_adjoint(page, m->to).text);
}

/* ---- matrix to matrix ---- */

/* x W, with neither of them transposed by the op. */
static bool is_product(const tg_story_node *node) {
    int32_t transposes[2];
    if (!(node->op->flags & TG_OP_PRODUCT) || node->op->attribute_size != sizeof transposes) return false;
    memcpy(transposes, node->attributes, sizeof transposes);
    return transposes[0] == 0 && transposes[1] == 0;
}

/* delta W^T, x^T delta, the sum of rows of delta; else upstream and a formula. */
static const tg_formula *product_of(tg_page *page, const tg_page_message *m, const tg_formula *upstream) {
    tg_formulas         *formulas = page->story->formulas;
    const tg_story_node *from     = &page->story->nodes[m->told->from];
    if (is_product(from)) {
        const tg_formula *other = tg_formula_one(formulas, TG_FORMULA_TRANSPOSE, tg_page_node_name(page, from->inputs[1 - m->told->argument], false));
        return m->told->argument == 0 ? tg_formula_two(formulas, TG_FORMULA_MATRIX_PRODUCT, upstream, other)
                                      : tg_formula_two(formulas, TG_FORMULA_MATRIX_PRODUCT, other, upstream);
    }
    const tg_formula *local = tg_page_in_names(page, m->from, m->told->from, m->told->local_formula);
    if (local == NULL) return NULL;
    const bool sums = page->story->nodes[m->told->to].shape.rows < from->shape.rows && tg_story_elements(from) > 1;
    const tg_formula *f = tg_formula_rewrite(formulas, tg_formula_two(formulas, TG_FORMULA_MULTIPLY, upstream, local));
    return sums ? tg_formula_call(formulas, "sum_rows", &f, 1) : f;
}

static void put_matrices(tg_page *page, const tg_page_message *m, int place) {
    const tg_story_node *from = &page->story->nodes[m->told->from], *to = &page->story->nodes[m->told->to];
    char                 heat[24];
    if (m->told->upstream == NULL) return;
    snprintf(heat, sizeof heat, "a%d", m->from);
    tg_put(&page->out, ",\"upstream\":");
    tg_page_put_matrix(page, m->told->upstream, from->shape, heat, false);
    const tg_formula *local = m->told->local_formula;
    const bool        is_number = local != NULL && local->kind == TG_FORMULA_NUMBER;
    double           *slopes    = is_product(from) || is_number ? NULL : tg_page_slopes(page, m);
    if (is_product(from)) {
        const int other = page->first[page->alias[from->inputs[1 - m->told->argument]]];
        snprintf(heat, sizeof heat, "v%d", other);
        tg_put(&page->out, ",\"local\":");
        tg_page_put_matrix(page, tg_page_values(page, other), tg_page_node(page, other)->shape, heat,
                           tg_page_is_given(page, page->units[other].node));
    } else if (is_number) tg_putf(&page->out, ",\"local\":\"%s\"", tg_page_shown(page, local->number, true).text);
    else if (slopes != NULL) {
        snprintf(heat, sizeof heat, "l%d", place);
        tg_put(&page->out, ",\"elementwise\":true,\"local\":");
        tg_page_put_matrix(page, slopes, from->shape, heat, false);
        tg_page_slopes_release(page, m, slopes);
    } else if (!isnan(m->told->local_norm))
        tg_putf(&page->out, ",\"local\":{\"jacobian\":\"%s\"}", tg_page_shown(page, m->told->local_norm, false).text);
    if (m->told->message == NULL) return;
    snprintf(heat, sizeof heat, m->n == 1 ? "a%d" : "m%d", m->n == 1 ? m->to : place);
    const tg_shape shape = m->told->after == NULL ? from->shape : to->shape;      /* into a view, in the shape of the view */
    tg_put(&page->out, ",\"message\":");
    tg_page_put_matrix(page, m->told->message, shape, heat, false);
    if (m->told->after == NULL || m->told->before == NULL) return;
    tg_putf(&page->out, ",\"norms\":[\"%s\",\"%s\",\"%s\"]", tg_page_norm(page, m->told->before, tg_story_elements(to)).text,
            tg_page_norm(page, m->told->message, shape.rows * shape.cols).text, tg_page_norm(page, m->told->after, tg_story_elements(to)).text);
}

static bool is_single(const tg_page *page, const tg_page_message *m) {
    return tg_page_elements(page, m->from) == 1 && tg_page_elements(page, m->to) == 1;
}

/* ---- a step ---- */

static const char *role_of(const tg_page *page, const tg_page_message *m) {
    const tg_story_node *from = &page->story->nodes[m->told->from], *to = &page->story->nodes[m->told->to];
    if (to->role == TG_ROLE_WEIGHT) return "weight";
    if (to->role == TG_ROLE_BIAS) return "bias";
    if (from->role == TG_ROLE_ACTIVATION && to->layer == from->layer) return "delta";
    return from->role == TG_ROLE_PRODUCT || from->role == TG_ROLE_SUM ? "input" : "op";
}

static void put_set(tg_page *page, const tg_page_message *m) {
    const char *text = NULL;
    tg_shown    shown = { .text = "" };
    if (tg_page_adjoints(page, m->from) == NULL) {
        tg_put(&page->out, ",\"set\":{}}");
        return;
    }
    if (m->k == m->n) shown = tg_page_adjoint(page, m->to);
    else if (is_single(page, m)) shown = tg_page_shown(page, m->after, false);
    else if (m->told->after != NULL) shown = tg_page_norm(page, m->told->after, tg_page_elements(page, m->to));
    text = shown.text;
    tg_putf(&page->out, ",\"set\":{\"a%d\":\"%s%s\"}}", m->to, text, m->k < m->n ? text[0] != '\0' ? " + ?" : "?" : "");
}

static void put_message(tg_page *page, int place) {
    const tg_page_message *m  = &page->messages[place];
    const tg_op           *op = page->story->nodes[m->told->from].op;
    tg_page_begin_step(page, "backward", m->to);
    tg_putf(&page->out, ",\"from\":%d,\"edge\":%d,\"k\":%d,\"n\":%d,\"role\":\"%s\",\"op\":", m->from, m->edge, m->k, m->n, role_of(page, m));
    tg_put_json(&page->out, op->name);
    if (is_single(page, m)) {
        put_local_symbols(page, m);
        if (!isnan(m->upstream) || tg_page_adjoints(page, m->from) != NULL) put_numbers(page, m);
    } else {
        const bool is_sum = tg_page_has_delta(page, m->from);
        const tg_formula *upstream = is_sum ? tg_page_name(page, m->from, true) : tg_formula_name(page->story->formulas, "g");
        put_formula(page, "product", "product_tex", product_of(page, m, upstream));
        tg_putf(&page->out, ",\"named\":%s", is_sum ? "true" : "false");
        put_matrices(page, m, place);
    }
    put_check(page, m);
    put_set(page, m);
}

static void put_seed(tg_page *page) {
    const int loss = page->first[page->alias[page->story->loss]];
    tg_page_begin_step(page, "seed", loss);
    tg_put(&page->out, ",\"set\":{");
    for (int u = loss; u < page->unit_count && page->units[u].node == page->units[loss].node && tg_page_adjoints(page, u) != NULL; u++)
        tg_putf(&page->out, "%s\"a%d\":\"%s\"", u > loss ? "," : "", u, tg_page_adjoint(page, u).text);
    tg_put(&page->out, "}}");
}

void tg_page_put_walk(tg_page *page) {
    if (page->story->has_walk) put_seed(page);
    for (int i = 0; i < page->message_count; i++) put_message(page, i);
    tg_page_begin_step(page, page->story->has_walk ? "end" : "open", -1);
    if (!isnan(page->story->worst_difference))
        tg_putf(&page->out, ",\"worst\":\"%s\"", tg_page_shown(page, page->story->worst_difference, false).text);
    tg_put(&page->out, ",\"set\":{}}");
}
