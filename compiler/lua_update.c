/* lua_update.c - checks the table of phase("update", table): clip, schedule,
 * accumulation and the optimiser's groups.  models/lib/optim.lua makes such
 * tables. */
#include "compiler/front.h"

static const char *const rules[] = {"adamw", "sgd"};

/* What groups begin with where they say nothing; -1: must say it. */
typedef struct Base {
    f64 lr, decay, momentum;
} Base;

/* ------------------------------------------------------------------ groups */

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

static const char *
read_pattern(lua_State *L, int at)
{
    const char *s;

    if (lua_getfield(L, at, "pattern") != LUA_TSTRING ||
        !pattern_good(lua_tostring(L, -1)))
        lua_fail(L,
                 "optimiser group: a pattern of names such as "
                 "\"backbone.*\" expected, got %s",
                 lua_got(L, -1));
    s = intern(lua_tostring(L, -1));
    lua_pop(L, 1);
    return s;
}

/* One number of a group: its own, or a multiple of the update's. */
static f64
settle(lua_State *L, const OptGroup *g, const char *name, f64 own, f64 base,
       f64 mult, f64 most)
{
    if (mult < 0)
        return own < 0 ? base : own;
    if (own >= 0)
        lua_fail(L, "optimiser group %s: %s and %s_mult exclude each other",
                 g->pattern, name, name);
    if (base < 0)
        lua_fail(L, "optimiser group %s: %s_mult needs the update's own %s",
                 g->pattern, name, name);
    if (base * mult > most)
        lua_fail(L, "optimiser group %s: %s is %g, at most %g expected",
                 g->pattern, name, base * mult, most);
    return base * mult;
}

/* A field of the other rule. */
static void
check_rule(lua_State *L, const OptGroup *g, const LuaField *field, u32 n)
{
    static const char *const sgd[] = {"momentum", "momentum_mult", "dampening",
                                      "nesterov"};
    static const char *const adamw[] = {"beta1", "beta2", "eps",
                                        "correct_bias"};
    bool is_sgd = !strcmp(g->rule, "sgd");

    for (u32 i = 0; i < countof(sgd); i++) {
        const char *other = is_sgd ? adamw[i] : sgd[i];

        if (lua_given(field, n, other))
            lua_fail(L, "optimiser group %s: %s has no %s", g->pattern, g->rule,
                     other);
    }
}

/* One entry of .groups, at the top of the stack. */
static void
read_group(lua_State *L, OptGroup *g, const Base *base)
{
    static const char what[] = "optimiser group";
    int at = lua_gettop(L);
    f64 lr_mult = -1, decay_mult = -1, momentum_mult = -1;

    if (!lua_istable(L, at))
        lua_fail(L, "update: a group must be a table, got %s", lua_got(L, at));
    *g = (OptGroup){.beta1 = 0.9,
                    .beta2 = 0.999,
                    .eps = 1e-6,
                    .lr = -1,
                    .decay = -1,
                    .momentum = -1,
                    .correct_bias = 1,
                    .place = lua_place(L)};
    LuaField field[] = {{"rule", 'w', &g->rule, 0, 0, NULL, rules, 2, 0},
                        {.name = "pattern", 'o'},
                        {.name = "lr", 'n', &g->lr, 0, 1000},
                        {.name = "lr_mult", 'n', &lr_mult, 0, 1e6},
                        {.name = "decay", 'n', &g->decay, 0, 1},
                        {.name = "decay_mult", 'n', &decay_mult, 0, 1e6},
                        {.name = "momentum", 'n', &g->momentum, 0, 1},
                        {.name = "momentum_mult", 'n', &momentum_mult, 0, 1e6},
                        {.name = "dampening", 'n', &g->dampening, 0, 1},
                        {.name = "nesterov", 'b', &g->nesterov},
                        {.name = "beta1", 'n', &g->beta1, 0, 1},
                        {.name = "beta2", 'n', &g->beta2, 0, 1},
                        {.name = "eps", 'n', &g->eps, 0, 1},
                        {.name = "correct_bias", 'b', &g->correct_bias}};
    lua_fields(L, at, what, field, countof(field));
    g->pattern = read_pattern(L, at);
    if (!g->rule)
        lua_fail(L, "optimiser group %s: rule is missing: adamw or sgd",
                 g->pattern);
    check_rule(L, g, field, countof(field));
    g->lr = settle(L, g, "lr", g->lr, base->lr, lr_mult, 1000);
    if (g->lr < 0)
        lua_fail(L, "optimiser group %s: lr is missing", g->pattern);
    g->decay = settle(L, g, "decay", g->decay, base->decay, decay_mult, 1);
    g->momentum =
        settle(L, g, "momentum", g->momentum, base->momentum, momentum_mult, 1);
    if (g->decay < 0)
        g->decay = 0;
    if (g->momentum < 0 || !strcmp(g->rule, "adamw"))
        g->momentum = 0;
    if (g->momentum == 0 && (g->dampening > 0 || g->nesterov))
        lua_fail(L, "optimiser group %s: %s without momentum", g->pattern,
                 g->nesterov ? "nesterov" : "dampening");
    if (g->correct_bias && (g->beta1 == 1 || g->beta2 == 1))
        lua_fail(L, "optimiser group %s: beta1 and beta2 below 1 expected",
                 g->pattern);
    lua_settop(L, at - 1);
}

