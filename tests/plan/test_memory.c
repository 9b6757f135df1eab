/* test_memory.c - compiling and running when memory runs out, and steps that need no memory any more. */
#include "plan/compare.h"

static float   inputs[128 * 5];
static int32_t labels[128];

static void draw_inputs(void) {
    state = 12;
    for (int i = 0; i < 128 * 5; i++) inputs[i] = (float)draw(-1, 1);
    for (int i = 0; i < 128; i++) labels[i] = draw_below(3);
}

/* ---- each allocation fails in turn ---- */

typedef struct model {
    tg_params    *params;
    tg_optimizer *optimizer;
    tg_tape      *tape;
} model;

static bool add(tg_params *params, const char *name, int64_t rows, int64_t cols, const char *group) {
    return tg_variable_new(params, name, rows, cols, &(tg_variable_options){ .init = TG_NORMAL, .scale = 0.5, .group = group }) != NULL;
}

static bool make_model(model *m) {
    m->params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    if (m->params == NULL || !add(m->params, "w", 5, 7, NULL) || !add(m->params, "b", 1, 7, NULL)) return false;
    if (!add(m->params, "v", 7, 3, "other")) return false;
    m->optimizer = tg_adam_new(m->params, &(tg_adam_options){ .learning_rate = 0.1, .clip_norm = 0.5 });
    m->tape      = m->optimizer != NULL ? tg_tape_new(&(tg_tape_options){ .type = TG_F64, .seed = 4 }) : NULL;
    return m->tape != NULL;
}

static void free_model(model *m) {
    tg_tape_free(m->tape);
    tg_optimizer_free(m->optimizer);
    tg_params_free(m->params);
}

static tg_tensor use(const model *m, const char *name) { return tg_use(m->tape, tg_variable_find(m->params, name)); }

static tg_tensor loss_of(const model *m, int64_t batch) {
    const tg_tensor h = tg_dropout(tg_tanh(tg_linear(tg_input(m->tape, inputs, batch, 5), use(m, "w"), use(m, "b"))), 0.3);
    return tg_cross_entropy(tg_matmul(h, use(m, "v")), tg_labels(m->tape, labels, batch));
}

/* Steps that differ: an assignment of a concat with a kept tensor, then updates of two shapes. */
static tg_status do_step(const model *m, int step) {
    tg_begin(m->tape, &(tg_begin_options){ .training = true });
    if (step % 3 != 0) return tg_minimize(m->optimizer, loss_of(m, step % 3 == 1 ? 3 : 9));
    const tg_tensor b = use(m, "b"), parts[2] = { tg_sin(tg_view(b, 3, 1, 4)), tg_view(b, 0, 1, 3) };
    tg_keep(tg_exp(b));
    return tg_run_many((tg_tensor[]){ tg_assign(b, tg_concat(parts, 2)), tg_require_finite(loss_of(m, 5)) }, 2);
}

enum { STEPS = 6, NUMBERS = 512 };

static int copy_numbers(const model *m, double *to) {
    values v = { .at = to, .capacity = NUMBERS };
    add_params(&v, m->params);
    add_optimizer(&v, m->optimizer);
    ck_assert_uint_lt(v.count, NUMBERS / 2);
    return (int)v.count;
}

/* A step that fails changes nothing, and the same step again gives the bits of a tape that has never failed. */
static tg_status train(void *reference) {
    static double before[NUMBERS], after[NUMBERS];
    model         m      = { 0 };
    tg_status     status = make_model(&m) ? TG_OK : TG_OUT_OF_MEMORY;
    for (int step = 0; step < STEPS && status == TG_OK; step++) {
        const int count = copy_numbers(&m, before);
        for (int tries = 0; tries < 2; tries++) {
            status = do_step(&m, step);
            if (status == TG_OK) break;
            ck_assert_msg(status == TG_OUT_OF_MEMORY, "step %d: %s", step, tg_tape_error(m.tape));
            copy_numbers(&m, after);
            ck_assert_mem_eq(before, after, (size_t)count * sizeof *before);
        }
    }
    if (status == TG_OK) {
        const int count = copy_numbers(&m, after);
        if (isnan(*(double *)reference)) memcpy(reference, after, (size_t)count * sizeof *after);
        ck_assert_mem_eq(reference, after, (size_t)count * sizeof *after);
    }
    free_model(&m);
    tg_last_error(NULL);
    return status;
}

START_TEST(every_allocation_may_fail) {
    static double reference[NUMBERS] = { (double)NAN };
    draw_inputs();
    ck_assert_int_eq(train(reference), TG_OK);
    let_each_allocation_fail(train, reference, 200);
}
END_TEST

/* ---- a fit by hand ---- */

