/* explain.c - a step and its derivative, printed: y = sin(x)^2 with dy/dx = 2 sin(x) cos(x), which is differentiated once more. */
#include <math.h>
#include <stdio.h>
#include <tapegrad/tapegrad.h>

int main(void) {
    const double x    = 0.5;
    tg_tape     *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor    in   = tg_name(tg_scalar_input(tape, &x), "x");
    tg_tensor    y    = tg_square(tg_sin(in)), slope = tg_grad(y, in), bend = tg_grad(slope, in);
    tg_status    s    = tg_run_many((tg_tensor[]){ y, slope, bend }, 3);
    const char  *why;

    /* What y is made of, and the walk back from y. The walk back from slope is printed with slope. */
    if (s == TG_OK) s = tg_explain(y, TG_LIST, stdout, NULL);
    if (s == TG_OK) printf("dy/dx %.6f, by hand %.6f\n", tg_item(slope), sin(2 * x));
    if (s == TG_OK) printf("d2y/dx2 %.6f, by hand %.6f\n", tg_item(bend), 2 * cos(2 * x));
    if (s != TG_OK) tg_last_error(&why), fprintf(stderr, "%s%s\n", tg_tape_error(tape), why);

    const bool right = s == TG_OK && fabs(tg_item(slope) - sin(2 * x)) < 1e-12 && fabs(tg_item(bend) - 2 * cos(2 * x)) < 1e-12;
    tg_tape_free(tape);
    return right ? 0 : 1;
}
