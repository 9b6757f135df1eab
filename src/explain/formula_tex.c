/* formula_tex.c - formulas as TeX, with amsmath. Fractions need no parentheses within, and a comparison that is used as a number is [a > b]. */
#include "explain/formula.h"

#include <string.h>

static void put(const tg_formula *f, tg_text_buffer *buffer);

static int binding_of(const tg_formula *f) {
    return f->kind == TG_FORMULA_DIVIDE ? TG_BIND_FRACTION : tg_formula_is_question(f) ? TG_BIND_ATOM : tg_formula_set_binding_of(f);
}

static void put_part(const tg_formula *f, int least, tg_text_buffer *buffer) {
    const bool closed = binding_of(f) < least;
    if (closed) tg_put(buffer, "\\left(");
    put(f, buffer);
    if (closed) tg_put(buffer, "\\right)");
}

static void put_between(const char *before, const tg_formula *f, const char *after, tg_text_buffer *buffer) {
    tg_put(buffer, before);
    put(f, buffer);
    tg_put(buffer, after);
}

/* ---- names ---- */

/* TeX's names of the Greek letters that nets are written with. */
static size_t put_greek(const char *letters, size_t count, tg_text_buffer *buffer) {
    static const struct { const char *letter, *name; } greek[] = {
        { "\xce\xa3", "\\Sigma" }, { "\xce\xb4", "\\delta" }, { "\xcf\x83", "\\sigma" }, { "\xce\xb8", "\\theta" },
    };
    for (size_t i = 0; i < sizeof greek / sizeof *greek; i++) {
        if (count < 2 || memcmp(letters, greek[i].letter, 2) != 0) continue;
        tg_put(buffer, greek[i].name);
        if (count > 2) tg_put(buffer, " ");
        return 2;
    }
    return 0;
}

/* What TeX takes for its own gets a backslash; a backslash has none in text that reads names. */
static void put_letters(const char *letters, size_t count, tg_text_buffer *buffer) {
    for (size_t i = 0; i < count; i++) {
        const size_t taken = put_greek(letters + i, count - i, buffer);
        if (taken > 0) {
            i += taken - 1;
            continue;
        }
        if (strchr("_%#&${}", letters[i]) != NULL) tg_put(buffer, "\\");
        tg_put_bytes(buffer, letters + i, 1);
    }
}

/* One letter is slanted; a word is upright. One letter beyond ASCII is several bytes. */
static bool is_word(const char *letters, size_t count) {
    size_t characters = 0;
    for (size_t i = 0; i < count; i++) characters += ((unsigned char)letters[i] & 0xc0) != 0x80;
    return characters > 1 && letters[0] != '%';
}

static void put_name(const char *name, tg_text_buffer *buffer) {
    const tg_name_parts p = tg_name_parts_of(name);
    if (strcmp(name, "pi") == 0 || strcmp(name, "%y") == 0 || strcmp(name, "infinity") == 0) {
        tg_put(buffer, name[0] == 'p' ? "\\pi" : name[0] == 'i' ? "\\infty" : "y");
        return;
    }
    const bool word = is_word(p.letters, p.letter_count);
    const bool is_layer = p.digit_count > 0 && p.index != NULL;
    if (is_layer) tg_put(buffer, "{");
    if (word) tg_put(buffer, "\\mathrm{");
    put_letters(p.letters, p.letter_count, buffer);
    if (word) tg_put(buffer, "}");
    if (p.digit_count > 0) {
        tg_put(buffer, is_layer ? "^{(" : "_{");
        tg_put_bytes(buffer, p.digits, p.digit_count);
        tg_put(buffer, is_layer ? ")}" : "}");
    }
    if (p.index_count > 0) {
        tg_put(buffer, "_{");
        tg_put_bytes(buffer, p.index, p.index_count);
        tg_put(buffer, "}");
    }
    if (is_layer) tg_put(buffer, "}");
}

/* ---- calls ---- */

/* Functions for which TeX has a name; a derivative has a stroke behind it. */
static void put_function(const char *name, tg_text_buffer *buffer) {
    static const char *const known[] = { "exp", "ln", "log", "sin", "cos", "tan", "tanh", "sinh", "cosh", "max", "min" };
    const size_t             length  = strcspn(name, "'");
    if (strcmp(name, "sigmoid") == 0) {
        tg_put(buffer, "\\sigma");
        return;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strlen(known[i]) != length || memcmp(known[i], name, length) != 0) continue;
        tg_put(buffer, "\\");
        tg_put(buffer, name);
        return;
    }
    tg_put(buffer, length > 1 ? "\\operatorname{" : "");
    put_letters(name, length, buffer);
    tg_put(buffer, length > 1 ? "}" : "");
    tg_put(buffer, name + length);
}

