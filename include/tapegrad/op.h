/* op.h - what an op is, and how to add one from your own file.
 *
 * Three doors, smallest first:
 *   a plain C function made of ops     needs nothing from here; all derivatives follow
 *   TG_MAP1                            an elementwise op from one line
 *   a const tg_op                      everything else: shape rule, kernels, derivative rule, attributes
 * A const tg_fusion beside them says which ops are faster together.
 * The built-in ops come through the third. An op may be used at once; registering makes it findable by name.
 */
#ifndef TAPEGRAD_OP_H
#define TAPEGRAD_OP_H

#include <math.h>
#include <tapegrad/tape.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tg_op tg_op;

/* ---- the parts of an op ---- */

/* Shape rule: checks [count] input shapes and writes the output's, which comes in as {0, 0, false}. On refusal it returns a status, mostly
 * TG_SHAPE_MISMATCH, and may point *why at a static sentence; op, shapes and scope are added by the engine. A count of rows or cols of an
 * operand not given is -1. */
typedef tg_status (*tg_shape_fn)(const tg_shape inputs[], int count, const void *attributes, tg_shape *output, const char **why);

/* The values of an integer operand must be in [0, limit); checked before the kernel runs, else TG_OUT_OF_RANGE. */
typedef int64_t (*tg_limit_fn)(const tg_shape inputs[], int count, const void *attributes);

/* An op applied: what expand and vjp rules are given. Valid during the call. */
typedef struct tg_application {
    tg_tape         *tape;
    const tg_op     *op;
    const tg_tensor *inputs;         /* [input_count]; TG_NONE: not given */
    int              input_count;
    tg_tensor        output;         /* TG_NONE in expand */
    const void      *attributes;
    const bool      *wanted;         /* [input_count] vjp only: whether anybody needs this cotangent */
} tg_application;

/* Meaning in other ops, of its operands and of constants: inputs and variables of its own are TG_UNSUPPORTED. */
typedef tg_tensor (*tg_expand_fn)(const tg_application *application);

/* Derivative rule: given the cotangent of the output, writes an expression for the cotangent of each wanted input. It may leave
 * others, and zero ones, alone. It never accumulates, never sums over broadcast dimensions and never sees a zero cotangent. */
typedef void (*tg_vjp_fn)(const tg_application *application, tg_tensor cotangent, tg_tensor cotangents[]);

/* An operand of a kernel: element (i, j) is data[i * row_stride + j * col_stride]. Strides count elements; the stride of a broadcast dimension
 * is 0, and col_stride is otherwise 1. Integer operands are int32_t, all others of the kernel's type. data is NULL if the operand is not given. */
typedef struct tg_operand {
    const void *data;
    int64_t     rows, cols;
    int64_t     row_stride, col_stride;
    bool        integer;
} tg_operand;

/* One call of a kernel. Elementwise and rowwise kernels write the rows [row_begin, row_end) of output, and nothing else. A kernel that sums over
 * rows is called with operands cut to some of the rows and writes their sum to all of output; means divide by all_rows. */
typedef struct tg_call {
    void             *output;            /* [rows, cols], dense and row-major; may be the memory of an operand of the same shape if elementwise */
    int64_t           rows, cols;
    const tg_operand *inputs;            /* [input_count] */
    int               input_count;
    const void       *attributes;
    int64_t           row_begin, row_end;
    int64_t           first_element;     /* index of element (0, 0) of output in the whole value: random draws count from here */
    int64_t           all_rows;          /* rows of the whole batch, of which this call may see a part */
    int64_t           all_cols;          /* sums over rows: columns of the whole first operand, which a part may show as one row */
    uint64_t          seed, step;        /* random ops: of the tape ... */
    uint32_t          draw;              /* ... and the number of this op among the random ops of the step; see tg_random_bits */
    void             *state;             /* sums with TG_OP_CONTINUES, if not NULL: the operands are the next part of the rows, and this is room for
                                          * 64 doubles that is kept from part to part; output is complete after the last part. first_element is the
                                          * index of the part's first element in the whole operand */
    bool              first, last;       /* of the parts */
    const void       *factor, *added;    /* products: if added is not NULL, output = added + factor * product, where each element of the product is
                                          * finished first. factor is one element; added has the shape of output and may be its memory */
} tg_call;

