/* lua_run.c - runs the model in its own process.
 *
 * In: front.model and front.library, in memory.  Out: front.p.  Memory and
 * instructions are counted; every Lua error becomes a message with the place
 * in the model's files, and ends the process. */
#include <math.h>

#include "compiler/front.h"

enum {
    HEAP_BYTES = 64 << 20,
    INSTRUCTIONS = 10000000,
    PER_HOOK = 1000,
    MOST_PLACES = 12
};

Front front = {.func = -1};
static const char *loading; /* the file whose text Lua is reading, or NULL */

/* ----------------------------------------------------------------- limits */

static void *
allocate(void *user, void *old, size_t had, size_t wanted)
{
    u64 *used = user;
    void *p;

    if (!old)
        had = 0; /* Lua passes the kind of the new object here */
    if (!wanted) {
        free(old);
        *used -= had;
        return NULL;
    }
    if (wanted > had && *used + (wanted - had) > HEAP_BYTES)
        return NULL;
    p = realloc(old, wanted);
    if (p)
        *used += wanted - had;
    return p;
}

static void
count_instructions(lua_State *L, lua_Debug *ar)
{
    static u32 hooks;

    (void)ar;
    if (++hooks >= INSTRUCTIONS / PER_HOOK)
        lua_fail(L,
                 "the model ran %d instructions and was stopped: is there "
                 "a loop without an end?",
                 INSTRUCTIONS);
}

/* ----------------------------------------------------------------- errors */

const char *
lua_place(lua_State *L)
{
    char text[1024];
    lua_Debug ar;
    u64 n = 0;
    u32 places = 0;
    bool in_phase = false;

    text[0] = 0;
    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Slf", &ar);
        in_phase = lua_tocfunction(L, -1) == front.phase;
        lua_pop(L, 1);
        if (in_phase && places)
            break; /* below it is only the line that says phase(...) */
        if (ar.currentline <= 0 || ar.source[0] != '@')
            continue;
        if (places++ == MOST_PLACES || n + strlen(ar.source) + 20 > sizeof text)
            break;
        n += (u64)snprintf(text + n, sizeof text - n, "%s%s:%d", n ? " < " : "",
                           ar.source + 1, ar.currentline);
    }
    return intern(text);
}

int
lua_fail(lua_State *L, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    lua_pushstring(L, text);
    return lua_error(L);
}

/* Bytes of "FILE:LINE: " in front of Lua's own messages, 0 if none. */
static u64
prefix_of(const char *s, const char *file)
{
    u64 n = strlen(file), digits;

    if (strncmp(s, file, n) || s[n] != ':')
        return 0;
    digits = strspn(s + n + 1, "0123456789");
    n += 1 + digits;
    return digits && !strncmp(s + n, ": ", 2) ? n + 2 : 0;
}

/* The message without its place; *place: that place, if it had one. */
static const char *
split(const char *message, const char **place)
{
    u64 n = prefix_of(message, front.model.file);

    for (u32 i = 0; !n && i < front.nlibrary; i++)
        n = prefix_of(message, front.library[i].file);
    if (n)
        *place = intern_n(message, n - 2);
    return message + n;
}

/* The chain from `first` on, if it is part of it, else `first` alone. */
static const char *
chain_from(const char *chain, const char *first)
{
    const char *s = strstr(chain, first);
    char after = s ? s[strlen(first)] : 0;

    return s && (s == chain || s[-1] == ' ') && (!after || after == ' ')
               ? s
               : first;
}

/* Runs where the error happened, with the stack still there. */
static int
report(lua_State *L)
{
    const char *place = NULL, *chain = lua_place(L), *text;

    if (diag_count()) /* infer_node has said it */
        return 1;
    if (lua_type(L, 1) != LUA_TSTRING) {
        diag_err(chain, "error with a %s: call error(\"text\")",
                 luaL_typename(L, 1));
        return 1;
    }
    text = split(lua_tostring(L, 1), &place);
    if (!place && loading)
        chain = *chain ? format("%s < %s", loading, chain) : loading;
    else if (!place && !*chain)
        chain = front.model.file;
    diag_err(place ? chain_from(chain, place) : chain, "%s", text);
    return 1;
}

static _Noreturn int
panic(lua_State *L)
{
    bug("Lua: %s", lua_tostring(L, -1));
}

static void
finish(lua_State *L, int status)
{
    const char *place = front.model.file, *text;

    if (status == LUA_OK || diag_count())
        return;
    text = lua_tostring(L, -1);
    if (status == LUA_ERRMEM)
        text = "the model needs more than 64 MiB of Lua memory";
    else
        text = split(text ? text : "?", &place);
    diag_err(place, "%s", text);
}

/* -------------------------------------------------------------------- use */

/* Leaves the file's chunk on the stack, or raises what is wrong with it. */
static void
load(lua_State *L, const Source *s)
{
    loading = s->file;
    if (luaL_loadbufferx(L, s->text, s->bytes,
                         lua_pushfstring(L, "@%s", s->file), "t"))
        lua_error(L);
    loading = NULL;
    lua_remove(L, -2);
}

static const Source *
library_find(const char *name)
{
    const char *file = format("lib/%s.lua", name);

    for (u32 i = 0; i < front.nlibrary; i++)
        if (!strcmp(front.library[i].file, file))
            return &front.library[i];
    return NULL;
}

static int
no_library(lua_State *L, const char *name)
{
    const char *names[MOST_LIBRARIES];

    for (u32 i = 0; i < front.nlibrary; i++) {
        const char *file = front.library[i].file + 4;

        names[i] = intern_n(file, strlen(file) - 4);
    }
    return lua_fail(L,
                    "use: there is no lib/%s.lua beneath the model's folder%s",
                    name, lua_guess(name, names, front.nlibrary));
}

