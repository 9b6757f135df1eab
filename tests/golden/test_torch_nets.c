/* test_torch_nets.c - 200 nets drawn by seed against PyTorch: loss, gradient, Hessian times vector, gradients of single examples, and the parameters
 * after 20 steps of two optimizers each, all relative to the largest element of each matrix. Training may multiply roundings, of PyTorch and of ours:
 * to its bound is added how far the same training ends when each parameter starts one rounding away. */
#include "golden/fixture.h"

#define BOUND 1e-12

enum { PARAMETERS = 8, EXAMPLES = 5, SIZES = 6, NUMBERS = 8, STEPS = 20 };

typedef struct net {
    int     index, size_count, count;      /* count: of parameters */
    double  sizes[SIZES];
    char    activation[WORD_LENGTH], loss[WORD_LENGTH];
    matrix  x, target, value;
    int32_t labels[EXAMPLES];
    matrix  start[PARAMETERS], v[PARAMETERS], gradient[PARAMETERS], hessian_vector[PARAMETERS], example[EXAMPLES][PARAMETERS], after[PARAMETERS];
    char    optimizer[WORD_LENGTH];
    double  numbers[NUMBERS];
} net;

static net given;

static void read_parameters(fixture *f, const char *word, matrix *m) {
    for (int k = 0; k < given.count; k++) must_read(f, word, &m[k]);
}

static bool read_net(fixture *f) {
    double index = 0;
    if (!is_at(f, "net")) return false;
    index = read_number(f);
    next_word(f);
    given.index      = (int)index;
    given.size_count = read_numbers(f, given.sizes, SIZES);
    given.count      = 2 * (given.size_count - 1);
    read_text(f, given.activation, sizeof given.activation);
    read_text(f, given.loss, sizeof given.loss);
    must_read(f, "x", &given.x);
    must_read(f, "target", &given.target);
    ck_assert_int_le(given.x.rows, EXAMPLES);
    for (int64_t i = 0; i < given.x.rows; i++) given.labels[i] = (int32_t)given.target.at[i];
    read_parameters(f, "start", given.start);
    read_parameters(f, "v", given.v);
    must_read(f, "value", &given.value);
    read_parameters(f, "gradient", given.gradient);
    read_parameters(f, "hessian_vector", given.hessian_vector);
    for (int64_t i = 0; i < given.x.rows; i++) read_parameters(f, "example", given.example[i]);
    return true;
}

static bool read_training(fixture *f) {
    if (!is_at(f, "optimizer")) return false;
    read_text(f, given.optimizer, sizeof given.optimizer);
    memset(given.numbers, 0, sizeof given.numbers);
    read_numbers(f, given.numbers, NUMBERS);
    read_parameters(f, "after", given.after);
    return true;
}

/* ---- the net ---- */

typedef struct loss_row {
    const char *name;
    tg_tensor (*loss)(tg_tensor output, tg_tensor target);
} loss_row;

static tg_tensor poisson(tg_tensor output, tg_tensor target) { return tg_poisson_nll_loss(output, target); }

static const loss_row losses[] = { { "cross_entropy", tg_cross_entropy }, { "mse_loss", tg_mse_loss }, { "huber_loss", tg_huber_loss },
                                   { "binary_cross_entropy_with_logits", tg_binary_cross_entropy_with_logits },
                                   { "smooth_l1_loss", tg_smooth_l1_loss }, { "poisson_nll_loss", poisson }, { "l1_loss", tg_l1_loss } };

static tg_tensor loss_of(tg_tensor output, tg_tensor target) {
    for (size_t k = 0; k < sizeof losses / sizeof *losses; k++)
        if (strcmp(losses[k].name, given.loss) == 0) return losses[k].loss(output, target);
    ck_abort_msg("no loss %s", given.loss);
    return TG_NONE;
}

static tg_mlp *new_net(tg_params *params) {
    int64_t sizes[SIZES];
    for (int k = 0; k < given.size_count; k++) sizes[k] = (int64_t)given.sizes[k];
    tg_mlp *mlp = tg_mlp_new(params, &(tg_mlp_options){ .sizes = { sizes, given.size_count }, .activation = given.activation });
    ck_assert_ptr_nonnull(mlp);
    ck_assert_int_eq(tg_variable_count(params), given.count);
    for (int k = 0; k < given.count; k++) ck_assert_int_eq(tg_variable_write_f64(tg_variable_at(params, k), given.start[k].at), TG_OK);
    return mlp;
}

