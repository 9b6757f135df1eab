/* cpu.c - asks the processor, once. */
#include "kernel/cpu.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[TG_CPU_COUNT] = { "portable", "avx2", "avx512" };

const char *tg_cpu_name(tg_cpu level) { return names[level]; }

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

/* Threads that ask at the same time find the same. */
tg_cpu tg_cpu_level(void) {
    static atomic_int found = -1;
    int               level = atomic_load_explicit(&found, memory_order_relaxed);
    if (level < 0) {
        level = (int)choose();
        atomic_store_explicit(&found, level, memory_order_relaxed);
    }
    return (tg_cpu)level;
}
