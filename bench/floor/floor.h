/* floor.h - training steps written by hand, without a graph: what the library's steps are measured against.
 *
 * The products are those of kernel/gemm.h, with the same bits as in the library; the rest is plain C, as one would write it for one kind of net. */
#ifndef TAPEGRAD_BENCH_FLOOR_H
#define TAPEGRAD_BENCH_FLOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FLOOR_MOST_LAYERS = 64 };

/* One batch. A net has either targets or labels. */
typedef struct batch_data {
    const float   *x;           /* [rows, in] */
    const float   *targets;     /* [rows, out] */
    const int32_t *labels;      /* [rows] */
    int64_t        rows;
} batch_data;

/* Values of all parameters, one after the other in one array. */
typedef struct floor_values {
    float *all;                             /* [floor_net.count] */
    float *weight[FLOOR_MOST_LAYERS];       /* [sizes[l], sizes[l + 1]] */
    float *bias[FLOOR_MOST_LAYERS];         /* [sizes[l + 1]] */
} floor_values;

typedef struct floor_net {
    const int64_t *sizes;                       /* [layers + 1] */
    int            layers;
    int64_t        rows;                        /* of a batch */
    size_t         count;                       /* of all parameters, padding included */
    floor_values   weights, gradients;
    floor_values   first, second;               /* moments, for the optimizers that have them */
    float         *outputs[FLOOR_MOST_LAYERS];  /* [rows, sizes[l + 1]] */
    float         *deltas[2];                   /* [rows, largest of sizes] */
    float          rate;
    int64_t        steps;
} floor_net;

/* NULL if there is no memory. Values are zero. sizes is borrowed. */
floor_net *floor_net_new(const int64_t *sizes, int layers, int64_t rows, double rate);
void       floor_net_free(floor_net *net);

/* One step of training each; they return the loss before it. */
float floor_step_tanh_mse_sgd(floor_net *net, const batch_data *data);
float floor_step_relu_cross_entropy_sgd(floor_net *net, const batch_data *data);
float floor_step_relu_cross_entropy_adam(floor_net *net, const batch_data *data);
float floor_step_relu_cross_entropy_momentum(floor_net *net, const batch_data *data);

/* The logits of data, in the last of outputs; returns 0. */
float floor_step_relu_inference(floor_net *net, const batch_data *data);

#endif
