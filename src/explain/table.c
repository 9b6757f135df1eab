/* table.c - cells are collected first, so that columns can be as wide as they must; a cell that is too wide goes on in the next line. */
#include "explain/table.h"
#include "core/util.h"

#include <string.h>

enum { GAP = 2, LEAST = 4 };      /* blanks between columns; no column is folded below it */

static const char *heading_of(const tg_table *table, int column) { return table->columns[0].heading != NULL ? table->columns[column].heading : ""; }

/* A column without a character takes no room. */
static size_t gap_before(const tg_table *table, int column, const size_t widths[]) {
    return column == 0 || widths[column] == 0 ? 0 : table->columns[column].is_close ? 1 : GAP;
}

size_t tg_characters_in(const char *text, size_t bytes) {
    size_t characters = 0;
    for (size_t i = 0; i < bytes; i++) characters += ((unsigned char)text[i] & 0xc0) != 0x80;
    return characters;
}

void tg_end_cell(tg_table *table) {
    void *cells = table->cells;
    if (!tg_grow(&cells, &table->capacity, table->cell_count + 2, sizeof *table->cells)) {
        table->text.failed = true;
        return;
    }
    table->cells = cells;
    tg_put_bytes(&table->text, "", 1);
    table->cells[++table->cell_count] = table->text.length;
}

void tg_put_cell(tg_table *table, const char *text) {
    tg_put(&table->text, text);
    tg_end_cell(table);
}

void tg_table_release(tg_table *table) {
    tg_release(table->cells, table->capacity * sizeof *table->cells);
    tg_text_buffer_release(&table->text);
    table->cells = NULL;
    table->cell_count = table->capacity = 0;
}

static const char *cell_at(const tg_table *table, size_t row, int column) {
    return table->text.text + table->cells[row * (size_t)table->column_count + (size_t)column];
}

/* ---- widths ---- */

static void measure(const tg_table *table, size_t rows, size_t widths[]) {
    for (int c = 0; c < table->column_count; c++) {
        widths[c] = tg_characters_in(heading_of(table, c), strlen(heading_of(table, c)));
        for (size_t r = 0; r < rows; r++) {
            const char  *text  = cell_at(table, r, c);
            const size_t width = tg_characters_in(text, strlen(text));
            if (widths[c] < width) widths[c] = width;
        }
    }
}

static size_t total_of(const tg_table *table, const size_t widths[]) {
    size_t total = 0;
    for (int c = 0; c < table->column_count; c++) total += widths[c] + gap_before(table, c, widths);
    return total;
}

/* The widest column gives, one character after the other. */
static void fit(const tg_table *table, size_t widths[], size_t width) {
    while (total_of(table, widths) > width) {
        int widest = 0;
        for (int c = 1; c < table->column_count; c++)
            if (widths[c] >= widths[widest]) widest = c;
        if (widths[widest] <= LEAST) return;
        widths[widest]--;
    }
}

/* ---- lines ---- */

/* Bytes of text that fit into width characters: all, or up to a blank, or, without one, as many as fit. */
static size_t part_of(const char *text, size_t width) {
    size_t bytes = 0, characters = 0, blank = 0;
    while (text[bytes] != '\0') {
        const bool begins = ((unsigned char)text[bytes] & 0xc0) != 0x80;
        if (begins && characters == width) return blank > 0 || text[bytes] == ' ' ? (text[bytes] == ' ' ? bytes : blank) : bytes;
        if (text[bytes] == ' ' && bytes > 0) blank = bytes;
        characters += begins;
        bytes++;
    }
    return bytes;
}

static void put_blanks(size_t count, tg_text_buffer *out) {
    for (size_t i = 0; i < count; i++) tg_put(out, " ");
}

static void trim(tg_text_buffer *out) {
    while (out->length > 0 && out->text[out->length - 1] == ' ') out->text[--out->length] = '\0';
}

static void put_part(const tg_table_column *column, const char *color, const char *text, size_t bytes, size_t width, tg_text_buffer *out) {
    const size_t blanks = width - tg_characters_in(text, bytes);
    if (column->to_the_right) put_blanks(blanks, out);
    if (color != NULL && bytes > 0) tg_put(out, color);
    tg_put_bytes(out, text, bytes);
    if (color != NULL && bytes > 0) tg_put(out, "\x1b[0m");
    if (!column->to_the_right) put_blanks(blanks, out);
}

static const char *color_of(const tg_table *table, int column, const char *cell) {
    static const char *const words[] = { "NaN", "nan", "infinity" };
    for (size_t i = 0; i < sizeof words / sizeof *words && table->alarm != NULL; i++)
        if (strstr(cell, words[i]) != NULL) return table->alarm;
    return table->columns[column].color;
}

/* As many lines as the longest cell needs. */
static void put_row(const tg_table *table, const char *cells[], const size_t widths[], tg_text_buffer *out) {
    for (bool more = true; more;) {
        more = false;
        for (int c = 0; c < table->column_count; c++) {
            const size_t bytes = part_of(cells[c], widths[c]);
            put_blanks(gap_before(table, c, widths), out);
            put_part(&table->columns[c], color_of(table, c, cells[c]), cells[c], bytes, widths[c], out);
            cells[c] += bytes;
            while (*cells[c] == ' ') cells[c]++;
            more = more || *cells[c] != '\0';
        }
        trim(out);
        tg_put(out, "\n");
    }
}

static void put_rule(const tg_table *table, const size_t widths[], tg_text_buffer *out) {
    for (int c = 0; c < table->column_count; c++) {
        put_blanks(gap_before(table, c, widths), out);
        for (size_t i = 0; i < widths[c]; i++) tg_put(out, "-");
    }
    tg_put(out, "\n");
}

void tg_table_print(tg_table *table, int width, tg_text_buffer *out) {
    const char  *cells[TG_TABLE_COLUMNS];
    size_t       widths[TG_TABLE_COLUMNS];
    const size_t rows = table->cell_count / (size_t)table->column_count;
    out->failed       = out->failed || table->text.failed;
    if (out->failed) return;
    measure(table, rows, widths);
    fit(table, widths, (size_t)width);
    for (int c = 0; c < table->column_count; c++) cells[c] = heading_of(table, c);
    if (table->columns[0].heading != NULL) {
        put_row(table, cells, widths, out);
        put_rule(table, widths, out);
    }
    for (size_t r = 0; r < rows; r++) {
        for (int c = 0; c < table->column_count; c++) cells[c] = cell_at(table, r, c);
        put_row(table, cells, widths, out);
    }
}

void tg_put_folded(const char *text, int indent, int width, tg_text_buffer *out) {
    for (bool is_first = true; is_first || *text != '\0'; is_first = false) {
        const size_t room  = (size_t)(is_first ? width : width - indent), bytes = part_of(text, room);
        if (!is_first) put_blanks((size_t)indent, out);
        tg_put_bytes(out, text, bytes);
        tg_put(out, "\n");
        text += bytes;
        while (*text == ' ') text++;
    }
}
