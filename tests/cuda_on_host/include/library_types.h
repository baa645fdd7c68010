/* Element types shared by the CUDA libraries: names and values as in NVIDIA's header. */
#ifndef FLOPSTEP_CUDA_ON_HOST_LIBRARY_TYPES_H
#define FLOPSTEP_CUDA_ON_HOST_LIBRARY_TYPES_H

typedef enum cudaDataType_t {
    CUDA_R_32F = 0,
    CUDA_R_64F = 1,
    CUDA_R_16F = 2,
    CUDA_R_16BF = 14
} cudaDataType;
/* C++ lets a type and its alias share a name only in this form */
typedef enum cudaDataType_t cudaDataType_t;

typedef enum libraryPropertyType_t {
    MAJOR_VERSION,
    MINOR_VERSION,
    PATCH_LEVEL
} libraryPropertyType;
typedef enum libraryPropertyType_t libraryPropertyType_t;

#endif
