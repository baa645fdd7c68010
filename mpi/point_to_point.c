#include "mpi/point_to_point.h"

#include "mpi/lane.h"
#include "mpi/ranks_mpi.h"

void point_to_point(const struct lane *lane, const void *from, void *to, size_t count,
                    enum scalar type) {
    const MPI_Datatype kind = ranks_type(type);
    if (lane->rank == 0) {
        MPI_Send(from, (int)count, kind, 1, 0, lane->communicator);
        MPI_Recv(to, (int)count, kind, 1, 0, lane->communicator, MPI_STATUS_IGNORE);
    } else {
        MPI_Recv(to, (int)count, kind, 0, 0, lane->communicator, MPI_STATUS_IGNORE);
        MPI_Send(to, (int)count, kind, 0, 0, lane->communicator);
    }
}
