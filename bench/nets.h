/* nets.h - the nets that are timed, and the library's side of each: parameters, optimizer, tape, and one step by hand. */
#ifndef TAPEGRAD_BENCH_NETS_H
#define TAPEGRAD_BENCH_NETS_H

#include "floor/floor.h"

#include <tapegrad/tapegrad.h>

typedef enum optimizer_kind { WITH_SGD, WITH_MOMENTUM, WITH_ADAM, WITH_NONE } optimizer_kind;

typedef struct bench_net {
    const char    *name;            /* "c"; of a family of nets "j-8-128": hidden layers of 8, batch 128 */
    const char    *text;
    const int64_t *sizes;           /* [layers + 1] */
    int            layers;
    int64_t        rows;            /* of a batch */
    bool           is_regression;   /* hidden layers of tanh, mean squared error; else relu, cross-entropy */
    optimizer_kind optimizer;       /* WITH_NONE: inference, a step is the logits */
    double         rate;            /* so small that thousands of steps on one batch change little */
    double         check_rate;      /* so large that five steps show what they do */
    float        (*floor_step)(floor_net *net, const batch_data *data);
} bench_net;

extern const bench_net bench_nets[];
extern const int       bench_net_count;

/* ---- data: random, the same in each run ---- */

/* NULL if there is no memory. */
batch_data *bench_data_new(const bench_net *net);
void        bench_data_free(batch_data *data);

/* ---- the library's side ---- */

typedef struct bench_model {
    const bench_net  *net;
    const batch_data *data;
    tg_params        *params;
    tg_variable      *weight[FLOOR_MOST_LAYERS];
    tg_variable      *bias[FLOOR_MOST_LAYERS];
    tg_optimizer     *optimizer;
    tg_tape          *tape;
} bench_model;

/* NULL on failure; says why on stderr. */
bench_model *bench_model_new(const bench_net *net, const batch_data *data, double rate, const tg_tape_options *options);
void         bench_model_free(bench_model *model);

/* Begins a step and records the logits, or the loss. */
tg_tensor bench_record_forward(bench_model *model);

/* The same with gradients and update: outputs[0] is the loss, outputs[1] what tg_update returned. Returns how many outputs there are: of inference,
 * one. 0: it failed. */
int bench_record_step(bench_model *model, tg_tensor outputs[2]);

/* One step, defined while it runs: recorded, differentiated, run. */
tg_status bench_step(bench_model *model);

/* The floor with the initial weights of model. NULL on failure. */
floor_net *bench_floor_new(const bench_model *model, double rate);

/* Whether five steps of both give weights, or logits, that agree; says on stderr where not. */
bool bench_check(const bench_net *net, const batch_data *data);

#endif
