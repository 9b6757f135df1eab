/* test_traps.c - steps that a planner easily gets wrong, each by itself: eager values against those of every choice of passes. */
#include "plan/compare.h"
#include "plan/execute.h"

/* What a step runs, and what it keeps beside. */
typedef struct program {
    tg_tensor run[64], kept[64];
    int       run_count, kept_count;
    values   *seen;      /* what is read while it is recorded */
} program;

typedef void (*make_fn)(tg_params *params);
typedef void (*record_fn)(tg_tape *tape, tg_params *params, program *p);

static tg_tensor run(program *p, tg_tensor tensor) { return p->run[p->run_count++] = tensor; }
static tg_tensor keep(program *p, tg_tensor tensor) { return p->kept[p->kept_count++] = tg_keep(tensor); }

static tg_variable *add(tg_params *params, const char *name, int64_t rows, int64_t cols) {
    return tg_variable_new(params, name, rows, cols, &(tg_variable_options){ .init = TG_NORMAL });
}

static tg_tensor use(tg_tape *tape, tg_params *params, const char *name) { return tg_use(tape, tg_variable_find(params, name)); }
static tg_tensor block(tg_tape *tape, tg_params *params) { return tg_use_block(tape, params, NULL); }
static tg_tensor set(tg_tape *tape, tg_params *params, const char *name, tg_tensor value) { return tg_assign(use(tape, params, name), value); }

/* Three steps; what is read and written goes to v, and the number of instructions is returned. */
static uint32_t run_steps(values *v, const executor *e, tg_type type, tg_type stored, make_fn make, record_fn record) {
    tg_tape_statistics statistics = { 0 };
    tg_params         *params     = tg_params_new(3, &(tg_params_options){ .type = stored });
    tg_tape           *tape       = tape_for(e, type);
    make(params);
    for (int step = 0; step < 3; step++) {
        program p = { .seen = v };
        tg_begin(tape, &(tg_begin_options){ .training = true });
        record(tape, params, &p);
        const tg_status status = tg_run_many(p.run, p.run_count);
        add_number(v, status);
        for (int i = 0; i < p.run_count && status == TG_OK; i++) add_tensor(v, p.run[i]);
        for (int i = 0; i < p.kept_count && status == TG_OK; i++) add_tensor(v, p.kept[i]);
        add_params(v, params);
    }
    tg_tape_stats(tape, &statistics);
    tg_tape_free(tape);
    tg_params_free(params);
    return statistics.instructions;
}

/* In all types and with all passes; returns the number of instructions with all of them. */
static uint32_t expect_eager_bits(make_fn make, record_fn record) {
    uint32_t instructions = 0;
    for (int type = TG_F32; type <= TG_F64; type++)
        for (int stored = TG_F32; stored <= TG_F64; stored++) {
            values reference = { 0 };
            run_steps(&reference, &executors[0], (tg_type)type, (tg_type)stored, make, record);
            for (int e = 1; e < EXECUTORS; e++) {
                if (!is_comparable(&executors[e], (tg_type)type, (tg_type)stored)) continue;
                values planned = { 0 };
                instructions   = run_steps(&planned, &executors[e], (tg_type)type, (tg_type)stored, make, record);
                expect_same(&reference, &planned, tolerance_of(&executors[e]), "passes %s, run in f%d, stored in f%d", name_of(&executors[e]), 32 * type, 32 * stored);
                release(&planned);
            }
            release(&reference);
        }
    tg_last_error(NULL);
    return instructions;
}

static float numbers[1 << 16];

static tg_tensor input(tg_tape *tape, int64_t rows, int64_t cols) {
    state = 99;
    if (numbers[0] == 0)
        for (int i = 0; i < 1 << 16; i++) numbers[i] = (float)draw(-1, 1);
    return tg_input(tape, numbers, rows, cols);
}

/* ---- variables that are read and written ---- */

static void make_forty(tg_params *params) {
    char name[16];
    for (int i = 0; i < 40; i++) snprintf(name, sizeof name, "w%d", i), add(params, name, 2, 3 + i % 3);
}

static void read_and_write_forty(tg_tape *tape, tg_params *params, program *p) {
    tg_tensor sum = tg_constant(tape, 0);
    for (int i = 0; i < 40; i++) {
        tg_variable *w = tg_variable_at(params, i);
        sum = tg_add(sum, tg_sum(tg_tanh(tg_use(tape, w))));
        if (i % 2 == 1) run(p, tg_assign(tg_use(tape, w), tg_scale(tg_use(tape, w), 0.5)));
    }
    for (int i = 0; i < 40; i += 2) sum = tg_add(sum, tg_sum(tg_use(tape, tg_variable_at(params, i))));
    run(p, sum);
}

START_TEST(the_seventeenth_to_fortieth_variable) { expect_eager_bits(make_forty, read_and_write_forty); }
END_TEST

static void make_three(tg_params *params) {
    add(params, "a", 1, 16);
    add(params, "b", 1, 48);
    add(params, "c", 4, 12);
}

static void shift_block(tg_tape *tape, tg_params *params, program *p) {
    run(p, set(tape, params, "b", tg_scale(tg_view(block(tape, params), 0, 1, 48), 1.5)));
}

static void shift_block_back(tg_tape *tape, tg_params *params, program *p) {
    run(p, set(tape, params, "b", tg_scale(tg_view(block(tape, params), 24, 1, 48), 1.5)));
}

static void swap(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor b = use(tape, params, "b"), c = use(tape, params, "c");
    run(p, tg_assign(b, tg_view(c, 0, 1, 48)));
    run(p, tg_assign(c, tg_view(b, 0, 4, 12)));
}

static void swap_scaled(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor b = use(tape, params, "b"), c = use(tape, params, "c");
    run(p, tg_assign(b, tg_scale(tg_view(c, 0, 1, 48), 2)));
    run(p, tg_assign(c, tg_scale(tg_view(b, 0, 4, 12), 0.25)));
}

static void rotate_through_one_strip(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor b = use(tape, params, "b"), c = tg_view(use(tape, params, "c"), 0, 1, 48), sum = tg_add(b, c);
    run(p, tg_assign(b, tg_sub(sum, b)));
    run(p, tg_sum(tg_mul(sum, tg_exp(b))));
    run(p, set(tape, params, "a", tg_view(tg_sub(sum, c), 3, 1, 16)));
}

static void one_value_for_two(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor b = use(tape, params, "b"), next = tg_tanh(tg_add(b, tg_view(use(tape, params, "c"), 0, 1, 48)));
    run(p, tg_assign(b, next));
    run(p, set(tape, params, "c", tg_view(next, 0, 4, 12)));
    run(p, tg_sum(next));
}

