/* SPDX-License-Identifier: MIT */
/* test_finish.c — what a run tells of its one test. */
#include "bars.h"
#include "base/blas.h"

/* What the run told of its test. */
typedef struct heard {
    size_t count;
    auroc auroc;
    char images[DATASET_DIGEST_TEXT];
    bool refuses;
} heard;

static bool on_tested(void *context, const train_test *t, error *e)
{
    heard *h = context;
    h->count = t->count;
    memcpy(h->images, t->images, sizeof h->images);
    return h->refuses ? error_set(e, ERROR_IO, "nobody keeps it")
                      : metric_auroc(t->scores, t->anomalous, t->count, &h->auroc, e);
}

static void the_test_is_told_image_by_image(void **state)
{
    (void)state;
    bars b = bars_open(false);
    train_spec plan = bars_plan(&b, "pca");
    plan.options = NULL;
    plan.option_count = 0;
    team *t = team_new(1, NULL);
    train_result r;
    error e = {0};
    heard h = {0};
    train_watch watch = {.context = &h, .tested = on_tested};
    if (!train_run(&plan, b.data, t, &watch, &r, &e))
        fail_msg("%s", e.message);
    assert_int_equal(h.count, r.test_normals + r.test_anomalies);
    assert_memory_equal(&h.auroc, &r.auroc, sizeof r.auroc);
    assert_int_equal(strlen(h.images), 64);
    h.refuses = true;
    assert_false(train_run(&plan, b.data, t, &watch, &r, &e));
    assert_int_equal(e.code, ERROR_IO);
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
        cmocka_unit_test(the_test_is_told_image_by_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
