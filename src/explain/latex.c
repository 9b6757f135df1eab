/* latex.c - a story as align* blocks: what is given, the forward pass, the backward pass. Needs amsmath; KaTeX and MathJax read them as well. */
#include "explain/latex.h"
#include "core/util.h"
#include "explain/printers.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Characters of an equation that fit on a line; lines of a block, which no page breaks and of which KaTeX takes only so many. */
enum { WIDE = 78, MOST_LINES = 30 };

void tg_begin_block(tg_latex_page *page, const char *heading) {
    tg_put(&page->out, "\\noindent ");
    tg_put(&page->out, heading);
    tg_put(&page->out, "\n\\begin{align*}\n");
    page->lines = 0;
}

void tg_end_block(tg_latex_page *page) { tg_put(&page->out, "\n\\end{align*}\n"); }

void tg_begin_line(tg_latex_page *page) {
    if (page->lines == MOST_LINES) {
        tg_put(&page->out, "\n\\end{align*}\n\\begin{align*}\n");
        page->lines = 0;
    }
    if (page->lines > 0) tg_put(&page->out, " \\\\\n");
    page->lines++;
}

/* Characters that are seen: a command counts one, braces and scripts do not. */
static size_t width_of(const char *tex, size_t bytes) {
    size_t width = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (tex[i] == '\\') {
            while (i + 1 < bytes && isalpha((unsigned char)tex[i + 1])) i++;
            width++;
        } else if (strchr("{}^_& ", tex[i]) == NULL) width++;
    }
    return width;
}

void tg_put_relation(tg_latex_page *page, size_t start, const char *relation, const tg_text_buffer *right) {
    const size_t left = width_of(tg_text_of(&page->out) + start, page->out.length - start);
    const bool   wide = left + width_of(tg_text_of(right), right->length) > WIDE;
    tg_put(&page->out, wide ? " \\\\\n&\\quad " : " ");
    tg_put(&page->out, relation);
    tg_put(&page->out, " ");
    tg_put(&page->out, tg_text_of(right));
    page->out.failed = page->out.failed || right->failed;
}

void tg_put_equals(tg_latex_page *page) {
    tg_put(&page->out, page->out.length > 0 && page->out.text[page->out.length - 1] == '&' ? "= " : " = ");
}

void tg_put_latex_matrix(tg_latex_page *page, int node, const double *elements) {
    const tg_shape shape = tg_shown_shape(&page->trace, node);
    char           size[80];
    if (elements == NULL) return;
    if (tg_is_written_out(&page->trace, node)) {
        tg_put_equals(page);
        tg_put_matrix(&page->trace, node, elements, &page->out);
        return;
    }
    snprintf(size, sizeof size, " \\quad (%" PRId64 " \\times %" PRId64 ",\\ \\text{norm } ", shape.rows, shape.cols);
    tg_put(&page->out, size);
    tg_put_shown(&page->trace, tg_norm_of(elements, tg_story_elements(&page->trace.story->nodes[node])), &page->out);
    tg_put(&page->out, ")");
}

/* ---- the page ---- */

/* TeX's own characters as text; one that ends a line is a blank. */
static void put_title(tg_latex_page *page, const char *title) {
    tg_put(&page->out, "\\noindent\\textbf{");
    for (const char *c = title; *c != '\0'; c++) {
        if (strchr("#$%&_{}", *c) != NULL) tg_put(&page->out, "\\"), tg_put_bytes(&page->out, c, 1);
        else if (*c == '\\') tg_put(&page->out, "\\textbackslash{}");
        else if (*c == '~' || *c == '^') tg_put(&page->out, *c == '~' ? "\\textasciitilde{}" : "\\textasciicircum{}");
        else if (*c == '<' || *c == '>' || *c == '|') tg_put(&page->out, *c == '<' ? "\\textless{}" : *c == '>' ? "\\textgreater{}" : "\\textbar{}");
        else if ((unsigned char)*c < 0x20 || *c == 0x7f) tg_put(&page->out, " ");
        else tg_put_bytes(&page->out, c, 1);
    }
    tg_put(&page->out, "}\n\n");
}

static void put_preface(tg_latex_page *page) {
    char preface[240];
    snprintf(preface, sizeof preface, "%% Needs amsmath. Numbers have %d significant digits; = stands where the printed ones satisfy it, "
                                      "\\approx where rounding shows.\n", page->trace.digits);
    tg_put(&page->out, preface);
    if (page->trace.options->title != NULL) put_title(page, page->trace.options->title);
}

/* What is not seen in the equations. */
static void put_remarks(tg_latex_page *page) {
    char            remark[240];
    const tg_trace *trace = &page->trace;
    if (!trace->story->has_walk) tg_put(&page->out, "\\noindent No gradient has been recorded yet.\n");
    if (trace->example >= 0) {
        snprintf(remark, sizeof remark, "\\noindent Example %" PRId64 " of a batch of %" PRId64 ", counted from 0; gradients of parameters are sums "
                                        "over all of them.\n", trace->example, trace->batch);
        tg_put(&page->out, remark);
    }
    if (trace->options->view == TG_VIEW_NEURONS && !trace->by_element)
        tg_put(&page->out, "\\noindent This cannot be shown neuron by neuron; layers are shown instead.\n");
    if (!trace->by_element && !trace->options->no_values && tg_leaves_out(trace))
        tg_put(&page->out, "\\noindent Matrices of more than 16 elements are shown by their size and Euclidean norm.\n");
}

tg_status tg_print_latex(tg_tensor loss, FILE *out, const tg_explain_options *options) {
    tg_story      story;
    tg_latex_page page   = { .lines = 0 };
    tg_status     status = tg_story_new(&story, loss, !options->no_values);
    if (status == TG_OK) status = tg_trace_new(&page.trace, &story, options, TG_STYLE_TEX);
    if (status == TG_OK) {
        put_preface(&page);
        if (page.trace.by_element) tg_print_latex_neurons(&page);
        else tg_print_latex_layers(&page);
        put_remarks(&page);
        if (page.out.failed) status = tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for the page");
        else fwrite(tg_text_of(&page.out), 1, page.out.length, out);
    }
    tg_text_buffer_release(&page.out);
    tg_story_free(&story);
    return status;
}
