/* One type's tiles in plain C with vectors. The file that includes it sets VECTOR_BYTES, MOST_ROWS
 * with EACH_ROWS, TARGET, and how a part of a vector is loaded and stored. PARTS_ARE_FREE: as fast
 * as whole ones. GCC keeps `sum` in registers because all loops over it have constant bounds. */
typedef REAL NAME(vector)
    __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));
#define VECTOR NAME(vector)
#define LANES  ((long)(VECTOR_BYTES / sizeof(REAL)))
#define INLINE static inline __attribute__((always_inline))

/* Few sums leave the units idle until the one before is done (8 to 10 keep two units of 4 or 5
 * cycles busy): then several products go into sums of their own. */
#define TURNS(rows, vectors) ((rows) * (vectors) > 6 ? 1 : (rows) * (vectors) > 2 ? 2 : 4)

TARGET INLINE VECTOR NAME(load)(const REAL *from) { return *(const VECTOR *)from; }

/* The first `left` lanes, 0 in the others; and back. */
TARGET INLINE VECTOR NAME(load_some)(const REAL *from, long left) {
    if (!PARTS_ARE_FREE && left >= LANES) return NAME(load)(from);
    return (VECTOR)NAME(load_part)(from, left);
}
TARGET INLINE void NAME(store_some)(REAL *to, long left, VECTOR value) {
    if (!PARTS_ARE_FREE && left >= LANES)
        *(VECTOR *)to = value;
    else
        NAME(store_part)(to, left, value);
}

/* Element by element; the floor where a is below it, so that NaN stays. */
TARGET INLINE VECTOR NAME(at_least)(VECTOR a, REAL floor) {
    VECTOR f = floor - (VECTOR){0};
    __typeof__(f > a) below = f > a;
    return (VECTOR)((below & (__typeof__(below))f) | (~below & (__typeof__(below))a));
}

/* What the sums begin with. */
TARGET INLINE void NAME(begin)(const struct tile *t, int rows, int vectors, VECTOR (*sum)[2]) {
    VECTOR bias[2] = {{0}, {0}};
    for (int v = 0; v < vectors && t->bias; v++)
        bias[v] = NAME(load_some)((const REAL *)t->bias + v * LANES, t->columns - v * LANES);
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++) sum[i][v] = bias[v];
    for (int turn = 1; turn < TURNS(rows, vectors); turn++)
        for (int i = 0; i < rows; i++)
            for (int v = 0; v < vectors; v++) sum[turn * rows + i][v] = (VECTOR){0};
    if (!t->add) { /* what is written at the end may be far away: asked for now */
#pragma GCC unroll 14
        for (int i = 0; i < rows; i++)
            for (int v = 0; v < vectors; v++)
                __builtin_prefetch((const REAL *)t->c + i * t->c_row + v * LANES, 1, 3);
        return;
    }
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++)
            sum[i][v] += NAME(load_some)((const REAL *)t->c + i * t->c_row + v * LANES,
                                         t->columns - v * LANES);
}

/* Where a tile reads: a pointer to every third row of A, since more would not fit the registers and
 * the two rows behind each are in reach of an address. */
struct NAME(place) {
    const REAL *a0, *a3, *a6, *a9, *a12, *b;
    const char *ahead;
};

/* sum += one column of A times one row of B, and on to the next ones. */
TARGET INLINE void NAME(multiply_one)(struct NAME(place) * p, long row, long step, long b_step,
                                      long ahead_step, int rows, int vectors, bool adjacent,
                                      VECTOR (*sum)[2]) {
    VECTOR columns[2];
    for (int v = 0; v < vectors; v++) columns[v] = NAME(load)(p->b + v * LANES);
    if (!adjacent) /* keeps GCC from making a pointer of every row again */
        __asm__("" : "+r"(p->a0), "+r"(p->a3), "+r"(p->a6), "+r"(p->a9), "+r"(p->a12));
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++) {
        const REAL *near = i < 3 ? p->a0 : i < 6 ? p->a3 : i < 9 ? p->a6 : i < 12 ? p->a9 : p->a12;
        VECTOR element = (adjacent ? p->a0[i] : near[i % 3 * row]) - (VECTOR){0};
        for (int v = 0; v < vectors; v++) sum[i][v] += element * columns[v];
    }
    p->a0 += step, p->a3 += step, p->a6 += step, p->a9 += step, p->a12 += step;
    p->b += b_step;
    __builtin_prefetch(p->ahead, 0, 2);
    p->ahead += ahead_step;
}

TARGET INLINE void NAME(multiply)(const struct tile *t, int rows, int vectors, bool adjacent,
                                  VECTOR (*sum)[2]) {
    const long row = adjacent ? 1 : t->a_row, step = adjacent ? t->a_step : 1;
    const int turns = TURNS(rows, vectors);
    const char *ahead = t->ahead ? t->ahead : t->a;
    const long ahead_step = t->ahead ? 64 : 0;
    for (long s = 0; s < t->segments; s++) {
        const REAL *a = (const REAL *)t->a + s * t->a_segment;
        struct NAME(place) p = {a,           a + 3 * row,  a + 6 * row,
                                a + 9 * row, a + 12 * row, (const REAL *)t->b + s * t->b_segment,
                                ahead};
        long l = 0;
        for (; l + turns <= t->length; l += turns)
#pragma GCC unroll 4
            for (int turn = 0; turn < turns; turn++) NAME(multiply_one)
        (&p, row, step, t->b_step, ahead_step, rows, vectors, adjacent, sum + turn * rows);
        for (; turns > 1 && l < t->length; l++)
            NAME(multiply_one)(&p, row, step, t->b_step, ahead_step, rows, vectors, adjacent, sum);
    }
    for (int turn = 1; turn < turns; turn++)
        for (int i = 0; i < rows; i++)
            for (int v = 0; v < vectors; v++) sum[i][v] += sum[turn * rows + i][v];
}

