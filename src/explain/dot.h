/* dot.h - what the files of the DOT printer share: the drawing, what is written, names, elements, and the parts of a picture. */
#ifndef TAPEGRAD_EXPLAIN_DOT_H
#define TAPEGRAD_EXPLAIN_DOT_H

#include "explain/story.h"

/* What a box stands for. Border and corners repeat what the colour says. */
typedef enum tg_dot_kind { TG_DOT_INPUT, TG_DOT_CONSTANT, TG_DOT_PARAMETER, TG_DOT_SUM, TG_DOT_VALUE, TG_DOT_LOSS, TG_DOT_KINDS } tg_dot_kind;

typedef struct tg_dot_theme {
    const char *background, *text, *muted, *line, *forward, *backward, *wrong;
    const char *fill[TG_DOT_KINDS];
} tg_dot_theme;

typedef struct tg_drawing {
    tg_story                 *story;
    const tg_explain_options *options;
    const tg_dot_theme       *theme;
    tg_text_buffer            text;          /* all that is written */
    tg_status                 status;        /* the first failure, told to tg_last_error */
    int                       digits;
    int64_t                   batch;         /* examples, of which the neuron view shows one; 1: there is nothing to choose */
    const tg_op              *matmul, *transpose;      /* the ops of that name */
    bool                      is_rows;       /* matrices as in memory, x W, and not as in textbooks, W x */
    const int                *order;         /* [node_count] 0: forward, 1: recorded by a walk, 2: by a walk over a walk */
    const bool               *is_kept;       /* [node_count] read by what the walk from the loss recorded */
    const int                *group;         /* [node_count] cluster in which it lies: 0 the inputs, l + 1 layer l, last the loss */
    int                       group_count;   /* 0: there are no layers */
    char                      caption[512];  /* what is left out, and why a view was not taken; "" */
} tg_drawing;

/* ---- writing (dot_text.c) ---- */

extern const tg_dot_theme tg_dot_themes[3];

enum { TG_DOT_NUMBER = 48, TG_DOT_NAME = 128, TG_DOT_SHOWN = 40 };      /* bytes of a number and of a name; characters of a name that are shown */

/* As printf with %s and %d, where {delta} and the like stand for signs: see signs in dot_text.c. */
void      tg_dot_put(tg_drawing *d, const char *format, ...) TG_FORMAT(2, 3);
void      tg_dot_escape(tg_drawing *d, const char *text, size_t most);           /* user text, for labels and tooltips; most characters, 0: all */
tg_status tg_dot_fail(tg_drawing *d, tg_status status);                          /* remembers the first; returns status */
void      tg_dot_expand(const tg_drawing *d, const char *format, char *out, size_t size);      /* signs only */

/* What was written since the text had that length, taken out of it again: a string that ends with the story; "" on failure. */
const char *tg_dot_take(tg_drawing *d, size_t length);

/* A number as it is printed: as short as it is where digits suffice, else rounded with its zeros; returns out. */
const char *tg_dot_number(tg_drawing *d, double number, char out[TG_DOT_NUMBER]);
double      tg_dot_printed(tg_drawing *d, double number);                        /* the number that this text says */
bool        tg_dot_agree(tg_drawing *d, double computed, double shown);          /* computed, printed, says the same as shown, printed */

#define TG_DOT_OF(d, number) tg_dot_number(d, number, (char[TG_DOT_NUMBER]){ 0 })

void tg_dot_put_bold(tg_drawing *d, const char *color, double number);           /* in HTML; what is not finite in the colour of errors */
void tg_dot_put_equals(tg_drawing *d, bool is_true);                             /* " = " or the sign of about equal, between blanks that stay */

/* ---- names (dot_names.c) ---- */

/* Of node i: W with a raised 1, x, v7; of its element e: w with indices; both return out. */
const char *tg_dot_matrix_name(const tg_drawing *d, int i, char out[TG_DOT_NAME]);
const char *tg_dot_element_name(const tg_drawing *d, int i, int64_t e, char out[TG_DOT_NAME]);
const char *tg_dot_delta_name(const tg_drawing *d, int i, int64_t e, char out[TG_DOT_NAME]);      /* e < 0: of the matrix */
const char *tg_dot_loss_name(const tg_drawing *d, char out[TG_DOT_NAME]);
const char *tg_dot_activation_name(const tg_drawing *d, const tg_story_node *node);               /* sigma, tanh, relu */

#define TG_DOT_MATRIX(d, i)     tg_dot_matrix_name(d, i, (char[TG_DOT_NAME]){ 0 })
#define TG_DOT_ELEMENT(d, i, e) tg_dot_element_name(d, i, e, (char[TG_DOT_NAME]){ 0 })
#define TG_DOT_DELTA(d, i, e)   tg_dot_delta_name(d, i, e, (char[TG_DOT_NAME]){ 0 })

/* f with "(name)" for each name that is the base of a power: behind raised digits a square would be one more of them. */
const tg_formula *tg_dot_close_bases(tg_formulas *formulas, const tg_formula *f);

