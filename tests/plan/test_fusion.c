/* test_fusion.c - the table of fusions: the built-in rows, rows of a program's own, and what is refused. */
#include "compiled.h"
#include "op/builtin.h"
#include <tapegrad/ops.h>

enum { BATCH = 7, CLASSES = 5 };

static const int32_t labels[BATCH]          = { 0, 4, 2, 1, 3, 2, 0 };
static const double  factor                 = 0.37;
static double        logits[BATCH * CLASSES];

static void fill(double *x, int count) {
    for (int i = 0; i < count; i++) x[i] = 3 * sin(1.7 * i + 0.3);
}

static tg_tensor logits_of(tg_tape *t) {
    fill(logits, BATCH * CLASSES);
    return tg_input_f64(t, logits, BATCH, CLASSES);
}

static tg_tensor gradient_of(tg_tensor loss, tg_tensor x) {
    tg_tensor gradient;
    ck_assert_int_eq(tg_gradients(loss, TG_NONE, &x, 1, &gradient, NULL), TG_OK);
    return gradient;
}

static bool fires(record_fn record, tg_type type, const char *name) {
    char word[80];
    snprintf(word, sizeof word, " %s ", name);
    return count_of(section_of(listing_of(record, type, ""), "instructions"), word) > 0;
}

/* ---- the slope of cross-entropy ---- */

static tg_tensor slope(tg_tape *t) {
    tg_tensor x = logits_of(t);
    return gradient_of(tg_cross_entropy(x, tg_labels(t, labels, BATCH)), x);
}

static tg_tensor slope_by(tg_tape *t) {
    tg_tensor x = logits_of(t);
    return gradient_of(tg_mul(tg_cross_entropy(x, tg_labels(t, labels, BATCH)), tg_scalar_input(t, &factor)), x);
}

static tg_tensor slope_from_the_left(tg_tape *t) {
    tg_tensor x = logits_of(t);
    return tg_mul(tg_scalar_input(t, &factor), tg_sub(tg_softmax(x), tg_one_hot(tg_labels(t, labels, BATCH), CLASSES)));
}

START_TEST(the_slope_of_cross_entropy_is_one_op) {
    static const record_fn   records[] = { slope, slope_by, slope_from_the_left };
    static const char *const names[]   = { "cross_entropy_slope", "cross_entropy_slope_by", "cross_entropy_slope_by" };
    for (int i = 0; i < 3; i++) {
        char off[64];
        snprintf(off, sizeof off, "-%s", names[i]);
        ck_assert(fires(records[i], TG_F32, names[i]) && fires(records[i], TG_F64, names[i]));
        ck_assert_int_eq(count_of(listing_of(records[i], TG_F64, off), names[i]), 0);
        ck_assert_int_eq(count_of(listing_of(records[i], TG_F64, "-patterns"), names[i]), 0);
        expect_near(records[i], TG_F64, "", off, 1e-12);
        expect_near(records[i], TG_F64, "", "none", 1e-12);
        expect_bits(records[i], TG_F32, "", "-patterns");
    }
}
END_TEST

START_TEST(the_slope_of_cross_entropy_is_what_it_expands_to) {
    for (int i = 0; i < 2; i++) {
        const tg_op *op = i == 0 ? tg_cross_entropy_slope_fusion.op : tg_cross_entropy_slope_by_fusion.op;
        const struct { int64_t classes; double factor; } attributes = { CLASSES, i == 0 ? factor : 1 };
        tg_tape        *tape     = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
        const tg_tensor inputs[] = { logits_of(tape), tg_labels(tape, labels, BATCH), tg_scalar_input(tape, &factor) };
        const tg_tensor y        = tg_apply(tape, op, inputs, op->arity, &attributes);
        const tg_tensor z = op->expand(&(tg_application){ .tape = tape, .op = op, .inputs = inputs, .input_count = op->arity, .output = y,
                                                          .attributes = &attributes });
        double by_kernel[BATCH * CLASSES], by_ops[BATCH * CLASSES];
        ck_assert_msg(tg_run_many((tg_tensor[]){ y, z }, 2) == TG_OK, "%s", tg_tape_error(tape));
        ck_assert_int_eq(tg_read_f64(y, by_kernel), TG_OK);
        ck_assert_int_eq(tg_read_f64(z, by_ops), TG_OK);
        for (int e = 0; e < BATCH * CLASSES; e++) ck_assert_msg(is_near(by_kernel[e], by_ops[e], 1e-12), "%s: element %d", op->name, e);
        tg_tape_free(tape);
    }
}
END_TEST

