/* test_losses.c - the losses of losses.h against their formulas, written here in double, and their derivatives against differences: weights,
 * smoothing, ignored labels and reductions in every combination, tails, and what is refused. */
#include "support.h"
#include <float.h>
#include <math.h>
#include <tapegrad/tapegrad.h>

#define INF ((double)INFINITY)

enum { ROWS = 4, COLS = 3, ALL = ROWS * COLS };

static tg_tape *tape;

static void set_up(void) { tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 }); }

static void tear_down(void) {
    tg_tape_free(tape);
    ck_assert_int_eq(tg_last_error(NULL), TG_OK);
}

static const double logits[ALL] = { 0.3, -1.2, 2, 1.5, 0.25, -0.7, -2.5, 0.1, 0.4, 1.1, 1.3, -0.2 };
static const double values[ALL] = { 0.1, -3.7, 2.4, 1.5001, 2.75, -0.2, -2.2, 1.4, 0.9, -1.3, 1.2, 0.6 };
static const double positive[ALL] = { 0.3, 1.2, 2, 1.5, 0.25, 0.7, 2.5, 0.1, 0.4, 1.1, 1.3, 0.2 };
static const double chance[ALL] = { 0.2, 0.5, 0.3, 0.1, 0.7, 0.2, 0.6, 0.15, 0.25, 0.05, 0.55, 0.4 };
static const double logarithms[ALL] = { -1.6, -0.7, -1.2, -2.3, -0.4, -1.7, -0.5, -1.9, -1.4, -3, -0.6, -0.9 };
static const double bits[ALL]  = { 1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0, 1 };
static const double signs[ALL] = { 1, -1, -1, 1, 1, -1, -1, 1, -1, 1, -1, 1 };
static const double weights[ALL] = { 0.5, 1, 2, 0.25, 3, 1.5, 0.75, 1, 0.6, 0.9, 1.2, 0.4 };
static const double class_weights[COLS] = { 0.5, 2, 1.25 }, row_weights[ROWS] = { 1, 0.5, 3, 0.2 };

static tg_tensor matrix(const double *data) { return tg_input_f64(tape, data, ROWS, COLS); }

static void run_all(const tg_tensor tensors[], int count) {
    const tg_status status = tg_run_many(tensors, count);
    ck_assert_msg(status == TG_OK, "%s: %s", tg_status_name(status), tg_tape_error(tape));
}

static void near(const char *what, double got, double expected) {
    ck_assert_msg(fabs(got - expected) <= 1e-14 * fmax(1, fabs(expected)), "%s is %.17g, not %.17g", what, got, expected);
}

static void same(const char *what, tg_tensor tensor, const double *expected) {
    double    got[ALL];
    const int count = (int)(tg_rows(tensor) * tg_cols(tensor));
    run_all(&tensor, 1);
    ck_assert_int_eq(tg_read_f64(tensor, got), TG_OK);
    for (int e = 0; e < count; e++) near(what, got[e], expected[e]);
}

/* Derivatives by every input, also in second order along the gradient. */
static void check_derivatives(const char *what, tg_tensor loss, tg_tensor x) {
    const char *sentence;
    tg_status   status = tg_gradcheck(loss, NULL);
    tg_last_error(&sentence);
    ck_assert_msg(status == TG_OK, "%s: %s", what, sentence);
    status = tg_gradcheck(tg_sum(tg_square(tg_grad(loss, x))), NULL);
    tg_last_error(&sentence);
    ck_assert_msg(status == TG_OK || status == TG_DISCONNECTED, "second derivative of %s: %s", what, sentence);      /* some are linear */
}

/* ---- losses of elements: all of them, with every weight and reduction ---- */

typedef struct element_loss {
    const char   *name;
    tg_tensor   (*with)(tg_tensor x, tg_tensor t, tg_tensor weight, tg_reduction reduction);
    double      (*formula)(double x, double t);
    const double *x, *t;
    bool          by_count;
} element_loss;

