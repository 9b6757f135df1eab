/* html_layout.c - where the boxes stand: in columns by their longest way from the inputs, from left to right. A long edge gets a lane in each column
 * that it passes; each column is put in the order of its neighbours' means. What a layer or the loss reads beside its input stands below its
 * reader. */
#include "core/util.h"
#include "explain/html.h"

#include <string.h>

enum { MARGIN = 14, GAP_BELOW = 22, GAP_DENSE = 12, GAP_DOWN = 44, GAP_ACROSS = 82, LANE = 26, SLOT = 38, LANE_BELOW = 22, FOOT = 124, SWEEPS = 6 };

/* ---- columns ---- */

static bool has_readers(const tg_page *page, int unit, bool as_reader) {
    for (int e = 0; e < page->edge_count; e++)
        if (page->edges[e].is_drawn && (as_reader ? page->edges[e].to : page->edges[e].from) == unit) return true;
    return false;
}

/* A leaf beside the way of the data, such as a label or, where layers are drawn, a weight. */
static bool stands_below(const tg_page *page, int unit) {
    const tg_story *story = page->story;
    return story->layer_count > 0 && !has_readers(page, unit, true) && page->units[unit].node != story->layers[0].x;
}

static bool is_folded(const tg_page *page, int unit) { return page->folded > 0 && page->boxes[page->units[unit].box].column == page->folded; }

/* An edge within the folded column goes straight down. */
static bool goes_down(const tg_page *page, const tg_page_edge *edge) { return is_folded(page, edge->from) && is_folded(page, edge->to); }

static int *column_of(tg_page *page, int unit) { return &page->boxes[page->units[unit].box].column; }

/* What makes the loss of a net, one box behind the other, stands in one column, from top to bottom; labels that the first of them reads on top. */
static bool is_chain(const tg_page *page, int first) {
    int count = 0;
    for (int c = first; c < page->column_count; c++) {
        int boxes = 0;
        for (int b = 0; b < page->box_count; b++) {
            if (page->boxes[b].column != c) continue;
            if (!stands_below(page, page->boxes[b].unit)) boxes++;
            else if (c > first) return false;
        }
        if (boxes != 1) return false;
        count++;
    }
    for (int e = 0; e < page->edge_count; e++)
        if (page->edges[e].is_drawn && *column_of((tg_page *)page, page->edges[e].to) > first && *column_of((tg_page *)page, page->edges[e].to) -
            *column_of((tg_page *)page, page->edges[e].from) > 1) return false;
    return count > 1;
}

static void fold_chain(tg_page *page) {
    int first = 0;
    for (int b = 0; b < page->box_count; b++)
        if (tg_page_layer_of(page, page->boxes[b].unit) >= 0 && page->boxes[b].column >= first) first = page->boxes[b].column + 1;
    if (page->story->layer_count == 0 || !is_chain(page, first)) return;
    page->folded = first;
    for (int b = 0; b < page->box_count; b++)
        if (page->boxes[b].column > first) page->boxes[b].column = first;
    page->column_count = first + 1;
}

static void find_columns(tg_page *page) {
    bool moved = true;
    for (int pass = 0; moved && pass <= page->unit_count; pass++) {
        moved = false;
        for (int e = 0; e < page->edge_count; e++) {
            const tg_page_edge *edge = &page->edges[e];
            if (!edge->is_drawn || stands_below(page, edge->from)) continue;
            if (*column_of(page, edge->to) > *column_of(page, edge->from)) continue;
            *column_of(page, edge->to) = *column_of(page, edge->from) + 1;
            moved = true;
        }
    }
    for (int e = page->edge_count - 1; e >= 0; e--)
        if (page->edges[e].is_drawn && stands_below(page, page->edges[e].from))
            *column_of(page, page->edges[e].from) = *column_of(page, page->edges[e].to);
    for (int b = 0; b < page->box_count; b++)
        if (page->boxes[b].column >= page->column_count) page->column_count = page->boxes[b].column + 1;
    fold_chain(page);
}

/* ---- boxes and lanes ---- */

