/* hints.c - questions, hints and explanations, drawn from formulas and messages. */
#include "cli/hints.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool tg_is_near_enough(double answer, double right) { return fabs(answer - right) <= 0.01 * fabs(right) + 1e-12; }

tg_place tg_place_of(tg_work *work, const char *name) {
    tg_place    place = { .is_gradient = strncmp(name, "d_", 2) == 0 };
    const char *plain = name + (place.is_gradient ? 2 : 0);
    double      unused;
    if (!tg_work_number(work, name, &unused)) return place;
    place.quantity = tg_work_find(work, plain, strcspn(plain, "["));
    if (place.quantity != NULL && plain[strcspn(plain, "[")] == '[') {
        char     *end = NULL;
        long long row = strtoll(strchr(plain, '[') + 1, &end, 10), col = *end == ',' ? strtoll(end + 1, NULL, 10) : 0;
        if (col == 0) col = place.quantity->value.rows == 1 ? row : 1, row = place.quantity->value.rows == 1 ? 1 : row;
        place.element = (row - 1) * place.quantity->value.cols + col - 1;
    }
    return place;
}

/* ---- questions ---- */

void tg_print_question(const tg_work *work, const char *name, const tg_place *place) {
    const char *index = strchr(name, '[');
    if (place->is_gradient) printf("d%s/d%s", tg_walk_quantity(work, work->result.id)->name, name + 2);
    else if (index == NULL) printf("%s = %s", name, place->quantity->text);
    else printf("%s, with %s = %s", name, place->quantity->name, place->quantity->text);
}

/* ---- values ---- */

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool is_inner(char c) { return is_letter(c) || (c >= '0' && c <= '9'); }

static void print_matrix(const tg_cli_matrix *value) {
    char      text[TG_CLI_DIGITS];
    const bool is_number = value->rows * value->cols == 1;
    if (!is_number) printf("[");
    for (int64_t i = 0; i < value->rows * value->cols; i++)
        printf("%s%s", i == 0 ? "" : i % value->cols == 0 ? "; " : ", ", tg_cli_short(value->at[i], text));
    if (!is_number) printf("]");
}

/* The names in the formula of q, with their values, each once. */
static void print_values_of(const tg_work *work, const tg_quantity *q) {
    bool told[TG_WORK_NAMES] = { false };
    printf("    %s = %s", q->name, q->text);
    for (const char *at = q->text; *at != '\0';) {
        size_t length = 0;
        while (is_inner(at[length])) length++;
        for (int i = 0; is_letter(*at) && i < work->count; i++) {
            const tg_quantity *other = &work->quantities[i];
            if (told[i] || strlen(other->name) != length || memcmp(other->name, at, length) != 0) continue;
            told[i] = true;
            printf(", %s = ", other->name);
            print_matrix(&other->value);
        }
        at += length > 0 ? length : 1;
    }
    printf("\n");
}

/* ---- messages ---- */

/* The equals sign where it is true of what is printed, else one that says about. */
static const char *sign_of(double printed, const char *result) {
    char text[TG_CLI_DIGITS];
    return strcmp(tg_cli_short(printed, text), result) == 0 ? "=" : "~";
}

static double printed(double number) {
    char   text[TG_CLI_DIGITS];
    double value = number;
    tg_cli_short(number, text);
    if (!tg_cli_number(text, strlen(text), &value)) value = number;
    return value;
}

/* A formula that is worth telling: no number, and without nodes that have no name in the lesson. */
static bool is_telling(const tg_work *work, const tg_walk_message *m) {
    bool has_name = false;
    for (const char *at = m->text; *at != '\0';) {
        size_t length = 0;
        while (is_inner(at[length])) length++;
        const bool is_number_of_node = *at == 'v' && length > 1 && strspn(at + 1, "0123456789") == length - 1;
        if (is_number_of_node && tg_work_find(work, at, length) == NULL) return false;
        has_name |= is_letter(*at);
        at += length > 0 ? length : 1;
    }
    return has_name && m->from_count == 1;
}

