/* gradcheck.c - two ops from one line each, one of them with a slip in its derivative, held against differences before they are used. */
#include <math.h>
#include <stdio.h>
#include <tapegrad/tapegrad.h>

/* x / (1 + |x|), with derivative (1 - |y|)^2: y is the value. The slip is a forgotten square. */
static tg_tensor rest(tg_tensor y) { return tg_shift(tg_neg(tg_maximum(y, tg_neg(y))), 1); }

TG_MAP1(right_softsign, x / (1 + fabs(x)), tg_mul(g, tg_square(rest(y))))
TG_MAP1(wrong_softsign, x / (1 + fabs(x)), tg_mul(g, rest(y)))

static tg_tensor net_loss(tg_tape *tape, tg_params *params, const float *inputs, const float *targets, tg_tensor (*activation)(tg_tensor)) {
    tg_tensor x = tg_name(tg_input(tape, inputs, 4, 2), "x"), t = tg_name(tg_input(tape, targets, 4, 1), "t");
    tg_tensor h = activation(tg_linear(x, tg_use(tape, tg_variable_find(params, "w1")), TG_NONE));      /* [4, 3] */
    return tg_mse_loss(tg_linear(h, tg_use(tape, tg_variable_find(params, "w2")), TG_NONE), t);
}

int main(void) {
    static const float inputs[8] = { 0.2f, -0.7f, 1.1f, 0.4f, -0.9f, 0.3f, 0.8f, 1.5f }, targets[4] = { 1, 0, 0, 1 };
    static const struct { const char *name; tg_tensor (*op)(tg_tensor); } ops[2] = { { "right", right_softsign }, { "wrong", wrong_softsign } };
    const tg_variable_options spread = { .init = TG_GLOROT };
    tg_params *params = tg_params_new(1, NULL);
    tg_tape   *tape   = tg_tape_new(NULL);      /* f32: the check computes in f64 all the same */
    tg_status  status[2];
    tg_variable_new(params, "w1", 2, 3, &spread);
    tg_variable_new(params, "w2", 3, 1, &spread);
    for (int i = 0; i < 2; i++) {
        const char *sentence;
        tg_begin(tape, NULL);
        printf("%s:\n", ops[i].name);
        fflush(stdout);
        status[i] = tg_gradcheck(net_loss(tape, params, inputs, targets, ops[i].op), &(tg_gradcheck_options){ .report = stdout });
        tg_last_error(&sentence);
        printf("  %s %s\n", status[i] == TG_OK ? "passes" : tg_status_name(status[i]), sentence);
    }
    tg_tape_free(tape);
    tg_params_free(params);
    return status[0] == TG_OK && status[1] == TG_CHECK_FAILED ? 0 : 1;
}
