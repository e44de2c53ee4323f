/* SPDX-License-Identifier: MIT */
/* prepare.c — see prepare.h. */
#include "train/prepare.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void *method_state_new(const method *m, error *e)
{
    void *self = calloc(1, m->size);
    if (!self)
        error_memory(e, m->title);
    else
        options_preset(m->options, self);
    return self;
}

void *method_state_copy(const method *m, const void *options, error *e)
{
    void *self = malloc(m->size);
    if (!self)
        error_memory(e, m->title);
    else
        memcpy(self, options, m->size);
    return self;
}

void method_state_free(const method *m, void *self)
{
    if (self && m->free)
        m->free(self);
    free(self);
}

int method_members(const method *m, const struct method_state *state)
{
    return m->closed_form ? 1 : state->members;
}

bool method_input(const method *m, const void *self, shape data, shape *input, error *e)
{
    *input = data;
    if (m->input && !m->input(self, data, input, e))
        return error_at(e, "%s", m->id);
    input->n = 1;
    assert(input->h > 0 && input->w > 0 && input->c > 0);
    return true;
}

static shape seen_shape(const preparation *p)
{
    return (shape){1, p->data.h, p->data.w, p->input.c};
}

static bool has_extent(shape s, shape of)
{
    return s.h == of.h && s.w == of.w;
}

size_t prepare_seen(const preparation *p)
{
    return shape_row(seen_shape(p));
}

size_t prepare_work(const preparation *p, shape from)
{
    if (has_extent(from, p->data))
        return image_work(from, p->input);
    size_t first = image_work(from, seen_shape(p)), second = image_work(seen_shape(p), p->input);
    return prepare_seen(p) + (first > second ? first : second);
}

static void scale(const method *m, float *row, size_t n)
{
    if (m->unit_range)
        return;
    for (size_t i = 0; i < n; i++)
        row[i] = 2 * row[i] - 1;
}

void prepare_image(const preparation *p, const uint8_t *pixels, shape from, float *row, float *work)
{
    if (has_extent(from, p->data)) {
        image_convert(pixels, from, p->input, row, work);
    } else {
        float *rest = work + prepare_seen(p);
        image_convert(pixels, from, seen_shape(p), work, rest);
        image_resize(work, seen_shape(p), p->input, row, rest);
    }
    scale(p->method, row, shape_row(p->input));
}

void prepare_undo_scale(const method *m, float *row, size_t n)
{
    if (m->unit_range)
        return;
    for (size_t i = 0; i < n; i++)
        row[i] = (row[i] + 1) / 2;
}

float prepare_complexity(const preparation *p, const float *row)
{
    float range = p->method->unit_range ? 1 : 2;
    return logf(image_variation(row, p->input) / range + 1e-3F);
}
