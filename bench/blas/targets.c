#include "bench/blas/targets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"
#include "kernels/cpu/builtin.h"

/* "; did you mean 'blis'?", or "" where the name is a path or near to none. */
static const char *near_library(const char *name) {
    static char text[128];
    const char *known[64] = {naive_library.name, blocked_library.name};
    size_t count = 2;
    for (const struct blas_alias *alias = blas_library_aliases(); alias->name && count < 63;)
        known[count++] = alias++->name;
    const char *near = strchr(name, '/') ? NULL : option_nearest(name, known);
    if (near && strcmp(near, name) != 0) snprintf(text, sizeof text, "; did you mean '%s'?", near);
    return text;
}

static void add_target(struct blas_targets *targets, const struct device *device,
                       struct blas_library *library) {
    if (targets->count == MOST_TARGETS)
        die(EXIT_USAGE, "--blas: more than %d libraries", MOST_TARGETS);
    targets->target[targets->count++] = (struct blas_target){device, library};
}

static bool is_open(const struct blas_targets *targets, const struct blas_library *library) {
    for (size_t i = 0; i < targets->count; i++)
        if (targets->target[i].library &&
            strcmp(targets->target[i].library->path, library->path) == 0 &&
            strcmp(targets->target[i].library->name, library->name) == 0)
            return true;
    return false;
}

static void open_libraries(struct blas_targets *targets, const struct blas_options *o,
                           const struct device *device) {
    static char *const fallback[] = {BLAS_LIBRARY_DEFAULT, NULL};
    for (char *const *names = o->libraries ? o->libraries : fallback; *names; names++) {
        char error[1024] = "";
        struct blas_library *library = blas_library_open(*names, error, sizeof error);
        if (!library) die(EXIT_MISSING, "%s%s", error, near_library(*names));
        if (is_open(targets, library))
            blas_library_close(library);
        else
            add_target(targets, device, library);
    }
}

const char *blas_target_library(const struct blas_target *target) {
    return target->library ? target->library->name : target->device->library;
}

blas_routine blas_target_routine(const struct blas_target *target, const struct kernel *kernel,
                                 enum scalar type) {
    char name[64];
    if (target->library) return blas_library_routine(target->library, kernel, type);
    if (!kernel->run[type] || !target->device->has_type(target->device, type)) return NULL;
    kernel_routine_name(kernel, type, name, sizeof name);
    return target->device->blas(target->device, name);
}

const char *blas_target_math(const struct blas_target *target, enum scalar type) {
    static const char *const math[SCALAR_COUNT] = {"fp32", "fp64", "tensor-fp16", "tensor-bf16",
                                                   "tf32"};
    return target->library ? NULL : math[type];
}

static bool type_is_there(const struct blas_target *target, enum scalar type) {
    return target->device->has_type(target->device, type);
}

/* "cblas_saxpy, cblas_daxpy" of a CBLAS library, "axpy of type h, tf32" of a device: what of a
 * kernel the target has not, in the types asked for. Returns how many routines it has. */
