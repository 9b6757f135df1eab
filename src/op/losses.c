/* losses.c - losses as plain C functions of ops: weights, reductions, and each loss beside its formula. */
#include "core/tape.h"
#include "op/builtin.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <tapegrad/losses.h>

/* ---- operands ---- */

/* A failed tensor on the tape of x; TG_NONE if there is none. */
static tg_tensor failed(tg_tensor x) { return x.tape != NULL ? tg_handle(x.tape, 0) : TG_NONE; }

static bool is_given(tg_tensor x) { return x.tape != NULL; }

/* Numbers of the shape of the first operand, or a sentence. */
static bool is_matrix(const char *caller, const char *name, tg_tensor x, tg_tensor of) {
    const tg_shape want = tg_shape_of(of), have = tg_shape_of(x);
    if (tg_check_operand(of.tape, x, caller) != TG_OK) return false;
    if (have.integer) return tg_fail(of.tape, TG_TYPE_MISMATCH, "%s: %s holds integers and must hold numbers", caller, name), false;
    if (have.rows == want.rows && have.cols == want.cols) return true;
    tg_fail(of.tape, TG_SHAPE_MISMATCH,
            "%s: %s is [%" PRId64 ",%" PRId64 "] and must be [%" PRId64 ",%" PRId64 "] like the first operand; nothing is broadcast", caller, name,
            have.rows, have.cols, want.rows, want.cols);
    return false;
}

static bool is_first(const char *caller, tg_tensor x) {
    if (tg_check_tensor(x, caller) != TG_OK) return false;
    if (tg_shape_of(x).integer) return tg_fail(x.tape, TG_TYPE_MISMATCH, "%s: the first operand holds integers and must hold numbers", caller), false;
    return true;
}

static bool is_pair(const char *caller, tg_tensor input, tg_tensor target) {
    return is_first(caller, input) && is_matrix(caller, "target", target, input);
}

/* A weight, or none, of the shape [rows, cols]. */
static bool is_weight(const char *caller, const char *name, tg_tensor weight, tg_tape *tape, int64_t rows, int64_t cols) {
    if (!is_given(weight)) return true;
    if (tg_check_operand(tape, weight, caller) != TG_OK) return false;
    const tg_shape have = tg_shape_of(weight);
    if (have.integer) return tg_fail(tape, TG_TYPE_MISMATCH, "%s: %s holds integers and must hold numbers", caller, name), false;
    if (have.rows == rows && have.cols == cols) return true;
    tg_fail(tape, TG_SHAPE_MISMATCH, "%s: %s is [%" PRId64 ",%" PRId64 "] and must be [%" PRId64 ",%" PRId64 "]", caller, name, have.rows, have.cols,
            rows, cols);
    return false;
}

/* Labels, one for each row of x. */
static bool are_labels(const char *caller, tg_tensor labels, tg_tensor x) {
    if (tg_check_operand(x.tape, labels, caller) != TG_OK) return false;
    const tg_shape have = tg_shape_of(labels);
    if (!have.integer) return tg_fail(x.tape, TG_TYPE_MISMATCH, "%s: labels are integers", caller), false;
    if (have.rows == tg_rows(x) && have.cols == 1) return true;
    tg_fail(x.tape, TG_SHAPE_MISMATCH, "%s: labels are [%" PRId64 ",%" PRId64 "] and must be [%" PRId64 ",1], one for each row", caller, have.rows,
            have.cols, tg_rows(x));
    return false;
}

/* An option that must be a number of that range; 0 is its default. */
static double option(double value, double standard) { return value == 0 ? standard : value == TG_ZERO ? 0 : value; }

static bool is_within(const char *caller, const char *name, tg_tape *tape, double value, double lowest, double highest) {
    if (value >= lowest && value <= highest) return true;
    tg_fail(tape, TG_BAD_ARGUMENT, "%s: %s = %g is not from %g to %g", caller, name, value, lowest, highest);
    return false;
}

