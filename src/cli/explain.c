/* explain.c - tapegrad explain: a net or a formula with its derivatives, in any format. */
#include "cli/commands.h"
#include "cli/formats.h"
#include "cli/lessons.h"
#include "cli/net.h"
#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FORMAT = 'f', FILE_NAME = 'o',
    NET = 256, ACTIVATION, LAST_ACTIVATION, LOSS, X, T, WEIGHTS, LOAD, SEED, BATCH, AT, LESSON, BY, NO_GRADIENT, VIEW, THEME, DIGITS, COLUMNS, ASCII, COLOR,
    EXAMPLE, PARAMETER, TITLE, ROW_NOTATION, PASSES, NO_VALUES
};

static const tg_cli_option options[] = {
    { NULL, NULL, "A net, each layer o = activation(x W + b):", 0 },
    { "net", "SIZES", "its layers, inputs first: 2-2-1", NET },
    { "activation", "NAME", "of all layers, an op of one operand: sigmoid (if none is given), tanh, relu, ...", ACTIVATION },
    { "last-activation", "NAME", "of the last layer, if it is another one; linear is none, as before a loss of logits", LAST_ACTIVATION },
    { "loss", "NAME", "half-squares (if none is given), squares, mse, l1, huber, binary-cross-entropy or cross-entropy", LOSS },
    { "x", "ROWS", "the inputs, a row an example: '0.05,0.10' or '0,0; 0,1'", X },
    { "t", "ROWS", "what the outputs should be; for cross-entropy labels counted from 0, or distributions", T },
    { "weights", "LIST", "'W1=[0.15,0.25; 0.2,0.3], b1=[0.35,0.35], ...': a row of W for an input, a column for a neuron", WEIGHTS },
    { "load", "FILE", "weights from a safetensors file with net/fc1/weight and so on", LOAD },
    { "seed", "N", "of what is not given: weights, and --batch N examples", SEED },
    { "batch", "N", "examples that are drawn if there is no --x", BATCH },
    { NULL, NULL, "Or a formula, or several: 'q = x + y; f = q*z'", 0 },
    { "at", "LIST", "its values: 'x=2, W=[1,2; 3,4]'", AT },
    { NULL, NULL, "Or what a lesson has:", 0 },
    { "lesson", "N", "the formulas and values of lesson N; see tapegrad lesson --list", LESSON },
    { NULL, NULL, "What is printed:", 0 },
    { "by", "NAMES", "differentiate by these alone: 'x,W1'", BY },
    { "no-gradient", NULL, "as it is before the backward pass", NO_GRADIENT },
    { "format", "NAME", "the format, else that of the file's name", FORMAT },
    { "output", "FILE", "into a file, which is complete or as it was before; - is standard output", FILE_NAME },
    { "view", "NAME", "automatic, neurons, layers, paths or plan", VIEW },
    { "parameter", "ELEMENT", "where the paths of that view begin: 'net/fc1/weight[0,1]'", PARAMETER },
    { "example", "N", "the row that is shown where one is, counted from 0", EXAMPLE },
    { "theme", "NAME", "light, dark or print, which is black and white", THEME },
    { "title", "TEXT", "a heading", TITLE },
    { "digits", "N", "significant ones, 1 to 17; 4 if not given", DIGITS },
    { "columns", "N", "the width of text, 80 to 1000; 110 if not given", COLUMNS },
    { "ascii", NULL, "no characters beyond ASCII", ASCII },
    { "color", "WHEN", "always, never or auto: on a terminal, unless NO_COLOR is set", COLOR },
    { "row-notation", NULL, "delta W^T and x^T delta, as in memory, in place of W^T delta and delta x^T, as in textbooks", ROW_NOTATION },
    { "no-values", NULL, "symbols only: nothing is run", NO_VALUES },
    { "passes", NULL, "and how the step is compiled", PASSES },
};

static const tg_cli_command command = {
    "explain",
    "explain --net SIZES [OPTION]...\nexplain FORMULA --at LIST [OPTION]...\nexplain --lesson N [OPTION]...",
    "Prints a net or a formula with everything that the chain rule says of it.",
    options, sizeof options / sizeof options[0],
    "  tapegrad explain 'ln(x1) + x1*x2 - sin(x2)' --at x1=2,x2=5\n"
    "  tapegrad explain --net 2-2-1 --x 0.05,0.10 --t 0.01\n"
    "  tapegrad explain --lesson 8\n"
    "  tapegrad explain --net 2-1 --weights 'W1=[0.5; 0.8], b1=[0.5]' --x 0,0.5 --t 1 --loss squares\n"
    "  tapegrad explain 'sum((x W - y)^2)' --at 'x=[1,2], W=[0.1,0.2; 0.3,0.4], y=[1,0]' --by W\n"
    "  tapegrad explain --net 4-8-3 --activation tanh --loss cross-entropy --batch 5 --passes\n",
    tg_cli_print_formats,
};

/* ---- arguments ---- */

typedef enum color_use { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER } color_use;

static const tg_cli_word color_uses[] = { { "auto", COLOR_AUTO }, { "always", COLOR_ALWAYS }, { "never", COLOR_NEVER }, { NULL, 0 } };

