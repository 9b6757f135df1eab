/* dataset.h - the inside of a data set: a table that splits share, and a view of it. */
#ifndef TAPEGRAD_DATA_DATASET_H
#define TAPEGRAD_DATA_DATASET_H

#include <tapegrad/data.h>

#include <stdatomic.h>

#define TG_DEFAULT_MAX_BYTES ((uint64_t)4 << 30)

/* The values. A size of 0 bytes says that the array is borrowed, or not there. */
typedef struct tg_table {
    atomic_size_t      holders;           /* data sets over this table, which may be freed by different threads */
    const float       *x;                 /* [rows, cols] */
    const int32_t     *labels;            /* [rows]; NULL: there are targets */
    const float       *targets;           /* [rows, target_cols]; NULL: there are labels */
    int64_t            rows, cols, classes, target_cols;
    size_t             x_bytes, labels_bytes, targets_bytes;
    const char *const *class_names;       /* [classes]; NULL: the classes have no names */
    size_t             names_bytes;       /* of one block: the pointers, then the texts */
} tg_table;

/* A data set over all rows of *table, whose arrays it takes; on failure they are released. NULL on failure. */
tg_dataset *tg_dataset_of_table(tg_table *table);

/* Releases the arrays that the table owns. */
void tg_table_clear(tg_table *table);

#endif
