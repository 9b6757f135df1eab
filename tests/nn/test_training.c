/* test_training.c - what train.h adds to a training loop: schedules, RMSprop, Adagrad and Rprop, L1 decay and clipping by value, averages, gradients
 * over several batches, anomalies; all against formulas written here. */
#include "support.h"
#include <math.h>
#include <tapegrad/tapegrad.h>

enum { N = 3, STEPS = 12 };

static const double target[N] = { 0.3, -1.2, 2 }, factor[N] = { 1, 3, 0.5 }, start[N] = { 0.5, -0.25, 1.5 };

typedef struct loop {
    tg_params    *params;
    tg_variable  *w;
    tg_tape      *tape;
    tg_optimizer *optimizer;
} loop;

static loop new_loop(void) {
    loop l = { .params = tg_params_new(3, &(tg_params_options){ .type = TG_F64 }), .tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 }) };
    l.w    = tg_variable_new(l.params, "w", 1, N, NULL);
    ck_assert_int_eq(tg_variable_write_f64(l.w, start), TG_OK);
    return l;
}

static void free_loop(loop *l) {
    tg_tape_free(l->tape);
    tg_optimizer_free(l->optimizer);
    tg_params_free(l->params);
    ck_assert_int_eq(tg_last_error(NULL), TG_OK);
}

/* sum of factor (w - target)^2 */
static tg_tensor quadratic(const loop *l) {
    const tg_tensor distance = tg_square(tg_sub(tg_use(l->tape, l->w), tg_input_f64(l->tape, target, 1, N)));
    return tg_sum(tg_mul(distance, tg_input_f64(l->tape, factor, 1, N)));
}

static double slope(int i, double w) { return 2 * factor[i] * (w - target[i]); }

static void minimize(const loop *l) {
    tg_begin(l->tape, NULL);
    const tg_status s = tg_minimize(l->optimizer, quadratic(l));
    ck_assert_msg(s == TG_OK, "%s", tg_tape_error(l->tape));
}

static void expect_weights(tg_variable *w, const double expected[N]) {
    double got[N];
    ck_assert_int_eq(tg_variable_read_f64(w, got), TG_OK);
    for (int i = 0; i < N; i++) ck_assert_double_eq_tol(got[i], expected[i], 1e-14 * fmax(1, fabs(expected[i])));
}

/* ---- optimizers ---- */

typedef struct hand {
    double w[N], a[N], b[N], c[N];      /* weights and state */
    double rate, alpha, epsilon, momentum, decay, l1, value, norm, lr_decay, initial;
    bool   centered;
    int    t;
} hand;

static void rmsprop_by_hand(hand *h, int i, double g) {
    h->a[i] = h->alpha * h->a[i] + (1 - h->alpha) * g * g;
    h->b[i] = h->alpha * h->b[i] + (1 - h->alpha) * g;
    const double n = sqrt(h->centered ? h->a[i] - h->b[i] * h->b[i] : h->a[i]) + h->epsilon;
    h->c[i] = h->momentum * h->c[i] + g / n;
    h->w[i] -= h->rate * h->c[i];
}

static void adagrad_by_hand(hand *h, int i, double g) {
    h->a[i] += g * g;
    h->w[i] -= h->rate / (1 + (h->t - 1) * h->lr_decay) * g / (sqrt(h->a[i] + h->initial) + h->epsilon);
}

static void rprop_by_hand(hand *h, int i, double g) {
    const double product = g * h->a[i];
    if (h->t == 1) h->b[i] = h->rate;
    if (product > 0) h->b[i] = fmin(h->b[i] * 1.2, 50);
    if (product < 0) h->b[i] = fmax(h->b[i] * 0.5, 1e-6), g = 0;
    h->a[i] = g;
    h->w[i] -= h->b[i] * (g > 0 ? 1 : g < 0 ? -1 : 0);
}

static void sgd_by_hand(hand *h, int i, double g) { h->w[i] -= h->rate * g; }

