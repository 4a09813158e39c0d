/* ops.c - the op table at run time, and access to a node's attributes.
 * In: ops.def and the families' function tables.  Out: optab. */
#include "compiler/sohoc.h"

#define FAMILIES(X)                                                            \
    X(leaf)                                                                    \
    X(elem)                                                                    \
    X(view)                                                                    \
    X(reduce)                                                                  \
    X(matmul) X(conv) X(image) X(embed) X(loss) X(norm) X(attention) X(optim)
#define X(name) extern const Family family_##name;
FAMILIES(X)
#undef X

Op optab[NOP] = {
#define OP(nm, ni, no, kd, fl, fam, at, tx)                                    \
    [OP_##nm] = {.name = #nm,                                                  \
                 .family_name = #fam,                                          \
                 .attrs = at,                                                  \
                 .text = tx,                                                   \
                 .nin = ni,                                                    \
                 .nout = no,                                                   \
                 .kind = KIND_##kd,                                            \
                 .flags = fl,                                                  \
                 .family = &family_##fam},
#include "compiler/ops.def"
};

/* "name:type=default" -> one AttrSpec; returns what follows it. */
static const char *
read_spec(const char *s, AttrSpec *spec)
{
    const char *colon = strchr(s, ':');
    const char *end = s + strcspn(s, " ");
    spec->name = intern_n(s, (u64)(colon - s));
    spec->type = colon[1];
    spec->required = colon[2] != '=';
    spec->missing = spec->required ? 0 : atof(colon + 3);
    return *end ? end + 1 : end;
}

void
ops_init(void)
{
    for (u32 i = 0; i < NOP; i++) {
        Op *op = &optab[i];
        op->name = intern(op->name);
        op->nattr = 0;
        for (const char *s = op->attrs; *s;)
            s = read_spec(s, &op->attr[op->nattr++]);
    }
}

int
op_find(const char *name)
{
    for (int i = 0; i < NOP; i++)
        if (!strcmp(optab[i].name, name))
            return i;
    return -1;
}

int
attr_find(u32 op, const char *name)
{
    for (u32 i = 0; i < optab[op].nattr; i++)
        if (!strcmp(optab[op].attr[i].name, name))
            return (int)i;
    return -1;
}

static Attr *
attr_at(Attr *row, u32 op, const char *name)
{
    int i = attr_find(op, name);
    if (i < 0)
        bug("op %s has no attribute %s", optab[op].name, name);
    return &row[i];
}

i64
attr_i(const Node *n, const char *name)
{
    return (i64)attr_at(n->attr, n->op, name)->num;
}

f64
attr_f(const Node *n, const char *name)
{
    return attr_at(n->attr, n->op, name)->num;
}

const char *
attr_s(const Node *n, const char *name)
{
    return attr_at(n->attr, n->op, name)->str;
}

const Attr *
attr_l(const Node *n, const char *name)
{
    return attr_at(n->attr, n->op, name);
}

Attr *
attrs_new(u32 op)
{
    const Op *row = &optab[op];
    Attr *a = mem_alloc((row->nattr + 1) * sizeof *a);
    for (u32 i = 0; i < row->nattr; i++)
        a[i].num = row->attr[i].missing;
    return a;
}

void
attr_set_f(Attr *a, u32 op, const char *name, f64 value)
{
    attr_at(a, op, name)->num = value;
}

void
attr_set_s(Attr *a, u32 op, const char *name, const char *value)
{
    attr_at(a, op, name)->str = intern(value);
}

void
attr_set_l(Attr *a, u32 op, const char *name, u32 n, const i32 *list)
{
    Attr *to = attr_at(a, op, name);
    to->n = (u8)n;
    for (u32 i = 0; i < n; i++)
        to->list[i] = list[i];
}

void
ops_print(FILE *out)
{
    static const char *const kind[] = {"leaf",      "element-wise", "view",
                                       "reduction", "move",         "library",
                                       "special",   "composite",    "effect"};
    for (u32 i = 0; i < NOP; i++) {
        const Op *op = &optab[i];
        char in[12] = "1..";
        if (op->nin >= 0)
            snprintf(in, sizeof in, "%d", op->nin);
        fprintf(out, "%-14s %-3s in %d out  %-12s %s\n", op->name, in, op->nout,
                kind[op->kind], op->text);
        if (op->nattr)
            fprintf(out, "%-14s %s\n", "", op->attrs);
    }
}
