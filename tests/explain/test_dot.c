/* test_dot.c - pictures for Graphviz: what Graphviz says to them, edges counted, the same bytes again, names of every kind, what is not finite. */
#include "support.h"      /* first: it uses a name of the other */
#include "explain/story.h"
#include "museum/exercises.h"
#include "random/program.h"

#include <unistd.h>

/* ---- pictures ---- */

static bool has_dot(void) { return system("command -v dot >/dev/null 2>&1") == 0; }

/* To be freed. */
static char *picture_of(tg_tensor loss, const tg_explain_options *options) {
    char       *text = NULL;
    const char *why  = "";
    size_t      length;
    FILE       *out = open_memstream(&text, &length);
    ck_assert_ptr_nonnull(out);
    const tg_status status = tg_explain(loss, TG_DOT, out, options);
    if (status != TG_OK) tg_last_error(&why);
    ck_assert_msg(status == TG_OK, "%s: %s", tg_status_name(status), why);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

static int count_of(const char *text, const char *what) {
    int count = 0;
    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what)) count++;
    return count;
}

/* Graphviz takes all of them, one after the other, and says nothing. */
static void expect_silent_dot(const char *text) {
    char path[] = "/tmp/tapegrad_dot_XXXXXX", command[200], said[400] = "";
    if (!has_dot()) return;
    const int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    FILE *out = fdopen(file, "w");
    ck_assert(fputs(text, out) >= 0 && fclose(out) == 0);
    snprintf(command, sizeof command, "dot -Tsvg %s 2>&1 >/dev/null", path);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    said[fread(said, 1, sizeof said - 1, pipe)] = '\0';
    const int status                            = pclose(pipe);
    ck_assert_msg(status == 0 && said[0] == '\0', "dot says %s to %s", said, path);
    unlink(path);
}

static void expect_in(const char *text, const char *what) {
    if (strstr(text, what) == NULL) fputs(text, stderr);      /* Check cuts long messages */
    ck_assert_msg(strstr(text, what) != NULL, "there is no %s", what);
}

/* ---- nets ---- */

typedef struct net {
    tg_tape   *tape;
    tg_params *params;
    tg_mlp    *mlp;
    tg_tensor  loss;
} net;

static void release(net *n) {
    tg_tape_free(n->tape);
    tg_mlp_free(n->mlp);
    tg_params_free(n->params);
    ck_assert_int_eq(tg_last_error(NULL), TG_OK);
}

static tg_tensor half_squares(tg_tensor o, tg_tensor t) { return tg_scale(tg_sum(tg_square(tg_sub(o, t))), 0.5); }

/* Mazur's net, with its first output or with both. */
static net mazur(int outputs, bool backward) {
    static const double x[] = { .05, .1 }, t[] = { .01, .99 }, one[] = { .4, .45 }, two[] = { .4, .5, .45, .55 };
    net n = { .tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 }), .params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 }) };
    tg_variable *w1 = tg_variable_new(n.params, "net/fc1/weight", 2, 2, NULL), *b1 = tg_variable_new(n.params, "net/fc1/bias", 1, 2, NULL);
    tg_variable *w2 = tg_variable_new(n.params, "net/fc2/weight", 2, outputs, NULL),
                *b2 = tg_variable_new(n.params, "net/fc2/bias", 1, outputs, NULL);
    ck_assert_int_eq(tg_variable_write_f64(w1, (double[]){ .15, .25, .2, .3 }), TG_OK);
    ck_assert_int_eq(tg_variable_write_f64(b1, (double[]){ .35, .35 }), TG_OK);
    ck_assert_int_eq(tg_variable_write_f64(w2, outputs == 1 ? one : two), TG_OK);
    ck_assert_int_eq(tg_variable_write_f64(b2, (double[]){ .6, .6 }), TG_OK);
    const tg_tensor in = tg_input_f64(n.tape, x, 1, 2), target = tg_name(tg_input_f64(n.tape, t, 1, outputs), "t");
    const tg_tensor h = tg_sigmoid(tg_linear(in, tg_use(n.tape, w1), tg_use(n.tape, b1)));
    n.loss            = half_squares(tg_sigmoid(tg_linear(h, tg_use(n.tape, w2), tg_use(n.tape, b2))), target);
    tg_tensor g[2];
    if (backward) tg_gradients(n.loss, TG_NONE, (tg_tensor[]){ in, tg_use_block(n.tape, n.params, NULL) }, 2, g, NULL);
    return n;
}

