/* text.c - a story for the terminal: the forward primal trace and the reverse adjoint trace, as in Baydin et al. 2018, and what comes of them. */
#include "explain/text.h"
#include "core/util.h"
#include "explain/printers.h"
#include "explain/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 110, LEAST_COLUMNS = 80 };

#define BOLD  "\x1b[1m"
#define PLAIN "\x1b[0m"

const char *tg_forward_color(const tg_text_page *page) { return page->trace.options->color ? "\x1b[34m" : NULL; }
const char *tg_backward_color(const tg_text_page *page) { return page->trace.options->color ? "\x1b[33m" : NULL; }
const char *tg_alarm_color(const tg_text_page *page) { return page->trace.options->color ? "\x1b[1;31m" : NULL; }

static bool in_ascii(const tg_text_page *page) { return page->trace.style == TG_STYLE_TEXT; }

void tg_put_heading(tg_text_page *page, const char *heading, const char *remark) {
    const bool color = page->trace.options->color;
    tg_put(&page->out, page->out.length > 0 ? "\n" : "");
    tg_put(&page->out, color ? BOLD : "");
    tg_put(&page->out, heading);
    tg_put(&page->out, color ? PLAIN : "");
    tg_put_folded(remark, 2, page->width - (int)strlen(heading), &page->out);
}

void tg_put_reverse_heading(tg_text_page *page) {
    const tg_story *story = page->trace.story;
    char            remark[128];
    uint32_t        last  = story->nodes[story->loss].id;
    for (int i = 0; i < story->message_count; i++)
        if (story->nodes[story->messages[i].to].id < last) last = story->nodes[story->messages[i].to].id;
    snprintf(remark, sizeof remark, " (read top to bottom; it walks the tape from v%" PRIu32 " back to v%" PRIu32 ")",
             story->nodes[story->loss].id, last);
    tg_put_heading(page, "REVERSE ADJOINT TRACE", story->has_walk ? remark : ": no gradient has been recorded yet");
}

/* ---- names that programs gave ---- */

/* Control characters as in C, so that a name stays in its line and no terminal obeys it. */
void tg_put_user_text(const char *text, tg_text_buffer *out) {
    for (size_t count = 0; *text != '\0'; text += count > 0 ? count : 1) {
        const unsigned char byte = (unsigned char)*text;
        const bool          is_control = byte < 0x20 || byte == 0x7f || (byte == 0xc2 && (unsigned char)text[1] < 0xa0);
        char                code[8];
        snprintf(code, sizeof code, "\\x%02x", byte);
        count = tg_utf8_character(text);
        if (byte == '\n') tg_put(out, "\\n");
        else if (count == 0 || (is_control && count == 1)) tg_put(out, code);
        else if (is_control) tg_put(out, "?");
        else tg_put_bytes(out, text, count);
    }
}

/* ---- nodes ---- */

void tg_put_node_cell(const tg_text_page *page, int node, tg_table *table) {
    char id[16];
    snprintf(id, sizeof id, "v%" PRIu32, page->trace.story->nodes[node].id);
    tg_put_cell(table, id);
}

static bool is_label(const tg_story_node *node) { return node->name[0] == '\0' || strcmp(node->name, node->label) == 0; }

void tg_put_leaf_name(const char *kind, const tg_story_node *node, tg_text_buffer *out) {
    tg_put(out, kind);
    if (is_label(node)) return;
    tg_put(out, " ");
    tg_put_user_text(node->name, out);
}

void tg_put_leaf(const tg_text_page *page, int node, tg_text_buffer *out) {
    static const char *const kinds[] = { "input", "constant", "parameter", "drawn" };
    const tg_story_node     *n       = &page->trace.story->nodes[node];
    char                     shape[64];
    tg_put_leaf_name(kinds[n->kind], n, out);
    const tg_shape shown = tg_shown_shape(&page->trace, node);
    if (shown.rows * shown.cols == 1) return;
    snprintf(shape, sizeof shape, " [%" PRId64 ",%" PRId64 "]", shown.rows, shown.cols);
    tg_put(out, shape);
}

/* ---- gradients ---- */

static bool has_gradient_line(const tg_story *story, int node) {
    const tg_story_node *n = &story->nodes[node];
    if (n->role == TG_ROLE_SUM) return true;
    if (n->kind == TG_STORY_OP || n->kind == TG_STORY_CONSTANT || n->shape.integer || n->expanded >= 0) return false;
    return !story->has_walk || n->messages > 0;
}

static void put_gradient(tg_text_page *page, int node, tg_table *table) {
    const tg_story_node *n = &page->trace.story->nodes[node];
    tg_put_adjoint_name(&page->trace, node, TG_WHOLE, &table->text);
    tg_end_cell(table);
    tg_put(&table->text, n->adjoint == NULL || tg_is_written_out(&page->trace, node) ? "= " : "");
    if (n->adjoint != NULL) tg_put_matrix(&page->trace, node, n->adjoint, &table->text);
    else tg_put(&table->text, in_ascii(page) ? "." : "\xc2\xb7");
    tg_end_cell(table);
}

/* Deltas from the last layer to the first, and the gradients of leaves. */
static void put_gradients(tg_text_page *page) {
    const tg_story *story = page->trace.story;
    const tg_table_column columns[] = { { .heading = NULL }, { .heading = NULL, .color = tg_backward_color(page) } };
    tg_table              table     = { .columns = columns, .column_count = 2, .alarm = tg_alarm_color(page) };
    if (page->trace.options->no_values) return;
    tg_put_heading(page, "GRADIENTS", "");
    for (int i = story->node_count - 1; i >= 0; i--)
        if (has_gradient_line(story, i)) put_gradient(page, i, &table);
    tg_table_print(&table, page->width, &page->out);
    tg_table_release(&table);
}

