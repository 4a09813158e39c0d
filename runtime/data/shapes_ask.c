/* shapes_ask.c - the questions: every text that can be asked, its answer for a
 * scene, the choice that keeps answers balanced, and the guesser that sees no
 * picture.
 *
 * In: scenes.  Out: (scene, text, answer).  A text is a number below TEXTS: the
 * texts of one family are consecutive. */
#include "runtime/data/shapes.h"

#include <stdio.h>
#include <string.h>

#include "runtime/random.h"

enum {
    NO,
    YES,
    ZERO,
    KIND0 = ZERO + ITEMS + 1,
    COLOR0 = KIND0 + KINDS,
    NONE = ANSWERS
};
_Static_assert(COLOR0 + COLORS == ANSWERS, "answers");

/* What a slot of a picture asks for. */
enum { ASK_MANY, ASK_IS, ASK_COLOR, ASK_KIND, ASK_BESIDE };

enum { SIDES = 4 };
static const char *const side[SIDES] = {"on the left", "on the right",
                                        "at the top", "at the bottom"};
static const char *const beside[SIDES] = {"left of", "right of", "above",
                                          "below"};
static const char *const kinds[KINDS] = {"circles", "squares", "triangles",
                                         "crosses"};

/* A family: what it asks for, how many texts it has, and its answer for text k
 * of it (NONE where the scene leaves the question open). */
typedef struct Family {
    u32 asks, texts;
    u32 (*answer)(const Scene *s, u32 k);
    void (*say)(u32 k, char *to, u64 size);
} Family;

static u32
count_items(const Scene *s, u32 kind, u32 color)
{
    u32 n = 0;

    for (u32 i = 0; i < s->count; i++)
        n += (kind == KINDS || s->item[i].kind == kind) &&
             (color == COLORS || s->item[i].color == color);
    return n;
}

/* The only item of that kind or colour, or NULL. */
static const Item *
only_item(const Scene *s, u32 kind, u32 color)
{
    if (count_items(s, kind, color) != 1)
        return NULL;
    for (u32 i = 0; i < s->count; i++)
        if ((kind == KINDS || s->item[i].kind == kind) &&
            (color == COLORS || s->item[i].color == color))
            return &s->item[i];
    return NULL;
}

/* How far an item lies towards a side, in cells. */
static int
toward(Item i, u32 where)
{
    int column = i.place % COLUMNS, row = i.place / COLUMNS;

    switch (where) {
    case 0:
        return -column;
    case 1:
        return column;
    case 2:
        return -row;
    default:
        return row;
    }
}

/* The item that lies further towards a side than all others, or NULL. */
static const Item *
item_at(const Scene *s, u32 where)
{
    const Item *best = &s->item[0];
    u32 ties = 0;

    for (u32 i = 1; i < s->count; i++)
        if (toward(s->item[i], where) > toward(*best, where))
            best = &s->item[i];
    for (u32 i = 0; i < s->count; i++)
        ties += toward(s->item[i], where) == toward(*best, where);
    return s->count > 1 && ties == 1 ? best : NULL;
}

/* ------------------------------------------------------------- families */

static u32
many(const Scene *s, u32 k)
{
    (void)k;
    return ZERO + s->count;
}

static void
say_many(u32 k, char *to, u64 size)
{
    (void)k;
    snprintf(to, size, "how many shapes are there?");
}

static u32
many_color(const Scene *s, u32 k)
{
    return ZERO + count_items(s, KINDS, k);
}

static void
say_many_color(u32 k, char *to, u64 size)
{
    snprintf(to, size, "how many %s shapes are there?", shapes_color[k]);
}

static u32
many_kind(const Scene *s, u32 k)
{
    return ZERO + count_items(s, k, COLORS);
}

static void
say_many_kind(u32 k, char *to, u64 size)
{
    snprintf(to, size, "how many %s are there?", kinds[k]);
}

static u32
is_color(const Scene *s, u32 k)
{
    return count_items(s, KINDS, k) ? YES : NO;
}

static void
say_is_color(u32 k, char *to, u64 size)
{
    snprintf(to, size, "is there a %s shape?", shapes_color[k]);
}

static u32
is_kind(const Scene *s, u32 k)
{
    return count_items(s, k, COLORS) ? YES : NO;
}

static void
say_is_kind(u32 k, char *to, u64 size)
{
    snprintf(to, size, "is there a %s?", shapes_kind[k]);
}

