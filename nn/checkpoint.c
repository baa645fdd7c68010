/* The file, all numbers little-endian:
 *   8 bytes   "flopckpt"
 *   u32       version
 *   u32       bytes before the arrays
 *   u64       bytes of the whole file
 *   texts     u32 length and bytes each, without a 0: network, recipe, dataset, class names,
 * optimizer numbers   u64 each (i64, or the bits of a double), in the order of `number_rows` arrays
 * parameters, the optimizer's slots, the best parameters: of the element type u32       CRC-32
 * (zlib's) of everything before it The version changes with any of it, and with the order of the
 * enums that are stored. */
#include "nn/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "nn/layers.h"
#include "nn/notation.h"
#include "nn/reason.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "arrays are written as they are");
_Static_assert(SCALAR_S == 0 && SCALAR_D == 1 && LOSS_HALF_SUM == 0 && LOSS_CATEGORICAL == 4 &&
                   SAMPLING_EPOCHS == 0 && SAMPLING_ORDER == 2 && SCHEDULE_CONSTANT == 0 &&
                   SCHEDULE_COSINE == 1,
               "the order of enums is part of the format");

static const char magic[] = "flopckpt";
enum { MAGIC = 8, PREFIX = 24, CRC = 4, CHUNK = 1 << 20, LONGEST_SIDE = 1 << 20 };

static const struct {
    const char *name;
    size_t offset, size;
} text_rows[] = {
    {"network", offsetof(struct checkpoint, network), NETWORK_TEXT},
    {"recipe", offsetof(struct checkpoint, recipe), CHECKPOINT_NAME},
    {"data set", offsetof(struct checkpoint, dataset), CHECKPOINT_NAME},
    {"class names", offsetof(struct checkpoint, class_names), CHECKPOINT_CLASSES},
    {"optimizer", offsetof(struct checkpoint, optimizer), OPTIMIZER_TEXT},
};
enum { TEXT_ROWS = sizeof text_rows / sizeof *text_rows };

/* Whole numbers with their range, and fractions. */
enum number_kind { NUMBER_LONG, NUMBER_INT, NUMBER_SEED, NUMBER_BOOL, NUMBER_FRACTION };
static const struct {
    const char *name;
    size_t offset;
    enum number_kind kind;
    int64_t least, most;
} number_rows[] = {
#define NUMBER(name, member, kind, least, most)                                                    \
    { name, offsetof(struct checkpoint, member), kind, least, most }
    NUMBER("height", in.height, NUMBER_LONG, 1, LONGEST_SIDE),
    NUMBER("width", in.width, NUMBER_LONG, 1, LONGEST_SIDE),
    NUMBER("channels", in.channels, NUMBER_LONG, 1, LONGEST_SIDE),
    NUMBER("type", type, NUMBER_INT, 0, SCALAR_CPU_COUNT - 1),
    NUMBER("loss", loss, NUMBER_INT, 0, LOSS_COUNT - 1),
    NUMBER("training samples", train_samples, NUMBER_LONG, 0, INT64_MAX),
    NUMBER("sampling", sampling, NUMBER_INT, 0, SAMPLING_ORDER),
    NUMBER("batch", batch, NUMBER_LONG, 0, INT64_MAX),
    NUMBER("seed", seed, NUMBER_SEED, 0, 0),
    NUMBER("step", step, NUMBER_LONG, 0, INT64_MAX - 1),
    NUMBER("schedule", schedule, NUMBER_INT, 0, SCHEDULE_COSINE),
    NUMBER("steps of the schedule", schedule_steps, NUMBER_LONG, 0, INT64_MAX),
    NUMBER("step of the optimizer", optimizer_step, NUMBER_LONG, 0, INT64_MAX - 1),
    NUMBER("product of momenta", mu_product, NUMBER_FRACTION, 0, 0),
    NUMBER("whether it has the best", has_best, NUMBER_BOOL, 0, 1),
    NUMBER("best accuracy", best_accuracy, NUMBER_FRACTION, 0, 0),
    NUMBER("best step", best_step, NUMBER_LONG, 0, INT64_MAX),
    NUMBER("parameters", parameters, NUMBER_LONG, 0, INT64_MAX),
    NUMBER("slots", slots, NUMBER_INT, 0, 2),
#undef NUMBER
};
enum { NUMBER_ROWS = sizeof number_rows / sizeof *number_rows };

