/* explain.h - a recorded step, printed. */
#ifndef TAPEGRAD_EXPLAIN_H
#define TAPEGRAD_EXPLAIN_H

#include <stdio.h>
#include <tapegrad/grad.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tg_format {
    TG_LIST,        /* one line a node: v7 = relu(v6)  [32,128]  net/fc1; with .passes how it is compiled */
    TG_TEXT,        /* forward and reverse trace, as tables for the terminal */
    TG_DOT,         /* a picture for Graphviz: dot -Tsvg */
    TG_HTML,        /* one page that walks forward and back, step by step; it needs a browser and no network */
    TG_LATEX,       /* align* blocks; needs amsmath only */
    TG_MERMAID,     /* a flowchart that renders in a README */
    TG_JSON         /* all of it, by docs/explain.schema.json: enough to write another printer */
} tg_format;

/* Of TG_TEXT, TG_DOT, TG_HTML and TG_LATEX. What a view cannot show is shown by another one, and the page says so. */
typedef enum tg_explain_view {
    TG_VIEW_AUTOMATIC = 0,     /* neurons for tiny nets, else layers */
    TG_VIEW_NEURONS,           /* every product visible, for one example */
    TG_VIEW_LAYERS,            /* matrices, or their shapes and norms; TG_HTML: heat maps */
    TG_VIEW_PATHS,             /* TG_DOT: between .parameter and the loss, with the sum over paths */
    TG_VIEW_PLAN               /* TG_DOT: after each pass: what was fused, which buffer each node uses */
} tg_explain_view;

/* Colours of TG_DOT, TG_HTML and TG_MERMAID, which all can tell apart; or none, for paper, where dashes, borders and corners say what they say. */
typedef enum tg_theme {
    TG_THEME_LIGHT = 0,        /* TG_HTML: dark where the reader's system is; the page has a button */
    TG_THEME_DARK,
    TG_THEME_PRINT
} tg_theme;

typedef struct tg_explain_options {
    tg_explain_view view;
    tg_theme        theme;
    bool            no_values;         /* symbols only: nothing is run */
    bool            passes;            /* TG_LIST: then, how loss, its gradients and the assignments of the step are compiled: see tg_print_plan */
    bool            row_notation;      /* x W and x^T delta, as in memory; default: W x and delta x^T, as in textbooks, where there are layers */
    bool            ascii;             /* TG_TEXT, TG_DOT, TG_MERMAID: S1 and delta1 in place of Greek letters, ~ for about equal */
    bool            color;             /* TG_TEXT: escape sequences */
    int             columns;           /* TG_TEXT: most characters of a line, from 80 on; 0: 110 */
    int             digits;            /* significant, 1 to 17; 0: 4. TG_JSON has all digits always */
    int64_t         example;           /* row shown in the view of neurons, counted from 0; TG_OUT_OF_RANGE where there is none */
    const char     *parameter;         /* TG_VIEW_PATHS: an element, such as "net/fc1/weight[0,1]", counted from 0 as in memory, or "x" of a 1 x 1 */
    const char     *title;             /* printed first; NULL: none */
} tg_explain_options;

/* Prints to out what loss is made of, and the backward sections recorded for it, in the order of the tape. Values are those that the step holds, or
 * come from a run beside it that writes no variable (tg_look); before a gradient is recorded a picture shows a dot in its place, and not zero. = is
 * between numbers only where they satisfy it as they are printed. TG_CANNOT_WRITE if out does not take it. options may be NULL. Failures are for
 * tg_last_error, unless the tape has failed before. */
TG_API TG_MUST_CHECK tg_status tg_explain(tg_tensor loss, tg_format format, FILE *out, const tg_explain_options *options);

/* The same to a file, which is complete or, on failure, as it was before. */
TG_API TG_MUST_CHECK tg_status tg_explain_file(tg_tensor loss, tg_format format, const char *path, const tg_explain_options *options);

/* A message with its numbers: matrices, row-major, valid during the visit. */
typedef struct tg_explained_message {
    tg_message    symbols;
    tg_shape      from_shape, to_shape;
    const double *upstream;                    /* [from_shape] */
    const double *message, *before, *after;    /* [to_shape]; before is NULL for the first. A view's message has the shape of the view, and both others
                                                * are NULL: see tg_message */
    const double *local;                       /* d from / d to [elements of from, elements of to], from the op's own rule; NULL above 12 x 12 */
    double        local_norm;                  /* of Frobenius; NaN where it was not computed */
    const char   *local_text, *local_tex;      /* "1 - y^2", of one element; NULL: there is none */
} tg_explained_message;

/* Returns false to end the visit. */
typedef bool (*tg_message_fn)(const tg_explained_message *message, void *user);

/* Visits the messages of the gradients recorded of loss, in the order of the walks: the one stream that every format prints. Without a gradient there
 * are none. Values are computed beside the step, as by tg_look: TG_STALE after an update. A failure is for tg_last_error. */
TG_API TG_MUST_CHECK tg_status tg_messages(tg_tensor loss, tg_message_fn visit, void *user);

#ifdef __cplusplus
}
#endif
#endif
