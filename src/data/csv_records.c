/* csv_records.c - from bytes to records of fields, by RFC 4180. */
#include "data/csv.h"

#include "core/util.h"

#include <inttypes.h>
#include <string.h>

/* What read_byte returns beside bytes. */
#define END_OF_FILE (-1)
#define FAILED      (-2)

static tg_status fail_memory(const tg_csv *csv) { return tg_fail_thread(TG_OUT_OF_MEMORY, "no memory to read %.400s", csv->path); }

static tg_status fail_at(const tg_csv *csv, size_t line, const char *what) {
    return tg_fail_thread(TG_BAD_FILE, "%.400s, line %zu, column %zu: %s", csv->path, line, csv->count, what);
}

/* ---- bytes ---- */

static tg_status fill_buffer(tg_csv *csv) {
    csv->at          = 0;
    tg_status status = tg_source_read(csv->source, csv->buffer, TG_SOURCE_BUFFER, &csv->end);
    if (status != TG_OK) return status;
    csv->total_bytes += csv->end;
    if (csv->total_bytes <= csv->max_bytes) return TG_OK;
    return tg_fail_thread(TG_TOO_LARGE, "%.400s has more text than the limit of %" PRIu64 " bytes", csv->path, csv->max_bytes);
}

static int peek_byte(tg_csv *csv) {
    if (csv->status == TG_OK && csv->at == csv->end) csv->status = fill_buffer(csv);
    if (csv->status != TG_OK) return FAILED;
    return csv->at == csv->end ? END_OF_FILE : csv->buffer[csv->at];
}

static int read_byte(tg_csv *csv) {
    int byte = peek_byte(csv);
    if (byte < 0) return byte;
    csv->at++;
    if (byte == '\n') csv->line++;
    if (byte != 0) return byte;
    csv->status = fail_at(csv, csv->line, "a byte is 0; this is no CSV");
    return FAILED;
}

/* Some programs put U+FEFF in front of UTF-8. */
static void skip_byte_order_mark(tg_csv *csv) {
    if (peek_byte(csv) == 0xEF && csv->end >= 3 && csv->buffer[1] == 0xBB && csv->buffer[2] == 0xBF) csv->at = 3;
}

/* ---- fields ---- */

static bool append_byte(tg_csv *csv, char byte) {
    if (csv->text_bytes == csv->text_capacity) {
        void *text = csv->text;
        bool  done = tg_grow(&text, &csv->text_capacity, csv->text_bytes + 1, 1);
        csv->text  = text;
        if (!done) {
            csv->status = fail_memory(csv);
            return false;
        }
    }
    csv->text[csv->text_bytes++] = byte;
    return true;
}

static bool append_field(tg_csv *csv) {
    void *fields = csv->fields;
    bool  done   = tg_grow(&fields, &csv->field_capacity, csv->count + 1, sizeof *csv->fields);
    csv->fields  = fields;
    if (done) csv->fields[csv->count++] = (tg_csv_field){ .start = csv->text_bytes, .line = csv->line };
    else csv->status = fail_memory(csv);
    return done;
}

static bool ends_field(const tg_csv *csv, int byte) { return byte < 0 || byte == csv->separator || byte == '\n'; }

/* Makes '\n' of "\r\n". A carriage return alone is an error: files of that kind would be one line. */
static int read_unquoted(tg_csv *csv) {
    int byte = read_byte(csv);
    if (byte != '\r') return byte;
    if (peek_byte(csv) == '\n') return read_byte(csv);
    if (csv->status == TG_OK) csv->status = fail_at(csv, csv->line, "a carriage return without line feed");
    return FAILED;
}

/* Each of these returns what ended the field: the separator, '\n', END_OF_FILE or FAILED. */
static int read_plain(tg_csv *csv, int byte) {
    for (; !ends_field(csv, byte); byte = read_unquoted(csv)) {
        if (byte == '"') {
            csv->status = fail_at(csv, csv->line, "a quote inside of a field that does not begin with one");
            return FAILED;
        }
        if (!append_byte(csv, (char)byte)) return FAILED;
    }
    return byte;
}

static int after_quotes(tg_csv *csv) {
    int byte = read_unquoted(csv);
    if (ends_field(csv, byte)) return byte;
    csv->status = fail_at(csv, csv->line, "text behind a closing quote");
    return FAILED;
}

static int read_quoted(tg_csv *csv, size_t first_line) {
    for (;;) {
        int byte = read_byte(csv);
        if (byte == END_OF_FILE) csv->status = fail_at(csv, first_line, "a quote is not closed");
        if (byte < 0) return FAILED;
        if (byte == '"') {
            if (peek_byte(csv) != '"') return after_quotes(csv);
            byte = read_byte(csv);      /* two quotes stand for one */
        }
        if (!append_byte(csv, (char)byte)) return FAILED;
    }
}

/* *empty: there was not even a pair of quotes. */
static int read_field(tg_csv *csv, bool *empty) {
    if (!append_field(csv)) return FAILED;
    size_t line = csv->line;
    int    byte = read_unquoted(csv);
    *empty      = ends_field(csv, byte);
    int ended   = byte == '"' ? read_quoted(csv, line) : read_plain(csv, byte);
    return ended != FAILED && append_byte(csv, '\0') ? ended : FAILED;
}

/* ---- records ---- */

tg_status tg_csv_next(tg_csv *csv, bool *ended) {
    int  end;
    bool empty;
    do {
        csv->count      = 0;
        csv->text_bytes = 0;
        while ((end = read_field(csv, &empty)) == csv->separator) continue;
    } while (end == '\n' && csv->count == 1 && empty);
    *ended = end == END_OF_FILE && csv->count == 1 && empty;
    return csv->status;
}

const char *tg_csv_text(const tg_csv *csv, size_t field) { return csv->text + csv->fields[field].start; }

tg_csv *tg_csv_open(const char *path, char separator, uint64_t max_bytes) {
    tg_csv *csv = tg_allocate(sizeof *csv);
    if (csv == NULL) {
        tg_fail_thread(TG_OUT_OF_MEMORY, "no memory to read %.400s", path);
        return NULL;
    }
    csv->path      = path;
    csv->separator = (unsigned char)separator;
    csv->max_bytes = max_bytes;
    csv->line      = 1;
    csv->source    = tg_source_open(path, NULL);
    if (csv->source != NULL) skip_byte_order_mark(csv);
    if (csv->source != NULL && csv->status == TG_OK) return csv;
    tg_csv_close(csv);
    return NULL;
}

void tg_csv_close(tg_csv *csv) {
    if (csv == NULL) return;
    tg_source_close(csv->source);
    tg_release(csv->text, csv->text_capacity);
    tg_release(csv->fields, csv->field_capacity * sizeof *csv->fields);
    tg_release(csv, sizeof *csv);
}
