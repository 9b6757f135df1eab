/* vjp.c - the reverse walk: the chain rule for every net, in one loop.
 *
 * From y down, each node whose cotangent exists and which leads to a wanted tensor has its op's rule called; the rule records expressions for the
 * cotangents of its operands on the same tape. Adding up where a value was used several times, summing over broadcast dimensions and joining
 * slices is done here, never in a rule. Node numbers are a topological order, so every cotangent is complete when the walk reaches its node. */
#include "grad/walk.h"

#include <string.h>
#include <tapegrad/ops.h>

const tg_op tg_gradients_op = { .size = sizeof(tg_op), .name = "gradients", .arity = -1, .attribute_size = sizeof(double), .flags = TG_OP_STOP,
                                .text = "gradients of %0" };

static bool make_room(tg_walk *walk) {
    const size_t length = walk->tape->length;
    if (tg_borrow_more(walk->tape, (void **)&walk->cotangent, &walk->cotangent_capacity, length, sizeof *walk->cotangent) &&
        tg_borrow_more(walk->tape, (void **)&walk->leads, &walk->leads_capacity, length, sizeof *walk->leads) &&
        tg_borrow_more(walk->tape, (void **)&walk->last_part, &walk->last_part_capacity, length, sizeof *walk->last_part))
        return true;
    tg_fail(walk->tape, TG_OUT_OF_MEMORY, "tg_gradients: no memory for a walk over %zu nodes", length);
    return false;
}

/* ---- messages ---- */

static void add_message(tg_walk *walk, tg_message_record message) {
    tg_tape *tape = walk->tape;
    if (!tg_grow((void **)&tape->messages, &tape->message_capacity, tape->message_count + 1, sizeof *tape->messages))
        tg_fail(tape, TG_OUT_OF_MEMORY, "tg_gradients: no memory for another message");
    else tape->messages[tape->message_count++] = message;
}

/* g in the shape of node `to`: sums what was broadcast to make g, repeats what the rule left small. */
static tg_tensor fit(tg_tape *tape, uint32_t to, tg_tensor g) {
    const tg_shape want = tg_shape_at(tape, to), have = tg_shape_of(g);
    const int64_t  rows = want.rows == 1 ? 1 : have.rows, cols = want.cols == 1 ? 1 : have.cols;
    if (rows != have.rows || cols != have.cols) g = tg_sum_to(g, rows, cols);
    if (g.id != 0 && (rows != want.rows || cols != want.cols)) g = tg_broadcast_to(g, want.rows, want.cols);
    return g;
}

/* Adds what flows along one edge to the cotangent of node `to`. */
static void send(tg_walk *walk, uint32_t from, int argument, uint32_t to, tg_tensor g) {
    tg_tape *tape = walk->tape;
    g = fit(tape, to, g);
    if (g.id == 0) return;
    const uint32_t before = walk->cotangent[to];
    const uint32_t after  = before != 0 ? tg_add(tg_handle(tape, before), g).id : g.id;
    walk->cotangent[to]   = after;
    if (after != 0 && from != 0)
        add_message(walk, (tg_message_record){ .from = from, .to = to, .upstream = walk->cotangent[from], .message = g.id, .before = before,
                                               .after = after, .argument = argument });
}

/* A view's cotangent waits until the walk reaches what is viewed, and is never blown up to its size. */
static void send_part(tg_walk *walk, uint32_t from) {
    tg_tape                  *tape = walk->tape;
    const uint32_t            to   = tg_inputs_of(tape, from)[0];
    const tg_view_attributes *view = tg_attributes_of(tape, from);
    if (view->rows * view->cols == 0) return;
    if (!tg_borrow_more(tape, (void **)&walk->parts, &walk->part_capacity, walk->part_count + 1, sizeof *walk->parts)) {
        tg_fail(tape, TG_OUT_OF_MEMORY, "tg_gradients: no memory for the slices of a gradient");
        return;
    }
    walk->parts[walk->part_count] = (tg_part){ .viewed = to, .cotangent = walk->cotangent[from], .offset = view->offset,
                                               .count = view->rows * view->cols, .message = (uint32_t)tape->message_count,
                                               .next = walk->last_part[to] };
    walk->last_part[to] = (uint32_t)walk->part_count++;
    add_message(walk, (tg_message_record){ .from = from, .to = to, .upstream = walk->cotangent[from], .message = walk->cotangent[from] });
}

