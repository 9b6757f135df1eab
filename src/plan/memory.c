/* memory.c - one arena: a value has memory from its first writer to its last reader, and may take over that of an operand that ends with it. */
#include "plan/compile.h"

enum { STRIP_ELEMENTS = 1024 };      /* of a block: it stays in the first-level cache, and a call costs little beside it */

/* ---- how strips are cut ---- */

static bool is_elementwise(const tg_compiler *c, uint32_t id) { return (c->graph->nodes[id].op->flags & TG_OP_ELEMENTWISE) != 0; }

/* A sum of all elements, for which rows are nothing special; of one column, the sum of its rows looks the same. */
static bool is_total(const tg_compiler *c, uint32_t id) {
    return tg_elements(tg_shape_at(c->graph, id)) == 1 && tg_shape_at(c->graph, tg_inputs_of(c->graph, id)[0]).cols != 1;
}

static bool is_flat(const tg_compiler *c, const tg_group *strip) {
    const tg_shape shape = tg_shape_at(c->graph, strip->first);
    for (uint32_t id = strip->first; id != 0; id = id == strip->last ? 0 : c->next[id]) {
        if (!is_elementwise(c, id) && !is_total(c, id)) return false;
        for (uint32_t k = 0; k < c->graph->nodes[id].input_count; k++) {
            const uint32_t operand = tg_inputs_of(c->graph, id)[k];
            const tg_shape s       = tg_shape_at(c->graph, operand);
            if (operand != 0 && tg_elements(s) != 1 && (s.rows != shape.rows || s.cols != shape.cols)) return false;
        }
    }
    return true;
}

tg_cut tg_cut_of(const tg_compiler *c, const tg_group *strip) {
    const tg_shape shape = tg_shape_at(c->graph, strip->first);
    tg_cut         cut   = { .flat = is_flat(c, strip) };
    const int64_t  size  = cut.flat ? tg_elements(shape) : shape.rows;
    if (tg_elements(shape) == 0) return cut;
    cut.block = cut.flat ? STRIP_ELEMENTS : shape.cols < STRIP_ELEMENTS ? STRIP_ELEMENTS / shape.cols : 1;
    if (cut.block > size) cut.block = size;
    cut.blocks = (size + cut.block - 1) / cut.block;
    cut.last   = size - (cut.blocks - 1) * cut.block;
    return cut;
}

/* ---- from when to when a value lives ---- */

typedef struct life {
    uint32_t begin, end;      /* times; begin 0: a leaf that is converted. end < begin: it has no memory */
    uint32_t last_step;       /* the time of the last step that reads it */
    size_t   bytes;
    uint32_t next_begin, next_end;      /* chains of those that begin, and end, at one time */
    bool     donated;
} life;

typedef struct hole { size_t offset, bytes; } hole;

typedef struct layout {
    tg_compiler *c;
    life        *lives;            /* by node */
    uint32_t    *begins, *ends;    /* by time: the first of the chain; 0: none */
    uint32_t     times;
    hole        *holes;            /* by offset */
    size_t       hole_count, hole_capacity;
    size_t       top;
} layout;

static size_t element_bytes(const tg_compiler *c, uint32_t id) {
    return tg_shape_at(c->graph, id).integer ? sizeof(int32_t) : tg_type_bytes(c->options->type);
}

static size_t rounded(size_t bytes) { return (bytes + TG_ALIGNMENT - 1) / TG_ALIGNMENT * TG_ALIGNMENT; }

static bool is_converted_leaf(const tg_compiler *c, const tg_leaf *leaf) {
    switch (leaf->kind) {
        case TG_LEAF_F32:   return c->options->type != TG_F32;
        case TG_LEAF_F64:   return c->options->type != TG_F64;
        case TG_LEAF_BLOCK: return c->options->type != leaf->block->params->type;
        case TG_LEAF_I32:
        case TG_LEAF_SCALAR:
        case TG_LEAF_CONSTANT: break;
    }
    return false;
}

/* Values in the arena: computed ones with memory of their own, and leaves that are converted. */
static bool has_memory(const tg_compiler *c, uint32_t id) {
    const tg_leaf *leaf = tg_leaf_of(c->graph, id);
    return c->parent[id] == id && (leaf == NULL || is_converted_leaf(c, leaf));
}