/* use "nn": what lib/nn.lua returns; each file runs once. */
static int
use(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const Source *s = library_find(name);

    lua_settop(L, 1);
    if (!s)
        return no_library(L, name);
    if (lua_getfield(L, lua_upvalueindex(1), name) == LUA_TBOOLEAN)
        return lua_fail(L, "use: lib/%s.lua uses itself", name);
    if (!lua_isnil(L, -1))
        return 1;
    lua_pushboolean(L, 1);
    lua_setfield(L, lua_upvalueindex(1), name);
    load(L, s);
    lua_call(L, 0, 1);
    if (lua_isnil(L, -1) || lua_isboolean(L, -1))
        return lua_fail(L, "use: lib/%s.lua returns nothing", name);
    lua_pushvalue(L, -1);
    lua_setfield(L, lua_upvalueindex(1), name);
    return 1;
}

/* -------------------------------------------------------------------- run */

static int
body(lua_State *L)
{
    lua_lib_open(L);
    lua_tensor_open(L);
    lua_op_open(L);
    lua_config_open(L);
    lua_phase_open(L);
    lua_newtable(L);
    lua_pushcclosure(L, use, 1);
    lua_setglobal(L, "use");
    lua_lib_close(L);
    lua_sethook(L, count_instructions, LUA_MASKCOUNT, PER_HOOK);
    load(L, &front.model);
    lua_call(L, 0, 0);
    lua_config_finish();
    if (!front.p->nfunc)
        return lua_fail(L, "the model has no phase: phase(\"infer\", "
                           "function(door) ... end) makes one");
    return 0;
}

void
lua_run(void)
{
    static u64 used;
    lua_State *L = lua_newstate(allocate, &used);
    int status;

    if (!L)
        die(SOHO_MEMORY, "out of memory: Lua");
    lua_atpanic(L, panic);
    lua_pushcfunction(L, report);
    lua_pushcfunction(L, body);
    status = lua_pcall(L, 0, 0, 1);
    finish(L, status);
}

/* ---------------------------------------------------------------- helpers */

const char *
lua_guess(const char *word, const char *const *words, u32 n)
{
    const char *near = nearest(word, words, n);

    return near ? format(" (did you mean '%s'?)", near) : "";
}

int
lua_by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *
lua_got(lua_State *L, int index)
{
    const char *text;
    f64 v = lua_tonumber(L, index);

    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        if (isnan(v))
            return "nan"; /* whatever its sign */
        lua_pushvalue(L, index);
        text = intern(lua_tostring(L, -1));
        lua_pop(L, 1);
        return text;
    case LUA_TSTRING:
        return format("\"%.60s\"", lua_tostring(L, index));
    case LUA_TBOOLEAN:
        return lua_toboolean(L, index) ? "true" : "false";
    case LUA_TUSERDATA:
        if (luaL_getmetafield(L, index, "__name") == LUA_TSTRING) {
            text = intern(lua_tostring(L, -1));
            lua_pop(L, 1);
            return text;
        }
        return "userdata";
    default:
        return luaL_typename(L, index);
    }
}

i64
lua_int(lua_State *L, int index, const char *what, i64 least, i64 most)
{
    int good;
    i64 v = lua_tointegerx(L, index, &good);

    if (lua_type(L, index) != LUA_TNUMBER || !good || v < least || v > most)
        lua_fail(L, "%s: integer %lld..%lld expected, got %s", what,
                 (long long)least, (long long)most, lua_got(L, index));
    return v;
}

f64
lua_finite(lua_State *L, int index, const char *what)
{
    f64 v = lua_tonumber(L, index);

    if (lua_type(L, index) != LUA_TNUMBER || !isfinite(v))
        lua_fail(L, "%s: a finite number expected, got %s", what,
                 lua_got(L, index));
    return v;
}

/* Ascending integers before texts in the order of their bytes. */
static bool
key_before(lua_State *L, int a, int b)
{
    bool an = lua_type(L, a) == LUA_TNUMBER, bn = lua_type(L, b) == LUA_TNUMBER;

    return an != bn ? an : lua_compare(L, a, b, LUA_OPLT);
}

/* Moves entry i of the heap in the table at t down to its place. */
static void
sift(lua_State *L, int t, i64 i, i64 n)
{
    for (i64 child; (child = 2 * i) <= n; i = child) {
        lua_rawgeti(L, t, child);
        if (child < n) {
            lua_rawgeti(L, t, child + 1);
            if (key_before(L, -2, -1)) {
                lua_remove(L, -2);
                child++;
            } else {
                lua_pop(L, 1);
            }
        }
        lua_rawgeti(L, t, i);
        if (!key_before(L, -1, -2)) {
            lua_pop(L, 2);
            return;
        }
        lua_rawseti(L, t, child);
        lua_rawseti(L, t, i);
    }
}

void
lua_sorted_keys(lua_State *L, int index)
{
    i64 n = 0;
    int list;

    index = lua_absindex(L, index);
    lua_newtable(L);
    list = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING && !lua_isinteger(L, -2))
            lua_fail(L, "a table's keys must be texts or integers, got %s",
                     lua_got(L, -2));
        lua_pushvalue(L, -2);
        lua_rawseti(L, list, ++n);
    }
    for (i64 i = n / 2; i >= 1; i--)
        sift(L, list, i, n);
    for (i64 i = n; i > 1; i--) {
        lua_rawgeti(L, list, 1);
        lua_rawgeti(L, list, i);
        lua_rawseti(L, list, 1);
        lua_rawseti(L, list, i);
        sift(L, list, 1, i - 1);
    }
}