/* The loss of count examples from one on. */
static tg_tensor record_loss(tg_tape *tape, const tg_mlp *mlp, int64_t from, int64_t count) {
    const matrix   *x = &given.x, *t = &given.target;
    const bool      labels = strcmp(given.loss, "cross_entropy") == 0;
    const tg_tensor target = labels ? tg_labels(tape, given.labels + from, count) : tg_input_f64(tape, t->at + from * t->cols, count, t->cols);
    return loss_of(tg_mlp_forward(mlp, tg_input_f64(tape, x->at + from * x->cols, count, x->cols)), target);
}

static void use_all(tg_tape *tape, tg_params *params, tg_tensor used[]) {
    for (int k = 0; k < given.count; k++) used[k] = tg_use(tape, tg_variable_at(params, k));
}

/* ---- checks ---- */

static double worst, worst_shift;

static void compare_within(double bound, const double *got, const matrix *expected, const char *what, int k) {
    const double off = difference(expected->at, got, expected->rows * expected->cols, 0);
    worst            = fmax(worst, off);
    ck_assert_msg(off <= bound, "net %d, %s, %s: %s %d is off by %.3g", given.index, given.activation, given.loss, what, k, off);
}

static void compare(const double *got, const matrix *expected, const char *what, int k) { compare_within(BOUND, got, expected, what, k); }

static void compare_tensors(const tg_tensor got[], const matrix expected[], const char *what) {
    double at[MATRIX_LARGEST];
    for (int k = 0; k < given.count; k++) {
        ck_assert_int_eq(tg_read_f64(got[k], at), TG_OK);
        compare(at, &expected[k], what, k);
    }
}

static const tg_gradients_options unused = { .allow_unused = true };

static void check_derivatives(tg_tape *tape, tg_params *params, const tg_mlp *mlp) {
    tg_tensor w[PARAMETERS], wanted[2 * PARAMETERS + 1], *g = wanted, *along = wanted + given.count;
    tg_begin(tape, NULL);
    const tg_tensor loss = record_loss(tape, mlp, 0, given.x.rows);
    use_all(tape, params, w);
    tg_gradients(loss, TG_NONE, w, given.count, g, &unused);
    tg_tensor sum = tg_constant(tape, 0);
    for (int k = 0; k < given.count; k++)
        sum = tg_add(sum, tg_sum(tg_mul(g[k], tg_input_f64(tape, given.v[k].at, given.v[k].rows, given.v[k].cols))));
    tg_gradients(sum, TG_NONE, w, given.count, along, &unused);
    wanted[2 * given.count] = loss;
    ck_assert_msg(tg_run_many(wanted, 2 * given.count + 1) == TG_OK, "net %d: %s", given.index, tg_tape_error(tape));
    const double value = tg_item(loss);
    compare(&value, &given.value, "loss", 0);
    compare_tensors(g, given.gradient, "gradient");
    compare_tensors(along, given.hessian_vector, "Hessian times vector");
}

static void check_examples(tg_tape *tape, tg_params *params, const tg_mlp *mlp) {
    tg_tensor w[PARAMETERS], g[PARAMETERS];
    for (int64_t i = 0; i < given.x.rows; i++) {
        tg_begin(tape, NULL);
        const tg_tensor loss = record_loss(tape, mlp, i, 1);
        use_all(tape, params, w);
        tg_gradients(loss, TG_NONE, w, given.count, g, &unused);
        ck_assert_msg(tg_run_many(g, given.count) == TG_OK, "net %d: %s", given.index, tg_tape_error(tape));
        compare_tensors(g, given.example[i], "gradient of an example");
    }
}

/* ---- optimizers: numbers in the order of make_torch_nets.py ---- */

/* An option of which 0 means the default. */
static double option(int k) { return given.numbers[k] == 0 ? TG_ZERO : given.numbers[k]; }

static bool is_optimizer(const char *name) { return strncmp(given.optimizer, name, strlen(name)) == 0; }

static tg_optimizer *new_adam(tg_params *params) {
    const tg_adam_options options = { .learning_rate = option(0), .beta1 = option(1), .beta2 = option(2), .epsilon = option(3),
                                      .weight_decay = option(4) };
    return strcmp(given.optimizer, "adam") == 0 ? tg_adam_new(params, &options) : tg_adamw_new(params, &options);
}

