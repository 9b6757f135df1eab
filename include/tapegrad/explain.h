/* explain.h - a recorded step, printed. */
#ifndef TAPEGRAD_EXPLAIN_H
#define TAPEGRAD_EXPLAIN_H

#include <stdio.h>
#include <tapegrad/grad.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tg_format {
    TG_TEXT         /* one line a node: v7 = relu(v6)  [32,128]  net/fc1 */
} tg_format;

typedef struct tg_explain_options {
    bool no_values;      /* symbols only */
    bool passes;         /* then, how loss, its gradients and the assignments of the step are compiled: see tg_print_plan */
} tg_explain_options;

/* Prints to out what loss is made of, and the backward sections recorded for it, in the order of the tape. Values are those that the step holds.
 * TG_CANNOT_WRITE if out does not take it. options may be NULL. */
TG_API TG_MUST_CHECK tg_status tg_explain(tg_tensor loss, tg_format format, FILE *out, const tg_explain_options *options);

#ifdef __cplusplus
}
#endif
#endif
