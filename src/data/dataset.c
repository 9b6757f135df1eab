/* dataset.c - data sets: what they hold, splits, batches. */
#include "data/dataset.h"

#include "core/util.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define DEFAULT_BATCH 32

/* A view of a table, and the state of its current epoch. */
struct tg_dataset {
    tg_table        *table;
    int64_t          rows;
    int64_t         *index;               /* [rows] rows of the table, owned; NULL: all of them in order */
    tg_epoch_options epoch;
    bool             started, failed;     /* failed: the last tg_dataset_begin; no batches come until one succeeds */
    int64_t          next;                /* first row of the next batch, counted in the order of the epoch */
    int64_t         *order;               /* [rows] rows of the table in the order of the epoch; NULL: not needed yet */
    float           *x;                   /* [batch, cols], gathered; NULL: not needed yet */
    int32_t         *labels;              /* [batch] */
    float           *targets;             /* [batch, target_cols] */
    size_t           x_bytes, labels_bytes, targets_bytes;
};

/* ---- random order: SplitMix64 (Steele, Lea and Flood 2014), the same on every machine ---- */

static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static uint64_t random_next(uint64_t *state) { return mix(*state += 0x9E3779B97F4A7C15u); }

/* 0 .. bound - 1, each equally likely: what lies above the last multiple of bound is drawn again. */
static uint64_t random_below(uint64_t *state, uint64_t bound) {
    uint64_t surplus = (UINT64_MAX % bound + 1) % bound, drawn;
    do drawn = random_next(state);
    while (drawn > UINT64_MAX - surplus);
    return drawn % bound;
}

/* Fisher-Yates. Mixed twice, so that neighbouring seeds and epochs have nothing in common. */
static void shuffle(int64_t *rows, int64_t count, uint64_t seed, uint64_t epoch) {
    uint64_t state = mix(mix(seed + 0x9E3779B97F4A7C15u) + epoch);
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t j    = (int64_t)random_below(&state, (uint64_t)i + 1);
        int64_t kept = rows[i];
        rows[i]      = rows[j];
        rows[j]      = kept;
    }
}

/* ---- tables ---- */

/* The bytes are there only where the table owns the array, which it then allocated as a writable one. */
static void release_owned(const void *memory, size_t bytes) {
    if (bytes != 0) tg_release((void *)(uintptr_t)memory, bytes);
}

void tg_table_clear(tg_table *table) {
    release_owned(table->x, table->x_bytes);
    release_owned(table->labels, table->labels_bytes);
    release_owned(table->targets, table->targets_bytes);
    release_owned((const void *)table->class_names, table->names_bytes);
    *table = (tg_table){ .rows = 0 };
}

static void let_go(tg_table *table) {
    if (table == NULL || atomic_fetch_sub(&table->holders, 1) != 1) return;
    tg_table_clear(table);
    tg_release(table, sizeof *table);
}

tg_dataset *tg_dataset_of_table(tg_table *table) {
    tg_dataset *data   = tg_allocate(sizeof *data);
    tg_table   *shared = tg_allocate(sizeof *shared);
    if (data == NULL || shared == NULL) {
        tg_release(data, sizeof *data);
        tg_release(shared, sizeof *shared);
        tg_table_clear(table);
        tg_fail_thread(TG_OUT_OF_MEMORY, "no memory for a data set");
        return NULL;
    }
    memcpy(shared, table, sizeof *shared);
    atomic_init(&shared->holders, 1);
    data->table = shared;
    data->rows  = shared->rows;
    return data;
}

void tg_dataset_free(tg_dataset *data) {
    if (data == NULL) return;
    let_go(data->table);
    tg_release(data->index, (size_t)data->rows * sizeof *data->index);
    tg_release(data->order, (size_t)data->rows * sizeof *data->order);
    tg_release(data->x, data->x_bytes);
    tg_release(data->labels, data->labels_bytes);
    tg_release(data->targets, data->targets_bytes);
    tg_release(data, sizeof *data);
}

