/* test_bugs.c - bugs that other programs of this kind have had, each named above the test that keeps it out of this one. docs/museum.md lists all. */
#include "support.h"
#include <math.h>
#include <tapegrad/tapegrad.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static tg_tape *new_tape(tg_type type) { return tg_tape_new(&(tg_tape_options){ .type = type }); }

static void run_all(const tg_tensor x[], int count) { ck_assert_msg(tg_run_many(x, count) == TG_OK, "%s", tg_tape_error(x[0].tape)); }

static void read(tg_tensor x, double *out) { ck_assert_msg(tg_read_f64(x, out) == TG_OK, "%s", tg_tape_error(x.tape)); }

/* ---- sums of cotangents ---- */

static bool is_plain_binary(const tg_op *op) { return op->arity == 2 && (op->flags & TG_OP_ELEMENTWISE) != 0 && op->attribute_size == 0; }

/* y = op(x, x) by x, against the sum of the derivatives by two leaves of the same value. */
static void expect_sum_of_uses(const tg_op *op) {
    static const double       at[3] = { 0.4, 0.7, 1.3 };
    const tg_gradients_options zeros = { .allow_unused = true };
    tg_tape                   *tape = new_tape(TG_F64);
    const tg_tensor            x = tg_input_f64(tape, at, 1, 3), apart[2] = { tg_input_f64(tape, at, 1, 3), tg_input_f64(tape, at, 1, 3) };
    tg_tensor                  g[3];
    double                     value[3][3];
    tg_gradients(tg_sum(tg_apply(tape, op, (const tg_tensor[]){ x, x }, 2, NULL)), TG_NONE, &x, 1, g, &zeros);
    tg_gradients(tg_sum(tg_apply(tape, op, apart, 2, NULL)), TG_NONE, apart, 2, g + 1, &zeros);
    run_all(g, 3);
    for (int k = 0; k < 3; k++) read(g[k], value[k]);
    for (int i = 0; i < 3; i++) ck_assert_msg(fabs(value[0][i] - (value[1][i] + value[2][i])) <= 4e-16, "%s: %.17g", op->name, value[0][i]);
    tg_tape_free(tape);
}

/* The second use of a value overwrote the derivative of the first, instead of adding to it. */
START_TEST(both_operands_of_one_op_are_one_value) {
    int tried = 0;
    for (int i = 0; i < tg_op_count(); i++) {
        if (!is_plain_binary(tg_op_at(i))) continue;
        expect_sum_of_uses(tg_op_at(i));
        tried++;
    }
    ck_assert_int_ge(tried, 10);
}
END_TEST

/* Which element of an operand of that shape meets element (i, j) of the value. */
static int64_t place_in(const int64_t shape[2], int64_t i, int64_t j) { return (shape[0] > 1 ? i : 0) * shape[1] + (shape[1] > 1 ? j : 0); }

/* The derivative by a number added to a matrix was the mean of the cotangent, where its sum was meant; or had the shape of the matrix. */
START_TEST(a_broadcast_operand_gets_the_sum) {
    static const int64_t shapes[4][2] = { { 3, 4 }, { 1, 4 }, { 3, 1 }, { 1, 1 } };
    double               x[12], y[12], w[12];
    for (int i = 0; i < 12; i++) x[i] = i - 5, y[i] = 2 * i + 1, w[i] = 3 - i;
    for (int pair = 0; pair < 32; pair++) {
        const int64_t *a = shapes[pair / 4 % 4], *b = shapes[pair % 4], rows = a[0] > b[0] ? a[0] : b[0], cols = a[1] > b[1] ? a[1] : b[1];
        const bool     product = pair >= 16;
        tg_tape       *tape = new_tape(TG_F64);
        tg_tensor      in = tg_input_f64(tape, x, a[0], a[1]), by = tg_input_f64(tape, y, b[0], b[1]);
        tg_tensor      out = product ? tg_mul(in, by) : tg_add(in, by), g = tg_grad(tg_sum(tg_mul(out, tg_input_f64(tape, w, rows, cols))), by);
        double         wanted[12] = { 0 }, got[12];
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < cols; j++)
                wanted[place_in(b, i, j)] += w[i * cols + j] * (product ? x[place_in(a, i, j)] : 1);
        ck_assert(tg_rows(g) == b[0] && tg_cols(g) == b[1]);
        run_all(&g, 1);
        read(g, got);
        for (int64_t i = 0; i < b[0] * b[1]; i++) ck_assert_double_eq(got[i], wanted[i]);
        tg_tape_free(tape);
    }
}
END_TEST

