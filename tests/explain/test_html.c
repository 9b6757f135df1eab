/* test_html.c - the page as a file: well-formed, complete, the same each time, and safe with whatever things are called. */
#include "page_nets.h"
#include "support.h"
#include <locale.h>
#include <math.h>
#include <string.h>

/* To be freed. */
static char *page_of(tg_tensor loss, const tg_explain_options *options) {
    char  *text = NULL;
    size_t length;
    FILE  *out = open_memstream(&text, &length);
    ck_assert_ptr_nonnull(out);
    const tg_status status = tg_explain(loss, TG_HTML, out, options);
    const char     *why    = "";
    if (status != TG_OK) tg_last_error(&why);
    ck_assert_msg(status == TG_OK, "%s %s", why, tg_tape_error(loss.tape));
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

static int times_in(const char *text, const char *part) {
    int count = 0;
    for (; (text = strstr(text, part)) != NULL; text++) count++;
    return count;
}

static void expect_in(const char *text, const char *part) { ck_assert_msg(strstr(text, part) != NULL, "there is no %s", part); }

/* ---- elements that are closed in the order in which they were opened ---- */

static bool is_empty_element(const char *name, size_t length) {
    static const char *const empty[] = { "meta", "link", "img", "input", "br", "!doctype" };
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
        if (strlen(empty[i]) == length && strncmp(empty[i], name, length) == 0) return true;
    return false;
}

static void expect_well_formed(const char *page) {
    enum { DEEP = 60 };
    const char *open[DEEP];
    size_t      lengths[DEEP];
    int         depth = 0;
    for (const char *c = strchr(page, '<'); c != NULL; c = strchr(c, '<')) {
        const bool   closes = c[1] == '/';
        const char  *name   = c + (closes ? 2 : 1), *end = name;
        const size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!");
        ck_assert_msg(length > 0, "not an element: %.30s", c);
        for (bool quoted = false; *end != '\0' && (quoted || *end != '>'); end++) {
            if (*end == '"') quoted = !quoted;
            ck_assert_msg(*end != '<', "< within an element: %.60s", c);
        }
        ck_assert_msg(*end == '>', "an element without end: %.30s", c);
        if (closes) {
            ck_assert_msg(depth > 0 && lengths[depth - 1] == length && strncmp(open[depth - 1], name, length) == 0, "closed, but not open: %.30s", c);
            depth--;
        } else if (end[-1] != '/' && !is_empty_element(name, length)) {
            ck_assert_int_lt(depth, DEEP);
            open[depth] = name, lengths[depth++] = length;
        }
        c = end;
        if (!closes && (strncmp(name, "script", 6) == 0 || strncmp(name, "style", 5) == 0)) c = strstr(end, name[1] == 'c' ? "</script" : "</style");
    }
    ck_assert_int_eq(depth, 0);
}

static void expect_a_page(const char *page) {
    expect_well_formed(page);
    ck_assert_int_eq(times_in(page, "<script"), 1);
    ck_assert_int_eq(times_in(page, "</script"), 1);
    ck_assert_int_eq(times_in(page, "http"), times_in(page, "http://www.w3.org/2000/svg"));
}

START_TEST(every_net_has_a_page) {
    net nets[] = { net_2_2_1(TG_F64, true), net_2_2_1(TG_F32, false), net_classes(4, 8, 3, 1, true), net_classes(4, 8, 3, 16, true),
                   net_classes(20, 40, 5, 7, true), net_deep(6), net_expression(), net_reuse() };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        for (int view = TG_VIEW_AUTOMATIC; view <= TG_VIEW_LAYERS; view++)
            for (int rows = 0; rows < 4; rows++) {
                char *page = page_of(nets[i].loss, &(tg_explain_options){ .view = (tg_explain_view)view, .row_notation = rows % 2 == 1,
                                                                          .no_values = rows >= 2, .theme = TG_THEME_PRINT, .digits = 3 });
                expect_a_page(page);
                free(page);
            }
        net_free(&nets[i]);
    }
}
END_TEST