static tg_tensor with_softmax_kept(tg_tape *t) {
    tg_tensor p = tg_keep(tg_softmax(logits_of(t)));
    return tg_scale(tg_sub(p, tg_one_hot(tg_labels(t, labels, BATCH), CLASSES)), 0.1);
}

static tg_tensor with_softmax_read(tg_tape *t) {
    tg_tensor p = tg_softmax(logits_of(t));
    return tg_add(tg_scale(tg_sub(p, tg_one_hot(tg_labels(t, labels, BATCH), CLASSES)), 0.1), p);
}

static tg_tensor with_finite_softmax(tg_tape *t) {
    tg_tensor p = tg_require_finite(tg_softmax(logits_of(t)));
    return tg_scale(tg_sub(p, tg_one_hot(tg_labels(t, labels, BATCH), CLASSES)), 0.1);
}

static tg_tensor with_a_factor_a_row(tg_tape *t) {
    static const double factors[BATCH] = { 1, 2, 3, 4, 5, 6, 7 };
    return tg_mul(tg_sub(tg_softmax(logits_of(t)), tg_one_hot(tg_labels(t, labels, BATCH), CLASSES)), tg_input_f64(t, factors, BATCH, 1));
}

static tg_tensor with_one_class(tg_tape *t) {
    static const int32_t zeros[BATCH];
    return tg_scale(tg_sub(tg_softmax(logits_of(t)), tg_one_hot(tg_labels(t, zeros, BATCH), 1)), 0.1);
}

START_TEST(it_stays_several_where_a_part_is_needed_or_shapes_differ) {
    static const record_fn records[] = { with_softmax_kept, with_softmax_read, with_finite_softmax, with_a_factor_a_row, with_one_class };
    for (int i = 0; i < 5; i++) {
        ck_assert_msg(!fires(records[i], TG_F64, "cross_entropy_slope") && !fires(records[i], TG_F64, "cross_entropy_slope_by"), "record %d", i);
        expect_bits(records[i], TG_F64, "", "-patterns");
    }
}
END_TEST

START_TEST(labels_are_checked) {
    static const int32_t wrong[BATCH] = { 0, 4, 2, CLASSES, 3, 2, 0 };
    tg_tape  *tape = tg_tape_new(NULL);
    tg_tensor y    = tg_scale(tg_sub(tg_softmax(logits_of(tape)), tg_one_hot(tg_labels(tape, wrong, BATCH), CLASSES)), 0.1);
    ck_assert_int_eq(tg_run(y), TG_OUT_OF_RANGE);
    tg_tape_free(tape);
}
END_TEST

/* ---- Adam's step ---- */

typedef struct training {
    int64_t         rows, cols;
    tg_type         storage, type;
    tg_adam_options options;
    bool            decoupled;
} training;

/* Its gradient is a product, [rows, cols]. */
static tg_tensor distance(tg_tape *tape, tg_variable *w) {
    static double x[2 * 32];
    fill(x, 2 * 32);
    return tg_sum(tg_square(tg_shift(tg_matmul(tg_input_f64(tape, x, 2, tg_variable_shape(w).rows), tg_use(tape, w)), -0.3)));
}

