/* test_messages.c - the stream that every printer prints: numbers, local derivatives, sums, differences. */
#include "support.h"
#include "explain/story.h"
#include <math.h>
#include <string.h>
#include <tapegrad/tapegrad.h>

static const float x[6] = { 0.05F, 0.1F, -0.4F, 0.7F, 0.2F, -0.9F }, t[3] = { 0.01F, 0.99F, 0.5F };

/* message = upstream J, summed over what was broadcast: here nothing is. */
static bool check_product(const tg_explained_message *m, void *user) {
    const int rows = (int)(m->from_shape.rows * m->from_shape.cols), cols = (int)(m->to_shape.rows * m->to_shape.cols);
    ++*(int *)user;
    if (m->local == NULL) return true;
    double square = 0;
    for (int j = 0; j < cols; j++) {
        double sum = 0, size = 1e-12;
        for (int i = 0; i < rows; i++) sum += m->upstream[i] * m->local[i * cols + j], size += fabs(m->upstream[i] * m->local[i * cols + j]);
        ck_assert_msg(fabs(sum - m->message[j]) <= 1e-12 * size, "%s: %.17g, not %.17g", "message", m->message[j], sum);
        if (m->after != NULL) ck_assert_double_eq(m->after[j], (m->before != NULL ? m->before[j] : 0) + m->message[j]);
        for (int i = 0; i < rows; i++) square += m->local[i * cols + j] * m->local[i * cols + j];
    }
    ck_assert_double_eq_tol(m->local_norm, sqrt(square), 1e-12 * (1 + sqrt(square)));
    return true;
}

START_TEST(a_message_is_upstream_times_local) {
    tg_tape  *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    double    w[4] = { 0.15, 0.2, 0.25, 0.3 };
    tg_tensor in = tg_input(tape, x, 1, 2), weight = tg_input_f64(tape, w, 2, 2), h = tg_tanh(tg_matmul(in, weight));
    tg_tensor all[2] = { in, weight }, g[2];
    tg_tensor loss = tg_mean(tg_add(tg_square(tg_sub(h, tg_input(tape, t, 1, 2))), tg_mul(h, tg_softmax(h))));
    int       count = 0;
    tg_gradients(loss, TG_NONE, all, 2, g, NULL);
    ck_assert_int_eq(tg_messages(loss, check_product, &count), TG_OK);
    ck_assert_int_eq(count, tg_message_count(g[0]));
    ck_assert_int_ge(count, 10);
    tg_tape_free(tape);
}
END_TEST

START_TEST(adjoints_agree_with_differences) {
    tg_tape  *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor in = tg_input(tape, x, 3, 2), target = tg_input(tape, t, 3, 1), g;
    tg_tensor h = tg_sigmoid(tg_add(tg_square(in), tg_slice_rows(in, 1, 2)));      /* used twice, broadcast, by a view */
    tg_tensor loss = tg_mse_loss(tg_sum_cols(tg_mul(h, h)), target);
    tg_story  story;
    g = tg_grad(loss, in);
    ck_assert(g.id != 0);
    ck_assert_msg(tg_story_new(&story, loss, true) == TG_OK, "%s", tg_tape_error(tape));
    ck_assert(story.has_walk && story.nodes[0].difference != NULL && story.nodes[0].messages >= 1);
    ck_assert_double_le(story.worst_difference, 1e-8);
    double expected[6];
    ck_assert_int_eq(tg_run(g), TG_OK);
    ck_assert_int_eq(tg_read_f64(g, expected), TG_OK);
    for (int i = 0; i < 6; i++) ck_assert_double_eq(story.nodes[0].adjoint[i], expected[i]);
    tg_story_free(&story);
    tg_tape_free(tape);
}
END_TEST

START_TEST(a_value_used_twice_gets_two_messages) {
    tg_tape     *tape = tg_tape_new(NULL);
    const double three = 3;
    tg_story     story;
    tg_tensor    a = tg_scalar_input(tape, &three), loss = tg_add(a, a);
    ck_assert(tg_grad(loss, a).id != 0);
    ck_assert_int_eq(tg_story_new(&story, loss, true), TG_OK);
    ck_assert_int_eq(story.message_count, 2);
    for (int i = 0; i < 2; i++) {
        const tg_story_message *m = &story.messages[i];
        ck_assert(m->k == i + 1 && m->n == 2 && m->argument == i && m->local[0] == 1 && m->after[0] == i + 1);
        ck_assert((m->before == NULL) == (i == 0));
    }
    tg_story_free(&story);
    tg_tape_free(tape);
}
END_TEST

START_TEST(a_seed_is_a_factor_of_differences) {
    tg_tape     *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    const double three = 3;
    tg_tensor    a = tg_input(tape, x, 1, 6), loss = tg_sum(tg_sin(a)), g;
    tg_story     story;
    ck_assert_int_eq(tg_gradients(loss, tg_scalar_input(tape, &three), &a, 1, &g, NULL), TG_OK);
    ck_assert_int_eq(tg_story_new(&story, loss, true), TG_OK);
    ck_assert(story.worst_difference < 1e-8 && story.nodes[story.loss].adjoint[0] == 3);
    tg_story_free(&story);
    tg_tape_free(tape);
}
END_TEST

