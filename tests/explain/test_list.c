/* test_list.c - a step as text: each line to the letter, what is printed and what is not, streams that fail. */
#include "support.h"
#include <tapegrad/tapegrad.h>

static const float   x[6]      = { 1, 2, 3, 4, 5, 6 };
static const int32_t labels[2] = { 0, 1 };
static tg_tape      *tape;

static void set_up(void) { tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 }); }

static void tear_down(void) {
    tg_tape_free(tape);
    ck_assert_int_eq(tg_last_error(NULL), TG_OK);
}

/* To be freed. */
static char *text_of(tg_tensor loss, const tg_explain_options *options) {
    char  *text = NULL;
    size_t length;
    FILE  *out = open_memstream(&text, &length);
    ck_assert_ptr_nonnull(out);
    ck_assert_msg(tg_explain(loss, TG_LIST, out, options) == TG_OK, "%s", tg_tape_error(loss.tape));
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

static void expect_text(tg_tensor loss, bool values, const char *expected) {
    char *text = text_of(loss, values ? NULL : &(tg_explain_options){ .no_values = true });
    ck_assert_str_eq(text, expected);
    free(text);
}

static int lines_of(const char *text) {
    int lines = 0;
    for (; *text != '\0'; text++) lines += *text == '\n';
    return lines;
}

/* ---- lines ---- */

START_TEST(one_line_a_node) {
    static const float weights[32 * 2] = { 0 };
    tg_push_scope(tape, "net/fc1");
    tg_tensor a = tg_input(tape, weights, 32, 1), b = tg_input(tape, weights, 1, 2);
    tg_tensor h = tg_relu(tg_name(tg_matmul(a, b), "pre_activation"));
    tg_pop_scope(tape);
    tg_tensor loss = tg_name(tg_mean(tg_sub(h, tg_constant(tape, 1))), "loss");
    expect_text(loss, false,
                "v1 = input  [32,1]  net/fc1\n"
                "v2 = input  [1,2]  net/fc1\n"
                "v3 = matmul(v1, v2)  [32,2]  net/fc1/pre_activation\n"
                "v4 = relu(v3)  [32,2]  net/fc1\n"
                "v5 = constant  [1,1]\n"
                "v6 = sub(v4, v5)  [32,2]\n"
                "v7 = mean(v6)  [1,1]  loss\n");
}
END_TEST

START_TEST(values_row_by_row_and_none_of_large_matrices) {
    static const float large[13] = { 0 };
    tg_tensor few = tg_sum(tg_scale(tg_input(tape, x, 2, 3), 0.5)), many = tg_sum(tg_input(tape, large, 1, 13)), loss = tg_add(few, many);
    expect_text(loss, true,
                "v1 = input  [2,3]  = 1 2 3; 4 5 6\n"
                "v2 = scale(v1)  [2,3]  = 0.5 1 1.5; 2 2.5 3\n"
                "v3 = sum(v2)  [1,1]  = 10.5\n"
                "v4 = input  [1,13]\n"
                "v5 = sum(v4)  [1,1]  = 0\n"
                "v6 = add(v3, v5)  [1,1]  = 10.5\n");
    char *text = text_of(loss, &(tg_explain_options){ .no_values = true });
    ck_assert_ptr_null(strstr(text, "  ="));
    free(text);
}
END_TEST

START_TEST(labels_and_matrices_without_elements) {
    tg_tensor ones = tg_sum(tg_one_hot(tg_labels(tape, labels, 2), 3)), none = tg_sum(tg_input(tape, NULL, 0, 3)), loss = tg_add(ones, none);
    expect_text(loss, true,
                "v1 = labels  [2,1]  = 0; 1\n"
                "v2 = one_hot(v1)  [2,3]  = 1 0 0; 0 1 0\n"
                "v3 = sum(v2)  [1,1]  = 2\n"
                "v4 = input  [0,3]\n"
                "v5 = sum(v4)  [1,1]  = 0\n"
                "v6 = add(v3, v5)  [1,1]  = 2\n");
}
END_TEST

/* ---- backward sections ---- */

START_TEST(the_way_back_names_the_way_there) {
    tg_tensor in = tg_input(tape, x, 1, 2), loss = tg_sum(tg_exp(in)), g = tg_grad(loss, in);
    tg_node   node;
    char     *text = text_of(loss, NULL), line[64];
    ck_assert_ptr_eq(strstr(text, "v1 = input  [1,2]  = 1 2\nv2 = exp(v1)  [1,2]  = 2.71828 7.38906\nv3 = sum(v2)  [1,1]  = 10.1073\n"), text);
    ck_assert_int_eq(tg_node_at(tape, g.id, &node), TG_OK);
    snprintf(line, sizeof line, "v%u = mul(", g.id);
    const char *last = strstr(text, line);
    ck_assert_ptr_nonnull(last);
    ck_assert_ptr_nonnull(strstr(last, "  [1,2]  (backward of v2)  = 2.71828 7.38906\n"));
    ck_assert_ptr_nonnull(strstr(text, "(backward of v3)"));
    ck_assert_int_gt(lines_of(text), 4);
    free(text);
}
END_TEST

START_TEST(what_belongs_to_something_else_is_not_printed) {
    tg_tensor in = tg_input(tape, x, 1, 2), loss = tg_sum(tg_exp(in)), other = tg_sum(tg_square(in));
    char     *before = text_of(loss, NULL);
    tg_tensor g = tg_grad(other, in);
    char     *after = text_of(loss, NULL), *others = text_of(other, NULL);
    ck_assert_str_eq(before, after);
    ck_assert_ptr_nonnull(strstr(others, "(backward of v"));
    ck_assert_ptr_null(strstr(others, "exp"));
    tg_tensor mine = tg_grad(loss, in), update = tg_sub(in, mine);
    char     *both = text_of(loss, NULL), *made = text_of(update, NULL);
    ck_assert_ptr_nonnull(strstr(both, "(backward of v2)"));
    ck_assert_ptr_null(strstr(both, "square"));
    ck_assert_ptr_null(strstr(both, "sub("));
    ck_assert_ptr_nonnull(strstr(made, "sub(v1, "));      /* what a result is made of is printed, gradients included */
    ck_assert_ptr_nonnull(strstr(made, "(backward of v2)"));
    ck_assert_uint_ne(g.id, 0);
    free(before), free(after), free(others), free(both), free(made);
}
END_TEST

/* ---- in a step with parameters ---- */

START_TEST(an_update_does_not_end_the_printing_of_an_eager_tape) {
    static const double rate = -0.5;
    tg_tape_free(tape);
    tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64, .eager = true });
    tg_params   *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    tg_variable *w      = tg_variable_new(params, "w", 2, 1, &(tg_variable_options){ .init = TG_CONSTANT, .scale = 2 });
    tg_tensor    in = tg_input(tape, x, 1, 2), weight = tg_use(tape, w), block = tg_use_block(tape, params, NULL);
    tg_tensor    loss = tg_sum(tg_square(tg_matmul(in, weight)));
    tg_tensor    next = tg_assign(block, tg_axpy(tg_scalar_input(tape, &rate), tg_grad(loss, block), block));
    char        *before = text_of(loss, NULL);
    ck_assert_msg(tg_run_many((tg_tensor[]){ loss, next }, 2) == TG_OK, "%s", tg_tape_error(tape));
    char *after = text_of(loss, NULL);      /* the values of the step, not those written at its end */
    ck_assert_str_eq(before, after);
    ck_assert_ptr_nonnull(strstr(after, "view(v2)  [2,1]  w  = 2; 2\n"));
    ck_assert_ptr_nonnull(strstr(after, "square(v4)  [1,1]  = 36\n"));
    ck_assert_ptr_null(strstr(after, "assign"));
    ck_assert_int_eq(tg_tape_status(tape), TG_OK);
    free(before), free(after);
    tg_params_free(params);
}
END_TEST

