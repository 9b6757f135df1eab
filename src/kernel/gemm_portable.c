/* gemm_portable.c - the product for any processor. 4 x 2 sums fit the sixteen 16-byte registers of the oldest x86-64 with room for a and b. */
#include "kernel/gemm_levels.h"

#include <string.h>

#define BYTES   16
#define VECTORS 2
#define ROWS    4
#define TARGET
#define STEP(x, b, sum) ((sum) + (x) * (b))

#define REAL         float
#define NAME(suffix) suffix##_portable_f32
#include "kernel/gemm_template.h"
#undef REAL
#undef NAME

#define REAL         double
#define NAME(suffix) suffix##_portable_f64
#include "kernel/gemm_template.h"
