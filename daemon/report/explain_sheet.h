/* SPDX-License-Identifier: MIT */
/*
 * explain_sheet.h — one picture of what a model makes of test images: columns are images, the normal ones on the left
 * and as many anomalous ones on the right; rows are the image, its reconstruction and its heat map. Images are drawn by
 * the seed, never chosen by their scores: every model of the same class shows the same ones.
 */
#ifndef ANOMALYD_DAEMON_REPORT_EXPLAIN_SHEET_H
#define ANOMALYD_DAEMON_REPORT_EXPLAIN_SHEET_H

#include "data/dataset.h"
#include "train/scorer.h"

enum { EXPLAIN_SHEET_MOST = 32, EXPLAIN_SHEET_FACTOR_MAX = 16 };

typedef struct explain_request {
    const char *source; /* what messages call the data set */
    size_t count;       /* of either kind, at most EXPLAIN_SHEET_MOST */
    uint64_t seed;
    int factor; /* side of a pixel; 0: images of about 84 pixels */
} explain_request;

typedef struct explain_sheet {
    size_t columns; /* twice the count */
    uint32_t indices[2 * EXPLAIN_SHEET_MOST];
    float scores[2 * EXPLAIN_SHEET_MOST];
    image picture; /* owned */
} explain_sheet;

/* Fills *out, for explain_sheet_free. Normal is what was for the model, by the class it was trained on. Errors:
 * ERROR_UNSUPPORTED with the reason where the model does not explain its scores or knows no class, ERROR_NOT_FOUND
 * where the test part has too few images, ERROR_INVALID where images have another size than the model's. */
bool explain_sheet_make(explain_sheet *out, const explain_request *q, scorer *s, const dataset *d, error *e);
void explain_sheet_free(explain_sheet *s);
/* As PNG, in place of what was there. */
bool explain_sheet_write(const explain_sheet *s, const char *path, error *e);

#endif
