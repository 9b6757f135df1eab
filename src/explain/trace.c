/* trace.c - whether a story is told by elements or by matrices, and which rows are examples. */
#include "core/util.h"
#include "explain/trace.h"

#include <inttypes.h>

enum { DIGITS = 4, MOST_DIGITS = 17 };

/* Data with as many rows as the first layer's, and what is made of it. */
static tg_status mark_batched(tg_trace *trace) {
    const tg_story *story = trace->story;
    trace->is_batched     = tg_story_room(trace->story, (size_t)story->node_count * sizeof *trace->is_batched);
    if (trace->is_batched == NULL) return TG_OUT_OF_MEMORY;
    trace->batch = story->layer_count > 0 ? story->nodes[story->layers[0].x].shape.rows : 1;
    for (int i = 0; i < story->node_count && trace->batch > 1; i++) {
        const tg_story_node *node = &story->nodes[i];
        bool                 of_data = node->kind == TG_STORY_INPUT;
        for (int k = 0; k < node->input_count; k++) of_data = of_data || (node->inputs[k] >= 0 && trace->is_batched[node->inputs[k]]);
        trace->is_batched[i] = of_data && node->shape.rows == trace->batch;
    }
    return TG_OK;
}

static tg_status choose_example(tg_trace *trace) {
    const int64_t example = trace->options->example;
    if (example < 0 || (example > 0 && example >= trace->batch))
        return tg_fail_thread(TG_OUT_OF_RANGE, "tg_explain: there is no example %" PRId64 " in a batch of %" PRId64, example, trace->batch);
    trace->example = trace->batch > 1 ? example : -1;
    return TG_OK;
}

tg_status tg_trace_new(tg_trace *trace, tg_story *story, const tg_explain_options *options, tg_formula_style style) {
    const int digits = options->digits == 0 ? DIGITS : options->digits < 1 ? 1 : options->digits > MOST_DIGITS ? MOST_DIGITS : options->digits;
    *trace           = (tg_trace){ .story = story, .options = options, .style = style, .digits = digits, .most_shown = TG_MATRIX_SHOWN, .example = -1,
                                   .logits = -1, .in_columns = story->layer_count > 0 && !options->row_notation };
    tg_status status = mark_batched(trace);
    trace->by_element = options->view == TG_VIEW_NEURONS || (options->view == TG_VIEW_AUTOMATIC && trace->batch <= 1);
    if (status == TG_OK) status = choose_example(trace);
    if (status == TG_OK && trace->by_element) status = tg_trace_messages(trace);
    if (status == TG_OK && trace->by_element) status = tg_trace_values(trace);
    if (!trace->by_element) trace->example = -1;      /* of matrices all rows are shown */
    if (trace->by_element) trace->most_shown = TG_MATRIX_OF_NEURONS;
    return status;
}