static tg_optimizer *new_optimizer(tg_params *params) {
    const double *n = given.numbers;
    if (is_optimizer("adagrad"))
        return tg_adagrad_new(params, &(tg_adagrad_options){ .learning_rate = option(0), .lr_decay = n[1], .initial = n[2], .epsilon = option(3),
                                                             .weight_decay = n[4] });
    if (is_optimizer("adam")) return new_adam(params);
    if (is_optimizer("rmsprop"))
        return tg_rmsprop_new(params, &(tg_rmsprop_options){ .learning_rate = option(0), .alpha = option(1), .epsilon = option(2), .momentum = n[3],
                                                             .centered = n[4] != 0, .weight_decay = n[5] });
    if (is_optimizer("rprop"))
        return tg_rprop_new(params, &(tg_rprop_options){ .learning_rate = n[0], .eta_minus = n[1], .eta_plus = n[2], .least = n[3], .most = n[4] });
    return tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = option(0), .momentum = n[1], .nesterov = n[2] != 0, .weight_decay = n[3],
                                                 .clip_norm = n[4], .clip_value = n[5] });
}

static void start_one_rounding_away(tg_params *params) {
    for (int k = 0; k < given.count; k++) {
        double        at[MATRIX_LARGEST];
        const int64_t count = given.start[k].rows * given.start[k].cols;
        for (int64_t i = 0; i < count; i++) at[i] = nextafter(given.start[k].at[i], i % 2 == 0 ? 1e9 : -1e9);
        ck_assert_int_eq(tg_variable_write_f64(tg_variable_at(params, k), at), TG_OK);
    }
}

static void train(tg_tape *tape, bool is_moved, double after[PARAMETERS][MATRIX_LARGEST]) {
    tg_params    *params    = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    tg_mlp       *mlp       = new_net(params);
    tg_optimizer *optimizer = new_optimizer(params);
    ck_assert_ptr_nonnull(optimizer);
    if (is_moved) start_one_rounding_away(params);
    for (int step = 0; step < STEPS; step++) {
        tg_begin(tape, &(tg_begin_options){ .training = true });
        const tg_status status = tg_minimize(optimizer, record_loss(tape, mlp, 0, given.x.rows));
        ck_assert_msg(status == TG_OK, "net %d: %s", given.index, tg_tape_error(tape));
    }
    for (int k = 0; k < given.count; k++) ck_assert_int_eq(tg_variable_read_f64(tg_variable_at(params, k), after[k]), TG_OK);
    tg_optimizer_free(optimizer);
    tg_mlp_free(mlp);
    tg_begin(tape, NULL);
    tg_params_free(params);
}

static void check_training(tg_tape *tape) {
    static double after[PARAMETERS][MATRIX_LARGEST], moved[PARAMETERS][MATRIX_LARGEST];
    train(tape, false, after);
    train(tape, true, moved);
    for (int k = 0; k < given.count; k++) {
        const double shift = difference(after[k], moved[k], given.after[k].rows * given.after[k].cols, 0);
        worst_shift        = fmax(worst_shift, shift);
        ck_assert_msg(shift < 1e-11, "net %d, %s: training multiplies roundings too much to say anything", given.index, given.optimizer);
        compare_within(BOUND + shift, after[k], &given.after[k], given.optimizer, k);
    }
}

static tg_tape *new_tape(void) {
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    ck_assert_ptr_nonnull(tape);
    return tape;
}

static void check_net(void) {
    tg_params *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    tg_mlp    *mlp    = new_net(params);
    tg_tape   *tape   = new_tape();
    check_derivatives(tape, params, mlp);
    check_examples(tape, params, mlp);
    tg_tape_free(tape);
    tg_mlp_free(mlp);
    tg_params_free(params);
}

START_TEST(nets_and_optimizers_are_those_of_pytorch) {
    fixture f    = open_fixture("torch_nets.txt");
    int     nets = 0, trainings = 0;
    for (; read_net(&f); nets++) {
        check_net();
        for (; read_training(&f); trainings++) {
            tg_tape *tape = new_tape();
            check_training(tape);
            tg_tape_free(tape);
        }
    }
    ck_assert_msg(*f.at == '\0', "torch_nets.txt goes on: %.40s", f.at);
    ck_assert_int_eq(nets, 200);
    ck_assert_int_eq(trainings, 400);
    if (getenv("GOLDEN_VERBOSE") != NULL) fprintf(stderr, "nets: largest difference %.2g, largest shift of a training %.2g\n", worst, worst_shift);
    close_fixture(&f);
}
END_TEST

int main(void) { return RUN_TESTS("torch_nets", nets_and_optimizers_are_those_of_pytorch); }
