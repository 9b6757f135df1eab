/* dot.c - which view is drawn, what stands above it, and the picture as a whole. */
#include "core/util.h"
#include "explain/dot.h"
#include "explain/printers.h"

#include <inttypes.h>
#include <string.h>

#define FONTS "DejaVu Sans,Verdana,sans-serif"      /* of equal widths, so that boxes fit everywhere */

static void put_line(tg_drawing *d, const char *color, const char *line) {
    char expanded[512];
    tg_dot_expand(d, line, expanded, sizeof expanded);
    tg_dot_put(d, "<TR><TD ALIGN=\"LEFT\"><FONT POINT-SIZE=\"12\" COLOR=\"%s\">%s</FONT></TD></TR>", color, expanded);
}

static void put_title(tg_drawing *d) {
    if (d->options->title == NULL || d->options->title[0] == '\0') return;
    tg_dot_put(d, "<TR><TD ALIGN=\"LEFT\"><B>");
    tg_dot_escape(d, d->options->title, 120);
    tg_dot_put(d, "</B></TD></TR>");
}

static void put_state(tg_drawing *d) {
    if (!d->story->has_walk) put_line(d, d->theme->muted, "no gradient is recorded yet: {none} stands where it will be");
    else if (isfinite(d->story->worst_difference)) {
        char line[128];
        tg_text_buffer b = { 0 };
        tg_put_rounded(&b, d->story->worst_difference, 1, d->options->ascii ? TG_STYLE_TEXT : TG_STYLE_UNICODE);
        if (b.failed) tg_dot_fail(d, TG_OUT_OF_MEMORY);
        snprintf(line, sizeof line, "{check} agrees with a central difference (worst relative error %s)", tg_text_of(&b));
        tg_text_buffer_release(&b);
        put_line(d, d->theme->muted, line);
    }
}

void tg_dot_open(tg_drawing *d, const char *direction, const char *const lines[], int count) {
    const tg_dot_theme *t = d->theme;
    tg_dot_put(d,
               "digraph tape {\n  graph [rankdir=%s, newrank=true, bgcolor=\"%s\", fontname=\"" FONTS
               "\", fontsize=16, fontcolor=\"%s\", nodesep=0.35, "
               "ranksep=%s, splines=spline, ordering=out, pad=0.2, labelloc=t, labeljust=l, tooltip=\"",
               direction, t->background, t->text, direction[0] == 'T' ? "0.62" : "0.5");
    tg_dot_escape(d, d->options->title != NULL ? d->options->title : "the tape", 0);
    tg_dot_put(d, "\",\n    label=<<TABLE BORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"2\">");
    put_title(d);
    for (int i = 0; i < count; i++)
        put_line(d,
                 strncmp(lines[i], "{forward}", 9) == 0     ? t->forward
                 : strncmp(lines[i], "{backward}", 10) == 0 ? t->backward
                                                            : t->muted,
                 lines[i]);
    if (d->options->view != TG_VIEW_PLAN && !d->options->no_values) put_state(d);
    if (d->caption[0] != '\0') {
        tg_dot_put(d, "<TR><TD ALIGN=\"LEFT\"><FONT POINT-SIZE=\"12\" COLOR=\"%s\">", t->muted);
        tg_dot_escape(d, d->caption, 0);
        tg_dot_put(d, "</FONT></TD></TR>");
    }
    tg_dot_put(d, "</TABLE>>];\n  node [shape=plain, fontname=\"" FONTS "\", fontsize=13, fontcolor=\"%s\"];\n"
               "  edge [fontname=\"" FONTS "\", fontsize=11.5, fontcolor=\"%s\", arrowsize=0.75, penwidth=1.6];\n", t->text, t->text);
}

void tg_dot_close(tg_drawing *d) { tg_dot_put(d, "}\n"); }

/* Whether node j reads node i as the weight or bias of its layer. */
static bool is_read_by_layer(const tg_story *story, int i, int j, int k) {
    for (int l = 0; l < story->layer_count; l++) {
        const tg_story_layer *layer = &story->layers[l];
        if ((layer->product == j && layer->weight == i && k == 1) || (layer->sum == j && layer->bias == i)) return true;
    }
    return false;
}

