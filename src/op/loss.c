/* loss.c - losses: one number [1,1], the mean over the batch. Each is a sum over rows, so that panels of rows can be added. */
#include "op/builtin.h"
#include "op/sums.h"

/* ---- shapes ---- */

static tg_status same_shapes(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count, (void)attributes;
    *output = (tg_shape){ 1, 1, false };
    *why    = "prediction and target must be matrices of numbers";
    if (in[0].integer || in[1].integer || in[0].rows < 0 || in[1].rows < 0) return TG_TYPE_MISMATCH;
    *why = "prediction and target must have the same shape; nothing is broadcast";
    return in[0].rows == in[1].rows && in[0].cols == in[1].cols ? TG_OK : TG_SHAPE_MISMATCH;
}

static tg_status labels_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count, (void)attributes;
    *output = (tg_shape){ 1, 1, false };
    *why    = "logits are numbers and labels are integers";
    if (in[0].rows < 0 || in[0].integer || !in[1].integer) return TG_TYPE_MISMATCH;
    *why = "there must be one label for each row of logits, and at least one class";
    return in[0].rows == in[1].rows && in[1].cols == 1 && in[0].cols >= 1 ? TG_OK : TG_SHAPE_MISMATCH;
}

static int64_t labels_limit(const tg_shape in[], int count, const void *attributes) {
    (void)count, (void)attributes;
    return in[0].cols;
}

/* ---- kernels: term is the loss of one row, count what a row counts for in the mean. The terms are of the kernel's type and added in double, because
 * there is one after the other for each row of a batch: in float a million of them were off by 4e-4 ---- */

