/* printers.h - one function a format. Whatever the stream does not take is found behind them. */
#ifndef TAPEGRAD_EXPLAIN_PRINTERS_H
#define TAPEGRAD_EXPLAIN_PRINTERS_H

#include "explain/story.h"

/* options are never NULL. */
tg_status tg_print_list(tg_tensor loss, FILE *out, const tg_explain_options *options);
tg_status tg_print_text(tg_tensor loss, FILE *out, const tg_explain_options *options);
tg_status tg_print_json(tg_tensor loss, FILE *out, const tg_explain_options *options);
tg_status tg_print_mermaid(tg_tensor loss, FILE *out, const tg_explain_options *options);
tg_status tg_print_latex(tg_tensor loss, FILE *out, const tg_explain_options *options);
tg_status tg_print_html(tg_tensor loss, FILE *out, const tg_explain_options *options);
tg_status tg_print_dot(tg_tensor loss, FILE *out, const tg_explain_options *options);

/* As tg_print_plan does: how loss, the gradients recorded of it, and the assignments of the step are compiled. */
tg_status tg_print_compilation(tg_tensor loss, FILE *out);

#endif
