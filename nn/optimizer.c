#include "nn/optimizer.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct optimizer_kind optimizer_kinds[] = {
    {.name = "sgd",
     .what = "w -= lr g",
     .rule = UPDATE_GRADIENT_DESCENT,
     .numbers = "lr l2",
     .defaults = {.lr = 0.1}},
    {.name = "momentum",
     .what = "v = mu v + g, w -= lr v",
     .rule = UPDATE_MOMENTUM,
     .slots = 1,
     .numbers = "lr mu l2",
     .defaults = {.lr = 0.01, .mu = 0.9}},
    {.name = "nesterov",
     .what = "v = mu v + g, w -= lr (g + mu v)",
     .rule = UPDATE_NESTEROV,
     .slots = 1,
     .numbers = "lr mu l2",
     .defaults = {.lr = 0.01, .mu = 0.9}},
    {.name = "rmsprop",
     .what = "s = rho s + (1 - rho) g^2, w -= lr g / (sqrt s + eps)",
     .rule = UPDATE_RMSPROP,
     .slots = 1,
     .numbers = "lr rho eps l2",
     .defaults = {.lr = 0.001, .rho = 0.9, .eps = 1e-7}},
    {.name = "adadelta",
     .what = "d = sqrt(u + eps) / sqrt(s + eps) g, w -= lr d; s, u: means of g^2, d^2",
     .rule = UPDATE_ADADELTA,
     .slots = 2,
     .numbers = "lr rho eps l2",
     .defaults = {.lr = 1, .rho = 0.95, .eps = 1e-7}},
    {.name = "adam",
     .what = "w -= lr m / (sqrt s + eps); m, s: means of g, g^2, corrected unless correction=0",
     .rule = UPDATE_ADAM,
     .slots = 2,
     .numbers = "lr beta1 beta2 eps correction l2",
     .defaults = {.lr = 0.001, .b1 = 0.9, .b2 = 0.999, .eps = 1e-7},
     .corrects = true},
    {.name = "nadam",
     .what = "Adam with Nesterov's momentum",
     .rule = UPDATE_ADAM,
     .slots = 2,
     .numbers = "lr beta1 beta2 eps l2",
     .defaults = {.lr = 0.001, .b1 = 0.9, .b2 = 0.999, .eps = 1e-7},
     .corrects = true,
     .nesterov = true},
    {.name = NULL}};

const char *const schedule_names[] = {"constant", "cosine", NULL};

static const struct {
    const char *name;
    size_t offset;
    double least, below;
} number_rows[] = {
    {"lr", offsetof(struct update_numbers, lr), 0, 1e6},
    {"mu", offsetof(struct update_numbers, mu), 0, 1},
    {"rho", offsetof(struct update_numbers, rho), 0, 1},
    {"beta1", offsetof(struct update_numbers, b1), 0, 1},
    {"beta2", offsetof(struct update_numbers, b2), 0, 1},
    {"eps", offsetof(struct update_numbers, eps), 1e-30, 1}, /* 0: 0 / 0 where gradients are 0 */
    {"l2", offsetof(struct update_numbers, decay), 0, 1},
};
enum { NUMBER_ROWS = sizeof number_rows / sizeof *number_rows };

/* Whether the kind lists that word. */
static bool has_number(const struct optimizer_kind *kind, const char *name) {
    size_t length = strlen(name);
    if (!length) return false;
    for (const char *at = kind->numbers; (at = strstr(at, name)); at += length) {
        bool begins = at == kind->numbers || at[-1] == ' ';
        if (begins && (at[length] == ' ' || !at[length])) return true;
    }
    return false;
}

static double *number_at(struct optimizer_settings *s, int row) {
    return (double *)((char *)&s->numbers + number_rows[row].offset);
}

static bool take_number(struct optimizer_settings *s, const char *name, const char *text,
                        char *reason, size_t size) {
    char *end;
    double value = strtod(text, &end);
    if (!has_number(s->kind, name)) {
        snprintf(reason, size, "%s has no '%s'; it has %s", s->kind->name, name, s->kind->numbers);
        return false;
    }
    if (end == text || *end || !isfinite(value)) {
        snprintf(reason, size, "%s: '%s' is no number", name, text);
        return false;
    }
    if (strcmp(name, "correction") == 0) {
        s->corrects = value != 0;
        return true;
    }
    for (int i = 0; i < NUMBER_ROWS; i++) {
        if (strcmp(name, number_rows[i].name) != 0) continue;
        if (value < number_rows[i].least || value >= number_rows[i].below) {
            snprintf(reason, size, "%s must be %g at least and below %g", name,
                     number_rows[i].least, number_rows[i].below);
            return false;
        }
        *number_at(s, i) = value;
    }
    return true;
}

