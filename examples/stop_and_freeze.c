/* stop_and_freeze.c - two ways to keep a derivative out: tg_stop for a value in one step, tg_freeze for a variable from step to step. */
#include <stdio.h>
#include <tapegrad/tapegrad.h>

int main(void) {
    const float  x[2] = { 1, 2 }, t[1] = { 1 };
    tg_params   *params = tg_params_new(1, NULL);
    tg_mlp      *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(2, 3, 1), .activation = "tanh", .loss = tg_mse_loss });
    tg_variable *first  = tg_variable_find(params, "net/fc1/weight");
    tg_tape     *tape   = tg_tape_new(NULL);
    float        before[6], after[6];

    /* y stop(y): the second factor counts as a constant, so the gradient is y and not 2 y */
    tg_tensor y = tg_input(tape, x, 1, 2), g = tg_grad(tg_sum(tg_mul(y, tg_stop(y))), y);
    tg_status s = tg_run(g);
    if (s == TG_OK) printf("d(y stop(y))/dy = %g %g\n", (double)tg_data(g)[0], (double)tg_data(g)[1]);

    /* the first layer stays as it is while the head learns */
    tg_optimizer *sgd = tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.1 });
    if (s == TG_OK) s = tg_freeze(first, true);
    if (s == TG_OK) s = tg_variable_read(first, before);
    double loss = 0;
    for (int step = 0; step < 20 && s == TG_OK; step++) {
        tg_begin(tape, NULL);
        tg_tensor o = tg_mlp_forward(net, tg_input(tape, x, 1, 2)), e = tg_mse_loss(o, tg_input(tape, t, 1, 1));
        s    = tg_minimize(sgd, e);
        loss = tg_item(e);
    }
    if (s == TG_OK) s = tg_variable_read(first, after);
    bool same = true;
    for (int i = 0; i < 6 && s == TG_OK; i++) same = same && before[i] == after[i];
    if (s == TG_OK) printf("loss %.6f, the frozen weight is %s\n", loss, same ? "unchanged" : "CHANGED");
    else fprintf(stderr, "%s\n", tg_tape_error(tape));

    tg_optimizer_free(sgd);
    tg_tape_free(tape);
    tg_mlp_free(net);
    tg_params_free(params);
    return s == TG_OK && same && loss < 0.01 ? 0 : 1;
}
