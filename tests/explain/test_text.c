/* test_text.c - a step as text: both traces to the letter, what options change, training told by text alone, and all formats where memory or the
 * stream runs out. What is printed of more programs is read by check_pages.py. */
#include "museum/exercises.h"
#include <tapegrad/explain.h>
#include <time.h>

static const tg_format formats[] = { TG_TEXT, TG_LATEX, TG_MERMAID, TG_JSON };
enum { FORMATS = sizeof formats / sizeof *formats };

/* To be freed. */
static char *page_of(tg_tensor loss, tg_format format, const tg_explain_options *options) {
    char  *text = NULL;
    size_t length;
    FILE  *out = open_memstream(&text, &length);
    ck_assert_ptr_nonnull(out);
    const tg_status status = tg_explain(loss, format, out, options);
    const char     *sentence = "";
    if (status != TG_OK) tg_last_error(&sentence);
    ck_assert_msg(status == TG_OK, "%s: %s %s", tg_status_name(status), tg_tape_error(loss.tape), sentence);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

static void expect_page(tg_tensor loss, tg_format format, const tg_explain_options *options, const char *expected) {
    char *page = page_of(loss, format, options);
    ck_assert_str_eq(page, expected);
    free(page);
}

static void expect_lines(tg_tensor loss, tg_format format, const tg_explain_options *options, const char *const lines[], int count) {
    char *page = page_of(loss, format, options);
    for (int i = 0; i < count; i++) ck_assert_msg(strstr(page, lines[i]) != NULL, "no \"%s\" in\n%.3000s", lines[i], page);
    free(page);
}

#define EXPECT_LINES(loss, format, options, ...) \
    expect_lines(loss, format, options, (const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

/* ---- programs: one statement a node, as arguments of a call are evaluated in no order ---- */

/* ln x1 + x1 x2 - sin x2 at 2 and 5: Baydin et al. 2018, table 2 */
static tg_tensor record_baydin(tg_tape *tape) {
    static const double at[2] = { 2, 5 };
    tg_tensor           x[2], g[2];
    x[0] = tg_name(tg_input_f64(tape, &at[0], 1, 1), "x1");
    x[1] = tg_name(tg_input_f64(tape, &at[1], 1, 1), "x2");
    const tg_tensor a = tg_name(tg_log(x[0]), "a"), b = tg_name(tg_mul(x[0], x[1]), "b");
    const tg_tensor c = tg_name(tg_sin(x[1]), "c"), d = tg_name(tg_add(a, b), "d"), y = tg_name(tg_sub(d, c), "y");
    ck_assert_int_eq(tg_gradients(y, TG_NONE, x, 2, g, NULL), TG_OK);
    return y;
}

/* Mazur's net 2-2-1, with its parameters as variables, so that it is one of layers. Rows: examples. */
typedef struct net {
    tg_params   *params;
    tg_variable *w1, *b1, *w2, *b2;
    tg_tape     *tape;
    tg_tensor    loss;
} net;

static net new_net(int rows, bool walk) {
    static const double w1[4] = { .15, .25, .20, .30 }, b1[2] = { .35, .35 }, w2[2] = { .40, .45 }, b2[1] = { .60 };
    static const double x[6] = { .05, .10, -.4, .7, 1, 2 }, t[3] = { .01, .99, .5 };
    net n = { .params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 }), .tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 }) };
    n.w1 = tg_variable_new(n.params, "net/fc1/weight", 2, 2, NULL);
    n.b1 = tg_variable_new(n.params, "net/fc1/bias", 1, 2, NULL);
    n.w2 = tg_variable_new(n.params, "net/fc2/weight", 2, 1, NULL);
    n.b2 = tg_variable_new(n.params, "net/fc2/bias", 1, 1, NULL);
    ck_assert(tg_variable_write_f64(n.w1, w1) == TG_OK && tg_variable_write_f64(n.b1, b1) == TG_OK && tg_variable_write_f64(n.w2, w2) == TG_OK &&
              tg_variable_write_f64(n.b2, b2) == TG_OK);
    const tg_tensor in = tg_name(tg_input_f64(n.tape, x, rows, 2), "x"), target = tg_name(tg_input_f64(n.tape, t, rows, 1), "t");
    const tg_tensor weight = tg_use(n.tape, n.w1), bias = tg_use(n.tape, n.b1), h = tg_sigmoid(tg_add(tg_matmul(in, weight), bias));
    const tg_tensor weight2 = tg_use(n.tape, n.w2), bias2 = tg_use(n.tape, n.b2), o = tg_sigmoid(tg_add(tg_matmul(h, weight2), bias2));
    n.loss = tg_scale(tg_sum(tg_square(tg_sub(o, target))), 0.5);
    const tg_tensor all[5] = { in, weight, bias, weight2, bias2 };
    tg_tensor       g[5];
    if (walk) ck_assert_int_eq(tg_gradients(n.loss, TG_NONE, all, 5, g, NULL), TG_OK);
    return n;
}

