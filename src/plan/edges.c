/* edges.c - what must run before what: a group behind those whose values it reads, a write of a variable behind the readers of its old value. */
#include "plan/compile.h"

#include <stdlib.h>

enum { MOST_VISITED = 4096 };      /* groups that may run behind a write in place; with more of them it is refused */

tg_status tg_add_edge(tg_compiler *c, uint32_t from, uint32_t to) {
    if (from == to || from == TG_NO_GROUP) return TG_OK;
    if (c->edge_count == 0) c->edge_count = 1;
    if (!tg_grow((void **)&c->edges, &c->edge_capacity, c->edge_count + 1, sizeof *c->edges))
        return tg_fail(c->tape, TG_OUT_OF_MEMORY, "no memory to compile a step of %zu nodes", c->tape->length);
    c->edges[c->edge_count] = (tg_edge){ to, c->first_edge[from] };
    c->first_edge[from]     = (uint32_t)c->edge_count++;
    return TG_OK;
}

/* ---- data ---- */

static tg_status add_member_edges(tg_compiler *c, uint32_t g) {
    const tg_group *group = &c->groups[g];
    for (uint32_t id = group->first; id != 0; id = id == group->last ? 0 : c->next[id]) {
        const uint32_t *inputs = tg_inputs_of(c->graph, id);
        for (uint32_t k = 0; k < c->graph->nodes[id].input_count; k++)
            if (inputs[k] != 0 && tg_add_edge(c, tg_producer(c, inputs[k]), g) != TG_OK) return c->tape->status;
    }
    return TG_OK;
}

/* Labels of the caller's are checked before everything else; those that are computed, before what reads them, and before what is written. */
static void add_label_edges(tg_compiler *c, uint32_t g, const tg_group *group) {
    const uint32_t producer = tg_producer(c, tg_inputs_of(c->graph, group->first)[group->operand]);
    if (producer != TG_NO_GROUP) c->checks[c->check_count++] = g;
    if (tg_add_edge(c, producer, g) == TG_OK) tg_add_edge(c, g, c->group_of[group->first]);
}

tg_status tg_add_data_edges(tg_compiler *c) {
    c->first_edge = tg_compiler_room(c, c->group_count + 1, sizeof *c->first_edge);
    c->checks     = tg_compiler_room(c, c->group_count + 1, sizeof *c->checks);
    if (c->first_edge == NULL || c->checks == NULL) return c->tape->status;
    for (uint32_t g = 0; g < c->group_count && c->tape->status == TG_OK; g++) {
        const tg_group *group = &c->groups[g];
        if (group->kind == TG_GROUP_FINITE) c->checks[c->check_count++] = g;
        if (group->kind == TG_GROUP_LABELS) add_label_edges(c, g, group);
        else if (group->kind == TG_GROUP_FINITE || group->kind == TG_GROUP_WRITE)
            tg_add_edge(c, tg_producer(c, c->outcomes[group->outcome].value), g);
        else add_member_edges(c, g);
    }
    return c->tape->status;
}

/* ---- readers of variables ---- */

static tg_reader reader_of(const tg_compiler *c, uint32_t node, uint32_t operand) {
    const uint32_t id   = tg_inputs_of(c->graph, node)[operand];
    const tg_root  root = tg_root_of(c, id);
    return (tg_reader){
        .leaf = root.node, .node = node, .operand = operand, .begin = root.offset, .end = root.offset + tg_elements(tg_shape_at(c->graph, id))
    };
}

static bool reads_block(const tg_compiler *c, uint32_t node, uint32_t operand) {
    const uint32_t id   = tg_inputs_of(c->graph, node)[operand];
    const tg_leaf *leaf = id != 0 && c->group_of[node] != TG_NO_GROUP ? tg_leaf_of(c->graph, tg_root_of(c, id).node) : NULL;
    return leaf != NULL && leaf->kind == TG_LEAF_BLOCK;
}

static int by_place(const void *a, const void *b) {
    const tg_reader *x = a, *y = b;
    if (x->leaf != y->leaf) return x->leaf < y->leaf ? -1 : 1;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->node != y->node) return x->node < y->node ? -1 : 1;
    return (x->operand > y->operand) - (x->operand < y->operand);
}

