/* tape.c - recording: how an op becomes a node. */
#include "core/tape.h"

#include <inttypes.h>
#include <string.h>

tg_shape tg_shape_at(const tg_tape *tape, uint32_t id) {
    const tg_record *node = tg_record_of(tape, id);
    return (tg_shape){ node->rows, node->cols, (node->marks & TG_MARK_INTEGER) != 0 };
}

tg_tensor tg_handle(tg_tape *tape, uint32_t id) { return (tg_tensor){ tape, id, tape != NULL ? tape->handle_step : 0 }; }

tg_leaf *tg_leaf_of(const tg_tape *tape, uint32_t id) {
    const tg_record *node = tg_record_of(tape, id);
    return node->marks & TG_MARK_LEAF ? &tape->leaves[node->inputs[0]] : NULL;
}

tg_position tg_position_of(const tg_tape *tape) {
    return (tg_position){ tape->length,        tape->operand_count,      tape->attribute_count, tape->leaf_count,
                          tape->section_count, tape->section_node_count, tape->message_count,   tape->draws };
}

/* Nodes that are taken away are no longer marked, even if they were known and may come again. */
static void drop_ids(tg_tape *tape, tg_ids *list, size_t length, unsigned mark) {
    while (list->count > 0 && list->at[list->count - 1] >= length) tape->nodes[list->at[--list->count]].marks &= (uint16_t)~mark;
}

void tg_go_to(tg_tape *tape, tg_position position) {
    if (position.length < tape->length) {
        drop_ids(tape, &tape->kept, position.length, TG_MARK_KEPT);
        drop_ids(tape, &tape->finite, position.length, TG_MARK_FINITE);
    }
    tape->length             = position.length;
    tape->operand_count      = position.operand_count;
    tape->attribute_count    = position.attribute_count;
    tape->leaf_count         = position.leaf_count;
    tape->section_count      = position.section_count;
    tape->section_node_count = position.section_node_count;
    tape->message_count      = position.message_count;
    tape->draws              = position.draws;
}

void tg_take_back(tg_tape *tape, tg_position position) {
    tg_go_to(tape, position);
    if (tape->status == TG_OK) return;
    tg_keep_failure(tape->status, tape->sentence);
    tape->status      = TG_OK;
    tape->sentence[0] = '\0';
}

static bool make_room(tg_tape *tape, size_t inputs, size_t attribute_words) {
    return tape->length < TG_LARGEST_TAPE && tg_grow((void **)&tape->nodes, &tape->capacity, tape->length + 1, sizeof *tape->nodes) &&
           tg_grow((void **)&tape->operands, &tape->operand_capacity, tape->operand_count + inputs, sizeof *tape->operands) &&
           tg_grow((void **)&tape->attributes, &tape->attribute_capacity, tape->attribute_count + attribute_words + 1, sizeof *tape->attributes) &&
           tg_grow((void **)&tape->leaves, &tape->leaf_capacity, tape->leaf_count + 1, sizeof *tape->leaves);
}

static void store_inputs(tg_tape *tape, tg_record *node, const uint32_t inputs[], int count) {
    uint32_t *to = node->inputs;
    node->input_count = (uint32_t)count;
    if (count > TG_INLINE_INPUTS) {
        node->inputs[0] = (uint32_t)tape->operand_count;
        to              = &tape->operands[tape->operand_count];
        tape->operand_count += (size_t)count;
    }
    for (int i = 0; i < count; i++) to[i] = inputs[i];
}

/* Attributes are padded with zeros to whole words, so that they can be compared by word. */
static void store_attributes(tg_tape *tape, tg_record *node, const void *attributes, size_t bytes) {
    size_t words = (bytes + 7) / 8;
    node->attributes = (uint32_t)tape->attribute_count;
    if (words == 0) return;
    tape->attributes[tape->attribute_count + words - 1] = 0;
    memcpy(&tape->attributes[tape->attribute_count], attributes, bytes);
    tape->attribute_count += words;
}

/* ---- the last step: while this one agrees with it, its nodes stand, and nothing is inferred or written again ---- */

/* Bitwise: -0 is not 0, and a NaN is itself. Mostly a word or two. */
static inline bool same_attributes(const char *a, const char *b, size_t bytes) {
    for (; bytes >= sizeof(uint64_t); bytes -= sizeof(uint64_t), a += sizeof(uint64_t), b += sizeof(uint64_t)) {
        uint64_t x, y;
        memcpy(&x, a, sizeof x);
        memcpy(&y, b, sizeof y);
        if (x != y) return false;
    }
    return bytes == 0 || memcmp(a, b, bytes) == 0;
}

/* But for the operands. */
static inline bool is_known_op(const tg_tape *tape, const tg_op *op, int count, const void *attributes) {
    if (tape->length >= tape->known) return false;
    const tg_record *node = &tape->nodes[tape->length];
    if (node->op != op || node->input_count != (uint32_t)count || node->scope != tape->scope || node->origin != tape->origin) return false;
    return op->attribute_size == 0 || same_attributes((const char *)&tape->attributes[node->attributes], attributes, op->attribute_size);
}