/* ---- own arrays ---- */

static tg_status check_sizes(int64_t rows, int64_t cols, const char *what) {
    size_t elements, bytes;
    if (rows < 0 || cols <= 0) return tg_fail_thread(TG_BAD_ARGUMENT, "data set: %s cannot be [%" PRId64 ", %" PRId64 "]", what, rows, cols);
    if (rows == 0) return tg_fail_thread(TG_NO_EXAMPLES, "data set: there are no rows");
    if ((uint64_t)rows > SIZE_MAX || (uint64_t)cols > SIZE_MAX || !tg_multiply((size_t)rows, (size_t)cols, &elements) ||
        !tg_multiply(elements, sizeof(double), &bytes) || bytes > PTRDIFF_MAX)
        return tg_fail_thread(TG_TOO_LARGE, "data set: %s [%" PRId64 ", %" PRId64 "] is too large", what, rows, cols);
    return TG_OK;
}

/* Sets the number of classes: one more than the largest label. */
static tg_status count_classes(tg_table *table) {
    for (int64_t row = 0; row < table->rows; row++) {
        int32_t label = table->labels[row];
        if (label < 0) return tg_fail_thread(TG_OUT_OF_RANGE, "data set: label %" PRId32 " of row %" PRId64 " is negative", label, row);
        if (label >= table->classes) table->classes = (int64_t)label + 1;
    }
    return TG_OK;
}

tg_dataset *tg_dataset_of_labels(const float *x, int64_t rows, int64_t cols, const int32_t *labels) {
    tg_table table = { .x = x, .labels = labels, .rows = rows, .cols = cols };
    if (x == NULL || labels == NULL) {
        tg_fail_thread(TG_NULL_ARGUMENT, "data set: x or labels is NULL");
        return NULL;
    }
    if (check_sizes(rows, cols, "x") != TG_OK || count_classes(&table) != TG_OK) return NULL;
    return tg_dataset_of_table(&table);
}

tg_dataset *tg_dataset_of_targets(const float *x, int64_t rows, int64_t cols, const float *targets, int64_t target_cols) {
    tg_table table = { .x = x, .targets = targets, .rows = rows, .cols = cols, .target_cols = target_cols };
    if (x == NULL || targets == NULL) {
        tg_fail_thread(TG_NULL_ARGUMENT, "data set: x or targets is NULL");
        return NULL;
    }
    if (check_sizes(rows, cols, "x") != TG_OK || check_sizes(rows, target_cols, "targets") != TG_OK) return NULL;
    return tg_dataset_of_table(&table);
}

/* ---- what they hold ---- */

int64_t tg_dataset_rows(const tg_dataset *data) { return data != NULL ? data->rows : 0; }
int64_t tg_dataset_cols(const tg_dataset *data) { return data != NULL ? data->table->cols : 0; }
int64_t tg_dataset_classes(const tg_dataset *data) { return data != NULL ? data->table->classes : 0; }
int64_t tg_dataset_target_cols(const tg_dataset *data) { return data != NULL ? data->table->target_cols : 0; }

const char *tg_dataset_class_name(const tg_dataset *data, int64_t index) {
    if (data == NULL || data->table->class_names == NULL || index < 0 || index >= data->table->classes) return NULL;
    return data->table->class_names[index];
}

/* The row of the table; -1: there is none. */
static int64_t table_row(const tg_dataset *data, int64_t row) {
    if (data == NULL || row < 0 || row >= data->rows) return -1;
    return data->index != NULL ? data->index[row] : row;
}

const float *tg_dataset_row(const tg_dataset *data, int64_t row) {
    int64_t at = table_row(data, row);
    return at < 0 ? NULL : data->table->x + at * data->table->cols;
}

int32_t tg_dataset_label(const tg_dataset *data, int64_t row) {
    int64_t at = table_row(data, row);
    return at < 0 || data->table->labels == NULL ? -1 : data->table->labels[at];
}

