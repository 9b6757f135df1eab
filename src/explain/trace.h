/* trace.h - a story element by element: what printers of equations print. Names and numbers are formulas, so that each style prints them its own way.
 *
 * In the notation of textbooks examples are columns and a layer is W x + b, so that W[2,1] leads to neuron 2 from input 1; in that of memory
 * examples are rows and a layer is x W + b. Elements are counted from 1 in names. */
#ifndef TAPEGRAD_EXPLAIN_TRACE_H
#define TAPEGRAD_EXPLAIN_TRACE_H

#include "explain/story.h"

enum { TG_TRACE_MOST = 200 };      /* messages of elements that are shown by default; above, matrices are */

/* The value of an element: a leaf, or an operation. */
typedef struct tg_trace_value {
    int               node;
    int64_t           element;
    const tg_formula *operation;       /* in names */
    const tg_formula *worked;          /* in numbers, as they are printed; NULL: it is no formula of elements, or has no values */
    bool              is_equal;        /* worked gives the printed value */
} tg_trace_value;

/* What one element sends another. Slopes and numbers are NaN without values. */
typedef struct tg_trace_message {
    int               message;         /* in story->messages: the edge that it belongs to */
    int               from, to;
    int64_t           from_element, to_element;
    const tg_formula *local;           /* of the two elements, in names; NULL: none is known */
    double            upstream, slope, sum, before, after;      /* sum: upstream x slope */
    int               k, n;
    int64_t           hidden;          /* it adds up the messages of that many examples that are not shown; 0: it is one message */
} tg_trace_message;

typedef struct tg_trace {
    tg_story                 *story;
    const tg_explain_options *options;
    tg_formula_style          style;
    int                       digits;
    int64_t                   most_shown;      /* elements of a matrix that is written out: TG_MATRIX_SHOWN, or what the printer sets */
    bool                      by_element;      /* else values and messages are empty: the printer shows matrices */
    bool                      in_columns;      /* the notation of textbooks */
    int                       logits;          /* of a cross-entropy in whose slope p, their softmax, is named; -1 */
    bool                     *is_batched;      /* [nodes]: its rows are examples */
    int64_t                   batch, example;  /* the example that is shown; -1: all */
    tg_trace_value           *values;
    tg_trace_message         *messages;
    int                       value_count, message_count;
} tg_trace;

tg_status tg_trace_new(tg_trace *trace, tg_story *story, const tg_explain_options *options, tg_formula_style style);

/* ---- names (naming.c) ---- */

enum { TG_WHOLE = -1 };      /* in place of an element: the whole matrix */

bool              tg_is_hidden(const tg_trace *trace, int node);                      /* the product within a layer: it is told as part of the sum */
int               tg_sender_of(const tg_trace *trace, int from);                      /* the sum in place of a hidden product */
bool              tg_is_shown(const tg_trace *trace, int node, int64_t element);      /* it is of the example that is shown */
const tg_formula *tg_element_name(const tg_trace *trace, int node, int64_t element);
const tg_formula *tg_element_named(const tg_trace *trace, int node, int64_t element, const char *letters);      /* p[2] */
const tg_formula *tg_element_slope(const tg_trace *trace, int node, int64_t element);      /* delta of a sum; NULL: it has no name but dL/dx */
void              tg_put_element_name(const tg_trace *trace, int node, int64_t element, tg_text_buffer *buffer);
bool              tg_sends_one(const tg_trace *trace, int from);      /* it is the loss, with the seed 1, which is not written as a factor */
void              tg_put_adjoint_name(const tg_trace *trace, int node, int64_t element, tg_text_buffer *buffer);

/* f, in the labels of nodes, in names of elements, or, where numbers, in their values: element e of a node as large as `shape`, of smaller ones
 * that which is broadcast to it. TG_WHOLE: in names of matrices. */
const tg_formula *tg_in_elements(const tg_trace *trace, const tg_formula *f, tg_shape shape, int64_t e, bool numbers);

/* Which element of `operand` meets element e of a matrix of that shape. */
int64_t tg_broadcast_element(tg_shape operand, tg_shape shape, int64_t e);

/* ---- formulas of ops (trace_values.c) ---- */

bool              tg_is_product(const tg_story_node *node);
int64_t           tg_inner_size(const tg_trace *trace, const tg_story_node *product);
void              tg_factors_of(const tg_trace *trace, const tg_story_node *product, int64_t e, int64_t k, int64_t *a, int64_t *b);
const tg_formula *tg_matrix_formula(const tg_trace *trace, int node);      /* in names of matrices; NULL: it has none */

/* p = softmax(S2), as a remark; false: there is none. */
bool              tg_put_softmax(const tg_trace *trace, tg_text_buffer *out);

/* What is sent along an edge, in names of matrices (trace_matrices.c). */
void              tg_put_message_formula(const tg_trace *trace, const tg_story_message *message, tg_text_buffer *out);

/* ---- numbers (numerals.c) ---- */

/* As short as it is, where it has no more digits than are printed; else rounded, with zeros at its end. */
const tg_formula *tg_shown_number(const tg_trace *trace, double number);
double            tg_printed_value(const tg_trace *trace, double number);                  /* what the printed number says */
bool              tg_agrees(const tg_trace *trace, double computed, double number);        /* computed is what is printed for number */
void              tg_put_shown(const tg_trace *trace, double number, tg_text_buffer *buffer);
const char       *tg_ascii_or(const tg_trace *trace, const char *ascii, const char *unicode);
const char       *tg_equals_sign(const tg_trace *trace, bool is_equal);

/* [0.15, 0.2; 0.25, 0.3], or, of more than most_shown elements, what can be said of all: norm 3.1, from -0.2 to 0.9. */
enum { TG_MATRIX_SHOWN = 16, TG_MATRIX_OF_NEURONS = 64 };
bool     tg_leaves_out(const tg_trace *trace);      /* some matrix has more elements */
bool     tg_is_written_out(const tg_trace *trace, int node);
void     tg_put_matrix(const tg_trace *trace, int node, const double *elements, tg_text_buffer *buffer);
tg_shape tg_shown_shape(const tg_trace *trace, int node);
double   tg_norm_of(const double *elements, int64_t count);
void     tg_range_of(const double *elements, int64_t count, double *least, double *most);      /* of one and more; NaN where an element is */

/* ---- in order: what tg_trace_new does ---- */

tg_status tg_trace_values(tg_trace *trace);        /* trace_values.c */
tg_status tg_trace_messages(tg_trace *trace);      /* trace_messages.c; by_element is false behind it where elements are too many */

#endif