/* Each call for the gradient added to what the call before had left: 1, then 2, then 3. */
START_TEST(a_gradient_taken_again_is_the_same) {
    const double  at   = -3;
    tg_tape      *tape = new_tape(TG_F64);
    for (int step = 0; step < 3; step++) {
        tg_begin(tape, NULL);
        const tg_tensor x = tg_input_f64(tape, &at, 1, 1), y = tg_mul(tg_add(x, x), x), g[2] = { tg_grad(y, x), tg_grad(y, x) };
        for (int run = 0; run < 2; run++) {
            run_all(g, 2);
            ck_assert(tg_item(g[0]) == -12 && tg_item(g[1]) == -12);
        }
    }
    tg_tape_free(tape);
}
END_TEST

/* A part that needs no derivative was stepped over without its elements, so that the parts behind it got those of others. */
START_TEST(constant_parts_of_a_concat) {
    static const double at[3] = { 5, 6, 7 }, weights[8] = { 1, 2, 4, 8, 16, 32, 64, 128 };
    tg_tape            *tape = new_tape(TG_F64);
    for (int place = 0; place < 3; place++) {
        tg_begin(tape, NULL);
        tg_tensor parts[3], g[3], x = tg_input_f64(tape, at, 1, 3);
        double    got[3];
        for (int k = 0; k < 3; k++) parts[k] = k == place ? x : tg_input_f64(tape, at, 1, k == 0 || (k == 1 && place == 0) ? 2 : 3);
        const int64_t n = tg_cols(parts[0]) + tg_cols(parts[1]) + tg_cols(parts[2]), before = place == 0 ? 0 : place == 1 ? 2 : n - 3;
        const tg_tensor w = tg_input_f64(tape, weights, 1, n);
        g[0] = tg_grad(tg_sum(tg_mul(tg_concat(parts, 3), w)), x);
        g[1] = tg_grad(tg_sum(tg_mul(tg_concat_cols(parts, 3), w)), x);
        for (int k = 0; k < 3; k++) parts[k] = tg_transpose(parts[k]);
        g[2] = tg_grad(tg_sum(tg_mul(tg_concat_rows(parts, 3), tg_transpose(w))), x);
        run_all(g, 3);
        for (int k = 0; k < 3; k++) {
            read(g[k], got);
            for (int i = 0; i < 3; i++) ck_assert_double_eq(got[i], weights[before + i]);
        }
    }
    tg_tape_free(tape);
}
END_TEST

/* ---- rules ---- */

static int spied;

static tg_tensor spy_slope(tg_tensor x, tg_tensor g) {
    spied++;
    ck_assert_msg(g.tape != NULL && g.id != 0, "a rule is called without a cotangent");
    return tg_mul(g, tg_cos(x));
}

TG_MAP1(test_spy, sin(x), spy_slope(x, g))

/* Rules of users were called with a mark for zero in place of a cotangent, which they did not know. */
START_TEST(rules_never_see_a_zero_that_is_no_tensor) {
    static const double at[2] = { 0.5, 1.5 };
    tg_tape            *tape = new_tape(TG_F64);
    const tg_tensor     x = tg_input_f64(tape, at, 1, 2), y = test_spy(x), lone = test_spy(tg_square(x));
    const tg_tensor     zero[] = { tg_stop(y), tg_floor(y), tg_greater(y, x), tg_same(y, x) };
    for (int k = 0; k < COUNT(zero); k++) tg_keep(tg_grad(tg_sum(tg_add(x, zero[k])), x));
    ck_assert_int_eq(spied, 0);
    tg_keep(tg_grad(tg_sum(tg_add(tg_select(tg_stop(x), y, lone), tg_stop(lone))), x));
    ck_assert_int_eq(spied, 2);      /* both sides of a choice, once each */
    ck_assert_int_eq(tg_tape_status(tape), TG_OK);
    tg_tape_free(tape);
}
END_TEST

static void cube_f64(const tg_call *call) {
    for (int64_t i = call->row_begin; i < call->row_end; i++)
        for (int64_t j = 0; j < call->cols; j++) tg_output_row_f64(call, i)[j] = pow(tg_row_f64(call, 0, i)[j], 3);
}

/* An activation whose derivative was not known silently got that of the sigmoid. */
START_TEST(an_op_without_a_derivative_says_so) {
    static const tg_op cube = { .size = sizeof(tg_op), .name = "test_museum_cube", .arity = 1, .flags = TG_OP_ELEMENTWISE, .f64 = cube_f64 };
    const double       at = 2;
    tg_tape           *tape = new_tape(TG_F64);
    const tg_tensor    x = tg_input_f64(tape, &at, 1, 1), y = tg_apply(tape, &cube, &x, 1, NULL);
    run_all(&y, 1);
    ck_assert_double_eq(tg_item(y), 8);
    ck_assert_int_eq(tg_run(tg_grad(y, x)), TG_NO_DERIVATIVE);
    ck_assert_msg(strstr(tg_tape_error(tape), "test_museum_cube") != NULL, "%s", tg_tape_error(tape));
    tg_tape_free(tape);
}
END_TEST

