/* dot_orders.c - what of a picture belongs to which derivative: the order of a node, what the walk reads of the way there, and the graph that
 * it recorded. */
#include "core/util.h"
#include "explain/dot.h"

#include <inttypes.h>
#include <string.h>

enum { MOST_RECORDED = 60 };      /* nodes of a backward graph that is drawn */

/* By node of the tape. */
typedef struct orders {
    uint32_t count;
    int     *order;
    int     *place;        /* in story->nodes; -1 */
    bool    *is_recorded;  /* by a walk from the loss, and not told otherwise */
} orders;

static bool is_header(const tg_node *node) {
    return node->shape.rows == 0 && node->shape.cols == 0 && node->input_count > 0 && strcmp(node->op->name, "gradients") == 0;
}

/* What a rule recorded is one order above what was differentiated; what was recorded in the place of an op without a rule is as that op. */
static tg_status number_nodes(const tg_story *story, orders *o) {
    int      section = 0;
    bool     is_own  = false;
    for (uint32_t id = 1; id <= o->count; id++) {
        tg_node node;
        if (tg_node_at(story->tape, id, &node) != TG_OK) return TG_BUG;
        if (is_header(&node)) {
            section = 1 + o->order[node.inputs[0]];
            is_own  = node.inputs[0] == story->nodes[story->loss].id;
            continue;
        }
        if (node.origin != 0) o->order[id] = is_own && o->place[id] >= 0 ? o->order[node.origin] : section;
        for (int k = 0; node.origin == 0 && k < node.input_count; k++)
            if (o->order[node.inputs[k]] > o->order[id]) o->order[id] = o->order[node.inputs[k]];
        o->is_recorded[id] = is_own && node.origin != 0 && o->place[id] < 0;
    }
    return TG_OK;
}

static tg_status open_orders(tg_drawing *d, orders *o) {
    const size_t bytes = (size_t)tg_node_count(d->story->tape) + 1;
    *o = (orders){ .count = (uint32_t)(bytes - 1), .order = tg_allocate(bytes * sizeof *o->order), .place = tg_allocate(bytes * sizeof *o->place),
                   .is_recorded = tg_allocate(bytes) };
    if (o->order == NULL || o->place == NULL || o->is_recorded == NULL) return tg_dot_fail(d, TG_OUT_OF_MEMORY);
    for (size_t id = 0; id < bytes; id++) o->place[id] = -1;
    for (int i = 0; i < d->story->node_count; i++) o->place[d->story->nodes[i].id] = i;
    return tg_dot_fail(d, number_nodes(d->story, o));
}

static void close_orders(orders *o) {
    const size_t bytes = (size_t)o->count + 1;
    tg_release(o->order, bytes * sizeof *o->order);
    tg_release(o->place, bytes * sizeof *o->place);
    tg_release(o->is_recorded, bytes);
}

tg_status tg_dot_find_orders(tg_drawing *d) {
    orders o;
    int   *order   = tg_story_room(d->story, (size_t)d->story->node_count * sizeof *order);
    bool  *is_kept = tg_story_room(d->story, (size_t)d->story->node_count);
    if (order == NULL || is_kept == NULL) return d->status = TG_OUT_OF_MEMORY;
    open_orders(d, &o);
    for (int i = 0; d->status == TG_OK && i < d->story->node_count; i++) order[i] = o.order[d->story->nodes[i].id];
    for (uint32_t id = 1; d->status == TG_OK && id <= o.count; id++) {
        tg_node node;
        if (!o.is_recorded[id] || tg_node_at(d->story->tape, id, &node) != TG_OK) continue;
        for (int k = 0; k < node.input_count; k++)
            if (o.place[node.inputs[k]] >= 0) is_kept[o.place[node.inputs[k]]] = true;
    }
    close_orders(&o);
    d->order   = order;
    d->is_kept = is_kept;
    return d->status;
}

/* ---- the graph that the walk recorded ---- */

static void put_operand_name(const tg_drawing *d, const orders *o, uint32_t id, char out[TG_DOT_NAME]) {
    if (o->place[id] >= 0) tg_dot_matrix_name(d, o->place[id], out);
    else snprintf(out, TG_DOT_NAME, "v%" PRIu32, id);
}

