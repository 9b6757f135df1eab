/* numerals.c - numbers as they are printed, what a printed one says, and whether an equation holds between printed ones. */
#include "core/util.h"
#include "explain/trace.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- one number ---- */

enum { WHOLE = 1000000 };      /* whole numbers below it are written out */

static double rounded(double number, int digits) {
    char text[64];
    snprintf(text, sizeof text, "%.*e", digits - 1, number);
    for (char *c = text; *c != '\0'; c++)      /* a locale's own point */
        if ((*c < '0' || *c > '9') && *c != '-' && *c != '+' && *c != 'e') *c = '.';
    return tg_number_of(text, strlen(text));
}

/* How far from its decimal a number of the tape's type may be: rounding of a short sum. */
static bool is_short(const tg_trace *trace, double number) {
    const double eps = trace->story->type == TG_F32 ? 1.2e-7 : 2.3e-16;
    if (!isfinite(number) || (number == floor(number) && fabs(number) < WHOLE)) return true;
    return fabs(number - rounded(number, trace->digits)) <= 2 * eps * fabs(number);
}

/* Zero has no sign. */
double tg_printed_value(const tg_trace *trace, double number) {
    if (number == 0) return 0;
    if (!isfinite(number) || (number == floor(number) && fabs(number) < WHOLE)) return number;
    return rounded(number, trace->digits);
}

const tg_formula *tg_shown_number(const tg_trace *trace, double number) {
    const double value = tg_printed_value(trace, number);
    return is_short(trace, number) ? tg_formula_number(trace->story->formulas, value)
                                   : tg_formula_rounded(trace->story->formulas, number, trace->digits);
}

void tg_put_shown(const tg_trace *trace, double number, tg_text_buffer *buffer) {
    if (is_short(trace, number)) tg_put_number(buffer, tg_printed_value(trace, number), trace->style);
    else tg_put_rounded(buffer, number, trace->digits, trace->style);
}

/* Half a unit of the last digit; a bit less, for what computes it once more. */
bool tg_agrees(const tg_trace *trace, double computed, double number) {
    const double printed = tg_printed_value(trace, number);
    if (!isfinite(printed)) return computed == printed || (isnan(computed) && isnan(printed));
    if (printed == 0) return fabs(computed) < 1e-12;
    const double unit = pow(10, floor(log10(fabs(printed)) + 1e-12) + 1 - trace->digits);
    return fabs(computed - printed) <= 0.5 * unit * (1 - 1e-6);
}

const char *tg_ascii_or(const tg_trace *trace, const char *ascii, const char *unicode) { return trace->style == TG_STYLE_TEXT ? ascii : unicode; }

const char *tg_equals_sign(const tg_trace *trace, bool is_equal) {
    static const char *const equal[] = { "=", "=", "=", "<mo>=</mo>" }, *const about[] = { "~", "\xe2\x89\x88", "\\approx", "<mo>\xe2\x89\x88</mo>" };
    return is_equal ? equal[trace->style] : about[trace->style];
}

/* ---- matrices ---- */

static bool is_one_example(const tg_trace *trace, int node) { return trace->example >= 0 && trace->is_batched[node]; }

tg_shape tg_shown_shape(const tg_trace *trace, int node) {
    tg_shape shape = trace->story->nodes[node].shape;
    if (is_one_example(trace, node)) shape.rows = 1;
    return trace->in_columns ? (tg_shape){ shape.cols, shape.rows, shape.integer } : shape;
}

double tg_norm_of(const double *elements, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += elements[i] * elements[i];
    return sqrt(sum);
}

void tg_range_of(const double *elements, int64_t count, double *least, double *most) {
    *least = *most = elements[0];
    for (int64_t i = 1; i < count; i++) {
        if (elements[i] < *least || isnan(elements[i])) *least = elements[i];
        if (elements[i] > *most || isnan(elements[i])) *most = elements[i];
    }
}

static void put_range(const tg_trace *trace, const double *elements, int64_t count, tg_text_buffer *buffer) {
    double     least, most;
    const bool tex = trace->style == TG_STYLE_TEX;
    tg_range_of(elements, count, &least, &most);
    tg_put(buffer, tex ? "\\text{norm } " : "norm ");
    tg_put_shown(trace, tg_norm_of(elements, count), buffer);
    tg_put(buffer, tex ? "\\text{, from } " : ", from ");
    tg_put_shown(trace, least, buffer);
    tg_put(buffer, tex ? " \\text{ to } " : " to ");
    tg_put_shown(trace, most, buffer);
}

static const double *element_at(const tg_trace *trace, int node, const double *elements, int64_t i, int64_t j) {
    const int64_t cols = trace->story->nodes[node].shape.cols, first = is_one_example(trace, node) ? trace->example * cols : 0;
    return &elements[first + (trace->in_columns ? j * cols + i : i * cols + j)];
}

bool tg_is_written_out(const tg_trace *trace, int node) {
    const tg_shape shape = tg_shown_shape(trace, node);
    return shape.rows * shape.cols <= trace->most_shown;
}

bool tg_leaves_out(const tg_trace *trace) {
    for (int i = 0; i < trace->story->node_count; i++)
        if (!tg_is_written_out(trace, i)) return true;
    return false;
}

/* amsmath's own matrices have at most ten columns. */
static void begin_tex_matrix(tg_text_buffer *buffer, int64_t cols) {
    tg_put(buffer, cols > 10 ? "\\left(\\begin{array}{" : "\\begin{pmatrix}");
    for (int64_t j = 0; cols > 10 && j < cols; j++) tg_put(buffer, "c");
    tg_put(buffer, cols > 10 ? "}" : "");
}

static void end_tex_matrix(tg_text_buffer *buffer, int64_t cols) { tg_put(buffer, cols > 10 ? "\\end{array}\\right)" : "\\end{pmatrix}"); }

void tg_put_matrix(const tg_trace *trace, int node, const double *elements, tg_text_buffer *buffer) {
    const tg_shape shape = tg_shown_shape(trace, node);
    const int64_t  count = shape.rows * shape.cols;
    const bool     tex   = trace->style == TG_STYLE_TEX;
    if (count == 1) tg_put_shown(trace, *element_at(trace, node, elements, 0, 0), buffer);
    else if (count == 0) tg_put(buffer, tex ? "\\text{no elements}" : "no elements");
    else if (count > trace->most_shown) put_range(trace, element_at(trace, node, elements, 0, 0), count, buffer);
    if (count <= 1 || count > trace->most_shown) return;
    const bool is_vector = shape.rows == 1 || shape.cols == 1;
    if (tex) begin_tex_matrix(buffer, shape.cols);
    else tg_put(buffer, is_vector ? "(" : "[");
    for (int64_t i = 0; i < shape.rows; i++)
        for (int64_t j = 0; j < shape.cols; j++) {
            if (i > 0 || j > 0) tg_put(buffer, tex ? (j > 0 ? " & " : " \\\\ ") : j > 0 || is_vector ? ", " : "; ");
            tg_put_shown(trace, *element_at(trace, node, elements, i, j), buffer);
        }
    if (tex) end_tex_matrix(buffer, shape.cols);
    else tg_put(buffer, is_vector ? ")" : "]");
}
