/* explicit.c - plans that users hold: compiled once from a step, bound and run without recording. */
#include "plan/planned.h"

#include <inttypes.h>

/* What is bound to an input: read as it is if it is of the leaf's type, else converted into room before each run. */
typedef struct input {
    size_t      leaf;          /* in code.leaves; SIZE_MAX: the outputs do not need it */
    tg_shape    shape;
    tg_type     wanted;        /* TG_DEFAULT_TYPE: integers */
    const void *data;
    tg_type     type;          /* of data */
    void       *room;
    size_t      room_bytes;
    tg_status   status;        /* of the last bind */
} input;

struct tg_plan {
    tg_plan_code code;
    char        *arena;
    input       *inputs;       /* [input_count] */
    int          input_count;
    tg_shape    *outputs;      /* [output_count] */
    int          output_count;
    uint64_t     seed, step;
    bool         has_run;
    char         sentence[TG_SENTENCE];
};

/* ---- failures ---- */

static tg_status fail(tg_plan *plan, tg_status status, const char *format, ...) TG_FORMAT(3, 4);

static tg_status fail(tg_plan *plan, tg_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(plan->sentence, sizeof plan->sentence, format, arguments);
    va_end(arguments);
    tg_tell_error(status, plan->sentence);
    return status;
}

const char *tg_plan_error(const tg_plan *plan) { return plan != NULL ? plan->sentence : ""; }

/* ---- binding ---- */

static bool is_wanted(const tg_plan *plan, int index) { return plan->inputs[index].leaf != SIZE_MAX; }

static tg_status check_outside(tg_plan *plan, int index, const void *data, size_t bytes) {
    if (tg_overlap(data, bytes, plan->arena, plan->code.arena_bytes))
        return fail(plan, TG_OVERLAP, "tg_plan_bind: input %d lies in memory of the plan", index);
    for (size_t i = 0; i < plan->code.leaf_count; i++) {
        const tg_leaf *leaf = &plan->code.leaves[i].leaf;
        if (leaf->kind == TG_LEAF_BLOCK && tg_overlap(data, bytes, leaf->block->data, leaf->block->bytes))
            return fail(plan, TG_OVERLAP, "tg_plan_bind: input %d lies in the variables of group \"%.100s\"", index, leaf->block->name);
    }
    return TG_OK;
}

static size_t bytes_of(tg_type type, tg_shape shape) { return (size_t)tg_elements(shape) * (type == TG_F64 ? sizeof(double) : sizeof(float)); }

/* Room for what has to be converted, made once. */
static tg_status make_room(tg_plan *plan, int index) {
    input *in = &plan->inputs[index];
    if (in->room != NULL) return TG_OK;
    in->room_bytes = bytes_of(in->wanted, in->shape);
    in->room       = tg_allocate(in->room_bytes);
    return in->room != NULL ? TG_OK : fail(plan, TG_OUT_OF_MEMORY, "tg_plan_bind: no memory to convert input %d", index);
}

static tg_status bind(tg_plan *plan, int index, const void *data, tg_type type) {
    input *in = &plan->inputs[index];
    if (data == NULL && tg_elements(in->shape) > 0) return fail(plan, TG_NULL_ARGUMENT, "tg_plan_bind: the data of input %d is NULL", index);
    if ((type == TG_DEFAULT_TYPE) != (in->wanted == TG_DEFAULT_TYPE))
        return fail(plan, TG_TYPE_MISMATCH, "tg_plan_bind: input %d holds %s", index, in->wanted == TG_DEFAULT_TYPE ? "integers" : "numbers");
    if (check_outside(plan, index, data, bytes_of(type, in->shape)) != TG_OK) return TG_OVERLAP;
    if (type != in->wanted && make_room(plan, index) != TG_OK) return TG_OUT_OF_MEMORY;
    in->data = data;
    in->type = type;
    if (is_wanted(plan, index)) tg_code_bind_leaf(&plan->code, in->leaf, type == in->wanted ? data : in->room);
    return TG_OK;
}

