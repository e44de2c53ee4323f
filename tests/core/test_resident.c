/* SPDX-License-Identifier: MIT */
/* test_resident.c — models that come and go leave no memory behind. Not under sanitizers, which keep what was freed. */
#include "bars.h"
#include "base/blas.h"
#include "base/memory.h"

#include <string.h>

/* A kind each: a network, a search through networks, a closed form with few values, and one with all of its rows. */
static const char *const ids[] = {"ganomaly", "anogan", "pca", "kde"};
enum { IDS = sizeof ids / sizeof *ids, WARM = 100, TURNS = 1000 };

static const struct train_option search_options[] = {
    {"width", "4"}, {"latent", "6"}, {"batch", "16"}, {"epochs", "1"}, {"iterations", "2"},
};

typedef struct model_file {
    void *bytes;
    size_t size;
} model_file;

static model_file make(const char *id)
{
    error e;
    model_file f;
    bars b = bars_open(false);
    train_spec plan = bars_plan(&b, id);
    if (strcmp(id, "anogan") == 0) {
        plan.options = search_options;
        plan.option_count = sizeof search_options / sizeof *search_options;
    }
    bars_train(&b, &plan, 2);
    assert_true(file_read(b.model.text, 1 << 26, &f.bytes, &f.size, &e));
    bars_close(&b);
    return f;
}

/* As the daemon does it: a copy of the file, the scorer over it, one score, and both are gone. */
static void load_and_unload(const model_file *f, team *t, const image *picture)
{
    error e;
    float score;
    void *bytes = malloc(f->size);
    assert_non_null(bytes);
    memcpy(bytes, f->bytes, f->size);
    scorer *s = scorer_open(bytes, f->size, t, &e);
    if (!s)
        fail_msg("%s", e.message);
    assert_true(scorer_run(s, picture, 1, &score, &e));
    scorer_free(s);
    free(bytes);
}

static void a_thousand_loads_leave_memory_as_it_was(void **state)
{
    (void)state;
    error e;
    model_file files[IDS];
    uint8_t pixels[BARS_SIDE * BARS_SIDE] = {0};
    const image picture = {.width = BARS_SIDE, .height = BARS_SIDE, .channels = 1, .pixels = pixels};
    for (int i = 0; i < IDS; i++)
        files[i] = make(ids[i]);
    team *t = team_new(2, &e);
    assert_non_null(t);
    size_t before = 0;
    for (int turn = 0; turn < TURNS; turn++) {
        if (turn == WARM)
            before = memory_resident();
        load_and_unload(&files[turn % IDS], t, &picture);
    }
    size_t after = memory_resident();
    print_message("%.1f MiB after %d loads, %.1f MiB after %d\n", (double)before / (1 << 20), WARM,
                  (double)after / (1 << 20), TURNS);
    assert_true(before > 0);
    assert_true((double)after <= 1.02 * (double)before);
    team_free(t);
    for (int i = 0; i < IDS; i++)
        free(files[i].bytes);
}

int main(int argc, char **argv)
{
    (void)argc;
    error e;
    if (!blas_start(argv, &e))
        return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_thousand_loads_leave_memory_as_it_was)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
