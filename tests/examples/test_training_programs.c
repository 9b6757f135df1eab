/* test_training_programs.c - programs that users write to train: accumulated gradients, descent by one assignment, freezing for some epochs,
 * a penalty on weights alone, nets with shared weights, saving and loading, activations of one's own, equations with second derivatives. */
#include "support.h"
#include <math.h>
#include <unistd.h>
#include <tapegrad/tapegrad.h>

enum { ROWS = 6 };

static const float   inputs[ROWS * 2] = { 0.1f, 0.9f, 1.2f, -0.3f, -0.8f, 0.4f, 0.7f, 0.6f, -1.1f, -0.5f, 0.3f, -1.4f };      /* [6, 2] */
static const float   target[ROWS]     = { 1, -0.5f, 0.25f, 2, -1, 0.5f };                                                    /* [6, 1] */
static const int32_t side[ROWS]       = { 1, 0, 1, 1, 0, 0 };                                                                /* [6, 1] */

static const tg_params_options doubles     = { .type = TG_F64 };
static const tg_tape_options   double_tape = { .type = TG_F64 };

#define expect_ok(tape, call) ck_assert_msg((call) == TG_OK, "%s", tg_tape_error(tape))

/* An executing call that has no tape of the caller's. */
static void succeed(tg_status status) {
    const char     *sentence;
    const tg_status last = tg_last_error(&sentence);
    ck_assert_msg(status == TG_OK && last == TG_OK, "%s: %s", tg_status_name(status), sentence);
}

static void write_to(tg_variable *v, const double *values) { ck_assert_int_eq(tg_variable_write_f64(v, values), TG_OK); }
static void read_from(const tg_variable *v, double *values) { ck_assert_int_eq(tg_variable_read_f64(v, values), TG_OK); }

/* dL/dv [count] by central differences of the loss that net records. */
static void differences(tg_tape *tape, tg_variable *v, int count, tg_tensor (*net)(tg_tape *tape, void *context), void *context, double *slope) {
    double value[16] = { 0 }, at[16], loss[2];
    ck_assert_int_le(count, 16);
    read_from(v, value);
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < 2; k++) {
            memcpy(at, value, sizeof at);
            at[i] += k == 0 ? 1e-5 : -1e-5;
            write_to(v, at);
            tg_begin(tape, NULL);
            tg_tensor result = net(tape, context);
            expect_ok(tape, tg_run(result));
            loss[k] = tg_item(result);
        }
        slope[i] = (loss[0] - loss[1]) / 2e-5;
    }
    write_to(v, value);
    tg_begin(tape, NULL);
}

/* ---- accumulation: the sum of the gradients of micro-batches is state of the shape of the parameters ---- */

typedef struct line { tg_params *params; tg_variable *w, *b; } line;

static line new_line(void) {
    line l = { .params = tg_params_new(7, &doubles) };
    l.w    = tg_variable_new(l.params, "w", 2, 1, &(tg_variable_options){ .init = TG_NORMAL });
    l.b    = tg_variable_new(l.params, "b", 1, 1, NULL);
    return l;
}

static tg_tensor loss_of_rows(tg_tape *tape, line l, int begin, int rows) {
    const tg_tensor out = tg_linear(tg_input(tape, inputs + 2 * begin, rows, 2), tg_use(tape, l.w), tg_use(tape, l.b));      /* [rows, 1] */
    return tg_mse_loss(out, tg_input(tape, target + begin, rows, 1));
}

/* Three micro-batches of two rows; the last run updates with the mean and clears the sum. */
static void accumulated_step(tg_tape *tape, line l, tg_params *sum, tg_optimizer *adam) {
    for (int i = 0; i < 3; i++) {
        tg_begin(tape, NULL);
        tg_tensor so_far = tg_use_block(tape, sum, NULL), g = tg_grad(loss_of_rows(tape, l, 2 * i, 2), tg_use_block(tape, l.params, NULL));
        tg_tensor total = tg_add(so_far, g);
        if (i < 2) expect_ok(tape, tg_run(tg_assign(so_far, total)));
        else expect_ok(tape, tg_run_many((tg_tensor[]){ tg_update(adam, tg_scale(total, 1.0 / 3)), tg_assign(so_far, tg_scale(so_far, 0)) }, 2));
    }
}

