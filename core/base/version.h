/* SPDX-License-Identifier: MIT */
/* version.h — which program this is: what models and runs name as their code. */
#ifndef ANOMALYD_BASE_VERSION_H
#define ANOMALYD_BASE_VERSION_H

/* The version with the commit it was built from, "0.1.0+g3fa2c11d09ab"; or, in a tree without git, a digest of its
 * sources, "0.1.0+s…". */
const char *version_text(void);

#endif