static u32
is_both(const Scene *s, u32 k)
{
    return count_items(s, k % KINDS, k / KINDS) ? YES : NO;
}

static void
say_is_both(u32 k, char *to, u64 size)
{
    snprintf(to, size, "is there a %s %s?", shapes_color[k / KINDS],
             shapes_kind[k % KINDS]);
}

static u32
color_answer(const Item *item)
{
    return item ? COLOR0 + item->color : NONE;
}

static u32
kind_answer(const Item *item)
{
    return item ? KIND0 + item->kind : NONE;
}

static u32
color_of(const Scene *s, u32 k)
{
    return color_answer(only_item(s, k, COLORS));
}

static void
say_color_of(u32 k, char *to, u64 size)
{
    snprintf(to, size, "what color is the %s?", shapes_kind[k]);
}

static u32
color_at(const Scene *s, u32 k)
{
    return color_answer(item_at(s, k));
}

static void
say_color_at(u32 k, char *to, u64 size)
{
    snprintf(to, size, "what color is the shape %s?", side[k]);
}

static u32
kind_of(const Scene *s, u32 k)
{
    return kind_answer(only_item(s, KINDS, k));
}

static void
say_kind_of(u32 k, char *to, u64 size)
{
    snprintf(to, size, "what is the %s shape?", shapes_color[k]);
}

static u32
kind_at(const Scene *s, u32 k)
{
    return kind_answer(item_at(s, k));
}

static void
say_kind_at(u32 k, char *to, u64 size)
{
    snprintf(to, size, "what shape is %s?", side[k]);
}

/* k = (side*KINDS + a)*(KINDS-1) + b', where b' counts the kinds but a. */
static void
beside_parts(u32 k, u32 *where, u32 *a, u32 *b)
{
    *b = k % (KINDS - 1);
    *a = k / (KINDS - 1) % KINDS;
    *where = k / (KINDS - 1) / KINDS;
    *b += *b >= *a;
}

static u32
is_beside(const Scene *s, u32 k)
{
    u32 where, a, b;
    const Item *one, *two;

    beside_parts(k, &where, &a, &b);
    one = only_item(s, a, COLORS);
    two = only_item(s, b, COLORS);
    if (!one || !two || toward(*one, where) == toward(*two, where))
        return NONE;
    return toward(*one, where) > toward(*two, where) ? YES : NO;
}

static void
say_is_beside(u32 k, char *to, u64 size)
{
    u32 where, a, b;

    beside_parts(k, &where, &a, &b);
    snprintf(to, size, "is the %s %s the %s?", shapes_kind[a], beside[where],
             shapes_kind[b]);
}

static const Family family[] = {
    {ASK_MANY, 1, many, say_many},
    {ASK_MANY, COLORS, many_color, say_many_color},
    {ASK_MANY, KINDS, many_kind, say_many_kind},
    {ASK_IS, COLORS, is_color, say_is_color},
    {ASK_IS, KINDS, is_kind, say_is_kind},
    {ASK_IS, KINDS *COLORS, is_both, say_is_both},
    {ASK_COLOR, KINDS, color_of, say_color_of},
    {ASK_COLOR, SIDES, color_at, say_color_at},
    {ASK_KIND, COLORS, kind_of, say_kind_of},
    {ASK_KIND, SIDES, kind_at, say_kind_at},
    {ASK_BESIDE, SIDES *KINDS *(KINDS - 1), is_beside, say_is_beside},
};

/* The family of a text; *k becomes its place inside. */
static u32
family_of(u32 *k)
{
    u32 f = 0;

    while (*k >= family[f].texts)
        *k -= family[f++].texts;
    return f;
}

const char *
ask_answer(u32 answer)
{
    static const char *const fixed[KIND0] = {"no", "yes", "0", "1", "2", "3"};

    if (answer < KIND0)
        return fixed[answer];
    if (answer < COLOR0)
        return shapes_kind[answer - KIND0];
    return shapes_color[answer - COLOR0];
}

void
ask_text(u32 text, char *to, u64 size)
{
    u32 f = family_of(&text);

    family[f].say(text, to, size);
}

int
ask_is_yes_no(u32 text)
{
    u32 f = family_of(&text);

    return family[f].asks == ASK_IS || family[f].asks == ASK_BESIDE;
}

