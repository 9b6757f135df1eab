/* csv_number.c - the grammar of numbers is checked here; the C library's conversion in the "C" locale then rounds correctly. */
#include "data/csv.h"

#include <math.h>
#include <stdlib.h>

static const char *skip_blanks(const char *at) {
    while (*at == ' ' || *at == '\t') at++;
    return at;
}

static const char *skip_digits(const char *at) {
    while (*at >= '0' && *at <= '9') at++;
    return at;
}

static const char *skip_sign(const char *at) { return *at == '+' || *at == '-' ? at + 1 : at; }

/* Behind digits with at most one point among or around them; NULL: there is no digit. */
static const char *skip_mantissa(const char *at) {
    const char *whole = skip_digits(at);
    if (*whole != '.') return whole != at ? whole : NULL;
    const char *fraction = skip_digits(whole + 1);
    return whole != at || fraction != whole + 1 ? fraction : NULL;
}

static const char *skip_exponent(const char *at) {
    if (*at != 'e' && *at != 'E') return at;
    const char *digits = skip_sign(at + 1), *end = skip_digits(digits);
    return end != digits ? end : NULL;
}

/* This leaves out what strtod would take beyond it: hexadecimal numbers, "inf", "nan". */
static bool is_number(const char *text) {
    const char *at = skip_mantissa(skip_sign(skip_blanks(text)));
    if (at != NULL) at = skip_exponent(at);
    return at != NULL && *skip_blanks(at) == '\0';
}

/* Not by way of double, which would round twice. */
bool tg_parse_float(const char *text, locale_t c_locale, float *value) {
    if (!is_number(text)) return false;
    *value = strtof_l(text, NULL, c_locale);
    return isfinite(*value);
}

bool tg_parse_double(const char *text, locale_t c_locale, double *value) {
    if (!is_number(text)) return false;
    *value = strtod_l(text, NULL, c_locale);
    return isfinite(*value);
}
