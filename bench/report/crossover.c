#include "bench/report/crossover.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/error.h"
#include "bench/report/attributes.h"
#include "bench/report/study.h"
#include "bench/report/text.h"

static bool is_steps(const struct row *row) { return same(row->command, "train"); }

/* Cases that are compared at all: single calls of square shape, timed steps; of one rank. */
static bool takes_part(const struct row *row) {
    bool square = true;
    if (!row->ok || !(row->median > 0) || row_ranks(row) > 1) return false;
    if (is_steps(row)) return same(row->kind, "steps") && row->batch > 0;
    return is_blas(row) && is_latency(row) && row_size(row, &square) > 0 && square;
}

static double size_of(const struct row *row) {
    bool square;
    return is_steps(row) ? row->batch : row_size(row, &square);
}

/* What makes work another: CPU and GPU are compared where none of these differs. */
static const char *const work_keys[] = {"uplo",      "alpha",        "beta", "incx",
                                        "incy",      "lda_asked",    "cold", "dataset",
                                        "optimizer", "loss_function"};
enum { WORK_KEYS = sizeof work_keys / sizeof work_keys[0] };

/* Absent, null and false are the same. */
static const json_t *known(const struct row *row, const char *key) {
    const json_t *value = json_object_get(row->record, key);
    return json_is_null(value) || json_is_false(value) ? NULL : value;
}

static bool same_value(const json_t *a, const json_t *b) {
    if (!a || !b) return a == b;
    if (json_is_number(a) && json_is_number(b)) return json_number_value(a) == json_number_value(b);
    return json_equal(a, b);
}

static bool same_work(const struct row *a, const struct row *b) {
    if (!same(a->command, b->command) || !same(a->kernel, b->kernel) || !same(a->trans, b->trans) ||
        !same(a->network, b->network))
        return false;
    if (!is_steps(a) && !same_value(known(a, "batch"), known(b, "batch"))) return false;
    for (int k = 0; k < WORK_KEYS; k++)
        if (!same_value(known(a, work_keys[k]), known(b, work_keys[k]))) return false;
    return true;
}

static const char *transfer_of(const struct row *row) {
    const json_t *value = json_object_get(row->record, "transfer");
    return json_is_true(value) ? "with copies" : record_text(row->record, "transfer");
}

/* How a GPU multiplies in a training step; of a BLAS call the type says it. */
static const char *math_of(const struct row *row) {
    const char *math = is_steps(row) ? record_text(row->record, "math") : "";
    return same(math, "fp32") ? "" : same(math, "tf32") ? "TF32" : math;
}

static bool belongs(const struct crossover *c, const struct row *gpu) {
    return same_work(c->gpu, gpu) && same(c->gpu->type, gpu->type) &&
           same(c->transfer, transfer_of(gpu)) && same(math_of(c->gpu), math_of(gpu)) &&
           same(c->gpu->run->host, gpu->run->host);
}

/* ---- the fastest of each size ---- */

static void offer(struct crossover *c, const struct row *row, bool gpu) {
    double size = size_of(row);
    size_t i = 0;
    while (i < c->count && c->duels[i].size < size) i++;
    if (i == c->count || c->duels[i].size != size) {
        c->duels = realloc(c->duels, (c->count + 1) * sizeof *c->duels);
        if (!c->duels) die(EXIT_MISSING, "out of memory");
        memmove(c->duels + i + 1, c->duels + i, (c->count++ - i) * sizeof *c->duels);
        c->duels[i] = (struct duel){.size = size};
    }
    const struct row **best = gpu ? &c->duels[i].gpu : &c->duels[i].cpu;
    if (!*best || row->median < (*best)->median) *best = row;
}

static bool is_rival(const struct crossover *c, const struct row *row) {
    return takes_part(row) && same(row->device, "cpu") && same(row->type, c->cpu_type) &&
           same_work(row, c->gpu);
}

/* The CPU of the GPU's own host where it was measured, else those of all hosts. */
static void fill(struct crossover *c, const struct results *results) {
    bool own = false;
    for (size_t i = 0; !own && i < results->row_count; i++)
        own = same(results->rows[i].run->host, c->gpu->run->host) && is_rival(c, &results->rows[i]);
    for (size_t i = 0; i < results->row_count; i++) {
        const struct row *row = &results->rows[i];
        if (takes_part(row) && is_gpu(row) && belongs(c, row))
            offer(c, row, true);
        else if ((!own || same(row->run->host, c->gpu->run->host)) && is_rival(c, row))
            offer(c, row, false);
    }
}

/* ---- the verdict ---- */

double duel_ratio(const struct duel *duel) {
    return duel->cpu && duel->gpu ? duel->cpu->median / duel->gpu->median : NAN;
}

