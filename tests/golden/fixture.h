/* fixture.h - reads the fixtures of this folder: lines of a word and numbers, or matrices. README.md says the format. */
#ifndef TAPEGRAD_TESTS_GOLDEN_FIXTURE_H
#define TAPEGRAD_TESTS_GOLDEN_FIXTURE_H

#include "support.h"
#include <math.h>
#include <stdio.h>
#include <tapegrad/tapegrad.h>

enum { WORD_LENGTH = 64, MATRIX_LARGEST = 2400 };

typedef struct matrix {
    int64_t rows, cols;
    double  at[MATRIX_LARGEST];
} matrix;

typedef struct fixture {
    char       *text, *at;
    char        word[WORD_LENGTH];      /* that begins the line which is read next */
    const char *name;
} fixture;

/* The next line's first word; "" at the end. Lines that begin with # are remarks. */
static inline void next_word(fixture *f) {
    while (*f->at == '#' || *f->at == '\n') {
        const char *end = strchr(f->at, '\n');
        ck_assert_ptr_nonnull(end);
        f->at += end - f->at + 1;
    }
    const size_t length = strcspn(f->at, " \n");
    ck_assert_uint_lt(length, WORD_LENGTH);
    memcpy(f->word, f->at, length);
    f->word[length] = '\0';
    f->at += length;
}

static inline bool is_at(const fixture *f, const char *word) { return strcmp(f->word, word) == 0; }

static inline fixture open_fixture(const char *name) {
    const char *root = getenv("TAPEGRAD_SOURCE_ROOT");
    char        path[1024];
    snprintf(path, sizeof path, "%s/tests/golden/%s", root != NULL ? root : ".", name);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot read %s", path);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    const long size = ftell(file);
    ck_assert_int_gt(size, 0);
    rewind(file);
    fixture f = { .text = malloc((size_t)size + 1), .name = name };
    ck_assert_ptr_nonnull(f.text);
    ck_assert_uint_eq(fread(f.text, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    f.text[size] = '\0';
    f.at         = f.text;
    next_word(&f);
    return f;
}

static inline void close_fixture(fixture *f) { free(f->text); }

static inline double read_number(fixture *f) {
    char        *end;
    const double number = strtod(f->at, &end);
    ck_assert_msg(end != f->at, "%s: no number at \"%.30s\"", f->name, f->at);
    f->at = end;
    return number;
}

/* The rest of a line of words. */
static inline void read_text(fixture *f, char *text, size_t size) {
    while (*f->at == ' ') f->at++;
    const size_t length = strcspn(f->at, "\n");
    ck_assert_uint_lt(length, size);
    memcpy(text, f->at, length);
    text[length] = '\0';
    f->at += length;
    next_word(f);
}

static inline int read_numbers(fixture *f, double *numbers, int most) {
    const int count = (int)read_number(f);
    ck_assert_int_le(count, most);
    for (int k = 0; k < count; k++) numbers[k] = read_number(f);
    next_word(f);
    return count;
}

static inline void read_matrix(fixture *f, matrix *m) {
    m->rows = (int64_t)read_number(f);
    m->cols = (int64_t)read_number(f);
    ck_assert_int_le(m->rows * m->cols, MATRIX_LARGEST);
    for (int64_t e = 0; e < m->rows * m->cols; e++) m->at[e] = read_number(f);
    next_word(f);
}

/* A matrix that must come now. */
static inline void must_read(fixture *f, const char *word, matrix *m) {
    ck_assert_msg(is_at(f, word), "%s: \"%s\" where \"%s\" should be, before \"%.30s\"", f->name, f->word, word, f->at);
    read_matrix(f, m);
}

/* ---- comparing ---- */

static inline double largest_of(const double *at, int64_t count) {
    double largest = 0;
    for (int64_t e = 0; e < count; e++)
        if (isfinite(at[e])) largest = fmax(largest, fabs(at[e]));
    return largest;
}

/* The largest difference, relative to the largest element of what is expected, or to the size of the terms that it is the sum of, where that is
 * larger; infinite where one has a NaN or an infinity that the other has not. */
static inline double difference(const double *expected, const double *got, int64_t count, double terms) {
    const double size  = fmax(largest_of(expected, count), terms);
    double       worst = 0;
    for (int64_t e = 0; e < count; e++) {
        if (expected[e] == got[e] || (isnan(expected[e]) && isnan(got[e]))) continue;
        if (!isfinite(expected[e]) || !isfinite(got[e]) || size == 0) return INFINITY;
        worst = fmax(worst, fabs(expected[e] - got[e]) / size);
    }
    return worst;
}

#endif
