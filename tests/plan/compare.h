/* compare.h - what tests of plans share: values as a list of numbers, compared bit by bit between a reference and plans made by various passes. */
#ifndef TAPEGRAD_TESTS_PLAN_COMPARE_H
#define TAPEGRAD_TESTS_PLAN_COMPARE_H

#include "core/block.h"
#include "support.h"
#include <math.h>
#include <stdio.h>
#include <tapegrad/tapegrad.h>

/* ---- a small generator, so that every run draws the same ---- */

static uint64_t state;

static inline uint32_t draw_bits(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

static inline int    draw_below(int n) { return (int)(draw_bits() % (uint32_t)n); }
static inline double draw(double lo, double hi) { return lo + (hi - lo) * (double)draw_bits() / 2147483648.0; }

/* Counts may be raised for long runs by the environment. */
static inline int count_of(int usual, int factor) { return getenv("TAPEGRAD_LONG") != NULL ? usual * factor : usual; }

/* ---- values ---- */

typedef struct values {
    double *at;
    size_t  count, capacity;
} values;

static inline void make_room_for(values *v, size_t more) {
    if (v->count + more <= v->capacity) return;
    v->capacity = 2 * (v->count + more);
    v->at       = realloc(v->at, v->capacity * sizeof *v->at);
}

static inline void add_number(values *v, double number) {
    make_room_for(v, 1);
    v->at[v->count++] = number;
}

static inline void add_tensor(values *v, tg_tensor tensor) {
    const size_t count = (size_t)(tg_rows(tensor) * tg_cols(tensor));
    make_room_for(v, count + 1);
    const tg_status status = tg_read_f64(tensor, v->at + v->count);
    ck_assert_msg(status == TG_OK, "%s", tg_tape_error(tensor.tape));
    v->count += count;
}

/* Whole blocks: the zeros between the variables too. */
static inline void add_params(values *v, const tg_params *params) {
    for (size_t i = 0; params != NULL && i < params->block_count; i++) {
        const tg_block *block = params->blocks[i];
        for (int64_t k = 0; k < block->count; k++)
            add_number(v, params->type == TG_F64 ? ((const double *)block->data)[k] : (double)((const float *)block->data)[k]);
    }
}

static inline void add_optimizer(values *v, const tg_optimizer *optimizer) {
    for (int i = 0; optimizer != NULL && tg_optimizer_state(optimizer, i) != NULL; i++) add_params(v, tg_optimizer_state(optimizer, i));
}

/* Bits, -0 and 0 told apart; which NaN it is depends on the order of operands, which no rule promises. */
static inline bool same_number(double a, double b, double tolerance) {
    if (isnan(a) && isnan(b)) return true;
    return memcmp(&a, &b, sizeof a) == 0 || (tolerance > 0 && fabs(a - b) <= tolerance * fmax(1, fabs(a)));
}

/* Where the lists part; their length: nowhere. */
static inline size_t first_difference(const values *a, const values *b, double tolerance) {
    size_t i = 0;
    while (i < a->count && i < b->count && same_number(a->at[i], b->at[i], tolerance)) i++;
    return i == a->count && i == b->count ? SIZE_MAX : i;
}

#define expect_same(a, b, tolerance, format, ...)                                                                                                  \
    do {                                                                                                                                           \
        const size_t at_ = first_difference(a, b, tolerance);                                                                                      \
        ck_assert_msg(at_ == SIZE_MAX, format ": number %zu of %zu (%zu) is %.17g, should be %.17g", __VA_ARGS__, at_, (b)->count, (a)->count,     \
                      at_ < (b)->count ? (b)->at[at_] : (double)NAN, at_ < (a)->count ? (a)->at[at_] : (double)NAN);                               \
    } while (0)

static inline void clear(values *v) { v->count = 0; }

static inline void release(values *v) {
    free(v->at);
    *v = (values){ 0 };
}

/* ---- executors: eager is the reference; the others are plans ---- */

typedef struct executor {
    const char *passes;      /* NULL: eager */
    bool        rounds;      /* simplify and patterns may round otherwise: 1e-12 in f64 */
} executor;

/* Those that must have equal bits come first. */
#define EXACT_PASSES "-simplify,-patterns"
static const executor executors[] = {
    { NULL, false },
    { "none", false },
    { "none,consing", false }, { "none,dead", false }, { "none,distribute", false }, { "none,strips", false }, { "none,accumulate", false },
    { "none,place", false }, { "none,donors", false }, { "none,memory", false }, { "none,strips,adam_loop", false },
    { EXACT_PASSES ",-consing", false }, { EXACT_PASSES ",-dead", false }, { EXACT_PASSES ",-distribute", false }, { EXACT_PASSES ",-strips", false },
    { EXACT_PASSES ",-accumulate", false }, { EXACT_PASSES ",-place", false }, { EXACT_PASSES ",-donors", false }, { EXACT_PASSES ",-memory", false },
    { EXACT_PASSES ",-adam_loop", false }, { EXACT_PASSES, false },
    { "none,simplify", true }, { "none,patterns", true }, { "-simplify", true }, { "-patterns", true }, { "-memory", true }, { "-place", true },
    { "", true },
};

enum { EXECUTORS = sizeof executors / sizeof executors[0], ROUNDING = 7, EXACT = EXECUTORS - ROUNDING };

/* What is rounded to float in between differs by what float can tell, and a branch may go the other way: such runs are not compared. */
static inline bool is_comparable(const executor *e, tg_type type, tg_type stored) { return !e->rounds || (type == TG_F64 && stored == TG_F64); }
static inline double tolerance_of(const executor *e) { return e->rounds ? 1e-12 : 0; }

static inline const char *name_of(const executor *e) { return e->passes == NULL ? "eager" : e->passes[0] == '\0' ? "all" : e->passes; }

static inline tg_tape *tape_for(const executor *e, tg_type type) {
    const char *passes = e->passes != NULL ? e->passes : "";
    tg_tape    *tape   = tg_tape_new(&(tg_tape_options){ .type = type, .seed = 17, .eager = e->passes == NULL, .passes = passes });
    ck_assert_ptr_nonnull(tape);
    return tape;
}

#endif
