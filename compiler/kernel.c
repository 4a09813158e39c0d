/* kernel.c - lowering of element-wise groups and copies: the lines that are put
 * into the slots of template elem.  rows.c and columns.c do the same for sums
 * and maxima. */
#include "compiler/loops.h"

/* ------------------------------------------------------------------ kernels */

/* "add_relu_c64": the first ops of the group, in order, without repeats. */
const char *
loops_name(const Loops *x, const char *kind)
{
    const char *name = kind;
    u32 shown = 0;
    for (u32 k = 0; k < x->g->nnode && shown < 5; k++) {
        const char *word = optab[loops_node(x, k)->op].name;
        if (k && loops_node(x, k)->op == loops_node(x, k - 1)->op)
            continue;
        name = format("%s_%s", name, word);
        shown++;
    }
    return name;
}

i64
loops_size(const Segment *s)
{
    i64 n = 1;
    for (u32 i = 0; i < s->n; i++)
        n *= s->axis[i].size;
    return n;
}

void
loops_finish(Loops *x, const char *tmpl, const char *name, const Define *def,
             u32 ndef, Launch launch)
{
    bool gpu = x->dialect->gpu;
    Kernel k = {.name = name,
                .tmpl = intern(tmpl),
                .nsplice = x->nline,
                .place = x->place,
                .job = *x->job ? format("%s of %s", name, x->job) : name};
    k.def = mem_alloc((ndef + 3) * sizeof *k.def);
    for (; k.ndef < ndef; k.ndef++)
        k.def[k.ndef] = (Define){intern(def[k.ndef].name), def[k.ndef].value};
    if (gpu)
        kernel_launch(&k, launch.block, x->d.narg);
    k.splice = mem_alloc((x->nline + 1) * sizeof *k.splice);
    memcpy(k.splice, x->line, x->nline * sizeof *k.splice);
    u32 kernel = kernel_add(x->l->p, &k);
    step_add(x->l, ST_kernel, kernel, &x->d, x->l->p->kernel[kernel].name,
             k.place, 0);
    if (gpu)
        step_blocks(x->l, launch.blocks);
}

/* ------------------------------------------------------------- element-wise */

static void
elem_body(Loops *x)
{
    for (u32 k = 0; k < x->g->nnode; k++) {
        const Node *n = loops_node(x, k);
        if (n->op == OP_store)
            continue;
        if (n->op == OP_dropout && x->dialect->gpu)
            formula_draw_one(x, "body", k, "j");
        else if (n->op == OP_dropout)
            formula_draw(x, "tile", k, "TILE", "j0", "j1 - j0");
        x->text[k] = format("v%u", k);
        loops_put(
            x, "body", n->place,
            format("const float v%u = %s;", k, formula_of(x, k, loops_inner)));
        formula_store(x, "body", k, false, loops_inner);
    }
    formula_store_outside(x, "body", false, loops_inner);
}

/* GPU: threads walk along the inner axis, or, where it is short, over all. */
enum {
    ELEM_BLOCK = 256,
    ELEM_PER = 4,
    ELEM_SHORT = 1024,
    ELEM_VECTOR = 8,
    ELEM_THREADS = 1 << 16 /* that a device needs to be busy */
};

static u32
elem_vector(const Loops *x)
{
    i64 all = loops_size(&x->seg[0]);
    i64 busy = cuda_only_emulated(&x->l->p->opt) ? 1 : ELEM_THREADS;
    u32 most = ELEM_VECTOR;
    while (most > 1 && all / most < busy)
        most /= 2;
    return most;
}

/* Sizes, pointers and indices: the same for a copy. */
static void
elem_frame(Loops *x)
{
    loops_collapse(x, 0, 0, x->space.rank);
    Segment *s = &x->seg[0];
    u32 outer = s->n - 1;
    if (x->dialect->gpu)
        loops_widen(x, elem_vector(x), &s->axis[outer], s->axis, outer);
    i64 rows = 1;
    for (u32 i = 0; i < outer; i++)
        rows *= s->axis[i].size;
    draft_int(&x->d, rows);
    draft_int(&x->d, s->axis[outer].size);
    loops_pointers(x);
    if (outer)
        loops_indices(x, "row", "row", "i", s->axis, outer);
    formula_draw_starts(x, &(const char *){"i"}, &(const Axis *){s->axis},
                        &outer, 1);
    for (u32 i = 0; i < x->nop; i++) {
        loops_pointer(x, "row", i, loops_operand(x, i, "i", s->axis, outer));
        loops_inner_arg(x, i, &s->axis[outer]);
    }
}

