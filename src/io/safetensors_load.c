/* safetensors_load.c - the reader of safetensors. Everything is read and checked before the first variable is written. */
#include "io/safetensors.h"

#include "core/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* All that one call of tg_params_load holds. */
typedef struct loading {
    tg_params              *params;
    const char             *path;
    tg_load_params_options  options;
    FILE                   *file;
    size_t                  file_bytes;
    char                   *header;
    size_t                  header_bytes;
    json_t                 *json;        /* owns the names of tensors */
    tg_file_tensor         *tensors;
    size_t                  count, capacity;
    unsigned char          *data;
    size_t                  data_bytes;
    void                   *values;      /* [values_bytes], the largest variable */
    size_t                  values_bytes;
} loading;

#define DEFAULT_MAX_BYTES ((uint64_t)4 << 30)

static tg_status fail_read(const loading *l, int error) { return tg_fail_thread(TG_CANNOT_READ, "cannot read %.400s: %s", l->path, strerror(error)); }
static tg_status fail_memory(const loading *l) { return tg_fail_thread(TG_OUT_OF_MEMORY, "no memory to read %.400s", l->path); }

/* ---- the file ---- */

/* Only a file has a size to be held to; and without O_NONBLOCK a pipe would keep us waiting. */
static tg_status open_file(loading *l) {
    struct stat about;
    int handle = open(l->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (handle < 0) return fail_read(l, errno);
    int error = fstat(handle, &about) != 0 ? errno : 0;
    if (error == 0 && !S_ISREG(about.st_mode)) error = S_ISDIR(about.st_mode) ? EISDIR : EINVAL;
    if (error == 0 && (l->file = fdopen(handle, "rb")) == NULL) error = errno;
    if (error != 0) {
        close(handle);
        return fail_read(l, error);
    }
    uint64_t most = l->options.max_bytes != 0 ? l->options.max_bytes : DEFAULT_MAX_BYTES, bytes = (uint64_t)about.st_size;
    if (bytes > most || bytes > SIZE_MAX)
        return tg_fail_thread(TG_TOO_LARGE, "%.400s has %" PRIu64 " bytes, and the limit is %" PRIu64, l->path, bytes, most);
    l->file_bytes = (size_t)bytes;
    return TG_OK;
}

static tg_status read_bytes(loading *l, void *to, size_t bytes) {
    errno = 0;
    if (fread(to, 1, bytes, l->file) == bytes) return TG_OK;
    if (ferror(l->file)) return fail_read(l, errno != 0 ? errno : EIO);
    return tg_fail_thread(TG_BAD_FILE, "%.400s ends too early", l->path);
}

static tg_status read_header_length(loading *l) {
    unsigned char length[TG_HEADER_LENGTH_BYTES];
    uint64_t      bytes  = 0;
    tg_status     status = read_bytes(l, length, sizeof length);
    if (status != TG_OK) return status;
    for (int i = 0; i < TG_HEADER_LENGTH_BYTES; i++) bytes |= (uint64_t)length[i] << (8 * i);
    if (l->file_bytes < TG_HEADER_LENGTH_BYTES || bytes > l->file_bytes - TG_HEADER_LENGTH_BYTES)
        return tg_fail_thread(TG_BAD_FILE, "%.400s is shorter than its header, or no safetensors", l->path);
    if (bytes > TG_MOST_HEADER_BYTES) return tg_fail_thread(TG_BAD_FILE, "%.400s: the header is above 16 MiB", l->path);
    l->header_bytes = (size_t)bytes;
    l->data_bytes   = l->file_bytes - TG_HEADER_LENGTH_BYTES - l->header_bytes;
    return TG_OK;
}

/* jansson sets no text where only its memory failed. */
static tg_status parse_header(loading *l) {
    json_error_t error;
    if (l->header_bytes == 0 || l->header[0] != '{') return tg_fail_thread(TG_BAD_FILE, "%.400s: the header does not begin with {", l->path);
    l->json = json_loadb(l->header, l->header_bytes, JSON_REJECT_DUPLICATES, &error);
    if (l->json != NULL) return TG_OK;
    if (json_error_code(&error) == json_error_out_of_memory || error.text[0] == '\0') return fail_memory(l);
    return tg_fail_thread(TG_BAD_FILE, "%.400s: the header is no JSON: %s", l->path, error.text);
}

static tg_status read_header(loading *l) {
    tg_status status = read_header_length(l);
    if (status != TG_OK) return status;
    l->header = tg_allocate(l->header_bytes);
    if (l->header == NULL) return fail_memory(l);
    status = read_bytes(l, l->header, l->header_bytes);
    if (status == TG_OK) status = parse_header(l);
    if (status == TG_OK) status = tg_read_header(l->json, l->data_bytes, l->path, &l->tensors, &l->count, &l->capacity);
    return status;
}

/* ---- tensors and variables ---- */

static void describe_shape(char text[64], size_t rank, const int64_t shape[2]) {
    if (rank == 0) snprintf(text, 64, "[]");
    else if (rank == 1) snprintf(text, 64, "[%" PRId64 "]", shape[0]);
    else snprintf(text, 64, "[%" PRId64 ",%" PRId64 "%s]", shape[0], shape[1], rank > 2 ? ",..." : "");
}

static tg_status check_shape(const loading *l, const tg_file_tensor *tensor) {
    size_t  rank = 0;
    int64_t shape[2];
    tg_file_shape_of(tensor->variable, &rank, shape);
    if (tensor->rank == rank && tensor->shape[0] == shape[0] && (rank == 1 || tensor->shape[1] == shape[1])) return TG_OK;
    char found[64], needed[64];
    describe_shape(found, tensor->rank, tensor->shape);
    describe_shape(needed, rank, shape);
    return tg_fail_thread(TG_SHAPE_MISMATCH, "tensor \"%.100s\" of %.400s is %s, and the variable needs %s", tensor->name, l->path, found, needed);
}

static tg_status match_tensors(loading *l) {
    for (size_t i = 0; i < l->count; i++) {
        tg_file_tensor *tensor = &l->tensors[i];
        tensor->variable = tg_variable_find(l->params, tensor->name);
        if (tensor->variable == NULL && l->options.allow_extra) continue;
        if (tensor->variable == NULL)
            return tg_fail_thread(TG_UNKNOWN_NAME, "there is no variable for tensor \"%.100s\" of %.400s", tensor->name, l->path);
        if (tensor->type == TG_DEFAULT_TYPE)
            return tg_fail_thread(TG_UNSUPPORTED, "tensor \"%.100s\" of %.400s: dtype %.40s; a variable is read from F32 or F64", tensor->name,
                                  l->path, tensor->dtype);
        tg_status status = check_shape(l, tensor);
        if (status != TG_OK) return status;
        size_t bytes = tensor->end - tensor->begin;
        if (bytes > l->values_bytes) l->values_bytes = bytes;
    }
    return TG_OK;
}

static tg_status check_missing(const loading *l) {
    for (int i = 0; !l->options.allow_missing && i < tg_variable_count(l->params); i++) {
        const char *name = tg_variable_name(tg_variable_at(l->params, i));
        if (strcmp(name, TG_METADATA_NAME) == 0 || json_object_get(l->json, name) == NULL)
            return tg_fail_thread(TG_UNKNOWN_NAME, "%.400s has no tensor \"%.100s\"", l->path, name);
    }
    return TG_OK;
}

/* ---- the data ---- */

static void decode(unsigned char *to, const unsigned char *from, size_t item_bytes) {
    uint64_t bits = 0;
    for (size_t i = 0; i < item_bytes; i++) bits |= (uint64_t)from[i] << (8 * i);
    uint32_t half = (uint32_t)bits;
    if (item_bytes == 8) memcpy(to, &bits, 8);
    else memcpy(to, &half, 4);
}

/* values[rows, cols] = the transpose of data[cols, rows], or both [rows, cols]. */
static void decode_all(const loading *l, const tg_file_tensor *tensor) {
    const unsigned char *from   = l->data + tensor->begin;
    const size_t         item   = tg_file_item_bytes(tensor->type);
    const bool           turned = tg_variable_file_layout(tensor->variable) == TG_FILE_TRANSPOSED;
    const size_t         rows   = (size_t)tg_variable_shape(tensor->variable).rows, cols = (size_t)tg_variable_shape(tensor->variable).cols;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            decode((unsigned char *)l->values + (i * cols + j) * item, from + (turned ? j * rows + i : i * cols + j) * item, item);
}

static tg_status read_data(loading *l) {
    l->data   = tg_allocate(l->data_bytes);
    l->values = tg_allocate(l->values_bytes);
    if (l->data == NULL || l->values == NULL) return fail_memory(l);
    return read_bytes(l, l->data, l->data_bytes);
}

/* The variable converts from the type of the file. Nothing here can fail any more but for a bug. */
static tg_status write_variables(const loading *l) {
    for (size_t i = 0; i < l->count; i++) {
        const tg_file_tensor *tensor = &l->tensors[i];
        if (tensor->variable == NULL) continue;
        decode_all(l, tensor);
        const tg_status status = tensor->type == TG_F64 ? tg_variable_write_f64(tensor->variable, l->values)
                                                        : tg_variable_write(tensor->variable, l->values);
        if (status != TG_OK) return status;
    }
    return TG_OK;
}

static tg_status load(loading *l) {
    tg_status status = open_file(l);
    if (status == TG_OK) status = read_header(l);
    if (status == TG_OK) status = match_tensors(l);
    if (status == TG_OK) status = check_missing(l);
    if (status == TG_OK) status = read_data(l);
    if (status == TG_OK) status = write_variables(l);
    return status;
}

tg_status tg_params_load(tg_params *params, const char *path, const tg_load_params_options *options) {
    if (params == NULL || path == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_params_load: params or path is NULL");
    loading l = { .params = params, .path = path };
    if (options != NULL) l.options = *options;
    tg_status status = load(&l);
    if (l.file != NULL) fclose(l.file);
    json_decref(l.json);
    tg_release(l.header, l.header_bytes);
    tg_release(l.tensors, l.capacity * sizeof *l.tensors);
    tg_release(l.data, l.data_bytes);
    tg_release(l.values, l.values_bytes);
    return status;
}
