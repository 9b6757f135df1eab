/* tapegrad.h - everything. Read in this order:
 *
 *     status.h     errors, options, hooks
 *     tape.h       record, run, read
 *     variable.h   parameters
 *     ops.h        what can be recorded
 *     grad.h       derivatives
 *     plan.h       what is done with a step
 *     data.h       data sets
 *     nn.h         layers, optimizers, fit
 *     solve.h      minimizers over plans
 *     io.h         files
 *     explain.h    a step, printed
 *     op.h         ops of your own
 *     check.h      whether derivatives are right
 */
#ifndef TAPEGRAD_TAPEGRAD_H
#define TAPEGRAD_TAPEGRAD_H

#include <tapegrad/status.h>
#include <tapegrad/tape.h>
#include <tapegrad/variable.h>
#include <tapegrad/op.h>
#include <tapegrad/ops.h>
#include <tapegrad/grad.h>
#include <tapegrad/plan.h>
#include <tapegrad/explain.h>
#include <tapegrad/check.h>
#include <tapegrad/data.h>
#include <tapegrad/nn.h>
#include <tapegrad/solve.h>
#include <tapegrad/io.h>

#endif