static void permute(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor b = use(tape, params, "b");
    const tg_tensor parts[] = { tg_view(b, 32, 1, 16), tg_view(b, 0, 1, 16), tg_tanh(tg_view(b, 16, 1, 16)) };
    run(p, tg_assign(b, tg_concat(parts, 3)));
}

static void transpose_in_place(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor c = use(tape, params, "c");
    run(p, tg_assign(c, tg_view(tg_transpose(c), 0, 4, 12)));
    run(p, tg_assign(use(tape, params, "a"), tg_sub(use(tape, params, "a"), tg_mean_cols(use(tape, params, "a")))));
}

static void subtract_first(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor c = use(tape, params, "c"), b = use(tape, params, "b");
    run(p, tg_assign(c, tg_sub(c, tg_view(c, 0, 1, 12))));
    run(p, tg_assign(b, tg_sub(b, tg_view(b, 0, 1, 1))));
}

START_TEST(a_variable_from_a_shifted_view_of_its_block) {
    expect_eager_bits(make_three, shift_block);
    expect_eager_bits(make_three, shift_block_back);
    expect_eager_bits(make_three, permute);
    expect_eager_bits(make_three, transpose_in_place);
    expect_eager_bits(make_three, subtract_first);
}
END_TEST

START_TEST(two_variables_swapped) {
    expect_eager_bits(make_three, swap);
    expect_eager_bits(make_three, swap_scaled);
    expect_eager_bits(make_three, rotate_through_one_strip);
    expect_eager_bits(make_three, one_value_for_two);
}
END_TEST

/* ---- concats that are written ---- */

/* The parts of a concat lie where its variable lies, which is not where the block begins. */
static void concat_into_a_later_variable(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor b = use(tape, params, "b"), x = input(tape, 1, 16);
    const tg_tensor parts[] = { tg_exp(x), tg_tanh(tg_scale(x, 2)), tg_sin(x) };
    run(p, tg_assign(b, tg_concat(parts, 3)));
    run(p, tg_sum(tg_square(b)));
    run(p, tg_sum(tg_exp(tg_view(b, 20, 1, 20))));
}

static void concat_of_concats(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor whole = block(tape, params);
    const tg_tensor first[] = { tg_exp(tg_view(whole, 60, 1, 16)), tg_tanh(tg_view(whole, 40, 1, 30)) };
    const tg_tensor inner   = tg_concat(first, 2);
    const tg_tensor outer[] = { inner, tg_sin(tg_view(whole, 0, 1, 20)), tg_view(whole, 7, 1, tg_cols(whole) - 66) };
    run(p, tg_assign(whole, tg_concat(outer, 3)));
    run(p, tg_sum(tg_square(tg_view(whole, 5, 1, 50))));
}

/* A part of a part is needed by a check, and must not be written before it has passed. */
static void checked_part_of_a_concat(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor b = use(tape, params, "b"), part = tg_exp(tg_view(b, 16, 1, 16));
    const tg_tensor first[] = { part, tg_tanh(tg_view(b, 0, 1, 16)) };
    const tg_tensor outer[] = { tg_concat(first, 2), tg_sin(tg_view(b, 32, 1, 16)) };
    run(p, tg_require_finite(tg_sum(tg_square(part))));
    run(p, tg_assign(b, tg_concat(outer, 2)));
    run(p, tg_sum(b));
}

/* The innermost part is computed in the variable, through concats of one part each, and an old value is read behind it. */
static void concats_of_one_part(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor a = use(tape, params, "a"), part = tg_exp(tg_scale(input(tape, 1, 8), 0.5)), inner = tg_concat(&part, 1);
    const tg_tensor outer[] = { tg_concat(&inner, 1), tg_view(tg_tanh(tg_view(use(tape, params, "b"), 0, 4, 2)), 0, 1, 8) };
    run(p, tg_assign(a, tg_concat(outer, 2)));
    run(p, tg_sum(tg_tanh(tg_mul(tg_view(a, 0, 1, 8), part))));
}

static void one_part_twice(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor b = use(tape, params, "b"), part = tg_scale(tg_view(b, 1, 1, 16), 0.5);
    const tg_tensor parts[] = { part, part, tg_view(part, 0, 1, 16) };
    run(p, tg_assign(b, tg_concat(parts, 3)));
    keep(p, part);
    run(p, tg_concat(parts, 2));
}

START_TEST(concats_that_are_written) {
    expect_eager_bits(make_three, concat_into_a_later_variable);
    expect_eager_bits(make_three, concat_of_concats);
    expect_eager_bits(make_three, checked_part_of_a_concat);
    expect_eager_bits(make_three, concats_of_one_part);
    expect_eager_bits(make_three, one_part_twice);
}
END_TEST

/* ---- blocks with zeros between their variables ---- */

static void make_padded(tg_params *params) {
    add(params, "a", 1, 5);
    add(params, "b", 3, 7);
    add(params, "c", 1, 1);
}

/* The new value is read too: between the variables it is what was computed, and the block holds zeros there. Only of the assignment itself nothing is
 * said there. */
static void shift_padded(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor whole = block(tape, params);
    const tg_tensor next  = tg_assign(whole, tg_shift(whole, 1));
    run(p, tg_sum(next));
    keep(p, tg_square(next));
    keep(p, tg_view(next, 3, 1, 9));
}

static void concat_padded(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor whole = block(tape, params), part = tg_exp(tg_view(whole, 0, 1, tg_cols(whole) - 3)), last = tg_shift(tg_view(whole, 3, 1, 3), 2);
    run(p, tg_sum(tg_assign(whole, tg_concat((tg_tensor[]){ part, last }, 2))));
    run(p, part);
    run(p, last);
}

static void divide_padded(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor whole = block(tape, params);
    run(p, tg_sum(tg_assign(whole, tg_div(whole, tg_square(whole)))));
    run(p, tg_sum(tg_view(whole, 0, 1, 12)));
}

START_TEST(a_block_with_zeros_between_its_variables) {
    expect_eager_bits(make_padded, shift_padded);
    expect_eager_bits(make_padded, concat_padded);
    expect_eager_bits(make_padded, divide_padded);
}
END_TEST

static void freeze_and_shift(tg_tape *tape, tg_params *params, program *p) {
    tg_freeze(tg_variable_find(params, "b"), true);
    const tg_tensor whole = block(tape, params), next = tg_assign(whole, tg_shift(tg_scale(whole, 2), 1));
    run(p, tg_sum(tg_mul(next, whole)));
}

