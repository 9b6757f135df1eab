/* test_sequences.c - steps that change from one to the next on one tape: each gives what it gives on a new tape, and plans are found again. */
#include "plan/random_net.h"

/* ---- one step, as its seed says: on any tape, with any copy of the variables ---- */

typedef struct world {
    net           net;
    tg_optimizer *optimizer;
    tg_tape      *tape;
    tg_type       type;
    values        seen;
} world;

static void see(world *w, tg_status status) { add_number(&w->seen, status); }

static void see_value(world *w, tg_tensor tensor) {
    if (tg_tape_status(w->tape) == TG_OK) add_tensor(&w->seen, tensor);
}

static void run_and_see(world *w, const tg_tensor tensors[], int count) {
    const tg_status status = tg_run_many(tensors, count);
    see(w, status);
    for (int i = 0; i < count && status == TG_OK; i++) see_value(w, tensors[i]);
}

static tg_variable *some_variable(const world *w) {
    static const char *const names[] = { "w0", "w1", "b0", "b1", "s" };
    return tg_variable_find(w->net.params, names[draw_below(5)]);
}

static void run_alone(world *w, tg_tensor loss) { run_and_see(w, &loss, 1); }

static void minimize(world *w, tg_tensor loss) {
    see(w, tg_minimize(w->optimizer, loss));
    see_value(w, loss);
}

static void assign_one(world *w, tg_tensor loss) {
    tg_variable    *v    = some_variable(w);
    const tg_tensor old  = tg_use(w->tape, v), next = tg_assign(old, tg_scale(tg_tanh(old), 1 - 1e-3 * draw_below(3)));
    run_and_see(w, (tg_tensor[]){ loss, next, tg_sum(old), tg_sum(tg_square(next)) }, 4);
}

/* What is recorded depends on what was read: some ten calls. */
static void descend_in_a_loop(world *w, tg_tensor loss) {
    run_alone(w, loss);
    const double first = tg_tape_status(w->tape) == TG_OK ? tg_item(loss) : 0;
    double       value = first;
    for (int i = 0; i < 11 && tg_tape_status(w->tape) == TG_OK && value > first * 0.97 - 0.02 * i; i++) {
        const tg_tensor v = tg_use(w->tape, tg_variable_find(w->net.params, "w1")), sum = tg_mean(tg_square(tg_shift(v, i % 3)));
        tg_keep(tg_exp(v));
        run_and_see(w, (tg_tensor[]){ sum, tg_assign(v, tg_axpy(tg_constant(w->tape, -0.1), tg_grad(sum, v), v)) }, 2);
        if (tg_tape_status(w->tape) == TG_OK) value = tg_item(sum) * 0.1 + value * 0.9;
    }
}

static void fail_a_shape(world *w, tg_tensor loss) {
    if (draw_below(2) == 0) run_alone(w, loss);
    const tg_tensor bad = tg_matmul(tg_input(w->tape, net_inputs, 2, 3), tg_input(w->tape, net_inputs, 2, 3));
    run_and_see(w, (tg_tensor[]){ bad, loss }, 2);
}

static void fail_a_label(world *w, tg_tensor loss) {
    static const int32_t labels[3] = { 0, 9, 1 };
    const tg_tensor v = tg_use(w->tape, some_variable(w)), twice = tg_assign(v, tg_scale(v, 2));
    const tg_tensor hot = tg_one_hot(tg_labels(w->tape, labels, 3), draw_below(2) == 0 ? 9 : 10);
    run_and_see(w, (tg_tensor[]){ twice, tg_sum_rows(hot), loss }, 3);
}

static void fail_a_check(world *w, tg_tensor loss) {
    const tg_tensor v = tg_use(w->tape, tg_variable_find(w->net.params, "s")), odd = tg_log(draw_below(2) == 0 ? v : tg_square(v));
    run_and_see(w, (tg_tensor[]){ tg_assign(v, tg_scale(v, -1)), tg_require_finite(odd), loss }, 3);
}

static void use_a_stale_handle(world *w, tg_tensor loss) {
    const tg_tensor v = tg_use(w->tape, tg_variable_find(w->net.params, "b1")), other = tg_use(w->tape, tg_variable_find(w->net.params, "b0"));
    run_and_see(w, (tg_tensor[]){ tg_assign(v, tg_shift(v, 0.5)), tg_sum(other) }, 2);
    run_and_see(w, (tg_tensor[]){ tg_use(w->tape, tg_variable_find(w->net.params, "b1")) }, 1);
    run_and_see(w, (tg_tensor[]){ draw_below(2) == 0 ? v : tg_sum(v), loss }, 2);
}

