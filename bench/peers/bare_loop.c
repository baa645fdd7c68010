/* The least that can be done to time a BLAS call: load the library, call it in a loop, read the
 * clock around it. Shares nothing with flopstep, so that overhead.sh can compare the two.
 *   bare_loop LIBRARY KERNEL N THREADS SECONDS      KERNEL: daxpy, dgemm or sgemm
 * prints the best seconds per call. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef void daxpy_t(int, double, const double *, int, double *, int);
typedef void dgemm_t(int, int, int, int, int, int, double, const double *, int, const double *, int,
                     double, double *, int);
typedef void sgemm_t(int, int, int, int, int, int, float, const float *, int, const float *, int,
                     float, float *, int);

enum { COLUMNS = 102, PLAIN = 111 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *symbol(void *library, const char *name) {
    void *found = dlsym(library, name);
    if (!found) {
        fprintf(stderr, "bare_loop: no %s\n", name);
        exit(1);
    }
    return found;
}

static void *operand(size_t elements, size_t bytes) {
    char *memory = aligned_alloc(64, (elements * bytes + 63) / 64 * 64);
    if (!memory) exit(1);
    for (size_t i = 0; i < elements; i++) {
        double value = 2.0 * rand() / RAND_MAX - 1;
        if (bytes == sizeof(double))
            ((double *)memory)[i] = value;
        else
            ((float *)memory)[i] = (float)value;
    }
    return memory;
}

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    void *library = dlopen(argv[1], RTLD_NOW);
    if (!library) {
        fprintf(stderr, "bare_loop: %s\n", dlerror());
        return 1;
    }
    const char *kernel = argv[2];
    int n = atoi(argv[3]);
    void (*set_threads)(int) = (void (*)(int))dlsym(library, "openblas_set_num_threads");
    void (*set_omp)(int) = (void (*)(int))dlsym(library, "omp_set_num_threads");
    if (set_omp) set_omp(atoi(argv[4]));
    if (set_threads) set_threads(atoi(argv[4]));
    double seconds = atof(argv[5]), best = 1e9;
    size_t count = (size_t)n, square = count * count;
    int axpy = strcmp(kernel, "daxpy") == 0, single = strcmp(kernel, "sgemm") == 0;
    size_t bytes = single ? 4 : 8, elements = axpy ? count : square;
    void *a = operand(elements, bytes), *b = operand(elements, bytes);
    void *c = axpy ? NULL : operand(square, bytes);
    daxpy_t *daxpy = axpy ? (daxpy_t *)symbol(library, "cblas_daxpy") : NULL;
    dgemm_t *dgemm = !axpy && !single ? (dgemm_t *)symbol(library, "cblas_dgemm") : NULL;
    sgemm_t *sgemm = single ? (sgemm_t *)symbol(library, "cblas_sgemm") : NULL;
    long batch = 1;
    for (double stop = now() + seconds; now() < stop;) {
        double begin = now();
        if (axpy)
            for (long r = 0; r < batch; r++) daxpy(n, r & 1 ? -1 : 1, a, 1, b, 1);
        else if (single)
            for (long r = 0; r < batch; r++)
                sgemm(COLUMNS, PLAIN, PLAIN, n, n, n, r & 1 ? -1 : 1, a, n, b, n, 1, c, n);
        else
            for (long r = 0; r < batch; r++)
                dgemm(COLUMNS, PLAIN, PLAIN, n, n, n, r & 1 ? -1 : 1, a, n, b, n, 1, c, n);
        double spent = now() - begin;
        if (spent < 25e-6)
            batch *= 2;
        else if (spent / (double)batch < best)
            best = spent / (double)batch;
    }
    printf("%.9g\n", best);
    free(a);
    free(b);
    free(c);
    return 0;
}
