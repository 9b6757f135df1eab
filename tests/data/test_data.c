/* test_data.c - data sets from files and arrays, splits, batches, scaling. */
#include "support.h"
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tapegrad/data.h>
#include <unistd.h>
#include <zlib.h>

/* ---- files for the tests ---- */

static char folder[] = "/tmp/tapegrad-data-XXXXXX";
static char path[128], other[128];

static void set_up_folder(void) {
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a", folder);
    snprintf(other, sizeof other, "%s/b", folder);
}

static void tear_down_folder(void) {
    unlink(path);
    unlink(other);
    rmdir(folder);
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
    ck_assert_int_eq(tg_last_error(NULL), TG_OK);      /* no test leaves a failure behind */
}

static void write_bytes(const char *to, const void *bytes, size_t count) {
    FILE *file = fopen(to, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, count, file), count);
    fclose(file);
}

static void write_zipped(const char *to, const char *mode, const void *bytes, size_t count) {
    gzFile file = gzopen(to, mode);
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(gzwrite(file, bytes, (unsigned)count), (int)count);
    gzclose(file);
}

static size_t size_of(const char *file_path) {
    FILE *file = fopen(file_path, "rb");
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fclose(file);
    return (size_t)size;
}

static tg_dataset *csv(const char *text, const tg_csv_options *options) {
    write_bytes(path, text, strlen(text));
    return tg_dataset_csv(path, options);
}

static void expect_failure(tg_dataset *data, tg_status status, const char *words) {
    const char *sentence;
    ck_assert_ptr_null(data);
    tg_status got = tg_last_error(&sentence);
    ck_assert_msg(got == status, "%s instead of %s: %s", tg_status_name(got), tg_status_name(status), sentence);
    ck_assert_msg(strstr(sentence, words) != NULL, "\"%s\" does not contain \"%s\"", sentence, words);
}

static void expect_shape(const tg_dataset *data, int64_t rows, int64_t cols, int64_t classes) {
    const char *sentence = "";
    if (data == NULL) tg_last_error(&sentence);
    ck_assert_msg(data != NULL, "%s", sentence);
    ck_assert_int_eq(tg_dataset_rows(data), rows);
    ck_assert_int_eq(tg_dataset_cols(data), cols);
    ck_assert_int_eq(tg_dataset_classes(data), classes);
}

static const tg_csv_options with_header = { .header = true };

/* ---- CSV: what is read ---- */

START_TEST(csv_labels_are_the_last_column_sorted_by_bytes) {
    tg_dataset *data = csv("1,2.5,dog\n-3e2,.5,cat\n+4,5.,dog", NULL);
    expect_shape(data, 3, 2, 2);
    ck_assert_str_eq(tg_dataset_class_name(data, 0), "cat");
    ck_assert_str_eq(tg_dataset_class_name(data, 1), "dog");
    ck_assert_ptr_null(tg_dataset_class_name(data, 2));
    ck_assert(tg_dataset_row(data, 1)[0] == -300.0f && tg_dataset_row(data, 1)[1] == 0.5f && tg_dataset_row(data, 2)[1] == 5.0f);
    ck_assert(tg_dataset_label(data, 0) == 1 && tg_dataset_label(data, 1) == 0 && tg_dataset_label(data, 2) == 1);
    ck_assert(tg_dataset_label(data, 3) == -1 && tg_dataset_label(data, -1) == -1 && tg_dataset_target(data, 0) == NULL);
    tg_dataset_free(data);
}
END_TEST

START_TEST(csv_numeric_labels_are_sorted_by_value) {
    tg_dataset *data = csv("1,10\n1,9\n1,-1\n1,9.0\n", NULL);
    expect_shape(data, 4, 1, 3);
    ck_assert_str_eq(tg_dataset_class_name(data, 0), "-1");
    ck_assert_str_eq(tg_dataset_class_name(data, 1), "9");
    ck_assert_str_eq(tg_dataset_class_name(data, 2), "10");
    ck_assert(tg_dataset_label(data, 3) == 1);
    tg_dataset_free(data);
    data = csv("1,9007199254740993\n1,9007199254740992\n", NULL);
    expect_shape(data, 2, 1, 2);
    tg_dataset_free(data);
}
END_TEST

