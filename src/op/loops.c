/* loops.c - what an optimizer's step is on whole blocks: several elementwise ops in one loop, where what lies between them stays in registers.
 * Each element goes through the operations of the separate ops, in their order, and so to the same bits. */
#include "kernel/functions.h"
#include "kernel/levels.h"
#include "op/builtin.h"

/* ---- Adam, Kingma and Ba 2015, algorithm 1: %0 = m, %1 = g, %2 = 1 - beta1, %3 = v, %4 = 1 - beta2, %5 = -rate / (1 - beta1^t),
 * %6 = 1 / (1 - beta2^t), %7 = w ---- */

enum { ADAM_INPUTS = 8, ADAM_SHIFT = 5 };      /* the place of shift among the ops of the pattern: its attribute is epsilon */

/* m = m + b1 (g - m);  v = v + b2 (g^2 - v);  w = a (m / (sqrt(v c) + epsilon)) + w;  step: 1, or 0 for a number */
#define ADAM_LOOP(real, step)                                                                              \
    TG_EACH_ELEMENT                                                                                        \
    for (int64_t j = 0; j < loop->count; j++) {                                                            \
        const real m0 = in[0][j * step(0)], g = in[1][j * step(1)], b1 = in[2][j * step(2)], v0 = in[3][j * step(3)]; \
        const real b2 = in[4][j * step(4)], a = in[5][j * step(5)], c = in[6][j * step(6)], w = in[7][j * step(7)]; \
        const real m = m0 + b1 * (g - m0), v = v0 + b2 * (g * g - v0);                                     \
        m_out[j] = m;                                                                                      \
        v_out[j] = v;                                                                                      \
        w_out[j] = a * (m / ((sqrt(v * c) + 0) + epsilon)) + w;                                            \
    }

#define USUAL_STEP(k) ((k) == 2 || (k) == 4 || (k) == 5 || (k) == 6 ? 0 : 1)
#define GIVEN_STEP(k) steps[k]

#define ADAM(real, suffix)                                                                                 \
    TG_LOOP void adam_##suffix##_loop(const tg_loop *loop) {                                               \
        const real *in[ADAM_INPUTS];                                                                       \
        int64_t     steps[ADAM_INPUTS];                                                                    \
        bool        usual   = true;                                                                        \
        const real  epsilon = (real)*(const double *)loop->attributes[ADAM_SHIFT];                         \
        real       *m_out = loop->outputs[0], *v_out = loop->outputs[1], *w_out = loop->outputs[2];        \
        for (int k = 0; k < ADAM_INPUTS; k++) {                                                            \
            in[k]    = loop->inputs[k];                                                                    \
            steps[k] = loop->scalar[k] ? 0 : 1;                                                            \
            usual    = usual && steps[k] == USUAL_STEP(k);                                                 \
        }                                                                                                  \
        if (usual) ADAM_LOOP(real, USUAL_STEP)                                                             \
        else ADAM_LOOP(real, GIVEN_STEP)                                                                   \
    }                                                                                                      \
    TG_BY_LEVEL(adam_##suffix, const tg_loop *)
ADAM(float, f32)
ADAM(double, f64)

const tg_fusion tg_adam_loop_fusion = {
    .size = sizeof(tg_fusion), .name = "adam_loop", .f32 = adam_f32, .f64 = adam_f64,
    .pattern = "m = lerp(%0, %1, %2); v = lerp(%3, square(%1), %4); w = axpy(%5, div(m, shift(sqrt(mul(v, %6)))), %7)"
};