static inline bool is_known(const tg_tape *tape, const tg_op *op, const uint32_t inputs[], int count, const void *attributes) {
    if (!is_known_op(tape, op, count, attributes)) return false;
    const uint32_t *known = tg_inputs_of(tape, (uint32_t)tape->length);
    for (int i = 0; i < count; i++)
        if (known[i] != inputs[i]) return false;
    return true;
}

/* Operands that the last step had are nodes of this one, if their handles are. */
static inline bool is_known_application(const tg_tape *tape, const tg_op *op, const tg_tensor inputs[], int count, const void *attributes) {
    if (!is_known_op(tape, op, count, attributes)) return false;
    const uint32_t *known = tg_inputs_of(tape, (uint32_t)tape->length);
    for (int i = 0; i < count; i++)
        if (inputs[i].id != known[i] || inputs[i].tape != tape || inputs[i].step != tape->handle_step) return false;
    return true;
}

bool tg_is_known(const tg_tape *tape, const tg_op *op, const uint32_t inputs[], int count, const void *attributes) {
    return is_known(tape, op, inputs, count, attributes);
}

/* Goes over a node that is known. */
static tg_tensor step_over(tg_tape *tape, const tg_op *op, int count) {
    const uint32_t id = (uint32_t)tape->length++;
    tape->attribute_count += (op->attribute_size + 7) / 8;
    if (count > TG_INLINE_INPUTS) tape->operand_count += (size_t)count;
    if (op->flags & TG_OP_RANDOM) tape->draws++;
    if (tape->origin != 0) tape->nodes[id].origin_argument = -1;      /* the walk at hand finds it out */
    return tg_handle(tape, id);
}

static bool is_known_leaf(const tg_tape *tape, const tg_op *op, tg_shape shape, const tg_leaf *leaf, const void *attributes) {
    if (!is_known(tape, op, NULL, 0, attributes)) return false;
    const tg_record *node  = &tape->nodes[tape->length];
    const tg_leaf   *known = &tape->leaves[tape->leaf_count];
    return node->rows == shape.rows && node->cols == shape.cols && known->kind == leaf->kind && known->serial == leaf->serial &&
           known->frozen == leaf->frozen;
}

/* From here on the step differs from the last one. */
static void forget_known(tg_tape *tape) {
    tape->changed = true;
    if (!tape->differs) {
        const bool is_known = tape->length < tape->known;
        tape->differs     = true;
        tape->differs_at  = (uint32_t)tape->length;
        tape->known_op    = is_known ? tape->nodes[tape->length].op : NULL;
        tape->known_shape = is_known ? tg_shape_at(tape, (uint32_t)tape->length) : (tg_shape){ 0 };
    }
    if (tape->known > tape->length) tape->known = tape->length;
    if (tape->known_sections > tape->section_count) tape->known_sections = tape->section_count;
}

/* Appends the node and lets the executor see it. leaf NULL: an op. */
static tg_tensor append(tg_tape *tape, const tg_op *op, const uint32_t inputs[], int count, const void *attributes, tg_shape shape,
                        const tg_leaf *leaf) {
    if (!make_room(tape, (size_t)count, (op->attribute_size + 7) / 8))
        return tg_fail(tape, TG_OUT_OF_MEMORY, "%s: no memory for another node", op->name), tg_handle(tape, 0);
    forget_known(tape);
    tg_position before = tg_position_of(tape);
    uint32_t    id     = (uint32_t)tape->length++;
    if (op->flags & TG_OP_RANDOM) tape->draws++;
    tg_record  *node   = tg_record_of(tape, id);
    *node = (tg_record){ .op = op, .rows = shape.rows, .cols = shape.cols, .origin = tape->origin, .origin_argument = -1,
                         .marks = (uint16_t)((shape.integer ? TG_MARK_INTEGER : 0) | (leaf != NULL ? TG_MARK_LEAF : 0)), .scope = tape->scope };
    store_inputs(tape, node, inputs, count);
    store_attributes(tape, node, attributes, op->attribute_size);
    if (leaf != NULL) {
        node->inputs[0] = (uint32_t)tape->leaf_count;
        tape->leaves[tape->leaf_count++] = *leaf;
    }
    if (tape->execution != NULL && tape->execution->recorded != NULL && tape->execution->recorded(tape, id) != TG_OK) {
        tg_go_to(tape, before);
        return tg_handle(tape, 0);
    }
    return tg_handle(tape, id);
}

tg_tensor tg_record_leaf(tg_tape *tape, const tg_op *op, tg_shape shape, const tg_leaf *leaf, const void *attributes) {
    if (!is_known_leaf(tape, op, shape, leaf, attributes)) return append(tape, op, NULL, 0, attributes, shape, leaf);
    tape->leaves[tape->leaf_count++] = *leaf;      /* the data may lie elsewhere, the version have risen */
    return step_over(tape, op, 0);
}

tg_tensor tg_record_node(tg_tape *tape, const tg_op *op, const uint32_t inputs[], int count, const void *attributes, tg_shape shape) {
    if (is_known(tape, op, inputs, count, attributes)) return step_over(tape, op, count);
    return append(tape, op, inputs, count, attributes, shape, NULL);
}

