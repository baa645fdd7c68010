#include "kernels/cpu/blas_library.h"

#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernels/cpu/builtin.h"
#include "kernels/cpu/topology.h"

/* Debian and Ubuntu keep every build in a folder of its own below the multiarch folder; Fedora and
 * others give each build a file name of its own. */
#define DEBIAN(folder, file) "/usr/lib/*/" folder "/" file

static const char *const openblas_openmp[] = {DEBIAN("openblas-openmp", "libopenblas.so.0"),
                                              "libopenblaso.so.0", NULL};
static const char *const openblas_pthread[] = {DEBIAN("openblas-pthread", "libopenblas.so.0"),
                                               "libopenblasp.so.0", NULL};
static const char *const openblas_serial[] = {DEBIAN("openblas-serial", "libopenblas.so.0"), NULL};
static const char *const openblas[] = {DEBIAN("openblas-openmp", "libopenblas.so.0"),
                                       "libopenblaso.so.0",
                                       DEBIAN("openblas-pthread", "libopenblas.so.0"),
                                       "libopenblasp.so.0",
                                       "libopenblas.so.0",
                                       "libopenblas.so",
                                       NULL};
static const char *const blis[] = {DEBIAN("blis-openmp", "libblis.so.4"),
                                   DEBIAN("blis-pthread", "libblis.so.4"),
                                   DEBIAN("blis-serial", "libblis.so.4"),
                                   "libblis-mt.so",
                                   "libblis.so.4",
                                   "libblis.so",
                                   NULL};
static const char *const netlib[] = {DEBIAN("blas", "libblas.so.3"), "libcblas.so.3", NULL};
static const char *const mkl[] = {"libmkl_rt.so.2",
                                  "libmkl_rt.so.1",
                                  "libmkl_rt.so",
                                  "/opt/intel/oneapi/mkl/latest/lib/libmkl_rt.so.2",
                                  "/opt/intel/oneapi/mkl/latest/lib/intel64/libmkl_rt.so.2",
                                  NULL};
static const char *const armpl[] = {"libarmpl_lp64_mp.so", "libarmpl_lp64.so", NULL};
static const char *const nvpl[] = {"libnvpl_blas_lp64_gomp.so.0", NULL};
static const char *const atlas[] = {DEBIAN("atlas", "libblas.so.3"), "libtatlas.so.3", NULL};

static const struct blas_alias aliases[] = {
    {"openblas", "OpenBLAS, the OpenMP build where there is one", openblas},
    {"openblas-openmp", "OpenBLAS, OpenMP build", openblas_openmp},
    {"openblas-pthread", "OpenBLAS, pthread build", openblas_pthread},
    {"openblas-serial", "OpenBLAS, one thread", openblas_serial},
    {"blis", "BLIS or AOCL-BLAS", blis},
    {"netlib", "the reference BLAS", netlib},
    {"mkl", "Intel oneMKL", mkl},
    {"armpl", "Arm Performance Libraries", armpl},
    {"nvpl", "NVIDIA Performance Libraries", nvpl},
    {"atlas", "ATLAS", atlas},
    {NULL, NULL, NULL},
};

const struct blas_alias *blas_library_aliases(void) { return aliases; }

/* How a library is told its number of threads and asked what it is. Functions are looked up by
 * name; `set` takes an int unless it says otherwise. */
struct thread_control {
    const char *set;
    bool takes_long;                    /* BLIS counts in 64 bits */
    const char *version, *version_more; /* functions without arguments that return text */
    const char *integer_bytes;          /* a function that returns the size of its integers */
};

static const struct thread_control controls[] = {
    {"openblas_set_num_threads", false, "openblas_get_config", "openblas_get_corename", NULL},
    {"bli_thread_set_num_threads", true, "bli_info_get_version_str", NULL,
     "bli_info_get_blas_int_type_size"},
    {"MKL_Set_Num_Threads", false, NULL, NULL, NULL},
    {"armpl_set_num_threads", false, NULL, NULL, NULL},
    {"nvpl_blas_set_num_threads", false, NULL, NULL, NULL},
};

static const struct builtin_library *const builtins[] = {&naive_library, &blocked_library};

static blas_routine find_builtin(const struct builtin_library *library, const char *name) {
    for (; library; library = library->otherwise)
        for (const struct builtin_routine *row = library->routines; row->name; row++)
            if (strcmp(row->name, name) == 0) return row->routine;
    return NULL;
}

/* A function by its name; the union avoids the cast that ISO C lacks. */
static blas_routine find_symbol(const struct blas_library *library, const char *name) {
    if (library->builtin) return find_builtin(library->builtin, name);
    union {
        void *object;
        blas_routine function;
    } symbol = {dlsym(library->handle, name)};
    return symbol.function;
}

