/* nodes.c - which nodes a story has, and the messages between them, without numbers. */
#include "core/util.h"
#include "explain/story.h"

#include <inttypes.h>
#include <string.h>
#include <tapegrad/grad.h>

/* By node of the tape. */
typedef struct selection {
    uint32_t count, loss;
    bool    *is_told;
    int     *place;      /* in story->nodes; -1 */
} selection;

/* The node with which a walk begins: it stands for no value, and its first operand is what was differentiated. */
static bool is_header(const tg_node *node) {
    return node->shape.rows == 0 && node->shape.cols == 0 && node->input_count > 0 && strcmp(node->op->name, "gradients") == 0;
}

static bool is_block(const tg_story *story, uint32_t id) {
    tg_node node;
    return id != 0 && tg_node_at(story->tape, id, &node) == TG_OK && strcmp(node.op->name, "block") == 0;
}

/* A slice of a block is a leaf here: it is told without what it is cut from. */
static bool is_parameter(const tg_story *story, const tg_node *node) {
    return strcmp(node->op->name, "block") == 0 || ((node->op->flags & TG_OP_VIEW) && is_block(story, node->inputs[0]));
}

static bool is_slice_of_block(const tg_story *story, uint32_t id) {
    tg_node node;
    return tg_node_at(story->tape, id, &node) == TG_OK && is_parameter(story, &node);
}

/* ---- the messages of all walks from loss ---- */

typedef tg_status (*visit_fn)(tg_story *story, const tg_message *message, void *context);

/* Which edges have been told. Several gradients of one loss walk the same edges, with the same messages, on their way to what each of them wants. */
typedef struct edges {
    uint32_t count;
    size_t  *first;      /* [count + 2] of node id: where its arguments begin in is_told */
    bool    *is_told;
} edges;

static tg_status make_edges(const tg_story *story, edges *e) {
    e->count = tg_node_count(story->tape);
    e->first = tg_allocate(((size_t)e->count + 2) * sizeof *e->first);
    for (uint32_t id = 1; e->first != NULL && id <= e->count; id++) {
        tg_node node;
        e->first[id + 1] = e->first[id] + (tg_node_at(story->tape, id, &node) == TG_OK ? (size_t)node.input_count : 0);
    }
    e->is_told = e->first != NULL ? tg_allocate(e->first[e->count + 1] + 1) : NULL;
    return e->is_told != NULL ? TG_OK : tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for the edges of %" PRIu32 " nodes", e->count);
}

static void release_edges(edges *e) {
    if (e->is_told != NULL) tg_release(e->is_told, e->first[e->count + 1] + 1);
    tg_release(e->first, ((size_t)e->count + 2) * sizeof *e->first);
}

static bool was_told(edges *e, const tg_message *message) {
    bool      *edge = &e->is_told[e->first[message->from.id] + (size_t)message->argument];
    const bool told = *edge;
    *edge           = true;
    return told;
}

static tg_status each_new_message(tg_story *story, tg_tensor loss, edges *e, visit_fn visit, void *context) {
    const uint32_t count = tg_node_count(story->tape);
    for (uint32_t id = loss.id + 1; id <= count; id++) {
        tg_node node;
        if (tg_node_at(story->tape, id, &node) != TG_OK) return TG_BUG;
        if (!is_header(&node) || node.inputs[0] != loss.id) continue;
        const tg_tensor header = tg_tensor_at(story->tape, id);
        const int       messages = tg_message_count(header);
        story->has_walk          = true;
        for (int i = 0; i < messages; i++) {
            tg_message      message;
            const tg_status status = tg_message_at(header, i, &message);
            if (status != TG_OK) return status;
            if (was_told(e, &message) || is_slice_of_block(story, message.from.id)) continue;      /* a slice is told as a leaf */
            const tg_status visited = visit(story, &message, context);
            if (visited != TG_OK) return visited;
        }
    }
    return TG_OK;
}

static tg_status each_message(tg_story *story, tg_tensor loss, visit_fn visit, void *context) {
    edges     e      = { 0 };
    tg_status status = make_edges(story, &e);
    if (status == TG_OK) status = each_new_message(story, loss, &e, visit, context);
    release_edges(&e);
    return status;
}

/* ---- nodes ---- */

static tg_status select_ends(tg_story *story, const tg_message *message, void *context) {
    selection *s = context;
    (void)story;
    s->is_told[message->from.id] = s->is_told[message->to.id] = true;
    story->message_count++;
    return TG_OK;
}

