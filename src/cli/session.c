/* session.c - asks for the next number, checks it, explains. */
#include "cli/session.h"

#include "cli/hints.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ATTEMPTS = 3, WIDTH = 78 };

typedef struct session {
    const tg_lesson *lesson;
    int              number, first;
    tg_lesson_mode   mode;
    tg_work          work;
    tg_walk          walk;
    tg_run_of_walk   run;                        /* of a fault */
    int              count, asked, answered, right_at_once;
    char            *line;                       /* what was typed */
    size_t           line_bytes;
} session;

/* ---- text ---- */

/* text with {formula} replaced by its value. False: there is no such value. */
static bool fill(session *s, const char *text, char *out, size_t bytes) {
    size_t length = 0;
    while (*text != '\0' && length + TG_CLI_DIGITS < bytes) {
        char         formula[200], number[TG_CLI_DIGITS];
        const size_t end = strcspn(text, "}");
        double       value;
        if (*text != '{') {
            out[length++] = *text++;
            continue;
        }
        snprintf(formula, sizeof formula, "%.*s", (int)end - 1, text + 1);
        if (!tg_work_value(&s->work, formula, true, &value)) return false;
        length += (size_t)snprintf(out + length, bytes - length, "%s", tg_cli_short(value, number));
        text += end + (text[end] == '}');
    }
    out[length] = '\0';
    return true;
}

/* In lines of WIDTH columns, broken between words; '\n' begins a new line. */
static void print_wrapped(const char *text, const char *indent) {
    int column = 0;
    while (*text != '\0') {
        const int word = (int)strcspn(text, " \n");
        if (column > 0 && column + 1 + word > WIDTH - (int)strlen(indent)) printf("\n"), column = 0;
        column += printf("%s%.*s", column == 0 ? indent : " ", word, text) - (column == 0 ? (int)strlen(indent) : 0);
        text += word;
        if (*text == '\n') printf("\n"), column = 0;
        if (*text != '\0') text++;
    }
    printf("\n");
}

static bool tell(session *s, const char *text, const char *indent) {
    char filled[2000];
    if (text == NULL) return true;
    if (!fill(s, text, filled, sizeof filled)) return false;
    print_wrapped(filled, indent);
    return true;
}

/* ---- what comes before the questions ---- */

static void print_broken_walk(const session *s) {
    printf("\n  line  from -> to     upstream * local derivative         message   sum so far\n");
    for (int i = 0; i < s->run.count; i++) {
        const tg_walk_line    *line = &s->run.lines[i];
        const tg_walk_message *m    = &s->walk.messages[line->message];
        char                   way[2 * TG_WORK_NAME + 8], local[TG_WALK_TEXT + 40], numbers[3][TG_CLI_DIGITS];
        for (int k = 0; k < 3; k++) tg_cli_short((double[]){ line->upstream, line->sent, line->sum }[k], numbers[k]);
        snprintf(way, sizeof way, "%s -> %s", tg_walk_quantity(&s->work, m->from)->name, tg_walk_quantity(&s->work, m->to)->name);
        tg_write_local(&s->work, m, line->local, local);
        printf("  %4d  %-12s %10s * %-24s %10s %12s\n", i + 1, way, numbers[0], local, numbers[1], numbers[2]);
    }
}

/* A definition a line. */
static void print_definitions(const tg_lesson *lesson) {
    printf("\n    %s\n", lesson->given);
    for (const char *at = lesson->formula; *at != '\0';) {
        const size_t length = strcspn(at, ";");
        printf("    %.*s\n", (int)length, at);
        at += length + (at[length] == ';');
        at += strspn(at, " ");
    }
}

static bool print_setting(session *s) {
    printf("Lesson %d: %s\n", s->number, s->lesson->title);
    if (s->lesson->source != NULL) printf("(%s)\n", s->lesson->source);
    printf("\n");
    if (!tell(s, s->lesson->setting, "")) return false;
    print_definitions(s->lesson);
    if (s->lesson->fault != TG_FAULT_NONE) print_broken_walk(s);
    printf("\n");
    if (s->mode == TG_LESSON_ASKS)
        printf("Type a number, or what gives it, such as 3*-4 or 1/(1+exp(-1)). 1 %% is near enough.\n"
               "\"hint\", \"skip\" and \"quit\" are understood, too.\n\n");
    return true;
}

/* ---- what is typed ---- */

static char *trim(char *text) {
    while (*text == ' ' || *text == '\t') text++;
    for (size_t length = strlen(text); length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL;) text[--length] = '\0';
    return text;
}

