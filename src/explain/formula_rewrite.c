/* formula_rewrite.c - what equals a formula for finite numbers, as a teacher writes it. From the leaves up, each node by the rules of its kind until
 * none fits. Rules make formulas smaller, move signs out and numbers to the left; the number of rounds is bounded all the same. */
#include "explain/formula.h"

#include <string.h>

typedef const tg_formula *node;

enum { MOST_ROUNDS = 50 };

static bool is_number(node f) { return f->kind == TG_FORMULA_NUMBER && isfinite(f->number); }
static bool is(node f, tg_formula_kind kind) { return f->kind == kind; }
static node left(node f) { return f->parts[0]; }
static node right(node f) { return f->parts[1]; }

static node number(tg_formulas *a, double x) { return tg_formula_number(a, x); }

/* Of parts that are rewritten already. */
static node rewrite_top(tg_formulas *a, node f);
static node negative(tg_formulas *a, node x) { return rewrite_top(a, tg_formula_one(a, TG_FORMULA_NEGATIVE, x)); }
static node two(tg_formulas *a, tg_formula_kind kind, node x, node y) { return rewrite_top(a, tg_formula_two(a, kind, x, y)); }
static node add(tg_formulas *a, node x, node y) { return two(a, TG_FORMULA_ADD, x, y); }
static node subtract(tg_formulas *a, node x, node y) { return two(a, TG_FORMULA_SUBTRACT, x, y); }
static node multiply(tg_formulas *a, node x, node y) { return two(a, TG_FORMULA_MULTIPLY, x, y); }
static node divide(tg_formulas *a, node x, node y) { return two(a, TG_FORMULA_DIVIDE, x, y); }
static node power(tg_formulas *a, node x, node y) { return two(a, TG_FORMULA_POWER, x, y); }

/* x of -x; a number below 0 is one, too. */
static node magnitude(tg_formulas *a, node f) { return is(f, TG_FORMULA_NEGATIVE) ? left(f) : number(a, -f->number); }

/* ---- rules, one function a kind: f itself where none fits ---- */

/* 0.1666... is 1 / 6 where that is the same double; 0.25 stays. */
static node rewrite_number(tg_formulas *a, node f) {
    enum { LARGEST = 1000 };
    const double n = rint(1 / fabs(f->number));
    double       m = n;
    if (!(n >= 3 && n <= LARGEST) || 1 / n != fabs(f->number)) return f;
    while (fmod(m, 2) == 0) m /= 2;
    while (fmod(m, 5) == 0) m /= 5;
    const node fraction = m > 1 ? tg_formula_two(a, TG_FORMULA_DIVIDE, number(a, 1), number(a, n)) : f;
    return m > 1 && f->number < 0 ? tg_formula_one(a, TG_FORMULA_NEGATIVE, fraction) : fraction;
}

static node rewrite_negative(tg_formulas *a, node f) {
    const node x = left(f);
    if (is_number(x)) return number(a, 0 - x->number);
    if (is(x, TG_FORMULA_NEGATIVE)) return left(x);
    return is(x, TG_FORMULA_SUBTRACT) ? subtract(a, right(x), left(x)) : f;
}

static node rewrite_add(tg_formulas *a, node f) {
    const node x = left(f), y = right(f);
    if (tg_formula_is_number(x, 0)) return y;
    if (tg_formula_is_number(y, 0)) return x;
    if (is_number(x) && is_number(y)) return number(a, x->number + y->number);
    if (tg_formula_is_negative(y)) return subtract(a, x, magnitude(a, y));
    if (is(x, TG_FORMULA_NEGATIVE)) return subtract(a, y, left(x));
    if (is(y, TG_FORMULA_ADD)) return add(a, add(a, x, left(y)), right(y));
    return is(y, TG_FORMULA_SUBTRACT) ? subtract(a, add(a, x, left(y)), right(y)) : f;
}

static node rewrite_subtract(tg_formulas *a, node f) {
    const node x = left(f), y = right(f);
    if (tg_formula_is_number(y, 0)) return x;
    if (tg_formula_is_number(x, 0)) return negative(a, y);
    if (is_number(x) && is_number(y)) return number(a, x->number - y->number);
    return tg_formula_is_negative(y) ? add(a, x, magnitude(a, y)) : f;
}

/* b and e of b^e, e a number; x is x^1. */
static node base_of(node f, double *exponent) {
    const bool is_power = is(f, TG_FORMULA_POWER) && is_number(right(f));
    *exponent = is_power ? right(f)->number : 1;
    return is_power ? left(f) : f;
}

/* x^m x^n where both are whole and above 0; NULL: they are not. */
static node joined_powers(tg_formulas *a, node x, node y) {
    double     m, n;
    const node base = base_of(x, &m);
    if (is_number(base) || !tg_formula_is_same(base, base_of(y, &n)) || !(m > 0 && n > 0) || floor(m) != m || floor(n) != n) return NULL;
    return power(a, base, number(a, m + n));
}

static node rewrite_product(tg_formulas *a, node f) {
    const node x = left(f), y = right(f);
    if (tg_formula_is_number(x, 1)) return y;
    if (tg_formula_is_number(x, 0) || tg_formula_is_number(y, 0)) return number(a, 0);
    if (is_number(x) && is_number(y)) return number(a, x->number * y->number);
    if (is_number(y)) return multiply(a, y, x);
    if (tg_formula_is_negative(x)) return negative(a, multiply(a, magnitude(a, x), y));
    if (tg_formula_is_negative(y)) return negative(a, multiply(a, x, magnitude(a, y)));
    if (is(y, TG_FORMULA_MULTIPLY)) return multiply(a, multiply(a, x, left(y)), right(y));
    if (is_number(x) && is(y, TG_FORMULA_DIVIDE) && is_number(left(y))) return divide(a, number(a, x->number * left(y)->number), right(y));
    if (is(y, TG_FORMULA_DIVIDE) && tg_formula_is_number(left(y), 1)) return divide(a, x, right(y));
    if (is(x, TG_FORMULA_DIVIDE) && tg_formula_is_number(left(x), 1)) return divide(a, y, right(x));
    const node joined = joined_powers(a, x, y);
    if (joined != NULL) return joined;
    const node later = is(x, TG_FORMULA_MULTIPLY) ? joined_powers(a, right(x), y) : NULL;
    return later != NULL ? multiply(a, left(x), later) : f;
}

