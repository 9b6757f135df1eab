/* safetensors.c - the writer of safetensors. */
#include "io/safetensors.h"

#include "core/util.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void tg_file_shape_of(const tg_variable *variable, size_t *rank, int64_t shape[2]) {
    tg_shape       matrix = tg_variable_shape(variable);
    tg_file_layout layout = tg_variable_file_layout(variable);
    *rank    = layout == TG_FILE_VECTOR ? 1 : 2;
    shape[0] = layout == TG_FILE_VECTOR ? matrix.rows * matrix.cols : layout == TG_FILE_TRANSPOSED ? matrix.cols : matrix.rows;
    shape[1] = layout == TG_FILE_VECTOR ? 1 : layout == TG_FILE_TRANSPOSED ? matrix.rows : matrix.cols;
}

/* All that one call of tg_params_save holds. */
typedef struct saving {
    const tg_params *params;
    const char      *path;
    tg_file_tensor  *tensors;    /* [count], in the order of the file */
    size_t           count;
    char            *header;     /* with its length in front and its spaces behind */
    size_t           header_bytes;
    void            *values;     /* [most_bytes], a variable as it lies in memory */
    unsigned char   *encoded;    /* [most_bytes], and as it lies in the file */
    size_t           most_bytes;
} saving;

/* ---- the order of the file: wide elements first, so that all are aligned; then by name, so that equal params make equal files ---- */

static int by_type_then_name(const void *a, const void *b) {
    const tg_file_tensor *x = a, *y = b;
    size_t x_bytes = tg_file_item_bytes(x->type), y_bytes = tg_file_item_bytes(y->type);
    if (x_bytes != y_bytes) return x_bytes > y_bytes ? -1 : 1;
    return strcmp(x->name, y->name);
}

static tg_status add_tensor(saving *s, tg_variable *variable) {
    tg_file_tensor *tensor = &s->tensors[s->count++];
    tensor->variable = variable;
    tensor->name     = tg_variable_name(variable);
    tensor->type     = tg_variable_type(variable);
    tg_file_shape_of(variable, &tensor->rank, tensor->shape);
    if (strcmp(tensor->name, TG_METADATA_NAME) != 0) return TG_OK;
    return tg_fail_thread(TG_BAD_ARGUMENT, "cannot save the variable \"%s\" to %.400s: safetensors reserves this name", TG_METADATA_NAME, s->path);
}

static tg_status list_tensors(saving *s) {
    size_t count = (size_t)tg_variable_count(s->params);
    s->tensors   = tg_allocate(count * sizeof *s->tensors);
    if (s->tensors == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "no memory to write %.400s", s->path);
    tg_status status = TG_OK;
    while (status == TG_OK && s->count < count) status = add_tensor(s, tg_variable_at(s->params, (int)s->count));
    if (count != 0) qsort(s->tensors, s->count, sizeof *s->tensors, by_type_then_name);
    return status;
}

static void place_tensors(saving *s) {
    size_t offset = 0;
    for (size_t i = 0; i < s->count; i++) {
        tg_file_tensor *tensor = &s->tensors[i];
        size_t          bytes  = (size_t)(tensor->shape[0] * tensor->shape[1]) * tg_file_item_bytes(tensor->type);
        tensor->begin = offset;
        tensor->end   = offset += bytes;
        if (bytes > s->most_bytes) s->most_bytes = bytes;
    }
}

/* ---- the header ---- */

/* {name: {...}}, or NULL. */
static json_t *describe(const tg_file_tensor *t, json_error_t *error) {
    const char *dtype = t->type == TG_F64 ? "F64" : "F32";
    json_int_t  begin = (json_int_t)t->begin, end = (json_int_t)t->end, first = t->shape[0], second = t->shape[1];
    if (t->rank == 1)
        return json_pack_ex(error, 0, "{s:{s:s,s:[I],s:[I,I]}}", t->name, "dtype", dtype, "shape", first, "data_offsets", begin, end);
    return json_pack_ex(error, 0, "{s:{s:s,s:[I,I],s:[I,I]}}", t->name, "dtype", dtype, "shape", first, second, "data_offsets", begin, end);
}

static tg_status describe_all(const saving *s, json_t *header) {
    for (size_t i = 0; i < s->count; i++) {
        json_error_t error;
        json_t      *one = describe(&s->tensors[i], &error);
        if (one == NULL && json_error_code(&error) == json_error_invalid_utf8)
            return tg_fail_thread(TG_BAD_ARGUMENT, "cannot save a variable to %.400s: its name is not UTF-8", s->path);
        bool added = one != NULL && json_object_update(header, one) == 0;
        json_decref(one);
        if (!added) return tg_fail_thread(TG_OUT_OF_MEMORY, "no memory for the header of %.400s", s->path);
    }
    return TG_OK;
}