/* ---- notes ---- */

static void put_note(tg_text_page *page, const char *note) { tg_put_folded(note, 2, page->width, &page->out); }

/* As a power of ten, which does not depend on the last bit of a sum. */
static double next_power_of_ten(double x) {
    double power = 1e-15;
    while (power < x && power < 1e15) power *= 10;
    return power;
}

static void put_difference_note(tg_text_page *page) {
    tg_text_buffer  note  = { 0 };
    const tg_story *story = page->trace.story;
    if (isnan(story->worst_difference)) return;
    if (page->trace.by_element) tg_put(&note, tg_ascii_or(&page->trace, "ok", "\xe2\x9c\x93")), tg_put(&note, " agrees with a central difference");
    else tg_put(&note, "adjoints of up to 12 elements were held against central differences");
    tg_put(&note, ": relative distances are at most ");
    tg_put_rounded(&note, next_power_of_ten(story->worst_difference), 1, page->trace.style);
    put_note(page, tg_text_of(&note));
    page->out.failed = page->out.failed || note.failed;
    tg_text_buffer_release(&note);
}

static void put_convention(tg_text_page *page) {
    const tg_trace *trace = &page->trace;
    const bool      ascii = in_ascii(page);
    if (trace->story->layer_count == 0) return;
    tg_text_buffer note = { 0 };
    tg_put(&note, ascii ? "delta = d" : "\xce\xb4 = \xe2\x88\x82");
    tg_put_element_name(trace, trace->story->loss, TG_WHOLE, &note);
    tg_put(&note, ascii ? "/dS, the adjoint of a pre-activation" : "/\xe2\x88\x82\xce\xa3, the adjoint of a pre-activation");
    put_note(page, tg_text_of(&note));
    page->out.failed = page->out.failed || note.failed;
    tg_text_buffer_release(&note);
    put_note(page, trace->in_columns ? "W[2,1] leads to neuron 2 from input 1; examples are columns"
                                     : "W[1,2] leads from input 1 to neuron 2; examples are rows");
}

static void put_example_note(tg_text_page *page) {
    char            note[200];
    const tg_trace *trace = &page->trace;
    if (trace->example < 0) return;
    snprintf(note, sizeof note, "example %" PRId64 " of a batch of %" PRId64 ", counted from 0; the gradients of parameters are sums over all "
                                "of them", trace->example, trace->batch);
    put_note(page, note);
}

static void put_notes(tg_text_page *page) {
    const tg_trace *trace = &page->trace;
    const bool      ascii = in_ascii(page);
    tg_put(&page->out, "\n");
    put_example_note(page);
    if (trace->options->view == TG_VIEW_NEURONS && !trace->by_element)
        put_note(page, "this cannot be shown neuron by neuron; layers are shown instead");
    put_convention(page);
    tg_text_buffer softmax = { 0 };
    if (tg_put_softmax(trace, &softmax)) put_note(page, tg_text_of(&softmax));
    page->out.failed = page->out.failed || softmax.failed;
    tg_text_buffer_release(&softmax);
    if (trace->options->no_values) return;
    if (trace->by_element) {
        put_note(page, ascii ? "~ in place of = : rounding shows, in the last digit printed"
                             : "\xe2\x89\x88 in place of = : rounding shows, in the last digit printed");
        if (trace->story->has_walk) put_note(page, ascii ? ".. more messages to come" : "\xe2\x80\xa6 more messages to come");
    } else if (tg_leaves_out(trace)) put_note(page, "of more than 16 elements the Euclidean norm, the least and the largest are shown");
    put_difference_note(page);
    if (page->differs) put_note(page, ascii ? "no differs from it, as at a kink of max" : "\xe2\x9c\x97 differs from it, as at a kink of max");
}

/* ---- the page ---- */

static void put_title(tg_text_page *page) {
    const tg_explain_options *options = page->trace.options;
    if (options->title == NULL) return;
    tg_text_buffer title = { 0 };
    tg_put_user_text(options->title, &title);
    tg_put(&page->out, options->color ? BOLD : "");
    tg_put_folded(tg_text_of(&title), 0, page->width, &page->out);
    tg_put(&page->out, options->color ? PLAIN : "");
    page->out.failed = page->out.failed || title.failed;
    tg_text_buffer_release(&title);
}

static tg_status write_out(const tg_text_page *page, FILE *out) {
    if (page->out.failed) return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for the page");
    fwrite(tg_text_of(&page->out), 1, page->out.length, out);
    return TG_OK;
}

tg_status tg_print_text(tg_tensor loss, FILE *out, const tg_explain_options *options) {
    tg_story     story;
    tg_text_page page   = { .width = options->columns == 0 ? COLUMNS : options->columns < LEAST_COLUMNS ? LEAST_COLUMNS : options->columns };
    tg_status    status = tg_story_new(&story, loss, !options->no_values);
    if (status == TG_OK) status = tg_trace_new(&page.trace, &story, options, options->ascii ? TG_STYLE_TEXT : TG_STYLE_UNICODE);
    if (status == TG_OK) {
        put_title(&page);
        if (page.trace.by_element) tg_print_neurons(&page);
        else tg_print_layers(&page);
        put_gradients(&page);
        put_notes(&page);
        status = write_out(&page, out);
    }
    tg_text_buffer_release(&page.out);
    tg_story_free(&story);
    return status;
}
