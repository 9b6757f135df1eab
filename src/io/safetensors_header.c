/* safetensors_header.c - from the JSON header of a safetensors file to a list of tensors that cover its data exactly. */
#include "io/safetensors.h"

#include "core/util.h"

#include <stdlib.h>
#include <string.h>

/* What the sentences of a failure name. */
typedef struct place { const char *path, *tensor; } place;

static tg_status fail_tensor(place at, const char *what) {
    return tg_fail_thread(TG_BAD_FILE, "tensor \"%.100s\" of %.400s: %s", at.tensor, at.path, what);
}

/* A non-negative whole number that a size_t holds. */
static bool read_size(const json_t *value, size_t *size) {
    if (!json_is_integer(value)) return false;
    json_int_t number = json_integer_value(value);
    if (number < 0 || (uint64_t)number > SIZE_MAX) return false;
    *size = (size_t)number;
    return true;
}

/* Types that a file may have; tensors of those without a type of ours can be skipped, but not read. */
static const struct { const char *name; size_t bytes; tg_type type; } dtypes[] = {
    { "F32", 4, TG_F32 }, { "F64", 8, TG_F64 }, { "F16", 2, TG_DEFAULT_TYPE }, { "BF16", 2, TG_DEFAULT_TYPE }, { "F8_E5M2", 1, TG_DEFAULT_TYPE },
    { "F8_E4M3", 1, TG_DEFAULT_TYPE }, { "I64", 8, TG_DEFAULT_TYPE }, { "U64", 8, TG_DEFAULT_TYPE }, { "I32", 4, TG_DEFAULT_TYPE },
    { "U32", 4, TG_DEFAULT_TYPE }, { "I16", 2, TG_DEFAULT_TYPE }, { "U16", 2, TG_DEFAULT_TYPE }, { "I8", 1, TG_DEFAULT_TYPE },
    { "U8", 1, TG_DEFAULT_TYPE }, { "BOOL", 1, TG_DEFAULT_TYPE },
};

static tg_status read_type(const json_t *value, tg_file_tensor *tensor, size_t *item_bytes, place at) {
    tensor->dtype = json_string_value(value);
    if (tensor->dtype == NULL) return fail_tensor(at, "dtype is missing or not a text");
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (strcmp(tensor->dtype, dtypes[i].name) == 0) return tensor->type = dtypes[i].type, *item_bytes = dtypes[i].bytes, TG_OK;
    return tg_fail_thread(TG_UNSUPPORTED, "tensor \"%.100s\" of %.400s: dtype %.40s is not known", at.tensor, at.path, tensor->dtype);
}

/* Multiplies *bytes, the size of an element, by the shape. */
static tg_status read_shape(const json_t *value, tg_file_tensor *tensor, size_t *bytes, place at) {
    if (!json_is_array(value)) return fail_tensor(at, "shape is missing or not an array");
    tensor->rank = json_array_size(value);
    for (size_t i = 0; i < tensor->rank; i++) {
        size_t size = 0;
        if (!read_size(json_array_get(value, i), &size)) return fail_tensor(at, "shape holds something that is no size");
        if (!tg_multiply(*bytes, size, bytes)) return fail_tensor(at, "the product of its shape overflows");
        if (i < 2) tensor->shape[i] = (int64_t)size;
    }
    return TG_OK;
}

static tg_status read_offsets(const json_t *value, tg_file_tensor *tensor, size_t bytes, place at) {
    if (json_array_size(value) != 2 || !read_size(json_array_get(value, 0), &tensor->begin) || !read_size(json_array_get(value, 1), &tensor->end))
        return fail_tensor(at, "data_offsets is missing or not a pair of sizes");
    if (tensor->end < tensor->begin) return fail_tensor(at, "data_offsets ends before it begins");
    if (tensor->end - tensor->begin != bytes) return fail_tensor(at, "data_offsets do not fit its shape");
    return TG_OK;
}

static tg_status read_tensor(const json_t *value, tg_file_tensor *tensor, place at) {
    if (!json_is_object(value) || json_object_size(value) != 3) return fail_tensor(at, "not an object of dtype, shape and data_offsets");
    size_t    bytes  = 0;
    tg_status status = read_type(json_object_get(value, "dtype"), tensor, &bytes, at);
    if (status == TG_OK) status = read_shape(json_object_get(value, "shape"), tensor, &bytes, at);
    if (status == TG_OK) status = read_offsets(json_object_get(value, "data_offsets"), tensor, bytes, at);
    tensor->name = at.tensor;
    return status;
}

static tg_status check_metadata(json_t *metadata, const char *path) {
    bool all_texts = json_is_object(metadata);
    for (void *i = json_object_iter(metadata); i != NULL; i = json_object_iter_next(metadata, i))
        if (!json_is_string(json_object_iter_value(i))) all_texts = false;
    return all_texts ? TG_OK : tg_fail_thread(TG_BAD_FILE, "%.400s: %s is not an object of texts", path, TG_METADATA_NAME);
}

/* Empty tensors come before the one that begins where they do. */
static int by_offset(const void *a, const void *b) {
    const tg_file_tensor *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1;
    return 0;
}

static tg_status check_cover(const tg_file_tensor *tensors, size_t count, size_t data_bytes, const char *path) {
    size_t covered = 0;
    for (size_t i = 0; i < count; i++) {
        if (tensors[i].begin != covered)
            return fail_tensor((place){ path, tensors[i].name }, "its data does not begin where the data before it ends");
        covered = tensors[i].end;
    }
    if (covered == data_bytes) return TG_OK;
    return tg_fail_thread(TG_BAD_FILE, "%.400s has %zu bytes of data, and its tensors have %zu", path, data_bytes, covered);
}

static tg_status read_tensors(json_t *header, const char *path, tg_file_tensor *tensors, size_t *count) {
    for (void *i = json_object_iter(header); i != NULL; i = json_object_iter_next(header, i)) {
        const char   *name   = json_object_iter_key(i);
        json_t       *value  = json_object_iter_value(i);
        tg_status     status = TG_OK;
        if (strcmp(name, TG_METADATA_NAME) == 0) status = check_metadata(value, path);
        else status = read_tensor(value, &tensors[(*count)++], (place){ path, name });
        if (status != TG_OK) return status;
    }
    return TG_OK;
}

tg_status tg_read_header(json_t *header, size_t data_bytes, const char *path, tg_file_tensor **tensors, size_t *count, size_t *capacity) {
    *count    = 0;
    *capacity = json_object_size(header);
    *tensors  = tg_allocate(*capacity * sizeof **tensors);
    if (*tensors == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "no memory to read %.400s", path);
    tg_status status = read_tensors(header, path, *tensors, count);
    if (status != TG_OK) return status;
    if (*count != 0) qsort(*tensors, *count, sizeof **tensors, by_offset);
    return check_cover(*tensors, *count, data_bytes, path);
}
