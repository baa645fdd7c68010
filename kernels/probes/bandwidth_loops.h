/* The loops of all bandwidth probes in one instruction set. Private to bandwidth.c, which includes
 * this once for each after defining
 *   ISA           name, becomes part of every function's name
 *   TARGET        function attribute that turns the instructions on
 *   VECTOR_BYTES  width of a register
 *   REGISTER      asm constraint of a vector register
 *   STREAM_PAIR(x, i, v, w)  stores v at x[i] and w at x[i + 1] past the caches; left undefined
 *                            where there is no such store
 *   STREAM_END()  orders those stores before whatever follows
 * These are undefined again at the end. */
#ifndef FLOPSTEP_KERNELS_PROBES_BANDWIDTH_LOOPS_H
#define FLOPSTEP_KERNELS_PROBES_BANDWIDTH_LOOPS_H

#define JOIN__(isa, name) bandwidth_##isa##_##name
#define JOIN_(isa, name)  JOIN__(isa, name)
#define FN(name)          JOIN_(ISA, name)
#define VECTOR            FN(vector)

/* Pins a value in a register without an instruction: the compiler can neither drop the load nor
 * make a call of memcpy out of the loop. */
#define KEEP(v) __asm__ volatile("" : "+" REGISTER(v))

/* Hides that pointers advance together, so that each keeps a register of its own: stores without an
 * index register can use one more port on some cores. */
#define NEXT(p)                                                                                    \
    p += UNROLL;                                                                                   \
    __asm__("" : "+r"(p));

/* Vectors a block: 8 of the widest are BANDWIDTH_PROBE_BLOCK doubles. */
#define UNROLL             8
#define BLOCK(WHAT, VALUE) WHAT(0, VALUE) WHAT(4, VALUE)

/* One probe. S is the formula's s; STEPS are one block; unused pointers cost nothing. */
#define PROBE(NAME, S, STEPS, END)                                                                 \
    TARGET static void FN(NAME)(double *a, const double *b, const double *c, size_t n,             \
                                long repetitions) {                                                \
        const size_t blocks = n / (UNROLL * VECTOR_BYTES / sizeof(double));                        \
        VECTOR s = (VECTOR){0} + (S);                                                              \
        KEEP(s);                                                                                   \
        for (; repetitions > 0; repetitions--) {                                                   \
            VECTOR *x = (VECTOR *)a;                                                               \
            const VECTOR *y = (const VECTOR *)b, *z = (const VECTOR *)c;                           \
            for (size_t i = blocks; i > 0; i--) {                                                  \
                STEPS                                                                              \
            }                                                                                      \
            (void)x, (void)y, (void)z;                                                             \
            __asm__ volatile("" : : : "memory"); /* so that no repetition is redundant */          \
        }                                                                                          \
        END;                                                                                       \
    }

/* Four vectors of a formula: each stored at once (IN_TURN), or after all four are loaded (FOURS).
 * Zen 5 is the judge: copies gain 10 % in L2 from the latter; formulas with two loads gain 10 % in
 * L1 and updates in place 30 % in L2 from the former. Elsewhere they are equal. */
#define IN_TURN(i, VALUE)                                                                          \
    ONE(i, VALUE)                                                                                  \
    ONE(i + 1, VALUE)                                                                              \
    ONE(i + 2, VALUE)                                                                              \
    ONE(i + 3, VALUE)
#define ONE(i, VALUE)                                                                              \
    {                                                                                              \
        VECTOR v = VALUE(i);                                                                       \
        KEEP(v);                                                                                   \
        x[i] = v;                                                                                  \
    }
#define FOURS(i, VALUE)                                                                            \
    {                                                                                              \
        FOUR(i, VALUE);                                                                            \
        x[i] = v0;                                                                                 \
        x[i + 1] = v1;                                                                             \
        x[i + 2] = v2;                                                                             \
        x[i + 3] = v3;                                                                             \
    }
