/* html_units.c - what has a box on the page, the uses of its value, and the messages that come back along them. In the view of neurons these are the
 * story's messages taken apart, element by element: along an edge of a net goes upstream x one weight. */
#include "core/util.h"
#include "explain/html.h"

#include <math.h>

/* ---- which nodes are split into elements ---- */

/* Whether one row can be told without the others: its op goes row by row, adds the rows up, or is given none but one. Rows of the second operand of
 * a product are no examples. */
static bool keeps_rows(const tg_page *page, const tg_story_node *node) {
    if (node->op->flags & TG_OP_PRODUCT) return page->story->nodes[node->inputs[1]].shape.rows == 1;
    if (node->op->flags & (TG_OP_ELEMENTWISE | TG_OP_ROWWISE | TG_OP_BROADCAST)) return true;
    for (int k = 0; k < node->input_count; k++)
        if (node->inputs[k] >= 0 && page->story->nodes[node->inputs[k]].shape.rows > 1)
            return !(node->op->flags & TG_OP_VIEW) && ((node->op->flags & TG_OP_ROW_SUM) || tg_story_elements(node) == 1);
    return true;
}

static int64_t batch_of(const tg_story *story) {
    if (story->layer_count > 0) return story->nodes[story->layers[0].sum].shape.rows;
    int64_t rows = 1;
    for (int i = 0; i < story->node_count; i++)
        if (story->nodes[i].shape.rows > rows) rows = story->nodes[i].shape.rows;
    return rows;
}

static bool is_layer_weight(const tg_story_node *node) { return node->role == TG_ROLE_WEIGHT; }

static bool fits(const tg_page *page, const tg_story_node *node) {
    if (is_layer_weight(node)) return node->shape.rows <= TG_PAGE_COLUMNS && node->shape.cols <= TG_PAGE_COLUMNS;
    if (node->shape.cols > TG_PAGE_COLUMNS || node->shape.cols < 1 || node->shape.rows < 1) return false;
    if (node->shape.rows != 1 && node->shape.rows != page->batch) return false;
    const bool is_product = node->role == TG_ROLE_PRODUCT || node->role == TG_ROLE_SUM;
    return page->batch == 1 || node->kind != TG_STORY_OP || is_product || keeps_rows(page, node);
}

/* A message that is told element by element: its local derivative is known, or each element follows from the kind of op. */
static bool is_told(const tg_page *page, const tg_story_message *m) {
    const tg_story_node *from = &page->story->nodes[m->from];
    if ((from->op->flags & (TG_OP_ELEMENTWISE | TG_OP_VIEW)) || from->role == TG_ROLE_PRODUCT || from->role == TG_ROLE_SUM) return true;
    return m->local != NULL || tg_story_elements(from) == 1 || page->story->nodes[0].value == NULL;
}

bool tg_page_fits_neurons(tg_page *page) {
    const tg_story *story = page->story;
    int64_t         units = 0;
    page->batch = batch_of(story);
    for (int i = 0; i < story->node_count; i++) {
        const tg_story_node *node = &story->nodes[i];
        if (!fits(page, node)) return false;
        units += is_layer_weight(node) ? tg_story_elements(node) : node->shape.cols;
        if (units > TG_PAGE_UNITS) return false;
    }
    for (int i = 0; i < story->message_count; i++)
        if (!is_told(page, &story->messages[i])) return false;
    return true;
}

bool tg_page_is_split(const tg_page *page, int node) { return page->neurons && page->story->nodes[node].shape.cols >= 1; }

int64_t tg_page_row(const tg_page *page, int node) {
    const tg_story_node *n = &page->story->nodes[node];
    if (n->shape.rows <= 1) return 0;
    return page->options->example < n->shape.rows ? page->options->example : 0;
}

/* ---- units ---- */

int tg_page_unit_of(const tg_page *page, int node, int64_t column) {
    const int first = page->first[page->alias[node]];
    return first + (tg_page_is_split(page, node) ? (int)column : 0);
}

