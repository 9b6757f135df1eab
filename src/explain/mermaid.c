/* mermaid.c - a story as a flowchart that renders in a README: a box a matrix, a frame a layer, solid links forward with the local derivative, dotted
 * links back with the message. Parameters that only their layer reads stand in the box of its sum. */
#include "explain/mermaid.h"
#include "core/util.h"
#include "explain/printers.h"
#include "explain/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_ELEMENTS = 6, MOST_NODES = 100 };      /* that are written out; that a reader, and Mermaid, can take */

/* ---- text in labels ---- */

/* What is no letter, digit or harmless sign becomes a number code, which Mermaid turns back. */
void tg_put_chart_text(const char *text, tg_text_buffer *out) {
    static const char harmless[] = " _./:+-,=()";
    for (const char *c = text; *c != '\0'; c++) {
        const unsigned char byte  = (unsigned char)*c;
        const size_t        count = tg_utf8_character(c);
        const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
                           strchr(harmless, byte) != NULL;
        char       code[8];
        snprintf(code, sizeof code, "#%d;", byte);
        if (count != 1) {
            tg_put_bytes(out, count > 0 ? c : "?", count > 0 ? count : 1);
            c += count > 0 ? count - 1 : 0;
        } else if (byte < 0x20 || byte == 0x7f) tg_put(out, " ");
        else if (plain) tg_put_bytes(out, c, 1);
        else tg_put(out, code);
    }
}

/* What put writes, as text of a label. */
void tg_take_chart_text(tg_chart *chart, tg_text_buffer *text) {
    tg_put_chart_text(tg_text_of(text), &chart->out);
    chart->out.failed = chart->out.failed || text->failed;
    tg_text_buffer_release(text);
}

/* ---- which nodes are boxes ---- */

static int reader_count(const tg_story *story, int node) {
    int count = 0;
    for (int i = node + 1; i < story->node_count; i++)
        for (int k = 0; k < story->nodes[i].input_count; k++) count += story->nodes[i].inputs[k] == node;
    return count;
}

static bool is_folded(const tg_story *story, int node) {
    const tg_story_node *n = &story->nodes[node];
    return n->kind == TG_STORY_PARAMETER && n->layer >= 0 && reader_count(story, node) == 1;
}

static tg_status choose_boxes(tg_chart *chart) {
    const tg_story *story = chart->trace.story;
    chart->is_box         = tg_story_room(chart->trace.story, (size_t)story->node_count * sizeof *chart->is_box);
    if (chart->is_box == NULL) return TG_OUT_OF_MEMORY;
    int boxes = 0;
    for (int i = 0; i < story->node_count; i++) {
        if (tg_is_hidden(&chart->trace, i) || is_folded(story, i)) continue;
        chart->is_box[i] = boxes++ < MOST_NODES || i == story->loss;
        chart->left_out += !chart->is_box[i];
    }
    return TG_OK;
}

/* ---- boxes ---- */

static void put_matrix(tg_chart *chart, int node, const double *elements) {
    tg_text_buffer text = { 0 };
    if (elements != NULL) tg_put_matrix(&chart->trace, node, elements, &text);
    else tg_put(&text, tg_ascii_or(&chart->trace, ".", "\xc2\xb7"));
    tg_take_chart_text(chart, &text);
}

static void put_shape(tg_chart *chart, int node) {
    const tg_shape shape = tg_shown_shape(&chart->trace, node);
    char           text[64];
    snprintf(text, sizeof text, " %" PRId64 "%s%" PRId64, shape.rows, tg_ascii_or(&chart->trace, "x", "\xc3\x97"), shape.cols);
    if (shape.rows * shape.cols != 1) tg_put(&chart->out, text);
}