static void write_at(layout *l, uint32_t id, uint32_t begin, uint32_t end) {
    life *v = &l->lives[tg_root_of(l->c, id).node];
    if (v->begin == UINT32_MAX || begin < v->begin) v->begin = begin;
    if (end > v->end) v->end = end;
}

static void read_at(layout *l, uint32_t id, uint32_t time, uint32_t step) {
    life *v = &l->lives[tg_root_of(l->c, id).node];
    if (time > v->end) v->end = time;
    if (step > v->last_step) v->last_step = step;
}

static void live_through_group(layout *l, const tg_group *group) {
    tg_compiler *c    = l->c;
    const bool   many = group->kind == TG_GROUP_STRIP && tg_cut_of(c, group).blocks > 1;
    uint32_t     step = group->begin;
    if (group->kind == TG_GROUP_FINITE || group->kind == TG_GROUP_WRITE) {
        read_at(l, c->outcomes[group->outcome].value, step, step);
        return;
    }
    if (group->kind == TG_GROUP_LABELS) {
        read_at(l, tg_inputs_of(c->graph, group->first)[group->operand], step, step);
        return;
    }
    for (uint32_t id = group->first; id != 0; id = id == group->last ? 0 : c->next[id], step++) {
        const bool whole =
            group->kind != TG_GROUP_STRIP || !is_elementwise(c, id) || (many && !c->is_register[id]); /* from the first block to the last */
        write_at(l, id, whole ? group->begin : step, whole ? group->end : step);
        for (uint32_t k = 0; k < c->graph->nodes[id].input_count; k++) {
            const uint32_t operand = tg_inputs_of(c->graph, id)[k];
            if (operand != 0) read_at(l, operand, (many && !c->is_register[operand]) || group->kind != TG_GROUP_STRIP ? group->end : step, step);
        }
    }
}

/* Only its own strip needs it: no other group reads it, no view, no outcome. */
static tg_status find_registers(tg_compiler *c) {
    const size_t length = c->graph->length;
    c->is_register = tg_compiler_room(c, length, sizeof *c->is_register);
    if (c->is_register == NULL || !tg_pass_is_on(c, TG_PASS_memory)) return c->tape->status;
    for (uint32_t id = 1; id < length; id++)
        c->is_register[id] =
            c->parent[id] == id && c->group_of[id] != TG_NO_GROUP && is_elementwise(c, id) && c->groups[c->group_of[id]].kind == TG_GROUP_STRIP;
    for (uint32_t id = 1; id < length; id++) {
        if (c->parent[id] != id) c->is_register[c->parent[id]] = false;
        for (uint32_t k = 0; k < c->graph->nodes[id].input_count; k++) {
            const uint32_t operand = tg_inputs_of(c->graph, id)[k];
            if (operand != 0 && c->group_of[operand] != c->group_of[id]) c->is_register[operand] = false;
        }
    }
    for (size_t i = 0; i < c->outcome_count; i++) c->is_register[c->outcomes[i].value] = false;
    return TG_OK;
}

static size_t bytes_of(const tg_compiler *c, uint32_t id) {
    int64_t elements = tg_elements(tg_shape_at(c->graph, id));
    if (c->is_register[id]) {
        const tg_cut cut = tg_cut_of(c, &c->groups[c->group_of[id]]);
        elements         = cut.block * (cut.flat ? 1 : tg_shape_at(c->graph, id).cols);
    }
    return rounded((size_t)elements * element_bytes(c, id));
}

static void find_lives(layout *l) {
    tg_compiler *c = l->c;
    for (uint32_t id = 1; id < c->graph->length; id++)
        l->lives[id] = (life){ .begin = tg_leaf_of(c->graph, id) != NULL ? 0 : UINT32_MAX, .bytes = bytes_of(c, id) };
    for (size_t i = 0; i < c->group_count; i++) live_through_group(l, &c->groups[c->order[i]]);
    for (size_t i = 0; i < c->outcome_count; i++)
        if (c->outcomes[i].kind == TG_READ && c->outcomes[i].value != 0) read_at(l, c->outcomes[i].value, l->times, UINT32_MAX);
}

