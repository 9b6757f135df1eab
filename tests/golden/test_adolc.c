/* test_adolc.c - scalar programs against ADOL-C: gradient, Hessian and all third derivatives. */
#include "golden/fixture.h"

#define BOUND 1e-12

enum { MOST = 16 };

static tg_tensor sqrt_shift(tg_tensor x, double c) { return tg_sqrt(tg_shift(x, c)); }
static tg_tensor element(tg_tensor x, int64_t i) { return tg_view(x, i, 1, 1); }

/* ---- the programs of make_adolc.cpp, x [1, n] -> [1, 1] ---- */

/* One product after the other, on single elements. */
static tg_tensor speelpenning(tg_tensor x) {
    tg_tensor y = tg_constant(x.tape, 1);
    for (int64_t i = 0; i < tg_cols(x); i++) y = tg_mul(y, element(x, i));
    return y;
}

static tg_tensor rosenbrock(tg_tensor x) {
    const int64_t   n = tg_cols(x);
    const tg_tensor before = tg_slice_cols(x, 0, n - 1), after = tg_slice_cols(x, 1, n);
    const tg_tensor a = tg_shift(tg_neg(before), 1), b = tg_sub(after, tg_square(before));
    return tg_sum(tg_add(tg_square(a), tg_scale(tg_square(b), 100)));
}

static tg_tensor helmholtz(tg_tensor x) {
    static double b[MOST], a[MOST * MOST];
    const int64_t n = tg_cols(x);
    for (int64_t i = 0; i < n; i++) {
        b[i] = 0.01 * (double)(i + 1);
        for (int64_t j = 0; j < n; j++) a[i * n + j] = 1 / (double)(i + j + 1);
    }
    const double    root = sqrt(2);
    const tg_tensor bx   = tg_matmul_transposed(x, false, tg_input_f64(x.tape, b, 1, n), true);      /* [1, 1] */
    const tg_tensor xax  = tg_sum(tg_mul(tg_matmul(x, tg_input_f64(x.tape, a, n, n)), x));
    const tg_tensor logs = tg_log(tg_div(tg_shift(tg_scale(bx, 1 + root), 1), tg_shift(tg_scale(bx, 1 - root), 1)));
    const tg_tensor y    = tg_sum(tg_mul(x, tg_log(tg_div(x, tg_shift(tg_neg(bx), 1)))));
    return tg_sub(y, tg_mul(tg_div(xax, tg_scale(bx, sqrt(8))), logs));
}

static tg_tensor nested(tg_tensor x) {
    const int64_t   n    = tg_cols(x);
    const tg_tensor next = tg_concat_cols((const tg_tensor[]){ tg_slice_cols(x, 1, n), tg_slice_cols(x, 0, 1) }, 2);
    const tg_tensor up   = tg_mul(tg_exp(tg_sin(tg_mul(x, next))), sqrt_shift(tg_square(next), 1));
    const tg_tensor rest = tg_pow_scalar(tg_shift(tg_square(x), 1.5), 1.5);
    return tg_log(tg_sum(tg_add(tg_div(up, tg_shift(tg_cos(x), 2)), rest)));
}

static tg_tensor classes(tg_tensor x) {
    static const int32_t first = 0;
    return tg_add(tg_cross_entropy(x, tg_labels(x.tape, &first, 1)), tg_scale(tg_square(tg_sum(tg_softplus(x))), 1.0 / 8));
}

static tg_tensor net(tg_tensor w) {
    static const double x[8] = { 0.5, -1, 1.5, 0.25, -0.75, 2, -1.25, -0.5 }, t[4] = { 1, -0.5, 0.25, -1 };
    const tg_tensor     h = tg_tanh(tg_linear(tg_input_f64(w.tape, x, 4, 2), tg_view(w, 0, 2, 3), tg_view(w, 6, 1, 3)));
    return tg_mse_loss(tg_linear(h, tg_view(w, 9, 3, 1), tg_view(w, 12, 1, 1)), tg_input_f64(w.tape, t, 4, 1));
}

typedef struct program {
    const char *name;
    tg_tensor (*record)(tg_tensor x);
} program;

static const program programs[] = { { "speelpenning", speelpenning }, { "rosenbrock", rosenbrock }, { "helmholtz", helmholtz }, { "nested", nested },
                                    { "classes", classes }, { "net", net } };
enum { PROGRAMS = sizeof programs / sizeof *programs };

/* ---- all derivatives ---- */

static matrix x, value, gradient, hessian, third;

static void compare(tg_tensor got, const double *expected, int64_t count, double terms, const char *what) {
    double at[MOST];
    ck_assert_int_eq(tg_read_f64(got, at), TG_OK);
    const double off = difference(expected, at, count, terms);
    ck_assert_msg(off <= BOUND, "%s is off by %.3g: %.17g and not %.17g", what, off, at[0], expected[0]);
}

static tg_tensor derivative(tg_tensor y, tg_tensor by) {
    tg_tensor                  g;
    const tg_gradients_options unused = { .allow_unused = true };
    ck_assert_int_eq(tg_gradients(y, TG_NONE, &by, 1, &g, &unused), TG_OK);
    return g;
}

/* Rows are compared relative to the largest element of the whole matrix. */
static void check_program(tg_tape *tape, const program *p) {
    const int64_t n = x.cols;
    tg_tensor     rows[MOST], wanted[2 + MOST + MOST * MOST];
    int           count = 0;
    tg_begin(tape, NULL);
    const tg_tensor at = tg_input_f64(tape, x.at, 1, n), y = p->record(at), g = derivative(y, at);
    wanted[count++] = y;
    wanted[count++] = g;
    for (int64_t i = 0; i < n; i++) wanted[count++] = rows[i] = derivative(element(g, i), at);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) wanted[count++] = derivative(element(rows[i], j), at);
    ck_assert_msg(tg_run_many(wanted, count) == TG_OK, "%s: %s", p->name, tg_tape_error(tape));
    compare(y, value.at, 1, 0, p->name);
    compare(g, gradient.at, n, 0, p->name);
    const double largest[2] = { largest_of(hessian.at, n * n), largest_of(third.at, n * n * n) };
    for (int64_t i = 0; i < n; i++) compare(rows[i], hessian.at + i * n, n, largest[0], p->name);
    for (int64_t i = 0; i < n * n; i++) compare(wanted[2 + n + i], third.at + i * n, n, largest[1], p->name);
}

START_TEST(programs_have_the_derivatives_of_adolc) {
    fixture  f    = open_fixture("adolc.txt");
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    int      seen = 0, known = 0;
    for (; is_at(&f, "program"); seen++) {
        char name[WORD_LENGTH];
        read_text(&f, name, sizeof name);
        must_read(&f, "x", &x);
        must_read(&f, "value", &value);
        must_read(&f, "gradient", &gradient);
        must_read(&f, "hessian", &hessian);
        must_read(&f, "third", &third);
        for (int k = 0; k < PROGRAMS; k++)
            if (strcmp(programs[k].name, name) == 0) check_program(tape, &programs[k]), known++;
    }
    ck_assert_msg(*f.at == '\0', "adolc.txt goes on: %.40s", f.at);
    ck_assert_int_eq(seen, 8);
    ck_assert_int_eq(known, seen);
    tg_tape_free(tape);
    close_fixture(&f);
}
END_TEST

int main(void) { return RUN_TESTS("adolc", programs_have_the_derivatives_of_adolc); }
