/* test_optimizers.c - the built-in optimizers against their formulas; groups, clipping, rates, state, and steps that fail. */
#include "nn/nets.h"
#include "support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <tapegrad/tapegrad.h>

enum { N = 3 };

static const double target[N] = { 0.3, -1.2, 2 }, factor[N] = { 1, 3, 0.5 };

/* sum of factor (w - target)^2 */
static tg_tensor quadratic(tg_tape *tape, tg_variable *w) {
    tg_tensor distance = tg_square(tg_sub(tg_use(tape, w), tg_input_f64(tape, target, 1, N)));
    return tg_sum(tg_mul(distance, tg_input_f64(tape, factor, 1, N)));
}

/* ---- the rules by hand: one update of w, with the state that they need ---- */

typedef struct hand {
    double w[N], v[N], m[N], rate, momentum, decay, clip, beta1, beta2, epsilon;
    int    t;
    bool   nesterov, adam, decoupled;
} hand;

/* Of quadratic; returns the sum of its squares. */
static double gradient_by_hand(const double w[N], double g[N]) {
    double squares = 0;
    for (int i = 0; i < N; i++) g[i] = 2 * factor[i] * (w[i] - target[i]), squares += g[i] * g[i];
    return squares;
}

static void adam_by_hand(hand *h, int i, double g) {
    const double beta1 = h->beta1 > 0 ? h->beta1 : 0.9, beta2 = h->beta2 > 0 ? h->beta2 : 0.999, epsilon = h->epsilon > 0 ? h->epsilon : 1e-8;
    h->m[i] = beta1 * h->m[i] + (1 - beta1) * g;
    h->v[i] = beta2 * h->v[i] + (1 - beta2) * g * g;
    h->w[i] -= h->rate * (h->m[i] / (1 - pow(beta1, h->t))) / (sqrt(h->v[i] / (1 - pow(beta2, h->t))) + epsilon);
}

static void sgd_by_hand(hand *h, int i, double g) {
    h->v[i] = h->momentum * h->v[i] + g;
    h->w[i] -= h->rate * (h->nesterov ? g + h->momentum * h->v[i] : h->v[i]);
}

static void update_by_hand(hand *h, const double g[N]) {
    h->t++;
    for (int i = 0; i < N; i++) {
        const double gradient = h->decoupled ? g[i] : g[i] + h->decay * h->w[i];
        if (h->decoupled) h->w[i] -= h->rate * h->decay * h->w[i];
        if (h->adam) adam_by_hand(h, i, gradient);
        else sgd_by_hand(h, i, gradient);
    }
}

/* All groups of one optimizer at once: they share the limit of the first on the norm of all gradients together. */
static void step_by_hand(hand groups[], int count) {
    double g[2][N], squares = 0;
    for (int k = 0; k < count; k++) squares += gradient_by_hand(groups[k].w, g[k]);
    const double clip = groups[0].clip, scale = clip > 0 ? fmin(1, clip / (sqrt(squares) + 1e-6)) : 1;
    for (int k = 0; k < count; k++) {
        for (int i = 0; i < N; i++) g[k][i] *= scale;
        update_by_hand(&groups[k], g[k]);
    }
}

