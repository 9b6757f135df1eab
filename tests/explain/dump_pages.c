/* dump_pages.c - prints the exercises of tests/museum, and some programs that are hard to print, in every format into a folder, for check_pages.py:
 *   dump_pages FOLDER
 * A file is called exercise.variant.extension; exercise.expected has a matrix on each line: name, rows, columns, values, gradients. */
#include "museum/exercises.h"
#include "random/program.h"

#include <locale.h>
#include <math.h>
#include <tapegrad/explain.h>

static const char *folder;

static void give_up(const char *what, tg_tensor loss) {
    const char *sentence = "";
    tg_last_error(&sentence);
    fprintf(stderr, "%s: %s %s\n", what, sentence, loss.tape != NULL ? tg_tape_error(loss.tape) : "");
    exit(EXIT_FAILURE);
}

/* ---- formats and options ---- */

typedef struct variant {
    const char        *name, *extension;
    tg_format          format;
    tg_explain_options options;
} variant;

static const variant variants[] = {
    { "default", "txt", TG_TEXT, { .title = "An exercise" } },
    { "ascii", "txt", TG_TEXT, { .ascii = true } },
    { "narrow", "txt", TG_TEXT, { .columns = 80, .ascii = true } },
    { "layers", "txt", TG_TEXT, { .view = TG_VIEW_LAYERS } },
    { "neurons", "txt", TG_TEXT, { .view = TG_VIEW_NEURONS } },
    { "symbols", "txt", TG_TEXT, { .no_values = true } },
    { "digits2", "txt", TG_TEXT, { .digits = 2 } },
    { "exact", "txt", TG_TEXT, { .view = TG_VIEW_NEURONS, .row_notation = true, .digits = 15, .columns = 2000 } },
    { "default", "tex", TG_LATEX, { .title = "An exercise" } },
    { "layers", "tex", TG_LATEX, { .view = TG_VIEW_LAYERS } },
    { "symbols", "tex", TG_LATEX, { .no_values = true } },
    { "digits2", "tex", TG_LATEX, { .digits = 2 } },
    { "exact", "tex", TG_LATEX, { .view = TG_VIEW_NEURONS, .row_notation = true, .digits = 15 } },
    { "default", "mmd", TG_MERMAID, { .title = "An exercise" } },
    { "dark", "mmd", TG_MERMAID, { .theme = TG_THEME_DARK, .ascii = true } },
    { "symbols", "mmd", TG_MERMAID, { .no_values = true } },
    { "exact", "mmd", TG_MERMAID, { .row_notation = true, .digits = 15 } },
    { "default", "json", TG_JSON, { .title = "An exercise" } },
    { "symbols", "json", TG_JSON, { .no_values = true } },
    { "exact", "json", TG_JSON, { 0 } },
    { "default", "dot", TG_DOT, { .title = "An exercise" } },
    { "ascii", "dot", TG_DOT, { .theme = TG_THEME_DARK, .ascii = true } },
    { "layers", "dot", TG_DOT, { .view = TG_VIEW_LAYERS, .theme = TG_THEME_PRINT } },
    { "symbols", "dot", TG_DOT, { .no_values = true } },
    { "digits2", "dot", TG_DOT, { .digits = 2 } },
    { "exact", "dot", TG_DOT, { .view = TG_VIEW_NEURONS, .row_notation = true, .digits = 15 } },
    { "default", "html", TG_HTML, { .title = "An exercise" } },
    { "layers", "html", TG_HTML, { .view = TG_VIEW_LAYERS, .theme = TG_THEME_DARK } },
    { "symbols", "html", TG_HTML, { .no_values = true } },
    { "digits2", "html", TG_HTML, { .digits = 2 } },
    { "exact", "html", TG_HTML, { .view = TG_VIEW_NEURONS, .row_notation = true, .digits = 15 } },
};

static void dump(const char *name, tg_tensor loss) {
    char path[4096];
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        const variant *v = &variants[i];
        snprintf(path, sizeof path, "%s/%s.%s.%s", folder, name, v->name, v->extension);
        FILE *out = fopen(path, "w");      /* tg_explain_file would wait for the disk each time */
        if (out == NULL || tg_explain(loss, v->format, out, &v->options) != TG_OK) give_up(path, loss);
        fclose(out);
    }
}

/* ---- exercises, with their matrices as inputs, or the parameters among them as variables ---- */

static void write_expected(const char *name, const worked *w) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.expected", folder, name);
    FILE *out = fopen(path, "w");
    if (out == NULL) perror(path), exit(EXIT_FAILURE);
    for (int k = 0; k < count_quantities(w); k++) {
        const quantity *q = &w->quantities[k];
        fprintf(out, "%s %d %d", q->name, (int)q->rows, (int)q->cols);
        for (int i = 0; i < (int)(q->rows * q->cols); i++) fprintf(out, " %.17g", q->value[i]);
        for (int i = 0; i < (int)(q->rows * q->cols); i++) fprintf(out, " %.17g", q->gradient[i]);
        fprintf(out, "\n");
    }
    fclose(out);
}

