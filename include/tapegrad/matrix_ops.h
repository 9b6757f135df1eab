/* matrix_ops.h - more built-in ops on matrices: extremes, products and spread; parts, joins and selections of rows; normalisation.
 *
 * What ops.h says of all ops holds here too: any order of derivative unless a comment says otherwise, shapes checked when recorded, sizes of zero
 * allowed. Written for [rows, cols] = [r, c]. A function without suffix reduces all elements to [1, 1], one in _rows adds up, or looks through, the
 * rows and has [1, c], one in _cols the columns and has [r, 1]: PyTorch's dim 0 and dim 1 with keepdim.
 */
#ifndef TAPEGRAD_MATRIX_OPS_H
#define TAPEGRAD_MATRIX_OPS_H

#include <tapegrad/op.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- extremes ---- */

/* max x and min x, as torch.amax and torch.amin. Derivative: g shared equally by all elements that equal the value, 0 for the others; also where one
 * tensor stands in x several times. A NaN among the elements is the value, and has the derivative. Of no elements there is no largest:
 * TG_SHAPE_MISMATCH. */
TG_API tg_tensor tg_max(tg_tensor x);
TG_API tg_tensor tg_max_rows(tg_tensor x);
TG_API tg_tensor tg_max_cols(tg_tensor x);
TG_API tg_tensor tg_min(tg_tensor x);
TG_API tg_tensor tg_min_rows(tg_tensor x);
TG_API tg_tensor tg_min_cols(tg_tensor x);

/* The column in which each row is largest or smallest, counted from 0: integer [r, 1], to be used as labels or with tg_gather_rows. The first one of
 * several; the first NaN, if there is one. Without columns: TG_SHAPE_MISMATCH. Derivative zero. */
TG_API tg_tensor tg_argmax(tg_tensor x);
TG_API tg_tensor tg_argmin(tg_tensor x);

/* 1 where x equals y or both are NaN, else 0; derivative zero. x and y broadcast. */
TG_API tg_tensor tg_same(tg_tensor x, tg_tensor y);

/* ---- products, spread, length ---- */

/* The product of the elements; over nothing 1. Derivative: g times the product of the other elements, in which nothing is divided, so that zeros are
 * no exception. Multiplied as a tree. */
TG_API tg_tensor tg_prod(tg_tensor x);
TG_API tg_tensor tg_prod_rows(tg_tensor x);
TG_API tg_tensor tg_prod_cols(tg_tensor x);

/* sum (x - mean x)^2 / max(0, n - correction) of n elements: correction 1 is the unbiased estimate and PyTorch's default, 0 the biased one.
 * Derivative 2 (x - mean x) / max(0, n - correction). NaN where n equals correction, and over nothing. correction must be finite: TG_BAD_ARGUMENT. */
TG_API tg_tensor tg_var(tg_tensor x, double correction);
TG_API tg_tensor tg_var_rows(tg_tensor x, double correction);
TG_API tg_tensor tg_var_cols(tg_tensor x, double correction);

/* sqrt(sum x^2), the Euclidean norm, without overflow or underflow on the way; over nothing 0. Derivative x / norm, and 0 where the norm is 0, of any
 * order there. An infinite element makes it infinite, a NaN makes it NaN. */
TG_API tg_tensor tg_norm(tg_tensor x);
TG_API tg_tensor tg_norm_rows(tg_tensor x);
TG_API tg_tensor tg_norm_cols(tg_tensor x);

/* ---- parts and joins: derivatives go back to where the elements came from ---- */

/* The same elements, counted row by row, as [rows, cols]: a view. One of both may be -1, for what remains. Other numbers of elements:
 * TG_SHAPE_MISMATCH. */
TG_API tg_tensor tg_reshape(tg_tensor x, int64_t rows, int64_t cols);

/* Rows, or columns, begin to end - 1, as x[begin:end]; rows are a view. TG_BAD_ARGUMENT unless 0 <= begin <= end, TG_SHAPE_MISMATCH beyond x. */
TG_API tg_tensor tg_slice_rows(tg_tensor x, int64_t begin, int64_t end);
TG_API tg_tensor tg_slice_cols(tg_tensor x, int64_t begin, int64_t end);

/* x between columns of zeros, as many as left and right say: [r, left + c + right]. Negative: TG_BAD_ARGUMENT. */
TG_API tg_tensor tg_pad_cols(tg_tensor x, int64_t left, int64_t right);