static void assert_near(const double value[N], const double expected[N], double tolerance) {
    for (int i = 0; i < N; i++) ck_assert_double_eq_tol(value[i], expected[i], tolerance * fmax(1, fabs(expected[i])));
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
        step_by_hand(&h, 1);
        ck_assert_int_eq(tg_variable_read_f64(w, value), TG_OK);
        assert_near(value, h.w, 1e-14);
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
    FOLLOW(tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.05, .momentum = 0.9, .weight_decay = 0.01 }),
           .rate = 0.05, .momentum = 0.9, .decay = 0.01);
    FOLLOW(tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.05, .momentum = 0.9, .nesterov = true }),
           .rate = 0.05, .momentum = 0.9, .nesterov = true);
    FOLLOW(tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.1, .clip_norm = 0.5 }), .rate = 0.1, .clip = 0.5);
    FOLLOW(tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.1, .weight_decay = 0.02 }), .rate = 0.1, .decay = 0.02);
    FOLLOW(tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.05, .momentum = 0.8, .nesterov = true, .weight_decay = 0.02, .clip_norm = 1 }),
           .rate = 0.05, .momentum = 0.8, .nesterov = true, .decay = 0.02, .clip = 1);
    FOLLOW(tg_adam_new(params, NULL), .rate = 1e-3, .adam = true);
    FOLLOW(tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.02, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3, .clip_norm = 0.5 }),
           .rate = 0.02, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3, .clip = 0.5, .adam = true);
    FOLLOW(tg_adamw_new(params, &(tg_adam_options){ .learning_rate = 0.1, .weight_decay = TG_ZERO }), .rate = 0.1, .adam = true);
    FOLLOW(tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.1, .weight_decay = 0.1 }), .rate = 0.1, .decay = 0.1, .adam = true);
    FOLLOW(tg_adamw_new(params, &(tg_adam_options){ .learning_rate = 0.1 }), .rate = 0.1, .decay = 0.01, .adam = true, .decoupled = true);
}
END_TEST

/* ---- against PyTorch ---- */

static void lands_at(tg_params *params, tg_variable *w, tg_optimizer *optimizer, const double expected[N]) {
    static const double start[N] = { 0.5, -0.25, 1.5 };
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    double   value[N];
    ck_assert_ptr_nonnull(optimizer);
    ck_assert_int_eq(tg_variable_write_f64(w, start), TG_OK);
    for (int step = 0; step < 5; step++) {
        tg_begin(tape, NULL);
        const tg_status s = tg_minimize(optimizer, quadratic(tape, w));
        ck_assert_msg(s == TG_OK, "%s", tg_tape_error(tape));
    }
    ck_assert_int_eq(tg_variable_read_f64(w, value), TG_OK);
    assert_near(value, expected, 1e-14);
    tg_tape_free(tape);
    tg_optimizer_free(optimizer);
    tg_params_free(params);
}

#define LANDS_AT(make, ...)                                                                                                  \
    do {                                                                                                                     \
        tg_params   *params = tg_params_new(3, &(tg_params_options){ .type = TG_F64 });                                      \
        tg_variable *w      = tg_variable_new(params, "w", 1, N, NULL);                                                      \
        lands_at(params, w, make, (const double[N]){ __VA_ARGS__ });                                                         \
    } while (0)

/* Five steps from { 0.5, -0.25, 1.5 }, computed in double by a program that follows the algorithms in the documentation of torch.optim.
 * SGD:   g += decay w; b = g in the first step, momentum b + g later; g = b, with Nesterov g + momentum b; w -= lr g.
 * Adam:  g += decay w; m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; w -= lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps).
 * AdamW: w -= lr decay w first, instead of the change of g. */
START_TEST(optimizers_land_where_those_of_pytorch_do) {
    LANDS_AT(tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.05, .momentum = 0.9 }),
             0.29416799999999999, -1.9393660000000001, 1.7914220312499998);
    LANDS_AT(tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.05, .momentum = 0.9, .weight_decay = 0.01 }),
             0.29185952887450495, -1.9360875584346333, 1.7823339071211015);
    LANDS_AT(tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.05, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true }),
             0.27680755538992341, -1.5270169347653892, 1.831069807754814);
    LANDS_AT(tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.1 }), 0.18290497770627434, -0.74135582545304302, 1.9721855434692555);
    LANDS_AT(tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.1, .weight_decay = 0.1 }),
             0.16295065264239367, -0.74105801905527735, 1.9262443821340771);
    LANDS_AT(tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.02, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3 }),
             0.40249783807940875, -0.34965684140021924, 1.5991200227571174);
    LANDS_AT(tg_adamw_new(params, &(tg_adam_options){ .learning_rate = 0.1 }), 0.18264531632797457, -0.73916601155477646, 1.9646414139128683);
}
END_TEST

/* ---- several groups ---- */

typedef struct two_groups {
    tg_params    *params;
    tg_variable  *w[2];      /* in the groups "one" and "two" */
    tg_optimizer *optimizer;
    tg_tape      *tape;
} two_groups;

