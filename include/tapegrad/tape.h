/* tape.h - record a step, run it, read it.
 *
 * A tape is the list of nodes in the order in which they were recorded. Nothing is computed before an executing call (tg_run and what is made of
 * it): it compiles what it needs into a plan, or takes the plan that an equal step has had, and runs it. Its arguments, and what is kept, can then
 * be read. A tape is used by one thread at a time; different tapes by different threads.
 *
 * Errors are sticky. The first call that fails puts a status and a sentence on the tape and returns a tensor that later calls pass on; the
 * executing call returns that status, tg_tape_error the sentence, tg_begin clears both. So lines that record need no checks.
 */
#ifndef TAPEGRAD_TAPE_H
#define TAPEGRAD_TAPE_H

#include <tapegrad/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tg_tape tg_tape;

/* A node of a tape, by value; nothing to free. It is valid until the tg_begin that ends its step. */
typedef struct tg_tensor {
    tg_tape *tape;
    uint32_t id;      /* index of the node; 0: the op that should have made it failed */
    uint32_t step;
} tg_tensor;

/* "This operand is not given", and nothing else. */
#ifdef __cplusplus
#define TG_NONE (tg_tensor())
#else
#define TG_NONE ((tg_tensor){ NULL, 0, 0 })
#endif

/* Every tensor is a matrix; rows are examples, a scalar is 1 x 1. Sizes may be zero. */
typedef struct tg_shape {
    int64_t rows, cols;
    bool    integer;      /* labels and indices; has no derivative */
} tg_shape;

/* Element type of storage and of runs. The default is TG_F32 where a comment says nothing else. */
typedef enum tg_type { TG_DEFAULT_TYPE = 0, TG_F32 = 1, TG_F64 = 2 } tg_type;

/* ---- the tape ---- */

typedef struct tg_tape_options {
    tg_type  type;              /* what its runs compute in */
    bool     keep_denormals;    /* f32 runs flush denormals to zero unless set */
    uint64_t seed;              /* of random ops; 0 is an ordinary seed */
    bool     eager;             /* compute each node when it is recorded, and hold every value: for looking at a step, and as a reference. Also by
                                 * TAPEGRAD_EAGER=1 in the environment */
    const char *passes;         /* see tg_set_passes; NULL: what TAPEGRAD_PASSES in the environment says, else all */
} tg_tape_options;

/* Returns NULL on failure (tg_last_error). The tape owns its nodes and values. */
TG_API tg_tape *tg_tape_new(const tg_tape_options *options);
TG_API void     tg_tape_free(tg_tape *tape);

typedef struct tg_begin_options {
    bool training;      /* read while recording by ops such as dropout */
} tg_begin_options;

/* Begins a step: rewinds the tape in constant time, ends all its tensors, clears its error, and advances the step number if an executing
 * call of the last step succeeded. Memory of the last step is used again. */
TG_API tg_status tg_begin(tg_tape *tape, const tg_begin_options *options);

/* Whether this step began as one of training: for layers of your own. */
TG_API bool tg_is_training(const tg_tape *tape);

/* The first failure of this step: TG_OK if none; and a sentence with node, op, scope and shapes, never NULL, "" if none.
 * The sentence is valid until the next tg_begin. */
TG_API tg_status   tg_tape_status(const tg_tape *tape);
TG_API const char *tg_tape_error(const tg_tape *tape);

/* For layers and other functions made of ops: fails the step as an op does whose operands do not fit, with a sentence made as by printf, to which the
 * scope is added. The first failure of a step is the one that is kept; with tape NULL it is one for tg_last_error. Returns a failed tensor. */
TG_API tg_tensor tg_tape_fail(tg_tape *tape, tg_status status, const char *format, ...) TG_FORMAT(3, 4);

/* The step number, which keys random draws together with the seed. After an executing call it is that of the step that has run; set it to one more
 * to resume the run on another tape with the same bits. */
TG_API uint64_t  tg_tape_step(const tg_tape *tape);
TG_API tg_status tg_tape_set_step(tg_tape *tape, uint64_t step);

/* ---- leaves ---- */

/* Your data [rows, cols], row-major, without copying: it must stay valid until the step has run. TG_OVERLAP if it lies in a variable's block or
 * the tape's memory (what tg_data points to). */
TG_API tg_tensor tg_input(tg_tape *tape, const float *data, int64_t rows, int64_t cols);
TG_API tg_tensor tg_input_f64(tg_tape *tape, const double *data, int64_t rows, int64_t cols);
TG_API tg_tensor tg_input_i32(tg_tape *tape, const int32_t *data, int64_t rows, int64_t cols);

/* Class labels [rows, 1], counted from 0: tg_input_i32 with one column. */
TG_API tg_tensor tg_labels(tg_tape *tape, const int32_t *labels, int64_t rows);

