/* test_programs.c - programs that users write: the loop by hand, deltas by name, an op by descriptor, an optimizer of one's own, errors. */
#include "support.h"
#include <math.h>
#include <string.h>
#include <tapegrad/tapegrad.h>

static const float   x[8] = { 0, 0, 0, 1, 1, 0, 1, 1 };      /* [4, 2] */
static const int32_t y[4] = { 0, 1, 1, 0 };

/* ---- an op by descriptor: row softmax with a temperature, in double only ---- */

typedef struct { double temperature; } attributes;

static tg_status shape(const tg_shape inputs[], int count, const void *attr, tg_shape *output, const char **why) {
    (void)count;
    *output = inputs[0];
    *why    = "the temperature must be positive and the input real";
    return ((const attributes *)attr)->temperature > 0 && !inputs[0].integer ? TG_OK : TG_BAD_ARGUMENT;
}

static void kernel(const tg_call *call) {
    const double t = ((const attributes *)call->attributes)->temperature;
    for (int64_t i = call->row_begin; i < call->row_end; i++) {
        const double *from = tg_row_f64(call, 0, i);
        double       *to   = tg_output_row_f64(call, i), largest = -HUGE_VAL, sum = 0;
        for (int64_t j = 0; j < call->cols; j++) largest = fmax(largest, from[j]);
        for (int64_t j = 0; j < call->cols; j++) sum += to[j] = exp((from[j] - largest) / t);
        for (int64_t j = 0; j < call->cols; j++) to[j] /= sum;
    }
}

static tg_tensor expand(const tg_application *a) { return tg_softmax(tg_scale(a->inputs[0], 1 / ((const attributes *)a->attributes)->temperature)); }

/* dL/dx = y (g - sum_j g_j y_j) / t */
static void vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) {
    const tg_tensor out = a->output;
    cotangents[0] = tg_scale(tg_mul(out, tg_sub(g, tg_sum_cols(tg_mul(g, out)))), 1 / ((const attributes *)a->attributes)->temperature);
}

static const tg_op soft_op = { .size = sizeof(tg_op), .name = "test_softmax", .arity = 1, .attribute_size = sizeof(attributes),
                               .flags = TG_OP_ROWWISE, .shape = shape, .expand = expand, .f64 = kernel, .vjp = vjp };
static const tg_op expanded_op = { .size = sizeof(tg_op), .name = "test_expanded", .arity = 1, .attribute_size = sizeof(attributes),
                                   .flags = TG_OP_ROWWISE, .shape = shape, .expand = expand };

START_TEST(an_op_by_descriptor) {
    tg_tape  *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor in = tg_input(tape, x, 2, 4), out[2], g[2];
    double    value[4][8];
    for (int k = 0; k < 2; k++) {
        out[k] = tg_apply(tape, k == 0 ? &soft_op : &expanded_op, &in, 1, &(attributes){ 0.5 });
        g[k]   = tg_grad(tg_sum(tg_square(out[k])), in);      /* by its rule, and through its meaning */
    }
    ck_assert_msg(tg_run_many((tg_tensor[]){ out[0], out[1], g[0], g[1] }, 4) == TG_OK, "%s", tg_tape_error(tape));
    for (int k = 0; k < 2; k++) {
        ck_assert_int_eq(tg_read_f64(out[k], value[k]), TG_OK);
        ck_assert_int_eq(tg_read_f64(g[k], value[2 + k]), TG_OK);
    }
    for (int i = 0; i < 8; i++) {
        ck_assert_double_eq_tol(value[0][i], value[1][i], 1e-14);
        ck_assert_double_eq_tol(value[2][i], value[3][i], 1e-14);
    }
    tg_apply(tape, &soft_op, &in, 1, &(attributes){ -1 });
    ck_assert_int_eq(tg_tape_status(tape), TG_BAD_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(tg_tape_error(tape), "temperature"));
    tg_tape_free(tape);
}
END_TEST

/* ---- the loop by hand, with an optimizer of one's own ---- */

/* RMSprop: v = a v + (1 - a) g^2;  w = w - rate g / (sqrt(v) + epsilon) */
static tg_tensor rmsprop(const tg_update_call *call, const void *context) {
    const double   *smoothing = context;
    const tg_tensor g = call->gradient, weight = tg_constant(g.tape, 1 - *smoothing);
    const tg_tensor v = tg_assign(call->state[0], tg_lerp(call->state[0], tg_square(g), weight));
    return tg_axpy(tg_neg(call->rate), tg_div(g, tg_shift(tg_sqrt(v), 1e-8)), call->weights);
}