static tg_tensor numbered(int k, tg_tensor x) {
    switch (k) {
        case 0: return tg_leaky_relu(x, 0.3);
        case 1: return tg_elu(x, 0.5);
        case 2: return tg_elu(x, 2);
        case 3: return tg_celu(x, 0.5);
        case 4: return tg_celu(x, 2);
        case 5: return tg_gaussian(tg_scale(x, 0.5));
        case 6: return tg_sin(tg_scale(x, 0.5));
        case 7: return tg_sigmoid(tg_scale(x, 3));
        case 8: return tg_pow_scalar(x, 3);
        case 9: return tg_clamp(x, -0.7, 0.9);
        case 10: return tg_threshold(x, 0.3, -2);
        case 11: return tg_lerp(x, tg_square(x), tg_constant(x.tape, 0.3));
        default: return tg_prelu(x, tg_constant(x.tape, 0.4));
    }
}

/* Derivatives had been tried with steepness 1 alone: at its default of 1/2 some were off by a factor of 2. */
START_TEST(numbers_of_activations_are_in_their_derivatives) {
    static const double at[6] = { -2.1, -0.6, -0.1, 0.2, 0.8, 1.7 }, weights[6] = { 1, -2, 3, 1.5, -0.5, 2 };
    for (int k = 0; k < 13; k++) {
        tg_tape        *tape = new_tape(TG_F64);
        const tg_tensor loss = tg_sum(tg_mul(numbered(k, tg_input_f64(tape, at, 1, 6)), tg_input_f64(tape, weights, 1, 6)));
        const char     *sentence;
        const tg_status status = tg_gradcheck(loss, NULL);
        tg_last_error(&sentence);
        ck_assert_msg(status == TG_OK, "%d: %s", k, sentence);
        tg_tape_free(tape);
    }
}
END_TEST

/* ---- special values ---- */

enum { ORDERS = 3 };

static void expect_saturated(const tg_op *op, double at, tg_type type, bool bounded) {
    tg_tape  *tape = new_tape(type);
    tg_tensor x = tg_input_f64(tape, &at, 1, 1), y[ORDERS + 1] = { tg_apply(tape, op, &x, 1, NULL) };
    const tg_gradients_options zeros = { .allow_unused = true };
    for (int order = 0; order < ORDERS; order++) tg_gradients(y[order], TG_NONE, &x, 1, &y[order + 1], &zeros);
    run_all(y, ORDERS + 1);
    for (int order = 0; order <= ORDERS; order++)
        ck_assert_msg(isfinite(tg_item(y[order])), "%s at %g: derivative %d is %g", op->name, at, order, tg_item(y[order]));
    ck_assert_msg(!bounded || fabs(tg_item(y[0])) <= 1, "%s(%g) = %.17g", op->name, at, tg_item(y[0]));
    tg_tape_free(tape);
}

/* A logistic function made of large exponentials was NaN, or beyond 1, for large x, and so were its slopes. */
START_TEST(saturated_activations_stay_in_range) {
    static const char *const names[] = { "tanh", "sigmoid", "erf", "softsign", "gaussian", "softplus", "log_sigmoid", "silu", "mish", "gelu",
                                         "gelu_tanh", "elu", "selu", "celu", "hard_sigmoid", "hard_swish" };
    static const double sizes[] = { 10, 20, 40, 88, 89, 100, 709, 710, 1e4, 1e30, 1e38 };
    for (int k = 0; k < COUNT(names); k++)
        for (int i = 0; i < 4 * COUNT(sizes); i++)
            expect_saturated(tg_op_find(names[k]), i % 2 == 0 ? sizes[i / 4] : -sizes[i / 4], i % 4 < 2 ? TG_F32 : TG_F64, k < 5);
}
END_TEST

