/* normalize.c - rows and columns brought to mean 0 and variance 1, rows to mean square 1. */
#include "core/tape.h"
#include "op/reduction.h"
#include "op/sums.h"

#include <inttypes.h>

typedef struct { double epsilon; } epsilon_of;

static tg_status normal_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    const double    epsilon = ((const epsilon_of *)attributes)->epsilon;
    const tg_status status  = tg_same_shape(in, count, attributes, output, why);
    if (status != TG_OK) return status;
    *why = "epsilon must be finite and not negative";
    return isfinite(epsilon) && epsilon >= 0 ? TG_OK : TG_BAD_ARGUMENT;
}

/* ---- kernels ---- */

#define KERNELS(real, suffix)                                                                              \
    /* y = (x - mean) / sqrt(sum (x - mean)^2 / c + epsilon) */                                            \
    static void layer_norm_##suffix(const tg_call *call) {                                                 \
        const real epsilon = (real)((const epsilon_of *)call->attributes)->epsilon, count = (real)call->cols; \
        for (int64_t i = call->row_begin; i < call->row_end; i++) {                                        \
            const real *x = tg_row_##suffix(call, 0, i);                                                   \
            real       *y = tg_output_row_##suffix(call, i);                                               \
            const real  mean = tg_row_sum_##suffix(x, call->cols) / count;                                 \
            const real  factor = 1 / sqrt(tg_row_spread_##suffix(x, call->cols, mean) / count + epsilon);  \
            for (int64_t j = 0; j < call->cols; j++) y[j] = (x[j] - mean) * factor;                        \
        }                                                                                                  \
    }                                                                                                      \
    /* y = x / sqrt(sum x^2 / c + epsilon) */                                                              \
    static void rms_norm_##suffix(const tg_call *call) {                                                   \
        const real epsilon = (real)((const epsilon_of *)call->attributes)->epsilon, count = (real)call->cols; \
        for (int64_t i = call->row_begin; i < call->row_end; i++) {                                        \
            const real *x = tg_row_##suffix(call, 0, i);                                                   \
            real       *y = tg_output_row_##suffix(call, i);                                               \
            const real  factor = 1 / sqrt(tg_row_spread_##suffix(x, call->cols, 0) / count + epsilon);     \
            for (int64_t j = 0; j < call->cols; j++) y[j] = x[j] * factor;                                 \
        }                                                                                                  \
    }
KERNELS(float, f32)
KERNELS(double, f64)

/* ---- rules. With s = 1 / sqrt(var + epsilon), y = (x - mean) s: dL/dx = s (g - mean(g) - y mean(g y)) ---- */

static tg_tensor inverse_root(const tg_application *a, tg_tensor variance) {
    const tg_tensor one = tg_constant(a->tape, 1);
    return tg_div(one, tg_sqrt(tg_shift(variance, ((const epsilon_of *)a->attributes)->epsilon)));
}

static tg_tensor normal_slope(const tg_application *a, tg_tensor g, tg_tensor variance, tg_tensor (*mean)(tg_tensor)) {
    const tg_tensor y = a->output, root = inverse_root(a, variance), centered = tg_sub(g, mean(g));
    return tg_mul(root, tg_sub(centered, tg_mul(y, mean(tg_mul(g, y)))));
}

static void layer_norm_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) {
    cotangents[0] = normal_slope(a, g, tg_var_cols(a->inputs[0], 0), tg_mean_cols);
}

static void batch_norm_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) {
    cotangents[0] = normal_slope(a, g, tg_var_rows(a->inputs[0], 0), tg_mean_rows);
}

/* the same without the mean of x: dL/dx = s (g - y mean(g y)) */
static void rms_norm_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) {
    const tg_tensor y = a->output, root = inverse_root(a, tg_mean_cols(tg_square(a->inputs[0])));
    cotangents[0] = tg_mul(root, tg_sub(g, tg_mul(y, tg_mean_cols(tg_mul(g, y)))));
}

/* Of the columns; a plan shares mean and variance with what else reads them. */
static tg_tensor batch_norm_expand(const tg_application *a) {
    const tg_tensor x = a->inputs[0], centered = tg_sub(x, tg_mean_rows(x));
    return tg_mul(centered, inverse_root(a, tg_var_rows(x, 0)));
}

TG_EXAMPLE_OF_NUMBERS(epsilon, 0.1)

#define NORMAL(name_, text_, tex_, ...)                                                                    \
    const tg_op tg_##name_##_op = { .size = sizeof(tg_op), .name = #name_, .arity = 1, .attribute_size = sizeof(epsilon_of), \
                                    .shape = normal_shape, .vjp = name_##_vjp, .example = epsilon_example, .text = text_, .tex = tex_, __VA_ARGS__ };