/* Before anything is placed: behind that, a root no longer tells the old value from the new one. */
tg_status tg_list_readers(tg_compiler *c) {
    for (int counting = 1; counting >= 0; counting--) {
        c->reader_count = 0;
        for (uint32_t id = 1; id < c->graph->length; id++)
            for (uint32_t k = 0; k < c->graph->nodes[id].input_count; k++) {
                if (!reads_block(c, id, k)) continue;
                if (!counting) c->readers[c->reader_count] = reader_of(c, id, k);
                c->reader_count++;
            }
        if (counting) c->readers = tg_compiler_room(c, c->reader_count + 1, sizeof *c->readers);
        if (c->readers == NULL) return c->tape->status;
    }
    if (c->reader_count > 1) qsort(c->readers, c->reader_count, sizeof *c->readers, by_place);
    for (size_t i = 0; i < c->reader_count; i++) {
        tg_reader *r = &c->readers[i];
        const bool first = i == 0 || r[-1].leaf != r->leaf;
        r->latest_end    = first || r[-1].latest_end < r->end ? r->end : r[-1].latest_end;
    }
    return TG_OK;
}

/* ---- cycles ---- */

/* Marks all groups that run behind g by some way. false: there are too many to look at, and any may be. */
static bool mark_behind(tg_compiler *c, uint32_t g) {
    if (c->search_stack == NULL) c->search_stack = tg_compiler_room(c, c->group_count, sizeof *c->search_stack);
    if (c->search_seen == NULL) c->search_seen = tg_compiler_room(c, c->group_count, sizeof *c->search_seen);
    if (c->search_stack == NULL || c->search_seen == NULL) return false;
    size_t depth = 0, visited = 0;
    c->search_stamp++;
    c->search_stack[depth++] = g;
    c->search_seen[g]        = c->search_stamp;
    while (depth > 0) {
        if (++visited > MOST_VISITED) return false;
        for (uint32_t e = c->first_edge[c->search_stack[--depth]]; e != 0; e = c->edges[e].next) {
            const uint32_t next = c->edges[e].to;
            if (c->search_seen[next] == c->search_stamp) continue;
            c->search_seen[next]     = c->search_stamp;
            c->search_stack[depth++] = next;
        }
    }
    return true;
}

static bool is_behind(const tg_compiler *c, uint32_t g) { return c->search_seen[g] == c->search_stamp; }

bool tg_precedes_check(tg_compiler *c, uint32_t g) {
    if (!mark_behind(c, g)) return true;
    for (size_t i = 0; i < c->check_count; i++)
        if (is_behind(c, c->checks[i])) return true;
    return false;
}

/* ---- a write of a variable ---- */

/* Behind the last reader of the leaf that begins before `end`. */
static size_t behind_last_reader(const tg_compiler *c, uint32_t leaf, int64_t end) {
    size_t low = 0, high = c->reader_count;
    while (low < high) {
        const size_t     middle = low + (high - low) / 2;
        const tg_reader *r      = &c->readers[middle];
        if (r->leaf < leaf || (r->leaf == leaf && r->begin < end)) low = middle + 1;
        else high = middle;
    }
    return low;
}

typedef bool (*visit_fn)(tg_compiler *c, const tg_reader *r, uint32_t g, tg_allows_fn allows, uint32_t written);

/* From the last reader on, while one of them may reach beyond begin. */
static bool each_reader(tg_compiler *c, uint32_t g, uint32_t leaf, int64_t begin, int64_t end, visit_fn visit, tg_allows_fn allows,
                        uint32_t written) {
    for (size_t i = behind_last_reader(c, leaf, end); i-- > 0;) {
        const tg_reader *r = &c->readers[i];
        if (r->leaf != leaf || r->latest_end <= begin) break;
        if (r->end > begin && r->begin < r->end && !visit(c, r, g, allows, written)) return false;
    }
    return true;
}

static bool can_precede(tg_compiler *c, const tg_reader *r, uint32_t g, tg_allows_fn allows, uint32_t written) {
    const uint32_t reading = c->group_of[r->node];
    return reading == g ? allows != NULL && allows(c, r, written) : !is_behind(c, reading);
}

static bool precede(tg_compiler *c, const tg_reader *r, uint32_t g, tg_allows_fn allows, uint32_t written) {
    (void)allows, (void)written;
    return tg_add_edge(c, c->group_of[r->node], g) == TG_OK;
}

bool tg_put_behind_readers(tg_compiler *c, uint32_t g, uint32_t leaf, int64_t begin, int64_t end, tg_allows_fn allows, uint32_t written) {
    return mark_behind(c, g) && each_reader(c, g, leaf, begin, end, can_precede, allows, written) &&
           each_reader(c, g, leaf, begin, end, precede, allows, written);
}
