/* cache.c - plans by what they were compiled from. Bounded: the one that was used least recently goes. */
#include "core/hash.h"
#include "plan/planned.h"

#include <string.h>

enum { MOST_PLANS = 32 };

struct tg_cache_entry {
    tg_plan_code   code;
    char          *key;
    size_t         key_bytes;
    uint64_t       used;
    UT_hash_handle hh;
};

/* ---- keys ---- */

static bool append(tg_key *key, const void *bytes, size_t count) {
    if (!tg_grow((void **)&key->bytes, &key->capacity, key->count + count, 1)) return false;
    if (count > 0) memcpy(key->bytes + key->count, bytes, count);
    key->count += count;
    return true;
}

static bool append_ids(tg_key *key, const tg_ids *ids) {
    return append(key, &ids->count, sizeof ids->count) && append(key, ids->at, ids->count * sizeof *ids->at);
}

/* Not the data of inputs, nor the values of scalars: they are bound anew in each step. */
static bool append_leaf(tg_key *key, const tg_leaf *leaf, tg_shape shape) {
    const int64_t what[4] = { leaf->kind, shape.rows, shape.cols, leaf->frozen };
    return append(key, what, sizeof what) && append(key, &leaf->serial, sizeof leaf->serial);
}

static bool append_node(tg_key *key, const tg_tape *tape, uint32_t id) {
    const tg_record *node = tg_record_of(tape, id);
    const tg_leaf   *leaf = tg_leaf_of(tape, id);
    if (!append(key, &node->op, sizeof node->op) || !append(key, &node->input_count, sizeof node->input_count)) return false;
    if (leaf != NULL && !append_leaf(key, leaf, tg_shape_at(tape, id))) return false;
    return append(key, tg_inputs_of(tape, id), leaf != NULL ? 0 : node->input_count * sizeof(uint32_t)) &&
           append(key, tg_attributes_of(tape, id), node->op->attribute_size);
}

tg_status tg_make_key(tg_tape *tape, const tg_tensor tensors[], int count, uint64_t passes, size_t fusions, tg_key *key) {
    key->count  = 0;
    bool enough = append(key, &passes, sizeof passes) && append(key, &fusions, sizeof fusions) && append(key, &count, sizeof count);
    for (int i = 0; i < count && enough; i++) enough = append(key, &tensors[i].id, sizeof tensors[i].id);
    enough = enough && append_ids(key, &tape->kept) && append_ids(key, &tape->finite);
    for (uint32_t id = 1; id < tape->length && enough; id++) enough = append_node(key, tape, id);
    return enough ? TG_OK : tg_fail(tape, TG_OUT_OF_MEMORY, "no memory for the key of a step of %zu nodes", tape->length);
}

/* ---- plans ---- */

tg_plan_code *tg_cache_find(tg_cache *cache, const tg_key *key) {
    tg_cache_entry *entry = NULL;
    HASH_FIND(hh, cache->table, key->bytes, key->count, entry);
    if (entry == NULL) return NULL;
    entry->used = ++cache->clock;
    return &entry->code;
}

static void release_entry(tg_cache_entry *entry) {
    if (entry == NULL) return;
    tg_code_release(&entry->code);
    tg_release(entry->key, entry->key_bytes);
    tg_release(entry, sizeof *entry);
}

static void remove_entry(tg_cache *cache, tg_cache_entry *entry) {
    HASH_DELETE(hh, cache->table, entry);
    cache->count--;
    release_entry(entry);
}

static tg_cache_entry *least_recently_used(tg_cache *cache) {
    tg_cache_entry *entry, *next, *oldest = NULL;
    HASH_ITER(hh, cache->table, entry, next)
        if (oldest == NULL || entry->used < oldest->used) oldest = entry;
    return oldest;
}

tg_plan_code *tg_cache_add(tg_cache *cache, const tg_key *key, const tg_plan_code *code, tg_gone_fn gone, void *context) {
    bool            out_of_memory = false;
    tg_cache_entry *entry         = tg_allocate(sizeof *entry);
    if (entry != NULL) entry->key = tg_allocate(key->count);
    if (entry == NULL || entry->key == NULL) return release_entry(entry), NULL;
    entry->key_bytes = key->count;
    entry->used      = ++cache->clock;
    memcpy(entry->key, key->bytes, key->count);
    HASH_ADD_KEYPTR(hh, cache->table, entry->key, entry->key_bytes, entry);
    if (out_of_memory) return release_entry(entry), NULL;
    entry->code = *code;
    if (++cache->count > MOST_PLANS) {
        tg_cache_entry *oldest = least_recently_used(cache);
        gone(context, &oldest->code);
        remove_entry(cache, oldest);
    }
    return &entry->code;
}

void tg_cache_release(tg_cache *cache) {
    tg_cache_entry *entry, *next;
    HASH_ITER(hh, cache->table, entry, next) remove_entry(cache, entry);
}
