/* tape_new.c - a tape with its executor. */
#include "plan/execute.h"

tg_tape *tg_tape_new(const tg_tape_options *options) {
    tg_tape *tape = tg_tape_create(options);
    if (tape == NULL) return NULL;
    if (tg_set_eager(tape) == TG_OK) return tape;
    tg_tape_free(tape);
    return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_tape_new: no memory for a tape"), NULL;
}
