/* digits.c - fit, save, load, predict: a user's whole program. */
#include <stdio.h>
#include <tapegrad/tapegrad.h>

static tg_mlp *new_net(tg_params *params) {
    return tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(64, 32, 10), .standardize = true });
}

/* The class that a net, made anew and loaded from the file, gives the first row. */
static tg_status predict(const char *path, const tg_dataset *data, int *digit) {
    float       out[10];
    tg_params  *params = tg_params_new(0, NULL);
    tg_mlp     *net    = new_net(params);
    tg_status   s      = tg_params_load(params, path, NULL);
    if (s == TG_OK) s = tg_predict(tg_mlp_model(net), tg_dataset_row(data, 0), 1, 64, out);
    *digit = 0;
    for (int j = 1; j < 10 && s == TG_OK; j++)
        if (out[j] > out[*digit]) *digit = j;
    tg_mlp_free(net);
    tg_params_free(params);
    return s;
}

int main(int argc, char **argv) {
    tg_dataset   *data   = tg_dataset_csv(argc > 1 ? argv[1] : "examples/data/digits.csv.gz", NULL);
    tg_params    *params = tg_params_new(42, NULL);
    tg_mlp       *net    = new_net(params);
    tg_optimizer *adam   = tg_adam_new(params, NULL);
    int           digit  = -1;
    tg_status     s      = tg_fit(tg_mlp_model(net), adam, data, &(tg_fit_options){ .epochs = 15, .validation = 0.1, .progress = tg_progress_bar });
    if (s == TG_OK) s = tg_params_save(params, "digits.safetensors");
    if (s == TG_OK) s = predict("digits.safetensors", data, &digit);
    const char *why;
    if (s == TG_OK) printf("the first row is a %d, the loaded net says %d\n", tg_dataset_label(data, 0), digit);
    else tg_last_error(&why), fprintf(stderr, "%s\n", why);
    const bool right = s == TG_OK && digit == tg_dataset_label(data, 0);

    tg_optimizer_free(adam);
    tg_mlp_free(net);
    tg_params_free(params);
    tg_dataset_free(data);
    return right ? 0 : 1;
}
