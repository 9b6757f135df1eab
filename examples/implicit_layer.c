/* implicit_layer.c - a layer whose output is defined by an equation: z = tanh(z W + x), row by row. Its op finds z by iterating; its
 * rule differentiates the equation, not the iterations (Bai et al. 2019, "Deep equilibrium models").
 *
 * With s = 1 - z^2 and the cotangent g of z, the implicit function theorem gives u = g + (u * s) W', again a fixed point; then
 * dx = u * s and dW = z' (u * s). */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <tapegrad/tapegrad.h>

enum { ROWS = 4, WIDTH = 6, ITERATIONS = 200 };

static tg_status shape(const tg_shape in[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)attributes;
    *why    = "W must be square, with a row for each column of the others";
    *output = in[1];
    for (int k = 1; k < count; k++)
        if (in[k].cols != in[0].rows || in[k].rows != in[1].rows) return TG_SHAPE_MISMATCH;
    return in[0].rows == in[0].cols && in[0].cols <= 64 ? TG_OK : TG_SHAPE_MISMATCH;
}

static double at(const tg_call *call, int k, int64_t i, int64_t j) { return tg_row_f64(call, k, i)[j * call->inputs[k].col_stride]; }

/* z <- tanh(z W + x), from 0 */
static void equilibrium_f64(const tg_call *call) {
    const int64_t n = call->cols;
    for (int64_t i = 0; i < call->rows; i++) {
        double *z = tg_output_row_f64(call, i), next[64];
        memset(z, 0, (size_t)n * sizeof *z);
        for (int k = 0; k < ITERATIONS; k++) {
            for (int64_t j = 0; j < n; j++) next[j] = at(call, 1, i, j);
            for (int64_t a = 0; a < n; a++)
                for (int64_t j = 0; j < n; j++) next[j] += z[a] * at(call, 0, a, j);
            for (int64_t j = 0; j < n; j++) z[j] = tanh(next[j]);
        }
    }
}

/* u <- g + (u * s) W' with s = 1 - z^2, from g */
static void adjoint_f64(const tg_call *call) {
    const int64_t n = call->cols;
    for (int64_t i = 0; i < call->rows; i++) {
        double *u = tg_output_row_f64(call, i), next[64];
        for (int64_t j = 0; j < n; j++) u[j] = at(call, 2, i, j);
        for (int k = 0; k < ITERATIONS; k++) {
            for (int64_t j = 0; j < n; j++) next[j] = at(call, 2, i, j);
            for (int64_t j = 0; j < n; j++)
                for (int64_t a = 0; a < n; a++) next[j] += u[a] * (1 - at(call, 1, i, a) * at(call, 1, i, a)) * at(call, 0, j, a);
            memcpy(u, next, (size_t)n * sizeof *u);
        }
    }
}

static const tg_op adjoint_op = { .size = sizeof(tg_op), .name = "example_adjoint", .arity = 3, .shape = shape, .f64 = adjoint_f64 };

static void equilibrium_vjp(const tg_application *a, tg_tensor g, tg_tensor cotangents[]) {
    const tg_tensor z = a->output, operands[3] = { a->inputs[0], z, g };
    const tg_tensor u = tg_apply(a->tape, &adjoint_op, operands, 3, NULL), us = tg_mul(u, tg_shift(tg_neg(tg_square(z)), 1));
    cotangents[0] = tg_matmul_transposed(z, true, us, false);
    cotangents[1] = us;
}

static const tg_op equilibrium_op = { .size = sizeof(tg_op), .name = "example_equilibrium", .arity = 2, .shape = shape, .f64 = equilibrium_f64,
                                      .vjp = equilibrium_vjp, .text = "z: z = tanh(z %0 + %1)" };

int main(void) {
    double w[WIDTH * WIDTH], x[ROWS * WIDTH], missed[ROWS * WIDTH], largest = 0;
    for (int i = 0; i < WIDTH * WIDTH; i++) w[i] = 0.3 * sin(5 * i + 1);
    for (int i = 0; i < ROWS * WIDTH; i++) x[i] = cos(3 * i);
    tg_tape  *tape = tg_tape_new(&(tg_tape_options){ .type = TG_F64 });
    tg_tensor weight = tg_input_f64(tape, w, WIDTH, WIDTH), input = tg_input_f64(tape, x, ROWS, WIDTH);
    tg_tensor fixed = tg_apply(tape, &equilibrium_op, (tg_tensor[]){ weight, input }, 2, NULL), loss = tg_mean(tg_square(fixed));
    tg_tensor miss = tg_sub(fixed, tg_tanh(tg_add(tg_matmul(fixed, weight), input)));      /* of the equation */
    tg_status s = tg_run_many((tg_tensor[]){ tg_keep(miss), loss, tg_grad(loss, weight) }, 3);
    if (s == TG_OK) s = tg_read_f64(miss, missed);
    for (int i = 0; i < ROWS * WIDTH && s == TG_OK; i++) largest = fmax(largest, fabs(missed[i]));
    printf("the equation holds to %.1e\n", largest);
    const char *sentence = tg_tape_error(tape);
    if (s == TG_OK && (s = tg_gradcheck(loss, NULL)) != TG_OK) tg_last_error(&sentence);      /* by W and x, against differences */
    printf("its derivatives by W and x: %s\n", s == TG_OK ? "those of differences" : sentence);
    tg_tape_free(tape);
    return s == TG_OK && largest < 1e-14 ? 0 : 1;
}