static two_groups new_groups(tg_type type) {
    two_groups t = { .params = tg_params_new(5, &(tg_params_options){ .type = type }), .tape = tg_tape_new(&(tg_tape_options){ .type = type }) };
    t.w[0] = tg_variable_new(t.params, "a", 1, N, &(tg_variable_options){ .init = TG_NORMAL, .group = "one" });
    t.w[1] = tg_variable_new(t.params, "b", 1, N, &(tg_variable_options){ .init = TG_NORMAL, .group = "two" });
    return t;
}

static void free_groups(two_groups *t) {
    tg_tape_free(t->tape);
    tg_optimizer_free(t->optimizer);
    tg_params_free(t->params);
}

static void minimize_both(two_groups *t) {
    tg_begin(t->tape, NULL);
    const tg_status s = tg_minimize(t->optimizer, tg_add(quadratic(t->tape, t->w[0]), quadratic(t->tape, t->w[1])));
    ck_assert_msg(s == TG_OK, "%s", tg_tape_error(t->tape));
}

static void read_both(const two_groups *t, double value[2][N]) {
    for (int k = 0; k < 2; k++) ck_assert_int_eq(tg_variable_read_f64(t->w[k], value[k]), TG_OK);
}

static void follow_both(two_groups *t, hand h[2], int steps) {
    double value[2][N];
    ck_assert_ptr_nonnull(t->optimizer);
    if (h[0].t == 0) for (int k = 0; k < 2; k++) ck_assert_int_eq(tg_variable_read_f64(t->w[k], h[k].w), TG_OK);
    for (int step = 0; step < steps; step++) {
        minimize_both(t);
        step_by_hand(h, 2);
        read_both(t, value);
        for (int k = 0; k < 2; k++) assert_near(value[k], h[k].w, 1e-14);
    }
}

START_TEST(groups_have_rates_and_decays_of_their_own) {
    static const tg_group_options groups[2] = { { .group = "one", .learning_rate = 0.05, .weight_decay = 0.3 },
                                                  { .group = "two", .weight_decay = TG_ZERO } };
    for (int kind = 0; kind < 3; kind++) {
        two_groups t    = new_groups(TG_F64);
        hand       h[2] = { { .rate = 0.05, .decay = 0.3 }, { .rate = 0.01 } };
        const tg_adam_options adam = { .learning_rate = 0.01, .weight_decay = 0.1, .groups = groups, .group_count = 2 };
        const tg_sgd_options  sgd  = { .learning_rate = 0.01, .momentum = 0.5, .weight_decay = 0.1, .groups = groups, .group_count = 2 };
        t.optimizer = kind == 0 ? tg_sgd_new(t.params, &sgd) : kind == 1 ? tg_adam_new(t.params, &adam) : tg_adamw_new(t.params, &adam);
        for (int k = 0; k < 2; k++) h[k].momentum = 0.5, h[k].adam = kind > 0, h[k].decoupled = kind == 2;
        follow_both(&t, h, 10);
        free_groups(&t);
    }
}
END_TEST

START_TEST(a_new_rate_takes_effect_in_the_next_step) {
    two_groups t    = new_groups(TG_F64);
    hand       h[2] = { { .rate = 0.1, .adam = true }, { .rate = 0.1, .adam = true } };
    t.optimizer     = tg_adam_new(t.params, &(tg_adam_options){ .learning_rate = 0.1 });
    follow_both(&t, h, 3);
    ck_assert_int_eq(tg_set_learning_rate(t.optimizer, "two", 0.003), TG_OK);
    h[1].rate = 0.003;
    follow_both(&t, h, 3);
    ck_assert_double_eq(tg_learning_rate(t.optimizer, NULL), 0.1);
    ck_assert_double_eq(tg_learning_rate(t.optimizer, "two"), 0.003);
    ck_assert_int_eq(tg_set_learning_rate(t.optimizer, NULL, 0.02), TG_OK);
    h[0].rate = h[1].rate = 0.02;
    follow_both(&t, h, 3);
    ck_assert_int_eq(tg_set_learning_rate(t.optimizer, "one", 0), TG_OK);      /* a rate of zero is one, and holds a group still */
    h[0].rate = 0;
    follow_both(&t, h, 3);
    ck_assert_int_eq(tg_set_learning_rate(t.optimizer, "three", 1), TG_UNKNOWN_NAME);
    ck_assert_int_eq(tg_last_error(NULL), TG_UNKNOWN_NAME);
    follow_both(&t, h, 1);
    free_groups(&t);
}
END_TEST

