/* Activations of one number, as kernels/cpu/layers/activation_typed.h has them. */
#ifndef FLOPSTEP_KERNELS_CUDA_LAYERS_ACTIVATION_CUH
#define FLOPSTEP_KERNELS_CUDA_LAYERS_ACTIVATION_CUH

#include <math.h>

#include "kernels/cuda/layers/elementwise.cuh"

/* An activation as kernels take it: ACTIVATION_COUNT is none. */
template <class T> struct function {
    enum activation activation;
    T slope;

    explicit function(const struct elementwise *f)
        : activation(f ? f->activation : ACTIVATION_COUNT), slope(f ? (T)f->slope : 0) {}

    __device__ T operator()(T z) const {
        switch (activation) {
        case ACTIVATION_STEP: return (T)(z >= 0);
        case ACTIVATION_SIGMOID: return 1 / (1 + exp(-z));
        case ACTIVATION_TANH: return tanh(z);
        case ACTIVATION_RELU: return z > 0 || z != z ? z : 0; /* NaN stays: divergence must show */
        case ACTIVATION_LEAKY_RELU: return z > 0 ? z : slope * z;
        case ACTIVATION_ELU: return z > 0 ? z : slope * expm1(z);
        case ACTIVATION_COUNT: break;
        }
        return z;
    }

    /* From the output. */
    __device__ T derivative(T y) const {
        switch (activation) {
        case ACTIVATION_STEP: return 0;
        case ACTIVATION_SIGMOID: return y * (1 - y);
        case ACTIVATION_TANH: return 1 - y * y;
        case ACTIVATION_RELU: return (T)(y > 0 ? 1 : 0);
        case ACTIVATION_LEAKY_RELU: return y > 0 ? 1 : slope;
        case ACTIVATION_ELU: return y > 0 ? 1 : y + slope;
        case ACTIVATION_COUNT: break;
        }
        return 1;
    }
};

#endif
