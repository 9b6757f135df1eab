/* execute.c - executing calls: arguments checked, the tape's executor asked, values opened for reading. */
#include "plan/execute.h"

#include <math.h>

tg_status tg_check_run(const tg_tensor tensors[], int count, const char *caller) {
    if (tensors == NULL || count <= 0) return tg_fail_thread(TG_NULL_ARGUMENT, "%s: there are no tensors", caller);
    for (int i = 0; i < count; i++)
        if (tensors[i].tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "%s: tensor %d is not given", caller, i);
    tg_tape *tape = tensors[0].tape;
    for (int i = 0; i < count; i++) {
        if (tensors[i].tape != tape) return tg_fail(tape, TG_WRONG_TAPE, "%s: tensor %d belongs to another tape", caller, i);
        if (tg_check_tensor(tensors[i], caller) != TG_OK) return tape->status;
    }
    return tape->execution != NULL ? TG_OK : tg_fail(tape, TG_UNSUPPORTED, "%s: an expand cannot run what it records", caller);
}

/* Room for all that opening records, so that it cannot fail behind a run that has written. */
static tg_status make_room(tg_tape *tape, int count) {
    const size_t most = tape->kept.count + (size_t)count;
    if (tg_grow((void **)&tape->readable.at, &tape->readable.capacity, most, sizeof *tape->readable.at) &&
        tg_grow((void **)&tape->items, &tape->item_capacity, tape->item_count + most, sizeof *tape->items))
        return TG_OK;
    return tg_fail(tape, TG_OUT_OF_MEMORY, "tg_run: no memory to read %zu values", most);
}

static double item_of(const tg_tape *tape, uint32_t id) {
    const void *value = tape->execution->value(tape, id);
    if (value == NULL) return (double)NAN;
    if (tape->nodes[id].marks & TG_MARK_INTEGER) return *(const int32_t *)value;
    return tape->type == TG_F64 ? *(const double *)value : (double)*(const float *)value;
}

static void open_one(tg_tape *tape, uint32_t id) {
    tg_record *node = &tape->nodes[id];
    tg_list_id(tape, &tape->readable, id, TG_MARK_READABLE);
    if (node->rows != 1 || node->cols != 1) return;
    size_t i = 0;
    if (!(node->marks & TG_MARK_ITEM)) i = tape->item_count++;
    else while (tape->items[i].id != id) i++;
    tape->items[i] = (tg_item_record){ id, item_of(tape, id) };
    node->marks |= TG_MARK_ITEM;
}

static void open_for_reading(tg_tape *tape, const tg_tensor tensors[], int count) {
    for (int i = 0; i < count; i++) open_one(tape, tensors[i].id);
    for (size_t i = 0; i < tape->kept.count; i++) open_one(tape, tape->kept.at[i]);
    tg_clear_ids(tape, &tape->kept, TG_MARK_KEPT);
}

tg_status tg_run_many(const tg_tensor tensors[], int count) {
    tg_status status = tg_check_run(tensors, count, "tg_run");
    if (status != TG_OK) return status;
    tg_tape *tape = tensors[0].tape;
    tg_clear_ids(tape, &tape->readable, TG_MARK_READABLE);
    if (make_room(tape, count) != TG_OK || tape->execution->run(tape, tensors, count) != TG_OK) return tape->status;
    open_for_reading(tape, tensors, count);
    tape->executed = true;
    return TG_OK;
}

tg_status tg_run(tg_tensor tensor) { return tg_run_many(&tensor, 1); }
