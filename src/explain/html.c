/* html.c - a page that walks through a step and its gradient: one file, no network. What it shows is here and in JSON; page.js steps through it. */
#include "explain/html.h"
#include "core/util.h"

#include <inttypes.h>
#include <string.h>

/* page.css and page.js, as scripts/embed.py writes them when the library is built. */
extern const char tg_page_css[], tg_page_js[];

static void put_head(tg_page *page) {
    static const char *const themes[] = { "", " data-theme=\"dark\"", " data-theme=\"print\"" };
    const char              *title    = page->options->title != NULL ? page->options->title : "The chain rule, step by step";
    const unsigned           theme    = (unsigned)page->options->theme;
    tg_putf(&page->out, "<!doctype html>\n<html lang=\"en\"%s>\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
                        "content=\"width=device-width,initial-scale=1\">\n"
                        "<link rel=\"icon\" href=\"data:,\">\n<title>", theme < 3 ? themes[theme] : "");
    tg_put_html(&page->out, title, 200);
    tg_put(&page->out, "</title>\n<style>\n");
    tg_put(&page->out, tg_page_css);
    tg_put(&page->out, "</style>\n</head>\n<body>\n<header>\n<h1>");
    tg_put_html(&page->out, title, 200);
    tg_put(&page->out, "</h1>\n");
    tg_put(&page->out,
           "<span id=\"position\"></span><progress id=\"bar\" max=\"1\" value=\"0\" aria-label=\"Progress\"></progress>\n"
           "<nav id=\"walk\" aria-label=\"Steps\"><button data-go=\"first\" title=\"Home\" aria-label=\"first\">|\xe2\x97\x80</button>"
           "<button data-go=\"back\" title=\"left arrow\">\xe2\x97\x80 back</button><button data-go=\"next\" title=\"right arrow\">next "
           "\xe2\x96\xb6</button>"
           "<button data-go=\"backward\" title=\"b\">backward</button><button data-go=\"last\" title=\"End\" aria-label=\"last\">"
           "\xe2\x96\xb6|</button>"
           "<button id=\"play\" title=\"p\">play</button></nav>\n"
           "<div id=\"more\"><label><input type=\"checkbox\" id=\"quiz\"> ask me first</label><button id=\"copy\">copy LaTeX</button>"
           "<button id=\"theme\" title=\"light, dark, print\" aria-label=\"Theme\">\xe2\x97\x90</button></div>\n</header>\n"
           "<noscript>This page needs JavaScript; nothing is loaded from the network.</noscript>\n<main>\n");
}

static bool has_heats(const tg_page *page) {
    for (int u = 0; u < page->unit_count; u++)
        if (tg_page_is_heat(page, u)) return true;
    return false;
}

/* What the page shows and what it leaves out. */
static void put_caption(tg_page *page) {
    tg_put(&page->out, "<p id=\"caption\" class=\"note\">");
    if (page->was_refused) tg_put(&page->out, "There are more neurons than fit: layers are shown instead. ");
    if (!page->has_graph) tg_putf(&page->out, "The graph is left out: %d boxes are too many to be drawn. ", page->unit_count);
    if (page->neurons && page->batch > 1)
        tg_putf(&page->out, "Example %" PRId64 " of %" PRId64 " is shown; gradients of parameters are sums over all of them. ",
                page->options->example + 1, page->batch);
    if (!page->neurons && page->batch > 1 && page->story->layer_count == 0) tg_put(&page->out, "Each box is a matrix. ");
    else if (!page->neurons && page->batch > 1)
        tg_putf(&page->out, "Each box is a matrix; its %" PRId64 " rows are examples. ", page->batch);
    if (!page->neurons) tg_put(&page->out, "Single neurons are left out. ");
    if (has_heats(page))
        tg_put(&page->out, "The value is on the left, the adjoint on the right. Of what is larger than 64 \xc3\x97 64, the means of 64 \xc3\x97 64 "
                           "blocks are shown. ");
    if (page->has_graph) tg_put(&page->out, "Solid: values, forward. Dashed: messages, backward. ");
    if (!page->story->has_walk) tg_put(&page->out, "No gradient has been recorded: adjoints show a dot. ");
    if (page->options->no_values) tg_put(&page->out, "Symbols only: nothing was computed. ");
    tg_put(&page->out, "</p>\n");
}

static void put_names(tg_page *page) {
    tg_put(&page->out, "\"units\":[\n");
    for (int u = 0; u < page->unit_count; u++) {
        char label[TG_PAGE_LABEL];
        tg_page_short(page, u, false, label);
        tg_put(&page->out, u > 0 ? ",\n{\"text\":" : "{\"text\":");
        tg_put_json(&page->out, label);
        tg_put(&page->out, ",\"math\":");
        tg_page_put_formula(page, tg_page_name(page, u, false), TG_STYLE_MATHML);
        tg_put(&page->out, ",\"tex\":");
        tg_page_put_formula(page, tg_page_name(page, u, false), TG_STYLE_TEX);
        if (tg_page_has_delta(page, u)) {
            tg_page_short(page, u, true, label);
            tg_put(&page->out, ",\"delta\":[");
            tg_put_json(&page->out, label);
            tg_put(&page->out, ",");
            tg_page_put_formula(page, tg_page_name(page, u, true), TG_STYLE_MATHML);
            tg_put(&page->out, ",");
            tg_page_put_formula(page, tg_page_name(page, u, true), TG_STYLE_TEX);
            tg_put(&page->out, "]");
        }
        tg_put(&page->out, "}");
    }
    tg_put(&page->out, "],\n");
}

