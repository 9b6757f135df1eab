/* compile.c - how a step gets fast: the passes in their order.
 *
 *   lower       what is needed, ops without a kernel as what they expand to
 *   simplify    each op's own algebra                                            } rewrite the graph
 *   consing     equal nodes become one
 *   dead        what nothing needs any more goes
 *   patterns    rows of the table of fusions that are one op for several
 *   distribute  updates of a block by slices, where they can join a product
 *   groups      strips of elementwise ops; updates that join a product
 *   place       values where they must end: in their variable, in their concat
 *   schedule    an order in which writes come behind all readers of the old value
 *   memory      one arena
 *   emit        instructions; steps that are a row of the table of fusions as one loop
 */
#include "plan/compile.h"

/* ---- memory of a compilation ---- */

struct tg_room {
    tg_room *next;
    size_t   bytes;
};

void *tg_compiler_room(tg_compiler *c, size_t count, size_t bytes) {
    size_t total;
    char  *memory = tg_multiply(count, bytes, &total) && total <= SIZE_MAX / 2 ? tg_allocate(TG_ALIGNMENT + total) : NULL;
    if (memory == NULL) return tg_fail(c->tape, TG_OUT_OF_MEMORY, "no memory to compile a step of %zu nodes", c->tape->length), NULL;
    tg_room *room = (tg_room *)(void *)memory;
    *room    = (tg_room){ c->rooms, TG_ALIGNMENT + total };
    c->rooms = room;
    return memory + TG_ALIGNMENT;
}

static void release_compiler(tg_compiler *c) {
    while (c->rooms != NULL) {
        tg_room *room = c->rooms;
        c->rooms = room->next;
        tg_release(room, room->bytes);
    }
    tg_release(c->outcomes, c->outcome_capacity * sizeof *c->outcomes);
    tg_release(c->map, c->map_capacity * sizeof *c->map);
    tg_release(c->groups, c->group_capacity * sizeof *c->groups);
    tg_release(c->edges, c->edge_capacity * sizeof *c->edges);
    tg_tape_free(c->graph);
}

tg_root tg_root_of(const tg_compiler *c, uint32_t id) {
    tg_root root = { id, 0 };
    while (c->parent[root.node] != root.node) {
        root.offset += c->shift[root.node];
        root.node = c->parent[root.node];
    }
    return root;
}

/* ---- outcomes ---- */

static tg_status add_outcome(tg_compiler *c, tg_outcome outcome) {
    if (!tg_grow((void **)&c->outcomes, &c->outcome_capacity, c->outcome_count + 1, sizeof *c->outcomes))
        return tg_fail(c->tape, TG_OUT_OF_MEMORY, "no memory to compile a step of %zu nodes", c->tape->length);
    c->outcomes[c->outcome_count++] = outcome;
    return TG_OK;
}

static tg_status collect_outcomes(tg_compiler *c, const tg_tensor tensors[], int count, const uint8_t *needed) {
    tg_tape  *tape   = c->tape;
    tg_writes writes = { 0 };
    for (int i = 0; i < count && tape->status == TG_OK; i++) add_outcome(c, (tg_outcome){ .kind = TG_READ, .node = tensors[i].id });
    for (size_t i = 0; i < tape->kept.count && tape->status == TG_OK && !c->options->without_kept; i++)
        add_outcome(c, (tg_outcome){ .kind = TG_READ, .node = tape->kept.at[i] });
    for (size_t i = 0; i < tape->finite.count && tape->status == TG_OK && !c->options->without_checks; i++)
        if (needed[tape->finite.at[i]] && !tg_shape_at(tape, tape->finite.at[i]).integer)
            add_outcome(c, (tg_outcome){ .kind = TG_FINITE, .node = tape->finite.at[i] });
    if (tape->status == TG_OK && !c->options->without_writes) tg_collect_writes(tape, needed, &writes);
    for (size_t i = 0; i < writes.count && tape->status == TG_OK; i++)
        add_outcome(c, (tg_outcome){ .kind = TG_WRITE, .node = writes.at[i].assign, .write = writes.at[i] });
    tg_release(writes.at, writes.capacity * sizeof *writes.at);
    return tape->status;
}

uint32_t *tg_count_readers(tg_compiler *c) {
    uint32_t *readers = tg_compiler_room(c, c->graph->length, sizeof *readers);
    for (uint32_t id = 1; readers != NULL && id < c->graph->length; id++) {
        const uint32_t *inputs = tg_inputs_of(c->graph, id);
        for (uint32_t k = 0; k < c->graph->nodes[id].input_count; k++) readers[inputs[k]]++;
    }
    for (size_t i = 0; readers != NULL && i < c->outcome_count; i++) readers[c->outcomes[i].value]++;
    return readers;
}

/* ---- rewriting ---- */

static void mark_live(const tg_compiler *c, uint8_t *live) {
    for (size_t i = 0; i < c->outcome_count; i++) live[c->outcomes[i].value] = live[c->outcomes[i].target] = 1;
    for (size_t id = c->graph->length; id-- > 1;) {
        if (!live[id]) continue;
        const uint32_t *inputs = tg_inputs_of(c->graph, (uint32_t)id);
        for (uint32_t k = 0; k < c->graph->nodes[id].input_count; k++) live[inputs[k]] = 1;
    }
    live[0] = 0;
}