static bool is_data(const char *name) { return strcmp(name, "x") == 0 || strcmp(name, "t") == 0; }

static void dump_worked(const char *name, const worked *w, bool with_variables) {
    tg_variable *v[MOST_QUANTITIES];
    tg_tensor    x[MOST_QUANTITIES], all[2 * MOST_QUANTITIES];
    tg_params   *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    tg_tape     *tape   = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    const int    count  = count_quantities(w);
    for (int k = 0; k < w->operands; k++) {
        const quantity *q = &w->quantities[k];
        v[k] = with_variables && !is_data(q->name) ? tg_variable_new(params, q->name, q->rows, q->cols, NULL) : NULL;
        if (v[k] != NULL && tg_variable_write_f64(v[k], q->value) != TG_OK) give_up(q->name, TG_NONE);
    }
    for (int k = 0; k < w->operands; k++) {
        const quantity *q = &w->quantities[k];
        x[k] = v[k] != NULL ? tg_use(tape, v[k]) : tg_name(tg_input_f64(tape, q->value, q->rows, q->cols), q->name);
    }
    const tg_tensor loss = w->record(x);
    for (int k = 0; k < count; k++) all[k] = k < w->operands ? x[k] : tg_find(tape, w->quantities[k].name);
    if (tg_gradients(loss, TG_NONE, all, count, all + count, NULL) != TG_OK) give_up(name, loss);
    write_expected(name, w);
    dump(name, loss);
    tg_tape_free(tape);
    tg_params_free(params);
}

/* ---- programs that are hard to print ---- */

static float  data[64 * 784];
static double plain[8] = { 0.5, -1.25, 2, 0.75, -0.1, 3, 1, -2 };

static void fill_data(void) {
    for (size_t i = 0; i < sizeof data / sizeof *data; i++) data[i] = (float)((double)(i * 37 % 101) / 50 - 1);
}

/* Parameters by name, so that no seed decides what is printed. */
static void dump_net(const char *name, tg_sizes sizes, int batch, const char *activation, bool classes, bool walk) {
    int32_t    labels[64];
    tg_params *params = tg_params_new(3, NULL);
    tg_tape   *tape   = tg_tape_new(NULL);
    tg_mlp    *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = sizes, .activation = activation });
    for (int i = 0; i < 64; i++) labels[i] = i % (int)sizes.at[sizes.count - 1];
    const tg_tensor y = tg_mlp_forward(net, tg_input(tape, data, batch, sizes.at[0]));
    const tg_tensor loss = classes ? tg_cross_entropy(y, tg_labels(tape, labels, batch))
                                   : tg_mse_loss(y, tg_input(tape, data + 1000, batch, tg_cols(y)));
    const tg_tensor block = tg_use_block(tape, params, NULL);
    if (walk && tg_grad(loss, block).id == 0) give_up(name, loss);
    dump(name, loss);
    tg_tape_free(tape);
    tg_mlp_free(net);
    tg_params_free(params);
}