static net classifier(tg_sizes sizes, int batch) {
    const int      inputs = (int)sizes.at[0], classes = (int)sizes.at[sizes.count - 1];
    static float   x[64 * 784];
    static int32_t labels[64];
    net            n = { .tape = tg_tape_new(NULL), .params = tg_params_new(1, NULL) };
    for (int i = 0; i < batch * inputs; i++) x[i] = (float)(i * 37 % 101) / 101 - 0.3F;
    for (int i = 0; i < batch; i++) labels[i] = i % classes;
    n.mlp  = tg_mlp_new(n.params, &(tg_mlp_options){ .sizes = sizes, .activation = "tanh" });
    n.loss = tg_cross_entropy(tg_mlp_forward(n.mlp, tg_input(n.tape, x, batch, inputs)), tg_labels(n.tape, labels, batch));
    ck_assert(tg_grad(n.loss, tg_use_block(n.tape, n.params, NULL)).id != 0);
    return n;
}

enum { NETS = 6 };

/* One at a time, as their data is borrowed. */
static net net_number(int i) {
    switch (i) {
        case 0: return mazur(1, true);
        case 1: return mazur(2, true);
        case 2: return classifier(TG_SIZES(4, 8, 3), 1);
        case 3: return classifier(TG_SIZES(784, 128, 10), 64);
        case 4: return classifier(TG_SIZES(3, 2), 5);
        default: return classifier(TG_SIZES(20, 30, 10), 64);
    }
}

/* ---- the neuron view ---- */

START_TEST(a_net_of_neurons) {
    net   n    = mazur(1, true);
    char *text = picture_of(n.loss, NULL);
    expect_in(text, "<B>w\xc2\xb9\xe2\x82\x81\xe2\x82\x82</B>&#160;=&#160;<FONT COLOR=\"#00568A\"><B>0.2</B>");
    expect_in(text, "0.0075 + 0.02 + 0.35&#160;=&#160;<FONT COLOR=\"#00568A\"><B>0.3775</B>");
    expect_in(text, "<B>0.5933</B>"), expect_in(text, "<B>0.5969</B>"), expect_in(text, "<B>0.7514</B>"), expect_in(text, "<B>0.2748</B>");
    expect_in(text, "<B>0.1385</B>"), expect_in(text, "<B>0.08217</B>"), expect_in(text, "<B>0.0006684</B>");
    expect_in(text, "0.002005 + 0.003749&#160;=&#160;<FONT COLOR=\"#A34400\"><B>0.005754</B>");
    expect_in(text, "W\xc2\xb2\xe1\xb5\x80 \xce\xb4\xc2\xb2");      /* W2^T delta2 */
    expect_in(text, "\xe2\x9c\x93 agrees with a central difference");
    ck_assert_int_eq(count_of(text, "class=\"fwd"), 4 + 2 + 2 + 1 + 2 + 1 + 1 + 1);      /* the sum is one of one element */
    ck_assert_int_eq(count_of(text, "class=\"bwd"), 4 + 2 + 2 + 1 + 1 + 1 + 1 + 1);
    char *again = picture_of(n.loss, NULL);
    ck_assert_str_eq(text, again);
    expect_silent_dot(text);
    free(text), free(again);
    release(&n);
}
END_TEST

START_TEST(before_the_backward_pass_a_dot) {
    net   n    = mazur(2, false);
    char *text = picture_of(n.loss, NULL);
    ck_assert_int_eq(count_of(text, "class=\"bwd"), 0);
    expect_in(text, "no gradient is recorded yet");
    expect_in(text, "\xe2\x88\x82L/\xe2\x88\x82x\xe2\x82\x81&#160;=&#160;\xc2\xb7</FONT>");
    expect_in(text,
              "\xce\xb4\xc2\xb9\xe2\x82\x81</B>&#160;=&#160;\xe2\x88\x82L/\xe2\x88\x82\xce\xa3\xc2\xb9\xe2\x82\x81&#160;=&#160;\xc2\xb7</FONT>");
    expect_silent_dot(text);
    free(text);
    text = picture_of(n.loss, &(tg_explain_options){ .view = TG_VIEW_LAYERS });
    expect_in(text, "&#183;");
    expect_silent_dot(text);
    free(text);
    release(&n);
}
END_TEST

START_TEST(in_every_dress) {
    net n = mazur(2, true);
    for (int view = TG_VIEW_AUTOMATIC; view <= TG_VIEW_PLAN; view++)
        for (int dress = 0; dress < 6; dress++) {
            const tg_explain_options options = { .view         = (tg_explain_view)view,
                                                 .theme        = (tg_theme)(dress % 3),
                                                 .ascii        = dress % 2 == 1,
                                                 .digits       = dress * 3,
                                                 .row_notation = dress > 2,
                                                 .no_values    = dress == 4,
                                                 .parameter    = "net/fc1/weight[0,1]",
                                                 .title        = "<a> & \"b\" | {c} \\N \\" };
            char                    *text = picture_of(n.loss, &options), *again = picture_of(n.loss, &options);
            ck_assert_str_eq(text, again);
            for (const char *c = text; options.ascii && *c != '\0'; c++) ck_assert_msg((unsigned char)*c < 128, "no ASCII: %.40s", c);
            expect_silent_dot(text);
            free(text), free(again);
        }
    release(&n);
}
END_TEST

