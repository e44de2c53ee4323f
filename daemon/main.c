/* SPDX-License-Identifier: MIT */
/* main.c — the program's entry: picks a subcommand and runs it. */
#include <stdio.h>

int main(void)
{
    fputs("usage: anomalyd COMMAND [OPTION...]\n", stderr);
    return 2;
}
