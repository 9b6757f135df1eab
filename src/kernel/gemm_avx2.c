/* gemm_avx2.c - the product for x86-64 with AVX2 and FMA: 6 x 2 sums, 2 of b and one of a in sixteen registers. */
#include "kernel/gemm_levels.h"

#if TG_HAS_X86
#include <immintrin.h>
#include <string.h>

#define BYTES   32
#define VECTORS 2
#define ROWS    6
#define TARGET  __attribute__((target("avx2,fma")))

#define REAL            float
#define NAME(suffix)    suffix##_avx2_f32
#define STEP(x, b, sum) _mm256_fmadd_ps(_mm256_set1_ps(x), (b), (sum))
#include "kernel/gemm_template.h"
#undef REAL
#undef NAME
#undef STEP

#define REAL            double
#define NAME(suffix)    suffix##_avx2_f64
#define STEP(x, b, sum) _mm256_fmadd_pd(_mm256_set1_pd(x), (b), (sum))
#include "kernel/gemm_template.h"
#endif
