/* formula_text.c - text that grows, and numbers in it. */
#include "core/util.h"
#include "explain/formula.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

/* ---- text ---- */

void tg_put_bytes(tg_text_buffer *buffer, const char *bytes, size_t count) {
    void *text = buffer->text;
    if (buffer->failed || !tg_grow(&text, &buffer->capacity, buffer->length + count + 1, 1)) {
        buffer->failed = true;
        return;
    }
    buffer->text = text;
    memcpy(buffer->text + buffer->length, bytes, count);
    buffer->length += count;
    buffer->text[buffer->length] = '\0';
}

void tg_put(tg_text_buffer *buffer, const char *text) { tg_put_bytes(buffer, text, strlen(text)); }

const char *tg_text_of(const tg_text_buffer *buffer) { return buffer->text != NULL ? buffer->text : ""; }

void tg_text_buffer_release(tg_text_buffer *buffer) {
    tg_release(buffer->text, buffer->capacity);
    *buffer = (tg_text_buffer){ 0 };
}

/* ---- numbers ---- */

enum { NUMBER_TEXT = 64, MOST_DIGITS = 17 };

double tg_number_of(const char *text, size_t length) {
    const locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    char           copy[400];
    if (length >= sizeof copy) length = sizeof copy - 1;
    memcpy(copy, text, length);
    copy[length] = '\0';
    const double number = c_locale != (locale_t)0 ? strtod_l(copy, NULL, c_locale) : (double)NAN;
    if (c_locale != (locale_t)0) freelocale(c_locale);
    return number;
}

/* What printf wrote, with a point for whatever the locale has between the digits, and 1e-6 for 1e-06. */
static void make_plain(char *text) {
    char *to = text;
    bool  in_exponent = false, in_point = false;
    for (const char *from = text; *from != '\0'; from++) {
        const bool is_number = (*from >= '0' && *from <= '9') || *from == 'e' || *from == '-' || *from == '+';
        if (!is_number && !in_point) *to++ = '.';
        in_point = !is_number;
        if (!is_number || (in_exponent && (*from == '+' || (*from == '0' && from[1] != '\0' && (to[-1] == 'e' || to[-1] == '-'))))) continue;
        in_exponent = in_exponent || *from == 'e';
        *to++ = *from;
    }
    *to = '\0';
}

static void write_shortest(double number, char text[NUMBER_TEXT]) {
    for (int digits = 1; digits <= MOST_DIGITS; digits++) {
        snprintf(text, NUMBER_TEXT, "%.*g", digits, number);
        make_plain(text);
        if (digits == MOST_DIGITS || tg_number_of(text, strlen(text)) == number) return;
    }
}

/* 15 digits as they are: 100, and not 1e+02. */
static void write_number(double number, char text[NUMBER_TEXT]) {
    if (number == floor(number) && fabs(number) < 1e15) snprintf(text, NUMBER_TEXT, "%.0f", number);
    else write_shortest(number, text);
}

static void put_word(tg_text_buffer *buffer, double number, tg_formula_style style) {
    static const char *const nan_words[] = { "nan", "NaN", "\\mathrm{NaN}", "<mi>NaN</mi>" };
    static const char *const words[]     = { "infinity", "infinity", "\\infty", "<mi>\xe2\x88\x9e</mi>" };
    tg_put(buffer, isnan(number) ? nan_words[style] : words[style]);
}

static void put_superscript(tg_text_buffer *buffer, const char *digits) {
    static const char *const raised[] = { "\xe2\x81\xb0", "\xc2\xb9", "\xc2\xb2", "\xc2\xb3", "\xe2\x81\xb4",
                                          "\xe2\x81\xb5", "\xe2\x81\xb6", "\xe2\x81\xb7", "\xe2\x81\xb8", "\xe2\x81\xb9" };
    for (; *digits != '\0'; digits++) tg_put(buffer, *digits == '-' ? "\xe2\x81\xbb" : raised[*digits - '0']);
}

/* Digits without sign, and a power of ten if there is an exponent. */
static void put_digits(tg_text_buffer *buffer, const char *text, tg_formula_style style) {
    const char  *e        = strchr(text, 'e');
    const size_t mantissa = e != NULL ? (size_t)(e - text) : strlen(text);
    const bool   is_one   = e != NULL && mantissa == 1 && text[0] == '1';
    if (e == NULL || style == TG_STYLE_TEXT) {
        if (style == TG_STYLE_MATHML) tg_put(buffer, "<mn>");
        tg_put(buffer, text);
        if (style == TG_STYLE_MATHML) tg_put(buffer, "</mn>");
        return;
    }
    static const char *const before[] = { "", "", "", "<mn>" }, *const times[] = { "", "\xc2\xb7", " \\cdot ", "</mn><mo>\xc2\xb7</mo>" };
    static const char *const ten[] = { "", "10", "10^{", "<msup><mn>10</mn><mn>" }, *const after[] = { "", "", "}", "</mn></msup>" };
    if (style == TG_STYLE_MATHML) tg_put(buffer, "<mrow>");
    if (!is_one) {
        tg_put(buffer, before[style]);
        tg_put_bytes(buffer, text, mantissa);
        tg_put(buffer, times[style]);
    }
    tg_put(buffer, ten[style]);
    if (style == TG_STYLE_UNICODE) put_superscript(buffer, e + 1);
    else if (style == TG_STYLE_MATHML && e[1] == '-') tg_put(buffer, "\xe2\x88\x92"), tg_put(buffer, e + 2);
    else tg_put(buffer, e + 1);
    tg_put(buffer, after[style]);
    if (style == TG_STYLE_MATHML) tg_put(buffer, "</mrow>");
}

/* text: digits of the magnitude; not read where there are none. */
static void put_signed(tg_text_buffer *buffer, double number, const char *text, tg_formula_style style) {
    static const char *const minus[] = { "-", "\xe2\x88\x92", "-", "<mo>\xe2\x88\x92</mo>" };
    const bool is_negative = signbit(number) && !isnan(number);
    if (is_negative && style == TG_STYLE_MATHML) tg_put(buffer, "<mrow>");
    if (is_negative) tg_put(buffer, minus[style]);
    if (!isfinite(number)) put_word(buffer, number, style);
    else put_digits(buffer, text, style);
    if (is_negative && style == TG_STYLE_MATHML) tg_put(buffer, "</mrow>");
}

void tg_put_number(tg_text_buffer *buffer, double number, tg_formula_style style) {
    char text[NUMBER_TEXT] = "";
    if (isfinite(number)) write_number(fabs(number), text);
    put_signed(buffer, number, text, style);
}

void tg_put_rounded(tg_text_buffer *buffer, double number, int digits, tg_formula_style style) {
    char text[NUMBER_TEXT] = "";
    digits = digits < 1 ? 1 : digits > MOST_DIGITS ? MOST_DIGITS : digits;
    if (isfinite(number)) {
        snprintf(text, sizeof text, "%#.*g", digits, fabs(number));
        make_plain(text);
        char *point = strchr(text, '.');
        if (point != NULL && (point[1] == '\0' || point[1] == 'e')) memmove(point, point + 1, strlen(point));      /* 1234. of four digits, 4.e-9 of one */
    }
    put_signed(buffer, number, text, style);
}
