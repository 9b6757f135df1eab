/* net.c - builds a net from what was typed. */
#include "cli/net.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SIZES = 20 };

static const double most_weights = 5e7;

/* ---- losses ---- */

typedef struct loss {
    const char *name;
    tg_tensor (*of)(tg_tensor o, tg_tensor t);
    bool takes_logits;      /* so that the last layer is linear unless something else is asked for */
    bool takes_labels;      /* if t has one column */
} loss;

/* No sum of one number, which would be a node more in every picture. */
static tg_tensor squares(tg_tensor o, tg_tensor t) {
    const tg_tensor square = tg_square(tg_sub(o, t));
    return tg_rows(square) == 1 && tg_cols(square) == 1 ? square : tg_sum(square);
}

static tg_tensor half_squares(tg_tensor o, tg_tensor t) { return tg_scale(squares(o, t), 0.5); }

static const loss losses[] = {
    { "half-squares", half_squares, false, false },     { "squares", squares, false, false },
    { "mse", tg_mse_loss, false, false },               { "l1", tg_l1_loss, false, false },
    { "huber", tg_huber_loss, false, false },           { "binary-cross-entropy", tg_binary_cross_entropy_with_logits, true, false },
    { "cross-entropy", tg_cross_entropy, true, true },
};

enum { LOSSES = sizeof losses / sizeof losses[0] };

static const loss *loss_named(const char *name) {
    for (int i = 0; i < LOSSES; i++)
        if (strcmp(losses[i].name, name) == 0) return &losses[i];
    return NULL;
}

void tg_net_list_losses(char *text, size_t bytes) {
    size_t length = 0;
    for (int i = 0; i < LOSSES && length < bytes; i++)
        length += (size_t)snprintf(text + length, bytes - length, "%s%s", i > 0 ? ", " : "", losses[i].name);
}

/* ---- sizes ---- */

/* "2-2-1" */
static bool read_sizes(tg_net *net, const char *text, int64_t sizes[MOST_SIZES], int *count) {
    double weights = 0;
    *count         = 0;
    for (const char *at = text; at != NULL; at = strchr(at, '-') != NULL ? strchr(at, '-') + 1 : NULL) {
        double size;
        if (*count == MOST_SIZES) return tg_work_refuse(&net->work, "--net %s: there are more than %d sizes", text, MOST_SIZES);
        if (!tg_cli_number(at, strcspn(at, "-"), &size) || size != floor(size) || size < 1 || size > 1e7)
            return tg_work_refuse(&net->work, "--net %s: sizes such as 2-2-1 were expected, inputs first", text);
        if (*count > 0) weights += size * (double)sizes[*count - 1];
        sizes[(*count)++] = (int64_t)size;
    }
    if (*count < 2) return tg_work_refuse(&net->work, "--net %s: inputs and outputs were expected, such as 2-1", text);
    return weights <= most_weights || tg_work_refuse(&net->work, "--net %s: there are more than %.0f weights", text, most_weights);
}

/* ---- data ---- */

/* text NULL: drawn from [-1, 1] by seed and name. */
static tg_quantity *add_matrix(tg_net *net, const char *name, const char *text, int64_t rows, int64_t cols, int64_t seed) {
    tg_quantity *q = tg_work_add(&net->work, name, strlen(name));
    if (q == NULL) return NULL;
    if (text != NULL) {
        const char *why = tg_cli_read_matrix(text, strlen(text), &q->value);
        return why == NULL ? q : (tg_work_refuse(&net->work, "--%s %.200s: %s", name, text, why), NULL);
    }
    tg_params   *drawn    = tg_params_new((uint64_t)seed, &(tg_params_options){ .type = TG_F64 });
    tg_variable *variable = tg_variable_new(drawn, name, rows, cols, &(tg_variable_options){ .init = TG_UNIFORM });
    q->value              = (tg_cli_matrix){ rows, cols, variable != NULL ? calloc((size_t)(rows * cols), sizeof(double)) : NULL };
    if (q->value.at == NULL || tg_variable_read_f64(variable, q->value.at) != TG_OK) tg_work_refuse_status(&net->work, TG_OUT_OF_MEMORY), q = NULL;
    tg_params_free(drawn);
    return q;
}

