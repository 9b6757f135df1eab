/* work.c - values and definitions as they are typed, recorded. */
#include "cli/work.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool tg_work_refuse(tg_work *work, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (work->sentence[0] == '\0') vsnprintf(work->sentence, sizeof work->sentence, format, arguments);
    va_end(arguments);
    return false;
}

/* What the library said last: on the tape, or where no tape could keep it. */
bool tg_work_refuse_status(tg_work *work, tg_status status) {
    const char *sentence;
    tg_last_error(&sentence);
    if (sentence[0] == '\0') sentence = tg_tape_error(work->tape);
    return tg_work_refuse(work, "%s", sentence[0] != '\0' ? sentence : tg_status_text(status));
}

/* ---- names ---- */

static const char *skip_blanks(const char *at) { return at + strspn(at, " \t\r\n"); }

/* Bytes beyond ASCII are letters here; what the formula's reader thinks of them it says itself. */
static size_t name_length(const char *at) {
    size_t length = 0;
    while ((at[length] >= 'a' && at[length] <= 'z') || (at[length] >= 'A' && at[length] <= 'Z') || at[length] == '_' || (at[length] & 0x80) != 0 ||
           (length > 0 && at[length] >= '0' && at[length] <= '9')) length++;
    return length;
}

tg_quantity *tg_work_find(const tg_work *work, const char *name, size_t length) {
    for (int i = 0; i < work->count; i++) {
        const tg_quantity *q = &work->quantities[i];
        if (strlen(q->name) == length && memcmp(q->name, name, length) == 0) return (tg_quantity *)q;
    }
    return NULL;
}

tg_quantity *tg_work_add(tg_work *work, const char *name, size_t length) {
    tg_quantity *q = &work->quantities[work->count];
    if (length >= TG_WORK_NAME) return tg_work_refuse(work, "the name %.60s has more than %d bytes", name, TG_WORK_NAME - 1), NULL;
    if (length > 0 && tg_work_find(work, name, length) != NULL) return tg_work_refuse(work, "%.*s has two values", (int)length, name), NULL;
    if (work->count == TG_WORK_NAMES) return tg_work_refuse(work, "there are more than %d names", TG_WORK_NAMES), NULL;
    *q = (tg_quantity){ .name = "" };
    memcpy(q->name, name, length);
    work->count++;
    return q;
}

/* ---- what is given ---- */

/* Behind the value: a matrix in brackets, or a number up to the next comma or semicolon. NULL: refused. */
static const char *read_value(tg_work *work, tg_quantity *q, const char *at) {
    const bool   bracket = *at == '[';
    const char  *begin = bracket ? at + 1 : at;
    const size_t length = strcspn(begin, bracket ? "]" : ",;");
    if (bracket && begin[length] == '\0') return tg_work_refuse(work, "%s: ']' is missing", q->name), NULL;
    const char *why = tg_cli_read_matrix(begin, length, &q->value);
    if (why != NULL) return tg_work_refuse(work, "%s=%.*s: %s", q->name, (int)length, begin, why), NULL;
    const char *end = skip_blanks(begin + length + (bracket ? 1 : 0));
    if (*end == ',' || *end == ';') return end + 1;
    return *end == '\0' ? end : (tg_work_refuse(work, "%s: a comma was expected at \"%.40s\"", q->name, end), NULL);
}

bool tg_work_read_given(tg_work *work, const char *given) {
    for (const char *at = skip_blanks(given); at != NULL && *at != '\0'; at = at != NULL ? skip_blanks(at) : NULL) {
        const size_t length = name_length(at);
        const char  *equals = skip_blanks(at + length);
        if (length == 0 || *equals != '=') return tg_work_refuse(work, "name=value was expected at \"%.40s\"", at);
        tg_quantity *q = tg_work_add(work, at, length);
        at = q != NULL ? read_value(work, q, skip_blanks(equals + 1)) : NULL;
    }
    work->given = work->count;
    return work->sentence[0] == '\0';
}

/* ---- definitions ---- */

/* Where the formula of a definition begins, behind "name =". */
static const char *skip_name(const char *at, size_t *length) {
    const char *end = skip_blanks(at + name_length(at));
    *length         = *end == '=' && end[1] != '=' ? name_length(at) : 0;
    return *length > 0 ? skip_blanks(end + 1) : at;
}

