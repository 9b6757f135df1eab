/* walk.c - copies messages, and sends them again with a fault. */
#include "cli/walk.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const tg_quantity *tg_walk_quantity(const tg_work *work, uint32_t id) {
    for (int i = 0; i < work->count; i++)
        if (work->quantities[i].tensor.id == id) return &work->quantities[i];
    return NULL;
}

/* ---- copying ---- */

static double *copy(const double *from, int64_t count) {
    double *to = from != NULL ? malloc((size_t)count * sizeof *to) : NULL;
    if (to != NULL) memcpy(to, from, (size_t)count * sizeof *to);
    return to;
}

static bool take(const tg_explained_message *from, void *user) {
    tg_walk *walk = user;
    if (walk->count == TG_WALK_MESSAGES) return walk->failed = true, false;
    tg_walk_message *m = &walk->messages[walk->count++];
    *m = (tg_walk_message){ .from = from->symbols.from.id, .to = from->symbols.to.id, .k = from->symbols.k, .n = from->symbols.n,
                            .from_count = from->from_shape.rows * from->from_shape.cols, .to_count = from->to_shape.rows * from->to_shape.cols };
    m->upstream = copy(from->upstream, m->from_count);
    m->message  = copy(from->message, m->to_count);
    m->local    = copy(from->local, m->from_count * m->to_count);
    snprintf(m->text, sizeof m->text, "%s", from->local_text != NULL && strlen(from->local_text) < sizeof m->text ? from->local_text : "");
    walk->failed |= m->upstream == NULL || m->message == NULL || (from->local != NULL && m->local == NULL);
    return !walk->failed;
}

bool tg_walk_begin(tg_walk *walk, tg_work *work) {
    walk->count            = 0;
    walk->failed           = false;
    const tg_status status = tg_messages(work->result, take, walk);
    if (status != TG_OK) return tg_work_refuse_status(work, status);
    return !walk->failed || tg_work_refuse(work, "the walk is too long to be taught, or there is no memory for it");
}

void tg_walk_end(tg_walk *walk) {
    for (int i = 0; i < walk->count; i++) {
        free(walk->messages[i].upstream);
        free(walk->messages[i].message);
        free(walk->messages[i].local);
    }
    walk->count = 0;
}

/* ---- sending ---- */

typedef struct sender {
    const tg_walk  *walk;
    const tg_work  *work;
    tg_fault        fault;
    const char     *at;
    tg_run_of_walk *run;
    bool            sent[TG_WALK_MESSAGES];
} sender;

static int place_of(const sender *s, uint32_t id) { return (int)(tg_walk_quantity(s->work, id) - s->work->quantities); }

static bool is_planted(const sender *s, const tg_walk_message *m) {
    char name[2 * TG_WORK_NAME + 2];
    snprintf(name, sizeof name, "%s>%s", tg_walk_quantity(s->work, m->from)->name, tg_walk_quantity(s->work, m->to)->name);
    return s->at != NULL && strcmp(s->at, name) == 0;
}

static void send(sender *s, int i) {
    const tg_walk_message *m    = &s->walk->messages[i];
    double                *sum  = &s->run->adjoints[place_of(s, m->to)];
    tg_walk_line           line = { .message = i, .upstream = s->run->adjoints[place_of(s, m->from)], .local = m->local[0] };
    line.sent = line.upstream * line.local;
    if (s->fault == TG_FAULT_SIGN && is_planted(s, m)) line.sent = -line.sent;
    if (s->fault == TG_FAULT_NO_LOCAL && is_planted(s, m)) line.sent = line.upstream;
    *sum      = s->fault == TG_FAULT_OVERWRITES ? line.sent : *sum + line.sent;
    line.sum  = *sum;
    s->sent[i] = true;
    s->run->lines[s->run->count++] = line;
}

/* The node that is visited too early sends as soon as something has come. */
static void send_all(sender *s) {
    memset(s->sent, 0, sizeof s->sent);
    s->run->count = 0;
    s->run->adjoints[place_of(s, s->work->result.id)] = 1;
    for (int i = 0; i < s->walk->count; i++) {
        const tg_walk_message *m = &s->walk->messages[i];
        if (s->sent[i]) continue;
        send(s, i);
        if (s->fault != TG_FAULT_ORDER || m->k != 1 || strcmp(tg_walk_quantity(s->work, m->to)->name, s->at) != 0) continue;
        for (int j = i + 1; j < s->walk->count; j++)
            if (s->walk->messages[j].from == m->to) send(s, j);
    }
}

static bool is_near(double a, double b) { return fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b)); }

/* In another order the sums on the way are others too; what is sent is not. */
static bool is_same_line(const tg_walk_line *a, const tg_walk_line *b, tg_fault fault) {
    return is_near(a->sent, b->sent) && (fault == TG_FAULT_ORDER || is_near(a->sum, b->sum));
}

static void compare(const tg_run_of_walk *right, const tg_work *work, tg_fault fault, tg_run_of_walk *run) {
    run->wrong_line = run->wrong_count = 0;
    for (int i = 0; i < run->count && run->wrong_line == 0; i++)
        for (int j = 0; j < right->count; j++)
            if (right->lines[j].message == run->lines[i].message && !is_same_line(&run->lines[i], &right->lines[j], fault)) run->wrong_line = i + 1;
    for (int i = 0; i < work->given; i++) run->wrong_count += !is_near(run->adjoints[i], right->adjoints[i]);
}

static bool is_of_named_numbers(const tg_walk *walk, const tg_work *work) {
    for (int i = 0; i < walk->count; i++) {
        const tg_walk_message *m = &walk->messages[i];
        if (m->from_count != 1 || m->to_count != 1 || m->local == NULL) return false;
        if (tg_walk_quantity(work, m->from) == NULL || tg_walk_quantity(work, m->to) == NULL) return false;
    }
    return tg_walk_quantity(work, work->result.id) != NULL;
}

bool tg_walk_run(const tg_walk *walk, const tg_work *work, tg_fault fault, const char *at, tg_run_of_walk *run) {
    if (!is_of_named_numbers(walk, work)) return false;
    tg_run_of_walk *right = calloc(1, sizeof *right);
    if (right == NULL) return false;
    *run = (tg_run_of_walk){ .count = 0 };
    send_all(&(sender){ .walk = walk, .work = work, .run = right });
    sender s = { .walk = walk, .work = work, .fault = fault, .at = at, .run = run };
    send_all(&s);
    if (fault == TG_FAULT_NO_ZEROING) send_all(&s);
    compare(right, work, fault, run);
    free(right);
    return true;
}
