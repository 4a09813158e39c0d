/* kernel.c - lowering of element-wise, row and column groups: the lines that
 * are put into the slots of templates elem.c, row.c and column.c, and the
 * arguments those lines unpack.
 *
 * The axes of a group's space are cut into segments (elem: all; row: kept and
 * reduced; column: before, reduced, after) and collapsed inside each where
 * every operand allows it.  An operand's address is then its pointer plus index
 * times stride over the outer axes, and [j], [0] or [j * s] along the inner
 * one.  Sizes and strides are arguments, so kernels serve every bucket. */
#include "compiler/lower.h"

enum { MAX_OPERANDS = 40, MAX_LINES = 320 };

/* One tensor that a kernel reads or writes. */
typedef struct Operand {
    Val v;             /* value read; or value written */
    const Node *store; /* written: the store it serves, or NULL */
    u32 buf;
    i64 offset; /* bytes */
    u8 dtype;
    bool out, add, small; /* small: has the reduced shape */
    i64 stride[MAX_RANK]; /* over the axes of the space */
} Operand;

/* A run of collapsed axes of the space. */
typedef struct Axis {
    u32 from; /* index of its innermost original axis */
    i64 size;
} Axis;
typedef struct Segment {
    Axis axis[MAX_RANK];
    u32 n; /* at least 1 */
} Segment;

typedef struct Loops {
    Lower *l;
    const Group *g;
    Type space;
    Operand op[MAX_OPERANDS];
    u32 nop;
    Segment seg[3];
    Draft d;
    Splice line[MAX_LINES];
    u32 nline;
    const char **text; /* per member k: its C expression's name, or NULL */
    bool draws;
    const char *place, *job; /* of the group's first node */
} Loops;

static void
put(Loops *x, const char *slot, const char *place, const char *text)
{
    if (x->nline == MAX_LINES)
        bug("a kernel of more than %d lines", MAX_LINES);
    x->line[x->nline++] = (Splice){intern(slot), intern(text), place};
}

static i32
member(const Loops *x, u32 id)
{
    for (u32 i = 0; i < x->g->nnode; i++)
        if (x->g->node[i] == id)
            return (i32)i;
    return -1;
}

static const Node *
node_at(const Loops *x, u32 k)
{
    return &x->l->f->node[x->g->node[k]];
}

static bool
is_reduce(const Node *n)
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

static bool
is_small(const Loops *x, const Type *t)
{
    if (x->g->kind == GROUP_elem)
        return false;
    u32 lead = x->space.rank - t->rank;
    for (u32 i = x->g->first; i < x->g->first + x->g->count; i++)
        if (i >= lead && t->dim[i - lead] != 1)
            return false;
    return true;
}

static u32
add_input(Loops *x, Val v)
{
    for (u32 i = 0; i < x->nop; i++)
        if (!x->op[i].out && x->op[i].v == v)
            return i;
    if (x->nop == MAX_OPERANDS)
        bug("a kernel of more than %d operands", MAX_OPERANDS);
    Where w = where(x->l->f, v);
    Type t = type_of(x->l->f, v);
    Operand *o = &x->op[x->nop];
    *o = (Operand){.v = v,
                   .buf = value_buf(x->l, w.base),
                   .dtype = t.dtype,
                   .offset = w.offset * (i64)dtype_bytes(t.dtype),
                   .small = is_small(x, &t)};
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
                   .dtype = t.dtype,
                   .out = true,
                   .add = store && attr_i(store, "add"),
                   .small = is_small(x, &t)};
    o->buf =
        store ? tensor_buf(x->l, attr_s(store, "tensor")) : value_buf(x->l, v);
    space_strides(x, &t, stride, o->stride);
}

/* The value member k reads as input i: through the reshape before a store. */
static Val
input_of(const Loops *x, u32 k, u32 i)
{
    const Node *n = node_at(x, k);
    return n->op == OP_store ? through_reshape(x->l->f, n->in[i]) : n->in[i];
}

static bool
is_inside(const Loops *x, Val v)
{
    return member(x, VAL_NODE(v)) >= 0;
}

