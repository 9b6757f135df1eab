/* formula_tensor.c - a formula from its text to its ops, for programs. */
#include "core/util.h"
#include "explain/formula.h"

#include <string.h>
#include <tapegrad/formula.h>

static tg_tensor record(tg_tape *tape, const tg_formula *f, const char *const names[], const tg_tensor values[], int count) {
    const size_t               bytes = (size_t)count * sizeof(tg_formula_tensor_binding);
    tg_formula_tensor_binding *bound = count > 0 ? tg_allocate(bytes) : NULL;
    if (count > 0 && bound == NULL) return tg_tape_fail(tape, TG_OUT_OF_MEMORY, "no memory for %d names of a formula", count);
    for (int i = 0; i < count; i++) bound[i] = (tg_formula_tensor_binding){ names[i], values[i] };
    const tg_tensor result = tg_formula_record(tape, f, bound, count);
    tg_release(bound, bytes);
    return result;
}

/* TG_OK, or what stands on the tape then. */
static tg_status check(tg_tape *tape, const char *text, const char *const names[], const tg_tensor values[], int count) {
    const bool lists_fit = count <= 0 || (names != NULL && values != NULL);
    if (tape == NULL || text == NULL || !lists_fit) tg_tape_fail(tape, TG_NULL_ARGUMENT, "tg_record_formula: tape, text, names or values is NULL");
    else if (count < 0) tg_tape_fail(tape, TG_BAD_ARGUMENT, "tg_record_formula: count is %d", count);
    for (int i = 0; tape != NULL && lists_fit && i < count; i++)
        if (names[i] == NULL) tg_tape_fail(tape, TG_NULL_ARGUMENT, "tg_record_formula: names[%d] is NULL", i);
    return tape != NULL ? tg_tape_status(tape) : TG_NULL_ARGUMENT;
}

static tg_tensor parse_and_record(tg_tape *tape, const char *text, const char *const names[], const tg_tensor values[], int count, size_t *at) {
    tg_formula_failure failure  = { 0 };
    const tg_formula  *f        = NULL;
    tg_formulas       *formulas = tg_formulas_new();
    if (formulas == NULL) return tg_last_error(NULL), tg_tape_fail(tape, TG_OUT_OF_MEMORY, "no memory for a formula");
    const tg_status status = tg_formula_parse(formulas, text, strlen(text), &f, &failure);
    if (status != TG_OK) *at = failure.at;
    const tg_tensor result =
        status == TG_OK ? record(tape, f, names, values, count)
                        : tg_tape_fail(tape, status, "%s was expected at byte %zu of \"%.200s\"", failure.expected, failure.at, text);
    tg_formulas_free(formulas);
    return result;
}

tg_tensor tg_record_formula(tg_tape *tape, const char *text, const char *const names[], const tg_tensor values[], int count, size_t *at) {
    size_t unasked;
    if (at == NULL) at = &unasked;
    *at = text != NULL ? strlen(text) : 0;
    if (check(tape, text, names, values, count) != TG_OK) return (tg_tensor){ .tape = tape };
    return parse_and_record(tape, text, names, values, count, at);
}
