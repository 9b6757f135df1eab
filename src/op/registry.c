/* registry.c - ops by name: the built-in ones, and behind them those that users registered, for ever. */
#include "core/util.h"
#include "op/builtin.h"

#include <ctype.h>
#include <pthread.h>
#include <string.h>

#define ADDRESS(name) &tg_##name##_op,
static const tg_op *const builtin[] = { TG_BUILTIN_OPS(ADDRESS) };
enum { BUILTIN_COUNT = sizeof builtin / sizeof builtin[0] };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const tg_op   **registered;
static size_t          registered_count, registered_capacity;

static const tg_op *at_locked(size_t index) {
    if (index < BUILTIN_COUNT) return builtin[index];
    return index - BUILTIN_COUNT < registered_count ? registered[index - BUILTIN_COUNT] : NULL;
}

static const tg_op *find_locked(const char *name) {
    for (size_t i = 0; at_locked(i) != NULL; i++)
        if (strcmp(at_locked(i)->name, name) == 0) return at_locked(i);
    return NULL;
}

static bool is_identifier(const char *name) {
    if (!isalpha((unsigned char)name[0]) && name[0] != '_') return false;
    for (; *name != '\0'; name++)
        if (!isalnum((unsigned char)*name) && *name != '_') return false;
    return true;
}

static tg_status check_descriptor(const tg_op *op) {
    if (op == NULL || op->name == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_register: the op or its name is NULL");
    if (op->size != sizeof(tg_op)) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_register: \"%.100s\" was built for another version", op->name);
    if (!is_identifier(op->name)) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_register: \"%.100s\" is no C identifier", op->name);
    if (op->arity < -1) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_register: \"%s\" has arity %d", op->name, op->arity);
    if (op->expand == NULL && op->f64 == NULL)
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_register: \"%s\" has neither an f64 kernel nor an expand", op->name);
    if (op->expand == NULL && op->f32 == NULL && !(op->flags & (TG_OP_ELEMENTWISE | TG_OP_ROWWISE)))
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_register: \"%s\" has no f32 kernel and is neither elementwise nor rowwise", op->name);
    return TG_OK;
}

static tg_status register_locked(const tg_op *op) {
    const tg_op *same = find_locked(op->name);
    if (same == op) return TG_OK;
    if (same != NULL) return tg_fail_thread(TG_NAME_TAKEN, "tg_register: there is an op \"%s\" already", op->name);
    void      *array = registered;
    const bool grown = tg_grow(&array, &registered_capacity, registered_count + 1, sizeof *registered);
    registered       = array;
    if (!grown)
        return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_register: no memory for \"%s\"", op->name);
    registered[registered_count++] = op;
    return TG_OK;
}

tg_status tg_register(const tg_op *op) {
    tg_status status = check_descriptor(op);
    if (status != TG_OK) return status;
    pthread_mutex_lock(&lock);
    status = register_locked(op);
    pthread_mutex_unlock(&lock);
    return status;
}

const tg_op *tg_op_find(const char *name) {
    if (name == NULL) return NULL;
    pthread_mutex_lock(&lock);
    const tg_op *op = find_locked(name);
    pthread_mutex_unlock(&lock);
    return op;
}

int tg_op_count(void) {
    pthread_mutex_lock(&lock);
    int count = BUILTIN_COUNT + (int)registered_count;
    pthread_mutex_unlock(&lock);
    return count;
}

const tg_op *tg_op_at(int index) {
    if (index < 0) return NULL;
    pthread_mutex_lock(&lock);
    const tg_op *op = at_locked((size_t)index);
    pthread_mutex_unlock(&lock);
    return op;
}

/* ---- applying ---- */

tg_tensor tg_apply1(const tg_op *op, tg_tensor x, const void *attributes) { return tg_apply(x.tape, op, &x, 1, attributes); }

tg_tensor tg_apply2(const tg_op *op, tg_tensor x, tg_tensor y) {
    return tg_apply(x.tape != NULL ? x.tape : y.tape, op, (const tg_tensor[]){ x, y }, 2, NULL);
}

tg_tensor tg_apply3(const tg_op *op, tg_tensor x, tg_tensor y, tg_tensor z) {
    return tg_apply(x.tape != NULL ? x.tape : y.tape != NULL ? y.tape : z.tape, op, (const tg_tensor[]){ x, y, z }, 3, NULL);
}