START_TEST(accumulated_gradients) {
    line          parts = new_line(), whole = new_line();
    tg_params    *sum  = tg_params_like(parts.params, "sum");
    tg_optimizer *adam = tg_adam_new(parts.params, &(tg_adam_options){ .learning_rate = 0.1 });
    tg_optimizer *same = tg_adam_new(whole.params, &(tg_adam_options){ .learning_rate = 0.1 });
    tg_tape      *tape = tg_tape_new(&double_tape);
    double        a[2], b[2], left[2];
    for (int step = 0; step < 4; step++) {
        accumulated_step(tape, parts, sum, adam);
        tg_begin(tape, NULL);
        expect_ok(tape, tg_minimize(same, loss_of_rows(tape, whole, 0, ROWS)));
        read_from(parts.w, a);
        read_from(whole.w, b);
        for (int i = 0; i < 2; i++) ck_assert_double_eq_tol(a[i], b[i], 1e-12);
        read_from(tg_variable_find(sum, "sum/w"), left);
        ck_assert(left[0] == 0 && left[1] == 0);
    }
    tg_tape_free(tape);
    tg_optimizer_free(adam);
    tg_optimizer_free(same);
    tg_params_free(sum);
    tg_params_free(parts.params);
    tg_params_free(whole.params);
}
END_TEST

/* ---- descent as one assignment to the block ---- */

START_TEST(descent_by_one_assignment) {
    line         l    = new_line();
    tg_tape     *tape = tg_tape_new(&double_tape);
    const double minus_rate = -0.2;
    double       w[2], b, first = 0, last = 0;
    for (int step = 0; step < 100; step++) {
        read_from(l.w, w);
        read_from(l.b, &b);
        tg_begin(tape, NULL);
        tg_tensor loss = loss_of_rows(tape, l, 0, ROWS), block = tg_use_block(tape, l.params, NULL);
        tg_tensor next = tg_assign(block, tg_axpy(tg_scalar_input(tape, &minus_rate), tg_grad(loss, block), block));
        expect_ok(tape, tg_run_many((tg_tensor[]){ loss, next }, 2));
        last = tg_item(loss);
        if (step == 0) first = last;
        double slope[3] = { 0 }, after[3];
        for (int i = 0; i < ROWS; i++) {      /* the same by hand: dL/dout = 2 (out - target) / rows */
            const double x0 = (double)inputs[2 * i], x1 = (double)inputs[2 * i + 1];
            const double delta = 2 * (x0 * w[0] + x1 * w[1] + b - (double)target[i]) / ROWS;
            slope[0] += delta * x0, slope[1] += delta * x1, slope[2] += delta;
        }
        read_from(l.w, after);
        read_from(l.b, after + 2);
        ck_assert_double_eq_tol(after[0], w[0] + minus_rate * slope[0], 1e-13);
        ck_assert_double_eq_tol(after[1], w[1] + minus_rate * slope[1], 1e-13);
        ck_assert_double_eq_tol(after[2], b + minus_rate * slope[2], 1e-13);
    }
    ck_assert_double_lt(last, first);
    tg_tape_free(tape);
    tg_params_free(l.params);
}
END_TEST

/* ---- a layer that is frozen for the first epochs ---- */

typedef struct thaw { tg_variable *weight; int until; float before[8], during[8]; } thaw;

static bool thaw_later(const tg_progress *progress, void *context) {
    thaw *t = context;
    if (progress->epoch_done && progress->epoch == t->until) {
        ck_assert_int_eq(tg_variable_read(t->weight, t->during), TG_OK);
        ck_assert_int_eq(tg_freeze(t->weight, false), TG_OK);
    }
    return true;
}

