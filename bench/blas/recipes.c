#include "bench/blas/recipes.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "kernels/scalar.h"

#define MAT391                                                                                     \
    "K. Wong, \"Topics in Machine Learning, unit 2: MLP training\", Univ. of Tennessee, 2022"

static const struct reported levels[] = {{"Tesla P100, cuBLAS of CUDA 8", "axpy", "d", 0, 52},
                                         {"Tesla P100, cuBLAS of CUDA 8", "gemv", "d", 0, 145},
                                         {"Tesla P100, cuBLAS of CUDA 8", "gemm", "d", 0, 4503},
                                         {NULL, NULL, NULL, 0, 0}};

/* The intensity row of the lecture is an argument, O(1), O(1) and O(n), not a rate. */
static const struct reported nothing[] = {{NULL, NULL, NULL, 0, 0}};

static const struct reported lab[] = {
    {"Colab CPU, first run", "gemm", "s", 2000, 67.8},
    {"Colab CPU, first run", "gemm", "s", 4000, 68.9},
    {"Colab CPU, first run", "gemm", "s", 6000, 70.2},
    {"Colab CPU, second run", "gemm", "s", 2000, 70.0},
    {"Colab CPU, second run", "gemm", "s", 4000, 70.0},
    {"Colab CPU, second run", "gemm", "s", 6000, 70.8},
    {"Colab CPU, best of many (228 ms)", "gemm", "s", 2000, 2 * 8.0 / 0.228},
    {"Colab CPU, best of many (214 ms)", "gemm", "s", 2000, 2 * 8.0 / 0.214},
    {"Colab CPU, another run", "gemm", "s", 6000, 71.6},
    {"Colab GPU (0.0610 s)", "gemm", "s", 6000, 7077},
    {NULL, NULL, NULL, 0, 0}};

static const struct reported n5000[] = {{"NumPy (7.39 s)", "gemm", "d", 5000, 33.8},
                                        {"R (7.84 s)", "gemm", "d", 5000, 31.9},
                                        {NULL, NULL, NULL, 0, 0}};

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct blas_recipe recipes[] = {
    {"blas-levels", "y = alpha x + y, y = y + A x, C = C + A B in double precision against N",
     MAT391,
     ARGUMENTS("--kernels", "axpy,gemv,gemm", "--types", "d", "--sizes",
               "100:500:100,1000:4000:500"),
     "blas-levels", levels},
    {"intensity", "FLOP per memory access of the three levels: the roofline's argument", MAT391,
     ARGUMENTS("--kernels", "axpy,gemv,gemm", "--types", "d", "--sizes", "64:2048:x2"), "roofline",
     nothing},
    {"matmul-lab", "C = A B, single and double, uniform in [0, 1), N = 2000, 4000, 6000", MAT391,
     ARGUMENTS("--kernels", "gemm", "--types", "d,s", "--beta", "0", "--fill", "0:1", "--sizes",
               "2000,4000,6000"),
     "gflops-level3", lab},
    {"matmul-5000", "C = A B in double precision, N = 5000", MAT391,
     ARGUMENTS("--kernels", "gemm", "--types", "d", "--beta", "0", "--fill", "0:1", "--sizes",
               "5000"),
     "gflops-level3", n5000},
    {.name = NULL},
};

const struct blas_recipe *blas_recipe_table(void) { return recipes; }

const struct blas_recipe *blas_recipe_find(const char *name) {
    for (const struct blas_recipe *recipe = recipes; recipe->name; recipe++)
        if (strcmp(recipe->name, name) == 0) return recipe;
    return NULL;
}

static const char *text(const json_t *record, const char *key) {
    const char *value = json_string_value(json_object_get(record, key));
    return value ? value : "";
}

static double number(const json_t *record, const char *key) {
    return json_number_value(json_object_get(record, key));
}

static bool matches(const json_t *record, const struct reported *row) {
    if (strcmp(text(record, "status"), "ok") != 0) return false;
    if (strcmp(text(record, "kernel"), row->kernel) != 0) return false;
    if (strcmp(text(record, "type"), row->type) != 0) return false;
    return row->n == 0 || (long)number(record, "n") == row->n;
}

static void print_reported(const struct reported *rows, const json_t *cases) {
    printf("\n%-34s %-6s %6s %18s %14s   %s\n", "reported for", "kernel", "N", "reported GFLOP/s",
           "ours GFLOP/s", "ours is");
    for (const struct reported *row = rows; row->what; row++) {
        const json_t *best = NULL, *record;
        size_t i;
        json_array_foreach(cases, i, record) {
            if (matches(record, row) &&
                (!best || number(record, "gflops") > number(best, "gflops")))
                best = record;
        }
        char size[24] = "best", ours[32] = "not measured", which[160] = "";
        if (row->n) snprintf(size, sizeof size, "%ld", row->n);
        if (best) {
            snprintf(ours, sizeof ours, "%.4g", number(best, "gflops"));
            snprintf(which, sizeof which, "%s, %d thread%s, N = %ld", text(best, "library"),
                     (int)number(best, "threads"), number(best, "threads") == 1 ? "" : "s",
                     (long)number(best, "n"));
        }
        printf("%-34s %s%-5s %6s %18.4g %14s   %s\n", row->what, row->type, row->kernel, size,
               row->gflops, ours, which);
    }
}

static double element_bytes(const char *letter) {
    for (enum scalar type = 0; type < SCALAR_COUNT; type++)
        if (strcmp(letter, scalar_letter(type)) == 0) return (double)scalar_bytes(type);
    return NAN;
}

/* FLOP per element loaded or stored, counting each element once: what a cache can make of it. */
static void print_intensity(const json_t *cases) {
    printf("\n%-8s %8s %16s %16s %14s\n", "kernel", "N", "FLOP/element", "FLOP/byte", "GFLOP/s");
    const json_t *record;
    size_t i;
    json_array_foreach(cases, i, record) {
        if (strcmp(text(record, "status"), "ok") != 0) continue;
        double intensity = number(record, "flops") / number(record, "bytes");
        double element = element_bytes(text(record, "type"));
        printf("%s%-7s %8ld %16.4g %16.4g %14.4g\n", text(record, "type"), text(record, "kernel"),
               (long)number(record, "n"), intensity * element, intensity, number(record, "gflops"));
    }
    printf("The lecture's argument: O(1) for levels 1 and 2, O(N) for level 3.\n");
}

void blas_recipe_print(const struct blas_recipe *recipe, const json_t *cases) {
    if (recipe->rows == nothing)
        print_intensity(cases);
    else
        print_reported(recipe->rows, cases);
    printf("Source: %s.\n", recipe->source);
}
