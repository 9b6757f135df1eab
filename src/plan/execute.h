/* execute.h - executing calls: the rules that hold for every executor, and the two executors. */
#ifndef TAPEGRAD_PLAN_EXECUTE_H
#define TAPEGRAD_PLAN_EXECUTE_H

#include "core/tape.h"

/* What an assignment among the nodes of an executing call writes: elements [begin, end) of a block. */
typedef struct tg_write {
    struct tg_block *block;
    int64_t          begin, end;
    uint32_t         assign;      /* the node; its value holds the elements from `from` on */
    int64_t          from;
} tg_write;

typedef struct tg_writes {
    tg_write *at;
    size_t    count, capacity;
} tg_writes;

/* ---- rules.c: what is needed, what must hold, what is written. Failures are on the tape ---- */

/* needed[id]: the ancestors of the tensors and of what is kept (NULL: nothing). */
void tg_mark_needed(const tg_tape *tape, const tg_tensor tensors[], int count, const tg_ids *kept, uint8_t *needed);

/* The writes of the assignments among the needed nodes, by block and place; two that meet are TG_WRITTEN_TWICE. */
tg_status tg_collect_writes(tg_tape *tape, const uint8_t *needed, tg_writes *writes);

/* A block's node must stand for the present version; an input must not lie in a block of the step. */
tg_status tg_check_version(tg_tape *tape, uint32_t id, const tg_leaf *leaf);
tg_status tg_check_input(tg_tape *tape, uint32_t id, const tg_leaf *leaf);
tg_status tg_check_outside(tg_tape *tape, uint32_t id, const tg_leaf *input, const void *memory, size_t bytes);

/* The limit for the integer operands of node id; INT64_MAX: none. */
tg_status tg_limit_of(tg_tape *tape, uint32_t id, int64_t *limit);
tg_status tg_check_labels(tg_tape *tape, uint32_t id, const int32_t *labels, tg_shape shape, int64_t limit);

/* value: of node id, of that type */
tg_status tg_check_finite(tg_tape *tape, uint32_t id, const void *value, tg_type type);

/* The same without a tape: TG_OK, or what is wrong with the value or the labels of node id, as a sentence. */
tg_status tg_describe_labels(char sentence[TG_SENTENCE], uint32_t id, const char *op, const int32_t *labels, tg_shape shape, int64_t limit);
tg_status tg_describe_finite(char sentence[TG_SENTENCE], uint32_t id, const char *op, const char *name, const void *value, tg_shape shape,
                             tg_type type);
bool      tg_overlap(const void *a, size_t a_bytes, const void *b, size_t b_bytes);
size_t    tg_input_bytes(const tg_leaf *leaf, tg_shape shape);

/* execute.c: tensors that an executing call may be given */
tg_status tg_check_run(const tg_tensor tensors[], int count, const char *caller);
/* What an op expands to, recorded from node `first` on, is made of its operands and of constants; id: the node of the step. */
tg_status tg_check_expansion(tg_tape *expansion, size_t first, const tg_op *op, uint32_t id);

/* ---- call.c: the call of a kernel ---- */

/* Dense rows; in an elementwise op a dimension that is repeated does not advance. */
tg_operand tg_operand_of(const void *data, tg_shape shape, bool elementwise, tg_shape output);

/* Whether the op has a kernel for runs of that type; in double only: it runs on converted values. */
bool tg_has_kernel(const tg_op *op, tg_type type);

/* Runs an op that has a kernel in double only on operands in float: on copies in room, tg_converted_room(call) elements; inputs: [input_count]. */
int64_t tg_converted_room(const tg_call *call);
void    tg_run_converted(const tg_op *op, const tg_call *call, tg_operand *inputs, double *room);

/* Copies count elements, converting between float and double. */
void tg_convert(void *to, tg_type to_type, const void *from, tg_type from_type, int64_t count);

/* ---- the executors ---- */

/* Gives a new tape its executor. TG_OUT_OF_MEMORY, told by the caller. */
tg_status tg_set_eager(tg_tape *tape);

#endif
