/* SPDX-License-Identifier: MIT */
/*
 * bench.c — `anomalyd bench WORK`: how fast the core does a method's work on this machine, as one line of JSON.
 * Knows methods by their table alone.
 */
#include "daemon/cli/bench.h"

#include "base/blas.h"
#include "base/clock.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/values.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARM_STEPS = 2, STEPS_MIN = 3, STEPS_MAX = 100000, BATCH_MAX = 4096 };
static const double seconds_a_product = 0.05; /* of the floor */

enum work { WORK_TRAIN, WORK_SCORE, WORK_GEMM, WORKS };
static const char *const works[WORKS] = {"train", "score", "gemm"};

typedef struct request {
    enum work work;
    const method *method;
    shape input; /* n is the batch */
    int threads;
    double seconds;
    flag_pairs set;
    bool profile, plan;
} request;

static bool parse_shape(void *at, char *text, error *e)
{
    shape *s = at;
    int used = 0;
    if (sscanf(text, "%dx%dx%d%n", &s->h, &s->w, &s->c, &used) == 3 && text[used] == 0 && s->h > 0 && s->w > 0 &&
        s->c > 0 && s->h <= 4096 && s->w <= 4096 && s->c <= 4096)
        return true;
    return error_set(e, ERROR_INVALID, "\"%s\" is not HEIGHTxWIDTHxCHANNELS", text);
}

#define AT(member_) offsetof(request, member_)

static const flag bench_flags[] = {
    FLAG("method", 0, PARSED, AT(method), "NAME", "whose work it is", .parse = parse_method, .preset = "ganomaly"),
    FLAG("shape", 0, PARSED, AT(input), "HxWxC", "images", .parse = parse_shape, .preset = "32x32x3"),
    FLAG("batch", 0, INT, AT(input.n), "N", "images in a step, or in a search", .min = 1, .max = BATCH_MAX,
         .preset = "64"),
    FLAG("set", 0, PAIR, AT(set), "NAME=VALUE", "an option of the method; may be repeated"),
    FLAG("threads", 0, INT, AT(threads), "N", "threads that work", .min = 1, .max = TEAM_THREADS_MAX,
         .preset = "the CPUs there are"),
    FLAG("seconds", 0, NUMBER, AT(seconds), "S", "how long to measure", .min = 0.001, .max = 3600, .preset = "6"),
    FLAG("profile", 0, SWITCH, AT(profile), NULL, "also a table of time by operation; of a search, of its steps"),
    FLAG("plan", 0, SWITCH, AT(plan), NULL, "also the program's operations with their places in memory"),
    {0}};

#define BENCH_OF(words_, summary_)                                                                                   \
    {                                                                                                                \
        .words = words_, .summary = summary_, .flags = bench_flags,                                                  \
        .after = "Prints one JSON object: {\"work\", \"threads\", \"batch\", \"ms\", \"images_per_s\", ...}; ms is " \
                 "the median.\n"                                                                                     \
                 "For training also the floor's milliseconds and their share of the step's."                         \
    }
static const usage bench_usages[WORKS] = {
    [WORK_TRAIN] = BENCH_OF("bench train", "a step of training"),
    [WORK_SCORE] = BENCH_OF("bench score", "a batch that is scored, or a search"),
    [WORK_GEMM] = BENCH_OF("bench gemm", "the floor of a step: its matrix products one by one in OpenBLAS, on every "
                                         "thread at once")};

static void print_works(FILE *out)
{
    fputs("usage: anomalyd bench train|score|gemm [OPTION...]\n       anomalyd bench http URL [OPTION...]\n\n", out);
    for (int i = 0; i < WORKS; i++)
        fprintf(out, "  %-6s %s\n", works[i], bench_usages[i].summary);
    fprintf(out, "  %-6s %s\n\n`anomalyd bench WORK --help` lists the options.\n", "http", bench_http_usage.summary);
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
    program *program;         /* that scores */
    program *const *programs; /* all of them, ended by NULL */
    program *scoring[2];
    search *search;
    float *scores; /* of a search */
    array *x;
    const method *method;
    uint64_t turns;
} rig;

