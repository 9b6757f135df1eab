/* test_nn.c - optimizers against loops by hand, fit and what ends it, models of one's own, and steps that use several of these at once. */
#include "support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <tapegrad/tapegrad.h>

enum { N = 3 };

static const float  target_f32[4] = { 1, 2, 3, 4 };
static const double target[N] = { 0.3, -1.2, 2 }, factor[N] = { 1, 3, 0.5 };

/* sum of factor (w - target)^2 */
static tg_tensor quadratic(tg_tape *tape, tg_variable *w) {
    tg_tensor distance = tg_square(tg_sub(tg_use(tape, w), tg_input_f64(tape, target, 1, N)));
    return tg_sum(tg_mul(distance, tg_input_f64(tape, factor, 1, N)));
}

/* ---- the rules by hand: one update of w, with the state that they need ---- */

typedef struct hand { double w[N], v[N], m[N], rate, momentum, decay, clip; int t; bool nesterov, adam, decoupled; } hand;

static void step_by_hand(hand *h) {
    double g[N], norm = 0;
    for (int i = 0; i < N; i++) g[i] = 2 * factor[i] * (h->w[i] - target[i]), norm += g[i] * g[i];
    const double scale = h->clip > 0 ? fmin(1, h->clip / (sqrt(norm) + 1e-6)) : 1;
    h->t++;
    for (int i = 0; i < N; i++) {
        double gi = g[i] * scale;
        if (h->decoupled) h->w[i] -= h->rate * h->decay * h->w[i];
        else gi += h->decay * h->w[i];
        if (h->adam) {
            h->m[i] = 0.9 * h->m[i] + 0.1 * gi;
            h->v[i] = 0.999 * h->v[i] + 0.001 * gi * gi;
            h->w[i] -= h->rate * (h->m[i] / (1 - pow(0.9, h->t))) / (sqrt(h->v[i] / (1 - pow(0.999, h->t))) + 1e-8);
        } else {
            h->v[i] = h->momentum * h->v[i] + gi;
            h->w[i] -= h->rate * (h->nesterov ? gi + h->momentum * h->v[i] : h->v[i]);
        }
    }
}

static void follow(tg_params *params, tg_variable *w, tg_optimizer *optimizer, hand h) {
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    double   value[N], t;
    ck_assert_ptr_nonnull(optimizer);
    ck_assert_int_eq(tg_variable_read_f64(w, h.w), TG_OK);
    for (int step = 0; step < 20; step++) {
        tg_begin(tape, NULL);
        tg_status s = tg_minimize(optimizer, quadratic(tape, w));
        ck_assert_msg(s == TG_OK, "%s", tg_tape_error(tape));
        step_by_hand(&h);
        ck_assert_int_eq(tg_variable_read_f64(w, value), TG_OK);
        for (int i = 0; i < N; i++) ck_assert_double_eq_tol(value[i], h.w[i], 1e-12);
    }
    ck_assert_int_eq(tg_variable_read_f64(tg_variable_at(tg_optimizer_state(optimizer, 0), 0), &t), TG_OK);
    ck_assert_double_eq(t, h.adam ? 20 : 0);      /* counted under rules that read it */
    tg_tape_free(tape);
    tg_optimizer_free(optimizer);
    tg_params_free(params);
}

#define FOLLOW(make, ...)                                                                                                    \
    do {                                                                                                                     \
        tg_params   *params = tg_params_new(3, &(tg_params_options){ .type = TG_F64 });                                      \
        tg_variable *w      = tg_variable_new(params, "w", 1, N, &(tg_variable_options){ .init = TG_NORMAL });               \
        follow(params, w, make, (hand){ __VA_ARGS__ });                                                                      \
    } while (0)

START_TEST(optimizers_follow_their_formulas) {
    FOLLOW(tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.1 }), .rate = 0.1);
    FOLLOW(tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.05, .momentum = 0.9, .weight_decay = 0.01 }), .rate = 0.05, .momentum = 0.9, .decay = 0.01);
    FOLLOW(tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.05, .momentum = 0.9, .nesterov = true }), .rate = 0.05, .momentum = 0.9, .nesterov = true);
    FOLLOW(tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.1, .clip_norm = 0.5 }), .rate = 0.1, .clip = 0.5);
    FOLLOW(tg_adam_new(params, NULL), .rate = 1e-3, .adam = true);
    FOLLOW(tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.1, .weight_decay = 0.1 }), .rate = 0.1, .decay = 0.1, .adam = true);
    FOLLOW(tg_adamw_new(params, &(tg_adam_options){ .learning_rate = 0.1 }), .rate = 0.1, .decay = 0.01, .adam = true, .decoupled = true);
}
END_TEST

