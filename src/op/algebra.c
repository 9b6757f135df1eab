/* algebra.c - what the simplify rules of the ops share: looking at operands, and the rule of all ops that broadcast by themselves. */
#include "core/tape.h"
#include "op/builtin.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { MOST_OPERANDS = 4 };

bool tg_number_at(tg_tensor x, double *number) {
    const tg_leaf *leaf = x.id != 0 ? tg_leaf_of(x.tape, x.id) : NULL;
    if (leaf == NULL || leaf->kind != TG_LEAF_CONSTANT) return false;
    *number = leaf->number;
    return true;
}

bool tg_is_number(tg_tensor x, double number) {
    double is;
    return tg_number_at(x, &is) && is == number;
}

bool tg_is_tame(double number) { return number == 0 || (fabs(number) >= (double)FLT_MIN && fabs(number) <= (double)FLT_MAX); }

tg_tensor tg_operand_under(tg_tensor x, const tg_op *op, void *attributes) {
    if (x.id == 0 || tg_record_of(x.tape, x.id)->op != op) return TG_NONE;
    if (op->attribute_size > 0 && attributes != NULL) memcpy(attributes, tg_attributes_of(x.tape, x.id), op->attribute_size);
    return tg_handle(x.tape, tg_inputs_of(x.tape, x.id)[0]);
}

/* Whether these operands broadcast to that shape: each dimension is that of one of them. */
static bool reach(const tg_tensor inputs[], int count, tg_shape shape) {
    bool rows = false, cols = false;
    for (int k = 0; k < count; k++) {
        rows = rows || tg_rows(inputs[k]) == shape.rows;
        cols = cols || tg_cols(inputs[k]) == shape.cols;
    }
    return rows && cols;
}

/* f(broadcast(x), y) is f(x, y), where y alone has the shape of the value. */
tg_tensor tg_drop_broadcasts(const tg_application *a) {
    tg_tensor inputs[MOST_OPERANDS];
    bool      dropped = false;
    if (a->input_count > MOST_OPERANDS) return TG_NONE;
    for (int k = 0; k < a->input_count; k++) inputs[k] = a->inputs[k];
    for (int k = 0; k < a->input_count; k++) {
        inputs[k] = tg_operand_under(a->inputs[k], &tg_broadcast_to_op, NULL);
        if (inputs[k].tape != NULL && reach(inputs, a->input_count, tg_shape_of(a->output))) dropped = true;
        else inputs[k] = a->inputs[k];
    }
    return dropped ? tg_apply(a->tape, a->op, inputs, a->input_count, a->attributes) : TG_NONE;
}
