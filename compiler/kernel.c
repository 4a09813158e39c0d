/* kernel.c - lowering of element-wise, row and column groups: the lines that
 * are put into the slots of templates elem.c, row.c and column.c. */
#include "compiler/loops.h"

/* ------------------------------------------------------------------ kernels */

/* "add_relu_c64": the first ops of the group, in order, without repeats. */
static const char *
kernel_name(const Loops *x, const char *kind)
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
    return loops_element(x, op, &s->axis[s->n - 1]);
}

static void
elem_body(Loops *x)
{
    for (u32 k = 0; k < x->g->nnode; k++) {
        const Node *n = loops_node(x, k);
        if (n->op == OP_store)
            continue;
        if (n->op == OP_dropout)
            formula_draw(x, "tile", k, "TILE", "j0", "j1 - j0");
        x->text[k] = format("v%u", k);
        loops_put(
            x, "body", n->place,
            format("const float v%u = %s;", k, formula_of(x, k, load_inner)));
        formula_store(x, "body", k, false, load_inner);
    }
    formula_store_outside(x, "body", false, load_inner);
}

static const char *
operand_offset(Loops *x, u32 op, const char *word, const Axis *axis, u32 n)
{
    return loops_offset(x, format("s%u", op), x->op[op].stride, word, axis, n);
}

/* Where draws begin in a row that is cut into indices i0, i1 ... */
static void
row_draw_starts(Loops *x, const Axis *axis, u32 n)
{
    const char *const word[] = {"i"};
    formula_draw_starts(x, word, &axis, &n, 1);
}

