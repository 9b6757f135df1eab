/* gemm_levels.h - the product's versions, of which gemm.c chooses one. */
#ifndef TAPEGRAD_KERNEL_GEMM_LEVELS_H
#define TAPEGRAD_KERNEL_GEMM_LEVELS_H

#include "kernel/cpu.h"
#include "kernel/gemm.h"

enum { TG_GEMM_TILE = 256 };      /* rows of sums that wait for their last run */

#define TG_DECLARE_GEMM(real, suffix)                                                                                                        \
    void tg_gemm_##suffix(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const real *a, int64_t lda, const real *b,    \
                          int64_t ldb, real *c, int64_t ldc);                                                                                \
    void tg_gemm_update_##suffix(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const real *a, int64_t lda,            \
                                 const real *b, int64_t ldb, real *c, int64_t ldc, real factor, const real *added);

TG_DECLARE_GEMM(float, portable_f32)
TG_DECLARE_GEMM(double, portable_f64)
#if TG_HAS_X86
TG_DECLARE_GEMM(float, avx2_f32)
TG_DECLARE_GEMM(double, avx2_f64)
TG_DECLARE_GEMM(float, avx512_f32)
TG_DECLARE_GEMM(double, avx512_f64)
#endif

#endif