/* Four steps; the weights and moments behind them, and how many instructions one has. */
static int64_t train(const training *t, const char *passes, double values[MOST_VALUES], uint32_t *instructions) {
    tg_params         *params = tg_params_new(3, &(tg_params_options){ .type = t->storage });
    tg_variable       *w      = tg_variable_new(params, "w", t->rows, t->cols, &(tg_variable_options){ .init = TG_NORMAL });
    tg_optimizer      *adam   = t->decoupled ? tg_adamw_new(params, &t->options) : tg_adam_new(params, &t->options);
    tg_tape           *tape   = tg_tape_new(&(tg_tape_options){ .type = t->type, .passes = passes });
    tg_tape_statistics statistics;
    int64_t            count = 0;
    for (int i = 0; i < 4; i++) {
        tg_begin(tape, NULL);
        ck_assert_int_eq(tg_minimize(adam, distance(tape, w)), TG_OK);
    }
    ck_assert_int_eq(tg_tape_stats(tape, &statistics), TG_OK);
    *instructions = statistics.instructions;
    for (int k = -1; k < 0 || tg_optimizer_state(adam, k) != NULL; k++) {
        const tg_params *held = k < 0 ? params : tg_optimizer_state(adam, k);
        for (int i = 0; i < tg_variable_count(held); i++) {
            const tg_variable *v = tg_variable_at(held, i);
            ck_assert_int_eq(tg_variable_read_f64(v, values + count), TG_OK);
            count += tg_variable_shape(v).rows * tg_variable_shape(v).cols;
        }
    }
    tg_tape_free(tape);
    tg_optimizer_free(adam);
    tg_params_free(params);
    return count;
}

static void expect_same_training(const training *t) {
    static double one[MOST_VALUES], several[MOST_VALUES];
    uint32_t      with_loop, without;
    const int64_t count = train(t, "", one, &with_loop);
    ck_assert_int_eq(train(t, "-adam_loop", several, &without), count);
    ck_assert_msg(without == with_loop + 7, "[%d,%d], stored as %d, run as %d: %u and %u instructions", (int)t->rows, (int)t->cols, t->storage,
                  t->type, with_loop, without);
    for (int64_t i = 0; i < count; i++) ck_assert_msg(is_same(one[i], several[i]), "element %d: %a and %a", (int)i, one[i], several[i]);
}

START_TEST(adam_is_one_loop_with_the_same_bits) {
    static const int64_t shapes[][2] = { { 1, 3 }, { 7, 5 }, { 32, 32 }, { 25, 41 }, { 3, 400 } };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (int kind = 0; kind < 4; kind++)
            for (int types = 0; types < 4; types++)
                expect_same_training(&(training){ .rows = shapes[i][0], .cols = shapes[i][1], .storage = types & 1 ? TG_F64 : TG_F32,
                                                  .type = types & 2 ? TG_F64 : TG_F32, .decoupled = kind == 3,
                                                  .options = { .weight_decay = kind == 1 ? 0.1 : 0, .clip_norm = kind == 2 ? 0.5 : 0 } });
}
END_TEST

/* ---- a program's own: a node ---- */

static void length_f64(const tg_call *call) {
    for (int64_t i = call->row_begin; i < call->row_end; i++)
        for (int64_t j = 0; j < call->cols; j++) {
            const double x = tg_row_f64(call, 0, i)[j], y = tg_row_f64(call, 1, i)[j];
            tg_output_row_f64(call, i)[j] = sqrt(x * x + y * y) + *(const double *)call->attributes;
        }
}

static tg_tensor length_expand(const tg_application *a) {
    return tg_shift(tg_sqrt(tg_add(tg_square(a->inputs[0]), tg_square(a->inputs[1]))), *(const double *)a->attributes);
}

static tg_status length_shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count, (void)attributes;
    *output = in[0];
    *why    = "both of one shape";
    return in[0].rows == in[1].rows && in[0].cols == in[1].cols ? TG_OK : TG_SHAPE_MISMATCH;
}

static const tg_op length_op = { .size = sizeof(tg_op), .name = "test_length", .arity = 2, .attribute_size = sizeof(double),
                                 .flags = TG_OP_ELEMENTWISE, .shape = length_shape, .expand = length_expand, .f64 = length_f64 };

/* Not for negative terms. */
static bool length_attributes(const void *const matched[], void *attributes) {
    *(double *)attributes = *(const double *)matched[0];
    return *(double *)attributes > 0;
}

static const tg_fusion length_fusion = { .size = sizeof(tg_fusion), .name = "length", .pattern = " shift( sqrt(add(square(%0),square(%1))) ) ",
                                         .op = &length_op, .attributes = length_attributes };

static double xs[3000], ys[3000];

