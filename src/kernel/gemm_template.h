/* gemm_template.h - the loops of the matrix product, for one REAL and one kind of processor. No include guard: it is included once for each.
 *
 * c is cut into panels of COLUMNS, k into runs; the part of b that they share is packed once and then meets all rows of a, ROWS at a time. Before it
 * is included are defined
 *
 *   REAL, NAME(suffix)     the element type, and how names of this version end
 *   BYTES, VECTORS, ROWS   of a vector, vectors in a panel's row, rows at a time: ROWS x VECTORS sums and VECTORS of b fit the registers
 *   TARGET                 the attribute of functions for this processor
 *   STEP(x, b, sum)        sum + x b for a number x and vectors b and sum, each lane on its own
 *
 * and, if the processor can,
 *
 *   LOAD_PART(from, count), STORE_PART(to, v, count)     the first lanes of a vector, the others 0
 *   EXCHANGES(STAGE)       STAGE(d, low, high) for d = LANES / 2 ... 2, 1, where lane k of low(a, b) is a[k] if bit d of k is 0, else b[k - d], and
 *                          lane k of high(a, b) is a[k + d] if that bit is 0, else b[k] */

#define LANES   ((int)(sizeof(NAME(lanes)) / sizeof(REAL)))
#define COLUMNS (VECTORS * LANES)

#if defined(__GNUC__)
typedef REAL NAME(lanes) __attribute__((vector_size(BYTES), may_alias));
#define INLINE inline __attribute__((always_inline)) TARGET
#define ZERO   { 0 }
#else
typedef REAL NAME(lanes);
#define INLINE inline
#define ZERO   0
#endif

/* Before loops over vectors, which are kept in memory where the loops remain. */
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define UNROLL _Pragma("GCC unroll 16")
#else
#define UNROLL
#endif

/* A matrix as the address of [0, 0] and the steps to the next row and the next column: a transpose is the same with the steps exchanged. */
typedef struct NAME(view) {
    const REAL *data;
    int64_t     row, column;
} NAME(view);

/* What becomes of a sum over one run: c = sum, c += sum behind the first run, or c = added + factor sum. */
typedef struct NAME(target) {
    REAL       *c;
    int64_t     ldc;
    bool        first;
    const REAL *added;      /* NULL: no update */
    REAL        factor;
} NAME(target);

/* The rows of b that a panel meets: packed, or where they lie. */
typedef struct NAME(panel) {
    const REAL *data;
    int64_t     step;      /* from row to row */
    int64_t     run;
    int64_t     width;
} NAME(panel);

#ifndef LOAD_PART
#define LOAD_PART NAME(load_part)
static INLINE NAME(lanes) NAME(load_part)(const REAL *from, int64_t count) {
    REAL        x[LANES] = { 0 };
    NAME(lanes) v;
    for (int64_t j = 0; j < count; j++) x[j] = from[j];
    memcpy(&v, x, sizeof v);
    return v;
}
#endif

#ifndef STORE_PART
#define STORE_PART NAME(store_part)
static INLINE void NAME(store_part)(REAL *to, NAME(lanes) v, int64_t count) {
    REAL x[LANES];
    memcpy(x, &v, sizeof v);
    for (int64_t j = 0; j < count; j++) to[j] = x[j];
}
#endif

static INLINE NAME(lanes) NAME(load)(const REAL *from, int64_t count) {
    NAME(lanes) v;
    if (count < LANES) return LOAD_PART(from, count);
    memcpy(&v, from, sizeof v);
    return v;
}

static INLINE void NAME(store)(REAL *to, NAME(lanes) v, int64_t count) {
    if (count < LANES) STORE_PART(to, v, count);
    else memcpy(to, &v, sizeof v);
}

/* ---- packing ---- */

#ifdef EXCHANGES
/* Vectors d apart exchange the lanes that are d apart. */
#define STAGE(d, low, high)                                                                                                         \
    UNROLL                                                                                                                          \
    for (int pair = 0; pair < LANES / 2; pair++) {                                                                                  \
        const int         j = pair / d * 2 * d + pair % d;                                                                          \
        const NAME(lanes) x = low(v[j], v[j + d]), y = high(v[j], v[j + d]);                                                        \
        v[j]     = x;                                                                                                               \
        v[j + d] = y;                                                                                                               \
    }

/* packed[p, j] = from[j * step + p] for LANES of p and of j: a lane's number and its vector's exchange their bits, one after the other. */
static INLINE void NAME(transpose)(REAL *restrict packed, const REAL *from, int64_t step) {
    NAME(lanes) v[LANES];
    UNROLL
    for (int j = 0; j < LANES; j++) memcpy(&v[j], from + j * step, sizeof v[j]);
    EXCHANGES(STAGE)
    UNROLL
    for (int p = 0; p < LANES; p++) memcpy(packed + p * COLUMNS, &v[p], sizeof v[p]);
}
#endif

