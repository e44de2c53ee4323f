/* SPDX-License-Identifier: MIT */
/*
 * model_file.c — writes a model's tensors to a bundle and reads them back. Knows names, not meanings.
 *
 * Names: net/NET/PARAM, average/NET/PARAM, kept/NET/PARAM, array/ARRAY, optim/OPTIM/OWNER/THING/first|second; header
 * keys: net.NET.resets, optim.OPTIM.steps. All of them begin with the model's prefix.
 */
#include "nn/internal.h"

#include <stdio.h>
#include <string.h>

enum { NAME_MAX_ = 256 };

static void put(bundle *b, const char *kind, const net *n, const param *p, const float *values)
{
    char name[NAME_MAX_];
    snprintf(name, sizeof name, "%s%s/%s/%s", n->owner->prefix, kind, n->name, p->name);
    if (values)
        bundle_put_tensor(b, name, p->s, values);
}

static void put_optim(bundle *b, const model *m, const optim *o)
{
    char name[NAME_MAX_];
    snprintf(name, sizeof name, "%soptim.%s.steps", m->prefix, o->name);
    bundle_put_number(b, name, (double)o->steps);
    for (int i = 0; i < o->slot_count; i++) {
        const optim_slot *s = &o->slots[i];
        shape flat = {1, 1, 1, (int)s->what.count};
        snprintf(name, sizeof name, "%soptim/%s/%s/first", m->prefix, o->name, s->name);
        if (s->first)
            bundle_put_tensor(b, name, flat, s->first);
        snprintf(name, sizeof name, "%soptim/%s/%s/second", m->prefix, o->name, s->name);
        if (s->second)
            bundle_put_tensor(b, name, flat, s->second);
    }
}

static void put_net(bundle *b, const net *n, unsigned content, bool kept)
{
    char key[NAME_MAX_];
    snprintf(key, sizeof key, "%snet.%s.resets", n->owner->prefix, n->name);
    if (content & MODEL_WEIGHTS)
        bundle_put_number(b, key, (double)n->resets);
    for (int i = 0; i < n->count; i++) {
        const param *p = n->params[i];
        if (content & MODEL_WEIGHTS)
            put(b, "net", n, p, p->values);
        if (!(content & MODEL_TRAINING))
            continue;
        put(b, "average", n, p, p->average);
        put(b, "kept", n, p, kept ? p->kept : NULL);
    }
}

void model_write(const model *m, bundle *b, unsigned content)
{
    for (int i = 0; i < m->net_count; i++)
        put_net(b, m->nets[i], content, m->has_kept);
    for (int i = 0; i < m->array_count; i++) {
        char name[NAME_MAX_];
        snprintf(name, sizeof name, "%sarray/%s", m->prefix, m->arrays[i]->name);
        if (m->arrays[i]->saved && content & MODEL_WEIGHTS)
            bundle_put_tensor(b, name, m->arrays[i]->s, m->arrays[i]->values);
    }
    for (int i = 0; content & MODEL_TRAINING && i < m->optim_count; i++)
        put_optim(b, m, m->optims[i]);
}

/* Copies the tensor of that name over `values`. It must exist with that shape. */
static bool copy_tensor(const bundle *b, const char *name, shape expected, float *values, error *e)
{
    shape s;
    const float *from = bundle_tensor(b, name, &s);
    if (!from)
        return error_set(e, ERROR_CORRUPT, "tensor '%s' is missing", name);
    if (!shape_equal(s, expected))
        return error_set(e, ERROR_CORRUPT, "tensor '%s' is %d×%d×%d×%d; this model needs %d×%d×%d×%d", name, s.n, s.h,
                         s.w, s.c, expected.n, expected.h, expected.w, expected.c);
    memcpy(values, from, shape_size(s) * sizeof *values);
    bundle_tensor_done(b, name);
    return true;
}

static bool has(const bundle *b, const char *kind, const net *n, const param *p, char name[NAME_MAX_])
{
    snprintf(name, NAME_MAX_, "%s%s/%s/%s", n->owner->prefix, kind, n->name, p->name);
    return bundle_tensor(b, name, NULL) != NULL;
}

