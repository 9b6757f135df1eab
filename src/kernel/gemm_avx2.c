/* gemm_avx2.c - the product for x86-64 with AVX2 and FMA: 6 x 2 sums, 2 of b and one of a in sixteen registers. */
#include "kernel/gemm_levels.h"

#if TG_HAS_X86
#include <immintrin.h>
#include <string.h>

#define BYTES   32
#define VECTORS 2
#define ROWS    6
#define TARGET  __attribute__((target("avx2,fma")))

/* All bits in the first lanes: read from where that many of them are left. */
static const int32_t first_lanes[16] = { -1, -1, -1, -1, -1, -1, -1, -1 };
#define FIRST(count, lanes, words) _mm256_loadu_si256((const __m256i *)(const void *)(first_lanes + ((lanes) - (count)) * (words)))

/* Lanes half a vector apart, and neighbours, of doubles; then of floats, as pairs. */
#define LOW_HALVES(a, b)        _mm256_permute2f128_pd((a), (b), 0x20)
#define HIGH_HALVES(a, b)       _mm256_permute2f128_pd((a), (b), 0x31)
#define LOW_NEIGHBOURS(a, b)    _mm256_unpacklo_pd((a), (b))
#define HIGH_NEIGHBOURS(a, b)   _mm256_unpackhi_pd((a), (b))
#define AS_PAIRS(call, a, b)    _mm256_castpd_ps(call(_mm256_castps_pd(a), _mm256_castps_pd(b)))
#define LOW_4(a, b)             AS_PAIRS(LOW_HALVES, a, b)
#define HIGH_4(a, b)            AS_PAIRS(HIGH_HALVES, a, b)
#define LOW_2(a, b)             AS_PAIRS(LOW_NEIGHBOURS, a, b)
#define HIGH_2(a, b)            AS_PAIRS(HIGH_NEIGHBOURS, a, b)
#define LOW_1(a, b)             _mm256_blend_ps((a), _mm256_moveldup_ps(b), 0xaa)
#define HIGH_1(a, b)            _mm256_blend_ps(_mm256_movehdup_ps(a), (b), 0xaa)

#define REAL                     float
#define NAME(suffix)             suffix##_avx2_f32
#define STEP(x, b, sum)          _mm256_fmadd_ps(_mm256_set1_ps(x), (b), (sum))
#define LOAD_PART(from, count)   _mm256_maskload_ps((from), FIRST(count, 8, 1))
#define STORE_PART(to, v, count) _mm256_maskstore_ps((to), FIRST(count, 8, 1), (v))
#define EXCHANGES(STAGE)         STAGE(4, LOW_4, HIGH_4) STAGE(2, LOW_2, HIGH_2) STAGE(1, LOW_1, HIGH_1)
#include "kernel/gemm_template.h"
#undef REAL
#undef NAME
#undef STEP
#undef EXCHANGES

#define REAL                     double
#define NAME(suffix)             suffix##_avx2_f64
#define STEP(x, b, sum)          _mm256_fmadd_pd(_mm256_set1_pd(x), (b), (sum))
#define LOAD_PART(from, count)   _mm256_maskload_pd((from), FIRST(count, 4, 2))
#define STORE_PART(to, v, count) _mm256_maskstore_pd((to), FIRST(count, 4, 2), (v))
#define EXCHANGES(STAGE)         STAGE(2, LOW_HALVES, HIGH_HALVES) STAGE(1, LOW_NEIGHBOURS, HIGH_NEIGHBOURS)
#include "kernel/gemm_template.h"
#endif
