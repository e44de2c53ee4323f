/* SPDX-License-Identifier: MIT */
/* collapse.c — counts for how many steps in succession a loss or a spread has been where nothing is learned. */
#include "train/collapse.h"

#include "train/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_spread(const char *name)
{
    return strncmp(name, "spread.", strlen("spread.")) == 0;
}

/* Length of the name of the whole that a loss is, or is half of. */
static size_t whole_of(const char *name)
{
    size_t length = strlen(name);
    const char *end = length > 5 ? name + length - 5 : name;
    return strcmp(end, "_real") == 0 || strcmp(end, "_fake") == 0 ? length - 5 : length;
}

static suspect *suspect_for(run *r, const char *name, size_t length)
{
    for (int i = 0; i < r->suspect_count; i++)
        if (strlen(r->suspects[i].name) == length && strncmp(r->suspects[i].name, name, length) == 0)
            return &r->suspects[i];
    suspect *s = &r->suspects[r->suspect_count++];
    *s = (suspect){.is_spread = is_spread(name)};
    snprintf(s->name, sizeof s->name, "%.*s", (int)length, name);
    return s;
}

void collapse_suspects(run *r)
{
    r->suspect_count = 0;
    for (int i = 0; i < r->tally.count; i++) {
        const char *name = r->tally.names[i];
        if (is_spread(name))
            suspect_for(r, name, strlen(name))->adds[i] = true;
        else if (strstr(name, "discriminator"))
            suspect_for(r, name, whole_of(name))->adds[i] = true;
    }
    /* Where the whole is there as well, its halves are in it. */
    for (int i = 0; i < r->tally.count; i++)
        for (int j = 0; j < r->suspect_count; j++)
            if (strcmp(r->suspects[j].name, r->tally.names[i]) == 0) {
                memset(r->suspects[j].adds, 0, sizeof r->suspects[j].adds);
                r->suspects[j].adds[i] = true;
            }
}

bool collapse_measure(run *r, error *e)
{
    size_t n = r->split.train_count, row = shape_row(r->input);
    double *mean = calloc(row, sizeof *mean), sum = 0;
    if (!mean)
        return error_memory(e, "the training images' mean");
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < row; j++)
            mean[j] += (double)r->train[i * row + j];
    for (size_t j = 0; j < row; j++)
        mean[j] /= (double)n;
    for (size_t i = 0; i < n; i++) {
        double square = 0;
        for (size_t j = 0; j < row; j++) {
            double d = (double)r->train[i * row + j] - mean[j];
            square += d * d;
        }
        sum += sqrt(square);
    }
    free(mean);
    r->data_spread = sum / (double)n;
    return true;
}

double collapse_value(const run *r, const char *name, double value)
{
    return is_spread(name) && r->data_spread > 0 ? value / r->data_spread : value;
}

/* What happened, in words: which of the options found it, and what it means. */
static bool collapsed(const run *r, const suspect *s, double value, error *e)
{
    bool below = s->below >= s->above;
    const char *named = s->is_spread ? "collapse_spread" : below ? "collapse_won" : "collapse_lost";
    const char *meaning = s->is_spread ? "the images of a batch are nearly all the same"
                          : below      ? "the discriminator has won for good and teaches nothing"
                                       : "the discriminator has lost for good and teaches nothing";
    float limit = s->is_spread ? r->state->collapse_spread : below ? r->state->collapse_won : r->state->collapse_lost;
    uint64_t steps = below ? s->below : s->above;
    return error_set(
        e, ERROR_DIVERGED,
        "collapsed in epoch %d, step %llu: %s%s is %.3g and has been %s %g (%s) in each of %llu steps since "
        "step %llu: %s. Try a lower learning rate or another seed; %s 0 trains on regardless",
        (int)(r->step / r->steps_an_epoch) + 1, (unsigned long long)(r->step + 1), s->name,
        s->is_spread ? ", as a share of the training images'," : "", value, below ? "below" : "above", (double)limit,
        named, (unsigned long long)steps, (unsigned long long)(r->step + 2 - steps), meaning, named);
}

bool collapse_check(run *r, error *e)
{
    const struct method_state *m = r->state;
    if (r->method->pretraining && r->step - r->from < r->method->pretraining(r->self))
        return true;
    for (int i = 0; i < r->suspect_count; i++) {
        suspect *s = &r->suspects[i];
        double value = 0; /* NaN, and so neither below nor above, where it was not learned by in this step */
        for (int j = 0; j < r->tally.count; j++)
            value += s->adds[j] ? r->tally.latest[j] : 0;
        float low = s->is_spread ? m->collapse_spread : m->collapse_won, high = s->is_spread ? 0 : m->collapse_lost;
        bool looked_for = m->collapse_steps > 0 && (!s->is_spread || r->data_spread > 0);
        s->below = looked_for && low > 0 && value < (double)low ? s->below + 1 : 0;
        s->above = looked_for && high > 0 && value > (double)high ? s->above + 1 : 0;
        if (looked_for && (s->below >= (uint64_t)m->collapse_steps || s->above >= (uint64_t)m->collapse_steps))
            return collapsed(r, s, value, e);
    }
    return true;
}

bool collapse_looms(const run *r)
{
    for (int i = 0; i < r->suspect_count; i++)
        if (r->suspects[i].below || r->suspects[i].above)
            return true;
    return false;
}

static void key_of(const suspect *s, const char *side, char out[96])
{
    snprintf(out, 96, "collapse.%s.%s", s->name, side);
}

void collapse_put(const run *r, bundle *b)
{
    for (int i = 0; i < r->suspect_count; i++) {
        const suspect *s = &r->suspects[i];
        char key[96];
        key_of(s, "below", key);
        bundle_put_number(b, key, (double)s->below);
        key_of(s, "above", key);
        bundle_put_number(b, key, (double)s->above);
    }
}

/* A count of steps in succession cannot be more than the steps made. */
static bool get_count(const run *r, const suspect *s, const char *side, const bundle *b, uint64_t *out, error *e)
{
    char key[96];
    key_of(s, side, key);
    return checkpoint_count(b, key, r->step, out, e);
}

bool collapse_get(run *r, const bundle *b, error *e)
{
    for (int i = 0; i < r->suspect_count; i++) {
        suspect *s = &r->suspects[i];
        if (!get_count(r, s, "below", b, &s->below, e) || !get_count(r, s, "above", b, &s->above, e))
            return false;
    }
    return true;
}
