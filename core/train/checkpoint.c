/* SPDX-License-Identifier: MIT */
/* checkpoint.c — see checkpoint.h. */
#include "train/checkpoint.h"

#include <stdio.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

/* The path beside the plan's, where the last good checkpoint is while later ones are written. False where there is no
 * checkpoint at all, or the name is too long. */
static bool path_aside(const checkpoint *c, char out[PATH_BYTES])
{
    const char *path = c->context->plan->checkpoint_path;
    int n = path ? snprintf(out, PATH_BYTES, "%s.good", path) : -1;
    return n > 0 && n < PATH_BYTES;
}

static bool is_good(const checkpoint *c)
{
    for (int i = 0; i < c->count; i++)
        if (c->records[i].is_good && !c->records[i].is_good(c->records[i].object))
            return false;
    return true;
}

static bool set_aside(checkpoint *c, error *e)
{
    char aside[PATH_BYTES];
    if (c->good_is_aside || c->good_step == 0)
        return true;
    if (!path_aside(c, aside))
        return error_set(e, ERROR_LIMIT, "its path is too long");
    if (rename(c->context->plan->checkpoint_path, aside))
        return error_system(e, "%s", aside);
    c->good_is_aside = true;
    return true;
}

static bool write_file(const checkpoint *c, uint64_t step, uint64_t good_step, error *e)
{
    bundle *b = bundle_new();
    if (!b)
        return error_memory(e, "a checkpoint");
    header_run run = context_run(c->context);
    bundle_put(b, "kind", "checkpoint");
    header_put_run(&run, b);
    header_put_whole(b, "step", step);
    header_put_whole(b, "good_step", good_step);
    for (int i = 0; i < c->count; i++)
        c->records[i].put(c->records[i].object, b);
    bool ok = bundle_write(b, c->context->plan->checkpoint_path, e);
    bundle_free(b);
    return ok;
}

bool checkpoint_write(checkpoint *c, uint64_t step, error *e)
{
    char aside[PATH_BYTES];
    bool good = is_good(c);
    uint64_t good_step = good ? step : c->good_step;
    if ((!good && !set_aside(c, e)) || !write_file(c, step, good_step, e))
        return error_at(e, "checkpoint");
    c->good_step = good_step;
    if (good && c->good_is_aside && path_aside(c, aside))
        unlink(aside);
    c->good_is_aside = c->good_is_aside && !good;
    return true;
}

void checkpoint_restore_good(checkpoint *c)
{
    char aside[PATH_BYTES];
    if (!path_aside(c, aside))
        return;
    if (c->good_step == 0)
        checkpoint_remove(c);
    else if (c->good_is_aside && rename(aside, c->context->plan->checkpoint_path) != 0)
        c->good_step = 0; /* the one at the path is not good, and the good one is not at the path */
}

/* Errors are ignored: a checkpoint that stays resumes to the same model. */
void checkpoint_remove(const checkpoint *c)
{
    char aside[PATH_BYTES];
    if (c->context->plan->checkpoint_path)
        unlink(c->context->plan->checkpoint_path);
    if (path_aside(c, aside))
        unlink(aside);
}

static bool read_file(checkpoint *c, const bundle *b, uint64_t *step, error *e)
{
    header_run run = context_run(c->context);
    if (!header_same_run(&run, b, e) || !bundle_get_whole(b, "step", c->context->steps, step, e) ||
        !header_read_count(b, "good_step", *step, &c->good_step, e))
        return false;
    for (int i = 0; i < c->count; i++)
        if (!c->records[i].get(c->records[i].object, b, e))
            return false;
    return true;
}

bool checkpoint_read(checkpoint *c, error *e)
{
    const char *path = c->context->plan->checkpoint_path;
    char aside[PATH_BYTES];
    bool has_aside = path_aside(c, aside) && access(aside, F_OK) == 0;
    /* A process that died after setting the good one aside, before writing the next, has left nothing at the path. */
    bool from_aside = path && access(path, F_OK) != 0 && has_aside;
    path = from_aside ? aside : path;
    if (!path || access(path, F_OK) != 0)
        return true;
    uint64_t step;
    bundle *b = bundle_open(path, e);
    if (!b)
        return error_at(e, "checkpoint");
    bool ok = read_file(c, b, &step, e);
    bundle_free(b);
    if (!ok)
        return error_at(e, "checkpoint %s", path);
    bool good = is_good(c);
    c->good_is_aside = good ? from_aside : has_aside;
    c->good_step = good ? step : has_aside ? c->good_step : 0;
    return true;
}
