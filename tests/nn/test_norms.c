/* test_norms.c - layers that normalise: batch statistics in training and running ones elsewhere, by PyTorch's formulas; fitted, saved and loaded. */
#include "nn/nets.h"
#include "support.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <tapegrad/tapegrad.h>

enum { BATCH = 5, WIDTH = 3, ALL = BATCH * WIDTH };

static uint64_t state = 5;

static double draw(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 33) / 1073741824.0 - 1;
}

static void fill(double *x, int count) {
    for (int i = 0; i < count; i++) x[i] = 3 * draw() + 1;
}

static void read_row(const tg_variable *variable, double *out) { ck_assert_int_eq(tg_variable_read_f64(variable, out), TG_OK); }

static void close_to(const double *got, const double *expected, int count, double tolerance, const char *what) {
    for (int i = 0; i < count; i++)
        ck_assert_msg(fabs(got[i] - expected[i]) <= tolerance * fmax(1, fabs(expected[i])), "%s: %d is %.17g, not %.17g", what, i, got[i],
                      expected[i]);
}

/* ---- by hand: torch.nn.BatchNorm1d ---- */

typedef struct statistics { double mean[WIDTH], biased[WIDTH], unbiased[WIDTH]; } statistics;

static statistics statistics_of(const double *x, int rows) {
    statistics s = { { 0 }, { 0 }, { 0 } };
    for (int j = 0; j < WIDTH; j++) {
        double sum = 0;
        for (int i = 0; i < rows; i++) s.mean[j] += x[i * WIDTH + j] / rows;
        for (int i = 0; i < rows; i++) sum += pow(x[i * WIDTH + j] - s.mean[j], 2);
        s.biased[j]   = sum / rows;
        s.unbiased[j] = sum / (rows - 1);
    }
    return s;
}

static void normalize(const double *x, int rows, const double *mean, const double *var, const double *weight, const double *bias, double epsilon,
                      double *y) {
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < WIDTH; j++) y[i * WIDTH + j] = (x[i * WIDTH + j] - mean[j]) / sqrt(var[j] + epsilon) * weight[j] + bias[j];
}

/* ---- batch norm ---- */

typedef struct bench {
    tg_tape            *tape;
    tg_params          *params;
    tg_batch_norm_layer layer;
    double              weight[WIDTH], bias[WIDTH];
} bench;

static bench new_bench(tg_type type, const tg_batch_norm_options *options) {
    bench b = { .tape = tg_tape_new(&(tg_tape_options){ .type = type }), .params = tg_params_new(1, &(tg_params_options){ .type = type }) };
    b.layer = tg_add_batch_norm(b.params, "net/norm", WIDTH, options);
    ck_assert(b.layer.weight != NULL && b.layer.bias != NULL && b.layer.running_mean != NULL && b.layer.running_var != NULL);
    fill(b.weight, WIDTH);
    fill(b.bias, WIDTH);
    for (int j = 0; j < WIDTH; j++) b.weight[j] = (double)(float)b.weight[j], b.bias[j] = (double)(float)b.bias[j];
    ck_assert_int_eq(tg_variable_write_f64(b.layer.weight, b.weight), TG_OK);
    ck_assert_int_eq(tg_variable_write_f64(b.layer.bias, b.bias), TG_OK);
    return b;
}

static void free_bench(bench *b) {
    tg_tape_free(b->tape);
    tg_params_free(b->params);
}

/* Runs the layer, and reads its value. */
static void forward(bench *b, bool training, const double *x, int rows, double *y) {
    tg_begin(b->tape, &(tg_begin_options){ .training = training });
    const tg_tensor out = tg_batch_norm_forward(b->layer, tg_input_f64(b->tape, x, rows, WIDTH));
    ck_assert_msg(tg_run(out) == TG_OK, "%s", tg_tape_error(b->tape));
    ck_assert_int_eq(tg_read_f64(out, y), TG_OK);
    ck_assert_uint_eq(tg_find(b->tape, "net/norm/normalized").id, out.id);
}

