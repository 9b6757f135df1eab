/* test_simplify.c - each op's own algebra: what becomes of a step, and that its values stay. */
#include "compiled.h"

#define NUMBERS 12

/* With NaN, infinities, zeros of both signs, and what is near the ends of the range. */
static const double numbers[NUMBERS]  = { 1.5, -2.25, 0.1, 1e-3, 7, -0.3, NAN, INFINITY, -INFINITY, 0.0, -0.0, 3e30 };
static const double others[NUMBERS]   = { 0.5, 3, -0.7, 2e-3, -1, 0.9, 1, -2, 0.25, NAN, 4, 1e-30 };
static const double row[4]            = { 0.3, -1.25, INFINITY, 2 };
static const double column[3]         = { -0.6, 1.1, 0.2 };
static const double single[1]         = { 0.7 };

static tg_tensor x_of(tg_tape *tape) { return tg_input_f64(tape, numbers, 3, 4); }
static tg_tensor y_of(tg_tape *tape) { return tg_input_f64(tape, others, 3, 4); }
static tg_tensor row_of(tg_tape *tape) { return tg_input_f64(tape, row, 1, 4); }
static tg_tensor column_of(tg_tape *tape) { return tg_input_f64(tape, column, 3, 1); }
static tg_tensor single_of(tg_tape *tape) { return tg_input_f64(tape, single, 1, 1); }

/* Each rule: a step, with an exp around it so that a leaf need not be copied, what is left when it has fired, and whether the bits stay. */
#define STEP(name, expression) \
    static tg_tensor name(tg_tape *t) { return tg_exp(expression); }
STEP(add_zero, tg_add(x_of(t), tg_constant(t, 0)))
STEP(zero_add, tg_add(tg_constant(t, 0), x_of(t)))
STEP(sub_zero, tg_sub(x_of(t), tg_constant(t, 0)))
STEP(mul_one, tg_mul(x_of(t), tg_constant(t, 1)))
STEP(one_mul, tg_mul(tg_constant(t, 1), x_of(t)))
STEP(div_one, tg_div(x_of(t), tg_constant(t, 1)))
STEP(mul_number, tg_mul(x_of(t), tg_constant(t, 0.3)))
STEP(mul_zero, tg_mul(x_of(t), tg_constant(t, 0)))
STEP(scale_one, tg_scale(x_of(t), 1))
STEP(scale_scale, tg_scale(tg_scale(x_of(t), 0.3), 0.7))
STEP(scale_number, tg_mul(x_of(t), tg_scale(tg_constant(t, 3), 0.1)))
STEP(scale_neg, tg_scale(tg_neg(x_of(t)), 0.3))
STEP(shift_zero, tg_shift(x_of(t), 0))
STEP(neg_neg, tg_neg(tg_neg(x_of(t))))
STEP(neg_scale, tg_neg(tg_scale(x_of(t), 0.3)))
STEP(neg_number, tg_mul(x_of(t), tg_neg(tg_constant(t, 3))))
STEP(scale_broadcast, tg_scale(tg_broadcast_to(row_of(t), 3, 4), 0.3))
STEP(add_broadcast, tg_add(x_of(t), tg_broadcast_to(row_of(t), 3, 4)))
STEP(sub_broadcast, tg_sub(tg_broadcast_to(column_of(t), 3, 4), x_of(t)))
STEP(mul_broadcast, tg_mul(tg_broadcast_to(single_of(t), 3, 4), x_of(t)))
STEP(div_broadcasts, tg_div(tg_broadcast_to(column_of(t), 3, 4), tg_broadcast_to(row_of(t), 3, 4)))
STEP(lerp_broadcast, tg_lerp(tg_broadcast_to(row_of(t), 3, 4), x_of(t), tg_broadcast_to(single_of(t), 3, 4)))
STEP(greater_broadcast, tg_greater(x_of(t), tg_broadcast_to(column_of(t), 3, 4)))
STEP(maximum_broadcast, tg_maximum(x_of(t), tg_broadcast_to(column_of(t), 3, 4)))
STEP(select_broadcast, tg_select(y_of(t), x_of(t), tg_broadcast_to(single_of(t), 3, 4)))
STEP(add_needed_broadcast, tg_add(tg_broadcast_to(row_of(t), 3, 4), tg_broadcast_to(row_of(t), 3, 4)))
STEP(broadcast_own, tg_broadcast_to(x_of(t), 3, 4))
STEP(broadcast_broadcast, tg_broadcast_to(tg_broadcast_to(single_of(t), 1, 4), 3, 4))
STEP(sum_to_own, tg_sum_to(x_of(t), 3, 4))
STEP(view_own, tg_view(x_of(t), 0, 3, 4))
STEP(view_view, tg_view(tg_view(x_of(t), 2, 2, 4), 3, 1, 4))
STEP(stopped, tg_stop(x_of(t)))
STEP(select_first, tg_select(tg_constant(t, 2), x_of(t), y_of(t)))
STEP(select_second, tg_select(tg_constant(t, 0), row_of(t), y_of(t)))
STEP(select_smaller, tg_select(tg_constant(t, NAN), row_of(t), y_of(t)))
STEP(transpose_transpose, tg_transpose(tg_transpose(x_of(t))))
STEP(transpose_row, tg_transpose(row_of(t)))
STEP(matmul_transposed, tg_matmul(tg_transpose(x_of(t)), y_of(t)))
STEP(matmul_untransposed, tg_matmul_transposed(x_of(t), true, tg_transpose(y_of(t)), true))