static void adamw_by_hand(hand *h, int i, double g) {
    h->w[i] -= h->rate * 0.01 * h->w[i];
    h->a[i] = 0.9 * h->a[i] + 0.1 * g;
    h->b[i] = 0.999 * h->b[i] + 0.001 * g * g;
    h->w[i] -= h->rate * (h->a[i] / (1 - pow(0.9, h->t))) / (sqrt(h->b[i] / (1 - pow(0.999, h->t))) + 1e-8);
}

static void step_by_hand(hand *h, void (*rule)(hand *h, int i, double g)) {
    double g[N], squares = 0;
    h->t++;
    for (int i = 0; i < N; i++) {
        g[i] = slope(i, h->w[i]);
        if (h->value > 0) g[i] = fmax(fmin(g[i], h->value), -h->value);
        squares += g[i] * g[i];
    }
    const double clip = h->norm > 0 ? fmin(1, h->norm / (sqrt(squares) + 1e-6)) : 1;
    for (int i = 0; i < N; i++) {
        const double sign = h->w[i] > 0 ? 1 : h->w[i] < 0 ? -1 : 0;
        rule(h, i, g[i] * clip + h->l1 * sign + h->decay * h->w[i]);
    }
}

static void follow(loop *l, tg_optimizer *optimizer, void (*rule)(hand *h, int i, double g), hand h) {
    ck_assert_ptr_nonnull(optimizer);
    l->optimizer = optimizer;
    memcpy(h.w, start, sizeof start);
    for (int step = 0; step < STEPS; step++) {
        minimize(l);
        step_by_hand(&h, rule);
        expect_weights(l->w, h.w);
    }
    free_loop(l);
}

#define FOLLOW(make, rule, ...)                                                                                              \
    do {                                                                                                                     \
        loop l = new_loop();                                                                                                 \
        follow(&l, make, rule, (hand){ __VA_ARGS__ });                                                                       \
    } while (0)

START_TEST(more_optimizers_follow_their_formulas) {
    FOLLOW(tg_rmsprop_new(l.params, NULL), rmsprop_by_hand, .rate = 1e-2, .alpha = 0.99, .epsilon = 1e-8);
    FOLLOW(tg_rmsprop_new(l.params, &(tg_rmsprop_options){ .learning_rate = 0.05, .alpha = 0.9, .epsilon = 1e-3, .momentum = 0.8,
                                                          .weight_decay = 0.02 }),
           rmsprop_by_hand, .rate = 0.05, .alpha = 0.9, .epsilon = 1e-3, .momentum = 0.8, .decay = 0.02);
    FOLLOW(tg_rmsprop_new(l.params, &(tg_rmsprop_options){ .learning_rate = 0.05, .alpha = 0.9, .centered = true }), rmsprop_by_hand, .rate = 0.05,
           .alpha = 0.9, .epsilon = 1e-8, .centered = true);
    FOLLOW(tg_rmsprop_new(l.params, &(tg_rmsprop_options){ .momentum = 0.5, .centered = true, .l1_decay = 0.1, .clip_norm = 1 }), rmsprop_by_hand,
           .rate = 1e-2, .alpha = 0.99, .epsilon = 1e-8, .momentum = 0.5, .centered = true, .l1 = 0.1, .norm = 1);
    FOLLOW(tg_adagrad_new(l.params, NULL), adagrad_by_hand, .rate = 1e-2, .epsilon = 1e-10);
    FOLLOW(tg_adagrad_new(l.params, &(tg_adagrad_options){ .learning_rate = 0.3, .lr_decay = 0.1, .initial = 0.2, .epsilon = 1e-3,
                                                          .weight_decay = 0.1 }),
           adagrad_by_hand, .rate = 0.3, .lr_decay = 0.1, .initial = 0.2, .epsilon = 1e-3, .decay = 0.1);
    FOLLOW(tg_rprop_new(l.params, NULL), rprop_by_hand, .rate = 1e-2);
    FOLLOW(tg_rprop_new(l.params, &(tg_rprop_options){ .learning_rate = 0.4 }), rprop_by_hand, .rate = 0.4);
}
END_TEST

