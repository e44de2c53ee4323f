/* SPDX-License-Identifier: MIT */
/* experiments.c — see experiments.h. */
#include "daemon/experiments/experiments.h"

#include "api/json/experiment_read.h"
#include "base/digest.h"
#include "base/version.h"
#include "daemon/platform/log.h"
#include "daemon/worker/wire.h"

#include <stdlib.h>
#include <string.h>

typedef struct request {
    experiments *owner;
    char id[RECORD_ID_MAX];
    store_new_experiment *x; /* of a submission, until the store has it */
    dataset_info *info;
    size_t reserved; /* places that are kept for its jobs */
    int waiting;     /* of a cancellation: for answers, and for the next turn of the loop, before which none is given */
    experiment_done *done;
    void *context;
    error e;
} request;

static void request_free(request *r)
{
    jobs_release(r->owner->jobs, r->reserved);
    store_new_experiment_free(r->x);
    free(r->info);
    free(r);
}

static void request_fail(request *r)
{
    r->done(r->context, NULL, &r->e);
    request_free(r);
}

static bool reserve(request *r, size_t count, error *e)
{
    if (!jobs_reserve(r->owner->jobs, count, e))
        return false;
    r->reserved = count;
    return true;
}

static request *request_new(experiments *owner, const char *id, experiment_done *done, void *context, error *e)
{
    request *r = calloc(1, sizeof *r);
    if (!r) {
        error_memory(e, "an experiment");
        return NULL;
    }
    *r = (request){.owner = owner, .done = done, .context = context};
    snprintf(r->id, sizeof r->id, "%s", id);
    return r;
}

/* Opens the experiment's queued jobs. */
static void adopt_jobs(experiments *o, const char *id)
{
    error e = {0};
    experiment_row row;
    if (!store_experiment_get(o->reader, id, &row, &e)) {
        log_line(LOG_LEVEL_ERROR, "experiment %s: its jobs wait for a restart: %s", id, e.message);
        return;
    }
    for (int i = 0; i < row.cell_count; i++)
        if (row.cells[i].state == JOB_QUEUED && !jobs_adopt(o->jobs, row.cells[i].job, &e))
            log_line(LOG_LEVEL_ERROR, "job %s: waits for a restart: %s", row.cells[i].job, e.message);
    experiment_row_free(&row);
}

static void stored(void *context, const store_answer *answer, const error *failure)
{
    request *r = context;
    if (failure) {
        r->e = *failure;
        request_fail(r);
        return;
    }
    adopt_jobs(r->owner, answer->id);
    r->done(r->context, answer->id, NULL);
    request_free(r);
}

/* ---- submitting */

static bool copy_spec(experiment_spec *to, const experiment_spec *from, const dataset_info *info)
{
    *to = *from;
    bool all = from->class_count == 0;
    to->class_count = all ? info->classes : from->class_count;
    size_t methods = (size_t)to->method_count, classes = (size_t)to->class_count, seeds = (size_t)to->seed_count;
    to->methods = calloc(methods, sizeof *to->methods);
    to->classes = calloc(classes, sizeof *to->classes);
    to->seeds = calloc(seeds, sizeof *to->seeds);
    bool good = to->methods && to->classes && to->seeds;
    if (good) {
        memcpy(to->classes, all ? info->class_names : from->classes, classes * sizeof *to->classes);
        memcpy(to->seeds, from->seeds, seeds * sizeof *to->seeds);
    }
    for (size_t m = 0; good && m < methods; m++) {
        const char *given = from->methods[m].hyperparameters;
        to->methods[m] = from->methods[m];
        good = (to->methods[m].hyperparameters = strdup(given ? given : "{}")) != NULL;
    }
    return good;
}

/* Works out the options of each method, and checks that every class can be trained. */
static void check_cells(void *context) /* pool thread */
{
    request *r = context;
    store_new_experiment *x = r->x;
    for (int m = 0; m < x->spec.method_count; m++) {
        for (int c = 0; c < x->spec.class_count; c++) {
            job_spec spec = experiment_cell_spec(&x->spec, m, c, 0);
            wire_plan plan;
            bool good = wire_plan_make(&plan, &spec, r->info, &r->e) && train_check(&plan.train, r->info, &r->e);
            if (good && c == 0 &&
                (!(x->resolved[m] = wire_options(&plan)) || !(x->presets[m] = wire_presets(plan.train.method))))
                good = error_memory(&r->e, "a method's options");
            wire_plan_free(&plan);
            if (!good) {
                error_at(&r->e, "%s, class %s", spec.subject.method, spec.subject.class_name);
                return;
            }
        }
    }
}

