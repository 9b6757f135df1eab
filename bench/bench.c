/* bench.c - times training steps of the library against the same steps written by hand, and prints what it finds. */
#include "costs.h"
#include "variants.h"

#include <stdio.h>
#include <string.h>

clockid_t bench_clock = CLOCK_MONOTONIC;

static const char usage[] =
    "bench [--net a,b] [--rounds N] [--seconds S] [--quick] [--passes] [--no-chains] [--cpu-time] [--nets] [--json FILE]\n"
    "  --net a,b      these nets only; j: all whose names begin with j-\n"
    "  --rounds N     rounds of about 20 ms a variant; the median is printed (31)\n"
    "  --seconds S    no new round of a net once its rounds have taken so long\n"
    "  --quick        all but the largest net, 1.2 s each, and nothing else: under 50 s\n"
    "  --passes       each net with each pass off, with none, and eager, too\n"
    "  --no-chains    not the steps of 10^3, 10^4 and 10^5 nodes\n"
    "  --cpu-time     processor time instead of wall time, for a machine that others use too\n"
    "  --nets         prints the nets as bench/peers/pytorch.py reads them, and times nothing\n"
    "  --json FILE    [{\"workload\": \"b\", \"threads\": 1, \"subject\": \"plan\", \"us\": 85.1, \"ratio_to_floor\": 1.01}, ...]\n";

/* ---- arguments ---- */

static bool read_option(bench_options *options, const char *name, const char *value) {
    if (value == NULL) return false;
    if (strcmp(name, "--rounds") == 0) return options->rounds = atoi(value), options->rounds >= 1 && options->rounds <= MOST_ROUNDS;
    if (strcmp(name, "--seconds") == 0) return options->seconds = atof(value), options->seconds > 0;
    if (strcmp(name, "--net") == 0) return snprintf(options->nets, sizeof options->nets, ",%s,", value) < (int)sizeof options->nets;
    if (strcmp(name, "--json") == 0) return (options->json = fopen(value, "w")) != NULL;
    return false;
}

static bool read_arguments(bench_options *options, int count, char **arguments) {
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--quick") == 0) options->quick = true, options->chains = false, options->seconds = 1.2;
        else if (strcmp(arguments[i], "--passes") == 0) options->passes = true;
        else if (strcmp(arguments[i], "--cpu-time") == 0) bench_clock = CLOCK_PROCESS_CPUTIME_ID;
        else if (strcmp(arguments[i], "--no-chains") == 0) options->chains = false;
        else if (strcmp(arguments[i], "--nets") == 0) options->list = true;
        else if (read_option(options, arguments[i], i + 1 < count ? arguments[i + 1] : NULL)) i++;
        else return false;
    }
    return true;
}

/* By its whole name, or by what stands before the first '-' of it. */
static bool is_wanted(const bench_options *options, const char *name) {
    char whole[16], family[16];
    snprintf(whole, sizeof whole, ",%s,", name);
    snprintf(family, sizeof family, ",%.*s,", (int)strcspn(name, "-"), name);
    if (options->nets[0] == '\0') return !options->quick || strcmp(name, "f") != 0;
    return strstr(options->nets, whole) != NULL || strstr(options->nets, family) != NULL;
}

/* ---- one net ---- */

static void print_variants(const bench_net *net, const variant_result results[], int count) {
    printf("\n%s: %s\n", net->name, net->text);
    printf("  %-16s %12s %9s   %s\n", "variant", "us a step", "x floor", "quartiles");
    for (int i = 0; i < count; i++) {
        const spread s = results[i].nanoseconds;
        printf("  %-16s %12.3f %9.3f   %.3f .. %.3f\n", results[i].name, s.median / 1e3, results[i].ratio, s.low / 1e3, s.high / 1e3);
    }
}

static void print_costs(const net_costs *c) {
    const double arena = (double)c->planned.arena_bytes, bare = (double)c->bare_arena_bytes;
    printf("  nodes %u, instructions %u; arena %.0f bytes, %.0f without passes (%.2f)\n", c->planned.nodes, c->planned.instructions, arena, bare,
           arena / bare);
    printf("  compiling %.3f us a node at first, %.3f on a tape that has run; recording %.2f ns a node\n", c->first_compile, c->later_compile,
           c->recording);
}

static void write_variants(const bench_options *options, const bench_net *net, const variant_result results[], int count) {
    for (int i = 0; i < count; i++)
        fprintf(options->json, "%s{\"workload\": \"%s\", \"threads\": 1, \"subject\": \"%s\", \"us\": %.3f, \"ratio_to_floor\": %.4f}",
                ftell(options->json) > 2 ? ",\n " : "", net->name, results[i].name, results[i].nanoseconds.median / 1e3, results[i].ratio);
}

static bool measure_net(const bench_net *net, const bench_options *options) {
    static variant_result results[MOST_VARIANTS];
    net_costs   costs = { .recording = 0 };
    batch_data *data  = bench_data_new(net);
    const int   count = data != NULL && bench_check(net, data) ? bench_time_variants(net, data, options, results) : 0;
    const bool  good  = count > 0 && (options->quick || bench_measure_costs(net, data, &costs));
    bench_data_free(data);
    if (!good) return fprintf(stderr, "bench: net %s was not measured\n", net->name), false;
    print_variants(net, results, count);
    if (!options->quick) print_costs(&costs);
    if (options->json != NULL) write_variants(options, net, results, count);
    fflush(stdout);
    return true;
}

/* ---- steps of any length ---- */

static bool measure_chains(const char *what, bool (*measure)(int64_t nodes, chain_costs *costs)) {
    printf("\n%s\n  %9s %24s %24s %24s\n", what, "nodes", "recording first, ns", "recording again, ns", "compiling, us a node");
    for (int64_t nodes = 1000; nodes <= 100000; nodes *= 10) {
        chain_costs c;
        if (!measure(nodes, &c)) return fprintf(stderr, "bench: %s: a step failed\n", what), false;
        printf("  %9u %24.2f %24.2f %24.3f\n", c.nodes, c.recording_first, c.recording_again, c.compile);
        fflush(stdout);
    }
    return true;
}

/* ---- for peers ---- */

/* d=784-512-512-10:128:relu:momentum */
static void print_net(const bench_net *net) {
    static const char *const optimizers[] = { "sgd", "momentum", "adam", "none" };
    printf("%s=", net->name);
    for (int l = 0; l <= net->layers; l++) printf("%s%lld", l > 0 ? "-" : "", (long long)net->sizes[l]);
    printf(":%lld:%s:%s\n", (long long)net->rows, net->is_regression ? "tanh" : "relu", optimizers[net->optimizer]);
}

int main(int count, char **arguments) {
    bench_options options = { .rounds = 31, .chains = true };
    bool          good    = true;
    if (!read_arguments(&options, count, arguments)) return fputs(usage, stderr), 2;
    if (options.json != NULL) fputs("[", options.json);
    for (int i = 0; i < bench_net_count && options.list; i++)
        if (is_wanted(&options, bench_nets[i].name)) print_net(&bench_nets[i]);
    if (options.list) return 0;
    for (int i = 0; i < bench_net_count; i++)
        if (is_wanted(&options, bench_nets[i].name)) good = measure_net(&bench_nets[i], &options) && good;
    if (options.chains) {
        good = measure_chains("elementwise ops in a chain", bench_measure_chain) && good;
        good = measure_chains("layers with their gradient and update", bench_measure_layers) && good;
    }
    if (options.json != NULL && (fputs("]\n", options.json) < 0 || fclose(options.json) != 0)) good = false;
    return good ? 0 : 1;
}