static tg_status check_and_bind(tg_plan *plan, int index, const void *data, tg_type type) {
    if (plan == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_plan_bind: plan is NULL");
    if (index < 0 || index >= plan->input_count)
        return fail(plan, TG_OUT_OF_RANGE, "tg_plan_bind: there is no input %d of %d", index, plan->input_count);
    return plan->inputs[index].status = bind(plan, index, data, type);
}

tg_status tg_plan_bind(tg_plan *plan, int index, const float *data) { return check_and_bind(plan, index, data, TG_F32); }
tg_status tg_plan_bind_f64(tg_plan *plan, int index, const double *data) { return check_and_bind(plan, index, data, TG_F64); }
tg_status tg_plan_bind_i32(tg_plan *plan, int index, const int32_t *data) { return check_and_bind(plan, index, data, TG_DEFAULT_TYPE); }

/* ---- making one ---- */

static tg_status check_tensors(tg_tape *tape, const tg_tensor tensors[], int count, const char *what) {
    for (int i = 0; i < count; i++) {
        if (tensors[i].tape != tape)
            return tg_fail(tape, tensors[i].tape == NULL ? TG_NULL_ARGUMENT : TG_WRONG_TAPE, "tg_plan_new: %s %d is not of this tape", what, i);
        if (tg_check_tensor(tensors[i], "tg_plan_new") != TG_OK) return tape->status;
    }
    return TG_OK;
}

static tg_status check_inputs(tg_tape *tape, const tg_tensor inputs[], int count) {
    if (check_tensors(tape, inputs, count, "input") != TG_OK) return tape->status;
    for (int i = 0; i < count; i++) {
        const tg_leaf *leaf = tg_leaf_of(tape, inputs[i].id);
        if (leaf == NULL || leaf->kind == TG_LEAF_CONSTANT)
            return tg_fail(tape, TG_BAD_ARGUMENT, "tg_plan_new: input %d, v%" PRIu32 " = %s, is no input, labels, scalar input or block", i,
                           inputs[i].id, tape->nodes[inputs[i].id].op->name);
        for (int k = 0; k < i; k++)
            if (inputs[k].id == inputs[i].id) return tg_fail(tape, TG_BAD_ARGUMENT, "tg_plan_new: inputs %d and %d are the same", k, i);
    }
    return TG_OK;
}

static tg_status check_outputs(tg_tape *tape, const tg_tensor outputs[], int count) {
    if (check_tensors(tape, outputs, count, "output") != TG_OK) return tape->status;
    for (int i = 0; i < count; i++)
        if (tg_shape_of(outputs[i]).integer || tape->nodes[outputs[i].id].op == &tg_gradients_op)
            return tg_fail(tape, TG_TYPE_MISMATCH, "tg_plan_new: output %d, v%" PRIu32 " = %s, has no value in numbers", i, outputs[i].id,
                           tape->nodes[outputs[i].id].op->name);
    return TG_OK;
}

/* Variables are read from where they lie; what is stale now was never meant. */
static tg_status bind_leaves(tg_plan *plan, tg_tape *tape) {
    for (size_t i = 0; i < plan->code.leaf_count && tape->status == TG_OK; i++) {
        const tg_leaf *leaf = &plan->code.leaves[i].leaf;
        if (leaf->kind == TG_LEAF_BLOCK) tg_check_version(tape, plan->code.leaves[i].node, leaf);
        tg_code_bind_leaf(&plan->code, i, leaf->kind == TG_LEAF_BLOCK ? leaf->block->data : leaf->data);
    }
    return tape->status;
}

static tg_type type_of(const tg_leaf *leaf) {
    switch (leaf->kind) {
        case TG_LEAF_I32:   return TG_DEFAULT_TYPE;
        case TG_LEAF_F32:   return TG_F32;
        case TG_LEAF_BLOCK: return leaf->block->params->type;
        case TG_LEAF_F64:
        case TG_LEAF_SCALAR:
        case TG_LEAF_CONSTANT: break;
    }
    return TG_F64;
}

static size_t find_leaf(const tg_plan *plan, uint32_t node) {
    for (size_t i = 0; i < plan->code.leaf_count; i++)
        if (plan->code.leaves[i].node == node) return i;
    return SIZE_MAX;
}

/* At first an input is what it was recorded with. */
static tg_status set_inputs(tg_plan *plan, tg_tape *tape, const tg_tensor inputs[]) {
    for (int i = 0; i < plan->input_count; i++) {
        const tg_leaf *leaf = tg_leaf_of(tape, inputs[i].id);
        input         *in   = &plan->inputs[i];
        in->leaf   = find_leaf(plan, inputs[i].id);
        in->shape  = tg_shape_of(inputs[i]);
        in->wanted = is_wanted(plan, i) ? type_of(&plan->code.leaves[in->leaf].leaf) : type_of(leaf);
        in->data   = leaf->kind == TG_LEAF_BLOCK ? leaf->block->data : leaf->data;
        in->type   = type_of(leaf);
        if (in->type == in->wanted) continue;
        if (make_room(plan, i) != TG_OK) return tg_fail(tape, TG_OUT_OF_MEMORY, "%s", plan->sentence);
        if (is_wanted(plan, i)) tg_code_bind_leaf(&plan->code, in->leaf, in->room);
    }
    return TG_OK;
}

static tg_status compile(tg_plan *plan, tg_tape *tape, const tg_tensor inputs[], const tg_tensor outputs[], const tg_plan_options *o) {
    const size_t       bytes   = (size_t)plan->input_count * sizeof(uint32_t);
    tg_compile_options options = { .type         = o->type != TG_DEFAULT_TYPE ? o->type : tape->type,
                                   .without_kept = true,
                                   .bound_count  = (size_t)plan->input_count };
    char               sentence[TG_SENTENCE];
    if (options.type != TG_F32 && options.type != TG_F64) return tg_fail(tape, TG_BAD_ARGUMENT, "tg_plan_new: type is %d", (int)options.type);
    if (tg_parse_passes(o->passes != NULL ? o->passes : "", &options.passes, sentence, sizeof sentence) != TG_OK)
        return tg_fail(tape, TG_UNKNOWN_NAME, "tg_plan_new: %s", sentence);
    uint32_t *bound = tg_allocate(bytes);
    if (bound == NULL) return tg_fail(tape, TG_OUT_OF_MEMORY, "tg_plan_new: no memory");
    for (int i = 0; i < plan->input_count; i++) bound[i] = inputs[i].id;
    options.bound = bound;
    tg_compile(tape, outputs, plan->output_count, &options, &plan->code);
    tg_release(bound, bytes);
    return tape->status;
}

static tg_status make(tg_plan *plan, tg_tape *tape, const tg_tensor inputs[], const tg_tensor outputs[], const tg_plan_options *o) {
    plan->seed    = tape->seed;
    plan->step    = tape->step;
    plan->inputs  = tg_allocate((size_t)plan->input_count * sizeof *plan->inputs);
    plan->outputs = tg_allocate((size_t)plan->output_count * sizeof *plan->outputs);
    if (plan->inputs == NULL || plan->outputs == NULL) return tg_fail(tape, TG_OUT_OF_MEMORY, "tg_plan_new: no memory");
    for (int i = 0; i < plan->output_count; i++) plan->outputs[i] = tg_shape_of(outputs[i]);
    if (compile(plan, tape, inputs, outputs, o) != TG_OK) return tape->status;
    plan->arena = tg_allocate(plan->code.arena_bytes);
    if (plan->arena == NULL) return tg_fail(tape, TG_OUT_OF_MEMORY, "tg_plan_new: no memory for %zu bytes", plan->code.arena_bytes);
    tg_code_bind_arena(&plan->code, plan->arena);
    return bind_leaves(plan, tape) == TG_OK ? set_inputs(plan, tape, inputs) : tape->status;
}

tg_plan *tg_plan_new(const tg_tensor inputs[], int input_count, const tg_tensor outputs[], int output_count, const tg_plan_options *options) {
    static const tg_plan_options defaults = { 0 };
    if (outputs == NULL || output_count <= 0 || outputs[0].tape == NULL || input_count < 0 || (input_count > 0 && inputs == NULL))
        return tg_fail_thread(TG_NULL_ARGUMENT, "tg_plan_new: a list is NULL, or there is no output"), NULL;
    tg_tape *tape = outputs[0].tape;
    if (tape->status != TG_OK || check_inputs(tape, inputs, input_count) != TG_OK || check_outputs(tape, outputs, output_count) != TG_OK) return NULL;
    tg_plan *plan = tg_allocate(sizeof *plan);
    if (plan == NULL) return tg_fail(tape, TG_OUT_OF_MEMORY, "tg_plan_new: no memory"), NULL;
    plan->input_count  = input_count;
    plan->output_count = output_count;
    if (make(plan, tape, inputs, outputs, options != NULL ? options : &defaults) == TG_OK) return plan;
    tg_plan_free(plan);
    return NULL;
}

void tg_plan_free(tg_plan *plan) {
    if (plan == NULL) return;
    tg_release(plan->arena, plan->code.arena_bytes);
    tg_code_release(&plan->code);
    for (int i = 0; plan->inputs != NULL && i < plan->input_count; i++) tg_release(plan->inputs[i].room, plan->inputs[i].room_bytes);
    tg_release(plan->inputs, (size_t)plan->input_count * sizeof *plan->inputs);
    tg_release(plan->outputs, (size_t)plan->output_count * sizeof *plan->outputs);
    tg_release(plan, sizeof *plan);
}

/* ---- running ---- */

static tg_status convert_inputs(tg_plan *plan) {
    for (int i = 0; i < plan->input_count; i++) {
        const input *in = &plan->inputs[i];
        if (in->status != TG_OK) return fail(plan, in->status, "tg_plan_run: input %d could not be bound", i);
        if (in->type != in->wanted) tg_convert(in->room, in->wanted, in->data, in->type, tg_elements(in->shape));
    }
    return TG_OK;
}

static tg_status fail_check(tg_plan *plan, const tg_instruction *check) {
    char            sentence[TG_SENTENCE];
    const tg_status status = check->kind == TG_DO_LABELS
                                 ? tg_describe_labels(sentence, check->node, check->op->name, check->from, check->shape, check->limit)
                                 : tg_describe_finite(sentence, check->node, check->op->name, "", check->from, check->shape, check->from_type);
    return status != TG_OK ? fail(plan, status, "%s", sentence) : fail(plan, TG_BUG, "a check failed and then passed");
}

tg_status tg_plan_run(tg_plan *plan) {
    if (plan == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_plan_run: plan is NULL");
    plan->has_run     = false;
    plan->sentence[0] = '\0';
    const tg_status status = convert_inputs(plan);
    if (status != TG_OK) return status;
    const tg_instruction *failed = tg_code_run(&plan->code, plan->seed, plan->step);
    if (failed != NULL) return fail_check(plan, failed);
    for (size_t i = 0; i < plan->code.written_count; i++) plan->code.written[i]->version++;
    plan->has_run = true;
    plan->step++;
    return TG_OK;
}

tg_status tg_plan_set_step(tg_plan *plan, uint64_t step) {
    if (plan == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_plan_set_step: plan is NULL");
    plan->step = step;
    return TG_OK;
}

/* ---- reading ---- */

static const void *output_of(tg_plan *plan, int index, const char *caller, tg_status *status) {
    if (index < 0 || index >= plan->output_count)
        *status = fail(plan, TG_OUT_OF_RANGE, "%s: there is no output %d of %d", caller, index, plan->output_count);
    else if (!plan->has_run) *status = fail(plan, TG_NOT_KEPT, "%s: the plan has not run, or its last run failed", caller);
    else return *status = TG_OK, tg_code_place(&plan->code, plan->code.readable[index].place);
    return NULL;
}

static tg_status copy_out(tg_plan *plan, int index, void *out, tg_type type, const char *caller) {
    tg_status status;
    if (plan == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "%s: plan is NULL", caller);
    if (out == NULL) return fail(plan, TG_NULL_ARGUMENT, "%s: out is NULL", caller);
    const void *value = output_of(plan, index, caller, &status);
    if (status == TG_OK) tg_convert(out, type, value, plan->code.type, tg_elements(plan->outputs[index]));
    return status;
}

tg_status tg_plan_read(tg_plan *plan, int index, float *out) { return copy_out(plan, index, out, TG_F32, "tg_plan_read"); }
tg_status tg_plan_read_f64(tg_plan *plan, int index, double *out) { return copy_out(plan, index, out, TG_F64, "tg_plan_read_f64"); }

static const void *in_place(tg_plan *plan, int index, tg_type type, const char *caller) {
    tg_status status;
    if (plan == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "%s: plan is NULL", caller), NULL;
    const void *value = output_of(plan, index, caller, &status);
    if (value != NULL && plan->code.type != type) return fail(plan, TG_TYPE_MISMATCH, "%s: the plan computes in the other type", caller), NULL;
    return value;
}

const float  *tg_plan_data(tg_plan *plan, int index) { return in_place(plan, index, TG_F32, "tg_plan_data"); }
const double *tg_plan_data_f64(tg_plan *plan, int index) { return in_place(plan, index, TG_F64, "tg_plan_data_f64"); }

tg_shape tg_plan_input_shape(const tg_plan *plan, int index) {
    return plan != NULL && index >= 0 && index < plan->input_count ? plan->inputs[index].shape : (tg_shape){ 0, 0, false };
}

tg_shape tg_plan_output_shape(const tg_plan *plan, int index) {
    return plan != NULL && index >= 0 && index < plan->output_count ? plan->outputs[index] : (tg_shape){ 0, 0, false };
}
