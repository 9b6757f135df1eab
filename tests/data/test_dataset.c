/* test_dataset.c - own arrays, splits, batches. */
#include "files.h"
#include <math.h>

/* ---- own arrays ---- */

#define ROWS 10
static float   own_x[ROWS * 2];       /* row i: i, -i */
static int32_t own_labels[ROWS];      /* i % 3 */
static float   own_targets[ROWS];     /* 10 i */

static void fill_own(void) {
    for (int i = 0; i < ROWS; i++) {
        own_x[2 * i]     = (float)i;
        own_x[2 * i + 1] = (float)-i;
        own_labels[i]    = i % 3;
        own_targets[i]   = 10.0f * (float)i;
    }
}

static tg_dataset *own(void) {
    fill_own();
    return tg_dataset_of_labels(own_x, ROWS, 2, own_labels);
}

START_TEST(own_arrays_are_borrowed) {
    tg_dataset *data = own();
    expect_shape(data, ROWS, 2, 3);
    ck_assert_ptr_eq(tg_dataset_row(data, 1), own_x + 2);
    ck_assert_ptr_null(tg_dataset_class_name(data, 0));
    tg_dataset_free(data);
    data = tg_dataset_of_targets(own_x, ROWS, 2, own_targets, 1);
    expect_shape(data, ROWS, 2, 0);
    ck_assert_ptr_eq(tg_dataset_target(data, 2), own_targets + 2);
    tg_dataset_free(data);
}
END_TEST

START_TEST(own_arrays_refused) {
    int32_t bad[1] = { -1 };
    expect_failure(tg_dataset_of_labels(NULL, 1, 1, own_labels), TG_NULL_ARGUMENT, "NULL");
    expect_failure(tg_dataset_of_targets(own_x, 1, 1, NULL, 1), TG_NULL_ARGUMENT, "NULL");
    expect_failure(tg_dataset_of_labels(own_x, 0, 1, own_labels), TG_NO_EXAMPLES, "no rows");
    expect_failure(tg_dataset_of_labels(own_x, -1, 1, own_labels), TG_BAD_ARGUMENT, "[-1, 1]");
    expect_failure(tg_dataset_of_labels(own_x, 1, 0, own_labels), TG_BAD_ARGUMENT, "[1, 0]");
    expect_failure(tg_dataset_of_labels(own_x, INT64_MAX, INT64_MAX, own_labels), TG_TOO_LARGE, "too large");
    expect_failure(tg_dataset_of_labels(own_x, 1, 1, bad), TG_OUT_OF_RANGE, "negative");
}
END_TEST

START_TEST(null_is_tolerated) {
    tg_dataset *a, *b;
    tg_batch    batch;
    tg_dataset_free(NULL);
    ck_assert(tg_dataset_rows(NULL) == 0 && tg_dataset_cols(NULL) == 0 && tg_dataset_classes(NULL) == 0 && tg_dataset_target_cols(NULL) == 0);
    ck_assert(tg_dataset_class_name(NULL, 0) == NULL && tg_dataset_row(NULL, 0) == NULL && tg_dataset_label(NULL, 0) == -1);
    ck_assert(tg_dataset_target(NULL, 0) == NULL && tg_dataset_begin(NULL, NULL) == TG_NULL_ARGUMENT);
    ck_assert(!tg_next_batch(NULL, &batch) && tg_dataset_split(NULL, 0.5, NULL, &a, &b) == TG_NULL_ARGUMENT);
    ck_assert(tg_scaler_fit((tg_scaler){ NULL, NULL }, NULL) == TG_NULL_ARGUMENT && tg_add_scaler(NULL, "s", 1).mean == NULL);
    ck_assert_int_eq(tg_last_error(NULL), TG_NULL_ARGUMENT);
}
END_TEST

/* ---- splits ---- */