/* ---- the layer view ---- */

/* Whether an earlier walk has sent this message already. */
static bool is_again(const tg_story *story, int i) {
    for (int k = 0; k < i; k++)
        if (story->messages[k].from == story->messages[i].from && story->messages[k].argument == story->messages[i].argument) return true;
    return false;
}

/* Uses that are drawn: of all operands, but that a layer is one box, into which its input goes. Messages: those to what is drawn. */
static void expect_edges(tg_tensor loss, const char *text) {
    tg_story story;
    int      uses = 0, messages = 0;
    ck_assert_int_eq(tg_story_new(&story, loss, false), TG_OK);
    for (int i = 0; i < story.node_count; i++) {
        const tg_story_node *at = &story.nodes[i];
        if (at->role == TG_ROLE_SUM || at->role == TG_ROLE_PRODUCT) continue;
        for (int k = 0; k < at->input_count; k++) uses += at->inputs[k] >= 0;
    }
    for (int i = 0; i < story.message_count; i++) {
        const tg_story_node *from = &story.nodes[story.messages[i].from];
        if (is_again(&story, i)) continue;
        messages += (from->role != TG_ROLE_SUM && from->role != TG_ROLE_PRODUCT) || (story.messages[i].to == story.layers[from->layer].x);
    }
    ck_assert_int_eq(count_of(text, "class=\"fwd"), uses + story.layer_count);
    ck_assert_int_eq(count_of(text, "class=\"bwd"), messages);
    tg_story_free(&story);
}

#define BY "\xc3\x97"

START_TEST(nets_of_layers) {
    const char *expected[][3] = { { "0.0006684", "mul/add&#160;&#160;4/4 &#124; 8/2", "0.1385" },
                                  { "0.0004386", "0.004741", "0.003804" },
                                  { "8" BY "4", "3" BY "8", "mul/add&#160;&#160;32/32 &#124; 32/0" },
                                  { "784" BY "64", "128" BY "784", "mul/add&#160;&#160;6422528/6422528 &#124; 6422528/6330240" },
                                  { "3" BY "5", "2" BY "5", "summed" } };
    for (int i = 0; i < (int)(sizeof expected / sizeof expected[0]); i++) {
        net   n    = net_number(i);
        char *text = picture_of(n.loss, &(tg_explain_options){ .view = TG_VIEW_LAYERS });
        for (int k = 0; k < 3; k++) expect_in(text, expected[i][k]);
        expect_edges(n.loss, text);
        expect_silent_dot(text);
        free(text);
        release(&n);
    }
}
END_TEST

START_TEST(the_picture_of_a_large_net_is_small) {
    net n = classifier(TG_SIZES(784, 128, 10), 64);
    for (int view = TG_VIEW_AUTOMATIC; view <= TG_VIEW_PLAN; view++) {
        char *text = picture_of(n.loss, &(tg_explain_options){ .view = (tg_explain_view)view, .parameter = "net/fc1/weight[100,3]" });
        ck_assert_uint_lt(strlen(text), 300000);
        if (view == TG_VIEW_NEURONS) expect_in(text, "layers, as the view of neurons would have 101770 parameters");
        expect_silent_dot(text);
        free(text);
    }
    release(&n);
}
END_TEST

/* ---- expressions: every use is an edge, and every message ---- */

typedef tg_tensor (*expression_fn)(const tg_tensor x[]);

static tg_tensor named(tg_tensor x, const char *text) { return tg_name(x, text); }
static tg_tensor squared(const tg_tensor x[]) { return named(tg_mul(x[0], x[0]), "b"); }
static tg_tensor not_finite(const tg_tensor x[]) { return named(tg_add(tg_div(x[0], x[0]), tg_log(x[0])), "y"); }

typedef struct exercise {
    expression_fn record;
    int           operands, uses;
    double        x[5];
    const char   *names[5], *values[6];      /* values of the result and its gradients, as they are printed */
} exercise;

#define MINUS "\xe2\x88\x92"

