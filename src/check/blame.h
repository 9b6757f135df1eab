/* blame.h - which op's derivative rule is to blame for a check that failed. */
#ifndef TAPEGRAD_CHECK_BLAME_H
#define TAPEGRAD_CHECK_BLAME_H

#include <tapegrad/tape.h>

/* The first node that loss is made of whose op, alone and with the operands that it has there, does not pass the check either; 0: none was found.
 * A failure on the way, such as of memory, is told to nobody: the search is then over. */
uint32_t tg_find_wrong_rule(tg_tensor loss, double tolerance);

/* Whether a derivative of loss, a step of nothing but inputs and ops, is off by more than tolerance. gradcheck.c */
bool tg_is_off(tg_tensor loss, double tolerance, int samples);

#endif
