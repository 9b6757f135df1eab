#include "core/util.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

static void *c_library_allocate(void *context, void *pointer, size_t old_size, size_t new_size, size_t alignment) {
    (void)context;
    if (new_size == 0) {
        free(pointer);
        return NULL;
    }
    if (new_size > SIZE_MAX - alignment) return NULL;
    void *fresh = aligned_alloc(alignment, (new_size + alignment - 1) / alignment * alignment);
    if (fresh != NULL && pointer != NULL) {
        memcpy(fresh, pointer, old_size < new_size ? old_size : new_size);
        free(pointer);
    }
    return fresh;
}

static tg_allocate_fn allocate_hook = c_library_allocate;
static void          *allocate_context;
static atomic_size_t  blocks_held;      /* so that nobody exchanges the allocator under memory that another one must free */

tg_status tg_set_allocator(tg_allocate_fn allocate, void *context) {
    if (atomic_load(&blocks_held) != 0)
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_set_allocator: %zu blocks from the present allocator are held; set it before any other call",
                              atomic_load(&blocks_held));
    allocate_hook    = allocate != NULL ? allocate : c_library_allocate;
    allocate_context = allocate != NULL ? context : NULL;
    return TG_OK;
}

void *tg_allocate(size_t bytes) { return tg_reallocate(NULL, 0, bytes); }

/* No block has size zero: to the allocator that would mean to free it. */
static size_t at_least_one(size_t bytes) { return bytes != 0 ? bytes : 1; }

void tg_release(void *memory, size_t bytes) {
    if (memory == NULL) return;
    allocate_hook(allocate_context, memory, at_least_one(bytes), 0, TG_ALIGNMENT);
    atomic_fetch_sub(&blocks_held, 1);
}

void *tg_reallocate(void *memory, size_t old_bytes, size_t new_bytes) {
    size_t old_size = memory != NULL ? at_least_one(old_bytes) : 0, new_size = at_least_one(new_bytes);
    char  *fresh    = allocate_hook(allocate_context, memory, old_size, new_size, TG_ALIGNMENT);
    if (fresh == NULL) return NULL;
    if (memory == NULL) atomic_fetch_add(&blocks_held, 1);
    if (new_size > old_size) memset(fresh + old_size, 0, new_size - old_size);
    return fresh;
}

bool tg_grow(void **array, size_t *capacity, size_t needed, size_t element_bytes) {
    if (needed <= *capacity) return true;
    size_t larger = *capacity < 8 ? 16 : *capacity;
    while (larger < needed) {
        if (larger > SIZE_MAX / 2) return false;
        larger *= 2;
    }
    size_t bytes;
    if (!tg_multiply(larger, element_bytes, &bytes)) return false;
    void *fresh = tg_reallocate(*array, *capacity * element_bytes, bytes);
    if (fresh == NULL) return false;
    *array    = fresh;
    *capacity = larger;
    return true;
}

char *tg_text_copy(const char *text) {
    char *copy = tg_allocate(strlen(text) + 1);
    if (copy != NULL) memcpy(copy, text, strlen(text) + 1);
    return copy;
}

char *tg_text_format(const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int length = vsnprintf(NULL, 0, format, arguments);
    char     *text   = length >= 0 ? tg_allocate((size_t)length + 1) : NULL;
    if (text != NULL) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(arguments);
    return text;
}

void tg_text_release(char *text) {
    if (text != NULL) tg_release(text, strlen(text) + 1);
}

bool tg_multiply(size_t a, size_t b, size_t *product) {
    if (b != 0 && a > SIZE_MAX / b) return false;
    *product = a * b;
    return true;
}

/* ---- hooks and the last error of this thread ---- */

static tg_error_fn error_hook;
static void       *error_context;
static tg_log_fn   log_hook;
static void       *log_context;

static _Thread_local tg_status last_status;
static _Thread_local char      last_sentence[512];
static _Thread_local char      shown_sentence[512];

void tg_set_error_hook(tg_error_fn hook, void *context) {
    error_hook    = hook;
    error_context = context;
}

void tg_set_log(tg_log_fn log, void *context) {
    log_hook    = log;
    log_context = context;
}

void tg_tell_error(tg_status status, const char *sentence) {
    if (error_hook != NULL) error_hook(error_context, status, sentence);
}

void tg_tell_log(const char *sentence) {
    if (log_hook != NULL) log_hook(log_context, sentence);
}

tg_status tg_fail_thread_list(tg_status status, const char *format, va_list arguments) {
    char sentence[sizeof last_sentence];
    vsnprintf(sentence, sizeof sentence, format, arguments);
    const bool first = last_status == TG_OK;
    tg_keep_failure(status, sentence);
    if (first) tg_tell_error(status, sentence);
    return status;
}

void tg_keep_failure(tg_status status, const char *sentence) {
    if (last_status != TG_OK) return;
    last_status = status;
    snprintf(last_sentence, sizeof last_sentence, "%s", sentence);
}

tg_status tg_fail_thread(tg_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    tg_fail_thread_list(status, format, arguments);
    va_end(arguments);
    return status;
}

tg_status tg_last_error(const char **sentence) {
    tg_status status = last_status;
    memcpy(shown_sentence, last_sentence, sizeof shown_sentence);
    if (status == TG_OK) shown_sentence[0] = '\0';
    if (sentence != NULL) *sentence = shown_sentence;
    last_status      = TG_OK;
    last_sentence[0] = '\0';
    return status;
}
