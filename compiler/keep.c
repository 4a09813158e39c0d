/* keep.c - values that the user wants to see (--keep) become outputs of their
 * phases, and no bit of anything else changes.
 *
 * Most values only get one store more.  A value that a library call would
 * swallow (what a bias is added to, what an activation reads) is computed by
 * nodes of its own, so that the call stays as it is; and rows that prune leaves
 * out stay out. */
#include "compiler/sohoc.h"

/* The last node of that name that computes something, or -1. */
static i64
find_named(const Func *f, const char *name)
{
    for (u32 i = f->nnode; i-- > 0;)
        if (f->node[i].name == name && f->node[i].nout &&
            optab[f->node[i].op].kind != KIND_leaf)
            return i;
    return -1;
}

static bool
is_output(const Func *f, const char *name)
{
    for (u32 i = 0; i < f->nout; i++)
        if (f->out[i].name == name)
            return true;
    return false;
}

_Noreturn static void
unknown(const Prog *p, const char *name)
{
    const char **words = NULL, *near;
    u32 n = 0, cap = 0;
    for (u32 i = 0; i < p->nfunc; i++)
        for (u32 k = 0; k < p->func[i].nnode; k++)
            if (*p->func[i].node[k].name)
                *PUSH(words, n, cap) = p->func[i].node[k].name;
    near = nearest(name, words, n);
    die(SOHO_USAGE, "--keep %s: no value of the model has this name%s%s%s",
        name, near ? ", did you mean " : "", near ? near : "",
        near ? "?" : "; sohoc MODEL -o DIR -d front lists them");
}

void
keep_values(Prog *p)
{
    for (u32 i = 0; i < p->opt.nkeep; i++) {
        const char *name = intern(p->opt.keep[i]);
        bool found = false;
        for (u32 k = 0; k < p->nfunc; k++) {
            Func *f = &p->func[k];
            i64 node = find_named(f, name);
            found |= node >= 0 || is_output(f, name);
            if (node >= 0 && !is_output(f, name))
                *PUSH(f->out, f->nout, f->out_cap) =
                    (Out){name, VAL(node, 0), true};
        }
        if (!found)
            unknown(p, name);
    }
}

/* v, computed by nodes of its own as far as a library call may swallow them:
 * the call, up to two additions, an activation.  `parts` of these may follow.
 */
static Val
apart(Func *f, Val v, u32 parts)
{
    Node n = *node_of(f, v);
    bool end = n.op == OP_relu || n.op == OP_gelu, changed = false;
    if (optab[n.op].kind == KIND_library) {
        changed = true;
    } else if (n.op == OP_reshape || (n.op == OP_add && parts) ||
               (end && parts == 3)) {
        for (u32 i = 0; i < n.nin; i++) {
            Val in = apart(f, n.in[i], parts - (n.op != OP_reshape));
            changed |= in != n.in[i];
            n.in[i] = in;
        }
    }
    if (!changed)
        return v;
    u32 id = node_add(f, n.op, n.in, n.nin, n.attr, n.name, n.place);
    memcpy(f->node[id].out, n.out, sizeof n.out);
    return VAL(id, VAL_OUT(v));
}

void
keep_apart(Func *f)
{
    for (u32 i = 0; i < f->nout; i++)
        if (f->out[i].kept)
            f->out[i].val = apart(f, f->out[i].val, 3);
}
