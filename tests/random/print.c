/* print.c - a program written down: as a C program that uses what everybody can use, and as the listing of its step. */
#include "random/program.h"

#include <inttypes.h>

/* ---- data ---- */

static void print_numbers(const double *at, int64_t count, const char *type, const char *name, int index, FILE *out) {
    fprintf(out, "static const %s %s%d[] = {", type, name, index);
    for (int64_t k = 0; k < count; k++) fprintf(out, "%s %a", k > 0 ? "," : "", at[k]);
    fprintf(out, "%s };\n", count == 0 ? " 0" : "");
}

static void print_data(const program *p, const world *w, FILE *out) {
    for (int i = 0; i < p->node_count; i++) {
        const node   *n     = &p->nodes[i];
        const int64_t count = elements_of(n->shape);
        if (n->kind == INPUT) print_numbers(w->values[i], count, n->is_float ? "float" : "double", "x", i, out);
        if (n->kind == SCALAR) print_numbers(w->values[i], 1, "double", "x", i, out);
        if (n->kind != INTEGERS) continue;
        fprintf(out, "static const int32_t x%d[] = {", i);
        for (int64_t k = 0; k < count; k++) fprintf(out, "%s %d", k > 0 ? "," : "", (int)w->integers[i][k]);
        fprintf(out, "%s };\n", count == 0 ? " 0" : "");
    }
    for (int i = 0; i < p->variable_count; i++) print_numbers(w->initial[i], p->variables[i].rows * p->variables[i].cols, "double", "w", i, out);
}

static void print_variables(const program *p, FILE *out) {
    fprintf(out, "    tg_params *params = tg_params_new(1, &(tg_params_options){ .type = TG_F%d });\n", 32 * (int)p->stored);
    for (int i = 0; i < p->variable_count; i++) {
        const variable *v = &p->variables[i];
        fprintf(out, "    tg_variable *v%d = tg_variable_new(params, \"w%d\", %" PRId64 ", %" PRId64 ", %s);\n", i, i, v->rows, v->cols,
                v->other_group ? "&(tg_variable_options){ .group = \"other\" }" : "NULL");
        fprintf(out, "    if (tg_variable_write_f64(v%d, w%d) != TG_OK) return 2;\n", i, i);
        if (v->frozen) fprintf(out, "    tg_freeze(v%d, true);\n", i);
    }
}

/* ---- nodes ---- */

static void print_op(const node *n, FILE *out) {
    fprintf(out, "tg_apply(tape, tg_op_find(\"%s\"), ", n->op->name);
    if (n->count == 0) fprintf(out, "NULL, 0, ");
    else {
        for (int k = 0; k < n->count; k++) fprintf(out, "%sn%d", k > 0 ? ", " : "(const tg_tensor[]){ ", n->operands[k]);
        fprintf(out, " }, %d, ", n->count);
    }
    const size_t words = (n->op->attribute_size + 7) / 8;
    if (words == 0) fprintf(out, "NULL)");
    for (size_t k = 0; k < words; k++) {
        uint64_t bits;
        memcpy(&bits, &n->attributes[k], sizeof bits);
        fprintf(out, "%sUINT64_C(0x%" PRIx64 ")%s", k > 0 ? ", " : "(const uint64_t[]){ ", bits, k + 1 == words ? " })" : "");
    }
}

static void print_numbers_meant(const node *n, FILE *out) {
    for (size_t k = 0; n->kind == OP && k < n->op->attribute_size / 8; k++) {
        int64_t word;
        memcpy(&word, &n->attributes[k], sizeof word);
        if (word > -100000 && word < 100000) fprintf(out, " %" PRId64, word);
        else fprintf(out, " %g", n->attributes[k]);
    }
}

