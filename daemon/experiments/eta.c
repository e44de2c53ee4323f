/* SPDX-License-Identifier: MIT */
/* eta.c — when an experiment should be done: arithmetic alone. */
#include "daemon/experiments/experiments.h"

#include "api/json/experiment_read.h"

#include <assert.h>
#include <math.h>
#include <string.h>

typedef struct cost {
    double wall_s; /* of a cell from its start to its end */
    double work_s; /* the same in thread-seconds */
} cost;

static cost cost_on(double wall_s, int threads)
{
    return (cost){wall_s, wall_s * (threads > 0 ? threads : 1)};
}

/* The costs of one method's cells. */
typedef struct tally {
    cost sum;      /* of the cells that are done */
    cost expected; /* the largest that a running cell's pace lets expect; NaN: none does */
    int count;     /* of cells that are done */
} tally;

static const tally none_yet = {.expected = {NAN, NAN}};

static void tally_done(tally *t, cost one)
{
    t->sum.wall_s += one.wall_s;
    t->sum.work_s += one.work_s;
    t->count++;
}

static void tally_expect(tally *t, cost one)
{
    if (isfinite(one.work_s) && !(one.work_s < t->expected.work_s))
        t->expected = one;
}

/* The mean over the cells that are done; while there are none, what is expected. */
static cost tally_cost(const tally *t)
{
    return t->count ? (cost){t->sum.wall_s / t->count, t->sum.work_s / t->count} : t->expected;
}

static cost add(cost a, cost b)
{
    return (cost){a.wall_s + b.wall_s, a.work_s + b.work_s};
}

/* What a whole cell of this method costs, and its scoring alone, which counts for nothing until its cost is known. */
static void method_costs(const experiment_row *row, const job_pace *paces, const char *id, cost *whole, cost *scoring)
{
    tally all = none_yet, test = none_yet;
    for (int i = 0; i < row->cell_count; i++) {
        const experiment_cell *c = &row->cells[i];
        if (strcmp(c->method, id) != 0)
            continue;
        if (isfinite(c->cost_s)) {
            tally_done(&all, cost_on(c->cost_s, c->threads));
            tally_done(&test, cost_on(c->score_s, c->threads));
        } else {
            tally_expect(&all, cost_on(paces[i].whole_s, paces[i].threads));
            tally_expect(&test, cost_on(paces[i].scoring_whole_s, paces[i].threads));
        }
    }
    *scoring = tally_cost(&test);
    if (isnan(scoring->work_s))
        *scoring = (cost){0};
    *whole = all.count ? tally_cost(&all) : add(tally_cost(&all), *scoring);
}

/* The costs of all methods, each computed once. */
typedef struct prices {
    struct price {
        const char *method;
        cost whole, scoring;
    } of[EXPERIMENT_METHODS_MAX];
    int count;
} prices;

static const struct price *price_of(prices *all, const experiment_row *row, const job_pace *paces, const char *id)
{
    int i = 0;
    while (i < all->count && strcmp(all->of[i].method, id) != 0)
        i++;
    if (i < all->count)
        return &all->of[i];
    assert(all->count < EXPERIMENT_METHODS_MAX);
    struct price *one = &all->of[all->count++];
    one->method = id;
    method_costs(row, paces, id, &one->whole, &one->scoring);
    return one;
}

static cost cell_left(prices *all, const experiment_row *row, const job_pace *paces, int cell)
{
    const job_pace *p = &paces[cell];
    const struct price *price = price_of(all, row, paces, row->cells[cell].method);
    if (row->cells[cell].state != JOB_RUNNING || !isfinite(p->left_s))
        return price->whole;
    return add(cost_on(p->left_s, p->threads),
               isfinite(p->scoring_left_s) ? cost_on(p->scoring_left_s, p->threads) : price->scoring);
}

double experiments_eta(const experiment_row *row, const job_pace *paces, int capacity)
{
    prices all = {.count = 0};
    double work_s = 0, longest_s = 0;
    int left = 0;
    for (int i = 0; i < row->cell_count; i++) {
        if (row->cells[i].state != JOB_QUEUED && row->cells[i].state != JOB_RUNNING)
            continue;
        cost one = cell_left(&all, row, paces, i);
        work_s += one.work_s;
        longest_s = fmax(longest_s, one.wall_s);
        left++;
    }
    return !left || isnan(work_s) ? NAN : fmax(work_s / capacity, longest_s);
}