static bool make_scoring(rig *r, shape input, error *e)
{
    if (method_searches(r->method, r->self)) {
        r->search = r->method->search(r->self, r->model, input, e);
        r->program = r->scoring[0] = r->search ? search_program(r->search) : NULL;
        r->scores = calloc((size_t)input.n, sizeof *r->scores);
        return r->program && (r->scores || error_memory(e, "scores"));
    }
    graph *g = model_graph(r->model, SCORE);
    if (!g)
        return error_memory(e, "a graph");
    t_output(r->method->score(r->self, r->model, g, t_leaf(g, r->x)), "score");
    r->program = r->scoring[0] = program_compile(g, e);
    return r->program != NULL;
}

static bool rig_open(rig *r, const request *q, error *e)
{
    const bool trains = q->work != WORK_SCORE;
    *r = (rig){.method = q->method};
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
    r->programs = trains ? q->method->programs(r->self) : r->scoring;
    return trains || make_scoring(r, input, e);
}

static void rig_close(rig *r)
{
    search_free(r->search);
    free(r->scores);
    model_free(r->model);
    free(r->self);
    team_free(r->team);
}

static bool turn(rig *r, error *e)
{
    const uint64_t counter = r->turns++;
    size_t n = (size_t)array_shape(r->x).n;
    if (r->search)
        return search_run(r->search, NULL,
                          &(search_job){.images = array_values(r->x), .n = n, .out = {.score = r->scores}}, e);
    if (r->program)
        program_run(r->program, counter);
    else
        r->method->step(r->self, counter);
    return true;
}

/* The times of as many turns as the seconds allow, sorted. */
static bool measure(rig *r, const request *q, double *took, int *count, error *e)
{
    while (r->turns < WARM_STEPS)
        if (!turn(r, e))
            return false;
    for (int i = 0; r->programs[i]; i++)
        program_profile(r->programs[i], q->profile);
    double end = clock_now_s() + q->seconds;
    for (*count = 0; *count < STEPS_MAX && (*count < STEPS_MIN || clock_now_s() < end); ++*count) {
        double start = clock_now_s();
        if (!turn(r, e))
            return false;
        took[*count] = clock_now_s() - start;
    }
    qsort(took, (size_t)*count, sizeof *took, by_value);
    return true;
}

/* What the turns so far show a step of training to be made of. */
static bool measure_floor(const rig *r, step_floor *f, error *e)
{
    *f = (step_floor){.count = 0};
    for (int i = 0; r->programs[i]; i++)
        floor_add(f, r->programs[i], (double)program_runs(r->programs[i]) / (double)r->turns);
    return floor_measure(f, r->team, seconds_a_product, e);
}

/* To four digits, however small it is. */
static double rounded(double value)
{
    if (!(value > 0))
        return value;
    const double unit = pow(10, floor(log10(value)) - 3);
    return round(value / unit) * unit;
}

/* What any measurement says first. Returns new. */
static json_t *line_of(const request *q, const char *what)
{
    char work[160];
    snprintf(work, sizeof work, "%s-%s-%dx%dx%d", q->method->id, what, q->input.h, q->input.w, q->input.c);
    return json_pack("{s:s, s:i, s:i, s:s}", "work", work, "threads", q->threads, "batch", q->input.n, BLAS_KERNEL_KEY,
                     blas_kernel());
}

static json_t *describe_floor(const step_floor *f)
{
    return json_pack("{s:f, s:f, s:f}", "gflop", rounded(f->flops / 1e9), "floor_ms", rounded(f->seconds * 1e3),
                     "floor_gflop_per_s", rounded(f->flops / f->seconds / 1e9));
}