bool optimizer_parse(struct optimizer_settings *s, const char *text, char *reason, size_t size) {
    char copy[OPTIMIZER_TEXT];
    if (strlen(text) >= sizeof copy) {
        snprintf(reason, size, "an optimizer's text has at most %zu characters", sizeof copy - 1);
        return false;
    }
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c >= ' ' && *c != 0x7f) continue;
        snprintf(reason, size, "control characters are in an optimizer's text");
        return false;
    }
    memcpy(copy, text, strlen(text) + 1);
    char *rest = strchr(copy, ':');
    if (rest) *rest++ = '\0';
    const struct optimizer_kind *kind = optimizer_kinds;
    while (kind->name && strcmp(kind->name, copy) != 0) kind++;
    if (!kind->name) {
        int used = snprintf(reason, size, "no optimizer is called '%s'; there are", copy);
        for (kind = optimizer_kinds; kind->name && used > 0 && (size_t)used < size; kind++)
            used += snprintf(reason + used, size - (size_t)used, " %s", kind->name);
        return false;
    }
    *s = (struct optimizer_settings){kind, kind->defaults, kind->corrects, 0.004};
    while (rest) {
        char *next = strchr(rest, ','), *value = strchr(rest, '=');
        if (next) *next++ = '\0';
        if (!value || (next && value > next)) {
            snprintf(reason, size, "'%s': write name=value, with name one of %s", rest,
                     kind->numbers);
            return false;
        }
        *value++ = '\0';
        if (!take_number(s, rest, value, reason, size)) return false;
        rest = next;
    }
    return true;
}

void optimizer_text(const struct optimizer_settings *settings, char *text, size_t size) {
    struct optimizer_settings s = *settings;
    int used = snprintf(text, size, "%s", s.kind->name);
    char separator = ':';
    for (int i = 0; i < NUMBER_ROWS && used > 0 && (size_t)used < size; i++) {
        double value = *number_at(&s, i);
        bool silent = strcmp(number_rows[i].name, "l2") == 0 && value == 0;
        if (!has_number(s.kind, number_rows[i].name) || silent) continue;
        char number[32];
        for (int digits = 6; digits <= 17; digits++) {
            snprintf(number, sizeof number, "%.*g", digits, value);
            if (strtod(number, NULL) == value) break;
        }
        used += snprintf(text + used, size - (size_t)used, "%c%s=%s", separator,
                         number_rows[i].name, number);
        separator = ',';
    }
    if (has_number(s.kind, "correction") && !s.corrects && used > 0 && (size_t)used < size)
        snprintf(text + used, size - (size_t)used, "%ccorrection=0", separator);
}

bool optimizer_plan(struct optimizer *o, const struct optimizer_settings *settings,
                    struct queue *queue, long parameters) {
    *o = (struct optimizer){.settings = *settings,
                            .queue = queue,
                            .slot_bytes = (size_t)parameters * scalar_bytes(queue->type),
                            .parameters = parameters,
                            .mu_product = 1,
                            .now = settings->numbers};
    for (int i = 0; i < settings->kind->slots; i++) {
        o->slot[i] =
            queue->device->allocate(queue->device, o->slot_bytes); /* fresh pages are zero */
        if (o->slot[i] && queue->device->own_memory)
            queue->device->zero(queue->device, o->slot[i], o->slot_bytes);
        if (o->slot[i]) continue;
        optimizer_free(o);
        return false;
    }
    return true;
}

void optimizer_free(struct optimizer *o) {
    for (int i = 0; i < 2; i++) {
        if (o->slot[i]) o->queue->device->release(o->queue->device, o->slot[i], o->slot_bytes);
        o->slot[i] = NULL;
    }
}

double optimizer_rate(const struct optimizer *o, long step) {
    double lr = o->settings.numbers.lr;
    if (o->schedule == SCHEDULE_CONSTANT || o->steps < 1) return lr;
    double share = fmin((double)(step - 1) / (double)o->steps, 1);
    return lr * 0.5 * (1 + cos(3.141592653589793 * share));
}

/* Kingma and Ba 2015; the corrections go into two numbers, so that the loop is the same with and
 * without them. */
static void adam_numbers(struct optimizer *o) {
    struct update_numbers *now = &o->now;
    double t = (double)o->step;
    now->from_g = 0;
    now->from_m = now->lr;
    now->scale_s = 1;
    if (!o->settings.corrects) return;
    now->from_m = now->lr / (1 - pow(now->b1, t));
    now->scale_s = 1 / (1 - pow(now->b2, t));
}

/* Dozat 2016, with its schedule of the momentum. */
static void nadam_numbers(struct optimizer *o) {
    struct update_numbers *now = &o->now;
    double t = (double)o->step, decay = o->settings.momentum_decay;
    double mu = now->b1 * (1 - 0.5 * pow(0.96, t * decay));
    double next = now->b1 * (1 - 0.5 * pow(0.96, (t + 1) * decay));
    o->mu_product *= mu;
    now->from_g = now->lr * (1 - mu) / (1 - o->mu_product);
    now->from_m = now->lr * next / (1 - o->mu_product * next);
    now->scale_s = 1 / (1 - pow(now->b2, t));
}

void optimizer_advance(struct optimizer *o) {
    o->step++;
    o->now = o->settings.numbers;
    o->now.lr = optimizer_rate(o, o->step);
    if (o->settings.kind->rule != UPDATE_ADAM) return;
    if (o->settings.kind->nesterov)
        nadam_numbers(o);
    else
        adam_numbers(o);
}

void optimizer_update(struct optimizer *o, long offset, long count, void *w, const void *g,
                      bool decays) {
    struct update_numbers numbers = o->now;
    size_t at = (size_t)offset * scalar_bytes(o->queue->type);
    void *slot[2];
    for (int i = 0; i < 2; i++) slot[i] = o->slot[i] ? (char *)o->slot[i] + at : NULL;
    if (!decays) numbers.decay = 0;
    o->queue->device->layers->update(o->queue, o->settings.kind->rule, &numbers, count, w, g,
                                     slot[0], slot[1]);
}