static bool add_box(tg_page *page, tg_page_box box) {
    void  *boxes    = page->boxes;
    size_t capacity = (size_t)page->box_room;
    if (!tg_grow(&boxes, &capacity, (size_t)page->box_count + 1, sizeof *page->boxes)) return false;
    page->boxes    = boxes;
    page->box_room = (int)capacity;
    page->boxes[page->box_count++] = box;
    return true;
}

/* Characters of a text that is as wide as its Latin letters: signs above and below the line are narrow. */
static int width_of(const char *text) {
    int width = 0;
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if ((*c & 0xC0) == 0x80) continue;
        const bool narrow = (c[0] == 0xC2 && (c[1] == 0xB9 || c[1] == 0xB2 || c[1] == 0xB3)) || (c[0] == 0xE2 && (c[1] == 0x81 || c[1] == 0x82));
        width += narrow ? 7 : *c == 'm' || *c == 'M' || *c == 'w' || *c == 'W' ? 15 : 11;
    }
    return width;
}

/* The name of the adjoint beside the longer one of value and adjoint; "+ ?" stands behind sums that are not complete. */
static int width_of_numbers(tg_page *page, int unit) {
    char      label[TG_PAGE_LABEL], loss[TG_PAGE_LABEL];
    const int value = width_of(tg_page_value(page, unit).text), sum = 10 * ((page->options->digits > 0 ? page->options->digits : 4) + 5);
    int       adjoint = width_of(tg_page_adjoint(page, unit).text);
    if (page->units[unit].arriving > 1) adjoint = 34 + (adjoint > sum ? adjoint : sum);
    tg_page_short(page, unit, true, label);
    tg_page_name_node(page, page->story->loss, false, loss);
    const int name = (tg_page_has_delta(page, unit) ? 56 : 20) + (width_of(label) + width_of(loss)) * 4 / 5;
    return 34 + name + (value > adjoint ? value : adjoint);
}

/* "w = 0.15 · x", which put_slot writes in letters of 14 px, beside a product and a gradient. */
static int width_of_slot(tg_page *page, int weight, int factor) {
    char      name[TG_PAGE_LABEL], other[TG_PAGE_LABEL] = "1";
    const int digits = page->options->digits > 0 ? page->options->digits : 4;
    tg_page_short(page, weight, false, name);
    if (factor >= 0) tg_page_short(page, factor, false, other);
    return 38 + (width_of(name) + 33 + width_of(tg_page_value(page, weight).text) + 22 + width_of(other)) * 9 / 11 + 9 * (digits + 5);
}

static int width_of_slots(tg_page *page, int unit) {
    const tg_story_node  *sum    = tg_page_node(page, unit);
    const tg_story_layer *layer  = &page->story->layers[sum->layer];
    const int64_t         rows   = page->story->nodes[layer->weight].shape.rows, j = page->units[unit].element % sum->shape.cols;
    int                   widest = layer->bias >= 0 ? width_of_slot(page, tg_page_unit_of(page, layer->bias, j), -1) : 0;
    for (int64_t i = 0; i < rows; i++) {
        const int width = width_of_slot(page, tg_page_unit_of(page, layer->weight, i * sum->shape.cols + j), tg_page_unit_of(page, layer->x, i));
        if (width > widest) widest = width;
    }
    return widest;
}

