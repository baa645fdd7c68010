/* flopstep COMMAND [options]: one row a command. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "bench/commands.h"
#include "bench/harness/error.h"
#include "bench/harness/options.h"
#include "bench/harness/together.h"
#include "bench/rank_hooks.h"
#include "build_info.h"
#include "kernels/device_module.h"

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *what;
    bool by_one; /* of several ranks one does it */
} commands[] = {
    {"info", command_info, "what machine, libraries and devices are seen, and why one isn't usable",
     true},
    {"list", command_list, "every kernel, library, recipe, probe, device and figure", true},
    {"peak", command_peak, "the ceilings: FMA rate by instruction set, bandwidth by working set",
     false},
    {"blas", command_blas, "GFLOP/s of BLAS 1/2/3 over sizes, types, libraries and threads", false},
    {"train", command_train,
     "full training steps timed by layer, and the trainings of the lectures", false},
    {"predict", command_predict, "which digit is in a picture, by a network that was saved", true},
    {"allreduce", command_allreduce,
     "gradient sums over ranks by size and algorithm, cost models, predictions", false},
    {"report", command_report, "CSV, figures and a page from results", true},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(void) {
    printf("Usage: flopstep COMMAND [options]\n\n"
           "Measures how fast this machine multiplies and adds, how much of that a BLAS library "
           "makes\n"
           "of it, and what a training step makes of that.\n\nCommands:\n");
    for (int i = 0; i < COMMANDS; i++) printf("  %-9s %s\n", commands[i].name, commands[i].what);
    printf(
        "\n'flopstep COMMAND --help' shows a command's options with examples.\n"
        "Exit codes: 0 done, 1 a case failed its check, 2 wrong usage, 3 something asked for is\n"
        "not there, 4 results could not be written.\n");
}

static int run(int argc, char **argv) {
    if (argc < 2) die(EXIT_USAGE, "which command? 'flopstep --help' lists them");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help();
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("flopstep %s (%s)\n", BUILD_VERSION, BUILD_GIT_REVISION);
        return EXIT_DONE;
    }
    const char *names[COMMANDS + 1];
    for (int i = 0; i < COMMANDS; i++) {
        names[i] = commands[i].name;
        if (strcmp(argv[1], names[i]) != 0) continue;
        if (commands[i].by_one && !together_leads()) return EXIT_DONE;
        return commands[i].run(argc - 1, argv + 1);
    }
    names[COMMANDS] = NULL;
    const char *near = option_nearest(argv[1], names);
    if (near) die(EXIT_USAGE, "no command is called '%s'; did you mean '%s'?", argv[1], near);
    die(EXIT_USAGE, "no command is called '%s'; 'flopstep --help' lists them", argv[1]);
}

int main(int argc, char **argv) {
    error_guard_streams();
    rank_hooks_begin(argc, argv);
    int code = run(argc, argv);
    device_close_all();
    return rank_hooks_end(code);
}
