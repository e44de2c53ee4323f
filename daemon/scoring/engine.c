/* SPDX-License-Identifier: MIT */
/* engine.c — loads scorers from the registry and asks them. Everything but engine_calls is on the scoring thread. */
#include "daemon/scoring/engine.h"

#include "base/blas.h"
#include "base/team.h"
#include "daemon/platform/log.h"
#include "train/scorer.h"

#include <stdlib.h>

typedef struct loaded {
    scorer *scorer;
    void *bytes; /* the model file, which the scorer borrows */
} loaded;

static bool start(void *context, error *e)
{
    engine *g = context;
    g->reader = store_reader_open(g->store, e);
    g->team = g->reader ? team_new(g->threads, e) : NULL;
    if (g->team) {
        blas_warm(g->team);
        return true;
    }
    store_reader_close(g->reader);
    return false;
}

static void stop(void *context)
{
    engine *g = context;
    team_free(g->team);
    store_reader_close(g->reader);
}

static void *load(void *context, const char *name, int version, size_t *bytes, error *e)
{
    engine *g = context;
    loaded *l = calloc(1, sizeof *l);
    if (!l) {
        error_memory(e, "a model");
        return NULL;
    }
    size_t size;
    if (store_model_file(g->reader, name, version, &l->bytes, &size, e)) {
        if ((l->scorer = scorer_open(l->bytes, size, g->team, e))) {
            *bytes = size + scorer_describe(l->scorer)->bytes;
            log_line(LOG_LEVEL_INFO, "model %s:%d: resident, %zu bytes", name, version, *bytes);
            return l;
        }
        free(l->bytes);
    }
    free(l);
    error_at(e, "model %s:%d", name, version);
    log_line(LOG_LEVEL_ERROR, "%s", e->message);
    return NULL;
}

static void unload(void *context, void *which)
{
    (void)context;
    loaded *l = which;
    scorer_free(l->scorer);
    free(l->bytes);
    free(l);
}

static bool explains(void *context, void *which, enum explanation kind, error *e)
{
    (void)context;
    return scorer_explains(((loaded *)which)->scorer, kind, e);
}

static bool score(void *context, void *which, enum explanation kind, const image *pictures, size_t n, float *scores,
                  image *explained, error *e)
{
    (void)context;
    scorer *s = ((loaded *)which)->scorer;
    image *to[EXPLANATIONS] = {NULL};
    if (kind == EXPLAIN_NONE)
        return scorer_run(s, pictures, n, scores, e);
    to[kind] = explained;
    return scorer_explain(s, pictures, n, scores, to, e);
}

static void judge(void *context, void *which, double false_alarm_rate, const image *picture, score_result *r)
{
    (void)context;
    const scorer *s = ((loaded *)which)->scorer;
    const shape data = scorer_describe(s)->data;
    float threshold = 0;
    r->has_p_value = scorer_p_value(s, r->score, &r->p_value) && scorer_percentile(s, r->score, &r->percentile);
    r->has_threshold = scorer_threshold(s, false_alarm_rate, &threshold);
    r->threshold = (double)threshold;
    r->anomalous = r->has_threshold && r->score > threshold;
    r->error_scale = scorer_describe(s)->error_scale;
    r->width = picture->width;
    r->height = picture->height;
    r->channels = picture->channels;
    r->converted = picture->width != data.w || picture->height != data.h || picture->channels != data.c;
}

batcher_engine engine_calls(engine *g)
{
    return (batcher_engine){.context = g,
                            .start = start,
                            .stop = stop,
                            .load = load,
                            .unload = unload,
                            .score = score,
                            .explains = explains,
                            .judge = judge};
}
