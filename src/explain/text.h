/* text.h - what the two views of text share. */
#ifndef TAPEGRAD_EXPLAIN_TEXT_H
#define TAPEGRAD_EXPLAIN_TEXT_H

#include "explain/table.h"
#include "explain/trace.h"

/* A trace on its way to a page of text. */
typedef struct tg_text_page {
    tg_trace       trace;
    tg_text_buffer out;
    int            width;
    bool           differs;      /* some adjoint is marked so */
} tg_text_page;

void tg_put_heading(tg_text_page *page, const char *heading, const char *remark);

void tg_put_reverse_heading(tg_text_page *page);

/* Cells: v7; the name; input, parameter fc1/weight; = where they are equal. */
void tg_put_node_cell(const tg_text_page *page, int node, tg_table *table);
void tg_put_leaf_name(const char *kind, const tg_story_node *node, tg_text_buffer *out);
void tg_put_leaf(const tg_text_page *page, int node, tg_text_buffer *out);
void tg_put_user_text(const char *text, tg_text_buffer *out);      /* one line, whatever a name holds */

/* Blue for what goes forward, orange for what comes back, red and bold for numbers that are not finite; NULL without color. */
const char *tg_forward_color(const tg_text_page *page);
const char *tg_backward_color(const tg_text_page *page);
const char *tg_alarm_color(const tg_text_page *page);

void tg_print_neurons(tg_text_page *page);      /* text_neurons.c */
void tg_print_layers(tg_text_page *page);       /* text_layers.c */

#endif