START_TEST(the_worked_example_has_its_numbers) {
    net   n    = net_2_2_1(TG_F64, true);
    char *page = page_of(n.loss, NULL);
    expect_a_page(page);
    /* values; deltas; gradients of weights; the two messages to x1 and their sum */
    static const char *const numbers[] = { "0.3775", "0.3925", "0.5933", "0.5969", "1.106", "0.7514", "0.2748", "0.1385", "0.01337", "0.01500",
                                           "0.08217", "0.08267", "0.0006684", "0.001337", "0.0007498", "0.001500", "0.007172",
                                           "\"0.003749\",\"0.002005\",\"=\",\"0.005754\"" };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) expect_in(page, numbers[i]);
    expect_in(page, "0.005754206936");      /* the check */
    expect_in(page, "\xce\xa3\xc2\xb9\xe2\x82\x82");
    ck_assert_int_eq(times_in(page, "\"kind\":\"backward\""), 21);
    free(page);
    page = page_of(n.loss, &(tg_explain_options){ .digits = 9 });
    expect_in(page, "0.138498562");
    expect_in(page, "0.274811083");
    free(page);
    net_free(&n);
}
END_TEST

START_TEST(a_net_of_two_outputs_has_its_numbers) {
    static const char *const numbers[] = { "0.593269992", "0.596884378", "0.751365070", "0.772928465", "0.298371109", "0.138498562",
                                           "\xe2\x88\x92" "0.0380982365", "0.0821670406", "0.000438567734", "0.000995425471", "\xe2\x88\x92" "0.0227402422" };
    net   n    = net_mazur();
    char *page = page_of(n.loss, &(tg_explain_options){ .digits = 9 });
    expect_a_page(page);
    expect_in(page, "\"view\":\"neurons\"");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) expect_in(page, numbers[i]);
    free(page);
    net_free(&n);
}
END_TEST

START_TEST(expressions_have_their_numbers) {
    net   n    = net_reuse();
    char *page = page_of(n.loss, &(tg_explain_options){ .digits = 7 });
    expect_in(page, "24.70408");
    expect_in(page, "138.8338");
    expect_in(page, "645.5773");
    free(page);
    net_free(&n);
    n    = net_expression();
    page = page_of(n.loss, NULL);
    expect_in(page, "\"result\":[\"=\",\"\xe2\x88\x92" "12.00\"]");
    free(page);
    net_free(&n);
}
END_TEST

START_TEST(a_value_used_twice_gets_two_wires) {
    const double three = 3;
    tg_tape     *tape  = tg_tape_new(NULL);
    tg_tensor    a     = tg_name(tg_input_f64(tape, &three, 1, 1), "a"), loss = tg_add(a, a);
    ck_assert(tg_grad(loss, a).id != 0);
    char *page = page_of(loss, NULL);
    ck_assert_int_eq(times_in(page, "class=\"edge forward\""), 2);
    ck_assert_int_eq(times_in(page, "class=\"edge backward\""), 2);
    expect_in(page, "\"k\":2,\"n\":2");
    free(page);
    tg_tape_free(tape);
}
END_TEST

/* ---- what is not known ---- */

static bool has_adjoints(const char *page) {
    for (const char *c = page; (c = strstr(c, "\"a")) != NULL; c++) {
        const size_t digits = strspn(c + 2, "0123456789");
        if (digits > 0 && strncmp(c + 2 + digits, "\":\"", 3) == 0) return true;
    }
    return false;
}

START_TEST(before_the_way_back_adjoints_are_dots) {
    net   n    = net_2_2_1(TG_F64, false);
    char *page = page_of(n.loss, NULL);
    ck_assert(!has_adjoints(page));
    expect_in(page, "\"kind\":\"open\"");
    expect_in(page, "No gradient has been recorded");
    expect_in(page, "0.2748");
    free(page);
    net_free(&n);
    n    = net_2_2_1(TG_F64, true);
    page = page_of(n.loss, &(tg_explain_options){ .no_values = true });
    ck_assert(!has_adjoints(page));
    ck_assert_ptr_null(strstr(page, "0.2748"));
    ck_assert_int_eq(times_in(page, "\"kind\":\"backward\""), 21);
    free(page);
    net_free(&n);
}
END_TEST

