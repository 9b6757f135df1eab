/* test_op_check.c - tg_op_check: every op of the registry passes, and ops that are wrong in one way each are caught by the check that is for it. */
#include "support.h"
#include <math.h>
#include <stdio.h>
#include <tapegrad/tapegrad.h>

/* What tg_op_check says of an op, [status, report]; the caller frees the report. */
static tg_status check_into(const char *name, char **text) {
    size_t          bytes;
    FILE           *report = open_memstream(text, &bytes);
    const tg_status status = tg_op_check(name, report);
    fclose(report);
    return status;
}

static const char *last_line(const char *text) {
    const char *line = text;
    for (const char *p = text; *p != '\0'; p++)
        if (*p == '\n' && p[1] != '\0') line = p + 1;
    return line;
}

/* The report has the last line of each, and one for all. */
START_TEST(every_registered_op_passes) {
    char           *text, end[60];
    size_t          bytes;
    long            ops = 0, checks = 0;
    FILE           *report = open_memstream(&text, &bytes);
    const tg_status status = tg_op_check_all(report);
    fclose(report);
    ck_assert_msg(status == TG_OK, "%s", text);
    for (int i = 0; i < tg_op_count(); i++) {
        char start[100];
        snprintf(start, sizeof start, "%s%s: ", i > 0 ? "\n" : "", tg_op_at(i)->name);
        const char *line = strstr(text, start);
        for (; line != NULL && sscanf(line + strlen(start), "%ld checks, 0 failed", &checks) != 1;) line = strstr(line + 1, start);
        ck_assert_msg(line != NULL && checks > 1000, "%s: %ld checks", tg_op_at(i)->name, checks);
    }
    ck_assert_int_eq(sscanf(last_line(text), "%ld ops, %ld checks, ", &ops, &checks), 2);
    ck_assert_int_eq(ops, tg_op_count());
    snprintf(end, sizeof end, "%ld ops, %ld checks, 0 failed\n", ops, checks);
    ck_assert_str_eq(last_line(text), end);
    free(text);
}
END_TEST

/* ---- ops that are wrong ---- */

#define X(real, k, i) ((const real *)call->inputs[k].data + (i) * call->inputs[k].row_stride)
#define Y(real, i) ((real *)call->output + (i) * call->cols)
#define EACH_ROW for (int64_t i = call->row_begin; i < call->row_end; i++)
#define EACH_COLUMN for (int64_t j = 0; j < call->cols; j++)
#define RULE(name) static void name(const tg_application *a, tg_tensor g, tg_tensor cotangents[])

static void square_f64(const tg_call *call) { EACH_ROW EACH_COLUMN Y(double, i)[j] = X(double, 0, i)[j] * X(double, 0, i)[j]; }
static void cube_f64(const tg_call *call) { EACH_ROW EACH_COLUMN Y(double, i)[j] = pow(X(double, 0, i)[j], 3); }
static void copy_f64(const tg_call *call) { EACH_ROW EACH_COLUMN Y(double, i)[j] = X(double, 0, i)[j]; }
static void mul_f64(const tg_call *call) {
    EACH_ROW EACH_COLUMN Y(double, i)[j] = X(double, 0, i)[j * call->inputs[0].col_stride] * X(double, 1, i)[j * call->inputs[1].col_stride];
}

RULE(square_vjp) { cotangents[0] = tg_mul(g, tg_scale(a->inputs[0], 2)); }
RULE(pass_vjp) { (void)a, cotangents[0] = g; }
RULE(wrong_sign) { cotangents[0] = tg_mul(g, tg_scale(a->inputs[0], -2)); }
RULE(no_factor) { cotangents[0] = tg_mul(g, a->inputs[0]); }
RULE(square_stopped) { cotangents[0] = tg_mul(g, tg_stop(tg_scale(a->inputs[0], 2))); }
RULE(not_linear) { cotangents[0] = tg_mul(tg_mul(g, tg_shift(g, 1)), a->inputs[0]); }
RULE(shifted) { cotangents[0] = tg_shift(tg_mul(g, tg_scale(a->inputs[0], 2)), 1e-10); }
RULE(stopped_cotangent) { cotangents[0] = tg_mul(tg_stop(g), tg_scale(a->inputs[0], 2)); }
RULE(zero_vjp) { cotangents[0] = tg_scale(tg_mul(g, a->inputs[0]), 0); }
RULE(swapped) {
    cotangents[0] = tg_mul(g, a->inputs[0]);
    cotangents[1] = tg_mul(g, a->inputs[1]);
}