static json_t *describe_times(const request *q, const rig *r, const double *took, int count)
{
    const double median = took[count / 2];
    size_t planned = 0, unshared = 0;
    for (int i = 0; r->programs[i]; i++) {
        planned += program_bytes(r->programs[i]);
        unshared += program_bytes_unshared(r->programs[i]);
    }
    return json_pack("{s:f, s:f, s:f, s:f, s:i, s:f, s:f}", "ms", rounded(median * 1e3), "images_per_s",
                     rounded(q->input.n / median), "ms_min", rounded(took[0] * 1e3), "ms_max",
                     rounded(took[count - 1] * 1e3), "runs", count, "planned_mib", (double)planned / 1048576,
                     "unshared_mib", (double)unshared / 1048576);
}

/* `f` is NULL where there is no floor to tell. */
static void print(const request *q, const rig *r, const double *took, int count, const step_floor *f)
{
    char what[64];
    snprintf(what, sizeof what,
             r->search    ? "score-%d-iterations"
             : r->program ? "score"
                          : "train",
             r->search ? search_iterations(r->search) : 0);
    json_t *line = line_of(q, what);
    json_object_update_new(line, describe_times(q, r, took, count));
    if (f) {
        const double median = took[count / 2];
        json_object_update_new(line, describe_floor(f));
        json_object_update_new(line, json_pack("{s:f, s:f}", "gflop_per_s", rounded(f->flops / median / 1e9),
                                               "share_of_floor", rounded(f->seconds / median)));
    }
    print_result_line(line, 6);
}

static bool bench_gemm(const request *q, rig *r, error *e)
{
    step_floor f;
    if (!turn(r, e) || !measure_floor(r, &f, e))
        return false;
    json_t *line = line_of(q, "gemm");
    json_object_update_new(line, describe_floor(&f));
    json_object_set_new(line, "products", floor_json(&f));
    print_result_line(line, 6);
    return true;
}

static bool bench_times(const request *q, rig *r, error *e)
{
    step_floor f;
    int count = 0;
    double *took = malloc(STEPS_MAX * sizeof *took);
    bool good = took ? measure(r, q, took, &count, e) : error_memory(e, "measurements");
    good = good && (q->work != WORK_TRAIN || measure_floor(r, &f, e));
    for (int i = 0; good && r->programs[i]; i++) {
        if (q->plan)
            program_describe(r->programs[i], stdout);
        if (q->profile)
            program_profile_print(r->programs[i], stdout);
    }
    if (good)
        print(q, r, took, count, q->work == WORK_TRAIN ? &f : NULL);
    free(took);
    return good;
}

static bool read_work(const char *text, enum work *out)
{
    for (int i = 0; i < WORKS; i++)
        if (!strcmp(text, works[i])) {
            *out = (enum work)i;
            return true;
        }
    fprintf(stderr, "anomalyd bench: \"%s\" is not a work to measure; there are train, score, gemm and http\n", text);
    return false;
}

static int run(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "http"))
        return bench_http(argc - 1, argv + 1);
    if (argc < 2 || !strcmp(argv[1], "--help")) {
        print_works(argc < 2 ? stderr : stdout);
        return argc < 2 ? EXIT_USAGE : 0;
    }
    request q = {
        .method = method_find("ganomaly"), .input = {64, 32, 32, 3}, .threads = team_default_threads(), .seconds = 6};
    if (!read_work(argv[1], &q.work))
        return EXIT_USAGE;
    command_line a;
    int status;
    if (!usage_read(&bench_usages[q.work], argc - 1, argv + 1, &q, &a, &status))
        return status;
    rig r;
    error e = {0};
    bool good = rig_open(&r, &q, &e) && (q.work == WORK_GEMM ? bench_gemm(&q, &r, &e) : bench_times(&q, &r, &e));
    rig_close(&r);
    return end_command("bench", good, &e);
}

const command command_bench = {.name = "bench",
                               .summary = "measure this machine's speed at a method's work",
                               .usages = (const usage *const[]){&bench_usages[WORK_TRAIN], &bench_usages[WORK_SCORE],
                                                                &bench_usages[WORK_GEMM], &bench_http_usage, NULL},
                               .run = run};
