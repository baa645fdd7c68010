/* Which ranks measure together: within the first node and between nodes apart, in numbers that
 * double, so that models can be tried on a number that they were not fitted to. */
#include <stdlib.h>

#include "bench/allreduce/session.h"
#include "bench/harness/error.h"
#include "mpi/ranks.h"

static void add_group(struct session *s, const char *link, const int *ranks, int count, bool pair,
                      bool largest) {
    const struct rank_place *table = ranks_table();
    struct group *g = &s->groups[s->group_count++];
    *g = (struct group){.link = link, .count = count, .pair = pair, .largest = largest};
    g->members = malloc((size_t)count * sizeof *g->members);
    if (!g->members) die(EXIT_MISSING, "out of memory");
    bool member = false;
    for (int i = 0; i < count; i++) {
        g->members[i] = ranks[i];
        member |= ranks[i] == ranks_get()->rank;
        bool first = true; /* of its node */
        for (int j = 0; j < i; j++) first &= table[ranks[j]].node != table[ranks[i]].node;
        g->nodes += first;
    }
    g->lane = lane_open_part(member);
    if (member && !g->lane) die(EXIT_MISSING, "out of memory");
}

static void add_link(struct session *s, const char *link, const int *ranks, int count) {
    if (count < 2) return;
    add_group(s, link, ranks, 2, true, true);
    for (int p = 2; p < count; p *= 2) add_group(s, link, ranks, p, false, false);
    add_group(s, link, ranks, count, false, true);
}

void allreduce_groups_open(struct session *s) {
    const struct ranks *r = ranks_get();
    const struct rank_place *table = ranks_table();
    int *near = calloc((size_t)r->count, sizeof *near),
        *firsts = calloc((size_t)r->count, sizeof *firsts),
        *all = calloc((size_t)r->count, sizeof *all), nears = 0, nodes = 0;
    s->groups = calloc(80, sizeof *s->groups); /* 2 x 32 doublings and some */
    if (!near || !firsts || !all || !s->groups) die(EXIT_MISSING, "out of memory");
    for (int i = 0; i < r->count; i++) {
        all[i] = i;
        if (table[i].node == table[0].node) near[nears++] = i;
        if (table[i].local_rank == 0) firsts[nodes++] = i;
    }
    add_link(s, "intra", near, nears);
    add_link(s, "inter", firsts, nodes);
    if (r->count != nears && r->count != nodes) add_group(s, "all", all, r->count, false, true);
    free(near);
    free(firsts);
    free(all);
}

void allreduce_groups_close(struct session *s) {
    for (size_t i = 0; i < s->group_count; i++) {
        lane_close(s->groups[i].lane);
        free(s->groups[i].members);
    }
    free(s->groups);
    s->groups = NULL;
    s->group_count = 0;
}