/* ---- what leads to a wanted tensor ---- */

static bool leads_through(const tg_walk *walk, uint32_t id) {
    const tg_tape   *tape   = walk->tape;
    const tg_record *node   = tg_record_of(tape, id);
    const uint32_t  *inputs = tg_inputs_of(tape, id);
    if (node->op->flags & TG_OP_STOP) return false;
    for (uint32_t k = 0; k < node->input_count; k++) {
        if (inputs[k] == 0 || !walk->leads[inputs[k]]) continue;
        const bool into_block = (node->op->flags & TG_OP_VIEW) && tg_record_of(tape, inputs[k])->op == &tg_block_op;
        if (!into_block || tg_view_is_live(tape, inputs[k], tg_attributes_of(tape, id))) return true;      /* frozen: nobody wants it */
    }
    return false;
}

static void mark_leads(tg_walk *walk, uint32_t first, uint32_t end) {
    for (uint32_t id = first; id < end; id++) walk->leads[id] |= leads_through(walk, id);
}

/* ---- one node ---- */

static void walk_down(tg_walk *walk, uint32_t first, uint32_t end);

/* What a rule recorded belongs to an argument: backwards from each result, the first one that needs it. */
static void note_arguments(tg_tape *tape, size_t first, const tg_tensor results[], int count) {
    for (int k = 0; k < count; k++)
        if (results[k].id >= first && tape->nodes[results[k].id].origin_argument < 0) tape->nodes[results[k].id].origin_argument = (int16_t)k;
    for (size_t id = tape->length; id-- > first;) {
        const uint32_t *inputs = tg_inputs_of(tape, (uint32_t)id);
        for (uint32_t k = 0; k < tape->nodes[id].input_count; k++)
            if (inputs[k] >= first && tape->nodes[inputs[k]].origin_argument < 0)
                tape->nodes[inputs[k]].origin_argument = tape->nodes[id].origin_argument;
    }
}

/* Copies for the rule: it records, so the tape's own arrays may move. */
typedef struct operands {
    tg_tensor *tensors, *cotangents;
    bool      *wanted;
    uint64_t  *attributes;
    size_t     count, attribute_words;
} operands;

static void release_operands(tg_tape *tape, operands *o) {
    tg_give_back(tape, o->tensors, o->count * sizeof *o->tensors);
    tg_give_back(tape, o->cotangents, o->count * sizeof *o->cotangents);
    tg_give_back(tape, o->wanted, o->count * sizeof *o->wanted);
    tg_give_back(tape, o->attributes, o->attribute_words * sizeof *o->attributes);
}

static bool copy_operands(const tg_walk *walk, uint32_t id, operands *o) {
    tg_tape         *tape   = walk->tape;
    const tg_record *node   = tg_record_of(tape, id);
    const uint32_t  *inputs = tg_inputs_of(tape, id);
    *o = (operands){ .count = node->input_count, .attribute_words = (node->op->attribute_size + 7) / 8 };
    o->tensors    = tg_borrow(tape, o->count * sizeof *o->tensors);
    o->cotangents = tg_borrow(tape, o->count * sizeof *o->cotangents);
    o->wanted     = tg_borrow(tape, o->count * sizeof *o->wanted);
    o->attributes = tg_borrow(tape, o->attribute_words * sizeof *o->attributes);
    if (o->tensors == NULL || o->cotangents == NULL || o->wanted == NULL || o->attributes == NULL) return false;
    for (size_t k = 0; k < o->count; k++) {
        o->tensors[k] = inputs[k] != 0 ? tg_handle(tape, inputs[k]) : (tg_tensor){ 0 };
        o->wanted[k]  = inputs[k] != 0 && walk->leads[inputs[k]];
    }
    if (o->attribute_words > 0) memcpy(o->attributes, tg_attributes_of(tape, id), o->attribute_words * sizeof *o->attributes);
    return true;
}

/* A rule of its own: one message an operand. */
static void call_rule(tg_walk *walk, uint32_t id, const operands *o) {
    tg_tape             *tape  = walk->tape;
    const tg_op         *op    = tg_record_of(tape, id)->op;
    const size_t         first = tape->length;
    const tg_application application = { .tape = tape, .op = op, .inputs = o->tensors, .input_count = (int)o->count, .output = tg_handle(tape, id),
                                         .attributes = o->attributes, .wanted = o->wanted };
    op->vjp(&application, tg_handle(tape, walk->cotangent[id]), o->cotangents);
    if (tape->status != TG_OK) return;
    note_arguments(tape, first, o->cotangents, (int)o->count);
    for (size_t k = 0; k < o->count && tape->status == TG_OK; k++)
        if (o->wanted[k] && o->cotangents[k].tape != NULL) send(walk, id, (int)k, o->tensors[k].id, o->cotangents[k]);
}

