/* SPDX-License-Identifier: MIT */
/*
 * test_methods.c — what every method promises, over a table of all of them: a step has the same bits at any number of
 * threads and allocates nothing, a score has the same bits in any company, an interrupted run ends as an uninterrupted
 * one does, and the model file scores as the run did. A method without a row fails.
 */
#include "allocations.h"
#include "bars.h"
#include "base/blas.h"
#include "search_trial.h"

/* Pairs of name and value, ended by NULL. */
#define OPTIONS(...)      \
    (const char *const[]) \
    {                     \
        __VA_ARGS__, NULL \
    }
#define NONE              \
    (const char *const[]) \
    {                     \
        NULL              \
    }

enum { OPTIONS_MAX = 12, PAUSES_MAX = 4, EPOCHS_MAX = 5, TOLD_MAX = 1024 };

typedef struct subject {
    const char *id;

    /* Of single steps, wide enough for several chunks; NULL: none are taken. */
    const char *const *step_options;
    shape input;
    uint64_t steps, steps_an_epoch; /* the latter as a trainer would set it; 0: nobody does */

    /* Of a run on the bars, eight steps an epoch; NULL: none is made. It is cancelled after so many steps, then after
     * so many more, and so on. */
    const char *const *run_options;
    int pauses[PAUSES_MAX];
} subject;

#define WIDE_ENCODER "width", "4", "latent", "6", "iterations", "5", "epochs", "3", "encoder"
#define RUN_ANOGAN \
    "width", "8", "latent", "8", "batch", "16", "rate", "1e-3", "search_rate", "0.1", "average_decay", "0.9"
#define RUN_ENCODER RUN_ANOGAN, "iterations", "5", "epochs", "5", "encoder_epochs", "2", "encoder"
#define CLIPPED "width", "4", "latent", "6", "encirclement", "logarithm", "clip", "0.01"
#define OCGAN "width", "4", "width_visual", "3", "latent", "6"

static const subject subjects[] = {
    {"ganomaly",
     OPTIONS("width", "16"),
     {16, 32, 32, 3},
     .steps = 4,
     .run_options = OPTIONS("width", "4", "latent", "6", "batch", "16", "epochs", "3", "rate", "0.0002"),
     .pauses = {4, 4, 9}},
    {"alad",
     OPTIONS("width", "8"),
     {8, 28, 28, 1},
     .steps = 3,
     .run_options = OPTIONS("width", "4", "latent", "6", "batch", "16", "epochs", "2", "average_decay", "0.9"),
     .pauses = {5, 6}},
    {"anogan",
     OPTIONS("width", "8", "iterations", "5"),
     {8, 28, 28, 1},
     .steps = 3,
     .run_options = OPTIONS(RUN_ANOGAN, "iterations", "20", "epochs", "3"),
     .pauses = {7, 7, 7, 7}}, /* the last of them in the midst of the searches */
    {"anogan",
     OPTIONS(WIDE_ENCODER, "warm"),
     {8, 28, 28, 1},
     .steps = 8,
     .steps_an_epoch = 2,
     .run_options = OPTIONS(RUN_ENCODER, "warm"),
     .pauses = {13, 13, 13, 13}}, /* the third in the encoder's epochs */
    {"anogan",
     OPTIONS(WIDE_ENCODER, "score"),
     {8, 28, 28, 1},
     .steps = 8,
     .steps_an_epoch = 2,
     .run_options = OPTIONS(RUN_ENCODER, "score"),
     .pauses = {13, 13, 13}},
    {"fencegan",
     OPTIONS("width", "4", "latent", "6"),
     {16, 28, 28, 1},
     .steps = 4,
     .run_options = OPTIONS("width", "4", "latent", "6", "batch", "16", "epochs", "3", "pretrain", "1"),
     .pauses = {4, 5, 9}}, /* in pretraining, after its end, and in the last epoch */
    {"fencegan", OPTIONS("width", "4", "latent", "6"), {16, 32, 32, 3}, .steps = 4},
    {"fencegan", OPTIONS(CLIPPED), {16, 28, 28, 1}, .steps = 4},
    {"fencegan", OPTIONS(CLIPPED), {16, 32, 32, 3}, .steps = 4},
    {"ocgan",
     OPTIONS("width", "16", "width_visual", "6", "mining_from", "1", "dropout", "0.5"),
     {16, 28, 28, 3},
     .steps = 3,
     .run_options = OPTIONS(OCGAN, "batch", "16", "epochs", "3", "mining_from", "10", "dropout", "0.5"),
     .pauses = {5, 3, 4}}, /* before mining, at the end of an epoch, and when mining has begun */
    {"ocgan", OPTIONS(OCGAN, "score", "reconstruction"), {16, 28, 28, 1}, .steps = 3},
    {"ocgan", OPTIONS(OCGAN, "score", "visual"), {16, 28, 28, 1}, .steps = 3},
    {"kde", .run_options = OPTIONS("preprocess", "raw", "pca", "false", "bandwidth", "0.5")},
    {"kde", .run_options = OPTIONS("bandwidth", "0.3")},
    {"kde", .run_options = NONE},
    {"pca", .run_options = NONE},
};
#define EACH_SUBJECT(s_)                                \
    const subject *s_ = subjects;                       \
    s_ < subjects + sizeof subjects / sizeof *subjects; \
    s_++

