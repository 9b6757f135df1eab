/* trace_values.c - the forward pass of a trace: what each element is made of, in names and in numbers. */
#include "core/util.h"
#include "explain/trace.h"

#include <math.h>
#include <string.h>

enum { MOST_TERMS = 6 };      /* of a sum that is written out; of products of a layer see below */

/* One element of one operand, as a name or as a number. */
static const tg_formula *term(const tg_trace *trace, int node, int64_t element, bool numbers) {
    return numbers ? tg_shown_number(trace, trace->story->nodes[node].value[element]) : tg_element_name(trace, node, element);
}

/* A negative number is subtracted. */
static const tg_formula *added(const tg_trace *trace, const tg_formula *sum, const tg_formula *more) {
    tg_formulas *formulas = trace->story->formulas;
    if (sum != NULL && more != NULL && more->kind == TG_FORMULA_NUMBER && tg_formula_is_negative(more)) {
        const tg_formula *less = more->digits > 0 ? tg_formula_rounded(formulas, -more->number, more->digits)
                                                  : tg_formula_number(formulas, -more->number);
        return tg_formula_two(formulas, TG_FORMULA_SUBTRACT, sum, less);
    }
    return sum != NULL ? tg_formula_two(formulas, TG_FORMULA_ADD, sum, more) : more;
}

/* ---- products ---- */

/* Attributes of matmul: whether each operand is transposed. */
int64_t tg_inner_size(const tg_trace *trace, const tg_story_node *product) {
    const int32_t *transposed = product->attributes;
    const tg_shape a          = trace->story->nodes[product->inputs[0]].shape;
    return transposed[0] != 0 ? a.rows : a.cols;
}

/* Which elements of its operands are multiplied in place k of the sum that is element e. */
void tg_factors_of(const tg_trace *trace, const tg_story_node *product, int64_t e, int64_t k, int64_t *a, int64_t *b) {
    const int32_t *transposed = product->attributes;
    const tg_shape as = trace->story->nodes[product->inputs[0]].shape, bs = trace->story->nodes[product->inputs[1]].shape;
    const int64_t  i = e / product->shape.cols, j = e % product->shape.cols;
    *a = transposed[0] != 0 ? k * as.cols + i : i * as.cols + k;
    *b = transposed[1] != 0 ? j * bs.cols + k : k * bs.cols + j;
}

/* In the notation of textbooks the weight stands first. */
static const tg_formula *sum_of_products(const tg_trace *trace, const tg_story_node *product, int64_t e, bool numbers) {
    const tg_formula *sum = NULL;
    for (int64_t k = 0; k < tg_inner_size(trace, product); k++) {
        int64_t a, b;
        tg_factors_of(trace, product, e, k, &a, &b);
        const tg_formula *first = term(trace, product->inputs[0], a, numbers), *second = term(trace, product->inputs[1], b, numbers);
        const bool        turned = trace->in_columns;
        sum = added(trace, sum, tg_formula_two(trace->story->formulas, TG_FORMULA_MULTIPLY, turned ? second : first, turned ? first : second));
    }
    return sum;
}

/* W1[2,:] x, or x W1[:,2]. */
static const tg_formula *row_times_column(const tg_trace *trace, const tg_story_node *product, int64_t e) {
    enum { LONGEST = 160 };
    const int64_t j = e % product->shape.cols + 1;
    char          text[LONGEST];
    const tg_formula *x = tg_element_name(trace, product->inputs[0], TG_WHOLE), *w;
    const tg_formula *whole = tg_element_name(trace, product->inputs[1], TG_WHOLE);
    if (x == NULL || whole == NULL) return NULL;
    snprintf(text, sizeof text, trace->in_columns ? "%.100s[%lld,:]" : "%.100s[:,%lld]", trace->story->nodes[product->inputs[1]].label, (long long)j);
    w = tg_formula_name(trace->story->formulas, text);
    return tg_formula_two(trace->story->formulas, TG_FORMULA_MATRIX_PRODUCT, trace->in_columns ? w : x, trace->in_columns ? x : w);
}

bool tg_is_product(const tg_story_node *node) { return node->kind == TG_STORY_OP && node->op == tg_op_find("matmul"); }

static const tg_formula *of_product(const tg_trace *trace, const tg_story_node *product, int64_t e, bool numbers) {
    const int64_t size = tg_inner_size(trace, product);
    const bool    tex  = trace->style == TG_STYLE_TEX;
    if (!numbers && product->role != TG_ROLE_NONE && size > (tex ? 4 : 2)) return row_times_column(trace, product, e);
    return size <= (numbers && !tex ? 8 : MOST_TERMS) ? sum_of_products(trace, product, e, numbers) : NULL;
}