/* Each gradient walks on its own. */
START_TEST(several_gradients_of_one_loss) {
    tg_tape  *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor a = tg_input(tape, x, 1, 1), b = tg_input(tape, x + 1, 1, 1), square = tg_square(a), loss = tg_tanh(tg_mul(square, b));
    tg_story  story;
    ck_assert(tg_grad(loss, a).id != 0 && tg_grad(loss, b).id != 0 && tg_grad(loss, a).id != 0);
    ck_assert_int_eq(tg_story_new(&story, loss, true), TG_OK);
    ck_assert_int_eq(story.message_count, 4);      /* tanh, mul twice, square */
    for (int i = 0; i < 4; i++) ck_assert(story.messages[i].k == 1 && story.messages[i].n == 1);
    ck_assert(story.nodes[0].adjoint != NULL && story.nodes[1].adjoint != NULL && story.worst_difference < 1e-8);
    tg_story_free(&story);
    tg_tape_free(tape);
}
END_TEST

START_TEST(layers_are_found) {
    tg_params *params = tg_params_new(1, NULL);
    tg_mlp    *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(2, 4, 3, 1), .activation = "tanh" });
    tg_tape   *tape   = tg_tape_new(NULL);
    tg_tensor  loss   = tg_mse_loss(tg_mlp_forward(net, tg_input(tape, x, 3, 2)), tg_input(tape, t, 3, 1));
    tg_tensor  w      = tg_use_block(tape, params, NULL);
    tg_story   story;
    ck_assert(tg_grad(loss, w).id != 0);
    ck_assert_int_eq(tg_story_new(&story, loss, true), TG_OK);
    ck_assert_int_eq(story.layer_count, 3);
    for (int l = 0; l < 3; l++) {
        const tg_story_layer *layer = &story.layers[l];
        ck_assert(layer->bias >= 0 && layer->sum > layer->product && (layer->activation >= 0) == (l < 2));
        ck_assert(story.nodes[layer->weight].kind == TG_STORY_PARAMETER && story.nodes[layer->weight].adjoint != NULL);
        ck_assert(story.nodes[layer->sum].adjoint != NULL && story.nodes[layer->sum].role == TG_ROLE_SUM && story.nodes[layer->sum].layer == l);
        ck_assert(l == 0 || layer->x == story.layers[l - 1].activation);
    }
    ck_assert_double_le(story.worst_difference, 1e-4);      /* adjoints in float */
    int activations = 0;
    for (int i = 0; i < story.message_count; i++) {
        const tg_story_message *m    = &story.messages[i];
        const tg_story_node    *from = &story.nodes[m->from];
        if (from->role != TG_ROLE_ACTIVATION) continue;
        ck_assert_str_eq(m->local_text, from->layer == 0 ? "1 - o1^2" : "1 - o2^2");
        activations++;
    }
    ck_assert_int_eq(activations, 2);
    ck_assert_str_eq(story.nodes[story.layers[1].weight].label, "W2");
    ck_assert_str_eq(story.nodes[story.loss].label, "L");
    tg_story_free(&story);
    tg_tape_free(tape);
    tg_mlp_free(net);
    tg_params_free(params);
}
END_TEST

static bool stop_at_once(const tg_explained_message *m, void *user) {
    (void)m;
    ++*(int *)user;
    return false;
}

START_TEST(no_gradient_no_values_and_what_fails) {
    tg_tape  *tape = tg_tape_new(NULL);
    tg_story  story;
    int       count = 0;
    tg_tensor in = tg_input(tape, x, 1, 6), loss = tg_sum(tg_sin(in));
    ck_assert_int_eq(tg_messages(loss, stop_at_once, &count), TG_OK);
    ck_assert_int_eq(count, 0);
    ck_assert_int_eq(tg_story_new(&story, loss, false), TG_OK);
    ck_assert(!story.has_walk && story.nodes[0].value == NULL && isnan(story.worst_difference));
    tg_story_free(&story);
    tg_grad(loss, in);
    ck_assert_int_eq(tg_messages(loss, stop_at_once, &count), TG_OK);
    ck_assert_int_eq(count, 1);
    ck_assert_int_eq(tg_messages(loss, NULL, NULL), TG_NULL_ARGUMENT);
    ck_assert_int_eq(tg_messages(TG_NONE, stop_at_once, &count), TG_NULL_ARGUMENT);
    tg_begin(tape, NULL);
    ck_assert_int_eq(tg_messages(loss, stop_at_once, &count), TG_OLD_STEP);
    tg_last_error(NULL);
    tg_tape_free(tape);
}
END_TEST

/* ---- memory that runs out ---- */

static bool visit_all(const tg_explained_message *m, void *user) { return (void)m, (void)user, true; }

static tg_status record_and_visit(void *context) {
    (void)context;
    tg_tape  *tape   = tg_tape_new(NULL);
    tg_status status = TG_OUT_OF_MEMORY;
    if (tape != NULL) {
        tg_tensor in = tg_input(tape, x, 3, 2), loss = tg_mean(tg_tanh(tg_mul(in, in)));
        tg_grad(loss, in);
        status = tg_tape_status(tape) == TG_OK ? tg_messages(loss, visit_all, NULL) : tg_tape_status(tape);
    }
    tg_tape_free(tape);
    return status;
}

START_TEST(every_allocation_may_fail) { let_each_allocation_fail(record_and_visit, NULL, 50); }
END_TEST

int main(void) {
    return RUN_TESTS("messages", a_message_is_upstream_times_local, adjoints_agree_with_differences, a_value_used_twice_gets_two_messages,
                     a_seed_is_a_factor_of_differences, several_gradients_of_one_loss, layers_are_found, no_gradient_no_values_and_what_fails, every_allocation_may_fail);
}
