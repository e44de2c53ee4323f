/* SPDX-License-Identifier: MIT */
/* version.c — holds the version's text; it is the only file to compile anew when the commit changes. */
#include "base/version.h"

const char *version_text(void)
{
    return ANOMALYD_VERSION;
}
