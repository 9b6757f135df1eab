/* leaves.h - what a loss can be differentiated by: the inputs of numbers and the variables that it depends on. */
#ifndef TAPEGRAD_CHECK_LEAVES_H
#define TAPEGRAD_CHECK_LEAVES_H

#include <tapegrad/tape.h>

enum { TG_LEAF_NAME = 200 };

/* An input as a whole, or a variable in its block. */
typedef struct tg_leaf_part {
    char        name[TG_LEAF_NAME];      /* of the node or the variable; "v3 = input" if it has none */
    int         input;                   /* in leaves->inputs; -1: left out */
    int64_t     offset;                  /* in that input, in elements */
    int64_t     rows, cols;
    const char *why;                     /* it is left out; static */
} tg_leaf_part;

typedef struct tg_leaves {
    tg_tensor    *inputs;                /* [input_count] leaves of the tape with a part that is not left out */
    double      **values;                /* [input_count] of their elements, in the order of the tape */
    double       *elements;              /* where all of them lie */
    size_t        element_count;
    int           input_count;
    tg_leaf_part *parts;                 /* [part_count] */
    int           part_count;
    size_t        input_capacity, value_bytes, part_capacity;
} tg_leaves;

/* Finds the leaves of loss and reads their values, as the tape computes with them. A failure is told to tg_last_error; release leaves in any case. */
tg_status tg_find_leaves(tg_tensor loss, tg_leaves *leaves);
void      tg_release_leaves(tg_leaves *leaves);

#endif
