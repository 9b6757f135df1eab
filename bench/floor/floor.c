/* floor.c - memory of the nets written by hand: all of it is taken before the first step. */
#include "floor/floor.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

static float *new_array(size_t count) {
    const size_t bytes = (count * sizeof(float) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    float       *array = aligned_alloc(ALIGNMENT, bytes);
    if (array != NULL) memset(array, 0, bytes);
    return array;
}

static size_t padded(int64_t count) { return ((size_t)count * sizeof(float) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT / sizeof(float); }

static size_t count_parameters(const floor_net *net) {
    size_t count = 0;
    for (int l = 0; l < net->layers; l++) count += padded(net->sizes[l] * net->sizes[l + 1]) + padded(net->sizes[l + 1]);
    return count;
}

static bool make_values(const floor_net *net, floor_values *values) {
    float *next = values->all = new_array(net->count);
    if (next == NULL) return false;
    for (int l = 0; l < net->layers; l++) {
        values->weight[l] = next;
        next += padded(net->sizes[l] * net->sizes[l + 1]);
        values->bias[l] = next;
        next += padded(net->sizes[l + 1]);
    }
    return true;
}

static bool make_outputs(floor_net *net) {
    int64_t widest = 0;
    for (int l = 0; l < net->layers; l++) {
        const int64_t width = net->sizes[l + 1];
        if (width > widest) widest = width;
        net->outputs[l] = new_array((size_t)(net->rows * width));
        if (net->outputs[l] == NULL) return false;
    }
    for (int i = 0; i < 2; i++) net->deltas[i] = new_array((size_t)(net->rows * widest));
    return net->deltas[0] != NULL && net->deltas[1] != NULL;
}

floor_net *floor_net_new(const int64_t *sizes, int layers, int64_t rows, double rate) {
    floor_net *net = layers <= FLOOR_MOST_LAYERS ? calloc(1, sizeof *net) : NULL;
    if (net == NULL) return NULL;
    net->sizes  = sizes;
    net->layers = layers;
    net->rows   = rows;
    net->rate   = (float)rate;
    net->count  = count_parameters(net);
    if (make_values(net, &net->weights) && make_values(net, &net->gradients) && make_values(net, &net->first) && make_values(net, &net->second) &&
        make_outputs(net))
        return net;
    floor_net_free(net);
    return NULL;
}

void floor_net_free(floor_net *net) {
    if (net == NULL) return;
    free(net->weights.all);
    free(net->gradients.all);
    free(net->first.all);
    free(net->second.all);
    for (int l = 0; l < net->layers; l++) free(net->outputs[l]);
    for (int i = 0; i < 2; i++) free(net->deltas[i]);
    free(net);
}
