/* SPDX-License-Identifier: MIT */
/*
 * op_spectral.c — spectral normalisation of a kernel (Miyato et al., 2018): W/σ(W), σ by power iteration.
 *
 * The kernel is read as the matrix Ŵ of k·k·c rows and oc columns; u (oc) persists with the net. One iteration a run:
 * v ← Ŵu/‖Ŵu‖, u' ← Ŵᵀv/‖Ŵᵀv‖, σ = vᵀŴu'; u ← u' only where an objective of the program trains the net.
 * With v and u' constant, ∂L/∂W = (G - ⟨G, W/σ⟩·v u'ᵀ)/σ.
 *
 * A SCORE graph moves no weights: there W/σ is worked out once, shared by all the model's programs, and again only
 * after weights have moved.
 *
 * One iteration is enough while u follows weights that change little between runs. An average of weights has no such
 * history: its u is brought there at once, by op_spectral_settle.
 */
#include "base/simd.h"
#include "graph/graph.h"

#include <math.h>
#include <string.h>

/* aux: σ, then v (rows), then u' (columns). */
enum { SIGMA, VECTORS = 16 };
enum { LANES = 8, SETTLE_ITERATIONS = 20 };

static size_t rows_of(const tensor *t)
{
    return (size_t)t->s.n * (size_t)t->s.h * (size_t)t->s.w;
}

static size_t spectral_aux(const tensor *t)
{
    return VECTORS + rows_of(t) + (size_t)t->s.c;
}

static void normalise(float *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)v[i] * (double)v[i];
    float k = (float)(1 / (sqrt(sum) + 1e-12));
    for (size_t i = 0; i < n; i++)
        v[i] *= k;
}

/* In lanes, so that the loop can be vector code; their sum is taken in one order. */
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

void op_spectral_settle(const float *w, shape s, float *u, float *work)
{
    size_t rows = (size_t)s.n * (size_t)s.h * (size_t)s.w, columns = (size_t)s.c;
    for (int turn = 0; turn < SETTLE_ITERATIONS; turn++) {
        memset(work, 0, columns * sizeof *work);
        for (size_t i = 0; i < rows; i++)
            add_scaled(work, w + i * columns, (float)dot(w + i * columns, u, columns), columns);
        normalise(work, columns);
        memcpy(u, work, columns * sizeof *u);
    }
}

/* y = W/σ; leaves σ, v and u' in `aux`. */
static void resolve(const tensor *t, const float *w, float *aux, float *y)
{
    size_t rows = rows_of(t), columns = (size_t)t->s.c;
    const float *u = t->at.statistic[0]->values;
    float *v = aux + VECTORS, *next = v + rows;
    for (size_t i = 0; i < rows; i++)
        v[i] = (float)dot(w + i * columns, u, columns);
    normalise(v, rows);
    memset(next, 0, columns * sizeof *next);
    for (size_t i = 0; i < rows; i++)
        add_scaled(next, w + i * columns, v[i], columns);
    double sigma = sqrt(dot(next, next, columns)); /* vᵀŴu' with u' = Ŵᵀv/‖Ŵᵀv‖ */
    normalise(next, columns);
    aux[SIGMA] = (float)fmax(sigma, 1e-12);
    float k = 1 / aux[SIGMA];
    for (size_t i = 0; i < rows * columns; i++)
        y[i] = k * w[i];
}

static void spectral_forward(const call *c)
{
    size_t columns = (size_t)c->t->s.c;
    resolve(c->t, c->x[0], c->aux, c->y);
    if (c->t->at.moves_statistics)
        memcpy(c->t->at.statistic[0]->values, c->aux + VECTORS + rows_of(c->t), columns * sizeof *c->y);
}

static void spectral_backward(const call *c)
{
    size_t rows = rows_of(c->t), columns = (size_t)c->t->s.c;
    const float *v = c->aux + VECTORS, *u = v + rows;
    double along = dot(c->dy, c->y, rows * columns);
    float k = 1 / c->aux[SIGMA];
    for (size_t i = 0; c->dx[0] && i < rows; i++) {
        float *dx = c->dx[0] + i * columns, part = (float)along * v[i];
        const float *dy = c->dy + i * columns;
        for (size_t j = 0; j < columns; j++)
            dx[j] = (c->add[0] ? dx[j] : 0) + k * (dy[j] - part * u[j]);
    }
}

static const op op_spectral = {.name = "spectral_norm",
                               .forward = spectral_forward,
                               .backward = spectral_backward,
                               .reads_y = true,
                               .reads_aux = true,
                               .aux = spectral_aux};

static void resolved_forward(const call *c)
{
    param *p = c->t->param;
    uint64_t moves = *c->t->graph->moves;
    if (p->resolved_at == moves)
        return;
    resolve(c->t, c->x[0], c->work, p->values);
    p->resolved_at = moves;
}

static size_t resolved_work(const tensor *t, bool backward)
{
    return backward ? 0 : spectral_aux(t);
}

/* Without a gradient: no objective of a SCORE graph moves weights. */
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
