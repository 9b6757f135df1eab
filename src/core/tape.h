/* tape.h - the tape from inside: nodes, leaves, sections, and what an executor hangs on them. */
#ifndef TAPEGRAD_CORE_TAPE_H
#define TAPEGRAD_CORE_TAPE_H

#include <tapegrad/op.h>
#include <tapegrad/grad.h>
#include <tapegrad/variable.h>
#include "core/util.h"

enum { TG_INLINE_INPUTS = 4, TG_SENTENCE = 512, TG_LARGEST_TAPE = 1 << 30 };

enum tg_node_marks {
    TG_MARK_INTEGER  = 1 << 0,
    TG_MARK_FINITE   = 1 << 1,      /* tg_require_finite: in tape->finite */
    TG_MARK_KEPT     = 1 << 2,      /* tg_keep, until the next executing call: in tape->kept */
    TG_MARK_READABLE = 1 << 3,      /* argument of, or kept for, the last executing call: in tape->readable */
    TG_MARK_ITEM     = 1 << 4,      /* 1 x 1 and readable until tg_begin: in tape->items */
    TG_MARK_LEAF     = 1 << 5       /* inputs[0] is its index in tape->leaves */
};

/* One application of an op, or a leaf: one cache line. Node 0 is not used. */
typedef struct tg_record {
    const tg_op *op;
    uint32_t     inputs[TG_INLINE_INPUTS];      /* more than four: inputs[0] is where they begin in tape->operands; a leaf: its index in leaves */
    uint32_t     input_count;
    uint32_t     attributes;                    /* where they begin in tape->attributes, in units of 8 bytes */
    int64_t      rows, cols;
    uint32_t     origin;                        /* recorded by a derivative rule: the forward node */
    int16_t      origin_argument;
    uint16_t     marks;
    uint32_t     scope, name;                   /* indices in tape->names; 0: "" */
} tg_record;

/* Numbers of nodes. */
typedef struct tg_ids {
    uint32_t *at;
    size_t    count, capacity;
} tg_ids;

/* The value of a node [1, 1] that has run. */
typedef struct tg_item_record {
    uint32_t id;
    double   value;
} tg_item_record;

typedef enum tg_leaf_kind { TG_LEAF_F32, TG_LEAF_F64, TG_LEAF_I32, TG_LEAF_SCALAR, TG_LEAF_CONSTANT, TG_LEAF_BLOCK } tg_leaf_kind;

typedef struct tg_leaf {
    tg_leaf_kind     kind;
    const void      *data;        /* the caller's, borrowed */
    double           number;      /* constants */
    struct tg_block *block;       /* blocks: their number among all blocks, and the version that this node stands for */
    uint64_t         serial;
    uint64_t         version;
    uint32_t         frozen;      /* blocks: which slices are frozen, see tg_block */
} tg_leaf;

/* What one walk recorded, behind its header node. */
typedef struct tg_section {
    uint32_t    header;                               /* its node number; it ends where `behind` begins */
    uint32_t    results, result_count;                /* in tape->section_nodes */
    uint32_t    finite_count;                         /* nodes that the rules want to be finite, behind the results */
    uint32_t    messages, message_count;              /* in tape->messages */
    tg_position behind;
} tg_section;

typedef struct tg_message_record {
    uint32_t from, to, upstream, message, before, after;      /* node numbers; 0: none */
    int32_t  argument, k, n;
} tg_message_record;

/* How a tape computes: by eager.c or by planned.c of the room plan. */
typedef struct tg_execution {
    tg_status   (*recorded)(tg_tape *tape, uint32_t id);                          /* told of each new node; NULL: nothing to do */
    tg_status   (*run)(tg_tape *tape, const tg_tensor tensors[], int count);      /* checked arguments; what is kept stands in tape->kept */
    const void *(*value)(const tg_tape *tape, uint32_t id);                       /* of the tape's type, or int32_t; NULL: memory does not hold it */
    tg_status   (*look)(tg_tape *tape, const tg_tensor tensors[], int count, double *const out[]);      /* tg_look; NULL: all is held */
    void        (*release)(tg_tape *tape);
} tg_execution;

