/* test_tape.c - what status.h and tape.h promise of names, failures, handles, steps, denormals, reading and sizes. */
#include "support.h"
#include <fenv.h>
#include <math.h>
#include <pthread.h>
#include <tapegrad/tapegrad.h>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

static tg_tape *tape;

static void set_up(void) { tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 }); }

static void tear_down(void) {
    tg_tape_free(tape);
    ck_assert_int_eq(tg_last_error(NULL), TG_OK);
}

static const float x[6] = { 1, 2, 3, 4, 5, 6 };

#define expect(status) ck_assert_msg(tg_tape_status(tape) == (status), "%s: %s", tg_status_name(tg_tape_status(tape)), tg_tape_error(tape))
#define expect_ok(call) ck_assert_msg((call) == TG_OK, "%s", tg_tape_error(tape))
#define expect_in_sentence(part) ck_assert_msg(strstr(tg_tape_error(tape), part) != NULL, "\"%s\" has no \"%s\"", tg_tape_error(tape), part)
#define expect_last(status) ck_assert_int_eq(tg_last_error(NULL), status)

/* ---- names and scopes ---- */

static const char *name_of(tg_tensor tensor) {
    tg_node node;
    ck_assert_int_eq(tg_node_at(tensor.tape, tensor.id, &node), TG_OK);
    return node.name;
}

static const char *scope_of(tg_tensor tensor) {
    tg_node node;
    ck_assert_int_eq(tg_node_at(tensor.tape, tensor.id, &node), TG_OK);
    return node.scope;
}

START_TEST(a_name_given_again_is_numbered) {
    for (int step = 0; step < 2; step++) {      /* and counts anew in the next step */
        tg_tensor h[3];
        for (int i = 0; i < 3; i++) h[i] = tg_name(tg_constant(tape, i), "h");
        ck_assert_str_eq(name_of(h[0]), "h");
        ck_assert_str_eq(name_of(h[1]), "h#2");
        ck_assert_str_eq(name_of(h[2]), "h#3");
        ck_assert_uint_eq(tg_find(tape, "h").id, h[0].id);
        ck_assert_uint_eq(tg_find(tape, "h#2").id, h[1].id);
        ck_assert_uint_eq(tg_find(tape, "h#3").id, h[2].id);
        expect(TG_OK);
        tg_begin(tape, NULL);
    }
    tg_find(tape, "h");      /* of the step before */
    expect(TG_UNKNOWN_NAME);
}
END_TEST

START_TEST(a_name_belongs_to_the_scope_in_which_it_was_given) {
    tg_push_scope(tape, "net");
    tg_push_scope(tape, "fc1");
    tg_tensor inner = tg_name(tg_constant(tape, 1), "h");
    tg_pop_scope(tape);
    tg_tensor outer = tg_name(tg_constant(tape, 2), "h"), unnamed = tg_constant(tape, 3);
    tg_pop_scope(tape);
    tg_tensor top = tg_name(tg_constant(tape, 4), "h");
    ck_assert_str_eq(name_of(inner), "net/fc1/h");
    ck_assert_str_eq(scope_of(inner), "net/fc1");
    ck_assert_str_eq(name_of(outer), "net/h");
    ck_assert_str_eq(scope_of(outer), "net");
    ck_assert_str_eq(name_of(unnamed), "");
    ck_assert_str_eq(scope_of(unnamed), "net");
    ck_assert_str_eq(name_of(top), "h");
    ck_assert_str_eq(scope_of(top), "");
    ck_assert_uint_eq(tg_find(tape, "net/fc1/h").id, inner.id);
    ck_assert_uint_eq(tg_find(tape, "net/h").id, outer.id);
    ck_assert_uint_eq(tg_find(tape, "h").id, top.id);
}
END_TEST

START_TEST(scopes_end_with_the_step) {
    tg_push_scope(tape, "a");
    tg_push_scope(tape, "b");
    tg_begin(tape, NULL);
    ck_assert_str_eq(scope_of(tg_constant(tape, 1)), "");
    tg_push_scope(tape, "c");
    tg_pop_scope(tape);
    expect(TG_OK);
    tg_pop_scope(tape);
    expect(TG_BAD_ARGUMENT);
    expect_in_sentence("tg_pop_scope");
}
END_TEST