START_TEST(split_parts_cover_all_rows_and_outlive_the_whole) {
    const char *text = "0,a\n1,b\n2,a\n3,b\n4,a\n5,b\n6,a\n7,b\n8,a\n9,b\n";
    write_bytes(path, text, strlen(text));
    tg_dataset *first, *second, *data = tg_dataset_csv(path, NULL);
    ck_assert_int_eq(tg_dataset_split(data, 0.25, &(tg_split_options){ .seed = 3 }, &first, &second), TG_OK);
    tg_dataset_free(data);
    expect_shape(first, 7, 1, 2);      /* round(2.5) = 3 */
    expect_shape(second, 3, 1, 2);
    unsigned seen = 0;
    for (int64_t row = 0; row < 10; row++) {
        const tg_dataset *part  = row < 7 ? first : second;
        int               value = (int)tg_dataset_row(part, row % 7)[0];
        ck_assert_int_eq(tg_dataset_label(part, row % 7), value % 2);
        seen |= 1u << value;
    }
    ck_assert_uint_eq(seen, 1023u);
    tg_dataset_free(first);
    ck_assert_str_eq(tg_dataset_class_name(second, 1), "b");
    tg_dataset_free(second);
}
END_TEST

START_TEST(split_in_order_and_of_a_split) {
    tg_dataset *first, *second, *third, *fourth, *data = own();
    ck_assert_int_eq(tg_dataset_split(data, 0.4, &(tg_split_options){ .in_order = true }, &first, &second), TG_OK);
    ck_assert(tg_dataset_row(first, 5)[0] == 5.0f && tg_dataset_row(second, 0)[0] == 6.0f);
    ck_assert_int_eq(tg_dataset_split(second, 0.5, &(tg_split_options){ .in_order = true }, &third, &fourth), TG_OK);
    ck_assert(tg_dataset_rows(fourth) == 2 && tg_dataset_row(fourth, 0)[0] == 8.0f);
    tg_batch batch;
    ck_assert(tg_next_batch(fourth, &batch) && batch.rows == 2 && batch.x[2] == 9.0f && batch.y[1] == 0);
    tg_dataset_free(data), tg_dataset_free(first), tg_dataset_free(second), tg_dataset_free(third), tg_dataset_free(fourth);
}
END_TEST

START_TEST(split_refused) {
    tg_dataset *first, *second, *data = own();
    ck_assert_int_eq(tg_dataset_split(data, 0.01, NULL, &first, &second), TG_NO_EXAMPLES);
    ck_assert(first == NULL && second == NULL && tg_last_error(NULL) == TG_NO_EXAMPLES);
    ck_assert_int_eq(tg_dataset_split(data, 1.0, NULL, &first, &second), TG_NO_EXAMPLES);
    tg_last_error(NULL);
    ck_assert_int_eq(tg_dataset_split(data, (double)NAN, NULL, &first, &second), TG_BAD_ARGUMENT);
    ck_assert_int_eq(tg_last_error(NULL), TG_BAD_ARGUMENT);
    tg_dataset_free(data);
}
END_TEST

/* ---- batches ---- */

/* The first inputs of an epoch in their order; every batch is checked on the way. */
static void read_epoch(tg_dataset *data, int64_t batch_rows, int order[ROWS]) {
    tg_batch batch;
    int      at = 0;
    while (tg_next_batch(data, &batch)) {
        ck_assert_int_eq(batch.rows, at + batch_rows <= ROWS ? batch_rows : ROWS - at);
        for (int64_t i = 0; i < batch.rows; i++, at++) {
            order[at] = (int)batch.x[2 * i];
            ck_assert(batch.x[2 * i + 1] == -batch.x[2 * i]);
            if (batch.y != NULL) ck_assert_int_eq(batch.y[i], order[at] % 3);
            else ck_assert(batch.targets[i] == 10.0f * batch.x[2 * i]);
        }
    }
    ck_assert(at == ROWS && batch.rows == 0 && batch.x == NULL);
}

START_TEST(batches_in_order) {
    tg_dataset *data = own();
    int         order[ROWS];
    ck_assert_int_eq(tg_dataset_begin(data, &(tg_epoch_options){ .batch = 4 }), TG_OK);
    for (int epoch = 0; epoch < 2; epoch++) {
        read_epoch(data, 4, order);
        for (int i = 0; i < ROWS; i++) ck_assert_int_eq(order[i], i);
    }
    tg_dataset_free(data);
}
END_TEST