START_TEST(l1_decay_and_clipping_by_value) {
    FOLLOW(tg_sgd_new(l.params, &(tg_sgd_options){ .learning_rate = 0.05, .l1_decay = 0.2 }), sgd_by_hand, .rate = 0.05, .l1 = 0.2);
    FOLLOW(tg_sgd_new(l.params, &(tg_sgd_options){ .learning_rate = 0.05, .clip_value = 0.7 }), sgd_by_hand, .rate = 0.05, .value = 0.7);
    FOLLOW(tg_sgd_new(l.params, &(tg_sgd_options){ .learning_rate = 0.05, .clip_value = 0.7, .clip_norm = 0.9, .l1_decay = 0.2,
                                                  .weight_decay = 0.1 }),
           sgd_by_hand, .rate = 0.05, .value = 0.7, .norm = 0.9, .l1 = 0.2, .decay = 0.1);
    FOLLOW(tg_adamw_new(l.params, &(tg_adam_options){ .learning_rate = 0.05, .l1_decay = 0.3, .clip_value = 2 }), adamw_by_hand, .rate = 0.05,
           .l1 = 0.3, .value = 2);
}
END_TEST

START_TEST(l1_decay_of_one_group) {
    tg_params   *params = tg_params_new(3, &(tg_params_options){ .type = TG_F64 });
    tg_variable *a = tg_variable_new(params, "a", 1, 1, &(tg_variable_options){ .init = TG_CONSTANT, .scale = 2, .group = "one" });
    tg_variable *b = tg_variable_new(params, "b", 1, 1, &(tg_variable_options){ .init = TG_CONSTANT, .scale = -2, .group = "two" });
    tg_optimizer *sgd = tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.1, .l1_decay = 1, .groups = &(tg_group_options){ .group = "one",
                                                              .l1_decay = TG_ZERO }, .group_count = 1 });
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    double   got;
    ck_assert_int_eq(tg_minimize(sgd, tg_add(tg_use(tape, a), tg_use(tape, b))), TG_OK);
    ck_assert_int_eq(tg_variable_read_f64(a, &got), TG_OK);
    ck_assert_double_eq_tol(got, 1.9, 1e-15);
    ck_assert_int_eq(tg_variable_read_f64(b, &got), TG_OK);
    ck_assert_double_eq_tol(got, -2, 1e-15);
    tg_tape_free(tape);
    tg_optimizer_free(sgd);
    tg_params_free(params);
}
END_TEST

#define REFUSED(call) do { ck_assert_ptr_null(call); ck_assert_int_eq(tg_last_error(NULL), TG_BAD_ARGUMENT); } while (0)

START_TEST(bad_options_are_refused) {
    loop l = new_loop();
    REFUSED(tg_rmsprop_new(l.params, &(tg_rmsprop_options){ .alpha = 1 }));
    REFUSED(tg_rmsprop_new(l.params, &(tg_rmsprop_options){ .momentum = -1 }));
    REFUSED(tg_adagrad_new(l.params, &(tg_adagrad_options){ .lr_decay = -1 }));
    REFUSED(tg_rprop_new(l.params, &(tg_rprop_options){ .eta_minus = 2 }));
    REFUSED(tg_rprop_new(l.params, &(tg_rprop_options){ .least = 3, .most = 2 }));
    REFUSED(tg_sgd_new(l.params, &(tg_sgd_options){ .clip_value = -1 }));
    REFUSED(tg_sgd_new(l.params, &(tg_sgd_options){ .l1_decay = NAN }));
    REFUSED(tg_sgd_new(l.params, &(tg_sgd_options){ .groups = &(tg_group_options){ .group = "default", .l1_decay = -1 }, .group_count = 1 }));
    REFUSED(tg_average_new(l.params, &(tg_average_options){ .decay = 1 }));
    ck_assert_ptr_null(tg_average_new(NULL, NULL));
    ck_assert_int_eq(tg_last_error(NULL), TG_NULL_ARGUMENT);
    ck_assert_ptr_null(tg_accumulator_new(NULL));
    ck_assert_int_eq(tg_last_error(NULL), TG_NULL_ARGUMENT);
    ck_assert_int_eq(tg_average_update(NULL), TG_NULL_ARGUMENT);
    tg_last_error(NULL);
    ck_assert_int_eq(tg_accumulate(NULL, TG_NONE, true), TG_NULL_ARGUMENT);
    tg_last_error(NULL);
    ck_assert_int_eq(tg_find_anomaly(NULL, NULL), TG_NULL_ARGUMENT);
    tg_last_error(NULL);
    ck_assert_int_eq(tg_plateau_step(NULL, 1, NULL), TG_NULL_ARGUMENT);
    tg_last_error(NULL);
    tg_average_free(NULL);
    tg_accumulator_free(NULL);
    ck_assert_ptr_null(tg_average_params(NULL));
    free_loop(&l);
}
END_TEST

