/* torch_calls.h - which call of tapegrad a name in torch.txt stands for. Numbers are in the order in which the scripts write them. */
#ifndef TAPEGRAD_TESTS_GOLDEN_TORCH_CALLS_H
#define TAPEGRAD_TESTS_GOLDEN_TORCH_CALLS_H

#include <tapegrad/tapegrad.h>

enum { OPERANDS = 6, NUMBERS = 8 };

typedef struct sample {
    tg_tape  *tape;
    tg_tensor in[OPERANDS];      /* TG_NONE: not given */
    int       count;
    double    numbers[NUMBERS];
    int       number_count;
} sample;

typedef struct row {
    const char *name;            /* in the fixture */
    const char *op;              /* the op that it is there for; NULL: the one of that name, if there is one */
    tg_tensor (*one)(tg_tensor x);
    tg_tensor (*two)(tg_tensor x, tg_tensor y);
    tg_tensor (*three)(tg_tensor x, tg_tensor y, tg_tensor z);
    tg_tensor (*number)(tg_tensor x, double c);
    tg_tensor (*numbers)(tg_tensor x, double a, double b);
    tg_tensor (*size)(tg_tensor x, int64_t n);
    tg_tensor (*sizes)(tg_tensor x, int64_t m, int64_t n);
    tg_tensor (*call)(const sample *s);
    double terms;                /* size of terms that cancel; 0: not known */
    double bound;                /* of derivatives, where PyTorch has fewer digits; 0: the usual one */
} row;

static int64_t whole(const sample *s, int k) { return (int64_t)s->numbers[k]; }

/* An option of which 0 means the default. */
static double option_of(const sample *s, int k) { return s->numbers[k] == 0 ? TG_ZERO : s->numbers[k]; }

/* ---- ops ---- */

static tg_tensor call_matmul(const sample *s) { return tg_matmul_transposed(s->in[0], s->numbers[0] != 0, s->in[1], s->numbers[1] != 0); }
static tg_tensor call_linear(const sample *s) { return tg_linear(s->in[0], s->in[1], s->in[2]); }
static tg_tensor call_bilinear(const sample *s) { return tg_bilinear(s->in[0], s->in[1], s->in[2], s->in[3]); }
static tg_tensor call_view(const sample *s) { return tg_view(s->in[0], whole(s, 0), whole(s, 1), whole(s, 2)); }
static tg_tensor call_concat(const sample *s) { return tg_concat(s->in, s->count); }
static tg_tensor call_concat_rows(const sample *s) { return tg_concat_rows(s->in, s->count); }
static tg_tensor call_concat_cols(const sample *s) { return tg_concat_cols(s->in, s->count); }
static tg_tensor call_scatter_rows(const sample *s) { return tg_scatter_rows(s->in[0], s->in[1], whole(s, 0)); }
static tg_tensor call_layer_norm(const sample *s) { return tg_layer_norm(s->in[0], s->in[1], s->in[2], s->numbers[0]); }
static tg_tensor call_rms_norm(const sample *s) { return tg_rms_norm(s->in[0], s->in[1], s->numbers[0]); }
static tg_tensor call_batch_norm(const sample *s) {
    return tg_batch_norm(s->in[0], s->in[1], s->in[2], s->in[3], s->in[4], s->numbers[0] != 0, s->numbers[1], s->numbers[2]);
}

/* ---- losses: the first number is the reduction ---- */

static tg_reduction reduction_of(const sample *s) { return (tg_reduction)(int)s->numbers[0]; }

#define ELEMENT_LOSS(name) \
    static tg_tensor call_##name(const sample *s) { \
        return tg_##name##_with(s->in[0], s->in[1], &(tg_loss_options){ .weight = s->in[2], .reduction = reduction_of(s) }); \
    }
ELEMENT_LOSS(mse_loss)
ELEMENT_LOSS(l1_loss)
ELEMENT_LOSS(hinge_loss)
ELEMENT_LOSS(squared_hinge_loss)

