/* formats.c - names of formats, views and themes. */
#include "cli/formats.h"

#include "cli/options.h"

#include <stdio.h>
#include <string.h>

/* One row a printer; the first one is what is printed where no format is asked for. */
static const tg_cli_format formats[] = {
    { "text", ".txt", "forward and reverse trace", TG_TEXT },
    { "dot", ".dot", "a picture for Graphviz", TG_DOT },
    { "html", ".html", "a page to walk through", TG_HTML },
    { "latex", ".tex", "the same as align* blocks", TG_LATEX },
    { "mermaid", ".mmd", "a flowchart for a README", TG_MERMAID },
    { "json", ".json", "all of it, for programs", TG_JSON },
    { "list", ".list", "one line a node", TG_LIST },
};

enum { FORMATS = sizeof formats / sizeof formats[0] };

const tg_cli_word tg_cli_views[] = {
    { "automatic", TG_VIEW_AUTOMATIC }, { "neurons", TG_VIEW_NEURONS }, { "layers", TG_VIEW_LAYERS },
    { "paths", TG_VIEW_PATHS },         { "plan", TG_VIEW_PLAN },       { NULL, 0 },
};

const tg_cli_word tg_cli_themes[] = { { "light", TG_THEME_LIGHT }, { "dark", TG_THEME_DARK }, { "print", TG_THEME_PRINT }, { NULL, 0 } };

const tg_cli_format *tg_cli_format_named(const char *name) {
    for (int i = 0; i < FORMATS; i++)
        if (strcmp(formats[i].name, name) == 0) return &formats[i];
    return NULL;
}

const tg_cli_format *tg_cli_format_of_file(const char *path) {
    const size_t length = strlen(path);
    for (int i = 0; i < FORMATS; i++) {
        const size_t suffix = strlen(formats[i].suffix);
        if (length > suffix && strcmp(path + length - suffix, formats[i].suffix) == 0) return &formats[i];
    }
    return NULL;
}

const tg_cli_format *tg_cli_usual_format(void) { return &formats[0]; }

/* ", " between words, and " or " before the last one. */
static void add_word(char *text, size_t bytes, const char *word, bool is_first, bool is_last) {
    const size_t length = strlen(text);
    snprintf(text + length, bytes - length, "%s%s", is_first ? "" : is_last ? " or " : ", ", word);
}

void tg_cli_list_formats(char *text, size_t bytes) {
    text[0] = '\0';
    for (int i = 0; i < FORMATS; i++) add_word(text, bytes, formats[i].name, i == 0, i == FORMATS - 1);
}

void tg_cli_print_formats(void) {
    printf("\nFormats:\n");
    for (int i = 0; i < FORMATS; i++) {
        char text[200];
        snprintf(text, sizeof text, "%s; a file %s is of this format%s", formats[i].what, formats[i].suffix,
                 i == 0 ? ", and so is all where none is asked for" : "");
        tg_cli_print_help_line(formats[i].name, text);
    }
}

bool tg_cli_find_word(const tg_cli_word words[], const char *word, int *number) {
    for (int i = 0; words[i].word != NULL; i++)
        if (strcmp(words[i].word, word) == 0) return *number = words[i].number, true;
    return false;
}

void tg_cli_list_words(const tg_cli_word words[], char *text, size_t bytes) {
    text[0] = '\0';
    for (int i = 0; words[i].word != NULL; i++) add_word(text, bytes, words[i].word, i == 0, words[i + 1].word == NULL);
}
