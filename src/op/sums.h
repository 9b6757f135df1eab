/* sums.h - the sums within kernels, in an order that depends on the number of elements alone. */
#ifndef TAPEGRAD_OP_SUMS_H
#define TAPEGRAD_OP_SUMS_H

#include "kernel/functions.h"
#include "kernel/levels.h"

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

/* ---- exponentials of rows ---- */

enum { TG_POWERS = 64 };      /* at a time, where they are not kept */

/* The largest of a row, a NaN if there is one, -inf of none. */
#define TG_ROW_LARGEST(suffix, real)                                                                       \
    TG_LOOP real tg_row_largest_##suffix(const real *x, int64_t count) {                                   \
        real m = -(real)INFINITY;                                                                          \
        for (int64_t j = 0; j < count; j++) m = x[j] > m || x[j] != x[j] ? x[j] : m;                       \
        return m;                                                                                          \
    }

/* y_j = e^(x_j - m); y may be x. Returns their sum. */
#define TG_ROW_POWERS(suffix, real)                                                                        \
    TG_LOOP real tg_row_powers_##suffix(const real *x, int64_t count, real m, real *y) {                   \
        TG_EACH_ELEMENT                                                                                    \
        for (int64_t j = 0; j < count; j++) y[j] = exp(x[j] - m);                                          \
        return tg_row_sum_##suffix(y, count);                                                              \
    }

/* ln sum e^x = m + ln sum e^(x - m), m the largest: nothing overflows. A row of -inf gives -inf, one with +inf gives +inf, a NaN gives NaN.
 * name_above is what is added to m, for those who subtract: x - m - above keeps the digits that x - (m + above) loses where m is large. */
#define TG_LOGSUMEXP(suffix, real)                                                                         \
    TG_LOOP real tg_row_logsumexp_##suffix##_above(const real *x, int64_t count, real *largest) {          \
        const real m = *largest = tg_row_largest_##suffix(x, count);                                       \
        real       power[TG_POWERS], sum = 0;                                                              \
        if (m == -(real)INFINITY || m == (real)INFINITY) return 0;                                         \
        for (int64_t e = 0; e < count; e += TG_POWERS)                                                     \
            sum += tg_row_powers_##suffix(x + e, count - e < TG_POWERS ? count - e : TG_POWERS, m, power); \
        return log(sum);                                                                                   \
    }                                                                                                      \
    TG_LOOP real tg_row_logsumexp_##suffix(const real *x, int64_t count) {                                 \
        real       m;                                                                                      \
        const real above = tg_row_logsumexp_##suffix##_above(x, count, &m);                                \
        return m + above;                                                                                  \
    }

/* y_j = e^(x_j - m) / sum_k e^(x_k - m) */
#define TG_SOFTMAX(suffix, real)                                                                           \
    TG_LOOP void tg_row_softmax_##suffix(const real *x, int64_t count, real *y) {                          \
        const real sum = tg_row_powers_##suffix(x, count, tg_row_largest_##suffix(x, count), y);           \
        for (int64_t j = 0; j < count; j++) y[j] /= sum;                                                   \
    }

#define TG_EXPONENTIALS(suffix, real)                                                                      \
    TG_ROW_LARGEST(suffix, real) TG_ROW_POWERS(suffix, real) TG_LOGSUMEXP(suffix, real) TG_SOFTMAX(suffix, real)
TG_EXPONENTIALS(f32, float)
TG_EXPONENTIALS(f64, double)

#endif
