/* plan.h - what a tape does with a step: pass switches and statistics.
 *
 * A tape compiles its steps by itself: an executing call takes the plan of the last step if nothing differs, finds one that it has compiled before, or
 * compiles it, in microseconds.
 */
#ifndef TAPEGRAD_PLAN_H
#define TAPEGRAD_PLAN_H

#include <tapegrad/tape.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Switches passes of the plan compiler, for this tape from the next executing call on. A list of names without blanks: "-place,-strips" all but these;
 * "none" none; "none,place" only this; "" all. The name of a fusion switches that one (see tg_register_fusion), "patterns" all that are nodes.
 * TG_UNKNOWN_NAME lists the names. An eager tape has no passes: TG_UNSUPPORTED. */
TG_API tg_status tg_set_passes(tg_tape *tape, const char *passes);

typedef struct tg_tape_statistics {
    uint64_t hits;            /* executing calls that took the plan of the last step, or found one */
    uint64_t misses;          /* those that did not */
    uint64_t compiles;
    int      plans;           /* held now */
    size_t   arena_bytes;
    uint32_t nodes;           /* recorded in this step */
    uint32_t instructions;    /* of the plan that ran last: kernel calls, copies and checks */
} tg_tape_statistics;

/* Since tg_tape_new; zeros for an eager tape, nodes apart. */
TG_API tg_status tg_tape_stats(const tg_tape *tape, tg_tape_statistics *statistics);

#ifdef __cplusplus
}
#endif
#endif