static double softplus(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))); }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static tg_tensor mse(tg_tensor x, tg_tensor t, tg_tensor w, tg_reduction r) { return tg_mse_loss_with(x, t, &(tg_loss_options){ w, r }); }
static double    mse_formula(double x, double t) { return (x - t) * (x - t); }
static tg_tensor l1(tg_tensor x, tg_tensor t, tg_tensor w, tg_reduction r) { return tg_l1_loss_with(x, t, &(tg_loss_options){ w, r }); }
static double    l1_formula(double x, double t) { return fabs(x - t); }
static tg_tensor huber(tg_tensor x, tg_tensor t, tg_tensor w, tg_reduction r) {
    return tg_huber_loss_with(x, t, &(tg_huber_loss_options){ .delta = 0.7, .weight = w, .reduction = r });
}
static double huber_formula(double x, double t) {
    const double d = fabs(x - t);
    return d <= 0.7 ? d * d / 2 : 0.7 * (d - 0.35);
}
static tg_tensor smooth_l1(tg_tensor x, tg_tensor t, tg_tensor w, tg_reduction r) {
    return tg_smooth_l1_loss_with(x, t, &(tg_smooth_l1_loss_options){ .beta = 0.7, .weight = w, .reduction = r });
}
static double smooth_l1_formula(double x, double t) {
    const double d = fabs(x - t);
    return d < 0.7 ? 0.5 * d * d / 0.7 : d - 0.35;
}
static tg_tensor smooth_l1_of_zero(tg_tensor x, tg_tensor t, tg_tensor w, tg_reduction r) {
    return tg_smooth_l1_loss_with(x, t, &(tg_smooth_l1_loss_options){ .beta = TG_ZERO, .weight = w, .reduction = r });
}
static tg_tensor bce(tg_tensor x, tg_tensor t, tg_tensor w, tg_reduction r) {
    return tg_binary_cross_entropy_with_logits_with(x, t, &(tg_binary_cross_entropy_options){ .weight = w, .reduction = r });
}
static double    bce_formula(double x, double t) { return -t * log(sigmoid(x)) - (1 - t) * log(1 - sigmoid(x)); }
static tg_tensor focal(tg_tensor x, tg_tensor t, tg_tensor w, tg_reduction r) {
    return tg_sigmoid_focal_loss_with(x, t, &(tg_focal_loss_options){ .weight = w, .reduction = r });
}
static double focal_formula(double x, double t) {
    const double p = sigmoid(x), p_t = p * t + (1 - p) * (1 - t);
    return (0.25 * t + 0.75 * (1 - t)) * pow(1 - p_t, 2) * bce_formula(x, t);
}
static tg_tensor focal_plain(tg_tensor x, tg_tensor t, tg_tensor w, tg_reduction r) {
    return tg_sigmoid_focal_loss_with(x, t, &(tg_focal_loss_options){ .alpha = -1, .gamma = TG_ZERO, .weight = w, .reduction = r });
}
static tg_tensor hinge(tg_tensor x, tg_tensor t, tg_tensor w, tg_reduction r) { return tg_hinge_loss_with(x, t, &(tg_loss_options){ w, r }); }
static double    hinge_formula(double x, double t) { return fmax(1 - t * x, 0); }
static tg_tensor squared_hinge(tg_tensor x, tg_tensor t, tg_tensor w, tg_reduction r) {
    return tg_squared_hinge_loss_with(x, t, &(tg_loss_options){ w, r });
}
static double    squared_hinge_formula(double x, double t) { return pow(fmax(1 - t * x, 0), 2); }
static tg_tensor kl(tg_tensor x, tg_tensor t, tg_tensor w, tg_reduction r) {
    return tg_kl_div_with(x, t, &(tg_kl_div_options){ .weight = w, .reduction = r });
}
static double    kl_formula(double x, double t) { return t * (log(t) - x); }
static tg_tensor kl_log(tg_tensor x, tg_tensor t, tg_tensor w, tg_reduction r) {
    return tg_kl_div_with(x, t, &(tg_kl_div_options){ .log_target = true, .weight = w, .reduction = r });
}
static double    kl_log_formula(double x, double t) { return exp(t) * (t - x); }
static tg_tensor poisson(tg_tensor x, tg_tensor t, tg_tensor w, tg_reduction r) {
    return tg_poisson_nll_loss_with(x, t, &(tg_poisson_nll_loss_options){ .weight = w, .reduction = r });
}
static double    poisson_formula(double x, double t) { return exp(x) - t * x; }
static tg_tensor poisson_rate(tg_tensor x, tg_tensor t, tg_tensor w, tg_reduction r) {
    return tg_poisson_nll_loss_with(x, t, &(tg_poisson_nll_loss_options){ .rate = true, .full = true, .eps = 1e-3, .weight = w, .reduction = r });
}
static double poisson_rate_formula(double x, double t) {
    return x - t * log(x + 1e-3) + (t > 1 ? t * log(t) - t + 0.5 * log(2 * acos(-1) * t) : 0);
}
static tg_tensor gaussian(tg_tensor x, tg_tensor t, tg_tensor w, tg_reduction r) {
    return tg_gaussian_nll_loss(x, t, matrix(chance), &(tg_gaussian_nll_loss_options){ .full = true, .eps = 0.12, .weight = w, .reduction = r });
}
static double gaussian_formula(double x, double t) {      /* the variance belongs to the place */
    for (int e = 0; e < ALL; e++)
        if (logits[e] == x && values[e] == t)
            return 0.5 * (log(fmax(chance[e], 0.12)) + (x - t) * (x - t) / fmax(chance[e], 0.12)) + 0.5 * log(2 * acos(-1));
    return NAN;
}

static const element_loss element_losses[] = {
    { "mse_loss", mse, mse_formula, logits, values, false },
    { "l1_loss", l1, l1_formula, logits, values, false },
    { "huber_loss", huber, huber_formula, logits, values, true },
    { "smooth_l1_loss", smooth_l1, smooth_l1_formula, logits, values, false },
    { "smooth_l1_loss with beta 0", smooth_l1_of_zero, l1_formula, logits, values, false },
    { "binary_cross_entropy_with_logits", bce, bce_formula, logits, chance, true },
    { "sigmoid_focal_loss", focal, focal_formula, logits, bits, false },
    { "sigmoid_focal_loss without its factors", focal_plain, bce_formula, logits, bits, false },
    { "hinge_loss", hinge, hinge_formula, logits, signs, false },
    { "squared_hinge_loss", squared_hinge, squared_hinge_formula, logits, signs, false },
    { "kl_div", kl, kl_formula, logits, chance, false },
    { "kl_div with log_target", kl_log, kl_log_formula, logits, logarithms, false },
    { "poisson_nll_loss", poisson, poisson_formula, logits, positive, false },
    { "poisson_nll_loss of rates", poisson_rate, poisson_rate_formula, positive, chance, false },
    { "gaussian_nll_loss", gaussian, gaussian_formula, logits, values, false },
};

/* The weight of element e, as one of three shapes; 0: none. */
static double weight_at(int shape, int e) {
    return shape == 0 ? 1 : shape == 1 ? weights[e] : shape == 2 ? row_weights[e / COLS] : class_weights[e % COLS];
}