static void put_call(const tg_formula *f, tg_text_buffer *buffer) {
    if (f->count == 1 && strcmp(f->name, "sqrt") == 0) {
        put_between("\\sqrt{", f->parts[0], "}", buffer);
        return;
    }
    if (f->count == 1 && strcmp(f->name, "floor") == 0) {
        put_between("\\lfloor ", f->parts[0], " \\rfloor", buffer);
        return;
    }
    put_function(f->name, buffer);
    tg_put(buffer, "\\left(");
    for (int k = 0; k < f->count; k++) put_between(k > 0 ? ", " : "", f->parts[k], "", buffer);
    tg_put(buffer, "\\right)");
}

/* ---- the rest ---- */

static const char *sign_of(tg_formula_kind kind) {
    switch (kind) {
        case TG_FORMULA_MULTIPLY:       return " \\cdot ";
        case TG_FORMULA_MATRIX_PRODUCT: return "\\,";
        case TG_FORMULA_ADD:            return " + ";
        case TG_FORMULA_SUBTRACT:       return " - ";
        case TG_FORMULA_GREATER:        return " > ";
        case TG_FORMULA_GREATER_EQUAL:  return " \\ge ";
        case TG_FORMULA_LESS:           return " < ";
        case TG_FORMULA_LESS_EQUAL:     return " \\le ";
        case TG_FORMULA_EQUAL:          return " = ";
        default:                        return " \\ne ";
    }
}

static void put_two(const tg_formula *f, tg_text_buffer *buffer) {
    const int binds = tg_formula_binding_of(f);
    put_part(f->parts[0], binds, buffer);
    tg_put(buffer, sign_of(f->kind));
    put_part(f->parts[1], binds == TG_BIND_SUM ? TG_BIND_PRODUCT : binds + 1, buffer);
}

/* As a condition, without brackets. */
static void put_condition(const tg_formula *f, tg_text_buffer *buffer) {
    if (tg_formula_is_question(f)) put_two(f, buffer);
    else put_between("", f, " \\ne 0", buffer);
}

static void put_choice(const tg_formula *f, tg_text_buffer *buffer) {
    put_between("\\begin{cases} ", f->parts[1], " & \\text{if } ", buffer);
    put_condition(f->parts[0], buffer);
    put_between(" \\\\ ", f->parts[2], " & \\text{otherwise} \\end{cases}", buffer);
}

static void put_power(const tg_formula *f, tg_text_buffer *buffer) {
    put_part(f->parts[0], TG_BIND_ATOM, buffer);
    put_between("^{", f->parts[1], "}", buffer);
}

static void put_fraction(const tg_formula *f, tg_text_buffer *buffer) {
    put_between("\\frac{", f->parts[0], "}", buffer);
    put_between("{", f->parts[1], "}", buffer);
}

static void put(const tg_formula *f, tg_text_buffer *buffer) {
    switch (f->kind) {
        case TG_FORMULA_NUMBER:    tg_put_formula_number(buffer, f, TG_STYLE_TEX); return;
        case TG_FORMULA_NAME:      put_name(f->name, buffer); return;
        case TG_FORMULA_CALL:      put_call(f, buffer); return;
        case TG_FORMULA_MAGNITUDE: put_between("\\left|", f->parts[0], "\\right|", buffer); return;
        case TG_FORMULA_DIVIDE:    put_fraction(f, buffer); return;
        case TG_FORMULA_POWER:     put_power(f, buffer); return;
        case TG_FORMULA_CHOICE:    put_choice(f, buffer); return;
        case TG_FORMULA_NEGATIVE:
            tg_put(buffer, "-");
            put_part(f->parts[0], TG_BIND_PRODUCT, buffer);
            return;
        case TG_FORMULA_TRANSPOSE:
            put_part(f->parts[0], TG_BIND_ATOM, buffer);
            tg_put(buffer, "^{\\top}");
            return;
        default:
            if (tg_formula_is_question(f)) tg_put(buffer, "[");
            put_two(f, buffer);
            if (tg_formula_is_question(f)) tg_put(buffer, "]");
    }
}

void tg_put_tex(const tg_formula *f, tg_text_buffer *buffer) { put(f, buffer); }