/* An optimizer of one's own, in the form of the reference. */
static tg_tensor halve(const tg_update_call *call, const void *context) {
    (void)context;
    return tg_scale(call->weights, 0.5);
}

START_TEST(bad_options_of_optimizers) {
    tg_params *params = tg_params_new(1, NULL);
    tg_variable_new(params, "w", 1, 2, NULL);
    ck_assert_ptr_null(tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = (double)NAN }));
    ck_assert_int_eq(tg_last_error(NULL), TG_BAD_ARGUMENT);
    ck_assert_ptr_null(tg_adam_new(params, &(tg_adam_options){ .learning_rate = -1 }));
    ck_assert_int_eq(tg_last_error(NULL), TG_BAD_ARGUMENT);
    ck_assert_ptr_null(tg_sgd_new(NULL, NULL));
    ck_assert_int_eq(tg_last_error(NULL), TG_NULL_ARGUMENT);
    ck_assert_ptr_null(tg_sgd_new(params, &(tg_sgd_options){ .groups = &(tg_group_options){ .group = "none" }, .group_count = 1 }));
    ck_assert_int_eq(tg_last_error(NULL), TG_UNKNOWN_NAME);
    tg_optimizer *own = tg_optimizer_new(params, &(tg_optimizer_options){ .update = halve });
    ck_assert_ptr_nonnull(own);
    ck_assert_int_eq(tg_set_learning_rate(own, NULL, (double)INFINITY), TG_BAD_ARGUMENT);
    ck_assert_int_eq(tg_last_error(NULL), TG_BAD_ARGUMENT);
    ck_assert_double_eq(tg_learning_rate(own, NULL), 1e-3);
    tg_optimizer_free(own);
    tg_params_free(params);
}
END_TEST

/* ---- data: two noisy classes ---- */

enum { ROWS = 203, COLS = 2 };
static float   points[ROWS * COLS];
static int32_t classes[ROWS];

static tg_dataset *two_classes(void) {
    uint64_t state = 9;
    for (int i = 0; i < ROWS; i++) {
        double sum = 0;
        for (int j = 0; j < COLS; j++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            points[i * COLS + j] = (float)((double)(state >> 33) / 1073741824.0 - 1);
            sum += (double)points[i * COLS + j];
        }
        classes[i] = sum > 0.1;
    }
    return tg_dataset_of_labels(points, ROWS, COLS, classes);
}

static tg_mlp *new_net(tg_params *params) {
    return tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(COLS, 8, 2), .activation = "tanh", .dropout = 0.1, .standardize = true });
}

static double train(float weights[16], const tg_fit_options *options, tg_status expected) {
    tg_dataset   *data   = two_classes();
    tg_params    *params = tg_params_new(4, NULL);
    tg_mlp       *net    = new_net(params);
    tg_optimizer *adam   = tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.02 });
    int64_t       confusion[4];
    tg_report     report = { .confusion = confusion };
    const char   *why    = "";
    tg_status     s      = tg_fit(tg_mlp_model(net), adam, data, options);
    if (s != expected) tg_last_error(&why);
    ck_assert_msg(s == expected, "%s: %s", tg_status_name(s), why);
    ck_assert_int_eq(tg_evaluate(tg_mlp_model(net), data, &report), TG_OK);
    ck_assert_int_eq(confusion[0] + confusion[1] + confusion[2] + confusion[3], ROWS);
    ck_assert_int_eq(tg_variable_read(tg_variable_find(params, "net/fc1/weight"), weights), TG_OK);
    tg_optimizer_free(adam);
    tg_mlp_free(net);
    tg_params_free(params);
    tg_dataset_free(data);
    return report.accuracy;
}

START_TEST(fit_learns_and_gives_the_same_bits_twice) {
    float          one[16], two[16];
    tg_fit_report  report;
    tg_fit_options o = { .epochs = 30, .batch = 16, .validation = 0.2, .report = &report, .tape = &(tg_tape_options){ .seed = 2 } };
    ck_assert_double_gt(train(one, &o, TG_OK), 0.95);
    ck_assert(report.epochs == 30 && report.best_epoch >= 1 && isfinite(report.validation_loss));
    train(two, &o, TG_OK);
    ck_assert_mem_eq(one, two, sizeof one);
}
END_TEST

static bool stop_at_once(const tg_progress *p, void *context) {
    (void)p, (void)context;
    return false;
}

