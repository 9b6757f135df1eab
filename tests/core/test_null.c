/* test_null.c - every function that takes an object, a pointer or a tensor is given none: a status, NULL or a failed tensor, and no crash. */
#include "support.h"
#include <math.h>
#include <tapegrad/tapegrad.h>

static tg_tape *tape;

static void set_up(void) { tape = tg_tape_new(NULL); }

static void tear_down(void) {
    tg_tape_free(tape);
    ck_assert_int_eq(tg_last_error(NULL), TG_OK);
}

static const float x[6] = { 1, 2, 3, 4, 5, 6 };

#define expect_last(status) ck_assert_int_eq(tg_last_error(NULL), status)
#define refuses(call) do { ck_assert_int_eq(call, TG_NULL_ARGUMENT); expect_last(TG_NULL_ARGUMENT); } while (0)
#define makes_nothing(call) do { ck_assert_ptr_null(call); expect_last(TG_NULL_ARGUMENT); } while (0)
#define finds_nothing(call) do { ck_assert_ptr_null(call); expect_last(TG_OK); } while (0)
#define is_nothing(call) do { ck_assert_int_eq((int64_t)(call), 0); tg_last_error(NULL); } while (0)

static void fails(tg_tensor tensor) {
    ck_assert_uint_eq(tensor.id, 0);
    ck_assert_ptr_null(tensor.tape);
    expect_last(TG_NULL_ARGUMENT);
}

START_TEST(a_tape_that_is_null) {
    tg_node node;
    tg_tape_free(NULL);
    refuses(tg_begin(NULL, NULL));
    refuses(tg_tape_status(NULL));
    ck_assert_str_eq(tg_tape_error(NULL), "");
    is_nothing(tg_tape_step(NULL));
    is_nothing(tg_is_training(NULL));
    refuses(tg_tape_set_step(NULL, 1));
    fails(tg_input(NULL, x, 2, 3));
    fails(tg_input_f64(NULL, NULL, 2, 3));
    fails(tg_input_i32(NULL, NULL, 2, 3));
    fails(tg_labels(NULL, NULL, 2));
    fails(tg_scalar_input(NULL, NULL));
    fails(tg_constant(NULL, 1));
    fails(tg_bernoulli(NULL, 0.5, 2, 2));
    fails(tg_use(NULL, NULL));
    fails(tg_use_block(NULL, NULL, NULL));
    fails(tg_apply(NULL, NULL, NULL, 0, NULL));
    fails(tg_find(NULL, "h"));
    fails(tg_record_formula(NULL, "1", NULL, NULL, 0, NULL));
    tg_push_scope(NULL, "a");
    expect_last(TG_NULL_ARGUMENT);
    tg_pop_scope(NULL);
    expect_last(TG_NULL_ARGUMENT);
    is_nothing(tg_node_count(NULL));
    refuses(tg_node_at(NULL, 1, &node));
    fails(tg_tensor_at(NULL, 1));
}
END_TEST

START_TEST(pointers_that_are_null_on_a_tape) {
    tg_node node;
    for (int k = 0; k < 14; k++) {
        tg_begin(tape, NULL);
        tg_tensor one = tg_constant(tape, 1);
        switch (k) {
        case 0: tg_input(tape, NULL, 2, 3); break;
        case 1: tg_input_f64(tape, NULL, 2, 3); break;
        case 2: tg_input_i32(tape, NULL, 2, 3); break;
        case 3: tg_labels(tape, NULL, 2); break;
        case 4: tg_scalar_input(tape, NULL); break;
        case 5: tg_use(tape, NULL); break;
        case 6: tg_use_block(tape, NULL, NULL); break;
        case 7: tg_map(one, NULL, NULL); break;
        case 8: tg_map_context(one, NULL, NULL, NULL); break;
        case 9: tg_apply(tape, tg_op_find("exp"), NULL, 1, NULL); break;
        case 10: tg_find(tape, NULL); break;
        case 11: tg_name(one, NULL); break;
        case 12: tg_push_scope(tape, NULL); break;
        case 13: ck_assert_int_eq(tg_run(one), TG_OK); ck_assert_int_eq(tg_read(one, NULL), TG_NULL_ARGUMENT); break;
        }
        ck_assert_msg(tg_tape_status(tape) == TG_NULL_ARGUMENT, "%d: %s", k, tg_status_name(tg_tape_status(tape)));
    }
    tg_begin(tape, NULL);
    tg_tensor one = tg_constant(tape, 1);
    refuses(tg_node_at(tape, 1, &node) == TG_OK ? tg_node_at(tape, 1, NULL) : TG_BUG);
    refuses(tg_held(one, NULL));
    refuses(tg_explain(one, TG_LIST, NULL, NULL));
    refuses(tg_message_at(one, 0, NULL));
    refuses(tg_run_many(NULL, 1));
    refuses(tg_run_many(&one, 0));
}
END_TEST

