/* How networks are written: an input and layers, separated by spaces, '-' or line ends.
 *   784-200relu-100relu-10softmax
 *   28x28x1 conv3x3x32 relu conv3x3x32 relu maxpool2 dropout0.25 dense256 relu dense10 softmax
 * A number alone, or before an activation, is a dense layer; the first word may be the input. In
 * files '#' begins a comment. */
#ifndef FLOPSTEP_NN_NOTATION_H
#define FLOPSTEP_NN_NOTATION_H

#include "nn/network.h"

/* Reads a network. `input` is that of the data; its size 0: the text must begin with one. False
 * with a one-line reason that points at the position (counted from 1). */
bool architecture_parse(struct architecture *architecture, const char *text, struct extent input,
                        char *reason, size_t size);

/* The networks of the lectures by name. */
struct named_network {
    const char *name, *notation;
    const char *optimizer; /* of its lecture, as optimizer_parse reads it */
    enum loss loss;
    const char *what;
};
extern const struct named_network named_networks[]; /* ends with a NULL name */
const struct named_network *named_network_find(const char *name);

#endif
