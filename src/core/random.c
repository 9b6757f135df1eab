#include "core/tape.h"

/* One round: two 32 x 32 bit products, their halves exchanged and mixed with the key. */
static void philox_round(uint32_t x[4], const uint32_t key[2]) {
    const uint64_t first = (uint64_t)0xD2511F53u * x[0], second = (uint64_t)0xCD9E8D57u * x[2];
    const uint32_t y[4] = { (uint32_t)(second >> 32) ^ x[1] ^ key[0], (uint32_t)second, (uint32_t)(first >> 32) ^ x[3] ^ key[1], (uint32_t)first };
    for (int i = 0; i < 4; i++) x[i] = y[i];
}

void tg_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t k[2] = { key[0], key[1] };
    for (int i = 0; i < 4; i++) out[i] = counter[i];
    for (int round = 0; round < 10; round++) {
        philox_round(out, k);
        k[0] += 0x9E3779B9u;      /* the golden ratio */
        k[1] += 0xBB67AE85u;      /* sqrt(3) - 1 */
    }
}

uint32_t tg_random_bits(const tg_call *call, int64_t element) {
    const uint32_t key[2]     = { (uint32_t)call->seed, (uint32_t)(call->seed >> 32) };
    const uint32_t counter[4] = { (uint32_t)(element / 4), call->draw, (uint32_t)call->step, (uint32_t)(call->step >> 32) };
    uint32_t       bits[4];
    tg_philox(counter, key, bits);
    return bits[element % 4];
}