START_TEST(a_name_that_nobody_has) {
    const tg_tensor none = tg_find(tape, "net/fc9/h");
    ck_assert_uint_eq(none.id, 0);
    expect(TG_UNKNOWN_NAME);
    expect_in_sentence("net/fc9/h");
    ck_assert_int_eq(tg_run(tg_sum(none)), TG_UNKNOWN_NAME);
    tg_begin(tape, NULL);
    tg_name(tg_constant(tape, 1), "");
    expect(TG_BAD_ARGUMENT);
}
END_TEST

START_TEST(what_a_node_is_called_finds_it) {
    tg_params   *params = tg_params_new(1, NULL);
    tg_variable *w      = tg_variable_new(params, "fc1/weight", 1, 2, NULL);
    tg_tensor    first = tg_use(tape, w);
    ck_assert_str_eq(name_of(first), "fc1/weight");
    ck_assert_uint_eq(tg_find(tape, "fc1/weight").id, first.id);
    ck_assert_str_eq(name_of(tg_name(tg_constant(tape, 1), "fc1/weight")), "fc1/weight#2");
    expect_ok(tg_run(tg_assign(first, tg_shift(first, 1))));
    tg_tensor second = tg_use(tape, w);      /* the same variable, written: the newest is found */
    ck_assert_uint_ne(second.id, first.id);
    ck_assert_uint_eq(tg_find(tape, "fc1/weight").id, second.id);
    expect(TG_OK);
    tg_params_free(params);
}
END_TEST

START_TEST(names_made_up_in_every_step) {
    tg_params   *params = tg_params_new(1, NULL);
    tg_variable *w      = tg_variable_new(params, "w", 1, 2, NULL);
    for (int step = 0; step < 300; step++) {      /* more than are kept from step to step */
        char name[32];
        tg_begin(tape, NULL);
        tg_push_scope(tape, "net");
        tg_tensor h = tg_sum(tg_use(tape, w)), last = h;
        for (int i = 0; i < 300; i++) {
            snprintf(name, sizeof name, "h%d", 300 * step + i);
            last = tg_name(tg_neg(h), name);
        }
        char full[64];
        snprintf(full, sizeof full, "net/%s", name);
        ck_assert_uint_eq(tg_find(tape, full).id, last.id);
        ck_assert_uint_eq(tg_find(tape, "w").id, tg_use(tape, w).id);
        expect_ok(tg_run(last));
    }
    tg_params_free(params);
}
END_TEST

/* ---- failures ---- */

static void *look_for_a_failure(void *before_and_own) {
    tg_status *found = before_and_own;
    found[0] = tg_last_error(NULL);
    (void)tg_tape_status(NULL);
    tg_params_free(tg_params_new(1, &(tg_params_options){ .type = (tg_type)9 }));
    found[1] = tg_last_error(NULL);
    return NULL;
}