static void free_net(net *n) {
    tg_tape_free(n->tape);
    tg_params_free(n->params);
}

/* ---- to the letter ---- */

START_TEST(both_traces_by_elements) {
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    expect_page(record_baydin(tape), TG_TEXT, &(tg_explain_options){ .ascii = true, .title = "A list of Wengert" },
                "A list of Wengert\n"
                "\n"
                "FORWARD PRIMAL TRACE (read top to bottom)\n"
                "#   name  operation  in numbers           value\n"
                "--  ----  ---------  -------------------  ---------\n"
                "v1  x1    input                           = 2\n"
                "v2  x2    input                           = 5\n"
                "v3  a     ln(x1)     = ln(2)              = 0.6931\n"
                "v4  b     x1 * x2    = 2 * 5              = 10\n"
                "v5  c     sin(x2)    = sin(5)             = -0.9589\n"
                "v6  d     a + b      = 0.6931 + 10        = 10.69\n"
                "v7  y     d - c      = 10.69 - (-0.9589)  = 11.65\n"
                "\n"
                "REVERSE ADJOINT TRACE (read top to bottom; it walks the tape from v7 back to v1)\n"
                "    from -> to  local derivative  upstream * local  = message  adjoint of \"to\" so far\n"
                "--  ----------  ----------------  -------- -------- ---------  ----------------------  ------\n"
                "    seed y                                                     1\n"
                "ok  y -> d      1                        1 * 1      = 1        1\n"
                "ok  y -> c      -1                       1 * (-1)   = -1       -1\n"
                "ok  d -> a      1                        1 * 1      = 1        1\n"
                "ok  d -> b      1                        1 * 1      = 1        1\n"
                "..  c -> x2     cos(x2)                 -1 * 0.2837 = -0.2837  -0.2837                 1 of 2\n"
                "..  b -> x1     x2                       1 * 5      = 5        5                       1 of 2\n"
                "ok  b -> x2     x1                       1 * 2      = 2        -0.2837 + 2 = 1.716     2 of 2\n"
                "ok  a -> x1     1 / x1                   1 * 0.5    = 0.5      5 + 0.5 = 5.5           2 of 2\n"
                "\n"
                "GRADIENTS\n"
                "dy/dx2  = 1.716\n"
                "dy/dx1  = 5.5\n"
                "\n"
                "~ in place of = : rounding shows, in the last digit printed\n"
                ".. more messages to come\n"
                "ok agrees with a central difference: relative distances are at most 1e-10\n");
    tg_tape_free(tape);
}
END_TEST

