/* meter.c - means of what a phase tells in single numbers.
 *
 * In: output doors after each batch.  Out: means by the names of the doors, so
 * that nobody here needs to know the model. */
#include "runtime/meter.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/dataset.h"
#include "runtime/log.h"

enum { AROUND = 24 }; /* bytes of a log line for a number, without its name */

static int
is_number(const PlanBuffer *row)
{
    u64 n = 1;

    for (u32 i = 0; i < row->rank; i++)
        n *= (u64)row->dim[i];
    return row->dtype == DT_f32 && n == 1;
}

/* Adds a name, if there is room for it in a line of the log; that of the loss
 * goes to the front. */
static int
add_name(Err *e, Meters *m, const char *name)
{
    size_t bytes = strlen(name) + AROUND;

    for (u32 i = 0; i < m->n; i++) {
        if (!strcmp(m->name[i], name))
            return 0;
        bytes += strlen(m->name[i]) + AROUND;
    }
    FAIL_IF(m->n == METERS || bytes > METER_TEXT, e, SOHO_BAD,
            "output doors of one number: %u and %s are too many or their names "
            "too long; at most %d in %d bytes",
            m->n, name, METERS, METER_TEXT);
    m->name[m->n++] = name;
    if (!strcmp(name, "loss")) {
        memmove(m->name + 1, m->name, (m->n - 1) * sizeof *m->name);
        m->name[0] = name;
    }
    return 0;
}

int
meters_open(Err *e, const Run *run, u32 kind, Meters *m)
{
    const Plan *plan = &run->plan;

    memset(m, 0, sizeof *m);
    for (u32 p = 0; p < plan->nphase; p++) {
        const PlanPhase *phase = &plan->phase[p];

        for (u32 i = 0; phase->kind == kind && i < phase->ndoor; i++) {
            const PlanDoor *door = &plan->door[phase->door + i];

            if (door->out && is_number(&plan->buffer[door->buffer]))
                TRY(add_name(e, m, plan_text(plan, door->name)));
        }
    }
    return 0;
}

void
meters_add(Meters *m, Run *run, u32 phase)
{
    f64 value[METERS];

    for (u32 i = 0; i < m->n; i++) {
        const f32 *at = door_find(run, phase, m->name[i], NULL);

        value[i] = at ? *at : 0;
        if (isfinite(value[i]))
            continue;
        if (!strcmp(m->name[i], "loss"))
            return;
        value[i] = 0;
    }
    for (u32 i = 0; i < m->n; i++)
        m->sum[i] += value[i];
    m->batches++;
}

void
meters_clear(Meters *m)
{
    memset(m->sum, 0, sizeof m->sum);
    m->batches = 0;
}

f64
meters_mean(const Meters *m, u32 i)
{
    return m->batches ? m->sum[i] / (f64)m->batches : (f64)NAN;
}

f64
meters_find(const Meters *m, const char *name)
{
    for (u32 i = 0; i < m->n; i++)
        if (!strcmp(m->name[i], name))
            return meters_mean(m, i);
    return (f64)NAN;
}

char *
meters_json(char out[METER_TEXT], const Meters *m)
{
    char number[LOG_NUMBER];
    size_t n = 0;

    out[0] = 0;
    for (u32 i = 0; i < m->n && n < METER_TEXT; i++)
        n += (size_t)snprintf(out + n, METER_TEXT - n, "\"%s\":%s,", m->name[i],
                              log_number(number, meters_mean(m, i)));
    return out;
}

char *
meters_show(char out[METER_TEXT], const Meters *m)
{
    size_t n = 0;

    out[0] = 0;
    for (u32 i = 0; i < m->n && n < METER_TEXT; i++) {
        const char *name = m->name[i];
        int percent = !strncmp(name, "acc", 3); /* as the official code */
        int share = percent || !strncmp(name, "score", 5);
        f64 mean = meters_mean(m, i) * (share && !percent ? 100 : 1);

        if (!share && strcmp(name, "loss"))
            continue;
        n += (size_t)snprintf(out + n, METER_TEXT - n,
                              share ? "%s%s %5.1f %%" : "%s%s %.4f",
                              n ? "  " : "", name, mean);
    }
    return out;
}
