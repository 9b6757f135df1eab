/* formula_parse.c - formulas as they are written: by precedence, with the depth of parentheses bounded. */
#include "explain/formula.h"

#include <string.h>

enum { MOST_NESTED = 200, LONGEST_NAME = 100 };

typedef struct reader {
    tg_formulas *formulas;
    const char  *text;
    size_t       at, length;
    int          nested;
    tg_status    status;
    const char  *expected;      /* NULL: nothing failed */
} reader;

/* The first failure is the one that is told. */
static const tg_formula *refuse(reader *r, tg_status status, const char *expected) {
    if (r->expected == NULL) r->status = status, r->expected = expected;
    return NULL;
}

/* ---- bytes. A zero stands for the end, and for no byte of any token ---- */

static char peek(const reader *r, size_t ahead) { return r->length - r->at > ahead ? r->text[r->at + ahead] : '\0'; }

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

static void skip_blanks(reader *r) {
    while (peek(r, 0) == ' ' || peek(r, 0) == '\t' || peek(r, 0) == '\n' || peek(r, 0) == '\r') r->at++;
}

static bool accept(reader *r, const char *token) {
    const size_t length = strlen(token);
    skip_blanks(r);
    if (r->length - r->at < length || memcmp(r->text + r->at, token, length) != 0) return false;
    r->at += length;
    return true;
}

/* Bytes of the character beyond ASCII that begins ahead; 0: none, or not well-formed UTF-8. */
static size_t wide_length(const reader *r, size_t ahead) {
    const unsigned char first = (unsigned char)peek(r, ahead), second = (unsigned char)peek(r, ahead + 1);
    const size_t        count = first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
    for (size_t i = 1; i < count; i++)
        if (((unsigned char)peek(r, ahead + i) & 0xc0) != 0x80) return 0;
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;      /* too long for its value, and half of a pair */
    if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
    return count;
}

/* ---- numbers and names ---- */

static const tg_formula *read_number(reader *r) {
    const size_t begin = r->at;
    while (is_digit(peek(r, 0))) r->at++;
    if (peek(r, 0) == '.') r->at++;
    while (is_digit(peek(r, 0))) r->at++;
    const size_t sign = peek(r, 1) == '-' || peek(r, 1) == '+' ? 2 : 1;
    if ((peek(r, 0) == 'e' || peek(r, 0) == 'E') && is_digit(peek(r, sign))) {
        r->at += sign;
        while (is_digit(peek(r, 0))) r->at++;
    }
    return tg_formula_number(r->formulas, tg_number_of(r->text + begin, r->at - begin));
}

/* [2,1], of digits and commas, at once behind a name. */
static size_t index_length(const reader *r, size_t ahead) {
    size_t length = 1;
    if (peek(r, ahead) != '[') return 0;
    while (is_digit(peek(r, ahead + length)) || peek(r, ahead + length) == ',') length++;
    return peek(r, ahead + length) == ']' && length > 1 ? length + 1 : 0;
}

static size_t name_length(const reader *r) {
    size_t length = 0, wide;
    if (peek(r, 0) == '%') return is_digit(peek(r, 1)) || peek(r, 1) == 'y' ? 2 : 0;
    while ((wide = wide_length(r, length)) > 0 || is_letter(peek(r, length)) || (length > 0 && is_digit(peek(r, length))))
        length += wide > 0 ? wide : 1;
    return length > 0 ? length + index_length(r, length) : 0;
}

/* tanh'( is a derivative that is called; x' is a transpose. */
static bool read_name(reader *r, char name[LONGEST_NAME + 2], bool *is_derivative) {
    const size_t length = name_length(r);
    if (length == 0) return refuse(r, TG_BAD_ARGUMENT, peek(r, 0) == '%' ? "%0 to %9, or %y" : "a formula"), false;
    if (length > LONGEST_NAME) return refuse(r, TG_TOO_LARGE, "a shorter name"), false;
    *is_derivative = peek(r, length) == '\'' && peek(r, length + 1) == '(';
    memcpy(name, r->text + r->at, length + (*is_derivative ? 1 : 0));
    name[length + (*is_derivative ? 1 : 0)] = '\0';
    r->at += strlen(name);
    return true;
}

/* ---- formulas ---- */

static const tg_formula *read_formula(reader *r, int least);

/* What stands between brackets, one level deeper. */
static const tg_formula *read_inner(reader *r) {
    if (++r->nested > MOST_NESTED) return refuse(r, TG_TOO_LARGE, "a formula that is nested less deeply");
    const tg_formula *f = read_formula(r, TG_BIND_CHOICE);
    r->nested--;
    return f;
}

static const tg_formula *read_closed(reader *r, const char *bracket, const char *expected) {
    const tg_formula *f = read_inner(r);
    if (f != NULL && !accept(r, bracket)) return refuse(r, TG_BAD_ARGUMENT, expected);
    return f;
}

static const tg_formula *read_call(reader *r, const char *name) {
    const tg_formula *parts[TG_FORMULA_ARGUMENTS];
    int               count = 0;
    if (accept(r, ")")) return tg_formula_call(r->formulas, name, parts, 0);
    do {
        if (count == TG_FORMULA_ARGUMENTS) return refuse(r, TG_TOO_LARGE, "fewer arguments");
        if ((parts[count++] = read_inner(r)) == NULL) return NULL;
    } while (accept(r, ","));
    if (!accept(r, ")")) return refuse(r, TG_BAD_ARGUMENT, "',' or ')'");
    return tg_formula_call(r->formulas, name, parts, count);
}