static void judge(struct crossover *c) {
    const struct duel *before = NULL; /* the largest size at which the GPU is not faster */
    bool once = false;
    for (size_t i = 0; i < c->count; i++) {
        const struct duel *duel = &c->duels[i];
        double ratio = duel_ratio(duel);
        if (isnan(ratio)) continue;
        if (!c->smallest) c->smallest = duel;
        c->largest = duel;
        once |= ratio > 1;
        if (ratio > 1 && !c->first) c->first = duel;
        if (ratio <= 1) {
            c->first = NULL;
            before = duel;
        }
    }
    c->at = NAN;
    c->verdict = !once       ? CROSSOVER_NEVER
                 : !c->first ? CROSSOVER_BETWEEN
                 : !before   ? CROSSOVER_ALWAYS
                             : CROSSOVER_FROM;
    if (c->verdict != CROSSOVER_FROM) return;
    double low = log(duel_ratio(before)), high = log(duel_ratio(c->first));
    c->at = before->size * pow(c->first->size / before->size, -low / (high - low));
}

/* ---- names ---- */

/* Appends what tells it from others of its kernel and type, as curves are named. */
static void name_crossovers(struct crossover *all, size_t count) {
    static const char *const telling[] = {"machine", "cold",      "uplo", "incx",
                                          "incy",    "alpha",     "beta", "lda",
                                          "dataset", "optimizer", "batch"};
    char base[64], other[64], text[160], rival[160];
    for (size_t i = 0; i < count; i++)
        for (int a = 0; attributes[a].say; a++) {
            bool tells = false, varies = false;
            for (size_t t = 0; t < sizeof telling / sizeof telling[0]; t++)
                tells |= same(attributes[a].name, telling[t]);
            if (!tells || (is_steps(all[i].gpu) && same(attributes[a].name, "batch"))) continue;
            const struct row *row = all[i].gpu;
            kernel_label(row, base, sizeof base);
            attributes[a].say(row, text, sizeof text);
            for (size_t j = 0; j < count; j++) {
                const struct row *gpu = all[j].gpu;
                kernel_label(gpu, other, sizeof other);
                attributes[a].say(gpu, rival, sizeof rival);
                varies |= same(base, other) && same(gpu->network, row->network) &&
                          same(gpu->type, row->type) && !same(text, rival);
            }
            if (varies) append(all[i].name, sizeof all[i].name, " · ", text);
        }
}

size_t crossovers_find(const struct results *results, struct crossover **crossovers) {
    struct crossover *all = NULL;
    size_t count = 0;
    static const char *const commands[] = {"blas", "train"};
    for (int command = 0; command < 2; command++)
        for (size_t i = 0; i < results->row_count; i++) {
            const struct row *row = &results->rows[i];
            if (!same(row->command, commands[command]) || !is_gpu(row) || !takes_part(row))
                continue;
            size_t known_one = 0;
            while (known_one < count && !belongs(&all[known_one], row)) known_one++;
            if (known_one < count) continue;
            struct crossover c = {.gpu = row, .transfer = transfer_of(row), .cpu_type = row->type};
            if (same(row->type, "tf32")) c.cpu_type = "s"; /* the same operands */
            if (is_steps(row))
                snprintf(c.name, sizeof c.name, "%.60s", row->network);
            else
                kernel_label(row, c.name, sizeof c.name);
            all = realloc(all, (count + 1) * sizeof *all);
            if (!all) die(EXIT_MISSING, "out of memory");
            all[count++] = c;
        }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        fill(&all[i], results);
        judge(&all[i]);
        if (all[i].smallest)
            all[kept++] = all[i];
        else
            free(all[i].duels);
    }
    name_crossovers(all, kept);
    *crossovers = all;
    return kept;
}

void crossovers_free(struct crossover *crossovers, size_t count) {
    for (size_t i = 0; i < count; i++) free(crossovers[i].duels);
    free(crossovers);
}

/* ---- words ---- */

const char *crossover_axis(const struct crossover *c) { return is_steps(c->gpu) ? "batch" : "N"; }

void crossover_series(const struct crossover *c, char *text, size_t size) {
    const char *math = math_of(c->gpu);
    if (*c->transfer)
        snprintf(text, size, "GPU with copies (%.40s)", c->transfer);
    else if (is_steps(c->gpu))
        snprintf(text, size, "GPU%s%.20s", *math ? " in " : "", math);
    else
        snprintf(text, size, "GPU without copies");
}

