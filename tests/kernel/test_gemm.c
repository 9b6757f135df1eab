/* test_gemm.c - the matrix product: right, and the same bits however it is cut. */
#include "kernel/cpu.h"
#include "kernel/gemm.h"

#include "support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 3, MOST = 20, MOST_K = 600 };    /* rows are stored GAP elements further apart than they are long */

static uint32_t random_state = 1;

static double random_number(void) {
    random_state = random_state * 1664525u + 1013904223u;
    return ((double)(random_state >> 8) - 8388608.0) / 4194304.0;
}

#define FMA_f32 fmaf
#define FMA_f64 fma

/* The definition of gemm.h in plain loops, and beside it the sum and the sum of magnitudes in double, for each element type. */
#define MAKE_TESTS(REAL, T, EPSILON)                                                                                                        \
    static REAL a_##T[MOST_K * (MOST_K + GAP)], b_##T[MOST_K * (MOST_K + GAP)];                                                             \
    static REAL c_##T[MOST * (MOST + GAP)], d_##T[MOST * (MOST + GAP)];                                                                     \
                                                                                                                                            \
    static REAL at_##T(const REAL *x, bool transpose, int64_t ld, int64_t i, int64_t j) { return transpose ? x[j * ld + i] : x[i * ld + j]; } \
                                                                                                                                            \
    static void compare_##T(bool ta, bool tb, int64_t m, int64_t n, int64_t k, int64_t lda, int64_t ldb) {                                  \
        for (int64_t i = 0; i < m; i++)                                                                                                     \
            for (int64_t j = 0; j < n; j++) {                                                                                               \
                volatile REAL total = 0;                                                                                                    \
                double exact = 0, size = 0;                                                                                                 \
                for (int64_t first = 0; first < k; first += TG_GEMM_RUN) {                                                                  \
                    volatile REAL run = 0;                                                                                                  \
                    for (int64_t p = first; p < k && p < first + TG_GEMM_RUN; p++) {                                                        \
                        REAL x = at_##T(a_##T, ta, lda, i, p), y = at_##T(b_##T, tb, ldb, p, j);                                            \
                        volatile REAL product = x * y;                                                                                      \
                        run = tg_cpu_level() >= TG_CPU_AVX2 ? (REAL)FMA_##T(x, y, run) : run + product;                                     \
                        exact += (double)x * (double)y;                                                                                     \
                        size += fabs((double)x * (double)y);                                                                                \
                    }                                                                                                                       \
                    total = total + run;                                                                                                    \
                }                                                                                                                           \
                REAL got = c_##T[i * (n + GAP) + j], expected = total;                                                                      \
                ck_assert_mem_eq(&got, &expected, sizeof got);                                                                              \
                ck_assert(fabs((double)got - exact) <= EPSILON * (double)(k + 1) * size);                                                   \
            }                                                                                                                               \
    }                                                                                                                                       \
                                                                                                                                            \
    /* Every part [i0, i1) x [j0, j1) alone, from and to the middle of the matrices. */                                                     \
    static void cut_##T(bool ta, bool tb, int64_t m, int64_t n, int64_t k, int64_t lda, int64_t ldb, int64_t height, int64_t width) {       \
        const int64_t ldc = n + GAP;                                                                                                        \
        for (int64_t i = 0; i < m; i += height)                                                                                             \
            for (int64_t j = 0; j < n; j += width)                                                                                          \
                tg_gemm_##T(ta, tb, m - i < height ? m - i : height, n - j < width ? n - j : width, k, a_##T + (ta ? i : i * lda), lda,     \
                            b_##T + (tb ? j * ldb : j), ldb, d_##T + i * ldc + j, ldc);                                                     \
        ck_assert_mem_eq(c_##T, d_##T, (size_t)(m * ldc) * sizeof(REAL));                                                                   \
    }                                                                                                                                       \
                                                                                                                                            \
    static void try_##T(bool ta, bool tb, int64_t m, int64_t n, int64_t k) {                                                                \
        const int64_t lda = (ta ? m : k) + GAP, ldb = (tb ? k : n) + GAP, ldc = n + GAP;                                                    \
        for (int64_t i = 0; i < (ta ? k : m) * lda; i++) a_##T[i] = (REAL)random_number();                                                  \
        for (int64_t i = 0; i < (tb ? n : k) * ldb; i++) b_##T[i] = (REAL)random_number();                                                  \
        for (int64_t i = 0; i < m * ldc; i++) c_##T[i] = d_##T[i] = (REAL)77;                                                               \
        tg_gemm_##T(ta, tb, m, n, k, a_##T, lda, b_##T, ldb, c_##T, ldc);                                                                   \
        for (int64_t i = 0; i < m; i++)                                                                                                     \
            for (int64_t j = n; j < ldc; j++) ck_assert(c_##T[i * ldc + j] == (REAL)77); /* what lies between rows stays */                 \
        compare_##T(ta, tb, m, n, k, lda, ldb);                                                                                             \
        cut_##T(ta, tb, m, n, k, lda, ldb, 1, n);                                                                                           \
        cut_##T(ta, tb, m, n, k, lda, ldb, m, 1);                                                                                           \
        cut_##T(ta, tb, m, n, k, lda, ldb, 3, 5);                                                                                           \
    }                                                                                                                                       \
                                                                                                                                            \
    START_TEST(small_sizes_##T) {                                                                                                           \
        const int64_t depth[] = { 0, 1, 2, 7, 19 };                                                                                         \
        for (int64_t m = 1; m < MOST; m++)                                                                                                  \
            for (int64_t n = 1; n < MOST; n++) try_##T(_i & 1, _i & 2, m, n, depth[(m + n) % 5]);                                           \
    }                                                                                                                                       \
    END_TEST                                                                                                                                \
                                                                                                                                            \
    START_TEST(long_sums_##T) {                                                                                                             \
        const int64_t depth[] = { 255, 256, 257, 511, 512, 513, MOST_K };                                                                   \
        for (size_t d = 0; d < sizeof depth / sizeof *depth; d++) {                                                                         \
            try_##T(_i & 1, _i & 2, 4, 8, depth[d]);                                                                                        \
            try_##T(_i & 1, _i & 2, 7, 13, depth[d]);                                                                                       \
        }                                                                                                                                   \
    }                                                                                                                                       \
    END_TEST                                                                                                                                \
                                                                                                                                            \
    START_TEST(empty_sizes_##T) {                                                                                                           \
        REAL c[4] = { 1, 2, 3, 4 };                                                                                                         \
        tg_gemm_##T(false, false, 0, 2, 2, a_##T, 2, b_##T, 2, c, 2);                                                                       \
        tg_gemm_##T(false, false, 2, 0, 2, a_##T, 2, b_##T, 2, c, 2);                                                                       \
        for (int i = 0; i < 4; i++) ck_assert(c[i] == (REAL)(i + 1));                                                                       \
        tg_gemm_##T(false, false, 2, 1, 0, a_##T, 2, b_##T, 2, c, 2);                                                                       \
        ck_assert(c[0] == 0 && c[1] == (REAL)2 && c[2] == 0 && c[3] == (REAL)4);                                                            \
    }                                                                                                                                       \
    END_TEST                                                                                                                                \
                                                                                                                                            \
    /* An infinity or a NaN reaches the elements that it is a factor of, and no other. */                                                   \
    START_TEST(not_finite_##T) {                                                                                                            \
        REAL a[6] = { 1, (REAL)INFINITY, 1, 1, (REAL)NAN, 1 }, b[6] = { 1, 0, 2, 1, 1, 1 }, c[9];                                           \
        tg_gemm_##T(false, false, 3, 3, 2, a, 2, b, 3, c, 3);                                                                               \
        ck_assert(isinf(c[0]) && isinf(c[1]) && isinf(c[2]));                                                                               \
        ck_assert(c[3] == (REAL)2 && c[4] == (REAL)1 && c[5] == (REAL)3);                                                                   \
        ck_assert(isnan(c[6]) && isnan(c[7]) && isnan(c[8]));                                                                               \
    }                                                                                                                                       \
    END_TEST

MAKE_TESTS(float, f32, 1.2e-7)
MAKE_TESTS(double, f64, 2.3e-16)

int main(void) {
    Suite *suite = suite_create("gemm");
    TCase *tests = tcase_create("gemm");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, small_sizes_f32, 0, 4);
    tcase_add_loop_test(tests, small_sizes_f64, 0, 4);
    tcase_add_loop_test(tests, long_sums_f32, 0, 4);
    tcase_add_loop_test(tests, long_sums_f64, 0, 4);
    tcase_add_test(tests, empty_sizes_f32);
    tcase_add_test(tests, empty_sizes_f64);
    tcase_add_test(tests, not_finite_f32);
    tcase_add_test(tests, not_finite_f64);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
