/* groups.c - nodes that run together: elementwise ops as strips, an update with the product that it reads.
 *
 * Between groups every edge goes from a smaller position to a greater one, so that they never form a cycle: a strip's position is that of its first
 * node, that of a product with its update the update's. */
#include "plan/compile.h"

enum { MOST_MEMBERS = 16, MOST_TRIED = 12 };

static bool has(const tg_compiler *c, uint32_t id, unsigned flags) { return (c->graph->nodes[id].op->flags & flags) != 0; }

/* ---- making groups ---- */

static tg_group *add_group(tg_compiler *c, tg_group group) {
    if (!tg_grow((void **)&c->groups, &c->group_capacity, c->group_count + 1, sizeof *c->groups)) {
        tg_fail(c->tape, TG_OUT_OF_MEMORY, "no memory to compile a step of %zu nodes", c->tape->length);
        return NULL;
    }
    c->groups[c->group_count] = group;
    return &c->groups[c->group_count++];
}

static void join(tg_compiler *c, uint32_t g, uint32_t id) {
    tg_group *group = &c->groups[g];
    c->next[group->last] = id;
    group->last          = id;
    group->count++;
    c->group_of[id]      = g;
}

static void found(tg_compiler *c, tg_group_kind kind, uint32_t id) {
    c->group_of[id] = (uint32_t)c->group_count;
    add_group(c, (tg_group){ .kind = kind, .first = id, .last = id, .count = 1, .position = id });
}

uint32_t tg_producer(const tg_compiler *c, uint32_t id) {
    while (has(c, id, TG_OP_VIEW)) id = tg_inputs_of(c->graph, id)[0];
    return c->group_of[id];
}

static bool comes_before(const tg_compiler *c, uint32_t id, uint32_t position) {
    const uint32_t g = tg_producer(c, id);
    return g == TG_NO_GROUP || c->groups[g].position < position;
}

/* ---- strips ---- */

static bool same_shape(const tg_compiler *c, uint32_t a, uint32_t b) {
    const tg_shape x = tg_shape_at(c->graph, a), y = tg_shape_at(c->graph, b);
    return x.rows == y.rows && x.cols == y.cols;
}

/* Strangers of equal shape stay apart: id reads a member, or both read the same value of the full shape. */
static bool shares(const tg_compiler *c, const tg_group *group, uint32_t id) {
    const uint32_t *inputs = tg_inputs_of(c->graph, id);
    for (uint32_t k = 0; k < c->graph->nodes[id].input_count; k++) {
        if (inputs[k] == 0 || !same_shape(c, inputs[k], id)) continue;
        if (tg_producer(c, inputs[k]) == (uint32_t)(group - c->groups)) return true;
        for (uint32_t m = group->first; m != 0; m = m == group->last ? 0 : c->next[m])
            for (uint32_t j = 0; j < c->graph->nodes[m].input_count; j++)
                if (tg_inputs_of(c->graph, m)[j] == inputs[k]) return true;
    }
    return false;
}

/* A view of a member, and a sum, are complete only when the strip is. */
static bool is_member(const tg_compiler *c, uint32_t g, uint32_t id) { return c->group_of[id] == g && has(c, id, TG_OP_ELEMENTWISE); }

static bool may_join(const tg_compiler *c, uint32_t g, uint32_t id) {
    const tg_group *group  = &c->groups[g];
    const uint32_t *inputs = tg_inputs_of(c->graph, id);
    if (group->kind != TG_GROUP_STRIP || group->count >= MOST_MEMBERS || !same_shape(c, group->first, id)) return false;
    for (uint32_t k = 0; k < c->graph->nodes[id].input_count; k++) {
        if (inputs[k] == 0) continue;
        if (!is_member(c, g, inputs[k]) && !comes_before(c, inputs[k], group->position)) return false;
    }
    return shares(c, group, id);
}

/* A sum that can be called part by part joins the strip that computes what it adds up; it is complete when the strip is. Not a sum of nothing: a
 * strip without elements has no part in which it could be written. */