/* The overrides by method, or NULL if there are none. Returns new. */
static json_t *overrides_json(const experiment_spec *s)
{
    json_t *all = NULL;
    for (int i = 0; i < s->method_count; i++) {
        const experiment_method *m = &s->methods[i];
        if (!m->overrides_held_out && !m->overrides_test_images)
            continue;
        json_t *own = json_object();
        if (m->overrides_held_out)
            json_object_set_new(own, "held_out", json_real(m->held_out));
        if (m->overrides_test_images)
            json_object_set_new(own, "test_images", json_integer(m->test_images));
        if (!all)
            all = json_object();
        json_object_set_new(all, m->method, own);
    }
    return all;
}

/* Without overrides the bytes, and so the fingerprint, are those of a program that knew no overrides. */
static json_t *axes_json(const experiment_spec *s)
{
    json_t *methods = json_array(), *classes = json_array(), *seeds = json_array(), *options = json_object();
    for (int m = 0; m < s->method_count; m++) {
        json_array_append_new(methods, json_string(s->methods[m].method));
        json_object_set_new(options, s->methods[m].method, json_loads(s->methods[m].hyperparameters, 0, NULL));
    }
    for (int c = 0; c < s->class_count; c++)
        json_array_append_new(classes, json_string(s->classes[c]));
    for (int i = 0; i < s->seed_count; i++)
        json_array_append_new(seeds, json_integer((json_int_t)s->seeds[i]));
    return json_pack("{s:o, s:o, s:o, s:o, s:o*}", "methods", methods, "classes", classes, "seeds", seeds,
                     "hyperparameters", options, "overrides", overrides_json(s));
}

/* SHA-256 over the whole request. */
static bool fingerprint(store_new_experiment *x, error *e)
{
    const experiment_spec *s = &x->spec;
    json_t *axes = axes_json(s);
    x->axes = axes ? json_dumps(axes, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:f, s:I, s:b, s:o, s:b, s:o}", "name", s->name, "dataset", s->dataset, "protocol",
                  s->protocol, "held_out", s->held_out, "test_images", (json_int_t)s->test_images, "trace",
                  (int)s->trace, "reuse", experiment_reuse_json(s->reuse), "all", (int)x->all_classes, "axes", axes);
    char *text = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(o);
    if (!text || !x->axes) {
        free(text);
        return error_memory(e, "an experiment's fingerprint");
    }
    digest_sha256_hex(text, strlen(text), x->fingerprint);
    free(text);
    return true;
}

/* NAME-METHOD or, without a name, DATASET-METHOD. */
static bool name_models(store_new_experiment *x, error *e)
{
    const experiment_spec *s = &x->spec;
    const char *first = s->name[0] ? s->name : s->dataset;
    for (int m = 0; m < s->method_count; m++) {
        int n = snprintf(x->models[m], sizeof x->models[m], "%s-%s", first, s->methods[m].method);
        if (n >= (int)sizeof x->models[m] || !name_valid(x->models[m]))
            return error_set(e, ERROR_INVALID, "name: \"%.40s-%s\" is too long for a model's name", first,
                             s->methods[m].method);
    }
    return true;
}

static bool prepare(request *r, const experiment_spec *spec, const char *key, error *e)
{
    experiments *o = r->owner;
    dataset_row set;
    if (!name_valid(spec->dataset))
        return error_set(e, ERROR_NOT_FOUND, "there is no data set \"%s\"", spec->dataset);
    if (!store_dataset_get(o->reader, spec->dataset, &set, e))
        return false;
    r->info = malloc(sizeof *r->info);
    store_new_experiment *x = r->x = calloc(1, sizeof *x);
    if (!r->info || !x || !copy_spec(&x->spec, spec, &set.info))
        return error_memory(e, "an experiment");
    *r->info = set.info;
    int cells = x->spec.method_count * x->spec.class_count * x->spec.seed_count;
    if (cells > EXPERIMENT_CELLS_MAX)
        return error_set(e, ERROR_INVALID, "methods, classes and seeds make %d cells; at most %d", cells,
                         EXPERIMENT_CELLS_MAX);
    bool known = key && store_key_known(o->reader, STORE_KEY_OF_EXPERIMENT, key);
    if (!reserve(r, known ? 0 : (size_t)cells, e))
        return false;
    x->all_classes = x->spec.class_count == set.info.classes;
    snprintf(x->dataset_digest, sizeof x->dataset_digest, "%s", set.info.digest);
    snprintf(x->code_version, sizeof x->code_version, "%s", version_text());
    snprintf(x->key, sizeof x->key, "%s", key ? key : "");
    x->resolved = calloc((size_t)x->spec.method_count, sizeof *x->resolved);
    x->presets = calloc((size_t)x->spec.method_count, sizeof *x->presets);
    x->models = calloc((size_t)x->spec.method_count, sizeof *x->models);
    x->jobs = calloc((size_t)cells, sizeof *x->jobs);
    if (!x->resolved || !x->presets || !x->models || !x->jobs)
        return error_memory(e, "an experiment");
    x->created = time_now();
    id_make(o->ids, x->id);
    for (int i = 0; i < cells; i++)
        id_make(o->ids, x->jobs[i]);
    return name_models(x, e) && fingerprint(x, e);
}