static void put_length(unsigned char *to, uint64_t length) {
    for (int i = 0; i < TG_HEADER_LENGTH_BYTES; i++) to[i] = (unsigned char)(length >> (8 * i));
}

/* Spaces fill up to a multiple of 8, so that the data is aligned. */
static tg_status print_header(saving *s, const json_t *header) {
    size_t length = json_dumpb(header, NULL, 0, JSON_COMPACT);
    if (length == 0) return tg_fail_thread(TG_OUT_OF_MEMORY, "no memory for the header of %.400s", s->path);
    size_t padded = (length + 7) / 8 * 8;
    if (padded > TG_MOST_HEADER_BYTES) return tg_fail_thread(TG_TOO_LARGE, "the header of %.400s would be above 16 MiB", s->path);
    s->header_bytes = TG_HEADER_LENGTH_BYTES + padded;
    s->header       = tg_allocate(s->header_bytes);
    if (s->header == NULL || json_dumpb(header, s->header + TG_HEADER_LENGTH_BYTES, length, JSON_COMPACT) != length)
        return tg_fail_thread(TG_OUT_OF_MEMORY, "no memory for the header of %.400s", s->path);
    put_length((unsigned char *)s->header, padded);
    memset(s->header + TG_HEADER_LENGTH_BYTES + length, ' ', padded - length);
    return TG_OK;
}

static tg_status make_header(saving *s) {
    json_t *header = json_pack("{s:{s:s}}", TG_METADATA_NAME, "tapegrad.version", TG_VERSION_STRING);
    if (header == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "no memory for the header of %.400s", s->path);
    tg_status status = describe_all(s, header);
    if (status == TG_OK) status = print_header(s, header);
    json_decref(header);
    return status;
}

/* ---- the data ---- */

/* Through an integer, so that no element passes a floating-point register that might change a NaN, and so that any host writes little-endian. */
static void encode(unsigned char *to, const unsigned char *from, size_t item_bytes) {
    uint64_t bits = 0;
    uint32_t half = 0;
    if (item_bytes == 8) memcpy(&bits, from, 8);
    else memcpy(&half, from, 4), bits = half;
    for (size_t i = 0; i < item_bytes; i++) to[i] = (unsigned char)(bits >> (8 * i));
}

/* encoded[cols, rows] = the transpose of values[rows, cols], or both [rows, cols]. */
static void encode_all(const saving *s, const tg_file_tensor *tensor) {
    const size_t item   = tg_file_item_bytes(tensor->type);
    const bool   turned = tg_variable_file_layout(tensor->variable) == TG_FILE_TRANSPOSED;
    const size_t rows   = (size_t)tg_variable_shape(tensor->variable).rows, cols = (size_t)tg_variable_shape(tensor->variable).cols;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            encode(s->encoded + (turned ? j * rows + i : i * cols + j) * item, (const unsigned char *)s->values + (i * cols + j) * item, item);
}

/* A failure of the stream is seen by tg_write_file. */
static tg_status write_tensor(const saving *s, const tg_file_tensor *tensor, FILE *file) {
    tg_status status = tensor->type == TG_F64 ? tg_variable_read_f64(tensor->variable, s->values) : tg_variable_read(tensor->variable, s->values);
    if (status != TG_OK) return status;
    encode_all(s, tensor);
    fwrite(s->encoded, 1, tensor->end - tensor->begin, file);
    return TG_OK;
}

static tg_status write_all(FILE *file, void *context) {
    const saving *s      = context;
    tg_status     status = TG_OK;
    fwrite(s->header, 1, s->header_bytes, file);
    for (size_t i = 0; status == TG_OK && !ferror(file) && i < s->count; i++) status = write_tensor(s, &s->tensors[i], file);
    return status;
}

static tg_status save(saving *s) {
    tg_status status = list_tensors(s);
    if (status != TG_OK) return status;
    place_tensors(s);
    status = make_header(s);
    if (status != TG_OK) return status;
    s->values  = tg_allocate(s->most_bytes);
    s->encoded = tg_allocate(s->most_bytes);
    if (s->values == NULL || s->encoded == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "no memory to write %.400s", s->path);
    return tg_write_file(s->path, write_all, s);
}

tg_status tg_params_save(const tg_params *params, const char *path) {
    if (params == NULL || path == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_params_save: params or path is NULL");
    saving    s      = { .params = params, .path = path };
    tg_status status = save(&s);
    tg_release(s.tensors, (size_t)tg_variable_count(params) * sizeof *s.tensors);
    tg_release(s.header, s.header_bytes);
    tg_release(s.values, s.most_bytes);
    tg_release(s.encoded, s.most_bytes);
    return status;
}