static void use_an_old_handle(world *w, tg_tensor loss) {
    tg_begin(w->tape, NULL);
    const tg_tensor x = tg_input(w->tape, net_inputs, 1, 2);
    if (draw_below(2) == 0) tg_add(x, loss);
    run_and_see(w, &x, 1);
    tg_run(loss) == TG_OK ? ck_abort() : see(w, tg_tape_status(w->tape));
}

static void fail_a_gradient(world *w, tg_tensor loss) {
    const tg_tensor x = tg_input(w->tape, net_inputs, 3, 3), map = tg_map(x, wave, wave_slope), first = tg_grad(tg_sum(tg_mul(map, x)), x);
    if (draw_below(2) == 0) run_and_see(w, (tg_tensor[]){ first, loss }, 2);
    run_alone(w, draw_below(2) == 0 ? tg_grad(tg_sum(first), x) : tg_grad(loss, x));
}

static void write_twice(world *w, tg_tensor loss) {
    const tg_tensor v = tg_use(w->tape, tg_variable_find(w->net.params, "w1")), block = tg_use_block(w->tape, w->net.params, "default");
    run_and_see(w, (tg_tensor[]){ loss, tg_assign(block, tg_scale(block, 2)), tg_assign(v, tg_scale(v, 2)) }, 3);
}

static void run_nothing(world *w, tg_tensor loss) { see(w, tg_tape_status(loss.tape) == TG_OK ? TG_OK : tg_tape_status(w->tape)); }

static void read_what_was_not_kept(world *w, tg_tensor loss) {
    double          out[MOST_WIDTH];
    const tg_tensor row = tg_mean_rows(tg_input(w->tape, net_inputs, 2, 5));
    run_and_see(w, (tg_tensor[]){ loss, row }, 2);
    if (draw_below(2) == 0) run_alone(w, tg_square(loss));
    see(w, tg_read_f64(row, out));
    see_value(w, loss);
}

static void look_beside(world *w, tg_tensor loss) {
    double          out[1];
    double *const   list[1] = { out };
    see(w, tg_look(&loss, 1, list));
    add_number(&w->seen, out[0]);
    const tg_tensor h = tg_tanh(tg_use(w->tape, tg_variable_find(w->net.params, "w0"))), y = tg_exp(tg_neg(loss));
    tg_keep(h);
    see(w, tg_run(y));
    see(w, tg_look((tg_tensor[]){ loss }, 1, list));      /* and ends no reading */
    add_number(&w->seen, out[0]);
    see_value(w, h);
    see_value(w, y);
}

/* What was read in place is no input: it lies in memory of the tape, or in a variable. */
static void feed_back(world *w, tg_tensor loss) {
    const tg_tensor v = tg_use(w->tape, tg_variable_find(w->net.params, "w0")), y = draw_below(2) == 0 ? tg_assign(v, tg_scale(v, 0.5)) : tg_tanh(v);
    run_and_see(w, (tg_tensor[]){ y, loss }, 2);
    if (tg_tape_status(w->tape) != TG_OK) return;
    const tg_tensor again = w->type == TG_F64 ? tg_input_f64(w->tape, tg_data_f64(y), 1, 1) : tg_input(w->tape, tg_data(y), 1, 1);
    see(w, tg_run(tg_exp(again)));
}

typedef void (*step_fn)(world *w, tg_tensor loss);

static const step_fn steps[] = { run_alone, minimize, minimize, assign_one, descend_in_a_loop, fail_a_shape, fail_a_label, fail_a_check,
                                 use_a_stale_handle,
                                 use_an_old_handle, fail_a_gradient, write_twice, run_nothing, read_what_was_not_kept, look_beside, feed_back };

enum { STEP_KINDS = sizeof steps / sizeof steps[0] };

/* structure, kind, batch: few of each, so that steps come back, with others in between. */
typedef struct step {
    uint64_t structure, detail;
    int      kind, kept;
    int64_t  batch;
    bool     training;
} step;

