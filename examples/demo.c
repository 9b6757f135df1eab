/* demo.c - the program behind scripts/demo: a perceptron learns Fashion-MNIST, or, with --digits, a small set of handwritten digits. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tapegrad/tapegrad.h>

typedef struct settings { bool digits; const char *folder, *digits_file; int epochs; uint64_t seed; } settings;
typedef struct schedule { tg_optimizer *optimizer; double rate; } schedule;

/* The rate falls along half a cosine to a hundredth. */
static bool lower_rate(const tg_progress *p, void *context) {
    const schedule *s = context;
    if (p->epoch_done) {
        const double done = (double)p->epoch / (double)p->epochs;
        if (tg_set_learning_rate(s->optimizer, NULL, s->rate * (0.01 + 0.99 * (1 + cos(3.141592653589793 * done)) / 2)) != TG_OK) return false;
    }
    return tg_progress_bar(p, NULL);
}

static bool lower_rate_silently(const tg_progress *p, void *context) {
    (void)p, (void)context;
    return true;
}

static int fail(void) {
    const char     *why;
    const tg_status s = tg_last_error(&why);
    fprintf(stderr, "demo: %s: %s\n", tg_status_text(s), why);
    return 1;
}

static void print_confusion(const tg_dataset *data, const int64_t *confusion) {
    const int64_t classes = tg_dataset_classes(data);
    printf("\nrows: what it is, columns: what the net says\n");
    for (int64_t i = 0; i < classes; i++) {
        printf("%-12s", tg_dataset_class_name(data, i));
        for (int64_t j = 0; j < classes; j++) printf(" %5lld", (long long)confusion[i * classes + j]);
        printf("\n");
    }
}

/* ---- Fashion-MNIST ---- */

static tg_mlp *fashion_net(tg_params *params) {
    return tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(784, 256, 10), .activation = "relu", .dropout = 0.3 });
}

/* The saved file in a new net gives the same predictions, to the bit. */
static tg_status check_file(tg_mlp *net, const char *path, const tg_dataset *test) {
    enum { ROWS = 100, OUT = 10 };
    static float x[ROWS * 784], one[ROWS * OUT], two[ROWS * OUT];
    tg_params   *params = tg_params_new(99, NULL);
    tg_mlp      *loaded = fashion_net(params);
    for (int i = 0; i < ROWS; i++) memcpy(&x[i * 784], tg_dataset_row(test, i), 784 * sizeof *x);
    tg_status s = tg_params_load(params, path, NULL);
    if (s == TG_OK) s = tg_predict(tg_mlp_model(loaded), x, ROWS, 784, two);
    if (s == TG_OK) s = tg_predict(tg_mlp_model(net), x, ROWS, 784, one);
    if (s == TG_OK && memcmp(one, two, sizeof one) != 0) s = TG_CHECK_FAILED;
    tg_mlp_free(loaded);
    tg_params_free(params);
    return s;
}

static int fashion(const settings *a, tg_dataset *train, tg_dataset *test) {
    static int64_t confusion[100];
    const char    *path   = "fashion-mnist.safetensors";
    tg_params     *params = tg_params_new(a->seed, NULL);
    tg_mlp        *net    = fashion_net(params);
    schedule       rates  = { tg_adam_new(params, &(tg_adam_options){ .learning_rate = 1e-3 }), 1e-3 };
    tg_report      report = { .confusion = confusion };
    printf("784-256-10, relu, dropout 0.3, Adam, batches of 64; %lld pictures to learn from, %lld to test with\n", (long long)tg_dataset_rows(train),
           (long long)tg_dataset_rows(test));
    tg_status s = tg_fit(tg_mlp_model(net), rates.optimizer, train, &(tg_fit_options){ .epochs = a->epochs > 0 ? a->epochs : 24, .batch = 64, .seed = a->seed,
                         .progress = lower_rate, .progress_context = &rates, .tape = &(tg_tape_options){ .seed = a->seed } });
    if (s == TG_OK) s = tg_evaluate(tg_mlp_model(net), test, &report);
    if (s == TG_OK) s = tg_params_save(params, path);
    if (s == TG_OK) s = check_file(net, path, test);
    if (s == TG_OK) {
        print_confusion(test, confusion);
        printf("\nsaved in %s, loaded into a new net: the same predictions\nwhat to try next: --seed 2, --epochs 50, or --digits; examples/xor.c shows the loop by hand\n", path);
        printf("test accuracy: %.1f %%\n", 100 * report.accuracy);
    }
    tg_optimizer_free(rates.optimizer);
    tg_mlp_free(net);
    tg_params_free(params);
    return s == TG_OK ? 0 : fail();
}

