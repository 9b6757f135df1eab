/* gemm_template.h - the loops of gemm.c, for one REAL. No include guard: it is included once per element type.
 *
 * c is cut into columns of COLUMNS, k into runs; the part of b that they share is packed once and then meets all rows of a, ROWS at a time.
 */

/* Neighbouring elements of a row of c; each lane is multiplied and added on its own. */
typedef REAL NAME(lanes) LANES_ATTRIBUTE;

/* A matrix as the address of [0, 0] and the steps to the next row and the next column: a transpose is the same with the steps exchanged. */
typedef struct NAME(view) {
    const REAL *data;
    int64_t     row;
    int64_t     column;
} NAME(view);

/* packed[run, COLUMNS] = b[first_k .. + run, first_column .. + width], zero in the columns beyond width. */
static void NAME(pack)(REAL *restrict packed, NAME(view) b, int64_t first_k, int64_t run, int64_t first_column, int64_t width) {
    const REAL *from = b.data + first_k * b.row + first_column * b.column;
    if (width == COLUMNS && b.column == 1) {    /* the common case, with a constant inner loop */
        for (int64_t p = 0; p < run; p++)
            for (int j = 0; j < COLUMNS; j++)
                packed[p * COLUMNS + j] = from[p * b.row + j];
        return;
    }
    for (int64_t p = 0; p < run; p++)
        for (int64_t j = 0; j < COLUMNS; j++)
            packed[p * COLUMNS + j] = j < width ? from[p * b.row + j * b.column] : (REAL)0;
}

/* sum[i, j] = sum over p of a[i, p] packed[p, j], p ascending from zero; i < ROWS, j < COLUMNS. row[i] is the address of a[i, first p]. */
static void NAME(multiply_run)(const REAL *const row[ROWS], int64_t step, const REAL *packed, int64_t run, REAL sum[ROWS][COLUMNS]) {
    const REAL *a0 = row[0], *a1 = row[1], *a2 = row[2], *a3 = row[3];
    NAME(lanes) total[ROWS][COLUMNS / LANES(REAL)] = {{ LANES_ZERO }};
    for (int64_t p = 0; p < run; p++) {
        const REAL x[ROWS] = { a0[p * step], a1[p * step], a2[p * step], a3[p * step] };
        for (size_t q = 0; q < COLUMNS / LANES(REAL); q++) {
            NAME(lanes) b;
            memcpy(&b, packed + (size_t)p * COLUMNS + q * LANES(REAL), sizeof b);
            for (int i = 0; i < ROWS; i++) total[i][q] += x[i] * b;
        }
    }
    memcpy(sum, total, sizeof total);
}

/* What becomes of a sum over one run: c = sum, c += sum behind the first run, or c = added + factor sum. */
typedef struct NAME(target) {
    REAL       *c;
    int64_t     ldc;
    bool        first;
    const REAL *added;      /* NULL: no update */
    REAL        factor;
} NAME(target);

static void NAME(store)(const NAME(target) *t, int64_t row, int64_t height, int64_t width, REAL sum[ROWS][COLUMNS]) {
    for (int64_t i = 0; i < height; i++) {
        REAL       *c     = t->c + (row + i) * t->ldc;
        const REAL *added = t->added != NULL ? t->added + (row + i) * t->ldc : NULL;
        if (added != NULL) for (int64_t j = 0; j < width; j++) c[j] = added[j] + t->factor * sum[i][j];
        else if (t->first) for (int64_t j = 0; j < width; j++) c[j] = sum[i][j];
        else for (int64_t j = 0; j < width; j++) c[j] += sum[i][j];
    }
}

