/* test_assigns.c - random steps of views, concats and assignments: what is written where, and which value readers see, as on an eager tape. */
#include "plan/compare.h"

enum { MOST_POOL = 40, MOST_RUN = 24, STEPS = 2 };

/* ---- variables ---- */

/* A block with zeros between its variables, one without, and one for a large variable. */
static tg_params *make_params(uint64_t seed, tg_type stored) {
    state = seed;
    tg_params *params = tg_params_new(seed, &(tg_params_options){ .type = stored });
    char       name[16];
    const int  count = 3 + draw_below(5);
    for (int i = 0; i < count; i++) {
        const char *group = draw_below(3) == 0 ? "full" : "padded";
        const bool  full  = group[0] == 'f';
        snprintf(name, sizeof name, "v%d", i);
        tg_variable_new(params, name, full ? 4 : 1 + draw_below(5), full ? 4 * (1 + draw_below(3)) : 1 + draw_below(9),
                        &(tg_variable_options){ .init = TG_NORMAL, .scale = 0.7, .group = group });
    }
    if (draw_below(3) == 0) tg_variable_new(params, "large", 30, 50, &(tg_variable_options){ .init = TG_NORMAL, .group = "padded" });
    if (draw_below(6) == 0) tg_variable_new(params, "huge", 64, 65, &(tg_variable_options){ .init = TG_NORMAL, .group = "huge" });
    for (int i = 0; i < tg_variable_count(params); i++)
        if (draw_below(12) == 0) tg_freeze(tg_variable_at(params, i), true);
    return params;
}

/* ---- values ---- */

typedef struct step {
    tg_tape   *tape;
    tg_params *params;
    tg_tensor  pool[MOST_POOL];
    int        count;
    tg_tensor  run[MOST_RUN], kept[4];
    int        run_count, kept_count;
} step;

static int64_t size_of(tg_tensor x) { return tg_rows(x) * tg_cols(x); }

static tg_tensor add(step *s, tg_tensor x) {
    if (s->count < MOST_POOL && tg_tape_status(s->tape) == TG_OK) s->pool[s->count++] = x;
    return x;
}

static tg_tensor a_block(const step *s) {
    const int groups = tg_group_count(s->params);
    return tg_use_block(s->tape, s->params, tg_group_at(s->params, draw_below(groups)));
}

static tg_tensor source(const step *s) {
    if (s->count > 0 && draw_below(2) == 0) return s->pool[draw_below(s->count)];
    if (draw_below(2) == 0) return a_block(s);
    return tg_use(s->tape, tg_variable_at(s->params, draw_below(tg_variable_count(s->params))));
}

/* [rows, cols] of some source that is large enough; perhaps a view of a view. */
static tg_tensor window(const step *s, int64_t rows, int64_t cols) {
    const int64_t size = rows * cols;
    for (int tries = 0; tries < 8; tries++) {
        tg_tensor x = source(s);
        if (size_of(x) < size) continue;
        if (tg_rows(x) == rows && tg_cols(x) == cols && draw_below(2) == 0) return x;
        int64_t room = size_of(x) - size, skip = room > 0 ? draw_below((int)room + 1) : 0;
        if (draw_below(4) == 0) x = tg_view(x, skip / 2, 1, size_of(x) - skip / 2), skip -= skip / 2;
        return tg_view(x, draw_below(3) == 0 && skip <= room ? skip / 3 : skip, rows, cols);
    }
    return tg_broadcast_to(tg_tanh(tg_view(a_block(s), 0, 1, 1)), rows, cols);
}

static tg_tensor elementwise(tg_tensor x) {
    switch (draw_below(7)) {
        case 0:  return tg_tanh(x);
        case 1:  return tg_sin(x);
        case 2:  return tg_scale(x, 0.5);
        case 3:  return tg_shift(tg_tanh(x), 0.25);
        case 4:  return tg_neg(x);
        case 5:  return tg_stop(x);
        default: return tg_sigmoid(tg_square(x));
    }
}

