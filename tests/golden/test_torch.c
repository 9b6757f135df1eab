/* test_torch.c - ops and losses against PyTorch: values, vjps, and the second order, which is the derivative of <vjp, v> by operands and cotangent.
 *
 * The bound is 1e-12 of the largest element of each matrix: PyTorch itself has no more digits than that in the small ones, where its formulas cancel.
 * Left out of the samples, because the choice is another one (docs/decisions.md): sign(NaN), silu at -inf, hard_swish at its kinks, gaussian_nll_loss
 * below eps, kl_div at t = 0. */
#include "golden/fixture.h"
#include "golden/torch_calls.h"

#define BOUND 1e-12

/* Ops without a fixture, and why. */
static const struct { const char *op, *reason; } lacking[] = {
    { "assign", "PyTorch's tensors are written in place" },
    { "bernoulli", "draws have other bits" },
    { "uniform", "draws have other bits" },
    { "normal", "draws have other bits" },
};
enum { LACKING = sizeof lacking / sizeof *lacking };

typedef struct problem {
    char    name[WORD_LENGTH];
    double  numbers[NUMBERS];
    int     number_count;
    int     count;                      /* of operands */
    char    kind[OPERANDS];             /* of each: 'i'n, 'f'ixed, inde'x', 'n'one */
    matrix  in[OPERANDS], out;
    int32_t index[OPERANDS][MATRIX_LARGEST];
    bool    has_first, has_second;
    matrix  u, v[OPERANDS], vjp[OPERANDS], second[OPERANDS], jvp;
} problem;

static problem given;

static bool read_operand(fixture *f) {
    const char *words[] = { "in", "fixed", "index", "none" };
    for (int w = 0; w < 4; w++) {
        if (!is_at(f, words[w])) continue;
        ck_assert_int_lt(given.count, OPERANDS);
        const int k = given.count++;
        given.kind[k] = "ifxn"[w];
        if (w == 3) next_word(f);
        else read_matrix(f, &given.in[k]);
        return true;
    }
    return false;
}

static void read_all(fixture *f, const char *word, matrix *m) {
    for (int k = 0; k < given.count; k++)
        if (given.kind[k] == 'i') must_read(f, word, &m[k]);
}

static bool read_problem(fixture *f) {
    if (!is_at(f, "case")) return false;
    read_text(f, given.name, sizeof given.name);
    memset(given.numbers, 0, sizeof given.numbers);
    given.number_count = is_at(f, "numbers") ? read_numbers(f, given.numbers, NUMBERS) : 0;
    given.count        = 0;
    while (read_operand(f)) {}
    must_read(f, "out", &given.out);
    given.has_first = is_at(f, "u");
    if (given.has_first) read_matrix(f, &given.u), read_all(f, "vjp", given.vjp);
    given.has_second = is_at(f, "v");
    if (given.has_second) read_all(f, "v", given.v), read_all(f, "second", given.second), must_read(f, "jvp", &given.jvp);
    return true;
}

/* ---- recording ---- */

static tg_tensor input_of(tg_tape *tape, int k) {
    const matrix *m = &given.in[k];
    if (given.kind[k] == 'n') return TG_NONE;
    if (given.kind[k] != 'x') return tg_input_f64(tape, m->at, m->rows, m->cols);
    for (int64_t e = 0; e < m->rows * m->cols; e++) given.index[k][e] = (int32_t)m->at[e];
    return tg_input_i32(tape, given.index[k], m->rows, m->cols);
}

static sample record(tg_tape *tape) {
    sample s = { .tape = tape, .count = given.count, .number_count = given.number_count };
    memcpy(s.numbers, given.numbers, sizeof s.numbers);
    for (int k = 0; k < given.count; k++) s.in[k] = input_of(tape, k);
    return s;
}

static double worst;      /* of all differences so far, relative to their bounds */