_Static_assert(sizeof(enum scalar) == sizeof(int) && sizeof(enum loss) == sizeof(int) &&
                   sizeof(enum sampling) == sizeof(int) && sizeof(enum schedule) == sizeof(int) &&
                   sizeof(long) == sizeof(int64_t),
               "what number_rows stores and sets");

static uint64_t number_get(const struct checkpoint *c, int row) {
    const char *at = (const char *)c + number_rows[row].offset;
    uint64_t bits = 0;
    int whole;
    switch (number_rows[row].kind) {
    case NUMBER_INT: memcpy(&whole, at, sizeof whole); return (uint64_t)whole;
    case NUMBER_BOOL: return *(const bool *)at;
    default: memcpy(&bits, at, sizeof bits); return bits;
    }
}

/* False where the number is out of its range. */
static bool number_set(struct checkpoint *c, int row, uint64_t bits) {
    char *at = (char *)c + number_rows[row].offset;
    enum number_kind kind = number_rows[row].kind;
    int64_t value = (int64_t)bits;
    double fraction;
    int whole;
    if (kind == NUMBER_FRACTION) {
        memcpy(&fraction, &bits, sizeof fraction);
        if (!(fraction >= 0 && fraction <= 1)) return false;
    } else if (kind != NUMBER_SEED &&
               (value < number_rows[row].least || value > number_rows[row].most)) {
        return false;
    }
    if (kind == NUMBER_INT) {
        whole = (int)value;
        memcpy(at, &whole, sizeof whole);
    } else if (kind == NUMBER_BOOL) {
        *(bool *)at = value != 0;
    } else {
        memcpy(at, &bits, sizeof bits);
    }
    return true;
}

/* Writing: into memory that is large enough for every header. */
enum {
    MOST_HEADER =
        PREFIX + NETWORK_TEXT + 2 * CHECKPOINT_NAME + CHECKPOINT_CLASSES + OPTIMIZER_TEXT + 1024
};

struct header {
    uint8_t bytes[MOST_HEADER];
    size_t count;
};