START_TEST(the_loop_by_hand) {
    static const double smoothing = 0.9;
    tg_params    *params = tg_params_new(1, NULL);
    tg_variable  *w1 = tg_variable_new(params, "fc1/weight", 2, 8, &(tg_variable_options){ .init = TG_HE });
    tg_variable  *b1 = tg_variable_new(params, "fc1/bias", 1, 8, NULL);
    tg_variable  *w2 = tg_variable_new(params, "fc2/weight", 8, 2, &(tg_variable_options){ .init = TG_GLOROT });
    tg_variable  *b2 = tg_variable_new(params, "fc2/bias", 1, 2, NULL);
    tg_optimizer *own  = tg_optimizer_new(params, &(tg_optimizer_options){ .name = "rmsprop", .update = rmsprop, .context = &smoothing, .state_count = 1,
                                                                      .learning_rate = 0.01 });
    tg_dataset   *data = tg_dataset_of_labels(x, 4, 2, y);
    tg_tape      *tape = tg_tape_new(NULL);
    double        last = 1;
    for (int epoch = 0; epoch < 300; epoch++) {
        tg_batch b;
        ck_assert_int_eq(tg_dataset_begin(data, &(tg_epoch_options){ .batch = 3, .shuffle = true, .epoch = (uint64_t)epoch }), TG_OK);
        last = 0;
        while (tg_next_batch(data, &b)) {
            tg_begin(tape, &(tg_begin_options){ .training = true });
            tg_tensor h    = tg_tanh(tg_linear(tg_input(tape, b.x, b.rows, 2), tg_use(tape, w1), tg_use(tape, b1)));
            tg_tensor loss = tg_cross_entropy(tg_linear(tg_dropout(h, 0.01), tg_use(tape, w2), tg_use(tape, b2)), tg_labels(tape, b.y, b.rows));
            ck_assert_msg(tg_minimize(own, loss) == TG_OK, "%s", tg_tape_error(tape));
            last += tg_item(loss);
        }
    }
    ck_assert_double_lt(last, 0.2);
    tg_tape_free(tape);
    tg_dataset_free(data);
    tg_optimizer_free(own);
    tg_params_free(params);
}
END_TEST

/* ---- deltas, found by the name of the pre-activation ---- */

START_TEST(deltas_by_name) {
    tg_params *params = tg_params_new(1, NULL);
    tg_mlp    *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(2, 3, 2) });
    tg_tape   *tape   = tg_tape_new(NULL);
    tg_tensor  loss   = tg_cross_entropy(tg_mlp_forward(net, tg_input(tape, x, 4, 2)), tg_labels(tape, y, 4)), delta[2];
    tg_tensor  layer[2] = { tg_find(tape, "net/fc1/pre_activation"), tg_find(tape, "net/fc2/pre_activation") };
    tg_gradients(loss, TG_NONE, layer, 2, delta, NULL);
    tg_keep(delta[0]);
    tg_keep(delta[1]);
    ck_assert_msg(tg_run(loss) == TG_OK, "%s", tg_tape_error(tape));
    ck_assert(tg_data(delta[0]) != NULL && tg_cols(delta[0]) == 3);
    const float *last = tg_data(delta[1]);      /* (softmax - target) / rows: each row adds up to zero */
    for (int i = 0; i < 4; i++) ck_assert(fabsf(last[2 * i] + last[2 * i + 1]) < 1e-6f);
    tg_tape_free(tape);
    tg_mlp_free(net);
    tg_params_free(params);
}
END_TEST

/* ---- errors ---- */

static void count(void *context, tg_status status, const char *sentence) {
    if (status == TG_SHAPE_MISMATCH && sentence[0] != '\0') ++*(int *)context;
}

START_TEST(errors_are_told_once_and_cleared) {
    int told = 0;
    tg_set_error_hook(count, &told);
    tg_tape  *tape = tg_tape_new(NULL);
    tg_tensor in = tg_input(tape, x, 2, 3), z = tg_sum(tg_tanh(tg_matmul(in, in)));
    ck_assert_int_eq(tg_run(z), TG_SHAPE_MISMATCH);
    ck_assert_int_eq(told, 1);
    tg_begin(tape, NULL);
    in = tg_input(tape, x, 2, 3);
    z  = tg_sum(tg_matmul_transposed(in, false, in, true));
    ck_assert_int_eq(tg_run(z), TG_OK);
    ck_assert_double_eq(tg_item(z), 2);
    tg_set_error_hook(NULL, NULL);
    tg_tape_free(tape);
}
END_TEST

int main(void) {
    return RUN_TESTS("programs", an_op_by_descriptor, the_loop_by_hand,
                     deltas_by_name, errors_are_told_once_and_cleared);
}
