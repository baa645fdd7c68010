/* Products by own tiles, blocked as Goto and van de Geijn (ACM TOMS 34, 2008) do: a panel of B is
 * packed and passes all rows of a block of A. The panel lies in the second cache, not the first: it
 * is read in order, and a deep one saves reading and writing C in between. */
#include <math.h>

#include "kernels/cpu/layers/cpu_layers.h"
#include "kernels/cpu/layers/tile.h"
#include "kernels/trace.h"

enum {
    BLOCK_ROWS = 196,            /* of A, that pass a panel: packing it costs a tenth of that */
    FAR_BYTES = 1 << 20,         /* of B, that do not stay in the second cache beside A */
    PANEL_BYTES = 1024 * 2 * 64, /* of B, 1024 deep, on the stack */
};

/* The tiles of a strip. Where B is large its next panel is asked for meanwhile, a part with each
 * tile: it lies in pieces too short for the processor to foresee. */
static void run_tiles(const struct queue *q, const struct tile_set *set, const struct product *p,
                      const struct tile *t, long rows, long column, long first) {
    long tiles = tile_count(set, rows), next = column + t->columns, line = 64 / (long)set->element;
    long width = p->n - next < t->columns ? p->n - next : t->columns;
    bool far = !p->trans_b && width > 0 && (size_t)(p->n * p->k) * set->element > FAR_BYTES;
    for (long i = 0; i < tiles; i++) {
        long begin = tile_begin(rows, tiles, i), end = tile_begin(rows, tiles, i + 1);
        struct tile part = *t;
        part.a = element_at(q, t->a, begin * t->a_row);
        part.c = element_at(q, t->c, begin * t->c_row);
        if (column == 0 && !p->trans_a && p->lda == p->k && i + 1 < tiles)
            part.ahead = element_at(q, t->a, end * t->a_row);
        for (long r = t->length * i / tiles; far && r < t->length * (i + 1) / tiles; r++)
            for (long c = 0; c < width; c += line)
                __builtin_prefetch(element_at(q, p->b, (first + r) * p->ldb + next + c), 0, 2);
        tile_run(set, &part, end - begin);
    }
}

/* A strip of C: `rows` rows and the columns of one panel. */
static void strip(const struct queue *q, const struct tile_set *set, const struct product *p,
                  long from, long rows, long column, long first, long depth) {
    _Alignas(64) char panel[PANEL_BYTES];
    int vectors = tile_vectors(set, p->n, column);
    long columns = p->n - column < vectors * set->lanes ? p->n - column : vectors * set->lanes;
    bool last = first + depth == p->k;
    struct tile t = {
        .columns = columns,
        .segments = 1,
        .length = depth,
        .a = element_at(q, p->a, p->trans_a ? first * p->lda + from : from * p->lda + first),
        .a_row = p->trans_a ? 1 : p->lda,
        .a_step = p->trans_a ? p->lda : 1,
        .b = panel,
        .b_step = vectors * set->lanes,
        .c = element_at(q, p->c, from * p->ldc + column),
        .c_row = p->ldc,
        .bias = p->bias && !first ? element_at(q, p->bias, column) : NULL,
        .floor = p->relu && last ? 0 : -INFINITY,
        .add = p->beta != 0 || first > 0,
    };
    if (p->trans_b) {
        set->pack_transposed(element_at(q, p->b, column * p->ldb + first), p->ldb, depth, columns,
                             vectors, panel);
    } else {
        const void *b = element_at(q, p->b, first * p->ldb + column);
        bool whole = columns == vectors * set->lanes;
        if (whole && (rows <= set->most_rows || p->ldb == t.b_step)) { /* read once, or a panel by
                                                                          itself: as it lies */
            t.b = b;
            t.b_step = p->ldb;
        } else {
            set->pack(b, p->ldb, depth, columns, vectors, panel);
        }
    }
    run_tiles(q, set, p, &t, rows, column, first);
}

/* C has fewer columns than a vector has lanes, and A is transposed: C^T = B^T A has full vectors.
 */
static bool is_narrow(const struct tile_set *set, const struct product *p) {
    return p->trans_a && !p->trans_b && p->beta == 0 && !p->bias && !p->relu &&
           4 * p->n <= 3 * set->lanes && p->m >= 2 * set->lanes;
}

static void narrow(const struct queue *q, const struct tile_set *set, const struct product *p) {
    _Alignas(64) char panel[PANEL_BYTES], sums[TILE_MOST_ROWS * 2 * 64];
    long width = 2 * set->lanes, depth = PANEL_BYTES / (width * (long)set->element);
    for (long row = 0; row < p->m; row += width) {
        long rows = p->m - row < width ? p->m - row : width;
        for (long first = 0; first < p->k; first += depth) {
            const void *a = element_at(q, p->a, first * p->lda + row);
            struct tile t = {
                .columns = width,
                .segments = 1,
                .length = p->k - first < depth ? p->k - first : depth,
                .a = element_at(q, p->b, first * p->ldb),
                .a_row = 1,
                .a_step = p->ldb,
                .b = a,
                .b_step = p->lda,
                .c = sums,
                .c_row = width,
                .floor = -INFINITY,
                .add = first > 0,
            };
            if (rows < width) { /* no whole vectors */
                set->pack(a, p->lda, t.length, rows, 2, panel);
                t.b = panel;
                t.b_step = width;
            }
            tile_rows(set, &t, p->n);
        }
        set->transpose(sums, width, p->n, rows, element_at(q, p->c, row * p->ldc), p->ldc);
    }
}

void cpu_own_product(const struct queue *q, int thread, const struct product *p) {
    struct span span = {.operation = "own", .m = p->m, .n = p->n, .k = p->k, .thread = thread};
    const struct tile_set *set = tile_set_find(q->isa, q->type);
    long depth = PANEL_BYTES / (tile_vectors(set, p->n, 0) * set->lanes * (long)set->element);
    long layers = (p->k + depth - 1) / depth, blocks = (p->m + BLOCK_ROWS - 1) / BLOCK_ROWS;
    span_begin(&span);
    if (is_narrow(set, p)) {
        narrow(q, set, p);
        blocks = 0;
    }
    for (long block = 0; block < blocks; block++) {
        long from = p->m * block / blocks, rows = p->m * (block + 1) / blocks - from;
        for (long layer = 0; layer < layers; layer++) {
            long first = p->k * layer / layers, end = p->k * (layer + 1) / layers;
            for (long column = 0; column < p->n;
                 column += tile_vectors(set, p->n, column) * set->lanes)
                strip(q, set, p, from, rows, column, first, end - first);
        }
    }
    span_end(&span);
}