/* NULL: input has ended. What comes from elsewhere than a terminal is printed, as a terminal does with what is typed. */
static char *read_line(session *s) {
    printf("  > ");
    fflush(stdout);
    if (getline(&s->line, &s->line_bytes, stdin) < 0) return printf("\n"), NULL;
    char *text = trim(s->line);
    if (!isatty(STDIN_FILENO)) printf("%s\n", text);
    return text;
}

/* A point may be a comma where nothing else is in the number. */
static bool read_answer(session *s, char *text, double *answer) {
    char *comma = strchr(text, ',');
    if (comma != NULL && strspn(text, "0123456789,-+") == strlen(text) && strchr(comma + 1, ',') == NULL) *comma = '.';
    if (text[0] == '+') text++;
    s->work.sentence[0] = '\0';
    return tg_cli_number(text, strlen(text), answer) || tg_work_value(&s->work, text, false, answer);
}

/* ---- one question ---- */

typedef enum verdict { RIGHT, WRONG, SKIPPED, ENDED } verdict;

typedef struct asking {
    const tg_question *question;       /* NULL: drawn from the computation */
    const char        *answer;         /* the formula of it */
    tg_place           place;
    double             right;
} asking;

static bool print_question(session *s, const asking *a) {
    char filled[1000];
    printf("%d of %d   ", s->asked, s->count);
    if (a->question == NULL) tg_print_question(&s->work, a->answer, &a->place);
    else if (fill(s, a->question->ask, filled, sizeof filled)) printf("%s", filled);
    else return false;
    const size_t length = a->question != NULL ? strlen(filled) : 0;
    printf("%s\n", length > 0 && filled[length - 1] == '?' ? "" : " ?");
    return true;
}

static bool print_hint(session *s, const asking *a) {
    if (a->question != NULL) return tell(s, a->question->hint != NULL ? a->question->hint : "Look at the numbers above.", "    ");
    tg_print_way(&s->work, &s->walk, &a->place, false);
    return true;
}

/* The right number, and how it comes about. */
static bool print_because(session *s, const asking *a) {
    char number[TG_CLI_DIGITS];
    if (a->question != NULL) {
        printf("    %s\n", tg_cli_short(a->right, number));
        return tell(s, a->question->because, "    ");
    }
    tg_print_way(&s->work, &s->walk, &a->place, true);
    if (!a->place.is_gradient) printf("    %s = %s\n", a->answer, tg_cli_short(a->right, number));
    return true;
}

static bool is_right(const asking *a, double answer) {
    if (a->question != NULL && a->question->is_exact) return fabs(answer - a->right) < 1e-9;
    return tg_is_near_enough(answer, a->right);
}

static bool say_no(session *s, const asking *a, double answer) {
    printf("    No.\n");
    if (a->question == NULL && tg_print_slip(&s->walk, &a->place, a->right, answer)) return true;
    if (a->question != NULL && !a->question->is_exact && tg_print_slip(&s->walk, &a->place, a->right, answer)) return true;
    return print_hint(s, a);
}

/* Reads until something is an answer. */
static bool read_verdict(session *s, const asking *a, bool is_last, verdict *v) {
    for (;;) {
        char  *text = read_line(s);
        double answer;
        *v = text == NULL || strcmp(text, "quit") == 0 ? ENDED : strcmp(text, "skip") == 0 ? SKIPPED : WRONG;
        if (*v != WRONG) return true;
        if (strcmp(text, "hint") == 0 || strcmp(text, "?") == 0) {
            if (!print_hint(s, a)) return false;
        } else if (text[0] == '\0') printf("    A number, \"hint\", \"skip\" or \"quit\".\n");
        else if (a->question == NULL && strcmp(text, a->answer) == 0) printf("    So it is called. Which number is it?\n");
        else if (!read_answer(s, text, &answer)) printf("    That is no number: %.300s\n", s->work.sentence);
        else {
            *v = is_right(a, answer) ? RIGHT : WRONG;
            return *v == RIGHT || is_last || say_no(s, a, answer);
        }
    }
}

/* False: the lesson is broken. */
static bool ask(session *s, const asking *a, bool *ended) {
    verdict v = WRONG;
    s->asked++;
    if (!print_question(s, a)) return false;
    if (s->mode == TG_LESSON_SHEET) return printf("    ____________________\n\n"), true;
    for (int attempt = 1; attempt <= ATTEMPTS && v == WRONG && s->mode == TG_LESSON_ASKS; attempt++) {
        if (!read_verdict(s, a, attempt == ATTEMPTS, &v)) return false;
        s->right_at_once += attempt == 1 && v == RIGHT;
    }
    *ended = v == ENDED;
    if (*ended) return true;
    s->answered++;
    if (s->mode == TG_LESSON_ASKS) printf(v == RIGHT ? "    Right.\n" : v == WRONG ? "    No. It is so:\n" : "");
    if (!print_because(s, a)) return false;
    printf("\n");
    return true;
}