/* Kernels are pure: no state, any thread, any number of times. */
typedef void (*tg_kernel_fn)(const tg_call *call);

/* 32 random bits for an element of the whole value: Philox4x32-10 (Salmon et al. 2011) with the key seed and the counter
 * (element / 4, draw, step). */
TG_API uint32_t tg_random_bits(const tg_call *call, int64_t element);

/* Attributes of an op with TG_OP_VIEW begin with this. */
typedef struct tg_view_attributes {
    int64_t offset, rows, cols;          /* rows * cols elements of the input, counted row by row from offset */
} tg_view_attributes;

/* All that a pass of the plan compiler may ask about an op. */
typedef enum tg_op_flags {
    TG_OP_ELEMENTWISE = 1 << 0,    /* output (i, j) needs inputs (i, j), broadcast */
    TG_OP_ROWWISE     = 1 << 1,    /* output row i needs input rows i */
    TG_OP_ROW_SUM     = 1 << 2,    /* output [1, cols] or [1, 1] is a sum over input rows, so that panels can be added */
    TG_OP_PRODUCT     = 1 << 3,    /* a matrix product that an update may join: see factor and added in tg_call */
    TG_OP_ACCUMULATES = 1 << 4,    /* output = inputs[2] + inputs[0] * inputs[1], inputs[0] being 1 x 1 (axpy) */
    TG_OP_COMMUTES    = 1 << 5,    /* the order of the two inputs does not matter, to the bit */
    TG_OP_RANDOM      = 1 << 6,    /* draws; the engine numbers its applications within a step */
    TG_OP_STOP        = 1 << 7,    /* has no derivative, silently: zero of any order */
    TG_OP_VIEW        = 1 << 8,    /* part of its input, in place */
    TG_OP_CONCAT      = 1 << 9,    /* its inputs, one after the other */
    TG_OP_BROADCAST   = 1 << 10,   /* repeats its input */
    TG_OP_ASSIGN      = 1 << 11,   /* writes a variable */
    TG_OP_CONTINUES   = 1 << 12,   /* a row sum that can be called part by part, with the bits of one call: see state in tg_call */
    TG_OP_APART       = 1 << 13    /* no two applications become one, however equal, nor does what is made of them */
} tg_op_flags;

/* Operands and attributes that fit an op, for checks to try it with. */
enum { TG_EXAMPLE_OPERANDS = 8 };

typedef struct tg_op_example {
    int      count;                           /* of operands */
    tg_shape shapes[TG_EXAMPLE_OPERANDS];
    double   lo[TG_EXAMPLE_OPERANDS];         /* operand k is drawn from lo[k] to hi[k]; where they are equal it is that number, and no */
    double   hi[TG_EXAMPLE_OPERANDS];         /* derivative by it is checked. Integers are drawn from [lo, hi), or below the op's limit */
    double   attributes[16];                  /* room for the bytes of the attributes */
    int      orders;                          /* of derivatives that it has, 1 to 3 */
} tg_op_example;

/* Example number index of an op, in a size that checks vary: zeros, odd ones, those around vector widths. *example comes in as the default, and the
 * op changes what does not fit: arity operands [rows, cols], drawn from the op's lo to its hi, attributes of zeros, three orders. False: there is no
 * example of this number. */
typedef bool (*tg_example_fn)(int index, int64_t rows, int64_t cols, tg_op_example *example);

/* Formulas: %0, %1 are the inputs, %y the output. Text is plain ("ln(1 + exp(%0))"), TeX without dollar signs. */
struct tg_op {
    size_t       size;                  /* sizeof(tg_op): the struct may grow */
    const char  *name;                  /* a C identifier; publish with a prefix, such as acme_bent */
    int          arity;                 /* number of inputs; -1: any */
    size_t       attribute_size;        /* plain bytes without padding, numbers as double; compared bitwise from step to step */
    unsigned     flags;                 /* tg_op_flags */
    tg_shape_fn  shape;                 /* NULL: rows and cols each equal or 1, no integers */
    tg_expand_fn expand;                /* NULL: needs kernels */
    tg_expand_fn simplify;              /* its own algebra, asked when a plan is compiled, with output given: what equals it and is less work, of
                                         * the same shape; TG_NONE: nothing is. NULL: it has none */
    tg_limit_fn  limit;                 /* NULL: integer operands may have any value */
    tg_kernel_fn f32, f64;              /* NULL: expand; an elementwise or rowwise op without f32 runs f64 on converted values */
    tg_vjp_fn    vjp;                   /* NULL: expand is differentiated; if that is NULL too, TG_NO_DERIVATIVE, naming the op */
    const char  *text, *tex;            /* formula of the value; NULL: name(%0, %1) */
    const char *const *local;           /* [arity] formulas of the local derivatives as TeX; NULL: what vjp records for a cotangent of 1 is printed */
    double       lo, hi;                /* where checks draw inputs; both 0: -2 to 2, values in f32 up to 200 */
    const double *avoid;                /* [avoid_count] points without derivative: kinks */
    int          avoid_count;
    const void  *defaults;              /* attributes that tg_apply takes where it is given none, as for an activation by name; NULL: none */
    tg_example_fn example;              /* operands and attributes for checks; NULL: one shape for all operands and no attributes */
};

