/* gemm.h - the matrix product, with a result that is defined to the last bit. */
#ifndef TAPEGRAD_KERNEL_GEMM_H
#define TAPEGRAD_KERNEL_GEMM_H

#include <stdbool.h>
#include <stdint.h>

/* Products are summed in runs of this many k. Part of the definition below: another number gives other bits. */
enum { TG_GEMM_RUN = 256 };

/* c[m, n] = op(a) op(b), row-major; whatever c held is overwritten, also when k is 0. c must not overlap a or b.
 *
 *   op(a)[m, k] is a[m, k], or, if transpose_a, the transpose of a[k, m]; lda, ldb, ldc are the elements from one stored row to the next.
 *   op(b)[k, n] is b[k, n], or, if transpose_b, the transpose of b[n, k].
 *
 *   run[r]  = ((0 + a[i, p] b[p, j]) + a[i, p+1] b[p+1, j]) + ...     p from r TG_GEMM_RUN, TG_GEMM_RUN terms; every product is rounded, or, from
 *                                                                     TG_CPU_AVX2 on, only its sum with what came before (see cpu.h)
 *   c[i, j] = (run[0] + run[1]) + ...
 *
 * An element thus depends on its row of op(a) and its column of op(b) alone: rows and columns may be cut among calls and threads as one likes. */
void tg_gemm_f32(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb,
                 float *c, int64_t ldc);
void tg_gemm_f64(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const double *a, int64_t lda, const double *b, int64_t ldb,
                 double *c, int64_t ldc);

/* c = added + factor (op(a) op(b)): the sums of the product as above, finished, then one multiplication and one addition. added[m, n] has the rows
 * of c, ldc apart, and may be c. */
void tg_gemm_update_f32(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb,
                        float *c, int64_t ldc, float factor, const float *added);
void tg_gemm_update_f64(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const double *a, int64_t lda, const double *b,
                        int64_t ldb, double *c, int64_t ldc, double factor, const double *added);

#endif
