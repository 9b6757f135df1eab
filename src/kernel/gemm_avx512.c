/* gemm_avx512.c - the product for x86-64 with AVX-512: 8 x 2 sums, enough for the latency of two FMA units, in thirty-two registers. */
#include "kernel/gemm_levels.h"

#if TG_HAS_X86
#include <immintrin.h>
#include <string.h>

#define BYTES   64
#define VECTORS 2
#define ROWS    8
#define TARGET  __attribute__((target("avx512f,avx512vl,avx2,fma")))

#define FIRST(count) ((1u << (count)) - 1)

/* Places of lane k in two vectors of n lanes, one behind the other. */
#define FROM_LOW(k, d, n)  ((k) & (d) ? (n) + (k) - (d) : (k))
#define FROM_HIGH(k, d, n) ((k) & (d) ? (n) + (k) : (k) + (d))

#define PLACES_8(from, d)                                                                                                           \
    _mm512_setr_epi64(from(0, d, 8), from(1, d, 8), from(2, d, 8), from(3, d, 8), from(4, d, 8), from(5, d, 8), from(6, d, 8), from(7, d, 8))
#define PLACES_16(from, d)                                                                                                          \
    _mm512_setr_epi32(from(0, d, 16), from(1, d, 16), from(2, d, 16), from(3, d, 16), from(4, d, 16), from(5, d, 16),               \
                      from(6, d, 16), from(7, d, 16), from(8, d, 16), from(9, d, 16), from(10, d, 16), from(11, d, 16),             \
                      from(12, d, 16), from(13, d, 16), from(14, d, 16), from(15, d, 16))

#define LOW_1(a, b)  PERMUTE(a, PLACES(FROM_LOW, 1), b)
#define HIGH_1(a, b) PERMUTE(a, PLACES(FROM_HIGH, 1), b)
#define LOW_2(a, b)  PERMUTE(a, PLACES(FROM_LOW, 2), b)
#define HIGH_2(a, b) PERMUTE(a, PLACES(FROM_HIGH, 2), b)
#define LOW_4(a, b)  PERMUTE(a, PLACES(FROM_LOW, 4), b)
#define HIGH_4(a, b) PERMUTE(a, PLACES(FROM_HIGH, 4), b)
#define LOW_8(a, b)  PERMUTE(a, PLACES(FROM_LOW, 8), b)
#define HIGH_8(a, b) PERMUTE(a, PLACES(FROM_HIGH, 8), b)

#define REAL                     float
#define NAME(suffix)             suffix##_avx512_f32
#define STEP(x, b, sum)          _mm512_fmadd_ps(_mm512_set1_ps(x), (b), (sum))
#define LOAD_PART(from, count)   _mm512_maskz_loadu_ps((__mmask16)FIRST(count), (from))
#define STORE_PART(to, v, count) _mm512_mask_storeu_ps((to), (__mmask16)FIRST(count), (v))
#define PERMUTE                  _mm512_permutex2var_ps
#define PLACES                   PLACES_16
#define EXCHANGES(STAGE)         STAGE(8, LOW_8, HIGH_8) STAGE(4, LOW_4, HIGH_4) STAGE(2, LOW_2, HIGH_2) STAGE(1, LOW_1, HIGH_1)
#include "kernel/gemm_template.h"
#undef REAL
#undef NAME
#undef STEP
#undef PERMUTE
#undef PLACES
#undef EXCHANGES

#define REAL                     double
#define NAME(suffix)             suffix##_avx512_f64
#define STEP(x, b, sum)          _mm512_fmadd_pd(_mm512_set1_pd(x), (b), (sum))
#define LOAD_PART(from, count)   _mm512_maskz_loadu_pd((__mmask8)FIRST(count), (from))
#define STORE_PART(to, v, count) _mm512_mask_storeu_pd((to), (__mmask8)FIRST(count), (v))
#define PERMUTE                  _mm512_permutex2var_pd
#define PLACES                   PLACES_8
#define EXCHANGES(STAGE)         STAGE(4, LOW_4, HIGH_4) STAGE(2, LOW_2, HIGH_2) STAGE(1, LOW_1, HIGH_1)
#include "kernel/gemm_template.h"
#endif