/* k is negative for values, whose bound is BOUND; derivatives may have one of their own. */
static void compare(const row *r, tg_tensor got, const matrix *expected, const char *what, int k) {
    static double at[MATRIX_LARGEST];
    const int64_t count = expected->rows * expected->cols;
    ck_assert_msg(tg_rows(got) == expected->rows && tg_cols(got) == expected->cols, "%s of %s: another shape", what, given.name);
    if (tg_shape_of(got).integer) {
        static int32_t integers[MATRIX_LARGEST];
        ck_assert_int_eq(tg_read_i32(got, integers), TG_OK);
        for (int64_t e = 0; e < count; e++) at[e] = integers[e];
    } else ck_assert_int_eq(tg_read_f64(got, at), TG_OK);
    const double off = difference(expected->at, at, count, r->terms), bound = r->bound > 0 && k >= 0 ? r->bound : BOUND;
    worst            = fmax(worst, off / bound);
    ck_assert_msg(off <= bound, "%s %d of %s (%g, %g; [%d,%d]) is off by %.3g: %.17g and not %.17g", what, k, given.name, given.numbers[0],
                  given.numbers[1], (int)expected->rows, (int)expected->cols, off, at[0], expected->at[0]);
}

/* ---- derivatives ---- */

typedef struct walks {
    int       count;                      /* of operands that have a derivative */
    int       number[OPERANDS];           /* of each among the operands */
    tg_tensor x[OPERANDS + 1], vjp[OPERANDS], second[OPERANDS + 1];
} walks;

static const tg_gradients_options unused = { .allow_unused = true };

static void record_second(tg_tape *tape, walks *w) {
    tg_tensor sum = tg_constant(tape, 0);
    for (int n = 0; n < w->count; n++) {
        const matrix *v = &given.v[w->number[n]];
        sum             = tg_add(sum, tg_sum(tg_mul(w->vjp[n], tg_input_f64(tape, v->at, v->rows, v->cols))));
    }
    ck_assert_int_eq(tg_gradients(sum, TG_NONE, w->x, w->count + 1, w->second, &unused), TG_OK);
}

static void record_walks(const sample *s, tg_tensor y, walks *w) {
    for (int k = 0; k < s->count; k++)
        if (given.kind[k] == 'i') w->x[w->count] = s->in[k], w->number[w->count++] = k;
    if (!given.has_first) return;
    const tg_tensor u = tg_input_f64(s->tape, given.u.at, given.u.rows, given.u.cols);
    ck_assert_msg(tg_gradients(y, u, w->x, w->count, w->vjp, &unused) == TG_OK, "%s: %s", given.name, tg_tape_error(s->tape));
    w->x[w->count] = u;
    if (given.has_second) record_second(s->tape, w);
}

static void check_problem(tg_tape *tape, const row *r) {
    tg_begin(tape, NULL);
    const sample    s = record(tape);
    const tg_tensor y = call_row(r, &s);
    walks           w = { 0 };
    record_walks(&s, y, &w);
    const int first = given.has_first ? w.count : 0, second = given.has_second ? w.count + 1 : 0;
    tg_tensor wanted[3 * OPERANDS + 2] = { y };
    for (int n = 0; n < first; n++) wanted[1 + n] = w.vjp[n];
    for (int n = 0; n < second; n++) wanted[1 + first + n] = w.second[n];
    ck_assert_msg(tg_run_many(wanted, 1 + first + second) == TG_OK, "%s: %s", given.name, tg_tape_error(tape));
    compare(r, y, &given.out, "value", -1);
    for (int n = 0; n < first; n++) compare(r, w.vjp[n], &given.vjp[w.number[n]], "vjp", n);
    for (int n = 0; n + 1 < second; n++) compare(r, w.second[n], &given.second[w.number[n]], "second derivative", n);
    if (second > 0) compare(r, w.second[w.count], &given.jvp, "jvp", 0);
}

/* ---- running statistics are variables ---- */

