/* cpu.c - asks the processor, once. */
#include "kernel/cpu.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[TG_CPU_COUNT] = { "portable", "avx2", "avx512" };

static tg_cpu best(void) {
#if TG_HAS_X86
    __builtin_cpu_init();
    const int has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) return TG_CPU_AVX512;
    if (has_avx2) return TG_CPU_AVX2;
#endif
    return TG_CPU_PORTABLE;
}

static tg_cpu choose(void) {
    const tg_cpu most  = best();
    const char  *asked = getenv("TAPEGRAD_CPU");
    for (int level = 0; asked != NULL && level < (int)most; level++)
        if (strcmp(asked, names[level]) == 0) return (tg_cpu)level;
    return most;
}

_Atomic int tg_cpu_found = -1;

/* Threads that ask at the same time find the same. */
tg_cpu tg_cpu_find(void) {
    const tg_cpu level = choose();
    atomic_store_explicit(&tg_cpu_found, (int)level, memory_order_relaxed);
    return level;
}