static void
find_operands(Loops *x)
{
    const Func *f = x->l->f;
    for (u32 k = 0; k < x->g->nnode; k++) {
        const Node *n = node_at(x, k);
        for (u32 i = 0; i < n->nin; i++) {
            Val v = input_of(x, k, i);
            if (!is_inside(x, v) && !val_literal(f, where(f, v).base, NULL))
                add_input(x, v);
        }
        x->draws |= n->op == OP_dropout;
    }
    for (u32 k = 0; k < x->g->nnode; k++) {
        const Node *n = node_at(x, k);
        Val v = VAL(x->g->node[k], 0);
        if (n->op == OP_store)
            add_output(x, input_of(x, k, 0), n);
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
    return true;
}

static void
collapse(Loops *x, u32 seg, u32 first, u32 count)
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

/* Stride of an operand along a collapsed axis (0 where the axis has size 1). */
static i64
along(const Operand *o, const Axis *a)
{
    return a->size == 1 ? 0 : o->stride[a->from];
}

/* --------------------------------------------------------- args and indices */

static const char *
c_type(u8 dtype)
{
    return dtype == DT_u8 ? "uint8_t" : dtype == DT_i32 ? "int32_t" : "float";
}

/* A 64-bit argument as a named local. */
static const char *
int_arg(Loops *x, const char *name, i64 value)
{
    put(x, "args", "", format("const int64_t %s = a[%u].i;", name, x->d.narg));
    draft_int(&x->d, value);
    return name;
}

static void
pointer_args(Loops *x)
{
    for (u32 i = 0; i < x->nop; i++) {
        const Operand *o = &x->op[i];
        put(x, "args", "",
            format("%s%s *const p%u = a[%u].p;", o->out ? "" : "const ",
                   c_type(o->dtype), i, x->d.narg));
        draft_buf(&x->d, o->buf,
                  !o->out  ? ACCESS_r
                  : o->add ? ACCESS_rw
                           : ACCESS_w,
                  o->offset);
    }
    if (!x->draws)
        return;
    put(x, "args", "",
        format("const SohoStep *const step = a[%u].p;", x->d.narg));
    draft_buf(&x->d, tensor_buf(x->l, "step"), ACCESS_r, 0);
}

/* Lines that cut the number `from` into indices <word>0.. of axes 0..n-1. */
static void
put_indices(Loops *x, const char *slot, const char *from, const char *word,
            const Axis *axis, u32 n)
{
    const char *rest = from;
    for (u32 i = n; i-- > 0;) {
        if (i == 0) {
            put(x, slot, "", format("const int64_t %s0 = %s;", word, rest));
            continue;
        }
        const char *size = int_arg(x, format("%s_n%u", word, i), axis[i].size);
        put(x, slot, "",
            format("const int64_t %s%u = %s %% %s;", word, i, rest, size));
        const char *next = format("%s_q%u", word, i);
        put(x, slot, "",
            format("const int64_t %s = %s / %s;", next, rest, size));
        rest = next;
    }
}

/* " + i0 * s3_i0 + ..." for the axes along which the operand moves. */
static const char *
offset_text(Loops *x, u32 op, const char *word, const Axis *axis, u32 n)
{
    const char *text = "";
    for (u32 i = 0; i < n; i++) {
        i64 s = along(&x->op[op], &axis[i]);
        if (!s)
            continue;
        const char *name = int_arg(x, format("s%u_%s%u", op, word, i), s);
        text = format("%s + %s%u * %s", text, word, i, name);
    }
    return text;
}

static void
put_pointer(Loops *x, const char *slot, u32 op, const char *offset)
{
    const Operand *o = &x->op[op];
    put(x, slot, "",
        format("%s%s *const x%u = p%u%s;", o->out ? "" : "const ",
               c_type(o->dtype), op, op, offset));
}

/* "x3[j]": element j of the inner axis. */
static const char *
element(Loops *x, u32 op, const Axis *inner)
{
    i64 s = along(&x->op[op], inner);
    if (s == 0)
        return format("x%u[0]", op);
    if (s == 1)
        return format("x%u[j]", op);
    return format("x%u[j * s%u_j]", op, op);
}

static void
inner_stride_arg(Loops *x, u32 op, const Axis *inner)
{
    i64 s = along(&x->op[op], inner);
    if (s != 0 && s != 1)
        int_arg(x, format("s%u_j", op), s);
}

/* ------------------------------------------------------------- expressions */

static const char *
literal_text(f64 v)
{
    f32 f = (f32)v;
    if (f != f)
        return "NAN";
    if (f - f != 0)
        return f > 0 ? "INFINITY" : "-INFINITY";
    if (f == (f32)(i32)f && f > -1e6f && f < 1e6f)
        return format("%d.0f", (i32)f);
    char text[32];
    snprintf(text, sizeof text, "%.9g", (f64)f);
    bool dot = strpbrk(text, ".e") != NULL;
    return format(dot ? "%sf" : "%s.0f", text);
}

static bool
is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (c >= '0' && c <= '9');
}

