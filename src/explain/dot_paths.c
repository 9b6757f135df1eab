/* dot_paths.c - the view of paths: all ways from one element to the loss, each with the product of its local derivatives, and their sum. They
 * are counted, and added, by one pass forward; of each element the ten largest products that lead to it are remembered, and of these the ten
 * largest of all are made. */
#include "core/util.h"
#include "explain/dot.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { LARGEST = 10, MOST_ELEMENTS = 200000, MOST_STEPS = 200, MOST_FACTORS = 8 };

/* The end of one path at an element. */
typedef struct path {
    double  product;
    int     before;         /* node and element where it was one step earlier; -1: it begins here */
    int     rank;           /* which of the paths that end there */
    int     message;        /* along which it came; -1: none */
    int64_t element;
} path;

typedef struct arrivals {
    double  count, sum;     /* of paths, exact up to 2^53 */
    int     largest_count;
    path    largest[LARGEST];
} arrivals;

typedef struct search {
    tg_drawing *d;
    arrivals  **at;         /* [node_count]; NULL: no path leads there */
    int64_t     elements;
    int         node;       /* where all paths begin */
    int64_t     element;
    const char *why;        /* it was given up; NULL: it was not */
} search;

/* ---- the element ---- */

/* Digits up to end. */
static bool read_index(const char **text, char end, int64_t *index) {
    *index = 0;
    if (**text < '0' || **text > '9') return false;
    for (; **text >= '0' && **text <= '9'; ++*text)
        if (*index < INT32_MAX) *index = *index * 10 + (**text - '0');
    return *(*text)++ == end;
}

static tg_status find_element(search *s, const char *parameter) {
    const tg_story *story  = s->d->story;
    const char     *index  = strrchr(parameter, '[');
    const size_t    length = index != NULL ? (size_t)(index - parameter) : strlen(parameter);
    int64_t         row = 0, col = 0;
    s->node = -1;
    for (int i = 0; i < story->node_count && s->node < 0; i++) {
        const char *names[] = { story->nodes[i].name, story->nodes[i].label };
        for (int k = 0; k < 2; k++)
            if (length > 0 && strlen(names[k]) == length && strncmp(names[k], parameter, length) == 0) s->node = i;
    }
    if (s->node < 0)
        return tg_fail_thread(TG_UNKNOWN_NAME, "tg_explain: nothing that leads to the loss is called %.*s", (int)(length < 80 ? length : 80),
                              parameter);
    const tg_shape shape = story->nodes[s->node].shape;
    if (index != NULL && !(index++, read_index(&index, ',', &row) && read_index(&index, ']', &col) && *index == '\0'))
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_explain: %.80s ends with no index such as [0,1]", parameter);
    if (index == NULL && shape.rows * shape.cols != 1)
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_explain: %.80s is %" PRId64 " x %" PRId64 "; which element, such as [0,1]?", parameter, shape.rows,
                              shape.cols);
    if (row >= shape.rows || col >= shape.cols)
        return tg_fail_thread(TG_OUT_OF_RANGE, "tg_explain: %.80s of %" PRId64 " x %" PRId64, parameter, shape.rows, shape.cols);
    s->element = row * shape.cols + col;
    return TG_OK;
}

/* ---- all paths, forward ---- */

static arrivals *arrivals_at(search *s, int node) {
    const int64_t count = tg_story_elements(&s->d->story->nodes[node]);
    if (s->at[node] == NULL && s->why == NULL) {
        s->elements += count;
        if (s->elements > MOST_ELEMENTS) s->why = "its paths lead through too many elements";
        else if ((s->at[node] = tg_story_room(s->d->story, (size_t)count * sizeof(arrivals))) == NULL)
            tg_dot_fail(s->d, s->d->status = TG_OUT_OF_MEMORY);
    }
    return s->at[node];
}

static void remember(arrivals *a, path p) {
    int k = a->largest_count < LARGEST ? a->largest_count++ : LARGEST;
    for (; k > 0 && fabs(p.product) > fabs(a->largest[k - 1].product); k--)
        if (k < LARGEST) a->largest[k] = a->largest[k - 1];
    if (k < LARGEST) a->largest[k] = p;
}

