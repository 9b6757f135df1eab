/* costs.c - memory, compiling and recording. */
#include "costs.h"
#include "timing.h"

enum { REPEATS = 11, LATER_RUNS = 5 };

/* ---- memory ---- */

static bool run_steps(bench_model *model, int count) {
    for (int i = 0; i < count; i++)
        if (bench_step(model) != TG_OK) return false;
    return true;
}

static bool read_statistics(const bench_net *net, const batch_data *data, const char *passes, tg_tape_statistics *statistics) {
    bench_model *model = bench_model_new(net, data, net->rate, &(tg_tape_options){ .passes = passes });
    const bool   good  = model != NULL && run_steps(model, 3) && tg_tape_stats(model->tape, statistics) == TG_OK;
    bench_model_free(model);
    return good;
}

/* ---- compiling ---- */

/* Seconds of the executing call alone. number: of a constant that makes the step another one; NULL: none. */
static bool time_run(bench_model *model, const double *number, double *seconds) {
    tg_tensor outputs[2];
    const int count = bench_record_step(model, outputs);
    if (count == 0) return false;
    if (number != NULL) tg_constant(model->tape, *number);
    const double before = seconds_now();
    if (tg_run_many(outputs, count) != TG_OK) return false;
    *seconds = seconds_now() - before;
    return true;
}

static bool time_hit(bench_model *model, double *seconds) {
    double readings[LATER_RUNS];
    for (int i = 0; i < LATER_RUNS; i++)
        if (!time_run(model, NULL, &readings[i])) return false;
    *seconds = spread_of(readings, LATER_RUNS).median;
    return true;
}

static bool time_compiles(bench_model *model, int repeat, double first[], double later[]) {
    const double number = repeat;
    double       hit    = 0;
    if (!time_run(model, NULL, &first[repeat]) || !time_hit(model, &hit) || !time_run(model, &number, &later[repeat])) return false;
    const double nodes = (double)tg_node_count(model->tape);
    first[repeat] = 1e6 * (first[repeat] - hit) / nodes;
    later[repeat] = 1e6 * (later[repeat] - hit) / nodes;
    return true;
}

static bool measure_compiling(const bench_net *net, const batch_data *data, net_costs *costs) {
    double first[REPEATS], later[REPEATS];
    bool   good = true;
    for (int i = 0; i < REPEATS && good; i++) {
        bench_model *model = bench_model_new(net, data, net->rate, NULL);
        good = model != NULL && time_compiles(model, i, first, later);
        bench_model_free(model);
    }
    if (!good) return false;
    costs->first_compile = spread_of(first, REPEATS).median;
    costs->later_compile = spread_of(later, REPEATS).median;
    return true;
}

/* ---- recording ---- */

static bool record_often(bench_model *model, int count) {
    tg_tensor outputs[2];
    for (int i = 0; i < count; i++)
        if (bench_record_step(model, outputs) == 0) return false;
    return true;
}

static bool measure_recording(const bench_net *net, const batch_data *data, net_costs *costs) {
    double       readings[REPEATS];
    bench_model *model = bench_model_new(net, data, net->rate, NULL);
    bool         good  = model != NULL && run_steps(model, 1) && record_often(model, 10);
    const int    count = good ? 1 + (int)(1000000 / tg_node_count(model->tape)) : 0;
    for (int i = 0; i < REPEATS && good; i++) {
        const double before = seconds_now();
        good        = record_often(model, count);
        readings[i] = 1e9 * (seconds_now() - before) / count / (double)tg_node_count(model->tape);
    }
    if (good) costs->recording = spread_of(readings, REPEATS).median;
    bench_model_free(model);
    return good;
}

bool bench_measure_costs(const bench_net *net, const batch_data *data, net_costs *costs) {
    tg_tape_statistics bare;
    if (!read_statistics(net, data, "", &costs->planned) || !read_statistics(net, data, "none", &bare)) return false;
    costs->bare_arena_bytes = bare.arena_bytes;
    return measure_compiling(net, data, costs) && measure_recording(net, data, costs);
}

