/* Which sizes: those of --sizes, and the gradients of networks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/allreduce/session.h"
#include "bench/harness/error.h"
#include "bench/harness/sizes.h"
#include "nn/notation.h"

#define DEFAULT_SIZES "4:256Mi:x4"

static void add_network(struct session *s, const char *name, const char *notation) {
    struct model_network *n = &s->networks[s->network_count];
    char reason[NETWORK_REASON];
    struct extent unknown = {0}, images = {28, 28, 1};
    if (!architecture_parse(&n->architecture, notation, unknown, reason, sizeof reason) &&
        (extent_size(n->architecture.in) > 0 ||
         !architecture_parse(&n->architecture, notation, images, reason, sizeof reason)))
        die(EXIT_USAGE, "--network %s: %s; 'flopstep list networks' shows those with a name", name,
            reason);
    for (int i = 0; i < n->architecture.count; i++)
        n->parameters += n->architecture.layers[i].weights + n->architecture.layers[i].biases;
    if (!n->parameters) die(EXIT_USAGE, "--network %s: it has no parameters to sum", name);
    n->name = named_network_find(name) ? named_network_find(name)->name : n->architecture.text;
    s->network_count++;
}

static void add_networks(struct session *s) {
    const char *asked = s->options->networks;
    size_t named = 0, most = 1;
    while (named_networks[named].name) named++;
    for (const char *c = asked; *c; c++) most += *c == ',';
    s->networks = calloc(most > named ? most : named, sizeof *s->networks);
    if (!s->networks) die(EXIT_MISSING, "out of memory");
    if (strcmp(asked, "none") == 0) return;
    if (strcmp(asked, "all") == 0) {
        for (size_t i = 0; i < named; i++)
            add_network(s, named_networks[i].name, named_networks[i].notation);
        return;
    }
    char **list = option_list("network", asked);
    for (char **entry = list; *entry; entry++) {
        const struct named_network *known = named_network_find(*entry);
        add_network(s, *entry, known ? known->notation : *entry);
    }
    option_list_free(list);
}

/* No sum has a part of a number. */
static bool whole(const struct session *s, size_t bytes) {
    for (size_t t = 0; t < s->options->common.type_count; t++)
        if (bytes % scalar_bytes(s->options->common.types[t])) return false;
    return true;
}

static int by_size(const void *a, const void *b) {
    const struct message *x = a, *y = b;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

void allreduce_sizes(struct session *s) {
    const struct allreduce_options *o = s->options;
    char error[256];
    size_t count;
    struct size *sizes =
        sizes_parse(o->sizes ? o->sizes : DEFAULT_SIZES, &count, error, sizeof error);
    if (!sizes) die(EXIT_USAGE, "--sizes %s", error);
    add_networks(s);
    s->messages = calloc(count + s->network_count * o->common.type_count, sizeof *s->messages);
    if (!s->messages) die(EXIT_MISSING, "out of memory");
    for (size_t i = 0; i < count; i++) {
        size_t bytes = (size_t)sizes[i].extent[0];
        if (sizes[i].extents != 1)
            die(EXIT_USAGE, "--sizes: a size is one number of bytes, not a shape");
        if (!whole(s, bytes) && o->sizes)
            die(EXIT_USAGE,
                "--sizes: %zu bytes are no whole number of elements; write multiples "
                "of %d",
                bytes, whole(s, 4) ? 4 : 8);
        if (whole(s, bytes))
            s->messages[s->message_count++] = (struct message){bytes, NULL, !o->sizes};
    }
    free(sizes);
    for (size_t n = 0; n < s->network_count; n++) /* of each type, measured in that type alone */
        for (size_t t = 0; t < o->common.type_count; t++)
            s->messages[s->message_count++] = (struct message){
                (size_t)s->networks[n].parameters * scalar_bytes(o->common.types[t]),
                s->networks[n].name, strcmp(o->networks, "all") == 0};
    qsort(s->messages, s->message_count, sizeof *s->messages, by_size);
}
