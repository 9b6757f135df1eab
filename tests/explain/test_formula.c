/* test_formula.c - formulas: read, printed, rewritten, evaluated, recorded; and those of ops against what ops compute. */
#include "explain/formula.h"
#include "support.h"

#include <math.h>
#include <tapegrad/tapegrad.h>

static tg_formulas *formulas;
static char         printed[4][20000];

static void set_up(void) {
    formulas = tg_formulas_new();
    ck_assert_ptr_nonnull(formulas);
}
static void tear_down(void) { tg_formulas_free(formulas); }

static const char *print_as(const tg_formula *f, tg_formula_style style) {
    tg_text_buffer buffer = { 0 };
    ck_assert_ptr_nonnull(f);
    tg_formula_print(f, style, &buffer);
    ck_assert(!buffer.failed);
    snprintf(printed[style], sizeof printed[style], "%s", tg_text_of(&buffer));
    tg_text_buffer_release(&buffer);
    return printed[style];
}

static const char *print(const tg_formula *f) { return print_as(f, TG_STYLE_TEXT); }

static const tg_formula *parse(const char *text) {
    const tg_formula  *f;
    tg_formula_failure failure = { 0, "" };
    const tg_status    status  = tg_formula_parse(formulas, text, strlen(text), &f, &failure);
    ck_assert_msg(status == TG_OK, "\"%s\": %s at %zu, expected %s", text, tg_status_name(status), failure.at, failure.expected);
    return f;
}

static void expect_same_number(double a, double b, double bound, const char *what) {
    if (a == b || (isnan(a) && isnan(b))) return;
    ck_assert_msg(fabs(a - b) <= bound * fmax(1, fabs(b)), "%s: %.17g and not %.17g", what, a, b);
}

/* ---- reading and printing ---- */

START_TEST(parentheses_are_those_that_are_needed) {
    static const char *const as_they_are[] = {
        "a - (b - c)", "a - b - c", "a / (b / c)", "a / b / c", "a * (b * c)", "-x^2", "(-x)^2", "a^b^c", "(a^b)^c", "a + b * c", "(a + b) * c",
        "a - (b + c)", "-(a + b)", "-a * b", "(-a) * b", "a * (-b)", "2^(-x)", "x > 0 ? x : -x", "(x > 0) + 1", "(a > b) == c", "|x| * |y - 1|",
        "x W1 + b1", "W1' (x + 1)", "W1[2,1] * x1", "(a b)'", "a (b c)", "a b c", "max(x, 0)", "tanh'(x)", "a ? b : c ? d : e", "(a ? b : c) ? d : e",
        "1e-6 + 0.1 * x", "nan + infinity", "-(-x)", "a + (b + c)", "a - (-b)", "(a > b ? 1 : 0) * x",
    };
    for (size_t i = 0; i < sizeof as_they_are / sizeof *as_they_are; i++) ck_assert_str_eq(print(parse(as_they_are[i])), as_they_are[i]);
}
END_TEST

START_TEST(what_is_not_needed_goes) {
    static const char *const pairs[][2] = {
        { "((a) + (b))", "a + b" }, { "(a * b) + c", "a * b + c" }, { "a^(b^c)", "a^b^c" }, { "-(a * b)", "-a * b" }, { "-(x^2)", "-x^2" },
        { "sin (x)", "sin(x)" }, { "2 x", "2 * x" }, { "a*-b", "a * (-b)" }, { "1.50e0", "1.5" }, { " a\n+\tb ", "a + b" },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) ck_assert_str_eq(print(parse(pairs[i][0])), pairs[i][1]);
}
END_TEST

static void expect_failure(const char *text, size_t length, tg_status status, size_t at, const char *expected) {
    tg_formulas       *own = tg_formulas_new();
    const tg_formula  *f;
    tg_formula_failure failure = { 0, "" };
    ck_assert_int_eq(tg_formula_parse(own, text, length, &f, &failure), status);
    ck_assert_ptr_null(f);
    ck_assert_msg(failure.at == at, "\"%.40s\" fails at %zu and not %zu", text, failure.at, at);
    ck_assert_str_eq(failure.expected, expected);
    tg_formulas_free(own);
}

