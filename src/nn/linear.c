/* linear.c - the linear layer: x weight + bias. */
#include <tapegrad/nn.h>
#include "core/util.h"

#include <string.h>

static tg_variable *add(tg_params *params, const char *name, const char *part, int64_t rows, int64_t cols, const tg_variable_options *options) {
    const size_t length = strlen(name) + strlen(part) + 2;
    char        *full   = tg_allocate(length);
    if (full == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_add_linear: no memory for \"%.100s\"", name), NULL;
    snprintf(full, length, "%s/%s", name, part);
    tg_variable *variable = tg_variable_new(params, full, rows, cols, options);
    tg_release(full, length);
    return variable;
}

tg_linear_layer tg_add_linear(tg_params *params, const char *name, int64_t in, int64_t out, const tg_linear_options *options) {
    static const tg_linear_options defaults = { 0 };
    const tg_linear_options       *o        = options != NULL ? options : &defaults;
    if (params == NULL || name == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_add_linear: params or name is NULL"), (tg_linear_layer){ 0 };
    tg_linear_layer layer = { 0 };
    layer.weight = add(params, name, "weight", in, out, &(tg_variable_options){ .init = o->init != TG_DEFAULT_INIT ? o->init : TG_FAN_IN_UNIFORM,
                                                                                .scale = o->scale, .group = o->weight_group });
    if (layer.weight == NULL || o->no_bias) return layer;
    layer.bias = add(params, name, "bias", 1, out, &(tg_variable_options){ .init = o->bias_init, .group = o->bias_group, .file = TG_FILE_VECTOR });
    return layer.bias != NULL ? layer : (tg_linear_layer){ 0 };
}

/* "net/fc1" of "net/fc1/weight" */
static void push_scope_of(tg_tape *tape, const tg_variable *weight) {
    char        scope[128];
    const char *name   = tg_variable_name(weight), *last = strrchr(name, '/');
    const int   length = last != NULL && last - name < (long)sizeof scope ? (int)(last - name) : 0;
    snprintf(scope, sizeof scope, "%.*s", length, name);
    tg_push_scope(tape, scope);
}

tg_tensor tg_linear_forward(tg_linear_layer layer, tg_tensor x) {
    if (layer.weight == NULL || x.tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_linear_forward: layer or x is not given"), (tg_tensor){ 0 };
    push_scope_of(x.tape, layer.weight);
    const tg_tensor weight = tg_use(x.tape, layer.weight), bias = layer.bias != NULL ? tg_use(x.tape, layer.bias) : (tg_tensor){ 0 };
    const tg_tensor result = tg_name(tg_linear(x, weight, bias), "pre_activation");      /* [batch, out] */
    tg_pop_scope(x.tape);
    return result;
}
