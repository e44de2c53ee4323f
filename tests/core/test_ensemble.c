/* SPDX-License-Identifier: MIT */
/* test_ensemble.c — several networks of one run: each learns as if alone, together they score by the mean of their
 * scores on the scale of held-out images, and none of it depends on interruptions. */
#include "train/ensemble.h"

#include "bars.h"
#include "base/blas.h"
#include "nn/bundle.h"

#include <string.h>
#include <unistd.h>

enum { MEMBERS = 3, EPOCHS = 2, STEPS = 6 /* of an epoch */ };

static const struct train_option ensemble_options[] = {
    {"width", "4"},     {"latent", "6"},  {"batch", "16"},    {"epochs", "2"},
    {"rate", "0.0002"}, {"members", "3"}, {"refine", "none"},
};

/* Room for `refine` in the copy of the options that the plan goes on with. */
static train_spec ensemble_plan(const bars *b, struct train_option options[7])
{
    train_spec plan = bars_plan(b, "ganomaly");
    memcpy(options, ensemble_options, sizeof ensemble_options);
    plan.options = options;
    plan.option_count = 7;
    plan.held_out = 0.4; /* a half of it is for calibration */
    return plan;
}

typedef struct watching {
    uint64_t left; /* steps until it is cancelled; 0: it is not */
    int epochs, last_epoch;
    uint64_t last_step, steps, scored;
    double losses[MEMBERS * EPOCHS + 1];
} watching;

static void on_event(void *context, const train_event *ev)
{
    watching *w = context;
    assert_true(ev->step >= w->last_step && ev->epochs == MEMBERS * EPOCHS);
    assert_true(ev->epoch >= 1 && ev->epoch <= ev->epochs);
    assert_true(!(ev->images_s <= 0) && isnan(ev->images_s) == isnan(ev->eta_s)); /* a pace, or that it is unknown */
    w->last_step = ev->step;
    w->steps = ev->steps;
    w->scored = ev->scored;
    assert_true(ev->scored <= ev->to_score);
    if (ev->kind != TRAIN_EPOCH)
        return;
    w->epochs++;
    w->last_epoch = ev->epoch;
    for (int i = 0; i < ev->value_count; i++)
        w->losses[ev->epoch] += ev->values[i].value;
}

static bool is_cancelled(void *context)
{
    watching *w = context;
    return w->left && --w->left == 0;
}

static bool run_watched(const bars *b, const train_spec *plan, watching *w, train_result *out, error *e)
{
    team *t = team_new(2, e);
    assert_non_null(t);
    train_watch watch = {.context = w, .event = on_event, .cancelled = is_cancelled};
    bool ok = train_run(plan, b->data, t, &watch, out, e);
    team_free(t);
    return ok;
}

static void an_interrupted_ensemble_ends_with_the_same_bits(void **state)
{
    (void)state;
    bars b = bars_open(false);
    struct train_option options[7];
    train_spec plan = ensemble_plan(&b, options);
    watching once = {0}, pieces = {0};
    train_result whole, resumed;
    error e;
    if (!run_watched(&b, &plan, &once, &whole, &e))
        fail_msg("%s", e.message);
    assert_true(once.epochs == MEMBERS * EPOCHS && once.last_epoch == MEMBERS * EPOCHS);
    assert_true(once.steps == MEMBERS * EPOCHS * STEPS && once.last_step == once.steps);
    assert_int_equal(once.scored, MEMBERS * (whole.calibration_count + whole.test_normals + whole.test_anomalies));
    assert_true(whole.epochs == MEMBERS * EPOCHS && whole.chosen_epoch >= 1 && whole.chosen_epoch <= EPOCHS);
    bars_assert_scored_again(&b, &whole);
    plan.checkpoint_path = b.checkpoint.text;
    /* Within the first member, before another step, where it ends, within the second, within the third, and in what
     * follows. A poll before each step, and one behind a member's last step when the next member has not begun. */
    static const uint64_t polls[] = {5, 1, EPOCHS * STEPS - 3, 7, EPOCHS * STEPS + 2, 9};
    for (size_t i = 0; i < sizeof polls / sizeof *polls; i++) {
        pieces.left = polls[i];
        assert_false(run_watched(&b, &plan, &pieces, &resumed, &e));
        if (e.code != ERROR_CANCELLED)
            fail_msg("%s", e.message);
        assert_int_equal(access(b.checkpoint.text, F_OK), 0);
    }
    pieces.left = 0;
    if (!run_watched(&b, &plan, &pieces, &resumed, &e))
        fail_msg("%s", e.message);
    assert_memory_equal(pieces.losses, once.losses, sizeof once.losses);
    assert_string_equal(whole.weights_digest, resumed.weights_digest);
    assert_string_equal(whole.model_digest, resumed.model_digest);
    assert_memory_equal(&whole.auroc, &resumed.auroc, sizeof whole.auroc);
    bars_close(&b);
}

