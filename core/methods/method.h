/* SPDX-License-Identifier: MIT */
/*
 * method.h — the record of functions and options that makes a method. A method has one file, one line in methods.c and
 * one in CMakeLists.txt; nothing else knows its name.
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

/* The options that the trainer reads: `refine` of every method, the others of iterative methods. TRAINING_OPTIONS puts
 * all of them into an option table, REFINE_OPTION only `refine`. */
struct method_state {
    int epochs, batch;
    int selection;       /* enum selection */
    float average_decay; /* of the weights' moving average; 0: none */
    int members;         /* how many networks are trained; they score together */

    /* A run has collapsed when the discriminator's loss, or the spread of its images as a share of the training
     * images', is beyond its limit for collapse_steps steps in succession. 0: not watched. */
    int collapse_steps;
    float collapse_won, collapse_lost, collapse_spread;

    int refine; /* enum refining: what a finished run makes of its scores; of closed-form methods too */

    uint64_t steps_an_epoch; /* set by the trainer before the first step; 0 where there is no trainer */
};
enum selection { SELECT_PSEUDO, SELECT_LAST };
enum { MEMBERS_MAX = 8 };
extern const char *const selection_choices[];
/* How the model's score is refined (see refine.h): not at all; from all variants; by the image's complexity; from all
 * variants by the image's complexity. */
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
/* The same with another preset of `selection`. */
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
    /* For a method that has both: true where these options ask for `search`. NULL: the method has only one of them. */
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
    /* Returns how often a discriminator's weights were drawn anew, logged as restarts.discriminator. NULL: never. */
    uint64_t (*restarts)(const void *self);
    /* Returns the number of steps at the start in which some network does not learn yet, and which are not watched for
     * a collapse. NULL: none. */
    uint64_t (*pretraining)(const void *self);

    /* Closed form: fits rows x (n×d floats, borrowed for the call) and keeps the result as saved arrays of the model.
     */
    bool (*fit)(void *self, model *own, const float *x, size_t n, shape input, error *e);
    /* Returns the bytes that fit, and ready after it, need at most for n rows with so many workers. The exact number
     * depends on the rows (how many components they have, for instance). */
    size_t (*fit_bytes)(const void *self, shape input, size_t n, int threads);
    /* After fit, or after a model was read: finds its saved arrays and prepares for scoring. */
    bool (*ready)(void *self, model *own, shape input, error *e);
    /* Scores n rows. A row's score has the same bits whatever its neighbours. Allocates nothing that grows with calls.
     */
    bool (*score_rows)(void *self, model *own, const float *x, size_t n, float *scores, error *e);
    /* Reconstructs n rows, in the same range and with the same promise. NULL: the method does not reconstruct. */
    bool (*reconstruct_rows)(void *self, model *own, const float *x, size_t n, float *out, error *e);
    void (*free)(void *self); /* frees what `ready` made; NULL where that is nothing */
} method;

/* NULL-terminated. */
const method *const *method_all(void);
const method *method_find(const char *id);
/* True where a score is found by `search` instead of `score`. */
bool method_searches(const method *m, const void *self);
/* Calls model_graph for a program that a method builds. NULL and *e set on failure. */
graph *method_graph(model *own, enum mode mode, error *e);

#endif