/* No rule: the meaning in other ops is recorded and walked instead, on nodes of its own. */
static void walk_expansion(tg_walk *walk, uint32_t id, const operands *o) {
    tg_tape             *tape  = walk->tape;
    const tg_op         *op    = tg_record_of(tape, id)->op;
    const uint32_t       first = (uint32_t)tape->length;
    const tg_application application = { .tape = tape, .op = op, .inputs = o->tensors, .input_count = (int)o->count, .attributes = o->attributes };
    const tg_tensor      result      = op->expand(&application);
    if (tape->status != TG_OK || !make_room(walk)) return;
    const uint32_t end = (uint32_t)tape->length;
    mark_leads(walk, first, end);
    if (result.id != 0 && walk->leads[result.id]) send(walk, 0, 0, result.id, tg_handle(tape, walk->cotangent[id]));
    walk_down(walk, first, end);
}

static void visit(tg_walk *walk, uint32_t id) {
    tg_tape         *tape = walk->tape;
    const tg_record *node = tg_record_of(tape, id);
    const tg_op     *op   = node->op;
    if (op->flags & TG_OP_VIEW) {
        send_part(walk, id);
        return;
    }
    if (node->input_count == 0) return;
    if (op->vjp == NULL && op->expand == NULL) {
        tg_fail(tape, TG_NO_DERIVATIVE, "v%u: the op %s has no derivative", id, op->name);
        return;
    }
    operands o;
    if (!copy_operands(walk, id, &o)) tg_fail(tape, TG_OUT_OF_MEMORY, "tg_gradients: no memory for the rule of %s", op->name);
    else if (op->vjp != NULL) call_rule(walk, id, &o);
    else walk_expansion(walk, id, &o);
    release_operands(tape, &o);
}

static void add_joined_parts(tg_walk *walk, uint32_t id) {
    if (walk->last_part[id] == 0) return;
    send(walk, 0, 0, id, tg_join_parts(walk, id));
    if (walk->tape->status == TG_OK) walk->tape->messages[walk->parts[walk->last_part[id]].message].after = walk->cotangent[id];
}

/* The loop. */
static void walk_down(tg_walk *walk, uint32_t first, uint32_t end) {
    tg_tape       *tape  = walk->tape;
    const uint32_t scope = tape->scope, origin = tape->origin;
    for (uint32_t id = end; id-- > first && tape->status == TG_OK;) {
        if (!walk->leads[id]) continue;
        tape->scope  = tg_record_of(tape, id)->scope;
        tape->origin = id;
        add_joined_parts(walk, id);
        const bool ends = !leads_through(walk, id);      /* wanted itself, and nothing that it is made of */
        if (walk->cotangent[id] != 0 && tape->status == TG_OK && !ends) visit(walk, id);
        if (!make_room(walk)) break;
    }
    tape->scope  = scope;
    tape->origin = origin;
}

/* ---- the walk as a whole ---- */

static tg_status check_arguments(tg_tensor y, tg_tensor seed, const tg_tensor xs[], int count) {
    tg_tape *tape = y.tape;
    if (tg_check_tensor(y, "tg_gradients") != TG_OK) return tape != NULL ? tape->status : TG_NULL_ARGUMENT;
    const tg_shape shape = tg_shape_of(y);
    if (seed.tape == NULL && (shape.rows != 1 || shape.cols != 1))
        return tg_fail(tape, TG_SHAPE_MISMATCH, "tg_gradients: v%u is [%lld,%lld]; only [1,1] can do without a seed", y.id, (long long)shape.rows,
                       (long long)shape.cols);
    if (seed.tape != NULL) {
        if (seed.tape != tape) return tg_fail(tape, TG_WRONG_TAPE, "tg_gradients: the seed belongs to another tape");
        if (tg_check_tensor(seed, "tg_gradients") != TG_OK) return tape->status;
        const tg_shape s = tg_shape_of(seed);
        if (s.rows != shape.rows || s.cols != shape.cols || s.integer)
            return tg_fail(tape, TG_SHAPE_MISMATCH, "tg_gradients: the seed has not the shape of v%u", y.id);
    }
    for (int i = 0; i < count; i++) {
        if (xs[i].tape != tape)
            return tg_fail(tape, xs[i].tape == NULL ? TG_NULL_ARGUMENT : TG_WRONG_TAPE, "tg_gradients: wanted tensor %d is not of this tape", i);
        if (tg_check_tensor(xs[i], "tg_gradients") != TG_OK) return tape->status;
        if (tg_shape_of(xs[i]).integer)
            return tg_fail(tape, TG_TYPE_MISMATCH, "tg_gradients: v%u holds integers, which have no derivative", xs[i].id);
    }
    return tg_shape_of(y).integer ? tg_fail(tape, TG_TYPE_MISMATCH, "tg_gradients: v%u holds integers", y.id) : TG_OK;
}

