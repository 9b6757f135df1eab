/* html_heat.c - matrices with too many numbers: heat maps of at most 64 x 64 block means, norms, and how large the deltas of each layer are. */
#include "core/util.h"
#include "explain/html.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool tg_page_is_heat(const tg_page *page, int unit) {
    return tg_page_elements(page, unit) > TG_PAGE_NUMBERS && !tg_page_node(page, unit)->shape.integer;
}

tg_shown tg_page_norm(tg_page *page, const double *values, int64_t count) {
    double largest = 0, sum = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) return tg_page_shown(page, isnan(values[i]) ? values[i] : (double)INFINITY, false);
        largest = fmax(largest, fabs(values[i]));
    }
    for (int64_t i = 0; i < count && largest > 0; i++) sum += (values[i] / largest) * (values[i] / largest);
    return tg_page_shown(page, largest * sqrt(sum), false);
}

/* ---- slopes of elementwise ops ---- */

enum { MOST_SLOPES = 1 << 16 };

double *tg_page_slopes(tg_page *page, const tg_page_message *m) {
    const tg_story            *story = page->story;
    const tg_story_node       *from = &story->nodes[m->told->from], *to = &story->nodes[m->told->to];
    const int64_t              count = tg_story_elements(from);
    tg_formula_number_binding  names[TG_STORY_OPERANDS + 1];
    if (!(from->op->flags & TG_OP_ELEMENTWISE) || m->told->local_formula == NULL || from->value == NULL ||
        from->input_count > TG_STORY_OPERANDS) return NULL;
    if (to->shape.rows != from->shape.rows || to->shape.cols != from->shape.cols || count == 0 || count > MOST_SLOPES) return NULL;
    double *slopes = tg_allocate((size_t)count * sizeof *slopes);
    if (slopes == NULL) page->out.failed = true;
    for (int64_t i = 0; slopes != NULL && i < count; i++) {
        int known = 0;
        for (int k = -1; k < from->input_count; k++) {
            const tg_story_node *node = k < 0 ? from : from->inputs[k] >= 0 ? &story->nodes[from->inputs[k]] : NULL;
            if (node == NULL || node->value == NULL) continue;
            const int64_t row = node->shape.rows > 1 ? i / from->shape.cols : 0, col = node->shape.cols > 1 ? i % from->shape.cols : 0;
            names[known++] = (tg_formula_number_binding){ node->label, node->value[row * node->shape.cols + col] };
        }
        if (tg_formula_value(m->told->local_formula, names, known, &slopes[i]) == TG_OK) continue;
        tg_last_error(NULL);
        tg_release(slopes, (size_t)count * sizeof *slopes);
        return NULL;
    }
    return slopes;
}

void tg_page_slopes_release(const tg_page *page, const tg_page_message *m, double *slopes) {
    tg_release(slopes, (size_t)tg_story_elements(&page->story->nodes[m->told->from]) * sizeof *slopes);
}

/* ---- heat maps ---- */

static int64_t blocks_of(int64_t count) { return count < TG_PAGE_BLOCKS ? count : TG_PAGE_BLOCKS; }

static double mean_of(const double *values, tg_shape shape, int64_t row, int64_t col) {
    const int64_t rows = blocks_of(shape.rows), cols = blocks_of(shape.cols), r0 = row * shape.rows / rows, r1 = (row + 1) * shape.rows / rows,
                  c0 = col * shape.cols / cols, c1 = (col + 1) * shape.cols / cols;
    double sum = 0;
    for (int64_t r = r0; r < r1; r++)
        for (int64_t c = c0; c < c1; c++) sum += values[r * shape.cols + c];
    return sum / (double)((r1 - r0) * (c1 - c0));
}

/* One letter a cell: 62 steps from -largest to largest, of which the middle is 0; "!" is what is no number. */
static void put_cells(tg_page *page, const double *values, tg_shape shape, double largest) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+";
    for (int64_t r = 0; r < blocks_of(shape.rows); r++)
        for (int64_t c = 0; c < blocks_of(shape.cols); c++) {
            const double mean = mean_of(values, shape, r, c);
            const int    step = largest > 0 && isfinite(mean) ? (int)lrint(mean / largest * 31) : 0;
            const char   cell = isfinite(mean) ? letters[31 + step] : '!';
            tg_put_bytes(&page->out, &cell, 1);
        }
}

