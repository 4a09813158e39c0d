/* formula.c - C text of a group's members: each op's expression from ops.def
 * with its operands put in, draws of random numbers, and stores. */
#include "compiler/loops.h"

const Dialect dialect_cpu = {.drawn = "[j - j0]",
                             .drawn_row = "[j]",
                             .tile = "[j]",
                             .tile_size = "COLS",
                             .sum = "[j - j0]",
                             .row_sum = {"", ""},
                             .row_max = {"", ""},
                             .once = ""};
const Dialect dialect_cuda = {.gpu = true,
                              .drawn = "",
                              .drawn_row = "",
                              .tile = "[e]",
                              .tile_size = "PER",
                              .sum = "[e]",
                              .row_sum = {"row_sum(", ")"},
                              .row_max = {"row_max(", ")"},
                              .once = "if (lane == 0) "};

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

const char *
formula_load(const Loops *x, u32 op, const char *element)
{
    return dtype_half(x->op[op].dtype) ? format("half_value(%s)", element)
                                       : element;
}

/* "y = v;" or "y += v;" into the element of an output operand. */
const char *
formula_assign(const Loops *x, u32 op, const char *element, const char *value)
{
    const Operand *o = &x->op[op];
    if (dtype_half(o->dtype))
        return format("%s = half_bits(%s);", element, value);
    return format("%s %s %s;", element, o->add ? "+=" : "=", value);
}

/* What member k reads as input i inside a loop over j. */
const char *
formula_read(Loops *x, u32 k, u32 i, LoadText *load)
{
    Val v = loops_reads(x, k, i);
    f64 value;
    if (val_literal(x->l->f, where(x->l->f, v).base, &value))
        return literal_text(value);
    i32 m = loops_member(x, VAL_NODE(v));
    if (m >= 0)
        return x->text[m];
    u32 op = loops_input(x, v);
    return formula_load(x, op, load(x, op));
}

/* Right-hand side of member k. */
const char *
formula_of(Loops *x, u32 k, LoadText *load)
{
    const Node *n = loops_node(x, k);
    const char *name[128] = {0};
    for (u32 i = 0; i < n->nin; i++)
        name['a' + i] = formula_read(x, k, i, load);
    if (n->op == OP_dropout) {
        name['p'] = literal_text(attr_f(n, "p"));
        name['q'] = dropout_scale(n);
        name['u'] = format("u%u%s", k,
                           x->g->kind == GROUP_row ? x->dialect->drawn_row
                                                   : x->dialect->drawn);
    }
    bool same = n->op == OP_copy || n->op == OP_store;
    return formula(same ? "a" : optab[n->op].text, name);
}

void
formula_draw(Loops *x, const char *slot, u32 k, const char *size,
             const char *first, const char *count)
{
    formula_draw_runs(x, slot, k, size, "", first, count);
}

void
formula_draw_runs(Loops *x, const char *slot, u32 k, const char *size,
                  const char *runs, const char *first, const char *count)
{
    const Node *n = loops_node(x, k);
    loops_put(x, slot, n->place, format("float u%u[%s];", k, size));
    if (*runs)
        loops_put(x, slot, n->place, runs);
    loops_put(x, slot, n->place,
              format("philox_fill(u%u%s, d%u + %s, %s, 0x%08xu, step);", k,
                     *runs ? " + q" : "", k, first, count,
                     draw_site(attr_s(n, "site"))));
}

void
formula_draw_one(Loops *x, const char *slot, u32 k, const char *at)
{
    const Node *n = loops_node(x, k);
    loops_put(x, slot, n->place,
              format("const float u%u = draw(d%u + %s, 0x%08xu, step);", k, k,
                     at, draw_site(attr_s(n, "site"))));
}

/* What stands before the write of a number: on a GPU one lane of a row does. */
static const char *
once(const Loops *x, bool small)
{
    return small && x->g->kind == GROUP_row ? x->dialect->once : "";
}

/* y = v, or y += v, for every output operand that holds member k's value. */
void
formula_store(Loops *x, const char *slot, u32 k, bool small, LoadText *load)
{
    Val v = VAL(x->g->node[k], 0);
    for (u32 i = 0; i < x->nop; i++) {
        const Operand *o = &x->op[i];
        if (o->out && o->v == v && o->small == small)
            loops_put(x, slot, loops_node(x, k)->place,
                      format("%s%s", once(x, small),
                             formula_assign(x, i, load(x, i), x->text[k])));
    }
}

/* Outputs of values from beyond the group: a store of an outside value. */
void
formula_store_outside(Loops *x, const char *slot, bool small, LoadText *load)
{
    for (u32 k = 0; k < x->g->nnode; k++) {
        const Node *n = loops_node(x, k);
        if (n->op != OP_store || loops_inside(x, loops_reads(x, k, 0)))
            continue;
        for (u32 i = 0; i < x->nop; i++)
            if (x->op[i].store == n && x->op[i].small == small)
                loops_put(x, slot, n->place,
                          format("%s%s", once(x, small),
                                 formula_assign(x, i, load(x, i),
                                                formula_read(x, k, 0, load))));
    }
}

void
formula_draw_starts(Loops *x, const char *const *word, const Axis *const *axis,
                    const u32 *n, u32 parts)
{
    for (u32 i = 0; i < x->ndraw; i++) {
        const Draw *d = &x->draw[i];
        const char *name = format("d%u", d->k);
        const char *text = format("%lld", (long long)d->offset);
        for (u32 p = 0; p < parts; p++)
            text = format(
                "%s%s", text,
                loops_offset(x, name, d->stride, word[p], axis[p], n[p]));
        loops_put(x, "row", "", format("const int64_t %s = %s;", name, text));
    }
}