static void
finish_elem_gpu(Loops *x, const char *name)
{
    const Segment *s = &x->seg[0];
    i64 all = loops_size(s), inner = s->axis[s->n - 1].size, rows = all / inner;
    u32 per = x->vector < ELEM_PER ? ELEM_PER / x->vector : 1;
    i64 tile = (i64)ELEM_BLOCK * per * x->vector;
    bool flat = inner / x->vector < ELEM_SHORT && all <= INT32_MAX;
    Define def[] = {{"PER", format("%u", per)},
                    {"FLAT", intern(flat ? "1" : "0")},
                    {"VECTOR", format("%u", x->vector)}};
    i64 blocks = flat ? (all / x->vector + ELEM_BLOCK - 1) / ELEM_BLOCK
                      : rows * ((inner + tile - 1) / tile);
    loops_vectors(x);
    loops_finish(x, "elem", name, def, 3, (Launch){blocks, ELEM_BLOCK});
}

static void
finish_elem(Loops *x, const char *name)
{
    Define def[] = {{"TILE", intern("2048")}};
    if (x->dialect->gpu)
        finish_elem_gpu(x, name);
    else
        loops_finish(x, "elem", name, def, 1, (Launch){0, 0});
}

static void
emit_elem(Loops *x)
{
    elem_frame(x);
    elem_body(x);
    finish_elem(x, loops_name(x, "elem"));
}

void
lower_loops(Lower *l, const Group *g)
{
    Loops *x = mem_alloc(sizeof *x);
    const Node *first = &l->f->node[g->node[0]];
    *x = (Loops){.l = l,
                 .g = g,
                 .dialect = l->p->opt.target->dialect,
                 .space = g->space,
                 .place = first->place,
                 .job = first->name};
    x->text = mem_alloc(g->nnode * sizeof *x->text);
    loops_operands(x);
    if (g->kind == GROUP_elem)
        emit_elem(x);
    else if (g->kind == GROUP_row)
        loops_row(x);
    else
        loops_column(x);
}

/* x[to] = x[from] over the space of x, which both operands walk. */
static void
emit_copy(Loops *x, u32 from, u32 to, const char *name)
{
    elem_frame(x);
    const char *value = formula_load(x, from, loops_inner(x, from));
    if (dtype_half(x->op[to].dtype) && x->op[from].dtype == DT_f32)
        value = format("half_near(%s)", value);
    loops_put(x, "body", x->place,
              formula_assign(x, to, loops_inner(x, to), value));
    finish_elem(x, name);
}

void
lower_copy(Lower *l, Val v, u32 to, i64 offset, const i64 *stride,
           const char *place)
{
    Loops *x = mem_alloc(sizeof *x);
    Group g = {.kind = GROUP_elem};
    Type t = type_of(l->f, v);
    u8 dtype = l->p->buf[to].type.dtype;
    *x = (Loops){.l = l,
                 .g = &g,
                 .dialect = l->p->opt.target->dialect,
                 .space = t,
                 .place = place,
                 .job = ""};
    u32 in = loops_input(x, v), out = x->nop++;
    Operand *o = &x->op[out];
    *o = (Operand){.v = v,
                   .buf = to,
                   .dtype = dtype,
                   .out = true,
                   .offset = offset * (i64)dtype_bytes(dtype)};
    for (u32 i = 0; i < t.rank; i++)
        o->stride[i] = t.dim[i] == 1 ? 0 : stride[i];
    emit_copy(x, in, out, "copy");
}

void
lower_convert(Lower *l, u32 from, u32 to)
{
    Loops *x = mem_alloc(sizeof *x);
    Group g = {.kind = GROUP_elem};
    const Buf *b = &l->p->buf[from];
    i32 count = (i32)type_count(&b->type);
    *x = (Loops){.l = l,
                 .g = &g,
                 .dialect = l->p->opt.target->dialect,
                 .space = type_make(DT_f32, 1, &count),
                 .place = b->place,
                 .job = ""};
    u8 old = b->type.dtype, new = l->p->buf[to].type.dtype;
    x->op[0] = (Operand){.buf = from, .dtype = old, .stride = {1}};
    x->op[1] = (Operand){.buf = to, .dtype = new, .out = true, .stride = {1}};
    x->nop = 2;
    emit_copy(x, 0, 1, new == DT_f32 ? "widen" : "narrow");
}
