/* dot_edges.c - boxes and edges as DOT has them. A box is a table and no record, which breaks on braces and bars; a message is written along
 * its forward edge with dir=back, so that it keeps the ranks and reserves room for its label. */
#include "explain/dot.h"

tg_dot_kind tg_dot_kind_of(const tg_drawing *d, int i) {
    const tg_story_node *node = &d->story->nodes[i];
    if (i == d->story->loss) return TG_DOT_LOSS;
    if (node->kind == TG_STORY_PARAMETER) return TG_DOT_PARAMETER;
    if (node->role == TG_ROLE_SUM || node->role == TG_ROLE_PRODUCT) return TG_DOT_SUM;
    if (node->kind == TG_STORY_OP) return TG_DOT_VALUE;
    return node->kind == TG_STORY_CONSTANT || (d->story->has_walk && node->messages == 0) ? TG_DOT_CONSTANT : TG_DOT_INPUT;
}

bool tg_dot_is_finite(const double *numbers, int64_t count) {
    for (int64_t i = 0; numbers != NULL && i < count; i++)
        if (!isfinite(numbers[i])) return false;
    return true;
}

void tg_dot_open_box(tg_drawing *d, const char *id, tg_dot_kind kind, bool is_finite, const char *tooltip) {
    static const char *const classes[] = { "input", "constant", "parameter", "sum", "value", "loss" };
    static const int         borders[] = { 1, 1, 1, 2, 1, 2 };
    const bool               is_round  = kind == TG_DOT_INPUT || kind == TG_DOT_VALUE || kind == TG_DOT_LOSS;
    tg_dot_put(d, "    %s [id=\"%s\", class=\"%s%s\", tooltip=\"", id, id, classes[kind], is_finite ? "" : " nonfinite");
    tg_dot_escape(d, tooltip, 0);
    tg_dot_put(d, "\", label=<<TABLE BORDER=\"%d\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"4\"%s COLOR=\"%s\" BGCOLOR=\"%s\">\n",
               is_finite ? borders[kind] : 5, is_round ? " STYLE=\"ROUNDED\"" : "", is_finite ? d->theme->text : d->theme->wrong,
               d->theme->fill[kind]);
}

void tg_dot_close_box(tg_drawing *d) { tg_dot_put(d, "      </TABLE>>];\n"); }

void tg_dot_put_edge(tg_drawing *d, const tg_dot_edge *e) {
    const char *color = !e->is_finite ? d->theme->wrong : e->is_constant ? d->theme->muted : e->is_backward ? d->theme->backward : d->theme->forward;
    tg_dot_put(d, "  %s%s -> %s%s [id=\"%s\", class=\"%s%s%s\", color=\"%s\"", e->tail, e->tail_port, e->head, e->head_port, e->id,
               e->is_backward ? "bwd" : "fwd", e->is_constant ? " constant" : "", e->is_finite ? "" : " nonfinite", color);
    if (e->is_backward) tg_dot_put(d, ", dir=back, style=dashed, arrowtail=vee");
    else if (e->is_turned) tg_dot_put(d, ", dir=back, arrowtail=normal");
    else if (e->weight > 1) tg_dot_put(d, ", weight=%d", e->weight);
    if (!e->is_finite) tg_dot_put(d, ", penwidth=5");
    if (e->tooltip[0] != '\0') tg_dot_put(d, ", edgetooltip=\"%s\", labeltooltip=\"%s\"", e->tooltip, e->tooltip);
    if (e->lines[0] != NULL) {
        tg_dot_put(d, ", label=<<TABLE BORDER=\"0\" CELLPADDING=\"3\" CELLSPACING=\"0\"><TR><TD><FONT COLOR=\"%s\">%s", color, e->lines[0]);
        if (e->lines[1] != NULL) tg_dot_put(d, "<BR/>%s", e->lines[1]);
        tg_dot_put(d, "</FONT></TD></TR></TABLE>>");
    }
    tg_dot_put(d, "];\n");
}
