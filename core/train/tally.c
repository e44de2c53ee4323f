/* SPDX-License-Identifier: MIT */
/* tally.c — see tally.h. */
#include "train/tally.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool begins(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

bool tally_is_spread(const char *name)
{
    return begins(name, "spread.");
}

static bool is_tallied(const char *output)
{
    return begins(output, "loss.") || tally_is_spread(output);
}

bool tally_measure(tally *t, const float *rows, size_t n, size_t row, error *e)
{
    double *mean = calloc(row, sizeof *mean), sum = 0;
    if (!mean)
        return error_memory(e, "the training images' mean");
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < row; j++)
            mean[j] += (double)rows[i * row + j];
    for (size_t j = 0; j < row; j++)
        mean[j] /= (double)n;
    for (size_t i = 0; i < n; i++) {
        double square = 0;
        for (size_t j = 0; j < row; j++) {
            double d = (double)rows[i * row + j] - mean[j];
            square += d * d;
        }
        sum += sqrt(square);
    }
    free(mean);
    t->data_spread = sum / (double)n;
    return true;
}

void tally_begin(tally *t, program *const *programs)
{
    enum { OTHERS = 3 }; /* that an event has: restarts, and the AUROC of selection and test */
    *t = (tally){.data_spread = t->data_spread};
    for (program *const *p = programs; *p; p++)
        for (size_t i = 0; i < program_output_count(*p); i++) {
            const char *name = program_output_name(*p, i);
            if (is_tallied(name) && t->count < TRAIN_VALUES_MAX - OTHERS)
                t->names[t->count++] = name;
        }
}

void tally_begin_epoch(tally *t)
{
    memset(t->sums, 0, sizeof t->sums);
    t->steps = 0;
}

/* Adds value `at`, an output of p, if p ran in this step. */
static bool add(tally *t, const train_context *c, int at, const program *p, uint64_t step, error *e)
{
    t->latest[at] = NAN;
    if (t->runs[at] == program_runs(p))
        return true;
    t->runs[at] = program_runs(p);
    double value = (double)*program_output(p, t->names[at], NULL);
    if (!isfinite(value))
        return error_set(e, ERROR_DIVERGED, "%s is %g in epoch %d, step %llu", t->names[at], value,
                         context_epoch(c, step), (unsigned long long)(step + 1));
    bool is_share = tally_is_spread(t->names[at]) && t->data_spread > 0;
    t->latest[at] = is_share ? value / t->data_spread : value;
    t->sums[at] += t->latest[at];
    return true;
}

bool tally_step(tally *t, const train_context *c, program *const *programs, uint64_t step, error *e)
{
    int at = 0;
    for (program *const *p = programs; *p; p++)
        for (size_t i = 0; i < program_output_count(*p); i++)
            if (is_tallied(program_output_name(*p, i)) && at < t->count && !add(t, c, at++, *p, step, e))
                return false;
    t->steps++;
    return true;
}

void tally_report(const tally *t, train_event *ev)
{
    for (int i = 0; t->steps && i < t->count; i++)
        context_add_value(ev, t->names[i], t->sums[i] / (double)t->steps);
}

static void sum_key(const tally *t, int index, char key[80])
{
    snprintf(key, 80, "tally.%s", t->names[index]);
}

void tally_put(const tally *t, bundle *b)
{
    header_put_whole(b, "tally.steps", t->steps);
    for (int i = 0; i < t->count; i++) {
        char key[80];
        sum_key(t, i, key);
        bundle_put_number(b, key, t->sums[i]);
    }
}

bool tally_get(tally *t, const bundle *b, uint64_t steps_max, error *e)
{
    if (!bundle_get_whole(b, "tally.steps", steps_max, &t->steps, e))
        return false;
    for (int i = 0; i < t->count; i++) {
        char key[80];
        sum_key(t, i, key);
        t->sums[i] = 0; /* of a value that an earlier program did not tally */
        if (bundle_get(b, key) && !bundle_get_number(b, key, &t->sums[i], e))
            return false;
    }
    return true;
}