blas_routine blas_library_routine(const struct blas_library *library, const struct kernel *kernel,
                                  enum scalar type) {
    char name[64];
    if (!kernel->run[type] || type >= SCALAR_CPU_COUNT) return NULL;
    kernel_routine_name(kernel, type, name, sizeof name);
    return find_symbol(library, name);
}

/* Linux ids of this process's threads, ascending. Returns the count. */
static int list_threads(int **ids) {
    int count = 0, capacity = 0;
    *ids = NULL;
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks) return 0;
    for (struct dirent *entry; (entry = readdir(tasks));) {
        if (!isdigit((unsigned char)entry->d_name[0])) continue;
        if (count == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            int *more = realloc(*ids, (size_t)capacity * sizeof *more);
            if (!more) break;
            *ids = more;
        }
        (*ids)[count++] = atoi(entry->d_name);
    }
    closedir(tasks);
    return count; /* the kernel lists them in ascending order */
}

static bool contains(const int *ids, int count, int id) {
    for (int i = 0; i < count; i++)
        if (ids[i] == id) return true;
    return false;
}

static void copy_line(char *to, size_t size, const char *from) {
    snprintf(to, size, "%s", from ? from : "");
    for (char *c = to; *c; c++)
        if (*c == '\n') *c = ' ';
    for (size_t n = strlen(to); n > 0 && to[n - 1] == ' '; n--) to[n - 1] = '\0';
}

static const char *call_text(const struct blas_library *library, const char *function) {
    if (!function) return NULL;
    blas_routine routine = find_symbol(library, function);
    return routine ? ((const char *(*)(void))routine)() : NULL;
}

static void read_mkl_version(struct blas_library *library) {
    blas_routine routine = find_symbol(library, "MKL_Get_Version_String");
    if (!routine) return;
    char text[BLAS_LIBRARY_TEXT] = "";
    ((void (*)(char *, int))routine)(text, (int)sizeof text - 1);
    copy_line(library->version, sizeof library->version, text);
}

/* Whether the library says that it was built for one thread: all it has of these functions say 0.
 */
static bool is_serial(const struct blas_library *library) {
    static const char *const parallel[] = {"openblas_get_parallel", "bli_info_get_enable_openmp",
                                           "bli_info_get_enable_pthreads"};
    bool asked = false;
    for (size_t i = 0; i < sizeof parallel / sizeof *parallel; i++) {
        blas_routine routine = find_symbol(library, parallel[i]);
        if (routine && ((int (*)(void))routine)() != 0) return false;
        asked |= routine != NULL;
    }
    return asked;
}

/* What the library says of itself. False with a reason where its integers are not ours. */
static bool describe(struct blas_library *library, char *error, size_t size) {
    snprintf(library->thread_control, sizeof library->thread_control, "none");
    for (size_t i = 0; i < sizeof controls / sizeof *controls && !library->control; i++)
        if (find_symbol(library, controls[i].set)) library->control = &controls[i];
    if (!library->control) return true;
    const struct thread_control *control = library->control;
    if (is_serial(library))
        library->control = NULL;
    else
        snprintf(library->thread_control, sizeof library->thread_control, "%s", control->set);
    const char *version = call_text(library, control->version);
    const char *more = call_text(library, control->version_more);
    copy_line(library->version, sizeof library->version, version);
    if (version)
        snprintf(library->configuration, sizeof library->configuration, "%.200s%s%.50s", version,
                 more ? "; kernels " : "", more ? more : "");
    read_mkl_version(library);
    blas_routine bits =
        control->integer_bytes ? find_symbol(library, control->integer_bytes) : NULL;
    bool wide =
        strstr(library->configuration, "USE64BITINT") || (bits && ((long (*)(void))bits)() == 64);
    if (!wide) return true;
    snprintf(
        error, size,
        "%s was built with 64-bit integers (ILP64); flopstep calls the 32-bit interface (LP64)",
        library->path);
    return false;
}

static void *open_first(const char *const *candidates, char *path, size_t size) {
    for (; *candidates; candidates++) {
        glob_t found = {0};
        bool pattern = strchr(*candidates, '*') != NULL;
        if (pattern && glob(*candidates, 0, NULL, &found)) continue;
        for (size_t i = 0; i < (pattern ? found.gl_pathc : 1); i++) {
            const char *file = pattern ? found.gl_pathv[i] : *candidates;
            void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
            if (!handle) continue;
            snprintf(path, size, "%s", file);
            if (pattern) globfree(&found);
            return handle;
        }
        if (pattern) globfree(&found);
    }
    return NULL;
}

