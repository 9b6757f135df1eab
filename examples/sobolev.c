/* sobolev.c - training on values and slopes (Czarnecki et al. 2017, "Sobolev training for neural networks"): where the derivative of
 * a function is known too, few points are enough. Two equal nets learn sin(3 x) from eight of them, one from values alone;
 * Levenberg-Marquardt fits both. */
#include <math.h>
#include <stdio.h>
#include <tapegrad/tapegrad.h>

enum { POINTS = 8, CHECKED = 200, MOST = 256 };

static double points[POINTS], values[POINTS], slopes[POINTS];

/* What is left of values, and of slopes if they are to be learned: [1, m]. */
static tg_tensor residuals(const tg_mlp *net, tg_tape *tape, bool with_slopes) {
    tg_tensor x = tg_input_f64(tape, points, POINTS, 1), y = tg_mlp_forward(net, x);
    tg_tensor parts[2] = { tg_sub(y, tg_input_f64(tape, values, POINTS, 1)), TG_NONE };
    if (with_slopes) {
        tg_tensor slope = tg_diff(y, x, 0);
        parts[1] = tg_scale(tg_sub(slope, tg_input_f64(tape, slopes, POINTS, 1)), 1.0 / 3);
    }
    return tg_concat(parts, with_slopes ? 2 : 1);
}

static tg_plan *compile(const tg_mlp *net, tg_params *params, bool with_slopes) {
    tg_tape  *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor w = tg_use_block(tape, params, NULL), r = residuals(net, tape, with_slopes), outputs[2] = { r, tg_jacobian(r, w) };
    tg_plan  *plan = tg_plan_new(&w, 1, outputs, 2, NULL);
    if (plan == NULL) fprintf(stderr, "%s\n", tg_tape_error(tape));
    tg_tape_free(tape);
    return plan;
}

static double root_mean_square_error(const tg_mlp *net) {
    static float x[CHECKED], y[CHECKED];
    double       squares = 0;
    for (int i = 0; i < CHECKED; i++) x[i] = -2 + 4.0f * (float)i / (CHECKED - 1);
    tg_tape  *tape = tg_tape_new(NULL);
    tg_tensor out  = tg_mlp_forward(net, tg_input(tape, x, CHECKED, 1));
    if (tg_run(out) != TG_OK || tg_read(out, y) != TG_OK) squares = HUGE_VAL;
    tg_tape_free(tape);
    for (int i = 0; i < CHECKED; i++) squares += pow((double)y[i] - sin(3 * (double)x[i]), 2);
    return sqrt(squares / CHECKED);
}

static double learn(bool with_slopes) {
    double          w[MOST], error = HUGE_VAL;
    const char     *sentence = "";
    tg_solve_report report;
    tg_params      *params = tg_params_new(1, &(tg_params_options){ .type = TG_F64 });
    tg_mlp         *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(1, 10, 1), .activation = "tanh" });
    tg_plan        *plan   = compile(net, params, with_slopes);
    tg_status       s      = tg_block_size(params, NULL) <= MOST ? tg_block_read(params, NULL, w) : TG_TOO_LARGE;
    if (s == TG_OK) s = tg_levenberg_marquardt(plan, w, &(tg_levenberg_marquardt_options){ .value_tolerance = 1e-6, .report = &report });
    if (s == TG_OK) s = tg_block_write(params, NULL, w);
    if (s == TG_OK) error = root_mean_square_error(net);
    if (s == TG_OK) printf("%-17s |r|^2/2 %.1e after %3d steps; error between the points %.4f\n", with_slopes ? "values and slopes" : "values",
                           report.value, report.iterations, error);
    else tg_last_error(&sentence), fprintf(stderr, "%s: %s\n", tg_status_name(s), sentence);
    tg_plan_free(plan);
    tg_mlp_free(net);
    tg_params_free(params);
    return error;
}

int main(void) {
    for (int i = 0; i < POINTS; i++) {
        points[i] = -2 + 4.0 * i / (POINTS - 1);
        values[i] = sin(3 * points[i]);
        slopes[i] = 3 * cos(3 * points[i]);
    }
    const double plain = learn(false), sobolev = learn(true);
    return sobolev < 0.1 && sobolev < 0.5 * plain ? 0 : 1;
}
