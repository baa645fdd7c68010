/* The devices as `info` and `list` show them. */
#ifndef FLOPSTEP_BENCH_DEVICES_H
#define FLOPSTEP_BENCH_DEVICES_H

/* Prints a line for each device, and for what keeps a GPU from being used: no module, no driver, no
 * card, no code for it. Names are padded to `width`. */
void devices_print(int width);

#endif
