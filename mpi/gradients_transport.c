/* Which way the gradients go. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mpi/gradients_state.h"

/* Best first. */
static const struct transport *const transports[] = {&transport_host, &transport_nccl,
                                                     &transport_cuda_aware, &transport_staged};
enum { TRANSPORTS = sizeof transports / sizeof *transports };

static const struct reduce_mode *mode_of(const struct transport *t, const char *name) {
    for (const struct reduce_mode *const *row = t->modes; *row; row++)
        if (strcmp((*row)->name, name) == 0) return *row;
    return NULL;
}

/* The reason of the first rank that has one becomes everybody's. */
static void agree(char *reason) {
    const int ranks = ranks_get()->count;
    char *all = calloc((size_t)ranks, RANK_REASON);
    if (!all) ranks_abort(3);
    ranks_gather_text(reason, RANK_REASON, all);
    for (int r = ranks - 1; r >= 0; r--) {
        const char *text = all + (size_t)r * RANK_REASON;
        if (*text) snprintf(reason, RANK_REASON, "%s", text);
    }
    free(all);
}

static bool usable(const struct transport *t, const struct device *device, char *reason) {
    reason[0] = '\0';
    if (t->usable && !t->usable(device, reason, RANK_REASON) && !reason[0])
        snprintf(reason, RANK_REASON, "it cannot be used");
    agree(reason);
    return !reason[0];
}

static bool take(struct gradients *g, const struct transport *t, char *reason) {
    const char *mode = g->plan.mode->name;
    if (!usable(t, g->plan.device, reason)) return false;
    g->mode = mode_of(t, mode);
    if (g->mode) return !t->join || t->join(g, reason, RANK_REASON);
    snprintf(reason, RANK_REASON, "it cannot do --reduce %s", mode);
    return false;
}

const struct transport *transport_choose(struct gradients *g, char *reason, size_t size) {
    const char *asked = g->plan.transport;
    char why[RANK_REASON];
    if (asked && strcmp(asked, "auto") == 0) asked = NULL;
    for (int i = 0; i < TRANSPORTS; i++) {
        const struct transport *t = transports[i];
        if (t->own_memory != g->plan.device->own_memory) continue;
        if (t->own_memory && asked && strcmp(asked, t->name) != 0) continue;
        if (take(g, t, why)) return t;
        g->mode = NULL;
        size_t used = strlen(g->note);
        snprintf(g->note + used, sizeof g->note - used, "%s%s: %s", used ? "; " : "", t->name, why);
    }
    snprintf(reason, size, "--gpu-reduce %s", g->note);
    return NULL;
}

size_t gradients_transports(const struct device *device, struct transport_state *rows) {
    size_t count = 0;
    for (int i = 0; i < TRANSPORTS; i++) {
        if (transports[i]->own_memory != device->own_memory) continue;
        rows[count].name = transports[i]->name;
        rows[count].version = transports[i]->version ? transports[i]->version() : "";
        usable(transports[i], device, rows[count].reason);
        count++;
    }
    return count;
}