static tg_tensor weight_of(int shape) {
    if (shape == 0) return TG_NONE;
    return shape == 1 ? matrix(weights) : shape == 2 ? tg_input_f64(tape, row_weights, ROWS, 1) : tg_input_f64(tape, class_weights, 1, COLS);
}

static void check_reduction(const element_loss *l, int shape, tg_reduction reduction) {
    double loss[ALL], sum = 0, total = 0;
    for (int e = 0; e < ALL; e++) {
        loss[e] = weight_at(shape, e) * l->formula(l->x[e], l->t[e]);
        sum += loss[e], total += l->by_count ? 1 : weight_at(shape, e);
    }
    tg_begin(tape, NULL);
    const tg_tensor x = matrix(l->x), y = l->with(x, matrix(l->t), weight_of(shape), reduction);
    const double    one = reduction == TG_REDUCE_SUM ? sum : reduction == TG_REDUCE_BATCH_MEAN ? sum / ROWS : sum / total;
    same(l->name, y, reduction == TG_REDUCE_NONE ? loss : &one);
    ck_assert_int_eq(tg_rows(y), reduction == TG_REDUCE_NONE ? ROWS : 1);
    check_derivatives(l->name, reduction == TG_REDUCE_NONE ? tg_mean(tg_square(y)) : y, x);
}

START_TEST(losses_of_elements_follow_their_formulas) {
    for (size_t i = 0; i < sizeof element_losses / sizeof element_losses[0]; i++)
        for (int shape = 0; shape < 4; shape++)
            for (int r = TG_DEFAULT_REDUCTION; r <= TG_REDUCE_BATCH_MEAN; r++) check_reduction(&element_losses[i], shape, (tg_reduction)r);
}
END_TEST

START_TEST(losses_without_options_are_means) {
    tg_tensor (*const two[])(tg_tensor, tg_tensor) = { tg_mse_loss, tg_l1_loss, tg_huber_loss, tg_smooth_l1_loss, tg_binary_cross_entropy_with_logits,
                                                       tg_sigmoid_focal_loss, tg_hinge_loss, tg_squared_hinge_loss, tg_kl_div, tg_poisson_nll_loss };
    const double delta_1[3] = { 0.2, 1.7, 0.4 };
    for (size_t i = 0; i < sizeof two / sizeof two[0]; i++) {
        tg_begin(tape, NULL);
        const tg_tensor y = two[i](matrix(logits), matrix(bits));
        run_all(&y, 1);
        ck_assert(isfinite(tg_item(y)) && tg_rows(y) == 1 && tg_cols(y) == 1);
    }
    tg_begin(tape, NULL);
    const tg_tensor x = tg_input_f64(tape, delta_1, 1, 3), t = tg_input_f64(tape, (const double[]){ 0, 0, 0 }, 1, 3);
    same("huber_loss with delta 1", tg_huber_loss(x, t), (const double[]){ (0.02 + 1.2 + 0.08) / 3 });
    same("smooth_l1_loss with beta 1", tg_smooth_l1_loss(x, t), (const double[]){ (0.02 + 1.2 + 0.08) / 3 });
}
END_TEST

START_TEST(the_positive_side_has_a_weight) {
    double sum = 0;
    for (int e = 0; e < ALL; e++) sum += class_weights[e % COLS] * chance[e] * softplus(-logits[e]) + (1 - chance[e]) * softplus(logits[e]);
    tg_begin(tape, NULL);
    const tg_tensor x = matrix(logits);
    const tg_tensor y = tg_binary_cross_entropy_with_logits_with(x, matrix(chance), &(tg_binary_cross_entropy_options){
                                                                     .pos_weight = tg_input_f64(tape, class_weights, 1, COLS) });
    same("pos_weight", y, (const double[]){ sum / ALL });
    check_derivatives("pos_weight", y, x);
}
END_TEST

/* ---- classes: every combination ---- */

typedef struct class_case {
    bool    weight, sample_weight, ignore, distribution, log;
    double  smoothing;
    int32_t ignored;
} class_case;

static const int32_t labels[ROWS] = { 2, 0, 1, 0 };

/* As torch.nn.functional.cross_entropy says, sample weights apart. Returns what a mean divides by. */
static double rows_by_hand(const class_case *k, const int32_t y[ROWS], double loss[ROWS]) {
    double total = 0;
    for (int i = 0; i < ROWS; i++) {
        const double s   = k->sample_weight ? row_weights[i] : 1;
        double       sum = 0, all = 0, target = 0;
        for (int j = 0; j < COLS; j++) sum += exp(logits[i * COLS + j]);
        loss[i] = 0;
        if (k->ignore && y[i] == k->ignored) continue;
        for (int j = 0; j < COLS; j++) {
            const double w = k->weight ? class_weights[j] : 1, p = k->log ? -logits[i * COLS + j] : log(sum) - logits[i * COLS + j];
            const double t = chance[i * COLS + j];
            all += w * p;
            target += k->distribution ? w * p * (t * (1 - k->smoothing) + k->smoothing / COLS) : j == y[i] ? w * p : 0;
        }
        loss[i] = s * (k->distribution ? target : (1 - k->smoothing) * target + k->smoothing / COLS * all);
        total += s * (k->weight && !k->distribution ? class_weights[y[i]] : 1);
    }
    return total;
}

