/* formula_mathml.c - formulas as presentation MathML. Each is one element, so that it may be put into any other. */
#include "explain/formula.h"

#include <string.h>

#define MINUS "<mo>\xe2\x88\x92</mo>"

static void put(const tg_formula *f, tg_text_buffer *buffer);

static int binding_of(const tg_formula *f) {
    return f->kind == TG_FORMULA_DIVIDE ? TG_BIND_FRACTION : tg_formula_is_question(f) ? TG_BIND_ATOM : tg_formula_set_binding_of(f);
}

static void put_between(const char *before, const tg_formula *f, const char *after, tg_text_buffer *buffer) {
    tg_put(buffer, before);
    put(f, buffer);
    tg_put(buffer, after);
}

static void put_part(const tg_formula *f, int least, tg_text_buffer *buffer) {
    if (binding_of(f) < least) put_between("<mrow><mo>(</mo>", f, "<mo>)</mo></mrow>", buffer);
    else put(f, buffer);
}

/* ---- names and calls ---- */

/* Characters that are markup become their names. */
static void put_escaped(const char *text, size_t count, tg_text_buffer *buffer) {
    for (size_t i = 0; i < count; i++) {
        const char c = text[i];
        if (c == '&' || c == '<' || c == '>') tg_put(buffer, c == '&' ? "&amp;" : c == '<' ? "&lt;" : "&gt;");
        else tg_put_bytes(buffer, &c, 1);
    }
}

static void put_element(const char *open, const char *text, size_t count, const char *close, tg_text_buffer *buffer) {
    tg_put(buffer, open);
    put_escaped(text, count, buffer);
    tg_put(buffer, close);
}

static void put_name(const char *name, tg_text_buffer *buffer) {
    const tg_name_parts p = tg_name_parts_of(name);
    const bool both = p.digit_count > 0 && p.index_count > 0, plain = p.digit_count == 0 && p.index_count == 0;
    if (strcmp(name, "pi") == 0 || strcmp(name, "infinity") == 0) {
        tg_put(buffer, name[0] == 'p' ? "<mi>\xcf\x80</mi>" : "<mi>\xe2\x88\x9e</mi>");
        return;
    }
    tg_put(buffer, both ? "<msubsup>" : plain ? "" : "<msub>");
    if (strcmp(name, "%y") == 0) tg_put(buffer, "<mi>y</mi>");
    else put_element("<mi>", p.letters, p.letter_count, "</mi>", buffer);
    if (p.index_count > 0) put_element("<mtext>", p.index, p.index_count, "</mtext>", buffer);
    if (both) put_element("<mrow><mo>(</mo><mn>", p.digits, p.digit_count, "</mn><mo>)</mo></mrow>", buffer);
    else if (p.digit_count > 0) put_element("<mn>", p.digits, p.digit_count, "</mn>", buffer);
    tg_put(buffer, both ? "</msubsup>" : plain ? "" : "</msub>");
}

static void put_call(const tg_formula *f, tg_text_buffer *buffer) {
    if (f->count == 1 && strcmp(f->name, "sqrt") == 0) {
        put_between("<msqrt>", f->parts[0], "</msqrt>", buffer);
        return;
    }
    const size_t length = strcspn(f->name, "'");
    tg_put(buffer, "<mrow>");
    put_element(f->name[length] == '\'' ? "<msup><mi>" : "<mi>", f->name, length,
                f->name[length] == '\'' ? "</mi><mo>\xe2\x80\xb2</mo></msup>" : "</mi>", buffer);
    tg_put(buffer, "<mo>&#x2061;</mo><mo>(</mo>");
    for (int k = 0; k < f->count; k++) put_between(k > 0 ? "<mo>,</mo>" : "", f->parts[k], "", buffer);
    tg_put(buffer, "<mo>)</mo></mrow>");
}

/* ---- the rest ---- */

