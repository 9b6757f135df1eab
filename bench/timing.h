/* timing.h - a clock, and what many readings of it say. */
#ifndef TAPEGRAD_BENCH_TIMING_H
#define TAPEGRAD_BENCH_TIMING_H

#include <stdlib.h>
#include <time.h>

/* Wall time; or the time of the processor, which stands while another process has it. */
extern clockid_t bench_clock;

static inline double seconds_now(void) {
    struct timespec now;
    clock_gettime(bench_clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static inline int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct spread { double low, median, high; } spread;      /* quartiles */

/* Sorts readings. */
static inline spread spread_of(double readings[], int count) {
    if (count == 0) return (spread){ 0, 0, 0 };
    qsort(readings, (size_t)count, sizeof *readings, by_size);
    return (spread){ readings[count / 4], readings[count / 2], readings[count * 3 / 4] };
}

#endif