uint32_t tg_copy_node(tg_compiler *c, tg_tape *to, uint32_t id, const uint32_t inputs[]) {
    const tg_tape   *from = c->graph;
    const tg_record *node = tg_record_of(from, id);
    const tg_leaf   *leaf = tg_leaf_of(from, id);
    to->origin = node->origin;
    if (leaf != NULL) return tg_record_leaf(to, node->op, tg_shape_at(from, id), leaf, tg_attributes_of(from, id)).id;
    return tg_record_node(to, node->op, inputs, (int)node->input_count, tg_attributes_of(from, id), tg_shape_at(from, id)).id;
}

tg_tape *tg_new_graph(tg_compiler *c) {
    tg_tape *graph = tg_tape_create(&(tg_tape_options){ .type = c->options->type });
    if (graph == NULL)
        return tg_last_error(NULL), tg_fail(c->tape, TG_OUT_OF_MEMORY, "no memory to compile a step of %zu nodes", c->tape->length), NULL;
    graph->is_internal = true;
    return graph;
}

static uint32_t *mapped_inputs(const tg_compiler *c, uint32_t id, uint32_t *room) {
    const uint32_t *inputs = tg_inputs_of(c->graph, id);
    for (uint32_t k = 0; k < c->graph->nodes[id].input_count; k++) room[k] = c->map[inputs[k]];
    return room;
}

static uint32_t most_inputs(const tg_tape *graph) {
    uint32_t most = 1;
    for (size_t id = 1; id < graph->length; id++)
        if (graph->nodes[id].input_count > most) most = graph->nodes[id].input_count;
    return most;
}

void tg_adopt_graph(tg_compiler *c, tg_tape *graph) {
    for (size_t i = 0; i < c->outcome_count; i++) {
        c->outcomes[i].value  = c->map[c->outcomes[i].value];
        c->outcomes[i].target = c->map[c->outcomes[i].target];
    }
    tg_tape_free(c->graph);
    c->graph = graph;
}

tg_status tg_rewrite(tg_compiler *c, tg_rewrite_fn rewrite, bool live) {
    tg_tape  *from = c->graph, *to = tg_new_graph(c);
    uint8_t  *lives  = tg_compiler_room(c, from->length, 1);
    uint32_t *inputs = tg_compiler_room(c, most_inputs(from), sizeof *inputs);
    if (to == NULL || lives == NULL || inputs == NULL || !tg_grow((void **)&c->map, &c->map_capacity, from->length, sizeof *c->map)) {
        tg_tape_free(to);
        return tg_fail(c->tape, TG_OUT_OF_MEMORY, "no memory to compile a step of %zu nodes", c->tape->length);
    }
    if (live) mark_live(c, lives);
    c->map[0] = 0;
    for (uint32_t id = 1; id < from->length && to->status == TG_OK; id++)
        c->map[id] = live && !lives[id] ? 0 : rewrite(c, to, id, mapped_inputs(c, id, inputs));
    if (to->status != TG_OK) tg_fail(c->tape, to->status, "compiling: %s", to->sentence);
    tg_adopt_graph(c, to);
    return c->tape->status;
}

tg_status tg_remove_dead(tg_compiler *c) { return tg_rewrite(c, tg_copy_node, true); }

/* ---- the order of the passes ---- */

typedef tg_status (*pass_fn)(tg_compiler *c);

static tg_status run_pass(tg_compiler *c, pass_fn pass, bool is_on, const char *name, void (*list)(const tg_compiler *c, const char *title)) {
    if (!is_on || c->tape->status != TG_OK) return c->tape->status;
    if (pass(c) == TG_OK && c->options->listing != NULL) list(c, name);
    return c->tape->status;
}

static void run_passes(tg_compiler *c) {
    run_pass(c, tg_simplify, tg_pass_is_on(c, TG_PASS_simplify), "simplify", tg_list_graph);
    run_pass(c, tg_cons, tg_pass_is_on(c, TG_PASS_consing), "consing", tg_list_graph);
    run_pass(c, tg_remove_dead, tg_pass_is_on(c, TG_PASS_dead), "dead", tg_list_graph);
    run_pass(c, tg_match_patterns, tg_pass_is_on(c, TG_PASS_patterns), "patterns", tg_list_graph);
    run_pass(c, tg_distribute, tg_pass_is_on(c, TG_PASS_distribute), "distribute", tg_list_graph);
    run_pass(c, tg_make_groups, true, "groups", tg_list_groups);
    run_pass(c, tg_place_values, true, "place", tg_list_groups);
    run_pass(c, tg_schedule, true, "schedule", tg_list_groups);
    run_pass(c, tg_lay_out_memory, true, "memory", tg_list_groups);
    run_pass(c, tg_emit, true, "instructions", tg_list_code);
}

tg_status tg_compile(tg_tape *tape, const tg_tensor tensors[], int count, const tg_compile_options *options, tg_plan_code *code) {
    tg_compiler c      = { .tape = tape, .options = options, .code = code };
    uint8_t    *needed = tg_compiler_room(&c, tape->length, 1);
    *code = (tg_plan_code){ .type = options->type, .keep_denormals = tape->keep_denormals };
    if (needed != NULL) {
        tg_mark_needed(tape, tensors, count, options->without_kept ? NULL : &tape->kept, needed);
        if (collect_outcomes(&c, tensors, count, needed) == TG_OK && tg_lower(&c, needed) == TG_OK) {
            if (options->listing != NULL) tg_list_graph(&c, "lower");
            run_passes(&c);
        }
    }
    if (tape->status != TG_OK) tg_code_release(code);
    release_compiler(&c);
    return tape->status;
}
