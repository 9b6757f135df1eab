/* use.c - variables in a step: a block is a leaf, a variable a view of it, an assignment an op. */
#include "core/block.h"
#include "core/tape.h"
#include "op/builtin.h"

#include <string.h>

/* The node may have been taken back by a walk that failed. */
static bool is_current(const tg_tape *tape, const tg_node_of_use *entry, const tg_block *block, const tg_op *op) {
    return entry->id != 0 && entry->step == tape->handle_step && entry->version == block->version && entry->id < tape->length &&
           tape->nodes[entry->id].op == op;
}

static tg_tensor enter(tg_tape *tape, tg_node_of_use *entry, const tg_block *block, tg_tensor node) {
    entry->id      = node.id;
    entry->step    = tape->handle_step;
    entry->version = block->version;
    return node;
}

static tg_tensor use_block(tg_tape *tape, tg_block *block) {
    tg_node_of_use *entry = tg_use_of(tape, block);
    if (entry == NULL) return tg_handle(tape, 0);
    if (is_current(tape, entry, block, &tg_block_op)) return tg_handle(tape, entry->id);
    if (!atomic_load_explicit(&block->closed, memory_order_relaxed)) atomic_store_explicit(&block->closed, true, memory_order_relaxed);
    const tg_leaf leaf = { .kind = TG_LEAF_BLOCK, .data = block->data, .block = block, .serial = block->serial, .version = block->version,
                           .frozen = block->frozen };
    return enter(tape, entry, block, tg_record_leaf(tape, &tg_block_op, (tg_shape){ 1, block->count, false }, &leaf, NULL));
}

tg_tensor tg_use(tg_tape *tape, tg_variable *variable) {
    if (tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_use: tape is NULL"), TG_NONE;
    if (tape->status != TG_OK) return tg_handle(tape, 0);
    if (variable == NULL) return tg_fail(tape, TG_NULL_ARGUMENT, "tg_use: variable is NULL"), tg_handle(tape, 0);
    tg_node_of_use *entry = tg_use_of(tape, variable);
    if (entry == NULL) return tg_handle(tape, 0);
    if (is_current(tape, entry, variable->block, &tg_view_op)) return tg_handle(tape, entry->id);
    tg_tensor node = tg_view(use_block(tape, variable->block), variable->offset, variable->rows, variable->cols);
    if (node.id != 0) tg_name_use(tape, node.id, variable->name);
    return enter(tape, entry, variable->block, node);
}

/* NULL, with the failure on the tape, if there is no such group. */
static tg_block *choose_block(tg_tape *tape, tg_params *params, const char *group) {
    if (group == NULL) {
        if (tg_group_count(params) == 1) group = tg_group_at(params, 0);
        else return tg_fail(tape, TG_UNKNOWN_NAME, "tg_use_block: there are %d groups; name one", tg_group_count(params)), NULL;
    }
    for (size_t i = 0; i < params->block_count; i++)
        if (strcmp(params->blocks[i]->name, group) == 0) return params->blocks[i];
    return tg_fail(tape, TG_UNKNOWN_NAME, "tg_use_block: there is no group \"%.100s\"", group), NULL;
}

tg_tensor tg_use_block(tg_tape *tape, tg_params *params, const char *group) {
    if (tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_use_block: tape is NULL"), TG_NONE;
    if (tape->status != TG_OK) return tg_handle(tape, 0);
    if (params == NULL) return tg_fail(tape, TG_NULL_ARGUMENT, "tg_use_block: params is NULL"), tg_handle(tape, 0);
    tg_block *block = choose_block(tape, params, group);
    return block != NULL ? use_block(tape, block) : tg_handle(tape, 0);
}

/* ---- assign ---- */

/* The variable that a view made by tg_use stands for; NULL: none. */
static const tg_variable *variable_of(const tg_tape *tape, uint32_t id) {
    const uint32_t            block_id = tg_inputs_of(tape, id)[0];
    const tg_view_attributes *a        = tg_attributes_of(tape, id);
    if (tg_record_of(tape, block_id)->op != &tg_block_op) return NULL;
    const tg_params *params = tg_leaf_of(tape, block_id)->block->params;
    for (size_t i = 0; i < params->variable_count; i++) {
        const tg_variable *v = params->variables[i];
        if (v->block == tg_leaf_of(tape, block_id)->block && v->offset == a->offset && v->rows == a->rows && v->cols == a->cols) return v;
    }
    return NULL;
}

static tg_status check_target(tg_tape *tape, tg_tensor target) {
    const tg_op *op = tg_record_of(tape, target.id)->op;
    if (op == &tg_block_op) return TG_OK;
    const tg_variable *v = op == &tg_view_op ? variable_of(tape, target.id) : NULL;
    if (v == NULL) return tg_fail(tape, TG_BAD_ARGUMENT, "tg_assign: v%u is not what tg_use or tg_use_block returned", target.id);
    return v->frozen ? tg_fail(tape, TG_BAD_ARGUMENT, "tg_assign: \"%.100s\" is frozen", v->name) : TG_OK;
}

tg_tensor tg_assign(tg_tensor target, tg_tensor value) {
    if (tg_check_tensor(target, "tg_assign") != TG_OK || tg_check_operand(target.tape, value, "tg_assign") != TG_OK) return tg_handle(target.tape, 0);
    if (check_target(target.tape, target) != TG_OK) return tg_handle(target.tape, 0);
    return tg_apply2(&tg_assign_op, target, value);
}
