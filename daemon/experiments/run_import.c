/* SPDX-License-Identifier: MIT */
/* run_import.c — takes up a run of another registry: the checks that need this one's data sets, and the write. */
#include "daemon/experiments/experiments.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

typedef struct importing {
    run_done *done;
    void *context;
} importing;

static void stored(void *context, const store_answer *answer, const error *failure)
{
    importing *i = context;
    i->done(i->context, answer ? answer->id : NULL, answer && answer->fresh, failure);
    free(i);
}

/* The run as this registry has it: on its own name for these images. */
static bool adopt(const experiments *by, const run_row *row, run_row *ours, error *e)
{
    dataset_row set;
    if (!id_valid(row->id) || !id_valid(row->job))
        return error_set(e, ERROR_INVALID, "%s: \"%s\" is not a UUIDv7", id_valid(row->id) ? "job" : "id",
                         id_valid(row->id) ? row->job : row->id);
    if (!store_dataset_find(by->reader, row->subject.dataset_digest, row->subject.dataset, &set, e))
        return error_at(e, "dataset_digest");
    if (row->subject.class_name[0] && dataset_class(&set.info, row->subject.class_name) < 0)
        return error_set(e, ERROR_INVALID, "class: data set \"%s\" has no class \"%s\"", set.name,
                         row->subject.class_name);
    *ours = *row;
    memcpy(ours->subject.dataset, set.name, sizeof ours->subject.dataset);
    ours->imported = time_now();
    return true;
}

/* A trace is told by what it left; without epochs it leaves nothing. */
static bool was_traced(const run_row *row)
{
    if (!row->epochs)
        return true;
    json_t *detail = json_loads(row->detail, 0, NULL);
    bool traced = json_object_get(json_object_get(detail, "epochs"), "test_auroc") != NULL;
    json_decref(detail);
    return traced;
}

bool experiments_import_run(const experiments *by, const run_row *row, run_done *done, void *context, error *e)
{
    run_row ours;
    importing *i = malloc(sizeof *i);
    if (!i)
        return error_memory(e, "a run");
    *i = (importing){.done = done, .context = context};
    bool adopted = adopt(by, row, &ours, e);
    store_import write = {.run = &ours, .trace = adopted && was_traced(row)};
    store_reply reply = {.done = stored, .context = i};
    bool queued = adopted && store_run_import(by->store, &write, reply, e);
    if (!queued)
        free(i);
    return queued;
}
