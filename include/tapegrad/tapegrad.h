/* tapegrad.h - everything. Read in this order:
 *
 *     status.h     errors, options, hooks
 *     tape.h       record, run, read
 *     variable.h   parameters
 *     ops.h        what can be recorded
 *     losses.h     what is minimized
 *     matrix_ops.h and more of it, on whole matrices
 *     grad.h       derivatives
 *     plan.h       what is done with a step
 *     data.h       data sets
 *     nn.h         layers, optimizers, fit
 *     train.h      schedules, averages, anomalies
 *     solve.h      minimizers over plans
 *     io.h         files
 *     explain.h    a step, printed
 *     formula.h    formulas as they are written
 *     op.h         ops of your own
 *     check.h      whether derivatives, and ops, are right
 */
#ifndef TAPEGRAD_TAPEGRAD_H
#define TAPEGRAD_TAPEGRAD_H

#include <tapegrad/status.h>
#include <tapegrad/tape.h>
#include <tapegrad/variable.h>
#include <tapegrad/op.h>
#include <tapegrad/ops.h>
#include <tapegrad/losses.h>
#include <tapegrad/matrix_ops.h>
#include <tapegrad/grad.h>
#include <tapegrad/plan.h>
#include <tapegrad/explain.h>
#include <tapegrad/formula.h>
#include <tapegrad/check.h>
#include <tapegrad/data.h>
#include <tapegrad/nn.h>
#include <tapegrad/train.h>
#include <tapegrad/solve.h>
#include <tapegrad/io.h>

#endif
