/* lessons.h - lessons as data. No answer is written down: they are formulas of the engine's numbers. */
#ifndef TAPEGRAD_CLI_LESSONS_H
#define TAPEGRAD_CLI_LESSONS_H

#include "cli/walk.h"

/* In texts, {formula} is the value of a formula of names of the lesson. Such names are those of its quantities, d_q for the gradient of q, W[2,1] for
 * an element; where something is trained after_w, the value then; where something is broken b_q for the gradient of the broken walk, wrong_line and
 * wrong_count. */
typedef struct tg_question {
    const char *ask;         /* what is asked */
    const char *answer;      /* a formula */
    const char *hint;
    const char *because;     /* told behind the answer */
    bool        is_exact;    /* a count or a choice; else 1 % is near enough */
} tg_question;

typedef struct tg_lesson {
    const char *group;       /* begins a part of the list; NULL */
    const char *title;
    const char *source;      /* whose exercise it is */
    const char *setting;
    const char *given, *formula, *by;      /* see tg_work_begin */
    const char *asks;        /* names, in the order in which they are asked for, with questions and hints drawn from formulas and messages */
    const tg_question *questions;          /* then these, up to one without ask; NULL: none */
    const char *moral;
    tg_fault    fault;
    const char *fault_at;
    int         epochs;      /* steps of descent that are made before the lesson begins, for after_w */
    double      rate;
} tg_lesson;

int              tg_lesson_count(void);
const tg_lesson *tg_lesson_at(int number);      /* counted from 1; NULL: there is none */

#endif
