/* linear.c - the linear layer: x weight + bias. */
#include <tapegrad/nn.h>
#include "core/util.h"


static tg_variable *add(tg_params *params, const char *name, const char *part, int64_t rows, int64_t cols, const tg_variable_options *options) {
    char *full = tg_text_format("%s/%s", name, part);
    if (full == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_add_linear: no memory for \"%.100s\"", name), NULL;
    tg_variable *variable = tg_variable_new(params, full, rows, cols, options);
    tg_text_release(full);
    return variable;
}

tg_linear_layer tg_add_linear(tg_params *params, const char *name, int64_t in, int64_t out, const tg_linear_options *options) {
    static const tg_linear_options defaults = { 0 };
    const tg_linear_options       *o        = options != NULL ? options : &defaults;
    if (params == NULL || name == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_add_linear: params or name is NULL"), (tg_linear_layer){ 0 };
    const int       before = tg_variable_count(params);
    tg_linear_layer layer  = { 0 };
    layer.weight = add(params, name, "weight", in, out, &(tg_variable_options){ .init = o->init != TG_DEFAULT_INIT ? o->init : TG_FAN_IN_UNIFORM,
                                                                                .scale = o->scale, .group = o->weight_group });
    if (layer.weight == NULL || o->no_bias) return layer;
    layer.bias = add(params, name, "bias", 1, out, &(tg_variable_options){ .init = o->bias_init, .group = o->bias_group, .file = TG_FILE_VECTOR });
    if (layer.bias != NULL) return layer;
    tg_params_take_back(params, before);
    return (tg_linear_layer){ 0 };
}

tg_tensor tg_linear_forward(tg_linear_layer layer, tg_tensor x) {
    if (layer.weight == NULL || x.tape == NULL) return tg_tape_fail(x.tape, TG_NULL_ARGUMENT, "tg_linear_forward: layer or x is not given");
    tg_push_scope(x.tape, tg_variable_scope(layer.weight));
    const tg_tensor weight = tg_use(x.tape, layer.weight), bias = layer.bias != NULL ? tg_use(x.tape, layer.bias) : (tg_tensor){ 0 };
    const tg_tensor result = tg_name(tg_linear(x, weight, bias), "pre_activation");      /* [batch, out] */
    tg_pop_scope(x.tape);
    return result;
}
