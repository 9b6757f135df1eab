/* place.c - values are computed where they must end: in the variable that they are written to, in the concat of which they are a part.
 *
 * A value is refused its place where a reader of the old value forbids it; it is then computed elsewhere and copied. */
#include "plan/compile.h"

/* ---- memory of its own ---- */

static tg_status start_at_home(tg_compiler *c) {
    const size_t length = c->graph->length;
    c->parent = tg_compiler_room(c, length, sizeof *c->parent);
    c->shift  = tg_compiler_room(c, length, sizeof *c->shift);
    if (c->parent == NULL || c->shift == NULL) return c->tape->status;
    for (uint32_t id = 0; id < length; id++) {
        const bool view = id > 0 && (c->graph->nodes[id].op->flags & TG_OP_VIEW) != 0;
        c->parent[id]   = view ? tg_inputs_of(c->graph, id)[0] : id;
        c->shift[id]    = view ? ((const tg_view_attributes *)tg_attributes_of(c->graph, id))->offset : 0;
    }
    return TG_OK;
}

static bool may_move(const tg_compiler *c, uint32_t id) { return c->parent[id] == id && c->group_of[id] != TG_NO_GROUP; }

static void move(tg_compiler *c, uint32_t id, uint32_t into, int64_t at) {
    c->parent[id] = into;
    c->shift[id]  = at;
}

/* ---- readers in the group that writes ---- */

/* The operand of `reader` is exactly what `written` overwrites: same elements, same shape, and no step behind the writing one reads them. */
static bool is_overwritten_in_place(const tg_compiler *c, const tg_reader *reader, uint32_t written) {
    const uint32_t operand = tg_inputs_of(c->graph, reader->node)[reader->operand];
    const tg_shape a = tg_shape_at(c->graph, operand), b = tg_shape_at(c->graph, written);
    const tg_root  root = tg_root_of(c, written);      /* as if it were placed already */
    if (!(c->graph->nodes[written].op->flags & TG_OP_ELEMENTWISE)) return false;      /* a sum is written before all is read */
    return a.rows == b.rows && a.cols == b.cols && reader->begin == root.offset && reader->node <= written;
}

static bool strip_allows(const tg_compiler *c, const tg_reader *reader, uint32_t written) { return is_overwritten_in_place(c, reader, written); }

/* A product with an update reads the old value element by element as that which is added to. */
static bool product_allows(const tg_compiler *c, const tg_reader *reader, uint32_t written) {
    return reader->node == written && reader->operand == 2 && is_overwritten_in_place(c, reader, written);
}

static tg_allows_fn rule_of(const tg_group *group) {
    return group->kind == TG_GROUP_STRIP ? strip_allows : group->kind == TG_GROUP_PRODUCT ? product_allows : NULL;
}

/* ---- one value ---- */

/* Computes id in the block behind leaf from `at` on. */
static bool place_in_block(tg_compiler *c, uint32_t id, uint32_t leaf, int64_t at) {
    const uint32_t g   = c->group_of[id];
    const int64_t  end = at + tg_elements(tg_shape_at(c->graph, id));
    move(c, id, leaf, at);
    if (!tg_precedes_check(c, g) && tg_put_behind_readers(c, g, leaf, at, end, rule_of(&c->groups[g]), id)) return true;
    move(c, id, id, 0);
    return false;
}

/* Whether the value, or a view of it, can be read afterwards as node of the tape, `except` apart. It then has to stay as computed, while the zeros
 * between the variables of a block are restored. */
static bool is_read(const tg_compiler *c, uint32_t id, uint32_t except) {
    for (size_t i = 0; i < c->outcome_count && c->outcomes[i].kind == TG_READ; i++) {      /* those are the first ones */
        const tg_outcome *o = &c->outcomes[i];
        if (o->node != except && o->value != 0 && tg_root_of(c, o->value).node == id) return true;
    }
    return false;
}

/* A part of a concat that lies in a block, by itself or within another concat: its group is a writer of its own. */
static void place_part(tg_compiler *c, uint32_t concat, uint32_t part, int64_t offset) {
    const uint32_t g = c->group_of[part];
    const tg_root  root = tg_root_of(c, concat);
    const int64_t  at   = root.offset + offset, end = at + tg_elements(tg_shape_at(c->graph, part));
    const bool     is_in_block = tg_leaf_of(c->graph, root.node) != NULL;
    if (is_in_block && is_read(c, part, 0)) return;
    move(c, part, concat, offset);
    if (!is_in_block) return;
    if (!tg_precedes_check(c, g) && tg_put_behind_readers(c, g, root.node, at, end, rule_of(&c->groups[g]), part)) return;
    move(c, part, part, 0);
}