START_TEST(both_traces_by_matrices) {
    net n = new_net(3, true);
    expect_page(n.loss, TG_TEXT, &(tg_explain_options){ .ascii = true },
                "FORWARD PRIMAL TRACE (read top to bottom)\n"
                "#    name  operation                 shape  value\n"
                "---  ----  ------------------------  -----  --------------------------------------------------\n"
                "v1   x     input                     [2,3]  = [0.05, -0.4, 1; 0.1, 0.7, 2]\n"
                "v2   t     input                     [1,3]  = (0.01, 0.99, 0.5)\n"
                "v4   W1    parameter net/fc1/weight  [2,2]  = [0.15, 0.2; 0.25, 0.3]\n"
                "v5   b1    parameter net/fc1/bias    [2,1]  = (0.35, 0.35)\n"
                "v7   S1    W1 x + b1                 [2,3]  = [0.3775, 0.43, 0.9; 0.3925, 0.46, 1.2]\n"
                "v8   o1    sigmoid(S1)               [2,3]  = [0.5933, 0.6059, 0.7109; 0.5969, 0.6130, 0.7685]\n"
                "v9   W2    parameter net/fc2/weight  [1,2]  = (0.4, 0.45)\n"
                "v10  b2    parameter net/fc2/bias    [1,1]  = 0.6\n"
                "v12  S2    W2 o1 + b2                [1,3]  = (1.106, 1.118, 1.230)\n"
                "v13  o2    sigmoid(S2)               [1,3]  = (0.7514, 0.7537, 0.7739)\n"
                "v14  v14   o2 - t                    [1,3]  = (0.7414, -0.2363, 0.2739)\n"
                "v15  v15   v14^2                     [1,3]  = (0.5496, 0.05586, 0.07500)\n"
                "v16  v16   sum(v15)                  [1,1]  = 0.6805\n"
                "v17  L     0.5 * v16                 [1,1]  = 0.3402\n"
                "\n"
                "REVERSE ADJOINT TRACE (read top to bottom; it walks the tape from v17 back to v1)\n"
                "from -> to  message                    shape  value\n"
                "----------  -------------------------  -----  ----------------------------------------------------------------\n"
                "L -> v16    0.5                        [1,1]  = 0.5\n"
                "v16 -> v15  dL/dv16                    [1,3]  = (0.5, 0.5, 0.5)\n"
                "v15 -> v14  dL/dv15 .* (2 * v14)       [1,3]  = (0.7414, -0.2363, 0.2739)\n"
                "v14 -> o2   dL/dv14                    [1,3]  = (0.7414, -0.2363, 0.2739)\n"
                "o2 -> S2    dL/do2 .* (o2 * (1 - o2))  [1,3]  = (0.1385, -0.04388, 0.04793)\n"
                "S2 -> b2    sum of delta2              [1,1]  = 0.1425\n"
                "S2 -> o1    W2' delta2                 [2,3]  = [0.05540, -0.01755, 0.01917; 0.06232, -0.01975, 0.02157]\n"
                "S2 -> W2    delta2 o1'                 [1,2]  = (0.08965, 0.09260)\n"
                "o1 -> S1    dL/do1 .* (o1 * (1 - o1))  [2,3]  = [0.01337, -0.004191, 0.003939; 0.01500, -0.004684, 0.003837]\n"
                "S1 -> b1    sum of delta1              [2,1]  = (0.01312, 0.01415)\n"
                "S1 -> x     W1' delta1                 [2,3]  = [0.005754, -0.001800, 0.001550; 0.007172, -0.002244, 0.001939]\n"
                "S1 -> W1    delta1 x'                  [2,2]  = [0.006284, 0.006282; 0.006460, 0.005894]\n"
                "\n"
                "GRADIENTS\n"
                "delta2  = (0.1385, -0.04388, 0.04793)\n"
                "dL/db2  = 0.1425\n"
                "dL/dW2  = (0.08965, 0.09260)\n"
                "delta1  = [0.01337, -0.004191, 0.003939; 0.01500, -0.004684, 0.003837]\n"
                "dL/db1  = (0.01312, 0.01415)\n"
                "dL/dW1  = [0.006284, 0.006282; 0.006460, 0.005894]\n"
                "dL/dx   = [0.005754, -0.001800, 0.001550; 0.007172, -0.002244, 0.001939]\n"
                "\n"
                "delta = dL/dS, the adjoint of a pre-activation\n"
                "W[2,1] leads to neuron 2 from input 1; examples are columns\n"
                "adjoints of up to 12 elements were held against central differences: relative distances are at most 1e-8\n");
    free_net(&n);
}
END_TEST

START_TEST(equations_of_elements) {
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    expect_page(record_baydin(tape), TG_LATEX, NULL,
                "% Needs amsmath. Numbers have 4 significant digits; = stands where the printed ones satisfy it, \\approx where rounding "
                "shows.\n"
                "\\noindent Given:\n"
                "\\begin{align*}\n"
                "x_{1} &= 2 \\\\\n"
                "x_{2} &= 5\n"
                "\\end{align*}\n"
                "\\noindent Forward:\n"
                "\\begin{align*}\n"
                "a &= \\ln\\left(x_{1}\\right) = \\ln\\left(2\\right) = 0.6931 \\\\\n"
                "b &= x_{1} \\cdot x_{2} = 2 \\cdot 5 = 10 \\\\\n"
                "c &= \\sin\\left(x_{2}\\right) = \\sin\\left(5\\right) = -0.9589 \\\\\n"
                "d &= a + b = 0.6931 + 10 = 10.69 \\\\\n"
                "y &= d - c = 10.69 - \\left(-0.9589\\right) = 11.65\n"
                "\\end{align*}\n"
                "\\noindent Backward:\n"
                "\\begin{align*}\n"
                "\\frac{\\partial y}{\\partial d} &= 1 \\\\\n"
                "\\frac{\\partial y}{\\partial c} &= -1 \\\\\n"
                "\\frac{\\partial y}{\\partial a} &= \\frac{\\partial y}{\\partial d} = 1 \\\\\n"
                "\\frac{\\partial y}{\\partial b} &= \\frac{\\partial y}{\\partial d} = 1 \\\\\n"
                "\\frac{\\partial y}{\\partial x_{2}} &= \\frac{\\partial y}{\\partial c} \\cdot \\cos\\left(x_{2}\\right) + \\frac{\\partial "
                "y}{\\partial b} \\cdot x_{1} = -0.2837 + 2 = 1.716 \\\\\n"
                "\\frac{\\partial y}{\\partial x_{1}} &= \\frac{\\partial y}{\\partial b} \\cdot x_{2} + \\frac{\\partial y}{\\partial a} "
                "\\cdot \\frac{1}{x_{1}} = 5 + 0.5 = 5.5\n"
                "\\end{align*}\n");
    tg_tape_free(tape);
}
END_TEST

