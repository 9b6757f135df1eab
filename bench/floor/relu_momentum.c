/* relu_momentum.c - hidden layers of relu, cross-entropy, stochastic gradient descent with momentum 0.9. */
#include "floor/relu.h"

/* v = 0.9 v + g;  w -= rate v */
TG_LOOP void step_all(float *restrict w, float *restrict v, const float *restrict g, size_t count, float rate) {
    for (size_t i = 0; i < count; i++) {
        v[i] = 0.9f * v[i] + g[i];
        w[i] -= rate * v[i];
    }
}

TG_LOOP void train_loop(floor_job *job) {
    floor_net *net = job->net;
    job->loss = relu_forward(net, job->data);
    relu_backward(net, job->data);
    step_all(net->weights.all, net->first.all, net->gradients.all, net->count, net->rate);
}
FLOOR_STEP(floor_step_relu_cross_entropy_momentum)