static bool is_positive(const char *caller, const char *name, tg_tape *tape, double value) {
    if (value > 0 && isfinite(value)) return true;
    tg_fail(tape, TG_BAD_ARGUMENT, "%s: %s = %g must be positive", caller, name, value);
    return false;
}

/* ---- small ops ---- */

static tg_tensor number(tg_tensor like, double value) { return tg_constant(like.tape, value); }

/* max(x, -x): at 0 each side has half of the derivative, which makes 0 */
static tg_tensor absolute(tg_tensor x) { return tg_maximum(x, tg_neg(x)); }

static tg_tensor smaller(tg_tensor x, tg_tensor y) {
    const tg_tensor minus_x = tg_neg(x), minus_y = tg_neg(y);
    return tg_neg(tg_maximum(minus_x, minus_y));
}

static tg_tensor one_minus(tg_tensor x) { return tg_shift(tg_neg(x), 1); }

/* w l; 0 where w = 0 and l = +inf, in value and derivatives: the infinity is taken out before the product. */
static tg_tensor weigh(tg_tensor w, tg_tensor l) {
    const tg_tensor counted = tg_select(w, l, number(l, 0));
    return tg_mul(w, tg_select(tg_greater(l, number(l, (double)FLT_MAX)), counted, l));
}

/* ---- reductions ---- */

/* sum l / weights, and 0 where there are none: their l are zeros then. */
static tg_tensor quotient(tg_tensor sum, tg_tensor weights) { return tg_div(sum, tg_select(weights, weights, number(sum, 1))); }

static bool is_reduction(const char *caller, tg_tape *tape, tg_reduction reduction) {
    if ((int)reduction >= (int)TG_DEFAULT_REDUCTION && (int)reduction <= (int)TG_REDUCE_BATCH_MEAN) return true;
    tg_fail(tape, TG_BAD_ARGUMENT, "%s: there is no reduction %d", caller, (int)reduction);
    return false;
}

/* Of losses that are weighted already; weights [1, 1]: what the mean divides by, TG_NONE: the count. */
static tg_tensor reduced(tg_tensor losses, tg_tensor weights, tg_reduction reduction) {
    switch (reduction) {
        case TG_REDUCE_NONE:       return losses;
        case TG_REDUCE_SUM:        return tg_sum(losses);
        case TG_REDUCE_BATCH_MEAN: return tg_scale(tg_sum(losses), 1 / (double)tg_rows(losses));
        default:                   return is_given(weights) ? quotient(tg_sum(losses), weights) : tg_mean(losses);
    }
}

static bool is_any_weight(const char *caller, tg_tensor weight, tg_tensor losses) {
    if (!is_given(weight)) return true;
    if (tg_check_operand(losses.tape, weight, caller) != TG_OK) return false;
    const tg_shape have = tg_shape_of(weight), of = tg_shape_of(losses);
    if (have.integer) return tg_fail(losses.tape, TG_TYPE_MISMATCH, "%s: weight holds integers and must hold numbers", caller), false;
    if ((have.rows == of.rows && (have.cols == of.cols || have.cols == 1)) || (have.rows == 1 && have.cols == of.cols)) return true;
    tg_fail(losses.tape, TG_SHAPE_MISMATCH,
            "%s: weight is [%" PRId64 ",%" PRId64 "] and must be [%" PRId64 ",%" PRId64 "], one for each row or one for each column", caller,
            have.rows, have.cols, of.rows, of.cols);
    return false;
}

/* Weighted and reduced; by_count: a mean divides by the number of losses, whatever the weights. */
static tg_tensor finish(const char *caller, tg_tensor losses, tg_tensor weight, tg_reduction reduction, bool by_count) {
    if (losses.id == 0) return losses;
    if (!is_any_weight(caller, weight, losses) || !is_reduction(caller, losses.tape, reduction)) return failed(losses);
    if (!is_given(weight)) return reduced(losses, TG_NONE, reduction);
    const double    each    = (double)(tg_rows(losses) * tg_cols(losses)) / (double)(tg_rows(weight) * tg_cols(weight));
    const tg_tensor weights = by_count || reduction == TG_REDUCE_NONE ? TG_NONE : tg_scale(tg_sum(weight), each);
    return reduced(weigh(weight, losses), weights, reduction);
}

