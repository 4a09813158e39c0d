/* plausible.c - input for phases that are only timed. */
#include "runtime/plausible.h"

#include <string.h>

/* Ids below this are in every vocabulary of the plan. */
static u32
safe_ids(const Plan *plan)
{
    u32 lines = 0;

    for (u64 i = 0; i < plan->vocab_bytes; i++)
        lines += plan->vocab[i] == '\n';
    return lines < 2 ? 2 : lines < 1000 ? lines : 1000;
}

static void
fill_i32(const Plan *plan, const PlanPhase *h, const char *name, i32 *x, u64 n)
{
    u32 ids = safe_ids(plan);

    for (u64 i = 0; i < n; i++)
        x[i] = !strcmp(name, "image_size")   ? i % 2 ? h->width : h->height
               : !strcmp(name, "tokens")     ? (i32)(i * 7 % ids)
               : !strcmp(name, "token_mask") ? 1
               : !strcmp(name, "rows")       ? h->batch * h->sentences
                                             : 0;
}

static void
fill_door(Run *run, const PlanPhase *h, const PlanDoor *d)
{
    const PlanBuffer *b = &run->plan.buffer[d->buffer];
    const char *name = plan_text(&run->plan, d->name);
    void *to = run_buffer(run, d->buffer);
    u64 n = b->bytes / dtype_bytes(b->dtype);

    if (b->dtype == DT_i32)
        fill_i32(&run->plan, h, name, to, n);
    for (u64 i = 0; b->dtype != DT_i32 && i < n; i++) {
        u32 noise = (u32)i * 2654435761u >> 24;

        if (b->dtype == DT_u8)
            ((u8 *)to)[i] = (u8)noise;
        else
            ((f32 *)to)[i] =
                strcmp(name, "answers") ? (f32)noise / 256 : i % 4 == 0;
    }
}

void
plausible_doors(Run *run, u32 phase)
{
    const PlanPhase *h = &run->plan.phase[phase];

    for (u32 k = 0; k < run->nside; k++) {
        run->arena[AR_io] = run->side[k];
        for (u32 d = h->door; d < h->door + h->ndoor; d++)
            if (!run->plan.door[d].out)
                fill_door(run, h, &run->plan.door[d]);
    }
    run->arena[AR_io] = run->side[run->now];
}