START_TEST(csv_columns_by_name_and_number) {
    const char *text = "kind,2,size\nx,1,2\ny,3,4\n";
    tg_dataset *data = csv(text, &(tg_csv_options){ .header = true, .label = "kind" });
    expect_shape(data, 2, 2, 2);
    ck_assert(tg_dataset_row(data, 1)[0] == 3.0f && tg_dataset_row(data, 1)[1] == 4.0f);
    tg_dataset_free(data);
    data = csv("x,1,2\ny,3,4\n", &(tg_csv_options){ .label = "1" });
    expect_shape(data, 2, 2, 2);
    tg_dataset_free(data);
    data = csv("7;1;2\n8;3;4\n", &(tg_csv_options){ .target = "2", .separator = ';' });
    expect_shape(data, 2, 2, 0);
    ck_assert_int_eq(tg_dataset_target_cols(data), 1);
    ck_assert(tg_dataset_target(data, 1)[0] == 3.0f && tg_dataset_row(data, 1)[1] == 4.0f && tg_dataset_label(data, 0) == -1);
    tg_dataset_free(data);
}
END_TEST

START_TEST(csv_quotes) {
    tg_dataset *data = csv("\"a \"\"quoted\"\" name\",\"l,\nx\"\n\"1\",\"two\nlines, and \"\"\"\n 2\t,b\n", &with_header);
    expect_shape(data, 2, 1, 2);
    ck_assert_str_eq(tg_dataset_class_name(data, 1), "two\nlines, and \"");
    ck_assert(tg_dataset_row(data, 0)[0] == 1.0f && tg_dataset_row(data, 1)[0] == 2.0f);
    tg_dataset_free(data);
}
END_TEST

START_TEST(csv_crlf_mark_and_empty_lines) {
    tg_dataset *data = csv("\xEF\xBB\xBFx,y\r\n1,a\r\n\r\n2,\"b\"\r\n\r\n", &(tg_csv_options){ .header = true, .target = "x", .label = NULL });
    expect_failure(data, TG_BAD_FILE, "line 2, column 2: \"a\"");      /* "x" was found behind the mark */
    data = csv("\xEF\xBB\xBFx,y\r\n1,a\r\n\r\n2,\"b\"\r\n\r\n", &with_header);
    expect_shape(data, 2, 1, 2);
    ck_assert_str_eq(tg_dataset_class_name(data, 0), "a");
    tg_dataset_free(data);
}
END_TEST

START_TEST(csv_gzipped_in_two_members) {
    write_zipped(path, "wb", "1,a\n2,", 6);
    write_zipped(path, "ab", "b\n", 2);
    tg_dataset *data = tg_dataset_csv(path, NULL);
    expect_shape(data, 2, 1, 2);
    tg_dataset_free(data);
}
END_TEST

START_TEST(csv_numbers_are_rounded_once) {
    /* Just above the middle between 1 and the next float; by way of double it would be the middle, and round down. */
    tg_dataset *data = csv("1.00000005960464477540,a\n1e-60,a\n16777217,a\n", NULL);
    expect_shape(data, 3, 1, 1);
    ck_assert(tg_dataset_row(data, 0)[0] == nextafterf(1.0f, 2.0f) && tg_dataset_row(data, 1)[0] == 0.0f);
    ck_assert(tg_dataset_row(data, 2)[0] == 16777216.0f);
    tg_dataset_free(data);
}
END_TEST

