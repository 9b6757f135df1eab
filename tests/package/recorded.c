/* recorded.c - prints the nodes that each op, loss and optimizer records, with the derivatives of two orders: every compiler makes the same. */
#include <inttypes.h>
#include <stdio.h>
#include <tapegrad/tapegrad.h>

enum { ROWS = 3, COLS = 4, MOST = 4096 };

/* Borrowed by inputs, and never read but by optimizers. */
static const double  numbers[MOST] = { 0.5, 0.25, 0.75, 0.5 };
static const int32_t integers[MOST];

static tg_tensor matrix(tg_tape *tape, int64_t rows, int64_t cols) { return tg_input_f64(tape, numbers, rows, cols); }

/* ---- printing ---- */

/* All nodes of the step, and why there are no more. */
static void print_nodes(const tg_tape *tape, const char *title) {
    tg_node node;
    printf("%s: %s\n", title, tg_status_name(tg_tape_status(tape)));
    for (uint32_t id = 1; id <= tg_node_count(tape) && tg_node_at(tape, id, &node) == TG_OK; id++) {
        printf("  v%" PRIu32 " = %s(", id, node.op->name);
        for (int k = 0; k < node.input_count; k++) printf("%sv%" PRIu32, k > 0 ? ", " : "", node.inputs[k]);
        printf(")  [%" PRId64 ",%" PRId64 "]  of v%" PRIu32 "  ", node.shape.rows, node.shape.cols, node.origin);
        for (size_t k = 0; k < node.op->attribute_size && node.attributes != NULL; k++) printf("%02x", ((const unsigned char *)node.attributes)[k]);
        printf("\n");
    }
}

/* Derivatives of y by x, and of those again. */
static void differentiate(tg_tensor y, tg_tensor x) {
    tg_tensor g;
    if (tg_gradients(y, TG_NONE, &x, 1, &g, &(tg_gradients_options){ .allow_unused = true }) == TG_OK && g.tape != NULL && g.id != 0)
        tg_gradients(tg_sum(g), TG_NONE, &x, 1, &g, &(tg_gradients_options){ .allow_unused = true });
}

/* ---- ops: their rules, and what they mean in other ops ---- */

static void try_op(tg_tape *tape, const tg_op *op) {
    const int     arity = op->arity < 0 ? 2 : op->arity;
    tg_op_example e     = { .count = arity, .orders = 3 };
    tg_tensor     operands[TG_EXAMPLE_OPERANDS];
    for (int k = 0; k < arity; k++) e.shapes[k] = (tg_shape){ ROWS, COLS, false };
    if (arity == 0 || (op->example != NULL && !op->example(0, ROWS, COLS, &e))) return;
    tg_begin(tape, NULL);
    for (int k = 0; k < e.count; k++) {
        const tg_shape s = e.shapes[k];
        operands[k] = s.integer ? tg_input_i32(tape, integers, s.rows, s.cols) : matrix(tape, s.rows, s.cols);
    }
    const void     *attributes = op->defaults != NULL ? op->defaults : e.attributes;
    const tg_tensor y          = tg_apply(tape, op, operands, e.count, attributes);
    if (op->expand != NULL && y.id != 0)
        op->expand(&(tg_application){ .tape = tape, .op = op, .inputs = operands, .input_count = e.count, .output = TG_NONE,
                                      .attributes = attributes });
    const tg_tensor sum = tg_sum(y);
    for (int k = 0; k < e.count && tg_tape_status(tape) == TG_OK; k++)
        if (!e.shapes[k].integer) differentiate(sum, operands[k]);
    print_nodes(tape, op->name);
}

/* ---- functions that record ---- */

static tg_tensor row_of(tg_tensor x) { return tg_mean_rows(x); }
static tg_tensor column_of(tg_tensor x) { return tg_mean_cols(x); }

static tg_tensor labels_of(tg_tensor x) { return tg_input_i32(x.tape, integers, tg_rows(x), 1); }

static tg_tensor cross_entropy(tg_tensor x, tg_tensor t) {
    const tg_tensor weight = row_of(t), sample_weight = column_of(t);
    return tg_cross_entropy_with(x, labels_of(x), &(tg_cross_entropy_options){ .weight = weight, .sample_weight = sample_weight,
                                                                               .label_smoothing = 0.1, .ignore = true });
}
static tg_tensor distributions(tg_tensor x, tg_tensor t) {
    return tg_cross_entropy_with(x, t, &(tg_cross_entropy_options){ .weight = row_of(t), .label_smoothing = 0.1 });
}
static tg_tensor binary(tg_tensor x, tg_tensor t) {
    const tg_tensor weight = row_of(t);
    return tg_binary_cross_entropy_with_logits_with(x, t, &(tg_binary_cross_entropy_options){ .weight = weight, .pos_weight = weight });
}
static tg_tensor huber(tg_tensor x, tg_tensor t) { return tg_huber_loss_with(x, t, &(tg_huber_loss_options){ .weight = column_of(t) }); }
static tg_tensor log_kl_div(tg_tensor x, tg_tensor t) { return tg_kl_div_with(x, t, &(tg_kl_div_options){ .log_target = true }); }
static tg_tensor poisson(tg_tensor x, tg_tensor t) {
    return tg_poisson_nll_loss_with(x, t, &(tg_poisson_nll_loss_options){ .rate = true, .full = true });
}
static tg_tensor gaussian(tg_tensor x, tg_tensor t) { return tg_gaussian_nll_loss(x, t, tg_square(x), NULL); }
static tg_tensor cosine(tg_tensor x, tg_tensor t) { return tg_sum(tg_cosine_embedding_loss(x, t, column_of(t), NULL)); }
static tg_tensor triplet(tg_tensor x, tg_tensor t) {
    return tg_triplet_margin_loss(x, t, tg_square(x), &(tg_triplet_margin_loss_options){ .swap = true });
}
static tg_tensor outer(tg_tensor x, tg_tensor t) {
    const tg_tensor row = row_of(x);
    return tg_sum(tg_outer(row, column_of(t)));
}
static tg_tensor jacobian(tg_tensor x, tg_tensor t) { return tg_sum(tg_jacobian(tg_mul(x, tg_square(t)), x)); }
static tg_tensor hessian(tg_tensor x, tg_tensor t) {
    const tg_tensor row = row_of(x), e = tg_exp(row);
    return tg_sum(tg_hessian(tg_sum(tg_mul(e, row_of(t))), row));
}
static tg_tensor per_example(tg_tensor x, tg_tensor t) {
    const tg_tensor gradients = tg_sum(tg_per_example_gradients(x, t));
    return tg_mul(gradients, tg_sum(tg_per_example_squared_norms(x, t, true)));
}
static tg_tensor dropped(tg_tensor x, tg_tensor t) {
    const tg_tensor dropout = tg_dropout(x, 0.5);
    return tg_sum(tg_mul(dropout, tg_alpha_dropout(t, 0.5)));
}