static void put_heat(tg_page *page, const char *key, const double *values, tg_shape shape) {
    const int64_t rows = blocks_of(shape.rows), cols = blocks_of(shape.cols);
    double        largest = 0;
    if (values == NULL) return;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < cols; c++) {
            const double mean = fabs(mean_of(values, shape, r, c));
            if (isfinite(mean) && mean > largest) largest = mean;
        }
    const tg_shown shown = tg_page_shown(page, largest, false);
    tg_putf(&page->out, "\"%s\":{\"rows\":%" PRId64 ",\"cols\":%" PRId64 ",\"largest\":\"%s\",\"means\":%s,\"cells\":\"", key, rows, cols, shown.text,
            rows < shape.rows || cols < shape.cols ? "true" : "false");
    put_cells(page, values, shape, largest);
    tg_put(&page->out, "\"},\n");
}

void tg_page_put_heats(tg_page *page) {
    char key[32];
    for (int u = 0; u < page->unit_count; u++) {
        const tg_shape shape = tg_page_node(page, u)->shape;
        if (!tg_page_is_heat(page, u)) continue;
        snprintf(key, sizeof key, "v%d", u);
        put_heat(page, key, tg_page_values(page, u), shape);
        snprintf(key, sizeof key, "a%d", u);
        put_heat(page, key, tg_page_adjoints(page, u), shape);
    }
    for (int i = 0; i < page->message_count; i++) {
        const tg_page_message *m = &page->messages[i];
        if (page->neurons || !tg_page_is_heat(page, m->to)) continue;
        double *slopes = tg_page_slopes(page, m);
        snprintf(key, sizeof key, "l%d", i);
        put_heat(page, key, slopes, page->story->nodes[m->told->from].shape);
        tg_page_slopes_release(page, m, slopes);
        if (m->n == 1 || m->told->after == NULL) continue;
        snprintf(key, sizeof key, "m%d", i);
        put_heat(page, key, m->told->message, page->story->nodes[m->told->to].shape);
    }
}

void tg_page_put_matrix(tg_page *page, const double *values, tg_shape shape, const char *heat, bool given) {
    const int64_t count = shape.rows * shape.cols;
    tg_putf(&page->out, "{\"shape\":\"%" PRId64 " \xc3\x97 %" PRId64 "\"", shape.rows, shape.cols);
    if (values != NULL) tg_putf(&page->out, ",\"norm\":\"%s\"", tg_page_norm(page, values, count).text);
    if (values != NULL && count > TG_PAGE_NUMBERS) tg_putf(&page->out, ",\"heat\":\"%s\"", heat);
    else if (values != NULL) {
        tg_put(&page->out, ",\"rows\":[");
        for (int64_t r = 0; r < shape.rows; r++) {
            tg_put(&page->out, r > 0 ? ",[" : "[");
            for (int64_t c = 0; c < shape.cols; c++)
                tg_putf(&page->out, "%s\"%s\"", c > 0 ? "," : "", tg_page_shown(page, values[r * shape.cols + c], given).text);
            tg_put(&page->out, "]");
        }
        tg_put(&page->out, "]");
    }
    tg_put(&page->out, "}");
}

/* ---- deltas by layer ---- */

enum { BINS = 32, BAR = 9, HIGH = 46 };

/* Magnitudes as powers of ten, from the smallest to the largest of all layers, at most 16 of them. */
static bool find_powers(const tg_page *page, double *from, double *to) {
    *from = (double)INFINITY, *to = -(double)INFINITY;
    for (int l = 0; l < page->story->layer_count; l++) {
        const tg_story_node *sum = &page->story->nodes[page->story->layers[l].sum];
        for (int64_t i = 0; sum->adjoint != NULL && i < tg_story_elements(sum); i++) {
            const double size = fabs(sum->adjoint[i]);
            if (!(size > 0) || !isfinite(size)) continue;
            *from = fmin(*from, floor(log10(size)));
            *to   = fmax(*to, ceil(log10(size)));
        }
    }
    if (!(*from <= *to)) return false;
    if (*to - *from < 4) *from = *to - 4;
    if (*to - *from > 16) *from = *to - 16;
    return true;
}

