/* test_idx.c - data sets from IDX files, and those known by name. */
#include "files.h"

static const unsigned char images[] = { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 51, 255, 1, 2, 3 };
static const unsigned char labels[] = { 0, 0, 8, 1, 0, 0, 0, 2, 4, 0 };

static tg_dataset *idx(const void *image_bytes, size_t image_count, const void *label_bytes, size_t label_count, const tg_load_options *options) {
    write_bytes(path, image_bytes, image_count);
    write_bytes(other, label_bytes, label_count);
    return tg_dataset_idx(path, other, options);
}

/* The data set of images and labels above. */
static void expect_pair(tg_dataset *data, int64_t classes) {
    expect_shape(data, 2, 3, classes);
    ck_assert(tg_dataset_row(data, 0)[0] == 0.0f && tg_dataset_row(data, 0)[1] == 51.0f / 255.0f && tg_dataset_row(data, 0)[2] == 1.0f);
    ck_assert(tg_dataset_row(data, 1)[0] == 1.0f / 255.0f && tg_dataset_row(data, 1)[2] == 3.0f / 255.0f);
    ck_assert(tg_dataset_label(data, 0) == 4 && tg_dataset_label(data, 1) == 0);
}

static void write_pair(bool zipped, const char *image_path, const char *label_path) {
    write_file(zipped, image_path, images, sizeof images);
    write_file(zipped, label_path, labels, sizeof labels);
}

START_TEST(idx_plain_and_gzipped) {
    for (int zipped = 0; zipped < 2; zipped++) {
        write_pair(zipped, path, other);
        tg_dataset *data = tg_dataset_idx(path, other, NULL);
        expect_pair(data, 5);
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

static tg_status load_pair(void *context) {
    (void)context;
    tg_dataset *data   = tg_dataset_idx(path, other, NULL);
    tg_status   status = tg_last_error(NULL);
    ck_assert_int_eq(status == TG_OK, data != NULL);
    if (data != NULL) expect_pair(data, 5);
    tg_dataset_free(data);
    return status;
}

START_TEST(idx_when_memory_runs_out) {
    for (int zipped = 0; zipped < 2; zipped++) {
        write_pair(zipped, path, other);
        let_each_allocation_fail(load_pair, NULL, zipped ? 10 : 6);
    }
}
END_TEST

/* ---- data sets known by name ---- */

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

/* Makes folder one of Fashion-MNIST, whose part is the pair above. */
static void write_part(const char *prefix) {
    char image_path[160], label_path[160];
    snprintf(image_path, sizeof image_path, "%s/%s-images-idx3-ubyte.gz", folder, prefix);
    snprintf(label_path, sizeof label_path, "%s/%s-labels-idx1-ubyte.gz", folder, prefix);
    write_pair(true, image_path, label_path);
}

static tg_status load_part(void *context) {
    const char *part   = context;
    tg_dataset *data   = tg_dataset_load("fashion-mnist", &(tg_load_options){ .folder = folder, .part = part });
    tg_status   status = tg_last_error(NULL);
    ck_assert_int_eq(status == TG_OK, data != NULL);
    if (data == NULL) return status;
    expect_pair(data, 10);
    ck_assert_str_eq(tg_dataset_class_name(data, 0), "T-shirt/top");
    ck_assert_str_eq(tg_dataset_class_name(data, 9), "Ankle boot");
    tg_dataset_free(data);
    return TG_OK;
}

START_TEST(named_data_set_when_memory_runs_out) {
    write_part("train");
    let_each_allocation_fail(load_part, NULL, 12);      /* no part: train */
    expect_failure(tg_dataset_load("fashion-mnist", &(tg_load_options){ .folder = folder, .part = "test" }), TG_CANNOT_READ, "t10k-images");
    write_part("t10k");
    char part[] = "test";
    let_each_allocation_fail(load_part, part, 12);
}
END_TEST

int main(void) {
    return RUN_IN_FOLDER("idx", idx_plain_and_gzipped, idx_truncated_and_trailing, idx_hostile_headers, idx_bomb, idx_when_memory_runs_out,
                         named_data_sets, named_data_set_when_memory_runs_out);
}