/* The op's formula with its one-letter names replaced. */
static const char *
formula(const char *text, const char *const name[128])
{
    char out[512];
    u64 n = 0;
    for (const char *s = text; *s && n + 128 < sizeof out; s++) {
        bool alone = s == text || (!is_word(s[-1]) && s[-1] != '.');
        const char *to =
            alone && !is_word(s[1]) && (u8)*s < 128 ? name[(u8)*s] : NULL;
        if (to)
            n += (u64)snprintf(out + n, sizeof out - n, "%s", to);
        else
            out[n++] = *s;
    }
    out[n] = 0;
    return intern(out);
}

static const char *
dropout_scale(const Node *n)
{
    return literal_text((f32)(1.0 / (1.0 - attr_f(n, "p"))));
}

/* What member k reads as input i inside a loop over j. */
static const char *
read_text(Loops *x, u32 k, u32 i, const char *(*load)(Loops *, u32))
{
    Val v = input_of(x, k, i);
    f64 value;
    if (val_literal(x->l->f, where(x->l->f, v).base, &value))
        return literal_text(value);
    i32 m = member(x, VAL_NODE(v));
    if (m >= 0)
        return x->text[m];
    return load(x, add_input(x, v));
}

/* Right-hand side of member k. */
static const char *
value_text(Loops *x, u32 k, const char *(*load)(Loops *, u32))
{
    const Node *n = node_at(x, k);
    const char *name[128] = {0};
    for (u32 i = 0; i < n->nin; i++)
        name['a' + i] = read_text(x, k, i, load);
    if (n->op == OP_dropout) {
        name['p'] = literal_text(attr_f(n, "p"));
        name['q'] = dropout_scale(n);
        name['u'] = x->g->kind == GROUP_row ? format("u%u[j]", k)
                                            : format("u%u[j - j0]", k);
    }
    bool same = n->op == OP_copy || n->op == OP_store;
    return formula(same ? "a" : optab[n->op].text, name);
}

static void
put_draw(Loops *x, const char *slot, u32 k, const char *size, const char *first,
         const char *count)
{
    const Node *n = node_at(x, k);
    put(x, slot, n->place, format("float u%u[%s];", k, size));
    put(x, slot, n->place,
        format("philox_fill(u%u, %s, %s, 0x%08xu, step);", k, first, count,
               draw_site(attr_s(n, "site"))));
}

/* y = v, or y += v, for every output operand that holds member k's value. */
static void
put_stores(Loops *x, const char *slot, u32 k, bool small,
           const char *(*load)(Loops *, u32))
{
    Val v = VAL(x->g->node[k], 0);
    for (u32 i = 0; i < x->nop; i++) {
        const Operand *o = &x->op[i];
        if (o->out && o->v == v && o->small == small)
            put(x, slot, node_at(x, k)->place,
                format("%s %s %s;", load(x, i), o->add ? "+=" : "=",
                       x->text[k]));
    }
}

/* Outputs of values from beyond the group: a store of an outside value. */
static void
put_outside_stores(Loops *x, const char *slot, bool small,
                   const char *(*load)(Loops *, u32))
{
    for (u32 k = 0; k < x->g->nnode; k++) {
        const Node *n = node_at(x, k);
        if (n->op != OP_store || is_inside(x, input_of(x, k, 0)))
            continue;
        for (u32 i = 0; i < x->nop; i++)
            if (x->op[i].store == n && x->op[i].small == small)
                put(x, slot, n->place,
                    format("%s %s %s;", load(x, i), x->op[i].add ? "+=" : "=",
                           read_text(x, k, 0, load)));
    }
}