/* Right where both operands have the shape of the value: it takes the first elements of what should be summed. */
RULE(no_broadcast) {
    for (int k = 0; k < 2; k++) {
        const tg_shape shape = tg_shape_of(a->inputs[k]);
        cotangents[k] = tg_view(tg_mul(g, a->inputs[1 - k]), 0, shape.rows, shape.cols);
    }
}

/* Fails to be recorded where an operand is smaller. */
RULE(same_shapes) {
    const tg_tensor one = tg_constant(a->tape, 1);
    for (int k = 0; k < 2; k++) cotangents[k] = tg_axpy(one, tg_mul(g, a->inputs[1 - k]), tg_scale(a->inputs[k], 0));
}

/* x^3, whose slope 3 x^2 has the derivative 6 x, of which the derivative is lost. */
RULE(slope_vjp) { cotangents[0] = tg_mul(g, tg_scale(tg_stop(a->inputs[0]), 6)); }
static void slope_f64(const tg_call *call) { EACH_ROW EACH_COLUMN Y(double, i)[j] = 3 * X(double, 0, i)[j] * X(double, 0, i)[j]; }
static const tg_op slope_op = { .size = sizeof(tg_op), .name = "test_slope", .arity = 1, .flags = TG_OP_ELEMENTWISE, .f64 = slope_f64,
                               .vjp = slope_vjp };
RULE(cube_vjp) { cotangents[0] = tg_mul(g, tg_apply(a->tape, &slope_op, a->inputs, 1, NULL)); }

/* The last element of a row reads what is behind it, which in the last row is behind the operand. */
static void reads_on(const tg_call *call) { EACH_ROW EACH_COLUMN Y(double, i)[j] = X(double, 0, i)[j] + 0 * X(double, 0, i)[j + 1]; }
static void reads_first_row(const tg_call *call) { EACH_ROW EACH_COLUMN Y(double, i)[j] = X(double, 0, i)[j] + X(double, 0, 0)[0]; }
static void reads_first_column(const tg_call *call) { EACH_ROW EACH_COLUMN Y(double, i)[call->cols - 1 - j] = X(double, 0, i)[0] + 1; }
static void reads_its_output(const tg_call *call) { EACH_ROW EACH_COLUMN Y(double, i)[j] += X(double, 0, i)[j]; }
static void writes_on(const tg_call *call) {
    EACH_ROW for (int64_t j = 0; j <= call->cols; j++) Y(double, i)[j] = j < call->cols ? X(double, 0, i)[j] : 0;
}
static void writes_all_rows(const tg_call *call) {
    for (int64_t i = 0; i < call->rows; i++) EACH_COLUMN Y(double, i)[j] = X(double, 0, i)[j];
}
static void writes_its_operand(const tg_call *call) { EACH_ROW EACH_COLUMN Y(double, i)[j] = ((double *)X(double, 0, i))[j] += 1; }
static void pairs_of_columns(const tg_call *call) {
    EACH_ROW for (int64_t j = 0; j + 1 < call->cols; j += 2) Y(double, i)[j] = X(double, 0, i)[j], Y(double, i)[j + 1] = X(double, 0, i)[j + 1];
}
static void square_in_passes(const tg_call *call) {
    EACH_ROW EACH_COLUMN Y(double, i)[j] = 1;
    EACH_ROW EACH_COLUMN Y(double, i)[j] *= X(double, 0, i)[j] * X(double, 0, i)[j];
}
static void depends_on_the_cut(const tg_call *call) {
    EACH_ROW EACH_COLUMN Y(double, i)[j] = X(double, 0, i)[j] + (i == call->row_begin && i > 0 ? 1e-9 : 0);
}
static void wrong_tail(const tg_call *call) {      /* as of a vector loop of eight */
    EACH_ROW EACH_COLUMN Y(double, i)[j] = X(double, 0, i)[j] + (call->cols > 8 && j >= call->cols / 8 * 8 ? X(double, 0, i)[j - 1] : 0);
}
static void counts_calls(const tg_call *call) {
    static int calls;
    calls++;
    EACH_ROW EACH_COLUMN Y(double, i)[j] = X(double, 0, i)[j] + calls;
}
static void square_f32(const tg_call *call) { EACH_ROW EACH_COLUMN Y(float, i)[j] = X(float, 0, i)[j] * X(float, 0, i)[j] * 1.00001f; }
static void step_f64(const tg_call *call) { EACH_ROW EACH_COLUMN Y(double, i)[j] = X(double, 0, i)[j] > 0; }
static void sawtooth_f64(const tg_call *call) { EACH_ROW EACH_COLUMN Y(double, i)[j] = fabs(remainder(X(double, 0, i)[j], 1e-5)); }

