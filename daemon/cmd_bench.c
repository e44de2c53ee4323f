/* SPDX-License-Identifier: MIT */
/*
 * cmd_bench.c — `anomalyd bench WORK`: how fast the core does a method's work on this machine, as one line of JSON.
 * Knows methods by their table alone.
 */
#include "base/blas.h"
#include "base/clock.h"
#include "daemon/cmd_argument.h"
#include "daemon/command.h"

#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARM_STEPS = 2, STEPS_LEAST = 3, STEPS_MOST = 100000, BATCH_MAX = 4096 };
static const double seconds_least = 0.001, seconds_most = 3600;

typedef struct request {
    const method *method;
    shape input; /* n is the batch */
    int threads;
    double seconds;
    settings set;
    bool profile, plan;
} request;

static void help(FILE *out)
{
    fputs("usage: anomalyd bench train|score [OPTION...]\n\n"
          "  --method NAME      (default ganomaly)\n"
          "  --shape HxWxC      images (default 32x32x3)\n"
          "  --batch N          images in a step, or in a search (default 64)\n"
          "  --set NAME=VALUE   an option of the method; may be repeated\n"
          "  --threads N        (default: the CPUs there are)\n"
          "  --seconds S        how long to measure (default 6)\n"
          "  --profile          also a table of time by operation; of a search, of one of its steps\n"
          "  --plan             also the program's operations with their places in memory\n\n"
          "Prints one JSON object: {\"work\", \"threads\", \"batch\", \"ms\", \"images_per_s\", ...}; ms is the "
          "median.\n",
          out);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Everything that a measurement runs on. */
typedef struct rig {
    team *team;
    model *model;
    void *self;
    program *program;
    search *search;
    float *scores; /* of a search */
    array *x;
    const method *method;
    bool trains;
} rig;

static bool make_scoring(rig *r, shape input, error *e)
{
    if (method_searches(r->method, r->self)) {
        r->search = r->method->search(r->self, r->model, input, e);
        r->program = r->search ? search_program(r->search) : NULL;
        r->scores = calloc((size_t)input.n, sizeof *r->scores);
        return r->program && (r->scores || error_memory(e, "scores"));
    }
    graph *g = model_graph(r->model, SCORE);
    if (!g)
        return error_memory(e, "a graph");
    t_output(r->method->score(r->self, r->model, g, t_leaf(g, r->x)), "score");
    r->program = program_compile(g, e);
    return r->program != NULL;
}

static bool rig_open(rig *r, const request *q, bool trains, error *e)
{
    *r = (rig){.method = q->method, .trains = trains};
    if (q->method->closed_form)
        return error_set(e, ERROR_UNSUPPORTED, "%s has no training steps to measure", q->method->id);
    r->team = team_new(q->threads, e);
    if (!r->team)
        return false;
    blas_warm(r->team);
    r->model = model_new(1, r->team, e);
    r->self = calloc(1, q->method->size);
    if (!r->model || !r->self)
        return r->model ? error_memory(e, q->method->id) : false;
    options_preset(q->method->options, r->self);
    for (size_t i = 0; i < q->set.count; i++)
        if (!options_set(q->method->options, r->self, q->set.all[i].name, q->set.all[i].value, e))
            return false;
    shape input = q->input;
    if (q->method->input && !q->method->input(r->self, q->input, &input, e))
        return false;
    input.n = q->input.n;
    r->x = model_array(r->model, "x", input);
    if (!r->x)
        return error_memory(e, "a batch");
    if (trains && !q->method->build(r->self, r->model, input, e))
        return false;
    random_uniform(random_stream(1, "bench"), 0, -1, 1, array_values(r->x), shape_size(input));
    if (!trains)
        return make_scoring(r, input, e);
    r->program = q->method->programs(r->self)[0];
    return true;
}

static void rig_close(rig *r)
{
    search_free(r->search);
    free(r->scores);
    model_free(r->model);
    free(r->self);
    team_free(r->team);
}

static bool turn(rig *r, uint64_t counter, error *e)
{
    size_t n = (size_t)array_shape(r->x).n;
    if (r->search)
        return search_run(r->search, NULL,
                          &(search_job){.images = array_values(r->x), .n = n, .out = {.score = r->scores}}, e);
    if (r->trains)
        r->method->step(r->self, counter);
    else
        program_run(r->program, counter);
    return true;
}

/* The times of as many turns as the seconds allow, sorted. */
static bool measure(rig *r, const request *q, double *took, int *count, error *e)
{
    uint64_t counter = 0;
    program_profile(r->program, q->profile);
    while (counter < WARM_STEPS)
        if (!turn(r, counter++, e))
            return false;
    double end = clock_now_s() + q->seconds;
    for (*count = 0; *count < STEPS_MOST && (*count < STEPS_LEAST || clock_now_s() < end); ++*count) {
        double start = clock_now_s();
        if (!turn(r, counter++, e))
            return false;
        took[*count] = clock_now_s() - start;
    }
    qsort(took, (size_t)*count, sizeof *took, by_value);
    return true;
}

static void print(const request *q, const rig *r, const double *took, int count)
{
    double median = took[count / 2];
    char work[128], what[64];
    snprintf(what, sizeof what,
             r->search   ? "score-%d-iterations"
             : r->trains ? "train"
                         : "score",
             r->search ? search_iterations(r->search) : 0);
    snprintf(work, sizeof work, "%s-%s-%dx%dx%d", q->method->id, what, q->input.h, q->input.w, q->input.c);
    json_t *line = json_pack("{s:s, s:i, s:i, s:f, s:f, s:f, s:f, s:i, s:f, s:f, s:s}", "work", work, "threads",
                             q->threads, "batch", q->input.n, "ms", round(median * 1e6) / 1e3, "images_per_s",
                             round(10 * q->input.n / median) / 10, "ms_min", round(took[0] * 1e6) / 1e3, "ms_max",
                             round(took[count - 1] * 1e6) / 1e3, "runs", count, "planned_mib",
                             (double)program_bytes(r->program) / 1048576, "unshared_mib",
                             (double)program_bytes_unshared(r->program) / 1048576, "blas_core", blas_core());
    char *text = line ? json_dumps(line, JSON_REAL_PRECISION(6)) : NULL;
    puts(text ? text : "{}");
    free(text);
    json_decref(line);
}

static bool read_shape(const char *text, shape *s)
{
    int used = 0;
    return sscanf(text, "%dx%dx%d%n", &s->h, &s->w, &s->c, &used) == 3 && text[used] == 0 && s->h > 0 && s->w > 0 &&
           s->c > 0 && s->h <= 4096 && s->w <= 4096 && s->c <= 4096;
}

static bool read_option(request *q, int letter)
{
    switch (letter) {
    case 'm':
        return argument_method("bench", optarg, &q->method);
    case 's': {
        shape s = {.n = q->input.n};
        bool good = read_shape(optarg, &s);
        if (!good)
            fprintf(stderr, "anomalyd bench: --shape: \"%s\" is not HEIGHTxWIDTHxCHANNELS\n", optarg);
        q->input = s;
        return good;
    }
    case 'b':
        return argument_count("bench", "batch", optarg, BATCH_MAX, &q->input.n);
    case 't':
        return argument_count("bench", "threads", optarg, TEAM_THREADS_MAX, &q->threads);
    case 'S':
        return argument_number("bench", "seconds", optarg, seconds_least, seconds_most, &q->seconds);
    case 'o':
        return argument_setting("bench", optarg, &q->set);
    case 'p':
        return q->profile = true;
    case 'P':
        return q->plan = true;
    default:
        return false;
    }
}

static bool read_options(request *q, int argc, char **argv)
{
    static const struct option long_options[] = {{"method", required_argument, NULL, 'm'},
                                                 {"shape", required_argument, NULL, 's'},
                                                 {"batch", required_argument, NULL, 'b'},
                                                 {"threads", required_argument, NULL, 't'},
                                                 {"seconds", required_argument, NULL, 'S'},
                                                 {"set", required_argument, NULL, 'o'},
                                                 {"profile", no_argument, NULL, 'p'},
                                                 {"plan", no_argument, NULL, 'P'},
                                                 {NULL, 0, NULL, 0}};
    int letter;
    while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        if (!read_option(q, letter))
            return false;
    if (optind < argc)
        fprintf(stderr, "anomalyd bench: \"%s\" is one argument too many\n", argv[optind]);
    return optind == argc;
}

static int run(int argc, char **argv)
{
    if (argc < 2 || !strcmp(argv[1], "--help")) {
        help(argc < 2 ? stderr : stdout);
        return argc < 2 ? EXIT_USAGE : 0;
    }
    bool trains = !strcmp(argv[1], "train");
    if (!trains && strcmp(argv[1], "score") != 0) {
        fprintf(stderr, "anomalyd bench: \"%s\" is not a work to measure; there are train and score\n", argv[1]);
        return EXIT_USAGE;
    }
    request q = {
        .method = method_find("ganomaly"), .input = {64, 32, 32, 3}, .threads = team_default_threads(), .seconds = 6};
    if (!read_options(&q, argc - 1, argv + 1)) {
        help(stderr);
        return EXIT_USAGE;
    }
    rig r;
    error e = {0};
    int count = 0;
    double *took = malloc(STEPS_MOST * sizeof *took);
    bool good =
        rig_open(&r, &q, trains, &e) && (took || error_memory(&e, "measurements")) && measure(&r, &q, took, &count, &e);
    if (good && q.plan)
        program_describe(r.program, stdout);
    if (good && q.profile)
        program_profile_print(r.program, stdout);
    if (good)
        print(&q, &r, took, count);
    else
        fprintf(stderr, "anomalyd bench: %s\n", e.message);
    free(took);
    rig_close(&r);
    return good ? 0 : 1;
}

const command command_bench = {
    .name = "bench", .summary = "measure this machine's speed at a method's work", .run = run};