static void place_parts(tg_compiler *c, uint32_t concat) {
    int64_t offset = 0;
    for (uint32_t k = 0; k < c->graph->nodes[concat].input_count; k++) {
        const uint32_t part  = tg_inputs_of(c->graph, concat)[k];
        const int64_t  count = tg_elements(tg_shape_at(c->graph, part));
        if (count > 0 && may_move(c, part)) place_part(c, concat, part, offset);
        offset += count;
    }
}

/* ---- values that are written ---- */

/* A concat copies what is not placed in it; copying a part of the block into the block itself is not its business. */
static bool copies_from(const tg_compiler *c, uint32_t concat, uint32_t leaf) {
    for (uint32_t k = 0; k < c->graph->nodes[concat].input_count; k++)
        if (tg_root_of(c, tg_inputs_of(c->graph, concat)[k]).node == leaf) return true;
    return false;
}

static bool is_concat(const tg_compiler *c, uint32_t id) { return (c->graph->nodes[id].op->flags & TG_OP_CONCAT) != 0; }

/* All of the block at once: its padding is computed with it and set to zero again. Not where slices are frozen. */
static bool is_whole(const tg_compiler *c, const tg_outcome *o) {
    const tg_leaf *leaf = tg_leaf_of(c->graph, o->target);
    return leaf->frozen == 0 && o->write.from == o->write.begin && tg_elements(tg_shape_at(c->graph, o->value)) == leaf->block->count;
}

/* All of the block has one range only if there is nothing between its variables. */
static bool has_padding(const tg_outcome *o) { return o->write.end - o->write.begin < o->write.block->count; }

static int64_t place_of(const tg_outcome *o) { return o->write.begin - o->write.from; }

static bool place_outcome(tg_compiler *c, const tg_outcome *o) {
    const uint32_t v = o->value;
    if (!may_move(c, v) || o->write.block->params->type != c->options->type) return false;
    const bool fits = is_whole(c, o) || (o->write.from == 0 && tg_elements(tg_shape_at(c->graph, v)) == o->write.end - o->write.begin);
    if (!fits || (is_whole(c, o) && has_padding(o) && is_read(c, o->value, o->node))) return false;
    if ((is_concat(c, v) && copies_from(c, v, o->target)) || !place_in_block(c, v, o->target, place_of(o))) return false;
    if (is_concat(c, v)) place_parts(c, v);
    return true;
}

/* Several ranges of one value follow one another: once it lies in its block, all of them are served. */
static tg_status place_outcomes(tg_compiler *c) {
    for (size_t i = 0; i < c->outcome_count && c->tape->status == TG_OK; i++) {
        tg_outcome *o = &c->outcomes[i];
        if (o->kind != TG_WRITE) continue;
        const tg_root root = tg_root_of(c, o->value);
        o->placed = (root.node == o->target && root.offset == place_of(o)) || place_outcome(c, o);
    }
    return c->tape->status;
}

/* ---- writes that are copies, and checks before all writes ---- */

static tg_status order_writes(tg_compiler *c) {
    for (uint32_t g = 0; g < c->group_count && c->tape->status == TG_OK; g++) {
        const tg_outcome *o = c->groups[g].kind == TG_GROUP_WRITE ? &c->outcomes[c->groups[g].outcome] : NULL;
        if (o != NULL && !o->placed) tg_put_behind_readers(c, g, o->target, o->write.begin, o->write.end, NULL, 0);
    }
    return c->tape->status;
}

static bool writes_variable(const tg_compiler *c, uint32_t g) {
    const tg_group *group = &c->groups[g];
    if (group->kind == TG_GROUP_WRITE) return !c->outcomes[group->outcome].placed;
    if (group->kind == TG_GROUP_FINITE || group->kind == TG_GROUP_LABELS) return false;
    for (uint32_t id = group->first; id != 0; id = id == group->last ? 0 : c->next[id])
        if (tg_leaf_of(c->graph, tg_root_of(c, id).node) != NULL) return true;
    return false;
}

/* Nothing is written before all checks have passed. */
static tg_status order_checks(tg_compiler *c) {
    for (uint32_t g = 0; g < c->group_count && c->tape->status == TG_OK; g++) {
        if (!writes_variable(c, g)) continue;
        for (size_t i = 0; i < c->check_count && c->tape->status == TG_OK; i++) tg_add_edge(c, c->checks[i], g);
    }
    return c->tape->status;
}

tg_status tg_place_values(tg_compiler *c) {
    if (start_at_home(c) != TG_OK || tg_add_data_edges(c) != TG_OK || tg_list_readers(c) != TG_OK) return c->tape->status;
    const bool places = tg_pass_is_on(c, TG_PASS_place);
    if (places && place_outcomes(c) != TG_OK) return c->tape->status;
    for (uint32_t id = (uint32_t)c->graph->length; places && id-- > 1;)      /* outer ones first, so that it is known where inner ones lie */
        if (is_concat(c, id)) place_parts(c, id);
    if (order_writes(c) != TG_OK) return c->tape->status;
    return order_checks(c);
}
