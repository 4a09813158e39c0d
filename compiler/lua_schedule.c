/* lua_schedule.c - the fields of a schedule, and which of them a policy has:
 * one that it does not have is an error, not a number without effect. */
#include "compiler/front.h"

static const char *const policies[] = {SCHEDULE_POLICIES};
static const char *const shapes[] = {SCHEDULE_SHAPES};

static const struct {
    const char *policy, *has, *needs; /* words */
} rows[] = {
    {"fixed", "", ""},
    {"step", " at every gamma ", ""},
    {"exp", " gamma ", "gamma"},
    {"poly", " power floor min_lr total ", ""},
    {"inv", " gamma power ", "gamma"},
    {"cosine", " floor min_lr total ", ""},
    {"cosine_restart", " periods weights floor min_lr ", "periods"},
    {"cyclic", " high low cycles up total ", ""},
};
/* Belong to every policy. */
static const char always[] =
    " policy by_epoch warmup warmup_shape warmup_by_epoch ratio ";

static bool
has_word(const char *words, const char *word)
{
    return strstr(words, format(" %s ", word)) != NULL;
}

u32
lua_schedule_fields(Schedule *s, LuaField field[SCHEDULE_FIELDS])
{
    const LuaField all[] = {
        {"policy", 'w', &s->policy, 0, 0, NULL, policies, countof(policies), 0},
        {"warmup_shape", 'w', &s->shape, 0, 0, NULL, shapes, countof(shapes),
         0},
        {.name = "by_epoch", 'b', &s->by_epoch},
        {.name = "warmup", 'n', &s->warmup, 0, 1e9},
        {.name = "warmup_by_epoch", 'b', &s->warmup_by_epoch},
        {.name = "ratio", 'n', &s->ratio, 0, 1},
        {.name = "gamma", 'n', &s->gamma, 0, 1000},
        {.name = "power", 'n', &s->power, 0, 100},
        {.name = "floor", 'n', &s->floor, 0, 1},
        {.name = "min_lr", 'n', &s->min_lr, 0, 1000},
        {.name = "total", 'n', &s->total, 0, 1e9},
        {.name = "every", 'i', &s->every, 1, 1e9},
        {.name = "high", 'n', &s->high, 0, 1e6},
        {.name = "low", 'n', &s->low, 0, 1e6},
        {.name = "cycles", 'i', &s->cycles, 1, 1e6},
        {.name = "up", 'n', &s->up, 0, 0.999},
        {.name = "at", 'l', s->at, 1, 1e9, &s->nat},
        {.name = "periods", 'l', s->at, 1, 1e9, &s->nat},
        {.name = "weights", 'l', s->weight, 0, 1000, &s->nweight}};

    _Static_assert(countof(all) == SCHEDULE_FIELDS, "one row for each");
    *s = (Schedule){.shape = "linear"};
#define X(name, missing, what) s->name = missing;
    SCHEDULE_NUMBERS(X)
#undef X
    memcpy(field, all, sizeof all);
    return countof(all);
}

/* The fields that the policy has not, and those that it must have. */
static void
check_fields(lua_State *L, const char *what, const Schedule *s,
             const LuaField *field, u32 n)
{
    u32 row = 0;

    while (strcmp(rows[row].policy, s->policy))
        row++;
    for (u32 i = 0; i < n; i++)
        if (field[i].given && !has_word(always, field[i].name) &&
            !has_word(rows[row].has, field[i].name))
            lua_fail(L, "%s: policy %s has no %s", what, s->policy,
                     field[i].name);
    if (*rows[row].needs && !lua_given(field, n, rows[row].needs))
        lua_fail(L, "%s: policy %s needs %s", what, s->policy, rows[row].needs);
}

static void
check_lists(lua_State *L, const char *what, Schedule *s)
{
    bool step = !strcmp(s->policy, "step");

    if (step && !s->nat == !s->every)
        lua_fail(L, "%s: policy step needs either at or every", what);
    for (u32 i = 1; step && i < s->nat; i++)
        if (s->at[i] <= s->at[i - 1])
            lua_fail(L, "%s: at: ascending numbers expected, got %g after %g",
                     what, s->at[i], s->at[i - 1]);
    if (strcmp(s->policy, "cosine_restart"))
        return;
    if (!s->nweight)
        while (s->nweight < s->nat)
            s->weight[s->nweight++] = 1;
    if (!s->nat || s->nweight != s->nat)
        lua_fail(L, "%s: %u periods and %u weights: as many of both expected",
                 what, s->nat, s->nweight);
}

void
lua_schedule_check(lua_State *L, const char *what, Schedule *s,
                   const LuaField *field, u32 n)
{
    if (!s->policy)
        lua_fail(L, "%s: policy is missing; there are %s", what,
                 "fixed step exp poly inv cosine cosine_restart cyclic");
    check_fields(L, what, s, field, n);
    check_lists(L, what, s);
    if (lua_given(field, n, "floor") && lua_given(field, n, "min_lr"))
        lua_fail(L, "%s: floor and min_lr exclude each other", what);
    if (strcmp(s->policy, "cyclic"))
        return;
    if (lua_given(field, n, "by_epoch") && s->by_epoch)
        lua_fail(L, "%s: policy cyclic counts micro-batches, not epochs", what);
    s->by_epoch = 0;
}

void
lua_schedule_momentum(lua_State *L, int index, Schedule *s)
{
    static const char what[] = "momentum_schedule";
    LuaField field[SCHEDULE_FIELDS];
    u32 n = lua_schedule_fields(s, field);

    if (!lua_istable(L, index))
        lua_fail(L, "%s: a table with a policy expected, got %s", what,
                 lua_got(L, index));
    s->high = 0.85 / 0.95; /* a cycle goes down first */
    s->low = 1;
    lua_fields(L, index, what, field, n);
    if (s->policy && strcmp(s->policy, "cosine") && strcmp(s->policy, "cyclic"))
        lua_fail(L, "%s: policy cosine or cyclic expected, got %s", what,
                 s->policy);
    if (lua_given(field, n, "min_lr"))
        lua_fail(L, "%s: there is no min_lr; floor is a factor", what);
    if (s->ratio == 0)
        lua_fail(L, "%s: ratio above 0 expected: the warm-up divides by it",
                 what);
    lua_schedule_check(L, what, s, field, n);
}
