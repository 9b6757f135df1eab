/* net.h - a net and its loss as they are typed: --net 2-2-1 --activation sigmoid --loss half-squares --x 0.05,0.10 --t 0.01 */
#ifndef TAPEGRAD_CLI_NET_H
#define TAPEGRAD_CLI_NET_H

#include "cli/work.h"

/* NULL: not given. */
typedef struct tg_net_request {
    const char *sizes;                    /* "2-2-1" */
    const char *activation, *last_activation;      /* of the hidden layers, and of the last one */
    const char *loss;
    const char *x, *t;                    /* rows of numbers; not given: drawn by seed */
    const char *weights, *load;           /* "W1=[...], b1=[...]"; a file; neither: drawn by seed */
    int64_t     seed, batch;              /* batch: rows that are drawn */
} tg_net_request;

typedef struct tg_net {
    tg_work    work;                      /* tape, loss as the result, and x, W1, b1, W2, ... by name */
    tg_params *params;
    tg_mlp    *mlp;
    int32_t   *labels;                    /* of a loss of classes */
} tg_net;

/* Records net and loss. False on failure, with a sentence in net->work; tg_net_end is called in any case. */
bool tg_net_begin(tg_net *net, const tg_net_request *request);
void tg_net_end(tg_net *net);

/* "half-squares, squares, ..." */
void tg_net_list_losses(char *text, size_t bytes);

#endif
