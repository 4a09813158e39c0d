/* conv.c - convolution steps against plain loops: three directions, odd sizes,
 * strides, dilation, uneven padding, groups, every post-operation. */
#include <math.h>

#include "libcheck.h"

typedef struct Case {
    const char *name;
    PlanConv c;
    u32 out, in[2], plain, bias, residual, phase; /* buffers */
} Case;

static i64
count_x(const PlanConv *c)
{
    return c->n * c->h * c->w * c->ci;
}

static i64
count_y(const PlanConv *c)
{
    return c->n * c->oh * c->ow * c->co;
}

static i64
count_w(const PlanConv *c)
{
    return c->co * c->ci / c->groups * c->kh * c->kw;
}

/* ------------------------------------------------------------ the reference */

/* Calls `term` for every product of the convolution: indices into y, x, w. */
static void
each_term(const PlanConv *c, void (*term)(u64 y, u64 x, u64 w, void *user),
          void *user)
{
    i64 cg = c->ci / c->groups, og = c->co / c->groups;

    for (i64 y = 0; y < count_y(c); y++) {
        i64 o = y % c->co, q = y / c->co % c->ow, p = y / c->co / c->ow % c->oh;
        i64 n = y / c->co / c->ow / c->oh;

        for (i64 w = 0; w < cg * c->kh * c->kw; w++) {
            i64 i = w / c->kw / c->kh, r = w / c->kw % c->kh, s = w % c->kw;
            i64 a = p * c->stride[0] + r * c->dilation[0] - c->pad[0];
            i64 b = q * c->stride[1] + s * c->dilation[1] - c->pad[1];

            if (a < 0 || a >= c->h || b < 0 || b >= c->w)
                continue;
            term((u64)y,
                 (u64)(((n * c->h + a) * c->w + b) * c->ci + o / og * cg + i),
                 (u64)(o * cg * c->kh * c->kw + w), user);
        }
    }
}

typedef struct Sum {
    u32 dir;
    f64 *to;
    const f32 *first, *second; /* in the order of the step's arguments */
} Sum;

static void
add_term(u64 y, u64 x, u64 w, void *user)
{
    Sum *s = user;

    if (s->dir == 0)
        s->to[y] += (f64)s->first[x] * s->second[w];
    else if (s->dir == 1)
        s->to[x] += (f64)s->first[y] * s->second[w];
    else
        s->to[w] += (f64)s->first[x] * s->second[y];
}

static void
finish(const PlanConv *c, f64 *y, i64 n, const f32 *bias, const f32 *residual)
{
    for (i64 i = 0; i < n; i++) {
        if (c->post & POST_bias)
            y[i] += bias[i % c->co];
        if (c->post & POST_add)
            y[i] += residual[i];
        if (c->post & POST_relu)
            y[i] = y[i] > 0 ? y[i] : 0;
        if (c->post & POST_gelu)
            y[i] = 0.5 * y[i] * (1 + erf(y[i] / sqrt(2)));
    }
}

/* ----------------------------------------------------------------- the plan */

static u32
memory(Make *m, const char *phase, const char *name, u32 arena, u32 role,
       u64 bytes)
{
    char text[64];

    snprintf(text, sizeof text, "%s.%s", phase, name);
    return make_buffer(m, text, arena, role, DT_u8, (i64)bytes, (i64)0);
}

static u32
add_pack(Make *m, Case *t, const char *name)
{
    char text[64];
    u32 phase;

    t->plain =
        memory(m, name, "weight", AR_param, RO_param, (u64)count_w(&t->c) * 4);
    t->in[1] = memory(m, name, "packed", AR_const, RO_const, t->c.packed);
    snprintf(text, sizeof text, "pack.%s", name);
    phase = make_phase(m, text, PH_pack);
    make_step(m, ST_pack_conv, m->nconv, text);
    make_arg(m, ACCESS_w, t->in[1], 0);
    make_arg(m, ACCESS_r, t->plain, 0);
    return phase;
}

