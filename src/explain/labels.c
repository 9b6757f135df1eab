/* labels.c - what nodes are called in pictures, and the local derivatives as formulas in these names. */
#include "core/util.h"
#include "explain/story.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <tapegrad/op.h>

/* ---- names of nodes ---- */

static const char *write_label(tg_story *story, const char *letters, int64_t number) {
    enum { LONGEST = 64 };
    char *label = tg_story_room(story, LONGEST);
    if (label == NULL) return NULL;
    if (number > 0) snprintf(label, LONGEST, "%s%" PRId64, letters, number);
    else snprintf(label, LONGEST, "%s", letters);
    return label;
}

/* The last part of a name that the program gave; a letter must begin it, and nothing that a formula would read as a sign may be in it. */
static const char *last_part(const char *name) {
    const char *slash = strrchr(name, '/'), *last = slash != NULL ? slash + 1 : name;
    const bool  fits  = strlen(last) > 0 && strlen(last) < 24 && strspn(last, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == strlen(last);
    static const char *const words[] = { "pi", "infinity", "nan", "at" };      /* of formulas */
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(last, words[i]) == 0) return NULL;
    return fits && (last[0] < '0' || last[0] > '9') ? last : NULL;
}

/* W1, b1, S1 = x W1 + b1 and o1 in the first layer; the name that was given; v7. */
static const char *label_of(tg_story *story, int i) {
    static const char *const letters[] = { [TG_ROLE_WEIGHT] = "W", [TG_ROLE_BIAS] = "b", [TG_ROLE_PRODUCT] = "P", [TG_ROLE_SUM] = "S",
                                           [TG_ROLE_ACTIVATION] = "o" };
    const tg_story_node *node = &story->nodes[i];
    if (node->role != TG_ROLE_NONE) return write_label(story, letters[node->role], node->layer + 1);
    if (last_part(node->name) != NULL) return write_label(story, last_part(node->name), 0);
    if (i == story->loss) return write_label(story, "L", 0);
    if (story->layer_count > 0 && i == story->layers[0].x && node->kind == TG_STORY_INPUT) return write_label(story, "x", 0);
    return write_label(story, "v", node->id);
}

/* Two nodes of one name would be one in a formula: the later one is called by its number. */
static void make_unique(tg_story *story, int i) {
    for (int j = 0; j < i; j++)
        if (strcmp(story->nodes[j].label, story->nodes[i].label) == 0) {
            story->nodes[i].label = write_label(story, "v", story->nodes[i].id);
            return;
        }
}

tg_status tg_story_add_labels(tg_story *story) {
    for (int i = 0; i < story->node_count; i++) {
        story->nodes[i].label = label_of(story, i);
        if (story->nodes[i].label != NULL) make_unique(story, i);
        if (story->nodes[i].label == NULL) return TG_OUT_OF_MEMORY;
    }
    return TG_OK;
}

/* ---- formulas ---- */

static const char *keep_text(tg_story *story, const tg_formula *f, tg_formula_style style) {
    tg_text_buffer buffer = { 0 };
    tg_formula_print(f, style, &buffer);
    char *text = !buffer.failed ? tg_story_room(story, buffer.length + 1) : NULL;
    if (text != NULL) memcpy(text, tg_text_of(&buffer), buffer.length + 1);
    else if (buffer.failed) tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for a formula");
    tg_text_buffer_release(&buffer);
    return text;
}

/* f in the labels of the node and of its operands. */
static const tg_formula *in_labels(tg_story *story, const tg_story_node *node, const tg_formula *f) {
    tg_formula_binding bindings[TG_STORY_OPERANDS + 1];
    char               names[TG_STORY_OPERANDS][16];
    int                count = 0;
    for (int k = 0; k < node->input_count; k++) {
        if (node->inputs[k] < 0) continue;
        snprintf(names[k], sizeof names[k], "%%%d", k);
        bindings[count++] = (tg_formula_binding){ names[k], tg_formula_name(story->formulas, story->nodes[node->inputs[k]].label) };
    }
    bindings[count++] = (tg_formula_binding){ "%y", tg_formula_name(story->formulas, node->label) };
    return tg_formula_substitute(story->formulas, f, bindings, count);
}

static tg_status check_formulas(const tg_story *story) {
    const tg_status status = tg_formulas_status(story->formulas);
    return status == TG_OUT_OF_MEMORY ? tg_fail_thread(status, "tg_explain: no memory for formulas") : TG_OK;
}

const tg_formula *tg_story_local_formula(tg_story *story, const tg_story_node *from, int argument) {
    tg_shape shapes[TG_STORY_OPERANDS];
    if (from->kind != TG_STORY_OP || from->input_count > TG_STORY_OPERANDS) return NULL;
    for (int k = 0; k < from->input_count; k++) shapes[k] = from->inputs[k] >= 0 ? story->nodes[from->inputs[k]].shape : (tg_shape){ 0, 0, false };
    const tg_formula *f = tg_local_formula(story->formulas, from->op, from->attributes, shapes, from->input_count, argument, TG_LOCAL_LONGEST);
    return f != NULL ? in_labels(story, from, f) : NULL;
}

static tg_status add_local_formula(tg_story *story, tg_story_message *m) {
    m->local_formula = tg_story_local_formula(story, &story->nodes[m->from], m->argument);
    if (m->local_formula == NULL) return check_formulas(story);
    m->local_text = keep_text(story, m->local_formula, TG_STYLE_TEXT);
    m->local_tex  = keep_text(story, m->local_formula, TG_STYLE_TEX);
    return m->local_text != NULL && m->local_tex != NULL ? TG_OK : TG_OUT_OF_MEMORY;
}

tg_status tg_story_add_formulas(tg_story *story) {
    tg_status status = TG_OK;
    story->formulas  = tg_formulas_new();
    if (story->formulas == NULL) return TG_OUT_OF_MEMORY;
    for (int i = 0; i < story->node_count && status == TG_OK; i++) {
        tg_story_node *node = &story->nodes[i];
        if (node->kind != TG_STORY_OP || node->input_count > TG_STORY_OPERANDS) continue;
        const tg_formula *f = tg_formula_of_op(story->formulas, node->op, node->attributes, node->input_count);
        node->formula       = f != NULL ? in_labels(story, node, f) : NULL;
        if (node->formula == NULL) status = check_formulas(story);
    }
    for (int i = 0; i < story->message_count && status == TG_OK; i++) status = add_local_formula(story, &story->messages[i]);
    return status;
}