static tg_tensor value_of(step *s, int64_t rows, int64_t cols, int depth);

static tg_tensor joined(step *s, int64_t rows, int64_t cols, int depth) {
    tg_tensor parts[5];
    int       count = 0;
    int64_t   left  = rows * cols;
    while (left > 0) {
        const int64_t size = count == 4 || left == 1 ? left : 1 + draw_below((int)left);
        const int64_t high = size % 4 == 0 && draw_below(2) == 0 ? 4 : 1;
        const bool    again = count > 0 && size_of(parts[count - 1]) == size && draw_below(2) == 0;
        parts[count] = again ? parts[count - 1] : value_of(s, high, size / high, depth - 1);
        left -= size, count++;
    }
    const tg_tensor all = tg_concat(parts, count);
    return rows == 1 ? all : tg_view(all, 0, rows, cols);
}

static tg_tensor two(step *s, int64_t rows, int64_t cols, int depth) {
    const tg_tensor x = value_of(s, rows, cols, depth - 1);
    const int       which = draw_below(6);
    const tg_tensor y = which < 2 ? value_of(s, rows, cols, depth - 1) : which == 2 ? window(s, 1, cols) : which == 3 ? window(s, rows, 1)
                        : which == 4 ? window(s, 1, 1) : tg_view(x, draw_below((int)(size_of(x) - cols) + 1), 1, cols);
    switch (draw_below(4)) {
        case 0:  return tg_add(x, y);
        case 1:  return tg_mul(x, tg_tanh(y));
        case 2:  return tg_sub(x, y);
        default: return tg_maximum(x, y);
    }
}

static tg_tensor product(step *s, int64_t rows, int64_t cols) {
    const int64_t   inner = 1 + draw_below(4);
    const bool      turned = draw_below(2) == 0;
    const tg_tensor a = turned ? window(s, inner, rows) : window(s, rows, inner);
    return tg_matmul_transposed(a, turned, window(s, inner, cols), false);
}

static tg_tensor update(step *s, tg_tensor by) {
    return tg_axpy(tg_scale(window(s, 1, 1), 0.1), by, window(s, tg_rows(by), tg_cols(by)));
}

static tg_tensor value_of(step *s, int64_t rows, int64_t cols, int depth) {
    if (depth <= 0) return window(s, rows, cols);
    switch (draw_below(9)) {
        case 0: case 1: return add(s, elementwise(value_of(s, rows, cols, depth - 1)));
        case 2: case 3: return add(s, two(s, rows, cols, depth));
        case 4: return add(s, joined(s, rows, cols, depth));
        case 5: return add(s, product(s, rows, cols));
        case 6: return add(s, update(s, draw_below(2) == 0 ? product(s, rows, cols) : window(s, rows, cols)));
        case 7: return draw_below(2) == 0 ? tg_broadcast_to(tg_tanh(tg_sum_rows(window(s, 3, cols))), rows, cols) : window(s, rows, cols);
        default: return window(s, rows, cols);
    }
}

/* ---- assignments ---- */

static tg_tensor new_value(step *s, tg_tensor old) {
    const int64_t rows = tg_rows(old), cols = tg_cols(old);
    switch (draw_below(7)) {
        case 0:  return tg_axpy(tg_constant(s->tape, -0.1), product(s, rows, cols), old);
        case 1:  return elementwise(old);
        case 2:  return joined(s, rows, cols, 3);
        default: return value_of(s, rows, cols, 1 + draw_below(4));
    }
}

static void write(step *s, tg_tensor target) {
    const tg_tensor value = new_value(s, target), next = tg_assign(target, value);
    if (draw_below(8) == 0) tg_require_finite(value);
    if (draw_below(8) == 0 && s->run_count < MOST_RUN) s->run[s->run_count++] = value;
    if (s->run_count < MOST_RUN) s->run[s->run_count++] = tg_sum(next);
    if (draw_below(3) == 0) add(s, next);
}