START_TEST(the_last_error_is_of_this_thread) {
    tg_status   found[2];
    pthread_t   thread;
    const char *sentence;
    ck_assert_int_eq(tg_begin(NULL, NULL), TG_NULL_ARGUMENT);
    ck_assert_int_eq(pthread_create(&thread, NULL, look_for_a_failure, found), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(found[0], TG_OK);
    ck_assert_int_eq(found[1], TG_NULL_ARGUMENT);      /* the first of the two there */
    ck_assert_int_eq(tg_last_error(&sentence), TG_NULL_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(sentence, "tg_begin"));
}
END_TEST

START_TEST(the_last_error_is_the_first_and_reading_clears_it) {
    const char *sentence;
    ck_assert_ptr_null(tg_params_new(1, &(tg_params_options){ .type = (tg_type)9 }));
    ck_assert_int_eq(tg_begin(NULL, NULL), TG_NULL_ARGUMENT);
    ck_assert_int_eq(tg_last_error(&sentence), TG_BAD_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(sentence, "tg_params_new"));
    ck_assert_int_eq(tg_last_error(&sentence), TG_OK);
    ck_assert_str_eq(sentence, "");
}
END_TEST

START_TEST(sentences_name_op_shapes_and_scope) {
    tg_push_scope(tape, "net/fc1");
    tg_add(tg_input(tape, x, 2, 3), tg_input(tape, x, 3, 2));
    expect(TG_SHAPE_MISMATCH);
    expect_in_sentence("v3 = add");
    expect_in_sentence("[2,3]");
    expect_in_sentence("[3,2]");
    expect_in_sentence("net/fc1");
    tg_pop_scope(tape);
    char first[512];
    snprintf(first, sizeof first, "%s", tg_tape_error(tape));
    tg_matmul(tg_input(tape, x, 1, 2), tg_input(tape, x, 1, 2));      /* a later failure changes nothing */
    ck_assert_str_eq(tg_tape_error(tape), first);
    tg_begin(tape, NULL);
    expect(TG_OK);
    ck_assert_str_eq(tg_tape_error(tape), "");
}
END_TEST

typedef struct told { int count; tg_status status; uint32_t nodes; char sentence[512]; } told;

static void tell(void *context, tg_status status, const char *sentence) {
    told *t = context;
    t->count++;
    t->status = status;
    t->nodes  = tg_node_count(tape);
    snprintf(t->sentence, sizeof t->sentence, "%s", sentence);
}

START_TEST(the_hook_is_called_once_inside_the_failing_call) {
    told t = { 0 };
    tg_set_error_hook(tell, &t);
    tg_tensor a = tg_input(tape, x, 2, 3), b = tg_input(tape, x, 3, 2);
    ck_assert_int_eq(t.count, 0);
    tg_tensor bad = tg_mul(a, b);
    ck_assert_int_eq(t.count, 1);
    ck_assert_int_eq(t.status, TG_SHAPE_MISMATCH);
    ck_assert_uint_eq(t.nodes, 2);
    ck_assert_str_eq(t.sentence, tg_tape_error(tape));
    ck_assert_int_eq(tg_run(tg_sum(tg_exp(bad))), TG_SHAPE_MISMATCH);
    ck_assert_int_eq(t.count, 1);
    tg_begin(NULL, NULL);
    ck_assert_int_eq(t.count, 2);
    ck_assert_int_eq(t.status, TG_NULL_ARGUMENT);
    expect_last(TG_NULL_ARGUMENT);
    tg_set_error_hook(NULL, NULL);
}
END_TEST

START_TEST(the_executing_call_returns_the_first_failure) {
    tg_tape  *other = tg_tape_new(NULL);
    tg_tensor fine = tg_constant(other, 1), bad = tg_add(tg_input(tape, x, 2, 3), tg_input(tape, x, 3, 2));
    ck_assert_int_eq(tg_run_many((tg_tensor[]){ bad, fine }, 2), TG_SHAPE_MISMATCH);
    expect(TG_SHAPE_MISMATCH);
    tg_tape_free(other);
}
END_TEST

/* ---- handles ---- */

START_TEST(handles_of_another_step_and_tape) {
    double    value;
    tg_tape  *other = tg_tape_new(NULL);
    tg_tensor old = tg_constant(tape, 1), foreign = tg_constant(other, 1);
    expect_ok(tg_run(old));
    tg_begin(tape, NULL);
    tg_constant(tape, 2);      /* has the number of the old one */
    ck_assert(tg_rows(old) == 0 && tg_cols(old) == 0);
    ck_assert_int_eq(tg_held(old, &value), TG_OLD_STEP);
    expect_last(TG_OLD_STEP);
    ck_assert_int_eq(tg_run(old), TG_OLD_STEP);
    expect(TG_OLD_STEP);
    tg_begin(tape, NULL);
    tg_keep(old);
    expect(TG_OLD_STEP);
    tg_begin(tape, NULL);
    ck_assert(isnan(tg_item(old)));
    expect(TG_OLD_STEP);
    tg_begin(tape, NULL);
    tg_name(old, "old");
    expect(TG_OLD_STEP);
    tg_begin(tape, NULL);
    tg_mul(tg_constant(tape, 1), foreign);
    expect(TG_WRONG_TAPE);
    ck_assert_int_eq(tg_tape_status(other), TG_OK);
    tg_begin(tape, NULL);
    ck_assert_int_eq(tg_run_many((tg_tensor[]){ tg_constant(tape, 1), foreign }, 2), TG_WRONG_TAPE);
    tg_tape_free(other);
}
END_TEST

START_TEST(a_handle_of_a_freed_tape_does_not_fit_its_successor) {
    tg_tensor old = tg_constant(tape, 1);
    tg_tape_free(tape);
    tape = tg_tape_new(NULL);
    tg_constant(tape, 2);
    old.tape = tape;      /* as if the allocator had given the same address again */
    ck_assert_int_eq(tg_run(tg_exp(old)), TG_OLD_STEP);
}
END_TEST

/* ---- denormals ---- */

/* Times 1, which is an input, because a plan leaves out the product with a number that is 1. */
static float product_of(tg_tape *of, float a) {
    static const float one = 1;
    static float       factor;
    float              product = -1;
    factor = a;
    tg_begin(of, NULL);
    tg_tensor y = tg_mul(tg_input(of, &factor, 1, 1), tg_input(of, &one, 1, 1));
    ck_assert_int_eq(tg_run(y), TG_OK);
    ck_assert_int_eq(tg_read(y, &product), TG_OK);
    return product;
}

/* valgrind's machine does not, and nothing flushes where there is no SSE. */
static bool machine_flushes(void) {
#if defined(__SSE2__)
    volatile float tiny   = 1e-40f, product;
    const unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040u);
    product = tiny * 1.5f;
    _mm_setcsr(before);
    return product == 0;
#else
    return false;
#endif
}

