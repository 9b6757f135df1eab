/* losses.h - losses: composed of ops, so that every derivative of any order follows.
 *
 * Names, argument order and defaults are PyTorch's (torch.nn.functional) where it has the loss. x stands for the input or prediction, t for the
 * target, both [batch, c]; nothing is broadcast: TG_SHAPE_MISMATCH on the tape. A loss of two tensors has two forms, name(input, target) for the
 * mean, which tg_mlp_options.loss takes too, and name_with(input, target, options), where options may be NULL. The others take options at once.
 *
 * What is given weight or probability zero adds zero, even where its own loss is infinite, and so does its derivative: a choice, never 0 * inf. */
#ifndef TAPEGRAD_LOSSES_H
#define TAPEGRAD_LOSSES_H

#include <tapegrad/tape.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- reduction ---- */

/* What becomes of the losses l: those of single elements [batch, c], or of rows [batch, 1], as each loss says. */
typedef enum tg_reduction {
    TG_DEFAULT_REDUCTION = 0,   /* the mean */
    TG_REDUCE_MEAN,             /* [1, 1]: sum l / count; with weights w, sum w l / sum w, and 0 where sum w is 0 (PyTorch: NaN) */
    TG_REDUCE_SUM,              /* [1, 1]: sum w l */
    TG_REDUCE_NONE,             /* w l, as they are */
    TG_REDUCE_BATCH_MEAN        /* [1, 1]: sum w l / batch, PyTorch's "batchmean" */
} tg_reduction;

/* Of the losses that have no other options. */
typedef struct tg_loss_options {
    tg_tensor    weight;        /* of each element [batch, c], each row [batch, 1] or each column [1, c], not negative; TG_NONE: 1 */
    tg_reduction reduction;
} tg_loss_options;

/* ---- classes. Losses of rows: [batch, 1] without reduction ---- */

typedef struct tg_cross_entropy_options {
    tg_tensor    weight;            /* of classes, [1, classes], not negative; TG_NONE: 1 */
    tg_tensor    sample_weight;     /* of rows, [batch, 1], not negative; TG_NONE: 1 */
    double       label_smoothing;   /* from 0 to 1 */
    bool         ignore;            /* rows whose label is ignore_index count for nothing, whatever their logits; labels only */
    int32_t      ignore_index;      /* in or out of the range of classes (PyTorch: -100, always) */
    tg_reduction reduction;
} tg_cross_entropy_options;

/* With p = softmax(x), e = label_smoothing, class weights w and sample weights s (Szegedy et al. 2016, section 7; combined as in PyTorch):
 *
 *     labels y [batch, 1]          l_i = s_i ((1 - e) w_y (-ln p_iy) + e / c sum_j w_j (-ln p_ij))         mean: sum l_i / sum s_i w_y
 *     distributions [batch, c]     l_i = s_i sum_j w_j ((1 - e) t_ij + e / c) (-ln p_ij)                   mean: sum l_i / sum s_i
 *
 * where ignored rows are in neither sum. dl/dx = p sum_j q_j - q, with q_j what -ln p_ij is multiplied by. A batch all of whose rows are ignored has
 * loss 0 and gradient 0 (PyTorch: NaN). A logit of -inf is a class that is impossible: where q_j = 0 it adds nothing, and else it makes the loss
 * +inf, which smoothing does unless the weight of that class is 0. A label out of range makes the executing call TG_OUT_OF_RANGE. */
TG_API tg_tensor tg_cross_entropy_with(tg_tensor logits, tg_tensor target, const tg_cross_entropy_options *options);

typedef struct tg_nll_loss_options {
    tg_tensor    weight;            /* as above */
    tg_tensor    sample_weight;
    bool         ignore;
    int32_t      ignore_index;
    tg_reduction reduction;
} tg_nll_loss_options;

/* The same of log-probabilities [batch, classes] and labels [batch, 1]: l_i = -s_i w_y x_iy, mean: sum l_i / sum s_i w_y. */
TG_API tg_tensor tg_nll_loss(tg_tensor log_probabilities, tg_tensor labels);
TG_API tg_tensor tg_nll_loss_with(tg_tensor log_probabilities, tg_tensor labels, const tg_nll_loss_options *options);

/* ---- yes or no. Losses of elements: [batch, c] without reduction ---- */

typedef struct tg_binary_cross_entropy_options {
    tg_tensor    weight;            /* as in tg_loss_options, but the mean is sum w l / count, as in PyTorch */
    tg_tensor    pos_weight;        /* of the positive side of each column, [1, c]; TG_NONE: 1 */
    tg_reduction reduction;
} tg_binary_cross_entropy_options;

