/* lua_update.c - checks the table of phase("update", table): clip, schedule,
 * accumulation and the optimiser's groups.  models/lib/optim.lua makes such
 * tables. */
#include "compiler/front.h"

typedef struct Number {
    const char *name;
    f64 *to, least, most;
} Number;

static const char *
guess(const char *key, const Number *number, u32 n)
{
    const char *words[16];

    for (u32 i = 0; i < n; i++)
        words[i] = number[i].name;
    return lua_guess(key, words, n);
}

/* Fields of the table at index: the numbers given here, and `others`. */
static void
read_numbers(lua_State *L, int index, const char *what, const Number *number,
             u32 n, const char *const *others)
{
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        const char *key =
            lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        u32 i = 0;

        while (i < n && strcmp(number[i].name, key))
            i++;
        if (i < n) {
            f64 v = lua_finite(L, -1, format("%s: %s", what, key));

            if (v < number[i].least || v > number[i].most)
                lua_fail(L, "%s: %s from %g to %g expected, got %s", what, key,
                         number[i].least, number[i].most, lua_got(L, -1));
            *number[i].to = v;
            continue;
        }
        for (i = 0; others[i] && strcmp(others[i], key);)
            i++;
        if (!others[i])
            lua_fail(L, "%s: there is no '%s'%s", what, key,
                     guess(key, number, n));
    }
}

/* One of the words, separated by spaces in `words`. */
static const char *
read_choice(lua_State *L, int index, const char *key, const char *what,
            const char *words)
{
    const char *s, *found;

    if (lua_getfield(L, index, key) != LUA_TSTRING)
        lua_fail(L, "%s: %s: one of %s expected, got %s", what, key, words,
                 lua_got(L, -1));
    s = intern(lua_tostring(L, -1));
    found = strstr(format(" %s ", words), format(" %s ", s));
    if (!found || strchr(s, ' '))
        lua_fail(L, "%s: %s: one of %s expected, got \"%s\"", what, key, words,
                 s);
    lua_pop(L, 1);
    return s;
}

static bool
pattern_good(const char *s)
{
    u64 n = strlen(s);

    for (u64 i = 0; i < n; i++)
        if (s[i] != '*' && s[i] != '?' && s[i] != '.' &&
            !name_good(intern_n(s + i, 1)))
            return false;
    return n > 0 && n <= PLAN_NAME;
}

/* One entry of .groups, at the top of the stack. */
static void
read_group(lua_State *L, OptGroup *g)
{
    static const char *const others[] = {"pattern", "rule", NULL};
    int at = lua_gettop(L);
    bool adamw;

    if (!lua_istable(L, at))
        lua_fail(L, "update: a group must be a table, got %s", lua_got(L, at));
    *g = (OptGroup){.beta1 = 0.9,
                    .beta2 = 0.999,
                    .eps = 1e-6,
                    .lr = -1,
                    .place = lua_place(L)};
    const Number numbers[] = {
        {"lr", &g->lr, 0, 1000},    {"beta1", &g->beta1, 0, 1},
        {"beta2", &g->beta2, 0, 1}, {"eps", &g->eps, 0, 1},
        {"decay", &g->decay, 0, 1}, {"momentum", &g->momentum, 0, 1}};
    read_numbers(L, at, "optimiser group", numbers, countof(numbers), others);
    g->rule = read_choice(L, at, "rule", "optimiser group", "adamw sgd");
    if (lua_getfield(L, at, "pattern") != LUA_TSTRING ||
        !pattern_good(lua_tostring(L, -1)))
        lua_fail(L,
                 "optimiser group: a pattern of names such as "
                 "\"backbone.*\" expected, got %s",
                 lua_got(L, -1));
    g->pattern = intern(lua_tostring(L, -1));
    adamw = !strcmp(g->rule, "adamw");
    if (g->lr < 0)
        lua_fail(L, "optimiser group %s: lr is missing", g->pattern);
    if (adamw && g->momentum != 0)
        lua_fail(L, "optimiser group %s: adamw has no momentum", g->pattern);
    lua_settop(L, at - 1);
}

static void
read_milestones(lua_State *L, int index, Update *u)
{
    u64 n;

    if (lua_getfield(L, index, "at") == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    n = lua_istable(L, -1) ? lua_rawlen(L, -1) : MAX_MILESTONES + 1;
    if (n > MAX_MILESTONES)
        lua_fail(L, "update: at: a list of at most %d epochs expected, got %s",
                 MAX_MILESTONES, lua_got(L, -1));
    for (; u->nat < n; u->nat++) {
        lua_rawgeti(L, -1, u->nat + 1);
        u->at[u->nat] = lua_finite(L, -1, "update: at");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void
read_groups(lua_State *L, int index, Update *u)
{
    u64 n;

    if (lua_getfield(L, index, "groups") != LUA_TTABLE ||
        !(n = lua_rawlen(L, -1)) || n > MAX_GROUPS)
        lua_fail(L, "update: groups: a list of 1 to %d expected", MAX_GROUPS);
    for (; u->ngroup < lua_rawlen(L, -1); u->ngroup++) {
        lua_rawgeti(L, -1, u->ngroup + 1);
        read_group(L, &u->group[u->ngroup]);
    }
    lua_pop(L, 1);
}

int
lua_update(lua_State *L)
{
    static const char *const others[] = {"policy", "at", "groups", NULL};
    Update *u = &front.p->update;
    f64 accumulate = 1;

    if (lua_gettop(L) != 2 || !lua_istable(L, 2))
        return lua_fail(L,
                        "phase(\"update\", ...): optim.groups{...} expected");
    if (u->policy)
        return lua_fail(L, "phase update is there already");
    *u = (Update){.ratio = 1, .gamma = 0.1};
    const Number numbers[] = {
        {"clip", &u->clip, 0, 1e9},     {"accumulate", &accumulate, 1, 65536},
        {"warmup", &u->warmup, 0, 1e9}, {"ratio", &u->ratio, 0, 1},
        {"gamma", &u->gamma, 0, 1},     {"floor", &u->floor, 0, 1},
        {"total", &u->total, 0, 1e9}};
    read_numbers(L, 2, "update", numbers, countof(numbers), others);
    u->accumulate = (i32)accumulate;
    if (u->accumulate != accumulate)
        return lua_fail(L, "update: accumulate must be an integer");
    u->policy = read_choice(L, 2, "policy", "update", "fixed step cosine");
    read_milestones(L, 2, u);
    read_groups(L, 2, u);
    return 0;
}
