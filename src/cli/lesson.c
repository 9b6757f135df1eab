/* lesson.c - tapegrad lesson: which one. */
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/session.h"

#include <getopt.h>
#include <stdio.h>

enum { LIST = 'l', ANSWERS = 'a', SHEET = 's', FROM = 'f' };

static const tg_cli_option options[] = {
    { NULL, NULL, "Options:", 0 },
    { "list", NULL, "all lessons, in the order of teaching", LIST },
    { "answers", NULL, "the lesson with its answers, and no question waits for one: for teachers", ANSWERS },
    { "sheet", NULL, "the lesson with blanks, to be filled in on paper", SHEET },
    { "from", "K", "begin with question number K", FROM },
};

static const tg_cli_command command = {
    "lesson", "lesson N [--from K] [--answers | --sheet]\nlesson --list",
    "Walks through an exercise, asks for the next number, checks it within 1 % and explains.", options,
    sizeof options / sizeof options[0],
    "  tapegrad lesson --list\n  tapegrad lesson 1\n  tapegrad lesson 1 --answers\n  tapegrad lesson 20 --sheet\n", NULL,
};

static int list(void) {
    for (int i = 1; i <= tg_lesson_count(); i++) {
        const tg_lesson *lesson = tg_lesson_at(i);
        if (lesson->group != NULL) printf("%s%s\n", i > 1 ? "\n" : "", lesson->group);
        printf("  %2d  %s\n", i, lesson->title);
    }
    return TG_CLI_SUCCESS;
}

static int hold(int number, const char *from, tg_lesson_mode mode) {
    char             sentence[TG_WORK_TEXT];
    const tg_lesson *lesson = tg_lesson_at(number);
    int64_t          first  = 1;
    if (from != NULL && !tg_cli_whole(from, 1, tg_lesson_questions(lesson), &first))
        return tg_cli_refuse(&command, "lesson %d has no question %s; it has 1 to %d", number, from, tg_lesson_questions(lesson));
    if (!tg_hold_lesson(lesson, number, (int)first, mode, sentence)) return tg_cli_fail(&command, "lesson %d: %s", number, sentence);
    return TG_CLI_SUCCESS;
}

int tg_cli_lesson(int count, char **arguments) {
    const char    *value, *from = NULL;
    int64_t        number;
    bool           is_list = false;
    tg_lesson_mode mode    = TG_LESSON_ASKS;
    int            code;
    while ((code = tg_cli_next_option(&command, count, arguments, &value)) != TG_CLI_END) {
        if (code == TG_CLI_HELPED) return TG_CLI_SUCCESS;
        if (code == TG_CLI_REFUSED) return TG_CLI_USAGE;
        if (code == LIST) is_list = true;
        else if (code == FROM) from = value;
        else if (mode != TG_LESSON_ASKS) return tg_cli_refuse(&command, "either --answers or --sheet, once");
        else mode = code == ANSWERS ? TG_LESSON_ANSWERS : TG_LESSON_SHEET;
    }
    if (is_list && (optind < count || mode != TG_LESSON_ASKS || from != NULL)) return tg_cli_refuse(&command, "--list goes alone");
    if (is_list) return list();
    if (count - optind != 1) return tg_cli_refuse(&command, "the number of one lesson was expected; --list has them all");
    if (!tg_cli_whole(arguments[optind], 1, tg_lesson_count(), &number))
        return tg_cli_refuse(&command, "there is no lesson %s; there are 1 to %d", arguments[optind], tg_lesson_count());
    return hold((int)number, from, mode);
}
