/* tanh_sgd.c - hidden layers of tanh, mean squared error, stochastic gradient descent. */
#include "floor/loops.h"

TG_LOOP void train_loop(floor_job *job) {
    floor_net        *net  = job->net;
    const batch_data *data = job->data;
    const int     last = net->layers - 1;
    const int64_t rows = net->rows;
    for (int l = 0; l < last; l++) {
        multiply_forward(net, l, input_of(net, data, l));
        bias_tanh(net->outputs[l], net->weights.bias[l], rows, net->sizes[l + 1]);
    }
    multiply_forward(net, last, input_of(net, data, last));
    float *delta = net->outputs[last];           /* [rows, out] of layer l */
    job->loss    = mse_delta(delta, net->weights.bias[last], data->targets, rows, net->sizes[net->layers]);
    for (int l = last; l >= 0; l--) {
        float *below = net->deltas[l & 1];       /* [rows, in] */
        if (l > 0) multiply_back(net, l, delta, below);      /* with the weights as they were */
        step_layer(net, l, input_of(net, data, l), delta);
        if (l > 0) through_tanh(below, net->outputs[l - 1], rows * net->sizes[l]);
        delta = below;
    }
}
FLOOR_STEP(floor_step_tanh_mse_sgd)