/* Sizes at which the GPU is faster although it is not at a larger one: "64 to 256". */
static void between_text(const struct crossover *c, char *text, size_t size) {
    const struct duel *low = NULL, *high = NULL;
    for (size_t i = 0; i < c->count; i++) {
        const struct duel *duel = &c->duels[i];
        if (c->first && duel->size >= c->first->size) break;
        if (!(duel_ratio(duel) > 1)) continue;
        if (!low) low = duel;
        high = duel;
    }
    *text = '\0';
    if (!low) return;
    char from[32], to[32];
    size_label(low->size, from, sizeof from);
    size_label(high->size, to, sizeof to);
    snprintf(text, size, "%s%s%s", from, low == high ? "" : " to ", low == high ? "" : to);
}

/* An interpolated size is not known to more than three digits. */
static void rounded_label(double value, char *text, size_t size) {
    double unit = fmax(1, pow(10, floor(log10(value)) - 2));
    size_label(value < 10 ? round(value * 10) / 10 : round(value / unit) * unit, text, size);
}

void crossover_text(const struct crossover *c, char *text, size_t size) {
    const char *axis = crossover_axis(c);
    char between[80], at[32];
    between_text(c, between, sizeof between);
    switch (c->verdict) {
    case CROSSOVER_ALWAYS:
        size_label(c->smallest->size, at, sizeof at);
        snprintf(text, size, "faster from the smallest %s = %s on", axis, at);
        break;
    case CROSSOVER_NEVER:
        size_label(c->largest->size, at, sizeof at);
        snprintf(text, size, "never faster up to %s = %s", axis, at);
        break;
    case CROSSOVER_BETWEEN:
        size_label(c->largest->size, at, sizeof at);
        snprintf(text, size, "faster only at %s = %s; not at %s", axis, between, at);
        break;
    case CROSSOVER_FROM:
        rounded_label(c->at, at, sizeof at);
        snprintf(text, size, "faster from %s ≈ %s on%s%s", axis, at, *between ? "; also at " : "",
                 between);
    }
}

/* ---- table ---- */

static void write_field(FILE *file, const char *text) {
    bool quote = strpbrk(text, ",\"\n");
    if (quote) fputc('"', file);
    for (; *text; text++) {
        if (*text == '"') fputc('"', file);
        fputc(*text, file);
    }
    if (quote) fputc('"', file);
    fputc(',', file);
}

static void write_value(FILE *file, double value) {
    if (isfinite(value)) fprintf(file, "%.12g", value);
    fputc(',', file);
}

void crossovers_write(FILE *file, const struct crossover *crossovers, size_t count) {
    static const char *const verdicts[] = {"always", "from", "between", "never"};
    fputs("command,name,type,host,device,gpu_library,transfer,math,axis,verdict,from,interpolated,"
          "below,smallest,largest,also_at,cpu_host,cpu_library,cpu_threads,cpu_type,cpu_s,gpu_s,"
          "ratio_at_smallest,ratio_at_largest,intervals_apart,summary\n",
          file);
    for (size_t i = 0; i < count; i++) {
        const struct crossover *c = &crossovers[i];
        /* the cases named are those where it wins, and where it never does the largest */
        const struct duel *shown = c->first ? c->first : c->largest;
        const struct row *cpu = shown->cpu, *gpu = shown->gpu;
        double below = NAN;
        for (size_t d = 0; c->verdict == CROSSOVER_FROM && d < c->count; d++)
            if (&c->duels[d] < c->first && duel_ratio(&c->duels[d]) <= 1) below = c->duels[d].size;
        char between[64], summary[200];
        between_text(c, between, sizeof between);
        crossover_text(c, summary, sizeof summary);
        const char *texts[] = {
            gpu->command, c->name,     gpu->type,    gpu->run->host,    gpu->device,
            gpu->library, c->transfer, math_of(gpu), crossover_axis(c), verdicts[c->verdict]};
        for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) write_field(file, texts[t]);
        write_value(file, c->first ? c->first->size : NAN);
        write_value(file, c->at);
        write_value(file, below);
        write_value(file, c->smallest->size);
        write_value(file, c->largest->size);
        write_field(file, between);
        write_field(file, cpu->run->host);
        write_field(file, cpu->library);
        write_value(file, cpu->threads);
        write_field(file, cpu->type);
        write_value(file, cpu->median);
        write_value(file, gpu->median);
        write_value(file, duel_ratio(c->smallest));
        write_value(file, duel_ratio(c->largest));
        bool intervals = cpu->low > 0 && cpu->high > 0 && gpu->low > 0 && gpu->high > 0;
        write_field(file, !intervals                                     ? ""
                          : gpu->high < cpu->low || cpu->high < gpu->low ? "yes"
                                                                         : "no");
        fputs(strpbrk(summary, ",\"") ? "\"" : "", file);
        fprintf(file, "%s", summary);
        fputs(strpbrk(summary, ",\"") ? "\"\n" : "\n", file);
    }
}