static tg_page_box box_of(tg_page *page, int unit) {
    char        title[200];
    tg_page_box box = { .unit = unit, .height = tg_page_is_fixed(page, unit) ? 42 : page->is_dense ? 54 : 82, .rank = unit };
    const tg_story_node *node = tg_page_node(page, unit);
    tg_page_put_title(page, unit, title, sizeof title);
    box.width = width_of(title) + 24;
    if (tg_page_is_fixed(page, unit)) box.width += 20 + width_of(tg_page_value(page, unit).text);
    else if (page->is_dense) box.width += 86;
    if (node->role == TG_ROLE_BIAS) box.rank += page->unit_count;      /* below its weight */
    if (page->neurons && page->has_slots && node->role == TG_ROLE_SUM) {
        box.slots  = (int)page->story->nodes[page->story->layers[node->layer].weight].shape.rows + (page->story->layers[node->layer].bias >= 0);
        box.height = 30 + SLOT * box.slots + 34;
    }
    const bool is_last = node->role == TG_ROLE_SUM && page->story->layers[node->layer].activation < 0;      /* room for the formulas below */
    const int  needed  = width_of_numbers(page, unit), least = box.slots > 0 || is_last ? 250 : tg_page_is_heat(page, unit) ? 206 : 150;
    if (page->is_dense) box.width += page->options->digits > 5 ? 9 * (page->options->digits - 5) : 0;
    if (box.slots > 0 && box.width < width_of_slots(page, unit)) box.width = width_of_slots(page, unit);
    if (box.width < needed && box.slots == 0 && !tg_page_is_fixed(page, unit)) box.width = needed;
    if (tg_page_is_heat(page, unit)) box.height = 168;
    if (box.width < least && !tg_page_is_fixed(page, unit)) box.width = least;
    return box;
}

/* Many boxes one below the other have names and values on one line. */
static bool is_dense(const tg_page *page) {
    for (int i = 0; i < page->story->node_count && page->neurons; i++) {
        const tg_story_node *node = &page->story->nodes[i];
        if (node->shape.cols > 4 && node->role != TG_ROLE_WEIGHT && node->role != TG_ROLE_BIAS) return true;
    }
    return false;
}

static bool add_boxes(tg_page *page) {
    page->is_dense = is_dense(page);
    for (int u = 0; u < page->unit_count; u++) {
        const bool is_read = has_readers(page, u, false) || has_readers(page, u, true) || page->units[u].node == page->story->loss;
        if (tg_page_is_slot(page, u) || !is_read) continue;
        page->units[u].box = page->box_count;
        if (!add_box(page, box_of(page, u))) return false;
    }
    return true;
}

static bool add_lanes(tg_page *page) {
    for (int e = 0; e < page->edge_count; e++) {
        if (!page->edges[e].is_drawn || stands_below(page, page->edges[e].from)) continue;
        const int begin = *column_of(page, page->edges[e].from) + 1, end = *column_of(page, page->edges[e].to);
        for (int c = begin; c < end; c++) {
            if (c == begin) page->edges[e].first_bend = page->box_count;
            if (!add_box(page, (tg_page_box){ .unit = -1, .column = c, .height = LANE, .rank = page->edges[e].from + 0.5 })) return false;
        }
    }
    return true;
}

/* ---- order within a column ---- */

static double mean_of_neighbours(const tg_page *page, int box, bool before) {
    double sum = 0;
    int    count = 0;
    for (int e = 0; e < page->edge_count; e++) {
        const tg_page_edge *edge = &page->edges[e];
        if (!edge->is_drawn) continue;
        const int from = page->units[edge->from].box, to = page->units[edge->to].box;
        const int lanes = edge->first_bend >= 0 ? page->boxes[to].column - page->boxes[from].column - 1 : 0;
        int       chain_at = -1;      /* place of box in the chain from, lanes, to */
        if (box == from) chain_at = 0;
        else if (box == to) chain_at = lanes + 1;
        else if (lanes > 0 && box >= edge->first_bend && box < edge->first_bend + lanes) chain_at = box - edge->first_bend + 1;
        const int next = chain_at + (before ? -1 : 1);
        if (chain_at < 0 || next < 0 || next > lanes + 1) continue;
        const int neighbour = next == 0 ? from : next == lanes + 1 ? to : edge->first_bend + next - 1;
        if (page->boxes[neighbour].column == page->boxes[box].column) continue;
        sum += page->boxes[neighbour].y + page->boxes[neighbour].height / 2;
        count++;
    }
    return count > 0 ? sum / count : page->boxes[box].y + page->boxes[box].height / 2;
}

static int compare_boxes(const tg_page *page, int a, int b) {
    const tg_page_box *x = &page->boxes[a], *y = &page->boxes[b];
    const bool folded  = page->folded > 0 && x->column == page->folded;
    const bool below_x = !folded && x->unit >= 0 && stands_below(page, x->unit), below_y = !folded && y->unit >= 0 && stands_below(page, y->unit);
    if (below_x != below_y) return below_x ? 1 : -1;
    return x->rank < y->rank ? -1 : x->rank > y->rank ? 1 : a - b;
}

