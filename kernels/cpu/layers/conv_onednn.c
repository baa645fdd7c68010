/* The library chooses the layouts of images and filters (format "any"); ours, NHWC and HWIO, are
 * reordered in every call, since weights change in every step. Written for the C interface of
 * oneDNN 2 and 3. */
#include "kernels/cpu/layers/conv_onednn.h"

#include <stdio.h>

#ifdef HAVE_ONEDNN
#include <dlfcn.h>
#include <dnnl.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cpu/layers/cpu_layers.h"

/* --- The library --------------------------------------------------------------------------------
 */

#if DNNL_VERSION_MAJOR >= 3 /* memory descriptors became handles, primitives need one call */
#define CALLS_OF_RELEASE(X)                                                                        \
    X(memory_desc_create_with_tag)                                                                 \
    X(memory_desc_destroy)                                                                         \
    X(convolution_forward_primitive_desc_create)                                                   \
    X(convolution_backward_data_primitive_desc_create)                                             \
    X(convolution_backward_weights_primitive_desc_create)
typedef const_dnnl_memory_desc_t layout;
#define LAYOUT(descriptor) (descriptor)
#else
#define CALLS_OF_RELEASE(X)                                                                        \
    X(memory_desc_init_by_tag)                                                                     \
    X(convolution_forward_desc_init)                                                               \
    X(convolution_backward_data_desc_init)                                                         \
    X(convolution_backward_weights_desc_init)                                                      \
    X(primitive_desc_create)
typedef const dnnl_memory_desc_t *layout;
#define LAYOUT(descriptor) (&(descriptor))
#endif

#define CALLS(X)                                                                                   \
    CALLS_OF_RELEASE(X)                                                                            \
    X(version)                                                                                     \
    X(engine_create)                                                                               \
    X(stream_create)                                                                               \
    X(stream_wait)                                                                                 \
    X(memory_create)                                                                               \
    X(memory_set_data_handle)                                                                      \
    X(memory_destroy)                                                                              \
    X(memory_desc_equal)                                                                           \
    X(memory_desc_get_size)                                                                        \
    X(primitive_attr_create)                                                                       \
    X(primitive_attr_set_post_ops)                                                                 \
    X(primitive_attr_destroy)                                                                      \
    X(post_ops_create)                                                                             \
    X(post_ops_append_sum)                                                                         \
    X(post_ops_destroy)                                                                            \
    X(reorder_primitive_desc_create)                                                               \
    X(primitive_desc_query_md)                                                                     \
    X(primitive_desc_destroy)                                                                      \
    X(primitive_create)                                                                            \
    X(primitive_execute)                                                                           \
    X(primitive_destroy)

static struct {
#define MEMBER(name) __typeof__(&dnnl_##name) name;
    CALLS(MEMBER)
#undef MEMBER
    void (*set_threads)(int); /* of the OpenMP runtime that the library uses */
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    char version_text[64];
} dnnl;

#define TEXT_OF(number) #number
#define TEXT(number)    TEXT_OF(number)
#define LIBRARY         "libdnnl.so." TEXT(DNNL_VERSION_MAJOR)

static bool find(void *library, const char *name, void *pointer) {
    void *address = dlsym(library, name);
    memcpy(pointer, &address, sizeof address);
    return address != NULL;
}

static bool load(char *reason, size_t size) {
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(reason, size, "%s; install it (Debian: libdnnl%d)", dlerror(), DNNL_VERSION_MAJOR);
        return false;
    }