int64_t tg_page_elements(const tg_page *page, int unit) {
    return page->units[unit].element >= 0 ? 1 : tg_story_elements(tg_page_node(page, unit));
}

static const double *part_of(const double *values, const tg_page_unit *u) {
    return values != NULL && u->element >= 0 ? values + u->element : values;
}

const double *tg_page_values(const tg_page *page, int unit) { return part_of(tg_page_node(page, unit)->value, &page->units[unit]); }

const double *tg_page_adjoints(const tg_page *page, int unit) { return part_of(tg_page_node(page, unit)->adjoint, &page->units[unit]); }

bool tg_page_is_fixed(const tg_page *page, int unit) {
    const tg_page_unit *u = &page->units[unit];
    return page->story->nodes[u->node].kind != TG_STORY_OP && u->arriving == 0 &&
           (page->story->nodes[u->node].shape.integer || (page->story->has_walk && tg_page_elements(page, unit) == 1));
}

bool tg_page_is_slot(const tg_page *page, int unit) {
    const tg_story_role role = tg_page_node(page, unit)->role;
    return page->neurons && (role == TG_ROLE_WEIGHT || role == TG_ROLE_BIAS);
}

int tg_page_layer_of(const tg_page *page, int unit) { return tg_page_node(page, unit)->layer; }

int tg_page_maker(const tg_page *page, int node) {
    int maker = node;
    for (int i = 0; i < page->story->node_count; i++)
        if (page->story->nodes[i].expanded == node && page->alias[i] == node) maker = i;
    return maker;
}

/* The product of a layer is told with its sum; the end of what an op expands to with the op. */
static void find_aliases(tg_page *page) {
    const tg_story *story = page->story;
    for (int i = 0; i < story->node_count; i++) page->alias[i] = i;
    for (int l = 0; l < story->layer_count; l++) page->alias[story->layers[l].product] = story->layers[l].sum;
    for (int i = 0; i < story->node_count; i++) {
        const int of = story->nodes[i].expanded;
        if (of < 0) continue;
        for (int j = 0; j < i; j++)
            if (story->nodes[j].expanded == of) page->alias[j] = j;
        if (tg_story_elements(&story->nodes[i]) == tg_story_elements(&story->nodes[of])) page->alias[i] = of;
    }
}

static int64_t units_of(const tg_page *page, int i) {
    const tg_story_node *node = &page->story->nodes[i];
    if (page->alias[i] != i) return 0;
    return !tg_page_is_split(page, i) ? 1 : node->role == TG_ROLE_WEIGHT ? tg_story_elements(node) : node->shape.cols;
}

static void add_units(tg_page *page, int i) {
    const tg_story_node *node  = &page->story->nodes[i];
    const int64_t        count = units_of(page, i), row = node->role == TG_ROLE_WEIGHT ? 0 : tg_page_row(page, i);
    page->first[i] = page->unit_count;
    for (int64_t j = 0; j < count; j++)
        page->units[page->unit_count++] = (tg_page_unit){ .node = i, .element = page->neurons ? row * node->shape.cols + j : -1, .box = -1 };
}

/* ---- uses and messages: each pair of elements ---- */

typedef void (*pair_fn)(tg_page *page, int from, int to, int argument, const tg_story_message *m, double local);

static double at(const double *values, int64_t element) { return values != NULL ? values[element] : (double)NAN; }

/* Of the example, in this column or the only one. */
static int64_t element_at(const tg_page *page, int node, int64_t column) {
    const tg_story_node *n = &page->story->nodes[node];
    return tg_page_row(page, node) * n->shape.cols + (n->shape.cols > column ? column : 0);
}

