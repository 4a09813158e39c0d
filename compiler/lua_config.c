/* lua_config.c - config{...}: the numbers of a model that a user may change.
 *
 * In: the model's table, what each field may hold (config's second argument,
 * texts such as "integer 1..65536"), and --set key=value.  Out: checked
 * fields, read as c.name in Lua and kept in the plan as config.NAME. */
#include <ctype.h>
#include <math.h>

#include "compiler/front.h"

enum { MOST_FIELDS = 128, MOST_VALUES = 16, MOST_SIDE = 16384 };
enum { NUMBER, TEXT, YES_NO, LIST, BUCKETS };

typedef struct Field {
    const char *name;
    const char *may; /* "integer 1..9", "number 0..1", "list of ...", "a|b" */
    u8 kind;
    u32 n;
    f64 value[MOST_VALUES]; /* BUCKETS: height, width, height, width ... */
    const char *text;
} Field;

static Field field[MOST_FIELDS], saved[MOST_FIELDS];
static u32 nfield;
static const char *config_place;

/* What the front end itself relies on. */
static const char *const own[][2] = {{"batch", "integer 1..65536"},
                                     {"sentences", "integer 1..1024"},
                                     {"tokens", "integer 1..4096"},
                                     {"answers", "integer 1..1000000"},
                                     {"vocab", "integer 1..1000000"}};

static Field *
find(const char *name)
{
    for (u32 i = 0; i < nfield; i++)
        if (!strcmp(field[i].name, name))
            return &field[i];
    return NULL;
}

static const char *
guess(const char *name)
{
    const char *words[MOST_FIELDS];

    for (u32 i = 0; i < nfield; i++)
        words[i] = field[i].name;
    return lua_guess(name, words, nfield);
}

/* ------------------------------------------------------------------- errors */

/* The line at or below `line` where the file says "name =". */
static u32
line_of(const Source *s, u32 line, const char *name)
{
    const char *end = s->text + s->bytes, *t = s->text;
    u64 n = strlen(name);

    for (u32 at = 1; t && t < end && at < line + 100; at++) {
        const char *stop = memchr(t, '\n', (u64)(end - t));

        for (; at >= line && t + n < (stop ? stop : end); t++)
            if (!memcmp(t, name, n) && strchr(" =", t[n]) &&
                (t == s->text || !isalnum((u8)t[-1])))
                return at;
        t = stop ? stop + 1 : NULL;
    }
    return line;
}

/* The place of the running line, moved to where the field stands. */
static const char *
place_of(lua_State *L, const char *name)
{
    const char *chain = lua_place(L), *rest = strstr(chain, " < ");
    u64 n = strcspn(chain, ":");
    u32 line = (u32)strtoul(chain + n + (chain[n] == ':'), NULL, 10);
    const Source *s = NULL;

    if (!strncmp(front.model.file, chain, n) && !front.model.file[n])
        s = &front.model;
    return s ? format("%.*s:%u%s", (int)n, chain, line_of(s, line, name),
                      rest ? rest : "")
             : chain;
}

static void
complain(lua_State *L, const char *name, const char *want, const char *got)
{
    diag_err(place_of(L, name), "%s: %s expected, got %s", name, want, got);
    lua_fail(L, "%s", "");
}

/* ------------------------------------------------------------------- checks */

static bool
number_may(const char *may, f64 v)
{
    bool whole = !strncmp(may, "integer ", 8);
    const char *range = strchr(may, ' ');
    char *end;
    f64 least, most;

    if (!range)
        return false;
    least = strtod(range, &end);
    while (end > range && end[-1] == '.') /* "1..9" reads as "1." "." "9" */
        end--;
    most = strtod(end + strspn(end, "."), NULL);
    return v >= least && v <= most && (!whole || v == floor(v));
}

static bool
text_may(const char *may, const char *text)
{
    u64 n = strlen(text);

    for (const char *s = may; s; s = strchr(s, '|')) {
        s += *s == '|';
        if (!strncmp(s, text, n) && (!s[n] || s[n] == '|'))
            return true;
    }
    return false;
}

/* Whether the field holds what it may; *want: in words. */
static bool
field_good(const Field *f, const char **want)
{
    static const char *const kinds[] = {"number", "text", "true or false",
                                        "list of numbers",
                                        "list of {height, width}"};
    const char *may = f->may;
    bool list = may && !strncmp(may, "list of ", 8), good = true;

    *want = may ? may : kinds[f->kind];
    if (f->kind == TEXT)
        return !may || text_may(may, f->text);
    if (f->kind == BUCKETS)
        may = "integer 1..16384";
    else if (may && (list != (f->kind == LIST) || f->kind == YES_NO))
        return false;
    if (list)
        may += 8;
    for (u32 i = 0; i < f->n; i++)
        good = good && isfinite(f->value[i]) &&
               (may ? number_may(may, f->value[i])
                    : fabs(f->value[i]) <= 9007199254740992.0);
    return good;
}

/* ----------------------------------------------------------- values from Lua
 */