#define FIND(name)                                                                                 \
    if (!find(library, "dnnl_" #name, &dnnl.name)) {                                               \
        snprintf(reason, size, LIBRARY " has no dnnl_" #name);                                     \
        return false;                                                                              \
    }
    CALLS(FIND)
#undef FIND
    const dnnl_version_t *version = dnnl.version();
    if (version->cpu_runtime != DNNL_RUNTIME_OMP ||
        !find(library, "omp_set_num_threads", &dnnl.set_threads)) {
        snprintf(reason, size, LIBRARY " does not use OpenMP; install a build that does");
        return false;
    }
    if (dnnl.engine_create(&dnnl.engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl.stream_create(&dnnl.stream, dnnl.engine, dnnl_stream_default_flags) != dnnl_success) {
        snprintf(reason, size, LIBRARY " has no CPU engine");
        return false;
    }
    snprintf(dnnl.version_text, sizeof dnnl.version_text, "oneDNN %d.%d.%d", version->major,
             version->minor, version->patch);
    return true;
}

bool conv_onednn_open(char *reason, size_t size) {
    static enum { UNTRIED, LOADED, MISSING } state;
    static char why[512];
    if (state == UNTRIED) state = load(why, sizeof why) ? LOADED : MISSING;
    if (state == MISSING) snprintf(reason, size, "%s", why);
    return state == LOADED;
}

const char *conv_onednn_version(void) { return dnnl.version_text; }

/* --- Layouts and primitives ----------------------------------------------------------------------
 */

enum pass { FORWARD, WEIGHT_GRADIENT, INPUT_GRADIENT, PASS_COUNT };
enum role { INPUT_IMAGES, FILTERS, BIASES, OUTPUT_IMAGES, ROLE_COUNT };
enum { MOST_PORTS = 4 };

/* What a pass reads, then what it writes. */
static const struct port_row {
    int argument; /* 0: none */
    enum role role;
    bool written;
} port_table[PASS_COUNT][MOST_PORTS] = {
    [FORWARD] = {{DNNL_ARG_SRC, INPUT_IMAGES, false},
                 {DNNL_ARG_WEIGHTS, FILTERS, false},
                 {DNNL_ARG_BIAS, BIASES, false},
                 {DNNL_ARG_DST, OUTPUT_IMAGES, true}},
    [WEIGHT_GRADIENT] = {{DNNL_ARG_SRC, INPUT_IMAGES, false},
                         {DNNL_ARG_DIFF_DST, OUTPUT_IMAGES, false},
                         {DNNL_ARG_DIFF_WEIGHTS, FILTERS, true},
                         {DNNL_ARG_DIFF_BIAS, BIASES, true}},
    [INPUT_GRADIENT] = {{DNNL_ARG_DIFF_DST, OUTPUT_IMAGES, false},
                        {DNNL_ARG_WEIGHTS, FILTERS, false},
                        {DNNL_ARG_DIFF_SRC, INPUT_IMAGES, true}},
};

/* Our arrays as the library names them: its order of dimensions, and how they lie in memory. */
static const struct {
    int dimensions;
    dnnl_format_tag_t tag;
} role_table[ROLE_COUNT] = {
    [INPUT_IMAGES] = {4, dnnl_nhwc},
    [FILTERS] = {4, dnnl_hwio},
    [BIASES] = {1, dnnl_x},
    [OUTPUT_IMAGES] = {4, dnnl_nhwc},
};

struct layouts {
    dnnl_memory_desc_t ours[ROLE_COUNT], any[ROLE_COUNT];
};

static bool describe(dnnl_memory_desc_t *descriptor, enum role role, const struct conv_shape *s,
                     bool any) {
    dnnl_dims_t dimensions[ROLE_COUNT] = {
        [INPUT_IMAGES] = {s->images, s->channels, s->height, s->width},
        [FILTERS] = {s->filters, s->channels, s->kernel, s->kernel},
        [BIASES] = {s->filters},
        [OUTPUT_IMAGES] = {s->images, s->filters, s->out_height, s->out_width},
    };
    dnnl_format_tag_t tag = any ? dnnl_format_tag_any : role_table[role].tag;
#if DNNL_VERSION_MAJOR >= 3
    return dnnl.memory_desc_create_with_tag(descriptor, role_table[role].dimensions,
                                            dimensions[role], dnnl_f32, tag) == dnnl_success;
#else
    return dnnl.memory_desc_init_by_tag(descriptor, role_table[role].dimensions, dimensions[role],
                                        dnnl_f32, tag) == dnnl_success;
#endif
}

static void layouts_free(struct layouts *l) {
#if DNNL_VERSION_MAJOR >= 3
    for (enum role role = 0; role < ROLE_COUNT; role++) {
        if (l->ours[role]) dnnl.memory_desc_destroy(l->ours[role]);
        if (l->any[role]) dnnl.memory_desc_destroy(l->any[role]);
    }
#else
    (void)l;
#endif
}

static bool layouts_of(struct layouts *l, const struct conv_shape *s) {
    memset(l, 0, sizeof *l);
    for (enum role role = 0; role < ROLE_COUNT; role++)
        if (!describe(&l->ours[role], role, s, false) || !describe(&l->any[role], role, s, true)) {
            layouts_free(l);
            return false;
        }
    return true;
}

/* What a convolution is made of. Winograd's algorithm has other errors: never chosen. `hint` is
 * the forward pass, for the others. */
static bool conv_describe(enum pass pass, const struct conv_shape *s, const struct layouts *l,
                          dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *made) {
    const dnnl_alg_kind_t direct = dnnl_convolution_direct;
    layout in = LAYOUT(l->any[INPUT_IMAGES]), filters = LAYOUT(l->any[FILTERS]),
           biases = LAYOUT(l->ours[BIASES]), out = LAYOUT(l->any[OUTPUT_IMAGES]);
    const dnnl_dims_t strides = {s->stride, s->stride}, padding = {s->padding, s->padding};
#if DNNL_VERSION_MAJOR >= 3
    const dnnl_dims_t dilation = {0, 0};
    dnnl_status_t status =
        pass == FORWARD ? dnnl.convolution_forward_primitive_desc_create(
                              made, dnnl.engine, dnnl_forward_training, direct, in, filters, biases,
                              out, strides, dilation, padding, padding, NULL)
        : pass == WEIGHT_GRADIENT
            ? dnnl.convolution_backward_weights_primitive_desc_create(
                  made, dnnl.engine, direct, in, filters, biases, out, strides, dilation, padding,
                  padding, hint, NULL)
            : dnnl.convolution_backward_data_primitive_desc_create(made, dnnl.engine, direct, in,
                                                                   filters, out, strides, dilation,
                                                                   padding, padding, hint, NULL);
    return status == dnnl_success;
#else
    dnnl_convolution_desc_t c;
    dnnl_status_t status =
        pass == FORWARD
            ? dnnl.convolution_forward_desc_init(&c, dnnl_forward_training, direct, in, filters,
                                                 biases, out, strides, padding, padding)
        : pass == WEIGHT_GRADIENT
            ? dnnl.convolution_backward_weights_desc_init(&c, direct, in, filters, biases, out,
                                                          strides, padding, padding)
            : dnnl.convolution_backward_data_desc_init(&c, direct, in, filters, out, strides,
                                                       padding, padding);
    return status == dnnl_success &&
           dnnl.primitive_desc_create(made, &c, NULL, dnnl.engine, hint) == dnnl_success;
#endif
}

static dnnl_status_t append_sum(dnnl_post_ops_t after) {
#if DNNL_VERSION_MAJOR >= 3
    return dnnl.post_ops_append_sum(after, 1, 0, dnnl_data_type_undef);
#else
    return dnnl.post_ops_append_sum(after, 1);
#endif
}

/* Copies from one layout to another, or adds. */
static dnnl_primitive_t reorder_make(layout from, layout to, bool add) {
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_post_ops_t after = NULL;
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_t made = NULL;
    bool ready = !add || (dnnl.primitive_attr_create(&attributes) == dnnl_success &&
                          dnnl.post_ops_create(&after) == dnnl_success &&
                          append_sum(after) == dnnl_success &&
                          dnnl.primitive_attr_set_post_ops(attributes, after) == dnnl_success);
    if (ready &&
        dnnl.reorder_primitive_desc_create(&description, from, dnnl.engine, to, dnnl.engine,
                                           attributes) == dnnl_success &&
        dnnl.primitive_create(&made, description) != dnnl_success)
        made = NULL;
    if (description) dnnl.primitive_desc_destroy(description);
    if (after) dnnl.post_ops_destroy(after);
    if (attributes) dnnl.primitive_attr_destroy(attributes);
    return made;
}

/* --- Plans: a pass of a shape on so many threads -------------------------------------------------
 */

/* An array of ours and, where the layouts differ or results are added, the library's. */
struct port {
    dnnl_memory_t ours, theirs; /* theirs NULL: the same */
    dnnl_primitive_t reorder;
    size_t offset; /* of theirs in the room */
};

struct plan {
    struct conv_shape shape;
    enum pass pass;
    bool add;
    int threads;
    bool usable; /* the library takes it */
    dnnl_primitive_t primitive;
    struct port ports[MOST_PORTS];
    char *room; /* where their arrays are */
    struct plan *next;
};
static struct plan *plans;

/* Room for their arrays; calls follow one another, so one is enough. */
static char *room;
static size_t room_bytes;
enum { PAGE = 4096 };

static bool room_for(size_t bytes) {
    if (bytes <= room_bytes) return true;
    char *larger = aligned_alloc(PAGE, bytes);
    if (!larger) return false;
    free(room);
    room = larger;
    room_bytes = bytes;
    return true;
}

static bool port_make(struct plan *p, int i, const struct layouts *l, dnnl_primitive_desc_t conv,
                      size_t *bytes) {
    const struct port_row *row = &port_table[p->pass][i];
    struct port *port = &p->ports[i];
    layout ours = LAYOUT(l->ours[row->role]);
    layout theirs = dnnl.primitive_desc_query_md(conv, dnnl_query_exec_arg_md, row->argument);
    bool add = p->add && row->written;
    if (!theirs ||
        dnnl.memory_create(&port->ours, ours, dnnl.engine, DNNL_MEMORY_NONE) != dnnl_success)
        return false;
    if (!add && dnnl.memory_desc_equal(ours, theirs)) return true;
    port->offset = *bytes;
    *bytes += (dnnl.memory_desc_get_size(theirs) + PAGE - 1) / PAGE * PAGE;
    port->reorder =
        row->written ? reorder_make(theirs, ours, add) : reorder_make(ours, theirs, false);
    return port->reorder &&
           dnnl.memory_create(&port->theirs, theirs, dnnl.engine, DNNL_MEMORY_NONE) == dnnl_success;
}

static void plan_clear(struct plan *p) {
    for (int i = 0; i < MOST_PORTS; i++) {
        if (p->ports[i].ours) dnnl.memory_destroy(p->ports[i].ours);
        if (p->ports[i].theirs) dnnl.memory_destroy(p->ports[i].theirs);
        if (p->ports[i].reorder) dnnl.primitive_destroy(p->ports[i].reorder);
    }
    if (p->primitive) dnnl.primitive_destroy(p->primitive);
}

/* Everything but the memory's place. */
static bool plan_fill(struct plan *p) {
    struct layouts l;
    dnnl_primitive_desc_t forward = NULL, backward = NULL;
    size_t bytes = 0;
    if (!layouts_of(&l, &p->shape)) return false;
    bool done = conv_describe(FORWARD, &p->shape, &l, NULL, &forward) &&
                (p->pass == FORWARD || conv_describe(p->pass, &p->shape, &l, forward, &backward));
    dnnl_primitive_desc_t own = p->pass == FORWARD ? forward : backward;
    for (int i = 0; done && i < MOST_PORTS && port_table[p->pass][i].argument; i++)
        done = port_make(p, i, &l, own, &bytes);
    done = done && room_for(bytes) && dnnl.primitive_create(&p->primitive, own) == dnnl_success;
    if (backward) dnnl.primitive_desc_destroy(backward);
    if (forward) dnnl.primitive_desc_destroy(forward);
    layouts_free(&l);
    return done;
}

static bool same_shape(const struct conv_shape *a, const struct conv_shape *b) {
    return a->images == b->images && a->height == b->height && a->width == b->width &&
           a->channels == b->channels && a->kernel == b->kernel && a->stride == b->stride &&
           a->padding == b->padding && a->filters == b->filters;
}

/* NULL where the library does not take it. Primitives count the threads when they are made. */
static struct plan *plan_of(const struct queue *q, const struct conv_shape *s, enum pass pass,
                            bool add) {
    char reason[512];
    if (q->type != SCALAR_S || !conv_onednn_open(reason, sizeof reason)) return NULL;
    dnnl.set_threads(q->threads);
    for (struct plan *p = plans; p; p = p->next)
        if (p->pass == pass && p->add == add && p->threads == q->threads &&
            same_shape(&p->shape, s))
            return p->usable ? p : NULL;
    struct plan *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    *p = (struct plan){.shape = *s, .pass = pass, .add = add, .threads = q->threads, .next = plans};
    p->usable = plan_fill(p);
    if (!p->usable) plan_clear(p);
    plans = p;
    return p->usable ? p : NULL;
}

/* The memory of a plan moves when a larger one was made since. */
static bool plan_move(struct plan *p) {
    if (p->room == room) return true;
    for (int i = 0; i < MOST_PORTS; i++)
        if (p->ports[i].theirs &&
            dnnl.memory_set_data_handle(p->ports[i].theirs, room + p->ports[i].offset) !=
                dnnl_success)
            return false;
    p->room = room;
    return true;
}

static bool reorder(const struct port *port, bool back) {
    dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, back ? port->theirs : port->ours},
                                   {DNNL_ARG_TO, back ? port->ours : port->theirs}};
    return !port->reorder ||
           dnnl.primitive_execute(port->reorder, dnnl.stream, 2, arguments) == dnnl_success;
}

