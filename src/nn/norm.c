/* norm.c - layers that normalise: by row (layer_norm, rms_norm) and by batch (batch_norm). */
#include <tapegrad/nn.h>
#include "core/util.h"
#include "nn/optimizer.h"

/* ---- variables [1, cols] ---- */

/* Where the variables of one layer are added: caller is named in failures. */
typedef struct place {
    const char *caller;
    tg_params  *params;
    const char *name;
    int64_t     cols;
} place;

static tg_variable *add(const place *p, const char *part, const tg_variable_options *options) {
    char *full = tg_text_format("%s/%s", p->name, part);
    if (full == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "%s: no memory for \"%.100s\"", p->caller, p->name), NULL;
    tg_variable *variable = tg_variable_new(p->params, full, 1, p->cols, options);
    tg_text_release(full);
    return variable;
}

static tg_variable *add_weight(const place *p, const char *group) {
    return add(p, "weight", &(tg_variable_options){ .init = TG_CONSTANT, .group = group, .file = TG_FILE_VECTOR });
}

static tg_variable *add_bias(const place *p, const char *group) {
    return add(p, "bias", &(tg_variable_options){ .init = TG_ZEROS, .group = group, .file = TG_FILE_VECTOR });
}

static tg_variable *add_statistic(const place *p, const char *part, tg_init init) {
    return add(p, part, &(tg_variable_options){ .init = init, .state = true, .file = TG_FILE_VECTOR });
}

static bool is_given(const place *p) {
    if (p->params != NULL && p->name != NULL) return true;
    tg_fail_thread(TG_NULL_ARGUMENT, "%s: params or name is NULL", p->caller);
    return false;
}

static bool is_epsilon(const place *p, double epsilon) {
    if (epsilon >= 0 && epsilon <= 1e300) return true;
    tg_fail_thread(TG_BAD_ARGUMENT, "%s: epsilon %g is to be finite and not negative", p->caller, epsilon);
    return false;
}

static tg_tensor use_or_none(tg_tape *tape, tg_variable *variable) { return variable != NULL ? tg_use(tape, variable) : (tg_tensor){ 0 }; }

/* ---- layer_norm ---- */

tg_layer_norm_layer tg_add_layer_norm(tg_params *params, const char *name, int64_t cols, const tg_layer_norm_options *options) {
    static const tg_layer_norm_options defaults = { 0 };
    const tg_layer_norm_options       *o        = options != NULL ? options : &defaults;
    const place                        p        = { "tg_add_layer_norm", params, name, cols };
    tg_layer_norm_layer                layer    = { .epsilon = tg_option(o->epsilon, 1e-5) };
    if (!is_given(&p) || !is_epsilon(&p, layer.epsilon)) return (tg_layer_norm_layer){ 0 };
    const int before = tg_variable_count(params);
    layer.weight = add_weight(&p, o->weight_group);
    if (layer.weight != NULL && o->no_bias) return layer;
    if (layer.weight != NULL) layer.bias = add_bias(&p, o->bias_group);
    if (layer.bias != NULL) return layer;
    tg_params_take_back(params, before);
    return (tg_layer_norm_layer){ 0 };
}

tg_tensor tg_layer_norm_forward(tg_layer_norm_layer layer, tg_tensor x) {
    if (layer.weight == NULL || x.tape == NULL) return tg_tape_fail(x.tape, TG_NULL_ARGUMENT, "tg_layer_norm_forward: layer or x is not given");
    tg_push_scope(x.tape, tg_variable_scope(layer.weight));
    const tg_tensor weight = tg_use(x.tape, layer.weight), bias = use_or_none(x.tape, layer.bias);
    const tg_tensor result = tg_name(tg_layer_norm(x, weight, bias, layer.epsilon), "normalized");      /* [batch, cols] */
    tg_pop_scope(x.tape);
    return result;
}

/* ---- rms_norm ---- */