/* A quotient that is no longer than what is divided. */
static bool divides(double x, double by) { return by != 0 && floor(x / by) == x / by && x / by * by == x && fabs(x / by) < 1e6; }

static node rewrite_quotient(tg_formulas *a, node f) {
    const node x = left(f), y = right(f);
    if (tg_formula_is_number(y, 1)) return x;
    if (tg_formula_is_number(x, 0)) return x;
    if (is_number(x) && is_number(y) && divides(x->number, y->number)) return number(a, x->number / y->number);
    if (tg_formula_is_negative(x)) return negative(a, divide(a, magnitude(a, x), y));
    if (tg_formula_is_negative(y)) return negative(a, divide(a, x, magnitude(a, y)));
    if (is_number(x) && !is_number(y) && fabs(x->number) < 1 && divides(1, x->number))
        return divide(a, number(a, 1), multiply(a, number(a, 1 / x->number), y));
    if (is(x, TG_FORMULA_MULTIPLY) && is_number(left(x)) && is_number(y) && divides(left(x)->number, y->number))
        return multiply(a, number(a, left(x)->number / y->number), right(x));
    return is(x, TG_FORMULA_DIVIDE) ? divide(a, left(x), multiply(a, right(x), y)) : f;
}

static node rewrite_power(tg_formulas *a, node f) {
    const node x = left(f), y = right(f);
    if (!is_number(y)) return f;
    const double n = y->number, m = is_number(x) ? pow(x->number, n) : 0.5;
    if (n == 1) return x;
    if (n == 0) return number(a, 1);
    if (floor(m) == m && fabs(m) < 1e6) return number(a, m);
    if (n < 0) return divide(a, number(a, 1), power(a, x, number(a, -n)));
    if (floor(n) != n) return f;
    if (tg_formula_is_negative(x) && fmod(n, 2) == 0) return power(a, magnitude(a, x), y);
    if (is(x, TG_FORMULA_DIVIDE) && tg_formula_is_number(left(x), 1)) return divide(a, left(x), power(a, right(x), y));
    return f;
}

/* ---- choices ---- */

/* f where condition is known to hold, or not to. */
static node decided(tg_formulas *a, node f, node condition, bool holds) {
    node parts[TG_FORMULA_ARGUMENTS];
    if (f == NULL || f->count == 0) return f;
    if (is(f, TG_FORMULA_CHOICE) && tg_formula_is_same(left(f), condition)) return decided(a, f->parts[holds ? 1 : 2], condition, holds);
    for (int k = 0; k < f->count; k++) parts[k] = decided(a, f->parts[k], condition, holds);
    const node fresh = tg_formula_with(a, f, parts);
    return fresh != f ? rewrite_top(a, fresh) : f;
}

static bool is_sign_of(node f, node x) {
    return is(f, TG_FORMULA_CALL) && strcmp(f->name, "sign") == 0 && f->count == 1 && tg_formula_is_same(left(f), x);
}

static node rewrite_choice(tg_formulas *a, node f) {
    const node condition = left(f);
    if (is_number(condition)) return f->parts[condition->number != 0 ? 1 : 2];
    const node x = decided(a, f->parts[1], condition, true), y = decided(a, f->parts[2], condition, false);
    if (x == NULL || y == NULL) return NULL;
    if (tg_formula_is_same(x, y)) return x;
    if (is_sign_of(x, condition) && tg_formula_is_number(y, 0)) return x;      /* the sign of 0 is 0 */
    return x != f->parts[1] || y != f->parts[2] ? tg_formula_choice(a, condition, x, y) : f;
}

/* ---- all of them ---- */

static node rewrite_once(tg_formulas *a, node f) {
    switch (f->kind) {
        case TG_FORMULA_NUMBER:   return rewrite_number(a, f);
        case TG_FORMULA_NEGATIVE: return rewrite_negative(a, f);
        case TG_FORMULA_ADD:      return rewrite_add(a, f);
        case TG_FORMULA_SUBTRACT: return rewrite_subtract(a, f);
        case TG_FORMULA_MULTIPLY: return rewrite_product(a, f);
        case TG_FORMULA_DIVIDE:   return rewrite_quotient(a, f);
        case TG_FORMULA_POWER:    return rewrite_power(a, f);
        case TG_FORMULA_CHOICE:   return rewrite_choice(a, f);
        default:                  return f;
    }
}

/* The parts of what rules make are rewritten already. */
static node rewrite_top(tg_formulas *a, node f) {
    for (int round = 0; f != NULL && round < MOST_ROUNDS; round++) {
        const node next = rewrite_once(a, f);
        if (next == f) break;
        f = next;
    }
    return f;
}

const tg_formula *tg_formula_rewrite(tg_formulas *formulas, const tg_formula *f) {
    node parts[TG_FORMULA_ARGUMENTS];
    if (f == NULL) return NULL;
    for (int k = 0; k < f->count; k++) parts[k] = tg_formula_rewrite(formulas, f->parts[k]);
    return rewrite_top(formulas, tg_formula_with(formulas, f, parts));
}