static tg_tensor call_huber_loss(const sample *s) {
    const tg_huber_loss_options options = { .delta = s->numbers[1], .weight = s->in[2], .reduction = reduction_of(s) };
    return tg_huber_loss_with(s->in[0], s->in[1], &options);
}
static tg_tensor call_smooth_l1_loss(const sample *s) {
    const tg_smooth_l1_loss_options options = { .beta = option_of(s, 1), .weight = s->in[2], .reduction = reduction_of(s) };
    return tg_smooth_l1_loss_with(s->in[0], s->in[1], &options);
}
static tg_tensor call_kl_div(const sample *s) {
    const tg_kl_div_options options = { .log_target = s->numbers[1] != 0, .weight = s->in[2], .reduction = reduction_of(s) };
    return tg_kl_div_with(s->in[0], s->in[1], &options);
}
static tg_tensor call_poisson_nll_loss(const sample *s) {
    const tg_poisson_nll_loss_options options = { .rate = s->numbers[1] != 0, .full = s->numbers[2] != 0, .eps = s->numbers[3],
                                                  .weight = s->in[2], .reduction = reduction_of(s) };
    return tg_poisson_nll_loss_with(s->in[0], s->in[1], &options);
}
static tg_tensor call_gaussian_nll_loss(const sample *s) {
    const tg_gaussian_nll_loss_options options = { .full = s->numbers[1] != 0, .eps = s->numbers[2], .weight = s->in[3],
                                                   .reduction = reduction_of(s) };
    return tg_gaussian_nll_loss(s->in[0], s->in[1], s->in[2], &options);
}
static tg_tensor call_binary_cross_entropy(const sample *s) {
    const tg_binary_cross_entropy_options options = { .weight = s->in[2], .pos_weight = s->in[3], .reduction = reduction_of(s) };
    return tg_binary_cross_entropy_with_logits_with(s->in[0], s->in[1], &options);
}
/* Without options it is an op of its own. */
static tg_tensor call_cross_entropy(const sample *s) {
    const bool weights = s->in[2].tape != NULL || s->in[3].tape != NULL;
    if (!weights && reduction_of(s) == TG_REDUCE_MEAN && s->numbers[1] == 0 && s->numbers[2] == 0) return tg_cross_entropy(s->in[0], s->in[1]);
    const tg_cross_entropy_options options = { .weight = s->in[2], .sample_weight = s->in[3], .label_smoothing = s->numbers[1],
                                               .ignore = s->numbers[2] != 0, .ignore_index = (int32_t)s->numbers[3], .reduction = reduction_of(s) };
    return tg_cross_entropy_with(s->in[0], s->in[1], &options);
}
static tg_tensor call_nll_loss(const sample *s) {
    const tg_nll_loss_options options = { .weight = s->in[2], .sample_weight = s->in[3], .ignore = s->numbers[1] != 0,
                                          .ignore_index = (int32_t)s->numbers[2], .reduction = reduction_of(s) };
    return tg_nll_loss_with(s->in[0], s->in[1], &options);
}
static tg_tensor call_cosine_similarity(const sample *s) { return tg_cosine_similarity(s->in[0], s->in[1], s->numbers[0]); }
static tg_tensor call_cosine_embedding_loss(const sample *s) {
    const tg_cosine_embedding_loss_options options = { .margin = s->numbers[1], .reduction = reduction_of(s) };
    return tg_cosine_embedding_loss(s->in[0], s->in[1], s->in[2], &options);
}
static tg_tensor call_triplet_margin_loss(const sample *s) {
    const tg_triplet_margin_loss_options options = { .margin = option_of(s, 1), .eps = option_of(s, 2), .swap = s->numbers[3] != 0,
                                                     .reduction = reduction_of(s) };
    return tg_triplet_margin_loss(s->in[0], s->in[1], s->in[2], &options);
}

/* ---- the table ---- */

#define ONE(name_) { .name = #name_, .one = tg_##name_ }
#define TWO(name_) { .name = #name_, .two = tg_##name_ }
#define THREE(name_) { .name = #name_, .three = tg_##name_ }
#define NUMBER(name_) { .name = #name_, .number = tg_##name_ }
#define SIZE(name_) { .name = #name_, .size = tg_##name_ }
#define SIZES(name_) { .name = #name_, .sizes = tg_##name_ }
#define CALL(name_) { .name = #name_, .call = call_##name_ }

