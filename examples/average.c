/* average.c - a moving average of the weights, in the run that updates them: public ops and tg_assign only. */
#include <math.h>
#include <stdio.h>
#include <tapegrad/tapegrad.h>

/* a = 0.9 a + 0.1 w, with w as it is after this step's update */
static tg_status step_with_average(tg_tensor loss, tg_params *params, tg_params *average, tg_optimizer *optimizer) {
    tg_tape  *tape    = loss.tape;
    tg_tensor updated = tg_update(optimizer, tg_grad(loss, tg_use_block(tape, params, NULL)));
    tg_tensor a       = tg_use_block(tape, average, NULL);
    tg_tensor next    = tg_assign(a, tg_lerp(a, updated, tg_constant(tape, 0.1)));
    return tg_run_many((tg_tensor[]){ tg_require_finite(loss), next }, 2);
}

int main(void) {
    tg_params    *params  = tg_params_new(7, NULL);
    tg_variable  *w       = tg_variable_new(params, "w", 1, 1, &(tg_variable_options){ .init = TG_CONSTANT, .scale = 4 });
    tg_params    *average = tg_params_like(params, "average");
    tg_optimizer *sgd     = tg_sgd_new(params, &(tg_sgd_options){ .learning_rate = 0.1 });
    tg_tape      *tape    = tg_tape_new(NULL);
    tg_status     s       = tg_params_copy(average, params);
    float         value = 4, mean = 0;
    double        expected = 4;

    for (int step = 0; step < 30 && s == TG_OK; step++) {
        tg_begin(tape, NULL);
        s = step_with_average(tg_square(tg_use(tape, w)), params, average, sgd);
        if (s == TG_OK) s = tg_variable_read(w, &value);
        expected += 0.1 * ((double)value - expected);
    }
    if (s == TG_OK) s = tg_variable_read(tg_variable_at(average, 0), &mean);
    if (s == TG_OK) printf("weight %.5f, average %.5f, by hand %.5f\n", (double)value, (double)mean, expected);
    else fprintf(stderr, "%s\n", tg_tape_error(tape));

    tg_tape_free(tape);
    tg_optimizer_free(sgd);
    tg_params_free(average);
    tg_params_free(params);
    return s == TG_OK && fabs((double)mean - expected) < 1e-5 ? 0 : 1;
}
