/* uses.c - which node stands for a block or a variable in this step. */
#include "core/hash.h"
#include "core/tape.h"

/* The table's own part of an entry. */
struct tg_use_slot {
    tg_node_of_use use;      /* first: its address is the slot's */
    UT_hash_handle hh;
};

void tg_uses_begin(tg_tape *tape) {
    if (tape->known_uses < tape->use_count) tape->known_uses = tape->use_count;
    tape->use_count = 0;
}

void tg_uses_release(tg_tape *tape) {
    tg_use_slot *slot, *next;
    HASH_ITER(hh, tape->use_table, slot, next) {
        HASH_DEL(tape->use_table, slot);
        tg_release(slot, sizeof *slot);
    }
    tg_release(tape->uses, tape->use_capacity * sizeof *tape->uses);
}

static tg_node_of_use *find_or_add(tg_tape *tape, const void *object) {
    bool         out_of_memory = false;
    tg_use_slot *slot          = NULL;
    HASH_FIND(hh, tape->use_table, &object, sizeof object, slot);
    if (slot != NULL) return &slot->use;
    slot = tg_allocate(sizeof *slot);
    if (slot != NULL) {
        slot->use.object = object;
        HASH_ADD(hh, tape->use_table, use.object, sizeof object, slot);
    }
    if (slot != NULL && !out_of_memory) return &slot->use;
    tg_release(slot, sizeof *slot);
    return tg_fail(tape, TG_OUT_OF_MEMORY, "no memory to use a variable"), NULL;
}

tg_node_of_use *tg_use_of(tg_tape *tape, const void *object) {
    if (tape->use_count < tape->known_uses && tape->uses[tape->use_count]->object == object) return tape->uses[tape->use_count++];
    tg_node_of_use *use = find_or_add(tape, object);
    tape->known_uses = tape->use_count;
    if (use != NULL && tg_grow((void **)&tape->uses, &tape->use_capacity, tape->use_count + 1, sizeof *tape->uses))
        tape->uses[tape->use_count++] = use;
    return use;
}
