/* pattern_text.c - patterns as they are written:
 *
 *   call:  mul(sub(softmax(%0), one_hot(%1)), %2)
 *   steps: m = lerp(%0, %1, %2); w = axpy(%3, div(m, %4), %5)
 */
#include "core/util.h"
#include "plan/patterns.h"

#include <ctype.h>
#include <string.h>

typedef struct reader {
    tg_pattern *pattern;
    const char *at;
    int         written;                          /* ops so far */
    char        names[TG_PATTERN_OPS][TG_PATTERN_NAME];      /* by op: the name of its step; "": none */
    unsigned    seen;                             /* bit k: %k */
} reader;

static tg_status refuse(const reader *r, tg_status status, const char *why) {
    return tg_fail_thread(status, "tg_register_fusion: \"%s\": %s at \"%.40s\"", r->pattern->name, why, r->at);
}

/* ---- tokens ---- */

static void skip_blanks(reader *r) {
    while (isspace((unsigned char)*r->at)) r->at++;
}

static bool accept(reader *r, char c) {
    skip_blanks(r);
    if (*r->at != c) return false;
    r->at++;
    return true;
}

static size_t word_length(const char *text) {
    size_t length = 0;
    while (isalnum((unsigned char)text[length]) || text[length] == '_') length++;
    return isdigit((unsigned char)text[0]) ? 0 : length;
}

static tg_status read_word(reader *r, char word[TG_PATTERN_NAME]) {
    skip_blanks(r);
    const size_t length = word_length(r->at);
    if (length == 0) return refuse(r, TG_BAD_ARGUMENT, "a name is missing");
    if (length >= TG_PATTERN_NAME) return refuse(r, TG_TOO_LARGE, "a name is too long");
    memcpy(word, r->at, length);
    word[length] = '\0';
    r->at += length;
    return TG_OK;
}

/* ---- operands ---- */

static tg_status read_input(reader *r, tg_pattern_operand *operand) {
    int index = 0;
    if (!isdigit((unsigned char)*r->at)) return refuse(r, TG_BAD_ARGUMENT, "a number is missing behind %");
    while (isdigit((unsigned char)*r->at) && index < TG_PATTERN_INPUTS) index = 10 * index + (*r->at++ - '0');
    if (index >= TG_PATTERN_INPUTS) return refuse(r, TG_TOO_LARGE, "there are too many inputs");
    if (index >= r->pattern->input_count) r->pattern->input_count = index + 1;
    r->seen |= 1u << index;
    *operand = (tg_pattern_operand){ true, index };
    return TG_OK;
}

static tg_status find_step(const reader *r, const char *name, tg_pattern_operand *operand) {
    for (int i = 0; i < r->pattern->op_count; i++)
        if (r->names[i][0] != '\0' && strcmp(r->names[i], name) == 0) return *operand = (tg_pattern_operand){ false, i }, TG_OK;
    return refuse(r, TG_BAD_ARGUMENT, "this is neither a call nor an earlier step");
}

static tg_status read_call(reader *r, const char *name, int *index);

static tg_status read_operand(reader *r, tg_pattern_operand *operand) {
    char      word[TG_PATTERN_NAME];
    tg_status status;
    if (accept(r, '%')) return read_input(r, operand);
    if ((status = read_word(r, word)) != TG_OK) return status;
    if (!accept(r, '(')) return find_step(r, word, operand);
    *operand = (tg_pattern_operand){ 0 };
    return read_call(r, word, &operand->index);
}

/* ---- calls ---- */

static tg_status check_op(const reader *r, const tg_op *op) {
    if (op->flags & (TG_OP_RANDOM | TG_OP_ASSIGN)) return refuse(r, TG_BAD_ARGUMENT, "draws and assignments are not fused");
    if (tg_pattern_is_loop(r->pattern) && !(op->flags & TG_OP_ELEMENTWISE)) return refuse(r, TG_BAD_ARGUMENT, "an op in a loop is not elementwise");
    return r->written < TG_PATTERN_OPS ? TG_OK : refuse(r, TG_TOO_LARGE, "there are too many ops");
}

