/* instructions.h - a plan as it runs: a flat list of kernel calls over one arena. */
#ifndef TAPEGRAD_PLAN_INSTRUCTIONS_H
#define TAPEGRAD_PLAN_INSTRUCTIONS_H

#include "plan/execute.h"
#include "plan/patterns.h"

/* What pointers count from: the arena, the plan's own numbers (constants and scalar inputs), and behind them one base for each leaf. */
enum { TG_BASE_ARENA, TG_BASE_NUMBERS, TG_BASE_LEAVES };

typedef struct tg_place {
    uint32_t base;
    size_t   offset;      /* bytes */
} tg_place;

/* A pointer that an instruction holds, set anew when its base has moved. */
typedef struct tg_pointer {
    const void **at;
    tg_place     place;
} tg_pointer;

/* One call of a kernel, or of the loop of a fusion, whose results then follow its inputs among the operands.
 * In a strip of several blocks its pointers advance from block to block. */
typedef struct tg_step {
    const tg_op   *op;
    tg_kernel_fn   kernel;           /* NULL: the one in double, on converted values */
    const tg_pattern *loop;          /* NULL: none */
    tg_loop_fn     loop_fn;
    tg_call        call;
    tg_operand    *operands;         /* call.inputs */
    uint32_t       first_operand;    /* their place in the plan's list */
    uint32_t       first_attribute;
    const size_t  *advances;         /* [input_count] bytes from one block to the next */
    size_t         output_advance;
    uint32_t       node;             /* of the tape, for sentences and listings */
    bool           is_sum;           /* over the parts of a strip: its output does not move */
    bool           flat;             /* in a strip its block is one row of elements */
    int64_t        width;            /* elements of it that are one of the strip's units: 1, or the columns of a row */
} tg_step;

typedef enum tg_instruction_kind {
    TG_DO_STEPS,       /* one block: each step once */
    TG_DO_STRIP,       /* block by block, in each block all steps */
    TG_DO_COPY,        /* count elements, converted if the types differ */
    TG_DO_ZERO,        /* count elements */
    TG_DO_FINITE,      /* a check, behind which nothing runs if it fails */
    TG_DO_LABELS,      /* the same */
    TG_DO_POISON       /* debug builds: count bytes that are free are set to NaN, so that whoever reads them is seen */
} tg_instruction_kind;

typedef struct tg_instruction {
    tg_instruction_kind kind;
    tg_step    *steps;               /* [step_count] */
    uint32_t    first_step, step_count;
    bool        flat;                /* a strip that is cut in elements, not in rows */
    int64_t     blocks, block, last; /* a strip: number of blocks, elements or rows of each, and of the last */
    int64_t     block_elements;
    void       *to;                  /* copy, zero */
    const void *from;                /* copy, checks */
    int64_t     count;
    tg_type     to_type, from_type;
    uint32_t    node;                /* of the tape: what is copied or checked */
    const tg_op *op;                 /* checks: of that node */
    int64_t     limit;
    tg_shape    shape;
} tg_instruction;

/* A leaf of the step: where its data lay when the instructions last ran. */
typedef struct tg_plan_leaf {
    uint32_t    node;                /* of the tape */
    uint32_t    index;               /* in tape->leaves */
    tg_leaf     leaf;                /* as the instructions know it */
    tg_shape    shape;
    size_t      number;              /* scalar inputs: bytes in the plan's numbers, and one; 0: nothing reads it */
    uint32_t    first_pointer, pointer_count;
} tg_plan_leaf;

typedef struct tg_readable {
    uint32_t node;
    tg_place place;
} tg_readable;

typedef struct tg_plan_code {
    tg_type           type;
    bool              keep_denormals;
    size_t            arena_bytes;
    tg_instruction   *instructions;
    size_t            instruction_count, instruction_capacity;
    tg_step          *steps;
    size_t            step_count, step_capacity;
    tg_operand       *operands;
    size_t           *advances;
    size_t            operand_count, operand_capacity, advance_capacity;
    uint64_t         *attributes;    /* copies, so that the plan stands alone */
    size_t            attribute_count, attribute_capacity;
    char             *numbers;
    size_t            number_bytes;
    tg_plan_leaf     *leaves;
    size_t            leaf_count, leaf_capacity;
    tg_pointer       *pointers;      /* by base */
    size_t            pointer_count, pointer_capacity;
    size_t            arena_pointers;                 /* the first ones */
    tg_readable      *readable;
    size_t            readable_count, readable_capacity;
    struct tg_block **written;       /* blocks whose version rises */
    size_t            written_count, written_capacity;
    double           *states;        /* of sums that are called part by part: 64 each */
    size_t            state_count;
    double           *converted;     /* room for kernels in double */
    size_t            converted_count;
    tg_operand       *converted_operands;
    size_t            converted_operand_count;
    bool              has_draws;
    uint32_t          node_count;    /* of the graph, before lowering */
    uint32_t          other_count;   /* instructions that are no kernel calls */
    const void       *arena;         /* to which the pointers are set; NULL: not yet */
    size_t            arena_size;    /* that of the tape, when inputs were last found to lie outside */
} tg_plan_code;

void tg_code_release(tg_plan_code *code);

/* Sets the pointers into the arena, and those to leaf i. */
void tg_code_bind_arena(tg_plan_code *code, void *arena);
void tg_code_bind_leaf(tg_plan_code *code, size_t i, const void *data);

/* Runs everything; NULL, or the check that failed. Draws are keyed by seed and step. */
const tg_instruction *tg_code_run(tg_plan_code *code, uint64_t seed, uint64_t step);

const void *tg_code_place(const tg_plan_code *code, tg_place place);

/* NULL: the code does not give that node's value. */
const void *tg_code_value(const tg_plan_code *code, uint32_t node);

#endif
