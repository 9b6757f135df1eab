/* test_nets.c - initial values, layers, activations, and steps that use several nets at once. */
#include "nn/nets.h"
#include "support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tapegrad/tapegrad.h>

START_TEST(unknown_activations_and_bad_sizes) {
    tg_params  *params = tg_params_new(1, NULL);
    const char *why;
    ck_assert_ptr_null(tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(2, 3, 1), .activation = "rely" }));
    ck_assert_int_eq(tg_last_error(&why), TG_UNKNOWN_NAME);
    ck_assert(strstr(why, "relu") != NULL && strstr(why, "tanh") != NULL);
    ck_assert_ptr_null(tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(2, 0, 1) }));
    ck_assert_int_eq(tg_last_error(NULL), TG_BAD_ARGUMENT);
    ck_assert_ptr_null(tg_mlp_new(NULL, NULL));
    ck_assert_int_eq(tg_last_error(NULL), TG_NULL_ARGUMENT);
    tg_params_free(params);
}
END_TEST

/* ---- steps that use several things at once ---- */

static tg_tensor loss_against(tg_tensor logits, double value) {
    return tg_binary_cross_entropy_with_logits(logits, tg_broadcast_to(tg_constant(logits.tape, value), tg_rows(logits), 1));
}

START_TEST(a_gan_step_takes_both_gradients_at_the_old_weights) {
    tg_params    *gp = tg_params_new(1, NULL), *cp = tg_params_new(2, NULL);
    tg_mlp       *g  = tg_mlp_new(gp, &(tg_mlp_options){ .sizes = TG_SIZES(2, 4, 2), .name = "g" });
    tg_mlp       *c  = tg_mlp_new(cp, &(tg_mlp_options){ .sizes = TG_SIZES(2, 4, 1), .name = "c" });
    tg_optimizer *ga = tg_adam_new(gp, NULL), *ca = tg_adam_new(cp, NULL);
    tg_tape      *tape = tg_tape_new(NULL);
    tg_dataset_free(two_classes());
    tg_begin(tape, NULL);
    tg_tensor fake = tg_mlp_forward(c, tg_mlp_forward(g, tg_input(tape, points, 8, 2))), real = tg_mlp_forward(c, tg_input(tape, points + 20, 8, 2));
    tg_tensor critic = tg_add(loss_against(real, 1), loss_against(fake, 0)), generator = loss_against(fake, 1);
    tg_tensor cg = tg_grad(critic, tg_use_block(tape, cp, NULL)), gg = tg_grad(generator, tg_use_block(tape, gp, NULL));
    tg_status s = tg_run_many((tg_tensor[]){ critic, generator, tg_update(ca, cg), tg_update(ga, gg) }, 4);
    ck_assert_msg(s == TG_OK, "%s", tg_tape_error(tape));
    ck_assert(isfinite(tg_item(critic)) && isfinite(tg_item(generator)));
    tg_tape_free(tape);
    tg_optimizer_free(ga);
    tg_optimizer_free(ca);
    tg_mlp_free(g);
    tg_mlp_free(c);
    tg_params_free(gp);
    tg_params_free(cp);
}
END_TEST

START_TEST(a_second_derivative_in_the_loss) {
    static const float at[5] = { 0, 0.5f, 1, 2, 3 };
    tg_params    *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    tg_mlp       *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(1, 8, 1), .activation = "tanh", .loss = tg_mse_loss });
    tg_optimizer *adam   = tg_adam_new(params, &(tg_adam_options){ .learning_rate = 0.01, .allow_unused = true });
    tg_tape      *tape   = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    double        first = 0, last = 0;
    for (int step = 0; step < 200; step++) {
        tg_begin(tape, NULL);
        tg_tensor x = tg_input(tape, at, 5, 1), u = tg_mlp_forward(net, x);
        tg_tensor residual = tg_mean(tg_square(tg_add(tg_diff(tg_diff(u, x, 0), x, 0), tg_sin(x))));
        ck_assert_msg(tg_minimize(adam, residual) == TG_OK, "%s", tg_tape_error(tape));
        last = tg_item(residual);
        if (step == 0) first = last;
    }
    ck_assert_double_lt(last, first / 4);
    tg_tape_free(tape);
    tg_optimizer_free(adam);
    tg_mlp_free(net);
    tg_params_free(params);
}
END_TEST

int main(void) {
    return RUN_TESTS("nets", unknown_activations_and_bad_sizes, a_gan_step_takes_both_gradients_at_the_old_weights,
                     a_second_derivative_in_the_loss);
}
