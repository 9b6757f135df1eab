/* differences.c - the check beside each adjoint: what the loss does when one element of a node moves. All that depends on the node is recorded anew,
 * in double, with the node as an input; everything else keeps its value. */
#include "core/util.h"
#include "explain/story.h"

#include <math.h>
#include <string.h>
#include <tapegrad/plan.h>

enum { MOST_NODES = 400 };      /* of a story of which differences are taken */

/* The loss as a function of node x. Null tensors: nodes that do not depend on it. */
typedef struct replay {
    tg_story  *story;
    tg_tape   *scratch;
    tg_tensor *tensors;      /* [node_count] */
} replay;

static bool depends(const replay *r, const tg_story_node *node) {
    for (int k = 0; k < node->input_count; k++)
        if (node->inputs[k] >= 0 && r->tensors[node->inputs[k]].tape != NULL) return true;
    return false;
}

/* The loss; TG_NONE if it does not depend on node x. */
static tg_tensor record_loss(replay *r, int x) {
    const tg_story      *story = r->story;
    const tg_story_node *node  = &story->nodes[x];
    memset(r->tensors, 0, (size_t)story->node_count * sizeof *r->tensors);
    tg_begin(r->scratch, NULL);
    r->tensors[x] = tg_input_f64(r->scratch, node->value, node->shape.rows, node->shape.cols);
    for (int i = x + 1; i <= story->loss; i++) {
        const tg_story_node *later = &story->nodes[i];
        tg_tensor            inputs[TG_STORY_OPERANDS] = { { 0 } };
        if (later->input_count > TG_STORY_OPERANDS || !depends(r, later)) continue;
        for (int k = 0; k < later->input_count; k++) inputs[k] = later->inputs[k] >= 0 ? r->tensors[later->inputs[k]] : TG_NONE;
        r->tensors[i] = tg_story_apply(story, later, r->scratch, inputs);
    }
    return r->tensors[story->loss];
}

/* (L(x + h) - L(x - h)) / 2h, with h near the cube root of the roundoff, where both errors are smallest. */
static tg_status differentiate(tg_plan *plan, double *at, double *slope) {
    const double keep = *at, h = 6e-6 * fmax(1, fabs(keep));
    double       loss[2] = { 0, 0 };
    tg_status    status  = TG_OK;
    for (int side = 0; side < 2 && status == TG_OK; side++) {
        *at    = side == 0 ? keep - h : keep + h;
        status = tg_plan_run(plan);
        if (status == TG_OK) status = tg_plan_read_f64(plan, 0, &loss[side]);
    }
    *slope = (loss[1] - loss[0]) / ((keep + h) - (keep - h));
    *at    = keep;
    return status;
}

static tg_status differentiate_all(tg_story *story, tg_story_node *node, tg_plan *plan) {
    const int count      = (int)tg_story_elements(node);
    double   *difference = tg_story_room(story, (size_t)count * sizeof *difference), moved[TG_STORY_SHOWN];
    const double *adjoint = story->nodes[story->loss].adjoint, seed = adjoint != NULL ? adjoint[0] : 1;
    if (difference == NULL) return TG_OUT_OF_MEMORY;
    memcpy(moved, node->value, (size_t)count * sizeof *moved);
    tg_status status = tg_plan_bind_f64(plan, 0, moved);
    for (int i = 0; i < count && status == TG_OK; i++) {
        status = differentiate(plan, &moved[i], &difference[i]);
        difference[i] *= seed;
        const double distance = fabs(difference[i] - node->adjoint[i]) / fmax(1e-6, fmax(fabs(difference[i]), fabs(node->adjoint[i])));
        if (status == TG_OK && !(distance <= story->worst_difference)) story->worst_difference = distance;
    }
    if (status == TG_OK) node->difference = difference;
    return status;
}

/* What cannot be recorded or run again has no difference. */
static tg_status add_difference(replay *r, int x) {
    const tg_tensor loss = record_loss(r, x);
    if (loss.tape == NULL) return TG_OK;
    tg_plan  *plan   = tg_plan_new(&r->tensors[x], 1, &loss, 1, &(tg_plan_options){ .type = TG_F64 });
    tg_status status = plan != NULL ? differentiate_all(r->story, &r->story->nodes[x], plan) : tg_tape_status(r->scratch);
    tg_plan_free(plan);
    if (status == TG_OUT_OF_MEMORY) return tg_fail_thread(status, "tg_explain: no memory for differences");
    if (status != TG_OK) tg_last_error(NULL);
    return TG_OK;
}

static bool is_checked(const tg_story_node *node) {
    const int64_t elements = tg_story_elements(node);
    return node->adjoint != NULL && node->value != NULL && !node->shape.integer && node->expanded < 0 && elements > 0 && elements <= TG_STORY_SHOWN;
}

tg_status tg_story_add_differences(tg_story *story) {
    if (story->node_count > MOST_NODES || tg_story_elements(&story->nodes[story->loss]) != 1) return TG_OK;
    const size_t bytes  = (size_t)story->node_count * sizeof(tg_tensor);
    replay       r      = { .story = story, .scratch = tg_tape_new(&(tg_tape_options){ .type = TG_F64 }), .tensors = tg_allocate(bytes) };
    tg_status    status = r.scratch != NULL && r.tensors != NULL ? TG_OK : tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for differences");
    for (int i = 0; i <= story->loss && status == TG_OK; i++)
        if (is_checked(&story->nodes[i])) status = add_difference(&r, i);
    tg_tape_free(r.scratch);
    tg_release(r.tensors, bytes);
    return status;
}