static void every_method_has_a_row(void **state)
{
    (void)state;
    for (const method *const *m = method_all(); *m; m++) {
        bool steps = false, run = false;
        for (EACH_SUBJECT(s)) {
            steps |= !strcmp(s->id, (*m)->id) && s->step_options;
            run |= !strcmp(s->id, (*m)->id) && s->run_options;
        }
        if (!run || steps == (*m)->closed_form)
            fail_msg("%s: a row with options for a run%s is needed", (*m)->id,
                     (*m)->closed_form ? "" : " and for steps");
    }
}

/* --- steps --- */

static void open_steps(trial *t, const subject *s, int threads)
{
    trial_open(t, s->id, threads, s->input, s->step_options);
    ((struct method_state *)t->self)->steps_an_epoch = s->steps_an_epoch;
}

static void take_steps(trial *t, uint64_t from, uint64_t to)
{
    for (uint64_t step = from; step < to; step++)
        t->how->step(t->self, step);
}

static void weights_have_the_same_bits_at_any_number_of_threads(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 1};
    for (EACH_SUBJECT(s)) {
        char digests[4][65];
        for (int i = 0; i < 4 && s->step_options; i++) {
            trial t;
            open_steps(&t, s, threads[i]);
            take_steps(&t, 0, s->steps);
            model_digest(t.m, digests[i]);
            trial_close(&t);
            if (strcmp(digests[0], digests[i]) != 0)
                fail_msg("%s: other weights by %d threads", s->id, threads[i]);
        }
    }
}

static void steps_and_searches_allocate_nothing(void **state)
{
    (void)state;
    enum { FIRST = 2, MORE = 4, SLOTS = 3 };
    for (EACH_SUBJECT(s)) {
        if (!s->step_options)
            continue;
        trial t;
        open_steps(&t, s, 2);
        float scores[16];
        search *slots = method_searches(t.how, t.self) ? search_of(&t, SLOTS) : NULL;
        take_steps(&t, 0, FIRST);
        if (slots)
            find(slots, t.x->values, (size_t)s->input.n, scores);
        size_t before = allocations_made();
        assert_true(before > 0);
        take_steps(&t, FIRST, FIRST + MORE);
        if (slots)
            find(slots, t.x->values, (size_t)s->input.n, scores);
        if (allocations_made() != before)
            fail_msg("%s: %zu allocations", s->id, allocations_made() - before);
        search_free(slots);
        trial_close(&t);
    }
}

/* Scores of the first n images of "x", by a program of their own. */
static void score_first(trial *t, int n, float *scores)
{
    char name[16];
    snprintf(name, sizeof name, "first%d", n);
    shape s = t->x->s;
    s.n = n;
    array *x = model_array(t->m, name, s);
    graph *g = model_graph(t->m, SCORE);
    assert_true(x && g);
    t_output(t->how->score(t->self, t->m, g, t_leaf(g, x)), "score");
    program *p = program_compile(g, &t->e);
    if (!p)
        fail_msg("%s", t->e.message);
    memcpy(x->values, t->x->values, shape_size(s) * sizeof(float));
    program_run(p, 0);
    shape found;
    memcpy(scores, program_output(p, "score", &found), (size_t)n * sizeof *scores);
    assert_int_equal(shape_size(found), n);
}

static void a_score_has_the_same_bits_in_a_batch_of_any_size(void **state)
{
    (void)state;
    for (EACH_SUBJECT(s)) {
        if (!s->step_options)
            continue;
        trial t;
        open_steps(&t, s, 2);
        take_steps(&t, 0, s->steps);
        if (!method_searches(t.how, t.self)) { /* whose images are apart: see test_anogan.c */
            float one[1], seven[7], all[16];
            score_first(&t, 1, one);
            score_first(&t, 7, seven);
            score_first(&t, s->input.n, all);
            assert_memory_equal(one, all, sizeof one);
            assert_memory_equal(seven, all, sizeof seven);
            assert_true(all[0] < all[1] || all[0] > all[1]);
        }
        trial_close(&t);
    }
}

/* --- runs --- */

/* What a run tells of its epochs, and how many steps it may go on. */
typedef struct diary {
    int left; /* negative: to its end */
    char told[EPOCHS_MAX][TOLD_MAX];
} diary;

