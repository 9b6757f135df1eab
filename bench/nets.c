/* nets.c - the nets, their data, and the library's side of each. */
#include "nets.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SIZES(...)   (const int64_t[]){ __VA_ARGS__ }
#define FOUR(n)      n, n, n, n
#define SIXTEEN(n)   FOUR(n), FOUR(n), FOUR(n), FOUR(n)

#define SMALL(width, batch)                                                                                                                 \
    { "j-" #width "-" #batch, "10-" #width "-" #width "-10, batch " #batch ", relu, cross-entropy, SGD", SIZES(10, width, width, 10), 3, batch, \
      false, WITH_SGD, 1e-5, 0.05, floor_step_relu_cross_entropy_sgd },

const bench_net bench_nets[] = {
    { "a", "4-16-3, batch 16, tanh, mean squared error, SGD", SIZES(4, 16, 3), 2, 16, true, WITH_SGD, 1e-4, 0.1, floor_step_tanh_mse_sgd },
    { "b", "784-128-10, batch 32, relu, cross-entropy, SGD", SIZES(784, 128, 10), 2, 32, false, WITH_SGD, 1e-5, 0.01,
      floor_step_relu_cross_entropy_sgd },
    { "c", "784-300-100-10, batch 64, relu, cross-entropy, Adam", SIZES(784, 300, 100, 10), 3, 64, false, WITH_ADAM, 1e-6, 1e-3,
      floor_step_relu_cross_entropy_adam },
    { "d", "784-512-512-10, batch 128, relu, cross-entropy, momentum 0.9", SIZES(784, 512, 512, 10), 3, 128, false, WITH_MOMENTUM, 1e-6, 0.01,
      floor_step_relu_cross_entropy_momentum },
    { "e", "1024-2048-2048-1000, batch 256, relu, cross-entropy, Adam", SIZES(1024, 2048, 2048, 1000), 3, 256, false, WITH_ADAM, 1e-6, 1e-3,
      floor_step_relu_cross_entropy_adam },
    { "f", "4096-4096-4096-4096-4096-10, batch 512, relu, cross-entropy, SGD", SIZES(4096, FOUR(4096), 10), 5, 512, false, WITH_SGD, 1e-6, 1e-3,
      floor_step_relu_cross_entropy_sgd },
    { "g", "64 layers of 64, batch 64, tanh, mean squared error, SGD", SIZES(64, SIXTEEN(64), SIXTEEN(64), SIXTEEN(64), SIXTEEN(64)), 64, 64, true,
      WITH_SGD, 1e-4, 0.1, floor_step_tanh_mse_sgd },
    { "h-128", "784-128-10, batch 1, relu, inference", SIZES(784, 128, 10), 2, 1, false, WITH_NONE, 0, 0, floor_step_relu_inference },
    { "h-512", "784-512-512-10, batch 1, relu, inference", SIZES(784, 512, 512, 10), 3, 1, false, WITH_NONE, 0, 0, floor_step_relu_inference },
    SMALL(8, 1) SMALL(16, 1) SMALL(32, 1) SMALL(64, 1) SMALL(128, 1) SMALL(256, 1)
    SMALL(8, 128) SMALL(16, 128) SMALL(32, 128) SMALL(64, 128) SMALL(128, 128) SMALL(256, 128)
};
const int bench_net_count = (int)(sizeof bench_nets / sizeof *bench_nets);

/* ---- data ---- */

/* Uniform in [0, 1): the upper bits of a linear congruential generator (Knuth's MMIX). */
static float next_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)(*state >> 40) / 16777216.0f;
}

static float *random_matrix(uint64_t *state, int64_t rows, int64_t cols) {
    float *matrix = malloc((size_t)(rows * cols) * sizeof *matrix);
    for (int64_t i = 0; matrix != NULL && i < rows * cols; i++) matrix[i] = next_random(state);
    return matrix;
}

static int32_t *random_labels(uint64_t *state, int64_t rows, int64_t classes) {
    int32_t *labels = malloc((size_t)rows * sizeof *labels);
    for (int64_t i = 0; labels != NULL && i < rows; i++) labels[i] = (int32_t)(next_random(state) * (float)classes);
    return labels;
}