/* ---- a lesson ---- */

/* The next word of a list; false behind the last one. */
static bool next_word(const char **list, char word[TG_WORK_NAME + 32]) {
    *list += strspn(*list, " ");
    const size_t length = strcspn(*list, " ");
    if (length == 0 || length >= TG_WORK_NAME + 32) return false;
    memcpy(word, *list, length);
    word[length] = '\0';
    *list += length;
    return true;
}

int tg_lesson_questions(const tg_lesson *lesson) {
    char        word[TG_WORK_NAME + 32];
    int         count = 0;
    const char *list  = lesson->asks != NULL ? lesson->asks : "";
    while (next_word(&list, word)) count++;
    for (const tg_question *q = lesson->questions; q != NULL && q->ask != NULL; q++) count++;
    return count;
}

static bool ask_one(session *s, const tg_question *question, const char *answer, bool *ended) {
    asking a = { .question = question, .answer = answer };
    if (s->asked + 1 < s->first) return s->asked++, true;
    if (!tg_work_value(&s->work, answer, true, &a.right)) return false;
    a.place = tg_place_of(&s->work, answer);
    if (question == NULL && a.place.quantity == NULL) return tg_work_refuse(&s->work, "there is no %s", answer);
    return ask(s, &a, ended);
}

static bool ask_all(session *s, bool *ended) {
    char        word[TG_WORK_NAME + 32];
    const char *list = s->lesson->asks != NULL ? s->lesson->asks : "";
    while (!*ended && next_word(&list, word))
        if (!ask_one(s, NULL, word, ended)) return false;
    for (const tg_question *q = s->lesson->questions; !*ended && q != NULL && q->ask != NULL; q++)
        if (!ask_one(s, q, q->answer, ended)) return false;
    return true;
}

/* Numbers of what is broken, under names. */
static bool break_walk(session *s) {
    const tg_lesson *lesson = s->lesson;
    const int        count  = s->work.count;
    if (lesson->fault == TG_FAULT_NONE) return true;
    if (!tg_walk_run(&s->walk, &s->work, lesson->fault, lesson->fault_at, &s->run)) return tg_work_refuse(&s->work, "there are parts without names");
    for (int i = 0; i < count; i++)
        if (!tg_work_add_number(&s->work, "b_", s->work.quantities[i].name, s->run.adjoints[i])) return false;
    return tg_work_add_number(&s->work, "wrong_", "line", s->run.wrong_line) && tg_work_add_number(&s->work, "wrong_", "count", s->run.wrong_count);
}

static bool prepare(session *s) {
    const tg_lesson *lesson = s->lesson;
    if (!tg_work_begin(&s->work, lesson->given, lesson->formula, lesson->by)) return false;
    if (!(lesson->epochs > 0 ? tg_work_train(&s->work, lesson->epochs, lesson->rate) : tg_work_look(&s->work))) return false;
    return tg_walk_begin(&s->walk, &s->work) && break_walk(s);
}

static void print_end(const session *s, bool ended) {
    if (ended) {
        printf("%d of %d answered. To go on: tapegrad lesson %d --from %d\n", s->answered, s->count - s->first + 1, s->number, s->asked);
        return;
    }
    if (s->mode == TG_LESSON_ASKS) printf("%d of %d right at once.\n", s->right_at_once, s->count - s->first + 1);
    printf("To see all of it: tapegrad explain --lesson %d\n", s->number);
}

static bool hold(session *s) {
    bool ended = false;
    if (!prepare(s) || !print_setting(s) || !ask_all(s, &ended)) return false;
    if (s->mode == TG_LESSON_SHEET) return true;
    if (!ended && s->lesson->moral != NULL) {
        if (!tell(s, s->lesson->moral, "")) return false;
        printf("\n");
    }
    print_end(s, ended);
    return true;
}

bool tg_hold_lesson(const tg_lesson *lesson, int number, int first, tg_lesson_mode mode, char sentence[TG_WORK_TEXT]) {
    session   *s    = calloc(1, sizeof *s);
    bool       done = false;
    sentence[0]     = '\0';
    if (s == NULL) return snprintf(sentence, TG_WORK_TEXT, "there is no memory for a lesson"), false;
    *s   = (session){ .lesson = lesson, .number = number, .first = first, .mode = mode, .count = tg_lesson_questions(lesson) };
    done = hold(s);
    if (!done) memcpy(sentence, s->work.sentence, TG_WORK_TEXT);
    tg_walk_end(&s->walk);
    tg_work_end(&s->work);
    free(s->line);
    free(s);
    return done;
}
