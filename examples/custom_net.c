/* custom_net.c - a residual net whose blocks share their weights, as a tg_model: fitted and evaluated like a built-in one. */
#include <stdio.h>
#include <tapegrad/tapegrad.h>

typedef struct residual_net {
    tg_linear_layer in, block, out;
    int             depth;
} residual_net;

static tg_tensor output(void *user, tg_tensor x) {      /* [batch, 64] -> [batch, 10] */
    const residual_net *net = user;
    tg_tensor           h   = tg_relu(tg_linear_forward(net->in, tg_scale(x, 1.0 / 16)));
    for (int i = 0; i < net->depth; i++) h = tg_add(h, tg_relu(tg_linear_forward(net->block, h)));
    return tg_linear_forward(net->out, h);
}

static tg_tensor loss(void *user, tg_tensor logits, tg_tensor target) {
    (void)user;
    return tg_cross_entropy(logits, target);
}

int main(int argc, char **argv) {
    tg_dataset  *data   = tg_dataset_csv(argc > 1 ? argv[1] : "examples/data/digits.csv.gz", NULL);
    tg_params   *params = tg_params_new(1, NULL);
    residual_net net    = { .in    = tg_add_linear(params, "in", 64, 32, &(tg_linear_options){ .init = TG_HE }),
                            .block = tg_add_linear(params, "block", 32, 32, &(tg_linear_options){ .init = TG_HE, .scale = 0.5 }),
                            .out   = tg_add_linear(params, "out", 32, 10, NULL),
                            .depth = 3 };
    tg_model      model = { .output = output, .loss = loss, .net = &net, .params = params };
    tg_optimizer *adam  = tg_adam_new(params, NULL);
    tg_fit_report fitted;
    tg_report     report = { 0 };

    tg_status s = tg_fit(model, adam, data, &(tg_fit_options){ .epochs = 20, .validation = 0.2, .patience = 3, .report = &fitted });
    if (s == TG_OK) s = tg_evaluate(model, data, &report);
    const char *why;
    if (s == TG_OK)
        printf("validation %.1f %% after epoch %d, all rows %.1f %%\n", 100 * fitted.validation_accuracy, fitted.best_epoch, 100 * report.accuracy);
    else tg_last_error(&why), fprintf(stderr, "%s\n", why);

    tg_optimizer_free(adam);
    tg_params_free(params);
    tg_dataset_free(data);
    return s == TG_OK && report.accuracy > 0.9 ? 0 : 1;
}
