/* user_map.c - tg_map and tg_map2: elementwise functions given as plain C, with their derivatives. */
#include "core/tape.h"
#include "op/builtin.h"

/* Either plain functions, or functions with a context: f, f' and f'', of which the later ones may be missing. */
typedef struct {
    double   (*f)(double), (*df)(double), (*ddf)(double);
    tg_map_fn  f_context, df_context, ddf_context;
    const void *context;
} functions;

static void map_f64(const tg_call *call) {
    const functions *a = call->attributes;
    for (int64_t i = call->row_begin; i < call->row_end; i++) {
        const double *x = tg_row_f64(call, 0, i);
        double       *y = tg_output_row_f64(call, i);
        for (int64_t j = 0; j < call->cols; j++) y[j] = a->f != NULL ? a->f(x[j]) : a->f_context(x[j], a->context);
    }
}

extern const tg_op tg_map_op;

/* dL/dx = g f'(x), where f' is mapped in its turn, with f'' as its derivative if that was given. */
static void map_vjp(const tg_application *application, tg_tensor g, tg_tensor cotangents[]) {
    const functions *a = application->attributes;
    if (a->df == NULL && a->df_context == NULL) {
        tg_fail(application->tape, TG_NO_DERIVATIVE, "v%u = map(v%u): the function was given without this derivative",
                application->output.id, application->inputs[0].id);
        cotangents[0] = tg_handle(application->tape, 0);
        return;
    }
    const functions slope = { .f = a->df, .df = a->ddf, .f_context = a->df_context, .df_context = a->ddf_context, .context = a->context };
    cotangents[0] = tg_mul(g, tg_apply1(&tg_map_op, application->inputs[0], &slope));
}

const tg_op tg_map_op = { .size = sizeof(tg_op), .name = "map", .arity = 1, .attribute_size = sizeof(functions), .flags = TG_OP_ELEMENTWISE,
                          .f64 = map_f64, .vjp = map_vjp, .text = "f(%0)", .tex = "f(%0)" };

/* what: the functions that may not be NULL. */
static tg_tensor fail_functions(tg_tensor x, const char *caller, const char *what) {
    if (x.tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "%s: x and %s are NULL", caller, what), x;
    return tg_fail(x.tape, TG_NULL_ARGUMENT, "%s: %s is NULL", caller, what), tg_handle(x.tape, 0);
}

tg_tensor tg_map(tg_tensor x, double (*f)(double), double (*df)(double)) {
    if (f == NULL) return fail_functions(x, "tg_map", "f");
    return tg_apply1(&tg_map_op, x, &(functions){ .f = f, .df = df });
}

tg_tensor tg_map_context(tg_tensor x, tg_map_fn f, tg_map_fn df, const void *context) {
    if (f == NULL) return fail_functions(x, "tg_map_context", "f");
    return tg_apply1(&tg_map_op, x, &(functions){ .f_context = f, .df_context = df, .context = context });
}

tg_tensor tg_map2(tg_tensor x, double (*f)(double), double (*df)(double), double (*ddf)(double)) {
    if (f == NULL || df == NULL || ddf == NULL) return fail_functions(x, "tg_map2", "f, df or ddf");
    return tg_apply1(&tg_map_op, x, &(functions){ .f = f, .df = df, .ddf = ddf });
}

tg_tensor tg_map2_context(tg_tensor x, tg_map_fn f, tg_map_fn df, tg_map_fn ddf, const void *context) {
    if (f == NULL || df == NULL || ddf == NULL) return fail_functions(x, "tg_map2_context", "f, df or ddf");
    return tg_apply1(&tg_map_op, x, &(functions){ .f_context = f, .df_context = df, .ddf_context = ddf, .context = context });
}
