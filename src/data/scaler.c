/* scaler.c - standardisation of inputs. */
#include <tapegrad/data.h>
#include <tapegrad/ops.h>

#include "core/util.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>

/* ---- the variables ---- */

static tg_scaler add_variables(tg_params *params, const char *mean_name, const char *scale_name, int64_t cols) {
    const tg_variable_options zeros  = { .init = TG_ZEROS, .state = true, .file = TG_FILE_VECTOR };
    const tg_variable_options ones   = { .init = TG_CONSTANT, .scale = 1.0, .state = true, .file = TG_FILE_VECTOR };
    const int                 before = tg_variable_count(params);
    tg_scaler                 scaler;
    scaler.mean  = tg_variable_new(params, mean_name, 1, cols, &zeros);
    scaler.scale = scaler.mean != NULL ? tg_variable_new(params, scale_name, 1, cols, &ones) : NULL;
    if (scaler.scale != NULL) return scaler;
    tg_params_take_back(params, before);
    return (tg_scaler){ NULL, NULL };
}

tg_scaler tg_add_scaler(tg_params *params, const char *name, int64_t cols) {
    tg_scaler scaler = { NULL, NULL };
    if (params == NULL || name == NULL) {
        tg_fail_thread(TG_NULL_ARGUMENT, "tg_add_scaler: params or name is NULL");
        return scaler;
    }
    char *mean = tg_text_format("%s/mean", name), *scale = tg_text_format("%s/scale", name);
    if (mean != NULL && scale != NULL) scaler = add_variables(params, mean, scale, cols);
    else tg_fail_thread(TG_OUT_OF_MEMORY, "no memory for the names of a scaler");
    tg_text_release(mean);
    tg_text_release(scale);
    return scaler;
}

/* ---- fitting ---- */

/* Sums the distances from the first row: in a constant column they are exactly 0, and so is its variance. */
static void compute_means(const tg_dataset *data, double *mean, int64_t cols) {
    const float *first = tg_dataset_row(data, 0);
    int64_t      rows  = tg_dataset_rows(data);
    for (int64_t row = 1; row < rows; row++) {
        const float *x = tg_dataset_row(data, row);
        for (int64_t col = 0; col < cols; col++) mean[col] += (double)x[col] - (double)first[col];
    }
    for (int64_t col = 0; col < cols; col++) mean[col] = (double)first[col] + mean[col] / (double)rows;
}

/* 1 for what no float can scale: a constant column, or one that varies by less than the smallest normal number. */
static double scale_of(double variance) {
    double scale = 1.0 / sqrt(variance);
    return scale <= (double)FLT_MAX ? scale : 1.0;
}

/* The variance of the population, over rows and not rows - 1, in a second pass. */
static void compute_scales(const tg_dataset *data, const double *mean, double *scale, int64_t cols) {
    int64_t rows = tg_dataset_rows(data);
    for (int64_t row = 0; row < rows; row++) {
        const float *x = tg_dataset_row(data, row);
        for (int64_t col = 0; col < cols; col++) {
            double distance = (double)x[col] - mean[col];
            scale[col] += distance * distance;
        }
    }
    for (int64_t col = 0; col < cols; col++) scale[col] = scale_of(scale[col] / (double)rows);
}

static tg_status check_finite(const double *mean, int64_t cols) {
    for (int64_t col = 0; col < cols; col++)
        if (!isfinite(mean[col]))
            return tg_fail_thread(TG_NOT_FINITE, "tg_scaler_fit: column %" PRId64 " (from 0) has a value that is not finite", col);
    return TG_OK;
}

static tg_status fit(tg_scaler scaler, const tg_dataset *data, double *mean, double *scale, int64_t cols) {
    compute_means(data, mean, cols);
    tg_status status = check_finite(mean, cols);
    if (status != TG_OK) return status;
    compute_scales(data, mean, scale, cols);
    status = tg_variable_write_f64(scaler.mean, mean);
    return status == TG_OK ? tg_variable_write_f64(scaler.scale, scale) : status;
}

static tg_status check_shape(const tg_variable *variable, int64_t cols) {
    tg_shape shape = tg_variable_shape(variable);
    if (shape.rows == 1 && shape.cols == cols) return TG_OK;
    return tg_fail_thread(TG_SHAPE_MISMATCH, "tg_scaler_fit: %.200s is [%" PRId64 ", %" PRId64 "], and the data has %" PRId64 " columns",
                          tg_variable_name(variable), shape.rows, shape.cols, cols);
}

tg_status tg_scaler_fit(tg_scaler scaler, const tg_dataset *data) {
    if (scaler.mean == NULL || scaler.scale == NULL || data == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_scaler_fit: scaler or data is NULL");
    int64_t   cols   = tg_dataset_cols(data);
    tg_status status = check_shape(scaler.mean, cols);
    if (status == TG_OK) status = check_shape(scaler.scale, cols);
    if (status != TG_OK) return status;
    size_t  bytes = 2 * (size_t)cols * sizeof(double);
    double *sums  = tg_allocate(bytes);      /* zeros: the means, then the scales */
    if (sums == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "no memory to fit a scaler");
    status = fit(scaler, data, sums, sums + cols, cols);
    tg_release(sums, bytes);
    return status;
}

/* ---- in a step ---- */

tg_tensor tg_scaler_forward(tg_scaler scaler, tg_tensor x) {
    const tg_tensor centered = tg_sub(x, tg_use(x.tape, scaler.mean));
    return tg_mul(centered, tg_use(x.tape, scaler.scale));
}