/* Whatever a function says of an operand that is not given, it is a failed tensor and a status, and no crash. */
static void fails_for_none(tg_tensor (*f)(tg_tensor)) { fails(f(TG_NONE)); }

static void fails_for_one_of_two(tg_tensor (*f)(tg_tensor, tg_tensor)) {
    fails(f(TG_NONE, TG_NONE));
    for (int k = 0; k < 2; k++) {
        tg_begin(tape, NULL);
        const tg_tensor one = tg_constant(tape, 1), result = k == 0 ? f(one, TG_NONE) : f(TG_NONE, one);
        ck_assert_uint_eq(result.id, 0);
        ck_assert(tg_tape_status(tape) != TG_OK || tg_last_error(NULL) != TG_OK);
        tg_last_error(NULL);
    }
}

static tg_tensor assign_none(tg_tensor one, tg_tensor none) { return tg_assign(one, none); }
static tg_tensor jvp_by_none(tg_tensor one, tg_tensor none) { return tg_jvp(one, none, one); }
static tg_tensor diff_by_none(tg_tensor one, tg_tensor none) { return tg_diff(one, none, 0); }
static tg_tensor concat_none(tg_tensor one, tg_tensor none) { return tg_concat((tg_tensor[]){ none, one }, 2); }

/* With a tape at hand the failure stands there, and the executing call returns it. */
START_TEST(one_operand_that_is_not_given) {
    tg_tensor (*const binary[])(tg_tensor, tg_tensor) = { tg_matmul, tg_add, tg_greater, tg_mse_loss,
                                                          tg_grad,   assign_none, diff_by_none, jvp_by_none, concat_none };
    tg_tape *other = tg_tape_new(NULL);
    for (size_t i = 0; i < sizeof binary / sizeof binary[0]; i++) {
        tg_begin(tape, NULL);
        const tg_tensor result = binary[i](tg_constant(tape, 1), TG_NONE);
        const tg_status status = tg_tape_status(tape);
        ck_assert_int_ne(status, TG_OK);
        ck_assert_int_ne(status, TG_OLD_STEP);
        ck_assert_int_eq(tg_run(result), status);
        expect_last(TG_OK);
    }
    for (int k = 0; k < 3; k++) {      /* the only one of three */
        tg_begin(tape, NULL);
        const tg_tensor one = tg_constant(tape, 1), none = TG_NONE;
        tg_select(k == 0 ? one : none, k == 1 ? one : none, k == 2 ? one : none);
        ck_assert_msg(tg_tape_status(tape) != TG_OK, "operand %d", k);
        expect_last(TG_OK);
    }
    for (size_t i = 0; i < sizeof binary / sizeof binary[0]; i++) {
        tg_begin(tape, NULL);
        tg_begin(other, NULL);
        binary[i](tg_constant(tape, 1), tg_add(tg_input(other, x, 2, 3), tg_input(other, x, 3, 2)));
        ck_assert_msg(tg_tape_status(tape) != TG_OK || binary[i] == concat_none, "%zu", i);
    }
    tg_tape_free(other);
}
END_TEST

