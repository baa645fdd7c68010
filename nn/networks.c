/* The networks of the lectures; what is trained on them, and how, are the recipes of
 * `flopstep train`. */
#include <string.h>

#include "nn/notation.h"

const struct named_network named_networks[] = {
    {"softmax", "784-10softmax", "sgd:lr=0.5", LOSS_CATEGORICAL, "softmax regression"},
    {"two-layer", "784-50sigmoid-10softmax", "sgd:lr=0.1", LOSS_CATEGORICAL,
     "one hidden layer of sigmoid neurons"},
    {"mlp15", "784-15sigmoid-10sigmoid", "sgd:lr=3", LOSS_HALF_MEAN,
     "one hidden layer, quadratic cost"},
    {"mlp16", "784-16relu-16relu-10softmax", "sgd:lr=0.01", LOSS_CATEGORICAL,
     "two small hidden layers"},
    {"mlp128", "784-128relu-dropout0.2-10softmax", "adam:lr=0.001", LOSS_CATEGORICAL,
     "one hidden layer with dropout"},
    {"mlp5", "784-200relu-100relu-60relu-30relu-10softmax", "rmsprop:lr=0.001", LOSS_CATEGORICAL,
     "five layers"},
    {"mlp-wide", "784-1024relu-1024relu-10softmax", "sgd:lr=0.1", LOSS_CATEGORICAL,
     "two wide hidden layers: large products"},
    {"lenet5",
     "28x28x1 conv5x5x6pad2 tanh avgpool2 conv5x5x16 tanh avgpool2 dense120 tanh dense84 tanh "
     "dense10 softmax",
     "momentum:lr=0.05", LOSS_CATEGORICAL, "LeNet-5 with padding, tanh and average pooling"},
    {"cnn",
     "28x28x1 conv3x3x32 relu conv3x3x32 relu maxpool2 dropout0.25 dense256 relu dropout0.25 "
     "dense10 softmax",
     "adadelta:lr=1", LOSS_CATEGORICAL, "two convolutions, pooling, one dense layer"},
    {NULL, NULL, NULL, 0, NULL}};

const struct named_network *named_network_find(const char *name) {
    for (const struct named_network *row = named_networks; row->name; row++)
        if (strcmp(row->name, name) == 0) return row;
    return NULL;
}