/* l = pos_weight t softplus(-x) + (1 - t) softplus(x), t in [0, 1]; dl/dx = (1 - t) sigmoid(x) - pos_weight t sigmoid(-x). Logits of +-inf are
 * certainty: where the target agrees, the loss is 0. */
TG_API tg_tensor tg_binary_cross_entropy_with_logits_with(tg_tensor logits, tg_tensor target, const tg_binary_cross_entropy_options *options);

typedef struct tg_focal_loss_options {
    double       alpha;             /* weight of t = 1, and 1 - alpha of t = 0. 0: 0.25; TG_ZERO; -1: no weights */
    double       gamma;             /* not negative. 0: 2; TG_ZERO, which leaves alpha and binary cross-entropy */
    tg_tensor    weight;            /* as in tg_loss_options */
    tg_reduction reduction;
} tg_focal_loss_options;

/* Focal loss, Lin et al. 2017, equation 5, on logits: with z = x where t = 1 and -x where t = 0, and a = alpha or 1 - alpha,
 * l = a sigmoid(-z)^gamma softplus(-z); targets 0 or 1 and nothing between. torchvision's sigmoid_focal_loss, whose reduction is none by default. */
TG_API tg_tensor tg_sigmoid_focal_loss(tg_tensor logits, tg_tensor target);
TG_API tg_tensor tg_sigmoid_focal_loss_with(tg_tensor logits, tg_tensor target, const tg_focal_loss_options *options);

/* l = max(1 - t x, 0), t = -1 or 1 (Cortes and Vapnik 1995); dl/dx = -t where t x < 1, else 0, at the kink too. */
TG_API tg_tensor tg_hinge_loss(tg_tensor input, tg_tensor target);
TG_API tg_tensor tg_hinge_loss_with(tg_tensor input, tg_tensor target, const tg_loss_options *options);

/* l = max(1 - t x, 0)^2; dl/dx = -2 t max(1 - t x, 0), without a kink. */
TG_API tg_tensor tg_squared_hinge_loss(tg_tensor input, tg_tensor target);
TG_API tg_tensor tg_squared_hinge_loss_with(tg_tensor input, tg_tensor target, const tg_loss_options *options);

/* ---- numbers. Losses of elements ---- */

/* l = (x - t)^2; dl/dx = 2 (x - t). */
TG_API tg_tensor tg_mse_loss_with(tg_tensor input, tg_tensor target, const tg_loss_options *options);

/* l = |x - t|; dl/dx = sign(x - t), 0 at the kink x = t. */
TG_API tg_tensor tg_l1_loss(tg_tensor input, tg_tensor target);
TG_API tg_tensor tg_l1_loss_with(tg_tensor input, tg_tensor target, const tg_loss_options *options);

typedef struct tg_huber_loss_options {
    double       delta;             /* positive. 0: 1 */
    tg_tensor    weight;            /* as in tg_loss_options, but the mean is sum w l / count, as in PyTorch */
    tg_reduction reduction;
} tg_huber_loss_options;

/* With d = x - t: l = d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2) (Huber 1964); dl/dx = d, cut to [-delta, delta]. The second derivative
 * is 1 within, 0 beyond, and between them at |d| = delta. */
TG_API tg_tensor tg_huber_loss(tg_tensor input, tg_tensor target);
TG_API tg_tensor tg_huber_loss_with(tg_tensor input, tg_tensor target, const tg_huber_loss_options *options);

typedef struct tg_smooth_l1_loss_options {
    double       beta;              /* not negative. 0: 1; TG_ZERO, which makes it tg_l1_loss */
    tg_tensor    weight;
    tg_reduction reduction;
} tg_smooth_l1_loss_options;

/* l = d^2 / (2 beta) where |d| < beta, else |d| - beta / 2 (Girshick 2015, equation 3): that of Huber with delta = beta, divided by beta. */
TG_API tg_tensor tg_smooth_l1_loss(tg_tensor input, tg_tensor target);
TG_API tg_tensor tg_smooth_l1_loss_with(tg_tensor input, tg_tensor target, const tg_smooth_l1_loss_options *options);

/* ---- distributions. Losses of elements ---- */

