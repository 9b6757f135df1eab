/* formula_value.c - the value of a formula of scalars, in double. Functions are those of C, and ops by their texts. */
#include "core/util.h"
#include "explain/formula.h"

#include <string.h>

/* ---- functions ---- */

static double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }
static double same(double x) { return x; }
static double larger(double x, double y) { return x > y || isnan(x) ? x : y; }
static double smaller(double x, double y) { return x < y || isnan(x) ? x : y; }
static double equals(double x, double y) { return x == y || (isnan(x) && isnan(y)) ? 1 : 0; }

/* Of one element, a sum or a mean is that element. */
static const struct { const char *name; double (*f)(double); } functions[] = {
    { "exp", exp }, { "ln", log }, { "log", log }, { "sqrt", sqrt }, { "tanh", tanh }, { "sin", sin }, { "cos", cos }, { "tan", tan },
    { "sinh", sinh }, { "cosh", cosh }, { "erf", erf }, { "erfc", erfc }, { "abs", fabs }, { "sign", sign }, { "floor", floor }, { "round", rint },
    { "expm1", expm1 }, { "log1p", log1p }, { "stop", same }, { "broadcast", same }, { "sum", same }, { "mean", same }, { "sum_rows", same },
    { "sum_cols", same }, { "mean_rows", same }, { "mean_cols", same }, { "max", same }, { "min", same }, { "prod", same },
};
static const struct { const char *name; double (*f)(double, double); } functions2[] = {
    { "max", larger }, { "min", smaller }, { "pow", pow }, { "same", equals },
};

enum { COUNT = sizeof functions / sizeof *functions, COUNT2 = sizeof functions2 / sizeof *functions2 };

bool tg_is_function(const char *name) {
    for (int i = 0; i < COUNT; i++)
        if (strcmp(functions[i].name, name) == 0) return true;
    return strcmp(name, "pow") == 0;
}

/* ---- evaluation ---- */

enum { MOST_OPS = 8 };      /* one within the other's text */

typedef struct evaluation {
    const tg_formula_number_binding *names;
    int                              count, ops;
    tg_status                        status;
} evaluation;

static double value_of(evaluation *e, const tg_formula *f);

static double refuse(evaluation *e, tg_status status, const char *what, const char *name) {
    if (e->status == TG_OK) e->status = tg_fail_thread(status, "there is no %s %.100s", what, name);
    return (double)NAN;
}

static double value_of_name(evaluation *e, const char *name) {
    for (int i = 0; i < e->count; i++)
        if (strcmp(e->names[i].name, name) == 0) return e->names[i].number;
    if (strcmp(name, "pi") == 0) return 3.14159265358979323846;
    if (strcmp(name, "infinity") == 0) return (double)INFINITY;
    return strcmp(name, "nan") == 0 ? (double)NAN : refuse(e, TG_UNKNOWN_NAME, "value for", name);
}

enum { MOST_OPERANDS = 4 };

/* f, a formula of an op, at these operands and this value of the op. */
static double value_at(evaluation *e, const tg_formulas *formulas, const tg_formula *f, const double operands[], int count, double y) {
    static const char *const  names[] = { "%0", "%1", "%2", "%3" };
    tg_formula_number_binding numbers[MOST_OPERANDS + 1];
    if (f == NULL) {
        const tg_status status = tg_formulas_status(formulas);
        e->status = tg_fail_thread(status != TG_OK ? status : TG_UNKNOWN_NAME, "there is no formula of an op");
        return (double)NAN;
    }
    for (int k = 0; k < count; k++) numbers[k] = (tg_formula_number_binding){ names[k], operands[k] };
    numbers[count] = (tg_formula_number_binding){ "%y", y };
    evaluation   inner = { numbers, count + 1, e->ops + 1, TG_OK };
    const double value = value_of(&inner, f);
    if (e->status == TG_OK) e->status = inner.status;
    return value;
}