static const tg_formula *of_layer(const tg_trace *trace, const tg_story_node *sum, int64_t e, bool numbers) {
    const tg_story_layer *layer = &trace->story->layers[sum->layer];
    const tg_story_node  *bias  = &trace->story->nodes[layer->bias];
    const tg_formula     *product = of_product(trace, &trace->story->nodes[layer->product], e, numbers);
    return product != NULL ? added(trace, product, term(trace, layer->bias, tg_broadcast_element(bias->shape, sum->shape, e), numbers)) : NULL;
}

/* ---- sums and means of what is elementwise ---- */

static bool is_elementwise(const tg_formula *f) {
    if (f->kind == TG_FORMULA_MATRIX_PRODUCT || f->kind == TG_FORMULA_TRANSPOSE) return false;
    if (f->kind == TG_FORMULA_CALL) {
        const tg_op *op = tg_op_find(f->name);
        if (op != NULL ? (op->flags & TG_OP_ELEMENTWISE) == 0 || op->arity != f->count : !tg_is_function(f->name)) return false;
    }
    for (int k = 0; k < f->count; k++)
        if (!is_elementwise(f->parts[k])) return false;
    return true;
}

/* The formula is sum(...) or mean(...) of all operands, of one size. */
static bool is_reduction(const tg_trace *trace, const tg_story_node *node) {
    const tg_formula *f = node->formula;
    if (f == NULL || f->kind != TG_FORMULA_CALL || f->count != 1 || (strcmp(f->name, "sum") != 0 && strcmp(f->name, "mean") != 0)) return false;
    if (node->input_count == 0 || node->inputs[0] < 0) return false;
    const tg_shape shape = trace->story->nodes[node->inputs[0]].shape;
    for (int k = 1; k < node->input_count; k++) {
        if (node->inputs[k] < 0) return false;
        const tg_shape other = trace->story->nodes[node->inputs[k]].shape;
        if (other.rows != shape.rows || other.cols != shape.cols) return false;
    }
    return shape.rows * shape.cols <= MOST_TERMS && is_elementwise(f->parts[0]);
}

/* Elements of other examples than the one that is shown have no names. */
static bool hides_rows(const tg_trace *trace, const tg_story_node *node) { return trace->example >= 0 && trace->is_batched[node->inputs[0]]; }

static const tg_formula *of_reduction(const tg_trace *trace, const tg_story_node *node, bool numbers) {
    const tg_shape    shape = trace->story->nodes[node->inputs[0]].shape;
    const int64_t     count = shape.rows * shape.cols;
    const tg_formula *sum   = NULL;
    for (int64_t e = 0; e < count; e++) sum = added(trace, sum, tg_in_elements(trace, node->formula->parts[0], shape, e, numbers));
    if (strcmp(node->formula->name, "mean") != 0 || count <= 1) return sum;
    return tg_formula_two(trace->story->formulas, TG_FORMULA_DIVIDE, sum, tg_formula_number(trace->story->formulas, (double)count));
}

/* ---- each element ---- */

/* A long formula of one operand is called by its op's name. */
static const tg_formula *of_elements(const tg_trace *trace, const tg_story_node *node, int64_t e, bool numbers) {
    enum { LONG = 16 };
    if (node->input_count != 1 || node->op->attribute_size > 0 || node->op->text == NULL || strlen(node->op->text) <= LONG)
        return tg_in_elements(trace, node->formula, node->shape, e, numbers);
    const int64_t     operand  = e < 0 ? e : tg_broadcast_element(trace->story->nodes[node->inputs[0]].shape, node->shape, e);
    const tg_formula *argument = numbers ? term(trace, node->inputs[0], operand, true) : tg_element_name(trace, node->inputs[0], operand);
    return argument != NULL ? tg_formula_call(trace->story->formulas, node->op->name, &argument, 1) : NULL;
}

static const tg_formula *of_view(const tg_trace *trace, const tg_story_node *node, int64_t e, bool numbers) {
    const tg_view_attributes *view = node->attributes;
    return term(trace, node->inputs[0], view->offset + e, numbers);
}

