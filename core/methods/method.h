/* SPDX-License-Identifier: MIT */
/*
 * method.h — all that a method is. One file a method, one line in methods.c, one in CMake; nothing else
 * knows its name.
 *
 * A method's struct begins with `struct method_state`. Neural methods give `build`, `step` and `score` or `search`
 * or, where options decide, both; closed-form methods give `fit` and `score_rows`. Inputs are floats in [0, 1] when
 * `unit_range` is set, else in [-1, 1].
 */
#ifndef ANOMALYD_METHODS_METHOD_H
#define ANOMALYD_METHODS_METHOD_H

#include "methods/option.h"
#include "methods/search.h"
#include "nn/model.h"

/* What the trainer reads of every iterative method, and `refine` of every method; TRAINING_OPTIONS puts it into the
 * option table, REFINE_OPTION that alone. */
struct method_state {
    int epochs, batch;
    int selection;       /* enum selection */
    float average_decay; /* of the weights' moving average; 0: none */
    int members;         /* networks that are trained, and score together */

    /* When a run counts as collapsed: its discriminator's loss, or its images' spread as a share of the training
     * images', beyond a limit for so many steps in succession. 0: not looked for. */
    int collapse_steps;
    float collapse_won, collapse_lost, collapse_spread;

    int refine; /* enum refining: what a finished run makes of its scores; of closed-form methods too */

    uint64_t steps_an_epoch; /* set by the trainer before the first step; 0 where there is no trainer */
};
enum selection { SELECT_PSEUDO, SELECT_LAST };
enum { MEMBERS_MAX = 8 };
extern const char *const selection_choices[];
/* Of which scores the model's is refined (see refine.h): its own as it is; all variants; its own, by the image's
 * complexity; all variants, by the image's complexity. */
enum refining { REFINE_NONE, REFINE_FUSION, REFINE_COMPLEXITY, REFINE_BOTH, REFININGS };
extern const char *const refining_choices[];

#define REFINE_OPTION(struct_)                                                                            \
    {                                                                                                     \
        .name = "refine", .type = OPTION_CHOICE, .offset = offsetof(struct_, state.refine), .preset = 0,  \
        .choices = refining_choices, .unit = "",                                                          \
        .help = "the score, by held-out normals: as it is, all of the method's scores together, what an " \
                "image's complexity does not explain of it, or both",                                     \
        .source = "", .observes = true                                                                    \
    }

#define TRAINING_OPTIONS(struct_, epochs_, batch_, decay_) \
    TRAINING_OPTIONS_OF(struct_, epochs_, batch_, decay_, SELECT_PSEUDO)
/* Where the preset of `selection` is another. */
#define TRAINING_OPTIONS_OF(struct_, epochs_, batch_, decay_, selection_)                                       \
    {.name = "epochs",                                                                                          \
     .type = OPTION_INT,                                                                                        \
     .offset = offsetof(struct_, state.epochs),                                                                 \
     .preset = epochs_,                                                                                         \
     .min = 1,                                                                                                  \
     .max = 10000,                                                                                              \
     .unit = "",                                                                                                \
     .help = "passes over the training images",                                                                 \
     .source = ""},                                                                                             \
        {.name = "batch",                                                                                       \
         .type = OPTION_INT,                                                                                    \
         .offset = offsetof(struct_, state.batch),                                                              \
         .preset = batch_,                                                                                      \
         .min = 2,                                                                                              \
         .max = 1024,                                                                                           \
         .unit = "images",                                                                                      \
         .help = "images in a step",                                                                            \
         .source = ""},                                                                                         \
        {.name = "selection",                                                                                   \
         .type = OPTION_CHOICE,                                                                                 \
         .offset = offsetof(struct_, state.selection),                                                          \
         .preset = selection_,                                                                                  \
         .choices = selection_choices,                                                                          \
         .unit = "",                                                                                            \
         .help = "which epoch becomes the model: the best at telling held-out normals from pseudo-anomalies, "  \
                 "or the last",                                                                                 \
         .source = ""},                                                                                         \
        {.name = "average_decay",                                                                               \
         .type = OPTION_REAL,                                                                                   \
         .offset = offsetof(struct_, state.average_decay),                                                      \
         .preset = decay_,                                                                                      \
         .min = 0,                                                                                              \
         .max = 0.99999,                                                                                        \
         .unit = "",                                                                                            \
         .help = "decay of the moving average of the weights; 0 scores with the weights themselves",            \
         .source = ""},                                                                                         \
        {.name = "members",                                                                                     \
         .type = OPTION_INT,                                                                                    \
         .offset = offsetof(struct_, state.members),                                                            \
         .preset = 1,                                                                                           \
         .min = 1,                                                                                              \
         .max = MEMBERS_MAX,                                                                                    \
         .unit = "networks",                                                                                    \
         .help = "how often it is trained, each time with random numbers of its own; the score is the mean of " \
                 "theirs, each on the scale of held-out normals",                                               \
         .source = ""},                                                                                         \
        REFINE_OPTION(struct_),                                                                                 \
        COLLAPSE_OPTION(struct_, collapse_steps, OPTION_INT, 1000, 1000000, "steps",                            \
                        "steps in succession beyond a limit after which the run fails as collapsed; 0: never"), \
        COLLAPSE_OPTION(struct_, collapse_won, OPTION_REAL, 1e-5, 100, "",                                      \
                        "a discriminator with a loss below this has won; 0: not looked for"),                   \
        COLLAPSE_OPTION(struct_, collapse_lost, OPTION_REAL, 5, 1000, "",                                       \
                        "a discriminator with a loss above this has lost; 0: not looked for"),                  \
        COLLAPSE_OPTION(struct_, collapse_spread, OPTION_REAL, 0.02, 1, "",                                     \
                        "generated or reconstructed images with less than this share of the training images' "  \
                        "spread are all the same; 0: not looked for")
