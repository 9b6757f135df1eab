/* table.h - text in columns: each as wide as its widest cell, the widest ones folded where a line would be too long. */
#ifndef TAPEGRAD_EXPLAIN_TABLE_H
#define TAPEGRAD_EXPLAIN_TABLE_H

#include "explain/formula.h"

enum { TG_TABLE_COLUMNS = 8 };

typedef struct tg_table_column {
    const char *heading, *color;      /* color: an escape sequence, or NULL */
    bool        to_the_right, is_close;      /* is_close: one blank before it instead of two */
} tg_table_column;

typedef struct tg_table {
    const tg_table_column *columns;                 /* the first heading NULL: there are none */
    int                    column_count;
    const char            *alarm;                   /* the color of cells with numbers that are not finite; NULL: none */
    size_t                *cells;                   /* [cell_count] where each begins in text */
    size_t                 cell_count, capacity;
    tg_text_buffer         text;                    /* of the cells, one after the other, each with a zero behind it */
} tg_table;

/* Cells row by row: what is put to table->text, and then its end. */
void tg_end_cell(tg_table *table);
void tg_put_cell(tg_table *table, const char *text);

/* With heading and rule, in lines of at most `width` characters. */
void tg_table_print(tg_table *table, int width, tg_text_buffer *out);
void tg_table_release(tg_table *table);

/* One cell as lines, each but the first behind as many blanks as indent says. */
void tg_put_folded(const char *text, int indent, int width, tg_text_buffer *out);

size_t tg_characters_in(const char *text, size_t bytes);      /* of UTF-8, each one column wide */

#endif