START_TEST(a_layer_frozen_for_the_first_epochs) {
    for (int calls = 1; calls <= 2; calls++) {      /* thawed by the callback of one fit, or between two */
        tg_params    *params = tg_params_new(2, NULL);
        tg_mlp       *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(2, 4, 2), .activation = "tanh" });
        tg_optimizer *adamw  = tg_adamw_new(params, &(tg_adam_options){ .learning_rate = 0.05, .weight_decay = 0.1 });
        tg_dataset   *data   = tg_dataset_of_labels(inputs, ROWS, 2, side);
        thaw          t      = { .weight = tg_variable_find(params, "net/fc1/weight"), .until = 3 };
        float         after[8], head[2][8];
        ck_assert_int_eq(tg_variable_read(t.weight, t.before), TG_OK);
        ck_assert_int_eq(tg_variable_read(tg_variable_find(params, "net/fc2/weight"), head[0]), TG_OK);
        ck_assert_int_eq(tg_freeze(t.weight, true), TG_OK);
        if (calls == 1) {
            const tg_fit_options all = { .epochs = 6, .batch = 4, .progress = thaw_later, .progress_context = &t };
            succeed(tg_fit(tg_mlp_model(net), adamw, data, &all));
        } else {
            succeed(tg_fit(tg_mlp_model(net), adamw, data, &(tg_fit_options){ .epochs = 3, .batch = 4 }));
            ck_assert_int_eq(tg_variable_read(t.weight, t.during), TG_OK);
            ck_assert_int_eq(tg_freeze(t.weight, false), TG_OK);
            succeed(tg_fit(tg_mlp_model(net), adamw, data, &(tg_fit_options){ .epochs = 3, .batch = 4 }));
        }
        ck_assert_int_eq(tg_variable_read(t.weight, after), TG_OK);
        ck_assert_int_eq(tg_variable_read(tg_variable_find(params, "net/fc2/weight"), head[1]), TG_OK);
        ck_assert_mem_eq(t.before, t.during, sizeof after);
        for (int i = 0; i < 8; i++) ck_assert(after[i] != t.during[i] && isfinite(after[i]));
        ck_assert_mem_ne(head[0], head[1], sizeof after);
        tg_dataset_free(data);
        tg_optimizer_free(adamw);
        tg_mlp_free(net);
        tg_params_free(params);
    }
}
END_TEST

/* ---- a penalty on the weights alone: lambda/2 |w|^2, through groups ---- */

START_TEST(a_penalty_on_weights_alone) {
    const double lambda = 0.3;
    tg_params   *params = tg_params_new(3, &doubles);
    tg_mlp      *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(2, 3, 2), .weight_group = "weights", .bias_group = "biases" });
    tg_tape     *tape   = tg_tape_new(&double_tape);
    tg_tensor    weights = tg_use_block(tape, params, "weights"), biases = tg_use_block(tape, params, "biases"), plain[2], with[2];
    tg_tensor    data    = tg_cross_entropy(tg_mlp_forward(net, tg_input(tape, inputs, ROWS, 2)), tg_labels(tape, side, ROWS));
    tg_tensor    loss    = tg_add(data, tg_scale(tg_sum(tg_square(weights)), lambda / 2));
    double       g[2][64], penalised[2][64], w[64];
    expect_ok(tape, tg_gradients(data, TG_NONE, (tg_tensor[]){ weights, biases }, 2, plain, NULL));
    expect_ok(tape, tg_gradients(loss, TG_NONE, (tg_tensor[]){ weights, biases }, 2, with, NULL));
    expect_ok(tape, tg_run_many((tg_tensor[]){ loss, weights, plain[0], plain[1], with[0], with[1] }, 6));
    expect_ok(tape, tg_read_f64(weights, w));
    double square = 0;
    for (int k = 0; k < 2; k++) {
        ck_assert_int_le(tg_cols(plain[k]), 64);
        expect_ok(tape, tg_read_f64(plain[k], g[k]));
        expect_ok(tape, tg_read_f64(with[k], penalised[k]));
    }
    for (int64_t i = 0; i < tg_cols(weights); i++) {
        ck_assert_double_eq_tol(penalised[0][i], g[0][i] + lambda * w[i], 1e-14);
        square += w[i] * w[i];
    }
    for (int64_t i = 0; i < tg_cols(biases); i++) ck_assert(penalised[1][i] == g[1][i]);
    ck_assert(square > 0);
    tg_use_block(tape, params, NULL);      /* of two groups one must be named */
    ck_assert_int_eq(tg_tape_status(tape), TG_UNKNOWN_NAME);
    tg_tape_free(tape);
    tg_mlp_free(net);
    tg_params_free(params);
}
END_TEST

/* ---- a residual net whose blocks share their weights, as a model ---- */

typedef struct residual_net { tg_linear_layer enter, block, leave; int depth; } residual_net;

static tg_tensor residual_output(void *net, tg_tensor in) {
    const residual_net *r = net;
    tg_tensor       h = tg_linear_forward(r->enter, in);                                                          /* [batch, 4] */
    for (int i = 0; i < r->depth; i++) h = tg_add(h, tg_tanh(tg_linear_forward(r->block, h)));
    return tg_linear_forward(r->leave, h);
}

static tg_tensor residual_loss(void *net, tg_tensor output, tg_tensor labels) {
    (void)net;
    return tg_cross_entropy(output, labels);
}

