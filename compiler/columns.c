/* columns.c - lowering of column groups: the lines that are put into the slots
 * of template column. */
#include "compiler/loops.h"

/* Members of the results' size that the rows read: not made of sums, they are
 * computed in both loops. */
static bool *
read_by_rows(const Loops *x)
{
    bool *is = mem_alloc(x->g->nnode + 1);
    for (u32 k = x->g->nnode; k-- > 0;) {
        const Node *n = loops_node(x, k);
        if (n->op == OP_store ||
            (loops_result(x, k) && !is_reduction(n) && !is[k]))
            continue;
        for (u32 i = 0; i < n->nin; i++) {
            i32 m = loops_member(x, VAL_NODE(loops_reads(x, k, i)));
            if (m >= 0)
                is[m] = true;
        }
    }
    return is;
}

static void
column_rows(Loops *x)
{
    const bool *rows = read_by_rows(x);
    u32 sums = 0;
    for (u32 k = 0; k < x->g->nnode; k++) {
        const Node *n = loops_node(x, k);
        bool small = loops_result(x, k);
        if (is_reduction(n)) {
            loops_put(x, "body", n->place,
                      format("sum[%u]%s += %s;", sums++, x->dialect->sum,
                             formula_read(x, k, 0, loops_inner)));
            continue;
        }
        if (n->op == OP_store || (small && !rows[k]))
            continue;
        if (n->op == OP_dropout && x->dialect->gpu)
            formula_draw_one(x, "body", k, "j");
        else if (n->op == OP_dropout)
            formula_draw(x, "row", k, "TILE", "j0", "j1 - j0");
        x->text[k] = format("v%u", k);
        loops_put(
            x, "body", n->place,
            format("const float v%u = %s;", k, formula_of(x, k, loops_inner)));
        if (!small)
            formula_store(x, "body", k, false, loops_inner);
    }
    formula_store_outside(x, "body", false, loops_inner);
}