/* One below the other, in order of rank; returns how high they are. order: room for all boxes. */
static int stack(tg_page *page, int column, int *order) {
    int count = 0, height = 0, above = -1;
    for (int b = 0; b < page->box_count; b++) {
        if (page->boxes[b].column != column) continue;
        int place = count++;
        for (; place > 0 && compare_boxes(page, b, order[place - 1]) < 0; place--) order[place] = order[place - 1];
        order[place] = b;
    }
    for (int i = 0; i < count; i++) {
        tg_page_box *box = &page->boxes[order[i]];
        const int gap = page->is_dense ? GAP_DENSE : page->folded > 0 && column == page->folded ? GAP_DOWN : GAP_BELOW;
        if (i > 0) height += box->unit < 0 && above < 0 ? 8 : gap;
        box->y = height;
        height += box->height;
        above = box->unit;
    }
    return height;
}

/* What stands below its reader, or in a chain, has its place. */
static bool moves(const tg_page *page, const tg_page_box *box) {
    return box->unit < 0 || !(stands_below(page, box->unit) || is_folded(page, box->unit));
}

static void order_columns(tg_page *page, int *order) {
    const bool is_plain = page->story->layer_count > 0 && page->neurons;
    for (int sweep = 0; sweep < (is_plain ? 0 : SWEEPS); sweep++)
        for (int k = 0; k < page->column_count; k++) {
            const int column = sweep % 2 == 0 ? k : page->column_count - 1 - k;
            for (int b = 0; b < page->box_count; b++)
                if (page->boxes[b].column == column && moves(page, &page->boxes[b]))
                    page->boxes[b].rank = mean_of_neighbours(page, b, sweep % 2 == 0);
            const int height = stack(page, column, order);
            for (int b = 0; b < page->box_count; b++)
                if (page->boxes[b].column == column) page->boxes[b].y -= height / 2;
        }
}

/* ---- places ---- */

static void place_columns(tg_page *page, int *order) {
    int highest = 0, x = MARGIN + 10;
    for (int c = 0; c < page->column_count; c++) {
        const int height = stack(page, c, order);
        if (height > highest) highest = height;
    }
    for (int c = 0; c < page->column_count; c++) {
        const int height = stack(page, c, order);
        int       width  = 40;
        for (int b = 0; b < page->box_count; b++)
            if (page->boxes[b].column == c && page->boxes[b].width > width) width = page->boxes[b].width;
        for (int b = 0; b < page->box_count; b++) {
            tg_page_box *box = &page->boxes[b];
            if (box->column != c) continue;
            box->x = x;
            box->y += MARGIN + 14 + (highest - height) / 2;
            if (box->unit < 0 || !stands_below(page, box->unit) || is_folded(page, box->unit)) box->width = width;
            else box->x += width - box->width;
        }
        x += width + GAP_ACROSS;
    }
    page->width  = x - GAP_ACROSS + MARGIN + 10;
    page->height = highest + 2 * MARGIN + 28 + (page->story->layer_count > 0 ? FOOT : 0);
}

/* Boxes below their readers leave room for one line each on their left. */
static void widen_for_lines_below(tg_page *page) {
    for (int c = 0; c < page->column_count; c++) {
        int lines = 0, widest = 0;
        for (int b = 0; b < page->box_count; b++) {
            const tg_page_box *box = &page->boxes[b];
            if (box->column != c || box->unit < 0 || !stands_below(page, box->unit) || is_folded(page, box->unit)) continue;
            lines++;
            if (box->width > widest) widest = box->width;
        }
        for (int b = 0; b < page->box_count && lines > 0; b++) {
            tg_page_box *box = &page->boxes[b];
            const int    least = widest + LANE_BELOW * lines + 18;
            if (box->column == c && box->unit >= 0 && !stands_below(page, box->unit) && box->width < least) box->width = least;
        }
    }
}

