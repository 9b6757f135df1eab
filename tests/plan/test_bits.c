/* test_bits.c - random nets, trained for a few steps: whatever the passes, a plan computes what an eager tape does, to the bit. */
#include "plan/random_net.h"

enum { STEPS = 3, OPTIMIZERS = 14 };

/* ---- how a net is trained ---- */

static tg_optimizer *optimizer_of(tg_params *params, int kind) {
    const double clip = kind % 2 == 0 ? 0 : 0.5, decay = 0.02;
    const tg_group_options group = { .group = "other", .learning_rate = 0.03, .weight_decay = 0.1 };
    const int              groups = tg_group_count(params) > 1 && draw_below(2) == 0;
    switch (kind / 2) {
        case 0:  return tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.1, .clip_norm = clip, .allow_unused = true });
        case 1:  return tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.1, .weight_decay = decay, .clip_norm = clip, .allow_unused = true,
                                                              .groups = &group, .group_count = groups });
        case 2:  return tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.1, .momentum = 0.9, .clip_norm = clip, .allow_unused = true });
        case 3:  return tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = decay,
                                                              .clip_norm = clip, .allow_unused = true });
        case 4:  return tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.1, .clip_norm = clip, .allow_unused = true });
        case 5:  return tg_adamw_new(params, &(tg_adam_options){ .learning_rate = 0.1, .clip_norm = clip, .allow_unused = true, .groups = &group,
                                                                 .group_count = groups });
        default: return NULL;
    }
}

/* Descent by hand: blocks, or variable after variable, some of them from shifted parts of others. */
static tg_status descend_by_hand(tg_tape *tape, const net *n, tg_tensor loss, bool whole) {
    const tg_tensor rate = tg_constant(tape, -0.1);
    tg_tensor       list[16], wanted, g;
    int             count = 0;
    list[count++] = tg_require_finite(loss);
    for (int i = 0; whole && i < tg_group_count(n->params); i++) {
        wanted = tg_use_block(tape, n->params, tg_group_at(n->params, i));
        tg_gradients(loss, TG_NONE, &wanted, 1, &g, &(tg_gradients_options){ .allow_unused = true });
        list[count++] = tg_sum(tg_assign(wanted, draw_below(3) == 0 ? tg_sub(wanted, tg_scale(g, 0.1)) : tg_axpy(rate, g, wanted)));
    }
    for (int i = 0; !whole && i < tg_variable_count(n->params); i++) {
        tg_variable *v = tg_variable_at(n->params, i);
        if (tg_is_frozen(v) || tg_variable_is_state(v)) continue;
        const tg_tensor old = tg_use(tape, v), block = tg_use_block(tape, n->params, tg_variable_group(v));
        const tg_shape  s   = tg_shape_of(old);
        tg_gradients(loss, TG_NONE, &old, 1, &g, &(tg_gradients_options){ .allow_unused = true });
        tg_tensor next = tg_axpy(rate, g, old);
        if (draw_below(4) == 0) next = tg_tanh(tg_view(block, draw_below((int)(tg_cols(block) - s.rows * s.cols) + 1), s.rows, s.cols));
        if (draw_below(4) == 0) next = old;
        list[count++] = tg_assign(old, next);
    }
    return tg_run_many(list, count);
}

static tg_status train_step(tg_tape *tape, const net *n, tg_optimizer *optimizer, tg_tensor loss, int kind) {
    if (n->has_state) {
        tg_tensor running = tg_use(tape, tg_variable_find(n->params, "running"));
        tg_keep(tg_assign(running, tg_lerp(running, tg_mean_rows(tg_input(tape, net_inputs, n->batch, n->width)), tg_constant(tape, 0.1))));
    }
    return optimizer != NULL ? tg_minimize(optimizer, loss) : descend_by_hand(tape, n, loss, kind % 2 == 0);
}

/* The statuses, losses, kept tensors, variables and states of all steps; returns the last status. */
static tg_status train(values *v, const executor *e, net n, tg_type type, tg_type stored, int kind) {
    tg_params    *params    = make_net_params(&n, stored);
    tg_optimizer *optimizer = optimizer_of(params, kind);
    tg_tape      *tape      = tape_for(e, type);
    tg_status     status    = TG_OK;
    for (int step = 0; step < STEPS; step++) {
        tg_tensor kept[MOST_KEPT];
        int       count;
        tg_begin(tape, &(tg_begin_options){ .training = step != 1 });
        tg_tensor loss = record_net(tape, &n, kept, &count);
        for (int i = 0; i < count; i++) tg_keep(kept[i]);
        status = train_step(tape, &n, optimizer, loss, kind);
        ck_assert_msg(status == TG_OK || status == TG_NOT_FINITE, "net %d: %s", (int)n.seed, tg_tape_error(tape));
        add_number(v, status);
        if (status == TG_OK) add_number(v, tg_item(loss));
        for (int i = 0; i < count && status == TG_OK; i++) add_tensor(v, kept[i]);
        add_params(v, params);
        add_optimizer(v, optimizer);
    }
    tg_tape_free(tape);
    tg_optimizer_free(optimizer);
    tg_params_free(params);
    return status;
}

/* ---- all of them ---- */

static void compare_net(int i, int *trained) {
    static const int64_t batches[4] = { 1, 24, 128, 513 };
    state = 100 + (uint64_t)i;
    const net     n      = { .seed = 1000 + (uint64_t)i, .batch = batches[i % 4], .width = i % 9 == 8 ? 64 + draw_below(9) : 2 + draw_below(8) };
    const tg_type type   = i / 4 % 2 == 0 ? TG_F32 : TG_F64, stored = i % 3 != 0 ? type : TG_F32 + TG_F64 - type;
    const int     kind   = i % OPTIMIZERS;
    values        eager  = { 0 };
    *trained += train(&eager, &executors[0], n, type, stored, kind) == TG_OK;
    for (int e = 1; e < EXECUTORS; e++) {
        if (n.width >= 64 && n.batch > 24 && e > 1 && e + 1 < EXECUTORS && (e + i) % 5 != 0) continue;      /* large nets: some of the choices */
        if (!is_comparable(&executors[e], type, stored)) continue;
        values planned = { 0 };
        train(&planned, &executors[e], n, type, stored, kind);
        expect_same(&eager, &planned, tolerance_of(&executors[e]),
                    "net %d, batch %d, width %d, optimizer %d, run in f%d, stored in f%d, passes %s",
                    i, (int)n.batch, (int)n.width, kind, 32 * (int)type, 32 * (int)stored, name_of(&executors[e]));
        release(&planned);
    }
    release(&eager);
}

/* Check runs each part in a process of its own. */
enum { PARTS = 4 };

static void compare_part(int part) {
    const int count = count_of(280, 20), first = getenv("TAPEGRAD_FIRST") != NULL ? atoi(getenv("TAPEGRAD_FIRST")) : 0;
    int       trained = 0, all = 0;
    draw_data();
    for (int i = first + part; i < first + count; i += PARTS) compare_net(i, &trained), all++;
    ck_assert_msg(trained > all / 2, "only %d of %d nets could be trained", trained, all);
}

START_TEST(random_nets_a) { compare_part(0); }
END_TEST
START_TEST(random_nets_b) { compare_part(1); }
END_TEST
START_TEST(random_nets_c) { compare_part(2); }
END_TEST
START_TEST(random_nets_d) { compare_part(3); }
END_TEST

int main(void) { return RUN_TESTS("bits", random_nets_a, random_nets_b, random_nets_c, random_nets_d); }