batch_data *bench_data_new(const bench_net *net) {
    const int64_t out   = net->sizes[net->layers];
    uint64_t      state = 1;
    batch_data   *data  = calloc(1, sizeof *data);
    if (data == NULL) return NULL;
    data->rows = net->rows;
    data->x    = random_matrix(&state, net->rows, net->sizes[0]);
    if (net->is_regression) data->targets = random_matrix(&state, net->rows, out);
    else data->labels = random_labels(&state, net->rows, out);
    if (data->x != NULL && (data->targets != NULL || data->labels != NULL)) return data;
    bench_data_free(data);
    return NULL;
}

void bench_data_free(batch_data *data) {
    if (data == NULL) return;
    free((void *)data->x);
    free((void *)data->targets);
    free((void *)data->labels);
    free(data);
}

/* ---- the library's side ---- */

static bool tell_failure(const tg_tape *tape) {
    const char *sentence = "";
    tg_last_error(&sentence);
    fprintf(stderr, "bench: %s%s\n", tape != NULL ? tg_tape_error(tape) : "", sentence);
    return false;
}

static tg_optimizer *new_optimizer(const bench_net *net, tg_params *params, double rate) {
    switch (net->optimizer) {
        case WITH_SGD:      return tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = rate });
        case WITH_MOMENTUM: return tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = rate, .momentum = 0.9 });
        case WITH_ADAM:     return tg_adam_new(params, &(tg_adam_options){ .learning_rate = rate });
        case WITH_NONE:     return NULL;
    }
    return NULL;
}

static bool add_layer(bench_model *model, int l) {
    const int64_t in = model->net->sizes[l], out = model->net->sizes[l + 1];
    char          name[32];
    snprintf(name, sizeof name, "fc%d", l + 1);
    const tg_linear_options options = { .init = model->net->is_regression ? TG_GLOROT : TG_HE };
    const tg_linear_layer   layer   = tg_add_linear(model->params, name, in, out, &options);
    model->weight[l] = layer.weight;
    model->bias[l]   = layer.bias;
    return layer.weight != NULL;
}

static bool fill_model(bench_model *model, double rate, const tg_tape_options *options) {
    model->params = tg_params_new(1, NULL);
    for (int l = 0; l < model->net->layers; l++)
        if (!add_layer(model, l)) return false;
    model->optimizer = new_optimizer(model->net, model->params, rate);
    model->tape      = tg_tape_new(options);
    return (model->optimizer != NULL || model->net->optimizer == WITH_NONE) && model->tape != NULL;
}

bench_model *bench_model_new(const bench_net *net, const batch_data *data, double rate, const tg_tape_options *options) {
    bench_model *model = calloc(1, sizeof *model);
    if (model == NULL) return NULL;
    model->net  = net;
    model->data = data;
    if (fill_model(model, rate, options)) return model;
    tell_failure(NULL);
    bench_model_free(model);
    return NULL;
}

void bench_model_free(bench_model *model) {
    if (model == NULL) return;
    tg_tape_free(model->tape);
    tg_optimizer_free(model->optimizer);
    tg_params_free(model->params);
    free(model);
}

/* ---- a step ---- */

tg_tensor bench_record_forward(bench_model *model) {
    const bench_net  *net  = model->net;
    const batch_data *data = model->data;
    tg_tape          *tape = model->tape;
    tg_begin(tape, &(tg_begin_options){ .training = net->optimizer != WITH_NONE });
    tg_tensor h = tg_input(tape, data->x, data->rows, net->sizes[0]);      /* [rows, sizes[l]] */
    for (int l = 0; l < net->layers; l++) {
        const tg_tensor z = tg_linear(h, tg_use(tape, model->weight[l]), tg_use(tape, model->bias[l]));
        h = l == net->layers - 1 ? z : net->is_regression ? tg_tanh(z) : tg_relu(z);
    }
    if (net->optimizer == WITH_NONE) return tg_keep(h);
    return net->is_regression ? tg_mse_loss(h, tg_input(tape, data->targets, data->rows, net->sizes[net->layers]))
                              : tg_cross_entropy(h, tg_labels(tape, data->labels, data->rows));
}

