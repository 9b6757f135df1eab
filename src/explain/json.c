/* json.c - a story as JSON, by docs/explain.schema.json. Written by hand: numbers are the shortest that read back as the same, in any locale. */
#include "core/util.h"
#include "explain/printers.h"
#include "explain/trace.h"
#include "explain/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { MOST_ELEMENTS = 256 };      /* of a matrix that is written out */

typedef struct page {
    tg_trace       trace;          /* for formulas in the names of nodes */
    tg_text_buffer out;
} page;

/* ---- values ---- */

static void put_string(page *p, const char *text) {
    char code[8];
    tg_put(&p->out, "\"");
    for (size_t count = 0; *text != '\0'; text += count > 0 ? count : 1) {
        count = tg_utf8_character(text);
        snprintf(code, sizeof code, "\\u%04x", (unsigned)(unsigned char)*text);
        if (count == 0) tg_put(&p->out, "\xef\xbf\xbd");      /* what stands for bytes that are no character */
        else if (count > 1) tg_put_bytes(&p->out, text, count);
        else if (*text == '"' || *text == '\\') tg_put(&p->out, "\\"), tg_put_bytes(&p->out, text, 1);
        else if ((unsigned char)*text < 0x20 || *text == 0x7f || *text == '<') tg_put(&p->out, code);      /* < so that no </script> is in it */
        else tg_put_bytes(&p->out, text, 1);
    }
    tg_put(&p->out, "\"");
}

/* NULL is null. */
static void put_text(page *p, const char *text) {
    if (text != NULL) put_string(p, text);
    else tg_put(&p->out, "null");
}

static void put_integer(page *p, int64_t number) {
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, number);
    tg_put(&p->out, text);
}

