#include "bench/blas/operands.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"
#include "kernels/cpu/topology.h"

/* Operands that begin at the same place of a page make loads wait for unrelated stores, so each is
 * set off by five cache lines more than the one before. */
enum { LINE = 64, SET_OFF = 5 * LINE };

/* On a GPU each begins where its widest loads and its matrix units want it. */
enum { ALIGNED = 256 };

const char *const transfer_names[TRANSFER_COUNT] = {NULL, "pageable", "pinned"};

/* Rounds a coefficient to the type that the library will see. Volatile, since GCC 12 vectorises two
 * such roundings side by side into none. */
static double rounded(double value, enum scalar type) {
    volatile float single = (float)value;
    return type == SCALAR_D ? value : (double)single;
}

/* Leading dimension or increment. */
static void set_stride(struct operand *o, const struct blas_options *options, int vector) {
    if (o->kind == OPERAND_VECTOR) {
        o->stride = vector == 0 ? options->incx : options->incy;
        return;
    }
    if (options->lda == 0)
        o->stride = o->rows;
    else if (options->lda_pads)
        o->stride = o->rows + options->lda;
    else
        o->stride = options->lda;
    if (o->stride < o->rows)
        die(EXIT_USAGE, "--lda %ld is smaller than the %ld rows of a matrix; --lda +%ld pads it",
            options->lda, o->rows, options->lda);
    if (o->stride > INT_MAX)
        die(EXIT_USAGE, "--lda +%ld makes a leading dimension over 2147483647", options->lda);
}

/* The largest magnitude that a result is likely to have: mean and eight standard deviations. */
static double likely_largest(const struct blas_options *o, const struct blas_call *call) {
    double most = fmax(fabs(o->low), fabs(o->high)), mean = 0.5 * (o->low + o->high);
    double k = (double)call->k;
    double sum = fabs(mean * mean * k) + 8 * most * most * sqrt(k);
    return fabs(call->alpha) * fmin(sum, most * most * k) + fabs(call->beta) * most;
}

/* What neither CBLAS nor the type can do. */
static bool can_run(const struct blas_options *options, const struct blas_shape *shape,
                    const struct blas_call *call, char *reason, size_t size) {
    bool alone = call->operand[0].kind == OPERAND_VECTOR && call->operand[1].kind == OPERAND_NONE;
    double largest = scalar_largest(call->type);
    if (alone && options->incx < 0) { /* there is nothing to walk against */
        snprintf(reason, size, "BLAS has no %s with a negative increment", shape->kernel->name);
        return false;
    }
    if (shape->kernel->default_alpha != 0 && call->alpha == 1) {
        snprintf(reason, size, "with alpha = 1 libraries return at once from %s; give another",
                 shape->kernel->name);
        return false;
    }
    if (largest > 0 && likely_largest(options, call) > largest) {
        snprintf(reason, size, "results would be over %g, the largest number of type %s", largest,
                 scalar_letter(call->type));
        return false;
    }
    return true;
}

/* Lays the operands of a set one behind the other. */
static bool lay_out(struct blas_operands *operands, struct blas_call *call,
                    const struct blas_options *options, char *reason, size_t size) {
    int vector = 0;
    bool apart = operands->device->own_memory;
    for (int i = 0; i < MAX_OPERANDS && call->operand[i].kind != OPERAND_NONE; i++) {
        struct operand *o = &call->operand[i];
        o->type = call->type;
        o->uplo = call->uplo;
        set_stride(o, options, vector);
        if (o->kind == OPERAND_VECTOR) vector++;
        size_t bytes, guard = OPERAND_GUARD * scalar_bytes(o->type);
        operands->offset[i] = operands->set_bytes + (apart ? ALIGNED - guard : (size_t)i * SET_OFF);
        if (!operand_bytes(o, &bytes) || bytes > SIZE_MAX / 8 ||
            __builtin_add_overflow(operands->set_bytes, (bytes + LINE - 1) / LINE * LINE,
                                   &operands->set_bytes)) {
            snprintf(reason, size, "the operands are larger than any memory");
            return false;
        }
        if (apart)
            operands->set_bytes = (operands->set_bytes + 2 * ALIGNED - 1) / ALIGNED * ALIGNED;
        double distance = (double)o->columns / (double)call->batch * (double)o->stride;
        if (call->batch > 0 && distance > INT_MAX) {
            snprintf(reason, size,
                     "a matrix is over 2147483647 elements from the next, more than "
                     "CBLAS can be told");
            return false;
        }
    }
    if (!apart) operands->set_bytes += MAX_OPERANDS * SET_OFF;
    return true;
}

