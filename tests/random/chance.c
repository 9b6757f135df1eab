/* chance.c - numbers drawn from a seed, the same in every run and on every machine. */
#include "random/program.h"

uint32_t draw_bits(chance *c) {      /* Steele et al. 2014, splitmix64 */
    uint64_t z = c->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(z >> 32);
}

int    draw_below(chance *c, int n) { return (int)(draw_bits(c) % (uint32_t)n); }
bool   draw_one_in(chance *c, int n) { return draw_below(c, n) == 0; }

/* Numbers that a float holds, so that data may be given as either. */
double draw_between(chance *c, double lo, double hi) { return (double)(float)(lo + (hi - lo) * (draw_bits(c) / 4294967296.0)); }

int64_t elements_of(tg_shape shape) { return shape.rows * shape.cols; }
