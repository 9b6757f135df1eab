/* optimizer.c - what all optimizers share: rates, state, step count, clipping, and the executing call. */
#include "nn/optimizer.h"
#include <tapegrad/grad.h>
#include "core/util.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* What belongs to one group of variables. */
typedef struct group {
    char  *name;
    double rate, weight_decay, l1_decay;
} group;

struct tg_optimizer {
    tg_params           *params;
    group               *groups;      /* [group_count] */
    int                  group_count;
    tg_update_fn         update;
    const void          *context;
    tg_rule_constants    constants;
    double               clip_norm, clip_value;
    bool                 allow_unused;
    tg_params          **states;      /* [state_count + 1]; 0 holds the step count */
    int                  state_count;
    tg_variable         *step;
    tg_tensor           *room;        /* [3 group_count + 1 + state_count]: an update allocates nothing */
};

/* ---- making one ---- */

static bool is_rate(double rate) { return rate >= 0 && isfinite(rate); }

static tg_status check_options(const tg_params *params, const tg_optimizer_options *o) {
    if (params == NULL || o->update == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "optimizer: params or the update rule is NULL");
    if (!is_rate(tg_option(o->learning_rate, 1e-3))) return tg_fail_thread(TG_BAD_ARGUMENT, "optimizer: a learning rate of %g", o->learning_rate);
    if (!is_rate(tg_option(o->weight_decay, 0))) return tg_fail_thread(TG_BAD_ARGUMENT, "optimizer: a weight decay of %g", o->weight_decay);
    if (!is_rate(tg_option(o->l1_decay, 0))) return tg_fail_thread(TG_BAD_ARGUMENT, "optimizer: an L1 decay of %g", o->l1_decay);
    if (!is_rate(o->clip_value)) return tg_fail_thread(TG_BAD_ARGUMENT, "optimizer: a clip value of %g", o->clip_value);
    if (!is_rate(o->clip_norm)) return tg_fail_thread(TG_BAD_ARGUMENT, "optimizer: a clip norm of %g", o->clip_norm);
    if (o->state_count < 0 || o->group_count < 0 || (o->group_count > 0 && o->groups == NULL))
        return tg_fail_thread(TG_BAD_ARGUMENT, "optimizer: a count is negative or groups is NULL");
    return tg_group_count(params) > 0 ? TG_OK : tg_fail_thread(TG_BAD_ARGUMENT, "optimizer: params holds no trainable variable");
}

static group *find_group(const tg_optimizer *optimizer, const char *name) {
    for (int i = 0; i < optimizer->group_count; i++)
        if (strcmp(optimizer->groups[i].name, name) == 0) return &optimizer->groups[i];
    return NULL;
}

static tg_status set_group(tg_optimizer *optimizer, const tg_group_options *o) {
    group *g = o->group != NULL ? find_group(optimizer, o->group) : NULL;
    if (g == NULL) return tg_fail_thread(TG_UNKNOWN_NAME, "optimizer: there is no group \"%.100s\"", o->group != NULL ? o->group : "");
    g->rate         = tg_option(o->learning_rate, g->rate);
    g->weight_decay = tg_option(o->weight_decay, g->weight_decay);
    g->l1_decay     = tg_option(o->l1_decay, g->l1_decay);
    if (!is_rate(g->l1_decay)) return tg_fail_thread(TG_BAD_ARGUMENT, "optimizer: L1 decay %g of group \"%.100s\"", g->l1_decay, o->group);
    if (is_rate(g->rate) && is_rate(g->weight_decay)) return TG_OK;
    return tg_fail_thread(TG_BAD_ARGUMENT, "optimizer: rate %g or decay %g of group \"%.100s\"", g->rate, g->weight_decay, o->group);
}