/* ---- schedules ---- */

static void expect_rate(const tg_rate_schedule *s, int64_t t, double expected) {
    const double got = tg_rate_at(s, t);
    ck_assert_msg(fabs(got - expected) <= 1e-14 * fabs(expected), "kind %d at %d: %.17g, not %.17g", (int)s->kind, (int)t, got, expected);
}

/* What PyTorch's schedulers do step by step, as their documentation has it: from the rate before to the rate after. */
START_TEST(rates_follow_their_formulas) {
    const double pi = acos(-1);
    const tg_rate_schedule constant = { .rate = 0.3 }, held = { .rate = 0.3, .steps = 4, .factor = 0.5 };
    const tg_rate_schedule step = { .kind = TG_RATE_STEP, .rate = 0.3, .steps = 3, .factor = 0.7 }, tenth = { .kind = TG_RATE_STEP, .steps = 1 };
    const tg_rate_schedule exponential = { .kind = TG_RATE_EXPONENTIAL, .rate = 0.3, .factor = 0.9 };
    const tg_rate_schedule cosine = { .kind = TG_RATE_COSINE, .rate = 0.3, .steps = 10, .least = 0.02 };
    const tg_rate_schedule linear = { .kind = TG_RATE_LINEAR, .rate = 0.3, .steps = 5 };
    const tg_rate_schedule down = { .kind = TG_RATE_LINEAR, .rate = 0.3, .steps = 5, .factor = 1, .end_factor = 0.1 };
    double stepped = 0.3, falling = 0.3;
    for (int t = 0; t < 20; t++) {
        if (t > 0 && t % 3 == 0) stepped *= 0.7;
        if (t > 0) falling *= 0.9;
        expect_rate(&constant, t, 0.3);
        expect_rate(&held, t, t < 4 ? 0.15 : 0.3);
        expect_rate(&step, t, stepped);
        expect_rate(&tenth, t, 1e-3 * pow(0.1, t));
        expect_rate(&exponential, t, falling);
        expect_rate(&cosine, t, 0.02 + 0.28 * (1 + cos(pi * t / 10)) / 2);
        expect_rate(&linear, t, t < 5 ? 0.3 * (1.0 / 3 + 2.0 / 3 * t / 5) : 0.3);
        expect_rate(&down, t, t < 5 ? 0.3 * (1 - 0.9 * t / 5) : 0.03);
    }
}
END_TEST