static void sum_rows_f64(const tg_call *call) {
    EACH_COLUMN Y(double, 0)[j] = 0;
    for (int64_t i = 0; i < call->inputs[0].rows; i++) EACH_COLUMN Y(double, 0)[j] += X(double, 0, i)[j];
}
static void sum_rows_f32(const tg_call *call) {
    EACH_COLUMN Y(float, 0)[j] = 0;
    for (int64_t i = 0; i < call->inputs[0].rows; i++) EACH_COLUMN Y(float, 0)[j] += X(float, 0, i)[j];
}
static void mean_of_a_part(const tg_call *call) {
    sum_rows_f64(call);
    EACH_COLUMN Y(double, 0)[j] /= (double)call->inputs[0].rows;
}

/* a b, whose update forgets the factor */
static void product_f64(const tg_call *call) {
    const tg_operand *x = &call->inputs[0], *y = &call->inputs[1];
    EACH_ROW EACH_COLUMN {
        double sum = 0;
        for (int64_t k = 0; k < x->cols; k++) sum += X(double, 0, i)[k] * X(double, 1, k)[j];
        Y(double, i)[j] = call->added != NULL ? ((const double *)call->added)[i * y->cols + j] + sum : sum;
    }
}
static tg_tensor product_expand(const tg_application *a) { return tg_matmul(a->inputs[0], a->inputs[1]); }

static tg_tensor expand_apart(const tg_application *a) { return tg_mul(a->inputs[0], tg_scale(a->inputs[0], 1 + 1e-11)); }
static tg_tensor simplify_wrongly(const tg_application *a) { return tg_scale(a->inputs[0], 2); }

static tg_status one_row(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count, (void)attributes, (void)why;
    *output = (tg_shape){ 1, in[0].cols, false };
    return TG_OK;
}
static tg_status one_more_row(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count, (void)attributes, (void)why;
    *output = (tg_shape){ in[0].rows + 1, in[0].cols, false };
    return TG_OK;
}
static tg_status product_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count, (void)attributes;
    *why    = "inner sizes differ";
    *output = (tg_shape){ in[0].rows, in[1].cols, false };
    return in[0].cols == in[1].rows ? TG_OK : TG_SHAPE_MISMATCH;
}
static bool product_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    example->shapes[0] = (tg_shape){ rows, 3, false };
    example->shapes[1] = (tg_shape){ 3, cols, false };
    return index == 0;
}

#define MAP .size = sizeof(tg_op), .arity = 1, .flags = TG_OP_ELEMENTWISE
#define ROWWISE .size = sizeof(tg_op), .arity = 1, .flags = TG_OP_ROWWISE

