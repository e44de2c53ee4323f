/* SPDX-License-Identifier: MIT */
/* experiment.c — see experiment.h. */
#include "api/records/experiment.h"

#include <stdlib.h>
#include <string.h>

void experiment_spec_free(experiment_spec *spec)
{
    for (int i = 0; i < spec->method_count && spec->methods; i++)
        free(spec->methods[i].hyperparameters);
    free(spec->methods);
    free(spec->classes);
    free(spec->seeds);
    spec->methods = NULL;
    spec->classes = NULL;
    spec->seeds = NULL;
}

job_spec experiment_cell_spec(const experiment_spec *spec, int method, int class_index, int seed)
{
    const experiment_method *m = &spec->methods[method];
    job_spec job = {
        .subject = {.seed = spec->seeds[seed], .held_out = m->held_out, .test_images = m->test_images},
        .trace = spec->trace,
        .hyperparameters = m->hyperparameters,
    };
    memcpy(job.subject.method, m->method, sizeof job.subject.method);
    memcpy(job.subject.dataset, spec->dataset, sizeof job.subject.dataset);
    memcpy(job.subject.protocol, spec->protocol, sizeof job.subject.protocol);
    memcpy(job.subject.class_name, spec->classes[class_index], sizeof job.subject.class_name);
    return job;
}

void experiment_row_free(experiment_row *row)
{
    for (int i = 0; i < row->cell_count && row->cells; i++)
        record_free(&cell_record, &row->cells[i]);
    free(row->cells);
    row->cells = NULL;
    record_free(&experiment_record, row);
}