static residual_net new_residual(tg_params *params, int depth) {
    return (residual_net){ tg_add_linear(params, "enter", 2, 4, NULL), tg_add_linear(params, "block", 4, 4, NULL),
                           tg_add_linear(params, "leave", 4, 2, NULL), depth };
}

START_TEST(a_residual_net_with_shared_weights) {
    tg_params      *params = tg_params_new(5, NULL);
    residual_net    net    = new_residual(params, 3);
    tg_model        model  = { .output = residual_output, .loss = residual_loss, .net = &net, .params = params };
    tg_optimizer   *adam   = tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.03 });
    tg_dataset     *data   = tg_dataset_of_labels(inputs, ROWS, 2, side);
    tg_report       before = { 0 }, after = { 0 };
    ck_assert_int_eq(tg_variable_count(params), 6);
    succeed(tg_evaluate(model, data, &before));
    succeed(tg_fit(model, adam, data, &(tg_fit_options){ .epochs = 60, .batch = 3 }));
    succeed(tg_evaluate(model, data, &after));
    ck_assert_int_eq(after.rows, ROWS);
    ck_assert_double_lt(after.loss, before.loss / 4);
    ck_assert_double_eq(after.accuracy, 1);
    tg_tape  *tape = tg_tape_new(NULL);      /* the three uses have names of their own */
    tg_tensor out = residual_output(&net, tg_input(tape, inputs, ROWS, 2)), loss = tg_cross_entropy(out, tg_labels(tape, side, ROWS));
    ck_assert_uint_ne(tg_find(tape, "block/pre_activation#3").id, 0);
    expect_ok(tape, tg_run(loss));
    ck_assert_double_eq_tol(tg_item(loss), after.loss, 1e-6);
    tg_tape_free(tape);
    tg_dataset_free(data);
    tg_optimizer_free(adam);
    tg_params_free(params);
}
END_TEST

/* ---- saved, loaded into a new net, and recorded by hand ---- */

static tg_mlp *standardized(tg_params *params) {
    return tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(2, 5, 1), .activation = "sigmoid", .loss = tg_mse_loss, .standardize = true });
}

static tg_tensor by_hand(tg_tape *tape, tg_params *params) {
#define USE(name) tg_use(tape, tg_variable_find(params, name))
    tg_tensor in = tg_mul(tg_sub(tg_input(tape, inputs, ROWS, 2), USE("net/input/mean")), USE("net/input/scale"));
    tg_tensor h  = tg_sigmoid(tg_linear(in, USE("net/fc1/weight"), USE("net/fc1/bias")));
    return tg_linear(h, USE("net/fc2/weight"), USE("net/fc2/bias"));
#undef USE
}

START_TEST(a_net_saved_and_loaded) {
    char          path[] = "/tmp/tapegrad-program-XXXXXX";
    const int     file   = mkstemp(path);
    tg_params    *params = tg_params_new(1, NULL), *fresh = tg_params_new(2, NULL);
    tg_mlp       *net    = standardized(params), *copy = standardized(fresh);
    tg_optimizer *adam   = tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.05 });
    tg_dataset   *data   = tg_dataset_of_targets(inputs, ROWS, 2, target, 1);
    float         first[ROWS], other[ROWS], again[ROWS];
    ck_assert_int_ge(file, 0);
    close(file);
    succeed(tg_fit(tg_mlp_model(net), adam, data, &(tg_fit_options){ .epochs = 5, .batch = 2 }));
    succeed(tg_predict(tg_mlp_model(net), inputs, ROWS, 2, first));
    succeed(tg_predict(tg_mlp_model(copy), inputs, ROWS, 2, other));
    ck_assert_mem_ne(first, other, sizeof first);
    succeed(tg_params_save(params, path));
    succeed(tg_params_load(fresh, path, NULL));
    succeed(tg_predict(tg_mlp_model(copy), inputs, ROWS, 2, again));
    ck_assert_mem_eq(first, again, sizeof first);
    tg_tape  *tape = tg_tape_new(NULL);
    tg_tensor out  = by_hand(tape, fresh);
    expect_ok(tape, tg_run(out));
    expect_ok(tape, tg_read(out, other));
    ck_assert_mem_eq(first, other, sizeof first);
    tg_tape_free(tape);
    unlink(path);
    tg_dataset_free(data);
    tg_optimizer_free(adam);
    tg_mlp_free(net);
    tg_mlp_free(copy);
    tg_params_free(params);
    tg_params_free(fresh);
}
END_TEST

/* ---- activations of one's own ---- */

