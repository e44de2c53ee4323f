/* SPDX-License-Identifier: MIT */
/* values.c — see values.h. */
#include "daemon/cli/values.h"

bool parse_method(void *at, char *text, error *e)
{
    const method *found = method_find(text);
    if (!found)
        return error_set(e, ERROR_INVALID, "there is no method \"%s\"", text);
    *(const method **)at = found;
    return true;
}

bool parse_protocol(void *at, char *text, error *e)
{
    return protocol_parse(text, at, e);
}

size_t copy_pairs(const flag_pairs *pairs, struct train_option out[FLAG_PAIRS_MAX])
{
    for (size_t i = 0; i < pairs->count; i++)
        out[i] = (struct train_option){pairs->all[i].name, pairs->all[i].value};
    return pairs->count;
}