static tg_tensor input(tg_tape *t, double *x, int64_t cols) {
    fill(x, 3000);
    return tg_input_f64(t, x, 1, cols);
}

static tg_tensor length(tg_tape *t) {
    return tg_shift(tg_sqrt(tg_add(tg_square(input(t, xs, 40)), tg_square(tg_neg(input(t, ys, 40))))), 0.5);
}

static tg_tensor length_minus(tg_tape *t) { return tg_shift(tg_sqrt(tg_add(tg_square(input(t, xs, 40)), tg_square(input(t, ys, 40)))), -0.5); }

static tg_tensor length_broadcast(tg_tape *t) {
    return tg_shift(tg_sqrt(tg_add(tg_square(input(t, xs, 40)), tg_square(tg_scalar_input(t, &factor)))), 0.5);
}

START_TEST(a_program_adds_a_node) {
    ck_assert(!fires(length, TG_F64, "test_length"));
    ck_assert_int_eq(tg_register_fusion(&length_fusion), TG_OK);
    ck_assert(fires(length, TG_F64, "test_length") && fires(length, TG_F32, "test_length"));
    ck_assert(!fires(length_minus, TG_F64, "test_length") && !fires(length_broadcast, TG_F64, "test_length"));
    expect_near(length, TG_F64, "", "-length", 1e-12);
    expect_near(length, TG_F32, "", "-length", 1e-6);
    expect_near(length_minus, TG_F64, "", "-length", 1e-12);
    expect_near(length_broadcast, TG_F64, "", "-length", 1e-12);
}
END_TEST

/* ---- a program's own: a loop ---- */

#define LOOP(real, suffix)                                                                                 \
    static void ramp_##suffix(const tg_loop *loop) {                                                       \
        const real term = (real)*(const double *)loop->attributes[3];                                      \
        for (int64_t j = 0; j < loop->count; j++) {                                                        \
            const real x = ((const real *)loop->inputs[0])[loop->scalar[0] ? 0 : j];                       \
            const real y = ((const real *)loop->inputs[1])[loop->scalar[1] ? 0 : j];                       \
            const real s = x * x;                                                                          \
            ((real *)loop->outputs[0])[j] = s;                                                             \
            ((real *)loop->outputs[1])[j] = s * y - (s + term);                                            \
        }                                                                                                  \
    }
LOOP(float, f32)
LOOP(double, f64)

/* In the order written: square, sub, mul, shift. */
static tg_status register_ramp(void) {
    return tg_register_fusion(&(tg_fusion){ .size = sizeof(tg_fusion), .name = "ramp", .f32 = ramp_f32, .f64 = ramp_f64,
                                            .pattern = "s = square(%0);\n y = sub(mul(s, %1), shift(s));" });
}

static int64_t ramp_cols = 40;

static tg_tensor ramp(tg_tape *t) {
    tg_tensor x = input(t, xs, ramp_cols), s = tg_square(x), y = tg_mul(s, input(t, ys, ramp_cols));
    return tg_sub(y, tg_shift(s, 0.7));
}

static tg_tensor ramp_from_the_left(tg_tape *t) {
    tg_tensor s = tg_square(input(t, xs, ramp_cols));
    return tg_sub(tg_mul(input(t, ys, ramp_cols), s), tg_shift(s, 0.7));
}

static tg_tensor ramp_with_number(tg_tape *t) {
    tg_tensor s = tg_square(input(t, xs, ramp_cols));
    return tg_sub(tg_mul(s, tg_scalar_input(t, &factor)), tg_shift(s, 0.7));
}

static tg_tensor ramp_among_others(tg_tape *t) {
    tg_tensor s = tg_square(tg_neg(input(t, xs, ramp_cols))), y = tg_mul(s, input(t, ys, ramp_cols));
    return tg_exp(tg_sin(tg_sub(y, tg_shift(s, 0.7))));
}

static tg_tensor ramp_with_step_read(tg_tape *t) {
    tg_tensor s = tg_keep(tg_square(input(t, xs, ramp_cols))), y = tg_mul(s, input(t, ys, ramp_cols));
    return tg_add(tg_sub(y, tg_shift(s, 0.7)), s);
}

