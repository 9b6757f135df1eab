/* gemm.c - the matrix product in the version for this processor; gemm_template.h has the loops. */
#include "kernel/gemm_levels.h"

#if TG_HAS_X86
#define CHOOSE(call, suffix, ...)                                                                                                   \
    switch (tg_cpu_level()) {                                                                                                       \
        case TG_CPU_AVX512: call##_avx512_##suffix(__VA_ARGS__); return;                                                            \
        case TG_CPU_AVX2: call##_avx2_##suffix(__VA_ARGS__); return;                                                                \
        default: call##_portable_##suffix(__VA_ARGS__);                                                                             \
    }
#else
#define CHOOSE(call, suffix, ...) call##_portable_##suffix(__VA_ARGS__);
#endif

#define DEFINE_GEMM(real, suffix)                                                                                                   \
    void tg_gemm_##suffix(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const real *a, int64_t lda,          \
                          const real *b, int64_t ldb, real *c, int64_t ldc) {                                                       \
        CHOOSE(tg_gemm, suffix, transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc)                                          \
    }                                                                                                                               \
    void tg_gemm_update_##suffix(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const real *a, int64_t lda,   \
                                 const real *b, int64_t ldb, real *c, int64_t ldc, real factor, const real *added) {                \
        CHOOSE(tg_gemm_update, suffix, transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc, factor, added)                    \
    }
DEFINE_GEMM(float, f32)
DEFINE_GEMM(double, f64)