static bool is_plain(tg_tensor weight, tg_reduction reduction) {
    return !is_given(weight) && (reduction == TG_DEFAULT_REDUCTION || reduction == TG_REDUCE_MEAN);
}

static const tg_loss_options plain;

/* ---- labels that are ignored: two ops of labels [batch, 1] ---- */

typedef struct { int64_t label; } ignored;

static tg_status labels_to(const tg_shape in[], bool integer, tg_shape *output, const char **why) {
    *why    = "takes integer labels in one column";
    *output = (tg_shape){ in[0].rows, 1, integer };
    return in[0].integer && in[0].cols == 1 ? TG_OK : TG_TYPE_MISMATCH;
}

static tg_status kept_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count, (void)attributes;
    return labels_to(in, false, output, why);
}

static tg_status replaced_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count, (void)attributes;
    return labels_to(in, true, output, why);
}

/* 1 where the label is another one, else 0 */
#define KEPT(real, suffix)                                                                                              \
    static void kept_##suffix(const tg_call *call) {                                                                    \
        const int32_t *label = call->inputs[0].data;                                                                    \
        for (int64_t i = call->row_begin; i < call->row_end; i++)                                                       \
            ((real *)call->output)[i] = label[i] != ((const ignored *)call->attributes)->label ? 1 : 0;                 \
    }
KEPT(float, f32)
KEPT(double, f64)

/* The label, and 0 for the one that is ignored: which class stands for it does not matter, only that it is one. */
static void replaced(const tg_call *call) {
    const int32_t *label = call->inputs[0].data;
    for (int64_t i = call->row_begin; i < call->row_end; i++)
        ((int32_t *)call->output)[i] = label[i] != ((const ignored *)call->attributes)->label ? label[i] : 0;
}

static const tg_op kept_op = { .size = sizeof(tg_op), .name = "kept_labels", .arity = 1, .attribute_size = sizeof(ignored),
                               .flags = TG_OP_ROWWISE | TG_OP_STOP, .shape = kept_shape, .f32 = kept_f32, .f64 = kept_f64, .text = "%0 != ignored",
                               .tex = "[%0 \\ne \\mathrm{ignored}]" };

static const tg_op replaced_op = { .size = sizeof(tg_op), .name = "replaced_labels", .arity = 1, .attribute_size = sizeof(ignored),
                                   .flags = TG_OP_ROWWISE | TG_OP_STOP, .shape = replaced_shape, .f32 = replaced, .f64 = replaced,
                                   .text = "%0 != ignored ? %0 : 0", .tex = "%0" };

/* ---- cross-entropy and the loss of log-probabilities ---- */

static bool are_class_options(const char *caller, tg_tensor x, const tg_cross_entropy_options *o) {
    return is_weight(caller, "weight", o->weight, x.tape, 1, tg_cols(x)) &&
           is_weight(caller, "sample_weight", o->sample_weight, x.tape, tg_rows(x), 1) &&
           is_within(caller, "label_smoothing", x.tape, o->label_smoothing, 0, 1) && is_reduction(caller, x.tape, o->reduction);
}

/* sum_j w_j (-ln p_j), [batch, 1] */
static tg_tensor smoothed(tg_tensor surprise, tg_tensor weight) {
    return tg_sum_cols(is_given(weight) ? weigh(weight, surprise) : surprise);
}

/* The loss of each row and what the row counts for in a mean, [batch, 1]; weights TG_NONE: 1 */
typedef struct row_losses { tg_tensor losses, weights; } row_losses;