/* The limit lies above the norm of either group and below that of both. */
START_TEST(clipping_takes_the_norm_of_all_groups_together) {
    two_groups t = new_groups(TG_F64);
    double     g[N], squares[2];
    hand       h[2] = { { .rate = 0.01 }, { .rate = 0.01 } };
    for (int k = 0; k < 2; k++) {
        ck_assert_int_eq(tg_variable_read_f64(t.w[k], h[k].w), TG_OK);
        squares[k] = gradient_by_hand(h[k].w, g);
    }
    const double larger = sqrt(fmax(squares[0], squares[1])), both = sqrt(squares[0] + squares[1]);
    ck_assert_double_lt(larger, both);
    h[0].clip   = (larger + both) / 2;
    t.optimizer = tg_sgd_new(t.params, &(tg_sgd_options){ .learning_rate = 0.01, .clip_norm = h[0].clip });
    follow_both(&t, h, 1);
    tg_optimizer_free(t.optimizer);
    h[0].clip   = larger / 8;      /* and far below */
    t.optimizer = tg_sgd_new(t.params, &(tg_sgd_options){ .learning_rate = 0.01, .clip_norm = h[0].clip });
    follow_both(&t, h, 5);
    free_groups(&t);
}
END_TEST

START_TEST(a_norm_below_the_limit_leaves_gradients_as_they_are) {
    for (tg_type type = TG_F32; type <= TG_F64; type++) {
        double value[2][2][N];
        for (int clipped = 0; clipped < 2; clipped++) {
            two_groups t = new_groups(type);
            t.optimizer  = tg_adam_new(t.params, &(tg_adam_options){ .learning_rate = 0.1, .clip_norm = clipped ? 1000 : 0 });
            for (int step = 0; step < 5; step++) minimize_both(&t);
            read_both(&t, value[clipped]);
            free_groups(&t);
        }
        ck_assert_mem_eq(value[0], value[1], sizeof value[0]);
    }
}
END_TEST

/* ---- unused parameters ---- */

START_TEST(unused_parameters_are_refused_or_decay_only) {
    double before[2][N], after[2][N];
    for (int allowed = 0; allowed < 2; allowed++) {
        two_groups t = new_groups(TG_F64);
        t.optimizer  = tg_sgd_new(t.params, &(tg_sgd_options){ .learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.5,
                                                               .allow_unused = allowed == 1 });
        read_both(&t, before);
        tg_begin(t.tape, NULL);
        ck_assert_int_eq(tg_minimize(t.optimizer, quadratic(t.tape, t.w[0])), allowed ? TG_OK : TG_DISCONNECTED);
        read_both(&t, after);
        for (int i = 0; i < N; i++) ck_assert_double_eq_tol(after[1][i], before[1][i] * (allowed ? 1 - 0.1 * 0.5 : 1), 1e-15);
        ck_assert_int_eq(memcmp(before[0], after[0], sizeof before[0]) == 0, !allowed);
        free_groups(&t);
    }
}
END_TEST

/* ---- everything that a step may change ---- */

enum { ROOM = 256 };

/* Values of the parameters and of all state of the optimizer, one behind the other; their number. */
static int take(const tg_params *params, double *out) {
    int used = 0;
    for (int i = 0; i < tg_variable_count(params); i++) {
        const tg_variable *v = tg_variable_at(params, i);
        const tg_shape shape = tg_variable_shape(v);
        ck_assert_int_le(used + shape.rows * shape.cols, ROOM);
        ck_assert_int_eq(tg_variable_read_f64(v, out + used), TG_OK);
        used += (int)(shape.rows * shape.cols);
    }
    return used;
}