/* `arrays` in the order of port_table. */
static bool plan_run(struct plan *p, void *const *arrays) {
    if (!p || !plan_move(p)) return false;
    const struct port_row *rows = port_table[p->pass];
    dnnl_exec_arg_t arguments[MOST_PORTS] = {{0}};
    int count = 0;
    for (; count < MOST_PORTS && rows[count].argument; count++) {
        struct port *port = &p->ports[count];
        /* As many as rows. NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage) */
        if (dnnl.memory_set_data_handle(port->ours, arrays[count]) != dnnl_success) return false;
        if (!rows[count].written && !reorder(port, false)) return false;
        arguments[count] =
            (dnnl_exec_arg_t){rows[count].argument, port->theirs ? port->theirs : port->ours};
    }
    bool done = dnnl.primitive_execute(p->primitive, dnnl.stream, count, arguments) == dnnl_success;
    for (int i = 0; done && i < count; i++)
        if (rows[i].written) done = reorder(&p->ports[i], true);
    return done && dnnl.stream_wait(dnnl.stream) == dnnl_success;
}

/* --- The operations ------------------------------------------------------------------------------
 */

bool conv_onednn_takes(const struct queue *q, const struct conv_shape *s, const char *pass) {
    if (strcmp(pass, "forward") == 0) return plan_of(q, s, FORWARD, false);
    return plan_of(q, s, WEIGHT_GRADIENT, false) && plan_of(q, s, INPUT_GRADIENT, false);
}

