/* gradients_of_gradients.c - u'' = -u with u(0) = 0, u'(0) = 1 on [0, pi], learned from derivatives of the net; the solution is sin. */
#include <math.h>
#include <stdio.h>
#include <tapegrad/tapegrad.h>

enum { POINTS = 24 };

int main(void) {
    static const float zero = 0;
    float         points[POINTS];
    tg_params    *params = tg_params_new(1, NULL);
    tg_mlp       *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(1, 24, 24, 1), .activation = "tanh" });
    tg_optimizer *adam   = tg_adam_new(params, &(tg_adam_options){ .learning_rate = 5e-3 });
    tg_tape      *tape   = tg_tape_new(NULL);
    tg_status     status = TG_OK;
    for (int i = 0; i < POINTS; i++) points[i] = (float)(3.141592653589793 * i / (POINTS - 1));

    for (int step = 0; step < 1500 && status == TG_OK; step++) {
        tg_begin(tape, &(tg_begin_options){ .training = true });
        tg_tensor x    = tg_input(tape, points, POINTS, 1), u = tg_mlp_forward(net, x);      /* [points, 1] */
        tg_tensor u_xx = tg_diff(tg_diff(u, x, 0), x, 0);

        tg_tensor x0       = tg_input(tape, &zero, 1, 1), u0 = tg_mlp_forward(net, x0);
        tg_tensor residual = tg_mean(tg_square(tg_add(u_xx, u)));
        tg_tensor place    = tg_square(u0), slope = tg_square(tg_shift(tg_diff(u0, x0, 0), -1));
        tg_tensor loss     = tg_add(residual, tg_add(place, slope));
        status = tg_minimize(adam, loss);
        if (status == TG_OK && step % 300 == 0) printf("step %4d   loss %.6f\n", step, tg_item(loss));
    }
    if (status != TG_OK) fprintf(stderr, "%s\n", tg_tape_error(tape));

    float  out[POINTS];
    double worst = 0;
    if (status == TG_OK) status = tg_predict(tg_mlp_model(net), points, POINTS, 1, out);
    for (int i = 0; i < POINTS && status == TG_OK; i++) worst = fmax(worst, fabs((double)out[i] - sin((double)points[i])));
    printf("largest difference from sin: %.4f\n", worst);
    tg_tape_free(tape);
    tg_optimizer_free(adam);
    tg_mlp_free(net);
    tg_params_free(params);
    return status == TG_OK && worst < 0.1 ? 0 : 1;
}
