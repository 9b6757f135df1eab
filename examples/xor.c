/* xor.c - a net with one hidden layer learns exclusive or: record, differentiate, assign. */
#include <stdio.h>
#include <tapegrad/tapegrad.h>

int main(void) {
    const float  x[] = { 0, 0,   0, 1,   1, 0,   1, 1 };      /* [4, 2] */
    const float  y[] = { 0,      1,      1,      0 };         /* [4, 1] */
    const double minus_rate = -1;

    tg_params   *params = tg_params_new(1, NULL);
    tg_variable *w1 = tg_variable_new(params, "fc1/weight", 2, 8, &(tg_variable_options){ .init = TG_GLOROT });
    tg_variable *b1 = tg_variable_new(params, "fc1/bias", 1, 8, NULL);
    tg_variable *w2 = tg_variable_new(params, "fc2/weight", 8, 1, &(tg_variable_options){ .init = TG_GLOROT });
    tg_variable *b2 = tg_variable_new(params, "fc2/bias", 1, 1, NULL);
    tg_tape     *tape   = tg_tape_new(NULL);
    tg_status    status = TG_OK;

    for (int step = 0; step < 1000 && status == TG_OK; step++) {
        tg_begin(tape, NULL);
        tg_tensor W1     = tg_use(tape, w1), B1 = tg_use(tape, b1), W2 = tg_use(tape, w2), B2 = tg_use(tape, b2);
        tg_tensor h      = tg_tanh(tg_linear(tg_input(tape, x, 4, 2), W1, B1));                          /* [4, 8] */
        tg_tensor logits = tg_linear(h, W2, B2);                                                         /* [4, 1] */
        tg_tensor loss   = tg_binary_cross_entropy_with_logits(logits, tg_input(tape, y, 4, 1));         /* [1, 1] */

        tg_tensor w       = tg_use_block(tape, params, NULL), g = tg_grad(loss, w);      /* of all parameters, [1, n] */
        tg_tensor updated = tg_assign(w, tg_axpy(tg_scalar_input(tape, &minus_rate), g, w));
        status = tg_run_many((tg_tensor[]){ loss, updated }, 2);
        if (status == TG_OK && step % 200 == 0) printf("step %4d   loss %.4f\n", step, tg_item(loss));
        if (status == TG_OK && step == 999 && tg_item(loss) > 0.05) status = TG_CHECK_FAILED;
    }
    if (status == TG_OK) status = tg_params_save(params, "xor.safetensors");
    if (status != TG_OK) fprintf(stderr, "%s: %s\n", tg_status_text(status), tg_tape_error(tape));

    tg_tape_free(tape);
    tg_params_free(params);
    return status == TG_OK ? 0 : 1;
}
