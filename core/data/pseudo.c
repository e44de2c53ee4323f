/* SPDX-License-Identifier: MIT */
/* pseudo.c — four ways to damage a normal image. Knows pixels, not methods. */
#include "data/pseudo.h"

#include <assert.h>
#include <string.h>

static const char *const names[PSEUDO_KINDS] = {
    [PSEUDO_ROTATE] = "rotate",
    [PSEUDO_CUT_PASTE] = "cut-paste",
    [PSEUDO_SHUFFLE] = "shuffle",
    [PSEUDO_BLEND] = "blend",
};

const char *pseudo_name(enum pseudo_kind kind)
{
    assert((int)kind >= 0 && kind < PSEUDO_KINDS);
    return names[kind];
}

/* The purposes of random numbers for an image; each has its own numbers. */
enum draw { DRAW_OTHER, DRAW_TURNS, DRAW_PATCH, DRAW_GRID, DRAW_ORDER, DRAWS_MAX = 8 };

/* One image to damage: its row, another image's row, and the key of its random numbers. */
struct work {
    const float *image, *other;
    int h, w, c;
    random_key key;
    uint64_t number;
};

/* Draws a number on 0 … bound-1; `index` counts the numbers of one purpose. */
static int draw(const struct work *k, enum draw purpose, uint64_t index, int bound)
{
    return (int)random_below(k->key, k->number * DRAWS_MAX + purpose, index, (uint32_t)bound);
}

static size_t at(const struct work *k, int y, int x)
{
    return ((size_t)y * (size_t)k->w + (size_t)x) * (size_t)k->c;
}

static void rotate(const struct work *k, float *out)
{
    int quarter_turns = k->h == k->w ? 1 + draw(k, DRAW_TURNS, 0, 3) : 2;
    for (int y = 0; y < k->h; y++) {
        for (int x = 0; x < k->w; x++) {
            int from_y = quarter_turns == 1 ? x : quarter_turns == 2 ? k->h - 1 - y : k->h - 1 - x;
            int from_x = quarter_turns == 1 ? k->w - 1 - y : quarter_turns == 2 ? k->w - 1 - x : y;
            memcpy(out + at(k, y, x), k->image + at(k, from_y, from_x), (size_t)k->c * sizeof *out);
        }
    }
}

/* Draws a patch's side: between a quarter and a half of the image's, at least one pixel. */
static int patch_side(const struct work *k, uint64_t index, int side)
{
    int side_min = side / 4 > 1 ? side / 4 : 1, side_max = side / 2 > side_min ? side / 2 : side_min;
    return side_min + draw(k, DRAW_PATCH, index, side_max - side_min + 1);
}

static void copy_patch(const struct work *k, const float *from, const int from_yx[2], const int size[2], float *to)
{
    for (int y = 0; y < size[0]; y++)
        memcpy(to + (size_t)y * (size_t)k->w * (size_t)k->c, from + at(k, from_yx[0] + y, from_yx[1]),
               (size_t)size[1] * (size_t)k->c * sizeof *to);
}

static void cut_paste(const struct work *k, float *out)
{
    int size[2] = {patch_side(k, 0, k->h), patch_side(k, 1, k->w)};
    int room[2] = {k->h - size[0] + 1, k->w - size[1] + 1};
    int from[2] = {draw(k, DRAW_PATCH, 2, room[0]), draw(k, DRAW_PATCH, 3, room[1])};
    int to_y = draw(k, DRAW_PATCH, 4, room[0]), to_x = draw(k, DRAW_PATCH, 5, room[1]);
    memcpy(out, k->image, at(k, k->h, 0) * sizeof *out);
    copy_patch(k, k->other, from, size, out + at(k, to_y, to_x));
}

/* Draws an order that is never the identity, since that would make a normal image an anomaly. */
static void draw_order(const struct work *k, uint32_t *order, uint32_t n)
{
    random_permutation(k->key, k->number * DRAWS_MAX + DRAW_ORDER, order, n);
    for (uint32_t i = 0; i < n; i++)
        if (order[i] != i)
            return;
    for (uint32_t i = 0; i < n; i++)
        order[i] = (i + 1) % n;
}

/* Permutes the patches of a grid. A border that the grid does not cover stays in place. */
static void shuffle(const struct work *k, float *out)
{
    int grid = 2 + draw(k, DRAW_GRID, 0, 2);
    const int size[2] = {k->h / grid, k->w / grid};
    uint32_t order[9];
    draw_order(k, order, (uint32_t)(grid * grid));
    memcpy(out, k->image, at(k, k->h, 0) * sizeof *out);
    for (int i = 0; i < grid * grid; i++) {
        const int from[2] = {(int)order[i] / grid * size[0], (int)order[i] % grid * size[1]};
        copy_patch(k, k->image, from, size, out + at(k, i / grid * size[0], i % grid * size[1]));
    }
}

static void blend(const struct work *k, float *out)
{
    size_t n = at(k, k->h, 0);
    for (size_t i = 0; i < n; i++)
        out[i] = 0.5f * (k->image[i] + k->other[i]);
}

void pseudo_make(const float *images, shape s, random_key key, float *out)
{
    static void (*const makers[PSEUDO_KINDS])(const struct work *, float *) = {
        [PSEUDO_ROTATE] = rotate,
        [PSEUDO_CUT_PASTE] = cut_paste,
        [PSEUDO_SHUFFLE] = shuffle,
        [PSEUDO_BLEND] = blend,
    };
    size_t row = shape_row(s);
    for (int i = 0; i < s.n; i++) {
        struct work k = {.image = images + (size_t)i * row, .h = s.h, .w = s.w, .c = s.c, .key = key};
        k.number = (uint64_t)i;
        int step = s.n > 1 ? 1 + draw(&k, DRAW_OTHER, 0, s.n - 1) : 0;
        k.other = images + (size_t)((i + step) % s.n) * row;
        makers[i % PSEUDO_KINDS](&k, out + (size_t)i * row);
    }
}