static const struct blas_alias *find_alias(const char *name) {
    for (const struct blas_alias *alias = aliases; alias->name; alias++)
        if (strcmp(alias->name, name) == 0) return alias;
    return NULL;
}

/* The alias that names exactly the file that was opened: "openblas" becomes "openblas-openmp". */
static void name_by_path(struct blas_library *library) {
    for (const struct blas_alias *alias = aliases; alias->name; alias++) {
        size_t length = strlen(alias->name);
        const char *at = strstr(library->path, alias->name);
        if (at && at > library->path && at[-1] == '/' && at[length] == '/')
            snprintf(library->name, sizeof library->name, "%s", alias->name);
    }
}

/* "/opt/x/libfoo.so.1" is called "foo". */
static void name_by_file(struct blas_library *library) {
    const char *file = strrchr(library->path, '/');
    file = file ? file + 1 : library->path;
    if (strncmp(file, "lib", 3) == 0) file += 3;
    snprintf(library->name, sizeof library->name, "%.*s", (int)strcspn(file, "."), file);
    name_by_path(library);
}

static bool open_shared(struct blas_library *library, const char *name, char *error, size_t size) {
    const struct blas_alias *alias = find_alias(name);
    if (alias) {
        library->handle = open_first(alias->candidates, library->path, sizeof library->path);
        if (!library->handle) {
            snprintf(error, size,
                     "BLAS library '%s' (%s) is not installed; install it, name a file, or choose "
                     "another with --blas ('flopstep info' shows what is there)",
                     name, alias->what);
            return false;
        }
        snprintf(library->name, sizeof library->name, "%s", name);
        name_by_path(library);
    } else if (strchr(name, '/') || strstr(name, ".so")) {
        library->handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
        if (!library->handle) {
            snprintf(error, size, "BLAS library does not load: %s", dlerror());
            return false;
        }
        snprintf(library->path, sizeof library->path, "%s", name);
        name_by_file(library);
    } else {
        snprintf(error, size,
                 "no BLAS library is called '%s'; 'flopstep list' shows the names, "
                 "and a path to a file works too",
                 name);
        return false;
    }
    return true;
}

void blas_library_note_threads(struct blas_library *library) {
    free(library->known);
    library->known_count = list_threads(&library->known);
}

/* Takes the threads that are new since note_threads for the library's own. */
static void adopt(struct blas_library *library) {
    int *now, count = list_threads(&now);
    int *workers =
        realloc(library->workers, (size_t)(library->worker_count + count + 1) * sizeof *workers);
    if (workers) library->workers = workers;
    for (int i = 0; workers && i < count; i++)
        if (!contains(library->known, library->known_count, now[i]))
            workers[library->worker_count++] = now[i];
    free(now);
}

struct blas_library *blas_library_open(const char *name, char *error, size_t size) {
    struct blas_library *library = calloc(1, sizeof *library);
    if (!library) abort();
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
        if (strcmp(builtins[i]->name, name) == 0) library->builtin = builtins[i];
    if (library->builtin) {
        snprintf(library->name, sizeof library->name, "%s", name);
        snprintf(library->path, sizeof library->path, "built in");
        snprintf(library->configuration, sizeof library->configuration, "%s",
                 library->builtin->what);
        snprintf(library->thread_control, sizeof library->thread_control, "none");
        return library;
    }
    blas_library_note_threads(library);
    if (open_shared(library, name, error, size) && describe(library, error, size)) {
        union {
            void *object;
            void (*function)(int);
        } omp = {dlsym(library->handle, "omp_set_num_threads")};
        library->set_omp_threads = omp.function;
        adopt(library);
        return library;
    }
    blas_library_close(library);
    return NULL;
}

void blas_library_close(struct blas_library *library) {
    if (!library) return;
    /* Never dlclose: a library's threads may still be on their way to sleep inside it. */
    free(library->workers);
    free(library->known);
    free(library);
}

bool blas_library_set_threads(const struct blas_library *library, int threads) {
    if (!library->control) return threads == 1;
    /* An OpenMP build of OpenBLAS goes by OpenMP's own setting, whatever it was told. */
    if (library->set_omp_threads) library->set_omp_threads(threads);
    blas_routine set = find_symbol(library, library->control->set);
    if (library->control->takes_long)
        ((void (*)(int64_t))set)(threads);
    else
        ((void (*)(int))set)(threads);
    return true;
}

int blas_library_pin_workers(const struct blas_library *library) {
    int result = 0;
    for (int i = 0; i < library->worker_count; i++)
        if (topology_pin(library->workers[i], i + 1) && errno != ESRCH) result = -1;
    return result;
}

int blas_library_adopt_threads(struct blas_library *library) {
    adopt(library);
    return blas_library_pin_workers(library);
}
