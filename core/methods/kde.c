/* SPDX-License-Identifier: MIT */
/*
 * kde.c — Gaussian kernel density estimation, the baseline every GAN must beat. Preprocessing follows Ruff et al.,
 * "Deep One-Class Classification" (ICML 2018): contrast normalisation, one range for all images, principal
 * components holding 95% of the variance, and a bandwidth cross-validated by likelihood.
 *
 * The score is -log p(x) + log p(training mean): the constant shifts every score alike, and without it a float could
 * not tell images apart where the bandwidth is much larger than the spread of the data.
 */
#include "methods/density.h"
#include "methods/method.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PREPROCESS_RAW, PREPROCESS_GCN };
static const char *const preprocess_choices[] = {"raw", "gcn", NULL};

typedef struct kde {
    struct method_state state;
    int preprocess;
    bool pca;
    float variance_kept, bandwidth;
    /* Set by ready. */
    int d, k;
    const float *range, *mean, *basis; /* basis: NULL without pca; owned by the model */
    density density;
    float *norms;     /* owned */
    double reference; /* the density's value at the training mean */
} kde;

static const option kde_options[] = {
    OPTION_OF(kde, preprocess, PREPROCESS_GCN, preprocess_choices,
              "raw: pixels in [0, 1]; gcn: each image less its mean, divided by its mean absolute value, then all "
              "images by one range to [0, 1]",
              "Ruff et al. 2018, section 4"),
    OPTION(OPTION_FLAG, kde, pca, 1, 0, 1, "", "project on principal components first", "Ruff et al. 2018, section 4"),
    OPTION(OPTION_REAL, kde, variance_kept, 0.95, 0.01, 1, "",
           "share of the variance that the principal components keep", "Ruff et al. 2018, section 4"),
    OPTION(OPTION_REAL, kde, bandwidth, 0, 0, 1000, "",
           "of the Gaussian kernel; 0: the likeliest of 2^-4.5, 2^-4, ... 2^5 in 5-fold cross-validation",
           "Ruff et al. 2018, section 4"),
    REFINE_OPTION(kde),
    {0},
};

static bool kde_input(const void *self, shape data, shape *in, error *e)
{
    *in = data;
    return !((const kde *)self)->pca || principal_check(shape_row(data), e);
}

/* Subtracts an image's mean and scales the rest to a mean absolute value of 1. */
static void normalise_contrast(float *row, int d)
{
    double sum = 0, absolute = 0;
    for (int j = 0; j < d; j++)
        sum += (double)row[j];
    float mean = (float)(sum / d);
    for (int j = 0; j < d; j++) {
        row[j] -= mean;
        absolute += (double)fabsf(row[j]);
    }
    double scale = absolute / d > 1e-8 ? absolute / d : 1e-8; /* an image of one colour stays at zero */
    for (int j = 0; j < d; j++)
        row[j] = (float)((double)row[j] / scale);
}

/* Images as rows of the density's space, not yet centred. */
typedef struct source {
    const kde *own;
    const float *x;
} source;

static void load_row(const void *context, size_t row, float *out)
{
    const source *s = context;
    size_t d = (size_t)s->own->d;
    memcpy(out, s->x + row * d, d * sizeof *out);
    if (s->own->preprocess != PREPROCESS_GCN)
        return;
    normalise_contrast(out, s->own->d);
    if (s->own->range)
        for (size_t j = 0; j < d; j++)
            out[j] = (out[j] - s->own->range[0]) * s->own->range[1];
}

/* Returns an array of the model that is saved with it; NULL and *e set on failure. */
static float *saved(model *own, const char *name, shape s, error *e)
{
    array *a = model_array(own, name, s);
    float *values = a ? array_values(a) : NULL;
    if (values)
        array_save(a);
    else
        error_memory(e, name);
    return values;
}

/* Finds the smallest value of all contrast-normalised training images, and the inverse of the width of their range. */
static bool find_range(const rows *r, float range[2], error *e)
{
    float low = INFINITY, high = -INFINITY, *row = malloc((size_t)r->d * sizeof *row);
    if (!row)
        return error_memory(e, "a training image");
    for (size_t i = 0; i < r->n; i++) {
        r->load(r->context, i, row);
        for (int j = 0; j < r->d; j++) {
            low = row[j] < low ? row[j] : low;
            high = row[j] > high ? row[j] : high;
        }
    }
    free(row);
    range[0] = low;
    range[1] = high > low ? 1 / (high - low) : 1;
    return true;
}

typedef struct projection {
    const rows *rows;
    const float *mean, *basis;
    int k;
    float *points; /* n×k */
    team *team;
} projection;

