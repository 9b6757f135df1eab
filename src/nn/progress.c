/* progress.c - how a fit is going: a bar on a terminal, a line an epoch elsewhere. */
#include <tapegrad/nn.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

enum { WIDTH = 24 };

static void print_bar(FILE *out, const tg_progress *p) {
    const int done = p->batches > 0 ? (int)(WIDTH * p->batch / p->batches) : WIDTH;
    fprintf(out, "\repoch %d/%d [", p->epoch, p->epochs);
    for (int i = 0; i < WIDTH; i++) fputc(i < done ? '=' : ' ', out);
    fputc(']', out);
}

static void print_figures(FILE *out, const tg_progress *p) {
    fprintf(out, "  loss %.4f", p->loss);
    if (!isnan(p->accuracy)) fprintf(out, "  accuracy %5.2f %%", 100 * p->accuracy);
    if (p->epoch_done && !isnan(p->validation_loss)) fprintf(out, "  validation %.4f", p->validation_loss);
    if (p->epoch_done && !isnan(p->validation_accuracy)) fprintf(out, "  %5.2f %%", 100 * p->validation_accuracy);
    fprintf(out, "  %.0f examples/s", p->examples_per_second);
    if (!isnan(p->seconds_left)) fprintf(out, "  %.0f s left", p->seconds_left);
}

bool tg_progress_bar(const tg_progress *progress, void *context) {
    FILE      *out      = context != NULL ? context : stdout;
    const bool terminal = isatty(fileno(out)) == 1;
    if (progress == NULL || (!progress->epoch_done && (!terminal || progress->batch % 16 != 0))) return true;
    if (terminal) print_bar(out, progress);
    else fprintf(out, "epoch %d/%d", progress->epoch, progress->epochs);
    print_figures(out, progress);
    if (terminal) fprintf(out, "\033[K");
    if (progress->epoch_done) fputc('\n', out);
    fflush(out);
    return true;
}
