/* patterns.c - the table of fusions: the built-in rows, and behind them those that users registered, for ever. */
#include "op/builtin.h"
#include "plan/planned.h"

#include <ctype.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* A row has a bit behind those of the passes. */
enum { MOST_PATTERNS = 64 - TG_PASS_COUNT };

#define ADDRESS(name) &tg_##name##_fusion,
static const tg_fusion *const builtin[] = { TG_BUILTIN_FUSIONS(ADDRESS) };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t  once = PTHREAD_ONCE_INIT;
static tg_pattern      rows[MOST_PATTERNS];      /* readers see those below count only, which are complete */
static _Atomic size_t  count;

static tg_status add_locked(const tg_fusion *fusion) {
    const size_t index = atomic_load(&count);
    if (index == MOST_PATTERNS)
        return tg_fail_thread(TG_TOO_LARGE, "tg_register_fusion: \"%s\": there are %d fusions already", fusion->name, MOST_PATTERNS);
    tg_pattern *row = &rows[index];
    *row = (tg_pattern){ .fusion = *fusion };
    snprintf(row->name, sizeof row->name, "%s", fusion->name);
    row->fusion.name       = row->name;
    const tg_status status = tg_pattern_parse(row);
    row->fusion.pattern    = NULL;      /* the caller's */
    if (status != TG_OK) return status;
    if (fusion->op != NULL && fusion->op->arity >= 0 && fusion->op->arity != row->input_count)
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_register_fusion: \"%s\": %s has %d operands and the pattern %d inputs", fusion->name,
                              fusion->op->name, fusion->op->arity, row->input_count);
    atomic_store(&count, index + 1);
    return TG_OK;
}

/* Once before anything else, and by nobody who could fail. */
static void add_builtin(void) {
    for (size_t i = 0; i < sizeof builtin / sizeof builtin[0]; i++) add_locked(builtin[i]);
}

size_t tg_pattern_count(void) {
    pthread_once(&once, add_builtin);
    return atomic_load(&count);
}

const tg_pattern *tg_pattern_at(size_t index) { return &rows[index]; }

/* ---- registering ---- */

static bool is_identifier(const char *name) {
    if (!isalpha((unsigned char)name[0]) && name[0] != '_') return false;
    for (; *name != '\0'; name++)
        if (!isalnum((unsigned char)*name) && *name != '_') return false;
    return true;
}

static tg_status check_op(const tg_fusion *f) {
    const unsigned refused = TG_OP_RANDOM | TG_OP_ASSIGN | TG_OP_VIEW | TG_OP_CONCAT;
    if (f->op->size != sizeof(tg_op))
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_register_fusion: the op of \"%s\" was built for another version", f->name);
    if (f->op->expand == NULL) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_register_fusion: the op of \"%s\" has no expand", f->name);
    if (f->op->flags & refused)
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_register_fusion: the op of \"%s\" draws, assigns, views or joins", f->name);
    if (f->op->attribute_size > 0 && f->attributes == NULL)
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_register_fusion: \"%s\" does not say what the attributes of its op are", f->name);
    return TG_OK;
}

static tg_status check_fusion(const tg_fusion *f) {
    if (f == NULL || f->name == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_register_fusion: the fusion or its name is NULL");
    if (f->size != sizeof(tg_fusion)) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_register_fusion: \"%.100s\" was built for another version", f->name);
    if (f->pattern == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_register_fusion: \"%.100s\" has no pattern", f->name);
    if (!is_identifier(f->name)) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_register_fusion: \"%.100s\" is no C identifier", f->name);
    if (strlen(f->name) >= TG_PATTERN_NAME) return tg_fail_thread(TG_TOO_LARGE, "tg_register_fusion: \"%.100s\" is too long a name", f->name);
    const bool has_loop = f->f32 != NULL || f->f64 != NULL;
    if ((f->op != NULL) == has_loop) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_register_fusion: \"%s\" needs either an op or loops", f->name);
    if (has_loop && f->attributes != NULL)
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_register_fusion: \"%s\": a loop has no attributes of its own", f->name);
    return has_loop ? TG_OK : check_op(f);
}

tg_status tg_register_fusion(const tg_fusion *fusion) {
    tg_status status = check_fusion(fusion);
    if (status != TG_OK) return status;
    pthread_once(&once, add_builtin);
    pthread_mutex_lock(&lock);
    if (tg_pass_bits(fusion->name, strlen(fusion->name)) != 0)
        status = tg_fail_thread(TG_NAME_TAKEN, "tg_register_fusion: there is a pass or fusion \"%s\" already", fusion->name);
    else status = add_locked(fusion);
    pthread_mutex_unlock(&lock);
    return status;
}