START_TEST(a_new_layer_has_the_values_of_pytorch) {
    tg_params                *params = tg_params_new(1, NULL);
    const tg_batch_norm_layer layer  = tg_add_batch_norm(params, "n", WIDTH, NULL);
    static const char *const  names[4] = { "n/weight", "n/bias", "n/running_mean", "n/running_var" };
    ck_assert_int_eq(tg_variable_count(params), 4);
    for (int k = 0; k < 4; k++) {
        double             x[WIDTH];
        const tg_variable *v = tg_variable_find(params, names[k]);
        ck_assert_ptr_nonnull(v);
        ck_assert_int_eq(tg_variable_file_layout(v), TG_FILE_VECTOR);
        ck_assert(tg_variable_is_state(v) == (k >= 2));
        read_row(v, x);
        for (int j = 0; j < WIDTH; j++) ck_assert_double_eq(x[j], k == 0 || k == 3 ? 1 : 0);
    }
    ck_assert_double_eq(layer.momentum, 0.1);
    ck_assert_double_eq(layer.epsilon, 1e-5);
    ck_assert_double_eq(tg_add_batch_norm(params, "m", WIDTH, &(tg_batch_norm_options){ .momentum = TG_ZERO, .epsilon = TG_ZERO }).epsilon, 0);
    ck_assert_double_eq(tg_add_layer_norm(params, "l", WIDTH, NULL).epsilon, 1e-5);
    ck_assert_ptr_null(tg_add_layer_norm(params, "k", WIDTH, &(tg_layer_norm_options){ .no_bias = true }).bias);
    ck_assert_double_eq(tg_add_rms_norm(params, "r", WIDTH, NULL).epsilon, 0x1p-23);
    tg_params_free(params);
}
END_TEST

/* Three batches: y by the biased variance of the batch, the running variance by the unbiased one. Then, not in training, y by the running ones. */
static void check_batches(tg_type type, const tg_batch_norm_options *options, double momentum, double epsilon, double tolerance) {
    bench  b = new_bench(type, options);
    double x[ALL], y[ALL], expected[ALL], mean[WIDTH] = { 0 }, var[WIDTH] = { 1, 1, 1 }, got[WIDTH];
    for (int step = 0; step < 3; step++) {
        fill(x, ALL);
        const statistics s = statistics_of(x, BATCH);
        forward(&b, true, x, BATCH, y);
        normalize(x, BATCH, s.mean, s.biased, b.weight, b.bias, epsilon, expected);
        close_to(y, expected, ALL, tolerance, "in training");
        for (int j = 0; j < WIDTH; j++) {
            mean[j] = (1 - momentum) * mean[j] + momentum * s.mean[j];
            var[j]  = (1 - momentum) * var[j] + momentum * s.unbiased[j];
        }
        read_row(b.layer.running_mean, got);
        close_to(got, mean, WIDTH, tolerance, "running mean");
        read_row(b.layer.running_var, got);
        close_to(got, var, WIDTH, tolerance, "running variance");
    }
    for (int rows = 1; rows <= BATCH; rows += 4) {
        forward(&b, false, x, rows, y);
        normalize(x, rows, mean, var, b.weight, b.bias, epsilon, expected);
        close_to(y, expected, rows * WIDTH, tolerance, "not in training");
    }
    read_row(b.layer.running_var, got);
    close_to(got, var, WIDTH, tolerance, "running variance, which stays");
    free_bench(&b);
}

START_TEST(training_updates_running_statistics_and_inference_uses_them) {
    check_batches(TG_F64, NULL, 0.1, 1e-5, 1e-14);
    check_batches(TG_F32, NULL, 0.1, 1e-5, 3e-6);
    check_batches(TG_F64, &(tg_batch_norm_options){ .momentum = 0.75, .epsilon = 0.5 }, 0.75, 0.5, 1e-14);
    check_batches(TG_F64, &(tg_batch_norm_options){ .momentum = TG_ZERO, .epsilon = TG_ZERO }, 0, 0, 1e-14);
    check_batches(TG_F64, &(tg_batch_norm_options){ .momentum = 1 }, 1, 1e-5, 1e-14);
}
END_TEST

