/* levels.h - loops over elements, compiled for each kind of processor that cpu.h tells apart. Their results have the same bits on all: nothing is
 * contracted, and no sum changes its order. */
#ifndef TAPEGRAD_KERNEL_LEVELS_H
#define TAPEGRAD_KERNEL_LEVELS_H

#include "kernel/cpu.h"

/* Before a function that becomes part of those that TG_BY_LEVEL compiles several times. */
#if defined(__GNUC__)
#define TG_LOOP static inline __attribute__((always_inline))
#else
#define TG_LOOP static inline
#endif

/* Defines name(argument), which is name_loop(argument) in the version for this processor. */
#if TG_HAS_X86
#define TG_BY_LEVEL(name, type)                                                                                                     \
    static __attribute__((target("avx2"))) void name##_avx2(type argument) { name##_loop(argument); }                              \
    static __attribute__((target("avx512f,avx512vl"))) void name##_avx512(type argument) { name##_loop(argument); }                \
    static __attribute__((noinline)) void name##_portable(type argument) { name##_loop(argument); }                                \
    static void name(type argument) {                                                                                               \
        switch (tg_cpu_level()) {                                                                                                   \
            case TG_CPU_AVX512: name##_avx512(argument); return;                                                                    \
            case TG_CPU_AVX2:   name##_avx2(argument); return;                                                                      \
            default:            name##_portable(argument);                                                                          \
        }                                                                                                                           \
    }
#else
#define TG_BY_LEVEL(name, type) static void name(type argument) { name##_loop(argument); }
#endif

/* Before a loop in which nothing is carried from one element to the next: an output is the memory of an input, or apart from all of them. */
#if defined(__clang__)
#define TG_EACH_ELEMENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define TG_EACH_ELEMENT _Pragma("GCC ivdep")
#else
#define TG_EACH_ELEMENT
#endif

#endif