static void chain_lives(layout *l) {
    const bool reuse = tg_pass_is_on(l->c, TG_PASS_memory);
    for (uint32_t id = (uint32_t)l->c->graph->length; id-- > 1;) {
        life *v = &l->lives[id];
        if (!has_memory(l->c, id) || v->begin == UINT32_MAX) continue;
        if (!reuse) v->end = l->times;
        v->next_begin       = l->begins[v->begin];
        v->next_end         = l->ends[v->end];
        l->begins[v->begin] = l->ends[v->end] = id;
    }
}

/* ---- the arena ---- */

/* The smallest hole that is large enough; behind everything if there is none. */
static size_t take(layout *l, size_t bytes) {
    size_t best = l->hole_count;
    for (size_t i = 0; i < l->hole_count; i++)
        if (l->holes[i].bytes >= bytes && (best == l->hole_count || l->holes[i].bytes < l->holes[best].bytes)) best = i;
    if (best == l->hole_count) {
        l->top += bytes;
        return l->top - bytes;
    }
    const size_t offset = l->holes[best].offset;
    l->holes[best].offset += bytes;
    l->holes[best].bytes -= bytes;
    if (l->holes[best].bytes == 0) {
        for (size_t i = best + 1; i < l->hole_count; i++) l->holes[i - 1] = l->holes[i];
        l->hole_count--;
    }
    return offset;
}

static void give_back(layout *l, size_t offset, size_t bytes) {
    size_t i = l->hole_count;
    while (i > 0 && l->holes[i - 1].offset > offset) i--;
    const bool joins_before = i > 0 && l->holes[i - 1].offset + l->holes[i - 1].bytes == offset;
    const bool joins_behind = i < l->hole_count && offset + bytes == l->holes[i].offset;
    if (joins_before && joins_behind) {
        l->holes[i - 1].bytes += bytes + l->holes[i].bytes;
        for (size_t k = i + 1; k < l->hole_count; k++) l->holes[k - 1] = l->holes[k];
        l->hole_count--;
    } else if (joins_before) l->holes[i - 1].bytes += bytes;
    else if (joins_behind) l->holes[i] = (hole){ offset, bytes + l->holes[i].bytes };
    else {
        for (size_t k = l->hole_count; k > i; k--) l->holes[k] = l->holes[k - 1];
        l->holes[i] = (hole){ offset, bytes };
        l->hole_count++;
    }
}

/* Whether a group reads the value element by element where it writes its own, and no part of it as a view in another place or shape, nor as a factor
 * of a product: what is written in its memory would change under such a reader. */
static bool is_read_in_place(const tg_compiler *c, const tg_group *group, uint32_t root, tg_shape shape) {
    for (uint32_t m = group->first; m != 0; m = m == group->last ? 0 : c->next[m])
        for (uint32_t k = 0; k < c->graph->nodes[m].input_count; k++) {
            const uint32_t operand = tg_inputs_of(c->graph, m)[k];
            const tg_root  read    = tg_root_of(c, operand);
            const tg_shape s       = tg_shape_at(c->graph, operand);
            const bool     element = group->kind == TG_GROUP_PRODUCT ? m == group->last && k == 2 : read.offset == 0;
            if (operand != 0 && read.node == root && (!element || s.rows != shape.rows || s.cols != shape.cols)) return false;
        }
    return true;
}

/* An operand whose memory the elementwise node id may take over: the same size and shape, and id is the last that reads it. */
static uint32_t donor_of(const layout *l, uint32_t id) {
    const tg_compiler *c = l->c;
    if (!tg_pass_is_on(c, TG_PASS_donors) || !tg_pass_is_on(c, TG_PASS_memory) || !(c->graph->nodes[id].op->flags & TG_OP_ELEMENTWISE)) return 0;
    const tg_group *group = &c->groups[c->group_of[id]];
    uint32_t        step  = group->begin;
    for (uint32_t m = group->first; m != id; m = c->next[m]) step++;
    const tg_shape shape = tg_shape_at(c->graph, id);
    for (uint32_t k = 0; k < c->graph->nodes[id].input_count && !shape.integer; k++) {
        const uint32_t operand = tg_inputs_of(c->graph, id)[k];
        const tg_root  root    = tg_root_of(c, operand);
        const tg_shape s       = tg_shape_at(c->graph, operand);
        const life    *v       = &l->lives[root.node];
        if (operand == 0 || root.offset != 0 || s.rows != shape.rows || s.cols != shape.cols || s.integer || !has_memory(c, root.node)) continue;
        if (v->bytes != l->lives[id].bytes || v->donated || c->is_register[root.node] != c->is_register[id]) continue;
        if (tg_elements(tg_shape_at(c->graph, root.node)) != tg_elements(shape) || v->last_step > step || v->end > group->end ||
            v->begin == UINT32_MAX)
            continue;
        if (!is_read_in_place(c, group, root.node, shape)) continue;
        if (v->begin < l->lives[id].begin || (c->is_register[id] && v->begin < step)) return root.node;
    }
    return 0;
}

