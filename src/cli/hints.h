/* hints.h - what can be said of a number of a lesson without saying the number, and with it. */
#ifndef TAPEGRAD_CLI_HINTS_H
#define TAPEGRAD_CLI_HINTS_H

#include "cli/walk.h"

/* A place in the computation: "q", "d_q", "d_W1[2,1]". quantity NULL: it is something else. */
typedef struct tg_place {
    const tg_quantity *quantity;
    int64_t            element;
    bool               is_gradient;
} tg_place;

tg_place tg_place_of(tg_work *work, const char *name);

/* "q = x + y", "dL/dW1[2,1]" */
void tg_print_question(const tg_work *work, const char *name, const tg_place *place);

/* What is added and multiplied; with results, what comes of it. */
void tg_print_way(const tg_work *work, const tg_walk *walk, const tg_place *place, bool with_results);

/* Says what an answer that is wrong may be, if it is something known: one message of several, a local derivative, the wrong sign. */
bool tg_print_slip(const tg_walk *walk, const tg_place *place, double right, double answer);

/* The local derivative of a message to one number: "(f * (1 - f) = 0.1966)", or the number alone where the formula says no more. */
void tg_write_local(const tg_work *work, const tg_walk_message *m, double local, char text[TG_WALK_TEXT + 40]);

/* Whether they are within 1 % of one another, or both 0. */
bool tg_is_near_enough(double answer, double right);

#endif