/* ------------------------------------------------------------------ kernels */

/* "add_relu_c64": the first ops of the group, in order, without repeats. */
static const char *
kernel_name(const Loops *x, const char *kind)
{
    const char *name = kind;
    u32 shown = 0;
    for (u32 k = 0; k < x->g->nnode && shown < 5; k++) {
        const char *word = optab[node_at(x, k)->op].name;
        if (k && node_at(x, k)->op == node_at(x, k - 1)->op)
            continue;
        name = format("%s_%s", name, word);
        shown++;
    }
    return name;
}

static void
finish(Loops *x, const char *tmpl, const char *name, Define *def, u32 ndef)
{
    Kernel k = {.name = name,
                .tmpl = intern(tmpl),
                .ndef = ndef,
                .nsplice = x->nline,
                .place = x->place,
                .job = *x->job ? format("%s of %s", name, x->job) : name};
    k.def = mem_alloc((ndef + 1) * sizeof *k.def);
    for (u32 i = 0; i < ndef; i++)
        k.def[i] = (Define){intern(def[i].name), def[i].value};
    k.splice = mem_alloc((x->nline + 1) * sizeof *k.splice);
    memcpy(k.splice, x->line, x->nline * sizeof *k.splice);
    u32 kernel = kernel_add(x->l->p, &k);
    step_add(x->l, ST_kernel, kernel, &x->d, x->l->p->kernel[kernel].name,
             k.place, 0);
}

/* ------------------------------------------------------------- element-wise */

static const char *
load_inner(Loops *x, u32 op)
{
    const Segment *s = &x->seg[x->g->kind == GROUP_column ? 2 : 0];
    return element(x, op, &s->axis[s->n - 1]);
}

static void
elem_body(Loops *x)
{
    for (u32 k = 0; k < x->g->nnode; k++) {
        const Node *n = node_at(x, k);
        if (n->op == OP_store)
            continue;
        if (n->op == OP_dropout)
            put_draw(x, "tile", k, "TILE", "row * inner + j0", "j1 - j0");
        x->text[k] = format("v%u", k);
        put(x, "body", n->place,
            format("const float v%u = %s;", k, value_text(x, k, load_inner)));
        put_stores(x, "body", k, false, load_inner);
    }
    put_outside_stores(x, "body", false, load_inner);
}

/* Sizes, pointers and indices: the same for a copy. */
static void
elem_frame(Loops *x)
{
    collapse(x, 0, 0, x->space.rank);
    Segment *s = &x->seg[0];
    u32 outer = s->n - 1;
    i64 rows = 1;
    for (u32 i = 0; i < outer; i++)
        rows *= s->axis[i].size;
    draft_int(&x->d, rows);
    draft_int(&x->d, s->axis[outer].size);
    pointer_args(x);
    if (outer)
        put_indices(x, "row", "row", "i", s->axis, outer);
    for (u32 i = 0; i < x->nop; i++) {
        put_pointer(x, "row", i, offset_text(x, i, "i", s->axis, outer));
        inner_stride_arg(x, i, &s->axis[outer]);
    }
}

static void
finish_elem(Loops *x, const char *name)
{
    Define def[] = {{"TILE", intern("2048")}};
    finish(x, "elem", name, def, 1);
}

static void
emit_elem(Loops *x)
{
    elem_frame(x);
    elem_body(x);
    finish_elem(x, kernel_name(x, "elem"));
}

/* -------------------------------------------------------------------- rows */

/* Element j of a row operand; the reduced axes may not be one run. */
static const char *
load_row(Loops *x, u32 op)
{
    const Segment *s = &x->seg[1];
    const Operand *o = &x->op[op];
    if (o->small)
        return format("x%u[0]", op);
    if (s->n == 1)
        return element(x, op, &s->axis[0]);
    const char *text = "";
    i64 below = 1;
    for (u32 i = s->n; i-- > 0;) {
        i64 step = along(o, &s->axis[i]);
        if (step)
            text =
                format("%s + j / %lld %% %lld * %lld", text, (long long)below,
                       (long long)s->axis[i].size, (long long)step);
        below *= s->axis[i].size;
    }
    return format("x%u[0%s]", op, text);
}