typedef struct tg_name_entry tg_name_entry;      /* names.c */
typedef struct tg_use_slot   tg_use_slot;        /* uses.c */

/* Where a block, or a variable, stands in a step: one node for each version. */
typedef struct tg_node_of_use {
    const void *object;
    uint32_t    id, step;
    uint64_t    version;
} tg_node_of_use;

typedef enum tg_event_kind { TG_EVENT_SCOPE, TG_EVENT_NAME, TG_EVENT_VARIABLE } tg_event_kind;

/* A scope or a name that a step gave, in the order of the calls: the next step, giving the same, need not look it up. */
typedef struct tg_name_event {
    tg_event_kind kind;
    uint32_t      scope, index;      /* within which scope; the text that it became */
    uint32_t      offset, length;    /* of what was given, in that text */
} tg_name_event;

enum { TG_LOAN_CLASSES = 40 };

struct tg_tape {
    tg_record *nodes;                 /* [length]; nodes[0] is not used */
    size_t     length, capacity;
    size_t     known, known_sections; /* nodes length ... known - 1 are those of the last step: while this step agrees, they stand as they are */
    bool       changed;               /* since the executor last cleared this: a node has taken the place of another, or followed the last one */
    bool       differs;               /* a node of this step has differed: the first one, and what stood there before; NULL: nothing did */
    uint32_t     differs_at;
    const tg_op *known_op;
    tg_shape     known_shape;
    uint32_t  *operands;
    size_t     operand_count, operand_capacity;
    uint64_t  *attributes;
    size_t     attribute_count, attribute_capacity;
    tg_leaf   *leaves;
    size_t     leaf_count, leaf_capacity;

    tg_section        *sections;
    size_t             section_count, section_capacity;
    uint32_t          *section_nodes;
    size_t             section_node_count, section_node_capacity;
    tg_message_record *messages;
    size_t             message_count, message_capacity;

    tg_name_entry **names;            /* [name_count] by index; [0] is "" */
    size_t          name_count, name_capacity;
    tg_name_entry  *name_table;
    tg_name_event  *events;           /* [event_count] of this step; those up to known_events of the last one */
    size_t          event_count, known_events, event_capacity;
    uint32_t       *scopes;           /* the stack; scope is its top */
    size_t          scope_count, scope_capacity;
    uint32_t        scope;
    tg_use_slot    *use_table;
    tg_node_of_use **uses;            /* [use_count] what was used, in the order of the calls, and in the last step */
    size_t          use_count, known_uses, use_capacity;

    uint32_t origin;                  /* while a derivative rule records: its node */
    uint32_t handle_step;             /* in every tensor of this step */
    uint64_t step;                    /* the step number of random draws */
    uint32_t draws;                   /* random ops in this step */
    bool     training, executed;
    bool     is_internal;             /* the library's own: draws are refused, and whoever made it tells of its failures */
    tg_ids   kept, finite, readable;
    tg_item_record *items;
    size_t          item_count, item_capacity;

    tg_type  type;
    bool     keep_denormals;
    uint64_t seed;

    tg_status status;                 /* the first failure of this step */
    char      sentence[TG_SENTENCE];

    struct tg_loan     *loans[TG_LOAN_CLASSES];      /* by size: memory that came back */
    const tg_execution *execution;    /* NULL: it records only */
    void               *executor;
};

/* ---- loans.c: memory for a while, which the tape keeps for the next time. Zeroed, on 64 bytes; NULL: there is none. bytes as when borrowed ---- */

void *tg_borrow(tg_tape *tape, size_t bytes);
void  tg_give_back(tg_tape *tape, void *memory, size_t bytes);
bool  tg_borrow_more(tg_tape *tape, void **array, size_t *capacity, size_t needed, size_t element_bytes);      /* as tg_grow */
void  tg_loans_release(tg_tape *tape);

/* ---- tape.c ---- */

tg_tape *tg_tape_create(const tg_tape_options *options);

static inline tg_record *tg_record_of(const tg_tape *tape, uint32_t id) { return &tape->nodes[id]; }

