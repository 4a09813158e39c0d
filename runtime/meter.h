/* meter.h - means of what a phase tells in single numbers: its f32 output doors
 * of one element, such as loss, score, acc_l. */
#ifndef SOHO_METER_H
#define SOHO_METER_H

#include "runtime/checkpoint.h"
#include "runtime/run.h"

enum { METERS = PROGRESS_METERS, METER_TEXT = 512 };

typedef struct Meters {
    const char *name[METERS]; /* of the plan: "loss" first, if there is one */
    u32 n;
    f64 sum[METERS];
    u64 batches; /* added so far */
} Meters;

/* The doors of the phases of one kind.  SOHO_BAD: more than METERS, or
 * names too long for a line. */
int meters_open(Err *e, const Run *run, u32 kind, Meters *m);
/* Adds what the phase says now; nothing where its loss is not finite, 0 for
 * another door that is not. */
void meters_add(Meters *m, Run *run, u32 phase);
void meters_clear(Meters *m);
/* NAN where nothing was added. */
f64 meters_mean(const Meters *m, u32 i);
/* Mean of the door of that name, NAN where there is none. */
f64 meters_find(const Meters *m, const char *name);

/* "loss":0.5,"score":0.1, and so on for a JSON object, a comma behind each; and
 * "loss 0.5000  score  10.0 %" for people, who are shown loss, scores and
 * accuracies. */
char *meters_json(char out[METER_TEXT], const Meters *m);
char *meters_show(char out[METER_TEXT], const Meters *m);

#endif