static size_t missing(const struct blas_target *target, const struct kernel *kernel,
                      const struct blas_options *o, char *text, size_t size) {
    size_t found = 0, used = 0, count = 0;
    *text = '\0';
    for (size_t t = 0; t < o->common.type_count; t++) {
        enum scalar type = o->common.types[t];
        char name[64];
        if (!type_is_there(target, type)) continue; /* no type of that device at all */
        if (blas_target_routine(target, kernel, type)) {
            found++;
            continue;
        }
        kernel_routine_name(kernel, type, name, sizeof name);
        if (!target->library)
            snprintf(name, sizeof name, "%s%s%s", count ? "" : kernel->name,
                     count ? "" : " of type ", scalar_letter(type));
        if (used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", count ? ", " : "", name);
        count++;
    }
    return found;
}

/* "openblas (/usr/lib/libopenblas.so)", "cublas of cuda:1". */
static void target_text(const struct blas_target *target, char *text, size_t size) {
    if (target->library)
        snprintf(text, size, "%s (%s)", target->library->name, target->library->path);
    else
        snprintf(text, size, "%s of %s", target->device->library, target->device->name);
}

static void add_note(struct blas_targets *targets, const struct blas_target *target,
                     const struct kernel *kernel, const char *lacks) {
    if (targets->note_count == MOST_NOTES) return;
    char text[512];
    if (target->library)
        snprintf(text, sizeof text, "%s has no %s: %s is left out there", target->library->name,
                 lacks, kernel->name);
    else
        snprintf(text, sizeof text, "%s of %s has no %s: left out there", target->device->library,
                 target->device->name, lacks);
    targets->notes[targets->note_count] = strdup(text);
    if (targets->notes[targets->note_count]) targets->note_count++;
}

/* Whether nothing to run of a kernel ends the command: it was asked for by its name. Kernels that
 * are the default were not asked for in 16 bits. */
static bool is_asked_for(const struct blas_options *o, size_t kernel) {
    bool plain = false;
    for (size_t t = 0; t < o->common.type_count; t++) plain |= !scalar_is_mixed(o->common.types[t]);
    return o->by_name[kernel] && (o->kernels_given || plain);
}

static _Noreturn void nowhere(const struct blas_targets *targets, const struct blas_options *o,
                              const struct kernel *kernel) {
    char who[512] = "", lacks[256] = "";
    size_t first = 0, able = 0;
    for (size_t i = 0; i < targets->count; i++) {
        char text[256];
        missing(&targets->target[i], kernel, o, text, sizeof text);
        if (*text && able++ == 0) {
            first = i;
            memcpy(lacks, text, sizeof lacks);
        }
    }
    target_text(&targets->target[first], who, sizeof who);
    die(EXIT_MISSING, "%s has no %s%s; choose other --kernels%s", who, lacks,
        able > 1 ? ", nor has any other library asked for" : "",
        targets->target[first].library ? ", --types or --blas" : " or --types");
}

/* Notes what of a kernel is left out where; ends where nothing is left. Returns the routines. */
static size_t look_up(struct blas_targets *targets, const struct blas_options *o, size_t kernel) {
    size_t found = 0;
    for (size_t i = 0; i < targets->count; i++) {
        char lacks[256];
        found += missing(&targets->target[i], o->kernels[kernel], o, lacks, sizeof lacks);
        if (*lacks) add_note(targets, &targets->target[i], o->kernels[kernel], lacks);
    }
    if (!found && is_asked_for(o, kernel)) nowhere(targets, o, o->kernels[kernel]);
    return found;
}

/* A file that loads need not be a BLAS. */
static void need_blas(const struct blas_target *target, const struct blas_options *o) {
    const struct kernel *const *all = kernel_table();
    char lacks[256];
    for (size_t i = 0; all[i]; i++)
        for (enum scalar t = 0; t < SCALAR_CPU_COUNT; t++)
            if (blas_target_routine(target, all[i], t)) return;
    missing(target, o->kernels[0], o, lacks, sizeof lacks);
    die(EXIT_MISSING, "%s (%s) is no BLAS: it has no %s; choose another --blas",
        target->library->name, target->library->path, *lacks ? lacks : "routine of CBLAS");
}

void blas_targets_open(struct blas_targets *targets, const struct blas_options *o) {
    *targets = (struct blas_targets){.count = 0};
    for (size_t d = 0; d < o->common.device_count; d++)
        if (o->common.devices[d]->library)
            add_target(targets, o->common.devices[d], NULL);
        else
            open_libraries(targets, o, o->common.devices[d]);
    size_t found = 0;
    for (size_t i = 0; i < targets->count; i++)
        if (targets->target[i].library) need_blas(&targets->target[i], o);
    for (size_t i = 0; i < o->kernel_count; i++) found += look_up(targets, o, i);
    if (!found)
        die(EXIT_MISSING, "nothing can run: %s; choose other --kernels, --types or --blas",
            targets->note_count ? targets->notes[0] : "no kernel has such a type");
}

void blas_targets_close(struct blas_targets *targets) {
    for (size_t i = 0; i < targets->count; i++) blas_library_close(targets->target[i].library);
    for (size_t i = 0; i < targets->note_count; i++) free(targets->notes[i]);
    *targets = (struct blas_targets){.count = 0};
}
