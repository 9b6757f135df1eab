/* transform.c - derivatives made of gradients, and the messages of a walk. */
#include "core/tape.h"

#include <tapegrad/ops.h>

/* y [batch, 1] by column c of x: the gradient of sum(y), of which row i holds what row i of y depends on. */
tg_tensor tg_diff(tg_tensor y, tg_tensor x, int64_t column) {
    if (tg_check_tensor(y, "tg_diff") != TG_OK || tg_check_operand(y.tape, x, "tg_diff") != TG_OK) return tg_handle(y.tape, 0);
    if (tg_cols(y) != 1 || tg_rows(x) != tg_rows(y))
        return tg_fail(y.tape, TG_SHAPE_MISMATCH, "tg_diff: y must have one column, and x as many rows as y"), tg_handle(y.tape, 0);
    if (column < 0 || column >= tg_cols(x))
        return tg_fail(y.tape, TG_OUT_OF_RANGE, "tg_diff: x has no column %lld", (long long)column), tg_handle(y.tape, 0);
    tg_tensor gradient, seed = tg_broadcast_to(tg_constant(y.tape, 1), tg_rows(y), 1);
    if (tg_gradients(y, seed, &x, 1, &gradient, &(tg_gradients_options){ .allow_unused = true }) != TG_OK) return gradient;
    if (tg_cols(x) == 1) return gradient;
    tg_tensor row = tg_transpose(gradient);      /* [c, batch]: the column is one slice */
    return tg_transpose(tg_view(row, column * tg_rows(x), 1, tg_rows(x)));
}

/* TG_OK, or what is wrong, on the tape of y. */
static tg_status check_direction(tg_tensor y, tg_tensor x, tg_tensor v) {
    if (tg_check_tensor(y, "tg_jvp") != TG_OK || tg_check_operand(y.tape, x, "tg_jvp") != TG_OK || tg_check_operand(y.tape, v, "tg_jvp") != TG_OK)
        return y.tape != NULL ? y.tape->status : TG_NULL_ARGUMENT;
    const tg_shape of_x = tg_shape_of(x), of_v = tg_shape_of(v);
    char           want[TG_SHAPE_TEXT], have[TG_SHAPE_TEXT];
    if (of_x.rows == of_v.rows && of_x.cols == of_v.cols && !of_v.integer) return TG_OK;
    return tg_fail(y.tape, TG_SHAPE_MISMATCH, "tg_jvp: v is %s%s, and x %s", of_v.integer ? "of integers, " : "", tg_shape_text(of_v, have),
                   tg_shape_text(of_x, want));
}

/* g(s), the gradient of <s, y> by x, is linear in s, so that <g(s), v> = <s, (dy/dx) v> and its gradient by s is (dy/dx) v, whatever s is. */
tg_tensor tg_jvp(tg_tensor y, tg_tensor x, tg_tensor v) {
    if (check_direction(y, x, v) != TG_OK) return tg_handle(y.tape, 0);
    const tg_gradients_options options = { .allow_unused = true };
    const tg_position          before  = tg_position_of(y.tape);
    tg_tensor s = tg_broadcast_to(tg_constant(y.tape, 1), tg_rows(y), tg_cols(y)), g, result = tg_handle(y.tape, 0);
    if (s.id != 0 && tg_gradients(y, s, &x, 1, &g, &options) == TG_OK) tg_gradients(g, v, &s, 1, &result, &options);
    if (y.tape->status != TG_OK) tg_go_to(y.tape, before);
    return result;
}

static const tg_section *section_of(tg_tensor gradient) {
    const tg_tape *tape = gradient.tape;
    if (tape == NULL || gradient.id == 0 || gradient.step != tape->handle_step) return NULL;
    for (size_t i = 0; i < tape->section_count; i++) {
        const tg_section *section = &tape->sections[i];
        if (section->header == gradient.id) return section;
        for (uint32_t k = 0; k < section->result_count; k++)
            if (tape->section_nodes[section->results + k] == gradient.id) return section;
    }
    return NULL;
}

int tg_message_count(tg_tensor gradient) {
    const tg_section *section = section_of(gradient);
    return section != NULL ? (int)section->message_count : 0;
}

static tg_tensor node_or_none(tg_tape *tape, uint32_t id) { return id != 0 ? tg_handle(tape, id) : (tg_tensor){ 0 }; }

tg_status tg_message_at(tg_tensor gradient, int index, tg_message *message) {
    if (gradient.tape == NULL || message == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_message_at: gradient or message is NULL");
    if (index < 0 || index >= tg_message_count(gradient))
        return tg_fail_thread(TG_OUT_OF_RANGE, "tg_message_at: there is no message %d of %d", index, tg_message_count(gradient));
    tg_tape                 *tape = gradient.tape;
    const tg_message_record *m    = &tape->messages[section_of(gradient)->messages + (uint32_t)index];
    *message = (tg_message){ .from = tg_handle(tape, m->from), .argument = m->argument, .to = tg_handle(tape, m->to), .upstream = tg_handle(tape, m->upstream),
                             .message = tg_handle(tape, m->message), .before = node_or_none(tape, m->before), .after = node_or_none(tape, m->after),
                             .k = m->k, .n = m->n };
    return TG_OK;
}
