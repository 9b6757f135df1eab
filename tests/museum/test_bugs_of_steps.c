/* test_bugs_of_steps.c - the rest of test_bugs.c: bugs of memory, of plans that are found again, and of optimizers. */
#include "support.h"
#include <math.h>
#include <tapegrad/tapegrad.h>

static tg_tape *new_tape(tg_type type) { return tg_tape_new(&(tg_tape_options){ .type = type }); }

static void expect_ok(tg_status status, const tg_tape *tape) {
    ck_assert_msg(status == TG_OK, "%s: %s", tg_status_name(status), tg_tape_error(tape));
}

/* ---- memory ---- */

static void run_batch(tg_tape *tape, tg_variable *w, const float *x, int64_t rows) {
    tg_begin(tape, &(tg_begin_options){ .training = true });
    const tg_tensor y = tg_max_cols(tg_dropout(tg_tanh(tg_matmul(tg_input(tape, x, rows, 4), tg_use(tape, w))), 0.2));
    expect_ok(tg_run(tg_grad(tg_mean(y), tg_use(tape, w))), tape);
}

/* Each change of the batch size left the room of the last one behind. */
START_TEST(batches_of_changing_size_leak_nothing) {
    static const int64_t rows[3] = { 64, 7, 33 };
    static float         x[64 * 4];
    test_memory          memory = { .calls_left = -1 };
    ck_assert_int_eq(tg_set_allocator(test_allocate, &memory), TG_OK);
    tg_tape     *tape   = new_tape(TG_F32);
    tg_params   *params = tg_params_new(1, NULL);
    tg_variable *w      = tg_variable_new(params, "w", 4, 5, &(tg_variable_options){ .init = TG_GLOROT });
    long         held   = 0;
    for (int step = 0; step < 600; step++) {
        run_batch(tape, w, x, rows[step % 3]);
        if (step == 30) held = memory.held;
    }
    ck_assert_int_eq(memory.held, held);
    tg_tape_free(tape);
    tg_params_free(params);
    ck_assert_int_eq(memory.held, 0);
    ck_assert_int_eq(tg_set_allocator(NULL, NULL), TG_OK);
}
END_TEST

/* ---- values that are read, and steps that look alike ---- */

/* A value that had been read was a constant from then on, and the derivative ended there. */
START_TEST(reading_a_value_does_not_cut_the_graph) {
    const double at = 0.8;
    double       reference = 0;
    for (int read = 0; read < 32; read++) {
        tg_tape        *tape = new_tape(TG_F64);
        const tg_tensor x = tg_input_f64(tape, &at, 1, 1);
        tg_tensor       v = x;
        for (int i = 0; i < 5; i++) {
            v = i % 2 == 0 ? tg_sin(tg_mul(v, x)) : tg_add(tg_square(v), x);
            if ((read >> i & 1) == 0) continue;
            expect_ok(tg_run(v), tape);
            ck_assert(isfinite(tg_item(v)));
        }
        const tg_tensor g = tg_grad(v, x);
        expect_ok(tg_run(g), tape);
        if (read == 0) reference = tg_item(g);
        ck_assert_double_eq(tg_item(g), reference);
        tg_tape_free(tape);
    }
}
END_TEST

/* A compiled step was taken for another that differs in the order of operands, in which of them are one, or in a sign of zero. */
START_TEST(steps_that_look_alike) {
    const double a = 3, b = 5;
    tg_tape     *tape = new_tape(TG_F64);
    for (int step = 0; step < 40; step++) {
        tg_begin(tape, NULL);
        const tg_tensor x = tg_input_f64(tape, &a, 1, 1), y = tg_input_f64(tape, &b, 1, 1), again = tg_input_f64(tape, &a, 1, 1);
        const tg_tensor zero = tg_constant(tape, step % 2 == 0 ? 0.0 : -0.0);
        const tg_tensor pairs[5][2] = { { x, y }, { y, x }, { x, x }, { x, again }, { again, y } };
        const double    wanted[5]   = { -2, 2, 0, 0, -2 };
        const tg_tensor both[2]     = { tg_sub(pairs[step % 5][0], pairs[step % 5][1]), tg_mul(x, zero) };
        expect_ok(tg_run_many(both, 2), tape);
        ck_assert_double_eq(tg_item(both[0]), wanted[step % 5]);
        ck_assert((signbit(tg_item(both[1])) != 0) == (step % 2 == 1));
    }
    tg_tape_free(tape);
}
END_TEST

