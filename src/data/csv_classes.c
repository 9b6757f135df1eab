/* csv_classes.c - from the labels of rows, any text, to classes counted from 0. */
#include "data/csv.h"

#include "core/util.h"

#include <math.h>
#include <string.h>

/* What is sorted: the rows, by label. */
typedef struct sorting {
    const char   *text;
    const size_t *starts;      /* [rows] */
    const double *values;      /* [rows]; NULL: not all labels are numbers */
    size_t       *order;       /* [rows] */
    size_t        rows;
} sorting;

/* ---- collecting ---- */

bool tg_csv_classes_add(tg_csv_classes *classes, const char *label) {
    size_t bytes = strlen(label) + 1;
    void  *text = classes->text, *starts = classes->starts;
    bool   done = tg_grow(&text, &classes->text_capacity, classes->text_bytes + bytes, 1);
    done = done && tg_grow(&starts, &classes->capacity, classes->rows + 1, sizeof *classes->starts);
    classes->text   = text;
    classes->starts = starts;
    if (!done) return false;
    memcpy(classes->text + classes->text_bytes, label, bytes);
    classes->starts[classes->rows++] = classes->text_bytes;
    classes->text_bytes += bytes;
    return true;
}

void tg_csv_classes_release(tg_csv_classes *classes) {
    tg_release(classes->text, classes->text_capacity);
    tg_release(classes->starts, classes->capacity * sizeof *classes->starts);
    *classes = (tg_csv_classes){ .rows = 0 };
}

/* ---- comparing ---- */

#define EXACT_INTEGERS 9007199254740992.0      /* 2^53: beyond, different integers may have the same double */

static const char *label_of(const sorting *s, size_t row) { return s->text + s->starts[row]; }

/* "1" and "1.0" are one class. */
static int compare_labels(const sorting *s, size_t a, size_t b) {
    if (s->values != NULL) {
        if (s->values[a] != s->values[b]) return s->values[a] < s->values[b] ? -1 : 1;
        if (fabs(s->values[a]) < EXACT_INTEGERS) return 0;
    }
    return strcmp(label_of(s, a), label_of(s, b));
}

/* Equal labels by row, so that the first one in the file names the class. */
static bool comes_before(const sorting *s, size_t a, size_t b) {
    int compared = compare_labels(s, a, b);
    return compared != 0 ? compared < 0 : a < b;
}

/* ---- sorting: a heap needs neither memory, as qsort may, nor luck ---- */

static void sift_down(const sorting *s, size_t at, size_t count) {
    size_t moved = s->order[at];
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && comes_before(s, s->order[child], s->order[child + 1])) child++;
        if (!comes_before(s, moved, s->order[child])) break;
        s->order[at] = s->order[child];
        at           = child;
    }
    s->order[at] = moved;
}

static void sort_rows(const sorting *s) {
    for (size_t row = 0; row < s->rows; row++) s->order[row] = row;
    for (size_t at = s->rows / 2; at-- > 0;) sift_down(s, at, s->rows);
    for (size_t last = s->rows; last-- > 1;) {
        size_t largest = s->order[0];
        s->order[0]    = s->order[last];
        s->order[last] = largest;
        sift_down(s, 0, last);
    }
}

/* ---- classes ---- */

static bool starts_class(const sorting *s, size_t at) { return at == 0 || compare_labels(s, s->order[at - 1], s->order[at]) != 0; }

static void number_classes(const sorting *s, int32_t *labels, size_t *classes, size_t *text_bytes) {
    for (size_t at = 0; at < s->rows; at++) {
        if (starts_class(s, at)) {
            ++*classes;
            *text_bytes += strlen(label_of(s, s->order[at])) + 1;
        }
        labels[s->order[at]] = (int32_t)(*classes - 1);
    }
}

/* One block: the pointers, and behind them the texts. */
static tg_status name_classes(const sorting *s, size_t classes, size_t text_bytes, tg_table *table) {
    size_t bytes = classes * sizeof(char *) + text_bytes, class = 0;
    char **names = tg_allocate(bytes);
    if (names == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "no memory for the names of %zu classes", classes);
    char *to = (char *)(names + classes);
    for (size_t at = 0; at < s->rows; at++) {
        if (!starts_class(s, at)) continue;
        size_t length  = strlen(label_of(s, s->order[at])) + 1;
        names[class++] = memcpy(to, label_of(s, s->order[at]), length);
        to += length;
    }
    table->class_names = (const char *const *)names;
    table->names_bytes = bytes;
    table->classes     = (int64_t)classes;
    return TG_OK;
}

static tg_status finish_sorted(const sorting *s, tg_table *table) {
    size_t   classes = 0, text_bytes = 0;
    int32_t *labels = tg_allocate(s->rows * sizeof *labels);
    if (labels == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "no memory for %zu labels", s->rows);
    table->labels       = labels;
    table->labels_bytes = s->rows * sizeof *labels;
    sort_rows(s);
    number_classes(s, labels, &classes, &text_bytes);
    return name_classes(s, classes, text_bytes, table);
}

static bool all_numbers(const sorting *s, locale_t c_locale, double *values) {
    for (size_t row = 0; row < s->rows; row++)
        if (!tg_parse_double(label_of(s, row), c_locale, &values[row])) return false;
    return true;
}

tg_status tg_csv_classes_finish(tg_csv_classes *classes, locale_t c_locale, tg_table *table) {
    sorting s = { .text = classes->text, .starts = classes->starts, .rows = classes->rows };
    if (s.rows > INT32_MAX) return tg_fail_thread(TG_TOO_LARGE, "%zu rows are too many to number their labels", s.rows);
    double *values   = tg_allocate(s.rows * sizeof *values);
    tg_status status = TG_OUT_OF_MEMORY;
    s.order          = tg_allocate(s.rows * sizeof *s.order);
    if (values == NULL || s.order == NULL) tg_fail_thread(status, "no memory for %zu labels", s.rows);
    else {
        if (all_numbers(&s, c_locale, values)) s.values = values;
        status = finish_sorted(&s, table);
    }
    tg_release(values, s.rows * sizeof *values);
    tg_release(s.order, s.rows * sizeof *s.order);
    return status;
}