static row_losses weighted_labels(tg_tensor surprise, tg_tensor labels, const tg_cross_entropy_options *o) {
    const double    e    = o->label_smoothing;
    const tg_tensor hot  = tg_one_hot(labels, tg_cols(surprise)), zero = number(surprise, 0);
    row_losses      rows = { tg_sum_cols(tg_select(hot, surprise, zero)), TG_NONE };
    if (is_given(o->weight)) {
        rows.weights = tg_sum_cols(tg_select(hot, o->weight, zero));
        rows.losses  = weigh(rows.weights, rows.losses);
    }
    if (e > 0) {
        const tg_tensor all = tg_scale(smoothed(surprise, o->weight), e / (double)tg_cols(surprise));
        rows.losses         = e < 1 ? tg_add(tg_scale(rows.losses, 1 - e), all) : all;
    }
    return rows;
}

/* l_i = sum_j w_j ((1 - e) t_ij + e / c) (-ln p_ij) */
static row_losses weighted_distributions(tg_tensor surprise, tg_tensor target, const tg_cross_entropy_options *o) {
    const double e = o->label_smoothing;
    tg_tensor    q = e > 0 ? tg_shift(tg_scale(target, 1 - e), e / (double)tg_cols(surprise)) : target;
    if (is_given(o->weight)) q = tg_mul(q, o->weight);
    return (row_losses){ tg_sum_cols(weigh(q, surprise)), TG_NONE };
}

static tg_tensor finish_rows(row_losses rows, tg_tensor kept, const tg_cross_entropy_options *o) {
    if (is_given(o->sample_weight)) {
        rows.losses  = weigh(o->sample_weight, rows.losses);
        rows.weights = is_given(rows.weights) ? tg_mul(rows.weights, o->sample_weight) : o->sample_weight;
    }
    if (is_given(kept)) {
        const tg_tensor zero = number(kept, 0);
        rows.losses  = tg_select(kept, rows.losses, zero);
        rows.weights = is_given(rows.weights) ? tg_select(kept, rows.weights, zero) : kept;
    }
    const bool mean = o->reduction == TG_DEFAULT_REDUCTION || o->reduction == TG_REDUCE_MEAN;
    return reduced(rows.losses, mean && is_given(rows.weights) ? tg_sum(rows.weights) : TG_NONE, o->reduction);
}

/* Of labels; x are logits or, with is_log, log-probabilities. The rows that are ignored are taken out of x, whatever they hold. */
static tg_tensor label_loss(tg_tensor x, tg_tensor labels, const tg_cross_entropy_options *o, bool is_log) {
    tg_tensor kept = TG_NONE;
    if (o->ignore) {
        const ignored a = { o->ignore_index };
        kept   = tg_apply1(&kept_op, labels, &a);
        labels = tg_apply1(&replaced_op, labels, &a);
        x      = tg_select(kept, x, number(x, 0));
    }
    const tg_tensor surprise = tg_neg(is_log ? x : tg_log_softmax(x));
    return finish_rows(weighted_labels(surprise, labels, o), kept, o);
}

tg_tensor tg_cross_entropy_with(tg_tensor logits, tg_tensor target, const tg_cross_entropy_options *options) {
    static const tg_cross_entropy_options defaults = { .reduction = TG_DEFAULT_REDUCTION };
    static const char                     caller[] = "tg_cross_entropy_with";
    const tg_cross_entropy_options       *o        = options != NULL ? options : &defaults;
    if (!is_first(caller, logits) || tg_check_operand(logits.tape, target, caller) != TG_OK || !are_class_options(caller, logits, o))
        return failed(logits);
    const bool labels = tg_shape_of(target).integer;
    if (labels ? !are_labels(caller, target, logits) : !is_matrix(caller, "target", target, logits)) return failed(logits);
    if (o->ignore && !labels) return tg_fail(logits.tape, TG_BAD_ARGUMENT, "%s: distributions have no label to ignore", caller), failed(logits);
    if (!o->ignore && o->label_smoothing == 0 && !is_given(o->weight) && is_plain(o->sample_weight, o->reduction))
        return tg_cross_entropy(logits, target);
    if (labels) return label_loss(logits, target, o, false);
    return finish_rows(weighted_distributions(tg_neg(tg_log_softmax(logits)), target, o), TG_NONE, o);
}