/* Its op in names, such as v17 = v15 * v14. */
static void put_recorded_formula(tg_drawing *d, const orders *o, const tg_node *node) {
    tg_formula_binding bindings[2 * TG_STORY_OPERANDS];
    char               keys[2 * TG_STORY_OPERANDS][16], names[2 * TG_STORY_OPERANDS][TG_DOT_NAME + 2];
    tg_text_buffer     b     = { 0 };
    const int          count = node->input_count <= TG_STORY_OPERANDS ? node->input_count : 0;
    const tg_formula  *f     = tg_dot_close_bases(d->story->formulas, tg_formula_of_op(d->story->formulas, node->op, node->attributes, count));
    for (int k = 0; k < 2 * count; k++) {
        const int  place     = o->place[node->inputs[k / 2]];
        const bool is_raised = place >= 0 && d->story->nodes[place].role != TG_ROLE_NONE && !d->options->ascii;
        char       name[TG_DOT_NAME];
        put_operand_name(d, o, node->inputs[k / 2], name);
        snprintf(keys[k], sizeof keys[k], k % 2 == 1 ? "(%%%d)" : "%%%d", k / 2);
        snprintf(names[k], sizeof names[k], k % 2 == 1 && is_raised ? "(%s)" : "%s", name);
        bindings[k] = (tg_formula_binding){ keys[k], tg_formula_name(d->story->formulas, names[k]) };
    }
    f = f != NULL ? tg_formula_substitute(d->story->formulas, f, bindings, 2 * count) : NULL;
    if (f != NULL && node->input_count > 0 && count > 0) tg_formula_print(f, d->options->ascii ? TG_STYLE_TEXT : TG_STYLE_UNICODE, &b);
    else tg_put(&b, node->op->name);
    if (b.failed || tg_formulas_status(d->story->formulas) == TG_OUT_OF_MEMORY) tg_dot_fail(d, TG_OUT_OF_MEMORY);
    else tg_dot_escape(d, tg_text_of(&b), TG_DOT_SHOWN);
    tg_text_buffer_release(&b);
}

/* The node whose complete cotangent this is; -1: it is none. */
static int adjoint_of(const tg_drawing *d, uint32_t id) {
    for (int i = 0; i < d->story->message_count; i++) {
        const tg_story_message *m = &d->story->messages[i];
        if (m->symbols.upstream.id == id) return m->from;
        if (m->k == m->n && m->symbols.after.tape != NULL && m->symbols.after.id == id) return m->to;
    }
    return -1;
}

static void put_recorded(tg_drawing *d, const orders *o, uint32_t id) {
    tg_node node;
    char    loss[TG_DOT_NAME];
    if (tg_node_at(d->story->tape, id, &node) != TG_OK) return;
    const int of = adjoint_of(d, id);
    tg_dot_put(d,
               "    v%u [id=\"v%u\", class=\"recorded\", tooltip=\"recorded by the rule of v%u\", label=<<TABLE BORDER=\"1\" CELLBORDER=\"0\" "
               "CELLSPACING=\"0\" "
               "CELLPADDING=\"3\" COLOR=\"%s\" BGCOLOR=\"%s\"><TR><TD ALIGN=\"LEFT\"><B>v%u</B>{sp}=%s",
               (unsigned)id, (unsigned)id, (unsigned)node.origin, of >= 0 ? d->theme->backward : d->theme->line, d->theme->fill[TG_DOT_SUM],
               (unsigned)id, "&#160;");
    put_recorded_formula(d, o, &node);
    tg_dot_put(d, "{sp}{sp}<FONT COLOR=\"%s\" POINT-SIZE=\"11\">%" PRId64 "{by}%" PRId64 "</FONT></TD></TR>", d->theme->muted, node.shape.rows,
               node.shape.cols);
    if (of >= 0) {
        const bool is_sum = d->story->nodes[of].role == TG_ROLE_SUM;
        tg_dot_put(d, "<TR><TD ALIGN=\"LEFT\"><FONT COLOR=\"%s\">=%s", d->theme->backward, "&#160;");
        if (is_sum) tg_dot_put(d, "<B>%s</B>{sp}={sp}", TG_DOT_DELTA(d, of, -1));
        tg_dot_put(d, "{d}%s/{d}%s", tg_dot_loss_name(d, loss), TG_DOT_MATRIX(d, of));
        if (d->story->nodes[of].adjoint != NULL && tg_story_elements(&d->story->nodes[of]) == 1)
            tg_dot_put(d, "{sp}={sp}<B>%s</B>", TG_DOT_OF(d, d->story->nodes[of].adjoint[0]));
        tg_dot_put(d, "</FONT></TD></TR>");
    }
    tg_dot_put(d, "</TABLE>>];\n");
}

