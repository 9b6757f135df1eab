/* jacobian_control.c - a learned model steers a pendulum: one plan gives what the model says and its Jacobian, at batch one, without
 * recording anything; the command is found by Newton's method.
 *
 * The net learns how angle and speed change under a command. In each step the command is moved so that the next speed becomes -3 times
 * the next angle, by the model and its slope: what a model predictive controller does over its horizon, here over one step. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <tapegrad/tapegrad.h>

enum { EXAMPLES = 4000, STEPS = 300 };

static const float dt = 0.05f;

static void move(const float in[3], float change[2]) {      /* angle, speed, command -> change of angle and speed, in units of dt */
    change[1] = 9.81f * sinf(in[0]) + 15 * in[2];
    change[0] = in[1] + dt * change[1];
}

static float uniform(float size) { return size * (2 * (float)rand() / (float)RAND_MAX - 1); }

static tg_status learn(tg_mlp *net, tg_params *params) {
    static float x[EXAMPLES][3], y[EXAMPLES][2];
    srand(1);
    for (int i = 0; i < EXAMPLES; i++) {
        x[i][0] = uniform(1.2f), x[i][1] = uniform(4), x[i][2] = uniform(1);
        move(x[i], y[i]);
    }
    tg_dataset   *data = tg_dataset_of_targets(x[0], EXAMPLES, 3, y[0], 2);
    tg_optimizer *adam = tg_adam_new(params, &(tg_adam_options){ .learning_rate = 3e-3 });
    tg_fit_report report;
    tg_status     s = tg_fit(tg_mlp_model(net), adam, data, &(tg_fit_options){ .epochs = 30, .report = &report });
    if (s == TG_OK) printf("learned the model from %d moves, loss %.5f\n", EXAMPLES, report.loss);
    tg_optimizer_free(adam);
    tg_dataset_free(data);
    return s;
}

/* Outputs: the change [1, 2], and its derivatives by angle, speed, command [1, 2 * 3]. */
static tg_plan *compile(const tg_mlp *net) {
    const float nothing[3] = { 0 };
    tg_tape    *tape = tg_tape_new(NULL);
    tg_tensor   x = tg_input(tape, nothing, 1, 3), y = tg_mlp_forward(net, x), outputs[2] = { y, tg_jacobian(y, x) };
    tg_plan    *plan = tg_plan_new(&x, 1, outputs, 2, NULL);
    if (plan == NULL) fprintf(stderr, "%s\n", tg_tape_error(tape));
    tg_tape_free(tape);
    return plan;
}

/* The command for which the model's next speed is -3 angles: one step of Newton from the last command. */
static tg_status steer(tg_plan *plan, float x[3]) {
    float     change[2], jacobian[6];
    tg_status s = tg_plan_run(plan);
    if (s == TG_OK) s = tg_plan_read(plan, 0, change);
    if (s == TG_OK) s = tg_plan_read(plan, 1, jacobian);
    if (s != TG_OK) return s;
    const float miss  = x[1] + dt * change[1] + 3 * (x[0] + dt * change[0]);
    const float slope = dt * jacobian[5] + 3 * dt * jacobian[2];
    x[2] = fmaxf(-1, fminf(1, x[2] - miss / slope));
    return TG_OK;
}

int main(void) {
    tg_params *params = tg_params_new(1, NULL);
    tg_mlp    *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(3, 24, 2), .activation = "tanh", .loss = tg_mse_loss });
    tg_status  s      = learn(net, params);
    tg_plan   *plan   = s == TG_OK ? compile(net) : NULL;
    float      x[3]   = { 0.6f, 0, 0 }, change[2];      /* angle, speed, command */
    if (plan != NULL) s = tg_plan_bind(plan, 0, x);
    for (int step = 0; plan != NULL && step < STEPS && s == TG_OK; step++) {
        s = steer(plan, x);
        if (step % 50 == 0) printf("%4.1f s   angle %7.4f   command %7.4f\n", (double)dt * step, (double)x[0], (double)x[2]);
        move(x, change);
        x[0] += dt * change[0], x[1] += dt * change[1];
    }
    if (s != TG_OK) fprintf(stderr, "%s\n", tg_plan_error(plan));
    printf("at the end: angle %.4f\n", (double)x[0]);
    tg_plan_free(plan);
    tg_mlp_free(net);
    tg_params_free(params);
    return plan != NULL && s == TG_OK && fabsf(x[0]) < 0.05f ? 0 : 1;
}
