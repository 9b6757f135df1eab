/* worked.h - worked examples as a table: a function of named operands, and what each quantity is and what its gradient is. */
#ifndef TAPEGRAD_TESTS_MUSEUM_WORKED_H
#define TAPEGRAD_TESTS_MUSEUM_WORKED_H

#include "support.h"
#include <math.h>
#include <tapegrad/tapegrad.h>

enum { MOST_ELEMENTS = 8, MOST_QUANTITIES = 20 };

/* A matrix of the example, and the gradient of the result by it. A NaN is not compared: it stands where the source prints nothing. */
typedef struct quantity {
    const char *name;
    int64_t     rows, cols;
    double      value[MOST_ELEMENTS], gradient[MOST_ELEMENTS];
} quantity;

#define ONE(name, value, gradient) { name, 1, 1, { value }, { gradient } }

/* Records the result from the operands, which are the first quantities; names the others. */
typedef tg_tensor (*worked_fn)(const tg_tensor x[]);

typedef struct worked {
    const char *title;
    worked_fn   record;
    int         operands;
    quantity    quantities[MOST_QUANTITIES];
} worked;

/* Fifteen digits are printed, so the last of them is worth up to 5e-15; zero is zero. */
static inline void expect_digits(double got, double wanted, double relative, const char *title, const char *name, const char *what) {
    if (isnan(wanted)) return;
    ck_assert_msg(fabs(got - wanted) <= relative * fabs(wanted), "%s: %s of %s is %.17g, not %.17g", title, what, name, got, wanted);
}

static inline int count_quantities(const worked *w) {
    int count = 0;
    while (count < MOST_QUANTITIES && w->quantities[count].name != NULL) count++;
    return count;
}

static inline tg_tensor record_worked(tg_tape *tape, const worked *w) {
    tg_tensor x[MOST_QUANTITIES];
    for (int k = 0; k < w->operands; k++) {
        const quantity *q = &w->quantities[k];
        x[k] = tg_name(tg_input_f64(tape, q->value, q->rows, q->cols), q->name);
    }
    return w->record(x);
}

static inline void expect_worked(const worked *w, tg_type type, double relative) {
    tg_tape        *tape = tg_tape_new(&(tg_tape_options){ .type = type });
    const int       count = count_quantities(w);
    const tg_tensor y = record_worked(tape, w);
    tg_tensor       all[2 * MOST_QUANTITIES];
    for (int k = 0; k < count; k++) all[k] = tg_find(tape, w->quantities[k].name);
    ck_assert_msg(tg_gradients(y, TG_NONE, all, count, all + count, NULL) == TG_OK, "%s: %s", w->title, tg_tape_error(tape));
    ck_assert_msg(tg_run_many(all, 2 * count) == TG_OK, "%s: %s", w->title, tg_tape_error(tape));
    for (int k = 0; k < count; k++) {
        const quantity *q = &w->quantities[k];
        double          got[2][MOST_ELEMENTS];
        for (int side = 0; side < 2; side++) {
            const tg_shape shape = tg_shape_of(all[side * count + k]);
            ck_assert(shape.rows == q->rows && shape.cols == q->cols);
            ck_assert_int_eq(tg_read_f64(all[side * count + k], got[side]), TG_OK);
        }
        for (int i = 0; i < (int)(q->rows * q->cols); i++) {
            expect_digits(got[0][i], q->value[i], relative, w->title, q->name, "value");
            expect_digits(got[1][i], q->gradient[i], relative, w->title, q->name, "gradient");
        }
    }
    tg_tape_free(tape);
}

#endif