START_TEST(a_flowchart) {
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    expect_page(record_baydin(tape), TG_MERMAID, &(tg_explain_options){ .theme = TG_THEME_PRINT },
                "flowchart TB\n"
                "  v1[\"<b>x\xe2\x82\x81</b><br/>value 2<br/>\xe2\x88\x82y/\xe2\x88\x82x\xe2\x82\x81 5 + 0.5 = 5.5\"]:::input\n"
                "  v2[\"<b>x\xe2\x82\x82</b><br/>value 5<br/>\xe2\x88\x82y/\xe2\x88\x82x\xe2\x82\x82 \xe2\x88\x92" "0.2837 + 2 = "
                "1.716\"]:::input\n"
                "  v3[\"<b>a = ln(x\xe2\x82\x81)</b><br/>value 0.6931<br/>\xe2\x88\x82y/\xe2\x88\x82" "a 1\"]:::op\n"
                "  v4[\"<b>b = x\xe2\x82\x81 \xc2\xb7 x\xe2\x82\x82</b><br/>value 10<br/>\xe2\x88\x82y/\xe2\x88\x82" "b 1\"]:::op\n"
                "  v5[\"<b>c = sin(x\xe2\x82\x82)</b><br/>value \xe2\x88\x92" "0.9589<br/>\xe2\x88\x82y/\xe2\x88\x82" "c "
                "\xe2\x88\x92" "1\"]:::op\n"
                "  v6[\"<b>d = a + b</b><br/>value 10.69<br/>\xe2\x88\x82y/\xe2\x88\x82" "d 1\"]:::op\n"
                "  v7([\"<b>y = d \xe2\x88\x92 c</b><br/>value 11.65<br/>\xe2\x88\x82y/\xe2\x88\x82y 1\"]):::loss\n"
                "  v1 -->|\"1 / x\xe2\x82\x81 = 0.5\"| v3\n"
                "  v1 -->|\"x\xe2\x82\x82 = 5\"| v4\n"
                "  v2 -->|\"x\xe2\x82\x81 = 2\"| v4\n"
                "  v2 -->|\"cos(x\xe2\x82\x82) = 0.2837\"| v5\n"
                "  v3 -->|\"1\"| v6\n"
                "  v4 -->|\"1\"| v6\n"
                "  v6 -->|\"1\"| v7\n"
                "  v5 -->|\"\xe2\x88\x92" "1\"| v7\n"
                "  v7 -.->|\"1 \xc3\x97 1 = 1\"| v6\n"
                "  v7 -.->|\"1 \xc3\x97 (\xe2\x88\x92" "1) = \xe2\x88\x92" "1\"| v5\n"
                "  v6 -.->|\"1 \xc3\x97 1 = 1\"| v3\n"
                "  v6 -.->|\"1 \xc3\x97 1 = 1\"| v4\n"
                "  v5 -.->|\"\xe2\x88\x92" "1 \xc3\x97 0.2837 = \xe2\x88\x92" "0.2837\"| v2\n"
                "  v4 -.->|\"1 \xc3\x97 5 = 5\"| v1\n"
                "  v4 -.->|\"1 \xc3\x97 2 = 2\"| v2\n"
                "  v3 -.->|\"1 \xc3\x97 0.5 = 0.5\"| v1\n"
                "  classDef input fill:#FFFFFF,stroke:#000000,color:#000000\n"
                "  classDef constant fill:#FFFFFF,stroke:#000000,color:#000000,stroke-dasharray:3 3\n"
                "  classDef parameter fill:#FFFFFF,stroke:#000000,color:#000000\n"
                "  classDef op fill:#FFFFFF,stroke:#000000,color:#000000\n"
                "  classDef sum fill:#FFFFFF,stroke:#000000,color:#000000,stroke-width:2px\n"
                "  classDef activation fill:#FFFFFF,stroke:#000000,color:#000000\n"
                "  classDef loss fill:#FFFFFF,stroke:#000000,color:#000000,stroke-width:3px\n"
                "  linkStyle 0,1,2,3,4,5,6,7 stroke:#000000,stroke-width:2px,color:#000000\n"
                "  linkStyle 8,9,10,11,12,13,14,15 stroke:#000000,stroke-width:2px,color:#000000\n");
    tg_tape_free(tape);
}
END_TEST

