#include "bench/harness/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "bench/harness/clock.h"

struct progress progress_begin(bool wanted, size_t steps) {
    return (struct progress){
        .shown = wanted && isatty(STDERR_FILENO), .steps = steps, .begin = clock_seconds()};
}

static void draw(struct progress *p, double share) {
    double now = clock_seconds();
    if (!p->shown || now - p->drawn < 0.1) return;
    p->drawn = now;
    double done = ((double)p->step + share) / (double)p->steps, spent = now - p->begin;
    char left[32] = "";
    if (done > 0.05) snprintf(left, sizeof left, ", about %.0f s left", spent / done - spent);
    fprintf(stderr, "\r\033[K[%zu/%zu] %s, %.0f s%s", p->step + 1, p->steps, p->label, spent, left);
    fflush(stderr);
}

void progress_step(struct progress *p, size_t step, const char *label) {
    p->step = step;
    snprintf(p->label, sizeof p->label, "%s", label);
    draw(p, 0);
}

void progress_share(void *progress, double share) { draw(progress, share); }

void progress_clear(struct progress *p) {
    if (p->shown) fputs("\r\033[K", stderr);
    if (p->shown) fflush(stderr);
}