static tg_status make_groups(tg_optimizer *optimizer, const tg_optimizer_options *o) {
    const int count   = tg_group_count(optimizer->params);
    optimizer->groups = tg_allocate((size_t)count * sizeof *optimizer->groups);
    if (optimizer->groups == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "optimizer: no memory");
    optimizer->group_count = count;
    for (int i = 0; i < count; i++) {
        optimizer->groups[i] = (group){ .name = tg_text_copy(tg_group_at(optimizer->params, i)), .rate = tg_option(o->learning_rate, 1e-3),
                                        .weight_decay = tg_option(o->weight_decay, 0), .l1_decay = tg_option(o->l1_decay, 0) };
        if (optimizer->groups[i].name == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "optimizer: no memory");
    }
    for (int i = 0; i < o->group_count; i++) {
        const tg_status status = set_group(optimizer, &o->groups[i]);
        if (status != TG_OK) return status;
    }
    return TG_OK;
}

static tg_status make_states(tg_optimizer *optimizer, const tg_optimizer_options *o) {
    const char *prefix = o->name != NULL ? o->name : "optimizer";
    optimizer->states  = tg_allocate((size_t)(o->state_count + 1) * sizeof(tg_params *));
    if (optimizer->states == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "optimizer: no memory");
    optimizer->state_count = o->state_count;
    optimizer->states[0]   = tg_params_new(0, &(tg_params_options){ .type = TG_F64 });
    char *name = tg_text_format("%s/step", prefix);
    if (name != NULL && optimizer->states[0] != NULL)
        optimizer->step = tg_variable_new(optimizer->states[0], name, 1, 1, &(tg_variable_options){ .state = true });
    tg_text_release(name);
    if (optimizer->step == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "optimizer: no memory");
    for (int i = 1; i <= o->state_count; i++) {
        name = tg_text_format("%s/state%d", prefix, i);
        if (name != NULL) optimizer->states[i] = tg_params_like(optimizer->params, name);
        tg_text_release(name);
        if (optimizer->states[i] == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "optimizer: no memory");
    }
    return TG_OK;
}

static size_t room_bytes(const tg_optimizer *optimizer) {
    return (size_t)(3 * optimizer->group_count + 1 + optimizer->state_count) * sizeof *optimizer->room;
}

static tg_status make_room(tg_optimizer *optimizer) {
    optimizer->room = tg_allocate(room_bytes(optimizer));
    return optimizer->room != NULL ? TG_OK : tg_fail_thread(TG_OUT_OF_MEMORY, "optimizer: no memory");
}

static tg_optimizer *make(tg_params *params, const tg_optimizer_options *o) {
    if (check_options(params, o) != TG_OK) return NULL;
    tg_optimizer *optimizer = tg_allocate(sizeof *optimizer);
    if (optimizer == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "optimizer: no memory"), NULL;
    optimizer->params       = params;
    optimizer->update       = o->update;
    optimizer->context      = o->context;
    optimizer->clip_norm    = o->clip_norm;
    optimizer->clip_value   = o->clip_value;
    optimizer->allow_unused = o->allow_unused;
    if (make_groups(optimizer, o) == TG_OK && make_states(optimizer, o) == TG_OK && make_room(optimizer) == TG_OK) return optimizer;
    tg_optimizer_free(optimizer);
    return NULL;
}