static void do_step(world *w, const step *s) {
    tg_tensor kept[MOST_KEPT];
    int       count;
    net       n = w->net;
    n.seed  = s->structure;
    n.batch = s->batch;
    clear(&w->seen);
    tg_begin(w->tape, &(tg_begin_options){ .training = s->training });
    const tg_tensor loss = record_net(w->tape, &n, kept, &count);
    if (count > s->kept) count = s->kept;
    for (int i = 0; i < count; i++) tg_keep(kept[i]);
    state = s->detail;
    steps[s->kind](w, loss);
    for (int i = 0; i < count && (s->kind == 0 || s->kind == 1); i++) see_value(w, kept[i]);
    add_params(&w->seen, w->net.params);
    add_optimizer(&w->seen, w->optimizer);
}

/* ---- the same on the old tape and on new ones ---- */

static void copy_params(tg_params *to, const tg_params *from) {
    for (size_t i = 0; i < from->block_count; i++) memcpy(to->blocks[i]->data, from->blocks[i]->data, from->blocks[i]->bytes);
}

static void copy_world(world *to, const world *from) {
    copy_params(to->net.params, from->net.params);
    for (int i = 0; tg_optimizer_state(from->optimizer, i) != NULL; i++)
        copy_params(tg_optimizer_state(to->optimizer, i), tg_optimizer_state(from->optimizer, i));
}

static void make_world(world *w, uint64_t seed, tg_type stored) {
    w->net = (net){ .seed = seed, .width = 2 + (int64_t)(seed % 5) };
    make_net_params(&w->net, stored);
    w->optimizer = tg_adam_new(w->net.params, &(tg_adam_options){ .learning_rate = 0.05, .allow_unused = true,
                                                                  .clip_norm = seed % 2 == 0 ? 0.3 : 0 });
}

static void free_world(world *w) {
    tg_optimizer_free(w->optimizer);
    tg_params_free(w->net.params);
    release(&w->seen);
}

static step draw_step(uint64_t seed) {
    static const int64_t batches[5] = { 1, 3, 24, 2, 3 };
    return (step){ .structure = seed * 3 + (uint64_t)draw_below(3), .detail = 77 + (uint64_t)draw_below(4), .kind = draw_below(STEP_KINDS),
                   .kept = draw_below(3),
                   .batch = batches[draw_below(5)], .training = draw_below(4) > 0 };
}

static void freeze_something(world w[3]) {
    static const char *const names[] = { "w0", "b0", "b1" };
    const char *name   = names[draw_below(3)];
    const bool  frozen = draw_below(2) == 0;
    for (int i = 0; i < 3; i++) tg_freeze(tg_variable_find(w[i].net.params, name), frozen);
}

static void play(uint64_t seed, int length, tg_type type, tg_type stored) {
    const executor *all = &executors[EXACT - 1];      /* what rounds otherwise is for other tests */
    world           w[3] = { { .tape = tape_for(all, type) } };      /* on the old tape, on a new one, and on an eager one */
    for (int i = 0; i < 3; i++) w[i].type = type, make_world(&w[i], seed, stored);
    step last = { 0 };
    for (int k = 0; k < length; k++) {
        state = seed * 1000 + (uint64_t)k;
        step s = k > 0 && draw_below(3) == 0 ? last : draw_step(seed);
        if (draw_below(4) == 0) s.kept = draw_below(3);
        if (draw_below(6) == 0) freeze_something(w);
        if (draw_below(6) == 0) ck_assert_int_eq(tg_set_passes(w[0].tape, executors[1 + draw_below(EXACT - 1)].passes), TG_OK);
        const executor *other = &executors[1 + draw_below(EXACT - 1)];
        for (int i = 1; i < 3; i++) {
            w[i].tape = tape_for(i == 1 ? other : &executors[0], type);
            copy_world(&w[i], &w[0]);
        }
        tg_begin(w[0].tape, NULL);      /* past the step that has run */
        for (int i = 1; i < 3; i++) tg_tape_set_step(w[i].tape, tg_tape_step(w[0].tape));
        for (int i = 0; i < 3; i++) do_step(&w[i], &s);
        for (int i = 1; i < 3; i++) {
            expect_same(&w[i].seen, &w[0].seen, 0, "sequence %d, step %d of kind %d, run in f%d, stored in f%d, against %s", (int)seed, k, s.kind,
                        32 * (int)type, 32 * (int)stored, i == 1 ? "a new tape" : "an eager tape");
            tg_tape_free(w[i].tape);
        }
        last = s;
    }
    tg_tape_free(w[0].tape);
    for (int i = 0; i < 3; i++) free_world(&w[i]);
    tg_last_error(NULL);
}

