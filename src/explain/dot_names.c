/* dot_names.c - what is called how in a picture: matrices by capitals, their elements by small letters with indices, layers by raised digits. */
#include "core/util.h"
#include "explain/dot.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- names ---- */

typedef struct name {
    char  *text;      /* [TG_DOT_NAME] */
    size_t length;
} name;

static void add(name *n, const char *text) {
    for (; *text != '\0' && n->length + 1 < TG_DOT_NAME; text++) n->text[n->length++] = *text;
    n->text[n->length] = '\0';
}

static void add_number(name *n, int64_t number) {
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRId64, number);
    add(n, digits);
}

static void add_raised(name *n, int number) {
    static const char *const raised[] = { "\xe2\x81\xb0", "\xc2\xb9", "\xc2\xb2", "\xc2\xb3", "\xe2\x81\xb4",
                                          "\xe2\x81\xb5", "\xe2\x81\xb6", "\xe2\x81\xb7", "\xe2\x81\xb8", "\xe2\x81\xb9" };
    char digits[16];
    snprintf(digits, sizeof digits, "%d", number);
    for (const char *c = digits; *c != '\0'; c++) add(n, raised[(*c - '0') % 10]);
}

static void add_lowered(name *n, char digit) { add(n, (const char[]){ '\xe2', '\x82', (char)(0x80 + digit - '0'), '\0' }); }

/* Letters, and the number of the layer above the line. Element: of one. */
static void add_letters(const tg_drawing *d, name *n, const tg_story_node *node, bool element) {
    static const char *const matrices[] = { "", "W", "b", "P", "{Sigma}", "o" }, *const elements[] = { "", "w", "b", "p", "{Sigma}", "o" };
    char                     letters[32];
    tg_dot_expand(d, element && !d->options->ascii ? elements[node->role] : matrices[node->role], letters, sizeof letters);
    add(n, letters);
    if (d->options->ascii) add_number(n, node->layer + 1);
    else add_raised(n, node->layer + 1);
}

/* The label, digits at its end below the line. Returns whether there are any. */
static bool add_label(const tg_drawing *d, name *n, const char *label) {
    const tg_name_parts parts = tg_name_parts_of(label);
    for (size_t i = 0; i < parts.letter_count; i++) add(n, (const char[]){ label[i], '\0' });
    for (size_t i = 0; i < parts.digit_count; i++) {
        if (d->options->ascii) add(n, (const char[]){ parts.digits[i], '\0' });
        else add_lowered(n, parts.digits[i]);
    }
    return parts.digit_count > 0;
}

/* Textbooks count the weight from unit i to unit j as w_ji; in memory W is [in, out]. */
static void add_index(const tg_drawing *d, name *n, const tg_story_node *node, int64_t e, bool in_brackets) {
    const int64_t row = e / node->shape.cols + 1, col = e % node->shape.cols + 1;
    const bool    is_turned = node->role == TG_ROLE_WEIGHT && !d->is_rows;
    const int64_t pair[2] = { is_turned ? col : row, is_turned ? row : col };
    int64_t       shown[2], count = 0;
    const bool    of_layer = node->role != TG_ROLE_NONE && node->role != TG_ROLE_WEIGHT;
    for (int k = 0; k < 2; k++) {
        const int64_t extent = k == (is_turned ? 1 : 0) ? node->shape.rows : node->shape.cols;
        const bool    is_example = k == 0 && d->batch > 1 && node->shape.rows == d->batch && node->role != TG_ROLE_WEIGHT;
        if (node->role == TG_ROLE_WEIGHT || (of_layer && k == 1) || (extent > 1 && !is_example)) shown[count++] = pair[k];
    }
    if (count == 0) return;
    const bool lowered = !d->options->ascii && !in_brackets && node->shape.rows <= 9 && node->shape.cols <= 9;
    if (!lowered) add(n, "[");
    for (int64_t k = 0; k < count; k++) {
        if (lowered) add_lowered(n, (char)('0' + shown[k]));
        else {
            if (k > 0) add(n, ",");
            add_number(n, shown[k]);
        }
    }
    if (!lowered) add(n, "]");
}

const char *tg_dot_matrix_name(const tg_drawing *d, int i, char out[TG_DOT_NAME]) {
    const tg_story_node *node = &d->story->nodes[i];
    name                 n    = { .text = out };
    if (node->role != TG_ROLE_NONE) add_letters(d, &n, node, false);
    else add_label(d, &n, node->label);
    return out;
}