/* packed[p, j] = from[j * step + p] for p < run and j < width, few elements of each column at a time, so that what is written stays in the nearest
 * cache; 0 from width on. */
static TARGET void NAME(pack_columns)(REAL *restrict packed, const REAL *from, int64_t step, int64_t run, int64_t width) {
    if (width < COLUMNS) memset(packed, 0, (size_t)(run * COLUMNS) * sizeof *packed);
    for (int64_t first = 0; first < run; first += LANES) {
        int64_t j = 0;
#ifdef EXCHANGES
        for (; first + LANES <= run && j + LANES <= width; j += LANES) NAME(transpose)(packed + first * COLUMNS + j, from + j * step + first, step);
#endif
        for (; j < width; j++)
            for (int64_t p = first; p < run && p < first + LANES; p++) packed[p * COLUMNS + j] = from[j * step + p];
    }
}

/* packed[p, j] = from[p * step + j] for p < run and j < width, 0 to the end of the vector. */
static INLINE void NAME(pack_rows)(REAL *restrict packed, const REAL *from, int64_t step, int64_t run, int64_t width, int vectors) {
    for (int64_t p = 0; p < run; p++)
        for (int q = 0; q < vectors; q++) NAME(store)(packed + p * COLUMNS + q * LANES, NAME(load)(from + p * step + q * LANES, width - q * LANES), LANES);
}

/* packed[run, COLUMNS] = b[first_k .. + run, first_column .. + width] */
static TARGET void NAME(pack)(REAL *restrict packed, NAME(view) b, int64_t first_k, int64_t run, int64_t first_column, int64_t width) {
    const REAL *from = b.data + first_k * b.row + first_column * b.column;
    if (b.column != 1) NAME(pack_columns)(packed, from, b.column, run, width);
    else if (width == COLUMNS) NAME(pack_rows)(packed, from, b.row, run, COLUMNS, VECTORS);
    else if (width <= LANES) NAME(pack_rows)(packed, from, b.row, run, width, 1);
    else NAME(pack_rows)(packed, from, b.row, run, width, VECTORS);
}

/* ---- multiplying ---- */

static INLINE void NAME(finish)(const NAME(target) *t, int64_t row, int64_t column, int64_t count, NAME(lanes) sum) {
    REAL *c = t->c + row * t->ldc + column;
    if (t->added != NULL) sum = NAME(load)(t->added + row * t->ldc + column, count) + t->factor * sum;
    else if (!t->first) sum = NAME(load)(c, count) + sum;
    NAME(store)(c, sum, count);
}

/* sum[i, j] = sum over p of a[i, p] b[p, j], p ascending from zero, for height rows and vectors of columns, both known where this is inlined. row[i]
 * is the address of a[i, first p]. */
static INLINE void NAME(multiply_block)(int height, int vectors, const REAL *const row[ROWS], int64_t step, const NAME(panel) *b,
                                        const NAME(target) *target, int64_t first_row) {
    NAME(lanes) total[ROWS][VECTORS] = { { ZERO } };
    const REAL *from = b->data;
    for (int64_t p = 0, at = 0; p < b->run; p++, at += step, from += b->step) {
        NAME(lanes) of_b[VECTORS];
        for (int q = 0; q < vectors; q++) memcpy(&of_b[q], from + q * LANES, sizeof of_b[q]);
        for (int i = 0; i < height; i++)
            for (int q = 0; q < vectors; q++) total[i][q] = STEP(row[i][at], of_b[q], total[i][q]);
    }
    UNROLL
    for (int i = 0; i < height; i++)
        UNROLL
        for (int q = 0; q < vectors; q++) NAME(finish)(target, first_row + i, q * LANES, b->width - q * LANES, total[i][q]);
}

#define BLOCK(h)                                                                                                                    \
    case h:                                                                                                                         \
        if (b->width <= LANES) NAME(multiply_block)(h <= ROWS ? h : ROWS, 1, row, step, b, target, first_row);                      \
        else NAME(multiply_block)(h <= ROWS ? h : ROWS, VECTORS, row, step, b, target, first_row);                                  \
        return;

/* Every height has a loop of its own, so that no row is computed for nothing. */
static TARGET void NAME(multiply_rows)(int height, const REAL *const row[ROWS], int64_t step, const NAME(panel) *b, const NAME(target) *target,
                                       int64_t first_row) {
    switch (height) { BLOCK(1) BLOCK(2) BLOCK(3) BLOCK(4) BLOCK(5) BLOCK(6) BLOCK(7) BLOCK(8) default: return; }
}