static void put_heading(tg_chart *chart, int node) {
    const tg_story_node *n    = &chart->trace.story->nodes[node];
    const tg_formula    *f    = tg_matrix_formula(&chart->trace, node);
    tg_text_buffer       text = { 0 };
    tg_put_element_name(&chart->trace, node, TG_WHOLE, &text);
    if (f != NULL) tg_put(&text, " = "), tg_formula_print(f, chart->trace.style, &text);
    else if (n->kind == TG_STORY_OP) tg_put(&text, " = "), tg_put(&text, n->op->name);
    tg_put(&chart->out, "<b>");
    tg_take_chart_text(chart, &text);
    tg_put(&chart->out, "</b>");
    put_shape(chart, node);
    if (n->kind == TG_STORY_OP || n->name[0] == '\0' || strcmp(n->name, n->label) == 0) return;
    tg_put(&chart->out, "<br/>");
    tg_put_chart_text(n->name, &chart->out);
}

static bool has_adjoint_line(const tg_story *story, int node) {
    const tg_story_node *n = &story->nodes[node];
    if (n->shape.integer || n->kind == TG_STORY_CONSTANT) return false;
    return story->has_walk ? n->messages > 0 || node == story->loss : true;
}

/* dL/dx 0.0375, or, of one element in which messages meet, 0.5 + 5 = 5.5. */
static void put_adjoint(tg_chart *chart, int node) {
    const tg_story *story = chart->trace.story;
    tg_text_buffer  text  = { 0 };
    double          sum   = 0;
    tg_put(&chart->out, "<br/>");
    tg_put_adjoint_name(&chart->trace, node, TG_WHOLE, &text);
    tg_put(&text, " ");
    tg_take_chart_text(chart, &text);
    if (tg_story_elements(&story->nodes[node]) != 1 || story->nodes[node].messages < 2 || story->nodes[node].adjoint == NULL) {
        put_matrix(chart, node, story->nodes[node].adjoint);
        return;
    }
    for (int i = 0; i < story->message_count; i++) {
        const tg_story_message *m = &story->messages[i];
        if (m->to != node || m->message == NULL) continue;
        const bool closed = m->k > 1 && signbit(m->message[0]) && !isnan(m->message[0]);
        tg_put(&text, m->k > 1 ? " + " : "");
        tg_put(&text, closed ? "(" : "");
        tg_put_shown(&chart->trace, m->message[0], &text);
        tg_put(&text, closed ? ")" : "");
        sum += tg_printed_value(&chart->trace, m->message[0]);
    }
    tg_put(&text, " ");
    tg_put(&text, tg_equals_sign(&chart->trace, tg_agrees(&chart->trace, sum, story->nodes[node].adjoint[0])));
    tg_put(&text, " ");
    tg_put_shown(&chart->trace, story->nodes[node].adjoint[0], &text);
    tg_take_chart_text(chart, &text);
}

static void put_numbers(tg_chart *chart, int node) {
    if (chart->trace.options->no_values) return;
    tg_put(&chart->out, "<br/>value ");
    put_matrix(chart, node, chart->trace.story->nodes[node].value);
    if (has_adjoint_line(chart->trace.story, node)) put_adjoint(chart, node);
}

/* W1 and b1 in the box of their sum. */
static void put_parameters(tg_chart *chart, int node) {
    const tg_story      *story = chart->trace.story;
    const tg_story_node *n     = &story->nodes[node];
    if (n->role != TG_ROLE_SUM || chart->trace.options->no_values) return;
    const int parameters[] = { story->layers[n->layer].weight, story->layers[n->layer].bias };
    for (int k = 0; k < 2; k++) {
        if (parameters[k] < 0 || !is_folded(story, parameters[k])) continue;
        tg_text_buffer name = { 0 };
        tg_put(&chart->out, "<br/>");
        tg_put_element_name(&chart->trace, parameters[k], TG_WHOLE, &name);
        tg_put(&name, " ");
        tg_take_chart_text(chart, &name);
        put_matrix(chart, parameters[k], story->nodes[parameters[k]].value);
        if (has_adjoint_line(story, parameters[k])) put_adjoint(chart, parameters[k]);
    }
}

