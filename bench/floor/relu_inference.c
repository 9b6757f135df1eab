/* relu_inference.c - hidden layers of relu, forward alone. */
#include "floor/relu.h"

TG_LOOP void train_loop(floor_job *job) {
    floor_net *net  = job->net;
    const int  last = net->layers - 1;
    for (int l = 0; l <= last; l++) {
        multiply_forward(net, l, input_of(net, job->data, l));
        if (l < last) bias_relu(net->outputs[l], net->weights.bias[l], net->rows, net->sizes[l + 1]);
        else add_bias(net->outputs[l], net->weights.bias[l], net->rows, net->sizes[l + 1]);
    }
}
FLOOR_STEP(floor_step_relu_inference)