static void
read_groups(lua_State *L, int index, Update *u, const Base *base)
{
    u64 n;

    if (lua_getfield(L, index, "groups") != LUA_TTABLE ||
        !(n = lua_rawlen(L, -1)) || n > MAX_GROUPS)
        lua_fail(L, "update: groups: a list of 1 to %d expected", MAX_GROUPS);
    for (; u->ngroup < lua_rawlen(L, -1); u->ngroup++) {
        lua_rawgeti(L, -1, u->ngroup + 1);
        read_group(L, &u->group[u->ngroup], base);
    }
    lua_pop(L, 1);
}

/* ------------------------------------------------------------------ update */

/* The official configuration's maximum. */
enum { F16_SCALE = 128 };

/* Small gradients are 0 in f16: they are scaled unless the model says how. */
static bool
scales_f16(Update *u)
{
    const char *precision = meta_get(front.p, "config.precision");

    if (!precision || strcmp(precision, "f16"))
        return false;
    if (u->max_scale > F16_SCALE)
        u->max_scale = F16_SCALE;
    return true;
}

/* "off", "dynamic" or a number; at 1 nothing is multiplied.  Dynamic begins as
 * apex's scaler does. */
static void
read_loss_scale(lua_State *L, int index, Update *u, const LuaField *field,
                u32 n)
{
    const char *s = NULL;
    int type = lua_getfield(L, index, "loss_scale");

    if (type == LUA_TSTRING)
        s = lua_tostring(L, -1);
    u->dynamic = s ? !strcmp(s, "dynamic") : type == LUA_TNIL && scales_f16(u);
    if (u->dynamic)
        u->loss_scale = u->max_scale < 65536 ? u->max_scale : 65536;
    else if (type == LUA_TNUMBER)
        u->loss_scale = lua_finite(L, -1, "update: loss_scale");
    else if (type != LUA_TNIL && (!s || strcmp(s, "off")))
        lua_fail(L,
                 "update: loss_scale: \"dynamic\", \"off\" or a number "
                 "expected, got %s",
                 lua_got(L, -1));
    lua_pop(L, 1);
    if (u->loss_scale == 1 && !u->dynamic)
        u->loss_scale = 0;
    if (u->loss_scale < 0 || u->loss_scale > 16777216)
        lua_fail(L, "update: loss_scale from 0 to 2^24 expected, got %g",
                 u->loss_scale);
    if (!u->dynamic && (lua_given(field, n, "max_loss_scale") ||
                        lua_given(field, n, "scale_window")))
        lua_fail(L, "update: only loss_scale = \"dynamic\" has a window and a "
                    "maximum");
}

int
lua_update(lua_State *L)
{
    Update *u = &front.p->update;
    f64 accumulate = 1;
    Base base = {-1, -1, -1};

    if (lua_gettop(L) != 2 || !lua_istable(L, 2))
        return lua_fail(L,
                        "phase(\"update\", ...): optim.groups{...} expected");
    if (u->lr.policy)
        return lua_fail(L, "phase update is there already");
    *u = (Update){.scale_window = 2000, .max_scale = 16777216};
    LuaField field[SCHEDULE_FIELDS + 10] = {
        {.name = "clip", 'n', &u->clip, 0, 1e9},
        {.name = "accumulate", 'i', &accumulate, 1, 65536},
        {.name = "lr", 'n', &base.lr, 0, 1000},
        {.name = "decay", 'n', &base.decay, 0, 1},
        {.name = "momentum", 'n', &base.momentum, 0, 1},
        {.name = "loss_scale", 'o'},
        {.name = "max_loss_scale", 'n', &u->max_scale, 1, 16777216},
        {.name = "scale_window", 'i', &u->scale_window, 1, 1e9},
        {.name = "momentum_schedule", 'o'},
        {.name = "groups", 'o'}};
    LuaField *schedule = field + 10;
    lua_schedule_fields(&u->lr, schedule);
    lua_fields(L, 2, "update", field, countof(field));
    u->accumulate = (i32)accumulate;
    lua_schedule_check(L, "update", &u->lr, schedule, SCHEDULE_FIELDS);
    read_loss_scale(L, 2, u, field, countof(field));
    if (lua_getfield(L, 2, "momentum_schedule") != LUA_TNIL)
        lua_schedule_momentum(L, lua_gettop(L), &u->momentum);
    lua_pop(L, 1);
    read_groups(L, 2, u, &base);
    return 0;
}