START_TEST(batches_shuffled_by_seed_and_epoch_alone) {
    tg_dataset *data = own(), *fresh = tg_dataset_of_targets(own_x, ROWS, 2, own_targets, 1);
    int         zero[ROWS], one[ROWS], again[ROWS];
    ck_assert_int_eq(tg_dataset_begin(data, &(tg_epoch_options){ .batch = 3, .shuffle = true, .seed = 7 }), TG_OK);
    read_epoch(data, 3, zero);
    read_epoch(data, 3, one);
    ck_assert_int_ne(memcmp(zero, one, sizeof one), 0);
    ck_assert_int_eq(tg_dataset_begin(fresh, &(tg_epoch_options){ .batch = 5, .shuffle = true, .seed = 7, .epoch = 1 }), TG_OK);
    read_epoch(fresh, 5, again);
    ck_assert_int_eq(memcmp(again, one, sizeof one), 0);
    tg_dataset_free(data), tg_dataset_free(fresh);
}
END_TEST

START_TEST(a_failed_begin_gives_no_batches) {
    tg_dataset *data = own();
    tg_batch    batch;
    ck_assert_int_eq(tg_dataset_begin(data, &(tg_epoch_options){ .batch = -1 }), TG_BAD_ARGUMENT);
    ck_assert_int_eq(tg_last_error(NULL), TG_BAD_ARGUMENT);
    ck_assert(!tg_next_batch(data, &batch));
    ck_assert_int_eq(tg_dataset_begin(data, NULL), TG_OK);
    ck_assert(tg_next_batch(data, &batch) && batch.rows == ROWS);
    tg_dataset_free(data);
}
END_TEST

/* ---- memory ---- */

START_TEST(later_epochs_allocate_nothing) {
    test_memory memory = { .calls_left = -1 };
    int         order[ROWS];
    ck_assert_int_eq(tg_set_allocator(test_allocate, &memory), TG_OK);
    tg_dataset *data = own();
    ck_assert_int_eq(tg_dataset_begin(data, &(tg_epoch_options){ .batch = 3, .shuffle = true }), TG_OK);
    read_epoch(data, 3, order);
    memory.calls_left = 0;      /* the next one would fail */
    read_epoch(data, 3, order);
    ck_assert_int_eq(tg_dataset_begin(data, &(tg_epoch_options){ .batch = 2, .shuffle = true }), TG_OK);
    read_epoch(data, 2, order);
    tg_dataset_free(data);
    ck_assert_int_eq(tg_set_allocator(NULL, NULL), TG_OK);
}
END_TEST

/* Both kinds of own arrays, or the failure of one. */
static tg_status make_own(void *context) {
    (void)context;
    tg_dataset *data = own(), *fresh = tg_dataset_of_targets(own_x, ROWS, 2, own_targets, 1);
    tg_status   status = tg_last_error(NULL);
    ck_assert_int_eq(status == TG_OK, data != NULL && fresh != NULL);
    if (data != NULL) {
        expect_shape(data, ROWS, 2, 3);
        ck_assert(tg_dataset_row(data, 1) == own_x + 2 && tg_dataset_label(data, 4) == 1);
    }
    if (fresh != NULL) {
        expect_shape(fresh, ROWS, 2, 0);
        ck_assert_ptr_eq(tg_dataset_target(fresh, 2), own_targets + 2);
    }
    tg_dataset_free(data), tg_dataset_free(fresh);
    return status;
}

START_TEST(own_arrays_when_memory_runs_out) {
    let_each_allocation_fail(make_own, NULL, 5);
}
END_TEST

static void expect_parts_cover(const tg_dataset *first, const tg_dataset *second) {
    unsigned seen = 0;
    expect_shape(first, 7, 2, 3);
    expect_shape(second, 3, 2, 3);
    for (int64_t row = 0; row < ROWS; row++) {
        const tg_dataset *part  = row < 7 ? first : second;
        int               value = (int)tg_dataset_row(part, row % 7)[0];
        ck_assert_int_eq(tg_dataset_label(part, row % 7), value % 3);
        seen |= 1u << value;
    }
    ck_assert_uint_eq(seen, 1023u);
}

