/* train.h - what a training loop may need beside nn.h: rate schedules, more optimizers, averages of weights, gradients over several batches, and the
 * first value of a step that is not finite. Names and defaults are PyTorch's where it has them. */
#ifndef TAPEGRAD_TRAIN_H
#define TAPEGRAD_TRAIN_H

#include <tapegrad/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- rates: a number for each t = 0, 1, ..., which counts steps or epochs as you like ---- */

typedef enum tg_rate_schedule_kind {
    TG_RATE_CONSTANT = 0,      /* rate factor while t < steps, then rate (ConstantLR); steps 0: rate */
    TG_RATE_STEP,              /* rate factor^floor(t / steps)                                    factor 0: 0.1 */
    TG_RATE_EXPONENTIAL,       /* rate factor^t                                                   factor: no default */
    TG_RATE_COSINE,            /* least + (rate - least) (1 + cos(pi t / steps)) / 2              Loshchilov and Hutter 2017, equation 5 */
    TG_RATE_LINEAR,            /* rate (factor + (end_factor - factor) min(t, steps) / steps)     factor 0: 1/3, end_factor 0: 1 */
    TG_RATE_ONE_CYCLE          /* by cosine from rate / div_factor at 0 to rate at rise steps - 1, then to rate / div_factor / final_div_factor at
                                * steps - 1 (Smith and Topin 2017, with two phases as OneCycleLR); later it stays there */
} tg_rate_schedule_kind;

typedef struct tg_rate_schedule {
    tg_rate_schedule_kind kind;
    double           rate;                 /* 0: 1e-3 */
    int64_t          steps;                /* positive, but for a constant and an exponential */
    double           factor, end_factor;   /* positive; of a constant 0 means 1/3, as in PyTorch */
    double           least;                /* of a cosine */
    double           rise;                 /* of one cycle: 0: 0.3 */
    double           div_factor, final_div_factor;      /* 0: 25 and 1e4 */
    int64_t          warmup;               /* so many steps first, on a line from warmup_factor times the first rate up to it; t counts
                                            * from their end */
    double           warmup_factor;        /* 0: 1/3, TG_ZERO: LinearLR before another by SequentialLR */
} tg_rate_schedule;

/* The rate for t >= 0. NaN, with the reason for tg_last_error, if the schedule contradicts itself. */
TG_API double tg_rate_at(const tg_rate_schedule *schedule, int64_t t);

/* Sets it on a group of the optimizer (NULL: all groups), as tg_set_learning_rate does. Between steps. */
TG_API tg_status tg_set_rate_at(tg_optimizer *optimizer, const char *group, const tg_rate_schedule *schedule, int64_t t);

/* Rates that fall when a number, such as the validation loss, no longer does: ReduceLROnPlateau. */
typedef struct tg_plateau {
    double factor;             /* 0: 0.1; below 1 */
    int    patience;           /* numbers in a row without improvement that are let pass. 0: 10; -1: none */
    double threshold;          /* of an improvement. 0: 1e-4; TG_ZERO */
    bool   absolute;           /* better is below best - threshold, instead of best (1 - threshold) */
    bool   increasing;         /* better is larger: above best + threshold, or best (1 + threshold) */
    int    cooldown;           /* numbers after a fall that are not counted */
    double least;              /* no rate falls below it */
    double eps;                /* a fall that is not larger does not happen. 0: 1e-8; TG_ZERO */
    bool   has_best;           /* this and the rest is where it stands: zero at first */
    double best;
    int    bad, cooling;
} tg_plateau;

/* Tells it the next number; may multiply the rate of each group by factor. A NaN is no improvement. */
TG_API tg_status tg_plateau_step(tg_plateau *plateau, double number, tg_optimizer *optimizer);

/* ---- optimizers. What they do not have of their own is as in tg_optimizer_options ---- */

/* RMSprop (Hinton 2012, lecture 6e; Graves 2013 with centered), as torch.optim.RMSprop: g += weight_decay w; s = alpha s + (1 - alpha) g^2;
 * n = sqrt(s) + epsilon; w -= rate g / n. With momentum b = momentum b + g / n; w -= rate b. With centered m = alpha m + (1 - alpha) g and
 * n = sqrt(max(s - m^2, 0)) + epsilon, where PyTorch has the root of what rounding makes negative, a NaN. */
typedef struct tg_rmsprop_options {
    double                  learning_rate;     /* 0: 1e-2; TG_ZERO */
    double                  alpha;             /* 0: 0.99; TG_ZERO */
    double                  epsilon;           /* 0: 1e-8; TG_ZERO */
    double                  momentum;
    bool                    centered;
    double                  weight_decay, l1_decay;
    double                  clip_norm, clip_value;
    bool                    allow_unused;
    const tg_group_options *groups;
    int                     group_count;
} tg_rmsprop_options;