static bool check_size(tg_net *net, const tg_quantity *q, int64_t rows, int64_t cols) {
    const char *each = q->name[0] == 'W' ? "for an input, a column for a neuron"
                       : q->name[0] == 'b' ? "with a number for each neuron" : "for an example";
    if (q->value.rows == rows && q->value.cols == cols) return true;
    return tg_work_refuse(&net->work, "%s is [%lld, %lld], and [%lld, %lld] was expected: a row %s", q->name, (long long)q->value.rows,
                          (long long)q->value.cols, (long long)rows, (long long)cols, each);
}

/* Labels that are drawn: 0, 1, 2, ... by turns. */
static bool make_labels(tg_net *net, tg_quantity *t, bool is_drawn, int64_t classes) {
    net->labels = calloc((size_t)t->value.rows, sizeof *net->labels);
    if (net->labels == NULL) return tg_work_refuse_status(&net->work, TG_OUT_OF_MEMORY);
    for (int64_t i = 0; i < t->value.rows; i++) {
        const double label = is_drawn ? (double)(i % classes) : t->value.at[i];
        if (label != floor(label) || label < 0 || label >= (double)classes)
            return tg_work_refuse(&net->work, "--t: a label is a whole number from 0 to %lld", (long long)classes - 1);
        net->labels[i] = (int32_t)label;
    }
    return true;
}

/* ---- weights ---- */

static tg_variable *variable_of(tg_net *net, int layer, const char *what) {
    char name[64];
    snprintf(name, sizeof name, "net/fc%d/%s", layer, what);
    return tg_variable_find(net->params, name);
}

static bool write_weight(tg_net *net, const tg_quantity *q, int layers) {
    int64_t number;
    if ((q->name[0] != 'W' && q->name[0] != 'b') || !tg_cli_whole(q->name + 1, 1, layers, &number))
        return tg_work_refuse(&net->work, "--weights: there is no %s; there are W1, b1%s", q->name, layers > 1 ? " to the last layer's" : "");
    tg_variable   *variable = variable_of(net, (int)number, q->name[0] == 'W' ? "weight" : "bias");
    const tg_shape shape    = tg_variable_shape(variable);
    if (!check_size(net, q, shape.rows, shape.cols)) return false;
    const tg_status status = tg_variable_write_f64(variable, q->value.at);
    return status == TG_OK || tg_work_refuse_status(&net->work, status);
}

static bool fill_weights(tg_net *net, const tg_net_request *request, int layers) {
    if (request->weights != NULL && request->load != NULL) return tg_work_refuse(&net->work, "either --weights or --load");
    if (request->load != NULL) {
        const tg_status status = tg_params_load(net->params, request->load, NULL);
        return status == TG_OK || tg_work_refuse_status(&net->work, status);
    }
    if (request->weights == NULL) return true;
    if (!tg_work_read_given(&net->work, request->weights)) return false;
    for (int i = 0; i < net->work.count; i++)
        if (!write_weight(net, &net->work.quantities[i], layers)) return false;
    return true;
}

/* ---- recording ---- */

/* Under the name that pictures have for it, so that it can be asked for. */
static bool add_variable(tg_net *net, int layer, const char *letter, const char *what) {
    char name[TG_WORK_NAME];
    snprintf(name, sizeof name, "%s%d", letter, layer);
    tg_quantity *q = tg_work_find(&net->work, name, strlen(name));
    if (q == NULL) q = tg_work_add(&net->work, name, strlen(name));
    if (q != NULL) q->tensor = tg_use(net->work.tape, variable_of(net, layer, what));
    return q != NULL;
}

static tg_tensor target(tg_net *net, tg_quantity *t) {
    const tg_cli_matrix *value = &t->value;
    tg_tape             *tape  = net->work.tape;
    return tg_name(net->labels != NULL ? tg_labels(tape, net->labels, value->rows) : tg_input_f64(tape, value->at, value->rows, value->cols), "t");
}

