/* variants.h - one net, trained in different ways, round by round in one process. */
#ifndef TAPEGRAD_BENCH_VARIANTS_H
#define TAPEGRAD_BENCH_VARIANTS_H

#include "nets.h"
#include "timing.h"

#include <stdio.h>

typedef struct bench_options {
    int    rounds;
    double seconds;      /* rounds of one net end behind this many; 0: no limit */
    bool   passes;       /* each pass off, none, and eager, too */
    bool   chains;
    bool   quick;        /* not net f, and no costs */
    bool   list;         /* prints the nets, and times nothing */
    FILE  *json;         /* NULL: none */
    char   nets[64];     /* "a,b"; "": all */
} bench_options;

typedef struct variant_result {
    char   name[32];
    spread nanoseconds;      /* of one step */
    double ratio;            /* to the floor in the same round, the median: what slows the machine for a while slows both */
} variant_result;

enum { MOST_VARIANTS = 64, MOST_ROUNDS = 1001 };

/* Times all variants of net; the first one is the floor. Returns how many there are; 0: something failed, said on stderr. */
int bench_time_variants(const bench_net *net, const batch_data *data, const bench_options *options, variant_result results[MOST_VARIANTS]);

#endif