TG_API tg_optimizer *tg_rmsprop_new(tg_params *params, const tg_rmsprop_options *options);

/* Adagrad (Duchi et al. 2011), as torch.optim.Adagrad: g += weight_decay w; s += g^2; w -= rate / (1 + (t - 1) lr_decay) g / (sqrt(s) + epsilon). */
typedef struct tg_adagrad_options {
    double                  learning_rate;     /* 0: 1e-2; TG_ZERO */
    double                  lr_decay;
    double                  initial;           /* of s: initial_accumulator_value; the state holds what is added to it */
    double                  epsilon;           /* 0: 1e-10; TG_ZERO */
    double                  weight_decay, l1_decay;
    double                  clip_norm, clip_value;
    bool                    allow_unused;
    const tg_group_options *groups;
    int                     group_count;
} tg_adagrad_options;

TG_API tg_optimizer *tg_adagrad_new(tg_params *params, const tg_adagrad_options *options);

/* Rprop (Riedmiller and Braun 1993, the form that takes no step back), as torch.optim.Rprop. Each weight has a step size d, the learning rate at
 * first, and from then on no longer. Where the gradient has the sign of the last one d = d eta_plus, where it has the other d = d eta_minus and g =
 * 0, both within [least, most]; w -= d sign(g). For whole batches: it looks at signs alone. */
typedef struct tg_rprop_options {
    double                  learning_rate;           /* 0: 1e-2 */
    double                  eta_minus, eta_plus;     /* 0: 0.5 and 1.2 */
    double                  least, most;             /* 0: 1e-6 and 50 */
    bool                    allow_unused;
    const tg_group_options *groups;                  /* whose weight decay has no meaning here */
    int                     group_count;
} tg_rprop_options;

TG_API tg_optimizer *tg_rprop_new(tg_params *params, const tg_rprop_options *options);

/* ---- averages of weights ---- */

typedef struct tg_average tg_average;

typedef struct tg_average_options {
    double      decay;     /* a = decay a + (1 - decay) w; 0: a is the mean of all w so far (Izmailov et al. 2018, stochastic weight averaging) */
    const char *name;      /* of its variables; NULL: "average" */
} tg_average_options;

/* Of the trainable variables of params, which must outlive it and not grow. NULL on failure. */
TG_API tg_average *tg_average_new(tg_params *params, const tg_average_options *options);
TG_API void        tg_average_free(tg_average *average);

/* Takes in the weights as they are now: copies them the first time, as PyTorch's AveragedModel does. An executing call on a tape of its own; between
 * steps. */
TG_API TG_MUST_CHECK tg_status tg_average_update(tg_average *average);

/* The averages, to be saved, or copied into params by tg_params_copy. The average owns them. */
TG_API tg_params *tg_average_params(const tg_average *average);
TG_API int64_t    tg_average_count(const tg_average *average);      /* updates so far */

/* ---- one update from several batches ---- */

typedef struct tg_accumulator tg_accumulator;

/* Sums gradients for the optimizer, which must outlive it. NULL on failure. */
TG_API tg_accumulator *tg_accumulator_new(tg_optimizer *optimizer);
TG_API void            tg_accumulator_free(tg_accumulator *accumulator);

/* An executing call: adds the gradient of loss to the sum. With update, it updates instead, with the mean of the gradients so far, this one included,
 * and begins anew; so that several batches of one size update as one batch does. loss must be finite; on failure nothing has changed. */
TG_API TG_MUST_CHECK tg_status tg_accumulate(tg_accumulator *accumulator, tg_tensor loss, bool update);

/* ---- anomalies ---- */

/* Where a value is not finite. */
typedef struct tg_anomaly {
    tg_tensor tensor;
    int64_t   row, col;      /* of the first such element */
    double    value;
} tg_anomaly;

/* Looks for the first node of the step, in the order recorded and leaves included, that has an element that is infinite or NaN. If there is one,
 * TG_NOT_FINITE, with a sentence for tg_last_error that names node, op, scope, element and the operands there; for what a derivative rule recorded,
 * the forward node too. So record the loss, and with tg_grad what is differentiated, and ask before the executing call. *anomaly may be NULL.
 *
 * Like tg_look it computes beside the step, all values at once, and nothing stays of it. After an executing call that failed, begin and record the
 * step again: draws are the same. tg_fit does all this by itself with tg_fit_options.find_anomaly. */
TG_API tg_status tg_find_anomaly(tg_tape *tape, tg_anomaly *anomaly);

#ifdef __cplusplus
}
#endif
#endif