/* The parts one below the other, all with the same columns, or side by side, all with the same rows: torch.cat in dim 0 and 1. */
TG_API tg_tensor tg_concat_rows(const tg_tensor parts[], int count);
TG_API tg_tensor tg_concat_cols(const tg_tensor parts[], int count);

/* x one below the other, or side by side, times over: [times r, c] and [r, times c], as x.repeat(times, 1) and x.repeat(1, times). Negative:
 * TG_BAD_ARGUMENT. */
TG_API tg_tensor tg_repeat_rows(tg_tensor x, int64_t times);
TG_API tg_tensor tg_repeat_cols(tg_tensor x, int64_t times);

/* The rows of table [n, d] that index [k, 1], integers, says: [k, d], as torch.index_select(table, 0, index) and embedding(index, table). An index
 * out of [0, n) makes the executing call TG_OUT_OF_RANGE. Derivative by the table: tg_scatter_rows of g. */
TG_API tg_tensor tg_gather_rows(tg_tensor table, tg_tensor index);

/* Its transpose: [rows, d] of zeros, to whose row index[i] row i of x [k, d] is added, i ascending, as zeros.index_add(0, index, x). An index out of
 * [0, rows) makes the executing call TG_OUT_OF_RANGE. */
TG_API tg_tensor tg_scatter_rows(tg_tensor x, tg_tensor index, int64_t rows);

/* The diagonal of a square matrix [n, n] as a row [1, n], and the matrix [n, n] with the row [1, n] as its diagonal and zeros beside it. */
TG_API tg_tensor tg_diagonal(tg_tensor x);
TG_API tg_tensor tg_diag_embed(tg_tensor x);

/* ---- products ---- */

/* x_i y_j: [n, m] of x with n elements and y with m, each a row or a column. */
TG_API tg_tensor tg_outer(tg_tensor x, tg_tensor y);

/* For each row y_k = sum_ab x_a W_ab,k z_b + bias_k: x [batch, in1], z [batch, in2], weight [in1 in2, out] with row a in2 + b, bias [1, out] or
 * TG_NONE -> [batch, out]. */
TG_API tg_tensor tg_bilinear(tg_tensor x, tg_tensor z, tg_tensor weight, tg_tensor bias);

/* ---- normalisation. weight and bias [1, c] or TG_NONE; epsilon (PyTorch's eps, there 1e-5) must be finite and not negative: TG_BAD_ARGUMENT ---- */

/* (x - mean) / sqrt(var + epsilon) weight + bias, mean and biased variance of each row (Ba, Kiros and Hinton 2016). [r, c] -> [r, c]. With
 * y = (x - mean) s, s = 1 / sqrt(var + epsilon), and g the cotangent of y, the derivative is s (g - mean(g) - y mean(g y)). A row of equal elements
 * has y = 0, and is NaN where epsilon is 0. */
TG_API tg_tensor tg_layer_norm(tg_tensor x, tg_tensor weight, tg_tensor bias, double epsilon);

/* x / sqrt(mean x^2 + epsilon) weight, the mean being that of each row (Zhang and Sennrich 2019). [r, c] -> [r, c]. With y = x s,
 * s = 1 / sqrt(mean x^2 + epsilon), the derivative is s (g - y mean(g y)). A row of zeros is NaN where epsilon is 0. */
TG_API tg_tensor tg_rms_norm(tg_tensor x, tg_tensor weight, double epsilon);

/* (x - mean) / sqrt(var + epsilon) weight + bias for each column (Ioffe and Szegedy 2015). [r, c] -> [r, c].
 * training: mean and biased variance are those of the batch. If running_mean and running_var [1, c] are given, which tg_use returned, the next
 * executing call makes them (1 - momentum) running + momentum new, where the new variance is the unbiased one; PyTorch's momentum is 0.1. A batch of
 * one row has no variance: TG_SHAPE_MISMATCH. Two of them in one executing call with the same running statistics: TG_WRITTEN_TWICE.
 * Otherwise mean and variance are running_mean and running_var, which must be given. */
TG_API tg_tensor tg_batch_norm(tg_tensor x, tg_tensor running_mean, tg_tensor running_var, tg_tensor weight, tg_tensor bias, bool training,
                               double momentum, double epsilon);

#ifdef __cplusplus
}
#endif
#endif