static bool all_finite(const double *elements, int64_t count) {
    for (int64_t i = 0; elements != NULL && i < count; i++)
        if (!isfinite(elements[i])) return false;
    return true;
}

/* A value or an adjoint that is not finite is drawn red and thick. */
static bool is_alarming(const tg_story *story, int node) {
    const tg_story_node  *n     = &story->nodes[node];
    const tg_story_layer *layer = n->role == TG_ROLE_SUM ? &story->layers[n->layer] : NULL;
    if (!all_finite(n->value, tg_story_elements(n)) || !all_finite(n->adjoint, tg_story_elements(n))) return true;
    return layer != NULL && (is_alarming(story, layer->weight) || (layer->bias >= 0 && is_alarming(story, layer->bias)));
}

static const char *class_of(const tg_story *story, int node) {
    static const char *const classes[] = { "input", "constant", "parameter", "op" };
    const tg_story_role      role      = story->nodes[node].role;
    if (is_alarming(story, node)) return "alarm";
    if (node == story->loss) return "loss";
    return role == TG_ROLE_SUM ? "sum" : role == TG_ROLE_ACTIVATION ? "activation" : classes[story->nodes[node].kind];
}

static void put_box(tg_chart *chart, int node, const char *indent) {
    const tg_story *story = chart->trace.story;
    char            id[32];
    snprintf(id, sizeof id, "%sv%" PRIu32, indent, story->nodes[node].id);
    tg_put(&chart->out, id);
    tg_put(&chart->out, node == story->loss ? "([\"" : "[\"");
    put_heading(chart, node);
    put_numbers(chart, node);
    put_parameters(chart, node);
    tg_put(&chart->out, node == story->loss ? "\"]):::" : "\"]:::");
    tg_put(&chart->out, class_of(story, node));
    chart->is_alarmed = chart->is_alarmed || is_alarming(story, node);
    tg_put(&chart->out, "\n");
}

static void put_layer(tg_chart *chart, int layer) {
    const tg_story *story = chart->trace.story;
    char            title[64];
    snprintf(title, sizeof title, "  subgraph L%d[\"layer %d", layer + 1, layer + 1);
    tg_put(&chart->out, title);
    if (story->layers[layer].name[0] != '\0') {
        tg_put(&chart->out, ": ");
        tg_put_chart_text(story->layers[layer].name, &chart->out);
    }
    tg_put(&chart->out, "\"]\n");
    for (int i = 0; i < story->node_count; i++)
        if (chart->is_box[i] && story->nodes[i].layer == layer && i != story->loss) put_box(chart, i, "    ");
    tg_put(&chart->out, "  end\n");
}

static void put_boxes(tg_chart *chart) {
    const tg_story *story = chart->trace.story;
    char            note[96];
    for (int i = 0; i < story->node_count; i++)
        if (chart->is_box[i] && (story->nodes[i].layer < 0 || i == story->loss)) put_box(chart, i, "  ");
    for (int layer = 0; layer < story->layer_count; layer++) put_layer(chart, layer);
    snprintf(note, sizeof note, "  left_out[\"%d nodes are left out\"]:::constant\n", chart->left_out);
    if (chart->left_out > 0) tg_put(&chart->out, note);
}

/* ---- the page ---- */

/* As a string of YAML. */
static void put_title(tg_chart *chart, const char *title) {
    tg_put(&chart->out, "---\ntitle: \"");
    for (const char *c = title; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') tg_put(&chart->out, "\\");
        if ((unsigned char)*c < 0x20 || *c == 0x7f) tg_put(&chart->out, " ");
        else tg_put_bytes(&chart->out, c, 1);
    }
    tg_put(&chart->out, "\"\n---\n");
}

typedef struct palette {
    const char *input, *constant, *parameter, *op, *sum, *activation, *loss, *line, *text, *forward, *backward;
} palette;

