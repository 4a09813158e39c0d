/* tuned.h - tuned.txt beside a plan: which candidates its library steps take on
 * one device, as `soho-rt tune` found them; a text for people, too.
 *
 *   soho tuned 1
 *   plan 0f3a..              the hash in plan.bin's head
 *   on NVIDIA H100 .., ..    device and libraries
 *   step 12 3                step and candidate; what follows a ; is a comment
 *
 * A file of another plan, device or library is as good as none. */
#ifndef SOHO_TUNED_H
#define SOHO_TUNED_H

#include "runtime/run.h"

/* The candidate of each step of the plan, into choice[nstep]; 0 where there is
 * no file.  SOHO_BAD: it is not such a file; SOHO_IO. */
int tuned_read(Err *e, const Plan *plan, const char *on, u8 *choice);
/* Writes the file anew: steps whose choice is not the first.  SOHO_IO. */
int tuned_write(Err *e, const Plan *plan, const char *on,
                const RunChoice *choice, u32 n);
/* The file's path. */
int tuned_path(Err *e, const Plan *plan, char path[PATH_MAX]);

#endif
