/* html_text.c - numbers, names and escapes of the page. */
#include "core/util.h"
#include "explain/html.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tg_putf(tg_text_buffer *buffer, const char *format, ...) {
    char    text[500];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tg_put(buffer, text);
}

/* ---- escapes ---- */

/* Bytes of the character that begins here; 0: it is none that may stand in a page, and is one byte long. */
static size_t character_at(const char *text) {
    const unsigned char first = (unsigned char)text[0];
    const size_t        count = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
    if (count == 0 || (first < 0x20 && first != '\n' && first != '\t') || first == 0x7F) return 0;
    for (size_t k = 1; k < count; k++)
        if (((unsigned char)text[k] & 0xC0) != 0x80) return 0;
    const unsigned char second = (unsigned char)text[count > 1 ? 1 : 0];
    const bool          wrong  = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) || (first == 0xF0 && second < 0x90) ||
                                (first == 0xF4 && second > 0x8F);
    return wrong ? 0 : count;
}

static const char *entity_of(char c) {
    switch (c) {
        case '&':  return "&amp;";
        case '<':  return "&lt;";
        case '>':  return "&gt;";
        case '"':  return "&quot;";
        case '\n':
        case '\t': return " ";
        default:   return NULL;
    }
}

void tg_put_html(tg_text_buffer *buffer, const char *text, int longest) {
    for (int count = 0; *text != '\0'; count++) {
        if (longest > 0 && count >= longest) {
            tg_put(buffer, "\xe2\x80\xa6");
            return;
        }
        const size_t bytes = character_at(text);
        if (bytes == 0) tg_put(buffer, "\xef\xbf\xbd");
        else if (entity_of(*text) != NULL) tg_put(buffer, entity_of(*text));
        else tg_put_bytes(buffer, text, bytes);
        text += bytes == 0 ? 1 : bytes;
    }
}

/* "</" would end the script and "<!" begin a comment in it. */
void tg_put_json(tg_text_buffer *buffer, const char *text) {
    tg_put(buffer, "\"");
    while (*text != '\0') {
        const size_t bytes = character_at(text);
        if (bytes == 0) tg_put(buffer, "\\ufffd");
        else if (*text == '"' || *text == '\\') tg_putf(buffer, "\\%c", *text);
        else if (*text == '\n' || *text == '\t') tg_put(buffer, *text == '\n' ? "\\n" : "\\t");
        else if (*text == '<' && text[1] == '/') tg_put(buffer, "<\\");
        else if (*text == '<' && (text[1] == '!' || text[1] == 's' || text[1] == 'S')) tg_put(buffer, "\\u003c");
        else tg_put_bytes(buffer, text, bytes);
        text += bytes == 0 ? 1 : bytes;
    }
    tg_put(buffer, "\"");
}

/* ---- numbers ---- */

static int digits_of(const tg_page *page) { return page->options->digits > 0 && page->options->digits <= 17 ? page->options->digits : 4; }

static double printed_number(tg_page *page, double number, int digits) {
    tg_text_buffer text = { 0 };
    tg_put_rounded(&text, number, digits, TG_STYLE_TEXT);
    const double printed = tg_number_of(tg_text_of(&text), text.length);
    if (text.failed) page->out.failed = true;
    tg_text_buffer_release(&text);
    return printed;
}

/* Digits that say the number in the type of the tape; 0: more than a reader wants. */
static int short_digits(tg_page *page, double number) {
    const int most = digits_of(page) + 2;
    for (int digits = 1; digits <= most; digits++) {
        const double printed = printed_number(page, number, digits);
        if (page->story->type == TG_F64 ? printed == number : (float)printed == (float)number) return digits;
    }
    return 0;
}

tg_shown tg_page_shown(tg_page *page, double number, bool given) {
    tg_shown       shown  = { .number = number };
    tg_text_buffer text   = { 0 };
    const int      digits = given && isfinite(number) ? short_digits(page, number) : 0;
    if (isfinite(number)) shown.number = printed_number(page, number, digits > 0 ? digits : digits_of(page));
    if (digits > 0 || shown.number == 0) tg_put_number(&text, shown.number == 0 ? 0 : shown.number, TG_STYLE_UNICODE);
    else tg_put_rounded(&text, number, digits_of(page), TG_STYLE_UNICODE);
    snprintf(shown.text, sizeof shown.text, "%s", tg_text_of(&text));
    if (text.failed) page->out.failed = true;
    tg_text_buffer_release(&text);
    return shown;
}

bool tg_page_is_given(const tg_page *page, int node) {
    return page->story->nodes[node].kind != TG_STORY_OP || page->story->nodes[node].shape.integer;
}