static tg_tensor class_loss(const class_case *k, tg_tensor x, const int32_t y[ROWS], tg_reduction r) {
    const tg_tensor w = k->weight ? tg_input_f64(tape, class_weights, 1, COLS) : TG_NONE;
    const tg_tensor s = k->sample_weight ? tg_input_f64(tape, row_weights, ROWS, 1) : TG_NONE;
    if (k->log)
        return tg_nll_loss_with(x, tg_labels(tape, y, ROWS), &(tg_nll_loss_options){ w, s, k->ignore, k->ignored, r });
    return tg_cross_entropy_with(x, k->distribution ? matrix(chance) : tg_labels(tape, y, ROWS),
                                 &(tg_cross_entropy_options){ .weight = w, .sample_weight = s, .label_smoothing = k->smoothing, .ignore = k->ignore,
                                                              .ignore_index = k->ignored, .reduction = r });
}

static void check_classes(const class_case *k, const int32_t y[ROWS]) {
    double       loss[ROWS], sum = 0;
    const double total = rows_by_hand(k, y, loss);
    for (int i = 0; i < ROWS; i++) sum += loss[i];
    for (int r = TG_DEFAULT_REDUCTION; r <= TG_REDUCE_BATCH_MEAN; r++) {
        tg_begin(tape, NULL);
        const tg_tensor x = matrix(logits), l = class_loss(k, x, y, (tg_reduction)r);
        const double    one = r == TG_REDUCE_SUM ? sum : r == TG_REDUCE_BATCH_MEAN ? sum / ROWS : sum / total;
        same("cross-entropy", l, r == TG_REDUCE_NONE ? loss : &one);
        check_derivatives("cross-entropy", r == TG_REDUCE_NONE ? tg_mean(tg_square(l)) : l, x);
    }
}

START_TEST(losses_of_classes_combine_as_in_pytorch) {
    static const double smoothings[] = { 0, 0.1, 1 };
    for (int mask = 0; mask < 32; mask++)
        for (int e = 0; e < 3; e++) {
            class_case k = { .weight = mask & 1, .sample_weight = mask & 2, .ignore = mask & 4, .distribution = mask & 8, .log = mask & 16,
                             .smoothing = smoothings[e], .ignored = 0 };
            if ((k.distribution && (k.ignore || k.log)) || (k.log && e > 0)) continue;
            check_classes(&k, labels);
        }
}
END_TEST

/* -100, and a class of its own, which its logits do not reach */
START_TEST(an_ignored_label_may_be_out_of_range) {
    const int32_t y[ROWS] = { 2, -100, 1, -100 };
    for (int log = 0; log < 2; log++)
        for (int weight = 0; weight < 2; weight++)
            check_classes(&(class_case){ .weight = weight, .ignore = true, .ignored = -100, .log = log, .smoothing = log ? 0 : 0.2 }, y);
}
END_TEST

START_TEST(a_label_out_of_range_that_is_not_ignored_is_named) {
    const int32_t y[ROWS] = { 2, -100, 3, 0 };
    tg_begin(tape, NULL);
    const tg_tensor l = tg_cross_entropy_with(matrix(logits), tg_labels(tape, y, ROWS),
                                              &(tg_cross_entropy_options){ .ignore = true, .ignore_index = -100 });
    ck_assert_int_eq(tg_run(l), TG_OUT_OF_RANGE);
    ck_assert_ptr_nonnull(strstr(tg_tape_error(tape), "label 3 in row 2 is not in [0, 3)"));
}
END_TEST

/* Whatever the ignored rows hold. */
START_TEST(rows_that_are_ignored_count_for_nothing) {
    double        wild[ALL];
    double        got[ALL];
    const int32_t y[ROWS] = { 2, -1, 1, -1 };
    memcpy(wild, logits, sizeof wild);
    for (int j = 0; j < COLS; j++) wild[COLS + j] = NAN, wild[3 * COLS + j] = j == 0 ? INF : -INF;
    for (int type = TG_F32; type <= TG_F64; type++) {
        tg_tape        *other = tg_tape_new(&(tg_tape_options){ .type = (tg_type)type });
        const tg_tensor x = tg_input_f64(other, wild, ROWS, COLS);
        const tg_tensor l = tg_cross_entropy_with(x, tg_labels(other, y, ROWS), &(tg_cross_entropy_options){
                                                      .label_smoothing = 0.1, .ignore = true, .ignore_index = -1 });
        const tg_tensor g = tg_grad(l, x);
        ck_assert_int_eq(tg_run_many((const tg_tensor[]){ l, g }, 2), TG_OK);
        ck_assert(isfinite(tg_item(l)));
        ck_assert_int_eq(tg_read_f64(g, got), TG_OK);
        for (int e = 0; e < ALL; e++) ck_assert_msg((e / COLS) % 2 == 1 ? got[e] == 0 : isfinite(got[e]) && got[e] != 0, "%d: %g", e, got[e]);
        tg_tape_free(other);
    }
}
END_TEST

static void expect_nothing(tg_tensor x, tg_tensor l) {
    double          got[ALL];
    const tg_tensor g = tg_grad(l, x);
    run_all((const tg_tensor[]){ l, g }, 2);
    ck_assert_double_eq(tg_item(l), 0);
    ck_assert_int_eq(tg_read_f64(g, got), TG_OK);
    for (int e = 0; e < ALL; e++) ck_assert_double_eq(got[e], 0);
}