int bench_record_step(bench_model *model, tg_tensor outputs[2]) {
    tg_tensor gradient;
    outputs[0] = bench_record_forward(model);
    if (model->net->optimizer == WITH_NONE) return tg_tape_status(model->tape) == TG_OK ? 1 : 0;
    const tg_tensor weights = tg_use_block(model->tape, model->params, NULL);      /* [1, n] */
    tg_gradients(outputs[0], TG_NONE, &weights, 1, &gradient, NULL);
    outputs[1] = tg_update(model->optimizer, gradient);
    tg_require_finite(outputs[0]);      /* as tg_minimize does */
    return tg_tape_status(model->tape) == TG_OK ? 2 : 0;
}

tg_status bench_step(bench_model *model) {
    const tg_tensor forward = bench_record_forward(model);
    return model->net->optimizer == WITH_NONE ? tg_run(forward) : tg_minimize(model->optimizer, forward);
}

/* ---- the floor beside it ---- */

static bool read_weights(const bench_model *model, floor_values *values) {
    for (int l = 0; l < model->net->layers; l++)
        if (tg_variable_read(model->weight[l], values->weight[l]) != TG_OK || tg_variable_read(model->bias[l], values->bias[l]) != TG_OK)
            return tell_failure(NULL);
    return true;
}

floor_net *bench_floor_new(const bench_model *model, double rate) {
    const bench_net *net   = model->net;
    floor_net       *floor = floor_net_new(net->sizes, net->layers, net->rows, rate);
    if (floor == NULL || read_weights(model, &floor->weights)) return floor;
    floor_net_free(floor);
    return NULL;
}

static double largest_difference(const float *x, const float *y, size_t count) {
    double largest = 0;
    for (size_t i = 0; i < count; i++) {
        const double difference = fabs((double)x[i] - (double)y[i]);
        largest = difference > largest || isnan(difference) ? difference : largest;
    }
    return largest;
}

static bool run_both(bench_model *model, floor_net *floor, int steps) {
    for (int i = 0; i < steps; i++) {
        if (bench_step(model) != TG_OK) return tell_failure(model->tape);
        model->net->floor_step(floor, model->data);
    }
    return true;
}

/* initial holds the weights before the steps. Measured by how far the steps went, too: rates that move nothing would agree whatever is computed. */
static bool agrees(const bench_model *model, const floor_net *floor, floor_net *initial) {
    const size_t count = floor->count;
    const double moved = largest_difference(floor->weights.all, initial->weights.all, count);
    if (!read_weights(model, &initial->weights)) return false;
    const double error = largest_difference(floor->weights.all, initial->weights.all, count);
    double       largest = 0;
    for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs((double)floor->weights.all[i]));
    fprintf(stderr, "net %s: after 5 steps weights up to %.3g have moved by up to %.3g; hand-written and library differ by up to %.3g\n",
            model->net->name, largest, moved, error);
    if (error <= 1e-4 * largest && error <= 1e-2 * moved) return true;
    fprintf(stderr, "bench: net %s: the floor does not compute what the library does\n", model->net->name);
    return false;
}

/* Of inference: the logits of the step that both have just run. */
static bool gives_the_same(bench_model *model, const floor_net *floor) {
    const int       last = model->net->layers - 1;
    const tg_tensor y    = bench_record_forward(model);
    float           logits[FLOOR_MOST_LAYERS];
    if (tg_run(y) != TG_OK || tg_read(y, logits) != TG_OK) return tell_failure(model->tape);
    const double error = largest_difference(logits, floor->outputs[last], (size_t)model->net->sizes[last + 1]);
    fprintf(stderr, "net %s: logits written by hand and of the library differ by up to %.3g\n", model->net->name, error);
    return error <= 1e-4;
}

bool bench_check(const bench_net *net, const batch_data *data) {
    bench_model *model   = bench_model_new(net, data, net->check_rate, NULL);
    floor_net   *floor   = model != NULL ? bench_floor_new(model, net->check_rate) : NULL;
    floor_net   *initial = model != NULL ? bench_floor_new(model, net->check_rate) : NULL;
    const bool   good    = floor != NULL && initial != NULL && run_both(model, floor, 5) &&
                         (net->optimizer == WITH_NONE ? gives_the_same(model, floor) : agrees(model, floor, initial));
    floor_net_free(initial);
    floor_net_free(floor);
    bench_model_free(model);
    return good;
}
