/* opcheck.c - tapegrad opcheck: checks ops by name, all of them, or those of a shared object that registers its own. */
#include "cli/commands.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <tapegrad/check.h>
#include <tapegrad/op.h>

/* What a shared object with ops has: it registers them and returns the first failure. */
typedef tg_status (*register_fn)(void);
static const char entry_name[] = "tapegrad_ops";

static int fail(const char *what, const char *why) {
    fprintf(stderr, "tapegrad opcheck: %s: %s\n", what, why);
    return TG_CLI_FAILURE;
}

/* The sentence of a call that failed. */
static int fail_status(const char *what, tg_status status) {
    const char *sentence;
    tg_last_error(&sentence);
    return fail(what, sentence[0] != '\0' ? sentence : tg_status_text(status));
}

/* ---- shared objects ---- */

/* It stays open, because its ops are registered for ever. A name without a folder is a file here, and not one of the system's libraries. */
static int load_ops(const char *path) {
    union {
        void       *address;
        register_fn call;
    } entry;
    char        here[4096];
    const char *slash = strchr(path, '/') == NULL ? "./" : "";
    if ((size_t)snprintf(here, sizeof here, "%s%s", slash, path) >= sizeof here) return fail(path, "the path is too long");
    void *object = dlopen(here, RTLD_NOW | RTLD_LOCAL);
    if (object == NULL) return fail(path, dlerror());
    entry.address = dlsym(object, entry_name);
    if (entry.address == NULL) return fail(path, "there is no function tg_status tapegrad_ops(void)");
    const tg_status status = entry.call();
    return status == TG_OK ? TG_CLI_SUCCESS : fail_status(path, status);
}

/* ---- checking ---- */

static int check_one(const char *name) {
    const tg_status status = tg_op_check(name, stdout);
    if (status == TG_CHECK_FAILED) return tg_last_error(NULL), TG_CLI_FAILURE;      /* the report has said it */
    return status == TG_OK ? TG_CLI_SUCCESS : fail_status(name, status);
}

static int check_all(void) {
    const tg_status status = tg_op_check_all(stdout);
    if (status == TG_CHECK_FAILED) return tg_last_error(NULL), TG_CLI_FAILURE;
    return status == TG_OK ? TG_CLI_SUCCESS : fail_status("--all", status);
}

/* Those registered since there were first. */
static int check_registered(int first) {
    int result = TG_CLI_SUCCESS;
    for (int i = first; i < tg_op_count(); i++)
        if (check_one(tg_op_at(i)->name) != TG_CLI_SUCCESS) result = TG_CLI_FAILURE;
    return result;
}

/* ---- arguments ---- */

typedef struct request {
    bool all;
    int  objects, names;
} request;

static int refuse(const char *why, const char *argument) {
    fprintf(stderr, "tapegrad opcheck: %s%s\nusage: tapegrad opcheck [--ops FILE.so]... [NAME... | --all]\n", why, argument);
    return TG_CLI_USAGE;
}

/* Loads objects as they come, so that names behind them may be theirs. */
static int read_arguments(int count, char **arguments, request *r) {
    for (int i = 0; i < count; i++) {
        if (strcmp(arguments[i], "--all") == 0) r->all = true;
        else if (strcmp(arguments[i], "--ops") == 0) {
            if (++i == count) return refuse("--ops needs a file", "");
            if (load_ops(arguments[i]) != TG_CLI_SUCCESS) return TG_CLI_FAILURE;
            r->objects++;
        } else if (arguments[i][0] == '-') return refuse("unknown option ", arguments[i]);
        else r->names++;
    }
    if (r->all && r->names > 0) return refuse("either names or --all", "");
    return r->all || r->names > 0 || r->objects > 0 ? TG_CLI_SUCCESS : refuse("name an op, or --all", "");
}

int tg_cli_opcheck(int count, char **arguments) {
    request   r      = { 0 };
    const int first  = tg_op_count();
    int       result = read_arguments(count, arguments, &r);
    if (result != TG_CLI_SUCCESS) return result;
    if (r.all) return check_all();
    if (r.names == 0) return check_registered(first);
    for (int i = 0; i < count; i++) {
        if (strcmp(arguments[i], "--ops") == 0) i++;
        else if (check_one(arguments[i]) != TG_CLI_SUCCESS) result = TG_CLI_FAILURE;
    }
    return result;
}