/* A number [1, 1] read from *value. For learning rates and the like: read no earlier than this call and no later than the executing call, so
 * *value must stay as it is in between. */
TG_API tg_tensor tg_scalar_input(tg_tape *tape, const double *value);

/* A number [1, 1] that is part of the program. */
TG_API tg_tensor tg_constant(tg_tape *tape, double value);

/* ---- names and shapes ---- */

/* Nodes recorded between push and pop carry the scope "outer/inner" in sentences and pictures. tg_begin pops all. */
TG_API void tg_push_scope(tg_tape *tape, const char *name);
TG_API void tg_pop_scope(tg_tape *tape);

/* Names a node within the current scope and returns it. A name given again in a step becomes "name#2", "name#3", ... */
TG_API tg_tensor tg_name(tg_tensor tensor, const char *name);

/* The node of that full name in this step, such as "net/fc1/pre_activation"; TG_UNKNOWN_NAME (on the tape) if there is none. */
TG_API tg_tensor tg_find(tg_tape *tape, const char *full_name);

/* Shape of a tensor; {0, 0} for one that failed. */
TG_API tg_shape tg_shape_of(tg_tensor tensor);
TG_API int64_t  tg_rows(tg_tensor tensor);
TG_API int64_t  tg_cols(tg_tensor tensor);

/* ---- run ---- */

/* Executing calls. They compute what the given tensors, and those kept, depend on; then, all at once, make the assignments found among them.
 * A call that fails assigns nothing. Returns the first failure of the step, recording included. A step may run several times. */
TG_API TG_MUST_CHECK tg_status tg_run(tg_tensor tensor);
TG_API TG_MUST_CHECK tg_status tg_run_many(const tg_tensor tensors[], int count);

/* Lets tensor be read after the next executing call, which will compute it. Returns tensor. */
TG_API tg_tensor tg_keep(tg_tensor tensor);

/* The executing call that computes tensor fails with TG_NOT_FINITE, and writes no variable, if an element is infinite or NaN. Returns tensor. */
TG_API tg_tensor tg_require_finite(tg_tensor tensor);

/* ---- read: arguments of the last executing call and tensors kept for it; others are TG_NOT_KEPT. Reading never runs anything ---- */

/* The value of a 1 x 1 tensor, readable until tg_begin. NaN on failure, with the status on the tape. */
TG_API double tg_item(tg_tensor tensor);

/* Copies rows * cols elements, row-major, converted to the type of out. Readable until the next executing call or tg_begin. */
TG_API TG_MUST_CHECK tg_status tg_read(tg_tensor tensor, float *out);
TG_API TG_MUST_CHECK tg_status tg_read_f64(tg_tensor tensor, double *out);
TG_API TG_MUST_CHECK tg_status tg_read_i32(tg_tensor tensor, int32_t *out);      /* integer tensors only */

/* The value in place, row-major, until the next executing call or tg_begin. NULL on failure, and if the run computed in the other type. */
TG_API const float  *tg_data(tg_tensor tensor);
TG_API const double *tg_data_f64(tg_tensor tensor);

/* ---- walk ---- */

struct tg_op;

/* One node as recorded. Pointers are valid until something is recorded on the tape. */
typedef struct tg_node {
    const struct tg_op *op;              /* leaves have ops too: "input", "variable", "constant", ... */
    const uint32_t     *inputs;          /* [input_count] indices of the operands; 0: not given */
    int                 input_count;
    const void         *attributes;      /* op->attribute_size bytes */
    tg_shape            shape;
    const char         *scope;           /* "net/fc1"; "" at the top */
    const char         *name;            /* full name; "" if it has none */
    uint32_t            origin;          /* recorded by a derivative rule: the forward node; 0 otherwise */
    int                 origin_argument; /* and which of its arguments the node belongs to; -1 if none */
} tg_node;

/* Nodes are numbered 1 to tg_node_count, operands before users. TG_OUT_OF_RANGE for another index. */
TG_API uint32_t  tg_node_count(const tg_tape *tape);
TG_API tg_status tg_node_at(const tg_tape *tape, uint32_t index, tg_node *node);
TG_API tg_tensor tg_tensor_at(tg_tape *tape, uint32_t index);

/* For drawing: copies the value of a node that memory still holds, rows * cols elements: on an eager tape of any node, else of what can be read. It
 * never runs; TG_NOT_KEPT if the value is gone. */
TG_API TG_MUST_CHECK tg_status tg_held(tg_tensor tensor, double *out);

/* For drawing: computes the tensors beside the step and copies them, tensors[i] to out[i], which has rows * cols elements. No variable is written,
 * no mark used up, no reading ended, and a failure is not put on the tape. TG_STALE after an update of what they need: look before it. An eager
 * tape copies what it holds, as it was. */
TG_API TG_MUST_CHECK tg_status tg_look(const tg_tensor tensors[], int count, double *const out[]);

#ifdef __cplusplus
}
#endif
#endif