bool tg_dot_is_merged(const tg_drawing *d, int i) {
    const tg_story_node *node = &d->story->nodes[i];
    if (node->role == TG_ROLE_PRODUCT) return true;
    if ((node->role != TG_ROLE_WEIGHT && node->role != TG_ROLE_BIAS) || i == d->story->loss) return false;
    for (int j = i + 1; j < d->story->node_count; j++)
        for (int k = 0; k < d->story->nodes[j].input_count; k++)
            if (d->story->nodes[j].inputs[k] == i && !is_read_by_layer(d->story, i, j, k)) return false;
    return true;
}

/* ---- options ---- */

static tg_status check_options(const tg_explain_options *o) {
    if ((int)o->view < 0 || o->view > TG_VIEW_PLAN) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_explain: there is no view %d", (int)o->view);
    if ((int)o->theme < 0 || o->theme > TG_THEME_PRINT) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_explain: there is no theme %d", (int)o->theme);
    if (o->digits < 0 || o->digits > 17) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_explain: %d digits; 1 to 17, or 0 for 4", o->digits);
    if (o->view == TG_VIEW_PATHS && o->parameter == NULL)
        return tg_fail_thread(TG_NULL_ARGUMENT, "tg_explain: the view of paths needs a parameter, such as \"net/fc1/weight[0,1]\"");
    return TG_OK;
}

/* Rows of the first layer's input are examples. */
static tg_status find_batch(tg_drawing *d) {
    const tg_story *story = d->story;
    d->batch = story->layer_count > 0 ? story->nodes[story->layers[0].x].shape.rows : 1;
    if (d->options->example >= 0 && d->options->example < (d->batch > 0 ? d->batch : 1)) return TG_OK;
    return tg_fail_thread(TG_OUT_OF_RANGE, "tg_explain: there is no example %" PRId64 " in a batch of %" PRId64, d->options->example, d->batch);
}

/* Whether matrices are shown as in memory. Textbooks turn all matrices of a net, which is true of layers and of elementwise ops only. */
static bool is_in_rows(const tg_drawing *d) {
    if (d->options->row_notation || d->story->layer_count == 0) return true;
    for (int i = 0; i < d->story->node_count; i++) {
        const tg_story_node *node = &d->story->nodes[i];
        if (node->kind == TG_STORY_OP && node->role == TG_ROLE_NONE && !(node->op->flags & TG_OP_ELEMENTWISE) && tg_story_elements(node) != 1)
            return true;
    }
    return false;
}

/* ---- the picture ---- */

static void draw(tg_drawing *d, tg_tensor loss) {
    const tg_explain_view view = d->options->view;
    if (view == TG_VIEW_PLAN) {
        tg_dot_put_plan(d, loss);
        return;
    }
    if (view == TG_VIEW_PATHS && tg_dot_put_paths(d)) return;
    if ((view == TG_VIEW_AUTOMATIC || view == TG_VIEW_NEURONS) && d->status == TG_OK && tg_dot_put_neurons(d)) return;
    if (d->status == TG_OK) tg_dot_put_layers(d);
}

tg_status tg_print_dot(tg_tensor loss, FILE *out, const tg_explain_options *options) {
    tg_story   story;
    tg_status  status = check_options(options);
    if (status == TG_OK) status = tg_story_new(&story, loss, !options->no_values);
    if (status != TG_OK) return status;
    tg_drawing d = {
        .story = &story, .options = options, .theme = &tg_dot_themes[options->theme], .digits = options->digits > 0 ? options->digits : 4
    };
    d.matmul    = tg_op_find("matmul");
    d.transpose = tg_op_find("transpose");
    d.status    = find_batch(&d);
    d.is_rows   = is_in_rows(&d);
    if (d.status == TG_OK) tg_dot_find_orders(&d);
    if (d.status == TG_OK) tg_dot_find_groups(&d);
    if (d.status == TG_OK) draw(&d, loss);
    if (d.status == TG_OK) fwrite(tg_text_of(&d.text), 1, d.text.length, out);
    tg_text_buffer_release(&d.text);
    tg_story_free(&story);
    return d.status;
}