static const row torch_rows[] = {
    ONE(neg), ONE(square), ONE(sqrt), ONE(rsqrt), ONE(reciprocal), ONE(exp), ONE(expm1), ONE(log), ONE(log1p), ONE(sin), ONE(cos), ONE(erf),
    ONE(erfc), ONE(sign), ONE(floor), ONE(round), ONE(abs), ONE(relu), ONE(relu6), ONE(selu), ONE(hard_tanh),
    ONE(hard_swish), ONE(sigmoid), ONE(tanh), ONE(softplus), ONE(log_sigmoid), ONE(softsign), ONE(silu), ONE(mish), ONE(gelu), ONE(gelu_tanh),
    ONE(glu), ONE(swiglu), ONE(gaussian), ONE(sum), ONE(sum_rows), ONE(sum_cols), ONE(mean), ONE(mean_rows), ONE(mean_cols), ONE(max), ONE(max_rows),
    ONE(max_cols), ONE(min), ONE(min_rows), ONE(min_cols), ONE(argmax), ONE(argmin), ONE(prod), ONE(prod_rows), ONE(prod_cols), ONE(norm),
    ONE(norm_rows), ONE(norm_cols), ONE(logsumexp), ONE(softmax), ONE(log_softmax), ONE(transpose), ONE(stop), ONE(diagonal), ONE(diag_embed),
    TWO(add), TWO(sub), TWO(mul), TWO(div), TWO(pow), TWO(maximum), TWO(minimum), TWO(greater), TWO(greater_equal), TWO(less), TWO(less_equal),
    TWO(equal), TWO(not_equal), TWO(same), TWO(prelu), TWO(outer), TWO(gather_rows),
    THREE(lerp), THREE(select), THREE(axpy),
    NUMBER(clip_factor), NUMBER(scale), NUMBER(shift), NUMBER(leaky_relu), NUMBER(elu), NUMBER(celu), NUMBER(pow_scalar), NUMBER(var),
    NUMBER(var_rows), NUMBER(var_cols),
    /* PyTorch multiplies by a sixth in float. */
    { .name = "hard_sigmoid", .one = tg_hard_sigmoid, .bound = 1e-7 },
    { .name = "clamp", .numbers = tg_clamp }, { .name = "threshold", .numbers = tg_threshold },
    SIZES(broadcast_to), SIZES(sum_to), SIZES(slice_cols), SIZES(pad_cols), SIZE(repeat_rows), SIZE(repeat_cols), SIZE(one_hot),
    { .name = "reshape", .op = "view", .sizes = tg_reshape }, { .name = "slice_rows", .op = "view", .sizes = tg_slice_rows },
    CALL(matmul), CALL(linear), CALL(bilinear), CALL(view), CALL(concat), CALL(concat_rows), CALL(concat_cols), CALL(scatter_rows),
    CALL(rms_norm),
    /* g - mean(g) - y mean(g y) cancels in rows of two, whose y is nearly 1 and -1. */
    { .name = "layer_norm", .call = call_layer_norm, .terms = 1 }, CALL(batch_norm),
    CALL(mse_loss), CALL(l1_loss), CALL(hinge_loss), CALL(squared_hinge_loss), CALL(huber_loss), CALL(smooth_l1_loss), CALL(kl_div),
    CALL(poisson_nll_loss), CALL(gaussian_nll_loss), CALL(cross_entropy), CALL(nll_loss), CALL(cosine_similarity), CALL(triplet_margin_loss),
    /* PyTorch adds 1e-12 to each squared norm. */
    { .name = "cosine_embedding_loss", .call = call_cosine_embedding_loss, .bound = 1e-10 },
    { .name = "binary_cross_entropy_with_logits", .call = call_binary_cross_entropy },
    { .name = "cross_entropy_distribution", .call = call_cross_entropy },
};
enum { TORCH_ROWS = sizeof torch_rows / sizeof *torch_rows };

static tg_tensor call_row(const row *r, const sample *s) {
    const tg_tensor *in = s->in;
    if (r->one != NULL) return r->one(in[0]);
    if (r->two != NULL) return r->two(in[0], in[1]);
    if (r->three != NULL) return r->three(in[0], in[1], in[2]);
    if (r->number != NULL) return r->number(in[0], s->numbers[0]);
    if (r->numbers != NULL) return r->numbers(in[0], s->numbers[0], s->numbers[1]);
    if (r->size != NULL) return r->size(in[0], whole(s, 0));
    if (r->sizes != NULL) return r->sizes(in[0], whole(s, 0), whole(s, 1));
    return r->call(s);
}

#endif