static const exercise exercises[] = {
    { sum_times, 3, 4, { -2, 5, -4 }, { "x", "y", "z" }, { MINUS "12", MINUS "4", MINUS "4", "3" } },
    { two_ways, 2, 5, { 2, 1 }, { "a", "b" }, { "6", "2", "5" } },
    { twice, 1, 2, { 3 }, { "a" }, { "6", "2" } },
    { squared, 1, 2, { 3 }, { "a" }, { "9", "6" } },
    { gates, 4, 7, { 3, -4, 2, -1 }, { "x", "y", "z", "w" }, { MINUS "20", MINUS "8", "6", "2", "0" } },
    { neuron,
      5,
      9,
      { 2, -1, -3, -2, -3 },
      { "w0", "x0", "w1", "x1", "w2" },
      { "0.7311", MINUS "0.1966", "0.3932", MINUS "0.3932", MINUS "0.5898", "0.1966" } },
    { wengert, 2, 8, { 2, 5 }, { "x1", "x2" }, { "11.65", "5.5", "1.716" } },
    { not_finite, 1, 5, { 0 }, { "a" }, { "NaN", "NaN" } },
};

static tg_tensor record_exercise(tg_tape *tape, const exercise *e, bool backward) {
    tg_tensor x[5], g[5];
    for (int k = 0; k < e->operands; k++) x[k] = tg_name(tg_scalar_input(tape, &e->x[k]), e->names[k]);
    const tg_tensor y = e->record(x);
    if (backward) ck_assert_int_eq(tg_gradients(y, TG_NONE, x, e->operands, g, NULL), TG_OK);
    return y;
}

START_TEST(exercises_by_hand) {
    const exercise *e = &exercises[_i];
    for (int view = TG_VIEW_NEURONS; view <= TG_VIEW_LAYERS; view++)
        for (int backward = 0; backward < 2; backward++) {
            tg_tape        *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
            const tg_tensor y    = record_exercise(tape, e, backward == 1);
            char           *text = picture_of(y, &(tg_explain_options){ .view = (tg_explain_view)view });
            ck_assert_int_eq(count_of(text, "class=\"fwd"), e->uses);
            ck_assert_int_eq(count_of(text, "class=\"bwd"), backward == 1 ? e->uses : 0);
            for (int k = 0; k <= e->operands && backward == 1; k++) {
                char expected[64];
                snprintf(expected, sizeof expected, view == TG_VIEW_NEURONS || e->values[k][0] == 'N' ? "<B>%s</B>" : ">%s</FONT>", e->values[k]);
                expect_in(text, expected);
            }
            expect_silent_dot(text);
            free(text);
            tg_tape_free(tape);
        }
}
END_TEST

/* ---- what teachers work through: all values and gradients are in the picture, to ten digits ---- */

/* Whether number stands between <B> and </B>. */
static bool is_in_bold(const char *text, double number) {
    for (const char *at = strstr(text, "<B>"); at != NULL; at = strstr(at + 1, "<B>")) {
        char        *end;
        const double found = strtod(at + 3, &end);
        if (end != at + 3 && strncmp(end, "</B>", 4) == 0 && fabs(found - number) <= 5.1e-10 * fabs(number)) return true;
    }
    return false;
}

static void expect_quantities(const worked *w) {
    tg_tape                 *tape    = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    const int                count   = count_quantities(w);
    const tg_tensor          y       = record_worked(tape, w);
    const tg_explain_options options = { .view = TG_VIEW_NEURONS, .ascii = true, .digits = 10, .title = w->title };
    tg_tensor                all[2 * MOST_QUANTITIES];
    for (int k = 0; k < count; k++) all[k] = tg_find(tape, w->quantities[k].name);
    ck_assert_int_eq(tg_gradients(y, TG_NONE, all, count, all + count, NULL), TG_OK);
    char *text = picture_of(y, &options);
    for (int k = 0; k < count; k++)
        for (int i = 0; i < (int)(w->quantities[k].rows * w->quantities[k].cols); i++)
            for (int side = 0; side < 2; side++) {
                const double number = side == 0 ? w->quantities[k].value[i] : w->quantities[k].gradient[i];
                if (!isnan(number)) ck_assert_msg(is_in_bold(text, number), "%s: %s has no %.17g", w->title, w->quantities[k].name, number);
            }
    expect_silent_dot(text);
    free(text);
    tg_tape_free(tape);
}

START_TEST(worked_expressions) { expect_quantities(&expressions[_i]); }
END_TEST
START_TEST(worked_nets) { expect_quantities(&nets[_i]); }
END_TEST

START_TEST(what_is_not_finite_is_red_and_thick) {
    tg_tape        *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    const tg_tensor y    = record_exercise(tape, &exercises[sizeof exercises / sizeof exercises[0] - 1], true);
    char           *text = picture_of(y, NULL);
    expect_in(text, "class=\"loss nonfinite\"");
    expect_in(text, "<TABLE BORDER=\"5\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"4\" STYLE=\"ROUNDED\" COLOR=\"#C2002F\"");
    expect_in(text, "class=\"bwd nonfinite\", color=\"#C2002F\", dir=back, style=dashed, arrowtail=vee, penwidth=5");
    expect_in(text, MINUS "infinity</B>");
    free(text);
    tg_tape_free(tape);
}
END_TEST

