/* pages.c - writes the pages that test_page.py looks at: FOLDER/NAME.html, and FOLDER/NAME.txt with what the engine says the gradients are. */
#include "page_nets.h"
#include <stdio.h>

static int failures;

static void write_gradients(const net *n, const char *path) {
    if (n->gradients[0].tape == NULL) return;
    FILE *out = fopen(path, "w");
    if (out == NULL || tg_run_many(n->gradients, n->leaf_count) != TG_OK) {
        failures++;
        if (out != NULL) fclose(out);
        return;
    }
    for (int k = 0; k < n->leaf_count; k++) {
        const tg_shape shape  = tg_shape_of(n->gradients[k]);
        double        *values = malloc((size_t)(shape.rows * shape.cols) * sizeof *values);
        if (tg_read_f64(n->gradients[k], values) != TG_OK) failures++;
        fprintf(out, "%d %d", (int)shape.rows, (int)shape.cols);
        for (int64_t i = 0; i < shape.rows * shape.cols; i++) fprintf(out, " %.9g", values[i]);
        fprintf(out, "\n");
        free(values);
    }
    fclose(out);
}

static void write_page(net n, const char *folder, const char *name, const tg_explain_options *options) {
    char path[500];
    snprintf(path, sizeof path, "%s/%s.html", folder, name);
    const tg_status status = tg_explain_file(n.loss, TG_HTML, path, options);
    if (status != TG_OK) {
        const char *why;
        tg_last_error(&why);
        fprintf(stderr, "%s: %s %s\n", name, why, tg_tape_error(n.tape));
        failures++;
    }
    snprintf(path, sizeof path, "%s/%s.txt", folder, name);
    write_gradients(&n, path);
    net_free(&n);
}

int main(int count, char **arguments) {
    if (count != 2) return 2;
    const char *folder = arguments[1];
    write_page(net_2_2_1(TG_F64, true), folder, "2-2-1", &(tg_explain_options){ .title = "Two inputs, two neurons, one output" });
    write_page(net_2_2_1(TG_F64, true), folder, "2-2-1-dark", &(tg_explain_options){ .theme = TG_THEME_DARK, .row_notation = true });
    write_page(net_2_2_1(TG_F64, true), folder, "2-2-1-layers", &(tg_explain_options){ .view = TG_VIEW_LAYERS, .theme = TG_THEME_PRINT });
    write_page(net_classes(2, 2, 2, 1, true), folder, "2-2-2", NULL);      /* weights of many digits within their neurons */
    write_page(net_classes(4, 8, 3, 1, true), folder, "4-8-3", NULL);
    write_page(net_classes(4, 8, 3, 16, true), folder, "4-8-3-batch", &(tg_explain_options){ .example = 5 });
    write_page(net_classes(784, 128, 10, 64, true), folder, "784-128-10", NULL);
    write_page(net_deep(6), folder, "deep", NULL);
    write_page(net_expression(), folder, "expression", NULL);
    write_page(net_reuse(), folder, "reuse", NULL);
    write_page(net_mazur(), folder, "mazur", &(tg_explain_options){ .title = "Mazur 2015" });
    write_page(net_2_2_1(TG_F64, false), folder, "before", NULL);
    write_page(net_2_2_1(TG_F64, true), folder, "symbols", &(tg_explain_options){ .no_values = true });
    write_page(net_of_no_numbers(), folder, "no-numbers", &(tg_explain_options){ .digits = 9 });
    return failures == 0 ? 0 : 1;
}
