/* formula_print.c - formulas as text, plain and in Unicode, with the parentheses that are needed; and what the other styles share with it. */
#include "explain/formula.h"

#include <string.h>

/* ---- names ---- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

tg_name_parts tg_name_parts_of(const char *name) {
    tg_name_parts parts  = { .letters = name };
    size_t        length = strcspn(name, "[");
    if (name[length] == '[') {
        parts.index       = name + length + 1;
        parts.index_count = strcspn(parts.index, "]");
    }
    for (parts.letter_count = length; parts.letter_count > 1 && is_digit(name[parts.letter_count - 1]); parts.letter_count--) { }
    if (name[0] == '%') parts.letter_count = length;
    parts.digits      = name + parts.letter_count;
    parts.digit_count = length - parts.letter_count;
    return parts;
}

void tg_put_formula_number(tg_text_buffer *buffer, const tg_formula *f, tg_formula_style style) {
    if (f->digits > 0) tg_put_rounded(buffer, f->number, f->digits, style);
    else tg_put_number(buffer, f->number, style);
}

/* W1[] is written W1. */
static void put_text_name(const char *name, tg_text_buffer *buffer) {
    const tg_name_parts parts = tg_name_parts_of(name);
    if (parts.index != NULL && parts.index_count == 0) tg_put_bytes(buffer, name, parts.letter_count + parts.digit_count);
    else tg_put(buffer, name);
}

/* x1 with the digit below the line. */
static void put_unicode_name(const char *name, tg_text_buffer *buffer) {
    const tg_name_parts parts = tg_name_parts_of(name);
    if (strcmp(name, "pi") == 0) {
        tg_put(buffer, "\xcf\x80");
        return;
    }
    tg_put_bytes(buffer, parts.letters, parts.letter_count);
    for (size_t i = 0; i < parts.digit_count; i++) tg_put_bytes(buffer, (const char[]){ '\xe2', '\x82', (char)(0x80 + parts.digits[i] - '0') }, 3);
    if (parts.index == NULL || parts.index_count > 0) tg_put(buffer, parts.digits + parts.digit_count);
}

/* ---- text ---- */

static void put(const tg_formula *f, bool unicode, tg_text_buffer *buffer);

static void put_part(const tg_formula *f, int least, bool unicode, tg_text_buffer *buffer) {
    const bool closed = (unicode ? tg_formula_set_binding_of(f) : tg_formula_binding_of(f)) < least;
    if (closed) tg_put(buffer, "(");
    put(f, unicode, buffer);
    if (closed) tg_put(buffer, ")");
}

static const char *unicode_sign(tg_formula_kind kind) {
    switch (kind) {
        case TG_FORMULA_SUBTRACT:      return "\xe2\x88\x92";
        case TG_FORMULA_MULTIPLY:      return "\xc2\xb7";
        case TG_FORMULA_GREATER_EQUAL: return "\xe2\x89\xa5";
        case TG_FORMULA_LESS_EQUAL:    return "\xe2\x89\xa4";
        case TG_FORMULA_NOT_EQUAL:     return "\xe2\x89\xa0";
        default:                       return tg_formula_sign(kind);
    }
}

/* Whether f, printed, may stand behind another without a sign: it begins with a name or a parenthesis. */
static bool begins_with_name(const tg_formula *f) {
    if (f->kind == TG_FORMULA_NAME || f->kind == TG_FORMULA_CALL) return strcmp(f->name, "at") != 0;
    if (f->kind != TG_FORMULA_POWER && f->kind != TG_FORMULA_TRANSPOSE) return tg_formula_binding_of(f) < TG_BIND_POWER;
    return tg_formula_binding_of(f->parts[0]) < TG_BIND_TRANSPOSE || begins_with_name(f->parts[0]);
}

static void put_matrix_product(const tg_formula *f, bool unicode, tg_text_buffer *buffer) {
    put_part(f->parts[0], TG_BIND_MATRIX, unicode, buffer);
    tg_put(buffer, " ");
    put_part(f->parts[1], begins_with_name(f->parts[1]) ? TG_BIND_MATRIX + 1 : TG_BIND_ATOM + 1, unicode, buffer);
}

