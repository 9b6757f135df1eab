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

/* ---- files ---- */

/* Writes a file that is complete on the disk, or as it was before: a temporary file beside it, fsync, rename, fsync of the folder. write is given
 * the open file and returns a status; it reports its own failures other than those of the stream. */
typedef tg_status (*tg_write_fn)(FILE *file, void *context);
tg_status tg_write_file(const char *path, tg_write_fn write, void *context);

#endif
