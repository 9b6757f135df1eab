/* html.h - the page that walks through a step: what its files share. The page is put together in one buffer:
 *
 *   html.c           options and view, the order of the parts
 *   html_units.c     what has a box, and the messages between boxes
 *   html_layout.c    where the boxes stand
 *   html_graph.c     boxes and edges as SVG
 *   html_tables.c    the tape, and the gradients that fill in
 *   html_heat.c      large matrices as heat maps, norms, the histogram of deltas
 *   html_forward.c   the steps forward, as JSON for page.js
 *   html_walk.c      the steps backward
 *   html_text.c      numbers, names, escapes
 *
 * A unit is what one box, one row or one step is about: a node, or one element of it where the view shows neurons. The key of its value is "v" and
 * the number of the unit, that of its adjoint "a" and the number: page.js shows what the steps so far have reached, and a dot for all others. */
#ifndef TAPEGRAD_EXPLAIN_HTML_H
#define TAPEGRAD_EXPLAIN_HTML_H

#include "explain/printers.h"

enum { TG_PAGE_COLUMNS = 12 };     /* view of neurons: elements of a row */
enum { TG_PAGE_UNITS = 400 };      /* and units in all; graphs of more boxes are not drawn */
enum { TG_PAGE_SLOTS = 12 };       /* weights of a layer that are drawn within its neurons */
enum { TG_PAGE_NUMBERS = 12 };     /* elements of a matrix that is shown with its numbers */
enum { TG_PAGE_BLOCKS = 64 };      /* rows and columns of a heat map */

typedef struct tg_page_unit {
    int     node;
    int64_t element;               /* -1: all of the node */
    int     arriving;              /* messages */
    int     box;                   /* in page->boxes; -1: it is drawn in a slot, or nowhere */
} tg_page_unit;

/* Edges that do not go from left to right. */
enum { TG_PAGE_BELOW = -2,         /* along the left of its column, to the bottom of the reader */
       TG_PAGE_DOWN  = -3 };       /* straight down, to its top */

/* One use of a value. */
typedef struct tg_page_edge {
    int  from, to, argument;       /* units: operand and reader */
    bool is_drawn, carries;        /* a message comes back along it */
    int  y_from, y_to;             /* where it leaves and arrives */
    int  first_bend;               /* in page->boxes: the lanes of a long edge, one a column; -1; or another way: */
} tg_page_edge;

typedef struct tg_page_message {
    int                     from, to, edge;
    const tg_story_message *told;
    double                  upstream, local, message, before, after;      /* NaN without values; where a unit is a node, those of told count */
    int                     k, n;
    bool                    is_part;      /* of one example: the adjoint is a sum over the batch */
} tg_page_message;

typedef struct tg_page_box {
    int unit;                      /* -1: a lane for an edge */
    int column, x, y, width, height;
    int slots;                     /* parameters within it */
    double rank;                   /* in its column */
} tg_page_box;

typedef struct tg_page {
    const tg_story           *story;
    const tg_explain_options *options;
    tg_text_buffer            out;
    bool                      neurons, has_graph, has_slots, is_dense, was_refused;      /* refused: neurons were asked for, but are too many */
    int64_t                   batch;
    tg_page_unit             *units;
    int                       unit_count, *first;                   /* [nodes] the first unit of a node */
    int                      *alias;                                /* [nodes] what stands for it: itself, or the sum for a product with a bias */
    tg_page_edge             *edges;
    tg_page_message          *messages;
    tg_page_box              *boxes;
    int                       edge_count, edge_room, message_count, message_room, box_count, box_room, column_count, folded, width, height;
    int                       step_count;
} tg_page;

static inline const tg_story_node *tg_page_node(const tg_page *page, int unit) { return &page->story->nodes[page->units[unit].node]; }

/* ---- text (html_text.c) ---- */

/* A number as it is printed: the text, and what the text says. */
typedef struct tg_shown {
    char   text[64];
    double number;
} tg_shown;

void     tg_putf(tg_text_buffer *buffer, const char *format, ...) TG_FORMAT(2, 3);      /* up to 500 characters; no floating point: locales */
void     tg_put_html(tg_text_buffer *buffer, const char *text, int longest);            /* escaped; longest characters, 0: all */
void     tg_put_json(tg_text_buffer *buffer, const char *text);                         /* with its quotes; safe within <script> */
tg_shown tg_page_shown(tg_page *page, double number, bool given);                       /* given: as short as it is; else rounded */
tg_shown tg_page_value(tg_page *page, int unit);
tg_shown tg_page_adjoint(tg_page *page, int unit);                                      /* the engine's, complete */
bool     tg_page_is_given(const tg_page *page, int node);