#define FAILS(text, at, expected) expect_failure(text, sizeof text - 1, TG_BAD_ARGUMENT, at, expected)

START_TEST(failures_say_where_and_what) {
    FAILS("", 0, "a formula");
    FAILS("a + ", 4, "a formula");
    FAILS("(a + b", 6, "')' or an operator");
    FAILS("a + b)", 5, "an operator or the end");
    FAILS("f(a b", 5, "',' or ')'");
    FAILS("f(a,)", 4, "a formula");
    FAILS("|a", 2, "'|' or an operator");
    FAILS("a ? b", 5, "':' or an operator");
    FAILS("%x", 0, "%0 to %9, or %y");
    FAILS("a $ b", 2, "an operator or the end");
    FAILS("a\0b", 1, "an operator or the end");
    FAILS("x at y", 2, "an operator or the end");
    FAILS("\xff", 0, "a formula");
    FAILS("a + \xc3", 4, "a formula");
    FAILS("2 3", 2, "an operator or the end");
}
END_TEST

START_TEST(hostile_texts_get_a_status) {
    enum { LENGTH = 100000 };
    static char text[LENGTH];
    static const char *const patterns[] = { "(", "-", "a^", "|", "f(", "a?", "a?b:", "'", "+", "a'", "a ", "a+", ">", "1e", "[", "%" };
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        const tg_formula  *f;
        tg_formula_failure failure;
        tg_formulas       *own = tg_formulas_new();
        for (size_t k = 0; k < LENGTH; k++) text[k] = patterns[i][k % strlen(patterns[i])];
        ck_assert_int_ne(tg_formula_parse(own, text, LENGTH, &f, &failure), TG_OK);
        ck_assert_ptr_nonnull(failure.expected);
        tg_formulas_free(own);
    }
}
END_TEST

START_TEST(names_beyond_ascii) {
    const tg_formula *f = parse("\xce\xa3" "1 * \xcf\x83(x2) - y[3]^2");
    ck_assert_str_eq(print(f), "\xce\xa3" "1 * \xcf\x83(x2) - y[3]^2");
    ck_assert_str_eq(print_as(parse("1e-9^2"), TG_STYLE_UNICODE), "(10\xe2\x81\xbb\xe2\x81\xb9)\xc2\xb2");
    ck_assert_str_eq(print_as(f, TG_STYLE_UNICODE), "\xce\xa3\xe2\x82\x81 \xc2\xb7 \xcf\x83(x\xe2\x82\x82) \xe2\x88\x92 y[3]\xc2\xb2");
}
END_TEST

START_TEST(tex_and_mathml) {
    static const char *const tex[][2] = {
        { "a - (b - c)", "a - \\left(b - c\\right)" }, { "x1 / (1 + |x1|)", "\\frac{x_{1}}{1 + \\left|x_{1}\\right|}" },
        { "(1 / x)^2", "\\left(\\frac{1}{x}\\right)^{2}" },
        { "sqrt(2 / pi) * exp(-x^2)", "\\sqrt{\\frac{2}{\\pi}} \\cdot \\exp\\left(-x^{2}\\right)" },
        { "x > 0 ? 1 : rate", "\\begin{cases} 1 & \\text{if } x > 0 \\\\ \\mathrm{rate} & \\text{otherwise} \\end{cases}" },
        { "(x >= 0) * y", "[x \\ge 0] \\cdot y" }, { "W1[2,1] + x' W", "{W^{(1)}_{2,1}} + x^{\\top}\\,W" },
        { "1.5e-9^2", "\\left(1.5 \\cdot 10^{-9}\\right)^{2}" }, { "1e-6 * erf(x)", "10^{-6} \\cdot \\operatorname{erf}\\left(x\\right)" },
    };
    for (size_t i = 0; i < sizeof tex / sizeof *tex; i++) ck_assert_str_eq(print_as(parse(tex[i][0]), TG_STYLE_TEX), tex[i][1]);
    ck_assert_str_eq(print_as(parse("1 - y^2"), TG_STYLE_MATHML),
                     "<math><mrow><mn>1</mn><mo>\xe2\x88\x92</mo><msup><mi>y</mi><mn>2</mn></msup></mrow></math>");
    ck_assert_str_eq(print_as(parse("(a + x1) / sqrt(b)"), TG_STYLE_MATHML),
                     "<math><mfrac><mrow><mi>a</mi><mo>+</mo><msub><mi>x</mi><mn>1</mn></msub></mrow><msqrt><mi>b</mi></msqrt></mfrac></math>");
}
END_TEST

