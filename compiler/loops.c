/* loops.c - what a kernel over a group's space reads and writes, along which
 * axes, and the arguments that say so.
 *
 * The axes of a group's space are cut into segments (elem: all; row: kept and
 * reduced; column: before, reduced, after) and collapsed inside each where
 * every operand allows it.  An operand's address is then its pointer plus index
 * times stride over the outer axes, and [j], [0] or [j * s] along the inner
 * one.  Sizes and strides are arguments, so kernels serve every bucket. */
#include "compiler/loops.h"

void
loops_put(Loops *x, const char *slot, const char *place, const char *text)
{
    if (x->nline == MAX_LINES)
        bug("a kernel of more than %d lines", MAX_LINES);
    x->line[x->nline++] = (Splice){intern(slot), intern(text), place};
}

i32
loops_member(const Loops *x, u32 id)
{
    for (u32 i = 0; i < x->g->nnode; i++)
        if (x->g->node[i] == id)
            return (i32)i;
    return -1;
}

const Node *
loops_node(const Loops *x, u32 k)
{
    return &x->l->f->node[x->g->node[k]];
}

bool
is_reduction(const Node *n)
{
    return optab[n->op].kind == KIND_reduce;
}

/* ----------------------------------------------------------------- operands */

/* Strides of a value with shape t over the space (right-aligned). */
static void
space_strides(const Loops *x, const Type *t, const i64 *from, i64 *to)
{
    u32 lead = x->space.rank - t->rank;
    for (u32 i = 0; i < x->space.rank; i++)
        to[i] = i < lead || t->dim[i - lead] == 1 ? 0 : from[i - lead];
}

bool
loops_small(const Loops *x, const Type *t)
{
    if (x->g->kind == GROUP_elem)
        return false;
    u32 lead = x->space.rank - t->rank;
    for (u32 i = x->g->first; i < x->g->first + x->g->count; i++)
        if (i >= lead && t->dim[i - lead] != 1)
            return false;
    return true;
}

u32
loops_input(Loops *x, Val v)
{
    for (u32 i = 0; i < x->nop; i++)
        if (!x->op[i].out && x->op[i].v == v)
            return i;
    if (x->nop == MAX_OPERANDS)
        bug("a kernel of more than %d operands", MAX_OPERANDS);
    Where w = where(x->l->f, v);
    Type t = type_of(x->l->f, v);
    Operand *o = &x->op[x->nop];
    u32 buf = value_buf(x->l, w.base);
    u8 dtype = x->l->p->buf[buf].type.dtype;
    *o = (Operand){.v = v,
                   .buf = buf,
                   .dtype = dtype,
                   .offset = w.offset * (i64)dtype_bytes(dtype),
                   .small = loops_small(x, &t)};
    space_strides(x, &t, w.stride, o->stride);
    return x->nop++;
}

static void
add_output(Loops *x, Val v, const Node *store)
{
    if (x->nop == MAX_OPERANDS)
        bug("a kernel of more than %d operands", MAX_OPERANDS);
    Type t = type_of(x->l->f, v);
    i64 stride[MAX_RANK];
    natural_strides(&t, stride);
    Operand *o = &x->op[x->nop++];
    *o = (Operand){.v = v,
                   .store = store,
                   .out = true,
                   .add = store && attr_i(store, "add"),
                   .small = loops_small(x, &t)};
    o->buf =
        store ? tensor_buf(x->l, attr_s(store, "tensor")) : value_buf(x->l, v);
    o->dtype = x->l->p->buf[o->buf].type.dtype;
    space_strides(x, &t, stride, o->stride);
}

/* The value member k reads as input i: through the reshape before a store. */
Val
loops_reads(const Loops *x, u32 k, u32 i)
{
    const Node *n = loops_node(x, k);
    return n->op == OP_store ? through_reshape(x->l->f, n->in[i]) : n->in[i];
}

bool
loops_inside(const Loops *x, Val v)
{
    return loops_member(x, VAL_NODE(v)) >= 0;
}

static void
add_draw(Loops *x, u32 k, const Node *n)
{
    if (x->ndraw == MAX_DRAWS)
        bug("a kernel with more than %d draws", MAX_DRAWS);
    Draw *d = &x->draw[x->ndraw++];
    *d = (Draw){.k = k, .offset = attr_i(n, "offset")};
    const Attr *whole = attr_l(n, "stride");
    i64 stride[MAX_RANK];
    natural_strides(&n->out[0], stride);
    for (u32 i = 0; i < whole->n; i++)
        stride[i] = (i64)whole->list[i];
    space_strides(x, &n->out[0], stride, d->stride);
}