/* c[m, width] (+)= a[m, run] b[run, width]; a.data is the address of a[0, first k]. */
static TARGET void NAME(multiply_panel)(int64_t m, NAME(view) a, const NAME(panel) *b, const NAME(target) *target) {
    for (int64_t i = 0; i < m; i += ROWS) {
        const int   height = m - i < ROWS ? (int)(m - i) : ROWS;
        const REAL *row[ROWS];
        for (int r = 0; r < height; r++) row[r] = a.data + (i + r) * a.row;
        NAME(multiply_rows)(height, row, a.column, b, target, i);
    }
}

static TARGET void NAME(set_zero)(int64_t m, int64_t n, REAL *c, int64_t ldc) {
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) c[i * ldc + j] = (REAL)0;
}

/* c[m, width] = a[m, k] b[k, first_column .. + width]: all runs, one after the other. Few rows meet b where it lies. */
static TARGET void NAME(multiply_columns)(int64_t m, int64_t k, NAME(view) a, NAME(view) b, int64_t first_column, int64_t width,
                                          NAME(target) target) {
    _Alignas(64) REAL packed[TG_GEMM_RUN * COLUMNS];
    const bool        in_place = b.column == 1 && m <= ROWS && (width == LANES || width == COLUMNS);
    for (int64_t p = 0; p < k; p += TG_GEMM_RUN) {
        const int64_t run = k - p < TG_GEMM_RUN ? k - p : TG_GEMM_RUN;
        target.first      = p == 0;
        if (!in_place) NAME(pack)(packed, b, p, run, first_column, width);
        const NAME(panel) panel = { .data  = in_place ? b.data + p * b.row + first_column : packed,
                                    .step  = in_place ? b.row : COLUMNS,
                                    .run   = run,
                                    .width = width };
        NAME(multiply_panel)(m, (NAME(view)){ a.data + p * a.column, a.row, a.column }, &panel, &target);
    }
}

TARGET void NAME(tg_gemm)(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const REAL *a, int64_t lda, const REAL *b, int64_t ldb,
                          REAL *c, int64_t ldc) {
    const NAME(view) left = { a, transpose_a ? 1 : lda, transpose_a ? lda : 1 }, right = { b, transpose_b ? 1 : ldb, transpose_b ? ldb : 1 };
    if (k <= 0) NAME(set_zero)(m, n, c, ldc);
    for (int64_t j = 0; j < n; j += COLUMNS)
        NAME(multiply_columns)(m, k, left, right, j, n - j < COLUMNS ? n - j : COLUMNS, (NAME(target)){ .c = c + j, .ldc = ldc });
}

/* Sums over several runs are finished in a tile of their own. */
static TARGET void NAME(update_tile)(int64_t m, int64_t k, NAME(view) a, NAME(view) b, int64_t first_column, int64_t width, NAME(target) target) {
    REAL tile[TG_GEMM_TILE * COLUMNS];
    if (k <= 0) NAME(set_zero)(m, width, tile, COLUMNS);
    NAME(multiply_columns)(m, k, a, b, first_column, width, (NAME(target)){ .c = tile, .ldc = COLUMNS });
    target.first = true;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < width; j += LANES) NAME(finish)(&target, i, j, width - j, NAME(load)(tile + i * COLUMNS + j, LANES));
}

TARGET void NAME(tg_gemm_update)(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const REAL *a, int64_t lda, const REAL *b,
                                 int64_t ldb, REAL *c, int64_t ldc, REAL factor, const REAL *added) {
    const NAME(view) left = { a, transpose_a ? 1 : lda, transpose_a ? lda : 1 }, right = { b, transpose_b ? 1 : ldb, transpose_b ? ldb : 1 };
    const bool in_one_run = k > 0 && k <= TG_GEMM_RUN;
    for (int64_t j = 0; j < n; j += COLUMNS)
        for (int64_t i = 0; i < m; i += in_one_run ? m : TG_GEMM_TILE) {
            const int64_t      height = in_one_run || m - i < TG_GEMM_TILE ? m - i : TG_GEMM_TILE, width = n - j < COLUMNS ? n - j : COLUMNS;
            const NAME(view)   rows   = { left.data + i * left.row, left.row, left.column };
            const NAME(target) target = { .c = c + i * ldc + j, .ldc = ldc, .added = added + i * ldc + j, .factor = factor };
            if (in_one_run) NAME(multiply_columns)(height, k, rows, right, j, width, target);
            else NAME(update_tile)(height, k, rows, right, j, width, target);
        }
}

#undef LANES
#undef COLUMNS
#undef INLINE
#undef ZERO
#undef BLOCK
#undef LOAD_PART
#undef STORE_PART
#undef UNROLL
#undef STAGE