tg_tensor tg_nll_loss_with(tg_tensor log_probabilities, tg_tensor labels, const tg_nll_loss_options *options) {
    static const char        caller[] = "tg_nll_loss";
    tg_cross_entropy_options o        = { .reduction = TG_DEFAULT_REDUCTION };
    if (options != NULL)
        o = (tg_cross_entropy_options){ .weight = options->weight, .sample_weight = options->sample_weight, .ignore = options->ignore,
                                        .ignore_index = options->ignore_index, .reduction = options->reduction };
    if (!is_first(caller, log_probabilities) || !are_labels(caller, labels, log_probabilities) || !are_class_options(caller, log_probabilities, &o))
        return failed(log_probabilities);
    return label_loss(log_probabilities, labels, &o, true);
}

/* ---- yes or no ---- */

/* p t softplus(-x) + (1 - t) softplus(x): nothing is subtracted, so that small losses keep their digits */
static tg_tensor binary_losses(tg_tensor x, tg_tensor t, tg_tensor pos_weight) {
    tg_tensor yes = weigh(t, tg_softplus(tg_neg(x)));
    if (is_given(pos_weight)) yes = weigh(pos_weight, yes);
    const tg_tensor no = one_minus(t);
    return tg_add(yes, weigh(no, tg_softplus(x)));
}

tg_tensor tg_binary_cross_entropy_with_logits_with(tg_tensor logits, tg_tensor target, const tg_binary_cross_entropy_options *options) {
    static const tg_binary_cross_entropy_options defaults = { .reduction = TG_DEFAULT_REDUCTION };
    static const char                            caller[] = "tg_binary_cross_entropy_with_logits_with";
    const tg_binary_cross_entropy_options       *o        = options != NULL ? options : &defaults;
    if (!is_pair(caller, logits, target) || !is_weight(caller, "pos_weight", o->pos_weight, logits.tape, 1, tg_cols(logits))) return failed(logits);
    if (is_plain(o->weight, o->reduction) && !is_given(o->pos_weight)) return tg_binary_cross_entropy_with_logits(logits, target);
    return finish(caller, binary_losses(logits, target, o->pos_weight), o->weight, o->reduction, true);
}

/* a sigmoid(-z)^gamma softplus(-z) with z = (2 t - 1) x and sigmoid(-z) = e^-softplus(z) */
static tg_tensor focal_losses(tg_tensor x, tg_tensor t, double alpha, double gamma) {
    const tg_tensor z = tg_mul(tg_shift(tg_scale(t, 2), -1), x);
    tg_tensor       l = tg_softplus(tg_neg(z));
    if (gamma > 0) l = tg_mul(tg_exp(tg_scale(tg_softplus(z), -gamma)), l);
    return alpha >= 0 ? tg_mul(tg_shift(tg_scale(t, 2 * alpha - 1), 1 - alpha), l) : l;
}

tg_tensor tg_sigmoid_focal_loss_with(tg_tensor logits, tg_tensor target, const tg_focal_loss_options *options) {
    static const tg_focal_loss_options defaults = { .reduction = TG_DEFAULT_REDUCTION };
    static const char                  caller[] = "tg_sigmoid_focal_loss";
    const tg_focal_loss_options       *o        = options != NULL ? options : &defaults;
    const double                       alpha = option(o->alpha, 0.25), gamma = option(o->gamma, 2);
    if (!is_pair(caller, logits, target) || !is_within(caller, "alpha", logits.tape, alpha == -1 ? 0 : alpha, 0, 1) ||
        !is_within(caller, "gamma", logits.tape, gamma, 0, DBL_MAX))
        return failed(logits);
    return finish(caller, focal_losses(logits, target, alpha, gamma), o->weight, o->reduction, false);
}

/* max(1 - t x, 0) */
static tg_tensor hinge(tg_tensor x, tg_tensor t) { return tg_relu(one_minus(tg_mul(t, x))); }

