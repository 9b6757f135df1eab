/* demo.c - what scripts/demo runs: a perceptron learns Fashion-MNIST, is tested, saved, and loaded into a new net. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tapegrad/tapegrad.h>

enum { CLASSES = 10 };

typedef struct settings { const char *folder; int epochs; uint64_t seed; } settings;
typedef struct schedule { tg_optimizer *optimizer; double rate; } schedule;

/* The rate falls along half a cosine to a hundredth. */
static bool lower_rate(const tg_progress *p, void *context) {
    const schedule *s    = context;
    const double    done = (double)p->epoch / (double)p->epochs, rate = s->rate * (0.01 + 0.99 * (1 + cos(3.141592653589793 * done)) / 2);
    if (p->epoch_done && tg_set_learning_rate(s->optimizer, NULL, rate) != TG_OK) return false;
    return tg_progress_bar(p, NULL);
}

static tg_mlp *new_net(tg_params *params) { return tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(784, 256, CLASSES), .dropout = 0.3 }); }

static void print_confusion(const tg_dataset *data, const int64_t *confusion) {
    printf("\nrows: what it is, columns: what the net says\n");
    for (int i = 0; i < CLASSES; i++) {
        printf("%-12s", tg_dataset_class_name(data, i));
        for (int j = 0; j < CLASSES; j++) printf(" %5lld", (long long)confusion[i * CLASSES + j]);
        printf("\n");
    }
}

/* The file in a new net: the same loss and the same answers, to the bit. */
static tg_status check_file(const char *path, const tg_dataset *test, const tg_report *expected) {
    int64_t    confusion[CLASSES * CLASSES];
    tg_report  report = { .confusion = confusion };
    tg_params *params = tg_params_new(99, NULL);
    tg_mlp    *net    = new_net(params);
    tg_status  s      = tg_params_load(params, path, NULL);
    if (s == TG_OK) s = tg_evaluate(tg_mlp_model(net), test, &report);
    if (s == TG_OK && (report.loss != expected->loss || memcmp(confusion, expected->confusion, sizeof confusion) != 0)) s = TG_CHECK_FAILED;
    tg_mlp_free(net);
    tg_params_free(params);
    return s;
}

static tg_status run(const settings *a, tg_dataset *train, const tg_dataset *test) {
    static int64_t confusion[CLASSES * CLASSES];
    const char    *path   = "fashion-mnist.safetensors";
    tg_params     *params = tg_params_new(a->seed, NULL);
    tg_mlp        *net    = new_net(params);
    schedule       rates  = { tg_adam_new(params, &(tg_adam_options){ .learning_rate = 1e-3 }), 1e-3 };
    tg_report      report = { .confusion = confusion };
    printf("784-256-10, relu, dropout 0.3, Adam, batches of 64; %lld pictures to learn from, %lld to test with\n", (long long)tg_dataset_rows(train),
           (long long)tg_dataset_rows(test));
    tg_status s = tg_fit(tg_mlp_model(net), rates.optimizer, train, &(tg_fit_options){ .epochs = a->epochs, .batch = 64, .seed = a->seed,
                         .progress = lower_rate, .progress_context = &rates, .tape = &(tg_tape_options){ .seed = a->seed } });
    if (s == TG_OK) s = tg_evaluate(tg_mlp_model(net), test, &report);
    if (s == TG_OK) s = tg_params_save(params, path);
    if (s == TG_OK) s = check_file(path, test, &report);
    if (s == TG_OK) {
        print_confusion(test, confusion);
        printf("\nsaved in %s, loaded into a new net: the same answers\n", path);
        printf("what to try next: --seed 2, --epochs 50, or --digits; examples/xor.c shows the loop by hand\n");
        printf("test accuracy: %.1f %%\n", 100 * report.accuracy);
    }
    tg_optimizer_free(rates.optimizer);
    tg_mlp_free(net);
    tg_params_free(params);
    return s;
}

int main(int argc, char **argv) {
    static const struct option options[] = { { "folder", required_argument, NULL, 'f' }, { "epochs", required_argument, NULL, 'e' },
                                             { "seed", required_argument, NULL, 's' }, { 0 } };
    settings a = { .epochs = 24, .seed = 1 };
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'f') a.folder = optarg;
        else if (option == 'e') a.epochs = atoi(optarg);
        else if (option == 's') a.seed = strtoull(optarg, NULL, 10);
        else return fprintf(stderr, "demo [--folder DIR] [--epochs N] [--seed N]\n"), 2;
    }
    tg_dataset *train = tg_dataset_load("fashion-mnist", &(tg_load_options){ .folder = a.folder });
    tg_dataset *test  = tg_dataset_load("fashion-mnist", &(tg_load_options){ .folder = a.folder, .part = "test" });
    tg_status   s     = train != NULL && test != NULL ? run(&a, train, test) : TG_CANNOT_READ;
    const char *why;
    if (s != TG_OK) tg_last_error(&why), fprintf(stderr, "demo: %s: %s\n", tg_status_text(s), why);
    tg_dataset_free(train);
    tg_dataset_free(test);
    return s == TG_OK ? 0 : 1;
}
