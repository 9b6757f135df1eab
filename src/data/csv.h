/* csv.h - the three parts of reading CSV: records, numbers, classes. */
#ifndef TAPEGRAD_DATA_CSV_H
#define TAPEGRAD_DATA_CSV_H

#include "data/dataset.h"
#include "data/source.h"

#include <locale.h>

/* ---- records: csv_records.c ---- */

typedef struct tg_csv_field {
    size_t start;      /* in text */
    size_t line;       /* of the file, from 1 */
} tg_csv_field;

typedef struct tg_csv {
    tg_source    *source;
    const char   *path;                           /* borrowed */
    int           separator;
    uint64_t      max_bytes, total_bytes;         /* of unpacked text */
    size_t        line;                           /* of the next character, from 1 */
    unsigned char buffer[TG_SOURCE_BUFFER];
    size_t        at, end;
    tg_status     status;                         /* the failure of a read, sticky */
    char         *text;                           /* the fields of one record, each ended by NUL */
    size_t        text_bytes, text_capacity;
    tg_csv_field *fields;                         /* [count] */
    size_t        count, field_capacity;
} tg_csv;

/* path is borrowed. NULL on failure. */
tg_csv *tg_csv_open(const char *path, char separator, uint64_t max_bytes);
void    tg_csv_close(tg_csv *csv);

/* Reads the next record into fields; empty lines are skipped. *ended: there is none. */
tg_status tg_csv_next(tg_csv *csv, bool *ended);

const char *tg_csv_text(const tg_csv *csv, size_t field);

/* ---- numbers: csv_number.c ---- */

/* Decimal numbers, correctly rounded, with '.' whatever the locale is; blanks around them are fine. Neither infinity nor NaN, written or by
 * overflow. */
bool tg_parse_float(const char *text, locale_t c_locale, float *value);
bool tg_parse_double(const char *text, locale_t c_locale, double *value);

/* ---- classes: csv_classes.c ---- */

typedef struct tg_csv_classes {
    char   *text;          /* the labels of all rows, each ended by NUL */
    size_t  text_bytes, text_capacity;
    size_t *starts;        /* [rows] in text */
    size_t  rows, capacity;
} tg_csv_classes;

bool tg_csv_classes_add(tg_csv_classes *classes, const char *label);
void tg_csv_classes_release(tg_csv_classes *classes);

/* Sets labels, classes and class_names of the table: sorted by value if all are numbers, otherwise by bytes. */
tg_status tg_csv_classes_finish(tg_csv_classes *classes, locale_t c_locale, tg_table *table);

#endif