/* OneCycleLR(max_lr = 0.5, total_steps = 20): phases end at 0.3 20 - 1 = 5 and at 19 */
START_TEST(one_cycle) {
    const double      pi = acos(-1), first = 0.5 / 25, last = first / 1e4;
    const tg_rate_schedule s  = { .kind = TG_RATE_ONE_CYCLE, .rate = 0.5, .steps = 20 };
    expect_rate(&s, 0, first);
    expect_rate(&s, 2, 0.5 + (first - 0.5) / 2 * (cos(pi * 2 / 5) + 1));
    expect_rate(&s, 5, 0.5);
    expect_rate(&s, 12, last + (0.5 - last) / 2 * (cos(pi * 0.5) + 1));
    expect_rate(&s, 19, last);
    expect_rate(&s, 30, last);
    const tg_rate_schedule other = { .kind = TG_RATE_ONE_CYCLE, .rate = 0.5, .steps = 11, .rise = 0.5, .div_factor = 10, .final_div_factor = 5 };
    expect_rate(&other, 0, 0.05);
    expect_rate(&other, 5, 0.01 + 0.49 / 2 * (cos(pi * 0.5 / 5.5) + 1));
    expect_rate(&other, 10, 0.01);
}
END_TEST

START_TEST(a_warm_up_comes_before_any_of_them) {
    const tg_rate_schedule s = { .kind = TG_RATE_COSINE, .rate = 0.3, .steps = 10, .warmup = 4, .warmup_factor = 0.1 };
    for (int t = 0; t < 4; t++) expect_rate(&s, t, 0.3 * (0.1 + 0.9 * t / 4));
    for (int t = 4; t < 14; t++) expect_rate(&s, t, 0.3 * (1 + cos(acos(-1) * (t - 4) / 10)) / 2);
    const tg_rate_schedule from_zero = { .rate = 0.2, .warmup = 2, .warmup_factor = TG_ZERO };
    ck_assert_double_eq(tg_rate_at(&from_zero, 0), 0);
    expect_rate(&from_zero, 1, 0.1);
}
END_TEST

START_TEST(a_rate_is_set_on_the_optimizer) {
    loop l      = new_loop();
    l.optimizer = tg_sgd_new(l.params, NULL);
    const tg_rate_schedule s = { .kind = TG_RATE_EXPONENTIAL, .rate = 0.1, .factor = 0.5 };
    double            w[N];
    memcpy(w, start, sizeof w);
    for (int t = 0; t < 5; t++) {
        ck_assert_int_eq(tg_set_rate_at(l.optimizer, NULL, &s, t), TG_OK);
        minimize(&l);
        for (int i = 0; i < N; i++) w[i] -= 0.1 * pow(0.5, t) * slope(i, w[i]);
        expect_weights(l.w, w);
    }
    ck_assert_int_eq(tg_set_rate_at(l.optimizer, "none", &s, 0), TG_UNKNOWN_NAME);
    tg_last_error(NULL);
    const tg_rate_schedule wrong[] = { { .kind = (tg_rate_schedule_kind)9 }, { .kind = TG_RATE_STEP }, { .kind = TG_RATE_EXPONENTIAL },
                                       { .rate = -1 },
                                  { .kind = TG_RATE_COSINE, .steps = -1 }, { .kind = TG_RATE_ONE_CYCLE, .steps = 5, .rise = 2 }, { .warmup = -1 } };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ck_assert_int_eq(tg_set_rate_at(l.optimizer, NULL, &wrong[i], 0), TG_BAD_ARGUMENT);
        ck_assert_int_eq(tg_last_error(NULL), TG_BAD_ARGUMENT);
    }
    ck_assert(isnan(tg_rate_at(NULL, 0)) && tg_last_error(NULL) == TG_NULL_ARGUMENT);
    ck_assert(isnan(tg_rate_at(&s, -1)) && tg_last_error(NULL) == TG_BAD_ARGUMENT);
    free_loop(&l);
}
END_TEST