tg_tensor tg_hinge_loss_with(tg_tensor input, tg_tensor target, const tg_loss_options *options) {
    const tg_loss_options *o = options != NULL ? options : &plain;
    if (!is_pair("tg_hinge_loss", input, target)) return failed(input);
    return finish("tg_hinge_loss", hinge(input, target), o->weight, o->reduction, false);
}

tg_tensor tg_squared_hinge_loss_with(tg_tensor input, tg_tensor target, const tg_loss_options *options) {
    const tg_loss_options *o = options != NULL ? options : &plain;
    if (!is_pair("tg_squared_hinge_loss", input, target)) return failed(input);
    return finish("tg_squared_hinge_loss", tg_square(hinge(input, target)), o->weight, o->reduction, false);
}

/* ---- numbers ---- */

tg_tensor tg_mse_loss_with(tg_tensor input, tg_tensor target, const tg_loss_options *options) {
    const tg_loss_options *o = options != NULL ? options : &plain;
    if (!is_pair("tg_mse_loss_with", input, target)) return failed(input);
    if (is_plain(o->weight, o->reduction)) return tg_mse_loss(input, target);
    return finish("tg_mse_loss_with", tg_square(tg_sub(input, target)), o->weight, o->reduction, false);
}

tg_tensor tg_l1_loss_with(tg_tensor input, tg_tensor target, const tg_loss_options *options) {
    const tg_loss_options *o = options != NULL ? options : &plain;
    if (!is_pair("tg_l1_loss", input, target)) return failed(input);
    return finish("tg_l1_loss", absolute(tg_sub(input, target)), o->weight, o->reduction, false);
}

/* c (d - c / 2) with c = d cut to [-delta, delta]: d^2 / 2 within, delta (|d| - delta / 2) beyond, and no kink at 0 */
static tg_tensor huber(tg_tensor input, tg_tensor target, double delta) {
    const tg_tensor d = tg_sub(input, target), below = smaller(d, number(d, delta)), cut = tg_maximum(below, number(d, -delta));
    return tg_mul(cut, tg_sub(d, tg_scale(cut, 0.5)));
}

tg_tensor tg_huber_loss_with(tg_tensor input, tg_tensor target, const tg_huber_loss_options *options) {
    static const tg_huber_loss_options defaults = { .reduction = TG_DEFAULT_REDUCTION };
    const tg_huber_loss_options       *o        = options != NULL ? options : &defaults;
    const double                       delta    = option(o->delta, 1);
    if (!is_pair("tg_huber_loss", input, target) || !is_positive("tg_huber_loss", "delta", input.tape, delta)) return failed(input);
    return finish("tg_huber_loss", huber(input, target, delta), o->weight, o->reduction, true);
}

tg_tensor tg_smooth_l1_loss_with(tg_tensor input, tg_tensor target, const tg_smooth_l1_loss_options *options) {
    static const tg_smooth_l1_loss_options defaults = { .reduction = TG_DEFAULT_REDUCTION };
    const tg_smooth_l1_loss_options       *o        = options != NULL ? options : &defaults;
    const double                           beta     = option(o->beta, 1);
    if (!is_pair("tg_smooth_l1_loss", input, target) || !is_within("tg_smooth_l1_loss", "beta", input.tape, beta, 0, DBL_MAX)) return failed(input);
    const tg_tensor losses = beta > 0 ? tg_scale(huber(input, target, beta), 1 / beta) : absolute(tg_sub(input, target));
    return finish("tg_smooth_l1_loss", losses, o->weight, o->reduction, false);
}

/* ---- distributions ---- */

/* t ln t, and 0 at 0 with derivative 0 */
static tg_tensor t_log_t(tg_tensor t) { return tg_mul(t, tg_log(tg_select(t, t, number(t, 1)))); }