START_TEST(csv_ignores_the_locale) {
    static const char *const names[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8" };      /* with a decimal comma, where installed */
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (setlocale(LC_ALL, names[i]) != NULL) break;
    tg_dataset *data = csv("1.5,0.5\n2.5,1.5\n", NULL);
    setlocale(LC_ALL, "C");
    expect_shape(data, 2, 1, 2);
    ck_assert(tg_dataset_row(data, 0)[0] == 1.5f);
    tg_dataset_free(data);
}
END_TEST

/* ---- CSV: what is refused ---- */

START_TEST(csv_errors_name_line_and_column) {
    static const struct {
        const char *text, *words;
    } cases[] = {
        { "1,2,a\n1,x,a\n", "line 2, column 2: \"x\" is no finite number" },
        { "1,2,a\n\n1,,a\n", "line 3, column 2: \"\"" },
        { "nan,1,a\n", "line 1, column 1: \"nan\"" },
        { "1,-inf,a\n", "column 2: \"-inf\"" },
        { "1,1e39,a\n", "column 2: \"1e39\"" },
        { "1,0x10,a\n", "column 2: \"0x10\"" },
        { "1,1 2,a\n", "column 2: \"1 2\"" },
        { "1,.,a\n", "column 2: \".\"" },
        { "1,1e,a\n", "column 2: \"1e\"" },
        { "1,2,\n", "line 1, column 3: \"\" is no label" },
        { "1,2,a\n1,a\n", "line 2: 2 columns, and 3" },
        { "1,2,a\n1,2,3,a\n", "line 2: 4 columns, and 3" },
        { "1,2,a\n\"1\n\n,2,a\n", "line 2, column 1: a quote is not closed" },
        { "1,\"2\"3,a\n", "line 1, column 2: text behind" },
        { "1,2\"3\",a\n", "line 1, column 2: a quote inside" },
        { "1,2,a\r1,2,a\r", "line 1, column 3: a carriage return" },
        { "1\n2\n", "line 1: only one column" },
        { "\"1\n\",2,a\nx,2,a\n", "column 1: \"1\n\"" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) expect_failure(csv(cases[i].text, NULL), TG_BAD_FILE, cases[i].words);
    write_bytes(path, "1,2,a\n1,\0,a\n", 12);
    expect_failure(tg_dataset_csv(path, NULL), TG_BAD_FILE, "line 2, column 2: a byte is 0");
}
END_TEST

START_TEST(csv_other_refusals) {
    expect_failure(csv("", NULL), TG_NO_EXAMPLES, "no rows");
    expect_failure(csv("x,y\n", &with_header), TG_NO_EXAMPLES, "no rows");
    expect_failure(csv("x,y\n1,2\n", &(tg_csv_options){ .header = true, .label = "z" }), TG_UNKNOWN_NAME, "\"z\"");
    expect_failure(csv("1,2\n", &(tg_csv_options){ .label = "0" }), TG_UNKNOWN_NAME, "\"0\"");
    expect_failure(csv("1,2\n", &(tg_csv_options){ .target = "3" }), TG_UNKNOWN_NAME, "\"3\"");
    expect_failure(csv("1,2\n", &(tg_csv_options){ .target = "99999999999999999999999" }), TG_UNKNOWN_NAME, "among its 2");
    expect_failure(csv("1,2\n", &(tg_csv_options){ .target = "1", .label = "2" }), TG_BAD_ARGUMENT, "one is possible");
    expect_failure(csv("1,2\n", &(tg_csv_options){ .separator = '"' }), TG_BAD_ARGUMENT, "separator");
    expect_failure(csv("1,2\n1,2\n", &(tg_csv_options){ .max_bytes = 7 }), TG_TOO_LARGE, "limit of 7");
    expect_failure(tg_dataset_csv(NULL, NULL), TG_NULL_ARGUMENT, "path");
    expect_failure(tg_dataset_csv(folder, NULL), TG_CANNOT_READ, folder);
    expect_failure(tg_dataset_csv("/nowhere/x.csv", NULL), TG_CANNOT_READ, "/nowhere/x.csv");
}
END_TEST

START_TEST(csv_broken_gzip) {
    unsigned char bytes[256];
    write_zipped(path, "wb", "1,a\n2,b\n", 8);
    size_t size = size_of(path);
    FILE  *file = fopen(path, "rb");
    ck_assert_uint_eq(fread(bytes, 1, size, file), size);
    fclose(file);
    for (size_t cut = 2; cut < size; cut++) {
        write_bytes(path, bytes, cut);
        expect_failure(tg_dataset_csv(path, NULL), TG_BAD_FILE, path);
    }
    bytes[size] = 'x';
    write_bytes(path, bytes, size + 1);
    expect_failure(tg_dataset_csv(path, NULL), TG_BAD_FILE, path);
    bytes[size - 8] ^= 1;      /* the checksum */
    write_bytes(path, bytes, size);
    expect_failure(tg_dataset_csv(path, NULL), TG_BAD_FILE, "intact");
}
END_TEST

START_TEST(csv_bomb_is_stopped_at_the_limit) {
    static char many[1 << 20];
    memset(many, '1', sizeof many);
    write_zipped(path, "wb9", many, sizeof many);
    for (int i = 0; i < 15; i++) write_zipped(path, "ab9", many, sizeof many);
    ck_assert_uint_lt(size_of(path), 40000);
    expect_failure(tg_dataset_csv(path, &(tg_csv_options){ .max_bytes = 1 << 20 }), TG_TOO_LARGE, "limit");
}
END_TEST

/* ---- IDX ---- */

static const unsigned char images[] = { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 51, 255, 1, 2, 3 };
static const unsigned char labels[] = { 0, 0, 8, 1, 0, 0, 0, 2, 4, 0 };

static tg_dataset *idx(const void *image_bytes, size_t image_count, const void *label_bytes, size_t label_count, const tg_load_options *options) {
    write_bytes(path, image_bytes, image_count);
    write_bytes(other, label_bytes, label_count);
    return tg_dataset_idx(path, other, options);
}

START_TEST(idx_plain_and_gzipped) {
    for (int zipped = 0; zipped < 2; zipped++) {
        tg_dataset *data = idx(images, sizeof images, labels, sizeof labels, NULL);
        if (zipped) {
            tg_dataset_free(data);
            write_zipped(path, "wb", images, sizeof images);
            write_zipped(other, "wb", labels, sizeof labels);
            data = tg_dataset_idx(path, other, NULL);
        }
        expect_shape(data, 2, 3, 5);
        ck_assert(tg_dataset_row(data, 0)[1] == 51.0f / 255.0f && tg_dataset_row(data, 0)[2] == 1.0f && tg_dataset_row(data, 1)[0] == 1.0f / 255.0f);
        ck_assert(tg_dataset_label(data, 0) == 4 && tg_dataset_label(data, 1) == 0);
        tg_dataset_free(data);
    }
}
END_TEST

START_TEST(idx_truncated_and_trailing) {
    for (size_t cut = 0; cut < sizeof images; cut++) expect_failure(idx(images, cut, labels, sizeof labels, NULL), TG_BAD_FILE, path);
    for (size_t cut = 0; cut < sizeof labels; cut++) expect_failure(idx(images, sizeof images, labels, cut, NULL), TG_BAD_FILE, other);
    unsigned char longer[sizeof images + 1] = { 0 };
    memcpy(longer, images, sizeof images);
    expect_failure(idx(longer, sizeof longer, labels, sizeof labels, NULL), TG_BAD_FILE, "goes on");
    write_zipped(path, "wb", longer, sizeof longer);
    expect_failure(tg_dataset_idx(path, other, NULL), TG_BAD_FILE, "goes on");
    write_zipped(path, "wb", images, sizeof images - 1);
    expect_failure(tg_dataset_idx(path, other, NULL), TG_BAD_FILE, "too early");
}
END_TEST

START_TEST(idx_hostile_headers) {
    const unsigned char huge[]   = { 0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 };
    const unsigned char folded[] = { 0, 0, 8, 3, 128, 0, 0, 0, 128, 0, 0, 0, 0, 0, 0, 4, 1 };      /* 2^64 */
    const unsigned char empty[]  = { 0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 1 };
    const unsigned char thin[]   = { 0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 0 };
    const unsigned char floats[] = { 0, 0, 13, 1, 0, 0, 0, 1, 0, 0, 0, 0 };
    const unsigned char deep[]   = { 0, 0, 8, 200, 0, 0, 0, 1 };
    expect_failure(idx(huge, sizeof huge, labels, sizeof labels, NULL), TG_BAD_FILE, "claims");
    expect_failure(idx(folded, sizeof folded, labels, sizeof labels, NULL), TG_BAD_FILE, "claims");
    expect_failure(idx(empty, sizeof empty, labels, sizeof labels, NULL), TG_NO_EXAMPLES, "no rows");
    expect_failure(idx(thin, sizeof thin, labels, sizeof labels, NULL), TG_BAD_FILE, "size 0");
    expect_failure(idx(floats, sizeof floats, labels, sizeof labels, NULL), TG_UNSUPPORTED, "0x0d");
    expect_failure(idx(deep, sizeof deep, labels, sizeof labels, NULL), TG_BAD_FILE, "200 dimensions");
    expect_failure(idx("no IDX", 6, labels, sizeof labels, NULL), TG_BAD_FILE, "no IDX file");
    expect_failure(idx(images, sizeof images, images, sizeof images, NULL), TG_BAD_FILE, "dimensions");
    expect_failure(idx(images, sizeof images, labels, sizeof labels, &(tg_load_options){ .max_bytes = 23 }), TG_TOO_LARGE, "limit is 23");
    write_zipped(path, "wb", huge, sizeof huge);
    expect_failure(tg_dataset_idx(path, other, NULL), TG_BAD_FILE, "claims");
}
END_TEST

START_TEST(idx_bomb) {
    static unsigned char bomb[1 << 20] = { 0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 1 };      /* one element, then a megabyte */
    write_zipped(path, "wb9", bomb, sizeof bomb);
    write_bytes(other, labels, sizeof labels);
    expect_failure(tg_dataset_idx(path, other, NULL), TG_BAD_FILE, "goes on");
    const unsigned char honest[12] = { 0, 0, 8, 2, 0, 0, 255, 255, 0, 0, 0, 15 };     /* what the file holds, but above the cap */
    memcpy(bomb, honest, sizeof honest);
    write_zipped(path, "wb9", bomb, 12 + 65535 * 15);
    expect_failure(tg_dataset_idx(path, other, &(tg_load_options){ .max_bytes = 1 << 20 }), TG_TOO_LARGE, "limit");
    expect_failure(tg_dataset_idx(path, other, NULL), TG_BAD_FILE, "2 labels for 65535 images");
}
END_TEST

START_TEST(named_data_sets) {
    expect_failure(tg_dataset_load("mnist", NULL), TG_UNKNOWN_NAME, "fashion-mnist");
    expect_failure(tg_dataset_load(NULL, NULL), TG_NULL_ARGUMENT, "name");
    expect_failure(tg_dataset_idx(NULL, NULL, NULL), TG_NULL_ARGUMENT, "path");
    expect_failure(tg_dataset_load("fashion-mnist", &(tg_load_options){ .part = "dev" }), TG_BAD_ARGUMENT, "dev");
    expect_failure(tg_dataset_load("fashion-mnist", &(tg_load_options){ .folder = "/nowhere" }), TG_CANNOT_READ, "dataset-fashion-mnist");
    if (access("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz", R_OK) != 0) return;
    tg_dataset *data = tg_dataset_load("fashion-mnist", &(tg_load_options){ .part = "test" });
    expect_shape(data, 10000, 784, 10);
    ck_assert_str_eq(tg_dataset_class_name(data, 9), "Ankle boot");
    ck_assert_int_eq(tg_dataset_label(data, 0), 9);
    tg_dataset_free(data);
}
END_TEST

/* ---- own arrays ---- */

#define ROWS 10
static float   own_x[ROWS * 2];       /* row i: i, -i */
static int32_t own_labels[ROWS];      /* i % 3 */
static float   own_targets[ROWS];     /* 10 i */

static void fill_own(void) {
    for (int i = 0; i < ROWS; i++) {
        own_x[2 * i]     = (float)i;
        own_x[2 * i + 1] = (float)-i;
        own_labels[i]    = i % 3;
        own_targets[i]   = 10.0f * (float)i;
    }
}

static tg_dataset *own(void) {
    fill_own();
    return tg_dataset_of_labels(own_x, ROWS, 2, own_labels);
}

START_TEST(own_arrays_are_borrowed) {
    tg_dataset *data = own();
    expect_shape(data, ROWS, 2, 3);
    ck_assert_ptr_eq(tg_dataset_row(data, 1), own_x + 2);
    ck_assert_ptr_null(tg_dataset_class_name(data, 0));
    tg_dataset_free(data);
    data = tg_dataset_of_targets(own_x, ROWS, 2, own_targets, 1);
    expect_shape(data, ROWS, 2, 0);
    ck_assert_ptr_eq(tg_dataset_target(data, 2), own_targets + 2);
    tg_dataset_free(data);
}
END_TEST

START_TEST(own_arrays_refused) {
    int32_t bad[1] = { -1 };
    expect_failure(tg_dataset_of_labels(NULL, 1, 1, own_labels), TG_NULL_ARGUMENT, "NULL");
    expect_failure(tg_dataset_of_targets(own_x, 1, 1, NULL, 1), TG_NULL_ARGUMENT, "NULL");
    expect_failure(tg_dataset_of_labels(own_x, 0, 1, own_labels), TG_NO_EXAMPLES, "no rows");
    expect_failure(tg_dataset_of_labels(own_x, -1, 1, own_labels), TG_BAD_ARGUMENT, "[-1, 1]");
    expect_failure(tg_dataset_of_labels(own_x, 1, 0, own_labels), TG_BAD_ARGUMENT, "[1, 0]");
    expect_failure(tg_dataset_of_labels(own_x, INT64_MAX, INT64_MAX, own_labels), TG_TOO_LARGE, "too large");
    expect_failure(tg_dataset_of_labels(own_x, 1, 1, bad), TG_OUT_OF_RANGE, "negative");
}
END_TEST

START_TEST(null_is_tolerated) {
    tg_dataset *a, *b;
    tg_batch    batch;
    tg_dataset_free(NULL);
    ck_assert(tg_dataset_rows(NULL) == 0 && tg_dataset_cols(NULL) == 0 && tg_dataset_classes(NULL) == 0 && tg_dataset_target_cols(NULL) == 0);
    ck_assert(tg_dataset_class_name(NULL, 0) == NULL && tg_dataset_row(NULL, 0) == NULL && tg_dataset_label(NULL, 0) == -1);
    ck_assert(tg_dataset_target(NULL, 0) == NULL && tg_dataset_begin(NULL, NULL) == TG_NULL_ARGUMENT);
    ck_assert(!tg_next_batch(NULL, &batch) && tg_dataset_split(NULL, 0.5, NULL, &a, &b) == TG_NULL_ARGUMENT);
    ck_assert(tg_scaler_fit((tg_scaler){ NULL, NULL }, NULL) == TG_NULL_ARGUMENT && tg_add_scaler(NULL, "s", 1).mean == NULL);
    ck_assert_int_eq(tg_last_error(NULL), TG_NULL_ARGUMENT);
}
END_TEST

/* ---- splits ---- */

START_TEST(split_parts_cover_all_rows_and_outlive_the_whole) {
    tg_dataset *first, *second, *data = csv("0,a\n1,b\n2,a\n3,b\n4,a\n5,b\n6,a\n7,b\n8,a\n9,b\n", NULL);
    ck_assert_int_eq(tg_dataset_split(data, 0.25, &(tg_split_options){ .seed = 3 }, &first, &second), TG_OK);
    tg_dataset_free(data);
    expect_shape(first, 7, 1, 2);      /* round(2.5) = 3 */
    expect_shape(second, 3, 1, 2);
    unsigned seen = 0;
    for (int64_t row = 0; row < 10; row++) {
        const tg_dataset *part  = row < 7 ? first : second;
        int               value = (int)tg_dataset_row(part, row % 7)[0];
        ck_assert_int_eq(tg_dataset_label(part, row % 7), value % 2);
        seen |= 1u << value;
    }
    ck_assert_uint_eq(seen, 1023u);
    tg_dataset_free(first);
    ck_assert_str_eq(tg_dataset_class_name(second, 1), "b");
    tg_dataset_free(second);
}
END_TEST

START_TEST(split_in_order_and_of_a_split) {
    tg_dataset *first, *second, *third, *fourth, *data = own();
    ck_assert_int_eq(tg_dataset_split(data, 0.4, &(tg_split_options){ .in_order = true }, &first, &second), TG_OK);
    ck_assert(tg_dataset_row(first, 5)[0] == 5.0f && tg_dataset_row(second, 0)[0] == 6.0f);
    ck_assert_int_eq(tg_dataset_split(second, 0.5, &(tg_split_options){ .in_order = true }, &third, &fourth), TG_OK);
    ck_assert(tg_dataset_rows(fourth) == 2 && tg_dataset_row(fourth, 0)[0] == 8.0f);
    tg_batch batch;
    ck_assert(tg_next_batch(fourth, &batch) && batch.rows == 2 && batch.x[2] == 9.0f && batch.y[1] == 0);
    tg_dataset_free(data), tg_dataset_free(first), tg_dataset_free(second), tg_dataset_free(third), tg_dataset_free(fourth);
}
END_TEST

START_TEST(split_refused) {
    tg_dataset *first, *second, *data = own();
    ck_assert_int_eq(tg_dataset_split(data, 0.01, NULL, &first, &second), TG_NO_EXAMPLES);
    ck_assert(first == NULL && second == NULL && tg_last_error(NULL) == TG_NO_EXAMPLES);
    ck_assert_int_eq(tg_dataset_split(data, 1.0, NULL, &first, &second), TG_NO_EXAMPLES);
    tg_last_error(NULL);
    ck_assert_int_eq(tg_dataset_split(data, (double)NAN, NULL, &first, &second), TG_BAD_ARGUMENT);
    ck_assert_int_eq(tg_last_error(NULL), TG_BAD_ARGUMENT);
    tg_dataset_free(data);
}
END_TEST

/* ---- batches ---- */

/* The first inputs of an epoch in their order; every batch is checked on the way. */
static void read_epoch(tg_dataset *data, int64_t batch_rows, int order[ROWS]) {
    tg_batch batch;
    int      at = 0;
    while (tg_next_batch(data, &batch)) {
        ck_assert_int_eq(batch.rows, at + batch_rows <= ROWS ? batch_rows : ROWS - at);
        for (int64_t i = 0; i < batch.rows; i++, at++) {
            order[at] = (int)batch.x[2 * i];
            ck_assert(batch.x[2 * i + 1] == -batch.x[2 * i]);
            if (batch.y != NULL) ck_assert_int_eq(batch.y[i], order[at] % 3);
            else ck_assert(batch.targets[i] == 10.0f * batch.x[2 * i]);
        }
    }
    ck_assert(at == ROWS && batch.rows == 0 && batch.x == NULL);
}

START_TEST(batches_in_order) {
    tg_dataset *data = own();
    int         order[ROWS];
    ck_assert_int_eq(tg_dataset_begin(data, &(tg_epoch_options){ .batch = 4 }), TG_OK);
    for (int epoch = 0; epoch < 2; epoch++) {
        read_epoch(data, 4, order);
        for (int i = 0; i < ROWS; i++) ck_assert_int_eq(order[i], i);
    }
    tg_dataset_free(data);
}
END_TEST

START_TEST(batches_shuffled_by_seed_and_epoch_alone) {
    tg_dataset *data = own(), *fresh = tg_dataset_of_targets(own_x, ROWS, 2, own_targets, 1);
    int         zero[ROWS], one[ROWS], again[ROWS];
    ck_assert_int_eq(tg_dataset_begin(data, &(tg_epoch_options){ .batch = 3, .shuffle = true, .seed = 7 }), TG_OK);
    read_epoch(data, 3, zero);
    read_epoch(data, 3, one);
    ck_assert_int_ne(memcmp(zero, one, sizeof one), 0);
    ck_assert_int_eq(tg_dataset_begin(fresh, &(tg_epoch_options){ .batch = 5, .shuffle = true, .seed = 7, .epoch = 1 }), TG_OK);
    read_epoch(fresh, 5, again);
    ck_assert_int_eq(memcmp(again, one, sizeof one), 0);
    tg_dataset_free(data), tg_dataset_free(fresh);
}
END_TEST

START_TEST(a_failed_begin_gives_no_batches) {
    tg_dataset *data = own();
    tg_batch    batch;
    ck_assert_int_eq(tg_dataset_begin(data, &(tg_epoch_options){ .batch = -1 }), TG_BAD_ARGUMENT);
    ck_assert_int_eq(tg_last_error(NULL), TG_BAD_ARGUMENT);
    ck_assert(!tg_next_batch(data, &batch));
    ck_assert_int_eq(tg_dataset_begin(data, NULL), TG_OK);
    ck_assert(tg_next_batch(data, &batch) && batch.rows == ROWS);
    tg_dataset_free(data);
}
END_TEST

/* ---- memory ---- */

/* Fails from the allocation on whose number stands in *context. */
static void *limited(void *context, void *pointer, size_t old_size, size_t new_size, size_t alignment) {
    int *left = context;
    if (new_size == 0) return free(pointer), NULL;
    if (--*left < 0) return NULL;
    void *fresh = aligned_alloc(alignment, (new_size + alignment - 1) / alignment * alignment);
    if (fresh != NULL && pointer != NULL) memcpy(fresh, pointer, old_size < new_size ? old_size : new_size);
    if (fresh != NULL) free(pointer);
    return fresh;
}

/* Everything once; false: something failed. */
static bool use_all(void) {
    tg_batch    batch;
    tg_dataset *first = NULL, *second = NULL, *data = tg_dataset_csv(path, NULL), *pictures = tg_dataset_idx(other, other, NULL);
    bool        done = data != NULL && tg_dataset_split(data, 0.5, NULL, &first, &second) == TG_OK && tg_next_batch(first, &batch);
    const char *sentence;
    if (tg_last_error(&sentence) == TG_OUT_OF_MEMORY) done = false;      /* otherwise: other holds no images */
    tg_dataset_free(data), tg_dataset_free(pictures), tg_dataset_free(first), tg_dataset_free(second);
    return done;
}

START_TEST(every_allocation_may_fail) {
    int left = 0, failing = 0;
    write_zipped(path, "wb", "1,a\n2,b\n3,c\n4,d\n", 16);
    write_zipped(other, "wb", labels, sizeof labels);
    ck_assert_int_eq(tg_set_allocator(limited, &left), TG_OK);
    for (bool done = false; !done; failing++) {
        left = failing;
        done = use_all();
    }
    ck_assert_int_gt(failing, 10);
    ck_assert_int_eq(tg_set_allocator(NULL, NULL), TG_OK);      /* nothing is held */
}
END_TEST

START_TEST(later_epochs_allocate_nothing) {
    int left = INT32_MAX, order[ROWS];
    ck_assert_int_eq(tg_set_allocator(limited, &left), TG_OK);
    tg_dataset *data = own();
    ck_assert_int_eq(tg_dataset_begin(data, &(tg_epoch_options){ .batch = 3, .shuffle = true }), TG_OK);
    read_epoch(data, 3, order);
    left = 0;
    read_epoch(data, 3, order);
    ck_assert_int_eq(tg_dataset_begin(data, &(tg_epoch_options){ .batch = 2, .shuffle = true }), TG_OK);
    read_epoch(data, 2, order);
    tg_dataset_free(data);
    ck_assert_int_eq(tg_set_allocator(NULL, NULL), TG_OK);
}
END_TEST

/* ---- scaling ---- */

START_TEST(scaler_fits_and_leaves_constant_columns) {
    const float   x[] = { 1e6f + 1, 0.1f, 1e6f + 3, 0.1f, 1e6f + 5, 0.1f };
    const int32_t y[] = { 0, 0, 0 };
    double        mean[2], scale[2];
    tg_params    *params = tg_params_new(1, NULL);
    tg_dataset   *data   = tg_dataset_of_labels(x, 3, 2, y);
    tg_scaler     scaler = tg_add_scaler(params, "in", 2);
    ck_assert_ptr_eq(scaler.mean, tg_variable_find(params, "in/mean"));
    ck_assert(tg_variable_is_state(scaler.scale) && tg_variable_file_layout(scaler.scale) == TG_FILE_VECTOR);
    ck_assert_int_eq(tg_variable_read_f64(scaler.scale, scale), TG_OK);
    ck_assert(scale[0] == 1.0 && scale[1] == 1.0);
    ck_assert_int_eq(tg_scaler_fit(scaler, data), TG_OK);
    ck_assert(tg_variable_read_f64(scaler.mean, mean) == TG_OK && tg_variable_read_f64(scaler.scale, scale) == TG_OK);
    ck_assert(mean[0] == 1e6 + 3 && mean[1] == (double)0.1f && scale[1] == 1.0);
    ck_assert_double_eq_tol(scale[0], 1.0 / sqrt(8.0 / 3.0), 1e-7);
    tg_dataset_free(data);
    tg_params_free(params);
}
END_TEST

START_TEST(scaler_refusals) {
    const float   x[] = { 1, INFINITY };
    const int32_t y[] = { 0 };
    tg_params    *params = tg_params_new(1, NULL);
    tg_dataset   *data   = tg_dataset_of_labels(x, 1, 2, y);
    tg_scaler     scaler = tg_add_scaler(params, "in", 2), narrow = tg_add_scaler(params, "narrow", 1);
    ck_assert_int_eq(tg_scaler_fit(scaler, data), TG_NOT_FINITE);
    ck_assert_int_eq(tg_last_error(NULL), TG_NOT_FINITE);
    ck_assert_int_eq(tg_scaler_fit(narrow, data), TG_SHAPE_MISMATCH);
    ck_assert_int_eq(tg_last_error(NULL), TG_SHAPE_MISMATCH);
    ck_assert_ptr_null(tg_add_scaler(params, "in", 2).mean);
    ck_assert_int_eq(tg_last_error(NULL), TG_NAME_TAKEN);
    tg_dataset_free(data);
    tg_params_free(params);
}
END_TEST

START_TEST(scaler_forward_standardises) {
    double     out[ROWS * 2], sum = 0, squares = 0;
    tg_params *params = tg_params_new(1, NULL);
    tg_tape   *tape   = tg_tape_new(NULL);
    tg_dataset *data  = own();
    tg_scaler  scaler = tg_add_scaler(params, "in", 2);
    ck_assert_int_eq(tg_scaler_fit(scaler, data), TG_OK);
    tg_tensor y = tg_scaler_forward(scaler, tg_input(tape, own_x, ROWS, 2));
    ck_assert_msg(tg_run(y) == TG_OK && tg_read_f64(y, out) == TG_OK, "%s", tg_tape_error(tape));
    for (int i = 0; i < ROWS; i++) {
        sum += out[2 * i];
        squares += out[2 * i] * out[2 * i];
    }
    ck_assert_double_eq_tol(sum, 0.0, 1e-5);
    ck_assert_double_eq_tol(squares, (double)ROWS, 1e-4);
    tg_dataset_free(data);
    tg_tape_free(tape);
    tg_params_free(params);
}
END_TEST

static void add_case(Suite *suite, const char *name, const TTest *const tests[], size_t count) {
    TCase *group = tcase_create(name);
    tcase_add_checked_fixture(group, set_up_folder, tear_down_folder);
    for (size_t i = 0; i < count; i++) tcase_add_test(group, tests[i]);
    suite_add_tcase(suite, group);
}

#define ADD_CASE(suite, name, tests) add_case(suite, name, tests, sizeof(tests) / sizeof((tests)[0]))

int main(void) {
    const TTest *const csv_tests[]   = { csv_labels_are_the_last_column_sorted_by_bytes, csv_numeric_labels_are_sorted_by_value,
                                         csv_columns_by_name_and_number, csv_quotes, csv_crlf_mark_and_empty_lines, csv_gzipped_in_two_members,
                                         csv_numbers_are_rounded_once, csv_ignores_the_locale, csv_errors_name_line_and_column,
                                         csv_other_refusals, csv_broken_gzip, csv_bomb_is_stopped_at_the_limit };
    const TTest *const idx_tests[]   = { idx_plain_and_gzipped, idx_truncated_and_trailing, idx_hostile_headers, idx_bomb, named_data_sets };
    const TTest *const own_tests[]   = { own_arrays_are_borrowed, own_arrays_refused, null_is_tolerated };
    const TTest *const split_tests[] = { split_parts_cover_all_rows_and_outlive_the_whole, split_in_order_and_of_a_split, split_refused };
    const TTest *const batch_tests[] = { batches_in_order, batches_shuffled_by_seed_and_epoch_alone, a_failed_begin_gives_no_batches };
    const TTest *const scale_tests[] = { scaler_fits_and_leaves_constant_columns, scaler_refusals, scaler_forward_standardises };
    const TTest *const memory_tests[] = { every_allocation_may_fail, later_epochs_allocate_nothing };
    Suite             *suite         = suite_create("data");
    ADD_CASE(suite, "csv", csv_tests);
    ADD_CASE(suite, "idx", idx_tests);
    ADD_CASE(suite, "own", own_tests);
    ADD_CASE(suite, "split", split_tests);
    ADD_CASE(suite, "batch", batch_tests);
    ADD_CASE(suite, "memory", memory_tests);
    ADD_CASE(suite, "scale", scale_tests);
    return run_suite(suite);
}
