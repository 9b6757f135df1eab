/* work_numbers.c - formulas of the numbers of a computation, and what becomes of them by descent. */
#include "cli/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every number under its name, once with an index and, of scalars, without. */
enum { MOST_NUMBERS = 400 };

typedef struct numbers {
    char        names[MOST_NUMBERS][TG_WORK_NAME + 32];
    const char *name[MOST_NUMBERS];
    double      value[MOST_NUMBERS];
    tg_tensor   tensor[MOST_NUMBERS];
    int         count;
} numbers;

static void add_number(numbers *all, const char *prefix, const tg_quantity *q, const double *at, int64_t i) {
    if (at == NULL || q->name[0] == '\0' || all->count == MOST_NUMBERS) return;
    char           *name = all->names[all->count];
    const long long row  = i / q->value.cols + 1, col = i % q->value.cols + 1;
    if (q->value.rows * q->value.cols == 1) snprintf(name, sizeof all->names[0], "%s%s", prefix, q->name);
    else if (q->value.rows == 1) snprintf(name, sizeof all->names[0], "%s%s[%lld]", prefix, q->name, col);
    else snprintf(name, sizeof all->names[0], "%s%s[%lld,%lld]", prefix, q->name, row, col);
    all->name[all->count]    = name;
    all->value[all->count++] = at[i];
}

static bool evaluate(tg_work *work, numbers *all, tg_tape *tape, const char *formula, double *value) {
    for (int i = 0; i < all->count; i++) all->tensor[i] = tg_scalar_input(tape, &all->value[i]);
    const tg_tensor y = tg_record_formula(tape, formula, all->name, all->tensor, all->count, NULL);
    if (tg_run(y) != TG_OK) return tg_work_refuse(work, "%s", tg_tape_error(tape));
    *value = tg_item(y);
    return true;
}

bool tg_work_value(tg_work *work, const char *formula, bool with_gradients, double *value) {
    numbers *all  = calloc(1, sizeof *all);
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    bool     done = false;
    for (int i = 0; all != NULL && i < work->count; i++) {
        const tg_quantity *q = &work->quantities[i];
        for (int64_t k = 0; k < q->value.rows * q->value.cols; k++) {
            add_number(all, "", q, q->value.at, k);
            add_number(all, "d_", q, with_gradients ? q->gradient : NULL, k);
        }
    }
    if (all != NULL && tape != NULL) done = evaluate(work, all, tape, formula, value);
    else tg_work_refuse(work, "there is no memory for an answer");
    tg_tape_free(tape);
    free(all);
    return done;
}

bool tg_work_add_number(tg_work *work, const char *prefix, const char *name, double value) {
    char full[2 * TG_WORK_NAME];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    tg_quantity *q = tg_work_add(work, full, strlen(full));
    if (q == NULL) return false;
    q->value = (tg_cli_matrix){ 1, 1, calloc(1, sizeof(double)) };
    if (q->value.at == NULL) return tg_work_refuse(work, "there is no memory for a number");
    q->value.at[0] = value;
    return true;
}

/* ---- descent ---- */

static int64_t count_of(const tg_quantity *q) { return q->value.rows * q->value.cols; }

static void step(tg_work *work, double rate) {
    for (int i = 0; i < work->given; i++) {
        tg_quantity *q = &work->quantities[i];
        for (int64_t k = 0; q->is_wanted && k < count_of(q); k++) q->value.at[k] -= rate * q->gradient[k];
    }
}

/* Scalars alone have names without an index. */
static void exchange(tg_work *work, double kept[TG_WORK_NAMES]) {
    for (int i = 0; i < work->given; i++) {
        double      *value = work->quantities[i].value.at;
        const double now = value[0];
        if (count_of(&work->quantities[i]) == 1) value[0] = kept[i], kept[i] = now;
    }
}

bool tg_work_train(tg_work *work, int steps, double rate) {
    double    kept[TG_WORK_NAMES];
    const int count = work->count;
    for (int i = 0; i < work->given; i++) {
        if (work->quantities[i].is_wanted && count_of(&work->quantities[i]) != 1) return tg_work_refuse(work, "only numbers are trained");
        kept[i] = work->quantities[i].value.at[0];
    }
    for (int i = 0; i < steps; i++) {
        if (!tg_work_record(work) || !tg_work_look(work)) return false;
        step(work, rate);
    }
    bool done = tg_work_record(work) && tg_work_look(work);
    double after[TG_WORK_NAMES];
    for (int i = 0; done && i < count; i++) after[i] = work->quantities[i].value.at[0];
    exchange(work, kept);
    done = done && tg_work_record(work) && tg_work_look(work);
    for (int i = 0; done && i < count; i++)
        if (work->quantities[i].name[0] != '\0') done = tg_work_add_number(work, "after_", work->quantities[i].name, after[i]);
    return done;
}