static bool
row_small(const Loops *x, u32 k)
{
    const Node *n = node_at(x, k);
    Type t =
        n->op == OP_store ? type_of(x->l->f, input_of(x, k, 0)) : n->out[0];
    return is_small(x, &t) && (is_reduce(n) || !is_small(x, &x->space));
}

/* Is member k's full-space value read in a later loop than its own? */
static bool
read_later(const Loops *x, u32 k)
{
    for (u32 m = k + 1; m < x->g->nnode; m++) {
        if (row_small(x, m) && !is_reduce(node_at(x, m)))
            continue;
        u32 loop = x->g->level[m] - (is_reduce(node_at(x, m)) ? 1u : 0u);
        for (u32 i = 0; i < node_at(x, m)->nin; i++)
            if (input_of(x, m, i) == VAL(x->g->node[k], 0) &&
                loop > x->g->level[k])
                return true;
    }
    return false;
}

/* Reduction k: accumulates in its loop, is a number behind it. */
static void
row_reduce(Loops *x, u32 k, u32 *sums, u32 *tops)
{
    const Node *n = node_at(x, k);
    u32 loop = x->g->level[k] - 1u;
    const char *in = read_text(x, k, 0, load_row);
    const char *slot = format("loop%u", loop);
    const char *acc;
    if (n->op == OP_sum) {
        acc = format("s%u", sums[loop]++);
        put(x, slot, n->place, format("%s += %s;", acc, in));
    } else {
        acc = format("m%u", tops[loop]++);
        put(x, slot, n->place,
            format("%s = %s > %s ? %s : %s;", acc, in, acc, in, acc));
    }
    x->text[k] = format("v%u", k);
    const char *after = format("after%u", loop);
    put(x, after, n->place, format("const float v%u = %s;", k, acc));
    put_stores(x, after, k, true, load_row);
}

/* A number of the row, made before its loop or behind the one before. */
static void
row_number(Loops *x, u32 k)
{
    const Node *n = node_at(x, k);
    u32 level = x->g->level[k];
    const char *slot = level ? format("after%u", level - 1) : "row";
    x->text[k] = format("v%u", k);
    put(x, slot, n->place,
        format("const float v%u = %s;", k, value_text(x, k, load_row)));
    put_stores(x, slot, k, true, load_row);
}

static void
row_element(Loops *x, u32 k, const char **saved)
{
    const Node *n = node_at(x, k);
    u32 loop = x->g->level[k];
    const char *slot = format("loop%u", loop);
    if (n->op == OP_dropout)
        put_draw(x, "row", k, "COLS", "row * COLS", "COLS");
    const char *value = value_text(x, k, load_row);
    if (read_later(x, k)) {
        saved[k] = format("t%u[j]", k);
        put(x, "row", n->place, format("float t%u[COLS];", k));
    }
    x->text[k] = format("v%u", k);
    put(x, slot, n->place, format("const float v%u = %s;", k, value));
    if (saved[k])
        put(x, slot, n->place, format("t%u[j] = v%u;", k, k));
    put_stores(x, slot, k, false, load_row);
}

/* Values saved in an earlier loop are read from their tile. */
static void
use_tiles(Loops *x, u32 k, u32 loop, const char **saved)
{
    for (u32 i = 0; i < node_at(x, k)->nin; i++) {
        i32 m = member(x, VAL_NODE(input_of(x, k, i)));
        if (m >= 0 && saved[m])
            x->text[m] = x->g->level[m] < loop ? saved[m] : format("v%d", m);
    }
}

static u32
row_body(Loops *x)
{
    u32 sums[ROW_LEVELS + 1] = {0}, tops[ROW_LEVELS + 1] = {0}, top = 0;
    const char **saved = mem_alloc(x->g->nnode * sizeof *saved);
    for (u32 k = 0; k < x->g->nnode; k++) {
        const Node *n = node_at(x, k);
        u32 level = x->g->level[k];
        if (n->op == OP_store)
            continue;
        if (is_reduce(n)) {
            use_tiles(x, k, level - 1, saved);
            row_reduce(x, k, sums, tops);
            top = level > top ? level : top;
        } else if (row_small(x, k)) {
            row_number(x, k);
            top = level > top ? level : top;
        } else {
            use_tiles(x, k, level, saved);
            row_element(x, k, saved);
            top = level + 1 > top ? level + 1 : top;
        }
    }
    put_outside_stores(x, "row", true, load_row);
    put_outside_stores(x, "loop0", false, load_row);
    return top ? top : 1;
}

