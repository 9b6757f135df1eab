/* formats.h - the formats of tg_explain by name, and other words that options take. */
#ifndef TAPEGRAD_CLI_FORMATS_H
#define TAPEGRAD_CLI_FORMATS_H

#include <tapegrad/explain.h>

/* Places in the tables, in the order of the help; NULL: there is none. */
typedef struct tg_cli_format {
    const char *name, *suffix, *what;      /* suffix: of files that are of this format unless another one is asked for */
    tg_format   format;
} tg_cli_format;

const tg_cli_format *tg_cli_format_named(const char *name);
const tg_cli_format *tg_cli_format_of_file(const char *path);
const tg_cli_format *tg_cli_usual_format(void);
void                 tg_cli_list_formats(char *text, size_t bytes);      /* "list, text or dot" */
void                 tg_cli_print_formats(void);                         /* for a help */

/* A word, and the number that it stands for; a table ends with a word of NULL. */
typedef struct tg_cli_word {
    const char *word;
    int         number;
} tg_cli_word;

extern const tg_cli_word tg_cli_views[], tg_cli_themes[];

/* False: there is no such word. */
bool tg_cli_find_word(const tg_cli_word words[], const char *word, int *number);
void tg_cli_list_words(const tg_cli_word words[], char *text, size_t bytes);

#endif
