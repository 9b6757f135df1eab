/* control.c - a net in a control loop, at batch one: recorded and compiled once, then no recording and no allocation.
 *
 * The net learns to hold a pendulum upright from examples of a controller that may look at everything, and then does it alone. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <tapegrad/tapegrad.h>

enum { EXAMPLES = 2000, STEPS = 400 };

/* What the sensors see: angle from upright and its speed. */
typedef struct pendulum { float angle, speed; } pendulum;

static float teacher(pendulum p) { return tanhf(-3 * p.angle - 1.5f * p.speed); }

static pendulum move(pendulum p, float command) {
    const float dt = 0.02f;
    p.speed += dt * (9.81f * sinf(p.angle) + 15 * command);
    p.angle += dt * p.speed;
    return p;
}

static tg_status learn(tg_mlp *net, tg_params *params) {
    static float  state[EXAMPLES][2], command[EXAMPLES];
    srand(1);
    for (int i = 0; i < EXAMPLES; i++) {
        const pendulum p = { 2 * (float)rand() / (float)RAND_MAX - 1, 6 * (float)rand() / (float)RAND_MAX - 3 };
        state[i][0] = p.angle, state[i][1] = p.speed, command[i] = teacher(p);
    }
    tg_dataset   *data = tg_dataset_of_targets(state[0], EXAMPLES, 2, command, 1);
    tg_optimizer *adam = tg_adam_new(params, &(tg_adam_options){ .learning_rate = 1e-2 });
    tg_fit_report report;
    tg_status     s = tg_fit(tg_mlp_model(net), adam, data, &(tg_fit_options){ .epochs = 30, .report = &report });
    if (s == TG_OK) printf("learned from %d examples, loss %.5f\n", EXAMPLES, report.loss);
    tg_optimizer_free(adam);
    tg_dataset_free(data);
    return s;
}

/* The plan stands alone: the tape on which it was recorded may go. */
static tg_plan *new_controller(tg_mlp *net) {
    const float nothing[2] = { 0, 0 };
    tg_tape    *tape = tg_tape_new(NULL);
    tg_tensor   sensors = tg_input(tape, nothing, 1, 2), command = tg_mlp_forward(net, sensors);      /* [1, 2] -> [1, 1] */
    tg_plan    *plan = tg_plan_new(&sensors, 1, &command, 1, NULL);
    if (plan == NULL) fprintf(stderr, "%s\n", tg_tape_error(tape));
    tg_tape_free(tape);
    return plan;
}

static tg_status control(tg_plan *plan, pendulum *p) {
    tg_status s = tg_plan_bind(plan, 0, &p->angle);      /* angle and speed, one behind the other */
    for (int step = 0; step < STEPS && s == TG_OK; step++) {
        float command = 0;
        s = tg_plan_run(plan);
        if (s == TG_OK) s = tg_plan_read(plan, 0, &command);
        *p = move(*p, command);
        if (step % 80 == 0) printf("%4.1f s   angle %7.4f   command %7.4f\n", 0.02 * step, (double)p->angle, (double)command);
    }
    if (s != TG_OK) fprintf(stderr, "%s\n", tg_plan_error(plan));
    return s;
}

int main(void) {
    tg_params *params = tg_params_new(1, NULL);
    tg_mlp    *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(2, 16, 1), .activation = "tanh", .loss = tg_mse_loss });
    pendulum   p      = { 0.4f, 0 };
    tg_status  s      = learn(net, params);
    tg_plan   *plan   = s == TG_OK ? new_controller(net) : NULL;
    if (plan != NULL) s = control(plan, &p);
    printf("at the end: angle %.4f\n", (double)p.angle);
    tg_plan_free(plan);
    tg_mlp_free(net);
    tg_params_free(params);
    return plan != NULL && s == TG_OK && fabsf(p.angle) < 0.1f ? 0 : 1;
}