static void expect_denormals_here(void) {
    volatile float  tiny = 1e-40f, one = 1;
    volatile double tinier = 1e-310;
    ck_assert(tiny * one > 0);
    ck_assert(tinier * (double)one > 0);
}

START_TEST(denormals_are_flushed_in_single_precision_only) {
    tg_tape     *plain = tg_tape_new(NULL), *keeping = tg_tape_new(&(tg_tape_options){ .keep_denormals = true });
    const double tiny = 1e-310;
    expect_denormals_here();
    if (machine_flushes()) ck_assert(product_of(plain, 1e-40f) == 0);
    expect_denormals_here();
    ck_assert(product_of(plain, 0.5f) == 0.5f);
    ck_assert(product_of(keeping, 1e-40f) == 1e-40f);
    expect_denormals_here();
    tg_tensor y = tg_mul(tg_input_f64(tape, &tiny, 1, 1), tg_constant(tape, 1));
    expect_ok(tg_run(y));
    ck_assert(tg_item(y) == 1e-310);
    tg_mul(tg_input(plain, x, 2, 3), tg_input(plain, x, 3, 2));      /* a call that fails leaves the caller's state too */
    expect_denormals_here();
    tg_tape_free(plain);
    tg_tape_free(keeping);
}
END_TEST

START_TEST(the_rounding_of_the_caller_stays) {
    tg_tape *plain = tg_tape_new(NULL);
    ck_assert_int_eq(fesetround(FE_UPWARD), 0);
    product_of(plain, 0.5f);
    ck_assert_int_eq(fegetround(), FE_UPWARD);
    ck_assert_int_eq(fesetround(FE_TONEAREST), 0);
    tg_tape_free(plain);
}
END_TEST

/* ---- tg_map_context ---- */

typedef struct power { double exponent; int calls; } power;

static double raise(double v, const void *context) { return pow(v, ((const power *)context)->exponent); }
static double slope(double v, const void *context) {
    const double p = ((const power *)context)->exponent;
    return p * pow(v, p - 1);
}