/* One array bound as two inputs, or a result handed in again, was overwritten while it was still to be read. */
START_TEST(one_array_as_two_inputs_and_a_result_as_an_input) {
    static const double at[4] = { 1, -2, 3, 0.5 };
    double              g[2][4], next[4];
    tg_tape            *tape = new_tape(TG_F64);
    const tg_tensor     x = tg_input_f64(tape, at, 1, 4), y = tg_input_f64(tape, at, 1, 4), z = tg_mul(tg_square(x), y);
    const tg_tensor     all[3] = { z, tg_grad(tg_sum(z), x), tg_grad(tg_sum(z), y) };
    expect_ok(tg_run_many(all, 3), tape);
    for (int k = 0; k < 2; k++) ck_assert_int_eq(tg_read_f64(all[1 + k], g[k]), TG_OK);
    for (int i = 0; i < 4; i++) ck_assert(g[0][i] == 2 * at[i] * at[i] && g[1][i] == at[i] * at[i]);
    ck_assert_int_eq(tg_run(tg_neg(tg_input_f64(tape, tg_data_f64(z), 1, 4))), TG_OVERLAP);      /* in place; as a copy it may */
    tg_begin(tape, NULL);
    const tg_tensor fed = tg_neg(tg_input_f64(tape, g[1], 1, 4));
    expect_ok(tg_run(fed), tape);
    ck_assert_int_eq(tg_read_f64(fed, next), TG_OK);
    for (int i = 0; i < 4; i++) ck_assert_double_eq(next[i], -at[i] * at[i]);
    tg_tape_free(tape);
}
END_TEST

/* ---- optimizers ---- */

/* Gradients were clipped to the norm 1, whatever the limit was. */
START_TEST(clipping_is_to_the_limit) {
    static const double limits[3] = { 2, 0.5, 10 }, start[2] = { 3, 4 };      /* the gradient of |w|^2 / 2 is w, whose norm is 5 */
    for (int k = 0; k < 3; k++) {
        double       w[2];
        tg_params   *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
        tg_variable *v      = tg_variable_new(params, "w", 1, 2, NULL);
        ck_assert_int_eq(tg_variable_write_f64(v, start), TG_OK);
        tg_optimizer *sgd  = tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 1, .clip_norm = limits[k] });
        tg_tape      *tape = new_tape(TG_F64);
        expect_ok(tg_minimize(sgd, tg_scale(tg_sum(tg_square(tg_use(tape, v))), 0.5)), tape);
        ck_assert_int_eq(tg_variable_read_f64(v, w), TG_OK);
        for (int i = 0; i < 2; i++) ck_assert_double_eq_tol(start[i] - w[i], start[i] * fmin(1, limits[k] / 5), 1e-6);
        tg_tape_free(tape);
        tg_optimizer_free(sgd);
        tg_params_free(params);
    }
}
END_TEST

enum { ROWS = 4, STEPS = 3, PATHS = 6 };
static const float xs[ROWS * 2] = { 1, 2, -1, 0.5f, 0.25f, -2, 3, 1 }, ts[ROWS] = { 1, -1, 0.5f, 2 };

typedef struct { tg_params *params; tg_variable *w; tg_optimizer *adam; } learner;

static tg_tensor output(void *net, tg_tensor x) { return tg_matmul(x, tg_use(x.tape, ((learner *)net)->w)); }
static tg_tensor loss_of(void *net, tg_tensor y, tg_tensor target) { (void)net; return tg_mse_loss(y, target); }

static tg_tensor record_loss(learner *l, tg_tape *tape) {
    tg_begin(tape, NULL);
    return tg_mse_loss(output(l, tg_input(tape, xs, ROWS, 2)), tg_input(tape, ts, ROWS, 1));
}

static tg_tensor record_gradient(learner *l, tg_tape *tape) {
    const tg_tensor loss = record_loss(l, tape);
    return tg_grad(loss, tg_use_block(tape, l->params, NULL));
}

