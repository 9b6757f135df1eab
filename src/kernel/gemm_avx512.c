/* gemm_avx512.c - the product for x86-64 with AVX-512: 8 x 2 sums, enough for the latency of two FMA units, in thirty-two registers. */
#include "kernel/gemm_levels.h"

#if TG_HAS_X86
#include <immintrin.h>
#include <string.h>

#define BYTES   64
#define VECTORS 2
#define ROWS    8
#define TARGET  __attribute__((target("avx512f,avx512vl,avx2,fma")))

#define REAL            float
#define NAME(suffix)    suffix##_avx512_f32
#define STEP(x, b, sum) _mm512_fmadd_ps(_mm512_set1_ps(x), (b), (sum))
#include "kernel/gemm_template.h"
#undef REAL
#undef NAME
#undef STEP

#define REAL            double
#define NAME(suffix)    suffix##_avx512_f64
#define STEP(x, b, sum) _mm512_fmadd_pd(_mm512_set1_pd(x), (b), (sum))
#include "kernel/gemm_template.h"
#endif