START_TEST(a_batch_without_weight_has_loss_zero) {
    const int32_t y[ROWS]    = { 1, 1, 1, 1 };
    const double  zeros[ALL] = { 0 };
    for (int k = 0; k < 5; k++) {
        tg_begin(tape, NULL);
        const tg_tensor x = matrix(logits), t = tg_labels(tape, y, ROWS), w = tg_input_f64(tape, class_weights, 1, COLS);
        switch (k) {
        case 0: expect_nothing(x, tg_cross_entropy_with(x, t, &(tg_cross_entropy_options){ .ignore = true, .ignore_index = 1 })); break;
        case 1: expect_nothing(x, tg_cross_entropy_with(x, t, &(tg_cross_entropy_options){ .ignore = true, .ignore_index = 1, .weight = w,
                                                                                            .label_smoothing = 0.1 })); break;
        case 2: expect_nothing(x, tg_nll_loss_with(x, t, &(tg_nll_loss_options){ .ignore = true, .ignore_index = 1 })); break;
        case 3: expect_nothing(x, tg_cross_entropy_with(x, t, &(tg_cross_entropy_options){
                                                            .sample_weight = tg_input_f64(tape, zeros, ROWS, 1) })); break;
        case 4: expect_nothing(x, tg_l1_loss_with(x, matrix(values), &(tg_loss_options){ .weight = matrix(zeros) })); break;
        }
    }
}
END_TEST

/* ---- embeddings ---- */

static double dot(const double *x, const double *y) { return x[0] * y[0] + x[1] * y[1] + x[2] * y[2]; }
static double cosine(int i) {
    const double *x = logits + i * COLS, *y = values + i * COLS;
    return dot(x, y) / sqrt(dot(x, x) * dot(y, y));
}

static double apart(const double *x, const double *y, double eps) {
    double sum = 0;
    for (int j = 0; j < COLS; j++) sum += (x[j] - y[j] + eps) * (x[j] - y[j] + eps);
    return sqrt(sum);
}

START_TEST(cosines_and_their_loss) {
    const double target[ROWS] = { 1, -1, 1, -1 };
    double       similar[ROWS], loss[ROWS], sum = 0, total = 0;
    for (int i = 0; i < ROWS; i++) {
        similar[i] = cosine(i);
        loss[i]    = row_weights[i] * (target[i] > 0 ? 1 - similar[i] : fmax(similar[i] - 0.1, 0));
        sum += loss[i], total += row_weights[i];
    }
    tg_begin(tape, NULL);
    const tg_tensor x = matrix(logits), y = matrix(values), t = tg_input_f64(tape, target, ROWS, 1), w = tg_input_f64(tape, row_weights, ROWS, 1);
    same("cosine_similarity", tg_cosine_similarity(x, y, 0), similar);
    check_derivatives("cosine_similarity", tg_sum(tg_square(tg_cosine_similarity(x, y, 0))), x);
    same("cosine_embedding_loss", tg_cosine_embedding_loss(x, y, t, &(tg_cosine_embedding_loss_options){ .margin = 0.1, .weight = w }),
         (const double[]){ sum / total });
    same("cosine_embedding_loss", tg_cosine_embedding_loss(x, y, t, &(tg_cosine_embedding_loss_options){ .margin = 0.1, .weight = w,
                                                           .reduction = TG_REDUCE_NONE }), loss);
    check_derivatives("cosine_embedding_loss", tg_cosine_embedding_loss(x, y, tg_stop(t), NULL), x);
}
END_TEST

START_TEST(the_cosine_of_zeros_is_zero_with_derivative_zero) {
    const double zeros[ALL] = { 0 };
    tg_begin(tape, NULL);
    const tg_tensor x = matrix(zeros);
    expect_nothing(x, tg_sum(tg_cosine_similarity(x, matrix(zeros), 0)));
}
END_TEST

START_TEST(triplets_follow_their_formula) {
    for (int swap = 0; swap < 2; swap++) {
        double loss[ROWS], sum = 0;
        for (int i = 0; i < ROWS; i++) {
            const double *a = logits + i * COLS, *p = values + i * COLS, *n = positive + i * COLS;
            const double  far = swap ? fmin(apart(a, n, 1e-6), apart(p, n, 1e-6)) : apart(a, n, 1e-6);
            loss[i] = fmax(apart(a, p, 1e-6) - far + 1, 0);
            sum += loss[i];
        }
        tg_begin(tape, NULL);
        const tg_tensor                      a = matrix(logits), p = matrix(values), n = matrix(positive);
        const tg_triplet_margin_loss_options o = { .swap = swap }, each = { .swap = swap, .reduction = TG_REDUCE_NONE };
        same("triplet_margin_loss", tg_triplet_margin_loss(a, p, n, &o), (const double[]){ sum / ROWS });
        same("triplet_margin_loss", tg_triplet_margin_loss(a, p, n, &each), loss);
        check_derivatives("triplet_margin_loss", tg_triplet_margin_loss(a, p, n, &o), a);
    }
    const double zeros[ALL] = { 0 };
    tg_begin(tape, NULL);
    const tg_tensor x = matrix(zeros), l = tg_triplet_margin_loss(x, x, x, &(tg_triplet_margin_loss_options){ .eps = TG_ZERO, .margin = 0.5 });
    const tg_tensor g = tg_grad(l, x);
    run_all((const tg_tensor[]){ l, g }, 2);
    ck_assert_double_eq(tg_item(l), 0.5);
    same("derivative of the norm of zeros", g, zeros);
    const double                         apart_by_3_tenths[COLS] = { 0, 0.3, 0 };
    const tg_triplet_margin_loss_options exact                   = { .eps = TG_ZERO, .margin = 0.5 };
    const tg_tensor near_by = tg_input_f64(tape, zeros, 1, COLS), away = tg_input_f64(tape, apart_by_3_tenths, 1, COLS);
    same("a distance of 0", tg_triplet_margin_loss(near_by, near_by, away, &exact), (const double[]){ 0.2 });
}
END_TEST

/* ---- tails, kinks, and zero times infinity ---- */

typedef struct special {
    const char *name;
    tg_tensor (*loss)(tg_tensor x, tg_tensor t);
    double x, t, value, slope;
} special;

