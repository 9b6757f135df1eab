/* costs.h - what a step costs beside its computation: memory, compiling, recording. */
#ifndef TAPEGRAD_BENCH_COSTS_H
#define TAPEGRAD_BENCH_COSTS_H

#include "nets.h"

typedef struct net_costs {
    tg_tape_statistics planned;           /* behind some steps, all passes on */
    size_t             bare_arena_bytes;  /* all passes off */
    double             first_compile;     /* microseconds a node: what the first executing call of a tape takes longer than a later one */
    double             later_compile;     /* the same of a call that meets no plan on a tape that has its memory already */
    double             recording;         /* nanoseconds a node: forward, gradients and update of a step that is known */
} net_costs;

bool bench_measure_costs(const bench_net *net, const batch_data *data, net_costs *costs);

typedef struct chain_costs {
    uint32_t nodes;
    double   recording_first;      /* nanoseconds a node, of a step that is new */
    double   recording_again;      /* of a step that is known */
    double   compile;              /* microseconds a node */
} chain_costs;

/* About so many elementwise ops, one after the other; or so many nodes of layers with shared weights, their gradient and an update. */
bool bench_measure_chain(int64_t nodes, chain_costs *costs);
bool bench_measure_layers(int64_t nodes, chain_costs *costs);

#endif