/* ---- use ---- */

/* Records one node. attributes (op->attribute_size bytes, may be NULL if 0) are copied, op must live as long as the process.
 * Returns a failed tensor, with the status on the tape, if an input failed or does not fit. */
TG_API tg_tensor tg_apply(tg_tape *tape, const tg_op *op, const tg_tensor inputs[], int count, const void *attributes);

/* Makes op findable by tg_op_find and as an activation. Any thread; for ever. TG_NAME_TAKEN for another op of that
 * name, TG_OK for the same op again, TG_BAD_ARGUMENT for a descriptor that contradicts itself. */
TG_API tg_status    tg_register(const tg_op *op);
TG_API const tg_op *tg_op_find(const char *name);      /* NULL: there is none, not an error */
TG_API int          tg_op_count(void);
TG_API const tg_op *tg_op_at(int index);               /* in the order of registration, built-in ops first */

/* ---- fusions: what a compiled step does in one kernel where several ops are recorded ---- */

/* Operands and results of a one-loop kernel over count elements. Element j of an output depends on elements j of the inputs alone: it is written when
 * they have been read. */
typedef struct tg_loop {
    void *const       *outputs;          /* one for each step, in the pattern's order; may be the memory of an input that is not scalar */
    const void *const *inputs;           /* one for each %k */
    const bool        *scalar;           /* one for each %k: the input is a single element */
    const void *const *attributes;       /* one for each op of the pattern, in the order written */
    int64_t            count;
} tg_loop;

typedef void (*tg_loop_fn)(const tg_loop *loop);

/* A row of the table that the plan compiler matches against. Patterns are written as calls: "mul(sub(softmax(%0), one_hot(%1)), %2)". An operand of
 * an op that commutes may stand on either side, and where several rows match, the one with the most ops is taken. Values inside a pattern must be
 * read inside it alone; otherwise it does not match.
 * Either op is given: the pattern becomes one node of it; its operands are %0, %1, ..., and its expand says the same in other ops. A pattern whose
 * shapes its shape rule refuses does not match.
 * Or loops are given: the pattern is a list of steps "m = lerp(%0, %1, %2); w = axpy(%3, m, %4)", each of which is a result and may be read by later
 * steps and by anything else. All ops are elementwise and have one shape, inputs have this shape or a single element, and where the ops are computed
 * one after the other, with no other one in between, they become one loop, which does the same operations, to the bit. */
typedef struct tg_fusion {
    size_t        size;                  /* sizeof(tg_fusion): the struct may grow */
    const char   *name;                  /* unique; a switch in tg_set_passes */
    const char   *pattern;               /* up to 24 ops with up to 4 operands each, and 16 inputs */
    const tg_op  *op;                    /* need not be registered; must live as long as the process */
    bool        (*attributes)(const void *const matched[], void *attributes);      /* those of op, which come in as zero, from those of the ops of the
                                          * pattern in the order written; false: no match after all. NULL: op has none */
    tg_loop_fn    f32, f64;              /* one NULL: no match in runs of that type */
} tg_fusion;

/* Any thread; for ever; plans compiled later use it. TG_NAME_TAKEN, TG_UNKNOWN_NAME (an op in the pattern), TG_BAD_ARGUMENT (syntax, and what
 * contradicts itself), TG_TOO_LARGE (the pattern, or a table of more than some fifty rows). */
