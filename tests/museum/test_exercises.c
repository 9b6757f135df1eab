/* test_exercises.c - the exercises hold for what is computed, in double and in float, and after descent. */
#include "museum/exercises.h"

START_TEST(expressions_by_hand) {
    expect_worked(&expressions[_i], TG_F64, 2e-14);
    expect_worked(&expressions[_i], TG_F32, 2e-5);
}
END_TEST

START_TEST(nets_by_hand) {
    expect_worked(&nets[_i], TG_F64, 4e-14);
    expect_worked(&nets[_i], TG_F32, 1e-4);
}
END_TEST

/* ---- what descent makes of them ---- */

typedef struct descent {
    const worked *net;
    unsigned      moved;               /* operands that are variables, as bits */
    double        rate;
    int           steps;
    double        loss, tolerance;     /* afterwards; relative */
    int           count;               /* of operands that are compared */
    struct { int operand; double value[MOST_ELEMENTS], tolerance; } after[4];      /* absolute */
} descent;

enum { MAZUR_SHARED, MAZUR_UNITS, MAZUR_FIRST, HAN, NEGNEVITSKY, GOODFELLOW, DEAD_INPUT, NIELSEN_NEAR, NIELSEN_FAR };
enum { WEIGHTS = 1 << 1 | 1 << 3, BIASES = 1 << 2 | 1 << 4 };

/* Up the gradient of L, which is down that of -L. */
static tg_tensor minus_chain(const tg_tensor x[]) { return tg_neg(chain(x)); }
static const worked ascent = { "Karpathy, a step up", minus_chain, 4, { ONE("a", 2, -6), ONE("b", -3, 4), ONE("c", 10, 2), ONE("f", -2, -4) } };

static const descent descents[] = {
    { &ascent, 15, 0.01, 1, 7.286496, 1e-14, 4,
      { { 0, { 2.06 }, 1e-15 }, { 1, { -3.04 }, 1e-15 }, { 2, { 9.98 }, 4e-15 }, { 3, { -1.96 }, 1e-15 } } },
    /* He does not move his biases, and prints 0.291027924, which is not the loss of his own new weights. */
    { &nets[MAZUR_SHARED], WEIGHTS, 0.5, 1, .291027773693599, 1e-14, 2,
      { { 1, { .1497807161327628, .24975114363236958, .19956143226552567, .29950228726473915 }, 1e-15 },
        { 3, { .35891647971788465, .5113012702387375, .4086661860762334, .5613701211079891 }, 1e-15 } } },
    { &nets[MAZUR_SHARED], WEIGHTS | BIASES, 0.5, 1, .285750886699296, 1e-14, 0, { { 0 } } },
    { &nets[MAZUR_SHARED], WEIGHTS, 0.5, 9999, 3.51085481e-05, 1e-8, 0, { { 0 } } },
    { &nets[MAZUR_SHARED], WEIGHTS, 0.5, 10000, 3.510187782978859e-05, 1e-10, 0, { { 0 } } },
    { &nets[MAZUR_UNITS], WEIGHTS | BIASES, 0.5, 10000, 2.4475622359322466e-06, 1e-10, 0, { { 0 } } },
    { &nets[HAN], WEIGHTS | BIASES, 0.9, 1, NAN, 0, 4,
      { { 1, { .192148, -.305888, .4, .1, -.507852, .194112 }, 5e-7 }, { 2, { -.407852, .194112 }, 5e-7 }, { 3, { -.260829, -.138025 }, 5e-7 },
        { 4, { .218052 }, 5e-7 } } },
    { &nets[NEGNEVITSKY], WEIGHTS | BIASES, 0.1, 1, NAN, 0, 4,
      { { 1, { .5038, .8985, .4038, .9985 }, 5e-5 }, { 2, { .7962, -.0985 }, 5e-5 }, { 3, { -1.2067, 1.0888 }, 5e-5 }, { 4, { .3127 }, 5e-5 } } },
    { &nets[GOODFELLOW], WEIGHTS | 1 << 2, 1, 3, 0, 0, 3, { { 1, { 1, 1, 1, 1 }, 0 }, { 2, { 0, -1 }, 0 }, { 3, { 1, -2 }, 0 } } },
    /* Half the square of the outputs 0.093956 and 0.202848. */
    { &nets[NIELSEN_NEAR], 1 << 1 | 1 << 2, 0.15, 300, .093956 * .093956 / 2, 2e-5, 0, { { 0 } } },
    { &nets[NIELSEN_FAR], 1 << 1 | 1 << 2, 0.15, 300, .202848 * .202848 / 2, 1e-5, 0, { { 0 } } },
};

static tg_tensor record_moving(tg_tape *tape, const worked *w, tg_variable *const v[]) {
    tg_tensor x[MOST_QUANTITIES];
    tg_begin(tape, NULL);
    for (int k = 0; k < w->operands; k++) {
        const quantity *q = &w->quantities[k];
        x[k] = v[k] != NULL ? tg_use(tape, v[k]) : tg_input_f64(tape, q->value, q->rows, q->cols);
    }
    return w->record(x);
}

static void expect_after(const descent *d, tg_variable *const v[]) {
    for (int a = 0; a < d->count; a++) {
        const quantity *q = &d->net->quantities[d->after[a].operand];
        double          value[MOST_ELEMENTS];
        ck_assert_int_eq(tg_variable_read_f64(v[d->after[a].operand], value), TG_OK);
        for (int i = 0; i < (int)(q->rows * q->cols); i++)
            ck_assert_msg(fabs(value[i] - d->after[a].value[i]) <= d->after[a].tolerance, "%s: %s becomes %.17g", d->net->title, q->name, value[i]);
    }
}

START_TEST(descents_by_hand) {
    const descent *d      = &descents[_i];
    tg_params     *params = tg_params_new(0, &(tg_params_options){ .type = TG_F64 });
    tg_variable   *v[MOST_QUANTITIES] = { NULL };
    for (int k = 0; k < d->net->operands; k++) {
        const quantity *q = &d->net->quantities[k];
        if ((d->moved >> k & 1) == 0) continue;
        v[k] = tg_variable_new(params, q->name, q->rows, q->cols, NULL);
        ck_assert_int_eq(tg_variable_write_f64(v[k], q->value), TG_OK);
    }
    tg_optimizer *sgd  = tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = d->rate });
    tg_tape      *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    for (int step = 0; step < d->steps; step++) ck_assert_int_eq(tg_minimize(sgd, record_moving(tape, d->net, v)), TG_OK);
    const tg_tensor loss = record_moving(tape, d->net, v);
    ck_assert_int_eq(tg_run(loss), TG_OK);
    expect_digits(tg_item(loss), d->loss, d->tolerance, d->net->title, "the loss", "value after descent");
    expect_after(d, v);
    tg_tape_free(tape);
    tg_optimizer_free(sgd);
    tg_params_free(params);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("exercises");
    TCase *cases = tcase_create("exercises");
    suite_add_tcase(suite, cases);
    tcase_add_loop_test(cases, expressions_by_hand, 0, sizeof expressions / sizeof expressions[0]);
    tcase_add_loop_test(cases, nets_by_hand, 0, sizeof nets / sizeof nets[0]);
    tcase_add_loop_test(cases, descents_by_hand, 0, sizeof descents / sizeof descents[0]);
    tcase_set_timeout(cases, 300);
    return run_suite(suite);
}
