/* ask.c - soho_ask: one question about one picture file.
 *
 * In: a picture, a question, an open plan with weights.  Out: the answers with
 * the highest probability.  The picture is resized as the plan's config says
 * and lies in the corner of the smallest infer bucket that holds it. */
#include <stdlib.h>
#include <string.h>

#include "runtime/data/data.h"
#include "runtime/run.h"
#include "runtime/vfs.h"

enum { ASK_FILE = 1 << 28 }; /* bytes of a picture file */

/* The doors of an infer phase. */
typedef struct Doors {
    const char *phase;
    SohoTensor image, size, tokens, mask, prob;
    int shrunk; /* the picture is larger than the plan wants it */
} Doors;

static int
open_doors(Err *e, Run *run, const PlanPhase *phase, Doors *d)
{
    const char *const name[] = {"image", "image_size", "tokens", "token_mask",
                                "prob"};
    SohoTensor *const door[] = {&d->image, &d->size, &d->tokens, &d->mask,
                                &d->prob};

    d->phase = plan_text(&run->plan, phase->name);
    FAIL_IF(phase->batch != 1 || phase->sentences != 1, e, SOHO_BAD,
            "%s: phase %s takes %d pictures with %d questions, asking takes 1 "
            "and 1",
            run->plan.path, d->phase, phase->batch, phase->sentences);
    for (u32 i = 0; i < countof(name); i++)
        TRY(soho_door((Soho *)run, d->phase, name[i], door[i]));
    return 0;
}

/* The infer phase for a picture of h x w: the smallest that holds it, else the
 * one in which it has to shrink least; *scale is 1 or by how much. */
static u32
choose_bucket(const Plan *plan, i32 h, i32 w, f64 *scale)
{
    u32 best = PLAN_NONE;
    i64 area = 0;

    *scale = 0;
    for (u32 i = 0; i < plan->nphase; i++) {
        const PlanPhase *p = &plan->phase[i];
        f64 s = 1, sh = (f64)p->height / h, sw = (f64)p->width / w;
        i64 size = (i64)p->height * p->width;

        if (p->kind != PH_infer)
            continue;
        if (sh < 1 || sw < 1)
            s = sh < sw ? sh : sw;
        if (s < *scale || (s == *scale && size >= area))
            continue;
        *scale = s;
        area = size;
        best = i;
    }
    return best;
}

/* Resizes the decoded picture into the doors. */
static int
put_picture(Err *e, const Image *image, i32 nh, i32 nw, Doors *d)
{
    i32 *size = d->size.data;
    void *scratch = malloc(resize_scratch(image->h, image->w, nh, nw) + 1);

    FAIL_IF(!scratch, e, SOHO_MEMORY, "no memory to resize a picture");
    memset(d->image.data, 0, d->image.bytes);
    resize_u8(image->rgb, image->h, image->w, d->image.data, nh, nw,
              (u64)d->image.dim[2] * 3, scratch);
    free(scratch);
    size[0] = nh;
    size[1] = nw;
    return 0;
}

/* Chooses bucket and size for the picture and puts it there. */
static int
place_picture(Err *e, Run *run, const Image *image, Doors *d)
{
    const Plan *plan = &run->plan;
    i32 nh = image->h, nw = image->w;
    i32 longest = (i32)plan_meta_number(plan, "config.long", 0);
    i32 shortest = (i32)plan_meta_number(plan, "config.short", 0);
    f64 scale;
    u32 p;

    if (longest > 0 && shortest > 0)
        image_target(image->h, image->w, longest, shortest, &nh, &nw);
    p = choose_bucket(plan, nh, nw, &scale);
    FAIL_IF(p == PLAN_NONE, e, SOHO_BAD,
            "%s: has no infer phase; compile the model with one", plan->path);
    TRY(open_doors(e, run, &plan->phase[p], d));
    if (scale < 1) {
        nh = (i32)max_i64(1, (i64)(nh * scale));
        nw = (i32)max_i64(1, (i64)(nw * scale));
    }
    d->shrunk = scale < 1;
    return put_picture(e, image, nh, nw, d);
}

static int
put_question(Err *e, Run *run, const char *question, Doors *d)
{
    i32 *id = d->tokens.data, *mask = d->mask.data;
    u32 cap = (u32)d->tokens.dim[2], n;

    TRY(words_ids(e, run->words, question, strlen(question), id, cap, &n));
    for (u32 i = 0; i < cap; i++) {
        mask[i] = i < n;
        if (i >= n)
            id[i] = (i32)words_pad(run->words);
    }
    return 0;
}

/* The `top` best labels, best first; of equal ones the lower label. */
static u32
rank_answers(const Plan *plan, const SohoTensor *prob, SohoAnswer *answer,
             u32 top)
{
    const f32 *p = prob->data;
    u32 n = 0, answers = (u32)prob->dim[prob->rank - 1];

    for (u32 i = 0; i < answers; i++) {
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
    return n;
}

/* The vocabulary inside the plan, opened once. */
static int
open_words(Err *e, Run *run)
{
    const Plan *plan = &run->plan;

    if (run->words)
        return 0;
    FAIL_IF(!plan->vocab_bytes, e, SOHO_BAD,
            "%s: holds no vocabulary, so a question cannot be read; compile "
            "the model with --set vocab=FILE",
            plan->path);
    return words_open(e, plan->path, (const u8 *)plan->vocab, plan->vocab_bytes,
                      &run->words);
}

static int
ask(Err *e, Run *run, const char *path, const char *question,
    SohoAnswer *answer, u32 top)
{
    Image image = {0};
    Doors doors;
    u64 bytes;
    u8 *data;

    TRY(open_words(e, run));
    TRY(vfs_read_file(e, path, ASK_FILE, &data, &bytes));
    if (!image_decode(e, path, data, bytes, &image) &&
        !place_picture(e, run, &image, &doors) &&
        !put_question(e, run, question, &doors) &&
        !soho_run((Soho *)run, doors.phase)) {
        u32 n = rank_answers(&run->plan, &doors.prob, answer, top);

        memset(answer + n, 0, (top - n) * sizeof *answer);
    }
    if (!e->code && doors.shrunk)
        snprintf(e->text, sizeof e->text,
                 "%s: %dx%d is larger than any bucket of the plan: shrunk to "
                 "%dx%d",
                 path, image.w, image.h, ((i32 *)doors.size.data)[1],
                 ((i32 *)doors.size.data)[0]);
    free(data);
    image_free(&image);
    return e->code;
}

int
soho_ask(Soho *soho, const char *image, const char *question,
         SohoAnswer *answer, uint32_t top)
{
    Run *run = (Run *)soho;

    err_clear(&run->err);
    return ask(&run->err, run, image, question, answer, top);
}
