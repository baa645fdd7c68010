/* The tables that timed steps print. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/harness/texts.h"
#include "bench/train/step_case.h"
#include "mpi/ranks.h"

static const char table_format[] =
    "%-10s %6s %3s %4s  %10s %6s  %9s %9s %6s %6s  %5s %5s %5s %5s  %s\n";

/* The ladder's own table: what each rung is worth. */
static const char ladder_format[] = "%-10s %6s %3s %4s  %-14s %10s %6s %9s %6s  %7s %7s  %s\n";

static void ladder_header(void) {
    printf(ladder_format, "network", "batch", "thr", "type", "with", "step", "+-%", "GFLOP/s",
           "% FMA", "gained", "x plain", "flags");
}

/* Of several ranks: where the step goes. Step = compute + wait + exposed. */
static const char ranks_format[] =
    "%-10s %6s %3s %4s  %-12s %10s %6s %9s %6s  %10s %10s %10s  %s\n";

void step_table_header(bool ladder) {
    if (ladder) {
        ladder_header();
        return;
    }
    if (ranks_get()->count > 1) {
        printf(ranks_format, "network", "batch", "thr", "type", "reduce", "step", "+-%", "images/s",
               "% FMA", "compute", "wait", "exposed", "flags");
        return;
    }
    printf(table_format, "network", "batch", "thr", "type", "step", "+-%", "images/s", "GFLOP/s",
           "% FMA", "% gemm", "fwd%", "loss%", "bwd%", "upd%", "flags");
}

void step_table_rung(const struct step_group *g, const struct step_case *c,
                     const struct train_row *r) {
    char batch[16], threads[8], step[24] = "-", width[16] = "-", rate[24] = "-", fma[16];
    char gained[16] = "-", times[16] = "-";
    snprintf(batch, sizeof batch, "%ld", r->batch);
    snprintf(threads, sizeof threads, "%d", r->threads);
    double seconds = r->summary.median, before = NAN, plain = NAN;
    for (const struct step_case *other = c; other >= g->cases; other--) { /* rungs of one case */
        if (!other->plain || other->rungs != c->rungs || other->rung > c->rung) break;
        bool noisy;
        double median = sampler_result(&other->plain->sampler, &noisy).median;
        if (other == c - 1) before = median;
        plain = median;
        if (other->rung == c->rungs) break;
    }
    if (isfinite(seconds)) {
        seconds_text(seconds, step, sizeof step);
        if (isfinite(r->summary.low))
            snprintf(width, sizeof width, "%.1f",
                     50 * (r->summary.high - r->summary.low) / seconds);
        snprintf(rate, sizeof rate, "%.1f", r->flops / seconds * 1e-9);
        if (c->rung != c->rungs && isfinite(before))
            snprintf(gained, sizeof gained, "%.1f%%", 100 * (1 - seconds / before));
        if (isfinite(plain)) snprintf(times, sizeof times, "%.2f", plain / seconds);
    }
    percent_text(r->flops / seconds * 1e-9, r->roofs ? r->roofs->fma_gflops : NAN, fma, sizeof fma);
    bool ok = strcmp(r->status, "ok") == 0;
    char note[NETWORK_REASON + 32];
    snprintf(note, sizeof note, "%s%s%s", ok ? r->flags : r->status, ok ? "" : ": ",
             ok ? "" : r->reason);
    printf(ladder_format, g->name, batch, threads, scalar_letter(r->type), c->rung->name, step,
           width, rate, fma, gained, times, note);
    if (g->options->by_layer && r->phases) phases_print(r->phases);
    fflush(stdout);
}

/* "-1.2 ms": differences may be below 0. */
static void signed_text(double seconds, char *text, size_t size) {
    char magnitude[20];
    snprintf(text, size, "-");
    if (!isfinite(seconds)) return;
    seconds_text(fabs(seconds), magnitude, sizeof magnitude);
    snprintf(text, size, "%s%s", seconds < 0 ? "-" : "", magnitude);
}

static void ranks_case(const struct step_group *g, const struct train_row *r) {
    char batch[16], threads[8], step[24] = "-", width[16] = "-", images[24] = "-", fma[16];
    char part[3][28], note[NETWORK_REASON + 48];
    const double seconds[] = {r->compute_s, r->wait_s, r->exposed_s};
    bool ok = strcmp(r->status, "ok") == 0;
    snprintf(batch, sizeof batch, "%ld", r->batch);
    snprintf(threads, sizeof threads, "%d", r->threads);
    if (isfinite(r->summary.median)) {
        seconds_text(r->summary.median, step, sizeof step);
        snprintf(images, sizeof images, "%.0f", train_row_images_per_s(r));
    }
    if (isfinite(r->summary.low))
        snprintf(width, sizeof width, "%.1f",
                 50 * (r->summary.high - r->summary.low) / r->summary.median);
    percent_text(train_row_mfu(r), 1, fma, sizeof fma);
    for (int i = 0; i < 3; i++) signed_text(seconds[i], part[i], sizeof part[i]);
    snprintf(note, sizeof note, "%s%s%s", ok ? r->flags : r->status, ok ? "" : ": ",
             ok ? "" : r->reason);
    printf(ranks_format, g->name, batch, threads, scalar_letter(r->type),
           r->reduce ? r->reduce : "-", step, width, images, fma, part[0], part[1], part[2], note);
    if (g->options->by_layer && r->phases) phases_print(r->phases);
    fflush(stdout);
}

void step_table_case(const struct step_group *g, const struct train_row *r) {
    char batch[16], threads[8], step[24] = "-", width[16] = "-", images[24] = "-", rate[24] = "-";
    char fma[16], gemm[16], part[4][16];
    static const char *const passes[] = {"forward", "loss", "backward", "update"};
    if (ranks_get()->count > 1) {
        ranks_case(g, r);
        return;
    }
    snprintf(batch, sizeof batch, "%ld", r->batch);
    snprintf(threads, sizeof threads, "%d", r->threads);
    if (isfinite(r->summary.median)) {
        seconds_text(r->summary.median, step, sizeof step);
        if (isfinite(r->summary.low))
            snprintf(width, sizeof width, "%.1f",
                     50 * (r->summary.high - r->summary.low) / r->summary.median);
        snprintf(images, sizeof images, "%.0f", train_row_images_per_s(r));
        snprintf(rate, sizeof rate, "%.1f", r->flops / r->summary.median * 1e-9);
    }
    double achieved = r->flops / r->summary.median * 1e-9, whole = 0;
    percent_text(achieved, r->roofs ? r->roofs->fma_gflops : NAN, fma, sizeof fma);
    percent_text(achieved, r->roofs ? r->roofs->square_gflops : NAN, gemm, sizeof gemm);
    for (int i = 0; i < 4; i++)
        whole += r->phases ? phases_pass_seconds(r->phases, passes[i]) : NAN;
    for (int i = 0; i < 4; i++)
        percent_text(r->phases ? phases_pass_seconds(r->phases, passes[i]) : NAN, whole, part[i],
                     sizeof part[i]);
    bool ok = strcmp(r->status, "ok") == 0;
    char note[NETWORK_REASON + 32];
    snprintf(note, sizeof note, "%s%s%s", ok ? r->flags : r->status, ok ? "" : ": ",
             ok ? "" : r->reason);
    printf(table_format, g->name, batch, threads, scalar_letter(r->type), step, width, images, rate,
           fma, gemm, part[0], part[1], part[2], part[3], note);
    if (g->options->by_layer && r->phases) phases_print(r->phases);
    fflush(stdout);
}