/* Names with the signs of all formats. */
static tg_tensor with_hostile_names(tg_tape *tape) {
    static char long_name[201];
    memset(long_name, 'q', 200);
    tg_push_scope(tape, "a<b>&\"|{}\\");
    const tg_tensor a = tg_name(tg_input_f64(tape, plain, 1, 2), "x \"<b>&amp;</script>|{}[]()\\end{align*}$%#_^~`;");
    const tg_tensor b = tg_name(tg_input_f64(tape, plain + 2, 1, 2), "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    const tg_tensor c = tg_name(tg_mul(a, b), "two\nlines\t\x1b[31m");
    tg_pop_scope(tape);
    return tg_sum(tg_name(tg_tanh(tg_name(c, "pi")), long_name));
}

static tg_tensor not_finite(tg_tape *tape) {
    static const double values[3] = { NAN, INFINITY, -INFINITY };
    const tg_tensor x = tg_name(tg_input_f64(tape, values, 1, 3), "x"), w = tg_name(tg_input_f64(tape, plain, 1, 3), "w");
    return tg_sum(tg_mul(x, w));
}

/* Views, joins, sums over rows, softmax; a value used three times; what has no derivative. */
static tg_tensor many_ops(tg_tape *tape) {
    const tg_tensor x = tg_name(tg_input_f64(tape, plain, 2, 3), "x"), top = tg_slice_rows(x, 0, 1), s = tg_softmax(tg_mul(x, x));
    const tg_tensor parts[3] = { tg_sum_rows(s), top, tg_relu(tg_shift(top, -0.2)) };
    const tg_tensor mean = tg_mean(tg_square(tg_concat_cols(parts, 3)));
    return tg_add(mean, tg_max(tg_abs(x)));
}

static tg_tensor huge_and_tiny(tg_tape *tape) {
    static const double values[4] = { 1e-9, 3.25e12, -1e-5, 123456.7 };
    const tg_tensor x = tg_name(tg_input_f64(tape, values, 1, 4), "x"), f = tg_sigmoid(tg_scale(x, 1e-12));
    const tg_tensor square = tg_mul(f, f);
    return tg_sum(tg_add(square, tg_gelu(tg_scale(x, 1e-6))));
}

static tg_tensor with_seeds(tg_tape *tape) {
    const tg_tensor x = tg_name(tg_input_f64(tape, plain, 1, 2), "x"), y = tg_tanh(tg_square(x)), seed = tg_input_f64(tape, plain + 2, 1, 2);
    tg_tensor       g;
    if (tg_gradients(y, seed, &x, 1, &g, NULL) != TG_OK) give_up("seeds", y);
    return y;
}

/* A derivative of a derivative, and each of two gradients by a walk of its own. */
static tg_tensor slope_of_slope(tg_tape *tape) {
    const tg_tensor x = tg_name(tg_input_f64(tape, plain, 1, 1), "x"), y = tg_name(tg_input_f64(tape, plain + 2, 1, 1), "y");
    const tg_tensor slope = tg_grad(tg_mul(tg_square(tg_sin(x)), y), x);
    if (tg_grad(slope, x).id == 0 || tg_grad(slope, y).id == 0) give_up("slope", slope);
    return slope;
}

static tg_tensor names_of_numbers(tg_tape *tape) {
    const tg_tensor a = tg_name(tg_input_f64(tape, plain, 1, 1), "pi"), b = tg_name(tg_input_f64(tape, plain + 1, 1, 1), "infinity");
    const tg_tensor first = tg_gelu(a);
    return tg_mul(first, tg_tanh(b));
}

static void dump_program(const char *name, tg_tensor (*record)(tg_tape *tape), bool walk) {
    tg_tape        *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    const tg_tensor loss = record(tape), x = tg_tensor_at(tape, 1);
    if (walk && tg_grad(loss, x).id == 0) give_up(name, loss);
    dump(name, loss);
    tg_tape_free(tape);
}

/* Random programs over all ops: those that have a loss and gradients. */
static void dump_random(int count) {
    static program p;
    for (int seed = 0, dumped = 0; dumped < count; seed++) {
        world     w;
        recording r = { .argument_count = 0 };
        char      name[32];
        make_program(&p, (uint64_t)seed);
        open_world(&w, &p);
        tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = p.type, .seed = 17 });
        tg_tape_set_step(tape, p.step);
        if (record_program(&p, &w, tape, &(manner){ 0 }, &r) == TG_OK && r.loss.tape == tape && p.wanted_count > 0) {
            snprintf(name, sizeof name, "random%03d", seed);
            dump(name, r.loss);
            dumped++;
        }
        tg_tape_free(tape);
        close_world(&w);
    }
}

int main(int argc, char **argv) {
    char name[64];
    if (argc != 2) return fprintf(stderr, "usage: dump_pages FOLDER\n"), EXIT_FAILURE;
    setlocale(LC_NUMERIC, "");      /* nothing of it is printed */
    folder = argv[1];
    fill_data();
    for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++) {
        snprintf(name, sizeof name, "expression%02d", (int)i);
        dump_worked(name, &expressions[i], false);
    }
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        snprintf(name, sizeof name, "net%02d", (int)i);
        dump_worked(name, &nets[i], false);
        snprintf(name, sizeof name, "layers%02d", (int)i);
        dump_worked(name, &nets[i], true);
    }
    dump_net("mlp221", TG_SIZES(2, 2, 1), 1, "sigmoid", false, true);
    dump_net("mlp483", TG_SIZES(4, 8, 3), 1, "tanh", true, true);
    dump_net("batch", TG_SIZES(3, 4, 2), 5, "gelu", false, true);
    dump_net("large", TG_SIZES(784, 128, 10), 64, "relu", true, true);
    dump_net("before", TG_SIZES(2, 3, 2), 2, "tanh", false, false);
    dump_program("hostile", with_hostile_names, true);
    dump_program("nan", not_finite, true);
    dump_program("ops", many_ops, true);
    dump_program("sizes", huge_and_tiny, true);
    dump_program("words", names_of_numbers, true);
    dump_program("seeds", with_seeds, false);
    dump_program("slope", slope_of_slope, false);
    dump_random(25);
    return EXIT_SUCCESS;
}
