/* csv.c - a data set from the records of a CSV file. */
#include "data/csv.h"

#include "core/util.h"

#include <inttypes.h>
#include <string.h>

/* All that one call of tg_dataset_csv holds. */
typedef struct loading {
    tg_csv_options options;
    uint64_t       max_bytes;
    locale_t       c_locale;
    tg_csv        *csv;
    size_t         columns;      /* of each record; 0: no record was read yet */
    size_t         special;      /* the column of labels or targets, from 0 */
    size_t         rows;
    float         *x, *targets;
    size_t         x_count, x_capacity, targets_capacity;      /* elements */
    tg_csv_classes classes;
} loading;

static tg_status fail_memory(const loading *l) { return tg_fail_thread(TG_OUT_OF_MEMORY, "no memory to read %.400s", l->csv->path); }

/* ---- the columns ---- */

/* A number from 1 as an index; columns if it is none or beyond the last. */
static size_t column_by_number(const char *text, size_t columns) {
    size_t number = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9') return columns;
        number = number * 10 + (size_t)(*at - '0');
        if (number > columns) return columns;
    }
    return number == 0 ? columns : number - 1;
}

/* The record that was read last is the header, if there is one. A name goes before a number. */
static tg_status find_special(loading *l) {
    const char *wanted = l->options.target != NULL ? l->options.target : l->options.label;
    l->special         = l->columns - 1;
    if (wanted == NULL) return TG_OK;
    for (size_t column = 0; l->options.header && column < l->columns; column++) {
        l->special = column;
        if (strcmp(tg_csv_text(l->csv, column), wanted) == 0) return TG_OK;
    }
    l->special = column_by_number(wanted, l->columns);
    if (l->special < l->columns) return TG_OK;
    return tg_fail_thread(TG_UNKNOWN_NAME, "%.400s has no column \"%.100s\" among its %zu", l->csv->path, wanted, l->columns);
}

static tg_status start_columns(loading *l) {
    l->columns = l->csv->count;
    if (l->columns >= 2) return find_special(l);
    return tg_fail_thread(TG_BAD_FILE, "%.400s, line %zu: only one column; inputs and a label or target are needed", l->csv->path,
                          l->csv->fields[0].line);
}

/* ---- the rows ---- */

static tg_status fail_field(const loading *l, size_t column, const char *what) {
    return tg_fail_thread(TG_BAD_FILE, "%.400s, line %zu, column %zu: \"%.60s\" %s", l->csv->path, l->csv->fields[column].line, column + 1,
                          tg_csv_text(l->csv, column), what);
}

static bool grow_floats(float **floats, size_t *capacity, size_t needed) {
    void *array = *floats;
    bool  done  = tg_grow(&array, capacity, needed, sizeof **floats);
    *floats     = array;
    return done;
}

static tg_status add_label(loading *l) {
    const char *label = tg_csv_text(l->csv, l->special);
    if (*label == '\0') return fail_field(l, l->special, "is no label");
    return tg_csv_classes_add(&l->classes, label) ? TG_OK : fail_memory(l);
}

static tg_status add_target(loading *l) {
    if (!grow_floats(&l->targets, &l->targets_capacity, l->rows + 1)) return fail_memory(l);
    if (tg_parse_float(tg_csv_text(l->csv, l->special), l->c_locale, &l->targets[l->rows])) return TG_OK;
    return fail_field(l, l->special, "is no finite number");
}

static tg_status add_inputs(loading *l) {
    if (!grow_floats(&l->x, &l->x_capacity, l->x_count + l->columns - 1)) return fail_memory(l);
    for (size_t column = 0; column < l->columns; column++) {
        if (column == l->special) continue;
        if (!tg_parse_float(tg_csv_text(l->csv, column), l->c_locale, &l->x[l->x_count])) return fail_field(l, column, "is no finite number");
        l->x_count++;
    }
    return TG_OK;
}

static tg_status check_record(const loading *l) {
    if (l->csv->count != l->columns)
        return tg_fail_thread(TG_BAD_FILE, "%.400s, line %zu: %zu columns, and %zu in the lines before", l->csv->path, l->csv->fields[0].line,
                              l->csv->count, l->columns);
    /* Each number was at least two bytes of text: no overflow before this is found. */
    uint64_t bytes = ((uint64_t)l->x_count + l->columns) * sizeof(float);
    if (bytes <= l->max_bytes) return TG_OK;
    return tg_fail_thread(TG_TOO_LARGE, "%.400s, line %zu: the values need more than the limit of %" PRIu64 " bytes", l->csv->path,
                          l->csv->fields[0].line, l->max_bytes);
}

