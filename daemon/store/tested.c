/* SPDX-License-Identifier: MIT */
/* tested.c — packs and unpacks the scores of a run's test images. */
#include "daemon/store/tested.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "scores are copied as they lie in memory"
#endif

static size_t packed_size(size_t count)
{
    return count * sizeof(float) + (count + 7) / 8;
}

bool tested_pack(const train_test *t, tested *out, error *e)
{
    *out = (tested){.count = (uint32_t)t->count, .size = packed_size(t->count)};
    memcpy(out->images, t->images, sizeof out->images);
    if (!(out->bytes = calloc(out->size + 1, 1)))
        return error_memory(e, "the scores of test images");
    uint8_t *bits = (uint8_t *)out->bytes + t->count * sizeof(float);
    memcpy(out->bytes, t->scores, t->count * sizeof(float));
    for (size_t i = 0; i < t->count; i++)
        bits[i / 8] |= (uint8_t)((t->anomalous[i] & 1u) << (i % 8));
    return true;
}

bool tested_whole(const tested *t)
{
    return t->size == packed_size(t->count);
}

bool tested_unpack(const tested *t, const void *bytes, run_test *out, error *e)
{
    assert(tested_whole(t));
    *out = (run_test){.count = t->count};
    memcpy(out->images, t->images, sizeof out->images);
    out->scores = malloc((t->count + (size_t)1) * sizeof *out->scores);
    out->anomalous = malloc(t->count + (size_t)1);
    if (!out->scores || !out->anomalous) {
        run_test_free(out);
        return error_memory(e, "the scores of test images");
    }
    const uint8_t *bits = (const uint8_t *)bytes + t->count * sizeof(float);
    memcpy(out->scores, bytes, t->count * sizeof(float));
    for (size_t i = 0; i < t->count; i++)
        out->anomalous[i] = bits[i / 8] >> (i % 8) & 1;
    return true;
}

void tested_free(tested *t)
{
    free(t->bytes);
    *t = (tested){0};
}