static bool read_definition(tg_work *work, const char *at, size_t length) {
    size_t       name;
    const char  *begin = skip_name(at, &name);
    tg_quantity *q     = tg_work_add(work, at, name);
    if (q == NULL) return false;
    q->text = strndup(begin, length - (size_t)(begin - at));
    return q->text != NULL || tg_work_refuse(work, "there is no memory for a formula");
}

static bool read_definitions(tg_work *work, const char *formula) {
    for (const char *at = skip_blanks(formula); *at != '\0';) {
        const size_t length = strcspn(at, ";");
        if (!read_definition(work, at, length)) return false;
        at = skip_blanks(at + length + (at[length] == ';'));
    }
    return work->count > work->given || tg_work_refuse(work, "there is no formula");
}

bool tg_work_read_by(tg_work *work, const char *by) {
    for (int i = 0; i < work->given; i++) work->quantities[i].is_wanted = by == NULL;
    while (by != NULL && *(by = skip_blanks(by)) != '\0') {
        const size_t length = name_length(by);
        tg_quantity *q      = tg_work_find(work, by, length);
        if (q == NULL || q->text != NULL) return tg_work_refuse(work, "there is no value for \"%.40s\", by which to differentiate", by);
        q->is_wanted = true;
        by           = skip_blanks(by + length);
        if (*by == ',') by++;
        else if (*by != '\0') return tg_work_refuse(work, "a comma was expected at \"%.40s\"", by);
    }
    return true;
}

/* ---- recording ---- */

static bool record_definition(tg_work *work, int i) {
    const char  *names[TG_WORK_NAMES];
    tg_tensor    values[TG_WORK_NAMES];
    tg_quantity *q = &work->quantities[i];
    size_t       at;
    for (int k = 0; k < i; k++) names[k] = work->quantities[k].name, values[k] = work->quantities[k].tensor;
    q->tensor = tg_record_formula(work->tape, q->text, names, values, i, &at);
    if (tg_tape_status(work->tape) != TG_OK && at < strlen(q->text) + (tg_tape_status(work->tape) == TG_BAD_ARGUMENT)) {
        snprintf(work->broken, sizeof work->broken, "%s", q->text);
        work->broken_at = at;
    }
    if (q->name[0] != '\0') q->tensor = tg_name(q->tensor, q->name);
    return tg_tape_status(work->tape) == TG_OK || tg_work_refuse_status(work, tg_tape_status(work->tape));
}

/* A name without a place in any formula is a slip of the one who typed it. */
static bool check_use(tg_work *work) {
    for (int i = 0; i < work->given; i++) {
        tg_node  node;
        bool     is_used = false;
        uint32_t count   = tg_node_count(work->tape), id = work->quantities[i].tensor.id;
        for (uint32_t n = 1; n <= count && !is_used; n++)
            for (int k = 0; tg_node_at(work->tape, n, &node) == TG_OK && k < node.input_count; k++) is_used |= node.inputs[k] == id;
        const char *name = work->quantities[i].name;
        if (!is_used && work->result.id != id) return tg_work_refuse(work, "%s has a value, and no formula has %s", name, name);
    }
    return true;
}

bool tg_work_record(tg_work *work) {
    if (tg_begin(work->tape, NULL) != TG_OK) return tg_work_refuse_status(work, TG_BUG);
    for (int i = 0; i < work->given; i++) {
        tg_quantity *q = &work->quantities[i];
        q->tensor      = tg_name(tg_input_f64(work->tape, q->value.at, q->value.rows, q->value.cols), q->name);
    }
    for (int i = work->given; i < work->count; i++)
        if (!record_definition(work, i)) return false;
    work->result         = work->quantities[work->count - 1].tensor;
    const tg_shape shape = tg_shape_of(work->result);
    if (shape.rows != 1 || shape.cols != 1)
        return tg_work_refuse(work, "the formula is a matrix [%lld, %lld]; a gradient is that of one number, such as sum(...)", (long long)shape.rows,
                      (long long)shape.cols);
    return check_use(work);
}