START_TEST(numbers_that_are_none_are_words) {
    const double values[3] = { (double)NAN, (double)INFINITY, -(double)INFINITY };
    tg_tape     *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor    x = tg_name(tg_input_f64(tape, values, 1, 3), "x"), loss = tg_sum(tg_square(x));
    ck_assert(tg_grad(loss, x).id != 0);
    char *page = page_of(loss, NULL);
    expect_a_page(page);
    expect_in(page, "\"NaN\"");
    expect_in(page, "\"\xe2\x88\x92infinity\"");
    expect_in(page, "box input wrong");
    free(page);
    page = page_of(loss, &(tg_explain_options){ .view = TG_VIEW_LAYERS });
    expect_a_page(page);
    free(page);
    tg_tape_free(tape);
}
END_TEST

/* ---- names ---- */

static const char hostile[] = "</script><script>alert(1)</script><!-- & \" ' | { } \\ \n \xc3\xa9\xe2\x88\x82 \xff";

START_TEST(names_are_only_text) {
    char long_name[201];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[200] = '\0';
    tg_tape *tape = tg_tape_new(NULL);
    float    x    = 2;
    tg_push_scope(tape, "</style><b>");
    tg_tensor in = tg_name(tg_input(tape, &x, 1, 1), "a<b>\"&|{}\\"), two = tg_name(tg_sin(in), long_name);
    tg_tensor loss = tg_name(tg_mul(two, in), "\xc3\xa9t\xc3\xa9</script>");
    tg_pop_scope(tape);
    if (tg_tape_status(tape) == TG_OK) {
        ck_assert(tg_grad(loss, in).id != 0);
        char *page = page_of(loss, &(tg_explain_options){ .title = hostile });
        expect_a_page(page);
        expect_in(page, "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;!-- &amp; &quot;");
        expect_in(page, "\xef\xbf\xbd");
        ck_assert_ptr_null(strstr(page, "<b>\"&"));
        free(page);
    }
    tg_tape_free(tape);
}
END_TEST

/* ---- views ---- */

START_TEST(large_nets_are_told_layer_by_layer) {
    net   n    = net_classes(784, 128, 10, 64, true);
    char *page = page_of(n.loss, NULL);
    ck_assert_uint_lt(strlen(page), 300000);
    expect_a_page(page);
    expect_in(page, "\"view\":\"layers\"");
    expect_in(page, "\"rows\":64,\"cols\":64");
    expect_in(page, "\"means\":true");
    expect_in(page, "How large the deltas are");
    expect_in(page, "Single neurons are left out");
    free(page);
    page = page_of(n.loss, &(tg_explain_options){ .view = TG_VIEW_NEURONS });
    expect_in(page, "There are more neurons than fit");
    free(page);
    net_free(&n);
    n    = net_classes(4, 8, 3, 16, true);
    page = page_of(n.loss, &(tg_explain_options){ .example = 5 });
    expect_in(page, "\"view\":\"neurons\"");
    expect_in(page, "Example 6 of 16");
    free(page);
    net_free(&n);
}
END_TEST

START_TEST(the_same_step_gives_the_same_page) {
    net   n    = net_classes(4, 8, 3, 1, true), m = net_classes(4, 8, 3, 1, true);
    char *one  = page_of(n.loss, NULL), *two = page_of(m.loss, NULL);
    ck_assert_str_eq(one, two);
    free(two);
    if (setlocale(LC_ALL, "de_DE.UTF-8") != NULL) {
        two = page_of(n.loss, NULL);
        setlocale(LC_ALL, "C");
        ck_assert_str_eq(one, two);
        free(two);
    }
    free(one);
    net_free(&n);
    net_free(&m);
}
END_TEST