static void checked(void *context)
{
    request *r = context;
    if (r->e.code) {
        request_fail(r);
        return;
    }
    store_new_experiment *x = r->x;
    r->x = NULL;
    if (!store_experiment_add(r->owner->store, x, (store_reply){.done = stored, .context = r}, &r->e))
        request_fail(r);
}

bool experiments_submit(experiments *o, const experiment_spec *spec, const char *key, experiment_done *done,
                        void *context, error *e)
{
    request *r = request_new(o, "", done, context, e);
    if (!r)
        return false;
    if (prepare(r, spec, key, e) &&
        (loop_try_offload(o->loop, check_cells, checked, r) || error_memory(e, "an experiment")))
        return true;
    request_free(r);
    return false;
}

/* ---- resuming and cancelling */

/* Reads the experiment, and begins what changes it. */
static bool change(experiments *o, const char *id, bool (*begin)(request *r, const experiment_row *row, error *e),
                   experiment_done *done, void *context, error *e)
{
    request *r = request_new(o, id, done, context, e);
    experiment_row row;
    if (!r)
        return false;
    bool begun = store_experiment_get(o->reader, id, &row, e);
    if (begun) {
        begun = begin(r, &row, e);
        experiment_row_free(&row);
    }
    if (!begun)
        request_free(r);
    return begun;
}

/* New jobs for the cells that failed or were cancelled. */
static bool resume(request *r, const experiment_row *row, error *e)
{
    experiments *o = r->owner;
    int lost = (int)(row->counts[JOB_FAILED] + row->counts[JOB_CANCELLED]);
    char(*ids)[RECORD_ID_MAX] = calloc((size_t)lost + 1, sizeof *ids);
    if (!ids)
        return error_memory(e, "an experiment's new jobs");
    for (int i = 0; i < lost; i++)
        id_make(o->ids, ids[i]);
    store_resume lost_cells = {.id = r->id, .created = time_now(), .jobs = ids, .job_count = lost};
    store_reply reply = {.done = stored, .context = r};
    bool begun = reserve(r, (size_t)lost, e) && store_experiment_resume(o->store, &lost_cells, reply, e);
    free(ids);
    return begun;
}

bool experiments_resume(experiments *o, const char *id, experiment_done *done, void *context, error *e)
{
    return change(o, id, resume, done, context, e);
}

static void cancel_step(void *context)
{
    request *r = context;
    if (--r->waiting)
        return;
    if (r->e.code) {
        request_fail(r);
        return;
    }
    r->done(r->context, r->id, NULL);
    request_free(r);
}

/* A conflict is a cell that ended meanwhile. */
static void note_failure(request *r, const error *failure)
{
    if (failure && failure->code != ERROR_CONFLICT)
        r->e = *failure;
}

static void cell_cancelled(void *context, const job_row *row, const error *failure)
{
    (void)row;
    note_failure(context, failure);
    cancel_step(context);
}

/* Cancels the cells that have not ended. The queue starts none in between, for it waits for its turn of the loop. */
static bool cancel(request *r, const experiment_row *row, error *e)
{
    r->waiting = 1;
    if (!loop_try_defer(r->owner->loop, cancel_step, r))
        return error_memory(e, "a cancellation");
    for (int i = 0; i < row->cell_count; i++) {
        enum job_state state = row->cells[i].state;
        if (state != JOB_QUEUED && state != JOB_RUNNING)
            continue;
        error failure = {0};
        r->waiting++; /* before the call: when memory is out its callback comes within it */
        if (!jobs_cancel(r->owner->jobs, row->cells[i].job, cell_cancelled, r, &failure)) {
            r->waiting--;
            note_failure(r, &failure);
        }
    }
    return true;
}

bool experiments_cancel(experiments *o, const char *id, experiment_done *done, void *context, error *e)
{
    return change(o, id, cancel, done, context, e);
}

/* ---- progress */

bool experiments_get(experiments *o, const char *id, experiment_row *row, error *e)
{
    if (!store_experiment_get(o->reader, id, row, e))
        return false;
    job_pace *paces = malloc(((size_t)row->cell_count + 1) * sizeof *paces);
    if (!paces) {
        experiment_row_free(row);
        return error_memory(e, "an experiment's progress");
    }
    for (int i = 0; i < row->cell_count; i++)
        paces[i] = row->cells[i].state == JOB_RUNNING ? jobs_pace(o->jobs, row->cells[i].job) : job_pace_unknown;
    row->eta_s = experiments_eta(row, paces, jobs_capacity(o->jobs));
    free(paces);
    return true;
}