/* t (ln t - x), or e^t (t - x) with what has probability zero taken out of both before they are subtracted */
static tg_tensor divergences(tg_tensor x, tg_tensor t, bool log_target) {
    if (!log_target) {
        const tg_tensor entropy = t_log_t(t);
        return tg_add(entropy, weigh(t, tg_neg(x)));
    }
    const tg_tensor impossible = tg_greater(number(t, -(double)FLT_MAX), t), zero = number(t, 0), probability = tg_exp(t);
    const tg_tensor possible_t = tg_select(impossible, zero, t), possible_x = tg_select(impossible, zero, x);
    return tg_mul(probability, tg_sub(possible_t, possible_x));
}

tg_tensor tg_kl_div_with(tg_tensor input, tg_tensor target, const tg_kl_div_options *options) {
    static const tg_kl_div_options defaults = { .reduction = TG_DEFAULT_REDUCTION };
    const tg_kl_div_options       *o        = options != NULL ? options : &defaults;
    if (!is_pair("tg_kl_div", input, target)) return failed(input);
    return finish("tg_kl_div", divergences(input, target, o->log_target), o->weight, o->reduction, false);
}

/* t ln t - t + ln(2 pi t) / 2 where t > 1 (Stirling), else 0 */
static tg_tensor stirling(tg_tensor t) {
    const double    half_log_two_pi = 0.91893853320467274178;
    const tg_tensor large = tg_greater(t, number(t, 1)), safe = tg_select(large, t, number(t, 1)), logarithm = tg_log(safe);
    const tg_tensor most  = tg_sub(tg_mul(safe, logarithm), safe), term = tg_shift(tg_add(most, tg_scale(logarithm, 0.5)), half_log_two_pi);
    return tg_select(large, term, number(t, 0));
}

/* e^x - t x, or x - t ln(x + eps) */
static tg_tensor poisson_losses(tg_tensor x, tg_tensor t, const tg_poisson_nll_loss_options *o, double eps) {
    const tg_tensor mean = o->rate ? x : tg_exp(x), minus_log = tg_neg(o->rate ? tg_log(tg_shift(x, eps)) : x);
    const tg_tensor l    = tg_add(mean, weigh(t, minus_log));
    return o->full ? tg_add(l, stirling(t)) : l;
}

tg_tensor tg_poisson_nll_loss_with(tg_tensor input, tg_tensor target, const tg_poisson_nll_loss_options *options) {
    static const tg_poisson_nll_loss_options defaults = { .reduction = TG_DEFAULT_REDUCTION };
    const tg_poisson_nll_loss_options       *o        = options != NULL ? options : &defaults;
    const double                             eps      = option(o->eps, 1e-8);
    if (!is_pair("tg_poisson_nll_loss", input, target) || !is_within("tg_poisson_nll_loss", "eps", input.tape, eps, 0, DBL_MAX)) return failed(input);
    return finish("tg_poisson_nll_loss", poisson_losses(input, target, o, eps), o->weight, o->reduction, false);
}

/* (ln v + (x - t)^2 / v) / 2, v = max(var, eps) */
tg_tensor tg_gaussian_nll_loss(tg_tensor input, tg_tensor target, tg_tensor var, const tg_gaussian_nll_loss_options *options) {
    static const tg_gaussian_nll_loss_options defaults = { .reduction = TG_DEFAULT_REDUCTION };
    static const char                         caller[] = "tg_gaussian_nll_loss";
    const tg_gaussian_nll_loss_options       *o        = options != NULL ? options : &defaults;
    const double                              eps = option(o->eps, 1e-6), half_log_two_pi = 0.91893853320467274178;
    if (!is_pair(caller, input, target) || !is_matrix(caller, "var", var, input) || !is_positive(caller, "eps", input.tape, eps))
        return failed(input);
    const tg_tensor v = tg_maximum(var, number(var, eps)), log_v = tg_log(v);
    const tg_tensor l = tg_scale(tg_add(log_v, tg_div(tg_square(tg_sub(input, target)), v)), 0.5);
    return finish(caller, o->full ? tg_shift(l, half_log_two_pi) : l, o->weight, o->reduction, false);
}

/* ---- embeddings ---- */

