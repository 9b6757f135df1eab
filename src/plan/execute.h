/* execute.h - instructions, and the executor that runs each node when it is recorded. */
#ifndef TAPEGRAD_PLAN_EXECUTE_H
#define TAPEGRAD_PLAN_EXECUTE_H

#include "core/tape.h"

/* The value of a node: rows * cols elements of the tape's type, or int32_t. */
typedef struct tg_value {
    void  *data;
    size_t capacity;      /* bytes; kept from step to step */
} tg_value;

/* What an assignment among the nodes of an executing call writes: elements [begin, end) of a block. */
typedef struct tg_write {
    struct tg_block *block;
    int64_t          begin, end;
    uint32_t         assign;      /* the node; its value holds the elements from `from` on */
    int64_t          from;
} tg_write;

typedef struct tg_executor {
    tg_value *values;     /* by node */
    size_t    value_count;
    double   *converted;  /* operands and output of a kernel that exists in double only */
    size_t    converted_capacity;
    tg_tape  *expansion;  /* computes ops without a kernel, as what they expand to */
    uint8_t  *needed;     /* by node: computed by the executing call at hand */
    size_t    needed_capacity;
    tg_write *writes;
    size_t    write_count, write_capacity;
} tg_executor;

static inline tg_executor *tg_executor_of(const tg_tape *tape) { return tape->executor; }
static inline void        *tg_value_of(const tg_tape *tape, uint32_t id) { return tg_executor_of(tape)->values[id].data; }

/* emit.c: one call of a kernel for node id. Runs it on the values of the executor; TG_UNSUPPORTED: there is no kernel, only an expansion. */
tg_status tg_run_kernel(tg_tape *tape, uint32_t id, uint32_t draw);

/* eager.c */
tg_status tg_eager_record(tg_tape *tape, uint32_t id);
void      tg_eager_release(tg_tape *tape);

/* Copies count elements, converting between float and double. */
void tg_convert(void *to, tg_type to_type, const void *from, tg_type from_type, int64_t count);

#endif
