/* SPDX-License-Identifier: MIT */
/* run_json.c — the parts of a run that its table leaves to code: the scores by name, and the detail. */
#include "api/json/run_json.h"

#include <math.h>
#include <string.h>

enum { POINTS_MAX = 4096, EPOCHS_MAX = 1000000 };

/* ---- writing */

json_t *run_json(const run_row *row, enum record_view view)
{
    json_t *body = record_json(&run_record, row, view);
    if (view == RECORD_LISTED || !body)
        return body;
    json_t *scores = json_object();
    for (int i = 0; i < row->score_count; i++)
        json_object_set_new(scores, row->scores[i].name, record_json(&run_score_record, &row->scores[i], RECORD_WHOLE));
    json_object_set_new(body, "scores", scores);
    return body;
}

/* ---- scores */

static void read_scores(const fields *run, run_row *row)
{
    json_t *all = fields_value(run, "scores"), *one;
    const char *name;
    if (!all)
        return;
    if (!json_is_object(all) || json_object_size(all) > RECORD_SCORES_MAX) {
        fields_complain(run, "scores", "expected an object of at most %d scores", RECORD_SCORES_MAX);
        return;
    }
    json_object_foreach(all, name, one)
    {
        char pointer[JSON_POINTER_MAX];
        json_pointer(pointer, "/scores", name);
        run_score *s = &row->scores[row->score_count++];
        if (!*name || strlen(name) >= sizeof s->name)
            fields_complain(run, "scores", "'%.80s': expected a name of 1 to %zu bytes", name, sizeof s->name - 1);
        record_read(&run_score_record, one, pointer, s, run->problem);
        snprintf(s->name, sizeof s->name, "%s", name);
    }
}

/* ---- detail */

/* Two lists of as many numbers, not below 0 and at most `maximum`. */
static void check_pair(const fields *f, const char *first, const char *second, double maximum)
{
    const char *const names[] = {first, second};
    size_t length = json_array_size(fields_value(f, first));
    for (int i = 0; i < 2; i++) {
        json_t *list = fields_value(f, names[i]), *value;
        size_t at;
        bool good = json_is_array(list) && json_array_size(list) == length && length <= POINTS_MAX;
        json_array_foreach(list, at, value)
        {
            good =
                good && json_is_number(value) && json_number_value(value) >= 0 && json_number_value(value) <= maximum;
        }
        if (!good)
            fields_complain(f, names[i], "expected a list of at most %d numbers in 0 ... %g, as many as in the other",
                            POINTS_MAX, maximum);
    }
}

/* {"epoch": [1, …], NAME: [value or null, …], …} */
static bool series_valid(json_t *series)
{
    json_t *epochs = json_object_get(series, "epoch"), *list, *value;
    const char *name;
    size_t at, count = json_array_size(epochs);
    bool good = json_is_array(epochs) && count <= EPOCHS_MAX;
    json_object_foreach(series, name, list)
    {
        good = good && json_array_size(list) == count && *name && strlen(name) < RECORD_NAME_MAX;
        json_array_foreach(list, at, value)
        {
            good = good && (list == epochs ? json_is_integer(value) && json_integer_value(value) >= 0 &&
                                                 json_integer_value(value) <= EPOCHS_MAX
                                           : json_is_number(value) || json_is_null(value));
        }
    }
    return good;
}

static void read_detail(const fields *run, run_row *row)
{
    static const char *const names[] = {"roc", "histogram", "epochs", NULL};
    static const char *const of_roc[] = {"false_positive", "true_positive", NULL};
    static const char *const of_histogram[] = {"low", "high", "normal", "anomalous", NULL};
    json_t *detail = fields_value(run, "detail");
    fields f = fields_of(detail ? detail : json_null(), "/detail", names, run->problem);
    json_t *roc = fields_value(&f, "roc"), *histogram = fields_value(&f, "histogram"),
           *epochs = fields_value(&f, "epochs");
    if (roc) {
        fields r = fields_of(roc, "/detail/roc", of_roc, run->problem);
        check_pair(&r, of_roc[0], of_roc[1], 1);
    }
    if (histogram) {
        fields h = fields_of(histogram, "/detail/histogram", of_histogram, run->problem);
        check_pair(&h, of_histogram[2], of_histogram[3], UINT32_MAX);
        fields_number(&h, "low", -HUGE_VAL, HUGE_VAL, 0);
        fields_number(&h, "high", -HUGE_VAL, HUGE_VAL, 0);
    }
    if (epochs && !series_valid(epochs))
        fields_complain(&f, "epochs", "expected lists of numbers by name, each as long as that of \"epoch\"");
    row->detail = detail ? record_object_text(detail) : NULL;
}

void run_read(json_t *body, run_row *row, problem *p)
{
    *row = (run_row){0};
    record_read(&run_record, body, "", row, p);
    if (!json_is_object(body))
        return;
    const fields f = {.object = body, .pointer = "", .problem = p};
    read_scores(&f, row);
    read_detail(&f, row);
    if (!p->status && (!row->hyperparameters || !row->detail))
        problem_set(p, 503, "out of memory");
}
