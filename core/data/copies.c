/* SPDX-License-Identifier: MIT */
/* copies.c — finds copies by a hash table of images; images in one slot are compared byte by byte. */
#include "data/copies.h"

#include <sodium.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Open addressing, at most half full. The hash is keyed at random so that no data set can make it slow. */
bool copies_find(const uint8_t *pixels, shape s, uint32_t *first, error *e)
{
    size_t n = (size_t)s.n, bytes = shape_row(s), slots = 4;
    while (slots < 2 * n)
        slots *= 2;
    uint32_t *table = calloc(slots, sizeof *table); /* 1 + index of an image; 0 is free */
    if (!table)
        return error_memory(e, "looking for copies of images");
    uint8_t key[crypto_shorthash_KEYBYTES];
    randombytes_buf(key, sizeof key);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *image = pixels + i * bytes;
        uint64_t hash;
        crypto_shorthash((uint8_t *)&hash, image, bytes, key);
        size_t at = hash & (slots - 1);
        while (table[at] && memcmp(pixels + (size_t)(table[at] - 1) * bytes, image, bytes) != 0)
            at = (at + 1) & (slots - 1);
        if (!table[at])
            table[at] = (uint32_t)i + 1;
        first[i] = table[at] - 1;
    }
    free(table);
    return true;
}

enum { IN_SPLIT = 1 /* shifted by the split */, IN_TWO_CLASSES = 1 << SPLIT_COUNT };

bool copies_count(const uint32_t *first, const uint8_t *labels, const uint8_t *splits, dataset_info *info, error *e)
{
    size_t n = (size_t)info->image.n;
    uint8_t *found = calloc(n, 1); /* facts of each content, at its first image */
    if (!found)
        return error_memory(e, "counting copies of images");
    info->duplicates = info->conflicting = 0;
    memset(info->copies, 0, sizeof info->copies);
    memset(info->left_out, 0, sizeof info->left_out);
    for (size_t i = 0; i < n; i++) {
        uint8_t *at = &found[first[i]], split = (uint8_t)(IN_SPLIT << splits[i]);
        info->copies[splits[i]] += (*at & split) != 0;
        *at |= split;
        if (labels[i] != labels[first[i]])
            *at |= IN_TWO_CLASSES;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t at = found[first[i]];
        info->duplicates += splits[i] == SPLIT_TEST && (at & IN_SPLIT << SPLIT_TRAIN);
        info->left_out[labels[i]] += splits[i] == SPLIT_TRAIN && (at & IN_SPLIT << SPLIT_TEST);
        info->conflicting += (at & IN_TWO_CLASSES) != 0;
    }
    free(found);
    return true;
}

/* Numbers the different contents among the members, in order, and counts the images of each. Returns how many there
 * are. */
static size_t gather(const copies_deck *deck, uint32_t *group_of, uint32_t *sizes)
{
    size_t groups = 0;
    memset(group_of, 0xff, deck->images * sizeof *group_of);
    for (size_t i = 0; i < deck->count; i++) {
        uint32_t *group = &group_of[deck->first[deck->members[i]]];
        if (*group == UINT32_MAX)
            *group = (uint32_t)groups++;
        sizes[*group]++;
    }
    return groups;
}

/* Finds the first holder with room for so many images, and reduces its room. Returns 1 + the holder, or 0. */
static uint8_t find_holder(size_t *rooms, int holders, size_t images)
{
    for (int h = 0; h < holders; h++) {
        if (rooms[h] >= images) {
            rooms[h] -= images;
            return (uint8_t)(h + 1);
        }
    }
    return 0;
}

bool copies_deal(const copies_deck *deck, size_t *rooms, int holders, uint8_t *held, error *e)
{
    assert(holders < UINT8_MAX);
    uint32_t *group_of = malloc((deck->images + 1) * sizeof *group_of);
    uint32_t *sizes = calloc(deck->count + 1, sizeof *sizes), *order = malloc((deck->count + 1) * sizeof *order);
    bool good = group_of && sizes && order;
    if (good) {
        size_t groups = gather(deck, group_of, sizes);
        random_permutation(deck->key, deck->draw, order, groups);
        for (size_t k = 0; k < groups; k++) {
            uint32_t *group = &sizes[order[k]];
            *group = find_holder(rooms, holders, *group); /* the size is not needed again, so the holder replaces it */
        }
        for (size_t i = 0; i < deck->count; i++)
            held[i] = (uint8_t)sizes[group_of[deck->first[deck->members[i]]]];
    }
    free(group_of);
    free(sizes);
    free(order);
    return good || error_memory(e, "dealing out images");
}
