/* test_scaler.c - standardisation of inputs. */
#include "support.h"
#include <math.h>
#include <tapegrad/data.h>

#define ROWS 10
static float   ramp[ROWS * 2];      /* row i: i, -i */
static int32_t zeros[ROWS];

static tg_dataset *ramp_data(void) {
    for (int i = 0; i < ROWS; i++) {
        ramp[2 * i]     = (float)i;
        ramp[2 * i + 1] = (float)-i;
    }
    return tg_dataset_of_labels(ramp, ROWS, 2, zeros);
}

START_TEST(scaler_fits_and_leaves_constant_columns) {
    const float   x[] = { 1e6f + 1, 0.1f, 1e6f + 3, 0.1f, 1e6f + 5, 0.1f };
    const int32_t y[] = { 0, 0, 0 };
    double        mean[2], scale[2];
    tg_params    *params = tg_params_new(1, NULL);
    tg_dataset   *data   = tg_dataset_of_labels(x, 3, 2, y);
    tg_scaler     scaler = tg_add_scaler(params, "in", 2);
    ck_assert_ptr_eq(scaler.mean, tg_variable_find(params, "in/mean"));
    ck_assert(tg_variable_is_state(scaler.scale) && tg_variable_file_layout(scaler.scale) == TG_FILE_VECTOR);
    ck_assert_int_eq(tg_variable_read_f64(scaler.scale, scale), TG_OK);
    ck_assert(scale[0] == 1.0 && scale[1] == 1.0);
    ck_assert_int_eq(tg_scaler_fit(scaler, data), TG_OK);
    ck_assert(tg_variable_read_f64(scaler.mean, mean) == TG_OK && tg_variable_read_f64(scaler.scale, scale) == TG_OK);
    ck_assert(mean[0] == 1e6 + 3 && mean[1] == (double)0.1f && scale[1] == 1.0);
    ck_assert_double_eq_tol(scale[0], 1.0 / sqrt(8.0 / 3.0), 1e-7);
    tg_dataset_free(data);
    tg_params_free(params);
}
END_TEST

START_TEST(scaler_refusals) {
    const float   x[] = { 1, INFINITY };
    const int32_t y[] = { 0 };
    tg_params    *params = tg_params_new(1, NULL);
    tg_dataset   *data   = tg_dataset_of_labels(x, 1, 2, y);
    tg_scaler     scaler = tg_add_scaler(params, "in", 2), narrow = tg_add_scaler(params, "narrow", 1);
    ck_assert_int_eq(tg_scaler_fit(scaler, data), TG_NOT_FINITE);
    ck_assert_int_eq(tg_last_error(NULL), TG_NOT_FINITE);
    ck_assert_int_eq(tg_scaler_fit(narrow, data), TG_SHAPE_MISMATCH);
    ck_assert_int_eq(tg_last_error(NULL), TG_SHAPE_MISMATCH);
    ck_assert_ptr_null(tg_add_scaler(params, "in", 2).mean);
    ck_assert_int_eq(tg_last_error(NULL), TG_NAME_TAKEN);
    tg_dataset_free(data);
    tg_params_free(params);
}
END_TEST

/* Both columns have mean 0 and variance 1, and the second one is the first with its sign changed. */
static void expect_standardised(const double out[ROWS * 2]) {
    double sum = 0, squares = 0;
    for (int i = 0; i < ROWS; i++) {
        sum += out[2 * i];
        squares += out[2 * i] * out[2 * i];
        ck_assert_double_eq(out[2 * i + 1], -out[2 * i]);
    }
    ck_assert_double_eq_tol(sum, 0.0, 1e-5);
    ck_assert_double_eq_tol(squares, (double)ROWS, 1e-4);
}

