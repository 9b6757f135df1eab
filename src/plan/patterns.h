/* patterns.h - the table of fusions: each row with its pattern, read into a list of ops. */
#ifndef TAPEGRAD_PLAN_PATTERNS_H
#define TAPEGRAD_PLAN_PATTERNS_H

#include <tapegrad/op.h>

enum { TG_PATTERN_NAME = 64, TG_PATTERN_OPS = 24, TG_PATTERN_OPERANDS = 4, TG_PATTERN_INPUTS = 16 };

/* Where an operand comes from: an input of the pattern, or an op of it. */
typedef struct tg_pattern_operand {
    bool is_input;
    int  index;
} tg_pattern_operand;

typedef struct tg_pattern_op {
    const tg_op       *op;
    tg_pattern_operand operands[TG_PATTERN_OPERANDS];
    int                operand_count;
    int                written;       /* its place in the order in which the ops are written */
    bool               is_result;     /* read from outside: the root, or a step of a loop */
} tg_pattern_op;

typedef struct tg_pattern {
    char          name[TG_PATTERN_NAME];
    tg_fusion     fusion;
    tg_pattern_op ops[TG_PATTERN_OPS];      /* operands before users */
    int           op_count, input_count, result_count;
    int           attribute_words[TG_PATTERN_OPS];      /* where the attributes of an op begin, behind those of the ops written before it */
} tg_pattern;

/* Rows are never taken away, and do not move: the number of rows says which table it was. */
size_t            tg_pattern_count(void);
const tg_pattern *tg_pattern_at(size_t index);

static inline bool tg_pattern_is_loop(const tg_pattern *pattern) { return pattern->fusion.op == NULL; }

/* pattern_text.c: reads the text of pattern->fusion. What is wrong is told for tg_last_error. */
tg_status tg_pattern_parse(tg_pattern *pattern);

#endif