START_TEST(rates_fall_on_a_plateau) {
    static const double numbers[] = { 5, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 2.9999, 1 };
    /* patience 1, cooldown 1: the 2nd number in a row without improvement makes it fall, and the next one is not counted */
    static const double rates[] = { 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2, 0.2 };
    loop l      = new_loop();
    l.optimizer = tg_sgd_new(l.params, &(tg_sgd_options){ .learning_rate = 1 });
    tg_plateau p = { .factor = 0.5, .patience = 1, .cooldown = 1, .least = 0.2 };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        ck_assert_int_eq(tg_plateau_step(&p, numbers[i], l.optimizer), TG_OK);
        ck_assert_msg(tg_learning_rate(l.optimizer, NULL) == rates[i], "%zu: %g", i, tg_learning_rate(l.optimizer, NULL));
    }
    tg_plateau up = { .increasing = true, .absolute = true, .threshold = 0.5, .patience = -1 };
    ck_assert_int_eq(tg_plateau_step(&up, 1, l.optimizer), TG_OK);
    ck_assert_int_eq(tg_plateau_step(&up, 1.6, l.optimizer), TG_OK);
    ck_assert_double_eq(tg_learning_rate(l.optimizer, NULL), 0.2);
    ck_assert_int_eq(tg_plateau_step(&up, 2, l.optimizer), TG_OK);
    ck_assert_double_eq_tol(tg_learning_rate(l.optimizer, NULL), 0.02, 1e-17);
    ck_assert_int_eq(tg_plateau_step(&(tg_plateau){ .factor = 1 }, 2, l.optimizer), TG_BAD_ARGUMENT);
    tg_last_error(NULL);
    free_loop(&l);
}
END_TEST

/* ---- averages ---- */

START_TEST(averages_follow_their_formulas) {
    for (int kind = 0; kind < 2; kind++) {
        loop l      = new_loop();
        l.optimizer = tg_adam_new(l.params, &(tg_adam_options){ .learning_rate = 0.1 });
        tg_average *average = tg_average_new(l.params, kind == 0 ? NULL : &(tg_average_options){ .decay = 0.9, .name = "mean" });
        double      sum[N] = { 0 }, mean[N], w[N];
        ck_assert_ptr_nonnull(average);
        for (int t = 0; t < STEPS; t++) {
            minimize(&l);
            ck_assert_int_eq(tg_average_update(average), TG_OK);
            ck_assert_int_eq(tg_variable_read_f64(l.w, w), TG_OK);
            for (int i = 0; i < N; i++) {
                sum[i] += w[i];
                mean[i] = kind == 0 ? sum[i] / (t + 1) : t == 0 ? w[i] : 0.9 * mean[i] + 0.1 * w[i];
            }
            expect_weights(tg_variable_at(tg_average_params(average), 0), mean);
        }
        ck_assert_int_eq(tg_average_count(average), STEPS);
        ck_assert_str_eq(tg_variable_name(tg_variable_at(tg_average_params(average), 0)), kind == 0 ? "average/w" : "mean/w");
        ck_assert_int_eq(tg_params_copy(l.params, tg_average_params(average)), TG_OK);
        expect_weights(l.w, mean);
        tg_average_free(average);
        free_loop(&l);
    }
}
END_TEST

/* ---- several batches ---- */