/* Whether two files have the same nets, under these names. */
static bool same_nets(const bundle *a, const char *first, const bundle *b, const char *second)
{
    size_t nets = 0, alike = 0;
    for (size_t i = 0; i < bundle_tensor_count(a); i++) {
        char name[BUNDLE_NAME_MAX];
        const char *there = bundle_tensor_name(a, i);
        if (strncmp(there, first, strlen(first)) != 0)
            continue;
        shape s, t;
        snprintf(name, sizeof name, "%s%s", second, there + strlen(first));
        const float *x = bundle_tensor(a, there, &s), *y = bundle_tensor(b, name, &t);
        assert_non_null(y);
        assert_true(shape_equal(s, t));
        nets++;
        alike += !memcmp(x, y, shape_size(s) * sizeof *x);
    }
    assert_true(nets > 10);
    return alike == nets;
}

static void the_first_member_learns_what_it_would_alone(void **state)
{
    (void)state;
    bars b = bars_open(false);
    struct train_option options[7];
    train_spec plan = ensemble_plan(&b, options);
    error e;
    train_result all = bars_train(&b, &plan, 1);
    bundle *together = bundle_open(b.model.text, &e);
    assert_non_null(together);
    scratch_path other = scratch_at(&b.folder, "alone");
    options[5].value = "1";
    plan.model_path = other.text;
    train_result one = bars_train(&b, &plan, 1);
    bundle *alone = bundle_open(other.text, &e);
    assert_non_null(alone);
    assert_true(same_nets(together, "member1/net/", alone, "net/"));
    assert_false(same_nets(together, "member2/net/", alone, "net/"));
    assert_false(same_nets(together, "member3/net/", together, "member2/net/"));
    assert_true(all.parameters == MEMBERS * one.parameters && all.chosen_epoch == one.chosen_epoch);
    assert_string_equal(all.training_digest, one.training_digest);
    assert_true(learner_seed(7, 0) == 7 && learner_seed(7, 1) != learner_seed(7, 2));
    bundle_free(together);
    bundle_free(alone);
    bars_close(&b);
}

static void an_ensemble_is_refined_as_one_model_is(void **state)
{
    (void)state;
    bars b = bars_open(false);
    struct train_option options[7];
    train_spec plan = ensemble_plan(&b, options);
    train_result plain = bars_train(&b, &plan, 2);
    options[6].value = "fusion-complexity";
    train_result refined = bars_train(&b, &plan, 1);
    bars_assert_scored_again(&b, &refined);
    assert_string_equal(plain.weights_digest, refined.weights_digest);
    for (size_t i = 0; i < plain.score_count; i++)
        if (!strcmp(plain.scores[i].name, "fusion-complexity"))
            assert_memory_equal(&plain.scores[i].auroc, &refined.auroc, sizeof refined.auroc);
    bars_close(&b);
}

static void members_need_images_held_out(void **state)
{
    (void)state;
    bars b = bars_open(false);
    struct train_option options[7];
    train_spec plan = ensemble_plan(&b, options);
    options[4] = (struct train_option){"selection", "last"};
    plan.held_out = 0;
    error e;
    train_result r;
    assert_false(train_check(&plan, dataset_facts(b.data), &e));
    assert_non_null(strstr(e.message, "held_out: 0 leaves no images to bring the scores of 3 members"));
    plan.held_out = 0.1;
    team *t = team_new(1, &e);
    assert_false(train_run(&plan, b.data, t, NULL, &r, &e));
    assert_non_null(strstr(e.message, "too few to bring the scores of members"));
    team_free(t);
    bars_close(&b);
}

/* What a copy of a file has otherwise. */
typedef struct change {
    const char *key;    /* of the header: left out */
    const char *tensor; /* left out, or with values those of shape s */
    const float *values;
    shape s;
} change;

/* The header of a bundle's file, but for one key: lines "KEY = VALUE". */
static void copy_header(const char *path, const char *but, bundle *to)
{
    enum { AT_BYTES = 12, AT_TEXT = 32 };
    error e;
    void *bytes;
    size_t size;
    uint32_t length;
    assert_true(file_read(path, 1 << 26, &bytes, &size, &e));
    memcpy(&length, (uint8_t *)bytes + AT_BYTES, sizeof length);
    char *text = (char *)bytes + AT_TEXT, *rest = text;
    text[length - 1] = '\0';
    for (char *line; (line = strsep(&rest, "\n"));) {
        char *value = strstr(line, " = ");
        assert_non_null(value);
        *value = '\0';
        if (!but || strcmp(line, but) != 0)
            bundle_put(to, line, value + 3);
    }
    free(bytes);
}