static tg_tensor bce_none(tg_tensor x, tg_tensor t) { return bce(x, t, TG_NONE, TG_REDUCE_SUM); }
static tg_tensor kl_logs(tg_tensor x, tg_tensor t) { return kl_log(x, t, TG_NONE, TG_DEFAULT_REDUCTION); }
static tg_tensor poisson_of_rates(tg_tensor x, tg_tensor t) {
    return tg_poisson_nll_loss_with(x, t, &(tg_poisson_nll_loss_options){ .rate = true, .eps = TG_ZERO });
}

START_TEST(losses_at_special_values) {
    static const special specials[] = {
        { "bce", bce_none, 1e4, 1, 0, 0 },
        { "bce", bce_none, 1e4, 0, 1e4, 1 },
        { "bce", bce_none, -1e4, 1, 1e4, -1 },
        { "bce", bce_none, -1e4, 0, 0, 0 },
        { "bce", bce_none, INFINITY, 1, 0, 0 },
        { "bce", bce_none, -INFINITY, 0, 0, 0 },
        { "bce", bce_none, -INFINITY, 1, INFINITY, -1 },
        { "focal", tg_sigmoid_focal_loss, 1e4, 1, 0, 0 },
        { "focal", tg_sigmoid_focal_loss, -1e4, 1, 2500, -0.25 },
        { "focal", tg_sigmoid_focal_loss, 1e4, 0, 7500, 0.75 },
        { "focal", tg_sigmoid_focal_loss, -1e4, 0, 0, 0 },
        { "l1", tg_l1_loss, 2, 2, 0, 0 },
        { "l1", tg_l1_loss, -1e4, 2, 10002, -1 },
        { "huber", tg_huber_loss, 2, 2, 0, 0 },
        { "huber", tg_huber_loss, 3, 2, 0.5, 1 },
        { "huber", tg_huber_loss, -1e4, 0, 9999.5, -1 },
        { "huber", tg_huber_loss, INFINITY, 0, INFINITY, 1 },
        { "smooth_l1", tg_smooth_l1_loss, 1e4, 0, 9999.5, 1 },
        { "hinge", tg_hinge_loss, 1, 1, 0, 0 },
        { "hinge", tg_hinge_loss, -1e4, 1, 10001, -1 },
        { "squared_hinge", tg_squared_hinge_loss, -1, -1, 0, 0 },
        { "squared_hinge", tg_squared_hinge_loss, 1e4, 1, 0, 0 },
        { "kl", tg_kl_div, -INFINITY, 0, 0, 0 },
        { "kl", tg_kl_div, -1e4, 0, 0, 0 },
        { "kl", tg_kl_div, -1e4, 1, 1e4, -1 },
        { "kl", tg_kl_div, -INFINITY, 1, INFINITY, -1 },
        { "kl of logarithms", kl_logs, -INFINITY, -INFINITY, 0, 0 },
        { "kl of logarithms", kl_logs, -3, -INFINITY, 0, 0 },
        { "poisson", tg_poisson_nll_loss, -INFINITY, 0, 0, 0 },
        { "poisson", tg_poisson_nll_loss, -1e4, 2, 2e4, -2 },
        { "poisson of rates", poisson_of_rates, 0.5, 0, 0.5, 1 },
    };
    for (size_t i = 0; i < sizeof specials / sizeof specials[0]; i++)
        for (int type = TG_F32; type <= TG_F64; type++) {
            const special  *s = &specials[i];
            tg_tape        *other = tg_tape_new(&(tg_tape_options){ .type = (tg_type)type });
            const tg_tensor x = tg_input_f64(other, &s->x, 1, 1), y = s->loss(x, tg_input_f64(other, &s->t, 1, 1)), g = tg_grad(y, x);
            ck_assert_int_eq(tg_run_many((const tg_tensor[]){ y, g }, 2), TG_OK);
            const double unit = type == TG_F64 ? DBL_EPSILON : (double)FLT_EPSILON;
            ck_assert_msg(tg_item(y) == s->value || fabs(tg_item(y) - s->value) <= 4 * unit * fabs(s->value), "%s at %g, %g is %.17g", s->name, s->x,
                          s->t, tg_item(y));
            ck_assert_msg(fabs(tg_item(g) - s->slope) <= 4 * unit, "slope of %s at %g, %g is %.17g", s->name, s->x, s->t, tg_item(g));
            tg_tape_free(other);
        }
}
END_TEST

/* The curvature at the middle is 1, though |d| has a kink there. */
/* d (w l) / dw = l also at w = 0; only an infinite l counts for nothing there. */
START_TEST(a_weight_of_zero_has_a_derivative) {
    const double    x[3] = { 2, -1, INF }, t[3] = { 0, 0, 0 }, w[3] = { 0, 3, 0 };
    double          by_weight[3];
    const tg_tensor weight = tg_input_f64(tape, w, 1, 3);
    const tg_tensor loss   = tg_mse_loss_with(tg_input_f64(tape, x, 1, 3), tg_input_f64(tape, t, 1, 3),
                                              &(tg_loss_options){ .weight = weight, .reduction = TG_REDUCE_SUM });
    const tg_tensor g      = tg_grad(loss, weight);
    run_all((const tg_tensor[]){ loss, g }, 2);
    ck_assert_int_eq(tg_read_f64(g, by_weight), TG_OK);
    near("the loss", tg_item(loss), 3);
    near("by a weight of zero", by_weight[0], 4);
    near("by a weight", by_weight[1], 1);
    near("by a weight of zero of an infinite loss", by_weight[2], 0);
}
END_TEST