START_TEST(scaler_forward_standardises) {
    double      out[ROWS * 2];
    tg_params  *params = tg_params_new(1, NULL);
    tg_tape    *tape   = tg_tape_new(NULL);
    tg_dataset *data   = ramp_data();
    tg_scaler   scaler = tg_add_scaler(params, "in", 2);
    ck_assert_int_eq(tg_scaler_fit(scaler, data), TG_OK);
    tg_tensor y = tg_scaler_forward(scaler, tg_input(tape, ramp, ROWS, 2));
    ck_assert_msg(tg_run(y) == TG_OK && tg_read_f64(y, out) == TG_OK, "%s", tg_tape_error(tape));
    expect_standardised(out);
    tg_dataset_free(data);
    tg_tape_free(tape);
    tg_params_free(params);
}
END_TEST

/* ---- memory ---- */

typedef struct scaling {
    tg_params  *params;
    tg_tape    *tape;
    tg_dataset *data;
} scaling;

/* A failed fit leaves the scaler as it was: the identity. */
static tg_status fit_or_stay(tg_scaler scaler, const tg_dataset *data) {
    double    mean[2], scale[2];
    tg_status status = tg_scaler_fit(scaler, data);
    ck_assert(tg_variable_read_f64(scaler.mean, mean) == TG_OK && tg_variable_read_f64(scaler.scale, scale) == TG_OK);
    ck_assert(mean[0] == (status == TG_OK ? 4.5 : 0.0) && (scale[0] == 1.0) == (status != TG_OK));
    return status;
}

static tg_status fit_and_scale(const scaling *s) {
    double out[ROWS * 2];
    if (s->params == NULL || s->tape == NULL || s->data == NULL) return TG_OUT_OF_MEMORY;
    tg_scaler scaler = tg_add_scaler(s->params, "in", 2);
    ck_assert_int_eq(scaler.mean == NULL, scaler.scale == NULL);
    if (scaler.mean == NULL) return TG_OUT_OF_MEMORY;
    tg_status status = fit_or_stay(scaler, s->data);
    if (status != TG_OK) return status;
    tg_tensor y = tg_scaler_forward(scaler, tg_input(s->tape, ramp, ROWS, 2));
    status      = tg_run(y);
    if (status == TG_OK) status = tg_read_f64(y, out);
    if (status == TG_OK) expect_standardised(out);
    return status;
}

static tg_status use_scaler(void *context) {
    (void)context;
    scaling   s      = { tg_params_new(1, NULL), tg_tape_new(NULL), ramp_data() };
    tg_status status = fit_and_scale(&s);
    tg_dataset_free(s.data);
    tg_tape_free(s.tape);
    tg_params_free(s.params);
    return status;
}

START_TEST(a_copy_of_params_leaves_the_scaler_as_it_is) {
    tg_params   *params[2];
    tg_variable *weight[2];
    tg_scaler    scaler[2];
    for (int i = 0; i < 2; i++) {
        params[i] = tg_params_new(1, NULL);
        scaler[i] = tg_add_scaler(params[i], "in", 1);
        weight[i] = tg_variable_new(params[i], "w", 1, 1, &(tg_variable_options){ .init = TG_CONSTANT, .scale = i + 1 });
    }
    float value;
    ck_assert_int_eq(tg_variable_write(scaler[0].mean, &(float){ 5 }), TG_OK);
    ck_assert_int_eq(tg_params_copy(params[1], params[0]), TG_OK);
    ck_assert(tg_variable_read(weight[1], &value) == TG_OK && value == 1);
    ck_assert(tg_variable_read(scaler[1].mean, &value) == TG_OK && value == 0);
    for (int i = 0; i < 2; i++) tg_params_free(params[i]);
}
END_TEST

START_TEST(scaler_when_memory_runs_out) {
    let_each_allocation_fail(use_scaler, NULL, 20);
}
END_TEST

int main(void) {
    return RUN_TESTS("scaler", scaler_fits_and_leaves_constant_columns, scaler_refusals, scaler_forward_standardises,
                     a_copy_of_params_leaves_the_scaler_as_it_is, scaler_when_memory_runs_out);
}