static void
emit_row(Loops *x)
{
    collapse(x, 0, 0, x->g->first);
    collapse(x, 1, x->g->first, x->space.rank - x->g->first);
    Segment *s = &x->seg[0];
    i64 rows = 1, cols = 1;
    for (u32 i = 0; i < s->n; i++)
        rows *= s->axis[i].size;
    for (u32 i = 0; i < x->seg[1].n; i++)
        cols *= x->seg[1].axis[i].size;
    draft_int(&x->d, rows);
    pointer_args(x);
    put_indices(x, "row", "row", "i", s->axis, s->n);
    for (u32 i = 0; i < x->nop; i++) {
        put_pointer(x, "row", i, offset_text(x, i, "i", s->axis, s->n));
        if (!x->op[i].small && x->seg[1].n == 1)
            inner_stride_arg(x, i, &x->seg[1].axis[0]);
    }
    u32 levels = row_body(x);
    Define def[] = {{"COLS", format("%lld", (long long)cols)},
                    {"LEVELS", format("%u", levels)}};
    const char *name =
        format("%s_c%lld", kernel_name(x, "row"), (long long)cols);
    finish(x, "row", name, def, 2);
}

/* ------------------------------------------------------------------ columns */

static void
column_body(Loops *x)
{
    u32 sums = 0;
    for (u32 k = 0; k < x->g->nnode; k++) {
        const Node *n = node_at(x, k);
        bool sum = is_reduce(n);
        if (n->op == OP_store || (!sum && row_small(x, k)))
            continue;
        if (sum) {
            put(x, "body", n->place,
                format("sum[%u][j - j0] += %s;", sums++,
                       read_text(x, k, 0, load_inner)));
            continue;
        }
        if (n->op == OP_dropout)
            put_draw(x, "row", k, "TILE", "at + j0", "j1 - j0");
        x->text[k] = format("v%u", k);
        put(x, "body", n->place,
            format("const float v%u = %s;", k, value_text(x, k, load_inner)));
        put_stores(x, "body", k, false, load_inner);
    }
    put_outside_stores(x, "body", false, load_inner);
    sums = 0;
    for (u32 k = 0; k < x->g->nnode; k++) {
        const Node *n = node_at(x, k);
        bool sum = is_reduce(n);
        if (n->op == OP_store || (!sum && !row_small(x, k)))
            continue;
        x->text[k] = format("v%u", k);
        const char *value = sum ? format("sum[%u][j - j0]", sums++)
                                : value_text(x, k, load_inner);
        put(x, "after", n->place, format("const float v%u = %s;", k, value));
        put_stores(x, "after", k, true, load_inner);
    }
    put_outside_stores(x, "after", true, load_inner);
}

/* The kept axes but the innermost: those before and those between. */
static u32
kept_axes(const Loops *x, Axis *to)
{
    u32 n = 0;
    for (u32 i = 0; i < x->seg[0].n; i++)
        to[n++] = x->seg[0].axis[i];
    for (u32 i = 0; i + 1 < x->seg[2].n; i++)
        to[n++] = x->seg[2].axis[i];
    return n;
}

/* Logical position of the row's first element, for numbers that are drawn. */
static void
put_position(Loops *x, const Axis *kept, u32 nkept)
{
    i64 stride[MAX_RANK];
    natural_strides(&x->space, stride);
    const char *text = "0";
    for (u32 i = 0; i < nkept; i++)
        text =
            format("%s + k%u * %lld", text, i,
                   (long long)(kept[i].size == 1 ? 0 : stride[kept[i].from]));
    for (u32 i = 0; i < x->seg[1].n; i++) {
        const Axis *a = &x->seg[1].axis[i];
        text = format("%s + r%u * %lld", text, i,
                      (long long)(a->size == 1 ? 0 : stride[a->from]));
    }
    put(x, "row", "", format("const int64_t at = %s;", text));
}

