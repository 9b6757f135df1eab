/* plan.c - how one step of training is compiled: the step after each pass, the groups that run together, the instructions and their buffers. */
#include <stdio.h>
#include <tapegrad/tapegrad.h>

int main(void) {
    const float  x[8] = { 0, 0, 0, 1, 1, 0, 1, 1 }, y[4] = { 0, 1, 1, 0 };      /* [4, 2] and [4, 1] */
    tg_params   *params = tg_params_new(1, NULL);
    tg_variable *w1 = tg_variable_new(params, "fc1/weight", 2, 8, NULL), *b1 = tg_variable_new(params, "fc1/bias", 1, 8, NULL);
    tg_variable *w2 = tg_variable_new(params, "fc2/weight", 8, 1, NULL);
    tg_tape     *tape = tg_tape_new(NULL);

    tg_tensor bias   = tg_use(tape, b1), weight = tg_use(tape, w1);
    tg_tensor h      = tg_tanh(tg_linear(tg_input(tape, x, 4, 2), weight, bias));      /* [4, 8] */
    tg_tensor target = tg_input(tape, y, 4, 1), loss = tg_mse_loss(tg_matmul(h, tg_use(tape, w2)), target);

    tg_tensor w = tg_use_block(tape, params, NULL), gradient = tg_grad(loss, w);      /* by all parameters, [1, n], and a step against it */
    tg_assign(w, tg_axpy(tg_constant(tape, -0.1), gradient, w));
    tg_status status = tg_explain(loss, TG_LIST, stdout, &(tg_explain_options){ .no_values = true, .passes = true });

    if (status != TG_OK) fprintf(stderr, "%s: %s\n", tg_status_text(status), tg_tape_error(tape));
    tg_tape_free(tape);
    tg_params_free(params);
    return status == TG_OK ? 0 : 1;
}
