#include "mpi/gradients.h"

/* In the order in which they are shown; the functions are in gradients_<name>.c. */
const struct reduce_name reduce_names[] = {
    {"blocking", "MPI_Allreduce of each bucket behind the backward pass"},
    {"nonblocking", "MPI_Iallreduce of all buckets behind the backward pass, then wait"},
    {"overlap",
     "the sum of each bucket starts when it is complete and gets on between layers and slices"},
    {"thread", "the sum of each bucket in a thread of its own beside the backward pass"},
    {"reproducible", "behind the backward pass, summed in the order of the ranks whatever the MPI"},
    {NULL, NULL},
};

const struct reduce_name gpu_reduce_names[] = {
    {"auto", "the first of the others that can be used"},
    {"nccl", "NCCL, beside the backward pass, one rank a GPU"},
    {"cuda-aware", "an MPI that reads the GPU's memory; blocking and thread"},
    {"staged", "through pinned memory, copied while the GPU computes"},
    {NULL, NULL},
};
