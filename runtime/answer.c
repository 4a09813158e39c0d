/* answer.c - soho_ask: one question about one picture file.
 *
 * In: a picture, a question, an open plan with weights.  Out: the answers with
 * the highest probability.  Size and bucket of the picture are chosen as the
 * loader does it for an evaluation. */
#include <stdlib.h>
#include <string.h>

#include "runtime/data/feed_own.h"
#include "runtime/dataset.h"
#include "runtime/vfs.h"

enum { ASK_FILE = 1 << 28 }; /* bytes of a picture file */

/* The doors of one infer phase. */
typedef struct Doors {
    void *image, *size, *tokens, *mask, *prob;
    u32 answers;      /* columns of prob */
    const f32 *cells; /* of the grid that are looked at; NULL: not told */
    u32 ncell;
} Doors;

static int
open_doors(Err *e, Run *run, u32 p, Doors *d)
{
    const PlanBuffer *prob, *cells;

    TRY(door_need(e, run, p, "image", DT_u8, NULL, &d->image));
    TRY(door_need(e, run, p, "image_size", DT_i32, NULL, &d->size));
    TRY(door_need(e, run, p, "tokens", DT_i32, NULL, &d->tokens));
    TRY(door_need(e, run, p, "token_mask", DT_i32, NULL, &d->mask));
    TRY(door_need(e, run, p, "prob", DT_f32, &prob, &d->prob));
    d->answers = (u32)prob->dim[prob->rank - 1];
    d->cells = door_find(run, p, "mask", &cells);
    d->ncell = d->cells ? (u32)(cells->bytes / sizeof *d->cells) : 0;
    return 0;
}

/* Resizes the decoded picture to `size` into a bucket that is 0 elsewhere. */
static int
put_picture(Err *e, const Image *image, FeedBucket bucket, FeedBucket size,
            Doors *d)
{
    i32 *door = d->size;
    void *scratch =
        malloc(resize_scratch(image->h, image->w, size.h, size.w) + 1);

    FAIL_IF(!scratch, e, SOHO_MEMORY, "no memory to resize a picture");
    memset(d->image, 0, (u64)bucket.h * (u64)bucket.w * 3);
    resize_u8(image->rgb, image->h, image->w, d->image, size.h, size.w,
              (u64)bucket.w * 3, scratch);
    free(scratch);
    door[0] = size.h;
    door[1] = size.w;
    return 0;
}

static int
put_question(Err *e, Run *run, const PlanData *plan, const char *question,
             Doors *d)
{
    i32 *id = d->tokens, *mask = d->mask;
    u32 n;

    TRY(words_ids(e, run->words, question, strlen(question), id, plan->tokens,
                  &n));
    for (u32 i = 0; i < plan->tokens; i++) {
        mask[i] = i < n;
        if (i >= n)
            id[i] = (i32)words_pad(run->words);
    }
    return 0;
}

/* The `top` best labels, best first; of equal ones the lower label. */
static void
rank_answers(const Plan *plan, const Doors *d, SohoAnswer *answer, u32 top)
{
    const f32 *p = d->prob;
    u32 n = 0;

    memset(answer, 0, top * sizeof *answer);
    for (u32 i = 0; i < d->answers; i++) {
        u32 at = n;

        while (at > 0 && p[i] > answer[at - 1].probability)
            at--;
        if (at >= top)
            continue;
        n = n < top ? n + 1 : top;
        memmove(answer + at + 1, answer + at, (n - 1 - at) * sizeof *answer);
        answer[at].label = i;
        answer[at].probability = p[i];
        answer[at].text =
            i < plan->nanswer ? plan_text(plan, plan->answer[i]) : NULL;
    }
}

/* Where a picture came to lie. */
typedef struct Shown {
    FeedBucket bucket, size;
    int shrunk; /* no bucket holds the size it should have */
} Shown;

/* Chooses the phase for a decoded picture, fills its doors and runs it. */
static int
run_bucket(Err *e, Run *run, const PlanData *plan, const Image *image,
           const char *question, Doors *d, Shown *shown)
{
    Buckets b;
    FeedBucket picture = {image->h, image->w}, target, size;
    u32 i;

    TRY(buckets_open(e, run, PH_infer, &b));
    FAIL_IF(b.spec.batch != 1 || b.spec.sentences != 1, e, SOHO_BAD,
            "%s: its infer phase takes %u pictures with %u questions, asking "
            "takes 1 and 1",
            run->plan.path, b.spec.batch, b.spec.sentences);
    target = bucket_target(&b.spec, picture, b.spec.shortest[1]);
    i = bucket_choose(&b.spec, target);
    size = bucket_fit(b.size[i], picture, target);
    *shown = (Shown){b.size[i], size, size.h != target.h || size.w != target.w};
    TRY(open_doors(e, run, b.phase[i], d));
    TRY(put_picture(e, image, b.size[i], size, d));
    TRY(put_question(e, run, plan, question, d));
    return run_phase(run, b.phase[i]);
}

/* Why not all cells are looked at, or more than lie on the picture. */
static const char *
reason(const Plan *plan, const Shown *shown, u32 seen, u32 cells)
{
    const char *compat = plan_meta(plan, "config.compat");

    if (compat && !strcmp(compat, "upstream") &&
        shown->bucket.h != shown->bucket.w)
        return shown->bucket.h > shown->bucket.w
                   ? " (compat upstream: the width is measured by the height, "
                     "so a portrait loses columns)"
                   : " (compat upstream: the width is measured by the height, "
                     "so a landscape keeps columns of padding)";
    return seen < cells ? " (the others are padding)" : "";
}

/* What the asker should know: how large the picture was shown, and how much of
 * it is looked at. */
static void
make_note(Err *e, const Plan *plan, const char *path, const Image *image,
          const Doors *d, const Shown *shown)
{
    u64 room = sizeof e->text;
    u32 seen = 0;
    int n = snprintf(
        e->text, room, "%s: %dx%d%s, shown as %dx%d in %dx%d", path, image->w,
        image->h, shown->shrunk ? " fits no bucket of the plan" : "",
        shown->size.w, shown->size.h, shown->bucket.w, shown->bucket.h);

    for (u32 i = 0; i < d->ncell; i++)
        seen += d->cells[i] > 0;
    if (d->ncell && n < (int)room)
        snprintf(e->text + n, room - (u64)n,
                 "; %u of %u cells of its grid are looked at%s", seen, d->ncell,
                 reason(plan, shown, seen, d->ncell));
}

/* The part of asking that needs the picture's file in memory. */
static int
ask_about(Err *e, Run *run, const PlanData *plan, const char *path,
          const Image *image, const char *question, SohoAnswer *answer, u32 top)
{
    Shown shown;
    Doors doors;

    TRY(run_bucket(e, run, plan, image, question, &doors, &shown));
    rank_answers(&run->plan, &doors, answer, top);
    make_note(e, &run->plan, path, image, &doors, &shown);
    return 0;
}

int
soho_ask(Soho *soho, const char *path, const char *question, SohoAnswer *answer,
         uint32_t top)
{
    Run *run = (Run *)soho;
    Err *e = &run->err;
    PlanData plan;
    Image image = {0};
    u64 bytes;
    u8 *data = NULL;

    err_clear(e);
    if (!plandata_open(e, run, &plan) &&
        !vfs_read_file(e, path, ASK_FILE, &data, &bytes) &&
        !image_decode(e, path, data, bytes, &image))
        ask_about(e, run, &plan, path, &image, question, answer, top);
    plandata_close(&plan);
    free(data);
    image_free(&image);
    return e->code;
}