static const tg_shown nothing = { .text = "\xc2\xb7", .number = (double)NAN };

/* From the smallest to the largest label. */
static tg_shown range_of(const double *values, int64_t count) {
    tg_shown shown = { .number = (double)NAN };
    double   least = values[0], most = values[0];
    for (int64_t i = 0; i < count; i++) least = fmin(least, values[i]), most = fmax(most, values[i]);
    snprintf(shown.text, sizeof shown.text, "%d to %d", (int)least, (int)most);
    return shown;
}

tg_shown tg_page_value(tg_page *page, int unit) {
    const double *values = tg_page_values(page, unit);
    if (values == NULL || tg_page_elements(page, unit) == 0) return nothing;
    if (tg_page_elements(page, unit) != 1 && tg_page_node(page, unit)->shape.integer) return range_of(values, tg_page_elements(page, unit));
    if (tg_page_elements(page, unit) != 1) return tg_page_norm(page, values, tg_page_elements(page, unit));
    return tg_page_shown(page, values[0], tg_page_is_given(page, page->units[unit].node));
}

tg_shown tg_page_adjoint(tg_page *page, int unit) {
    const double *adjoints = tg_page_adjoints(page, unit);
    if (adjoints == NULL) return nothing;
    if (tg_page_elements(page, unit) != 1) return tg_page_norm(page, adjoints, tg_page_elements(page, unit));
    return tg_page_shown(page, adjoints[0], page->units[unit].node == page->story->loss);
}

const char *tg_page_relation(const tg_page *page, double computed, tg_shown result) {
    const double size = fabs(result.number), unit = size > 0 ? pow(10, floor(log10(size) + 1e-12) - digits_of(page) + 1) : 0;
    if (isnan(computed) || isnan(result.number)) return isnan(computed) && isnan(result.number) ? "=" : "\xe2\x89\x88";
    if (computed == result.number) return "=";
    return fabs(computed - result.number) <= 0.5 * unit * (1 + 1e-9) ? "=" : "\xe2\x89\x88";
}

bool tg_page_is_near(const tg_page *page, double computed, tg_shown result) {
    if (!isfinite(computed) || !isfinite(result.number)) return true;
    return fabs(computed - result.number) <= fmax(0.2 * fmax(fabs(computed), fabs(result.number)), pow(10, 2 - digits_of(page)));
}

/* ---- names ---- */

/* W1 and not v7, which a node is called whose label was taken. */
bool tg_page_has_number(const tg_story_node *n) {
    return n->role != TG_ROLE_NONE && n->label[0] != 'v' && n->label[0] != '\0' && n->label[1] >= '1' && n->label[1] <= '9';
}

bool tg_page_has_delta(const tg_page *page, int unit) {
    const tg_story_node *n = tg_page_node(page, unit);
    return n->role == TG_ROLE_SUM && tg_page_has_number(n);
}

/* The letters of a node: a sum is called by the letter of sums, and its adjoint by that of deltas. */
static void write_letters(const tg_story_node *n, bool is_element, bool adjoint, char *letters, size_t room) {
    const bool is_sum = n->role == TG_ROLE_SUM && tg_page_has_number(n);
    snprintf(letters, room, "%s%s", is_sum ? adjoint ? "\xce\xb4" : "\xce\xa3" : "", is_sum ? n->label + 1 : n->label);
    if (is_element && n->role == TG_ROLE_WEIGHT && letters[0] == 'W') letters[0] = 'w';
}

/* Row and column in the name of an element; 0: it has none. A weight is called as in textbooks: to which neuron, from which. */
static void write_index(const tg_page *page, int unit, int64_t *row, int64_t *col) {
    const tg_page_unit  *u = &page->units[unit];
    const tg_story_node *n = &page->story->nodes[u->node];
    *row = *col = 0;
    if (u->element < 0 || (n->role == TG_ROLE_NONE && n->shape.cols == 1)) return;
    *col = u->element % n->shape.cols + 1;
    if (n->role != TG_ROLE_WEIGHT) return;
    *row = page->options->row_notation ? u->element / n->shape.cols + 1 : *col;
    *col = page->options->row_notation ? *col : u->element / n->shape.cols + 1;
}

void tg_page_label(const tg_page *page, int unit, bool adjoint, char label[TG_PAGE_LABEL]) {
    int64_t row, col;
    write_letters(tg_page_node(page, unit), page->units[unit].element >= 0, adjoint, label, TG_PAGE_LABEL - 48);
    write_index(page, unit, &row, &col);
    const size_t used = strlen(label);
    if (row > 0) snprintf(label + used, TG_PAGE_LABEL - used, "[%" PRId64 ",%" PRId64 "]", row, col);
    else if (col > 0) snprintf(label + used, TG_PAGE_LABEL - used, "[%" PRId64 "]", col);
}