START_TEST(a_function_with_a_context) {
    const power cube = { .exponent = 3 };
    double      value[6], first[6];
    for (int type = 0; type < 2; type++) {
        tg_tape  *of = type == 0 ? tape : tg_tape_new(NULL);
        tg_tensor in = tg_input(of, x, 2, 3), y = tg_map_context(in, raise, slope, &cube), g = tg_grad(tg_sum(y), in);
        ck_assert_msg(tg_run_many((tg_tensor[]){ y, g }, 2) == TG_OK, "%s", tg_tape_error(of));
        ck_assert_int_eq(tg_read_f64(y, value), TG_OK);
        ck_assert_int_eq(tg_read_f64(g, first), TG_OK);
        for (int i = 0; i < 6; i++) {
            const double v = (double)x[i];
            ck_assert_double_eq_tol(value[i], v * v * v, 1e-12);
            ck_assert_double_eq_tol(first[i], 3 * v * v, 1e-12);
        }
        tg_grad(tg_sum(g), in);
        ck_assert_int_eq(tg_tape_status(of), TG_NO_DERIVATIVE);
        if (of != tape) tg_tape_free(of);
    }
    tg_begin(tape, NULL);
    tg_tensor in = tg_input(tape, x, 2, 3), y = tg_map_context(in, raise, NULL, &cube);
    expect_ok(tg_run(y));      /* without a derivative it has a value */
    tg_grad(tg_sum(y), in);
    expect(TG_NO_DERIVATIVE);
    tg_begin(tape, NULL);
    tg_map_context(tg_input(tape, x, 2, 3), NULL, slope, &cube);
    expect(TG_NULL_ARGUMENT);
    tg_begin(tape, NULL);
    tg_map(tg_input(tape, x, 2, 3), NULL, NULL);
    expect(TG_NULL_ARGUMENT);
}
END_TEST

/* ---- steps ---- */

static void draw(double mask[64]) {
    static float ones[64];
    for (int i = 0; i < 64; i++) ones[i] = 1;
    tg_tensor y = tg_dropout(tg_input(tape, ones, 8, 8), 0.5);
    expect_ok(tg_run(y));
    expect_ok(tg_read_f64(y, mask));
}

static const tg_begin_options training = { .training = true };

START_TEST(the_step_number_advances_behind_a_run_that_succeeded) {
    ck_assert_uint_eq(tg_tape_step(tape), 0);
    tg_begin(tape, NULL);
    tg_constant(tape, 1);
    tg_begin(tape, NULL);      /* nothing was run */
    ck_assert_uint_eq(tg_tape_step(tape), 0);
    ck_assert_int_ne(tg_run(tg_add(tg_input(tape, x, 2, 3), tg_input(tape, x, 3, 2))), TG_OK);
    tg_begin(tape, NULL);      /* the run failed */
    ck_assert_uint_eq(tg_tape_step(tape), 0);
    expect_ok(tg_run(tg_constant(tape, 1)));
    expect_ok(tg_run(tg_constant(tape, 2)));
    ck_assert_uint_eq(tg_tape_step(tape), 0);
    tg_begin(tape, NULL);      /* by one, however often it ran */
    ck_assert_uint_eq(tg_tape_step(tape), 1);
}
END_TEST

START_TEST(the_step_number_set_brings_back_the_bits) {
    double first[3][64], again[64];
    for (int step = 0; step < 3; step++) {
        tg_begin(tape, &training);
        draw(first[step]);
    }
    ck_assert_mem_ne(first[0], first[1], sizeof again);
    ck_assert_mem_ne(first[1], first[2], sizeof again);
    ck_assert_int_eq(tg_tape_set_step(tape, 1), TG_OK);
    for (int step = 1; step < 3; step++) {
        tg_begin(tape, &training);
        ck_assert_uint_eq(tg_tape_step(tape), (uint64_t)step);
        draw(again);
        ck_assert_mem_eq(again, first[step], sizeof again);
    }
    tg_tape_free(tape);
    tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64, .seed = 1 });
    tg_begin(tape, &training);
    draw(again);
    ck_assert_mem_ne(again, first[0], sizeof again);
}
END_TEST