/* Gradients by x, weight and bias pass both through the statistics, in training, and beside them. */
START_TEST(derivatives_of_layers_agree_with_differences) {
    double x[ALL], seed[ALL];
    fill(x, ALL);
    fill(seed, ALL);
    for (int k = 0; k < 4; k++) {
        bench                     b     = new_bench(TG_F64, NULL);
        const tg_layer_norm_layer layer = tg_add_layer_norm(b.params, "layer", WIDTH, NULL);
        const tg_rms_norm_layer   rms   = tg_add_rms_norm(b.params, "rms", WIDTH, NULL);
        tg_begin(b.tape, &(tg_begin_options){ .training = k == 1 });
        const tg_tensor in = tg_input_f64(b.tape, x, BATCH, WIDTH), weights = tg_input_f64(b.tape, seed, BATCH, WIDTH);
        const tg_tensor y = k < 2 ? tg_batch_norm_forward(b.layer, in) : k == 2 ? tg_layer_norm_forward(layer, in) : tg_rms_norm_forward(rms, in);
        const tg_tensor loss = tg_sum(tg_mul(tg_square(y), weights));
        ck_assert_msg(tg_gradcheck(loss, NULL) == TG_OK, "%d: %s", k, tg_tape_error(b.tape));
        free_bench(&b);
    }
}
END_TEST

START_TEST(frozen_statistics_are_used_and_stay) {
    bench  b = new_bench(TG_F64, NULL);
    double x[ALL], y[ALL], expected[ALL], mean[WIDTH] = { 1, -1, 2 }, var[WIDTH] = { 4, 0.25, 1 }, got[WIDTH];
    ck_assert_int_eq(tg_variable_write_f64(b.layer.running_mean, mean), TG_OK);
    ck_assert_int_eq(tg_variable_write_f64(b.layer.running_var, var), TG_OK);
    ck_assert_int_eq(tg_freeze(b.layer.running_mean, true), TG_OK);
    fill(x, ALL);
    forward(&b, true, x, BATCH, y);
    normalize(x, BATCH, mean, var, b.weight, b.bias, 1e-5, expected);
    close_to(y, expected, ALL, 1e-14, "frozen");
    read_row(b.layer.running_var, got);
    ck_assert_mem_eq(got, var, sizeof got);
    free_bench(&b);
}
END_TEST

START_TEST(what_a_batch_norm_cannot_do) {
    bench       b = new_bench(TG_F32, NULL);
    double      x[ALL], before[WIDTH], after[WIDTH];
    const char *why;
    fill(x, ALL);
    read_row(b.layer.running_mean, before);
    tg_begin(b.tape, &(tg_begin_options){ .training = true });
    tg_tensor y = tg_batch_norm_forward(b.layer, tg_input_f64(b.tape, x, 1, WIDTH));
    ck_assert_int_eq(tg_run(y), TG_SHAPE_MISMATCH);
    ck_assert_ptr_nonnull(strstr(tg_tape_error(b.tape), "a batch of one row has no variance"));
    tg_begin(b.tape, &(tg_begin_options){ .training = true });
    const tg_tensor in = tg_input_f64(b.tape, x, BATCH, WIDTH);
    y = tg_batch_norm_forward(b.layer, tg_batch_norm_forward(b.layer, in));
    ck_assert_int_eq(tg_run(y), TG_WRITTEN_TWICE);
    tg_begin(b.tape, &(tg_begin_options){ .training = true });      /* a step that fails leaves the statistics */
    y = tg_batch_norm_forward(b.layer, tg_input_f64(b.tape, x, BATCH, WIDTH));
    ck_assert_int_eq(tg_run(tg_require_finite(tg_log(tg_scale(tg_square(y), -1)))), TG_NOT_FINITE);
    read_row(b.layer.running_mean, after);
    ck_assert_mem_eq(before, after, sizeof before);
    tg_begin(b.tape, NULL);
    y = tg_batch_norm_forward(b.layer, tg_input_f64(b.tape, x, BATCH, 2));
    ck_assert_int_eq(tg_run(y), TG_SHAPE_MISMATCH);
    ck_assert_ptr_nonnull(strstr(tg_tape_error(b.tape), "weight is [1,3] and should be [1,2]"));
    const int count = tg_variable_count(b.params);
    ck_assert_ptr_null(tg_add_batch_norm(b.params, "bad", WIDTH, &(tg_batch_norm_options){ .momentum = 2 }).weight);
    ck_assert_int_eq(tg_last_error(&why), TG_BAD_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why, "momentum 2 is not from 0 to 1"));
    ck_assert_ptr_null(tg_add_layer_norm(b.params, "bad", WIDTH, &(tg_layer_norm_options){ .epsilon = -1 }).weight);
    ck_assert_int_eq(tg_last_error(NULL), TG_BAD_ARGUMENT);
    ck_assert_ptr_null(tg_add_batch_norm(b.params, "net/norm", WIDTH, NULL).weight);
    ck_assert_int_eq(tg_last_error(NULL), TG_NAME_TAKEN);
    ck_assert_int_eq(tg_variable_count(b.params), count);
    free_bench(&b);
}
END_TEST

