/* relu.h - hidden layers of relu under cross-entropy: what the nets that differ by their optimizer share. */
#ifndef TAPEGRAD_BENCH_RELU_H
#define TAPEGRAD_BENCH_RELU_H

#include "floor/loops.h"

/* Leaves the delta of the last layer in its output, and returns the loss. */
TG_LOOP float relu_forward(floor_net *net, const batch_data *data) {
    const int last = net->layers - 1;
    for (int l = 0; l < last; l++) {
        multiply_forward(net, l, input_of(net, data, l));
        bias_relu(net->outputs[l], net->weights.bias[l], net->rows, net->sizes[l + 1]);
    }
    multiply_forward(net, last, input_of(net, data, last));
    return cross_entropy_delta(net->outputs[last], net->weights.bias[last], data->labels, net->rows, net->sizes[net->layers]);
}

/* Gradients of all layers, for optimizers that need them whole. */
TG_LOOP void relu_backward(floor_net *net, const batch_data *data) {
    const float *delta = net->outputs[net->layers - 1];      /* [rows, out] of layer l */
    for (int l = net->layers - 1; l >= 0; l--) {
        float *below = net->deltas[l & 1];                   /* [rows, in] */
        take_gradients(net, l, input_of(net, data, l), delta);
        if (l == 0) return;
        multiply_back(net, l, delta, below);
        through_relu(below, net->outputs[l - 1], net->rows * net->sizes[l]);
        delta = below;
    }
}

#endif
