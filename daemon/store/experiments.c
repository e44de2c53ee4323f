/* SPDX-License-Identifier: MIT */
/* experiments.c — sweeps and their cells: added with all their jobs in one transaction, or not at all. */
#include "daemon/store/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- adding */

void store_new_experiment_free(store_new_experiment *x)
{
    if (!x)
        return;
    for (int m = 0; m < x->spec.method_count && x->resolved; m++)
        free(x->resolved[m]);
    for (int m = 0; m < x->spec.method_count && x->presets; m++)
        free(x->presets[m]);
    free(x->resolved);
    free(x->presets);
    free(x->models);
    free(x->jobs);
    free(x->axes);
    experiment_spec_free(&x->spec);
    free(x);
}

static bool add_row(connection *c, const store_new_experiment *x, error *e)
{
    const experiment_spec *s = &x->spec;
    experiment_row row = {.created = x->created,
                          .held_out = s->held_out,
                          .test_images = s->test_images,
                          .trace = s->trace,
                          .reuse = s->reuse,
                          .all_classes = x->all_classes,
                          .axes = x->axes};
    memcpy(row.id, x->id, sizeof row.id);
    memcpy(row.name, s->name, sizeof row.name);
    memcpy(row.dataset, s->dataset, sizeof row.dataset);
    memcpy(row.dataset_digest, x->dataset_digest, sizeof row.dataset_digest);
    memcpy(row.protocol, s->protocol, sizeof row.protocol);
    query q = query_begin(c, SQL_EXPERIMENT_ADD);
    query_put_record(&q, &experiment_record, &row);
    return query_run(&q, e);
}

typedef struct place {
    int method, class_index, seed, position;
} place;

/* Of a succeeded job that did exactly what this cell asks, the newest, but rather one of this version; empty: there is
 * none. An option that another version's run did not record came with a later program: its preset is what that one
 * did. */
static bool find_twin(connection *c, const store_new_experiment *x, place p, char job[RECORD_ID_MAX], error *e)
{
    const experiment_spec *s = &x->spec;
    job[0] = 0;
    query q = query_begin(c, SQL_CELL_TWIN);
    query_put_text(&q, x->dataset_digest);
    query_put_text(&q, s->protocol);
    query_put_text(&q, s->classes[p.class_index]);
    query_put_text(&q, s->methods[p.method].method);
    query_put_int(&q, (int64_t)s->seeds[p.seed]);
    query_put_int(&q, s->methods[p.method].test_images);
    query_put_real(&q, s->methods[p.method].held_out);
    query_put_int(&q, s->trace);
    query_put_text(&q, x->code_version);
    query_put_int(&q, s->reuse == REUSE_ANY_VERSION);
    query_put_text(&q, x->resolved[p.method]);
    query_put_text(&q, x->presets[p.method]);
    if (query_step(&q))
        query_get_text(&q, job, RECORD_ID_MAX);
    return query_end(&q, e);
}

static bool add_job(connection *c, const store_new_experiment *x, place p, error *e)
{
    job_spec spec = experiment_cell_spec(&x->spec, p.method, p.class_index, p.seed);
    memcpy(spec.subject.dataset_digest, x->dataset_digest, sizeof spec.subject.dataset_digest);
    memcpy(spec.model, x->models[p.method], sizeof spec.model);
    const job_row row = job_queued(x->jobs[p.position], &spec, x->created);
    return job_insert(c, &row, e);
}

static bool add_cell(connection *c, const store_new_experiment *x, place p, error *e)
{
    const experiment_spec *s = &x->spec;
    char twin[RECORD_ID_MAX] = "";
    if (s->reuse && !find_twin(c, x, p, twin, e))
        return false;
    if (!twin[0] && !add_job(c, x, p, e))
        return false;
    query q = query_begin(c, SQL_CELL_ADD);
    query_put_text(&q, x->id);
    query_put_int(&q, p.position);
    query_put_text(&q, s->methods[p.method].method);
    query_put_text(&q, s->classes[p.class_index]);
    query_put_int(&q, (int64_t)s->seeds[p.seed]);
    query_put_text(&q, twin[0] ? twin : x->jobs[p.position]);
    query_put_int(&q, twin[0] != 0);
    return query_run(&q, e);
}

