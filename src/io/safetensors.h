/* safetensors.h - what the reader and the writer of safetensors share.
 *
 *   file = length of header, u64 little-endian | header, JSON, may end in spaces | data
 *   header = { "__metadata__": { text: text }, name: { "dtype": "F32", "shape": [...], "data_offsets": [begin, end] }, ... }
 *
 * Offsets count from the begin of the data. The tensors cover the data without holes, overlap or a tail. Elements are little-endian, row-major.
 */
#ifndef TAPEGRAD_IO_SAFETENSORS_H
#define TAPEGRAD_IO_SAFETENSORS_H

#include <jansson.h>
#include <tapegrad/io.h>

enum { TG_HEADER_LENGTH_BYTES = 8, TG_MOST_HEADER_BYTES = 16 << 20 };

#define TG_METADATA_NAME "__metadata__"

/* A tensor as the header describes it. */
typedef struct tg_file_tensor {
    const char  *name;          /* belongs to the JSON value, or to the variable */
    tg_variable *variable;      /* the one it belongs to; NULL: none */
    const char  *dtype;         /* as in the header; belongs to the JSON value */
    tg_type      type;          /* TG_F32 or TG_F64; TG_DEFAULT_TYPE: one that no variable has */
    size_t       rank;
    int64_t      shape[2];      /* the first two; variables have no more */
    size_t       begin, end;    /* bytes of the data */
} tg_file_tensor;

static inline size_t tg_file_item_bytes(tg_type type) { return type == TG_F64 ? 8 : 4; }

/* rank and shape of a variable in a file; the three layouts are decided here. */
void tg_file_shape_of(const tg_variable *variable, size_t *rank, int64_t shape[2]);

/* The tensors of a header, in the order of their offsets; tensors belongs to the caller, who frees it as capacity elements. All rules that need no
 * variables are checked; data_bytes is what the file has behind the header. Failures have been told; path is for their sentences. */
tg_status tg_read_header(json_t *header, size_t data_bytes, const char *path, tg_file_tensor **tensors, size_t *count, size_t *capacity);

#endif
