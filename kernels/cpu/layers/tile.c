#include "kernels/cpu/layers/tile.h"

#include <string.h>

const struct tile_set *tile_set_avx512(enum scalar type);
const struct tile_set *tile_set_avx2(enum scalar type);
const struct tile_set *tile_set_generic(enum scalar type);

const struct tile_set *tile_set_find(const struct isa *isa, enum scalar type) {
    if (!isa) isa = isa_best();
#if defined __x86_64__
    if (strcmp(isa->name, "avx512") == 0) return tile_set_avx512(type);
    if (strcmp(isa->name, "avx2") == 0) return tile_set_avx2(type);
#endif
    const struct tile_set *generic = tile_set_generic(type);
    return strcmp(isa->name, generic->isa) == 0 || strcmp(isa->name, "generic") == 0 ? generic
                                                                                     : NULL;
}

void tile_rows(const struct tile_set *set, const struct tile *t, long rows) {
    struct tile part = *t;
    size_t element = set->element;
    long tiles = tile_count(set, rows);
    for (long i = 0; i < tiles; i++) {
        long begin = tile_begin(rows, tiles, i), end = tile_begin(rows, tiles, i + 1);
        part.a = (const char *)t->a + (size_t)(begin * t->a_row) * element;
        part.c = (char *)t->c + (size_t)(begin * t->c_row) * element;
        tile_run(set, &part, end - begin);
    }
}