START_TEST(a_frozen_slice_is_left_out) { expect_eager_bits(make_padded, freeze_and_shift); }
END_TEST

/* ---- readers of old and new values ---- */

static void readers_of_both(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor b = use(tape, params, "b"), next = tg_assign(b, tg_axpy(tg_constant(tape, -0.5), tg_tanh(b), b));
    run(p, next);
    run(p, tg_sum(tg_exp(b)));
    run(p, tg_sum(tg_exp(next)));
    run(p, tg_sum(tg_sub(b, next)));
    for (int i = 0; i < 2; i++) run(p, set(tape, params, i == 0 ? "a" : "c", tg_scale(use(tape, params, i == 0 ? "a" : "c"), 0.75)));
}

static void no_reader(tg_tape *tape, tg_params *params, program *p) {
    for (int i = 0; i < 3; i++) run(p, tg_assign(tg_use(tape, tg_variable_at(params, i)), tg_scale(tg_use(tape, tg_variable_at(params, i)), 0.75)));
}

START_TEST(a_reader_of_the_old_value_and_one_of_the_new) {
    const uint32_t instructions = expect_eager_bits(make_three, readers_of_both);
    ck_assert_msg(instructions <= 14, "%u instructions", instructions);
    values v = { 0 };
    ck_assert_uint_le(run_steps(&v, &executors[EXECUTORS - 1], TG_F32, TG_F32, make_three, no_reader), 3);
    release(&v);
}
END_TEST

static void keep_a_written_variable(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor b = keep(p, use(tape, params, "b")), whole = keep(p, block(tape, params));
    run(p, tg_assign(b, tg_scale(b, 2)));
    run(p, use(tape, params, "a"));
    keep(p, tg_view(tg_view(whole, 10, 2, 20), 3, 4, 4));
    run(p, set(tape, params, "a", tg_scale(use(tape, params, "a"), 3)));
}

START_TEST(a_kept_variable_that_is_written) { expect_eager_bits(make_three, keep_a_written_variable); }
END_TEST

/* ---- views ---- */

static void views_in_two_shapes(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor whole = block(tape, params), row = tg_view(whole, 0, 1, 6), column = tg_view(whole, 0, 6, 1);
    const tg_tensor y = tg_sum(tg_tanh(tg_mul(row, column)));
    run(p, y);
    run(p, tg_grad(y, whole));
    run(p, tg_add(row, column));
}

static void overlapping_views(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor whole = block(tape, params), a = tg_view(whole, 0, 2, 10), b = tg_view(whole, 7, 2, 10), c = tg_view(b, 3, 1, 10);
    const tg_tensor y = tg_sum(tg_mul(tg_mul(a, tg_exp(b)), c));
    run(p, tg_grad(y, whole));
    run(p, tg_assign(whole, tg_axpy(tg_constant(tape, -0.1), tg_grad(y, whole), whole)));
}

/* A value may take over the memory of its operand only if no other view of that is read with it. */
static void subtract_own_row(tg_tape *tape, tg_params *params, program *p) {
    (void)params;
    const tg_tensor x = tg_tanh(input(tape, 50, 60)), row = tg_tanh(input(tape, 1, 60)), column = tg_tanh(input(tape, 60, 1));
    const tg_tensor last = tg_exp(input(tape, 50, 60));
    run(p, tg_sum_cols(tg_sub(x, tg_view(x, 0, 1, 60))));
    run(p, tg_sum_cols(tg_exp(tg_sub(last, tg_view(last, 60, 50, 1)))));
    run(p, tg_sum_cols(tg_div(row, tg_view(row, 0, 1, 1))));
    run(p, tg_sum_rows(tg_div(column, tg_view(column, 0, 1, 1))));
}

static void shift_within_a_value(tg_tape *tape, tg_params *params, program *p) {
    (void)params;
    const tg_tensor x = tg_tanh(input(tape, 1, 4000)), wide = tg_view(x, 0, 1, 3000);
    run(p, tg_sum(tg_mul(tg_add(wide, tg_view(x, 1000, 1, 3000)), wide)));
    const tg_tensor z = tg_sigmoid(input(tape, 40, 50)), flat = tg_view(z, 0, 40, 50);
    run(p, tg_sum_cols(tg_mul(tg_exp(tg_sub(flat, tg_view(z, 50, 1, 50))), flat)));
}

START_TEST(views_of_one_range) {
    expect_eager_bits(make_three, views_in_two_shapes);
    expect_eager_bits(make_three, overlapping_views);
}
END_TEST

START_TEST(a_value_and_a_view_of_it_in_one_call) {
    expect_eager_bits(make_three, subtract_own_row);
    expect_eager_bits(make_three, shift_within_a_value);
}
END_TEST

/* ---- derivatives ---- */

static void gradient_of_a_view_of_a_square(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor c = use(tape, params, "c"), g = tg_grad(tg_sum(tg_view(tg_square(c), 5, 3, 6)), c);
    run(p, tg_sub(tg_view(g, 5, 3, 6), tg_scale(tg_view(c, 5, 3, 6), 2)));
    run(p, g);
}

static void third_derivative(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor whole = block(tape, params);
    tg_tensor y = tg_sum(tg_mul(tg_square(use(tape, params, "b")), tg_square(use(tape, params, "b"))));
    y = tg_add(y, tg_sum(tg_exp(use(tape, params, "c"))));
    y = tg_add(y, tg_sum(tg_sin(use(tape, params, "a"))));
    for (int k = 0; k < 3; k++) y = tg_sum(run(p, tg_grad(y, whole)));
    run(p, tg_assign(whole, tg_axpy(tg_constant(tape, -0.01), p->run[2], whole)));
}

START_TEST(derivatives_through_views_and_blocks) {
    expect_eager_bits(make_three, gradient_of_a_view_of_a_square);
    expect_eager_bits(make_three, third_derivative);
    values v = { 0 };
    run_steps(&v, &executors[EXECUTORS - 1], TG_F64, TG_F64, make_three, gradient_of_a_view_of_a_square);
    for (int i = 1; i <= 18; i++) ck_assert(v.at[i] == 0);
    release(&v);
}
END_TEST

static void twins(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor w = use(tape, params, "a"), a = tg_exp(w), b = tg_exp(w), y = tg_sum(tg_mul(a, b));
    run(p, tg_sub(tg_grad(y, a), b));
    run(p, tg_grad(y, a));
    run(p, tg_grad(y, w));
}

