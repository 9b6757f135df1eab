/* relu_adam.c - hidden layers of relu, cross-entropy, Adam (Kingma and Ba 2015, algorithm 1) with its usual constants. */
#include "floor/relu.h"

/* What is the same for all parameters: rate / (1 - beta1^t), 1 / (1 - beta2^t). */
typedef struct corrections { float rate, second; } corrections;

TG_LOOP corrections corrections_of(const floor_net *net) {
    const double t = (double)net->steps;
    return (corrections){ (float)((double)net->rate / (1 - pow(0.9, t))), (float)(1 / (1 - pow(0.999, t))) };
}

/* m += 0.1 (g - m);  v += 0.001 (g^2 - v);  w -= rate m / (sqrt(v) + epsilon), with m and v corrected */
TG_LOOP void step_all(float *restrict w, float *restrict m, float *restrict v, const float *restrict g, size_t count, corrections c) {
    for (size_t i = 0; i < count; i++) {
        m[i] += 0.1f * (g[i] - m[i]);
        v[i] += 0.001f * (g[i] * g[i] - v[i]);
        w[i] -= c.rate * m[i] / (sqrt(v[i] * c.second) + 1e-8f);
    }
}

TG_LOOP void train_loop(floor_job *job) {
    floor_net *net = job->net;
    job->loss = relu_forward(net, job->data);
    relu_backward(net, job->data);
    net->steps++;
    step_all(net->weights.all, net->first.all, net->second.all, net->gradients.all, net->count, corrections_of(net));
}
FLOOR_STEP(floor_step_relu_cross_entropy_adam)
