/* SPDX-License-Identifier: MIT */
/* sheet.c — places of pictures on a sheet, and their pixels as squares. */
#include "daemon/report/sheet.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 4, SPLIT_GAP = 24 };

static int left_of(const sheet *s, int column)
{
    return GAP + column * (s->width * s->factor + GAP) + (s->split && column >= s->split ? SPLIT_GAP : 0);
}

static int top_of(const sheet *s, int row)
{
    return GAP + row * (s->height * s->factor + GAP);
}

bool sheet_begin(sheet *s, error *e)
{
    int64_t width = (int64_t)s->columns * ((int64_t)s->width * s->factor + GAP) + GAP + (s->split ? SPLIT_GAP : 0);
    int64_t height = (int64_t)s->rows * ((int64_t)s->height * s->factor + GAP) + GAP;
    if (width > IMAGE_SIDE_MAX || height > IMAGE_SIDE_MAX)
        return error_set(e, ERROR_LIMIT, "the sheet would have %lld x %lld pixels; at most %d each way",
                         (long long)width, (long long)height, IMAGE_SIDE_MAX);
    size_t bytes = (size_t)width * (size_t)height * 3;
    s->picture = (image){(int)width, (int)height, 3, malloc(bytes)};
    if (!s->picture.pixels)
        return error_memory(e, "a sheet");
    memset(s->picture.pixels, 255, bytes);
    return true;
}

void sheet_put(sheet *s, int row, int column, const image *small)
{
    assert(small->width == s->width && small->height == s->height && row < s->rows && column < s->columns);
    size_t left = (size_t)left_of(s, column), top = (size_t)top_of(s, row), factor = (size_t)s->factor;
    size_t width = (size_t)s->width, channels = (size_t)small->channels;
    for (size_t y = 0; y < (size_t)s->height * factor; y++)
        for (size_t x = 0; x < width * factor; x++) {
            const uint8_t *from = small->pixels + (y / factor * width + x / factor) * channels;
            uint8_t *to = s->picture.pixels + ((top + y) * (size_t)s->picture.width + left + x) * 3;
            for (size_t c = 0; c < 3; c++)
                to[c] = from[channels == 3 ? c : 0];
        }
}

void sheet_free(sheet *s)
{
    image_free(&s->picture);
}