/* ---- what options change ---- */

START_TEST(the_net_of_the_textbook) {
    net n = new_net(1, true);
    const tg_explain_options rows = { .ascii = true, .row_notation = true }, layers = { .view = TG_VIEW_LAYERS }, digits = { .digits = 9 };
    const tg_explain_options layers_in_rows = { .view = TG_VIEW_LAYERS, .row_notation = true, .ascii = true };
    EXPECT_LINES(n.loss, TG_TEXT, NULL, "= 0.15 \xc2\xb7 0.05 + 0.2 \xc2\xb7 0.1 + 0.35      = 0.3775\n", "\xc3\x97 0.3 " "   \xe2\x89\x88 0.004499",
                 "\xce\xb4\xe2\x82\x82      = 0.1385\n", "0.002005 + 0.003749 = 0.005754  2 of 2\n", "= [0.0006684, 0.001337; 0.0007498, 0.001500]\n",
                 "parameter net/fc1/weight [2,2]");
    EXPECT_LINES(n.loss, TG_TEXT, &rows, "x[1] * W1[1,1] + x[2] * W1[2,1] + b1[1]", "dL/dW1  = [0.0006684, 0.0007498; 0.001337, 0.001500]\n",
                 "W[1,2] leads from input 1 to neuron 2");
    EXPECT_LINES(n.loss, TG_TEXT, &layers, "W\xe2\x82\x82\xe1\xb5\x80 \xce\xb4\xe2\x82\x82", "\xce\xb4\xe2\x82\x81 x\xe1\xb5\x80");
    EXPECT_LINES(n.loss, TG_TEXT, &layers_in_rows, "delta2 W2'", "x' delta1", "x W1 + b1");
    EXPECT_LINES(n.loss, TG_TEXT, &digits, "0.138498562", "0.000668396021");
    free_net(&n);
}
END_TEST

START_TEST(one_example_of_a_batch) {
    net n = new_net(3, true);
    const tg_explain_options options = { .view = TG_VIEW_NEURONS, .ascii = true, .columns = 200, .example = 1 };
    const tg_explain_options none    = { .view = TG_VIEW_NEURONS, .example = 3 };
    EXPECT_LINES(n.loss, TG_TEXT, &options, "x      input [2,1]", "= (-0.4, 0.7)\n", "2 not shown -> W1[1,1]", "3 of 3\n",
                 "example 1 of a batch of 3");
    EXPECT_LINES(n.loss, TG_LATEX, &options, "x &= \\begin{pmatrix}-0.4 \\\\ 0.7\\end{pmatrix}", "\\text{2 not shown}", "Example 1 of a batch of 3");
    ck_assert_int_eq(tg_explain(n.loss, TG_TEXT, stderr, &none), TG_OUT_OF_RANGE);
    ck_assert_int_eq(tg_last_error(NULL), TG_OUT_OF_RANGE);
    free_net(&n);
}
END_TEST

/* Without the sequences, a colored page is the same. */
START_TEST(colors_are_asked_for) {
    net   n     = new_net(1, true);
    char *plain = page_of(n.loss, TG_TEXT, NULL), *colored = page_of(n.loss, TG_TEXT, &(tg_explain_options){ .color = true }), *to = colored;
    ck_assert(strchr(plain, '\x1b') == NULL && strstr(colored, "\x1b[1mFORWARD PRIMAL TRACE\x1b[0m") != NULL && strstr(colored, "\x1b[33m") != NULL);
    for (const char *from = colored; *from != '\0'; from++) {
        if (*from == '\x1b') from = strchr(from, 'm');
        else *to++ = *from;
    }
    *to = '\0';
    ck_assert_str_eq(colored, plain);
    free(plain), free(colored);
    free_net(&n);
}
END_TEST

START_TEST(before_the_backward_pass) {
    net n = new_net(1, false);
    EXPECT_LINES(n.loss, TG_TEXT, NULL, "REVERSE ADJOINT TRACE: no gradient has been recorded yet\n",
                 "\xe2\x88\x82L/\xe2\x88\x82W\xe2\x82\x81  = \xc2\xb7\n", "= 0.2748\n");
    EXPECT_LINES(n.loss, TG_LATEX, NULL, "No gradient has been recorded yet.", "= 0.2748");
    EXPECT_LINES(n.loss, TG_MERMAID, NULL, "<br/>\xce\xb4\xe2\x82\x82 \xc2\xb7<br/>");
    EXPECT_LINES(n.loss, TG_JSON, NULL, "\"has_gradient\": false", "\"adjoint\": null");
    free_net(&n);
}
END_TEST