static tg_tensor ramp_with_part_read(tg_tape *t) {
    tg_tensor s = tg_square(input(t, xs, ramp_cols)), y = tg_mul(s, input(t, ys, ramp_cols));
    return tg_add(tg_sub(y, tg_shift(s, 0.7)), y);
}

static tg_tensor ramp_with_part_kept(tg_tape *t) {
    tg_tensor s = tg_square(input(t, xs, ramp_cols)), y = tg_keep(tg_mul(s, input(t, ys, ramp_cols)));
    return tg_sub(y, tg_shift(s, 0.7));
}

static tg_tensor ramp_of_its_own_step(tg_tape *t) {
    tg_tensor s = tg_square(input(t, xs, ramp_cols));
    return tg_sub(tg_mul(s, s), tg_shift(s, 0.7));
}

static tg_tensor ramp_in_rows(tg_tape *t) {
    tg_tensor s = tg_square(tg_view(input(t, xs, 40), 0, 5, 8));
    return tg_sub(tg_mul(s, input(t, ys, 8)), tg_shift(s, 0.7));
}

START_TEST(a_program_adds_a_loop) {
    static const record_fn yes[] = { ramp, ramp_from_the_left, ramp_with_number, ramp_among_others, ramp_with_step_read };
    static const record_fn no[]  = { ramp_with_part_read, ramp_with_part_kept, ramp_of_its_own_step, ramp_in_rows };
    static const int64_t   sizes[] = { 1, 2, 40, 1024, 1025, 3000 };
    ck_assert_int_eq(register_ramp(), TG_OK);
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        ramp_cols = sizes[k];
        for (int type = 0; type < 2; type++) {
            const tg_type run = type ? TG_F64 : TG_F32;
            for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
                ck_assert_msg(fires(yes[i], run, "ramp"), "record %d of %d", (int)i, (int)ramp_cols);
                expect_bits(yes[i], run, "", "-ramp");
                expect_bits(yes[i], run, "", "none");
                expect_bits(yes[i], run, "-memory", "-ramp");
            }
            for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
                ck_assert_msg(!fires(no[i], run, "ramp"), "record %d of %d", (int)i, (int)ramp_cols);
                expect_bits(no[i], run, "", "-ramp");
            }
        }
    }
    ck_assert(!fires(ramp, TG_F64, "no_ramp"));
}
END_TEST

static void nothing(const tg_loop *loop) { (void)loop; }

START_TEST(the_largest_row_is_taken_and_types_without_a_loop_have_none) {
    const tg_fusion part = { .size = sizeof(tg_fusion), .name = "part", .pattern = "s = square(%0)", .f64 = nothing };
    ck_assert_int_eq(tg_register_fusion(&part), TG_OK);
    ck_assert_int_eq(register_ramp(), TG_OK);
    ck_assert(fires(ramp, TG_F64, "ramp") && !fires(ramp, TG_F64, "part"));
    ck_assert_int_eq(count_of(listing_of(ramp, TG_F64, "-ramp"), "    part v"), 1);
    ck_assert_int_eq(count_of(listing_of(ramp, TG_F32, "-ramp"), "    part v"), 0);
}
END_TEST

/* ---- the loop of Adam, where a row of numbers stands instead of one number, and the other way round ---- */

enum { MOMENTS = 40 };

static int other_operand;      /* the one that is not as an optimizer has it; -1: none */

static tg_tensor moments_with_another_operand(tg_tape *t) {
    static double rows[8][MOMENTS];
    tg_tensor     x[8];
    for (int k = 0; k < 8; k++) {
        const bool number = (k == 2 || k == 4 || k == 5 || k == 6) != (k == other_operand);
        for (int e = 0; e < MOMENTS; e++) rows[k][e] = 0.2 + 0.05 * k + 0.01 * (e * (k + 3) % 17);
        x[k] = tg_input_f64(t, rows[k], 1, number ? 1 : MOMENTS);
    }
    tg_tensor m = tg_lerp(x[0], x[1], x[2]), v = tg_lerp(x[3], tg_square(x[1]), x[4]);
    return tg_axpy(x[5], tg_div(m, tg_shift(tg_sqrt(tg_mul(v, x[6])), 0.125)), x[7]);
}