/* ---- all ops ---- */

static void expect_pages(tg_tensor x, tg_tensor y) {
    const tg_tensor loss = tg_sum(y);
    if (tg_tape_status(x.tape) == TG_OK) tg_gradients(loss, TG_NONE, &x, 1, &(tg_tensor){ 0 }, &(tg_gradients_options){ .allow_unused = true });
    if (tg_tape_status(x.tape) != TG_OK) return;
    for (int is_layers = 0; is_layers < 2; is_layers++) {
        char *page = page_of(loss, &(tg_explain_options){ .view = is_layers ? TG_VIEW_LAYERS : TG_VIEW_AUTOMATIC, .example = tg_rows(x) - 1 });
        expect_a_page(page);
        free(page);
    }
}

static void expect_pages_of(const tg_op *op) {
    static const double values[6] = { 0.3, 0.7, 0.9, 0.2, 0.4, 0.8 }, small[4] = { 0.5, 0.25, 0.125, 1 };
    for (int rows = 1; rows <= 2; rows++) {
        if (op->arity < 1 || op->arity > 3 || (op->flags & TG_OP_ASSIGN) || op->attribute_size > 2 * sizeof(double)) continue;
        tg_tape  *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
        tg_tensor x = tg_input_f64(tape, values, rows, 3), y = tg_input_f64(tape, values, rows, 3), z = tg_input_f64(tape, values, rows, 3);
        tg_tensor inputs[3] = { x, y, z };
        expect_pages(x, tg_apply(tape, op, inputs, op->arity, op->attribute_size > 0 ? small : NULL));
        tg_tape_free(tape);
        tg_last_error(NULL);
    }
}

enum { PARTS = 4 };

START_TEST(every_op_has_a_page) {
    for (int i = _i; i < tg_op_count(); i += PARTS) expect_pages_of(tg_op_at(i));
}
END_TEST

static tg_tensor shapes_of(tg_tensor x, int number) {
    switch (number) {
        case 0:  return tg_transpose(x);
        case 1:  return tg_slice_cols(x, 1, 2);
        case 2:  return tg_slice_rows(x, 0, 1);
        case 3:  return tg_softmax(x);
        case 4:  return tg_sum_rows(tg_square(x));
        case 5:  return tg_sum_cols(tg_square(x));
        case 6:  return tg_mul(tg_reshape(x, 3, 2), tg_reshape(tg_sin(x), 3, 2));
        case 7:  return tg_matmul(x, tg_transpose(x));
        case 8:  return tg_mul(x, tg_sum(x));
        case 9:  return tg_max(x);
        case 10: return tg_add(tg_sum(tg_input(x.tape, NULL, 0, 3)), tg_sum(x));
        case 11: return tg_select(tg_greater(x, tg_constant(x.tape, 0.5)), tg_sin(x), tg_constant(x.tape, 1));
        case 12: return tg_stop(x);
        default: return tg_mul(x, tg_broadcast_to(tg_mean_rows(x), 2, 3));
    }
}

START_TEST(shapes_of_all_kinds_have_pages) {
    static const double values[6] = { 0.3, 0.7, 0.9, 0.2, 0.4, 0.8 };
    tg_tape            *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor           x = tg_name(tg_input_f64(tape, values, 2, 3), "x");
    expect_pages(x, shapes_of(x, _i));
    ck_assert_msg(tg_tape_status(tape) == TG_OK, "%s", tg_tape_error(tape));
    tg_tape_free(tape);
}
END_TEST

START_TEST(a_long_chain_has_a_page_without_graph) {
    const double x    = 0.5;
    tg_tape     *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor    in   = tg_input_f64(tape, &x, 1, 1), y = in;
    for (int i = 0; i < 1000; i++) y = tg_sin(y);
    ck_assert(tg_grad(y, in).id != 0);
    char *page = page_of(y, NULL);
    expect_a_page(page);
    expect_in(page, "The graph is left out: 1001 boxes");
    free(page);
    tg_tape_free(tape);
}
END_TEST

