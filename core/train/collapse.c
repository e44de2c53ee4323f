/* SPDX-License-Identifier: MIT */
/* collapse.c — counts for how many steps in succession a loss or a spread has been where nothing is learned. */
#include "train/collapse.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Length of a loss's name without the ending that makes it one of two halves. */
static size_t whole_length(const char *name)
{
    size_t length = strlen(name);
    const char *end = length > 5 ? name + length - 5 : name;
    return strcmp(end, "_real") == 0 || strcmp(end, "_fake") == 0 ? length - 5 : length;
}

static struct suspect *suspect_for(collapse *c, const char *name, size_t length)
{
    for (int i = 0; i < c->count; i++)
        if (strlen(c->suspects[i].name) == length && strncmp(c->suspects[i].name, name, length) == 0)
            return &c->suspects[i];
    struct suspect *s = &c->suspects[c->count++];
    *s = (struct suspect){.is_spread = tally_is_spread(name)};
    snprintf(s->name, sizeof s->name, "%.*s", (int)length, name);
    return s;
}

void collapse_begin(collapse *c, const tally *t)
{
    c->count = 0;
    for (int i = 0; i < t->count; i++) {
        const char *name = t->names[i];
        if (tally_is_spread(name))
            suspect_for(c, name, strlen(name))->adds[i] = true;
        else if (strstr(name, "discriminator"))
            suspect_for(c, name, whole_length(name))->adds[i] = true;
    }
    /* Where the whole loss is tallied as well, its halves are in it. */
    for (int i = 0; i < t->count; i++)
        for (int j = 0; j < c->count; j++)
            if (strcmp(c->suspects[j].name, t->names[i]) == 0) {
                memset(c->suspects[j].adds, 0, sizeof c->suspects[j].adds);
                c->suspects[j].adds[i] = true;
            }
}

/* Fails with what happened, in words: which of the options found it, and what it means. */
static bool collapsed(const struct suspect *s, const train_context *of, double value, uint64_t step, error *e)
{
    const struct method_state *m = of->settings;
    bool below = s->below >= s->above;
    const char *named = s->is_spread ? "collapse_spread" : below ? "collapse_won" : "collapse_lost";
    const char *meaning = s->is_spread ? "the images of a batch are nearly all the same"
                          : below      ? "the discriminator has won for good and teaches nothing"
                                       : "the discriminator has lost for good and teaches nothing";
    float limit = s->is_spread ? m->collapse_spread : below ? m->collapse_won : m->collapse_lost;
    uint64_t steps = below ? s->below : s->above;
    return error_set(
        e, ERROR_DIVERGED,
        "collapsed in epoch %d, step %llu: %s%s is %.3g and has been %s %g (%s) in each of %llu steps since "
        "step %llu: %s. Try a lower learning rate or another seed; %s 0 trains on regardless",
        context_epoch(of, step), (unsigned long long)(step + 1), s->name,
        s->is_spread ? ", as a share of the training images'," : "", value, below ? "below" : "above", (double)limit,
        named, (unsigned long long)steps, (unsigned long long)(step + 2 - steps), meaning, named);
}

bool collapse_check(collapse *c, const train_context *of, const tally *t, uint64_t step, error *e)
{
    const struct method_state *m = of->settings;
    for (int i = 0; i < c->count; i++) {
        struct suspect *s = &c->suspects[i];
        double value = 0; /* NaN, and so neither below nor above, when its program did not run in this step */
        for (int j = 0; j < t->count; j++)
            value += s->adds[j] ? t->latest[j] : 0;
        float low = s->is_spread ? m->collapse_spread : m->collapse_won, high = s->is_spread ? 0 : m->collapse_lost;
        bool watched = m->collapse_steps > 0 && (!s->is_spread || t->data_spread > 0);
        s->below = watched && low > 0 && value < (double)low ? s->below + 1 : 0;
        s->above = watched && high > 0 && value > (double)high ? s->above + 1 : 0;
        if (watched && (s->below >= (uint64_t)m->collapse_steps || s->above >= (uint64_t)m->collapse_steps))
            return collapsed(s, of, value, step, e);
    }
    return true;
}

bool collapse_suspected(const collapse *c)
{
    for (int i = 0; i < c->count; i++)
        if (c->suspects[i].below || c->suspects[i].above)
            return true;
    return false;
}

static void count_key(const struct suspect *s, const char *side, char key[96])
{
    snprintf(key, 96, "collapse.%s.%s", s->name, side);
}

void collapse_put(const collapse *c, bundle *b)
{
    for (int i = 0; i < c->count; i++) {
        const struct suspect *s = &c->suspects[i];
        char key[96];
        count_key(s, "below", key);
        bundle_put_number(b, key, (double)s->below);
        count_key(s, "above", key);
        bundle_put_number(b, key, (double)s->above);
    }
}

bool collapse_get(collapse *c, const bundle *b, uint64_t steps_max, error *e)
{
    for (int i = 0; i < c->count; i++) {
        struct suspect *s = &c->suspects[i];
        char below[96], above[96];
        count_key(s, "below", below);
        count_key(s, "above", above);
        if (!header_read_count(b, below, steps_max, &s->below, e) ||
            !header_read_count(b, above, steps_max, &s->above, e))
            return false;
    }
    return true;
}