/* ---- the walk, and what memory holds ---- */

START_TEST(nodes_are_numbered_from_one) {
    tg_node node;
    ck_assert_uint_eq(tg_node_count(tape), 0);
    tg_tensor in = tg_input(tape, x, 2, 3), y = tg_exp(in);
    ck_assert_uint_eq(tg_node_count(tape), 2);
    ck_assert_int_eq(tg_node_at(tape, y.id, &node), TG_OK);
    ck_assert_str_eq(node.op->name, "exp");
    ck_assert(node.input_count == 1 && node.inputs[0] == in.id && node.shape.rows == 2 && node.shape.cols == 3 && node.origin == 0);
    const tg_tensor same = tg_tensor_at(tape, 2);
    ck_assert(same.tape == y.tape && same.id == y.id && same.step == y.step);
    for (int i = 0; i < 2; i++) {
        const uint32_t index = i == 0 ? 0 : 3;
        ck_assert_int_eq(tg_node_at(tape, index, &node), TG_OUT_OF_RANGE);
        expect_last(TG_OUT_OF_RANGE);
        ck_assert_uint_eq(tg_tensor_at(tape, index).id, 0);
        expect_last(TG_OUT_OF_RANGE);
    }
    expect(TG_OK);
}
END_TEST

/* On an eager tape; on any other, only what can be read is held, and the rest is computed for the look. */
START_TEST(held_values_need_no_keeping) {
    static const int32_t labels[2] = { 3, 1 };
    double    value[6], two[2], sum, *out[3] = { value, two, &sum };
    tg_tape_free(tape);
    tape = tg_tape_new(&(tg_tape_options){ .eager = true });
    tg_tensor y = tg_scale(tg_input(tape, x, 2, 3), 2), classes = tg_labels(tape, labels, 2);
    expect_ok(tg_run(tg_sum(y)));
    expect_ok(tg_held(y, value));
    for (int i = 0; i < 6; i++) ck_assert(value[i] == 2 * (double)x[i]);
    expect_ok(tg_held(classes, two));
    ck_assert(two[0] == 3 && two[1] == 1);
    expect(TG_OK);
    tg_tape_free(tape);
    tape = tg_tape_new(NULL);
    y = tg_scale(tg_input(tape, x, 2, 3), 2), classes = tg_labels(tape, labels, 2);
    const tg_tensor total = tg_sum(y);
    memset(value, 0, sizeof value);
    expect_ok(tg_look((tg_tensor[]){ y, classes, total }, 3, out));      /* before anything has run */
    for (int i = 0; i < 6; i++) ck_assert(value[i] == 2 * (double)x[i]);
    ck_assert(two[0] == 3 && two[1] == 1 && sum == value[0] + value[1] + value[2] + value[3] + value[4] + value[5]);
    expect_ok(tg_run(total));
    expect_ok(tg_held(total, &sum));
    if (getenv("TAPEGRAD_EAGER") == NULL) {
        ck_assert_int_eq(tg_held(y, value), TG_NOT_KEPT);
        ck_assert_int_eq(tg_last_error(NULL), TG_NOT_KEPT);
    }
    expect(TG_OK);
}
END_TEST

START_TEST(what_was_not_kept_is_a_status) {
    float     out[6];
    tg_tensor h = tg_name(tg_exp(tg_input(tape, x, 2, 3)), "h");
    expect_ok(tg_run(tg_sum(h)));
    ck_assert_int_eq(tg_read(h, out), TG_NOT_KEPT);
    expect(TG_NOT_KEPT);
    expect_in_sentence("tg_keep");
    expect_in_sentence("exp, h");
    tg_begin(tape, NULL);
    h = tg_exp(tg_input(tape, x, 2, 3));
    expect_ok(tg_run(tg_sum(h)));
    ck_assert_ptr_null(tg_data_f64(h));
    expect(TG_NOT_KEPT);
}
END_TEST

