/* The small exact exercises of the lectures: each computes its numbers with nn/ and puts them
 * beside the known ones. */
#ifndef FLOPSTEP_BENCH_TRAIN_EXERCISES_H
#define FLOPSTEP_BENCH_TRAIN_EXERCISES_H

#include <stdbool.h>

#include "bench/train/recipes.h"

/* One number of an exercise. It holds where |ours - reported| <= tolerance; the tolerance is half a
 * unit of the last digit that was reported, or the rounding of the type where it is exact. */
struct exercise_row {
    char what[96];
    double reported, ours, tolerance;
    bool in_deck; /* false: `reported` follows from the deck's formula, the deck doesn't show it */
};
enum { MOST_EXERCISE_ROWS = 64 };

/* Each fills rows and returns how many. */
int exercise_neuron_graph(struct exercise_row *rows, int most);
int exercise_neuron_mlp(struct exercise_row *rows, int most);
int exercise_function_graph(struct exercise_row *rows, int most);
int exercise_activations(struct exercise_row *rows, int most);
int exercise_softmax_scores(struct exercise_row *rows, int most);
int exercise_cross_entropy(struct exercise_row *rows, int most);
int exercise_perceptrons(struct exercise_row *rows, int most);
int exercise_strokes_2x2(struct exercise_row *rows, int most);
int exercise_strokes_3x3(struct exercise_row *rows, int most);
int exercise_gradient_descent(struct exercise_row *rows, int most);
int exercise_parameter_counts(struct exercise_row *rows, int most);

/* Path number `index` with the curve it is on, for the figure; NULL behind the last. */
struct json_t *draw_gradient_descent(int index);

/* The rows of the recipe table. */
#define EXERCISE(called, taught, told, computes)                                                   \
    DRAWN_EXERCISE(called, taught, told, computes, NULL)
#define DRAWN_EXERCISE(called, taught, told, computes, draws)                                      \
    { .name = called, .deck = taught, .what = told, .exercise = computes, .path = draws }
#define EXERCISE_RECIPES                                                                           \
    EXERCISE("neuron-graph", "MAT391", "a sigmoid neuron, forward and backward",                   \
             exercise_neuron_graph),                                                               \
        EXERCISE("neuron-mlp", "MAT391", "one neuron, then a batch as one GEMM",                   \
                 exercise_neuron_mlp),                                                             \
        EXERCISE("function-graph", "KAI", "f = x^2 + xy + (x + y)^2 and df/dx",                    \
                 exercise_function_graph),                                                         \
        EXERCISE("activations-123456", "MAT391",                                                   \
                 "sigmoid, softmax, ReLU of [[1, 2, 3], [4, 5, 6]]", exercise_activations),        \
        EXERCISE("softmax-scores", "MAT391", "scores to probabilities", exercise_softmax_scores),  \
        EXERCISE("cross-entropy-ten", "MAT391", "-log p of ten right classes",                     \
                 exercise_cross_entropy),                                                          \
        EXERCISE("perceptrons", "KAI, RCCS, LSU", "cinema, AND, OR, NAND, half adder, sign",       \
                 exercise_perceptrons),                                                            \
        EXERCISE("strokes-2x2", "LSU", "two strokes told apart by one 2x2 filter",                 \
                 exercise_strokes_2x2),                                                            \
        EXERCISE("strokes-3x3", "LSU", "four signs told apart by learned filters",                 \
                 exercise_strokes_3x3),                                                            \
        DRAWN_EXERCISE("gradient-descent-1d", "LSU, MAT391", "x <- x - eta f'(x), step by step",   \
                       exercise_gradient_descent, draw_gradient_descent),                          \
        EXERCISE("parameter-counts", "KAI, SciNet", "784-15-10 and 784-30-10",                     \
                 exercise_parameter_counts)

#endif
