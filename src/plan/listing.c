/* listing.c - a compilation, printed: the graph behind each pass, the groups, and the instructions with their buffers. */
#include "plan/compile.h"

#include <inttypes.h>

#define OUT c->options->listing

static void print_node(const tg_compiler *c, uint32_t id) {
    char             text[TG_SHAPE_TEXT];
    const tg_record *node   = tg_record_of(c->graph, id);
    const uint32_t  *inputs = tg_inputs_of(c->graph, id);
    fprintf(OUT, "  n%" PRIu32 " = %s", id, node->op->name);
    for (uint32_t k = 0; k < node->input_count; k++) fprintf(OUT, "%sn%" PRIu32, k == 0 ? "(" : ", ", inputs[k]);
    fprintf(OUT, "%s  %s", node->input_count > 0 ? ")" : "", tg_shape_text(tg_shape_at(c->graph, id), text));
    if (tg_leaf_of(c->graph, id) != NULL && tg_leaf_of(c->graph, id)->kind == TG_LEAF_CONSTANT) fprintf(OUT, " %g", tg_leaf_of(c->graph, id)->number);
    fprintf(OUT, "  v%" PRIu32, node->origin);
    if (tg_name_of(c->tape, node->origin)[0] != '\0') fprintf(OUT, " %s", tg_name_of(c->tape, node->origin));
}

static void print_outcomes(const tg_compiler *c) {
    static const char *const names[] = { "read", "finite", "write" };
    for (size_t i = 0; i < c->outcome_count; i++) {
        const tg_outcome *o = &c->outcomes[i];
        fprintf(OUT, "  %s n%" PRIu32, names[o->kind], o->value);
        if (o->kind == TG_WRITE) fprintf(OUT, " to %s[%" PRId64 "..%" PRId64 ")", o->write.block->name, o->write.begin, o->write.end);
        fprintf(OUT, "\n");
    }
}

void tg_list_graph(const tg_compiler *c, const char *title) {
    fprintf(OUT, "%s: %zu nodes\n", title, c->graph->length - 1);
    for (uint32_t id = 1; id < c->graph->length; id++) {
        print_node(c, id);
        fprintf(OUT, "\n");
    }
    print_outcomes(c);
}

static void print_group(const tg_compiler *c, uint32_t g) {
    static const char *const kinds[] = { "call", "strip", "product", "concat", "labels", "finite", "write" };
    const tg_group          *group   = &c->groups[g];
    fprintf(OUT, "  %s", kinds[group->kind]);
    if (group->kind == TG_GROUP_FINITE || group->kind == TG_GROUP_WRITE)
        fprintf(OUT, " n%" PRIu32 "%s", c->outcomes[group->outcome].value, c->outcomes[group->outcome].placed ? ", in place" : "");
    for (uint32_t id = group->first; id != 0; id = id == group->last ? 0 : c->next[id]) {
        fprintf(OUT, "%s n%" PRIu32 " %s", id == group->first ? "" : ",", id, c->graph->nodes[id].op->name);
        if (c->parent != NULL && c->parent[id] != id && c->group_of[id] != TG_NO_GROUP)
            fprintf(OUT, " in n%" PRIu32 "+%" PRId64, c->parent[id], c->shift[id]);
        if (c->is_register != NULL && c->is_register[id]) fprintf(OUT, " register");
        if (c->places != NULL && c->parent[id] == id && c->group_of[id] != TG_NO_GROUP) fprintf(OUT, " at %zu", c->places[id].offset);
    }
    fprintf(OUT, "\n");
}

void tg_list_groups(const tg_compiler *c, const char *title) {
    fprintf(OUT, "%s: %zu groups\n", title, c->group_count);
    for (size_t i = 0; i < c->group_count; i++) print_group(c, c->order != NULL ? c->order[i] : (uint32_t)i);
}

/* ---- instructions ---- */

/* "arena+64", "number+8", "v3+0" */
static void print_place(const tg_compiler *c, const void *const *at) {
    const tg_plan_code *code = c->code;
    for (size_t i = 0; i < code->pointer_count; i++) {
        const tg_pointer *p = &code->pointers[i];
        if (p->at != at) continue;
        if (p->place.base == TG_BASE_ARENA) fprintf(OUT, " arena+%zu", p->place.offset);
        else fprintf(OUT, " v%" PRIu32 "+%zu", code->leaves[p->place.base - TG_BASE_LEAVES].node, p->place.offset);
        return;
    }
    if (*at != NULL) fprintf(OUT, " number+%td", (const char *)*at - code->numbers);
    else fprintf(OUT, " none");
}

static void print_step(const tg_compiler *c, const tg_step *step) {
    const char *name = step->loop != NULL ? step->loop->name : step->op->name;
    fprintf(OUT, "    %s v%" PRIu32 " [%" PRId64 ",%" PRId64 "]", name, step->node, step->call.rows, step->call.cols);
    print_place(c, (const void *const *)&step->call.output);
    fprintf(OUT, " =");
    for (int k = 0; k < step->call.input_count; k++) print_place(c, &step->operands[k].data);
    fprintf(OUT, "\n");
}

void tg_list_code(const tg_compiler *c, const char *title) {
    static const char *const kinds[] = { "steps", "strip", "copy", "zero", "finite", "labels", "poison" };
    const tg_plan_code      *code    = c->code;
    fprintf(OUT, "%s: %zu, arena of %zu bytes\n", title, code->instruction_count, code->arena_bytes);
    for (size_t i = 0; i < code->instruction_count; i++) {
        const tg_instruction *n = &code->instructions[i];
        fprintf(OUT, "  %s", kinds[n->kind]);
        if (n->kind == TG_DO_STRIP) fprintf(OUT, " %" PRId64 " x %" PRId64 " %s", n->blocks, n->block, n->flat ? "elements" : "rows");
        if (n->kind == TG_DO_COPY || n->kind == TG_DO_ZERO || n->kind == TG_DO_POISON) print_place(c, (const void *const *)&n->to);
        if (n->kind >= TG_DO_COPY) fprintf(OUT, " v%" PRIu32 " %" PRId64 " elements", n->node, n->count);
        fprintf(OUT, "\n");
        for (uint32_t k = 0; k < n->step_count; k++) print_step(c, &n->steps[k]);
    }
}
