/* latex.h - what the two views of LaTeX share. */
#ifndef TAPEGRAD_EXPLAIN_LATEX_H
#define TAPEGRAD_EXPLAIN_LATEX_H

#include "explain/trace.h"

/* An align* block that is being written. */
typedef struct tg_latex_page {
    tg_trace       trace;
    tg_text_buffer out;
    int            lines;           /* of this block */
    bool           has_braces;      /* the two factors have been named */
} tg_latex_page;

void tg_begin_block(tg_latex_page *page, const char *heading);
void tg_end_block(tg_latex_page *page);
void tg_begin_line(tg_latex_page *page);

/* Behind what has been put since `start`, before `=`: a line break if both together, without commands, would be wide. */
void tg_put_relation(tg_latex_page *page, size_t start, const char *relation, const tg_text_buffer *right);

/* The sign, with a blank before it unless it begins the right side. */
void tg_put_equals(tg_latex_page *page);

/* = the elements, or, of large ones, the norm; elements NULL: nothing. */
void tg_put_latex_matrix(tg_latex_page *page, int node, const double *elements);

void tg_print_latex_neurons(tg_latex_page *page);      /* latex_neurons.c */
void tg_print_latex_layers(tg_latex_page *page);       /* latex_layers.c */

#endif
