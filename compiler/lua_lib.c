/* lua_lib.c - what a model sees of Lua's own libraries: an allow-list.
 *
 * Left out: everything that reads, runs or loads something (io, os, load,
 * require), that could swallow an error or outlive the limits (pcall,
 * coroutine, patterns, setmetatable with __gc), and that differs from run to
 * run (addresses, random numbers, sort's pivots, the order of a table's keys).
 */
#include <lualib.h>

#include "compiler/front.h"

enum { MOST_REPEATED = 1 << 20 };

static const char *const base_names[] = {
    "assert", "error", "ipairs", "select", "tonumber", "type", NULL};
static const char *const table_names[] = {"concat", "insert", "pack",
                                          "remove", "unpack", NULL};
static const char *const string_names[] = {"byte", "char",    "len",   "lower",
                                           "sub",  "reverse", "upper", NULL};
static const char *const math_names[] = {
    "abs",  "acos", "asin",  "atan",      "ceil",       "cos",        "exp",
    "fmod", "huge", "floor", "log",       "maxinteger", "mininteger", "max",
    "min",  "modf", "pi",    "rad",       "sin",        "sqrt",       "tan",
    "deg",  "ult",  "type",  "tointeger", NULL};
static const char *const utf8_names[] = {"char", "codepoint", "len", NULL};

/* Text of a value without addresses: tables are "table". */
static void
push_text(lua_State *L, int index)
{
    if (lua_type(L, index) == LUA_TUSERDATA || lua_type(L, index) < LUA_TTABLE)
        luaL_tolstring(L, index, NULL);
    else
        lua_pushstring(L, luaL_typename(L, index));
}

static int
tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    push_text(L, 1);
    return 1;
}

/* A line on stderr with the place of the call. */
static int
print(lua_State *L)
{
    luaL_Buffer b;
    int n = lua_gettop(L);

    luaL_buffinit(L, &b);
    for (int i = 1; i <= n; i++) {
        if (i > 1)
            luaL_addchar(&b, ' ');
        push_text(L, i);
        luaL_addvalue(&b);
    }
    luaL_pushresult(&b);
    diag_note(lua_place(L), "%s", lua_tostring(L, -1));
    return 0;
}

/* The iterator of pairs: upvalues table, sorted keys, index of the last. */
static int
next_pair(lua_State *L)
{
    i64 i = lua_tointeger(L, lua_upvalueindex(3)) + 1;

    lua_pushinteger(L, i);
    lua_replace(L, lua_upvalueindex(3));
    if (lua_rawgeti(L, lua_upvalueindex(2), i) == LUA_TNIL)
        return 1;
    lua_pushvalue(L, -1);
    lua_rawget(L, lua_upvalueindex(1));
    return 2;
}

/* pairs in the order of the keys: integers, then texts. */
static int
pairs(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_sorted_keys(L, 1);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_pair, 3);
    return 1;
}

static int
repeat(lua_State *L)
{
    size_t bytes, sep;
    i64 n;

    luaL_checklstring(L, 1, &bytes);
    n = luaL_checkinteger(L, 2);
    luaL_optlstring(L, 3, "", &sep);
    if (n > 0 && (bytes + sep > MOST_REPEATED ||
                  n > MOST_REPEATED / (i64)(bytes + sep + 1)))
        return lua_fail(L, "string.rep: a text of at most %d bytes",
                        MOST_REPEATED);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

/* string.format of plain values: %p and tables would print addresses. */
static int
format_text(lua_State *L)
{
    const char *s = luaL_checkstring(L, 1);

    while ((s = strchr(s, '%'))) {
        s++;
        s += strspn(s, "-+ #0123456789.");
        if (*s == 'p')
            return lua_fail(L, "string.format: %%p is not known here");
        s += *s != 0;
    }
    for (int i = 2; i <= lua_gettop(L); i++)
        if (lua_type(L, i) > LUA_TSTRING || lua_islightuserdata(L, i))
            return lua_fail(L,
                            "string.format: texts and numbers expected, got "
                            "%s",
                            luaL_typename(L, i));
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

/* ------------------------------------------------------------------ globals */

/* A name that nobody gave: an error instead of nil. */
static int
unknown_global(lua_State *L)
{
    const char *name = lua_tostring(L, 2), *words[64];
    u32 n = 0;

    for (lua_pushnil(L); n < countof(words) && lua_next(L, 1); lua_pop(L, 1))
        words[n++] = lua_tostring(L, -2);
    qsort(words, n, sizeof *words, lua_by_name);
    return lua_fail(L, "'%s' is not known in a model%s", name ? name : "?",
                    name ? lua_guess(name, words, n) : "");
}

static int
no_new_global(lua_State *L)
{
    return lua_fail(L, "'%s' must be local: write `local %s = ...`",
                    luaL_checkstring(L, 2), lua_tostring(L, 2));
}

/* Copies the named fields of the table at -2 into the table at -1. */
static void
copy(lua_State *L, const char *const *names)
{
    for (; *names; names++) {
        lua_getfield(L, -2, *names);
        lua_setfield(L, -2, *names);
    }
}

static void
open_part(lua_State *L, lua_CFunction open, const char *name,
          const char *const *names)
{
    luaL_requiref(L, name, open, 0);
    lua_newtable(L);
    copy(L, names);
}

static void
guard(lua_State *L, const char *name, lua_CFunction f)
{
    lua_getfield(L, -2, name);
    lua_pushcclosure(L, f, 1);
    lua_setfield(L, -2, name);
}

static void
open_strings(lua_State *L)
{
    open_part(L, luaopen_string, LUA_STRLIBNAME, string_names);
    guard(L, "rep", repeat);
    guard(L, "format", format_text);
    lua_pushliteral(L, ""); /* methods of texts see the same list */
    lua_getmetatable(L, -1);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 2);
    lua_setglobal(L, "string");
}

void
lua_lib_open(lua_State *L)
{
    luaL_requiref(L, LUA_GNAME, luaopen_base, 0);
    lua_newtable(L);
    copy(L, base_names);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_register(L, "tostring", tostring);
    lua_register(L, "print", print);
    lua_register(L, "pairs", pairs);
    open_strings(L);
    open_part(L, luaopen_table, LUA_TABLIBNAME, table_names);
    lua_setglobal(L, "table");
    open_part(L, luaopen_math, LUA_MATHLIBNAME, math_names);
    lua_setglobal(L, "math");
    open_part(L, luaopen_utf8, LUA_UTF8LIBNAME, utf8_names);
    lua_setglobal(L, "utf8");
    lua_settop(L, 0);
}

void
lua_lib_close(lua_State *L)
{
    lua_pushglobaltable(L);
    lua_newtable(L);
    lua_pushcfunction(L, unknown_global);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, no_new_global);
    lua_setfield(L, -2, "__newindex");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}
