/* test_functions.c - functions of floats against those of double: units in the last place, special values, and the same bits on each kind of
 * processor and at each place of a vector. TAPEGRAD_LONG: all floats, else each 997th. */
#include "kernel/functions.h"
#include "kernel/levels.h"
#include "support.h"

#include <stdlib.h>

enum { AT_ONCE = 4096 };

typedef struct job {
    const float *x;
    float       *y;
    int          count;
} job;

typedef struct function {
    const char *name;
    void      (*run)(job *j), (*one_by_one)(job *j);
    double    (*reference)(double x);
} function;

/* As kernels have them: many at a time, by the version for this processor; and each by itself, by the oldest one. */
#define FUNCTION(name, exact)                                                                              \
    TG_LOOP void name##_all_loop(job *j) {                                                                 \
        TG_EACH_ELEMENT                                                                                    \
        for (int i = 0; i < j->count; i++) j->y[i] = tg_##name##_float(j->x[i]);                           \
    }                                                                                                      \
    TG_BY_LEVEL(name##_all, job *)                                                                         \
    static void name##_each(job *j) {                                                                      \
        for (int i = 0; i < j->count; i++) {                                                               \
            volatile float x = j->x[i];                                                                    \
            j->y[i] = tg_##name##_float(x);                                                                \
        }                                                                                                  \
    }                                                                                                      \
    static double exact_##name(double x) { return exact; }

FUNCTION(exp, (exp)(x))
FUNCTION(expm1, (expm1)(x))
FUNCTION(log, (log)(x))
FUNCTION(log1p, (log1p)(x))
FUNCTION(tanh, (tanh)(x))
FUNCTION(sigmoid, tg_sigmoid_double(x))

#define ROW(name) { #name, name##_all, name##_each, exact_##name }
static const function functions[] = { ROW(exp), ROW(expm1), ROW(log), ROW(log1p), ROW(tanh), ROW(sigmoid) };

/* Units in the last place of a float near exact; what has no digits must be the same. */
static double error_of(double exact, float got) {
    const float rounded = (float)exact;
    int         exponent;
    if (isnan(rounded)) return isnan(got) ? 0 : (double)INFINITY;
    if (isinf(rounded) || rounded == 0) return got == rounded && signbit(got) == signbit(rounded) ? 0 : (double)INFINITY;
    (frexp)(exact, &exponent);
    return (fabs)((double)got - exact) / (ldexp)(1, (exponent < -125 ? -125 : exponent) - 24);
}

START_TEST(functions_are_within_a_unit_in_the_last_place) {
    static float   x[AT_ONCE], y[AT_ONCE], each[AT_ONCE];
    const uint64_t step = getenv("TAPEGRAD_LONG") != NULL ? 1 : 997;
    const function *f = &functions[_i];
    for (uint64_t bits = 0; bits < (uint64_t)1 << 32;) {
        int count = 0;
        for (; count < AT_ONCE - (int)(bits % 13) && bits < (uint64_t)1 << 32; bits += step, count++) {
            const uint32_t pattern = (uint32_t)bits;
            memcpy(&x[count], &pattern, sizeof pattern);
        }
        f->run(&(job){ x, y, count });
        f->one_by_one(&(job){ x, each, count });
        for (int i = 0; i < count; i++) {
            const double error = error_of(f->reference((double)x[i]), y[i]);
            const bool   same  = isnan(y[i]) ? isnan(each[i]) : memcmp(&y[i], &each[i], sizeof y[i]) == 0;
            if (error <= 0.51 && same) continue;      /* asking Check each time would take minutes */
            ck_assert_msg(error <= 0.51, "%s(%a) is %a, off by %.3g units in the last place", f->name, (double)x[i], (double)y[i], error);
            ck_assert_msg(same, "%s(%a) by itself is %a, in a row %a",
                          f->name, (double)x[i], (double)each[i], (double)y[i]);
        }
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("functions");
    TCase *cases = tcase_create("functions");
    tcase_add_loop_test(cases, functions_are_within_a_unit_in_the_last_place, 0, sizeof functions / sizeof functions[0]);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
