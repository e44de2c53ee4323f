/* SPDX-License-Identifier: MIT */
/*
 * pca.c — how badly k principal components of the training images reconstruct an image: the linear autoencoder, and
 * the second baseline. The score is ‖x - mean - reconstruction‖².
 */
#include "methods/method.h"
#include "methods/principal.h"

#include <string.h>

typedef struct pca {
    struct method_state state;
    int components;
    /* Set by ready; the arrays are owned by the model. */
    int d, k;
    const float *mean, *basis;
} pca;

static const option pca_options[] = {
    OPTION(OPTION_INT, pca, components, 16, 1, PRINCIPAL_WIDTH_MAX, "",
           "principal components that reconstruct an image (at most its number of values)", ""),
    REFINE_OPTION(pca),
    {0},
};

static bool pca_input(const void *self, shape data, shape *in, error *e)
{
    (void)self;
    *in = data;
    return principal_check(shape_row(data), e);
}

typedef struct source {
    const float *x;
    size_t d;
} source;

static void load_row(const void *context, size_t row, float *out)
{
    const source *s = context;
    memcpy(out, s->x + row * s->d, s->d * sizeof *out);
}

static bool keep(model *own, const char *name, shape s, const float *values, error *e)
{
    array *a = model_array(own, name, s);
    float *kept = a ? array_values(a) : NULL;
    if (!kept)
        return error_memory(e, name);
    memcpy(kept, values, shape_size(s) * sizeof *kept);
    array_save(a);
    return true;
}

static bool pca_fit(void *self, model *m, const float *x, size_t n, shape input, error *e)
{
    pca *own = self;
    principal p;
    source from = {x, shape_row(input)};
    rows r = {load_row, &from, n, (int)shape_row(input)};
    if (n < 2)
        return error_set(e, ERROR_INVALID, "pca needs at least 2 training images, there are %zu", n);
    if (!principal_fit(model_team(m), &r, (principal_rule){.components = own->components}, &p, e))
        return false;
    bool ok = keep(m, "pca.mean", (shape){1, 1, 1, p.d}, p.mean, e) &&
              keep(m, "pca.basis", (shape){p.k, 1, 1, p.d}, p.basis, e);
    principal_free(&p);
    return ok;
}

/* Returns the floats of a worker's scratch: one row, a tile of rows, its components and its reconstruction. */
static size_t scratch_floats(size_t d, size_t k)
{
    return d * (2 * TILE_ROWS + 1) + k * TILE_ROWS;
}

static size_t pca_fit_bytes(const void *self, shape input, size_t n, int threads)
{
    size_t d = shape_row(input), k = (size_t)((const pca *)self)->components;
    k = k < d ? k : d;
    size_t kept = (k + 1) * d, scratch = scratch_floats(d, k) * (size_t)threads;
    return principal_bytes(n, d, k, threads) + (kept + scratch) * sizeof(float);
}

static bool pca_ready(void *self, model *m, shape input, error *e)
{
    pca *own = self;
    array *mean = model_find_array(m, "pca.mean"), *basis = model_find_array(m, "pca.basis");
    own->d = (int)shape_row(input);
    if (!mean || !basis || shape_size(array_shape(mean)) != (size_t)own->d ||
        shape_row(array_shape(basis)) != (size_t)own->d)
        return error_set(e, ERROR_CORRUPT, "pca.mean and pca.basis are not there for images of %d values", own->d);
    own->k = array_shape(basis).n;
    own->mean = array_values(mean);
    own->basis = array_values(basis);
    return true;
}

typedef struct scoring {
    const pca *own;
    team *team;
    const rows *rows;
    float *scores, *reconstruction; /* NULL: not wanted */
} scoring;

static void give_scores(const float *tile, const float *again, size_t d, float *scores, size_t count)
{
    double residual[TILE_ROWS] = {0};
    for (size_t j = 0; j < d; j++)
        for (size_t q = 0; q < TILE_ROWS; q++) {
            double difference = (double)(tile[j * TILE_ROWS + q] - again[j * TILE_ROWS + q]);
            residual[q] += difference * difference;
        }
    for (size_t q = 0; q < count; q++)
        scores[q] = (float)residual[q];
}

static void give_rows(const float *again, const float *mean, size_t d, float *out, size_t count)
{
    for (size_t q = 0; q < count; q++)
        for (size_t j = 0; j < d; j++)
            out[q * d + j] = again[j * TILE_ROWS + q] + mean[j];
}

static void score_tile(void *context, int chunk, int worker)
{
    const scoring *s = context;
    const pca *own = s->own;
    size_t first = (size_t)chunk * TILE_ROWS, left = s->rows->n - first, d = (size_t)own->d;
    float *row = team_scratch(s->team, worker), *tile = row + d, *again = tile + d * TILE_ROWS;
    float *z = again + d * TILE_ROWS;
    tile_load(s->rows, own->mean, first, row, tile);
    tile_apply(own->basis, own->k, own->d, tile, z);
    tile_apply_transposed(own->basis, own->k, own->d, z, again);
    size_t count = left < TILE_ROWS ? left : TILE_ROWS;
    if (s->scores)
        give_scores(tile, again, d, s->scores + first, count);
    if (s->reconstruction)
        give_rows(again, own->mean, d, s->reconstruction + first * d, count);
}

static bool run_tiles(pca *own, model *m, const float *x, size_t n, scoring s, error *e)
{
    source from = {x, (size_t)own->d};
    rows r = {load_row, &from, n, own->d};
    s.own = own;
    s.team = model_team(m);
    s.rows = &r;
    if (!team_reserve(s.team, scratch_floats((size_t)own->d, (size_t)own->k), e))
        return false;
    team_run(s.team, (int)((n + TILE_ROWS - 1) / TILE_ROWS), score_tile, &s);
    return true;
}

static bool pca_score_rows(void *self, model *m, const float *x, size_t n, float *scores, error *e)
{
    return run_tiles(self, m, x, n, (scoring){.scores = scores}, e);
}

static bool pca_reconstruct_rows(void *self, model *m, const float *x, size_t n, float *out, error *e)
{
    return run_tiles(self, m, x, n, (scoring){.reconstruction = out}, e);
}

extern const method method_pca;
const method method_pca = {
    .id = "pca",
    .title = "Principal components",
    .paper = "Pearson, On Lines and Planes of Closest Fit to Systems of Points in Space, 1901",
    .summary = "How badly the leading principal components of the training images reconstruct an image.",
    .options = pca_options,
    .size = sizeof(pca),
    .unit_range = true,
    .closed_form = true,
    .input = pca_input,
    .fit = pca_fit,
    .fit_bytes = pca_fit_bytes,
    .ready = pca_ready,
    .score_rows = pca_score_rows,
    .reconstruct_rows = pca_reconstruct_rows,
};