bool blas_operands_plan(struct blas_operands *operands, const struct blas_options *options,
                        const struct device *device, const struct blas_shape *shape,
                        enum scalar type, size_t lanes, char *reason, size_t size) {
    struct blas_call call = {.kernel = shape->kernel,
                             .type = type,
                             .transa = shape->trans[0] ? shape->trans[0] : 'n',
                             .transb = shape->trans[0] && shape->trans[1] ? shape->trans[1] : 'n',
                             .uplo = shape->uplo,
                             .m = shape->m,
                             .n = shape->n,
                             .k = shape->k,
                             .batch = shape->batch,
                             .alpha = rounded(blas_alpha(options, shape->kernel), type),
                             .beta = rounded(options->beta, type)};
    *operands = (struct blas_operands){.device = device, .lanes = lanes, .sets = 1};
    operands->with_transfers = options->transfer && device->own_memory;
    if (shape->m > INT_MAX || shape->n > INT_MAX || shape->k > INT_MAX) {
        snprintf(reason, size, "a dimension is over 2147483647, more than CBLAS can be told");
        return false;
    }
    shape->kernel->shape(&call);
    if (!can_run(options, shape, &call, reason, size)) return false;
    if (!lay_out(operands, &call, options, reason, size)) return false;
    size_t cache = device->cache_bytes ? device->cache_bytes : topology_last_level_cache();
    if (options->common.cold) operands->sets = 2 * cache / operands->set_bytes + 2;
    operands->shape = call;
    size_t sets = operands->sets * lanes + (operands->with_transfers ? 1 : 0);
    size_t images = !device->own_memory ? 0 : operands->with_transfers ? 3 : 1;
    if (__builtin_mul_overflow(operands->set_bytes, sets, &operands->bytes) ||
        __builtin_mul_overflow(operands->set_bytes, images, &operands->host_bytes)) {
        snprintf(reason, size, "the operands are larger than any memory");
        return false;
    }
    return true;
}

static void place(struct blas_call *call, const struct blas_operands *operands, void *set) {
    *call = operands->shape;
    for (int i = 0; i < MAX_OPERANDS; i++)
        call->operand[i].storage = (char *)set + operands->offset[i];
}

static char *set_at(const struct blas_operands *operands, size_t index) {
    return (char *)operands->memory + index * operands->set_bytes;
}

/* Image and stagings. */
static bool allocate_on_host(struct blas_operands *o) {
    const struct device *device = o->device;
    if (!device->own_memory) return true;
    o->staging[TRANSFER_NONE] = cpu_device.allocate(&cpu_device, o->set_bytes);
    if (!o->staging[TRANSFER_NONE]) return false;
    place(&o->image, o, o->staging[TRANSFER_NONE]);
    if (!o->with_transfers) return true;
    o->staging[TRANSFER_PAGEABLE] = cpu_device.allocate(&cpu_device, o->set_bytes);
    o->staging[TRANSFER_PINNED] = device->allocate_pinned(device, o->set_bytes);
    for (enum transfer t = TRANSFER_PAGEABLE; t < TRANSFER_COUNT; t++) {
        if (!o->staging[t]) return false;
        place(&o->transfer[t], o, set_at(o, o->lanes * o->sets));
    }
    return true;
}

bool blas_operands_allocate(struct blas_operands *operands) {
    size_t count = operands->lanes * operands->sets;
    operands->memory = operands->device->allocate(operands->device, operands->bytes);
    operands->calls = calloc(count, sizeof *operands->calls);
    operands->next = calloc(operands->lanes, sizeof *operands->next);
    if (!operands->memory || !operands->calls || !operands->next) return false;
    for (size_t c = 0; c < count; c++) place(&operands->calls[c], operands, set_at(operands, c));
    return allocate_on_host(operands);
}

struct blas_call *blas_operands_host(struct blas_operands *operands) {
    return operands->device->own_memory ? &operands->image : &operands->calls[0];
}

