/* util.h - memory, sizes, failures without an object: what every room may use beside the public headers. */
#ifndef TAPEGRAD_CORE_UTIL_H
#define TAPEGRAD_CORE_UTIL_H

#include <stdarg.h>
#include <stdio.h>
#include <tapegrad/status.h>

#define TG_ALIGNMENT ((size_t)64)

/* ---- memory: everything passes the allocator of tg_set_allocator. NULL on failure; no failure is reported here ---- */

void *tg_allocate(size_t bytes);                                           /* zeroed, on 64 bytes; also for bytes == 0 */
void  tg_release(void *memory, size_t bytes);                              /* the size it was allocated with; NULL is fine */
void *tg_reallocate(void *memory, size_t old_bytes, size_t new_bytes);     /* new bytes are zero; memory stays valid on failure */

/* Makes room for needed elements in a growing array; false: out of memory, nothing changed. */
bool tg_grow(void **array, size_t *capacity, size_t needed, size_t element_bytes);

/* A copy of text, and what printf would print; freed with tg_text_release. */
char *tg_text_copy(const char *text);
char *tg_text_format(const char *format, ...) TG_FORMAT(1, 2);
void  tg_text_release(char *text);

/* *product = a * b; false if it overflows. */
bool tg_multiply(size_t a, size_t b, size_t *product);

/* ---- failures that no object can keep: the first is kept for tg_last_error and told to the error hook. Returns status ---- */

tg_status tg_fail_thread(tg_status status, const char *format, ...) TG_FORMAT(2, 3);
tg_status tg_fail_thread_list(tg_status status, const char *format, va_list arguments) TG_FORMAT(2, 0);

/* The same for a failure of which the hook has been told. */
void tg_keep_failure(tg_status status, const char *sentence);

/* Tells the hooks. */
void tg_tell_error(tg_status status, const char *sentence);
void tg_tell_log(const char *sentence);

/* ---- variables ---- */

/* Takes back the variables made since there were count, for what makes several and fails half way. None of them may have been used. */
struct tg_params;
void tg_params_take_back(struct tg_params *params, int count);

/* A variable in its block, and whether assignments and gradients leave it out. */
typedef struct tg_slice {
    const char *name;
    int64_t     offset, rows, cols;
    bool        frozen;
} tg_slice;

/* Variable number index of the block that node id stands for; false behind the last, and for a node that is no block. */
struct tg_tape;
bool tg_slice_at(const struct tg_tape *tape, uint32_t id, int index, tg_slice *slice);

/* ---- recording beside the step ---- */

/* Where a tape stands. */
typedef struct tg_position {
    size_t   length, operand_count, attribute_count, leaf_count, section_count, section_node_count, message_count;
    uint32_t draws;
} tg_position;

tg_position tg_position_of(const struct tg_tape *tape);

/* Takes away what was recorded since, and the failure of it, which is then one for tg_last_error. The tape must not have failed before, and nothing
 * may have run since. */
void tg_take_back(struct tg_tape *tape, tg_position position);

/* ---- files ---- */

/* Writes a file that is complete on the disk, or as it was before: a temporary file beside it, fsync, rename, fsync of the folder. write is given
 * the open file and returns a status; it reports its own failures other than those of the stream. */
typedef tg_status (*tg_write_fn)(FILE *file, void *context);
tg_status tg_write_file(const char *path, tg_write_fn write, void *context);

#endif