static size_t take_all(const tg_params *params, const tg_optimizer *optimizer, double out[4 * ROOM]) {
    int used = take(params, out);
    for (int k = 0; tg_optimizer_state(optimizer, k) != NULL; k++) used += take(tg_optimizer_state(optimizer, k), out + used);
    return (size_t)used * sizeof *out;
}

static tg_optimizer *new_optimizer(tg_params *params, int kind) {
    switch (kind) {
    case 0:  return tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.1 });
    case 1:  return tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.1, .momentum = 0.9, .nesterov = true, .clip_norm = 1 });
    case 2:  return tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.01, .clip_norm = 0.5 });
    default: return tg_adamw_new(params, &(tg_adam_options){ .learning_rate = 0.01 });
    }
}
enum { KINDS = 4 };

/* scale: infinite for a loss that is not finite */
static tg_status scaled_step(two_groups *t, double scale) {
    tg_begin(t->tape, NULL);
    const tg_tensor loss = tg_add(quadratic(t->tape, t->w[0]), quadratic(t->tape, t->w[1]));
    return tg_minimize(t->optimizer, tg_mul(loss, tg_scalar_input(t->tape, &scale)));
}

START_TEST(a_failed_step_changes_nothing) {
    static const double bad[2] = { (double)INFINITY, (double)NAN };
    for (int kind = 0; kind < KINDS; kind++) {
        double     before[4 * ROOM], after[4 * ROOM], smooth[4 * ROOM];
        two_groups t = new_groups(TG_F64), u = new_groups(TG_F64);      /* u never fails */
        t.optimizer  = new_optimizer(t.params, kind), u.optimizer = new_optimizer(u.params, kind);
        for (int step = 0; step < 6; step++) {
            ck_assert_int_eq(scaled_step(&t, 1), TG_OK);
            ck_assert_int_eq(scaled_step(&u, 1), TG_OK);
            const size_t bytes = take_all(t.params, t.optimizer, before);
            ck_assert_int_eq(scaled_step(&t, bad[step % 2]), TG_NOT_FINITE);
            ck_assert_uint_eq(take_all(t.params, t.optimizer, after), bytes);
            ck_assert_mem_eq(before, after, bytes);
            ck_assert_uint_eq(take_all(u.params, u.optimizer, smooth), bytes);
            ck_assert_mem_eq(after, smooth, bytes);
        }
        free_groups(&t);
        free_groups(&u);
    }
}
END_TEST

/* ---- a run that is cut in two ---- */

typedef struct run {
    tg_params    *params;
    tg_mlp       *net;
    tg_optimizer *optimizer;
    tg_tape      *tape;
} run;

static run new_run(int kind, uint64_t seed) {
    run r       = { .params = tg_params_new(seed, NULL), .tape = tg_tape_new(&(tg_tape_options){ .seed = 11 }) };
    r.net       = tg_mlp_new(r.params, &(tg_mlp_options){ .sizes = TG_SIZES(COLS, 8, 2), .activation = "tanh", .dropout = 0.4 });
    r.optimizer = new_optimizer(r.params, kind);
    return r;
}

static void free_run(run *r) {
    tg_tape_free(r->tape);
    tg_optimizer_free(r->optimizer);
    tg_mlp_free(r->net);
    tg_params_free(r->params);
}

static void train_steps(run *r, int first, int last) {
    for (int step = first; step < last; step++) {
        tg_begin(r->tape, &(tg_begin_options){ .training = true });
        const tg_tensor x = tg_input(r->tape, points + step * COLS * 8, 8, COLS), y = tg_labels(r->tape, classes + step * 8, 8);
        const tg_status s = tg_minimize(r->optimizer, tg_cross_entropy(tg_mlp_forward(r->net, x), y));
        ck_assert_msg(s == TG_OK, "%s", tg_tape_error(r->tape));
    }
}

