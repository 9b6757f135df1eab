/* denormals.h - numbers below 1e-38 as zero while f32 kernels run: a net that saturates must not become ten times slower. */
#ifndef TAPEGRAD_KERNEL_DENORMALS_H
#define TAPEGRAD_KERNEL_DENORMALS_H

#if defined(__SSE2__)
#include <xmmintrin.h>

/* Flush results (bit 15) and read denormals as zero (bit 6). Returns what tg_denormals_restore needs. */
static inline unsigned tg_denormals_flush(void) {
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040u);
    return before;
}

static inline void tg_denormals_restore(unsigned before) { _mm_setcsr(before); }
#else
static inline unsigned tg_denormals_flush(void) { return 0; }
static inline void     tg_denormals_restore(unsigned before) { (void)before; }
#endif

#endif
