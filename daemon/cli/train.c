/* SPDX-License-Identifier: MIT */
/*
 * train.c — `anomalyd train SOURCE`: one training run in this process, without a daemon or a registry.
 * Prints progress as text and the result as one line of JSON.
 */
#include "api/json/json.h"
#include "base/blas.h"
#include "base/clock.h"
#include "base/memory.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/values.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_MAX_ = 4096, CHECKPOINT_S = 10 };

typedef struct request {
    const char *source, *class_name, *output;
    train_spec plan;
    flag_pairs set;
    struct train_option options[FLAG_PAIRS_MAX];
    uint64_t test_images;
    int threads;
    bool only_plan;
} request;

#define AT(member_) offsetof(request, member_)

static const flag train_flags[] = {
    FLAG("method", 0, PARSED, AT(plan.method), "NAME", "how it learns", .parse = parse_method, .preset = "ganomaly"),
    FLAG("protocol", 0, PARSED, AT(plan.protocol.protocol), "NAME", "one-class, one-vs-rest or unlabelled",
         .parse = parse_protocol, .preset = "one-class"),
    FLAG("class", 0, TEXT, AT(class_name), "NAME", "the normal class; for one-vs-rest the anomalous one"),
    FLAG("seed", 0, WHOLE, AT(plan.seed), "N", "of all that is drawn", .max = 9007199254740992.0, .preset = "0"),
    FLAG("held-out", 0, NUMBER, AT(plan.held_out), "SHARE",
         "share of the training normals that is kept for selection and calibration", .max = 0.8, .preset = "0.1"),
    FLAG("test-images", 0, WHOLE, AT(test_images), "N", "test on N images that the seed draws; 0: on all",
         .max = UINT32_MAX, .preset = "0"),
    FLAG("set", 0, PAIR, AT(set), "NAME=VALUE", "an option of the method; may be repeated"),
    FLAG("threads", 0, INT, AT(threads), "N", "threads that train", .min = 1, .max = TEAM_THREADS_MAX,
         .preset = "the CPUs there are"),
    FLAG("trace", 0, SWITCH, AT(plan.trace), NULL, "also the test AUROC of each epoch, which chooses nothing"),
    FLAG("output", 'o', TEXT, AT(output), "FILE", "where the model goes", .preset = "model.anomalyd"),
    FLAG("checkpoint", 0, TEXT, AT(plan.checkpoint_path), "FILE",
         "saves the run there now and then, and goes on from it where it is there"),
    FLAG("plan", 0, SWITCH, AT(only_plan), NULL, "print peak memory by part, and stop"),
    {0}};

static const usage train_usage = {
    .words = "train",
    .summary = "train a model from a data set, without a daemon",
    .operands = {"SOURCE"},
    .about = "SOURCE is a data set as downloaded: a folder of IDX files, a CIFAR-10 archive, folders of PNG.",
    .flags = train_flags};

/* Of what is printed while a run goes on: a terminal has one line that changes, a log a line now and then. */
typedef struct display {
    bool terminal;
    double progress_s;    /* when last */
    size_t planned_bytes; /* as the run said when it started */
} display;

static const double log_interval_s = 10;

static void show_progress(display *d, const train_event *ev)
{
    if (!d->terminal && clock_now_s() - d->progress_s < log_interval_s)
        return;
    d->progress_s = clock_now_s();
    fputs(d->terminal ? "\r\033[K" : "", stderr);
    if (ev->kind == TRAIN_EVALUATING)
        fprintf(stderr, "scored %llu/%llu", (unsigned long long)ev->scored, (unsigned long long)ev->to_score);
    else
        fprintf(stderr, "epoch %d/%d  step %llu/%llu", ev->epoch, ev->epochs, (unsigned long long)ev->step,
                (unsigned long long)ev->steps);
    if (isfinite(ev->eta_s))
        fprintf(stderr, "  %.0f images/s  %.0f s left", ev->images_s, ev->eta_s);
    if (!d->terminal)
        fputc('\n', stderr);
}

static void show(void *context, const train_event *ev)
{
    display *d = context;
    if (ev->kind == TRAIN_STARTED)
        d->planned_bytes = ev->footprint_bytes;
    if (ev->kind == TRAIN_PROGRESS || ev->kind == TRAIN_EVALUATING)
        show_progress(d, ev);
    if (ev->kind != TRAIN_EPOCH)
        return;
    fprintf(stderr, "%sepoch %d/%d", d->terminal ? "\r\033[K" : "", ev->epoch, ev->epochs);
    for (int i = 0; i < ev->value_count; i++)
        fprintf(stderr, "  %s %.5g", ev->values[i].name, ev->values[i].value);
    fputc('\n', stderr);
}

static bool never(void *context)
{
    (void)context;
    return false;
}

static json_t *scores(const train_result *r)
{
    json_t *all = json_object();
    for (size_t i = 0; i < r->score_count; i++) {
        const train_score *s = &r->scores[i];
        json_object_set_new(all, s->name,
                            json_pack("{s:o, s:o, s:o, s:o}", "auroc", json_number(s->auroc.value), "auroc_low",
                                      json_number(s->auroc.low), "auroc_high", json_number(s->auroc.high),
                                      "average_precision", json_number(s->average_precision)));
    }
    return all;
}