void
loops_operands(Loops *x)
{
    const Func *f = x->l->f;
    for (u32 k = 0; k < x->g->nnode; k++) {
        const Node *n = loops_node(x, k);
        for (u32 i = 0; i < n->nin; i++) {
            Val v = loops_reads(x, k, i);
            if (!loops_inside(x, v) && !val_literal(f, where(f, v).base, NULL))
                loops_input(x, v);
        }
        if (n->op == OP_dropout)
            add_draw(x, k, n);
    }
    for (u32 k = 0; k < x->g->nnode; k++) {
        const Node *n = loops_node(x, k);
        Val v = VAL(x->g->node[k], 0);
        if (n->op == OP_store)
            add_output(x, loops_reads(x, k, 0), n);
        else if (x->l->outside[v])
            add_output(x, v, NULL);
    }
}

/* ----------------------------------------------------------------- segments */

static bool
may_merge(const Loops *x, u32 outer, u32 inner, u32 seg)
{
    for (u32 i = 0; i < x->nop; i++) {
        const Operand *o = &x->op[i];
        if (o->small && x->g->kind != GROUP_elem && seg == 1)
            continue;
        if (o->stride[outer] != o->stride[inner] * x->space.dim[inner])
            return false;
    }
    for (u32 i = 0; i < x->ndraw; i++)
        if (x->draw[i].stride[outer] !=
            x->draw[i].stride[inner] * x->space.dim[inner])
            return false;
    return true;
}

void
loops_collapse(Loops *x, u32 seg, u32 first, u32 count)
{
    Segment *s = &x->seg[seg];
    s->n = 0;
    for (u32 i = first; i < first + count; i++) {
        if (x->space.dim[i] == 1)
            continue;
        Axis *last = s->n ? &s->axis[s->n - 1] : NULL;
        if (last && may_merge(x, last->from, i, seg)) {
            last->from = i;
            last->size *= x->space.dim[i];
        } else {
            s->axis[s->n++] = (Axis){i, x->space.dim[i]};
        }
    }
    if (!s->n)
        s->axis[s->n++] = (Axis){first < MAX_RANK ? first : 0, 1};
}

i64
loops_stride(const i64 *stride, const Axis *a)
{
    return a->size == 1 ? 0 : stride[a->from];
}

/* --------------------------------------------------------- args and indices */

static const char *
c_type(u8 dtype)
{
    static const char *const name[NDTYPE] = {[DT_u8] = "uint8_t",
                                             [DT_i32] = "int32_t",
                                             [DT_f32] = "float",
                                             [DT_bf16] = "uint16_t",
                                             [DT_f16] = "uint16_t"};
    return name[dtype];
}

/* A 64-bit argument as a named local. */
const char *
loops_int(Loops *x, const char *name, i64 value)
{
    loops_put(x, "args", "",
              format("const int64_t %s = a[%u].i;", name, x->d.narg));
    draft_int(&x->d, value);
    return name;
}

void
loops_pointers(Loops *x)
{
    for (u32 i = 0; i < x->nop; i++) {
        const Operand *o = &x->op[i];
        if (o->absent)
            continue;
        loops_put(x, "args", "",
                  format("%s%s *const p%u = a[%u].p;", o->out ? "" : "const ",
                         c_type(o->dtype), i, x->d.narg));
        draft_buf(&x->d, o->buf,
                  !o->out  ? ACCESS_r
                  : o->add ? ACCESS_rw
                           : ACCESS_w,
                  o->offset);
    }
    if (!x->ndraw)
        return;
    loops_put(x, "args", "",
              format("const SohoStep *const step = a[%u].p;", x->d.narg));
    draft_buf(&x->d, tensor_buf(x->l, "step"), ACCESS_r, 0);
}

/* How a kernel counts along these axes: a GPU divides 32-bit numbers faster. */
static const char *
index_type(const Loops *x, const Axis *axis, u32 n)
{
    i64 all = 1;
    for (u32 i = 0; i < n; i++)
        all *= axis[i].size;
    return x->dialect->gpu && all <= INT32_MAX ? "uint32_t" : "int64_t";
}

/* "(uint32_t)row" where that is not the type already. */
static const char *
as_type(const char *type, const char *word)
{
    return strcmp(type, "int64_t") ? format("(%s)%s", type, word) : word;
}

void
loops_cut(Loops *x, const char *slot, const char *from, const char *word,
          const Axis *axis, u32 n)
{
    const char *type = index_type(x, axis, n), *rest = as_type(type, from);
    for (u32 i = n; i-- > 1;) {
        const char *size = as_type(type, format("%s_n%u", word, i));
        const char *next = format("%s_q%u", word, i);
        loops_put(
            x, slot, "",
            format("const %s %s%u = %s %% %s;", type, word, i, rest, size));
        loops_put(x, slot, "",
                  format("const %s %s = %s / %s;", type, next, rest, size));
        rest = next;
    }
    loops_put(x, slot, "", format("const %s %s0 = %s;", type, word, rest));
}