static void begin_life(layout *l, uint32_t id) {
    tg_compiler   *c     = l->c;
    const uint32_t donor = tg_leaf_of(c->graph, id) == NULL && c->group_of[id] != TG_NO_GROUP ? donor_of(l, id) : 0;
    if (donor != 0) l->lives[donor].donated = true;
    c->places[id] = (tg_place){ TG_BASE_ARENA, donor != 0 ? c->places[donor].offset : take(l, l->lives[id].bytes) };
}

static void end_life(layout *l, uint32_t id) {
    const life *v = &l->lives[id];
    if (v->donated || v->bytes == 0) return;
    give_back(l, l->c->places[id].offset, v->bytes);
    l->c->ended_bytes[id] = v->bytes;
}

static void lay_out(layout *l) {
    for (uint32_t time = 0; time <= l->times; time++) {
        for (uint32_t id = l->begins[time]; id != 0; id = l->lives[id].next_begin) begin_life(l, id);
        for (uint32_t id = l->ends[time]; id != 0; id = l->lives[id].next_end) end_life(l, id);
    }
    l->c->code->arena_bytes = l->top > 0 ? l->top : TG_ALIGNMENT;
}

/* ---- leaves, in place ---- */

static void place_leaves(tg_compiler *c) {
    tg_plan_code *code = c->code;
    for (uint32_t id = 1; id < c->graph->length; id++) {
        const tg_leaf *leaf = tg_leaf_of(c->graph, id);
        if (leaf == NULL || is_converted_leaf(c, leaf)) continue;
        if (leaf->kind == TG_LEAF_SCALAR || leaf->kind == TG_LEAF_CONSTANT) {
            c->places[id] = (tg_place){ TG_BASE_NUMBERS, code->number_bytes };
            code->number_bytes += sizeof(double);
        } else c->places[id] = (tg_place){ TG_BASE_LEAVES + tg_leaf_number(c, id), 0 };
    }
}

tg_status tg_lay_out_memory(tg_compiler *c) {
    const size_t length = c->graph->length;
    layout       l      = { .c = c, .times = 1 };
    for (size_t i = 0; i < c->group_count; i++) l.times = c->groups[i].end >= l.times ? c->groups[i].end + 1 : l.times;
    c->places = tg_compiler_room(c, length, sizeof *c->places);
    l.lives   = tg_compiler_room(c, length, sizeof *l.lives);
    l.begins  = tg_compiler_room(c, l.times + 1, sizeof *l.begins);
    l.ends    = tg_compiler_room(c, l.times + 1, sizeof *l.ends);
    c->ended_bytes = tg_compiler_room(c, length, sizeof *c->ended_bytes);
    c->next_ended  = tg_compiler_room(c, length, sizeof *c->next_ended);
    l.holes   = tg_compiler_room(c, length + 1, sizeof *l.holes);
    if (c->places == NULL || c->ended_bytes == NULL || c->next_ended == NULL || l.lives == NULL || l.begins == NULL || l.ends == NULL ||
        l.holes == NULL || find_registers(c) != TG_OK)
        return c->tape->status;
    find_lives(&l);
    chain_lives(&l);
    lay_out(&l);
    for (size_t id = 0; id < length; id++) c->next_ended[id] = l.lives[id].next_end;
    c->ended = l.ends;
    place_leaves(c);
    return TG_OK;
}