static void
column_results(Loops *x)
{
    u32 sums = 0;
    for (u32 k = 0; k < x->g->nnode; k++) {
        const Node *n = loops_node(x, k);
        bool sum = is_reduction(n);
        if (n->op == OP_store || (!sum && !loops_result(x, k)))
            continue;
        x->text[k] = format("v%u", k);
        const char *value = sum ? format("sum[%u]%s", sums++, x->dialect->sum)
                                : formula_of(x, k, loops_single);
        loops_put(x, "after", n->place,
                  format("const float v%u = %s;", k, value));
        formula_store(x, "after", k, true, loops_single);
    }
    formula_store_outside(x, "after", true, loops_single);
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

static void
row_indices(Loops *x, const Axis *kept, u32 nkept)
{
    const Segment *r = &x->seg[1];
    loops_indices(x, "row", "k", "k", kept, nkept);
    loops_indices(x, "row", "r", "r", r->axis, r->n);
    const char *const word[] = {"k", "r"};
    const Axis *const axis[] = {kept, r->axis};
    const u32 count[] = {nkept, r->n};
    formula_draw_starts(x, word, axis, count, 2);
}

/* Where the operands lie in a row, among the results, or both. */
static void
column_pointers(Loops *x, const Axis *kept, u32 nkept, bool rows, bool results)
{
    const Segment *r = &x->seg[1];
    for (u32 i = 0; i < x->nop; i++) {
        bool small = x->op[i].small;
        if (x->op[i].absent)
            continue;
        const char *at = loops_operand(x, i, "k", kept, nkept);
        if (rows && (!x->op[i].out || !small))
            loops_pointer(
                x, "row", i,
                format("%s%s", at,
                       small ? "" : loops_operand(x, i, "r", r->axis, r->n)));
        if (results && small)
            loops_pointer(x, "out", i, at);
        loops_inner_arg(x, i, &x->seg[2].axis[x->seg[2].n - 1]);
    }
}

/* Sizes of a column group. */
typedef struct Column {
    Axis kept[MAX_RANK * 2];
    u32 nkept, sums;
    i64 many, reduced, inner, chunk, chunks;
    u32 partial; /* buffer of each chunk's sums */
} Column;

static void
column_sizes(Loops *x, Column *c)
{
    const Group *g = x->g;
    u32 end = g->first + g->count;
    loops_collapse(x, 0, 0, g->first);
    loops_collapse(x, 1, g->first, g->count);
    loops_collapse(x, 2, end, x->space.rank - end);
    *c = (Column){.many = 1};
    c->nkept = kept_axes(x, c->kept);
    for (u32 i = 0; i < c->nkept; i++)
        c->many *= c->kept[i].size;
    c->reduced = loops_size(&x->seg[1]);
    c->inner = x->seg[2].axis[x->seg[2].n - 1].size;
    for (u32 k = 0; k < g->nnode; k++)
        c->sums += is_reduction(loops_node(x, k));
}

static void
column_chunks(Loops *x, Column *c, i64 chunk)
{
    c->chunk = chunk;
    c->chunks = (c->reduced + chunk - 1) / chunk;
    u64 bytes = (u64)(c->chunks * c->sums * c->many * c->inner) * sizeof(f32);
    c->partial = scratch_buf(x->l, bytes, x->place);
}

static void
draft_sizes(Loops *x, const Column *c, u32 mode)
{
    draft_int(&x->d, c->reduced);
    draft_int(&x->d, c->many);
    draft_int(&x->d, c->inner);
    draft_int(&x->d, c->chunk);
    draft_buf(&x->d, c->partial, mode, 0);
}

/* -------------------------------------------------------------------- GPU
 * Threads of a block are `wide` columns times rows that they share.  Where one
 * chunk would leave the device idle, one kernel writes partial sums and a
 * second one, column_end, adds them up. */

enum {
    COLUMN_BLOCK = 256,
    COLUMN_BLOCKS = 512,
    COLUMN_VECTOR = 8,
    MOST_CHUNKS = 128
};

/* Threads beside each other in a row, each with `vector` columns. */
static u32
wide_of(i64 inner, u32 vector)
{
    u32 wide = 1;
    while (wide < 32 && (i64)wide * vector < inner)
        wide *= 2;
    return wide;
}

/* Does a thread read f32 or draw numbers for each element?  Then twice as many
 * at once would not fit into its registers. */
static bool
is_heavy(const Loops *x)
{
    i64 all = type_count(&x->space);
    for (u32 i = 0; i < x->nop; i++) {
        Type t = type_of(x->l->f, x->op[i].v);
        if (x->op[i].dtype == DT_f32 && type_count(&t) * 8 > all)
            return true;
    }
    for (u32 k = 0; k < x->g->nnode; k++)
        if (loops_node(x, k)->op == OP_dropout)
            return true;
    return false;
}

/* Columns that a thread takes: of those that a row has, while one row fills a
 * warp and the sums of a block fit into its shared memory. */
static u32
column_vector(const Loops *x, const Column *c)
{
    i64 busy = cuda_only_emulated(&x->l->p->opt) ? 1 : 16;
    u32 most = is_heavy(x) ? COLUMN_VECTOR / 2 : COLUMN_VECTOR;
    while (most > 1 && (c->inner / most < busy ||
                        c->sums * most * COLUMN_BLOCK * sizeof(f32) > 32 << 10))
        most /= 2;
    return most;
}

static i64
gpu_chunk(const Column *c, u32 wide, u32 vector)
{
    i64 row = (i64)wide * vector;
    i64 tiles = c->many * ((c->inner + row - 1) / row);
    i64 least = 8 * (COLUMN_BLOCK / wide); /* rows that are worth a block */
    i64 chunks = (COLUMN_BLOCKS + tiles - 1) / tiles;
    chunks = min_i64(min_i64(chunks, MOST_CHUNKS), c->reduced / least);
    chunks = max_i64(chunks, 1);
    return (c->reduced + chunks - 1) / chunks;
}

static void
widen_rows(Loops *x, const Column *c)
{
    const Segment *r = &x->seg[1];
    Axis axis[MAX_RANK * 3];
    u32 n = 0;
    for (u32 i = 0; i < c->nkept; i++)
        axis[n++] = c->kept[i];
    for (u32 i = 0; i < r->n; i++)
        axis[n++] = r->axis[i];
    loops_widen(x, column_vector(x, c), &x->seg[2].axis[x->seg[2].n - 1], axis,
                n);
}

/* Operands that no line of the slot needs are not of this kernel. */
static void
leave_out(Loops *x, const char *slot)
{
    for (u32 i = 0; i < x->nop; i++)
        x->op[i].absent = !loops_uses(x, slot, i);
}

static void
column_finish(Loops *x, const Column *c, const char *tmpl, bool whole, u32 wide)
{
    i64 row = (i64)wide * x->vector;
    i64 tiles = c->many * ((c->inner + row - 1) / row);
    bool end = !strcmp(tmpl, "column_end");
    bool f16 = half_type(x->l->p) == DT_f16; /* to convert takes registers */
    i64 blocks = end ? (c->many * c->inner + COLUMN_BLOCK - 1) / COLUMN_BLOCK
                     : c->chunks * tiles;
    Define def[] = {{"SUMS", format("%u", c->sums)},
                    {"WHOLE", intern(whole ? "1" : "0")},
                    {"WIDE", format("%u", wide)},
                    {"VECTOR", format("%u", x->vector)},
                    {"UNROLL", intern(f16 ? "2" : "4")}};
    loops_finish(x, tmpl, loops_name(x, tmpl), def, end ? 1 : 5,
                 (Launch){blocks, COLUMN_BLOCK});
}

/* All of a group, or its rows: chunks of sums. */
static void
gpu_rows(Loops *x, Column *c, bool whole)
{
    draft_sizes(x, c, ACCESS_w);
    column_rows(x);
    if (whole)
        column_results(x);
    else
        leave_out(x, "body");
    loops_pointers(x);
    row_indices(x, c->kept, c->nkept);
    if (whole)
        loops_cut(x, "out", "k", "k", c->kept, c->nkept);
    column_pointers(x, c->kept, c->nkept, true, whole);
    loops_vectors(x);
    column_finish(x, c, "column", whole, wide_of(c->inner, x->vector));
}

static void
gpu_results(Loops *x, Column *c)
{
    draft_sizes(x, c, ACCESS_r);
    column_results(x);
    leave_out(x, "after");
    x->ndraw = 0;
    loops_pointers(x);
    loops_indices(x, "out", "k", "k", c->kept, c->nkept);
    column_pointers(x, c->kept, c->nkept, false, true);
    column_finish(x, c, "column_end", false, 1);
}

static void
column_gpu(Loops *x)
{
    Loops *results = mem_alloc(sizeof *results);
    Column c;
    column_sizes(x, &c);
    *results = *x;
    results->vector = 1;
    results->text = mem_alloc(x->g->nnode * sizeof *x->text);
    widen_rows(x, &c);
    column_chunks(x, &c, gpu_chunk(&c, wide_of(c.inner, x->vector), x->vector));
    gpu_rows(x, &c, c.chunks == 1);
    if (c.chunks > 1)
        gpu_results(results, &c);
}

/* -------------------------------------------------------------------- CPU */

static void
column_cpu(Loops *x)
{
    Column c;
    column_sizes(x, &c);
    column_chunks(x, &c, max_i64(64, (c.reduced + 63) / 64));
    draft_sizes(x, &c, ACCESS_w);
    loops_pointers(x);
    row_indices(x, c.kept, c.nkept);
    loops_cut(x, "out", "k", "k", c.kept, c.nkept);
    column_pointers(x, c.kept, c.nkept, true, true);
    column_rows(x);
    column_results(x);
    Define def[] = {{"SUMS", format("%u", c.sums)}, {"TILE", intern("256")}};
    loops_finish(x, "column", loops_name(x, "column"), def, 2, (Launch){0, 0});
}

void
loops_column(Loops *x)
{
    if (x->dialect->gpu)
        column_gpu(x);
    else
        column_cpu(x);
}