/* ---- steps of any length ---- */

enum { SIDE = 4 };

static const float square_of_data[SIDE * SIDE] = { 0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f, 0.7f, 0.8f, 0.9f, 1.0f, 1.1f, 1.2f, 1.3f, 1.4f, 1.5f, 1.6f };

/* What makes a step: records it on tape and returns how many tensors of outputs it filled. */
typedef struct recorder {
    int64_t         length;
    tg_params      *params;
    tg_variable    *weight, *bias;
    tg_optimizer   *optimizer;
    int           (*record)(const struct recorder *recorder, tg_tape *tape, tg_tensor outputs[2]);
} recorder;

static int record_chain(const recorder *r, tg_tape *tape, tg_tensor outputs[2]) {
    const tg_tensor x = tg_input(tape, square_of_data, SIDE, SIDE);
    tg_tensor       h = x;
    for (int64_t i = 0; i < r->length; i++)
        switch (i % 4) {
            case 0: h = tg_sin(h); break;
            case 1: h = tg_mul(h, x); break;
            case 2: h = tg_tanh(h); break;
            case 3: h = tg_add(h, x); break;
        }
    outputs[0] = h;
    return 1;
}

static int record_layers(const recorder *r, tg_tape *tape, tg_tensor outputs[2]) {
    const tg_tensor x = tg_input(tape, square_of_data, SIDE, SIDE);
    tg_tensor       h = x, gradient;
    for (int64_t i = 0; i < r->length; i++) h = tg_tanh(tg_linear(h, tg_use(tape, r->weight), tg_use(tape, r->bias)));
    outputs[0] = tg_mse_loss(h, x);
    const tg_tensor weights = tg_use_block(tape, r->params, NULL);
    tg_gradients(outputs[0], TG_NONE, &weights, 1, &gradient, NULL);
    outputs[1] = tg_update(r->optimizer, gradient);
    return 2;
}

static bool time_step(const recorder *r, tg_tape *tape, double *recording, double *running) {
    tg_tensor    outputs[2];
    const double begin = seconds_now();
    tg_begin(tape, NULL);
    const int    count    = r->record(r, tape, outputs);
    const double recorded = seconds_now();
    if (tg_run_many(outputs, count) != TG_OK) return false;
    *running   = seconds_now() - recorded;
    *recording = recorded - begin;
    return true;
}

static bool measure(const recorder *r, chain_costs *costs) {
    double     recording[2], running[2];
    tg_tape   *tape = tg_tape_new(NULL);
    const bool good = tape != NULL && time_step(r, tape, &recording[0], &running[0]) && time_step(r, tape, &recording[1], &running[1]) &&
                      time_step(r, tape, &recording[1], &running[1]);
    if (good) {
        costs->nodes = tg_node_count(tape);
        costs->recording_first = 1e9 * recording[0] / costs->nodes;
        costs->recording_again = 1e9 * recording[1] / costs->nodes;
        costs->compile         = 1e6 * (running[0] - running[1]) / costs->nodes;
    }
    tg_tape_free(tape);
    return good;
}

bool bench_measure_chain(int64_t nodes, chain_costs *costs) { return measure(&(recorder){ .length = nodes, .record = record_chain }, costs); }

bool bench_measure_layers(int64_t nodes, chain_costs *costs) {
    const int64_t nodes_of_layer = 12;      /* three forward, the rest backward */
    recorder      r = { .length = nodes / nodes_of_layer, .params = tg_params_new(1, NULL), .record = record_layers };
    r.weight    = tg_variable_new(r.params, "weight", SIDE, SIDE, &(tg_variable_options){ .init = TG_GLOROT });
    r.bias      = tg_variable_new(r.params, "bias", 1, SIDE, NULL);
    r.optimizer = tg_sgd_new(r.params, NULL);
    const bool good = r.optimizer != NULL && measure(&r, costs);
    tg_optimizer_free(r.optimizer);
    tg_params_free(r.params);
    return good;
}