static inline const uint32_t *tg_inputs_of(const tg_tape *tape, uint32_t id) {
    const tg_record *node = &tape->nodes[id];
    return node->input_count <= TG_INLINE_INPUTS ? node->inputs : &tape->operands[node->inputs[0]];
}

static inline const void *tg_attributes_of(const tg_tape *tape, uint32_t id) { return &tape->attributes[tape->nodes[id].attributes]; }

tg_shape  tg_shape_at(const tg_tape *tape, uint32_t id);
tg_leaf  *tg_leaf_of(const tg_tape *tape, uint32_t id);      /* NULL: not a leaf */
tg_tensor tg_handle(tg_tape *tape, uint32_t id);             /* 0: the failed tensor */

/* Keeps the first failure of the step, told to the error hook. Returns status. */
tg_status tg_fail(tg_tape *tape, tg_status status, const char *format, ...) TG_FORMAT(3, 4);

/* TG_OK if tensor is a node of this step; otherwise what is wrong, on its tape (or on the thread's last error if it has none). */
tg_status tg_check_tensor(tg_tensor tensor, const char *caller);

/* The same for an operand of a call that has tape already: what is wrong stands on that one, so that its executing call returns it. */
tg_status tg_check_operand(tg_tape *tape, tg_tensor operand, const char *caller);

/* Records a leaf or, with inputs, a node whose shape is known already. */
tg_tensor tg_record_leaf(tg_tape *tape, const tg_op *op, tg_shape shape, const tg_leaf *leaf, const void *attributes);
tg_tensor tg_record_node(tg_tape *tape, const tg_op *op, const uint32_t inputs[], int count, const void *attributes, tg_shape shape);

/* Goes to a position that the tape had: back, which takes away what was recorded since, or on, over known nodes. */
void tg_go_to(tg_tape *tape, tg_position position);

/* Whether the next node of this step is the one that the last step had there: same op, operands, attributes and scope. */
bool tg_is_known(const tg_tape *tape, const tg_op *op, const uint32_t inputs[], int count, const void *attributes);

/* Lists that live until the next step, or executing call. false: out of memory, told on the tape. */
bool tg_list_id(tg_tape *tape, tg_ids *list, uint32_t id, unsigned mark);
void tg_clear_ids(tg_tape *tape, tg_ids *list, unsigned mark);

/* ---- shape.c ---- */

tg_status tg_broadcast_shape(const tg_shape inputs[], int count, const void *attributes, tg_shape *output, const char **why);
/* Sizes whose product is no int64_t cannot be addressed. */
bool      tg_is_countable(tg_shape shape);
/* "[32,128]", in buffer */
#define TG_SHAPE_TEXT 64
const char *tg_shape_text(tg_shape shape, char buffer[TG_SHAPE_TEXT]);

/* ---- names.c ---- */

const char *tg_name_text(const tg_tape *tape, uint32_t index);
/* The name that the node was given in this step; "" if none. */
const char *tg_name_of(const tg_tape *tape, uint32_t id);
/* Index of the interned text; 0 and a failure on the tape if memory runs out. */
uint32_t    tg_intern(tg_tape *tape, const char *text);
/* Gives the node of a variable its name, whatever the scope. After a write the node that stands for the new value is the one found. */
void        tg_name_use(tg_tape *tape, uint32_t id, const char *full_name);
void        tg_names_begin(tg_tape *tape);
void        tg_names_release(tg_tape *tape);

/* ---- uses.c ---- */

/* The entry of a block or variable, empty at first. While a step uses what the last one used, in that order, nothing is looked up. NULL: out of
 * memory. */
tg_node_of_use *tg_use_of(tg_tape *tape, const void *object);

void tg_uses_begin(tg_tape *tape);
void tg_uses_release(tg_tape *tape);

/* ---- random.c: Philox4x32-10, Salmon et al. 2011 ---- */

void tg_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* Ops of leaves and of the walk's header: they have a name and nothing else. */
extern const tg_op tg_input_op, tg_labels_op, tg_scalar_input_op, tg_constant_op, tg_block_op, tg_gradients_op;

#endif