/* Sizes, pointers and indices: the same for a copy. */
static void
elem_frame(Loops *x)
{
    loops_collapse(x, 0, 0, x->space.rank);
    Segment *s = &x->seg[0];
    u32 outer = s->n - 1;
    i64 rows = 1;
    for (u32 i = 0; i < outer; i++)
        rows *= s->axis[i].size;
    draft_int(&x->d, rows);
    draft_int(&x->d, s->axis[outer].size);
    loops_pointers(x);
    if (outer)
        loops_indices(x, "row", "row", "i", s->axis, outer);
    row_draw_starts(x, s->axis, outer);
    for (u32 i = 0; i < x->nop; i++) {
        loops_pointer(x, "row", i, operand_offset(x, i, "i", s->axis, outer));
        loops_inner_arg(x, i, &s->axis[outer]);
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
        return loops_element(x, op, &s->axis[0]);
    const char *text = "";
    i64 below = 1;
    for (u32 i = s->n; i-- > 0;) {
        i64 step = loops_stride(o->stride, &s->axis[i]);
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
    const Node *n = loops_node(x, k);
    Type t =
        n->op == OP_store ? type_of(x->l->f, loops_reads(x, k, 0)) : n->out[0];
    return loops_small(x, &t) &&
           (is_reduction(n) || !loops_small(x, &x->space));
}

/* Is member k's full-space value read in a later loop than its own? */
static bool
read_later(const Loops *x, u32 k)
{
    for (u32 m = k + 1; m < x->g->nnode; m++) {
        if (row_small(x, m) && !is_reduction(loops_node(x, m)))
            continue;
        u32 loop = x->g->level[m] - (is_reduction(loops_node(x, m)) ? 1u : 0u);
        for (u32 i = 0; i < loops_node(x, m)->nin; i++)
            if (loops_reads(x, m, i) == VAL(x->g->node[k], 0) &&
                loop > x->g->level[k])
                return true;
    }
    return false;
}

/* Reduction k: accumulates in its loop, is a number behind it. */
static void
row_reduce(Loops *x, u32 k, u32 *sums, u32 *tops)
{
    const Node *n = loops_node(x, k);
    u32 loop = x->g->level[k] - 1u;
    const char *in = formula_read(x, k, 0, load_row);
    const char *slot = format("loop%u", loop);
    const char *acc;
    if (n->op == OP_sum) {
        acc = format("s%u", sums[loop]++);
        loops_put(x, slot, n->place, format("%s += %s;", acc, in));
    } else {
        acc = format("m%u", tops[loop]++);
        loops_put(x, slot, n->place,
                  format("%s = %s > %s ? %s : %s;", acc, in, acc, in, acc));
    }
    x->text[k] = format("v%u", k);
    const char *after = format("after%u", loop);
    loops_put(x, after, n->place, format("const float v%u = %s;", k, acc));
    formula_store(x, after, k, true, load_row);
}

/* A number of the row, made before its loop or behind the one before. */
static void
row_number(Loops *x, u32 k)
{
    const Node *n = loops_node(x, k);
    u32 level = x->g->level[k];
    const char *slot = level ? format("after%u", level - 1) : "row";
    x->text[k] = format("v%u", k);
    loops_put(x, slot, n->place,
              format("const float v%u = %s;", k, formula_of(x, k, load_row)));
    formula_store(x, slot, k, true, load_row);
}

/* The numbers member k draws for a row: one run of the whole tensor, or several
 * where prune has cut an axis that lies within the row. */
static void
row_draw(Loops *x, u32 k)
{
    const Segment *s = &x->seg[1];
    const i64 *stride = NULL;
    const char *first = "0";
    u32 outer = s->n;
    i64 run = 1;
    for (u32 i = 0; i < x->ndraw; i++)
        if (x->draw[i].k == k)
            stride = x->draw[i].stride;
    for (; outer; outer--) {
        const Axis *a = &s->axis[outer - 1];
        if (a->size > 1 && loops_stride(stride, a) != run)
            break;
        run *= a->size;
    }
    if (!outer) {
        formula_draw(x, "row", k, "COLS", "0", "COLS");
        return;
    }
    i64 below = run;
    for (u32 i = outer; i-- > 0;) {
        const Axis *a = &s->axis[i];
        first = format("%s + q / %lld %% %lld * %lld", first, (long long)below,
                       (long long)a->size, (long long)loops_stride(stride, a));
        below *= a->size;
    }
    formula_draw_runs(
        x, "row", k, "COLS",
        format("for (int64_t q = 0; q < COLS; q += %lld)", (long long)run),
        first, format("%lld", (long long)run));
}

static void
row_element(Loops *x, u32 k, const char **saved)
{
    const Node *n = loops_node(x, k);
    u32 loop = x->g->level[k];
    const char *slot = format("loop%u", loop);
    if (n->op == OP_dropout)
        row_draw(x, k);
    const char *value = formula_of(x, k, load_row);
    if (read_later(x, k)) {
        saved[k] = format("t%u[j]", k);
        loops_put(x, "row", n->place, format("float t%u[COLS];", k));
    }
    x->text[k] = format("v%u", k);
    loops_put(x, slot, n->place, format("const float v%u = %s;", k, value));
    if (saved[k])
        loops_put(x, slot, n->place, format("t%u[j] = v%u;", k, k));
    formula_store(x, slot, k, false, load_row);
}

/* Values saved in an earlier loop are read from their tile. */
static void
use_tiles(Loops *x, u32 k, u32 loop, const char **saved)
{
    for (u32 i = 0; i < loops_node(x, k)->nin; i++) {
        i32 m = loops_member(x, VAL_NODE(loops_reads(x, k, i)));
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
        const Node *n = loops_node(x, k);
        u32 level = x->g->level[k];
        if (n->op == OP_store)
            continue;
        if (is_reduction(n)) {
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
    formula_store_outside(x, "row", true, load_row);
    formula_store_outside(x, "loop0", false, load_row);
    return top ? top : 1;
}

static void
emit_row(Loops *x)
{
    loops_collapse(x, 0, 0, x->g->first);
    loops_collapse(x, 1, x->g->first, x->space.rank - x->g->first);
    Segment *s = &x->seg[0];
    i64 rows = 1, cols = 1;
    for (u32 i = 0; i < s->n; i++)
        rows *= s->axis[i].size;
    for (u32 i = 0; i < x->seg[1].n; i++)
        cols *= x->seg[1].axis[i].size;
    draft_int(&x->d, rows);
    loops_pointers(x);
    loops_indices(x, "row", "row", "i", s->axis, s->n);
    row_draw_starts(x, s->axis, s->n);
    for (u32 i = 0; i < x->nop; i++) {
        loops_pointer(x, "row", i, operand_offset(x, i, "i", s->axis, s->n));
        if (!x->op[i].small && x->seg[1].n == 1)
            loops_inner_arg(x, i, &x->seg[1].axis[0]);
    }
    u32 levels = row_body(x);
    Define def[] = {{"COLS", format("%lld", (long long)cols)},
                    {"LEVELS", format("%u", levels)}};
    const char *name =
        format("%s_c%lld", kernel_name(x, "row"), (long long)cols);
    finish(x, "row", name, def, 2);
}

/* ------------------------------------------------------------------ columns */

/* Members of the results' size that the rows read: not made of sums, they are
 * computed in both loops. */
static bool *
read_by_rows(const Loops *x)
{
    bool *is = mem_alloc(x->g->nnode + 1);
    for (u32 k = x->g->nnode; k-- > 0;) {
        const Node *n = loops_node(x, k);
        if (n->op == OP_store ||
            (row_small(x, k) && !is_reduction(n) && !is[k]))
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
        bool small = row_small(x, k);
        if (is_reduction(n)) {
            loops_put(x, "body", n->place,
                      format("sum[%u][j - j0] += %s;", sums++,
                             formula_read(x, k, 0, load_inner)));
            continue;
        }
        if (n->op == OP_store || (small && !rows[k]))
            continue;
        if (n->op == OP_dropout)
            formula_draw(x, "row", k, "TILE", "j0", "j1 - j0");
        x->text[k] = format("v%u", k);
        loops_put(
            x, "body", n->place,
            format("const float v%u = %s;", k, formula_of(x, k, load_inner)));
        if (!small)
            formula_store(x, "body", k, false, load_inner);
    }
    formula_store_outside(x, "body", false, load_inner);
}

static void
column_results(Loops *x)
{
    u32 sums = 0;
    for (u32 k = 0; k < x->g->nnode; k++) {
        const Node *n = loops_node(x, k);
        bool sum = is_reduction(n);
        if (n->op == OP_store || (!sum && !row_small(x, k)))
            continue;
        x->text[k] = format("v%u", k);
        const char *value = sum ? format("sum[%u][j - j0]", sums++)
                                : formula_of(x, k, load_inner);
        loops_put(x, "after", n->place,
                  format("const float v%u = %s;", k, value));
        formula_store(x, "after", k, true, load_inner);
    }
    formula_store_outside(x, "after", true, load_inner);
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
column_pointers(Loops *x, const Axis *kept, u32 nkept)
{
    const Segment *r = &x->seg[1];
    loops_indices(x, "row", "k", "k", kept, nkept);
    loops_indices(x, "row", "r", "r", r->axis, r->n);
    const char *const word[] = {"k", "r"};
    const Axis *const axis[] = {kept, r->axis};
    const u32 count[] = {nkept, r->n};
    formula_draw_starts(x, word, axis, count, 2);
    const char *rest = "k"; /* the same cut again for the results */
    for (u32 i = nkept; i-- > 1;) {
        loops_put(x, "out", "",
                  format("const int64_t k%u = %s %% k_n%u;", i, rest, i));
        loops_put(x, "out", "",
                  format("const int64_t k_q%u = %s / k_n%u;", i, rest, i));
        rest = format("k_q%u", i);
    }
    loops_put(x, "out", "", format("const int64_t k0 = %s;", rest));
    for (u32 i = 0; i < x->nop; i++) {
        const char *at = operand_offset(x, i, "k", kept, nkept);
        bool small = x->op[i].small;
        if (!x->op[i].out || !small)
            loops_pointer(
                x, "row", i,
                format("%s%s", at,
                       small ? "" : operand_offset(x, i, "r", r->axis, r->n)));
        if (small)
            loops_pointer(x, "out", i, at);
        loops_inner_arg(x, i, &x->seg[2].axis[x->seg[2].n - 1]);
    }
}

static void
emit_column(Loops *x)
{
    const Group *g = x->g;
    u32 end = g->first + g->count;
    loops_collapse(x, 0, 0, g->first);
    loops_collapse(x, 1, g->first, g->count);
    loops_collapse(x, 2, end, x->space.rank - end);
    Axis kept[MAX_RANK * 2];
    u32 nkept = kept_axes(x, kept), sums = 0;
    i64 many = 1, reduced = 1;
    for (u32 i = 0; i < nkept; i++)
        many *= kept[i].size;
    for (u32 i = 0; i < x->seg[1].n; i++)
        reduced *= x->seg[1].axis[i].size;
    for (u32 k = 0; k < g->nnode; k++)
        sums += is_reduction(loops_node(x, k));
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
    loops_pointers(x);
    column_pointers(x, kept, nkept);
    column_rows(x);
    column_results(x);
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
    loops_operands(x);
    if (g->kind == GROUP_elem)
        emit_elem(x);
    else if (g->kind == GROUP_row)
        emit_row(x);
    else
        emit_column(x);
}

/* x[to] = x[from] over the space of x, which both operands walk. */
static void
emit_copy(Loops *x, u32 from, u32 to, const char *name)
{
    elem_frame(x);
    const char *value = formula_load(x, from, load_inner(x, from));
    loops_put(x, "body", x->place,
              formula_assign(x, to, load_inner(x, to), value));
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
    *x = (Loops){.l = l, .g = &g, .space = t, .place = place, .job = ""};
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
lower_widen(Lower *l, u32 from, u32 to)
{
    Loops *x = mem_alloc(sizeof *x);
    Group g = {.kind = GROUP_elem};
    const Buf *b = &l->p->buf[from];
    i32 count = (i32)type_count(&b->type);
    *x = (Loops){.l = l,
                 .g = &g,
                 .space = type_make(DT_f32, 1, &count),
                 .place = b->place,
                 .job = ""};
    x->op[0] = (Operand){.buf = from, .dtype = DT_bf16, .stride = {1}};
    x->op[1] =
        (Operand){.buf = to, .dtype = DT_f32, .out = true, .stride = {1}};
    x->nop = 2;
    emit_copy(x, 0, 1, "widen");
}