void blas_operands_copy(struct blas_operands *operands) {
    const struct device *device = operands->device;
    size_t count = operands->lanes * operands->sets;
    if (device->own_memory) blas_operands_load(operands, TRANSFER_NONE);
    for (size_t c = 0; c < count; c++) {
        if (c && device->own_memory)
            device->copy(device, set_at(operands, c), operands->memory, operands->set_bytes);
        else if (c)
            memcpy(set_at(operands, c), operands->memory, operands->set_bytes);
        operands->calls[c].step = 0;
    }
    for (enum transfer t = TRANSFER_PAGEABLE; t < TRANSFER_COUNT; t++)
        if (operands->with_transfers) blas_operands_load(operands, t);
    memset(operands->next, 0, operands->lanes * sizeof *operands->next);
    device->synchronise(device);
}

static struct blas_call *call_of(struct blas_operands *operands, enum transfer transfer) {
    return transfer == TRANSFER_NONE ? &operands->calls[0] : &operands->transfer[transfer];
}

static void *first_storage(const struct blas_operands *o, const struct blas_call *call) {
    return (char *)call->operand[0].storage - o->offset[0];
}

void blas_operands_load(struct blas_operands *operands, enum transfer transfer) {
    const struct device *device = operands->device;
    struct blas_call *call = call_of(operands, transfer);
    void *image = operands->staging[TRANSFER_NONE];
    if (!device->own_memory) return;
    if (transfer != TRANSFER_NONE) memcpy(operands->staging[transfer], image, operands->set_bytes);
    device->copy_in(device, first_storage(operands, call), image, operands->set_bytes);
    call->step = 0;
    call->result = operands->image.result;
}

/* The bytes from the first to the last element of an operand, as the host's and the device's
 * addresses. */
static size_t elements_of(const struct blas_operands *operands, const struct blas_call *call,
                          enum transfer transfer, int i, void **host, void **device) {
    const struct operand *o = &call->operand[i];
    size_t bytes = 0, guard = OPERAND_GUARD * scalar_bytes(o->type);
    operand_bytes(o, &bytes);
    *device = operand_data(o);
    *host = (char *)operands->staging[transfer] + operands->offset[i] + guard;
    return bytes - 2 * guard;
}

void blas_operands_fetch(struct blas_operands *operands, enum transfer transfer) {
    const struct device *device = operands->device;
    struct blas_call *call = call_of(operands, transfer);
    if (!device->own_memory) return;
    device->copy_out(device, operands->staging[TRANSFER_NONE], first_storage(operands, call),
                     operands->set_bytes);
    operands->image.result = call->result;
    if (!kernel_output(call)) operands->image.result = device->blas_result(device);
    for (int i = 0; i < MAX_OPERANDS && transfer != TRANSFER_NONE; i++) {
        void *from, *to, *there;
        if (call->operand[i].kind == OPERAND_NONE || !call->operand[i].written) continue;
        elements_of(operands, call, TRANSFER_NONE, i, &to, &there);
        size_t bytes = elements_of(operands, call, transfer, i, &from, &there);
        memcpy(to, from, bytes);
    }
}

void blas_operands_call_with_transfers(struct blas_operands *operands, enum transfer transfer,
                                       blas_routine routine, long repetitions) {
    const struct device *device = operands->device;
    struct blas_call *call = call_of(operands, transfer);
    void *host, *there;
    for (long r = 0; r < repetitions; r++) {
        for (int i = 0; i < MAX_OPERANDS && call->operand[i].kind != OPERAND_NONE; i++) {
            size_t bytes = elements_of(operands, call, transfer, i, &host, &there);
            if (call->operand[i].read) device->issue_copy_in(device, there, host, bytes);
        }
        call->kernel->run[call->type](call, routine, 1);
        for (int i = 0; i < MAX_OPERANDS && call->operand[i].kind != OPERAND_NONE; i++) {
            size_t bytes = elements_of(operands, call, transfer, i, &host, &there);
            if (call->operand[i].written) device->issue_copy_out(device, host, there, bytes);
        }
        if (kernel_output(call))
            device->synchronise(device);
        else
            call->result = device->blas_result(device);
    }
}

void blas_operands_free(struct blas_operands *o) {
    if (!o->device) return;
    if (o->memory) o->device->release(o->device, o->memory, o->bytes);
    for (enum transfer t = TRANSFER_NONE; t <= TRANSFER_PAGEABLE; t++)
        if (o->staging[t]) cpu_device.release(&cpu_device, o->staging[t], o->set_bytes);
    if (o->staging[TRANSFER_PINNED])
        o->device->release_pinned(o->device, o->staging[TRANSFER_PINNED]);
    free(o->calls);
    free(o->next);
    *o = (struct blas_operands){0};
}
