/* block.h - variables and the blocks in which they lie. */
#ifndef TAPEGRAD_CORE_BLOCK_H
#define TAPEGRAD_CORE_BLOCK_H

#include <stdatomic.h>
#include <tapegrad/variable.h>

/* The flat memory of one group: variables one behind the other, each on 64 bytes, zero between them. */
typedef struct tg_block {
    tg_params  *params;
    uint64_t    serial;       /* of all blocks of the process: a later one may lie at the same address */
    char       *name;
    bool        state;
    atomic_bool closed;       /* by the first use: of several threads that read, each may be the first */
    void       *data;         /* [count] of params' type */
    size_t      bytes;
    int64_t     count;
    uint64_t    version;      /* raised by each write, and when the frozen slices change */
    uint32_t    frozen;       /* number of the set of variables that are frozen; 0: none */
    char      **frozen_sets;  /* [frozen_set_count]: sets met so far, as "0101": set 1, 2, ... */
    size_t      frozen_set_count, frozen_set_capacity;
} tg_block;

struct tg_variable {
    tg_params     *params;
    tg_block      *block;
    char          *name;
    char          *scope;                   /* "net/fc1" of "net/fc1/weight" */
    int64_t        offset, rows, cols;      /* of the block, in elements */
    bool           frozen;
    tg_file_layout file;
};

struct tg_params {
    tg_type       type;
    uint64_t      seed;
    tg_block    **blocks;
    size_t        block_count, block_capacity;
    tg_variable **variables;
    size_t        variable_count, variable_capacity;
};

/* Ranges of a block that assignments write and gradients reach: its variables without the frozen ones, adjoining ones merged, ascending. Returns
 * their number; ranges [variable_count of params] may be NULL. */
typedef struct tg_range { int64_t begin, end; } tg_range;
int tg_live_ranges(const tg_block *block, tg_range ranges[]);

static inline size_t tg_type_bytes(tg_type type) { return type == TG_F64 ? sizeof(double) : sizeof(float); }

#endif
