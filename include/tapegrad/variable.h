/* variable.h - named matrices that outlive the tape: parameters and state.
 *
 * A tg_params holds variables in groups. The variables of one group lie one after the other in one block, so that an optimizer is a few
 * ops on one [1, n] tensor however many variables there are.
 *
 * Threads: any number may read the same variables (record, run, predict); one that writes them (assign, write, load, freeze) must be alone.
 */
#ifndef TAPEGRAD_VARIABLE_H
#define TAPEGRAD_VARIABLE_H

#include <tapegrad/tape.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tg_params   tg_params;
typedef struct tg_variable tg_variable;

typedef struct tg_params_options {
    tg_type type;      /* of storage; runs convert, assignments round */
} tg_params_options;

/* seed determines the initial values, together with each variable's name. NULL on failure. */
TG_API tg_params *tg_params_new(uint64_t seed, const tg_params_options *options);

/* Frees the variables too. Tapes and plans that use them must not run afterwards. */
TG_API void tg_params_free(tg_params *params);

/* New state, zero, with the groups, names and layout of the trainable variables of params: for moments, averages, accumulators.
 * Variables are called "name/...". The caller frees it; params may be freed earlier, and must not have grown in between. */
TG_API tg_params *tg_params_like(const tg_params *params, const char *name);

/* Copies the values of the trainable variables, or of all in params that hold state alone, between params of equal type and layout (one made like
 * the other, or both alike). TG_SHAPE_MISMATCH otherwise. State beside trainable variables, such as a scaler, is not copied. */
TG_API TG_MUST_CHECK tg_status tg_params_copy(tg_params *to, const tg_params *from);

/* ---- variables ---- */

/* How a new variable [rows, cols] is filled; s is options.scale. For a weight [in, out], fan_in is rows and fan_out is cols. */
typedef enum tg_init {
    TG_DEFAULT_INIT = 0, /* zeros, or what the layer says */
    TG_ZEROS,
    TG_CONSTANT,         /* s */
    TG_UNIFORM,          /* U(-s, s) */
    TG_NORMAL,           /* N(0, s^2) */
    TG_GLOROT,           /* U(-a, a), a = s sqrt(6 / (fan_in + fan_out))    Glorot and Bengio 2010, eq. 16 */
    TG_GLOROT_NORMAL,    /* N(0, s^2 2 / (fan_in + fan_out))                the same, eq. 12 */
    TG_HE,               /* N(0, s^2 2 / fan_in)                            He et al. 2015, eq. 10 */
    TG_HE_UNIFORM,       /* U(-a, a), a = s sqrt(6 / fan_in)                the same variance */
    TG_FAN_IN_UNIFORM    /* U(-a, a), a = s / sqrt(fan_in)                  LeCun et al. 1998, sec. 4.6; PyTorch's default for linear layers */
} tg_init;

/* How a variable [rows, cols] lies in files. */
typedef enum tg_file_layout {
    TG_FILE_TRANSPOSED = 0,    /* [cols, rows]: PyTorch's layout of weights */
    TG_FILE_AS_IS,             /* [rows, cols] */
    TG_FILE_VECTOR             /* [rows * cols] */
} tg_file_layout;

typedef struct tg_variable_options {
    tg_init     init;
    double      scale;          /* 0: 1 */
    const char *group;          /* NULL: "default" */
    bool        state;          /* not trainable: running statistics, step counts. A group holds either kind, not both; without .group, each
                                 * state variable is a group of its own, under its own name */
    tg_file_layout file;        /* layers file biases, and scalers their statistics, as vectors */
} tg_variable_options;

/* Adds a variable to params, which owns it. Names are unique within params. Sizes must be positive. NULL on failure.
 * The first use of a group in a step, which an update by an optimizer is too, closes it: afterwards NULL, TG_BAD_ARGUMENT. */
TG_API tg_variable *tg_variable_new(tg_params *params, const char *name, int64_t rows, int64_t cols, const tg_variable_options *options);

/* Variables in the order of their creation, and by name (NULL: there is none, not an error). */
TG_API int          tg_variable_count(const tg_params *params);
TG_API tg_variable *tg_variable_at(const tg_params *params, int index);
TG_API tg_variable *tg_variable_find(const tg_params *params, const char *name);

/* Groups of trainable variables in the order of their creation; every list of "one per group" has this order. NULL after the last. */
TG_API int         tg_group_count(const tg_params *params);
TG_API const char *tg_group_at(const tg_params *params, int index);

TG_API const char *tg_variable_name(const tg_variable *variable);
TG_API const char *tg_variable_scope(const tg_variable *variable);      /* its name without the last part: "net/fc1" of "net/fc1/weight" */
TG_API const char *tg_variable_group(const tg_variable *variable);
TG_API tg_shape    tg_variable_shape(const tg_variable *variable);
TG_API bool        tg_variable_is_state(const tg_variable *variable);
TG_API tg_type     tg_variable_type(const tg_variable *variable);
TG_API tg_file_layout tg_variable_file_layout(const tg_variable *variable);
TG_API tg_type     tg_params_type(const tg_params *params);

/* Copy the value out and in, rows * cols elements, row-major. Between steps only: a step that has used the variable becomes TG_STALE. */
TG_API TG_MUST_CHECK tg_status tg_variable_read(const tg_variable *variable, float *out);
TG_API TG_MUST_CHECK tg_status tg_variable_read_f64(const tg_variable *variable, double *out);
TG_API TG_MUST_CHECK tg_status tg_variable_write(tg_variable *variable, const float *values);
TG_API TG_MUST_CHECK tg_status tg_variable_write_f64(tg_variable *variable, const double *values);

/* Between steps only. A frozen variable keeps its value: assignments to its block leave it out, and the loss need not reach it. tg_grad still
 * differentiates by it. */
TG_API tg_status tg_freeze(tg_variable *variable, bool frozen);
TG_API bool      tg_is_frozen(const tg_variable *variable);

/* ---- in a step ---- */

/* The variable as a tensor [rows, cols]: one node a step however often it is called, a view of its block. After an executing call has written the
 * variable, the old tensor is TG_STALE for further runs and tg_use returns a new one. */
TG_API tg_tensor tg_use(tg_tape *tape, tg_variable *variable);

/* The block of a group as a tensor [1, n]. group NULL: the only trainable group; in params that hold state alone, the only group. */
TG_API tg_tensor tg_use_block(tg_tape *tape, tg_params *params, const char *group);

/* Records that target, which tg_use or tg_use_block returned, is to become value (of the same shape). Returns a tensor with the value and
 * the derivative of value; the write happens at the end of the executing call that runs this tensor or something made of it. Until then every reader
 * sees the old value. Two writes of one element in one executing call: TG_WRITTEN_TWICE. The zeros between the variables of a block are not written;
 * what the returned tensor holds there when it is read is not defined. */
TG_API tg_tensor tg_assign(tg_tensor target, tg_tensor value);

#ifdef __cplusplus
}
#endif
#endif
