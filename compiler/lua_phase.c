/* lua_phase.c - what a program is made of: param, state, phase.
 *
 * A phase's function runs once for each bucket of picture sizes, with numbers
 * everywhere; its doors are made when they are first asked for.  Parameters
 * and states are shared by name. */
#include "compiler/front.h"

enum { MOST_BUCKETS = 8, MOST_TENSORS = 4096 };

/* ---------------------------------------------------------- param and state */

/* init.normal(std) and its kin are tables with one number. */
static void
read_init(lua_State *L, int index, Tensor *t)
{
    if (lua_isnoneornil(L, index) && t->role == RO_state)
        return;
    if (lua_type(L, index) != LUA_TTABLE)
        lua_fail(L,
                 "%s: init.zero, init.one, init.fill(v) or init.normal(std) "
                 "expected, got %s",
                 t->name, lua_got(L, index));
    for (t->init = INIT_fill; t->init <= INIT_normal; t->init++) {
        if (lua_getfield(L, index, t->init == INIT_fill ? "fill" : "normal") !=
            LUA_TNIL) {
            t->value = lua_finite(L, -1, format("%s: init", t->name));
            lua_pop(L, 1);
            return;
        }
        lua_pop(L, 1);
    }
    lua_fail(L,
             "%s: init.zero, init.one, init.fill(v) or init.normal(std) "
             "expected, got another table",
             t->name);
}

static Type
read_dims(lua_State *L, int index, const char *name)
{
    Type t = {.dtype = DT_f32};
    u64 n = lua_type(L, index) == LUA_TTABLE ? lua_rawlen(L, index) : 99;
    u64 bytes = 4;

    if (n > MAX_RANK)
        lua_fail(L, "%s: a list of at most %d sizes expected, got %s", name,
                 MAX_RANK, lua_got(L, index));
    t.rank = (u8)n;
    for (u32 i = 0; i < n; i++) {
        lua_rawgeti(L, index, i + 1);
        t.dim[i] =
            (i32)lua_int(L, -1, format("%s: size %u", name, i + 1), 1, MAX_DIM);
        lua_pop(L, 1);
        bytes *= (u64)t.dim[i];
        if (bytes > (u64)1 << 40)
            lua_fail(L, "%s: a tensor of more than 2^40 bytes", name);
    }
    return t;
}

/* {trainable = false} at index 4 of param */
static bool
read_trainable(lua_State *L, const char *name)
{
    bool yes = true;

    if (lua_isnoneornil(L, 4))
        return true;
    luaL_checktype(L, 4, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, 4); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING ||
            strcmp(lua_tostring(L, -2), "trainable") ||
            lua_type(L, -1) != LUA_TBOOLEAN)
            lua_fail(L, "%s: {trainable = true or false} expected, got %s",
                     name, lua_got(L, -2));
        yes = lua_toboolean(L, -1);
    }
    return yes;
}

/* The tensor of that name; a second declaration must agree with the first. */
static const Tensor *
declare(lua_State *L, const Tensor *want)
{
    Tensor *t = tensor_find(front.p, want->name);

    if (!t) {
        if (front.p->ntensor == MOST_TENSORS)
            lua_fail(L, "%s: a model has at most %d params and states",
                     want->name, MOST_TENSORS);
        t = tensor_add(front.p, want->name, want->type, want->role,
                       lua_place(L));
        t->init = want->init;
        t->value = want->value;
        t->trainable = want->trainable;
        return t;
    }
    if (t->role != want->role || !type_same(&t->type, &want->type))
        lua_fail(L, "%s: %s %s here, but %s %s at %s", want->name,
                 want->role == RO_param ? "param" : "state",
                 type_text(&want->type),
                 t->role == RO_param ? "param" : "state", type_text(&t->type),
                 t->place);
    if (t->init != want->init || t->value != want->value ||
        t->trainable != want->trainable)
        lua_fail(L, "%s: declared with another init or trainable at %s",
                 want->name, t->place);
    return t;
}

/* param(name, dims, init, {trainable = false}), state(name, dims, init) */
static int
tensor(lua_State *L, u32 role)
{
    const char *what = role == RO_param ? "param" : "state";
    const char *name = lua_tostring(L, 1);
    Tensor want = {.role = (u8)role};
    const Tensor *t;
    Attr *a;

    lua_func(L, what);
    if (lua_type(L, 1) != LUA_TSTRING || !name_good(name) || strchr(name, '@'))
        return lua_fail(L,
                        "%s: a name of letters, digits, _ and dots "
                        "expected, got %s",
                        what, lua_got(L, 1));
    want.name = intern(name);
    want.type = read_dims(L, 2, name);
    read_init(L, 3, &want);
    want.trainable = role == RO_param && read_trainable(L, name);
    t = declare(L, &want);
    a = attrs_new(OP_load);
    attr_set_s(a, OP_load, "tensor", t->name);
    lua_push_tensor(L, lua_node(L, OP_load, NULL, 0, a, t->name),
                    role == RO_state ? t->name : NULL);
    return 1;
}

