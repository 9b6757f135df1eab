/* compile.h - from a recorded step to instructions: what the passes share.
 *
 * A graph is a tape that computes nothing: nodes in an order in which operands come first. The first passes rewrite it; the later ones put its nodes
 * into groups, each of which becomes an instruction, say where each value lies, and in which order the groups run. */
#ifndef TAPEGRAD_PLAN_COMPILE_H
#define TAPEGRAD_PLAN_COMPILE_H

#include "core/block.h"
#include "plan/instructions.h"

/* ---- what is asked ---- */

/* The switches, in the order in which the passes run; behind them one for each row of the table of fusions (patterns.h). */
#define TG_PASSES(X) X(simplify) X(consing) X(dead) X(patterns) X(distribute) X(strips) X(accumulate) X(place) X(donors) X(memory)
#define TG_PASS_NUMBER(name) TG_PASS_##name,
typedef enum tg_pass { TG_PASSES(TG_PASS_NUMBER) TG_PASS_COUNT } tg_pass;

typedef struct tg_compile_options {
    tg_type  type;
    uint64_t passes;        /* bit p: pass p is on */
    bool     without_kept, without_checks, without_writes;      /* of the step: what is kept, what must be finite, what is assigned do not count */
    const uint32_t *bound;  /* [bound_count] leaves, blocks too, that become inputs of the run's type */
    size_t   bound_count;
    FILE    *listing;       /* gets the graph before and after each pass; NULL: none */
} tg_compile_options;

/* ---- what must come out ---- */

typedef enum tg_outcome_kind { TG_READ, TG_FINITE, TG_WRITE } tg_outcome_kind;

typedef struct tg_outcome {
    tg_outcome_kind kind;
    uint32_t        node;       /* of the tape: argument or kept; required to be finite; assign */
    uint32_t        value;      /* of the graph */
    tg_write        write;      /* TG_WRITE: and the leaf of the graph that stands for the block */
    uint32_t        target;
    bool            placed;     /* the value is computed in the variable */
} tg_outcome;

/* ---- groups ---- */

typedef enum tg_group_kind {
    TG_GROUP_CALL,
    TG_GROUP_STRIP,
    TG_GROUP_PRODUCT,
    TG_GROUP_CONCAT,
    TG_GROUP_LABELS,
    TG_GROUP_FINITE,
    TG_GROUP_WRITE
} tg_group_kind;

typedef struct tg_group {
    tg_group_kind kind;
    uint32_t      first, last, count;     /* nodes of the graph, ascending, chained by compiler.next */
    uint32_t      position;               /* among groups that could run now the smallest runs first */
    uint32_t      outcome;                /* finite, write: which */
    uint32_t      operand;                /* labels: which of the operands of `first` */
    uint32_t      begin, end;             /* times of its steps, once it is scheduled */
} tg_group;

#define TG_NO_GROUP UINT32_MAX

/* Group `from` runs before group `to`; chained by next from compiler.first_edge[from]. 0 ends the chain. */
typedef struct tg_edge { uint32_t to, next; } tg_edge;

/* Elements [begin, end) of the block that is leaf `leaf` of the graph, read by node `node` as operand `operand`, at their old value. */
typedef struct tg_reader {
    uint32_t leaf, node, operand;
    int64_t  begin, end, latest_end;      /* latest: of this one and of those before it in the list */
} tg_reader;

/* ---- the compiler ---- */

typedef struct tg_room tg_room;

typedef struct tg_compiler {
    tg_tape                  *tape;       /* whose step it is; keeps failures */
    const tg_compile_options *options;
    tg_tape                  *graph;
    tg_outcome               *outcomes;
    size_t                    outcome_count, outcome_capacity;
    uint32_t                 *map;        /* of a rewriting: by node of the old graph, the node of the new one */
    size_t                    map_capacity;
    tg_room                  *rooms;      /* memory that ends with the compilation */

    uint32_t                 *reader_counts;      /* of the graph that is rewritten, for patterns and distribute */

    /* by node of the finished graph */
    uint32_t *group_of, *next;            /* TG_NO_GROUP: leaves and views */
    uint32_t *parent;                     /* the value in whose memory it lies: what it views, or where it is placed; itself: its own memory */
    int64_t  *shift;                      /* and where in it, in elements */
    uint32_t *ended, *next_ended;         /* by time, and by node: the values whose memory falls free then */
    size_t   *ended_bytes;                /* by node */
    tg_place *places;                     /* of the values that have memory of their own, and of leaves */
    bool     *is_register;                /* a value that only its strip needs, a block of it */

    tg_group *groups;
    size_t    group_count, group_capacity;
    tg_edge   *edges;                     /* [0] is not used */
    size_t     edge_count, edge_capacity;
    uint32_t  *first_edge;                /* by group */
    tg_reader *readers;                   /* by leaf and begin */
    size_t     reader_count;
    uint32_t  *checks;                    /* groups of values that must be finite */
    size_t     check_count;
    uint32_t  *search_stack, *search_seen;      /* edges.c */
    uint32_t   search_stamp;
    uint32_t  *order;                     /* [group_count] the schedule */
    tg_plan_code *code;
} tg_compiler;