static void put_raised_or_lowered(char *label, int64_t number, bool raised) {
    static const char *const above[] = { "\xe2\x81\xb0", "\xc2\xb9", "\xc2\xb2", "\xc2\xb3", "\xe2\x81\xb4", "\xe2\x81\xb5", "\xe2\x81\xb6",
                                         "\xe2\x81\xb7",
                                         "\xe2\x81\xb8", "\xe2\x81\xb9" };
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRId64, number);
    for (const char *d = digits; *d != '\0'; d++) {
        if (raised) strcat(label, above[*d - '0']);
        else strcat(label, (char[]){ '\xe2', '\x82', (char)(0x80 + *d - '0'), '\0' });
    }
}

/* The number of a layer stands above the line, an index and other digits below it. Letters are at most 60 bytes long: labels are. */
void tg_page_short(const tg_page *page, int unit, bool adjoint, char label[TG_PAGE_LABEL]) {
    char    letters[TG_PAGE_LABEL];
    int64_t row, col;
    write_letters(tg_page_node(page, unit), page->units[unit].element >= 0, adjoint, letters, 28);
    write_index(page, unit, &row, &col);
    size_t length = strlen(letters);
    while (length > 1 && letters[length - 1] >= '0' && letters[length - 1] <= '9' && strlen(letters) - length < 3) length--;
    const int64_t number = strlen(letters) > length ? strtol(letters + length, NULL, 10) : -1;
    snprintf(label, TG_PAGE_LABEL, "%.*s", (int)length, letters);
    const bool is_layer = tg_page_node(page, unit)->role != TG_ROLE_NONE;
    if (number >= 0) put_raised_or_lowered(label, number, is_layer);
    if (number >= 0 && col > 0 && !is_layer) strcat(label, ",");
    if (row > 0) put_raised_or_lowered(label, row, false);
    if (row > 9 || (row > 0 && col > 9)) strcat(label, ",");
    if (col > 0) put_raised_or_lowered(label, col, false);
}

/* Greek letters have commands in TeX. */
static void put_tex(tg_text_buffer *buffer, const char *text) {
    for (; *text != '\0'; text++) {
        const bool is_sum = strncmp(text, "\xce\xa3", 2) == 0, is_delta = strncmp(text, "\xce\xb4", 2) == 0;
        if (is_sum || is_delta) tg_put(buffer, is_sum ? "\\Sigma " : "\\delta "), text++;
        else tg_put_bytes(buffer, text, 1);
    }
}

/* The page puts formulas together from parts, so that none of them has an element <math> of its own. */
void tg_page_print(tg_page *page, const tg_formula *f, tg_formula_style style, tg_text_buffer *buffer) {
    static const char begin[] = "<math>", end[] = "</math>";
    tg_text_buffer    text    = { 0 };
    if (f != NULL) tg_formula_print(f, style, &text);
    else text.failed = tg_formulas_status(page->story->formulas) == TG_OUT_OF_MEMORY;
    if (text.failed) page->out.failed = true;
    if (style == TG_STYLE_MATHML && text.length >= sizeof begin + sizeof end - 2)
        tg_put_bytes(buffer, text.text + sizeof begin - 1, text.length - (sizeof begin + sizeof end - 2));
    else if (style == TG_STYLE_TEX) put_tex(buffer, tg_text_of(&text));
    else tg_put(buffer, tg_text_of(&text));
    tg_text_buffer_release(&text);
}

/* A formula for MathML and one for TeX, as two strings; and the release of what was printed. */
void tg_page_put_json_text(tg_page *page, tg_text_buffer *text) {
    tg_put_json(&page->out, tg_text_of(text));
    if (text->failed) page->out.failed = true;
    tg_text_buffer_release(text);
}

void tg_page_put_formula(tg_page *page, const tg_formula *f, tg_formula_style style) {
    tg_text_buffer text = { 0 };
    tg_page_print(page, f, style, &text);
    tg_page_put_json_text(page, &text);
}

const tg_formula *tg_page_name(tg_page *page, int unit, bool adjoint) {
    if (page->units[unit].element < 0) return tg_page_node_name(page, page->units[unit].node, adjoint);
    char label[TG_PAGE_LABEL];
    tg_page_label(page, unit, adjoint, label);
    return tg_formula_name(page->story->formulas, label);
}

/* What a reader sees as the number. */
const tg_formula *tg_page_number(tg_page *page, double number, bool given) {
    return tg_formula_number(page->story->formulas, tg_page_shown(page, number, given).number);
}