static void try_functions(tg_tape *tape) {
    static const struct { const char *name; tg_tensor (*of)(tg_tensor, tg_tensor); } functions[] = {
        { "cross_entropy", cross_entropy }, { "distributions", distributions }, { "binary", binary }, { "focal", tg_sigmoid_focal_loss },
        { "hinge", tg_hinge_loss }, { "squared hinge", tg_squared_hinge_loss }, { "l1", tg_l1_loss }, { "huber", huber },
        { "smooth l1", tg_smooth_l1_loss }, { "kl_div", tg_kl_div }, { "log kl_div", log_kl_div }, { "poisson", poisson }, { "gaussian", gaussian },
        { "cosine", cosine }, { "triplet", triplet }, { "outer", outer }, { "jacobian", jacobian }, { "hessian", hessian },
        { "per example", per_example }, { "dropped", dropped },
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        tg_begin(tape, &(tg_begin_options){ .training = true });
        const tg_tensor x = matrix(tape, ROWS, COLS), t = matrix(tape, ROWS, COLS), y = functions[i].of(x, t);
        differentiate(y, x);
        differentiate(y, t);
        print_nodes(tape, functions[i].name);
    }
}

/* ---- optimizers, of a net with a scaler and norms ---- */

static tg_optimizer *optimizer_of(int index, tg_params *params) {
    switch (index) {
        case 0:  return tg_sgd_new(params, &(tg_sgd_options){ .weight_decay = 0.1, .l1_decay = 0.1, .clip_norm = 1 });
        case 1:  return tg_sgd_new(params, &(tg_sgd_options){ .momentum = 0.9, .nesterov = true, .clip_value = 1 });
        case 2:  return tg_adam_new(params, &(tg_adam_options){ .weight_decay = 0.1, .l1_decay = 0.1 });
        case 3:  return tg_adamw_new(params, NULL);
        case 4:  return tg_rmsprop_new(params, &(tg_rmsprop_options){ .momentum = 0.9, .centered = true, .weight_decay = 0.1 });
        case 5:  return tg_adagrad_new(params, &(tg_adagrad_options){ .lr_decay = 0.1, .initial = 0.1, .weight_decay = 0.1 });
        case 6:  return tg_rprop_new(params, NULL);
        default: return NULL;
    }
}

static void try_optimizer(tg_tape *tape, int index) {
    char                      title[32];
    tg_params                *params = tg_params_new(1, NULL);
    const tg_scaler           scaler = tg_add_scaler(params, "scaler", COLS);
    const tg_batch_norm_layer batch  = tg_add_batch_norm(params, "batch", COLS, NULL);
    const tg_layer_norm_layer layer  = tg_add_layer_norm(params, "layer", COLS, NULL);
    const tg_rms_norm_layer   root   = tg_add_rms_norm(params, "root", COLS, NULL);
    const tg_linear_layer     last   = tg_add_linear(params, "last", COLS, 2, NULL);
    tg_optimizer             *made   = optimizer_of(index, params);
    tg_begin(tape, &(tg_begin_options){ .training = true });
    const tg_tensor h = tg_batch_norm_forward(batch, tg_scaler_forward(scaler, matrix(tape, ROWS, COLS)));
    const tg_tensor y = tg_linear_forward(last, tg_rms_norm_forward(root, tg_layer_norm_forward(layer, h)));
    const tg_status status = tg_minimize(made, tg_cross_entropy(y, labels_of(y)));
    snprintf(title, sizeof title, "optimizer %d, %s", index, tg_status_name(status));
    print_nodes(tape, title);
    tg_optimizer_free(made);
    tg_begin(tape, NULL);
    tg_params_free(params);
}

int main(void) {
    tg_tape *tape = tg_tape_new(NULL);
    for (int i = 0; i < tg_op_count(); i++) try_op(tape, tg_op_at(i));
    try_functions(tape);
    for (int i = 0; i < 7; i++) try_optimizer(tape, i);
    tg_tape_free(tape);
    return 0;
}
