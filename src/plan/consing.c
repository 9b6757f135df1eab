/* consing.c - nodes with the same op, operands and attributes become one. Leaves are never merged, constants excepted; nor are draws, nor what wants to
 * stay apart. */
#include "core/hash.h"
#include "plan/compile.h"

#include <string.h>

typedef struct entry {
    uint32_t       id;      /* in the new graph */
    UT_hash_handle hh;
} entry;

typedef struct table {
    entry  *hash;
    entry  *entries;      /* room for all */
    char   *keys;
    size_t  entry_count, key_bytes;
} table;

static bool may_merge(const tg_tape *graph, uint32_t id) {
    const tg_leaf *leaf = tg_leaf_of(graph, id);
    if (leaf != NULL) return leaf->kind == TG_LEAF_CONSTANT;
    return !(graph->nodes[id].op->flags & (TG_OP_RANDOM | TG_OP_APART));
}

static size_t key_bytes(const tg_tape *graph, uint32_t id) {
    const tg_record *node = tg_record_of(graph, id);
    return sizeof node->op + (node->input_count + 1) * sizeof(uint32_t) + node->op->attribute_size;
}

/* op, number of operands, operands, attributes; where their order does not matter, the smaller operand first */
static void write_key(char *key, const tg_op *op, const uint32_t inputs[], uint32_t count, const void *attributes) {
    const bool swap = (op->flags & TG_OP_COMMUTES) && count == 2 && inputs[1] < inputs[0];
    memcpy(key, &op, sizeof op);
    memcpy(key + sizeof op, &count, sizeof count);
    key += sizeof op + sizeof count;
    for (uint32_t k = 0; k < count; k++) memcpy(key + k * sizeof *inputs, &inputs[swap ? 1 - k : k], sizeof *inputs);
    if (op->attribute_size > 0) memcpy(key + count * sizeof *inputs, attributes, op->attribute_size);
}

/* The node's equal in the new graph, or the node itself, copied there. */
static uint32_t find_or_copy(tg_compiler *c, table *t, tg_tape *to, uint32_t id, const uint32_t inputs[]) {
    const tg_record *node = tg_record_of(c->graph, id);
    if (!may_merge(c->graph, id)) return tg_copy_node(c, to, id, inputs);
    const size_t bytes         = key_bytes(c->graph, id);
    char        *key           = t->keys + t->key_bytes;
    entry       *found         = NULL;
    bool         out_of_memory = false;
    write_key(key, node->op, inputs, node->input_count, tg_attributes_of(c->graph, id));
    HASH_FIND(hh, t->hash, key, bytes, found);
    if (found != NULL) return found->id;
    entry *fresh = &t->entries[t->entry_count++];
    fresh->id    = tg_copy_node(c, to, id, inputs);
    t->key_bytes += bytes;
    HASH_ADD_KEYPTR(hh, t->hash, key, bytes, fresh);
    return out_of_memory ? tg_tape_fail(to, TG_OUT_OF_MEMORY, "no memory to find equal nodes").id : fresh->id;
}

static tg_status cons(tg_compiler *c, table *t, tg_tape *to, uint32_t *inputs) {
    for (uint32_t id = 1; id < c->graph->length && to->status == TG_OK; id++) {
        const uint32_t *old = tg_inputs_of(c->graph, id);
        for (uint32_t k = 0; k < c->graph->nodes[id].input_count; k++) inputs[k] = c->map[old[k]];
        c->map[id] = find_or_copy(c, t, to, id, inputs);
    }
    return to->status;
}

tg_status tg_cons(tg_compiler *c) {
    const tg_tape *graph = c->graph;
    size_t         bytes = 1, most = 1;
    for (uint32_t id = 1; id < graph->length; id++) {
        bytes += key_bytes(graph, id);
        if (graph->nodes[id].input_count > most) most = graph->nodes[id].input_count;
    }
    table     t      = { .entries = tg_compiler_room(c, graph->length, sizeof(entry)), .keys = tg_compiler_room(c, bytes, 1) };
    uint32_t *inputs = tg_compiler_room(c, most, sizeof *inputs);
    tg_tape  *to     = t.entries != NULL && t.keys != NULL && inputs != NULL ? tg_new_graph(c) : NULL;
    if (to == NULL || !tg_grow((void **)&c->map, &c->map_capacity, graph->length, sizeof *c->map)) {
        tg_tape_free(to);
        return tg_fail(c->tape, TG_OUT_OF_MEMORY, "no memory to compile a step of %zu nodes", c->tape->length);
    }
    if (cons(c, &t, to, inputs) != TG_OK) tg_fail(c->tape, to->status, "compiling: %s", to->sentence);
    HASH_CLEAR(hh, t.hash);
    tg_adopt_graph(c, to);
    return c->tape->status;
}