/* The formula's value where both are; names in it are the story's labels. */
static double local_of_formula(const tg_page *page, const tg_story_message *m, int64_t column) {
    const tg_story            *story = page->story;
    const tg_story_node       *from  = &story->nodes[m->from];
    tg_formula_number_binding  names[TG_STORY_OPERANDS + 1];
    int                        count = 0;
    double                     local = (double)NAN;
    if (m->local_formula == NULL || from->value == NULL || from->input_count > TG_STORY_OPERANDS) return local;
    for (int k = -1; k < from->input_count; k++) {
        const int            place = k < 0 ? m->from : from->inputs[k];
        const tg_story_node *node  = place >= 0 ? &story->nodes[place] : NULL;
        if (node == NULL || node->value == NULL) continue;
        names[count++] = (tg_formula_number_binding){ node->label, node->value[element_at(page, place, column)] };
    }
    if (tg_formula_value(m->local_formula, names, count, &local) != TG_OK) tg_last_error(NULL), local = (double)NAN;
    return local;
}

static double local_between(const tg_page *page, const tg_story_message *m, int64_t from_element, int64_t to_element, int64_t column) {
    if (m == NULL) return (double)NAN;
    if (m->local != NULL) return m->local[from_element * tg_story_elements(&page->story->nodes[m->to]) + to_element];
    const double known = local_of_formula(page, m, column);
    if (!isnan(known) || m->upstream == NULL || m->message == NULL) return known;
    return m->message[to_element] / m->upstream[from_element];
}

/* x W: neuron j needs all x_i and column j of W. From the last neuron to the first, as walks go. */
static void pair_product(tg_page *page, int node, int argument, const tg_story_message *m, pair_fn found) {
    const tg_story      *story = page->story;
    const int            x = story->nodes[node].inputs[0], w = story->nodes[node].inputs[1];
    const tg_story_node *weight = &story->nodes[w];
    for (int64_t j = weight->shape.cols - 1; j >= 0; j--)
        for (int64_t k = 0; k < weight->shape.rows; k++) {
            const int64_t i = argument == 0 ? weight->shape.rows - 1 - k : k, element = i * weight->shape.cols + j;
            const int     from = tg_page_unit_of(page, node, j);
            if (argument == 0) found(page, from, tg_page_unit_of(page, x, i), 0, m, at(weight->value, element));
            else found(page, from, tg_page_unit_of(page, w, element), 1, m, at(story->nodes[x].value, element_at(page, x, i)));
        }
}

static void pair_elements(tg_page *page, int node, int argument, const tg_story_message *m, pair_fn found) {
    const tg_story_node *from = &page->story->nodes[node];
    const int            to = from->inputs[argument];
    for (int64_t j = from->shape.cols - 1; j >= 0; j--) {
        const int64_t to_column = page->story->nodes[to].shape.cols > 1 ? j : 0;
        found(page, tg_page_unit_of(page, node, j), tg_page_unit_of(page, to, to_column), argument, m,
              local_between(page, m, element_at(page, node, j), element_at(page, to, to_column), j));
    }
}

static void pair_view(tg_page *page, int node, const tg_story_message *m, pair_fn found) {
    const tg_story_node      *from   = &page->story->nodes[node];
    const tg_view_attributes *view   = from->attributes;
    const int64_t             cols   = page->story->nodes[from->inputs[0]].shape.cols, row = tg_page_row(page, from->inputs[0]);
    for (int64_t j = from->shape.cols - 1; j >= 0; j--) {
        const int64_t element = view->offset + element_at(page, node, j);
        if (element / cols == row) found(page, tg_page_unit_of(page, node, j), tg_page_unit_of(page, from->inputs[0], element % cols), 0, m, 1);
    }
}