START_TEST(random_sequences) {
    draw_data();
    const int count = count_of(500, 10);
    for (int i = 0; i < count; i++) play(1 + (uint64_t)i, 12, i % 2 == 0 ? TG_F32 : TG_F64, i / 2 % 2 == 0 ? TG_F32 : TG_F64);
}
END_TEST

/* More plans than are held: those that go may be those of the last step. */
START_TEST(long_sequences) {
    draw_data();
    for (int i = 0; i < count_of(8, 10); i++) play(9001 + (uint64_t)i, 250, i % 2 == 0 ? TG_F32 : TG_F64, i / 2 % 2 == 0 ? TG_F32 : TG_F64);
}
END_TEST

/* ---- plans that are found again ---- */

static tg_tape *tape;

static void set_up(void) {
    draw_data();
    tape = tape_for(&executors[EXECUTORS - 1], TG_F64);
}

static void tear_down(void) { tg_tape_free(tape); }

static tg_tape_statistics statistics(void) {
    tg_tape_statistics s;
    ck_assert_int_eq(tg_tape_stats(tape, &s), TG_OK);
    return s;
}

#define expect_ok(call) ck_assert_msg((call) == TG_OK, "%s", tg_tape_error(tape))

/* Halves value until it is at most 1, reading it each time. */
static int halve(const double *value) {
    tg_begin(tape, NULL);
    tg_tensor v = tg_input_f64(tape, value, 1, 1);
    int       calls = 1;
    expect_ok(tg_run(v));
    for (; tg_item(v) > 1; calls++) {
        v = tg_scale(v, 0.5);
        expect_ok(tg_run(v));
    }
    return calls;
}

START_TEST(loops_of_two_lengths) {
    const double values_[2] = { 8, 1000 };
    int          lengths[2] = { 0 };
    for (int i = 0; i < 2; i++) lengths[i] = halve(&values_[i]);
    ck_assert(lengths[0] == 4 && lengths[1] == 11);
    const tg_tape_statistics before = statistics();
    uint64_t calls = 0;
    for (int i = 0; i < 20; i++) calls += (uint64_t)halve(&values_[i % 2]);
    const tg_tape_statistics after = statistics();
    ck_assert_uint_eq(after.misses, before.misses);
    ck_assert_uint_eq(after.compiles, before.compiles);
    ck_assert_uint_eq(after.hits, before.hits + calls);
}
END_TEST

static uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double from_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* A compiled step was taken for another one, which differed in a single bit. */
START_TEST(one_bit_of_an_attribute) {
    const double x = 3, factors[4] = { 0.0, -0.0, 1.0, 1.0 + 0x1p-52 };
    for (int i = 0; i < 12; i++) {
        tg_begin(tape, NULL);
        const tg_tensor y = tg_scale(tg_input_f64(tape, &x, 1, 1), factors[i % 4]);
        expect_ok(tg_run(y));
        ck_assert(bits_of(tg_item(y)) == bits_of(x * factors[i % 4]));
    }
    ck_assert_uint_eq(statistics().misses, 4);
    const uint64_t numbers[4] = { UINT64_C(0x7ff8000000000001), UINT64_C(0x7ff8000000000002), UINT64_C(0), UINT64_C(0x8000000000000000) };
    for (int i = 0; i < 12; i++) {
        tg_begin(tape, NULL);
        const tg_tensor c = tg_constant(tape, from_bits(numbers[i % 4])), next = tg_constant(tape, from_bits(numbers[(i + 1) % 4]));
        const tg_tensor y = tg_concat((tg_tensor[]){ c, next }, 2);
        double          out[2];
        expect_ok(tg_run_many((tg_tensor[]){ c, y }, 2));
        expect_ok(tg_read_f64(y, out));
        ck_assert(bits_of(tg_item(c)) == numbers[i % 4] && bits_of(out[0]) == numbers[i % 4] && bits_of(out[1]) == numbers[(i + 1) % 4]);
    }
    ck_assert_uint_eq(statistics().misses, 8);
}
END_TEST

static tg_status chain(void) {
    tg_begin(tape, NULL);
    tg_tensor x = tg_tanh(tg_input(tape, net_inputs, 8, 8)), parts[2] = { tg_exp(x), tg_sin(x) };
    return tg_run(tg_add(tg_concat(parts, 2), tg_concat(parts, 2)));
}