static void infinite_slopes(tg_tape *tape, tg_params *params, program *p) {
    static const float special[6] = { -1, 0, 2, -800, 800, 1e30F };
    (void)params;
    const tg_tensor x = tg_input(tape, special, 1, 6), y = tg_sum(tg_mul(tg_relu(x), tg_constant(tape, INFINITY)));
    run(p, tg_grad(y, x));
    run(p, tg_relu(x));
    run(p, tg_sigmoid(x));
    run(p, tg_exp(x));
    run(p, tg_softplus(tg_view(x, 0, 3, 2)));
    run(p, tg_log_softmax(tg_view(x, 0, 3, 2)));
    run(p, tg_grad(tg_sum(tg_sigmoid(x)), x));
}

START_TEST(twins_and_infinities) {
    expect_eager_bits(make_three, twins);
    expect_eager_bits(make_three, infinite_slopes);
    values v = { 0 };
    run_steps(&v, &executors[EXECUTORS - 1], TG_F64, TG_F64, make_three, twins);
    for (int i = 1; i <= 16; i++) ck_assert(v.at[i] == 0);
    clear(&v);
    run_steps(&v, &executors[EXECUTORS - 1], TG_F32, TG_F64, make_three, infinite_slopes);
    ck_assert(v.at[1] == 0 && v.at[2] == 0 && isinf(v.at[3]));
    release(&v);
}
END_TEST

/* ---- sizes ---- */

static void make_many(tg_params *params) {
    char name[16];
    for (int i = 0; i < 600; i++) snprintf(name, sizeof name, "w%d", i), add(params, name, 1 + i % 2, 1 + i % 5);
}

static void update_many(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor whole = block(tape, params);
    tg_tensor loss = tg_constant(tape, 0);
    for (int i = 0; i < 600; i++) loss = tg_add(loss, tg_sum(tg_square(tg_tanh(tg_use(tape, tg_variable_at(params, i))))));
    run(p, loss);
    run(p, tg_assign(whole, tg_axpy(tg_constant(tape, -0.1), tg_grad(loss, whole), whole)));
}

START_TEST(six_hundred_variables_in_a_block) { expect_eager_bits(make_many, update_many); }
END_TEST

static void make_wide(tg_params *params) {
    add(params, "first", 72, 64);
    add(params, "bias", 1, 64);
    add(params, "second", 64, 80);
}

/* Sums over 513 examples, and gradients that are added to their weights as they are computed. */
static void long_sums(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor whole = block(tape, params), h = tg_tanh(tg_linear(input(tape, 513, 72), use(tape, params, "first"), use(tape, params, "bias")));
    const tg_tensor loss  = tg_mean(tg_square(tg_matmul(h, use(tape, params, "second"))));
    run(p, tg_require_finite(loss));
    run(p, tg_assign(whole, tg_axpy(tg_constant(tape, -0.5), tg_grad(loss, whole), whole)));
    run(p, tg_sum_rows(h));
}

/* A gradient that is read by something else does not join its update. */
static void long_sums_read(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor w = use(tape, params, "first"), y = tg_mean(tg_exp(tg_matmul(input(tape, 300, 72), w))), g = tg_grad(y, w);
    run(p, tg_assign(w, tg_axpy(tg_constant(tape, -0.5), g, w)));
    run(p, tg_sum(tg_square(g)));
    const tg_tensor v = use(tape, params, "second");
    run(p, tg_assign(v, tg_axpy(tg_view(v, 0, 1, 1), tg_matmul_transposed(input(tape, 9, 64), true, input(tape, 9, 80), false), v)));
    const tg_tensor square = tg_view(use(tape, params, "first"), 0, 64, 64), bias = use(tape, params, "bias");
    run(p, tg_assign(bias, tg_axpy(tg_constant(tape, 0.1), tg_matmul(bias, square), bias)));
}

/* The update may take over what it adds to, but not what its product reads. */
static void product_of_what_is_updated(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor x = tg_tanh(input(tape, 40, 40)), y = tg_exp(input(tape, 40, 40)), z = tg_tanh(input(tape, 1, 1)), rate = tg_constant(tape, -0.1);
    run(p, tg_sum_rows(tg_axpy(rate, tg_matmul(x, x), x)));
    run(p, tg_sum_rows(tg_axpy(rate, tg_matmul_transposed(y, true, input(tape, 40, 40), false), y)));
    run(p, tg_exp(tg_axpy(z, tg_matmul(z, z), z)));
    const tg_tensor w = tg_sigmoid(use(tape, params, "first")), square = tg_view(w, 8, 64, 64);
    run(p, tg_sum_rows(tg_axpy(rate, tg_matmul(w, square), w)));
    const tg_tensor v = use(tape, params, "first");
    run(p, tg_assign(v, tg_axpy(rate, tg_matmul(v, tg_view(v, 0, 64, 64)), v)));
}

START_TEST(products_that_an_update_joins) {
    expect_eager_bits(make_wide, product_of_what_is_updated);
    expect_eager_bits(make_wide, long_sums);
    expect_eager_bits(make_wide, long_sums_read);
}
END_TEST

static void broadcast_a_column(tg_tape *tape, tg_params *params, program *p) {
    (void)params;
    const tg_tensor column = tg_tanh(input(tape, 70, 1)), row = tg_exp(input(tape, 1, 300));
    run(p, tg_sum_rows(tg_tanh(tg_add(tg_broadcast_to(column, 70, 300), row))));
    run(p, tg_sum_cols(tg_mul(tg_sub(column, row), tg_select(tg_greater(row, column), column, row))));
    run(p, tg_lerp(column, row, tg_sum(column)));
}

START_TEST(a_broadcast_of_a_column) { expect_eager_bits(make_three, broadcast_a_column); }
END_TEST

/* ---- draws ---- */

static void draws(tg_tape *tape, tg_params *params, program *p) {
    (void)params;
    const tg_tensor x = tg_tanh(input(tape, 1, 5000)), y = tg_exp(input(tape, 300, 40));
    run(p, tg_dropout(x, 0.4));
    run(p, tg_dropout(tg_add(y, tg_view(x, 0, 1, 40)), 0.4));
    run(p, tg_mul(tg_bernoulli(tape, 0.3, 300, 40), tg_mul(tg_bernoulli(tape, 0.3, 300, 40), tg_sum_cols(y))));
    run(p, tg_bernoulli(tape, 0.5, 37, 3));
    tg_bernoulli(tape, 0.5, 3, 3);      /* not needed, and counted */
    run(p, tg_bernoulli(tape, 0.5, 1, 2500));
}

START_TEST(draws_in_strips) { expect_eager_bits(make_three, draws); }
END_TEST

/* ---- executing calls ---- */

