/* SPDX-License-Identifier: MIT */
/* openapi.h — openapi.yaml, embedded at build time. */
#ifndef ANOMALYD_API_RESOURCES_OPENAPI_H
#define ANOMALYD_API_RESOURCES_OPENAPI_H

#include <stddef.h>

extern const unsigned char openapi_yaml[];
extern const size_t openapi_yaml_size;

#endif
