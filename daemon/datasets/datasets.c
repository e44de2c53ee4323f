/* SPDX-License-Identifier: MIT */
/* datasets.c — see datasets.h. Imports wait in a queue, whose first is under way. */
#include "daemon/datasets/datasets.h"

#include "base/file.h"
#include "daemon/platform/log.h"
#include "daemon/platform/paths.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char incoming[] = ".incoming-"; /* no data set's name begins with a dot */

typedef struct import {
    struct import *next;
    datasets *owner;
    dataset_row row;
    path_text source, packed, final;
    bool uploaded;
    dataset_done *done;
    void *context;
    error e;
} import;

struct datasets {
    datasets_config c;
    import *first, **end; /* in the order of their requests */
    size_t count;
    bool stopping;
};

static bool sweep(const datasets *d, error *e)
{
    path_text folder, file;
    if (!path_format(&folder, e, "%s/datasets", d->c.state))
        return false;
    DIR *all = opendir(folder.text);
    if (!all)
        return error_system(e, "%s", folder.text);
    for (struct dirent *entry; (entry = readdir(all));)
        if (!strncmp(entry->d_name, incoming, sizeof incoming - 1) &&
            path_format(&file, NULL, "%s/%s", folder.text, entry->d_name) && unlink(file.text) && errno != ENOENT)
            log_line(LOG_LEVEL_WARN, "%s: %s", file.text, strerror(errno));
    closedir(all);
    return true;
}

datasets *datasets_new(const datasets_config *c, error *e)
{
    datasets *d = calloc(1, sizeof *d);
    if (!d) {
        error_memory(e, "the data sets");
        return NULL;
    }
    d->c = *c;
    d->end = &d->first;
    if (sweep(d, e))
        return d;
    free(d);
    return NULL;
}

void datasets_free(datasets *d)
{
    if (!d)
        return;
    assert(!d->first);
    free(d);
}

size_t datasets_active(const datasets *d)
{
    return d->count;
}

/* ---- one import */

/* Replaces the path of an uploaded file in a message: its sender does not know it. */
static void name_upload(const import *i, error *e)
{
    static const char name[] = "the upload";
    size_t path = strlen(i->source.text);
    if (strncmp(e->message, i->source.text, path) != 0 || path < sizeof name - 1)
        return;
    memmove(e->message + sizeof name - 1, e->message + path, strlen(e->message + path) + 1);
    memcpy(e->message, name, sizeof name - 1);
}

static void work(void *context) /* pool thread */
{
    import *i = context;
    const datasets_config *c = &i->owner->c;
    path_text real;
    if (i->uploaded)
        real = i->source;
    else if (!path_under(i->source.text, c->import_roots, c->import_root_count, &real, &i->e))
        return;
    dataset_info *info = &i->row.info;
    if (!dataset_import(real.text, i->packed.text, info, &i->e)) {
        if (i->uploaded)
            name_upload(i, &i->e);
        return;
    }
    i->row.copies_counted = true;
    struct stat facts;
    if (!path_packed(&i->final, c->state, i->row.name, info->digest, &i->e))
        unlink(i->packed.text);
    else if (stat(i->packed.text, &facts) || rename(i->packed.text, i->final.text))
        error_system(&i->e, "%s", i->final.text);
    else if (file_sync_folder(i->final.text, &i->e))
        i->row.bytes = (uint64_t)facts.st_size;
}

static void next(datasets *d);

static void answer(import *i)
{
    datasets *d = i->owner;
    assert(d->first == i);
    d->first = i->next;
    if (!d->first)
        d->end = &d->first;
    d->count--;
    if (i->uploaded)
        unlink(i->source.text);
    if (i->e.code)
        log_line(LOG_LEVEL_WARN, "data set %s: %s", i->row.name, i->e.message);
    else
        log_line(LOG_LEVEL_INFO,
                 "data set %s: %d images imported; %u test images have copies among the training images", i->row.name,
                 i->row.info.image.n, i->row.info.duplicates);
    i->done(i->context, i->e.code ? NULL : &i->row, i->e.code ? &i->e : NULL);
    free(i);
    next(d);
}

/* Removes the file of a row that could not be written, unless the row of an earlier import of the same images names it,
 * or the registry cannot be read. */
static void drop_file(const import *i)
{
    dataset_row row;
    error e = {0};
    bool there = store_dataset_get(i->owner->c.reader, i->row.name, &row, &e);
    if (there ? strcmp(row.info.digest, i->row.info.digest) != 0 : e.code == ERROR_NOT_FOUND)
        unlink(i->final.text);
}

static void stored(void *context, const store_answer *a, const error *failure)
{
    (void)a;
    import *i = context;
    if (failure) {
        i->e = *failure;
        drop_file(i);
    } else {
        /* An earlier import of the same images may have made the row. */
        store_dataset_get(i->owner->c.reader, i->row.name, &i->row, &i->e);
    }
    answer(i);
}

static void worked(void *context)
{
    import *i = context;
    i->row.created = time_now();
    store_reply reply = {.done = stored, .context = i};
    if (i->e.code || !store_dataset_add(i->owner->c.store, &i->row, reply, &i->e))
        answer(i);
}

static void next(datasets *d)
{
    import *i = d->first;
    if (!i)
        return;
    if (d->stopping)
        error_set(&i->e, ERROR_BUSY, "the daemon is stopping");
    else if (!loop_try_offload(d->c.loop, work, worked, i))
        error_memory(&i->e, "an import");
    else
        return;
    answer(i);
}

static bool prepare(import *i, const dataset_request *r, error *e)
{
    datasets *d = i->owner;
    char id[RECORD_ID_MAX];
    id_make(d->c.ids, id);
    if (d->stopping)
        return error_set(e, ERROR_BUSY, "the daemon is stopping");
    if (d->count == DATASETS_WAITING_MAX)
        return error_set(e, ERROR_BUSY, "%d imports are waiting already", DATASETS_WAITING_MAX);
    if (!name_valid(r->name))
        return error_set(e, ERROR_INVALID, "name: \"%s\" is not a name (^[a-z0-9][a-z0-9._-]{0,62}$)", r->name);
    memcpy(i->row.name, r->name, strlen(r->name) + 1);
    return path_format(&i->source, e, "%s", r->source) &&
           path_format(&i->packed, e, "%s/datasets/%s%s", d->c.state, incoming, id);
}

bool datasets_import(datasets *d, const dataset_request *r, dataset_done *done, void *context, error *e)
{
    import *i = calloc(1, sizeof *i);
    if (i)
        *i = (import){.owner = d, .done = done, .context = context, .uploaded = r->uploaded};
    bool ready = i ? prepare(i, r, e) : error_memory(e, "an import");
    if (ready && !d->first && !loop_try_offload(d->c.loop, work, worked, i))
        ready = error_memory(e, "an import");
    if (!ready) {
        free(i);
        if (r->uploaded)
            unlink(r->source);
        return false;
    }
    *d->end = i;
    d->end = &i->next;
    d->count++;
    return true;
}

void datasets_stop(datasets *d)
{
    d->stopping = true;
}