/* Both matrices behind one another, and parts of that. */
static tg_tensor both_of(tg_tape *t) { return tg_concat((tg_tensor[]){ x_of(t), y_of(t) }, 2); }
static tg_tensor parts_of(tg_tensor whole, int64_t first, int64_t first_count, int64_t second, int64_t second_count) {
    return tg_concat((tg_tensor[]){ tg_view(whole, first, 1, first_count), tg_view(whole, second, 1, second_count) }, 2);
}
STEP(concat_pieces, parts_of(both_of(t), 12, 12, 0, 12))
STEP(concat_cut, parts_of(both_of(t), 0, 12, 11, 12))
STEP(concat_cut_at_the_end, parts_of(both_of(t), 1, 12, 12, 12))
STEP(concat_reshaped, tg_concat((tg_tensor[]){ tg_view(x_of(t), 0, 1, 12), y_of(t) }, 2))

typedef struct rule {
    const char *name;
    record_fn   record;
    const char *left;      /* the ops that are left beside leaves, in order */
    bool        bits;      /* the same in f64 */
} rule;

#define RULE(name, left, bits) { #name, name, left, bits }
static const rule rules[] = {
    RULE(add_zero, "exp", true), RULE(zero_add, "exp", true), RULE(sub_zero, "exp", true), RULE(mul_one, "exp", true), RULE(one_mul, "exp", true),
    RULE(div_one, "exp", true), RULE(mul_number, "scale exp", true), RULE(mul_zero, "scale exp", true), RULE(scale_one, "exp", true),
    RULE(scale_scale, "scale exp", false), RULE(scale_number, "scale exp", true), RULE(scale_neg, "scale exp", true), RULE(shift_zero, "exp", true),
    RULE(neg_neg, "exp", true), RULE(neg_scale, "scale exp", true), RULE(neg_number, "scale exp", true),
    RULE(scale_broadcast, "scale broadcast_to exp", true), RULE(add_broadcast, "add exp", true), RULE(sub_broadcast, "sub exp", true),
    RULE(mul_broadcast, "mul exp", true), RULE(div_broadcasts, "div exp", true), RULE(lerp_broadcast, "lerp exp", true),
    RULE(greater_broadcast, "greater exp", true), RULE(maximum_broadcast, "maximum exp", true), RULE(select_broadcast, "select exp", true),
    RULE(add_needed_broadcast, "broadcast_to add exp", true), RULE(broadcast_own, "exp", true), RULE(broadcast_broadcast, "broadcast_to exp", true),
    RULE(sum_to_own, "exp", true), RULE(view_own, "exp", true), RULE(view_view, "view exp", true), RULE(stopped, "exp", true),
    RULE(select_first, "exp", true), RULE(select_second, "exp", true), RULE(select_smaller, "broadcast_to exp", true),
    RULE(transpose_transpose, "exp", true), RULE(transpose_row, "view exp", true), RULE(matmul_transposed, "matmul exp", true),
    RULE(matmul_untransposed, "matmul exp", true),
    RULE(concat_pieces, "concat exp", true), RULE(concat_cut, "concat view concat exp", true),
    RULE(concat_cut_at_the_end, "concat view concat exp", true), RULE(concat_reshaped, "concat exp", true),
};
enum { RULE_COUNT = sizeof rules / sizeof rules[0] };

/* The ops of a listed graph, leaves apart. */
static const char *ops_of(const char *graph) {
    static char ops[256];
    ops[0] = '\0';
    for (const char *at = strstr(graph, " = "); at != NULL; at = strstr(at + 3, " = ")) {
        const size_t length = strcspn(at + 3, " (");
        if (at[3 + length] == '(') snprintf(ops + strlen(ops), sizeof ops - strlen(ops), "%s%.*s", ops[0] != '\0' ? " " : "", (int)length, at + 3);
    }
    return ops;
}

