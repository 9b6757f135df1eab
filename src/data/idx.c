/* idx.c - IDX files of bytes: 0, 0, 8, the number of dimensions, each size as 4 bytes with the highest first, the elements. */
#include "data/dataset.h"
#include "data/source.h"

#include "core/util.h"

#include <inttypes.h>
#include <string.h>

#define BYTE_ELEMENTS   0x08
#define MOST_DIMENSIONS 8
#define CHUNK           ((size_t)16384)

typedef struct idx_header {
    uint64_t rows, cols;      /* cols: the product of all sizes behind the first; 1 if there are none */
    int      dimensions;
} idx_header;

/* ---- the header ---- */

static tg_status read_exactly(tg_source *source, void *to, size_t bytes) {
    size_t    got;
    tg_status status = tg_source_read(source, to, bytes, &got);
    if (status != TG_OK || got == bytes) return status;
    return tg_fail_thread(TG_BAD_FILE, "%.400s ends too early", source->path);
}

static tg_status read_magic(tg_source *source, idx_header *header) {
    unsigned char magic[4];
    tg_status     status = read_exactly(source, magic, sizeof magic);
    if (status != TG_OK) return status;
    if (magic[0] != 0 || magic[1] != 0) return tg_fail_thread(TG_BAD_FILE, "%.400s is no IDX file", source->path);
    if (magic[2] != BYTE_ELEMENTS)
        return tg_fail_thread(TG_UNSUPPORTED, "%.400s: element type 0x%02x; only bytes, 0x08, are read", source->path, (unsigned)magic[2]);
    if (magic[3] < 1 || magic[3] > MOST_DIMENSIONS)
        return tg_fail_thread(TG_BAD_FILE, "%.400s has %u dimensions, not 1 to %d", source->path, (unsigned)magic[3], MOST_DIMENSIONS);
    header->dimensions = magic[3];
    return TG_OK;
}

/* Saturates: no product of sizes becomes small again by overflow. */
static uint64_t multiply_up(uint64_t a, uint64_t b) { return a != 0 && b > UINT64_MAX / a ? UINT64_MAX : a * b; }

static tg_status read_sizes(tg_source *source, idx_header *header) {
    unsigned char sizes[4 * MOST_DIMENSIONS];
    tg_status     status = read_exactly(source, sizes, 4 * (size_t)header->dimensions);
    header->cols         = 1;
    for (int i = 0; status == TG_OK && i < header->dimensions; i++) {
        const unsigned char *s    = sizes + 4 * i;
        uint64_t             size = (uint64_t)s[0] << 24 | (uint64_t)s[1] << 16 | (uint64_t)s[2] << 8 | s[3];
        if (i == 0) header->rows = size;
        else header->cols = multiply_up(header->cols, size);
    }
    return status;
}

/* A few bytes of header can claim any size. Nothing is allocated before the claim was found possible. */
static tg_status check_claim(const tg_source *source, const idx_header *header, size_t element_bytes, uint64_t max_bytes) {
    uint64_t elements = multiply_up(header->rows, header->cols), memory = multiply_up(elements, element_bytes);
    uint64_t most = multiply_up(source->file_bytes, source->zipped ? TG_MOST_EXPANSION : 1);
    if (header->rows == 0) return tg_fail_thread(TG_NO_EXAMPLES, "%.400s has no rows", source->path);
    if (header->cols == 0) return tg_fail_thread(TG_BAD_FILE, "%.400s has rows of size 0", source->path);
    if (elements > most)
        return tg_fail_thread(TG_BAD_FILE, "%.400s claims %" PRIu64 " elements, more than its %" PRIu64 " bytes can hold", source->path, elements,
                              source->file_bytes);
    if (memory > max_bytes || memory > PTRDIFF_MAX)
        return tg_fail_thread(TG_TOO_LARGE, "%.400s needs %" PRIu64 " bytes of memory, and the limit is %" PRIu64, source->path, memory, max_bytes);
    return TG_OK;
}

static tg_status read_header(tg_source *source, idx_header *header, size_t element_bytes, uint64_t max_bytes) {
    *header          = (idx_header){ .rows = 0 };
    tg_status status = read_magic(source, header);
    if (status == TG_OK) status = read_sizes(source, header);
    return status == TG_OK ? check_claim(source, header, element_bytes, max_bytes) : status;
}

/* ---- the elements ---- */

typedef void (*store_fn)(void *to, size_t first, const unsigned char *bytes, size_t count);

static void store_pixels(void *to, size_t first, const unsigned char *bytes, size_t count) {
    float *pixels = (float *)to + first;
    for (size_t i = 0; i < count; i++) pixels[i] = (float)bytes[i] / 255.0f;
}

static void store_labels(void *to, size_t first, const unsigned char *bytes, size_t count) {
    int32_t *labels = (int32_t *)to + first;
    for (size_t i = 0; i < count; i++) labels[i] = bytes[i];
}

/* Reading behind the last element also makes zlib compare the checksum. */
static tg_status expect_end(tg_source *source) {
    unsigned char extra;
    size_t        got;
    tg_status     status = tg_source_read(source, &extra, 1, &got);
    if (status != TG_OK || got == 0) return status;
    return tg_fail_thread(TG_BAD_FILE, "%.400s goes on behind its last element", source->path);
}

static tg_status read_elements(tg_source *source, void *to, size_t count, store_fn store) {
    unsigned char chunk[CHUNK];
    tg_status     status = TG_OK;
    for (size_t done = 0; status == TG_OK && done < count;) {
        size_t take = count - done < CHUNK ? count - done : CHUNK;
        status      = read_exactly(source, chunk, take);
        if (status == TG_OK) store(to, done, chunk, take);
        done += take;
    }
    return status == TG_OK ? expect_end(source) : status;
}

