/* planned.h - the executor that compiles steps, and its cache of plans. */
#ifndef TAPEGRAD_PLAN_PLANNED_H
#define TAPEGRAD_PLAN_PLANNED_H

#include "plan/compile.h"
#include "plan/patterns.h"
#include <tapegrad/plan.h>

/* What an executing call asks for, as bytes: two calls with equal keys have equal plans. */
typedef struct tg_key {
    char  *bytes;
    size_t count, capacity;
} tg_key;

/* tensors [count]: the arguments; fusions: how many rows their table has. Failures are on the tape. */
tg_status tg_make_key(tg_tape *tape, const tg_tensor tensors[], int count, uint64_t passes, size_t fusions, tg_key *key);

typedef struct tg_cache_entry tg_cache_entry;

typedef struct tg_cache {
    tg_cache_entry *table;
    int             count;
    uint64_t        clock;      /* counts uses, so that the plan least recently used is the one to go */
} tg_cache;

/* The plan with that key; NULL: there is none. */
tg_plan_code *tg_cache_find(tg_cache *cache, const tg_key *key);

/* Takes over code, under that key; returns where it is now, NULL (and code stays the caller's): out of memory. `gone` is told of a plan that has to
 * go for it. */
typedef void (*tg_gone_fn)(void *context, const tg_plan_code *code);
tg_plan_code *tg_cache_add(tg_cache *cache, const tg_key *key, const tg_plan_code *code, tg_gone_fn gone, void *context);
void          tg_cache_release(tg_cache *cache);

/* passes.c */
tg_status tg_parse_passes(const char *text, uint64_t *passes, char *sentence, size_t bytes);

/* The bits of the pass or fusion of that name; all of them for "none"; 0: there is none. */
uint64_t tg_pass_bits(const char *name, size_t length);

tg_status tg_set_planned(tg_tape *tape, uint64_t passes);
uint64_t  tg_passes_of(const tg_tape *tape);      /* of an eager tape: none */

/* look.c */
tg_status tg_look_planned(tg_tape *tape, const tg_tensor tensors[], int count, double *const out[]);

/* A check that failed: its status and sentence, on the tape. */
tg_status tg_fail_check(tg_tape *tape, const tg_instruction *check);

#endif
