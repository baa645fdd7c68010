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

/* Whether a missing routine ends the command: it was asked for by its name. */
static bool is_asked_for(const struct blas_options *o, size_t kernel, enum scalar type) {
    return o->by_name[kernel] && (o->kernels_given || !scalar_is_mixed(type));
}

static void add_note(struct blas_targets *targets, const struct blas_target *target,
                     const struct kernel *kernel, const char *routine) {
    if (targets->note_count == MOST_NOTES) return;
    char text[256];
    snprintf(text, sizeof text, "%s has no %s: %s is left out there", blas_target_library(target),
             routine, kernel->name);
    targets->notes[targets->note_count] = strdup(text);
    if (targets->notes[targets->note_count]) targets->note_count++;
}

/* Returns how many of the cases the target can run. */
static size_t look_up(struct blas_targets *targets, const struct blas_target *target,
                      const struct blas_options *o) {
    size_t found = 0;
    for (size_t i = 0; i < o->kernel_count; i++)
        for (size_t t = 0; t < o->common.type_count; t++) {
            enum scalar type = o->common.types[t];
            char name[64];
            if (!target->device->has_type(target->device, type)) continue;
            if (blas_target_routine(target, o->kernels[i], type)) {
                found++;
                continue;
            }
            kernel_routine_name(o->kernels[i], type, name, sizeof name);
            if (!is_asked_for(o, i, type))
                add_note(targets, target, o->kernels[i], name);
            else if (target->library)
                die(EXIT_MISSING, "%s (%s) has no %s; choose other --kernels or --blas",
                    target->library->name, target->library->path, name);
            else
                die(EXIT_MISSING, "%s of %s has no %s; choose other --kernels or --types",
                    target->device->library, target->device->name, name);
        }
    return found;
}

void blas_targets_open(struct blas_targets *targets, const struct blas_options *o) {
    *targets = (struct blas_targets){.count = 0};
    for (size_t d = 0; d < o->common.device_count; d++)
        if (o->common.devices[d]->library)
            add_target(targets, o->common.devices[d], NULL);
        else
            open_libraries(targets, o, o->common.devices[d]);
    size_t found = 0;
    for (size_t i = 0; i < targets->count; i++) found += look_up(targets, &targets->target[i], o);
    if (!found)
        die(EXIT_MISSING, "nothing can run: %s; choose other --kernels, --types or --blas",
            targets->note_count ? targets->notes[0] : "no kernel has such a type");
}

void blas_targets_close(struct blas_targets *targets) {
    for (size_t i = 0; i < targets->count; i++) blas_library_close(targets->target[i].library);
    for (size_t i = 0; i < targets->note_count; i++) free(targets->notes[i]);
    *targets = (struct blas_targets){.count = 0};
}
