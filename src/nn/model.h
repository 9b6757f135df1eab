/* model.h - what fit, evaluate and predict share. */
#ifndef TAPEGRAD_NN_MODEL_H
#define TAPEGRAD_NN_MODEL_H

#include <tapegrad/nn.h>

/* A batch recorded: its output [rows, outputs] and loss [1, 1]. */
typedef struct tg_recorded { tg_tensor output, loss; } tg_recorded;

tg_recorded tg_record_batch(const tg_model *model, tg_tape *tape, const tg_dataset *data, const tg_batch *batch, bool training);

/* Room for outputs, grown when needed; starts as zero. */
typedef struct tg_output_buffer {
    float *at;
    size_t capacity;
} tg_output_buffer;

tg_status tg_read_output(tg_tensor output, tg_output_buffer *buffer);
void      tg_release_output(tg_output_buffer *buffer);

/* All that an evaluation holds, so that it can be made again and again: room for one batch, and a tape. */
typedef struct tg_evaluation {
    const tg_model   *model;
    const tg_dataset *data;
    tg_tape          *tape;
    float            *x, *targets;      /* [batch, cols], [batch, target cols] */
    int32_t          *y;                /* [batch] */
    tg_output_buffer  output;
    int64_t           correct;
} tg_evaluation;

/* Arguments that have been checked, borrowed; ended in any case. */
tg_status tg_evaluation_begin(tg_evaluation *e, const tg_model *model, const tg_dataset *data, const tg_tape_options *options);
tg_status tg_evaluation_make(tg_evaluation *e, tg_report *report);
void      tg_evaluation_end(tg_evaluation *e);

/* Where a row of outputs is largest, the first place if there are several; -1: it has a NaN. */
int64_t tg_largest(const float *output, int64_t outputs);

/* How many rows of output [rows, outputs] are largest at their label. */
int64_t tg_count_correct(const float *output, int64_t rows, int64_t outputs, const int32_t *labels);

/* NULL members, as those of a constructor that failed: a status. */
tg_status tg_check_model(const tg_model *model, const char *caller);

/* The tape's failure, kept for tg_last_error: the tape is the library's own, and nobody else could ask it. */
tg_status tg_pass_failure(const tg_tape *tape, tg_status status);

#endif