static void ten_calls(tg_tape *tape, tg_params *params, program *p) {
    for (int i = 0; i < 10; i++) {
        const tg_tensor b = use(tape, params, "b"), loss = tg_mean(tg_square(tg_shift(b, -i)));
        add_number(p->seen, tg_run_many((tg_tensor[]){ loss, tg_assign(b, tg_axpy(tg_constant(tape, -1), tg_grad(loss, b), b)) }, 2));
        add_number(p->seen, tg_item(loss));
    }
    run(p, tg_sum(use(tape, params, "b")));
}

static void many_outputs(tg_tape *tape, tg_params *params, program *p) {
    tg_tensor b = use(tape, params, "b");
    for (int i = 0; i < 20; i++) run(p, b = tg_tanh(tg_scale(b, 1.5))), keep(p, tg_exp(b));
    run(p, p->run[3]);
    run(p, set(tape, params, "b", b));
}

START_TEST(many_calls_and_outputs) {
    expect_eager_bits(make_three, ten_calls);
    expect_eager_bits(make_three, many_outputs);
}
END_TEST

/* ---- checks come before writes ---- */

static void written_value_is_not_finite(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor b = use(tape, params, "b"), a = use(tape, params, "a");
    run(p, tg_assign(b, tg_require_finite(tg_log(b))));
    run(p, tg_assign(a, tg_scale(a, 2)));
}

static void concat_is_not_finite(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor b = use(tape, params, "b"), log = tg_log(tg_view(b, 16, 1, 16));
    run(p, tg_assign(b, tg_concat((tg_tensor[]){ tg_exp(tg_view(b, 0, 1, 16)), log, tg_tanh(tg_view(b, 32, 1, 16)) }, 3)));
    run(p, tg_require_finite(tg_sum(log)));
}

static void nested_concat_is_not_finite(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor b = use(tape, params, "b"), log = tg_log(tg_view(b, 16, 1, 16));
    const tg_tensor inner = tg_concat((tg_tensor[]){ tg_exp(tg_view(b, 0, 1, 16)), log }, 2);
    run(p, tg_assign(b, tg_concat((tg_tensor[]){ inner, tg_tanh(tg_view(b, 32, 1, 16)) }, 2)));
    run(p, tg_require_finite(tg_sum(tg_sqrt(tg_sub(tg_sum(b), tg_constant(tape, 1e30))))));
}

static void a_label_is_out_of_range(tg_tape *tape, tg_params *params, program *p) {
    static const int32_t labels[4] = { 0, 11, 12, 3 };
    const tg_tensor a = use(tape, params, "a"), b = use(tape, params, "b");
    run(p, tg_assign(a, tg_scale(a, 2)));
    run(p, tg_assign(b, tg_tanh(b)));
    run(p, tg_cross_entropy(use(tape, params, "c"), tg_labels(tape, labels, 4)));
}

static void the_norm_is_not_finite(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor whole = block(tape, params), factor = tg_clip_factor(tg_sum(tg_exp(tg_scale(whole, 1e30))), 1);
    run(p, tg_assign(whole, tg_mul(whole, factor)));
}

static const record_fn failing[] = { written_value_is_not_finite, concat_is_not_finite, nested_concat_is_not_finite, a_label_is_out_of_range,
                                     the_norm_is_not_finite };

START_TEST(checks_come_before_writes) {
    for (size_t i = 0; i < sizeof failing / sizeof failing[0]; i++) {
        expect_eager_bits(make_three, failing[i]);
        tg_params *params = tg_params_new(3, &(tg_params_options){ .type = TG_F64 });
        values     before = { 0 }, after = { 0 };
        make_three(params);
        add_params(&before, params);
        run_steps(&after, &executors[EXECUTORS - 1], TG_F64, TG_F64, make_three, failing[i]);
        ck_assert_msg(after.at[0] != TG_OK, "step %zu does not fail", i);
        ck_assert_mem_eq(after.at + 1, before.at, before.count * sizeof(double));
        tg_params_free(params);
        release(&before);
        release(&after);
    }
}
END_TEST

/* ---- optimizers ---- */

static void train_groups(values *v, const executor *e, tg_type type, tg_type stored) {
    tg_params *params = tg_params_new(3, &(tg_params_options){ .type = stored });
    const char *const names[3] = { "x", "y", "z" };
    for (int i = 0; i < 3; i++)
        tg_variable_new(params, names[i], 3 + i, 4, &(tg_variable_options){ .init = TG_NORMAL, .group = i == 2 ? "other" : "one" });
    tg_optimizer *optimizer = tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.1, .clip_norm = 0.5,
                                                                      .groups = &(tg_group_options){ .group = "other", .learning_rate = 0.01 },
                                                                          .group_count = 1 });
    tg_tape *tape = tape_for(e, type);
    for (int step = 0; step < 4; step++) {
        tg_begin(tape, NULL);
        tg_tensor loss = tg_constant(tape, 0);
        for (int i = 0; i < 3; i++) loss = tg_add(loss, tg_sum(tg_square(tg_use(tape, tg_variable_at(params, i)))));
        add_number(v, tg_minimize(optimizer, loss));
        add_number(v, tg_item(loss));
        add_params(v, params);
        add_optimizer(v, optimizer);
    }
    ck_assert_msg(tg_tape_status(tape) == TG_OK, "%s", tg_tape_error(tape));
    tg_tape_free(tape);
    tg_optimizer_free(optimizer);
    tg_params_free(params);
}

START_TEST(clipping_over_groups_and_a_step_count_in_double) {
    for (int type = TG_F32; type <= TG_F64; type++)
        for (int stored = TG_F32; stored <= TG_F64; stored++) {
            values reference = { 0 };
            train_groups(&reference, &executors[0], (tg_type)type, (tg_type)stored);
            for (int e = 1; e < EXECUTORS; e++) {
                if (!is_comparable(&executors[e], (tg_type)type, (tg_type)stored)) continue;
                values planned = { 0 };
                train_groups(&planned, &executors[e], (tg_type)type, (tg_type)stored);
                expect_same(&reference, &planned, tolerance_of(&executors[e]), "passes %s, f%d, f%d", name_of(&executors[e]), 32 * type, 32 * stored);
                release(&planned);
            }
            release(&reference);
        }
}
END_TEST

/* ---- ops of users ---- */

