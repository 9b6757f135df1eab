/* story.c - the steps in which a story is made, and its memory. */
#include "explain/story.h"
#include "core/util.h"

#include <math.h>

typedef struct tg_story_room {
    struct tg_story_room *next;
    size_t                bytes;
} tg_story_room_header;

void *tg_story_room(tg_story *story, size_t bytes) {
    size_t                total = TG_ALIGNMENT + bytes;
    tg_story_room_header *room  = bytes <= SIZE_MAX / 2 ? tg_allocate(total) : NULL;
    if (room == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for %zu bytes", bytes), NULL;
    room->next   = story->rooms;
    room->bytes  = total;
    story->rooms = room;
    return (char *)room + TG_ALIGNMENT;
}

void tg_story_free(tg_story *story) {
    tg_formulas_free(story->formulas);
    while (story->rooms != NULL) {
        tg_story_room_header *room = story->rooms;
        story->rooms               = room->next;
        tg_release(room, room->bytes);
    }
    *story = (tg_story){ 0 };
}

static tg_status check_loss(tg_tensor loss) {
    const tg_shape shape = tg_shape_of(loss);
    if (loss.tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_explain: loss is not given");
    if (tg_tape_status(loss.tape) != TG_OK) return tg_tape_status(loss.tape);
    if (loss.id == 0 || (shape.rows == 0 && shape.cols == 0)) return tg_fail_thread(TG_OLD_STEP, "tg_explain: loss is no node of this step");
    return TG_OK;
}

tg_status tg_story_new(tg_story *story, tg_tensor loss, bool with_values) {
    *story           = (tg_story){ .tape = loss.tape, .worst_difference = (double)NAN };
    tg_status status = check_loss(loss);
    if (status == TG_OK) status = tg_story_collect(story, loss);
    if (status == TG_OK) status = tg_story_find_layers(story);
    if (status == TG_OK) status = tg_story_add_labels(story);
    if (status == TG_OK) status = tg_story_add_formulas(story);
    if (status == TG_OK && with_values) status = tg_story_look(story);
    if (status == TG_OK && with_values) status = tg_story_add_locals(story);
    if (status == TG_OK && with_values) status = tg_story_add_differences(story);
    if (status != TG_OK) tg_story_free(story);
    return status;
}

tg_tensor tg_story_apply(const tg_story *story, const tg_story_node *node, tg_tape *tape, const tg_tensor inputs[]) {
    enum { FEW = 8 };
    tg_tensor  few[FEW] = { { 0 } };
    tg_tensor *operands = node->input_count <= FEW ? few : tg_allocate((size_t)node->input_count * sizeof *operands);
    if (operands == NULL) return tg_tape_fail(tape, TG_OUT_OF_MEMORY, "no memory for %d operands", node->input_count);
    for (int k = 0; k < node->input_count; k++) {
        const tg_story_node *operand = node->inputs[k] >= 0 ? &story->nodes[node->inputs[k]] : NULL;
        if (inputs != NULL && inputs[k].tape != NULL) operands[k] = inputs[k];
        else if (operand == NULL) operands[k] = TG_NONE;
        else if (operand->shape.integer) operands[k] = tg_input_i32(tape, operand->integers, operand->shape.rows, operand->shape.cols);
        else operands[k] = tg_input_f64(tape, operand->value, operand->shape.rows, operand->shape.cols);
    }
    const tg_tensor result = tg_apply(tape, node->op, operands, node->input_count, node->attributes);
    if (operands != few) tg_release(operands, (size_t)node->input_count * sizeof *operands);
    return result;
}
