/* numbers.c - the values of a story's nodes, and what the walk sent, from one look beside the step. */
#include "core/util.h"
#include "explain/story.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Each tensor of the tape that the story needs, once. */
typedef struct album {
    uint32_t   count;
    double   **at;           /* [count + 1] by node: where its elements go; NULL: it is not needed */
    tg_tensor *tensors;      /* [wanted] */
    double   **out;          /* [wanted] */
    int        wanted;
    size_t     elements;
} album;

static const double no_elements;

static void want(album *a, tg_tensor tensor) {
    if (tensor.tape == NULL || tensor.id == 0 || a->at[tensor.id] != NULL) return;
    const tg_shape shape = tg_shape_of(tensor);
    a->at[tensor.id]     = (double *)(uintptr_t)&no_elements;
    a->tensors[a->wanted++] = tensor;
    a->elements += (size_t)(shape.rows * shape.cols);
}

static void want_all(const tg_story *story, album *a) {
    for (int i = 0; i < story->node_count; i++) want(a, tg_tensor_at(story->tape, story->nodes[i].id));
    for (int i = 0; i < story->message_count; i++) {
        const tg_message *m = &story->messages[i].symbols;
        want(a, m->upstream), want(a, m->message), want(a, m->before), want(a, m->after);
    }
}

static tg_status look(tg_story *story, album *a) {
    double *next = tg_story_room(story, (a->elements + 1) * sizeof *next);
    if (next == NULL) return TG_OUT_OF_MEMORY;
    for (int i = 0; i < a->wanted; i++) {
        const tg_shape shape = tg_shape_of(a->tensors[i]);
        a->out[i] = a->at[a->tensors[i].id] = next;
        next += shape.rows * shape.cols;
    }
    return tg_look(a->tensors, a->wanted, a->out);
}

static const double *of(const album *a, tg_tensor tensor) { return tensor.tape != NULL && tensor.id != 0 ? a->at[tensor.id] : NULL; }

static tg_status give_integers(tg_story *story, tg_story_node *node) {
    int32_t *integers = tg_story_room(story, (size_t)tg_story_elements(node) * sizeof *integers);
    if (integers == NULL) return TG_OUT_OF_MEMORY;
    for (int64_t i = 0; i < tg_story_elements(node); i++) integers[i] = (int32_t)node->value[i];
    node->integers = integers;
    return TG_OK;
}

/* The cotangent of a leaf: the sum behind the last message, but for what views have sent, which is joined at the end. */
static void give_adjoint(tg_story *story, const tg_story_message *m, bool *is_joined) {
    const bool from_view = (story->nodes[m->from].op->flags & TG_OP_VIEW) != 0;
    if (m->after == NULL || is_joined[m->to] || !(from_view || m->k == m->n)) return;
    story->nodes[m->to].adjoint = m->after;
    is_joined[m->to]            = from_view;
}

/* The cotangent of a node is what its rule was called with; of a leaf what its messages add up to. */
static tg_status hand_out(tg_story *story, const album *a) {
    bool     *is_joined = tg_story_room(story, (size_t)story->node_count * sizeof *is_joined);
    tg_status status    = is_joined != NULL ? TG_OK : TG_OUT_OF_MEMORY;
    for (int i = 0; i < story->node_count && status == TG_OK; i++) {
        tg_story_node *node = &story->nodes[i];
        node->value         = a->at[node->id];
        if (node->shape.integer) status = give_integers(story, node);
    }
    for (int i = 0; i < story->message_count && status == TG_OK; i++) {
        tg_story_message *m = &story->messages[i];
        m->upstream         = of(a, m->symbols.upstream);
        m->message          = of(a, m->symbols.message);
        m->before           = of(a, m->symbols.before);
        m->after            = of(a, m->symbols.after);
        give_adjoint(story, m, is_joined);
    }
    for (int i = 0; i < story->message_count; i++) story->nodes[story->messages[i].from].adjoint = story->messages[i].upstream;
    return status;
}

/* What the step computes in shows in its values: none of float has more digits. */
static void find_type(tg_story *story) {
    story->type = TG_F32;
    for (int i = 0; i < story->node_count && story->type == TG_F32; i++) {
        const tg_story_node *node = &story->nodes[i];
        for (int64_t e = 0; node->value != NULL && e < tg_story_elements(node); e++)
            if (!isnan(node->value[e]) && node->value[e] != (double)(float)node->value[e]) story->type = TG_F64;
    }
}

tg_status tg_story_look(tg_story *story) {
    album        a    = { .count = tg_node_count(story->tape) };
    const size_t most = (size_t)a.count + 1;
    a.at              = tg_allocate(most * sizeof *a.at);
    a.tensors         = tg_allocate(most * sizeof *a.tensors);
    a.out             = tg_allocate(most * sizeof *a.out);
    tg_status status  = TG_OK;
    if (a.at == NULL || a.tensors == NULL || a.out == NULL) status = tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for %" PRIu32 " nodes", a.count);
    if (status == TG_OK) want_all(story, &a);
    if (status == TG_OK) status = look(story, &a);
    if (status == TG_OK) status = hand_out(story, &a);
    if (status == TG_OK) find_type(story);
    tg_release(a.at, most * sizeof *a.at);
    tg_release(a.tensors, most * sizeof *a.tensors);
    tg_release(a.out, most * sizeof *a.out);
    return status;
}