const float *tg_dataset_target(const tg_dataset *data, int64_t row) {
    int64_t at = table_row(data, row);
    return at < 0 || data->table->targets == NULL ? NULL : data->table->targets + at * data->table->target_cols;
}

/* ---- splits ---- */

/* The data set of the count rows listed in rows, which it copies. */
static tg_dataset *view_of(const tg_dataset *data, const int64_t *rows, int64_t count) {
    tg_dataset *view  = tg_allocate(sizeof *view);
    int64_t    *index = tg_allocate((size_t)count * sizeof *index);
    if (view == NULL || index == NULL) {
        tg_release(view, sizeof *view);
        tg_release(index, (size_t)count * sizeof *index);
        tg_fail_thread(TG_OUT_OF_MEMORY, "no memory to split a data set");
        return NULL;
    }
    memcpy(index, rows, (size_t)count * sizeof *index);
    atomic_fetch_add(&data->table->holders, 1);
    view->table = data->table;
    view->rows  = count;
    view->index = index;
    return view;
}

static void fill_order(const tg_dataset *data, int64_t *order) {
    for (int64_t row = 0; row < data->rows; row++) order[row] = data->index != NULL ? data->index[row] : row;
}

static tg_status split_at(const tg_dataset *data, int64_t border, const tg_split_options *options, tg_dataset **first, tg_dataset **second) {
    int64_t *order = tg_allocate((size_t)data->rows * sizeof *order);
    if (order == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "no memory to split a data set");
    fill_order(data, order);
    if (!options->in_order) shuffle(order, data->rows, options->seed, 0);
    *first  = view_of(data, order, border);
    *second = *first != NULL ? view_of(data, order + border, data->rows - border) : NULL;
    tg_release(order, (size_t)data->rows * sizeof *order);
    if (*second != NULL) return TG_OK;
    tg_dataset_free(*first);
    *first = NULL;
    return TG_OUT_OF_MEMORY;
}

tg_status tg_dataset_split(const tg_dataset *data, double fraction, const tg_split_options *options, tg_dataset **first, tg_dataset **second) {
    if (first != NULL) *first = NULL;
    if (second != NULL) *second = NULL;
    if (data == NULL || first == NULL || second == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "split: the data set or a place for a part is NULL");
    if (!(fraction >= 0.0 && fraction <= 1.0)) return tg_fail_thread(TG_BAD_ARGUMENT, "split: the fraction %g is not in [0, 1]", fraction);
    int64_t tail = (int64_t)round(fraction * (double)data->rows);
    if (tail <= 0 || tail >= data->rows)
        return tg_fail_thread(TG_NO_EXAMPLES, "split: the fraction %g of %" PRId64 " rows leaves one part empty", fraction, data->rows);
    tg_split_options none = { .seed = 0 };
    return split_at(data, data->rows - tail, options != NULL ? options : &none, first, second);
}

/* ---- batches ---- */

/* Rows that lie in the table as they are wanted are not copied. */
static bool lies_in_order(const tg_dataset *data) { return data->index == NULL && !data->epoch.shuffle; }

/* Room for a batch. It only ever grows, so that later epochs find it. */
static bool make_room(void **memory, size_t *bytes, int64_t rows, int64_t cols, size_t element_bytes) {
    size_t needed = (size_t)rows * (size_t)cols * element_bytes;
    if (needed <= *bytes) return true;
    void *larger = tg_reallocate(*memory, *bytes, needed);
    if (larger == NULL) return false;
    *memory = larger;
    *bytes  = needed;
    return true;
}