/* Its own run needs the old values. */
START_TEST(behind_an_update_a_step_is_stale) {
    if (getenv("TAPEGRAD_EAGER") != NULL) return;
    const char  *sentence;
    tg_params   *params = tg_params_new(1, NULL);
    tg_variable *w      = tg_variable_new(params, "w", 2, 1, &(tg_variable_options){ .init = TG_CONSTANT, .scale = 2 });
    tg_tensor    weight = tg_use(tape, w), loss = tg_sum(tg_matmul(tg_input(tape, x, 1, 2), weight)), next = tg_assign(weight, tg_scale(weight, 2));
    char        *before = text_of(loss, NULL);      /* beside the step: writes nothing, and comes before anything has run */
    ck_assert_ptr_nonnull(strstr(before, "w  = 2; 2\n"));
    ck_assert_ptr_nonnull(strstr(before, "[1,1]  = 6\n"));
    ck_assert_int_eq(tg_run_many((tg_tensor[]){ loss, next }, 2), TG_OK);
    ck_assert(tg_item(loss) == 6);
    ck_assert_int_eq(tg_explain(loss, TG_LIST, stderr, NULL), TG_STALE);
    ck_assert_int_eq(tg_last_error(&sentence), TG_STALE);
    ck_assert_ptr_nonnull(strstr(sentence, "look before the update"));
    ck_assert_int_eq(tg_tape_status(tape), TG_OK);      /* the step goes on */
    ck_assert(tg_item(loss) == 6);
    free(before);
    tg_params_free(params);
}
END_TEST

