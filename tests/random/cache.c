/* cache.c - a step that is recorded again finds its plan; one of whose attributes a bit has changed does not, and computes what it should. */
#include "random/program.h"

static tg_tape_statistics statistics_of(const tg_tape *tape) {
    tg_tape_statistics s = { 0 };
    tg_tape_stats(tape, &s);
    return s;
}

static void run_fresh(const program *p, world *w, result *r) {
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = p->type, .seed = 17 });
    run_program(p, w, tape, &(manner){ 0 }, r);
    tg_tape_free(tape);
}

/* Runs it, which has to be a hit or not, with the values of a fresh tape. */
static bool expect_run(const program *p, world *w, tg_tape *tape, bool hit, const char *when, failure *f) {
    const tg_tape_statistics before = statistics_of(tape);
    result                   should = { 0 }, is = { 0 };
    run_fresh(p, w, &should);
    run_program(p, w, tape, &(manner){ 0 }, &is);
    const tg_tape_statistics after = statistics_of(tape);
    bool ok = after.hits + after.misses == before.hits + before.misses || after.hits - before.hits == (hit ? 1 : 0) ||
              refute(f, "plan cache", NULL, "%s is a %s", when, hit ? "miss" : "hit");
    ok = ok && (first_difference(&should, &is, 0) == SIZE_MAX || refute(f, "plan cache", NULL, "%s has other values than on a new tape", when));
    release_result(&should);
    release_result(&is);
    return ok;
}

/* A word of a node's attributes, chosen by chance; NULL: it has none. */
static double *choose_word(program *p, chance *c) {
    for (int i = 0; i < 20; i++) {
        node        *n     = &p->nodes[draw_below(c, p->node_count)];
        const size_t words = n->kind == CONSTANT ? 1 : n->kind == OP ? n->op->attribute_size / sizeof(double) : 0;
        if (words > 0) return &n->attributes[draw_below(c, (int)words)];
    }
    return NULL;
}

static void flip_last_bit(double *word) {
    uint64_t bits;
    memcpy(&bits, word, sizeof bits);
    bits ^= 1;
    memcpy(word, &bits, sizeof bits);
}

/* Sizes are attributes too: what does not fit any more is no step. */
static bool is_step(const program *p, world *w, tg_tape *tape) {
    recording r;
    reset_variables(w, p);
    tg_begin(tape, NULL);
    return record_program(p, w, tape, &(manner){ 0 }, &r) == TG_OK && r.argument_count > 0;
}

static bool check_changes(program *p, world *w, tg_tape *tape, failure *f, tally *t) {
    chance  c    = { p->seed + 5 };
    double *word = choose_word(p, &c);
    if (word == NULL) return true;
    flip_last_bit(word);
    bool      ok      = true;
    tg_tape  *other   = tg_tape_new(&(tg_tape_options){ .type = p->type, .seed = 17 });
    const bool usable = is_step(p, w, other);
    if (usable) ok = expect_run(p, w, tape, false, "a step of whose attributes one bit has changed", f);
    flip_last_bit(word);
    if (usable && t != NULL) t->misses++;
    tg_tape_free(other);
    return ok && expect_run(p, w, tape, true, "the step again after another", f);
}

bool check_cache(program *p, failure *f, tally *t) {
    world    w;
    tg_tape *tape = tg_tape_new(&(tg_tape_options){ .type = p->type, .seed = 17 });
    open_world(&w, p);
    const bool ok = expect_run(p, &w, tape, false, "the first step", f) && expect_run(p, &w, tape, true, "the same step again", f) &&
                    check_changes(p, &w, tape, f, t);
    if (t != NULL) t->hits++;
    tg_tape_free(tape);
    close_world(&w);
    return ok;
}