/* x / (1 + |x|), whose derivative is 1 / (1 + |x|)^2. */
static double softsign(double v) { return v / (1 + fabs(v)); }
static double softsign_slope(double v) { return 1 / ((1 + fabs(v)) * (1 + fabs(v))); }

static tg_tensor softsign_net(tg_tape *tape, void *context) {
    const line *l = context;
    return tg_mean(tg_square(tg_map(tg_linear(tg_input(tape, inputs, ROWS, 2), tg_use(tape, l->w), tg_use(tape, l->b)), softsign, softsign_slope)));
}

START_TEST(softsign_by_map) {
    line      l    = new_line();
    tg_tape  *tape = tg_tape_new(&double_tape);
    double    slope[2], g[2], value[ROWS * 2];
    tg_tensor in = tg_input(tape, inputs, ROWS, 2), y = tg_map(in, softsign, softsign_slope);
    expect_ok(tape, tg_run(y));
    expect_ok(tape, tg_read_f64(y, value));
    for (int i = 0; i < 2 * ROWS; i++) ck_assert_double_eq(value[i], softsign((double)inputs[i]));
    differences(tape, l.w, 2, softsign_net, &l, slope);
    tg_tensor gradient = tg_grad(softsign_net(tape, &l), tg_use(tape, l.w));
    expect_ok(tape, tg_run(gradient));
    expect_ok(tape, tg_read_f64(gradient, g));
    for (int i = 0; i < 2; i++) ck_assert_double_eq_tol(g[i], slope[i], 1e-9);
    tg_tape_free(tape);
    tg_params_free(l.params);
}
END_TEST

/* (x |x|)' = 2 |x| */
TG_MAP1(test_signed_square, x * fabs(x), tg_mul(g, tg_scale(tg_maximum(x, tg_neg(x)), 2)), .lo = 0.1, .hi = 2)

typedef struct named_net { tg_mlp *net; } named_net;

static tg_tensor named_net_loss(tg_tape *tape, void *context) {
    const named_net *n = context;
    return tg_mse_loss(tg_mlp_forward(n->net, tg_input(tape, inputs, ROWS, 2)), tg_input(tape, target, ROWS, 1));
}

START_TEST(a_registered_activation) {
    const tg_mlp_options options = { .sizes = TG_SIZES(2, 4, 1), .activation = "test_signed_square", .loss = tg_mse_loss };
    tg_params   *params = tg_params_new(6, &doubles);
    ck_assert_ptr_null(tg_mlp_new(params, &options));
    ck_assert_int_eq(tg_last_error(NULL), TG_UNKNOWN_NAME);
    ck_assert_int_eq(tg_register(&test_signed_square_op), TG_OK);
    ck_assert_int_eq(tg_register(&test_signed_square_op), TG_OK);
    named_net    n = { tg_mlp_new(params, &options) };
    tg_variable *w = tg_variable_find(params, "net/fc1/weight");
    tg_tape     *tape = tg_tape_new(&double_tape);
    double       slope[8], g[8], z[ROWS * 4], h[ROWS * 4];
    ck_assert_ptr_nonnull(n.net);
    differences(tape, w, 8, named_net_loss, &n, slope);
    tg_tensor loss = named_net_loss(tape, &n), before = tg_keep(tg_find(tape, "net/fc1/pre_activation")), behind = TG_NONE;
    for (uint32_t id = 1; id <= tg_node_count(tape); id++) {
        tg_node node;
        ck_assert_int_eq(tg_node_at(tape, id, &node), TG_OK);
        if (node.op == &test_signed_square_op) behind = tg_keep(tg_tensor_at(tape, id));
    }
    tg_tensor gradient = tg_grad(loss, tg_use(tape, w));
    expect_ok(tape, tg_run_many((tg_tensor[]){ loss, gradient }, 2));
    expect_ok(tape, tg_read_f64(gradient, g));
    expect_ok(tape, tg_read_f64(before, z));
    expect_ok(tape, tg_read_f64(behind, h));
    for (int i = 0; i < ROWS * 4; i++) ck_assert_double_eq(h[i], z[i] * fabs(z[i]));
    for (int i = 0; i < 8; i++) ck_assert_double_eq_tol(g[i], slope[i], 1e-8);
    tg_tape_free(tape);
    tg_mlp_free(n.net);
    tg_params_free(params);
}
END_TEST

/* ---- one matrix in two places ---- */

typedef struct two_places { tg_params *params; tg_variable *first, *second; } two_places;