START_TEST(adam_is_one_loop_whatever_is_a_number) {
    static const int others[] = { -1, 0, 2, 3, 4, 6 };      /* %1 makes the steps' shapes differ, %5 and %7 are as axpy wants them */
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        other_operand = others[i];
        for (int type = 0; type < 2; type++) {
            ck_assert_msg(fires(moments_with_another_operand, type ? TG_F64 : TG_F32, "adam_loop"), "operand %d", other_operand);
            expect_bits(moments_with_another_operand, type ? TG_F64 : TG_F32, "", "-adam_loop");
            expect_bits(moments_with_another_operand, type ? TG_F64 : TG_F32, "", "none");
        }
    }
}
END_TEST

/* Without epsilon the root of -0 is what the first moment is divided by: + 0 makes it 0, as the op sqrt does. */
static tg_tensor moments_of_minus_zero(tg_tape *t) {
    static const double zeros[MOMENTS], minus_one = -1, half = 0.5;
    static double       ones[MOMENTS], minus_zeros[MOMENTS];
    for (int e = 0; e < MOMENTS; e++) ones[e] = 1, minus_zeros[e] = -0.0;
    tg_tensor one = tg_input_f64(t, ones, 1, MOMENTS), g = tg_input_f64(t, zeros, 1, MOMENTS), number = tg_scalar_input(t, &half);
    tg_tensor m = tg_lerp(one, g, number), v = tg_lerp(tg_input_f64(t, minus_zeros, 1, MOMENTS), tg_square(g), tg_scalar_input(t, &minus_one));
    return tg_axpy(number, tg_div(m, tg_shift(tg_sqrt(tg_mul(v, number)), 0)), one);
}

START_TEST(adam_without_epsilon_divides_by_zero_and_not_by_minus_zero) {
    double w[MOST_VALUES];
    ck_assert_int_eq(count_of(listing_of(moments_of_minus_zero, TG_F64, "-simplify"), " adam_loop ") > 0, 1);
    ck_assert_int_eq(value_of(moments_of_minus_zero, TG_F64, "-simplify", w), MOMENTS);
    for (int e = 0; e < MOMENTS; e++) ck_assert(isinf(w[e]) && w[e] > 0);
    expect_bits(moments_of_minus_zero, TG_F32, "-simplify", "none");
}
END_TEST

/* ---- plans that were made before ---- */

static uint32_t instructions_of_next_step(tg_tape *tape) {      /* of type double: nothing is converted */
    tg_tape_statistics statistics;
    tg_begin(tape, NULL);
    ck_assert_int_eq(tg_run(ramp(tape)), TG_OK);
    ck_assert_int_eq(tg_tape_stats(tape, &statistics), TG_OK);
    return statistics.instructions;
}

START_TEST(a_row_is_used_from_the_next_call_on) {
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    ck_assert_int_eq(instructions_of_next_step(tape), 4);
    ck_assert_int_eq(instructions_of_next_step(tape), 4);
    ck_assert_int_eq(register_ramp(), TG_OK);
    ck_assert_int_eq(instructions_of_next_step(tape), 1);
    ck_assert_int_eq(tg_set_passes(tape, "-ramp"), TG_OK);
    ck_assert_int_eq(instructions_of_next_step(tape), 4);
    ck_assert_int_eq(tg_set_passes(tape, "none"), TG_OK);
    ck_assert_int_eq(instructions_of_next_step(tape), 4);
    ck_assert_int_eq(tg_set_passes(tape, "none,strips,ramp"), TG_OK);
    ck_assert_int_eq(instructions_of_next_step(tape), 1);
    ck_assert_int_eq(tg_set_passes(tape, "-no_such_row"), TG_UNKNOWN_NAME);
    tg_tape_free(tape);
}
END_TEST

/* ---- refusals ---- */

static void expect_refused(tg_fusion fusion, tg_status status) {
    const char *sentence;
    ck_assert_msg(tg_register_fusion(&fusion) == status, "%s: %s", fusion.name != NULL ? fusion.name : "",
                  fusion.pattern != NULL ? fusion.pattern : "");
    ck_assert_int_eq(tg_last_error(&sentence), status);
    ck_assert_ptr_nonnull(strstr(sentence, "tg_register_fusion"));
}