static size_t projection_scratch(int d, int k)
{
    return (size_t)d * (TILE_ROWS + 1) + (size_t)k * TILE_ROWS;
}

/* Projects a tile of rows. The worker's scratch holds one row, the tile and the projected tile, which is returned. */
static const float *project_tile(const projection *p, size_t first, float *scratch)
{
    size_t d = (size_t)p->rows->d;
    float *tile = scratch + d, *z = tile + d * TILE_ROWS;
    tile_load(p->rows, p->mean, first, scratch, tile);
    if (!p->basis)
        return tile;
    tile_apply(p->basis, p->k, p->rows->d, tile, z);
    return z;
}

static void project_points(void *context, int chunk, int worker)
{
    const projection *p = context;
    size_t first = (size_t)chunk * TILE_ROWS, left = p->rows->n - first, k = (size_t)p->k;
    const float *z = project_tile(p, first, team_scratch(p->team, worker));
    for (size_t q = 0; q < left && q < TILE_ROWS; q++)
        for (size_t j = 0; j < k; j++)
            p->points[(first + q) * k + j] = z[j * TILE_ROWS + q];
}

static int tiles(size_t n)
{
    return (int)((n + TILE_ROWS - 1) / TILE_ROWS);
}

static bool keep_basis(kde *own, model *m, const principal *p, error *e)
{
    float *mean = saved(m, "kde.mean", (shape){1, 1, 1, p->d}, e);
    if (!mean)
        return false;
    memcpy(mean, p->mean, (size_t)p->d * sizeof *mean);
    own->k = own->pca ? p->k : p->d;
    if (!own->pca)
        return true;
    float *basis = saved(m, "kde.basis", (shape){p->k, 1, 1, p->d}, e);
    if (!basis)
        return false;
    memcpy(basis, p->basis, (size_t)p->k * (size_t)p->d * sizeof *basis);
    return true;
}

static bool keep_bandwidth(const kde *own, model *m, const float *points, size_t n, error *e)
{
    double bandwidth = (double)own->bandwidth;
    random_key key = random_stream(model_seed(m), "kde.search");
    float *kept = saved(m, "kde.bandwidth", (shape){1, 1, 1, 1}, e);
    if (!kept)
        return false;
    if (!(bandwidth > 0) && !density_search(model_team(m), points, n, own->k, key, &bandwidth, e))
        return false;
    *kept = (float)bandwidth;
    return true;
}

static bool kde_fit(void *self, model *m, const float *x, size_t n, shape input, error *e)
{
    kde *own = self;
    team *t = model_team(m);
    own->d = (int)shape_row(input);
    own->range = NULL;
    source from = {own, x};
    rows r = {load_row, &from, n, own->d};
    if (n < 2)
        return error_set(e, ERROR_INVALID, "kde needs at least 2 training images, there are %zu", n);
    if (own->preprocess == PREPROCESS_GCN) {
        float *range = saved(m, "kde.range", (shape){1, 1, 1, 2}, e);
        if (!range || !find_range(&r, range, e))
            return false;
        own->range = range;
    }
    principal p;
    if (!(own->pca ? principal_fit(t, &r, (principal_rule){.share = (double)own->variance_kept}, &p, e)
                   : principal_fit_mean(t, &r, &p, e)))
        return false;
    bool ok = keep_basis(own, m, &p, e) && team_reserve(t, projection_scratch(own->d, own->k), e);
    float *points = ok ? saved(m, "kde.points", (shape){(int)n, 1, 1, own->k}, e) : NULL;
    if (points) {
        projection work = {&r, p.mean, p.basis, own->k, points, t};
        team_run(t, tiles(n), project_points, &work);
    }
    principal_free(&p);
    return points && keep_bandwidth(own, m, points, n, e);
}

/* The components are found first. The basis then stays in memory while points are made and a bandwidth is found. */
static size_t kde_fit_bytes(const void *self, shape input, size_t n, int threads)
{
    const kde *own = self;
    size_t d = shape_row(input), k = own->pca && n < d ? n : d;
    size_t kept = own->pca ? k * d : 0, points = n * (k + 1),
           tiles = projection_scratch((int)d, (int)k) + density_work();
    size_t first = own->pca ? principal_bytes(n, d, k, threads) : 0;
    size_t then = (2 * kept + points + tiles * (size_t)threads) * sizeof(float) +
                  (own->bandwidth > 0 ? 0 : density_search_bytes(n, k));
    return first > then ? first : then;
}

