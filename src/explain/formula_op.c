/* formula_op.c - formulas of ops: of the value from the op's text, of the local derivative from what its rule records. */
#include "core/util.h"
#include "explain/formula.h"

#include <inttypes.h>
#include <string.h>
#include <tapegrad/grad.h>

enum { NAME_TEXT = 16 };

/* ---- the value ---- */

static const tg_formula *call_of(tg_formulas *formulas, const char *name, int count) {
    const tg_formula *parts[TG_FORMULA_ARGUMENTS];
    if (count > TG_FORMULA_ARGUMENTS) count = TG_FORMULA_ARGUMENTS;
    for (int k = 0; k < count; k++) {
        char operand[NAME_TEXT];
        snprintf(operand, sizeof operand, "%%%d", k);
        parts[k] = tg_formula_name(formulas, operand);
    }
    return tg_formula_call(formulas, name, parts, count);
}

static const tg_formula *with_numbers(tg_formulas *formulas, const tg_formula *f, const double *numbers, size_t count) {
    if (f == NULL || numbers == NULL || count < 1 || count > 2) return f;
    const tg_formula *first = tg_formula_number(formulas, numbers[0]), *second = count > 1 ? tg_formula_number(formulas, numbers[1]) : NULL;
    if (count == 1) return tg_formula_substitute(formulas, f, &(tg_formula_binding){ "c", first }, 1);
    return tg_formula_substitute(formulas, f, (const tg_formula_binding[]){ { "a", first }, { "b", second } }, 2);
}

/* The attributes of matmul say which of its operands is transposed. */
static const tg_formula *of_product(tg_formulas *formulas, const void *attributes) {
    const int32_t    *is_transposed = attributes;
    const tg_formula *parts[2]      = { tg_formula_name(formulas, "%0"), tg_formula_name(formulas, "%1") };
    for (int k = 0; k < 2; k++)
        if (is_transposed[k] != 0) parts[k] = tg_formula_one(formulas, TG_FORMULA_TRANSPOSE, parts[k]);
    return tg_formula_two(formulas, TG_FORMULA_MATRIX_PRODUCT, parts[0], parts[1]);
}

const tg_formula *tg_formula_of_op(tg_formulas *formulas, const tg_op *op, const void *attributes, int count) {
    if (attributes != NULL && op == tg_op_find("matmul")) return of_product(formulas, attributes);
    const tg_formula *f = NULL;
    if (op->text != NULL && tg_formula_parse(formulas, op->text, strlen(op->text), &f, NULL) == TG_OUT_OF_MEMORY) return NULL;
    if (f == NULL) return call_of(formulas, op->name, count);
    return with_numbers(formulas, f, attributes, op->attribute_size % sizeof(double) == 0 ? op->attribute_size / sizeof(double) : 0);
}

/* ---- the local derivative: the rule recorded on a tape of its own ---- */

typedef struct recording {
    tg_formulas       *formulas;
    tg_tape           *tape;
    const tg_op       *op;
    uint32_t           output;      /* nodes 1 to count are the operands */
    int                count;
    const tg_formula **made;        /* [nodes + 1] by node; NULL: not yet */
    uint32_t           nodes;
} recording;

/* Of one element, these are their operand. */
static bool passes_on(const tg_node *node) {
    return (node->op->flags & (TG_OP_BROADCAST | TG_OP_VIEW | TG_OP_CONCAT | TG_OP_ROW_SUM)) != 0 || strcmp(node->op->name, "stop") == 0 ||
           strcmp(node->op->name, "sum_to") == 0;
}

/* An op that appears in its own derivative with other attributes than numbers is not itself: f' and not f. */
static const tg_formula *value_of(recording *r, const tg_node *node) {
    const tg_formula *f = tg_formula_of_op(r->formulas, node->op, node->attributes, node->input_count);
    tg_node           whole;
    if (f == NULL || node->op != r->op || node->op->attribute_size <= 2 * sizeof(double) || f->kind != TG_FORMULA_CALL) return f;
    if (tg_node_at(r->tape, r->output, &whole) != TG_OK || memcmp(whole.attributes, node->attributes, node->op->attribute_size) == 0) return f;
    char             *name  = tg_text_format("%s'", f->name);
    const tg_formula *slope = name != NULL ? tg_formula_call(r->formulas, name, f->parts, f->count) : tg_formulas_fail(r->formulas, TG_OUT_OF_MEMORY);
    tg_text_release(name);
    return slope;
}

/* The formula of a node from those of its operands, which come earlier. */
static const tg_formula *formula_of_node(recording *r, uint32_t id) {
    char               names[TG_FORMULA_ARGUMENTS][NAME_TEXT];
    tg_formula_binding bindings[TG_FORMULA_ARGUMENTS];
    tg_node            node;
    if (tg_node_at(r->tape, id, &node) != TG_OK || node.input_count > TG_FORMULA_ARGUMENTS) return NULL;
    if (strcmp(node.op->name, "constant") == 0) return tg_formula_number(r->formulas, *(const double *)node.attributes);
    if (node.input_count == 0) return NULL;
    for (int k = 0; k < node.input_count; k++) {
        snprintf(names[k], NAME_TEXT, "%%%d", k);
        bindings[k] = (tg_formula_binding){ names[k], r->made[node.inputs[k]] };
        if (bindings[k].formula == NULL) return NULL;
    }
    if (passes_on(&node) && node.input_count == 1) return bindings[0].formula;
    return tg_formula_rewrite(r->formulas, tg_formula_substitute(r->formulas, value_of(r, &node), bindings, node.input_count));
}

