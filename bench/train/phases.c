#include "bench/train/phases.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/clock.h"
#include "bench/harness/statistics.h"
#include "bench/harness/texts.h"
#include "kernels/device.h"

/* Layer and pass names are the network's and constants: the same pointers in every step. */
static struct phase *find(struct phases *p, const struct span *span) {
    for (size_t i = 0; i < p->count; i++)
        if (p->phase[i].span.layer == span->layer && p->phase[i].span.pass == span->pass)
            return &p->phase[i];
    if (p->count == MOST_PHASES) return NULL;
    struct phase *phase = &p->phase[p->count];
    *phase = (struct phase){.span = *span, .seconds = calloc(MOST_PHASE_STEPS, sizeof(double))};
    if (!phase->seconds) return NULL;
    if (p->device->runs_behind) {
        phase->from = p->device->event_new(p->device);
        phase->to = p->device->event_new(p->device);
    }
    p->count++;
    return phase;
}

/* Spans without a layer are the products inside one, on any thread. Of a phase that is opened more
 * than once in a step a device that runs behind keeps the last time: of reductions that is where
 * the sums are awaited, and between its events the device stands still for them. The host's clock
 * would hold the rest of the backward pass, too, which the host has issued long before it has run.
 */
static void begin(void *context, const struct span *span) {
    struct phase *phase = span->layer ? find(context, span) : NULL;
    if (!phase) return;
    const struct device *device = ((struct phases *)context)->device;
    if (device->runs_behind)
        device->event_record(device, phase->from);
    else
        phase->begin = clock_seconds();
}

static void end(void *context, const struct span *span) {
    struct phase *phase = span->layer ? find(context, span) : NULL;
    if (!phase) return;
    const struct device *device = ((struct phases *)context)->device;
    if (device->runs_behind)
        device->event_record(device, phase->to);
    else
        phase->now += clock_seconds() - phase->begin;
    phase->open = true;
}

void phases_begin(struct phases *p, const struct device *device) {
    *p = (struct phases){.device = device};
    p->reader = (struct trace_reader){begin, end, p};
}

void phases_free(struct phases *p) {
    for (size_t i = 0; i < p->count; i++) {
        struct phase *phase = &p->phase[i];
        free(phase->seconds);
        if (phase->from) p->device->event_free(p->device, phase->from);
        if (phase->to) p->device->event_free(p->device, phase->to);
    }
    p->count = p->steps = 0;
}

void phases_step_begin(struct phases *p) {
    for (size_t i = 0; i < p->count; i++) {
        p->phase[i].now = 0;
        p->phase[i].open = false;
    }
    trace_set(&p->reader);
}

void phases_step_end(struct phases *p) {
    trace_set(NULL);
    size_t at = p->steps++ % MOST_PHASE_STEPS; /* the latest are kept */
    for (size_t i = 0; i < p->count; i++) {
        struct phase *phase = &p->phase[i];
        if (phase->open && p->device->runs_behind)
            phase->now = p->device->event_seconds(p->device, phase->from, phase->to);
        phase->seconds[at] = phase->now;
    }
}

static size_t kept(const struct phases *p) {
    return p->steps < MOST_PHASE_STEPS ? p->steps : MOST_PHASE_STEPS;
}

double phases_seconds(const struct phases *p, const struct phase *phase) {
    return kept(p) ? statistics_median(phase->seconds, kept(p)) : NAN;
}

double phases_pass_seconds(const struct phases *p, const char *pass) {
    double *sums = calloc(kept(p) + 1, sizeof *sums);
    if (!sums) return NAN;
    for (size_t i = 0; i < p->count; i++)
        for (size_t s = 0; strcmp(p->phase[i].span.pass, pass) == 0 && s < kept(p); s++)
            sums[s] += p->phase[i].seconds[s];
    double median = kept(p) ? statistics_median(sums, kept(p)) : NAN;
    free(sums);
    return median;
}

/* A backward span holds the weight gradient and, but in the first layer, the input gradient. */
double phases_flops(const struct phases *phases, const struct phase *phase) {
    const struct span *span = &phase->span;
    double product = 2.0 * (double)span->m * (double)span->n * (double)span->k;
    if (span->k < 0) return NAN;
    if (strcmp(span->pass, "forward") == 0) return product;
    bool first = true; /* no layer with a product came before this one in the forward pass */
    for (size_t i = 0; i < phases->count; i++) {
        const struct span *other = &phases->phase[i].span;
        if (strcmp(other->pass, "forward") != 0 || other->k < 0) continue;
        if (other->layer == span->layer) break;
        first = false;
    }
    return first ? product : 2 * product;
}

void phases_print(const struct phases *phases) {
    static const char *const passes[] = {"input",    "forward", "loss",
                                         "backward", "reduce",  "update"};
    double step = 0;
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++)
        step += phases_pass_seconds(phases, passes[i]);
    printf("  %-12s %-9s %10s %7s %9s  %-18s %s\n", "layer", "pass", "time", "% step", "GFLOP/s",
           "product m x n x k", "path");
    for (size_t i = 0; i < phases->count; i++) {
        const struct phase *phase = &phases->phase[i];
        const struct span *span = &phase->span;
        double seconds = phases_seconds(phases, phase), flops = phases_flops(phases, phase);
        char time[24], rate[24] = "-", share[16], shape[64] = "";
        seconds_text(seconds, time, sizeof time);
        percent_text(seconds, step, share, sizeof share);
        if (isfinite(flops)) snprintf(rate, sizeof rate, "%.1f", flops / seconds * 1e-9);
        if (span->k >= 0) snprintf(shape, sizeof shape, "%ldx%ldx%ld", span->m, span->n, span->k);
        printf("  %-12s %-9s %10s %7s %9s  %-18s %s\n", span->layer, span->pass, time, share, rate,
               shape, span->path ? span->path : "");
    }
    putchar('\n');
}
