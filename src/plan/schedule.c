/* schedule.c - an order of the groups that respects all edges. Of those that could run now, the one that something wants soonest runs first. */
#include "plan/compile.h"

/* ---- a heap of groups, by priority, then by number ---- */

typedef struct heap {
    uint32_t       *at;
    const uint32_t *priority;
    size_t          count;
} heap;

static bool is_before(const heap *h, uint32_t a, uint32_t b) { return h->priority[a] != h->priority[b] ? h->priority[a] < h->priority[b] : a < b; }

static void swap(heap *h, size_t i, size_t j) {
    const uint32_t g = h->at[i];
    h->at[i] = h->at[j];
    h->at[j] = g;
}

static void push(heap *h, uint32_t g) {
    size_t i = h->count++;
    h->at[i] = g;
    for (; i > 0 && is_before(h, h->at[i], h->at[(i - 1) / 2]); i = (i - 1) / 2) swap(h, i, (i - 1) / 2);
}

static uint32_t pop(heap *h) {
    const uint32_t top = h->at[0];
    h->at[0] = h->at[--h->count];
    for (size_t i = 0;;) {
        size_t least = i;
        for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < h->count; k++)
            if (is_before(h, h->at[k], h->at[least])) least = k;
        if (least == i) return top;
        swap(h, i, least);
        i = least;
    }
}

/* ---- the order ---- */

static void count_incoming(const tg_compiler *c, uint32_t *incoming) {
    for (uint32_t g = 0; g < c->group_count; g++)
        for (uint32_t e = c->first_edge[g]; e != 0; e = c->edges[e].next) incoming[c->edges[e].to]++;
}

static tg_status sort(tg_compiler *c, const uint32_t *priority, uint32_t *incoming, heap *ready) {
    size_t done     = 0;
    ready->priority = priority;
    ready->count    = 0;
    count_incoming(c, incoming);
    for (uint32_t g = 0; g < c->group_count; g++)
        if (incoming[g] == 0) push(ready, g);
    while (ready->count > 0) {
        const uint32_t g = pop(ready);
        c->order[done++] = g;
        for (uint32_t e = c->first_edge[g]; e != 0; e = c->edges[e].next)
            if (--incoming[c->edges[e].to] == 0) push(ready, c->edges[e].to);
    }
    return done == c->group_count ? TG_OK : tg_fail(c->tape, TG_BUG, "compiling: what must run before what is a circle");
}

/* The first node of a group says when it is wanted; what a group waits for is wanted as soon as the group is. */
static void set_priorities(const tg_compiler *c, uint32_t *priority) {
    for (uint32_t g = 0; g < c->group_count; g++) {
        const tg_group *group = &c->groups[g];
        priority[g] =
            group->kind == TG_GROUP_FINITE || group->kind == TG_GROUP_WRITE || group->kind == TG_GROUP_LABELS ? group->position : group->first;
    }
    for (size_t i = c->group_count; i-- > 0;) {
        const uint32_t g = c->order[i];
        for (uint32_t e = c->first_edge[g]; e != 0; e = c->edges[e].next)
            if (priority[c->edges[e].to] < priority[g]) priority[g] = priority[c->edges[e].to];
    }
}

/* Each step of a group has a time of its own. */
static void set_times(tg_compiler *c) {
    uint32_t time = 1;
    for (size_t i = 0; i < c->group_count; i++) {
        tg_group *group = &c->groups[c->order[i]];
        group->begin    = time;
        time += group->count > 0 ? group->count : 1;
        group->end      = time - 1;
    }
}

/* Twice: the first order shows what waits for what. */
tg_status tg_schedule(tg_compiler *c) {
    const size_t count    = c->group_count + 1;
    uint32_t    *priority = tg_compiler_room(c, count, sizeof *priority), *incoming = tg_compiler_room(c, count, sizeof *incoming);
    heap         ready    = { .at = tg_compiler_room(c, count, sizeof *ready.at) };
    c->order = tg_compiler_room(c, count, sizeof *c->order);
    if (priority == NULL || incoming == NULL || ready.at == NULL || c->order == NULL) return c->tape->status;
    if (sort(c, priority, incoming, &ready) != TG_OK) return c->tape->status;
    set_priorities(c, priority);
    if (sort(c, priority, incoming, &ready) != TG_OK) return c->tape->status;
    set_times(c);
    return TG_OK;
}
