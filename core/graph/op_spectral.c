/* SPDX-License-Identifier: MIT */
/*
 * op_spectral.c — spectral normalisation of a kernel (Miyato et al., 2018): W/σ(W), σ by power iteration.
 *
 * The kernel is read as the matrix Ŵ of k·k·c rows and oc columns; u (oc) persists with the net. One iteration a run:
 * v ← Ŵu/‖Ŵu‖, u' ← Ŵᵀv/‖Ŵᵀv‖, σ = vᵀŴu'; u ← u' only where an objective of the program trains the net.
 * With v and u' constant, ∂L/∂W = (G - ⟨G, W/σ⟩·v u'ᵀ)/σ.
 *
 * A SCORE graph moves no weights. There W/σ is computed once for all programs of the model, and again only after
 * weights have moved.
 *
 * One iteration a run is enough where weights change little between runs. An average of weights has no such history, so
 * op_spectral_settle iterates its u until it has converged.
 */
#include "base/simd.h"
#include "graph/graph.h"

#include <math.h>
#include <string.h>

/* aux: σ, then v (rows), then u' (columns). */
enum { SIGMA, VECTORS = 16 };
enum { LANES = 8, SETTLE_ITERATIONS = 20 };

/* --- a kernel as a matrix, whose rows are cut into chunks by its size alone --- */

typedef struct matrix {
    const float *w;
    size_t rows, columns;
    int chunks;
} matrix;

static matrix matrix_of(const float *w, shape s)
{
    const size_t rows = (size_t)s.n * (size_t)s.h * (size_t)s.w, columns = (size_t)s.c;
    return (matrix){.w = w, .rows = rows, .columns = columns, .chunks = map_chunks(rows * columns)};
}

/* Sums in lanes, so that the loop can be vectorised; the lanes are added in a fixed order. */
SIMD_CLONES static double dot(const float *a, const float *b, size_t n)
{
    double lanes[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            lanes[j] += (double)a[i + j] * (double)b[i + j];
    for (; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    for (size_t j = 0; j < LANES; j++)
        sum += lanes[j];
    return sum;
}

SIMD_CLONES static void add_scaled(float *to, const float *from, float k, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] += k * from[i];
}

SIMD_CLONES static void scale(float *to, const float *from, float k, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = k * from[i];
}

static float inverse(double norm)
{
    return (float)(1 / (norm + 1e-12));
}

/* --- Ŵᵀ(Ŵu), each row being read once --- */

typedef struct iteration {
    matrix m;
    const float *u;
    float *v;       /* Ŵu; NULL: not wanted */
    float *partial; /* of ŴᵀŴu, by chunk */
    double squares[MAP_CHUNKS_MAX];
} iteration;

/* Returns the floats of a chunk's partial sum. */
static size_t partial_floats(const matrix *m)
{
    return team_lines(m->columns);
}

static void iterate_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    iteration *it = context;
    const matrix *m = &it->m;
    float *own = it->partial + (size_t)chunk * partial_floats(m);
    double squares = 0;
    size_t first, last;
    map_range(m->rows, m->chunks, chunk, &first, &last);
    memset(own, 0, m->columns * sizeof *own);
    for (size_t i = first; i < last; i++) {
        const float *row = m->w + i * m->columns;
        const float v = (float)dot(row, it->u, m->columns);
        add_scaled(own, row, v, m->columns);
        squares += (double)v * (double)v;
        if (it->v)
            it->v[i] = v;
    }
    it->squares[chunk] = squares;
}

/* Computes ŴᵀŴu into the first chunk's sum. Returns ‖Ŵu‖. */
static double iterate(team *t, iteration *it)
{
    double squares = 0;
    team_run(t, it->m.chunks, iterate_chunk, it);
    for (int i = 0; i < it->m.chunks; i++) {
        squares += it->squares[i];
        if (i > 0)
            add_scaled(it->partial, it->partial + (size_t)i * partial_floats(&it->m), 1, it->m.columns);
    }
    return sqrt(squares);
}

size_t op_spectral_settle_work(shape s)
{
    const matrix m = matrix_of(NULL, s);
    return (size_t)m.chunks * partial_floats(&m);
}

void op_spectral_settle(team *t, const float *w, shape s, float *u, float *work)
{
    iteration it = {.m = matrix_of(w, s), .u = u, .partial = work};
    for (int turn = 0; turn < SETTLE_ITERATIONS; turn++) {
        iterate(t, &it);
        scale(u, work, inverse(sqrt(dot(work, work, it.m.columns))), it.m.columns);
    }
}

/* --- y = W/σ --- */

typedef struct division {
    matrix m;
    float by, *y;
    float *v, by_norm; /* by_norm scales v, which is still Ŵu */
} division;

static void divide_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    const division *d = context;
    size_t first, last;
    map_range(d->m.rows, d->m.chunks, chunk, &first, &last);
    const size_t at = first * d->m.columns;
    scale(d->y + at, d->m.w + at, d->by, (last - first) * d->m.columns);
    scale(d->v + first, d->v + first, d->by_norm, last - first);
}

