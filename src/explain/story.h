/* story.h - a step and its backward walk, copied out of the tape with all numbers: the one thing that every printer prints. */
#ifndef TAPEGRAD_EXPLAIN_STORY_H
#define TAPEGRAD_EXPLAIN_STORY_H

#include "explain/formula.h"

#include <tapegrad/explain.h>
#include <tapegrad/grad.h>
#include <tapegrad/op.h>

enum { TG_STORY_OPERANDS = 16 };   /* of an op whose local derivatives are told */
enum { TG_STORY_SHOWN = 12 };      /* a local derivative is written out up to 12 x 12, differences are taken of up to 12 elements */

typedef enum tg_story_kind {
    TG_STORY_INPUT,          /* data and labels */
    TG_STORY_CONSTANT,
    TG_STORY_PARAMETER,      /* a variable, or all of a block */
    TG_STORY_OP
} tg_story_kind;

typedef enum tg_story_role { TG_ROLE_NONE, TG_ROLE_WEIGHT, TG_ROLE_BIAS, TG_ROLE_PRODUCT, TG_ROLE_SUM, TG_ROLE_ACTIVATION } tg_story_role;

/* A node of the step. Numbers of other nodes are places in story->nodes; -1: there is none. */
typedef struct tg_story_node {
    uint32_t       id;                   /* on the tape */
    tg_story_kind  kind;
    const tg_op   *op;
    const void    *attributes;
    const int     *inputs;               /* [input_count] */
    int            input_count;
    tg_shape       shape;
    const char    *name, *scope;         /* full name, "" if it has none */
    const char    *label;                /* what it is called in pictures: W1, b1, S1 (x W1 + b1), o1, x, L, a name that was given, v7 */
    const tg_formula *formula;           /* of its value, in labels; NULL: leaves */
    int            expanded;             /* recorded in place of that node, which has no rule of its own */
    const double  *value;                /* [rows, cols] */
    const int32_t *integers;             /* the same of integers; NULL: they are numbers */
    const double  *adjoint;              /* d loss / d value, complete; NULL: not computed */
    const double  *difference;           /* d loss / d value by central differences; NULL: not taken */
    int            messages;             /* that arrive in all, 0 if no walk was recorded */
    int            layer;                /* in story->layers */
    tg_story_role  role;
} tg_story_node;

/* One edge of the walk. */
typedef struct tg_story_message {
    int           from, to, argument, k, n;
    tg_message    symbols;
    const double *upstream;                    /* [from] */
    const double *message, *before, *after;    /* [to]; before NULL for the first; both NULL into a view, which only passes on */
    const double *local;                       /* [from elements, to elements]; NULL above 12 x 12 */
    double        local_norm;                  /* of Frobenius; NaN where it was not computed */
    const tg_formula *local_formula;           /* of one element, in labels: "1 - o1^2"; NULL: there is none */
    const char   *local_text, *local_tex;      /* the same, printed */
} tg_story_message;

/* o = activation(x W + b) */
typedef struct tg_story_layer {
    const char *name;                          /* the scope of its weight: "net/fc1" */
    int         x, weight, bias, product, sum, activation;      /* sum: x W + b, the product if there is no bias; activation: -1 if it is linear */
} tg_story_layer;

typedef struct tg_story {
    tg_tape          *tape;
    tg_type           type;                    /* TG_F32 where every value is one of f32; TG_DEFAULT_TYPE without values */
    tg_story_node    *nodes;                   /* in the order of the tape */
    int               node_count, loss;
    tg_story_message *messages;                /* in the order of the walk */
    int               message_count;
    tg_story_layer   *layers;
    int               layer_count;
    bool              has_walk;                /* a gradient of loss was recorded */
    double            worst_difference;        /* the largest relative distance of an adjoint from its difference; NaN: none was taken */
    tg_formulas          *formulas;
    struct tg_story_room *rooms;
} tg_story;

/* A failure is for tg_last_error; the story is empty then. with_values: else all numbers are NULL and nothing is run. */
tg_status tg_story_new(tg_story *story, tg_tensor loss, bool with_values);
void      tg_story_free(tg_story *story);

/* Zeroed memory that ends with the story; NULL, and a failure for tg_last_error. */
void *tg_story_room(tg_story *story, size_t bytes);

static inline int64_t tg_story_elements(const tg_story_node *node) { return node->shape.rows * node->shape.cols; }

/* ---- in order: what tg_story_new does ---- */

tg_status tg_story_collect(tg_story *story, tg_tensor loss);          /* nodes.c: nodes and messages, without numbers */
tg_status tg_story_look(tg_story *story);                             /* numbers.c: values, adjoints, messages */
tg_status tg_story_find_layers(tg_story *story);                      /* layers.c */
tg_status tg_story_add_labels(tg_story *story);                       /* labels.c */
tg_status tg_story_add_formulas(tg_story *story);
tg_status tg_story_add_locals(tg_story *story);                       /* locals.c: local derivatives, from the ops' own rules */
tg_status tg_story_add_differences(tg_story *story);                  /* differences.c */

/* The local derivative of a node by one of its operands, of one element, in labels; NULL: there is none, or the arena of formulas has failed. */
const tg_formula *tg_story_local_formula(tg_story *story, const tg_story_node *from, int argument);

/* Applies the op of node on a tape in f64 to values of its operands; inputs[k], if given, stands for operand k instead. */
tg_tensor tg_story_apply(const tg_story *story, const tg_story_node *node, tg_tape *tape, const tg_tensor inputs[]);

#endif