/* a - (b - c) and (a > b) > c: what stands on the right binds more strongly, what stands on the left of a question as well. */
static void put_two(const tg_formula *f, bool unicode, tg_text_buffer *buffer) {
    const int binds = tg_formula_binding_of(f);
    put_part(f->parts[0], tg_formula_is_question(f) ? binds + 1 : binds, unicode, buffer);
    tg_put(buffer, " ");
    tg_put(buffer, unicode ? unicode_sign(f->kind) : tg_formula_sign(f->kind));
    tg_put(buffer, " ");
    put_part(f->parts[1], binds == TG_BIND_SUM ? TG_BIND_PRODUCT : binds + 1, unicode, buffer);
}

static const char *superscript_of(const tg_formula *exponent) {
    static const char *const raised[] = { "\xe2\x81\xb0", "\xc2\xb9", "\xc2\xb2", "\xc2\xb3", "\xe2\x81\xb4",
                                          "\xe2\x81\xb5", "\xe2\x81\xb6", "\xe2\x81\xb7", "\xe2\x81\xb8", "\xe2\x81\xb9" };
    for (int digit = 0; digit < 10; digit++)
        if (tg_formula_is_number(exponent, digit)) return raised[digit];
    return NULL;
}

static void put_power(const tg_formula *f, bool unicode, tg_text_buffer *buffer) {
    const char *superscript = unicode ? superscript_of(f->parts[1]) : NULL;
    put_part(f->parts[0], TG_BIND_TRANSPOSE, unicode, buffer);
    if (superscript != NULL) {
        tg_put(buffer, superscript);
        return;
    }
    tg_put(buffer, "^");
    put_part(f->parts[1], TG_BIND_POWER, unicode, buffer);
}

static void put_call(const tg_formula *f, bool unicode, tg_text_buffer *buffer) {
    tg_put(buffer, unicode && strcmp(f->name, "sqrt") == 0 ? "\xe2\x88\x9a" : unicode && strcmp(f->name, "sigmoid") == 0 ? "\xcf\x83" : f->name);
    tg_put(buffer, "(");
    for (int k = 0; k < f->count; k++) {
        if (k > 0) tg_put(buffer, ", ");
        put(f->parts[k], unicode, buffer);
    }
    tg_put(buffer, ")");
}

static void put_choice(const tg_formula *f, bool unicode, tg_text_buffer *buffer) {
    put_part(f->parts[0], TG_BIND_QUESTION, unicode, buffer);
    tg_put(buffer, " ? ");
    put(f->parts[1], unicode, buffer);
    tg_put(buffer, " : ");
    put(f->parts[2], unicode, buffer);
}

static void put_magnitude(const tg_formula *f, bool unicode, tg_text_buffer *buffer) {
    tg_put(buffer, "|");
    put(f->parts[0], unicode, buffer);
    tg_put(buffer, "|");
}

static void put_negative(const tg_formula *f, bool unicode, tg_text_buffer *buffer) {
    tg_put(buffer, unicode ? "\xe2\x88\x92" : "-");
    put_part(f->parts[0], TG_BIND_PRODUCT, unicode, buffer);
}

static void put(const tg_formula *f, bool unicode, tg_text_buffer *buffer) {
    switch (f->kind) {
        case TG_FORMULA_NUMBER:    tg_put_formula_number(buffer, f, unicode ? TG_STYLE_UNICODE : TG_STYLE_TEXT); return;
        case TG_FORMULA_NAME:      unicode ? put_unicode_name(f->name, buffer) : put_text_name(f->name, buffer); return;
        case TG_FORMULA_CALL:      put_call(f, unicode, buffer); return;
        case TG_FORMULA_NEGATIVE:  put_negative(f, unicode, buffer); return;
        case TG_FORMULA_MAGNITUDE: put_magnitude(f, unicode, buffer); return;
        case TG_FORMULA_POWER:     put_power(f, unicode, buffer); return;
        case TG_FORMULA_CHOICE:    put_choice(f, unicode, buffer); return;
        case TG_FORMULA_MATRIX_PRODUCT: put_matrix_product(f, unicode, buffer); return;
        case TG_FORMULA_TRANSPOSE:
            put_part(f->parts[0], TG_BIND_TRANSPOSE, unicode, buffer);
            tg_put(buffer, unicode ? "\xe1\xb5\x80" : "'");
            return;
        default: put_two(f, unicode, buffer);
    }
}

void tg_formula_print(const tg_formula *f, tg_formula_style style, tg_text_buffer *buffer) {
    if (style == TG_STYLE_TEX) tg_put_tex(f, buffer);
    else if (style == TG_STYLE_MATHML) tg_put_mathml(f, buffer);
    else put(f, style == TG_STYLE_UNICODE, buffer);
}