static tg_status first_shape(const tg_shape inputs[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count, (void)attributes, (void)why;
    *output = (tg_shape){ inputs[0].rows, inputs[0].cols, false };
    return TG_OK;
}

/* Where the largest element of each row is: integers that are computed. */
static tg_status column_shape(const tg_shape inputs[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count, (void)attributes, (void)why;
    *output = (tg_shape){ inputs[0].rows, 1, true };
    return TG_OK;
}

static double element(const tg_call *call, int k, int64_t i, int64_t j, bool f64) {
    const int64_t at = i * call->inputs[k].row_stride + j * call->inputs[k].col_stride;
    if (call->inputs[k].integer) return ((const int32_t *)call->inputs[k].data)[at];
    return f64 ? ((const double *)call->inputs[k].data)[at] : (double)((const float *)call->inputs[k].data)[at];
}

static void largest(const tg_call *call, bool f64) {
    for (int64_t i = call->row_begin; i < call->row_end; i++) {
        int32_t best = 0;
        for (int32_t j = 1; j < (int32_t)call->inputs[0].cols; j++)
            if (element(call, 0, i, j, f64) > element(call, 0, i, best, f64)) best = j;
        ((int32_t *)call->output)[i] = best;
    }
}

static void largest_f32(const tg_call *call) { largest(call, false); }
static void largest_f64(const tg_call *call) { largest(call, true); }

static const tg_op largest_op = { .size = sizeof(tg_op), .name = "test_largest", .arity = 1, .flags = TG_OP_ROWWISE | TG_OP_STOP,
                                  .shape = column_shape,
                                  .f32 = largest_f32, .f64 = largest_f64 };

/* x + labels, element by element */
static void shifted(const tg_call *call, bool f64) {
    for (int64_t i = call->row_begin; i < call->row_end; i++)
        for (int64_t j = 0; j < call->cols; j++) {
            const double sum = element(call, 0, i, j, f64) + element(call, 1, i, j, f64);
            if (f64) ((double *)call->output)[i * call->cols + j] = sum;
            else ((float *)call->output)[i * call->cols + j] = (float)sum;
        }
}

static void shifted_f32(const tg_call *call) { shifted(call, false); }
static void shifted_f64(const tg_call *call) { shifted(call, true); }

static const tg_op shifted_op = { .size = sizeof(tg_op), .name = "test_shifted", .arity = 2, .flags = TG_OP_ELEMENTWISE, .shape = first_shape,
                                  .f32 = shifted_f32, .f64 = shifted_f64 };
static const tg_op shifted_in_double_op = { .size = sizeof(tg_op), .name = "test_shifted_in_double", .arity = 2, .flags = TG_OP_ELEMENTWISE,
                                            .shape = first_shape, .f64 = shifted_f64 };

static tg_tensor with_labels(const tg_op *op, tg_tensor x, tg_tensor of) { return tg_apply(x.tape, op, (tg_tensor[]){ x, of }, 2, NULL); }

static int32_t some_labels[5000];

static void integers(tg_tape *tape, tg_params *params, program *p) {
    (void)params;
    for (int i = 0; i < 5000; i++) some_labels[i] = i % 7 - 1;
    const tg_tensor x = tg_tanh(input(tape, 50, 60)), long_row = input(tape, 1, 5000);
    run(p, tg_sum_cols(with_labels(&shifted_op, x, tg_input_i32(tape, some_labels, 50, 60))));
    run(p, tg_sum_cols(tg_exp(with_labels(&shifted_op, x, tg_input_i32(tape, some_labels + 8, 50, 1)))));
    run(p, with_labels(&shifted_op, long_row, tg_input_i32(tape, some_labels, 1, 5000)));
    run(p, with_labels(&shifted_in_double_op, tg_tanh(long_row), tg_input_i32(tape, some_labels, 1, 5000)));
    const tg_tensor at = tg_apply(tape, &largest_op, &x, 1, NULL), hot = tg_one_hot(at, 60);
    run(p, tg_sum_cols(tg_mul(hot, x)));
    run(p, tg_cross_entropy(x, at));
    tg_require_finite(tg_input_i32(tape, some_labels, 3, 3));
    run(p, with_labels(&shifted_op, tg_view(x, 0, 3, 3), tg_require_finite(tg_input_i32(tape, some_labels, 3, 3))));
}

/* What looks through columns, moves rows and parts of rows, and chooses rows by integers that are computed; with derivatives. */
static void rows_and_columns(tg_tape *tape, tg_params *params, program *p) {
    (void)params;
    const tg_tensor x = tg_tanh(input(tape, 50, 60)), at = tg_argmax(x), chosen = tg_gather_rows(tg_transpose(x), at);      /* [50, 50] */
    const tg_tensor parts[3] = { tg_slice_cols(x, 7, 20), chosen, tg_exp(tg_slice_cols(x, 0, 1)) };
    const tg_tensor beside = tg_concat_cols(parts, 3);
    const tg_tensor below  = tg_concat_rows((tg_tensor[]){ x, tg_scatter_rows(x, at, 60), tg_slice_rows(x, 3, 9) }, 3);
    const tg_tensor normal = tg_layer_norm(beside, TG_NONE, TG_NONE, 1e-5);
    const tg_tensor other  = tg_batch_norm(below, TG_NONE, TG_NONE, TG_NONE, TG_NONE, true, 0.1, 1e-5);
    run(p, tg_sum_cols(tg_mul(normal, tg_sigmoid(beside))));
    run(p, tg_rms_norm(other, TG_NONE, 1e-5));
    run(p, tg_add(tg_max_cols(beside), tg_min(below)));
    run(p, tg_prod_cols(tg_scale(beside, 1.5)));
    run(p, tg_add(tg_outer(tg_norm_rows(beside), tg_var_rows(x, 1)), tg_var_cols(tg_reshape(normal, 64, 50), 0)));
    run(p, tg_cross_entropy(x, at));
    const tg_tensor loss = tg_add(tg_add(tg_sum(tg_square(normal)), tg_sum(tg_max_rows(other))),
                                  tg_add(tg_norm(below), tg_prod(tg_slice_rows(chosen, 0, 1))));
    run(p, tg_grad(tg_add(loss, tg_sum(tg_diagonal(tg_mul(chosen, tg_diag_embed(tg_slice_rows(chosen, 1, 2)))))), x));
    ck_assert_msg(tg_tape_status(tape) == TG_OK, "%s", tg_tape_error(tape));
}

static void computed_label_out_of_range(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor a = use(tape, params, "a"), x = tg_tanh(input(tape, 50, 60)), at = tg_apply(tape, &largest_op, &x, 1, NULL);
    run(p, tg_assign(a, tg_scale(a, 2)));
    run(p, tg_sum(tg_one_hot(at, 20)));
}

START_TEST(integers_of_users) {
    expect_eager_bits(make_three, integers);
    expect_eager_bits(make_three, rows_and_columns);
    expect_eager_bits(make_three, computed_label_out_of_range);
    values v = { 0 };
    run_steps(&v, &executors[0], TG_F32, TG_F64, make_three, integers);
    ck_assert_double_eq(v.at[0], TG_OK);
    clear(&v);
    run_steps(&v, &executors[0], TG_F32, TG_F64, make_three, rows_and_columns);
    ck_assert_double_eq(v.at[0], TG_OK);
    clear(&v);
    run_steps(&v, &executors[0], TG_F32, TG_F64, make_three, computed_label_out_of_range);
    ck_assert_double_eq(v.at[0], TG_OUT_OF_RANGE);
    release(&v);
}
END_TEST

START_TEST(labels_that_change_behind_the_run) {
    int32_t now[4] = { 3, 1, 2, 0 }, then[4], one;
    for (int e = 0; e < 2; e++) {
        tg_tape  *tape   = tape_for(&executors[e == 0 ? 0 : EXECUTORS - 1], TG_F64);
        tg_tensor labels = tg_labels(tape, now, 4), first = tg_labels(tape, now, 1);
        ck_assert_int_eq(tg_run_many((tg_tensor[]){ labels, first }, 2), TG_OK);
        now[0] = now[1] = 99;
        ck_assert_int_eq(tg_read_i32(labels, then), TG_OK);
        ck_assert_int_eq(tg_read_i32(first, &one), TG_OK);
        ck_assert(then[0] == 3 && then[1] == 1 && then[3] == 0 && one == 3);
        now[0] = 3, now[1] = 1;
        tg_tape_free(tape);
    }
}
END_TEST

/* An op that knows that it is its operand. */
static void same_f32(const tg_call *call) {
    for (int64_t i = 0; i < call->rows * call->cols; i++) ((float *)call->output)[i] = ((const float *)call->inputs[0].data)[i];
}

static void same_f64(const tg_call *call) {
    for (int64_t i = 0; i < call->rows * call->cols; i++) ((double *)call->output)[i] = ((const double *)call->inputs[0].data)[i];
}

static tg_tensor its_operand(const tg_application *a) { return a->inputs[0]; }

static const tg_op same_op = { .size = sizeof(tg_op), .name = "test_same", .arity = 1, .flags = TG_OP_ELEMENTWISE, .shape = first_shape,
                               .f32 = same_f32,
                               .f64 = same_f64, .simplify = its_operand };

static tg_tensor same(tg_tensor x) { return tg_apply(x.tape, &same_op, &x, 1, NULL); }

static void swap_what_is_simplified(tg_tape *tape, tg_params *params, program *p) {
    const tg_tensor b = use(tape, params, "b"), c = use(tape, params, "c");
    run(p, tg_assign(b, same(tg_view(c, 0, 1, 48))));
    run(p, tg_assign(c, tg_view(same(b), 0, 4, 12)));
    keep(p, same(b));
    keep(p, tg_view(same(same(c)), 3, 1, 7));
}

/* A kernel in double only, on converted blocks of operands that are repeated in one way or another. */
static void distance_f64(const tg_call *call) {
    for (int64_t i = call->row_begin; i < call->row_end; i++)
        for (int64_t j = 0; j < call->cols; j++)
            ((double *)call->output)[i * call->cols + j] = hypot(element(call, 0, i, j, true), element(call, 1, i, j, true));
}

static const tg_op distance_op = { .size = sizeof(tg_op), .name = "test_distance", .arity = 2, .flags = TG_OP_ELEMENTWISE, .f64 = distance_f64 };

static tg_tensor distance(tg_tensor x, tg_tensor y) { return tg_apply(x.tape, &distance_op, (tg_tensor[]){ x, y }, 2, NULL); }

static void repeated_operands_in_double(tg_tape *tape, tg_params *params, program *p) {
    (void)params;
    const tg_tensor x[5] = { tg_tanh(input(tape, 70, 45)), tg_exp(input(tape, 1, 45)), tg_tanh(input(tape, 70, 1)), tg_exp(input(tape, 1, 1)),
                             input(tape, 70, 45) };
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 5; j++) run(p, tg_sum_cols(tg_mul(distance(x[i], tg_sin(x[j])), distance(x[j], x[i]))));
    run(p, distance(tg_tanh(input(tape, 1, 2500)), distance(x[3], input(tape, 1, 2500))));
    const tg_tensor wide = tg_tanh(input(tape, 7, 1500)), row = tg_exp(input(tape, 1, 1500)), column = tg_sin(input(tape, 7, 1));
    run(p, tg_sub(tg_mul(distance(wide, row), column), tg_add(distance(column, row), tg_view(wide, 1500, 1, 1500))));
}

START_TEST(repeated_operands_of_kernels_in_double) { expect_eager_bits(make_three, repeated_operands_in_double); }
END_TEST

/* Numbers too small for a normal float are zero in f32 runs, constants too. */
static void denormals(tg_tape *tape, tg_params *params, program *p) {
    static const float  small[4]  = { 1e-40F, -1e-40F, 1e-30F, 1e-45F };
    static const double number    = 3e-41, numbers_[4] = { 1e-40, -1e-310, 1e-300, 1 };
    const tg_tensor     x         = tg_input(tape, small, 1, 4), one = tg_constant(tape, 1);
    run(p, x);
    run(p, tg_constant(tape, 1e-40));
    run(p, tg_broadcast_to(tg_constant(tape, 1e-41), 2, 3));
    run(p, tg_select(one, tg_constant(tape, -1e-42), x));
    run(p, tg_scalar_input(tape, &number));
    run(p, tg_input_f64(tape, numbers_, 1, 4));
    run(p, tg_mul(x, tg_scale(one, 0.5)));
    run(p, set(tape, params, "a", tg_concat((tg_tensor[]){ x, tg_view(tg_broadcast_to(tg_constant(tape, 1e-41), 3, 4), 0, 1, 12) }, 2)));
}

START_TEST(numbers_too_small_for_a_float) { expect_eager_bits(make_three, denormals); }
END_TEST

START_TEST(values_that_are_simplified_to_variables) { expect_eager_bits(make_three, swap_what_is_simplified); }
END_TEST

/* An expansion is made of the operands and of constants: data of its own is refused, and not mistaken for another input. */
static tg_tensor expands_to_an_input(const tg_application *a) {
    static const double table[3] = { 1, 2, 3 };
    return tg_add(a->inputs[0], tg_input_f64(a->tape, table, 1, 3));
}

static const tg_op table_op = { .size = sizeof(tg_op), .name = "test_table", .arity = 1, .shape = first_shape, .expand = expands_to_an_input };

START_TEST(an_expansion_with_data_of_its_own) {
    for (int e = 0; e < 2; e++) {
        tg_tape  *tape = tape_for(&executors[e == 0 ? 0 : EXECUTORS - 1], TG_F64);
        tg_tensor x    = input(tape, 1, 3);
        ck_assert_int_eq(tg_run(tg_apply(tape, &table_op, &x, 1, NULL)), TG_UNSUPPORTED);
        ck_assert_ptr_nonnull(strstr(tg_tape_error(tape), "test_table"));
        tg_tape_free(tape);
    }
}
END_TEST

/* ---- plans of steps that are gone ---- */

/* Step 1 runs tanh; step 2 records exp in its place and runs nothing; step 3 is like step 2, and runs. */
START_TEST(a_step_that_did_not_run_is_no_step_to_agree_with) {
    tg_tape *tape = tape_for(&executors[EXECUTORS - 1], TG_F64);
    const double x = 0.5;
    for (int step = 0; step < 3; step++) {
        tg_begin(tape, NULL);
        const tg_tensor input = tg_input_f64(tape, &x, 1, 1), y = step == 0 ? tg_tanh(input) : tg_exp(input);
        if (step == 1) continue;
        ck_assert_int_eq(tg_run(y), TG_OK);
        ck_assert(tg_item(y) == (step == 0 ? tanh(x) : exp(x)));
    }
    tg_tape_free(tape);
}
END_TEST

static double sum_of_new_params(tg_tape *tape, tg_type type, int64_t first, int64_t second) {
    tg_params *params = tg_params_new(3, &(tg_params_options){ .type = type });
    tg_variable_new(params, "w", 1, first, &(tg_variable_options){ .init = TG_CONSTANT, .scale = 2 });
    if (second > 0) tg_variable_new(params, "v", 1, second, &(tg_variable_options){ .init = TG_CONSTANT, .scale = 2 });
    tg_begin(tape, NULL);
    const tg_tensor whole = tg_use_block(tape, params, NULL), sum = tg_sum(whole), next = tg_assign(whole, tg_shift(whole, 1));
    ck_assert_msg(tg_run_many((tg_tensor[]){ sum, next }, 2) == TG_OK, "%s", tg_tape_error(tape));
    double total = tg_item(sum);
    values v     = { 0 };
    add_params(&v, params);
    for (size_t i = 0; i < v.count; i++) total += v.at[i];
    release(&v);
    tg_params_free(params);
    return total;
}

/* New params may lie where old ones lay. */
START_TEST(params_that_take_the_place_of_freed_ones) {
    tg_tape *tape = tape_for(&executors[EXECUTORS - 1], TG_F64);
    for (int round = 0; round < 4; round++) {
        ck_assert_double_eq(sum_of_new_params(tape, TG_F64, 19, 0), 2 * 19 + 3 * 19);
        ck_assert_double_eq(sum_of_new_params(tape, TG_F32, 19, 0), 2 * 19 + 3 * 19);
        ck_assert_double_eq(sum_of_new_params(tape, TG_F64, 3, 11), 2 * 14 + 3 * 14);
        ck_assert_double_eq(sum_of_new_params(tape, TG_F32, 3, 3), 2 * 6 + 3 * 6);
    }
    tg_tape_free(tape);
}
END_TEST

/* Two steps that differ in the second operand of one node, in turns: each has its plan. */
START_TEST(steps_that_differ_in_one_operand) {
    const double data[3] = { 1, 10, 100 };
    for (int e = 0; e < EXECUTORS; e++) {
        tg_tape *tape = tape_for(&executors[e], TG_F64);
        for (int step = 0; step < 12; step++) {
            tg_begin(tape, NULL);
            tg_tensor in[3];
            for (int k = 0; k < 3; k++) in[k] = tg_input_f64(tape, &data[k], 1, 1);
            const int       k = step * step % 3;      /* 0, 1, 1, 0, ... */
            const tg_tensor y = tg_sub(tg_mul(in[2], in[0]), in[k]), z = tg_concat((tg_tensor[]){ in[0], in[1], in[k] }, 3);
            double          read[3];
            ck_assert_int_eq(tg_run_many((tg_tensor[]){ y, z }, 2), TG_OK);
            ck_assert_double_eq(tg_item(y), 100 - data[k]);
            ck_assert_int_eq(tg_read_f64(z, read), TG_OK);
            ck_assert(read[0] == 1 && read[1] == 10 && read[2] == data[k]);
        }
        tg_tape_free(tape);
    }
}
END_TEST

/* Whether an input lies in memory that is written is asked for all of it, and not one byte more. */
START_TEST(the_bytes_of_an_input) {
    const tg_shape shape = { 2, 3, false };
    const char     memory[64];
    ck_assert_uint_eq(tg_input_bytes(&(tg_leaf){ .kind = TG_LEAF_F32 }, shape), 24);
    ck_assert_uint_eq(tg_input_bytes(&(tg_leaf){ .kind = TG_LEAF_F64 }, shape), 48);
    ck_assert_uint_eq(tg_input_bytes(&(tg_leaf){ .kind = TG_LEAF_I32 }, (tg_shape){ 2, 3, true }), 24);
    ck_assert(tg_overlap(memory, 24, memory + 23, 8) && tg_overlap(memory + 23, 8, memory, 24) && tg_overlap(memory + 8, 8, memory, 64));
    ck_assert(!tg_overlap(memory, 24, memory + 24, 8) && !tg_overlap(memory + 24, 8, memory, 24) && !tg_overlap(memory, 0, memory, 8));
}
END_TEST

int main(void) {
    return RUN_TESTS("traps", the_seventeenth_to_fortieth_variable, a_variable_from_a_shifted_view_of_its_block, two_variables_swapped,
                     concats_that_are_written, a_block_with_zeros_between_its_variables, a_frozen_slice_is_left_out,
                     a_reader_of_the_old_value_and_one_of_the_new, a_kept_variable_that_is_written, views_of_one_range,
                     a_value_and_a_view_of_it_in_one_call, derivatives_through_views_and_blocks, twins_and_infinities,
                     six_hundred_variables_in_a_block, products_that_an_update_joins, a_broadcast_of_a_column, draws_in_strips,
                     many_calls_and_outputs,
                     checks_come_before_writes, clipping_over_groups_and_a_step_count_in_double, integers_of_users, labels_that_change_behind_the_run,
                     repeated_operands_of_kernels_in_double, numbers_too_small_for_a_float, values_that_are_simplified_to_variables,
                     an_expansion_with_data_of_its_own,
                     steps_that_differ_in_one_operand, a_step_that_did_not_run_is_no_step_to_agree_with, params_that_take_the_place_of_freed_ones,
                     the_bytes_of_an_input);
}