START_TEST(two_runs_in_a_step_with_kept_tensors) {
    double    out[6];
    tg_tensor in = tg_input(tape, x, 2, 3), a = tg_keep(tg_scale(in, 2)), sum_of_a = tg_sum(a);
    expect_ok(tg_run(sum_of_a));
    expect_ok(tg_read_f64(a, out));
    ck_assert(out[5] == 12 && tg_item(sum_of_a) == 42);
    tg_tensor b = tg_keep(tg_shift(a, 1)), sum_of_b = tg_sum(b);
    tg_keep(a);      /* again, for the second run */
    expect_ok(tg_run(sum_of_b));
    expect_ok(tg_read_f64(a, out));
    ck_assert(out[5] == 12);
    expect_ok(tg_read_f64(b, out));
    ck_assert(out[5] == 13 && tg_item(sum_of_b) == 48 && tg_item(sum_of_a) == 42);
    expect_ok(tg_run(sum_of_b));      /* a third run keeps neither */
    ck_assert_int_eq(tg_read_f64(b, out), TG_NOT_KEPT);
}
END_TEST

START_TEST(reading_in_the_other_type) {
    static const int32_t labels[2] = { 3, 1 };
    float     single[6];
    int32_t   whole[2];
    tg_tensor y = tg_scale(tg_input(tape, x, 2, 3), 2), classes = tg_labels(tape, labels, 2);
    expect_ok(tg_run_many((tg_tensor[]){ y, classes }, 2));
    expect_ok(tg_read(y, single));
    ck_assert(single[5] == 12 && tg_data_f64(y)[5] == 12);
    expect_ok(tg_read_i32(classes, whole));
    ck_assert(whole[0] == 3 && whole[1] == 1);
    ck_assert_ptr_null(tg_data(y));
    expect(TG_TYPE_MISMATCH);
    tg_begin(tape, NULL);
    y = tg_sum(tg_input(tape, x, 2, 3));
    expect_ok(tg_run(y));
    ck_assert_int_eq(tg_read_i32(y, whole), TG_TYPE_MISMATCH);
}
END_TEST

/* ---- sizes ---- */

static tg_tensor huge(int64_t rows, int64_t cols) { return tg_input(tape, x, rows, cols); }
static tg_tensor one_by_one(void) { return tg_constant(tape, 1); }

START_TEST(sizes_that_overflow) {
    const int64_t most = INT64_MAX;
    for (int k = 0; k < 9; k++) {
        tg_begin(tape, NULL);
        switch (k) {
        case 0: huge(most, 1); break;
        case 1: huge(1, most); break;
        case 2: huge(most, most); break;
        case 3: tg_input_f64(tape, NULL, INT64_C(1) << 32, INT64_C(1) << 32); break;      /* the product wraps to 0 */
        case 4: tg_labels(tape, (const int32_t[]){ 0 }, most); break;
        case 5: tg_broadcast_to(one_by_one(), most, most); break;
        case 6: tg_broadcast_to(one_by_one(), most / 8, 1); break;
        case 7: tg_one_hot(tg_labels(tape, (const int32_t[]){ 0, 0 }, 2), most / 2); break;
        case 8: tg_bernoulli(tape, 0.5, most, most); break;
        }
        ck_assert_msg(tg_tape_status(tape) == TG_TOO_LARGE, "%d: %s", k, tg_status_name(tg_tape_status(tape)));
    }
    tg_begin(tape, NULL);
    tg_view(tg_input(tape, x, 2, 3), most, most, most);
    ck_assert_int_ne(tg_tape_status(tape), TG_OK);
    tg_begin(tape, NULL);
    tg_view(tg_input(tape, x, 2, 3), most - 3, 2, 2);
    ck_assert_int_ne(tg_tape_status(tape), TG_OK);
    tg_begin(tape, NULL);
    tg_view(tg_input(tape, x, 2, 3), 1, 2, 3);      /* one element too far */
    expect(TG_SHAPE_MISMATCH);
    tg_begin(tape, NULL);
    huge(-1, 2);
    expect(TG_BAD_ARGUMENT);
    tg_params *params = tg_params_new(1, NULL);
    ck_assert_ptr_null(tg_variable_new(params, "w", most, most, NULL));
    expect_last(TG_TOO_LARGE);
    tg_params_free(params);
}
END_TEST

