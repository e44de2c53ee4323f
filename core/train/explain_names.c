/* SPDX-License-Identifier: MIT */
/* explain_names.c — the names of explanations, apart from what makes them: who only passes names on needs no engine. */
#include "train/explain.h"

#include <string.h>

static const char *const names[] = {"none", "reconstruction", "heatmap"};

const char *explanation_name(enum explanation kind)
{
    return names[kind];
}

bool explanation_find(const char *name, enum explanation *kind)
{
    for (int i = 0; i < EXPLANATIONS; i++)
        if (strcmp(name, names[i]) == 0) {
            *kind = (enum explanation)i;
            return true;
        }
    return false;
}