static const struct wrong { const char *check; tg_op op; } wrongs[] = {
    { "first derivative", { MAP, .name = "test_wrong_sign", .f64 = square_f64, .vjp = wrong_sign } },
    { "first derivative", { MAP, .name = "test_no_factor", .f64 = square_f64, .vjp = no_factor } },
    { "first derivative", { .size = sizeof(tg_op), .arity = 2, .flags = TG_OP_ELEMENTWISE, .name = "test_swapped", .f64 = mul_f64, .vjp = swapped } },
    { "first derivative",
      { .size = sizeof(tg_op), .arity = 2, .flags = TG_OP_ELEMENTWISE, .name = "test_no_broadcast", .f64 = mul_f64, .vjp = no_broadcast } },
    { "first derivative",
      { .size = sizeof(tg_op), .arity = 2, .flags = TG_OP_ELEMENTWISE, .name = "test_same_shapes", .f64 = mul_f64, .vjp = same_shapes } },
    { "second derivative", { MAP, .name = "test_square_stopped", .f64 = square_f64, .vjp = square_stopped } },
    { "third derivative", { MAP, .name = "test_cube", .f64 = cube_f64, .vjp = cube_vjp } },
    { "linear rule", { MAP, .name = "test_not_linear", .f64 = square_f64, .vjp = not_linear } },
    { "linear rule", { MAP, .name = "test_shifted", .f64 = square_f64, .vjp = shifted } },
    { "forward mode", { MAP, .name = "test_stopped_cotangent", .f64 = square_f64, .vjp = stopped_cotangent } },
    { "zero derivative", { MAP, .name = "test_step", .f64 = step_f64, .vjp = zero_vjp } },
    { "kinks", { MAP, .name = "test_sawtooth", .f64 = sawtooth_f64, .vjp = pass_vjp } },
    { "reads", { MAP, .name = "test_reads_on", .f64 = reads_on, .vjp = pass_vjp } },
    { "rows", { ROWWISE, .name = "test_reads_first_row", .f64 = reads_first_row, .vjp = pass_vjp } },
    { "elements", { MAP, .name = "test_reads_first_column", .f64 = reads_first_column, .vjp = pass_vjp } },
    { "elements", { MAP, .name = "test_wrong_tail", .f64 = wrong_tail, .vjp = pass_vjp } },
    { "complete", { MAP, .name = "test_reads_its_output", .f64 = reads_its_output, .vjp = pass_vjp } },
    { "complete", { MAP, .name = "test_pairs_of_columns", .f64 = pairs_of_columns, .vjp = pass_vjp } },
    { "writes", { MAP, .name = "test_writes_on", .f64 = writes_on, .vjp = pass_vjp } },
    { "writes", { MAP, .name = "test_writes_all_rows", .f64 = writes_all_rows, .vjp = pass_vjp } },
    { "writes", { MAP, .name = "test_writes_its_operand", .f64 = writes_its_operand, .vjp = pass_vjp } },
    { "in place", { MAP, .name = "test_square_in_passes", .f64 = square_in_passes, .vjp = square_vjp } },
    { "rows", { MAP, .name = "test_depends_on_the_cut", .f64 = depends_on_the_cut, .vjp = pass_vjp } },
    { "same bits", { MAP, .name = "test_counts_calls", .f64 = counts_calls, .vjp = pass_vjp } },
    { "f32", { MAP, .name = "test_square_f32", .f64 = square_f64, .f32 = square_f32, .vjp = square_vjp } },
    { "expand", { MAP, .name = "test_expand_apart", .f64 = square_f64, .expand = expand_apart, .vjp = square_vjp } },
    { "passes", { MAP, .name = "test_simplify", .f64 = square_f64, .vjp = square_vjp, .simplify = simplify_wrongly } },
    { "shape", { MAP, .name = "test_one_row", .f64 = copy_f64, .vjp = pass_vjp, .shape = one_row } },
    { "shape", { ROWWISE, .name = "test_one_more_row", .f64 = copy_f64, .vjp = pass_vjp, .shape = one_more_row } },
    { "sums",
      { .size = sizeof(tg_op), .arity = 1, .flags = TG_OP_ROW_SUM, .name = "test_mean_of_a_part", .f32 = sum_rows_f32, .f64 = mean_of_a_part,
        .vjp = pass_vjp, .shape = one_row } },
    { "parts",
      { .size = sizeof(tg_op), .arity = 1, .flags = TG_OP_ROW_SUM | TG_OP_CONTINUES, .name = "test_forgets_parts", .f32 = sum_rows_f32,
        .f64 = sum_rows_f64, .vjp = pass_vjp, .shape = one_row } },
    { "update",
      { .size = sizeof(tg_op), .arity = 2, .flags = TG_OP_PRODUCT, .name = "test_product", .f64 = product_f64, .expand = product_expand,
        .shape = product_shape, .example = product_example } },
    { "examples",
      { .size = sizeof(tg_op), .arity = 2, .flags = TG_OP_PRODUCT, .name = "test_no_example", .expand = product_expand, .shape = product_shape } },
    { "texts", { MAP, .name = "test_texts", .f64 = square_f64, .vjp = square_vjp, .text = "%0 * %1" } },
    { "texts", { MAP, .name = "test_tex", .f64 = square_f64, .vjp = square_vjp, .tex = "{%0^2" } },
};

static void check_wrong(const struct wrong *wrong) {
    char       *text, line[100];
    const char *sentence;
    ck_assert_int_eq(tg_register(&wrong->op), TG_OK);
    ck_assert_msg(check_into(wrong->op.name, &text) == TG_CHECK_FAILED, "%s passes:\n%s", wrong->op.name, text);
    snprintf(line, sizeof line, "%s: %s", wrong->op.name, wrong->check);
    ck_assert_msg(strstr(text, line) != NULL, "no line \"%s\" in\n%s", line, text);
    ck_assert_msg(strstr(last_line(text), " checks, ") != NULL && strstr(last_line(text), ", 0 failed") == NULL, "%s", last_line(text));
    ck_assert_int_eq(tg_last_error(&sentence), TG_CHECK_FAILED);
    ck_assert_ptr_nonnull(strstr(sentence, wrong->op.name));
    if (getenv("TAPEGRAD_SHOW") != NULL) fprintf(stderr, "%s\n", text);
    free(text);
}