static void
column_pointers(Loops *x, const Axis *kept, u32 nkept)
{
    const Segment *r = &x->seg[1];
    put_indices(x, "row", "k", "k", kept, nkept);
    put_indices(x, "row", "r", "r", r->axis, r->n);
    if (x->draws)
        put_position(x, kept, nkept);
    const char *rest = "k"; /* the same cut again for the results */
    for (u32 i = nkept; i-- > 1;) {
        put(x, "out", "",
            format("const int64_t k%u = %s %% k_n%u;", i, rest, i));
        put(x, "out", "",
            format("const int64_t k_q%u = %s / k_n%u;", i, rest, i));
        rest = format("k_q%u", i);
    }
    put(x, "out", "", format("const int64_t k0 = %s;", rest));
    for (u32 i = 0; i < x->nop; i++) {
        const char *at = offset_text(x, i, "k", kept, nkept);
        bool small = x->op[i].small;
        if (!x->op[i].out || !small)
            put_pointer(
                x, "row", i,
                format("%s%s", at,
                       small ? "" : offset_text(x, i, "r", r->axis, r->n)));
        if (small)
            put_pointer(x, "out", i, at);
        inner_stride_arg(x, i, &x->seg[2].axis[x->seg[2].n - 1]);
    }
}

static void
emit_column(Loops *x)
{
    const Group *g = x->g;
    u32 end = g->first + g->count;
    collapse(x, 0, 0, g->first);
    collapse(x, 1, g->first, g->count);
    collapse(x, 2, end, x->space.rank - end);
    Axis kept[MAX_RANK * 2];
    u32 nkept = kept_axes(x, kept), sums = 0;
    i64 many = 1, reduced = 1;
    for (u32 i = 0; i < nkept; i++)
        many *= kept[i].size;
    for (u32 i = 0; i < x->seg[1].n; i++)
        reduced *= x->seg[1].axis[i].size;
    for (u32 k = 0; k < g->nnode; k++)
        sums += is_reduce(node_at(x, k));
    i64 inner = x->seg[2].axis[x->seg[2].n - 1].size;
    i64 chunk = max_i64(64, (reduced + 63) / 64);
    i64 chunks = (reduced + chunk - 1) / chunk;
    draft_int(&x->d, reduced);
    draft_int(&x->d, many);
    draft_int(&x->d, inner);
    draft_int(&x->d, chunk);
    draft_buf(
        &x->d,
        scratch_buf(x->l, (u64)(chunks * sums * many * inner) * 4, x->place),
        ACCESS_w, 0);
    pointer_args(x);
    column_pointers(x, kept, nkept);
    column_body(x);
    Define def[] = {{"SUMS", format("%u", sums)}, {"TILE", intern("256")}};
    finish(x, "column", kernel_name(x, "column"), def, 2);
}

void
lower_loops(Lower *l, const Group *g)
{
    Loops *x = mem_alloc(sizeof *x);
    const Node *first = &l->f->node[g->node[0]];
    *x = (Loops){.l = l,
                 .g = g,
                 .space = g->space,
                 .place = first->place,
                 .job = first->name};
    x->text = mem_alloc(g->nnode * sizeof *x->text);
    find_operands(x);
    if (g->kind == GROUP_elem)
        emit_elem(x);
    else if (g->kind == GROUP_row)
        emit_row(x);
    else
        emit_column(x);
}

void
lower_copy(Lower *l, Val v, u32 to, i64 offset, const i64 *stride,
           const char *place)
{
    Loops *x = mem_alloc(sizeof *x);
    Group g = {.kind = GROUP_elem};
    Type t = type_of(l->f, v);
    *x = (Loops){.l = l, .g = &g, .space = t, .place = place, .job = ""};
    u32 in = add_input(x, v), out = x->nop++;
    Operand *o = &x->op[out];
    *o = (Operand){.v = v,
                   .buf = to,
                   .dtype = t.dtype,
                   .out = true,
                   .offset = offset * (i64)dtype_bytes(t.dtype)};
    for (u32 i = 0; i < t.rank; i++)
        o->stride[i] = t.dim[i] == 1 ? 0 : stride[i];
    elem_frame(x);
    put(x, "body", place,
        format("%s = %s;", load_inner(x, out), load_inner(x, in)));
    finish_elem(x, "copy");
}