static void
read_bucket(lua_State *L, Field *f)
{
    if (lua_type(L, -1) != LUA_TTABLE || lua_rawlen(L, -1) != 2)
        complain(L, f->name, "list of {height, width}", lua_got(L, -1));
    for (int i = 1; i <= 2; i++) {
        lua_rawgeti(L, -1, i);
        if (lua_type(L, -1) != LUA_TNUMBER)
            complain(L, f->name, "list of {height, width}", lua_got(L, -1));
        f->value[f->n++] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
}

static void
read_list(lua_State *L, int index, Field *f)
{
    bool pairs = !strcmp(f->name, "buckets");
    u64 n = lua_rawlen(L, index), most = MOST_VALUES / (pairs ? 2 : 1);
    u64 keys = 0;

    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
        keys++;
    if (n != keys || n == 0 || n > most)
        complain(L, f->name, format("list of 1 to %d", (int)most),
                 format("a table of %d keys", (int)keys));
    f->kind = pairs ? BUCKETS : LIST;
    for (u64 i = 1; i <= n; i++) {
        lua_rawgeti(L, index, (i64)i);
        if (pairs)
            read_bucket(L, f);
        else if (lua_type(L, -1) == LUA_TNUMBER)
            f->value[f->n++] = lua_tonumber(L, -1);
        else
            complain(L, f->name, f->may ? f->may : "list of numbers",
                     format("a list with %s", lua_got(L, -1)));
        lua_pop(L, 1);
    }
}

/* The value at index becomes the field's, checked. */
static void
read_value(lua_State *L, int index, Field *f)
{
    const char *want;

    index = lua_absindex(L, index);
    f->n = 0;
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        f->kind = NUMBER;
        f->value[f->n++] = lua_tonumber(L, index);
        break;
    case LUA_TSTRING:
        f->kind = TEXT;
        f->text = intern(lua_tostring(L, index));
        break;
    case LUA_TBOOLEAN:
        f->kind = YES_NO;
        f->value[f->n++] = lua_toboolean(L, index);
        break;
    case LUA_TTABLE:
        read_list(L, index, f);
        break;
    default:
        complain(L, f->name, f->may ? f->may : "number, text or list",
                 lua_got(L, index));
    }
    if (!field_good(f, &want))
        complain(L, f->name, want, lua_got(L, index));
}

/* ----------------------------------------------------------- values from --set
 */

static bool
read_numbers(const char *text, Field *f)
{
    const char *between = f->kind == BUCKETS ? "x," : ",";
    char *end;

    for (f->n = 0; f->n < MOST_VALUES; text = end + 1) {
        if (!isdigit((u8)*text) && *text != '-' && *text != '.')
            return false;
        f->value[f->n++] = strtod(text, &end);
        if (!*end)
            return f->kind == LIST || f->n % 2 == (f->kind == NUMBER);
        if (f->kind == NUMBER ||
            *end != between[f->kind == BUCKETS ? (f->n - 1) % 2 : 0])
            return false;
    }
    return false;
}

static bool
read_text(const char *text, Field *f)
{
    switch (f->kind) {
    case TEXT:
        f->text = intern(text);
        return true;
    case YES_NO:
        f->value[0] = !strcmp(text, "true");
        return f->value[0] == 1 || !strcmp(text, "false");
    default:
        return read_numbers(text, f);
    }
}

/* answers=FILE and vocab=FILE: the parent has counted their lines. */
static const char *
file_count(const char *key, const char *text)
{
    if (!strcmp(key, "answers") && front.p->nanswer)
        return format("%u", front.p->nanswer);
    if (!strcmp(key, "vocab") && front.words)
        return format("%u", front.words);
    return text;
}

static void
set_field(const char *option)
{
    const char *equal = strchr(option, '='), *want, *key, *text;
    Field *f;

    if (!equal)
        die(SOHO_USAGE, "--set %s: KEY=VALUE expected", option);
    key = intern_n(option, (u64)(equal - option));
    text = file_count(key, equal + 1);
    f = find(strcmp(key, "image") ? key : "buckets");
    if (!f)
        die(SOHO_USAGE, "--set %s: the model's config has no field '%s'%s",
            option, key, guess(key));
    if (!read_text(text, f) || !field_good(f, &want)) {
        field_good(f, &want);
        die(SOHO_USAGE, "--set %s: %s expected", option,
            f->kind == BUCKETS ? "HEIGHTxWIDTH[,HEIGHTxWIDTH...] of 1..16384"
                               : want);
    }
}

/* ------------------------------------------------------------------- config */