tg_rms_norm_layer tg_add_rms_norm(tg_params *params, const char *name, int64_t cols, const tg_rms_norm_options *options) {
    static const tg_rms_norm_options defaults = { 0 };
    const tg_rms_norm_options       *o        = options != NULL ? options : &defaults;
    const place                      p        = { "tg_add_rms_norm", params, name, cols };
    tg_rms_norm_layer                layer    = { .epsilon = tg_option(o->epsilon, 0x1p-23) };
    if (is_given(&p) && is_epsilon(&p, layer.epsilon)) layer.weight = add_weight(&p, o->weight_group);
    return layer.weight != NULL ? layer : (tg_rms_norm_layer){ 0 };
}

tg_tensor tg_rms_norm_forward(tg_rms_norm_layer layer, tg_tensor x) {
    if (layer.weight == NULL || x.tape == NULL) return tg_tape_fail(x.tape, TG_NULL_ARGUMENT, "tg_rms_norm_forward: layer or x is not given");
    tg_push_scope(x.tape, tg_variable_scope(layer.weight));
    const tg_tensor result = tg_name(tg_rms_norm(x, tg_use(x.tape, layer.weight), layer.epsilon), "normalized");      /* [batch, cols] */
    tg_pop_scope(x.tape);
    return result;
}

/* ---- batch_norm ---- */

static bool add_batch_norm(const place *p, const tg_batch_norm_options *o, tg_batch_norm_layer *layer) {
    layer->weight = add_weight(p, o->weight_group);
    if (layer->weight != NULL) layer->bias = add_bias(p, o->bias_group);
    if (layer->bias != NULL) layer->running_mean = add_statistic(p, "running_mean", TG_ZEROS);
    if (layer->running_mean != NULL) layer->running_var = add_statistic(p, "running_var", TG_CONSTANT);
    return layer->running_var != NULL;
}

tg_batch_norm_layer tg_add_batch_norm(tg_params *params, const char *name, int64_t cols, const tg_batch_norm_options *options) {
    static const tg_batch_norm_options defaults = { 0 };
    const tg_batch_norm_options       *o        = options != NULL ? options : &defaults;
    const place                        p        = { "tg_add_batch_norm", params, name, cols };
    tg_batch_norm_layer                layer    = { .momentum = tg_option(o->momentum, 0.1), .epsilon = tg_option(o->epsilon, 1e-5) };
    if (!is_given(&p) || !is_epsilon(&p, layer.epsilon)) return (tg_batch_norm_layer){ 0 };
    if (!(layer.momentum >= 0 && layer.momentum <= 1)) {
        tg_fail_thread(TG_BAD_ARGUMENT, "tg_add_batch_norm: momentum %g is not from 0 to 1", layer.momentum);
        return (tg_batch_norm_layer){ 0 };
    }
    const int before = tg_variable_count(params);
    if (add_batch_norm(&p, o, &layer)) return layer;
    tg_params_take_back(params, before);
    return (tg_batch_norm_layer){ 0 };
}

tg_tensor tg_batch_norm_forward(tg_batch_norm_layer layer, tg_tensor x) {
    if (layer.weight == NULL || x.tape == NULL) return tg_tape_fail(x.tape, TG_NULL_ARGUMENT, "tg_batch_norm_forward: layer or x is not given");
    tg_tape   *tape     = x.tape;
    const bool training = tg_is_training(tape) && !tg_is_frozen(layer.running_mean) && !tg_is_frozen(layer.running_var);
    tg_push_scope(tape, tg_variable_scope(layer.weight));
    const tg_tensor mean = tg_use(tape, layer.running_mean), var = tg_use(tape, layer.running_var);
    const tg_tensor weight = tg_use(tape, layer.weight), bias = tg_use(tape, layer.bias);
    const tg_tensor y = tg_batch_norm(x, mean, var, weight, bias, training, layer.momentum, layer.epsilon);
    const tg_tensor result = tg_name(y, "normalized");      /* [batch, cols] */
    tg_pop_scope(tape);
    return result;
}