static const tg_formula *name_of_node(recording *r, uint32_t id) {
    char name[NAME_TEXT];
    if (id == r->output) return tg_formula_name(r->formulas, "%y");
    snprintf(name, sizeof name, "%%%" PRIu32, id - 1);
    return tg_formula_name(r->formulas, name);
}

/* Nodes that nobody can write, such as headers of walks, stay NULL, and so does what needs them. */
static const tg_formula *write_up(recording *r, uint32_t wanted) {
    r->nodes = tg_node_count(r->tape);
    r->made  = tg_allocate((r->nodes + 1) * sizeof *r->made);
    if (r->made == NULL) return tg_formulas_fail(r->formulas, TG_OUT_OF_MEMORY);
    for (uint32_t id = 1; id <= wanted; id++)
        r->made[id] = id <= (uint32_t)r->count || id == r->output ? name_of_node(r, id) : formula_of_node(r, id);
    const tg_formula *f = r->made[wanted];
    tg_release(r->made, (r->nodes + 1) * sizeof *r->made);
    return f;
}

static const tg_formula *record_slope(recording *r, const void *attributes, int k) {
    static const double operand = 0.75;
    tg_tensor           inputs[TG_FORMULA_ARGUMENTS], slope;
    for (int i = 0; i < r->count; i++) inputs[i] = tg_scalar_input(r->tape, &operand);
    const tg_tensor y = tg_apply(r->tape, r->op, inputs, r->count, attributes);
    r->output = y.id;
    if (y.id == 0 || tg_rows(y) != 1 || tg_cols(y) != 1) return NULL;
    if (tg_gradients(y, TG_NONE, &inputs[k], 1, &slope, &(tg_gradients_options){ .allow_unused = true }) != TG_OK) return NULL;
    return write_up(r, slope.id);
}

static const tg_formula *slope_of_elements(tg_formulas *formulas, const tg_op *op, const void *attributes, int count, int k) {
    recording r = { .formulas = formulas, .tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 }), .op = op, .count = count };
    if (r.tape == NULL) return tg_formulas_fail(formulas, TG_OUT_OF_MEMORY);
    const tg_formula *slope = record_slope(&r, attributes, k);
    if (tg_tape_status(r.tape) == TG_OUT_OF_MEMORY) slope = tg_formulas_fail(formulas, TG_OUT_OF_MEMORY);
    tg_tape_free(r.tape);
    return slope;
}

/* Every element of a sum counts 1, of a mean 1 by their number. */
static const tg_formula *slope_of_sum(tg_formulas *formulas, const tg_op *op, tg_shape shape) {
    static const struct { const char *name; bool divides, by_rows, by_cols; } sums[] = {
        { "sum", false, false, false }, { "sum_rows", false, false, false }, { "sum_cols", false, false, false },
        { "mean", true, true, true }, { "mean_rows", true, true, false }, { "mean_cols", true, false, true },
    };
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
        if (strcmp(op->name, sums[i].name) != 0 || tg_op_find(op->name) != op) continue;
        const double      n   = (sums[i].by_rows ? (double)shape.rows : 1) * (sums[i].by_cols ? (double)shape.cols : 1);
        const tg_formula *one = tg_formula_number(formulas, 1);
        return sums[i].divides ? tg_formula_two(formulas, TG_FORMULA_DIVIDE, one, tg_formula_number(formulas, n)) : one;
    }
    return NULL;
}

/* What is too long to be read becomes a call. */
static const tg_formula *shortened(tg_formulas *formulas, const tg_op *op, int count, const tg_formula *slope, size_t longest) {
    tg_text_buffer text = { 0 };
    if (slope == NULL || longest == 0) return slope;
    tg_formula_print(slope, TG_STYLE_TEXT, &text);
    const bool fits = text.length <= longest, failed = text.failed;
    tg_text_buffer_release(&text);
    if (failed) return tg_formulas_fail(formulas, TG_OUT_OF_MEMORY);
    if (fits) return slope;
    char             *name = tg_text_format("%s'", op->name);
    const tg_formula *call = name != NULL ? call_of(formulas, name, count) : tg_formulas_fail(formulas, TG_OUT_OF_MEMORY);
    tg_text_release(name);
    return call;
}

const tg_formula *tg_local_formula(tg_formulas *formulas, const tg_op *op, const void *attributes, const tg_shape shapes[], int count, int k,
                                   size_t longest) {
    static const tg_shape scalar = { 1, 1, false };
    if (k < 0 || k >= count || count > TG_FORMULA_ARGUMENTS || (op->arity >= 0 && count != op->arity)) return NULL;
    if (!(op->flags & TG_OP_ELEMENTWISE)) return slope_of_sum(formulas, op, shapes != NULL ? shapes[k] : scalar);
    if (op->flags & TG_OP_STOP) return tg_formula_number(formulas, 0);
    if (op->flags & TG_OP_BROADCAST) return tg_formula_number(formulas, 1);
    if (op->vjp == NULL && op->expand == NULL) return NULL;
    return shortened(formulas, op, count, slope_of_elements(formulas, op, attributes, count, k), longest);
}