static bool record(tg_net *net, const loss *l, const char *output, int layers, tg_quantity *x, tg_quantity *t) {
    tg_work *work = &net->work;
    x->tensor     = tg_name(tg_input_f64(work->tape, x->value.at, x->value.rows, x->value.cols), "x");
    tg_tensor o   = tg_mlp_forward(net->mlp, x->tensor);
    if (strcmp(output, "linear") != 0) {
        const tg_op *op = tg_op_find(output);
        if (op == NULL || op->arity != 1 || (op->attribute_size > 0 && op->defaults == NULL))
            return tg_work_refuse(work, "there is no activation \"%s\"; linear is none at all", output);
        o = tg_apply(work->tape, op, &o, 1, NULL);
    }
    work->result = tg_name(l->of(o, target(net, t)), "L");
    for (int layer = 1; layer <= layers; layer++)
        if (!add_variable(net, layer, "W", "weight") || !add_variable(net, layer, "b", "bias")) return false;
    return tg_tape_status(work->tape) == TG_OK || tg_work_refuse_status(work, tg_tape_status(work->tape));
}

/* ---- the net ---- */

static bool make_net(tg_net *net, const tg_net_request *request, const int64_t sizes[], int count, const char *activation) {
    net->work.tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    net->params    = tg_params_new((uint64_t)request->seed, &(tg_params_options){ .type = TG_F64 });
    net->mlp       = tg_mlp_new(net->params, &(tg_mlp_options){ .sizes = { sizes, count }, .activation = activation });
    if (net->work.tape == NULL || net->mlp == NULL) return tg_work_refuse_status(&net->work, TG_OUT_OF_MEMORY);
    if (tg_begin(net->work.tape, NULL) != TG_OK) return tg_work_refuse_status(&net->work, TG_BUG);
    return fill_weights(net, request, count - 1);
}

/* t is [batch, outputs], or the labels [batch, 1]. */
static bool add_data(tg_net *net, const tg_net_request *request, const loss *l, int64_t in, int64_t out, tg_quantity **x, tg_quantity **t) {
    *x = add_matrix(net, "x", request->x, request->batch, in, request->seed);
    if (*x == NULL || !check_size(net, *x, (*x)->value.rows, in)) return false;
    *t = add_matrix(net, "t", request->t, (*x)->value.rows, l->takes_labels ? 1 : out, request->seed);
    if (*t == NULL) return false;
    const bool is_labels = l->takes_labels && (*t)->value.cols == 1;
    if (!check_size(net, *t, (*x)->value.rows, is_labels ? 1 : out)) return false;
    return !is_labels || make_labels(net, *t, request->t == NULL, out);
}

bool tg_net_begin(tg_net *net, const tg_net_request *request) {
    const char  *activation = request->activation != NULL ? request->activation : "sigmoid";
    const char  *loss_name = request->loss != NULL ? request->loss : "half-squares";
    const loss  *l = loss_named(loss_name);
    int64_t      sizes[MOST_SIZES];
    int          count;
    tg_quantity *x, *t;
    char         known[200];
    *net = (tg_net){ .params = NULL };
    if (l == NULL) {
        tg_net_list_losses(known, sizeof known);
        return tg_work_refuse(&net->work, "there is no loss \"%s\"; there are %s", loss_name, known);
    }
    if (!read_sizes(net, request->sizes, sizes, &count) || !make_net(net, request, sizes, count, activation) ||
        !add_data(net, request, l, sizes[0], sizes[count - 1], &x, &t)) return false;
    const char *output = request->last_activation != NULL ? request->last_activation : l->takes_logits ? "linear" : activation;
    if (!record(net, l, output, count - 1, x, t)) return false;
    net->work.given = net->work.count;
    return true;
}

void tg_net_end(tg_net *net) {
    tg_work_end(&net->work);
    tg_mlp_free(net->mlp);
    tg_params_free(net->params);
    free(net->labels);
}
