/* leftout.h - the pictures that a run could not read, as a file of its
 * checkpoints: a resumed run counts them as one that never stopped. */
#ifndef SOHO_LEFTOUT_H
#define SOHO_LEFTOUT_H

#include "runtime/data/feed.h"

/* A JSON array of their numbers in the data set.  SOHO_IO, SOHO_MEMORY. */
int leftout_save(Err *e, const Feed *feed, const char *path);
/* SOHO_BAD where a number is none of the set's. */
int leftout_load(Err *e, Feed *feed, const char *path);

#endif