/* A parenthesis behind a name is that of a call if it follows at once: x (a + b) is a product. */
static const tg_formula *read_named(reader *r) {
    char name[LONGEST_NAME + 2];
    bool is_derivative;
    if (!read_name(r, name, &is_derivative)) return NULL;
    if ((peek(r, 0) == '(' || tg_is_function(name)) && accept(r, "(")) return read_call(r, name);
    return tg_formula_name(r->formulas, name);
}

static const tg_formula *read_atom(reader *r) {
    skip_blanks(r);
    const tg_formula *f;
    if (accept(r, "(")) f = read_closed(r, ")", "')' or an operator");
    else if (accept(r, "|")) f = tg_formula_one(r->formulas, TG_FORMULA_MAGNITUDE, read_closed(r, "|", "'|' or an operator"));
    else if (is_digit(peek(r, 0)) || (peek(r, 0) == '.' && is_digit(peek(r, 1)))) f = read_number(r);
    else f = read_named(r);
    while (f != NULL && accept(r, "'")) f = tg_formula_one(r->formulas, TG_FORMULA_TRANSPOSE, f);
    return f;
}

/* A minus takes what binds as a product, or what its place asks for. */
static const tg_formula *read_sign(reader *r, int least) {
    if (!accept(r, "-")) return read_atom(r);
    if (++r->nested > MOST_NESTED) return refuse(r, TG_TOO_LARGE, "fewer signs");
    const tg_formula *f = read_formula(r, least > TG_BIND_PRODUCT ? least : TG_BIND_PRODUCT);
    r->nested--;
    return tg_formula_one(r->formulas, TG_FORMULA_NEGATIVE, f);
}

/* ---- what stands between two formulas ---- */

typedef struct connective { const char *sign; tg_formula_kind kind; int binds; } connective;

/* Longer signs first. */
static const connective connectives[] = {
    { ">=", TG_FORMULA_GREATER_EQUAL, TG_BIND_QUESTION }, { "<=", TG_FORMULA_LESS_EQUAL, TG_BIND_QUESTION },
    { "==", TG_FORMULA_EQUAL, TG_BIND_QUESTION }, { "!=", TG_FORMULA_NOT_EQUAL, TG_BIND_QUESTION },
    { ">", TG_FORMULA_GREATER, TG_BIND_QUESTION }, { "<", TG_FORMULA_LESS, TG_BIND_QUESTION },
    { "+", TG_FORMULA_ADD, TG_BIND_SUM }, { "-", TG_FORMULA_SUBTRACT, TG_BIND_SUM }, { "*", TG_FORMULA_MULTIPLY, TG_BIND_PRODUCT },
    { "/", TG_FORMULA_DIVIDE, TG_BIND_PRODUCT }, { "^", TG_FORMULA_POWER, TG_BIND_POWER }, { "?", TG_FORMULA_CHOICE, TG_BIND_CHOICE },
};

/* The word at stands for an index, which formulas have not. */
static bool begins_factor(const reader *r) {
    const size_t length = name_length(r);
    return peek(r, 0) == '(' || (length > 0 && !(length == 2 && memcmp(r->text + r->at, "at", 2) == 0));
}

/* The connective that comes next, which is not read yet; NULL: none. */
static const connective *next_connective(reader *r) {
    static const connective beside = { "", TG_FORMULA_MATRIX_PRODUCT, TG_BIND_MATRIX };
    skip_blanks(r);
    for (size_t i = 0; i < sizeof connectives / sizeof *connectives; i++)
        if (peek(r, 0) == connectives[i].sign[0] && (connectives[i].sign[1] == '\0' || peek(r, 1) == connectives[i].sign[1])) return &connectives[i];
    return begins_factor(r) ? &beside : NULL;
}

static const tg_formula *read_choice(reader *r, const tg_formula *condition) {
    const tg_formula *a = read_inner(r);
    if (a != NULL && !accept(r, ":")) return refuse(r, TG_BAD_ARGUMENT, "':' or an operator");
    return a != NULL ? tg_formula_choice(r->formulas, condition, a, read_inner(r)) : NULL;
}

static const tg_formula *read_right(reader *r, const connective *c, const tg_formula *left) {
    r->at += strlen(c->sign);
    if (c->kind == TG_FORMULA_CHOICE) return read_choice(r, left);
    if (c->kind != TG_FORMULA_POWER) {
        const tg_formula *right = read_formula(r, c->binds + 1);
        return right != NULL ? tg_formula_two(r->formulas, c->kind, left, right) : NULL;
    }
    if (++r->nested > MOST_NESTED) return refuse(r, TG_TOO_LARGE, "fewer powers");
    const tg_formula *right = read_formula(r, TG_BIND_POWER);
    r->nested--;
    return right != NULL ? tg_formula_two(r->formulas, c->kind, left, right) : NULL;
}

/* A formula whose connectives bind at least so strongly. */
static const tg_formula *read_formula(reader *r, int least) {
    const tg_formula *f = read_sign(r, least);
    while (f != NULL) {
        const connective *c = next_connective(r);
        if (c == NULL || c->binds < least) return f;
        f = read_right(r, c, f);
    }
    return NULL;
}

tg_status tg_formula_parse(tg_formulas *formulas, const char *text, size_t length, const tg_formula **formula, tg_formula_failure *failure) {
    reader r = { .formulas = formulas, .text = text, .length = length };
    *formula = read_formula(&r, TG_BIND_CHOICE);
    skip_blanks(&r);
    if (*formula != NULL && r.at < length) *formula = refuse(&r, TG_BAD_ARGUMENT, "an operator or the end");
    if (*formula == NULL && r.expected == NULL)
        refuse(&r, tg_formulas_status(formulas), tg_formulas_status(formulas) == TG_TOO_LARGE ? "a smaller formula" : "more memory");
    if (failure != NULL && *formula == NULL) *failure = (tg_formula_failure){ r.at, r.expected };
    return *formula != NULL ? TG_OK : r.status;
}