/* A check that passes because both derivatives are zero, or that tries one shape only, finds nothing. */
START_TEST(wrong_ops_are_caught_by_the_check_that_is_for_them) {
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) check_wrong(&wrongs[i]);
    ck_assert_int_eq(tg_op_check_all(NULL), TG_CHECK_FAILED);
}
END_TEST

/* ---- what is not wrong ---- */

TG_MAP1(test_bent, (sqrt(x * x + 1) - 1) / 2 + x, tg_mul(g, tg_shift(tg_div(tg_scale(x, 0.5), tg_sqrt(tg_shift(tg_square(x), 1))), 1)),
        .tex = "\\tfrac12(\\sqrt{%0^2+1}-1)+%0")

static const tg_op expanded_op = { .size = sizeof(tg_op), .name = "test_expanded", .arity = 2, .expand = product_expand, .shape = product_shape,
                                   .example = product_example };
static const tg_op no_rule_op = { MAP, .name = "test_no_rule", .f64 = square_f64 };

/* Its slope has no derivative of its own, and it says so. */
static const tg_op once_slope_op = { MAP, .name = "test_once_slope", .f64 = slope_f64 };
RULE(once_vjp) { cotangents[0] = tg_mul(g, tg_apply(a->tape, &once_slope_op, a->inputs, 1, NULL)); }
static bool once_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    (void)rows, (void)cols;
    example->orders = 1;
    return index == 0;
}
static const tg_op once_op = { MAP, .name = "test_once", .f64 = cube_f64, .vjp = once_vjp, .example = once_example };

START_TEST(ops_of_users_pass) {
    const tg_op *const ops[] = { &test_bent_op, &expanded_op, &no_rule_op, &once_op };
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        char *text;
        ck_assert_int_eq(tg_register(ops[i]), TG_OK);
        ck_assert_msg(check_into(ops[i]->name, &text) == TG_OK, "%s", text);
        ck_assert((strstr(text, "it has no rule, and no derivative was checked") != NULL) == (ops[i] == &no_rule_op));
        free(text);
    }
}
END_TEST

/* ---- failures that are not the op's ---- */

START_TEST(names_and_reports_that_do_not_do) {
    const char *sentence;
    ck_assert_int_eq(tg_op_check(NULL, NULL), TG_NULL_ARGUMENT);
    tg_last_error(NULL);
    ck_assert_int_eq(tg_op_check("no_such_op", NULL), TG_UNKNOWN_NAME);
    ck_assert_int_eq(tg_last_error(&sentence), TG_UNKNOWN_NAME);
    ck_assert_ptr_nonnull(strstr(sentence, "\"no_such_op\""));
    ck_assert_int_eq(tg_op_check("neg", NULL), TG_OK);
    ck_assert_int_eq(tg_last_error(NULL), TG_OK);
    FILE *full = fopen("/dev/full", "w");
    if (full == NULL) return;
    ck_assert_int_eq(tg_op_check("neg", full), TG_CANNOT_WRITE);
    ck_assert_int_eq(tg_last_error(NULL), TG_CANNOT_WRITE);
    fclose(full);
}
END_TEST

START_TEST(no_memory_is_no_failure_of_the_op) {
    static const char *const names[] = { "mul", "cross_entropy" };
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++)
        for (long k = 0; k < 3000; k = k < 250 ? k + 1 : k + 397) {
            test_memory memory = { .calls_left = k };
            ck_assert_int_eq(tg_set_allocator(test_allocate, &memory), TG_OK);
            const tg_status status = tg_op_check(names[n], NULL);
            ck_assert_msg(status == TG_OUT_OF_MEMORY, "%s, allocation %ld: %s", names[n], k, tg_status_name(status));
            ck_assert_msg(memory.held == 0, "%s, allocation %ld: %ld blocks leak", names[n], k, memory.held);
            ck_assert_int_eq(tg_set_allocator(NULL, NULL), TG_OK);
            tg_last_error(NULL);
        }
}
END_TEST

int main(void) {
    return RUN_TESTS("op_check", every_registered_op_passes, wrong_ops_are_caught_by_the_check_that_is_for_them, ops_of_users_pass,
                     names_and_reports_that_do_not_do, no_memory_is_no_failure_of_the_op);
}