static tg_status make_layers(void *context) {
    (void)context;
    tg_params *params = tg_params_new(1, NULL);
    bool       made   = params != NULL && tg_add_batch_norm(params, "a", 2, NULL).weight != NULL;
    ck_assert_int_eq(tg_variable_count(params), made ? 4 : 0);
    if (made) made = tg_add_layer_norm(params, "b", 2, NULL).weight != NULL;
    ck_assert(tg_variable_count(params) % 2 == 0);
    tg_params_free(params);
    return made ? TG_OK : TG_OUT_OF_MEMORY;
}

START_TEST(a_layer_without_memory_leaves_no_variables) {
    let_each_allocation_fail(make_layers, NULL, 10);
}
END_TEST

/* ---- a fit: linear, batch norm, tanh, linear ---- */

typedef struct net {
    tg_linear_layer     first, last;
    tg_batch_norm_layer norm;
} net;

static net add_net(tg_params *params) {
    return (net){ tg_add_linear(params, "net/fc1", COLS, 8, &(tg_linear_options){ .no_bias = true }), tg_add_linear(params, "net/fc2", 8, 2, NULL),
                  tg_add_batch_norm(params, "net/norm", 8, NULL) };
}

static tg_tensor output_of(void *context, tg_tensor x) {
    const net *n = context;
    return tg_linear_forward(n->last, tg_tanh(tg_batch_norm_forward(n->norm, tg_linear_forward(n->first, x))));
}

static tg_tensor loss_of(void *context, tg_tensor output, tg_tensor target) {
    (void)context;
    return tg_cross_entropy(output, target);
}

typedef struct watch { tg_batch_norm_layer norm; float mean[8], best_mean[8]; double best; int epoch; } watch;

/* The running mean at the end of the epoch with the smallest validation loss. */
static bool note_best(const tg_progress *p, void *context) {
    watch *w = context;
    if (!p->epoch_done) return true;
    ck_assert_int_eq(tg_variable_read(w->norm.running_mean, w->mean), TG_OK);
    if (p->validation_loss < w->best) memcpy(w->best_mean, w->mean, sizeof w->mean), w->best = p->validation_loss, w->epoch = p->epoch;
    return true;
}

START_TEST(a_fit_with_batch_norm_learns_and_restores_the_statistics_of_the_best_epoch) {
    tg_dataset   *data   = two_classes();
    tg_params    *params = tg_params_new(4, NULL);
    net           n      = add_net(params);
    tg_optimizer *adam   = tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.2 });      /* so large that the last epoch is not the best */
    watch         w      = { .norm = n.norm, .best = INFINITY };
    tg_fit_report report;
    tg_model      model  = { .output = output_of, .loss = loss_of, .net = &n, .params = params };
    const tg_fit_options o = { .epochs = 30, .batch = 16, .validation = 0.2, .report = &report, .progress = note_best, .progress_context = &w };
    const tg_status status = tg_fit(model, adam, data, &o);
    const char     *why    = "";
    if (status != TG_OK) tg_last_error(&why);
    ck_assert_msg(status == TG_OK, "%s", why);
    float mean[8], zeros[8] = { 0 };
    ck_assert_int_eq(tg_variable_read(n.norm.running_mean, mean), TG_OK);
    ck_assert_int_eq(report.best_epoch, w.epoch);
    ck_assert_int_lt(w.epoch, 30);      /* else this shows nothing */
    ck_assert_mem_eq(mean, w.best_mean, sizeof mean);
    ck_assert(memcmp(mean, zeros, sizeof mean) != 0 && memcmp(mean, w.mean, sizeof mean) != 0);
    tg_report evaluated = { 0 };
    ck_assert_int_eq(tg_evaluate(model, data, &evaluated), TG_OK);
    ck_assert_double_gt(evaluated.accuracy, 0.95);
    tg_optimizer_free(adam);
    tg_params_free(params);
    tg_dataset_free(data);
}
END_TEST

