/* SPDX-License-Identifier: MIT */
/* markdown.c — see markdown.h. */
#include "api/tables/markdown.h"

#include <string.h>

void markdown_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("\\`*_[]<>|&~", *text))
            fputc('\\', out);
        fputc(*text == '\n' || *text == '\r' ? ' ' : *text, out);
    }
}