static void print_node(const program *p, int i, FILE *out) {
    const node   *n = &p->nodes[i];
    const int64_t r = n->shape.rows, c = n->shape.cols;
    fprintf(out, "    tg_tensor n%d = ", i);
    switch (n->kind) {
        case INPUT:    fprintf(out, "tg_input%s(tape, x%d, %" PRId64 ", %" PRId64 ")", n->is_float ? "" : "_f64", i, r, c); break;
        case INTEGERS: fprintf(out, "tg_input_i32(tape, x%d, %" PRId64 ", %" PRId64 ")", i, r, c); break;
        case SCALAR:   fprintf(out, "tg_scalar_input(tape, x%d)", i); break;
        case CONSTANT: fprintf(out, "tg_constant(tape, %a)", n->attributes[0]); break;
        case VARIABLE: fprintf(out, "tg_use(tape, v%d)", n->variable); break;
        case BLOCK:    fprintf(out, "tg_use_block(tape, params, \"%s\")", p->variables[n->variable].other_group ? "other" : "default"); break;
        case ASSIGN:   fprintf(out, "tg_assign(n%d, n%d)", n->operands[0], n->operands[1]); break;
        default:       print_op(n, out);
    }
    fprintf(out, ";      /* [%" PRId64 ", %" PRId64 "]", r, c);
    print_numbers_meant(n, out);
    fprintf(out, " */\n");
    if (n->kept) fprintf(out, "    tg_keep(n%d);\n", i);
    if (n->finite) fprintf(out, "    tg_require_finite(n%d);\n", i);
}

static void print_target(const program *p, int index, FILE *out) {
    if (p->update == UPDATE_BLOCKS) fprintf(out, "tg_use_block(tape, params, \"%s\")", p->variables[index].other_group ? "other" : "default");
    else fprintf(out, "tg_use(tape, v%d)", index);
}

static void print_loss(const program *p, FILE *out) {
    fprintf(out, "    tg_tensor loss = tg_constant(tape, 0.25), g[%d];\n", p->wanted_count);
    for (int i = 0; i < p->node_count; i++)
        if (p->nodes[i].output && !p->nodes[i].shape.integer && !is_assigned_block(p, i))
            fprintf(out, "    loss = tg_add(loss, tg_sum(tg_sin(n%d)));\n", i);
    fprintf(out, "    tg_gradients(loss, TG_NONE, (const tg_tensor[]){ ");
    for (int i = 0; i < p->wanted_count; i++) fprintf(out, "%sn%d", i > 0 ? ", " : "", p->wanted[i]);
    fprintf(out, " }, %d, g, &(tg_gradients_options){ .allow_unused = true });\n", p->wanted_count);
    fprintf(out, "    run[count++] = read[reads++] = loss;\n");
    fprintf(out, "    for (int i = 0; i < %d; i++) run[count++] = read[reads++] = g[i];\n", p->wanted_count);
    for (int i = 0; i < p->variable_count; i++) {
        if (!is_updated(p, i)) continue;
        fprintf(out, "    tg_tensor u%d = ", i), print_target(p, i, out), fprintf(out, ", d%d;\n", i);
        fprintf(out, "    tg_gradients(loss, TG_NONE, &u%d, 1, &d%d, &(tg_gradients_options){ .allow_unused = true });\n", i, i);
        fprintf(out, "    run[count++] = tg_assign(u%d, tg_axpy(tg_constant(tape, -0.125), d%d, u%d));\n", i, i, i);
    }
}

static void print_step(const program *p, FILE *out) {
    fprintf(out, "static tg_status step(const tg_tape_options *options, FILE *out) {\n");
    print_variables(p, out);
    fprintf(out, "    tg_tensor run[%d], read[%d];\n    int       count = 0, reads = 0;\n", 2 * MOST_NODES, 2 * MOST_NODES);
    fprintf(out, "    tg_tape *tape = tg_tape_new(options);\n    tg_tape_set_step(tape, %" PRIu64 ");\n", p->step);
    for (int i = 0; i < p->node_count; i++) print_node(p, i, out);
    for (int i = 0; i < p->node_count; i++) {
        if (p->nodes[i].output) fprintf(out, "    run[count++] = n%d;\n", i);
        if ((p->nodes[i].output || p->nodes[i].kept) && !is_assigned_block(p, i)) fprintf(out, "    read[reads++] = n%d;\n", i);
    }
    if (p->wanted_count > 0) print_loss(p, out);
    fprintf(out, "    tg_status status = tg_run_many(run, count);\n"
                 "    if (status != TG_OK) fprintf(out, \"%%s: %%s\\n\", tg_status_name(status), tg_tape_error(tape));\n"
                 "    for (int i = 0; i < reads && status == TG_OK; i++) print_tensor(read[i], out);\n");
    for (int i = 0; i < p->variable_count; i++) fprintf(out, "    print_variable(v%d, out);\n", i);
    if (p->wanted_count > 0)
        fprintf(out, "    const char *why = NULL;\n"
                     "    if (options->eager && tg_gradcheck(loss, &(tg_gradcheck_options){ .report = out }) != TG_OK) {\n"
                     "        tg_last_error(&why);\n        fprintf(out, \"%%s\\n\", why);\n    }\n");
    fprintf(out, "    tg_tape_free(tape);\n    tg_params_free(params);\n    return status;\n}\n\n");
}

