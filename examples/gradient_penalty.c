/* gradient_penalty.c - a critic whose gradient by its input is to have length 1 between two clouds of points (Gulrajani et al. 2017,
 * "Improved training of Wasserstein GANs"): a gradient inside a loss, which is differentiated again.
 *
 * The clouds are 4 apart. A critic of slope g along the way between them has the loss -4 g + weight (g - 1)^2, smallest for
 * g = 1 + 2 / weight; the difference of its means is then 4 g. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <tapegrad/tapegrad.h>

enum { BATCH = 64, STEPS = 600, WEIGHT = 10 };

static float uniform(void) { return (float)rand() / (float)RAND_MAX; }

static void draw(float real[BATCH][2], float fake[BATCH][2], float between[BATCH][2]) {
    for (int i = 0; i < BATCH; i++) {
        const float mix = uniform();
        for (int k = 0; k < 2; k++) {
            real[i][k] = (k == 0 ? 2 : 0) + 0.4f * (uniform() - 0.5f);
            fake[i][k] = (k == 0 ? -2 : 0) + 0.4f * (uniform() - 0.5f);
            between[i][k] = mix * real[i][k] + (1 - mix) * fake[i][k];
        }
    }
}

/* mean over rows of (|df/dx| - 1)^2 */
static tg_tensor penalty(const tg_mlp *critic, tg_tensor x, tg_tensor *lengths) {
    tg_tensor gradient = tg_grad(tg_sum(tg_mlp_forward(critic, x)), x);                        /* [batch, 2] */
    *lengths = tg_sqrt(tg_shift(tg_sum_cols(tg_square(gradient)), 1e-12));                      /* [batch, 1] */
    return tg_mean(tg_square(tg_shift(*lengths, -1)));
}

int main(void) {
    static float  real[BATCH][2], fake[BATCH][2], between[BATCH][2];
    tg_params    *params = tg_params_new(2, NULL);
    tg_mlp       *critic = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(2, 32, 1), .activation = "tanh" });
    tg_optimizer *adam   = tg_adam_new(params, &(tg_adam_options){ .learning_rate = 1e-2 });
    tg_tape      *tape   = tg_tape_new(NULL);
    tg_status     s      = TG_OK;
    double        distance = 0, length = 0;
    srand(1);
    for (int step = 0; step < STEPS && s == TG_OK; step++) {
        draw(real, fake, between);
        tg_begin(tape, &(tg_begin_options){ .training = true });
        tg_tensor of_real  = tg_mean(tg_mlp_forward(critic, tg_input(tape, real[0], BATCH, 2)));
        tg_tensor of_fake  = tg_mean(tg_mlp_forward(critic, tg_input(tape, fake[0], BATCH, 2))), apart = tg_keep(tg_sub(of_real, of_fake)), lengths;
        tg_tensor punished = tg_scale(penalty(critic, tg_input(tape, between[0], BATCH, 2), &lengths), WEIGHT);
        tg_tensor mean     = tg_keep(tg_mean(lengths));
        s = tg_minimize(adam, tg_sub(punished, apart));
        if (s != TG_OK) break;
        distance = tg_item(apart), length = tg_item(mean);
        if (step % 100 == 0) printf("step %3d   distance %7.4f   mean length of the gradient %.4f\n", step, distance, length);
    }
    if (s != TG_OK) fprintf(stderr, "%s\n", tg_tape_error(tape));
    const double slope = 1 + 2.0 / WEIGHT;
    printf("at the end: distance %.4f, length %.4f; expected %.4f and %.4f\n", distance, length, 4 * slope, slope);
    tg_tape_free(tape);
    tg_optimizer_free(adam);
    tg_mlp_free(critic);
    tg_params_free(params);
    return s == TG_OK && fabs(distance - 4 * slope) < 0.3 && fabs(length - slope) < 0.05 ? 0 : 1;
}