/* A constructor that failed returned nothing, and the next call followed the pointer. */
START_TEST(operands_that_are_not_given) {
    tg_tensor (*const unary[])(tg_tensor) = { tg_transpose, tg_stop, tg_neg, tg_square, tg_sqrt, tg_exp, tg_expm1, tg_log, tg_log1p, tg_sin, tg_cos,
                                              tg_erf, tg_erfc, tg_rsqrt, tg_reciprocal, tg_sign, tg_floor, tg_round, tg_abs, tg_relu6, tg_selu,
                                              tg_hard_tanh, tg_hard_sigmoid, tg_hard_swish, tg_log_sigmoid, tg_softsign, tg_silu, tg_mish,
                                              tg_gaussian, tg_gelu, tg_gelu_tanh, tg_glu, tg_swiglu,
                                              tg_relu, tg_sigmoid, tg_tanh, tg_softplus, tg_sum, tg_sum_rows, tg_sum_cols,
                                              tg_mean, tg_mean_rows, tg_mean_cols,
                                              tg_logsumexp, tg_softmax, tg_log_softmax, tg_keep, tg_require_finite,
                                              tg_max, tg_max_rows, tg_max_cols, tg_min, tg_min_rows, tg_min_cols, tg_argmax, tg_argmin,
                                              tg_prod, tg_prod_rows, tg_prod_cols, tg_norm, tg_norm_rows, tg_norm_cols, tg_diagonal, tg_diag_embed };
    tg_tensor (*const binary[])(tg_tensor, tg_tensor) = { tg_matmul, tg_add, tg_sub, tg_mul, tg_div, tg_maximum, tg_greater, tg_cross_entropy,
                                                          tg_pow, tg_minimum, tg_greater_equal, tg_less, tg_less_equal, tg_equal,
                                                          tg_not_equal, tg_prelu,
                                                          tg_binary_cross_entropy_with_logits, tg_mse_loss, tg_same, tg_gather_rows, tg_outer };
    for (size_t i = 0; i < sizeof unary / sizeof unary[0]; i++) fails_for_none(unary[i]);
    for (size_t i = 0; i < sizeof binary / sizeof binary[0]; i++) fails_for_one_of_two(binary[i]);
    fails(tg_grad(TG_NONE, TG_NONE));
    fails(tg_diff(TG_NONE, TG_NONE, 0));
    fails(tg_assign(TG_NONE, TG_NONE));
    fails(tg_scale(TG_NONE, 2));
    fails(tg_shift(TG_NONE, 2));
    fails(tg_axpy(TG_NONE, TG_NONE, TG_NONE));
    fails(tg_lerp(TG_NONE, TG_NONE, TG_NONE));
    fails(tg_select(TG_NONE, TG_NONE, TG_NONE));
    fails(tg_linear(TG_NONE, TG_NONE, TG_NONE));
    fails(tg_matmul_transposed(TG_NONE, true, TG_NONE, true));
    fails(tg_broadcast_to(TG_NONE, 2, 2));
    fails(tg_sum_to(TG_NONE, 1, 1));
    fails(tg_view(TG_NONE, 0, 1, 1));
    fails(tg_concat(NULL, 2));
    fails(tg_concat((tg_tensor[]){ TG_NONE }, 1));
    fails(tg_var(TG_NONE, 1));
    fails(tg_var_rows(TG_NONE, 1));
    fails(tg_var_cols(TG_NONE, 1));
    fails(tg_reshape(TG_NONE, 1, 1));
    fails(tg_slice_rows(TG_NONE, 0, 0));
    fails(tg_slice_cols(TG_NONE, 0, 0));
    fails(tg_pad_cols(TG_NONE, 0, 0));
    fails(tg_concat_rows(NULL, 2));
    fails(tg_concat_rows((tg_tensor[]){ TG_NONE }, 1));
    fails(tg_concat_cols(NULL, 2));
    fails(tg_concat_cols((tg_tensor[]){ TG_NONE }, 1));
    fails(tg_repeat_rows(TG_NONE, 2));
    fails(tg_repeat_cols(TG_NONE, 2));
    fails(tg_scatter_rows(TG_NONE, TG_NONE, 2));
    fails(tg_bilinear(TG_NONE, TG_NONE, TG_NONE, TG_NONE));
    fails(tg_layer_norm(TG_NONE, TG_NONE, TG_NONE, 0));
    fails(tg_rms_norm(TG_NONE, TG_NONE, 0));
    fails(tg_batch_norm(TG_NONE, TG_NONE, TG_NONE, TG_NONE, TG_NONE, true, 0.1, 0));
    fails(tg_one_hot(TG_NONE, 2));
    fails(tg_dropout(TG_NONE, 0.5));
    fails(tg_alpha_dropout(TG_NONE, 0.5));
    fails(tg_uniform(NULL, 0, 1, 2, 2));
    fails(tg_normal(NULL, 0, 1, 2, 2));
    fails(tg_pow_scalar(TG_NONE, 2));
    fails(tg_clamp(TG_NONE, 0, 1));
    fails(tg_threshold(TG_NONE, 0, 1));
    fails(tg_leaky_relu(TG_NONE, 0.1));
    fails(tg_elu(TG_NONE, 1));
    fails(tg_celu(TG_NONE, 1));
    fails(tg_clip_factor(TG_NONE, 1));
    fails(tg_map(TG_NONE, NULL, NULL));
    fails(tg_map(TG_NONE, exp, exp));
    fails(tg_map_context(TG_NONE, NULL, NULL, NULL));
    fails(tg_map2(TG_NONE, NULL, NULL, NULL));
    fails(tg_jvp(TG_NONE, TG_NONE, TG_NONE));
    fails(tg_map2(TG_NONE, exp, exp, exp));
    fails(tg_map2_context(TG_NONE, NULL, NULL, NULL, NULL));
    fails(tg_name(TG_NONE, "h"));
    is_nothing(tg_rows(TG_NONE) + tg_cols(TG_NONE) + tg_message_count(TG_NONE));
}
END_TEST