START_TEST(running_statistics_are_saved_and_loaded) {
    char   path[64];
    float  x[10] = { 1, -1, 0.5f, 2, -2, 0.25f, 0, 1, 3, -0.5f }, y[2][10];
    snprintf(path, sizeof path, "/tmp/tapegrad-norms-%ld", (long)getpid());
    for (int k = 0; k < 2; k++) {
        tg_params *params = tg_params_new(4 + (uint64_t)k, NULL);
        tg_tape   *tape   = tg_tape_new(NULL);
        net        n      = add_net(params);
        tg_optimizer *sgd = tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.1 });
        for (int step = 0; step < 3 && k == 0; step++) {
            tg_begin(tape, &(tg_begin_options){ .training = true });
            ck_assert_msg(tg_minimize(sgd, tg_sum(tg_square(output_of(&n, tg_input(tape, x, 5, 2))))) == TG_OK, "%s", tg_tape_error(tape));
        }
        if (k == 0) ck_assert_int_eq(tg_params_save(params, path), TG_OK);
        else ck_assert_int_eq(tg_params_load(params, path, NULL), TG_OK);
        ck_assert_int_eq(tg_predict((tg_model){ .output = output_of, .net = &n, .params = params }, x, 5, 2, y[k]), TG_OK);
        tg_optimizer_free(sgd);
        tg_tape_free(tape);
        tg_params_free(params);
    }
    unlink(path);
    ck_assert_mem_eq(y[0], y[1], sizeof y[0]);
}
END_TEST

/* ---- by row ---- */

START_TEST(rows_are_normalized_with_weight_and_bias) {
    double x[ALL], y[ALL], z[ALL], w[WIDTH] = { 1.5, -0.5, 2 }, v[WIDTH] = { 0.25, 1, -3 };
    fill(x, ALL);
    tg_params                *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    tg_tape                  *tape   = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    const tg_layer_norm_layer layer  = tg_add_layer_norm(params, "layer", WIDTH, NULL);
    const tg_rms_norm_layer   rms    = tg_add_rms_norm(params, "rms", WIDTH, NULL);
    ck_assert_int_eq(tg_variable_write_f64(layer.weight, w), TG_OK);
    ck_assert_int_eq(tg_variable_write_f64(layer.bias, v), TG_OK);
    ck_assert_int_eq(tg_variable_write_f64(rms.weight, w), TG_OK);
    const tg_tensor in = tg_input_f64(tape, x, BATCH, WIDTH), out[2] = { tg_layer_norm_forward(layer, in), tg_rms_norm_forward(rms, in) };
    ck_assert_msg(tg_run_many(out, 2) == TG_OK, "%s", tg_tape_error(tape));
    ck_assert_int_eq(tg_read_f64(out[0], y), TG_OK);
    ck_assert_int_eq(tg_read_f64(out[1], z), TG_OK);
    for (int i = 0; i < BATCH; i++) {
        double mean = 0, var = 0, square = 0;
        for (int j = 0; j < WIDTH; j++) mean += x[i * WIDTH + j] / WIDTH, square += pow(x[i * WIDTH + j], 2) / WIDTH;
        for (int j = 0; j < WIDTH; j++) var += pow(x[i * WIDTH + j] - mean, 2) / WIDTH;
        for (int j = 0; j < WIDTH; j++) {
            ck_assert_double_eq_tol(y[i * WIDTH + j], (x[i * WIDTH + j] - mean) / sqrt(var + 1e-5) * w[j] + v[j], 1e-13);
            ck_assert_double_eq_tol(z[i * WIDTH + j], x[i * WIDTH + j] / sqrt(square + 0x1p-23) * w[j], 1e-13);
        }
    }
    tg_tape_free(tape);
    tg_params_free(params);
}
END_TEST

int main(void) {
    return RUN_TESTS("norms", a_new_layer_has_the_values_of_pytorch, training_updates_running_statistics_and_inference_uses_them,
                     derivatives_of_layers_agree_with_differences, frozen_statistics_are_used_and_stay, what_a_batch_norm_cannot_do,
                     a_layer_without_memory_leaves_no_variables, a_fit_with_batch_norm_learns_and_restores_the_statistics_of_the_best_epoch,
                     running_statistics_are_saved_and_loaded, rows_are_normalized_with_weight_and_bias);
}