/* Returns a saved array, which must exist with this many values a row. */
static const float *find(model *m, const char *name, size_t row, shape *s, error *e)
{
    array *a = model_find_array(m, name);
    shape found = a ? array_shape(a) : (shape){0};
    if (s)
        *s = found;
    if (a && shape_row(found) == row)
        return array_values(a);
    error_set(e, ERROR_CORRUPT, "%s: %zu values a row expected, %zu found", name, row, shape_row(found));
    return NULL;
}

static bool find_arrays(kde *own, model *m, error *e)
{
    shape points = {0}, basis = {0};
    size_t d = (size_t)own->d;
    own->k = own->d;
    own->range = own->basis = NULL;
    if (!(own->mean = find(m, "kde.mean", d, NULL, e)))
        return false;
    if (own->preprocess == PREPROCESS_GCN && !(own->range = find(m, "kde.range", 2, NULL, e)))
        return false;
    if (own->pca) {
        if (!(own->basis = find(m, "kde.basis", d, &basis, e)))
            return false;
        own->k = basis.n;
    }
    const float *bandwidth = find(m, "kde.bandwidth", 1, NULL, e);
    own->density = (density){.points = find(m, "kde.points", (size_t)own->k, &points, e), .k = own->k};
    if (!bandwidth || !own->density.points)
        return false;
    own->density.n = (size_t)points.n;
    own->density.bandwidth = (double)*bandwidth;
    if (!(own->density.bandwidth > 0) || !isfinite(own->density.bandwidth))
        return error_set(e, ERROR_CORRUPT, "kde.bandwidth: %g is not above 0", own->density.bandwidth);
    return true;
}

static size_t scratch_floats(const kde *own)
{
    return projection_scratch(own->d, own->k) + density_work();
}

static bool kde_ready(void *self, model *m, shape input, error *e)
{
    kde *own = self;
    own->d = (int)shape_row(input);
    if (!find_arrays(own, m, e) || !team_reserve(model_team(m), scratch_floats(own), e))
        return false;
    free(own->norms);
    own->norms = malloc(own->density.n * sizeof *own->norms);
    float *origin = calloc((size_t)own->k * TILE_ROWS, sizeof *origin);
    bool ok = own->norms && origin;
    if (ok) {
        double out[TILE_ROWS];
        density_norms(own->density.points, own->density.n, own->k, own->norms);
        own->density.norms = own->norms;
        density_tile(&own->density, origin, team_scratch(model_team(m), 0), out);
        own->reference = out[0];
    } else
        error_memory(e, "kde's norms");
    free(origin);
    return ok;
}

typedef struct scoring {
    const kde *own;
    projection projection;
    float *scores;
} scoring;

static void score_tile(void *context, int chunk, int worker)
{
    const scoring *s = context;
    size_t first = (size_t)chunk * TILE_ROWS, left = s->projection.rows->n - first;
    float *scratch = team_scratch(s->projection.team, worker);
    double out[TILE_ROWS];
    const float *z = project_tile(&s->projection, first, scratch);
    density_tile(&s->own->density, z, scratch + projection_scratch(s->own->d, s->own->k), out);
    for (size_t q = 0; q < left && q < TILE_ROWS; q++)
        s->scores[first + q] = (float)(out[q] - s->own->reference);
}

static bool kde_score_rows(void *self, model *m, const float *x, size_t n, float *scores, error *e)
{
    kde *own = self;
    team *t = model_team(m);
    source from = {own, x};
    rows r = {load_row, &from, n, own->d};
    scoring s = {own, {&r, own->mean, own->basis, own->k, NULL, t}, scores};
    if (!team_reserve(t, scratch_floats(own), e))
        return false;
    team_run(t, tiles(n), score_tile, &s);
    return true;
}

static void kde_free(void *self)
{
    kde *own = self;
    free(own->norms);
    own->norms = NULL;
}

extern const method method_kde;
const method method_kde = {
    .id = "kde",
    .title = "Kernel density estimation",
    .paper = "Parzen, On Estimation of a Probability Density Function and Mode, 1962; preprocessing of Ruff et al., "
             "Deep One-Class Classification, 2018",
    .summary = "How unlikely an image is under a Gaussian kernel on every training image. No training; the baseline.",
    .unexplained = "the score is the density of the training images at the image as a whole; it does not reconstruct",
    .options = kde_options,
    .size = sizeof(kde),
    .unit_range = true,
    .closed_form = true,
    .input = kde_input,
    .fit = kde_fit,
    .fit_bytes = kde_fit_bytes,
    .ready = kde_ready,
    .score_rows = kde_score_rows,
    .free = kde_free,
};
