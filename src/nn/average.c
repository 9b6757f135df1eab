/* average.c - averages of weights, and gradients summed over several batches: state beside params, written by recorded steps. */
#include "nn/optimizer.h"
#include "core/util.h"

#include <math.h>
#include <tapegrad/grad.h>
#include <tapegrad/train.h>

/* ---- averages ---- */

struct tg_average {
    tg_params *params, *values;
    tg_tape   *tape;
    tg_tensor *list;        /* [groups] what is run */
    int        groups;
    double     decay, weight;
    int64_t    count;
};

tg_average *tg_average_new(tg_params *params, const tg_average_options *options) {
    const double decay = options != NULL ? options->decay : 0;
    const char  *name  = options != NULL && options->name != NULL ? options->name : "average";
    if (params == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_average_new: params is NULL"), NULL;
    if (!(decay >= 0 && decay < 1)) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_average_new: decay = %g must be at least 0 and below 1", decay), NULL;
    if (tg_group_count(params) == 0) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_average_new: params holds no trainable variable"), NULL;
    tg_average *a = tg_allocate(sizeof *a);
    if (a == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_average_new: no memory"), NULL;
    a->params = params;
    a->decay  = decay;
    a->groups = tg_group_count(params);
    a->values = tg_params_like(params, name);
    a->tape   = a->values != NULL ? tg_tape_new(&(tg_tape_options){ .type = tg_params_type(params) }) : NULL;
    a->list   = a->tape != NULL ? tg_allocate((size_t)a->groups * sizeof *a->list) : NULL;
    if (a->list != NULL) return a;
    tg_fail_thread(TG_OUT_OF_MEMORY, "tg_average_new: no memory");
    tg_average_free(a);
    return NULL;
}

void tg_average_free(tg_average *a) {
    if (a == NULL) return;
    tg_release(a->list, (size_t)a->groups * sizeof *a->list);
    tg_tape_free(a->tape);
    tg_params_free(a->values);
    tg_release(a, sizeof *a);
}

/* a += weight (w - a), weight = 1 - decay, or 1 / (count + 1) */
tg_status tg_average_update(tg_average *a) {
    if (a == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_average_update: average is NULL");
    if (a->count == 0) {
        const tg_status copied = tg_params_copy(a->values, a->params);
        a->count = copied == TG_OK ? 1 : 0;
        return copied;
    }
    a->weight = a->decay > 0 ? 1 - a->decay : 1 / ((double)a->count + 1);
    tg_begin(a->tape, NULL);
    const tg_tensor weight = tg_scalar_input(a->tape, &a->weight);
    for (int i = 0; i < a->groups; i++) {
        const char     *group = tg_group_at(a->params, i);
        const tg_tensor mean  = tg_use_block(a->tape, a->values, group);
        a->list[i] = tg_assign(mean, tg_lerp(mean, tg_use_block(a->tape, a->params, group), weight));
    }
    const tg_status status = tg_run_many(a->list, a->groups);
    if (status == TG_OK) a->count++;
    else tg_keep_failure(status, tg_tape_error(a->tape));
    return status;
}

tg_params *tg_average_params(const tg_average *average) { return average != NULL ? average->values : NULL; }
int64_t    tg_average_count(const tg_average *average) { return average != NULL ? average->count : 0; }

/* ---- several batches ---- */

struct tg_accumulator {
    tg_optimizer *optimizer;
    tg_params    *sums;
    tg_tensor    *room;         /* [4 groups + 1]: the loss, blocks that become what is run, gradients, sums */
    int           groups;
    double        factor;       /* 1 / batches */
    int64_t       batches;      /* in the sums */
};

static size_t room_bytes(const tg_accumulator *a) { return (size_t)(4 * a->groups + 1) * sizeof *a->room; }

tg_accumulator *tg_accumulator_new(tg_optimizer *optimizer) {
    if (optimizer == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_accumulator_new: optimizer is NULL"), NULL;
    tg_accumulator *a = tg_allocate(sizeof *a);
    if (a == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_accumulator_new: no memory"), NULL;
    a->optimizer = optimizer;
    a->groups    = tg_group_count(tg_optimizer_params(optimizer));
    a->sums      = tg_params_like(tg_optimizer_params(optimizer), "accumulated");
    a->room      = a->sums != NULL ? tg_allocate(room_bytes(a)) : NULL;
    if (a->room != NULL) return a;
    tg_fail_thread(TG_OUT_OF_MEMORY, "tg_accumulator_new: no memory");
    tg_accumulator_free(a);
    return NULL;
}

void tg_accumulator_free(tg_accumulator *a) {
    if (a == NULL) return;
    tg_release(a->room, room_bytes(a));
    tg_params_free(a->sums);
    tg_release(a, sizeof *a);
}

/* sum = sum + g, or w = update(w, (sum + g) / batches) and sum = 0. Returns how many tensors are to be run. */
static int record(tg_accumulator *a, tg_tape *tape, bool update, tg_tensor list[], tg_tensor gradients[], tg_tensor sums[]) {
    const tg_tensor factor = tg_scalar_input(tape, &a->factor);
    int             count  = 0;
    for (int i = 0; i < a->groups; i++) {
        const tg_tensor so_far = tg_use_block(tape, a->sums, tg_group_at(tg_optimizer_params(a->optimizer), i)), total = tg_add(so_far, gradients[i]);
        const tg_tensor next   = update ? tg_broadcast_to(tg_constant(tape, 0), 1, tg_cols(so_far)) : total;
        gradients[i] = tg_mul(total, factor);
        sums[i]      = tg_assign(so_far, next);
    }
    for (int i = 0; i < a->groups; i++) list[count++] = sums[i];
    if (update && tg_updates(a->optimizer, gradients, a->groups, list + count) == TG_OK) count += a->groups;
    return count;
}

static tg_status accumulate(tg_accumulator *a, tg_tensor loss, bool update) {
    tg_tape   *tape = loss.tape;
    tg_tensor *list = a->room, *gradients = list + 2 * a->groups + 1, *sums = gradients + a->groups;
    tg_params *params = tg_optimizer_params(a->optimizer);
    for (int i = 0; i < a->groups; i++) list[i + 1] = tg_use_block(tape, params, tg_group_at(params, i));
    const tg_gradients_options options = { .allow_unused = tg_optimizer_allows_unused(a->optimizer) };
    tg_status status = tg_gradients(loss, (tg_tensor){ 0 }, list + 1, a->groups, gradients, &options);
    if (status != TG_OK) return status;
    a->factor = 1 / ((double)a->batches + 1);
    const int count = record(a, tape, update, list + 1, gradients, sums);
    list[0] = tg_require_finite(loss);
    status  = tg_tape_status(tape) == TG_OK ? tg_run_many(list, count + 1) : tg_tape_status(tape);
    if (status == TG_OK) a->batches = update ? 0 : a->batches + 1;
    return status;
}

tg_status tg_accumulate(tg_accumulator *a, tg_tensor loss, bool update) {
    if (a == NULL || loss.tape == NULL)
        return tg_tape_fail(loss.tape, TG_NULL_ARGUMENT, "tg_accumulate: accumulator or loss is not given"), TG_NULL_ARGUMENT;
    return tg_tape_status(loss.tape) == TG_OK ? accumulate(a, loss, update) : tg_tape_status(loss.tape);
}
