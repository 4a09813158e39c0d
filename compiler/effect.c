/* effect.c - lowering of effects, which write tensors beside the graph: first
 * values, the gradients' zeroes, the rules of an update. */
#include "compiler/lower.h"

/* The buffer that covers all tensors of a role (and group, and prefix). */
static u32
range(Lower *l, const char *name, u32 arena, u32 role, i32 group,
      const char *prefix)
{
    u32 b = buf_find(l->p, name);
    if (b != PLAN_NONE)
        return b;
    i32 dim = 1;
    Type t = type_make(DT_f32, 1, &dim);
    b = buf_add(l->p, name, &t, arena, RO_range, -1, "");
    l->p->buf[b].span_role = (u8)role;
    l->p->buf[b].span_group = group;
    l->p->buf[b].span_prefix = prefix;
    return b;
}

static u32
grads(Lower *l)
{
    return range(l, "range.grad", AR_grad, RO_grad, -1, "");
}

static void
draft_rule(Lower *l, Draft *d, const Node *n)
{
    i32 g = (i32)attr_i(n, "group");
    u32 p = range(l, format("range.param.%d", g), AR_param, RO_param, g, "");
    draft_buf(d, p, ACCESS_rw, 0);
    draft_buf(d, range(l, format("range.grad.%d", g), AR_grad, RO_grad, g, ""),
              ACCESS_r, 0);
    draft_buf(d,
              range(l, format("range.moment1.%d", g), AR_state, RO_moment, g,
                    "moment1."),
              ACCESS_rw, 0);
    if (n->op == OP_adamw)
        draft_buf(d,
                  range(l, format("range.moment2.%d", g), AR_state, RO_moment,
                        g, "moment2."),
                  ACCESS_rw, 0);
    draft_buf(d, tensor_buf(l, "step"), ACCESS_r, 0);
    draft_range(d, p);
}

static void
lower_fill(Lower *l, const Node *n)
{
    u32 b = tensor_buf(l, attr_s(n, "tensor"));
    f32 x = (f32)attr_f(n, "value");
    u32 word;
    memcpy(&word, &x, sizeof word);
    Draft d = {.narg = 0};
    draft_buf(&d, b, ACCESS_w, 0);
    draft_int(&d, (i64)l->p->buf[b].bytes);
    draft_int(&d, word);
    step_add(l, ST_fill, 0, &d, "fill", n->place, 0);
}

u32
draw_site(const char *s)
{
    u32 crc = 0xffffffffu;
    for (; *s; s++) {
        crc ^= (u8)*s;
        for (u32 k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void
draft_normal(Lower *l, Draft *d, const Node *n)
{
    const char *tensor = attr_s(n, "tensor");
    u32 b = tensor_buf(l, tensor);
    f64 std = attr_f(n, "std");
    i64 bits;
    memcpy(&bits, &std, sizeof bits);
    draft_buf(d, b, ACCESS_w, 0);
    draft_buf(d, tensor_buf(l, "step"), ACCESS_r, 0);
    draft_int(d, type_count(&l->p->buf[b].type));
    draft_int(d, draw_site(tensor));
    draft_int(d, bits);
}

/* GPU: parts of the sum of squares, in a kernel before the one that adds them
 * up.  As many as templates/cuda/grad_norm_part.cu has. */
enum { NORM_PARTS = 256 };

static void
lower_grad_norm(Lower *l, const Node *n)
{
    u32 parts = scratch_buf(l, NORM_PARTS * sizeof(f64), n->place);
    Draft d = {.narg = 0}, end = {.narg = 0};
    Instance part, inst;
    instance_start(&part, n);
    part.k.name = part.k.tmpl = intern("grad_norm_part");
    draft_buf(&d, parts, ACCESS_w, 0);
    draft_buf(&d, grads(l), ACCESS_r, 0);
    draft_range(&d, grads(l));
    instance_step(l, &part, &d, n);
    step_blocks(l, NORM_PARTS);
    instance_start(&inst, n);
    draft_buf(&end, tensor_buf(l, "step"), ACCESS_rw, 0);
    draft_buf(&end, parts, ACCESS_r, 0);
    instance_attrs(&inst, n);
    instance_step(l, &inst, &end, n);
}

void
lower_effect(Lower *l, const Node *n)
{
    if (n->op == OP_fill) {
        lower_fill(l, n);
        return;
    }
    if (n->op == OP_grad_norm && is_gpu(l)) {
        lower_grad_norm(l, n);
        return;
    }
    Draft d = {.one_way = n->op == OP_zero_grad || n->op == OP_commit};
    Instance inst;
    instance_start(&inst, n);
    u32 step = tensor_buf(l, "step");
    switch (n->op) {
    case OP_zero_grad:
        draft_buf(&d, grads(l), ACCESS_rw, 0);
        draft_buf(&d, step, ACCESS_r, 0);
        draft_range(&d, grads(l));
        break;
    case OP_schedule:
    case OP_rescale:
        draft_buf(&d, step, ACCESS_rw, 0);
        break;
    case OP_grad_norm:
        draft_buf(&d, step, ACCESS_rw, 0);
        draft_buf(&d, grads(l), ACCESS_r, 0);
        draft_range(&d, grads(l));
        break;
    case OP_commit: {
        u32 live = range(l, "range.live", AR_state, RO_state, -1, "");
        draft_buf(&d, live, ACCESS_rw, 0);
        draft_buf(&d, range(l, "range.good", AR_state, RO_good, -1, ""),
                  ACCESS_rw, 0);
        draft_buf(&d, step, ACCESS_rw, 0);
        draft_range(&d, live);
        break;
    }
    case OP_normal:
        draft_normal(l, &d, n);
        instance_step(l, &inst, &d, n);
        return;
    default:
        draft_rule(l, &d, n);
    }
    instance_attrs(&inst, n);
    instance_step(l, &inst, &d, n);
}
