/* program.h - a random program as plain data: it can be replayed on any tape, shrunk, and printed. */
#ifndef TAPEGRAD_TESTS_RANDOM_PROGRAM_H
#define TAPEGRAD_TESTS_RANDOM_PROGRAM_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tapegrad/tapegrad.h>

enum { MOST_NODES = 96, MOST_OPERANDS = TG_EXAMPLE_OPERANDS, ATTRIBUTE_WORDS = 16, MOST_VARIABLES = 5, MOST_WANTED = 4 };

/* ---- the program ---- */

typedef enum node_kind { OP, INPUT, INTEGERS, SCALAR, CONSTANT, VARIABLE, BLOCK, ASSIGN } node_kind;

/* Operands come before their users. Numbers of leaves are drawn by seed, from lo to hi, away from what avoid has as kinks. */
typedef struct node {
    node_kind    kind;
    const tg_op *op;                            /* OP */
    int          count, operands[MOST_OPERANDS];
    double       attributes[ATTRIBUTE_WORDS];   /* OP; the number of a CONSTANT */
    tg_shape     shape;                         /* as inferred when it was recorded last */
    uint64_t     seed;
    double       lo, hi;
    const tg_op *avoid;
    int          variable;                      /* VARIABLE; of BLOCK one of its group */
    bool         is_float;                      /* INPUT: data given as float */
    bool         output, kept, finite;          /* an argument of the executing call, marked by tg_keep, by tg_require_finite */
} node;

typedef struct variable {
    int64_t rows, cols;
    bool    frozen, other_group;
} variable;

typedef enum update { NO_UPDATE, UPDATE_VARIABLES, UPDATE_BLOCKS } update;

typedef struct program {
    uint64_t seed;
    tg_type  type, stored;                      /* of the runs, of the variables */
    uint64_t step;
    int      node_count;
    node     nodes[MOST_NODES];
    int      variable_count;
    variable variables[MOST_VARIABLES];
    int      wanted_count, wanted[MOST_WANTED]; /* nodes by which the loss is differentiated; 0: there is no loss */
    update   update;                            /* by the gradient, of what is not assigned to otherwise */
} program;

/* ---- chance ---- */

typedef struct chance { uint64_t state; } chance;

uint32_t draw_bits(chance *c);
int      draw_below(chance *c, int n);
double   draw_between(chance *c, double lo, double hi);
bool     draw_one_in(chance *c, int n);
int64_t  elements_of(tg_shape shape);

/* The next program of that seed. */
void make_program(program *p, uint64_t seed);

/* ---- replaying it ---- */

/* The data of a program: what its inputs point to, and its variables. */
typedef struct world {
    double      *values[MOST_NODES];
    float       *floats[MOST_NODES];
    int32_t     *integers[MOST_NODES];
    double      *initial[MOST_VARIABLES];
    tg_params   *params;
    tg_variable *variables[MOST_VARIABLES];
} world;

void open_world(world *w, const program *p);
void add_variable(world *w, const program *p, int index);
void fill_leaf(world *w, const node *n, int index);
void empty_leaf(world *w, int index);
void reset_variables(world *w, const program *p);      /* to what they were at first */
void close_world(world *w);

/* How a program is recorded. What is given instead of a node is its value: so that differences do not see through stops. */
typedef struct manner {
    const double *const *instead;     /* [node_count]; NULL: of no node. An element NULL: not of this one */
    bool                 plain;       /* assignments are what they assign, and inputs are double */
    bool                 no_loss;
    chance              *shake;       /* values are scaled by a few roundings: how much a rounding matters; NULL: not */
} manner;

typedef struct recording {
    tg_tensor at[MOST_NODES];
    tg_tensor loss, gradients[MOST_WANTED];
    tg_tensor arguments[MOST_NODES + MOST_WANTED + MOST_VARIABLES + 2];
    int       argument_count;
    tg_tensor reads[2 * MOST_NODES + MOST_WANTED + 2];
    int       read_count;
} recording;

tg_tensor record_node(const program *p, const world *w, int index, tg_tape *tape, const tg_tensor at[], const manner *m);
tg_status record_program(const program *p, const world *w, tg_tape *tape, const manner *m, recording *r);
bool      is_assigned_block(const program *p, int index);
bool      is_written(const program *p, int variable_index);          /* by a node; updates leave it alone then */
bool      is_updated(const program *p, int variable_index);          /* by the gradient, it or first the block that it begins */
bool      has_rule(const tg_op *op);
int       find_block(const program *p, int variable_index);          /* the node; -1: none */

/* Begins a step, records, infers the shapes anew; what an eager tape holds goes to held, if that is not NULL. */
tg_status infer(program *p, const world *w, tg_tape *tape, recording *r);

/* ---- results: a status, the numbers read, the variables ---- */

typedef struct result {
    tg_status status;
    double   *at;
    size_t    count, capacity;
    char      sentence[200];
} result;

void   add_result(result *r, const double *numbers, int64_t count);
void   add_variables(result *r, const program *p, const world *w);
void   run_program(const program *p, world *w, tg_tape *tape, const manner *m, result *r);
size_t first_difference(const result *a, const result *b, double tolerance);      /* SIZE_MAX: nowhere */
void   release_result(result *r);

/* ---- checks ---- */

typedef struct failure {
    const char *check;          /* which one; a literal */
    const char *passes;         /* of the plan that differs; NULL: not a matter of passes */
    char        text[600];
} failure;

typedef struct tally {
    long programs, nodes, not_finite, elements, kinks, excused, hessians, hits, misses, gradients;
    long ops[512];              /* how often each op of the registry occurs */
} tally;

/* Whether all holds; else f says what does not. counts may be NULL. */
bool check_program(program *p, failure *f, tally *counts);
bool check_derivatives(program *p, failure *f, tally *counts);
bool check_cache(program *p, failure *f, tally *counts);
bool refute(failure *f, const char *check, const char *passes, const char *format, ...) TG_FORMAT(4, 5);

/* The first of count programs that fails, in p, as it was made; its seed, or -1: none does. */
long find_failing(uint64_t first, long count, tally *counts, program *p, failure *f);

/* ---- what is done with one that fails ---- */

/* Makes p as small as it gets while the same check fails. Returns the number of programs tried. */
int  shrink_program(program *p, failure *f);
int  op_nodes_of(const program *p);
void print_program(const program *p, const failure *f, FILE *out);      /* as C */
void list_program(const program *p, FILE *out);                         /* as tg_explain has it */
void report_failure(program *p, failure *f, FILE *out);                 /* shrunk, in both ways */

#endif
