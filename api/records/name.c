/* SPDX-License-Identifier: MIT */
/* name.c — see name.h. */
#include "api/records/name.h"

#include <stdlib.h>
#include <string.h>

bool name_valid(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t length = strlen(name);
    return length > 0 && length < NAME_SIZE && strspn(name, allowed) == length && !strchr("._-", name[0]);
}

int version_parse(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits < 10 && !text[digits] && text[0] != '0' ? (int)strtol(text, NULL, 10) : 0;
}

bool model_reference_parse(const char *text, char name[NAME_SIZE], int *version)
{
    char first[NAME_SIZE] = "";
    size_t length = strcspn(text, ":");
    int number = text[length] ? version_parse(text + length + 1) : 0;
    if (length < sizeof first)
        memcpy(first, text, length);
    if (!name_valid(first) || (text[length] && !number))
        return false;
    memcpy(name, first, sizeof first);
    *version = number;
    return true;
}
