/* SPDX-License-Identifier: MIT */
/* version.c — the one file that is compiled anew when the commit changes. */
#include "base/version.h"

const char *version_text(void)
{
    return ANOMALYD_VERSION;
}
