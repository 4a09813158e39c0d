/* lua_fields.c - tables whose fields are all known: each is checked and put
 * where it belongs, any other is an error with the nearest name. */
#include <math.h>

#include "compiler/front.h"

/* "fixed step exp" */
static const char *
join(const char *const *words, u32 n)
{
    const char *text = words[0];

    for (u32 i = 1; i < n; i++)
        text = format("%s %s", text, words[i]);
    return text;
}

static f64
read_number(lua_State *L, const char *what, const LuaField *f, const char *name)
{
    f64 v = lua_finite(L, -1, format("%s: %s", what, name));

    if (v < f->least || v > f->most)
        lua_fail(L, "%s: %s from %g to %g expected, got %s", what, name,
                 f->least, f->most, lua_got(L, -1));
    if (f->type == 'i' && v != floor(v))
        lua_fail(L, "%s: %s must be an integer", what, name);
    return v;
}

static void
read_list(lua_State *L, const char *what, const LuaField *f)
{
    u64 n = lua_istable(L, -1) ? lua_rawlen(L, -1) : MAX_LIST + 1;

    if (n > MAX_LIST)
        lua_fail(L, "%s: %s: a list of at most %d numbers expected, got %s",
                 what, f->name, MAX_LIST, lua_got(L, -1));
    for (*f->count = 0; *f->count < n; ++*f->count) {
        lua_rawgeti(L, -1, *f->count + 1);
        ((f64 *)f->to)[*f->count] = read_number(
            L, what, f, format("%s: entry %u", f->name, *f->count + 1));
        lua_pop(L, 1);
    }
}

static void
read_word(lua_State *L, const char *what, const LuaField *f)
{
    const char *s;

    if (lua_type(L, -1) != LUA_TSTRING)
        lua_fail(L, "%s: %s: one of %s expected, got %s", what, f->name,
                 join(f->words, f->nwords), lua_got(L, -1));
    s = intern(lua_tostring(L, -1));
    for (u32 i = 0; i < f->nwords; i++)
        if (!strcmp(f->words[i], s)) {
            *(const char **)f->to = s;
            return;
        }
    lua_fail(L, "%s: %s: one of %s expected, got \"%s\"%s", what, f->name,
             join(f->words, f->nwords), s, lua_guess(s, f->words, f->nwords));
}

/* The value of one field, at the top of the stack. */
static void
read_field(lua_State *L, const char *what, LuaField *f)
{
    f->given = true;
    switch (f->type) {
    case 'n':
    case 'i':
        *(f64 *)f->to = read_number(L, what, f, f->name);
        break;
    case 'b':
        if (!lua_isboolean(L, -1))
            lua_fail(L, "%s: %s: true or false expected, got %s", what, f->name,
                     lua_got(L, -1));
        *(f64 *)f->to = lua_toboolean(L, -1);
        break;
    case 'l':
        read_list(L, what, f);
        break;
    case 'w':
        read_word(L, what, f);
        break;
    default: /* someone else's */
        break;
    }
}

static void
no_field(lua_State *L, const char *what, const char *key, const LuaField *field,
         u32 n)
{
    const char *words[64];

    for (u32 i = 0; i < n; i++)
        words[i] = field[i].name;
    lua_fail(L, "%s: there is no '%s'%s", what, key, lua_guess(key, words, n));
}

void
lua_fields(lua_State *L, int index, const char *what, LuaField *field, u32 n)
{
    lua_sorted_keys(L, index); /* one order of errors */
    for (u64 k = 1, keys = lua_rawlen(L, -1); k <= keys; k++) {
        const char *key = "?";
        u32 i = 0;

        if (lua_rawgeti(L, -1, (lua_Integer)k) == LUA_TSTRING)
            key = intern(lua_tostring(L, -1));
        while (i < n && strcmp(field[i].name, key))
            i++;
        if (i == n)
            no_field(L, what, key, field, n);
        lua_rawget(L, index);
        read_field(L, what, &field[i]);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

bool
lua_given(const LuaField *field, u32 n, const char *name)
{
    for (u32 i = 0; i < n; i++)
        if (!strcmp(field[i].name, name))
            return field[i].given;
    bug("no field %s", name);
}