START_TEST(what_ends_a_fit) {
    float         w[16];
    tg_fit_report report;
    train(w, &(tg_fit_options){ .epochs = 5, .progress = stop_at_once, .report = &report }, TG_OK);
    ck_assert_int_eq(report.epochs, 1);
    train(w, &(tg_fit_options){ .epochs = 500, .validation = 0.3, .validation_tail = true, .patience = 2, .report = &report }, TG_OK);
    ck_assert_int_lt(report.epochs, 500);
    train(w, &(tg_fit_options){ .validation = 1 }, TG_BAD_ARGUMENT);
    tg_last_error(NULL);
}
END_TEST

START_TEST(a_loss_that_is_not_finite_changes_nothing) {
    tg_dataset   *data   = two_classes();
    tg_params    *params = tg_params_new(4, NULL);
    tg_mlp       *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(COLS, 2) });
    tg_optimizer *sgd    = tg_sgd_new(params, NULL);
    float         before[4], after[4];
    points[0] = (float)INFINITY;
    ck_assert_int_eq(tg_variable_read(tg_variable_find(params, "net/fc1/weight"), before), TG_OK);
    ck_assert_int_eq(tg_fit(tg_mlp_model(net), sgd, data, &(tg_fit_options){ .batch = ROWS }), TG_NOT_FINITE);
    const char *why;
    ck_assert_int_eq(tg_last_error(&why), TG_NOT_FINITE);
    ck_assert_int_eq(tg_variable_read(tg_variable_find(params, "net/fc1/weight"), after), TG_OK);
    ck_assert_mem_eq(before, after, sizeof before);
    tg_optimizer_free(sgd);
    tg_mlp_free(net);
    tg_params_free(params);
    tg_dataset_free(data);
}
END_TEST

START_TEST(unknown_activations_and_bad_sizes) {
    tg_params  *params = tg_params_new(1, NULL);
    const char *why;
    ck_assert_ptr_null(tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(2, 3, 1), .activation = "rely" }));
    ck_assert_int_eq(tg_last_error(&why), TG_UNKNOWN_NAME);
    ck_assert(strstr(why, "relu") != NULL && strstr(why, "tanh") != NULL);
    ck_assert_ptr_null(tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(2, 0, 1) }));
    ck_assert_int_eq(tg_last_error(NULL), TG_BAD_ARGUMENT);
    ck_assert_ptr_null(tg_mlp_new(NULL, NULL));
    ck_assert_int_eq(tg_last_error(NULL), TG_NULL_ARGUMENT);
    tg_params_free(params);
}
END_TEST

static tg_tensor twice_the_rows(void *net, tg_tensor in) {
    (void)net;
    return tg_view(tg_concat((tg_tensor[]){ in, in }, 2), 0, 2 * tg_rows(in), tg_cols(in));
}

START_TEST(an_output_of_other_rows_and_a_gradient_of_other_shape) {
    tg_params    *params = tg_params_new(1, NULL);
    float         out[8] = { 0 };
    tg_variable_new(params, "w", 1, 2, NULL);
    tg_optimizer *sgd  = tg_sgd_new(params, NULL);
    tg_tape      *tape = tg_tape_new(NULL);
    ck_assert_int_eq(tg_predict((tg_model){ .output = twice_the_rows, .params = params }, target_f32, 2, 2, out), TG_SHAPE_MISMATCH);
    ck_assert_int_eq(tg_last_error(NULL), TG_SHAPE_MISMATCH);
    tg_update(sgd, tg_constant(tape, 1));
    ck_assert_int_eq(tg_tape_status(tape), TG_SHAPE_MISMATCH);
    tg_tape_free(tape);
    tg_optimizer_free(sgd);
    tg_params_free(params);
}
END_TEST

START_TEST(an_update_may_run_behind_its_loss) {
    double        t;
    tg_params    *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    tg_variable  *w      = tg_variable_new(params, "w", 1, N, NULL);
    tg_optimizer *adam   = tg_adam_new(params, NULL);
    tg_tape      *tape   = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor     loss = quadratic(tape, w), updated = tg_update(adam, tg_grad(loss, tg_use_block(tape, params, NULL)));
    ck_assert_int_eq(tg_run(loss), TG_OK);
    ck_assert_int_eq(tg_variable_read_f64(tg_variable_at(tg_optimizer_state(adam, 0), 0), &t), TG_OK);
    ck_assert_double_eq(t, 0);
    ck_assert_msg(tg_run(updated) == TG_OK, "%s", tg_tape_error(tape));
    tg_tape_free(tape);
    tg_optimizer_free(adam);
    tg_params_free(params);
}
END_TEST