/* ---- every equation between numbers is true ---- */

/* Without tags, and with blanks for what stands for them. To be freed. */
static char *plain_text_of(const char *picture) {
    char *text = malloc(strlen(picture) + 1), *to = text;
    for (const char *at = picture; *at != '\0'; at++) {
        const char *end = *at == '<' ? strchr(at, '>') : NULL;
        if (end != NULL && strncmp(at, "<BR/>", 5) == 0) *to++ = ' ';
        if (end != NULL) at = end;
        else if (strncmp(at, "&#160;", 6) == 0) *to++ = ' ', at += 5;
        else *to++ = *at;
    }
    *to = '\0';
    return text;
}

/* "(-0.5)" or "1e-5": moves behind it. */
static bool read_number(const char **at, double *number) {
    const bool  is_closed = **at == '(';
    const char *from      = *at + is_closed;
    char       *end;
    if (strspn(from, "-0123456789") == 0) return false;
    *number = strtod(from, &end);
    if (end == from || (is_closed && *end != ')')) return false;
    *at = end + is_closed;
    return true;
}

/* "0.5 * (-2) = -1" at the beginning of text: whether it is one, and then whether it is true to four digits. */
static bool is_equation(const char *text, bool *is_true) {
    double value, next;
    int    signs = 0;
    if (!read_number(&text, &value)) return false;
    for (; text[0] == ' ' && text[1] != '\0' && strchr("*+-", text[1]) != NULL && text[2] == ' '; signs++) {
        const char sign = text[1];
        text += 3;
        if (!read_number(&text, &next)) return false;
        value = sign == '*' ? value * next : sign == '+' ? value + next : value - next;
    }
    if (signs == 0 || strncmp(text, " = ", 3) != 0) return false;
    text += 3;
    if (!read_number(&text, &next)) return false;
    const double unit = next == 0 ? 1e-9 : pow(10, floor(log10(fabs(next))) - 3);
    *is_true          = fabs(value - next) <= 0.5000001 * unit;
    return true;
}

