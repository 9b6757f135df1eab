/* optimizer.h - an optimizer whose rule has constants of its own. */
#ifndef TAPEGRAD_NN_OPTIMIZER_H
#define TAPEGRAD_NN_OPTIMIZER_H

#include <tapegrad/nn.h>

/* The constants of the built-in rules; one struct serves all. */
typedef struct tg_rule_constants {
    double momentum, beta1, beta2, epsilon;
    double decay, initial;                          /* Adagrad */
    double eta_minus, eta_plus, least, most;        /* Rprop */
    bool   nesterov, centered;
} tg_rule_constants;

/* tg_optimizer_new with constants that the optimizer owns and passes to its rule. */
tg_optimizer *tg_optimizer_with_constants(tg_params *params, tg_optimizer_options options, tg_rule_constants constants);

tg_params *tg_optimizer_params(const tg_optimizer *optimizer);
bool       tg_optimizer_allows_unused(const tg_optimizer *optimizer);

/* What an option of type double means: 0 is the default, TG_ZERO is zero. */
static inline double tg_option(double value, double standard) { return value == 0 ? standard : value == TG_ZERO ? 0 : value; }

#endif