/* c[m, width] (+)= a[m, run] packed[run, COLUMNS]; a.data is the address of a[0, first k]. */
static void NAME(multiply_panel)(int64_t m, int64_t width, NAME(view) a, const REAL *packed, int64_t run, const NAME(target) *target) {
    for (int64_t i = 0; i < m; i += ROWS) {
        const int64_t height = m - i < ROWS ? m - i : ROWS;
        const REAL *row[ROWS];
        for (int64_t r = 0; r < ROWS; r++)    /* rows beyond the last repeat it; their sums are dropped */
            row[r] = a.data + (i + (r < height ? r : height - 1)) * a.row;
        REAL sum[ROWS][COLUMNS];
        NAME(multiply_run)(row, a.column, packed, run, sum);
        NAME(store)(target, i, height, width, sum);
    }
}

static void NAME(set_zero)(int64_t m, int64_t n, REAL *c, int64_t ldc) {
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++)
            c[i * ldc + j] = (REAL)0;
}

/* c[m, width] = a[m, k] b[k, first_column .. + width]: all runs, one after the other. */
static void NAME(multiply_columns)(int64_t m, int64_t k, NAME(view) a, NAME(view) b, int64_t first_column, int64_t width, NAME(target) target) {
    _Alignas(64) REAL packed[TG_GEMM_RUN * COLUMNS];
    for (int64_t p = 0; p < k; p += TG_GEMM_RUN) {
        const int64_t run = k - p < TG_GEMM_RUN ? k - p : TG_GEMM_RUN;
        target.first = p == 0;
        NAME(pack)(packed, b, p, run, first_column, width);
        NAME(multiply_panel)(m, width, (NAME(view)){ a.data + p * a.column, a.row, a.column }, packed, run, &target);
    }
}

void NAME(tg_gemm)(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const REAL *a, int64_t lda, const REAL *b, int64_t ldb,
                   REAL *c, int64_t ldc) {
    const NAME(view) left = { a, transpose_a ? 1 : lda, transpose_a ? lda : 1 }, right = { b, transpose_b ? 1 : ldb, transpose_b ? ldb : 1 };
    if (k <= 0) NAME(set_zero)(m, n, c, ldc);
    for (int64_t j = 0; j < n; j += COLUMNS)
        NAME(multiply_columns)(m, k, left, right, j, n - j < COLUMNS ? n - j : COLUMNS, (NAME(target)){ .c = c + j, .ldc = ldc });
}

/* Sums over several runs are finished in a tile of their own. */
static void NAME(update_tile)(int64_t m, int64_t k, NAME(view) a, NAME(view) b, int64_t first_column, int64_t width, NAME(target) target) {
    REAL tile[TILE_ROWS * COLUMNS];
    if (k <= 0) NAME(set_zero)(m, width, tile, COLUMNS);
    NAME(multiply_columns)(m, k, a, b, first_column, width, (NAME(target)){ .c = tile, .ldc = COLUMNS });
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < width; j++) target.c[i * target.ldc + j] = target.added[i * target.ldc + j] + target.factor * tile[i * COLUMNS + j];
}

void NAME(tg_gemm_update)(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const REAL *a, int64_t lda, const REAL *b, int64_t ldb,
                          REAL *c, int64_t ldc, REAL factor, const REAL *added) {
    const NAME(view) left = { a, transpose_a ? 1 : lda, transpose_a ? lda : 1 }, right = { b, transpose_b ? 1 : ldb, transpose_b ? ldb : 1 };
    const bool in_one_run = k > 0 && k <= TG_GEMM_RUN;
    for (int64_t j = 0; j < n; j += COLUMNS)
        for (int64_t i = 0; i < m; i += in_one_run ? m : TILE_ROWS) {
            const int64_t      height = in_one_run || m - i < TILE_ROWS ? m - i : TILE_ROWS, width = n - j < COLUMNS ? n - j : COLUMNS;
            const NAME(view)   rows   = { left.data + i * left.row, left.row, left.column };
            const NAME(target) target = { .c = c + i * ldc + j, .ldc = ldc, .added = added + i * ldc + j, .factor = factor };
            if (in_one_run) NAME(multiply_columns)(height, k, rows, right, j, width, target);
            else NAME(update_tile)(height, k, rows, right, j, width, target);
        }
}
