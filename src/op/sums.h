/* sums.h - the sums within kernels, in an order that depends on the number of elements alone. */
#ifndef TAPEGRAD_OP_SUMS_H
#define TAPEGRAD_OP_SUMS_H

#include "kernel/functions.h"

#include <stdint.h>

enum { TG_LANES = 64, TG_ROW_LANES = 8 };

/* Element e goes to lane e mod the number of lanes; the lanes are added as a tree. The elements may come in parts, of which `first` says the index
 * of the first element. */
#define TG_LANED_SUM(name, real, lanes)                                                                    \
    static inline void name##_part(real lane[lanes], int64_t first, const real *x, int64_t count) {        \
        int64_t e = 0;                                                                                     \
        for (; (first + e) % (lanes) != 0 && e < count; e++) lane[(first + e) % (lanes)] += x[e];          \
        for (; e + (lanes) <= count; e += (lanes))                                                         \
            for (int k = 0; k < (lanes); k++) lane[k] += x[e + k];                                         \
        for (int k = 0; e + k < count; k++) lane[k] += x[e + k];                                           \
    }                                                                                                      \
    static inline real name##_total(real lane[lanes]) {                                                    \
        for (int half = (lanes) / 2; half > 0; half /= 2)                                                  \
            for (int k = 0; k < half; k++) lane[k] += lane[k + half];                                      \
        return lane[0];                                                                                    \
    }                                                                                                      \
    static inline real name(const real *x, int64_t count) {                                                \
        real lane[lanes] = { 0 };                                                                          \
        name##_part(lane, 0, x, count);                                                                    \
        return name##_total(lane);                                                                         \
    }
TG_LANED_SUM(tg_lane_sum_f32, float, TG_LANES)
TG_LANED_SUM(tg_lane_sum_f64, double, TG_LANES)
TG_LANED_SUM(tg_row_sum_f32, float, TG_ROW_LANES)
TG_LANED_SUM(tg_row_sum_f64, double, TG_ROW_LANES)

/* sum (x - mean)^2 along a row, in the order of a row's sum. */
#define TG_SPREAD(suffix, real)                                                                            \
    static inline real tg_row_spread_##suffix(const real *x, int64_t count, real mean) {                   \
        real    lane[TG_ROW_LANES] = { 0 };                                                                \
        int64_t e = 0;                                                                                     \
        for (; e + TG_ROW_LANES <= count; e += TG_ROW_LANES)                                               \
            for (int k = 0; k < TG_ROW_LANES; k++) lane[k] += (x[e + k] - mean) * (x[e + k] - mean);       \
        for (int k = 0; e + k < count; k++) lane[k] += (x[e + k] - mean) * (x[e + k] - mean);              \
        return tg_row_sum_##suffix##_total(lane);                                                          \
    }
TG_SPREAD(f32, float)
TG_SPREAD(f64, double)

/* ln sum e^x = m + ln sum e^(x - m), m the largest: nothing overflows. A row of -inf gives -inf, one with +inf gives +inf, a NaN gives NaN.
 * name_above is what is added to m, for those who subtract: x - m - above keeps the digits that x - (m + above) loses where m is large. */
#define TG_LOGSUMEXP(name, real)                                                                           \
    static inline real name##_above(const real *x, int64_t count, real *largest) {                         \
        real m = -(real)INFINITY, sum = 0;                                                                 \
        for (int64_t j = 0; j < count; j++) m = x[j] > m || x[j] != x[j] ? x[j] : m;                       \
        *largest = m;                                                                                      \
        if (m == -(real)INFINITY || m == (real)INFINITY) return 0;                                         \
        for (int64_t j = 0; j < count; j++) sum += exp(x[j] - m);                                          \
        return log(sum);                                                                                   \
    }                                                                                                      \
    static inline real name(const real *x, int64_t count) {                                                \
        real       m;                                                                                      \
        const real above = name##_above(x, count, &m);                                                     \
        return m + above;                                                                                  \
    }
/* y_j = e^(x_j - logsumexp(x)) */
#define TG_SOFTMAX(suffix, real)                                                                           \
    static inline void tg_row_softmax_##suffix(const real *x, int64_t count, real *y) {                    \
        real       m;                                                                                      \
        const real above = tg_row_logsumexp_##suffix##_above(x, count, &m);                                \
        for (int64_t j = 0; j < count; j++) y[j] = exp(x[j] - m - above);                                  \
    }

TG_LOGSUMEXP(tg_row_logsumexp_f32, float)
TG_LOGSUMEXP(tg_row_logsumexp_f64, double)
TG_SOFTMAX(f32, float)
TG_SOFTMAX(f64, double)

#endif
