/* instance.c - instances of an op's own template, with its attributes and what
 * a launch needs as #defines. */
#include "compiler/lower.h"

void
instance_define(Instance *i, const char *name, const char *value)
{
    if (i->k.ndef == countof(i->def))
        bug("%s: too many #defines", i->k.tmpl);
    i->def[i->k.ndef++] = (Define){intern(name), intern(value)};
}

static const char *
upper(const char *s)
{
    char text[64];
    u32 n = 0;
    for (; s[n] && n < sizeof text - 1; n++)
        text[n] = s[n] >= 'a' && s[n] <= 'z' ? (char)(s[n] - 32) : s[n];
    text[n] = 0;
    return intern(text);
}

const char *
number_text(f64 x)
{
    if (x == (f64)(i64)x && x > -1e15 && x < 1e15)
        return format("%lld", (long long)x);
    return format("%.17g", x);
}

/* "12, 16" for a C array; an empty list needs a number, too. */
static const char *
list_text(const Attr *a)
{
    const char *text = a->n ? number_text(a->list[0]) : "0";
    for (u32 j = 1; j < a->n; j++)
        text = format("%s, %s", text, number_text(a->list[j]));
    return text;
}

void
instance_attrs(Instance *i, const Node *n)
{
    const Op *op = &optab[n->op];
    for (u32 k = 0; k < op->nattr; k++) {
        const AttrSpec *s = &op->attr[k];
        const Attr *a = &n->attr[k];
        const char *name = upper(s->name);
        if (!strcmp(s->name, "dims") || !strcmp(s->name, "tensor") ||
            !strcmp(s->name, "group"))
            continue;
        if (!strcmp(s->name, "site") && is_attention(n))
            continue;
        if (!strcmp(s->name, "site")) {
            instance_define(i, "SITE", format("0x%08xu", draw_site(a->str)));
        } else if (s->type == 's') {
            instance_define(i, format("%s_%s", name, a->str), "1");
        } else if (s->type == 'l' && op->kind == KIND_effect) {
            instance_define(i, name, list_text(a));
            instance_define(i, format("%s_N", name), number_text(a->n));
        } else if (s->type == 'l') {
            for (u32 j = 0; j < a->n; j++)
                instance_define(i, format("%s%u", name, j),
                                number_text(a->list[j]));
            instance_define(i, format("%s_N", name), number_text(a->n));
        } else {
            instance_define(i, name, number_text(a->num));
        }
    }
}

void
instance_start(Instance *i, const Node *n)
{
    const char *name = optab[n->op].name;
    *i = (Instance){.k = {.name = intern(name),
                          .tmpl = intern(name),
                          .place = n->place,
                          .job = *n->name ? n->name : name}};
}

/* GPU: threads that an instance can use.  Kernels over whole ranges, whose
 * lengths are not known yet, and those with one thread say so. */
enum { BLOCK = 256, RANGE_BLOCKS = 512 };

static i64
items_of(const Lower *l, const Node *n)
{
    switch (n->op) {
    case OP_schedule:
    case OP_rescale:
    case OP_loss_scale:
    case OP_grad_norm:
        return 1;
    case OP_arg_max:
    case OP_pick_max:
        return type_count(&n->out[0]) * 32; /* a warp looks at a row */
    case OP_normalise:                      /* a thread has a cell */
        return type_count(&n->out[0]) / attr_i(n, "channels");
    case OP_normal:
        return type_count(&l->p->buf[tensor_buf(l, attr_s(n, "tensor"))].type);
    default:
        return n->nout ? type_count(&n->out[0]) : BLOCK * RANGE_BLOCKS;
    }
}

void
instance_step(Lower *l, Instance *i, const Draft *d, const Node *n)
{
    bool gpu = is_gpu(l);
    u32 block = i->k.block ? i->k.block : BLOCK;
    if (gpu) {
        instance_define(i, "BLOCK", format("%u", block));
        instance_define(i, "ARGS", format("%u", d->narg));
        i->k.block = block;
    }
    i->k.def = mem_alloc(i->k.ndef * sizeof *i->def);
    memcpy(i->k.def, i->def, i->k.ndef * sizeof *i->def);
    u32 kernel = kernel_add(l->p, &i->k);
    step_add(l, ST_kernel, kernel, d, l->p->kernel[kernel].name, n->place, 0);
    if (gpu)
        step_blocks(l, (items_of(l, n) + block - 1) / block);
}