typedef struct request {
    tg_net_request       net;
    const char          *formula, *at, *by, *file;
    const tg_cli_format *format;
    int                  lesson;             /* 0: none */
    int                  color;
    bool                 no_gradient;
    tg_explain_options   options;
} request;

static bool refuse_number(const char *option, const char *value, int64_t least, int64_t most) {
    tg_cli_refuse(&command, "--%s %s: a whole number from %lld to %lld was expected", option, value, (long long)least, (long long)most);
    return false;
}

static bool read_whole(const char *option, const char *value, int64_t least, int64_t most, int64_t *to) {
    return tg_cli_whole(value, least, most, to) || refuse_number(option, value, least, most);
}

static bool read_int(const char *option, const char *value, int least, int most, int *to) {
    int64_t number = 0;
    if (!read_whole(option, value, least, most, &number)) return false;
    *to = (int)number;
    return true;
}

static bool read_word(const char *option, const tg_cli_word words[], const char *value, int *to) {
    char known[200];
    if (tg_cli_find_word(words, value, to)) return true;
    tg_cli_list_words(words, known, sizeof known);
    tg_cli_refuse(&command, "--%s %s: it is %s", option, value, known);
    return false;
}

static bool read_format(request *r, const char *value) {
    char known[200];
    r->format = tg_cli_format_named(value);
    if (r->format != NULL) return true;
    tg_cli_list_formats(known, sizeof known);
    tg_cli_refuse(&command, "--format %s: it is %s", value, known);
    return false;
}

static bool read_view(request *r, const char *value) {
    int view = 0;
    if (!read_word("view", tg_cli_views, value, &view)) return false;
    r->options.view = (tg_explain_view)view;
    return true;
}

static bool read_theme(request *r, const char *value) {
    int theme = 0;
    if (!read_word("theme", tg_cli_themes, value, &theme)) return false;
    r->options.theme = (tg_theme)theme;
    return true;
}

/* True and done. */
static bool set(const char **to, const char *value) { return *to = value, true; }
static bool turn_on(bool *flag) { return *flag = true; }

static bool read_option(request *r, int code, const char *value) {
    switch (code) {
        case NET:          return set(&r->net.sizes, value);
        case ACTIVATION:   return set(&r->net.activation, value);
        case LAST_ACTIVATION: return set(&r->net.last_activation, value);
        case LOSS:         return set(&r->net.loss, value);
        case X:            return set(&r->net.x, value);
        case T:            return set(&r->net.t, value);
        case WEIGHTS:      return set(&r->net.weights, value);
        case LOAD:         return set(&r->net.load, value);
        case SEED:         return read_whole("seed", value, 0, INT64_C(1) << 53, &r->net.seed);
        case BATCH:        return read_whole("batch", value, 1, 100000, &r->net.batch);
        case AT:           return set(&r->at, value);
        case LESSON:       return read_int("lesson", value, 1, tg_lesson_count(), &r->lesson);
        case BY:           return set(&r->by, value);
        case NO_GRADIENT:  return turn_on(&r->no_gradient);
        case FORMAT:       return read_format(r, value);
        case FILE_NAME:    return set(&r->file, value);
        case VIEW:         return read_view(r, value);
        case PARAMETER:    return set(&r->options.parameter, value);
        case EXAMPLE:      return read_whole("example", value, 0, INT64_C(1) << 53, &r->options.example);
        case THEME:        return read_theme(r, value);
        case TITLE:        return set(&r->options.title, value);
        case DIGITS:       return read_int("digits", value, 1, 17, &r->options.digits);
        case COLUMNS:      return read_int("columns", value, 80, 1000, &r->options.columns);
        case ASCII:        return turn_on(&r->options.ascii);
        case COLOR:        return read_word("color", color_uses, value, &r->color);
        case ROW_NOTATION: return turn_on(&r->options.row_notation);
        case NO_VALUES:    return turn_on(&r->options.no_values);
        default:           return turn_on(&r->options.passes);
    }
}

/* Its formulas, values and title, unless there is another one. */
static int take_lesson(request *r) {
    const tg_lesson *lesson = tg_lesson_at(r->lesson);
    if (lesson == NULL) return TG_CLI_SUCCESS;
    if (r->formula != NULL || r->at != NULL || r->net.sizes != NULL) return tg_cli_refuse(&command, "--lesson goes without --net, formula and --at");
    r->formula = lesson->formula;
    r->at      = lesson->given;
    if (r->by == NULL && !r->no_gradient) r->by = lesson->by;
    if (r->options.title == NULL) r->options.title = lesson->title;
    return TG_CLI_SUCCESS;
}

