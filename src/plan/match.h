/* match.h - patterns found in a graph. */
#ifndef TAPEGRAD_PLAN_MATCH_H
#define TAPEGRAD_PLAN_MATCH_H

#include "plan/compile.h"
#include "plan/patterns.h"

/* Which nodes of the graph the ops and inputs of a pattern are. */
typedef struct tg_match {
    const tg_pattern *pattern;      /* NULL: there is none */
    uint32_t          ops[TG_PATTERN_OPS], inputs[TG_PATTERN_INPUTS];
    bool              is_read_outside[TG_PATTERN_OPS];
} tg_match;

/* The largest loop that is exactly the first of these [count] steps, in whatever order. */
tg_match tg_match_loop(const tg_compiler *c, const uint32_t steps[], uint32_t count, const uint32_t *readers);

/* The attributes of the matched ops, in the order written. */
void tg_matched_attributes(const tg_compiler *c, const tg_match *match, const void *attributes[TG_PATTERN_OPS]);

/* Whether any row of that kind is on. */
bool tg_has_patterns(const tg_compiler *c, bool loops);

#endif