static tg_status add_row(loading *l) {
    tg_status status = check_record(l);
    if (status == TG_OK) status = add_inputs(l);
    if (status == TG_OK) status = l->options.target != NULL ? add_target(l) : add_label(l);
    if (status == TG_OK) l->rows++;
    return status;
}

/* The first record tells the columns; it is a row only if it is no header. */
static tg_status add_record(loading *l) {
    bool      first  = l->columns == 0;
    tg_status status = first ? start_columns(l) : TG_OK;
    if (status != TG_OK || (first && l->options.header)) return status;
    return add_row(l);
}

static tg_status read_records(loading *l) {
    for (;;) {
        bool      ended;
        tg_status status = tg_csv_next(l->csv, &ended);
        if (status != TG_OK) return status;
        if (ended) return l->rows > 0 ? TG_OK : tg_fail_thread(TG_NO_EXAMPLES, "%.400s has no rows", l->csv->path);
        status = add_record(l);
        if (status != TG_OK) return status;
    }
}

/* ---- the data set ---- */

/* Gives back what growing took too much; if that fails, the array stays as it is. */
static void shrink(float **floats, size_t *capacity, size_t count) {
    void *smaller = *capacity > count ? tg_reallocate(*floats, *capacity * sizeof **floats, count * sizeof **floats) : NULL;
    if (smaller == NULL) return;
    *floats   = smaller;
    *capacity = count;
}

/* Moves the arrays from *l to the table. */
static tg_status fill_table(loading *l, tg_table *table) {
    shrink(&l->x, &l->x_capacity, l->x_count);
    table->rows    = (int64_t)l->rows;
    table->cols    = (int64_t)l->columns - 1;
    table->x       = l->x;
    table->x_bytes = l->x_capacity * sizeof *l->x;
    l->x           = NULL;
    l->x_capacity  = 0;
    if (l->options.target == NULL) return tg_csv_classes_finish(&l->classes, l->c_locale, table);
    shrink(&l->targets, &l->targets_capacity, l->rows);
    table->target_cols   = 1;
    table->targets       = l->targets;
    table->targets_bytes = l->targets_capacity * sizeof *l->targets;
    l->targets           = NULL;
    l->targets_capacity  = 0;
    return TG_OK;
}

static void release_loading(loading *l) {
    tg_csv_close(l->csv);
    tg_release(l->x, l->x_capacity * sizeof *l->x);
    tg_release(l->targets, l->targets_capacity * sizeof *l->targets);
    tg_csv_classes_release(&l->classes);
    if (l->c_locale != (locale_t)0) freelocale(l->c_locale);
}

/* What could be part of a number, of a quoted field or of the end of a line cannot separate. */
static bool check_options(const char *path, const tg_csv_options *options) {
    if (path == NULL) tg_fail_thread(TG_NULL_ARGUMENT, "tg_dataset_csv: the path is NULL");
    else if (options->label != NULL && options->target != NULL)
        tg_fail_thread(TG_BAD_ARGUMENT, "tg_dataset_csv: a column of labels and one of targets are given, where one is possible");
    else if (strchr("\"\r\n+-.0123456789eE", options->separator) != NULL)
        tg_fail_thread(TG_BAD_ARGUMENT, "tg_dataset_csv: byte %u cannot be a separator", (unsigned)(unsigned char)options->separator);
    else return true;
    return false;
}

static bool start_loading(loading *l, const char *path) {
    l->max_bytes = l->options.max_bytes != 0 ? l->options.max_bytes : TG_DEFAULT_MAX_BYTES;
    l->c_locale  = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (l->c_locale == (locale_t)0) tg_fail_thread(TG_OUT_OF_MEMORY, "no memory for the C locale");
    else l->csv = tg_csv_open(path, l->options.separator, l->max_bytes);
    return l->csv != NULL;
}

tg_dataset *tg_dataset_csv(const char *path, const tg_csv_options *options) {
    loading  l     = { .options = options != NULL ? *options : (tg_csv_options){ .separator = ',' } };
    tg_table table = { .rows = 0 };
    if (l.options.separator == '\0') l.options.separator = ',';
    if (!check_options(path, &l.options)) return NULL;
    bool done = start_loading(&l, path) && read_records(&l) == TG_OK && fill_table(&l, &table) == TG_OK;
    release_loading(&l);
    if (done) return tg_dataset_of_table(&table);
    tg_table_clear(&table);
    return NULL;
}