/* ---- applying an op ---- */

enum { FEW_INPUTS = 8 };

/* "matmul: [2,3] times ...": the operands' shapes behind the reason. */
static void fail_shapes(tg_tape *tape, const tg_op *op, tg_status status, const char *why, const tg_shape shapes[], int count) {
    char   text[256], one[TG_SHAPE_TEXT];
    size_t used = 0;
    text[0]     = '\0';
    for (int i = 0; i < count && i < FEW_INPUTS && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? ", " : "", tg_shape_text(shapes[i], one));
    tg_fail(tape, status, "v%zu = %s(%s): %s", tape->length, op->name, text, why != NULL ? why : tg_status_text(status));
}

static tg_status check_inputs(tg_tape *tape, const tg_op *op, const tg_tensor inputs[], int count) {
    if (op->arity >= 0 && op->arity != count)
        return tg_fail(tape, TG_BAD_ARGUMENT, "%s: takes %d operands, not %d", op->name, op->arity, count);
    for (int i = 0; i < count; i++) {
        if (inputs[i].tape == NULL) continue;      /* not given: the shape rule decides */
        if (inputs[i].tape != tape) return tg_fail(tape, TG_WRONG_TAPE, "%s: operand %d belongs to another tape", op->name, i);
        if (inputs[i].id == 0) return tg_fail(tape, TG_OLD_STEP, "%s: operand %d failed in an earlier step", op->name, i);
        if (inputs[i].step != tape->handle_step || inputs[i].id >= tape->length)
            return tg_fail(tape, TG_OLD_STEP, "%s: operand %d, v%" PRIu32 ", belongs to an earlier step", op->name, i, inputs[i].id);
    }
    return TG_OK;
}

static tg_status infer_shape(tg_tape *tape, const tg_op *op, const uint32_t ids[], tg_shape shapes[], int count, const void *attributes,
                             tg_shape *output) {
    for (int i = 0; i < count; i++) shapes[i] = ids[i] != 0 ? tg_shape_at(tape, ids[i]) : (tg_shape){ -1, -1, false };
    const char *why    = NULL;
    tg_shape_fn rule   = op->shape != NULL ? op->shape : tg_broadcast_shape;
    tg_status   status = rule(shapes, count, attributes, output, &why);
    if (status != TG_OK) return fail_shapes(tape, op, status, why, shapes, count), status;
    if (!tg_is_countable(*output)) return fail_shapes(tape, op, TG_TOO_LARGE, "the result is too large", shapes, count), TG_TOO_LARGE;
    return TG_OK;
}

static tg_tensor apply_checked(tg_tape *tape, const tg_op *op, const tg_tensor inputs[], uint32_t ids[], tg_shape shapes[], int count,
                               const void *attributes) {
    tg_shape output = { 0, 0, false };
    for (int i = 0; i < count; i++) ids[i] = inputs[i].id;
    if (is_known(tape, op, ids, count, attributes)) return step_over(tape, op, count);
    if (infer_shape(tape, op, ids, shapes, count, attributes, &output) != TG_OK) return tg_handle(tape, 0);
    return tg_record_node(tape, op, ids, count, attributes, output);
}

tg_tensor tg_apply(tg_tape *tape, const tg_op *op, const tg_tensor inputs[], int count, const void *attributes) {
    if (tape == NULL || op == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "%s: there is no tape", op != NULL ? op->name : "tg_apply"), TG_NONE;
    if (tape->status != TG_OK) return tg_handle(tape, 0);
    if (attributes == NULL) attributes = op->defaults;
    if (count < 0 || (count > 0 && inputs == NULL) || (op->attribute_size > 0 && attributes == NULL))
        return tg_fail(tape, TG_NULL_ARGUMENT, "%s: operands or attributes are NULL", op->name), tg_handle(tape, 0);
    if (is_known_application(tape, op, inputs, count, attributes)) return step_over(tape, op, count);
    if (check_inputs(tape, op, inputs, count) != TG_OK) return tg_handle(tape, 0);
    if ((op->flags & TG_OP_RANDOM) && tape->is_internal)
        return tg_fail(tape, TG_UNSUPPORTED, "an expand may not draw; give it the draw as an operand"), tg_handle(tape, 0);
    if (count <= FEW_INPUTS) {
        uint32_t ids[FEW_INPUTS];
        tg_shape shapes[FEW_INPUTS];
        return apply_checked(tape, op, inputs, ids, shapes, count, attributes);
    }
    uint32_t *ids    = tg_borrow(tape, (size_t)count * sizeof *ids);
    tg_shape *shapes = tg_borrow(tape, (size_t)count * sizeof *shapes);
    tg_tensor result = ids != NULL && shapes != NULL
                           ? apply_checked(tape, op, inputs, ids, shapes, count, attributes)
                           : (tg_fail(tape, TG_OUT_OF_MEMORY, "%s: no memory for %d operands", op->name, count), tg_handle(tape, 0));
    tg_give_back(tape, ids, (size_t)count * sizeof *ids);
    tg_give_back(tape, shapes, (size_t)count * sizeof *shapes);
    return result;
}
