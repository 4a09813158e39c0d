/* graph.c - types, nodes, building and rebuilding of one phase's graph, and
 * the program's tables of tensors, phases and settings. */
#include "compiler/sohoc.h"

/* ------------------------------------------------------------------ types */

Type
type_make(u32 dtype, u32 rank, const i32 *dim)
{
    Type t = {.dtype = (u8)dtype, .rank = (u8)rank};
    for (u32 i = 0; i < rank; i++)
        t.dim[i] = dim[i];
    return t;
}

Type
type_of(const Func *f, Val v)
{
    return f->node[VAL_NODE(v)].out[VAL_OUT(v)];
}

i64
type_count(const Type *t)
{
    i64 n = 1;
    for (u32 i = 0; i < t->rank; i++)
        n *= t->dim[i];
    return n;
}

u64
type_bytes(const Type *t)
{
    return (u64)type_count(t) * dtype_bytes(t->dtype);
}

bool
type_same(const Type *a, const Type *b)
{
    if (a->dtype != b->dtype || a->rank != b->rank)
        return false;
    for (u32 i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

const char *
type_text(const Type *t)
{
    static const char *const name[] = {
#define X(name, bytes) #name,
        SOHO_DTYPES(X)
#undef X
    };
    char text[160];
    int n = snprintf(text, sizeof text, "%s[", name[t->dtype]);
    for (u32 i = 0; i < t->rank; i++)
        n += snprintf(text + n, sizeof text - (u64)n, "%s%d", i ? "," : "",
                      t->dim[i]);
    snprintf(text + n, sizeof text - (u64)n, "]");
    return intern(text);
}

const Node *
node_of(const Func *f, Val v)
{
    return &f->node[VAL_NODE(v)];
}

bool
val_literal(const Func *f, Val v, f64 *value)
{
    const Node *n = node_of(f, v);
    if (n->op != OP_literal)
        return false;
    if (value)
        *value = attr_f(n, "value");
    return true;
}

/* ------------------------------------------------------------------ nodes */

u32
node_add(Func *f, u32 op, const Val *in, u32 nin, const Attr *attrs,
         const char *name, const char *place)
{
    u32 id = f->nnode;
    Node *n = PUSH(f->node, f->nnode, f->node_cap);
    *n = (Node){.op = (u16)op,
                .nin = (u8)nin,
                .nout = (u8)optab[op].nout,
                .name = name ? name : "",
                .place = place ? place : "",
                .group = -1};
    if (nin > MAX_IN)
        bug("%s: %u inputs, at most %d", optab[op].name, nin, MAX_IN);
    for (u32 i = 0; i < nin; i++)
        n->in[i] = in[i];
    n->attr = attrs_new(op);
    if (attrs)
        memcpy(n->attr, attrs, optab[op].nattr * sizeof *attrs);
    return id;
}

bool
infer_node(Func *f, u32 node)
{
    Node *n = &f->node[node];
    return optab[n->op].family->infer(f, n);
}

static Val
emit_node(Build *b, u32 op, const Val *in, u32 nin, const Attr *attrs)
{
    u32 id = node_add(b->f, op, in, nin, attrs, b->name, b->place);
    if (!infer_node(b->f, id))
        bug("%s made by a pass does not type (%s)", optab[op].name, b->place);
    return VAL(id, 0);
}

Val
emit1(Build *b, u32 op, Val a)
{
    return emit_node(b, op, &a, 1, NULL);
}

Val
emit2(Build *b, u32 op, Val a, Val c)
{
    Val in[2] = {a, c};
    return emit_node(b, op, in, 2, NULL);
}

Val
emit_attrs(Build *b, u32 op, const Val *in, u32 nin, const Attr *attrs)
{
    return emit_node(b, op, in, nin, attrs);
}

Val
emit_literal(Build *b, f64 value)
{
    Attr *a = attrs_new(OP_literal);
    attr_set_f(a, OP_literal, "value", value);
    return emit_node(b, OP_literal, NULL, 0, a);
}

Val
emit_dims(Build *b, u32 op, Val x, u32 rank, const i32 *dim)
{
    Attr *a = attrs_new(op);
    attr_set_l(a, op, "dims", rank, dim);
    return emit_node(b, op, &x, 1, a);
}

Val
emit_reshape(Build *b, Val x, u32 rank, const i32 *dim)
{
    Type t = type_of(b->f, x);
    Type want = type_make(t.dtype, rank, dim);
    return type_same(&t, &want) ? x : emit_dims(b, OP_reshape, x, rank, dim);
}

Val
emit_broadcast(Build *b, Val x, u32 rank, const i32 *dim)
{
    Type t = type_of(b->f, x);
    Type want = type_make(t.dtype, rank, dim);
    return type_same(&t, &want) ? x : emit_dims(b, OP_broadcast, x, rank, dim);
}

Val
emit_permute(Build *b, Val x, const u8 *order)
{
    Type t = type_of(b->f, x);
    i32 list[MAX_RANK];
    for (u32 i = 0; i < t.rank; i++)
        list[i] = order[i];
    Attr *a = attrs_new(OP_permute);
    attr_set_l(a, OP_permute, "order", t.rank, list);
    return emit_node(b, OP_permute, &x, 1, a);
}

Val
emit_slice(Build *b, Val x, u32 dim, i64 first, i64 count)
{
    Attr *a = attrs_new(OP_slice);
    attr_set_f(a, OP_slice, "dim", dim);
    attr_set_f(a, OP_slice, "first", (f64)first);
    attr_set_f(a, OP_slice, "count", (f64)count);
    return emit_node(b, OP_slice, &x, 1, a);
}

static Val
emit_reduce(Build *b, u32 op, Val x, u32 first, u32 count)
{
    Attr *a = attrs_new(op);
    attr_set_f(a, op, "first", first);
    attr_set_f(a, op, "count", count);
    return emit_node(b, op, &x, 1, a);
}

Val
emit_sum(Build *b, Val x, u32 first, u32 count)
{
    return emit_reduce(b, OP_sum, x, first, count);
}

Val
emit_max(Build *b, Val x, u32 first, u32 count)
{
    return emit_reduce(b, OP_max, x, first, count);
}

Val
emit_load(Build *b, const char *tensor)
{
    Attr *a = attrs_new(OP_load);
    attr_set_s(a, OP_load, "tensor", tensor);
    u32 id = node_add(b->f, OP_load, NULL, 0, a, tensor, b->place);
    b->f->node[id].out[0] = tensor_find(b->prog, tensor)->type;
    return VAL(id, 0);
}

void
emit_store(Build *b, const char *tensor, Val v, bool add)
{
    Attr *a = attrs_new(OP_store);
    attr_set_s(a, OP_store, "tensor", tensor);
    attr_set_f(a, OP_store, "add", add);
    emit_node(b, OP_store, &v, 1, a);
}

/* ---------------------------------------------------------------- rebuild */

static Val
mapped(const Val *map, Val old)
{
    if (map[old] == VAL_NONE)
        bug("value %%%u.%u is used but was replaced without it", VAL_NODE(old),
            VAL_OUT(old));
    return map[old];
}

void
graph_rebuild(Prog *p, Func *f, Rewrite *fn, void *user)
{
    Node *old = f->node;
    u32 nold = f->nnode;
    Val *map = mem_alloc((u64)(nold + 1) * 4 * sizeof *map);
    f->node = NULL;
    f->nnode = f->node_cap = 0;
    for (u32 i = 0; i < nold; i++) {
        const Node *n = &old[i];
        Val in[MAX_IN];
        for (u32 k = 0; k < n->nin; k++)
            in[k] = mapped(map, n->in[k]);
        Build b = {p, f, n->name, n->place};
        Val v = fn(&b, n, in, user);
        bool like = v != VAL_NONE && node_of(f, v)->nout == n->nout;
        map[VAL(i, 0)] = v;
        for (u32 k = 1; k < 4; k++) /* a node like n stands for all of it */
            map[VAL(i, k)] = like && k < n->nout ? v + k : VAL_NONE;
        if (v != VAL_NONE)
            continue;
        u32 id = node_add(f, n->op, in, n->nin, n->attr, n->name, n->place);
        memcpy(f->node[id].out, n->out, sizeof n->out);
        for (u32 k = 0; k < n->nout; k++)
            map[VAL(i, k)] = VAL(id, k);
    }
    for (u32 i = 0; i < f->nout; i++)
        f->out[i].val = mapped(map, f->out[i].val);
    if (f->loss != VAL_NONE)
        f->loss = mapped(map, f->loss);
}

void
graph_sweep(Func *f, const bool *live)
{
    u32 *to = mem_alloc((f->nnode + 1) * sizeof *to), n = 0;
    for (u32 i = 0; i < f->nnode; i++) {
        if (!live[i])
            continue;
        Node *node = &f->node[n];
        *node = f->node[i];
        for (u32 k = 0; k < node->nin; k++)
            node->in[k] =
                VAL(to[VAL_NODE(node->in[k])], VAL_OUT(node->in[k]));
        to[i] = n++;
    }
    f->nnode = n;
    for (u32 i = 0; i < f->nout; i++)
        f->out[i].val =
            VAL(to[VAL_NODE(f->out[i].val)], VAL_OUT(f->out[i].val));
    if (f->loss != VAL_NONE)
        f->loss = VAL(to[VAL_NODE(f->loss)], VAL_OUT(f->loss));
}

u32 *
graph_uses(const Func *f)
{
    u32 *uses = mem_alloc((u64)(f->nnode + 1) * 4 * sizeof *uses);
    for (u32 i = 0; i < f->nnode; i++)
        for (u32 k = 0; k < f->node[i].nin; k++)
            uses[f->node[i].in[k]]++;
    for (u32 i = 0; i < f->nout; i++)
        uses[f->out[i].val]++;
    return uses;
}

/* ----------------------------------------------------------------- tables */

Tensor *
tensor_find(const Prog *p, const char *name)
{
    for (u32 i = 0; i < p->ntensor; i++)
        if (!strcmp(p->tensor[i].name, name))
            return &p->tensor[i];
    return NULL;
}

Tensor *
tensor_add(Prog *p, const char *name, Type type, u32 role, const char *place)
{
    Tensor *t = PUSH(p->tensor, p->ntensor, p->tensor_cap);
    *t = (Tensor){.name = intern(name),
                  .place = place ? place : "",
                  .type = type,
                  .role = (u8)role,
                  .group = -1};
    return t;
}

const char *
meta_get(const Prog *p, const char *key)
{
    for (u32 i = 0; i < p->nmeta; i++)
        if (!strcmp(p->meta[i].key, key))
            return p->meta[i].value;
    return NULL;
}

void
meta_set(Prog *p, const char *key, const char *value)
{
    for (u32 i = 0; i < p->nmeta; i++)
        if (!strcmp(p->meta[i].key, key)) {
            p->meta[i].value = intern(value);
            return;
        }
    Meta *m = PUSH(p->meta, p->nmeta, p->meta_cap);
    *m = (Meta){intern(key), intern(value)};
}

Func *
func_find(Prog *p, const char *name)
{
    for (u32 i = 0; i < p->nfunc; i++)
        if (!strcmp(p->func[i].name, name))
            return &p->func[i];
    return NULL;
}

Func *
func_add(Prog *p, const char *name, u32 kind)
{
    Func *f = PUSH(p->func, p->nfunc, p->func_cap);
    *f = (Func){
        .name = intern(name), .kind = (u8)kind, .loss = VAL_NONE, .pack = -1};
    return f;
}
