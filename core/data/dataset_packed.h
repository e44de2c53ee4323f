/* SPDX-License-Identifier: MIT */
/*
 * dataset_packed.h — the layout of a packed data set, shared by the code that writes it and the code that reads it.
 * Private to core/data.
 *
 * Little-endian: a header of PACKED_HEADER_BYTES (fields below, then 256 names of 64 bytes), n labels, n splits, and,
 * 64-byte aligned, n·h·w·c bytes of pixels. Checksums cover every byte, the padding included.
 */
#ifndef ANOMALYD_DATA_DATASET_PACKED_H
#define ANOMALYD_DATA_DATASET_PACKED_H

#include "data/dataset.h"

#define DATASET_BYTES_MAX ((uint64_t)16 << 30)

typedef struct packed_layout {
    size_t labels, splits, pixels, total; /* offsets from the start of the file, and its length */
} packed_layout;

/* False and *e when the shape is outside the limits. */
bool packed_layout_of(shape s, packed_layout *out, error *e);

/* Counts classes and splits into info->counts, fills info->digest, and writes the header with its checksums into
 * `file`, in which labels, splits and pixels are complete. */
void packed_seal(uint8_t *file, const packed_layout *layout, dataset_info *info);

#endif