/* Scratch of the step at the end of its arguments. */
static void
add_scratch(Make *m, const char *name, const char *what, u64 bytes)
{
    if (bytes)
        make_arg(m, ACCESS_w, memory(m, name, what, AR_act, RO_scratch, bytes),
                 0);
}

static int
add(Make *m, Case *t, u32 i)
{
    PlanConv *c = &t->c;
    i64 size[3][3] = {{count_y(c), count_x(c), count_w(c)},
                      {count_x(c), count_y(c), count_w(c)},
                      {count_w(c), count_x(c), count_y(c)}};
    u32 accum = c->post & POST_accum, pack = PLAN_NONE;
    char name[16];
    int code = onednn_sizes_conv(engine, c);

    if (code) {
        check(0, t->name, onednn_reason(code));
        return 0;
    }
    snprintf(name, sizeof name, "c%u", i);
    m->conv[m->nconv] = *c;
    if (c->dir < 2)
        pack = add_pack(m, t, name);
    t->phase = make_phase(m, name, PH_train);
    m->phase[t->phase].pack = pack;
    t->out = lib_door(m, name, "out", !accum, size[c->dir][0]);
    t->in[0] = lib_door(m, name, "first", 0, size[c->dir][1]);
    if (c->dir == 2)
        t->in[1] = t->plain = lib_door(m, name, "dy", 0, size[2][2]);
    t->bias = c->post & POST_bias ? lib_door(m, name, "bias", 0, c->co) : 0;
    t->residual =
        c->post & POST_add ? lib_door(m, name, "res", 0, count_y(c)) : 0;
    make_step(m, ST_conv, m->nconv++, t->name);
    make_arg(m, accum ? ACCESS_rw : ACCESS_w, t->out, 0);
    make_arg(m, ACCESS_r, t->in[0], 0);
    make_arg(m, ACCESS_r, t->in[1], 0);
    if (t->bias)
        make_arg(m, ACCESS_r, t->bias, 0);
    if (t->residual)
        make_arg(m, ACCESS_r, t->residual, 0);
    if (c->dir == 2)
        add_scratch(m, name, "packed", c->packed);
    add_scratch(m, name, "scratch", c->scratch);
    return 1;
}

static void
run_case(Run *run, const Case *t, u32 salt)
{
    const PlanConv *c = &t->c;
    i64 n = c->dir == 0 ? count_y(c) : c->dir == 1 ? count_x(c) : count_w(c);
    f32 *out = lib_fill(run, t->out, salt);
    f32 *residual = lib_fill(run, t->residual, salt + 1);
    f32 *bias = lib_fill(run, t->bias, salt + 2);
    f64 *want = calloc((size_t)n, sizeof *want), worst = 0, largest = 0;
    Sum sum = {c->dir, want, lib_fill(run, t->in[0], salt + 3),
               lib_fill(run, t->plain, salt + 4)};
    char why[64];

    for (i64 i = 0; i < n && c->post & POST_accum; i++)
        want[i] = out[i];
    each_term(c, add_term, &sum);
    if (c->dir == 0)
        finish(c, want, n, bias, residual);
    run_weights_changed(run);
    if (run_phase(run, t->phase)) {
        check(0, t->name, run->err.text);
    } else {
        for (i64 i = 0; i < n; i++) {
            worst = fmax(worst, fabs(out[i] - want[i]));
            largest = fmax(largest, fabs(want[i]));
        }
        snprintf(why, sizeof why, "relative error %.2e", worst / largest);
        check(worst / largest < 3e-6, t->name, why);
    }
    free(want);
}

/* ---------------------------------------------------------------- the cases */

static i64
out_size(i64 in, i64 pad, i64 k, i64 dilation, i64 stride)
{
    return (in + pad - (k - 1) * dilation - 1) / stride + 1;
}

/* k x k window, stride s, padding p on all sides. */
static PlanConv
conv(i64 n, i64 h, i64 w, i64 ci, i64 co, i64 k, i64 s, i64 p)
{
    return (PlanConv){.dtype = {DT_f32, DT_f32, DT_f32, DT_f32},
                      .n = n,
                      .h = h,
                      .w = w,
                      .ci = ci,
                      .co = co,
                      .kh = k,
                      .kw = k,
                      .stride = {s, s},
                      .dilation = {1, 1},
                      .groups = 1,
                      .pad = {p, p, p, p}};
}