static void expect_number(double number, int digits, tg_formula_style style, const char *text) {
    tg_text_buffer buffer = { 0 };
    if (digits == 0) tg_put_number(&buffer, number, style);
    else tg_put_rounded(&buffer, number, digits, style);
    ck_assert_str_eq(tg_text_of(&buffer), text);
    tg_text_buffer_release(&buffer);
}

START_TEST(numbers_in_text) {
    expect_number(0.1, 0, TG_STYLE_TEXT, "0.1");
    expect_number(1.0 / 3, 0, TG_STYLE_TEXT, "0.3333333333333333");
    expect_number(-1e-6, 0, TG_STYLE_TEXT, "-1e-6");
    expect_number(100, 0, TG_STYLE_TEXT, "100");
    expect_number(1e300, 0, TG_STYLE_TEXT, "1e300");
    expect_number(2, 4, TG_STYLE_TEXT, "2.000");
    expect_number(1234.4, 4, TG_STYLE_TEXT, "1234");
    expect_number(-0.28366, 4, TG_STYLE_UNICODE, "\xe2\x88\x92" "0.2837");
    expect_number(-1.5e-9, 0, TG_STYLE_UNICODE, "\xe2\x88\x92" "1.5\xc2\xb7" "10\xe2\x81\xbb\xe2\x81\xb9");
    expect_number((double)NAN, 4, TG_STYLE_TEXT, "nan");
    expect_number(-(double)INFINITY, 0, TG_STYLE_TEXT, "-infinity");
}
END_TEST

/* ---- random formulas ---- */

static uint64_t state = 1;

static unsigned draw(unsigned below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % below;
}

static const tg_formula *draw_leaf(void) {
    static const char *const names[] = { "%0", "%1", "x1", "W1[2,1]", "pi" };
    if (draw(3) == 0) return tg_formula_number(formulas, ((double)draw(9) - 4) / 2);
    return tg_formula_name(formulas, names[draw(5)]);
}

static const tg_formula *draw_formula(int depth) {
    if (depth == 0 || draw(8) == 0) return draw_leaf();
    const tg_formula *a = draw_formula(depth - 1), *b = draw_formula(depth - 1);
    const unsigned    kind = draw(TG_FORMULA_CHOICE + 1);
    if (kind == TG_FORMULA_NUMBER) return tg_formula_call(formulas, "tanh", &a, 1);
    if (kind <= TG_FORMULA_CALL) return tg_formula_call(formulas, kind == 1 ? "max" : "min", (const tg_formula *const[]){ a, b }, 2);
    if (kind <= TG_FORMULA_TRANSPOSE) return tg_formula_one(formulas, (tg_formula_kind)kind, a);
    if (kind < TG_FORMULA_CHOICE) return tg_formula_two(formulas, (tg_formula_kind)kind, a, b);
    return tg_formula_choice(formulas, a, b, draw_formula(depth - 1));
}

static const tg_formula_number_binding some_numbers[] = { { "%0", 0.625 }, { "%1", -1.25 }, { "x1", 1.75 }, { "W1[2,1]", 0.3125 } };

static double value_at(const tg_formula *f, const tg_formula_number_binding *names, int count) {
    double          value;
    const char     *sentence;
    const tg_status status = tg_formula_value(f, names, count, &value);
    if (status != TG_OK) tg_last_error(&sentence);
    ck_assert_msg(status == TG_OK, "%s: %s", print(f), sentence);
    return value;
}

