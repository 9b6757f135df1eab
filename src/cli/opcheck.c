/* opcheck.c - tapegrad opcheck: checks ops by name, all of them, or those of a shared object that registers its own. */
#include "cli/commands.h"
#include "cli/options.h"

#include <dlfcn.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <tapegrad/check.h>
#include <tapegrad/op.h>

enum { ALL = 256, OPS };

static const tg_cli_option options[] = {
    { NULL, NULL, "Options:", 0 },
    { "all", NULL, "every op that is registered", ALL },
    { "ops", "FILE.so", "load a shared object whose function tg_status tapegrad_ops(void) registers ops; alone, these are checked", OPS },
};

static const tg_cli_command command = {
    "opcheck", "opcheck [--ops FILE.so]... [NAME... | --all]", "Holds ops to everything that their descriptors promise; see tg_op_check.", options,
    sizeof options / sizeof options[0],
    "  tapegrad opcheck mul\n  tapegrad opcheck --all\n  tapegrad opcheck --ops ./my_ops.so\n", NULL,
};

/* What a shared object with ops has: it registers them and returns the first failure. */
typedef tg_status (*register_fn)(void);
static const char entry_name[] = "tapegrad_ops";

static int fail(const char *what, const char *why) { return tg_cli_fail(&command, "%s: %s", what, why); }
static int fail_status(const char *what, tg_status status) { return tg_cli_fail_status(&command, what, status); }

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

/* Loads objects as they come; TG_CLI_HELPED: nothing is left to do. */
static int read_arguments(int count, char **arguments, bool *all, int *objects) {
    const char *value;
    int         code;
    while ((code = tg_cli_next_option(&command, count, arguments, &value)) != TG_CLI_END) {
        if (code == TG_CLI_HELPED) return code;
        if (code == TG_CLI_REFUSED) return TG_CLI_USAGE;
        if (code == ALL) *all = true;
        else if (load_ops(value) != TG_CLI_SUCCESS) return TG_CLI_FAILURE;
        else (*objects)++;
    }
    if (*all && optind < count) return tg_cli_refuse(&command, "either names or --all");
    return *all || optind < count || *objects > 0 ? TG_CLI_SUCCESS : tg_cli_refuse(&command, "name an op, or --all");
}

int tg_cli_opcheck(int count, char **arguments) {
    bool      all     = false;
    int       objects = 0;
    const int first   = tg_op_count();
    int       result  = read_arguments(count, arguments, &all, &objects);
    if (result == TG_CLI_HELPED) return TG_CLI_SUCCESS;
    if (result != TG_CLI_SUCCESS) return result;
    if (all) return check_all();
    if (optind == count) return check_registered(first);
    for (int i = optind; i < count; i++)
        if (check_one(arguments[i]) != TG_CLI_SUCCESS) result = TG_CLI_FAILURE;
    return result;
}