static int expect_true_equations(const char *picture) {
    char *text  = plain_text_of(picture);
    int   count = 0;
    bool  is_true;
    for (const char *at = text; *at != '\0'; at++) {
        if (at > text && strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._[](^-", at[-1]) != NULL) continue;
        if (at > text + 1 && at[-1] == ' ' && strchr("*+-", at[-2]) != NULL) continue;      /* in the middle of one */
        if (!is_equation(at, &is_true)) continue;
        ck_assert_msg(is_true, "this is false: %.60s", at);
        count++;
    }
    free(text);
    return count;
}

START_TEST(equations_are_true) {
    for (int i = 0; i < NETS; i++) {
        const char *parameter = i < 2 ? "net/fc1/weight[1,1]" : "net/fc1/weight[2,1]";
        net         n         = net_number(i);
        int         count     = 0;
        for (int view = TG_VIEW_NEURONS; view <= TG_VIEW_PATHS; view++) {
            char *text = picture_of(n.loss, &(tg_explain_options){ .view = (tg_explain_view)view, .ascii = true, .parameter = parameter });
            count += expect_true_equations(text);
            free(text);
        }
        ck_assert_int_ge(count, i < 3 ? 10 : 2);
        release(&n);
    }
    for (size_t i = 0; i + 1 < sizeof exercises / sizeof exercises[0]; i++) {
        tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
        char    *text = picture_of(record_exercise(tape, &exercises[i], true), &(tg_explain_options){ .ascii = true });
        ck_assert_int_ge(expect_true_equations(text), 1);
        free(text);
        tg_tape_free(tape);
    }
}
END_TEST

/* ---- nets too large for a view ---- */

START_TEST(what_is_too_large_is_left_out_and_the_caption_says_so) {
    const double    one  = 1;
    tg_tape        *tape = tg_tape_new(NULL);
    const tg_tensor x    = tg_scalar_input(tape, &one);
    tg_tensor       y    = x;
    for (int i = 0; i < 400; i++) y = tg_tanh(y);
    ck_assert(tg_grad(y, x).id != 0);
    char *text = picture_of(y, NULL);
    expect_in(text, "matrices and not their 401 elements; the last 150 nodes; the 251 before them are left out");
    expect_in(text, "nodes, too many to draw");
    ck_assert_int_eq(count_of(text, "class=\"fwd"), 149);
    expect_silent_dot(text);
    free(text);
    text = picture_of(y, &(tg_explain_options){ .view = TG_VIEW_NEURONS });
    expect_in(text, "layers, as the view of neurons would have 0 parameters and 401 boxes; it shows up to 400 of each");
    free(text);
    text = picture_of(y, &(tg_explain_options){ .view = TG_VIEW_PATHS, .parameter = "v1" });
    expect_in(text, "layers, as no paths can be shown: one has too many steps");
    free(text);
    tg_tape_free(tape);
}
END_TEST

/* ---- paths ---- */

START_TEST(paths_are_counted_and_added) {
    net   n    = mazur(1, true);
    char *text = picture_of(n.loss, &(tg_explain_options){ .view = TG_VIEW_PATHS, .parameter = "x[0,0]" });
    expect_in(text, "over 2 paths&#160;=&#160;<B>0.005754</B>&#160;\xe2\x9c\x93 the same as by the walk back");
    expect_in(text, "<B>0.003749</B>"), expect_in(text, "<B>0.002005</B>");
    ck_assert_int_eq(count_of(text, "class=\"fwd"), 11);
    expect_silent_dot(text);
    free(text);
    release(&n);
    n    = classifier(TG_SIZES(20, 30, 10), 64);
    text = picture_of(n.loss, &(tg_explain_options){ .view = TG_VIEW_PATHS, .parameter = "net/fc1/weight[7,3]" });
    expect_in(text, "over 640 paths"), expect_in(text, "630 other paths, together"), expect_in(text, "the same as by the walk back");
    ck_assert_int_eq(count_of(text, "class=\"value"), 10);
    expect_silent_dot(text);
    free(text);
    release(&n);
}
END_TEST

START_TEST(a_path_through_two_ways_and_an_expanded_op) {
    const double    a = 2, b = 1, three[3] = { 1, 2, 3 };
    tg_tape        *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    const tg_tensor x[2] = { tg_name(tg_scalar_input(tape, &a), "a"), tg_name(tg_scalar_input(tape, &b), "b") },
                    in   = tg_name(tg_input_f64(tape, three, 1, 3), "in");
    const tg_tensor y    = tg_add(two_ways(x), tg_sum(tg_square(tg_softmax(in))));
    tg_tensor       g[3];
    ck_assert_int_eq(tg_gradients(y, TG_NONE, (const tg_tensor[]){ x[0], x[1], in }, 3, g, NULL), TG_OK);
    char *text = picture_of(y, &(tg_explain_options){ .view = TG_VIEW_PATHS, .parameter = "b" });
    expect_in(text, "over 2 paths&#160;=&#160;<B>5</B>");
    free(text);
    text = picture_of(y, &(tg_explain_options){ .view = TG_VIEW_PATHS, .parameter = "in[0,1]" });
    expect_in(text, "the same as by the walk back");
    expect_silent_dot(text);
    free(text);
    tg_tape_free(tape);
}
END_TEST

START_TEST(paths_that_cannot_be_shown) {
    net   n    = mazur(1, false);
    char *text = picture_of(n.loss, &(tg_explain_options){ .view = TG_VIEW_PATHS, .parameter = "x[0,0]" });
    FILE *out  = fopen("/dev/null", "w");
    const struct {
        const char *parameter;
        tg_status   status;
    } wrong[] = { { NULL, TG_NULL_ARGUMENT },
                  { "y", TG_UNKNOWN_NAME },
                  { "x", TG_BAD_ARGUMENT },
                  { "x[0]", TG_BAD_ARGUMENT },
                  { "x[0,0] ", TG_BAD_ARGUMENT },
                  { "x[0,2]", TG_OUT_OF_RANGE },
                  { "x[99999999999999,0]", TG_OUT_OF_RANGE },
                  { "x[-1,0]", TG_BAD_ARGUMENT },
                  { "[", TG_UNKNOWN_NAME },
                  { "", TG_UNKNOWN_NAME } };
    expect_in(text, "layers, as no paths can be shown: no gradient is recorded");
    free(text);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const tg_explain_options options = { .view = TG_VIEW_PATHS, .parameter = wrong[i].parameter };
        ck_assert_msg(tg_explain(n.loss, TG_DOT, out, &options) == wrong[i].status, "%s", wrong[i].parameter);
        ck_assert_int_eq(tg_last_error(NULL), wrong[i].status);
    }
    ck_assert_int_eq(tg_explain(n.loss, TG_DOT, out, &(tg_explain_options){ .view = (tg_explain_view)9 }), TG_BAD_ARGUMENT);
    ck_assert_int_eq(tg_explain(n.loss, TG_DOT, out, &(tg_explain_options){ .theme = (tg_theme)9 }), TG_BAD_ARGUMENT);
    ck_assert_int_eq(tg_explain(n.loss, TG_DOT, out, &(tg_explain_options){ .digits = 18 }), TG_BAD_ARGUMENT);
    ck_assert_int_eq(tg_explain(n.loss, TG_DOT, out, &(tg_explain_options){ .example = 1 }), TG_OUT_OF_RANGE);
    ck_assert_int_eq(tg_explain(n.loss, TG_DOT, out, &(tg_explain_options){ .example = -1 }), TG_OUT_OF_RANGE);
    tg_last_error(NULL);
    ck_assert_int_eq(ftell(out), 0);
    fclose(out);
    release(&n);
}
END_TEST

/* ---- examples, plans, orders ---- */

START_TEST(one_example_of_a_batch) {
    net   n    = classifier(TG_SIZES(3, 2), 5);
    char *text = picture_of(n.loss, &(tg_explain_options){ .view = TG_VIEW_NEURONS, .example = 4, .title = "the last" });
    expect_in(text, "example 5 of 5; the loss and the gradients of parameters are those of all examples");
    expect_in(text, "<B>the last</B>");
    ck_assert_int_eq(count_of(text, "class=\"sum"), 2);
    expect_silent_dot(text);
    free(text);
    release(&n);
}
END_TEST

START_TEST(the_plan_pass_by_pass) {
    if (getenv("TAPEGRAD_EAGER") != NULL) return;      /* has no passes */
    net   n    = classifier(TG_SIZES(784, 128, 10), 64);
    char *text = picture_of(n.loss, &(tg_explain_options){ .view = TG_VIEW_PLAN });
    expect_in(text, "<B>patterns</B>"), expect_in(text, "cross_entropy_slope"), expect_in(text, "arena+"), expect_in(text, "in n24+100352");
    expect_in(text, "a strip in arena+"), expect_in(text, "net/fc1/weight");
    free(text);
    release(&n);
}
END_TEST

START_TEST(a_second_derivative_has_clusters_of_its_own) {
    const double    half = 0.5;
    tg_tape        *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    const tg_tensor x = tg_name(tg_scalar_input(tape, &half), "x"), y = tg_name(tg_tanh(x), "y"), slope = tg_name(tg_grad(y, x), "slope");
    ck_assert(tg_grad(slope, x).id != 0);
    for (int view = TG_VIEW_AUTOMATIC; view <= TG_VIEW_LAYERS; view++) {
        char *text = picture_of(slope, &(tg_explain_options){ .view = (tg_explain_view)view });
        expect_in(text, "label=\"backward graph\""), expect_in(text, "label=\"the second-order graph, ");
        expect_in(text, "0.7864"), expect_in(text, MINUS "0.7269");
        expect_silent_dot(text);
        free(text);
    }
    char *text = picture_of(y, &(tg_explain_options){ .view = TG_VIEW_LAYERS });
    expect_in(text, "label=\"the backward graph, ");
    expect_silent_dot(text);
    free(text);
    tg_tape_free(tape);
}
END_TEST

/* ---- names ---- */

START_TEST(names_of_every_kind) {
    static const char *const names[] = { "<b>&amp;\"|{}\\N\\",
                                         "a\nn5 = b\n  n6 = c(n1)  [1,1]  v3",
                                         "\xce\xb1\xce\xb2",
                                         "\xff\xfe broken \xc3",
                                         "]]>--><!--",
                                         "%s%d{delta}",
                                         "a space",
                                         "\x01\x7f" };
    char                     long_name[201];
    memset(long_name, 'n', 200), long_name[200] = '\0';
    for (size_t i = 0; i <= sizeof names / sizeof names[0]; i++) {
        const char     *text   = i < sizeof names / sizeof names[0] ? names[i] : long_name;
        const double    half   = 0.5;
        tg_tape        *tape   = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
        tg_params      *params = tg_params_new(1, NULL);
        const tg_tensor x      = tg_name(tg_scalar_input(tape, &half), text);
        if (tg_tape_status(tape) == TG_OK) { /* some are refused */
            tg_push_scope(tape, text);
            tg_tensor y = tg_sum(tg_square(tg_linear(x, tg_use(tape, tg_variable_new(params, "w", 1, 2, NULL)), TG_NONE)));
            tg_pop_scope(tape);
            if (tg_tape_status(tape) == TG_OK) tg_grad(y, x);
            for (int view = TG_VIEW_AUTOMATIC; view <= TG_VIEW_PLAN && tg_tape_status(tape) == TG_OK; view++) {
                char *drawn = picture_of(
                    y, &(tg_explain_options){ .view = (tg_explain_view)view, .title = text, .parameter = "w[0,1]", .ascii = view % 2 == 1 });
                expect_silent_dot(drawn);
                free(drawn);
            }
        }
        tg_tape_free(tape);
        tg_params_free(params);
        tg_last_error(NULL);
    }
}
END_TEST

/* ---- random programs ---- */

/* Their pictures, one after the other: one call of Graphviz draws them all. */
static void draw_programs(uint64_t first, uint64_t count, FILE *out) {
    static program p;
    for (uint64_t seed = first; seed < first + count; seed++) {
        world     w;
        recording r = { .argument_count = 0 };
        make_program(&p, seed);
        open_world(&w, &p);
        tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = p.type, .seed = p.seed });
        tg_tape_set_step(tape, p.step);
        const tg_status status = record_program(&p, &w, tape, &(manner){ 0 }, &r);
        const tg_tensor last   = status == TG_OK && r.loss.tape == tape && p.wanted_count > 0 ? r.loss
                                 : r.argument_count > 0                                       ? r.arguments[0]
                                                                                              : TG_NONE;
        for (int view = TG_VIEW_AUTOMATIC; view <= TG_VIEW_LAYERS && status == TG_OK && (tg_rows(last) > 0 || tg_cols(last) > 0);
             view += TG_VIEW_LAYERS) {
            char *text = picture_of(last, &(tg_explain_options){ .view = (tg_explain_view)view });
            if (view == TG_VIEW_LAYERS) expect_edges(last, text);
            fputs(text, out);
            free(text);
        }
        tg_tape_free(tape);
        close_world(&w);
    }
}

