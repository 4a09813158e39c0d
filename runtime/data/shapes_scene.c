/* shapes_scene.c - the lots: which (shape, colour, place) triples belong to
 * the unseen pictures, and what each picture shows.
 *
 * In: seed, part, picture number.  Out: scenes.  A picture draws only from the
 * triples of its part, so training and unseen pictures share none. */
#include "runtime/data/shapes.h"

#include "runtime/random.h"

const char *const shapes_kind[KINDS] = {"circle", "square", "triangle",
                                        "cross"};
const char *const shapes_color[COLORS] = {"red",    "green", "blue",
                                          "yellow", "white", "black"};

Lots
lots_open(const Scene *scene, const char *site)
{
    return (Lots){scene->seed, random_site(site), scene->number, 0};
}

u32
lots_below(Lots *lots, u32 n)
{
    return random_below(lots->seed, lots->site, lots->step, lots->at++, n);
}

f64
lots_between(Lots *lots, f64 low, f64 high)
{
    f64 u = (f64)random_uniform(lots->seed, lots->site, lots->step, lots->at++);

    return low + (high - low) * u;
}

void
scene_split(u64 seed, u8 part_of[TRIPLES])
{
    u32 site = random_site("shapes.split");

    for (u32 pair = 0; pair < KINDS * COLORS; pair++) {
        u32 place[PLACES];

        for (u32 i = 0; i < PLACES; i++)
            place[i] = i;
        random_shuffle(seed, site, pair, 0, place, PLACES);
        for (u32 i = 0; i < PLACES; i++)
            part_of[pair * PLACES + place[i]] = i < UNSEEN_PLACES;
    }
}

/* Puts item i of the scene onto a free place of its part; 0 if none is left. */
static int
put_item(Scene *scene, u32 i, const u8 *part_of, u32 part, Lots *lots)
{
    Item *item = &scene->item[i];
    u8 free_place[PLACES];
    u32 n = 0;

    for (u32 p = 0; p < PLACES; p++) {
        int taken = 0;

        item->place = (u8)p;
        for (u32 k = 0; k < i; k++)
            taken |= scene->item[k].place == p;
        if (!taken && part_of[item_triple(*item)] == part)
            free_place[n++] = (u8)p;
    }
    if (n)
        item->place = free_place[lots_below(lots, n)];
    return n > 0;
}

/* How alike the shapes of a picture are.  Were all drawn alone, counts of two
 * and three of a sort would be rare, and so would pictures in which every kind
 * occurs once, as "is the circle left of the square?" needs them. */
enum { ALIKE_COLOR, ALIKE_KIND, ALIKE_SOME, APART, MODES = 6 };

static int
has_kind(const Scene *scene, u32 n, u32 kind)
{
    u32 hits = 0;

    for (u32 i = 0; i < n; i++)
        hits += scene->item[i].kind == kind;
    return hits > 0;
}

static void
draw_item(Scene *scene, u32 i, u32 mode, Lots *lots)
{
    Item *item = &scene->item[i];

    do
        item->kind = (u8)lots_below(lots, KINDS);
    while (mode >= APART && has_kind(scene, i, item->kind));
    item->color = (u8)lots_below(lots, COLORS);
    if (i == 0)
        return;
    if (mode == ALIKE_COLOR || (mode == ALIKE_SOME && lots_below(lots, 2)))
        item->color = scene->item[i - 1].color;
    if (mode == ALIKE_KIND || (mode == ALIKE_SOME && lots_below(lots, 2)))
        item->kind = scene->item[i - 1].kind;
}

static void
draw_size(const ShapesSpec *spec, Scene *scene, Lots *lots)
{
    i32 w = spec->w - (i32)lots_below(lots, (u32)spec->w / 8 + 1);
    i32 h = spec->h - (i32)lots_below(lots, (u32)spec->h / 8 + 1);
    u32 portrait = lots_below(lots, 2);

    scene->w = portrait ? h : w;
    scene->h = portrait ? w : h;
    scene->jpeg = lots_below(lots, 2);
}

void
scene_draw(const ShapesSpec *spec, const u8 part_of[TRIPLES], u32 part,
           u32 index, Scene *scene)
{
    static const u8 counts[] = {1, 1, 1, 2, 2, 2, 3, 3, 3, 3};
    Lots lots;
    u32 mode;

    *scene = (Scene){.seed = spec->seed, .number = part << 31 | index};
    lots = lots_open(scene, "shapes.scene");
    draw_size(spec, scene, &lots);
    scene->count = counts[lots_below(&lots, countof(counts))];
    mode = lots_below(&lots, MODES);
    for (u32 i = 0; i < scene->count; i++)
        do
            draw_item(scene, i, mode, &lots);
        while (!put_item(scene, i, part_of, part, &lots));
}
