/* test_from_scratch.c - the textbook derivation against the tape: random nets of 1 to 6 layers over 50 updates, to 1e-12. */
#define main from_scratch_main
#include "../../examples/from_scratch.c"
#undef main

#include "support.h"

static uint64_t state = 11;
static double   draw(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 33) / 1073741824.0 - 1;
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double sigmoid_slope(double x) { return sigmoid(x) * (1 - sigmoid(x)); }
static double softsign(double x) { return x / (1 + fabs(x)); }
static double softsign_slope(double x) { return 1 / ((1 + fabs(x)) * (1 + fabs(x))); }
static const function activations[3][2] = { { tanh, tanh_slope }, { sigmoid, sigmoid_slope }, { softsign, softsign_slope } };

static perceptron p;
static double     x[MOST], t[MOST];

static void draw_net(int trial) {
    p = (perceptron){ .layers = 1 + trial % MOST_LAYERS, .rows = 1 + (int)(fabs(draw()) * 15), .f = activations[trial % 3][0],
                      .df = activations[trial % 3][1], .dE = square_error_slope };
    for (int l = 0; l <= p.layers; l++) p.size[l] = 1 + (int)(fabs(draw()) * 11);
    for (int l = 0; l < p.layers; l++)
        for (int j = 0; j < p.size[l + 1]; j++) {
            for (int k = 0; k < p.size[l]; k++) p.W[l][k * p.size[l + 1] + j] = draw();
            p.b[l][j] = draw();
        }
    for (int i = 0; i < p.rows; i++)
        for (int k = 0; k < p.size[0]; k++) p.o[0][i * p.size[0] + k] = x[i * p.size[0] + k] = draw();
    for (int i = 0; i < p.rows * p.size[p.layers]; i++) t[i] = draw();
}

static void agree(tg_tensor tensor, const double *hand) {
    double value[MOST];
    ck_assert_msg(tg_read_f64(tensor, value) == TG_OK, "%s", tg_tape_error(tensor.tape));
    for (int i = 0; i < tg_rows(tensor) * tg_cols(tensor); i++)
        ck_assert_msg(fabs(hand[i] - value[i]) <= 1e-12 * fmax(1, fabs(hand[i])), "by hand %.17g, on the tape %.17g", hand[i], value[i]);
}

static void compare_steps(void) {
    tg_params   *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    tg_tape     *tape   = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_variable *W[MOST_LAYERS], *b[MOST_LAYERS];
    const double minus_alpha = -0.1;
    for (int l = 0; l < p.layers; l++) {
        char name[32];
        snprintf(name, sizeof name, "W%d", l);
        W[l] = tg_variable_new(params, name, p.size[l], p.size[l + 1], NULL);
        snprintf(name, sizeof name, "b%d", l);
        b[l] = tg_variable_new(params, name, 1, p.size[l + 1], NULL);
        ck_assert_int_eq(tg_variable_write_f64(W[l], p.W[l]), TG_OK);
        ck_assert_int_eq(tg_variable_write_f64(b[l], p.b[l]), TG_OK);
    }
    for (int step = 0; step < 50; step++) {
        tg_tensor pre[MOST_LAYERS], wanted[3 * MOST_LAYERS + 1], g[3 * MOST_LAYERS + 1];
        tg_begin(tape, NULL);
        tg_tensor loss = record(tape, &p, W, b, x, t, pre), block = tg_use_block(tape, params, NULL);
        for (int l = 0; l < p.layers; l++) wanted[3 * l] = pre[l], wanted[3 * l + 1] = tg_use(tape, W[l]), wanted[3 * l + 2] = tg_use(tape, b[l]);
        wanted[3 * p.layers] = block;
        tg_gradients(loss, TG_NONE, wanted, 3 * p.layers + 1, g, NULL);
        for (int i = 0; i < 3 * p.layers; i++) tg_keep(g[i]);
        tg_status s = tg_run(tg_assign(block, tg_axpy(tg_scalar_input(tape, &minus_alpha), g[3 * p.layers], block)));
        ck_assert_msg(s == TG_OK, "%s", tg_tape_error(tape));
        forward(&p);
        backward(&p, t);
        for (int l = 0; l < p.layers; l++) {
            agree(g[3 * l], p.delta[l]);
            agree(g[3 * l + 1], p.dW[l]);
            agree(g[3 * l + 2], p.db[l]);
        }
        update(&p, -minus_alpha);
    }
    tg_tape_free(tape);
    tg_params_free(params);
}

START_TEST(deltas_and_gradients_agree) {
    for (int trial = 0; trial < 60; trial++) {
        draw_net(trial);
        compare_steps();
    }
}
END_TEST

int main(void) {
    return RUN_TESTS("from_scratch", deltas_and_gradients_agree);
}