/* save: files of the parameters and of each state; else they are read. */
static void pass_files(const run *r, const char *folder, bool save) {
    char             path[200];
    const tg_params *state = r->params;
    for (int k = 0; state != NULL; state = tg_optimizer_state(r->optimizer, k++)) {
        snprintf(path, sizeof path, "%s/%d.safetensors", folder, k);
        if (save) ck_assert_int_eq(tg_params_save(state, path), TG_OK);
        else ck_assert_int_eq(tg_params_load(k == 0 ? r->params : tg_optimizer_state(r->optimizer, k - 1), path, NULL), TG_OK);
        if (!save) unlink(path);
    }
}

START_TEST(a_resumed_run_has_the_bits_of_one_in_a_piece) {
    tg_dataset_free(two_classes());
    for (int kind = 0; kind < KINDS; kind++) {
        char   folder[] = "/tmp/tapegrad-resume-XXXXXX";
        double whole[4 * ROOM], resumed[4 * ROOM];
        run    one = new_run(kind, 7), first = new_run(kind, 7), second = new_run(kind, 8);      /* other initial values: all come from the files */
        ck_assert_ptr_nonnull(mkdtemp(folder));
        train_steps(&one, 0, 12);
        train_steps(&first, 0, 7);
        pass_files(&first, folder, true);
        pass_files(&second, folder, false);
        ck_assert_int_eq(tg_tape_set_step(second.tape, tg_tape_step(first.tape) + 1), TG_OK);
        train_steps(&second, 7, 12);
        const size_t bytes = take_all(one.params, one.optimizer, whole);
        ck_assert_uint_eq(take_all(second.params, second.optimizer, resumed), bytes);
        ck_assert_mem_eq(whole, resumed, bytes);
        rmdir(folder);
        free_run(&one);
        free_run(&first);
        free_run(&second);
    }
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

/* As lines that record need no checks, what failed must be a tensor that the run refuses, and not what the array held before. */
START_TEST(updates_that_fail_are_failed_tensors) {
    const double  one    = 1;
    tg_params    *params = tg_params_new(1, NULL);
    tg_tape      *tape   = tg_tape_new(NULL);
    tg_variable_new(params, "w", 1, 1, NULL);
    tg_optimizer *sgd = tg_sgd_new(params, NULL);
    for (int i = 0; i < 4; i++) {
        tg_tensor updated[2];
        memset(updated, 0x5a, sizeof updated);
        tg_begin(tape, NULL);
        const tg_tensor g = tg_scalar_input(tape, &one), wide = tg_broadcast_to(g, 1, 2);
        const tg_status s = tg_updates(i == 0 ? NULL : sgd, (tg_tensor[]){ i == 1 ? TG_NONE : i == 2 ? wide : g, g }, i == 2 ? 1 : 2, updated);
        ck_assert_int_eq(s, i < 2 ? TG_NULL_ARGUMENT : i == 2 ? TG_SHAPE_MISMATCH : TG_BAD_ARGUMENT);
        for (int k = 0; k < (i == 2 ? 1 : 2); k++) ck_assert(updated[k].tape == (i == 1 ? NULL : tape) && updated[k].id == 0);
        ck_assert_int_eq(tg_run_many(updated, 1), s);
        tg_last_error(NULL);
    }
    tg_optimizer_free(sgd);
    tg_tape_free(tape);
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
    tg_optimizer *sgd    = tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.5, .group_count = 1,
                                                                 .groups = &(tg_group_options){ .group = "biases", .weight_decay = TG_ZERO } });
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
    return RUN_TESTS("optimizers", optimizers_follow_their_formulas, optimizers_land_where_those_of_pytorch_do,
                     groups_have_rates_and_decays_of_their_own, a_new_rate_takes_effect_in_the_next_step,
                     clipping_takes_the_norm_of_all_groups_together, a_norm_below_the_limit_leaves_gradients_as_they_are,
                     unused_parameters_are_refused_or_decay_only, a_failed_step_changes_nothing, a_resumed_run_has_the_bits_of_one_in_a_piece,
                     bad_options_of_optimizers, updates_that_fail_are_failed_tensors, an_update_may_run_behind_its_loss,
                     micro_batches_add_up_to_the_batch, decay_of_one_group_only_and_frozen_parameters);
}
