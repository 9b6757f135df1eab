/* schedule.c - learning rates by time, and by what no longer improves. */
#include "nn/optimizer.h"
#include "core/util.h"

#include <inttypes.h>
#include <math.h>
#include <tapegrad/train.h>

static const double pi = 3.14159265358979323846;

/* ---- by time ---- */

static double factor_of(const tg_rate_schedule *s) {
    return tg_option(s->factor, s->kind == TG_RATE_STEP ? 0.1 : s->kind == TG_RATE_EXPONENTIAL ? 0 : 1.0 / 3);
}

static bool is_positive(double x) { return x > 0 && isfinite(x); }

static const char *contradiction(const tg_rate_schedule *s) {
    const bool has_factor = s->kind == TG_RATE_STEP || s->kind == TG_RATE_EXPONENTIAL || s->kind == TG_RATE_LINEAR || s->kind == TG_RATE_CONSTANT;
    if ((int)s->kind < (int)TG_RATE_CONSTANT || (int)s->kind > (int)TG_RATE_ONE_CYCLE) return "there is no such kind";
    if (!is_positive(tg_option(s->rate, 1e-3)) || !(s->least >= 0) || !isfinite(s->least)) return "rate must be positive and least not negative";
    if (s->warmup < 0 || !(tg_option(s->warmup_factor, 1) >= 0) || !isfinite(s->warmup_factor)) return "a warm-up is negative";
    if (s->steps < 0 || (s->steps == 0 && s->kind != TG_RATE_CONSTANT && s->kind != TG_RATE_EXPONENTIAL)) return "steps must be positive";
    if (has_factor && !is_positive(factor_of(s))) return "factor must be positive";
    if (!is_positive(tg_option(s->end_factor, 1))) return "end_factor must be positive";
    const double rise    = tg_option(s->rise, 0.3);
    const bool   divides = is_positive(tg_option(s->div_factor, 25)) && is_positive(tg_option(s->final_div_factor, 1e4));
    if (s->kind == TG_RATE_ONE_CYCLE && !(rise > 0 && rise < 1 && divides))
        return "rise must lie between 0 and 1, and both factors that divide must be positive";
    return NULL;
}

/* end + (start - end) (1 + cos(pi x)) / 2 */
static double anneal(double start, double end, double x) { return end + (start - end) / 2 * (cos(pi * x) + 1); }

static double one_cycle(const tg_rate_schedule *s, double rate, double t) {
    const double first = rate / tg_option(s->div_factor, 25), last = first / tg_option(s->final_div_factor, 1e4), end = (double)s->steps - 1;
    const double top   = tg_option(s->rise, 0.3) * (double)s->steps - 1;
    if (t >= end) return last;
    return t <= top ? anneal(first, rate, t / top) : anneal(rate, last, (t - top) / (end - top));
}

static double rate_after_warmup(const tg_rate_schedule *s, int64_t t) {
    const double rate = tg_option(s->rate, 1e-3), factor = factor_of(s), x = (double)t, steps = (double)s->steps;
    switch (s->kind) {
        case TG_RATE_STEP:        return rate * pow(factor, (double)(t / s->steps));
        case TG_RATE_EXPONENTIAL: return rate * pow(factor, x);
        case TG_RATE_COSINE:      return anneal(rate, s->least, x / steps);
        case TG_RATE_LINEAR:      return rate * (factor + (tg_option(s->end_factor, 1) - factor) * fmin(x, steps) / steps);
        case TG_RATE_ONE_CYCLE:   return one_cycle(s, rate, x);
        default:                  return t < s->steps ? rate * factor : rate;
    }
}

double tg_rate_at(const tg_rate_schedule *s, int64_t t) {
    if (s == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_rate_at: schedule is NULL"), (double)NAN;
    if (t < 0) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_rate_at: t = %" PRId64, t), (double)NAN;
    const char *why = contradiction(s);
    if (why != NULL) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_rate_at: %s", why), (double)NAN;
    if (t >= s->warmup) return rate_after_warmup(s, t - s->warmup);
    const double factor = tg_option(s->warmup_factor, 1.0 / 3);
    return rate_after_warmup(s, 0) * (factor + (1 - factor) * (double)t / (double)s->warmup);
}

tg_status tg_set_rate_at(tg_optimizer *optimizer, const char *group, const tg_rate_schedule *schedule, int64_t t) {
    if (optimizer == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_set_rate_at: optimizer is NULL");
    const double rate = tg_rate_at(schedule, t);
    if (isnan(rate)) return schedule == NULL ? TG_NULL_ARGUMENT : TG_BAD_ARGUMENT;
    return tg_set_learning_rate(optimizer, group, rate);
}

/* ---- by what no longer improves ---- */

static bool is_better(const tg_plateau *p, double number) {
    const double threshold = tg_option(p->threshold, 1e-4);
    if (!p->has_best) return !isnan(number);
    if (p->increasing) return number > (p->absolute ? p->best + threshold : p->best * (1 + threshold));
    return number < (p->absolute ? p->best - threshold : p->best * (1 - threshold));
}

static tg_status reduce(const tg_plateau *p, tg_optimizer *optimizer) {
    const double factor = tg_option(p->factor, 0.1), eps = tg_option(p->eps, 1e-8);
    tg_status    status = TG_OK;
    const char  *group;
    for (int i = 0; status == TG_OK && (group = tg_group_at(tg_optimizer_params(optimizer), i)) != NULL; i++) {
        const double rate = tg_learning_rate(optimizer, group), next = fmax(rate * factor, p->least);
        if (rate - next > eps) status = tg_set_learning_rate(optimizer, group, next);
    }
    return status;
}

tg_status tg_plateau_step(tg_plateau *p, double number, tg_optimizer *optimizer) {
    if (p == NULL || optimizer == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_plateau_step: plateau or optimizer is NULL");
    const double factor = tg_option(p->factor, 0.1);
    if (!(factor >= 0 && factor < 1 && p->least >= 0 && tg_option(p->threshold, 1e-4) >= 0 && tg_option(p->eps, 1e-8) >= 0) || p->cooldown < 0)
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_plateau_step: factor must be below 1, and nothing negative");
    const int patience = p->patience == 0 ? 10 : p->patience < 0 ? 0 : p->patience;
    if (is_better(p, number)) p->best = number, p->has_best = true, p->bad = 0;
    else p->bad++;
    if (p->cooling > 0) p->cooling--, p->bad = 0;
    if (p->bad <= patience) return TG_OK;
    p->cooling = p->cooldown;
    p->bad     = 0;
    return reduce(p, optimizer);
}
