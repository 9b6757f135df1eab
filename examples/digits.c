/* digits.c - what scripts/demo --digits runs: five nets, each tested on a fifth that it has not seen, and one on the digits of other writers. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <tapegrad/tapegrad.h>

enum { CLASSES = 10 };

typedef struct settings { const char *file; int epochs; uint64_t seed; } settings;

/* What all fifths together show: rows are what a digit is, columns what a net says. */
static int64_t confusion[CLASSES * CLASSES];

static bool every_tenth_epoch(const tg_progress *p, void *context) {
    (void)context;
    return p->epoch % 10 != 0 || tg_progress_bar(p, NULL);
}

static tg_mlp *new_net(tg_params *params) { return tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(64, 64, CLASSES), .standardize = true }); }

/* Tests the saved net, loaded into a new one. */
static tg_status test_file(const char *path, const tg_dataset *test, tg_report *report) {
    tg_params *params = tg_params_new(99, NULL);
    tg_mlp    *net    = new_net(params);
    tg_status  s      = tg_params_load(params, path, NULL);
    if (s == TG_OK) s = tg_evaluate(tg_mlp_model(net), test, report);
    tg_mlp_free(net);
    tg_params_free(params);
    return s;
}

static tg_status train_and_test(const settings *a, const tg_dataset *data, const tg_split_options *options, tg_report *report) {
    tg_dataset *train = NULL, *test = NULL;
    tg_status   s = tg_dataset_split(data, 0.2, options, &train, &test);
    if (s != TG_OK) return s;
    tg_params    *params = tg_params_new(a->seed, NULL);
    tg_mlp       *net    = new_net(params);
    tg_optimizer *adam   = tg_adam_new(params, &(tg_adam_options){ .learning_rate = 2e-3, .weight_decay = 1e-4 });
    s = tg_fit(tg_mlp_model(net), adam, train, &(tg_fit_options){ .epochs = a->epochs, .seed = a->seed, .progress = every_tenth_epoch });
    if (s == TG_OK) s = tg_params_save(params, "digits.safetensors");
    if (s == TG_OK) s = test_file("digits.safetensors", test, report);
    tg_optimizer_free(adam);
    tg_mlp_free(net);
    tg_params_free(params);
    tg_dataset_free(train);
    tg_dataset_free(test);
    return s;
}

static void print_confusion(void) {
    printf("\nrows: what it is, columns: what the nets say\n");
    for (int i = 0; i < CLASSES; i++) {
        printf("%d", i);
        for (int j = 0; j < CLASSES; j++) printf(" %5lld", (long long)confusion[i * CLASSES + j]);
        printf("\n");
    }
}

static tg_status run(const settings *a, const tg_dataset *data) {
    int64_t   counts[CLASSES * CLASSES];
    double    sum = 0, lowest = 1, highest = 0;
    tg_report report = { .confusion = counts };
    tg_status s = TG_OK;
    for (int fifth = 1; fifth <= 5 && s == TG_OK; fifth++) {
        s = train_and_test(a, data, &(tg_split_options){ .seed = a->seed * 100 + (uint64_t)fifth }, &report);
        if (s != TG_OK) return s;
        printf("fifth %d, drawn by seed, from the saved file: %.1f %%\n", fifth, 100 * report.accuracy);
        for (int i = 0; i < CLASSES * CLASSES; i++) confusion[i] += counts[i];
        sum += report.accuracy;
        lowest  = report.accuracy < lowest ? report.accuracy : lowest;
        highest = report.accuracy > highest ? report.accuracy : highest;
    }
    s = train_and_test(a, data, &(tg_split_options){ .in_order = true }, &report);
    if (s != TG_OK) return s;
    print_confusion();
    printf("\nspread: %.1f to %.1f %%\nthe last fifth of the file, by other writers: %.1f %%\n", 100 * lowest, 100 * highest, 100 * report.accuracy);
    printf("what to try next: --digits --seed 2, --digits --epochs 100\ntest accuracy: %.1f %%\n", 100 * sum / 5);
    return TG_OK;
}

int main(int argc, char **argv) {
    static const struct option options[] = { { "file", required_argument, NULL, 'f' }, { "epochs", required_argument, NULL, 'e' },
                                             { "seed", required_argument, NULL, 's' }, { 0 } };
    settings a = { .file = "examples/data/digits.csv.gz", .epochs = 40, .seed = 1 };
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'f') a.file = optarg;
        else if (option == 'e') a.epochs = atoi(optarg);
        else if (option == 's') a.seed = strtoull(optarg, NULL, 10);
        else return fprintf(stderr, "digits [--file CSV] [--epochs N] [--seed N]\n"), 2;
    }
    tg_dataset *data = tg_dataset_csv(a.file, NULL);
    tg_status   s    = data != NULL ? run(&a, data) : TG_CANNOT_READ;
    const char *why;
    if (s != TG_OK) tg_last_error(&why), fprintf(stderr, "digits: %s: %s\n", tg_status_text(s), why);
    tg_dataset_free(data);
    return s == TG_OK ? 0 : 1;
}