/* ---- where edges meet boxes ---- */

static bool meets(const tg_page *page, const tg_page_edge *edge, int box, bool leaving) {
    const int unit = leaving ? edge->from : edge->to;
    return edge->is_drawn && page->units[unit].box == box && !stands_below(page, edge->from) && !goes_down(page, edge);
}

static int height_of_other_end(const tg_page *page, const tg_page_edge *edge, bool leaving) {
    const int unit = leaving ? edge->to : edge->from;
    return page->boxes[edge->first_bend >= 0 ? edge->first_bend : page->units[unit].box].y;
}

/* The edges of one side of a box share its height, in the order in which they come from or go to. */
static void share_side(tg_page *page, int box, bool leaving) {
    const tg_page_box *b = &page->boxes[box];
    int                count = 0;
    for (int e = 0; e < page->edge_count; e++) {
        const tg_page_edge *edge = &page->edges[e];
        count += meets(page, edge, box, leaving);
    }
    for (int e = 0; e < page->edge_count; e++) {
        tg_page_edge *edge = &page->edges[e];
        if (!meets(page, edge, box, leaving)) continue;
        int earlier = 0;
        for (int f = 0; f < page->edge_count; f++) {
            const tg_page_edge *other = &page->edges[f];
            if (!meets(page, other, box, leaving)) continue;
            const int mine = height_of_other_end(page, edge, leaving), its = height_of_other_end(page, other, leaving);
            earlier += its < mine || (its == mine && f < e);
        }
        const int y = b->y + b->height * (2 * earlier + 1) / (2 * count);
        if (leaving) edge->y_from = y;
        else edge->y_to = y;
        if (leaving || b->slots == 0) continue;
        edge->y_to = b->y + 30 + SLOT / 2 + SLOT * (int)(page->units[edge->from].element % tg_page_node(page, edge->from)->shape.cols);
    }
}

static int number_below(const tg_page *page, int edge) {
    const int column = page->boxes[page->units[page->edges[edge].to].box].column;
    int       number = 0;
    for (int e = 0; e < edge; e++) {
        const tg_page_edge *other = &page->edges[e];
        number += other->is_drawn && stands_below(page, other->from) && page->boxes[page->units[other->to].box].column == column;
    }
    return number;
}

static void place_edges(tg_page *page) {
    for (int b = 0; b < page->box_count; b++) {
        if (page->boxes[b].unit < 0) continue;
        share_side(page, b, true);
        share_side(page, b, false);
    }
    for (int e = 0; e < page->edge_count; e++) {
        tg_page_edge *edge = &page->edges[e];
        if (edge->is_drawn && goes_down(page, edge)) edge->first_bend = TG_PAGE_DOWN;
        if (!edge->is_drawn || !stands_below(page, edge->from) || goes_down(page, edge)) continue;
        if (page->boxes[page->units[edge->from].box].column != page->boxes[page->units[edge->to].box].column) {      /* a second reader */
            edge->y_from = page->boxes[page->units[edge->from].box].y + 20;
            edge->y_to   = page->boxes[page->units[edge->to].box].y + page->boxes[page->units[edge->to].box].height - 12;
            continue;
        }
        edge->first_bend = TG_PAGE_BELOW;      /* a line at the left of what stands below */
        edge->y_from     = page->boxes[page->units[edge->from].box].y + 20;
        edge->y_to       = page->boxes[page->units[edge->to].box].x + 14 + LANE_BELOW * number_below(page, e);      /* an x: it arrives from below */
    }
}

tg_status tg_page_lay_out(tg_page *page) {
    bool enough = add_boxes(page);
    if (enough) find_columns(page);
    if (enough) enough = add_lanes(page);
    const size_t bytes = (size_t)(page->box_count + 1) * sizeof(int);
    int         *order = enough ? tg_allocate(bytes) : NULL;
    if (order == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for a page");
    order_columns(page, order);
    widen_for_lines_below(page);
    place_columns(page, order);
    place_edges(page);
    tg_release(order, bytes);
    return TG_OK;
}
