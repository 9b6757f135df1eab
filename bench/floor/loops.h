/* loops.h - the loops between the products. Matrices are [rows, cols], row after row. They are compiled for each kind of processor, as parts of the
 * step that they stand in. */
#ifndef TAPEGRAD_BENCH_LOOPS_H
#define TAPEGRAD_BENCH_LOOPS_H

#include "floor/floor.h"
#include "kernel/denormals.h"
#include "kernel/functions.h"
#include "kernel/gemm.h"
#include "kernel/levels.h"
#include "op/sums.h"

/* A step of training, and the loss before it. */
typedef struct floor_job {
    floor_net        *net;
    const batch_data *data;
    float             loss;
} floor_job;

/* Defines name(net, data), which is train_loop(job) in the version for this processor, with denormals flushed as the library does. */
#define FLOOR_STEP(name)                                                                                   \
    TG_BY_LEVEL(train, floor_job *)                                                                        \
    float name(floor_net *net, const batch_data *data) {                                                   \
        floor_job      job    = { net, data, 0 };                                                          \
        const unsigned before = tg_denormals_flush();                                                      \
        train(&job);                                                                                       \
        tg_denormals_restore(before);                                                                      \
        return job.loss;                                                                                   \
    }

/* ---- forward ---- */

/* h += bias */
TG_LOOP void add_bias(float *restrict h, const float *restrict bias, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; i++, h += cols)
        for (int64_t j = 0; j < cols; j++) h[j] += bias[j];
}

/* h = tanh(h + bias) */
TG_LOOP void bias_tanh(float *restrict h, const float *restrict bias, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; i++, h += cols)
        for (int64_t j = 0; j < cols; j++) h[j] = tanh(h[j] + bias[j]);
}

/* h = max(h + bias, 0) */
TG_LOOP void bias_relu(float *restrict h, const float *restrict bias, int64_t rows, int64_t cols) {
    for (int64_t i = 0; i < rows; i++, h += cols)
        for (int64_t j = 0; j < cols; j++) {
            const float z = h[j] + bias[j];
            h[j] = z > 0 ? z : 0;
        }
}

/* h[l] w[l]: [rows, out] */
TG_LOOP void multiply_forward(floor_net *net, int l, const float *h) {
    const int64_t in = net->sizes[l], out = net->sizes[l + 1];
    tg_gemm_f32(false, false, net->rows, out, in, h, in, net->weights.weight[l], out, net->outputs[l], out);
}

/* What layer l reads: [rows, sizes[l]] */
TG_LOOP const float *input_of(const floor_net *net, const batch_data *data, int l) { return l == 0 ? data->x : net->outputs[l - 1]; }

/* ---- losses: the logits plus bias, in place, become their delta; returns the mean loss ---- */

/* delta = 2 (z - target) / elements */
TG_LOOP float mse_delta(float *restrict z, const float *restrict bias, const float *restrict target, int64_t rows, int64_t cols) {
    const float factor = 2.0f / (float)(rows * cols);
    float       sum    = 0;
    for (int64_t i = 0; i < rows; i++, z += cols, target += cols)
        for (int64_t j = 0; j < cols; j++) {
            const float difference = z[j] + bias[j] - target[j];
            sum += difference * difference;
            z[j] = factor * difference;
        }
    return sum / (float)(rows * cols);
}

/* delta = (softmax(z) - onehot(label)) / rows; each exponential is computed once, for the loss and for delta. */
TG_LOOP float cross_entropy_delta(float *restrict z, const float *restrict bias, const int32_t *labels, int64_t rows, int64_t cols) {
    const float share = 1.0f / (float)rows;
    double      loss  = 0;
    for (int64_t i = 0; i < rows; i++, z += cols) {
        for (int64_t j = 0; j < cols; j++) z[j] += bias[j];
        const float largest = tg_row_largest_f32(z, cols), at_label = z[labels[i]] - largest, sum = tg_row_powers_f32(z, cols, largest, z);
        loss += (double)(log(sum) - at_label);
        for (int64_t j = 0; j < cols; j++) z[j] /= sum;
        z[labels[i]] -= 1;
        for (int64_t j = 0; j < cols; j++) z[j] *= share;
    }
    return (float)(loss / (double)rows);
}

/* ---- backward ---- */

/* delta w[l]^T: [rows, in] */
TG_LOOP void multiply_back(const floor_net *net, int l, const float *delta, float *to) {
    const int64_t in = net->sizes[l], out = net->sizes[l + 1];
    tg_gemm_f32(false, true, net->rows, in, out, delta, out, net->weights.weight[l], out, to, in);
}

/* delta *= 1 - h^2, h = tanh(z) */
TG_LOOP void through_tanh(float *restrict delta, const float *restrict h, int64_t count) {
    for (int64_t i = 0; i < count; i++) delta[i] *= 1 - h[i] * h[i];
}

TG_LOOP void through_relu(float *restrict delta, const float *restrict h, int64_t count) {
    for (int64_t i = 0; i < count; i++) delta[i] = h[i] > 0 ? delta[i] : 0;
}

/* sum[cols] */
TG_LOOP void add_rows(float *restrict sum, const float *restrict delta, int64_t rows, int64_t cols) {
    for (int64_t j = 0; j < cols; j++) sum[j] = delta[j];
    for (int64_t i = 1; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) sum[j] += delta[i * cols + j];
}

/* Gradients of layer l: h^T delta [in, out] and its bias. */
TG_LOOP void take_gradients(floor_net *net, int l, const float *h, const float *delta) {
    const int64_t in = net->sizes[l], out = net->sizes[l + 1];
    tg_gemm_f32(true, false, in, out, net->rows, h, in, delta, out, net->gradients.weight[l], out);
    add_rows(net->gradients.bias[l], delta, net->rows, out);
}

/* w -= rate h^T delta, the product and the step in one; bias -= rate (sum of the rows of delta). */
TG_LOOP void step_layer(floor_net *net, int l, const float *h, const float *delta) {
    const int64_t in = net->sizes[l], out = net->sizes[l + 1];
    float        *bias = net->weights.bias[l], *sum = net->gradients.bias[l];
    tg_gemm_update_f32(true, false, in, out, net->rows, h, in, delta, out, net->weights.weight[l], out, -net->rate, net->weights.weight[l]);
    add_rows(sum, delta, net->rows, out);
    for (int64_t j = 0; j < out; j++) bias[j] -= net->rate * sum[j];
}

#endif
