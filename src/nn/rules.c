/* rules.c - the built-in optimizers, each a few ops on whole blocks beside its formula. */
#include "nn/optimizer.h"
#include "core/util.h"

#include <math.h>
#include <tapegrad/train.h>

/* g + weight_decay w */
static tg_tensor decayed(const tg_update_call *call) {
    return call->weight_decay > 0 ? tg_add(call->gradient, tg_scale(call->weights, call->weight_decay)) : call->gradient;
}

/* ---- stochastic gradient descent, Sutskever et al. 2013, as torch.optim.SGD ---- */

/* w = w - rate g */
static tg_tensor sgd(const tg_update_call *call, const void *context) {
    (void)context;
    const tg_tensor g = decayed(call);
    return tg_axpy(tg_neg(call->rate), g, call->weights);
}

/* v = momentum v + g;  w = w - rate v, or with Nesterov w = w - rate (g + momentum v) */
static tg_tensor momentum(const tg_update_call *call, const void *context) {
    const tg_rule_constants *c = context;
    const tg_tensor g = decayed(call), factor = tg_constant(g.tape, c->momentum);
    const tg_tensor v = tg_assign(call->state[0], tg_axpy(factor, call->state[0], g));
    const tg_tensor d = c->nesterov ? tg_axpy(factor, v, g) : v;
    return tg_axpy(tg_neg(call->rate), d, call->weights);
}

tg_optimizer *tg_sgd_new(tg_params *params, const tg_sgd_options *options) {
    static const tg_sgd_options defaults = { 0 };
    const tg_sgd_options       *o        = options != NULL ? options : &defaults;
    if (!(o->momentum >= 0 && o->momentum < HUGE_VAL)) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_sgd_new: a momentum of %g", o->momentum), NULL;
    if (o->nesterov && o->momentum == 0) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_sgd_new: Nesterov needs a momentum"), NULL;
    const tg_optimizer_options made = { .name = "sgd", .update = o->momentum > 0 ? momentum : sgd, .state_count = o->momentum > 0,
                                        .learning_rate = o->learning_rate, .weight_decay = o->weight_decay, .l1_decay = o->l1_decay,
                                        .clip_norm = o->clip_norm, .clip_value = o->clip_value, .allow_unused = o->allow_unused,
                                        .groups = o->groups, .group_count = o->group_count };
    return tg_optimizer_with_constants(params, made, (tg_rule_constants){ .momentum = o->momentum, .nesterov = o->nesterov });
}

/* ---- Adam, Kingma and Ba 2015, algorithm 1 ---- */

/* 1 - beta^t = -expm1(t log beta) */
static tg_tensor correction(tg_tensor step, double beta) {
    return beta > 0 ? tg_neg(tg_expm1(tg_scale(step, log(beta)))) : tg_constant(step.tape, 1);
}

/* m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
 * w = w - rate / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + epsilon) */
static tg_tensor adam_step(const tg_update_call *call, const tg_rule_constants *c, tg_tensor g, tg_tensor w) {
    tg_tape        *tape = g.tape;
    const tg_tensor m = tg_assign(call->state[0], tg_lerp(call->state[0], g, tg_constant(tape, 1 - c->beta1))), square = tg_square(g);
    const tg_tensor v = tg_assign(call->state[1], tg_lerp(call->state[1], square, tg_constant(tape, 1 - c->beta2)));
    const tg_tensor above = tg_reciprocal(correction(call->step, c->beta2));      /* of one number, where v has many */
    const tg_tensor scale = tg_shift(tg_sqrt(tg_mul(v, above)), c->epsilon), d = tg_div(m, scale);
    return tg_axpy(tg_neg(tg_div(call->rate, correction(call->step, c->beta1))), d, w);
}

static tg_tensor adam(const tg_update_call *call, const void *context) { return adam_step(call, context, decayed(call), call->weights); }

/* ---- AdamW, Loshchilov and Hutter 2019, algorithm 2: w = w - rate weight_decay w before Adam's step ---- */

static tg_tensor adamw(const tg_update_call *call, const void *context) {
    const tg_tensor w = call->weights;
    return adam_step(call, context, call->gradient, tg_axpy(tg_scale(call->rate, -call->weight_decay), w, w));
}

