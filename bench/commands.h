/* The commands of flopstep: one row each in bench/main.c, one source file each beside it. Every one
 * takes its own name as argv[0] and returns an exit code of bench/harness/error.h. */
#ifndef FLOPSTEP_BENCH_COMMANDS_H
#define FLOPSTEP_BENCH_COMMANDS_H

int command_info(int argc, char **argv);
int command_list(int argc, char **argv);
int command_peak(int argc, char **argv);
int command_blas(int argc, char **argv);
int command_train(int argc, char **argv);
int command_predict(int argc, char **argv);
int command_allreduce(int argc, char **argv);
int command_report(int argc, char **argv);

#endif