/* All with all; but for zeros of a local derivative that is known. */
static void pair_all(tg_page *page, int node, int argument, const tg_story_message *m, pair_fn found) {
    const int                  to = page->story->nodes[node].inputs[argument];
    const tg_story_node *const from_node = &page->story->nodes[node], *const to_node = &page->story->nodes[to];
    for (int64_t j = from_node->shape.cols - 1; j >= 0; j--)
        for (int64_t i = to_node->shape.cols - 1; i >= 0; i--) {
            const double local = local_between(page, m, element_at(page, node, j), element_at(page, to, i), i);
            const bool   apart = m != NULL && m->local != NULL && local == 0 && from_node->shape.cols > 1;
            if (!apart) found(page, tg_page_unit_of(page, node, j), tg_page_unit_of(page, to, i), argument, m, local);
        }
}

static void each_pair(tg_page *page, int node, int argument, const tg_story_message *m, pair_fn found) {
    const tg_story_node *from = &page->story->nodes[node];
    const int            to   = from->inputs[argument];
    if (to < 0 || page->alias[to] == page->alias[node]) return;
    const bool is_product = (from->op->flags & TG_OP_PRODUCT) && page->story->nodes[from->inputs[1]].role == TG_ROLE_WEIGHT;
    const int  from_unit  = page->first[page->alias[node]], to_unit = page->first[page->alias[to]];
    if (!page->neurons) found(page, from_unit, to_unit, argument, m, m != NULL && m->local != NULL ? m->local[0] : (double)NAN);
    else if (is_product) pair_product(page, node, argument, m, found);
    else if (from->op->flags & TG_OP_ELEMENTWISE) pair_elements(page, node, argument, m, found);
    else if (from->op->flags & TG_OP_VIEW) pair_view(page, node, m, found);
    else pair_all(page, node, argument, m, found);
}

/* ---- uses ---- */

static void add_edge(tg_page *page, int from, int to, int argument, const tg_story_message *m, double local) {
    void *edges = page->edges;
    size_t capacity = (size_t)page->edge_room;
    (void)m, (void)local;
    if (!tg_grow(&edges, &capacity, (size_t)page->edge_count + 1, sizeof *page->edges)) {
        page->out.failed = true;
        return;
    }
    page->edges     = edges;
    page->edge_room = (int)capacity;
    page->edges[page->edge_count++] = (tg_page_edge){ .from = to, .to = from, .argument = argument, .is_drawn = !tg_page_is_slot(page, to),
                                                      .first_bend = -1 };
}

int tg_page_edge_of(const tg_page *page, int from, int to, int argument) {
    for (int i = 0; i < page->edge_count; i++)
        if (page->edges[i].from == from && page->edges[i].to == to && page->edges[i].argument == argument) return i;
    return -1;
}

static const tg_story_message *message_of(const tg_story *story, int node, int argument) {
    for (int i = 0; i < story->message_count; i++)
        if (story->messages[i].from == node && story->messages[i].argument == argument) return &story->messages[i];
    return NULL;
}

static void add_edges(tg_page *page, int node) {
    const tg_story_node *n = &page->story->nodes[node];
    if (page->alias[node] == node && tg_page_maker(page, node) != node) return;      /* its expansion is drawn instead */
    for (int k = 0; k < n->input_count; k++) each_pair(page, node, k, message_of(page->story, node, k), add_edge);
}

/* ---- messages ---- */

static void add_message(tg_page *page, int from, int to, int argument, const tg_story_message *m, double local) {
    void  *messages = page->messages;
    size_t capacity = (size_t)page->message_room;
    if (!tg_grow(&messages, &capacity, (size_t)page->message_count + 1, sizeof *page->messages)) {
        page->out.failed = true;
        return;
    }
    page->messages     = messages;
    page->message_room = (int)capacity;
    const double    *upstream = tg_page_adjoints(page, from);
    const double     sent     = upstream != NULL ? *upstream : (double)NAN;
    const bool       is_sum   = !page->neurons && m->message != NULL && tg_page_elements(page, to) == 1;      /* of a matrix, to one number */
    const int        edge     = tg_page_edge_of(page, to, from, argument);
    const tg_story_role role  = tg_page_node(page, to)->role;
    page->messages[page->message_count++] = (tg_page_message){
        .from = from, .to = to, .told = m, .edge = edge, .upstream = sent, .local = local,
        .message = is_sum ? m->message[0] : sent == 0 && !isfinite(local) ? 0 : sent * local,
        .is_part = page->neurons && page->batch > 1 && (role == TG_ROLE_WEIGHT || tg_page_node(page, to)->shape.rows == 1) &&
                   tg_page_node(page, from)->shape.rows > 1 };
    if (edge >= 0) page->edges[edge].carries = true;
    page->units[to].arriving++;
}

