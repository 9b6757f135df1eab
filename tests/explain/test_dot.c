/* test_dot.c - pictures for Graphviz: what Graphviz says to them, edges counted, the same bytes again, names of every kind, what is not finite. */
#include "support.h"      /* first: it uses a name of the other */
#include "explain/story.h"
#include "random/program.h"

#include <time.h>
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
    const int status = pclose(pipe);
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
    net          n  = { .tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 }), .params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 }) };
    tg_variable *w1 = tg_variable_new(n.params, "net/fc1/weight", 2, 2, NULL), *b1 = tg_variable_new(n.params, "net/fc1/bias", 1, 2, NULL);
    tg_variable *w2 = tg_variable_new(n.params, "net/fc2/weight", 2, outputs, NULL), *b2 = tg_variable_new(n.params, "net/fc2/bias", 1, outputs, NULL);
    ck_assert_int_eq(tg_variable_write_f64(w1, (double[]){ .15, .25, .2, .3 }), TG_OK);
    ck_assert_int_eq(tg_variable_write_f64(b1, (double[]){ .35, .35 }), TG_OK);
    ck_assert_int_eq(tg_variable_write_f64(w2, outputs == 1 ? one : two), TG_OK);
    ck_assert_int_eq(tg_variable_write_f64(b2, (double[]){ .6, .6 }), TG_OK);
    const tg_tensor in = tg_input_f64(n.tape, x, 1, 2), target = tg_name(tg_input_f64(n.tape, t, 1, outputs), "t");
    const tg_tensor h  = tg_sigmoid(tg_linear(in, tg_use(n.tape, w1), tg_use(n.tape, b1)));
    n.loss = half_squares(tg_sigmoid(tg_linear(h, tg_use(n.tape, w2), tg_use(n.tape, b2))), target);
    tg_tensor g[2];
    if (backward) tg_gradients(n.loss, TG_NONE, (tg_tensor[]){ in, tg_use_block(n.tape, n.params, NULL) }, 2, g, NULL);
    return n;
}

static net classifier(tg_sizes sizes, int batch) {
    const int inputs = (int)sizes.at[0], classes = (int)sizes.at[sizes.count - 1];
    static float   x[64 * 784];
    static int32_t labels[64];
    net n = { .tape = tg_tape_new(NULL), .params = tg_params_new(1, NULL) };
    for (int i = 0; i < batch * inputs; i++) x[i] = (float)(i * 37 % 101) / 101 - 0.3F;
    for (int i = 0; i < batch; i++) labels[i] = i % classes;
    n.mlp  = tg_mlp_new(n.params, &(tg_mlp_options){ .sizes = sizes, .activation = "tanh" });
    n.loss = tg_cross_entropy(tg_mlp_forward(n.mlp, tg_input(n.tape, x, batch, inputs)), tg_labels(n.tape, labels, batch));
    ck_assert(tg_grad(n.loss, tg_use_block(n.tape, n.params, NULL)).id != 0);
    return n;
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
    expect_in(text, "\xce\xb4\xc2\xb9\xe2\x82\x81</B>&#160;=&#160;\xe2\x88\x82L/\xe2\x88\x82\xce\xa3\xc2\xb9\xe2\x82\x81&#160;=&#160;\xc2\xb7</FONT>");
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
            const tg_explain_options options = { .view = (tg_explain_view)view, .theme = (tg_theme)(dress % 3), .ascii = dress % 2 == 1, .digits = dress * 3,
                                                 .row_notation = dress > 2, .no_values = dress == 4, .parameter = "net/fc1/weight[0,1]",
                                                 .title = "<a> & \"b\" | {c} \\N \\" };
            char *text = picture_of(n.loss, &options), *again = picture_of(n.loss, &options);
            ck_assert_str_eq(text, again);
            for (const char *c = text; options.ascii && *c != '\0'; c++) ck_assert_msg((unsigned char)*c < 128, "no ASCII: %.40s", c);
            expect_silent_dot(text);
            free(text), free(again);
        }
    release(&n);
}
END_TEST

/* ---- the layer view ---- */

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
        messages += (from->role != TG_ROLE_SUM && from->role != TG_ROLE_PRODUCT) || (story.messages[i].to == story.layers[from->layer].x);
    }
    ck_assert_int_eq(count_of(text, "class=\"fwd"), uses + story.layer_count);
    ck_assert_int_eq(count_of(text, "class=\"bwd"), messages);
    tg_story_free(&story);
}

START_TEST(nets_of_layers) {
    net         nets[] = { mazur(1, true), mazur(2, true), classifier(TG_SIZES(4, 8, 3), 1), classifier(TG_SIZES(784, 128, 10), 64), classifier(TG_SIZES(3, 2), 5) };
    const char *expected[][3] = { { "0.0006684", "mul/add&#160;&#160;4/4 &#124; 8/2", "0.1385" }, { "0.0004386", "0.004741", "0.003804" },
                                  { "8\xc3\x97" "4", "3\xc3\x97" "8", "mul/add&#160;&#160;32/32 &#124; 32/0" },
                                  { "784\xc3\x97" "64", "128\xc3\x97" "784", "mul/add&#160;&#160;6422528/6422528 &#124; 6422528/6330240" }, { "3\xc3\x97" "5", "2\xc3\x97" "5", "summed" } };
    for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++) {
        char *text = picture_of(nets[i].loss, &(tg_explain_options){ .view = TG_VIEW_LAYERS });
        for (int k = 0; k < 3; k++) expect_in(text, expected[i][k]);
        expect_edges(nets[i].loss, text);
        expect_silent_dot(text);
        free(text);
        release(&nets[i]);
    }
}
END_TEST

START_TEST(a_large_net_is_quick_and_small) {
    net n = classifier(TG_SIZES(784, 128, 10), 64);
    for (int view = TG_VIEW_AUTOMATIC; view <= TG_VIEW_PLAN; view++) {
        const clock_t begin = clock();
        char         *text  = picture_of(n.loss, &(tg_explain_options){ .view = (tg_explain_view)view, .parameter = "net/fc1/weight[100,3]" });
        ck_assert_double_lt((double)(clock() - begin) / CLOCKS_PER_SEC, 1);
        ck_assert_uint_lt(strlen(text), 300000);
        if (view == TG_VIEW_NEURONS) expect_in(text, "layers, as the view of neurons would have 101770 parameters");
        expect_silent_dot(text);
        free(text);
    }
    release(&n);
}
END_TEST

int main(void) { return RUN_TESTS("dot", a_net_of_neurons, before_the_backward_pass_a_dot, in_every_dress, nets_of_layers,
                                      a_large_net_is_quick_and_small); }