static void put(struct header *h, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) h->bytes[h->count++] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *bytes, int count) {
    uint64_t value = 0;
    for (int i = 0; i < count; i++) value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

static size_t array_bytes(const struct checkpoint *c) {
    return (size_t)c->parameters * scalar_bytes(c->type);
}

static int array_count(const struct checkpoint *c) { return 1 + c->slots + c->has_best; }

static void header_of(const struct checkpoint *c, struct header *h) {
    h->count = 0;
    memcpy(h->bytes, magic, MAGIC);
    h->count = PREFIX;
    for (int i = 0; i < TEXT_ROWS; i++) {
        const char *text = (const char *)c + text_rows[i].offset;
        size_t length = strnlen(text, text_rows[i].size - 1);
        put(h, length, 4);
        memcpy(h->bytes + h->count, text, length);
        h->count += length;
    }
    for (int i = 0; i < NUMBER_ROWS; i++) put(h, number_get(c, i), 8);
    size_t count = h->count;
    h->count = MAGIC;
    put(h, CHECKPOINT_VERSION, 4);
    put(h, count, 4);
    put(h, count + (size_t)array_count(c) * array_bytes(c) + CRC, 8);
    h->count = count;
}

/* The same layers: what is written differently may still be the same network. */
static bool same_layers(const struct architecture *a, const struct architecture *b) {
    if (a->count != b->count || extent_size(a->in) != extent_size(b->in)) return false;
    for (int i = 0; i < a->count; i++) {
        const struct layer *l = &a->layers[i], *k = &b->layers[i];
        if (l->kind != k->kind || l->in.height != k->in.height || l->in.width != k->in.width ||
            l->in.channels != k->in.channels || l->size != k->size || l->kernel != k->kernel ||
            l->stride != k->stride || l->padding != k->padding || l->rate != k->rate ||
            l->slope != k->slope)
            return false;
    }
    return true;
}

static bool same_settings(const struct optimizer_settings *a, const struct optimizer_settings *b) {
    const struct update_numbers *x = &a->numbers, *y = &b->numbers;
    return a->kind == b->kind && a->corrects == b->corrects &&
           a->momentum_decay == b->momentum_decay && x->lr == y->lr && x->mu == y->mu &&
           x->rho == y->rho && x->b1 == y->b1 && x->b2 == y->b2 && x->eps == y->eps &&
           x->decay == y->decay;
}

static long parameters_of(const struct architecture *a) {
    long sum = 0;
    for (int i = 0; i < a->count; i++) sum += a->layers[i].weights + a->layers[i].biases;
    return sum;
}

/* What belongs to one file that is being read or written. */
struct file_name {
    const char *name;
    char *reason;
    size_t size;
};
#define REFUSE(file, format, ...)                                                                  \
    refused(reason_set((file)->reason, (file)->size, "%s: " format, (file)->name, ##__VA_ARGS__))

/* Whether the texts say what they should, with their meaning. */
static bool check_meaning(const struct checkpoint *c, const struct file_name *f,
                          struct architecture *architecture, struct optimizer_settings *settings) {
    char why[NETWORK_REASON];
    if (c->in.height * c->in.width > INT_MAX / c->in.channels)
        return REFUSE(f, "an input of %ldx%ldx%ld is too large", c->in.height, c->in.width,
                      c->in.channels);
    if (!architecture_parse(architecture, c->network, c->in, why, sizeof why))
        return REFUSE(f, "%s", why);
    if (parameters_of(architecture) != c->parameters)
        return REFUSE(f, "the network has %ld parameters, the file %ld",
                      parameters_of(architecture), c->parameters);
    int slots = 0;
    if (c->optimizer[0]) {
        if (!optimizer_parse(settings, c->optimizer, why, sizeof why)) return REFUSE(f, "%s", why);
        slots = settings->kind->slots;
    }
    if (slots != c->slots)
        return REFUSE(f, "the optimizer has %d arrays, the file %d", slots, c->slots);
    return true;
}

/* What the first bytes of a file of `total` bytes say about it. */
static bool check_prefix(const uint8_t *bytes, size_t total, const struct file_name *f) {
    size_t whole = total < MAGIC ? total : MAGIC;
    if (total == 0) return REFUSE(f, "the file is empty");
    if (memcmp(bytes, magic, whole) != 0) return REFUSE(f, "not a checkpoint of flopstep");
    if (total < PREFIX) return REFUSE(f, "truncated: %zu bytes are left", total);
    unsigned version = (unsigned)get(bytes + MAGIC, 4);
    if (version != CHECKPOINT_VERSION)
        return REFUSE(f, "a checkpoint of version %u; this flopstep reads version %d", version,
                      CHECKPOINT_VERSION);
    uint64_t expected = get(bytes + 16, 8);
    if (expected > total)
        return REFUSE(f, "truncated: %zu of %llu bytes are left", total,
                      (unsigned long long)expected);
    if (expected < total)
        return REFUSE(f, "%llu bytes follow its end", (unsigned long long)(total - expected));
    return true;
}

static bool take_texts(struct checkpoint *c, const uint8_t *bytes, size_t end, size_t *at,
                       const struct file_name *f) {
    for (int i = 0; i < TEXT_ROWS; i++) {
        if (end - *at < 4) return REFUSE(f, "its header is too short");
        uint64_t length = get(bytes + *at, 4);
        *at += 4;
        if (length >= text_rows[i].size || length > end - *at)
            return REFUSE(f, "its %s are too long", text_rows[i].name);
        char *text = (char *)c + text_rows[i].offset;
        bool lines = strcmp(text_rows[i].name, "class names") == 0;
        memcpy(text, bytes + *at, length);
        text[length] = '\0';
        *at += length;
        for (size_t j = 0; j < length; j++)
            if (((unsigned char)text[j] < ' ' && !(lines && text[j] == '\n')) || text[j] == 0x7f)
                return REFUSE(f, "control characters are in its %s", text_rows[i].name);
    }
    return true;
}

bool checkpoint_parse(struct checkpoint_view *view, const uint8_t *bytes, size_t count,
                      const char *name, char *reason, size_t size) {
    struct file_name f = {name, reason, size};
    struct checkpoint *c = &view->checkpoint;
    struct architecture architecture;
    struct optimizer_settings settings;
    *view = (struct checkpoint_view){0};
    if (!check_prefix(bytes, count, &f)) return false;
    size_t header = (size_t)get(bytes + 12, 4), at = PREFIX, data = count - CRC;
    uLong sum = crc32_z(crc32_z(0, NULL, 0), bytes, data);
    if (sum != get(bytes + data, CRC))
        return REFUSE(&f, "damaged: its contents do not match its CRC-32");
    if (header < PREFIX || header > data) return REFUSE(&f, "the size of its header is wrong");
    if (!take_texts(c, bytes, header, &at, &f)) return false;
    if (header - at != (size_t)NUMBER_ROWS * 8) return REFUSE(&f, "its header has another size");
    for (int i = 0; i < NUMBER_ROWS; i++, at += 8)
        if (!number_set(c, i, get(bytes + at, 8)))
            return REFUSE(&f, "the %s in it makes no sense", number_rows[i].name);
    if (!check_meaning(c, &f, &architecture, &settings)) return false;
    size_t array = array_bytes(c); /* of a network that passed: far from overflow */
    if ((size_t)array_count(c) * array != data - header)
        return REFUSE(&f, "%zu bytes of arrays, where %d of %zu belong", data - header,
                      array_count(c), array);
    view->parameters = bytes + at;
    for (int i = 0; i < c->slots; i++) view->slot[i] = bytes + (at += array);
    if (c->has_best) view->best = bytes + at + array;
    return true;
}

static bool read_all(int file, uint8_t *to, size_t count, const struct file_name *f) {
    while (count > 0) {
        ssize_t got = read(file, to, count < INT_MAX ? count : INT_MAX);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return REFUSE(f, "cannot read: %s", strerror(errno));
        if (got == 0) return REFUSE(f, "truncated while it was read");
        to += got;
        count -= (size_t)got;
    }
    return true;
}

/* The whole file, malloced; a large file that is no checkpoint is not read. NULL with a reason. */
static uint8_t *read_file(const struct file_name *f, size_t *count) {
    struct stat status;
    uint8_t prefix[PREFIX], *bytes = NULL;
    int file = open(f->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* of a pipe: does not wait */
    if (file < 0) {
        REFUSE(f, "%s", strerror(errno));
        return NULL;
    }
    bool good = fstat(file, &status) == 0;
    if (!good)
        REFUSE(f, "%s", strerror(errno));
    else if (!S_ISREG(status.st_mode))
        good = REFUSE(f, "%s, not a checkpoint", S_ISDIR(status.st_mode) ? "a folder" : "a device");
    *count = good ? (size_t)status.st_size : 0;
    size_t begin = *count < PREFIX ? *count : PREFIX;
    good = good && read_all(file, prefix, begin, f) && check_prefix(prefix, *count, f);
    if (good && !(bytes = malloc(*count)))
        good = REFUSE(f, "not enough memory for its %zu bytes", *count);
    if (good) {
        memcpy(bytes, prefix, begin);
        good = read_all(file, bytes + begin, *count - begin, f);
    }
    close(file);
    if (good) return bytes;
    free(bytes);
    return NULL;
}

bool checkpoint_read(const char *path, struct checkpoint *checkpoint, char *reason, size_t size) {
    struct file_name f = {path, reason, size};
    struct checkpoint_view view;
    size_t count;
    uint8_t *bytes = read_file(&f, &count);
    bool good = bytes && checkpoint_parse(&view, bytes, count, path, reason, size);
    if (good) *checkpoint = view.checkpoint;
    free(bytes);
    return good;
}

static bool fits(const struct checkpoint *c, const struct network *n, const struct optimizer *o,
                 const struct file_name *f) {
    struct architecture architecture;
    struct optimizer_settings settings;
    if (!check_meaning(c, f, &architecture, &settings)) return false;
    if (!same_layers(&architecture, &n->architecture))
        return REFUSE(f, "holds the network '%.300s', not '%.300s'", c->network,
                      n->architecture.text);
    if (c->type != n->queue->type)
        return REFUSE(f, "its numbers have type %s, not %s", scalar_letter(c->type),
                      scalar_letter(n->queue->type));
    if (c->loss != n->loss) return REFUSE(f, "it was trained with another loss function");
    if (!o) return true;
    if (!c->optimizer[0]) return REFUSE(f, "it holds no optimizer, so no training can go on");
    char text[OPTIMIZER_TEXT];
    optimizer_text(&o->settings, text, sizeof text);
    if (!same_settings(&settings, &o->settings))
        return REFUSE(f, "its optimizer is '%s', not '%s'", c->optimizer, text);
    return true;
}

bool checkpoint_load(const char *path, struct checkpoint *checkpoint, struct network *n,
                     struct optimizer *o, void *best, char *reason, size_t size) {
    struct file_name f = {path, reason, size};
    struct checkpoint_view view;
    const struct checkpoint *c = &view.checkpoint;
    size_t count;
    uint8_t *bytes = read_file(&f, &count);
    if (!bytes || !checkpoint_parse(&view, bytes, count, path, reason, size)) {
        free(bytes);
        return false;
    }
    *checkpoint = *c;
    bool good = fits(c, n, o, &f);
    const struct device *device = n->queue->device;
    size_t array = array_bytes(c);
    if (good) device->copy_in(device, n->parameter.memory, view.parameters, array);
    if (good && o) {
        for (int i = 0; i < c->slots; i++) device->copy_in(device, o->slot[i], view.slot[i], array);
        o->schedule = c->schedule;
        o->steps = c->schedule_steps;
        o->step = c->optimizer_step;
        o->mu_product = c->mu_product;
    }
    if (good && best && view.best) memcpy(best, view.best, array);
    if (good) device->synchronise(device);
    free(bytes);
    return good;
}

static void copy_text(char *to, size_t size, const char *text) { snprintf(to, size, "%s", text); }

void checkpoint_describe(struct checkpoint *c, const struct training *t) {
    const struct network *n = t->network;
    *c = (struct checkpoint){.in = n->architecture.in,
                             .type = n->queue->type,
                             .loss = n->loss,
                             .train_samples = t->data->train.count,
                             .sampling = t->sampling,
                             .batch = t->batch,
                             .seed = t->seed,
                             .step = t->step,
                             .mu_product = 1,
                             .parameters = n->parameters};
    copy_text(c->network, sizeof c->network, n->architecture.text);
    copy_text(c->dataset, sizeof c->dataset, t->data->name);
    size_t used = 0;
    for (const char *const *name = t->data->class_names; name && *name; name++) {
        size_t length = strlen(*name) + (used > 0);
        if (used + length >= sizeof c->class_names) { /* rather numbers than half the names */
            c->class_names[0] = '\0';
            break;
        }
        used += (size_t)snprintf(c->class_names + used, sizeof c->class_names - used, "%s%s",
                                 used ? "\n" : "", *name);
    }
    if (!t->optimizer) return;
    optimizer_text(&t->optimizer->settings, c->optimizer, sizeof c->optimizer);
    c->schedule = t->optimizer->schedule;
    c->schedule_steps = t->optimizer->steps;
    c->optimizer_step = t->optimizer->step;
    c->mu_product = t->optimizer->mu_product;
    c->slots = t->optimizer->settings.kind->slots;
}

bool checkpoint_resume(const struct checkpoint *c, struct training *t, char *reason, size_t size) {
    if (strcmp(c->dataset, t->data->name) != 0)
        return reason_set(reason, size, "the checkpoint was trained on %s, not %s", c->dataset,
                          t->data->name);
    if (c->train_samples && c->train_samples != t->data->train.count)
        return reason_set(reason, size,
                          "the checkpoint was trained on %ld samples of %s, not %ld; give the same "
                          "--validation",
                          c->train_samples, c->dataset, t->data->train.count);
    if (c->sampling != t->sampling)
        return reason_set(reason, size, "the checkpoint's sampling is '%s', not '%s'",
                          sampling_names[c->sampling], sampling_names[t->sampling]);
    if (c->batch != t->batch)
        return reason_set(reason, size, "the checkpoint's batch is %ld, not %ld", c->batch,
                          t->batch);
    if (c->seed != t->seed)
        return reason_set(reason, size, "the checkpoint's seed is %llu, not %llu",
                          (unsigned long long)c->seed, (unsigned long long)t->seed);
    t->step = c->step;
    t->ordered = -1;
    return true;
}

/* A file that is being written beside the one it will replace. */
struct fresh {
    struct file_name f;
    char *target, *path; /* malloced */
    int file;
    uLong crc;
};

/* The file that `path` is or will be: behind links, and a plain file where it exists. NULL with a
 * reason. */
static char *target_of(const struct file_name *f, mode_t *mode) {
    struct stat status;
    *mode = 0;
    if (stat(f->name, &status) != 0) {
        if (errno != ENOENT || !f->name[0]) {
            REFUSE(f, "cannot write: %s", strerror(errno));
            return NULL;
        }
        return strdup(f->name);
    }
    if (!S_ISREG(status.st_mode)) {
        REFUSE(f, "cannot write: %s", S_ISDIR(status.st_mode) ? "a folder" : "not a plain file");
        return NULL;
    }
    *mode = status.st_mode & 0777;
    char *real = realpath(f->name, NULL);
    if (!real) REFUSE(f, "cannot write: %s", strerror(errno));
    return real;
}

static void fresh_abandon(struct fresh *w) {
    if (w->file >= 0 && w->path) {
        close(w->file);
        unlink(w->path);
    }
    free(w->path);
    free(w->target);
}

static bool fresh_open(struct fresh *w, const char *path, char *reason, size_t size) {
    mode_t mode;
    *w = (struct fresh){.f = {path, reason, size}, .file = -1, .crc = crc32_z(0, NULL, 0)};
    w->target = target_of(&w->f, &mode);
    if (!w->target) return false;
    const char *slash = strrchr(w->target, '/');
    int folder = slash ? (int)(slash - w->target) + 1 : 0;
    for (int number = 0; number < 1000 && w->file < 0; number++) {
        free(w->path);
        w->path = NULL;
        if (asprintf(&w->path, "%.*s.flopstep-%ld-%d", folder, w->target, (long)getpid(), number) <
            0) {
            w->path = NULL;
            break;
        }
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): fresh_abandon frees the path */
        w->file = open(w->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (w->file < 0 && errno != EEXIST) break;
    }
    if (w->file >= 0) {
        if (mode && fchmod(w->file, mode) != 0) errno = 0; /* as it was, where that can be */
        return true;
    }
    REFUSE(&w->f, "cannot write: %s", strerror(errno));
    fresh_abandon(w);
    return false;
}

static bool fresh_write(struct fresh *w, const void *from, size_t count) {
    const uint8_t *next = from;
    w->crc = crc32_z(w->crc, next, count);
    while (count > 0) {
        ssize_t done = write(w->file, next, count < INT_MAX ? count : INT_MAX);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return REFUSE(&w->f, "cannot write: %s", strerror(errno));
        next += done;
        count -= (size_t)done;
    }
    return true;
}

/* `count` bytes of the device's memory. */
static bool fresh_write_device(struct fresh *w, const struct device *device, const void *from,
                               size_t count) {
    size_t part = count < CHUNK ? count : CHUNK;
    uint8_t *host = malloc(part ? part : 1);
    bool good = host || REFUSE(&w->f, "out of memory");
    for (size_t at = 0; good && at < count; at += part) {
        if (part > count - at) part = count - at;
        device->copy_out(device, host, (const char *)from + at, part);
        device->synchronise(device);
        good = fresh_write(w, host, part);
    }
    free(host);
    return good;
}

/* On the disk before it takes the old one's place. */
static bool fresh_close(struct fresh *w) {
    bool synchronised = fsync(w->file) == 0 || errno == EINVAL || errno == ENOSYS;
    if (!synchronised || rename(w->path, w->target) != 0) {
        REFUSE(&w->f, "cannot write: %s", strerror(errno));
        fresh_abandon(w);
        return false;
    }
    int closed = close(w->file), error = errno;
    w->file = -1;
    char *slash = strrchr(w->target, '/');
    if (slash) slash[slash == w->target] = '\0';
    int folder = open(slash ? w->target : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        fsync(folder);
        close(folder);
    }
    if (closed != 0) REFUSE(&w->f, "cannot write: %s", strerror(error));
    fresh_abandon(w);
    return closed == 0;
}

bool checkpoint_writable(const char *path, char *reason, size_t size) {
    struct fresh w;
    if (!fresh_open(&w, path, reason, size)) return false;
    fresh_abandon(&w);
    return true;
}

bool checkpoint_write(const char *path, const struct checkpoint *checkpoint,
                      const struct network *n, const struct optimizer *o, const void *best,
                      char *reason, size_t size) {
    struct checkpoint c = *checkpoint;
    struct file_name f = {path, reason, size};
    const struct device *device = n->queue->device;
    c.parameters = n->parameters;
    c.slots = o ? o->settings.kind->slots : 0;
    c.has_best = c.has_best && best;
    if (!o) c.optimizer[0] = '\0';
    if (!(c.best_accuracy >= 0 && c.best_accuracy <= 1)) c.best_accuracy = 0;
    if (!(c.mu_product >= 0 && c.mu_product <= 1)) c.mu_product = 1;
    /* What could not be read back must not be written: a text that was cut, for example. */
    struct header h;
    struct fresh w;
    struct checkpoint copy = c;
    size_t at = PREFIX;
    header_of(&c, &h);
    if (!fits(&c, n, o, &f) || !take_texts(&copy, h.bytes, h.count, &at, &f)) return false;
    for (int i = 0; i < NUMBER_ROWS; i++)
        if (!number_set(&copy, i, number_get(&c, i)))
            return REFUSE(&f, "the %s makes no sense", number_rows[i].name);
    if (!fresh_open(&w, path, reason, size)) return false;
    bool good = fresh_write(&w, h.bytes, h.count) &&
                fresh_write_device(&w, device, n->parameter.memory, array_bytes(&c));
    for (int i = 0; good && i < c.slots; i++)
        good = fresh_write_device(&w, device, o->slot[i], array_bytes(&c));
    if (good && c.has_best) good = fresh_write(&w, best, array_bytes(&c));
    uint8_t sum[CRC];
    for (int i = 0; i < CRC; i++) sum[i] = (uint8_t)(w.crc >> 8 * i);
    if (good && fresh_write(&w, sum, sizeof sum)) return fresh_close(&w);
    fresh_abandon(&w);
    return false;
}
