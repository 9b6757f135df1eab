/* status.h - version, status codes, last error, hooks: what every other header stands on.
 *
 * Rules of the whole library:
 *   A call that can fail returns a tg_status, or NULL, or a tensor whose tape remembers the failure. Nothing aborts, exits or prints.
 *   What you _new you _free; every _free accepts NULL. Names and options are copied; data is borrowed where the comment says so.
 *   Options are passed by pointer. NULL means all defaults, and a field left zero means its default.
 */
#ifndef TAPEGRAD_STATUS_H
#define TAPEGRAD_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TG_API        __attribute__((visibility("default")))
#define TG_MUST_CHECK __attribute__((warn_unused_result))   /* forgetting this status is a bug */
#define TG_FORMAT(text, first) __attribute__((format(printf, text, first)))
#else
#define TG_API
#define TG_MUST_CHECK
#define TG_FORMAT(text, first)
#endif

/* ---- version ---- */

#define TG_VERSION_MAJOR  0
#define TG_VERSION_MINOR  1
#define TG_VERSION_PATCH  0
#define TG_VERSION_NUMBER (TG_VERSION_MAJOR * 10000 + TG_VERSION_MINOR * 100 + TG_VERSION_PATCH)
#define TG_VERSION_STRING "0.1.0"

/* The version of the library that runs, for comparison with the macros above, which are those of the header. */
TG_API int         tg_version_number(void);
TG_API const char *tg_version_string(void);

/* ---- options ---- */

/* In an option of type double: "zero, and I mean it". Legal only in fields whose comment names it, because there 0.0 means the default. */
#define TG_ZERO (-1e-300)

/* ---- status ---- */

/* Every code with its fixed value and its text. TG_BUG is negative, so that the enum is an int for every compiler. */
#define TG_STATUS_TABLE(X)                                                                            \
    X(TG_BUG,             -1, "the library found itself in a state that should not exist")            \
    X(TG_OK,               0, "success")                                                              \
    X(TG_NULL_ARGUMENT,    1, "an object or pointer is NULL, perhaps from a constructor that failed") \
    X(TG_BAD_ARGUMENT,     2, "an argument or option is outside its legal range")                     \
    X(TG_OUT_OF_MEMORY,    3, "the allocator returned NULL")                                          \
    X(TG_TOO_LARGE,        4, "a size overflows or is above a limit")                                 \
    X(TG_SHAPE_MISMATCH,   5, "shapes do not fit together")                                           \
    X(TG_TYPE_MISMATCH,    6, "element types do not fit together")                                    \
    X(TG_OUT_OF_RANGE,     7, "a label or index is outside its range")                                \
    X(TG_UNKNOWN_NAME,     8, "no op, variable, group, node or data set has this name")               \
    X(TG_NAME_TAKEN,       9, "the name is in use")                                                   \
    X(TG_WRONG_TAPE,      10, "a tensor belongs to another tape")                                     \
    X(TG_OLD_STEP,        11, "a tensor belongs to an earlier step")                                  \
    X(TG_STALE,           12, "a variable was written since tg_use returned this tensor")             \
    X(TG_NOT_KEPT,        13, "the value was not kept; mark it with tg_keep before running")          \
    X(TG_NOT_FINITE,      14, "a value required to be finite is infinite or NaN")                     \
    X(TG_NO_DERIVATIVE,   15, "an op on the way has no derivative")                                   \
    X(TG_DISCONNECTED,    16, "the result does not depend on what it is to be differentiated by")     \
    X(TG_WRITTEN_TWICE,   17, "two assignments in one run write the same element")                    \
    X(TG_OVERLAP,         18, "an input lies in a variable's block or in the tape's memory")          \
    X(TG_NO_EXAMPLES,     19, "a data set, or a part of it, is empty")                                \
    X(TG_CANNOT_READ,     20, "the system could not open or read a file")                             \
    X(TG_CANNOT_WRITE,    21, "the system could not write a file")                                    \
    X(TG_BAD_FILE,        22, "a file is truncated, malformed or not of the expected kind")           \
    X(TG_UNSUPPORTED,     23, "this build or this file format cannot do it")                          \
    X(TG_CHECK_FAILED,    24, "a derivative or an op did not pass its check")

#define TG_STATUS_MEMBER_(name, value, text) name = value,
typedef enum tg_status { TG_STATUS_TABLE(TG_STATUS_MEMBER_) } tg_status;
#undef TG_STATUS_MEMBER_

/* "TG_SHAPE_MISMATCH" and "shapes do not fit together". Static strings; for an unknown code "TG_UNKNOWN" and "unknown status". */
TG_API const char *tg_status_name(tg_status status);
TG_API const char *tg_status_text(tg_status status);

/* Returns and clears the first failure of this thread that no object could keep: of constructors, and of calls given NULL.
 * *sentence (may be NULL) names what failed and why, "" for TG_OK, and is valid until the next tapegrad call of this thread. */
TG_API tg_status tg_last_error(const char **sentence);

/* ---- hooks: process-wide; set them before any other call, while no other thread uses the library ---- */

/* One function for all memory: pointer NULL: allocate; new_size 0: free and return NULL; otherwise resize and keep the contents. old_size is exact.
 * Returns NULL on failure, and pointer then stays valid. Must be callable from any thread. */
typedef void *(*tg_allocate_fn)(void *context, void *pointer, size_t old_size, size_t new_size, size_t alignment);

/* Every allocation of the library passes allocate; what jansson (for the JSON headers of files) and the C library (for streams) allocate for
 * themselves does not. NULL restores the C library's allocator. TG_BAD_ARGUMENT while memory from another one is held. */
TG_API TG_MUST_CHECK tg_status tg_set_allocator(tg_allocate_fn allocate, void *context);

/* Receives advice that is no error, such as which node makes every step compile anew. NULL (the default): silence. */
typedef void (*tg_log_fn)(void *context, const char *sentence);
TG_API void tg_set_log(tg_log_fn log, void *context);

/* Called inside the call that fails first, so that a debugger stopped here shows the line. NULL (the default): not called. */
typedef void (*tg_error_fn)(void *context, tg_status status, const char *sentence);
TG_API void tg_set_error_hook(tg_error_fn hook, void *context);

#ifdef __cplusplus
}
#endif
#endif