START_TEST(patterns_that_are_no_patterns_are_refused) {
    static const char *const calls[] = { "", "square", "square(", "square()", "square(%0", "square(%0) x", "square(%)", "square(%1)", "square(s)",
                                         "%0", "square(%0, %1)", "s = square(%0)", "bernoulli()", "assign(%0, %1)", "square(%0);" };
    static const char *const steps[] = { "", "square(%0)", "s = ", "s = %0", "s = square(%0); s = neg(s)", "s = neg(t); t = neg(%0)", "s = sum(%0)",
                                         "s square(%0)", "s = square(%0);;", "= square(%0)" };
    static const tg_op one = { .size = sizeof(tg_op), .name = "one", .arity = 1, .expand = length_expand, .f64 = length_f64 };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        expect_refused((tg_fusion){ .size = sizeof(tg_fusion), .name = "row", .pattern = calls[i], .op = &one }, TG_BAD_ARGUMENT);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        expect_refused((tg_fusion){ .size = sizeof(tg_fusion), .name = "row", .pattern = steps[i], .f64 = nothing }, TG_BAD_ARGUMENT);
    expect_refused((tg_fusion){ .size = sizeof(tg_fusion), .name = "row", .pattern = "square(no_such_op(%0))", .op = &one }, TG_UNKNOWN_NAME);
    expect_refused((tg_fusion){ .size = sizeof(tg_fusion), .name = "row", .pattern = "square(%16)", .op = &one }, TG_TOO_LARGE);
    expect_refused((tg_fusion){ .size = sizeof(tg_fusion), .name = "row", .pattern = "concat(%0, %0, %0, %0, %0)", .op = &one }, TG_TOO_LARGE);
}
END_TEST

START_TEST(long_patterns_are_refused) {
    char text[600] = "";
    for (int i = 0; i < 25; i++) strcat(text, "neg(");
    strcat(text, "%0");
    for (int i = 0; i < 25; i++) strcat(text, ")");
    tg_fusion longest = length_fusion;
    longest.pattern   = text;
    expect_refused(longest, TG_TOO_LARGE);
    memset(text, 'a', 100);
    text[100] = '\0';
    expect_refused((tg_fusion){ .size = sizeof(tg_fusion), .name = text, .pattern = "s = neg(%0)", .f64 = nothing }, TG_TOO_LARGE);
}
END_TEST

START_TEST(rows_that_contradict_themselves_are_refused) {
    static const tg_op no_expand = { .size = sizeof(tg_op), .name = "one", .arity = 1, .f64 = length_f64 };
    const tg_fusion    good      = { .size = sizeof(tg_fusion), .name = "row", .pattern = "s = neg(%0)", .f64 = nothing };
    tg_fusion          f         = good;
    ck_assert_int_eq(tg_register_fusion(NULL), TG_NULL_ARGUMENT);
    tg_last_error(NULL);
    f = good, f.size--, expect_refused(f, TG_BAD_ARGUMENT);
    f = good, f.name = NULL, expect_refused(f, TG_NULL_ARGUMENT);
    f = good, f.pattern = NULL, expect_refused(f, TG_NULL_ARGUMENT);
    f = good, f.name = "a,b", expect_refused(f, TG_BAD_ARGUMENT);
    f = good, f.f64 = NULL, expect_refused(f, TG_BAD_ARGUMENT);
    f = good, f.op = &length_op, expect_refused(f, TG_BAD_ARGUMENT);
    f = good, f.attributes = length_attributes, expect_refused(f, TG_BAD_ARGUMENT);
    f = length_fusion, f.attributes = NULL, expect_refused(f, TG_BAD_ARGUMENT);
    f = length_fusion, f.pattern = "square(%0)", expect_refused(f, TG_BAD_ARGUMENT);
    f = length_fusion, f.op = &no_expand, expect_refused(f, TG_BAD_ARGUMENT);
    f = good, f.name = "place", expect_refused(f, TG_NAME_TAKEN);
    f = good, f.name = "none", expect_refused(f, TG_NAME_TAKEN);
    f = good, f.name = "adam_loop", expect_refused(f, TG_NAME_TAKEN);
    ck_assert_int_eq(tg_register_fusion(&good), TG_OK);
    expect_refused(good, TG_NAME_TAKEN);
}
END_TEST