static int
param(lua_State *L)
{
    return tensor(L, RO_param);
}

static int
state(lua_State *L)
{
    return tensor(L, RO_state);
}

static void
set_init(lua_State *L, const char *kind, f64 value, const char *name)
{
    lua_createtable(L, 0, 1);
    lua_pushnumber(L, value);
    lua_setfield(L, -2, kind);
    if (name)
        lua_setfield(L, -2, name);
}

static int
init_fill(lua_State *L)
{
    set_init(L, "fill", lua_finite(L, 1, "init.fill"), NULL);
    return 1;
}

static int
init_normal(lua_State *L)
{
    f64 std = lua_finite(L, 1, "init.normal");

    if (std < 0)
        return lua_fail(L,
                        "init.normal: a standard deviation of 0 or more "
                        "expected, got %s",
                        lua_got(L, 1));
    set_init(L, "normal", std, NULL);
    return 1;
}

/* -------------------------------------------------------------------- doors */

enum { B = -1, S = -2, T = -3, A = -4, H = -5, W = -6 };
static const struct {
    const char *name, *dtype;
    u8 rank;
    i32 dim[4];
} doors[] = {
    {"image", "u8", 4, {B, H, W, 3}}, {"image_size", "i32", 2, {B, 2}},
    {"tokens", "i32", 3, {B, S, T}},  {"token_mask", "i32", 3, {B, S, T}},
    {"answers", "f32", 3, {B, S, A}}, {"mlm_labels", "i32", 3, {B, S, T}},
    {"itm_labels", "i32", 2, {B, S}}, {"rows", "i32", 1, {1}}};

static i32
door_size(lua_State *L, const Func *f, u32 door, i32 dim)
{
    static const char *const field[] = {"batch",   "sentences", "tokens",
                                        "answers", "buckets",   "buckets"};
    const i32 size[] = {f->batch,   f->sentences, f->tokens,
                        f->answers, f->height,    f->width};

    if (dim > 0)
        return dim;
    if (!size[-dim - 1])
        lua_fail(L, "door.%s needs the config field '%s'", doors[door].name,
                 field[-dim - 1]);
    return size[-dim - 1];
}

static Val
make_door(lua_State *L, u32 door)
{
    const Func *f = lua_func(L, "door");
    Attr *a = attrs_new(OP_input);
    i32 dim[4];

    for (u32 i = 0; i < doors[door].rank; i++)
        dim[i] = door_size(L, f, door, doors[door].dim[i]);
    attr_set_s(a, OP_input, "door", doors[door].name);
    attr_set_s(a, OP_input, "dtype", doors[door].dtype);
    attr_set_l(a, OP_input, "dims", doors[door].rank, dim);
    return lua_node(L, OP_input, NULL, 0, a, doors[door].name);
}

/* door.NAME: the input, made when it is first asked for */
static int
door(lua_State *L)
{
    const char *name = luaL_checkstring(L, 2), *words[countof(doors)];
    const Func *f = lua_func(L, "door");

    for (u32 i = 0; i < f->nnode; i++)
        if (f->node[i].op == OP_input &&
            !strcmp(attr_s(&f->node[i], "door"), name)) {
            lua_push_tensor(L, VAL(i, 0), NULL);
            return 1;
        }
    for (u32 i = 0; i < countof(doors); i++) {
        words[i] = doors[i].name;
        if (!strcmp(doors[i].name, name)) {
            lua_push_tensor(L, make_door(L, i), NULL);
            return 1;
        }
    }
    return lua_fail(L, "there is no door '%s'%s", name,
                    lua_guess(name, words, countof(doors)));
}

/* ------------------------------------------------------------------- phases */

static void
read_outputs(lua_State *L, Func *f)
{
    u64 n;
    int keys;

    if (lua_type(L, -1) != LUA_TTABLE)
        lua_fail(L,
                 "phase %s: its function must return {name = tensor}, got "
                 "%s",
                 f->name, lua_got(L, -1));
    lua_sorted_keys(L, -1);
    keys = lua_gettop(L);
    n = lua_rawlen(L, keys);
    for (u64 i = 1; i <= n; i++) {
        const char *name;
        Val v;

        if (lua_rawgeti(L, keys, (i64)i) != LUA_TSTRING ||
            !name_good(lua_tostring(L, -1)))
            lua_fail(L, "phase %s: outputs need names, got %s", f->name,
                     lua_got(L, -1));
        name = intern(lua_tostring(L, -1));
        lua_getfield(L, keys - 1, name);
        v = lua_tensor(L, -1, format("output %s", name));
        *PUSH(f->out, f->nout, f->out_cap) = (Out){name, v, false};
        if (f->kind == PH_train && !strcmp(name, "loss"))
            f->loss = v;
        lua_pop(L, 2);
    }
}

