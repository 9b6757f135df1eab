/* locals.c - the local derivative along each edge of the walk, from the op's own rule: on a scratch tape in double, with unit cotangents. */
#include "core/util.h"
#include "explain/story.h"

#include <math.h>
#include <tapegrad/ops.h>

static double square_sum(const double *x, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += x[i] * x[i];
    return sum;
}

/* What a scratch tape may fail with is not the caller's failure, unless memory has run out. */
static tg_status forgive(tg_tape *scratch) {
    const tg_status status = tg_tape_status(scratch);
    tg_last_error(NULL);
    return status == TG_OUT_OF_MEMORY ? tg_fail_thread(status, "tg_explain: no memory for local derivatives") : TG_OK;
}

/* ---- written out: row e is the gradient of element e of `from` ---- */

static tg_status write_out(tg_story *story, tg_story_message *m, tg_tape *scratch) {
    const tg_story_node *from = &story->nodes[m->from], *to = &story->nodes[m->to];
    const int            rows = (int)tg_story_elements(from), cols = (int)tg_story_elements(to);
    double               units[TG_STORY_SHOWN * TG_STORY_SHOWN] = { 0 };
    double              *local = tg_story_room(story, (size_t)(rows * cols) * sizeof *local);
    tg_tensor            inputs[TG_STORY_OPERANDS] = { { 0 } }, g[TG_STORY_SHOWN];
    if (local == NULL) return TG_OUT_OF_MEMORY;
    tg_begin(scratch, NULL);
    const tg_tensor x = inputs[m->argument] = tg_input_f64(scratch, to->value, to->shape.rows, to->shape.cols);
    const tg_tensor y = tg_story_apply(story, from, scratch, inputs);
    for (int e = 0; e < rows; e++) {
        units[e * rows + e] = 1;
        const tg_tensor unit = tg_input_f64(scratch, units + e * rows, from->shape.rows, from->shape.cols);
        tg_gradients(y, unit, &x, 1, &g[e], &(tg_gradients_options){ .allow_unused = true });
    }
    if (rows == 0 || tg_run_many(g, rows) != TG_OK) return forgive(scratch);
    for (int e = 0; e < rows; e++)
        if (tg_read_f64(g[e], local + e * cols) != TG_OK) return forgive(scratch);
    m->local      = local;
    m->local_norm = sqrt(square_sum(local, rows * cols));
    return TG_OK;
}

/* ---- larger ones: only the norm ---- */

/* y = a b: each of the rows of a meets all of b, each of the columns of b all of a. */
static double norm_of_product(const tg_story *story, const tg_story_message *m) {
    const tg_story_node *from = &story->nodes[m->from], *other = &story->nodes[from->inputs[1 - m->argument]];
    const int64_t        times = m->argument == 0 ? from->shape.rows : from->shape.cols;
    return sqrt((double)times * square_sum(other->value, tg_story_elements(other)));
}

/* The operand repeated to the shape of the output, so that each element of the output has an element of its own. */
static double *repeated(tg_story *story, const tg_story_node *operand, tg_shape shape) {
    double *all = tg_story_room(story, (size_t)(shape.rows * shape.cols) * sizeof *all);
    for (int64_t i = 0; i < shape.rows && all != NULL; i++)
        for (int64_t j = 0; j < shape.cols; j++)
            all[i * shape.cols + j] = operand->value[(operand->shape.rows == 1 ? 0 : i) * operand->shape.cols + (operand->shape.cols == 1 ? 0 : j)];
    return all;
}

/* One walk tells all where each element of the output depends on one element, or is the only one. */
static tg_status norm_by_one_walk(tg_story *story, tg_story_message *m, tg_tape *scratch, const double *x_value, tg_shape x_shape) {
    const tg_story_node *from   = &story->nodes[m->from];
    tg_tensor            inputs[TG_STORY_OPERANDS] = { { 0 } }, g;
    double              *slope = tg_story_room(story, (size_t)(x_shape.rows * x_shape.cols) * sizeof *slope);
    if (slope == NULL || x_value == NULL) return TG_OUT_OF_MEMORY;
    tg_begin(scratch, NULL);
    const tg_tensor x = inputs[m->argument] = tg_input_f64(scratch, x_value, x_shape.rows, x_shape.cols);
    const tg_tensor y = tg_story_apply(story, from, scratch, inputs), ones = tg_broadcast_to(tg_constant(scratch, 1), tg_rows(y), tg_cols(y));
    tg_gradients(y, ones, &x, 1, &g, &(tg_gradients_options){ .allow_unused = true });
    if (tg_run(g) != TG_OK || tg_read_f64(g, slope) != TG_OK) return forgive(scratch);
    m->local_norm = sqrt(square_sum(slope, x_shape.rows * x_shape.cols));
    return TG_OK;
}

static tg_status find_norm(tg_story *story, tg_story_message *m, tg_tape *scratch) {
    const tg_story_node *from = &story->nodes[m->from], *to = &story->nodes[m->to];
    if ((from->op->flags & TG_OP_PRODUCT) && from->input_count == 2) m->local_norm = norm_of_product(story, m);
    else if (tg_story_elements(from) == 1) return norm_by_one_walk(story, m, scratch, to->value, to->shape);
    else if (from->op->flags & TG_OP_ELEMENTWISE) return norm_by_one_walk(story, m, scratch, repeated(story, to, from->shape), from->shape);
    return TG_OK;
}

/* A view only passes on, and an assignment needs a variable. */
static tg_status add_local(tg_story *story, tg_story_message *m, tg_tape *scratch) {
    const tg_story_node *from = &story->nodes[m->from], *to = &story->nodes[m->to];
    m->local_norm = (double)NAN;
    if ((from->op->flags & (TG_OP_VIEW | TG_OP_ASSIGN)) || from->kind != TG_STORY_OP || from->input_count > TG_STORY_OPERANDS) return TG_OK;
    if (tg_story_elements(from) <= TG_STORY_SHOWN && tg_story_elements(to) <= TG_STORY_SHOWN) return write_out(story, m, scratch);
    return find_norm(story, m, scratch);
}

tg_status tg_story_add_locals(tg_story *story) {
    tg_tape  *scratch = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_status status  = scratch != NULL ? TG_OK : TG_OUT_OF_MEMORY;
    for (int i = 0; i < story->message_count && status == TG_OK; i++) status = add_local(story, &story->messages[i], scratch);
    tg_tape_free(scratch);
    return status;
}
