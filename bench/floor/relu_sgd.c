/* relu_sgd.c - hidden layers of relu, cross-entropy, stochastic gradient descent: each update joins its product. */
#include "floor/relu.h"

TG_LOOP void step_back(floor_net *net, const batch_data *data) {
    const float *delta = net->outputs[net->layers - 1];      /* [rows, out] of layer l */
    for (int l = net->layers - 1; l >= 0; l--) {
        float *below = net->deltas[l & 1];                   /* [rows, in] */
        if (l > 0) multiply_back(net, l, delta, below);      /* with the weights as they were */
        step_layer(net, l, input_of(net, data, l), delta);
        if (l > 0) through_relu(below, net->outputs[l - 1], net->rows * net->sizes[l]);
        delta = below;
    }
}

TG_LOOP void train_loop(floor_job *job) {
    floor_net *net = job->net;
    job->loss = relu_forward(net, job->data);
    step_back(net, job->data);
}
FLOOR_STEP(floor_step_relu_cross_entropy_sgd)