/* The node that stands for the walk: its operands are y, the seed and what is wanted, its attribute is the option. */
typedef struct walk_header {
    uint32_t  few[16];
    uint32_t *inputs;      /* [count + 2] */
    size_t    bytes;       /* 0: few */
    double    allow_unused;
} walk_header;

static bool make_header(tg_tape *tape, walk_header *h, tg_tensor y, tg_tensor seed, const tg_tensor xs[], int count) {
    const size_t needed = (size_t)count + 2;
    h->bytes  = needed <= sizeof h->few / sizeof *h->few ? 0 : needed * sizeof *h->inputs;
    h->inputs = h->bytes == 0 ? h->few : tg_borrow(tape, h->bytes);
    if (h->inputs == NULL) return tg_fail(tape, TG_OUT_OF_MEMORY, "tg_gradients: no memory for %d wanted tensors", count), false;
    h->inputs[0] = y.id;
    h->inputs[1] = seed.id;
    for (int i = 0; i < count; i++) h->inputs[i + 2] = xs[i].id;
    return true;
}

static void release_header(tg_tape *tape, walk_header *h) {
    if (h->bytes > 0) tg_give_back(tape, h->inputs, h->bytes);
}

/* The last step made the same walk here: what it recorded stands. */
static bool step_over_section(tg_tape *tape, const walk_header *h, int count, tg_tensor out[]) {
    if (tape->section_count >= tape->known_sections) return false;
    const tg_section *section = &tape->sections[tape->section_count];
    if (section->header != tape->length || section->behind.length > tape->known) return false;
    if (!tg_is_known(tape, &tg_gradients_op, h->inputs, count + 2, &h->allow_unused)) return false;
    const uint32_t *nodes = &tape->section_nodes[section->results];
    tg_go_to(tape, section->behind);
    for (int i = 0; i < count; i++) out[i] = tg_handle(tape, nodes[i]);
    for (uint32_t i = 0; i < section->finite_count; i++) tg_list_id(tape, &tape->finite, nodes[(uint32_t)count + i], TG_MARK_FINITE);
    return true;
}

/* The gradient handed to the user: complete, of the tensor's shape, and a node of this section. */
static tg_tensor result_for(tg_walk *walk, uint32_t header, uint32_t x) {
    tg_tape       *tape  = walk->tape;
    const tg_shape shape = tg_shape_at(tape, x);
    tg_tensor      g     = tg_handle(tape, walk->cotangent[x]);
    if (g.id == 0) return tg_zeros(tape, shape.rows, shape.cols);
    if (tg_record_of(tape, x)->op == &tg_block_op) g = tg_mask_frozen(tape, x, g);
    return g.id != 0 && g.id < header ? tg_view(g, 0, shape.rows, shape.cols) : g;
}

/* k of n: counted when all messages are there. */
static void number_messages(const tg_tape *tape, const tg_section *section, tg_walk *walk) {
    memset(walk->last_part, 0, walk->last_part_capacity * sizeof *walk->last_part);
    for (uint32_t i = 0; i < section->message_count; i++)
        tape->messages[section->messages + i].k = (int32_t)++walk->last_part[tape->messages[section->messages + i].to];
    for (uint32_t i = 0; i < section->message_count; i++)
        tape->messages[section->messages + i].n = (int32_t)walk->last_part[tape->messages[section->messages + i].to];
}

