/* formula_record.c - a formula recorded as ops. Functions are ops by name. */
#include "explain/formula.h"

#include <string.h>
#include <tapegrad/ops.h>

typedef struct recording {
    tg_tape                         *tape;
    const tg_formula_tensor_binding *names;
    int                              count;
} recording;

static tg_tensor record(recording *r, const tg_formula *f);

static tg_tensor record_name(recording *r, const char *name) {
    for (int i = 0; i < r->count; i++)
        if (strcmp(r->names[i].name, name) == 0) return r->names[i].tensor;
    if (strcmp(name, "pi") == 0) return tg_constant(r->tape, 3.14159265358979323846);
    if (strcmp(name, "infinity") == 0) return tg_constant(r->tape, (double)INFINITY);
    if (strcmp(name, "nan") == 0) return tg_constant(r->tape, (double)NAN);
    return tg_tape_fail(r->tape, TG_UNKNOWN_NAME, "there is no value for %.100s", name);
}

/* Words of formulas that ops have other names for. */
static const tg_op *op_of(const char *name, int count) {
    static const struct { const char *name; int count; const char *op; } others[] = {
        { "ln", 1, "log" }, { "max", 2, "maximum" }, { "min", 2, "minimum" },
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i].count == count && strcmp(others[i].name, name) == 0) return tg_op_find(others[i].op);
    return tg_op_find(name);
}

static tg_tensor record_call(recording *r, const tg_formula *f) {
    tg_tensor    arguments[TG_FORMULA_ARGUMENTS];
    const tg_op *op = op_of(f->name, f->count);
    if (op == NULL) return tg_tape_fail(r->tape, TG_UNKNOWN_NAME, "there is no function %.100s", f->name);
    if (op->arity != f->count || f->count == 0 || (op->flags & TG_OP_ASSIGN) || (op->attribute_size > 0 && op->defaults == NULL))
        return tg_tape_fail(r->tape, TG_UNKNOWN_NAME, "there is no function %.100s of %d arguments alone", f->name, f->count);
    for (int k = 0; k < f->count; k++) arguments[k] = record(r, f->parts[k]);
    return tg_apply(r->tape, op, arguments, f->count, NULL);
}

/* With a number as exponent, an op of one operand. */
static tg_tensor record_power(recording *r, const tg_formula *f) {
    const tg_formula *exponent = f->parts[1];
    const tg_tensor   base     = record(r, f->parts[0]);
    if (tg_formula_is_number(exponent, 2)) return tg_square(base);
    return exponent->kind == TG_FORMULA_NUMBER ? tg_pow_scalar(base, exponent->number) : tg_pow(base, record(r, exponent));
}

static tg_tensor record_choice(recording *r, const tg_formula *f) {
    const tg_tensor condition = record(r, f->parts[0]), x = record(r, f->parts[1]);
    return tg_select(condition, x, record(r, f->parts[2]));
}

static tg_tensor record_two(recording *r, const tg_formula *f) {
    const tg_tensor a = record(r, f->parts[0]), b = record(r, f->parts[1]);
    switch (f->kind) {
        case TG_FORMULA_ADD:            return tg_add(a, b);
        case TG_FORMULA_SUBTRACT:       return tg_sub(a, b);
        case TG_FORMULA_MULTIPLY:       return tg_mul(a, b);
        case TG_FORMULA_MATRIX_PRODUCT: return tg_matmul(a, b);
        case TG_FORMULA_DIVIDE:         return tg_div(a, b);
        case TG_FORMULA_GREATER:        return tg_greater(a, b);
        case TG_FORMULA_GREATER_EQUAL:  return tg_greater_equal(a, b);
        case TG_FORMULA_LESS:           return tg_less(a, b);
        case TG_FORMULA_LESS_EQUAL:     return tg_less_equal(a, b);
        case TG_FORMULA_EQUAL:          return tg_equal(a, b);
        default:                        return tg_not_equal(a, b);
    }
}

static tg_tensor record(recording *r, const tg_formula *f) {
    switch (f->kind) {
        case TG_FORMULA_NUMBER:    return tg_constant(r->tape, f->number);
        case TG_FORMULA_NAME:      return record_name(r, f->name);
        case TG_FORMULA_CALL:      return record_call(r, f);
        case TG_FORMULA_NEGATIVE:  return tg_neg(record(r, f->parts[0]));
        case TG_FORMULA_MAGNITUDE: return tg_abs(record(r, f->parts[0]));
        case TG_FORMULA_TRANSPOSE: return tg_transpose(record(r, f->parts[0]));
        case TG_FORMULA_POWER:     return record_power(r, f);
        case TG_FORMULA_CHOICE:    return record_choice(r, f);
        default:                   return record_two(r, f);
    }
}

tg_tensor tg_formula_record(tg_tape *tape, const tg_formula *f, const tg_formula_tensor_binding names[], int count) {
    return record(&(recording){ tape, names, count }, f);
}