static tg_tensor two_layers(tg_tape *tape, void *context) {
    const two_places *t = context;
    const tg_tensor   h = tg_tanh(tg_matmul(tg_input(tape, inputs, ROWS, 2), tg_use(tape, t->first)));      /* [6, 2] */
    return tg_mean(tg_square(tg_tanh(tg_matmul(h, tg_use(tape, t->second)))));
}

START_TEST(the_gradient_of_a_shared_matrix_is_the_sum_over_its_uses) {
    two_places two = { .params = tg_params_new(8, &doubles) };
    two.first  = tg_variable_new(two.params, "first", 2, 2, &(tg_variable_options){ .init = TG_NORMAL });
    two.second = tg_variable_new(two.params, "second", 2, 2, NULL);
    two_places shared = { two.params, two.first, two.first };
    tg_tape   *tape   = tg_tape_new(&double_tape);
    double     w[4], slope[4], g[3][4];
    read_from(two.first, w);
    write_to(two.second, w);
    differences(tape, two.first, 4, two_layers, &shared, slope);
    tg_tensor once = two_layers(tape, &shared), twice = two_layers(tape, &two), of[3];
    of[0] = tg_grad(once, tg_use(tape, two.first));
    expect_ok(tape, tg_gradients(twice, TG_NONE, (tg_tensor[]){ tg_use(tape, two.first), tg_use(tape, two.second) }, 2, of + 1, NULL));
    expect_ok(tape, tg_run_many(of, 3));
    for (int k = 0; k < 3; k++) expect_ok(tape, tg_read_f64(of[k], g[k]));
    for (int i = 0; i < 4; i++) {
        ck_assert_double_eq_tol(g[0][i], g[1][i] + g[2][i], 1e-15);
        ck_assert_double_eq_tol(g[0][i], slope[i], 1e-9);
    }
    tg_tape_free(tape);
    tg_params_free(two.params);
}
END_TEST

/* ---- a net that is to satisfy u'' = -u, u(0) = 0, u'(0) = 1 ---- */

static tg_tensor equation_loss(tg_tape *tape, const tg_mlp *net, const float *points, int count) {
    static const float zero[1] = { 0 };
    tg_tensor t = tg_input(tape, points, count, 1), u = tg_mlp_forward(net, t), residual = tg_add(tg_diff(tg_diff(u, t, 0), t, 0), u);
    tg_tensor origin = tg_input(tape, zero, 1, 1), start = tg_mlp_forward(net, origin), slope = tg_shift(tg_diff(start, origin, 0), -1);
    return tg_add(tg_mean(tg_square(residual)), tg_add(tg_square(start), tg_square(slope)));
}

START_TEST(an_equation_with_a_second_derivative) {
    static const float points[6] = { 0, 0.3f, 0.6f, 0.9f, 1.2f, 1.5f };
    tg_params    *params = tg_params_new(9, &doubles);
    tg_mlp       *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(1, 8, 1), .activation = "tanh", .loss = tg_mse_loss });
    tg_optimizer *adam   = tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.02 });
    tg_tape      *tape   = tg_tape_new(&double_tape);
    double        first = 0, last = 0, u[6];
    for (int step = 0; step < 600; step++) {
        tg_begin(tape, NULL);
        tg_tensor loss = equation_loss(tape, net, points, 6);
        expect_ok(tape, tg_minimize(adam, loss));
        last = tg_item(loss);
        if (step == 0) first = last;
    }
    ck_assert_double_lt(last, first / 50);
    tg_begin(tape, NULL);
    tg_tensor solution = tg_mlp_forward(net, tg_input(tape, points, 6, 1));
    expect_ok(tape, tg_run(solution));
    expect_ok(tape, tg_read_f64(solution, u));
    for (int i = 0; i < 6; i++) ck_assert_double_eq_tol(u[i], sin((double)points[i]), 0.1);
    tg_tape_free(tape);
    tg_optimizer_free(adam);
    tg_mlp_free(net);
    tg_params_free(params);
}
END_TEST

int main(void) {
    return RUN_TESTS("training_programs", accumulated_gradients, descent_by_one_assignment, a_layer_frozen_for_the_first_epochs,
                     a_penalty_on_weights_alone, a_residual_net_with_shared_weights, a_net_saved_and_loaded, softsign_by_map, a_registered_activation,
                     the_gradient_of_a_shared_matrix_is_the_sum_over_its_uses, an_equation_with_a_second_derivative);
}
