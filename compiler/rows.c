/* rows.c - lowering of row groups: the lines that are put into the slots of
 * template row. */
#include "compiler/loops.h"

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

bool
loops_result(const Loops *x, u32 k)
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
        if (loops_result(x, m) && !is_reduction(loops_node(x, m)))
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
    const char *const *all =
        n->op == OP_sum ? x->dialect->row_sum : x->dialect->row_max;
    loops_put(x, after, n->place,
              format("const float v%u = %s%s%s;", k, all[0], acc, all[1]));
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
    const char *first = "";
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
    i64 below = run;
    for (u32 i = outer; i-- > 0;) {
        const Axis *a = &s->axis[i];
        first = format("%s + %s / %lld %% %lld * %lld", first,
                       x->dialect->gpu ? "j" : "q", (long long)below,
                       (long long)a->size, (long long)loops_stride(stride, a));
        below *= a->size;
    }
    if (x->dialect->gpu) {
        formula_draw_one(x, format("loop%u", x->g->level[k]), k,
                         outer ? format("j %% %lld%s", (long long)run, first)
                               : "j");
    } else if (outer) {
        formula_draw_runs(
            x, "row", k, "COLS",
            format("for (int64_t q = 0; q < COLS; q += %lld)", (long long)run),
            format("0%s", first), format("%lld", (long long)run));
    } else {
        formula_draw(x, "row", k, "COLS", "0", "COLS");
    }
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
        saved[k] = format("t%u%s", k, x->dialect->tile);
        loops_put(x, "row", n->place,
                  format("float t%u[%s];", k, x->dialect->tile_size));
    }
    x->text[k] = format("v%u", k);
    loops_put(x, slot, n->place, format("const float v%u = %s;", k, value));
    if (saved[k])
        loops_put(x, slot, n->place, format("%s = v%u;", saved[k], k));
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
        } else if (loops_result(x, k)) {
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

/* GPU: threads that share a row, so that each has a few of its elements: a warp
 * has the shortest, a block the others. */
enum { ROW_BLOCK = 128 };

static u32
lanes_of(i64 cols)
{
    u32 lanes = ROW_BLOCK;
    if (cols <= 4 * 32)
        return 32;
    while (lanes < 1024 && cols > 4 * (i64)lanes)
        lanes *= 2;
    return lanes;
}

static void
finish_row(Loops *x, u32 levels)
{
    i64 rows = loops_size(&x->seg[0]), cols = loops_size(&x->seg[1]);
    u32 lanes = lanes_of(cols);
    i64 per = (cols + lanes - 1) / (i64)lanes;
    u32 block = lanes < ROW_BLOCK ? ROW_BLOCK : lanes;
    Define def[] = {{"COLS", format("%lld", (long long)cols)},
                    {"LEVELS", format("%u", levels)},
                    {"LANES", format("%u", lanes)},
                    {"PER", format("%lld", (long long)per)},
                    {"UNROLL", format("%d", per <= 8 ? (int)per : 4)}};
    const char *name =
        format("%s_c%lld", loops_name(x, "row"), (long long)cols);
    i64 together = block / lanes;
    loops_finish(x, "row", name, def, x->dialect->gpu ? 5 : 2,
                 (Launch){(rows + together - 1) / together, block});
}

void
loops_row(Loops *x)
{
    loops_collapse(x, 0, 0, x->g->first);
    loops_collapse(x, 1, x->g->first, x->space.rank - x->g->first);
    Segment *s = &x->seg[0];
    draft_int(&x->d, loops_size(s));
    loops_pointers(x);
    loops_indices(x, "row", "row", "i", s->axis, s->n);
    formula_draw_starts(x, &(const char *){"i"}, &(const Axis *){s->axis},
                        &s->n, 1);
    for (u32 i = 0; i < x->nop; i++) {
        loops_pointer(x, "row", i, loops_operand(x, i, "i", s->axis, s->n));
        if (!x->op[i].small && x->seg[1].n == 1)
            loops_inner_arg(x, i, &x->seg[1].axis[0]);
    }
    finish_row(x, row_body(x));
}