START_TEST(accumulated_gradients_update_as_their_mean) {
    loop            l = new_loop();
    l.optimizer       = tg_sgd_new(l.params, &(tg_sgd_options){ .learning_rate = 0.1, .clip_norm = 5 });
    tg_accumulator *a = tg_accumulator_new(l.optimizer);
    double          w[N], shift[3] = { 0.4, -0.1, 0.9 };
    memcpy(w, start, sizeof w);
    for (int round = 0; round < 4; round++) {
        const int batches = 1 + round % 3;
        double    g[N] = { 0 }, squares = 0;
        for (int k = 0; k < batches; k++) {
            tg_begin(l.tape, NULL);
            const tg_tensor loss = tg_add(quadratic(&l), tg_scale(tg_sum(tg_use(l.tape, l.w)), shift[k]));
            const tg_status s    = tg_accumulate(a, loss, k + 1 == batches);
            ck_assert_msg(s == TG_OK, "%s", tg_tape_error(l.tape));
            for (int i = 0; i < N; i++) g[i] += (slope(i, w[i]) + shift[k]) / batches;
            if (k + 1 < batches) expect_weights(l.w, w);
        }
        for (int i = 0; i < N; i++) squares += g[i] * g[i];
        for (int i = 0; i < N; i++) w[i] -= 0.1 * fmin(1, 5 / (sqrt(squares) + 1e-6)) * g[i];
        expect_weights(l.w, w);
    }
    tg_begin(l.tape, NULL);
    ck_assert_int_eq(tg_accumulate(a, tg_log(tg_sum(tg_scale(tg_use(l.tape, l.w), -1e9))), false), TG_NOT_FINITE);
    tg_begin(l.tape, NULL);
    ck_assert_int_eq(tg_accumulate(a, quadratic(&l), true), TG_OK);      /* as if nothing had been */
    double squares = 0;
    for (int i = 0; i < N; i++) squares += slope(i, w[i]) * slope(i, w[i]);
    const double clip = fmin(1, 5 / (sqrt(squares) + 1e-6));
    for (int i = 0; i < N; i++) w[i] -= 0.1 * clip * slope(i, w[i]);
    expect_weights(l.w, w);
    tg_accumulator_free(a);
    free_loop(&l);
}
END_TEST

static tg_status average_and_accumulate(void *context) {
    (void)context;
    tg_params *params = tg_params_new(1, NULL);
    tg_status  status = TG_OUT_OF_MEMORY;
    if (params != NULL && tg_variable_new(params, "w", 1, 2, NULL) != NULL) {
        tg_optimizer   *sgd     = tg_sgd_new(params, NULL);
        tg_average     *average = tg_average_new(params, NULL);
        tg_accumulator *sums    = sgd != NULL ? tg_accumulator_new(sgd) : NULL;
        tg_tape        *tape    = tg_tape_new(NULL);
        if (average != NULL && sums != NULL && tape != NULL) {
            status = tg_accumulate(sums, tg_sum(tg_square(tg_use(tape, tg_variable_at(params, 0)))), true);
            if (status == TG_OK) status = tg_average_update(average);
            if (status == TG_OK) status = tg_average_update(average);
            if (status == TG_OK) tg_begin(tape, NULL);
            if (status == TG_OK) tg_use(tape, tg_variable_at(params, 0));
            if (status == TG_OK) status = tg_find_anomaly(tape, NULL);
        }
        tg_tape_free(tape);
        tg_accumulator_free(sums);
        tg_average_free(average);
        tg_optimizer_free(sgd);
    }
    tg_params_free(params);
    return status;
}

START_TEST(memory_that_runs_out) {
    let_each_allocation_fail(average_and_accumulate, NULL, 20);
}
END_TEST

/* ---- anomalies ---- */

START_TEST(the_first_value_that_is_not_finite_is_named) {
    const double x[4] = { 1, 2, -0.25, 4 };
    tg_tape     *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_anomaly   a;
    const char  *sentence;
    tg_push_scope(tape, "net");
    const tg_tensor input = tg_input_f64(tape, x, 2, 2), scaled = tg_scale(input, 2);
    tg_pop_scope(tape);
    ck_assert_int_eq(tg_find_anomaly(tape, &a), TG_OK);
    ck_assert_uint_eq(a.tensor.id, 0);
    tg_push_scope(tape, "net/head");
    const tg_tensor logarithm = tg_log(scaled);
    tg_pop_scope(tape);
    const tg_tensor loss = tg_mean(logarithm);
    ck_assert_int_eq(tg_find_anomaly(tape, &a), TG_NOT_FINITE);
    ck_assert_int_eq(tg_last_error(&sentence), TG_NOT_FINITE);
    ck_assert_msg(strstr(sentence, "= log(v2) in net/head: element [1,0] is ") != NULL, "%s", sentence);
    ck_assert_msg(strstr(sentence, "nan, with v2 = -0.5") != NULL, "%s", sentence);
    ck_assert(a.tensor.id == logarithm.id && a.row == 1 && a.col == 0 && isnan(a.value));
    ck_assert_int_eq(tg_tape_status(tape), TG_OK);      /* the tape is as it was */
    ck_assert_int_eq(tg_run(loss), TG_OK);
    ck_assert(isnan(tg_item(loss)));
    tg_tape_free(tape);
}
END_TEST