#define LOSS_KERNEL(name, real, suffix, term, per_row)                                                     \
    TG_LOOP void name##_##suffix##_loop(const tg_call *call) {                                             \
        const int64_t cols = call->inputs[0].cols;                                                         \
        double        sum  = 0;                                                                            \
        for (int64_t i = 0; i < call->inputs[0].rows; i++) {                                               \
            const real *x = tg_row_##suffix(call, 0, i);                                                   \
            sum += term(call, x, i, cols);                                                                 \
        }                                                                                                  \
        *(real *)call->output = (real)(sum / (double)(call->all_rows * (per_row)));                        \
    }                                                                                                      \
    TG_BY_LEVEL(name##_##suffix, const tg_call *)

#define TERMS(real, suffix)                                                                                \
    /* logsumexp(x) - x_label */                                                                           \
    TG_LOOP double label_term_##suffix(const tg_call *call, const real *x, int64_t i, int64_t cols) {       \
        real       m;                                                                                      \
        const real above = tg_row_logsumexp_##suffix##_above(x, cols, &m);                                 \
        return (double)(m - x[((const int32_t *)call->inputs[1].data)[i]] + above);                        \
    }                                                                                                      \
    /* sum_j t_j (logsumexp(x) - x_j); where t_j = 0 nothing is added, even if x_j is -inf */              \
    TG_LOOP double distribution_term_##suffix(const tg_call *call, const real *x, int64_t i, int64_t cols) {\
        const real *t = tg_row_##suffix(call, 1, i);                                                       \
        real        m;                                                                                     \
        double      sum = 0;                                                                               \
        const real  above = tg_row_logsumexp_##suffix##_above(x, cols, &m);                                \
        for (int64_t j = 0; j < cols; j++) sum += t[j] != 0 ? (double)(t[j] * (m - x[j] + above)) : 0;     \
        return sum;                                                                                        \
    }                                                                                                      \
    /* sum_j max(x_j, 0) - t_j x_j + ln(1 + e^-|x_j|) */                                                   \
    TG_LOOP double binary_term_##suffix(const tg_call *call, const real *x, int64_t i, int64_t cols) {      \
        const real *t = tg_row_##suffix(call, 1, i);                                                       \
        double      sum = 0;                                                                               \
        for (int64_t j = 0; j < cols; j++) sum += (double)((x[j] > 0 ? x[j] : 0) - t[j] * x[j] + log1p(exp(-fabs(x[j]))));\
        return sum;                                                                                        \
    }                                                                                                      \
    /* sum_j (x_j - t_j)^2 */                                                                              \
    TG_LOOP double square_term_##suffix(const tg_call *call, const real *x, int64_t i, int64_t cols) {      \
        const real *t = tg_row_##suffix(call, 1, i);                                                       \
        double      sum = 0;                                                                               \
        for (int64_t j = 0; j < cols; j++) sum += (double)((x[j] - t[j]) * (x[j] - t[j]));                 \
        return sum;                                                                                        \
    }                                                                                                      \
    LOSS_KERNEL(cross_entropy, real, suffix, label_term_##suffix, 1)                                       \
    LOSS_KERNEL(cross_entropy_distribution, real, suffix, distribution_term_##suffix, 1)                   \
    LOSS_KERNEL(binary_cross_entropy_with_logits, real, suffix, binary_term_##suffix, cols)                \
    LOSS_KERNEL(mse_loss, real, suffix, square_term_##suffix, cols)
TERMS(float, f32)
TERMS(double, f64)

/* ---- rules: each argument that records is recorded by a statement of its own, so that every compiler records in the same order ---- */

/* g / rows, and g / elements */
static tg_tensor per_row(const tg_application *a, tg_tensor g) { return tg_scale(g, 1 / (double)tg_rows(a->inputs[0])); }
static tg_tensor per_element(const tg_application *a, tg_tensor g) {
    return tg_scale(g, 1 / ((double)tg_rows(a->inputs[0]) * (double)tg_cols(a->inputs[0])));
}

/* dL/dx = (softmax(x) - onehot(t)) g / rows */
static void cross_entropy_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) {
    const tg_tensor x = a->inputs[0], target = tg_one_hot(a->inputs[1], tg_cols(x));
    const tg_tensor share = per_row(a, g);
    cotangents[0] = tg_mul(tg_sub(tg_softmax(x), target), share);
}

/* dL/dx = (softmax(x) sum_j t_j - t) g / rows;  dL/dt = -ln softmax(x) g / rows */
static void cross_entropy_distribution_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) {
    const tg_tensor x = a->inputs[0], t = a->inputs[1];
    if (a->wanted[0]) {
        const tg_tensor share = per_row(a, g), total = tg_sum_cols(t);
        cotangents[0] = tg_mul(tg_sub(tg_mul(tg_softmax(x), total), t), share);
    }
    if (a->wanted[1]) {
        const tg_tensor share = per_row(a, g);
        cotangents[1] = tg_mul(tg_neg(tg_log_softmax(x)), share);
    }
}

/* dL/dx = (sigmoid(x) - t) g / elements;  dL/dt = -x g / elements */
static void binary_cross_entropy_with_logits_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) {
    const tg_tensor x = a->inputs[0], t = a->inputs[1];
    if (a->wanted[0]) {
        const tg_tensor share = per_element(a, g);
        cotangents[0] = tg_mul(tg_sub(tg_sigmoid(x), t), share);
    }
    if (a->wanted[1]) {
        const tg_tensor share = per_element(a, g);
        cotangents[1] = tg_mul(tg_neg(x), share);
    }
}

/* dL/dx = 2 (x - t) g / elements = -dL/dt */
static void mse_loss_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) {
    const tg_tensor share = tg_scale(per_element(a, g), 2), slope = tg_mul(tg_sub(a->inputs[0], a->inputs[1]), share);
    if (a->wanted[0]) cotangents[0] = slope;
    if (a->wanted[1]) cotangents[1] = tg_neg(slope);
}

/* ---- meanings in other ops ---- */