/* JSON has no word for what is not finite. */
static void put_real(page *p, double number) {
    if (isnan(number)) tg_put(&p->out, "\"NaN\"");
    else if (isinf(number)) tg_put(&p->out, number > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    else tg_put_number(&p->out, number, TG_STYLE_TEXT);
}

static void put_key(page *p, const char *key) {
    tg_put(&p->out, ", \"");
    tg_put(&p->out, key);
    tg_put(&p->out, "\": ");
}

/* The id of a node on the tape, or null. */
static void put_id(page *p, int node) {
    if (node >= 0) put_integer(p, p->trace.story->nodes[node].id);
    else tg_put(&p->out, "null");
}

static void put_elements(page *p, const double *elements, int64_t count) {
    if (count > MOST_ELEMENTS) {
        tg_put(&p->out, "null");
        return;
    }
    tg_put(&p->out, "[");
    for (int64_t i = 0; i < count; i++) {
        if (i > 0) tg_put(&p->out, ", ");
        put_real(p, elements[i]);
    }
    tg_put(&p->out, "]");
}

static void put_matrix(page *p, const double *elements, tg_shape shape) {
    const int64_t count = shape.rows * shape.cols;
    double        least = (double)NAN, most = (double)NAN;
    if (elements == NULL) {
        tg_put(&p->out, "null");
        return;
    }
    if (count > 0) tg_range_of(elements, count, &least, &most);
    tg_put(&p->out, "{\"rows\": "), put_integer(p, shape.rows);
    put_key(p, "cols"), put_integer(p, shape.cols);
    put_key(p, "norm"), put_real(p, tg_norm_of(elements, count));
    put_key(p, "min"), put_real(p, least);
    put_key(p, "max"), put_real(p, most);
    put_key(p, "elements"), put_elements(p, elements, count);
    tg_put(&p->out, "}");
}

static void put_formula(page *p, const tg_formula *f) {
    if (f == NULL) {
        tg_put(&p->out, "null");
        return;
    }
    tg_text_buffer text = { 0 };
    tg_formula_print(f, TG_STYLE_TEXT, &text);
    tg_put(&p->out, "{\"text\": "), put_string(p, tg_text_of(&text));
    p->out.failed = p->out.failed || text.failed;
    tg_text_buffer_release(&text);
    tg_formula_print(f, TG_STYLE_TEX, &text);
    put_key(p, "tex"), put_string(p, tg_text_of(&text));
    tg_put(&p->out, "}");
    p->out.failed = p->out.failed || text.failed;
    tg_text_buffer_release(&text);
}

/* ---- nodes ---- */

static void put_inputs(page *p, const tg_story_node *node) {
    tg_put(&p->out, "[");
    for (int k = 0; k < node->input_count; k++) {
        if (k > 0) tg_put(&p->out, ", ");
        put_id(p, node->inputs[k]);
    }
    tg_put(&p->out, "]");
}

static void put_node(page *p, const tg_story_node *node) {
    static const char *const kinds[] = { "input", "constant", "parameter", "op" };
    static const char *const roles[] = { NULL, "weight", "bias", "product", "sum", "activation" };
    tg_put(&p->out, "{\"id\": "), put_integer(p, node->id);
    put_key(p, "label"), put_string(p, node->label);
    put_key(p, "name"), put_string(p, node->name);
    put_key(p, "scope"), put_string(p, node->scope);
    put_key(p, "kind"), put_string(p, kinds[node->kind]);
    put_key(p, "op"), put_string(p, node->op->name);
    put_key(p, "inputs"), put_inputs(p, node);
    put_key(p, "rows"), put_integer(p, node->shape.rows);
    put_key(p, "cols"), put_integer(p, node->shape.cols);
    put_key(p, "integer"), tg_put(&p->out, node->shape.integer ? "true" : "false");
    put_key(p, "in_place_of"), put_id(p, node->expanded);
    put_key(p, "role"), put_text(p, roles[node->role]);
    put_key(p, "layer");
    if (node->layer >= 0) put_integer(p, node->layer);
    else tg_put(&p->out, "null");
    put_key(p, "formula"), put_formula(p, node->formula);
    put_key(p, "messages"), put_integer(p, node->messages);
    put_key(p, "value"), put_matrix(p, node->value, node->shape);
    put_key(p, "adjoint"), put_matrix(p, node->adjoint, node->shape);
    put_key(p, "difference"), put_matrix(p, node->difference, node->shape);
    tg_put(&p->out, "}");
}

/* ---- layers and messages ---- */

static void put_layer(page *p, const tg_story_layer *layer) {
    tg_put(&p->out, "{\"name\": "), put_string(p, layer->name);
    put_key(p, "x"), put_id(p, layer->x);
    put_key(p, "weight"), put_id(p, layer->weight);
    put_key(p, "bias"), put_id(p, layer->bias);
    put_key(p, "product"), put_id(p, layer->product);
    put_key(p, "sum"), put_id(p, layer->sum);
    put_key(p, "activation"), put_id(p, layer->activation);
    tg_put(&p->out, "}");
}

static void put_local(page *p, const tg_story_message *m) {
    const tg_story *story = p->trace.story;
    const tg_shape  shape = { tg_story_elements(&story->nodes[m->from]), tg_story_elements(&story->nodes[m->to]), false };
    tg_put(&p->out, "{\"formula\": "), put_formula(p, m->local_formula);
    put_key(p, "norm");
    if (m->upstream != NULL && !isnan(m->local_norm)) put_real(p, m->local_norm);
    else tg_put(&p->out, "null");
    put_key(p, "jacobian"), put_matrix(p, m->local, shape);
    tg_put(&p->out, "}");
}

static void put_message(page *p, const tg_story_message *m) {
    const tg_story_node *from = &p->trace.story->nodes[m->from], *to = &p->trace.story->nodes[m->to];
    const tg_shape       sent = (from->op->flags & TG_OP_VIEW) != 0 ? from->shape : to->shape;
    tg_put(&p->out, "{\"from\": "), put_id(p, m->from);
    put_key(p, "argument"), put_integer(p, m->argument);
    put_key(p, "to"), put_id(p, m->to);
    put_key(p, "k"), put_integer(p, m->k);
    put_key(p, "n"), put_integer(p, m->n);
    put_key(p, "upstream"), put_matrix(p, m->upstream, from->shape);
    put_key(p, "local"), put_local(p, m);
    put_key(p, "message"), put_matrix(p, m->message, sent);
    put_key(p, "before"), put_matrix(p, m->before, to->shape);
    put_key(p, "after"), put_matrix(p, m->after, to->shape);
    tg_put(&p->out, "}");
}

/* ---- the page ---- */

static void put_head(page *p) {
    const tg_story *story = p->trace.story;
    const bool      values = !p->trace.options->no_values;
    tg_put(&p->out, "{\n\"format\": \"tapegrad explain\",\n\"version\": 1,\n\"title\": "), put_text(p, p->trace.options->title);
    tg_put(&p->out, ",\n\"type\": "), put_text(p, !values ? NULL : story->type == TG_F32 ? "f32" : "f64");
    tg_put(&p->out, ",\n\"loss\": "), put_id(p, story->loss);
    tg_put(&p->out, ",\n\"has_values\": "), tg_put(&p->out, values ? "true" : "false");
    tg_put(&p->out, ",\n\"has_gradient\": "), tg_put(&p->out, story->has_walk ? "true" : "false");
    tg_put(&p->out, ",\n\"worst_difference\": ");
    if (isnan(story->worst_difference)) tg_put(&p->out, "null");
    else put_real(p, story->worst_difference);
}

/* One entry a line. */
static void put_page(page *p) {
    const tg_story *story = p->trace.story;
    put_head(p);
    tg_put(&p->out, ",\n\"nodes\": [");
    for (int i = 0; i < story->node_count; i++) tg_put(&p->out, i > 0 ? ",\n  " : "\n  "), put_node(p, &story->nodes[i]);
    tg_put(&p->out, "\n],\n\"layers\": [");
    for (int i = 0; i < story->layer_count; i++) tg_put(&p->out, i > 0 ? ",\n  " : "\n  "), put_layer(p, &story->layers[i]);
    tg_put(&p->out, "\n],\n\"messages\": [");
    for (int i = 0; i < story->message_count; i++) tg_put(&p->out, i > 0 ? ",\n  " : "\n  "), put_message(p, &story->messages[i]);
    tg_put(&p->out, "\n]\n}\n");
}

tg_status tg_print_json(tg_tensor loss, FILE *out, const tg_explain_options *options) {
    tg_story           story;
    page               p         = { .out = { 0 } };
    tg_explain_options by_layers = *options;
    by_layers.view               = TG_VIEW_LAYERS;
    tg_status status             = tg_story_new(&story, loss, !options->no_values);
    if (status == TG_OK) status = tg_trace_new(&p.trace, &story, &by_layers, TG_STYLE_TEXT);
    if (status == TG_OK) {
        put_page(&p);
        if (p.out.failed) status = tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for the page");
        else fwrite(tg_text_of(&p.out), 1, p.out.length, out);
    }
    tg_text_buffer_release(&p.out);
    tg_story_free(&story);
    return status;
}