/* All paths that end at element i of the operand go on to element j. */
static void go_on(search *s, int message, int64_t j, int64_t i) {
    const tg_story_message *m    = &s->d->story->messages[message];
    const arrivals         *here = &s->at[m->to][i];
    double                  local;
    if (!tg_dot_is_linked(s->d, m->from, m->argument, j, i)) return;
    if (!tg_dot_local(s->d, m, j, i, &local)) {
        s->why = "it is too large for all of its local derivatives";
        return;
    }
    const tg_story_node *from = &s->d->story->nodes[m->from];
    const unsigned       known = TG_OP_ELEMENTWISE | TG_OP_PRODUCT | TG_OP_VIEW;
    if (local == 0 && !(from->op->flags & known)) return;      /* there, a zero means that nothing leads from one to the other */
    arrivals *all = arrivals_at(s, m->from);
    if (all == NULL) return;
    all[j].count += here->count;
    all[j].sum += here->sum * local;
    for (int k = 0; k < here->largest_count; k++)
        remember(&all[j], (path){ .product = here->largest[k].product * local, .before = m->to, .element = i, .rank = k, .message = message });
}

static void go_on_from(search *s, int message, int64_t i) {
    const tg_story_message *m     = &s->d->story->messages[message];
    const tg_dot_range      reach = tg_dot_reach(s->d, m->from, m->argument, i);
    for (int64_t j = reach.first; j < reach.end && s->why == NULL && s->d->status == TG_OK; j += reach.step) go_on(s, message, j, i);
}

/* An op without a rule gets its paths from what was recorded in its place, which has the same cotangent. */
static void take_over(search *s, int node) {
    const tg_story *story = s->d->story;
    uint32_t        cotangent = 0;
    if (s->at[node] != NULL) return;
    for (int i = 0; i < story->message_count; i++)
        if (story->messages[i].to == node && story->messages[i].k == story->messages[i].n) cotangent = story->messages[i].symbols.after.id;
    for (int i = 0; i < story->message_count && cotangent != 0; i++) {
        const tg_story_message *m = &story->messages[i];
        if (m->symbols.upstream.id == cotangent && story->nodes[m->from].expanded == node && s->at[m->from] != NULL) s->at[node] = s->at[m->from];
    }
}

/* In the order against the walk an operand is complete before it is used. */
static void find_paths(search *s) {
    const tg_story *story = s->d->story;
    arrivals       *begin = arrivals_at(s, s->node);
    if (begin == NULL) return;
    begin[s->element] = (arrivals){ .count = 1, .sum = 1, .largest_count = 1, .largest = { { .product = 1, .before = -1, .message = -1 } } };
    for (int i = story->message_count; i-- > 0 && s->why == NULL && s->d->status == TG_OK;) {
        const tg_story_message *m = &story->messages[i];
        if (!tg_dot_is_first(s->d, m)) continue;
        take_over(s, m->to);
        for (int64_t e = 0; s->at[m->to] != NULL && e < tg_story_elements(&story->nodes[m->to]) && s->why == NULL; e++)
            if (s->at[m->to][e].count > 0) go_on_from(s, i, e);
    }
    take_over(s, story->loss);
}

/* ---- one path, step by step ---- */

typedef struct step { int node; int64_t element; int message; } step;      /* message: along which it came */

/* From its beginning to the loss. */
static int steps_of(const search *s, int rank, step steps[MOST_STEPS]) {
    int     count = 0, node = s->d->story->loss;
    int64_t element = 0;
    while (node >= 0 && count < MOST_STEPS) {
        const path *p  = &s->at[node][element].largest[rank];
        steps[count++] = (step){ node, element, p->message };
        node           = p->before;
        element        = p->element;
        rank           = p->rank;
    }
    for (int k = 0; k < count / 2; k++) {
        const step swapped   = steps[k];
        steps[k]             = steps[count - 1 - k];
        steps[count - 1 - k] = swapped;
    }
    return count;
}

static bool is_whole(const search *s, int rank) {
    step      steps[MOST_STEPS];
    const int count = steps_of(s, rank, steps);
    return steps[0].message < 0 && count > 0;
}