static void write_some(step *s) {
    const int groups = tg_group_count(s->params);
    for (int g = 0; g < groups; g++) {
        const char *group = tg_group_at(s->params, g);
        if (draw_below(3) == 0) {
            write(s, tg_use_block(s->tape, s->params, group));
            continue;
        }
        for (int i = 0; i < tg_variable_count(s->params); i++) {
            tg_variable *v = tg_variable_at(s->params, i);
            if (strcmp(tg_variable_group(v), group) == 0 && !tg_is_frozen(v) && draw_below(3) > 0) write(s, tg_use(s->tape, v));
        }
    }
}

static void record(step *s, uint64_t seed) {
    state = seed * 7 + 3;
    for (int i = draw_below(4); i > 0; i--) value_of(s, 1 + draw_below(6), 1 + draw_below(8), 3);
    if (draw_below(4) == 0) value_of(s, 40, 60, 3);
    write_some(s);
    for (int i = 1 + draw_below(4); i > 0 && s->run_count < MOST_RUN; i--)
        s->run[s->run_count++] = value_of(s, 1 + draw_below(4), 1 + draw_below(8), 2);
    for (int i = draw_below(5); i > 0 && s->count > 0; i--) s->kept[s->kept_count++] = tg_keep(s->pool[draw_below(s->count)]);
    if (draw_below(8) == 0 && s->count > 0) tg_require_finite(s->pool[draw_below(s->count)]);
    if (draw_below(6) == 0) s->run[0] = tg_require_finite(tg_add(tg_sum(s->run[0]), tg_log(tg_mean(a_block(s)))));      /* finite or not */
}

/* An assignment to a block may hold anything between its variables when it is read. */
static void see(values *v, tg_tensor x) {
    tg_node node;
    ck_assert_int_eq(tg_node_at(x.tape, x.id, &node), TG_OK);
    if (strcmp(node.op->name, "assign") != 0) add_tensor(v, x);
}

static void play(values *v, const executor *e, uint64_t seed, tg_type type, tg_type stored) {
    tg_params *params = make_params(seed, stored);
    tg_tape   *tape   = tape_for(e, type);
    for (int k = 0; k < STEPS; k++) {
        step s = { .tape = tape, .params = params };
        tg_begin(tape, NULL);
        record(&s, seed);
        const tg_status status = tg_run_many(s.run, s.run_count);
        ck_assert_msg(status == TG_OK || status == TG_NOT_FINITE, "seed %d: %s", (int)seed, tg_tape_error(tape));
        add_number(v, status);
        for (int i = 0; i < s.run_count && status == TG_OK; i++) see(v, s.run[i]);
        for (int i = 0; i < s.kept_count && status == TG_OK; i++) see(v, s.kept[i]);
        add_params(v, params);
    }
    tg_tape_free(tape);
    tg_params_free(params);
}

START_TEST(random_assignments) {
    const int count = count_of(700, 30), first = getenv("TAPEGRAD_FIRST") != NULL ? atoi(getenv("TAPEGRAD_FIRST")) : 0;
    for (int i = first; i < first + count; i++) {
        const tg_type type = i % 2 == 0 ? TG_F32 : TG_F64, stored = i % 5 != 0 ? type : TG_F32 + TG_F64 - type;
        values        eager = { 0 };
        play(&eager, &executors[0], 50 + (uint64_t)i, type, stored);
        for (int e = 1; e < EXECUTORS; e++) {
            if (!is_comparable(&executors[e], type, stored)) continue;
            values planned = { 0 };
            play(&planned, &executors[e], 50 + (uint64_t)i, type, stored);
            expect_same(&eager, &planned, tolerance_of(&executors[e]), "step %d, run in f%d, stored in f%d, passes %s", i,
                        32 * (int)type,
                        32 * (int)stored, name_of(&executors[e]));
            release(&planned);
        }
        release(&eager);
    }
}
END_TEST

int main(void) { return RUN_TESTS("assigns", random_assignments); }
