/* shapes.h - inside `soho-rt data shapes`: pictures of coloured shapes and
 * questions about them, in SOHO's own form.
 *
 * shapes_scene.c draws lots, shapes_draw.c pixels, shapes_ask.c questions,
 * shapes_pack.c encodes them; shapes.c is the command. */
#ifndef SOHO_SHAPES_H
#define SOHO_SHAPES_H

#include "runtime/data/pack.h"

/* soho-rt data shapes --out DIR [--images N] [--val N] [--seed N]
 * [--size WxH]; argv[0] is "shapes". */
int cmd_shapes(int argc, char **argv);

typedef struct ShapesSpec {
    const char *out; /* folder; made where it does not exist */
    u32 images[2];   /* training, unseen */
    u64 seed;
    i32 w, h; /* of a landscape picture, w >= h; portrait: h x w */
} ShapesSpec;

/* What was made, measured on the finished set. */
typedef struct ShapesReport {
    u32 pictures[2], jpegs[2], landscapes[2], questions[2], yes_no[2];
    u32 triples[2];                /* (shape, colour, place) that occur */
    u32 shared;                    /* of them in both parts */
    f64 guess;                     /* share of unseen questions guessed right */
    char example[64];              /* file beside the zips: an unseen picture */
    char question[64], answer[16]; /* one of its questions */
} ShapesReport;

/* The whole data set: zips, annotation files, vocab.txt, answers.txt.  Equal
 * specs give equal bytes.  SOHO_IO, SOHO_MEMORY. */
int shapes_make(Err *e, const ShapesSpec *spec, ShapesReport *report);

/* --------------------------------------------------------- shapes_scene.c */

enum {
    KINDS = 4,
    COLORS = 6,
    COLUMNS = 3,
    ROWS = 3,
    PLACES = ROWS * COLUMNS,
    TRIPLES = KINDS * COLORS * PLACES,
    UNSEEN_PLACES = 2, /* of each (kind, colour) kept for unseen pictures */
    ITEMS = 3,
    SHAPES_IMAGES = 60000, /* pictures of a part */
    SHAPES_SIDE = 1024
};

extern const char *const shapes_kind[KINDS];
extern const char *const shapes_color[COLORS];

/* One shape of a picture; place = row*COLUMNS + column. */
typedef struct Item {
    u8 kind, color, place;
} Item;

typedef struct Scene {
    u64 seed;
    u32 number; /* the step of all its draws; differs between the parts */
    i32 w, h;
    u32 jpeg; /* else PNG */
    u32 count;
    Item item[ITEMS];
    u32 first, asked; /* its questions */
} Scene;

/* A stream of draws of one scene. */
typedef struct Lots {
    u64 seed;
    u32 site, step, at;
} Lots;

Lots lots_open(const Scene *scene, const char *site);
u32 lots_below(Lots *lots, u32 n);
f64 lots_between(Lots *lots, f64 low, f64 high);

static inline u32
item_triple(Item i)
{
    return ((u32)i.kind * COLORS + i.color) * PLACES + i.place;
}

/* part_of[triple] = 0 (training) or 1 (unseen): of every (kind, colour),
 * UNSEEN_PLACES places by lot. */
void scene_split(u64 seed, u8 part_of[TRIPLES]);

/* Draws scene `index` of a part, all from triples of that part. */
void scene_draw(const ShapesSpec *spec, const u8 part_of[TRIPLES], u32 part,
                u32 index, Scene *scene);

/* ---------------------------------------------------------- shapes_draw.c */

/* Paints the scene: rgb[(y*w + x)*3 + c]. */
void draw_scene(const Scene *scene, u8 *rgb);

/* ----------------------------------------------------------- shapes_ask.c */

enum { SLOTS = 8, ANSWERS = 2 + ITEMS + 1 + KINDS + COLORS, TEXTS = 111 };

typedef struct Asked {
    u32 scene;
    u8 text, answer;
} Asked;

const char *ask_answer(u32 answer); /* of ANSWERS, in label order */
void ask_text(u32 text, char *to, u64 size);
int ask_is_yes_no(u32 text);

/* Asks up to SLOTS questions about each scene, those first whose answer was
 * given least often so far, and drops some at the end until every yes/no
 * question has as many yes as no.  `asked` has room for SLOTS*nscene; fills
 * first and asked of the scenes and returns the number of questions. */
u32 ask_all(Scene *scene, u32 nscene, Asked *asked);

/* Share of `unseen` answered right by each question's commonest answer in
 * `train` (a question never asked there: the commonest of its template). */
f64 ask_guess(const Asked *train, u32 ntrain, const Asked *unseen, u32 nunseen);

/* ---------------------------------------------------------- shapes_pack.c */

void pack_png(Bytes *to, const u8 *rgb, i32 w, i32 h);
void pack_jpeg(Bytes *to, const u8 *rgb, i32 w, i32 h);

#endif