static tg_tensor cross_entropy_expand(const tg_application *a) {
    const tg_tensor x = a->inputs[0], zero = tg_constant(a->tape, 0), t = tg_one_hot(a->inputs[1], tg_cols(x));
    return tg_neg(tg_mean(tg_sum_cols(tg_select(t, tg_log_softmax(x), zero))));
}

static tg_tensor cross_entropy_distribution_expand(const tg_application *a) {
    const tg_tensor x = a->inputs[0], t = a->inputs[1], zero = tg_constant(a->tape, 0);
    return tg_neg(tg_mean(tg_sum_cols(tg_select(t, tg_mul(t, tg_log_softmax(x)), zero))));
}

static tg_tensor binary_cross_entropy_with_logits_expand(const tg_application *a) {
    const tg_tensor x = a->inputs[0], t = a->inputs[1], softplus = tg_softplus(x);
    return tg_mean(tg_sub(softplus, tg_mul(t, x)));
}

static tg_tensor mse_loss_expand(const tg_application *a) { return tg_mean(tg_square(tg_sub(a->inputs[0], a->inputs[1]))); }

/* ---- examples for checks ---- */

static bool labels_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    (void)cols;
    example->shapes[1] = (tg_shape){ rows, 1, true };
    return index == 0;
}

static bool targets_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    (void)rows, (void)cols;
    example->lo[1] = 0.05;
    example->hi[1] = 0.95;
    return index == 0;
}

#define LOSS(name_, shape_, limit_, example_, text_, tex_)                                                           \
    const tg_op tg_##name_##_op = { .size = sizeof(tg_op), .name = #name_, .arity = 2, .flags = TG_OP_ROW_SUM, .shape = shape_, .limit = limit_, \
                                    .expand = name_##_expand, .f32 = name_##_f32, .f64 = name_##_f64, .vjp = name_##_vjp, \
                                    .text = text_, .tex = tex_, .example = example_ };
LOSS(cross_entropy, labels_shape, labels_limit, labels_example, "-mean(ln(softmax(%0)) at %1)",
     "-\\mathrm{mean}\\,\\ln\\mathrm{softmax}(%0)_{%1}")
LOSS(cross_entropy_distribution, same_shapes, NULL, targets_example, "-mean(sum_cols(%1 * ln(softmax(%0))))",
     "-\\mathrm{mean}\\sum_j %1 \\ln\\mathrm{softmax}(%0)")
LOSS(binary_cross_entropy_with_logits, same_shapes, NULL, targets_example, "mean(softplus(%0) - %1 * %0)",
     "\\mathrm{mean}(\\ln(1 + e^{%0}) - %1\\,%0)")
LOSS(mse_loss, same_shapes, NULL, NULL, "mean((%0 - %1)^2)", "\\mathrm{mean}\\,(%0 - %1)^2")

/* ---- the slope of cross-entropy as one op, for plans: what cross_entropy_vjp records, where nothing else reads what lies between. s is a number
 * of the program, as in the gradient of a loss, or a tensor [1, 1] ---- */

typedef struct { int64_t classes; double factor; } slope;

static tg_status slope_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    const tg_status status = labels_shape(in, count, attributes, output, why);
    *output = in[0];
    if (status != TG_OK) return status;
    *why = "there must be as many classes as columns of logits";
    if (((const slope *)attributes)->classes != in[0].cols) return TG_SHAPE_MISMATCH;
    if (count < 3) return TG_OK;
    *why = "the factor must be [1,1]";
    return in[2].rows == 1 && in[2].cols == 1 && !in[2].integer ? TG_OK : TG_SHAPE_MISMATCH;
}