/* What belongs to a net does not go with a formula. */
static int check(request *r) {
    const tg_net_request *n = &r->net;
    const bool has_net_option = n->activation != NULL || n->last_activation != NULL || n->loss != NULL || n->x != NULL || n->t != NULL ||
                                n->weights != NULL || n->load != NULL || n->seed >= 0 || n->batch > 0;
    if (n->sizes == NULL && r->formula == NULL) return tg_cli_refuse(&command, "--net, a formula or --lesson is missing");
    if (n->sizes != NULL && r->formula != NULL) return tg_cli_refuse(&command, "either --net or the formula \"%s\"", r->formula);
    if (n->sizes != NULL && r->at != NULL) return tg_cli_refuse(&command, "--at is for formulas; a net has --x, --t and --weights");
    if (n->sizes == NULL && has_net_option) return tg_cli_refuse(&command, "an option is one that only a net takes; a formula has --at");
    if (n->x != NULL && n->batch > 0) return tg_cli_refuse(&command, "either --x or --batch");
    if (n->weights != NULL && n->load != NULL) return tg_cli_refuse(&command, "either --weights or --load");
    if (r->by != NULL && r->no_gradient) return tg_cli_refuse(&command, "either --by or --no-gradient");
    if (n->seed < 0) r->net.seed = 1;
    if (n->batch == 0) r->net.batch = 1;
    if (r->options.parameter != NULL && r->options.view == TG_VIEW_AUTOMATIC) r->options.view = TG_VIEW_PATHS;
    if (r->file != NULL && strcmp(r->file, "-") == 0) r->file = NULL;
    if (r->format == NULL && r->file != NULL) r->format = tg_cli_format_of_file(r->file);
    if (r->format == NULL) r->format = tg_cli_usual_format();
    return TG_CLI_SUCCESS;
}

/* TG_CLI_HELPED: nothing is left to do. */
static int read_arguments(int count, char **arguments, request *r) {
    const char *value;
    int         code;
    *r = (request){ .net = { .seed = -1 } };
    while ((code = tg_cli_next_option(&command, count, arguments, &value)) != TG_CLI_END) {
        if (code == TG_CLI_HELPED) return code;
        if (code == TG_CLI_REFUSED || !read_option(r, code, value)) return TG_CLI_USAGE;
    }
    if (count - optind > 1)
        return tg_cli_refuse(&command, "\"%s\" is one formula too many; write a formula as one argument, in quotes", arguments[optind + 1]);
    if (optind < count) r->formula = arguments[optind];
    const int status = take_lesson(r);
    return status == TG_CLI_SUCCESS ? check(r) : status;
}

/* ---- output ---- */

static bool may_color(const request *r) {
    const char *no_color = getenv("NO_COLOR");
    if (r->color != COLOR_AUTO) return r->color == COLOR_ALWAYS;
    return r->file == NULL && isatty(STDOUT_FILENO) && (no_color == NULL || no_color[0] == '\0');
}

/* Signals that end programs wait until the file beside the file is gone or in its place. */
static tg_status write_file(tg_tensor loss, const request *r) {
    sigset_t       ends, before;
    struct sigaction ignored = { .sa_handler = SIG_IGN }, old;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    sigprocmask(SIG_BLOCK, &ends, &before);
    sigaction(SIGXFSZ, &ignored, &old);      /* a file that grows too large is one that cannot be written */
    const tg_status status = tg_explain_file(loss, r->format->format, r->file, &r->options);
    sigaction(SIGXFSZ, &old, NULL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return status;
}

static int print(tg_tensor loss, request *r) {
    r->options.color = may_color(r);
    const tg_status status = r->file != NULL ? write_file(loss, r) : tg_explain(loss, r->format->format, stdout, &r->options);
    if (status == TG_OK) return TG_CLI_SUCCESS;
    if (r->file == NULL && status == TG_CANNOT_WRITE) return tg_last_error(NULL), tg_cli_fail(&command, "cannot write to standard output");
    return tg_cli_fail_status(&command, status == TG_CANNOT_WRITE ? r->file : tg_tape_error(loss.tape), status);
}

/* ---- computations ---- */

static int fail(const tg_work *work) {
    const int result = tg_cli_fail(&command, "%s", work->sentence);
    if (work->broken[0] != '\0') tg_cli_point_at(work->broken, work->broken_at);
    return result;
}

/* Of a net by all but its targets, unless it is said by what. */
static bool differentiate(tg_work *work, const request *r) {
    if (r->no_gradient) return true;
    if (!tg_work_read_by(work, r->by)) return false;
    if (r->net.sizes != NULL && r->by == NULL) tg_work_find(work, "t", 1)->is_wanted = false;
    return tg_work_differentiate(work);
}

static int explain_net(request *r) {
    tg_net    net;
    const int result = tg_net_begin(&net, &r->net) && differentiate(&net.work, r) ? print(net.work.result, r) : fail(&net.work);
    tg_net_end(&net);
    return result;
}

static int explain_formula(request *r) {
    tg_work     work;
    const char *given  = r->at != NULL ? r->at : "";
    const int   result = tg_work_begin(&work, given, r->formula, NULL) && differentiate(&work, r) ? print(work.result, r) : fail(&work);
    tg_work_end(&work);
    return result;
}

int tg_cli_explain(int count, char **arguments) {
    request   r;
    const int status = read_arguments(count, arguments, &r);
    if (status == TG_CLI_HELPED) return TG_CLI_SUCCESS;
    if (status != TG_CLI_SUCCESS) return status;
    return r.net.sizes != NULL ? explain_net(&r) : explain_formula(&r);
}