static tg_status split_own(void *context) {
    tg_dataset *first, *second, *data = own();
    if (data == NULL) return tg_last_error(NULL);
    tg_status status = tg_dataset_split(data, 0.25, context, &first, &second);
    ck_assert_int_eq(tg_last_error(NULL), status);
    expect_shape(data, ROWS, 2, 3);
    if (status == TG_OK) expect_parts_cover(first, second);
    else ck_assert(first == NULL && second == NULL);
    tg_dataset_free(data), tg_dataset_free(first), tg_dataset_free(second);
    return status;
}

START_TEST(split_when_memory_runs_out) {
    tg_split_options options = { .seed = 3 };
    let_each_allocation_fail(split_own, &options, 8);
}
END_TEST

#define SHUFFLED (&(tg_epoch_options){ .batch = 4, .shuffle = true, .seed = 7 })

/* One shuffled epoch of data. A begin that failed gives no batches, and one that succeeds afterwards gives the epoch that was wanted first. */
static tg_status read_shuffled(tg_dataset *data, const int expected[ROWS]) {
    tg_batch  batch;
    int       order[ROWS];
    tg_status first = data != NULL ? tg_dataset_begin(data, SHUFFLED) : TG_OUT_OF_MEMORY, status = first;
    if (data != NULL && first != TG_OK) {
        ck_assert(!tg_next_batch(data, &batch) && batch.x == NULL);
        status = tg_dataset_begin(data, SHUFFLED);
    }
    ck_assert_int_eq(tg_last_error(NULL), first);
    if (data != NULL && status == TG_OK) {
        read_epoch(data, 4, order);
        ck_assert_mem_eq(order, expected, sizeof order);
    }
    tg_dataset_free(data);
    return first;
}

static tg_status read_all_shuffled(void *context) {
    tg_status of_labels  = read_shuffled(own(), context);
    tg_status of_targets = read_shuffled(tg_dataset_of_targets(own_x, ROWS, 2, own_targets, 1), context);
    return of_labels != TG_OK ? of_labels : of_targets;
}

START_TEST(shuffled_batches_when_memory_runs_out) {
    int         expected[ROWS];
    tg_dataset *data = own();
    ck_assert_int_eq(tg_dataset_begin(data, SHUFFLED), TG_OK);
    read_epoch(data, 4, expected);
    tg_dataset_free(data);
    let_each_allocation_fail(read_all_shuffled, expected, 11);
}
END_TEST

/* The batches of a part are gathered, and the first call for one allocates what they need. */
static tg_status read_part(void *context) {
    (void)context;
    tg_batch    batch;
    tg_dataset *first = NULL, *second = NULL, *data = own();
    if (data != NULL && tg_dataset_split(data, 0.4, &(tg_split_options){ .in_order = true }, &first, &second) == TG_OK) {
        bool read = tg_next_batch(second, &batch);
        ck_assert_int_eq(batch.rows, read ? 4 : 0);
        if (read) ck_assert(batch.x[0] == 6.0f && batch.x[7] == -9.0f && batch.y[3] == 0);
        else ck_assert(batch.x == NULL && batch.y == NULL);
    }
    tg_dataset_free(data), tg_dataset_free(first), tg_dataset_free(second);
    return tg_last_error(NULL);
}

START_TEST(batches_of_a_part_when_memory_runs_out) {
    let_each_allocation_fail(read_part, NULL, 11);
}
END_TEST

int main(void) {
    return RUN_IN_FOLDER("dataset", own_arrays_are_borrowed, own_arrays_refused, null_is_tolerated, split_parts_cover_all_rows_and_outlive_the_whole,
                         split_in_order_and_of_a_split, split_refused, batches_in_order, batches_shuffled_by_seed_and_epoch_alone,
                         a_failed_begin_gives_no_batches, later_epochs_allocate_nothing, own_arrays_when_memory_runs_out,
                         split_when_memory_runs_out, shuffled_batches_when_memory_runs_out, batches_of_a_part_when_memory_runs_out);
}
