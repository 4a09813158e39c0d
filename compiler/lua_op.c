/* lua_op.c - op.NAME{...}: nodes from Lua.
 *
 * The table's list part holds the inputs (a number becomes a literal), its
 * named part the attributes of the op's row.  Axes and positions count from 1
 * in Lua and from 0 in the graph. */
#include <math.h>

#include "compiler/front.h"

enum { MOST_NODES = 1 << 17 };
static const u64 MOST_BYTES = (u64)1 << 40; /* of one tensor */

/* Attributes that are an axis or a position. */
static const struct {
    u16 op;
    const char *attr;
} counted[] = {{OP_permute, "order"}, {OP_slice, "dim"}, {OP_slice, "first"},
               {OP_sum, "first"},     {OP_max, "first"}, {OP_concat, "dim"},
               {OP_pad, "dim"}};

static f64
counts_from(u32 op, const char *attr)
{
    for (u32 i = 0; i < countof(counted); i++)
        if (counted[i].op == op && !strcmp(counted[i].attr, attr))
            return 1;
    return 0;
}

/* ------------------------------------------------------------------ nodes */

Func *
lua_func(lua_State *L, const char *what)
{
    if (front.func < 0)
        lua_fail(L, "%s: nodes are made inside the function given to phase()",
                 what);
    return &front.p->func[front.func];
}

/* Bytes of the type fit into a machine; no product overflows. */
static bool
size_good(const Type *t)
{
    u64 bytes = dtype_bytes(t->dtype);

    for (u32 i = 0; i < t->rank; i++) {
        if (t->dim[i] < 1 || t->dim[i] > MAX_DIM)
            return false;
        bytes *= (u64)t->dim[i];
        if (bytes > MOST_BYTES)
            return false;
    }
    return true;
}

/* The rows of `tensor` ops need the tensor, which infer does not see. */
static void
check_tensor(lua_State *L, Func *f, Node *n)
{
    const Tensor *t = NULL;
    Type got;

    if (attr_find(n->op, "tensor") < 0)
        return;
    t = tensor_find(front.p, attr_s(n, "tensor"));
    if (!t)
        lua_fail(L, "%s: there is no param or state '%s'", optab[n->op].name,
                 attr_s(n, "tensor"));
    if (n->op == OP_load)
        n->out[0] = t->type;
    if (n->op != OP_store)
        return;
    got = type_of(f, n->in[0]);
    if (!type_same(&got, &t->type))
        lua_fail(L, "store: %s is %s, the new value %s", t->name,
                 type_text(&t->type), type_text(&got));
}

Val
lua_node(lua_State *L, u32 op, const Val *in, u32 nin, const Attr *attrs,
         const char *name)
{
    Func *f = lua_func(L, format("op.%s", optab[op].name));
    const char *place = lua_place(L);
    u32 id;

    if (front.nodes++ == MOST_NODES)
        lua_fail(L, "op.%s: a model has at most %d nodes", optab[op].name,
                 MOST_NODES);
    id = node_add(f, op, in, nin, attrs, name, place);
    if (!infer_node(f, id)) {
        for (u32 i = 0; i < nin; i++) {
            const Node *n = node_of(f, in[i]);
            Type t = type_of(f, in[i]);

            diag_note(n->place, "input %u, %s, was made here by %s", i + 1,
                      type_text(&t), optab[n->op].name);
        }
        lua_fail(L, "%s", "");
    }
    check_tensor(L, f, &f->node[id]);
    for (u32 k = 0; k < f->node[id].nout; k++)
        if (!size_good(&f->node[id].out[k]))
            lua_fail(L, "%s: a result of more than %llu bytes", optab[op].name,
                     (unsigned long long)MOST_BYTES);
    return VAL(id, 0);
}

/* ------------------------------------------------------------- attributes */

static int
bad_attr(lua_State *L, u32 op, const char *name, const char *want, int at)
{
    return lua_fail(L, "%s: bad attribute '%s' of op.%s (%s expected, got %s)",
                    optab[op].name, name, optab[op].name, want, lua_got(L, at));
}

static int
unknown_attr(lua_State *L, u32 op, const char *name)
{
    const char *words[MAX_ATTR];

    for (u32 i = 0; i < optab[op].nattr; i++)
        words[i] = optab[op].attr[i].name;
    return lua_fail(L, "%s: op.%s has no attribute '%s'%s", optab[op].name,
                    optab[op].name, name,
                    lua_guess(name, words, optab[op].nattr));
}

static f64
integer_of(lua_State *L, u32 op, const char *name, const char *want, int at)
{
    int good;
    i64 v = lua_tointegerx(L, at, &good);

    if (lua_type(L, at) == LUA_TBOOLEAN)
        return lua_toboolean(L, at);
    if (lua_type(L, at) != LUA_TNUMBER || !good || v < -MAX_DIM || v > MAX_DIM)
        bad_attr(L, op, name, want, at);
    return (f64)(v - (i64)counts_from(op, name));
}