#define FOUR(i, VALUE)                                                                             \
    VECTOR v0 = VALUE(i), v1 = VALUE(i + 1), v2 = VALUE(i + 2), v3 = VALUE(i + 3);                 \
    KEEP(v0);                                                                                      \
    KEEP(v1);                                                                                      \
    KEEP(v2);                                                                                      \
    KEEP(v3)
#define STREAM(i, VALUE)                                                                           \
    {                                                                                              \
        FOUR(i, VALUE);                                                                            \
        STREAM_PAIR(x, i, v0, v1);                                                                 \
        STREAM_PAIR(x, i + 2, v2, v3);                                                             \
    }

/* Only loads: with an addition, cores that load more often than they add would be held back. */
#define DISCARD(i, VALUE)                                                                          \
    { FOUR(i, VALUE); }

#define COPY(i)   (y[i])
#define SCALED(i) (y[i] * s)
#define ADD(i)    (y[i] + z[i])
#define TRIAD(i)  (y[i] + z[i] * s)
#define LOAD(i)   (x[i])

/* In place, so repetitions must not pile up: with s = -1, s*a is its own inverse, and so is s*b - a
 * (as many loads, stores and FLOP as a + s*b). Rounding doesn't pile up either: rounded to even,
 * t - (t - (t - a)) = t - a (Reiser and Knuth, 1975), and halving b is exact. */
#define UPDATE(i) (x[i] * s)
#define AXPY(i)   (y[i] * s - x[i])

#endif

typedef double VECTOR __attribute__((vector_size(VECTOR_BYTES), may_alias));

PROBE(copy, 1, BLOCK(FOURS, COPY) NEXT(x) NEXT(y), )
PROBE(scale, 0.5, BLOCK(FOURS, SCALED) NEXT(x) NEXT(y), )
PROBE(add, 1, BLOCK(IN_TURN, ADD) NEXT(x) NEXT(y) NEXT(z), )
PROBE(triad, 0.5, BLOCK(IN_TURN, TRIAD) NEXT(x) NEXT(y) NEXT(z), )
PROBE(load, 1, BLOCK(DISCARD, LOAD) NEXT(x), )
PROBE(update, -1, BLOCK(IN_TURN, UPDATE) NEXT(x), )
PROBE(axpy, 0.5, BLOCK(IN_TURN, AXPY) NEXT(x) NEXT(y), )
#ifdef STREAM_PAIR
PROBE(copy_nt, 1, BLOCK(STREAM, COPY) NEXT(x) NEXT(y), STREAM_END())
PROBE(scale_nt, 0.5, BLOCK(STREAM, SCALED) NEXT(x) NEXT(y), STREAM_END())
PROBE(add_nt, 1, BLOCK(STREAM, ADD) NEXT(x) NEXT(y) NEXT(z), STREAM_END())
PROBE(triad_nt, 0.5, BLOCK(STREAM, TRIAD) NEXT(x) NEXT(y) NEXT(z), STREAM_END())
#endif

/* name, loads, stores, non-temporal, in place, arrays */
static const struct bandwidth_probe FN(table)[] = {
    {"copy", 1, 1, false, false, 2, FN(copy)},
    {"scale", 1, 1, false, false, 2, FN(scale)},
    {"add", 2, 1, false, false, 3, FN(add)},
    {"triad", 2, 1, false, false, 3, FN(triad)},
#ifdef STREAM_PAIR
    {"copy-nt", 1, 1, true, false, 2, FN(copy_nt)},
    {"scale-nt", 1, 1, true, false, 2, FN(scale_nt)},
    {"add-nt", 2, 1, true, false, 3, FN(add_nt)},
    {"triad-nt", 2, 1, true, false, 3, FN(triad_nt)},
#endif
    {"load", 1, 0, false, false, 1, FN(load)},
    {"update", 1, 1, false, true, 1, FN(update)},
    {"axpy", 2, 1, false, true, 2, FN(axpy)},
};

#undef ISA
#undef TARGET
#undef VECTOR_BYTES
#undef REGISTER
#undef STREAM_PAIR
#undef STREAM_END
