#include "core/tape.h"

#include <inttypes.h>

const char *tg_shape_text(tg_shape shape, char buffer[TG_SHAPE_TEXT]) {
    if (shape.rows < 0) snprintf(buffer, TG_SHAPE_TEXT, "none");
    else snprintf(buffer, TG_SHAPE_TEXT, "[%" PRId64 ",%" PRId64 "]%s", shape.rows, shape.cols, shape.integer ? " integer" : "");
    return buffer;
}

bool tg_is_countable(tg_shape shape) {
    return shape.rows >= 0 && shape.cols >= 0 && (shape.cols == 0 || shape.rows <= INT64_MAX / 16 / shape.cols);
}

/* One dimension: sizes are equal, or 1 and repeated. */
static bool broadcast_size(int64_t size, int64_t *common) {
    if (*common == 1) *common = size;
    return size == *common || size == 1;
}

tg_status tg_broadcast_shape(const tg_shape inputs[], int count, const void *attributes, tg_shape *output, const char **why) {
    (void)attributes;
    tg_shape common = { 1, 1, false };
    for (int i = 0; i < count; i++) {
        if (inputs[i].rows < 0) return *why = "an operand is not given", TG_BAD_ARGUMENT;
        if (inputs[i].integer) return *why = "labels and indices take no part in arithmetic", TG_TYPE_MISMATCH;
        if (!broadcast_size(inputs[i].rows, &common.rows) || !broadcast_size(inputs[i].cols, &common.cols))
            return *why = "rows and cols must each be equal or 1", TG_SHAPE_MISMATCH;
    }
    *output = common;
    return TG_OK;
}
