/* SPDX-License-Identifier: MIT */
/* version.h — which program this is: what models and runs name as their code. */
#ifndef ANOMALYD_BASE_VERSION_H
#define ANOMALYD_BASE_VERSION_H

/* The version, and the commit it was built from where that is known: "0.1.0+g3fa2c11d09ab". */
const char *version_text(void);

#endif
