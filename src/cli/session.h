/* session.h - a lesson, held in the terminal. */
#ifndef TAPEGRAD_CLI_SESSION_H
#define TAPEGRAD_CLI_SESSION_H

#include "cli/lessons.h"

typedef enum tg_lesson_mode {
    TG_LESSON_ASKS,          /* checks and explains until the lesson, or standard input, has ended */
    TG_LESSON_ANSWERS,       /* tells all, and waits for nothing */
    TG_LESSON_SHEET          /* leaves blanks, to be filled in on paper */
} tg_lesson_mode;

/* How many there are to ask. */
int tg_lesson_questions(const tg_lesson *lesson);

/* Begins with question number first, counted from 1. False: the lesson itself is broken, and sentence says why. */
bool tg_hold_lesson(const tg_lesson *lesson, int number, int first, tg_lesson_mode mode, char sentence[TG_WORK_TEXT]);

#endif