/* ---- memory and streams ---- */

static tg_status explain_once(void *out) {
    net       n      = { .tape = tg_tape_new(NULL) };
    float     x[2]   = { 1, 2 }, w[4] = { 1, 2, 3, 4 };
    tg_status status = TG_OUT_OF_MEMORY;
    if (n.tape != NULL) {
        tg_tensor in = tg_input(n.tape, x, 1, 2), weight = tg_input(n.tape, w, 2, 2), loss = tg_sum(tg_tanh(tg_matmul(in, weight)));
        tg_grad(loss, weight);
        status = tg_tape_status(n.tape) == TG_OK ? tg_explain(loss, TG_HTML, out, NULL) : tg_tape_status(n.tape);
    }
    net_free(&n);
    return status;
}

static tg_status explain_a_net(void *out) {
    static const float x[2] = { 1, 2 };
    tg_params   *params = tg_params_new(1, NULL);
    tg_tape     *tape   = tg_tape_new(NULL);
    tg_variable *w      = params != NULL ? tg_variable_new(params, "w", 2, 2, &(tg_variable_options){ .init = TG_GLOROT }) : NULL;
    tg_status    status = TG_OUT_OF_MEMORY;
    if (tape != NULL && w != NULL) {
        tg_tensor weight = tg_use(tape, w), loss = tg_sum(tg_tanh(tg_matmul(tg_input(tape, x, 1, 2), weight)));
        tg_grad(loss, weight);
        status = tg_tape_status(tape) == TG_OK ? tg_explain(loss, TG_HTML, out, NULL) : tg_tape_status(tape);
    }
    tg_tape_free(tape);
    tg_params_free(params);
    return status;
}

START_TEST(every_allocation_may_fail) {
    FILE *out = fopen("/dev/null", "w");
    ck_assert_ptr_nonnull(out);
    let_each_allocation_fail(explain_once, out, 50);
    let_each_allocation_fail(explain_a_net, out, 50);
    fclose(out);
}
END_TEST

START_TEST(a_stream_that_takes_nothing) {
    net   n   = net_expression();
    FILE *out = fopen("/dev/full", "w");
    if (out != NULL) {
        ck_assert_int_eq(tg_explain(n.loss, TG_HTML, out, NULL), TG_CANNOT_WRITE);
        fclose(out);
        tg_last_error(NULL);
    }
    net_free(&n);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("html");
    TCase *cases = tcase_create("pages"), *memory = tcase_create("memory");
    tcase_set_timeout(cases, 300);
    tcase_set_timeout(memory, 300);
    suite_add_tcase(suite, cases);
    suite_add_tcase(suite, memory);
    tcase_add_test(cases, every_net_has_a_page);
    tcase_add_test(cases, the_worked_example_has_its_numbers);
    tcase_add_test(cases, a_net_of_two_outputs_has_its_numbers);
    tcase_add_test(cases, expressions_have_their_numbers);
    tcase_add_test(cases, a_value_used_twice_gets_two_wires);
    tcase_add_test(cases, before_the_way_back_adjoints_are_dots);
    tcase_add_test(cases, numbers_that_are_none_are_words);
    tcase_add_test(cases, names_are_only_text);
    tcase_add_test(cases, large_nets_are_told_layer_by_layer);
    tcase_add_test(cases, the_same_step_gives_the_same_page);
    tcase_add_loop_test(cases, every_op_has_a_page, 0, PARTS);
    tcase_add_loop_test(cases, shapes_of_all_kinds_have_pages, 0, 14);
    tcase_add_test(cases, a_long_chain_has_a_page_without_graph);
    tcase_add_test(memory, every_allocation_may_fail);
    tcase_add_test(memory, a_stream_that_takes_nothing);
    return run_suite(suite);
}
