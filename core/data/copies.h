/* SPDX-License-Identifier: MIT */
/*
 * copies.h — images with exactly the same pixels: finding them, counting them, and dealing images out so that they stay
 * together. Knows neither files nor protocols. Private to core/data.
 */
#ifndef ANOMALYD_DATA_COPIES_H
#define ANOMALYD_DATA_COPIES_H

#include "base/random.h"
#include "data/dataset.h"

/* Fills first[s.n] with the earliest image that has the same pixels; an image without earlier copies has its own index.
 */
bool copies_find(const uint8_t *pixels, shape s, uint32_t *first, error *e);

/* Counts copies into info->duplicates, copies, conflicting and left_out; info->image.n is the number of images. */
bool copies_count(const uint32_t *first, const uint8_t *labels, const uint8_t *splits, dataset_info *info, error *e);

/* Images to deal out. */
typedef struct copies_deck {
    const uint32_t *first;   /* of all images, see copies_find */
    size_t images;           /* all of them */
    const uint32_t *members; /* those to deal */
    size_t count;
    random_key key; /* of the random order … */
    uint64_t draw;  /* … and its counter */
} copies_deck;

/* Deals images out in a random order, all with the same pixels at once, each time to the first holder with enough room.
 * If no two are the same, the first rooms[0] of a random permutation go to the first holder and the next rooms[1] to
 * the second. Fills held[count] with 1 + the holder, or 0 where none has room, and rooms[holders] with the room left.
 */
bool copies_deal(const copies_deck *deck, size_t *rooms, int holders, uint8_t *held, error *e);

#endif