static const char *sign_of(tg_formula_kind kind) {
    switch (kind) {
        case TG_FORMULA_MULTIPLY:       return "<mo>\xc2\xb7</mo>";
        case TG_FORMULA_MATRIX_PRODUCT: return "<mo>&#x2062;</mo>";
        case TG_FORMULA_ADD:            return "<mo>+</mo>";
        case TG_FORMULA_SUBTRACT:       return MINUS;
        case TG_FORMULA_GREATER:        return "<mo>&gt;</mo>";
        case TG_FORMULA_GREATER_EQUAL:  return "<mo>\xe2\x89\xa5</mo>";
        case TG_FORMULA_LESS:           return "<mo>&lt;</mo>";
        case TG_FORMULA_LESS_EQUAL:     return "<mo>\xe2\x89\xa4</mo>";
        case TG_FORMULA_EQUAL:          return "<mo>=</mo>";
        default:                        return "<mo>\xe2\x89\xa0</mo>";
    }
}

static void put_two(const tg_formula *f, bool bracketed, tg_text_buffer *buffer) {
    const int binds = tg_formula_binding_of(f);
    tg_put(buffer, bracketed ? "<mrow><mo>[</mo>" : "<mrow>");
    put_part(f->parts[0], binds, buffer);
    tg_put(buffer, sign_of(f->kind));
    put_part(f->parts[1], binds == TG_BIND_SUM ? TG_BIND_PRODUCT : binds + 1, buffer);
    tg_put(buffer, bracketed ? "<mo>]</mo></mrow>" : "</mrow>");
}

static void put_condition(const tg_formula *f, tg_text_buffer *buffer) {
    if (tg_formula_is_question(f)) put_two(f, false, buffer);
    else put_between("<mrow>", f, "<mo>\xe2\x89\xa0</mo><mn>0</mn></mrow>", buffer);
}

static void put_choice(const tg_formula *f, tg_text_buffer *buffer) {
    put_between("<mrow><mo>{</mo><mtable><mtr><mtd>", f->parts[1], "</mtd><mtd><mtext>if </mtext>", buffer);
    put_condition(f->parts[0], buffer);
    put_between("</mtd></mtr><mtr><mtd>", f->parts[2], "</mtd><mtd><mtext>otherwise</mtext></mtd></mtr></mtable></mrow>", buffer);
}

static void put_raised(const tg_formula *f, tg_text_buffer *buffer) {
    tg_put(buffer, "<msup>");
    put_part(f->parts[0], TG_BIND_ATOM, buffer);
    if (f->kind == TG_FORMULA_TRANSPOSE) tg_put(buffer, "<mo>\xe2\x8a\xa4</mo>");
    else put(f->parts[1], buffer);
    tg_put(buffer, "</msup>");
}

static void put(const tg_formula *f, tg_text_buffer *buffer) {
    switch (f->kind) {
        case TG_FORMULA_NUMBER:    tg_put_formula_number(buffer, f, TG_STYLE_MATHML); return;
        case TG_FORMULA_NAME:      put_name(f->name, buffer); return;
        case TG_FORMULA_CALL:      put_call(f, buffer); return;
        case TG_FORMULA_MAGNITUDE: put_between("<mrow><mo>|</mo>", f->parts[0], "<mo>|</mo></mrow>", buffer); return;
        case TG_FORMULA_CHOICE:    put_choice(f, buffer); return;
        case TG_FORMULA_POWER:
        case TG_FORMULA_TRANSPOSE: put_raised(f, buffer); return;
        case TG_FORMULA_NEGATIVE:
            tg_put(buffer, "<mrow>" MINUS);
            put_part(f->parts[0], TG_BIND_PRODUCT, buffer);
            tg_put(buffer, "</mrow>");
            return;
        case TG_FORMULA_DIVIDE:
            put_between("<mfrac>", f->parts[0], "", buffer);
            put_between("", f->parts[1], "</mfrac>", buffer);
            return;
        default: put_two(f, tg_formula_is_question(f), buffer);
    }
}

void tg_put_mathml(const tg_formula *f, tg_text_buffer *buffer) { put_between("<math>", f, "</math>", buffer); }