static PlanConv
uneven(void)
{
    PlanConv c = conv(2, 13, 11, 5, 7, 3, 1, 0);

    c.kw = 2;
    c.stride[1] = 2;
    c.dilation[0] = 2;
    memcpy(c.pad, (i64[]){2, 1, 1, 0}, sizeof c.pad);
    return c;
}

/* The last row and column are not read. */
static PlanConv
short_of(i64 k, i64 p)
{
    PlanConv c = conv(1, 12, 8, 16, 24, k, 2, p);

    c.pad[2] = c.pad[3] = p - 1;
    return c;
}

static PlanConv
grouped(i64 channels, i64 groups)
{
    PlanConv c = conv(1, 9, 7, channels, channels, 3, 1, 1);

    c.groups = groups;
    return c;
}

static int
test(u32 cpu)
{
    enum {
        B = POST_bias,
        R = POST_relu,
        G = POST_gelu,
        A = POST_add,
        S = POST_accum
    };
    static const struct {
        const char *name;
        u32 post;
    } posts[] = {{"", 0},
                 {" bias", B},
                 {" bias relu", B | R},
                 {" gelu", G},
                 {" accum", S},
                 {" residual", A},
                 {" bias residual relu", B | A | R},
                 {" accum bias residual gelu", S | B | A | G}};
    struct {
        const char *name;
        PlanConv c;
    } shapes[] = {
        {"3x3", conv(2, 13, 11, 16, 24, 3, 1, 1)},
        {"3x3 odd channels", conv(1, 9, 13, 13, 17, 3, 1, 1)},
        {"3x3 stride 2", conv(2, 13, 11, 16, 32, 3, 2, 1)},
        {"7x7 stride 2 of 3 channels", conv(2, 31, 27, 3, 24, 7, 2, 3)},
        {"1x1", conv(2, 7, 5, 32, 40, 1, 1, 0)},
        {"1x1 stride 2", conv(1, 7, 9, 16, 24, 1, 2, 0)},
        {"1x1 stride 2 left over", short_of(1, 0)},
        {"3x3 stride 2 left over", short_of(3, 1)},
        {"1 pixel", conv(1, 1, 1, 8, 8, 3, 1, 1)},
        {"uneven", uneven()},
        {"4 groups", grouped(32, 4)},
        {"depthwise", grouped(24, 24)}};
    static const char *const dir[] = {"", " dx", " dw", " dw accum"};
    static Case list[64];
    static char names[64][64];
    static Make m;
    u32 n = 0;
    Run *run;

    for (u32 s = 0; s < countof(shapes); s++)
        for (u32 d = 0; d < 4; d++, n++) {
            snprintf(names[n], sizeof *names, "%s%s", shapes[s].name, dir[d]);
            list[n] = (Case){.name = names[n], .c = shapes[s].c};
            list[n].c.dir = d < 2 ? d : 2;
            list[n].c.post = d < 2 ? POST_packed : d == 3 ? POST_accum : 0;
        }
    for (u32 p = 1; p < countof(posts); p++, n++) {
        snprintf(names[n], sizeof *names, "3x3%s", posts[p].name);
        list[n] = (Case){.name = names[n], .c = shapes[p % 2].c};
        list[n].c.post = POST_packed | posts[p].post;
    }
    lib_start(&m, cpu);
    for (u32 i = 0; i < n; i++) {
        PlanConv *c = &list[i].c;

        c->oh = out_size(c->h, c->pad[0] + c->pad[2], c->kh, c->dilation[0],
                         c->stride[0]);
        c->ow = out_size(c->w, c->pad[1] + c->pad[3], c->kw, c->dilation[1],
                         c->stride[1]);
        if (!add(&m, &list[i], i))
            return 1;
    }
    run = lib_open(&m);
    for (u32 i = 0; run && i < n; i++)
        run_case(run, &list[i], i * 8);
    run_close(run);
    return failed;
}

int
main(void)
{
    return lib_each_cpu(test);
}
