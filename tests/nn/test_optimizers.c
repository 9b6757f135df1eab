/* test_optimizers.c - the built-in optimizers against their formulas; groups, clipping, rates, state, and steps that fail. */
#include "nn/nets.h"
#include "support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tapegrad/tapegrad.h>

enum { N = 3 };

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
    ck_assert_double_eq(t, 20);
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

int main(void) {
    return RUN_TESTS("optimizers", optimizers_follow_their_formulas, bad_options_of_optimizers, an_update_may_run_behind_its_loss,
                     micro_batches_add_up_to_the_batch, decay_of_one_group_only_and_frozen_parameters);
}