TARGET INLINE void NAME(finish)(const struct tile *t, int rows, int vectors, VECTOR (*sum)[2]) {
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++) NAME(store_some)
    ((REAL *)t->c + i * t->c_row + v * LANES, t->columns - v * LANES,
     NAME(at_least)(sum[i][v], (REAL)t->floor));
}

#define TILE(rows, vectors, adjacent)                                                              \
    TARGET static void NAME(tile_##rows##_##vectors##_##adjacent)(const struct tile *t) {          \
        VECTOR sum[TURNS(rows, vectors) * rows][2];                                                \
        NAME(begin)(t, rows, vectors, sum);                                                        \
        NAME(multiply)(t, rows, vectors, adjacent, sum);                                           \
        NAME(finish)(t, rows, vectors, sum);                                                       \
    }
#define TILES(rows) TILE(rows, 1, 0) TILE(rows, 2, 0) TILE(rows, 1, 1) TILE(rows, 2, 1)
EACH_ROWS(TILES)

TARGET static void NAME(pack)(const void *from, long ld, long k, long columns, int vectors,
                              void *to) {
    const REAL *row = from;
    REAL *out = to;
    for (long i = 0; i < k; i++, row += ld, out += vectors * LANES)
        for (int v = 0; v < vectors; v++) {
            *(VECTOR *)(out + v * LANES) = NAME(load_some)(row + v * LANES, columns - v * LANES);
        }
}

/* A square of LANES x LANES at a time, by exchanging ever larger halves: of two rows lanes with the
 * bit `half` in one and without it in the other change places. */
TARGET INLINE void NAME(transpose)(VECTOR *row) {
#ifdef __clang__ /* has no shuffle with a mask that is computed */
    for (long half = 1; half < LANES; half *= 2)
        for (long i = 0; i < LANES; i++) {
            if (i & half) continue;
            VECTOR a = row[i], b = row[i + half];
            for (long l = 0; l < LANES; l++) {
                row[i][l] = (l & half) ? b[l - half] : a[l];
                row[i + half][l] = (l & half) ? b[l] : a[l + half];
            }
        }
#else
    __typeof__(row[0] > row[1]) low, high;
#pragma GCC unroll 16
    for (long half = 1; half < LANES; half *= 2) {
#pragma GCC unroll 16
        for (long l = 0; l < LANES; l++) {
            low[l] = (l & half) ? LANES + l - half : l;
            high[l] = (l & half) ? LANES + l : l + half;
        }
#pragma GCC unroll 16
        for (long i = 0; i < LANES; i++) {
            if (i & half) continue;
            VECTOR a = row[i], b = row[i + half];
            row[i] = __builtin_shuffle(a, b, low);
            row[i + half] = __builtin_shuffle(a, b, high);
        }
    }
#endif
}

TARGET static void NAME(pack_transposed)(const void *from, long ld, long k, long columns,
                                         int vectors, void *to) {
    const REAL *in = from;
    REAL *out = to;
    long width = vectors * LANES;
    for (int v = 0; v < vectors; v++) {
        long left = columns - v * LANES < LANES ? columns - v * LANES : LANES;
        for (long i = 0; i < k; i += LANES) {
            long some = k - i < LANES ? k - i : LANES;
            VECTOR square[LANES];
#pragma GCC unroll 16
            for (long r = 0; r < LANES; r++) {
                const REAL *row = in + (v * LANES + r) * ld + i;
                square[r] = r < left ? NAME(load_some)(row, some) : (VECTOR){0};
            }
            NAME(transpose)(square);
#pragma GCC unroll 16
            for (long r = 0; r < LANES; r++)
                if (r < some) *(VECTOR *)(out + (i + r) * width + v * LANES) = square[r];
        }
    }
}

TARGET static void NAME(transpose_rows)(const void *from, long from_ld, long rows, long columns,
                                        void *to, long to_ld) {
    for (long c = 0; c < columns; c += LANES) {
        VECTOR square[LANES];
#pragma GCC unroll 16
        for (long r = 0; r < LANES; r++)
            square[r] = r < rows
                            ? NAME(load_some)((const REAL *)from + r * from_ld + c, columns - c)
                            : (VECTOR){0};
        NAME(transpose)(square);
#pragma GCC unroll 16
        for (long r = 0; r < LANES; r++)
            if (c + r < columns) NAME(store_some)((REAL *)to + (c + r) * to_ld, rows, square[r]);
    }
}

#define ROWS_OF(rows)                                                                              \
    [rows] = {{NAME(tile_##rows##_1_0), NAME(tile_##rows##_2_0)},                                  \
              {NAME(tile_##rows##_1_1), NAME(tile_##rows##_2_1)}},
static const struct tile_set NAME(set) = {
    .isa = ISA_NAME,
    .element = sizeof(REAL),
    .lanes = LANES,
    .most_rows = MOST_ROWS,
    .run = {EACH_ROWS(ROWS_OF)},
    .pack = NAME(pack),
    .pack_transposed = NAME(pack_transposed),
    .transpose = NAME(transpose_rows),
};

#undef VECTOR
#undef LANES
#undef INLINE
#undef TILE
#undef TILES
#undef ROWS_OF
#undef TURNS
