/* files.h - what the tests of data share: a folder of temporary files, and what is expected of the data sets read from them. */
#ifndef TAPEGRAD_TESTS_DATA_FILES_H
#define TAPEGRAD_TESTS_DATA_FILES_H

#include "support.h"
#include <ftw.h>
#include <stdio.h>
#include <tapegrad/data.h>
#include <unistd.h>
#include <zlib.h>

/* ---- the folder: made before each test and removed with all that is in it ---- */

static char folder[] = "/tmp/tapegrad-data-XXXXXX";
static char path[128], other[128];      /* two names in it */

static inline bool make_folder(void) {
    if (mkdtemp(folder) == NULL) return false;
    snprintf(path, sizeof path, "%s/a", folder);
    snprintf(other, sizeof other, "%s/b", folder);
    return true;
}

static inline int remove_entry(const char *entry, const struct stat *about, int kind, struct FTW *place) {
    (void)about, (void)kind, (void)place;
    return remove(entry);
}

static inline bool remove_folder(void) {
    const bool removed = nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS) == 0;
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
    return removed;
}

static inline void set_up_folder(void) { ck_assert(make_folder()); }

static inline void tear_down_folder(void) {
    ck_assert(remove_folder());
    ck_assert_int_eq(tg_last_error(NULL), TG_OK);      /* no test leaves a failure behind */
}

static inline int run_in_folder(const char *name, const TTest *const tests[], size_t count) {
    Suite *suite = suite_create(name);
    TCase *cases = tcase_create(name);
    tcase_set_timeout(cases, 300);
    tcase_add_checked_fixture(cases, set_up_folder, tear_down_folder);
    suite_add_tcase(suite, cases);
    for (size_t i = 0; i < count; i++) tcase_add_test(cases, tests[i]);
    return run_suite(suite);
}

/* RUN_TESTS for tests that need the folder. */
#define RUN_IN_FOLDER(name, ...) \
    run_in_folder(name, (const TTest *const[]){ __VA_ARGS__ }, sizeof((const TTest *const[]){ __VA_ARGS__ }) / sizeof(const TTest *))

/* ---- files ---- */

static inline void write_bytes(const char *to, const void *bytes, size_t count) {
    FILE *file = fopen(to, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, count, file), count);
    fclose(file);
}

static inline void write_zipped(const char *to, const char *mode, const void *bytes, size_t count) {
    gzFile file = gzopen(to, mode);
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(gzwrite(file, bytes, (unsigned)count), (int)count);
    gzclose(file);
}

static inline void write_file(bool zipped, const char *to, const void *bytes, size_t count) {
    if (zipped) write_zipped(to, "wb", bytes, count);
    else write_bytes(to, bytes, count);
}

/* ---- expectations ---- */

static inline void expect_failure(tg_dataset *data, tg_status status, const char *words) {
    const char *sentence;
    ck_assert_ptr_null(data);
    tg_status got = tg_last_error(&sentence);
    ck_assert_msg(got == status, "%s instead of %s: %s", tg_status_name(got), tg_status_name(status), sentence);
    ck_assert_msg(strstr(sentence, words) != NULL, "\"%s\" does not contain \"%s\"", sentence, words);
}

static inline void expect_shape(const tg_dataset *data, int64_t rows, int64_t cols, int64_t classes) {
    const char *sentence = "";
    if (data == NULL) tg_last_error(&sentence);
    ck_assert_msg(data != NULL, "%s", sentence);
    ck_assert_int_eq(tg_dataset_rows(data), rows);
    ck_assert_int_eq(tg_dataset_cols(data), cols);
    ck_assert_int_eq(tg_dataset_classes(data), classes);
}

#endif
