/* emit.h - what the files that make instructions share. */
#ifndef TAPEGRAD_PLAN_EMIT_H
#define TAPEGRAD_PLAN_EMIT_H

#include "plan/compile.h"

enum { TG_SUM_STATE = 64 };      /* numbers that a sum keeps from part to part */

/* A pointer of the code by its number, while the lists still grow. */
typedef enum tg_slot_kind { TG_SLOT_OPERAND, TG_SLOT_OUTPUT, TG_SLOT_FACTOR, TG_SLOT_ADDED, TG_SLOT_TO, TG_SLOT_FROM } tg_slot_kind;

typedef struct tg_slot {
    tg_slot_kind kind;
    uint32_t     number;      /* of the operand, step or instruction */
    tg_place     place;
} tg_slot;

typedef struct tg_emitter {
    tg_compiler  *c;
    tg_plan_code *code;
    tg_slot      *slots;
    size_t        slot_count, slot_capacity;
    uint32_t     *draws;      /* by node of the tape: its number among the draws of the step */
    uint32_t     *readers;    /* by node of the graph: how many it has; NULL: there are no loops to look for */
    bool          failed;     /* out of memory */
} tg_emitter;

/* ---- steps.c ---- */

/* tg_grow, but for good once it has failed. */
bool     tg_emit_grow(tg_emitter *e, void **list, size_t *capacity, size_t needed, size_t bytes);
void     tg_emit_slot(tg_emitter *e, tg_slot_kind kind, size_t number, tg_place place);
tg_place tg_emit_place(const tg_emitter *e, uint32_t id);      /* where the value of a node of the graph lies */
bool     tg_same_place(tg_place a, tg_place b);

tg_instruction *tg_emit_instruction(tg_emitter *e, tg_instruction instruction);
void            tg_emit_copy(tg_emitter *e, tg_place to, tg_type to_type, tg_place from, tg_type from_type, int64_t count, uint32_t node);
void            tg_emit_check(tg_emitter *e, tg_instruction check, uint32_t id);

/* The step of node id, with its value where that of `output` lies; cut NULL: the whole value in one call. */
void       tg_emit_step(tg_emitter *e, uint32_t id, uint32_t output, const tg_cut *cut);
tg_operand tg_emit_cut(const tg_emitter *e, uint32_t id, tg_shape output, tg_cut cut, size_t *advance);
void       tg_emit_operand(tg_emitter *e, tg_operand operand, size_t advance, uint32_t id);
uint32_t   tg_emit_attributes(tg_emitter *e, uint32_t id);

/* Steps from `first` on run once; they are gathered in one instruction. */
void tg_emit_single_steps(tg_emitter *e, size_t first);

/* ---- loop.c: where the first of these steps begin a loop of the table of fusions, that; how many steps it stands for ---- */

uint32_t tg_emit_loop(tg_emitter *e, const uint32_t steps[], uint32_t count, const tg_cut *cut);

/* ---- pointers.c: behind the last growth, what was counted becomes addresses ---- */

void tg_set_addresses(tg_emitter *e);
void tg_set_pointers(tg_emitter *e);

#endif