/* Stirling's term begins above 1: below, no logarithm of the count reaches the derivative. */
START_TEST(a_count_of_zero_has_a_derivative) {
    const double x = 0.5, counts[2] = { 0, 3 };
    for (int k = 0; k < 2; k++) {
        tg_begin(tape, NULL);
        const tg_tensor t = tg_scalar_input(tape, &counts[k]);
        const tg_tensor loss = tg_poisson_nll_loss_with(tg_scalar_input(tape, &x), t, &(tg_poisson_nll_loss_options){ .full = true }), g = tg_grad(loss, t);
        run_all((const tg_tensor[]){ loss, g }, 2);
        near("by a count", tg_item(g), counts[k] == 0 ? -x : log(counts[k]) + 0.5 / counts[k] - x);
    }
}
END_TEST

START_TEST(hubers_loss_has_a_second_derivative_in_the_middle) {
    const double zero = 0;
    tg_begin(tape, NULL);
    const tg_tensor x = tg_input_f64(tape, &zero, 1, 1), y = tg_huber_loss(x, tg_constant(tape, 0));
    same("second derivative", tg_grad(tg_grad(y, x), x), (const double[]){ 1 });
}
END_TEST

START_TEST(impossible_classes) {
    const double  x[3] = { -INF, 0, 0 }, none[3] = { 0, 0.5, 0.5 }, some[3] = { 0.2, 0.4, 0.4 }, w[3] = { 0, 1, 1 };
    const int32_t y = 1;
    const double  slope[3] = { 0, -0.5, 0.5 }, flat[3] = { 0, 0, 0 };
    tg_begin(tape, NULL);
    const tg_tensor a = tg_input_f64(tape, x, 1, 3), weight = tg_input_f64(tape, w, 1, 3), t = tg_labels(tape, &y, 1);
    const tg_cross_entropy_options sum      = { .reduction = TG_REDUCE_SUM };
    const tg_cross_entropy_options weighted = { .weight = weight, .label_smoothing = 0.3, .reduction = TG_REDUCE_SUM };
    const tg_tensor label = tg_cross_entropy_with(a, t, &sum), free_class = tg_cross_entropy_with(a, tg_input_f64(tape, none, 1, 3), &sum);
    same("label", label, (const double[]){ log(2) });
    same("slope", tg_grad(label, a), slope);
    same("distribution", free_class, (const double[]){ log(2) });
    same("slope", tg_grad(free_class, a), flat);
    const tg_tensor smoothed = tg_cross_entropy_with(a, t, &weighted);
    same("smoothed, without weight", smoothed, (const double[]){ 0.7 * log(2) + 0.2 * log(2) });
    same("slope", tg_grad(smoothed, a), (const double[]){ 0, -0.35, 0.35 });
    const tg_tensor infinite = tg_cross_entropy_with(a, tg_input_f64(tape, some, 1, 3), &sum), g = tg_grad(infinite, a);
    run_all((const tg_tensor[]){ infinite, g }, 2);
    ck_assert(tg_item(infinite) == INF);
    same("slope", g, (const double[]){ -0.2, 0.1, 0.1 });
}
END_TEST

START_TEST(large_logits_of_classes) {
    const double  x[6] = { 1e4, -1e4, 1e4, -1e4, -1e4, 1e4 };
    const int32_t y[2] = { 1, 2 };
    tg_begin(tape, NULL);
    const tg_tensor a = tg_input_f64(tape, x, 2, 3);
    const tg_tensor l = tg_cross_entropy_with(a, tg_labels(tape, y, 2), &(tg_cross_entropy_options){ .reduction = TG_REDUCE_NONE });
    same("rows", l, (const double[]){ 2e4 + log(2), 0 });
    same("slope", tg_grad(tg_sum(l), a), (const double[]){ 0.5, -1, 0.5, 0, 0, 0 });
}
END_TEST

/* ---- what is refused ---- */

static void refused(const char *sentence, tg_status status) {
    ck_assert_msg(tg_tape_status(tape) == status, "%s: %s: %s", sentence, tg_status_name(tg_tape_status(tape)), tg_tape_error(tape));
    ck_assert_msg(strstr(tg_tape_error(tape), sentence) != NULL, "\"%s\" does not say \"%s\"", tg_tape_error(tape), sentence);
    tg_begin(tape, NULL);
}

START_TEST(shapes_that_would_broadcast_are_refused) {
    for (size_t i = 0; i < sizeof element_losses / sizeof element_losses[0]; i++) {
        const element_loss *l = &element_losses[i];
        tg_begin(tape, NULL);
        l->with(matrix(logits), tg_input_f64(tape, values, ROWS, 1), TG_NONE, TG_DEFAULT_REDUCTION);
        refused("target is [4,1] and must be [4,3] like the first operand; nothing is broadcast", TG_SHAPE_MISMATCH);
        l->with(matrix(logits), matrix(values), tg_input_f64(tape, weights, 1, 1), TG_REDUCE_SUM);
        refused("weight is [1,1] and must be [4,3], one for each row or one for each column", TG_SHAPE_MISMATCH);
        l->with(matrix(logits), matrix(values), TG_NONE, (tg_reduction)9);
        refused("there is no reduction 9", TG_BAD_ARGUMENT);
        l->with(matrix(logits), tg_labels(tape, labels, ROWS), TG_NONE, TG_DEFAULT_REDUCTION);
        refused("target holds integers and must hold numbers", TG_TYPE_MISMATCH);
    }
}
END_TEST