TG_API tg_status tg_register_fusion(const tg_fusion *fusion);

/* ---- elementwise functions given as plain C: pure, and called once per element, in double ---- */

/* f(x), of the shape of x, with df = f'. df may be NULL: then a derivative is TG_NO_DERIVATIVE, naming the node; else the second one is. */
TG_API tg_tensor tg_map(tg_tensor x, double (*f)(double), double (*df)(double));

/* The same with ddf = f'': the third derivative is TG_NO_DERIVATIVE. None of the functions may be NULL. */
TG_API tg_tensor tg_map2(tg_tensor x, double (*f)(double), double (*df)(double), double (*ddf)(double));

/* Both with a context, passed on. It is borrowed, for as long as the step can run, and its contents may change between steps only. */
typedef double (*tg_map_fn)(double x, const void *context);
TG_API tg_tensor tg_map_context(tg_tensor x, tg_map_fn f, tg_map_fn df, const void *context);
TG_API tg_tensor tg_map2_context(tg_tensor x, tg_map_fn f, tg_map_fn df, tg_map_fn ddf, const void *context);

/* ---- kernels by rows ---- */

/* Row i of the k-th input and of the output, in the kernel's type. */
static inline const float *tg_row_f32(const tg_call *call, int k, int64_t i) {
    return (const float *)call->inputs[k].data + i * call->inputs[k].row_stride;
}

static inline const double *tg_row_f64(const tg_call *call, int k, int64_t i) {
    return (const double *)call->inputs[k].data + i * call->inputs[k].row_stride;
}

static inline float *tg_output_row_f32(const tg_call *call, int64_t i) {
    return (float *)call->output + i * call->cols;
}

static inline double *tg_output_row_f64(const tg_call *call, int64_t i) {
    return (double *)call->output + i * call->cols;
}

/* ---- TG_MAP1: an elementwise op of one input, in one line (C only) ----
 *
 *     TG_MAP1(acme_bent, (sqrt(x * x + 1) - 1) / 2 + x, tg_mul(g, acme_bent_slope(x)), .tex = "\\tfrac12(\\sqrt{%0^2+1}-1)+%0")
 *
 * defines the op acme_bent_op and the function tg_tensor acme_bent(tg_tensor x), both visible to other files.
 * expression is C in double x; rule is the cotangent of x in tensors x, y (the output) and g (the cotangent of y). After them any fields of tg_op
 * but name, arity, attribute_size, flags, f64, vjp; .f32 = kernel where speed matters. Write it at file scope, without a semicolon. */
#ifndef __cplusplus
#define TG_MAP1(name_, expression, ...) TG_MAP1_(name_, expression, __VA_ARGS__, .attribute_size = 0)
#define TG_MAP1_(name_, expression, rule, ...)                                                              \
    static void name_##_f64(const tg_call *call_) {                                                         \
        const tg_operand *input_ = &call_->inputs[0];                                                       \
        for (int64_t i_ = call_->row_begin; i_ < call_->row_end; i_++) {                                    \
            const double *from_ = tg_row_f64(call_, 0, i_);                                                 \
            double       *to_   = tg_output_row_f64(call_, i_);                                             \
            for (int64_t j_ = 0; j_ < call_->cols; j_++) {                                                  \
                const double x = from_[j_ * input_->col_stride];                                            \
                to_[j_] = (expression);                                                                     \
            }                                                                                               \
        }                                                                                                   \
    }                                                                                                       \
    static void name_##_vjp(const tg_application *application_, tg_tensor g, tg_tensor cotangents_[]) {     \
        const tg_tensor x = application_->inputs[0], y = application_->output;                              \
        (void)g, (void)x, (void)y;                                                                          \
        cotangents_[0] = (rule);                                                                            \
    }                                                                                                       \
    extern const tg_op name_##_op;                                                                          \
    const tg_op name_##_op = { .size = sizeof(tg_op), .name = #name_, .arity = 1, .flags = TG_OP_ELEMENTWISE, \
                               .f64 = name_##_f64, .vjp = name_##_vjp, __VA_ARGS__ };                       \
    tg_tensor name_(tg_tensor x);                                                                           \
    tg_tensor name_(tg_tensor x) { return tg_apply(x.tape, &name_##_op, &x, 1, NULL); }
#endif

#ifdef __cplusplus
}
#endif
#endif