/* An op may do without an operand: shape rule and kernel see -1 rows and columns, and no data. */
static tg_status lacking_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)attributes;
    *output = in[0];
    *why    = "takes two operands, the second of which may be missing";
    return count == 2 && in[0].rows >= 0 && in[1].rows == -1 ? TG_OK : TG_SHAPE_MISMATCH;
}

static void lacking_f64(const tg_call *call) {
    const tg_operand *none = &call->inputs[1];
    for (int64_t i = call->row_begin; i < call->row_end; i++)
        for (int64_t j = 0; j < call->cols; j++)
            ((double *)call->output)[i * call->cols + j] = none->data == NULL ? tg_row_f64(call, 0, i)[j] + 100.0 * (double)none->rows + 10.0 * (double)none->cols : 0;
}

START_TEST(an_op_without_its_second_operand) {
    static const tg_op op      = { .size = sizeof(tg_op), .name = "lacking", .arity = 2, .flags = TG_OP_ELEMENTWISE, .shape = lacking_shape, .f64 = lacking_f64 };
    const double       data[4] = { 1, 2, 3, 4 };
    for (int type = TG_F32; type <= TG_F64; type++) {
        tg_tape        *own = tg_tape_new(&(tg_tape_options){ .type = type });
        const tg_tensor y   = tg_apply(own, &op, (tg_tensor[]){ tg_input_f64(own, data, 2, 2), TG_NONE }, 2, NULL);
        double          values[4];
        ck_assert_msg(tg_run(y) == TG_OK, "%s", tg_tape_error(own));
        ck_assert_int_eq(tg_read_f64(y, values), TG_OK);
        for (int e = 0; e < 4; e++) ck_assert_double_eq(values[e], data[e] - 110);
        tg_tape_free(own);
    }
}
END_TEST

START_TEST(results_of_what_is_not_given) {
    double     number;
    float      single;
    int32_t    whole;
    tg_message message;
    tg_tensor  out = TG_NONE;
    refuses(tg_run(TG_NONE));
    refuses(tg_read(TG_NONE, &single));
    refuses(tg_read_f64(TG_NONE, &number));
    refuses(tg_read_i32(TG_NONE, &whole));
    refuses(tg_held(TG_NONE, &number));
    refuses(tg_message_at(TG_NONE, 0, &message));
    refuses(tg_gradients(TG_NONE, TG_NONE, &out, 1, &out, NULL));
    refuses(tg_explain(TG_NONE, TG_LIST, stderr, NULL));
    refuses(tg_gradcheck(TG_NONE, NULL));
    makes_nothing(tg_data(TG_NONE));
    makes_nothing(tg_data_f64(TG_NONE));
    ck_assert(isnan(tg_item(TG_NONE)));
    expect_last(TG_NULL_ARGUMENT);
}
END_TEST

