/* latex_layers.c - equations of matrices: what each is made of, and what its adjoint adds up. */
#include "core/util.h"
#include "explain/latex.h"

static void put_made_of(tg_latex_page *page, int node) {
    const tg_formula *f = tg_matrix_formula(&page->trace, node);
    if (f == NULL) return;
    tg_put(&page->out, "= ");
    tg_formula_print(f, TG_STYLE_TEX, &page->out);
}

static void print_values(tg_latex_page *page, bool leaves) {
    bool begun = false;
    for (int i = 0; i < page->trace.story->node_count; i++) {
        const tg_story_node *node = &page->trace.story->nodes[i];
        if (tg_is_hidden(&page->trace, i) || (node->kind != TG_STORY_OP) != leaves) continue;
        if (!begun) tg_begin_block(page, leaves ? "Given:" : "Forward:");
        begun = true;
        tg_begin_line(page);
        tg_put_element_name(&page->trace, i, TG_WHOLE, &page->out);
        tg_put(&page->out, " &");
        put_made_of(page, i);
        tg_put_latex_matrix(page, i, node->value);
    }
    if (begun) tg_end_block(page);
}

static void put_adjoint(tg_latex_page *page, const tg_story_message *last) {
    const tg_story *story    = page->trace.story;
    bool            is_first = true;
    tg_put_adjoint_name(&page->trace, last->to, TG_WHOLE, &page->out);
    tg_put(&page->out, " &= ");
    for (int i = 0; i < story->message_count; i++) {
        if (story->messages[i].to != last->to) continue;
        tg_put(&page->out, is_first ? "" : " + ");
        tg_put_message_formula(&page->trace, &story->messages[i], &page->out);
        is_first = false;
    }
    tg_put_latex_matrix(page, last->to, story->nodes[last->to].adjoint);
}

static bool is_told(const tg_latex_page *page, const tg_story_message *m) { return m->k == m->n && !tg_is_hidden(&page->trace, m->to); }

void tg_print_latex_layers(tg_latex_page *page) {
    const tg_story *story = page->trace.story;
    bool            begun = false;
    print_values(page, true);
    print_values(page, false);
    for (int i = 0; i < story->message_count; i++) {
        if (!is_told(page, &story->messages[i])) continue;
        if (!begun) tg_begin_block(page, "Backward:");
        begun = true;
        tg_begin_line(page);
        put_adjoint(page, &story->messages[i]);
    }
    if (begun) tg_end_block(page);
}