START_TEST(options_out_of_range_are_refused) {
    tg_begin(tape, NULL);
#define X matrix(logits)
#define T tg_labels(tape, labels, ROWS)
    tg_cross_entropy_with(X, T, &(tg_cross_entropy_options){ .label_smoothing = 1.5 });
    refused("tg_cross_entropy_with: label_smoothing = 1.5 is not from 0 to 1", TG_BAD_ARGUMENT);
    tg_cross_entropy_with(X, matrix(chance), &(tg_cross_entropy_options){ .ignore = true });
    refused("distributions have no label to ignore", TG_BAD_ARGUMENT);
    tg_cross_entropy_with(X, T, &(tg_cross_entropy_options){ .weight = tg_input_f64(tape, class_weights, COLS, 1) });
    refused("weight is [3,1] and must be [1,3]", TG_SHAPE_MISMATCH);
    tg_cross_entropy_with(X, T, &(tg_cross_entropy_options){ .sample_weight = tg_input_f64(tape, row_weights, 1, ROWS) });
    refused("sample_weight is [1,4] and must be [4,1]", TG_SHAPE_MISMATCH);
    tg_nll_loss(X, matrix(chance));
    refused("labels are integers", TG_TYPE_MISMATCH);
    tg_nll_loss(X, tg_labels(tape, labels, 2));
    refused("labels are [2,1] and must be [4,1], one for each row", TG_SHAPE_MISMATCH);
    tg_huber_loss_with(X, X, &(tg_huber_loss_options){ .delta = -1 });
    refused("delta = -1 must be positive", TG_BAD_ARGUMENT);
    tg_smooth_l1_loss_with(X, X, &(tg_smooth_l1_loss_options){ .beta = -1 });
    refused("beta = -1 is not from 0", TG_BAD_ARGUMENT);
    tg_sigmoid_focal_loss_with(X, X, &(tg_focal_loss_options){ .alpha = 2 });
    refused("alpha = 2 is not from 0 to 1", TG_BAD_ARGUMENT);
    tg_gaussian_nll_loss(X, X, tg_input_f64(tape, chance, ROWS, 1), NULL);
    refused("var is [4,1] and must be [4,3]", TG_SHAPE_MISMATCH);
    tg_cosine_embedding_loss(X, X, tg_input_f64(tape, signs, 1, ROWS), NULL);
    refused("target is [1,4] and must be [4,1]", TG_SHAPE_MISMATCH);
    tg_triplet_margin_loss(X, X, tg_input_f64(tape, logits, COLS, ROWS), NULL);
    refused("negative is [3,4] and must be [4,3]", TG_SHAPE_MISMATCH);
    tg_triplet_margin_loss(X, X, X, &(tg_triplet_margin_loss_options){ .margin = NAN });
    refused("margin = ", TG_BAD_ARGUMENT);
#undef X
#undef T
}
END_TEST

START_TEST(operands_that_are_not_given) {
    tg_tensor (*const two[])(tg_tensor, tg_tensor) = { tg_l1_loss, tg_huber_loss, tg_smooth_l1_loss, tg_sigmoid_focal_loss, tg_hinge_loss,
                                                       tg_squared_hinge_loss, tg_kl_div, tg_poisson_nll_loss, tg_nll_loss };
    for (size_t i = 0; i < sizeof two / sizeof two[0]; i++) {
        tg_begin(tape, NULL);
        ck_assert_uint_eq(two[i](TG_NONE, TG_NONE).id, 0);
        ck_assert_int_eq(tg_last_error(NULL), TG_NULL_ARGUMENT);
        ck_assert_uint_eq(two[i](matrix(logits), TG_NONE).id, 0);
        ck_assert_int_eq(tg_tape_status(tape), TG_NULL_ARGUMENT);
    }
    ck_assert_uint_eq(tg_cross_entropy_with(TG_NONE, TG_NONE, NULL).id, 0);
    ck_assert_uint_eq(tg_binary_cross_entropy_with_logits_with(TG_NONE, TG_NONE, NULL).id, 0);
    ck_assert_uint_eq(tg_mse_loss_with(TG_NONE, TG_NONE, NULL).id, 0);
    ck_assert_uint_eq(tg_gaussian_nll_loss(TG_NONE, TG_NONE, TG_NONE, NULL).id, 0);
    ck_assert_uint_eq(tg_cosine_similarity(TG_NONE, TG_NONE, 0).id, 0);
    ck_assert_uint_eq(tg_cosine_embedding_loss(TG_NONE, TG_NONE, TG_NONE, NULL).id, 0);
    ck_assert_uint_eq(tg_triplet_margin_loss(TG_NONE, TG_NONE, TG_NONE, NULL).id, 0);
    tg_last_error(NULL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("losses");
    TCase *cases = tcase_create("losses");
    const TTest *const tests[] = { losses_of_elements_follow_their_formulas, losses_without_options_are_means, the_positive_side_has_a_weight,
                                   losses_of_classes_combine_as_in_pytorch, an_ignored_label_may_be_out_of_range,
                                   a_label_out_of_range_that_is_not_ignored_is_named, rows_that_are_ignored_count_for_nothing,
                                   a_batch_without_weight_has_loss_zero, cosines_and_their_loss, the_cosine_of_zeros_is_zero_with_derivative_zero,
                                   triplets_follow_their_formula, losses_at_special_values,
                                   a_weight_of_zero_has_a_derivative, a_count_of_zero_has_a_derivative,
                                   hubers_loss_has_a_second_derivative_in_the_middle,
                                   impossible_classes, large_logits_of_classes, shapes_that_would_broadcast_are_refused,
                                   options_out_of_range_are_refused, operands_that_are_not_given };
    tcase_add_checked_fixture(cases, set_up, tear_down);
    suite_add_tcase(suite, cases);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) tcase_add_test(cases, tests[i]);
    return run_suite(suite);
}