/* From right to left, as the walk goes. */
static void put_recorded_edges(tg_drawing *d, const orders *o, uint32_t id) {
    tg_node node;
    if (tg_node_at(d->story->tape, id, &node) != TG_OK) return;
    for (int k = 0; k < node.input_count; k++)
        if (o->is_recorded[node.inputs[k]])
            tg_dot_put(d, "    v%u -> v%u [id=\"r%u_%u_%d\", class=\"recorded\", dir=back, arrowtail=normal, color=\"%s\"];\n", (unsigned)id,
                       (unsigned)node.inputs[k], (unsigned)node.inputs[k], (unsigned)id, k, d->theme->line);
}

/* Leaves out what no adjoint is made of: joining gradients into a block. Returns how much that is. */
static int leave_out_joins(const tg_drawing *d, orders *o) {
    int left_out = 0;
    for (uint32_t id = o->count; id > 0; id--) {
        if (!o->is_recorded[id]) continue;
        bool leads = adjoint_of(d, id) >= 0;
        for (uint32_t reader = id + 1; reader <= o->count && !leads; reader++) {
            tg_node node;
            if (!o->is_recorded[reader] || tg_node_at(d->story->tape, reader, &node) != TG_OK) continue;
            for (int k = 0; k < node.input_count; k++) leads = leads || node.inputs[k] == id;
        }
        if (!leads) o->is_recorded[id] = false, left_out++;
    }
    return left_out;
}

static int count_recorded(const orders *o) {
    int count = 0;
    for (uint32_t id = 1; id <= o->count; id++) count += o->is_recorded[id];
    return count;
}

void tg_dot_put_recorded(tg_drawing *d, const char *direction) {
    static const char *const names[] = { "", "the backward graph", "the second-order graph", "the third-order graph" };
    const int                order   = 1 + d->order[d->story->loss];
    const char              *name    = order < 4 ? names[order] : "a graph of higher order", *color = d->theme->backward;
    orders                   o;
    if (!d->story->has_walk) return;
    if (open_orders(d, &o) != TG_OK) {
        close_orders(&o);
        return;
    }
    const int all = count_recorded(&o), left_out = all <= MOST_RECORDED ? leave_out_joins(d, &o) : all;
    if (all > 0) {
        tg_dot_put(
            d,
            "  subgraph cluster_order%d { id=\"order%d\"; class=\"order%d\"; style=\"rounded,dashed\"; color=\"%s\"; fontcolor=\"%s\"; fontsize=13; "
            "labeljust=l; margin=12; label=\"%s, %s: what the walk recorded, rows as in memory",
            order, order, order, color, color, name, direction);
        if (left_out == all) tg_dot_put(d, "\";\n    recorded [label=\"%d nodes, too many to draw\"];\n", all);
        else tg_dot_put(d, left_out > 0 ? "; %d more nodes join the gradients of a block\";\n" : "\";\n", left_out);
        for (uint32_t id = 1; id <= o.count && left_out < all; id++)
            if (o.is_recorded[id]) put_recorded(d, &o, id);
        for (uint32_t id = 1; id <= o.count && left_out < all; id++)
            if (o.is_recorded[id]) put_recorded_edges(d, &o, id);
        tg_dot_put(d, "  }\n");
    }
    close_orders(&o);
}