static void close_section(tg_walk *walk, uint32_t header, size_t first_message, size_t first_finite, const tg_tensor out[], int count) {
    tg_tape     *tape   = walk->tape;
    const size_t finite = tape->finite.count - first_finite;
    if (!tg_grow((void **)&tape->sections, &tape->section_capacity, tape->section_count + 1, sizeof *tape->sections) ||
        !tg_grow((void **)&tape->section_nodes, &tape->section_node_capacity, tape->section_node_count + (size_t)count + finite,
                 sizeof *tape->section_nodes)) {
        tg_fail(tape, TG_OUT_OF_MEMORY, "tg_gradients: no memory for the list of results");
        return;
    }
    tg_section section = { .header        = header,
                           .results       = (uint32_t)tape->section_node_count,
                           .result_count  = (uint32_t)count,
                           .finite_count  = (uint32_t)finite,
                           .messages      = (uint32_t)first_message,
                           .message_count = (uint32_t)(tape->message_count - first_message) };
    for (int i = 0; i < count; i++) tape->section_nodes[tape->section_node_count++] = out[i].id;
    for (size_t i = 0; i < finite; i++) tape->section_nodes[tape->section_node_count++] = tape->finite.at[first_finite + i];
    number_messages(tape, &section, walk);
    tape->section_count++;
    section.behind                          = tg_position_of(tape);
    tape->sections[tape->section_count - 1] = section;
}

static void run_walk(tg_walk *walk, const walk_header *h, tg_tensor y, tg_tensor seed, const tg_tensor xs[], int count, tg_tensor out[]) {
    tg_tape       *tape   = walk->tape;
    const size_t   first  = tape->message_count, finite = tape->finite.count;
    const uint32_t header = tg_record_node(tape, &tg_gradients_op, h->inputs, count + 2, &h->allow_unused, (tg_shape){ 0, 0, false }).id;
    if (header == 0) return;
    walk->part_count = 1;
    if (seed.tape == NULL) seed = tg_constant(tape, 1);
    if (seed.id == 0 || !make_room(walk)) return;
    for (int i = 0; i < count; i++) walk->leads[xs[i].id] = 1;
    mark_leads(walk, 1, y.id + 1);
    walk->cotangent[y.id] = seed.id;
    walk_down(walk, 1, y.id + 1);
    for (int i = 0; i < count && tape->status == TG_OK; i++) out[i] = result_for(walk, header, xs[i].id);
    if (tape->status == TG_OK) close_section(walk, header, first, finite, out, count);
}

static void release_walk(tg_walk *walk) {
    tg_give_back(walk->tape, walk->cotangent, walk->cotangent_capacity * sizeof *walk->cotangent);
    tg_give_back(walk->tape, walk->leads, walk->leads_capacity * sizeof *walk->leads);
    tg_give_back(walk->tape, walk->last_part, walk->last_part_capacity * sizeof *walk->last_part);
    tg_give_back(walk->tape, walk->parts, walk->part_capacity * sizeof *walk->parts);
}

tg_status tg_gradients(tg_tensor y, tg_tensor seed, const tg_tensor xs[], int count, tg_tensor out[], const tg_gradients_options *options) {
    tg_tape *tape = y.tape;
    if (tape == NULL || (count > 0 && (xs == NULL || out == NULL)) || count < 0)
        return tape == NULL ? tg_fail_thread(TG_NULL_ARGUMENT, "tg_gradients: y is not given")
                            : tg_fail(tape, TG_NULL_ARGUMENT, "tg_gradients: a list is NULL");
    walk_header h           = { .allow_unused = options != NULL && options->allow_unused };
    const bool  allow_unused = h.allow_unused != 0;
    if (check_arguments(y, seed, xs, count) == TG_OK && make_header(tape, &h, y, seed, xs, count)) {
        if (!step_over_section(tape, &h, count, out) && (allow_unused || tg_check_reached(tape, y.id, xs, count) == TG_OK)) {
            const tg_position before = tg_position_of(tape);
            tg_walk           walk   = { .tape = tape };
            run_walk(&walk, &h, y, seed, xs, count, out);
            release_walk(&walk);
            if (tape->status != TG_OK) tg_go_to(tape, before);
        }
        release_header(tape, &h);
    }
    for (int i = 0; i < count && tape->status != TG_OK; i++) out[i] = tg_handle(tape, 0);
    return tape->status;
}

tg_tensor tg_grad(tg_tensor y, tg_tensor x) {
    tg_tensor gradient = tg_handle(y.tape, 0);
    tg_gradients(y, (tg_tensor){ 0 }, &x, 1, &gradient, NULL);
    return gradient;
}