static void check_running(tg_tape *tape) {
    tg_params                *params  = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    const tg_variable_options options = { .state = true };
    tg_variable              *kept[2];
    for (int k = 0; k < 2; k++) {
        kept[k] = tg_variable_new(params, k == 0 ? "mean" : "var", 1, given.in[k + 1].cols, &options);
        ck_assert_int_eq(tg_variable_write_f64(kept[k], given.in[k + 1].at), TG_OK);
    }
    tg_begin(tape, NULL);
    const tg_tensor mean = tg_use(tape, kept[0]), var = tg_use(tape, kept[1]);
    const tg_tensor y = tg_batch_norm(input_of(tape, 0), mean, var, TG_NONE, TG_NONE, true, given.numbers[0], given.numbers[1]);
    ck_assert_msg(tg_run(y) == TG_OK, "%s", tg_tape_error(tape));
    for (int k = 0; k < 2; k++) {
        double        now[MATRIX_LARGEST];
        const int64_t cols = given.out.cols;
        ck_assert_int_eq(tg_variable_read_f64(kept[k], now), TG_OK);
        ck_assert_double_le(difference(given.out.at + k * cols, now, cols, 0), BOUND);
    }
    tg_tape_free(tape);
    tg_params_free(params);
}

/* ---- tests ---- */

static const row *find_row(const char *name) {
    for (int r = 0; r < TORCH_ROWS; r++)
        if (strcmp(torch_rows[r].name, name) == 0) return &torch_rows[r];
    return NULL;
}

static const char *op_of(const row *r) { return r->op != NULL ? r->op : r->name; }

static tg_tape *new_tape(void) {
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    ck_assert_ptr_nonnull(tape);
    return tape;
}

START_TEST(ops_and_losses_are_those_of_pytorch) {
    fixture  f    = open_fixture("torch.txt");
    tg_tape *tape = new_tape();
    int      seen = 0;
    for (; read_problem(&f); seen++) {
        const row *r = find_row(given.name);
        if (strcmp(given.name, "batch_norm_running") == 0) {
            check_running(new_tape());
            continue;
        }
        ck_assert_msg(r != NULL, "%s is in no row", given.name);
        check_problem(tape, r);
    }
    ck_assert_msg(*f.at == '\0', "torch.txt goes on: %.40s", f.at);
    ck_assert_int_gt(seen, 900);
    if (getenv("GOLDEN_VERBOSE") != NULL) fprintf(stderr, "torch: %d cases, largest difference %.2g of its bound\n", seen, worst);
    tg_tape_free(tape);
    close_fixture(&f);
}
END_TEST

/* Whether the tape has a node of that op before the derivatives. */
static bool is_recorded(const tg_tape *tape, const char *op) {
    for (uint32_t index = 1; index <= tg_node_count(tape); index++) {
        tg_node node;
        ck_assert_int_eq(tg_node_at(tape, index, &node), TG_OK);
        if (node.origin == 0 && strcmp(node.op->name, op) == 0) return true;
    }
    return false;
}

static int lacking_index(const char *op) {
    for (int k = 0; k < LACKING; k++)
        if (strcmp(lacking[k].op, op) == 0) return k;
    return -1;
}

START_TEST(each_op_has_a_fixture_or_a_reason) {
    enum { MOST = 256 };
    bool     covered[MOST] = { false };
    fixture  f             = open_fixture("torch.txt");
    tg_tape *tape          = new_tape();
    while (read_problem(&f)) {
        const row *r = find_row(given.name);
        if (r == NULL) continue;
        tg_begin(tape, NULL);
        const sample s = record(tape);
        call_row(r, &s);
        for (int k = 0; k < tg_op_count(); k++)
            if (strcmp(tg_op_at(k)->name, op_of(r)) == 0 && is_recorded(tape, op_of(r))) covered[k] = true;
    }
    ck_assert_int_lt(tg_op_count(), MOST);
    for (int k = 0; k < tg_op_count(); k++) {
        const char *name = tg_op_at(k)->name;
        const int   why  = lacking_index(name);
        ck_assert_msg(covered[k] || why >= 0, "%s has no fixture: add it to make_torch.py, or say why not", name);
        ck_assert_msg(!covered[k] || why < 0, "%s has a fixture, though the table says that %s", name, why < 0 ? "" : lacking[why].reason);
    }
    for (int k = 0; k < LACKING; k++) ck_assert_ptr_nonnull(tg_op_find(lacking[k].op));
    tg_tape_free(tape);
    close_fixture(&f);
}
END_TEST

int main(void) { return RUN_TESTS("torch", ops_and_losses_are_those_of_pytorch, each_op_has_a_fixture_or_a_reason); }