static bool add_apply(connection *c, void *arguments, store_answer *answer, error *e)
{
    store_new_experiment *const x = *(store_new_experiment **)arguments;
    const experiment_spec *s = &x->spec;
    const key_use key = {STORE_KEY_OF_EXPERIMENT, x->key, x->fingerprint, x->created};
    bool known;
    if (!key_find(c, &key, answer->id, &known, e))
        return false;
    if (known)
        return true;
    if (!add_row(c, x, e) || !key_add(c, &key, x->id, e))
        return false;
    place p = {0};
    for (p.seed = 0; p.seed < s->seed_count; p.seed++)
        for (p.class_index = 0; p.class_index < s->class_count; p.class_index++)
            for (p.method = 0; p.method < s->method_count; p.method++, p.position++)
                if (!add_cell(c, x, p, e))
                    return false;
    answer->fresh = true;
    snprintf(answer->id, sizeof answer->id, "%s", x->id);
    return true;
}

static void add_release(void *arguments)
{
    store_new_experiment_free(*(store_new_experiment **)arguments);
}

static const write_kind adding = {
    .what = "an experiment's rows", .apply = add_apply, .release = add_release, .size = sizeof(store_new_experiment *)};

bool store_experiment_add(store *s, store_new_experiment *x, store_reply reply, error *e)
{
    return store_queue(s, &adding, &x, reply, e);
}

/* ---- resuming */

typedef struct experiment_resume {
    store_resume resume;
    size_t jobs_size; /* bytes of its jobs */
} experiment_resume;

/* A cell whose job came to nothing. */
typedef struct lost_cell {
    int position;
    char job[RECORD_ID_MAX];
} lost_cell;

static bool find_lost(connection *c, const store_resume *r, lost_cell *lost, int *count, error *e)
{
    *count = 0;
    query q = query_begin(c, SQL_CELL_LOST);
    query_put_text(&q, r->id);
    while (*count < r->job_count && query_step(&q)) {
        lost[*count].position = (int)query_get_int(&q);
        query_get_text(&q, lost[*count].job, sizeof lost[*count].job);
        ++*count;
    }
    return query_end(&q, e);
}

/* Adds a job that asks for what job `lost` asked. */
static bool repeat_job(connection *c, const char *lost, const char *id, record_time created, error *e)
{
    job_row old = {0};
    query q = query_begin(c, SQL_JOB_GET);
    query_put_text(&q, lost);
    bool found = query_step(&q);
    if (found)
        query_get_record(&q, &job_record, &old);
    bool good = query_end(&q, e) && (found || error_set(e, ERROR_CORRUPT, "registry: job %s is missing", lost));
    const job_row row = job_queued(id, &old.spec, created);
    good = good && job_insert(c, &row, e);
    job_row_free(&old);
    return good;
}

static bool repeat_cell(connection *c, const store_resume *r, const lost_cell *lost, const char *job, error *e)
{
    if (!repeat_job(c, lost->job, job, r->created, e))
        return false;
    query cell = query_begin(c, SQL_CELL_JOB);
    query_put_text(&cell, r->id);
    query_put_int(&cell, lost->position);
    query_put_text(&cell, job);
    return query_run(&cell, e);
}

static bool resume_apply(connection *c, void *arguments, store_answer *answer, error *e)
{
    const store_resume *r = &((const experiment_resume *)arguments)->resume;
    int count = 0;
    lost_cell *lost = calloc((size_t)r->job_count + 1, sizeof *lost);
    bool good = lost ? find_lost(c, r, lost, &count, e) : error_memory(e, "an experiment's new jobs");
    for (int i = 0; good && i < count; i++)
        good = repeat_cell(c, r, &lost[i], r->jobs[i], e);
    free(lost);
    snprintf(answer->id, sizeof answer->id, "%s", r->id);
    return good;
}