START_TEST(random_formulas_read_back) {
    for (int i = 0; i < 2000; i++) {
        char              text[20000];
        const tg_formula *f = draw_formula(5);
        snprintf(text, sizeof text, "%s", print(f));
        const tg_formula *again = parse(text);
        ck_assert_str_eq(print(again), text);
        expect_same_number(value_at(again, some_numbers, 4), value_at(f, some_numbers, 4), 0, text);
        print_as(f, TG_STYLE_TEX), print_as(f, TG_STYLE_MATHML), print_as(f, TG_STYLE_UNICODE);
        tear_down(), set_up();
    }
}
END_TEST

START_TEST(rewriting_keeps_finite_values) {
    int compared = 0;
    for (int i = 0; i < 2000; i++) {
        const tg_formula *f = draw_formula(3), *tidy = tg_formula_rewrite(formulas, f);
        const double      value = value_at(f, some_numbers, 4), other = value_at(tidy, some_numbers, 4);
        ck_assert(tidy != NULL);
        if (isfinite(value) && isfinite(other) && fabs(value) < 1e3 && strpbrk(print(f), "<>=?") == NULL) {      /* steps make rounding large */
            compared++;
            expect_same_number(other, value, 1e-9, print(f));
        }
        tear_down(), set_up();
    }
    ck_assert_int_gt(compared, 200);
}
END_TEST