static tg_status read_operands(reader *r, tg_pattern_op *call) {
    do {
        if (call->operand_count == TG_PATTERN_OPERANDS) return refuse(r, TG_TOO_LARGE, "an op has too many operands");
        const tg_status status = read_operand(r, &call->operands[call->operand_count++]);
        if (status != TG_OK) return status;
    } while (accept(r, ','));
    return accept(r, ')') ? TG_OK : refuse(r, TG_BAD_ARGUMENT, "a ) is missing");
}

/* Behind the name and its parenthesis. Operands come first in the list. */
static tg_status read_call(reader *r, const char *name, int *index) {
    tg_pattern   *p    = r->pattern;
    tg_pattern_op call = { .op = tg_op_find(name) };
    if (call.op == NULL) return tg_fail_thread(TG_UNKNOWN_NAME, "tg_register_fusion: \"%s\": there is no op \"%s\"", p->name, name);
    tg_status status = check_op(r, call.op);
    call.written     = r->written++;
    if (status != TG_OK || (status = read_operands(r, &call)) != TG_OK) return status;
    if (call.op->arity >= 0 && call.op->arity != call.operand_count) return refuse(r, TG_BAD_ARGUMENT, "an op has another number of operands");
    *index         = p->op_count++;
    p->ops[*index] = call;
    return TG_OK;
}

/* "name(...)": and for a loop "step = " before it */
static tg_status read_result(reader *r) {
    char      step[TG_PATTERN_NAME] = "", word[TG_PATTERN_NAME];
    int       index;
    tg_status status;
    if (tg_pattern_is_loop(r->pattern)) {
        tg_pattern_operand taken;
        if ((status = read_word(r, step)) != TG_OK) return status;
        for (taken.index = 0; taken.index < r->pattern->op_count; taken.index++)
            if (strcmp(r->names[taken.index], step) == 0) return refuse(r, TG_BAD_ARGUMENT, "two steps have one name");
        if (!accept(r, '=')) return refuse(r, TG_BAD_ARGUMENT, "a = is missing");
    }
    if ((status = read_word(r, word)) != TG_OK) return status;
    if (!accept(r, '(')) return refuse(r, TG_BAD_ARGUMENT, "a ( is missing");
    if ((status = read_call(r, word, &index)) != TG_OK) return status;
    memcpy(r->names[index], step, sizeof step);
    r->pattern->ops[index].is_result = true;
    r->pattern->result_count++;
    return TG_OK;
}

static bool is_at_end(reader *r) {
    skip_blanks(r);
    return *r->at == '\0';
}

/* Attributes lie one after the other, in units of 8 bytes. */
static void place_attributes(tg_pattern *pattern) {
    int words = 0;
    for (int written = 0; written < pattern->op_count; written++)
        for (int i = 0; i < pattern->op_count; i++) {
            if (pattern->ops[i].written != written) continue;
            pattern->attribute_words[written] = words;
            words += (int)((pattern->ops[i].op->attribute_size + 7) / 8);
        }
}

tg_status tg_pattern_parse(tg_pattern *pattern) {
    reader    r = { .pattern = pattern, .at = pattern->fusion.pattern };
    tg_status status;
    do status = read_result(&r);
    while (status == TG_OK && tg_pattern_is_loop(pattern) && accept(&r, ';') && !is_at_end(&r));
    if (status != TG_OK) return status;
    place_attributes(pattern);
    if (!is_at_end(&r)) return refuse(&r, TG_BAD_ARGUMENT, "the pattern should end");
    return r.seen == (1u << pattern->input_count) - 1 ? TG_OK : refuse(&r, TG_BAD_ARGUMENT, "a number between %0 and the last input is missing");
}
