/* play.c - numbers for parameters and doors, and running a plan on them.
 *
 * The last part of a tensor's name says what it holds: u.. numbers of -2..2,
 * p.. of 0.25..4, w.. of the widest range its op bears. */
#include "tests/op/play.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ numbers */

/* A site of its own per name (FNV-1a). */
static uint32_t
site_of(const char *name)
{
    uint32_t h = 2166136261u;

    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 16777619u;
    return h;
}

static double
uniform(uint32_t site, int64_t i, double low, double high)
{
    double u = ref_draw(PLAY_SEED, site, 0, (uint32_t)i) * 0x1p-32;

    return low + u * (high - low);
}

/* Signed numbers whose logarithm is uniform. */
static double
spread(uint32_t site, int64_t i, double least, double most)
{
    double u = uniform(site, i, log(least), log(most));

    return ref_draw(PLAY_SEED, site, 1, (uint32_t)i) & 1 ? exp(u) : -exp(u);
}

/* A number of the widest range of the case's op, in which the float result
 * neither overflows nor loses its value. */
static double
wide(const char *name, uint32_t site, int64_t i)
{
    static const struct {
        const char *op;
        double least, most; /* of |x|; a negative least: of x, uniform */
        bool positive;
    } range[] = {
        {"exp.", -86, 88, false},      {"log.", 1e-37, 3e38, true},
        {"sqrt.", 1e-37, 3e38, true},  {"rsqrt.", 1e-24, 3e38, true},
        {"sigmoid.", 1e-6, 86, false}, {"softplus.", 1e-6, 86, false},
        {"gelu.", 1e-6, 13, false},    {"gelu_slope.", 1e-6, 30, false},
        {"bce.", 1e-6, 86, false},
    };

    for (size_t k = 0; k < sizeof range / sizeof *range; k++) {
        if (strncmp(name, range[k].op, strlen(range[k].op)))
            continue;
        if (range[k].least < 0)
            return uniform(site, i, range[k].least, range[k].most);
        double x = spread(site, i, range[k].least, range[k].most);
        return range[k].positive ? fabs(x) : x;
    }
    return spread(site, i, 1e-12, 1e12);
}

int play_bits = 24;

/* x with as many significant bits as play_bits says. */
static double
play_number(double x)
{
    int power;
    double part = frexp(x, &power);

    return ldexp(nearbyint(ldexp(part, play_bits)), power - play_bits);
}

static double
number(const char *name, int64_t i)
{
    const char *last = strrchr(name, '.');
    uint32_t site = site_of(name);

    switch (last ? last[1] : 0) {
    case 'p':
        return play_number(uniform(site, i, 0.25, 4));
    case 'w':
        return play_number(wide(name, site, i));
    default:
        return play_number(uniform(site, i, -2, 2));
    }
}

void
play_fill(Ref *r)
{
    for (int k = 0; k < r->ntensor; k++) {
        RefTensor *t = &r->tensor[k];

        for (int64_t i = 0; i < shape_count(&t->shape); i++)
            t->value[i] = number(t->name, i);
    }
}

/* Padded height and width of the phase's pictures. */
static void
picture(const Ref *r, double size[REF_LIST])
{
    size[0] = size[1] = 1;
    for (int i = 0; i < r->now->nnode; i++) {
        const RefNode *n = &r->now->node[i];

        if (!strcmp(n->op, "valid_mask"))
            attr_list(n, "image", size);
        else if (!strcmp(n->op, "normalise"))
            for (int k = 0; k < 2; k++)
                size[k] = (double)n->shape[0].dim[1 + k];
    }
}

const char *
play_case(const RefPhase *p)
{
    return p->out[p->nout > 1 && !strcmp(p->out[0].name, "loss")].name;
}

/* The first answer is 0, the others weigh the output's elements.  A case's
 * numbers are its own, whatever stands before it. */
static double
door_number(const Ref *r, const char *door, int64_t i)
{
    uint32_t site = site_of(door) + site_of(play_case(r->now));
    double size[REF_LIST];

    if (!strcmp(door, "answers"))
        return i ? play_number(copysign(uniform(site, i, 0.5, 1.5),
                                        uniform(site, i, -1, 2)))
                 : 0;
    if (!strcmp(door, "image"))
        return floor(uniform(site, i, 0, 256));
    if (!strcmp(door, "image_size")) {
        picture(r, size);
        return i < 2 ? size[i] : ceil(uniform(site, i, 0, size[i % 2]));
    }
    return floor(uniform(site, i, 0, 7));
}

void
play_fill_doors(Ref *r)
{
    for (int k = 0; k < r->now->nnode; k++) {
        RefNode *n = &r->now->node[k];

        if (!strcmp(n->op, "input"))
            for (int64_t i = 0; i < shape_count(&n->shape[0]); i++)
                n->v[0][i] = door_number(r, attr_text(n, "door"), i);
    }
}

/* --------------------------------------------------------------------- plan */

static void
check(Soho *run, int code)
{
    if (!code)
        return;
    fprintf(stderr, "%s\n", soho_message(run));
    exit(1);
}

Soho *
play_open(const char *plan)
{
    Soho *run;

    check(run, soho_open(plan, NULL, &run));
    check(run, soho_init(run, PLAY_SEED));
    return run;
}

/* Numbers as the tensor's own type. */
static void
put(const double *from, const SohoTensor *to)
{
    int64_t n = 1;

    for (uint32_t i = 0; i < to->rank; i++)
        n *= to->dim[i];
    for (int64_t i = 0; i < n; i++)
        if (!strcmp(to->dtype, "f32"))
            ((float *)to->data)[i] = (float)from[i];
        else if (!strcmp(to->dtype, "i32"))
            ((int32_t *)to->data)[i] = (int32_t)from[i];
        else
            ((uint8_t *)to->data)[i] = (uint8_t)from[i];
}

void
play_put(const Ref *r, Soho *run)
{
    SohoTensor t;

    for (int i = 0; i < r->ntensor; i++) {
        check(run, soho_tensor(run, r->tensor[i].name, &t));
        put(r->tensor[i].value, &t);
    }
}

void
play_run(const Ref *r, Soho *run)
{
    bool train = !strcmp(r->now->kind, "train");
    SohoTensor t;

    for (int i = 0; i < r->now->nnode; i++) {
        const RefNode *n = &r->now->node[i];

        if (strcmp(n->op, "input"))
            continue;
        if (!soho_door(run, r->now->name, attr_text(n, "door"), &t))
            put(n->v[0], &t); /* else nothing of the phase needs it */
    }
    for (int w = 0; w < (train ? r->accumulate : 1); w++) {
        soho_step(run, r->seed, r->t, (uint32_t)w, 0);
        check(run, soho_run(run, r->now->name));
    }
}

const float *
play_door(Soho *run, const char *phase, const char *name)
{
    SohoTensor t;

    return soho_door(run, phase, name, &t) ? NULL : t.data;
}

const float *
play_tensor(Soho *run, const char *name, const char *prefix)
{
    char full[300];
    SohoTensor t;

    snprintf(full, sizeof full, "%s%s", prefix, name);
    return soho_tensor(run, full, &t) ? NULL : t.data;
}