static const palette palettes[] = {
    [TG_THEME_LIGHT] = { "#DCEFFB", "#ECECEC", "#FBF6CF", "#FFFFFF", "#FFFFFF", "#D9F2E8", "#F6E3EE", "#1A1A1A", "#1A1A1A", "#00568A", "#A34400" },
    [TG_THEME_DARK]  = { "#12324A", "#2C3138", "#3E3A12", "#1D232A", "#1D232A", "#153B2C", "#43203A", "#C9D1D9", "#F0F3F6", "#7CC7F5", "#FFB570" },
    [TG_THEME_PRINT] = { "#FFFFFF", "#FFFFFF", "#FFFFFF", "#FFFFFF", "#FFFFFF", "#FFFFFF", "#FFFFFF", "#000000", "#000000", "#000000", "#000000" },
};

static void put_class(tg_chart *chart, const char *name, const char *fill, const palette *p, const char *more) {
    char text[160];
    snprintf(text, sizeof text, "  classDef %s fill:%s,stroke:%s,color:%s%s\n", name, fill, p->line, p->text, more);
    tg_put(&chart->out, text);
}

static void put_link_style(tg_chart *chart, const char *color, int first, int count) {
    char text[64];
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof text, "%s%d", i == 0 ? "  linkStyle " : ",", first + i);
        tg_put(&chart->out, text);
    }
    snprintf(text, sizeof text, " stroke:%s,stroke-width:2px,color:%s\n", color, color);
    if (count > 0) tg_put(&chart->out, text);
}

/* Thick borders for sums and the loss, so that no colour is the only signal. */
static void put_styles(tg_chart *chart) {
    const tg_theme theme = chart->trace.options->theme;
    const palette *p     = &palettes[theme == TG_THEME_DARK || theme == TG_THEME_PRINT ? theme : TG_THEME_LIGHT];
    put_class(chart, "input", p->input, p, "");
    put_class(chart, "constant", p->constant, p, ",stroke-dasharray:3 3");
    put_class(chart, "parameter", p->parameter, p, "");
    put_class(chart, "op", p->op, p, "");
    put_class(chart, "sum", p->sum, p, ",stroke-width:2px");
    put_class(chart, "activation", p->activation, p, "");
    put_class(chart, "loss", p->loss, p, ",stroke-width:3px");
    if (chart->is_alarmed) tg_put(&chart->out, "  classDef alarm fill:#FFFFFF,stroke:#B00020,color:#B00020,stroke-width:4px\n");
    put_link_style(chart, p->forward, 0, chart->forward_count);
    put_link_style(chart, p->backward, chart->forward_count, chart->backward_count);
}

static tg_status put_chart(tg_chart *chart) {
    const tg_status status = choose_boxes(chart);
    if (status != TG_OK) return status;
    chart->trace.most_shown = MOST_ELEMENTS;
    if (chart->trace.options->title != NULL) put_title(chart, chart->trace.options->title);
    tg_put(&chart->out, "flowchart TB\n");
    put_boxes(chart);
    tg_put_links(chart);
    put_styles(chart);
    return chart->out.failed ? tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for the page") : TG_OK;
}

tg_status tg_print_mermaid(tg_tensor loss, FILE *out, const tg_explain_options *options) {
    tg_story           story;
    tg_chart           chart   = { .left_out = 0 };
    tg_explain_options by_layers = *options;
    by_layers.view               = TG_VIEW_LAYERS;
    tg_status status             = tg_story_new(&story, loss, !options->no_values);
    if (status == TG_OK) status = tg_trace_new(&chart.trace, &story, &by_layers, options->ascii ? TG_STYLE_TEXT : TG_STYLE_UNICODE);
    if (status == TG_OK) status = put_chart(&chart);
    if (status == TG_OK) fwrite(tg_text_of(&chart.out), 1, chart.out.length, out);
    tg_text_buffer_release(&chart.out);
    tg_story_free(&story);
    return status;
}
