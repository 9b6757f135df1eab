/* numbers.c - numbers as they are typed, in the C locale. */
#include "cli/numbers.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 64 };

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/* strtod alone would take "inf", hexadecimal numbers and the comma of the locale. */
static bool convert(const char *text, double *value) {
    const locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    char          *end      = NULL;
    if (c_locale == (locale_t)0) return false;
    *value = strtod_l(text, &end, c_locale);
    freelocale(c_locale);
    return end != text && *end == '\0' && isfinite(*value);
}

bool tg_cli_number(const char *text, size_t length, double *value) {
    char copy[LONGEST];
    while (length > 0 && is_blank(text[0])) text++, length--;
    while (length > 0 && is_blank(text[length - 1])) length--;
    if (length == 0 || length >= sizeof copy) return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return strspn(copy, "0123456789.eE+-") == length && convert(copy, value);
}

bool tg_cli_whole(const char *text, int64_t least, int64_t most, int64_t *value) {
    double number;
    if (!tg_cli_number(text, strlen(text), &number) || number != floor(number) || number < (double)least || number > (double)most) return false;
    *value = (int64_t)number;
    return true;
}

static int64_t count_of(const char *text, size_t length, char what) {
    int64_t count = 0;
    for (size_t i = 0; i < length; i++) count += text[i] == what;
    return count;
}

static size_t until(const char *text, size_t length, char what) {
    const char *found = memchr(text, what, length);
    return found != NULL ? (size_t)(found - text) : length;
}

/* Values of formulas may be no numbers, so that one can see what becomes of them. */
static bool read_value(const char *text, size_t length, double *value) {
    static const struct { const char *word; double value; } words[] = {
        { "nan", (double)NAN }, { "NaN", (double)NAN }, { "inf", (double)INFINITY }, { "infinity", (double)INFINITY }
    };
    while (length > 0 && is_blank(text[0])) text++, length--;
    while (length > 0 && is_blank(text[length - 1])) length--;
    const size_t sign = length > 0 && text[0] == '-' ? 1 : 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i].word) != length - sign || strncmp(words[i].word, text + sign, length - sign) != 0) continue;
        *value = sign == 1 ? -words[i].value : words[i].value;
        return true;
    }
    return tg_cli_number(text, length, value);
}

static const char *read_row(const char *text, size_t length, int64_t cols, double *out) {
    for (int64_t j = 0; j < cols; j++) {
        const size_t part = until(text, length, ',');
        if (!read_value(text, part, &out[j])) return part == 0 ? "a number is missing" : "it has something that is not a number";
        text += part + 1;
        length -= part < length ? part + 1 : length;
    }
    return NULL;
}

const char *tg_cli_read_matrix(const char *text, size_t length, tg_cli_matrix *matrix) {
    const size_t first = until(text, length, ';');
    const char  *why   = NULL;
    *matrix            = (tg_cli_matrix){ count_of(text, length, ';') + 1, count_of(text, first, ',') + 1, NULL };
    matrix->at         = calloc((size_t)matrix->rows * (size_t)matrix->cols, sizeof *matrix->at);
    if (matrix->at == NULL) return "there is no memory for it";
    for (int64_t i = 0; i < matrix->rows && why == NULL; i++) {
        const size_t row = until(text, length, ';');
        why = count_of(text, row, ',') + 1 == matrix->cols ? read_row(text, row, matrix->cols, matrix->at + i * matrix->cols)
                                                           : "its rows are not of one length";
        text += row + 1;
        length -= row < length ? row + 1 : length;
    }
    if (why != NULL) free(matrix->at), matrix->at = NULL;
    return why;
}

const char *tg_cli_short(double number, char text[TG_CLI_DIGITS]) {
    snprintf(text, TG_CLI_DIGITS, "%.4g", number == 0 ? 0.0 : number);      /* no -0 */
    return text;
}
