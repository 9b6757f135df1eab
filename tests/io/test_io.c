/* test_io.c - saving and loading parameters: exact, all or nothing, and safe with any file whatever. */
#include <tapegrad/io.h>

#include "support.h"
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], path[96];

static void make_folder(void) {
    strcpy(folder, "/tmp/tapegrad-io-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chmod(folder, 0755), 0);
    snprintf(path, sizeof path, "%s/file", folder);
}

/* That rmdir succeeds also says that no temporary file was left. */
static void remove_folder(void) {
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0);
}

/* ---- files ---- */

static void write_bytes(const void *bytes, size_t count) {
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, count, file), count);
    ck_assert_int_eq(fclose(file), 0);
}

static size_t read_file(unsigned char *bytes, size_t most) {
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    size_t count = fread(bytes, 1, most, file);
    ck_assert_int_eq(fclose(file), 0);
    return count;
}

/* A file with this header and so many bytes of data, 0, 1, 2, ... */
static void write_with_header(const char *header, size_t data_bytes) {
    unsigned char bytes[2048] = { 0 };
    size_t length = strlen(header);
    ck_assert_uint_le(8 + length + data_bytes, sizeof bytes);
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)length >> (8 * i));
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < data_bytes; i++) bytes[8 + length + i] = (unsigned char)i;
    write_bytes(bytes, 8 + length + data_bytes);
}

/* ---- params ---- */

static void add(tg_params *params, const char *name, int64_t rows, int64_t cols, tg_file_layout layout, bool state) {
    tg_variable_options options = { .init = TG_NORMAL, .state = state, .file = layout };
    ck_assert_ptr_nonnull(tg_variable_new(params, name, rows, cols, &options));
}

static tg_params *new_params(tg_type type, uint64_t seed) {
    tg_params_options options = { .type = type };
    tg_params *params = tg_params_new(seed, &options);
    ck_assert_ptr_nonnull(params);
    add(params, "net/weight", 2, 3, TG_FILE_TRANSPOSED, false);
    add(params, "net/bias", 1, 3, TG_FILE_VECTOR, false);
    add(params, "as \"is\" \xc3\xa9", 3, 2, TG_FILE_AS_IS, false);
    add(params, "mean", 1, 1, TG_FILE_VECTOR, true);
    return params;
}

enum { MOST_VALUES = 16 };

/* Every value of all variables as bits of double. */
static size_t values_of(const tg_params *params, double values[MOST_VALUES]) {
    size_t count = 0;
    for (int i = 0; i < tg_variable_count(params); i++) {
        const tg_variable *variable = tg_variable_at(params, i);
        ck_assert_int_eq(tg_variable_read_f64(variable, values + count), TG_OK);
        count += (size_t)(tg_variable_shape(variable).rows * tg_variable_shape(variable).cols);
        ck_assert_uint_le(count, MOST_VALUES);
    }
    return count;
}

static void assert_same(const tg_params *a, const tg_params *b) {
    double x[MOST_VALUES], y[MOST_VALUES];
    size_t count = values_of(a, x);
    ck_assert_uint_eq(count, values_of(b, y));
    ck_assert_mem_eq(x, y, count * sizeof *x);
}

/* Loading must give this status, change nothing if it fails, and name the file. */
static void assert_load(tg_params *params, const tg_load_params_options *options, tg_status expected, const char *named) {
    double before[MOST_VALUES], after[MOST_VALUES];
    const char *sentence = "";
    size_t    count  = values_of(params, before);
    tg_status status = tg_params_load(params, path, options);
    tg_status kept   = tg_last_error(&sentence);
    ck_assert_msg(status == expected, "%s, not %s: %s", tg_status_name(status), tg_status_name(expected), sentence);
    ck_assert_int_eq(kept, expected);
    if (status == TG_OK) return;
    ck_assert_msg(strstr(sentence, path) != NULL && strstr(sentence, named) != NULL, "%s", sentence);
    values_of(params, after);
    ck_assert_mem_eq(before, after, count * sizeof *before);
}