/* max(|x|, eps) of each row: the largest is taken of the squares, so that a row of zeros meets no root of zero */
static tg_tensor norm_above(tg_tensor x, double eps) {
    const tg_tensor square = tg_sum_cols(tg_square(x));
    return tg_sqrt(tg_maximum(square, number(x, eps * eps)));
}

tg_tensor tg_cosine_similarity(tg_tensor x1, tg_tensor x2, double eps) {
    const double smallest = option(eps, 1e-8);
    if (!is_first("tg_cosine_similarity", x1) || !is_matrix("tg_cosine_similarity", "x2", x2, x1) ||
        !is_positive("tg_cosine_similarity", "eps", x1.tape, smallest))
        return failed(x1);
    const tg_tensor product = tg_sum_cols(tg_mul(x1, x2)), norm1 = norm_above(x1, smallest), norm2 = norm_above(x2, smallest);
    return tg_div(tg_div(product, norm1), norm2);
}

tg_tensor tg_cosine_embedding_loss(tg_tensor x1, tg_tensor x2, tg_tensor target, const tg_cosine_embedding_loss_options *options) {
    static const tg_cosine_embedding_loss_options defaults = { .margin = 0 };
    static const char                             caller[] = "tg_cosine_embedding_loss";
    const tg_cosine_embedding_loss_options       *o        = options != NULL ? options : &defaults;
    if (!is_first(caller, x1) || !is_matrix(caller, "x2", x2, x1) || tg_check_operand(x1.tape, target, caller) != TG_OK ||
        !is_weight(caller, "target", target, x1.tape, tg_rows(x1), 1) || !is_within(caller, "margin", x1.tape, o->margin, -1, 1))
        return failed(x1);
    const tg_tensor cosine = tg_cosine_similarity(x1, x2, 0), alike = tg_greater(target, number(target, 0));
    const tg_tensor apart  = one_minus(cosine), too_near = tg_relu(tg_shift(cosine, -o->margin));
    return finish(caller, tg_select(alike, apart, too_near), o->weight, o->reduction, false);
}

/* |x - y + eps| of each row; at 0 its derivative is 0 */
static tg_tensor distance(tg_tensor x, tg_tensor y, double eps) {
    const tg_tensor squares = tg_sum_cols(tg_square(tg_shift(tg_sub(x, y), eps)));
    const tg_tensor root    = tg_sqrt(tg_select(squares, squares, number(x, 1)));
    return tg_select(squares, root, number(x, 0));
}

tg_tensor tg_triplet_margin_loss(tg_tensor anchor, tg_tensor positive, tg_tensor negative, const tg_triplet_margin_loss_options *options) {
    static const tg_triplet_margin_loss_options defaults = { .margin = 0 };
    static const char                           caller[] = "tg_triplet_margin_loss";
    const tg_triplet_margin_loss_options       *o        = options != NULL ? options : &defaults;
    const double                                margin = option(o->margin, 1), eps = option(o->eps, 1e-6);
    if (!is_first(caller, anchor) || !is_matrix(caller, "positive", positive, anchor) || !is_matrix(caller, "negative", negative, anchor) ||
        !is_within(caller, "margin", anchor.tape, margin, 0, DBL_MAX) || !is_within(caller, "eps", anchor.tape, eps, 0, DBL_MAX))
        return failed(anchor);
    tg_tensor far = distance(anchor, negative, eps);
    if (o->swap) far = smaller(far, distance(positive, negative, eps));
    return finish(caller, tg_relu(tg_shift(tg_sub(distance(anchor, positive, eps), far), margin)), o->weight, o->reduction, false);
}

/* ---- the mean, without options ---- */

#define PLAIN(name) tg_tensor tg_##name(tg_tensor input, tg_tensor target) { return tg_##name##_with(input, target, NULL); }
PLAIN(nll_loss)
PLAIN(sigmoid_focal_loss)
PLAIN(hinge_loss)
PLAIN(squared_hinge_loss)
PLAIN(l1_loss)
PLAIN(huber_loss)
PLAIN(smooth_l1_loss)
PLAIN(kl_div)
PLAIN(poisson_nll_loss)