static void *count_allocations(void *context, void *pointer, size_t old_size, size_t new_size, size_t alignment) {
    long *allocations = context;
    if (new_size == 0) {
        free(pointer);
        return NULL;
    }
    ++*allocations;
    void *fresh = aligned_alloc(alignment, (new_size + alignment - 1) / alignment * alignment);
    if (pointer != NULL) memcpy(fresh, pointer, old_size < new_size ? old_size : new_size), free(pointer);
    return fresh;
}

static void descend(const model *m, tg_tensor loss) {
    const tg_tensor blocks[2] = { tg_use_block(m->tape, m->params, "default"), tg_use_block(m->tape, m->params, "other") };
    tg_tensor       gradients[2], list[3] = { tg_require_finite(loss) };
    tg_gradients(loss, TG_NONE, blocks, 2, gradients, NULL);
    tg_updates(m->optimizer, gradients, 2, list + 1);
    ck_assert_msg(tg_run_many(list, 3) == TG_OK, "%s", tg_tape_error(m->tape));
    ck_assert(isfinite(tg_item(loss)));
}

static void fit_an_epoch(const model *m, tg_dataset *data) {
    tg_batch batch;
    while (tg_next_batch(data, &batch)) {
        tg_begin(m->tape, &(tg_begin_options){ .training = true });
        const tg_tensor h    = tg_dropout(tg_tanh(tg_linear(tg_input(m->tape, batch.x, batch.rows, 5), use(m, "w"), use(m, "b"))), 0.3);
        const tg_tensor loss = tg_cross_entropy(tg_matmul(h, use(m, "v")), tg_labels(m->tape, batch.y, batch.rows));
        descend(m, loss);
    }
}

/* Once both lengths of a batch have been met, their walks have the room that they need and their plans are held: shuffling, recording, walking,
 * running and reading allocate nothing. */
START_TEST(the_second_epoch_allocates_nothing) {
    long allocations = 0;
    draw_inputs();
    ck_assert_int_eq(tg_set_allocator(count_allocations, &allocations), TG_OK);
    model       m    = { 0 };
    tg_dataset *data = tg_dataset_of_labels(inputs, 100, 5, labels);
    ck_assert(make_model(&m));
    ck_assert_int_eq(tg_dataset_begin(data, &(tg_epoch_options){ .batch = 16, .shuffle = true, .seed = 2 }), TG_OK);      /* and a last one of 4 */
    fit_an_epoch(&m, data);
    const long after_first = allocations;
    for (int epoch = 1; epoch < 5; epoch++) {
        fit_an_epoch(&m, data);
        ck_assert_int_eq(allocations, after_first);
    }
    tg_tape_statistics s;
    ck_assert_int_eq(tg_tape_stats(m.tape, &s), TG_OK);
    ck_assert_uint_eq(s.compiles, 2);
    ck_assert_uint_eq(s.hits, 5 * 7 - 2);
    tg_dataset_free(data);
    free_model(&m);
    ck_assert_int_eq(tg_set_allocator(NULL, NULL), TG_OK);
}
END_TEST

/* ---- the same with tg_fit ---- */

typedef struct meter { long allocations, after_first; int epochs; } meter;

static bool watch(const tg_progress *p, void *context) {
    meter *m = context;
    if (p->batch < p->batches) return true;
    m->epochs++;
    if (p->epoch == 2) m->after_first = m->allocations;      /* the first validation and what the best epoch is kept in are behind it */
    if (p->epoch > 2) ck_assert_int_eq(m->allocations, m->after_first);
    return true;
}

START_TEST(a_fit_allocates_in_its_first_epoch) {
    meter m = { 0 };
    draw_inputs();
    ck_assert_int_eq(tg_set_allocator(count_allocations, &m.allocations), TG_OK);
    tg_dataset   *data   = tg_dataset_of_labels(inputs, 100, 5, labels);
    tg_params    *params = tg_params_new(4, NULL);
    tg_mlp       *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(5, 8, 8, 3), .dropout = 0.2 });
    tg_optimizer *adam   = tg_adam_new(params, NULL);
    const tg_fit_options options = { .epochs = 6, .batch = 16, .validation = 0.1, .progress = watch, .progress_context = &m };
    ck_assert_int_eq(tg_fit(tg_mlp_model(net), adam, data, &options), TG_OK);
    ck_assert_int_eq(m.epochs, 6);
    tg_optimizer_free(adam);
    tg_mlp_free(net);
    tg_params_free(params);
    tg_dataset_free(data);
    ck_assert_int_eq(tg_set_allocator(NULL, NULL), TG_OK);
}
END_TEST

int main(void) { return RUN_TESTS("memory", every_allocation_may_fail, the_second_epoch_allocates_nothing, a_fit_allocates_in_its_first_epoch); }