/* A formula of node i in names of elements, for its element e, or of matrices if e < 0; escaped. */
void tg_dot_put_formula(tg_drawing *d, int i, const tg_formula *formula, int64_t e);

/* ---- elements (dot_cells.c) ---- */

/* Elements of a node that the neuron view shows: all, or those of one row. */
typedef struct tg_dot_cells {
    int64_t first, count;
    bool    is_row;
} tg_dot_cells;

tg_dot_cells tg_dot_cells_of(const tg_drawing *d, int i);

/* Whether element j of node from is computed from element i of its operand. */
bool tg_dot_is_linked(const tg_drawing *d, int from, int argument, int64_t j, int64_t i);

/* Elements first, first + step, ... below end of node from, outside of which none is computed from element i of its operand. */
typedef struct tg_dot_range { int64_t first, end, step; } tg_dot_range;

tg_dot_range tg_dot_reach(const tg_drawing *d, int from, int argument, int64_t i);

/* Of a matrix product: the element of the other operand by which element i is multiplied on its way to element j. -1: from is none. */
int64_t tg_dot_factor(const tg_drawing *d, int from, int argument, int64_t j, int64_t i);

/* The number d from[j] / d to[i] of a message; false: it is not known. */
bool tg_dot_local(tg_drawing *d, const tg_story_message *m, int64_t j, int64_t i, double *local);

/* The message along that pair; false: it is not known. */
bool tg_dot_term(tg_drawing *d, const tg_story_message *m, int64_t j, int64_t i, double *term);

/* Element of an operand that meets element e of the output of an elementwise op. */
int64_t tg_dot_broadcast(const tg_story_node *operand, const tg_story_node *output, int64_t e);

/* Value of an elementwise formula of node i for element e, at the numbers that are printed. false: it has none. */
bool tg_dot_evaluate(tg_drawing *d, int i, const tg_formula *formula, int64_t e, bool as_printed, double *value);

/* The value that element e of node i would have if its operands were what is printed. false: that is not known. */
bool tg_dot_recompute(tg_drawing *d, int i, int64_t e, double *value);

/* The first message along an edge; later walks along the same edge are told once. NULL: there is none. */
const tg_story_message *tg_dot_message(const tg_drawing *d, int from, int argument);
const tg_formula       *tg_dot_local_formula(tg_drawing *d, int from, int argument);      /* its formula, also while there is no message yet */
bool                    tg_dot_is_data(const tg_drawing *d, int from, int argument);      /* a use of numbers that no gradient is asked of */
bool                    tg_dot_is_beside(const tg_drawing *d, int from, int argument);    /* data of one op, beside which it stands */
bool                    tg_dot_is_first(const tg_drawing *d, const tg_story_message *m);

/* ---- parts of a picture ---- */

tg_status tg_dot_find_orders(tg_drawing *d);                /* dot_orders.c: orders, and what is kept */
void      tg_dot_put_recorded(tg_drawing *d, const char *direction);      /* the backward graph: what the walk from the loss recorded, as a cluster */
tg_status tg_dot_find_groups(tg_drawing *d);                /* dot_ledger.c */
void      tg_dot_put_ledger(tg_drawing *d, int group);
void      tg_dot_open(tg_drawing *d, const char *direction, const char *const lines[], int count);      /* dot.c: all up to the first node */
void      tg_dot_open_group(tg_drawing *d, int group);
void      tg_dot_close(tg_drawing *d);

tg_dot_kind tg_dot_kind_of(const tg_drawing *d, int i);
bool        tg_dot_is_merged(const tg_drawing *d, int i);   /* drawn inside the box of its layer: a weight, a bias, a product below its sum */
bool        tg_dot_is_finite(const double *numbers, int64_t count);

/* dot_edges.c: the opening of a box and its end; edges in pairs of there and back. Names of boxes are v7, or v7_2 for an element. */
void tg_dot_open_box(tg_drawing *d, const char *id, tg_dot_kind kind, bool is_finite, const char *tooltip);
void tg_dot_close_box(tg_drawing *d);

typedef struct tg_dot_edge {
    const char *tail, *tail_port, *head, *head_port, *id;      /* ports "" or ":f0:n" */
    const char *tooltip;                                       /* "" */
    const char *lines[2];                                      /* of the label, escaped; NULL: fewer */
    bool        is_backward, is_finite, is_constant, is_turned;      /* turned: written from head to tail */
    int         weight;
} tg_dot_edge;

void tg_dot_put_edge(tg_drawing *d, const tg_dot_edge *edge);

/* dot_pairs.c: the box of element e of a node, v7 or v7_2; and all edges between elements. */
const char *tg_dot_box_name(const tg_drawing *d, int i, int64_t e, char out[TG_DOT_NAME]);
void        tg_dot_put_neuron_edges(tg_drawing *d);

/* ---- views: false, with nothing written and the reason in the caption, where a view cannot show the story ---- */

bool tg_dot_put_neurons(tg_drawing *d);
void tg_dot_put_layers(tg_drawing *d);
bool tg_dot_put_paths(tg_drawing *d);
void tg_dot_put_plan(tg_drawing *d, tg_tensor loss);

#endif
