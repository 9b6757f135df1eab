/* maker.h - a program while it is made: it is computed as it grows, so that values are known when operands are chosen. */
#ifndef TAPEGRAD_TESTS_RANDOM_MAKER_H
#define TAPEGRAD_TESTS_RANDOM_MAKER_H

#include "random/program.h"

typedef struct maker {
    program  *p;
    world     w;
    chance    c;
    tg_tape  *tape;                                  /* eager, in f64 */
    tg_tensor at[MOST_NODES];
    double    least[MOST_NODES], most[MOST_NODES];   /* of the values */
    bool      finite[MOST_NODES], used[MOST_NODES];
    int64_t   rows, cols;                            /* usual ones of this program */
    int       goal;                                  /* nodes */
} maker;

/* Adds a node and computes it. -1: it is refused, or there is no room; the program is as before. */
int add_node(maker *m, const node *n);
int add_op(maker *m, const char *name, const int operands[], int count, const void *attributes, size_t bytes);
int add_leaf(maker *m, tg_shape shape, double lo, double hi, const tg_op *avoid);
int add_integers(maker *m, tg_shape shape, int lo, int hi);

/* A node of that shape with values from lo to hi: one that there is, cut or stretched if need be, or a new leaf. -1: none */
int find_operand(maker *m, tg_shape shape, double lo, double hi, const tg_op *op);
int node_of_variable(maker *m, int index);
int find_integers(maker *m, tg_shape shape, int lo, int hi);

#endif
