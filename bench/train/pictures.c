#include "bench/train/pictures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXAMPLES = 6, MOST_CLASSES = 64, LOOKED_AT = 2000, COLUMNS = 80, ROWS = 80 };

static long largest(const double *values, long count) {
    long best = 0;
    for (long j = 1; j < count; j++)
        if (values[j] > values[best]) best = j;
    return best;
}

static json_t *item_of(const struct dataset *data, long index, const double *outputs,
                       long predicted) {
    long n = extent_size(data->extent);
    char *hex = malloc((size_t)n * 2 + 1), name[32];
    if (!hex) return NULL;
    for (long i = 0; i < n; i++) snprintf(hex + 2 * i, 3, "%02x", data->test.pixels[index * n + i]);
    snprintf(name, sizeof name, "test %ld", index);
    json_t *probabilities = json_array();
    for (long j = 0; j < data->classes; j++)
        json_array_append_new(probabilities, json_real(outputs[j]));
    json_t *item = json_pack("{s:s, s:s, s:i, s:i, s:o}", "name", name, "pixels", hex, "label",
                             data->test.labels[index], "predicted", (int)predicted, "probabilities",
                             probabilities);
    free(hex);
    return item;
}

void record_examples(struct session *session, const struct recipe *recipe, const char *network,
                     struct training *training) {
    const struct dataset *data = training->data;
    if (!data->test.pixels || !data->test.labels || data->classes > MOST_CLASSES ||
        data->classes != training->network->outputs || data->extent.channels != 1)
        return;
    json_t *items = json_array(), *names = json_array();
    int right = 0, wrong = 0;
    for (long i = 0; i < data->test.count && i < LOOKED_AT && right + wrong < 2 * EXAMPLES; i++) {
        double outputs[MOST_CLASSES];
        training_predict(training, &data->test, i, outputs);
        long predicted = largest(outputs, data->classes);
        int *kind = predicted == data->test.labels[i] ? &right : &wrong;
        if (*kind == EXAMPLES) continue;
        ++*kind;
        json_array_append_new(items, item_of(data, i, outputs, predicted));
    }
    for (long j = 0; j < data->classes; j++) {
        char digit[24];
        snprintf(digit, sizeof digit, "%ld", j);
        json_array_append_new(names,
                              record_string(data->class_names ? data->class_names[j] : digit));
    }
    record_line(&session->record,
                json_pack("{s:s, s:s, s:s, s:o, s:s, s:i, s:i, s:o, s:o}", "record", "examples",
                          "command", "train", "recipe", recipe->name, "network",
                          record_string(network), "dataset", data->name, "height",
                          (int)data->extent.height, "width", (int)data->extent.width, "class_names",
                          names, "items", items));
}

static void add_points(json_t *points, const struct samples *samples, const char *part) {
    for (long i = 0; i < samples->count; i++)
        json_array_append_new(points,
                              json_pack("[f, f, i, s]", samples->numbers[2 * i],
                                        samples->numbers[2 * i + 1], samples->labels[i], part));
}

void record_boundary(struct session *session, const struct recipe *recipe,
                     struct training *training, double train_accuracy, double test_accuracy) {
    const struct dataset *data = training->data;
    const double low = -1.5, high = 1.5;
    double outputs[MOST_CLASSES], plane[2];
    if (extent_size(data->extent) != 2 || !data->train.numbers || data->classes != 2) return;
    json_t *field = json_array(), *points = json_array();
    struct samples place = {.count = 1, .numbers = plane, .labels = data->train.labels};
    for (long y = 0; y < ROWS; y++)
        for (long x = 0; x < COLUMNS; x++) {
            plane[0] = low + (high - low) * ((double)x + 0.5) / COLUMNS;
            plane[1] = low + (high - low) * ((double)y + 0.5) / ROWS;
            training_predict(training, &place, 0, outputs);
            double one = training->network->outputs == 1 ? outputs[0]
                                                         : outputs[1] / (outputs[0] + outputs[1]);
            json_array_append_new(field, json_real(isfinite(one) ? one : 0.5));
        }
    add_points(points, &data->train, "train");
    add_points(points, &data->test, "test");
    json_t *line = json_pack("{s:s, s:s, s:s, s:s, s:[f,f], s:[f,f], s:i, s:i, s:o, s:o}", "record",
                             "boundary", "command", "train", "recipe", recipe->name, "dataset",
                             data->name, "x", low, high, "y", low, high, "columns", COLUMNS, "rows",
                             ROWS, "probability", field, "points", points);
    record_set_real(line, "train_accuracy", train_accuracy);
    record_set_real(line, "test_accuracy", test_accuracy);
    record_line(&session->record, line);
}
