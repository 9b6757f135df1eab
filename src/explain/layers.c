/* layers.c - finds o = activation(x W + b) among the nodes of a story: a product with a parameter, then perhaps the sum with one row of parameters, then
 * perhaps an elementwise op of one operand. Where a lesson gives weights as inputs, these are its parameters. */
#include "core/util.h"
#include "explain/story.h"

#include <string.h>

static bool all_zero(const unsigned char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != 0) return false;
    return true;
}

static bool is_weight(const tg_story_node *node) {
    return node->kind == TG_STORY_PARAMETER || (node->kind == TG_STORY_INPUT && !node->shape.integer);
}

/* x W, nothing transposed, W a parameter and x none. */
static bool is_product(const tg_story *story, const tg_story_node *node) {
    if (!(node->op->flags & TG_OP_PRODUCT) || node->input_count != 2 || !all_zero(node->attributes, node->op->attribute_size)) return false;
    const tg_story_node *x = &story->nodes[node->inputs[0]], *weight = &story->nodes[node->inputs[1]];
    return is_weight(weight) && x->kind != TG_STORY_PARAMETER && x != weight && node->expanded < 0;
}

/* The one node that reads node i; -1: there are several, or none. */
static int only_reader(const tg_story *story, int i) {
    int reader = -1;
    for (int j = i + 1; j < story->node_count; j++)
        for (int k = 0; k < story->nodes[j].input_count; k++) {
            if (story->nodes[j].inputs[k] != i || story->nodes[j].expanded >= 0) continue;
            if (reader >= 0) return -1;
            reader = j;
        }
    return reader;
}

/* The row of parameters that node adds to its other operand; -1: it is no such sum. */
static int bias_of(const tg_story *story, const tg_story_node *node, int product) {
    if (node->op != tg_op_find("add")) return -1;
    const int            other = node->inputs[0] == product ? node->inputs[1] : node->inputs[0];
    const tg_story_node *bias  = &story->nodes[other];
    return is_weight(bias) && bias->shape.rows == 1 && bias->shape.cols == node->shape.cols ? other : -1;
}

static bool is_activation(const tg_story_node *node) { return (node->op->flags & TG_OP_ELEMENTWISE) && node->input_count == 1; }

static void give_roles(tg_story *story, const tg_story_layer *layer, int number) {
    const int           nodes[] = { layer->weight, layer->bias, layer->product, layer->sum, layer->activation };
    const tg_story_role roles[] = { TG_ROLE_WEIGHT, TG_ROLE_BIAS, TG_ROLE_PRODUCT, TG_ROLE_SUM, TG_ROLE_ACTIVATION };
    for (int k = 0; k < 5; k++) {
        if (nodes[k] < 0) continue;
        story->nodes[nodes[k]].layer = number;
        story->nodes[nodes[k]].role  = roles[k];
    }
}

/* Parameters shared by two layers belong to the first one. */
static void add_layer(tg_story *story, int product) {
    const tg_story_node *node  = &story->nodes[product];
    tg_story_layer       layer = { .x = node->inputs[0], .weight = node->inputs[1], .bias = -1, .product = product, .sum = product, .activation = -1 };
    int                  reader = only_reader(story, product);
    if (reader >= 0) layer.bias = bias_of(story, &story->nodes[reader], product);
    if (layer.bias >= 0) layer.sum = reader, reader = only_reader(story, reader);
    if (reader >= 0 && is_activation(&story->nodes[reader])) layer.activation = reader;
    layer.name = story->nodes[layer.sum].scope;
    give_roles(story, &layer, story->layer_count);
    story->layers[story->layer_count++] = layer;
}

tg_status tg_story_find_layers(tg_story *story) {
    int products = 0;
    for (int i = 0; i < story->node_count; i++) products += is_product(story, &story->nodes[i]);
    story->layers = tg_story_room(story, (size_t)products * sizeof *story->layers);
    if (story->layers == NULL) return TG_OUT_OF_MEMORY;
    for (int i = 0; i < story->node_count; i++)
        if (is_product(story, &story->nodes[i])) add_layer(story, i);
    return TG_OK;
}