NORMAL(layer_norm, "layer_norm(%0)", "\\mathrm{layernorm}(%0)", .flags = TG_OP_ROWWISE, .f32 = layer_norm_f32, .f64 = layer_norm_f64)
NORMAL(rms_norm, "rms_norm(%0)", "\\mathrm{rmsnorm}(%0)", .flags = TG_OP_ROWWISE, .f32 = rms_norm_f32, .f64 = rms_norm_f64)
NORMAL(batch_norm, "batch_norm(%0)", "\\mathrm{batchnorm}(%0)", .expand = batch_norm_expand)

/* ---- functions ---- */

/* Whether part is one row as wide as x, or not given where that is allowed; else the failure is on the tape. */
static bool is_row_for(tg_tensor x, tg_tensor part, bool needed, const char *caller, const char *what) {
    if (part.tape == NULL && !needed) return true;
    if (part.tape == NULL) return tg_tape_fail(x.tape, TG_NULL_ARGUMENT, "%s: %s is not given", caller, what), false;
    if (tg_check_operand(x.tape, part, caller) != TG_OK) return false;
    if (tg_rows(part) == 1 && tg_cols(part) == tg_cols(x)) return true;
    tg_tape_fail(x.tape, TG_SHAPE_MISMATCH, "%s: %s is [%" PRId64 ",%" PRId64 "] and should be [1,%" PRId64 "]", caller, what, tg_rows(part),
                 tg_cols(part), tg_cols(x));
    return false;
}

static tg_tensor scale_and_shift(tg_tensor y, tg_tensor weight, tg_tensor bias) {
    if (weight.tape != NULL) y = tg_mul(y, weight);
    return bias.tape != NULL ? tg_add(y, bias) : y;
}

tg_tensor tg_layer_norm(tg_tensor x, tg_tensor weight, tg_tensor bias, double epsilon) {
    static const char caller[] = "tg_layer_norm";
    if (tg_check_tensor(x, caller) != TG_OK || !is_row_for(x, weight, false, caller, "weight") || !is_row_for(x, bias, false, caller, "bias"))
        return tg_handle(x.tape, 0);
    return scale_and_shift(tg_apply1(&tg_layer_norm_op, x, &(epsilon_of){ epsilon }), weight, bias);
}

tg_tensor tg_rms_norm(tg_tensor x, tg_tensor weight, double epsilon) {
    static const char caller[] = "tg_rms_norm";
    if (tg_check_tensor(x, caller) != TG_OK || !is_row_for(x, weight, false, caller, "weight")) return tg_handle(x.tape, 0);
    return scale_and_shift(tg_apply1(&tg_rms_norm_op, x, &(epsilon_of){ epsilon }), weight, TG_NONE);
}

/* running = (1 - momentum) running + momentum new, with the unbiased variance */
static void update_running(tg_tensor x, tg_tensor running_mean, tg_tensor running_var, double momentum) {
    const tg_tensor weight = tg_constant(x.tape, momentum);
    if (running_mean.tape != NULL) tg_keep(tg_assign(running_mean, tg_lerp(running_mean, tg_mean_rows(x), weight)));
    if (running_var.tape != NULL) tg_keep(tg_assign(running_var, tg_lerp(running_var, tg_var_rows(x, 1), weight)));
}

static bool batch_norm_fits(tg_tensor x, tg_tensor running_mean, tg_tensor running_var, tg_tensor weight, tg_tensor bias, bool training,
                            double momentum, double epsilon) {
    static const char caller[] = "tg_batch_norm";
    if (tg_check_tensor(x, caller) != TG_OK || !is_row_for(x, weight, false, caller, "weight") || !is_row_for(x, bias, false, caller, "bias") ||
        !is_row_for(x, running_mean, !training, caller, "running_mean") || !is_row_for(x, running_var, !training, caller, "running_var"))
        return false;
    if (!(isfinite(epsilon) && epsilon >= 0) || !(momentum >= 0 && momentum <= 1)) {
        tg_tape_fail(x.tape, TG_BAD_ARGUMENT, "tg_batch_norm: epsilon %g is to be finite and not negative, and momentum %g from 0 to 1", epsilon,
                     momentum);
        return false;
    }
    if (!training || tg_rows(x) != 1) return true;
    tg_tape_fail(x.tape, TG_SHAPE_MISMATCH, "tg_batch_norm: a batch of one row has no variance to train on; choose batches that leave none over");
    return false;
}

tg_tensor tg_batch_norm(tg_tensor x, tg_tensor running_mean, tg_tensor running_var, tg_tensor weight, tg_tensor bias, bool training, double momentum,
                        double epsilon) {
    if (!batch_norm_fits(x, running_mean, running_var, weight, bias, training, momentum, epsilon)) return tg_handle(x.tape, 0);
    if (!training) {
        const tg_tensor root = tg_sqrt(tg_shift(running_var, epsilon));
        return scale_and_shift(tg_div(tg_sub(x, running_mean), root), weight, bias);
    }
    if (tg_rows(x) > 0) update_running(x, running_mean, running_var, momentum);      /* a batch of no rows says nothing of them */
    return scale_and_shift(tg_apply1(&tg_batch_norm_op, x, &(epsilon_of){ epsilon }), weight, bias);
}
