/* inspect.c - a step from outside: shapes, marks, and the walk along the tape. */
#include "core/tape.h"

#include <inttypes.h>

static bool is_valid(tg_tensor tensor) {
    return tensor.tape != NULL && tensor.id != 0 && tensor.step == tensor.tape->handle_step && tensor.id < tensor.tape->length;
}

tg_shape tg_shape_of(tg_tensor tensor) { return is_valid(tensor) ? tg_shape_at(tensor.tape, tensor.id) : (tg_shape){ 0, 0, false }; }
int64_t  tg_rows(tg_tensor tensor) { return tg_shape_of(tensor).rows; }
int64_t  tg_cols(tg_tensor tensor) { return tg_shape_of(tensor).cols; }

bool tg_list_id(tg_tape *tape, tg_ids *list, uint32_t id, unsigned mark) {
    if (tape->nodes[id].marks & mark) return true;
    if (!tg_grow((void **)&list->at, &list->capacity, list->count + 1, sizeof *list->at))
        return tg_fail(tape, TG_OUT_OF_MEMORY, "v%" PRIu32 ": no memory to mark it", id), false;
    list->at[list->count++] = id;
    tape->nodes[id].marks |= (uint16_t)mark;
    return true;
}

void tg_clear_ids(tg_tape *tape, tg_ids *list, unsigned mark) {
    for (size_t i = 0; i < list->count; i++) tape->nodes[list->at[i]].marks &= (uint16_t)~mark;
    list->count = 0;
}

tg_tensor tg_keep(tg_tensor tensor) {
    if (tg_check_tensor(tensor, "tg_keep") == TG_OK) tg_list_id(tensor.tape, &tensor.tape->kept, tensor.id, TG_MARK_KEPT);
    return tensor;
}

tg_tensor tg_require_finite(tg_tensor tensor) {
    if (tg_check_tensor(tensor, "tg_require_finite") == TG_OK) tg_list_id(tensor.tape, &tensor.tape->finite, tensor.id, TG_MARK_FINITE);
    return tensor;
}

uint32_t tg_node_count(const tg_tape *tape) { return tape != NULL ? (uint32_t)tape->length - 1 : 0; }

tg_status tg_node_at(const tg_tape *tape, uint32_t index, tg_node *node) {
    if (tape == NULL || node == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_node_at: tape or node is NULL");
    if (index == 0 || index >= tape->length)
        return tg_fail_thread(TG_OUT_OF_RANGE, "tg_node_at: there is no node %" PRIu32 "; they are 1 to %zu", index, tape->length - 1);
    const tg_record *record = tg_record_of(tape, index);
    *node = (tg_node){ .op = record->op, .inputs = tg_inputs_of(tape, index), .input_count = (int)record->input_count,
                       .attributes = tg_attributes_of(tape, index), .shape = tg_shape_at(tape, index), .scope = tg_name_text(tape, record->scope),
                       .name = tg_name_of(tape, index), .origin = record->origin, .origin_argument = record->origin_argument };
    return TG_OK;
}

tg_tensor tg_tensor_at(tg_tape *tape, uint32_t index) {
    tg_node node;
    return tg_handle(tape, tg_node_at(tape, index, &node) == TG_OK ? index : 0);
}
