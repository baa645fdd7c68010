/* Without MPI: one rank, and nothing to reduce. What only several ranks ask for is never called. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mpi/allreduce.h"
#include "mpi/gradients.h"
#include "mpi/launcher.h"
#include "mpi/point_to_point.h"
#include "mpi/ranks.h"
#include "mpi/ranks_place.h"
#include "mpi/watchdog.h"

static struct ranks alone = {.count = 1, .local_count = 1, .nodes = 1};
static struct rank_place place;

const struct ranks *ranks_get(void) { return &alone; }

const struct rank_place *ranks_table(void) { return &place; }

const char *ranks_built_with(void) { return ""; }

static const char *lookup(const char *name) { return getenv(name); }

bool ranks_begin(char *reason, size_t size) {
    struct launcher launcher = launcher_of(lookup);
    return launcher_holds(&launcher, 1, false, reason, size);
}

void ranks_end(void) {}
void ranks_abort(int code) { _Exit(code); }

void ranks_tell_device(const char *device, const char *bus_id, int threads) {
    (void)device, (void)bus_id, (void)threads;
}

void ranks_max(double *values, int count) { (void)values, (void)count; }
void ranks_sum(double *values, int count) { (void)values, (void)count; }
void ranks_barrier(void) {}

void ranks_gather(const double *own, int count, double *all) {
    memcpy(all, own, (size_t)count * sizeof *own);
}

void ranks_gather_text(const char *own, int size, char *all) { memcpy(all, own, (size_t)size); }

int ranks_first_other(uint64_t number) {
    (void)number;
    return -1;
}

void ranks_broadcast(void *memory, size_t bytes) { (void)memory, (void)bytes; }

const struct allreduce_algorithm allreduce_table[] = {{NULL, NULL, NULL, NULL, NULL}};

const struct allreduce_algorithm *allreduce_find(const char *name) {
    (void)name;
    return NULL;
}

struct lane *lane_open(void) {
    return NULL;
}

struct lane *lane_open_part(bool member) {
    (void)member;
    return NULL;
}

void lane_close(struct lane *lane) { (void)lane; }

void point_to_point(const struct lane *lane, const void *from, void *to, size_t count,
                    enum scalar type) {
    (void)lane, (void)from, (void)to, (void)count, (void)type;
}

const struct reduce_mode *reduce_mode_find(const char *name) {
    (void)name;
    return NULL;
}

struct gradients *gradients_open(const struct gradients_plan *plan, char *reason, size_t size) {
    (void)plan;
    snprintf(reason, size, "this flopstep is built without MPI");
    return NULL;
}

void gradients_close(struct gradients *g) { (void)g; }
void gradients_vote(struct gradients *g, int bits) { (void)g, (void)bits; }
void gradients_progress(struct gradients *g) { (void)g; }

void gradients_ready(struct gradients *g, const void *gradient, long count) {
    (void)g, (void)gradient, (void)count;
}

const void *gradients_finish(struct gradients *g, int *bits) {
    (void)g;
    *bits = 0;
    return NULL;
}

const char *gradients_transport(const struct gradients *g) {
    (void)g;
    return NULL;
}

size_t gradients_buckets(const struct gradients *g) {
    (void)g;
    return 0;
}

void watchdog_begin(double timeout_s) { (void)timeout_s; }
void watchdog_end(void) {}
void watchdog_timeout(double timeout_s) { (void)timeout_s; }
void watchdog_doing(const char *what, long number) { (void)what, (void)number; }
void watchdog_waits(const char *what) { (void)what; }
void watchdog_goes_on(void) {}

const char *gradients_note(const struct gradients *g) {
    (void)g;
    return "";
}

size_t gradients_transports(const struct device *device, struct transport_state *rows) {
    (void)device, (void)rows;
    return 0;
}
