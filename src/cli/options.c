/* options.c - reads the options of a subcommand, prints its help, and says what was wrong. */
#include "cli/options.h"

#include "cli/commands.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- sentences ---- */

int tg_cli_refuse(const tg_cli_command *command, const char *format, ...) {
    va_list arguments;
    fprintf(stderr, "tapegrad %s: ", command->name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nusage: see tapegrad %s --help\n", command->name);
    return TG_CLI_USAGE;
}

int tg_cli_fail(const tg_cli_command *command, const char *format, ...) {
    va_list arguments;
    fprintf(stderr, "tapegrad %s: ", command->name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    return TG_CLI_FAILURE;
}

int tg_cli_fail_status(const tg_cli_command *command, const char *what, tg_status status) {
    const char *sentence;
    tg_last_error(&sentence);
    return tg_cli_fail(command, "%s%s%s", what, what[0] != '\0' ? ": " : "", sentence[0] != '\0' ? sentence : tg_status_text(status));
}

/* ---- a place in a text ---- */

enum { BEFORE = 60, AFTER = 40 };      /* bytes that are shown of a long text */

static int continues_character(char byte) { return (byte & 0xc0) == 0x80; }

void tg_cli_point_at(const char *text, size_t at) {
    const size_t length = strlen(text);
    size_t       begin = at > BEFORE ? at - BEFORE : 0, end = length - at > AFTER ? at + AFTER : length;
    while (begin > 0 && continues_character(text[begin])) begin--;
    while (end < length && continues_character(text[end])) end++;
    fprintf(stderr, "    %s", begin > 0 ? "..." : "");
    for (size_t i = begin; i < end; i++) fputc((unsigned char)text[i] < ' ' || text[i] == '\x7f' ? ' ' : text[i], stderr);
    fprintf(stderr, "%s\n    %s", end < length ? "..." : "", begin > 0 ? "   " : "");
    for (size_t i = begin; i < at; i++)
        if (!continues_character(text[i])) fputc(' ', stderr);
    fprintf(stderr, "^\n");
}

/* ---- help ---- */

static int is_letter(int code) { return code > ' ' && code < 127; }

enum { HELP_COLUMN = 28, HELP_WIDTH = 100 };

/* Text from column HELP_COLUMN on, broken between words. */
static void print_help_text(const char *text, int column) {
    if (column > HELP_COLUMN - 2) printf("\n"), column = 0;
    printf("%*s", HELP_COLUMN - column, "");
    column = HELP_COLUMN;
    while (*text != '\0') {
        const int word = (int)strcspn(text, " ");
        if (column > HELP_COLUMN && column + 1 + word > HELP_WIDTH) printf("\n%*s", HELP_COLUMN, ""), column = HELP_COLUMN;
        else if (column > HELP_COLUMN) printf(" "), column++;
        printf("%.*s", word, text);
        column += word;
        text += word;
        if (*text == ' ') text++;
    }
    printf("\n");
}

void tg_cli_print_help_line(const char *what, const char *text) { print_help_text(text, printf("  %s", what)); }

static void print_option(const tg_cli_option *option) {
    if (option->name == NULL) {
        printf("\n%s\n", option->help);
        return;
    }
    int column = is_letter(option->code) ? printf("  -%c, --%s", option->code, option->name) : printf("  --%s", option->name);
    if (option->argument != NULL) column += printf(" %s", option->argument);
    print_help_text(option->help, column);
}

static void print_help(const tg_cli_command *command) {
    for (const char *line = command->usage, *end; line != NULL; line = end != NULL ? end + 1 : NULL) {
        end = strchr(line, '\n');
        printf("%s tapegrad %.*s\n", line == command->usage ? "usage:" : "      ", end != NULL ? (int)(end - line) : (int)strlen(line), line);
    }
    printf("\n%s\n", command->summary);
    for (int i = 0; i < command->option_count; i++) print_option(&command->options[i]);
    if (command->print_more != NULL) command->print_more();
    if (command->examples != NULL) printf("\nExamples:\n%s", command->examples);
}

/* ---- reading ---- */

enum { HELP = 1000, MISSING = ':', UNKNOWN = '?' };

static void add_option(const tg_cli_option *from, struct option *to, char **letters) {
    *to = (struct option){ from->name, from->argument != NULL ? required_argument : no_argument, NULL, from->code };
    if (!is_letter(from->code)) return;
    *(*letters)++ = (char)from->code;
    if (from->argument != NULL) *(*letters)++ = ':';
}

/* What getopt_long did not take stands before optind. */
static int refuse_option(const tg_cli_command *command, char **arguments, int code) {
    const char *text = arguments[optind - 1];
    if (code == MISSING) tg_cli_refuse(command, "%s needs a value", text);
    else if (strncmp(text, "--", 2) != 0 && is_letter(optopt))
        tg_cli_refuse(command, "there is no option -%c; a formula that begins with a minus stands behind --", optopt);
    else tg_cli_refuse(command, "%s is no option of this command, stands for several, or takes no value", text);
    return TG_CLI_REFUSED;
}

int tg_cli_next_option(const tg_cli_command *command, int count, char **arguments, const char **value) {
    struct option options[TG_CLI_OPTIONS + 2] = { { 0 } };
    char          letters[2 * TG_CLI_OPTIONS + 4] = ":h", *letter = letters + 2;
    int           k = 0;
    for (int i = 0; i < command->option_count && k < TG_CLI_OPTIONS; i++)
        if (command->options[i].name != NULL) add_option(&command->options[i], &options[k++], &letter);
    options[k] = (struct option){ "help", no_argument, NULL, 'h' };
    opterr     = 0;
    const int code = getopt_long(count, arguments, letters, options, NULL);
    *value         = optarg;
    if (code == 'h') return print_help(command), TG_CLI_HELPED;
    return code == MISSING || code == UNKNOWN ? refuse_option(command, arguments, code) : code;
}