static tg_optimizer *adam_new(tg_params *params, const tg_adam_options *o, tg_update_fn rule, const char *name, double weight_decay) {
    const tg_rule_constants c = { .beta1 = tg_option(o->beta1, 0.9), .beta2 = tg_option(o->beta2, 0.999), .epsilon = tg_option(o->epsilon, 1e-8) };
    if (!(c.beta1 >= 0 && c.beta1 < 1 && c.beta2 >= 0 && c.beta2 < 1 && c.epsilon >= 0 && c.epsilon < HUGE_VAL))
        return tg_fail_thread(TG_BAD_ARGUMENT, "%s: beta1 = %g, beta2 = %g, epsilon = %g", name, c.beta1, c.beta2, c.epsilon), NULL;
    const tg_optimizer_options made = { .name = name, .update = rule, .state_count = 2, .learning_rate = o->learning_rate,
                                        .weight_decay = tg_option(o->weight_decay, weight_decay), .l1_decay = o->l1_decay,
                                        .clip_norm = o->clip_norm, .clip_value = o->clip_value, .allow_unused = o->allow_unused,
                                        .groups = o->groups, .group_count = o->group_count };
    return tg_optimizer_with_constants(params, made, c);
}

static const tg_adam_options adam_defaults;

tg_optimizer *tg_adam_new(tg_params *params, const tg_adam_options *options) {
    return adam_new(params, options != NULL ? options : &adam_defaults, adam, "adam", 0);
}

tg_optimizer *tg_adamw_new(tg_params *params, const tg_adam_options *options) {
    return adam_new(params, options != NULL ? options : &adam_defaults, adamw, "adamw", 1e-2);
}

/* ---- RMSprop, Hinton 2012, lecture 6e, as torch.optim.RMSprop ---- */

/* s = alpha s + (1 - alpha) g^2, and sqrt(s) + epsilon; centered, sqrt(max(s - m^2, 0)) + epsilon with m = alpha m + (1 - alpha) g; alpha is
 * beta1 */
static tg_tensor rmsprop_norm(const tg_update_call *call, const tg_rule_constants *c, tg_tensor g) {
    const tg_tensor weight = tg_constant(g.tape, 1 - c->beta1);
    tg_tensor       s      = tg_assign(call->state[0], tg_lerp(call->state[0], tg_square(g), weight));
    if (c->centered) s = tg_relu(tg_sub(s, tg_square(tg_assign(call->state[1], tg_lerp(call->state[1], g, weight)))));
    return tg_shift(tg_sqrt(s), c->epsilon);
}

/* w = w - rate g / n, or with momentum b = momentum b + g / n; w = w - rate b */
static tg_tensor rmsprop(const tg_update_call *call, const void *context) {
    const tg_rule_constants *c = context;
    const tg_tensor g = decayed(call);
    tg_tensor       d = tg_div(g, rmsprop_norm(call, c, g));
    if (c->momentum > 0) {
        const tg_tensor b = call->state[c->centered ? 2 : 1];
        d = tg_assign(b, tg_axpy(tg_constant(g.tape, c->momentum), b, d));
    }
    return tg_axpy(tg_neg(call->rate), d, call->weights);
}

tg_optimizer *tg_rmsprop_new(tg_params *params, const tg_rmsprop_options *options) {
    static const tg_rmsprop_options defaults = { 0 };
    const tg_rmsprop_options       *o        = options != NULL ? options : &defaults;
    const tg_rule_constants c = { .beta1 = tg_option(o->alpha, 0.99), .epsilon = tg_option(o->epsilon, 1e-8), .momentum = o->momentum,
                                  .centered = o->centered };
    if (!(c.beta1 >= 0 && c.beta1 < 1 && c.epsilon >= 0 && c.epsilon < HUGE_VAL && c.momentum >= 0 && c.momentum < HUGE_VAL))
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_rmsprop_new: alpha = %g, epsilon = %g, momentum = %g", c.beta1, c.epsilon, c.momentum), NULL;
    const tg_optimizer_options made = { .name = "rmsprop", .update = rmsprop, .state_count = 1 + o->centered + (o->momentum > 0),
                                        .learning_rate = o->learning_rate == 0 ? 1e-2 : o->learning_rate, .weight_decay = o->weight_decay,
                                        .l1_decay = o->l1_decay, .clip_norm = o->clip_norm, .clip_value = o->clip_value,
                                        .allow_unused = o->allow_unused, .groups = o->groups, .group_count = o->group_count };
    return tg_optimizer_with_constants(params, made, c);
}

/* ---- Adagrad, Duchi et al. 2011, as torch.optim.Adagrad ---- */