/* ---- round trips ---- */

START_TEST(round_trip_keeps_every_bit) {
    tg_type    type = _i == 0 ? TG_F32 : TG_F64;
    tg_params *a = new_params(type, 1), *b = new_params(type, 2);
    double     odd[6] = { -0.0, (double)INFINITY, -(double)INFINITY, (double)NAN, 1e-42, 1.0 / 3.0 };
    ck_assert_int_eq(tg_variable_write_f64(tg_variable_find(a, "net/weight"), odd), TG_OK);
    ck_assert_int_eq(tg_params_save(a, path), TG_OK);
    ck_assert_int_eq(tg_params_load(b, path, NULL), TG_OK);
    assert_same(a, b);
    tg_params_free(a);
    tg_params_free(b);
}
END_TEST

START_TEST(types_convert) {
    tg_params *single = new_params(TG_F32, 1), *wide = new_params(TG_F64, 2), *back = new_params(TG_F32, 3);
    ck_assert_int_eq(tg_params_save(single, path), TG_OK);
    ck_assert_int_eq(tg_params_load(wide, path, NULL), TG_OK);
    assert_same(single, wide);
    double third[3] = { 1.0 / 3.0, 1e300, -1e-300 };
    ck_assert_int_eq(tg_variable_write_f64(tg_variable_find(wide, "net/bias"), third), TG_OK);
    ck_assert_int_eq(tg_params_save(wide, path), TG_OK);
    ck_assert_int_eq(tg_params_load(back, path, NULL), TG_OK);
    float rounded[3];
    ck_assert_int_eq(tg_variable_read(tg_variable_find(back, "net/bias"), rounded), TG_OK);
    ck_assert(rounded[0] == (float)(1.0 / 3.0) && isinf(rounded[1]) && rounded[2] == 0);
    tg_params_free(single);
    tg_params_free(wide);
    tg_params_free(back);
}
END_TEST

