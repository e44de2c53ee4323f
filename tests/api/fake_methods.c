/* SPDX-License-Identifier: MIT */
/* fake_methods.c — two methods in place of the real ones, with an option of each type. */
#include "methods/method.h"

#include <string.h>

typedef struct toy {
    struct method_state state;
    float rate;
    bool flip;
    int mode;
} toy;

static const char *const toy_modes[] = {"fast", "slow", NULL};

static const option toy_options[] = {
    TRAINING_OPTIONS(toy, 15, 64, 0.5),
    OPTION(OPTION_REAL, toy, rate, 0.001, 0, 1, "", "learning rate", "Table 1"),
    OPTION(OPTION_FLAG, toy, flip, 1, 0, 1, "", "mirror images", ""),
    OPTION_OF(toy, mode, 1, toy_modes, "how", ""),
    {.name = NULL},
};
static const option plain_options[] = {{.name = NULL}};

const char *const selection_choices[] = {"pseudo", "last", NULL};
const char *const refining_choices[] = {"none", "fusion", NULL};

static const method toy_method = {.id = "toy",
                                  .title = "Toy",
                                  .paper = "Toys, 2020",
                                  .summary = "learns nothing",
                                  .options = toy_options,
                                  .size = sizeof(toy)};
static const method plain_method = {
    .id = "plain", .title = "Plain", .options = plain_options, .size = sizeof(toy), .closed_form = true};

const method *const *method_all(void)
{
    static const method *const all[] = {&toy_method, &plain_method, NULL};
    return all;
}

const method *method_find(const char *id)
{
    for (const method *const *m = method_all(); *m; m++)
        if (!strcmp((*m)->id, id))
            return *m;
    return NULL;
}