/* y = (softmax(x) - onehot(t)) s, row by row; labels have been checked */
#define SLOPE_KERNEL(name, real, suffix, factor)                                                           \
    TG_LOOP void name##_##suffix##_loop(const tg_call *call) {                                             \
        const int32_t *label = call->inputs[1].data;                                                       \
        const real     s     = (factor);                                                                   \
        for (int64_t i = call->row_begin; i < call->row_end; i++) {                                        \
            real *y = tg_output_row_##suffix(call, i);                                                     \
            tg_row_softmax_##suffix(tg_row_##suffix(call, 0, i), call->cols, y);                           \
            y[label[i]] -= 1;                                                                              \
            for (int64_t j = 0; j < call->cols; j++) y[j] *= s;                                            \
        }                                                                                                  \
    }                                                                                                      \
    TG_BY_LEVEL(name##_##suffix, const tg_call *)
SLOPE_KERNEL(cross_entropy_slope, float, f32, (float)((const slope *)call->attributes)->factor)
SLOPE_KERNEL(cross_entropy_slope, double, f64, ((const slope *)call->attributes)->factor)
SLOPE_KERNEL(cross_entropy_slope_by, float, f32, *(const float *)call->inputs[2].data)
SLOPE_KERNEL(cross_entropy_slope_by, double, f64, *(const double *)call->inputs[2].data)

static tg_tensor distance(const tg_application *a) {
    const tg_tensor softmax = tg_softmax(a->inputs[0]);
    return tg_sub(softmax, tg_one_hot(a->inputs[1], ((const slope *)a->attributes)->classes));
}
static tg_tensor cross_entropy_slope_expand(const tg_application *a) { return tg_scale(distance(a), ((const slope *)a->attributes)->factor); }
static tg_tensor cross_entropy_slope_by_expand(const tg_application *a) { return tg_mul(distance(a), a->inputs[2]); }

#define SLOPE(name_, arity_, text_)                                                                        \
    static const tg_op name_##_op = { .size = sizeof(tg_op), .name = #name_, .arity = arity_, .attribute_size = sizeof(slope), \
                                      .flags = TG_OP_ROWWISE, .shape = slope_shape, .limit = labels_limit, \
                                      .expand = name_##_expand, .f32 = name_##_f32, .f64 = name_##_f64, .text = text_ };
SLOPE(cross_entropy_slope, 2, "c * (softmax(%0) - one_hot(%1))")
SLOPE(cross_entropy_slope_by, 3, "(softmax(%0) - one_hot(%1)) * %2")

/* In the order written: scale or mul, sub, softmax, one_hot. */
static bool slope_attributes(const void *const matched[], void *attributes) {
    *(slope *)attributes = (slope){ *(const int64_t *)matched[3], *(const double *)matched[0] };
    return true;
}

static bool slope_by_attributes(const void *const matched[], void *attributes) {
    *(slope *)attributes = (slope){ *(const int64_t *)matched[3], 1 };
    return true;
}

const tg_fusion tg_cross_entropy_slope_fusion = { .size = sizeof(tg_fusion), .name = "cross_entropy_slope", .op = &cross_entropy_slope_op,
                                                  .pattern = "scale(sub(softmax(%0), one_hot(%1)))", .attributes = slope_attributes };
const tg_fusion tg_cross_entropy_slope_by_fusion = { .size = sizeof(tg_fusion), .name = "cross_entropy_slope_by", .op = &cross_entropy_slope_by_op,
                                                     .pattern = "mul(sub(softmax(%0), one_hot(%1)), %2)", .attributes = slope_by_attributes };

/* ---- functions ---- */

tg_tensor tg_cross_entropy(tg_tensor logits, tg_tensor target) {
    return tg_apply2(tg_shape_of(target).integer ? &tg_cross_entropy_op : &tg_cross_entropy_distribution_op, logits, target);
}

tg_tensor tg_binary_cross_entropy_with_logits(tg_tensor logits, tg_tensor target) {
    return tg_apply2(&tg_binary_cross_entropy_with_logits_op, logits, target);
}

tg_tensor tg_mse_loss(tg_tensor prediction, tg_tensor target) { return tg_apply2(&tg_mse_loss_op, prediction, target); }