/* Gradients of what is defined come with the same walk, so that they can be asked for. */
bool tg_work_differentiate(tg_work *work) {
    tg_tensor wanted[TG_WORK_NAMES], gradients[TG_WORK_NAMES];
    int       count = 0;
    for (int i = 0; i < work->count; i++)
        if (i >= work->given || work->quantities[i].is_wanted) wanted[count++] = work->quantities[i].tensor;
    const tg_status status = tg_gradients(work->result, TG_NONE, wanted, count, gradients, &(tg_gradients_options){ .allow_unused = true });
    if (status != TG_OK) return tg_work_refuse_status(work, status);
    return true;
}

/* ---- numbers ---- */

/* Room for both, once the shape is known. */
static bool make_room(tg_quantity *q, bool with_gradient) {
    const tg_shape shape = tg_shape_of(q->tensor);
    const size_t   count = (size_t)(shape.rows * shape.cols);
    if (q->value.at == NULL) q->value = (tg_cli_matrix){ shape.rows, shape.cols, calloc(count, sizeof(double)) };
    if (with_gradient && q->gradient == NULL) q->gradient = calloc(count, sizeof(double));
    return q->value.at != NULL && (!with_gradient || q->gradient != NULL);
}

bool tg_work_look(tg_work *work) {
    tg_tensor tensors[2 * TG_WORK_NAMES], wanted[TG_WORK_NAMES], gradients[TG_WORK_NAMES];
    double   *out[2 * TG_WORK_NAMES];
    int       count = 0, by = 0;
    for (int i = 0; i < work->count; i++) {
        tg_quantity *q = &work->quantities[i];
        const bool   is_wanted = i >= work->given || q->is_wanted;
        if (!make_room(q, is_wanted)) return tg_work_refuse(work, "there is no memory for the values");
        if (i >= work->given) tensors[count] = q->tensor, out[count++] = q->value.at;
        if (is_wanted) wanted[by++] = q->tensor;
    }
    tg_status status = tg_gradients(work->result, TG_NONE, wanted, by, gradients, &(tg_gradients_options){ .allow_unused = true });
    for (int i = 0, k = 0; i < work->count && status == TG_OK; i++)
        if (work->quantities[i].gradient != NULL) tensors[count] = gradients[k++], out[count++] = work->quantities[i].gradient;
    if (status == TG_OK) status = tg_look(tensors, count, out);
    return status == TG_OK || tg_work_refuse_status(work, status);
}

bool tg_work_begin(tg_work *work, const char *given, const char *formula, const char *by) {
    *work      = (tg_work){ .tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 }) };
    if (work->tape == NULL) return tg_work_refuse_status(work, TG_OUT_OF_MEMORY);
    return tg_work_read_given(work, given) && read_definitions(work, formula) && tg_work_read_by(work, by) && tg_work_record(work);
}

void tg_work_end(tg_work *work) {
    for (int i = 0; i < work->count; i++) {
        free(work->quantities[i].text);
        free(work->quantities[i].value.at);
        free(work->quantities[i].gradient);
    }
    tg_tape_free(work->tape);
}

/* "[2,1]" counted from 1; "[2]" in a row or a column; "" the first. */
static bool read_index(const tg_quantity *q, const char *text, int64_t *element) {
    long long row = 1, col = 1;
    char     *end = NULL;
    *element      = 0;
    if (*text == '\0') return true;
    row = strtoll(text + 1, &end, 10);
    if (*end == ',') col = strtoll(end + 1, &end, 10);
    else if (q->value.rows == 1) col = row, row = 1;
    *element = (row - 1) * q->value.cols + col - 1;
    return row >= 1 && row <= q->value.rows && col >= 1 && col <= q->value.cols && strcmp(end, "]") == 0;
}

bool tg_work_number(tg_work *work, const char *name, double *number) {
    const bool   is_gradient = strncmp(name, "d_", 2) == 0;
    const char  *plain = is_gradient ? name + 2 : name;
    const size_t length = strcspn(plain, "[");
    tg_quantity *q = tg_work_find(work, plain, length);
    int64_t      element;
    if (q == NULL || (is_gradient && q->gradient == NULL) || !read_index(q, plain + length, &element)) return false;
    *number = is_gradient ? q->gradient[element] : q->value.at[element];
    return true;
}
