/* IDX files, plain or gzip-compressed: the format of MNIST and its relatives (Y. LeCun, "The MNIST
 * database"): two zero bytes, a type byte (0x08: unsigned bytes), the number of dimensions, each
 * dimension as a big-endian 32-bit number, then the data. */
#ifndef FLOPSTEP_NN_IDX_H
#define FLOPSTEP_NN_IDX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IDX_MOST_DIMENSIONS = 4 };

struct idx {
    int dimensions;
    long extent[IDX_MOST_DIMENSIONS];
    uint8_t *data; /* malloced */
    size_t bytes;  /* the product of the extents */
};

/* Reads a whole file. Every header field is checked before memory is asked for, and no more is
 * asked for than a file of that length can hold (a gzip byte never becomes more than 1032); a file
 * that is longer or shorter than its header says is refused. False with a one-line reason that
 * names the file, and then nothing is to be freed. Free with idx_free. */
bool idx_read(struct idx *idx, const char *path, char *reason, size_t size);

/* The same from memory (uncompressed or gzip), `name` for the reason: what the fuzzer calls. Bytes
 * are gzip where they begin with gzip's two magic bytes, whatever the name ends in. */
bool idx_parse(struct idx *idx, const uint8_t *bytes, size_t count, const char *name, char *reason,
               size_t size);
void idx_free(struct idx *idx);

#endif