START_TEST(programs_by_chance) {
    char  *text[2];
    size_t length;
    for (int again = 0; again < 2; again++) {
        FILE *out = open_memstream(&text[again], &length);
        draw_programs((uint64_t)_i * 50, 50, out);
        ck_assert_int_eq(fclose(out), 0);
    }
    ck_assert_str_eq(text[0], text[1]);
    ck_assert_int_ge(count_of(text[0], "digraph"), 60);
    expect_silent_dot(text[0]);
    free(text[0]), free(text[1]);
}
END_TEST

/* ---- memory that runs out ---- */

static tg_status draw_once(void *context) {
    const tg_explain_options *options = context;
    static const double       x[]     = { .05, .1 };
    static const float        t[]     = { 1 };
    tg_params                *params  = tg_params_new(1, NULL);
    tg_tape                  *tape    = params != NULL ? tg_tape_new(NULL) : NULL;
    tg_variable              *w       = tape != NULL ? tg_variable_new(params, "w", 2, 1, NULL) : NULL;
    tg_status                 status  = TG_OUT_OF_MEMORY;
    if (w != NULL) {
        const tg_tensor in   = tg_name(tg_input_f64(tape, x, 1, 2), "in");
        const tg_tensor loss = tg_mse_loss(tg_tanh(tg_linear(in, tg_use(tape, w), TG_NONE)), tg_input(tape, t, 1, 1));
        tg_grad(loss, in);
        FILE *out = fopen("/dev/null", "w");
        status    = tg_tape_status(tape) != TG_OK ? tg_tape_status(tape) : tg_explain(loss, TG_DOT, out, options);
        fclose(out);
    }
    tg_tape_free(tape);
    tg_params_free(params);
    return status;
}