static bool make_batch_room(tg_dataset *data) {
    const tg_table *table = data->table;
    int64_t         rows  = data->epoch.batch < data->rows ? data->epoch.batch : data->rows;
    void           *x = data->x, *labels = data->labels, *targets = data->targets;
    bool            done = make_room(&x, &data->x_bytes, rows, table->cols, sizeof(float)) &&
                make_room(&labels, &data->labels_bytes, rows, table->labels != NULL, sizeof(int32_t)) &&
                make_room(&targets, &data->targets_bytes, rows, table->target_cols, sizeof(float));
    data->x              = x;
    data->labels         = labels;
    data->targets        = targets;
    if (data->order == NULL) data->order = tg_allocate((size_t)data->rows * sizeof *data->order);
    return done && data->order != NULL;
}

static tg_status start_epoch(tg_dataset *data) {
    data->next    = 0;
    data->started = false;
    data->failed  = true;
    if (!lies_in_order(data)) {
        if (!make_batch_room(data)) return tg_fail_thread(TG_OUT_OF_MEMORY, "no memory for batches of %" PRId64 " rows", data->epoch.batch);
        fill_order(data, data->order);
        if (data->epoch.shuffle) shuffle(data->order, data->rows, data->epoch.seed, data->epoch.epoch);
    }
    data->failed  = false;
    data->started = true;
    return TG_OK;
}

tg_status tg_dataset_begin(tg_dataset *data, const tg_epoch_options *options) {
    if (data == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_dataset_begin: the data set is NULL");
    data->epoch = options != NULL ? *options : (tg_epoch_options){ .batch = 0 };
    if (data->epoch.batch == 0) data->epoch.batch = DEFAULT_BATCH;
    if (data->epoch.batch > 0) return start_epoch(data);
    data->started = false;
    data->failed  = true;
    return tg_fail_thread(TG_BAD_ARGUMENT, "tg_dataset_begin: a batch cannot have %" PRId64 " rows", data->epoch.batch);
}

static void borrow_batch(const tg_dataset *data, tg_batch *batch) {
    const tg_table *table = data->table;
    batch->x              = table->x + data->next * table->cols;
    batch->y              = table->labels != NULL ? table->labels + data->next : NULL;
    batch->targets        = table->targets != NULL ? table->targets + data->next * table->target_cols : NULL;
}

static void gather_rows(float *to, const float *from, int64_t cols, const int64_t *rows, int64_t count) {
    for (int64_t i = 0; i < count; i++) memcpy(to + i * cols, from + rows[i] * cols, (size_t)cols * sizeof *to);
}

static void gather_batch(const tg_dataset *data, tg_batch *batch) {
    const tg_table *table = data->table;
    const int64_t  *rows  = data->order + data->next;
    gather_rows(data->x, table->x, table->cols, rows, batch->rows);
    if (table->targets != NULL) gather_rows(data->targets, table->targets, table->target_cols, rows, batch->rows);
    if (table->labels != NULL)
        for (int64_t i = 0; i < batch->rows; i++) data->labels[i] = table->labels[rows[i]];
    batch->x       = data->x;
    batch->y       = table->labels != NULL ? data->labels : NULL;
    batch->targets = table->targets != NULL ? data->targets : NULL;
}

/* The epoch is over: the next call begins another one. */
static bool end_epoch(tg_dataset *data) {
    data->started = false;
    data->epoch.epoch++;
    return false;
}

bool tg_next_batch(tg_dataset *data, tg_batch *batch) {
    if (batch != NULL) *batch = (tg_batch){ .rows = 0 };
    if (data == NULL || batch == NULL) {
        tg_fail_thread(TG_NULL_ARGUMENT, "tg_next_batch: the data set or the batch is NULL");
        return false;
    }
    if (data->failed) return false;
    if (!data->started) {
        if (data->epoch.batch == 0) data->epoch.batch = DEFAULT_BATCH;
        if (start_epoch(data) != TG_OK) return false;
    }
    if (data->next >= data->rows) return end_epoch(data);
    int64_t left = data->rows - data->next;
    batch->rows  = left < data->epoch.batch ? left : data->epoch.batch;
    if (lies_in_order(data)) borrow_batch(data, batch);
    else gather_batch(data, batch);
    data->next += batch->rows;
    return true;
}
