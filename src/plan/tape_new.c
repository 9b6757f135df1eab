/* tape_new.c - a tape with its executor. */
#include "plan/planned.h"

#include <stdlib.h>
#include <string.h>

/* "1" in the environment makes every tape eager; for comparing the two executors without touching a program. */
static bool wants_eager(const tg_tape_options *options) {
    const char *text = getenv("TAPEGRAD_EAGER");
    return (options != NULL && options->eager) || (text != NULL && strcmp(text, "1") == 0);
}

static tg_status set_executor(tg_tape *tape, const tg_tape_options *options) {
    if (wants_eager(options)) return tg_set_eager(tape) == TG_OK ? TG_OK : tg_fail_thread(TG_OUT_OF_MEMORY, "tg_tape_new: no memory for a tape");
    char            sentence[TG_SENTENCE];
    uint64_t        passes      = 0;
    const char     *environment = getenv("TAPEGRAD_PASSES");
    const char     *text        = options != NULL && options->passes != NULL ? options->passes : environment != NULL ? environment : "";
    const tg_status status      = tg_parse_passes(text, &passes, sentence, sizeof sentence);
    if (status != TG_OK) return tg_fail_thread(status, "tg_tape_new: %s", sentence);
    return tg_set_planned(tape, passes) == TG_OK ? TG_OK : tg_fail_thread(TG_OUT_OF_MEMORY, "tg_tape_new: no memory for a tape");
}

tg_tape *tg_tape_new(const tg_tape_options *options) {
    tg_tape *tape = tg_tape_create(options);
    if (tape == NULL) return NULL;
    if (set_executor(tape, options) == TG_OK) return tape;
    tg_tape_free(tape);
    return NULL;
}