/* Zeroed memory until the end of the compilation; NULL and a failure on the tape if there is none. */
void *tg_compiler_room(tg_compiler *c, size_t count, size_t bytes);

static inline bool tg_pass_is_on(const tg_compiler *c, tg_pass pass) { return (c->options->passes >> pass & 1) != 0; }

static inline int64_t tg_elements(tg_shape shape) { return shape.rows * shape.cols; }

/* The value in whose memory node id lies, and where. */
typedef struct tg_root { uint32_t node; int64_t offset; } tg_root;
tg_root tg_root_of(const tg_compiler *c, uint32_t id);

/* The group that computes what id is, or is a view of; TG_NO_GROUP: a leaf. */
uint32_t tg_producer(const tg_compiler *c, uint32_t id);

/* By node of the graph: how many operands and outcomes it is. NULL: out of memory. */
uint32_t *tg_count_readers(tg_compiler *c);

/* How a strip is cut: flat, in elements, where all operands have its shape or are one number; else in rows. */
typedef struct tg_cut {
    bool    flat;
    int64_t block, blocks, last;      /* elements or rows */
} tg_cut;

tg_cut tg_cut_of(const tg_compiler *c, const tg_group *strip);

/* ---- edges.c: what must run before what ---- */

tg_status tg_add_edge(tg_compiler *c, uint32_t from, uint32_t to);
tg_status tg_add_data_edges(tg_compiler *c);
tg_status tg_list_readers(tg_compiler *c);

/* Whether a check needs, by whatever way, what group g computes. */
bool tg_precedes_check(tg_compiler *c, uint32_t g);

/* Whether group g may write the elements [begin, end) of the block behind leaf, whose old value others read: adds the edges that put it behind them,
 * or none if that would be a cycle. For each reader in g itself the answer of `allows` counts. */
typedef bool (*tg_allows_fn)(const tg_compiler *c, const tg_reader *reader, uint32_t written);
bool tg_put_behind_readers(tg_compiler *c, uint32_t g, uint32_t leaf, int64_t begin, int64_t end, tg_allows_fn allows, uint32_t written);

/* ---- rewriting a graph ---- */

/* Gives the node of the new graph for node id of the old one, whose operands are there already: inputs [input_count]; 0: failed. */
typedef uint32_t (*tg_rewrite_fn)(tg_compiler *c, tg_tape *to, uint32_t id, const uint32_t inputs[]);

/* live: only nodes that outcomes need */
tg_status tg_rewrite(tg_compiler *c, tg_rewrite_fn rewrite, bool live);
/* What rewriting is made of: a new graph, and its taking the place of the old one, once c->map says which node has become which. */
tg_tape  *tg_new_graph(tg_compiler *c);
void      tg_adopt_graph(tg_compiler *c, tg_tape *graph);
uint32_t  tg_copy_node(tg_compiler *c, tg_tape *to, uint32_t id, const uint32_t inputs[]);

/* Outcomes that are leaves, or views of them, as copies: for what lowers or simplifies to one. Failures are on the tape. */
tg_status tg_copy_leaves(tg_compiler *c);

/* The number of a leaf of the graph in code->leaves. */
uint32_t tg_leaf_number(const tg_compiler *c, uint32_t id);

/* ---- the passes, each in the file of its name (patterns: match.c) ---- */

tg_status tg_lower(tg_compiler *c, const uint8_t *needed);
tg_status tg_copy_leaves(tg_compiler *c);      /* behind every pass that may make a value a leaf */
tg_status tg_simplify(tg_compiler *c);
tg_status tg_cons(tg_compiler *c);
tg_status tg_remove_dead(tg_compiler *c);
tg_status tg_match_patterns(tg_compiler *c);
tg_status tg_distribute(tg_compiler *c);
tg_status tg_make_groups(tg_compiler *c);
tg_status tg_place_values(tg_compiler *c);
tg_status tg_schedule(tg_compiler *c);
tg_status tg_lay_out_memory(tg_compiler *c);
tg_status tg_emit(tg_compiler *c);

/* Compiles what an executing call asks for. Failures are on the tape. */
tg_status tg_compile(tg_tape *tape, const tg_tensor tensors[], int count, const tg_compile_options *options, tg_plan_code *code);

/* listing.c */
void tg_list_graph(const tg_compiler *c, const char *title);
void tg_list_groups(const tg_compiler *c, const char *title);
void tg_list_code(const tg_compiler *c, const char *title);

#endif