const char *tg_dot_element_name(const tg_drawing *d, int i, int64_t e, char out[TG_DOT_NAME]) {
    const tg_story_node *node      = &d->story->nodes[i];
    name                 n         = { .text = out };
    bool                 in_digits = false;
    if (node->role != TG_ROLE_NONE) add_letters(d, &n, node, true);
    else in_digits = add_label(d, &n, node->label);
    add_index(d, &n, node, e, in_digits);
    return out;
}

const char *tg_dot_delta_name(const tg_drawing *d, int i, int64_t e, char out[TG_DOT_NAME]) {
    const tg_story_node *node = &d->story->nodes[i];
    name                 n    = { .text = out };
    char                 letter[16];
    tg_dot_expand(d, "{delta}", letter, sizeof letter);
    add(&n, letter);
    if (d->options->ascii) add_number(&n, node->layer + 1);
    else add_raised(&n, node->layer + 1);
    if (e >= 0) add_index(d, &n, node, e, false);
    return out;
}

const char *tg_dot_loss_name(const tg_drawing *d, char out[TG_DOT_NAME]) { return tg_dot_matrix_name(d, d->story->loss, out); }

const char *tg_dot_activation_name(const tg_drawing *d, const tg_story_node *node) {
    return strcmp(node->op->name, "sigmoid") == 0 && !d->options->ascii ? "\xcf\x83" : node->op->name;
}

/* ---- formulas ---- */

const tg_formula *tg_dot_close_bases(tg_formulas *formulas, const tg_formula *f) {
    const tg_formula *parts[TG_FORMULA_ARGUMENTS] = { NULL };
    char              closed[TG_DOT_NAME + 2];
    if (f == NULL || f->count == 0 || f->count > TG_FORMULA_ARGUMENTS) return f;
    for (int k = 0; k < f->count; k++) parts[k] = tg_dot_close_bases(formulas, f->parts[k]);
    if (f->kind == TG_FORMULA_POWER && parts[0] != NULL && parts[0]->kind == TG_FORMULA_NAME) {
        snprintf(closed, sizeof closed, "(%s)", parts[0]->name);
        parts[0] = tg_formula_name(formulas, closed);
    }
    for (int k = 0; k < f->count; k++)
        if (parts[k] == NULL) return NULL;
    return tg_formula_with(formulas, f, parts);
}

typedef struct naming {
    tg_formula_binding bindings[2 * (TG_STORY_OPERANDS + 1)];
    char               labels[TG_STORY_OPERANDS + 1][TG_DOT_NAME], names[2 * (TG_STORY_OPERANDS + 1)][TG_DOT_NAME];
    int                count;
} naming;

static void bind(tg_drawing *d, naming *n, int i, int64_t e) {
    const tg_story_node *node = &d->story->nodes[i];
    char                *open = n->names[n->count], *closed = n->names[n->count + 1], *label = n->labels[n->count / 2];
    const bool           is_raised = node->role != TG_ROLE_NONE && !d->options->ascii;
    if (e < 0) tg_dot_matrix_name(d, i, open);
    else tg_dot_element_name(d, i, e, open);
    snprintf(closed, TG_DOT_NAME, is_raised ? "(%.120s)" : "%s", open);
    snprintf(label, TG_DOT_NAME, "(%.120s)", node->label);
    n->bindings[n->count++] = (tg_formula_binding){ node->label, tg_formula_name(d->story->formulas, open) };
    n->bindings[n->count++] = (tg_formula_binding){ label, tg_formula_name(d->story->formulas, closed) };
}

void tg_dot_put_formula(tg_drawing *d, int i, const tg_formula *formula, int64_t e) {
    const tg_story_node *node = &d->story->nodes[i];
    naming               n;
    tg_text_buffer       b = { 0 };
    n.count = 0;
    for (int k = 0; k < node->input_count && k < TG_STORY_OPERANDS; k++)
        if (node->inputs[k] >= 0) bind(d, &n, node->inputs[k], e < 0 ? e : tg_dot_broadcast(&d->story->nodes[node->inputs[k]], node, e));
    bind(d, &n, i, e);
    const tg_formula *closed = tg_dot_close_bases(d->story->formulas, formula);
    const tg_formula *named  = closed != NULL ? tg_formula_substitute(d->story->formulas, closed, n.bindings, n.count) : NULL;
    if (named != NULL) tg_formula_print(named, d->options->ascii ? TG_STYLE_TEXT : TG_STYLE_UNICODE, &b);
    if (b.failed || (named == NULL && tg_formulas_status(d->story->formulas) == TG_OUT_OF_MEMORY)) tg_dot_fail(d, TG_OUT_OF_MEMORY);
    else if (named == NULL) tg_dot_put(d, "{dots}");      /* too large */
    else tg_dot_escape(d, tg_text_of(&b), 80);
    tg_text_buffer_release(&b);
}