static json_t *mib(size_t bytes)
{
    return json_real(round((double)bytes / (1 << 20) * 10) / 10);
}

static void print_result(const request *q, const display *d, const train_result *r)
{
    json_t *o = json_object();
    json_object_set_new(o, "method", json_string(q->plan.method->id));
    json_object_set_new(o, "protocol", json_string(protocol_name(q->plan.protocol.protocol)));
    json_object_set_new(o, "class", json_name(q->class_name));
    json_object_set_new(o, "seed", json_integer((json_int_t)q->plan.seed));
    json_object_set_new(o, "test_normals", json_integer((json_int_t)r->test_normals));
    json_object_set_new(o, "test_anomalies", json_integer((json_int_t)r->test_anomalies));
    json_object_set_new(o, "duplicates_left_out", json_integer((json_int_t)r->left_out_count));
    json_object_set_new(o, "training_digest", json_string(r->training_digest));
    json_object_set_new(o, "auroc", json_number(r->auroc.value));
    json_object_set_new(o, "auroc_low", json_number(r->auroc.low));
    json_object_set_new(o, "auroc_high", json_number(r->auroc.high));
    json_object_set_new(o, "average_precision", json_number(r->average_precision));
    json_object_set_new(o, "scores", scores(r));
    json_object_set_new(o, "chosen_epoch", json_integer(r->chosen_epoch));
    json_object_set_new(o, "epochs", json_integer(r->epochs));
    json_object_set_new(o, "train_s", json_number(r->train_s));
    json_object_set_new(o, "score_s", json_number(r->score_s));
    json_object_set_new(o, "parameters", json_integer((json_int_t)r->parameters));
    json_object_set_new(o, "weights_digest", json_string(r->weights_digest));
    json_object_set_new(o, BLAS_KERNEL_KEY, json_string(r->blas_kernel));
    json_object_set_new(o, "threads", json_integer(r->threads));
    json_object_set_new(o, "planned_mib", mib(d->planned_bytes));
    json_object_set_new(o, "peak_mib", mib(memory_peak()));
    print_result_line(o, 6);
}

static bool train_on(request *q, const char *packed, error *e)
{
    dataset *d = dataset_open(packed, e);
    if (!d)
        return false;
    const dataset_info *info = dataset_facts(d);
    q->plan.protocol.class_index = q->class_name ? dataset_class(info, q->class_name) : -1;
    bool good = true;
    if (q->class_name && q->plan.protocol.class_index < 0)
        good = error_set(e, ERROR_NOT_FOUND, "%s has no class \"%s\"", q->source, q->class_name);
    team *t = good ? team_new(q->threads, e) : NULL;
    good = t != NULL;
    if (good)
        blas_warm(t);
    train_result *result = good ? calloc(1, sizeof *result) : NULL;
    if (good && !result)
        good = error_memory(e, "a result");
    display shown = {.terminal = isatty(STDERR_FILENO), .progress_s = clock_now_s()};
    const train_watch watch = {.context = &shown, .event = show, .cancelled = never};
    bool trained = good && !q->only_plan && train_run(&q->plan, d, t, &watch, result, e);
    if (shown.terminal)
        fputs("\r\033[K", stderr);
    if (good && q->only_plan)
        good = train_print_footprint(&q->plan, info, t, stdout, e);
    else if ((good = trained))
        print_result(q, &shown, result);
    else if (result && result->checkpoint_step)
        fprintf(stderr, "anomalyd train: the checkpoint of step %llu, from before it failed, is in %s\n",
                (unsigned long long)result->checkpoint_step, q->plan.checkpoint_path);
    free(result);
    team_free(t);
    dataset_free(d);
    return good;
}

static int run(int argc, char **argv)
{
    request q = {.output = "model.anomalyd", .threads = team_default_threads()};
    q.plan = (train_spec){.method = method_find("ganomaly"), .held_out = 0.1, .checkpoint_s = CHECKPOINT_S};
    q.plan.protocol.protocol = PROTOCOL_ONE_CLASS;
    command_line a;
    int status;
    if (!usage_read(&train_usage, argc, argv, &q, &a, &status))
        return status;
    q.source = a.operands[0];
    q.plan.protocol.test_images = (size_t)q.test_images;
    q.plan.options = q.options;
    q.plan.option_count = copy_pairs(&q.set, q.options);
    q.plan.model_path = q.output;
    char packed[PATH_MAX_];
    snprintf(packed, sizeof packed, "%s.data.partial", q.output);
    error e = {0};
    dataset_info *info = malloc(sizeof *info);
    bool good = info ? dataset_import(q.source, packed, info, &e) && train_on(&q, packed, &e)
                     : error_memory(&e, "a data set's facts");
    unlink(packed);
    free(info);
    return end_command("train", good, &e);
}

const command command_train = {.name = "train",
                               .summary = "train a model from a data set, without a daemon",
                               .usages = (const usage *const[]){&train_usage, NULL},
                               .run = run};
