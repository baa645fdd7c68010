/* Parameters of two networks, as their plan counts them. */
#include "bench/harness/error.h"
#include "bench/train/exercise_tools.h"
#include "nn/notation.h"

int exercise_parameter_counts(struct exercise_row *rows, int most) {
    struct exercise_rows r = {rows, most, 0};
    static const struct {
        const char *notation;
        long all, weights;
    } networks[] = {
        {"784-15-10", 11935, 784 * 15 + 15 * 10},
        {"784-30-10", 23860, 784 * 30 + 30 * 10},
    };
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        char reason[NETWORK_REASON];
        struct architecture a;
        long weights = 0, biases = 0;
        if (!architecture_parse(&a, networks[i].notation, (struct extent){0, 0, 0}, reason,
                                sizeof reason))
            die(EXIT_MISSING, "%s", reason);
        for (int l = 0; l < a.count; l++) {
            weights += a.layers[l].weights;
            biases += a.layers[l].biases;
        }
        exercise_reported(&r, (double)networks[i].all, (double)(weights + biases), 0,
                          "%s: parameters", networks[i].notation);
        exercise_derived(&r, (double)networks[i].weights, (double)weights, 0, "%s: of them weights",
                         networks[i].notation);
        exercise_derived(&r, (double)(networks[i].all - networks[i].weights), (double)biases, 0,
                         "%s: of them biases", networks[i].notation);
    }
    return r.count;
}