static bool read_net(net *n, const bundle *b, error *e)
{
    char name[NAME_MAX_];
    snprintf(name, sizeof name, "%snet.%s.resets", n->owner->prefix, n->name);
    n->resets = 0;
    if (bundle_get(b, name) && !bundle_get_whole(b, name, BUNDLE_WHOLE_MAX, &n->resets, e))
        return false;
    for (int i = 0; i < n->count; i++) {
        param *p = n->params[i];
        snprintf(name, sizeof name, "%snet/%s/%s", n->owner->prefix, n->name, p->name);
        if (!copy_tensor(b, name, p->s, p->values, e))
            return false;
    }
    return true;
}

/* Reads the averages and the kept copy, where the bundle has them. */
static bool read_copies(model *m, const bundle *b, error *e)
{
    char name[NAME_MAX_];
    bool averaged = false, kept = false;
    for (int i = 0; i < m->net_count; i++)
        for (int j = 0; j < m->nets[i]->count; j++) {
            averaged = averaged || has(b, "average", m->nets[i], m->nets[i]->params[j], name);
            kept = kept || has(b, "kept", m->nets[i], m->nets[i]->params[j], name);
        }
    if ((averaged && !model_start_average(m, e)) || (kept && !model_keep(m, e)))
        return false;
    for (int i = 0; i < m->net_count; i++)
        for (int j = 0; j < m->nets[i]->count; j++) {
            param *p = m->nets[i]->params[j];
            if (has(b, "average", m->nets[i], p, name) && !copy_tensor(b, name, p->s, p->average, e))
                return false;
            if (has(b, "kept", m->nets[i], p, name) && !copy_tensor(b, name, p->s, p->kept, e))
                return false;
        }
    return true;
}

static bool read_optim(optim *o, const model *m, const bundle *b, error *e)
{
    char name[NAME_MAX_];
    snprintf(name, sizeof name, "%soptim.%s.steps", m->prefix, o->name);
    if (!bundle_get_whole(b, name, BUNDLE_WHOLE_MAX, &o->steps, e))
        return false;
    for (int i = 0; i < o->slot_count; i++) {
        optim_slot *s = &o->slots[i];
        shape flat = {1, 1, 1, (int)s->what.count};
        snprintf(name, sizeof name, "%soptim/%s/%s/first", m->prefix, o->name, s->name);
        if (s->first && !copy_tensor(b, name, flat, s->first, e))
            return false;
        snprintf(name, sizeof name, "%soptim/%s/%s/second", m->prefix, o->name, s->name);
        if (s->second && !copy_tensor(b, name, flat, s->second, e))
            return false;
    }
    return true;
}

static bool read_arrays(model *m, const bundle *b, error *e)
{
    char prefix[NAME_MAX_];
    size_t length = (size_t)snprintf(prefix, sizeof prefix, "%sarray/", m->prefix);
    for (size_t i = 0; i < bundle_tensor_count(b); i++) {
        const char *name = bundle_tensor_name(b, i);
        if (strncmp(name, prefix, length) != 0)
            continue;
        shape s;
        const float *values = bundle_tensor(b, name, &s);
        array *a = model_array(m, name + length, s);
        if (!a) {
            *e = m->failure;
            return error_at(e, "tensor '%s'", name);
        }
        memcpy(a->values, values, shape_size(s) * sizeof *values);
        bundle_tensor_done(b, name);
        array_save(a);
    }
    return true;
}

bool model_read(model *m, const bundle *b, unsigned content, error *e)
{
    error unheard;
    e = e ? e : &unheard;
    if (content & MODEL_WEIGHTS) {
        m->moves++;
        for (int i = 0; i < m->net_count; i++)
            if (!read_net(m->nets[i], b, e))
                return false;
        if (!read_arrays(m, b, e))
            return false;
    }
    if (!(content & MODEL_TRAINING))
        return true;
    for (int i = 0; i < m->optim_count; i++)
        if (!read_optim(m->optims[i], m, b, e))
            return false;
    return read_copies(m, b, e);
}