tg_optimizer *tg_optimizer_new(tg_params *params, const tg_optimizer_options *options) {
    if (options == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_optimizer_new: options is NULL"), NULL;
    return make(params, options);
}

tg_optimizer *tg_optimizer_with_constants(tg_params *params, tg_optimizer_options options, tg_rule_constants constants) {
    tg_optimizer *optimizer = make(params, &options);
    if (optimizer == NULL) return NULL;
    optimizer->constants = constants;
    optimizer->context   = &optimizer->constants;
    return optimizer;
}

void tg_optimizer_free(tg_optimizer *optimizer) {
    if (optimizer == NULL) return;
    for (int i = 0; i < optimizer->group_count; i++) tg_text_release(optimizer->groups[i].name);
    for (int i = 0; optimizer->states != NULL && i <= optimizer->state_count; i++) tg_params_free(optimizer->states[i]);
    tg_release(optimizer->room, room_bytes(optimizer));
    tg_release(optimizer->groups, (size_t)optimizer->group_count * sizeof *optimizer->groups);
    tg_release(optimizer->states, (size_t)(optimizer->state_count + 1) * sizeof(tg_params *));
    tg_release(optimizer, sizeof *optimizer);
}

/* ---- recording an update ---- */

/* min(1, clip_norm / norm of all gradients together) */
static tg_tensor clip_factor(const tg_optimizer *optimizer, const tg_tensor gradients[]) {
    tg_tensor squares = tg_sum(tg_square(gradients[0]));
    for (int i = 1; i < optimizer->group_count; i++) squares = tg_add(squares, tg_sum(tg_square(gradients[i])));
    return tg_clip_factor(squares, optimizer->clip_norm);
}

/* g cut to [-clip_value, clip_value]; a NaN stays one */
static tg_tensor cut(const tg_optimizer *optimizer, tg_tensor g) {
    const tg_tensor least = tg_constant(g.tape, -optimizer->clip_value);
    return tg_maximum(tg_neg(tg_maximum(tg_neg(g), least)), least);
}

/* g + l1_decay sign(w) */
static tg_tensor with_l1_decay(tg_tensor g, tg_tensor w, double l1_decay) {
    if (l1_decay == 0) return g;
    const tg_tensor zero = tg_constant(w.tape, 0);
    const tg_tensor above = tg_greater(w, zero), below = tg_greater(zero, w);
    return tg_add(g, tg_scale(tg_sub(above, below), l1_decay));
}

static tg_tensor update_group(const tg_optimizer *optimizer, tg_tape *tape, int i, tg_tensor gradient, tg_tensor step, tg_tensor state[]) {
    const group *g = &optimizer->groups[i];
    for (int k = 0; k < optimizer->state_count; k++) state[k] = tg_use_block(tape, optimizer->states[k + 1], g->name);
    const tg_tensor      weights = tg_use_block(tape, optimizer->params, g->name), decayed = with_l1_decay(gradient, weights, g->l1_decay);
    const tg_update_call call = { .weights = weights, .gradient = decayed, .rate = tg_scalar_input(tape, &g->rate),
                                  .weight_decay = g->weight_decay, .step = step, .state = state };
    return tg_assign(call.weights, optimizer->update(&call, optimizer->context));
}

static tg_status record_updates(const tg_optimizer *optimizer, tg_tape *tape, const tg_tensor gradients[], tg_tensor updated[]) {
    tg_tensor      *state  = optimizer->room + 2 * optimizer->group_count + 1, *clipped = state + optimizer->state_count;
    const tg_tensor before = tg_use(tape, optimizer->step), step = tg_assign(before, tg_shift(before, 1));
    for (int i = 0; i < optimizer->group_count; i++) clipped[i] = optimizer->clip_value > 0 ? cut(optimizer, gradients[i]) : gradients[i];
    const tg_tensor factor = optimizer->clip_norm > 0 ? clip_factor(optimizer, clipped) : (tg_tensor){ 0 };
    for (int i = 0; i < optimizer->group_count; i++) {
        const tg_tensor gradient = optimizer->clip_norm > 0 ? tg_mul(clipped[i], factor) : clipped[i];
        updated[i] = update_group(optimizer, tape, i, gradient, step, state);
    }
    return tg_tape_status(tape);
}

static tg_status check_updates(const tg_optimizer *optimizer, tg_tape *tape, const tg_tensor gradients[], int count) {
    if (optimizer == NULL) return tg_tape_fail(tape, TG_NULL_ARGUMENT, "tg_updates: optimizer is NULL"), tg_tape_status(tape);
    if (count != optimizer->group_count)
        return tg_tape_fail(tape, TG_BAD_ARGUMENT, "tg_updates: %d gradients for %d groups", count, optimizer->group_count), tg_tape_status(tape);
    for (int i = 0; i < count && tg_tape_status(tape) == TG_OK; i++) {      /* nothing is broadcast */
        const tg_tensor weights = tg_use_block(tape, optimizer->params, optimizer->groups[i].name);
        if (tg_rows(gradients[i]) != 1 || tg_cols(gradients[i]) != tg_cols(weights))
            tg_tape_fail(tape, TG_SHAPE_MISMATCH, "tg_updates: the gradient is [%" PRId64 ",%" PRId64 "], and group \"%.100s\" is [1,%" PRId64 "]",
                         tg_rows(gradients[i]), tg_cols(gradients[i]), optimizer->groups[i].name, tg_cols(weights));
    }
    return tg_tape_status(tape);
}

tg_status tg_updates(tg_optimizer *optimizer, const tg_tensor gradients[], int count, tg_tensor updated[]) {
    if (gradients == NULL || updated == NULL || count < 1) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_updates: a list is NULL or empty");
    const tg_tensor failed = { gradients[0].tape, 0, gradients[0].step };
    tg_status       status = failed.tape != NULL ? check_updates(optimizer, failed.tape, gradients, count)
                                                 : tg_fail_thread(TG_NULL_ARGUMENT, "tg_updates: a gradient is not given");
    if (status == TG_OK) status = record_updates(optimizer, failed.tape, gradients, updated);
    for (int i = 0; status != TG_OK && i < count; i++) updated[i] = failed;
    return status;
}

tg_tensor tg_update(tg_optimizer *optimizer, tg_tensor gradient) {
    tg_tensor updated;
    tg_updates(optimizer, &gradient, 1, &updated);
    return updated;
}

/* ---- the executing call ---- */

static tg_status minimize(tg_optimizer *optimizer, tg_tensor loss) {
    tg_tape   *tape  = loss.tape;
    const int  count = optimizer->group_count;
    tg_tensor *list  = optimizer->room, *gradients = optimizer->room + count + 1;      /* list: the loss, then the blocks, then what they become */
    for (int i = 0; i < count; i++) list[i + 1] = tg_use_block(tape, optimizer->params, optimizer->groups[i].name);
    const tg_gradients_options options = { .allow_unused = optimizer->allow_unused };
    tg_status status = tg_gradients(loss, (tg_tensor){ 0 }, list + 1, count, gradients, &options);
    if (status == TG_OK) status = record_updates(optimizer, tape, gradients, list + 1);
    list[0] = tg_require_finite(loss);
    return status == TG_OK ? tg_run_many(list, count + 1) : status;
}

tg_status tg_minimize(tg_optimizer *optimizer, tg_tensor loss) {
    if (optimizer == NULL || loss.tape == NULL)
        return tg_tape_fail(loss.tape, TG_NULL_ARGUMENT, "tg_minimize: optimizer or loss is not given"), TG_NULL_ARGUMENT;
    return tg_tape_status(loss.tape) == TG_OK ? minimize(optimizer, loss) : tg_tape_status(loss.tape);
}

/* ---- rates and state ---- */

double tg_learning_rate(const tg_optimizer *optimizer, const char *name) {
    const group *g = optimizer == NULL ? NULL : name != NULL ? find_group(optimizer, name) : &optimizer->groups[0];
    if (g == NULL)
        return tg_fail_thread(optimizer == NULL ? TG_NULL_ARGUMENT : TG_UNKNOWN_NAME, "tg_learning_rate: no such optimizer or group"), (double)NAN;
    return g->rate;
}

tg_status tg_set_learning_rate(tg_optimizer *optimizer, const char *name, double rate) {
    if (optimizer == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_set_learning_rate: optimizer is NULL");
    if (!is_rate(rate)) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_set_learning_rate: a rate of %g", rate);
    if (name != NULL && find_group(optimizer, name) == NULL)
        return tg_fail_thread(TG_UNKNOWN_NAME, "tg_set_learning_rate: there is no group \"%.100s\"", name);
    for (int i = 0; i < optimizer->group_count; i++)
        if (name == NULL || strcmp(optimizer->groups[i].name, name) == 0) optimizer->groups[i].rate = rate;
    return TG_OK;
}

tg_params *tg_optimizer_state(const tg_optimizer *optimizer, int index) {
    return optimizer != NULL && index >= 0 && index <= optimizer->state_count ? optimizer->states[index] : NULL;
}

tg_params *tg_optimizer_params(const tg_optimizer *optimizer) { return optimizer->params; }
bool       tg_optimizer_allows_unused(const tg_optimizer *optimizer) { return optimizer->allow_unused; }