/* The value is finite, its derivative is not. */
START_TEST(a_derivative_that_is_not_finite_names_the_forward_node) {
    const double x[2] = { 0, 4 };
    tg_tape     *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    const char  *sentence;
    const tg_tensor input = tg_input_f64(tape, x, 1, 2), root = tg_sqrt(input), loss = tg_sum(root);
    ck_assert_int_eq(tg_find_anomaly(tape, NULL), TG_OK);
    tg_grad(loss, input);
    ck_assert_int_eq(tg_find_anomaly(tape, NULL), TG_NOT_FINITE);
    tg_last_error(&sentence);
    ck_assert_msg(strstr(sentence, "= div(") != NULL && strstr(sentence, "element [0,0] is inf") != NULL, "%s", sentence);
    ck_assert_msg(strstr(sentence, "recorded for the derivative of v2 = sqrt") != NULL, "%s", sentence);
    tg_require_finite(loss);
    tg_mul(loss, input);
    tg_add(input, tg_input_f64(tape, x, 2, 1));
    tg_matmul(input, input);      /* refused */
    ck_assert_int_eq(tg_find_anomaly(tape, NULL), TG_SHAPE_MISMATCH);
    tg_last_error(NULL);
    tg_tape_free(tape);
}
END_TEST

/* A net whose output has the logarithm of a negative number in it. */
static tg_tensor bad_output(void *net, tg_tensor x) {
    tg_push_scope(x.tape, "bad");
    const tg_tensor y = tg_matmul(tg_log(x), tg_use(x.tape, net));
    tg_pop_scope(x.tape);
    return y;
}

static tg_tensor squares(void *net, tg_tensor output, tg_tensor t) {
    (void)net;
    return tg_mse_loss(output, t);
}

START_TEST(fit_names_what_is_not_finite) {
    const float   x[4] = { 1, 2, -3, 4 }, t[4] = { 1, 1, 1, 1 };
    tg_params    *params = tg_params_new(1, NULL);
    tg_variable  *w      = tg_variable_new(params, "w", 1, 1, NULL);
    tg_dataset   *data   = tg_dataset_of_targets(x, 4, 1, t, 1);
    tg_optimizer *sgd    = tg_sgd_new(params, NULL);
    const tg_model model = { .output = bad_output, .loss = squares, .net = w, .params = params };
    const char    *sentence;
    for (int find = 0; find < 2; find++) {
        ck_assert_int_eq(tg_fit(model, sgd, data, &(tg_fit_options){ .epochs = 1, .batch = 4, .find_anomaly = find }), TG_NOT_FINITE);
        ck_assert_int_eq(tg_last_error(&sentence), TG_NOT_FINITE);
        const bool named = strstr(sentence, "= log(") != NULL && strstr(sentence, "in bad: element [") != NULL && strstr(sentence, "= -3") != NULL;
        ck_assert_msg(named == (find == 1), "%s", sentence);
    }
    tg_optimizer_free(sgd);
    tg_dataset_free(data);
    tg_params_free(params);
}
END_TEST

int main(void) {
    return RUN_TESTS("training", more_optimizers_follow_their_formulas, l1_decay_and_clipping_by_value, l1_decay_of_one_group,
                     bad_options_are_refused,
                     rates_follow_their_formulas, one_cycle, a_warm_up_comes_before_any_of_them, a_rate_is_set_on_the_optimizer,
                     rates_fall_on_a_plateau, averages_follow_their_formulas, accumulated_gradients_update_as_their_mean, memory_that_runs_out,
                     the_first_value_that_is_not_finite_is_named, a_derivative_that_is_not_finite_names_the_forward_node,
                     fit_names_what_is_not_finite);
}