static const char printer[] =
    "\nstatic void print(const double *values, int64_t rows, int64_t cols, FILE *out) {\n"
    "    fprintf(out, \"[%\" PRId64 \",%\" PRId64 \"]\", rows, cols);\n"
    "    for (int64_t i = 0; i < rows * cols; i++) fprintf(out, \" %.17g\", values[i]);\n"
    "    fprintf(out, \"\\n\");\n}\n\n"
    "static void print_tensor(tg_tensor tensor, FILE *out) {\n"
    "    const tg_shape shape = tg_shape_of(tensor);\n"
    "    const size_t   count = (size_t)(shape.rows * shape.cols);\n"
    "    double        *values = calloc(count + 1, sizeof *values);\n"
    "    int32_t       *integers = calloc(count + 1, sizeof *integers);\n"
    "    const tg_status status = shape.integer ? tg_read_i32(tensor, integers) : tg_read_f64(tensor, values);\n"
    "    if (status != TG_OK) fprintf(out, \"%s\\n\", tg_tape_error(tensor.tape));\n"
    "    for (size_t i = 0; shape.integer && i < count; i++) values[i] = integers[i];\n"
    "    print(values, shape.rows, shape.cols, out);\n    free(values);\n    free(integers);\n}\n\n"
    "static void print_variable(const tg_variable *variable, FILE *out) {\n"
    "    const tg_shape shape = tg_variable_shape(variable);\n"
    "    double        *values = calloc((size_t)(shape.rows * shape.cols), sizeof *values);\n"
    "    if (tg_variable_read_f64(variable, values) == TG_OK) print(values, shape.rows, shape.cols, out);\n    free(values);\n}\n\n";

void print_program(const program *p, const failure *f, FILE *out) {
    world w;
    open_world(&w, p);
    fprintf(out, "/* Seed %" PRIu64 ". %s%s%s: %s */\n", p->seed, f->check, f->passes != NULL ? ", passes " : "", f->passes != NULL ? f->passes : "",
            f->text);
    fprintf(out, "#include <inttypes.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <tapegrad/tapegrad.h>\n\n");
    print_data(p, &w, out);
    fputs(printer, out);
    print_step(p, out);
    fprintf(out, "/* What an eager tape reads, and a plan. */\nint main(void) {\n"
                 "    puts(\"eager:\");\n    step(&(tg_tape_options){ .type = TG_F%d, .seed = 17, .eager = true }, stdout);\n"
                 "    puts(\"planned:\");\n    step(&(tg_tape_options){ .type = TG_F%d, .seed = 17, .passes = \"%s\" }, stdout);\n    return 0;\n}\n",
            32 * (int)p->type, 32 * (int)p->type, f->passes != NULL ? f->passes : "");
    close_world(&w);
}

/* Of the loss and its gradients; without loss, of what is run. */
void list_program(const program *p, FILE *out) {
    world     w;
    recording r;
    tg_tape  *tape = tg_tape_new(&(tg_tape_options){ .type = p->type, .eager = true, .seed = 17 });
    open_world(&w, p);
    tg_tape_set_step(tape, p->step);
    if (record_program(p, &w, tape, &(manner){ 0 }, &r) != TG_OK) fprintf(out, "%s\n", tg_tape_error(tape));
    else if (r.loss.tape == tape && p->wanted_count > 0) tg_explain(r.loss, TG_LIST, out, NULL) == TG_OK ? (void)0 : abort();
    else
        for (int i = 0; i < r.argument_count; i++)
            if (tg_explain(r.arguments[i], TG_LIST, out, NULL) != TG_OK) fprintf(out, "%s\n", tg_tape_error(tape));
    tg_tape_free(tape);
    close_world(&w);
}

void report_failure(program *p, failure *f, FILE *out) {
    const int nodes = op_nodes_of(p), tries = shrink_program(p, f);
    fprintf(out, "program %" PRIu64 " fails: %s%s%s: %s\n%d ops, shrunk from %d in %d tries. As C:\n\n", p->seed, f->check,
            f->passes != NULL ? ", passes " : "", f->passes != NULL ? f->passes : "", f->text, op_nodes_of(p), nodes, tries);
    print_program(p, f, out);
    fprintf(out, "\nAs recorded:\n\n");
    list_program(p, out);
}