/* "=" where the number computed from printed ones is the printed result, to its last digit; else the approximate sign. */
const char *tg_page_relation(const tg_page *page, double computed, tg_shown result);

/* Whether printed numbers give about what is printed as their result. sin(9.264·10¹⁷) does not: the digits left out are what matters. */
bool tg_page_is_near(const tg_page *page, double computed, tg_shown result);

/* Names of units for formulas, W1[2,1], and for boxes, with Unicode above and below the line. */
enum { TG_PAGE_LABEL = 96 };
void tg_page_label(const tg_page *page, int unit, bool adjoint, char label[TG_PAGE_LABEL]);
void tg_page_short(const tg_page *page, int unit, bool adjoint, char label[TG_PAGE_LABEL]);

bool tg_page_has_number(const tg_story_node *n);
bool tg_page_has_delta(const tg_page *page, int unit);

/* The same as formulas; MathML is put without its <math>. */
const tg_formula *tg_page_name(tg_page *page, int unit, bool adjoint);
const tg_formula *tg_page_number(tg_page *page, double number, bool given);              /* as it is printed */
void tg_page_print(tg_page *page, const tg_formula *f, tg_formula_style style, tg_text_buffer *buffer);
void tg_page_put_formula(tg_page *page, const tg_formula *f, tg_formula_style style);   /* as JSON, a string */
void tg_page_put_json_text(tg_page *page, tg_text_buffer *text);                        /* the same of text, which is released */

/* ---- units (html_units.c) ---- */

tg_status tg_page_find_units(tg_page *page);
bool      tg_page_fits_neurons(tg_page *page);                       /* the view, not the screen */
int       tg_page_unit_of(const tg_page *page, int node, int64_t column);      /* column 0 of a node that is one unit */
bool      tg_page_is_split(const tg_page *page, int node);
int64_t   tg_page_row(const tg_page *page, int node);                /* the row of the example */
int       tg_page_layer_of(const tg_page *page, int unit);           /* -1: none */
int64_t   tg_page_elements(const tg_page *page, int unit);
const double *tg_page_values(const tg_page *page, int unit);         /* [elements]; NULL */
const double *tg_page_adjoints(const tg_page *page, int unit);
bool      tg_page_is_fixed(const tg_page *page, int unit);           /* a number of which no derivative is taken */
bool      tg_page_is_slot(const tg_page *page, int unit);            /* a weight or a bias of a layer */
int       tg_page_edge_of(const tg_page *page, int from, int to, int argument);
int       tg_page_maker(const tg_page *page, int node);              /* whose op makes the value of node: itself, or the end of what it expands to */

/* ---- the parts ---- */

tg_status tg_page_lay_out(tg_page *page);
void      tg_page_put_graph(tg_page *page);
void      tg_page_put_title(tg_page *page, int unit, char *title, size_t room);      /* o = tanh(S), for boxes and the tape */
void      tg_page_put_tape(tg_page *page);
void      tg_page_put_gradients(tg_page *page);
bool      tg_page_is_heat(const tg_page *page, int unit);
tg_shown  tg_page_norm(tg_page *page, const double *values, int64_t count);
double   *tg_page_slopes(tg_page *page, const tg_page_message *m);   /* [from] local derivatives of an elementwise op; NULL: they are not known */
void      tg_page_slopes_release(const tg_page *page, const tg_page_message *m, double *slopes);
void      tg_page_put_heats(tg_page *page);
void      tg_page_put_histogram(tg_page *page);
void      tg_page_put_matrix(tg_page *page, const double *values, tg_shape shape, const char *heat, bool given);      /* JSON */
void      tg_page_put_steps(tg_page *page);
void      tg_page_begin_step(tg_page *page, const char *kind, int unit);
void      tg_page_put_walk(tg_page *page);

/* The formula f of a node, which is written in labels of the story, in names or numbers of the operands of a unit. NULL: an operand has not one
 * number. */
const tg_formula *tg_page_in_names(tg_page *page, int unit, int node, const tg_formula *f);
const tg_formula *tg_page_in_numbers(tg_page *page, int unit, int node, const tg_formula *f);
const tg_formula *tg_page_node_name(tg_page *page, int node, bool adjoint);
void              tg_page_name_node(const tg_page *page, int node, bool adjoint, char label[TG_PAGE_LABEL]);      /* for boxes */

#endif