static void
add_field(lua_State *L, const char *name, int ranges)
{
    Field *f = &field[nfield];

    if (!name_good(name) || strchr(name, '.') || nfield == MOST_FIELDS)
        lua_fail(L, "config: at most %d fields with plain names, got '%s'",
                 MOST_FIELDS, name);
    *f = (Field){.name = intern(name)};
    for (u32 i = 0; i < countof(own); i++)
        if (!strcmp(own[i][0], name))
            f->may = own[i][1];
    if (lua_istable(L, ranges)) {
        if (lua_getfield(L, ranges, name) == LUA_TSTRING)
            f->may = intern(lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    nfield++;
    read_value(L, -1, f);
}

static const char *
value_text(const Field *f)
{
    const char *text = "";

    if (f->kind == TEXT)
        return f->text;
    if (f->kind == YES_NO)
        return f->value[0] ? "true" : "false";
    for (u32 i = 0; i < f->n; i++)
        text = format(
            f->value[i] == floor(f->value[i]) ? "%s%s%.0f" : "%s%s%.17g", text,
            !i                                 ? ""
            : f->kind == BUCKETS && i % 2 == 1 ? "x"
                                               : ",",
            f->value[i]);
    return text;
}

/* config(fields, ranges) */
static int
config(lua_State *L)
{
    u64 n;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    if (config_place)
        return lua_fail(L, "config: there is one at %s already", config_place);
    config_place = lua_place(L);
    lua_sorted_keys(L, 1);
    n = lua_rawlen(L, 3);
    for (u64 i = 1; i <= n; i++) {
        if (lua_rawgeti(L, 3, (i64)i) != LUA_TSTRING)
            return lua_fail(L, "config: every field needs a name");
        lua_pushvalue(L, -1);
        lua_rawget(L, 1);
        add_field(L, lua_tostring(L, -2), 2);
        lua_pop(L, 2);
    }
    for (u32 i = 0; i < front.p->opt.nset; i++)
        set_field(front.p->opt.set[i]);
    for (u32 i = 0; i < nfield; i++)
        meta_set(front.p, format("config.%s", field[i].name),
                 value_text(&field[i]));
    lua_newuserdatauv(L, 0, 0);
    luaL_setmetatable(L, "config");
    return 1;
}

static void
push_number(lua_State *L, f64 v)
{
    if (v == floor(v) && fabs(v) <= 9007199254740992.0)
        lua_pushinteger(L, (i64)v);
    else
        lua_pushnumber(L, v);
}

static void
push_list(lua_State *L, const f64 *v, u32 n)
{
    lua_createtable(L, (int)n, 0);
    for (u32 i = 0; i < n; i++) {
        push_number(L, v[i]);
        lua_rawseti(L, -2, i + 1);
    }
}

/* c.name */
static int
read_field(lua_State *L)
{
    const char *name = luaL_checkstring(L, 2);
    const Field *f = find(name);

    if (!f)
        return lua_fail(L, "config has no field '%s'%s", name, guess(name));
    switch (f->kind) {
    case NUMBER:
        push_number(L, f->value[0]);
        break;
    case TEXT:
        lua_pushstring(L, f->text);
        break;
    case YES_NO:
        lua_pushboolean(L, f->value[0] != 0);
        break;
    case LIST:
        push_list(L, f->value, f->n);
        break;
    default:
        lua_createtable(L, (int)f->n / 2, 0);
        for (u32 i = 0; i < f->n; i += 2) {
            push_list(L, f->value + i, 2);
            lua_rawseti(L, -2, i / 2 + 1);
        }
    }
    return 1;
}

static int
no_assignment(lua_State *L)
{
    return lua_fail(L,
                    "config is read only: set '%s' in config{...} or with "
                    "--set",
                    luaL_checkstring(L, 2));
}

void
lua_config_open(lua_State *L)
{
    luaL_newmetatable(L, "config");
    lua_pushcfunction(L, read_field);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, no_assignment);
    lua_setfield(L, -2, "__newindex");
    lua_pop(L, 1);
    lua_register(L, "config", config);
}

void
lua_config_finish(void)
{
    if (front.p->opt.nset && !config_place)
        die(SOHO_USAGE, "--set %s: the model has no config{...}",
            front.p->opt.set[0]);
}

/* ---------------------------------------------------------- for the phases */

i64
lua_config_int(const char *name)
{
    const Field *f = find(name);

    return f && f->kind == NUMBER ? (i64)f->value[0] : 0;
}

u32
lua_config_buckets(i32 (*size)[2], u32 most)
{
    const Field *f = find("buckets");
    u32 n = f && f->kind == BUCKETS ? f->n / 2 : 0;

    for (u32 i = 0; i < n && i < most; i++)
        for (u32 k = 0; k < 2; k++)
            size[i][k] = (i32)f->value[2 * i + k];
    return n < most ? n : most;
}

void
lua_config_override(lua_State *L, int index_of)
{
    memcpy(saved, field, sizeof field);
    if (lua_isnoneornil(L, index_of))
        return;
    for (lua_pushnil(L); lua_next(L, index_of); lua_pop(L, 1)) {
        const char *name =
            lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        Field *f = find(name);

        if (!f)
            lua_fail(L, "phase: config has no field '%s'%s", name, guess(name));
        read_value(L, -1, f);
    }
}

void
lua_config_end_override(void)
{
    memcpy(field, saved, sizeof field);
}
