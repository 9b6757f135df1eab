/* mermaid.h - what the files of the flowchart share. */
#ifndef TAPEGRAD_EXPLAIN_MERMAID_H
#define TAPEGRAD_EXPLAIN_MERMAID_H

#include "explain/trace.h"

typedef struct tg_chart {
    tg_trace       trace;
    tg_text_buffer out;
    bool          *is_box;                             /* [nodes] */
    int            left_out;                           /* nodes */
    bool           is_alarmed;                         /* some number is not finite */
    int            forward_count, backward_count;      /* links: all those forward come first */
} tg_chart;

void tg_put_chart_text(const char *text, tg_text_buffer *out);
void tg_take_chart_text(tg_chart *chart, tg_text_buffer *text);      /* puts it and releases it */

void tg_put_links(tg_chart *chart);      /* mermaid_links.c */

#endif
