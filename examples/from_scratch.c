/* from_scratch.c - the textbook perceptron by hand, and beside it the same net on the tape: equal deltas, equal gradients. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <tapegrad/tapegrad.h>

enum { MOST_LAYERS = 6, MOST_ROWS = 16, MOST_WIDTH = 12, MOST = MOST_ROWS * MOST_WIDTH };

typedef double (*function)(double);

/* A net of given sizes, the user's f, df and dE, and what the forward pass stores: outputs o and slopes dsigma/dSigma. Matrices row by row. */
typedef struct perceptron {
    int      layers, rows, size[MOST_LAYERS + 1];
    function f, df;
    double (*dE)(double o, double t, int elements);      /* dE/do */
    double W[MOST_LAYERS][MOST], b[MOST_LAYERS][MOST_WIDTH], o[MOST_LAYERS + 1][MOST], slope[MOST_LAYERS][MOST];
    double delta[MOST_LAYERS][MOST], dW[MOST_LAYERS][MOST], db[MOST_LAYERS][MOST_WIDTH];
} perceptron;

/* Sigma = o W + b, o' = f(Sigma): o [rows, m], W [m, n], b [1, n] */
void forward(perceptron *p) {
    for (int l = 0; l < p->layers; l++)
        for (int i = 0, m = p->size[l], n = p->size[l + 1]; i < p->rows; i++)
            for (int j = 0; j < n; j++) {
                double sum = 0;
                for (int k = 0; k < m; k++) sum += p->o[l][i * m + k] * p->W[l][k * n + j];
                p->o[l + 1][i * n + j] = p->f(sum + p->b[l][j]);
                p->slope[l][i * n + j] = p->df(sum + p->b[l][j]);
            }
}

/* delta = dE/do * slope after the last layer, delta = (delta' W'^T) * slope before; dL/dW = o^T delta, dL/db = sum of delta over the rows */
void backward(perceptron *p, const double *t) {
    memset(p->dW, 0, sizeof p->dW);
    memset(p->db, 0, sizeof p->db);
    for (int l = p->layers - 1; l >= 0; l--)
        for (int i = 0, m = p->size[l], n = p->size[l + 1], next = l + 1 < p->layers ? p->size[l + 2] : 0; i < p->rows; i++)
            for (int j = 0; j < n; j++) {
                double back = l + 1 == p->layers ? p->dE(p->o[l + 1][i * n + j], t[i * n + j], p->rows * n) : 0;
                for (int k = 0; k < next; k++) back += p->delta[l + 1][i * next + k] * p->W[l + 1][j * next + k];
                const double delta = p->delta[l][i * n + j] = back * p->slope[l][i * n + j];
                for (int k = 0; k < m; k++) p->dW[l][k * n + j] += p->o[l][i * m + k] * delta;
                p->db[l][j] += delta;
            }
}

/* W -= alpha dL/dW, b -= alpha dL/db */
void update(perceptron *p, double alpha) {
    for (int l = 0; l < p->layers; l++) {
        for (int i = 0; i < p->size[l] * p->size[l + 1]; i++) p->W[l][i] -= alpha * p->dW[l][i];
        for (int j = 0; j < p->size[l + 1]; j++) p->b[l][j] -= alpha * p->db[l][j];
    }
}

/* The same step on a tape: W[l], b[l] are variables; pre[l] are named nodes, whose gradients are the deltas. */
tg_tensor record(tg_tape *tape, const perceptron *p, tg_variable *W[], tg_variable *b[], const double *x, const double *t, tg_tensor pre[]) {
    tg_tensor o = tg_input_f64(tape, x, p->rows, p->size[0]);
    for (int l = 0; l < p->layers; l++) {
        tg_tensor weight = tg_use(tape, W[l]), bias = tg_use(tape, b[l]);
        pre[l] = tg_name(tg_linear(o, weight, bias), "pre_activation");
        o      = tg_map(pre[l], p->f, p->df);
    }
    return tg_mse_loss(o, tg_input_f64(tape, t, p->rows, p->size[p->layers]));
}

double square_error_slope(double o, double t, int elements) { return 2 * (o - t) / elements; }
double tanh_slope(double x) { return 1 - tanh(x) * tanh(x); }

static void print(const char *what, int layer, const double *hand, tg_tensor tensor) {
    double value[MOST];
    if (tg_read_f64(tensor, value) != TG_OK) return;
    for (int i = 0; i < tg_rows(tensor) * tg_cols(tensor); i++)
        printf("%-5s of layer %d [%d]   by hand %12.9f   on the tape %12.9f\n", what, layer + 1, i, hand[i], value[i]);
}

int main(void) {
    static perceptron p = { .layers = 2, .rows = 1, .size = { 2, 2, 1 }, .f = tanh, .df = tanh_slope, .dE = square_error_slope,
                            .o = { { 0.05, 0.1 } }, .W = { { 0.15, 0.25, 0.2, 0.3 }, { 0.4, 0.45 } }, .b = { { 0.35, 0.35 }, { 0.6 } } };
    const double x[2] = { 0.05, 0.1 }, t[1] = { 0.01 };
    forward(&p);
    backward(&p, t);

    tg_params   *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    tg_variable *W[2]   = { tg_variable_new(params, "fc1/weight", 2, 2, NULL), tg_variable_new(params, "fc2/weight", 2, 1, NULL) };
    tg_variable *b[2]   = { tg_variable_new(params, "fc1/bias", 1, 2, NULL), tg_variable_new(params, "fc2/bias", 1, 1, NULL) };
    tg_status    s      = TG_OK;
    for (int l = 0; l < 2 && s == TG_OK; l++)
        if ((s = tg_variable_write_f64(W[l], p.W[l])) == TG_OK) s = tg_variable_write_f64(b[l], p.b[l]);

    tg_tape  *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor by[6], g[6], pre[2], loss = record(tape, &p, W, b, x, t, pre);
    for (int l = 0; l < 2; l++) by[3 * l] = pre[l], by[3 * l + 1] = tg_use(tape, W[l]), by[3 * l + 2] = tg_use(tape, b[l]);
    tg_gradients(loss, TG_NONE, by, 6, g, NULL);
    if (s == TG_OK) s = tg_run_many(g, 6);
    for (int l = 0; l < 2 && s == TG_OK; l++)
        print("delta", l, p.delta[l], g[3 * l]), print("dL/dW", l, p.dW[l], g[3 * l + 1]), print("dL/db", l, p.db[l], g[3 * l + 2]);
    if (s != TG_OK) fprintf(stderr, "%s\n", tg_tape_error(tape));
    tg_tape_free(tape);
    tg_params_free(params);
    return s == TG_OK ? 0 : 1;
}
