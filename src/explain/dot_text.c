/* dot_text.c - what is written: signs in Unicode or ASCII, escaped text, numbers, colours. */
#include "core/util.h"
#include "explain/dot.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

/* From the hues of Okabe and Ito, darkened until text has a contrast of 5:1 on every tint. In print the dashes, borders and corners say it all. */
const tg_dot_theme tg_dot_themes[3] = {
    [TG_THEME_LIGHT] = { "#FFFFFF", "#1A1A1A", "#555555", "#8A8A8A", "#00568A", "#A34400", "#C2002F",
                         { "#DCEFFB", "#ECECEC", "#FBF6CF", "#FFFFFF", "#D9F2E8", "#F6E3EE" } },
    [TG_THEME_DARK]  = { "#14181D", "#F2F2F2", "#B8B8B8", "#7A7F86", "#7CC7F5", "#FFB570", "#FF6B81",
                         { "#12324A", "#2B2F35", "#3A3515", "#1C222A", "#143C30", "#44213A" } },
    [TG_THEME_PRINT] = { "#FFFFFF", "#000000", "#000000", "#000000", "#000000", "#000000", "#000000",
                         { "#FFFFFF", "#FFFFFF", "#FFFFFF", "#FFFFFF", "#FFFFFF", "#FFFFFF" } },
};

/* ---- signs ---- */

typedef struct sign { const char *name, *unicode, *ascii; } sign;

static const sign signs[] = {
    { "Sigma", "\xce\xa3", "S" },              { "sigma", "\xcf\x83", "sigmoid" },            { "delta", "\xce\xb4", "d" },
    { "d", "\xe2\x88\x82", "d" },              { "times", "\xc3\x97", "*" },                  { "dot", "\xc2\xb7", "*" },
    { "none", "\xc2\xb7", "." },               { "minus", "\xe2\x88\x92", "-" },              { "approx", "\xe2\x89\x88", "~" },
    { "check", "\xe2\x9c\x93", "ok" },         { "cross", "\xe2\x9c\x97", "differs" },        { "T", "\xe1\xb5\x80", "^T" },
    { "o", "\xe2\x8a\x99", ".*" },             { "kept", "\xe2\x96\xa3", "[kept]" },          { "prime", "\xe2\x80\xb2", "'" },
    { "norm", "\xe2\x80\x96", "||" },          { "forward", "\xe2\x96\xac\xe2\x96\xb6", "--&gt;" }, { "backward", "- - \xe2\x96\xb7", "- - &gt;" },
    { "by", "\xc3\x97", "x" },                 { "sp", "&#160;", "&#160;" },                  { "dots", "\xe2\x80\xa6", "..." },
    { "arrow", "\xe2\x86\x92", "-&gt;" },      { "sum", "\xe2\x88\x91", "sum" },
};

static const sign *sign_at(const char *brace, size_t *length) {
    const char *end = strchr(brace, '}');
    if (end == NULL) return NULL;
    *length = (size_t)(end - brace) - 1;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (strlen(signs[i].name) == *length && strncmp(signs[i].name, brace + 1, *length) == 0) return &signs[i];
    return NULL;
}

void tg_dot_expand(const tg_drawing *d, const char *format, char *out, size_t size) {
    size_t used = 0, length;
    while (*format != '\0' && used + 1 < size) {
        const sign *s = *format == '{' ? sign_at(format, &length) : NULL;
        if (s == NULL) {
            out[used++] = *format++;
            continue;
        }
        const char *text = d->options->ascii ? s->ascii : s->unicode;
        if (used + strlen(text) >= size) break;
        memcpy(out + used, text, strlen(text));
        used += strlen(text);
        format += length + 2;
    }
    out[used] = '\0';
}

/* ---- text ---- */

tg_status tg_dot_fail(tg_drawing *d, tg_status status) {
    if (d->status == TG_OK && status == TG_OUT_OF_MEMORY) tg_fail_thread(status, "tg_explain: no memory for the picture");
    if (d->status == TG_OK) d->status = status;
    return status;
}

static void put_bytes(tg_drawing *d, const char *bytes, size_t count) {
    tg_put_bytes(&d->text, bytes, count);
    if (d->text.failed) tg_dot_fail(d, TG_OUT_OF_MEMORY);
}

void tg_dot_put(tg_drawing *d, const char *format, ...) {
    enum { USUAL = 4096 };
    char    expanded[USUAL], usual[USUAL];
    va_list arguments;
    tg_dot_expand(d, format, expanded, sizeof expanded);
    va_start(arguments, format);
    const int length = vsnprintf(usual, sizeof usual, expanded, arguments);
    va_end(arguments);
    if (length < 0) tg_dot_fail(d, TG_BUG);
    else put_bytes(d, usual, (size_t)length < sizeof usual ? (size_t)length : sizeof usual - 1);
}

/* Bytes of the character at text, 0 if it is none: a byte that is no UTF-8, and what XML does not allow. */
static size_t character_at(const unsigned char *text, uint32_t *code) {
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const size_t          count   = text[0] < 0x80 ? 1 : text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : text[0] >= 0xc2 ? 2 : 0;
    *code = count < 2 ? text[0] : text[0] & (0xffu >> (count + 1));
    for (size_t i = 1; i < count; i++) {
        if ((text[i] & 0xc0) != 0x80) return 0;
        *code = *code << 6 | (text[i] & 0x3f);
    }
    if (count == 0 || *code < least[count] || *code > 0x10fffd || *code < 32 || *code == 127) return 0;
    return (*code >= 0x80 && *code < 0xa0) || (*code >= 0xd800 && *code < 0xe000) || (*code & 0xfffe) == 0xfffe ? 0 : count;
}