static void copy_changed(const char *path, const char *copy, const change *c)
{
    error e;
    bundle *from = bundle_open(path, &e), *to = bundle_new();
    assert_true(from && to);
    copy_header(path, c->key, to);
    for (size_t i = 0; i < bundle_tensor_count(from); i++) {
        const char *name = bundle_tensor_name(from, i);
        shape at;
        const float *data = bundle_tensor(from, name, &at);
        if (!c->tensor || strcmp(name, c->tensor) != 0)
            bundle_put_tensor(to, name, at, data);
        else if (c->values)
            bundle_put_tensor(to, name, c->s, c->values);
    }
    if (!bundle_write(to, copy, &e))
        fail_msg("%s", e.message);
    bundle_free(to);
    bundle_free(from);
}

/* Written by a program that did not know members: it goes on as a run of one, and as no other. */
static void a_checkpoint_of_before_is_of_one_member(void **state)
{
    (void)state;
    bars b = bars_open(false);
    struct train_option options[7];
    train_spec plan = ensemble_plan(&b, options);
    options[5].value = "1";
    train_result whole = bars_train(&b, &plan, 1), r;
    scratch_path saved = scratch_at(&b.folder, "saved");
    plan.checkpoint_path = saved.text;
    error e;
    team *t = team_new(1, &e);
    watching w = {.left = 5};
    train_watch watch = {.context = &w, .cancelled = is_cancelled};
    assert_false(train_run(&plan, b.data, t, &watch, &r, &e));
    copy_changed(saved.text, b.checkpoint.text, &(change){.key = "option.members"});
    plan.checkpoint_path = b.checkpoint.text;
    options[5].value = "2";
    assert_false(train_run(&plan, b.data, t, NULL, &r, &e));
    assert_non_null(strstr(e.message, "option members is 1 there and 2 here"));
    options[5].value = "1";
    r = bars_train(&b, &plan, 1);
    assert_string_equal(r.model_digest, whole.model_digest);
    team_free(t);
    bars_close(&b);
}

static void a_model_without_its_scales_is_refused(void **state)
{
    (void)state;
    bars b = bars_open(false);
    struct train_option options[7];
    train_spec plan = ensemble_plan(&b, options);
    bars_train(&b, &plan, 1);
    static const float zeros[4 * MEMBERS * REFINE_VALUES];
    static const struct {
        change change;
        const char *words; /* NULL: it is a model still */
    } cases[] = {
        {{.tensor = "members"}, "tensor 'members' is missing"},
        {{.tensor = "members", .values = zeros, .s = {1, 1, 2, REFINE_VALUES}}, "8 numbers are no scales of 3 members"},
        {{.tensor = "members", .values = zeros, .s = {1, 4, MEMBERS, REFINE_VALUES}}, "has no scale"},
        {{.key = "option.members"}, "tensor 'net/"},
        {{.tensor = "calibration"}, NULL}};
    team *t = team_new(1, &(error){0});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        void *bytes;
        size_t size;
        error e = {0};
        scratch_path copy = scratch_at(&b.folder, "copy");
        copy_changed(b.model.text, copy.text, &cases[i].change);
        assert_true(file_read(copy.text, 1 << 26, &bytes, &size, &e));
        scorer *s = scorer_open(bytes, size, t, &e);
        assert_int_equal(s == NULL, cases[i].words != NULL);
        if (cases[i].words && !strstr(e.message, cases[i].words))
            fail_msg("%s", e.message);
        assert_true(!cases[i].words || e.code == ERROR_CORRUPT);
        scorer_free(s);
        free(bytes);
    }
    team_free(t);
    bars_close(&b);
}

int main(int argc, char **argv)
{
    (void)argc;
    error e;
    if (!blas_start(argv, &e))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_interrupted_ensemble_ends_with_the_same_bits),
        cmocka_unit_test(the_first_member_learns_what_it_would_alone),
        cmocka_unit_test(an_ensemble_is_refined_as_one_model_is),
        cmocka_unit_test(members_need_images_held_out),
        cmocka_unit_test(a_checkpoint_of_before_is_of_one_member),
        cmocka_unit_test(a_model_without_its_scales_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