/* -------------------------------------------------------------- choosing */

/* given[text][answer]: how often that answer was given so far. */
typedef u32 Given[TEXTS][ANSWERS];

/* The question of a sort, not among asked[0..n), whose answer was given least
 * often; ties by lot.  0 where nothing of the sort is left to ask. */
static int
choose(const Scene *s, u32 asks, Given given, const Asked *asked, u32 n,
       Lots *lots, Asked *choice)
{
    u32 best = ~0u, ties = 0, text = 0;

    for (u32 f = 0; f < countof(family); text += family[f++].texts)
        for (u32 k = 0; family[f].asks == asks && k < family[f].texts; k++) {
            u32 answer = family[f].answer(s, k), seen = 0, count;

            for (u32 i = 0; i < n; i++)
                seen |= asked[i].text == text + k;
            if (seen || answer == NONE)
                continue;
            count = given[text + k][answer];
            if (count < best)
                ties = 0;
            if (count > best || lots_below(lots, ++ties))
                continue;
            best = count;
            choice->text = (u8)(text + k);
            choice->answer = (u8)answer;
        }
    return best != ~0u;
}

/* Drops questions from the end until each yes/no text has as many yes as no,
 * and closes the gaps. */
static u32
trim(Asked *asked, u32 n, Given given)
{
    u32 kept = 0;

    for (u32 i = n; i-- > 0;) {
        u32 *count = given[asked[i].text];
        u8 answer = asked[i].answer;

        if (ask_is_yes_no(asked[i].text) &&
            count[answer] > count[YES + NO - answer]) {
            count[answer]--;
            asked[i].text = TEXTS;
        }
    }
    for (u32 i = 0; i < n; i++)
        if (asked[i].text != TEXTS)
            asked[kept++] = asked[i];
    return kept;
}

u32
ask_all(Scene *scene, u32 nscene, Asked *asked)
{
    static const u8 slot[SLOTS] = {ASK_MANY,   ASK_KIND,  ASK_COLOR, ASK_KIND,
                                   ASK_BESIDE, ASK_COLOR, ASK_KIND,  ASK_IS};
    /* Where a picture has too few shapes for a slot of that sort. */
    static const u8 instead[] = {[ASK_MANY] = ASK_IS,
                                 [ASK_IS] = ASK_MANY,
                                 [ASK_COLOR] = ASK_IS,
                                 [ASK_KIND] = ASK_MANY,
                                 [ASK_BESIDE] = ASK_IS};
    Given given;
    u32 n = 0, at = 0;

    memset(given, 0, sizeof given);
    for (u32 i = 0; i < nscene; i++) {
        Lots lots = lots_open(&scene[i], "shapes.ask");
        u32 first = n;

        for (u32 k = 0; k < SLOTS; k++) {
            Asked *next = &asked[n];

            next->scene = i;
            if (!choose(&scene[i], slot[k], given, asked + first, n - first,
                        &lots, next) &&
                !choose(&scene[i], instead[slot[k]], given, asked + first,
                        n - first, &lots, next))
                continue;
            given[next->text][next->answer]++;
            n++;
        }
    }
    n = trim(asked, n, given);
    for (u32 i = 0; i < nscene; i++) {
        scene[i].first = at;
        while (at < n && asked[at].scene == i)
            at++;
        scene[i].asked = at - scene[i].first;
    }
    return n;
}

static u32
commonest(const u32 count[ANSWERS])
{
    u32 best = 0;

    for (u32 a = 1; a < ANSWERS; a++)
        if (count[a] > count[best])
            best = a;
    return count[best] ? best : NONE;
}

f64
ask_guess(const Asked *train, u32 ntrain, const Asked *unseen, u32 nunseen)
{
    Given given;
    u32 whole[countof(family)][ANSWERS] = {{0}}, right = 0;

    memset(given, 0, sizeof given);
    for (u32 i = 0; i < ntrain; i++) {
        u32 k = train[i].text;

        given[k][train[i].answer]++;
        whole[family_of(&k)][train[i].answer]++;
    }
    for (u32 i = 0; i < nunseen; i++) {
        u32 k = unseen[i].text, guess = commonest(given[k]);

        if (guess == NONE)
            guess = commonest(whole[family_of(&k)]);
        right += guess == unseen[i].answer;
    }
    return nunseen ? (f64)right / nunseen : 0;
}