/* The library reads through pointers that are not const. */
static void *given(const void *array) { return (void *)(uintptr_t)array; }

bool conv_onednn_forward(struct queue *q, const struct conv_shape *s, const void *x, const void *w,
                         const void *b, const struct elementwise *then, void *y) {
    void *arrays[] = {given(x), given(w), given(b), y};
    if (!plan_run(plan_of(q, s, FORWARD, false), arrays)) return false;
    /* Not as a post-op: the library's ReLU makes NaN 0, and divergence must show. */
    if (then)
        cpu_activation_forward(q, then, s->images * s->out_height * s->out_width * s->filters, y);
    return true;
}

bool conv_onednn_weight_gradient(struct queue *q, const struct conv_shape *s, const void *x,
                                 const void *dy, bool add, void *dw, void *db) {
    void *arrays[] = {given(x), given(dy), dw, db};
    return plan_run(plan_of(q, s, WEIGHT_GRADIENT, add), arrays);
}

bool conv_onednn_input_gradient(struct queue *q, const struct conv_shape *s, const void *dy,
                                const void *w, const struct elementwise *before, const void *x,
                                void *dx) {
    void *arrays[] = {given(dy), given(w), dx};
    if (!plan_run(plan_of(q, s, INPUT_GRADIENT, false), arrays)) return false;
    if (before)
        cpu_activation_backward(q, before, s->images * s->height * s->width * s->channels, x, dx);
    return true;
}

#else

bool conv_onednn_open(char *reason, size_t size) {
    snprintf(reason, size,
             "this build has no oneDNN; install dnnl.h (Debian: libdnnl-dev) and build anew");
    return false;
}

const char *conv_onednn_version(void) { return ""; }

bool conv_onednn_takes(const struct queue *q, const struct conv_shape *s, const char *pass) {
    (void)q, (void)s, (void)pass;
    return false;
}

bool conv_onednn_forward(struct queue *q, const struct conv_shape *s, const void *x, const void *w,
                         const void *b, const struct elementwise *then, void *y) {
    (void)q, (void)s, (void)x, (void)w, (void)b, (void)then, (void)y;
    return false;
}

bool conv_onednn_weight_gradient(struct queue *q, const struct conv_shape *s, const void *x,
                                 const void *dy, bool add, void *dw, void *db) {
    (void)q, (void)s, (void)x, (void)dy, (void)add, (void)dw, (void)db;
    return false;
}

bool conv_onednn_input_gradient(struct queue *q, const struct conv_shape *s, const void *dy,
                                const void *w, const struct elementwise *before, const void *x,
                                void *dx) {
    (void)q, (void)s, (void)dy, (void)w, (void)before, (void)x, (void)dx;
    return false;
}
#endif
