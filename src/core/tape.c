/* tape.c - recording: how an op becomes a node. */
#include "core/tape.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

const tg_op tg_input_op        = { .size = sizeof(tg_op), .name = "input", .text = "input" };
const tg_op tg_labels_op       = { .size = sizeof(tg_op), .name = "labels", .text = "labels" };
const tg_op tg_scalar_input_op = { .size = sizeof(tg_op), .name = "scalar_input", .text = "scalar_input" };
const tg_op tg_constant_op     = { .size = sizeof(tg_op), .name = "constant", .attribute_size = sizeof(double), .text = "constant" };

/* ---- life ---- */

/* Handles of all tapes count on from here, so that one of a freed tape does not fit its successor at the same address. A tape takes many at once. */
enum { MANY_STEPS = 1024 };

static atomic_uint taken_handle_steps;

static uint32_t next_handle_step(tg_tape *tape) {
    if (tape->handle_step % MANY_STEPS != 0) return tape->handle_step + 1;
    return atomic_fetch_add(&taken_handle_steps, MANY_STEPS) + 1;
}

static void go_to_start(tg_tape *tape) { tg_go_to(tape, (tg_position){ .length = 1 }); }

tg_tape *tg_tape_create(const tg_tape_options *options) {
    static const tg_tape_options defaults = { 0 };
    if (options == NULL) options = &defaults;
    if (options->type != TG_DEFAULT_TYPE && options->type != TG_F32 && options->type != TG_F64)
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_tape_new: type is %d", (int)options->type), NULL;
    tg_tape *tape = tg_allocate(sizeof *tape);
    if (tape == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_tape_new: no memory for a tape"), NULL;
    tape->type           = options->type == TG_F64 ? TG_F64 : TG_F32;
    tape->keep_denormals = options->keep_denormals;
    tape->seed           = options->seed;
    tape->handle_step    = next_handle_step(tape);
    go_to_start(tape);
    return tape;
}

void tg_tape_free(tg_tape *tape) {
    if (tape == NULL) return;
    if (tape->execution != NULL) tape->execution->release(tape);
    tg_names_release(tape);
    tg_uses_release(tape);
    tg_release(tape->nodes, tape->capacity * sizeof *tape->nodes);
    tg_release(tape->operands, tape->operand_capacity * sizeof *tape->operands);
    tg_release(tape->attributes, tape->attribute_capacity * sizeof *tape->attributes);
    tg_release(tape->leaves, tape->leaf_capacity * sizeof *tape->leaves);
    tg_release(tape->sections, tape->section_capacity * sizeof *tape->sections);
    tg_release(tape->section_nodes, tape->section_node_capacity * sizeof *tape->section_nodes);
    tg_release(tape->messages, tape->message_capacity * sizeof *tape->messages);
    tg_release(tape->scopes, tape->scope_capacity * sizeof *tape->scopes);
    tg_release(tape->kept.at, tape->kept.capacity * sizeof *tape->kept.at);
    tg_release(tape->finite.at, tape->finite.capacity * sizeof *tape->finite.at);
    tg_release(tape->readable.at, tape->readable.capacity * sizeof *tape->readable.at);
    tg_release(tape->items, tape->item_capacity * sizeof *tape->items);
    tg_release(tape, sizeof *tape);
}

/* An executor that computes what is recorded has to see each node again. */
static void remember_step(tg_tape *tape) {
    const bool computes = tape->execution != NULL && tape->execution->recorded != NULL;
    if (tape->known < tape->length) tape->known = tape->length;
    if (tape->known_sections < tape->section_count) tape->known_sections = tape->section_count;
    if (computes) tape->known = tape->known_sections = 0;
    tape->differs = false;
}

static void end_marks(tg_tape *tape) {
    tg_clear_ids(tape, &tape->kept, TG_MARK_KEPT);
    tg_clear_ids(tape, &tape->finite, TG_MARK_FINITE);
    tg_clear_ids(tape, &tape->readable, TG_MARK_READABLE);
    for (size_t i = 0; i < tape->item_count; i++) tape->nodes[tape->items[i].id].marks &= (uint16_t)~TG_MARK_ITEM;
    tape->item_count = 0;
}

tg_status tg_begin(tg_tape *tape, const tg_begin_options *options) {
    if (tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_begin: tape is NULL");
    if (tape->executed) tape->step++;
    tape->executed    = false;
    tape->training    = options != NULL && options->training;
    tape->status      = TG_OK;
    tape->sentence[0] = '\0';
    tape->origin      = 0;
    tape->handle_step = next_handle_step(tape);
    end_marks(tape);
    remember_step(tape);
    go_to_start(tape);
    tg_names_begin(tape);
    tg_uses_begin(tape);
    return TG_OK;
}

bool tg_is_training(const tg_tape *tape) { return tape != NULL && tape->training; }

uint64_t tg_tape_step(const tg_tape *tape) { return tape != NULL ? tape->step : 0; }

tg_status tg_tape_set_step(tg_tape *tape, uint64_t step) {
    if (tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_tape_set_step: tape is NULL");
    tape->step     = step;
    tape->executed = false;
    return TG_OK;
}

/* ---- failures ---- */

tg_status tg_tape_status(const tg_tape *tape) {
    return tape != NULL ? tape->status : tg_fail_thread(TG_NULL_ARGUMENT, "tg_tape_status: tape is NULL");
}

const char *tg_tape_error(const tg_tape *tape) { return tape != NULL ? tape->sentence : ""; }

static void keep_failure(tg_tape *tape, tg_status status, const char *format, va_list arguments) {
    if (tape->status != TG_OK) return;
    const int length = vsnprintf(tape->sentence, sizeof tape->sentence, format, arguments);
    if (tape->scope != 0 && length >= 0 && (size_t)length < sizeof tape->sentence)
        snprintf(tape->sentence + length, sizeof tape->sentence - (size_t)length, ", in %s", tg_name_text(tape, tape->scope));
    tape->status = status;
    if (!tape->is_internal) tg_tell_error(status, tape->sentence);
}

tg_status tg_fail(tg_tape *tape, tg_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    keep_failure(tape, status, format, arguments);
    va_end(arguments);
    return status;
}

tg_tensor tg_tape_fail(tg_tape *tape, tg_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (status == TG_OK) status = TG_BAD_ARGUMENT;
    if (tape == NULL) tg_fail_thread_list(status, format, arguments);
    else keep_failure(tape, status, format, arguments);
    va_end(arguments);
    return tg_handle(tape, 0);
}

tg_status tg_check_tensor(tg_tensor tensor, const char *caller) {
    tg_tape *tape = tensor.tape;
    if (tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "%s: a tensor is not given", caller);
    if (tape->status != TG_OK) return tape->status;
    if (tensor.id == 0) return tg_fail(tape, TG_OLD_STEP, "%s: a tensor failed in an earlier step", caller);
    if (tensor.step != tape->handle_step || tensor.id >= tape->length)
        return tg_fail(tape, TG_OLD_STEP, "%s: v%" PRIu32 " belongs to an earlier step of its tape", caller, tensor.id);
    return TG_OK;
}

tg_status tg_check_operand(tg_tape *tape, tg_tensor operand, const char *caller) {
    if (operand.tape == tape) return tg_check_tensor(operand, caller);
    if (operand.tape == NULL) return tg_fail(tape, TG_NULL_ARGUMENT, "%s: a tensor is not given", caller);
    return tg_fail(tape, TG_WRONG_TAPE, "%s: v%" PRIu32 " belongs to another tape", caller, operand.id);
}

/* ---- nodes ---- */

tg_shape tg_shape_at(const tg_tape *tape, uint32_t id) {
    const tg_record *node = tg_record_of(tape, id);
    return (tg_shape){ node->rows, node->cols, (node->marks & TG_MARK_INTEGER) != 0 };
}

tg_tensor tg_handle(tg_tape *tape, uint32_t id) { return (tg_tensor){ tape, id, tape != NULL ? tape->handle_step : 0 }; }

static bool is_leaf(const tg_record *node) {
    return node->op == &tg_input_op || node->op == &tg_labels_op || node->op == &tg_scalar_input_op || node->op == &tg_constant_op ||
           node->op == &tg_block_op;
}

tg_leaf *tg_leaf_of(const tg_tape *tape, uint32_t id) {
    const tg_record *node = tg_record_of(tape, id);
    return is_leaf(node) ? &tape->leaves[node->inputs[0]] : NULL;
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
                         .marks = shape.integer ? TG_MARK_INTEGER : 0, .scope = tape->scope };
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

/* Sizes whose product is no int64_t cannot be addressed. */
static bool is_countable(tg_shape shape) {
    return shape.rows >= 0 && shape.cols >= 0 && (shape.cols == 0 || shape.rows <= INT64_MAX / 16 / shape.cols);
}

static tg_status infer_shape(tg_tape *tape, const tg_op *op, const uint32_t ids[], tg_shape shapes[], int count, const void *attributes,
                             tg_shape *output) {
    for (int i = 0; i < count; i++) shapes[i] = ids[i] != 0 ? tg_shape_at(tape, ids[i]) : (tg_shape){ -1, -1, false };
    const char *why    = NULL;
    tg_shape_fn rule   = op->shape != NULL ? op->shape : tg_broadcast_shape;
    tg_status   status = rule(shapes, count, attributes, output, &why);
    if (status != TG_OK) return fail_shapes(tape, op, status, why, shapes, count), status;
    if (!is_countable(*output)) return fail_shapes(tape, op, TG_TOO_LARGE, "the result is too large", shapes, count), TG_TOO_LARGE;
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
    uint32_t *ids    = tg_allocate((size_t)count * sizeof *ids);
    tg_shape *shapes = tg_allocate((size_t)count * sizeof *shapes);
    tg_tensor result = ids != NULL && shapes != NULL
                           ? apply_checked(tape, op, inputs, ids, shapes, count, attributes)
                           : (tg_fail(tape, TG_OUT_OF_MEMORY, "%s: no memory for %d operands", op->name, count), tg_handle(tape, 0));
    tg_release(ids, (size_t)count * sizeof *ids);
    tg_release(shapes, (size_t)count * sizeof *shapes);
    return result;
}

/* ---- leaves ---- */

static tg_tensor record_input(tg_tape *tape, const char *caller, tg_leaf_kind kind, const void *data, int64_t rows, int64_t cols) {
    if (tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "%s: tape is NULL", caller), TG_NONE;
    if (tape->status != TG_OK) return tg_handle(tape, 0);
    tg_shape shape = { rows, cols, kind == TG_LEAF_I32 };
    if (rows < 0 || cols < 0) return tg_fail(tape, TG_BAD_ARGUMENT, "%s: [%" PRId64 ",%" PRId64 "] is no shape", caller, rows, cols), tg_handle(tape, 0);
    if (!is_countable(shape)) return tg_fail(tape, TG_TOO_LARGE, "%s: [%" PRId64 ",%" PRId64 "] is too large", caller, rows, cols), tg_handle(tape, 0);
    if (data == NULL && rows * cols > 0) return tg_fail(tape, TG_NULL_ARGUMENT, "%s: data is NULL", caller), tg_handle(tape, 0);
    return tg_record_leaf(tape, kind == TG_LEAF_I32 ? &tg_labels_op : &tg_input_op, shape, &(tg_leaf){ .kind = kind, .data = data }, NULL);
}

tg_tensor tg_input(tg_tape *tape, const float *data, int64_t rows, int64_t cols) {
    return record_input(tape, "tg_input", TG_LEAF_F32, data, rows, cols);
}

tg_tensor tg_input_f64(tg_tape *tape, const double *data, int64_t rows, int64_t cols) {
    return record_input(tape, "tg_input_f64", TG_LEAF_F64, data, rows, cols);
}

tg_tensor tg_input_i32(tg_tape *tape, const int32_t *data, int64_t rows, int64_t cols) {
    return record_input(tape, "tg_input_i32", TG_LEAF_I32, data, rows, cols);
}

tg_tensor tg_labels(tg_tape *tape, const int32_t *labels, int64_t rows) { return record_input(tape, "tg_labels", TG_LEAF_I32, labels, rows, 1); }

tg_tensor tg_scalar_input(tg_tape *tape, const double *value) {
    if (tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_scalar_input: tape is NULL"), TG_NONE;
    if (tape->status != TG_OK) return tg_handle(tape, 0);
    if (value == NULL) return tg_fail(tape, TG_NULL_ARGUMENT, "tg_scalar_input: value is NULL"), tg_handle(tape, 0);
    return tg_record_leaf(tape, &tg_scalar_input_op, (tg_shape){ 1, 1, false }, &(tg_leaf){ .kind = TG_LEAF_SCALAR, .data = value }, NULL);
}

tg_tensor tg_constant(tg_tape *tape, double value) {
    if (tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_constant: tape is NULL"), TG_NONE;
    if (tape->status != TG_OK) return tg_handle(tape, 0);
    return tg_record_leaf(tape, &tg_constant_op, (tg_shape){ 1, 1, false }, &(tg_leaf){ .kind = TG_LEAF_CONSTANT, .number = value }, &value);
}

/* ---- shapes, marks and the walk along the tape ---- */

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
