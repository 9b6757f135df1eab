/* my_ops.c - ops of your own in a shared object, which the program tapegrad checks:
 *
 *     cc -std=c11 -fPIC -shared my_ops.c $(pkg-config --cflags --libs tapegrad) -lm -o my_ops.so
 *     tapegrad opcheck --ops my_ops.so
 */
#include <tapegrad/tapegrad.h>

/* ---- from one line: x / (1 + |x|), with the slope 1 / (1 + |x|)^2. |x| is x where x > 0, else -x ---- */

static tg_tensor magnitude(tg_tensor x) { return tg_maximum(x, tg_neg(x)); }

static const double at_zero[] = { 0 };

TG_MAP1(my_softsign, x / (1 + fabs(x)), tg_div(g, tg_square(tg_shift(magnitude(x), 1))), .text = "%0 / (1 + |%0|)",
        .tex = "\\frac{%0}{1 + |%0|}", .avoid = at_zero, .avoid_count = 1)

/* ---- from a descriptor: row i of x times s^i, with s an attribute ---- */

typedef struct { double s; } decay;

/* Rows count from the first of the whole value, of which a call may see a part. */
static void decay_f64(const tg_call *call) {
    const double s = ((const decay *)call->attributes)->s;
    for (int64_t i = call->row_begin; i < call->row_end; i++) {
        const double *x = tg_row_f64(call, 0, i);
        double       *y = tg_output_row_f64(call, i);
        const double  factor = pow(s, (double)i);
        for (int64_t j = 0; j < call->cols; j++) y[j] = factor * x[j];
    }
}

static tg_status decay_shape(const tg_shape inputs[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)count, (void)attributes;
    *why    = "takes a matrix of numbers";
    *output = inputs[0];
    return inputs[0].integer || inputs[0].rows < 0 ? TG_TYPE_MISMATCH : TG_OK;
}

/* It is linear in x, so that the cotangent decays as the value does. */
static void decay_vjp(const tg_application *application, tg_tensor g, tg_tensor cotangents[]) {
    cotangents[0] = tg_apply(application->tape, application->op, &g, 1, application->attributes);
}

/* With which attributes checks may try it. */
static bool decay_example(int index, int64_t rows, int64_t cols, tg_op_example *example) {
    (void)rows, (void)cols;
    example->attributes[0] = 0.875;
    return index == 0;
}

static const tg_op my_decay_op = { .size = sizeof(tg_op), .name = "my_decay", .arity = 1, .attribute_size = sizeof(decay), .flags = TG_OP_ROWWISE,
                                   .shape = decay_shape, .f64 = decay_f64, .vjp = decay_vjp, .text = "decay(%0)", .example = decay_example };

/* ---- what tapegrad calls ---- */

tg_status tapegrad_ops(void);
tg_status tapegrad_ops(void) {
    const tg_status status = tg_register(&my_softsign_op);
    return status == TG_OK ? tg_register(&my_decay_op) : status;
}