static void on_event(void *context, const train_event *ev)
{
    diary *d = context;
    if (ev->kind != TRAIN_EPOCH)
        return;
    assert_in_range(ev->epoch, 1, EPOCHS_MAX);
    size_t length = 0;
    for (int i = 0; i < ev->value_count; i++)
        length += (size_t)snprintf(d->told[ev->epoch - 1] + length, TOLD_MAX - length, "%s %a\n", ev->values[i].name,
                                   ev->values[i].value);
    assert_true(length < TOLD_MAX);
}

static bool is_over(void *context)
{
    diary *d = context;
    return d->left >= 0 && d->left-- == 0;
}

/* False: it was cancelled. */
static bool run(const bars *b, const train_spec *plan, int threads, diary *d, train_result *r)
{
    error e;
    team *t = team_new(threads, &e);
    assert_non_null(t);
    bool ok = train_run(plan, b->data, t, &(train_watch){.context = d, .event = on_event, .cancelled = is_over}, r, &e);
    team_free(t);
    if (!ok && e.code != ERROR_CANCELLED)
        fail_msg("%s: %s", plan->method->id, e.message);
    return ok;
}

/* The scores of the first images by the model file, `group` at a time. */
static void score_file(const bars *b, int threads, size_t group, float *scores, size_t n)
{
    error e;
    void *bytes;
    size_t size;
    team *t = team_new(threads, &e);
    assert_true(file_read(b->model.text, 1 << 26, &bytes, &size, &e));
    scorer *s = scorer_open(bytes, size, t, &e);
    if (!s)
        fail_msg("%s", e.message);
    for (size_t at = 0; at < n; at += group) {
        const uint8_t *pixels[BARS_TEST];
        size_t count = n - at < group ? n - at : group;
        for (size_t i = 0; i < count; i++)
            pixels[i] = dataset_image(b->data, at + i);
        assert_true(scorer_run_bytes(s, pixels, count, scores + at, &e));
    }
    scorer_free(s);
    free(bytes);
    team_free(t);
}

static void check_scores(const bars *b, const train_result *r)
{
    enum { N = 70 };
    float whole[N], groups[N];
    bars_assert_scored_again(b, r);
    score_file(b, 2, N, whole, N);
    for (size_t group = 1; group <= 7; group += 6) {
        score_file(b, group == 1 ? 1 : 3, group, groups, N);
        assert_memory_equal(whole, groups, sizeof whole);
    }
}

static void check_run(const subject *s)
{
    struct train_option options[OPTIONS_MAX];
    bars b = bars_open(false);
    train_spec plan = bars_plan(&b, s->id);
    plan.options = options;
    plan.option_count = 0;
    for (const char *const *pair = s->run_options; *pair; pair += 2) {
        assert_true(plan.option_count < OPTIONS_MAX);
        options[plan.option_count++] = (struct train_option){pair[0], pair[1]};
    }
    static diary once, pieces;
    once = pieces = (diary){.left = -1};
    train_result whole, resumed;
    assert_true(run(&b, &plan, 2, &once, &whole));
    plan.checkpoint_path = b.checkpoint.text;
    for (int i = 0; i < PAUSES_MAX && s->pauses[i]; i++) {
        pieces.left = s->pauses[i];
        if (run(&b, &plan, 1 + i % 2, &pieces, &resumed))
            fail_msg("%s: over before pause %d", s->id, i);
    }
    pieces.left = -1;
    assert_true(run(&b, &plan, 3, &pieces, &resumed));
    assert_string_equal(whole.weights_digest, resumed.weights_digest);
    assert_string_equal(whole.model_digest, resumed.model_digest);
    assert_int_equal(whole.chosen_epoch, resumed.chosen_epoch);
    assert_memory_equal(&whole.auroc, &resumed.auroc, sizeof whole.auroc);
    for (int epoch = 0; epoch < EPOCHS_MAX; epoch++)
        assert_string_equal(once.told[epoch], pieces.told[epoch]);
    check_scores(&b, &resumed);
    bars_close(&b);
}

static void an_interrupted_run_ends_with_the_same_bits_and_scores_in_any_company(void **state)
{
    (void)state;
    for (EACH_SUBJECT(s))
        if (s->run_options)
            check_run(s);
}

int main(int argc, char **argv)
{
    (void)argc;
    error e;
    if (!blas_start(argv, &e))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_method_has_a_row),
        cmocka_unit_test(weights_have_the_same_bits_at_any_number_of_threads),
        cmocka_unit_test(steps_and_searches_allocate_nothing),
        cmocka_unit_test(a_score_has_the_same_bits_in_a_batch_of_any_size),
        cmocka_unit_test(an_interrupted_run_ends_with_the_same_bits_and_scores_in_any_company),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