START_TEST(the_rule_fires) {
    const rule *r = &rules[_i];
    ck_assert_msg(strcmp(ops_of(section_of(listing_of(r->record, TG_F64, ""), "dead")), r->left) == 0, "%s: %s, not %s", r->name,
                  ops_of(section_of(listing_of(r->record, TG_F64, ""), "dead")), r->left);
}
END_TEST

START_TEST(values_stay) {
    const rule *r = &rules[_i];
    if (r->bits) expect_bits(r->record, TG_F64, "", "-simplify");
    else expect_near(r->record, TG_F64, "", "-simplify", 1e-12);
    expect_near(r->record, TG_F32, "", "-simplify", 1e-6);
    expect_near(r->record, TG_F64, "", "none", 1e-12);
}
END_TEST

/* ---- what must not be taken for another ---- */

static tg_tensor overflow(tg_tape *t) { return tg_scale(tg_scale(x_of(t), 1e200), 1e200); }
static tg_tensor zero_of_infinity(tg_tape *t) { return tg_scale(tg_scale(x_of(t), 1e300), 0); }
static tg_tensor large_number(tg_tape *t) { return tg_mul(x_of(t), tg_scale(tg_constant(t, 1e300), 1e300)); }
static tg_tensor tiny_condition(tg_tape *t) { return tg_select(tg_constant(t, 1e-60), x_of(t), y_of(t)); }

START_TEST(products_at_the_ends_of_the_range_stay) {
    static const record_fn steps[] = { overflow, zero_of_infinity, large_number, tiny_condition };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        expect_bits(steps[i], TG_F64, "", "-simplify");
        expect_bits(steps[i], TG_F32, "", "-simplify");
    }
}
END_TEST

/* ---- a result that simplifies to a leaf is a copy of it ---- */

START_TEST(what_is_read_keeps_its_value_when_the_variable_is_written) {
    for (int k = 0; k < 5; k++) {
        tg_params   *params = tg_params_new(7, NULL);
        tg_variable *w      = tg_variable_new(params, "w", 2, 3, &(tg_variable_options){ .init = TG_CONSTANT, .scale = 1 });
        tg_tape     *tape   = tg_tape_new(NULL);
        tg_tensor    before = tg_use(tape, w);
        tg_tensor    read   = k == 0 ? tg_stop(before) : k == 1 ? tg_shift(before, 0) : k == 2 ? tg_mul(before, tg_constant(tape, 1))
                              : k == 3 ? tg_transpose(tg_transpose(before)) : tg_view(tg_view(before, 0, 3, 2), 0, 2, 3);
        tg_tensor    both[] = { read, tg_assign(before, tg_shift(before, 1)) };
        float        old[6], fresh[6];
        ck_assert_int_eq(tg_run_many(both, 2), TG_OK);
        ck_assert_int_eq(tg_read(read, old), TG_OK);
        ck_assert_int_eq(tg_read(both[1], fresh), TG_OK);
        for (int i = 0; i < 6; i++) ck_assert(old[i] == 1 && fresh[i] == 2);
        tg_tape_free(tape);
        tg_params_free(params);
    }
}
END_TEST

/* ---- what a step of training becomes ---- */

static tg_tensor slope_of_mean(tg_tape *t) {
    tg_tensor x = x_of(t), slope;
    ck_assert_int_eq(tg_gradients(tg_mse_loss(x, y_of(t)), TG_NONE, &x, 1, &slope, NULL), TG_OK);
    return slope;
}

START_TEST(the_gradient_of_a_mean_has_one_factor) {
    ck_assert_str_eq(ops_of(section_of(listing_of(slope_of_mean, TG_F64, ""), "dead")), "sub scale");
    expect_near(slope_of_mean, TG_F64, "", "-simplify", 1e-12);
}
END_TEST

/* ---- what is listed ---- */

static tg_tensor strip_of_two(tg_tape *t) { return tg_exp(tg_tanh(x_of(t))); }

START_TEST(a_strip_is_listed_with_its_ops) {
    const char *groups = section_of(listing_of(strip_of_two, TG_F64, ""), "groups");
    ck_assert_msg(strstr(groups, "\n  strip n2 tanh, n3 exp\n") != NULL, "%s", groups);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("simplify");
    TCase *cases = tcase_create("simplify");
    suite_add_tcase(suite, cases);
    tcase_add_loop_test(cases, the_rule_fires, 0, RULE_COUNT);
    tcase_add_loop_test(cases, values_stay, 0, RULE_COUNT);
    tcase_add_test(cases, products_at_the_ends_of_the_range_stay);
    tcase_add_test(cases, what_is_read_keeps_its_value_when_the_variable_is_written);
    tcase_add_test(cases, the_gradient_of_a_mean_has_one_factor);
    tcase_add_test(cases, a_strip_is_listed_with_its_ops);
    return run_suite(suite);
}
