/* hash.h - uthash, with memory from tg_set_allocator. The one file that includes it.
 *
 * Never exits: when memory runs out, a local `bool out_of_memory`, which the calling function declares, becomes true and nothing was added. */
#ifndef TAPEGRAD_CORE_HASH_H
#define TAPEGRAD_CORE_HASH_H

#include "core/util.h"

#define HASH_NONFATAL_OOM        1
#define uthash_malloc(bytes)     tg_allocate(bytes)
#define uthash_free(memory, bytes) tg_release(memory, bytes)
#define uthash_nonfatal_oom(element) do { out_of_memory = true; } while (0)
#ifdef TAPEGRAD_CONSTANT_HASH      /* a test: everything must hold when all keys collide */
#define HASH_FUNCTION(key, length, hash) do { (void)(key); (void)(length); (hash) = 1; } while (0)
#endif
#if defined(__GNUC__)
#pragma GCC system_header      /* uthash's macros do not know our stricter warnings */
#endif
#include <uthash.h>

#endif