/* A product below its sum is no box of its own. */
static bool is_drawn(const search *s, const step *at) { return s->d->story->nodes[at->node].role != TG_ROLE_PRODUCT; }

static double local_of(search *s, const step *from, const step *to) {
    double local = 0;
    tg_dot_local(s->d, &s->d->story->messages[to->message], to->element, from->element, &local);
    return local;
}

/* "w -> S -> o -> L:  0.05 x 0.2413 = 0.01": the factors are those that the edges show. */
static const char *line_of(search *s, int rank) {
    tg_drawing  *d    = s->d;
    const size_t mark = d->text.length;
    step         steps[MOST_STEPS];
    const int    count = steps_of(s, rank, steps);
    double       printed = 1, factor;
    int          factors = 0;
    for (int k = 0; k < count; k++)
        if (is_drawn(s, &steps[k])) tg_dot_put(d, k == 0 ? "%s" : " {arrow} %s", TG_DOT_ELEMENT(d, steps[k].node, steps[k].element));
    tg_dot_put(d, ":{sp}{sp}");
    for (int k = 1; k < count; k++) {
        if (!is_drawn(s, &steps[k - 1]) && s->d->story->nodes[steps[k].node].role == TG_ROLE_SUM) continue;      /* the 1 from a product to its sum */
        factor = local_of(s, &steps[k - 1], &steps[k]);
        printed *= tg_dot_printed(d, factor);
        if (factors++ < MOST_FACTORS) tg_dot_put(d, factors == 1 ? "%s" : factor < 0 ? " {times} (%s)" : " {times} %s", TG_DOT_OF(d, factor));
    }
    if (factors > MOST_FACTORS) tg_dot_put(d, " {times} {dots}");
    if (factors != 1) {
        const double product = s->at[d->story->loss][0].largest[rank].product;
        tg_dot_put_equals(d, factors <= MOST_FACTORS && tg_dot_agree(d, printed, product));
        tg_dot_put(d, "<B>%s</B>", TG_DOT_OF(d, product));
    }
    return tg_dot_take(d, mark);
}

/* ---- the picture ---- */

static const char *box_of(const search *s, const step *at, char out[TG_DOT_NAME]) {
    const tg_story_node *node = &s->d->story->nodes[at->node];
    if (tg_story_elements(node) == 1) snprintf(out, TG_DOT_NAME, "v%u", (unsigned)node->id);
    else snprintf(out, TG_DOT_NAME, "v%u_%" PRId64, (unsigned)node->id, at->element + 1);
    return out;
}

/* Whether an earlier path, or an earlier step, has this step already; from NULL: the element alone. */
static bool was_before(const search *s, int rank, const step *from, const step *to) {
    step steps[MOST_STEPS];
    for (int earlier = 0; earlier < rank; earlier++) {
        const int count = steps_of(s, earlier, steps);
        for (int k = 0; k < count; k++) {
            if (steps[k].node != to->node || steps[k].element != to->element) continue;
            if (from == NULL) return true;
            if (k > 0 && steps[k].message == to->message && steps[k - 1].element == from->element) return true;
        }
    }
    return false;
}

static void put_box(search *s, const step *at) {
    tg_drawing          *d    = s->d;
    const tg_story_node *node = &d->story->nodes[at->node];
    char                 name[TG_DOT_NAME], loss[TG_DOT_NAME];
    const bool           is_begin = at->node == s->node;
    tg_dot_open_box(d, box_of(s, at, name), tg_dot_kind_of(d, at->node), isfinite(node->value[at->element]), node->name);
    tg_dot_put(d, "        <TR><TD ALIGN=\"LEFT\"><B>%s</B>{sp}={sp}", TG_DOT_ELEMENT(d, at->node, at->element));
    tg_dot_put_bold(d, d->theme->forward, node->value[at->element]);
    if (d->batch > 1 && node->shape.rows == d->batch && node->kind != TG_STORY_PARAMETER)
        tg_dot_put(d, "{sp}{sp}<FONT COLOR=\"%s\" POINT-SIZE=\"11\">example %d</FONT>", d->theme->muted, (int)(at->element / node->shape.cols) + 1);
    tg_dot_put(d, "</TD></TR>\n");
    if (is_begin) {
        tg_dot_put(d, "        <TR><TD ALIGN=\"LEFT\"><FONT COLOR=\"%s\">{d}%s/{d}%s{sp}={sp}{sum} over paths{sp}={sp}", d->theme->backward,
                   tg_dot_loss_name(d, loss), TG_DOT_ELEMENT(d, at->node, at->element));
        tg_dot_put_bold(d, d->theme->backward, s->at[d->story->loss][0].sum);
        tg_dot_put(d, "</FONT></TD></TR>\n");
    }
    tg_dot_close_box(d);
}