START_TEST(the_table_has_an_end) {
    char      name[16];
    tg_fusion row    = { .size = sizeof(tg_fusion), .name = name, .pattern = "s = neg(%0)", .f64 = nothing };
    tg_status status = TG_OK;
    int       count  = 0;
    for (; status == TG_OK && count < 100; count++) {
        snprintf(name, sizeof name, "row%d", count);
        status = tg_register_fusion(&row);
    }
    ck_assert_int_eq(status, TG_TOO_LARGE);
    ck_assert_int_gt(count, 40);
    tg_last_error(NULL);
}
END_TEST

/* ---- sentences ---- */

START_TEST(a_list_of_names_stays_in_its_room) {
    char     sentence[4096];
    uint64_t passes;
    for (size_t room = 1; room < 600; room++) {
        memset(sentence, 'x', sizeof sentence);
        ck_assert_int_eq(tg_parse_passes("no_such_pass", &passes, sentence, room), TG_UNKNOWN_NAME);
        ck_assert_ptr_nonnull(memchr(sentence, '\0', room));
        for (size_t i = room; i < sizeof sentence; i++) ck_assert_int_eq(sentence[i], 'x');
    }
}
END_TEST

START_TEST(what_is_wrong_is_named_with_its_place) {
    const double  values[6]   = { 1, 2, 3, 4, INFINITY, 6 };
    const int32_t integers[6] = { 1, 0, 1, 2, 3, 9 };
    char          sentence[TG_SENTENCE];
    ck_assert_int_eq(tg_describe_finite(sentence, 3, "exp", "", values, (tg_shape){ 2, 3, false }, TG_F64), TG_NOT_FINITE);
    ck_assert_ptr_nonnull(strstr(sentence, "inf at row 1, column 1"));
    ck_assert_int_eq(tg_describe_labels(sentence, 3, "pick", integers, (tg_shape){ 3, 2, true }, 4), TG_OUT_OF_RANGE);
    ck_assert_ptr_nonnull(strstr(sentence, "label 9 in row 2"));
}
END_TEST

START_TEST(two_writes_are_named_in_their_order) {
    tg_params   *params = tg_params_new(1, NULL);
    tg_variable *w      = tg_variable_new(params, "w", 1, 3, NULL);
    tg_tape     *tape   = tg_tape_new(NULL);
    tg_tensor    use = tg_use(tape, w), first = tg_assign(use, tg_shift(use, 1)), second = tg_assign(use, tg_shift(use, 2));
    char         sentence[64];
    snprintf(sentence, sizeof sentence, "v%u and v%u both assign", first.id, second.id);
    ck_assert_int_eq(tg_run_many((tg_tensor[]){ second, first }, 2), TG_WRITTEN_TWICE);
    ck_assert_msg(strstr(tg_tape_error(tape), sentence) != NULL, "%s", tg_tape_error(tape));
    tg_tape_free(tape);
    tg_params_free(params);
}
END_TEST

int main(void) {
    return RUN_TESTS("fusion", the_slope_of_cross_entropy_is_one_op, the_slope_of_cross_entropy_is_what_it_expands_to,
                     adam_is_one_loop_whatever_is_a_number, adam_without_epsilon_divides_by_zero_and_not_by_minus_zero, it_stays_several_where_a_part_is_needed_or_shapes_differ, labels_are_checked,
                     adam_is_one_loop_with_the_same_bits, a_program_adds_a_node, a_program_adds_a_loop,
                     the_largest_row_is_taken_and_types_without_a_loop_have_none, a_row_is_used_from_the_next_call_on,
                     patterns_that_are_no_patterns_are_refused, long_patterns_are_refused, rows_that_contradict_themselves_are_refused,
                     the_table_has_an_end, a_list_of_names_stays_in_its_room, what_is_wrong_is_named_with_its_place,
                     two_writes_are_named_in_their_order);
}
