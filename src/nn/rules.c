/* rules.c - the built-in optimizers, each a few ops on whole blocks beside its formula. */
#include "nn/optimizer.h"
#include "core/util.h"

#include <math.h>

/* g + weight_decay w */
static tg_tensor decayed(const tg_update_call *call) {
    return call->weight_decay > 0 ? tg_add(call->gradient, tg_scale(call->weights, call->weight_decay)) : call->gradient;
}

/* ---- stochastic gradient descent, Sutskever et al. 2013, as torch.optim.SGD ---- */

/* w = w - rate g */
static tg_tensor sgd(const tg_update_call *call, const void *context) {
    (void)context;
    return tg_axpy(tg_neg(call->rate), decayed(call), call->weights);
}

/* v = momentum v + g;  w = w - rate v, or with Nesterov w = w - rate (g + momentum v) */
static tg_tensor momentum(const tg_update_call *call, const void *context) {
    const tg_rule_constants *c = context;
    const tg_tensor g = decayed(call), factor = tg_constant(g.tape, c->momentum);
    const tg_tensor v = tg_assign(call->state[0], tg_axpy(factor, call->state[0], g));
    return tg_axpy(tg_neg(call->rate), c->nesterov ? tg_axpy(factor, v, g) : v, call->weights);
}

tg_optimizer *tg_sgd_new(tg_params *params, const tg_sgd_options *options) {
    static const tg_sgd_options defaults = { 0 };
    const tg_sgd_options       *o        = options != NULL ? options : &defaults;
    if (!(o->momentum >= 0 && o->momentum < HUGE_VAL)) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_sgd_new: a momentum of %g", o->momentum), NULL;
    if (o->nesterov && o->momentum == 0) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_sgd_new: Nesterov needs a momentum"), NULL;
    const tg_optimizer_options made = { .name = "sgd", .update = o->momentum > 0 ? momentum : sgd, .state_count = o->momentum > 0,
                                        .learning_rate = o->learning_rate, .weight_decay = o->weight_decay, .clip_norm = o->clip_norm,
                                        .allow_unused = o->allow_unused, .groups = o->groups, .group_count = o->group_count };
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
    const tg_tensor m = tg_assign(call->state[0], tg_lerp(call->state[0], g, tg_constant(tape, 1 - c->beta1)));
    const tg_tensor v = tg_assign(call->state[1], tg_lerp(call->state[1], tg_square(g), tg_constant(tape, 1 - c->beta2)));
    const tg_tensor scale = tg_shift(tg_sqrt(tg_div(v, correction(call->step, c->beta2))), c->epsilon);
    return tg_axpy(tg_neg(tg_div(call->rate, correction(call->step, c->beta1))), tg_div(m, scale), w);
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
                                        .weight_decay = tg_option(o->weight_decay, weight_decay), .clip_norm = o->clip_norm,
                                        .allow_unused = o->allow_unused, .groups = o->groups, .group_count = o->group_count };
    return tg_optimizer_with_constants(params, made, c);
}

static const tg_adam_options adam_defaults;

tg_optimizer *tg_adam_new(tg_params *params, const tg_adam_options *options) {
    return adam_new(params, options != NULL ? options : &adam_defaults, adam, "adam", 0);
}

tg_optimizer *tg_adamw_new(tg_params *params, const tg_adam_options *options) {
    return adam_new(params, options != NULL ? options : &adam_defaults, adamw, "adamw", 1e-2);
}
