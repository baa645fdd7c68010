/* IDX files. The bytes of a file or of memory go through one reader, which inflates them where they
 * are gzip (RFC 1952), and hands out no more than it is asked for: a small file that inflates to
 * terabytes costs only what its header promises. */
#include "nn/idx.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "nn/reason.h"

enum {
    CHUNK = 1 << 16,
    UNSIGNED_BYTES = 0x08,
    GZIP_FIRST = 0x1f,
    GZIP_SECOND = 0x8b,
    GZIP_WINDOW = 15 + 16, /* inflateInit2: the largest window, gzip header and trailer */
    MOST_INFLATION = 1032, /* of deflate: 258 bytes from 2 bits */
};

struct reader {
    const char *name;
    char *reason;
    size_t reason_size;
    uint64_t length;     /* of the file, before it is inflated */
    int file;            /* -1: all of it is in memory */
    const uint8_t *next; /* bytes not used yet */
    size_t left;
    uint8_t *chunk;
    bool gzip, member_ended;
    z_stream zlib;
};

#define REFUSE(reader, format, ...)                                                                \
    refused(reason_set((reader)->reason, (reader)->reason_size, "%s: " format, (reader)->name,     \
                       ##__VA_ARGS__))

/* Makes `left` more than 0, except at the end of the file. */
static bool refill(struct reader *r) {
    if (r->left > 0 || r->file < 0) return true;
    ssize_t got;
    do got = read(r->file, r->chunk, CHUNK);
    while (got < 0 && errno == EINTR);
    if (got < 0) return REFUSE(r, "cannot read: %s", strerror(errno));
    r->next = r->chunk;
    r->left = (size_t)got;
    return true;
}

static bool copy_plain(struct reader *r, uint8_t *to, size_t count, size_t *got) {
    while (*got < count) {
        if (!refill(r)) return false;
        if (r->left == 0) return true;
        size_t part = count - *got < r->left ? count - *got : r->left;
        memcpy(to + *got, r->next, part);
        r->next += part;
        r->left -= part;
        *got += part;
    }
    return true;
}

static bool inflate_some(struct reader *r, uint8_t *to, size_t count, size_t *got) {
    while (*got < count) {
        if (!refill(r)) return false;
        if (r->member_ended) {
            if (r->left == 0) return true;
            /* Members may follow one another; anything else is found by inflate's header
             * check. */
            if (r->next[0] != GZIP_FIRST) return REFUSE(r, "bytes follow the end of the gzip data");
            inflateReset(&r->zlib);
            r->member_ended = false;
        }
        if (r->left == 0) return REFUSE(r, "the gzip data is truncated");
        size_t want = count - *got, part = want < (1u << 30) ? want : 1u << 30;
        size_t offered = r->left < (1u << 30) ? r->left : 1u << 30;
        r->zlib.next_in = (Bytef *)r->next;
        r->zlib.avail_in = (uInt)offered;
        r->zlib.next_out = to + *got;
        r->zlib.avail_out = (uInt)part;
        int status = inflate(&r->zlib, Z_NO_FLUSH);
        size_t used = offered - r->zlib.avail_in;
        r->next += used;
        r->left -= used;
        *got += part - r->zlib.avail_out;
        if (status == Z_STREAM_END)
            r->member_ended = true;
        else if (status == Z_MEM_ERROR)
            return REFUSE(r, "not enough memory to inflate it");
        else if (status != Z_OK && status != Z_BUF_ERROR)
            return REFUSE(r, "the gzip data is corrupt (%s)",
                          r->zlib.msg ? r->zlib.msg : "no gzip header");
    }
    return true;
}

/* Reads `count` bytes; `got` is fewer at the end of the data. False where they cannot be read.
 */
static bool take(struct reader *r, uint8_t *to, size_t count, size_t *got) {
    *got = 0;
    return r->gzip ? inflate_some(r, to, count, got) : copy_plain(r, to, count, got);
}

/* The CRC of a gzip member is checked only when its trailer is read: reading one byte more
 * than the data does that, and finds what does not belong there. */
static bool ends_here(struct reader *r) {
    uint8_t extra;
    size_t got;
    if (!take(r, &extra, 1, &got)) return false;
    return got == 0 || REFUSE(r, "longer than its header says");
}

/* True where `bytes` of data fit into the file behind `used` bytes of header. */
static bool can_hold(const struct reader *r, uint64_t bytes, uint64_t used) {
    uint64_t most = r->gzip && r->length > UINT64_MAX / MOST_INFLATION ? UINT64_MAX
                    : r->gzip                                          ? r->length * MOST_INFLATION
                                                                       : r->length;
    return used <= most && bytes <= most - used;
}

static bool read_header(struct idx *idx, struct reader *r) {
    uint8_t magic[4], extents[4 * IDX_MOST_DIMENSIONS] = {0};
    size_t got;
    if (!take(r, magic, sizeof magic, &got)) return false;
    if (got < sizeof magic) return REFUSE(r, "too short for an IDX file (%zu bytes)", got);
    if (magic[0] != 0 || magic[1] != 0)
        return REFUSE(r, "not an IDX file: it begins with %02x %02x, not with 00 00", magic[0],
                      magic[1]);
    if (magic[2] != UNSIGNED_BYTES)
        return REFUSE(r, "its elements have type 0x%02x; only unsigned bytes (0x08) are read",
                      magic[2]);
    if (magic[3] < 1 || magic[3] > IDX_MOST_DIMENSIONS)
        return REFUSE(r, "has %d dimensions; 1 to %d are read", magic[3], IDX_MOST_DIMENSIONS);

    idx->dimensions = magic[3];
    size_t header = 4 * (size_t)idx->dimensions;
    if (!take(r, extents, header, &got)) return false;
    if (got < header) return REFUSE(r, "truncated in its header");
    uint64_t bytes = 1;
    for (int d = 0; d < idx->dimensions; d++) {
        const uint8_t *e = extents + 4 * d;
        uint32_t extent = (uint32_t)e[0] << 24 | (uint32_t)e[1] << 16 | (uint32_t)e[2] << 8 | e[3];
        if (extent == 0) return REFUSE(r, "dimension %d of %d is 0", d + 1, idx->dimensions);
        if (__builtin_mul_overflow(bytes, extent, &bytes) || bytes > PTRDIFF_MAX)
            return REFUSE(r, "its dimensions overflow: wrong header");
        idx->extent[d] = (long)extent;
    }
    if (!can_hold(r, bytes, sizeof magic + header))
        return REFUSE(r,
                      "truncated, or a wrong header: it promises %llu bytes of data, more than a "
                      "%sfile of %llu bytes can hold",
                      (unsigned long long)bytes, r->gzip ? "gzip " : "",
                      (unsigned long long)r->length);
    idx->bytes = (size_t)bytes;
    return true;
}

static bool read_data(struct idx *idx, struct reader *r) {
    size_t got;
    idx->data = malloc(idx->bytes);
    if (!idx->data) return REFUSE(r, "not enough memory for %zu bytes", idx->bytes);
    if (!take(r, idx->data, idx->bytes, &got)) return false;
    if (got < idx->bytes)
        return REFUSE(r, "truncated: its header promises %zu bytes of data, it has %zu", idx->bytes,
                      got);
    return ends_here(r);
}

static bool read_all(struct idx *idx, struct reader *r) {
    if (!refill(r)) return false;
    if (r->left == 0) return REFUSE(r, "the file is empty");
    r->gzip = r->left >= 2 && r->next[0] == GZIP_FIRST && r->next[1] == GZIP_SECOND;
    if (r->gzip && inflateInit2(&r->zlib, GZIP_WINDOW) != Z_OK)
        return REFUSE(r, "not enough memory to inflate it");
    bool good = read_header(idx, r) && read_data(idx, r);
    if (r->gzip) inflateEnd(&r->zlib);
    if (!good) idx_free(idx);
    return good;
}

bool idx_parse(struct idx *idx, const uint8_t *bytes, size_t count, const char *name, char *reason,
               size_t size) {
    *idx = (struct idx){0};
    struct reader reader = {.name = name,
                            .reason = reason,
                            .reason_size = size,
                            .length = count,
                            .file = -1,
                            .next = bytes,
                            .left = count};
    return read_all(idx, &reader);
}

bool idx_read(struct idx *idx, const char *path, char *reason, size_t size) {
    *idx = (struct idx){0};
    struct reader reader = {.name = path, .reason = reason, .reason_size = size};
    /* Not blocking: opening a pipe nobody writes to would wait for ever. */
    reader.file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (reader.file < 0) return REFUSE(&reader, "cannot open: %s", strerror(errno));

    bool good = false;
    struct stat about;
    if (fstat(reader.file, &about) != 0)
        REFUSE(&reader, "cannot read: %s", strerror(errno));
    else if (S_ISDIR(about.st_mode))
        REFUSE(&reader, "is a directory, not an IDX file");
    else if (!S_ISREG(about.st_mode))
        REFUSE(&reader, "is not a regular file");
    else if (!(reader.chunk = malloc(CHUNK)))
        REFUSE(&reader, "not enough memory");
    else {
        reader.length = (uint64_t)about.st_size;
        good = read_all(idx, &reader);
    }
    free(reader.chunk);
    close(reader.file);
    return good;
}

void idx_free(struct idx *idx) {
    free(idx->data);
    *idx = (struct idx){0};
}
