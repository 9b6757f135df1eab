/* compiled.h - what the tests of passes share: what a step is compiled to, and what it gives with passes on and off. */
#ifndef TAPEGRAD_TESTS_PLAN_COMPILED_H
#define TAPEGRAD_TESTS_PLAN_COMPILED_H

#include "support.h"
#include "plan/planned.h"
#include <math.h>
#include <stdint.h>
#include <tapegrad/tapegrad.h>

enum { MOST_VALUES = 4096, MOST_TEXT = 1 << 16 };

/* Records a step and returns what is read. */
typedef tg_tensor (*record_fn)(tg_tape *tape);

/* The passes as tg_set_passes reads them. */
static inline uint64_t passes_of(const char *text) {
    char     sentence[512];
    uint64_t passes = 0;
    ck_assert_msg(tg_parse_passes(text, &passes, sentence, sizeof sentence) == TG_OK, "%s", sentence);
    return passes;
}

/* What the compiler lists: graphs behind the passes, groups, instructions. */
static inline const char *listing_of(record_fn record, tg_type type, const char *passes) {
    static char  text[MOST_TEXT];
    FILE        *file = tmpfile();
    tg_tape     *tape = tg_tape_new(&(tg_tape_options){ .type = type });
    tg_tensor    y    = record(tape);
    tg_plan_code code;
    ck_assert_ptr_nonnull(file);
    ck_assert_msg(tg_compile(tape, &y, 1, &(tg_compile_options){ .type = type, .passes = passes_of(passes), .listing = file }, &code) == TG_OK, "%s",
                  tape->sentence);
    tg_code_release(&code);
    tg_tape_free(tape);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

/* The part of a listing with that title. */
static inline const char *section_of(const char *listing, const char *title) {
    static char section[MOST_TEXT];
    char        heading[64];
    snprintf(heading, sizeof heading, "\n%s: ", title);
    const char *begin = strncmp(listing, heading + 1, strlen(heading) - 1) == 0 ? listing : strstr(listing, heading);
    ck_assert_msg(begin != NULL, "no %s in\n%s", title, listing);
    begin += *begin == '\n';
    const char *end = begin;
    do end = strchr(end, '\n') + 1;
    while (*end == ' ');
    snprintf(section, sizeof section, "%.*s", (int)(end - begin), begin);
    return section;
}

/* How often a word stands in a text. */
static inline int count_of(const char *text, const char *word) {
    int count = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += strlen(word)) count++;
    return count;
}

/* The value of a step, as double; returns how many elements. */
static inline int64_t value_of(record_fn record, tg_type type, const char *passes, double value[MOST_VALUES]) {
    tg_tape  *tape = tg_tape_new(&(tg_tape_options){ .type = type, .passes = passes });
    ck_assert_ptr_nonnull(tape);
    tg_tensor y = record(tape);
    ck_assert_msg(tg_run(y) == TG_OK, "%s: %s", passes, tape->sentence);
    const int64_t count = tg_rows(y) * tg_cols(y);
    ck_assert_int_le(count, MOST_VALUES);
    ck_assert_int_eq(tg_read_f64(y, value), TG_OK);
    tg_tape_free(tape);
    return count;
}

/* NaN is like NaN, 0 like -0; otherwise the difference counts, relative to the larger one where that is above 1. */
static inline bool is_near(double a, double b, double tolerance) {
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    return a == b || fabs(a - b) <= tolerance * fmax(1, fmax(fabs(a), fabs(b)));
}

static inline void expect_near(record_fn record, tg_type type, const char *on, const char *off, double tolerance) {
    static double x[MOST_VALUES], y[MOST_VALUES];
    const int64_t count = value_of(record, type, on, x);
    ck_assert_int_eq(value_of(record, type, off, y), count);
    for (int64_t i = 0; i < count; i++)
        ck_assert_msg(is_near(x[i], y[i], tolerance), "\"%s\" and \"%s\": element %d is %.17g and %.17g", on, off, (int)i, x[i], y[i]);
}

/* The bits, but for those of a NaN. */
static inline bool is_same(double a, double b) { return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0; }

static inline void expect_bits(record_fn record, tg_type type, const char *on, const char *off) {
    static double x[MOST_VALUES], y[MOST_VALUES];
    const int64_t count = value_of(record, type, on, x);
    ck_assert_int_eq(value_of(record, type, off, y), count);
    for (int64_t i = 0; i < count; i++)
        ck_assert_msg(is_same(x[i], y[i]), "\"%s\" and \"%s\": element %d is %a and %a", on, off, (int)i, x[i], y[i]);
}

#endif