static void learn_by_plan(learner *l, tg_tape *tape) {
    const tg_tensor updated = tg_update(l->adam, record_gradient(l, tape));
    tg_plan        *plan    = tg_plan_new(NULL, 0, &updated, 1, NULL);
    for (int step = 0; step < STEPS; step++) ck_assert_int_eq(tg_plan_run(plan), TG_OK);
    tg_plan_free(plan);
}

static void learn_by_fit(learner *l) {
    tg_dataset    *data  = tg_dataset_of_targets(xs, ROWS, 2, ts, 1);
    const tg_model model = { .output = output, .loss = loss_of, .net = l, .params = l->params };
    const tg_tape_options in_double = { .type = TG_F64 };
    ck_assert_int_eq(tg_fit(model, l->adam, data, &(tg_fit_options){ .epochs = STEPS, .batch = ROWS, .tape = &in_double }), TG_OK);
    tg_dataset_free(data);
}

static void learn_step(int path, learner *l, tg_tape *tape, tg_accumulator *sum) {
    tg_tensor gradient, updated;
    switch (path) {
        case 0: expect_ok(tg_minimize(l->adam, record_loss(l, tape)), tape); break;
        case 1: expect_ok(tg_run(tg_update(l->adam, record_gradient(l, tape))), tape); break;
        case 2:
            gradient = record_gradient(l, tape);
            ck_assert_int_eq(tg_updates(l->adam, &gradient, 1, &updated), TG_OK);
            expect_ok(tg_run(updated), tape);
            break;
        default: expect_ok(tg_accumulate(sum, record_loss(l, tape), true), tape);
    }
}

static void learn(int path, double w[2]) {
    learner l = { .params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 }) };
    l.w    = tg_variable_new(l.params, "w", 2, 1, NULL);
    l.adam = tg_adam_new(l.params, &(tg_adam_options){ .learning_rate = 0.125 });
    tg_tape        *tape = new_tape(TG_F64);
    tg_accumulator *sum  = tg_accumulator_new(l.adam);
    if (path == 4) learn_by_plan(&l, tape);
    else if (path == 5) learn_by_fit(&l);
    else for (int step = 0; step < STEPS; step++) learn_step(path, &l, tape, sum);
    ck_assert_int_eq(tg_variable_read_f64(l.w, w), TG_OK);
    tg_accumulator_free(sum);
    tg_tape_free(tape);
    tg_optimizer_free(l.adam);
    tg_params_free(l.params);
}

/* Algorithm 1 of Kingma and Ba, for the same three steps. */
static void learn_by_hand(double w[2]) {
    double m[2] = { 0 }, v[2] = { 0 };
    w[0] = w[1] = 0;
    for (int t = 1; t <= STEPS; t++) {
        double g[2] = { 0 };
        for (int i = 0; i < ROWS; i++) {
            const double error = w[0] * (double)xs[2 * i] + w[1] * (double)xs[2 * i + 1] - (double)ts[i];
            for (int k = 0; k < 2; k++) g[k] += 2 * error * (double)xs[2 * i + k] / ROWS;
        }
        for (int k = 0; k < 2; k++) {
            m[k] = 0.9 * m[k] + 0.1 * g[k];
            v[k] = 0.999 * v[k] + 0.001 * g[k] * g[k];
            w[k] -= 0.125 * (m[k] / (1 - pow(0.9, t))) / (sqrt(v[k] / (1 - pow(0.999, t))) + 1e-8);
        }
    }
}

/* The flag for Adam was read on one of two paths; on the other one the same net was trained by plain descent. */
START_TEST(adam_is_adam_on_every_path) {
    double wanted[2], got[2];
    learn_by_hand(wanted);
    for (int path = 0; path < PATHS; path++) {
        learn(path, got);
        for (int k = 0; k < 2; k++) ck_assert_msg(fabs(got[k] - wanted[k]) < 1e-12, "path %d: %.17g, not %.17g", path, got[k], wanted[k]);
    }
}
END_TEST

int main(void) {
    return RUN_TESTS("bugs of steps", batches_of_changing_size_leak_nothing, reading_a_value_does_not_cut_the_graph, steps_that_look_alike,
                     one_array_as_two_inputs_and_a_result_as_an_input, clipping_is_to_the_limit, adam_is_adam_on_every_path);
}