/* ---- steps that use several things at once ---- */

static tg_tensor loss_against(tg_tensor logits, double value) {
    return tg_binary_cross_entropy_with_logits(logits, tg_broadcast_to(tg_constant(logits.tape, value), tg_rows(logits), 1));
}

START_TEST(a_gan_step_takes_both_gradients_at_the_old_weights) {
    tg_params    *gp = tg_params_new(1, NULL), *cp = tg_params_new(2, NULL);
    tg_mlp       *g  = tg_mlp_new(gp, &(tg_mlp_options){ .sizes = TG_SIZES(2, 4, 2), .name = "g" });
    tg_mlp       *c  = tg_mlp_new(cp, &(tg_mlp_options){ .sizes = TG_SIZES(2, 4, 1), .name = "c" });
    tg_optimizer *ga = tg_adam_new(gp, NULL), *ca = tg_adam_new(cp, NULL);
    tg_tape      *tape = tg_tape_new(NULL);
    tg_dataset_free(two_classes());
    tg_begin(tape, NULL);
    tg_tensor fake = tg_mlp_forward(c, tg_mlp_forward(g, tg_input(tape, points, 8, 2))), real = tg_mlp_forward(c, tg_input(tape, points + 20, 8, 2));
    tg_tensor critic = tg_add(loss_against(real, 1), loss_against(fake, 0)), generator = loss_against(fake, 1);
    tg_tensor cg = tg_grad(critic, tg_use_block(tape, cp, NULL)), gg = tg_grad(generator, tg_use_block(tape, gp, NULL));
    tg_status s = tg_run_many((tg_tensor[]){ critic, generator, tg_update(ca, cg), tg_update(ga, gg) }, 4);
    ck_assert_msg(s == TG_OK, "%s", tg_tape_error(tape));
    ck_assert(isfinite(tg_item(critic)) && isfinite(tg_item(generator)));
    tg_tape_free(tape);
    tg_optimizer_free(ga);
    tg_optimizer_free(ca);
    tg_mlp_free(g);
    tg_mlp_free(c);
    tg_params_free(gp);
    tg_params_free(cp);
}
END_TEST

START_TEST(micro_batches_add_up_to_the_batch) {
    double w[2][N];
    for (int parts = 1; parts <= 2; parts++) {
        tg_params    *params = tg_params_new(3, &(tg_params_options){ .type = TG_F64 });
        tg_variable  *v      = tg_variable_new(params, "w", 1, N, &(tg_variable_options){ .init = TG_NORMAL });
        tg_params    *sum    = tg_params_like(params, "sum");
        tg_optimizer *sgd    = tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.1 });
        tg_tape      *tape   = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
        for (int i = 0; i < parts; i++) {
            tg_begin(tape, NULL);
            tg_tensor so_far = tg_use_block(tape, sum, NULL), total = tg_add(so_far, tg_grad(quadratic(tape, v), tg_use_block(tape, params, NULL)));
            tg_tensor zero = tg_broadcast_to(tg_constant(tape, 0), 1, tg_cols(so_far));
            tg_status s = i + 1 < parts ? tg_run(tg_assign(so_far, total))
                                        : tg_run_many((tg_tensor[]){ tg_update(sgd, tg_scale(total, 1.0 / parts)), tg_assign(so_far, zero) }, 2);
            ck_assert_msg(s == TG_OK, "%s", tg_tape_error(tape));
        }
        ck_assert_int_eq(tg_variable_read_f64(v, w[parts - 1]), TG_OK);
        tg_tape_free(tape);
        tg_optimizer_free(sgd);
        tg_params_free(sum);
        tg_params_free(params);
    }
    for (int i = 0; i < N; i++) ck_assert_double_eq_tol(w[0][i], w[1][i], 1e-15);
}
END_TEST

