/* from_scratch.c - the textbook perceptron by hand, and beside it the same net on the tape: equal deltas, equal gradients. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <tapegrad/tapegrad.h>

enum { MOST_LAYERS = 6, MOST_ROWS = 16, MOST_WIDTH = 12 };

typedef double (*function)(double);

/* A net of given sizes, the user's f, df and dE, and what the forward pass stores: outputs o and slopes dsigma/dSigma. */
typedef struct perceptron {
    int      layers, rows, size[MOST_LAYERS + 1];
    function f, df;
    double (*dE)(double o, double t, int elements);      /* dE/do */
    double   W[MOST_LAYERS][MOST_WIDTH][MOST_WIDTH], b[MOST_LAYERS][MOST_WIDTH];
    double   o[MOST_LAYERS + 1][MOST_ROWS][MOST_WIDTH], slope[MOST_LAYERS][MOST_ROWS][MOST_WIDTH];
    double   delta[MOST_LAYERS][MOST_ROWS][MOST_WIDTH], dW[MOST_LAYERS][MOST_WIDTH][MOST_WIDTH], db[MOST_LAYERS][MOST_WIDTH];
} perceptron;

/* Sigma = o W + b, o' = f(Sigma) */
void forward(perceptron *p) {
    for (int l = 0; l < p->layers; l++)
        for (int i = 0; i < p->rows; i++)
            for (int j = 0; j < p->size[l + 1]; j++) {
                double sum = 0;
                for (int k = 0; k < p->size[l]; k++) sum += p->o[l][i][k] * p->W[l][k][j];
                sum += p->b[l][j];
                p->o[l + 1][i][j]  = p->f(sum);
                p->slope[l][i][j] = p->df(sum);
            }
}

/* delta = dE/do * slope behind the last layer, delta = (delta' W'^T) * slope before; dL/dW = o^T delta, dL/db = sum of delta over the rows */
void backward(perceptron *p, const double *t) {
    for (int l = p->layers - 1; l >= 0; l--)
        for (int i = 0; i < p->rows; i++)
            for (int j = 0; j < p->size[l + 1]; j++) {
                double back = 0;
                if (l == p->layers - 1) back = p->dE(p->o[l + 1][i][j], t[i * p->size[l + 1] + j], p->rows * p->size[l + 1]);
                else for (int k = 0; k < p->size[l + 2]; k++) back += p->delta[l + 1][i][k] * p->W[l + 1][j][k];
                p->delta[l][i][j] = back * p->slope[l][i][j];
            }
    memset(p->dW, 0, sizeof p->dW);
    memset(p->db, 0, sizeof p->db);
    for (int l = 0; l < p->layers; l++)
        for (int i = 0; i < p->rows; i++)
            for (int j = 0; j < p->size[l + 1]; j++) {
                for (int k = 0; k < p->size[l]; k++) p->dW[l][k][j] += p->o[l][i][k] * p->delta[l][i][j];
                p->db[l][j] += p->delta[l][i][j];
            }
}

/* W -= alpha dL/dW, b -= alpha dL/db */
void update(perceptron *p, double alpha) {
    for (int l = 0; l < p->layers; l++)
        for (int j = 0; j < p->size[l + 1]; j++) {
            for (int k = 0; k < p->size[l]; k++) p->W[l][k][j] -= alpha * p->dW[l][k][j];
            p->b[l][j] -= alpha * p->db[l][j];
        }
}

/* The same step on a tape: W[l], b[l] are variables; pre[l] are named nodes, whose gradients are the deltas. */
tg_tensor record(tg_tape *tape, const perceptron *p, tg_variable *W[], tg_variable *b[], const double *x, const double *t, tg_tensor pre[]) {
    tg_tensor o = tg_input_f64(tape, x, p->rows, p->size[0]);
    for (int l = 0; l < p->layers; l++) {
        pre[l] = tg_name(tg_linear(o, tg_use(tape, W[l]), tg_use(tape, b[l])), "pre_activation");
        o      = tg_map(pre[l], p->f, p->df);
    }
    return tg_mse_loss(o, tg_input_f64(tape, t, p->rows, p->size[p->layers]));
}

double square_error_slope(double o, double t, int elements) { return 2 * (o - t) / elements; }
double tanh_slope(double x) { return 1 - tanh(x) * tanh(x); }

static void print(const char *what, int layer, const double *hand, const double *tape, int count) {
    for (int i = 0; i < count; i++) printf("%s%d[%d]   by hand %12.9f   on the tape %12.9f\n", what, layer + 1, i, hand[i], tape[i]);
}

int main(void) {
    static perceptron p = { .layers = 2, .rows = 1, .size = { 2, 2, 1 }, .f = tanh, .df = tanh_slope, .dE = square_error_slope,
                            .W = { { { 0.15, 0.25 }, { 0.2, 0.3 } }, { { 0.4 }, { 0.45 } } }, .b = { { 0.35, 0.35 }, { 0.6 } } };
    const double x[2] = { 0.05, 0.1 }, t[1] = { 0.01 };
    tg_params   *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    tg_variable *W[2] = { tg_variable_new(params, "fc1/weight", 2, 2, NULL), tg_variable_new(params, "fc2/weight", 2, 1, NULL) };
    tg_variable *b[2] = { tg_variable_new(params, "fc1/bias", 1, 2, NULL), tg_variable_new(params, "fc2/bias", 1, 1, NULL) };
    tg_tape     *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_status    s    = tg_variable_write_f64(W[0], (double[]){ 0.15, 0.25, 0.2, 0.3 });
    if (s == TG_OK) s = tg_variable_write_f64(W[1], (double[]){ 0.4, 0.45 });
    if (s == TG_OK) s = tg_variable_write_f64(b[0], p.b[0]);
    if (s == TG_OK) s = tg_variable_write_f64(b[1], p.b[1]);

    memcpy(p.o[0][0], x, sizeof x);
    forward(&p);
    backward(&p, t);

    tg_tensor pre[2], g[6], loss = record(tape, &p, W, b, x, t, pre);
    tg_tensor wanted[6] = { pre[0], pre[1], tg_use(tape, W[0]), tg_use(tape, W[1]), tg_use(tape, b[0]), tg_use(tape, b[1]) };
    tg_gradients(loss, TG_NONE, wanted, 6, g, NULL);
    if (s == TG_OK) s = tg_run_many(g, 6);
    const char *what[3] = { "delta", "dL/dW", "dL/db" };
    const double hand[6][4] = { { p.delta[0][0][0], p.delta[0][0][1] }, { p.delta[1][0][0] },
                                { p.dW[0][0][0], p.dW[0][0][1], p.dW[0][1][0], p.dW[0][1][1] }, { p.dW[1][0][0], p.dW[1][1][0] },
                                { p.db[0][0], p.db[0][1] }, { p.db[1][0] } };
    for (int i = 0; i < 6 && s == TG_OK; i++) {
        double value[4];
        s = tg_read_f64(g[i], value);
        if (s == TG_OK) print(what[i / 2], i % 2, hand[i], value, (int)(tg_rows(g[i]) * tg_cols(g[i])));
    }
    if (s != TG_OK) fprintf(stderr, "%s\n", tg_tape_error(tape));
    tg_tape_free(tape);
    tg_params_free(params);
    return s == TG_OK ? 0 : 1;
}