START_TEST(symbols_alone) {
    net n = new_net(1, true);
    const tg_explain_options symbols = { .no_values = true };
    EXPECT_LINES(n.loss, TG_TEXT, &symbols, "\xce\xa3\xe2\x82\x81[1] \xe2\x86\x92 x[1]     \xce\xb4\xe2\x82\x81[1] \xc3\x97 W\xe2\x82\x81[1,1]");
    for (int i = 0; i < FORMATS; i++) {
        char *page = page_of(n.loss, formats[i], &symbols);
        ck_assert_ptr_null(strstr(page, "0.3775"));
        ck_assert_ptr_null(strstr(page, "0.1385"));
        free(page);
    }
    free_net(&n);
}
END_TEST

/* ---- training, told by text ---- */

/* The number behind the last "=" of the line of node `name`. */
static double printed_value(tg_tensor loss, const char *name) {
    char  begin[32];
    char *page = page_of(loss, TG_TEXT, &(tg_explain_options){ .digits = 17, .ascii = true, .columns = 4000 });
    snprintf(begin, sizeof begin, "%s%s ", strncmp(name, "delta", 5) == 0 ? "\n" : "  ", name);
    const char *line = strstr(page, begin);
    ck_assert_msg(line != NULL, "no line of %s in\n%.3000s", name, page);
    if (*line == '\n') line++;
    const char *end = strchr(line, '\n'), *number = end;
    while (*number != '=' && *number != '~') number--;
    const double value = strtod(number + 1, NULL);
    free(page);
    return value;
}

static void expect_near(double got, double wanted, double relative, const char *what) {
    ck_assert_msg(fabs(got - wanted) <= relative * fabs(wanted), "%s: %.17g, not %.17g", what, got, wanted);
}

/* 32 bits of xorshift64*, of which 24 make a number in [0, 1). */
static uint64_t state;

static double uniform(double lo, double hi) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return lo + (hi - lo) * (double)((uint32_t)((state * 0x2545F4914F6CDD1DU) >> 32) >> 8) / 16777216.0;
}

/* Which part of the sign of yin and yang a point of the unit square lies in: 0 and 1 its halves, 2 its dots. */
static int part_of(double x, double y) {
    const double right = sqrt((x - 0.75) * (x - 0.75) + (y - 0.5) * (y - 0.5)), left = sqrt((x - 0.25) * (x - 0.25) + (y - 0.5) * (y - 0.5));
    if (right < 0.1 || left < 0.1) return 2;
    return right <= 0.1 || (left > 0.1 && left <= 0.25) || (y > 0.5 && right > 0.25) ? 0 : 1;
}

enum { POINTS = 100, TRAINING = 80, CHECKED = 10 };

static void draw_points(double points[2 * POINTS], int32_t parts[POINTS]) {
    for (int i = 0; i < POINTS;) {
        const double x = uniform(0, 1), y = uniform(0, 1);
        if (sqrt((x - 0.5) * (x - 0.5) + (y - 0.5) * (y - 0.5)) > 0.5 || part_of(x, y) != i % 3) continue;
        points[2 * i]     = (x / 0.5 - 1) * 2;
        points[2 * i + 1] = (y / 0.5 - 1) * 2;
        parts[i]          = i % 3;
        i++;
    }
}

/* EurekaLabs' micrograd, 2-8-3 with tanh and cross-entropy, 100 steps of AdamW, in which its README wants C to print the same losses. */
START_TEST(a_whole_training) {
    double    points[2 * POINTS], w1[16], w2[24];
    int32_t   parts[POINTS];
    state = 42;
    draw_points(points, parts);
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 2; j++) w1[j * 8 + i] = uniform(-1, 1) / sqrt(2);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 8; j++) w2[j * 3 + i] = uniform(-1, 1) / sqrt(8);
    tg_params         *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    const tg_variable_options zeros = { .init = TG_ZEROS };
    tg_variable *const v[4] = { tg_variable_new(params, "fc1/weight", 2, 8, NULL), tg_variable_new(params, "fc1/bias", 1, 8, &zeros),
                                tg_variable_new(params, "fc2/weight", 8, 3, NULL), tg_variable_new(params, "fc2/bias", 1, 3, &zeros) };
    ck_assert(tg_variable_write_f64(v[0], w1) == TG_OK && tg_variable_write_f64(v[2], w2) == TG_OK);
    tg_optimizer *adam = tg_adamw_new(params, &(tg_adam_options){ .learning_rate = 0.1, .beta2 = 0.95, .weight_decay = 1e-4 });
    tg_tape      *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    const struct { int step; bool is_training; double loss; } told[] = { { 1, true, 1.0122152826497561 }, { 2, true, 0.8466614840586785 },
                                                                         { 91, false, 0.078724 }, { 100, true, 0.03906091113485444 } };
    for (int step = 1, next = 0; step <= 100; step++) {
        for (int training = 0; training < 2; training++) {
            const int first = training == 1 ? 0 : TRAINING, count = training == 1 ? TRAINING : CHECKED;
            tg_begin(tape, NULL);
            const tg_tensor h = tg_tanh(tg_linear(tg_input_f64(tape, points + 2 * first, count, 2), tg_use(tape, v[0]), tg_use(tape, v[1])));
            const tg_tensor z = tg_linear(h, tg_use(tape, v[2]), tg_use(tape, v[3]));
            const tg_tensor loss = tg_cross_entropy(z, tg_labels(tape, parts + first, count));
            if (next < 4 && told[next].step == step && told[next].is_training == (training == 1)) {
                expect_near(printed_value(loss, "L"), told[next].loss, told[next].is_training ? 1e-11 : 1e-5, "loss");
                next++;
            }
            if (training == 1) ck_assert_int_eq(tg_minimize(adam, loss), TG_OK);
        }
    }
    tg_tape_free(tape);
    tg_optimizer_free(adam);
    tg_params_free(params);
}
END_TEST

