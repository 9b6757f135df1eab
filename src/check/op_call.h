/* op_call.h - calls of a kernel on operands and an output with guards around them. */
#ifndef TAPEGRAD_CHECK_OP_CALL_H
#define TAPEGRAD_CHECK_OP_CALL_H

#include "check/opcheck.h"

/* Two fills for memory that no kernel may read: NaNs, and numbers. */
enum { TG_FILL_NAN = 0xff, TG_FILL_NUMBER = 0x3c };

/* Memory with a guard before and behind. */
typedef struct tg_guarded {
    char  *memory;
    size_t bytes;                                /* between the guards */
} tg_guarded;

typedef struct tg_bench {
    const tg_trial *trial;
    bool            f64;
    tg_guarded      inputs[TG_EXAMPLE_OPERANDS], output;
    tg_operand      operands[TG_EXAMPLE_OPERANDS];
    int             alias;                       /* the operand whose memory the output is; -1: none */
    int             guard;                       /* the byte that guards are filled with */
} tg_bench;

/* The kernel of that type; NULL: there is none. */
static inline tg_kernel_fn tg_kernel_of(const tg_op *op, bool f64) { return f64 ? op->f64 : op->f32; }

bool tg_bench_new(tg_opcheck *c, tg_bench *bench, const tg_trial *trial, bool f64);
void tg_bench_free(tg_bench *bench);

/* Puts the operands' values, the guards, and what the output holds before a call in place, and makes the operands dense ones with the engine's
 * strides. alias: the operand whose memory the output is, or -1. */
void tg_bench_set(tg_bench *bench, int guard, int before, int alias);

/* A call for all rows. */
tg_call tg_bench_call(tg_bench *bench);
void    tg_bench_run(const tg_bench *bench, const tg_call *call);

/* Where the values of an operand, and of the output, lie. */
char *tg_bench_data(const tg_bench *bench, int operand);
char *tg_bench_output(const tg_bench *bench);
static inline size_t tg_bench_element(const tg_bench *bench) { return bench->f64 ? sizeof(double) : sizeof(float); }

static inline size_t tg_bench_output_element(const tg_bench *bench) {
    return bench->trial->output.integer ? sizeof(int32_t) : tg_bench_element(bench);
}

double tg_bench_at(const tg_bench *bench, const void *data, int64_t i);      /* of numbers */
double tg_bench_value(const tg_bench *bench, int64_t i);                     /* of the output, which may be integers */

/* Copies the output, [rows * cols] doubles. */
void tg_bench_copy(const tg_bench *bench, double *to);

/* The first element in which the output differs from expected; -1: none. */
int64_t tg_bench_compare(const tg_bench *bench, const double *expected);

/* What a call has changed beside its output; NULL: nothing. Static text. */
const char *tg_bench_damage(const tg_bench *bench);

#endif
