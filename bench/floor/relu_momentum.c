/* relu_momentum.c - hidden layers of relu, cross-entropy, stochastic gradient descent with momentum 0.9. */
#include "floor/relu.h"
#include "kernel/denormals.h"

/* v = 0.9 v + g;  w -= rate v */
static void step_all(float *restrict w, float *restrict v, const float *restrict g, size_t count, float rate) {
    for (size_t i = 0; i < count; i++) {
        v[i] = 0.9f * v[i] + g[i];
        w[i] -= rate * v[i];
    }
}

float floor_step_relu_cross_entropy_momentum(floor_net *net, const batch_data *data) {
    const unsigned before = tg_denormals_flush();
    const float    loss   = relu_forward(net, data);
    relu_backward(net, data);
    step_all(net->weights.all, net->first.all, net->gradients.all, net->count, net->rate);
    tg_denormals_restore(before);
    return loss;
}
