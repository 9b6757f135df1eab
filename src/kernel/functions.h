/* functions.h - exp, expm1, log, log1p, tanh and sigmoid of floats, as loops that a compiler vectorises; of doubles, those of <tgmath.h>.
 *
 * Each is computed in double, to 1e-10 of its value, and rounded once to float: within 0.51 units in the last place, the same bits whatever the vectors,
 * as there is neither table nor branch. Polynomials by Chebyshev interpolation in 40 digits; their largest errors stand beside them. */
#ifndef TAPEGRAD_KERNEL_FUNCTIONS_H
#define TAPEGRAD_KERNEL_FUNCTIONS_H

#include "kernel/levels.h"

#include <math.h>
#include <stdint.h>
#include <string.h>
#include <tgmath.h>

/* x as near to k as a double is that holds an integer in its last bits. */
#define TG_ROUNDER 0x1.8p52

TG_LOOP double tg_between(double x, double lo, double hi) { return x < lo ? lo : x > hi ? hi : x; }

/* (2^r - 1) / r, |r| <= 1/2: 1.7e-10 */
TG_LOOP double tg_rise_of_two(double r) {
    const double low  = 0x1.62e42fefa39efp-1 + r * (0x1.ebfbe045f4d3cp-3 + r * (0x1.c6b08d883dca1p-5 + r * 0x1.3b2a1b7152befp-7));
    const double high = 0x1.5d879ead06a82p-10 + r * (0x1.443fffc90db59p-13 + r * 0x1.00a581594758ep-16);
    return low + (r * r) * (r * r) * high;
}

/* 2^k, k the integer in the last bits of TG_ROUNDER + k, |k| < 1000 */
TG_LOOP double tg_power_of_two(double rounded) {
    uint64_t bits;
    double   power;
    memcpy(&bits, &rounded, sizeof bits);
    bits = (bits << 52) + ((uint64_t)1023 << 52);
    memcpy(&power, &bits, sizeof power);
    return power;
}

/* e^x for -700 < x < 700 */
TG_LOOP double tg_exp_of_double(double x) {
    const double t = x * 0x1.71547652b82fep+0, rounded = t + TG_ROUNDER, r = t - (rounded - TG_ROUNDER);
    return tg_power_of_two(rounded) * (1 + r * tg_rise_of_two(r));
}

/* e^x - 1 for -700 < x < 700; its digits stay near 0, as nothing is subtracted there. */
TG_LOOP double tg_expm1_of_double(double x) {
    const double t = x * 0x1.71547652b82fep+0, rounded = t + TG_ROUNDER, r = t - (rounded - TG_ROUNDER), power = tg_power_of_two(rounded);
    return power * (r * tg_rise_of_two(r)) + (power - 1);
}

/* ln x for positive normal numbers: x = 2^e m, m within a factor of sqrt(2) of 1; ln m = 2 artanh(s), s = (m - 1) / (m + 1): 2e-11 */
TG_LOOP double tg_log_of_double(double x) {
    uint64_t bits;
    double   m;
    memcpy(&bits, &x, sizeof bits);
    const uint64_t above = bits + ((uint64_t)0x3ff00000 << 32) - ((uint64_t)0x3fe6a09e << 32);      /* its exponent is e + 1023 */
    const uint64_t whole = (above >> 52) + ((uint64_t)0x433 << 52);                                  /* as a double: 2^52 + e + 1023 */
    double         e;
    memcpy(&e, &whole, sizeof e);
    e -= 0x1p52 + 1023;
    bits -= (above & ((uint64_t)0xfff << 52)) - ((uint64_t)1023 << 52);
    memcpy(&m, &bits, sizeof m);
    const double s = (m - 1) / (m + 1), z = s * s;
    const double rest = 0x1.5555554ba8b0ep-1 + z * (0x1.9999eb9d6ddfep-2 + z * (0x1.245c273432202p-2 + z * 0x1.ddd4dad98e4c4p-3));
    return e * 0x1.62e42fefa39efp-1 + (2 * s + s * (z * rest));
}

/* ---- floats ---- */

TG_LOOP float tg_exp_float(float x) { return (float)tg_exp_of_double(tg_between((double)x, -110, 100)); }

TG_LOOP float tg_expm1_float(float x) {
    const float y = (float)tg_expm1_of_double(tg_between((double)x, -110, 100));
    return x == 0 ? x : y;      /* also -0 */
}

TG_LOOP float tg_log_float(float x) {
    const float y = (float)tg_log_of_double((double)x);
    return x > 0 && x < INFINITY ? y : x == 0 ? -INFINITY : x > 0 ? x : NAN;
}

/* ln(1 + x); what 1 + x has lost by its rounding is added again. */
TG_LOOP float tg_log1p_float(float x) {
    const double above = 1 + (double)x, y = tg_log_of_double(above) + ((double)x - (above - 1)) / above;
    return x == 0 ? x : x > -1 && x < INFINITY ? (float)y : x == -1 ? -INFINITY : x > 0 ? x : NAN;
}

/* (e^2x - 1) / (e^2x + 1) of |x|, with the sign of x */
TG_LOOP float tg_tanh_float(float x) {
    const double rise = tg_expm1_of_double(2 * tg_between(fabs((double)x), 0, 20));
    return copysignf((float)(rise / (rise + 2)), x);
}

TG_LOOP float tg_sigmoid_float(float x) { return (float)(1 / (1 + tg_exp_of_double(tg_between(-(double)x, -110, 110)))); }

/* With the exponent always negative, so that nothing overflows. */
TG_LOOP double tg_sigmoid_double(double x) { return x >= 0 ? 1 / (1 + (exp)(-x)) : (exp)(x) / (1 + (exp)(x)); }

/* ---- by the type of x ---- */

#undef exp
#undef expm1
#undef log
#undef log1p
#undef tanh
#define exp(x)     _Generic((x), float: tg_exp_float, default: (exp))(x)
#define expm1(x)   _Generic((x), float: tg_expm1_float, default: (expm1))(x)
#define log(x)     _Generic((x), float: tg_log_float, default: (log))(x)
#define log1p(x)   _Generic((x), float: tg_log1p_float, default: (log1p))(x)
#define tanh(x)    _Generic((x), float: tg_tanh_float, default: (tanh))(x)
#define sigmoid(x) _Generic((x), float: tg_sigmoid_float, default: tg_sigmoid_double)(x)

#endif
