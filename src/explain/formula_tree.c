/* formula_tree.c - the nodes of formulas, and the arena that holds them. */
#include "core/util.h"
#include "explain/formula.h"

#include <string.h>

/* ---- memory: blocks in a list, the last one in use first ---- */

enum { BLOCK_BYTES = 8192 };

typedef struct block {
    struct block *next;
    size_t        bytes, used;
} block;

struct tg_formulas {
    block    *blocks;
    tg_status status;
};

tg_formulas *tg_formulas_new(void) {
    tg_formulas *formulas = tg_allocate(sizeof *formulas);
    if (formulas == NULL) tg_fail_thread(TG_OUT_OF_MEMORY, "no memory for formulas");
    return formulas;
}

void tg_formulas_free(tg_formulas *formulas) {
    if (formulas == NULL) return;
    for (block *b = formulas->blocks, *next; b != NULL; b = next) {
        next = b->next;
        tg_release(b, b->bytes);
    }
    tg_release(formulas, sizeof *formulas);
}

tg_status tg_formulas_status(const tg_formulas *formulas) { return formulas->status; }

void *tg_formulas_fail(tg_formulas *formulas, tg_status status) {
    if (formulas->status == TG_OK) formulas->status = status;
    return NULL;
}

static block *add_block(tg_formulas *formulas, size_t bytes) {
    const size_t all   = sizeof(block) + (bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES);
    block       *fresh = tg_allocate(all);
    if (fresh == NULL) return tg_formulas_fail(formulas, TG_OUT_OF_MEMORY);
    *fresh = (block){ formulas->blocks, all, sizeof(block) };
    return formulas->blocks = fresh;
}

static void *take(tg_formulas *formulas, size_t bytes) {
    const size_t padded = (bytes + sizeof(double) - 1) / sizeof(double) * sizeof(double);
    block       *b      = formulas->blocks;
    if (b == NULL || b->bytes - b->used < padded) b = add_block(formulas, padded);
    if (b == NULL) return NULL;
    b->used += padded;
    return (char *)b + b->used - padded;
}

static const char *take_text(tg_formulas *formulas, const char *text) {
    const size_t bytes = strlen(text) + 1;
    char        *copy  = take(formulas, bytes);
    if (copy != NULL) memcpy(copy, text, bytes);
    return copy;
}

/* ---- nodes ---- */

/* Depth and size from those of the parts; false: a part is missing, or it would be too large. */
static bool measure(tg_formulas *formulas, tg_formula *f, const tg_formula *const parts[]) {
    f->depth = f->size = 1;
    for (int k = 0; k < f->count; k++) {
        if (parts[k] == NULL) return false;
        if (f->depth <= parts[k]->depth) f->depth = parts[k]->depth + 1;
        f->size += parts[k]->size;
        if (f->size > TG_FORMULA_SIZE || f->depth > TG_FORMULA_DEPTH) return tg_formulas_fail(formulas, TG_TOO_LARGE), false;
    }
    return true;
}

static const tg_formula *make(tg_formulas *formulas, tg_formula f, const tg_formula *const parts[]) {
    const tg_formula **copies = NULL;
    if (!measure(formulas, &f, parts)) return NULL;
    tg_formula *fresh = take(formulas, sizeof f);
    if (fresh == NULL) return NULL;
    if (f.count > 0) {
        copies = take(formulas, (size_t)f.count * sizeof *copies);
        if (copies == NULL) return NULL;
        memcpy(copies, parts, (size_t)f.count * sizeof *copies);
    }
    if (f.kind == TG_FORMULA_MATRIX_PRODUCT && (copies[0]->kind == TG_FORMULA_NUMBER || copies[1]->kind == TG_FORMULA_NUMBER))
        f.kind = TG_FORMULA_MULTIPLY;      /* a multiple, and no product of matrices */
    f.parts = copies;
    *fresh  = f;
    return fresh;
}

const tg_formula *tg_formula_number(tg_formulas *formulas, double number) {
    return make(formulas, (tg_formula){ .kind = TG_FORMULA_NUMBER, .number = number }, NULL);
}

const tg_formula *tg_formula_rounded(tg_formulas *formulas, double number, int digits) {
    tg_text_buffer text = { 0 };
    tg_put_rounded(&text, number, digits, TG_STYLE_TEXT);
    const double rounded = isfinite(number) ? tg_number_of(tg_text_of(&text), text.length) : number;
    const bool   failed  = text.failed;
    tg_text_buffer_release(&text);
    if (failed) return tg_formulas_fail(formulas, TG_OUT_OF_MEMORY);
    return make(formulas, (tg_formula){ .kind = TG_FORMULA_NUMBER, .number = rounded, .digits = digits }, NULL);
}

const tg_formula *tg_formula_name(tg_formulas *formulas, const char *name) {
    const char *copy = take_text(formulas, name);
    return copy != NULL ? make(formulas, (tg_formula){ .kind = TG_FORMULA_NAME, .name = copy }, NULL) : NULL;
}

const tg_formula *tg_formula_call(tg_formulas *formulas, const char *name, const tg_formula *const parts[], int count) {
    const char *copy = take_text(formulas, name);
    if (count > TG_FORMULA_ARGUMENTS) return tg_formulas_fail(formulas, TG_TOO_LARGE);
    return copy != NULL ? make(formulas, (tg_formula){ .kind = TG_FORMULA_CALL, .count = count, .name = copy }, parts) : NULL;
}