void tg_write_local(const tg_work *work, const tg_walk_message *m, double local, char text[TG_WALK_TEXT + 40]) {
    char number[TG_CLI_DIGITS];
    tg_cli_short(local, number);
    if (!is_telling(work, m) || strchr(m->text, '?') != NULL) snprintf(text, TG_WALK_TEXT + 40, "%s", number);
    else snprintf(text, TG_WALK_TEXT + 40, "(%s = %s)", m->text, number);
}

/* upstream * local, added over the elements of from that lead to this element; returns what the printed numbers give. */
static double print_factors(const tg_work *work, const tg_walk_message *m, int64_t element, bool with_results) {
    char   upstream[TG_CLI_DIGITS], local[TG_WALK_TEXT + 40];
    int    terms = 0;
    double sum   = 0;
    for (int64_t f = 0; f < m->from_count; f++) {
        const double derivative = m->local[f * m->to_count + element];
        if (derivative == 0 && m->from_count > 1) continue;
        tg_write_local(work, m, derivative, local);
        printf("%s%s * ", terms++ > 0 ? " + " : "", tg_cli_short(m->upstream[f], upstream));
        if (with_results || !is_telling(work, m)) printf("%s", local);
        else printf("(%s)", m->text);
        sum += printed(m->upstream[f]) * printed(derivative);
    }
    if (terms == 0) printf("0");
    return sum;
}

static void print_message(const tg_work *work, const tg_walk_message *m, const tg_place *place, bool with_results) {
    const tg_quantity *from = tg_walk_quantity(work, m->from);
    char               text[TG_CLI_DIGITS];
    double             sum = (double)NAN;
    printf("    ");
    if (m->n > 1) printf("%d of %d: ", m->k, m->n);
    if (from != NULL && from->name[0] != '\0') printf("%s -> %s: ", from->name, place->quantity->name);
    if (m->local != NULL) sum = print_factors(work, m, place->element, with_results);
    if (with_results) printf(" %s %s", sign_of(sum, tg_cli_short(m->message[place->element], text)), text);
    printf("\n");
}

static int print_messages(const tg_work *work, const tg_walk *walk, const tg_place *place, bool with_results) {
    int    arrived = 0;
    double sum     = 0;
    char   text[TG_CLI_DIGITS];
    for (int i = 0; i < walk->count; i++) {
        const tg_walk_message *m = &walk->messages[i];
        if (m->to != place->quantity->tensor.id) continue;
        print_message(work, m, place, with_results);
        arrived = m->n;
        sum += printed(m->message[place->element]);
    }
    if (arrived > 1 && with_results)
        printf("    added: %s %s\n", sign_of(sum, tg_cli_short(place->quantity->gradient[place->element], text)), text);
    return arrived;
}

void tg_print_way(const tg_work *work, const tg_walk *walk, const tg_place *place, bool with_results) {
    if (!place->is_gradient) {
        print_values_of(work, place->quantity);
        return;
    }
    if (!with_results) printf("    upstream * local derivative, for each message that arrives:\n");
    const int arrived = print_messages(work, walk, place, with_results);
    if (arrived == 0) printf("    It is where the walk begins: the derivative of a number by itself.\n");
    if (arrived > 1 && !with_results) printf("    Add the %d messages.\n", arrived);
}

/* ---- slips ---- */

static bool say(const char *sentence) {
    printf("    %s\n", sentence);
    return true;
}

bool tg_print_slip(const tg_walk *walk, const tg_place *place, double right, double answer) {
    if (right != 0 && tg_is_near_enough(-answer, right)) return say("The size is right, the sign is not.");
    if (place->quantity == NULL || !place->is_gradient) return false;
    for (int i = 0; i < walk->count; i++) {
        const tg_walk_message *m = &walk->messages[i];
        if (m->to != place->quantity->tensor.id) continue;
        if (m->n > 1 && tg_is_near_enough(answer, m->message[place->element]))
            return say("That is one message alone. More than one arrives here: add them.");
        if (m->from_count == 1 && m->local != NULL && tg_is_near_enough(answer, m->local[place->element]))
            return say("That is the local derivative alone. Multiply it by what comes from upstream.");
        if (m->from_count == 1 && m->local != NULL && tg_is_near_enough(answer, m->upstream[0]))
            return say("That is what comes from upstream. Multiply it by the local derivative.");
    }
    return false;
}