START_TEST(params_and_variables_that_are_null) {
    float single;
    double number;
    tg_params_free(NULL);
    makes_nothing(tg_params_like(NULL, "m"));
    makes_nothing(tg_variable_new(NULL, "w", 1, 1, NULL));
    refuses(tg_params_copy(NULL, NULL));
    is_nothing(tg_variable_count(NULL));
    is_nothing(tg_group_count(NULL));
    finds_nothing(tg_variable_at(NULL, 0));
    finds_nothing(tg_variable_find(NULL, "w"));
    finds_nothing(tg_group_at(NULL, 0));
    finds_nothing(tg_variable_name(NULL));
    finds_nothing(tg_variable_group(NULL));
    is_nothing(tg_variable_shape(NULL).rows);
    is_nothing(tg_variable_is_state(NULL));
    is_nothing(tg_variable_type(NULL));
    is_nothing(tg_variable_file_layout(NULL));
    is_nothing(tg_params_type(NULL));
    is_nothing(tg_is_frozen(NULL));
    refuses(tg_variable_read(NULL, &single));
    refuses(tg_variable_read_f64(NULL, &number));
    refuses(tg_variable_write(NULL, &single));
    refuses(tg_variable_write_f64(NULL, &number));
    refuses(tg_freeze(NULL, true));
    refuses(tg_params_save(NULL, "none"));
    refuses(tg_params_load(NULL, "none", NULL));
    finds_nothing(tg_op_find(NULL));
    refuses(tg_register(NULL));
    refuses(tg_register_fusion(NULL));
}
END_TEST

START_TEST(nets_and_data_that_are_null) {
    tg_model  model = { 0 };
    tg_report report = { 0 };
    float     out;
    tg_mlp_free(NULL);
    tg_optimizer_free(NULL);
    tg_dataset_free(NULL);
    ck_assert_ptr_null(tg_add_linear(NULL, "fc1", 1, 1, NULL).weight);
    expect_last(TG_NULL_ARGUMENT);
    tg_linear_forward((tg_linear_layer){ NULL, NULL }, TG_NONE);
    expect_last(TG_NULL_ARGUMENT);
    makes_nothing(tg_add_layer_norm(NULL, "norm", 1, NULL).weight);
    makes_nothing(tg_add_rms_norm(NULL, "norm", 1, NULL).weight);
    makes_nothing(tg_add_batch_norm(NULL, "norm", 1, NULL).weight);
    fails(tg_layer_norm_forward((tg_layer_norm_layer){ 0 }, TG_NONE));
    fails(tg_rms_norm_forward((tg_rms_norm_layer){ 0 }, TG_NONE));
    fails(tg_batch_norm_forward((tg_batch_norm_layer){ 0 }, TG_NONE));
    makes_nothing(tg_mlp_new(NULL, NULL));
    fails(tg_mlp_forward(NULL, TG_NONE));
    tg_mlp_model(NULL);
    expect_last(TG_NULL_ARGUMENT);
    makes_nothing(tg_sgd_new(NULL, NULL));
    makes_nothing(tg_adam_new(NULL, NULL));
    makes_nothing(tg_adamw_new(NULL, NULL));
    makes_nothing(tg_optimizer_new(NULL, NULL));
    refuses(tg_minimize(NULL, TG_NONE));
    tg_update(NULL, TG_NONE);
    expect_last(TG_NULL_ARGUMENT);
    refuses(tg_updates(NULL, NULL, 0, NULL));
    tg_learning_rate(NULL, NULL);
    tg_last_error(NULL);
    refuses(tg_set_learning_rate(NULL, NULL, 1));
    ck_assert_ptr_null(tg_optimizer_state(NULL, 0));
    tg_last_error(NULL);
    refuses(tg_fit(model, NULL, NULL, NULL));
    refuses(tg_evaluate(model, NULL, &report));
    refuses(tg_predict(model, x, 1, 1, &out));
    ck_assert_ptr_null(tg_add_scaler(NULL, "s", 1).mean);
    expect_last(TG_NULL_ARGUMENT);
    refuses(tg_scaler_fit((tg_scaler){ NULL, NULL }, NULL));
    tg_scaler_forward((tg_scaler){ NULL, NULL }, TG_NONE);
    expect_last(TG_NULL_ARGUMENT);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("null");
    TCase *cases = tcase_create("null");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    suite_add_tcase(suite, cases);
    tcase_add_test(cases, a_tape_that_is_null);
    tcase_add_test(cases, pointers_that_are_null_on_a_tape);
    tcase_add_test(cases, one_operand_that_is_not_given);
    tcase_add_test(cases, operands_that_are_not_given);
    tcase_add_test(cases, an_op_without_its_second_operand);
    tcase_add_test(cases, results_of_what_is_not_given);
    tcase_add_test(cases, params_and_variables_that_are_null);
    tcase_add_test(cases, nets_and_data_that_are_null);
    return run_suite(suite);
}