static void put_bars(tg_page *page, const tg_story_node *sum, double from, double to, int y) {
    int64_t counts[BINS] = { 0 }, most = 1;
    for (int64_t i = 0; i < tg_story_elements(sum); i++) {
        const double size = fabs(sum->adjoint[i]);
        if (!(size > 0) || !isfinite(size)) continue;
        const double place = (log10(size) - from) / (to - from) * BINS;
        const int    bin   = place < 0 ? 0 : place >= BINS ? BINS - 1 : (int)place;
        if (++counts[bin] > most) most = counts[bin];
    }
    for (int b = 0; b < BINS; b++) {
        if (counts[b] == 0) continue;
        const int height = (int)((counts[b] * HIGH + most - 1) / most);
        tg_putf(&page->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" class=\"bar\"><title>%" PRId64 "</title></rect>", b * BAR,
                y + HIGH - height, BAR - 1, height, counts[b]);
    }
    tg_putf(&page->out, "<line x1=\"0\" y1=\"%d\" x2=\"%d\" y2=\"%d\" class=\"axis\"/>\n", y + HIGH, BINS * BAR, y + HIGH);
}

static int64_t zeros_of(const tg_story_node *sum) {
    int64_t zeros = 0;
    for (int64_t i = 0; i < tg_story_elements(sum); i++) zeros += sum->adjoint[i] == 0;
    return zeros;
}

static void put_power(tg_page *page, double power, int x, int y, const char *kind) {
    tg_putf(&page->out, "<text x=\"%d\" y=\"%d\" class=\"%s\">10<tspan dy=\"-5\">%s%d</tspan></text>\n", x, y, kind, power < 0 ? "\xe2\x88\x92" : "",
            abs((int)power));
}

void tg_page_put_histogram(tg_page *page) {
    double from, to;
    int64_t most = 0;
    for (int l = 0; l < page->story->layer_count; l++) {
        const int64_t elements = tg_story_elements(&page->story->nodes[page->story->layers[l].sum]);
        if (elements > most) most = elements;
    }
    if (page->neurons || most <= TG_PAGE_NUMBERS || !find_powers(page, &from, &to)) return;
    tg_put(&page->out, "<section class=\"card\" id=\"deltas\"><h2>How large the deltas are</h2>\n<p class=\"note\">Elements of \xce\xb4 by "
                       "magnitude, 32 bins on a logarithmic scale that all layers share: "
                       "a gradient that vanishes moves to the left, layer by layer.</p>\n");
    for (int l = 0; l < page->story->layer_count; l++) {
        const tg_story_node *sum = &page->story->nodes[page->story->layers[l].sum];
        char                 label[TG_PAGE_LABEL];
        if (sum->adjoint == NULL) continue;
        tg_page_name_node(page, page->story->layers[l].sum, true, label);
        tg_putf(&page->out, "<figure data-late=\"a%d\"><figcaption><b>%s</b> norm %s, %" PRId64 " elements, %" PRId64 " of them zero</figcaption>\n",
                tg_page_unit_of(page, page->story->layers[l].sum, 0), label, tg_page_norm(page, sum->adjoint, tg_story_elements(sum)).text,
                tg_story_elements(sum), zeros_of(sum));
        tg_putf(&page->out, "<svg class=\"histogram\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"Histogram of the "
                            "magnitudes of %s\">\n",
                BINS * BAR, HIGH + 24, BINS * BAR, HIGH + 24, label);
        put_bars(page, sum, from, to, 2);
        put_power(page, from, 0, HIGH + 22, "note");
        put_power(page, floor((from + to) / 2), (int)((floor((from + to) / 2) - from) / (to - from) * BINS * BAR), HIGH + 22, "note middle");
        put_power(page, to, BINS * BAR - 2, HIGH + 22, "note end");
        tg_put(&page->out, "</svg></figure>\n");
    }
    tg_put(&page->out, "</section>\n");
}
