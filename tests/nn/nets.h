/* nets.h - what the tests of optimizers, fit and nets share: noisy points of two classes and a small net for them. */
#ifndef TAPEGRAD_TESTS_NN_NETS_H
#define TAPEGRAD_TESTS_NN_NETS_H

#include <tapegrad/tapegrad.h>

enum { ROWS = 203, COLS = 2 };
static float   points[ROWS * COLS];
static int32_t classes[ROWS];

static inline tg_dataset *two_classes(void) {
    uint64_t state = 9;
    for (int i = 0; i < ROWS; i++) {
        double sum = 0;
        for (int j = 0; j < COLS; j++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            points[i * COLS + j] = (float)((double)(state >> 33) / 1073741824.0 - 1);
            sum += (double)points[i * COLS + j];
        }
        classes[i] = sum > 0.1;
    }
    return tg_dataset_of_labels(points, ROWS, COLS, classes);
}

static inline tg_mlp *new_net(tg_params *params) {
    return tg_mlp_new(params, &(tg_mlp_options){ .sizes = TG_SIZES(COLS, 8, 2), .activation = "tanh", .dropout = 0.1, .standardize = true });
}

#endif
