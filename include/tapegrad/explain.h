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
    TG_HTML         /* one page that walks forward and back, step by step; it needs a browser and no network */
} tg_format;

typedef enum tg_explain_view {
    TG_VIEW_AUTOMATIC = 0,     /* neurons for tiny nets, else layers */
    TG_VIEW_NEURONS,           /* every product visible, for one example; layers where that is too much, and the caption says so */
    TG_VIEW_LAYERS             /* matrices, or their shapes, norms and heat maps */
} tg_explain_view;

typedef enum tg_theme {
    TG_THEME_LIGHT = 0,        /* TG_HTML: dark where the reader's system is; the page has a button */
    TG_THEME_DARK,
    TG_THEME_PRINT             /* black and white: dashes and frames, no tints */
} tg_theme;

typedef struct tg_explain_options {
    tg_explain_view view;
    tg_theme        theme;
    bool            no_values;         /* symbols only: nothing is run */
    bool            passes;            /* TG_LIST: then, how loss, its gradients and the assignments of the step are compiled: see tg_print_plan */
    bool            row_notation;      /* delta W^T and x^T delta, as in memory; default: W^T delta and delta x^T, as in textbooks. The view of layers, where a
                                        * row is an example, always has the former */
    int             digits;            /* significant, up to 17; 0: 4 */
    int64_t         example;           /* row shown in the view of neurons, counted from 0 */
    const char     *title;             /* NULL: none */
} tg_explain_options;

/* Prints to out what loss is made of, and the backward sections recorded for it, in the order of the tape. Values are those that the step holds, or
 * come from a run beside it that writes no variable (tg_look). TG_CANNOT_WRITE if out does not take it. options may be NULL. Failures are for
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
