/* physics_informed.c - a net that knows an equation and no data: u'' = -u on [0, pi], u(0) = 0, u'(0) = 1, of which the solution is sin.
 *
 * Its loss is what is left of the equation at some points, made of derivatives of the net; all of it is compiled once, in f64, and
 * minimized by L-BFGS. */
#include <math.h>
#include <stdio.h>
#include <tapegrad/tapegrad.h>

enum { POINTS = 32, CHECKED = 1000, MOST = 1024 };

static const double pi = 3.141592653589793;

/* |u'' + u|^2 over the points, and both conditions at 0 */
static tg_tensor loss_of(const tg_mlp *net, tg_tensor x, tg_tensor x0) {
    tg_tensor u = tg_mlp_forward(net, x), u_xx = tg_diff(tg_diff(u, x, 0), x, 0);      /* [points, 1] */
    tg_tensor u0 = tg_mlp_forward(net, x0), slope = tg_diff(u0, x0, 0);                /* [1, 1] */
    tg_tensor residual = tg_mean(tg_square(tg_add(u_xx, u))), of_u0 = tg_square(u0), of_slope = tg_square(tg_shift(slope, -1));
    return tg_add(residual, tg_add(of_u0, of_slope));
}

/* The plan borrows the points. */
static tg_plan *compile(const tg_mlp *net, tg_params *params, const double *points) {
    tg_tape  *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor w    = tg_use_block(tape, params, NULL), x = tg_input_f64(tape, points, POINTS, 1), x0 = tg_input_f64(tape, points, 1, 1);
    tg_tensor loss = loss_of(net, x, x0);
    tg_tensor outputs[2] = { loss, tg_grad(loss, w) };
    tg_plan  *plan = tg_plan_new(&w, 1, outputs, 2, NULL);
    if (plan == NULL) fprintf(stderr, "%s\n", tg_tape_error(tape));
    tg_tape_free(tape);
    return plan;
}

/* Largest |u - sin| on [0, pi]. */
static double largest_error(const tg_mlp *net) {
    static double x[CHECKED], u[CHECKED];
    double        worst = 0;
    for (int i = 0; i < CHECKED; i++) x[i] = pi * i / (CHECKED - 1);
    tg_tape  *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor out  = tg_mlp_forward(net, tg_input_f64(tape, x, CHECKED, 1));
    if (tg_run(out) != TG_OK || tg_read_f64(out, u) != TG_OK) worst = HUGE_VAL;
    for (int i = 0; i < CHECKED; i++) worst = fmax(worst, fabs(u[i] - sin(x[i])));
    tg_tape_free(tape);
    return worst;
}

static double solve(uint64_t seed) {
    static double points[POINTS], w[MOST];
    for (int i = 0; i < POINTS; i++) points[i] = pi * i / (POINTS - 1);
    tg_params *params = tg_params_new(seed, &(tg_params_options){ .type = TG_F64 });
    tg_mlp    *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(1, 16, 16, 1), .activation = "tanh" });
    tg_plan   *plan   = compile(net, params, points);
    tg_solve_report report;
    const char     *sentence = "";
    double          worst    = HUGE_VAL;
    tg_status       s        = tg_block_size(params, NULL) <= MOST ? tg_block_read(params, NULL, w) : TG_TOO_LARGE;
    if (s == TG_OK) s = tg_lbfgs(plan, w, &(tg_lbfgs_options){ .iterations = 3000, .value_tolerance = 1e-12, .memory = 30, .report = &report });
    if (s == TG_OK) s = tg_block_write(params, NULL, w);
    if (s == TG_OK) {
        worst = largest_error(net);
        printf("seed %llu   loss %.2e   largest |u - sin| %.2e   %d evaluations; %s\n", (unsigned long long)seed, report.value, worst,
               report.evaluations, tg_ending_text(report.ending));
    } else tg_last_error(&sentence), fprintf(stderr, "%s: %s\n", tg_status_name(s), sentence);
    tg_plan_free(plan);
    tg_mlp_free(net);
    tg_params_free(params);
    return worst;
}

int main(void) {
    bool right = true;
    for (uint64_t seed = 1; seed <= 5; seed++) right &= solve(seed) < 1e-3;
    return right ? 0 : 1;
}