/* ---- the files ---- */

static tg_status read_images(tg_source *source, tg_table *table, uint64_t max_bytes) {
    idx_header header;
    tg_status  status = read_header(source, &header, sizeof(float), max_bytes);
    if (status != TG_OK) return status;
    size_t elements = (size_t)(header.rows * header.cols);
    float *pixels   = tg_allocate(elements * sizeof *pixels);
    if (pixels == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "no memory for the images of %.400s", source->path);
    table->x       = pixels;
    table->x_bytes = elements * sizeof *pixels;
    table->rows    = (int64_t)header.rows;
    table->cols    = (int64_t)header.cols;
    return read_elements(source, pixels, elements, store_pixels);
}

static tg_status read_labels(tg_source *source, tg_table *table, uint64_t max_bytes) {
    idx_header header;
    tg_status  status = read_header(source, &header, sizeof(int32_t), max_bytes);
    if (status != TG_OK) return status;
    if (header.dimensions != 1) return tg_fail_thread(TG_BAD_FILE, "%.400s has %d dimensions, labels have 1", source->path, header.dimensions);
    if (header.rows != (uint64_t)table->rows)
        return tg_fail_thread(TG_BAD_FILE, "%.400s has %" PRIu64 " labels for %" PRId64 " images", source->path, header.rows, table->rows);
    int32_t *labels = tg_allocate((size_t)header.rows * sizeof *labels);
    if (labels == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "no memory for the labels of %.400s", source->path);
    table->labels       = labels;
    table->labels_bytes = (size_t)header.rows * sizeof *labels;
    return read_elements(source, labels, (size_t)header.rows, store_labels);
}

typedef tg_status (*read_fn)(tg_source *source, tg_table *table, uint64_t max_bytes);

static bool read_file(const char *path, const char *advice, read_fn read, tg_table *table, uint64_t max_bytes) {
    tg_source *source = tg_source_open(path, advice);
    bool       done   = source != NULL && read(source, table, max_bytes) == TG_OK;
    tg_source_close(source);
    return done;
}

static void count_classes(tg_table *table) {
    for (int64_t row = 0; row < table->rows; row++)
        if (table->labels[row] >= table->classes) table->classes = (int64_t)table->labels[row] + 1;
}

static bool read_pair(const char *images, const char *labels, const char *advice, const tg_load_options *options, tg_table *table) {
    uint64_t max_bytes = options != NULL && options->max_bytes != 0 ? options->max_bytes : TG_DEFAULT_MAX_BYTES;
    if (read_file(images, advice, read_images, table, max_bytes) && read_file(labels, advice, read_labels, table, max_bytes)) {
        count_classes(table);
        return true;
    }
    tg_table_clear(table);
    return false;
}

tg_dataset *tg_dataset_idx(const char *images, const char *labels, const tg_load_options *options) {
    tg_table table = { .rows = 0 };
    if (images == NULL || labels == NULL) {
        tg_fail_thread(TG_NULL_ARGUMENT, "tg_dataset_idx: the path of the images or of the labels is NULL");
        return NULL;
    }
    return read_pair(images, labels, NULL, options, &table) ? tg_dataset_of_table(&table) : NULL;
}

/* ---- data sets known by name ---- */

/* Xiao, Rasul and Vollgraf 2017, as Debian packages it. */
#define FASHION_CLASSES 10
static const char *const fashion_classes[FASHION_CLASSES] = { "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                                              "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot" };

#define FASHION_FOLDER "/usr/share/datasets/fashion-mnist"
#define FASHION_ADVICE " (install the package dataset-fashion-mnist, or name the folder of the files in options)"

static tg_dataset *name_classes(tg_table *table, const char *folder) {
    if (table->classes > FASHION_CLASSES) {
        tg_fail_thread(TG_BAD_FILE, "the files in %.400s have %" PRId64 " classes, Fashion-MNIST has %d", folder, table->classes, FASHION_CLASSES);
        tg_table_clear(table);
        return NULL;
    }
    table->classes     = FASHION_CLASSES;
    table->class_names = fashion_classes;
    return tg_dataset_of_table(table);
}

static tg_dataset *load_fashion(const char *prefix, const tg_load_options *options) {
    const char *folder = options != NULL && options->folder != NULL ? options->folder : FASHION_FOLDER;
    char       *images = tg_text_format("%s/%s-images-idx3-ubyte.gz", folder, prefix);
    char       *labels = tg_text_format("%s/%s-labels-idx1-ubyte.gz", folder, prefix);
    tg_table    table  = { .rows = 0 };
    bool        done   = false;
    if (images != NULL && labels != NULL) done = read_pair(images, labels, FASHION_ADVICE, options, &table);
    else tg_fail_thread(TG_OUT_OF_MEMORY, "no memory for the paths of a data set");
    tg_text_release(images);
    tg_text_release(labels);
    return done ? name_classes(&table, folder) : NULL;
}

tg_dataset *tg_dataset_load(const char *name, const tg_load_options *options) {
    const char *part = options != NULL && options->part != NULL ? options->part : "train";
    if (name == NULL) tg_fail_thread(TG_NULL_ARGUMENT, "tg_dataset_load: the name is NULL");
    else if (strcmp(name, "fashion-mnist") != 0) tg_fail_thread(TG_UNKNOWN_NAME, "no data set is called \"%.100s\"; there is: fashion-mnist", name);
    else if (strcmp(part, "train") == 0) return load_fashion("train", options);
    else if (strcmp(part, "test") == 0) return load_fashion("t10k", options);
    else tg_fail_thread(TG_BAD_ARGUMENT, "the part \"%.100s\" of fashion-mnist is neither train nor test", part);
    return NULL;
}