START_TEST(passes_switched_between_equal_steps) {
    uint32_t instructions[2];
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(tg_set_passes(tape, i % 2 == 0 ? "" : "none"), TG_OK);
        expect_ok(chain());
        instructions[i % 2] = statistics().instructions;
        if (i % 2 == 1) ck_assert_uint_lt(instructions[0], instructions[1]);
    }
    ck_assert_uint_eq(statistics().misses, 2);
    ck_assert_int_eq(tg_set_passes(tape, "none,nothing"), TG_UNKNOWN_NAME);
    const char *sentence;
    ck_assert_int_eq(tg_last_error(&sentence), TG_UNKNOWN_NAME);
    ck_assert_ptr_nonnull(strstr(sentence, "simplify"));
    expect_ok(chain());
    ck_assert_uint_eq(statistics().misses, 2);
}
END_TEST

typedef struct notes { int lines; char last[512]; } notes;

static void note(void *context, const char *sentence) {
    notes *l = context;
    l->lines++;
    snprintf(l->last, sizeof l->last, "%s", sentence);
}

static void rows(int64_t count) {
    tg_begin(tape, NULL);
    const tg_tensor x = tg_input(tape, net_inputs, count, 8), y = tg_mean(tg_tanh(tg_sub(x, tg_mean_rows(x))));
    expect_ok(tg_run(tg_grad(y, x)));
}

/* Compiled steps were kept without end. */
START_TEST(a_thousand_shapes) {
    notes l = { 0 };
    tg_set_log(note, &l);
    rows(1000);
    const size_t largest = statistics().arena_bytes;
    int          most    = 0;
    for (int64_t i = 999; i > 0; i--) {
        rows(i);
        ck_assert_uint_eq(statistics().arena_bytes, largest);
        if (statistics().plans > most) most = statistics().plans;
    }
    ck_assert_int_le(most, 64);
    ck_assert_uint_eq(statistics().misses, 1000);
    ck_assert_int_eq(l.lines, 1);
    ck_assert_msg(strstr(l.last, "input") != NULL && strstr(l.last, ",8]") != NULL && strstr(l.last, "was") != NULL, "%s", l.last);
    rows(1);
    ck_assert_uint_eq(statistics().hits, 1);
    tg_set_log(NULL, NULL);
}
END_TEST

START_TEST(freezing_and_unfreezing) {
    tg_params *params = tg_params_new(5, &(tg_params_options){ .type = TG_F64 });
    add_variable(params, "v", 3, 3, NULL);
    add_variable(params, "w", 3, 3, NULL);
    tg_variable  *v = tg_variable_find(params, "v");
    tg_optimizer *optimizer = tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.1, .momentum = 0.5 });
    double        before[9], after[9];
    for (int i = 0; i < 12; i++) {
        const bool frozen = i % 2 == 1;
        tg_freeze(v, frozen);
        ck_assert_int_eq(tg_variable_read_f64(v, before), TG_OK);
        tg_begin(tape, NULL);
        expect_ok(tg_minimize(optimizer, tg_sum(tg_square(tg_matmul(tg_use(tape, v), tg_use(tape, tg_variable_find(params, "w")))))));
        ck_assert_int_eq(tg_variable_read_f64(v, after), TG_OK);
        ck_assert((memcmp(before, after, sizeof before) == 0) == frozen);
    }
    ck_assert_uint_eq(statistics().misses, 2);
    ck_assert_uint_eq(statistics().hits, 10);
    tg_optimizer_free(optimizer);
    tg_params_free(params);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sequences");
    TCase *random = tcase_create("random"), *found = tcase_create("found");
    tcase_set_timeout(random, 300);
    tcase_add_test(random, random_sequences);
    tcase_add_test(random, long_sequences);
    tcase_add_checked_fixture(found, set_up, tear_down);
    tcase_add_test(found, loops_of_two_lengths);
    tcase_add_test(found, one_bit_of_an_attribute);
    tcase_add_test(found, passes_switched_between_equal_steps);
    tcase_add_test(found, a_thousand_shapes);
    tcase_add_test(found, freezing_and_unfreezing);
    suite_add_tcase(suite, random);
    suite_add_tcase(suite, found);
    return run_suite(suite);
}