static void put_data(tg_page *page) {
    tg_putf(&page->out, "<script>\n\"use strict\";\nconst page = {\"view\":\"%s\",\"batch\":%" PRId64 ",\"loss\":%d,\"values\":%s,\n", 
            page->neurons ? "neurons" : "layers", page->batch, page->first[page->alias[page->story->loss]],
            page->story->nodes[0].value != NULL ? "true" : "false");
    put_names(page);
    tg_put(&page->out, "\"heats\":{\n");
    tg_page_put_heats(page);
    if (page->out.length > 2 && !page->out.failed && page->out.text[page->out.length - 2] == ',') page->out.length -= 2;
    tg_put(&page->out, "},\n\"steps\":[\n");
    tg_page_put_steps(page);
    tg_put(&page->out, "]};\n");
    tg_put(&page->out, tg_page_js);
    tg_put(&page->out, "</script>\n</body>\n</html>\n");
}

/* Gradients that need the width of the page. */
static bool has_wide_gradients(const tg_page *page) {
    if (!page->neurons) return has_heats(page);
    for (int i = 0; i < page->story->node_count; i++) {
        const tg_story_node *n = &page->story->nodes[i];
        if (n->kind != TG_STORY_OP && (n->role == TG_ROLE_WEIGHT && !page->options->row_notation ? n->shape.rows : n->shape.cols) > 4) return true;
    }
    return false;
}

static void put_page(tg_page *page) {
    put_head(page);
    tg_put(&page->out, "<div class=\"graph scroll\" id=\"stage\" tabindex=\"0\" role=\"region\" aria-label=\"The graph\">\n");
    if (page->has_graph) tg_page_put_graph(page);
    tg_put(&page->out, "</div>\n");
    put_caption(page);
    tg_putf(&page->out, "<div class=\"columns%s\">\n", has_wide_gradients(page) ? " wide" : "");
    tg_put(&page->out, "<section class=\"card\" id=\"step\"><h2 id=\"title\"></h2><div id=\"told\"><p id=\"words\"></p>"
                       "<div id=\"math\"></div><div id=\"product\"></div><p id=\"sum\"></p><p id=\"check\"></p></div>"
                       "<p id=\"spoken\" class=\"spoken\" aria-live=\"polite\"></p></section>\n");
    tg_page_put_tape(page);
    tg_page_put_gradients(page);
    tg_put(&page->out, "</div>\n");
    tg_page_put_histogram(page);
    tg_put(&page->out, "</main>\n");
    put_data(page);
}

/* Neurons where they fit, and their weights within them where these are few and belong to one layer each; layers where they
 * are asked for. */
static void choose_view(tg_page *page) {
    const bool fits   = tg_page_fits_neurons(page);
    page->neurons     = fits && page->options->view != TG_VIEW_LAYERS;
    page->was_refused = !fits && page->options->view == TG_VIEW_NEURONS;
    page->has_slots   = page->neurons;
    for (int l = 0; l < page->story->layer_count; l++) {
        const tg_story_layer *layer = &page->story->layers[l];
        const tg_story_node  *weight = &page->story->nodes[layer->weight], *bias = layer->bias >= 0 ? &page->story->nodes[layer->bias] : NULL;
        const int64_t         slots  = tg_story_elements(weight) + (bias != NULL ? bias->shape.cols : 0);
        const bool            shared = weight->layer != l || (bias != NULL && bias->layer != l);
        page->has_slots = page->has_slots && slots <= TG_PAGE_SLOTS && !shared;
    }
}

static void free_page(tg_page *page) {
    const size_t nodes = (size_t)page->story->node_count;
    tg_release(page->units, (size_t)page->unit_count * sizeof *page->units);
    tg_release(page->first, nodes * sizeof *page->first);
    tg_release(page->alias, nodes * sizeof *page->alias);
    tg_release(page->edges, (size_t)page->edge_room * sizeof *page->edges);
    tg_release(page->messages, (size_t)page->message_room * sizeof *page->messages);
    tg_release(page->boxes, (size_t)page->box_room * sizeof *page->boxes);
    tg_text_buffer_release(&page->out);
}

static tg_status fail_for_memory(void) { return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for a page"); }

static tg_status check_example(const tg_page *page) {
    const int64_t example = page->options->example, batch = page->batch > 0 ? page->batch : 1;
    if (example >= 0 && example < batch) return TG_OK;
    return tg_fail_thread(TG_OUT_OF_RANGE, "tg_explain: there is no example %" PRId64 " in a batch of %" PRId64, example, page->batch);
}

static tg_status make_page(tg_page *page) {
    const size_t nodes = (size_t)page->story->node_count;
    page->first        = tg_allocate(nodes * sizeof *page->first);
    page->alias        = tg_allocate(nodes * sizeof *page->alias);
    if (page->first == NULL || page->alias == NULL) return fail_for_memory();
    choose_view(page);
    tg_status status = check_example(page);
    if (status == TG_OK) status = tg_page_find_units(page);
    page->has_graph = page->unit_count <= TG_PAGE_UNITS;
    if (status == TG_OK && page->has_graph) status = tg_page_lay_out(page);
    if (status == TG_OK) put_page(page);
    return status == TG_OK && page->out.failed ? fail_for_memory() : status;
}

tg_status tg_print_html(tg_tensor loss, FILE *out, const tg_explain_options *options) {
    tg_story  story;
    tg_status status = tg_story_new(&story, loss, !options->no_values);
    if (status != TG_OK) return status;
    tg_page page = { .story = &story, .options = options };
    status       = make_page(&page);
    if (status == TG_OK) fwrite(tg_text_of(&page.out), 1, page.out.length, out);
    free_page(&page);
    tg_story_free(&story);
    return status;
}