/* ---- digits ---- */

static tg_status train_digits(const settings *a, tg_dataset *train, const tg_dataset *test, double *accuracy) {
    tg_params    *params = tg_params_new(a->seed, NULL);
    tg_mlp       *net    = tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(64, 64, 10), .standardize = true });
    tg_optimizer *adam   = tg_adam_new(params, &(tg_adam_options){ .learning_rate = 2e-3, .weight_decay = 1e-4 });
    tg_report     report = { 0 };
    tg_status s = tg_fit(tg_mlp_model(net), adam, train, &(tg_fit_options){ .epochs = a->epochs > 0 ? a->epochs : 40, .seed = a->seed, .progress = lower_rate_silently });
    if (s == TG_OK) s = tg_evaluate(tg_mlp_model(net), test, &report);
    *accuracy = report.accuracy;
    tg_optimizer_free(adam);
    tg_mlp_free(net);
    tg_params_free(params);
    return s;
}

static tg_status split_and_train(const settings *a, const tg_dataset *data, const tg_split_options *options, double *accuracy) {
    tg_dataset *train, *test;
    tg_status   s = tg_dataset_split(data, 0.2, options, &train, &test);
    if (s == TG_OK) s = train_digits(a, train, test, accuracy);
    tg_dataset_free(train);
    tg_dataset_free(test);
    return s;
}

static int digits(const settings *a) {
    tg_dataset *data = tg_dataset_csv(a->digits_file, NULL);
    double      sum = 0, lowest = 1, highest = 0, tail = 0;
    tg_status   s = data != NULL ? TG_OK : TG_CANNOT_READ;
    for (int fifth = 1; fifth <= 5 && s == TG_OK; fifth++) {
        double accuracy = 0;
        s = split_and_train(a, data, &(tg_split_options){ .seed = a->seed * 100 + (uint64_t)fifth }, &accuracy);
        printf("fifth %d, drawn by seed: %.1f %%\n", fifth, 100 * accuracy);
        sum += accuracy;
        lowest  = accuracy < lowest ? accuracy : lowest;
        highest = accuracy > highest ? accuracy : highest;
    }
    if (s == TG_OK) s = split_and_train(a, data, &(tg_split_options){ .in_order = true }, &tail);
    tg_dataset_free(data);
    if (s != TG_OK) return fail();
    printf("spread: %.1f to %.1f %%\nthe last fifth of the file, by other writers: %.1f %%\n", 100 * lowest, 100 * highest, 100 * tail);
    printf("what to try next: --seed 2, --epochs 100\ntest accuracy: %.1f %%\n", 100 * sum / 5);
    return 0;
}

static int usage(FILE *out, int code) {
    fprintf(out, "demo [--digits] [--folder DIR] [--digits-file FILE] [--epochs N] [--seed N]\n");
    return code;
}

int main(int argc, char **argv) {
    static const struct option long_options[] = { { "digits", no_argument, NULL, 'd' }, { "folder", required_argument, NULL, 'f' }, { "digits-file", required_argument, NULL, 'i' },
                                                  { "epochs", required_argument, NULL, 'e' }, { "seed", required_argument, NULL, 's' }, { "help", no_argument, NULL, 'h' }, { 0 } };
    settings a = { .digits_file = "examples/data/digits.csv.gz", .seed = 1 };
    for (int option; (option = getopt_long(argc, argv, "h", long_options, NULL)) != -1;) {
        if (option == 'd') a.digits = true;
        else if (option == 'f') a.folder = optarg;
        else if (option == 'i') a.digits_file = optarg;
        else if (option == 'e') a.epochs = atoi(optarg);
        else if (option == 's') a.seed = strtoull(optarg, NULL, 10);
        else return usage(option == 'h' ? stdout : stderr, option == 'h' ? 0 : 2);
    }
    tg_dataset *train = a.digits ? NULL : tg_dataset_load("fashion-mnist", &(tg_load_options){ .folder = a.folder });
    tg_dataset *test  = train != NULL ? tg_dataset_load("fashion-mnist", &(tg_load_options){ .folder = a.folder, .part = "test" }) : NULL;
    if (!a.digits && test == NULL) printf("Fashion-MNIST cannot be had; the small digits set instead\n");
    int code = test != NULL ? fashion(&a, train, test) : digits(&a);
    tg_dataset_free(train);
    tg_dataset_free(test);
    return code;
}
