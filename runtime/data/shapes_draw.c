/* shapes_draw.c - paints one scene: a grey, slanted, noisy ground and shapes
 * with soft edges, each well inside the cell of its place.
 *
 * In: a scene.  Out: 8-bit RGB.  Only exact or correctly rounded operations on
 * doubles, so the bytes are the same everywhere. */
#include "runtime/data/shapes.h"

#include <math.h>

#include "runtime/random.h"

/* Samples per pixel and axis at the edges. */
enum { FINE = 4 };

static const u8 paint[COLORS][3] = {
    {214, 46, 40},   /* red */
    {52, 168, 70},   /* green */
    {42, 84, 214},   /* blue */
    {240, 208, 48},  /* yellow */
    {244, 244, 244}, /* white */
    {20, 20, 22},    /* black */
};

static u8
level(f64 v)
{
    return v < 0 ? 0 : v > 255 ? 255 : (u8)(v + 0.5);
}

static void
draw_ground(const Scene *scene, u8 *rgb)
{
    Lots lots = lots_open(scene, "shapes.ground");
    u32 noise = random_site("shapes.noise");
    f64 grey = lots_between(&lots, 104, 156), tint[3], right, down;

    for (int c = 0; c < 3; c++)
        tint[c] = grey + lots_between(&lots, -6, 6);
    right = lots_between(&lots, -24, 24) / scene->w;
    down = lots_between(&lots, -24, 24) / scene->h;
    for (i32 y = 0; y < scene->h; y++)
        for (i32 x = 0; x < scene->w; x++) {
            u32 i = (u32)(y * scene->w + x);
            f64 grain =
                (f64)random_uniform(scene->seed, noise, scene->number, i);
            f64 v = right * (x - scene->w / 2) + down * (y - scene->h / 2) +
                    8 * grain - 4;

            for (int c = 0; c < 3; c++)
                *rgb++ = level(tint[c] + v);
        }
}

/* Is (u,v), in radii from the centre, v downwards, inside the shape? */
static int
inside(u32 kind, f64 u, f64 v)
{
    f64 a = fabs(u), b = fabs(v);

    switch (kind) {
    case 0: /* circle */
        return u * u + v * v <= 1;
    case 1: /* square */
        return a <= 0.86 && b <= 0.86;
    case 2: /* triangle, apex above */
        return v <= 0.85 && a <= (v + 1) * 0.56;
    default: /* cross */
        return (a <= 0.34 && b <= 1) || (b <= 0.34 && a <= 1);
    }
}

/* A shape on the canvas: centre and radius in pixels, a slight turn. */
typedef struct Stamp {
    u32 kind;
    f64 x, y, r, cosine, sine;
    f64 color[3];
} Stamp;

/* Covered share of pixel (px,py), in FINE*FINE parts. */
static u32
cover(const Stamp *s, i32 px, i32 py)
{
    u32 hits = 0;

    for (int j = 0; j < FINE; j++)
        for (int i = 0; i < FINE; i++) {
            f64 x = (px + (i + 0.5) / FINE - s->x) / s->r;
            f64 y = (py + (j + 0.5) / FINE - s->y) / s->r;

            hits += (u32)inside(s->kind, s->cosine * x + s->sine * y,
                                s->cosine * y - s->sine * x);
        }
    return hits;
}

static void
draw_stamp(const Stamp *s, u8 *rgb, i32 w, i32 h)
{
    f64 reach = 1.3 * s->r;
    i32 x0 = (i32)max_i64(0, (i64)(s->x - reach));
    i32 y0 = (i32)max_i64(0, (i64)(s->y - reach));
    i32 x1 = (i32)min_i64(w - 1, (i64)(s->x + reach));
    i32 y1 = (i32)min_i64(h - 1, (i64)(s->y + reach));

    for (i32 y = y0; y <= y1; y++)
        for (i32 x = x0; x <= x1; x++) {
            f64 part = (f64)cover(s, x, y) / (FINE * FINE);
            u8 *to = rgb + (y * w + x) * 3;

            for (int c = 0; c < 3; c++)
                to[c] = level(to[c] + part * (s->color[c] - to[c]));
        }
}

/* Radius, centre, turn and shade by lot; the shape stays inside its cell. */
static Stamp
place_item(const Scene *scene, Item item, Lots *lots)
{
    f64 cw = (f64)scene->w / COLUMNS, ch = (f64)scene->h / ROWS;
    f64 half = (cw < ch ? cw : ch) / 2, turn, shade;
    Stamp s = {.kind = item.kind};

    s.r = half * lots_between(lots, 0.74, 0.94);
    s.x = cw * (item.place % COLUMNS + 0.5);
    s.y = ch * (f64)(item.place / COLUMNS) + ch / 2;
    s.x += lots_between(lots, -0.8, 0.8) * (cw / 2 - s.r);
    s.y += lots_between(lots, -0.8, 0.8) * (ch / 2 - s.r);
    turn = lots_between(lots, -0.06, 0.06); /* tan of half the angle */
    s.cosine = (1 - turn * turn) / (1 + turn * turn);
    s.sine = 2 * turn / (1 + turn * turn);
    shade = lots_between(lots, -10, 10);
    for (int c = 0; c < 3; c++)
        s.color[c] = paint[item.color][c] + shade;
    return s;
}

void
draw_scene(const Scene *scene, u8 *rgb)
{
    Lots lots = lots_open(scene, "shapes.stamp");

    draw_ground(scene, rgb);
    for (u32 i = 0; i < scene->count; i++) {
        Stamp s = place_item(scene, scene->item[i], &lots);

        draw_stamp(&s, rgb, scene->w, scene->h);
    }
}
