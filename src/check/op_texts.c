/* op_texts.c - what a descriptor says: formulas, and shapes against the op's kind. */
#include "check/opcheck.h"

#include <inttypes.h>

/* ---- formulas ---- */

/* The first % that names no operand; NULL: all do. Operands are %0 to %9, %y is the value where a local derivative is written. */
static const char *find_stray(const char *text, int arity, bool may_name_value) {
    for (; *text != '\0'; text++) {
        if (*text != '%') continue;
        const char name = text[1];
        if (name == 'y' && may_name_value) continue;
        if (name < '0' || name > '9' || (arity >= 0 && name - '0' >= arity)) return text;
    }
    return NULL;
}

static void check_formula(tg_opcheck *c, const char *field, const char *text, bool may_name_value) {
    if (text == NULL) return;
    const char *stray = find_stray(text, c->op->arity, may_name_value);
    tg_expect(c, TG_OPCHECK_TEXTS, text[0] != '\0', ".%s is empty; leave it NULL", field);
    tg_expect(c, TG_OPCHECK_TEXTS, stray == NULL, ".%s is \"%.100s\", where \"%.2s\" is none of the %d operands", field, text,
              stray != NULL ? stray : "", c->op->arity);
}

/* TeX that cannot be set: braces that do not close, dollar signs. */
static void check_tex(tg_opcheck *c, const char *field, const char *text) {
    int  open = 0;
    bool fits = true;
    if (text == NULL) return;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\\' && p[1] != '\0') {
            p++;
            continue;
        }
        open += *p == '{' ? 1 : *p == '}' ? -1 : 0;
        fits = fits && open >= 0 && *p != '$';
    }
    tg_expect(c, TG_OPCHECK_TEXTS, fits && open == 0, ".%s is \"%.100s\", whose braces do not close, or which has a dollar sign", field, text);
}

void tg_check_texts(tg_opcheck *c) {
    check_formula(c, "text", c->op->text, false);
    check_formula(c, "tex", c->op->tex, false);
    check_tex(c, "tex", c->op->tex);
    for (int k = 0; c->op->local != NULL && k < c->op->arity; k++) {
        check_formula(c, "local", c->op->local[k], true);
        check_tex(c, "local", c->op->local[k]);
    }
}

/* ---- shapes ---- */

/* What rows and cols, each equal or 1, make together. */
static tg_shape broadcast_of(const tg_op_example *e) {
    tg_shape common = { 1, 1, false };
    for (int k = 0; k < e->count; k++) {
        if (e->shapes[k].rows != 1) common.rows = e->shapes[k].rows;
        if (e->shapes[k].cols != 1) common.cols = e->shapes[k].cols;
    }
    return common;
}

/* The flags promise a shape, by which passes and threads cut. */
void tg_check_shape(tg_opcheck *c, const tg_trial *trial) {
    const unsigned       flags = c->op->flags;
    const tg_op_example *e     = &trial->example;
    const tg_shape       y = trial->output, all = broadcast_of(e), x = e->shapes[0];
    bool                 fits  = true;
    if (e->count == 0) return;
    if ((flags & TG_OP_ELEMENTWISE) && !(flags & TG_OP_BROADCAST))
        fits = tg_expect(c, TG_OPCHECK_SHAPE, y.rows == all.rows && y.cols == all.cols,
                         "an elementwise op of these has the shape [%" PRId64 ",%" PRId64 "], and not [%" PRId64 ",%" PRId64 "]", all.rows, all.cols,
                         y.rows, y.cols);
    if (flags & TG_OP_ROWWISE)
        fits = tg_expect(c, TG_OPCHECK_SHAPE, y.rows == x.rows, "a rowwise op has as many rows as its operand, and not %" PRId64, y.rows) && fits;
    if (flags & TG_OP_ROW_SUM)
        fits = tg_expect(c, TG_OPCHECK_SHAPE, y.rows == 1 && (y.cols == 1 || y.cols == x.cols), "a sum over rows is no [%" PRId64 ",%" PRId64 "]",
                         y.rows, y.cols) && fits;
    c->is_wild = c->is_wild || !fits;      /* kernels would run over the ends */
}
