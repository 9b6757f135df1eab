/* cpu.h - which of the kernels' versions this processor runs. */
#ifndef TAPEGRAD_KERNEL_CPU_H
#define TAPEGRAD_KERNEL_CPU_H

#include <stdatomic.h>

/* Versions for x86-64 are compiled where the compiler has target attributes; nothing outside them is newer than the baseline. */
#if defined(__GNUC__) && defined(__x86_64__)
#define TG_HAS_X86 1
#else
#define TG_HAS_X86 0
#endif

/* In the order in which they are preferred. From TG_CPU_AVX2 on a multiplication and an addition of a product are rounded once (FMA). */
typedef enum tg_cpu { TG_CPU_PORTABLE, TG_CPU_AVX2, TG_CPU_AVX512, TG_CPU_COUNT } tg_cpu;

/* What tg_cpu_level has found, -1 before. */
extern _Atomic int tg_cpu_found;
tg_cpu             tg_cpu_find(void);

/* The best that the processor has, or a lower one that TAPEGRAD_CPU in the environment names: portable, avx2, avx512. Found once. */
static inline tg_cpu tg_cpu_level(void) {
    const int found = atomic_load_explicit(&tg_cpu_found, memory_order_relaxed);
    return found >= 0 ? (tg_cpu)found : tg_cpu_find();
}

#endif