#define COLLAPSE_OPTION(struct_, field_, type_, preset_, max_, unit_, help_)                                    \
    {                                                                                                           \
        .name = #field_, .type = type_, .offset = offsetof(struct_, state.field_), .preset = preset_, .min = 0, \
        .max = max_, .unit = unit_, .help = help_, .source = "", .observes = true                               \
    }

typedef struct method {
    const char *id, *title, *paper, *summary;
    const char *unexplained; /* why no image can show what a score is made of; NULL where the method reconstructs */
    const option *options;
    size_t size; /* bytes of its struct */
    bool unit_range;
    bool closed_form; /* fit and score_rows instead of build, step and score */

    /* The input its networks take for images of shape `data` (n not read). NULL: as the data are. */
    bool (*input)(const void *self, shape data, shape *input, error *e);

    /* Makes nets and training programs for batches in array "x" (input.n is the batch). Called after options
     * are set; for scoring a loaded model it is not called. */
    bool (*build)(void *self, model *own, shape input, error *e);
    /* One step on the batch now in array "x". */
    void (*step)(void *self, uint64_t step);
    /* Records the score of each row of x (n×1×1×1), higher is more anomalous; applies the same nets. May mark with
     * t_output what scored.h names: variants of the score, the reconstruction; not the tensor it returns. */
    tensor *(*score)(void *self, model *own, graph *g, tensor *x);
    /* Instead of `score`, where a score is the least loss that a search finds: makes a search for input.n images at
     * once over the same nets. Returns new. */
    search *(*search)(void *self, model *own, shape input, error *e);
    /* Of a method that has both: whether it is `search` with these options. NULL: it has one of them. */
    bool (*searches)(const void *self);
    /* Programs whose outputs of one number the trainer logs and watches; NULL-terminated, borrowed. By their names:
     *
     *     loss.*                 a loss
     *     loss.*discriminator*   one whose going to nothing, or growing for good, is a collapse; where there is no loss
     *                            A, those named A_real and A_fake are two halves that are added
     *     spread.*               t_spread of a batch of generated or reconstructed images, whose going to nothing is a
     *                            collapse; it is logged as a share of the training images' own
     */
    program *const *(*programs)(const void *self);
    /* How often a discriminator has started afresh, which is logged as restarts.discriminator. NULL: none ever does. */
    uint64_t (*restarts)(const void *self);
    /* Steps at the start in which a part does not learn yet, so that what looks like a collapse is none. NULL: none. */
    uint64_t (*pretraining)(const void *self);

    /* Closed form: fits rows x (n×d floats, borrowed for the call) and keeps the result as saved arrays of the model.
     */
    bool (*fit)(void *self, model *own, const float *x, size_t n, shape input, error *e);
    /* Bytes that fit takes for n rows on so many workers, and ready after it: what is kept and work space, at most,
     * for what the rows will show (how many components they have, say) is not known before. */
    size_t (*fit_bytes)(const void *self, shape input, size_t n, int threads);
    /* After fit, or after a model was read: finds its saved arrays and prepares for scoring. */
    bool (*ready)(void *self, model *own, shape input, error *e);
    /* Scores n rows. A row's score has the same bits whatever its neighbours. Allocates nothing that grows with calls.
     */
    bool (*score_rows)(void *self, model *own, const float *x, size_t n, float *scores, error *e);
    /* What the method makes of n rows, in the same range and with the same promise. NULL: it does not reconstruct. */
    bool (*reconstruct_rows)(void *self, model *own, const float *x, size_t n, float *out, error *e);
    void (*free)(void *self); /* frees what ready made; NULL when nothing */
} method;

/* NULL-terminated. */
const method *const *method_all(void);
const method *method_find(const char *id);
/* Whether scores are searched for: by `search` instead of `score`. */
bool method_searches(const method *m, const void *self);
/* model_graph for a program that a method builds: NULL with *e set. */
graph *method_graph(model *own, enum mode mode, error *e);

#endif
