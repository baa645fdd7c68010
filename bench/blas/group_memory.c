#include "bench/blas/group_memory.h"

#include <stdio.h>
#include <stdlib.h>

#include "bench/harness/error.h"
#include "bench/rank_agree.h"
#include "mpi/ranks.h"

void group_end(struct member *members, size_t count, const struct device *device, enum scalar type,
               enum member_status status, const char *what, const char *reason) {
    for (size_t i = 0; i < count; i++) {
        struct member *m = &members[i];
        if (m->status != MEMBER_OK || (device && m->target->device != device)) continue;
        if (type != SCALAR_COUNT && m->type != type) continue;
        m->status = status;
        snprintf(m->reason, sizeof m->reason, "%s%s", what, reason);
    }
}

static void skip(struct member *members, size_t count, const struct device *device,
                 enum scalar type, const char *reason) {
    group_end(members, count, device, type, MEMBER_SKIPPED, "", reason);
}

static void describe(struct member *members, size_t count, const struct blas_operands *operands,
                     size_t lanes_of_all) {
    const struct blas_call *call = &operands->calls[0];
    for (size_t i = 0; i < count; i++) {
        if (members[i].type != call->type || members[i].target->device != operands->device)
            continue;
        double lanes = lanes_of_all > 1 ? members[i].threads : 1;
        members[i].flops = call->kernel->flops(call) * lanes;
        members[i].bytes = kernel_bytes(call) * lanes;
        members[i].working_set = kernel_working_set(call) * lanes;
        for (int p = 0; p < MAX_OPERANDS && members[i].lda < 0; p++)
            if (call->operand[p].kind != OPERAND_NONE && call->operand[p].kind != OPERAND_VECTOR)
                members[i].lda = call->operand[p].stride;
    }
}

/* Whether any member wants operands of this type on this device. */
static bool is_wanted(const struct member *members, size_t count, const struct device *device,
                      enum scalar type) {
    for (size_t i = 0; i < count; i++)
        if (members[i].status == MEMBER_OK && members[i].target->device == device &&
            members[i].type == type)
            return true;
    return false;
}

static void too_little(char *reason, size_t size, size_t need, size_t available, bool of_host) {
    const char *whose = ranks_get()->count > 1 ? " for each rank" : "";
    snprintf(reason, size, "operands need %.3g GB, %.3g GB of %smemory are free%s",
             (double)need * 1e-9, (double)available * 1e-9, of_host ? "" : "device ", whose);
}

/* Plans the operands of all types on one device; those that cannot be are skipped. *need: bytes of
 * the device, *images: of the host beside it. */
static void plan_device(struct blas_operands *operands, const struct blas_options *o,
                        const struct device *device, struct member *members, size_t count,
                        size_t lanes, size_t *need, size_t *images) {
    char reason[256];
    for (size_t t = 0; t < o->common.type_count; t++) {
        enum scalar type = o->common.types[t];
        struct blas_operands *mine = &operands[type];
        if (!is_wanted(members, count, device, type)) continue;
        bool planned = blas_operands_plan(mine, o, device, members[0].shape, type, lanes, reason,
                                          sizeof reason);
        if (planned && !__builtin_add_overflow(*need, mine->bytes, need) &&
            !__builtin_add_overflow(*images, mine->host_bytes, images))
            continue;
        skip(members, count, device, type,
             planned ? "the operands are larger than any memory" : reason);
    }
}

bool group_memory_plan(struct group_memory *memory, const struct blas_options *o,
                       struct member *members, size_t count, size_t lanes) {
    size_t host = 0, available;
    bool fits = true, alone = o->common.type_count == 1;
    char reason[256];
    for (size_t d = 0; d < o->common.device_count; d++) {
        const struct device *device = o->common.devices[d];
        size_t need = 0, images = 0;
        plan_device(memory->of[d], o, device, members, count, lanes, &need, &images);
        if (!device->own_memory) {
            host += need;
            continue;
        }
        available = device->memory_available(device) / (size_t)rank_sharers(device);
        if (need <= available / 10 * 9) {
            host += images;
            continue;
        }
        fits = false;
        too_little(reason, sizeof reason, need, available, false);
        if (alone) skip(members, count, device, SCALAR_COUNT, reason);
    }
    available = cpu_device.memory_available(&cpu_device) / (size_t)rank_sharers(&cpu_device);
    if (host <= available / 10 * 9) return fits;
    too_little(reason, sizeof reason, host, available, true);
    if (alone) skip(members, count, NULL, SCALAR_COUNT, reason);
    return false;
}

void group_memory_allocate(struct group_memory *memory, const struct blas_options *o,
                           struct member *members, size_t count, size_t lanes) {
    char reason[256];
    for (size_t d = 0; d < o->common.device_count; d++)
        for (size_t t = 0; t < o->common.type_count; t++) {
            enum scalar type = o->common.types[t];
            struct blas_operands *operands = &memory->of[d][type];
            const struct device *device = o->common.devices[d];
            if (!is_wanted(members, count, device, type)) continue;
            if (blas_operands_allocate(operands)) {
                describe(members, count, operands, lanes);
                continue;
            }
            snprintf(reason, sizeof reason, "%s refused %.3g GB of memory",
                     device->own_memory ? device->name : "the system",
                     (double)(operands->bytes + operands->host_bytes) * 1e-9);
            blas_operands_free(operands);
            skip(members, count, device, type, reason);
        }
}

struct group_memory *group_memory_new(void) {
    struct group_memory *memory = calloc(1, sizeof *memory);
    if (!memory) die(EXIT_MISSING, "out of memory");
    return memory;
}

void group_memory_free(struct group_memory *memory) {
    for (size_t d = 0; d < MOST_DEVICES; d++)
        for (enum scalar t = 0; t < SCALAR_COUNT; t++) blas_operands_free(&memory->of[d][t]);
    free(memory);
}