/* Everything that HTML labels, quoted strings and their escapes know becomes a number. */
void tg_dot_escape(tg_drawing *d, const char *text, size_t most) {
    const unsigned char *at = (const unsigned char *)text;
    for (size_t shown = 0; *at != '\0'; shown++) {
        uint32_t     code;
        const size_t count = character_at(at, &code);
        char         number[16];
        if (most > 0 && shown == most) {
            tg_dot_put(d, "{dots}");
            return;
        }
        snprintf(number, sizeof number, "&#%u;", (unsigned)code);
        if (count == 0) put_bytes(d, *at == '\n' ? "&#160;" : "?", *at == '\n' ? 6 : 1);
        else if (strchr("<>&\"\\|{}[]%", *at) != NULL || (count > 1 && d->options->ascii)) put_bytes(d, number, strlen(number));
        else put_bytes(d, (const char *)at, count);
        at += count > 0 ? count : 1;
    }
}

const char *tg_dot_take(tg_drawing *d, size_t length) {
    char *copy = d->status == TG_OK ? tg_story_room(d->story, d->text.length - length + 1) : NULL;
    if (copy == NULL) {
        if (d->status == TG_OK) d->status = TG_OUT_OF_MEMORY;
        return "";
    }
    memcpy(copy, tg_text_of(&d->text) + length, d->text.length - length);
    d->text.length = length;
    return copy;
}

/* ---- numbers ---- */

/* Digits of the mantissa, without the zeros around it. */
static int significant(const char *text) {
    int count = 0, zeros = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text == '.' || *text == '-') continue;
        if (*text == '0') zeros += count > 0;
        else count += zeros + 1, zeros = 0;
    }
    return count;
}

/* What rounding left of a number that was short: 0.3 and not 0.30000000000000004. Float has 7 digits, of which computing costs the last. */
static double shortened(const tg_drawing *d, double number) {
    tg_text_buffer b      = { 0 };
    const int      digits = (double)(float)number == number ? 7 : d->story->type == TG_F32 ? 6 : 12;
    tg_put_rounded(&b, number, digits > d->digits ? digits : d->digits, TG_STYLE_TEXT);
    const double result = tg_number_of(tg_text_of(&b), b.length);
    tg_text_buffer_release(&b);
    return result;
}

/* Whether number is printed as it is; then it is set to what is printed. */
static bool is_short(const tg_drawing *d, double *number) {
    tg_text_buffer b      = { 0 };
    const double   result = shortened(d, *number);
    tg_put_number(&b, result, TG_STYLE_TEXT);
    const bool is = significant(tg_text_of(&b)) <= d->digits || (result == floor(result) && fabs(result) < 1e6);
    tg_text_buffer_release(&b);
    if (is) *number = result == 0 ? 0 : result;
    return is;
}

static void put_number(tg_drawing *d, double number, tg_formula_style style, tg_text_buffer *b) {
    const bool as_it_is = !isfinite(number) || is_short(d, &number);
    if (as_it_is) tg_put_number(b, number, style);
    else tg_put_rounded(b, number, d->digits, style);
    if (b->failed) tg_dot_fail(d, TG_OUT_OF_MEMORY);
}

const char *tg_dot_number(tg_drawing *d, double number, char out[TG_DOT_NUMBER]) {
    tg_text_buffer b = { 0 };
    put_number(d, number, d->options->ascii ? TG_STYLE_TEXT : TG_STYLE_UNICODE, &b);
    snprintf(out, TG_DOT_NUMBER, "%s", tg_text_of(&b));
    tg_text_buffer_release(&b);
    return out;
}

double tg_dot_printed(tg_drawing *d, double number) {
    tg_text_buffer b = { 0 };
    if (!isfinite(number)) return number;
    put_number(d, number, TG_STYLE_TEXT, &b);
    const double result = tg_number_of(tg_text_of(&b), b.length);
    tg_text_buffer_release(&b);
    return result;
}

/* Within half a unit of the last digit; a bit less, for what computes it once more. Whole numbers are written out. */
bool tg_dot_agree(tg_drawing *d, double computed, double shown) {
    const double printed = tg_dot_printed(d, shown), size = fabs(printed);
    if (!isfinite(printed) || !isfinite(computed)) return computed == printed || (isnan(computed) && isnan(printed));
    if (size == 0) return fabs(computed) < 1e-12;
    double     whole  = shown;
    const bool is_one = is_short(d, &whole) && whole == floor(whole);
    double     unit   = pow(10, floor(log10(size) + 1e-12) + 1 - d->digits);
    if (is_one && unit > 1) unit = 1;
    return fabs(computed - printed) <= 0.5 * unit * (1 - 1e-6);
}

void tg_dot_put_bold(tg_drawing *d, const char *color, double number) {
    tg_dot_put(d, "<FONT COLOR=\"%s\"><B>%s</B></FONT>", isfinite(number) ? color : d->theme->wrong, TG_DOT_OF(d, number));
}

void tg_dot_put_equals(tg_drawing *d, bool is_true) { tg_dot_put(d, is_true ? "{sp}={sp}" : "{sp}{approx}{sp}"); }