static bool sum_may_join(const tg_compiler *c, uint32_t g, uint32_t id) {
    const tg_group *group  = &c->groups[g];
    const uint32_t *inputs = tg_inputs_of(c->graph, id);
    bool            reads  = false;
    if (group->kind != TG_GROUP_STRIP || group->count >= MOST_MEMBERS) return false;
    for (uint32_t k = 0; k < c->graph->nodes[id].input_count; k++) {
        if (inputs[k] == 0 || !same_shape(c, group->first, inputs[k]) || tg_elements(tg_shape_at(c->graph, inputs[k])) == 0) return false;
        const bool member = is_member(c, g, inputs[k]);
        if (!member && !comes_before(c, inputs[k], group->position)) return false;
        reads |= member;
    }
    return reads;
}

static bool join_strip(tg_compiler *c, uint32_t id, bool (*may)(const tg_compiler *c, uint32_t g, uint32_t id)) {
    for (size_t tried = 0; tg_pass_is_on(c, TG_PASS_strips) && tried < MOST_TRIED && tried < c->group_count; tried++) {
        const uint32_t g = (uint32_t)(c->group_count - 1 - tried);
        if (!may(c, g, id)) continue;
        join(c, g, id);
        return true;
    }
    return false;
}

static void add_elementwise(tg_compiler *c, uint32_t id) {
    if (!join_strip(c, id, may_join)) found(c, TG_GROUP_STRIP, id);
}

static void add_call(tg_compiler *c, uint32_t id) {
    if (has(c, id, TG_OP_CONTINUES) && join_strip(c, id, sum_may_join)) return;
    found(c, has(c, id, TG_OP_CONCAT) ? TG_GROUP_CONCAT : has(c, id, TG_OP_PRODUCT) ? TG_GROUP_PRODUCT : TG_GROUP_CALL, id);
}

/* ---- updates that join a product ---- */

/* y + s p, where nothing else reads the product p */
static bool joins_product(const tg_compiler *c, uint32_t id, const uint32_t *readers) {
    if (!tg_pass_is_on(c, TG_PASS_accumulate) || !has(c, id, TG_OP_ACCUMULATES)) return false;
    const uint32_t product = tg_inputs_of(c->graph, id)[1];
    return has(c, product, TG_OP_PRODUCT) && readers[product] == 1 && c->groups[c->group_of[product]].count == 1 && same_shape(c, product, id);
}

static void join_product(tg_compiler *c, uint32_t id) {
    const uint32_t g = c->group_of[tg_inputs_of(c->graph, id)[1]];
    join(c, g, id);
    c->groups[g].position = id;
}

/* ---- all nodes ---- */

static void add_node(tg_compiler *c, uint32_t id, const uint32_t *readers) {
    if (tg_leaf_of(c->graph, id) != NULL || has(c, id, TG_OP_VIEW)) c->group_of[id] = TG_NO_GROUP;
    else if (joins_product(c, id, readers)) join_product(c, id);
    else if (has(c, id, TG_OP_ELEMENTWISE)) add_elementwise(c, id);
    else add_call(c, id);
}

static void add_label_checks(tg_compiler *c, uint32_t id) {
    const uint32_t *inputs = tg_inputs_of(c->graph, id);
    for (uint32_t k = 0; k < c->graph->nodes[id].input_count && c->graph->nodes[id].op->limit != NULL; k++)
        if (inputs[k] != 0 && tg_shape_at(c->graph, inputs[k]).integer)
            add_group(c, (tg_group){ .kind = TG_GROUP_LABELS, .first = id, .last = id, .position = 0, .operand = k });
}

tg_status tg_make_groups(tg_compiler *c) {
    const size_t length  = c->graph->length;
    uint32_t    *readers = tg_count_readers(c);
    c->group_of = tg_compiler_room(c, length, sizeof *c->group_of);
    c->next     = tg_compiler_room(c, length, sizeof *c->next);
    if (readers == NULL || c->group_of == NULL || c->next == NULL) return c->tape->status;
    c->group_of[0] = TG_NO_GROUP;
    for (uint32_t id = 1; id < length && c->tape->status == TG_OK; id++) add_node(c, id, readers);
    for (uint32_t id = 1; id < length && c->tape->status == TG_OK; id++) add_label_checks(c, id);
    for (size_t i = 0; i < c->outcome_count && c->tape->status == TG_OK; i++)
        if (c->outcomes[i].kind != TG_READ)
            add_group(c, (tg_group){ .kind = c->outcomes[i].kind == TG_FINITE ? TG_GROUP_FINITE : TG_GROUP_WRITE, .position = c->outcomes[i].value,
                                     .outcome = (uint32_t)i });
    return c->tape->status;
}
