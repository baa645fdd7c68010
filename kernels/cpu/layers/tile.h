/* The innermost loop of every product that is our own: a tile of C stays in vector registers while
 * A and B pass by. Dense layers and convolutions differ only in where the next element of A lies.
 */
#ifndef FLOPSTEP_KERNELS_CPU_LAYERS_TILE_H
#define FLOPSTEP_KERNELS_CPU_LAYERS_TILE_H

#include <stdbool.h>

#include "kernels/cpu/isa.h"
#include "kernels/scalar.h"

/* C[i][j] = max(floor, bias[j] + (add ? C[i][j] : 0) +
 *               sum over s < segments, l < length of A(i, s, l) B(s, l, j))
 *   A(i, s, l) = a[i a_row + s a_segment + l a_step]
 *   B(s, l, j) = b[s b_segment + l b_step + j]
 * Either a_row or a_step is 1. B is read in whole vectors, C is touched at `columns` columns. NaN
 * stays, whatever the floor. Distances are in elements. */
struct tile {
    long columns; /* of C: lanes at most, or 2 lanes for two vectors */
    long segments, length;
    const void *a;
    long a_row, a_segment, a_step;
    const void *b;
    long b_segment, b_step;
    void *c;
    long c_row;
    const void *bias; /* [columns], or NULL */
    double floor;     /* 0 is ReLU, -INFINITY nothing */
    bool add;
    const void *ahead; /* asked for meanwhile, a cache line for each l; NULL: nothing */
};

typedef void tile_function(const struct tile *tile);

enum { TILE_MOST_ROWS = 14 };

/* The tiles of one instruction set and type: `rows` of them, one or two vectors wide. */
struct tile_set {
    const char *isa; /* the name in isa_table */
    size_t element;  /* bytes */
    long lanes;      /* elements of a vector */
    long most_rows;  /* that leave registers for B and the broadcast element of A */
    /* [rows][A's rows lie side by side][vectors - 1] */
    tile_function *run[TILE_MOST_ROWS + 1][2][2];
    /* to[k][panel]: packs B for the tiles. Rows of `from` are `ld` apart; columns beyond `columns`
     * become 0 up to `vectors` whole vectors. The transposed one reads from[column][k]. */
    void (*pack)(const void *from, long ld, long k, long columns, int vectors, void *to);
    void (*pack_transposed)(const void *from, long ld, long k, long columns, int vectors, void *to);
    /* to[column][row] = from[row][column], rows up to `lanes`. */
    void (*transpose)(const void *from, long from_ld, long rows, long columns, void *to,
                      long to_ld);
};

/* Those of the instruction set, NULL where there are none; `isa` NULL: the widest that this machine
 * has. */
const struct tile_set *tile_set_find(const struct isa *isa, enum scalar type);

/* Number of tiles that `rows` rows are cut into, and where tile t begins: as equal as can be. */
static inline long tile_count(const struct tile_set *set, long rows) {
    return (rows + set->most_rows - 1) / set->most_rows;
}
static inline long tile_begin(long rows, long tiles, long t) { return rows * t / tiles; }

/* Columns of a panel at `column` of `columns`: two vectors, or one where one is enough. */
static inline int tile_vectors(const struct tile_set *set, long columns, long column) {
    return columns - column > set->lanes ? 2 : 1;
}

/* Runs a tile of so many rows, most_rows at most. */
static inline void tile_run(const struct tile_set *set, const struct tile *t, long rows) {
    set->run[rows][t->a_row == 1][t->columns > set->lanes](t);
}

/* Runs the tile over `rows` rows, `t` being the first of them: a, c at row 0. */
void tile_rows(const struct tile_set *set, const struct tile *t, long rows);

#endif