START_TEST(rewriting_is_what_a_teacher_writes) {
    static const char *const pairs[][2] = {
        { "1 * x", "x" }, { "x * 1", "x" }, { "0 + x", "x" }, { "x - 0", "x" }, { "x / 1", "x" }, { "--x", "x" }, { "-(y^2) + 1", "1 - y^2" },
        { "a + -b", "a - b" }, { "-a * -b", "a * b" }, { "x * x", "x^2" }, { "(-x)^2", "x^2" }, { "2 * 0.5 * x", "x" }, { "x * 2", "2 * x" },
        { "2 * (x * 3)", "6 * x" }, { "-1 * x", "-x" }, { "0.5 / y", "1 / (2 * y)" }, { "1 * (y * (-y + 1))", "y * (1 - y)" },
        { "x > 0 ? x > 0 ? a : b : c", "x > 0 ? a : c" }, { "x * (y * x)", "x * y * x" }, { "y * y^2", "y^3" }, { "(1 / x)^2", "1 / x^2" },
        { "2 + 3 * 4", "14" }, { "1 / 6", "1 / 6" },
        { "0.3333333333333333 * x + 0.25", "x / 3 + 0.25" }, { "-0.16666666666666666 * x", "-x / 6" }, { "a b + 0", "a b" },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        ck_assert_str_eq(print(tg_formula_rewrite(formulas, parse(pairs[i][0]))), pairs[i][1]);
}
END_TEST

/* ---- ops ---- */

/* As the conformance suite finds examples. */
static bool find_example(const tg_op *op, int index, tg_op_example *example) {
    const bool everywhere = op->lo == 0 && op->hi == 0;
    *example = (tg_op_example){ .count = op->arity, .orders = 3 };
    for (int k = 0; k < TG_EXAMPLE_OPERANDS; k++) {
        example->shapes[k] = (tg_shape){ 1, 1, false };
        example->lo[k]     = everywhere ? -2 : op->lo;
        example->hi[k]     = everywhere ? 2 : op->hi;
    }
    if (op->defaults != NULL) memcpy(example->attributes, op->defaults, op->attribute_size);
    return op->example != NULL ? op->example(index, 1, 1, example) : index == 0;
}

static bool is_avoided(const tg_op *op, double x) {
    for (int i = 0; i < op->avoid_count; i++)
        if (fabs(x - op->avoid[i]) < 0.01) return true;
    return false;
}

static double draw_operand(const tg_op *op, const tg_op_example *example, int k) {
    double x = example->lo[k];
    for (int tries = 0; tries < 100 && example->lo[k] != example->hi[k]; tries++) {
        x = example->lo[k] + (example->hi[k] - example->lo[k]) * draw(1000000) / 1000000.0;
        if (!is_avoided(op, x)) break;
    }
    return x;
}

typedef struct truth { double operands[TG_EXAMPLE_OPERANDS], value, slopes[TG_EXAMPLE_OPERANDS]; } truth;

/* What the op and its rule compute at a point of one example. */
static void find_truth(const tg_op *op, const tg_op_example *example, truth *t) {
    tg_tape  *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor inputs[TG_EXAMPLE_OPERANDS], both[TG_EXAMPLE_OPERANDS + 1];
    int       count = example->count;
    for (int k = 0; k < count; k++) {
        t->operands[k] = draw_operand(op, example, k);
        inputs[k]      = tg_scalar_input(tape, &t->operands[k]);
    }
    both[count] = tg_apply(tape, op, inputs, count, op->attribute_size > 0 ? example->attributes : NULL);
    if (op->vjp != NULL) tg_gradients(both[count], TG_NONE, inputs, count, both, &(tg_gradients_options){ .allow_unused = true });
    ck_assert_msg((op->vjp != NULL ? tg_run_many(both, count + 1) : tg_run(both[count])) == TG_OK, "%s: %s", op->name, tg_tape_error(tape));
    t->value = tg_item(both[count]);
    for (int k = 0; k < count && op->vjp != NULL; k++) t->slopes[k] = tg_item(both[k]);
    tg_tape_free(tape);
}

static void check_at(const tg_op *op, const truth *t, int count, const tg_formula *value, const tg_formula *const slopes[]) {
    static const char *const  names[] = { "%0", "%1", "%2", "%3", "%4", "%5", "%6", "%7" };
    tg_formula_number_binding numbers[TG_EXAMPLE_OPERANDS + 1];
    for (int k = 0; k < count; k++) numbers[k] = (tg_formula_number_binding){ names[k], t->operands[k] };
    numbers[count] = (tg_formula_number_binding){ "%y", t->value };
    expect_same_number(value_at(value, numbers, count), t->value, 1e-13, op->name);
    for (int k = 0; k < count && op->vjp != NULL; k++)
        expect_same_number(value_at(slopes[k], numbers, count + 1), t->slopes[k], 1e-12, print(slopes[k]));
}

/* Formulas printed and read again, at 20 points. */
static void check_op(const tg_op *op, const tg_op_example *example) {
    const tg_formula *slopes[TG_EXAMPLE_OPERANDS] = { NULL };
    const void       *attributes = op->attribute_size > 0 ? example->attributes : NULL;
    const tg_formula *value      = parse(print(tg_formula_of_op(formulas, op, attributes, example->count)));
    for (int k = 0; k < example->count; k++) {
        slopes[k] = tg_local_formula(formulas, op, attributes, NULL, example->count, k, 0);
        ck_assert_msg(slopes[k] != NULL || (op->flags & TG_OP_BROADCAST), "%s has no formula of its derivative by %d", op->name, k);
        slopes[k] = parse(print(slopes[k]));
        if (getenv("SHOW_FORMULAS") != NULL) fprintf(stderr, "%-14s %d  %s\n", op->name, k, print(slopes[k]));
    }
    for (int point = 0; point < 20; point++) {
        truth t;
        find_truth(op, example, &t);
        check_at(op, &t, example->count, value, slopes);
    }
}

START_TEST(formulas_of_ops_say_what_ops_compute) {
    int checked = 0;
    for (int i = 0; i < tg_op_count(); i++) {
        const tg_op  *op = tg_op_at(i);
        tg_op_example example;
        if (!(op->flags & TG_OP_ELEMENTWISE) || (op->flags & (TG_OP_RANDOM | TG_OP_ASSIGN)) || op->arity < 1) continue;
        for (int index = 0; find_example(op, index, &example); index++) check_op(op, &example);
        checked++;
    }
    ck_assert_int_gt(checked, 50);
}
END_TEST

START_TEST(texts_of_all_ops_read_back) {
    for (int i = 0; i < tg_op_count(); i++) {
        char text[1000];
        snprintf(text, sizeof text, "%s", print(tg_formula_of_op(formulas, tg_op_at(i), NULL, tg_op_at(i)->arity < 0 ? 2 : tg_op_at(i)->arity)));
        ck_assert_str_eq(print(parse(text)), text);
    }
}
END_TEST

static void expect_local(const char *name, int k, const char *text) {
    static const double number = 0.75;
    const tg_op        *op = tg_op_find(name);
    const void         *attributes = op->attribute_size == sizeof number ? &number : NULL;
    const tg_formula   *f = tg_local_formula(formulas, op, attributes, NULL, op->arity, k, TG_LOCAL_LONGEST);
    if (text == NULL) ck_assert_ptr_null(f);
    else ck_assert_str_eq(print(f), text);
}

START_TEST(local_derivatives_as_they_are_taught) {
    expect_local("tanh", 0, "1 - %y^2");
    expect_local("sigmoid", 0, "%y * (1 - %y)");
    expect_local("square", 0, "2 * %0");
    expect_local("exp", 0, "%y");
    expect_local("log", 0, "1 / %0");
    expect_local("mul", 0, "%1");
    expect_local("mul", 1, "%0");
    expect_local("sub", 1, "-1");
    expect_local("div", 1, "-%y / %1");
    expect_local("sqrt", 0, "1 / (2 * %y)");
    expect_local("reciprocal", 0, "-%y^2");
    expect_local("relu", 0, "%0 > 0 ? 1 : 0");
    expect_local("abs", 0, "sign(%0)");
    expect_local("elu", 0, "%0 > 0 ? 1 : 0.75 * exp(%0)");
    expect_local("hard_sigmoid", 0, "%0 > -3 ? %0 < 3 ? 1 / 6 : 0 : 0");
    expect_local("scale", 0, "0.75");
    expect_local("greater", 0, "0");
    expect_local("softsign", 0, "1 / (|%0| + 1)^2");
    expect_local("mish", 0, "mish'(%0)");
    expect_local("sum", 0, "1");
    expect_local("matmul", 0, NULL);
    expect_local("softmax", 0, NULL);
    const tg_op *mean = tg_op_find("mean");
    ck_assert_str_eq(print(tg_local_formula(formulas, mean, NULL, &(tg_shape){ 4, 3, false }, 1, 0, 0)), "1 / 12");
}
END_TEST

/* ---- recording ---- */

static double record_and_run(const tg_formula *f, const double x[2], double *value) {
    tg_tape        *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    const tg_tensor y    = tg_formula_record(tape, f, (const tg_formula_tensor_binding[]){ { "x1", tg_scalar_input(tape, &x[0]) },
                                                                                          { "x2", tg_scalar_input(tape, &x[1]) } }, 2);
    ck_assert_msg(tg_run(y) == TG_OK, "%s", tg_tape_error(tape));
    const double recorded = tg_item(y);
    *value = value_at(f, (const tg_formula_number_binding[]){ { "x1", x[0] }, { "x2", x[1] } }, 2);
    tg_tape_free(tape);
    return recorded;
}

/* The public way: text in, tensor out, and where a text stops being a formula. */
START_TEST(texts_are_recorded) {
    const double      x[2] = { 2, 5 };
    const char *const names[2] = { "x1", "x2" };
    tg_tape          *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    const tg_tensor   values[2] = { tg_scalar_input(tape, &x[0]), tg_scalar_input(tape, &x[1]) };
    size_t            at = 0;
    const tg_tensor   y = tg_record_formula(tape, "ln(x1) + x1*x2 - sin(x2)", names, values, 2, &at);
    ck_assert_int_eq(tg_run(y), TG_OK);
    expect_same_number(tg_item(y), 11.6520714552231, 1e-14, "a text");
    ck_assert_uint_eq(at, 24);
    tg_begin(tape, NULL);
    ck_assert_uint_eq(tg_record_formula(tape, "ln(2", NULL, NULL, 0, &at).id, 0);
    ck_assert_uint_eq(at, 4);
    ck_assert_int_eq(tg_tape_status(tape), TG_BAD_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(tg_tape_error(tape), "')'"));
    tg_begin(tape, NULL);
    tg_record_formula(tape, "1 + y", NULL, NULL, 0, &at);
    ck_assert(tg_tape_status(tape) == TG_UNKNOWN_NAME && at == 5);
    tg_begin(tape, NULL);
    tg_record_formula(tape, NULL, NULL, NULL, 0, NULL);
    ck_assert_int_eq(tg_tape_status(tape), TG_NULL_ARGUMENT);
    tg_begin(tape, NULL);
    tg_record_formula(tape, "1", NULL, NULL, -1, NULL);
    ck_assert_int_eq(tg_tape_status(tape), TG_BAD_ARGUMENT);
    tg_begin(tape, NULL);
    tg_record_formula(tape, "1", names, NULL, 1, NULL);
    ck_assert_int_eq(tg_tape_status(tape), TG_NULL_ARGUMENT);
    tg_tape_free(tape);
}
END_TEST

START_TEST(recorded_is_evaluated) {
    static const char *const texts[] = {
        "ln(x1) + x1*x2 - sin(x2)", "x1 > x2 ? x1^2 : x2^3", "max(x1, x2) / (1 + |x2|)", "sigmoid(x1) * tanh(-x2) - 2^x1", "pi * x1^0.5 + x1 x2",
        "(x1 >= 2) + (x1 != x2)", "leaky_relu(-x1) + sqrt(x1)", "min(x1, 3)' + exp(x2) == 4",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        double       value;
        const double recorded = record_and_run(parse(texts[i]), (const double[]){ 2, 5 }, &value);
        expect_same_number(recorded, value, 1e-15, texts[i]);
    }
}
END_TEST

START_TEST(a_derivative_that_is_called) {
    const double x = 0.5, h = 1e-5;
    const double slope = value_at(parse("mish'(x1)"), &(tg_formula_number_binding){ "x1", x }, 1);
    const double more  = value_at(parse("mish(x1)"), &(tg_formula_number_binding){ "x1", x + h }, 1);
    const double less  = value_at(parse("mish(x1)"), &(tg_formula_number_binding){ "x1", x - h }, 1);
    expect_same_number(slope, (more - less) / (2 * h), 1e-8, "mish'");
}
END_TEST

START_TEST(what_has_no_value) {
    double      value;
    const char *sentence;
    tg_tape    *tape = tg_tape_new(NULL);
    ck_assert_int_eq(tg_formula_value(parse("x + 1"), NULL, 0, &value), TG_UNKNOWN_NAME);
    ck_assert_int_eq(tg_last_error(&sentence), TG_UNKNOWN_NAME);
    ck_assert_ptr_nonnull(strstr(sentence, "x"));
    ck_assert_int_eq(tg_formula_value(parse("pow'(1, 2)"), NULL, 0, &value), TG_UNKNOWN_NAME);
    ck_assert_int_eq(tg_last_error(NULL), TG_UNKNOWN_NAME);
    ck_assert_int_eq(tg_formula_value(parse("frob(1)"), NULL, 0, &value), TG_UNKNOWN_NAME);
    ck_assert_int_eq(tg_last_error(&sentence), TG_UNKNOWN_NAME);
    ck_assert_ptr_nonnull(strstr(sentence, "frob"));
    tg_formula_record(tape, parse("1 + frob(2)"), NULL, 0);
    ck_assert_int_eq(tg_tape_status(tape), TG_UNKNOWN_NAME);
    ck_assert_ptr_nonnull(strstr(tg_tape_error(tape), "frob"));
    tg_begin(tape, NULL);
    tg_formula_record(tape, parse("1 + x"), NULL, 0);
    ck_assert_int_eq(tg_tape_status(tape), TG_UNKNOWN_NAME);
    tg_tape_free(tape);
}
END_TEST

/* ---- a user's op, and memory that runs out ---- */

TG_MAP1(test_bent, (sqrt(x * x + 1) - 1) / 2 + x, tg_mul(g, tg_shift(tg_div(x, tg_scale(tg_sqrt(tg_shift(tg_square(x), 1)), 2)), 1)),
        .text = "(sqrt(%0^2 + 1) - 1) / 2 + %0")

static double twice(double x) { return 2 * x; }
static double two(double x) { return (void)x, 2; }

START_TEST(users_ops) {
    tg_tape        *tape = tg_tape_new(NULL);
    static const double x = 1;
    tg_node         node;
    ck_assert_str_eq(print(tg_local_formula(formulas, &test_bent_op, NULL, NULL, 1, 0, 60)), "%0 / (2 * sqrt(%0^2 + 1)) + 1");
    const tg_tensor y = tg_map(tg_scalar_input(tape, &x), twice, two);
    ck_assert_int_eq(tg_node_at(tape, y.id, &node), TG_OK);
    ck_assert_str_eq(print(tg_local_formula(formulas, node.op, node.attributes, NULL, 1, 0, 60)), "f'(%0)");
    tg_tape_free(tape);
    (void)test_bent;
}
END_TEST

static tg_status use_formulas(void *context) {
    (void)context;
    tg_formulas      *own = tg_formulas_new();
    const tg_formula *f;
    double            value;
    tg_text_buffer    text = { 0 };
    if (own == NULL) return TG_OUT_OF_MEMORY;
    tg_status status = tg_formula_parse(own, "silu(x) + tanh(x)^2", 19, &f, NULL);
    if (status == TG_OK) status = tg_formula_value(f, &(tg_formula_number_binding){ "x", 1 }, 1, &value);
    for (int style = 0; status == TG_OK && style < 4; style++) tg_formula_print(f, (tg_formula_style)style, &text);
    if (text.failed) status = TG_OUT_OF_MEMORY;
    tg_text_buffer_release(&text);
    if (status == TG_OK && tg_local_formula(own, tg_op_find("mish"), NULL, NULL, 1, 0, TG_LOCAL_LONGEST) == NULL) status = tg_formulas_status(own);
    if (status == TG_OK) ck_assert_int_eq(tg_formulas_status(own), TG_OK);
    tg_formulas_free(own);
    return status;
}

START_TEST(every_allocation_may_fail) { let_each_allocation_fail(use_formulas, NULL, 10); }
END_TEST

static tg_status record_text(void *context) {
    (void)context;
    const double    x    = 2;
    tg_tape        *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    const tg_tensor value = tape != NULL ? tg_scalar_input(tape, &x) : TG_NONE;
    if (tape == NULL) return TG_OUT_OF_MEMORY;
    const tg_tensor y      = tg_record_formula(tape, "silu(x) + tanh(x)^2", (const char *const[]){ "x" }, &value, 1, NULL);
    const tg_status status = tg_run(y);
    if (status == TG_OK) expect_same_number(tg_item(y), 2 / (1 + exp(-2)) + pow(tanh(2), 2), 1e-14, "a text");
    else ck_assert_int_eq(tg_tape_status(tape), status);
    tg_tape_free(tape);
    return status;
}

START_TEST(recording_a_text_may_fail) { let_each_allocation_fail(record_text, NULL, 10); }
END_TEST

int main(void) {
    static const TTest *const *const tests[] = {
        &parentheses_are_those_that_are_needed, &what_is_not_needed_goes, &failures_say_where_and_what, &hostile_texts_get_a_status,
        &names_beyond_ascii, &tex_and_mathml, &numbers_in_text, &random_formulas_read_back, &rewriting_keeps_finite_values,
        &rewriting_is_what_a_teacher_writes, &formulas_of_ops_say_what_ops_compute, &texts_of_all_ops_read_back,
        &local_derivatives_as_they_are_taught, &recorded_is_evaluated, &texts_are_recorded, &a_derivative_that_is_called,
        &what_has_no_value, &users_ops,
    };
    Suite *suite = suite_create("formula");
    TCase *cases = tcase_create("formula"), *memory = tcase_create("memory");
    tcase_set_timeout(cases, 300);
    tcase_set_timeout(memory, 300);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    suite_add_tcase(suite, cases);
    suite_add_tcase(suite, memory);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(cases, *tests[i]);
    tcase_add_test(memory, every_allocation_may_fail);
    tcase_add_test(memory, recording_a_text_may_fail);
    return run_suite(suite);
}