const tg_formula *tg_formula_one(tg_formulas *formulas, tg_formula_kind kind, const tg_formula *a) {
    return make(formulas, (tg_formula){ .kind = kind, .count = 1 }, (const tg_formula *const[]){ a });
}

const tg_formula *tg_formula_two(tg_formulas *formulas, tg_formula_kind kind, const tg_formula *a, const tg_formula *b) {
    return make(formulas, (tg_formula){ .kind = kind, .count = 2 }, (const tg_formula *const[]){ a, b });
}

const tg_formula *tg_formula_choice(tg_formulas *formulas, const tg_formula *condition, const tg_formula *a, const tg_formula *b) {
    return make(formulas, (tg_formula){ .kind = TG_FORMULA_CHOICE, .count = 3 }, (const tg_formula *const[]){ condition, a, b });
}

const tg_formula *tg_formula_with(tg_formulas *formulas, const tg_formula *f, const tg_formula *const parts[]) {
    bool is_same = true;
    for (int k = 0; k < f->count; k++) is_same = is_same && parts[k] == f->parts[k];
    return is_same ? f : make(formulas, *f, parts);
}

/* ---- questions ---- */

bool tg_formula_is_same(const tg_formula *a, const tg_formula *b) {
    if (a == b) return true;
    if (a->kind != b->kind || a->count != b->count || a->size != b->size) return false;
    if (a->kind == TG_FORMULA_NUMBER) return a->number == b->number;
    if (a->name != NULL && strcmp(a->name, b->name) != 0) return false;
    for (int k = 0; k < a->count; k++)
        if (!tg_formula_is_same(a->parts[k], b->parts[k])) return false;
    return true;
}

bool tg_formula_is_number(const tg_formula *f, double number) { return f->kind == TG_FORMULA_NUMBER && f->number == number; }

bool tg_formula_is_negative(const tg_formula *f) {
    return f->kind == TG_FORMULA_NEGATIVE || (f->kind == TG_FORMULA_NUMBER && signbit(f->number) && !isnan(f->number));
}

bool tg_formula_is_question(const tg_formula *f) { return f->kind >= TG_FORMULA_GREATER && f->kind <= TG_FORMULA_NOT_EQUAL; }

int tg_formula_binding_of(const tg_formula *f) {
    switch (f->kind) {
        case TG_FORMULA_CHOICE:         return TG_BIND_CHOICE;
        case TG_FORMULA_ADD:
        case TG_FORMULA_SUBTRACT:       return TG_BIND_SUM;
        case TG_FORMULA_MULTIPLY:
        case TG_FORMULA_DIVIDE:         return TG_BIND_PRODUCT;
        case TG_FORMULA_MATRIX_PRODUCT: return TG_BIND_MATRIX;
        case TG_FORMULA_POWER:          return TG_BIND_POWER;
        case TG_FORMULA_TRANSPOSE:      return TG_BIND_TRANSPOSE;
        default:                        return tg_formula_is_question(f) ? TG_BIND_QUESTION : tg_formula_is_negative(f) ? TG_BIND_SIGN : TG_BIND_ATOM;
    }
}

/* As printf's %g does it, and tg_put_number with whole numbers. */
int tg_formula_set_binding_of(const tg_formula *f) {
    const double size       = f->kind == TG_FORMULA_NUMBER && isfinite(f->number) ? fabs(f->number) : 0;
    const bool   is_product = size > 0 && (size < 1e-4 || size >= (f->digits > 0 ? pow(10, f->digits) : 1e15)) && !tg_formula_is_negative(f);
    return is_product ? TG_BIND_PRODUCT : tg_formula_binding_of(f);
}

const char *tg_formula_sign(tg_formula_kind kind) {
    static const char *const signs[] = { [TG_FORMULA_ADD] = "+", [TG_FORMULA_SUBTRACT] = "-", [TG_FORMULA_MULTIPLY] = "*",
                                         [TG_FORMULA_DIVIDE] = "/", [TG_FORMULA_POWER] = "^", [TG_FORMULA_GREATER] = ">",
                                         [TG_FORMULA_GREATER_EQUAL] = ">=", [TG_FORMULA_LESS] = "<", [TG_FORMULA_LESS_EQUAL] = "<=",
                                         [TG_FORMULA_EQUAL] = "==", [TG_FORMULA_NOT_EQUAL] = "!=", [TG_FORMULA_CHOICE] = NULL };
    return signs[kind];
}

/* ---- substitution ---- */

const tg_formula *tg_formula_substitute(tg_formulas *formulas, const tg_formula *f, const tg_formula_binding bindings[], int count) {
    const tg_formula *parts[TG_FORMULA_ARGUMENTS];
    if (f == NULL) return NULL;
    for (int i = 0; f->kind == TG_FORMULA_NAME && i < count; i++)
        if (strcmp(f->name, bindings[i].name) == 0) return bindings[i].formula;
    for (int k = 0; k < f->count; k++) parts[k] = tg_formula_substitute(formulas, f->parts[k], bindings, count);
    return tg_formula_with(formulas, f, parts);
}
