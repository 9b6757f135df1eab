/* session.h - a lesson, held in the terminal. */
#ifndef TAPEGRAD_CLI_SESSION_H
#define TAPEGRAD_CLI_SESSION_H

#include "cli/lessons.h"

/* Asks, checks and explains until the lesson, or standard input, has ended; with answers, tells all of them and asks nothing. False: the lesson itself
 * is broken, and sentence says why. */
bool tg_hold_lesson(const tg_lesson *lesson, int number, bool with_answers, char sentence[TG_WORK_TEXT]);

#endif
