/* walk.h - the messages of a computation's gradient, copied from tg_messages; and the same walk with a fault in it. */
#ifndef TAPEGRAD_CLI_WALK_H
#define TAPEGRAD_CLI_WALK_H

#include "cli/work.h"

enum { TG_WALK_MESSAGES = 160, TG_WALK_TEXT = 64 };

/* One message. Numbers are those of elements: upstream [from], message and after [to], local [from, to]. */
typedef struct tg_walk_message {
    uint32_t from, to;                       /* nodes */
    int      k, n;
    int64_t  from_count, to_count;
    double  *upstream, *message, *local;     /* local NULL: too large to be written out */
    char     text[TG_WALK_TEXT];             /* of the local derivative; "" */
} tg_walk_message;

typedef struct tg_walk {
    tg_walk_message messages[TG_WALK_MESSAGES];
    int             count;
    bool            failed;
} tg_walk;

/* Behind tg_work_look. False on failure, with a sentence in work; tg_walk_end is called in any case. */
bool tg_walk_begin(tg_walk *walk, tg_work *work);
void tg_walk_end(tg_walk *walk);

/* The quantity that node id is; NULL: none that has a name. */
const tg_quantity *tg_walk_quantity(const tg_work *work, uint32_t id);

/* ---- faults ---- */

typedef enum tg_fault {
    TG_FAULT_NONE,
    TG_FAULT_OVERWRITES,      /* = in place of += */
    TG_FAULT_ORDER,           /* the node at is visited when its first message has come */
    TG_FAULT_NO_ZEROING,      /* the second walk, without zeroing in between */
    TG_FAULT_SIGN,            /* the message "from>to" at has the wrong sign */
    TG_FAULT_NO_LOCAL         /* it passes upstream on as it is */
} tg_fault;

typedef struct tg_walk_line {
    int    message;                          /* in the walk */
    double upstream, local, sent, sum;       /* sum: the adjoint of "to" so far */
} tg_walk_line;

/* The walk in numbers [1, 1], with or without a fault. */
typedef struct tg_run_of_walk {
    tg_walk_line lines[TG_WALK_MESSAGES];
    int          count;
    double       adjoints[TG_WORK_NAMES];    /* of work->quantities */
    int          wrong_line;                 /* the first one that differs from the walk without a fault, counted from 1; 0: none */
    int          wrong_count;                /* of what is given: gradients that are wrong */
} tg_run_of_walk;

/* All nodes are to have names, and be [1, 1]. False: they have not. */
bool tg_walk_run(const tg_walk *walk, const tg_work *work, tg_fault fault, const char *at, tg_run_of_walk *run);

#endif
