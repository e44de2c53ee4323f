/* SPDX-License-Identifier: MIT */
/* main.c — the program's entry: makes OpenBLAS trustworthy, then runs a subcommand. */
#include "base/blas.h"
#include "daemon/cli/commands.h"

#include <stdio.h>
#include <string.h>

static void print_usage(FILE *out)
{
    fputs("usage: anomalyd COMMAND [OPTION...]\n\ncommands:\n", out);
    for (int i = 0; commands[i]; i++)
        if (!commands[i]->hidden)
            fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\n`anomalyd COMMAND --help` lists a command's options.\n", out);
}

int main(int argc, char **argv)
{
    /* First of all, while there is one thread: it may start the program anew. */
    error e = {0};
    if (!blas_start(argv, &e)) {
        fprintf(stderr, "anomalyd: %s\n", e.message);
        return 1;
    }
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        print_usage(stdout);
        return 0;
    }
    const char *name = !strcmp(argv[1], "--version") ? "version" : argv[1];
    for (int i = 0; commands[i]; i++)
        if (!strcmp(name, commands[i]->name))
            return commands[i]->run(argc - 1, argv + 1);
    fprintf(stderr, "anomalyd: there is no command \"%s\"\n\n", argv[1]);
    print_usage(stderr);
    return EXIT_USAGE;
}
