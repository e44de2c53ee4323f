/* SPDX-License-Identifier: MIT */
/*
 * copies.h — images with exactly the same pixels: finding them, counting them, and dealing images out so that they stay
 * together. Knows neither files nor protocols. Private to core/data.
 */
#ifndef ANOMALYD_DATA_COPIES_H
#define ANOMALYD_DATA_COPIES_H

#include "base/random.h"
#include "data/dataset.h"

/* Fills first[s.n]: for each image the earliest one with the same pixels, itself where there is none before it. */
bool copies_find(const uint8_t *pixels, shape s, uint32_t *first, error *e);

/* Counts them into info->duplicates, copies, conflicting and left_out; info->image tells how many images there are. */
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

/* Takes images in a random order, all with the same pixels at once, and gives them to the first holder that has room
 * for as many. Where no two are the same, that is: the first rooms[0] of a random permutation are the first holder's,
 * the next rooms[1] the second's. Fills held[count]: 1 + the holder, or 0 where none has room; rooms[holders] become
 * what was left of them. */
bool copies_deal(const copies_deck *deck, size_t *rooms, int holders, uint8_t *held, error *e);

#endif