static void put_symbol(search *s, const step *from, const step *to) {
    tg_drawing             *d = s->d;
    const tg_story_message *m = &d->story->messages[to->message];
    const tg_story_node    *head = &d->story->nodes[m->from];
    const int64_t           factor = tg_dot_factor(d, m->from, m->argument, to->element, from->element);
    if (factor >= 0) tg_dot_put(d, "%s", TG_DOT_ELEMENT(d, head->inputs[1 - m->argument], factor));
    else if (m->local_formula != NULL && m->local_formula->kind != TG_FORMULA_NUMBER)
        tg_dot_put_formula(d, m->from, m->local_formula, head->op->flags & TG_OP_ELEMENTWISE ? to->element : -1);
    else if (m->local_formula == NULL) tg_dot_put(d, "{d}%s/{d}%s", TG_DOT_ELEMENT(d, m->from, to->element), TG_DOT_ELEMENT(d, m->to, from->element));
}

/* head: the box, which is that of the sum where to is the product below it. */
static void put_edge(search *s, const step *from, const step *to, const step *head, int number) {
    tg_drawing  *d    = s->d;
    const size_t mark = d->text.length;
    char         tail_name[TG_DOT_NAME], head_name[TG_DOT_NAME], id[32];
    const double local = local_of(s, from, to);
    double       computed;
    const tg_story_message *m = &d->story->messages[to->message];
    snprintf(id, sizeof id, "p%d", number);
    put_symbol(s, from, to);
    const char *symbol  = tg_dot_take(d, mark);
    const bool  is_true =
        m->local_formula == NULL || !tg_dot_evaluate(d, m->from, m->local_formula, to->element, true, &computed) || tg_dot_agree(d, computed, local);
    tg_dot_put(d, symbol[0] == '\0' ? "%s" : is_true ? "= %s" : "{approx} %s", TG_DOT_OF(d, local));
    const char *text = tg_dot_take(d, mark);
    const tg_dot_edge edge = { .tail      = box_of(s, from, tail_name),
                               .tail_port = "",
                               .head      = box_of(s, head, head_name),
                               .head_port = "",
                               .id        = id,
                               .tooltip   = "",
                               .lines     = { symbol[0] != '\0' ? symbol : text, symbol[0] != '\0' ? text : NULL },
                               .is_finite = isfinite(local),
                               .weight    = 1 };
    tg_dot_put_edge(d, &edge);
}

static void put_boxes(search *s, int shown) {
    tg_drawing *d = s->d;
    step        steps[MOST_STEPS];
    for (int group = 0; group < d->group_count; group++) {
        bool is_open = false;
        for (int rank = 0; rank < shown; rank++) {
            const int count = steps_of(s, rank, steps);
            for (int k = 0; k < count; k++) {
                if (d->group[steps[k].node] != group || !is_drawn(s, &steps[k]) || was_before(s, rank, NULL, &steps[k])) continue;
                if (!is_open && d->group_count > 1) tg_dot_open_group(d, group);
                is_open = true;
                put_box(s, &steps[k]);
            }
        }
        if (is_open && d->group_count > 1) tg_dot_put(d, "  }\n");
    }
}

static void put_edges(search *s, int shown) {
    step steps[MOST_STEPS];
    int  number = 0;
    for (int rank = 0; rank < shown; rank++) {
        const int count = steps_of(s, rank, steps);
        for (int k = 1; k < count; k++) {
            const bool is_product = !is_drawn(s, &steps[k]);
            if (!is_drawn(s, &steps[k - 1]) || was_before(s, rank, &steps[k - 1], &steps[k])) continue;
            put_edge(s, &steps[k - 1], &steps[k], is_product && k + 1 < count ? &steps[k + 1] : &steps[k], ++number);
        }
    }
}

