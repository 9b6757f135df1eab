/* test_mpmath.c - functions of one number and three derivatives against 50 digits, tails included. */
#include "golden/fixture.h"
#include <float.h>

enum { POINTS = 200, ORDERS = 4 };

typedef struct function {
    char   name[WORD_LENGTH];
    double number;
    int    number_count;
    matrix x, order[ORDERS];
} function;

static function given;

static bool read_function(fixture *f) {
    if (!is_at(f, "function")) return false;
    read_text(f, given.name, sizeof given.name);
    given.number_count = is_at(f, "numbers") ? read_numbers(f, &given.number, 1) : 0;
    must_read(f, "x", &given.x);
    ck_assert_int_eq(given.x.cols, POINTS);
    for (int k = 0; k < ORDERS; k++) must_read(f, "order", &given.order[k]);
    return true;
}

static void record(tg_tape *tape, tg_tensor y[ORDERS]) {
    const tg_op *op = tg_op_find(given.name);
    ck_assert_msg(op != NULL, "no op %s", given.name);
    const tg_tensor x = tg_input_f64(tape, given.x.at, 1, POINTS);
    y[0] = tg_apply(tape, op, &x, 1, given.number_count > 0 ? &given.number : NULL);
    const tg_gradients_options unused = { .allow_unused = true };
    for (int k = 1; k < ORDERS; k++) ck_assert_int_eq(tg_gradients(tg_sum(y[k - 1]), TG_NONE, &x, 1, &y[k], &unused), TG_OK);
}

/* ---- bounds ---- */

/* Derivatives whose small values are differences of large ones, on purpose (docs/decisions.md): the largest error, not relative. */
static const struct { const char *name; double floor[ORDERS]; } rounded[] = {
    { "tanh", { 0, 4e-16, 6e-16, 1.2e-15 } },          /* 1 - y^2; measured 1.3e-16, 2.6e-16, 5.3e-16 */
    { "sigmoid", { 0, 3e-16, 3e-16, 3e-16 } },         /* y (1 - y); measured 1.5e-16 */
    { "softplus", { 0, 0, 3e-16, 3e-16 } },            /* whose derivative sigmoid is, as of the others */
    { "log_sigmoid", { 0, 0, 3e-16, 3e-16 } },
    { "silu", { 0, 0, 3e-16, 3e-16 } },
    { "gelu_tanh", { 0, 0, 2.3e-15, 2.7e-14 } },       /* measured 1.2e-15, 1.3e-14 */
};

static double floor_of(int k) {
    for (size_t r = 0; r < sizeof rounded / sizeof *rounded; r++)
        if (strcmp(rounded[r].name, given.name) == 0) return rounded[r].floor[k];
    return 0;
}

static double largest_near(int k) {
    double largest = 0;
    for (int e = 0; e < POINTS; e++)
        if (fabs(given.x.at[e]) < 8) largest = fmax(largest, fabs(given.order[k].at[e]));
    return largest;
}

/* Values: 1e-14 relative, and the condition |x f' / f| times the rounding of x, as for x^2 in an exponent. Derivatives: 1e-12 relative, in the tails
 * too; between -8 and 8, where they have zeros, a rounding or two of the largest one. */
static double bound_of(int k, int e) {
    const double f = fabs(given.order[k].at[e]), x = given.x.at[e];
    if (k == 0) return 1e-14 * f + DBL_EPSILON * fabs(x * given.order[1].at[e]) + DBL_MIN;
    return 1e-12 * f + (fabs(x) < 8 ? 2 * DBL_EPSILON * largest_near(k) : 0) + floor_of(k) + DBL_MIN;
}

static void compare(tg_tensor y, int k) {
    double at[POINTS];
    ck_assert_int_eq(tg_read_f64(y, at), TG_OK);
    for (int e = 0; e < POINTS; e++) {
        const double expected = given.order[k].at[e], off = fabs(at[e] - expected), bound = bound_of(k, e);
        ck_assert_msg(off <= bound, "derivative %d of %s(%g) at %.17g is off by %.3g, and may be by %.3g: %.17g and not %.17g", k, given.name,
                      given.number_count > 0 ? given.number : 0, given.x.at[e], off, bound, at[e], expected);
    }
}

START_TEST(functions_are_those_of_50_digits) {
    fixture  f    = open_fixture("mpmath.txt");
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    ck_assert_ptr_nonnull(tape);
    int functions = 0;
    for (; read_function(&f); functions++) {
        tg_tensor y[ORDERS];
        tg_begin(tape, NULL);
        record(tape, y);
        ck_assert_msg(tg_run_many(y, ORDERS) == TG_OK, "%s: %s", given.name, tg_tape_error(tape));
        for (int k = 0; k < ORDERS; k++) compare(y[k], k);
    }
    ck_assert_msg(*f.at == '\0', "mpmath.txt goes on: %.40s", f.at);
    ck_assert_int_ge(functions, 30);
    tg_tape_free(tape);
    close_fixture(&f);
}
END_TEST

/* Those of one operand that are no functions to differentiate: lines, steps, choices by a number, and the like. */
static const char *const plain[] = { "neg", "scale", "shift", "abs", "sign", "floor", "round", "clamp", "threshold", "stop", "clip_factor",
                                     "broadcast_to" };

static bool is_plain(const tg_op *op) {
    bool found = op->arity != 1 || !(op->flags & TG_OP_ELEMENTWISE);
    for (size_t p = 0; p < sizeof plain / sizeof *plain; p++) found = found || strcmp(plain[p], op->name) == 0;
    return found;
}

START_TEST(each_function_of_one_number_has_a_fixture) {
    enum { MOST = 256 };
    bool    covered[MOST] = { false };
    fixture f             = open_fixture("mpmath.txt");
    ck_assert_int_le(tg_op_count(), MOST);
    while (read_function(&f))
        for (int k = 0; k < tg_op_count(); k++) covered[k] = covered[k] || strcmp(given.name, tg_op_at(k)->name) == 0;
    for (int k = 0; k < tg_op_count(); k++)
        ck_assert_msg(covered[k] || is_plain(tg_op_at(k)), "%s is not in mpmath.txt: add it to make_mpmath.py", tg_op_at(k)->name);
    close_fixture(&f);
}
END_TEST

int main(void) { return RUN_TESTS("mpmath", functions_are_those_of_50_digits, each_function_of_one_number_has_a_fixture); }
