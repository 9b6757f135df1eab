/* test_csv.c - data sets from CSV files. */
#include "files.h"
#include <math.h>

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

static const tg_csv_options with_header = { .header = true };

/* ---- what is read ---- */

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

/* ---- what is refused ---- */

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

/* ---- memory ---- */

#define MANY 100      /* rows, so that every array grows more than once */

/* Row i: i, "odd" or "even", 10 i. */
static void write_many(bool zipped) {
    char   text[MANY * 16 + 32];
    size_t length = (size_t)snprintf(text, sizeof text, "size,kind,weight\n");
    for (int i = 0; i < MANY; i++) length += (size_t)snprintf(text + length, sizeof text - length, "%d,%s,%d\n", i, i % 2 ? "odd" : "even", 10 * i);
    write_file(zipped, path, text, length);
}

static tg_status load_many(void *context) {
    tg_dataset *data = tg_dataset_csv(path, context);
    tg_status status = tg_last_error(NULL);
    ck_assert_int_eq(status == TG_OK, data != NULL);
    if (data == NULL) return status;
    expect_shape(data, MANY, 2, 2);
    ck_assert_str_eq(tg_dataset_class_name(data, 0), "even");
    ck_assert_str_eq(tg_dataset_class_name(data, 1), "odd");
    for (int i = 0; i < MANY; i++) {
        ck_assert(tg_dataset_row(data, i)[0] == (float)i && tg_dataset_row(data, i)[1] == 10.0f * (float)i);
        ck_assert_int_eq(tg_dataset_label(data, i), i % 2);
    }
    tg_dataset_free(data);
    return TG_OK;
}

START_TEST(csv_labels_when_memory_runs_out) {
    tg_csv_options options = { .header = true, .label = "kind" };
    for (int zipped = 0; zipped < 2; zipped++) {
        write_many(zipped);
        let_each_allocation_fail(load_many, &options, zipped ? 20 : 18);
    }
}
END_TEST

/* Row i: i, 10 i. */
static tg_status load_targets(void *context) {
    tg_dataset *data = tg_dataset_csv(path, context);
    tg_status status = tg_last_error(NULL);
    ck_assert_int_eq(status == TG_OK, data != NULL);
    if (data == NULL) return status;
    expect_shape(data, MANY, 1, 0);
    for (int i = 0; i < MANY; i++) ck_assert(tg_dataset_row(data, i)[0] == (float)i && tg_dataset_target(data, i)[0] == 10.0f * (float)i);
    tg_dataset_free(data);
    return TG_OK;
}

START_TEST(csv_targets_when_memory_runs_out) {
    tg_csv_options options = { .target = "2" };
    char           text[MANY * 16];
    size_t         length = 0;
    for (int i = 0; i < MANY; i++) length += (size_t)snprintf(text + length, sizeof text - length, "%d,%d\n", i, 10 * i);
    write_bytes(path, text, length);
    let_each_allocation_fail(load_targets, &options, 14);
}
END_TEST

int main(void) {
    return RUN_IN_FOLDER("csv", csv_labels_are_the_last_column_sorted_by_bytes, csv_numeric_labels_are_sorted_by_value,
                         csv_columns_by_name_and_number, csv_quotes, csv_crlf_mark_and_empty_lines, csv_gzipped_in_two_members,
                         csv_numbers_are_rounded_once, csv_errors_name_line_and_column, csv_other_refusals,
                         csv_broken_gzip, csv_bomb_is_stopped_at_the_limit, csv_labels_when_memory_runs_out, csv_targets_when_memory_runs_out);
}