static tg_status select_nodes(tg_story *story, tg_tensor loss, selection *s) {
    s->is_told[loss.id]    = true;
    const tg_status status = each_message(story, loss, select_ends, s);
    for (uint32_t id = s->count; id > 0 && status == TG_OK; id--) {
        tg_node node;
        if (!s->is_told[id] || tg_node_at(story->tape, id, &node) != TG_OK || is_parameter(story, &node)) continue;
        for (int k = 0; k < node.input_count; k++) s->is_told[node.inputs[k]] = true;
    }
    s->is_told[0] = false;
    return status;
}

static const char *copy_text(tg_story *story, const char *text) {
    char *copy = tg_story_room(story, strlen(text) + 1);
    return copy != NULL ? memcpy(copy, text, strlen(text) + 1) : NULL;
}

static tg_story_kind kind_of(const tg_story *story, const tg_node *node) {
    if (is_parameter(story, node)) return TG_STORY_PARAMETER;
    if (node->input_count > 0 || (node->op->flags & TG_OP_RANDOM)) return TG_STORY_OP;
    return strcmp(node->op->name, "constant") == 0 ? TG_STORY_CONSTANT : TG_STORY_INPUT;
}

static tg_status copy_node(tg_story *story, const selection *s, uint32_t id, tg_story_node *told) {
    tg_node node;
    if (tg_node_at(story->tape, id, &node) != TG_OK) return TG_BUG;
    *told = (tg_story_node){ .id = id, .kind = kind_of(story, &node), .op = node.op, .shape = node.shape, .expanded = -1, .layer = -1 };
    const int count      = told->kind == TG_STORY_PARAMETER ? 0 : node.input_count;
    int      *inputs     = tg_story_room(story, (size_t)count * sizeof *inputs);
    void     *attributes = tg_story_room(story, node.op->attribute_size);
    told->name           = copy_text(story, node.name);
    told->scope          = copy_text(story, node.scope);
    if (inputs == NULL || attributes == NULL || told->name == NULL || told->scope == NULL) return TG_OUT_OF_MEMORY;
    for (int k = 0; k < count; k++) inputs[k] = node.inputs[k] != 0 ? s->place[node.inputs[k]] : -1;
    if (node.op->attribute_size > 0) memcpy(attributes, node.attributes, node.op->attribute_size);
    told->inputs      = inputs;
    told->input_count = count;
    told->attributes  = attributes;
    const bool is_walked = id > s->loss && node.origin != 0;      /* before loss there are walks too, of which it is made */
    if (is_walked && s->is_told[node.origin]) told->expanded = s->place[node.origin];
    return TG_OK;
}

static tg_status copy_nodes(tg_story *story, selection *s) {
    tg_status status = TG_OK;
    for (uint32_t id = 1; id <= s->count; id++) s->place[id] = s->is_told[id] ? story->node_count++ : -1;
    story->nodes = tg_story_room(story, (size_t)story->node_count * sizeof *story->nodes);
    if (story->nodes == NULL) return TG_OUT_OF_MEMORY;
    for (uint32_t id = 1; id <= s->count && status == TG_OK; id++)
        if (s->is_told[id]) status = copy_node(story, s, id, &story->nodes[s->place[id]]);
    return status;
}

/* ---- messages ---- */

typedef struct filling {
    const selection *selection;
    int              next;
} filling;

static tg_status copy_message(tg_story *story, const tg_message *message, void *context) {
    filling *f = context;
    const int from = f->selection->place[message->from.id], to = f->selection->place[message->to.id];
    story->messages[f->next++] = (tg_story_message){ .from = from, .to = to, .argument = message->argument, .k = message->k, .n = message->n,
                                                     .symbols = *message };
    story->nodes[to].messages = message->n;
    return TG_OK;
}

static tg_status copy_messages(tg_story *story, tg_tensor loss, const selection *s) {
    filling f       = { .selection = s };
    story->messages = tg_story_room(story, (size_t)story->message_count * sizeof *story->messages);
    return story->messages != NULL ? each_message(story, loss, copy_message, &f) : TG_OUT_OF_MEMORY;
}

tg_status tg_story_collect(tg_story *story, tg_tensor loss) {
    selection    s     = { .count = tg_node_count(story->tape), .loss = loss.id };
    const size_t bytes = (size_t)s.count + 1;
    s.is_told          = tg_allocate(bytes);
    s.place            = tg_allocate(bytes * sizeof *s.place);
    tg_status  status  = TG_OK;
    if (s.is_told == NULL || s.place == NULL) status = tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for %" PRIu32 " nodes", s.count);
    if (status == TG_OK) status = select_nodes(story, loss, &s);
    if (status == TG_OK) status = copy_nodes(story, &s);
    if (status == TG_OK) story->loss = s.place[loss.id];
    if (status == TG_OK) status = copy_messages(story, loss, &s);
    tg_release(s.is_told, bytes);
    tg_release(s.place, bytes * sizeof *s.place);
    return status;
}