/* Nielsen, chapter 3: from 0.98 the first steps are seven times as small as from 0.82, and 300 of them end further off. */
START_TEST(a_saturated_neuron_learns_slowly) {
    static const struct { double start[2], first, last, delta; } neurons[2] = { { { .6, .9 }, .817574, .093956, .121938332427543 },
                                                                              { { 2, 2 }, .982014, .202848, .0173450210708401 } };
    for (int i = 0; i < 2; i++) {
        const double  one = 1;
        tg_params    *params = tg_params_new(0, &(tg_params_options){ .type = TG_F64 });
        tg_variable  *w = tg_variable_new(params, "w", 1, 1, NULL), *b = tg_variable_new(params, "b", 1, 1, NULL);
        tg_optimizer *sgd  = tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.15 });
        tg_tape      *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
        ck_assert(tg_variable_write_f64(w, &neurons[i].start[0]) == TG_OK && tg_variable_write_f64(b, &neurons[i].start[1]) == TG_OK);
        for (int step = 0; step <= 300; step++) {
            tg_begin(tape, NULL);
            const tg_tensor sum = tg_linear(tg_input_f64(tape, &one, 1, 1), tg_use(tape, w), tg_use(tape, b)), o = tg_sigmoid(sum);
            const tg_tensor cost = tg_name(tg_scale(tg_square(o), 0.5), "C");
            if (step == 0 || step == 300) expect_near(printed_value(cost, "o1"), step == 0 ? neurons[i].first : neurons[i].last, 2e-5, "output");
            if (step == 0) {
                ck_assert_int_ne(tg_grad(cost, sum).id, 0);
                expect_near(printed_value(cost, "delta1") , neurons[i].delta, 1e-13, "delta");
            }
            if (step < 300) ck_assert_int_eq(tg_minimize(sgd, cost), TG_OK);
        }
        tg_tape_free(tape);
        tg_optimizer_free(sgd);
        tg_params_free(params);
    }
}
END_TEST

/* Behind softmax and cross-entropy delta is o - t, whether they are one op or several. */
START_TEST(a_difference_is_left) {
    static const double  z[3] = { 0.2, -1.3, 2.1 }, t[3] = { 0, 1, 0 };
    static const int32_t label = 1;
    const double         sum = exp(z[0]) + exp(z[1]) + exp(z[2]);
    for (int parts = 0; parts < 2; parts++) {
        tg_tape        *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
        const tg_tensor in = tg_name(tg_input_f64(tape, z, 1, 3), "z");
        const tg_tensor loss = parts == 0 ? tg_cross_entropy(in, tg_labels(tape, &label, 1))
                                          : tg_neg(tg_sum(tg_mul(tg_input_f64(tape, t, 1, 3), tg_log(tg_softmax(in)))));
        ck_assert_int_ne(tg_grad(loss, in).id, 0);
        char       *page = page_of(loss, TG_TEXT, &(tg_explain_options){ .digits = 17, .ascii = true, .columns = 4000 });
        const char *line = strstr(page, "\ndL/dz  = (");
        ck_assert_ptr_nonnull(line);
        line += strlen("\ndL/dz  = (");
        for (int i = 0; i < 3; i++) {
            char *end;
            ck_assert_double_eq_tol(strtod(line, &end), exp(z[i]) / sum - t[i], 1e-15);
            line = end + 2;
        }
        free(page);
        tg_tape_free(tape);
    }
}
END_TEST

/* ---- what fails, and what is large ---- */

