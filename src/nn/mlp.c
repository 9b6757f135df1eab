/* mlp.c - a multi-layer perceptron from a list of sizes. */
#include <tapegrad/nn.h>
#include "core/util.h"

#include <inttypes.h>
#include <string.h>

struct tg_mlp {
    tg_params       *params;
    tg_linear_layer *layers;      /* [count] */
    int              count;
    const tg_op     *activation;
    tg_tensor      (*loss)(tg_tensor output, tg_tensor target);
    double           dropout;
    tg_scaler        scaler;      /* both NULL: none */
};

/* ---- options ---- */

static bool is_activation(const tg_op *op) {
    return op->arity == 1 && (op->flags & TG_OP_ELEMENTWISE) && !(op->flags & TG_OP_STOP) && (op->attribute_size == 0 || op->defaults != NULL);
}

/* The names that fit into known, and how many more there are. */
static void list_activations(char *known, size_t bytes) {
    const size_t ending = sizeof ", and 1000000000 more";
    size_t       used   = 0;
    int          more   = 0;
    for (int i = 0; i < tg_op_count(); i++) {
        const tg_op *op = tg_op_at(i);
        if (!is_activation(op)) continue;
        if (more > 0 || used + strlen(", ") + strlen(op->name) + ending > bytes) more++;
        else used += (size_t)snprintf(known + used, bytes - used, "%s%s", used > 0 ? ", " : "", op->name);
    }
    if (more > 0) snprintf(known + used, bytes - used, ", and %d more", more);
}

static tg_status fail_activation(const char *name) {
    char known[400] = "";      /* of the 512 bytes that a sentence has */
    list_activations(known, sizeof known);
    return tg_fail_thread(TG_UNKNOWN_NAME, "tg_mlp_new: there is no activation \"%.40s\"; there are %s", name, known);
}

static tg_status check_sizes(tg_sizes sizes) {
    if (sizes.at == NULL || sizes.count < 2) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_mlp_new: at least two sizes are needed, inputs and outputs");
    for (int i = 0; i < sizes.count; i++)
        if (sizes.at[i] <= 0) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_mlp_new: size %d is %" PRId64 "; sizes must be positive", i, sizes.at[i]);
    return TG_OK;
}

static tg_status find_activation(const char *name, const tg_op **activation) {
    *activation = tg_op_find(name);
    return *activation != NULL && is_activation(*activation) ? TG_OK : fail_activation(name);
}

/* ---- layers ---- */

static bool add_layers(tg_mlp *net, const tg_mlp_options *o, const char *name) {
    const bool relu = strcmp(net->activation->name, "relu") == 0;
    const tg_linear_options linear = { .init = o->init != TG_DEFAULT_INIT ? o->init : relu ? TG_HE : TG_GLOROT, .weight_group = o->weight_group,
                                       .bias_group = o->bias_group };
    for (int i = 0; i < net->count; i++) {
        char *layer = tg_text_format("%s/fc%d", name, i + 1);
        if (layer == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_mlp_new: no memory"), false;
        net->layers[i] = tg_add_linear(net->params, layer, o->sizes.at[i], o->sizes.at[i + 1], &linear);
        tg_text_release(layer);
        if (net->layers[i].weight == NULL) return false;
    }
    return true;
}

static bool add_scaler(tg_mlp *net, const tg_mlp_options *o, const char *name) {
    if (!o->standardize) return true;
    char *scaler = tg_text_format("%s/input", name);
    if (scaler == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_mlp_new: no memory"), false;
    net->scaler = tg_add_scaler(net->params, scaler, o->sizes.at[0]);
    tg_text_release(scaler);
    return net->scaler.mean != NULL;
}

tg_mlp *tg_mlp_new(tg_params *params, const tg_mlp_options *options) {
    const tg_op *activation;
    if (params == NULL || options == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_mlp_new: params or options is NULL"), NULL;
    if (check_sizes(options->sizes) != TG_OK) return NULL;
    if (find_activation(options->activation != NULL ? options->activation : "relu", &activation) != TG_OK) return NULL;
    if (!(options->dropout >= 0 && options->dropout <= 1))
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_mlp_new: dropout %g is not from 0 to 1", options->dropout), NULL;
    const int count = options->sizes.count - 1;
    tg_mlp   *net   = tg_allocate(sizeof *net);
    if (net != NULL) net->layers = tg_allocate((size_t)count * sizeof *net->layers);
    if (net == NULL || net->layers == NULL) {
        tg_release(net, sizeof *net);
        return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_mlp_new: no memory"), NULL;
    }
    net->params     = params;
    net->count      = count;
    net->activation = activation;
    net->loss       = options->loss != NULL ? options->loss : tg_cross_entropy;
    net->dropout    = options->dropout;
    const char *name   = options->name != NULL ? options->name : "net";
    const int   before = tg_variable_count(params);
    if (add_scaler(net, options, name) && add_layers(net, options, name)) return net;
    tg_params_take_back(params, before);
    tg_mlp_free(net);
    return NULL;
}

void tg_mlp_free(tg_mlp *net) {
    if (net == NULL) return;
    tg_release(net->layers, (size_t)net->count * sizeof *net->layers);
    tg_release(net, sizeof *net);
}

/* h = activation(h W + b) for each hidden layer, and the last one without activation. */
tg_tensor tg_mlp_forward(const tg_mlp *net, tg_tensor x) {
    if (net == NULL || x.tape == NULL) return tg_tape_fail(x.tape, TG_NULL_ARGUMENT, "tg_mlp_forward: net or x is not given");
    tg_tensor h = net->scaler.mean != NULL ? tg_scaler_forward(net->scaler, x) : x;      /* [batch, in] */
    for (int i = 0; i < net->count; i++) {
        h = tg_linear_forward(net->layers[i], h);      /* [batch, out of layer i] */
        if (i + 1 == net->count) break;
        h = tg_apply(h.tape, net->activation, &h, 1, NULL);
        if (net->dropout > 0) h = tg_dropout(h, net->dropout);
    }
    return h;
}

static tg_tensor model_output(void *net, tg_tensor x) { return tg_mlp_forward(net, x); }
static tg_tensor model_loss(void *net, tg_tensor output, tg_tensor target) { return ((const tg_mlp *)net)->loss(output, target); }

tg_model tg_mlp_model(tg_mlp *net) {
    if (net == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_mlp_model: net is NULL"), (tg_model){ 0 };
    return (tg_model){ .output = model_output, .loss = model_loss, .net = net, .params = net->params,
                       .scaler = net->scaler.mean != NULL ? &net->scaler : NULL };
}