static size_t spectral_aux(const tensor *t)
{
    const matrix m = matrix_of(NULL, t->s);
    return team_lines(VECTORS + m.rows + m.columns);
}

/* y = W/σ; leaves σ, v and u' in `aux`. */
static void resolve(const call *c, float *aux, float *work, float *y)
{
    float *v = aux + VECTORS;
    iteration it = {.m = matrix_of(c->x[0], c->t->s), .u = c->t->at.statistic[0]->values, .v = v, .partial = work};
    float *next = v + it.m.rows;
    const float by_norm = inverse(iterate(c->team, &it));
    scale(next, work, by_norm, it.m.columns);
    const double sigma = sqrt(dot(next, next, it.m.columns)); /* vᵀŴu' with u' = Ŵᵀv/‖Ŵᵀv‖ */
    scale(next, next, inverse(sigma), it.m.columns);
    aux[SIGMA] = (float)fmax(sigma, 1e-12);
    division d = {.m = it.m, .by = 1 / aux[SIGMA], .y = y, .v = v, .by_norm = by_norm};
    team_run(c->team, it.m.chunks, divide_chunk, &d);
}

static size_t spectral_work(const tensor *t, bool backward)
{
    return backward ? 0 : op_spectral_settle_work(t->s);
}

static void spectral_forward(const call *c)
{
    const matrix m = matrix_of(c->x[0], c->t->s);
    resolve(c, c->aux, c->work, c->y);
    if (c->t->at.moves_statistics)
        memcpy(c->t->at.statistic[0]->values, c->aux + VECTORS + m.rows, m.columns * sizeof *c->y);
}

/* --- the gradient --- */

typedef struct gradient {
    const call *c;
    matrix m;
    double along[MAP_CHUNKS_MAX];
    float along_all;
} gradient;

static void along_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    gradient *g = context;
    size_t first, last;
    map_range(g->m.rows, g->m.chunks, chunk, &first, &last);
    const size_t at = first * g->m.columns;
    g->along[chunk] = dot(g->c->dy + at, g->c->y + at, (last - first) * g->m.columns);
}

SIMD_CLONES static void gradient_row(float *dx, const float *dy, const float *u, float own, float k, bool add, size_t n)
{
    for (size_t j = 0; j < n; j++)
        dx[j] = (add ? dx[j] : 0) + k * (dy[j] - own * u[j]);
}

static void gradient_chunk(void *context, int chunk, int worker)
{
    (void)worker;
    const gradient *g = context;
    const call *c = g->c;
    const size_t columns = g->m.columns;
    const float *v = c->aux + VECTORS, *u = v + g->m.rows;
    const float k = 1 / c->aux[SIGMA];
    size_t first, last;
    map_range(g->m.rows, g->m.chunks, chunk, &first, &last);
    for (size_t i = first; i < last; i++)
        gradient_row(c->dx[0] + i * columns, c->dy + i * columns, u, g->along_all * v[i], k, c->add[0], columns);
}

static void spectral_backward(const call *c)
{
    if (!c->dx[0])
        return;
    gradient g = {.c = c, .m = matrix_of(NULL, c->t->s)};
    double along = 0;
    team_run(c->team, g.m.chunks, along_chunk, &g);
    for (int i = 0; i < g.m.chunks; i++)
        along += g.along[i];
    g.along_all = (float)along;
    team_run(c->team, g.m.chunks, gradient_chunk, &g);
}

static const op op_spectral = {.name = "spectral_norm",
                               .forward = spectral_forward,
                               .backward = spectral_backward,
                               .reads_y = true,
                               .reads_aux = true,
                               .aux = spectral_aux,
                               .work = spectral_work};

static void resolved_forward(const call *c)
{
    param *p = c->t->param;
    uint64_t moves = *c->t->graph->moves;
    if (p->resolved_at == moves)
        return;
    resolve(c, c->work, c->work + spectral_aux(c->t), p->values);
    p->resolved_at = moves;
}

static size_t resolved_work(const tensor *t, bool backward)
{
    return backward ? 0 : spectral_aux(t) + spectral_work(t, false);
}

/* It has no gradient, since no objective of a SCORE graph moves weights. */
static const op op_resolved = {.name = "spectral_norm", .forward = resolved_forward, .work = resolved_work};

tensor *op_spectral_resolved(tensor *w, param *u, param *resolved)
{
    tensor *t = graph_record(w->graph, &op_resolved, w->s, &w, 1);
    t->at.statistic[0] = u;
    t->param = resolved;
    return t;
}

tensor *op_spectral_record(tensor *w, param *u, const net *owner)
{
    tensor *t = graph_record(w->graph, &op_spectral, w->s, &w, 1);
    t->at.statistic[0] = u;
    t->owner = owner;
    return t;
}