/* All messages of a layer's sum: what the story tells of sum and product is told neuron by neuron, bias, weights and inputs. */
static void add_layer_messages(tg_page *page, const tg_story_layer *layer) {
    const int begin = page->message_count;
    for (int i = 0; i < page->story->message_count; i++) {
        const tg_story_message *m = &page->story->messages[i];
        if (m->from == layer->sum || m->from == layer->product) each_pair(page, m->from, m->argument, m, add_message);
    }
    /* by neuron, from the last one: insertion keeps the order within a neuron, bias first, as its message is the first that was sent */
    for (int i = begin + 1; i < page->message_count; i++) {
        const tg_page_message moving = page->messages[i];
        int                   place  = i;
        for (; place > begin && page->messages[place - 1].from < moving.from; place--) page->messages[place] = page->messages[place - 1];
        page->messages[place] = moving;
    }
}

static const tg_story_layer *layer_of(const tg_story *story, int node) {
    for (int l = 0; l < story->layer_count; l++)
        if (story->layers[l].product == node || story->layers[l].sum == node) return &story->layers[l];
    return NULL;
}

/* The last message of a layer in the walk is where all of them are told: nothing that comes later adds to its delta. */
static bool ends_layer(const tg_story *story, const tg_story_layer *layer, int message) {
    for (int i = message + 1; i < story->message_count; i++)
        if (story->messages[i].from == layer->product || story->messages[i].from == layer->sum) return false;
    return true;
}

static void add_messages(tg_page *page) {
    const tg_story *story = page->story;
    for (int i = 0; i < story->message_count; i++) {
        const tg_story_message *m     = &story->messages[i];
        const tg_story_layer   *layer = layer_of(story, m->from);
        if (layer == NULL) each_pair(page, m->from, m->argument, m, add_message);
        else if (ends_layer(story, layer, i)) add_layer_messages(page, layer);
    }
}

/* Sums so far, in the order told; the last one is the engine's, which adds in its own order and type. */
static void number_messages(tg_page *page) {
    for (int i = 0; i < page->message_count; i++) {
        tg_page_message *m    = &page->messages[i];
        int              last = -1;
        for (int j = 0; j < i; j++)
            if (page->messages[j].to == m->to) last = j;
        const double *adjoint = tg_page_adjoints(page, m->to);
        m->k      = last >= 0 ? page->messages[last].k + 1 : 1;
        m->n      = page->units[m->to].arriving;
        m->before = last >= 0 ? page->messages[last].after : 0;
        m->after  = m->before + m->message;
        if (m->k == m->n && adjoint != NULL && (!m->is_part || page->units[m->to].element >= 0)) m->after = *adjoint;
    }
}

tg_status tg_page_find_units(tg_page *page) {
    const tg_story *story = page->story;
    int64_t         count = 0;
    find_aliases(page);
    for (int i = 0; i < story->node_count; i++) count += units_of(page, i);
    page->units = tg_allocate((size_t)count * sizeof *page->units);
    if (page->units == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for a page");
    for (int i = 0; i < story->node_count; i++) add_units(page, i);
    for (int i = 0; i < story->node_count; i++) add_edges(page, i);
    add_messages(page);
    number_messages(page);
    return page->out.failed ? tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for a page") : TG_OK;
}