static const write_kind resuming =
    WRITE("an experiment's new jobs", resume_apply, experiment_resume, WRITE_TEXT(experiment_resume, resume.id),
          {offsetof(experiment_resume, resume.jobs), offsetof(experiment_resume, jobs_size)});

bool store_experiment_resume(store *s, const store_resume *r, store_reply reply, error *e)
{
    return store_queue(s, &resuming, &(experiment_resume){*r, (size_t)r->job_count * sizeof *r->jobs}, reply, e);
}

/* ---- reading */

static const row_kind rows_of_experiments = {
    .cursor = 'e', .record = &experiment_record, .size = sizeof(experiment_row)};

static bool read_counts(store_reader *r, experiment_row *row, error *e)
{
    query q = query_begin(&r->on, SQL_EXPERIMENT_COUNTS);
    query_put_text(&q, row->id);
    return query_counts(&q, row->counts, e);
}

static uint64_t cells_of(const experiment_row *row)
{
    uint64_t n = 0;
    for (int s = 0; s < JOB_STATES; s++)
        n += row->counts[s];
    return n;
}

static bool read_cells(store_reader *r, experiment_row *row, error *e)
{
    uint64_t count = cells_of(row);
    row->cells = calloc(count + 1, sizeof *row->cells);
    if (!row->cells)
        return error_memory(e, "an experiment's cells");
    query q = query_begin(&r->on, SQL_CELL_LIST);
    query_put_text(&q, row->id);
    while ((uint64_t)row->cell_count < count && query_step(&q))
        query_get_record(&q, &cell_record, &row->cells[row->cell_count++]);
    /* The states may have moved on since they were counted. */
    memset(row->counts, 0, sizeof row->counts);
    for (int i = 0; i < row->cell_count; i++)
        row->counts[row->cells[i].state]++;
    return query_end(&q, e);
}

bool store_experiment_score(store_reader *r, experiment_row *row, const char *score, error *e)
{
    int found = 0;
    for (int i = 0; i < row->cell_count; i++)
        row->cells[i].auroc = NAN;
    query q = query_begin(&r->on, SQL_CELL_SCORES);
    query_put_text(&q, row->id);
    query_put_text(&q, score);
    while (query_step(&q)) {
        int64_t position = query_get_int(&q);
        if (position < 0 || position >= row->cell_count)
            continue;
        row->cells[position].auroc = query_get_real(&q);
        found++;
    }
    if (!query_end(&q, e))
        return false;
    snprintf(row->score, sizeof row->score, "%s", score);
    return found > 0 || error_set(e, ERROR_INVALID, "score: no run of the experiment has a score \"%.40s\"", score);
}

bool store_experiment_list(store_reader *r, record_page *page, experiment_row *rows, int *count, error *e)
{
    int64_t key;
    char id[RECORD_NAME_MAX];
    *count = 0;
    if (!cursor_read(page, &rows_of_experiments, &key, id, e))
        return false;
    query q = query_begin(&r->on, SQL_EXPERIMENT_LIST);
    query_put_text(&q, id);
    query_put_int(&q, page->limit + 1);
    bool good = query_page(page, &rows_of_experiments, &q, rows, count, e);
    for (int i = 0; good && i < *count; i++)
        good = read_counts(r, &rows[i], e);
    while (!good && *count)
        experiment_row_free(&rows[--*count]);
    return good;
}

bool store_experiment_get(store_reader *r, const char *id, experiment_row *row, error *e)
{
    bool found;
    query q = query_begin(&r->on, SQL_EXPERIMENT_GET);
    query_put_text(&q, id);
    if (!query_find(&q, &rows_of_experiments, row, &found, e))
        return false;
    if (!found)
        return error_set(e, ERROR_NOT_FOUND, "there is no experiment \"%s\"", id);
    if (read_counts(r, row, e) && read_cells(r, row, e))
        return true;
    experiment_row_free(row);
    return false;
}