void
loops_indices(Loops *x, const char *slot, const char *from, const char *word,
              const Axis *axis, u32 n)
{
    for (u32 i = n; i-- > 1;)
        loops_int(x, format("%s_n%u", word, i), axis[i].size);
    loops_cut(x, slot, from, word, axis, n);
}

const char *
loops_offset(Loops *x, const char *name, const i64 *stride, const char *word,
             const Axis *axis, u32 n)
{
    const char *text = "";
    for (u32 i = 0; i < n; i++) {
        i64 s = loops_stride(stride, &axis[i]);
        if (!s)
            continue;
        const char *arg = loops_int(x, format("%s_%s%u", name, word, i), s);
        text = format("%s + %s%u * %s", text, word, i, arg);
    }
    return text;
}

void
loops_pointer(Loops *x, const char *slot, u32 op, const char *offset)
{
    const Operand *o = &x->op[op];
    loops_put(x, slot, "",
              format("%s%s *const x%u = p%u%s;", o->out ? "" : "const ",
                     c_type(o->dtype), op, op, offset));
}

/* "x3[j]": element j of the inner axis. */
const char *
loops_element(Loops *x, u32 op, const Axis *inner)
{
    i64 s = loops_stride(x->op[op].stride, inner);
    if (s == 0)
        return format("x%u[0]", op);
    if (s == 1)
        return format("x%u[j]", op);
    return format("x%u[j * s%u_j]", op, op);
}

void
loops_inner_arg(Loops *x, u32 op, const Axis *inner)
{
    i64 s = loops_stride(x->op[op].stride, inner);
    if (s != 0 && s != 1)
        loops_int(x, format("s%u_j", op), s);
}

const char *
loops_single(Loops *x, u32 op)
{
    const Segment *s = &x->seg[x->g->kind == GROUP_column ? 2 : 0];
    return loops_element(x, op, &s->axis[s->n - 1]);
}

const char *
loops_inner(Loops *x, u32 op)
{
    return x->op[op].wide ? format("w%u.at[e]", op) : loops_single(x, op);
}

const char *
loops_operand(Loops *x, u32 op, const char *word, const Axis *axis, u32 n)
{
    return loops_offset(x, format("s%u", op), x->op[op].stride, word, axis, n);
}

bool
loops_uses(const Loops *x, const char *slot, u32 op)
{
    const char *pointer =
        x->op[op].wide ? format("w%u.", op) : format("x%u[", op);
    for (u32 i = 0; i < x->nline; i++)
        for (const char *s = x->line[i].text;
             strcmp(x->line[i].slot, slot) == 0; s++) {
            s = strstr(s, pointer);
            if (!s)
                break;
            if (s == x->line[i].text || s[-1] == ' ' || s[-1] == '(' ||
                s[-1] == '-')
                return true;
        }
    return false;
}

/* ----------------------------------------------------------------- vectors
 * A GPU moves 16 bytes of a thread at once. */

/* Do all rows of an operand begin at a multiple of n elements? */
static bool
is_aligned(const Operand *o, u32 n, const Axis *axis, u32 naxis)
{
    i64 all = o->offset / (i64)dtype_bytes(o->dtype);
    for (u32 i = 0; i < naxis; i++)
        all |= loops_stride(o->stride, &axis[i]);
    return all % n == 0;
}

void
loops_widen(Loops *x, u32 most, const Axis *inner, const Axis *axis, u32 n)
{
    u32 wide = most, found = 0;
    while (wide > 1 && inner->size % wide)
        wide /= 2;
    for (u32 i = 0; i < x->nop && wide > 1; i++) {
        Operand *o = &x->op[i];
        o->wide = !(o->out && o->small) && /* those are written one by one */
                  loops_stride(o->stride, inner) == 1 &&
                  is_aligned(o, wide, axis, n) && dtype_bytes(o->dtype) > 1;
        found += o->wide;
    }
    x->vector = found ? wide : 1;
}

void
loops_vectors(Loops *x)
{
    for (u32 i = 0; i < x->nop; i++) {
        const Operand *o = &x->op[i];
        const char *type = format("Vector<%s, VECTOR>", c_type(o->dtype));
        if (!o->wide || o->absent)
            continue;
        if (!o->out || o->add)
            loops_put(x, "load", "",
                      format("%s%s w%u = load_vector<VECTOR>(x%u + j1);",
                             o->out ? "" : "const ", type, i, i));
        else
            loops_put(x, "load", "", format("%s w%u;", type, i));
        if (o->out)
            loops_put(x, "save", "",
                      format("save_vector(x%u + j1, w%u);", i, i));
    }
}
