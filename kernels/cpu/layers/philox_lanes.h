/* One instruction set's part of philox.c: ISA(masks), with BYTES a vector and TIMES, the product of
 * the lower halves of lanes. No include guard. */
#define LANES  (BYTES / 8)
#define CHAINS (BYTES == 64 ? 4 : 2)
typedef uint64_t ISA(wide) __attribute__((vector_size(BYTES)));
typedef int64_t ISA(whole) __attribute__((vector_size(BYTES)));
typedef uint32_t ISA(narrow) __attribute__((vector_size(BYTES / 2)));

#if defined __BYTE_ORDER__ && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define PLACE(word) (24 - 8 * (word))
#else
#define PLACE(word) (8 * (word))
#endif
/* A 1 in the byte of that word. Numbers of 32 bits are not negative in 64. */
#define BIT(word, value)                                                                           \
    ((ISA(wide))((ISA(whole))((value)&0xffffffff) >= (int64_t)least) & 1ULL << PLACE(word))

/* CHAINS vectors at a time: the rounds of one wait for each other. */
TARGET static void ISA(masks)(uint64_t seed, uint32_t stream, uint64_t step, uint64_t index,
                              long count, uint32_t least, uint8_t *mask) {
    const ISA(wide) none = {0}, by_a = none + 0xD2511F53, by_c = none + 0xCD9E8D57;
    ISA(wide) lanes;
    for (int i = 0; i < LANES; i++) lanes[i] = (uint64_t)i;
    for (long i = 0; i < count; i += CHAINS * LANES) {
        ISA(wide) a[CHAINS], b[CHAINS], c[CHAINS], d[CHAINS];
        uint32_t key_a = (uint32_t)seed, key_c = (uint32_t)(seed >> 32);
#pragma GCC unroll 8
        for (int k = 0; k < CHAINS; k++) {
            a[k] = lanes + (index + (uint64_t)(i + k * LANES));
            b[k] = a[k] >> 32;
            c[k] = none + stream;
            d[k] = none + (uint32_t)step;
        }
#pragma GCC unroll 10
        for (int round = 0; round < 10; round++, key_a += 0x9E3779B9, key_c += 0xBB67AE85)
#pragma GCC unroll 8
            for (int k = 0; k < CHAINS; k++) {
                ISA(wide) p = TIMES(a[k], by_a), q = TIMES(c[k], by_c);
                a[k] = q >> 32 ^ b[k] ^ key_a;
                b[k] = q;
                c[k] = p >> 32 ^ d[k] ^ key_c;
                d[k] = p;
            }
        ISA(narrow) bits[CHAINS];
#pragma GCC unroll 8
        for (int k = 0; k < CHAINS; k++)
            bits[k] = __builtin_convertvector(
                BIT(0, a[k]) | BIT(1, b[k]) | BIT(2, c[k]) | BIT(3, d[k]), ISA(narrow));
        if (count - i >= CHAINS * LANES)
            memcpy(mask + 4 * i, bits, sizeof bits);
        else
            memcpy(mask + 4 * i, bits, 4 * (size_t)(count - i));
    }
}

#undef BIT
#undef PLACE
#undef LANES
#undef CHAINS
#undef TARGET
#undef BYTES
#undef ISA
#undef TIMES
