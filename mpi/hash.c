#include <string.h>

#include "mpi/ranks.h"

/* FNV-1a with words in the place of bytes; four streams, since each multiplication waits for the
 * one before. */
uint64_t ranks_hash(const void *memory, size_t bytes) {
    static const uint64_t prime = 0x100000001b3, start = 0xcbf29ce484222325;
    uint64_t hash[4] = {start, start + 1, start + 2, start + 3}, word[4];
    const unsigned char *at = memory;
    for (; bytes >= sizeof word; bytes -= sizeof word, at += sizeof word) {
        memcpy(word, at, sizeof word);
        for (int i = 0; i < 4; i++) {
            hash[i] = (hash[i] ^ word[i]) * prime;
            hash[i] ^= hash[i] >> 29; /* high bits reach the low ones */
        }
    }
    uint64_t all = start;
    for (size_t i = 0; i < bytes; i++) all = (all ^ at[i]) * prime;
    for (int i = 0; i < 4; i++) all = (all ^ hash[i]) * prime;
    return all ^ all >> 32;
}
