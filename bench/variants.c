/* variants.c - times the ways to train a net, interleaved, so that what disturbs the machine disturbs all of them. */
#include "variants.h"
#include "plan/compile.h"

#include <stdio.h>
#include <string.h>

static const double round_seconds = 0.02;

typedef enum variant_kind { BY_HAND, BY_PLAN, BY_RECORDING } variant_kind;

typedef struct variant {
    char          name[32];
    variant_kind  kind;
    floor_net    *floor;
    bench_model  *model;
    tg_plan      *plan;
    int           steps;      /* of a round */
    double       *readings;   /* [MOST_ROUNDS] nanoseconds of a step */
} variant;

typedef struct variant_list {
    const bench_net  *net;
    const batch_data *data;
    variant           at[MOST_VARIANTS];
    int               count;
} variant_list;

/* ---- making them ---- */

static bool start_floor(variant_list *list, variant *v) {
    bench_model *model = bench_model_new(list->net, list->data, list->net->rate, NULL);      /* for the initial weights */
    v->floor = model != NULL ? bench_floor_new(model, list->net->rate) : NULL;
    bench_model_free(model);
    return v->floor != NULL;
}

static bool start_plan(variant *v) {
    tg_tensor outputs[2];
    const int count = bench_record_step(v->model, outputs);
    if (count == 0) return false;
    v->plan = tg_plan_new(NULL, 0, outputs, count, NULL);      /* the data stay where they are: no input to bind */
    return v->plan != NULL;
}

static bool start(variant_list *list, variant_kind kind, const char *name, const tg_tape_options *options) {
    if (list->count == MOST_VARIANTS) return false;
    variant *v = &list->at[list->count++];
    snprintf(v->name, sizeof v->name, "%s", name);
    v->kind     = kind;
    v->readings = calloc(MOST_ROUNDS, sizeof *v->readings);
    if (v->readings == NULL) return false;
    if (kind == BY_HAND) return start_floor(list, v);
    v->model = bench_model_new(list->net, list->data, list->net->rate, options);
    return v->model != NULL && (kind == BY_RECORDING || start_plan(v));
}

static bool start_without_passes(variant_list *list) {
#define PASS_OFF(name) && start(list, BY_RECORDING, "-" #name, &(tg_tape_options){ .passes = "-" #name })
    return true TG_PASSES(PASS_OFF) && start(list, BY_RECORDING, "none", &(tg_tape_options){ .passes = "none" });
}

static bool start_all(variant_list *list, bool with_passes) {
    if (!start(list, BY_HAND, "floor", NULL)) return false;
    if (!start(list, BY_PLAN, "plan", NULL)) return false;
    if (!start(list, BY_RECORDING, "define_by_run", NULL)) return false;
    return !with_passes || (start(list, BY_RECORDING, "eager", &(tg_tape_options){ .eager = true }) && start_without_passes(list));
}

static void free_all(variant_list *list) {
    for (int i = 0; i < list->count; i++) {
        variant *v = &list->at[i];
        tg_plan_free(v->plan);
        bench_model_free(v->model);
        floor_net_free(v->floor);
        free(v->readings);
    }
}

/* ---- timing them ---- */

static bool step(const variant_list *list, variant *v) {
    switch (v->kind) {
        case BY_HAND: list->net->floor_step(v->floor, list->data); return true;
        case BY_PLAN:
            return tg_plan_run(v->plan) == TG_OK;
        case BY_RECORDING: return bench_step(v->model) == TG_OK;
    }
    return false;
}

static bool time_steps(const variant_list *list, variant *v, int count, double *seconds) {
    const double before = seconds_now();
    for (int i = 0; i < count; i++)
        if (!step(list, v)) return fprintf(stderr, "bench: net %s, %s: a step failed\n", list->net->name, v->name), false;
    *seconds = seconds_now() - before;
    return true;
}

static bool choose_steps(const variant_list *list, variant *v) {
    double seconds = 0;
    v->steps = 1;
    if (!time_steps(list, v, 3, &seconds)) return false;      /* compiles, and touches all memory */
    while (time_steps(list, v, v->steps, &seconds) && seconds < round_seconds / 2) v->steps *= 2;
    const double fitting = (double)v->steps * round_seconds / seconds;
    v->steps = fitting > 1 ? (int)fitting : 1;
    return seconds > 0;
}

/* One untimed step first, so that no variant pays for the caches that the one before it filled. */
static bool run_round(const variant_list *list, variant *v, int round) {
    double seconds = 0;
    if (!step(list, v) || !time_steps(list, v, v->steps, &seconds)) return false;
    v->readings[round] = 1e9 * seconds / v->steps;
    return true;
}

static bool run_rounds(variant_list *list, const bench_options *options, int *rounds) {
    const double begin = seconds_now();
    for (*rounds = 0; *rounds < options->rounds; ++*rounds) {
        if (options->seconds > 0 && *rounds > 0 && seconds_now() - begin > options->seconds) return true;
        for (int i = 0; i < list->count; i++)
            if (!run_round(list, &list->at[(i + *rounds) % list->count], *rounds)) return false;
    }
    return true;
}

/* Before the readings are sorted. */
static double ratio_to_floor(const variant_list *list, const variant *v, int rounds) {
    static double ratios[MOST_ROUNDS];
    for (int r = 0; r < rounds; r++) ratios[r] = v->readings[r] / list->at[0].readings[r];
    return spread_of(ratios, rounds).median;
}

int bench_time_variants(const bench_net *net, const batch_data *data, const bench_options *options, variant_result results[MOST_VARIANTS]) {
    variant_list list   = { .net = net, .data = data };
    int          rounds = 0;
    bool         good   = start_all(&list, options->passes);
    for (int i = 0; i < list.count && good; i++) good = choose_steps(&list, &list.at[i]);
    good = good && run_rounds(&list, options, &rounds);
    for (int i = 0; i < list.count && good; i++) results[i].ratio = ratio_to_floor(&list, &list.at[i], rounds);
    for (int i = 0; i < list.count && good; i++) {
        memcpy(results[i].name, list.at[i].name, sizeof results[i].name);
        results[i].nanoseconds = spread_of(list.at[i].readings, rounds);
    }
    free_all(&list);
    return good ? list.count : 0;
}
