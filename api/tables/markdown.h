/* SPDX-License-Identifier: MIT */
/* markdown.h — text within Markdown. Knows nothing of what it means. */
#ifndef ANOMALYD_API_TABLES_MARKDOWN_H
#define ANOMALYD_API_TABLES_MARKDOWN_H

#include <stdio.h>

/* Writes text of others so that it is read as text, also in a cell of a table; the end of a line becomes a space. */
void markdown_text(FILE *out, const char *text);

#endif