/* "640", or about how many where a double no longer counts one by one. */
static void put_count(tg_drawing *d, double count) {
    if (count <= 9007199254740992.0) tg_dot_put(d, "%.0f", count);
    else tg_dot_put(d, "about %s", TG_DOT_OF(d, count));
}

/* What the paths add up to, and whether the walk back says the same. */
static void put_total(search *s) {
    tg_drawing          *d   = s->d;
    const arrivals      *end = &s->at[d->story->loss][0];
    const tg_story_node *node = &d->story->nodes[s->node];
    char                 loss[TG_DOT_NAME];
    tg_dot_put(d, "{d}%s/{d}%s{sp}={sp}{sum} over ", tg_dot_loss_name(d, loss), TG_DOT_ELEMENT(d, s->node, s->element));
    put_count(d, end->count);
    tg_dot_put(d, " path%s{sp}={sp}<B>%s</B>", end->count == 1 ? "" : "s", TG_DOT_OF(d, end->sum));
    if (node->adjoint == NULL) return;
    const double size = fmax(fabs(node->adjoint[s->element]), fabs(end->largest[0].product));      /* what is added may cancel */
    if (fabs(end->sum - node->adjoint[s->element]) <= (d->story->type == TG_F32 ? 1e-4 : 1e-9) * size)
        tg_dot_put(d, "{sp}{check} the same as by the walk back");
    else tg_dot_put(d, "{sp}{cross} the walk back says %s", TG_DOT_OF(d, node->adjoint[s->element]));
}

static void draw(search *s) {
    tg_drawing     *d     = s->d;
    const arrivals *end   = &s->at[d->story->loss][0];
    const int       shown = end->largest_count;
    const char     *lines[LARGEST + 3];
    double          told  = 0;
    int             count = 0;
    const size_t    mark  = d->text.length;
    lines[count++] = "{forward} forward: the label is the local derivative; along a path they are multiplied, and paths are added";
    for (int rank = 0; rank < shown; rank++) lines[count++] = line_of(s, rank), told += end->largest[rank].product;
    if (end->count > shown) {
        put_count(d, end->count - shown);
        tg_dot_put(d, " other path%s, together{sp}{sp}<B>%s</B>", end->count - shown == 1 ? "" : "s", TG_DOT_OF(d, end->sum - told));
        lines[count++] = tg_dot_take(d, mark);
    }
    put_total(s);
    lines[count++] = tg_dot_take(d, mark);
    tg_dot_open(d, "LR", lines, count);
    put_boxes(s, shown);
    put_edges(s, shown);
    tg_dot_close(d);
}

static bool give_up(tg_drawing *d, const char *why) {
    snprintf(d->caption, sizeof d->caption, "layers, as no paths can be shown: %s", why);
    return false;
}

bool tg_dot_put_paths(tg_drawing *d) {
    search s = { .d = d, .at = tg_story_room(d->story, (size_t)d->story->node_count * sizeof *s.at) };
    d->status = s.at != NULL ? find_element(&s, d->options->parameter) : TG_OUT_OF_MEMORY;
    if (d->status != TG_OK) return true;
    if (d->options->no_values) return give_up(d, "no values are to be computed");
    if (!d->story->has_walk) return give_up(d, "no gradient is recorded, and local derivatives come with it");
    if (tg_story_elements(&d->story->nodes[d->story->loss]) != 1) return give_up(d, "the loss is not one number");
    find_paths(&s);
    if (d->status != TG_OK) return true;
    if (s.why != NULL) return give_up(d, s.why);
    if (s.at[d->story->loss] == NULL || s.at[d->story->loss][0].count == 0) return give_up(d, "none leads from there to the loss");
    for (int rank = 0; rank < s.at[d->story->loss][0].largest_count; rank++)
        if (!is_whole(&s, rank)) return give_up(d, "one has too many steps");
    draw(&s);
    return true;
}