/* A loss of probabilities, clamped, has no derivative where the net is certain and wrong. */
START_TEST(a_certain_mistake_has_a_gradient) {
    static const float   certain[2] = { 50, -50 }, wrong[2] = { 0, 1 }, logits[4] = { 60, -60, -60, 60 };
    static const int32_t labels[2] = { 1, 0 };
    tg_tape             *tape = new_tape(TG_F32);
    const tg_tensor      x = tg_input(tape, certain, 2, 1), z = tg_input(tape, logits, 2, 2);
    const tg_tensor      yes = tg_binary_cross_entropy_with_logits(x, tg_input(tape, wrong, 2, 1));
    const tg_tensor      one = tg_cross_entropy(z, tg_labels(tape, labels, 2));
    const tg_tensor      all[4] = { yes, one, tg_grad(yes, x), tg_grad(one, z) };
    double               g[4];
    run_all(all, 4);
    ck_assert(tg_item(yes) == 50 && tg_item(one) == 120);
    read(all[2], g);
    ck_assert(g[0] == 0.5 && g[1] == -0.5);
    read(all[3], g);
    ck_assert(g[0] == 0.5 && g[1] == -0.5 && g[2] == -0.5 && g[3] == 0.5);
    tg_tape_free(tape);
}
END_TEST

static void expect_close(double got, double wanted, double tolerance, double at) {
    ck_assert_msg(fabs(got - wanted) <= tolerance, "at %g: %.17g, not %.17g", at, got, wanted);
}

/* A value that is right has a slope that is not: e / (1 + e)^2 of a large e is NaN, and at 0 a maximum in the formula has slope 0 for 1/2.
 * Where a sigmoid s is small, every digit is right; where it is near 1, the slope s (1 - s) is as exact as s. */
START_TEST(second_derivatives_in_the_tails) {
    static const double sizes[] = { 0, 1e-8, 1, 20, 40, 88, 700 };
    static const double none = 0;
    for (int i = 0; i < 2 * COUNT(sizes); i++) {
        const double    at = i % 2 == 0 ? sizes[i / 2] : -sizes[i / 2], e = exp(-fabs(at));
        const double    s = (at > 0 ? 1 : e) / (1 + e), bend = e / ((1 + e) * (1 + e));
        tg_tape        *tape = new_tape(TG_F64);
        const tg_tensor x = tg_input_f64(tape, &at, 1, 1), pair = tg_concat((const tg_tensor[]){ x, tg_input_f64(tape, &none, 1, 1) }, 2);
        const tg_tensor y[4] = { tg_softplus(x), tg_log_sigmoid(x), tg_logsumexp(pair), tg_sigmoid(x) };
        const double    other = (at > 0 ? e : 1) / (1 + e), third = bend * (at > 0 ? -1 : 1) * (1 - e) / (1 + e);
        const double    wanted[4][2] = { { s, bend }, { other, -bend }, { s, bend }, { bend, third } };
        for (int k = 0; k < 4; k++) {
            const tg_tensor first = tg_grad(y[k], x), both[2] = { first, tg_grad(first, x) };
            run_all(both, 2);
            const bool small = fabs(at) >= 1 && (at > 0) == (k == 1);
            for (int order = 0; order < 2; order++)
                expect_close(tg_item(both[order]), wanted[k][order], small ? 4e-15 * fabs(wanted[k][order]) : 1.2e-16, at);
        }
        tg_tape_free(tape);
    }
}
END_TEST

/* What a mask hides was multiplied by zero, and infinity times zero is NaN. */
START_TEST(what_is_not_taken_is_not_seen) {
    const double    at[4] = { 1, HUGE_VAL, NAN, -HUGE_VAL }, take[4] = { 1, 0, 0, 0 };
    double          y[4], g[4];
    tg_tape        *tape = new_tape(TG_F64);
    tg_begin(tape, &(tg_begin_options){ .training = true });
    const tg_tensor x = tg_input_f64(tape, at, 1, 4), chosen = tg_select(tg_input_f64(tape, take, 1, 4), x, tg_constant(tape, 3));
    const tg_tensor cut = tg_dropout(tg_input_f64(tape, at + 1, 1, 1), 1), flat = tg_relu(tg_input_f64(tape, at + 3, 1, 1));
    const tg_tensor all[4] = { chosen, tg_grad(tg_sum(tg_square(chosen)), x), cut, flat };
    run_all(all, 4);
    read(chosen, y);
    read(all[1], g);
    for (int i = 0; i < 4; i++) ck_assert(y[i] == (i == 0 ? 1 : 3) && g[i] == (i == 0 ? 2 : 0));
    ck_assert(tg_item(cut) == 0 && tg_item(flat) == 0);
    tg_tape_free(tape);
}
END_TEST

int main(void) {
    return RUN_TESTS("bugs", both_operands_of_one_op_are_one_value, a_broadcast_operand_gets_the_sum, a_gradient_taken_again_is_the_same,
                     constant_parts_of_a_concat, rules_never_see_a_zero_that_is_no_tensor, an_op_without_a_derivative_says_so,
                     numbers_of_activations_are_in_their_derivatives, saturated_activations_stay_in_range, a_certain_mistake_has_a_gradient,
                     second_derivatives_in_the_tails, what_is_not_taken_is_not_seen);
}