static const tg_formula *formula_of(const tg_trace *trace, int i, int64_t e, bool numbers) {
    const tg_story_node *node = &trace->story->nodes[i];
    if (node->role == TG_ROLE_SUM && trace->story->layers[node->layer].bias >= 0) return of_layer(trace, node, e, numbers);
    if (tg_is_product(node)) return of_product(trace, node, e, numbers);
    if (is_reduction(trace, node) && (numbers || !hides_rows(trace, node))) return of_reduction(trace, node, numbers);
    if (node->op->flags & TG_OP_VIEW) return of_view(trace, node, e, numbers);
    if (node->op->flags & TG_OP_ELEMENTWISE) return of_elements(trace, node, e, numbers);
    return numbers ? NULL : tg_in_elements(trace, node->formula, node->shape, TG_WHOLE, false);
}

/* op(a) op(b), or the other way round where all matrices are. */
static const tg_formula *product_of_matrices(const tg_trace *trace, const tg_story_node *product) {
    const int32_t    *transposed = product->attributes;
    const tg_formula *sides[2];
    for (int k = 0; k < 2; k++) {
        sides[k] = tg_element_name(trace, product->inputs[k], TG_WHOLE);
        if (transposed[k] != 0) sides[k] = tg_formula_one(trace->story->formulas, TG_FORMULA_TRANSPOSE, sides[k]);
    }
    return tg_formula_two(trace->story->formulas, TG_FORMULA_MATRIX_PRODUCT, sides[trace->in_columns], sides[!trace->in_columns]);
}

const tg_formula *tg_matrix_formula(const tg_trace *trace, int node) {
    const tg_story_node *n = &trace->story->nodes[node];
    if (n->kind != TG_STORY_OP) return NULL;
    if (n->role == TG_ROLE_SUM && trace->story->layers[n->layer].bias >= 0) {
        const tg_story_layer *layer = &trace->story->layers[n->layer];
        return added(trace, product_of_matrices(trace, &trace->story->nodes[layer->product]), tg_element_name(trace, layer->bias, TG_WHOLE));
    }
    if (tg_is_product(n)) return product_of_matrices(trace, n);
    if (n->op->flags & TG_OP_ELEMENTWISE) return of_elements(trace, n, TG_WHOLE, false);
    return tg_in_elements(trace, n->formula, n->shape, TG_WHOLE, false);
}

/* A formula that cannot be evaluated is shown in names alone. */
static tg_status add_value(tg_trace *trace, int i, int64_t e) {
    const tg_story_node *node  = &trace->story->nodes[i];
    tg_trace_value      *value = &trace->values[trace->value_count++];
    *value = (tg_trace_value){ .node = i, .element = e };
    if (node->kind != TG_STORY_OP || node->input_count > TG_STORY_OPERANDS) return TG_OK;
    value->operation = formula_of(trace, i, e, false);
    if (node->value == NULL || node->shape.integer) return TG_OK;
    value->worked = formula_of(trace, i, e, true);
    double computed = 0;
    if (value->worked == NULL) return TG_OK;
    const tg_status status = tg_formula_value(value->worked, NULL, 0, &computed);
    if (status == TG_OK) value->is_equal = tg_agrees(trace, computed, node->value[e]);
    else value->worked = NULL, tg_last_error(NULL);
    return status == TG_OUT_OF_MEMORY ? tg_fail_thread(status, "tg_explain: no memory for a formula") : TG_OK;
}

/* A leaf is one entry, an operation one an element. */
static bool is_entry(const tg_trace *trace, int i, int64_t e) {
    if (tg_is_hidden(trace, i)) return false;
    return trace->story->nodes[i].kind == TG_STORY_OP ? tg_is_shown(trace, i, e) : e == 0;
}

tg_status tg_trace_values(tg_trace *trace) {
    const tg_story *story = trace->story;
    int             count = 0;
    for (int i = 0; i < story->node_count; i++)
        for (int64_t e = 0; e < tg_story_elements(&story->nodes[i]); e++) count += is_entry(trace, i, e);
    trace->values    = tg_story_room(trace->story, (size_t)count * sizeof *trace->values);
    tg_status status = trace->values != NULL ? TG_OK : TG_OUT_OF_MEMORY;
    for (int i = 0; i < story->node_count && status == TG_OK; i++)
        for (int64_t e = 0; e < tg_story_elements(&story->nodes[i]) && status == TG_OK; e++)
            if (is_entry(trace, i, e)) status = add_value(trace, i, e);
    return tg_formulas_status(story->formulas) == TG_OUT_OF_MEMORY ? tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for formulas") : status;
}
