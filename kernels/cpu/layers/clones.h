/* CLONES: compiled for several instruction sets, the best of this machine is taken at run time. */
#ifndef FLOPSTEP_KERNELS_CPU_LAYERS_CLONES_H
#define FLOPSTEP_KERNELS_CPU_LAYERS_CLONES_H

#if defined __x86_64__ && defined __GNUC__ && !defined __clang__ && !defined __SANITIZE_ADDRESS__
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

#endif
