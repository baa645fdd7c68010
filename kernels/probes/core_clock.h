/* The clock a core really runs at: a chain of dependent additions takes one cycle each, whatever
 * the nominal frequency or a virtual machine says. Reads no clock. */
#ifndef FLOPSTEP_KERNELS_PROBES_CORE_CLOCK_H
#define FLOPSTEP_KERNELS_PROBES_CORE_CLOCK_H

/* Additions come in blocks of this many. */
#define CORE_CLOCK_BLOCK 64

/* Runs `adds` dependent integer additions (a multiple of CORE_CLOCK_BLOCK; rounded down otherwise)
 * in adds cycles and a few more. Effective clock in Hz = adds / seconds; a million adds are some
 * 0.3 ms. */
void core_clock_chain(long adds);

#endif
