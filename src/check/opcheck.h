/* opcheck.h - what the files of the conformance suite share: the record of its checks, and an op with operands to try it with. */
#ifndef TAPEGRAD_CHECK_OPCHECK_H
#define TAPEGRAD_CHECK_OPCHECK_H

#include <math.h>
#include <stdio.h>
#include <tapegrad/op.h>

/* Every check, with the words that the report calls it by. */
#define TG_OPCHECKS(X)                                                                                          \
    X(TEXTS, "texts")                          /* formulas name operands that there are */                      \
    X(EXAMPLES, "examples")                    /* there are some, and the shape rule takes them */              \
    X(SHAPE, "shape")                          /* the shape is that of the op's kind */                         \
    X(SAME_BITS, "same bits")                  /* of two runs */                                                \
    X(READS, "reads")                          /* nothing beside the operands */                                \
    X(WRITES, "writes")                        /* nothing beside the output */                                  \
    X(COMPLETE, "complete")                    /* every element is written */                                   \
    X(IN_PLACE, "in place")                    /* the output may be the memory of an operand */                 \
    X(ROWS, "rows")                            /* may be cut anywhere, and none looks at another */             \
    X(ELEMENTS, "elements")                    /* of an elementwise op: none looks at another */                \
    X(SUMS, "sums")                            /* of panels add up */                                           \
    X(PARTS, "parts")                          /* of a sum that is continued give the bits of one call */       \
    X(UPDATE, "update")                        /* a product adds as a sum does */                               \
    X(FLOAT, "f32")                            /* agrees with f64 */                                            \
    X(EXPAND, "expand")                        /* agrees with the kernel */                                     \
    X(PASSES, "passes")                        /* change nothing */                                             \
    X(FIRST, "first derivative")                                                                                \
    X(SECOND, "second derivative")                                                                              \
    X(THIRD, "third derivative")                                                                                \
    X(KINKS, "kinks")                          /* are few */                                                    \
    X(FORWARD, "forward mode")                 /* <w, J v> = <J'w, v> */                                        \
    X(LINEAR, "linear rule")                   /* in the cotangent */                                           \
    X(NOT_ZERO, "zero derivative")             /* only of ops that are flagged so */

#define TG_OPCHECK_NUMBER(name, words) TG_OPCHECK_##name,
typedef enum tg_opcheck_kind { TG_OPCHECKS(TG_OPCHECK_NUMBER) TG_OPCHECK_COUNT } tg_opcheck_kind;

/* An op with an example of its operands, and values for them. */
typedef struct tg_trial {
    const tg_op  *op;
    tg_op_example example;
    tg_shape      output;
    bool          repeat;                                /* the first operand again as the others, which have its shape */
    double       *values[TG_EXAMPLE_OPERANDS];           /* numbers that both types have */
    int32_t      *integers[TG_EXAMPLE_OPERANDS];         /* of operands that hold integers */
} tg_trial;

/* The record of one op's checks. */
typedef struct tg_opcheck {
    const tg_op *op;
    FILE        *report;
    int64_t      checks, failures;
    int64_t      failed[TG_OPCHECK_COUNT];
    tg_status    trouble;                                /* such as of memory: nothing more can be said about the op */
    uint64_t     state;                                  /* of the draws */
    const tg_trial *trial;                               /* at hand, for the report; NULL: none */
    bool         is_wild;                                /* its kernels touch memory that is not theirs, or draw lots: nothing else runs them */
    bool         has_slope, was_differentiated;          /* a derivative that is not zero; any */
    int64_t      samples, kinks;
    char         first[400];                             /* failure, as a sentence */
} tg_opcheck;

/* Counts a check. If it does not hold, reports it with the trial at hand and the words made as by printf. Returns holds. */
bool tg_expect(tg_opcheck *c, tg_opcheck_kind kind, bool holds, const char *format, ...) TG_FORMAT(4, 5);

/* The same for what a call returned; sentence says why. No memory is no failure of the op. */
bool tg_expect_ok(tg_opcheck *c, tg_opcheck_kind kind, tg_status status, const char *what, const char *sentence);

/* Whether to go on. */
static inline bool tg_goes_on(const tg_opcheck *c) { return c->trouble == TG_OK && !c->is_wild; }

/* A number from lo to hi that a float has, the same in every run. */
double tg_draw(tg_opcheck *c, double lo, double hi);

/* Whether its derivative is recorded at all: by a rule, by that of what it expands to, or by the walk. */
static inline bool tg_has_rule(const tg_op *op) {
    return (op->vjp != NULL || op->expand != NULL || (op->flags & TG_OP_VIEW)) && !(op->flags & (TG_OP_STOP | TG_OP_ASSIGN));
}

/* ---- op_trial.c ---- */

static inline int64_t tg_count_of(tg_shape shape) { return shape.rows * shape.cols; }

/* Example number index; false: there is none. */
bool tg_find_example(const tg_op *op, int index, int64_t rows, int64_t cols, tg_op_example *example);

/* Draws operands for the trial's op and example and asks the shape rule; false: it cannot be tried, which has been counted if it is a failure.
 * Release it in any case. */
bool tg_prepare_trial(tg_opcheck *c, tg_trial *trial);
void tg_release_trial(tg_trial *trial);

/* Its operands as inputs of a step, [TG_EXAMPLE_OPERANDS], and op (the trial's, or a variant of it) applied to them. */
void      tg_record_operands(const tg_trial *trial, tg_tape *tape, tg_tensor operands[]);
tg_tensor tg_record_trial(const tg_trial *trial, const tg_op *op, tg_tape *tape);

/* The operands by which it is differentiated: numbers that may move. Returns how many; which[i] is the operand. */
int tg_moving_operands(const tg_trial *trial, int which[TG_EXAMPLE_OPERANDS]);

/* "mul([3,4], [1,4])" */
enum { TG_TRIAL_TEXT = 300 };
const char *tg_trial_text(const tg_trial *trial, char text[TG_TRIAL_TEXT]);

/* Bit by bit: NaN is any NaN. */
static inline bool tg_is_same(double a, double b) { return (isnan(a) && isnan(b)) || (a == b && signbit(a) == signbit(b)); }

/* ---- the checks ---- */

void tg_check_texts(tg_opcheck *c);                                  /* op_texts.c */
void tg_check_shape(tg_opcheck *c, const tg_trial *trial);           /* op_texts.c */
void tg_check_memory(tg_opcheck *c, const tg_trial *trial);          /* op_memory.c: one call of a kernel and the memory around it */
void tg_check_cuts(tg_opcheck *c, const tg_trial *trial);            /* op_cuts.c: calls for some of the rows */
void tg_check_values(tg_opcheck *c, tg_trial *trial);                /* op_values.c: f32, expand */
void tg_check_passes(tg_opcheck *c, const tg_trial *trial);          /* op_passes.c */
void tg_check_derivatives(tg_opcheck *c, tg_trial *trial);           /* op_derivatives.c: differences */
void tg_check_rule(tg_opcheck *c, const tg_trial *trial);            /* op_rule.c: forward mode, linearity */

#endif