/* An op by its text, and its derivative by what its rule records. One that is its own text would never end. */
static double value_of_op(evaluation *e, const tg_op *op, const double operands[], int count, bool is_derivative) {
    tg_formulas *formulas = tg_formulas_new();
    if (formulas == NULL) {
        e->status = TG_OUT_OF_MEMORY;
        return (double)NAN;
    }
    double value = value_at(e, formulas, tg_formula_of_op(formulas, op, op->defaults, count), operands, count, (double)NAN);
    if (is_derivative && e->status == TG_OK)
        value = value_at(e, formulas, tg_local_formula(formulas, op, NULL, NULL, count, 0, 0), operands, count, value);
    tg_formulas_free(formulas);
    return value;
}

/* The op that name calls, with a stroke behind it if its derivative is meant: that of one operand, without numbers of which the name says nothing. */
static const tg_op *find_op(const char *name, int count, bool *is_derivative) {
    char         copy[64];
    const size_t length = strcspn(name, "'");
    if (length >= sizeof copy) return NULL;
    memcpy(copy, name, length);
    copy[length]    = '\0';
    *is_derivative  = name[length] == '\'';
    const tg_op *op = tg_op_find(copy);
    if (op == NULL || op->arity != count || count < 1 || count > MOST_OPERANDS || !(op->flags & TG_OP_ELEMENTWISE)) return NULL;
    return *is_derivative && (count > 1 || op->attribute_size > 0) ? NULL : op;
}

static double value_of_call(evaluation *e, const tg_formula *f) {
    double arguments[TG_FORMULA_ARGUMENTS];
    for (int k = 0; k < f->count; k++) arguments[k] = value_of(e, f->parts[k]);
    for (int i = 0; i < COUNT && f->count == 1; i++)
        if (strcmp(functions[i].name, f->name) == 0) return functions[i].f(arguments[0]);
    for (int i = 0; i < COUNT2 && f->count == 2; i++)
        if (strcmp(functions2[i].name, f->name) == 0) return functions2[i].f(arguments[0], arguments[1]);
    bool         is_derivative;
    const tg_op *op = find_op(f->name, f->count, &is_derivative);
    if (op == NULL || e->ops == MOST_OPS || e->status != TG_OK)
        return refuse(e, TG_UNKNOWN_NAME, "function of scalars with that number of arguments:", f->name);
    return value_of_op(e, op, arguments, f->count, is_derivative);
}

static double value_of_two(tg_formula_kind kind, double a, double b) {
    switch (kind) {
        case TG_FORMULA_ADD:           return a + b;
        case TG_FORMULA_SUBTRACT:      return a - b;
        case TG_FORMULA_DIVIDE:        return a / b;
        case TG_FORMULA_POWER:         return b == 2 ? a * a : pow(a, b);
        case TG_FORMULA_GREATER:       return a > b ? 1 : 0;
        case TG_FORMULA_GREATER_EQUAL: return a >= b ? 1 : 0;
        case TG_FORMULA_LESS:          return a < b ? 1 : 0;
        case TG_FORMULA_LESS_EQUAL:    return a <= b ? 1 : 0;
        case TG_FORMULA_EQUAL:         return a == b ? 1 : 0;
        case TG_FORMULA_NOT_EQUAL:     return a != b ? 1 : 0;
        default:                       return a * b;
    }
}

static double value_of(evaluation *e, const tg_formula *f) {
    switch (f->kind) {
        case TG_FORMULA_NUMBER:    return f->number;
        case TG_FORMULA_NAME:      return value_of_name(e, f->name);
        case TG_FORMULA_CALL:      return value_of_call(e, f);
        case TG_FORMULA_NEGATIVE:  return -value_of(e, f->parts[0]);
        case TG_FORMULA_MAGNITUDE: return fabs(value_of(e, f->parts[0]));
        case TG_FORMULA_TRANSPOSE: return value_of(e, f->parts[0]);
        case TG_FORMULA_CHOICE:    return value_of(e, f->parts[value_of(e, f->parts[0]) != 0 ? 1 : 2]);
        default: break;
    }
    const double a = value_of(e, f->parts[0]), b = value_of(e, f->parts[1]);
    return value_of_two(f->kind, a, b);
}

tg_status tg_formula_value(const tg_formula *f, const tg_formula_number_binding names[], int count, double *value) {
    evaluation e = { names, count, 0, TG_OK };
    *value = value_of(&e, f);
    return e.status;
}
