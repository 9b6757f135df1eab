/* session.h - a lesson, held in the terminal. */
#ifndef TAPEGRAD_CLI_SESSION_H
#define TAPEGRAD_CLI_SESSION_H

#include "cli/lessons.h"

typedef enum tg_lesson_mode {
    TG_LESSON_ASKS,          /* checks and explains until the lesson, or standard input, has ended */
    TG_LESSON_ANSWERS,       /* tells all, and waits for nothing */
    TG_LESSON_SHEET          /* leaves blanks, to be filled in on paper */
} tg_lesson_mode;

/* False: the lesson itself is broken, and sentence says why. */
bool tg_hold_lesson(const tg_lesson *lesson, int number, tg_lesson_mode mode, char sentence[TG_WORK_TEXT]);

#endif
