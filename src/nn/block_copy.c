/* block_copy.c - the parameters of a net as one vector: read and written as a step of its own. */
#include "core/util.h"

#include <tapegrad/solve.h>

typedef struct block_step {
    tg_tape  *tape;
    tg_tensor block;
} block_step;

/* The failure of the tape, or that of the thread if there is none, becomes one of the thread. */
static tg_status begin(block_step *step, tg_params *params, const char *group, const char *caller) {
    if (params == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "%s: params is NULL", caller);
    step->tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    if (step->tape == NULL) return TG_OUT_OF_MEMORY;
    tg_status status = tg_begin(step->tape, NULL);
    step->block = tg_use_block(step->tape, params, group);
    if (status == TG_OK) status = tg_tape_status(step->tape);
    return status;
}

static tg_status end(block_step *step, tg_status status, const char *caller) {
    if (status != TG_OK && step->tape != NULL) tg_fail_thread(status, "%s: %s", caller, tg_tape_error(step->tape));
    tg_tape_free(step->tape);
    return status;
}

int64_t tg_block_size(tg_params *params, const char *group) {
    block_step      step   = { 0 };
    const tg_status status = begin(&step, params, group, "tg_block_size");
    const int64_t   size   = status == TG_OK ? tg_cols(step.block) : 0;
    end(&step, status, "tg_block_size");
    return size;
}

tg_status tg_block_read(tg_params *params, const char *group, double *x) {
    block_step step   = { 0 };
    tg_status  status = x != NULL ? begin(&step, params, group, "tg_block_read") : tg_fail_thread(TG_NULL_ARGUMENT, "tg_block_read: x is NULL");
    if (status == TG_OK) status = tg_run(step.block);
    if (status == TG_OK) status = tg_read_f64(step.block, x);
    return end(&step, status, "tg_block_read");
}

tg_status tg_block_write(tg_params *params, const char *group, const double *x) {
    block_step step   = { 0 };
    tg_status  status = x != NULL ? begin(&step, params, group, "tg_block_write") : tg_fail_thread(TG_NULL_ARGUMENT, "tg_block_write: x is NULL");
    if (status == TG_OK) status = tg_run(tg_assign(step.block, tg_input_f64(step.tape, x, 1, tg_cols(step.block))));
    return end(&step, status, "tg_block_write");
}