START_TEST(the_file_is_as_specified) {
    tg_params *params = tg_params_new(1, NULL);
    float      weight[6] = { 1, 2, 3, 4, 5, 6 }, bias[2] = { 7, 8 };
    add(params, "w", 2, 3, TG_FILE_TRANSPOSED, false);
    add(params, "a", 2, 3, TG_FILE_AS_IS, false);
    add(params, "b", 1, 2, TG_FILE_VECTOR, false);
    ck_assert_int_eq(tg_variable_write(tg_variable_find(params, "w"), weight), TG_OK);
    ck_assert_int_eq(tg_variable_write(tg_variable_find(params, "a"), weight), TG_OK);
    ck_assert_int_eq(tg_variable_write(tg_variable_find(params, "b"), bias), TG_OK);
    ck_assert_int_eq(tg_params_save(params, path), TG_OK);
    const char header[] = "{\"__metadata__\":{\"tapegrad.version\":\"" TG_VERSION_STRING "\"},"
                          "\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
                          "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,32]},"
                          "\"w\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[32,56]}}";
    const unsigned char data[] = { 1, 2, 3, 4, 5, 6, 7, 8, 1, 4, 2, 5, 3, 6 };
    unsigned char bytes[1024];
    size_t count = read_file(bytes, sizeof bytes), padded = (strlen(header) + 7) / 8 * 8;
    ck_assert_uint_eq(count, 8 + padded + 56);
    ck_assert_uint_eq(bytes[0] + 256u * bytes[1], padded);
    ck_assert_mem_eq(bytes + 8, header, strlen(header));
    for (size_t i = strlen(header); i < padded; i++) ck_assert_int_eq(bytes[8 + i], ' ');
    for (size_t i = 0; i < sizeof data; i++) {    /* the hosts that run this test are little-endian or fail here, as they should */
        const unsigned char *from = bytes + 8 + padded + 4 * i;
        uint32_t bits = (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
        float    value;
        memcpy(&value, &bits, sizeof value);
        ck_assert(value == (float)data[i]);
    }
    tg_params_free(params);
}
END_TEST

START_TEST(no_variables_make_a_file_too) {
    tg_params *params = tg_params_new(1, NULL);
    ck_assert_int_eq(tg_params_save(params, path), TG_OK);
    ck_assert_int_eq(tg_params_load(params, path, NULL), TG_OK);
    tg_params_free(params);
}
END_TEST

/* ---- names, shapes, limits ---- */

static tg_params *one_variable(void) {
    tg_params *params = tg_params_new(1, NULL);
    add(params, "x", 1, 2, TG_FILE_VECTOR, false);
    return params;
}

START_TEST(missing_and_extra) {
    tg_params *small = one_variable(), *large = one_variable();
    add(large, "extra", 2, 2, TG_FILE_AS_IS, false);
    double before[MOST_VALUES], after[MOST_VALUES];
    float  values[2] = { 5, 6 };
    ck_assert_int_eq(tg_variable_write(tg_variable_find(small, "x"), values), TG_OK);
    ck_assert_int_eq(tg_params_save(small, path), TG_OK);
    values_of(large, before);
    assert_load(large, NULL, TG_UNKNOWN_NAME, "\"extra\"");
    assert_load(large, &(tg_load_params_options){ .allow_extra = true }, TG_UNKNOWN_NAME, "\"extra\"");
    assert_load(large, &(tg_load_params_options){ .allow_missing = true }, TG_OK, "");
    values_of(large, after);
    ck_assert(after[0] == 5.0 && after[1] == 6.0);
    ck_assert_mem_eq(before + 2, after + 2, 4 * sizeof *before);
    values[0] = 9;
    ck_assert_int_eq(tg_variable_write(tg_variable_find(large, "x"), values), TG_OK);
    ck_assert_int_eq(tg_params_save(large, path), TG_OK);
    assert_load(small, NULL, TG_UNKNOWN_NAME, "\"extra\"");
    assert_load(small, &(tg_load_params_options){ .allow_missing = true }, TG_UNKNOWN_NAME, "\"extra\"");
    assert_load(small, &(tg_load_params_options){ .allow_extra = true }, TG_OK, "");
    values_of(small, after);
    ck_assert(after[0] == 9.0);
    tg_params_free(small);
    tg_params_free(large);
}
END_TEST

/* A checkpoint of other programs counts steps in integers. */
START_TEST(extra_tensors_of_other_types_are_skipped) {
    static const char *const dtype[] = { "I64", "F64", "BF16", "BOOL", "U8" };
    static const int         bytes[] = { 8, 8, 2, 1, 1 };
    tg_params *params = one_variable();
    for (int i = 0; i < 5; i++) {
        char header[200];
        snprintf(header, sizeof header, "{\"count\":{\"dtype\":\"%s\",\"shape\":[],\"data_offsets\":[0,%d]},\"x\":{\"dtype\":\"F32\",\"shape\":[2],"
                 "\"data_offsets\":[%d,%d]}}", dtype[i], bytes[i], bytes[i], bytes[i] + 8);
        write_with_header(header, (size_t)bytes[i] + 8);
        assert_load(params, &(tg_load_params_options){ .allow_extra = true }, TG_OK, "");
        assert_load(params, NULL, TG_UNKNOWN_NAME, "\"count\"");
    }
    tg_params_free(params);
}
END_TEST

START_TEST(shapes_must_match) {
    const char *shape[] = { "[2,1]", "[1,2]", "[2,1,1]", "[1]", "[]", "[3]" };
    const int   bytes[] = { 8, 8, 8, 4, 4, 12 };
    tg_params  *params  = one_variable();
    char        header[256];
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
        snprintf(header, sizeof header, "{\"x\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[0,%d]}}", shape[i], bytes[i]);
        write_with_header(header, (size_t)bytes[i]);
        assert_load(params, NULL, TG_SHAPE_MISMATCH, "\"x\"");
    }
    tg_params_free(params);
}
END_TEST