static void
read_list(lua_State *L, u32 op, const AttrSpec *spec, int at, Attr *a)
{
    u64 n = lua_type(L, at) == LUA_TTABLE ? lua_rawlen(L, at) : 0;

    if (lua_type(L, at) != LUA_TTABLE || n > MAX_LIST)
        bad_attr(L, op, spec->name, "list of at most 8 numbers", at);
    a->n = (u8)n;
    for (u64 i = 0; i < n; i++) {
        lua_rawgeti(L, at, (i64)i + 1);
        if (lua_type(L, -1) != LUA_TNUMBER || !isfinite(lua_tonumber(L, -1)))
            bad_attr(L, op, spec->name, "list of numbers", -1);
        a->list[i] = lua_tonumber(L, -1) - counts_from(op, spec->name);
        lua_pop(L, 1);
    }
}

/* The value at `at` becomes attribute i of the op. */
static void
read_attr(lua_State *L, u32 op, u32 i, int at, Attr *attrs)
{
    const AttrSpec *spec = &optab[op].attr[i];

    at = lua_absindex(L, at);
    switch (spec->type) {
    case 'i':
        attrs[i].num = integer_of(L, op, spec->name, "integer", at);
        break;
    case 'f':
        if (lua_type(L, at) != LUA_TNUMBER || !isfinite(lua_tonumber(L, at)))
            bad_attr(L, op, spec->name, "number", at);
        attrs[i].num = lua_tonumber(L, at);
        break;
    case 's':
        if (lua_type(L, at) != LUA_TSTRING || !name_good(lua_tostring(L, at)))
            bad_attr(L, op, spec->name, "text of letters, digits, _ and dots",
                     at);
        attrs[i].str = intern(lua_tostring(L, at));
        break;
    default:
        read_list(L, op, spec, at, &attrs[i]);
    }
}

/* All named fields of the table at index 1. */
static Attr *
read_attrs(lua_State *L, u32 op)
{
    Attr *attrs = attrs_new(op);
    u32 seen = 0;

    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        const char *name;
        int i;

        if (lua_type(L, -2) != LUA_TSTRING)
            continue;
        name = intern(lua_tostring(L, -2));
        i = attr_find(op, name);
        if (i < 0)
            unknown_attr(L, op, name);
        read_attr(L, op, (u32)i, -1, attrs);
        seen |= 1u << i;
    }
    for (u32 i = 0; i < optab[op].nattr; i++)
        if (optab[op].attr[i].required && !(seen >> i & 1))
            lua_fail(L, "%s: op.%s needs the attribute '%s'", optab[op].name,
                     optab[op].name, optab[op].attr[i].name);
    return attrs;
}

/* The list part of the table at index 1. */
static u32
read_inputs(lua_State *L, u32 op, Val *in)
{
    i32 want = optab[op].nin;
    u64 n = lua_rawlen(L, 1), most = want < 0 ? MAX_IN : (u64)want;

    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
        if (lua_type(L, -2) != LUA_TSTRING &&
            (!lua_isinteger(L, -2) || lua_tointeger(L, -2) < 1 ||
             (u64)lua_tointeger(L, -2) > n))
            lua_fail(L, "%s: input %s stands alone: is one before it nil?",
                     optab[op].name, lua_got(L, -2));
    if (want < 0 ? n < 1 || n > most : n != most)
        lua_fail(L, "%s: op.%s takes %s%d inputs, got %d", optab[op].name,
                 optab[op].name, want < 0 ? "1 to " : "", (int)most, (int)n);
    for (u64 i = 0; i < n; i++) {
        lua_rawgeti(L, 1, (i64)i + 1);
        in[i] = lua_tensor(L, -1,
                           format("%s: input %d", optab[op].name, (int)i + 1));
        lua_pop(L, 1);
    }
    return (u32)n;
}

/* op.NAME{...}; upvalue: the op's number. */
static int
call_op(lua_State *L)
{
    u32 op = (u32)lua_tointeger(L, lua_upvalueindex(1)), nin;
    Val in[MAX_IN], v;
    Attr *attrs;

    if (lua_type(L, 1) != LUA_TTABLE || lua_gettop(L) != 1)
        return lua_fail(L, "%s: write op.%s{input, ..., attribute = value}",
                        optab[op].name, optab[op].name);
    lua_func(L, format("op.%s", optab[op].name));
    nin = read_inputs(L, op, in);
    attrs = read_attrs(L, op);
    v = lua_node(L, op, in, nin, attrs, "");
    for (i32 k = 0; k < optab[op].nout; k++)
        lua_push_tensor(L, v + (Val)k, NULL);
    return optab[op].nout;
}

static int
unknown_op(lua_State *L)
{
    const char *name = luaL_checkstring(L, 2), *words[NOP];

    for (u32 i = 0; i < NOP; i++)
        words[i] = optab[i].name;
    return lua_fail(L, "there is no op.%s%s; `sohoc --ops` lists all", name,
                    lua_guess(name, words, NOP));
}

void
lua_op_open(lua_State *L)
{
    lua_newtable(L);
    for (u32 i = 0; i < NOP; i++) {
        if (!strcmp(optab[i].family_name, "optim") ||
            !strcmp(optab[i].family_name, "attention"))
            continue; /* made by the compiler only */
        lua_pushinteger(L, i);
        lua_pushcclosure(L, call_op, 1);
        lua_setfield(L, -2, optab[i].name);
    }
    lua_newtable(L);
    lua_pushcfunction(L, unknown_op);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_setglobal(L, "op");
}