/* s = s + g^2;  w = w - rate / (1 + (t - 1) decay) g / (sqrt(s) + epsilon) */
static tg_tensor adagrad(const tg_update_call *call, const void *context) {
    const tg_rule_constants *c = context;
    const tg_tensor g = decayed(call), s = tg_assign(call->state[0], tg_add(call->state[0], tg_square(g)));
    const tg_tensor rate = c->decay > 0 ? tg_div(call->rate, tg_shift(tg_scale(tg_shift(call->step, -1), c->decay), 1)) : call->rate;
    const tg_tensor sum  = c->initial > 0 ? tg_shift(s, c->initial) : s;
    const tg_tensor d    = tg_div(g, tg_shift(tg_sqrt(sum), c->epsilon));
    return tg_axpy(tg_neg(rate), d, call->weights);
}

tg_optimizer *tg_adagrad_new(tg_params *params, const tg_adagrad_options *options) {
    static const tg_adagrad_options defaults = { 0 };
    const tg_adagrad_options       *o        = options != NULL ? options : &defaults;
    const tg_rule_constants         c        = { .epsilon = tg_option(o->epsilon, 1e-10), .decay = o->lr_decay, .initial = o->initial };
    if (!(c.decay >= 0 && c.decay < HUGE_VAL && c.initial >= 0 && c.initial < HUGE_VAL && c.epsilon >= 0 && c.epsilon < HUGE_VAL))
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_adagrad_new: lr_decay = %g, initial = %g, epsilon = %g", c.decay, c.initial, c.epsilon), NULL;
    const tg_optimizer_options made = { .name = "adagrad", .update = adagrad, .state_count = 1,
                                        .learning_rate = o->learning_rate == 0 ? 1e-2 : o->learning_rate, .weight_decay = o->weight_decay,
                                        .l1_decay = o->l1_decay, .clip_norm = o->clip_norm, .clip_value = o->clip_value,
                                        .allow_unused = o->allow_unused, .groups = o->groups, .group_count = o->group_count };
    return tg_optimizer_with_constants(params, made, c);
}

/* ---- Rprop, Riedmiller and Braun 1993, as torch.optim.Rprop ---- */

static tg_tensor sign(tg_tensor x, tg_tensor zero) {
    const tg_tensor above = tg_greater(x, zero), below = tg_greater(zero, x);
    return tg_sub(above, below);
}

/* d = d (eta_plus, eta_minus, 1 where g g' > 0, < 0, = 0) within [least, most], g = 0 where g g' < 0;  w = w - d sign(g). A size of 0 has not
 * begun. */
static tg_tensor rprop(const tg_update_call *call, const void *context) {
    const tg_rule_constants *c    = context;
    tg_tape                 *tape = call->weights.tape;
    const tg_tensor zero = tg_constant(tape, 0), product = tg_mul(call->gradient, call->state[0]), size = call->state[1];
    const tg_tensor same = tg_greater(product, zero), turned = tg_greater(zero, product);
    const tg_tensor plus = tg_constant(tape, c->eta_plus), minus = tg_constant(tape, c->eta_minus), one = tg_constant(tape, 1);
    const tg_tensor eta  = tg_select(same, plus, tg_select(turned, minus, one)), next = tg_mul(tg_select(size, size, call->rate), eta);
    const tg_tensor minus_next = tg_neg(next), below = tg_neg(tg_maximum(minus_next, tg_constant(tape, -c->most)));
    const tg_tensor d    = tg_assign(size, tg_maximum(below, tg_constant(tape, c->least)));
    const tg_tensor g    = tg_assign(call->state[0], tg_select(turned, zero, call->gradient));
    return tg_sub(call->weights, tg_mul(d, sign(g, zero)));
}

tg_optimizer *tg_rprop_new(tg_params *params, const tg_rprop_options *options) {
    static const tg_rprop_options defaults = { 0 };
    const tg_rprop_options       *o        = options != NULL ? options : &defaults;
    const tg_rule_constants c = { .eta_minus = tg_option(o->eta_minus, 0.5), .eta_plus = tg_option(o->eta_plus, 1.2),
                                  .least = tg_option(o->least, 1e-6), .most = tg_option(o->most, 50) };
    if (!(c.eta_minus > 0 && c.eta_minus < 1 && c.eta_plus > 1 && c.eta_plus < HUGE_VAL && c.least > 0 && c.least <= c.most && c.most < HUGE_VAL))
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_rprop_new: factors %g and %g, step sizes from %g to %g", c.eta_minus, c.eta_plus, c.least,
                              c.most), NULL;
    const tg_optimizer_options made = { .name = "rprop", .update = rprop, .state_count = 2,
                                        .learning_rate = o->learning_rate == 0 ? 1e-2 : o->learning_rate, .allow_unused = o->allow_unused,
                                        .groups = o->groups, .group_count = o->group_count };
    return tg_optimizer_with_constants(params, made, c);
}