static void
check_loss(lua_State *L, const Func *f)
{
    Type t;

    if (f->kind != PH_train)
        return;
    if (f->loss == VAL_NONE)
        lua_fail(L, "phase %s: no output 'loss' to differentiate", f->name);
    t = type_of(f, f->loss);
    if (t.dtype != DT_f32 || type_count(&t) != 1)
        lua_fail(L, "phase %s: loss must be one number, got %s", f->name,
                 type_text(&t));
}

/* Builds one phase for one bucket with the function at index `builder`. */
static void
build(lua_State *L, const char *kind, u32 number, const i32 *size, int builder)
{
    const char *name = format("%s@%dx%d", kind, size[0], size[1]);
    Func *f;

    if (func_find(front.p, name))
        lua_fail(L, "phase %s is there already", name);
    f = func_add(front.p, name, number);
    f->batch = (i32)lua_config_int("batch");
    f->sentences = (i32)lua_config_int("sentences");
    f->tokens = (i32)lua_config_int("tokens");
    f->answers = (i32)lua_config_int("answers");
    f->height = size[0];
    f->width = size[1];
    front.func = (i32)front.p->nfunc - 1;
    front.serial++;
    lua_pushvalue(L, builder);
    luaL_getmetatable(L, "door"); /* one userdata, made by open */
    lua_getfield(L, -1, "door");
    lua_remove(L, -2);
    lua_call(L, 1, 1);
    f = &front.p->func[front.func];
    read_outputs(L, f);
    check_loss(L, f);
    front.func = -1;
    lua_settop(L, builder);
}

static void
build_all(lua_State *L, const char *kind, int builder)
{
    static const char *const names[] = {"train", "eval", "infer"};
    static const u32 numbers[] = {PH_train, PH_eval, PH_infer};
    i32 size[MOST_BUCKETS][2] = {{0}};
    u32 n = lua_config_buckets(size, MOST_BUCKETS), k = 0;

    while (k < countof(names) && strcmp(names[k], kind))
        k++;
    if (k == countof(names))
        lua_fail(L, "phase: train, eval, infer or update expected, got '%s'%s",
                 kind, lua_guess(kind, names, countof(names)));
    for (u32 i = 0; i < (n ? n : 1); i++)
        build(L, kind, numbers[k], size[i], builder);
}

/* phase(name or {names}, [overrides], builder); phase("update", table) */
static int
phase(lua_State *L)
{
    bool plain = lua_type(L, 1) == LUA_TSTRING;
    u64 n = plain ? 1 : lua_type(L, 1) == LUA_TTABLE ? lua_rawlen(L, 1) : 0;

    if (front.func >= 0)
        return lua_fail(L, "phase: inside another phase");
    if (plain && !strcmp(lua_tostring(L, 1), "update"))
        return lua_update(L);
    if (lua_gettop(L) == 2) {
        lua_pushnil(L);
        lua_insert(L, 2);
    }
    if (!n || lua_gettop(L) != 3 || lua_type(L, 3) != LUA_TFUNCTION ||
        (!lua_isnil(L, 2) && lua_type(L, 2) != LUA_TTABLE))
        return lua_fail(L, "phase: write phase(\"infer\", function(door) ... "
                           "return {name = tensor} end)");
    lua_config_override(L, 2);
    for (u64 i = 1; i <= n; i++) {
        if (plain)
            lua_pushvalue(L, 1);
        else
            lua_rawgeti(L, 1, (i64)i);
        if (lua_type(L, -1) != LUA_TSTRING)
            return lua_fail(L, "phase: a name expected, got %s",
                            lua_got(L, -1));
        build_all(L, intern(lua_tostring(L, -1)), 3);
    }
    lua_config_end_override();
    return 0;
}

/* training(): is the phase that is being built `train`? */
static int
training(lua_State *L)
{
    lua_pushboolean(L, lua_func(L, "training")->kind == PH_train);
    return 1;
}

static void
open_init(lua_State *L)
{
    lua_newtable(L);
    set_init(L, "fill", 0, "zero");
    set_init(L, "fill", 1, "one");
    lua_pushcfunction(L, init_fill);
    lua_setfield(L, -2, "fill");
    lua_pushcfunction(L, init_normal);
    lua_setfield(L, -2, "normal");
    lua_setglobal(L, "init");
}

void
lua_phase_open(lua_State *L)
{
    luaL_newmetatable(L, "door");
    lua_pushcfunction(L, door);
    lua_setfield(L, -2, "__index");
    lua_newuserdatauv(L, 0, 0);
    luaL_setmetatable(L, "door");
    lua_setfield(L, -2, "door");
    lua_pop(L, 1);
    open_init(L);
    lua_register(L, "param", param);
    lua_register(L, "state", state);
    lua_register(L, "phase", phase);
    front.phase = phase;
    lua_register(L, "training", training);
}
