/* main.c - the program tapegrad: a table of subcommands, written with the public headers. */
#include <stdio.h>
#include <string.h>
#include <tapegrad/status.h>

#include "cli/commands.h"

typedef struct command {
    const char *name, *usage, *help;
    int (*run)(int count, char **arguments);      /* see commands.h */
} command;

static const command commands[] = {
    { "explain", "explain --net SIZES | FORMULA | --lesson N [OPTION]...",
      "print a net or a formula with its derivatives: every message of the chain rule, with its numbers", tg_cli_explain },
    { "lesson", "lesson N [--from K] [--answers | --sheet] | --list",
      "an exercise in the terminal, which asks for the next number and checks it", tg_cli_lesson },
    { "opcheck", "opcheck [--ops FILE.so]... [NAME... | --all]",
      "hold ops to everything that their descriptors promise; see tg_op_check", tg_cli_opcheck },
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static int print_help(FILE *to) {
    fprintf(to, "usage: tapegrad COMMAND ...\n\n");
    for (int i = 0; i < COMMANDS; i++) fprintf(to, "  tapegrad %s\n      %s\n", commands[i].usage, commands[i].help);
    fprintf(to, "  tapegrad COMMAND --help\n  tapegrad --version\n  tapegrad --help\n");
    return to == stdout ? TG_CLI_SUCCESS : TG_CLI_USAGE;
}

static int print_version(void) {
    printf("tapegrad %s\n", tg_version_string());
    return TG_CLI_SUCCESS;
}

/* What was printed has to arrive, too. */
static int end(const char *name, int result) {
    if (result != TG_CLI_SUCCESS || (fflush(stdout) == 0 && !ferror(stdout))) return result;
    fprintf(stderr, "tapegrad%s%s: cannot write to standard output\n", name[0] != '-' ? " " : "", name[0] != '-' ? name : "");
    return TG_CLI_FAILURE;
}

int main(int count, char **arguments) {
    const char *name = count > 1 ? arguments[1] : "";
    if (strcmp(name, "--version") == 0) return end(name, print_version());
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) return end(name, print_help(stdout));
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0) return end(name, commands[i].run(count - 1, arguments + 1));
    if (name[0] != '\0') fprintf(stderr, "tapegrad: there is no command \"%s\"\n", name);
    return print_help(stderr);
}