/* Sizes may be zero, and the other one anything: nothing is to be done, and that must not take long. */
START_TEST(no_elements_take_no_time) {
    tg_tensor empty = tg_input(tape, NULL, INT64_MAX, 0);
    tg_tensor all[] = { tg_sum(empty), tg_softmax(empty), tg_log_softmax(empty), tg_relu(empty), tg_add(empty, tg_constant(tape, 1)),
                        tg_sum_rows(empty), tg_transpose(empty), tg_matmul_transposed(empty, true, empty, false), tg_dropout(empty, 0.5),
                        tg_concat(&empty, 1), tg_broadcast_to(tg_input(tape, NULL, 1, 0), INT64_MAX, 0),
                        tg_matmul(empty, tg_input(tape, NULL, 0, 0)) };
    expect_ok(tg_run_many(all, (int)(sizeof all / sizeof all[0])));
    ck_assert(tg_item(all[0]) == 0);
    tg_tensor g = tg_grad(tg_sum(tg_square(tg_tanh(empty))), empty);
    expect_ok(tg_run(g));
    ck_assert_int_eq(tg_rows(g), INT64_MAX);
}
END_TEST

/* ---- the allocator ---- */

static void *never(void *context, void *pointer, size_t old_size, size_t new_size, size_t alignment) {
    (void)context, (void)pointer, (void)old_size, (void)new_size, (void)alignment;
    return NULL;
}

START_TEST(the_allocator_stays_while_memory_is_held) {
    test_memory memory = { .calls_left = -1 };
    ck_assert_int_eq(tg_set_allocator(never, NULL), TG_BAD_ARGUMENT);      /* the tape of the fixture */
    expect_last(TG_BAD_ARGUMENT);
    tg_tape_free(tape);
    ck_assert_int_eq(tg_set_allocator(never, NULL), TG_OK);
    ck_assert_ptr_null(tg_tape_new(NULL));
    expect_last(TG_OUT_OF_MEMORY);
    ck_assert_int_eq(tg_set_allocator(test_allocate, &memory), TG_OK);
    tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    ck_assert_int_gt(memory.held, 0);
    ck_assert_int_eq(tg_set_allocator(NULL, NULL), TG_BAD_ARGUMENT);
    expect_last(TG_BAD_ARGUMENT);
    expect_ok(tg_run(tg_sum(tg_input(tape, x, 2, 3))));
    tg_tape_free(tape);
    tape = NULL;
    ck_assert_int_eq(memory.held, 0);
    ck_assert_int_eq(tg_set_allocator(NULL, NULL), TG_OK);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        a_name_given_again_is_numbered, a_name_belongs_to_the_scope_in_which_it_was_given, scopes_end_with_the_step, a_name_that_nobody_has,
        what_a_node_is_called_finds_it, names_made_up_in_every_step, the_last_error_is_of_this_thread,
        the_last_error_is_the_first_and_reading_clears_it,
        sentences_name_op_shapes_and_scope, the_hook_is_called_once_inside_the_failing_call, the_executing_call_returns_the_first_failure,
        handles_of_another_step_and_tape, a_handle_of_a_freed_tape_does_not_fit_its_successor, denormals_are_flushed_in_single_precision_only,
        the_rounding_of_the_caller_stays, a_function_with_a_context, the_step_number_advances_behind_a_run_that_succeeded,
        the_step_number_set_brings_back_the_bits, nodes_are_numbered_from_one, held_values_need_no_keeping, what_was_not_kept_is_a_status,
        two_runs_in_a_step_with_kept_tensors, reading_in_the_other_type, sizes_that_overflow, no_elements_take_no_time,
        the_allocator_stays_while_memory_is_held,
    };
    Suite *suite = suite_create("tape");
    TCase *cases = tcase_create("tape");
    tcase_set_timeout(cases, 300);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    suite_add_tcase(suite, cases);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) tcase_add_test(cases, tests[i]);
    return run_suite(suite);
}
