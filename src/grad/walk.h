/* walk.h - the state of one reverse walk, shared by the walk and what joins the cotangents of views. */
#ifndef TAPEGRAD_GRAD_WALK_H
#define TAPEGRAD_GRAD_WALK_H

#include "core/tape.h"

/* The cotangent of one view, waiting for the walk to reach what is viewed. */
typedef struct tg_part {
    uint32_t viewed, cotangent;
    int64_t  offset, count;
    uint32_t message;            /* by which it came, in tape->messages */
    uint32_t next;               /* part of the same viewed node that came before; 0: none */
} tg_part;

typedef struct tg_walk {
    tg_tape  *tape;
    uint32_t *cotangent;         /* [capacity] by node: 0 is a symbolic zero */
    uint8_t  *leads;             /* [capacity] by node: it leads to a wanted tensor */
    uint32_t *last_part;         /* [capacity] by node: its latest part, by index in parts */
    size_t    cotangent_capacity, leads_capacity, last_part_capacity;
    tg_part  *parts;             /* [part_count]; [0] is not used */
    size_t    part_count, part_capacity;
} tg_walk;

/* TG_DISCONNECTED, naming it, if no path of operands leads from y to one of xs, or to a slice of one that is a block of parameters (frozen ones
 * apart). */
tg_status tg_check_reached(tg_tape *tape, uint32_t y, const tg_tensor xs[], int count);

/* Records the sum of the parts of a viewed node, as [1, n]: slices that overlap are cut where they begin and end. */
tg_tensor tg_join_parts(tg_walk *walk, uint32_t viewed);

/* g [1, n] with zeros outside the live ranges of the block of node id; g itself if all is live. */
tg_tensor tg_mask_frozen(tg_tape *tape, uint32_t id, tg_tensor g);

/* Whether some element of the view is live. */
bool tg_view_is_live(const tg_tape *tape, uint32_t block_id, const tg_view_attributes *view);

/* A zero of the shape. */
tg_tensor tg_zeros(tg_tape *tape, int64_t rows, int64_t cols);

#endif
