/* SPDX-License-Identifier: MIT */
/* scored.c — finds the results of a scoring pass among a program's outputs. Knows names, not methods. */
#include "methods/scored.h"

#include <assert.h>
#include <string.h>

static const char reconstruction[] = "reconstruction", prefix[] = "score.";

/* Returns what follows "score." in an output's name, or NULL. */
static const char *variant(const char *name)
{
    return strncmp(name, prefix, sizeof prefix - 1) == 0 ? name + sizeof prefix - 1 : NULL;
}

size_t scored_variant_count(const program *p)
{
    size_t count = 0;
    for (size_t i = 0; i < program_output_count(p); i++)
        count += variant(program_output_name(p, i)) != NULL;
    return count;
}

/* Returns the name of the output that is the variant of this index. */
static const char *output_of(const program *p, size_t index)
{
    size_t i = 0;
    for (;; i++) {
        assert(i < program_output_count(p));
        if (variant(program_output_name(p, i)) && index-- == 0)
            return program_output_name(p, i);
    }
}

const char *scored_variant_name(const program *p, size_t index)
{
    return variant(output_of(p, index));
}

bool scored_reconstructs(const program *p)
{
    return program_output(p, reconstruction, NULL) != NULL;
}

void scored_drop_variants(graph *g)
{
    graph_drop_outputs(g, prefix);
}

static void copy_rows(float *out, const float *from, size_t row, size_t n)
{
    memcpy(out, from, n * row * sizeof *out);
}

void scored_copy(const scored_rows *out, size_t to, const program *p, size_t from, size_t n)
{
    to += out->at;
    for (size_t i = 0; out->variants && i < scored_variant_count(p); i++)
        copy_rows(out->variants[i] + to, program_output(p, output_of(p, i), NULL) + from, 1, n);
    if (!out->reconstruction)
        return;
    shape s;
    const float *found = program_output(p, reconstruction, &s);
    assert(found);
    size_t row = shape_row(s);
    copy_rows(out->reconstruction + to * row, found + from * row, row, n);
}
