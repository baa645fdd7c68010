/* An MPI_Allreduce with a fault, loaded before the library: in arrays of over 1000 numbers one
 * element of what this rank gets is off by one. */
#include <mpi.h>

int MPI_Allreduce(const void *from, void *to, int count, MPI_Datatype type, MPI_Op op,
                  MPI_Comm communicator) {
    int error = PMPI_Allreduce(from, to, count, type, op, communicator), rank;
    PMPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (type == MPI_FLOAT && count > 1000 && rank == 1) ((float *)to)[count / 2] += 1;
    return error;
}
