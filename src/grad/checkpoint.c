/* checkpoint.c - a segment of a net as one node, recorded anew where it is differentiated, so that nothing inside it waits for
 * the backward walk.
 *
 * The node has no kernel and no rule: a run lowers it to what its function records, and the walk records that once more and
 * walks it. Consing would find both equal, and keep every value after all; so each recording begins with views of the operands
 * that are never merged, and all that is made of them stays apart too. */
#include "core/tape.h"
#include "op/builtin.h"

#include <string.h>

/* ---- again: all of x, in place; no two of them are the same node ---- */

static tg_status again_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count, (void)attributes, (void)why;
    *output = in[0];
    return TG_OK;
}

#define AGAIN(real, suffix)                                                                                               \
    static void again_##suffix(const tg_call *call) {                                                                     \
        const int64_t begin = call->row_begin * call->cols, count = (call->row_end - call->row_begin) * call->cols;       \
        const real   *from = call->inputs[0].data;                                                                        \
        if (count > 0) memmove((real *)call->output + begin, from + begin, (size_t)count * sizeof(real));                 \
    }
AGAIN(float, f32)
AGAIN(double, f64)

static const tg_op again_op = { .size = sizeof(tg_op), .name = "again", .arity = 1, .attribute_size = sizeof(tg_view_attributes),
                                .flags = TG_OP_VIEW | TG_OP_APART, .shape = again_shape, .f32 = again_f32, .f64 = again_f64,
                                .text = "%0", .tex = "%0" };

static tg_tensor again(tg_tensor x) {
    const tg_shape shape = tg_shape_of(x);
    if (x.tape == NULL || shape.integer) return x;
    return tg_apply1(&again_op, x, &(tg_view_attributes){ 0, shape.rows, shape.cols });
}

/* ---- the segment ---- */

typedef struct {
    tg_segment_fn function;
    const void   *context;
    int64_t       rows, cols;
} segment;

static tg_status segment_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)in, (void)count;
    const segment *s = attributes;
    *why    = "rows and cols must not be negative";
    *output = (tg_shape){ s->rows, s->cols, false };
    return s->rows >= 0 && s->cols >= 0 ? TG_OK : TG_BAD_ARGUMENT;
}

/* A second recording of a draw would be another draw. */
static tg_tensor check_result(tg_tape *tape, const segment *s, uint32_t draws, tg_tensor result) {
    char want[TG_SHAPE_TEXT], have[TG_SHAPE_TEXT];
    if (tape->status != TG_OK) return tg_handle(tape, 0);
    if (tape->draws != draws)
        return tg_tape_fail(tape, TG_UNSUPPORTED, "tg_checkpoint: the segment draws; draw before it, and give it the mask");
    if (result.tape != tape) return tg_tape_fail(tape, TG_NULL_ARGUMENT, "tg_checkpoint: the segment returned no tensor of its tape");
    const tg_shape shape = tg_shape_of(result);
    if (shape.rows == s->rows && shape.cols == s->cols && !shape.integer) return result;
    return tg_tape_fail(tape, TG_SHAPE_MISMATCH, "tg_checkpoint: the segment returned %s, not %s", tg_shape_text(shape, have),
                        tg_shape_text((tg_shape){ s->rows, s->cols, false }, want));
}

static tg_tensor record_anew(const tg_application *a) {
    tg_tape       *tape   = a->tape;
    const segment  s      = *(const segment *)a->attributes;
    const uint32_t draws  = tape->draws;
    const size_t   bytes  = (size_t)a->input_count * sizeof(tg_tensor);
    tg_tensor     *inputs = tg_borrow(tape, bytes);
    if (inputs == NULL) return tg_tape_fail(tape, TG_OUT_OF_MEMORY, "tg_checkpoint: no memory for %d operands", a->input_count);
    for (int k = 0; k < a->input_count; k++) inputs[k] = again(a->inputs[k]);
    const tg_tensor result = tape->status == TG_OK ? s.function(inputs, a->input_count, s.context) : tg_handle(tape, 0);
    tg_give_back(tape, inputs, bytes);
    return check_result(tape, &s, draws, result);
}

static const tg_op checkpoint_op = { .size = sizeof(tg_op), .name = "checkpoint", .arity = -1, .attribute_size = sizeof(segment),
                                     .shape = segment_shape, .expand = record_anew, .text = "segment(%0, ...)",
                                     .tex = "\\mathrm{segment}(%0, \\dots)" };

tg_tensor tg_checkpoint(tg_segment_fn function, const void *context, const tg_tensor inputs[], int count, int64_t rows,
                        int64_t cols) {
    if (inputs == NULL || count <= 0) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_checkpoint: there are no operands"), TG_NONE;
    int given = 0;      /* one that is not given may come first */
    while (given + 1 < count && inputs[given].tape == NULL) given++;
    tg_tape *tape = inputs[given].tape;
    if (function == NULL) return tg_tape_fail(tape, TG_NULL_ARGUMENT, "tg_checkpoint: the segment is NULL");
    return tg_apply(tape, &checkpoint_op, inputs, count, &(segment){ function, context, rows, cols });
}