START_TEST(a_late_mismatch_changes_no_earlier_variable) {
    tg_params *saved = one_variable(), *other = tg_params_new(7, NULL);
    add(saved, "y", 2, 2, TG_FILE_AS_IS, false);
    add(other, "x", 1, 2, TG_FILE_VECTOR, false);
    add(other, "y", 2, 3, TG_FILE_AS_IS, false);
    ck_assert_int_eq(tg_params_save(saved, path), TG_OK);
    assert_load(other, NULL, TG_SHAPE_MISMATCH, "\"y\"");
    tg_params_free(saved);
    tg_params_free(other);
}
END_TEST

START_TEST(limits_and_what_is_no_file) {
    tg_params *params = one_variable();
    assert_load(params, NULL, TG_CANNOT_READ, "");
    ck_assert_int_eq(tg_params_save(params, path), TG_OK);
    assert_load(params, &(tg_load_params_options){ .max_bytes = 16 }, TG_TOO_LARGE, "16");
    unlink(path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    assert_load(params, NULL, TG_CANNOT_READ, "");
    ck_assert_int_eq(tg_params_save(params, path), TG_CANNOT_WRITE);    /* a pipe must not become a file */
    tg_last_error(NULL);
    unlink(path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    assert_load(params, NULL, TG_CANNOT_READ, "");
    ck_assert_int_eq(tg_params_save(params, path), TG_CANNOT_WRITE);
    tg_last_error(NULL);
    ck_assert_int_eq(rmdir(path), 0);
    tg_params_free(params);
}
END_TEST

START_TEST(null_arguments) {
    tg_params *params = one_variable();
    ck_assert_int_eq(tg_params_save(NULL, path), TG_NULL_ARGUMENT);
    ck_assert_int_eq(tg_params_save(params, NULL), TG_NULL_ARGUMENT);
    ck_assert_int_eq(tg_params_load(NULL, path, NULL), TG_NULL_ARGUMENT);
    ck_assert_int_eq(tg_params_load(params, NULL, NULL), TG_NULL_ARGUMENT);
    tg_params_free(params);
}
END_TEST

START_TEST(names_that_no_file_can_hold) {
    const char *name[] = { "__metadata__", "\xff" };
    tg_params  *params = tg_params_new(1, NULL);
    add(params, name[_i], 1, 1, TG_FILE_AS_IS, false);
    ck_assert_int_eq(tg_params_save(params, path), TG_BAD_ARGUMENT);
    ck_assert_int_eq(tg_last_error(NULL), TG_BAD_ARGUMENT);
    ck_assert_int_ne(access(path, F_OK), 0);
    write_with_header("{\"__metadata__\":{}}", 0);
    assert_load(params, NULL, TG_UNKNOWN_NAME, "");
    tg_params_free(params);
}
END_TEST

/* ---- hostile files ---- */

#define X(shape, offsets) "{\"x\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define X_GOOD            X("[2]", "[0,8]")

static const struct { const char *header; size_t data_bytes; tg_status expected; } header_table[] = {
    { X_GOOD "}", 8, TG_OK },
    { X_GOOD "}     ", 8, TG_OK },
    { X_GOOD ",\"__metadata__\":{}}", 8, TG_OK },
    { X_GOOD ",\"__metadata__\":{\"a\":\"b\"}}", 8, TG_OK },
    { X_GOOD ",\"empty\":{\"dtype\":\"F64\",\"shape\":[0,3],\"data_offsets\":[0,0]}}", 8, TG_OK },
    { X_GOOD ",\"empty\":{\"dtype\":\"F64\",\"shape\":[3,0,5],\"data_offsets\":[8,8]}}", 8, TG_OK },
    { X_GOOD ",\"scalar\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[8,16]}}", 16, TG_OK },
    { X("[2]", "[8,16]") ",\"s\":{\"dtype\":\"F32\",\"shape\":[2,1,1,1],\"data_offsets\":[0,8]}}", 16, TG_OK },
    { "", 8, TG_BAD_FILE },
    { "{", 8, TG_BAD_FILE },
    { "[]", 0, TG_BAD_FILE },
    { " " X_GOOD "}", 8, TG_BAD_FILE },
    { X_GOOD "}x", 8, TG_BAD_FILE },
    { X_GOOD "}{}", 8, TG_BAD_FILE },
    { X_GOOD ",\"\xff\":1}", 8, TG_BAD_FILE },
    { X_GOOD ",\"a\\u0000\":1}", 8, TG_BAD_FILE },
    { X_GOOD ",\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, TG_BAD_FILE },
    { X_GOOD ",\"__metadata__\":{\"a\":1}}", 8, TG_BAD_FILE },
    { X_GOOD ",\"__metadata__\":[]}", 8, TG_BAD_FILE },
    { X_GOOD ",\"__metadata__\":null}", 8, TG_BAD_FILE },
    { X_GOOD "}", 9, TG_BAD_FILE },
    { X_GOOD "}", 7, TG_BAD_FILE },
    { X_GOOD "}", 0, TG_BAD_FILE },
    { X("[2]", "[1,9]") "}", 9, TG_BAD_FILE },
    { X("[2]", "[8,0]") "}", 8, TG_BAD_FILE },
    { X("[2]", "[0,4]") "}", 4, TG_BAD_FILE },
    { X("[2]", "[0]") "}", 8, TG_BAD_FILE },
    { X("[2]", "[0,8,8]") "}", 8, TG_BAD_FILE },
    { X("[2]", "[-8,0]") "}", 8, TG_BAD_FILE },
    { X("[2]", "[0,8.0]") "}", 8, TG_BAD_FILE },
    { X("[2]", "[0,\"8\"]") "}", 8, TG_BAD_FILE },
    { X("[2]", "{}") "}", 8, TG_BAD_FILE },
    { X("2", "[0,8]") "}", 8, TG_BAD_FILE },
    { X("[-2]", "[0,8]") "}", 8, TG_BAD_FILE },
    { X("[2.0]", "[0,8]") "}", 8, TG_BAD_FILE },
    { X("[null]", "[0,8]") "}", 8, TG_BAD_FILE },
    { X("[4611686018427387904,4]", "[0,0]") "}", 0, TG_BAD_FILE },
    { X("[4611686018427387905]", "[0,4]") "}", 4, TG_BAD_FILE },
    { X("[4294967296,4294967296,4294967296]", "[0,0]") "}", 0, TG_BAD_FILE },
    { X("[99999999999999999999999]", "[0,8]") "}", 8, TG_BAD_FILE },
    { X("[2]", "[9223372036854775800,9223372036854775807]") "}", 8, TG_BAD_FILE },
    { X_GOOD ",\"overlap\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, TG_BAD_FILE },
    { X_GOOD ",\"same\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, TG_BAD_FILE },
    { X_GOOD ",\"hole\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]}}", 16, TG_BAD_FILE },
    { X_GOOD ",\"empty\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[4,4]}}", 8, TG_BAD_FILE },
    { X_GOOD ",\"empty\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[16,16]}}", 8, TG_BAD_FILE },
    { X_GOOD ",\"y\":1}", 8, TG_BAD_FILE },
    { X_GOOD ",\"y\":{}}", 8, TG_BAD_FILE },
    { "{\"x\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, TG_BAD_FILE },
    { "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"more\":1}}", 8, TG_BAD_FILE },
    { "{\"x\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, TG_BAD_FILE },
    { "{\"x\":{\"dtype\":1,\"shape\":[2],\"data_offsets\":[0,8]}}", 8, TG_BAD_FILE },
    { "{\"x\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[0,8]}}", 8, TG_UNSUPPORTED },
    { "{\"x\":{\"dtype\":\"F3\",\"shape\":[4],\"data_offsets\":[0,8]}}", 8, TG_UNSUPPORTED },
    { "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
      "\"y\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[8,16]}}", 16, TG_BAD_FILE },
    { "{}", 0, TG_UNKNOWN_NAME },
};

enum { HEADER_COUNT = sizeof header_table / sizeof *header_table };

START_TEST(hostile_headers) {
    tg_params *params = one_variable();
    write_with_header(header_table[_i].header, header_table[_i].data_bytes);
    assert_load(params, &(tg_load_params_options){ .allow_extra = true }, header_table[_i].expected, "");
    tg_params_free(params);
}
END_TEST

START_TEST(hostile_lengths) {
    static const unsigned char length[][8] = { { 0 }, { 3 }, { 255 }, { 0, 0, 0, 1 }, { 1, 0, 0, 1 }, { 0, 0, 0, 0, 0, 0, 0, 128 },
        { 255, 255, 255, 255, 255, 255, 255, 255 }, { 248, 255, 255, 255, 255, 255, 255, 255 } };
    tg_params *params = one_variable();
    for (size_t i = 0; i < sizeof length / sizeof *length; i++) {
        unsigned char bytes[16];
        memcpy(bytes, length[i], 8);
        memset(bytes + 8, '{', 8);
        write_bytes(bytes, sizeof bytes);
        assert_load(params, NULL, TG_BAD_FILE, "");
    }
    const unsigned char above[8] = { 1, 0, 0, 1 };    /* 16 MiB + 1, in a file that is long enough */
    write_bytes(above, sizeof above);
    ck_assert_int_eq(truncate(path, (17 << 20)), 0);
    assert_load(params, NULL, TG_BAD_FILE, "16 MiB");
    tg_params_free(params);
}
END_TEST

START_TEST(deep_nesting) {
    enum { DEPTH = 100000 };
    char *bytes = malloc(8 + 5 + DEPTH);
    ck_assert_ptr_nonnull(bytes);
    uint64_t length = 5 + DEPTH;
    for (int i = 0; i < 8; i++) bytes[i] = (char)(unsigned char)(length >> (8 * i));
    memcpy(bytes + 8, "{\"x\":", 5);
    memset(bytes + 13, '[', DEPTH);
    write_bytes(bytes, 8 + 5 + DEPTH);
    free(bytes);
    tg_params *params = one_variable();
    assert_load(params, NULL, TG_BAD_FILE, "");
    tg_params_free(params);
}
END_TEST

/* A file that was cut off was read on beyond its end. */
START_TEST(truncated_at_every_byte) {
    tg_params    *params = new_params(TG_F64, 1);
    unsigned char bytes[2048];
    ck_assert_int_eq(tg_params_save(params, path), TG_OK);
    size_t count = read_file(bytes, sizeof bytes);
    for (size_t kept = 0; kept < count; kept++) {
        write_bytes(bytes, kept);
        assert_load(params, NULL, TG_BAD_FILE, "");
    }
    tg_params_free(params);
}
END_TEST

/* Any status will do, but a failure changes nothing. */
static void load_whatever(tg_params *params) {
    double before[MOST_VALUES], after[MOST_VALUES];
    size_t    count  = values_of(params, before);
    tg_status status = tg_params_load(params, path, NULL);
    ck_assert_int_eq(tg_last_error(NULL), status);
    values_of(params, after);
    if (status != TG_OK) ck_assert_mem_eq(before, after, count * sizeof *before);
}

START_TEST(every_byte_changed) {
    static const unsigned char flip[] = { 1, 2, 4, 8, 16, 32, 64, 128, 255 };
    tg_params    *params = new_params(TG_F32, 1), *other = new_params(TG_F32, 2);
    unsigned char bytes[2048];
    ck_assert_int_eq(tg_params_save(params, path), TG_OK);
    size_t count = read_file(bytes, sizeof bytes);
    for (size_t i = 0; i < count; i++)
        for (size_t f = 0; f < sizeof flip; f++) {
            bytes[i] ^= flip[f];
            write_bytes(bytes, count);
            load_whatever(other);
            bytes[i] ^= flip[f];
        }
    tg_params_free(params);
    tg_params_free(other);
}
END_TEST

/* ---- complete, or as it was before ---- */

START_TEST(an_unwritable_folder_leaves_the_old_file) {
    tg_params    *params = one_variable();
    unsigned char bytes[16];
    bool          root = geteuid() == 0;
    write_bytes("old", 3);
    ck_assert_int_eq(chmod(folder, 0555), 0);
    if (root) ck_assert_int_eq(seteuid(65534), 0);    /* nothing is unwritable for root */
    ck_assert_int_eq(tg_params_save(params, path), TG_CANNOT_WRITE);
    if (root) ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(chmod(folder, 0755), 0);
    ck_assert_uint_eq(read_file(bytes, sizeof bytes), 3);
    ck_assert_mem_eq(bytes, "old", 3);
    tg_params_free(params);
}
END_TEST

START_TEST(a_missing_folder_is_an_error) {
    tg_params *params = one_variable();
    char       inside[128];
    snprintf(inside, sizeof inside, "%s/none/file", folder);
    const char *sentence = "";
    ck_assert_int_eq(tg_params_save(params, inside), TG_CANNOT_WRITE);
    ck_assert_int_eq(tg_last_error(&sentence), TG_CANNOT_WRITE);
    ck_assert_ptr_nonnull(strstr(sentence, inside));
    tg_params_free(params);
}
END_TEST

static mode_t mode_of_file(void) {
    struct stat about;
    ck_assert_int_eq(stat(path, &about), 0);
    return about.st_mode & 0777;
}

START_TEST(modes) {
    tg_params *params = one_variable();
    mode_t     before = umask(027);
    ck_assert_int_eq(tg_params_save(params, path), TG_OK);
    ck_assert_int_eq(mode_of_file(), 0640);
    ck_assert_int_eq(chmod(path, 0606), 0);
    ck_assert_int_eq(tg_params_save(params, path), TG_OK);
    ck_assert_int_eq(mode_of_file(), 0606);
    umask(before);
    tg_params_free(params);
}
END_TEST

START_TEST(a_name_without_folder) {
    tg_params *params = one_variable();
    ck_assert_int_eq(chdir(folder), 0);
    ck_assert_int_eq(tg_params_save(params, "file"), TG_OK);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(tg_params_load(params, path, NULL), TG_OK);
    tg_params_free(params);
}
END_TEST

/* ---- memory ---- */

static tg_status save_and_load(void *context) {
    (void)context;
    tg_params *params = tg_params_new(1, NULL);
    tg_status  status = params != NULL && tg_variable_new(params, "net/fc1/weight", 2, 3, NULL) != NULL ? TG_OK : TG_OUT_OF_MEMORY;
    if (status == TG_OK) status = tg_params_save(params, path);
    if (status == TG_OK) status = tg_params_load(params, path, NULL);
    tg_params_free(params);
    return status;
}

START_TEST(every_allocation_may_fail) {
    let_each_allocation_fail(save_and_load, NULL, 10);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("io");
    TCase *tests = tcase_create("io");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_add_loop_test(tests, round_trip_keeps_every_bit, 0, 2);
    tcase_add_test(tests, types_convert);
    tcase_add_test(tests, the_file_is_as_specified);
    tcase_add_test(tests, no_variables_make_a_file_too);
    tcase_add_test(tests, missing_and_extra);
    tcase_add_test(tests, extra_tensors_of_other_types_are_skipped);
    tcase_add_test(tests, shapes_must_match);
    tcase_add_test(tests, a_late_mismatch_changes_no_earlier_variable);
    tcase_add_test(tests, limits_and_what_is_no_file);
    tcase_add_test(tests, null_arguments);
    tcase_add_loop_test(tests, names_that_no_file_can_hold, 0, 2);
    tcase_add_loop_test(tests, hostile_headers, 0, HEADER_COUNT);
    tcase_add_test(tests, hostile_lengths);
    tcase_add_test(tests, deep_nesting);
    tcase_add_test(tests, truncated_at_every_byte);
    tcase_add_test(tests, every_byte_changed);
    tcase_add_test(tests, an_unwritable_folder_leaves_the_old_file);
    tcase_add_test(tests, a_missing_folder_is_an_error);
    tcase_add_test(tests, modes);
    tcase_add_test(tests, a_name_without_folder);
    tcase_add_test(tests, every_allocation_may_fail);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
