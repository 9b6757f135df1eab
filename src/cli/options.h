/* options.h - the options of a subcommand as a table, of which both its reader and its help are made; and how a command refuses and fails. */
#ifndef TAPEGRAD_CLI_OPTIONS_H
#define TAPEGRAD_CLI_OPTIONS_H

#include <stddef.h>
#include <tapegrad/status.h>

/* A row with a name of NULL is a heading of the help. */
typedef struct tg_cli_option {
    const char *name, *argument, *help;      /* argument NULL: it takes none */
    int         code;                        /* what tg_cli_next_option returns; a letter, if it has a short form */
} tg_cli_option;

typedef struct tg_cli_command {
    const char          *name;
    const char          *usage;              /* lines that follow "tapegrad", '\n' between them */
    const char          *summary;
    const tg_cli_option *options;            /* [option_count] */
    int                  option_count;
    const char          *examples;           /* lines */
    void               (*print_more)(void);  /* of the help, before the examples; NULL: nothing */
} tg_cli_command;

enum { TG_CLI_OPTIONS = 48 };                /* most rows of a table */

/* Codes that are no option's. --help, which every command has, prints the help. */
enum { TG_CLI_END = -1, TG_CLI_HELPED = -2, TG_CLI_REFUSED = -3 };

/* The code of the next option; *value is what it was given. TG_CLI_END: what is no option stands behind optind. TG_CLI_REFUSED: it has said why. */
int tg_cli_next_option(const tg_cli_command *command, int count, char **arguments, const char **value);

/* The arguments are wrong: says why, and returns the exit status. */
int tg_cli_refuse(const tg_cli_command *command, const char *format, ...) TG_FORMAT(2, 3);

/* The arguments were right, and it failed. */
int tg_cli_fail(const tg_cli_command *command, const char *format, ...) TG_FORMAT(2, 3);

/* The same with the sentence of the call that returned status. */
int tg_cli_fail_status(const tg_cli_command *command, const char *what, tg_status status);

/* A line of a help: what, and behind it text, broken between words. */
void tg_cli_print_help_line(const char *what, const char *text);

/* Prints to stderr text, or as much of it as a line takes, and below it a caret at byte number at. */
void tg_cli_point_at(const char *text, size_t at);

#endif
