/* plan.h - explicit plans, pass switches, statistics.
 *
 * A tape compiles its steps by itself: an executing call takes the plan of the last step if nothing differs, finds one that it has compiled before,
 * or compiles it, in microseconds. An explicit plan is for loops that record nothing: control, servers, solvers.
 */
#ifndef TAPEGRAD_PLAN_H
#define TAPEGRAD_PLAN_H

#include <stdio.h>
#include <tapegrad/tape.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- explicit plans ---- */

typedef struct tg_plan tg_plan;

typedef struct tg_plan_options {
    tg_type     type;        /* what it computes in; default: the tape's */
    const char *passes;      /* see tg_set_passes; NULL: all */
} tg_plan_options;

/* Compiles the current step: from inputs, which tg_plan_bind will bind by position, to outputs, which tg_plan_read will read; neither may be empty
 * of outputs. Inputs are leaves: tg_input, tg_labels, tg_scalar_input, or what tg_use_block returned, whose values are then those that are bound
 * and not the variables'. Leaves that are not listed keep their pointer, variables are read as they are when it runs. Assignments among the outputs
 * and what they are made of are made by every run, to the slices that are not frozen now. What is kept has no meaning for a plan; what must be
 * finite has. Draws begin with the tape's seed and step number. The plan has memory of its own and may outlive the tape; variables, and data that
 * is bound or keeps its pointer, must outlive the plan. Shapes are fixed. One thread uses it at a time. NULL on failure: tg_tape_error, or
 * tg_last_error if there was no tape. */
TG_API tg_plan *tg_plan_new(const tg_tensor inputs[], int input_count, const tg_tensor outputs[], int output_count, const tg_plan_options *options);
TG_API void     tg_plan_free(tg_plan *plan);

/* Binds input number index to data of the shape it was recorded with; borrowed until bound again. Numbers may be given as float or as double,
 * integers by tg_plan_bind_i32. TG_OVERLAP if it lies in a variable's block or the plan's memory. A bind that fails makes tg_plan_run fail with the
 * same status until that input has been bound. */
TG_API tg_status tg_plan_bind(tg_plan *plan, int index, const float *data);
TG_API tg_status tg_plan_bind_f64(tg_plan *plan, int index, const double *data);
TG_API tg_status tg_plan_bind_i32(tg_plan *plan, int index, const int32_t *data);

/* An executing call: computes all outputs. Allocates nothing. On failure it assigns nothing. */
TG_API TG_MUST_CHECK tg_status tg_plan_run(tg_plan *plan);

/* The step number of the next run, which keys its draws together with the seed; each run that succeeds advances it by one. Setting it again repeats
 * the draws of a run. */
TG_API tg_status tg_plan_set_step(tg_plan *plan, uint64_t step);

/* Copies output number index, row-major; TG_NOT_KEPT unless the last run succeeded. tg_plan_data: in place until the next run; NULL on failure and
 * if the plan computes in the other type. */
TG_API TG_MUST_CHECK tg_status tg_plan_read(tg_plan *plan, int index, float *out);
TG_API TG_MUST_CHECK tg_status tg_plan_read_f64(tg_plan *plan, int index, double *out);
TG_API const float  *tg_plan_data(tg_plan *plan, int index);
TG_API const double *tg_plan_data_f64(tg_plan *plan, int index);

/* Shape of input and output number index; zeros if there is none. */
TG_API tg_shape tg_plan_input_shape(const tg_plan *plan, int index);
TG_API tg_shape tg_plan_output_shape(const tg_plan *plan, int index);

/* Sentence of the last call with this plan that failed; "" if none. Valid until the next one. */
TG_API const char *tg_plan_error(const tg_plan *plan);

/* ---- passes and statistics ---- */

/* Switches passes of the plan compiler, for this tape from the next executing call on. A list of names without blanks: "-place,-strips" all but
 * these; "none" none; "none,place" only this; "" all. The name of a fusion switches that one (see tg_register_fusion), "patterns" all that are
 * nodes. TG_UNKNOWN_NAME lists the names. An eager tape has no passes: TG_UNSUPPORTED. */
TG_API tg_status tg_set_passes(tg_tape *tape, const char *passes);

/* Prints how an executing call of these tensors, with what is kept, is compiled: the graph after each pass, what runs together, where values lie,
 * and the instructions with their buffers. Nothing is run. A failure is on the tape; TG_CANNOT_WRITE if out does not take it. */
TG_API TG_MUST_CHECK tg_status tg_print_plan(const tg_tensor tensors[], int count, FILE *out);

typedef struct tg_tape_statistics {
    uint64_t hits;            /* executing calls that took the plan of the last step, or found one */
    uint64_t misses;          /* those that did not */
    uint64_t compiles;
    int      plans;           /* held now */
    size_t   arena_bytes;
    uint32_t nodes;           /* recorded in this step */
    uint32_t instructions;    /* of the plan that ran last: kernel calls, copies and checks */
} tg_tape_statistics;

/* Since tg_tape_new; zeros for an eager tape, nodes apart. */
TG_API tg_status tg_tape_stats(const tg_tape *tape, tg_tape_statistics *statistics);

#ifdef __cplusplus
}
#endif
#endif