START_TEST(every_allocation_may_fail) {
    let_each_allocation_fail(draw_once, &(tg_explain_options){ .view = (tg_explain_view)_i, .parameter = "in[0,1]", .title = "t" }, 50);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("dot");
    TCase *cases = tcase_create("dot");
    tcase_set_timeout(cases, 300);
    suite_add_tcase(suite, cases);
    tcase_add_test(cases, a_net_of_neurons);
    tcase_add_test(cases, before_the_backward_pass_a_dot);
    tcase_add_test(cases, in_every_dress);
    tcase_add_test(cases, nets_of_layers);
    tcase_add_test(cases, the_picture_of_a_large_net_is_small);
    tcase_add_loop_test(cases, exercises_by_hand, 0, sizeof exercises / sizeof exercises[0]);
    tcase_add_loop_test(cases, worked_expressions, 0, sizeof expressions / sizeof expressions[0]);
    tcase_add_loop_test(cases, worked_nets, 0, sizeof nets / sizeof nets[0]);
    tcase_add_test(cases, what_is_not_finite_is_red_and_thick);
    tcase_add_test(cases, equations_are_true);
    tcase_add_test(cases, what_is_too_large_is_left_out_and_the_caption_says_so);
    tcase_add_test(cases, paths_are_counted_and_added);
    tcase_add_test(cases, a_path_through_two_ways_and_an_expanded_op);
    tcase_add_test(cases, paths_that_cannot_be_shown);
    tcase_add_test(cases, one_example_of_a_batch);
    tcase_add_test(cases, the_plan_pass_by_pass);
    tcase_add_test(cases, a_second_derivative_has_clusters_of_its_own);
    tcase_add_test(cases, names_of_every_kind);
    tcase_add_loop_test(cases, programs_by_chance, 0, 4);
    tcase_add_loop_test(cases, every_allocation_may_fail, TG_VIEW_AUTOMATIC, TG_VIEW_PLAN + 1);
    return run_suite(suite);
}
