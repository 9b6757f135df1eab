/* gemm.c - the matrix product for both element types; gemm_template.h has the loops.
 *
 * COLUMNS is chosen so that the ROWS x COLUMNS sums fit the sixteen 16-byte registers of the oldest x86-64 with room for a and b.
 * It changes the speed only, never the bits.
 */
#include "kernel/gemm.h"

#include <string.h>

#define ROWS 4
#define TILE_ROWS 256      /* of sums that wait for their last run */

/* gcc 12 does not turn short arrays of sums into registers and is then four times slower, so it is told; elsewhere a group of lanes is one number. */
#if defined(__GNUC__)
#define LANES_ATTRIBUTE __attribute__((vector_size(16)))
#define LANES(real)     (16 / sizeof(real))
#define LANES_ZERO      {0}
#else
#define LANES_ATTRIBUTE
#define LANES(real)     ((size_t)1)
#define LANES_ZERO      0
#endif

#define REAL          float
#define COLUMNS       8
#define NAME(suffix)  suffix##_f32
#include "kernel/gemm_template.h"
#undef REAL
#undef COLUMNS
#undef NAME

#define REAL          double
#define COLUMNS       4
#define NAME(suffix)  suffix##_f64
#include "kernel/gemm_template.h"