typedef struct tg_kl_div_options {
    bool         log_target;        /* the target is log-probabilities too */
    tg_tensor    weight;            /* as in tg_loss_options */
    tg_reduction reduction;         /* the divergence itself is TG_REDUCE_BATCH_MEAN or TG_REDUCE_SUM; the mean, as in PyTorch, is over elements */
} tg_kl_div_options;

/* Kullback and Leibler 1951: l = t (ln t - x), x log-probabilities; with log_target, l = e^t (t - x). dl/dx = -t, dl/dt = ln t + 1 - x. Where
 * t = 0, or with log_target t = -inf, l is 0 whatever x is; dl/dt there is taken to be -x, and 0 with log_target. */
TG_API tg_tensor tg_kl_div(tg_tensor input, tg_tensor target);
TG_API tg_tensor tg_kl_div_with(tg_tensor input, tg_tensor target, const tg_kl_div_options *options);

typedef struct tg_poisson_nll_loss_options {
    bool         rate;              /* x is the rate, and not its logarithm: PyTorch's log_input = False */
    bool         full;              /* with Stirling's t ln t - t + ln(2 pi t) / 2 where t > 1 */
    double       eps;               /* added to a rate before its logarithm. 0: 1e-8; TG_ZERO */
    tg_tensor    weight;            /* as in tg_loss_options */
    tg_reduction reduction;
} tg_poisson_nll_loss_options;

/* l = e^x - t x; of rates, l = x - t ln(x + eps). Counts t that are not negative. dl/dx = e^x - t, and 1 - t / (x + eps). */
TG_API tg_tensor tg_poisson_nll_loss(tg_tensor input, tg_tensor target);
TG_API tg_tensor tg_poisson_nll_loss_with(tg_tensor input, tg_tensor target, const tg_poisson_nll_loss_options *options);

typedef struct tg_gaussian_nll_loss_options {
    bool         full;              /* with the constant ln(2 pi) / 2 */
    double       eps;               /* smallest variance, positive. 0: 1e-6 */
    tg_tensor    weight;            /* as in tg_loss_options */
    tg_reduction reduction;
} tg_gaussian_nll_loss_options;

/* With v = max(var, eps): l = (ln v + (x - t)^2 / v) / 2 (Nix and Weigend 1994); dl/dx = (x - t) / v, dl/dvar = (1 / v - (x - t)^2 / v^2) / 2 where
 * var > eps, half of it at eps, and 0 below (PyTorch takes the derivative at eps). input, target and var have one shape. */
TG_API tg_tensor tg_gaussian_nll_loss(tg_tensor input, tg_tensor target, tg_tensor var, const tg_gaussian_nll_loss_options *options);

/* ---- embeddings. Of rows: [batch, 1] without reduction ---- */

/* Of rows of x1 and x2 [batch, c]: x1 . x2 / (max(|x1|, eps) max(|x2|, eps)), [batch, 1]. eps is positive; 0: 1e-8. The derivative of a norm below
 * eps is 0, that of a row of zeros too. Squares must not overflow. */
TG_API tg_tensor tg_cosine_similarity(tg_tensor x1, tg_tensor x2, double eps);

typedef struct tg_cosine_embedding_loss_options {
    double       margin;            /* from -1 to 1 */
    tg_tensor    weight;            /* of rows, [batch, 1] */
    tg_reduction reduction;
} tg_cosine_embedding_loss_options;

/* With c the cosine similarity of the rows of x1 and x2: l = 1 - c where the target [batch, 1] is 1, and max(c - margin, 0) where it is -1. */
TG_API tg_tensor tg_cosine_embedding_loss(tg_tensor x1, tg_tensor x2, tg_tensor target, const tg_cosine_embedding_loss_options *options);

typedef struct tg_triplet_margin_loss_options {
    double       margin;            /* not negative. 0: 1; TG_ZERO */
    double       eps;               /* added to each difference before its norm is taken. 0: 1e-6; TG_ZERO */
    bool         swap;              /* the negative is compared with whichever of anchor and positive is nearer (Balntas et al. 2016) */
    tg_tensor    weight;            /* of rows, [batch, 1] */
    tg_reduction reduction;
} tg_triplet_margin_loss_options;

/* l = max(|a - p + eps| - |a - n + eps| + margin, 0), with Euclidean norms of rows (Schroff et al. 2015). At the kink 0; the derivative of the norm
 * of zeros is 0. */
TG_API tg_tensor tg_triplet_margin_loss(tg_tensor anchor, tg_tensor positive, tg_tensor negative, const tg_triplet_margin_loss_options *options);

#ifdef __cplusplus
}
#endif
#endif
