/* test_locale.c - the decimal point of files is '.', also in a program whose locale has a comma. */
#include "files.h"
#include <locale.h>

/* ---- a locale with a comma: an installed one, or one made here ---- */

static bool has_comma(void) { return strcmp(localeconv()->decimal_point, ",") == 0; }

static bool use_installed(void) {
    static const char *const names[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "es_ES.UTF-8", "pt_BR.UTF-8", "ru_RU.UTF-8", "de_DE" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (setlocale(LC_ALL, names[i]) != NULL && has_comma()) return true;
    return false;
}

/* ASCII, written out: the maps of characters are in a package that need not be there. */
static bool write_charmap(void) {
    FILE *file = fopen(path, "w");
    if (file == NULL) return false;
    fputs("<code_set_name> ASCII\n<escape_char> /\n<mb_cur_min> 1\n<mb_cur_max> 1\nCHARMAP\n", file);
    for (unsigned code = 0; code < 128; code++) fprintf(file, "<U%04X> /x%02x x\n", code, code);
    fputs("END CHARMAP\n", file);
    return fclose(file) == 0;
}

static bool write_numeric(void) {
    FILE *file = fopen(other, "w");
    if (file == NULL) return false;
    fputs("LC_NUMERIC\ndecimal_point \"<U002C>\"\nthousands_sep \"<U002E>\"\ngrouping 3;3\nEND LC_NUMERIC\n", file);
    return fclose(file) == 0;
}

/* localedef comes with the C library of GNU. It warns of the categories that are missing, and is told to go on. */
static bool use_made(void) {
    char command[512];
    if (!write_charmap() || !write_numeric() || setenv("LOCPATH", folder, 1) != 0) return false;
    snprintf(command, sizeof command, "localedef -c -f %s -i %s %s/comma >/dev/null 2>&1", path, other, folder);
    if (system(command) == -1) return false;      /* its status tells of the warnings */
    return setlocale(LC_NUMERIC, "comma") != NULL && has_comma();
}

static bool use_comma(void) {
    if (use_installed()) return true;
    const bool made = make_folder() && use_made();
    remove_folder();      /* what was loaded stays */
    return made;
}

/* ---- the tests ---- */

static tg_dataset *csv(const char *text, const tg_csv_options *options) {
    ck_assert(has_comma() && strtod("1.5", NULL) == 1.0);
    write_bytes(path, text, strlen(text));
    return tg_dataset_csv(path, options);
}

START_TEST(inputs_and_labels) {
    tg_dataset *data = csv("1.5,0.75\n2.5,0.5\n3.5,0.50\n", NULL);
    expect_shape(data, 3, 1, 2);      /* as numbers 0.5 and 0.50 are one class, and the smallest one */
    ck_assert(tg_dataset_row(data, 0)[0] == 1.5f && tg_dataset_row(data, 1)[0] == 2.5f);
    ck_assert(tg_dataset_label(data, 0) == 1 && tg_dataset_label(data, 1) == 0 && tg_dataset_label(data, 2) == 0);
    tg_dataset_free(data);
}
END_TEST

START_TEST(targets) {
    tg_dataset *data = csv("1.5;-0.25e1\n", &(tg_csv_options){ .target = "2", .separator = ';' });
    expect_shape(data, 1, 1, 0);
    ck_assert(tg_dataset_row(data, 0)[0] == 1.5f && tg_dataset_target(data, 0)[0] == -2.5f);
    tg_dataset_free(data);
}
END_TEST

START_TEST(a_comma_is_no_point) { expect_failure(csv("1,5;a\n", &(tg_csv_options){ .separator = ';' }), TG_BAD_FILE, "\"1,5\" is no finite number"); }
END_TEST

int main(void) {
    if (use_comma()) return RUN_IN_FOLDER("locale", inputs_and_labels, targets, a_comma_is_no_point);
    puts("1..0 # SKIP no locale with a decimal comma is installed, and localedef did not make one");
    return EXIT_SUCCESS;
}