START_TEST(a_large_net_is_quick) {
    tg_params      *params = tg_params_new(3, NULL);
    tg_mlp         *mlp    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(784, 128, 10), .activation = "relu" });
    tg_tape        *tape   = tg_tape_new(NULL);
    float          *x      = calloc(64 * 784, sizeof *x);
    static const int32_t labels[64] = { 0 };
    for (int i = 0; i < 64 * 784; i++) x[i] = (float)(i % 17) / 17;
    const tg_tensor loss = tg_cross_entropy(tg_mlp_forward(mlp, tg_input(tape, x, 64, 784)), tg_labels(tape, labels, 64));
    ck_assert_int_ne(tg_grad(loss, tg_use_block(tape, params, NULL)).id, 0);
    for (int i = 0; i < FORMATS; i++) {
        struct timespec begin, end;
        clock_gettime(CLOCK_MONOTONIC, &begin);
        char *page = page_of(loss, formats[i], NULL);
        clock_gettime(CLOCK_MONOTONIC, &end);
        const double seconds = (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
        ck_assert_uint_lt(strlen(page), 300000);
        if (getenv("TAPEGRAD_PLAIN_MEMORY") == NULL) ck_assert_double_lt(seconds, 10);      /* 0.01 on a machine with nothing else to do */
        free(page);
    }
    free(x);
    tg_tape_free(tape);
    tg_mlp_free(mlp);
    tg_params_free(params);
}
END_TEST

START_TEST(a_long_chain) {
    const double one = 1;
    tg_tape     *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor    x = tg_name(tg_input_f64(tape, &one, 1, 1), "x"), y = x;
    for (int i = 0; i < 400; i++) y = tg_sin(y);
    ck_assert_int_ne(tg_grad(y, x).id, 0);
    EXPECT_LINES(y, TG_TEXT, &(tg_explain_options){ .ascii = true }, "v300 -> v299");      /* by matrices: there are more than 200 messages */
    EXPECT_LINES(y, TG_MERMAID, NULL, "left_out[\"300 nodes are left out\"]:::constant\n");
    tg_tape_free(tape);
}
END_TEST

START_TEST(streams_that_take_nothing) {
    net   n         = new_net(1, true);
    FILE *only_read = fopen("/dev/null", "r");
    ck_assert_ptr_nonnull(only_read);
    for (int i = 0; i < FORMATS; i++) {
        ck_assert_int_eq(tg_explain(n.loss, formats[i], only_read, NULL), TG_CANNOT_WRITE);
        ck_assert_int_eq(tg_last_error(NULL), TG_CANNOT_WRITE);
        clearerr(only_read);
    }
    fclose(only_read);
    free_net(&n);
}
END_TEST

typedef struct printing {
    tg_format          format;
    tg_explain_options options;
    FILE              *out;
} printing;

static tg_status record_and_print(void *context) {
    const printing *p      = context;
    tg_tape        *tape   = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_status       status = TG_OUT_OF_MEMORY;
    if (tape != NULL) {
        static const double at[2] = { 2, 5 };
        const tg_tensor     x = tg_name(tg_input_f64(tape, at, 1, 2), "x"), y = tg_sum(tg_sigmoid(tg_mul(x, x)));
        tg_grad(y, x);
        status = tg_tape_status(tape) == TG_OK ? tg_explain(y, p->format, p->out, &p->options) : tg_tape_status(tape);
    }
    tg_tape_free(tape);
    return status;
}

START_TEST(every_allocation_may_fail) {
    printing p = { .out = fopen("/dev/null", "w"), .format = formats[_i / 2], .options = { .title = "t" } };
    p.options.view = _i % 2 == 0 ? TG_VIEW_NEURONS : TG_VIEW_LAYERS;
    ck_assert_ptr_nonnull(p.out);
    let_each_allocation_fail(record_and_print, &p, 50);
    fclose(p.out);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("text");
    TCase *cases = tcase_create("text"), *memory = tcase_create("memory");
    tcase_set_timeout(cases, 300);
    tcase_set_timeout(memory, 300);
    suite_add_tcase(suite, cases);
    suite_add_tcase(suite, memory);
    const TTest *const tests[] = { both_traces_by_elements, both_traces_by_matrices, equations_of_elements, a_flowchart, the_net_of_the_textbook,
                                   one_example_of_a_batch, colors_are_asked_for, before_the_backward_pass, symbols_alone, a_whole_training,
                                   a_saturated_neuron_learns_slowly, a_difference_is_left, a_large_net_is_quick, a_long_chain,
                                   streams_that_take_nothing };
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(cases, tests[i]);
    tcase_add_loop_test(memory, every_allocation_may_fail, 0, 2 * FORMATS);
    return run_suite(suite);
}
