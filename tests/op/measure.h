/* measure.h - how far a plan's numbers are from the reference's. */
#ifndef MEASURE_H
#define MEASURE_H

#include "tests/op/play.h"

/* Errors found so far in one tensor. */
typedef struct Worst {
    double off, top; /* max|a-b|, max|b| */
    double each;     /* max |a-b| / max(|b|, floor) */
    double apart;    /* of several tensors: the largest worst_error */
    int64_t n, kinks;
    bool bad; /* a NaN or an infinity where none should be */
} Worst;

/* How gradients are taken. */
typedef struct Slopes {
    int points;   /* at most so many elements of a tensor */
    double floor; /* of Worst.each */
    bool steep;   /* the difference is relative to the element */
} Slopes;

void worst_add(Worst *w, double a, double b, double floor);
/* max|a-b| / max(max|b|, least); infinite after a NaN. */
double worst_error(const Worst *w, double least);

/* The output of r->now that is not the loss. */
const char *measure_output(const Ref *r, RefVal *y);
Worst measure_values(const Ref *r, Soho *run, double floor);
/* All trainable parameters that r->now reads; the loss weighs the output's
 * elements with numbers 2, 3 ... of the door `answers`. */
Worst measure_gradients(Ref *r, Soho *run, Slopes s);
/* Does the phase read the tensor? */
bool measure_reads(const RefPhase *p, const RefTensor *t);

#endif