/* ---- refusals ---- */

START_TEST(a_stream_that_takes_nothing) {
    tg_tensor   loss = tg_sum(tg_input(tape, x, 2, 3));
    const char *sentence;
    FILE       *full = fopen("/dev/full", "w");
    if (full != NULL) {
        ck_assert_int_eq(tg_explain(loss, TG_LIST, full, NULL), TG_CANNOT_WRITE);
        ck_assert_int_eq(tg_last_error(&sentence), TG_CANNOT_WRITE);
        ck_assert_ptr_nonnull(strstr(sentence, "tg_explain"));
        fclose(full);
    }
    FILE *only_read = fopen("/dev/null", "r");
    ck_assert_ptr_nonnull(only_read);
    ck_assert_int_eq(tg_explain(loss, TG_LIST, only_read, NULL), TG_CANNOT_WRITE);
    ck_assert_int_eq(tg_last_error(NULL), TG_CANNOT_WRITE);
    fclose(only_read);
    expect_text(loss, false, "v1 = input  [2,3]\nv2 = sum(v1)  [1,1]\n");
}
END_TEST

START_TEST(what_cannot_be_explained) {
    FILE     *out  = tmpfile();
    tg_tensor loss = tg_sum(tg_input(tape, x, 2, 3));
    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(tg_explain(loss, (tg_format)7, out, NULL), TG_BAD_ARGUMENT);
    ck_assert_int_eq(tg_last_error(NULL), TG_BAD_ARGUMENT);
    tg_begin(tape, NULL);
    ck_assert_int_eq(tg_explain(loss, TG_LIST, out, NULL), TG_OLD_STEP);
    ck_assert_int_eq(tg_last_error(NULL), TG_OLD_STEP);
    loss = tg_sum(tg_add(tg_input(tape, x, 2, 3), tg_input(tape, x, 3, 2)));
    ck_assert_int_eq(tg_explain(loss, TG_LIST, out, NULL), TG_SHAPE_MISMATCH);
    ck_assert_int_eq(ftell(out), 0);
    fclose(out);
}
END_TEST

/* ---- memory that runs out ---- */

static tg_status explain_once(void *out) {
    tg_tape  *t      = tg_tape_new(NULL);
    tg_status status = TG_OUT_OF_MEMORY;
    if (t != NULL) {
        tg_tensor in = tg_input(t, x, 2, 3), loss = tg_sum(tg_tanh(in));
        tg_grad(loss, in);
        status = tg_explain(loss, TG_LIST, out, NULL);
    }
    tg_tape_free(t);
    return status;
}

START_TEST(every_allocation_may_fail) {
    FILE *out = fopen("/dev/null", "w");
    ck_assert_ptr_nonnull(out);
    let_each_allocation_fail(explain_once, out, 5);
    fclose(out);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("explain");
    TCase *cases = tcase_create("text"), *memory = tcase_create("memory");
    tcase_set_timeout(memory, 300);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    suite_add_tcase(suite, cases);
    suite_add_tcase(suite, memory);
    tcase_add_test(cases, one_line_a_node);
    tcase_add_test(cases, values_row_by_row_and_none_of_large_matrices);
    tcase_add_test(cases, labels_and_matrices_without_elements);
    tcase_add_test(cases, the_way_back_names_the_way_there);
    tcase_add_test(cases, what_belongs_to_something_else_is_not_printed);
    tcase_add_test(cases, an_update_does_not_end_the_printing_of_an_eager_tape);
    tcase_add_test(cases, behind_an_update_a_step_is_stale);
    tcase_add_test(cases, a_stream_that_takes_nothing);
    tcase_add_test(cases, what_cannot_be_explained);
    tcase_add_test(memory, every_allocation_may_fail);
    return run_suite(suite);
}