START_TEST(decay_of_one_group_only_and_frozen_parameters) {
    tg_params    *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    tg_mlp       *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(2, 3, 2), .weight_group = "weights", .bias_group = "biases" });
    tg_optimizer *sgd    = tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.5,
                                                                 .groups = &(tg_group_options){ .group = "biases", .weight_decay = TG_ZERO }, .group_count = 1 });
    tg_variable  *frozen = tg_variable_find(params, "net/fc1/weight");
    tg_tape      *tape   = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    double        before[6], after[6];
    tg_dataset_free(two_classes());
    for (int step = 0; step < 4; step++) {
        ck_assert_int_eq(tg_freeze(frozen, step % 2 == 1), TG_OK);
        ck_assert_int_eq(tg_variable_read_f64(frozen, before), TG_OK);
        tg_begin(tape, NULL);
        tg_status s = tg_minimize(sgd, tg_cross_entropy(tg_mlp_forward(net, tg_input(tape, points, 6, 2)), tg_labels(tape, classes, 6)));
        ck_assert_msg(s == TG_OK, "%s", tg_tape_error(tape));
        ck_assert_int_eq(tg_variable_read_f64(frozen, after), TG_OK);
        ck_assert_int_eq(memcmp(before, after, sizeof before) == 0, step % 2 == 1);
    }
    tg_tape_free(tape);
    tg_optimizer_free(sgd);
    tg_mlp_free(net);
    tg_params_free(params);
}
END_TEST

START_TEST(a_second_derivative_in_the_loss) {
    static const float at[5] = { 0, 0.5f, 1, 2, 3 };
    tg_params    *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    tg_mlp       *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(1, 8, 1), .activation = "tanh", .loss = tg_mse_loss });
    tg_optimizer *adam   = tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.01, .allow_unused = true });
    tg_tape      *tape   = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    double        first = 0, last = 0;
    for (int step = 0; step < 200; step++) {
        tg_begin(tape, NULL);
        tg_tensor x = tg_input(tape, at, 5, 1), u = tg_mlp_forward(net, x), residual = tg_mean(tg_square(tg_add(tg_diff(tg_diff(u, x, 0), x, 0), tg_sin(x))));
        ck_assert_msg(tg_minimize(adam, residual) == TG_OK, "%s", tg_tape_error(tape));
        last = tg_item(residual);
        if (step == 0) first = last;
    }
    ck_assert_double_lt(last, first / 4);
    tg_tape_free(tape);
    tg_optimizer_free(adam);
    tg_mlp_free(net);
    tg_params_free(params);
}
END_TEST

/* ---- memory that runs out: every allocation in building, training, saving, loading and freeing fails, once and from then on ---- */

typedef struct saved_run { const char *path; float weights[16]; bool known; } saved_run;

/* The weights are those of the first call that succeeded. */
static tg_status train_and_save(void *context) {
    saved_run    *run    = context;
    float         weights[16];
    tg_status     s      = TG_OUT_OF_MEMORY;
    tg_dataset   *data   = two_classes();
    tg_params    *params = tg_params_new(4, NULL);
    tg_mlp       *net    = params != NULL ? new_net(params) : NULL;
    tg_optimizer *adam   = net != NULL ? tg_adam_new(params, &(tg_adam_options){ .clip_norm = 1 }) : NULL;
    if (data != NULL && adam != NULL) s = tg_fit(tg_mlp_model(net), adam, data, &(tg_fit_options){ .epochs = 1, .batch = 100, .validation = 0.2 });
    if (s == TG_OK) s = tg_params_save(params, run->path);
    if (s == TG_OK) s = tg_params_load(params, run->path, NULL);
    if (s == TG_OK) s = tg_variable_read(tg_variable_find(params, "net/fc1/weight"), weights);
    if (s == TG_OK && !run->known) memcpy(run->weights, weights, sizeof weights), run->known = true;
    if (s == TG_OK) ck_assert_mem_eq(run->weights, weights, sizeof weights);
    tg_optimizer_free(adam);
    tg_mlp_free(net);
    tg_params_free(params);
    tg_dataset_free(data);
    return s;
}

START_TEST(every_allocation_may_fail) {
    char      path[] = "/tmp/tapegrad-nn-XXXXXX";
    const int file   = mkstemp(path);
    saved_run run    = { .path = path };
    ck_assert_int_ge(file, 0);
    close(file);
    ck_assert_int_eq(train_and_save(&run), TG_OK);
    let_each_allocation_fail(train_and_save, &run, 100);
    unlink(path);
}
END_TEST

int main(void) {
    return RUN_TESTS("nn", optimizers_follow_their_formulas, bad_options_of_optimizers,
                     fit_learns_and_gives_the_same_bits_twice, what_ends_a_fit,
                     a_loss_that_is_not_finite_changes_nothing, unknown_activations_and_bad_sizes,
                     a_gan_step_takes_both_gradients_at_the_old_weights, micro_batches_add_up_to_the_batch,
                     decay_of_one_group_only_and_frozen_parameters, a_second_derivative_in_the_loss,
                     an_output_of_other_rows_and_a_gradient_of_other_shape, an_update_may_run_behind_its_loss,
                     every_allocation_may_fail);
}
